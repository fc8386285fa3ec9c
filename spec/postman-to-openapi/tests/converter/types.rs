//! Types in a document are correct, because each is backed by evidence.

use postman_to_openapi::{Converter, Note, Overlay, Source};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Converts JSON values, each like a file; returns the document and notes.
pub fn convert(files: &[Value]) -> (Value, Vec<Note>) {
    convert_with(files, None)
}

pub fn convert_with(files: &[Value], overlay: Option<Value>) -> (Value, Vec<Note>) {
    let mut notes = Vec::new();
    let mut converter = Converter::new(|note| notes.push(note));
    for (number, file) in files.iter().enumerate() {
        let source = Source::new(format!("{number}.json"), file.to_string().into_bytes());
        converter.read(&source.expect("valid JSON")).expect("a Postman file");
    }
    let overlay = overlay.map(|patch| Overlay::new("overlay", &patch.to_string()).expect("a valid overlay"));
    let text = converter.finish(overlay.as_ref()).expect("a document").to_text();
    (serde_json::from_str(&text).expect("a document is JSON"), notes)
}

pub fn collection(items: &[Value]) -> Value {
    json!({"info": {"name": "All"}, "item": items})
}

/// An item with saved responses of these statuses and bodies.
pub fn answering(answers: &[(u16, &str)]) -> Value {
    let responses: Vec<Value> = answers
        .iter()
        .map(|(code, body)| json!({"name": "Done.", "code": code, "body": body, "_postman_previewlanguage": "json"}))
        .collect();
    json!({"name": "Get a thing", "request": {"method": "GET", "url": "https://a.example/things"}, "response": responses})
}

pub fn sending(body: &str) -> Value {
    let options = json!({"raw": {"language": "json"}});
    json!({"name": "Create a thing", "request": {"method": "POST", "url": "https://a.example/things",
        "body": {"mode": "raw", "raw": body, "options": options}}})
}

fn answer<'d>(document: &'d Value, status: &str) -> &'d Value {
    &document["paths"]["/things"]["get"]["responses"][status]
}

pub fn answered(document: &Value) -> Value {
    answer(document, "200")["content"]["application/json"]["schema"].clone()
}

fn sent(document: &Value) -> Value {
    document["paths"]["/things"]["post"]["requestBody"]["content"]["application/json"]["schema"].clone()
}

pub fn parameter(document: &Value, at: usize) -> Value {
    let item = document["paths"].as_object().and_then(|paths| paths.values().next()).expect("a path");
    item["get"]["parameters"][at]["schema"].clone()
}

pub fn said(notes: &[Note]) -> Vec<String> {
    notes.iter().map(Note::to_string).collect()
}

pub fn getting(url: &str, id: &str) -> Value {
    json!({"name": "Get a live stream", "request": {"method": "GET", "url": {"raw": url, "variable": [{"key": "meetingId", "value": id}]}}})
}

const INTEGER: &str = r#"{"type":"integer"}"#;
pub const LONG: &str = r#"{"type":"integer","format":"int64"}"#;
pub const TEXT: &str = r#"{"type":"string"}"#;

pub fn schema(text: &str) -> Value {
    serde_json::from_str(text).expect("valid JSON")
}

#[test]
fn a_type_name_is_read_as_its_type_in_requests_and_responses_at_any_depth() {
    let body = r#"{"id": "integer", "big": "integer [int64]", "on": "boolean", "at": "date-time", "name": "string",
        "rate": "number [double]", "ids": ["integer"], "rows": [{"size": "<long>", "type": "integer", "from": "date"}]}"#;
    let wanted = json!({"type": "object", "properties": {
        "id": {"type": "integer"}, "big": {"type": "integer", "format": "int64"}, "on": {"type": "boolean"},
        "at": {"type": "string", "format": "date-time"}, "name": {"type": "string"},
        "rate": {"type": "number", "format": "double"}, "ids": {"type": "array", "items": {"type": "integer"}},
        "rows": {"type": "array", "items": {"type": "object", "properties": {
            "size": {"type": "integer", "format": "int64"}, "type": {"type": "integer"},
            "from": {"type": "string", "format": "date"}}}}}});
    assert_eq!(answered(&convert(&[answering(&[(200, body)])]).0), wanted);
    let (document, _) = convert(&[sending(body)]);
    assert_eq!(sent(&document), wanted);
    assert!(!document.to_string().contains("\"example"), "a placeholder is not an example");
}

#[test]
fn a_type_name_is_read_as_its_type_in_parameters_headers_and_form_fields() {
    let item = json!({"name": "Get a thing", "protocolProfileBehavior": {"disableBodyPruning": true}, "request": {"method": "GET",
        "url": {"raw": "https://a.example/things/:id?limit=integer&ids=integer,integer",
            "variable": [{"key": "id", "value": "integer [int64]"}],
            "query": [{"key": "limit", "value": "integer"}, {"key": "ids", "value": "integer,integer"}]},
        "header": [{"key": "X-Flag", "value": "boolean"}],
        "body": {"mode": "urlencoded", "urlencoded": [{"key": "count", "value": "integer"}, {"key": "rows", "value": "[\"integer\"]"}]}}});
    let (document, _) = convert(&[item]);
    assert_eq!(parameter(&document, 0), schema(LONG));
    assert_eq!(parameter(&document, 1), schema(INTEGER));
    assert_eq!(parameter(&document, 2), json!({"type": "array", "items": {"type": "integer"}}));
    assert_eq!(parameter(&document, 3), json!({"type": "boolean"}));
    let form = &document["paths"]["/things/{id}"]["get"]["requestBody"]["content"]["application/x-www-form-urlencoded"];
    assert_eq!(form["schema"]["properties"]["count"], schema(INTEGER));
    assert_eq!(form["schema"]["properties"]["rows"]["items"], schema(INTEGER));
    assert!(!document.to_string().contains("\"example"), "a placeholder is not an example");
}

#[test]
fn a_type_name_that_is_more_likely_a_value_is_read_as_a_value() {
    let body = r#"{"schema": {"type": "integer", "format": "date-time"}, "entityName": "object", "sort_by": "date"}"#;
    let properties = answered(&convert(&[answering(&[(200, body)])]).0)["properties"].clone();
    assert_eq!(properties["schema"]["properties"]["type"], schema(TEXT));
    assert_eq!(properties["schema"]["properties"]["format"], schema(TEXT));
    assert_eq!((&properties["entityName"], &properties["sort_by"]), (&schema(TEXT), &schema(TEXT)));
    let chosen = json!({"name": "Get a thing", "request": {"method": "GET", "url": {"raw": "https://a.example/things?as=string",
        "query": [{"key": "as", "value": "string", "description": "How. (This can only be one of string,integer)"}]}}});
    let (document, _) = convert(&[chosen]);
    assert_eq!(parameter(&document, 0), json!({"type": "string", "enum": ["string", "integer"]}));
}

#[test]
fn a_type_name_under_a_name_like_type_is_one_where_every_other_text_is_one_too() {
    for (body, kind) in [
        (r#"{"uid": "string", "display_name": "string", "type": "integer"}"#, "integer"),
        (r#"{"rows": [{"uid": "string", "kind": "boolean"}], "total": 0}"#, "boolean"),
        (r#"{"uid": "string", "format": "int64", "since": "date"}"#, "integer"),
        (r#"{"uid": "string", "encoding_format": "float"}"#, "string"),
        (r#"{"uid": "u-7", "type": "integer"}"#, "string"),
        (r#"{"type": "integer", "class_name": "string"}"#, "string"),
        (r#"{"uid": 7, "type": "integer", "format": "string"}"#, "string"),
    ] {
        let properties = answered(&convert(&[answering(&[(200, body)])]).0)["properties"].clone();
        let object =
            if properties["rows"].is_object() { &properties["rows"]["items"]["properties"] } else { &properties };
        let named = ["kind", "encoding_format", "type", "format"].map(|name| &object[name]["type"]);
        assert_eq!(named.into_iter().find(|kind| kind.is_string()), Some(&json!(kind)), "{body}");
    }
}

#[test]
fn a_bare_word_beside_placeholders_in_angle_brackets_is_a_value() {
    let body = r#"{"model": "<string>", "weight_format": "float", "size": "long", "count": "<integer>"}"#;
    let properties = sent(&convert(&[sending(body)]).0)["properties"].clone();
    assert_eq!((&properties["weight_format"], &properties["size"]), (&schema(TEXT), &schema(TEXT)));
    assert_eq!(properties["count"], schema(INTEGER));
}

#[test]
fn every_name_of_a_number_in_angle_brackets_is_a_number() {
    for (name, kind, format) in [
        ("unix-time", "integer", "int64"),
        ("timestamp", "integer", "int64"),
        ("Timestamp", "integer", "int64"),
        ("epoch", "integer", "int64"),
        ("short", "integer", "int32"),
        ("int8", "integer", "int32"),
        ("int16", "integer", "int32"),
        ("uint16", "integer", "int32"),
        ("uint32", "integer", "int64"),
        ("uint64", "integer", ""),
        ("bigint", "integer", ""),
        ("integer-unix-time", "integer", "int64"),
        ("integer-slug", "integer", ""),
        ("float32", "number", "float"),
        ("float64", "number", "double"),
        ("number-money", "number", ""),
        // Exporters write it for texts of this format.
        ("decimal", "string", "decimal"),
        ("string-slug", "string", ""),
        ("DateTime", "string", "date-time"),
    ] {
        let url = format!("https://a.example/things?at=<{name}>");
        let item = json!({"name": "Get a thing", "request": {"method": "GET", "url": url},
            "response": [{"name": "Done.", "code": 200, "body": format!("{{\"at\": \"<{name}>\"}}")}]});
        let (document, _) = convert(&[item]);
        let mut wanted = json!({"type": kind});
        if !format.is_empty() {
            wanted["format"] = json!(format);
        }
        assert_eq!(answered(&document)["properties"]["at"], wanted, "{name}");
        assert_eq!(parameter(&document, 0), wanted, "{name}");
    }
    let (document, _) = convert(&[answering(&[(200, r#"{"nothing": "<null>", "own": "<your id>"}"#)])]);
    assert_eq!(answered(&document)["properties"], json!({"nothing": {}, "own": schema(TEXT)}));
}

/// Collections' items of these names, each with a saved response.
fn answering_each(bodies: &[&str]) -> Value {
    let item = |(at, body): (usize, &&str)| {
        let mut item = answering(&[(200, body)]);
        item["request"]["url"] = json!(format!("https://a.example/things{at}"));
        item
    };
    collection(&bodies.iter().enumerate().map(item).collect::<Vec<_>>())
}

#[test]
fn what_is_an_integer_nearly_everywhere_may_also_come_as_text() {
    let either = json!({"oneOf": [schema(LONG), schema(TEXT)]});
    for (bodies, wanted) in [
        (&[r#"{"count": 3}"#, r#"{"rows": [{"count": 4}]}"#, r#"{"count": "5"}"#][..], &either),
        (&[r#"{"count": 3}"#, r#"{"count": -4}"#, r#"{"count": "-5"}"#], &either),
        // As many of one as of the other, a text that is not a number, and a number that would not be the same text.
        (&[r#"{"count": 3}"#, r#"{"count": "5"}"#], &schema(TEXT)),
        (&[r#"{"count": 3}"#, r#"{"count": 4}"#, r#"{"count": "many"}"#, r#"{"count": "5"}"#], &schema(TEXT)),
        (&[r#"{"count": 3}"#, r#"{"count": 4}"#, r#"{"count": "005"}"#], &schema(TEXT)),
        (&[r#"{"total": 3}"#, r#"{"total": 4}"#, r#"{"count": "5"}"#], &schema(TEXT)),
    ] {
        let (document, notes) = convert(&[answering_each(bodies)]);
        let last = &document["paths"][format!("/things{}", bodies.len() - 1)]["get"]["responses"]["200"];
        let content = &last["content"]["application/json"];
        assert_eq!(content["schema"]["properties"]["count"], *wanted, "{bodies:?}");
        assert!(content["example"]["count"].is_string() && said(&notes).is_empty(), "{notes:?}");
    }
    let (document, _) = convert(&[answering_each(&[r#"{"n": 3}"#, r#"{"n": 4}"#, r#"{"in": [{"n": "5"}]}"#])]);
    assert_eq!(document.to_string().matches("oneOf").count(), 1, "only there, and at any depth");
}

#[test]
fn a_number_that_would_lose_a_digit_stays_text() {
    for (value, kind) in [
        ("1.50", "string"),
        ("2.0", "string"),
        ("0.12345678901234567890123", "string"),
        ("1.5", "number"),
        ("-0.25", "number"),
        ("0.0000001", "number"),
    ] {
        let item = json!({"name": "Get a thing", "request": {"method": "GET", "url": {
            "raw": "https://a.example/:edition/things", "variable": [{"key": "edition", "value": value}],
            "query": [{"key": "rate", "value": value}]}}});
        let (document, _) = convert(&[item]);
        for at in [0, 1] {
            assert_eq!(parameter(&document, at)["type"], kind, "{value}");
        }
    }
}

#[test]
fn a_name_that_ends_in_brackets_is_a_list_even_once() {
    for value in ["7", ""] {
        let fields = json!([{"key": "tags[]", "value": value}, {"key": "page", "value": "7"}]);
        let item = json!({"name": "Get a thing", "protocolProfileBehavior": {"disableBodyPruning": true}, "request": {"method": "GET",
            "url": {"raw": "https://a.example/things", "query": [
                {"key": "ids[]", "value": value}, {"key": "in[at][]", "value": value}, {"key": "page", "value": "7"}]},
            "body": {"mode": "urlencoded", "urlencoded": fields}}});
        let (document, _) = convert(&[item]);
        let listed = json!({"type": "array", "items": if value.is_empty() { schema(TEXT) } else { schema(LONG) }});
        assert_eq!([0, 1, 2].map(|at| parameter(&document, at)), [listed.clone(), listed.clone(), schema(LONG)]);
        let operation = &document["paths"]["/things"]["get"];
        assert_eq!(operation["parameters"][0]["explode"], true);
        let form = &operation["requestBody"]["content"]["application/x-www-form-urlencoded"];
        assert_eq!(form["schema"]["properties"], json!({"tags[]": listed, "page": schema(LONG)}));
        assert_eq!(form["example"]["tags[]"], if value.is_empty() { json!(null) } else { json!([7]) });
    }
    let (document, _) = convert(&[json!({"name": "Get a thing", "request": "https://a.example/things?ids%5B%5D=1"})]);
    assert_eq!(parameter(&document, 0)["type"], "array");
}

#[test]
fn a_list_in_a_form_is_sent_as_one_field_each_if_it_was() {
    let each = json!({"style": "form", "explode": true});
    for (mode, media_type) in [("formdata", ""), ("urlencoded", ""), ("formdata", "application/json")] {
        let mut item = json!({"name": "Create a thing", "request": {"method": "POST", "url": "https://a.example/things",
            "body": {"mode": mode, mode: [
                {"key": "color", "value": "red", "contentType": "text/plain"}, {"key": "color", "value": "blue"},
                {"key": "size[]", "value": "7"}, {"key": "one", "value": "1"}, {"key": "json", "value": "[1, 2]"},
                {"key": "photo", "type": "file", "src": ["/a.png", "/b.png"]},
                {"key": "scan", "type": "file", "src": "/a.png"}, {"key": "scan", "type": "file", "src": "/b.png"},
                {"key": "sheet", "type": "file", "src": ["/a.png"]}]}}});
        item["request"]["header"] = json!([{"key": "Content-Type", "value": media_type}]);
        // The order does not matter, and a request with one element does not change it.
        let mut once = item.clone();
        once["request"]["body"][mode] = json!([{"key": "color", "value": "red"}]);
        for items in [[item.clone(), once.clone()], [once, item]] {
            let (document, _) = convert(&[collection(&items)]);
            let content = document["paths"]["/things"]["post"]["requestBody"]["content"].as_object();
            let form = content.and_then(|content| content.values().next()).expect("a body");
            let encoding = json!({"color": {"contentType": "text/plain", "style": "form", "explode": true},
                "photo": each, "scan": each, "size[]": each});
            let written = if media_type.is_empty() { &encoding } else { &Value::Null };
            assert_eq!(form["encoding"], *written, "{mode}: only a form has an encoding");
            for (name, _) in encoding.as_object().expect("fields") {
                assert_eq!(form["schema"]["properties"][name]["type"], "array", "{name}");
            }
            assert_eq!(form["schema"]["properties"]["json"]["type"], "array");
        }
    }
}

#[test]
fn dates_as_names_are_data() {
    for names in [
        &["2031-05-01", "2031-05-02"][..],
        &["2031-05-01"],
        &["2031-05", "2031-06"],
        &["01/05/2031", "02/05/2031"],
        &["2031-05-01T10:00:00Z"],
        &["2031-05-01 10:00", "2031-05-01 11:00"],
        &["f3c1a0de-8a6b-4d2b-9a51-0c8de7f31b20"],
    ] {
        let rates: Value = names.iter().map(|name| ((*name).to_owned(), json!(1.5))).collect();
        let (document, _) = convert(&[answering(&[(200, &json!({"rates": rates}).to_string())])]);
        let wanted = json!({"type": "object", "additionalProperties": {"type": "number"}});
        assert_eq!(answered(&document)["properties"]["rates"], wanted, "{names:?}");
    }
    for names in [&["2031-05-01", "total"][..], &["-", "/"], &["48x48", "16x16"]] {
        let sizes: Value = names.iter().map(|name| ((*name).to_owned(), json!("x"))).collect();
        let (document, _) = convert(&[answering(&[(200, &sizes.to_string())])]);
        assert!(answered(&document)["properties"].is_object(), "{names:?}");
    }
}

#[test]
fn graphql_variables_that_are_not_an_object_are_an_open_one() {
    let asking = |variables: Value| {
        json!({"name": "Create a thing", "request": {"method": "POST", "url": "https://a.example/things",
            "body": {"mode": "graphql", "graphql": {"query": "query($id: ID) { a(id: $id) }", "variables": variables}}}})
    };
    let wanted = |document: &Value| sent(document)["properties"]["variables"].clone();
    for nothing in [
        json!(""),
        json!(" \n"),
        json!("null"),
        json!("\"\""),
        json!("[]"),
        json!("{{vars}}"),
        json!(null),
        json!("{}"),
    ] {
        let (document, _) = convert(&[collection(&[asking(nothing.clone())])]);
        assert_eq!(wanted(&document), json!({"type": "object"}), "{nothing}");
        let with = [asking(nothing.clone()), asking(json!("{\"id\": \"7\"}"))];
        let (document, notes) = convert(&[collection(&with)]);
        assert_eq!(wanted(&document), json!({"type": "object", "properties": {"id": schema(TEXT)}}), "{nothing}");
        assert!(!said(&notes).iter().any(|note| note.contains("disagree")), "{notes:?}");
    }
}

#[test]
fn a_byte_order_mark_in_a_body_is_ignored() {
    let body = "\u{feff}{\"a\": 1}";
    let mut bare = answering(&[(200, body), (201, "\u{feff}")]);
    bare["response"][0]["_postman_previewlanguage"] = Value::Null;
    let mut labeled = sending(body);
    labeled["request"]["body"]["options"] = Value::Null;
    labeled["response"] = json!([{"name": "Done", "code": 204, "originalRequest": labeled["request"]}]);
    let (document, notes) = convert(&[bare, labeled]);
    assert_eq!(answered(&document)["properties"], json!({"a": schema(LONG)}));
    assert_eq!(sent(&document)["properties"], json!({"a": schema(LONG)}));
    assert_eq!(*answer(&document, "201"), json!({"description": "Done."}));
    assert_eq!(said(&notes), Vec::<String>::new());
}

#[test]
fn a_body_that_is_not_json_does_not_hide_the_form_beside_it() {
    let broken = sending(r#"{"label": "x", "count": put_it_here}"#);
    let mut form = sending("");
    form["request"]["body"] = json!({"mode": "formdata", "formdata": [{"key": "label", "value": "x"}]});
    let mut saved = broken.clone();
    saved["response"] = json!([{"name": "Done", "code": 204, "originalRequest": form["request"]}]);
    for items in [vec![broken.clone(), form.clone()], vec![form, broken.clone()], vec![saved]] {
        let (document, notes) = convert(&[collection(&items)]);
        let content = &document["paths"]["/things"]["post"]["requestBody"]["content"];
        let types: Vec<&String> = content.as_object().expect("a body").keys().collect();
        assert_eq!(types, ["multipart/form-data"]);
        let told = said(&notes);
        assert!(told.iter().any(|note| note.contains("is not valid JSON (")), "{told:?}");
        let left_out = "note: POST /things: no application/json body is valid JSON, so only its other bodies are kept";
        assert!(told.iter().any(|note| note == left_out), "{told:?}");
    }
    let (document, _) = convert(&[broken]);
    assert_eq!(sent(&document), json!({}), "alone, it is open");
}

#[test]
fn json_inside_a_json_string_is_unwrapped() {
    for body in [r#""{\"a\": 1}""#, r#"  "{\"a\": 1}" "#] {
        let (document, notes) = convert(&[answering(&[(200, body)]), sending(body)]);
        let wanted = json!({"type": "object", "properties": {"a": {"type": "integer", "format": "int64"}}});
        assert_eq!(answered(&document), wanted);
        assert_eq!(sent(&document)["properties"], wanted["properties"]);
        assert_eq!(said(&notes), Vec::<String>::new());
    }
    // The same without a content type or language.
    let mut bare = answering(&[(200, r#""[{\"a\": 1}]""#)]);
    bare["response"][0]["_postman_previewlanguage"] = Value::Null;
    assert_eq!(answered(&convert(&[bare]).0)["type"], "array");
    let (document, notes) = convert(&[answering(&[(200, r#""{\"a\": ""#)])]);
    assert_eq!(answered(&document), json!({}));
    assert!(
        said(&notes)[0].contains("is not valid JSON") && said(&notes)[0].contains("its schema is left open"),
        "{notes:?}"
    );
    let (document, notes) = convert(&[answering(&[(200, r#""Not found""#)])]);
    assert_eq!((answered(&document), notes.len()), (schema(TEXT), 0), "plain text is a string");
}

#[test]
fn a_success_with_only_empty_samples_has_no_content() {
    for (status, empty) in
        [(204, "{}"), (204, "\"\""), (204, "null"), (204, " \n"), (204, ""), (200, "{ }"), (200, "null"), (201, "\"\"")]
    {
        let (document, notes) = convert(&[answering(&[(status, empty)])]);
        assert_eq!(*answer(&document, &status.to_string()), json!({"description": "Done."}), "{status} {empty}");
        assert_eq!(said(&notes), Vec::<String>::new());
    }
    let (document, _) = convert(&[answering(&[(200, "{}"), (200, r#"{"a": 1}"#)])]);
    assert_eq!(answered(&document), json!({"type": "object", "properties": {"a": schema(LONG)}}));
    let (document, _) = convert(&[answering(&[(400, "{}")])]);
    assert!(answer(&document, "400").get("content").is_some(), "this applies only to successes");
}

#[test]
fn a_success_with_one_empty_sample_may_be_null() {
    let object = json!({"type": "object", "nullable": true, "properties": {"a": schema(LONG)}});
    for samples in [[(200, " "), (200, r#"{"a": 1}"#)], [(200, r#"{"a": 1}"#), (200, "")]] {
        let (document, notes) = convert(&[answering(&samples)]);
        assert_eq!(answered(&document), object);
        assert!(said(&notes)[0].starts_with("note: GET /things 200: the response is empty in one sample"), "{notes:?}");
    }
    let (document, _) = convert(&[answering(&[(200, ""), (200, "[1]"), (200, r#"{"a": 1}"#)])]);
    assert_eq!(answered(&document)["oneOf"][0]["nullable"], true);
}

#[test]
fn a_body_that_its_status_does_not_allow_is_left_out_and_reported() {
    let (document, notes) = convert(&[answering(&[(204, r#"{"a": 1}"#)])]);
    assert_eq!(*answer(&document, "204"), json!({"description": "Done."}));
    assert!(said(&notes)[0].contains("its response 204 has a body"), "{notes:?}");
}

#[test]
fn a_schema_that_the_exporter_gave_up_on_is_open() {
    let body = r#"{"id": "<long>", "tree": {"value": "<Error: Too many levels of nesting to fake this schema>"},
        "rows": [{"value": "<Error: Too many levels of nesting to fake this schema>"}], "kept": {"value": 1}}"#;
    let properties = answered(&convert(&[answering(&[(200, body)])]).0)["properties"].clone();
    assert_eq!(properties["tree"], json!({}));
    assert_eq!(properties["rows"], json!({"type": "array", "items": {}}));
    assert_eq!(properties["kept"]["properties"]["value"], schema(LONG));
}

#[test]
fn nothing_unmarked_is_required_in_a_file_with_exporter_markers() {
    let mut marked = answering(&[(200, r#"{"b": 1}"#), (200, r#"{"b": 2}"#)]);
    marked["request"]["url"] = json!({"raw": "https://a.example/things?q=1", "query": [{"key": "q", "value": "1", "description": "(Required) It."}]});
    let (document, _) = convert(&[collection(&[sending(r#"{"a": 1}"#), marked])]);
    assert_eq!(sent(&document).get("required"), None);
    assert_eq!(answered(&document).get("required"), None);
    let (document, _) = convert(&[sending(r#"{"a": 1}"#)]);
    assert_eq!(sent(&document)["required"], json!(["a"]), "in a hand-written file, what is sent is required");
    let (document, _) = convert(&[sending(r#"{"a": "<string>"}"#)]);
    assert_eq!(sent(&document).get("required"), None, "a placeholder is a marker too");
}

#[test]
fn a_response_member_is_required_if_at_least_two_samples_all_have_it() {
    for (answers, required) in [
        (&[(200, r#"{"a": 1, "rows": [{"b": 1}, {"b": 2}]}"#)][..], Value::Null),
        (&[(200, r#"{"a": 1}"#), (200, r#"{"a": 2, "c": 1}"#)], json!(["a"])),
        (&[(200, r#"{"a": 1}"#), (200, r#"{"a": 2}"#), (200, "{}")], Value::Null),
    ] {
        let schema = answered(&convert(&[answering(answers)]).0);
        assert_eq!(schema.get("required").cloned().unwrap_or_default(), required, "{answers:?}");
        assert_eq!(schema["properties"]["rows"]["items"].get("required"), None);
    }
    // An object that is in only one of two samples counts as one sample.
    let (document, _) = convert(&[answering(&[(200, r#"{"a": {"b": 1}}"#), (200, "{\"c\": 1}")])]);
    assert_eq!(answered(&document)["properties"]["a"].get("required"), None);
}

#[test]
fn a_long_body_is_searched_for_placeholders_like_a_short_one() {
    for padding in [0, 300_000] {
        let body = json!({"pad": "x".repeat(padding), "id": "int64", "size": "long", "day": "date"}).to_string();
        let (document, _) = convert(&[sending(&body)]);
        let wanted = json!({"pad": schema(TEXT), "id": schema(LONG), "size": schema(LONG),
            "day": {"type": "string", "format": "date"}});
        assert_eq!(sent(&document), json!({"type": "object", "properties": wanted}), "{padding} bytes");
    }
}

#[test]
fn a_form_admits_every_example_it_keeps() {
    let form = |name: &str, fields: Value| {
        json!({"name": name, "request": {"method": "POST", "url": "https://a.example/things",
        "header": [{"key": "Content-Type", "value": "application/json"}], "body": {"mode": "urlencoded", "urlencoded": fields}}})
    };
    let mut by_text = sending(r#"{"flag": true, "count": 3, "pages": "0-"}"#);
    by_text["name"] = json!("As text");
    let (document, _) = convert(&[collection(&[
        form(
            "Empty",
            json!([{"key": "flag", "value": ""}, {"key": "ids", "value": "a"}, {"key": "count", "value": "1"}]),
        ),
        form(
            "Given",
            json!([{"key": "flag", "value": "false"}, {"key": "ids", "value": "a"}, {"key": "ids", "value": "b"}]),
        ),
        by_text,
    ])]);
    let content = &document["paths"]["/things"]["post"]["requestBody"]["content"]["application/json"];
    assert_eq!(
        content["schema"]["properties"],
        json!({"flag": {"type": "boolean"}, "ids": {"type": "array", "items": schema(TEXT)},
        "count": schema(LONG), "pages": schema(TEXT)})
        .as_object()
        .map(|map| {
            let mut pairs: Vec<_> = map.clone().into_iter().collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(pairs.into_iter().collect())
        })
        .expect("an object")
    );
    assert_eq!(
        content["examples"],
        json!({
            "As text": {"value": {"flag": true, "count": 3, "pages": "0-"}},
            "Empty": {"value": {"ids": ["a"], "count": 1}},
            "Given": {"value": {"flag": false, "ids": ["a", "b"]}},
        })
    );
}

#[test]
fn a_description_of_undefined_or_null_is_dropped() {
    let mut item = getting("https://a.example/meetings/:meetingId", "7");
    item["request"]["description"] = json!("undefined");
    item["request"]["url"]["variable"][0]["description"] = json!("(Required) undefined");
    item["response"] = json!([{"name": "null", "code": 200, "body": "{\"a\":1}"}]);
    let (document, _) = convert(&[item]);
    let text = document.to_string();
    assert!(!text.contains("undefined") && !text.contains("null"), "{text}");
}

#[test]
fn the_keys_of_examples_are_clean_names() {
    let mut item = answering(&[(200, r#"{"a": 1}"#), (200, r#"{"a": 2}"#), (200, r#"{"a": 3}"#)]);
    item["response"][0]["name"] = json!("**HTTP Status Code:** `200` <br>\nMeeting **returned**.");
    item["response"][1]["name"] = json!("<https://a.example/x>\u{7}");
    item["response"][2]["name"] = json!("word ".repeat(60));
    let (document, _) = convert(&[item]);
    let examples = answer(&document, "200")["content"]["application/json"]["examples"].clone();
    let keys: Vec<&String> = examples.as_object().expect("examples").keys().collect();
    assert_eq!(keys[..2], ["Meeting returned.", "https://a.example/x"]);
    assert!(keys[2].len() <= 80 && keys[2].ends_with("word"), "{keys:?}");
}

#[test]
fn a_text_named_like_a_password_has_that_format() {
    let body = r#"{"password": "x", "passcode": "x", "client_secret": "x", "api_key": "x", "access_token": "x",
        "refresh_token": "x", "h323_passcode": "x", "user_access_token": "x", "accessToken": "x",
        "page_token": "x", "next_page_token": "x", "token": "x", "password_count": "x", "is_password": true}"#;
    let (document, _) = convert(&[answering(&[(200, body)])]);
    let properties = answered(&document)["properties"].clone();
    let secret: Vec<&String> = properties
        .as_object()
        .expect("properties")
        .iter()
        .filter(|(_, property)| property["format"] == "password")
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        secret,
        [
            "password",
            "passcode",
            "client_secret",
            "api_key",
            "access_token",
            "refresh_token",
            "h323_passcode",
            "user_access_token",
            "accessToken"
        ]
    );
}

/// JSON values whose texts may be significant to the converter.
fn sample() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(vec![
        "x",
        "integer",
        "string",
        "date-time",
        "<int32>",
        "<float>",
        "<date>",
        "<long>",
        "<string>",
        "object",
        "2024-01-01",
        "ut amet",
        "null",
        "<Error: Too many levels of nesting to fake this schema>",
        "",
        "integer [int64]",
        "[integer]",
        "用户",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = prop::sample::select(vec!["a", "b", "type", "value", "password", "key_0", "1", "ü"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..4).prop_map(|pairs| {
                Value::Object(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

/// Whether a schema written by the converter admits a value.
fn admits(schema: &Value, value: &Value) -> bool {
    if let Some(alternatives) = schema["oneOf"].as_array() {
        return alternatives.iter().filter(|schema| admits(schema, value)).count() == 1;
    }
    if value.is_null() && schema["nullable"] == true {
        return true;
    }
    match schema["type"].as_str() {
        None => true,
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => {
            value.as_array().is_some_and(|list| list.iter().all(|element| admits(&schema["items"], element)))
        }
        _ => value.as_object().is_some_and(|map| {
            let required = schema["required"].as_array().into_iter().flatten();
            required.into_iter().all(|name| map.contains_key(name.as_str().unwrap_or_default()))
                && map.iter().all(|(name, value)| match schema["properties"].get(name) {
                    Some(schema) => admits(schema, value),
                    None => admits(&schema["additionalProperties"], value),
                })
        }),
    }
}

fn examples(content: &Value) -> Vec<&Value> {
    let named = content["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
    content.get("example").into_iter().chain(named).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_joined_schema_admits_every_kept_example_in_any_order(samples in prop::collection::vec((sample(), any::<bool>()), 1..5)) {
        let files: Vec<Value> = samples
            .iter()
            .map(|(sample, item)| {
                let both = [sending(&sample.to_string()), answering(&[(200, &sample.to_string())])];
                if *item { Value::from(both.to_vec()) } else { collection(&both) }
            })
            .collect();
        let (document, _) = convert(&files);
        let reversed: Vec<Value> = files.into_iter().rev().collect();
        prop_assert_eq!(&document, &convert(&reversed).0);
        let sent = &document["paths"]["/things"]["post"]["requestBody"]["content"]["application/json"];
        let answered = &answer(&document, "200")["content"]["application/json"];
        for content in [sent, answered] {
            // Placeholders are not examples, and nothing else contradicts a single sample.
            if let [(sample, _)] = samples.as_slice()
                && !["integer", "string", "date-time", "<"].iter().any(|it| sample.to_string().contains(it))
                && content["schema"].is_object()
            {
                prop_assert_eq!(examples(content).len(), 1, "{} is lost", sample);
            }
            for example in examples(content) {
                prop_assert!(admits(&content["schema"], example), "{example} is not {}", content["schema"]);
            }
        }
    }

    #[test]
    fn a_form_admits_every_kept_example(
        forms in prop::collection::vec(prop::collection::vec((prop::sample::select(vec!["a", "b", "c"]), prop::sample::select(vec!["", "false", "7", "1.5", "x", "[1]", "{\"a\":1}", "integer", "ut amet"])), 1..5), 1..4),
    ) {
        let items: Vec<Value> = forms
            .iter()
            .map(|fields| {
                let fields: Vec<Value> = fields.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
                json!({"name": "Create a thing", "request": {"method": "POST", "url": "https://a.example/things", "body": {"mode": "urlencoded", "urlencoded": fields}}})
            })
            .collect();
        let (document, _) = convert(&[collection(&items)]);
        let content = &document["paths"]["/things"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"];
        if let [fields] = forms.as_slice()
            && fields.iter().all(|(key, value)| {
                !["", "integer"].contains(value) && fields.iter().filter(|(other, _)| other == key).count() == 1
            })
        {
            let kept = examples(content).first().and_then(|example| example.as_object()).map(serde_json::Map::len);
            prop_assert_eq!(kept, Some(fields.len()), "a field of {:?} is lost", fields);
        }
        for example in examples(content) {
            prop_assert!(admits(&content["schema"], example), "{example} is not {}", content["schema"]);
        }
    }
}

#[test]
fn only_json_that_the_client_can_send_is_read_as_json() {
    for (media_type, kind) in
        [("application/json", "object"), ("application/problem+json; charset=utf-8", "object"), ("text/json", "string")]
    {
        let mut item = sending(r#"{"a": 1}"#);
        item["request"]["header"] = json!([{"key": "Content-Type", "value": media_type}]);
        let (document, _) = convert(&[item]);
        let content = document["paths"]["/things"]["post"]["requestBody"]["content"].as_object().expect("a body");
        let types: Vec<&Value> = content.values().map(|content| &content["schema"]["type"]).collect();
        assert_eq!(types, [kind], "{media_type}");
    }
}

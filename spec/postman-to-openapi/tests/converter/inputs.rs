//! All forms of Postman files, and how their contents are converted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use postman_to_openapi::{Converter, Counts, Note, Overlay, Source};
use serde_json::{Value, json};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Converts JSON values, each like a file; returns the document, notes and counts.
pub fn convert(files: &[Value]) -> (Value, Vec<Note>, Counts) {
    let files: Vec<String> = files.iter().map(Value::to_string).collect();
    let (text, notes, counts) = convert_texts(&files.iter().map(String::as_str).collect::<Vec<_>>());
    (serde_json::from_str(&text).expect("a document is JSON"), notes, counts)
}

fn convert_texts(files: &[&str]) -> (String, Vec<Note>, Counts) {
    let mut notes = Vec::new();
    let mut converter = Converter::new(|note| notes.push(note));
    for (number, text) in files.iter().enumerate() {
        let source = Source::new(format!("{number}.json"), text.as_bytes().to_vec()).expect("valid JSON");
        converter.read(&source).expect("a Postman file");
    }
    let converted = converter.finish(None).expect("a document");
    let (text, counts) = (converted.to_text(), converted.counts);
    (text, notes, counts)
}

pub fn item(name: &str, method: &str, url: &str) -> Value {
    json!({"name": name, "request": {"method": method, "url": url}})
}

/// Compares with a file; `UPDATE_GOLDEN=1 cargo test` updates it instead.
fn golden(name: &str, made: &str) {
    let path = fixture(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, made).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let diff = similar::TextDiff::from_lines(golden.as_str(), made).unified_diff().header(name, "now").to_string();
    assert!(golden == made, "{diff}");
}

#[test]
fn a_collection_of_the_app_converts_to_the_golden_document() {
    let text = std::fs::read_to_string(fixture("app.postman.json")).expect("the fixture");
    let (document, notes, counts) = convert_texts(&[&text]);
    golden("app.golden.json", &document);
    let mut said: Vec<String> = notes.iter().map(Note::to_string).collect();
    said.push(counts.to_string());
    golden("app.golden.txt", &(said.join("\n") + "\n"));
}

#[test]
fn no_secret_of_any_kind_is_in_the_document() {
    let text = std::fs::read_to_string(fixture("app.postman.json")).expect("the fixture");
    assert!(text.matches("planted-").count() > 20, "the fixture plants secrets everywhere");
    let (document, ..) = convert_texts(&[&text]);
    for line in document.lines() {
        assert!(!line.contains("planted") && !line.contains("cGxhbnRlZDpwbGFudGVk"), "{line}");
    }
}

#[test]
fn items_collections_wrappers_and_lists_give_the_same_document() {
    let item = item("Get pet", "GET", "https://a.example/pets/:id");
    let collection = json!({"info": {"name": "Postman items"}, "item": [item]});
    let bare = convert(std::slice::from_ref(&item)).0;
    assert_eq!(bare["paths"]["/pets/{id}"]["get"]["operationId"], "getPet");
    for file in [collection.clone(), json!({"collection": collection}), json!([item])] {
        assert_eq!(convert(&[file]).0, bare);
    }
}

#[test]
fn version_2_0_is_read_like_version_2_1() {
    let old = json!({"info": {"name": "T"}, "variable": [{"id": "base", "value": "https://a.example"}], "item": [{
        "name": "Get pet", "request": {
            "auth": {"type": "basic", "basic": {"username": "u", "password": "p4ssw0rd"}},
            "method": "GET", "header": "X-Mode: fast\n", "description": "D.",
            "url": {"raw": "{{base}}/pets/:id?a=1", "path": "/pets/:id", "host": "{{base}}", "query": [{"key": "a", "value": "1"}],
                    "variable": [{"id": "id", "value": "7"}]}}}]});
    let new = json!({"info": {"name": "T"}, "variable": [{"key": "base", "value": "https://a.example"}], "item": [{
        "name": "Get pet", "request": {
            "auth": {"type": "basic", "basic": [{"key": "username", "value": "u"}, {"key": "password", "value": "p4ssw0rd"}]},
            "method": "GET", "header": [{"key": "X-Mode", "value": "fast"}], "description": {"content": "D.", "type": "text/plain"},
            "url": {"raw": "{{base}}/pets/:id?a=1", "path": ["pets", ":id"], "host": ["{{base}}"], "query": [{"key": "a", "value": "1"}],
                    "variable": [{"key": "id", "value": "7"}]}}}]});
    assert_eq!(convert(&[old]).0, convert(&[new]).0);
}

#[test]
fn every_request_is_converted_or_reported_with_file_folder_and_reason() {
    let file = json!({"info": {"name": "T"}, "item": [
        {"name": "Outer", "item": [{"name": "Inner", "item": [item("Bad", "VIEW", "/a"), item("Good", "GET", "/a")]}]},
        {"name": "Empty", "request": {"method": "GET"}},
    ]});
    let (_, notes, counts) = convert(&[file]);
    assert_eq!(counts, Counts { operations: 1, left_out: 2, ..Counts::default() });
    assert_eq!(counts.to_string(), "requests: 3; operations: 1, merged: 0, left out: 2");
    let said: Vec<String> = notes.iter().map(Note::to_string).collect();
    assert!(
        said[0].starts_with("left out: 0.json:1: Outer / Inner / Bad: OpenAPI does not support its method VIEW"),
        "{said:?}"
    );
    assert!(said[1].starts_with("left out: 0.json:1: Empty: it has no URL"), "{said:?}");
}

#[test]
fn the_same_method_and_path_merge_despite_different_parameter_names() {
    let (document, notes, counts) = convert(&[json!([
        item("Get pet", "GET", "/pets/:petId?a=1"),
        item("Get another", "GET", "/pets/{{id}}?b=x"),
        item("Delete pet", "DELETE", "/pets/:which"),
    ])]);
    assert_eq!(counts, Counts { operations: 2, merged: 1, ..Counts::default() });
    let said: Vec<String> = notes.iter().map(Note::to_string).collect();
    assert_eq!(said, ["merged: 0.json:1: Get another: into GET /pets/{petId} (Get pet)"]);
    let names: Vec<&Value> = document["paths"]["/pets/{petId}"]["get"]["parameters"]
        .as_array()
        .expect("parameters")
        .iter()
        .map(|parameter| &parameter["name"])
        .collect();
    assert_eq!(names, ["petId", "a", "b"]);
    assert_eq!(document["paths"]["/pets/{petId}"]["delete"]["parameters"][0]["name"], "petId");
}

#[test]
fn merged_examples_keep_their_names_and_types_are_joined() {
    let with = |name: &str, body: &str| json!({"name": name, "request": {"method": "POST", "url": "/a", "body": {"mode": "raw", "raw": body}}});
    let (document, ..) = convert(&[json!([
        with("One", r#"{"a":1,"b":null}"#),
        with("Two", r#"{"a":1.5}"#),
        with("One", r#"{"a":2,"b":"x"}"#)
    ])]);
    let content = &document["paths"]["/a"]["post"]["requestBody"]["content"]["application/json"];
    let names: Vec<&String> = content["examples"].as_object().expect("examples").keys().collect();
    assert_eq!(names, ["One", "One (2)", "Two"]);
    assert_eq!(
        content["schema"],
        json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "number"}, "b": {"type": "string", "nullable": true}}})
    );
}

#[test]
fn operations_of_the_same_name_are_named_after_method_and_path() {
    let (document, notes, _) = convert(&[json!([
        item("Get pet", "GET", "/pets/:id"),
        item("Get pet", "GET", "/pets/:id/full"),
        item("Get pet list", "GET", "/pets")
    ])]);
    assert_eq!(document["paths"]["/pets/{id}"]["get"]["operationId"], "getPetsById");
    assert_eq!(document["paths"]["/pets/{id}/full"]["get"]["operationId"], "getPetsByIdFull");
    assert_eq!(document["paths"]["/pets"]["get"]["operationId"], "getPetList");
    assert_eq!(
        notes.iter().filter(|note| note.to_string().contains("another operation is also named getPet")).count(),
        2
    );
}

#[test]
fn names_are_unique_even_if_paths_differ_only_in_special_characters() {
    let (document, ..) = convert(&[json!([
        item("", "GET", "/a-b"),
        item("", "GET", "/a_b"),
        item("", "GET", "/a.b"),
        item("Get ab", "GET", "/x")
    ])]);
    let mut ids: Vec<String> = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .map(|item| item["get"]["operationId"].as_str().expect("an id").to_lowercase())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[test]
fn a_name_has_at_most_64_characters_and_is_unique_in_any_script() {
    let deep = "/a-rather-long-part-of-a-path".repeat(4);
    let paths = ["用户", "用 户", "ü-x", "u x", "𐘴", "𐘴2"].map(|end| format!("{deep}/{end}"));
    let mut items: Vec<Value> = paths.iter().map(|path| item("", "GET", path)).collect();
    items.extend((0..120).map(|at| item("", "GET", &format!("{deep}/z{}", "-".repeat(at)))));
    let (document, ..) = convert(&[Value::from(items)]);
    let paths = document["paths"].as_object().expect("paths");
    let ids: BTreeSet<String> =
        paths.values().map(|path| path["get"]["operationId"].as_str().expect("an id").to_lowercase()).collect();
    assert_eq!(ids.len(), 126);
    for id in ids {
        assert!(id.len() <= 64 && id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
    }
}

#[test]
fn a_prefix_that_all_paths_share_is_not_in_a_name() {
    let items = json!([
        item("Count", "GET", "https://a.example/shop/v2/depots"),
        item("Count", "GET", "https://a.example/shop/v2/slots"),
        item("Same", "GET", "https://a.example/shop/v2/slots/:id"),
        item("Same", "GET", "https://a.example/shop/v2/slots/:id/last"),
        item("", "GET", "https://a.example/shop/v2/slots/:id/next")
    ]);
    let (document, ..) = convert(&[items]);
    let ids: Vec<&Value> =
        document["paths"].as_object().expect("paths").values().map(|path| &path["get"]["operationId"]).collect();
    assert_eq!(ids, ["countDepot", "countSlot", "getSlotsById", "getSlotsByIdLast", "getSlotsByIdNext"]);
}

#[test]
fn a_variable_without_a_value_becomes_a_server_variable_and_is_reported() {
    let (document, notes, _) = convert(&[item("Get a", "GET", "{{ baseUrl }}/a")]);
    assert_eq!(document["servers"][0]["url"], "{baseUrl}");
    assert!(document["servers"][0]["variables"]["baseUrl"]["default"].is_string());
    assert!(notes.iter().any(|note| note.to_string().contains("{{baseUrl}} has no value")), "{notes:?}");
}

#[test]
fn a_different_server_is_written_at_its_operation() {
    let (document, ..) = convert(&[json!([
        item("Get a", "GET", "https://a.example/a"),
        item("Get b", "GET", "https://a.example/b"),
        item("Get c", "GET", "https://c.example/c")
    ])]);
    assert_eq!(document["servers"], json!([{"url": "https://a.example"}]));
    assert_eq!(document["paths"]["/c"]["get"]["servers"], json!([{"url": "https://c.example"}]));
    assert!(document["paths"]["/a"]["get"].get("servers").is_none());
}

#[test]
fn auth_is_inherited_overridden_and_switched_off() {
    let auth = |kind: &str| json!({"type": kind, kind: []});
    let mut inherits = item("Get a", "GET", "/a");
    inherits["request"]["auth"] = Value::Null;
    let mut overrides = item("Get b", "GET", "/b");
    overrides["request"]["auth"] = auth("digest");
    let mut open = item("Get c", "GET", "/c");
    open["request"]["auth"] = json!({"type": "noauth"});
    let (document, ..) = convert(&[json!({"info": {"name": "T"}, "auth": auth("bearer"), "item": [
        inherits, overrides, open, {"name": "F", "auth": auth("basic"), "item": [item("Get d", "GET", "/d")]}]})]);
    let security = |path: &str| document["paths"][path]["get"]["security"].clone();
    assert_eq!(security("/a"), json!([{"bearer": []}]));
    assert_eq!(security("/b"), json!([{"digest": []}]));
    assert_eq!(security("/c"), json!([]));
    assert_eq!(security("/d"), json!([{"basic": []}]));
}

#[test]
fn the_order_of_items_and_files_changes_only_the_names_of_merged_operations() {
    let one = |name: &str, path: &str, body: &str| json!({"name": name, "request": {"method": "POST", "url": format!("https://a.example{path}?{name}=1"), "body": {"mode": "raw", "raw": body}}});
    let mut items = vec![
        one("B", "/a/:x", r#"{"z":1,"a":"t"}"#),
        one("B", "/b", "[1]"),
        one("B", "/a/:x", r#"{"a":null,"m":{"q":1,"b":2}}"#),
        one("B", "/a/:x", r#"{"m":{"b":2.5}}"#),
        item("C", "GET", "https://c.example/c"),
    ];
    let forth = convert(&items).0;
    items.reverse();
    assert_eq!(serde_json::to_string(&convert(&items).0).ok(), serde_json::to_string(&forth).ok());
    assert_eq!(serde_json::to_string(&convert(&[Value::Array(items)]).0).ok(), serde_json::to_string(&forth).ok());
}

#[test]
fn different_lists_of_allowed_values_are_joined_in_alphabetical_order() {
    let limited = |values: &str| {
        let query = json!([{"key": "q", "value": "a", "description": format!("(This can only be one of {values})")}]);
        json!({"name": "D", "request": {"method": "GET", "url": {"raw": "https://c.example/d", "query": query}}})
    };
    for (lists, values) in [
        (["c,a", "b,a"], ["a", "b", "c"].as_slice()),
        (["b,a", "c,a"], &["a", "b", "c"]),
        (["c,a", "c,a"], &["c", "a"]),
    ] {
        let (document, ..) = convert(&lists.map(limited));
        assert_eq!(document["paths"]["/d"]["get"]["parameters"][0]["schema"]["enum"], json!(values), "{lists:?}");
    }
}

#[test]
fn an_item_that_is_also_a_folder_keeps_both() {
    let mut both = item("Get a", "GET", "/a");
    both["item"] = json!([item("Get b", "GET", "/b")]);
    for file in [both.clone(), json!({"info": {"name": "T"}, "item": [both]})] {
        let (document, _, counts) = convert(&[file]);
        assert_eq!(counts.operations, 2);
        assert_eq!(document["paths"]["/b"]["get"]["operationId"], "getB");
    }
}

#[test]
fn a_file_that_is_not_from_postman_is_refused() {
    for text in ["{}", "[]x", "7", "null", "{\"name\": \"x\"}", "{\"collection\": 3}", "\"text\""] {
        let mut converter = Converter::new(|_| {});
        let refused = match Source::new("x.json", text.as_bytes().to_vec()) {
            Ok(source) => converter.read(&source).err(),
            Err(error) => Some(error),
        };
        let message = refused.unwrap_or_else(|| panic!("{text} is accepted")).to_string();
        assert!(message.starts_with("x.json") && !message.contains('\n'), "{message}");
    }
}

#[test]
fn a_body_or_response_that_cannot_be_read_is_reported() {
    for (body, reason) in [
        (json!("{}"), "it is not written as its mode requires"),
        (json!([1]), "it is not written as its mode requires"),
        (json!({"mode": "raw", "raw": {"a": 1}}), "it is not written as its mode requires"),
        (json!({"mode": "graphql", "graphql": "query { a }"}), "it is not written as its mode requires"),
        (json!({"mode": "urlencoded", "urlencoded": "a=1"}), "it is not written as its mode requires"),
        (json!({"mode": "raw", "raw": "{}", "disabled": true}), "it is disabled"),
    ] {
        let mut item = item("Add a pet", "POST", "/pets");
        item["request"]["body"] = body.clone();
        let (document, notes, _) = convert(&[item]);
        assert_eq!(document["paths"]["/pets"]["post"].get("requestBody"), None, "{body}");
        assert!(notes[0].to_string().ends_with(&format!("its body is left out because {reason}")), "{notes:?}");
    }
    for body in [
        json!(null),
        json!([]),
        json!(""),
        json!({}),
        json!({"mode": "raw", "raw": ""}),
        json!({"mode": "graphql", "graphql": {"query": "", "variables": ""}}),
        json!({"mode": "formdata", "formdata": [{"key": "", "value": "", "type": "text"}]}),
        json!({"disabled": true}),
    ] {
        let mut item = item("Add a pet", "POST", "/pets");
        item["request"]["body"] = body.clone();
        assert_eq!(convert(&[item]).1.len(), 0, "{body}");
    }
    let mut item = item("Add a pet", "POST", "/pets");
    item["response"] = json!([7]);
    let (_, notes, _) = convert(&[item]);
    assert!(notes[0].to_string().contains("saved response is left out because it is not a JSON object"), "{notes:?}");
}

#[test]
fn a_query_parameter_that_is_only_in_the_text_of_a_url_is_kept() {
    let mut item = item("List pets", "GET", "");
    item["request"]["url"] = json!({
        "raw": "https://a.example/pets?a%5Bx%5D=1&b=2&c=3&b=4",
        "query": [{"key": "a[x]", "value": "1"}, {"key": "%63", "value": "3"}],
    });
    let (document, ..) = convert(&[item]);
    let parameters = document["paths"]["/pets"]["get"]["parameters"].as_array().expect("parameters");
    let names: Vec<&str> = parameters.iter().filter_map(|parameter| parameter["name"].as_str()).collect();
    assert_eq!(names, ["a", "c", "b"]);
    assert_eq!(parameters[2]["schema"]["type"], "array");
}

#[test]
fn every_description_of_a_repeated_or_nested_parameter_is_kept() {
    let described = |entries: &[(&str, &str)]| {
        let mut item = item("List pets", "GET", "");
        let query: Vec<Value> =
            entries.iter().map(|(key, text)| json!({"key": key, "value": "1", "description": text})).collect();
        item["request"]["url"] = json!({"raw": "https://a.example/pets", "query": query});
        let (document, notes, _) = convert(&[item]);
        (document["paths"]["/pets"]["get"]["parameters"][0]["description"].clone(), notes.len())
    };
    for (entries, description) in [
        (&[("f[a]", "A kind."), ("f[b]", "A size.")][..], json!("`a`: A kind.\n\n`b`: A size.")),
        (&[("f[a]", ""), ("f[b]", "A size.")], json!("`b`: A size.")),
        // An exporter repeats the object's description.
        (&[("f[a]", "A filter."), ("f[b]", "A filter.")], json!("A filter.")),
        (&[("f[a]", "All."), ("f[b]", "All."), ("f[c]", "Some.")], json!("All.\n\n`c`: Some.")),
        (&[("f", ""), ("f", "A kind.")], json!("A kind.")),
        (&[("f", "A kind."), ("f", "A kind.")], json!("A kind.")),
    ] {
        assert_eq!(described(entries), (description, 0), "{entries:?}");
    }
    assert_eq!(described(&[("f", "A kind."), ("f", "Another kind.")]), (json!("Another kind."), 1));
}

#[test]
fn what_a_saved_request_adds_is_joined() {
    let mut item = item("List pets", "GET", "/pets?size=1");
    item["response"] = json!([{"name": "Big ones", "code": 200, "originalRequest": {"method": "GET", "url": "/pets?size=1.5&color=red"}}]);
    let (document, ..) = convert(&[item]);
    let parameters = &document["paths"]["/pets"]["get"]["parameters"];
    assert_eq!(parameters[0]["schema"], json!({"type": "number"}));
    assert_eq!((&parameters[1]["name"], &parameters[1]["required"]), (&json!("color"), &json!(false)));
}

#[test]
fn a_hand_written_authorization_header_counts_unless_auth_says_how() {
    for (value, scheme) in [
        ("Bearer abc123def", "bearer"),
        ("bearer {{token}}", "bearer"),
        ("Basic abc123def", "basic"),
        ("Digest username=x", "digest"),
        ("OAuth oauth_token=x", "oauth"),
        ("{{apiKey}}", "apiKey-Authorization"),
    ] {
        let mut item = item("Get a", "GET", "/a");
        item["request"]["header"] = json!([{"key": "Authorization", "value": value}]);
        let (document, ..) = convert(std::slice::from_ref(&item));
        let operation = &document["paths"]["/a"]["get"];
        assert_eq!(operation["security"], json!([{scheme: []}]), "{value}");
        assert_eq!(operation.get("parameters"), None);
        item["request"]["auth"] = json!({"type": "hawk"});
        assert_eq!(convert(&[item]).0["paths"]["/a"]["get"]["security"], json!([{"hawk": []}]));
    }
}

#[test]
fn of_two_waits_for_the_same_status_the_longer_is_used() {
    let answer = |wait: &str| json!({"name": format!("Slow down. Retry after {wait}."), "code": 429});
    for waits in [["10 seconds", "1 minute"], ["1 minute", "10 seconds"]] {
        let mut item = item("Get a", "GET", "/a");
        item["response"] = json!(waits.map(answer));
        let (document, ..) = convert(&[item]);
        assert_eq!(document["paths"]["/a"]["get"]["responses"]["429"]["x-retry-after-seconds"], 60);
    }
}

#[test]
fn a_required_field_that_a_saved_request_omits_is_still_required() {
    let body = |fields: Value| json!({"mode": "urlencoded", "urlencoded": fields});
    let (must, may) =
        (json!({"key": "must", "value": "1", "description": "(Required) It."}), json!({"key": "may", "value": "1"}));
    let mut item = item("Create a", "POST", "/a");
    item["request"]["body"] = body(json!([must, may]));
    let original = json!({"method": "POST", "url": "/a", "body": body(json!([{"key": "may", "value": "2"}, {"key": "own", "value": "3"}]))});
    item["response"] = json!([{"name": "Done", "code": 200, "originalRequest": original}]);
    let (document, ..) = convert(&[item]);
    let schema =
        &document["paths"]["/a"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
    assert_eq!(schema["required"], json!(["must"]));
    assert_eq!(schema["properties"].as_object().expect("properties").len(), 3);
}

#[test]
fn an_example_of_a_length_the_overlay_does_not_allow_is_dropped() {
    let mut item = item("Create a", "POST", "/a");
    item["request"]["body"] = json!({"mode": "raw", "raw": "{\"ids\": [1, 2]}"});
    for (limits, stays) in [
        (json!({"minItems": 2}), true),
        (json!({"minItems": 3}), false),
        (json!({"maxItems": 2}), true),
        (json!({"maxItems": 1}), false),
    ] {
        let patch = json!({"paths": {"/a": {"post": {"requestBody": {"content": {"application/json": {
            "schema": {"properties": {"ids": limits}}}}}}}}});
        let overlay = Overlay::new("overlay", &patch.to_string()).expect("a valid overlay");
        let mut converter = Converter::new(drop);
        let source = Source::new("0.json", item.to_string().into_bytes()).expect("valid JSON");
        converter.read(&source).expect("a Postman file");
        let text = converter.finish(Some(&overlay)).expect("a document").to_text();
        assert_eq!(text.contains("\"example\""), stays, "{limits}");
    }
}

#[test]
fn a_tie_is_resolved_independently_of_the_order() {
    let described = |name: &str, server: &str, description: &str| json!({"name": name, "request": {"method": "GET", "url": format!("https://{server}.example/{name}"), "description": description}});
    // Two servers with the same number of operations, and two descriptions of the same length.
    let mut items = [
        described("x", "b", "Text b."),
        described("x", "b", "Text a."),
        described("y", "a", "Longer."),
        described("y", "a", "Short"),
    ];
    for _ in 0..2 {
        let (document, ..) = convert(&[json!(items)]);
        assert_eq!(document["servers"], json!([{"url": "https://a.example"}]));
        assert_eq!(document["paths"]["/x"]["get"]["servers"], json!([{"url": "https://b.example"}]));
        assert_eq!(document["paths"]["/x"]["get"]["description"], "Text a.");
        assert_eq!(document["paths"]["/y"]["get"]["description"], "Longer.");
        items.reverse();
    }
}

#[test]
fn a_credential_is_hidden_in_unexpected_places() {
    let file = json!({"info": {"name": "T"}, "auth": {"type": "apikey", "apikey": [{"key": "value", "value": "h1dd3n-key"}]}, "item": [{
        "name": "Call with h1dd3n-key", "request": {"method": "GET", "description": "curl /bot/h1dd3n-key",
        "url": "https://h1dd3n-key.example/bot/h1dd3n-key?q=h1dd3n-key"}}]});
    let (text, ..) = convert_texts(&[&file.to_string()]);
    assert!(!text.to_lowercase().contains("h1dd3n"), "{text}");
}

#[test]
fn the_same_key_in_a_header_and_in_the_query_is_two_schemes() {
    let item = |name: &str, place: &str| {
        json!({"name": name, "request": {"method": "GET", "url": format!("/{place}"),
        "auth": {"type": "apikey", "apikey": [{"key": "key", "value": "api_key"}, {"key": "in", "value": place}]}}})
    };
    let document = convert(&[json!([item("A", "query"), item("B", "header")])]).0;
    for place in ["query", "header"] {
        let requirement = document["paths"][format!("/{place}")]["get"]["security"][0].as_object().expect("one");
        let name = requirement.keys().next().expect("a scheme");
        assert_eq!(document["components"]["securitySchemes"][name]["in"], place);
    }
}

#[test]
fn a_query_key_with_and_without_a_member_is_a_list_of_texts() {
    for query in ["filter[a]=1&filter=2", "filter=2&filter[a]=1"] {
        let (document, ..) = convert(&[item("Get a", "GET", &format!("/a?{query}"))]);
        let parameters = document["paths"]["/a"]["get"]["parameters"].as_array().expect("parameters");
        let filter = parameters.iter().find(|known| known["name"] == "filter").expect("the parameter");
        assert_ne!(filter["style"], "deepObject", "{query}");
        assert_ne!(filter["schema"]["type"], "object", "{query}");
    }
}

#[test]
fn a_name_of_words_is_kept_even_if_it_is_also_the_sample_of_a_credential() {
    let fields = json!([{"key": "refresh_token", "value": "refresh_token"}]);
    let file = json!({"name": "Log in", "request": {"method": "POST", "url": "/a", "body": {"mode": "urlencoded", "urlencoded": fields}}});
    let (document, ..) = convert(&[file]);
    let content = &document["paths"]["/a"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"];
    assert!(content["schema"]["properties"]["refresh_token"].is_object(), "{content}");
}

#[test]
fn credentials_in_names_are_hidden_and_the_names_stay_distinct() {
    let tokens = ["abc123def456", "fed654cba321"];
    let auth = json!({"type": "basic", "basic": [{"key": "username", "value": tokens[0]}, {"key": "password", "value": tokens[1]}]});
    let query: Vec<Value> = tokens.iter().map(|token| json!({"key": token, "value": "1"})).collect();
    let file =
        json!({"name": "Get a", "request": {"method": "GET", "auth": auth, "url": {"raw": "/a", "query": query}}});
    let (document, ..) = convert(&[file]);
    let parameters = document["paths"]["/a"]["get"]["parameters"].as_array().expect("parameters");
    let names: Vec<&Value> = parameters.iter().map(|parameter| &parameter["name"]).collect();
    assert_eq!(names, ["redacted", "redacted2"]);
}

#[test]
fn a_credential_that_json_escapes_or_writes_as_a_number_is_hidden() {
    for (secret, body) in [
        ("p@ss\"w0rd\\1", json!({"note": "my p@ss\"w0rd\\1"})),
        ("1234567890123", json!({"note": 1_234_567_890_123_u64})),
    ] {
        let file = json!({"name": "Log in", "request": {"method": "POST", "url": "/a",
            "auth": {"type": "basic", "basic": [{"key": "password", "value": secret}]},
            "body": {"mode": "raw", "raw": body.to_string()}}});
        let text = convert_texts(&[&file.to_string()]).0;
        assert!(!text.contains("w0rd") && !text.contains("1234567890123"), "{text}");
    }
}

#[test]
fn a_header_that_a_response_has_twice_is_written_once() {
    let file = json!({"name": "Get a", "request": {"method": "GET", "url": "/a"}, "response": [{"code": 200,
        "header": [{"key": "X-Page", "value": "1"}, {"key": "x-page", "value": "last"}]}]});
    assert_eq!(convert_texts(&[&file.to_string()]).0.to_lowercase().matches("\"x-page\"").count(), 1);
}

#[test]
fn a_body_of_any_depth_gives_a_document_that_can_be_read() {
    let mixed = (0..24).fold(json!(1), |inner, _| json!([1, {"a": inner}]));
    let plain = (0..48).fold(json!(1), |inner, _| json!({"a": inner}));
    for (body, is_cut) in [(mixed, true), (plain, false)] {
        let file = json!({"name": "Get a", "request": {"method": "POST", "url": "/a", "body": {"mode": "raw", "raw": body.to_string()}},
            "response": [{"code": 200, "body": body.to_string()}]});
        let (text, notes, _) = convert_texts(&[&file.to_string()]);
        let read = serde_json::from_str::<Value>(&text);
        let is_noted =
            notes.iter().any(|note| note.to_string().starts_with("note: POST /a: a body is nested so deeply"));
        assert_eq!(is_noted, is_cut, "{notes:?}");
        assert!(read.is_ok(), "{}", read.err().map(|error| error.to_string()).unwrap_or_default());
    }
}

#[test]
fn the_type_of_an_auth_is_read_in_any_case() {
    for kind in ["apikey", "apiKey", "APIKEY"] {
        let key = json!([{"key": "key", "value": "X-Custom-Key-1"}, {"key": "value", "value": "s3cr3t-value"}]);
        let mut item = item("List pets", "GET", "/pets");
        item["request"]["auth"] = json!({"type": kind, kind: key});
        let (document, ..) = convert(&[item]);
        let schemes = &document["components"]["securitySchemes"];
        assert_eq!(
            *schemes,
            json!({"apiKey-X-Custom-Key-1": {"type": "apiKey", "name": "X-Custom-Key-1", "in": "header"}})
        );
    }
}

#[test]
fn a_misspelled_property_of_the_default_response_is_refused() {
    let file = json!({"name": "Get a", "request": {"method": "GET", "url": "/a"},
        "response": [{"body": "{\"name\": \"x\"}", "_postman_previewlanguage": "json"}]});
    let patch = json!({"paths": {"/a": {"get": {"responses": {"default": {"content": {"application/json": {
        "schema": {"properties": {"nmae": {"maxLength": 3}}}}}}}}}}});
    let mut converter = Converter::new(drop);
    converter.read(&Source::new("0.json", file.to_string().into_bytes()).expect("JSON")).expect("a file");
    let overlay = Overlay::new("overlay.json", &patch.to_string()).expect("an object");
    let refused = converter.finish(Some(&overlay)).err().expect("refused").to_string();
    assert!(refused.contains("properties/nmae constrains a schema that does not exist"), "{refused}");
}

#[test]
fn an_encoded_credential_is_in_no_place_of_the_document() {
    let auth = json!({"type": "basic", "basic": [{"key": "password", "value": "p@ss/w0rd 1"}]});
    for url in [
        json!("https://a.example/x/p%40ss%2Fw0rd%201/y"),
        json!("https://p%40ss%2fw0rd%201.a.example/x"),
        json!({"raw": "https://a.example/x", "query": [{"key": "q", "value": "p%40ss%2Fw0rd%201"}]}),
    ] {
        let mut item = item("Get it", "GET", "");
        item["request"] = json!({"url": url, "auth": auth});
        let (document, ..) = convert(&[item]);
        assert!(!document.to_string().contains("w0rd"), "{document}");
    }
}

#[test]
fn paths_that_differ_only_in_a_credential_are_both_written() {
    let item =
        |name: &str| json!({"name": "", "request": {"method": "GET", "url": format!("https://a.example/h/{name}/x")}});
    let file = json!({"info": {"name": "T"}, "item": [item("secret-one-1"), item("secret-two-2")],
        "variable": [{"key": "a_token", "value": "secret-one-1"}, {"key": "b_token", "value": "secret-two-2"}]});
    let document = convert(&[file]).0;
    assert_eq!(document["paths"].as_object().expect("paths").len(), 2);
}

#[test]
fn a_url_is_not_a_credential() {
    let oauth = json!({"type": "oauth2", "oauth2": [{"key": "audience", "value": "https://api.example.com"},
        {"key": "grant_type", "value": "client_credentials"}, {"key": "accessTokenUrl", "value": "{{tokenUrl}}"}]});
    let file = json!({"info": {"name": "T"}, "variable": [{"key": "tokenUrl", "value": "https://auth.example.com/token"}],
        "item": [{"name": "Get a", "request": {"method": "GET", "url": "https://api.example.com/a", "auth": oauth}}]});
    let document = convert(&[file]).0;
    assert_eq!(document["servers"][0]["url"], "https://api.example.com");
    let flows = &document["components"]["securitySchemes"]["oauth2"]["flows"];
    assert_eq!(flows["clientCredentials"]["tokenUrl"], "https://auth.example.com/token");
}

#[test]
fn the_longest_message_of_an_error_code_is_used() {
    let answers = ["No.", "No such pet.", "None."]
        .map(|message| json!({"name": format!("**Error Code:** `300` <br>\n{message}"), "code": 404}));
    let mut item = item("Get a", "GET", "/a");
    item["response"] = json!(answers);
    let codes = convert(&[item]).0["paths"]["/a"]["get"]["responses"]["404"]["x-error-codes"].clone();
    assert_eq!(codes, json!([{"code": 300, "message": "No such pet."}]));
}

#[test]
fn a_path_with_more_than_a_hundred_parameters_is_left_out() {
    for (count, left_out) in [(100, 0), (101, 1)] {
        let (_, _, counts) =
            convert(&[json!([item("Get a", "GET", "/a"), item("Get b", "GET", &"/:b".repeat(count))])]);
        assert_eq!(counts.left_out, left_out, "{count}");
    }
}

#[test]
fn an_item_decides_whether_its_body_is_required() {
    let mut item = item("Create a", "POST", "/a");
    let bare = json!({"info": {"name": "T"}, "item": [item]});
    item["request"]["body"] = json!({"mode": "raw", "raw": "{\"a\": 1}"});
    for files in [[item.clone(), bare.clone()], [bare, item]] {
        assert_eq!(convert(&files).0["paths"]["/a"]["post"]["requestBody"]["required"], true);
    }
}

#[test]
fn an_implicit_flow_has_no_token_url_and_a_flow_without_urls_is_not_another_scheme() {
    let with = |name: &str, grant: &str, urls: bool| {
        let mut attributes = vec![json!({"key": "grant_type", "value": grant})];
        for key in ["authUrl", "accessTokenUrl"].iter().filter(|_| urls) {
            attributes.push(json!({"key": key, "value": format!("https://a.example/{key}")}));
        }
        let auth = json!({"type": "oauth2", "oauth2": attributes});
        json!({"name": name, "request": {"method": "GET", "url": format!("/{name}"), "auth": auth}})
    };
    let (document, ..) = convert(&[json!([
        with("a", "implicit", true),
        with("b", "authorization_code", true),
        with("c", "authorization_code", false)
    ])]);
    let schemes = document["components"]["securitySchemes"].as_object().expect("schemes");
    assert_eq!(schemes.keys().collect::<Vec<_>>(), ["oauth2"]);
    let flows = &schemes["oauth2"]["flows"];
    assert!(flows["implicit"].get("tokenUrl").is_none(), "{flows}");
    assert_eq!(flows["authorizationCode"]["tokenUrl"], "https://a.example/accessTokenUrl");
}

#[test]
fn a_reference_in_a_body_is_not_shown_as_an_example() {
    let mut item = item("Create a", "POST", "/a");
    for (body, is_shown) in [(json!({"rows": [{"$ref": "#/x"}]}), false), (json!({"$ref": 1}), true)] {
        item["request"]["body"] = json!({"mode": "raw", "raw": body.to_string()});
        let (document, ..) = convert(std::slice::from_ref(&item));
        let content = &document["paths"]["/a"]["post"]["requestBody"]["content"]["application/json"];
        assert_eq!(content.get("example").is_some(), is_shown, "{body}");
    }
}

#[test]
fn a_word_of_openapi_is_not_taken_for_a_credential() {
    let mut item = item("Get a", "GET", "/a");
    item["request"]["auth"] = json!({"type": "oauth2", "oauth2": [{"key": "client_auth", "value": "oauth2"}]});
    let (document, ..) = convert(&[item]);
    assert_eq!(document["components"]["securitySchemes"]["oauth2"]["type"], "oauth2");
}

#[test]
fn a_credential_of_any_origin_is_hidden_elsewhere() {
    let secret = "s3cr3t-value";
    let auth = json!({"type": "hawk", "hawk": [{"key": "key", "value": secret}]});
    let header = |name: &str, value: String| json!([{"key": name, "value": value}]);
    let variable = json!([{"key": "x", "value": secret, "type": "secret"}]);
    for (place, value) in [
        ("/item/0/request/auth", auth),
        ("/item/0/request/header", header("Cookie", format!("a=1; b={secret}"))),
        ("/item/0/request/header", header("X-Auth", secret.to_owned())),
        ("/item/0/request/header", header("Authorization", format!("Bearer {secret}"))),
        ("/item/0/request/url", json!(format!("https://{secret}:x@a.example/a"))),
        ("/item/0/request/url", json!(format!("https://x:{secret}@a.example/a"))),
        ("/variable", variable),
    ] {
        let mut file = json!({"info": {"name": "T"}, "variable": [], "item": [{"name": "Get a",
            "request": {"method": "GET", "url": "/a", "header": [], "auth": null, "description": format!("Send {secret}.")}}]});
        *file.pointer_mut(place).expect("a place") = value;
        let (text, ..) = convert_texts(&[&file.to_string()]);
        assert!(text.contains("Send <secret>.") && !text.contains(secret), "{place}: {text}");
    }
}

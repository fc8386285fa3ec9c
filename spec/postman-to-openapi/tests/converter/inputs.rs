//! All forms of Postman files, and how their contents are converted.

use std::path::{Path, PathBuf};

use postman_to_openapi::{Converter, Counts, Note, Overlay, Source};
use serde_json::{Value, json};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Converts JSON values, each like a file; returns the document, notes and counts.
fn convert(files: &[Value]) -> (Value, Vec<Note>, Counts) {
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

fn item(name: &str, method: &str, url: &str) -> Value {
    json!({"name": name, "request": {"method": method, "url": url}})
}

/// Compares with a file; `UPDATE_GOLDEN=1 cargo test` updates it instead.
fn golden(name: &str, made: &str) {
    let path = fixture(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, made).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let diff =
        similar::TextDiff::from_lines(golden.as_str(), made).unified_diff().header(name, "now").to_string();
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
        said[0]
            .starts_with("left out: 0.json:1: Outer / Inner / Bad: OpenAPI does not support its method VIEW"),
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
        notes
            .iter()
            .filter(|note| note.to_string().contains("another operation is also named getPet"))
            .count(),
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
    assert_eq!(
        serde_json::to_string(&convert(&[Value::Array(items)]).0).ok(),
        serde_json::to_string(&forth).ok()
    );
}

#[test]
fn a_file_that_is_not_from_postman_is_refused() {
    for text in ["{}", "[]x", "7", "null", "{\"name\": \"x\"}", "{\"collection\": 3}", "\"text\""] {
        let mut converter = Converter::new(|_| {});
        let refused = match Source::new("x.json", text.as_bytes().to_vec()) {
            Ok(source) => converter.read(&source).err(),
            Err(error) => Some(error),
        };
        let message = refused.unwrap_or_else(|| panic!("{text} is taken")).to_string();
        assert!(message.starts_with("x.json") && !message.contains('\n'), "{message}");
    }
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
fn a_hand_written_authorization_header_counts_unless_the_request_has_auth() {
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
        item["request"]["auth"] = json!({"type": "noauth"});
        assert_eq!(convert(&[item]).0["paths"]["/a"]["get"]["security"], json!([]));
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
    let (must, may) = (
        json!({"key": "must", "value": "1", "description": "(Required) It."}),
        json!({"key": "may", "value": "1"}),
    );
    let mut item = item("Create a", "POST", "/a");
    item["request"]["body"] = body(json!([must, may]));
    let original = json!({"method": "POST", "url": "/a", "body": body(json!([{"key": "may", "value": "2"}, {"key": "own", "value": "3"}]))});
    item["response"] = json!([{"name": "Done", "code": 200, "originalRequest": original}]);
    let (document, ..) = convert(&[item]);
    let schema = &document["paths"]["/a"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
        ["schema"];
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

//! What people who write collections by hand do, and exporters do not.

use postman_to_openapi::Note;
use serde_json::{Value, json};

use crate::inputs::{convert, item};

fn collection(items: &[Value], variables: &Value) -> Value {
    json!({"info": {"name": "T"}, "item": items, "variable": variables})
}

/// Every operation as `METHOD URL`.
fn calls(document: &Value) -> Vec<String> {
    let mut calls = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let server = operation.get("servers").unwrap_or(&document["servers"]);
            let server = server[0]["url"].as_str().expect("a server").trim_end_matches('/');
            calls.push(format!("{} {server}{path}", method.to_uppercase()));
        }
    }
    calls.sort();
    calls
}

fn said(notes: &[Note]) -> String {
    notes.iter().map(Note::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_url_in_variables_is_split_after_they_are_filled_in() {
    let host = "https://a.example";
    let url = |key: &str, value: &str| json!({"key": key, "value": value});
    for (variables, urls, expected) in [
        (
            json!([url("pets", "https://a.example/v1/pets"), url("toys", "https://a.example/v1/toys")]),
            &["{{pets}}", "{{toys}}?x=1", "{{pets}}/:id", "{{toys}}/{{id}}"][..],
            &["/v1/pets", "/v1/pets/{id}", "/v1/toys", "/v1/toys/{id}"][..],
        ),
        (
            json!([
                url("host", "a.example"),
                url("pets", "/v1/pets/"),
                url("all", "https://{{host}}{{pets}}?a=b#c")
            ]),
            &["{{all}}", "https://{{host}}{{pets}}:id", "https://{{host}}/v1/toys"],
            &["/v1/pets/", "/v1/pets/{id}", "/v1/toys"],
        ),
        (
            json!([url("base", "https://a.example/v1/")]),
            &["{{base}}pets", "{{base}}toys?page=1", "{{base}}pets/:id", "{{base}}/toys/:id", "{{base}}"],
            &["/v1/", "/v1/pets", "/v1/pets/{id}", "/v1/toys", "/v1/toys/{id}"],
        ),
        (
            json!([url("base", "https://a.example/v1")]),
            &["{{base}}?page=1", "{{base}}/toys", "https://a.example/v1/cats"],
            &["/v1/", "/v1/cats", "/v1/toys"],
        ),
        (
            json!([url("base", "https://a.example/v1")]),
            &["{{base}}pets/:id", "{{base}}pets"],
            &["/v1pets", "/v1pets/{id}"],
        ),
        (
            json!([url("base", "https://a.example/v1"), url("host", "https://a.example")]),
            &["{{base}}/pets", "{{host}}/token", "{{host}}/v1/toys"],
            &["/token", "/v1/pets", "/v1/toys"],
        ),
        (json!([url("dispatch", "https://a.example/index.php?m=")]), &["{{dispatch}}pets"], &["/index.php"]),
    ] {
        let items: Vec<Value> = urls.iter().map(|url| item("", "GET", url)).collect();
        let (document, notes, counts) = convert(&[collection(&items, &variables)]);
        let expected: Vec<String> = expected.iter().map(|path| format!("GET {host}{path}")).collect();
        assert_eq!(calls(&document), expected, "{urls:?}");
        assert_eq!((counts.merged, counts.left_out), (0, 0), "{}", said(&notes));
        let servers = document.to_string().matches("\"servers\"").count();
        assert_eq!(servers, 1, "{urls:?}");
    }
}

#[test]
fn requests_that_only_variables_without_a_value_tell_apart_are_never_merged() {
    for (urls, left_out) in [
        (["{{signIn}}", "{{upload}}", "{{signIn}}"], &["{{upload}}"][..]),
        (["{{signIn}}/", "{{upload}}?x=1", "{{base}}/pets"], &["{{upload}}"]),
        (["{{pets}}/:id", "{{toys}}/{{id}}", "{{toys}}/:id/x"], &["{{toys}}"]),
        (["https://{{pets}}", "https://{{toys}}/", "https://a.example"], &["{{toys}}", "{{pets}}"]),
        (["{{base}}pets", "{{base}}toys", "{{base}}pets/:id"], &[]),
    ] {
        let items: Vec<Value> = urls.iter().map(|url| item("", "POST", url)).collect();
        for files in [vec![collection(&items, &json!([]))], items] {
            let (_, notes, counts) = convert(&files);
            let notes: Vec<String> = notes.iter().map(Note::to_string).collect();
            let notes: Vec<&String> = notes.iter().filter(|note| note.starts_with("left out")).collect();
            assert_eq!(counts.left_out, left_out.len(), "{urls:?} {notes:?}");
            for (note, variable) in notes.iter().zip(left_out) {
                assert!(note.contains(variable) && note.contains("no value"), "{note}");
            }
        }
    }
}

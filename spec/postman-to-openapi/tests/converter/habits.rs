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

/// The paths of a collection with these requests, `METHOD URL`, and the notes.
fn paths(requests: &[&str]) -> (Vec<String>, String) {
    let of = |request: &&str| {
        let (method, url) = request.split_once(' ').expect("a method");
        item("", method, url)
    };
    let items: Vec<Value> = requests.iter().map(of).collect();
    let (document, notes, _) = convert(&[collection(&items, &json!([{"key": "feed", "value": ":feed"}]))]);
    let paths = document["paths"].as_object().expect("paths").keys().cloned().collect();
    (paths, said(&notes))
}

#[test]
fn a_blank_in_a_path_is_a_parameter() {
    for (url, path) in [
        ("/quotes/<quoteId>/lines/<line id>.json", "/quotes/{quoteId}/lines/{line_id}.json"),
        ("https://a.example/accounts/[accountId]", "/accounts/{accountId}"),
        ("https://[::1]:80/accounts/[]/x", "/accounts/[]/x"),
        ("<baseUrl>/users/YOUR_USER_ID", "/users/{USER_ID}"),
        ("{{base}}/users/<long>/feeds/%3Cuuid%3E?max=<max>", "/users/{userId}/feeds/{feedId}"),
        ("/a<b/c>d/e", "/a%3Cb/c%3Ed/e"),
    ] {
        assert_eq!(paths(&[&format!("GET {url}")]).0, [path], "{url}");
    }
    let (document, ..) = convert(&[item("", "GET", "/users/<long>")]);
    assert_eq!(document["paths"]["/users/{userId}"]["get"]["parameters"][0]["schema"]["type"], "integer");
}

#[test]
fn a_recorded_id_is_a_parameter_named_after_the_segment_before() {
    const UUID: &str = "6f6c1f62-6a39-4bd4-8b4a-1f7e0c6a2a11";
    for (requests, expected) in [
        (
            &["GET /blogs/62/articles/19.json", "DELETE /blogs/62/articles/20.json"][..],
            &["/blogs/{blogId}/articles/{articleId}.json"][..],
        ),
        (
            &["GET /orders/1", "GET /orders/2", "GET /orders/1/lines/7"],
            &["/orders/{orderId}", "/orders/{orderId}/lines/7"],
        ),
        (&["GET /orders/:id", "PUT /orders/2"], &["/orders/{id}"]),
        (
            &["POST /tasks/1:cancel", "POST /tasks/2:cancel", "POST /tasks/1:start"],
            &["/tasks/1:start", "/tasks/{taskId}:cancel"],
        ),
        (
            &["GET /{{feed}}/pay-in-methods/1/lines/1", "GET /{{feed}}/pay-in-methods/1/lines/2"],
            &["/{feed}/pay-in-methods/{payInMethodId}/lines/{lineId}"],
        ),
        (&["GET /lines/1/:lineId", "GET /lines/2/:lineId"], &["/lines/{lineId}/{lineId2}"]),
        // A single number, and a version, may be part of the name.
        (
            &["GET /orders/1", "GET /status/200", "GET /x/v1/2.0/y"],
            &["/orders/1", "/status/200", "/x/v1/2.0/y"],
        ),
        (&["GET /2/api/3/files", "POST /2/api/3/files"], &["/2/api/3/files"]),
    ] {
        assert_eq!(paths(requests).0, expected, "{requests:?}");
    }
    let url = format!("https://a.example/{UUID}/orders/{UUID}/{UUID}.json");
    let (document, notes, _) = convert(&[item("Get it", "GET", &url)]);
    let operation = &document["paths"]["/{id}/orders/{orderId}/{orderId2}.json"]["get"];
    assert_eq!(operation["parameters"][1]["schema"], json!({"type": "string", "format": "uuid"}));
    assert_eq!(
        said(&notes),
        "note: 0.json:1: Get it: an id recorded in its path is a parameter: id, orderId, orderId2"
    );
}

#[test]
fn a_colon_inside_a_segment_stays() {
    assert_eq!(
        paths(&["POST /{{feed}}/tasks:run", "POST tasks:run/x"]).0,
        ["/tasks:run/x", "/{feed}/tasks:run"]
    );
    for value in ["7", "", "7:cancel", ":taskId"] {
        for key in ["taskId", "taskId:cancel"] {
            let mut item = item("", "POST", "");
            item["request"]["url"] = json!({"host": "{{base}}", "path": ["tasks", ":taskId:cancel"],
                "variable": [{"key": key, "value": value, "description": "It."}]});
            let (document, ..) = convert(&[item]);
            let parameters = &document["paths"]["/tasks/{taskId}:cancel"]["post"]["parameters"];
            assert_eq!(
                (&parameters[0]["name"], &parameters[0]["description"]),
                (&json!("taskId"), &json!("It."))
            );
            let integer = value == "7" || value == "7:cancel" && key == "taskId:cancel";
            assert_eq!(
                parameters[0]["schema"]["type"],
                if integer { "integer" } else { "string" },
                "{value}"
            );
        }
    }
}

#[test]
fn slashes_are_read_as_servers_read_them() {
    assert_eq!(paths(&["GET {{base}}//pets///:id", "PUT {{base}}/pets/{{petId}}"]).0, ["/pets/{id}"]);
    for (requests, noted) in [
        (&["GET /pets/", "POST /pets", "GET /toys/"][..], 1),
        (&["GET /pets/", "GET /toys"], 1),
        (&["GET /pets/:id/", "PUT /pets/{{petId}}", "GET /toys/"], 1),
        (&["GET /pets/", "GET /toys/", "GET /cats"], 0),
        (&["GET /", "GET /toys"], 0),
    ] {
        let (_, notes) = paths(requests);
        assert_eq!(notes.matches("ends in a slash").count(), noted, "{requests:?} {notes}");
    }
}

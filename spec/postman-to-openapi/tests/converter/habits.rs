//! What people who write collections by hand do, and exporters do not.

use postman_to_openapi::{Converter, Note, Source};
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
            json!([url("host", "a.example"), url("pets", "/v1/pets/"), url("all", "https://{{host}}{{pets}}?a=b#c")]),
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
        ("{{base}}/users/<long>/feeds/<uuid>?max=<max>", "/users/{userId}/feeds/{feedId}"),
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
        (&["GET /orders/1", "GET /status/200", "GET /x/v1/2.0/y"], &["/orders/1", "/status/200", "/x/v1/2.0/y"]),
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
    assert_eq!(paths(&["POST /{{feed}}/tasks:run", "POST tasks:run/x"]).0, ["/tasks:run/x", "/{feed}/tasks:run"]);
    for value in ["7", "", "7:cancel", ":taskId"] {
        for key in ["taskId", "taskId:cancel"] {
            let mut item = item("", "POST", "");
            item["request"]["url"] = json!({"host": "{{base}}", "path": ["tasks", ":taskId:cancel"],
                "variable": [{"key": key, "value": value, "description": "It."}]});
            let (document, ..) = convert(&[item]);
            let parameters = &document["paths"]["/tasks/{taskId}:cancel"]["post"]["parameters"];
            assert_eq!((&parameters[0]["name"], &parameters[0]["description"]), (&json!("taskId"), &json!("It.")));
            let integer = value == "7" || value == "7:cancel" && key == "taskId:cancel";
            assert_eq!(parameters[0]["schema"]["type"], if integer { "integer" } else { "string" }, "{value}");
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

#[test]
fn an_authorization_header_counts_although_auth_is_switched_off() {
    let mut own = item("Get a", "GET", "/a");
    own["request"]["header"] = json!([{"key": "Authorization", "value": "Bearer {{token}}"}]);
    own["request"]["auth"] = json!({"type": "noauth"});
    let mut key = item("Get b", "GET", "/b");
    key["request"]["header"] = json!("authorization: {{key}}\n");
    let mut off = own.clone();
    off["request"]["url"] = json!("/c");
    off["request"]["header"][0]["disabled"] = json!(true);
    let folder = json!({"name": "F", "auth": {"type": "noauth"}, "item": [key, item("Get d", "GET", "/d")]});
    let file = json!({"info": {"name": "T"}, "auth": {"type": "basic"}, "item": [own, folder, off]});
    let document = convert(&[file]).0;
    for (path, security) in [
        ("/a", json!([{"bearer": []}])),
        ("/b", json!([{"apiKey-Authorization": []}])),
        ("/c", json!([])),
        ("/d", json!([])),
    ] {
        assert_eq!(document["paths"][path]["get"]["security"], security, "{path}");
    }
}

/// The body of a request with this one, and the notes.
fn body(method: &str, body: &Value, header: &Value, behavior: &Value) -> (Value, String) {
    let mut item = item("Make it", method, "/a");
    item["request"]["body"] = body.clone();
    item["request"]["header"] = header.clone();
    item["protocolProfileBehavior"] = behavior.clone();
    let (document, notes, _) = convert(&[item]);
    let content = document["paths"]["/a"][method.to_lowercase()]["requestBody"]["content"].clone();
    (content, said(&notes))
}

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn text_under_a_forms_media_type_is_the_form_or_what_it_is() {
    let raw = |text: &str, kind: &str| {
        body(
            "POST",
            &json!({"mode": "raw", "raw": text}),
            &json!([{"key": "Content-Type", "value": kind}]),
            &json!(null),
        )
    };
    let (content, notes) = raw("grant_type=x+y\n&limit=5&client_secret=abc123def&q=%C3%A9&state={{state}}", FORM);
    assert_eq!(notes, "");
    let schema = &content[FORM]["schema"]["properties"];
    assert_eq!(schema["limit"]["type"], "integer");
    assert_eq!(schema["state"], json!({"type": "string"}));
    assert_eq!(content[FORM]["example"]["grant_type"], "x y");
    assert_eq!(content[FORM]["example"]["q"], "é");
    assert!(!content.to_string().contains("abc123def"), "{content}");
    for (text, kind, described, schema) in [
        (r#"{"a": {{x}}}"#, FORM, "application/json", "object"),
        (r#"[{"a": 1}]"#, "multipart/form-data; boundary=x", "application/json", "array"),
        ("<a b='c'/>", FORM, "application/xml", "string"),
        ("{{body}}", FORM, FORM, "object"),
        ("a", FORM, FORM, "object"),
        ("a=1", "multipart/form-data", "multipart/form-data", "object"),
    ] {
        let (content, notes) = raw(text, kind);
        assert_eq!(content.as_object().expect("content").keys().collect::<Vec<_>>(), [described], "{text}");
        assert_eq!(content[described]["schema"]["type"], schema, "{text}");
        let note = if described.contains("form") { "the fields of its form are not known" } else { described };
        assert!(notes.ends_with(note), "{notes}");
    }
}

#[test]
fn a_body_that_postman_does_not_send_is_dropped_with_a_note() {
    let forms = json!({"mode": "urlencoded", "urlencoded": [{"key": "a", "value": "1"}]});
    let json = json!({"mode": "raw", "raw": "{\"a\": 1"});
    for (method, sent, behavior, is_kept) in [
        ("GET", &json, json!(null), false),
        ("HEAD", &forms, json!({"disableBodyPruning": false}), false),
        ("GET", &forms, json!({"disableBodyPruning": true}), true),
        ("DELETE", &json, json!(null), true),
    ] {
        let (content, notes) = body(method, sent, &json!(null), &behavior);
        assert_eq!(!content.is_null(), is_kept, "{method} {sent}");
        let dropped = "its body is left out because Postman does not send one with GET or HEAD";
        assert_eq!(notes.ends_with(dropped), !is_kept, "{notes}");
        assert_eq!(notes.lines().count(), usize::from(!(is_kept && sent == &forms)));
    }
    assert_eq!(body("GET", &json!({"mode": "raw", "raw": ""}), &json!(null), &json!(null)).1, "");
    let mut asked = item("Get a", "GET", "/a");
    asked["response"] = json!([{"code": 200, "originalRequest": {"method": "GET", "url": "/a", "body": forms}}]);
    let folder = |behavior: bool| json!({"name": "F", "item": [asked], "protocolProfileBehavior": {"disableBodyPruning": behavior}});
    for (file, is_kept) in [
        (json!({"info": {}, "item": [folder(true)]}), true),
        (json!({"info": {}, "item": [folder(false)], "protocolProfileBehavior": {"disableBodyPruning": true}}), false),
        (json!({"info": {}, "item": [asked], "protocolProfileBehavior": {"disableBodyPruning": true}}), true),
    ] {
        assert_eq!(convert(&[file]).0["paths"]["/a"]["get"].get("requestBody").is_some(), is_kept);
    }
}

#[test]
fn what_is_disabled_counts_for_nothing() {
    let off =
        |key: &str, value: &str| json!([{"key": key, "value": value, "disabled": true}, {"key": "on", "value": "1"}]);
    let request = |body: Value, header: Value| {
        let url = json!({"raw": "/a/:id?on=1&q=2", "query": off("q", "1"), "variable": off("id", "7")});
        json!({"name": "Send tok-123-456", "request": {"method": "POST", "url": url, "header": header, "body": body}})
    };
    let form = off("field", "x");
    let text = json!({"mode": "raw", "raw": "{\"a\": 1}"});
    for (body, header, media) in [
        (text.clone(), off("Content-Type", "text/xml"), "application/json"),
        (text.clone(), json!("// Content-Type: text/xml\nOn: 1"), "application/json"),
        (json!({"mode": "formdata", "formdata": form}), off("content-type", "application/json"), "multipart/form-data"),
        (json!({"mode": "urlencoded", "urlencoded": form}), off("Content-Type", "application/json"), FORM),
        (json!({"mode": "file", "file": {}}), off("Content-Type", "text/xml"), "application/octet-stream"),
        (text.clone(), off("Authorization", "Bearer tok-123-456"), "application/json"),
        (text, off("X-Mode", "fast"), "application/json"),
    ] {
        let mut item = request(body, header);
        item["response"] = json!([{"code": 200, "originalRequest": item["request"]}]);
        let (document, notes, _) = convert(&[item]);
        let operation = &document["paths"]["/a/{id}"]["post"];
        let names: Vec<&str> = operation["parameters"]
            .as_array()
            .expect("parameters")
            .iter()
            .map(|parameter| parameter["name"].as_str().expect("a name"))
            .collect();
        assert_eq!(
            names.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>(),
            ["id", "on", "on"],
            "{}",
            said(&notes)
        );
        assert_eq!(operation["parameters"][0]["schema"]["type"], "string");
        assert_eq!(operation.get("security"), None);
        let content = &operation["requestBody"]["content"];
        assert_eq!(content.as_object().expect("content").keys().collect::<Vec<_>>(), [media]);
        assert_eq!(content[media]["schema"]["properties"].get("field"), None);
    }
    let secret = request(json!(null), off("Authorization", "Bearer tok-123-456"));
    assert!(!convert(&[secret]).0.to_string().contains("tok-123"), "a disabled secret is still a secret");
}

#[test]
fn a_selector_in_the_query_is_required_with_its_values() {
    let selector = |urls: &[&str]| {
        let items: Vec<Value> = urls.iter().map(|url| item("", "GET", url)).collect();
        let (document, ..) = convert(&[collection(&items, &json!([]))]);
        let get = document["paths"].as_object().and_then(|paths| paths.values().next()).expect("a path")["get"].clone();
        get["parameters"]
            .as_array()
            .expect("parameters")
            .iter()
            .filter(|parameter| parameter["required"] == true)
            .map(|parameter| format!("{} {}", parameter["name"], parameter["schema"]["enum"]))
            .collect::<Vec<_>>()
    };
    for (urls, expected) in [
        (
            &["/index.php?m=pets&page=1", "/index.php?m=toys&toy=4", "/index.php?m=pets&page=2"][..],
            &[r#""m" ["pets","toys"]"#][..],
        ),
        (&["/api?module=account&action=list", "/api?module=account&action=get&id=1"], &[r#""action" ["get","list"]"#]),
        (&["/rest?method=a.b.list&key=x", "/rest?method=a.b.get", "/rest"], &[]),
        (&["/rest?method=a.list", "/rest?method={{method}}"], &[]),
        (&["/rest?since=2024-01-01&n=1&on=true&q=a%20b", "/rest?since=2024-01-02&n=2&on=false&q=b%20c"], &[]),
        (&["/rest?method=a.list"], &[]),
        (&["/search?q=cats&n=1", "/search?q=dogs"], &[]),
    ] {
        assert_eq!(selector(urls), expected, "{urls:?}");
    }
}

#[test]
fn an_operation_with_a_server_of_its_own_is_noted() {
    let items = ["https://a.example/a", "https://a.example/b", "https://c.example/c"].map(|url| item("", "GET", url));
    let (_, notes, _) = convert(&items);
    let noted = "note: GET /c: its server https://c.example is not the document's";
    assert_eq!(notes.len(), 1);
    assert!(notes[0].to_string().starts_with(noted), "{notes:?}");
}

#[test]
fn an_environment_gives_values_to_variables_that_have_none() {
    let source = |name: &str, value: &Value| Source::new(name, value.to_string().into_bytes()).expect("JSON");
    let environment = source(
        "e.json",
        &json!({"name": "Test", "values": [
        {"key": "host", "value": "https://a.example", "enabled": true}, {"key": "root", "value": "{{host}}/v1"},
        {"key": "own", "value": "https://b.example"}, {"key": "pet", "value": "7"}, {"key": "off", "value": "8", "enabled": false},
        {"key": "word", "value": "tok-123-456", "type": "secret"}, {"key": "api_token", "value": "tok-654-321"}]}),
    );
    assert!(environment.is_environment());
    let file = collection(
        &[
            item("", "GET", "{{root}}/pets/{{pet}}/{{off}}?a={{word}}&api_token={{api_token}}&c=tok-654-321"),
            item("", "GET", "{{own}}/own"),
        ],
        &json!([{"key": "root", "value": ""}, {"key": "own", "value": "https://c.example"}]),
    );
    for file in [file.clone(), file["item"].clone()] {
        let file = source("c.json", &file);
        assert!(!file.is_environment());
        let mut converter = Converter::new(|_| {});
        converter.read_environment(&environment);
        converter.read(&file).expect("a file");
        let text = converter.finish(None).expect("a document").to_text();
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let calls = calls(&document);
        assert!(calls.contains(&"GET https://a.example/v1/pets/{pet}/{off}".to_owned()), "{calls:?}");
        let parameters = &document["paths"]["/pets/{pet}/{off}"]["get"]["parameters"];
        assert_eq!(
            (&parameters[0]["schema"]["type"], &parameters[1]["schema"]["type"]),
            (&json!("integer"), &json!("string"))
        );
        assert!(!text.contains("tok-"), "{text}");
    }
}

#[test]
fn a_file_of_another_kind_is_refused_with_what_to_do() {
    let old = json!({"id": "1", "name": "T", "order": [], "folders": [], "requests": [{"url": "/a", "method": "GET"}]});
    for (file, what, act) in [
        (old.clone(), "v1", "import it into Postman"),
        (json!({"collection": old}), "v1", "import it into Postman"),
        (json!({"version": 1, "collections": [old], "environments": []}), "backup", "import it into Postman"),
        (json!({"name": "E", "values": [{"key": "a", "value": "b"}]}), "environment", "name its collection too"),
    ] {
        let source = Source::new("x.json", file.to_string().into_bytes()).expect("JSON");
        let refused = Converter::new(|_| {}).read(&source).expect_err("refused").to_string();
        assert!(refused.starts_with("x.json: ") && refused.contains(what) && refused.contains(act), "{refused}");
    }
}

//! What build.rs makes of documents other than the committed one.

#[path = "../build.rs"]
mod build;

use build::generate;
use serde_json::{Value, json};

fn document(operations: Value) -> String {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "t", "version": "1" },
        "servers": [{ "url": "https://api.example.com/v1" }],
        "paths": operations,
    })
    .to_string()
}

fn generated(operations: Value) -> String {
    let code = generate(&document(operations), false).expect("code");
    // Without the layout, so that a search may span what is a line break today.
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn operation(id: &str, body: Value, answers: Value) -> Value {
    let mut operation = json!({ "operationId": id, "responses": answers });
    if !body.is_null() {
        operation["requestBody"] = json!({ "required": true, "content": body });
    }
    operation
}

fn done() -> Value {
    json!({ "204": { "description": "Done." } })
}

fn object(property: &str) -> Value {
    json!({ "schema": { "type": "object", "properties": { property: { "type": "string" } } } })
}

#[test]
fn a_document_that_cannot_be_used_is_named_in_one_sentence_with_its_operation() {
    for (source, words) in [
        ("{".to_owned(), "spec/openapi.json is not JSON"),
        ("{}".to_owned(), "has no `paths`"),
        (document(json!({ "/a": { "get": { "responses": {} } } })), "GET /a has no `operationId`"),
        (
            json!({ "paths": {}, "x-error-code-names": { "300": "invalid id" } }).to_string(),
            "`x-error-code-names` takes numbers and names such as USER_NOT_FOUND, not `300: invalid id`",
        ),
        (
            document(json!({ "/a/{b": { "get": operation("getA", Value::Null, done()) } })),
            "operation `getA` (GET /a/{b): progenitor cannot take it: invalid operation path",
        ),
        (
            document(json!({
                "/a": { "get": operation("getA", Value::Null, done()) },
                "/b": { "get": operation("getA", Value::Null, done()) },
            })),
            "duplicate operation ID: getA",
        ),
    ] {
        let sentence = generate(&source, false).expect_err(words);
        assert!(sentence.contains(words), "{sentence}");
        assert!(!sentence.trim_end().contains('\n'), "{sentence}");
    }
}

#[test]
fn a_multipart_body_is_typed_and_sent_as_its_document_says() {
    let body = json!({ "multipart/form-data": object("stream_key") });
    let code = generated(json!({ "/a": { "patch": operation("updateA", body, done()) } }));
    assert!(code.contains("pub struct UpdateABody {"), "{code}");
    assert!(code.contains(r#"media_type: Some("multipart/form-data")"#));
    assert!(code.contains(".attach("), "{code}");
}

#[test]
fn of_several_media_types_json_is_taken_and_then_a_form() {
    for (body, media_type) in [
        (json!({ "text/plain": object("a"), "application/json": object("a") }), "application/json"),
        (
            json!({ "multipart/form-data": object("a"), "application/merge-patch+json": object("a") }),
            "application/merge-patch+json",
        ),
        (
            json!({ "application/x-www-form-urlencoded": object("a"), "multipart/form-data": object("a") }),
            "multipart/form-data",
        ),
        (
            json!({ "application/xml": object("a"), "application/x-www-form-urlencoded": object("a") }),
            "application/x-www-form-urlencoded",
        ),
    ] {
        let code = generated(json!({ "/a": { "post": operation("createA", body, done()) } }));
        assert!(code.contains(&format!("media_type: Some(\"{media_type}\")")), "{media_type}");
        assert!(code.contains("pub struct CreateABody"), "{media_type} stays typed");
    }
}

#[test]
fn a_body_that_progenitor_has_no_form_for_is_raw_bytes() {
    let body = json!({ "application/xml": { "schema": { "type": "object" } } });
    let code = generated(json!({ "/a": { "post": operation("createA", body, done()) } }));
    assert!(code.contains("body: Result<crate::RawBody, String>"), "{code}");
    assert!(code.contains(".attach_raw("));
}

#[test]
fn each_kind_of_success_becomes_the_nearest_type() {
    let json_answer =
        |property: &str| json!({ "description": "", "content": { "application/json": object(property) } });
    let problem = json!({ "description": "", "content": { "application/problem+json": object("title") } });
    let empty = json!({ "description": "" });
    let xml = json!({ "description": "", "content": { "application/xml": {} } });
    let hal = json!({ "description": "", "content": { "application/hal+json": object("a") } });
    for (answers, output) in [
        (json!({ "204": empty, "400": problem, "default": problem }), "Result<(), crate::Error>"),
        (
            json!({ "200": json_answer("a"), "429": empty, "400": problem }),
            "Result<types::GetAResponse, crate::Error>",
        ),
        (json!({ "200": hal }), "Result<types::GetAResponse, crate::Error>"),
        (json!({ "200": json_answer("a"), "204": empty }), "::Option<types::GetAResponse>, crate::Error>"),
        (
            json!({ "200": json_answer("a"), "201": json_answer("b") }),
            "Result<::serde_json::Value, crate::Error>",
        ),
        (
            json!({ "200": json_answer("a"), "201": json_answer("a") }),
            "Result<types::GetAResponse, crate::Error>",
        ),
        (json!({ "200": xml }), "Result<crate::RawBody, crate::Error>"),
        (json!({ "200": xml, "204": empty }), "Result<crate::RawBody, crate::Error>"),
        (json!({ "default": problem }), "Result<crate::RawBody, crate::Error>"),
        (json!({ "101": empty, "302": empty }), "Result<crate::RawBody, crate::Error>"),
    ] {
        let code = generated(json!({ "/a": { "get": operation("getA", Value::Null, answers.clone()) } }));
        let code = code.replace("Result< ", "Result<").replace(", >", ">");
        assert!(code.contains(output), "{answers} → {output}\n{code}");
    }
}

#[test]
fn an_answers_enum_is_an_open_string_and_a_requests_is_an_enum() {
    let schema = json!({ "schema": { "type": "object", "properties": { "state": { "type": "string", "enum": ["on", "off"] } } } });
    let body = json!({ "application/json": schema });
    let answers = json!({ "200": { "description": "", "content": body.clone() } });
    let code = generated(json!({ "/a": { "post": operation("createA", body, answers) } }));
    assert!(code.contains("pub enum CreateABodyState"), "{code}");
    assert!(!code.contains("enum CreateAResponseState"));
    assert!(code.contains("Known values: `on`, `off`."));
}

#[test]
fn an_enum_whose_values_make_one_name_is_a_string() {
    let schema = json!({ "schema": { "type": "object", "properties": { "sort": { "type": "string", "enum": ["a-b", "a_b", ""] } } } });
    let code = generated(
        json!({ "/a": { "post": operation("createA", json!({ "application/json": schema }), done()) } }),
    );
    assert!(!code.contains("enum CreateABodySort"), "{code}");
}

#[test]
fn of_two_properties_of_one_rust_name_the_second_is_kept_unnamed() {
    let schema = json!({ "schema": { "type": "object", "properties": {
        "className": { "type": "string" },
        "class_name": { "type": "string" },
        "free": { "type": "object" },
    } } });
    let answers = json!({ "200": { "description": "", "content": { "application/json": schema.clone() } } });
    let code = generated(
        json!({ "/a": { "post": operation("createA", json!({ "application/json": schema }), answers) } }),
    );
    assert_eq!(code.matches("pub class_name: ").count(), 2, "one in the body, one in the answer\n{code}");
    assert_eq!(code.matches("pub extra: crate::Extra").count(), 2);
    assert_eq!(code.matches("pub free: ::serde_json::Map<").count(), 2);
}

#[test]
fn a_path_id_checks_itself() {
    let parameter = |name: &str, kind: &str| json!({ "name": name, "in": "path", "required": true, "schema": { "type": kind } });
    for (name, kind, rust) in [
        ("meetingId", "integer", "crate::MeetingId"),
        ("webinarId", "integer", "crate::WebinarId"),
        ("userId", "string", "crate::PathSegment"),
        ("page", "integer", "i64"),
    ] {
        let mut get = operation("getA", Value::Null, done());
        get["parameters"] = json!([parameter(name, kind)]);
        let code = generated(json!({ format!("/a/{{{name}}}"): { "get": get } }));
        assert!(code.contains(&format!("TryInto<{rust}>")), "{name}: {code}");
    }
}

#[test]
fn parameters_that_progenitor_refuses_do_not_sink_the_operation() {
    let mut get = operation("getA", Value::Null, done());
    get["parameters"] = json!([
        { "name": "session", "in": "cookie", "schema": { "type": "string" } },
        { "name": "Accept", "in": "header", "schema": { "type": "string" } },
        { "name": "filter", "in": "query", "style": "deepObject", "schema": { "type": "object" } },
        { "name": "since", "in": "query", "schema": { "type": "string", "format": "date-time" } },
        { "name": "X-Trace", "in": "header", "schema": { "type": "string", "pattern": "^a" } },
    ]);
    let code = generated(json!({ "/a": { "get": get } }));
    assert!(code.contains("\"X-Trace\"") && code.contains("\"since\""), "{code}");
    assert!(!code.contains("chrono") && !code.contains("api-version") && !code.contains("session"));
}

#[test]
fn parameters_of_one_name_get_names_of_their_own_and_are_sent_under_the_given_one() {
    let mut post = operation("createA", json!({ "application/json": object("a") }), done());
    let parameter = |name: &str, place: &str| json!({ "name": name, "in": place, "required": true, "schema": { "type": "string" } });
    post["parameters"] =
        json!([parameter("body", "query"), parameter("user_id", "query"), parameter("userId", "path")]);
    let code = generated(json!({ "/a/{userId}": { "post": post } }));
    for text in [
        "pub fn query_body<V>",
        r#"QueryParam::new("body", &query_body)"#,
        "pub fn user_id<V>",
        r#"QueryParam::new( "user_id", &query_user_id"#,
    ] {
        assert!(code.replace("& ", "&").contains(text), "{text}\n{code}");
    }
}

#[test]
fn lengths_waits_and_codes_travel_beside_the_code() {
    let body = json!({ "multipart/form-data": { "schema": { "type": "object", "properties": {
        "key": { "type": "string", "format": "password", "maxLength": 512 },
        "settings": { "type": "object", "properties": { "name": { "type": "string", "minLength": 1, "maxLength": 50 } } },
    } } } });
    let answers = json!({
        "204": { "description": "" },
        "400": { "description": "", "x-error-codes": [{ "code": 300, "message": "No." }] },
        "429": { "description": "", "x-retry-after-seconds": 30 },
    });
    let code = generated(json!({ "/a": { "patch": operation("updateA", body, answers) } }));
    for facts in [
        "pub key: ::std::option::Option<crate::Secret>",
        "pub name: ::std::option::Option<::std::string::String>",
        r#"field: &["key"], least: None, most: Some(512u64)"#,
        r#"field: &["settings", "name"], least: Some(1u64), most: Some(50u64)"#,
        "documented_wait: Some(::std::time::Duration::from_secs(30u64))",
        r#"status: 400u16, code: 300i64, message: "No.""#,
    ] {
        assert!(code.contains(facts), "{facts}\n{code}");
    }
}

#[test]
fn one_way_to_send_and_nothing_that_skips_the_layer() {
    let source = include_str!("../spec/openapi.json");
    let code = generate(source, true).expect("code");
    for absent in [
        "fn send",
        "fn new_with_client",
        "pub fn new(",
        "api_version",
        ".unwrap()",
        "<details>",
        "JSON schema",
    ] {
        assert!(!code.contains(absent), "{absent}");
    }
    let types = code.matches("#[non_exhaustive]").count();
    assert_eq!(
        types,
        code.split("pub mod builder")
            .next()
            .map_or(0, |types| { types.matches("pub struct ").count() + types.matches("pub enum ").count() })
    );
    assert!(code.contains("::schemars::JsonSchema"));
}

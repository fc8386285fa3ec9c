//! Documents with one thing that is refused, and words of the sentence that refuses it.

use serde_json::{Value, json};

/// A document by the name of each fixture.
pub fn fixtures() -> Vec<(String, String)> {
    let documents = REFUSED.iter().map(|(pointer, value, _)| {
        let name = format!("{pointer} {value}");
        let value = serde_json::from_str(value).unwrap_or_else(|error| panic!("{value}: {error}"));
        (name, document(pointer, value).to_string())
    });
    let mut fixtures: Vec<_> = documents.collect();
    fixtures.push(("the least".to_owned(), document("", Value::Null).to_string()));
    fixtures.push(("committed".to_owned(), include_str!("../../spec/openapi.json").to_owned()));
    fixtures
}

/// The least document, with a value at a pointer: it is added to what is there, or replaces it.
fn document(pointer: &str, value: Value) -> Value {
    let text = json!({ "type": "string" });
    let schema = json!({ "type": "object", "properties": { "text": text } });
    let operation = json!({
        "operationId": "changeThing",
        "parameters": [{ "name": "id", "in": "path", "required": true, "schema": text }],
        "requestBody": { "required": true, "content": { "multipart/form-data": { "schema": schema } } },
        "responses": { "200": { "description": "", "content": { "application/json": { "schema": schema } } } },
    });
    let mut document = json!({
        "openapi": "3.0.3",
        "info": { "title": "t", "version": "1" },
        "servers": [{ "url": "https://api.example.com/v1" }],
        "paths": { "/things/{id}": { "patch": operation } },
    });
    let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
    let name = name.replace("~1", "/");
    match document.pointer_mut(&full(parent)) {
        _ if pointer.is_empty() => (),
        Some(Value::Array(items)) => items.push(value),
        Some(Value::Object(members)) => match (members.get_mut(&name), value) {
            (Some(Value::Object(there)), Value::Object(more)) => there.extend(more),
            (_, value) => drop(members.insert(name, value)),
        },
        _ => panic!("nothing is at {parent}"),
    }
    document
}

const OPERATION: &str = "/paths/~1things~1{id}/patch";

/// Short names at the start of a pointer.
pub fn full(pointer: &str) -> String {
    let names = [
        ("OP", OPERATION.to_owned()),
        ("BODY", format!("{OPERATION}/requestBody/content/multipart~1form-data/schema")),
        ("ANSWER", format!("{OPERATION}/responses/200/content/application~1json/schema")),
    ];
    let named = names.iter().find_map(|(name, full)| Some(format!("{full}{}", pointer.strip_prefix(name)?)));
    named.unwrap_or_else(|| pointer.to_owned())
}

/// A pointer, what is put there, and words of the sentence.
pub const REFUSED: &[(&str, &str, &str)] = &[
    // The document.
    ("/openapi", r#""3.1.0""#, "only OpenAPI 3.0"),
    ("/webhooks", "{}", "`webhooks` is not supported"),
    ("/servers/1", r#"{"url": "https://other.example.com"}"#, "exactly one server"),
    ("/servers", r#"[{"url": "https://{region}.example.com"}]"#, "cannot have variables"),
    ("/x-retry-after-when", r#"{"a": "1", "b": "2"}"#, "one field"),
    ("/x-retry-after-when", r#"{"a": 1}"#, "1 cannot be a text"),
    ("/components", r#"{"parameters": {}}"#, "`parameters` is not supported"),
    ("/paths/~1things~1{id}/parameters", "[]", "move them into each operation"),
    ("/paths/~1things~1{id}/servers", "[]", "`servers` is not supported"),
    ("/paths/~1things~1{id}/$ref", r##""#/x""##, "write out what it refers to"),
    ("/paths/~1things~1{id}/head", "{}", "`head` is not supported"),
    // An operation.
    ("OP/servers", r#"[{"url": "https://other.example.com"}]"#, "leave the operation out"),
    ("OP/callbacks", "{}", "`callbacks` is not supported"),
    ("OP/operationId", "1", "1 cannot be a text"),
    ("OP/x-own", "1", "`x-own` is not supported"),
    ("OP/responses/2XX", r#"{"description": ""}"#, "described by its status"),
    ("OP/responses/default", r#"{"description": "", "content": {}}"#, "described by its status"),
    ("OP/responses/404", r##"{"$ref": "#/x"}"##, "write out what it refers to"),
    ("OP/responses/404", r#"{"x-error-codes": [{"code": "1"}]}"#, "/x-error-codes/0/code: \"1\" cannot be a count"),
    (
        "OP/responses/201",
        r#"{"description": "", "content": {"application/json": {"schema": {"type": "string"}}}}"#,
        "different schemas",
    ),
    ("OP/responses/200", r#"{"content": {"text/csv": {"schema": {"type": "string"}}}}"#, "`text/csv` is not supported"),
    ("OP/responses/200", r#"{"content": {"application/json": {}}}"#, "needs `schema`"),
    // Parameters.
    ("OP/parameters/1", r##"{"$ref": "#/components/parameters/a"}"##, "write out what it refers to"),
    ("OP/parameters/1", r#"{"name": "h", "in": "header", "schema": {"type": "string"}}"#, "only `path`, `query`"),
    ("OP/parameters/1", r#"{"name": "h", "in": "cookie", "schema": {"type": "string"}}"#, "only `path`, `query`"),
    ("OP/parameters/1", r#"{"name": "id", "in": "query", "schema": {"type": "string"}}"#, "the same name"),
    (
        "OP/parameters/1",
        r#"{"name": "x", "in": "path", "required": true, "schema": {"type": "string"}}"#,
        "path parameters",
    ),
    ("OP/parameters", "[]", "path parameters"),
    ("OP/parameters/1", r#""id""#, "cannot be a parameter"),
    (
        "OP/parameters",
        r#"[{"name": "id", "in": "path", "schema": {"type": "string"}}]"#,
        "path parameter needs `required`",
    ),
    ("OP/parameters/1", r#"{"name": "q", "in": "query", "schema": {"type": "object"}}"#, "a list of these"),
    ("OP/parameters/1", r#"{"name": "q", "in": "query", "schema": {}}"#, "a list of these"),
    ("OP/parameters/1", r#"{"name": "q", "in": "query", "content": {}}"#, "`content` is not supported"),
    (
        "OP/parameters/1",
        r#"{"name": "q", "in": "query", "schema": {"type": "array", "items": {"type": "array"}}}"#,
        "a list of these",
    ),
    (
        "OP/parameters/1",
        r#"{"name": "q", "in": "query", "style": "pipeDelimited", "schema": {"type": "array", "items": {"type": "string"}}}"#,
        "only `form`",
    ),
    (
        "OP/parameters/1",
        r#"{"name": "q", "in": "query", "explode": false, "schema": {"type": "array", "items": {"type": "string"}}}"#,
        "/explode: false is not supported, only `true`",
    ),
    (
        "OP/parameters/1",
        r#"{"name": "q", "in": "query", "allowReserved": true, "schema": {"type": "string"}}"#,
        "`allowReserved`",
    ),
    ("OP/parameters/1", r#"{"name": "q", "in": "query", "schema": {"type": "string", "maxLength": 3}}"#, "lengths"),
    ("OP/parameters/1", r#"{"name": "header_map", "in": "query", "schema": {"type": "string"}}"#, "itself"),
    ("OP/parameters/1", r#"{"name": "headerMap", "in": "query", "schema": {"type": "string"}}"#, "itself"),
    ("OP/parameters/1", r#"{"name": "request", "in": "query", "schema": {"type": "string"}}"#, "itself"),
    ("OP/parameters/1", r#"{"name": "encode_path", "in": "query", "schema": {"type": "string"}}"#, "itself"),
    ("OP/parameters/1", r#"{"name": "reworded", "in": "query", "schema": {"type": "string"}}"#, "itself"),
    ("OP/parameters/1", r#"{"name": "Result", "in": "query", "schema": {"type": "string"}}"#, "itself"),
    ("OP/parameters/1", r#"{"name": "Client", "in": "query", "schema": {"type": "string"}}"#, "itself"),
    // A body.
    ("OP/requestBody/content", r#"{"application/json": {"schema": {"type": "object"}}}"#, "exactly one media type"),
    ("OP/requestBody", r#"{"content": {}}"#, "exactly one media type"),
    ("OP/requestBody", r#"{"content": {"image/png": {}}}"#, "`image/png` is not supported"),
    (
        "OP/requestBody",
        r#"{"content": {"application/octet-stream": {}}}"#,
        "`application/octet-stream` is not supported",
    ),
    ("OP/requestBody", r#"{"content": {"application/x-www-form-urlencoded": {}}}"#, "as a multipart form or as JSON"),
    (
        "OP/requestBody",
        r#"{"content": {"application/json": {"schema": {"type": "array", "items": {}}}}}"#,
        "is an object",
    ),
    ("OP/requestBody", r#"{"content": {"application/json": {"schema": {}}}}"#, "is an object"),
    (
        "OP/requestBody",
        r#"{"required": false, "content": {"application/json": {"schema": {"type": "object"}}}}"#,
        "must be required",
    ),
    (
        "OP/requestBody/content/multipart~1form-data/encoding",
        r#"{"text": {"style": "form", "explode": true}}"#,
        "only a list",
    ),
    (
        "OP/requestBody/content/multipart~1form-data/encoding",
        r#"{"text": {"contentType": "image/png"}}"#,
        "`contentType` is not supported",
    ),
    (
        "OP/requestBody/content/multipart~1form-data",
        r#"{"encoding": {"l": {"style": "form"}}, "schema": {"type": "object", "properties": {"l": {"type": "array"}}}}"#,
        "needs `explode`",
    ),
    // Schemas.
    ("BODY/allOf", "[]", "`allOf` is not supported"),
    (
        "BODY/properties",
        r#"{"a": {"type": "object", "properties": {"b": {"type": "object", "properties": {"x": {"type": "string"}}}}},
            "aB": {"type": "object", "properties": {"y": {"type": "string"}}}}"#,
        "the same name in Rust",
    ),
    (
        "BODY/properties",
        r#"{"a": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "string"}}}},
            "a_item": {"type": "string", "enum": ["y"]}}"#,
        "the same name in Rust",
    ),
    ("BODY/properties/a", r#"{"oneOf": []}"#, "`oneOf` is not supported"),
    ("BODY/properties/a", r#"{"anyOf": []}"#, "`anyOf` is not supported"),
    ("BODY/properties/a", r#"{"not": {}}"#, "`not` is not supported"),
    ("BODY/properties/a", r##"{"$ref": "#/components/schemas/a"}"##, "write out what it refers to"),
    ("BODY/properties/a", r#"{"type": "string", "default": "x"}"#, "what the API assumes"),
    ("BODY/properties/a", r#"{"type": "string", "pattern": "^a"}"#, "`pattern` is not supported"),
    ("BODY/properties/a", r#"{"type": "integer", "minimum": 1}"#, "`minimum` is not supported"),
    ("BODY/properties/a", r#"{"type": "integer", "maxLength": 1}"#, "in this integer schema"),
    ("BODY/properties/a", r#"{"type": "string", "maxLength": -1}"#, "-1 cannot be a count"),
    ("BODY/properties/a", r#"{"type": "null"}"#, "only `string`, `integer`, `number`"),
    ("BODY/properties/a", r#"{"type": "path"}"#, "only `string`, `integer`, `number`"),
    ("BODY/properties/a", r#"{"type": "string", "enum": "a"}"#, "cannot be a list"),
    ("BODY/required", r#""text""#, "cannot be a list-of-names"),
    ("BODY/properties/a", r#"{"type": ["string", "null"]}"#, "only `string`, `integer`, `number`"),
    ("BODY/properties/a", r#"{"properties": {}}"#, "`properties` is not supported"),
    ("BODY/properties/a", r#"{"type": "string", "format": "duration"}"#, "only `date`, `date-time`"),
    ("BODY/properties/a", r#"{"type": "string", "format": "int64"}"#, "only `date`, `date-time`"),
    ("BODY/properties/a", r#"{"type": "string", "enum": []}"#, "[] cannot be a list-of-values"),
    ("BODY/properties/a", r#"{"type": "string", "enum": ["start", "Start"]}"#, "the same name in Rust"),
    ("BODY/properties/a", r#"{"type": "string", "enum": ["", "x"]}"#, "the same name in Rust"),
    ("BODY/properties/a", r#"{"type": "array", "items": [{}]}"#, "cannot be a schema"),
    (
        "BODY/properties/a",
        r#"{"type": "object", "properties": {"b": {"type": "string", "format": "binary"}}}"#,
        "only a field of a multipart form",
    ),
    ("ANSWER/properties/a", r#"{"type": "string", "format": "binary"}"#, "only a field of a multipart form"),
    ("ANSWER/properties/a", r#"{"type": "string", "maxLength": 1}"#, "only the lengths of a body's texts"),
    // Names.
    ("BODY/properties", r#"{"a-b": {"type": "string"}, "a_b": {"type": "string"}}"#, "`types::ChangeThingBody.a_b`"),
    (
        "BODY/properties",
        r#"{"fooBar": {"type": "string"}, "foo_bar": {"type": "string"}}"#,
        "`types::ChangeThingBody.foo_bar`",
    ),
    ("ANSWER/properties", r#"{"a": {"type": "string"}, "A": {"type": "string"}}"#, "`types::ChangeThingResponse.a`"),
    ("ANSWER/properties", r#"{"extra": {"type": "string"}}"#, "the name `extra` is taken"),
    ("OP/parameters/1", r#"{"name": "ID", "in": "query", "schema": {"type": "string"}}"#, "`builder::ChangeThing.id`"),
    (
        "OP/parameters/1",
        r#"{"name": "body", "in": "query", "schema": {"type": "string"}}"#,
        "`builder::ChangeThing.body`",
    ),
    (
        "OP/parameters/1",
        r#"{"name": "send", "in": "query", "schema": {"type": "string"}}"#,
        "`builder::ChangeThing::send()`",
    ),
    ("/paths/~1b", r#"{"get": {"operationId": "change_thing", "responses": {}}}"#, "`Client::change_thing()`"),
    ("/paths/~1b", r#"{"get": {"operationId": "changeThing", "responses": {}}}"#, "duplicate operation ID"),
    ("OP/operationId", r#""builder""#, "the operation `builder` would be `builder`, a name of this crate"),
    ("OP/operationId", r#""withRetry""#, "a name of this crate"),
    ("OP/operationId", r#""retry-policy""#, "a name of this crate"),
    ("OP/operationId", r#""Events""#, "a name of this crate"),
    ("OP/operationId", r#""types""#, "a name of this crate"),
    ("OP/operationId", r#""responseValue""#, "`builder::ResponseValue`"),
];

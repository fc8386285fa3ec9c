//! Documents that show one thing each: what is generated, or the error that refuses the document.

use serde_json::{Value, json};

/// Names and documents.
pub fn fixtures() -> Vec<(String, String)> {
    let mut fixtures = Vec::new();
    fixtures.push(("committed".to_owned(), include_str!("../../spec/openapi.json").to_owned()));
    fixtures.push(("not JSON".to_owned(), "{".to_owned()));
    let coded = |names: Value| json!({ "paths": {}, "x-error-code-names": names });
    for (name, document) in [
        ("no paths", json!({})),
        ("code names", coded(json!({ "300": "invalid id" }))),
        ("code with a zero", coded(json!({ "300": "SAME", "0300": "OTHER" }))),
        ("code name twice", coded(json!({ "300": "SAME", "301": "SAME" }))),
        ("waits", waits()),
        ("a server with variables", with_server_variables()),
        ("a later OpenAPI", json!({ "openapi": "3.1.0", "paths": {} })),
    ] {
        fixtures.push((name.to_owned(), document.to_string()));
    }
    for (name, paths) in refused().into_iter().chain(accepted()) {
        fixtures.push((name.to_owned(), document(paths, json!({}))));
    }
    for (name, paths, components) in with_components() {
        fixtures.push((name.to_owned(), document(paths, components)));
    }
    let many = (0..300).map(|number| {
        let get = operation(&format!("getThing{number}"), Value::Null, done());
        (format!("/things/{number}"), json!({ "get": get }))
    });
    fixtures.push(("300 operations".to_owned(), document(many.collect(), json!({}))));
    // serde_json reads 127 levels, of which the document above a schema takes 7.
    let deepest = [
        ("deepest lists", nested(119, |inner| json!({ "type": "array", "items": inner }))),
        ("deepest objects", nested(59, |inner| json!({ "type": "object", "properties": { "a": inner } }))),
    ];
    for (name, schema) in deepest {
        let paths = post(json!({ "application/json": { "schema": schema } }));
        fixtures.push((name.to_owned(), document(paths, json!({}))));
    }
    fixtures
}

fn nested(levels: usize, around: impl Fn(Value) -> Value) -> Value {
    (0..levels).fold(json!({ "type": "string" }), |inner, _| around(inner))
}

fn document(paths: Value, components: Value) -> String {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "t", "version": "1" },
        "servers": [{ "url": "https://api.example.com/v1" }],
        "paths": paths,
        "components": components,
    })
    .to_string()
}

fn with_server_variables() -> Value {
    let variable = |default: &str| json!({ "default": default });
    json!({
        "openapi": "3.0.3",
        "info": { "title": "t", "version": "1" },
        "servers": [{
            "url": "https://{region}.example.com/{version}",
            "variables": { "region": variable("eu"), "version": variable("v1") },
        }],
        "paths": get(done()),
    })
}

/// A document with a wait of its own, and two operations of which one overrides it.
fn waits() -> Value {
    let limited = |answer: Value| json!({ "204": { "description": "" }, "429": answer });
    json!({
        "openapi": "3.0.3",
        "info": { "title": "t", "version": "1" },
        "x-retry-after-seconds": 7,
        "paths": {
            "/a": { "get": operation("getA", Value::Null, limited(json!({ "description": "" }))) },
            "/b": { "get": operation(
                "getB",
                Value::Null,
                limited(json!({ "description": "", "x-retry-after-seconds": 30 })),
            ) },
        },
    })
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

fn file() -> Value {
    json!({ "type": "string", "format": "binary" })
}

fn multipart(schema: Value) -> Value {
    post(json!({ "multipart/form-data": { "schema": schema } }))
}

fn get(answers: Value) -> Value {
    json!({ "/a": { "get": operation("getA", Value::Null, answers) } })
}

fn post(body: Value) -> Value {
    json!({ "/a": { "post": operation("createA", body, done()) } })
}

fn with(parameters: Value) -> Value {
    with_at("/a", parameters)
}

fn with_at(path: &str, parameters: Value) -> Value {
    let mut get = operation("getA", Value::Null, done());
    get["parameters"] = parameters;
    json!({ path: { "get": get } })
}

fn parameter(place: &str, schema: Value, more: Value) -> Value {
    let mut parameter = json!({ "name": "a", "in": place, "schema": schema });
    for (key, value) in more.as_object().into_iter().flatten() {
        parameter[key] = value.clone();
    }
    with(json!([parameter]))
}

fn refused() -> Vec<(&'static str, Value)> {
    let text = || json!({ "type": "string" });
    let list = || json!({ "type": "array", "items": { "type": "string" } });
    let members = || json!({ "type": "object", "properties": { "x": { "type": "integer" } } });
    let id =
        |kind: &str| json!([{ "name": "id", "in": "path", "required": true, "schema": { "type": kind } }]);
    vec![
        ("no id", json!({ "/a": { "get": { "responses": {} } } })),
        ("open brace", json!({ "/a/{b": { "get": operation("getA", Value::Null, done()) } })),
        ("close brace", json!({ "/a/b}": { "get": operation("getA", Value::Null, done()) } })),
        ("undescribed", json!({ "/a/{b}": { "get": operation("getA", Value::Null, done()) } })),
        ("unused", with(id("string"))),
        ("no slash", json!({ "a": { "get": operation("getA", Value::Null, done()) } })),
        (
            "one path twice",
            json!({
                "/a/{b}/c": { "get": operation("getA", Value::Null, done()) },
                "/a/{B}/c": { "put": operation("putA", Value::Null, done()) },
            }),
        ),
        ("a body of any image", post(json!({ "image/*": {} }))),
        ("another multipart", post(json!({ "multipart/mixed": {} }))),
        (
            "same id",
            json!({
                "/a": { "get": operation("getA", Value::Null, done()) },
                "/b": { "get": operation("getA", Value::Null, done()) },
            }),
        ),
        ("path item", json!({ "/a": { "$ref": "#/x" } })),
        ("path style", {
            let mut parameters = id("string");
            parameters[0]["style"] = "matrix".into();
            with_at("/a/{id}", parameters)
        }),
        ("path list", with_at("/a/{id}", id("array"))),
        ("query list in a list", parameter("query", json!({ "type": "array", "items": list() }), json!({}))),
        (
            "query list in an object",
            parameter("query", json!({ "type": "object", "properties": { "x": list() } }), json!({})),
        ),
        ("query deep text", parameter("query", text(), json!({ "style": "deepObject" }))),
        ("query piped object", parameter("query", members(), json!({ "style": "pipeDelimited" }))),
        ("query matrix", parameter("query", text(), json!({ "style": "matrix" }))),
        ("query reserved", parameter("query", text(), json!({ "allowReserved": true }))),
        ("header form", parameter("header", text(), json!({ "style": "form" }))),
        ("header name", parameter("header", text(), json!({ "name": "a b" }))),
        ("cookie exploded", parameter("cookie", list(), json!({}))),
        ("cookie name", parameter("cookie", text(), json!({ "name": "a=b" }))),
        ("content", parameter("query", Value::Null, json!({ "content": { "application/xml": {} } }))),
        ("place", parameter("body", text(), json!({}))),
        ("twice", {
            let one = json!({ "name": "a", "in": "query", "schema": { "type": "string" } });
            with(json!([one, one]))
        }),
        ("header twice", {
            let one = |name: &str| json!({ "name": name, "in": "header", "schema": { "type": "string" } });
            with(json!([one("X-A"), one("x-a")]))
        }),
        ("path list in a combination", {
            let mut parameters = id("string");
            parameters[0]["schema"] = json!({ "allOf": [list()] });
            with_at("/a/{id}", parameters)
        }),
        ("cookie in a combination", parameter("cookie", json!({ "oneOf": [text(), list()] }), json!({}))),
        (
            "query list in a combination",
            parameter("query", json!({ "allOf": [{ "type": "array", "items": list() }] }), json!({})),
        ),
        ("files of any name", multipart(json!({ "type": "object", "additionalProperties": file() }))),
        ("file beside alternatives", {
            let properties = json!({ "a": file(), "b": text() });
            multipart(json!({ "type": "object", "properties": properties, "oneOf": [{ "required": ["a"] }] }))
        }),
        (
            "file in a combination",
            multipart(json!({ "allOf": [{ "type": "object", "properties": { "a": file() } }] })),
        ),
        (
            "nested file",
            post(json!({ "multipart/form-data": { "schema": { "type": "object", "properties": {
                "a": { "type": "object", "properties": { "b": { "type": "string", "format": "binary" } } },
            } } } })),
        ),
    ]
}

fn with_components() -> Vec<(&'static str, Value, Value)> {
    let refers = |kind: &str| json!([{ "$ref": format!("#/components/{kind}/a") }]);
    let circle = |kind: &str| json!({ kind: { "a": { "$ref": format!("#/components/{kind}/b") }, "b": { "$ref": format!("#/components/{kind}/a") } } });
    let schema = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/a" } } });
    let all_of = json!({ "schemas": {
        "a": { "allOf": [{ "$ref": "#/components/schemas/b" }] },
        "b": { "anyOf": [{ "$ref": "#/components/schemas/a" }] },
    } });
    let answer = json!({ "200": { "$ref": "#/components/responses/a" } });
    let mut shared = get(done());
    shared["/a"]["parameters"] = json!([
        { "name": "a", "in": "query", "schema": { "$ref": "#/components/schemas/a" } },
    ]);
    let named = |name: &str| {
        post(json!({ "application/json": { "schema": {
            "type": "object",
            "properties": { name: { "$ref": "#/components/schemas/a" } },
        } } }))
    };
    let mut linked = get(json!({ "200": {
        "description": "",
        "headers": { "X-A": { "$ref": "#/components/headers/a" } },
        "links": { "a": { "$ref": "#/components/links/a" } },
    } }));
    linked["/a"]["get"]["callbacks"] = json!({ "a": { "$ref": "#/components/callbacks/a" } });
    let endless = json!({ "schemas": {
        "a": { "allOf": [
            { "$ref": "#/components/schemas/b" },
            { "properties": { "next": { "$ref": "#/components/schemas/a" } } },
        ] },
        "b": { "type": "object", "properties": { "next": { "$ref": "#/components/schemas/b" } } },
    } });
    let link = json!({ "headers": { "a": {} }, "links": { "a": {} }, "callbacks": { "a": {} } });
    let names: Vec<String> = (0..10).map(|number| format!("s{number}")).collect();
    let each_other = names.iter().map(|name| {
        let others = names.iter().filter(|other| *other != name);
        let others =
            others.map(|other| (other.clone(), json!({ "$ref": format!("#/components/schemas/{other}") })));
        let text = ("text".to_owned(), json!({ "type": "string", "maxLength": 5 }));
        let properties: serde_json::Map<String, Value> = others.chain([text]).collect();
        (name.clone(), json!({ "type": "object", "properties": properties }))
    });
    let each_other: serde_json::Map<String, Value> = each_other.collect();
    let first = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/s0" } } });
    let mut body = operation("createA", Value::Null, done());
    body["requestBody"] = json!({ "$ref": "#/components/requestBodies/a" });
    vec![
        (
            "a schema of another kind",
            get(done()),
            json!({ "schemas": { "b": { "type": "array", "items": { "$ref": "#/components/schemas/c" } }, "c": { "type": "file" } } }),
        ),
        ("circular parameter", with(refers("parameters")), circle("parameters")),
        ("circular answer", get(answer), circle("responses")),
        ("circular body", json!({ "/a": { "post": body } }), circle("requestBodies")),
        ("circular schema", post(schema.clone()), circle("schemas")),
        ("schema made of itself", post(schema.clone()), all_of),
        ("a field merged without end", post(schema.clone()), endless),
        ("missing parameter", with(refers("parameters")), json!({})),
        ("missing schema", post(schema), json!({})),
        ("missing schema of a shared parameter", shared, json!({})),
        ("missing schema of a property called default", named("default"), json!({})),
        ("missing schema of a property called example", named("example"), json!({})),
        ("headers, links and callbacks", linked, link),
        ("schemas that refer to each other", post(first), json!({ "schemas": each_other })),
    ]
}

fn accepted() -> Vec<(&'static str, Value)> {
    let json_answer =
        |property: &str| json!({ "description": "", "content": { "application/json": object(property) } });
    let problem = json!({ "description": "", "content": { "application/problem+json": object("title") } });
    let empty = json!({ "description": "" });
    let xml = json!({ "description": "", "content": { "application/xml": {} } });
    let hal = json!({ "description": "", "content": { "application/hal+json": object("a") } });
    let id = |name: &str, kind: &str| {
        let parameter = json!({ "name": name, "in": "path", "required": true, "schema": { "type": kind } });
        with_at(&format!("/a/{{{name}}}"), json!([parameter]))
    };
    let media_type = |media_type: &str| json!({ "contentType": media_type });
    let mut encodings = multipart(json!({ "type": "object", "properties": {
        "list": { "type": "array", "items": { "type": "string" } },
        "json_list": { "type": "array", "items": { "type": "string" } },
        "object": { "type": "object", "properties": { "a": { "type": "string" } } },
        "xml_object": { "type": "object", "properties": { "a": { "type": "string" } } },
        "text": { "type": "string" },
        "plain_text": { "type": "string" },
        "csv": { "type": "string" },
        "files": { "type": "array", "items": file() },
    } }));
    encodings["/a"]["post"]["requestBody"]["content"]["multipart/form-data"]["encoding"] = json!({
        "json_list": media_type("application/json"),
        "xml_object": media_type("application/xml"),
        "plain_text": media_type("text/plain"),
        "csv": media_type("text/csv"),
        "files": media_type("image/png"),
    });
    vec![
        ("encodings", encodings),
        ("an extension among paths", {
            let mut paths = get(done());
            paths["x-note"] = "not a path".into();
            paths
        }),
        ("a secret in a combination", {
            let secret = json!({ "allOf": [{ "type": "string" }, { "format": "password" }] });
            let secrets = json!({ "type": "object", "additionalProperties": { "format": "password" } });
            let body = json!({ "type": "object", "properties": { "a": secret, "b": secrets } });
            post(json!({ "application/json": { "schema": body } }))
        }),
        ("a body of any kind", post(json!({ "*/*": object("a") }))),
        ("of text and JSON", post(json!({ "text/plain": object("a"), "application/json": object("a") }))),
        (
            "of a form and +json",
            post(json!({ "multipart/form-data": object("a"), "application/merge-patch+json": object("a") })),
        ),
        (
            "of two forms",
            post(
                json!({ "application/x-www-form-urlencoded": object("a"), "multipart/form-data": object("a") }),
            ),
        ),
        (
            "of XML and a form",
            post(json!({ "application/xml": object("a"), "application/x-www-form-urlencoded": object("a") })),
        ),
        ("of a file and JSON", {
            let upload = json!({ "schema": { "type": "object", "properties": { "a": file() } } });
            post(json!({ "multipart/form-data": upload, "application/json": object("a") }))
        }),
        (
            "empty values",
            parameter("query", json!({ "type": "integer" }), json!({ "allowEmptyValue": true })),
        ),
        ("progenitor's words in descriptions", {
            let body = json!({ "application/json": { "schema": {
                "type": "object",
                "description": "Some <details> of a thing.",
                "properties": { "a": { "type": "string" } },
            } } });
            let mut paths = post(body);
            paths["/a"]["post"]["description"] =
                "Arguments: none. Sends a `POST` request to `/a`, too.\n\n```ignore\nx\n```\n\nThe end."
                    .into();
            paths
        }),
        ("a list of a combination", {
            let mut item = object("a")["schema"].take();
            item["properties"]["a"]["maxLength"] = 5.into();
            item["oneOf"] = json!([{ "required": ["a"] }, { "required": ["b"] }]);
            let list = json!({ "type": "array", "items": item });
            let body = json!({ "schema": { "type": "object", "properties": { "list": list } } });
            post(json!({ "application/json": body }))
        }),
        ("alike in a combination", {
            let parts = json!([object("a-b")["schema"], object("a_b")["schema"]]);
            post(json!({ "application/json": { "schema": { "allOf": parts } } }))
        }),
        ("millions of alternatives", {
            let either: Vec<Value> = ["a", "b", "c", "d"].map(|name| object(name)["schema"].take()).into();
            let parts = vec![json!({ "anyOf": either }); 6];
            post(json!({ "application/json": { "schema": { "allOf": parts } } }))
        }),
        ("unknown fields", {
            let mut body = object("a");
            body["schema"]["additionalProperties"] = true.into();
            post(json!({ "application/json": body }))
        }),
        ("a form in another case", post(json!({ "Application/X-WWW-Form-UrlEncoded": object("a") }))),
        ("a line break in a name", {
            let more = json!({ "name": "a\nb", "allowEmptyValue": true });
            parameter("query", json!({ "type": "integer" }), more)
        }),
        ("servers of an operation", {
            let mut paths = get(done());
            paths["/a"]["get"]["servers"] = json!([{ "url": "https://other.example.com" }]);
            paths
        }),
        ("servers of a path", {
            let mut paths = get(done());
            paths["/a"]["servers"] = json!([{ "url": "https://other.example.com" }]);
            paths
        }),
        ("scopes", with_scopes("Needs `a:write`.")),
        ("scopes without a description", with_scopes("")),
        ("an optional body with a required field", {
            let mut body = object("a");
            body["schema"]["required"] = json!(["a"]);
            let mut paths = post(json!({ "application/json": body }));
            paths["/a"]["post"]["requestBody"]["required"] = false.into();
            paths
        }),
        ("an optional raw body", {
            let mut paths = post(json!({ "application/xml": {} }));
            paths["/a"]["post"]["requestBody"]["required"] = false.into();
            paths
        }),
        ("a parameter of another version", {
            let mut paths = post(json!({ "application/xml": {} }));
            paths["/a"]["post"]["parameters"] =
                json!([{ "name": "a-b", "in": "query", "schema": { "type": "file" } }]);
            paths
        }),
        (
            "an answer of another version",
            get(json!({ "200": {
            "description": "",
            "content": { "application/json": { "schema": {
                "type": "object",
                "properties": { "a": { "type": "file" } },
            } } },
        } })),
        ),
        ("adjacent slashes", {
            let mut paths = get(json!({ "204": empty }));
            let item = paths.as_object_mut().and_then(|paths| paths.remove("/a")).expect("a path");
            json!({ "/a//b": item })
        }),
        ("bodiless", get(json!({ "204": empty, "400": problem, "default": problem }))),
        ("one success", get(json!({ "200": json_answer("a"), "429": empty, "400": problem }))),
        ("a +json success", get(json!({ "200": hal }))),
        ("a success or none", get(json!({ "200": json_answer("a"), "204": empty }))),
        ("two successes", get(json!({ "200": json_answer("a"), "201": json_answer("b") }))),
        ("a success twice", get(json!({ "200": json_answer("a"), "201": json_answer("a") }))),
        ("raw", get(json!({ "200": xml }))),
        ("raw or none", get(json!({ "200": xml, "204": empty }))),
        ("no success", get(json!({ "default": problem }))),
        ("neither success nor failure", get(json!({ "101": empty, "302": empty }))),
        ("a type of another version", {
            let other = json!({ "schema": { "type": "object", "properties": { "a": { "type": "file" } } } });
            let mut paths = post(json!({ "application/json": other }));
            paths["/b"] =
                json!({ "get": operation("getB", Value::Null, json!({ "200": json_answer("b") })) });
            paths
        }),
        ("meeting id", id("meetingId", "integer")),
        ("webinar id", id("webinarId", "integer")),
        ("text id", id("userId", "string")),
        ("number id", id("page", "integer")),
        (
            "facts",
            json!({ "/a": { "patch": operation(
                "updateA",
                json!({ "multipart/form-data": { "schema": { "type": "object", "properties": {
                    "key": { "type": "string", "format": "password", "maxLength": 512 },
                    "settings": { "type": "object", "properties": { "name": { "type": "string", "minLength": 1, "maxLength": 50 } } },
                } } } }),
                json!({
                    "204": { "description": "" },
                    "400": { "description": "", "x-error-codes": [{ "code": 300, "message": "No." }] },
                    "429": { "description": "", "x-retry-after-seconds": 30 },
                }),
            ) } }),
        ),
    ]
}

fn with_scopes(description: &str) -> Value {
    let mut paths = get(done());
    let scopes = [vec!["a:read"], vec!["b:read", "c:read"], vec!["a:write"]];
    let security: Vec<Value> = scopes.iter().map(|scopes| json!({ "oauth": scopes })).collect();
    paths["/a"]["get"]["security"] = security.into();
    paths["/a"]["get"]["description"] = description.into();
    paths
}

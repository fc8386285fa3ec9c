//! The overlay: a JSON Merge Patch (RFC 7396) that adds what the export lost, checked before it is applied.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::Error;
use crate::grammar::{self, DOCUMENT, Kind};
use crate::method::Method;
use crate::template::members;
use crate::{references, secret};

/// A merge patch, and its name in messages.
pub struct Overlay {
    name: String,
    patch: Value,
}

/// The members that make a schema complete, rather than an addition to an existing one.
const COMPLETE: [&str; 7] = ["type", "$ref", "enum", "oneOf", "anyOf", "allOf", "properties"];

impl Overlay {
    /// Reads a patch.
    ///
    /// # Errors
    ///
    /// The text is not a JSON object.
    pub fn new(name: impl Into<String>, text: &str) -> Result<Self, Error> {
        let name = name.into();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let patch: Value = serde_json::from_str(text).map_err(|error| {
            let what = error.to_string();
            let what = what.split(" at line").next().unwrap_or_default();
            Error::new(format!(
                "{name}:{}:{}: the overlay is not valid JSON ({what}); fix it and run again",
                error.line(),
                error.column()
            ))
        })?;
        if !patch.is_object() {
            return Err(Error::new(format!(
                "{name}: the overlay is not a JSON object; write it as a merge patch of the document"
            )));
        }
        Ok(Self { name, patch })
    }

    /// Whether the patch changes a top-level member of the document.
    pub fn changes(&self, member: &str) -> bool {
        self.patch.get(member).is_some()
    }

    /// Applies the patch.
    ///
    /// # Errors
    ///
    /// The patch changes something that does not exist, makes the document invalid, or gives two operations the same
    /// name. There is one sentence per place, with its JSON pointer.
    pub fn apply(&self, document: &mut Value) -> Result<(), Error> {
        let mut faults = Vec::new();
        check(&self.patch, document, &mut Vec::new(), &mut faults);
        json_patch::merge(document, &self.patch);
        let root = Kind::Object(&DOCUMENT);
        grammar::check(document, &root, &mut Vec::new(), &mut |path, fault| {
            faults.push(format!("{} {fault}; correct the overlay", pointer(path)));
        });
        references::check(document, &mut |path, fault| faults.push(format!("{} {fault}", pointer(path))));
        repeated_names(document, &mut faults);
        if !faults.is_empty() {
            return Err(Error::all(faults.iter().map(|fault| format!("{}: {fault}", self.name))));
        }
        for key in ["paths", "components"] {
            document.get_mut(key).into_iter().for_each(hide_below);
        }
        grammar::arrange(document, &root);
        Ok(())
    }
}

/// The JSON pointer (RFC 6901) of a place.
fn pointer<S: AsRef<str>>(path: &[S]) -> String {
    path.iter().map(|part| format!("/{}", part.as_ref().replace('~', "~0").replace('/', "~1"))).collect()
}

const NOTHING: &str = "deletes something that does not exist; remove this null from the overlay";

fn check<'p>(patch: &'p Value, document: &Value, path: &mut Vec<&'p str>, faults: &mut Vec<String>) {
    let Some(patch) = patch.as_object() else { return };
    for (key, value) in patch {
        path.push(key);
        match (document.get(key), value) {
            (None, _) => addition(value, path, faults),
            (Some(known), _) if known.is_object() => check(value, known, path, faults),
            (Some(_), _) => addition_inside(value, path, faults),
        }
        path.pop();
    }
}

/// Something new is fine, unless it can only be meant for something that exists.
fn addition<'p>(value: &'p Value, path: &mut Vec<&'p str>, faults: &mut Vec<String>) {
    let fault = match path.as_slice() {
        _ if value.is_null() => NOTHING,
        ["paths", _] => "is not a path of the document; correct the path or add its item",
        ["paths", _, method] if Method::ALL.iter().any(|known| known.name() == *method) => {
            "is not an operation of the document; correct the method or add its item"
        }
        _ if is_schema(path) && !is_complete(value) => {
            "constrains a schema that does not exist; correct the name, or add a type to create it"
        }
        _ => return addition_inside(value, path, faults),
    };
    faults.push(format!("{} {fault}", pointer(path)));
}

fn addition_inside<'p>(value: &'p Value, path: &mut Vec<&'p str>, faults: &mut Vec<String>) {
    for (key, member) in value.as_object().into_iter().flatten() {
        path.push(key);
        addition(member, path, faults);
        path.pop();
    }
}

/// Whether a pointer leads to a schema.
fn is_schema(path: &[&str]) -> bool {
    if references::is_data(path) {
        return false;
    }
    matches!(path, [.., "properties" | "schemas", _] | [.., "schema" | "items" | "additionalProperties" | "not"])
}

fn is_complete(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => COMPLETE.iter().any(|key| members.contains_key(*key)) || members.is_empty(),
        _ => true,
    }
}

/// Reports names that several operations have.
fn repeated_names(document: &Value, faults: &mut Vec<String>) {
    // Generators ignore case.
    let mut owners: BTreeMap<String, (&str, String)> = BTreeMap::new();
    for (path, item) in members(&document["paths"]) {
        for method in Method::ALL.map(Method::name) {
            let Some(id) = item[method]["operationId"].as_str() else { continue };
            let place = pointer(&["paths", path, method, "operationId"]);
            match owners.insert(id.to_lowercase(), (id, place.clone())) {
                Some((known, first)) if known == id => {
                    faults.push(format!("{place} and {first} are both `{id}`; choose another name for one of them"))
                }
                Some((known, first)) => faults.push(format!(
                    "{first} is `{known}` and {place} is `{id}`; choose another name for one of them, because names \
                     must differ in more than case"
                )),
                None => {}
            }
        }
    }
}

/// Removes examples and defaults of what the overlay declares to be a password.
fn hide_below(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("format").is_some_and(|format| format == "password") && members.contains_key("type") {
                members.retain(|key, _| key != "example" && key != "default");
            }
            if let Some(schema) = members.get("schema").cloned() {
                illustrate(members, &schema);
            }
            members.values_mut().for_each(hide_below);
        }
        Value::Array(list) => list.iter_mut().for_each(hide_below),
        _ => {}
    }
}

/// Hides passwords in the examples of a schema, and drops examples that the overlay's constraints do not allow.
fn illustrate(members: &mut Map<String, Value>, schema: &Value) {
    if let Some(example) = members.get_mut("example") {
        hide_in(example, schema);
        if !allows(schema, example) {
            members.shift_remove("example");
        }
    }
    if let Some(examples) = members.get_mut("examples").and_then(Value::as_object_mut) {
        for value in examples.values_mut().filter_map(|example| example.get_mut("value")) {
            hide_in(value, schema);
        }
        examples.retain(|_, example| example.get("value").is_none_or(|value| allows(schema, value)));
        if examples.is_empty() {
            members.shift_remove("examples");
        }
    }
}

/// Whether a schema's `enum`, `required` and limits of size and value allow a value. Its type was inferred from the
/// value, so it need not be checked; a `pattern` is not checked, because it is a JavaScript regular expression.
fn allows(schema: &Value, value: &Value) -> bool {
    if value.is_null() {
        return true;
    }
    let listed = schema.get("enum").and_then(Value::as_array).is_none_or(|allowed| allowed.contains(value));
    let limit = |key: &str| schema.get(key).and_then(Value::as_f64);
    let within = |size: f64, least: &str, most: &str| {
        limit(least).is_none_or(|least| size >= least) && limit(most).is_none_or(|most| size <= most)
    };
    let sized = match value {
        Value::String(text) => within(text.chars().count() as f64, "minLength", "maxLength"),
        Value::Number(number) => number.as_f64().is_none_or(|number| {
            let excluded = |bound: &str, exclusive: &str| {
                limit(bound) == Some(number) && schema.get(exclusive).is_some_and(|flag| *flag == true)
            };
            within(number, "minimum", "maximum")
                && !excluded("minimum", "exclusiveMinimum")
                && !excluded("maximum", "exclusiveMaximum")
        }),
        Value::Array(list) => {
            within(list.len() as f64, "minItems", "maxItems")
                && list.iter().all(|element| schema.get("items").is_none_or(|items| allows(items, element)))
        }
        Value::Object(members) => {
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            required.filter_map(Value::as_str).all(|name| members.contains_key(name))
                && members.iter().all(|(name, member)| {
                    let property = schema.get("properties").and_then(|properties| properties.get(name));
                    property.is_none_or(|property| allows(property, member))
                })
        }
        _ => true,
    };
    listed && sized
}

fn hide_in(example: &mut Value, schema: &Value) {
    if schema.get("format").is_some_and(|format| format == "password") {
        secret::mask_all(example);
        return;
    }
    match example {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                let property = schema.get("properties").and_then(|properties| properties.get(name));
                if let Some(schema) = property.or_else(|| schema.get("additionalProperties")) {
                    hide_in(member, schema);
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = schema.get("items") {
                list.iter_mut().for_each(|element| hide_in(element, items));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        let id = json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"}});
        json!({
            "openapi": "3.0.3",
            "info": {"title": "T", "version": "1"},
            "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
            "security": [{"bearer": []}],
            "paths": {"/a/{id}": {"patch": {
                "operationId": "updateA",
                "parameters": [id],
                "requestBody": {"content": {"multipart/form-data": {
                    "schema": {"type": "object", "properties": {"url": {"type": "string"}, "name": {"type": "string"}}},
                    "example": {"url": "rtmp://u:p@a.example", "name": "n"},
                }}},
                "responses": {"204": {"description": "Done."}},
            }, "get": {"operationId": "getA", "parameters": [id], "responses": {"200": {"description": "ok"}}}}},
        })
    }

    fn faults(patch: Value) -> String {
        let overlay = Overlay::new("overlay.json", &patch.to_string()).expect("an object");
        overlay.apply(&mut document()).err().map(|error| error.to_string()).unwrap_or_default()
    }

    fn at(property: &str, schema: Value) -> Value {
        json!({"paths": {"/a/{id}": {"patch": {"requestBody": {"content": {"multipart/form-data": {
            "schema": {"properties": {property: schema}}}}}}}}})
    }

    #[test]
    fn a_patch_of_something_missing_is_refused_with_its_pointer() {
        let schema = "/paths/~1a~1{id}/patch/requestBody/content/multipart~1form-data/schema/properties";
        for (patch, pointer) in [
            (json!({"paths": {"/b": {"get": {"summary": "x"}}}}), "/paths/~1b".to_owned()),
            (json!({"paths": {"/a/{id}": {"put": {"summary": "x"}}}}), "/paths/~1a~1{id}/put".to_owned()),
            (json!({"info": {"license": null}}), "/info/license".to_owned()),
            (at("nmae", json!({"maxLength": 3})), format!("{schema}/nmae")),
            (at("url", json!({"items": {"maxLength": 3}})), format!("{schema}/url/items")),
            (at("url", json!({"format": null})), format!("{schema}/url/format")),
            (
                json!({"paths": {"/a/{id}": {"patch": {"requestBody": {"content": {"application/json": {"schema": {"properties": {"x": {"maxLength": 1}}}}}}}}}}),
                "/paths/~1a~1{id}/patch/requestBody/content/application~1json/schema/properties/x".to_owned(),
            ),
        ] {
            let faults = faults(patch);
            assert!(faults.starts_with(&format!("overlay.json: {pointer} ")), "{faults}");
        }
    }

    #[test]
    fn a_patch_that_makes_the_document_invalid_is_refused_with_its_pointer() {
        let get = |patch: Value| json!({"paths": {"/a/{id}": {"get": patch}}});
        let parameter = |name: &str, place: &str| json!({"name": name, "in": place, "required": true, "schema": {"type": "string"}});
        for (patch, fault) in [
            (json!({"paths": null}), "/paths is missing, but a document must have it"),
            (json!({"info": null}), "/info is missing, but a document must have it"),
            (json!({"info": {"title": null}}), "/info/title is missing, but an info object must have it"),
            (json!({"openapi": 3}), "/openapi must be a string, not 3"),
            (json!({"sevrers": []}), "/sevrers is not a member of a document in OpenAPI 3.0"),
            (json!({"servers": [{}]}), "/servers/0/url is missing, but a server must have it"),
            (
                get(json!({"responses": {"200": 7}})),
                "/paths/~1a~1{id}/get/responses/200 must be a response, which is an object, not 7",
            ),
            (get(json!({"responses": {"200": null}})), "/paths/~1a~1{id}/get/responses is empty"),
            (
                get(json!({"responses": {"ok": {"description": ""}}})),
                "/paths/~1a~1{id}/get/responses/ok is not an HTTP status",
            ),
            (get(json!({"parameters": []})), "/paths/~1a~1{id}/get/parameters does not declare `id`"),
            (
                get(json!({"parameters": [{"name": "id", "in": "path", "required": true}]})),
                "/paths/~1a~1{id}/get/parameters/0 must have either schema or content, and not both, because it is a \
                 parameter; correct the overlay",
            ),
            (
                get(json!({"parameters": [{"name": "id", "in": "path", "schema": {"type": "string"}}]})),
                "/paths/~1a~1{id}/get/parameters does not declare `id`",
            ),
            (
                get(json!({"parameters": [parameter("id", "query")]})),
                "/paths/~1a~1{id}/get/parameters does not declare `id`",
            ),
            (
                get(json!({"parameters": [parameter("id", "path"), parameter("a", "query"), parameter("a", "query")]})),
                "/paths/~1a~1{id}/get/parameters/2 declares the query parameter `a` a second time",
            ),
            (
                get(
                    json!({"parameters": [parameter("id", "path"), parameter("A", "header"), parameter("a", "header")]}),
                ),
                "/paths/~1a~1{id}/get/parameters/2 declares the header parameter `a` a second time",
            ),
            (
                get(json!({"parameters": [parameter("id", "path"), parameter("name", "path")]})),
                "/paths/~1a~1{id}/get/parameters/1 is the path parameter `name`, which is not in the path",
            ),
            (
                json!({"components": {"securitySchemes": null}}),
                "/security/0/bearer is not one of the document's security schemes",
            ),
            (
                get(json!({"security": [{}, {"nope": []}]})),
                "/paths/~1a~1{id}/get/security/1/nope is not one of the document's security schemes",
            ),
            (
                get(json!({"requestBody": {"$ref": "#/components/requestBodies/None"}})),
                "/paths/~1a~1{id}/get/requestBody/$ref refers to `#/components/requestBodies/None`, which does not exist",
            ),
            (
                json!({"servers": [{"url": "https://{host}/"}]}),
                "/servers/0/variables does not declare `host`, which is in its url",
            ),
            (json!({"openapi": "2.0"}), "/openapi must be a version of OpenAPI 3.0, not 2.0"),
            (
                at("url", json!({"maxLength": -1})),
                "/paths/~1a~1{id}/patch/requestBody/content/multipart~1form-data/schema/properties/url/maxLength must be a non-negative integer",
            ),
            (
                at("url", json!({"maxLenght": 9})),
                "/paths/~1a~1{id}/patch/requestBody/content/multipart~1form-data/schema/properties/url/maxLenght is not a member of a schema",
            ),
        ] {
            let faults = faults(patch);
            assert!(faults.starts_with(&format!("overlay.json: {fault}")), "{faults}");
            assert_eq!(faults.lines().count(), 1, "{faults}");
        }
    }

    #[test]
    fn additions_and_constraints_are_accepted() {
        for patch in [
            json!({"servers": [{"url": "https://a.example"}], "x-retry-after-seconds": 30}),
            json!({"info": {"description": "d"}}),
            at("name", json!({"minLength": 1, "maxLength": 50})),
            at("resolution", json!({"type": "string", "enum": ["720p", "1080p"]})),
            json!({"paths": {"/a/{id}": {"patch": {"responses": {"409": {"description": "Busy."}}}}}}),
            json!({"paths": {"/a/{id}": {"patch": {"operationId": "pinned", "x-own": {"properties": {"a": {"b": 1}}}}}}}),
            json!({"components": {"schemas": {"B/b": {"type": "string"}}}, "paths": {"/a/{id}": {"get": {
                "parameters": [{"$ref": "#/paths/~1a~1%7Bid%7D/patch/parameters/0"}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/B~1b"}, "example": {"$ref": "#/x"}}}}}}}}),
            json!({"servers": [{"url": "https://{host}/", "variables": {"host": {"default": "a"}}}]}),
            json!({"components": {"securitySchemes": {"oauth2": {"type": "oauth2", "flows": {"authorizationCode": {"scopes": {"a": ""}}}}}}}),
        ] {
            assert_eq!(faults(patch.clone()), "", "{patch}");
        }
    }

    #[test]
    fn an_example_that_the_overlay_does_not_allow_is_dropped() {
        for (schema, kept) in [
            (json!({"maxLength": 1}), true),
            (json!({"minLength": 2}), false),
            (json!({"enum": ["m"]}), false),
            (json!({"enum": ["n"]}), true),
        ] {
            let overlay = Overlay::new("o", &at("name", schema.clone()).to_string()).expect("an object");
            let mut document = document();
            overlay.apply(&mut document).expect("a valid overlay");
            assert_eq!(document.to_string().contains("\"example\""), kept, "{schema}");
        }
    }

    #[test]
    fn an_example_at_an_exclusive_bound_is_dropped() {
        for (bounds, kept) in [
            (json!({"minimum": 5, "maximum": 5}), true),
            (json!({"minimum": 5, "exclusiveMinimum": true}), false),
            (json!({"maximum": 5, "exclusiveMaximum": true}), false),
            (json!({"minimum": 4, "exclusiveMinimum": true, "maximum": 6, "exclusiveMaximum": true}), true),
            (json!({"minimum": 5, "exclusiveMinimum": false}), true),
        ] {
            let mut members = json!({"example": {"size": 5}});
            illustrate(members.as_object_mut().expect("an object"), &json!({"properties": {"size": bounds}}));
            assert_eq!(members.get("example").is_some(), kept, "{bounds}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert!(Overlay::new("overlay.json", "\u{feff}{}").is_ok());
    }

    #[test]
    fn passwords_in_lists_and_maps_and_at_their_schemas_are_hidden() {
        let mut document = document();
        let text = json!({"type": "string"});
        document["paths"]["/a/{id}"]["patch"]["requestBody"]["content"] = json!({"application/json": {
            "schema": {"type": "object", "properties": {
                "list": {"type": "array", "items": text}, "map": {"type": "object", "additionalProperties": text},
                "own": {"type": "string", "default": "hunter-own", "example": "hunter-own"},
            }},
            "example": {"list": ["hunter-list"], "map": {"a": "hunter-map"}},
        }});
        let password = json!({"format": "password"});
        let patch = json!({"paths": {"/a/{id}": {"patch": {"requestBody": {"content": {"application/json": {"schema": {
            "properties": {"list": {"items": password}, "map": {"additionalProperties": password}, "own": password}}}}}}}}});
        Overlay::new("o", &patch.to_string()).expect("an object").apply(&mut document).expect("a valid overlay");
        let content = &document["paths"]["/a/{id}"]["patch"]["requestBody"]["content"]["application/json"];
        assert_eq!(content["example"], json!({"list": [secret::HIDDEN], "map": {"a": secret::HIDDEN}}));
        assert_eq!(content["schema"]["properties"]["own"], json!({"type": "string", "format": "password"}));
    }

    #[test]
    fn two_operations_cannot_have_the_same_name() {
        let faults = faults(json!({"paths": {"/a/{id}": {"get": {"operationId": "updateA"}}}}));
        assert!(faults.contains("are both `updateA`"), "{faults}");
    }

    #[test]
    fn the_names_of_two_operations_differ_in_more_than_case() {
        let faults = faults(json!({"paths": {"/a/{id}": {"get": {"operationId": "updatea"}}}}));
        assert_eq!(
            faults,
            "overlay.json: /paths/~1a~1{id}/get/operationId is `updatea` and /paths/~1a~1{id}/patch/operationId is \
             `updateA`; choose another name for one of them, because names must differ in more than case"
        );
    }

    #[test]
    fn the_example_of_a_password_is_removed() {
        let overlay = Overlay::new("o", &at("url", json!({"format": "password"})).to_string()).expect("an object");
        let mut document = document();
        overlay.apply(&mut document).expect("a valid overlay");
        let text = document.to_string();
        assert!(!text.contains("u:p@") && text.contains(r#""name":"n""#), "{text}");
    }
}

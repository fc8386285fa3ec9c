//! The order of members after a patch: what a patch adds would otherwise stand last.

use serde_json::{Map, Value};

const ORDER: [&str; 41] = [
    "openapi",
    "info",
    "title",
    "operationId",
    "name",
    "in",
    "type",
    "scheme",
    "format",
    "nullable",
    "summary",
    "description",
    "version",
    "url",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "enum",
    "default",
    "items",
    "required",
    "properties",
    "additionalProperties",
    "oneOf",
    "authorizationUrl",
    "tokenUrl",
    "refreshUrl",
    "scopes",
    "tags",
    "security",
    "servers",
    "parameters",
    "requestBody",
    "style",
    "explode",
    "schema",
    "headers",
    "content",
    "responses",
];

/// Members whose own members are names, in an order of their own.
const NAMES: [&str; 14] = [
    "paths",
    "responses",
    "content",
    "properties",
    "examples",
    "scopes",
    "variables",
    "headers",
    "securitySchemes",
    "schemas",
    "encoding",
    "flows",
    "callbacks",
    "links",
];

/// Members that are data, and nobody's to arrange.
const DATA: [&str; 4] = ["example", "value", "default", "enum"];

/// Puts every member where readers look for it.
pub fn arrange(document: &mut Value) {
    object(document);
}

fn object(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(object),
        Value::Object(members) => {
            let parameter = members.contains_key("in") || members.contains_key("content");
            let root = members.contains_key("openapi");
            let mut pairs: Vec<(String, Value)> = std::mem::take(members).into_iter().collect();
            pairs.sort_by_key(|(key, _)| rank(key, parameter, root));
            for (key, mut value) in pairs {
                if NAMES.contains(&key.as_str()) {
                    if let Value::Object(named) = &mut value {
                        if key == "paths" || key == "responses" {
                            sort(named);
                        }
                        named.values_mut().for_each(object);
                    }
                } else if !DATA.contains(&key.as_str()) && !key.starts_with("x-") {
                    object(&mut value);
                }
                members.insert(key, value);
            }
        }
        _ => {}
    }
}

fn sort(members: &mut Map<String, Value>) {
    let mut pairs: Vec<(String, Value)> = std::mem::take(members).into_iter().collect();
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    members.extend(pairs);
}

/// Where a member stands; what is not known stands behind what is, in the order it came.
fn rank(key: &str, parameter: bool, root: bool) -> (usize, usize) {
    let at = |key: &str| ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len());
    match key {
        // A parameter's or body's `required` is a flag; a schema's is a list beside its properties.
        "required" if parameter => (at("in"), 1),
        "servers" | "tags" if root => (at("info"), 1 + usize::from(key == "tags")),
        // An operation's labels stand with its tags, an answer's facts with its description.
        key if key.starts_with("x-") && root => (at("info"), 3),
        key if key.starts_with("x-") => (at("tags"), 1),
        "paths" | "components" => (ORDER.len() + 1, usize::from(key == "components")),
        key => (at(key), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_patch_adds_stands_where_readers_look_for_it() {
        let mut document = serde_json::json!({
            "openapi": "3.0.3", "paths": {"/b": {}, "/a": {}}, "x-own": 1, "servers": [], "info": {"version": "1", "title": "T"},
        });
        arrange(&mut document);
        assert_eq!(
            document.to_string(),
            r#"{"openapi":"3.0.3","info":{"title":"T","version":"1"},"servers":[],"x-own":1,"paths":{"/a":{},"/b":{}}}"#
        );
    }
}

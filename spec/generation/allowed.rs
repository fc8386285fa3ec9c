//! What the description may contain: what the converter writes and the client can be generated from. Anything else is
//! refused by its place.

use serde_json::Value;

/// The members of each kind of object, and the kind of their values: `*` is for a map of any names, and nothing for a
/// value of any form.
const KINDS: [(&str, &[(&str, &str)]); 10] = [
    (
        "document",
        &[
            ("openapi", ""),
            ("info", ""),
            ("servers", ""),
            ("tags", ""),
            ("security", ""),
            ("x-retry-after-seconds", ""),
            ("x-retry-after-when", ""),
            ("paths", "*path"),
            ("components", "components"),
        ],
    ),
    ("components", &[("schemas", "*schema"), ("securitySchemes", "")]),
    (
        "path",
        &[
            ("get", "operation"),
            ("put", "operation"),
            ("post", "operation"),
            ("delete", "operation"),
            ("patch", "operation"),
        ],
    ),
    (
        "operation",
        &[
            ("operationId", ""),
            ("summary", ""),
            ("description", ""),
            ("tags", ""),
            ("security", ""),
            ("x-rate-limit-label", ""),
            ("parameters", "parameter"),
            ("requestBody", "body"),
            ("responses", "*answer"),
        ],
    ),
    (
        "parameter",
        &[
            ("name", ""),
            ("in", ""),
            ("required", ""),
            ("description", ""),
            ("schema", "schema"),
            ("example", ""),
            ("examples", ""),
        ],
    ),
    ("body", &[("required", ""), ("description", ""), ("content", "body content")]),
    ("body content", &[("application/json", "media"), ("multipart/form-data", "media")]),
    (
        "answer",
        &[
            ("description", ""),
            ("headers", ""),
            ("content", "*media"),
            ("x-error-codes", ""),
            ("x-retry-after-seconds", ""),
        ],
    ),
    ("media", &[("schema", "schema"), ("example", ""), ("examples", "")]),
    (
        "schema",
        &[
            ("type", ""),
            ("format", ""),
            ("description", ""),
            ("example", ""),
            ("enum", ""),
            ("required", ""),
            ("minLength", ""),
            ("maxLength", ""),
            ("nullable", ""),
            ("properties", "*schema"),
            ("items", "schema"),
            ("additionalProperties", "schema"),
        ],
    ),
];

/// The values that these members may have, wherever they are.
const VALUES: [(&str, &str, &[&str]); 3] = [
    ("parameter", "in", &["path", "query"]),
    ("schema", "type", &["string", "integer", "number", "boolean", "array", "object"]),
    (
        "schema",
        "format",
        &[
            "int32",
            "int64",
            "float",
            "double",
            "date",
            "date-time",
            "time",
            "uuid",
            "uri",
            "email",
            "ipv4",
            "ipv6",
            "hostname",
            "byte",
            "password",
        ],
    ),
];

pub fn check(document: &Value) -> Result<(), String> {
    match document["openapi"].as_str() {
        Some(version) if version.starts_with("3.0.") => of_kind(document, "document", ""),
        version => Err(format!("only OpenAPI 3.0 can be generated, not {version:?}")),
    }
}

fn of_kind(value: &Value, kind: &str, place: &str) -> Result<(), String> {
    let known = KINDS.iter().find(|(other, _)| *other == kind).map(|(_, members)| members);
    match (value, known, kind.strip_prefix('*')) {
        (Value::Array(items), Some(_), _) => items.iter().try_for_each(|item| of_kind(item, kind, place)),
        (Value::Object(members), _, Some(kind)) => members.iter().try_for_each(|(name, member)| {
            of_kind(member, kind, &format!("{place}/{}", name.replace('/', "~1")))
        }),
        (Value::Object(members), Some(known), _) => members.iter().try_for_each(|(name, member)| {
            let refused =
                |what: &str| Err(format!("{place}: {what} cannot be generated: change it in the overlay"));
            let Some((_, inner)) = known.iter().find(|(known, _)| known == name) else {
                return refused(&format!("`{name}` in a {kind}"));
            };
            let values = VALUES.iter().find(|(of, member, _)| *of == kind && member == name);
            if let (Some((_, _, values)), Some(text)) = (values, member.as_str())
                && !values.contains(&text)
            {
                return refused(&format!("the {name} `{text}` of a {kind}"));
            }
            of_kind(member, inner, &format!("{place}/{}", name.replace('/', "~1")))
        }),
        _ => Ok(()),
    }
}

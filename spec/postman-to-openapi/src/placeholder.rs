//! The exporter's placeholders: in schema mode it writes `<long>` where it could have invented a value.

use crate::shape::{Kind, Shape};

/// The shape a placeholder stands for, or `None` for an ordinary text.
pub fn shape(text: &str) -> Option<Shape> {
    let name = text.strip_prefix('<')?.strip_suffix('>')?;
    let kind = match name {
        "integer" => Kind::Integer(None),
        "long" => Kind::Integer(Some("int64")),
        "number" => Kind::Number(None),
        "float" => Kind::Number(Some("float")),
        "double" => Kind::Number(Some("double")),
        "boolean" => Kind::Boolean,
        "string" => Kind::Text(None),
        "object" => Kind::Object(Box::default()),
        "array" => Kind::List(Box::default()),
        _ => {
            let (base, format) = name.split_once('-').unwrap_or(("", ""));
            match base {
                "integer" => Kind::Integer(if format == "int32" { Some("int32") } else { None }),
                "number" => Kind::Number(None),
                _ => Kind::Text(Some(FORMATS.iter().find(|known| known.0 == name)?.1)),
            }
        }
    };
    Some(Shape::of(kind))
}

/// Placeholder and format; where they differ the exporter has renamed it.
const FORMATS: [(&str, &str); 21] = [
    ("binary", "binary"),
    ("byte", "byte"),
    ("date", "date"),
    ("date-time", "date-time"),
    ("dateTime", "date-time"),
    ("decimal", "decimal"),
    ("email", "email"),
    ("hostname", "hostname"),
    ("ipv4", "ipv4"),
    ("ipv6", "ipv6"),
    ("json-pointer", "json-pointer"),
    ("password", "password"),
    ("regex", "regex"),
    ("string-binary", "binary"),
    ("string-byte", "byte"),
    ("time", "time"),
    ("uri", "uri"),
    ("uri-reference", "uri-reference"),
    ("uri-template", "uri-template"),
    ("url", "uri"),
    ("uuid", "uuid"),
];

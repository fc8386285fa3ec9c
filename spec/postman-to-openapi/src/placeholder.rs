//! Placeholders: texts such as `<long>` or `integer` that an exporter writes instead of a value.

/// The type that a placeholder names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `<boolean>`
    Boolean,
    /// `<integer>`
    Integer,
    /// `<number>`
    Number,
    /// `<string>`
    Text,
    /// `<array>`
    List,
    /// `<object>`
    Object,
    /// Unknown, because the exporter gave up.
    Open,
}

/// Marks a variable without a value in JSON, whose type only other examples can show.
pub const OPEN: char = '\u{e001}';

/// The type and format that a placeholder names; `None` for ordinary text.
///
/// `name` is the name of the member or field. Some type names are also ordinary words, and `{"type": "integer"}` may
/// really be about a type: these are placeholders only in a body that is known to be `invented`.
pub fn read(text: &str, name: &str, invented: bool) -> Option<(Type, Option<&'static str>)> {
    if let Some(inside) = text.strip_prefix('<') {
        return bracketed(inside.strip_suffix('>')?);
    }
    let is_certain = CERTAIN.contains(&text) || text.ends_with([']', '>']);
    if !(is_certain || invented && AMBIGUOUS.contains(&text)) {
        return None;
    }
    // `integer [int64]` or `integer <int64>`, with any format.
    let (word, format) = match text.split_once(' ') {
        Some((word, format)) if TYPES.contains(&word) => (
            word,
            format
                .strip_prefix('[')
                .and_then(|format| format.strip_suffix(']'))
                .or_else(|| format.strip_prefix('<')?.strip_suffix('>'))?,
        ),
        Some(_) => return None,
        None => (text, ""),
    };
    if !invented && names_a_type(name) {
        return None;
    }
    let (kind, own) = bracketed(word)?;
    let format = FORMATS.iter().find(|known| known.0 == format).map(|known| known.1).or(own);
    Some((kind, format))
}

/// Whether the text proves that an exporter made up the body.
pub fn is_proof(text: &str, name: &str) -> bool {
    text != "string" && read(text, name, false).is_some()
}

const TYPES: [&str; 6] = ["boolean", "integer", "number", "string", "array", "object"];

/// Words that are always type names.
const CERTAIN: [&str; 10] =
    ["bool", "boolean", "date-time", "dateTime", "int", "int32", "int64", "integer", "number", "string"];

/// Names of types and formats that are also ordinary words.
const AMBIGUOUS: [&str; 14] = [
    "array", "object", "binary", "byte", "date", "double", "email", "float", "hostname", "long", "time", "uri", "url",
    "uuid",
];

/// Whether a member of this name probably contains a type name.
fn names_a_type(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
    let name = name.strip_suffix('s').unwrap_or(&name);
    ["type", "format", "kind", "name", "clas"].iter().any(|end| name.ends_with(end))
}

fn bracketed(name: &str) -> Option<(Type, Option<&'static str>)> {
    let read = match name {
        "integer" | "int" => (Type::Integer, None),
        "int32" => (Type::Integer, Some("int32")),
        "long" | "int64" => (Type::Integer, Some("int64")),
        "number" => (Type::Number, None),
        "float" => (Type::Number, Some("float")),
        "double" => (Type::Number, Some("double")),
        "boolean" | "bool" => (Type::Boolean, None),
        "string" => (Type::Text, None),
        "object" => (Type::Object, None),
        "array" => (Type::List, None),
        _ if name.starts_with("Error: ") || name.starts_with("Circular reference to ") => (Type::Open, None),
        _ => match name.split_once('-') {
            Some(("integer", format)) => (Type::Integer, (format == "int32").then_some("int32")),
            Some(("number", _)) => (Type::Number, None),
            _ => (Type::Text, Some(FORMATS.iter().find(|known| known.0 == name)?.1)),
        },
    };
    Some(read)
}

/// An exporter's name for a format, and OpenAPI's.
const FORMATS: [(&str, &str); 25] = [
    ("binary", "binary"),
    ("byte", "byte"),
    ("date", "date"),
    ("date-time", "date-time"),
    ("dateTime", "date-time"),
    ("decimal", "decimal"),
    ("double", "double"),
    ("email", "email"),
    ("float", "float"),
    ("hostname", "hostname"),
    ("int32", "int32"),
    ("int64", "int64"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_name_is_a_placeholder_unless_it_may_be_a_value() {
        let integer = Some((Type::Integer, None));
        for (text, name, invented, read) in [
            ("<long>", "type", false, Some((Type::Integer, Some("int64")))),
            ("integer", "id", false, integer),
            ("integer [int64]", "id", false, Some((Type::Integer, Some("int64")))),
            ("integer <int64>", "id", false, Some((Type::Integer, Some("int64")))),
            ("integer [millis]", "id", false, integer),
            ("integer [", "id", false, None),
            ("string or integer", "id", false, None),
            ("string [date]", "day", false, Some((Type::Text, Some("date")))),
            ("number [double]", "rate", false, Some((Type::Number, Some("double")))),
            ("date-time", "created", false, Some((Type::Text, Some("date-time")))),
            ("boolean", "mute", false, Some((Type::Boolean, None))),
            ("integer", "type", false, None),
            ("integer", "type", true, integer),
            ("object", "EntityName", false, None),
            ("date", "sort_by", false, None),
            ("date", "from", true, Some((Type::Text, Some("date")))),
            ("<Error: Too many levels of nesting to fake this schema>", "value", false, Some((Type::Open, None))),
            ("integers", "id", false, None),
            ("an integer", "id", false, None),
            ("Integer", "id", false, None),
            ("items [3]", "id", false, None),
            ("[integer]", "id", false, None),
            ("", "id", true, None),
        ] {
            assert_eq!(super::read(text, name, invented), read, "{text} under {name}");
        }
        assert!(is_proof("integer", "id") && !is_proof("integer", "type") && !is_proof("string", "id"));
    }
}

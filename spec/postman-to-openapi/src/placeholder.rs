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
    let about_a_type = names_a_type(name);
    if CERTAIN.contains(&text) || text.ends_with([']', '>']) {
        if about_a_type && !invented {
            return None;
        }
    } else if about_a_type || !(invented && AMBIGUOUS.contains(&text)) {
        return None;
    }
    // `integer [int64]` or `integer <int64>`, with any format.
    match text.split_once(' ') {
        Some((word, format)) => {
            let inside = |open, close| format.strip_prefix(open)?.strip_suffix(close);
            formatted(word, inside('[', ']').or_else(|| inside('<', '>'))?)
        }
        None => simple(text),
    }
}

/// Whether a bare type name proves that an exporter made up the body. One in angle brackets proves nothing about the
/// bare words beside it.
pub fn is_proof(text: &str, name: &str) -> bool {
    text != "string" && !text.starts_with('<') && read(text, name, false).is_some()
}

/// Whether the text is the name of a type, wherever it stands.
pub fn is_type_name(text: &str) -> bool {
    CERTAIN.contains(&text) || AMBIGUOUS.contains(&text)
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
pub fn names_a_type(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
    let name = name.strip_suffix('s').unwrap_or(&name);
    ["type", "format", "kind", "name", "clas"].iter().any(|end| name.ends_with(end))
}

fn bracketed(name: &str) -> Option<(Type, Option<&'static str>)> {
    if name.starts_with("Error: ") || name.starts_with("Circular reference to ") {
        return Some((Type::Open, None));
    }
    simple(name).or_else(|| name.split_once('-').and_then(|(word, format)| formatted(word, format)))
}

/// A type with a format, which may be unknown.
fn formatted(word: &str, format: &str) -> Option<(Type, Option<&'static str>)> {
    let own = simple(word).filter(|_| TYPES.contains(&word))?;
    Some(simple(format).filter(|(kind, _)| *kind == own.0).unwrap_or(own))
}

fn simple(word: &str) -> Option<(Type, Option<&'static str>)> {
    Some(match &*word.to_ascii_lowercase() {
        "integer" | "int" | "uint" | "uint64" | "bigint" => (Type::Integer, None),
        "short" | "int8" | "int16" | "int32" | "uint8" | "uint16" => (Type::Integer, Some("int32")),
        "long" | "int64" | "uint32" | "epoch" | "timestamp" | "unix-time" | "unixtime" => {
            (Type::Integer, Some("int64"))
        }
        "number" => (Type::Number, None),
        "float" | "float32" => (Type::Number, Some("float")),
        "double" | "float64" => (Type::Number, Some("double")),
        "boolean" | "bool" => (Type::Boolean, None),
        "string" => (Type::Text, None),
        "object" => (Type::Object, None),
        "array" => (Type::List, None),
        "null" => (Type::Open, None),
        "datetime" => (Type::Text, Some("date-time")),
        "url" => (Type::Text, Some("uri")),
        other => (Type::Text, Some(FORMATS.iter().find(|known| **known == other)?)),
    })
}

/// The formats of texts.
const FORMATS: [&str; 17] = [
    "binary",
    "byte",
    "date",
    "date-time",
    "decimal",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "json-pointer",
    "password",
    "regex",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
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

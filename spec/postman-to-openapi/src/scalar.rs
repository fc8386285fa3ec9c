//! Values that are sent as text: in a path, query, header or form field.

use serde_json::Value;

use crate::format;
use crate::shape::{Kind, Shape, Trust};

/// How the elements of a list are separated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// `a,b`
    Comma,
    /// `a|b`
    Pipe,
    /// `a b`, or `a%20b`
    Space,
}

/// What a text value reveals.
#[derive(Debug, Default)]
pub struct Scalar {
    /// Its type.
    pub shape: Shape,
    /// How its elements are separated, if it is certainly a list.
    pub separator: Option<Separator>,
    /// Whether it is an exporter's placeholder and therefore not an example.
    pub placeholder: bool,
}

/// Reads the text value of a field of this name. An empty value reveals nothing.
pub fn read(text: &str, name: &str) -> Scalar {
    if let Some(shape) = Shape::of_placeholder(text, name, false) {
        return Scalar { shape, separator: None, placeholder: true };
    }
    if let Some((shape, separator)) = placeholders(text, name) {
        return Scalar { shape, separator: Some(separator), placeholder: true };
    }
    // How JavaScript prints objects that an exporter did not convert to JSON.
    if text.starts_with("[object Object]") {
        let object = Shape::of(Kind::Object(Box::default()));
        let list = text.len() > "[object Object]".len();
        let shape = if list { Shape::of(Kind::List(Box::new(object))) } else { object };
        return Scalar { shape, separator: None, placeholder: true };
    }
    let (shape, placeholder) = shape(text, name);
    Scalar { shape, separator: None, placeholder }
}

fn shape(text: &str, name: &str) -> (Shape, bool) {
    let kind = match text.as_bytes().first() {
        None => Kind::Unknown,
        Some(b'{' | b'[') if !text.starts_with("{{") => {
            return Shape::of_json(text, name)
                .map_or((Shape::text(), false), |(shape, _, placeholders)| (shape, placeholders));
        }
        _ if matches!(text, "true" | "false") => Kind::Boolean,
        _ if format::is_integer(text) => Kind::Integer(Some("int64")),
        _ if is_number(text) => Kind::Number(None),
        _ => Kind::Text(format::of(text)),
    };
    let trust = if is_nonsense(text) { Trust::Nonsense } else { Trust::Sample };
    (Shape { trust, ..Shape::of(kind) }, false)
}

/// Whether the text consists of the words that an exporter makes up texts from.
fn is_nonsense(text: &str) -> bool {
    const WORDS: &str = " ad adipisicing aliqua aliquip amet anim aute cillum commodo consectetur consequat culpa cupidatat \
        deserunt do dolor dolore duis ea eiusmod elit enim esse est et eu ex excepteur exercitation fugiat id in \
        incididunt ipsum irure labore laboris laborum lorem magna minim mollit nisi non nostrud nulla occaecat \
        officia pariatur proident qui quis reprehenderit sed sint sit sunt tempor ullamco ut velit veniam \
        voluptate ";
    let known = |word: &str| {
        let mut all = WORDS.as_bytes().split(|byte| *byte == b' ');
        all.any(|known| known.eq_ignore_ascii_case(word.as_bytes()))
    };
    // Most values are numbers, URLs and ids, and need no search.
    if !text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte.is_ascii_whitespace()) {
        return false;
    }
    let mut words = text.split_ascii_whitespace().peekable();
    words.peek().is_some() && words.all(known)
}

/// A text as a value of a type, for an example.
pub fn value(text: &str, shape: &Shape) -> Value {
    let typed = match shape.kind {
        Kind::Boolean => text.parse().map(Value::Bool).ok(),
        Kind::Integer(_) | Kind::Number(_) | Kind::List(_) | Kind::Map(_) | Kind::Object(_) => {
            serde_json::from_str(text).ok()
        }
        _ => None,
    };
    typed.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Digits on both sides of a decimal point, none of which a number would lose: `1e5` could be an id, and `1.2.3` and
/// `1.50` are versions.
fn is_number(text: &str) -> bool {
    text.contains('.') && text.parse::<f64>().is_ok_and(|number| number.to_string() == text)
}

/// A list of placeholders, such as `<integer>,<integer>`.
fn placeholders(text: &str, name: &str) -> Option<(Shape, Separator)> {
    const SEPARATORS: [(&str, Separator); 4] =
        [(",", Separator::Comma), ("|", Separator::Pipe), ("%20", Separator::Space), (" ", Separator::Space)];
    let (between, separator) = SEPARATORS.into_iter().find(|(between, _)| {
        text.split_once(between).is_some_and(|(first, _)| Shape::of_placeholder(first, name, false).is_some())
    })?;
    let mut element = Shape::default();
    for part in text.split(between) {
        element.join(Shape::of_placeholder(part, name, false)?);
    }
    Some((Shape { trust: Trust::Described, ..Shape::of(Kind::List(Box::new(element))) }, separator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_value_has_only_a_type_that_its_notation_proves() {
        for (text, kind) in [
            ("68423085", Kind::Integer(Some("int64"))),
            ("-1", Kind::Integer(Some("int64"))),
            ("0", Kind::Integer(Some("int64"))),
            ("007", Kind::Text(None)),
            ("+1", Kind::Text(None)),
            ("9223372036854775808", Kind::Text(None)),
            ("1.5", Kind::Number(None)),
            ("1e5", Kind::Text(None)),
            ("1.2.3", Kind::Text(None)),
            ("true", Kind::Boolean),
            ("True", Kind::Text(None)),
            ("", Kind::Unknown),
            ("{{x}}", Kind::Text(None)),
            ("{broken", Kind::Text(None)),
            ("aute ", Kind::Text(None)),
            ("https://a.example/", Kind::Text(Some("uri"))),
            ("<long>", Kind::Integer(Some("int64"))),
            ("<dateTime>", Kind::Text(Some("date-time"))),
            ("<your name>", Kind::Text(None)),
            ("integer", Kind::Integer(None)),
            ("integer [int64]", Kind::Integer(Some("int64"))),
            ("date-time", Kind::Text(Some("date-time"))),
        ] {
            assert_eq!(read(text, "").shape, Shape::of(kind), "{text}");
        }
    }

    #[test]
    fn json_in_a_text_field_is_an_object_or_a_list() {
        assert!(matches!(read(r#"{"a":false}"#, "").shape.kind, Kind::Object(_)));
        assert!(matches!(read("[1,2]", "").shape.kind, Kind::List(_)));
        assert!(matches!(read("[object Object],[object Object]", "").shape.kind, Kind::List(_)));
    }

    #[test]
    fn placeholders_with_a_separator_are_a_list() {
        for (text, separator) in [
            ("<integer>,<integer>", Separator::Comma),
            ("<integer>|<integer>", Separator::Pipe),
            ("<integer>%20<integer>", Separator::Space),
            ("integer,integer", Separator::Comma),
        ] {
            let scalar = read(text, "");
            assert_eq!(scalar.shape.kind, Kind::List(Box::new(Shape::of(Kind::Integer(None)))));
            assert_eq!(scalar.separator, Some(separator));
        }
        assert_eq!(read("2289,3374", "").separator, None, "a comma alone proves nothing");
    }
}

//! What `openapi-to-postmanv2` writes into descriptions because a Postman file has no place for it.

use std::borrow::Cow;

const REQUIRED: &str = "(Required)";
const ONE_OF: &str = "(This can only be one of ";
/// A placeholder inside a body's text.
const PLACEHOLDER: &str = "\\\"<string>\\\"";
const SECURITY: &str = "Added as a part of security scheme:";

/// A description with its markers read and removed.
#[derive(Debug, Default, PartialEq)]
pub struct Described<'a> {
    /// What is left.
    pub text: Cow<'a, str>,
    /// Whether `(Required)` stood in front.
    pub required: bool,
    /// The values of `(This can only be one of a,b)`, as written.
    pub values: Vec<String>,
    /// Whether the entry belongs to a security scheme and is no parameter.
    pub security: bool,
}

/// Reads the markers of one description.
pub fn read(text: Cow<'_, str>) -> Described<'_> {
    let mut rest = text.trim();
    let security = rest.starts_with(SECURITY);
    let required = match rest.strip_prefix(REQUIRED) {
        Some(after) => {
            rest = after.trim_start();
            true
        }
        None => false,
    };
    let mut values = Vec::new();
    if let Some((before, list)) = rest.strip_suffix(')').and_then(|rest| rest.rsplit_once(ONE_OF)) {
        values =
            list.split(',').map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect();
        values.dedup();
        rest = before.trim_end();
    }
    if is_nothing(rest) {
        rest = "";
    }
    let text = if rest.len() == text.len() { text } else { Cow::Owned(rest.to_owned()) };
    Described { text, required, values, security }
}

/// Whether a description is the word JavaScript has for none.
pub fn is_nothing(text: &str) -> bool {
    matches!(text.trim(), "undefined" | "null")
}

/// Whether a file bears a mark of the exporter anywhere. All its bodies are then inventions that list
/// every member there is, and tell nothing about which are required.
pub fn exported(file: &str) -> bool {
    [REQUIRED, ONE_OF, SECURITY, PLACEHOLDER]
        .iter()
        .any(|mark| memchr::memmem::find(file.as_bytes(), mark.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str) -> Described<'_> {
        read(Cow::Borrowed(text))
    }

    #[test]
    fn markers_are_read_and_removed() {
        let both = described("(Required) The kind. (This can only be one of cat,dog)");
        assert_eq!((&*both.text, both.required), ("The kind.", true));
        assert_eq!(both.values, ["cat", "dog"]);
        let bare = described("(Required)  (This can only be one of 1,2)");
        assert_eq!((&*bare.text, bare.values), ("", vec!["1".to_owned(), "2".to_owned()]));
        assert!(described("Added as a part of security scheme: oauth2").security);
    }

    #[test]
    fn what_only_resembles_a_marker_stays() {
        for text in ["It is (Required) here.", "(This can only be one of a,b) and more", "(required) x"] {
            let left = described(text);
            assert_eq!((&*left.text, left.required, left.values.len()), (text, false, 0));
        }
    }
}

//! The markers that `openapi-to-postmanv2` adds to descriptions for what the Postman format cannot express.

use std::borrow::Cow;

const REQUIRED: &str = "(Required)";
const ONE_OF: &str = "(This can only be one of ";
/// A placeholder inside the text of a body.
const PLACEHOLDER: &str = "\\\"<string>\\\"";
const SECURITY: &str = "Added as a part of security scheme:";

/// A description without its markers, and what they said.
#[derive(Debug, Default, PartialEq)]
pub struct Described<'a> {
    /// The rest of the description.
    pub text: Cow<'a, str>,
    /// Whether it started with `(Required)`.
    pub required: bool,
    /// The values of `(This can only be one of a,b)`, as written.
    pub values: Vec<String>,
    /// Whether the entry belongs to a security scheme and is not a parameter.
    pub security: bool,
}

/// Reads the markers of a description.
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
        values = list.split(',').map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect();
        values.dedup();
        rest = before.trim_end();
    }
    if is_nothing(rest) {
        rest = "";
    }
    let text = if rest.len() == text.len() { text } else { Cow::Owned(rest.to_owned()) };
    Described { text, required, values, security }
}

/// Whether a description is a literal `undefined` or `null`.
pub fn is_nothing(text: &str) -> bool {
    matches!(text.trim(), "undefined" | "null")
}

/// Whether a file contains a marker of the exporter. All its bodies are then made up and have every member, so they do
/// not show which ones are required.
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
    fn text_that_only_resembles_a_marker_is_left_alone() {
        for text in ["It is (Required) here.", "(This can only be one of a,b) and more", "(required) x"] {
            let left = described(text);
            assert_eq!((&*left.text, left.required, left.values.len()), (text, false, 0));
        }
    }
}

use std::{fmt, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::url::encoded;

/// Text that must not be printed: an access token, a client secret, a stream key, or a stream URL that may contain
/// `user:password@`.
///
/// It is sent to Zoom exactly as given. Its `Debug` is redacted and it has no `Display`; [`expose`](Self::expose) is the
/// only way to read it.
///
/// ```
/// use zoom_livestream::Secret;
///
/// let key = Secret::from("live_4f9a");
/// assert_eq!(format!("{key:?}"), "Secret(***)");
/// assert_eq!(key.expose(), "live_4f9a");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemars", schemars(inline, title = "", description = "", extend("format" = "password")))]
pub struct Secret(#[serde(deserialize_with = "text")] String);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// The error for something other than text does not quote it, as serde's own would: a key may consist of digits and lack
/// its quotation marks.
fn text<'de, D: Deserializer<'de>>(raw: D) -> Result<String, D::Error> {
    String::deserialize(raw).map_err(|_| de::Error::invalid_type(de::Unexpected::Other("something else"), &"a string"))
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

/// A field of an answer that the description does not list, as Zoom sent it.
///
/// `Debug` does not print it, because it may be a secret.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Unlisted(Value);

impl Deref for Unlisted {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl From<Value> for Unlisted {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

/// With whatever a [`Value`] can be compared with: text, numbers, `true`, another `Value`.
impl<T: ?Sized> PartialEq<T> for Unlisted
where
    Value: PartialEq<T>,
{
    fn eq(&self, other: &T) -> bool {
        self.0 == *other
    }
}

impl fmt::Debug for Unlisted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A text with each of `secrets` redacted, the longest first so that none leaves a part of another. A secret of three
/// bytes or fewer is not redacted, because it would also match parts of ordinary words.
pub(crate) fn redacted(words: &str, secrets: &[&str]) -> String {
    let secrets = secrets.iter().map(|secret| secret.trim()).filter(|secret| secret.len() > 3);
    let mut spellings: Vec<String> = secrets.flat_map(spellings).collect();
    spellings.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    spellings.iter().fold(words.to_owned(), |words, secret| words.replace(secret, "***"))
}

/// What HTML and XML write in place of a character, HTML's spelling first.
pub(crate) const ENTITIES: [(&str, &str); 6] =
    [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;"), ("'", "&apos;")];

/// A text as it is, and as a server may escape it before it quotes it: for HTML, a URL and JSON.
fn spellings(text: &str) -> [String; 5] {
    let html = ENTITIES.into_iter().fold(text.to_owned(), |html, (from, to)| html.replace(from, to));
    let json = Value::from(text).to_string();
    let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or_default();
    [text.to_owned(), html, encoded(text).to_string(), json.replace('/', "\\/"), json.to_owned()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_longest_secret_is_redacted_first() {
        let words = "neither rtmp://alice:s3cr3tpass@live.example.com nor live";
        let secrets = ["live", "rtmp://alice:s3cr3tpass@live.example.com", "a"];
        assert_eq!(redacted(words, &secrets), "neither *** nor ***");
    }

    #[test]
    fn a_secret_is_redacted_where_it_is_quoted_with_escapes() {
        let secret = "name?user=ada&pass=\"s3cr3t\"";
        for quoted in [
            "name?user=ada&amp;pass=&quot;s3cr3t&quot;",
            "name%3Fuser%3Dada%26pass%3D%22s3cr3t%22",
            r#"name?user=ada&pass=\"s3cr3t\""#,
        ] {
            let words = format!("Invalid stream_key: {quoted}.");
            assert_eq!(redacted(&words, &[secret]), "Invalid stream_key: ***.");
        }
    }

    #[test]
    fn an_error_about_a_secret_that_is_not_text_does_not_quote_it() {
        for json in [
            "4711081547110815",
            "-4711081547110815",
            "4711.0815",
            "47110815471108154711",
            "true",
            "[4711]",
            "{\"4711\":1}",
        ] {
            let error = serde_json::from_str::<Secret>(json).expect_err(json).to_string();
            assert!(error.contains("expected a string") && !error.contains("4711"), "{error}");
            let value: Value = serde_json::from_str(json).expect("JSON");
            let error = serde_json::from_value::<Secret>(value).expect_err(json).to_string();
            assert!(!error.contains("4711") && !error.contains("true"), "{error}");
        }
    }

    #[test]
    #[cfg(feature = "schemars")]
    fn a_secrets_schema_is_an_inline_password() {
        let schema = schemars::SchemaGenerator::default().subschema_for::<Secret>();
        assert_eq!(schema.to_value(), serde_json::json!({ "type": "string", "format": "password" }));
    }

    proptest! {
        #[test]
        fn no_escaped_secret_remains(secret in "[!-~é用]{4,12}", before in ".{0,5}", after in ".{0,5}") {
            for quoted in spellings(&secret) {
                let words = redacted(&format!("{before} {quoted} {after}"), &[&*secret]);
                prop_assert!(words.contains("***") && !words.contains(&quoted), "{}", words);
            }
        }

        #[test]
        fn secrets_are_redacted_whole_and_nothing_else_is(
            long in "[a-c用]{6,9}", others in prop::collection::vec("[a-c用]{4,9}", 0..3),
            between in prop::collection::vec("[d-f \u{e9}]{1,5}", 1..6),
        ) {
            // A part of a secret stands before the whole.
            let part: String = long.chars().skip(1).take(4).collect();
            let secrets: Vec<String> = others.into_iter().chain([part, long]).collect();
            let mut words = String::new();
            for (index, between) in between.iter().enumerate() {
                words += between;
                words += &secrets[secrets.len() - 1 - index % secrets.len()];
            }
            let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
            let words = redacted(&words, &secrets);
            prop_assert_eq!(words.matches("***").count(), between.len());
            prop_assert_eq!(words.replace("***", ""), between.concat());
        }
    }
}

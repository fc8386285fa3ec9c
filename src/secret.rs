use std::fmt;

use serde::{Deserialize, Serialize};

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
#[serde(rename = "$zoom_livestream::Secret")]
#[cfg_attr(
    feature = "schemars",
    derive(schemars::JsonSchema),
    schemars(inline, title = "", description = "", extend("format" = "password"))
)]
pub struct Secret(String);

/// The name that a secret is serialized under, by which [`Inspected`](crate::inspection::Inspected) recognizes it.
pub(crate) const SERIALIZED_NAME: &str = "$zoom_livestream::Secret";

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

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

/// Redacts each of `secrets` in a text, the longest first so that none leaves a part of another. A secret of three
/// bytes or fewer is not redacted, because it would also match parts of ordinary words.
pub(crate) fn redact(words: &mut String, secrets: &[impl AsRef<str>]) {
    let secrets = secrets.iter().map(|secret| secret.as_ref().trim());
    let mut secrets: Vec<&str> = secrets.filter(|secret| secret.len() > 3).collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in secrets {
        *words = words.replace(secret, "***");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_longest_secret_is_redacted_first() {
        let mut words = "neither rtmp://alice:s3cr3tpass@live.example.com nor live".to_owned();
        redact(&mut words, &["live", "rtmp://alice:s3cr3tpass@live.example.com", "a"]);
        assert_eq!(words, "neither *** nor ***");
    }

    #[test]
    #[cfg(feature = "schemars")]
    fn a_secrets_schema_is_an_inline_password() {
        let schema = schemars::SchemaGenerator::default().subschema_for::<Secret>();
        assert_eq!(schema.to_value(), serde_json::json!({ "type": "string", "format": "password" }));
    }

    proptest! {
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
            redact(&mut words, &secrets);
            prop_assert_eq!(words.matches("***").count(), between.len());
            prop_assert_eq!(words.replace("***", ""), between.concat());
        }
    }
}

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// A text that must not be printed: an access token, a client secret, a stream key, a stream URL that can
/// carry `user:password@`.
///
/// It goes to Zoom exactly as given. Its `Debug` prints stars and it has no `Display`; [`expose`](Self::expose)
/// is the one way to read it.
///
/// ```
/// use zoom_livestream::Secret;
///
/// let key = Secret::from("live_4f9a");
/// assert_eq!(format!("{key:?}"), "Secret(***)");
/// assert_eq!(key.expose(), "live_4f9a");
/// ```
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The name under which a secret is serialised: how [`Inspected`](crate::inspect::Inspected) knows one.
pub(crate) const SERIALIZED_NAME: &str = "$zoom_livestream::Secret";

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(SERIALIZED_NAME, &self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&String> for Secret {
    fn from(text: &String) -> Self {
        Self(text.clone())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Redacts each of `secrets` in a stranger's words, the longest first so that none leaves a part of another. One of
/// three bytes or fewer is more likely a syllable and stays.
pub(crate) fn redact(words: &mut String, secrets: &[impl AsRef<str>]) {
    let mut secrets: Vec<&str> =
        secrets.iter().map(|secret| secret.as_ref().trim()).filter(|secret| secret.len() > 3).collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in secrets {
        if words.contains(secret) {
            *words = words.replace(secret, "***");
        }
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "password" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_longest_secret_is_redacted_first() {
        let mut words = "no rtmp://alice:s3cr3tpass@live.example.com, nor live".to_owned();
        redact(&mut words, &["live", "rtmp://alice:s3cr3tpass@live.example.com", "a"]);
        assert_eq!(words, "no ***, nor ***");
    }

    proptest! {
        #[test]
        fn no_secret_survives_in_whatever_words(
            secrets in prop::collection::vec("[a-c用]{4,9}", 1..4), between in prop::collection::vec("[a-c用 ]{0,5}", 1..5),
        ) {
            let mut words = String::new();
            for (index, between) in between.iter().enumerate() {
                words += between;
                words += &secrets[index % secrets.len()];
            }
            redact(&mut words, &secrets);
            for secret in &secrets {
                prop_assert!(!words.contains(secret), "{} in {}", secret, words);
            }
        }
    }
}

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

/// Puts stars where a stranger's words quote one of `secrets`: in words, a short one is more likely a syllable.
pub(crate) fn hide(words: &mut String, secrets: &[impl AsRef<str>]) {
    for secret in secrets.iter().map(|secret| secret.as_ref().trim()).filter(|secret| secret.len() > 3) {
        *words = words.replace(secret, "***");
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

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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

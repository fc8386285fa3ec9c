use std::fmt;

use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A file in a `multipart/form-data` body: its name, its content type and its bytes, which are held in memory.
///
/// Cheap to clone. `Debug` prints the number of bytes, not the bytes.
///
/// ```
/// use zoom_livestream::FilePart;
///
/// let picture = FilePart::new("me.png", "image/png", vec![0x89, b'P', b'N', b'G']);
/// assert_eq!(format!("{picture:?}"), r#"FilePart("me.png", "image/png", 4 bytes)"#);
/// ```
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "schemars",
    derive(schemars::JsonSchema),
    schemars(with = "String", inline, title = "", description = "", extend("format" = "binary"))
)]
pub struct FilePart {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
}

impl FilePart {
    /// A file with its name (without a folder), its content type (such as `image/png`) and its bytes.
    ///
    /// A content type that cannot be sent in a header, and a name with a backslash or control character, are refused when
    /// the call is sent.
    pub fn new(name: impl Into<String>, content_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { name: name.into(), content_type: content_type.into(), bytes: bytes.into() }
    }

    /// Like `as_slice` of `Option` and `Vec`, so that the generated code reads one file, an optional file and a list
    /// alike.
    #[allow(dead_code)] // the description decides whether there is such a field
    pub(crate) fn as_slice(&self) -> &[Self] {
        std::slice::from_ref(self)
    }
}

impl fmt::Debug for FilePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FilePart({:?}, {:?}, {} bytes)", self.name, self.content_type, self.bytes.len())
    }
}

/// Serialized as `null`, like an absent field, because a file is sent as a part of its own.
impl Serialize for FilePart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

impl<'de> Deserialize<'de> for FilePart {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("a file cannot be read from text: make it with `FilePart::new`"))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "schemars")]
    #[test]
    fn a_files_schema_is_inline_and_binary() {
        let schema = schemars::SchemaGenerator::default().subschema_for::<super::FilePart>();
        assert_eq!(schema.to_value(), serde_json::json!({ "type": "string", "format": "binary" }));
    }
}

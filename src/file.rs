use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A file to upload, as a part of a multipart form.
///
/// ```
/// use zoom_livestream::FilePart;
///
/// let picture = FilePart::new("picture.png", "image/png", b"its bytes".as_slice());
/// assert_eq!(format!("{picture:?}"), r#"FilePart("picture.png", "image/png", 9 bytes)"#);
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schemars",
    derive(schemars::JsonSchema),
    schemars(inline, title = "", description = "", with = "String", extend("format" = "binary"))
)]
pub struct FilePart {
    pub(crate) name: String,
    pub(crate) media_type: String,
    #[serde(with = "text")]
    pub(crate) bytes: Bytes,
}

impl FilePart {
    /// A file's name, such as `picture.png`, its media type, such as `image/png`, and its bytes.
    pub fn new(name: impl Into<String>, media_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { name: name.into(), media_type: media_type.into(), bytes: bytes.into() }
    }
}

impl fmt::Debug for FilePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FilePart({:?}, {:?}, {} bytes)", self.name, self.media_type, self.bytes.len())
    }
}

/// A body reaches `src/body.rs` as JSON, which has no bytes: each of them is one of the first 256 characters there.
mod text {
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&bytes.iter().map(|byte| char::from(*byte)).collect::<String>())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.chars().map(u8::try_from).collect::<Result<_, _>>().map_err(D::Error::custom)
    }
}

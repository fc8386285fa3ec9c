//! How a generated body is sent: the text of each field, and the encodings.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use reqwest::header::HeaderValue;
use serde::Serialize;
use serde_json::Value;

use crate::file::FilePart;
use crate::url::encoded;

/// How a body whose description says `multipart/form-data` is sent.
///
/// The Postman items say multipart, so that is the default. The other public clients that we know of send
/// JSON, which Zoom's own earlier description lists as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyEncoding {
    /// As the description says: `multipart/form-data`, one text part per field.
    #[default]
    Described,
    /// `application/json` in place of `multipart/form-data`. A body with a file is then refused.
    Json,
}

/// The bytes of a body or an answer that the description has no schema for.
///
/// `Debug` prints only the length, because the bytes may hold a secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RawBody(Bytes);

impl fmt::Debug for RawBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawBody({} bytes)", self.0.len())
    }
}

impl RawBody {
    /// The bytes; cheap to clone.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl AsRef<[u8]> for RawBody {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<B: Into<Bytes>> From<B> for RawBody {
    fn from(body: B) -> Self {
        Self(body.into())
    }
}

/// A body as it is sent.
pub(crate) struct Encoded {
    pub content_type: HeaderValue,
    pub bytes: Bytes,
}

impl Encoded {
    pub fn new(content_type: impl Into<String>, bytes: impl Into<Bytes>) -> Result<Self, String> {
        let content_type = HeaderValue::try_from(content_type.into());
        let content_type = content_type.map_err(|_| "the body's content type cannot be sent in a header")?;
        Ok(Self { content_type, bytes: bytes.into() })
    }

    pub fn json(content_type: &str, body: &impl Serialize) -> Result<Self, String> {
        Self::new(content_type, serde_json::to_vec(body).map_err(not_json)?)
    }

    /// `None` if it is a JSON object without members.
    #[allow(dead_code)] // unused if the description has no optional JSON body
    pub fn unless_empty(self) -> Option<Self> {
        (*self.bytes != *b"{}").then_some(self)
    }
}

/// A field of a form.
pub(crate) struct Field<'f> {
    pub name: Cow<'f, str>,
    /// `None` if the field is absent or a file.
    pub text: Option<String>,
    pub files: &'f [FilePart],
}

#[allow(dead_code)] // the description decides which kinds of fields are used
impl<'f> Field<'f> {
    /// A string is sent as it is, and anything else as compact JSON; `null` counts as absent.
    pub fn text(name: &'f str, value: &impl Serialize) -> Result<Self, String> {
        let mut text = serde_json::to_string(value).map_err(not_json)?;
        if text.starts_with('"') {
            if text.contains('\\') {
                text = serde_json::from_str(&text).map_err(not_json)?;
            } else {
                text.pop();
                text.remove(0);
            }
        } else if text == "null" {
            return Ok(Self { name: name.into(), text: None, files: &[] });
        }
        Ok(Self { name: name.into(), text: Some(text), files: &[] })
    }

    pub fn files(name: &'f str, files: &'f [FilePart]) -> Self {
        Self { name: name.into(), text: None, files }
    }

    /// The fields of a body whose type does not name them.
    pub fn all(body: &impl Serialize) -> Result<Vec<Self>, String> {
        let Value::Object(members) = serde_json::to_value(body).map_err(not_json)? else {
            return Err("the body is not an object, so it has no fields to send as a form".to_owned());
        };
        let fields = members.iter().map(|(name, value)| {
            let Field { text, .. } = Field::text("", value)?;
            Ok(Self { name: name.clone().into(), text, files: &[] })
        });
        fields.collect()
    }
}

fn not_json(error: serde_json::Error) -> String {
    format!("the body cannot be written as JSON: {error}")
}

/// URL Standard, "application/x-www-form-urlencoded serializing".
pub(crate) fn urlencoded<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> String {
    let encode = |text: &str| encoded(text).replace("%20", "+");
    pairs.map(|(name, text)| format!("{}={}", encode(name), encode(text))).collect::<Vec<_>>().join("&")
}

/// Checks the length of a body's text, in characters.
#[allow(dead_code)] // the description decides whether any length is limited
pub(crate) fn within(
    name: &str,
    text: Option<&str>,
    least: Option<usize>,
    most: Option<usize>,
) -> Result<(), String> {
    let Some(characters) = text.map(|text| text.chars().count()) else { return Ok(()) };
    let limit = match (least, most) {
        (Some(least), _) if characters < least => format!("at least {least}"),
        (_, Some(most)) if characters > most => format!("at most {most}"),
        _ => return Ok(()),
    };
    Err(format!("`{name}` has {characters} characters, but Zoom accepts {limit}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn texts(body: &Value) -> Result<Vec<(String, String)>, String> {
        let texts = |field: Field<'_>| Some((field.name.into_owned(), field.text?));
        Ok(Field::all(body)?.into_iter().filter_map(texts).collect())
    }

    #[test]
    fn a_string_is_sent_as_it_is_and_anything_else_as_json() {
        let body = json!({ "a": " \"\\\u{1}é\n", "b": "", "c": { "d": "\"", "e": null }, "f": null, "g": [1, 2.5], "h": "null" });
        let expected = [
            ("a", " \"\\\u{1}é\n"),
            ("b", ""),
            ("c", r#"{"d":"\"","e":null}"#),
            ("g", "[1,2.5]"),
            ("h", "null"),
        ];
        let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
        assert_eq!(texts(&body), Ok(expected));
    }

    #[test]
    fn a_form_of_something_other_than_an_object_is_refused() {
        for body in [json!(null), json!("text"), json!([{ "a": 1 }]), json!(1)] {
            let refusal = texts(&body).expect_err("not an object");
            assert!(refusal.contains("not an object"), "{refusal}");
        }
    }

    #[test]
    fn a_length_is_counted_in_characters() {
        for (text, is_refused) in
            [(None, false), (Some(""), true), (Some("é"), false), (Some("éé"), false), (Some("ééé"), true)]
        {
            assert_eq!(within("a", text, Some(1), Some(2)).is_err(), is_refused, "{text:?}");
        }
        assert_eq!(within("a", Some(""), None, None), Ok(()));
    }

    proptest! {
        #[test]
        fn any_text_is_sent_as_it_is(text in any::<String>()) {
            let field = Field::text("a", &text).expect("a field");
            prop_assert_eq!(field.text, Some(text));
        }

        #[test]
        fn a_urlencoded_form_is_read_back_by_the_url_crate(
            fields in prop::collection::vec((any::<String>(), any::<String>()), 1..4),
        ) {
            let form = urlencoded(fields.iter().map(|(name, text)| (&**name, &**text)));
            let url = reqwest::Url::parse(&format!("http://h/?{form}")).expect("a URL");
            prop_assert_eq!(url.query_pairs().into_owned().collect::<Vec<_>>(), fields);
        }
    }
}

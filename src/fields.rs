//! A typed body → the texts of its fields, each length checked on the way.

use std::borrow::Cow;
use std::ops::Range;

use serde::Serialize;
use serde::ser::{Error as _, Impossible, SerializeMap, SerializeStruct, Serializer};
use serde_json::{Error, Value};

use crate::operation::Length;

/// A field's name and its text.
pub(crate) type Field<'f> = (&'f str, &'f str);

/// The fields of a body, in the order of its type.
pub(crate) struct Fields {
    /// The texts, one behind the other.
    texts: String,
    places: Vec<Place>,
}

/// A field's name, and where its text stands.
type Place = (Cow<'static, str>, Range<usize>);

impl Fields {
    /// Reads a body; one that is no object has no fields. An error is the sentence that refuses the body.
    pub fn of(body: &impl Serialize, lengths: &[Length]) -> Result<Option<Self>, String> {
        let mut written = Written { texts: Vec::with_capacity(256), places: Vec::new(), is_object: false };
        match body.serialize(Members { written: &mut written, lengths, depth: 0, name: "".into() }) {
            Err(error) if written.is_object => Err(error.to_string()),
            Err(_) => Ok(None),
            Ok(()) => {
                let texts = String::from_utf8(written.texts);
                let texts = texts.map_err(|error| format!("the body is not text: {error}"))?;
                Ok(Some(Self { texts, places: written.places }))
            }
        }
    }

    /// Each field's name and text.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> + Clone {
        self.places.iter().map(|(name, place)| (&**name, &self.texts[place.clone()]))
    }
}

/// [`Fields`] in the making.
struct Written {
    texts: Vec<u8>,
    places: Vec<Place>,
    is_object: bool,
}

/// An object that is being written.
struct Members<'w> {
    written: &'w mut Written,
    lengths: &'w [Length],
    /// How many objects this one stands in.
    depth: usize,
    /// A map's key, until its value comes.
    name: Cow<'static, str>,
}

impl Members<'_> {
    /// A string exactly as it is, anything else as compact JSON; `null` is an absent field.
    fn add(&mut self, name: Cow<'static, str>, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        let texts = &mut self.written.texts;
        let start = texts.len();
        serde_json::to_writer(&mut *texts, value)
            .map_err(|error| Error::custom(format!("the body is not JSON: {error}")))?;
        let mut place = start..texts.len();
        let json = &texts[start..];
        let (is_string, is_object) = (json.starts_with(b"\""), json.starts_with(b"{"));
        if json == b"null" {
            texts.truncate(start);
            return Ok(());
        }
        if is_string && json.contains(&b'\\') {
            let text: String = serde_json::from_slice(json)?;
            texts.truncate(start);
            texts.extend_from_slice(text.as_bytes());
            place.end = texts.len();
        } else if is_string {
            place = place.start + 1..place.end - 1;
        }
        let lengths = self.lengths;
        for length in lengths.iter().filter(|length| length.field.get(self.depth) == Some(&&*name)) {
            if is_string && length.field.len() == self.depth + 1 {
                within(length, &self.written.texts[place.clone()])?;
            } else if is_object {
                // Its members are measured, and are no fields of their own.
                let count = self.written.places.len();
                let (depth, lengths) = (self.depth + 1, std::slice::from_ref(length));
                value.serialize(Members { written: &mut *self.written, lengths, depth, name: "".into() })?;
                self.written.places.truncate(count);
            }
        }
        self.written.places.push((name, place));
        Ok(())
    }
}

/// Lengths are in characters.
fn within(length: &Length, text: &[u8]) -> Result<(), Error> {
    let characters = String::from_utf8_lossy(text).chars().count() as u64;
    let limit = match (length.least, length.most) {
        (Some(least), _) if characters < least => format!("at least {least}"),
        (_, Some(most)) if characters > most => format!("at most {most}"),
        _ => return Ok(()),
    };
    let name = length.field.join(".");
    Err(Error::custom(format!("`{name}` has {characters} characters, and Zoom takes {limit}")))
}

impl SerializeStruct for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.add(name.into(), value)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

impl SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.name = match serde_json::to_value(key)? {
            Value::String(name) => name.into(),
            other => other.to_string().into(),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let name = std::mem::take(&mut self.name);
        self.add(name, value)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

macro_rules! no_object {
    ($($method:ident($($argument:ty),*) -> $value:ty;)*) => {$(
        fn $method(self $(, _: $argument)*) -> Result<$value, Error> {
            Err(Error::custom("the body is not an object"))
        }
    )*};
}

type Never = Impossible<(), Error>;

impl<'w> Serializer for Members<'w> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Members<'w>;
    type SerializeStruct = Members<'w>;
    type SerializeStructVariant = Never;

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Error> {
        self.written.is_object = true;
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        self.serialize_map(None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        self.serialize_unit()
    }

    no_object! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(body: &Value, lengths: &[Length]) -> Result<Option<Vec<(String, String)>>, String> {
        let fields = Fields::of(body, lengths)?;
        let owned = |(name, text): Field<'_>| (name.to_owned(), text.to_owned());
        Ok(fields.map(|fields| fields.iter().map(owned).collect()))
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
        assert_eq!(texts(&body, &[]), Ok(Some(expected)));
    }

    #[test]
    fn what_is_no_object_has_no_fields() {
        for body in [json!(null), json!("text"), json!([{ "a": 1 }]), json!(1)] {
            assert_eq!(texts(&body, &[]), Ok(None), "{body}");
        }
    }

    #[test]
    fn a_length_is_found_as_deep_as_it_stands() {
        let lengths = [Length { field: &["a", "b", "c"], least: Some(1), most: Some(2) }];
        for (text, is_refused) in [("", true), ("é", false), ("éé", false), ("ééé", true), ("\"\"", false)]
        {
            let body = json!({ "a": { "b": { "c": text } }, "c": "long enough" });
            assert_eq!(texts(&body, &lengths).is_err(), is_refused, "{text}");
        }
        let elsewhere = Length { field: &["d", "b", "e"], least: Some(1), most: Some(2) };
        let lengths = lengths.into_iter().chain([elsewhere]).collect::<Vec<_>>();
        for body in [
            json!({ "a": 1 }),
            json!({ "a": { "b": { "c": null } } }),
            json!({ "a": { "b": [] } }),
            json!({ "d": { "b": { "c": "long enough" } }, "a": { "b": { "e": "long enough" } } }),
        ] {
            assert!(texts(&body, &lengths).is_ok(), "{body}");
        }
    }
}

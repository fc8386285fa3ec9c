//! A typed body, looked through: its secrets, to be redacted, and its other fields, to be told.

use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::{Error, Map, Value};

use crate::secret;

/// What a body holds.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Inspected {
    /// Each [`Secret`](crate::Secret), however deep it stands.
    pub secrets: Vec<String>,
    /// The body's fields without them.
    pub fields: Map<String, Value>,
}

impl Inspected {
    pub fn of(body: &impl Serialize) -> Self {
        let mut secrets = Vec::new();
        let fields = match body.serialize(Walk { secrets: &mut secrets, is_secret: false }) {
            Ok(Some(Value::Object(fields))) => fields,
            // A body that is no object has no fields; one that cannot be serialised was never sent.
            _ => Map::new(),
        };
        Self { secrets, fields }
    }
}

/// Gives what is serialised as JSON, and nothing for a secret.
struct Walk<'s> {
    secrets: &'s mut Vec<String>,
    is_secret: bool,
}

/// An array or an object that is being walked.
struct Members<'s, C> {
    secrets: &'s mut Vec<String>,
    members: C,
    /// A map's key until its value comes, or the name of an enum's variant.
    name: String,
}

impl<C> Members<'_, C> {
    fn walk(&mut self, value: &(impl Serialize + ?Sized)) -> Result<Option<Value>, Error> {
        value.serialize(Walk { secrets: self.secrets, is_secret: false })
    }
}

impl Members<'_, Vec<Value>> {
    fn push(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        let value = self.walk(value)?;
        self.members.extend(value);
        Ok(())
    }
}

impl Members<'_, Map<String, Value>> {
    fn insert(&mut self, name: String, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        if let Some(value) = self.walk(value)? {
            self.members.insert(name, value);
        }
        Ok(())
    }
}

/// An enum's variant as serde writes it: an object with one member.
fn variant(name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
    Some(Value::Object(Map::from_iter([(name.into(), value.into())])))
}

macro_rules! scalars {
    ($($method:ident($type:ty);)*) => {$(
        fn $method(self, value: $type) -> Result<Option<Value>, Error> {
            Ok(Some(value.into()))
        }
    )*};
}

impl<'s> Serializer for Walk<'s> {
    type Ok = Option<Value>;
    type Error = Error;
    type SerializeSeq = Members<'s, Vec<Value>>;
    type SerializeTuple = Self::SerializeSeq;
    type SerializeTupleStruct = Self::SerializeSeq;
    type SerializeTupleVariant = Self::SerializeSeq;
    type SerializeMap = Members<'s, Map<String, Value>>;
    type SerializeStruct = Self::SerializeMap;
    type SerializeStructVariant = Self::SerializeMap;

    scalars! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_bytes(&[u8]);
    }

    fn serialize_char(self, value: char) -> Result<Option<Value>, Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<Option<Value>, Error> {
        match self.is_secret {
            true => {
                self.secrets.push(value.to_owned());
                Ok(None)
            }
            false => Ok(Some(value.into())),
        }
    }

    fn serialize_unit(self) -> Result<Option<Value>, Error> {
        Ok(Some(Value::Null))
    }

    fn serialize_none(self) -> Result<Option<Value>, Error> {
        self.serialize_unit()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Option<Value>, Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &str, _: u32, name: &'static str) -> Result<Option<Value>, Error> {
        self.serialize_str(name)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Option<Value>, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Option<Value>, Error> {
        value.serialize(Walk { is_secret: name == secret::SERIALIZED_NAME, ..self })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<Option<Value>, Error> {
        Ok(value.serialize(self)?.and_then(|value| variant(name, value)))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        Ok(Members { secrets: self.secrets, members: Vec::new(), name: String::new() })
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Self::SerializeSeq, Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Ok(Members { secrets: self.secrets, members: Vec::new(), name: name.to_owned() })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Error> {
        Ok(Members { secrets: self.secrets, members: Map::new(), name: String::new() })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Error> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        Ok(Members { secrets: self.secrets, members: Map::new(), name: name.to_owned() })
    }
}

macro_rules! elements {
    ($($kind:ident::$method:ident => $end:expr;)*) => {$(
        impl $kind for Members<'_, Vec<Value>> {
            type Ok = Option<Value>;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.push(value)
            }

            fn end(self) -> Result<Option<Value>, Error> {
                let end: fn(Self) -> Option<Value> = $end;
                Ok(end(self))
            }
        }
    )*};
}
elements! {
    SerializeSeq::serialize_element => |array| Some(array.members.into());
    SerializeTuple::serialize_element => |array| Some(array.members.into());
    SerializeTupleStruct::serialize_field => |array| Some(array.members.into());
    SerializeTupleVariant::serialize_field => |array| variant(array.name, array.members);
}

macro_rules! fields {
    ($($kind:ident => $end:expr;)*) => {$(
        impl $kind for Members<'_, Map<String, Value>> {
            type Ok = Option<Value>;
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.insert(name.to_owned(), value)
            }

            fn end(self) -> Result<Option<Value>, Error> {
                let end: fn(Self) -> Option<Value> = $end;
                Ok(end(self))
            }
        }
    )*};
}
fields! {
    SerializeStruct => |object| Some(object.members.into());
    SerializeStructVariant => |object| variant(object.name, object.members);
}

impl SerializeMap for Members<'_, Map<String, Value>> {
    type Ok = Option<Value>;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.name = match self.walk(key)? {
            Some(Value::String(name)) => name,
            Some(other) => other.to_string(),
            None => return Err(Error::custom("a secret cannot be a key")),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let name = std::mem::take(&mut self.name);
        self.insert(name, value)
    }

    fn end(self) -> Result<Option<Value>, Error> {
        Ok(Some(self.members.into()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Secret;

    #[derive(Serialize)]
    struct Body {
        action: Action,
        key: Secret,
        #[serde(skip_serializing_if = "Option::is_none")]
        absent: Option<Secret>,
        nested: Nested,
        #[serde(flatten)]
        extra: std::collections::BTreeMap<String, Value>,
    }

    #[derive(Serialize)]
    struct Nested {
        deep: Vec<Option<Secret>>,
        pair: (u8, Secret),
        by_name: std::collections::BTreeMap<String, Secret>,
        count: u64,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Action {
        Start,
        Hold(Secret),
        Other { key: Secret, of: u8 },
    }

    fn body(action: Action) -> Body {
        let secret = |text: &str| Secret::from(text);
        Body {
            action,
            key: secret("key"),
            absent: None,
            nested: Nested {
                deep: vec![Some(secret("deep")), None],
                pair: (1, secret("second")),
                by_name: [("name".to_owned(), secret("named"))].into(),
                count: 2,
            },
            extra: [("else".to_owned(), json!([1.5, null]))].into(),
        }
    }

    #[test]
    fn each_secret_is_found_as_deep_as_it_stands_and_is_none_of_the_fields() {
        let inspected = Inspected::of(&body(Action::Start));
        assert_eq!(inspected.secrets, ["key", "deep", "second", "named"]);
        let nested = json!({ "deep": [null], "pair": [1], "by_name": {}, "count": 2 });
        let fields = json!({ "action": "start", "nested": nested, "else": [1.5, null] });
        assert_eq!(Value::Object(inspected.fields), fields);
    }

    #[test]
    fn a_variants_secrets_are_found() {
        let held = Inspected::of(&body(Action::Hold("held".into())));
        assert_eq!((&*held.secrets[0], held.fields.get("action")), ("held", None));
        let other = Inspected::of(&body(Action::Other { key: "kept".into(), of: 3 }));
        assert_eq!(
            (&*other.secrets[0], other.fields.get("action")),
            ("kept", Some(&json!({ "other": { "of": 3 } })))
        );
    }

    #[test]
    fn a_secret_is_sent_as_its_text() {
        assert_eq!(serde_json::to_value(Secret::from("key")).ok(), Some(json!("key")));
        assert_eq!(serde_json::from_value::<Secret>(json!("key")).ok(), Some(Secret::from("key")));
    }
}

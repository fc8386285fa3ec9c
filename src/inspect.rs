//! A typed body, looked through: the secrets it holds, to be redacted, and its other texts, to be shown.

use serde::Serialize;
use serde::ser::{self, Serializer};
use serde_json::{Error, Map, Value};

use crate::secret;

/// What a body holds.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Inspected {
    /// Each [`Secret`](crate::Secret), however deep.
    pub secrets: Vec<String>,
    /// The body's text fields, without any that says the same as a secret.
    pub texts: Map<String, Value>,
}

impl Inspected {
    pub fn of(body: &impl Serialize) -> Self {
        let mut secrets = Vec::new();
        // A body that cannot be serialized was never sent.
        let _ = body.serialize(Walk { secrets: &mut secrets, is_secret: false });
        let mut texts = match serde_json::to_value(body) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        texts
            .retain(|_, text| text.as_str().is_some_and(|text| !secrets.iter().any(|secret| secret == text)));
        Self { secrets, texts }
    }
}

/// Visits all that is serialized and keeps what is serialized as a secret.
struct Walk<'s> {
    secrets: &'s mut Vec<String>,
    is_secret: bool,
}

impl Walk<'_> {
    fn visit(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        value.serialize(Walk { secrets: self.secrets, is_secret: false })
    }
}

macro_rules! leaves {
    ($($method:ident($($argument:ty),*);)*) => {$(
        fn $method(self $(, _: $argument)*) -> Result<(), Error> {
            Ok(())
        }
    )*};
}

macro_rules! branches {
    ($($method:ident($($argument:ty),*);)*) => {$(
        fn $method(self $(, _: $argument)*) -> Result<Self, Error> {
            Ok(self)
        }
    )*};
}

macro_rules! members {
    ($($kind:ident { $($method:ident($($name:ty)?);)* })*) => {$(
        impl ser::$kind for Walk<'_> {
            type Ok = ();
            type Error = Error;

            $(fn $method<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Result<(), Error> {
                self.visit(value)
            })*

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        }
    )*};
}

impl Serializer for Walk<'_> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        if self.is_secret {
            self.secrets.push(text.to_owned());
        }
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Result<(), Error> {
        self.visit(value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(Walk { is_secret: name == secret::SERIALIZED_NAME, ..self })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.visit(value)
    }

    leaves! {
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
        serialize_char(char);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    branches! {
        serialize_seq(Option<usize>);
        serialize_tuple(usize);
        serialize_tuple_struct(&'static str, usize);
        serialize_tuple_variant(&'static str, u32, &'static str, usize);
        serialize_map(Option<usize>);
        serialize_struct(&'static str, usize);
        serialize_struct_variant(&'static str, u32, &'static str, usize);
    }
}

members! {
    SerializeSeq { serialize_element(); }
    SerializeTuple { serialize_element(); }
    SerializeTupleStruct { serialize_field(); }
    SerializeTupleVariant { serialize_field(); }
    SerializeMap { serialize_key(); serialize_value(); }
    SerializeStruct { serialize_field(&'static str); }
    SerializeStructVariant { serialize_field(&'static str); }
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
        copied: String,
        #[serde(flatten)]
        extra: std::collections::BTreeMap<String, Value>,
    }

    #[derive(Serialize)]
    struct Nested {
        deep: Vec<Option<Secret>>,
        pair: (u8, Secret),
        by_name: std::collections::BTreeMap<String, Secret>,
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
            },
            copied: "key".to_owned(),
            extra: [("else".to_owned(), json!("text"))].into(),
        }
    }

    #[test]
    fn each_secret_is_found_however_deep_and_is_not_among_the_texts() {
        let inspected = Inspected::of(&body(Action::Start));
        assert_eq!(inspected.secrets, ["key", "deep", "second", "named"]);
        assert_eq!(Value::Object(inspected.texts), json!({ "action": "start", "else": "text" }));
    }

    #[test]
    fn a_secret_in_a_variant_is_found() {
        assert_eq!(Inspected::of(&body(Action::Hold("held".into()))).secrets[0], "held");
        assert_eq!(Inspected::of(&body(Action::Other { key: "kept".into(), of: 3 })).secrets[0], "kept");
    }

    #[test]
    fn a_secret_is_sent_as_its_text() {
        assert_eq!(serde_json::to_value(Secret::from("key")).ok(), Some(json!("key")));
        assert_eq!(serde_json::from_value::<Secret>(json!("key")).ok(), Some(Secret::from("key")));
    }
}

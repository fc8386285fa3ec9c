//! A [`Shape`] as OpenAPI 3.0 writes it.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::shape::{Kind, Object, Shape};

/// A shape on its way out.
pub struct Schema<'a> {
    /// What to write.
    pub shape: &'a Shape,
    /// Whether a member seen in every example is required. In what the exporter invented every member
    /// is always there, which says nothing.
    pub required: bool,
}

impl Serialize for Schema<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        write_type(&mut map, self.shape, self.required)?;
        write_members(&mut map, self.shape, self.required)?;
        map.end()
    }
}

/// `type`, `format`, `nullable`: what stands before a description.
pub fn write_type<M: SerializeMap>(map: &mut M, shape: &Shape, required: bool) -> Result<(), M::Error> {
    let (name, format) = match &shape.kind {
        Kind::Unknown => ("", None),
        Kind::Boolean => ("boolean", None),
        Kind::Integer(format) => ("integer", *format),
        Kind::Number(format) => ("number", *format),
        Kind::Text(format) => ("string", *format),
        Kind::List(_) => ("array", None),
        Kind::Map(_) | Kind::Object(_) => ("object", None),
        Kind::OneOf(kinds) => {
            map.serialize_entry("oneOf", &Alternatives { kinds, nullable: shape.nullable, required })?;
            return Ok(());
        }
    };
    if !name.is_empty() {
        map.serialize_entry("type", name)?;
        if let Some(format) = format {
            map.serialize_entry("format", format)?;
        }
    }
    // Beside no type it means nothing: a schema that is empty takes null anyway.
    if shape.nullable && !name.is_empty() {
        map.serialize_entry("nullable", &true)?;
    }
    Ok(())
}

/// `items`, `additionalProperties`, `required`, `properties`: what stands behind a description.
pub fn write_members<M: SerializeMap>(map: &mut M, shape: &Shape, required: bool) -> Result<(), M::Error> {
    match &shape.kind {
        Kind::List(items) => map.serialize_entry("items", &Schema { shape: items, required }),
        Kind::Map(values) => map.serialize_entry("additionalProperties", &Schema { shape: values, required }),
        Kind::Object(object) => {
            let always: Vec<&str> = object
                .members
                .iter()
                .filter(|member| required && member.seen == object.seen)
                .map(|member| &*member.name)
                .collect();
            if !always.is_empty() {
                map.serialize_entry("required", &always)?;
            }
            if object.members.is_empty() {
                return Ok(());
            }
            map.serialize_entry("properties", &Properties { object, required })
        }
        _ => Ok(()),
    }
}

struct Properties<'a> {
    object: &'a Object,
    required: bool,
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_map(
            self.object
                .members
                .iter()
                .map(|member| (&member.name, Schema { shape: &member.shape, required: self.required })),
        )
    }
}

struct Alternatives<'a> {
    kinds: &'a [Kind],
    nullable: bool,
    required: bool,
}

impl Serialize for Alternatives<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut list = out.serialize_seq(Some(self.kinds.len()))?;
        for (at, kind) in self.kinds.iter().enumerate() {
            // One alternative taking null is enough, and two would both take it.
            let shape = Shape { kind: kind.clone(), nullable: self.nullable && at == 0 };
            list.serialize_element(&Schema { shape: &shape, required: self.required })?;
        }
        list.end()
    }
}

//! Shapes as OpenAPI 3.0 schemas.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::shape::{Kind, Shape};

/// An object, written from an iterator of its members.
#[derive(Clone)]
pub struct Members<I>(pub I);

impl<K: Serialize, V: Serialize, I: IntoIterator<Item = (K, V)> + Clone> Serialize for Members<I> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_map(self.0.clone())
    }
}

/// A shape, written as a schema.
pub struct Schema<'a> {
    /// The shape.
    pub shape: &'a Shape,
    /// The name of the member or field, if any.
    pub name: &'a str,
    /// A member is required if at least this many samples were seen and all of them have it. `None` if an exporter made
    /// up the samples, because such samples always have every member.
    pub presence: Option<u32>,
}

impl Serialize for Schema<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        write_type(&mut map, self.shape, self.name, self.presence)?;
        write_members(&mut map, self.shape, self.presence)?;
        map.end()
    }
}

/// Whether a text of this name is a password or something equally secret; a `page_token` is not.
fn is_password(name: &str) -> bool {
    let name: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    matches!(name.as_str(), "clientsecret" | "apikey")
        || ["password", "passcode", "accesstoken", "refreshtoken"].iter().any(|end| name.ends_with(end))
}

/// Writes a text unless it is empty.
pub fn write_text<M: SerializeMap>(map: &mut M, name: &'static str, text: &str) -> Result<(), M::Error> {
    if text.is_empty() { Ok(()) } else { map.serialize_entry(name, text) }
}

/// Writes `type`, `format` and `nullable`, which come before a description.
pub fn write_type<M: SerializeMap>(
    map: &mut M,
    shape: &Shape,
    name: &str,
    presence: Option<u32>,
) -> Result<(), M::Error> {
    let format = match &shape.kind {
        Kind::Text(format) if *format != Some("binary") && is_password(name) => Some("password"),
        Kind::OneOf(shapes) => {
            let alternatives = Alternatives { shapes, nullable: shape.nullable, presence };
            return map.serialize_entry("oneOf", &alternatives);
        }
        kind => kind.format(),
    };
    let kind = shape.kind.name();
    if !kind.is_empty() {
        map.serialize_entry("type", kind)?;
        if let Some(format) = format {
            map.serialize_entry("format", format)?;
        }
    }
    // Without a type it has no effect, and an empty schema admits null anyway.
    if shape.nullable && !kind.is_empty() {
        map.serialize_entry("nullable", &true)?;
    }
    Ok(())
}

/// Writes `items`, `additionalProperties`, `required` and `properties`, which come after a description.
pub fn write_members<M: SerializeMap>(map: &mut M, shape: &Shape, presence: Option<u32>) -> Result<(), M::Error> {
    match &shape.kind {
        Kind::List(items) => map.serialize_entry("items", &Schema { shape: items, name: "", presence }),
        Kind::Map(values) => map.serialize_entry("additionalProperties", &Schema { shape: values, name: "", presence }),
        Kind::Object(object) => {
            let always: Vec<&str> = object
                .members
                .iter()
                .filter(|(_, member)| object.requires(member, presence))
                .map(|(name, _)| &**name)
                .collect();
            if !always.is_empty() {
                map.serialize_entry("required", &always)?;
            }
            if object.members.is_empty() {
                return Ok(());
            }
            let properties =
                object.members.iter().map(|(name, member)| (name, Schema { shape: &member.shape, name, presence }));
            map.serialize_entry("properties", &Members(properties))
        }
        _ => Ok(()),
    }
}

struct Alternatives<'a> {
    shapes: &'a [Shape],
    nullable: bool,
    presence: Option<u32>,
}

impl Serialize for Alternatives<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut list = out.serialize_seq(Some(self.shapes.len()))?;
        for (at, shape) in self.shapes.iter().enumerate() {
            // Only one alternative may admit null, because a value must match exactly one.
            let shape = Shape { nullable: self.nullable && at == 0, ..shape.clone() };
            list.serialize_element(&Schema { shape: &shape, name: "", presence: self.presence })?;
        }
        list.end()
    }
}

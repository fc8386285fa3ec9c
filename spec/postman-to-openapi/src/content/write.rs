//! Bodies and fields in OpenAPI 3.0's form.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::{Carried, Content, Example, Field, example_name};
use crate::schema::{self, Members, Schema};
use crate::shape::{Kind, Shape};

/// Bodies by media type. If there is only one example and its name is `known` (the name of the request or response), it
/// is written without the name.
pub fn contents<'a>(contents: &'a [Content], known: &'a str) -> impl Serialize + 'a {
    Members(contents.iter().map(move |content| (&content.media_type, Media { content, known })))
}

struct Media<'a> {
    content: &'a Content,
    known: &'a str,
}

impl Serialize for Media<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        match &self.content.schema {
            Carried::Form(fields) => map.serialize_entry("schema", &Form(fields))?,
            Carried::Value { shape, presence } => {
                map.serialize_entry("schema", &Schema { shape, name: "", presence: *presence })?;
            }
        }
        match self.content.examples.as_slice() {
            [] => {}
            [one] if one.name == example_name(self.known) => {
                if let Some(json) = &one.json {
                    map.serialize_entry("example", &Json(json))?;
                }
            }
            several => {
                let named = several.iter().map(|example| (&example.name, ExampleObject(example)));
                map.serialize_entry("examples", &Members(named))?;
            }
        }
        let forms = ["multipart/", "application/x-www-form-urlencoded"];
        let is_form = forms.iter().any(|form| self.content.media_type.starts_with(form));
        if let (Carried::Form(fields), true) = (&self.content.schema, is_form) {
            let encodings = fields.iter().map(|field| (&field.name, encoding(field)));
            let encodings: Vec<_> = encodings.filter(|(_, parts)| !parts.is_empty()).collect();
            if !encodings.is_empty() {
                let encodings = encodings.iter().map(|(name, parts)| (name, Members(parts.iter().cloned())));
                map.serialize_entry("encoding", &Members(encodings))?;
            }
        }
        map.end()
    }
}

/// How a form field is sent, as far as its type does not say it.
fn encoding(field: &Field) -> Vec<(&'static str, Value)> {
    let mut parts = Vec::new();
    if !field.content_type.is_empty() {
        parts.push(("contentType", field.content_type.text.clone().into()));
    }
    if field.repeated && matches!(field.shape.kind, Kind::List(_)) {
        parts.extend([("style", "form".into()), ("explode", true.into())]);
    }
    parts
}

struct Form<'a>(&'a [Field]);

impl Serialize for Form<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("type", "object")?;
        let required: Vec<&str> =
            self.0.iter().filter(|field| field.required).map(|field| field.name.as_str()).collect();
        if !required.is_empty() {
            map.serialize_entry("required", &required)?;
        }
        let fields = self.0.iter().map(|field| (&field.name, FieldSchema { field, described: true }));
        map.serialize_entry("properties", &Members(fields))?;
        map.end()
    }
}

/// Replaces a text that might contain a secret; validators require an example to have a value.
const UNSHOWN: &str = "(not shown)";

/// A field's schema. A parameter's description is next to its schema, a property's is inside it.
pub struct FieldSchema<'a> {
    /// The field.
    pub field: &'a Field,
    /// Whether the description is written.
    pub described: bool,
}

impl Serialize for FieldSchema<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        let field = self.field;
        schema::write_type(&mut map, &field.shape, &field.name, None)?;
        if self.described && !field.description.is_empty() {
            map.serialize_entry("description", &*field.description)?;
        }
        let values = field.enumeration();
        match &field.shape.kind {
            Kind::List(_) if !values.is_empty() => {
                map.serialize_entry("items", &Enumerated { shape: field.element(), values: &values })?;
            }
            _ => {
                if !values.is_empty() {
                    map.serialize_entry("enum", &values)?;
                }
                schema::write_members(&mut map, &field.shape, None)?;
            }
        }
        map.end()
    }
}

struct Enumerated<'a> {
    shape: &'a Shape,
    values: &'a [Value],
}

impl Serialize for Enumerated<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        schema::write_type(&mut map, self.shape, "", None)?;
        map.serialize_entry("enum", self.values)?;
        map.end()
    }
}

struct ExampleObject<'a>(&'a Example);

impl Serialize for ExampleObject<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(1))?;
        match &self.0.json {
            Some(json) => map.serialize_entry("value", &Json(json))?,
            None => map.serialize_entry("value", UNSHOWN)?,
        }
        map.end()
    }
}

/// JSON text, written as JSON in the writer's own layout.
struct Json<'a>(&'a str);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let value: Value = serde_json::from_str(self.0).map_err(serde::ser::Error::custom)?;
        value.serialize(out)
    }
}

//! Schemas: lowered to what typify makes open, plain types of, each of which is named here, once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::facts::{Bounds, bounds};
use super::names::{Names, pascal, snake, written};

/// Where a schema is used.
#[derive(Clone, Copy, PartialEq)]
pub enum Side {
    Request,
    Answer,
    Shared,
}

/// What typify will make of the schemas that were lowered.
#[derive(Default)]
pub struct Types {
    /// By the type's name.
    pub structs: BTreeMap<String, Struct>,
    /// The names of enums, and whose they are.
    pub enums: BTreeMap<String, String>,
    /// The types with fields that parameters have, by their names, and their schemas unless they are the document's own.
    pub parameters: BTreeMap<String, Option<Value>>,
    names: Names,
    /// The document's schemas under the names of their types, as they were.
    shared: Map<String, Value>,
    /// The operation or schema that is being lowered, in words.
    pub owner: String,
}

/// A type with fields.
#[derive(Default)]
pub struct Struct {
    /// The operation or the schema it belongs to, in words.
    pub owner: String,
    /// By the name that the code calls it.
    pub fields: BTreeMap<String, Field>,
    /// Whether it keeps what the description does not name.
    pub is_open: bool,
}

pub struct Field {
    /// As it is sent.
    pub name: String,
    /// As the lowered document has it.
    pub lowered: String,
    pub required: bool,
    pub bounds: Bounds,
}

/// What the generated code calls by these names.
pub const PRELUDE: [&str; 14] = [
    "box", "clone", "debug", "default", "err", "from", "into", "none", "ok", "option", "result", "some",
    "string", "vec",
];

const COMBINATIONS: [&str; 3] = ["allOf", "oneOf", "anyOf"];
const SCHEMAS: &str = "#/components/schemas/";

impl Types {
    /// Lowers the document's own schemas, under names that each make a type of its own.
    pub fn of(document: &mut Value) -> Self {
        let mut types = Self { names: Names::reserve(PRELUDE), ..Self::default() };
        let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
            return types;
        };
        let mut renamed = BTreeMap::new();
        for (name, mut schema) in std::mem::take(schemas) {
            let type_name = pascal(&types.names.free(&pascal(&name), &[], pascal));
            renamed.insert(name.clone(), type_name.clone());
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("x-name".into(), name.into());
            }
            schemas.insert(type_name, schema);
        }
        rename_references(document, &renamed);
        let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
        let Some(schemas) = schemas else { return types };
        types.shared = schemas.clone();
        for (type_name, schema) in schemas {
            types.owner = format!("schema `{}`", schema["x-name"].as_str().unwrap_or(type_name));
            let name = Some(type_name.as_str()).filter(|_| !is_combined(schema));
            types.shape(schema, Side::Shared, name);
        }
        types
    }

    /// An operation is given up as raw: no type of it will be made.
    pub fn forget(&mut self, owner: &str) {
        self.structs.retain(|_, facts| facts.owner != owner);
        self.enums.retain(|_, of| of != owner);
    }

    /// What a `$ref` stands for, before it was lowered.
    pub fn resolved<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(SCHEMAS));
        // No circles: `references` has refused them.
        name.and_then(|name| self.shared.get(name)).map_or(schema, |schema| self.resolved(schema))
    }

    /// Lowers a schema that stands where it is used; a type that it makes is called `name`, if that is free.
    pub fn lower(&mut self, schema: &mut Value, side: Side, name: &str) {
        let kind = schema["type"].as_str().unwrap_or_default();
        let has = |key: &str| schema[key].as_object().is_some_and(|members| !members.is_empty());
        let is_struct = (kind == "object" || kind.is_empty()) && has("properties");
        let is_enum = kind == "string" && side != Side::Answer && are_variants(schema);
        if is_combined(schema) {
            return self.shape(schema, side, None);
        }
        let name = pascal(name);
        if !is_struct && !is_enum {
            // A list's or a map's name is what its members' begin with.
            return self.shape(schema, side, Some(&name));
        }
        let name = pascal(&self.names.free(&name, &[], pascal));
        self.shape(schema, side, Some(&name));
        schema["title"] = name.into();
    }

    /// progenitor has no place for a parameter whose type has a builder: the type is made as the document's own, and
    /// the parameter's is [converted](super::STRUCT) to it.
    pub fn without_builder(&mut self, schema: Value) -> Value {
        let resolved = self.resolved(&schema);
        let has_fields = resolved["properties"].as_object().is_some_and(|properties| !properties.is_empty());
        let reference = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(SCHEMAS));
        let (name, own) = match (reference, schema["title"].as_str()) {
            (Some(name), _) if has_fields => (name.to_owned(), None),
            (None, Some(name)) if has_fields => (name.to_owned(), Some(schema.clone())),
            _ => return schema,
        };
        let converted = json!({ "type": "string", "format": format!("{}{name}", super::STRUCT) });
        self.parameters.insert(name, own);
        converted
    }

    /// Takes from a schema what typify would turn into a newtype (lengths, patterns), into a foreign crate's type
    /// (dates, UUIDs) or into an enum that an answer of tomorrow breaks. Without a name it stands in a combination,
    /// and typify names what becomes of it.
    fn shape(&mut self, schema: &mut Value, side: Side, name: Option<&str>) {
        let Some(object) = schema.as_object_mut() else { return };
        if object.contains_key("$ref") {
            object.retain(|key, _| key == "$ref");
            return;
        }
        const KEPT: [&str; 12] = [
            "type",
            "format",
            "enum",
            "properties",
            "required",
            "items",
            "additionalProperties",
            "allOf",
            "oneOf",
            "anyOf",
            "nullable",
            "description",
        ];
        object.retain(|key, _| KEPT.contains(&key.as_str()));
        let typed_formats = ["int32", "int64", "float", "double", "meeting-id", "password"];
        let format = object.get("format").and_then(Value::as_str);
        if format.is_some_and(|format| !typed_formats.contains(&format)) {
            object.remove("format");
        }
        let values: Vec<String> = (object.get("enum").and_then(Value::as_array).into_iter().flatten())
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        let variants = side != Side::Answer && are_variants(&Value::Object(object.clone()));
        match name {
            Some(name) if variants => drop(self.enums.insert(name.to_owned(), self.owner.clone())),
            _ if variants || values.is_empty() => (),
            _ => {
                object.remove("enum");
                let known = format!("Known values: `{}`.", values.join("`, `"));
                let description = object.get("description").and_then(Value::as_str).unwrap_or_default();
                let description = format!("{description}\n\n{known}").trim_start().to_owned();
                object.insert("description".into(), description.into());
            }
        }
        for (key, suffix) in [("items", "item"), ("additionalProperties", "value")] {
            match (object.get_mut(key), name) {
                (Some(inner @ Value::Object(_)), Some(name)) => {
                    self.lower(inner, side, &format!("{name}-{suffix}"))
                }
                (Some(inner), _) => self.shape(inner, side, None),
                (None, _) => (),
            }
        }
        for key in COMBINATIONS {
            let parts = object.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten();
            parts.for_each(|part| self.shape(part, side, None));
        }
        if object.get("properties").is_some_and(Value::is_object) {
            self.members(object, side, name);
        }
        if object.get("type").and_then(Value::as_str) == Some("array") && !object.contains_key("items") {
            object.insert("items".into(), json!({}));
        }
    }

    /// Each member gets a name of its own for the code.
    fn members(&mut self, object: &mut Map<String, Value>, side: Side, name: Option<&str>) {
        let strings = |value: Option<&Value>| -> BTreeSet<String> {
            let members = value.and_then(Value::as_array).into_iter().flatten();
            members.filter_map(|name| name.as_str().map(str::to_owned)).collect()
        };
        let required = strings(object.remove("required").as_ref());
        let mut properties = object.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        for name in &required {
            properties.entry(name.clone()).or_insert_with(|| json!({}));
        }
        // Answers stay open: a success must not become an error because something was added to it.
        let is_closed = object.get("additionalProperties").is_none_or(Value::is_boolean);
        if side == Side::Answer && is_closed {
            object.insert("additionalProperties".into(), json!({}));
        }
        let is_open = object.get("additionalProperties").is_some_and(Value::is_object);
        let mut names = Names::reserve(if is_open { ["extra"].as_slice() } else { &[] }.iter().copied());
        let (mut lowered, mut fields) = (Map::new(), BTreeMap::new());
        for (sent, mut inner) in properties {
            let ident = snake(&names.free(&snake(&sent), &[], snake));
            // Typify writes a name as it is, and says so, unless two would be alike.
            let given = if written(&sent) == ident { sent.clone() } else { ident.clone() };
            let field = Field {
                required: required.contains(&sent),
                bounds: bounds(&inner),
                name: sent,
                lowered: given.clone(),
            };
            match name {
                Some(name) => self.lower(&mut inner, side, &format!("{name}-{ident}")),
                None => self.shape(&mut inner, side, None),
            }
            fields.insert(ident, field);
            lowered.insert(given, inner);
        }
        let required: Vec<&String> =
            fields.values().filter(|field| field.required).map(|field| &field.lowered).collect();
        if !required.is_empty() {
            object.insert("required".into(), json!(required));
        }
        object.insert("properties".into(), lowered.into());
        if let Some(name) = name.filter(|_| !fields.is_empty()) {
            let facts = Struct { owner: self.owner.clone(), fields, is_open };
            self.structs.insert(name.to_owned(), facts);
        }
    }
}

/// What such a schema becomes is typify's to name.
fn is_combined(schema: &Value) -> bool {
    COMBINATIONS.iter().any(|key| schema.get(key).is_some())
}

/// Whether each value of an enum gives a variant of its own: one name is made of `a-b` and `a_b`.
fn are_variants(schema: &Value) -> bool {
    let Some(values) = schema["enum"].as_array().filter(|values| !values.is_empty()) else { return false };
    let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
    let mut names = Names::default();
    // What holds no letter and no digit makes no name.
    let has_name = |text: &&str| text.chars().any(char::is_alphanumeric);
    texts.len() == values.len()
        && texts.iter().all(has_name)
        && texts.iter().all(|text| {
            let name = pascal(text);
            names.free(&name, &[], pascal) == name
        })
}

fn rename_references(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            let name = reference.and_then(|reference| names.get(reference.strip_prefix(SCHEMAS)?));
            if let Some(name) = name {
                members.insert("$ref".into(), format!("{SCHEMAS}{name}").into());
            }
            members.values_mut().for_each(|member| rename_references(member, names));
        }
        Value::Array(members) => members.iter_mut().for_each(|member| rename_references(member, names)),
        _ => (),
    }
}

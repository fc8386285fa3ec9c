//! The description's schemas, which may refer to each other and to themselves.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// How many references inside one another are followed to make up something that is not required.
const OPTIONAL_DEPTH: usize = 3;

/// The description. Its references are only followed when their targets are needed.
pub struct Document(pub Value);

impl Document {
    /// The value, or the target if it is a reference; null if there is none.
    pub fn target<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        let mut seen = HashSet::new();
        while let Some(reference) = value["$ref"].as_str() {
            let target = reference.strip_prefix('#').and_then(|pointer| self.0.pointer(pointer));
            value = target.filter(|_| seen.insert(reference)).unwrap_or(&Value::Null);
        }
        value
    }

    /// The target of a schema, with the parts of an `allOf` merged.
    pub fn schema<'a>(&'a self, schema: &'a Value) -> Cow<'a, Value> {
        let schema = self.target(schema);
        if schema.get("allOf").is_none() {
            return Cow::Borrowed(schema);
        }
        let mut merged = Map::new();
        self.merge(schema, &mut merged, &mut HashSet::new());
        Cow::Owned(Value::Object(merged))
    }

    fn merge<'a>(&'a self, part: &'a Value, merged: &mut Map<String, Value>, seen: &mut HashSet<&'a str>) {
        if part["$ref"].as_str().is_some_and(|reference| !seen.insert(reference)) {
            return;
        }
        let part = self.target(part);
        for (keyword, value) in members(part).filter(|(keyword, _)| *keyword != "allOf") {
            match (keyword.as_str(), merged.get_mut(keyword)) {
                (_, None) => {
                    merged.insert(keyword.clone(), value.clone());
                }
                ("properties", Some(Value::Object(properties))) => {
                    for (name, schema) in members(value) {
                        let both = match properties.get(name) {
                            Some(other) if other != schema => json!({ "allOf": [other, schema] }),
                            _ => schema.clone(),
                        };
                        properties.insert(name.clone(), both);
                    }
                }
                ("required", Some(Value::Array(required))) => {
                    for name in items(value) {
                        if !required.contains(name) {
                            required.push(name.clone());
                        }
                    }
                }
                ("minLength", Some(least)) if value.as_u64() > least.as_u64() => *least = value.clone(),
                ("maxLength", Some(most)) if value.as_u64() < most.as_u64() => *most = value.clone(),
                // The schema itself comes before its parts.
                _ => {}
            }
        }
        for part in items(&part["allOf"]) {
            self.merge(part, merged, seen);
        }
    }

    /// Whether the schema has a password anywhere in it.
    pub fn holds_secret(&self, schema: &Value) -> bool {
        self.finds_secret(schema, &mut HashSet::new())
    }

    fn finds_secret(&self, schema: &Value, seen: &mut HashSet<String>) -> bool {
        if schema["$ref"].as_str().is_some_and(|reference| !seen.insert(reference.to_owned())) {
            return false;
        }
        let schema = self.target(schema);
        let several = ["allOf", "oneOf", "anyOf"].into_iter().flat_map(|keyword| items(&schema[keyword]));
        let each = ["items", "additionalProperties"].into_iter().filter_map(|keyword| schema.get(keyword));
        let properties = members(&schema["properties"]).map(|(_, property)| property);
        let mut inside = several.chain(each).chain(properties);
        schema["format"] == "password" || inside.any(|schema| self.finds_secret(schema, seen))
    }

    /// A value that the schema describes.
    pub fn made_up(&self, schema: &Value) -> Value {
        self.make_up(schema, true, &[]).unwrap_or_default()
    }

    /// `None` if the schema is being made up already, or if it can be left out and is nested deeply: schemas that refer to
    /// many others would otherwise take exponentially long.
    fn make_up(&self, schema: &Value, is_required: bool, inside: &[String]) -> Option<Value> {
        let references = references(schema);
        let is_too_deep = !is_required && !references.is_empty() && inside.len() >= OPTIONAL_DEPTH;
        if is_too_deep || references.iter().any(|reference| inside.contains(reference)) {
            return None;
        }
        let inside = [inside, &references].concat();
        let schema = self.schema(schema);
        let stated = ["example", "default"].into_iter().find_map(|name| schema.get(name));
        if let Some(value) = stated.or_else(|| schema["enum"].get(0)) {
            return Some(value.clone());
        }
        Some(match type_of(&schema) {
            Some("object") => {
                let required: Vec<&Value> = items(&schema["required"]).collect();
                let made_up = members(&schema["properties"]).filter_map(|(name, schema)| {
                    let is_required = required.iter().any(|required| *required == name);
                    Some((name.clone(), self.make_up(schema, is_required, &inside)?))
                });
                made_up.collect()
            }
            Some("array") => {
                Value::Array(self.make_up(&schema["items"], false, &inside).into_iter().collect())
            }
            Some("integer" | "number") => json!(schema["minimum"].as_i64().unwrap_or(1)),
            Some("boolean") => Value::Bool(true),
            Some("string") => Value::from(match schema["format"].as_str() {
                Some("uri") => "https://example.com/",
                Some("date-time") => "2030-01-01T00:00:00Z",
                _ => "string",
            }),
            _ => match alternatives(&schema).next() {
                Some(alternative) => return self.make_up(alternative, is_required, &inside),
                None => Value::Null,
            },
        })
    }
}

/// The schema of an object's member; `None` if the object cannot have it.
pub fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let is_free = members(&object["properties"]).next().is_none() || alternatives(object).next().is_some();
    object["properties"].get(name).or_else(|| match object.get("additionalProperties") {
        Some(Value::Bool(false)) => None,
        Some(schema) => Some(schema),
        // Zoom refuses fields that it does not document, where it documents any.
        None => is_free.then_some(&Value::Null),
    })
}

/// The type of a resolved schema: one that describes members is an object even if it does not say so.
pub fn type_of(schema: &Value) -> Option<&str> {
    let describes_members = || ["properties", "additionalProperties"].iter().any(|k| schema.get(k).is_some());
    schema["type"].as_str().or_else(|| describes_members().then_some("object"))
}

pub fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

pub fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    items(&schema["oneOf"]).chain(items(&schema["anyOf"]))
}

/// The references that are a schema or a part of it.
fn references(schema: &Value) -> Vec<String> {
    let own = schema["$ref"].as_str().map(str::to_owned);
    own.into_iter().chain(items(&schema["allOf"]).flat_map(references)).collect()
}

//! What a request or an answer carries, per media type.

mod write;

use serde_json::Value;

use crate::scalar::Separator;
use crate::secret::Mask;
use crate::shape::{Kind, Shape};

pub use write::{Contents, FieldSchema};

/// One media type of a body.
#[derive(Debug)]
pub struct Content {
    /// `application/json`.
    pub media_type: String,
    /// Its schema.
    pub schema: Carried,
    /// Its examples, in the order they were met.
    pub examples: Vec<Example>,
}

/// What a body holds.
#[derive(Debug)]
pub enum Carried {
    /// Named fields, each with its own description.
    Form(Vec<Field>),
    /// One value.
    Value {
        /// Its joined type.
        shape: Shape,
        /// Whether a member present in every example is required.
        required: bool,
    },
}

/// A form's field, or a parameter: both are named texts.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Markdown.
    pub description: String,
    /// Whether it must be there.
    pub required: bool,
    /// Its type.
    pub shape: Shape,
    /// The only values it takes, as written.
    pub values: Vec<String>,
    /// How a list is written into one value.
    pub separator: Option<Separator>,
    /// Its own media type, in a multipart form.
    pub content_type: String,
    /// A value that tells no secret.
    pub example: Option<Box<Value>>,
}

/// A named example.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The request's or saved response's name.
    pub name: String,
    /// Its JSON, secrets under telling names hidden; none where only the name may be kept.
    pub json: Option<String>,
}

impl Field {
    /// Joins another sight of the same field.
    pub fn join(&mut self, mut other: Field) {
        // A list of one is written like the one.
        match (&self.shape.kind, &other.shape.kind) {
            (Kind::List(_), Kind::List(_) | Kind::Unknown) | (Kind::Unknown, Kind::List(_)) => {}
            (Kind::List(_), _) => other.listed(),
            (_, Kind::List(_)) => self.listed(),
            _ => {}
        }
        self.required &= other.required;
        longer(&mut self.description, other.description);
        self.shape.join_as_text(other.shape);
        if self.values.is_empty() || other.values.is_empty() {
            // A list of values, once documented, stands; the other request merely had no room for it.
            self.values.extend(other.values);
        } else {
            other.values.into_iter().for_each(|value| {
                if !self.values.contains(&value) {
                    self.values.push(value);
                }
            });
        }
        self.separator = self.separator.filter(|separator| other.separator == Some(*separator));
        if self.content_type != other.content_type {
            self.content_type.clear();
        }
        self.example = match (self.example.take(), other.example) {
            (Some(a), Some(b)) => Some(std::cmp::min_by_key(a, b, |value| value.to_string())),
            (a, b) => a.or(b),
        };
    }

    /// Drops what would contradict the joined type.
    pub fn settle(&mut self) {
        // What no value tells the type of is text, as everything on the wire is.
        match &mut self.shape.kind {
            kind @ Kind::Unknown => *kind = Kind::Text(None),
            Kind::List(element) if element.kind == Kind::Unknown => element.kind = Kind::Text(None),
            _ => {}
        }
        self.drop_misfit();
    }

    /// Drops an example that is none of the type.
    pub fn drop_misfit(&mut self) {
        let fits = self.example.as_ref().is_none_or(|example| self.accepts(example));
        if !fits {
            self.example = None;
        }
    }

    fn accepts(&self, example: &Value) -> bool {
        let allowed = self.enumeration();
        let listed = example.as_array().map_or(std::slice::from_ref(example), Vec::as_slice);
        fits(&self.shape, example)
            && (allowed.is_empty() || listed.iter().all(|value| allowed.contains(value)))
    }

    /// Makes this a list of what it is.
    fn listed(&mut self) {
        let element = std::mem::take(&mut self.shape);
        self.shape = Shape::of(Kind::List(Box::new(element)));
        self.example = self.example.take().map(|value| Box::new(Value::Array(vec![*value])));
    }

    /// A field given twice is a list.
    pub fn repeat(&mut self, again: Field) {
        self.required |= again.required;
        if !matches!(self.shape.kind, Kind::List(_)) {
            self.listed();
        }
        if let Kind::List(element) = &mut self.shape.kind {
            element.join_as_text(again.shape);
        }
        match (self.example.as_deref_mut(), again.example) {
            (Some(Value::Array(list)), Some(value)) => list.push(*value),
            _ => self.example = None,
        }
    }

    /// The only values the field takes, in its own type.
    pub fn enumeration(&self) -> Vec<Value> {
        let mut typed: Vec<Value> = Vec::new();
        for value in &self.values {
            let value = crate::scalar::value(value, self.element());
            if !typed.contains(&value) {
                typed.push(value);
            }
        }
        typed
    }

    /// What an enumeration speaks of: a list's elements, or the value.
    fn element(&self) -> &Shape {
        match &self.shape.kind {
            Kind::List(element) => element,
            _ => &self.shape,
        }
    }
}

/// Whether a value is of a wire value's type.
fn fits(shape: &Shape, value: &Value) -> bool {
    match &shape.kind {
        Kind::Boolean => value.is_boolean(),
        Kind::Integer(_) => value.is_i64(),
        Kind::Number(_) => value.is_number(),
        Kind::Text(_) => value.is_string(),
        Kind::List(element) => {
            value.as_array().is_some_and(|list| list.iter().all(|value| fits(element, value)))
        }
        _ => true,
    }
}

/// Keeps the longer text, or the lesser of two as long: whichever came first leaves no trace.
pub fn longer(mine: &mut String, other: String) {
    if other.len() > mine.len() || other.len() == mine.len() && other < *mine {
        *mine = other;
    }
}

/// Joins one body into a list of bodies.
pub fn join(bodies: &mut Vec<Content>, body: Content) {
    match bodies.iter_mut().find(|known| known.media_type.eq_ignore_ascii_case(&body.media_type)) {
        Some(known) => known.join(body),
        None => bodies.push(body),
    }
}

impl Content {
    /// Joins another body of the same media type.
    pub fn join(&mut self, other: Content) {
        match (&mut self.schema, other.schema) {
            (Carried::Form(mine), Carried::Form(others)) => join_fields(mine, others),
            (Carried::Value { shape, required }, Carried::Value { shape: other, required: also }) => {
                shape.join(other);
                *required &= also;
            }
            (mine @ Carried::Value { .. }, form @ Carried::Form(_)) => *mine = form,
            (Carried::Form(_), Carried::Value { .. }) => {}
        }
        self.examples.extend(other.examples);
    }

    /// Hides known credentials in examples and lets every example be told apart by its name.
    pub fn settle(&mut self, mask: &Mask, merged: bool) {
        match &mut self.schema {
            Carried::Form(fields) => {
                fields.iter_mut().for_each(|field| {
                    field.settle();
                    mask.text(&mut field.description);
                    if merged {
                        field.shape.sort();
                    }
                });
                if merged {
                    fields.sort_by(|a, b| a.name.cmp(&b.name));
                }
            }
            Carried::Value { shape, .. } if merged => shape.sort(),
            Carried::Value { .. } => {}
        }
        for example in &mut self.examples {
            mask.text(&mut example.name);
            if let (Carried::Value { shape, .. }, Some(json)) = (&self.schema, &mut example.json)
                && json.contains(OPEN)
                && let Ok(mut value) = serde_json::from_str(json)
            {
                fill(&mut value, shape);
                *json = value.to_string();
            }
            if let Some(json) = &mut example.json
                && mask.finds(json)
                && let Ok(mut value) = serde_json::from_str(json)
            {
                mask.value(&mut value);
                *json = value.to_string();
            }
        }
        if merged {
            self.examples.sort_by(|a, b| (&a.name, &a.json).cmp(&(&b.name, &b.json)));
        }
        settle_names(&mut self.examples);
    }
}

/// Marks a variable without a value where JSON wants one: of which type only other examples can tell.
pub const OPEN: char = '\u{e001}';

/// Gives variables without a value one of the type the others have there.
fn fill(value: &mut Value, shape: &Shape) {
    match (&mut *value, &shape.kind) {
        (Value::String(text), kind) if text.starts_with(OPEN) => {
            *value = match kind {
                Kind::Boolean => Value::Bool(false),
                Kind::Integer(_) | Kind::Number(_) => Value::from(0),
                Kind::List(_) => Value::Array(Vec::new()),
                Kind::Map(_) | Kind::Object(_) => Value::Object(serde_json::Map::new()),
                _ => Value::from(text.trim_start_matches(OPEN)),
            };
        }
        (Value::Array(list), Kind::List(element)) => list.iter_mut().for_each(|value| fill(value, element)),
        (Value::Object(map), Kind::Map(member)) => map.values_mut().for_each(|value| fill(value, member)),
        (Value::Object(map), Kind::Object(object)) => {
            for member in &object.members {
                if let Some(value) = map.get_mut(&*member.name) {
                    fill(value, &member.shape);
                }
            }
        }
        (value, Kind::OneOf(kinds)) => {
            // Filled as the first of several types, it fits one of them.
            let first = kinds.first().cloned().unwrap_or_default();
            if value.as_str().is_some_and(|text| text.starts_with(OPEN)) {
                fill(value, &Shape::of(first));
            } else {
                kinds.iter().for_each(|kind| fill(value, &Shape::of(kind.clone())));
            }
        }
        _ => {}
    }
}

/// Joins two lists of fields; what is not in both is optional.
fn join_fields(mine: &mut Vec<Field>, others: Vec<Field>) {
    for field in mine.iter_mut() {
        field.required &= others.iter().any(|other| other.name == field.name);
    }
    for mut other in others {
        match mine.iter_mut().find(|field| field.name == other.name) {
            Some(field) => field.join(other),
            None => {
                other.required = false;
                mine.push(other);
            }
        }
    }
}

/// Drops repeated examples and numbers those that share a name and nothing else.
fn settle_names(examples: &mut Vec<Example>) {
    let mut seen = std::collections::HashSet::new();
    examples.retain(|example| seen.insert((example.name.clone(), example.json.clone())));
    let mut taken: std::collections::HashSet<String> = std::collections::HashSet::new();
    let mut counts = std::collections::HashMap::new();
    for example in examples {
        let base = example.name.clone();
        while !taken.insert(example.name.clone()) {
            let count = counts.entry(base.clone()).or_insert(1_u32);
            *count += 1;
            example.name = format!("{base} ({count})");
        }
    }
}

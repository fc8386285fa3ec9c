//! The content of a request or response, per media type.

mod write;

use std::borrow::Cow;

use serde_json::Value;

use crate::markdown;
use crate::marker;
use crate::placeholder::OPEN;
use crate::scalar::{self, Separator};
use crate::secret::{self, Mask};
use crate::shape::{Kind, Member, Shape, Trust};
use crate::text::Wording;

pub use write::{FieldSchema, contents};

/// One media type of a body.
#[derive(Debug)]
pub struct Content {
    /// Such as `application/json`.
    pub media_type: String,
    /// Its schema.
    pub schema: Carried,
    /// Its examples, in the order of the input.
    pub examples: Vec<Example>,
    /// Whether no sample says anything: a response's are all empty, so that it has no content, or a request's are all
    /// invalid.
    pub empty: bool,
}

/// The schema of a body.
#[derive(Debug)]
pub enum Carried {
    /// A form's fields, each with its own description.
    Form(Vec<Field>),
    /// A single value.
    Value {
        /// Its joined type.
        shape: Shape,
        /// How many samples must have a member for it to be required; `None` if presence proves nothing.
        presence: Option<u32>,
    },
}

impl Carried {
    /// An object's members, as fields.
    fn into_members(self) -> Option<Vec<Field>> {
        let Carried::Value { shape: Shape { kind: Kind::Object(object), .. }, .. } = self else {
            return None;
        };
        let members = object.members.into_iter();
        Some(members.map(|(name, Member { shape, .. })| Field { shape, ..Field::named(&name, false) }).collect())
    }
}

/// A form field or parameter: a named value, sent as text.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Markdown.
    pub description: Wording,
    /// Whether it is required.
    pub required: bool,
    /// Its type.
    pub shape: Shape,
    /// The only values it accepts, as written.
    pub values: Vec<String>,
    /// How the elements of a list are separated.
    pub separator: Option<Separator>,
    /// Whether the elements of a list are sent as one form field each.
    pub repeated: bool,
    /// Its own media type, in a multipart form.
    pub content_type: Wording,
    /// An example that is not secret: text or a list of texts, until [`Field::settle`] gives it a type.
    pub example: Option<Box<Value>>,
    /// Whether it comes from an exporter, which marks every required field.
    pub exported: bool,
}

/// A named example.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The request's or saved response's name.
    pub name: String,
    /// Its JSON; `None` if only the name may be kept. The fields of a form are texts until [`Content::settle`]
    /// gives them types.
    pub json: Option<Box<str>>,
}

impl Field {
    /// A field with only a name.
    pub fn named(name: &str, exported: bool) -> Self {
        Self { name: name.to_owned(), exported, ..Self::default() }
    }

    /// A field, with what its description says.
    pub fn described(name: String, description: Cow<'_, str>, exported: bool) -> Self {
        let marks = marker::read(description);
        let description = markdown::tidy(&marks.text).into();
        let (required, values) = (marks.required, marks.values);
        Self { name, description, required, values, exported, ..Self::default() }
    }

    /// Takes the type and example from a value. Returns whether it is an exporter's placeholder.
    pub fn take_value(&mut self, text: &str) -> bool {
        let mut read = scalar::read(text, &self.name);
        if !self.values.is_empty() {
            read.placeholder &= !self.values.iter().any(|value| value == text);
            let kind = &read.shape.kind;
            let numeric = matches!(kind, Kind::Integer(_) | Kind::Number(_))
                && self.values.iter().all(|value| scalar::read(value, &self.name).shape.kind == *kind);
            if !numeric && !matches!(kind, Kind::List(_)) {
                read.shape = Shape::text();
            }
            read.shape.trust = Trust::Described;
        }
        (self.shape, self.separator) = (read.shape, read.separator);
        if !read.placeholder && !text.is_empty() {
            self.example = Some(Box::new(Value::from(text)));
        }
        read.placeholder
    }

    /// Joins another occurrence of the same field.
    pub fn join(&mut self, mut other: Field) {
        // A list of one element is written like the element itself.
        match (&self.shape.kind, &other.shape.kind) {
            (Kind::List(_), Kind::List(_)) => {}
            (Kind::List(_), Kind::Unknown) => other.separator = self.separator,
            (Kind::Unknown, Kind::List(_)) => self.separator = other.separator,
            (Kind::List(_), _) => other.listed(self.separator),
            (_, Kind::List(_)) => self.listed(other.separator),
            _ => {}
        }
        self.join_required(other.required, other.exported);
        self.description.join(other.description);
        self.content_type.join(other.content_type);
        self.repeated |= other.repeated;
        let (mine, others) = (self.shape.trust, other.shape.trust);
        self.shape.join(other.shape);
        if self.values.is_empty() || other.values.is_empty() {
            // Once documented, the list of values counts, even if the other request does not repeat it.
            self.values.extend(other.values);
        } else if self.values != other.values {
            // Sorted, so that the order of the requests does not matter.
            self.values.extend(other.values);
            self.values.sort();
            self.values.dedup();
        }
        if self.separator != other.separator {
            self.separator = None;
            self.shape.disputed = true;
        }
        self.example = match (self.example.take(), other.example) {
            (Some(a), Some(b)) if mine == others => Some(std::cmp::min_by_key(a, b, |value| value.to_string())),
            (a, b) if mine >= others => a.or(b),
            (a, b) => b.or(a),
        };
    }

    /// Marks everything as coming from a file of its own.
    pub fn trust_as_item(&mut self) {
        self.shape.trust_as_item();
        (self.description.item, self.content_type.item) = (true, true);
    }

    /// Calls `each` with the place of everything disputed, and what was used.
    pub fn disputed(&self, each: &mut impl FnMut(&str, &str)) {
        self.shape.disputed(&mut self.name.clone(), &mut |place, shape| each(place, &shape.kind.words()));
        for (what, wording) in [("description", &self.description), ("content type", &self.content_type)] {
            if wording.disputed {
                each(&format!("{} {what}", self.name), wording.origin());
            }
        }
    }

    /// Joins whether the field is required. An exporter marks every required field, so if only one of two requests
    /// comes from an exporter, that one decides.
    pub fn join_required(&mut self, required: bool, exported: bool) {
        self.required = match (self.exported, exported) {
            (true, false) => self.required,
            (false, true) => required,
            _ => self.required && required,
        };
        self.exported |= exported;
    }

    /// Settles on a type, which is text if there is no single one. Drops an example that does not match.
    pub fn settle(&mut self) {
        self.shape.settle();
        self.shape.disputed |= matches!(self.shape.kind, Kind::OneOf(_));
        match &mut self.shape.kind {
            kind @ (Kind::Unknown | Kind::OneOf(_)) => *kind = Kind::Text(None),
            Kind::List(element) if element.kind == Kind::Unknown => element.kind = Kind::Text(None),
            _ => {}
        }
        self.example = self.example.take().and_then(|example| self.typed(*example)).map(Box::new);
    }

    /// An example converted to the field's type; `None` if it does not match.
    fn typed(&self, example: Value) -> Option<Value> {
        let element = self.element();
        let typed = |value: Value| match value {
            Value::String(text) => scalar::value(&text, element),
            other => other,
        };
        let example = match (&self.shape.kind, example) {
            (_, Value::Array(list)) => Value::Array(list.into_iter().map(typed).collect()),
            (Kind::List(_), Value::String(text)) => match scalar::value(&text, &self.shape) {
                list @ Value::Array(_) => list,
                _ => Value::Array(vec![typed(Value::String(text))]),
            },
            (_, one) => typed(one),
        };
        let allowed = self.enumeration();
        let listed = example.as_array().map_or(std::slice::from_ref(&example), Vec::as_slice);
        let allows = allowed.is_empty() || listed.iter().all(|value| allowed.contains(value));
        (allows && self.shape.fits(&example, None)).then_some(example)
    }

    /// Turns this into a list of what it was. A single element does not show how several are separated.
    pub fn listed(&mut self, separator: Option<Separator>) {
        self.separator = separator;
        let trust = self.shape.trust;
        let element = std::mem::take(&mut self.shape);
        self.shape = Shape { trust, ..Shape::of(Kind::List(Box::new(element))) };
        self.example = self.example.take().map(|value| Box::new(Value::Array(vec![*value])));
    }

    /// A name such as `ids[]` is that of a list, even if it has one element.
    pub fn list_by_name(&mut self) {
        if self.name.ends_with("[]") && !matches!(self.shape.kind, Kind::List(_)) {
            self.listed(None);
            self.repeated = true;
        }
    }

    /// Joins another value of the same request: a field given twice is a list.
    pub fn repeat(&mut self, again: Field) {
        self.required |= again.required;
        self.description.join(again.description);
        self.content_type.join(again.content_type);
        self.repeated = true;
        if !matches!(self.shape.kind, Kind::List(_)) {
            self.listed(None);
        }
        if let Kind::List(element) = &mut self.shape.kind {
            element.join_as_text(again.shape);
        }
        match (self.example.as_deref_mut(), again.example) {
            (Some(Value::Array(list)), Some(value)) => list.push(*value),
            _ => self.example = None,
        }
    }

    /// The only values the field accepts, in its own type.
    pub fn enumeration(&self) -> Vec<Value> {
        let mut typed: Vec<Value> = Vec::new();
        for value in &self.values {
            let value = scalar::value(value, self.element());
            if !typed.contains(&value) {
                typed.push(value);
            }
        }
        typed
    }

    /// What an enumeration restricts: a list's elements, or the value itself.
    fn element(&self) -> &Shape {
        match &self.shape.kind {
            Kind::List(element) => element,
            _ => &self.shape,
        }
    }
}

/// Keeps the longer text, or the first in order of two equally long ones, so that the input order does not matter.
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
    pub fn join(&mut self, mut other: Content) {
        self.empty &= other.empty;
        match (&mut self.schema, other.schema) {
            (Carried::Form(mine), Carried::Form(others)) => join_fields(mine, others),
            (Carried::Value { shape, presence }, Carried::Value { shape: other, presence: also }) => {
                shape.join(other);
                *presence = presence.zip(also).map(|(mine, also)| mine.max(also));
            }
            // An object's members are fields too. A form says more than any other value, whose examples do not
            // match it.
            (mine @ Carried::Value { .. }, Carried::Form(others)) => {
                let fields = std::mem::replace(mine, Carried::Form(others)).into_members();
                match (mine, fields) {
                    (Carried::Form(mine), Some(fields)) => join_fields(mine, fields),
                    _ => self.examples.clear(),
                }
            }
            (Carried::Form(mine), value) => match value.into_members() {
                Some(fields) => join_fields(mine, fields),
                None => other.examples.clear(),
            },
        }
        self.examples.extend(other.examples);
    }

    /// Allows the value to be `null`.
    pub fn allow_null(&mut self) {
        if let Carried::Value { shape, .. } = &mut self.schema {
            shape.nullable = true;
        }
    }

    /// Marks every type as coming from a file of its own.
    pub fn trust_as_item(&mut self) {
        match &mut self.schema {
            Carried::Form(fields) => fields.iter_mut().for_each(Field::trust_as_item),
            Carried::Value { shape, .. } => shape.trust_as_item(),
        }
    }

    /// Calls `each` with the place of everything disputed, and what was used.
    pub fn disputed(&self, each: &mut impl FnMut(&str, &str)) {
        match &self.schema {
            Carried::Form(fields) => fields.iter().for_each(|field| field.disputed(each)),
            Carried::Value { shape, .. } => {
                shape.disputed(&mut String::new(), &mut |place, shape| each(place, &shape.kind.words()));
            }
        }
    }

    /// Hides known credentials in examples, drops examples that do not match the joined type, and gives each a
    /// unique name. Returns whether the schema is nested so deeply that a part of it was left open.
    pub fn settle(&mut self, mask: &Mask, merged: bool) -> bool {
        let mut is_cut = false;
        match &mut self.schema {
            Carried::Form(fields) => fields.iter_mut().for_each(|field| {
                field.settle();
                mask.in_text(&mut field.description.text);
            }),
            Carried::Value { shape, .. } => {
                shape.settle();
                is_cut = shape.limit(DEEPEST_SCHEMA);
            }
        }
        let mut is_disputed = false;
        self.disputed(&mut |_, _| is_disputed = true);
        let schema = &mut self.schema;
        self.examples.retain_mut(|example| {
            mask.in_text(&mut example.name);
            example.name = example_name(&example.name);
            let Some(json) = &mut example.json else { return true };
            if !(matches!(schema, Carried::Form(_)) || is_disputed || json.contains(OPEN) || mask.finds(json)) {
                return true;
            }
            let Ok(mut value) = serde_json::from_str(json) else { return false };
            let fits = match schema {
                Carried::Form(fields) => illustrates(fields, &mut value),
                Carried::Value { shape, presence } => {
                    fill(&mut value, shape);
                    shape.fits(&value, *presence)
                }
            };
            mask.value(&mut value);
            *json = value.to_string().into();
            fits
        });
        if merged {
            match schema {
                Carried::Form(fields) => {
                    fields.iter_mut().for_each(|field| field.shape.sort());
                    fields.sort_by(|a, b| a.name.cmp(&b.name));
                }
                Carried::Value { shape, .. } => shape.sort(),
            }
            self.examples.sort_by(|a, b| (&a.name, &a.json).cmp(&(&b.name, &b.json)));
        }
        settle_names(&mut self.examples);
        is_cut
    }
}

/// Converts the texts of a form's example to their fields' types, hides credentials, and removes what does not match.
/// Returns whether the rest is still an example.
fn illustrates(fields: &[Field], example: &mut Value) -> bool {
    let Some(values) = example.as_object_mut() else { return false };
    for field in fields {
        match values.get_mut(&field.name).and_then(|value| field.typed(value.take())) {
            Some(typed) => drop(values.insert(field.name.clone(), typed)),
            None if field.required => return false,
            None => drop(values.shift_remove(&field.name)),
        }
    }
    let says = !values.is_empty();
    secret::mask_named(example);
    says
}

/// Replaces variables without a value with a value of the type seen there in other examples.
fn fill(value: &mut Value, shape: &Shape) {
    match (&mut *value, &shape.kind) {
        (Value::String(text), kind) if text.starts_with(OPEN) && !matches!(kind, Kind::OneOf(_)) => {
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
            for (name, member) in &object.members {
                if let Some(value) = map.get_mut(&**name) {
                    fill(value, &member.shape);
                }
            }
        }
        // A value of the first alternative matches one of them.
        (value, Kind::OneOf(shapes)) => shapes.iter().for_each(|shape| fill(value, shape)),
        _ => {}
    }
}

/// Joins two lists of fields.
fn join_fields(mine: &mut Vec<Field>, others: Vec<Field>) {
    let exported = |fields: &[Field]| fields.iter().any(|field| field.exported);
    let (mine_are, others_are) = (exported(mine), exported(&others));
    for field in mine.iter_mut().filter(|field| !others.iter().any(|other| other.name == field.name)) {
        field.join_required(false, others_are);
    }
    for mut other in others {
        match mine.iter_mut().find(|field| field.name == other.name) {
            Some(field) => field.join(other),
            None => {
                other.join_required(false, mine_are);
                mine.push(other);
            }
        }
    }
}

/// How deeply a body's schema may be nested, so that serde_json, which reads 128 levels, can read the document.
const DEEPEST_SCHEMA: usize = 112;

/// The maximum length of an example's name, in characters.
const LONGEST_NAME: usize = 80;

/// The name of an example: the first line of a text, shortened and without markup.
fn example_name(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("Example");
    let plain = |c: &char| !matches!(c, '*' | '`' | '\\' | '<' | '>' | '\u{0}'..='\u{1f}' | '\u{7f}');
    let mut name = String::new();
    for word in line.chars().filter(plain).collect::<String>().split_whitespace() {
        if name.chars().count() + word.chars().count() > LONGEST_NAME && !name.is_empty() {
            break;
        }
        name.push_str(if name.is_empty() { "" } else { " " });
        name.extend(word.chars().take(LONGEST_NAME));
    }
    if name.is_empty() { "Example".to_owned() } else { name }
}

/// Drops repeated examples, and numbers different ones of the same name.
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

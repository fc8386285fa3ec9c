//! The types of values: inferred from any number of examples and joined.
//!
//! A shape can be read straight from JSON text, without a tree in between, so that a body of millions of elements
//! takes no more memory than its distinct members. `schemars` can infer a schema too, but only from one value:
//! without joined types, formats and required members, and with `true` for a list of different elements.

use std::cell::Cell;
use std::fmt;

use indexmap::IndexMap;
use indexmap::map::Entry;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::format;
use crate::json;
use crate::placeholder::{self, OPEN, Type};

/// The joined type of every value seen.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// The type, apart from `null`.
    pub kind: Kind,
    /// Whether `null` was seen.
    pub nullable: bool,
    /// How reliable the type is.
    pub trust: Trust,
    /// Whether there was evidence for another type, which was not used.
    pub disputed: bool,
}

/// Shapes are equal if their types are, however reliable these are.
impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        (&self.kind, self.nullable) == (&other.kind, other.nullable)
    }
}

/// How reliable a type is: of two that exclude each other, the more reliable one is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// From the Latin that an exporter makes up for text.
    Nonsense,
    /// From a value.
    #[default]
    Sample,
    /// From a placeholder, which names the type.
    Described,
    /// From a value in a file of its own.
    ItemSample,
    /// From a placeholder in a file of its own.
    ItemDescribed,
}

impl Trust {
    fn of_item(self) -> Self {
        match self {
            Trust::Sample => Trust::ItemSample,
            Trust::Described => Trust::ItemDescribed,
            other => other,
        }
    }
}

/// A [`Shape`] without its nullability.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Kind {
    /// No evidence of a type.
    #[default]
    Unknown,
    /// A boolean.
    Boolean,
    /// A whole number and its format.
    Integer(Option<&'static str>),
    /// A number and its format.
    Number(Option<&'static str>),
    /// A string and its format.
    Text(Option<&'static str>),
    /// A list of one element type.
    List(Box<Shape>),
    /// Members whose names are data: ids, or the `key_0`, `key_1` that the exporter makes up.
    Map(Box<Shape>),
    /// Named members.
    Object(Box<Object>),
    /// Several of the above, not nested.
    OneOf(Vec<Shape>),
}

/// Named members, and the number of objects they were seen in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object {
    /// The members by name, in the order they were first seen.
    pub members: IndexMap<Box<str>, Member>,
    /// The number of objects joined so far, or of samples once [`Shape::count_once`] has run.
    pub seen: u32,
}

impl Object {
    /// An object that was seen once.
    pub fn once(members: impl IntoIterator<Item = (Box<str>, Member)>) -> Self {
        Self { members: members.into_iter().collect(), seen: 1 }
    }

    /// Whether a member is required, given that at least `presence` samples must have it.
    pub fn requires(&self, member: &Member, presence: Option<u32>) -> bool {
        presence.is_some_and(|least| self.seen >= least) && member.seen == self.seen
    }
}

/// One member of an [`Object`].
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its joined type.
    pub shape: Shape,
    /// The number of objects it was seen in.
    pub seen: u32,
}

impl Shape {
    /// A shape of one kind.
    pub fn of(kind: Kind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// The shape that a placeholder names.
    fn described((named, format): (Type, Option<&'static str>)) -> Self {
        let kind = match named {
            Type::Boolean => Kind::Boolean,
            Type::Integer => Kind::Integer(format),
            Type::Number => Kind::Number(format),
            Type::Text => Kind::Text(format),
            Type::List => Kind::List(Box::default()),
            Type::Object => Kind::Object(Box::default()),
            Type::Open => Kind::Unknown,
        };
        Self { kind, trust: Trust::Described, ..Self::default() }
    }

    /// The shape of a text, if it is a placeholder.
    pub fn of_placeholder(text: &str, name: &str, invented: bool) -> Option<Self> {
        placeholder::read(text, name, invented).map(Self::described)
    }

    /// The shape of JSON text, its value unless the text is long, and whether it contains placeholders.
    pub fn of_json(text: &str, name: &str) -> serde_json::Result<(Self, Option<Value>, bool)> {
        if json::is_too_deep(text) {
            return Err(serde::de::Error::custom("it is nested too deeply"));
        }
        let value: Option<Value> = (text.len() <= LONGEST_VALUE).then(|| serde_json::from_str(text)).transpose()?;
        let found = Found::default();
        let read = |invented| {
            let reader = Reader { name, invented, found: &found };
            if let Some(value) = &value {
                return reader.deserialize(value);
            }
            let mut text = serde_json::Deserializer::from_str(text);
            reader.deserialize(&mut text).and_then(|shape| text.end().map(|()| shape))
        };
        let mut shape = read(false)?;
        if found.proof.get() || found.named.get() && !found.other.get() {
            shape = read(true)?;
        }
        Ok((shape, value, found.any.get()))
    }

    /// A string without a format.
    pub fn text() -> Self {
        Self::of(Kind::Text(None))
    }

    /// A file's bytes.
    pub fn binary() -> Self {
        Self::of(Kind::Text(Some("binary")))
    }

    /// Joins another shape, so that this one admits the values of both.
    pub fn join(&mut self, other: Shape) {
        self.nullable |= other.nullable;
        self.disputed |= other.disputed;
        if other.kind == Kind::Unknown {
            return;
        }
        let mine = Shape { kind: std::mem::take(&mut self.kind), trust: self.trust, ..Shape::default() };
        let other = Shape { nullable: false, disputed: false, ..other };
        match (mine.kind, other.kind) {
            (Kind::Unknown, kind) => (self.kind, self.trust) = (kind, other.trust),
            (Kind::OneOf(shapes), Kind::OneOf(others)) => self.kind = one_of(shapes, others),
            (Kind::OneOf(shapes), kind) => self.kind = one_of(shapes, vec![Shape { kind, ..other }]),
            (kind, Kind::OneOf(others)) => self.kind = one_of(others, vec![Shape { kind, ..mine }]),
            (a, b) if a.excludes(&b) => {
                self.kind = one_of(vec![Shape { kind: a, ..mine }], vec![Shape { kind: b, ..other }]);
            }
            (a, b) => {
                let (more, less) = if other.trust > self.trust { (b, a) } else { (a, b) };
                self.disputed |= self.trust != other.trust && more.contradicts(&less);
                self.kind = more.join(less, self.trust != other.trust);
                self.trust = self.trust.max(other.trust);
            }
        }
    }

    /// Joins the shape of a query, path, header or form value. These are sent as text, so a mixture of types is text.
    pub fn join_as_text(&mut self, other: Shape) {
        self.join(other);
        if matches!(self.kind, Kind::OneOf(_)) {
            self.kind = Kind::Text(None);
        }
    }

    /// Keeps only the most reliable of types that exclude each other.
    pub fn settle(&mut self) {
        self.visit_mut(&mut |shape| {
            let Kind::OneOf(shapes) = &mut shape.kind else { return };
            // An object without members may be a map.
            let named = |shape: &Shape| !matches!(&shape.kind, Kind::Object(it) if it.members.is_empty());
            if shapes.iter().any(|shape| matches!(shape.kind, Kind::Map(_))) {
                shapes.retain(named);
            }
            let most = shapes.iter().map(|shape| shape.trust).max().unwrap_or_default();
            let count = shapes.len();
            shapes.retain(|shape| shape.trust == most);
            shape.disputed |= shapes.len() < count;
            // If neither is more reliable, the members' names are data too.
            if let [.., Shape { kind: Kind::Map(map), .. }, Shape { kind: Kind::Object(object), .. }] =
                shapes.as_mut_slice()
            {
                std::mem::take(&mut object.members).into_values().for_each(|member| map.join(member.shape));
                shapes.pop();
            }
            if let [one] = shapes.as_mut_slice() {
                shape.disputed |= one.disputed;
                shape.kind = std::mem::take(&mut one.kind);
            }
        });
    }

    /// Calls `each` with the place of every disputed type, written as `root[].name`.
    pub fn disputed(&self, root: &mut String, each: &mut impl FnMut(&str, &Shape)) {
        if self.disputed {
            each(root, self);
        }
        let before = root.len();
        match &self.kind {
            Kind::List(inner) | Kind::Map(inner) => {
                root.push_str("[]");
                inner.disputed(root, each);
            }
            Kind::Object(object) => {
                for (name, member) in &object.members {
                    root.push_str(if before > 0 { "." } else { "" });
                    root.push_str(name);
                    member.shape.disputed(root, each);
                    root.truncate(before);
                }
            }
            Kind::OneOf(shapes) => shapes.iter().for_each(|shape| shape.disputed(root, each)),
            _ => {}
        }
        root.truncate(before);
    }

    /// Calls `each` with this shape and every shape inside it.
    pub fn visit_mut(&mut self, each: &mut impl FnMut(&mut Shape)) {
        each(self);
        match &mut self.kind {
            Kind::List(inner) | Kind::Map(inner) => inner.visit_mut(each),
            Kind::Object(object) => {
                object.members.values_mut().for_each(|member| member.shape.visit_mut(each));
            }
            Kind::OneOf(shapes) => shapes.iter_mut().for_each(|shape| shape.visit_mut(each)),
            _ => {}
        }
    }

    /// Whether this is a text of which every sample is an integer.
    pub fn is_quoted(&self) -> bool {
        self.kind == Kind::Text(Some(DIGITS))
    }

    /// Marks every type as coming from a file of its own.
    pub fn trust_as_item(&mut self) {
        self.visit_mut(&mut |shape| shape.trust = shape.trust.of_item());
    }

    /// Counts all objects of one sample as one, so that [`Object::seen`] counts samples from then on.
    pub fn count_once(&mut self) {
        self.visit_mut(&mut |shape| {
            if let Kind::Object(object) = &mut shape.kind {
                let seen = std::mem::replace(&mut object.seen, 1);
                object.members.values_mut().for_each(|member| member.seen = (member.seen == seen).into());
            }
        });
    }

    /// Leaves open what would be nested more deeply in a schema than this. Returns whether there was such a part.
    pub fn limit(&mut self, room: usize) -> bool {
        let needed = match self.kind {
            Kind::List(_) | Kind::Map(_) => 1,
            Kind::Object(_) | Kind::OneOf(_) => 2,
            _ => return false,
        };
        let Some(room) = room.checked_sub(needed) else {
            self.kind = Kind::Unknown;
            return true;
        };
        let limit = |cut: bool, shape: &mut Shape| shape.limit(room) || cut;
        match &mut self.kind {
            Kind::List(inner) | Kind::Map(inner) => inner.limit(room),
            Kind::Object(object) => object.members.values_mut().map(|member| &mut member.shape).fold(false, limit),
            Kind::OneOf(shapes) => shapes.iter_mut().fold(false, limit),
            _ => false,
        }
    }

    /// Whether the schema written for this shape admits a value. Formats are only hints.
    pub fn fits(&self, value: &Value, presence: Option<u32>) -> bool {
        value.is_null() && self.nullable || self.kind.fits(value, presence)
    }

    /// Sorts members by name, so that the order of the examples does not matter.
    pub fn sort(&mut self) {
        self.visit_mut(&mut |shape| {
            if let Kind::Object(object) = &mut shape.kind {
                object.members.sort_unstable_keys();
            }
        });
    }
}

impl Kind {
    /// OpenAPI's name for the type; empty if there are several or it is unknown.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Boolean => "boolean",
            Kind::Integer(_) => "integer",
            Kind::Number(_) => "number",
            Kind::Text(_) => "string",
            Kind::List(_) => "array",
            Kind::Map(_) | Kind::Object(_) => "object",
            Kind::Unknown | Kind::OneOf(_) => "",
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Kind::Unknown => 0,
            Kind::Boolean => 1,
            Kind::Integer(_) => 2,
            Kind::Number(_) => 3,
            Kind::Text(_) => 4,
            Kind::List(_) => 5,
            Kind::Map(_) => 6,
            Kind::Object(_) => 7,
            Kind::OneOf(_) => 8,
        }
    }

    /// OpenAPI's name for the format.
    pub fn format(&self) -> Option<&'static str> {
        match self {
            Kind::Integer(format) | Kind::Number(format) | Kind::Text(format) => {
                format.filter(|format| *format != DIGITS)
            }
            _ => None,
        }
    }

    /// The type and format.
    pub fn words(&self) -> String {
        match self.format() {
            Some(format) => format!("{} ({format})", self.name()),
            None => self.name().to_owned(),
        }
    }

    /// Whether no value can be of both types, or whether only [`Shape::settle`] can tell.
    fn excludes(&self, other: &Kind) -> bool {
        let alike = |kind: &Kind| match kind {
            Kind::Number(_) => Kind::Integer(None).rank(),
            kind => kind.rank(),
        };
        alike(self) != alike(other)
    }

    fn fits(&self, value: &Value, presence: Option<u32>) -> bool {
        match self {
            Kind::Unknown => true,
            Kind::Boolean => value.is_boolean(),
            Kind::Integer(_) => value.is_i64(),
            Kind::Number(_) => value.is_number(),
            Kind::Text(_) => value.is_string(),
            Kind::List(element) => {
                value.as_array().is_some_and(|list| list.iter().all(|value| element.fits(value, presence)))
            }
            Kind::Map(member) => {
                value.as_object().is_some_and(|map| map.values().all(|value| member.fits(value, presence)))
            }
            Kind::Object(object) => value.as_object().is_some_and(|map| {
                object.members.iter().all(|(name, member)| match map.get(&**name) {
                    Some(value) => member.shape.fits(value, presence),
                    None => !object.requires(member, presence),
                })
            }),
            Kind::OneOf(shapes) => shapes.iter().any(|shape| shape.fits(value, presence)),
        }
    }

    /// Whether a less reliable type has another format.
    fn contradicts(&self, less: &Kind) -> bool {
        match (self, less) {
            (Kind::Integer(_), Kind::Integer(_)) | (Kind::Text(_), Kind::Text(_)) => {
                self.format().is_some() && self.format() != less.format()
            }
            _ => false,
        }
    }

    /// Joins a compatible type. The format of one that is `more_reliable` is kept.
    fn join(self, other: Kind, more_reliable: bool) -> Kind {
        match (self, other) {
            (Kind::Boolean, Kind::Boolean) => Kind::Boolean,
            // Without a format any integer is allowed, so int64 covers both.
            (Kind::Integer(Some(a)), Kind::Integer(_)) if more_reliable => Kind::Integer(Some(a)),
            (Kind::Integer(a), Kind::Integer(b)) => Kind::Integer(if a == b { a } else { Some("int64") }),
            (Kind::Number(a), Kind::Number(b)) => Kind::Number(a.filter(|_| a == b)),
            (Kind::Integer(_), Kind::Number(format)) | (Kind::Number(format), Kind::Integer(_)) => Kind::Number(format),
            (Kind::Text(a), Kind::Text(b)) => Kind::Text(a.filter(|_| more_reliable || a == b)),
            (Kind::List(mut a), Kind::List(b)) => {
                a.join(*b);
                Kind::List(a)
            }
            (Kind::Map(mut a), Kind::Map(b)) => {
                a.join(*b);
                Kind::Map(a)
            }
            (Kind::Object(mut a), Kind::Object(b)) => {
                a.join(*b);
                Kind::Object(a)
            }
            (mine, _) => mine,
        }
    }
}

/// Joins compatible alternatives, so that no value matches two of them.
fn one_of(mut shapes: Vec<Shape>, others: Vec<Shape>) -> Kind {
    for other in others {
        match shapes.iter_mut().find(|shape| !shape.kind.excludes(&other.kind)) {
            Some(shape) => shape.join(other),
            None => shapes.push(other),
        }
    }
    shapes.sort_by_key(|shape| shape.kind.rank());
    Kind::OneOf(shapes)
}

/// The longest text that is read into a tree, in bytes, because a tree takes many times the memory of its text.
const LONGEST_VALUE: usize = 256 * 1024;

impl Object {
    fn join(&mut self, other: Object) {
        self.seen = self.seen.saturating_add(other.seen);
        for (name, member) in other.members {
            match self.members.entry(name) {
                Entry::Occupied(mut mine) => {
                    let mine = mine.get_mut();
                    mine.shape.join(member.shape);
                    mine.seen = mine.seen.saturating_add(member.seen);
                }
                Entry::Vacant(place) => drop(place.insert(member)),
            }
        }
    }
}

/// Whether the names are data: `key_0`… as the exporter makes up, numbers, dates or UUIDs.
fn are_data(members: &IndexMap<Box<str>, Member>) -> bool {
    let mut numbered = members.keys().enumerate();
    let is_invented =
        numbered.all(|(at, name)| name.strip_prefix("key_").is_some_and(|number| number.parse() == Ok(at)));
    let is_certain = members.len() > 1 || members.keys().any(|name| format::of(name).is_some());
    !members.is_empty() && (is_invented || is_certain && members.keys().all(|name| format::is_data(name)))
}

/// The format of the digits in `"page": "7"`, which only the converter knows.
const DIGITS: &str = "digits";

/// Whether the value or anything inside it is of a kind.
pub fn contains(value: &Value, name: &str, of_kind: &impl Fn(&str, &Value) -> bool) -> bool {
    of_kind(name, value)
        || match value {
            Value::Object(map) => map.iter().any(|(name, member)| contains(member, name, of_kind)),
            Value::Array(list) => list.iter().any(|element| contains(element, name, of_kind)),
            _ => false,
        }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Reader { name: "", invented: false, found: &Found::default() }.deserialize(reader)
    }
}

/// Reads the shape of a member of this name, in a body that may be made up.
struct Reader<'n> {
    name: &'n str,
    invented: bool,
    found: &'n Found,
}

/// The placeholders of a body.
#[derive(Default)]
struct Found {
    any: Cell<bool>,
    /// Whether one proves that an exporter made up the body.
    proof: Cell<bool>,
    /// Whether one is `string`, where that is unlikely to be a value.
    named: Cell<bool>,
    /// Whether a text is not the name of a type.
    other: Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Shape, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Shape;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape { nullable: true, ..Shape::default() })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::of(Kind::Boolean))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::of(Kind::Integer(Some("int64"))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Shape, E> {
        Ok(Shape::of(if i64::try_from(number).is_ok() { Kind::Integer(Some("int64")) } else { Kind::Number(None) }))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::of(Kind::Number(None)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        if text.starts_with(OPEN) {
            return Ok(Shape::default());
        }
        let digits = || format::is_integer(text).then_some(DIGITS);
        let note = |cell: &Cell<bool>, found: bool| cell.set(cell.get() || found);
        note(&self.found.any, placeholder::read(text, self.name, self.invented).is_some());
        note(&self.found.proof, placeholder::is_proof(text, self.name));
        note(&self.found.named, text == "string" && !placeholder::names_a_type(self.name));
        note(&self.found.other, !placeholder::is_type_name(text));
        Ok(Shape::of_placeholder(text, self.name, self.invented)
            .unwrap_or_else(|| Shape::of(Kind::Text(format::of(text).or_else(digits)))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        let mut element = Shape::default();
        while let Some(shape) = list.next_element_seed(Reader { ..self })? {
            element.join(shape);
        }
        Ok(Shape::of(Kind::List(Box::new(element))))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut object = Object { seen: 1, ..Object::default() };
        // A borrowed name would fail if it is escaped.
        while let Some(name) = map.next_key::<Box<str>>()? {
            let shape = map.next_value_seed(Reader { name: &name, ..self })?;
            // Of members with the same name, the last counts, as for most JSON parsers.
            object.members.insert(name, Member { shape, seen: 1 });
        }
        // The exporter writes `{"value": "<Error: …>"}` for a schema that is nested too deeply.
        if object.members.len() == 1
            && let Some(member) = object.members.get("value")
            && (&member.shape.kind, member.shape.trust) == (&Kind::Unknown, Trust::Described)
        {
            return Ok(Shape::default());
        }
        if are_data(&object.members) {
            let mut value = Shape::default();
            object.members.into_values().for_each(|member| value.join(member.shape));
            return Ok(Shape::of(Kind::Map(Box::new(value))));
        }
        Ok(Shape::of(Kind::Object(Box::new(object))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    fn schema(examples: &[&str]) -> String {
        let mut joined = Shape::default();
        for example in examples {
            joined.join(serde_json::from_str(example).expect("valid JSON"));
        }
        serde_json::to_string(&Schema { shape: &joined, name: "", presence: Some(1) }).expect("a schema is JSON")
    }

    #[test]
    fn a_member_missing_in_one_example_is_optional() {
        assert_eq!(
            schema(&[r#"{"a":1,"b":"x"}"#, r#"{"a":2}"#]),
            r#"{"type":"object","required":["a"],"properties":{"a":{"type":"integer","format":"int64"},"b":{"type":"string"}}}"#
        );
        assert_eq!(schema(&[r#"[{"a":1},{}]"#]).matches("required").count(), 0);
    }

    #[test]
    fn null_makes_nullable_and_integers_with_numbers_are_numbers() {
        assert_eq!(schema(&["1", "null"]), r#"{"type":"integer","format":"int64","nullable":true}"#);
        assert_eq!(schema(&["[1, 2.5]"]), r#"{"type":"array","items":{"type":"number"}}"#);
        assert_eq!(schema(&["18446744073709551615"]), r#"{"type":"number"}"#);
    }

    #[test]
    fn different_types_are_alternatives_in_any_order() {
        let either = r#"{"oneOf":[{"type":"boolean"},{"type":"string"}]}"#;
        assert_eq!(schema(&["true", "\"x\""]), either);
        assert_eq!(schema(&["\"x\"", "true", "\"y\""]), either);
        assert_eq!(schema(&["true", "1", "1.5"]), r#"{"oneOf":[{"type":"boolean"},{"type":"number"}]}"#);
    }

    #[test]
    fn a_format_is_written_only_if_every_example_has_it() {
        assert_eq!(schema(&["\"2024-01-01\"", "\"2024-01-02\""]), r#"{"type":"string","format":"date"}"#);
        assert_eq!(schema(&["\"2024-01-01\"", "\"soon\""]), r#"{"type":"string"}"#);
    }

    #[test]
    fn names_that_are_data_become_additional_properties() {
        let numbers = r#"{"type":"object","additionalProperties":{"type":"integer","format":"int64"}}"#;
        assert_eq!(schema(&[r#"{"key_0":1}"#]), numbers);
        assert_eq!(schema(&[r#"{"1001":1,"1002":2}"#]), numbers);
        assert!(schema(&[r#"{"key_1":1}"#]).contains("properties\":{\"key_1"));
    }

    #[test]
    fn a_duplicate_member_is_written_once() {
        assert_eq!(schema(&[r#"{"a":1,"a":"x"}"#]).matches("\"a\"").count(), 2);
        let many: Vec<String> = (0..100).map(|at| format!("\"n{}\":1", at % 50)).collect();
        assert_eq!(schema(&[&format!("{{{}}}", many.join(","))]).matches("\"n49\"").count(), 2);
    }
}

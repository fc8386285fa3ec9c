//! Schemas: lowered so that typify makes plain, extensible types of them, each with a unique name chosen here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::facts::Bounds;
use super::names::{Names, pascal, snake, written};
use super::{DOCUMENT, METHODS};

/// Where a schema is used.
#[derive(Clone, Copy, PartialEq)]
pub enum Side {
    Request,
    Answer,
    /// A schema of the document's own that no success refers to.
    Shared,
}

/// The types that typify will generate from the lowered schemas.
#[derive(Default)]
pub struct Types {
    /// Keyed by the type's name.
    pub structs: BTreeMap<String, Struct>,
    /// The names of enums, and the operation or schema that each belongs to.
    pub enums: BTreeMap<String, String>,
    /// Struct types of parameters by name, with their schemas unless these are already the document's own.
    pub parameters: BTreeMap<String, Option<Value>>,
    /// The types of the schemas with an `x-feature`, by feature.
    pub features: BTreeMap<String, Vec<String>>,
    names: Names,
    /// The document's schemas before lowering, keyed by the names of their types.
    shared: Map<String, Value>,
    /// The operation or schema being lowered, as error messages name it.
    pub owner: String,
    /// Where the client differs from the document.
    pub notes: Vec<String>,
}

#[derive(Default)]
pub struct Struct {
    /// The operation or schema it belongs to, as error messages name it.
    pub owner: String,
    /// Keyed by the Rust name.
    pub fields: BTreeMap<String, Field>,
    /// Whether it keeps fields that the description doesn't have.
    pub is_open: bool,
}

pub struct Field {
    /// The name sent.
    pub name: String,
    /// The name in the lowered document.
    pub lowered: String,
    pub required: bool,
    pub bounds: Bounds,
}

/// Names that the generated code uses for other things.
pub const PRELUDE: [&str; 16] = [
    "box", "clone", "debug", "default", "err", "from", "into", "none", "ok", "option", "result", "some",
    "str", "string", "t", "vec",
];

/// The name of typify's own error.
const ERROR: &str = "conversion_error";

const COMBINATIONS: [&str; 3] = ["allOf", "oneOf", "anyOf"];
const EITHER: [&str; 2] = ["oneOf", "anyOf"];
/// The most types that typify is left to make of one combination: their number is a product, so a short description can
/// have millions.
const ALTERNATIVES: u64 = 100;

const SCHEMAS: &str = "#/components/schemas/";

impl Types {
    /// Lowers the document's own schemas under names that become distinct types.
    pub fn of(document: &mut Value) -> Self {
        let mut types = Self { names: Names::reserve(PRELUDE.into_iter().chain([ERROR])), ..Self::default() };
        let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
            return types;
        };
        let mut renamed = BTreeMap::new();
        for (name, mut schema) in std::mem::take(schemas) {
            let type_name = pascal(&types.names.free(&pascal(&name), &[], pascal));
            renamed.insert(name.clone(), type_name.clone());
            if let Some(feature) = schema["x-feature"].as_str() {
                // Cargo, too, takes names that differ only in a hyphen for one.
                types.features.entry(snake(feature)).or_default().push(type_name.clone());
            }
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("x-name".into(), name.into());
            }
            schemas.insert(type_name, schema);
        }
        rename_references(document, &renamed);
        spread_nullable(document);
        let answered = in_answers(document);
        let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
        let Some(schemas) = schemas else { return types };
        types.shared = schemas.clone();
        for (type_name, schema) in schemas {
            let side = if answered.contains(type_name) { Side::Answer } else { Side::Shared };
            types.owner = format!("schema `{}`", schema["x-name"].as_str().unwrap_or(type_name));
            let name = Some(type_name.as_str()).filter(|_| !is_combined(schema));
            types.shape(schema, side, name);
        }
        types
    }

    /// Forgets the types of an operation that becomes raw, because none will be generated.
    pub fn forget(&mut self, owner: &str) {
        self.structs.retain(|_, facts| facts.owner != owner);
        self.enums.retain(|_, of| of != owner);
    }

    /// The target of a `$ref` before lowering, or the schema itself.
    pub fn resolved<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(SCHEMAS));
        // This ends because `references` has refused circular references.
        name.and_then(|name| self.shared.get(name)).map_or(schema, |schema| self.resolved(schema))
    }

    /// The kind of value that a schema describes; a list or an object if a part of a combination does.
    pub fn kind<'s>(&'s self, schema: &'s Value) -> &'s str {
        let schema = self.resolved(schema);
        let implied = |key: &str, kind| schema.get(key).map(|_| kind);
        let own = schema["type"].as_str();
        let own = own.or(implied("items", "array")).or(implied("properties", "object"));
        let kinds = own.into_iter().chain(parts(schema).map(|part| self.kind(part)));
        kinds
            .reduce(|kind, other| if is_structure(kind) || kind == other { kind } else { other })
            .unwrap_or_default()
    }

    /// The length limits of a text.
    pub fn bounds(&self, schema: &Value) -> Bounds {
        let schema = self.resolved(schema);
        let own = (schema["minLength"].as_u64(), schema["maxLength"].as_u64());
        let parts = schema["allOf"].as_array().into_iter().flatten().map(|part| self.bounds(part));
        parts.fold(own, |(least, most), part| (least.max(part.0), most.into_iter().chain(part.1).min()))
    }

    /// Whether `is` holds for a schema or any schema inside it.
    pub fn any(&self, schema: &Value, is: fn(&Value) -> bool) -> bool {
        let (mut next, mut seen) = (vec![schema], Vec::new());
        while let Some(schema) = next.pop().map(|schema| self.resolved(schema)) {
            if is(schema) {
                return true;
            }
            if !seen.iter().any(|other| std::ptr::eq(*other, schema)) {
                seen.push(schema);
                next.extend(schema["properties"].as_object().into_iter().flat_map(Map::values));
                next.extend(schema.get("items").into_iter().chain(schema.get("additionalProperties")));
                next.extend(parts(schema));
            }
        }
        false
    }

    /// Lowers an inline schema. If it becomes a type, the type is called `name` if that is free.
    pub fn lower(&mut self, schema: &mut Value, side: Side, name: &str) {
        let kind = schema["type"].as_str().unwrap_or_default();
        let has = |key: &str| schema[key].as_object().is_some_and(|members| !members.is_empty());
        let is_struct = (kind == "object" || kind.is_empty()) && has("properties");
        let is_enum = (kind == "string" || kind.is_empty()) && side != Side::Answer && are_variants(schema);
        if is_combined(schema) {
            self.shape(schema, side, None);
            // A single part keeps the name of its own type.
            if parts(schema).count() > 1 {
                schema["title"] = pascal(&self.names.free(&pascal(name), &[], pascal)).into();
            }
            return;
        }
        let name = pascal(name);
        if !is_struct && !is_enum {
            // The name of a list or map is the prefix of its members' names.
            return self.shape(schema, side, Some(&name));
        }
        let name = pascal(&self.names.free(&name, &[], pascal));
        self.shape(schema, side, Some(&name));
        schema["title"] = name.into();
    }

    /// progenitor doesn't support parameters whose type has a builder. The type is added to the document's own schemas,
    /// and the parameter is [converted](super::STRUCT) to it.
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

    /// Removes from a schema what typify would turn into a newtype (lengths, patterns), into another crate's type (dates,
    /// UUIDs) or into an enum that rejects values added later. A schema without a name is part of a combination, whose
    /// types typify names.
    fn shape(&mut self, schema: &mut Value, side: Side, name: Option<&str>) {
        let Some(object) = schema.as_object_mut() else { return };
        if object.contains_key("$ref") {
            object.retain(|key, _| key == "$ref");
            return;
        }
        if self.is_secret(&Value::Object(object.clone())) {
            // typify would make a plain text of a combination, and of a format without its type.
            object.retain(|key, _| ["nullable", "description"].contains(&key.as_str()));
            object.insert("type".into(), "string".into());
            object.insert("format".into(), "password".into());
            return;
        }
        if name.is_none()
            && let Some(reason) = self.unusable(&Value::Object(object.clone()), side)
        {
            let owner = &self.owner;
            let note =
                format!("{DOCUMENT}: {owner}: a combination of schemas is untyped JSON, because {reason}");
            self.notes.push(note);
            object.clear();
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
        // typify refuses some formats without their type.
        let typed_formats = match object.get("type").and_then(Value::as_str) {
            Some("integer") => ["int32", "int64", "meeting-id"].as_slice(),
            Some("number") => &["float", "double"],
            Some("string") => &["password"],
            _ => &[],
        };
        if !object.get("format").and_then(Value::as_str).is_some_and(|format| typed_formats.contains(&format))
        {
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

    /// Whether a schema describes a text, and it or one of its parts calls that a password.
    fn is_secret(&self, schema: &Value) -> bool {
        let is_text = |schema: &Value| matches!(self.kind(schema), "string" | "");
        is_text(schema) && parts(schema).all(is_text) && self.is_password(schema)
    }

    fn is_password(&self, schema: &Value) -> bool {
        let schema = self.resolved(schema);
        schema["format"] == "password" || parts(schema).any(|part| self.is_password(part))
    }

    /// Why a combination cannot become a type.
    fn unusable(&self, schema: &Value, side: Side) -> Option<String> {
        let is_merged = schema.get("allOf").or(schema.get("properties")).is_some();
        if is_merged && self.alternatives(schema) > ALTERNATIVES {
            return Some(format!("it stands for more than {ALTERNATIVES} types"));
        }
        let mut fields = BTreeMap::new();
        self.described(schema, &mut fields);
        let is_endless = |schemas: &Vec<&Value>| {
            schemas.len() > 1
                && schemas.iter().any(|schema| self.is_recursive(schema, &mut Vec::new(), &mut Vec::new()))
        };
        // typify would merge the schemas of the field, the schemas of its fields, and so on.
        if let Some((field, _)) = fields.iter().find(|(_, schemas)| is_endless(schemas)) {
            return Some(format!("several of its parts describe the field `{field}`, which contains itself"));
        }
        let field = self.alike(schema, side)?;
        Some(format!("the Rust name of its field `{field}` is taken"))
    }

    /// The different schemas of each field of a schema and of all its parts.
    fn described<'s>(&'s self, schema: &'s Value, found: &mut BTreeMap<&'s str, Vec<&'s Value>>) {
        let schema = self.resolved(schema);
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let schemas = found.entry(name).or_default();
            if !schemas.contains(&field) {
                schemas.push(field);
            }
        }
        parts(schema).for_each(|part| self.described(part, found));
    }

    /// Whether a schema contains one that contains itself. `around` and `done` are those being and already searched.
    fn is_recursive<'s>(
        &'s self,
        schema: &'s Value,
        around: &mut Vec<&'s Value>,
        done: &mut Vec<&'s Value>,
    ) -> bool {
        let schema = self.resolved(schema);
        let has = |schemas: &[&Value]| schemas.iter().any(|other| std::ptr::eq(*other, schema));
        if has(around) || has(done) {
            return has(around);
        }
        around.push(schema);
        let fields = schema["properties"].as_object().into_iter().flat_map(Map::values);
        let each = schema.get("items").into_iter().chain(schema.get("additionalProperties"));
        let found =
            fields.chain(each).chain(parts(schema)).any(|inner| self.is_recursive(inner, around, done));
        done.extend(around.pop());
        found
    }

    /// The number of types that typify makes to merge the parts of a combination, at most.
    fn alternatives(&self, schema: &Value) -> u64 {
        let schema = self.resolved(schema);
        let of = |key: &str| schema[key].as_array().into_iter().flatten().map(|part| self.alternatives(part));
        let all = of("allOf").fold(1, u64::saturating_mul);
        let one = of("oneOf").fold(0, u64::saturating_add).max(1);
        // Any of them may hold together.
        let any = of("anyOf").fold(1, |any: u64, part| any.saturating_mul(part.saturating_add(1)));
        all.saturating_mul(one).saturating_mul(any)
    }

    /// A field of a combination whose Rust name is taken by another one. typify merges the parts and names the fields itself.
    fn alike(&self, schema: &Value, side: Side) -> Option<String> {
        let own = Value::Object(
            (schema.as_object()?.iter())
                .filter(|(key, _)| !EITHER.contains(&key.as_str()))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        );
        let own = self.merged(&own);
        let either = EITHER.into_iter().flat_map(|key| schema[key].as_array().into_iter().flatten());
        // A schema of the document's own that nothing is merged with keeps its type.
        let either = either.filter(|part| !own.is_empty() || part.get("$ref").is_none());
        let either: Vec<_> = either.map(|part| own.union(&self.merged(part)).cloned().collect()).collect();
        let is_open =
            side == Side::Answer || self.any(schema, |schema| schema.get("additionalProperties").is_some());
        std::iter::once(own).chain(either).find_map(|fields: BTreeSet<String>| {
            let mut names = Names::reserve(["extra"].into_iter().filter(|_| is_open));
            fields.into_iter().find(|sent| written(sent) != snake(&names.free(&snake(sent), &[], snake)))
        })
    }

    /// The names of the fields of a schema and of all its parts.
    fn merged(&self, schema: &Value) -> BTreeSet<String> {
        let schema = self.resolved(schema);
        let own = schema["properties"].as_object().into_iter().flat_map(Map::keys).cloned();
        let required = schema["required"].as_array().into_iter().flatten();
        let required = required.filter_map(|name| name.as_str().map(str::to_owned));
        own.chain(required).chain(parts(schema).flat_map(|part| self.merged(part))).collect()
    }

    /// Gives each member a unique Rust name.
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
        // Answers accept unknown fields: a success must not become an error because Zoom added one.
        let allowed = object.get("additionalProperties");
        let is_closed = allowed.is_none_or(Value::is_boolean);
        if side == Side::Answer && is_closed || allowed == Some(&Value::Bool(true)) {
            object.insert("additionalProperties".into(), json!({}));
        }
        let is_open = object.get("additionalProperties").is_some_and(Value::is_object);
        let mut names = Names::reserve(if is_open { ["extra"].as_slice() } else { &[] }.iter().copied());
        let (mut lowered, mut fields) = (Map::new(), BTreeMap::new());
        for (sent, mut inner) in properties {
            let ident = snake(&names.free(&snake(&sent), &[], snake));
            // typify derives the name itself, with a `rename`, unless two fields would get the same one.
            let given = if written(&sent) == ident { sent.clone() } else { ident.clone() };
            let field = Field {
                required: required.contains(&sent),
                bounds: self.bounds(&inner),
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

/// The parts of a combination.
pub fn parts(schema: &Value) -> impl Iterator<Item = &Value> {
    COMBINATIONS.into_iter().flat_map(|key| schema[key].as_array().into_iter().flatten())
}

pub fn is_structure(kind: &str) -> bool {
    ["array", "object"].contains(&kind)
}

/// typify names the type of a combination.
fn is_combined(schema: &Value) -> bool {
    COMBINATIONS.iter().any(|key| schema.get(key).is_some())
}

/// Whether each value of an enum becomes a distinct variant; `a-b` and `a_b` would not.
fn are_variants(schema: &Value) -> bool {
    let Some(values) = schema["enum"].as_array().filter(|values| !values.is_empty()) else { return false };
    let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
    let mut names = Names::default();
    // A value without a letter or digit has no name.
    let has_name = |text: &&str| text.chars().any(char::is_alphanumeric);
    texts.len() == values.len()
        && texts.iter().all(has_name)
        && texts.iter().all(|text| {
            let name = pascal(text);
            names.free(&name, &[], pascal) == name
        })
}

/// The names of the schemas that a success refers to, directly or through others.
fn in_answers(document: &Value) -> BTreeSet<String> {
    let items = document["paths"].as_object().into_iter().flat_map(Map::values);
    let operations = items.flat_map(|item| METHODS.iter().filter_map(|method| item.get(*method)));
    let answers = operations.flat_map(|operation| operation["responses"].as_object().into_iter().flatten());
    let successes = answers.filter(|(status, _)| status.starts_with('2'));
    let mut next: Vec<&str> = Vec::new();
    successes.for_each(|(_, answer)| references(answer, &mut next));
    let mut found = BTreeSet::new();
    while let Some(name) = next.pop() {
        if found.insert(name.to_owned()) {
            references(&document["components"]["schemas"][name], &mut next);
        }
    }
    found
}

/// Collects the names of the schemas that a value refers to.
fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            found.extend(reference.and_then(|reference| reference.strip_prefix(SCHEMAS)));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(members) => members.iter().for_each(|member| references(member, found)),
        _ => (),
    }
}

/// Moves `nullable` from the document's own schemas to the fields, items and answers that refer to them. typify would make a
/// nullable schema's type an `Option` in a struct without fields.
fn spread_nullable(document: &mut Value) {
    let mut nullable = BTreeSet::new();
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        if schema["nullable"] == true && schema.as_object_mut().and_then(|it| it.remove("nullable")).is_some()
        {
            nullable.insert(format!("{SCHEMAS}{name}"));
        }
    }
    let is_alias = |schema: &Value, nullable: &BTreeSet<String>| {
        schema["$ref"].as_str().is_some_and(|reference| nullable.contains(reference))
    };
    let Some(schemas) = document["components"]["schemas"].as_object() else { return };
    loop {
        let aliases = schemas.iter().filter(|(_, schema)| is_alias(schema, &nullable));
        let aliases: Vec<String> = aliases.map(|(name, _)| format!("{SCHEMAS}{name}")).collect();
        let known = nullable.len();
        nullable.extend(aliases);
        if nullable.len() == known {
            break;
        }
    }
    if !nullable.is_empty() {
        accept_null(document, &nullable, false, false);
    }
}

/// `can_be_null`: whether the value is the schema of something that can be `null`. Parameters and bodies cannot.
fn accept_null(value: &mut Value, nullable: &BTreeSet<String>, in_answers: bool, can_be_null: bool) {
    let refers = |schema: &Value| schema["$ref"].as_str().is_some_and(|name| nullable.contains(name));
    if can_be_null && refers(value) {
        *value = json!({ "nullable": true, "allOf": [value.take()] });
        return;
    }
    match value {
        Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                match (key.as_str(), member) {
                    ("properties", Value::Object(fields)) => {
                        fields.values_mut().for_each(|field| accept_null(field, nullable, in_answers, true));
                    }
                    ("items" | "additionalProperties", member) => {
                        accept_null(member, nullable, in_answers, true)
                    }
                    ("schema", member) => accept_null(member, nullable, in_answers, in_answers),
                    ("responses", member) => accept_null(member, nullable, true, false),
                    (_, member) => accept_null(member, nullable, in_answers, false),
                }
            }
            let alternatives = ["oneOf", "anyOf"].into_iter().filter_map(|key| members.get(key)?.as_array());
            if alternatives.flatten().any(refers) {
                members.insert("nullable".into(), true.into());
            }
        }
        Value::Array(members) => {
            members.iter_mut().for_each(|member| accept_null(member, nullable, in_answers, false));
        }
        _ => (),
    }
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

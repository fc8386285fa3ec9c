//! What a new document means for callers of a client generated from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::body::is_json;
use crate::method::Method;
use crate::template::{members, nameless};

/// The longest chain of references that is followed.
const REFERENCES: usize = 16;

/// How deeply schemas are compared; serde_json does not read anything deeper.
const DEPTH: usize = 128;

/// A difference between two documents that matters to callers of the generated client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// An operation was added.
    Added(String),
    /// An operation was removed.
    Removed(String),
    /// A call that compiled and was accepted before may no longer be, or its response has another type.
    Breaking(String),
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, text) = match self {
            Change::Added(text) => ("added", text),
            Change::Removed(text) => ("removed", text),
            Change::Breaking(text) => ("breaking", text),
        };
        // Names come from documents, and each change must stay on one line.
        write!(out, "{kind}: {}", text.replace(char::is_control, " "))
    }
}

/// The operations that were added, removed, or changed in a way that breaks callers, in that order.
///
/// A change is breaking if a call that worked may stop working: an operation was renamed or moved; a parameter or body
/// field was removed, became required, changed its type or is limited further; an enum lost a value; a response lost a
/// field or changed its type; the body's media type or the server changed; an error code lost its name. Additions that
/// are optional, new fields and values in responses, and changed documentation are not breaking, and not listed.
///
/// Operations are matched by `operationId`, because callers use it, or else by method and path. Both documents may be any
/// JSON; whatever is not valid OpenAPI counts as absent.
pub fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut removed = operations(before);
    let mut added = operations(after);
    let mut same = Vec::new();
    for is_same in [Operation::has_id_of, Operation::has_place_of] {
        removed.retain(|old| match added.iter().position(|new| is_same(old, new)) {
            Some(at) => {
                same.push((*old, added.remove(at)));
                false
            }
            None => true,
        });
    }
    let mut found: Vec<Change> = added.iter().map(|operation| Change::Added(operation.to_string())).collect();
    found.extend(removed.iter().map(|operation| Change::Removed(operation.to_string())));
    let mut words = Words { before, after, sentences: Vec::new() };
    words.document();
    for (old, new) in &same {
        words.operation(old, new);
    }
    found.extend(words.sentences.into_iter().map(Change::Breaking));
    found
}

#[derive(Clone, Copy)]
struct Operation<'d> {
    path: &'d str,
    method: &'static str,
    id: &'d str,
    item: &'d Value,
    value: &'d Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut found = Vec::new();
    for (path, item) in members(&document["paths"]) {
        for method in Method::ALL.map(Method::name) {
            if let Some(value) = item.get(method).filter(|value| value.is_object()) {
                let id = value["operationId"].as_str().unwrap_or_default();
                found.push(Operation { path, method, id, item, value });
            }
        }
    }
    found
}

impl<'d> Operation<'d> {
    fn has_id_of(&self, other: &Operation<'_>) -> bool {
        !self.id.is_empty() && self.id == other.id
    }

    fn has_place_of(&self, other: &Operation<'_>) -> bool {
        self.method == other.method && nameless(self.path) == nameless(other.path)
    }

    fn place(&self) -> String {
        format!("{} {}", self.method.to_ascii_uppercase(), self.path)
    }

    /// By location and name; an operation's own parameter overrides one of its path.
    fn parameters(&self, document: &'d Value) -> BTreeMap<(&'d str, &'d str), &'d Value> {
        let lists: [&'d Value; 2] = [&self.item["parameters"], &self.value["parameters"]];
        let all = lists.into_iter().filter_map(Value::as_array).flatten();
        let named = all.filter_map(|parameter| {
            let parameter = resolved(document, parameter);
            Some(((parameter["in"].as_str()?, parameter["name"].as_str()?), parameter))
        });
        named.collect()
    }
}

impl fmt::Display for Operation<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id.is_empty() {
            return out.write_str(&self.place());
        }
        write!(out, "{} ({})", self.id, self.place())
    }
}

/// Two documents, and the sentences about their differences, without repetitions.
struct Words<'d> {
    before: &'d Value,
    after: &'d Value,
    sentences: Vec<String>,
}

impl<'d> Words<'d> {
    fn add(&mut self, sentence: String) {
        if !self.sentences.contains(&sentence) {
            self.sentences.push(sentence);
        }
    }

    fn document(&mut self) {
        let [old, new] = [self.before, self.after].map(|document| document["servers"][0]["url"].as_str());
        if let (Some(old), Some(new)) = (old, new)
            && old != new
        {
            self.add(format!("requests go to {new} by default instead of {old}"));
        }
        let [old, new] = [self.before, self.after].map(|document| -> BTreeSet<&str> {
            members(&document["x-error-code-names"]).filter_map(|(_, name)| name.as_str()).collect()
        });
        for name in old.difference(&new) {
            self.add(format!("no error code is named `{name}` any more"));
        }
    }

    fn operation(&mut self, old: &Operation<'d>, new: &Operation<'d>) {
        let whose = new.to_string();
        if old.id != new.id {
            self.add(match old.id {
                "" => format!("{whose}: it had no `operationId` before"),
                id => format!("{whose}: it was called {id} before"),
            });
        }
        if !old.has_place_of(new) {
            self.add(format!("{whose}: it was {} before", old.place()));
        }
        self.parameters(old, new, &whose);
        self.body(old, new, &whose);
        self.answer(old, new, &whose);
    }

    fn parameters(&mut self, old: &Operation<'d>, new: &Operation<'d>, whose: &str) {
        let (before, after) = (old.parameters(self.before), new.parameters(self.after));
        for (key, parameter) in &before {
            let (place, name) = key;
            let what = format!("{place} parameter `{name}`");
            let Some(now) = after.get(key) else {
                self.add(format!("{whose}: {what} was removed"));
                continue;
            };
            if is_required(now) && !is_required(parameter) {
                self.add(format!("{whose}: {what} is now required"));
            }
            Schemas::new(self, Side::Request, whose).compare(&parameter["schema"], &now["schema"], &what, 0);
        }
        for ((place, name), parameter) in &after {
            if is_required(parameter) && !before.contains_key(&(*place, *name)) {
                self.add(format!("{whose}: {place} parameter `{name}` is new and required"));
            }
        }
    }

    fn body(&mut self, old: &Operation<'d>, new: &Operation<'d>, whose: &str) {
        let before = resolved(self.before, &old.value["requestBody"]);
        let after = resolved(self.after, &new.value["requestBody"]);
        let (taken, takes) = (media_types(before), media_types(after));
        match (taken.is_empty(), takes.is_empty()) {
            (true, true) => return,
            (true, false) if after["required"] == true => {
                return self.add(format!("{whose}: it now requires a body"));
            }
            (true, false) => return,
            (false, true) => return self.add(format!("{whose}: it no longer has a body")),
            (false, false) if after["required"] == true && before["required"] != true => {
                self.add(format!("{whose}: its body is now required"));
            }
            (false, false) => {}
        }
        if taken != takes {
            let list = |types: BTreeSet<&str>| types.into_iter().collect::<Vec<_>>().join(" or ");
            self.add(format!("{whose}: its body is now sent as {} instead of {}", list(takes), list(taken)));
        }
        for (old, new) in bodies(before, after) {
            Schemas::new(self, Side::Request, whose).compare(old, new, "the body", 0);
        }
    }

    fn answer(&mut self, old: &Operation<'d>, new: &Operation<'d>, whose: &str) {
        let (before, after) = (Success::of(self.before, old), Success::of(self.after, new));
        if before.kind() != after.kind() {
            return self.add(format!("{whose}: it now returns {} instead of {}", after.kind(), before.kind()));
        }
        if let ([old], [new]) = (&before.json[..], &after.json[..]) {
            let mut schemas = Schemas::new(self, Side::Answer, whose);
            schemas.nullability(old, new, "the response");
            schemas.compare(old, new, "the response", 0);
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Request,
    Answer,
}

/// The comparison of two schemas, and of those within them.
struct Schemas<'w, 'd> {
    words: &'w mut Words<'d>,
    side: Side,
    whose: &'w str,
    /// The pairs compared so far, by address, because a schema may contain itself.
    met: BTreeSet<(*const Value, *const Value)>,
}

impl<'w, 'd> Schemas<'w, 'd> {
    fn new(words: &'w mut Words<'d>, side: Side, whose: &'w str) -> Self {
        Self { words, side, whose, met: BTreeSet::new() }
    }

    fn add(&mut self, what: &str, sentence: &str) {
        self.words.add(format!("{}: {what} {sentence}", self.whose));
    }

    fn compare(&mut self, before: &'d Value, after: &'d Value, what: &str, depth: usize) {
        let (old, new) = (resolved(self.words.before, before), resolved(self.words.after, after));
        if depth > DEPTH || !self.met.insert((old, new)) {
            return;
        }
        let (was, is) = (kind(old), kind(new));
        if was != is {
            return self.add(what, &format!("is now {is} instead of {was}"));
        }
        if self.side == Side::Request {
            self.limits(old, new, what);
        }
        self.each_value(&old["items"], &new["items"], what, depth);
        self.unknown_fields(&old["additionalProperties"], &new["additionalProperties"], what, depth);
        for (key, noun) in [("allOf", "parts"), ("oneOf", "alternatives"), ("anyOf", "alternatives")] {
            let [old, new] = [&old[key], &new[key]].map(|list| list.as_array().map_or(&[][..], Vec::as_slice));
            // What was accepted before still is if there are more alternatives.
            let is_addition =
                self.side == Side::Request && noun == "alternatives" && (1..new.len()).contains(&old.len());
            if old.len() != new.len() && !is_addition {
                self.add(what, &format!("now has {} {noun} instead of {}", new.len(), old.len()));
            }
            for (old, new) in pairs(old, new) {
                self.compare(old, new, what, depth + 1);
            }
        }
        for (name, before) in members(&old["properties"]) {
            let inner = field(what, name);
            match new["properties"].get(name) {
                None => self.add(&inner, "was removed"),
                Some(after) => {
                    self.presence((old, before), (new, after), name, &inner);
                    self.compare(before, after, &inner, depth + 1);
                }
            }
        }
        if self.side == Side::Request {
            for (name, schema) in members(&new["properties"]) {
                if old["properties"].get(name).is_none() && !is_optional(new, name, schema) {
                    self.add(&field(what, name), "is new and required");
                }
            }
        }
    }

    /// Compares the elements of an array or the values of a map; without a schema, they are any value.
    fn each_value(&mut self, old: &'d Value, new: &'d Value, what: &str, depth: usize) {
        if !old.is_object() && !new.is_object() {
            return;
        }
        let inner = match what.strip_suffix('`') {
            Some(field) => format!("{field}[]`"),
            None => format!("each value of {what}"),
        };
        if old.is_object() && new.is_object() {
            self.nullability(old, new, &inner);
        }
        self.compare(old, new, &inner, depth + 1);
    }

    /// Compares `additionalProperties`: `false` allows none, and `true` and absent allow any.
    fn unknown_fields(&mut self, old: &'d Value, new: &'d Value, what: &str, depth: usize) {
        match (*old == false, *new == false, self.side) {
            (false, true, Side::Request) => self.add(what, "no longer accepts unknown fields"),
            (false, true, Side::Answer) if old.is_object() => self.add(what, "no longer has unknown fields"),
            (false, false, _) => self.each_value(old, new, what, depth),
            // New fields are not breaking.
            _ => {}
        }
    }

    /// Whether a value that is not a field may be null.
    fn nullability(&mut self, old: &Value, new: &Value, what: &str) {
        match (old["nullable"] == true, new["nullable"] == true) {
            (false, true) => self.add(what, "may now be null"),
            (true, false) => self.add(what, "may no longer be null"),
            _ => {}
        }
    }

    /// Whether a field may be absent.
    fn presence(&mut self, old: (&Value, &Value), new: (&Value, &Value), name: &str, what: &str) {
        let [was, is] = [old, new].map(|(object, schema)| is_optional(object, name, schema));
        match self.side {
            Side::Request if was && !is => self.add(what, "is now required"),
            // A missing array or map is read as an empty one.
            Side::Answer if was == is || is_collection(old.1) => {}
            Side::Answer if is => self.add(what, "is now optional"),
            Side::Answer => self.add(what, "is no longer optional"),
            Side::Request => {}
        }
    }

    /// Reports where fewer values are accepted in a request than before: by its `enum`, `minLength`, `maxLength`,
    /// `minimum`, `maximum` (which may be exclusive), `minItems` or `maxItems`, or if its `pattern` changed.
    fn limits(&mut self, old: &Value, new: &Value, what: &str) {
        let values = |schema: &Value| -> BTreeSet<String> {
            let values = schema["enum"].as_array().into_iter().flatten();
            values.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect()
        };
        let (was, is) = (values(old), values(new));
        let list = |values: BTreeSet<String>| {
            let quoted: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            quoted.join(", ")
        };
        match (was.is_empty(), is.is_empty()) {
            (true, true) => {}
            (true, false) => self.add(what, &format!("now accepts only {}", list(is))),
            (false, true) => self.add(what, &format!("is no longer limited to {}", list(was))),
            (false, false) => {
                let gone: BTreeSet<String> = was.difference(&is).cloned().collect();
                if !gone.is_empty() {
                    self.add(what, &format!("no longer accepts {}", list(gone)));
                }
            }
        }
        for (least, most, noun) in [
            ("minLength", "maxLength", "length"),
            ("minItems", "maxItems", "number of elements"),
            ("minimum", "maximum", "value"),
        ] {
            let [(was_least, was_most), (least, most)] =
                [old, new].map(|schema| (schema[least].as_f64(), schema[most].as_f64()));
            if let Some(most) = most.filter(|most| was_most.is_none_or(|was| *most < was)) {
                self.add(what, &format!("now has a maximum {noun} of {most}"));
            }
            // A length has a minimum of 0 anyway.
            let lowest = if noun == "value" { f64::NEG_INFINITY } else { 0.0 };
            if let Some(least) = least.filter(|least| *least > was_least.unwrap_or(lowest)) {
                self.add(what, &format!("now has a minimum {noun} of {least}"));
            }
        }
        for (limit, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
            if old[limit] == new[limit] && old[exclusive] != true && new[exclusive] == true {
                self.add(what, &format!("no longer accepts its {limit} value of {}", new[limit]));
            }
        }
        if let Some(pattern) = new["pattern"].as_str().filter(|pattern| old["pattern"] != **pattern) {
            self.add(what, &format!("must now match `{pattern}`"));
        }
    }
}

/// The alternatives to compare: equal ones, in whatever order, and then the others in turn.
fn pairs<'d>(old: &'d [Value], new: &'d [Value]) -> Vec<(&'d Value, &'d Value)> {
    let mut left: Vec<&Value> = new.iter().collect();
    let (mut found, mut changed) = (Vec::new(), Vec::new());
    for old in old {
        match left.iter().position(|new| *new == old) {
            Some(at) => found.push((old, left.remove(at))),
            None => changed.push(old),
        }
    }
    found.extend(changed.into_iter().zip(left));
    found
}

/// The name of a field of `what`.
fn field(what: &str, name: &str) -> String {
    match what.strip_suffix('`') {
        Some(outer) => format!("{outer}.{name}`"),
        None if what == "the body" => format!("body field `{name}`"),
        None if what == "the response" => format!("response field `{name}`"),
        None => format!("`{name}` of {what}"),
    }
}

/// What an operation returns on success.
struct Success<'d> {
    /// The distinct schemas of its JSON bodies.
    json: Vec<&'d Value>,
    bodiless: bool,
    other: bool,
}

impl<'d> Success<'d> {
    fn of(document: &'d Value, operation: &Operation<'d>) -> Self {
        let mut found = Success { json: Vec::new(), bodiless: false, other: false };
        for (_, answer) in members(&operation.value["responses"]).filter(|(status, _)| status.starts_with('2')) {
            let content = &resolved(document, answer)["content"];
            if members(content).next().is_none() {
                found.bodiless = true;
            } else if let Some((_, body)) = members(content).find(|(media_type, _)| is_json(media_type)) {
                if !found.json.contains(&&body["schema"]) {
                    found.json.push(&body["schema"]);
                }
            } else {
                found.other = true;
            }
        }
        found
    }

    fn kind(&self) -> &'static str {
        match (self.json.len(), self.bodiless, self.other) {
            (0, true, false) => "nothing",
            (1, false, false) => "a JSON value",
            (1, true, false) => "a JSON value or nothing",
            (2.., _, false) => "JSON of several types",
            _ => "bytes",
        }
    }
}

/// The Rust type of a value, in words.
fn kind(schema: &Value) -> String {
    let format = schema["format"].as_str().unwrap_or_default();
    match (schema["type"].as_str(), format) {
        (Some("string"), "password") => "a secret".to_owned(),
        (Some("string"), "binary") => "a file".to_owned(),
        (Some("integer" | "number"), "int32" | "float") => format!("a number of format {format}"),
        (Some("integer"), _) => "an integer".to_owned(),
        (Some("number"), _) => "a number".to_owned(),
        (Some("string"), _) => "a string".to_owned(),
        (Some("boolean"), _) => "a boolean".to_owned(),
        (Some("array"), _) => "an array".to_owned(),
        (Some("object") | None, _) if schema["properties"].is_object() => "an object with fields".to_owned(),
        (Some("object"), _) => "an object".to_owned(),
        (None, _) => {
            let several = ["allOf", "oneOf", "anyOf"].into_iter().find(|key| schema[key].is_array());
            several.map_or_else(|| "any value".to_owned(), |key| format!("a value described by `{key}`"))
        }
        (Some(other), _) => format!("of type `{other}`"),
    }
}

fn is_required(parameter: &Value) -> bool {
    parameter["required"] == true || parameter["in"] == "path"
}

/// Whether a field of an object may be absent or null.
fn is_optional(object: &Value, name: &str, schema: &Value) -> bool {
    let required = object["required"].as_array().into_iter().flatten().any(|required| required == name);
    !required || schema["nullable"] == true
}

fn is_collection(schema: &Value) -> bool {
    schema["type"] == "array" || (schema["type"] == "object" && !schema["properties"].is_object())
}

fn media_types(body: &Value) -> BTreeSet<&str> {
    members(&body["content"]).map(|(media_type, _)| media_type).collect()
}

/// Whether the client has a type for a body; other media types are plain bytes.
fn is_typed(media_type: &str) -> bool {
    is_json(media_type)
        || ["multipart/form-data", "application/x-www-form-urlencoded"].iter().any(|form| media_type.starts_with(form))
}

/// The schemas to compare: those of the common media types, or else the first ones.
fn bodies<'d>(before: &'d Value, after: &'d Value) -> Vec<(&'d Value, &'d Value)> {
    let typed = |body: &'d Value| members(&body["content"]).filter(|(media_type, _)| is_typed(media_type));
    let both = typed(before)
        .filter_map(|(media_type, old)| Some((&old["schema"], &after["content"].get(media_type)?["schema"])));
    let both: Vec<_> = both.collect();
    if !both.is_empty() {
        return both;
    }
    let first = |body: &'d Value| typed(body).next().map(|(_, content)| &content["schema"]);
    first(before).zip(first(after)).into_iter().collect()
}

fn resolved<'d>(document: &'d Value, mut value: &'d Value) -> &'d Value {
    for _ in 0..REFERENCES {
        let Some(pointer) = value["$ref"].as_str().and_then(|target| target.strip_prefix('#')) else {
            return value;
        };
        value = document.pointer(pointer).unwrap_or(&Value::Null);
    }
    &Value::Null
}

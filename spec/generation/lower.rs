//! Lowering: a copy of the document changed so that progenitor takes it. The committed document stays true.

use std::collections::{BTreeMap, BTreeSet};

use heck::{ToPascalCase, ToSnakeCase};
use serde_json::{Value, json};

use super::DOCUMENT;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// A body or an answer that the description has no schema for, or that progenitor has no type for.
pub const RAW: &str = "raw-body";

pub struct Lowered {
    pub document: Value,
    pub operations: Vec<Operation>,
    pub code_names: BTreeMap<String, String>,
}

/// What the layer must know of an operation and the generated code does not say.
pub struct Operation {
    pub id: String,
    pub method: &'static str,
    pub path: String,
    /// The path with the code's names for its parameters.
    pub lowered_path: String,
    pub media_type: Option<String>,
    pub body_required: bool,
    pub wait: Option<u64>,
    /// JSON pointer into the body, least and greatest number of characters.
    pub lengths: Vec<(String, Option<u64>, Option<u64>)>,
    pub errors: Vec<(u16, i64, String)>,
    pub parameters: Vec<Parameter>,
}

/// What the code sends beside the body.
pub struct Parameter {
    /// As it is sent.
    pub name: String,
    /// As the code calls it.
    pub ident: String,
    pub place: Place,
    pub required: bool,
    pub description: String,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Place {
    Path,
    Query,
    Header,
}

impl Operation {
    pub fn name(&self) -> String {
        format!("operation `{}` ({} {})", self.id, self.method.to_uppercase(), self.path)
    }
}

pub fn lower(mut document: Value) -> Result<Lowered, String> {
    inline_references(&mut document);
    let default_wait = document["x-retry-after-seconds"].as_u64();
    let code_names = strings(&document["x-error-code-names"]);
    for (code, name) in &code_names {
        let is_constant = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        if code.parse::<i64>().is_err() || !is_constant {
            return Err(format!(
                "{DOCUMENT}: `x-error-code-names` takes numbers and names such as USER_NOT_FOUND, not `{code}: {name}`"
            ));
        }
    }
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.values_mut().for_each(|schema| plain_schema(schema, Side::Shared));
    }
    let mut operations = Vec::new();
    let paths = document["paths"].as_object_mut().ok_or_else(|| format!("{DOCUMENT} has no `paths`"))?;
    let mut renamed = serde_json::Map::new();
    for (path, mut item) in std::mem::take(paths) {
        let shared = item.get("parameters").cloned().unwrap_or(Value::Null);
        if let Some(item) = item.as_object_mut() {
            item.retain(|key, _| METHODS.contains(&key.as_str()));
        }
        let mut lowered_path = path.clone();
        for method in METHODS {
            if let Some(operation) = item.get_mut(method) {
                add_parameters(operation, &shared);
                let operation = lower_operation(operation, method, &path, default_wait, &code_names)?;
                lowered_path.clone_from(&operation.lowered_path);
                operations.push(operation);
            }
        }
        renamed.insert(lowered_path, item);
    }
    *paths = renamed;
    Ok(Lowered { document, operations, code_names })
}

fn lower_operation(
    operation: &mut Value,
    method: &'static str,
    path: &str,
    default_wait: Option<u64>,
    code_names: &BTreeMap<String, String>,
) -> Result<Operation, String> {
    let Some(id) = operation["operationId"].as_str().filter(|id| !id.is_empty()).map(str::to_owned) else {
        return Err(format!("{DOCUMENT}: {} {path} has no `operationId`", method.to_uppercase()));
    };
    let mut lengths = Vec::new();
    let (media_type, body_required) = lower_body(operation, |pointer, schema| {
        let bounds = (schema["minLength"].as_u64(), schema["maxLength"].as_u64());
        if bounds != (None, None) {
            lengths.push((pointer.to_owned(), bounds.0, bounds.1));
        }
    });
    let parameters = lower_parameters(operation);
    let (wait, errors) = lower_answers(operation, default_wait, code_names);
    let mut lowered_path = path.to_owned();
    for parameter in parameters.iter().filter(|parameter| parameter.place == Place::Path) {
        let (name, ident) = (format!("{{{}}}", parameter.name), format!("{{{}}}", parameter.ident));
        lowered_path = lowered_path.replacen(&name, &ident, 1);
    }
    let path = path.to_owned();
    Ok(Operation {
        id,
        method,
        path,
        lowered_path,
        media_type,
        body_required,
        wait,
        lengths,
        errors,
        parameters,
    })
}

/// progenitor takes one media type per body, and three of them. The first of these that the document has is
/// lowered to JSON, which keeps it typed; any other body is raw bytes. The layer sends what was documented.
fn lower_body(operation: &mut Value, mut found: impl FnMut(&str, &Value)) -> (Option<String>, bool) {
    let required = operation["requestBody"]["required"].as_bool().unwrap_or(false);
    let Some(content) = operation["requestBody"]["content"].as_object().filter(|content| !content.is_empty())
    else {
        if let Some(operation) = operation.as_object_mut() {
            operation.remove("requestBody");
        }
        return (None, false);
    };
    let typed = content.keys().filter(|media_type| is_typed(media_type));
    let Some(media_type) =
        typed.min_by_key(|media_type| preference(media_type)).or_else(|| content.keys().next()).cloned()
    else {
        return (None, false);
    };
    let mut schema = content[&media_type].get("schema").cloned().unwrap_or_else(|| json!({}));
    if is_typed(&media_type) {
        each_field(&schema, "", &mut found);
        plain_schema(&mut schema, Side::Request);
    } else {
        schema = raw_schema();
    }
    operation["requestBody"] =
        json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    (Some(media_type), required)
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json") || essence.to_ascii_lowercase().ends_with("+json")
}

pub fn is_typed(media_type: &str) -> bool {
    is_json(media_type)
        || ["multipart/form-data", "application/x-www-form-urlencoded"]
            .iter()
            .any(|form| media_type.starts_with(form))
}

fn preference(media_type: &str) -> usize {
    if is_json(media_type) { 0 } else { 1 + usize::from(!media_type.starts_with("multipart/")) }
}

pub fn raw_schema() -> Value {
    json!({ "type": "string", "format": RAW })
}

/// Path ids become types that check themselves before they reach a URL; styles and cookies that progenitor
/// refuses go, and so do the three headers that OpenAPI says to ignore as parameters.
fn lower_parameters(operation: &mut Value) -> Vec<Parameter> {
    let mut lowered: Vec<Parameter> = Vec::new();
    let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) else {
        return lowered;
    };
    parameters.retain(|parameter| match (place(parameter), parameter["name"].as_str()) {
        (Some(Place::Header), Some(name)) => {
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            let ignored = ["accept", "content-type", "authorization"];
            !name.is_empty()
                && name.bytes().all(is_token)
                && !ignored.contains(&name.to_ascii_lowercase().as_str())
        }
        (Some(_), Some(_)) => true,
        _ => false,
    });
    // A path's parameters take their names first.
    parameters.sort_by_key(|parameter| parameter["in"] != "path");
    let mut taken: BTreeSet<String> =
        ["body", "body_map", "client", "clone", "new"].map(str::to_owned).into();
    for parameter in parameters {
        let Some(place) = place(parameter) else { continue };
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        let ident = free_name(&name, parameter["in"].as_str().unwrap_or_default(), &mut taken);
        parameter["name"] = ident.as_str().into();
        if let Some(parameter) = parameter.as_object_mut() {
            for key in ["style", "explode", "example", "examples", "allowReserved", "allowEmptyValue"] {
                parameter.remove(key);
            }
            if parameter.remove("content").is_some() || !parameter.contains_key("schema") {
                parameter.insert("schema".into(), json!({ "type": "string" }));
            }
        }
        plain_schema(&mut parameter["schema"], Side::Request);
        if place == Place::Path {
            parameter["required"] = true.into();
            let format = match (parameter["schema"]["type"].as_str(), name.as_str()) {
                (Some("integer"), "meetingId") => Some("meeting-id"),
                (Some("integer"), "webinarId") => Some("webinar-id"),
                (Some("integer" | "boolean" | "number"), _) => None,
                _ => Some("path-segment"),
            };
            if let Some(format) = format {
                let kind = if format == "path-segment" { "string" } else { "integer" };
                parameter["schema"] = json!({ "type": kind, "format": format });
            }
        }
        lowered.push(Parameter {
            name,
            ident,
            place,
            required: parameter["required"].as_bool().unwrap_or(false),
            description: parameter["description"].as_str().unwrap_or_default().to_owned(),
        });
    }
    lowered
}

fn place(parameter: &Value) -> Option<Place> {
    match parameter["in"].as_str()? {
        "path" => Some(Place::Path),
        "query" => Some(Place::Query),
        "header" => Some(Place::Header),
        _ => None,
    }
}

/// A name for the code that no other parameter has.
fn free_name(name: &str, place: &str, taken: &mut BTreeSet<String>) -> String {
    let plain = name.to_snake_case();
    let longer = format!("{place}_{plain}");
    let numbered = (2..).map(|number| format!("{longer}_{number}"));
    let is_keyword = |name: &String| syn::parse_str::<syn::Ident>(name).is_err();
    let candidates = [plain, longer.clone()].into_iter().chain(numbered);
    let mut free = candidates.filter(|name| !is_keyword(name) && !taken.contains(name));
    let name = free.next().unwrap_or_default();
    taken.insert(name.clone());
    name
}

/// The layer judges every answer itself, so progenitor needs no more than the type of a success: that of the
/// one documented success, `Option` of it where a bodiless one stands beside, raw bytes where nothing is
/// documented or it is no JSON.
fn lower_answers(
    operation: &mut Value,
    default_wait: Option<u64>,
    code_names: &BTreeMap<String, String>,
) -> (Option<u64>, Vec<(u16, i64, String)>) {
    let answers = operation["responses"].as_object().cloned().unwrap_or_default();
    let mut wait = default_wait;
    let mut errors = Vec::new();
    let mut documentation = String::new();
    let mut schemas = Vec::new();
    let (mut bodiless, mut raw) = (false, false);
    for (status, answer) in &answers {
        documentation += &describe_answer(status, answer, code_names);
        if status == "429" {
            wait = answer["x-retry-after-seconds"].as_u64().or(wait);
        }
        if status.starts_with('2') {
            match answer["content"].as_object().filter(|content| !content.is_empty()) {
                None => bodiless = true,
                Some(content) => match content.iter().find(|(media_type, _)| is_json(media_type)) {
                    Some((_, body)) => {
                        let mut schema = body.get("schema").cloned().unwrap_or_else(|| json!({}));
                        plain_schema(&mut schema, Side::Answer);
                        if !schemas.contains(&schema) {
                            schemas.push(schema);
                        }
                    }
                    None => raw = true,
                },
            }
        } else if let Ok(status) = status.parse() {
            for code in answer["x-error-codes"].as_array().into_iter().flatten() {
                if let Some(number) = code["code"].as_i64() {
                    errors.push((status, number, code["message"].as_str().unwrap_or_default().to_owned()));
                }
            }
        }
    }
    let content = match (schemas.pop(), schemas.is_empty(), raw || !bodiless) {
        (None, _, true) => Some(raw_schema()),
        (None, _, false) => None,
        (Some(_), _, _) if raw => Some(raw_schema()),
        (Some(_), false, _) => Some(json!({})),
        (Some(schema), true, _) if bodiless => Some(json!({ "nullable": true, "allOf": [schema] })),
        (Some(schema), true, _) => Some(schema),
    };
    operation["responses"] = match content {
        Some(schema) => {
            json!({ "200": { "description": "", "content": { "application/json": { "schema": schema } } } })
        }
        None => json!({ "204": { "description": "" } }),
    };
    let description = operation["description"].as_str().unwrap_or_default().trim_end();
    // The items' own words name most of these already.
    let label =
        operation["x-rate-limit-label"].as_str().filter(|label| !description.contains(&format!("`{label}`")));
    let label = label.map(|label| format!("\n\nRate limit label: `{label}`.")).unwrap_or_default();
    let required = operation["security"].as_array().into_iter().flatten().flat_map(scopes);
    let unnamed: Vec<&str> = required.filter(|scope| !description.contains(&format!("`{scope}`"))).collect();
    let scopes = match unnamed.is_empty() {
        true => String::new(),
        false => format!("\n\nScopes that suffice as well: `{}`.", unnamed.join("`, `")),
    };
    let documentation = format!("{description}{scopes}{label}\n\n# Documented answers\n\n{documentation}");
    operation["description"] = documentation.into();
    (wait, errors)
}

fn scopes(requirement: &Value) -> Vec<&str> {
    let scopes = requirement.as_object().into_iter().flat_map(|schemes| schemes.values());
    scopes.flat_map(|scopes| scopes.as_array().into_iter().flatten()).filter_map(Value::as_str).collect()
}

fn describe_answer(status: &str, answer: &Value, code_names: &BTreeMap<String, String>) -> String {
    let wait = answer["x-retry-after-seconds"]
        .as_u64()
        .map(|seconds| format!(" Wait: {seconds} seconds."))
        .unwrap_or_default();
    let codes: Vec<String> = (answer["x-error-codes"].as_array().into_iter().flatten())
        .map(|error| {
            let code = error["code"].to_string();
            let message = one_line(error["message"].as_str().unwrap_or_default());
            match code_names.get(&code) {
                Some(name) => format!("  - [`{code}`](crate::ErrorCode::{name}): {message}\n"),
                None => format!("  - `{code}`: {message}\n"),
            }
        })
        .collect();
    let text = if codes.is_empty() {
        one_line(answer["description"].as_str().unwrap_or_default())
    } else {
        String::new()
    };
    let colon = if text.is_empty() { "" } else { ": " };
    format!("- `{status}`{colon}{text}{wait}\n{}", codes.concat())
}

pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Request,
    Answer,
    Shared,
}

/// Takes from a schema what typify would turn into a newtype (lengths, patterns), into a foreign crate's type
/// (dates, UUIDs) or into an enum that an answer of tomorrow breaks.
fn plain_schema(schema: &mut Value, side: Side) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.contains_key("$ref") {
        object.retain(|key, _| key == "$ref");
        return;
    }
    if side != Side::Answer {
        carry_length(object);
    }
    const KEPT: [&str; 13] = [
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
        "title",
        "description",
    ];
    object.retain(|key, _| KEPT.contains(&key.as_str()));
    object.remove("title"); // a title would name the Rust type, and two may be equal
    let typed_formats = ["int32", "int64", "float", "double", "meeting-id", "password"];
    if object.get("format").and_then(Value::as_str).is_some_and(|format| !typed_formats.contains(&format)) {
        object.remove("format");
    }
    let values: Vec<String> = (object.get("enum").and_then(Value::as_array).into_iter().flatten())
        .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        .collect();
    if !values.is_empty() && (side == Side::Answer || !are_variants(object)) {
        object.remove("enum");
        let known = format!("Known values: `{}`.", values.join("`, `"));
        let description = object.get("description").and_then(Value::as_str).unwrap_or_default();
        let description = format!("{description}\n\n{known}").trim_start().to_owned();
        object.insert("description".into(), description.into());
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(key) {
            plain_schema(inner, side);
        }
    }
    for key in ["allOf", "oneOf", "anyOf"] {
        (object.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten())
            .for_each(|inner| plain_schema(inner, side));
    }
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        // Of two that make one Rust name, the second is among what the type does not name.
        let mut names = BTreeSet::new();
        let all = properties.len();
        properties.retain(|name, _| names.insert(name.to_snake_case()));
        let unnamed = properties.len() < all;
        properties.values_mut().for_each(|inner| plain_schema(inner, side));
        if unnamed || (side == Side::Answer && !object.contains_key("additionalProperties")) {
            object.insert("additionalProperties".into(), json!({}));
        }
    }
    if object.get("type").and_then(Value::as_str) == Some("array") && !object.contains_key("items") {
        object.insert("items".into(), json!({}));
    }
}

/// The least and greatest number of characters of a text.
pub type Bounds = (Option<u64>, Option<u64>);

/// Stands before a field's length at the end of its description, which typify copies to the field.
const LENGTH: char = '\u{1}';

fn carry_length(schema: &mut serde_json::Map<String, Value>) {
    let bound = |key| schema.get(key).and_then(Value::as_u64);
    let (least, most) = (bound("minLength"), bound("maxLength"));
    if (least, most) == (None, None) {
        return;
    }
    let written = |bound: Option<u64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{description}{LENGTH}{}..{}", written(least), written(most));
    schema.insert("description".into(), description.into());
}

/// A documentation's text without the length that it carries, and that length.
pub fn carried_length(text: &str) -> (&str, Option<Bounds>) {
    let carried = text.split_once(LENGTH).and_then(|(text, length)| Some((text, length.split_once("..")?)));
    match carried {
        Some((text, (least, most))) => (text, Some((least.trim().parse().ok(), most.trim().parse().ok()))),
        None => (text, None),
    }
}

/// Whether each value of an enum gives a variant of its own: typify makes one name of `a-b` and `a_b`.
fn are_variants(object: &serde_json::Map<String, Value>) -> bool {
    let values = object.get("enum").and_then(Value::as_array).into_iter().flatten();
    let names: Vec<String> = (values.clone().filter_map(Value::as_str)).map(str::to_pascal_case).collect();
    names.len() == values.count()
        && names.iter().all(|name: &String| !name.is_empty())
        && names.iter().collect::<BTreeSet<_>>().len() == names.len()
}

/// Calls `found` with each field's JSON pointer and schema.
fn each_field(schema: &Value, pointer: &str, found: &mut impl FnMut(&str, &Value)) {
    found(pointer, schema);
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        each_field(inner, &format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), found);
    }
}

/// Parameters, bodies and answers kept under `components` move to where they are used.
fn inline_references(document: &mut Value) {
    let components = document["components"].clone();
    let inline = |value: &mut Value| {
        while let Some(name) =
            value.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix("#/components"))
        {
            *value = components.pointer(name).cloned().unwrap_or(Value::Null);
        }
    };
    for item in document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        (item.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten()).for_each(inline);
        for method in METHODS {
            let Some(operation) = item.get_mut(method) else { continue };
            (operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten())
                .for_each(inline);
            operation.get_mut("requestBody").into_iter().for_each(inline);
            let answers = operation.get_mut("responses").and_then(Value::as_object_mut).into_iter();
            answers.flat_map(|answers| answers.values_mut()).for_each(inline);
        }
    }
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.retain(|key, _| key == "schemas");
    }
}

/// A path's parameters count for each of its operations that does not bring one of the same name itself.
fn add_parameters(operation: &mut Value, shared: &Value) {
    let own: Vec<Value> = operation["parameters"].as_array().cloned().unwrap_or_default();
    let inherited = shared.as_array().into_iter().flatten();
    let inherited = inherited
        .filter(|shared| !own.iter().any(|own| own["name"] == shared["name"] && own["in"] == shared["in"]));
    let all: Vec<Value> = inherited.cloned().chain(own.iter().cloned()).collect();
    operation["parameters"] = all.into();
}

fn strings(object: &Value) -> BTreeMap<String, String> {
    let members = object.as_object().into_iter().flatten();
    members.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

//! Lowering: turns a copy of the document into one that progenitor accepts. The committed document stays as it is.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::facts::{self, Operation, Place};
use super::names::{Names, pascal, snake, written_type};
use super::schemas::{PRELUDE, Side, Types, parts};
use super::{DOCUMENT, FILE, METHODS, RAW, pages, parameters, references};

pub struct Lowered {
    pub document: Value,
    pub operations: Vec<Operation>,
    pub code_names: BTreeMap<String, String>,
    /// The URL of the first server.
    pub base_url: String,
    pub types: Types,
}

/// `reserved`: names that an operation's method and module can't have.
pub fn lower(mut document: Value, reserved: &[String]) -> Result<Lowered, String> {
    if let Some(version) = document["openapi"].as_str().filter(|version| !version.starts_with("3.0.")) {
        return Err(format!("{DOCUMENT} is OpenAPI {version}, but only 3.0 can be generated"));
    }
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        paths.retain(|path, _| !path.starts_with("x-"));
    }
    references::inline(&mut document)?;
    let code_names = facts::code_names(&document)?;
    let default_wait = document["x-retry-after-seconds"].as_u64();
    let mut types = Types::of(&mut document);
    let mut names = Names::reserve(reserved.iter().map(String::as_str).chain(PRELUDE));
    let servers = document["servers"].clone();
    let base_url = base_url(&servers[0]);
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let paths = paths.ok_or_else(|| format!("{DOCUMENT} has no `paths`"))?;
    check_paths(paths.keys())?;
    let mut operations: Vec<Operation> = Vec::new();
    let mut lowered_paths = Map::new();
    for (path, mut item) in std::mem::take(paths) {
        let shared = item.get("parameters").cloned().unwrap_or(Value::Null);
        let own_servers = item.get("servers").cloned();
        let mut lowered_item = Map::new();
        let mut lowered_path = path.clone();
        for method in METHODS {
            let Some(operation) = item.get_mut(method) else { continue };
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            if id.is_empty() {
                return Err(format!("{DOCUMENT}: {} {path} has no `operationId`", method.to_uppercase()));
            }
            types.owner = facts::title(&id, method, &path);
            if operations.iter().any(|other| other.id == id) {
                return Err(format!(
                    "{DOCUMENT}: {}: another operation has the same `operationId`: rename one of them",
                    types.owner
                ));
            }
            if let Some(own) = operation.get("servers").or(own_servers.as_ref())
                && *own != servers
            {
                types.notes.push(format!(
                    "{DOCUMENT}: {}: its own server URL is not used: every call goes to the client's base URL",
                    types.owner
                ));
            }
            add_parameters(operation, &shared);
            let name = names.free(&snake(&id), &[format!("{}_call", snake(&id))], pascal);
            let mut facts = Operation {
                name: snake(&name),
                builder: written_type(&snake(&name)),
                prefix: pascal(&name),
                method,
                lowered_path: path.clone(),
                path: path.clone(),
                parameters: Vec::new(),
                media_type: None,
                body_required: operation["requestBody"]["required"] == true,
                wait: facts::wait(&operation["responses"], default_wait),
                lengths: Vec::new(),
                files: Vec::new(),
                errors: facts::errors(&operation["responses"]),
                id,
            };
            operation["operationId"] = name.into();
            operation["description"] = pages::operation(operation, &code_names).into();
            if let Some(members) = operation.as_object_mut() {
                // progenitor acts on some extensions.
                members.retain(|key, _| !key.starts_with("x-"));
            }
            let title = facts.title();
            let refused = |what: String| format!("{DOCUMENT}: {title}: {what}");
            facts.parameters = parameters::lower(operation, &facts.prefix, &mut types).map_err(refused)?;
            facts.lowered_path = lower_path(&facts).map_err(refused)?;
            lower_body(operation, &mut facts, &mut types)?;
            lower_answers(operation, &facts, &mut types);
            lowered_path.clone_from(&facts.lowered_path);
            lowered_item.insert(method.to_owned(), operation.take());
            operations.push(facts);
        }
        lowered_paths.insert(lowered_path, lowered_item.into());
    }
    *paths = lowered_paths;
    for (name, schema) in &types.parameters {
        if let Some(schema) = schema {
            document["components"]["schemas"][name] = schema.clone();
        }
    }
    Ok(Lowered { document, operations, code_names, base_url, types })
}

/// The server's URL, with the default of each of its variables.
fn base_url(server: &Value) -> String {
    let url = server["url"].as_str().unwrap_or_default().to_owned();
    let variables = server["variables"].as_object().into_iter().flatten();
    variables.fold(url, |url, (name, variable)| {
        url.replace(&format!("{{{name}}}"), variable["default"].as_str().unwrap_or_default())
    })
}

/// Paths that differ only in the names of their parameters are the same path (OpenAPI 3.0.3, "Paths Object").
fn check_paths<'p>(paths: impl Iterator<Item = &'p String>) -> Result<(), String> {
    let mut seen = BTreeMap::new();
    for path in paths {
        if !path.starts_with('/') {
            return Err(format!("{DOCUMENT}: the path `{path}` does not begin with a slash"));
        }
        // A path with unpaired braces is refused by its operation.
        let Ok(pieces) = pieces(path) else { continue };
        let nameless = pieces.iter().map(|(literal, name)| (*literal, name.is_some())).collect::<Vec<_>>();
        if let Some(other) = seen.insert(nameless, path) {
            return Err(format!(
                "{DOCUMENT}: the paths `{other}` and `{path}` differ only in the names of their parameters: write them as one"
            ));
        }
    }
    Ok(())
}

/// A path's parameters apply to each of its operations, unless the operation has one of the same name in the same
/// place.
fn add_parameters(operation: &mut Value, shared: &Value) {
    let own: Vec<Value> = operation["parameters"].as_array().cloned().unwrap_or_default();
    let inherited = shared.as_array().into_iter().flatten();
    let inherited = inherited.filter(|shared| !own.iter().any(|own| parameters::is_same(own, shared)));
    let all: Vec<Value> = inherited.cloned().chain(own.iter().cloned()).collect();
    operation["parameters"] = all.into();
}

/// Splits a path into pairs of literal text and the parameter name that follows it.
pub fn pieces(path: &str) -> Result<Vec<(&str, Option<&str>)>, String> {
    let mut pieces = Vec::new();
    let mut rest = path;
    while let Some((literal, after)) = rest.split_once('{') {
        let closed = after.split_once('}').filter(|(name, _)| !name.is_empty() && !name.contains('{'));
        let (name, after) = closed.ok_or("its path has a `{` without a name and a closing `}`")?;
        pieces.push((literal, Some(name)));
        rest = after;
    }
    pieces.push((rest, None));
    match pieces.iter().any(|(literal, _)| literal.contains('}')) {
        true => Err("its path has a `}` without a `{`".to_owned()),
        false => Ok(pieces),
    }
}

fn lower_path(operation: &Operation) -> Result<String, String> {
    let mut lowered = String::new();
    let in_path = || operation.parameters.iter().filter(|parameter| parameter.place == Place::Path);
    let pieces = pieces(&operation.path)?;
    for (literal, name) in &pieces {
        lowered += literal;
        let Some(name) = name else { continue };
        let parameter = in_path().find(|parameter| parameter.name == *name);
        let parameter = parameter
            .ok_or_else(|| format!("its path contains `{{{name}}}`, but no path parameter has that name"))?;
        lowered += &format!("{{{}}}", parameter.ident);
    }
    match in_path().find(|parameter| !pieces.iter().any(|(_, name)| *name == Some(&parameter.name))) {
        Some(parameter) => Err(format!("parameter `{}`: the path does not contain it", parameter.name)),
        None => Ok(lowered),
    }
}

/// progenitor accepts only one media type per body. The preferred typed one (JSON, then forms) is lowered to JSON,
/// which keeps it typed; any other body is raw bytes. The layer sends the documented media type.
fn lower_body(operation: &mut Value, facts: &mut Operation, types: &mut Types) -> Result<(), String> {
    let content = operation["requestBody"]["content"].as_object().cloned().unwrap_or_default();
    // Media types are case-insensitive (RFC 9110, 8.3.1).
    let sent = |media_type: String| match media_type.as_str() {
        // JSON is within these ranges.
        "*/*" | "application/*" => "application/json".to_owned(),
        form if is_form(form) => form.to_ascii_lowercase(),
        _ => media_type,
    };
    let content: Map<String, Value> =
        content.into_iter().map(|(media_type, body)| (sent(media_type), body)).collect();
    if let Some(operation) = operation.as_object_mut() {
        operation.remove("requestBody");
    }
    let typed = content.keys().filter(|media_type| is_typed(media_type));
    let has_file = |media_type: &str| {
        let files = files(types.resolved(&content[media_type]["schema"]), types);
        files.is_ok_and(|files| !files.is_empty())
    };
    let preferred = typed.min_by_key(|media_type| preference(media_type, has_file(media_type)));
    let Some(media_type) = preferred.or_else(|| content.keys().next()).cloned() else { return Ok(()) };
    let is_other_multipart =
        media_type.to_ascii_lowercase().starts_with("multipart/") && !is_form(&media_type);
    if is_other_multipart || media_type.contains('*') {
        return Err(format!(
            "{DOCUMENT}: {}: a body cannot be sent as `{media_type}`: describe it with a media type that is neither a range \
             nor a `multipart` other than `multipart/form-data`",
            types.owner
        ));
    }
    if content.len() > 1 {
        types.notes.push(format!(
            "{DOCUMENT}: {}: its body is sent as `{media_type}`, and not in the other documented media types",
            types.owner
        ));
    }
    let mut schema = content[&media_type].get("schema").cloned().unwrap_or_else(|| json!({}));
    let is_always_sent =
        !is_typed(&media_type) || !has_fields(&schema, types) || has_required_fields(&schema, types);
    if is_typed(&media_type) {
        let described = types.resolved(&schema).clone();
        let (lengths, notes) = facts::lengths(&described, types);
        facts.lengths = lengths;
        let notes = notes.into_iter().chain(unused_encodings(&media_type, &content[&media_type], types));
        types
            .notes
            .extend(notes.map(|note| format!("{DOCUMENT}: {}: {note}", facts.title())).collect::<Vec<_>>());
        let files = match media_type.starts_with("multipart/") {
            true => {
                files(&described, types).map_err(|what| format!("{DOCUMENT}: {}: {what}", facts.title()))?
            }
            false => Vec::new(),
        };
        if !files.is_empty() {
            // Copied, because another operation that shares the schema may not send files.
            schema = described;
        }
        if let Some(schema) = schema.as_object_mut() {
            // A body is an object or absent, but never `null`.
            schema.remove("nullable");
        }
        types.lower(&mut schema, Side::Request, &format!("{}-body", facts.prefix));
        facts.files = lower_files(&mut schema, &files, types);
        if facts.files.len() < files.len() {
            return Err(format!(
                "{DOCUMENT}: {}: a file in a body with `allOf`, `oneOf` or `anyOf` cannot be sent: describe the \
                 body's fields without them",
                facts.title()
            ));
        }
    } else {
        schema = raw_schema();
    }
    if !facts.body_required && is_always_sent {
        types.notes.push(format!(
            "{DOCUMENT}: {}: its optional body is always sent: only an object without required fields can be left out",
            types.owner
        ));
    }
    operation["requestBody"] =
        json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    facts.media_type = Some(media_type);
    Ok(())
}

/// Notes on the fields of a form that are not sent as its `encoding` says, or OpenAPI where it says nothing.
fn unused_encodings(media_type: &str, body: &Value, types: &Types) -> Vec<String> {
    if !is_form(media_type) {
        return Vec::new();
    }
    let fields = types.resolved(&body["schema"])["properties"].as_object().into_iter().flatten();
    let notes = fields.filter(|(_, field)| !types.any(field, is_file)).filter_map(|(name, field)| {
        let (kind, encoding) = (types.kind(field), &body["encoding"][name.as_str()]);
        let is_json = *encoding == json!({ "contentType": "application/json" });
        let is_text = *encoding == json!({ "contentType": "text/plain" });
        match kind {
            "array" if !is_json => Some(format!(
                "its form field `{name}` is sent as one JSON text, not item by item: if that is right, give it the \
                 `encoding` {{\"contentType\": \"application/json\"}}"
            )),
            "object" if !is_json && !encoding.is_null() => {
                Some(format!("its form field `{name}` is sent as JSON text, whatever its `encoding` says"))
            }
            "array" | "object" => None,
            _ if encoding.is_null() || is_text => None,
            _ => Some(format!("its form field `{name}` is sent as plain text, whatever its `encoding` says")),
        }
    });
    notes.collect()
}

fn has_fields(schema: &Value, types: &Types) -> bool {
    let schema = types.resolved(schema);
    let own = schema["properties"].as_object().is_some_and(|properties| !properties.is_empty());
    let mut all = schema["allOf"].as_array().into_iter().flatten();
    own || all.any(|part| has_fields(part, types))
}

/// Whether a body without a field would be refused.
fn has_required_fields(schema: &Value, types: &Types) -> bool {
    let schema = types.resolved(schema);
    let own = schema["required"].as_array().is_some_and(|required| !required.is_empty());
    let is_either = schema.get("oneOf").is_some() || schema.get("anyOf").is_some();
    let mut all = schema["allOf"].as_array().into_iter().flatten();
    own || is_either || all.any(|part| has_required_fields(part, types))
}

/// Names of a form's fields that are files or lists of files.
fn files(schema: &Value, types: &Types) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let field = types.resolved(field);
        if is_file(field) || is_file(types.resolved(&field["items"])) {
            files.push(name.clone());
        } else if types.any(field, is_file) {
            return Err(format!(
                "the file inside the body's field `{name}` cannot be sent: only top-level form fields can be files"
            ));
        }
    }
    let mut elsewhere = schema.get("additionalProperties").into_iter().chain(parts(schema));
    match elsewhere.any(|elsewhere| types.any(elsewhere, is_file)) {
        true => Err("a file outside the body's own `properties` cannot be sent: only top-level form fields can be files".to_owned()),
        false => Ok(files),
    }
}

fn is_file(schema: &Value) -> bool {
    schema["type"] == "string" && schema["format"] == "binary"
}

/// Sets the type of file fields, and returns their names as sent and in Rust.
fn lower_files(schema: &mut Value, files: &[String], types: &Types) -> Vec<(String, String)> {
    let name = schema["title"].as_str().unwrap_or_default().to_owned();
    let fields = types.structs.get(&name).map(|facts| &facts.fields).into_iter().flatten();
    let mut lowered = Vec::new();
    for (ident, field) in fields.filter(|(_, field)| files.contains(&field.name)) {
        let place = &mut schema["properties"][&field.lowered];
        let is_list = types.resolved(place).get("items").is_some();
        let description = place["description"].as_str().unwrap_or_default();
        let file = json!({ "type": "string", "format": FILE });
        *place = match is_list {
            true => json!({ "type": "array", "items": file, "description": description }),
            false => json!({ "type": "string", "format": FILE, "description": description }),
        };
        lowered.push((field.name.clone(), ident.clone()));
    }
    lowered
}

pub fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json") || essence.to_ascii_lowercase().ends_with("+json")
}

pub fn is_typed(media_type: &str) -> bool {
    is_json(media_type) || is_form(media_type)
}

pub fn is_form(media_type: &str) -> bool {
    let forms = ["multipart/form-data", "application/x-www-form-urlencoded"];
    let media_type = media_type.to_ascii_lowercase();
    forms.iter().any(|form| media_type.starts_with(form))
}

fn preference(media_type: &str, has_file: bool) -> usize {
    match (is_json(media_type), media_type.starts_with("multipart/")) {
        (false, true) if has_file => 0,
        (true, _) => 1,
        (false, true) => 2,
        (false, false) => 3,
    }
}

pub fn raw_schema() -> Value {
    json!({ "type": "string", "format": RAW })
}

/// The layer judges every answer itself, so progenitor only needs the type of a success: the type of the one
/// documented success, an `Option` of it if there is also one without a body, or raw bytes if nothing is documented or
/// it isn't JSON.
fn lower_answers(operation: &mut Value, facts: &Operation, types: &mut Types) {
    let answers = operation["responses"].as_object().cloned().unwrap_or_default();
    let mut schemas = Vec::new();
    let (mut bodiless, mut raw) = (false, false);
    for (_, answer) in answers.iter().filter(|(status, _)| status.starts_with('2')) {
        let content = answer["content"].as_object().filter(|content| !content.is_empty());
        match content.map(|content| content.iter().find(|(media_type, _)| is_json(media_type))) {
            None => bodiless = true,
            Some(None) => raw = true,
            Some(Some((_, body))) => {
                let schema = body.get("schema").cloned().unwrap_or_else(|| json!({}));
                if !schemas.contains(&schema) {
                    schemas.push(schema);
                }
            }
        }
    }
    let content = match (&mut schemas[..], raw) {
        // The answer to a HEAD request has no body.
        _ if facts.method == "head" => None,
        ([], _) if raw || !bodiless => Some(raw_schema()),
        ([], _) => None,
        (_, true) => Some(raw_schema()),
        ([schema], _) => {
            let nullable = schema.as_object_mut().and_then(|schema| schema.remove("nullable"));
            let is_optional = bodiless || nullable == Some(Value::Bool(true));
            types.lower(schema, Side::Answer, &format!("{}-response", facts.prefix));
            match is_optional {
                true => Some(json!({ "nullable": true, "allOf": [schema] })),
                false => Some(schema.take()),
            }
        }
        _ => Some(json!({})),
    };
    operation["responses"] = match content {
        Some(schema) => {
            json!({ "200": { "description": "", "content": { "application/json": { "schema": schema } } } })
        }
        None => json!({ "204": { "description": "" } }),
    };
}

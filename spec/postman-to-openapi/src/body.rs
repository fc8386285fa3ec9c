//! Request and response bodies.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::address;
use crate::content::{Carried, Content, Example, Field};
use crate::context::Context;
use crate::placeholder::OPEN;
use crate::postman::{self, Body, BodyOptions, Entry, Graphql, Raw, RawOptions};
use crate::secret;
use crate::shape::{self, Kind, Member, Object, Shape};
use crate::variables;

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// Reads a request's body; `None` if it has none, or none that is sent and can be read, which is noted.
pub fn request(raw: Raw<'_>, content_type: Option<&str>, name: &str, context: &mut Context<'_, '_>) -> Option<Content> {
    let notes = context.notes.len();
    let body = read(raw, content_type, name, context);
    if body.is_some() && !context.sends_body {
        context.notes.truncate(notes);
        context.remark("a body is left out because Postman does not send one with GET or HEAD", "");
        return None;
    }
    body
}

fn read(raw: Raw<'_>, content_type: Option<&str>, name: &str, context: &mut Context<'_, '_>) -> Option<Content> {
    let Some(body) = postman::object::<Body<'_>>(raw) else {
        if postman::filled(raw).is_some() || raw.is_some_and(|raw| raw.elements().next().is_some()) {
            context.remark(UNREADABLE, "");
        }
        return None;
    };
    let mode = postman::text(body.mode).unwrap_or(Cow::Borrowed("raw"));
    let active = match &*mode {
        "formdata" => body.formdata,
        "urlencoded" => body.urlencoded,
        "graphql" => body.graphql,
        "file" => body.file,
        _ => body.raw,
    };
    if postman::flag(body.disabled) {
        if active.is_some() {
            context.remark("a body is left out because it is disabled", "");
        }
        return None;
    }
    let is_unreadable = match &*mode {
        "formdata" | "urlencoded" | "graphql" => postman::filled(active).is_some(),
        "file" => false,
        _ => active.is_some() && postman::text(active).is_none(),
    };
    if is_unreadable {
        context.remark(UNREADABLE, "");
        return None;
    }
    let content_type = content_type.and_then(media_type);
    let content_type = content_type.as_deref();
    match &*mode {
        "formdata" | "urlencoded" => {
            let usual = if mode == "formdata" { MULTIPART } else { URLENCODED };
            let mut fields = Vec::new();
            postman::entries(active, |entry| {
                if let Some(key) = postman::filled(entry.key).filter(|_| context.is_sent(&entry)) {
                    fields.push(field(key.into_owned(), &entry, context));
                }
            });
            form(fields, content_type.unwrap_or(usual), name)
        }
        "graphql" => graphql(body.graphql, name, context),
        "file" => {
            let schema = Carried::Value { shape: Shape::binary(), presence: None };
            let media_type = content_type.unwrap_or("application/octet-stream").to_owned();
            Some(Content { media_type, schema, examples: Vec::new(), empty: false })
        }
        _ => {
            let text = postman::body(body.raw)?;
            let language = postman::object::<BodyOptions<'_>>(body.options)
                .and_then(|options| postman::object::<RawOptions<'_>>(options.raw))
                .and_then(|raw| postman::text(raw.language));
            Some(match content_type {
                Some(form @ (URLENCODED | MULTIPART)) => raw_form(&text, form, name, context),
                _ => text_body(&text, content_type, language.as_deref(), name, 1, context),
            })
        }
    }
}

const UNREADABLE: &str = "a body is left out because it is not written as its mode requires";

/// Reads a body given as text. Its media type comes from the header, else from the editor's language, else from the
/// text itself. A JSON member is required if at least `presence` samples have it and none is without it, unless an
/// exporter generated the file.
pub fn text_body(
    text: &str,
    content_type: Option<&str>,
    language: Option<&str>,
    name: &str,
    presence: u32,
    context: &mut Context<'_, '_>,
) -> Content {
    let media_type = match (content_type, language) {
        (Some(media_type), _) => media_type.to_owned(),
        (None, Some("json")) => "application/json".to_owned(),
        (None, Some("xml")) => "application/xml".to_owned(),
        (None, Some("html")) => "text/html".to_owned(),
        (None, Some("javascript")) => "application/javascript".to_owned(),
        _ => guess(text).to_owned(),
    };
    if is_json(&media_type) {
        return json_body(text, media_type, name, presence, context);
    }
    let binary = ["image/", "audio/", "video/", "application/octet-stream", "application/pdf", "application/zip"];
    let shape = if binary.iter().any(|start| media_type.starts_with(start)) { Shape::binary() } else { Shape::text() };
    // Secrets in plain text cannot be recognized, so only the example's name is kept.
    let examples = vec![Example { name: name.to_owned(), json: None }];
    Content { media_type, schema: Carried::Value { shape, presence: None }, examples, empty: false }
}

/// `Application/JSON; charset=utf-8` as `application/json`; `None` if it is not a media type.
pub fn media_type(header: &str) -> Option<String> {
    let media_type = header.split([';', ',']).next().unwrap_or_default().trim();
    let (kind, subtype) = media_type.split_once('/')?;
    let token = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-*".contains(&byte))
    };
    (token(kind) && token(subtype)).then(|| media_type.to_ascii_lowercase())
}

/// Whether a media type is JSON that the generated client can send and read, which `text/json` is not.
pub fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

fn guess(text: &str) -> &'static str {
    let start = text.trim_start();
    match start.as_bytes().first() {
        _ if looks_like_json(text) => "application/json",
        Some(b'<') if start.get(1..5).is_some_and(|name| name.eq_ignore_ascii_case("html")) => "text/html",
        Some(b'<') if start.starts_with("<!DOCTYPE html") => "text/html",
        Some(b'<') => "application/xml",
        _ => "text/plain",
    }
}

/// Whether a text starts like an object or a list, possibly inside a JSON string.
pub fn looks_like_json(text: &str) -> bool {
    let text = text.trim_start();
    let inside = text.strip_prefix('"').map_or(text, str::trim_start);
    inside.starts_with(['{', '['])
}

/// Reads text under a form's media type: a form, or JSON or XML, which the header does not change.
fn raw_form(text: &str, media_type: &str, name: &str, context: &mut Context<'_, '_>) -> Content {
    let text = context.variables.expand(text);
    let kind = if text.trim_start().starts_with("{{") { "text/plain" } else { guess(&text) };
    if kind != "text/plain" {
        context.remark("a body is not the form that its header says, and is described as what it is", kind);
        return text_body(&text, Some(kind), None, name, 1, context);
    }
    let pairs = if media_type == MULTIPART { Vec::new() } else { address::pairs(&text.replace('+', " ")) };
    let fields = pairs.into_iter().filter(|_| text.contains('=')).map(|(key, value)| {
        let mut field = Field::named(key.trim(), context.exported);
        let placeholder = take_text(&mut field, value.trim(), context);
        (field, placeholder)
    });
    form(fields.collect(), media_type, name).unwrap_or_else(|| {
        context.remark("the fields of a form are not known", "");
        let schema = Carried::Value { shape: Shape::of(Kind::Object(Box::default())), presence: None };
        Content { media_type: media_type.to_owned(), schema, examples: Vec::new(), empty: false }
    })
}

fn json_body(text: &str, media_type: String, name: &str, presence: u32, context: &mut Context<'_, '_>) -> Content {
    // For JSON inside a JSON string, the inner JSON counts.
    let inside: Option<String> =
        if text.trim_start().starts_with('"') { serde_json::from_str(text).ok() } else { None };
    let text = inside.as_deref().filter(|inside| looks_like_json(inside)).unwrap_or(text);
    let read = json(text, context);
    let empty = read.is_err();
    let mut read = read.unwrap_or_else(|reason| {
        context.note(
            "a body is not valid JSON, so its schema is left open",
            format!(
                "its {media_type} body \"{}\" is not valid JSON ({reason}), so its schema is left open",
                clip(name)
            ),
        );
        Json::default()
    });
    read.shape.count_once();
    let presence = (!context.exported && !read.placeholders).then_some(presence);
    let examples = read.example.into_iter().map(|json| Example { name: name.to_owned(), json: Some(json) });
    let schema = Carried::Value { shape: read.shape, presence };
    Content { media_type, schema, examples: examples.collect(), empty }
}

fn clip(name: &str) -> String {
    let line: String = name.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.trim().to_owned()
}

/// The JSON of a body.
#[derive(Default)]
struct Json {
    shape: Shape,
    /// The text, if it may be shown.
    example: Option<Box<str>>,
    /// Whether it contains an exporter's placeholders.
    placeholders: bool,
}

/// Reads JSON as people write it in Postman: with comments, trailing commas and variables.
fn json(text: &str, context: &Context<'_, '_>) -> Result<Json, String> {
    let (shape, value, placeholders) = match Shape::of_json(text, "") {
        Ok(read) => read,
        Err(_) => {
            let mut text = bare_variables(text, context).into_owned();
            let _ = json_strip_comments::strip(&mut text);
            Shape::of_json(&text, "").map_err(|error| error.to_string())?
        }
    };
    // Tools follow a `$ref` anywhere, even in an example.
    let shown = |value: &Value| {
        !placeholders && !shape::contains(value, "", &|name, value| name == "$ref" && value.is_string())
    };
    let example = value.filter(shown).map(|mut value| {
        secret::mask_named(&mut value);
        value.to_string().into()
    });
    Ok(Json { shape, example, placeholders })
}

/// Quotes the variables of `{"id": {{id}}}`, or fills in their values if those are JSON.
fn bare_variables<'t>(text: &'t str, context: &Context<'_, '_>) -> Cow<'t, str> {
    if !text.contains("{{") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let (mut quoted, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if !quoted
            && rest.starts_with("{{")
            && let Some((before, name, after)) = variables::next(rest)
            && before.is_empty()
            && !name.contains(['"', '\n', '{', ':'])
        {
            let value = context.variables.expand(rest.strip_suffix(after).unwrap_or(rest)).into_owned();
            let literal = serde_json::from_str::<Value>(&value).is_ok_and(|value| !value.is_string());
            out.push_str(&if literal { value } else { Value::String(format!("{OPEN}{{{{{name}}}}}")).to_string() });
            rest = after;
            continue;
        }
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        out.push(c);
        rest = rest.strip_prefix(c).unwrap_or_default();
    }
    Cow::Owned(out)
}

fn graphql(raw: Raw<'_>, name: &str, context: &mut Context<'_, '_>) -> Option<Content> {
    let graphql: Graphql<'_> = postman::object(raw)?;
    let query = postman::filled(graphql.query)?;
    let mut example = Map::from_iter([("query".to_owned(), Value::String(query.into_owned()))]);
    let member = |name: &str, shape, seen| (name.into(), Member { shape, seen });
    let mut members = vec![member("query", Shape::text(), 1)];
    let text = postman::filled(graphql.variables).or(graphql.variables.map(|raw| Cow::Borrowed(raw.get())));
    let variables = text.and_then(|text| json(&text, context).ok());
    let variables = variables.filter(|json| matches!(json.shape.kind, Kind::Object(_) | Kind::Map(_)));
    let object = || Shape::of(Kind::Object(Box::new(Object::once([]))));
    let variables = variables.unwrap_or_else(|| Json { shape: object(), ..Json::default() });
    members.push(member("variables", variables.shape, 0));
    if let Some(variables) = variables.example.and_then(|json| serde_json::from_str(&json).ok()) {
        example.insert("variables".to_owned(), variables);
    }
    members.push(member("operationName", Shape::text(), 0));
    if let Some(operation) = postman::filled(graphql.operation) {
        example.insert("operationName".to_owned(), Value::String(operation.into_owned()));
    }
    let shape = Shape::of(Kind::Object(Box::new(Object::once(members))));
    let json = Value::Object(example).to_string().into();
    let examples = vec![Example { name: name.to_owned(), json: Some(json) }];
    let schema = Carried::Value { shape, presence: Some(1) };
    Some(Content { media_type: "application/json".to_owned(), schema, examples, empty: false })
}

/// A form of these fields, each with whether its value is an exporter's placeholder.
fn form(all: Vec<(Field, bool)>, media_type: &str, name: &str) -> Option<Content> {
    let mut fields: Vec<Field> = Vec::new();
    let mut positions: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    let mut placeholders = false;
    for (field, placeholder) in all {
        placeholders |= placeholder;
        match positions.get(&field.name).and_then(|&at| fields.get_mut(at)) {
            Some(known) => known.repeat(field),
            None => {
                positions.insert(field.name.clone(), fields.len());
                fields.push(field);
            }
        }
    }
    if fields.is_empty() {
        return None;
    }
    fields.iter_mut().for_each(Field::list_by_name);
    let values: Map<String, Value> =
        fields.iter_mut().filter_map(|field| Some((field.name.clone(), *field.example.take()?))).collect();
    let example = Example { name: name.to_owned(), json: Some(Value::Object(values).to_string().into()) };
    let examples = if placeholders { Vec::new() } else { vec![example] };
    Some(Content { media_type: media_type.to_owned(), schema: Carried::Form(fields), examples, empty: false })
}

/// Reads one field of a form, and whether its value is an exporter's placeholder.
fn field(name: String, entry: &Entry<'_>, context: &mut Context<'_, '_>) -> (Field, bool) {
    let mut field =
        Field::described(name, postman::description(entry.description).unwrap_or_default(), context.exported);
    field.content_type = postman::filled(entry.content_type).map(|kind| kind.into_owned()).unwrap_or_default().into();
    if postman::text(entry.kind).is_some_and(|kind| kind == "file") {
        field.shape = Shape::binary();
        if postman::is_list(entry.src) {
            let mut count = 0;
            postman::each(entry.src, |_| count += 1);
            if count > 1 {
                field.listed(None);
                field.repeated = true;
            }
        }
        return (field, true);
    }
    let placeholder = take_text(&mut field, &postman::text(entry.value).unwrap_or_default(), context);
    (field, placeholder)
}

/// Takes a field's type and example from its text. Returns whether it is an exporter's placeholder.
pub fn take_text(field: &mut Field, text: &str, context: &mut Context<'_, '_>) -> bool {
    let text = context.variables.expand(text);
    // A single variable without a value says nothing about the type.
    let text = if variables::whole(&text).is_some() { "" } else { &*text };
    if secret::is_credential(&field.name) {
        context.secrets.learn(text);
    }
    field.take_value(text)
}

//! Request and response bodies, read from their text.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::content::{Carried, Content, Example, Field, OPEN};
use crate::json;
use crate::markdown;
use crate::marker;
use crate::placeholder;
use crate::postman::{self, Body, BodyOptions, Entry, Graphql, Raw, RawOptions};
use crate::scalar;
use crate::secret;
use crate::shape::{Kind, Member, Object, Shape};
use crate::variables;
use crate::walk::Context;

/// The longest body that is kept as an example, in bytes. A longer one still gives its schema.
const LONGEST_EXAMPLE: usize = 256 * 1024;

/// Reads a request's body; `None` when it sends none.
pub fn request(
    raw: Raw<'_>,
    content_type: Option<&str>,
    name: &str,
    context: &mut Context<'_, '_>,
) -> Option<Content> {
    let body: Body<'_> = postman::object(raw)?;
    if postman::flag(body.disabled) {
        return None;
    }
    let mode = postman::text(body.mode).unwrap_or(Cow::Borrowed("raw"));
    let content_type = content_type.and_then(media_type);
    let content_type = content_type.as_deref();
    match &*mode {
        "formdata" => form(body.formdata, content_type.unwrap_or("multipart/form-data"), name, context),
        "urlencoded" => {
            form(body.urlencoded, content_type.unwrap_or("application/x-www-form-urlencoded"), name, context)
        }
        "graphql" => graphql(body.graphql, name, context),
        "file" => {
            let schema = Carried::Value { shape: Shape::binary(), required: false };
            let media_type = content_type.unwrap_or("application/octet-stream").to_owned();
            Some(Content { media_type, schema, examples: Vec::new() })
        }
        _ => {
            let text = postman::filled(body.raw)?;
            let language = postman::object::<BodyOptions<'_>>(body.options)
                .and_then(|options| postman::object::<RawOptions<'_>>(options.raw))
                .and_then(|raw| postman::text(raw.language));
            Some(text_body(&text, content_type, language.as_deref(), name, context))
        }
    }
}

/// Reads a body given as text. What it is follows from the header, else from the editor's language,
/// else from the text itself.
pub fn text_body(
    text: &str,
    content_type: Option<&str>,
    language: Option<&str>,
    name: &str,
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
        return json_body(text, media_type, name, context);
    }
    let binary =
        ["image/", "audio/", "video/", "application/octet-stream", "application/pdf", "application/zip"];
    let shape = if binary.iter().any(|start| media_type.starts_with(start)) {
        Shape::binary()
    } else {
        Shape::text()
    };
    // What a text says cannot be told apart from what it keeps secret, so only its name is kept.
    let examples = vec![Example { name: name.to_owned(), json: None }];
    Content { media_type, schema: Carried::Value { shape, required: false }, examples }
}

/// `Application/JSON; charset=utf-8` as a document keys it; `None` for what is no media type.
pub fn media_type(header: &str) -> Option<String> {
    let media_type = header.split([';', ',']).next().unwrap_or_default().trim();
    let (kind, subtype) = media_type.split_once('/')?;
    let token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-*".contains(&byte))
    };
    (token(kind) && token(subtype)).then(|| media_type.to_ascii_lowercase())
}

fn is_json(media_type: &str) -> bool {
    media_type.ends_with("/json") || media_type.ends_with("+json")
}

fn guess(text: &str) -> &'static str {
    let start = text.trim_start();
    match start.as_bytes().first() {
        Some(b'{' | b'[') => "application/json",
        Some(b'<') if start.get(1..5).is_some_and(|name| name.eq_ignore_ascii_case("html")) => "text/html",
        Some(b'<') if start.starts_with("<!DOCTYPE html") => "text/html",
        Some(b'<') => "application/xml",
        _ => "text/plain",
    }
}

fn json_body(text: &str, media_type: String, name: &str, context: &mut Context<'_, '_>) -> Content {
    let (shape, example) = match json(text, context) {
        Ok(read) => read,
        Err(reason) => {
            context.notes.push(format!(
                "its {media_type} body \"{}\" is no JSON ({reason}), so its schema is open",
                clip(name)
            ));
            (Shape::default(), None)
        }
    };
    let examples = example.map(|json| Example { name: name.to_owned(), json: Some(json) });
    let schema = Carried::Value { shape, required: !context.exported };
    Content { media_type, schema, examples: examples.into_iter().collect() }
}

fn clip(name: &str) -> String {
    let line: String = name.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.trim().to_owned()
}

/// Reads JSON as people write it in Postman: with comments, commas too many, and variables.
fn json(text: &str, context: &Context<'_, '_>) -> Result<(Shape, Option<String>), String> {
    const TOO_DEEP: &str = "it is nested too deep";
    if json::is_too_deep(text) {
        return Err(TOO_DEEP.to_owned());
    }
    let parsed = if text.len() <= LONGEST_EXAMPLE {
        serde_json::from_str(text).map(|value: Value| (Shape::default(), Some(value)))
    } else {
        // A tree of a large text costs many times its size; its shape does not.
        serde_json::from_str(text).map(|shape: Shape| (shape, None))
    };
    let (shape, value) = match parsed {
        Ok(read) => read,
        Err(_) => {
            let mut text = bare_variables(text, context).into_owned();
            let _ = json_strip_comments::strip(&mut text);
            // The values of variables are in it now.
            if json::is_too_deep(&text) {
                return Err(TOO_DEEP.to_owned());
            }
            let shape: Shape = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            (shape, if text.len() <= LONGEST_EXAMPLE { serde_json::from_str(&text).ok() } else { None })
        }
    };
    let Some(mut value) = value else { return Ok((shape, None)) };
    let shape = Shape::deserialize(&value).unwrap_or(shape);
    // Tools follow a `$ref` wherever it stands, an example included.
    if any(&value, "", &|_, value| value.as_str().is_some_and(|text| placeholder::shape(text).is_some()))
        || any(&value, "", &|name, value| name == "$ref" && value.is_string())
    {
        return Ok((shape, None));
    }
    secret::mask_named(&mut value);
    Ok((shape, Some(value.to_string())))
}

/// Whether any member or element is of a kind.
fn any(value: &Value, name: &str, of_kind: &impl Fn(&str, &Value) -> bool) -> bool {
    of_kind(name, value)
        || match value {
            Value::Object(map) => map.iter().any(|(name, member)| any(member, name, of_kind)),
            Value::Array(list) => list.iter().any(|element| any(element, "", of_kind)),
            _ => false,
        }
}

/// Gives `{"id": {{id}}}` quotes, or the variable's value where it is JSON.
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
            out.push_str(&if literal {
                value
            } else {
                Value::String(format!("{OPEN}{{{{{name}}}}}")).to_string()
            });
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
    let member = |name: &str, shape, seen| Member { name: name.into(), shape, seen };
    let mut members = vec![member("query", Shape::text(), 1)];
    let variables = match postman::filled(graphql.variables) {
        Some(text) => json(&text, context).ok(),
        None => graphql.variables.and_then(|raw| json(raw.get(), context).ok()),
    };
    let (shape, json) = variables.unwrap_or((Shape::of(Kind::Object(Box::default())), None));
    members.push(member("variables", shape, 0));
    if let Some(variables) = json.and_then(|json| serde_json::from_str(&json).ok()) {
        example.insert("variables".to_owned(), variables);
    }
    members.push(member("operationName", Shape::text(), 0));
    if let Some(operation) = postman::filled(graphql.operation) {
        example.insert("operationName".to_owned(), Value::String(operation.into_owned()));
    }
    let shape = Shape::of(Kind::Object(Box::new(Object::once(members))));
    let json = Value::Object(example).to_string();
    let examples = vec![Example { name: name.to_owned(), json: Some(json) }];
    let schema = Carried::Value { shape, required: true };
    Some(Content { media_type: "application/json".to_owned(), schema, examples })
}

fn form(raw: Raw<'_>, media_type: &str, name: &str, context: &mut Context<'_, '_>) -> Option<Content> {
    let mut fields: Vec<Field> = Vec::new();
    let mut positions: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    let mut placeholders = false;
    postman::entries(raw, |entry| {
        let Some(key) = postman::filled(entry.key) else { return };
        let (field, placeholder) = field(key.into_owned(), &entry, context);
        placeholders |= placeholder;
        match positions.get(&field.name).and_then(|&at| fields.get_mut(at)) {
            Some(known) => known.repeat(field),
            None => {
                positions.insert(field.name.clone(), fields.len());
                fields.push(field);
            }
        }
    });
    if fields.is_empty() {
        return None;
    }
    let values: Map<String, Value> = fields
        .iter_mut()
        .filter_map(|field| {
            field.drop_misfit();
            Some((field.name.clone(), *field.example.take()?))
        })
        .collect();
    let whole = fields.iter().all(|field| !field.required || values.contains_key(&field.name));
    let examples = if placeholders || values.is_empty() || !whole {
        Vec::new()
    } else {
        let mut example = Value::Object(values);
        secret::mask_named(&mut example);
        vec![Example { name: name.to_owned(), json: Some(example.to_string()) }]
    };
    Some(Content { media_type: media_type.to_owned(), schema: Carried::Form(fields), examples })
}

/// Reads one field of a form. Also tells whether its value is one of the exporter's placeholders.
fn field(name: String, entry: &Entry<'_>, context: &mut Context<'_, '_>) -> (Field, bool) {
    let description = postman::description(entry.description).unwrap_or_default();
    let marks = marker::read(description);
    let mut field = Field {
        name,
        description: markdown::tidy(&marks.text),
        required: marks.required,
        values: marks.values,
        content_type: postman::filled(entry.content_type).map(|kind| kind.into_owned()).unwrap_or_default(),
        ..Field::default()
    };
    if postman::text(entry.kind).is_some_and(|kind| kind == "file") {
        field.shape = Shape::binary();
        if postman::is_list(entry.src) {
            let mut count = 0;
            postman::each(entry.src, |_| count += 1);
            if count > 1 {
                field.shape = Shape::of(Kind::List(Box::new(Shape::binary())));
            }
        }
        return (field, true);
    }
    let text = postman::text(entry.value).unwrap_or_default();
    let text = match context.variables.expand(&text) {
        // A value that is nothing but a variable without a value tells nothing.
        expanded if variables::whole(&expanded).is_some() => Cow::Borrowed(""),
        expanded => Cow::Owned(expanded.into_owned()),
    };
    if secret::is_credential(&field.name) {
        context.secrets.learn(&text);
    }
    let read = scalar::read(&text);
    field.shape = read.shape;
    if !field.values.is_empty()
        && !matches!(field.shape.kind, Kind::Integer(_) | Kind::Number(_) | Kind::List(_))
    {
        field.shape = Shape::text();
    }
    if !read.placeholder && !text.is_empty() {
        field.example = Some(Box::new(scalar::value(&text, &field.shape)));
    }
    (field, read.placeholder)
}

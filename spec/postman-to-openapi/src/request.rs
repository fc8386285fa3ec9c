//! A request's parameters and body, including what the requests of its saved responses add.

use std::borrow::Cow;

use crate::address::{self, Address};
use crate::answer;
use crate::auth;
use crate::body;
use crate::content::{self, Carried, Field};
use crate::context::Context;
use crate::marker;
use crate::name;
use crate::operation::{Operation, Parameter, Place};
use crate::postman::{self, Entry, Raw, Request, Response, Url};
use crate::scalar;
use crate::secret;
use crate::shape::{Kind, Member, Object, Shape};
use crate::text::split_while;

/// Reads one request.
///
/// # Errors
///
/// It has no usable URL.
pub fn read(
    request: &Request<'_>,
    name: &str,
    context: &mut Context<'_, '_>,
) -> Result<(Operation, Address), &'static str> {
    let mut address = address::read(request.url, context.variables, context.survey)?;
    if let Some(userinfo) = address.userinfo.take() {
        userinfo.split(':').for_each(|part| context.secrets.learn(part));
    }
    if !address.recorded.is_empty() {
        context.remark("an id recorded in a path is a parameter", &address.recorded.join(", "));
    }
    let mut operation = Operation::default();
    path_parameters(&address, request.url, &mut operation, context);
    query_parameters(&address, request.url, &mut operation, context);
    let content_type = header_parameters(request.header, &mut operation, context);
    if let Some(body) = body::request(request.body, content_type.as_deref(), name, context) {
        operation.bodies.push(body);
    }
    operation.body_required = !operation.bodies.is_empty();
    Ok((operation, address))
}

/// The most requests of saved responses that are read for one operation.
const MOST_SAVED: usize = 64;

/// Joins the request of a saved response, unless it repeats one in `seen`.
pub fn saved<'a>(
    response: &Response<'a>,
    title: &str,
    operation: &mut Operation,
    seen: &mut Vec<&'a str>,
    context: &mut Context<'_, '_>,
) {
    let Some(original) = postman::object::<Request<'_>>(response.original) else { return };
    if original.url.is_some_and(|url| is_new(url.get(), seen, context)) {
        saved_query(&original, operation, context);
    }
    if !original.body.is_some_and(|body| is_new(body.get(), seen, context)) {
        return;
    }
    let said = answer::said(response).1.description;
    let name = if said.is_empty() { title } else { &said };
    let mut headers = context.headers(original.header).into_iter().rev();
    let content_type = headers.find(|[name, ..]| name.eq_ignore_ascii_case("content-type")).map(|[_, value, _]| value);
    let Some(mut body) = body::request(original.body, content_type.as_deref(), name, context) else { return };
    let Some(known) = operation.bodies.iter().find(|known| known.media_type == body.media_type) else {
        match operation.bodies.first() {
            None => operation.bodies.push(body),
            Some(known) if known.empty => operation.bodies.push(body),
            Some(known) => context.note(
                "a saved request's body is left out because its media type is not the request's",
                format!(
                    "its saved request's {} body is left out because the request's is {}",
                    body.media_type, known.media_type
                ),
            ),
        }
        return;
    };
    // A copy of the request itself is not a second example.
    body.examples.retain(|example| !known.examples.iter().any(|other| other.json == example.json));
    // A field that the saved request omits was not filled in, but is still required.
    if let (Carried::Form(mine), Carried::Form(fields)) = (&known.schema, &mut body.schema) {
        for field in mine.iter().filter(|field| field.required) {
            if !fields.iter().any(|other| other.name == field.name) {
                fields.push(Field { example: None, ..field.clone() });
            }
        }
    }
    content::join(&mut operation.bodies, body);
}

/// Whether a saved request's URL or body is new, and not beyond the limit; the first one beyond it is noted.
fn is_new<'a>(text: &'a str, seen: &mut Vec<&'a str>, context: &mut Context<'_, '_>) -> bool {
    if seen.len() > MOST_SAVED + 1 || seen.contains(&text) {
        return false;
    }
    seen.push(text);
    let has_room = seen.len() <= MOST_SAVED + 1;
    if !has_room {
        context.remark("an operation has too many different saved requests; the others are left out", "");
    }
    has_room
}

/// Joins the query of a saved request, which may have other values and further parameters.
fn saved_query(original: &Request<'_>, operation: &mut Operation, context: &mut Context<'_, '_>) {
    let Ok(address) = address::read(original.url, context.variables, context.survey) else { return };
    let mut saved = Operation::default();
    let notes = context.notes.len();
    query_parameters(&address, original.url, &mut saved, context);
    // The request itself has already produced these notes.
    context.notes.truncate(notes);
    for mut parameter in saved.parameters {
        match operation.parameter(parameter.place, &parameter.field.name) {
            Some(known) => {
                parameter.field.required |= known.field.required;
                known.deep &= parameter.deep;
                known.field.join(parameter.field);
            }
            None => {
                parameter.field.required = false;
                parameter.words.clear();
                operation.parameters.push(parameter);
            }
        }
    }
}

fn path_parameters(address: &Address, raw: Raw<'_>, operation: &mut Operation, context: &mut Context<'_, '_>) {
    for path in &address.parameters {
        let mut field = Field { required: true, ..Field::named(&path.name, context.exported) };
        if let Some(value) = &path.value {
            field.shape = in_path(scalar::read(value, &path.name).shape);
        }
        if let Some(url) = postman::object::<Url<'_>>(raw) {
            postman::entries(url.variable, |entry| {
                let key = entry.name().unwrap_or_default();
                // The app takes `:id:cancel` for one name, with one value.
                let (name, verb) = split_while(&key, |c| c != ':');
                if (key == path.key || name == path.key) && context.is_sent(&entry) {
                    let description = postman::description(entry.description).unwrap_or_default();
                    let value = postman::text(entry.value).unwrap_or_default();
                    let value = value.strip_suffix(verb).unwrap_or(&value);
                    let name = field.name.clone();
                    field = valued(Field::described(name, description, context.exported), value, context);
                    field.required = true;
                    field.shape = in_path(std::mem::take(&mut field.shape));
                }
            });
        }
        operation.parameters.push(Parameter::new(Place::Path, field));
    }
}

/// In a path or header, a list or object cannot be told from text.
fn in_path(shape: Shape) -> Shape {
    match shape.kind {
        Kind::Unknown | Kind::Boolean | Kind::Integer(_) | Kind::Number(_) | Kind::Text(_) => shape,
        _ => Shape::text(),
    }
}

fn query_parameters(address: &Address, raw: Raw<'_>, operation: &mut Operation, context: &mut Context<'_, '_>) {
    let mut listed = Vec::new();
    if let Some(url) = postman::object::<Url<'_>>(raw)
        && postman::is_list(url.query)
    {
        postman::entries(url.query, |entry| {
            let Some(key) = postman::filled(entry.key) else { return };
            // A client encodes the name itself.
            let name = address::decoded(key.trim());
            listed.push(name.clone());
            if !context.is_sent(&entry) {
                return;
            }
            let field = described(name, &entry, context);
            if !marker::read(postman::description(entry.description).unwrap_or_default()).security {
                query_parameter(field, operation, context);
            }
        });
    }
    // An edited text may have more than the list.
    for (name, value) in address.query.iter().filter(|(name, _)| !listed.iter().any(|key| key == name.trim())) {
        let field = valued(Field::named(name.trim(), context.exported), value, context);
        query_parameter(field, operation, context);
    }
    let query = operation.parameters.iter_mut().filter(|parameter| parameter.place == Place::Query);
    query.for_each(|parameter| parameter.field.list_by_name());
}

fn query_parameter(field: Field, operation: &mut Operation, context: &mut Context<'_, '_>) {
    if field.name.is_empty() {
        return;
    }
    if field.name.contains("{{") {
        let topic = "a query parameter is left out because its name contains a variable";
        return context.remark(topic, &field.name);
    }
    if let Some((name, member)) = deep(&field.name) {
        match operation.parameter(Place::Query, name) {
            Some(parameter) if parameter.deep => {
                parameter.field.required |= field.required;
                if let Kind::Object(object) = &mut parameter.field.shape.kind {
                    let known = &mut parameter.field.description.text;
                    describe_member(known, object, member, &field.description);
                    add_member(object, member, field.shape);
                }
                return;
            }
            Some(_) => {}
            None => {
                let mut object = Object::once([]);
                add_member(&mut object, member, field.shape.clone());
                let shape = Shape::of(Kind::Object(Box::new(object)));
                let (name, values) = (name.to_owned(), Vec::new());
                let field = Field { name, shape, values, example: None, separator: None, ..field };
                operation.parameters.push(Parameter { deep: true, ..Parameter::new(Place::Query, field) });
                return;
            }
        }
    }
    match operation.parameter(Place::Query, &field.name) {
        Some(parameter) => {
            parameter.deep = false;
            parameter.field.repeat(field);
        }
        None => operation.parameters.push(Parameter::new(Place::Query, field)),
    }
}

/// `filter[name]`: a member of an object in the `deepObject` style.
fn deep(key: &str) -> Option<(&str, &str)> {
    let (name, rest) = key.split_once('[')?;
    let member = rest.strip_suffix(']')?;
    let sound = !name.is_empty() && !member.is_empty() && !member.contains(['[', ']']);
    (sound && !member.bytes().all(|byte| byte.is_ascii_digit())).then_some((name, member))
}

/// Adds the description of a further member, unless it is the one of the object, which an exporter repeats.
fn describe_member(known: &mut String, object: &Object, name: &str, description: &str) {
    if description.is_empty() || known == description {
        return;
    }
    if let ([only], false) = (&object.members.keys().collect::<Vec<_>>()[..], known.is_empty()) {
        known.insert_str(0, &format!("`{only}`: "));
    }
    if !known.is_empty() {
        known.push_str("\n\n");
    }
    known.push_str(&format!("`{name}`: {description}"));
}

fn add_member(object: &mut Object, name: &str, shape: Shape) {
    match object.members.get_mut(name) {
        Some(member) => member.shape.join_as_text(shape),
        None => drop(object.members.insert(name.into(), Member { shape: in_path(shape), seen: 1 })),
    }
    object.members.values_mut().filter(|member| member.shape.kind == Kind::Unknown).for_each(|member| {
        member.shape = Shape::text();
    });
}

/// Reads headers, including a hand-written `Authorization`. Returns the content type.
fn header_parameters(raw: Raw<'_>, operation: &mut Operation, context: &mut Context<'_, '_>) -> Option<String> {
    const NOT_PARAMETERS: &str =
        "accept content-type authorization accept-encoding connection content-length cookie host user-agent";
    let mut content_type = None;
    for [name, value, description] in context.headers(raw) {
        let security = marker::read(Cow::Borrowed(&description)).security;
        let field = Field::described(name, description.into(), context.exported);
        let mut field = valued(field, &value, context);
        field.shape = in_path(std::mem::take(&mut field.shape));
        let lower = field.name.to_ascii_lowercase();
        match lower.as_str() {
            "authorization" if !value.is_empty() => operation.security = auth::from_header(&value),
            "cookie" => {
                value
                    .split(';')
                    .filter_map(|pair| pair.split_once('='))
                    .for_each(|(_, value)| context.secrets.learn(value));
                context.remark("a Cookie header is left out; callers set it themselves", "");
            }
            _ => {}
        }
        if security || name::has(NOT_PARAMETERS, &lower) || lower == "postman-token" {
            if lower == "content-type" {
                content_type = Some(value);
            }
            continue;
        }
        if !postman::is_header_name(&field.name) {
            context.remark("a header is left out because its name is not valid", &field.name);
            continue;
        }
        match operation.parameter(Place::Header, &field.name) {
            Some(known) => known.field.join(field),
            None => operation.parameters.push(Parameter::new(Place::Header, field)),
        }
    }
    content_type
}

/// Reads an entry's description and value.
fn described(name: String, entry: &Entry<'_>, context: &mut Context<'_, '_>) -> Field {
    let description = postman::description(entry.description).unwrap_or_default();
    let field = Field::described(name, description, context.exported);
    valued(field, &postman::text(entry.value).unwrap_or_default(), context)
}

/// Takes the type and example from a value.
fn valued(mut field: Field, value: &str, context: &mut Context<'_, '_>) -> Field {
    body::take_text(&mut field, value, context);
    if matches!(field.shape.kind, Kind::Object(_) | Kind::Map(_)) {
        field.shape = Shape::text();
    }
    let name = &field.name;
    let is_secret = |text: &str| secret::is_credential(name) || secret::mask_looks(text).is_some();
    field.example = field.example.take().filter(|example| !example.as_str().is_some_and(is_secret));
    field
}

//! What the description may contain: what the converter writes and what the overlay adds to it. Everything else is refused
//! here, by its place, because it could not be called, or would be left out without a word.

use std::collections::BTreeSet;

use serde_json::Value;

use super::pages::{name_key, text};
use super::{append::schemas, lower::successes, members};

/// What the generated code calls its own variables and functions.
const PROGENITORS: [&str; 7] = ["client", "encodepath", "headermap", "request", "response", "result", "reworded"];

/// A kind of object in each line, and its members. An object with a `type` or `in` has those of two kinds. `!` is before a
/// member that must be there. `=` is before the kind of a member's value, `*` before that of the values of a map, and `:`
/// before the values that it may have; without any of these, a value may have any form.
const KINDS: &str = "
    document: !openapi=text !info !servers=server tags security !paths=*path components=components \
        x-retry-after-seconds=count x-retry-after-when=*text
    server: !url=text description=text
    components: securitySchemes
    path: get=operation put=operation post=operation delete=operation patch=operation
    operation: !operationId=text summary=text description=text tags security x-rate-limit-label=text \
        parameters=parameter requestBody=body !responses=*answer
    parameter: !name=text !in:path|query description=text !schema=schema example examples
    path parameter: !required:true style:simple explode=flag
    query parameter: required=flag style:form explode:true
    body: required=flag description=text !content=body-content
    body-content: application/json=json multipart/form-data=form
    json: !schema=schema example examples
    form: !schema=schema example examples encoding=*encoding
    encoding: !style:form !explode:true
    answer: description=text headers content x-error-codes=code x-retry-after-seconds=count
    success: description=text headers content=success-content x-error-codes=code
    success-content: application/json=json
    code: !code=count message=text
    schema: type:string|integer|number|boolean|array|object nullable=flag description=text example
    string schema: enum=list-of-values minLength=count maxLength=count \
        format:date|date-time|time|uuid|uri|email|ipv4|ipv6|hostname|byte|binary|password
    integer schema: enum=list-of-values format:int32|int64
    number schema: enum=list-of-values format:float|double
    boolean schema: enum=list-of-values
    array schema: items=schema
    object schema: properties=*schema required=list-of-names additionalProperties=schema
";

/// What to do about a member.
fn advice(name: &str) -> &'static str {
    match name {
        "$ref" => "write out what it refers to",
        "allOf" => "describe all of it in one schema",
        "oneOf" | "anyOf" => "describe one of them, or use `{}` for a value of any type",
        "servers" => "leave the operation out, or set `servers` to null if the document's server serves it too",
        "parameters" => "move them into each operation",
        "application/x-www-form-urlencoded" => "describe the body as a multipart form or as JSON",
        "default" => "set it to null, and say in the description what the API assumes",
        "in" => "leave it out of `parameters`",
        _ => "set it to null",
    }
}

/// The name of each member of a kind, and what its value may be.
fn members_of(kind: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let line = KINDS.lines().find_map(|line| line.trim().strip_prefix(kind)?.strip_prefix(": "));
    let members = line.unwrap_or_default().split_whitespace();
    members.map(|member| member.split_at(member.find(['=', ':']).unwrap_or(member.len())))
}

fn at(place: &str, name: &str) -> String {
    format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"))
}

pub fn check(value: &Value, kind: &str, place: &str) -> Result<(), String> {
    if let Some(known) = kind.strip_prefix(':') {
        let is_it = |known: &str| *value == serde_json::from_str(known).unwrap_or_else(|_| Value::from(known));
        let (all, name) = (known.replace('|', "`, `"), place.rsplit('/').next().unwrap_or_default());
        let sentence = || format!("{place}: {value} is not supported, only `{all}`: correct it, or {}", advice(name));
        return if known.split('|').any(is_it) { Ok(()) } else { Err(sentence()) };
    }
    let kind = kind.trim_start_matches('=');
    let has_form = match kind {
        "" => true,
        "text" => value.is_string(),
        "flag" => value.is_boolean(),
        "count" => value.is_u64() && value.is_i64(),
        "list-of-values" => value.as_array().is_some_and(|values| !values.is_empty()),
        "list-of-names" => value.as_array().is_some_and(|names| names.iter().all(Value::is_string)),
        "parameter" | "server" | "code" if !place.ends_with(char::is_numeric) => value.is_array(),
        "schema" if place.ends_with("/additionalProperties") => value.is_object() || value.is_boolean(),
        _ => value.is_object(),
    };
    match value {
        _ if !has_form => Err(format!("{place}: {value} cannot be a {kind}: correct it")),
        _ if ["", "list-of-values", "list-of-names"].contains(&kind) => Ok(()),
        Value::Array(items) => (0..).zip(items).try_for_each(|(i, item)| check(item, kind, &format!("{place}/{i}"))),
        Value::Object(members) => match kind.strip_prefix('*') {
            Some(kind) => members.iter().try_for_each(|(name, member)| {
                let is_success = kind == "answer" && name.starts_with('2');
                check(member, if is_success { "success" } else { kind }, &at(place, name))
            }),
            None => object(value, kind, place),
        },
        _ => Ok(()),
    }
}

fn object(object: &Value, kind: &str, place: &str) -> Result<(), String> {
    let own = object[if kind == "parameter" { "in" } else { "type" }].as_str();
    let own_kind = own.map_or(kind.to_owned(), |own| format!("{own} {kind}"));
    let known = || members_of(kind).chain(members_of(&own_kind));
    for (name, member) in object.as_object().into_iter().flatten() {
        let Some((_, inner)) = known().find(|(known, _)| known.trim_start_matches('!') == name) else {
            let what = format!("`{name}` is not supported in this {own_kind}: {}", advice(name));
            return Err(format!("{}: {what}", at(place, name)));
        };
        check(member, inner, &at(place, name))?;
    }
    let mut needed = known().filter_map(|(name, _)| name.strip_prefix('!'));
    if let Some(needed) = needed.find(|needed| object.get(*needed).is_none()) {
        return Err(format!("{place}: this {own_kind} needs `{needed}`: add it"));
    }
    broken_rule(object, kind, place).map_or(Ok(()), |rule| Err(format!("{place}: {rule}")))
}

/// What must be true of an object besides: the first rule that is broken.
fn broken_rule(object: &Value, kind: &str, place: &str) -> Option<&'static str> {
    let list = |name: &str| object[name].as_array().into_iter().flatten();
    let map = |name: &'static str| members(object, name);
    let (name, version) = (name_key(&text(&object["name"]), ""), text(&object["openapi"]));
    let (schema, values) = (&object["schema"], list("enum").filter_map(Value::as_str));
    let is_in_body = place.split('/').nth(4) == Some("requestBody");
    let in_path = list("parameters").filter(|parameter| parameter["in"] == "path");
    let in_path: Vec<String> = in_path.map(|parameter| format!("{{{}}}", text(&parameter["name"]))).collect();
    let one = if object["in"] == "query" && schema["type"] == "array" { &schema["items"] } else { schema };
    let plain = ["string", "integer", "number", "boolean"].map(Value::from);
    let body = map("content").next().map_or(&Value::Null, |(_, media)| &media["schema"]);
    let status = place.rsplit('/').next().unwrap_or_default();
    let is_code = status.parse().is_ok_and(|status: u16| (100..600).contains(&status));
    let is_status = is_code || status == "default" && object.get("content").is_none();
    let field = place.split_once("/multipart~1form-data/schema/properties/").map_or("/", |(_, field)| field);
    let is_other_file = object["format"] == "binary" && field.trim_end_matches("/items").contains('/');
    let has_length = object.get("minLength").or(object.get("maxLength")).is_some();
    let types = schemas(schema, &[]).into_iter().filter(|(_, of)| of["type"] == "object" || of.get("enum").is_some());
    let has_type_twins = has_twins(types.map(|(place, _)| name_key(&place.concat().replace('*', "item"), "")));
    let successes: Vec<_> = successes(&object["responses"]).into_iter().flatten().collect();
    Some(match kind {
        "document" if !version.starts_with("3.0.") => "only OpenAPI 3.0 is supported: convert the document",
        "document" if list("servers").count() != 1 => "a client has exactly one server: list one in `servers`",
        "document" if map("x-retry-after-when").count() > 1 => {
            "`x-retry-after-when` names one field and its value: set the others to null"
        }
        "server" if text(&object["url"]).contains('{') => "a server cannot have variables: write the URL that is meant",
        "operation" if successes.windows(2).any(|pair| pair[0] != pair[1]) => {
            "its successes have different schemas: describe the same one for each"
        }
        "operation" if has_twins(list("parameters").map(|parameter| parameter["name"].as_str())) => {
            "two of its `parameters` have the same name: leave one of them out"
        }
        "operation"
            if in_path.len() != place.matches('{').count() || in_path.iter().any(|name| !place.contains(name)) =>
        {
            "its path and its `parameters` name different path parameters: correct them"
        }
        "parameter" if one["nullable"] == true || !plain.contains(&one["type"]) => {
            "a parameter is text, a number, a boolean, or in the query a list of these: give it such a type"
        }
        "parameter" if PROGENITORS.contains(&&*name) => "the generated code uses this name itself: leave it out",
        "body" if map("content").count() != 1 => "a body has exactly one media type: set the others to null",
        "body" if body["type"] != "object" => "a body is an object: describe one, or leave the operation out",
        "body" if members(body, "properties").next().is_none() && object["required"] != true => {
            "a body without `properties` must be required: say so, or set the body to null"
        }
        "json" | "form" if has_type_twins => {
            "two of its objects or enums would have the same name in Rust: set one of them to null"
        }
        "form" if map("encoding").any(|(name, _)| schema["properties"][name]["type"] != "array") => {
            "only a list has an `encoding`: set it to null"
        }
        "answer" | "success" if !is_status => "an answer is described by its status: name the status",
        "schema" if is_other_file => "only a field of a multipart form can be a file: set its format to null",
        "schema" if has_length && !is_in_body => "only the lengths of a body's texts are checked: set them to null",
        // typify may panic at these.
        "schema" if is_in_body && has_twins(values.map(|value| name_key(value, "x"))) => {
            "two of its values become the same name in Rust: leave one out, or set `enum` to null"
        }
        "schema" if map("properties").any(|(name, _)| name == "extra") => {
            "the name `extra` is taken by what is not described: set it to null"
        }
        _ => return None,
    })
}

fn has_twins<T: Ord>(items: impl Iterator<Item = T> + Clone) -> bool {
    items.clone().count() > items.collect::<BTreeSet<_>>().len()
}

//! What the description may contain: what the converter writes and what the overlay adds to it. Everything else is refused
//! here, by its place, because it could not be called, or would be left out without a word.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A kind of object in each line, and its members. `!` is before a member that must be there. `=` is before the kind of a
/// member's value, `*` before that of the values of a map; without a kind, a value may have any form.
const KINDS: &str = "
    document: !openapi=text !info !servers=server tags security !paths=*path components=components \
        x-retry-after-seconds=count x-retry-after-when=*text
    server: !url=text description=text
    components: schemas=*schema securitySchemes
    path: get=operation put=operation post=operation delete=operation patch=operation
    operation: !operationId=text summary=text description=text tags security x-rate-limit-label=text \
        parameters=parameter requestBody=body !responses=*answer
    parameter: !name=text !in=text required=flag description=text style=text explode=flag !schema=schema \
        example examples
    body: required=flag description=text !content=body-content
    body-content: application/json=json multipart/form-data=form
    json: !schema=schema example examples
    form: !schema=schema example examples encoding=*encoding
    encoding: style=text explode=flag
    answer: description=text headers content x-error-codes=error-code x-retry-after-seconds=count
    success: description=text headers content=success-content x-error-codes=error-code
    success-content: application/json=json
    error-code: !code=count message=text
    schema: type=text nullable=flag description=text example
    string: format=text enum=list minLength=count maxLength=count
    integer: format=text enum=list
    number: format=text enum=list
    boolean: enum=list
    array: items=schema
    object: properties=*schema required=list-of-names additionalProperties=schema
";

const TYPES: [&str; 6] = ["string", "integer", "number", "boolean", "array", "object"];

const FORMATS: [(&str, &str); 3] = [
    ("integer", "int32 int64"),
    ("number", "float double"),
    ("string", "date date-time time uuid uri email ipv4 ipv6 hostname byte binary password"),
];

/// What must be true besides, and what to do if it is not.
const RULES: &str = "
    version = only OpenAPI 3.0 is supported: convert the document
    server = a client has exactly one server: list one in `servers`
    when = `x-retry-after-when` names one field and its value: set the others to null
    variables = a server cannot have variables: write the URL that is meant
    successes = its successes have different schemas: describe the same one for each, or leave the operation out
    parameter-twice = two of its `parameters` have the same name: leave one of them out
    template = its path and its `parameters` name different path parameters: describe each parameter of the path
    parameter-in = only parameters in the path and the query can be sent: leave it out of `parameters`
    path-required = a parameter in the path is always required: say so
    parameter-type = a parameter is text, a number, a boolean, or in the query a list of these: give it such a type
    style = only `style: form` with `explode: true`, one pair for each item, can be sent: set both to null
    header-map = progenitor uses this name itself: leave it out of `parameters`
    media-types = a body has exactly one media type: set the others to null
    object-body = a body is an object: describe one, or leave the operation out
    body-required = a body without `properties` must be required: say so, or set the body to null
    encoding-list = only a list has an `encoding`: set it to null
    encoding = only `style: form` with `explode: true`, one part for each item, can be sent: describe it so
    status = an answer is described by its status: name the status
    type = its type is not known: use string, integer, number, boolean, array or object
    format = its format is not known for its type: set it to null
    file = only a field of a multipart form can be a file: set its format to null
    lengths = only the lengths of a body's texts are checked: set them to null
    no-values = no value is allowed: list them, or set `enum` to null
    values = two of its values become the same name in Rust: leave one out, or set `enum` to null
    extra = the name `extra` is taken by what is not described: set it to null
";

/// What to do about a member, if leaving it out is not the answer.
const ADVICE: [(&str, &str); 8] = [
    ("$ref", "write out what it refers to"),
    ("allOf", "describe all of it in one schema"),
    ("oneOf", "describe one of them, or use `{}` for a value of any type"),
    ("anyOf", "describe one of them, or use `{}` for a value of any type"),
    ("servers", "leave the operation out, or set `servers` to null if the document's server serves it too"),
    ("parameters", "move them into each operation"),
    ("application/x-www-form-urlencoded", "describe the body as a multipart form or as JSON"),
    ("default", "set it to null, and say in the description what the API assumes"),
];

pub fn check(document: &Value) -> Result<(), String> {
    of_kind(document, "document", "", "document")
}

fn refused(place: &str, what: &str) -> Result<(), String> {
    Err(format!("{place}: {what} (in spec/overlay.json)"))
}

fn members(kind: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let line = KINDS.lines().find_map(|line| line.trim().strip_prefix(kind)?.strip_prefix(": "));
    let members = line.unwrap_or_default().split_whitespace();
    members.map(|member| member.split_once('=').unwrap_or((member, "")))
}

/// `part` is the parameter, body or answer that `value` is in.
fn of_kind(value: &Value, kind: &str, place: &str, part: &str) -> Result<(), String> {
    let at = |name: &str| format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
    let has_form = match kind {
        "" => true,
        "text" => value.is_string(),
        "flag" => value.is_boolean(),
        "count" => value.is_u64(),
        "list" => value.is_array(),
        "list-of-names" => value.as_array().is_some_and(|names| names.iter().all(Value::is_string)),
        "parameter" | "server" | "error-code" => value.is_array() || place.ends_with(char::is_numeric),
        "schema" if place.ends_with("/additionalProperties") => value.is_object() || value.is_boolean(),
        _ => value.is_object(),
    };
    if !has_form {
        return refused(place, &format!("{value} cannot be a {kind}: correct it"));
    }
    if ["", "list", "list-of-names"].contains(&kind) {
        return Ok(());
    }
    if let Value::Array(items) = value {
        let mut items = items.iter().enumerate();
        return items.try_for_each(|(index, item)| of_kind(item, kind, &at(&index.to_string()), part));
    }
    let Value::Object(object) = value else { return Ok(()) };
    if let Some(kind) = kind.strip_prefix('*') {
        return object.iter().try_for_each(|(name, member)| {
            let is_success = kind == "answer" && name.starts_with('2');
            of_kind(member, if is_success { "success" } else { kind }, &at(name), part)
        });
    }
    let part = if ["parameter", "body", "success", "components"].contains(&kind) { kind } else { part };
    let own = object.get("type").and_then(Value::as_str).filter(|_| kind == "schema").unwrap_or_default();
    let known = || members(kind).chain(members(own));
    for (name, member) in object {
        let Some((_, inner)) = known().find(|(known, _)| known.trim_start_matches('!') == name) else {
            let of = if own.is_empty() { String::new() } else { format!(" of the type `{own}`") };
            let advice =
                ADVICE.iter().find(|(of, _)| of == name).map_or("set it to null", |(_, advice)| advice);
            return refused(&at(name), &format!("`{name}` is not supported in a {kind}{of}: {advice}"));
        };
        of_kind(member, inner, &at(name), part)?;
    }
    if let Some(name) =
        known().find_map(|(name, _)| name.strip_prefix('!').filter(|name| !object.contains_key(*name)))
    {
        return refused(place, &format!("a {kind} needs `{name}`: add it"));
    }
    match broken_rule(object, kind, place, part) {
        Some(rule) => refused(place, rule),
        None => Ok(()),
    }
}

/// What must be true of an object besides: the first rule that is broken.
fn broken_rule(object: &Map<String, Value>, kind: &str, place: &str, part: &str) -> Option<&'static str> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let get = |name: &str| object.get(name).unwrap_or(&Value::Null);
    let list = |name: &str| get(name).as_array().into_iter().flatten();
    let map = |name: &str| get(name).as_object().into_iter().flatten();
    let schema = get("schema");
    let rules = match kind {
        "document" => vec![
            (!text("openapi").starts_with("3.0."), "version"),
            (list("servers").count() != 1, "server"),
            (map("x-retry-after-when").count() > 1, "when"),
        ],
        "server" => vec![(text("url").contains('{'), "variables")],
        "operation" => {
            let answers = map("responses").filter(|(status, _)| status.starts_with('2'));
            let answers =
                answers.filter_map(|(_, answer)| answer["content"]["application/json"].get("schema"));
            let answers: Vec<&Value> = answers.collect();
            let mut names = BTreeSet::new();
            let twice = list("parameters").any(|parameter| !names.insert(parameter["name"].as_str()));
            let in_path = list("parameters").filter(|parameter| parameter["in"] == "path");
            let in_path: BTreeSet<&str> =
                in_path.filter_map(|parameter| parameter["name"].as_str()).collect();
            let template = place.split('{').skip(1).filter_map(|piece| Some(piece.split_once('}')?.0));
            vec![
                (answers.iter().any(|schema| *schema != answers[0]), "successes"),
                (twice, "parameter-twice"),
                (template.collect::<BTreeSet<_>>() != in_path, "template"),
            ]
        }
        "parameter" => {
            let (is_path, is_list) =
                (text("in") == "path", schema["type"] == "array" && text("in") == "query");
            let of = if is_list { &schema["items"] } else { schema };
            let is_plain = TYPES[..4].iter().any(|plain| of["type"] == *plain);
            let style = if is_path { "simple" } else { "form" };
            let is_other_style = object.contains_key("style") && text("style") != style;
            vec![
                (!is_path && text("in") != "query", "parameter-in"),
                (is_path && get("required") != true, "path-required"),
                (!is_plain || of["nullable"] == true, "parameter-type"),
                (is_other_style || is_list && get("explode") == false, "style"),
                (text("name") == "header_map", "header-map"),
            ]
        }
        "body" => {
            let media: Vec<&Value> = map("content").map(|(_, media)| &media["schema"]).collect();
            let schema = media.first().copied().unwrap_or(&Value::Null);
            let is_empty = schema["properties"].as_object().is_none_or(Map::is_empty);
            vec![
                (media.len() != 1, "media-types"),
                (schema["type"] != "object", "object-body"),
                (is_empty && get("required") != true, "body-required"),
            ]
        }
        "form" => {
            let mut encoded = map("encoding").map(|(name, _)| &schema["properties"][name]["type"]);
            vec![(encoded.any(|of| of != "array"), "encoding-list")]
        }
        "encoding" => vec![(text("style") != "form" || get("explode") != true, "encoding")],
        "answer" | "success" => {
            let status = place.rsplit('/').next().unwrap_or_default();
            let is_status = status.parse().is_ok_and(|status: u16| (100..600).contains(&status));
            vec![(!is_status && (status != "default" || object.contains_key("content")), "status")]
        }
        "schema" => {
            let formats =
                FORMATS.iter().find(|(of, _)| *of == text("type")).map_or("", |(_, formats)| formats);
            let has_format = formats.split(' ').any(|format| format == text("format"));
            let field = place.split_once("/multipart~1form-data/schema/properties/").map(|(_, field)| field);
            let is_field = field.is_some_and(|field| !field.trim_end_matches("/items").contains('/'));
            let has_lengths = object.contains_key("minLength") || object.contains_key("maxLength");
            let values: Vec<String> = list("enum").filter_map(Value::as_str).map(variant).collect();
            let distinct: BTreeSet<&String> = values.iter().collect();
            vec![
                (object.contains_key("type") && !TYPES.contains(&text("type")), "type"),
                (object.contains_key("format") && !has_format, "format"),
                (text("format") == "binary" && !is_field, "file"),
                (has_lengths && part != "body", "lengths"),
                (get("enum").as_array().is_some_and(Vec::is_empty), "no-values"),
                (part == "body" && distinct.len() != values.len(), "values"),
                (map("properties").any(|(name, _)| name == "extra"), "extra"),
            ]
        }
        _ => vec![],
    };
    let (_, broken) = rules.into_iter().find(|(is_broken, _)| *is_broken)?;
    RULES.lines().find_map(|line| line.trim().strip_prefix(broken)?.strip_prefix(" = "))
}

/// Values with the same key here might become the same variant of an enum, at which typify panics.
fn variant(value: &str) -> String {
    let key: String = value.chars().map(|c| if c.is_alphanumeric() { c } else { 'x' }).collect();
    let start = if key.starts_with(char::is_alphabetic) { "" } else { "x" };
    format!("{start}{key}").to_lowercase()
}

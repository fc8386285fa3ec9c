//! Parameters: the Rust name of each, and how it is sent, or why it can't be.

use serde_json::{Map, Value, json};

use super::DOCUMENT;
use super::facts::{Parameter, Place, Style};
use super::names::{Names, snake};
use super::schemas::{Side, Types, is_structure, parts};

/// A builder's own methods, and methods of traits that must stay callable on it.
const RESERVED: [&str; 7] = ["body", "body_map", "client", "clone", "fmt", "into_future", "new"];

/// Lowers an operation's parameters. Refuses one that cannot be sent as documented.
pub fn lower(operation: &mut Value, builder: &str, types: &mut Types) -> Result<Vec<Parameter>, String> {
    let Some(described) = operation.get_mut("parameters").and_then(Value::as_array_mut) else {
        return Ok(Vec::new());
    };
    let mut parameters = Vec::new();
    for mut parameter in std::mem::take(described) {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        let refused = |what: String| format!("parameter `{name}`: {what}");
        if let Some(place) = place(&parameter, &name, types).map_err(refused)? {
            // Two parameters of one name in one place couldn't be told apart when sent.
            if parameters.iter().any(|(_, _, other)| is_same(other, &parameter)) {
                return Err(refused(format!(
                    "the {} has two parameters of this name",
                    parameter["in"].as_str().unwrap_or_default()
                )));
            }
            if place == Place::Path {
                parameter["required"] = true.into();
            }
            if parameter["allowEmptyValue"] == true && types.kind(&parameter["schema"]) != "string" {
                let note =
                    format!("{DOCUMENT}: {}: parameter `{name}`: it cannot be sent empty", types.owner);
                types.notes.push(note);
            }
            parameters.push((name, place, parameter));
        }
    }
    // Path parameters choose names first, and in the same order, so that every operation of a path uses the same names.
    parameters.sort_by_cached_key(|(name, place, _)| match place {
        Place::Path => (0, name.clone()),
        _ => (1, String::new()),
    });
    let mut names = Names::reserve(RESERVED);
    let mut lowered = Vec::new();
    for (name, place, parameter) in parameters {
        let other = format!("{}_{}", parameter["in"].as_str().unwrap_or_default(), snake(&name));
        let ident = snake(&names.free(&snake(&name), &[other], snake));
        let schema = schema(&parameter, place, &name, &format!("{builder}-{ident}"), types);
        let required = parameter["required"] == true;
        let description = parameter["description"].as_str().unwrap_or_default().to_owned();
        // progenitor only has to generate a field for it; the layer sends it.
        let kind = if place == Place::Path { "path" } else { "query" };
        described.push(json!({ "name": ident, "in": kind, "required": required, "schema": schema }));
        lowered.push(Parameter { name, ident, place, required, description });
    }
    Ok(lowered)
}

/// Whether two parameters have the same name and place. Names of headers are case-insensitive.
pub fn is_same(one: &Value, other: &Value) -> bool {
    let name = |parameter: &Value| match (parameter["in"].as_str(), parameter["name"].as_str()) {
        (Some("header"), Some(name)) => name.to_ascii_lowercase(),
        (_, name) => name.unwrap_or_default().to_owned(),
    };
    one["in"] == other["in"] && name(one) == name(other)
}

/// Where a parameter is sent; `None` for the three headers that OpenAPI tells us to ignore as parameters.
fn place(parameter: &Value, name: &str, types: &Types) -> Result<Option<Place>, String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_token = !name.is_empty() && name.bytes().all(is_token);
    let kind = types.kind(&parameter["schema"]);
    let style = |default: &str| parameter["style"].as_str().unwrap_or(default).to_owned();
    let unknown = |style: &str, place: &str| format!("the style `{style}` is not supported in a {place}");
    let json = is_json_content(parameter)?;
    if parameter["allowReserved"] == true {
        return Err(
            "`allowReserved` is not supported: reserved characters are always percent-encoded".to_owned()
        );
    }
    if !json {
        flat(&parameter["schema"], types)?;
    }
    let is_structure = is_structure(kind);
    match parameter["in"].as_str().unwrap_or_default() {
        "path" => match style("simple").as_str() {
            "simple" if json || is_structure => {
                Err("a path parameter must be a single value, not a list or an object".to_owned())
            }
            "simple" => Ok(Some(Place::Path)),
            other => Err(unknown(other, "path")),
        },
        "query" => query_style(parameter, &style("form"), kind, json).map(|style| Some(Place::Query(style))),
        "header"
            if ["accept", "content-type", "authorization"].contains(&name.to_ascii_lowercase().as_str()) =>
        {
            Ok(None)
        }
        "header" if !is_token => Err("this is not a valid header name".to_owned()),
        "header" => match style("simple").as_str() {
            _ if json => Ok(Some(Place::Header(Style::Json))),
            // An exploded list is written the same way (OpenAPI 3.0, "Style Examples").
            "simple" if parameter["explode"] == true && kind != "array" => {
                Ok(Some(Place::Header(Style::Exploded)))
            }
            "simple" => Ok(Some(Place::Header(Style::Delimited(',')))),
            other => Err(unknown(other, "header")),
        },
        "cookie" if !is_token => Err("this is not a valid cookie name".to_owned()),
        "cookie" => match style("form").as_str() {
            _ if json => Ok(Some(Place::Cookie(Style::Json))),
            "form" if is_structure && parameter["explode"] != false => {
                Err("a cookie has a single value: set `explode` to false".to_owned())
            }
            "form" => Ok(Some(Place::Cookie(Style::Delimited(',')))),
            other => Err(unknown(other, "cookie")),
        },
        other => Err(format!("`in` must be path, query, header or cookie, not `{other}`")),
    }
}

fn query_style(parameter: &Value, style: &str, kind: &str, json: bool) -> Result<Style, String> {
    let explode = parameter["explode"].as_bool().unwrap_or(style == "form");
    match (style, explode) {
        _ if json => Ok(Style::Json),
        ("form", true) => Ok(Style::Exploded),
        ("form", false) => Ok(Style::Delimited(',')),
        ("spaceDelimited" | "pipeDelimited", true) if kind == "array" => Ok(Style::Exploded),
        ("spaceDelimited", false) if kind == "array" => Ok(Style::Delimited(' ')),
        ("pipeDelimited", false) if kind == "array" => Ok(Style::Delimited('|')),
        ("deepObject", _) if kind == "object" => Ok(Style::DeepObject),
        _ => Err(format!("the style `{style}` is not supported in a query for a schema of type `{kind}`")),
    }
}

/// Whether a parameter has `content` instead of a schema. Only JSON is supported.
fn is_json_content(parameter: &Value) -> Result<bool, String> {
    let Some(content) = parameter["content"].as_object() else { return Ok(false) };
    match content.keys().all(|media_type| super::lowering::is_json(media_type)) && content.len() == 1 {
        true => Ok(true),
        false => Err("`content` is only supported with a JSON media type".to_owned()),
    }
}

/// Refuses lists and objects in other lists and objects, because no style defines how to write them.
fn flat(schema: &Value, types: &Types) -> Result<(), String> {
    let schema = types.resolved(schema);
    let properties = schema["properties"].as_object().into_iter().flat_map(Map::values);
    let mut inside = properties.chain(schema.get("items")).chain(schema.get("additionalProperties"));
    if inside.any(|inner| is_structure(types.kind(inner))) {
        return Err("no style defines how to send a list or an object inside another".to_owned());
    }
    parts(schema).try_for_each(|part| flat(part, types))
}

/// The type that a parameter's setter takes. IDs in a path are validated before they reach a URL.
fn schema(parameter: &Value, place: Place, name: &str, type_name: &str, types: &mut Types) -> Value {
    if matches!(place, Place::Query(Style::Json) | Place::Header(Style::Json) | Place::Cookie(Style::Json)) {
        return json!({});
    }
    let mut schema = parameter.get("schema").cloned().unwrap_or_else(|| json!({ "type": "string" }));
    if let Some(schema) = schema.as_object_mut() {
        // No style defines how to send `null`.
        schema.remove("nullable");
    }
    if place != Place::Path {
        types.lower(&mut schema, Side::Request, type_name);
        return types.without_builder(schema);
    }
    let kind = types.resolved(&schema)["type"].as_str().unwrap_or_default().to_owned();
    match (kind.as_str(), name) {
        ("integer", "meetingId") => json!({ "type": "integer", "format": "meeting-id" }),
        ("integer", "webinarId") => json!({ "type": "integer", "format": "webinar-id" }),
        ("integer" | "boolean" | "number", _) => {
            types.lower(&mut schema, Side::Request, type_name);
            schema
        }
        _ => json!({ "type": "string", "format": "path-segment" }),
    }
}

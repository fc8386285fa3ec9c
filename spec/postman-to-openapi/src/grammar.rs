//! The structure of an OpenAPI 3.0.3 document: which members each object may have, in the order they are written.

use serde_json::{Map, Value};

/// What is allowed in one place.
pub enum Kind {
    /// Any data, which is neither checked nor reordered.
    Any,
    /// A string.
    Text,
    /// One of these strings.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A number.
    Number,
    /// A non-negative integer.
    Count,
    /// A list of one kind.
    List(&'static Kind),
    /// An object with arbitrary member names.
    Map(&'static Kind),
    /// Paths, by template.
    Paths,
    /// Responses, by status.
    Responses,
    /// An object with known members.
    Object(&'static Object),
    /// `true`, `false` or a schema.
    FlagOrSchema,
}

/// An object with known members.
pub struct Object {
    /// The specification's name for it, with an article.
    name: &'static str,
    /// Whether a reference is allowed in its place.
    referable: bool,
    /// The members; `x-` stands for extensions.
    members: &'static [Member],
}

/// A member's name and kind, and whether it is required.
type Member = (&'static str, Kind, bool);

const fn may(name: &'static str, kind: Kind) -> Member {
    (name, kind, false)
}

const fn must(name: &'static str, kind: Kind) -> Member {
    (name, kind, true)
}

const EXTENSIONS: &str = "x-";

use Kind::{Any, Count, Flag, FlagOrSchema, List, Map as Named, Number, Object as Of, Paths, Responses, Text, Word};

macro_rules! objects {
    ($($visible:vis $id:ident: $name:literal $(, $referable:ident)? { $($member:expr),* $(,)? })*) => {$(
        $visible static $id: Object = Object {
            name: $name,
            referable: objects!(@ $($referable)?),
            members: &[$($member),*],
        };
    )*};
    (@ referable) => { true };
    (@) => { false };
}

objects! {
    pub DOCUMENT: "a document" {
        must("openapi", Text), must("info", Of(&INFO)), may("servers", List(&Of(&SERVER))),
        may("tags", List(&Of(&TAG))), may("x-", Any), may("security", List(&Named(&List(&Text)))),
        may("externalDocs", Of(&EXTERNAL_DOCS)), must("paths", Paths), may("components", Of(&COMPONENTS)),
    }
    INFO: "an info object" {
        must("title", Text), may("description", Text), must("version", Text), may("x-", Any),
        may("termsOfService", Text), may("contact", Of(&CONTACT)), may("license", Of(&LICENSE)),
    }
    CONTACT: "a contact" { may("name", Text), may("url", Text), may("x-", Any), may("email", Text) }
    LICENSE: "a license" { must("name", Text), may("url", Text), may("x-", Any) }
    EXTERNAL_DOCS: "external documentation" { may("description", Text), must("url", Text), may("x-", Any) }
    SERVER: "a server" {
        may("description", Text), must("url", Text), may("x-", Any), may("variables", Named(&Of(&SERVER_VARIABLE))),
    }
    SERVER_VARIABLE: "a server variable" {
        may("description", Text), may("enum", List(&Text)), must("default", Text), may("x-", Any),
    }
    TAG: "a tag" {
        must("name", Text), may("description", Text), may("x-", Any),
        may("externalDocs", Of(&EXTERNAL_DOCS)),
    }
    COMPONENTS: "components" {
        may("responses", Named(&Of(&RESPONSE))), may("parameters", Named(&Of(&PARAMETER))),
        may("headers", Named(&Of(&HEADER))), may("x-", Any), may("schemas", Named(&Of(&SCHEMA))),
        may("examples", Named(&Of(&EXAMPLE))), may("requestBodies", Named(&Of(&REQUEST_BODY))),
        may("securitySchemes", Named(&Of(&SECURITY_SCHEME))), may("links", Named(&Of(&LINK))),
        may("callbacks", Named(&Named(&Of(&PATH_ITEM)))),
    }
    PATH_ITEM: "a path item" {
        may("$ref", Text), may("summary", Text), may("description", Text), may("x-", Any),
        may("servers", List(&Of(&SERVER))), may("parameters", List(&Of(&PARAMETER))),
        may("get", Of(&OPERATION)), may("put", Of(&OPERATION)), may("post", Of(&OPERATION)),
        may("delete", Of(&OPERATION)), may("options", Of(&OPERATION)), may("head", Of(&OPERATION)),
        may("patch", Of(&OPERATION)), may("trace", Of(&OPERATION)),
    }
    OPERATION: "an operation" {
        may("operationId", Text), may("summary", Text), may("description", Text), may("tags", List(&Text)),
        may("x-", Any), may("security", List(&Named(&List(&Text)))), may("servers", List(&Of(&SERVER))),
        may("parameters", List(&Of(&PARAMETER))), may("requestBody", Of(&REQUEST_BODY)),
        must("responses", Responses), may("deprecated", Flag), may("externalDocs", Of(&EXTERNAL_DOCS)),
        may("callbacks", Named(&Named(&Of(&PATH_ITEM)))),
    }
    PARAMETER: "a parameter", referable {
        must("name", Text), must("in", Word(&["query", "header", "path", "cookie"])), may("required", Flag),
        may("description", Text), may("x-", Any), may("style", Text), may("explode", Flag),
        may("schema", Of(&SCHEMA)), may("content", Named(&Of(&MEDIA_TYPE))), may("deprecated", Flag),
        may("allowEmptyValue", Flag), may("allowReserved", Flag), may("example", Any),
        may("examples", Named(&Of(&EXAMPLE))),
    }
    HEADER: "a header", referable {
        may("description", Text), may("required", Flag), may("x-", Any), may("style", Text),
        may("explode", Flag), may("schema", Of(&SCHEMA)), may("content", Named(&Of(&MEDIA_TYPE))),
        may("deprecated", Flag), may("allowEmptyValue", Flag), may("allowReserved", Flag),
        may("example", Any), may("examples", Named(&Of(&EXAMPLE))),
    }
    REQUEST_BODY: "a request body", referable {
        may("required", Flag), may("description", Text), may("x-", Any),
        must("content", Named(&Of(&MEDIA_TYPE))),
    }
    MEDIA_TYPE: "a media type" {
        may("x-", Any), may("schema", Of(&SCHEMA)), may("example", Any),
        may("examples", Named(&Of(&EXAMPLE))), may("encoding", Named(&Of(&ENCODING))),
    }
    ENCODING: "an encoding" {
        may("x-", Any), may("style", Text), may("explode", Flag), may("headers", Named(&Of(&HEADER))),
        may("contentType", Text), may("allowReserved", Flag),
    }
    RESPONSE: "a response", referable {
        must("description", Text), may("x-", Any), may("headers", Named(&Of(&HEADER))),
        may("content", Named(&Of(&MEDIA_TYPE))), may("links", Named(&Of(&LINK))),
    }
    LINK: "a link", referable {
        may("operationId", Text), may("operationRef", Text), may("description", Text), may("x-", Any),
        may("parameters", Named(&Any)), may("requestBody", Any), may("server", Of(&SERVER)),
    }
    EXAMPLE: "an example", referable {
        may("summary", Text), may("description", Text), may("x-", Any), may("value", Any),
        may("externalValue", Text),
    }
    SCHEMA: "a schema", referable {
        may("title", Text),
        may("type", Word(&["array", "boolean", "integer", "number", "object", "string"])),
        may("format", Text), may("nullable", Flag), may("description", Text), may("minimum", Number),
        may("maximum", Number), may("minLength", Count), may("maxLength", Count), may("pattern", Text),
        may("enum", List(&Any)), may("default", Any), may("items", Of(&SCHEMA)),
        may("required", List(&Text)), may("properties", Named(&Of(&SCHEMA))),
        may("additionalProperties", FlagOrSchema), may("oneOf", List(&Of(&SCHEMA))), may("x-", Any),
        may("allOf", List(&Of(&SCHEMA))), may("anyOf", List(&Of(&SCHEMA))), may("not", Of(&SCHEMA)),
        may("multipleOf", Number), may("exclusiveMinimum", Flag), may("exclusiveMaximum", Flag),
        may("minItems", Count), may("maxItems", Count), may("uniqueItems", Flag),
        may("minProperties", Count), may("maxProperties", Count), may("discriminator", Of(&DISCRIMINATOR)),
        may("readOnly", Flag), may("writeOnly", Flag), may("xml", Any),
        may("externalDocs", Of(&EXTERNAL_DOCS)), may("example", Any), may("deprecated", Flag),
    }
    DISCRIMINATOR: "a discriminator" {
        must("propertyName", Text), may("mapping", Named(&Text)),
    }
    SECURITY_SCHEME: "a security scheme", referable {
        may("name", Text), may("in", Word(&["query", "header", "cookie"])),
        must("type", Word(&["apiKey", "http", "oauth2", "openIdConnect"])), may("scheme", Text),
        may("description", Text), may("x-", Any), may("bearerFormat", Text), may("flows", Of(&FLOWS)),
        may("openIdConnectUrl", Text),
    }
    FLOWS: "OAuth flows" {
        may("x-", Any), may("implicit", Of(&FLOW)), may("password", Of(&FLOW)),
        may("clientCredentials", Of(&FLOW)), may("authorizationCode", Of(&FLOW)),
    }
    FLOW: "an OAuth flow" {
        may("authorizationUrl", Text), may("tokenUrl", Text), may("refreshUrl", Text),
        must("scopes", Named(&Text)), may("x-", Any),
    }
}

/// Members that are required because of the value of `type`.
const NEEDED_BY_TYPE: [(&str, &str); 6] = [
    ("apiKey", "name"),
    ("apiKey", "in"),
    ("http", "scheme"),
    ("oauth2", "flows"),
    ("openIdConnect", "openIdConnectUrl"),
    ("array", "items"),
];

static A_PATH_ITEM: Kind = Of(&PATH_ITEM);
static A_RESPONSE: Kind = Of(&RESPONSE);
static A_SCHEMA: Kind = Of(&SCHEMA);

impl Object {
    /// A member's position and kind; `None` if there is no such member.
    fn member(&self, name: &str) -> Option<(usize, &'static Kind)> {
        let known = if name.starts_with(EXTENSIONS) { EXTENSIONS } else { name };
        self.members.iter().position(|member| member.0 == known).and_then(|at| Some((at, &self.members.get(at)?.1)))
    }
}

/// Calls `fault` with the place of everything in a value that is not of the right kind, and the reason.
pub fn check(value: &Value, kind: &Kind, path: &mut Vec<String>, fault: &mut dyn FnMut(&[String], String)) {
    let wanted = match (kind, value) {
        (Any, _) | (Text, Value::String(_)) | (Flag | FlagOrSchema, Value::Bool(_)) | (Number, Value::Number(_)) => {
            return;
        }
        (Count, Value::Number(number)) if number.is_u64() => return,
        (Word(words), Value::String(word)) if words.contains(&word.as_str()) => return,
        (List(kind), Value::Array(list)) => {
            for (at, element) in list.iter().enumerate() {
                inside(path, at.to_string(), |path| check(element, kind, path, fault));
            }
            return;
        }
        // These names may start with `x-`, as a header's often does.
        (Named(kind), Value::Object(members)) => return each(members, "", kind, path, fault),
        (Paths, Value::Object(members)) => {
            let is_path = |name: &str| name.starts_with('/') || name.starts_with(EXTENSIONS);
            for name in members.keys().filter(|name| !is_path(name)) {
                inside(path, name.clone(), |path| {
                    fault(path, "is not a path, which must start with a slash".to_owned())
                });
            }
            return each(members, EXTENSIONS, &A_PATH_ITEM, path, fault);
        }
        (Responses, Value::Object(members)) => {
            let is_status = |name: &str| {
                let mut chars = name.chars();
                name.len() == 3
                    && chars.next().is_some_and(|first| ('1'..='5').contains(&first))
                    && (name.ends_with("XX") || chars.all(|digit| digit.is_ascii_digit()))
            };
            if members.is_empty() {
                fault(path, "is empty, but an operation must have at least one response".to_owned());
            }
            for name in members.keys().filter(|name| !is_status(name) && *name != "default") {
                if !name.starts_with(EXTENSIONS) {
                    inside(path, name.clone(), |path| fault(path, "is not an HTTP status".to_owned()));
                }
            }
            return each(members, EXTENSIONS, &A_RESPONSE, path, fault);
        }
        (FlagOrSchema, Value::Object(_)) => return check(value, &A_SCHEMA, path, fault),
        (Of(object), Value::Object(members)) => return check_members(members, object, path, fault),
        (Text, _) => "a string".to_owned(),
        (Word(words), _) => format!("one of {}", words.join(", ")),
        (Flag, _) => "true or false".to_owned(),
        (Number, _) => "a number".to_owned(),
        (Count, _) => "a non-negative integer".to_owned(),
        (List(_), _) => "a list".to_owned(),
        (Named(_) | Paths | Responses, _) => "an object".to_owned(),
        (Of(object), _) => format!("{}, which is an object", object.name),
        (FlagOrSchema, _) => "true, false or a schema".to_owned(),
    };
    let found = match value {
        Value::String(_) => "this string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    };
    fault(path, format!("must be {wanted}, not {found}"));
}

fn check_members(
    members: &Map<String, Value>,
    object: &Object,
    path: &mut Vec<String>,
    fault: &mut dyn FnMut(&[String], String),
) {
    if object.referable && members.get("$ref").is_some_and(Value::is_string) {
        return;
    }
    for (name, _, _) in object.members.iter().filter(|(name, _, needed)| *needed && !members.contains_key(*name)) {
        inside(path, (*name).to_owned(), |path| {
            fault(path, format!("is missing, but {} must have it", object.name));
        });
    }
    let kind = members.get("type").and_then(Value::as_str).filter(|_| object.member("type").is_some());
    for (kind, name) in NEEDED_BY_TYPE.iter().filter(|(by, name)| kind == Some(by) && !members.contains_key(*name)) {
        inside(path, (*name).to_owned(), |path| {
            fault(path, format!("is missing, but {} of type {kind} must have it", object.name));
        });
    }
    let either = ["schema", "content"];
    if either.iter().all(|name| object.member(name).is_some())
        && either.iter().filter(|name| members.contains_key(**name)).count() != 1
    {
        fault(path, format!("must have either schema or content, and not both, because it is {}", object.name));
    }
    for (name, member) in members {
        inside(path, name.clone(), |path| match object.member(name) {
            Some((_, kind)) => check(member, kind, path, fault),
            None => fault(path, format!("is not a member of {} in OpenAPI 3.0", object.name)),
        });
    }
}

/// Checks every member except those whose names start with `except`.
fn each(
    members: &Map<String, Value>,
    except: &str,
    kind: &Kind,
    path: &mut Vec<String>,
    fault: &mut dyn FnMut(&[String], String),
) {
    for (name, member) in members.iter().filter(|(name, _)| except.is_empty() || !name.starts_with(except)) {
        inside(path, name.clone(), |path| check(member, kind, path, fault));
    }
}

fn inside(path: &mut Vec<String>, name: String, act: impl FnOnce(&mut Vec<String>)) {
    path.push(name);
    act(path);
    path.pop();
}

/// Puts members in their usual order; what a patch adds would otherwise come last.
pub fn arrange(value: &mut Value, kind: &Kind) {
    match (kind, value) {
        (List(kind), Value::Array(list)) => list.iter_mut().for_each(|element| arrange(element, kind)),
        (Named(kind), Value::Object(members)) => members.values_mut().for_each(|member| arrange(member, kind)),
        (Paths | Responses, Value::Object(members)) => {
            members.sort_keys();
            let kind = if matches!(kind, Paths) { &A_PATH_ITEM } else { &A_RESPONSE };
            members.values_mut().for_each(|member| arrange(member, kind));
        }
        (FlagOrSchema, value) => arrange(value, &A_SCHEMA),
        (Of(object), Value::Object(members)) => {
            let mut placed: Vec<(usize, String, Value)> = Vec::with_capacity(members.len());
            for (name, mut member) in std::mem::take(members) {
                let (place, kind) = object.member(&name).unwrap_or((usize::MAX, &Any));
                arrange(&mut member, kind);
                placed.push((place, name, member));
            }
            placed.sort_by_key(|(place, ..)| *place);
            members.extend(placed.into_iter().map(|(_, name, member)| (name, member)));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_patch_adds_is_put_in_its_usual_place() {
        let mut document = json!({
            "openapi": "3.0.3", "paths": {"/b": {}, "/a": {"get": {"responses": {}, "summary": "s"}}}, "x-own": {"b": 1, "a": 2},
            "servers": [], "info": {"version": "1", "title": "T"},
        });
        arrange(&mut document, &Kind::Object(&DOCUMENT));
        assert_eq!(
            document.to_string(),
            r#"{"openapi":"3.0.3","info":{"title":"T","version":"1"},"servers":[],"x-own":{"b":1,"a":2},"paths":{"/a":{"get":{"summary":"s","responses":{}}},"/b":{}}}"#
        );
    }
}

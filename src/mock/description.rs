//! The parts of the description that are needed to answer requests.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::answer::Answer;
use super::fields::{BodyRules, is_json};

pub struct Api {
    pub base_path: String,
    pub scope: String,
    pub operations: Vec<Operation>,
}

pub struct Operation {
    pub id: String,
    pub method: Method,
    pub path: Vec<Segment>,
    pub body: Option<BodyRules>,
    /// The first documented 2xx, and its body.
    pub success: u16,
    pub answer: Option<Value>,
    /// The members that `answer` may have.
    pub answers_with: Vec<String>,
    pub limit: Option<StartLimit>,
    pub harmless: Arc<[String]>,
}

#[derive(PartialEq)]
pub enum Segment {
    Literal(String),
    Parameter { name: String, is_integer: bool },
}

pub struct StartLimit {
    pub code: i64,
    message: String,
    pub cool_down: Duration,
}

pub struct Route<'a> {
    pub operation: &'a Operation,
    /// The path, the same for every spelling of an ID, or what is wrong with it.
    pub key: Result<String, String>,
}

impl Api {
    pub fn read(description: &str) -> Result<Api, String> {
        let document: Value =
            serde_json::from_str(description).map_err(|e| format!("the description is not JSON: {e}"))?;
        let server = document["servers"][0]["url"].as_str().unwrap_or("/");
        let base_path =
            reqwest::Url::parse(server).map_or_else(|_| server.to_owned(), |u| u.path().to_owned());
        let flows = members(&document["components"]["securitySchemes"]).map(|(_, scheme)| &scheme["flows"]);
        let scopes =
            flows.flat_map(members).flat_map(|(_, flow)| members(&flow["scopes"]).map(|(name, _)| name));
        let mut scopes: Vec<&str> = scopes.map(String::as_str).collect();
        scopes.sort_unstable();
        scopes.dedup();

        let paths = document["paths"].as_object().ok_or("the description has no paths")?;
        let mut operations = Vec::new();
        for (template, item) in paths {
            let item = resolved(&document, item, 8);
            for method in ["get", "put", "post", "delete", "options", "head", "patch", "trace"] {
                if let Some(described) = item.get(method) {
                    operations.push(Operation::read(&document, template, method, &item, described));
                }
            }
        }
        Ok(Api { base_path: base_path.trim_end_matches('/').to_owned(), scope: scopes.join(" "), operations })
    }

    /// Accepts bodies of these media types only.
    pub fn accept_only(&mut self, media_types: &[String]) {
        for rules in self.operations.iter_mut().filter_map(|operation| operation.body.as_mut()) {
            rules.media_types = media_types.to_vec();
        }
    }

    /// Whether what is sent to this operation can be read back by a GET of the same path.
    pub fn can_be_read(&self, operation: &Operation) -> bool {
        self.operations.iter().any(|other| other.method == Method::GET && other.path == operation.path)
    }

    pub fn route(&self, method: &Method, path: &str) -> Result<Route<'_>, Answer> {
        let rest = path.strip_prefix(&self.base_path).and_then(|rest| rest.strip_prefix('/'));
        let sent: Vec<&str> = rest.map(|rest| rest.split('/').collect()).unwrap_or_default();
        let mut allowed = Vec::new();
        for operation in &self.operations {
            let fits = |(segment, text): (&Segment, &&str)| match segment {
                Segment::Literal(literal) => literal == text,
                Segment::Parameter { .. } => true,
            };
            if operation.path.len() != sent.len() || !operation.path.iter().zip(&sent).all(fits) {
                continue;
            }
            if operation.method == method {
                let keys = operation.path.iter().zip(&sent).map(|(segment, text)| segment.key(text));
                let key = keys.collect::<Result<Vec<_>, _>>().map(|keys| keys.join("/"));
                return Ok(Route { operation, key });
            }
            allowed.push(operation.method.as_str());
        }
        Err(match allowed.is_empty() {
            true => Answer::error(404, 2300, "This API endpoint is not recognized."),
            false => Answer::error(405, 405, "Request method is not supported.")
                .header("allow", allowed.join(", ")),
        })
    }
}

impl Operation {
    fn read(document: &Value, template: &str, method: &str, item: &Value, described: &Value) -> Operation {
        let parameters = [&item["parameters"], &described["parameters"]];
        let segment = |text: &str| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            None => Segment::Literal(text.to_owned()),
            Some(name) => {
                let mut parameters = parameters.iter().filter_map(|list| list.as_array()).flatten();
                let is_integer = parameters.any(|p| p["name"] == name && p["schema"]["type"] == "integer");
                Segment::Parameter { name: name.to_owned(), is_integer }
            }
        };
        let responses = &described["responses"];
        let success = members(responses).find(|(status, _)| status.starts_with('2'));
        let content = success.map(|(_, response)| members(&response["content"])).into_iter().flatten();
        let content = content.filter(|(media_type, _)| is_json(media_type)).map(|(_, content)| content);
        let content = content.last().unwrap_or(&Value::Null);
        let body = BodyRules::read(&described["requestBody"]);
        let properties = body.as_ref().map_or(&Value::Null, |body| &body.schema["properties"]);
        let can_start =
            properties["action"]["enum"].as_array().is_some_and(|e| e.iter().any(|v| v == "start"));
        let limit = responses.get("429").filter(|_| can_start).map(|response| {
            let wait = |place: &Value| place["x-retry-after-seconds"].as_u64();
            StartLimit {
                code: response["x-error-codes"][0]["code"].as_i64().unwrap_or(429),
                message: response["description"].as_str().unwrap_or("Too many requests.").trim().to_owned(),
                cool_down: Duration::from_secs(wait(response).or_else(|| wait(document)).unwrap_or(30)),
            }
        });
        let harmless = members(properties).filter(|(_, schema)| !holds_secret(schema));
        Operation {
            id: described["operationId"]
                .as_str()
                .map_or_else(|| format!("{method} {template}"), str::to_owned),
            // `Api::read` uses only valid names, so the default is never needed.
            method: method.to_uppercase().parse().unwrap_or(Method::GET),
            path: template.trim_start_matches('/').split('/').map(segment).collect(),
            success: success.and_then(|(status, _)| status.parse().ok()).unwrap_or(200),
            answer: content.is_object().then(|| example(content)),
            answers_with: members(&content["schema"]["properties"]).map(|(name, _)| name.clone()).collect(),
            limit,
            harmless: harmless.map(|(name, _)| name.clone()).collect(),
            body,
        }
    }
}

impl StartLimit {
    /// The documented message about the resource at `key`: `{meetingId}` becomes its ID.
    pub fn message(&self, path: &[Segment], key: &str) -> String {
        let mut message = self.message.clone();
        for (segment, value) in path.iter().zip(key.split('/')) {
            if let Segment::Parameter { name, .. } = segment {
                message =
                    message.replace(&format!("`{{{name}}}`"), value).replace(&format!("{{{name}}}"), value);
            }
        }
        message
    }
}

impl Segment {
    /// The segment in one canonical spelling: `084912345678` is the same meeting as `84912345678`.
    fn key(&self, text: &str) -> Result<String, String> {
        if !matches!(self, Segment::Parameter { is_integer: true, .. }) {
            return Ok(text.to_owned());
        }
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let id = text.parse::<i64>().ok().filter(|id| is_number && *id > 0);
        id.map(|id| id.to_string())
            .ok_or_else(|| "Invalid id: it must be a positive 64-bit integer.".to_owned())
    }
}

/// The documented example, or a value made from the schema.
fn example(content: &Value) -> Value {
    let named = members(&content["examples"]).find_map(|(_, example)| example.get("value"));
    content.get("example").or(named).cloned().unwrap_or_else(|| made_up(&content["schema"]))
}

fn made_up(schema: &Value) -> Value {
    let stated = ["example", "default"].into_iter().find_map(|name| schema.get(name));
    if let Some(value) = stated.or_else(|| schema["enum"].get(0)) {
        return value.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            members(&schema["properties"]).map(|(name, schema)| (name.clone(), made_up(schema))).collect()
        }
        Some("array") => Value::Array(vec![made_up(&schema["items"])]),
        Some("integer" | "number") => json!(schema["minimum"].as_i64().unwrap_or(1)),
        Some("boolean") => Value::Bool(true),
        Some("string") => Value::from(match schema["format"].as_str() {
            Some("uri") => "https://example.com/",
            Some("date-time") => "2030-01-01T00:00:00Z",
            _ => "string",
        }),
        _ => Value::Null,
    }
}

/// Whether the schema has a password anywhere in it.
fn holds_secret(schema: &Value) -> bool {
    schema["format"] == "password"
        || members(&schema["properties"]).any(|(_, schema)| holds_secret(schema))
        || schema.get("items").is_some_and(holds_secret)
}

pub fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

/// The value with its local `$ref`s replaced, at most `depth` of them inside one another.
fn resolved(document: &Value, value: &Value, depth: usize) -> Value {
    match value {
        Value::Object(object) => match object.get("$ref").and_then(Value::as_str) {
            Some(reference) if depth > 0 => {
                let target = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
                target.map_or(Value::Null, |target| resolved(document, target, depth - 1))
            }
            Some(_) => Value::Null,
            None => object.iter().map(|(k, v)| (k.clone(), resolved(document, v, depth))).collect(),
        },
        Value::Array(items) => items.iter().map(|item| resolved(document, item, depth)).collect(),
        other => other.clone(),
    }
}

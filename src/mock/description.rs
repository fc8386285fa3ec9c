//! What the description says about each operation.

use std::{sync::Arc, time::Duration};

use hyper::Method;
use serde_json::{Map, Value, json};

use super::answer::Answer;

pub struct Api {
    pub base_path: String,
    /// The scopes that a server-to-server app can have.
    pub scope: String,
    operations: Vec<Operation>,
}

pub struct Operation {
    pub id: String,
    method: Method,
    /// The path's template, such as `/meetings/{meetingId}/livestream`.
    path: String,
    /// The parameters of the path that are integers.
    integers: Vec<String>,
    pub body: Option<Body>,
    /// The first documented 2xx, and its body.
    pub success: u16,
    pub answer: Option<Value>,
    pub limit: Option<StartLimit>,
    /// The fields of the body that neither are passwords nor have one in them.
    pub harmless: Arc<[String]>,
}

pub struct Body {
    pub media_type: String,
    pub is_required: bool,
    pub schema: Value,
}

/// What a start that is repeated too early is told.
pub struct StartLimit {
    message: String,
    pub cool_down: Duration,
    /// The fields of a start.
    when: Value,
}

/// The names and values of a path's parameters.
type Parameters<'a> = Vec<(&'a str, &'a str)>;

impl Api {
    pub fn read() -> Api {
        let document: Value = serde_json::from_str(include_str!("../../spec/openapi.json"))
            .expect("the client is generated from this document");
        let server = document["servers"][0]["url"].as_str().unwrap_or_default();
        let base_path = reqwest::Url::parse(server).map(|url| url.path().trim_end_matches('/').to_owned());
        let schemes = members(&document["components"]["securitySchemes"]);
        let flows = schemes.flat_map(|(_, scheme)| members(&scheme["flows"]));
        let scopes = flows.flat_map(|(_, flow)| members(&flow["scopes"])).map(|(name, _)| name.as_str());
        let scopes: Vec<_> = scopes.filter(|name| name.split(':').any(|part| part == "admin")).collect();
        let described = members(&document["paths"]).flat_map(|(path, item)| {
            let of = |(method, described): (&String, _)| {
                Some(Operation::read(&document, path, method.to_uppercase().parse().ok()?, described))
            };
            members(item).filter_map(of)
        });
        let mut operations: Vec<_> = described.collect();
        // `/users/me` is looked at before `/users/{userId}`.
        operations.sort_by_key(|operation| operation.path.matches('{').count());
        Api { base_path: base_path.unwrap_or_default(), scope: scopes.join(" "), operations }
    }

    /// The operation with this method and this path, which is that of a request without the base URL's.
    pub fn operation<'a>(&'a self, method: &Method, path: &'a str) -> Option<(&'a Operation, Parameters<'a>)> {
        let mut operations = self.operations.iter().filter(|operation| operation.method == method);
        operations.find_map(|operation| Some((operation, operation.parameters(path)?)))
    }
}

impl Operation {
    fn read(document: &Value, path: &str, method: Method, described: &Value) -> Operation {
        let integers = items(&described["parameters"])
            .filter(|parameter| parameter["in"] == "path" && parameter["schema"]["type"] == "integer")
            .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned));
        let body = members(&described["requestBody"]["content"]).next().map(|(media_type, content)| Body {
            media_type: media_type.clone(),
            is_required: described["requestBody"]["required"] == true,
            schema: content["schema"].clone(),
        });
        let fields = body.as_ref().map_or(&Value::Null, |body| &body.schema["properties"]);
        let harmless = members(fields).filter(|(_, schema)| !holds_secret(schema));
        let answers = &described["responses"];
        let success = members(answers).find(|(status, _)| status.starts_with('2'));
        let content = success.and_then(|(_, answer)| answer["content"].get("application/json"));
        let limit = answers.get("429").map(|limited| {
            let said = |name: &str| limited.get(name).or(document.get(name)).unwrap_or(&Value::Null);
            StartLimit {
                message: limited["description"].as_str().unwrap_or_default().to_owned(),
                cool_down: Duration::from_secs(said("x-retry-after-seconds").as_u64().unwrap_or_default()),
                when: said("x-retry-after-when").clone(),
            }
        });
        Operation {
            id: described["operationId"].as_str().unwrap_or_default().to_owned(),
            method,
            path: path.to_owned(),
            integers: integers.collect(),
            harmless: harmless.map(|(name, _)| name.clone()).collect(),
            body,
            success: success.and_then(|(status, _)| status.parse().ok()).unwrap_or(200),
            answer: content.map(example),
            limit,
        }
    }

    /// `None` if the path is not this operation's.
    fn parameters<'a>(&'a self, path: &'a str) -> Option<Parameters<'a>> {
        let (described, sent) = (self.path.split('/'), path.split('/'));
        if described.clone().count() != sent.clone().count() {
            return None;
        }
        let mut parameters = Vec::new();
        for (described, text) in described.zip(sent) {
            match described.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => parameters.push((name, text)),
                None if described == text => {}
                None => return None,
            }
        }
        Some(parameters)
    }

    /// Refuses an ID that is not a positive 64-bit integer.
    pub fn check_ids(&self, parameters: &Parameters<'_>) -> Result<(), Answer> {
        for (name, text) in parameters.iter().filter(|(name, _)| self.integers.iter().any(|id| id == name)) {
            let id = text.parse::<i64>().ok().filter(|id| *id > 0 && id.to_string() == **text);
            id.ok_or_else(|| Answer::error(400, 300, &format!("Invalid {name}.")))?;
        }
        Ok(())
    }
}

impl StartLimit {
    pub fn applies_to(&self, sent: &Map<String, Value>) -> bool {
        members(&self.when).all(|(field, value)| sent.get(field) == Some(value))
    }

    /// The documented sentence, with this cool-down and these parameters.
    pub fn message(&self, cool_down: Duration, parameters: &Parameters<'_>) -> String {
        let seconds = |wait: Duration| format!("{} seconds", wait.as_millis().div_ceil(1000));
        let message = self.message.replace(&seconds(self.cool_down), &seconds(cool_down));
        parameters.iter().fold(message, |message, (name, value)| message.replace(&format!("`{{{name}}}`"), value))
    }
}

fn holds_secret(schema: &Value) -> bool {
    let inside = ["items", "additionalProperties"].into_iter().filter_map(|keyword| schema.get(keyword));
    let mut inside = inside.chain(members(&schema["properties"]).map(|(_, schema)| schema));
    schema["format"] == "password" || inside.any(holds_secret)
}

/// The example of an answer, or a value made up from its schema.
fn example(content: &Value) -> Value {
    let named = members(&content["examples"]).find_map(|(_, example)| example.get("value"));
    content.get("example").or(named).cloned().unwrap_or_else(|| made_up(&content["schema"]))
}

fn made_up(schema: &Value) -> Value {
    if let Some(value) = schema.get("example").or(schema["enum"].get(0)) {
        return value.clone();
    }
    match schema["type"].as_str() {
        Some("array") => json!([made_up(&schema["items"])]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("string") if schema["format"] == "uri" => json!("https://example.com/"),
        Some("string") => json!("string"),
        _ => {
            let fields = members(&schema["properties"]);
            fields.map(|(name, schema)| (name.clone(), made_up(schema))).collect()
        }
    }
}

pub fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

pub fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

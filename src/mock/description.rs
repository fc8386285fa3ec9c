//! The parts of the description that are needed to answer requests.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use serde_json::Value;

use super::answer::Answer;
use super::fields::{BodyRules, essence, is_json};
use super::schemas::{Document, items, members};

pub struct Api {
    pub document: Document,
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
    /// The headers that are passwords.
    pub secret_headers: Vec<String>,
}

/// What is between two slashes of a path: `meetings`, `{meetingId}`, `{id}.json`.
#[derive(PartialEq)]
pub struct Segment {
    prefix: String,
    parameters: Vec<Parameter>,
}

#[derive(PartialEq)]
struct Parameter {
    name: String,
    is_integer: bool,
    /// The text up to the next parameter.
    followed_by: String,
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
        let document = Document(document);
        let root = &document.0;
        let server = root["servers"][0]["url"].as_str().unwrap_or("/");
        let base_path =
            reqwest::Url::parse(server).map_or_else(|_| server.to_owned(), |u| u.path().to_owned());
        let flows = members(&root["components"]["securitySchemes"]).map(|(_, scheme)| &scheme["flows"]);
        let scopes =
            flows.flat_map(members).flat_map(|(_, flow)| members(&flow["scopes"]).map(|(name, _)| name));
        let mut scopes: Vec<&str> = scopes.map(String::as_str).collect();
        scopes.sort_unstable();
        scopes.dedup();

        let paths = root["paths"].as_object().ok_or("the description has no paths")?;
        let mut operations = Vec::new();
        for (template, item) in paths {
            let item = document.target(item);
            for method in ["get", "put", "post", "delete", "options", "head", "patch", "trace"] {
                if let Some(described) = item.get(method) {
                    operations.push(Operation::read(&document, template, method, item, described));
                }
            }
        }
        operations.sort_by_cached_key(|operation| {
            operation.path.iter().map(Segment::precedence).collect::<Vec<_>>()
        });
        let (base_path, scope) = (base_path.trim_end_matches('/').to_owned(), scopes.join(" "));
        Ok(Api { document, base_path, scope, operations })
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
            let fits = |(segment, text): (&Segment, &&str)| segment.values(text).is_some();
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
    fn read(document: &Document, template: &str, method: &str, item: &Value, described: &Value) -> Operation {
        let parameters = [&item["parameters"], &described["parameters"]].into_iter().flat_map(items);
        let parameters: Vec<&Value> = parameters.map(|parameter| document.target(parameter)).collect();
        let is_integer = |name: &str| {
            let mut named = parameters.iter().filter(|parameter| parameter["name"] == name);
            named.any(|parameter| document.schema(&parameter["schema"])["type"] == "integer")
        };
        let secret_headers = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "header" && document.holds_secret(&parameter["schema"]));
        let responses = &described["responses"];
        let success = members(responses).find(|(status, _)| status.starts_with('2'));
        let content = success.map(|(_, response)| &document.target(response)["content"]);
        let mut content = content.into_iter().flat_map(members);
        let content = content.find(|(media_type, _)| is_json(&essence(media_type)));
        let content = content.map_or(&Value::Null, |(_, content)| content);
        let body = BodyRules::read(document.target(&described["requestBody"]));
        let schemas = body.iter().flat_map(|rules| &rules.schemas);
        let schemas: Vec<_> = schemas.map(|(_, schema)| document.schema(schema)).collect();
        let can_start = schemas.iter().any(|schema| {
            let action = document.schema(&schema["properties"]["action"]);
            items(&action["enum"]).any(|action| action == "start")
        });
        let limit = responses.get("429").filter(|_| can_start).map(|response| {
            let response = document.target(response);
            let wait = |place: &Value| place["x-retry-after-seconds"].as_u64();
            StartLimit {
                code: response["x-error-codes"][0]["code"].as_i64().unwrap_or(429),
                message: response["description"].as_str().unwrap_or("Too many requests.").trim().to_owned(),
                cool_down: Duration::from_secs(wait(response).or_else(|| wait(&document.0)).unwrap_or(30)),
            }
        });
        let names = schemas.iter().flat_map(|schema| members(&schema["properties"])).map(|(name, _)| name);
        let harmless = names.filter(|name| {
            !schemas.iter().any(|schema| document.holds_secret(&schema["properties"][name.as_str()]))
        });
        Operation {
            id: described["operationId"]
                .as_str()
                .map_or_else(|| format!("{method} {template}"), str::to_owned),
            // `Api::read` uses only valid names, so the default is never needed.
            method: method.to_uppercase().parse().unwrap_or(Method::GET),
            path: template
                .trim_start_matches('/')
                .split('/')
                .map(|text| Segment::read(text, is_integer))
                .collect(),
            success: success.and_then(|(status, _)| status.parse().ok()).unwrap_or(200),
            answer: content.is_object().then(|| example(document, content)),
            answers_with: members(&document.schema(&content["schema"])["properties"])
                .map(|(name, _)| name.clone())
                .collect(),
            limit,
            harmless: harmless.cloned().collect(),
            secret_headers: secret_headers
                .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned))
                .collect(),
            body,
        }
    }
}

impl StartLimit {
    /// The documented message about the resource at `key`: `{meetingId}` becomes its ID.
    pub fn message(&self, path: &[Segment], key: &str) -> String {
        let mut message = self.message.clone();
        for (segment, text) in path.iter().zip(key.split('/')) {
            let values = segment.values(text).unwrap_or_default();
            for (Parameter { name, .. }, value) in segment.parameters.iter().zip(values) {
                message =
                    message.replace(&format!("`{{{name}}}`"), value).replace(&format!("{{{name}}}"), value);
            }
        }
        message
    }
}

impl Segment {
    fn read(template: &str, is_integer: impl Fn(&str) -> bool) -> Segment {
        let mut pieces = template.split('{');
        let prefix = pieces.next().unwrap_or_default().to_owned();
        let parameters = pieces.map(|piece| {
            let (name, followed_by) = piece.split_once('}').unwrap_or((piece, ""));
            let is_integer = is_integer(name);
            Parameter { name: name.to_owned(), is_integer, followed_by: followed_by.to_owned() }
        });
        Segment { parameters: parameters.collect(), prefix }
    }

    /// Text without parameters is looked at first, then what has the most text around its parameters: `/users/me` before
    /// `/users/{id}.json` before `/users/{id}`.
    fn precedence(&self) -> (bool, Reverse<usize>) {
        let text = self.parameters.iter().map(|parameter| parameter.followed_by.len()).sum::<usize>();
        (!self.parameters.is_empty(), Reverse(self.prefix.len() + text))
    }

    /// The values of the parameters, if the text fits.
    fn values<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let mut rest = text.strip_prefix(&*self.prefix)?;
        let mut values = Vec::new();
        for (index, Parameter { followed_by, .. }) in self.parameters.iter().enumerate() {
            let is_last = index + 1 == self.parameters.len();
            let (value, after) = match is_last {
                true => (rest.strip_suffix(&**followed_by)?, ""),
                false => rest.split_once(&**followed_by)?,
            };
            values.push(value);
            rest = after;
        }
        rest.is_empty().then_some(values)
    }

    /// The segment in one canonical spelling: `084912345678` is the same meeting as `84912345678`.
    fn key(&self, text: &str) -> Result<String, String> {
        let mut key = self.prefix.clone();
        let values = self.values(text).unwrap_or_default();
        for (Parameter { is_integer, followed_by, .. }, value) in self.parameters.iter().zip(values) {
            if *is_integer {
                let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
                let id = value.parse::<i64>().ok().filter(|id| is_number && *id > 0);
                let id = id.ok_or("Invalid id: it must be a positive 64-bit integer.")?;
                key += &id.to_string();
            } else {
                key += value;
            }
            key += followed_by;
        }
        Ok(key)
    }
}

/// The documented example, or a value made from the schema.
fn example(document: &Document, content: &Value) -> Value {
    let named = members(&content["examples"]).find_map(|(_, example)| document.target(example).get("value"));
    content.get("example").or(named).cloned().unwrap_or_else(|| document.made_up(&content["schema"]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Segment;

    proptest! {
        #[test]
        fn a_segment_fits_what_its_template_makes_and_keeps_text_that_fits(
            prefix in "[a-z.-]{0,3}",
            parameters in prop::collection::vec(("[^/.-]{0,5}", "[.-][a-z]{0,3}"), 0..3),
            other in "[^/]{0,12}",
        ) {
            let (mut template, mut made) = (prefix.clone(), prefix);
            for (value, followed_by) in &parameters {
                template += &format!("{{x}}{followed_by}");
                made += &format!("{value}{followed_by}");
            }
            let segment = Segment::read(&template, |_| false);
            let values: Vec<&str> = parameters.iter().map(|(value, _)| value.as_str()).collect();
            prop_assert_eq!(segment.values(&made), Some(values));
            for text in [made, other] {
                if segment.values(&text).is_some() {
                    prop_assert_eq!(segment.key(&text), Ok(text));
                }
            }
        }
    }
}

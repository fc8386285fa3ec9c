//! What the layer needs to know about the document but cannot learn from the generated code. Collected before lowering.

use std::collections::BTreeMap;

use serde_json::Value;

use super::DOCUMENT;

/// Minimum and maximum length of a string, in characters.
pub type Bounds = (Option<u64>, Option<u64>);

pub struct Operation {
    pub id: String,
    /// Name of the client's method, and of the module with the operation's types.
    pub name: String,
    /// Name of the type that the method returns.
    pub builder: String,
    pub method: &'static str,
    pub path: String,
    /// The path with its parameters renamed to their Rust names.
    pub lowered_path: String,
    pub parameters: Vec<Parameter>,
    pub media_type: Option<String>,
    pub body_required: bool,
    pub wait: Option<u64>,
    pub lengths: Vec<Length>,
    /// The body's file fields: the name sent, and the Rust name.
    pub files: Vec<(String, String)>,
    pub errors: Vec<DocumentedError>,
}

/// A parameter: a value sent outside the body.
pub struct Parameter {
    /// The name sent.
    pub name: String,
    /// The Rust name.
    pub ident: String,
    pub place: Place,
    pub required: bool,
    pub description: String,
}

/// Where a parameter is sent, and in which style.
#[derive(Clone, Copy, PartialEq)]
pub enum Place {
    Path,
    Query(Style),
    Header(Style),
    Cookie(Style),
}

/// How a list or an object is serialized.
#[derive(Clone, Copy, PartialEq)]
pub enum Style {
    Delimited(char),
    Exploded,
    DeepObject,
    Json,
}

/// The length limits of a field of the body.
pub struct Length {
    /// The field's name, preceded by the names of the objects around it.
    pub field: Vec<String>,
    pub bounds: Bounds,
}

pub struct DocumentedError {
    pub status: u16,
    pub code: i64,
    pub message: String,
}

impl Operation {
    pub fn title(&self) -> String {
        title(&self.id, self.method, &self.path)
    }
}

pub fn title(id: &str, method: &str, path: &str) -> String {
    format!("operation `{id}` ({} {path})", method.to_uppercase())
}

/// The names of error codes. Each becomes a constant, so only valid constant names pass.
pub fn code_names(document: &Value) -> Result<BTreeMap<String, String>, String> {
    let members = document["x-error-code-names"].as_object().into_iter().flatten();
    let names: BTreeMap<String, String> =
        members.filter_map(|(code, name)| Some((code.clone(), name.as_str()?.to_owned()))).collect();
    for (code, name) in &names {
        let is_constant = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        if code.parse::<i64>().is_err() || !is_constant {
            return Err(format!(
                "{DOCUMENT}: `x-error-code-names` maps error codes to names such as USER_NOT_FOUND; `{code}: {name}` is not valid"
            ));
        }
    }
    Ok(names)
}

/// The wait documented for the operation's 429, or the document's default.
pub fn wait(answers: &Value, default: Option<u64>) -> Option<u64> {
    answers["429"]["x-retry-after-seconds"].as_u64().or(default)
}

pub fn errors(answers: &Value) -> Vec<DocumentedError> {
    let failures = answers.as_object().into_iter().flatten().filter(|(status, _)| !status.starts_with('2'));
    let failures = failures.filter_map(|(status, answer)| Some((status.parse().ok()?, answer)));
    let codes = |(status, answer): (u16, &Value)| {
        let codes = answer["x-error-codes"].as_array().cloned().unwrap_or_default();
        codes.into_iter().filter_map(move |error| {
            let message = error["message"].as_str().unwrap_or_default().to_owned();
            Some(DocumentedError { status, code: error["code"].as_i64()?, message })
        })
    };
    failures.flat_map(codes).collect()
}

/// The length limits of a body's fields, nested ones included.
pub fn lengths(schema: &Value) -> Vec<Length> {
    let mut found = Vec::new();
    each_field(schema, &mut Vec::new(), &mut found);
    found
}

fn each_field(schema: &Value, place: &mut Vec<String>, found: &mut Vec<Length>) {
    let bounds = bounds(schema);
    if bounds != (None, None) && !place.is_empty() {
        found.push(Length { field: place.clone(), bounds });
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        place.push(name.clone());
        each_field(inner, place, found);
        place.pop();
    }
}

pub fn bounds(schema: &Value) -> Bounds {
    (schema["minLength"].as_u64(), schema["maxLength"].as_u64())
}

//! What the layer needs to know about the document but cannot learn from the generated code. Collected before lowering.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use super::DOCUMENT;
use super::schemas::Types;

/// Minimum and maximum length of a string, in characters.
pub type Bounds = (Option<u64>, Option<u64>);

pub struct Operation {
    pub id: String,
    /// Name of the client's method, and of the module with the operation's types.
    pub name: String,
    /// Name of the type that the method returns.
    pub builder: String,
    /// What the names of its own types begin with: `builder`, except that typify writes `GetAB` as `GetAb`.
    pub prefix: String,
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

/// The length limits of a text in the body.
pub struct Length {
    /// The way to it from the body.
    pub place: Vec<Step>,
    pub bounds: Bounds,
}

#[derive(Clone)]
pub enum Step {
    /// A field, by the name sent.
    Field(String),
    /// Each item of a list, or each value of a map.
    Each,
}

impl Length {
    pub fn name(&self) -> String {
        name(&self.place)
    }
}

/// `settings.names[]` for the items of `names` in `settings`.
fn name(place: &[Step]) -> String {
    let unnamed = if matches!(place.first(), Some(Step::Field(_))) { "" } else { "body" };
    let steps = place.iter().map(|step| match step {
        Step::Field(name) => format!(".{name}"),
        Step::Each => "[]".to_owned(),
    });
    format!("{unnamed}{}", steps.collect::<String>().trim_start_matches('.'))
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
    let mut seen = BTreeSet::new();
    for (code, name) in &names {
        let is_constant = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        let is_number = code.parse::<i64>().is_ok_and(|number| number.to_string() == *code);
        if !is_number || !is_constant || !seen.insert(name) {
            return Err(format!(
                "{DOCUMENT}: `x-error-code-names` maps each error code, a plain integer, to a name of its own such as USER_NOT_FOUND; `{code}: {name}` is not valid"
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

/// The most fields of a body that are searched for length limits: the number of fields can grow with the factorial of
/// the number of schemas that refer to each other.
const SEARCHED_FIELDS: usize = 1000;

/// The length limits of a body's texts, the outermost first, and notes on those that are not checked. Of an object that
/// contains itself, only the outermost occurrence is searched.
pub fn lengths(schema: &Value, types: &Types) -> (Vec<Length>, Vec<String>) {
    let (mut found, mut notes) = (Vec::new(), Vec::new());
    let mut searched = 0;
    let mut next = VecDeque::from([(schema, Vec::new(), Vec::new())]);
    while let Some((schema, mut around, place)) = next.pop_front() {
        let schema = types.resolved(schema);
        if around.iter().any(|other| std::ptr::eq(*other, schema)) {
            continue;
        }
        // typify chooses the types of such a schema.
        if is_either(schema, types) {
            let has_limit = |schema: &Value| schema.get("minLength").or(schema.get("maxLength")).is_some();
            if types.any(schema, has_limit) {
                let name = name(&place);
                notes
                    .push(format!("lengths inside `{name}` are not checked, because it has several schemas"));
            }
            continue;
        }
        around.push(schema);
        let parts = schema["allOf"].as_array().into_iter().flatten();
        next.extend(parts.map(|part| (part, around.clone(), place.clone())));
        let fields = schema["properties"].as_object().into_iter().flatten();
        let fields = fields.map(|(name, inner)| (inner, Step::Field(name.clone())));
        let each = ["items", "additionalProperties"]
            .into_iter()
            .map(|key| &schema[key])
            .filter(|each| each.is_object());
        for (inner, step) in fields.chain(each.map(|inner| (inner, Step::Each))) {
            if searched == SEARCHED_FIELDS {
                notes.push(format!(
                    "only the lengths of its body's outermost {SEARCHED_FIELDS} fields are checked"
                ));
                return (found, notes);
            }
            searched += 1;
            let place: Vec<Step> = place.iter().cloned().chain([step]).collect();
            let bounds = types.bounds(inner);
            if bounds != (None, None) {
                found.push(Length { place: place.clone(), bounds });
            }
            next.push_back((inner, around.clone(), place));
        }
    }
    (found, notes)
}

/// Whether a schema stands for one of several.
fn is_either(schema: &Value, types: &Types) -> bool {
    let schema = types.resolved(schema);
    let mut all = schema["allOf"].as_array().into_iter().flatten();
    schema.get("oneOf").or(schema.get("anyOf")).is_some() || all.any(|part| is_either(part, types))
}

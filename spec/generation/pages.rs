//! The documentation of an operation in the generated code.

use std::collections::BTreeMap;

use serde_json::Value;

/// The description, the scopes it doesn't mention, and each documented answer.
pub fn operation(operation: &Value, code_names: &BTreeMap<String, String>) -> String {
    let answers = operation["responses"].as_object().into_iter().flatten();
    let answers: String =
        answers.map(|(status, answer)| describe_answer(status, answer, code_names)).collect();
    let description = operation["description"].as_str().unwrap_or_default().trim_end();
    // Most descriptions already mention the label and the scopes.
    let label =
        operation["x-rate-limit-label"].as_str().filter(|label| !description.contains(&format!("`{label}`")));
    let label = label.map(|label| format!("\n\nRate limit label: `{label}`.")).unwrap_or_default();
    let scopes = describe_scopes(&operation["security"], description);
    format!("{description}{scopes}{label}\n\n# Documented answers\n\n{answers}")
}

/// The scopes that the description doesn't mention. One requirement is enough, but all of its scopes are needed.
fn describe_scopes(requirements: &Value, description: &str) -> String {
    let requirements = requirements.as_array().into_iter().flatten().map(scopes);
    let (named, unnamed): (Vec<_>, Vec<_>) = requirements
        .filter(|scopes| !scopes.is_empty())
        .partition(|scopes| scopes.iter().all(|scope| description.contains(scope)));
    let unnamed: Vec<String> = unnamed.iter().map(|scopes| scopes.join(" with ")).collect();
    match (named.is_empty(), unnamed.join(", ")) {
        (_, unnamed) if unnamed.is_empty() => String::new(),
        (true, unnamed) => format!("\n\nNeeds one of these scopes: {unnamed}."),
        (false, unnamed) => format!("\n\nOr one of these granular scopes: {unnamed}."),
    }
}

fn scopes(requirement: &Value) -> Vec<String> {
    let scopes = requirement.as_object().into_iter().flat_map(|schemes| schemes.values());
    let scopes = scopes.flat_map(|scopes| scopes.as_array().into_iter().flatten()).filter_map(Value::as_str);
    scopes.map(|scope| format!("`{scope}`")).collect()
}

fn describe_answer(status: &str, answer: &Value, code_names: &BTreeMap<String, String>) -> String {
    let wait = answer["x-retry-after-seconds"]
        .as_u64()
        .map(|seconds| format!(" Wait: {seconds} seconds."))
        .unwrap_or_default();
    let codes: Vec<String> = (answer["x-error-codes"].as_array().into_iter().flatten())
        .map(|error| {
            let code = error["code"].to_string();
            let message = one_line(error["message"].as_str().unwrap_or_default());
            match code_names.get(&code) {
                Some(name) => format!("  - [`{code}`](crate::ErrorCode::{name}): {message}\n"),
                None => format!("  - `{code}`: {message}\n"),
            }
        })
        .collect();
    let text = if codes.is_empty() {
        one_line(answer["description"].as_str().unwrap_or_default())
    } else {
        String::new()
    };
    let colon = if text.is_empty() { "" } else { ": " };
    format!("- `{status}`{colon}{text}{wait}\n{}", codes.concat())
}

pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

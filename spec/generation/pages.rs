//! The documentation of an operation in the generated code.

use std::collections::BTreeMap;

use serde_json::Value;

/// The description, the granular scopes it doesn't mention, and each documented answer.
pub fn operation(operation: &Value, code_names: &BTreeMap<String, String>) -> String {
    let answers = operation["responses"].as_object().into_iter().flatten();
    let answers: String =
        answers.map(|(status, answer)| describe_answer(status, answer, code_names)).collect();
    let description = operation["description"].as_str().unwrap_or_default().trim_end();
    // Most descriptions already mention them.
    let label =
        operation["x-rate-limit-label"].as_str().filter(|label| !description.contains(&format!("`{label}`")));
    let label = label.map(|label| format!("\n\nRate limit label: `{label}`.")).unwrap_or_default();
    let required = operation["security"].as_array().into_iter().flatten().flat_map(scopes);
    let unnamed: Vec<&str> = required.filter(|scope| !description.contains(&format!("`{scope}`"))).collect();
    let scopes = match unnamed.is_empty() {
        true => String::new(),
        false => format!("\n\nOr one of these granular scopes: `{}`.", unnamed.join("`, `")),
    };
    format!("{description}{scopes}{label}\n\n# Documented answers\n\n{answers}")
}

fn scopes(requirement: &Value) -> Vec<&str> {
    let scopes = requirement.as_object().into_iter().flat_map(|schemes| schemes.values());
    scopes.flat_map(|scopes| scopes.as_array().into_iter().flatten()).filter_map(Value::as_str).collect()
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

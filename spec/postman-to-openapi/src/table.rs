//! A document's operations as a Markdown table.

use heck::ToSnakeCase;
use serde_json::Value;

use crate::Error;
use crate::template::members;

const BEGIN: &str = "<!-- operations -->";
const END: &str = "<!-- end of operations -->";

/// Replaces the text between `<!-- operations -->` and `<!-- end of operations -->`, each on a line of its own, with a
/// table of a document's operations. Its lines end like the first marker's: with `\n` or `\r\n`.
///
/// # Errors
///
/// The text does not contain both markers in that order. `name` is the file's name in the error.
pub fn with_table(name: &str, markdown: &str, document: &Value) -> Result<String, Error> {
    let place = |line_end: &'static str| {
        let (head, rest) = markdown.split_once(&format!("{BEGIN}{line_end}"))?;
        Some((head, line_end, rest.split_once(END)?.1))
    };
    let Some((head, line_end, tail)) = place("\n").or_else(|| place("\r\n")) else {
        return Err(Error::new(format!(
            "{name}: the file has no place for the table of operations; add the lines `{BEGIN}` and `{END}`"
        )));
    };
    let table = table(document).replace('\n', line_end);
    Ok(format!("{head}{BEGIN}{line_end}{table}{END}{tail}"))
}

fn table(document: &Value) -> String {
    let mut table = "| method | request | scopes (any one is enough) |\n|---|---|---|\n".to_owned();
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item).filter(|(_, operation)| operation["responses"].is_object()) {
            table += &format!(
                "| `{}` | `{} {}` | {} |\n",
                cell(&operation["operationId"].as_str().unwrap_or_default().to_snake_case()),
                method.to_ascii_uppercase(),
                cell(path),
                cell(&scopes(operation)),
            );
        }
    }
    table
}

/// Each alternative; the scopes of one are needed together.
fn scopes(operation: &Value) -> String {
    let alternatives = operation["security"].as_array().into_iter().flatten().map(|alternative| {
        let scopes = members(alternative).flat_map(|(_, scopes)| scopes.as_array().into_iter().flatten());
        let scopes = scopes.filter_map(|scope| Some(format!("`{}`", scope.as_str()?)));
        scopes.collect::<Vec<_>>().join(" with ")
    });
    let alternatives: Vec<String> = alternatives.filter(|scopes| !scopes.is_empty()).collect();
    if alternatives.is_empty() {
        return "none documented".to_owned();
    }
    alternatives.join(", ")
}

/// Escapes what would end the cell or the line.
fn cell(text: &str) -> String {
    text.replace(char::is_control, " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_that_are_needed_together_are_joined() {
        for (security, cell) in [
            (serde_json::json!([{ "o": ["a"] }, { "o": ["b", "c"] }]), "`a`, `b` with `c`"),
            (serde_json::json!([{ "o": ["a"], "p": ["b"] }, { "key": [] }]), "`a` with `b`"),
            (serde_json::json!([{ "key": [] }]), "none documented"),
            (Value::Null, "none documented"),
        ] {
            assert_eq!(scopes(&serde_json::json!({ "security": security })), cell);
        }
    }
}

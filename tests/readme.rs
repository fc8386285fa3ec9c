//! What the README says of the description is what the description says.

use serde_json::Value;

const README: &str = include_str!("../README.md");

/// The table of operations, as `spec/openapi.json` has it.
fn operations() -> String {
    let document: Value =
        serde_json::from_str(include_str!("../spec/openapi.json")).expect("spec/openapi.json is JSON");
    let mut table =
        "| `Client` method | request | scopes, any one | limit label | documented answers |\n".to_owned();
    table += "|---|---|---|---|---|\n";
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("a path's operations") {
            let text = |value: &Value| value.as_str().unwrap_or("none documented").to_owned();
            let name: String = (text(&operation["operationId"]).chars())
                .flat_map(|c| if c.is_uppercase() { vec!['_', c.to_ascii_lowercase()] } else { vec![c] })
                .collect();
            let scopes = operation["security"].as_array().into_iter().flatten();
            let scopes: Vec<String> =
                scopes.map(|scope| format!("`{}`", text(&scope["oauth2"][0]))).collect();
            let answers =
                operation["responses"].as_object().expect("answers").iter().map(|(status, answer)| {
                    let codes = answer["x-error-codes"].as_array().into_iter().flatten();
                    let codes: Vec<String> = codes.map(|code| code["code"].to_string()).collect();
                    if codes.is_empty() { status.clone() } else { format!("{status} ({})", codes.join(", ")) }
                });
            let answers: Vec<String> = answers.collect();
            let request = format!("{} {path}", method.to_uppercase());
            let label = text(&operation["x-rate-limit-label"]);
            table += &format!(
                "| `{name}` | `{request}` | {} | {label} | {} |\n",
                scopes.join(", "),
                answers.join(", ")
            );
        }
    }
    table
}

/// With `BLESS=1` in the environment it writes the table anew instead.
#[test]
fn the_table_of_operations_is_the_descriptions() {
    let (before, rest) = README.split_once("<!-- operations -->\n").expect("the table's beginning");
    let (table, after) = rest.split_once("<!-- end of operations -->").expect("the table's end");
    if std::env::var_os("BLESS").is_some() {
        let readme =
            format!("{before}<!-- operations -->\n{}<!-- end of operations -->{after}", operations());
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"), readme)
            .expect("README.md is written");
        return;
    }
    assert_eq!(table, operations(), "run `BLESS=1 cargo test --test readme`");
}

#[test]
fn each_test_that_a_promise_names_exists() {
    let sources = [
        include_str!("../src/auth.rs"),
        include_str!("../src/id.rs"),
        include_str!("../src/multipart.rs"),
        include_str!("../src/retry.rs"),
        include_str!("generation.rs"),
        include_str!("integration/answers.rs"),
        include_str!("integration/builder.rs"),
        include_str!("integration/family.rs"),
        include_str!("integration/faults.rs"),
        include_str!("integration/limits.rs"),
        include_str!("integration/secrets.rs"),
        include_str!("integration/spans.rs"),
        include_str!("integration/tokens.rs"),
        include_str!("integration/transport.rs"),
        include_str!("integration/wire.rs"),
        include_str!("mock.rs"),
    ];
    let (_, promises) = README.split_once("## What is promised").expect("the table of promises");
    let (promises, _) = promises.split_once("\n## ").expect("what follows it");
    let names: Vec<&str> =
        promises.split('`').filter(|name| name.matches('_').count() > 2 && !name.contains(' ')).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        let defined = format!("fn {name}()");
        assert!(sources.iter().any(|source| source.contains(&defined)), "no test is named {name}");
    }
}

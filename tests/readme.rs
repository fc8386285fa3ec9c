//! What the README says of the description is what the description says.

use std::path::Path;

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
fn the_defaults_are_those_of_the_readme() {
    let builder = format!("{:?}", zoom_livestream::Client::builder());
    for (row, default) in [
        ("| Server | `https://api.zoom.us/v2` |", "base_url: Some(\"https://api.zoom.us/v2\")"),
        ("| Time to connect | 10 s |", "connect_timeout: 10s"),
        ("| Time for one attempt, its answer's body included | 30 s |", "attempt_timeout: 30s"),
        ("| A silent HTTP/2 connection is pinged after | 15 s |", "http2_keep_alive_interval: Some(15s)"),
        ("| ... and closed if there is no answer for | 10 s |", "http2_keep_alive_timeout: Some(10s)"),
        ("| A connection without calls is kept for | 50 s |", "pool_idle_timeout: Some(50s)"),
        ("| Time for a whole call, waits included | 300 s |", "deadline: Some(300s)"),
        ("| Resends after a 429 | 3 |", "max_retries: 3"),
        ("| Longest wait that is begun | 120 s |", "max_wait: 120s"),
        ("| Asked before a resend | nothing |", "check: false"),
        ("| A token is renewed before it expires | 300 s |", "token_margin: 300s"),
        ("| Time for a token request, whichever source makes it | 10 s |", "token_timeout: 10s"),
        ("| Encoding of a body described as multipart | multipart |", "body_encoding: Described"),
    ] {
        assert!(README.contains(row), "README.md has no row {row}");
        assert!(builder.contains(default), "{row} {builder}");
    }
}

fn sources(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *into += &std::fs::read_to_string(path).expect("a source");
        }
    }
}

#[test]
fn each_test_that_a_promise_names_exists() {
    let mut all = String::new();
    for folder in ["src", "tests"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut all);
    }
    let (_, promises) = README.split_once("## What is promised").expect("the table of promises");
    let (promises, _) = promises.split_once("\n## ").expect("what follows it");
    let names: Vec<&str> =
        promises.split('`').filter(|name| name.matches('_').count() > 2 && !name.contains(' ')).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        assert!(all.contains(&format!("fn {name}()")), "no test is named {name}");
    }
}

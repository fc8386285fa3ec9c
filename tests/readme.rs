//! What the README says of the code is so.

use std::path::Path;

const README: &str = include_str!("../README.md");

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
        ("| Retries after a 429, a limit per second aside | 3 |", "max_retries: 3"),
        ("| Longest wait the client will start | 120 s |", "max_wait: 120s"),
        ("| Asked before a retry | nothing |", "check: false"),
        ("| Ends a wait early | nothing |", "unless: false"),
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
        assert!(all.contains(&format!("fn {name}(")), "no test is named {name}");
    }
}

//! Generates the client of `everything.json`, and records what becomes of each document in `fixtures.rs`.

#[path = "../../spec/generation/mod.rs"]
mod generation;

mod fixtures;

use std::collections::BTreeMap;

fn main() {
    for input in ["build.rs", "fixtures.rs", "everything.json", "../../spec"] {
        println!("cargo::rerun-if-changed={input}");
    }
    let generate = |document: &str| generation::generate(document, true);
    let client = generate(include_str!("everything.json")).expect("a client");
    let outcomes: BTreeMap<String, Result<String, String>> =
        fixtures::fixtures().into_iter().map(|(name, document)| (name, generate(&document))).collect();
    let folder = std::env::var("OUT_DIR").expect("cargo sets it");
    std::fs::write(format!("{folder}/client.rs"), client).expect("a file");
    let outcomes = serde_json::to_string(&outcomes).expect("JSON");
    std::fs::write(format!("{folder}/outcomes.json"), outcomes).expect("a file");
}

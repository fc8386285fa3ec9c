//! Generates the client of `everything.json`, and records the outcome for each document of `fixtures.rs`.

#[path = "../../spec/generation/mod.rs"]
mod generation;

mod fixtures;

use std::collections::BTreeMap;

use generation::{Generated, Settings, generate};
use proc_macro2::TokenStream;

const EVERYTHING: &str = include_str!("everything.json");

fn settings() -> Settings {
    Settings { schemars: true, layer: include_str!("../../src/lib.rs").to_owned(), tamper: |tokens| tokens }
}

fn main() {
    for input in ["build.rs", "fixtures.rs", "everything.json", "../../spec/generation", "../../src/lib.rs"] {
        println!("cargo::rerun-if-changed={input}");
    }
    let mut outcomes = BTreeMap::new();
    for (name, document) in fixtures::fixtures() {
        outcomes.insert(name, generate(&document, &settings()));
    }
    for (name, tamper) in TAMPERED {
        outcomes.insert(name.to_owned(), generate(EVERYTHING, &Settings { tamper, ..settings() }));
    }
    let written = generate(EVERYTHING, &settings()).and_then(|client| {
        if let Some(note) = client.notes.first() {
            return Err(note.clone());
        }
        let folder = std::env::var("OUT_DIR").map_err(|error| error.to_string())?;
        let outcomes: BTreeMap<_, _> = (outcomes.into_iter())
            .map(|(name, outcome)| match outcome {
                Ok(Generated { code, notes }) => (name, serde_json::json!({ "code": code, "notes": notes })),
                Err(sentence) => (name, serde_json::json!({ "sentence": sentence })),
            })
            .collect();
        let outcomes = serde_json::to_string(&outcomes).map_err(|error| error.to_string())?;
        let write = |name: &str, text: String| {
            std::fs::write(format!("{folder}/{name}"), text)
                .map_err(|error| format!("cannot write {name}: {error}"))
        };
        write("client.rs", client.code)?;
        write("outcomes.json", outcomes)
    });
    if let Err(sentence) = written {
        println!("cargo::error={}", sentence.replace('\n', " "));
        std::process::exit(1);
    }
}

type Tamper = fn(TokenStream) -> TokenStream;

/// Code that a later progenitor might generate, each of which leaves one pass without anything to change.
const TAMPERED: [(&str, Tamper); 8] = [
    ("tampered: missing fields", |tokens| {
        replaced(tokens, r#"Err ("no value supplied for"#, r#"Unset ("no value supplied for"#)
    }),
    ("tampered: missing parameters", |tokens| {
        replaced(tokens, "was not initialized\" . to_string ())", "\" . to_string ()) ?")
    }),
    ("tampered: values of enums", |tokens| replaced(tokens, "\"invalid value\"", "\"unknown variant\"")),
    ("tampered: unnamed fields", |tokens| {
        replaced(tokens, ":: serde_json :: Map", ":: serde_json :: Dictionary")
    }),
    ("tampered: inner types", |tokens| {
        replaced(
            tokens,
            ":: std :: convert :: TryInto < :: std :: option :: Option",
            ":: std :: convert :: TryInto < Maybe",
        )
    }),
    ("tampered: refusals", |tokens| replaced(tokens, ". map_err (| _ |", ". map_err (")),
    ("tampered: send", |tokens| replaced(tokens, "fn send", "fn dispatch")),
    ("tampered: methods", |tokens| replaced(tokens, "pub fn send_query", "pub fn dispatch_query")),
];

fn replaced(tokens: TokenStream, written: &str, other: &str) -> TokenStream {
    let text = tokens.to_string();
    assert!(text.contains(written), "progenitor no longer generates {written}");
    text.replace(written, other).parse().unwrap_or(tokens)
}

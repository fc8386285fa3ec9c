//! Generates the client: `spec/openapi.json` → `$OUT_DIR/client.rs`.

#[path = "spec/generation/mod.rs"]
mod generation;

use generation::{Generated, Settings, generate};

const DOCUMENT: &str = "spec/openapi.json";
const LAYER: &str = "src/lib.rs";

fn main() {
    for input in ["build.rs", "spec/generation", DOCUMENT, LAYER] {
        println!("cargo::rerun-if-changed={input}");
    }
    if let Err(sentence) = write() {
        println!("cargo::error={}", sentence.replace('\n', " "));
        std::process::exit(1);
    }
}

fn write() -> Result<(), String> {
    let read =
        |path: &str| std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"));
    let schemars = std::env::var_os("CARGO_FEATURE_SCHEMARS").is_some();
    let settings = Settings { schemars, layer: read(LAYER)? };
    let Generated { code, notes } = generate(&with_enabled_schemas(&read(DOCUMENT)?)?, &settings)?;
    notes.iter().for_each(|note| println!("cargo::warning={note}"));
    let folder = std::env::var("OUT_DIR")
        .map_err(|error| format!("cannot read the environment variable OUT_DIR: {error}"))?;
    std::fs::write(format!("{folder}/client.rs"), code)
        .map_err(|error| format!("cannot write {folder}/client.rs: {error}"))
}

/// The document without the schemas of disabled features, so that a build without them doesn't pay for them.
fn with_enabled_schemas(source: &str) -> Result<String, String> {
    let mut document: serde_json::Value =
        serde_json::from_str(source).map_err(|error| format!("{DOCUMENT} is not valid JSON: {error}"))?;
    let is_enabled = |name: &str| {
        std::env::var_os(format!("CARGO_FEATURE_{}", name.to_uppercase().replace('-', "_"))).is_some()
    };
    let schemas = document.pointer_mut("/components/schemas").and_then(serde_json::Value::as_object_mut);
    if let Some(schemas) = schemas {
        schemas.retain(|_, schema| schema["x-feature"].as_str().is_none_or(is_enabled));
    }
    Ok(document.to_string())
}

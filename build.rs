//! `spec/openapi.json` → lowered for progenitor → generated → finished → `$OUT_DIR/client.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proc_macro2::TokenStream;
use progenitor::{GenerationSettings, Generator, InterfaceStyle, TypeImpl};
use quote::quote;
use schemars08::schema::{InstanceType, SchemaObject};
use serde_json::{Value, json};

#[path = "spec/generation/finish.rs"]
mod finish;
#[path = "spec/generation/lower.rs"]
mod lower;

use finish::finish;
use lower::{Lowered, RAW, lower, one_line, raw_schema};

const DOCUMENT: &str = "spec/openapi.json";

#[allow(dead_code)] // the generation test includes this file and calls `generate` itself
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=spec/generation");
    println!("cargo::rerun-if-changed={DOCUMENT}");
    let written =
        std::fs::read_to_string(DOCUMENT).map_err(|error| format!("{DOCUMENT} cannot be read: {error}"));
    let written = written.and_then(|source| with_enabled_schemas(&source));
    let written =
        written.and_then(|source| generate(&source, std::env::var_os("CARGO_FEATURE_SCHEMARS").is_some()));
    let written = written.and_then(|code| {
        let folder = std::env::var("OUT_DIR").map_err(|error| format!("OUT_DIR: {error}"))?;
        std::fs::write(format!("{folder}/client.rs"), code)
            .map_err(|error| format!("{folder}/client.rs: {error}"))
    });
    if let Err(sentence) = written {
        println!("cargo::error={}", sentence.replace('\n', " "));
        std::process::exit(1);
    }
}

/// The document without the schemas of features that are off, so that they cost such a build nothing.
fn with_enabled_schemas(source: &str) -> Result<String, String> {
    let mut document: Value =
        serde_json::from_str(source).map_err(|error| format!("{DOCUMENT} is not JSON: {error}"))?;
    let is_enabled = |schema: &Value| {
        let feature = schema["x-feature"].as_str();
        feature
            .is_none_or(|name| std::env::var_os(format!("CARGO_FEATURE_{}", name.to_uppercase())).is_some())
    };
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.retain(|_, schema| is_enabled(schema));
    }
    Ok(document.to_string())
}

/// The whole way: the document's text in, the client's source out, or one sentence that says what is wrong.
pub fn generate(source: &str, schemars: bool) -> Result<String, String> {
    let document =
        serde_json::from_str(source).map_err(|error| format!("{DOCUMENT} is not JSON: {error}"))?;
    let mut lowered = lower(document)?;
    let tokens = match run_progenitor(&lowered.document, schemars) {
        Ok(tokens) => tokens,
        Err(reason) => {
            make_raw_what_progenitor_refuses(&mut lowered, schemars)?;
            run_progenitor(&lowered.document, schemars)
                .map_err(|_| format!("{DOCUMENT}: progenitor cannot generate a client from it: {reason}"))?
        }
    };
    let file = finish(tokens, &lowered, schemars)?;
    Ok(prettyplease::unparse(&file))
}

fn run_progenitor(document: &Value, schemars: bool) -> Result<TokenStream, String> {
    let document: openapiv3::OpenAPI =
        serde_json::from_value(document.clone()).map_err(|error| error.to_string())?;
    let mut settings = GenerationSettings::new();
    settings.with_interface(InterfaceStyle::Builder).with_inner_type(quote!(crate::client::Inner));
    let conversions = [
        (InstanceType::Integer, "meeting-id", "crate::MeetingId", vec![TypeImpl::Display]),
        (InstanceType::Integer, "webinar-id", "crate::WebinarId", vec![TypeImpl::Display]),
        (InstanceType::String, "path-segment", "crate::PathSegment", vec![TypeImpl::Display]),
        (InstanceType::String, "password", "crate::Secret", vec![]),
        (InstanceType::String, RAW, "crate::RawBody", vec![]),
    ];
    for (kind, format, type_name, impls) in conversions {
        let (instance_type, format) = (Some(kind.into()), Some(format.to_owned()));
        let schema = SchemaObject { instance_type, format, ..SchemaObject::default() };
        settings.with_conversion(schema, type_name, impls.into_iter());
    }
    if schemars {
        settings.with_derive("::schemars::JsonSchema");
    }
    // progenitor asserts; the message of its panic is the reason a person needs to see.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let outcome = catch_unwind(AssertUnwindSafe(|| Generator::new(&settings).generate_tokens(&document)));
    std::panic::set_hook(hook);
    match outcome {
        Ok(tokens) => tokens.map_err(|error| error.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            Err(text
                .or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()))
                .unwrap_or_default())
        }
    }
}

/// Generates each operation alone; one that fails keeps its path and takes and gives plain JSON and bytes.
fn make_raw_what_progenitor_refuses(lowered: &mut Lowered, schemars: bool) -> Result<(), String> {
    for operation in &lowered.operations {
        let only = |document: &Value| {
            let mut only = document.clone();
            let kept = document["paths"][&operation.lowered_path][operation.method].clone();
            only["paths"] = json!({ &operation.lowered_path: { operation.method: kept } });
            only
        };
        if run_progenitor(&only(&lowered.document), schemars).is_ok() {
            continue;
        }
        let refused = &mut lowered.document["paths"][&operation.lowered_path][operation.method];
        if let Some(body) = refused.pointer_mut("/requestBody/content/application~1json/schema") {
            *body = json!({});
        }
        if let Some(answer) = refused.pointer_mut("/responses/200/content/application~1json/schema") {
            *answer = raw_schema();
        }
        for parameter in refused["parameters"].as_array_mut().into_iter().flatten() {
            if parameter["in"] != "path" {
                parameter["schema"] = json!({ "type": "string" });
            }
        }
        run_progenitor(&only(&lowered.document), schemars).map_err(|reason| {
            format!("{DOCUMENT}: {}: progenitor cannot take it: {}", operation.name(), one_line(&reason))
        })?;
    }
    Ok(())
}

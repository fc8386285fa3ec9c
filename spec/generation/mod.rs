//! `spec/openapi.json` → lowered for progenitor → generated → finished: the client's source.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use proc_macro2::TokenStream;
use progenitor::{GenerationSettings, Generator, InterfaceStyle, TypeImpl};
use quote::quote;
use schemars08::schema::{InstanceType, SchemaObject};
use serde_json::{Value, json};

mod facts;
mod finishing;
mod lowering;
mod names;
mod pages;
mod parameters;
mod references;
mod schemas;

use finishing::finish;
use lowering::{Lowered, lower, raw_schema};
use schemas::Types;

/// The document's name in error messages.
const DOCUMENT: &str = "spec/openapi.json";

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The generator's stack, in bytes: twice what the deepest document that serde_json reads needs without optimization. The
/// main thread's is large enough on Linux, but not on Windows.
const STACK: usize = 16 << 20;

/// Format of a body or an answer without a schema, or of a type that progenitor cannot generate.
const RAW: &str = "raw-body";

/// Format of a form's file field.
const FILE: &str = "file-part";

/// Format prefix of a parameter whose type is a struct; the type's name follows.
const STRUCT: &str = "struct-";

/// Names that the layer uses, so a client's method and an operation's module can't have them.
const TAKEN: [&str; 14] = [
    "builder",
    "client",
    "clone",
    "core",
    "fmt",
    "from_env",
    "reqwest",
    "self",
    "serde",
    "std",
    "types",
    "with_access_token",
    "with_retry",
    "with_token_source",
];

pub struct Settings {
    /// Whether to derive `JsonSchema`.
    pub schemars: bool,
    /// Source of the layer's root, which declares its modules.
    pub layer: String,
}

/// What progenitor generated, and what finishing it takes.
pub struct Draft {
    /// Progenitor's output. Tests change it to show that the change is noticed.
    pub tokens: TokenStream,
    lowered: Lowered,
    notes: Vec<String>,
}

/// The client's source, and notes on where it differs from the document.
pub struct Generated {
    pub code: String,
    /// One line each.
    pub notes: Vec<String>,
}

/// Generates the client's source from the document's text.
///
/// An error is one sentence that says what is wrong and where.
pub fn generate(source: &str, settings: &Settings) -> Result<Generated, String> {
    thread::scope(|scope| {
        let generating = thread::Builder::new().stack_size(STACK);
        let generating = generating
            .spawn_scoped(scope, || draft(source, settings)?.finish(settings))
            .map_err(|error| format!("cannot start the thread that generates the client: {error}"))?;
        generating.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Runs progenitor on the lowered document.
pub fn draft(source: &str, settings: &Settings) -> Result<Draft, String> {
    let document =
        serde_json::from_str(source).map_err(|error| format!("{DOCUMENT} is not valid JSON: {error}"))?;
    let modules =
        settings.layer.lines().filter_map(|line| line.trim().split("mod ").nth(1)?.strip_suffix(';'));
    let reserved: Vec<String> = modules.chain(TAKEN).map(|name| name.trim().to_owned()).collect();
    let mut lowered = lower(document, &reserved)?;
    let mut notes = std::mem::take(&mut lowered.types.notes);
    let tokens = match run_progenitor(&lowered.document, &lowered.types, settings) {
        Ok(tokens) => tokens,
        Err(reason) => {
            notes.extend(make_raw_what_progenitor_refuses(&mut lowered, settings)?);
            run_progenitor(&lowered.document, &lowered.types, settings).map_err(|_| {
                let reason = pages::one_line(&reason);
                format!("{DOCUMENT}: progenitor cannot generate a client from it: {reason}")
            })?
        }
    };
    let notes = notes.iter().map(|note| pages::one_line(note)).collect();
    Ok(Draft { tokens, lowered, notes })
}

impl Draft {
    /// Finishes progenitor's output for the layer.
    pub fn finish(&self, settings: &Settings) -> Result<Generated, String> {
        let file = finish(self.tokens.clone(), &self.lowered, settings.schemars)?;
        Ok(Generated { code: prettyplease::unparse(&file), notes: self.notes.clone() })
    }
}

fn run_progenitor(document: &Value, types: &Types, settings: &Settings) -> Result<TokenStream, String> {
    let document: openapiv3::OpenAPI =
        serde_json::from_value(document.clone()).map_err(|error| error.to_string())?;
    let mut generation = GenerationSettings::new();
    generation.with_interface(InterfaceStyle::Builder).with_inner_type(quote!(crate::client::Inner));
    let conversions = [
        (InstanceType::Integer, "meeting-id", "crate::MeetingId", vec![TypeImpl::Display]),
        (InstanceType::Integer, "webinar-id", "crate::WebinarId", vec![TypeImpl::Display]),
        (InstanceType::String, "path-segment", "crate::PathSegment", vec![TypeImpl::Display]),
        (InstanceType::String, "password", "crate::Secret", vec![]),
        (InstanceType::String, RAW, "crate::RawBody", vec![]),
        (InstanceType::String, FILE, "crate::FilePart", vec![]),
    ];
    let conversions = conversions
        .map(|(kind, format, type_name, impls)| (kind, format.to_owned(), type_name.to_owned(), impls));
    let structs = types.parameters.keys();
    let structs = structs
        .map(|name| (InstanceType::String, format!("{STRUCT}{name}"), format!("types::{name}"), vec![]));
    for (kind, format, type_name, impls) in conversions.into_iter().chain(structs) {
        let (instance_type, format) = (Some(kind.into()), Some(format));
        let schema = SchemaObject { instance_type, format, ..SchemaObject::default() };
        generation.with_conversion(schema, type_name, impls.into_iter());
    }
    if settings.schemars {
        generation.with_derive("::schemars::JsonSchema");
    }
    // progenitor panics on documents it can't handle; the panic message is the reason to show.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let outcome = catch_unwind(AssertUnwindSafe(|| Generator::new(&generation).generate_tokens(&document)));
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

/// Generates each operation separately. One that fails keeps its path, but takes untyped JSON and returns bytes.
fn make_raw_what_progenitor_refuses(
    lowered: &mut Lowered,
    settings: &Settings,
) -> Result<Vec<String>, String> {
    if let Some((schema, reason)) = refused_schema(lowered, settings) {
        return Err(format!("{DOCUMENT}: schema `{schema}`: progenitor cannot generate it: {reason}"));
    }
    let mut notes = Vec::new();
    for operation in &mut lowered.operations {
        let (path, method) = (operation.lowered_path.clone(), operation.method);
        let only = |document: &Value| {
            let mut only = document.clone();
            only["paths"] = json!({ &path: { method: document["paths"][&path][method].clone() } });
            only
        };
        let Err(reason) = run_progenitor(&only(&lowered.document), &lowered.types, settings) else {
            continue;
        };
        let mut replaced = Vec::new();
        let refused = &mut lowered.document["paths"][&path][method];
        let is_typed = |schema: &&mut Value| **schema != raw_schema();
        let body = refused.pointer_mut("/requestBody/content/application~1json/schema");
        if let Some(body) = body.filter(is_typed) {
            *body = json!({});
            replaced.push("its body is untyped JSON".to_owned());
        }
        let answer = refused.pointer_mut("/responses/200/content/application~1json/schema");
        if let Some(answer) = answer.filter(is_typed) {
            *answer = raw_schema();
            replaced.push("its answer is bytes".to_owned());
        }
        for parameter in refused["parameters"].as_array_mut().into_iter().flatten() {
            if parameter["in"] != "path" {
                // Untyped JSON, still sent in the documented style.
                parameter["schema"] = json!({});
                let known = operation.parameters.iter().find(|known| parameter["name"] == *known.ident);
                let name = known.map(|known| &*known.name).unwrap_or_default();
                replaced.push(format!("its parameter `{name}` is untyped JSON"));
            }
        }
        notes.push(format!(
            "{DOCUMENT}: {}: {}, because progenitor cannot generate its types: {}",
            operation.title(),
            replaced.join(", "),
            pages::one_line(&reason)
        ));
        lowered.types.forget(&operation.title());
        run_progenitor(&only(&lowered.document), &lowered.types, settings).map_err(|reason| {
            format!(
                "{DOCUMENT}: {}: progenitor cannot generate it: {}",
                operation.title(),
                pages::one_line(&reason)
            )
        })?;
    }
    Ok(notes)
}

/// The document's own schema that progenitor refuses even if no operation refers to it, and the reason.
fn refused_schema(lowered: &Lowered, settings: &Settings) -> Option<(String, String)> {
    let refusal = |schemas: Value| {
        let mut only = lowered.document.clone();
        only["paths"] = json!({});
        only["components"]["schemas"] = schemas;
        run_progenitor(&only, &lowered.types, settings).err()
    };
    let schemas = lowered.document["components"]["schemas"].as_object()?;
    let reason = refusal(schemas.clone().into())?;
    // Alone, others are refused because they refer to schemas that are missing.
    let mut schemas = schemas.iter();
    let (name, _) =
        schemas.find(|(name, schema)| refusal(json!({ *name: schema })).as_ref() == Some(&reason))?;
    Some((name.clone(), pages::one_line(&reason)))
}

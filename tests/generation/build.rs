//! Generates the client of `everything.json`, and records the outcome for each document of `fixtures.rs`.

#[path = "../../spec/generation/mod.rs"]
mod generation;

mod fixtures;

use std::collections::BTreeMap;

use generation::{Generated, Settings, draft, generate};
use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::visit_mut::{VisitMut, visit_item_impl_mut};
use syn::{Field, Fields, ImplItem, Item, ItemImpl, ItemStruct, parse_quote};

const EVERYTHING: &str = include_str!("everything.json");

fn settings() -> Settings {
    Settings { schemars: true, layer: include_str!("../../src/lib.rs").to_owned() }
}

/// The main thread's stack on Windows, in bytes. Other systems have a larger one.
const SMALLEST_STACK: usize = 1 << 20;

fn main() {
    for input in ["build.rs", "fixtures.rs", "everything.json", "../../spec/generation", "../../src/lib.rs"] {
        println!("cargo::rerun-if-changed={input}");
    }
    let writing = std::thread::Builder::new().stack_size(SMALLEST_STACK).spawn(write);
    if let Err(sentence) = writing.expect("a thread").join().expect("no panic") {
        println!("cargo::error={}", sentence.replace('\n', " "));
        std::process::exit(1);
    }
}

fn write() -> Result<(), String> {
    let settings = settings();
    let client = generate(EVERYTHING, &settings)?;
    if let Some(note) = client.notes.first() {
        return Err(note.clone());
    }
    let mut outcomes = BTreeMap::new();
    for (name, document) in fixtures::fixtures() {
        outcomes.insert(name, generate(&document, &settings));
    }
    let mut part = draft(&tampered_part()?, &settings)?;
    let tokens = part.tokens.clone();
    for (name, tamper) in TAMPERED {
        part.tokens = tamper(tokens.clone());
        outcomes.insert(name.to_owned(), part.finish(&settings));
    }
    let outcomes: BTreeMap<_, _> = (outcomes.into_iter())
        .map(|(name, outcome)| match outcome {
            Ok(Generated { code, notes }) => (name, serde_json::json!({ "code": code, "notes": notes })),
            Err(sentence) => (name, serde_json::json!({ "sentence": sentence })),
        })
        .collect();
    let outcomes = serde_json::to_string(&outcomes).map_err(|error| error.to_string())?;
    let folder = std::env::var("OUT_DIR").map_err(|error| error.to_string())?;
    let write = |name: &str, text: String| {
        std::fs::write(format!("{folder}/{name}"), text)
            .map_err(|error| format!("cannot write {name}: {error}"))
    };
    write("client.rs", client.code)?;
    write("outcomes.json", outcomes)
}

/// The part of `everything.json` that is tampered with; the rest would only take time.
fn tampered_part() -> Result<String, String> {
    let mut document: serde_json::Value =
        serde_json::from_str(EVERYTHING).map_err(|error| error.to_string())?;
    let tampered =
        ["/query", "/headers/{item-id}", "/fields", "/alike", "/lengths", "/success/maybe", "/ids/body"];
    if let Some(paths) = document["paths"].as_object_mut() {
        paths.retain(|path, _| tampered.contains(&path.as_str()));
    }
    document["components"]["schemas"]["Labels"] =
        serde_json::json!({ "type": "array", "items": { "type": "string" }, "x-feature": "labels" });
    Ok(document.to_string())
}

type Tamper = fn(TokenStream) -> TokenStream;

/// Changes that a later progenitor might make to its code. Each leaves one pass without anything to change.
const TAMPERED: [(&str, Tamper); 25] = [
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
    ("tampered: send", |tokens| replaced(tokens, "fn send (", "fn dispatch (")),
    ("tampered: methods", |tokens| replaced(tokens, "pub fn send_query", "pub fn dispatch_query")),
    ("tampered: a method", |tokens| without_method(tokens, "send_query")),
    ("tampered: pages", |tokens| replaced(tokens, "Sends a `", "Calls `")),
    ("tampered: methods that return builders", |tokens| replaced(tokens, "fn builder (", "fn build (")),
    ("tampered: modules of builders", |tokens| replaced(tokens, "pub mod builder", "pub mod builders")),
    ("tampered: conversions into builders", |tokens| {
        replaced(tokens, ":: std :: convert :: From < super ::", "Convert < super ::")
    }),
    ("tampered: order of enums", |tokens| {
        replaced(tokens, "Hash , Ord , PartialEq , PartialOrd", "Hash , PartialEq")
    }),
    ("tampered: names of builders", |tokens| {
        replaced(tokens, "fn builder () -> builder ::", "fn builder () -> self :: builder ::")
    }),
    ("tampered: builders of bodies", |tokens| {
        replaced(tokens, "types :: builder ::", "self :: types :: builder ::")
    }),
    ("tampered: types", |tokens| replaced(tokens, "pub struct Node2 ", "pub struct Knot ")),
    ("tampered: types of a feature", |tokens| replaced(tokens, "pub struct Labels ", "pub struct Tags ")),
    ("tampered: fields", |tokens| with_fields(tokens, "types", "Node2", |fields| drop(fields.pop()))),
    ("tampered: fields with a length", |tokens| {
        with_fields(tokens, "types", "SendCombinedLengthsBody", |fields| drop(fields.pop()))
    }),
    ("tampered: names of fields", |tokens| {
        with_fields(tokens, "types", "Node2", |fields| fields.push(parse_quote!(pub title: i64)))
    }),
    ("tampered: a missing field", |tokens| {
        with_fields(tokens, "builder", "SendQuery", |fields| {
            fields.retain(|field| field.ident.as_ref().is_some_and(|name| name != "plain"))
        })
    }),
    ("tampered: another field", |tokens| {
        with_fields(tokens, "builder", "SendQuery", |fields| fields.push(parse_quote!(other: i64)))
    }),
    ("tampered: a setter", |tokens| without_method(tokens, "plain")),
    ("tampered: names of setters", |tokens| replaced(tokens, "pub fn plain <", "pub fn simple <")),
];

fn replaced(tokens: TokenStream, written: &str, other: &str) -> TokenStream {
    let text = tokens.to_string();
    assert!(text.contains(written), "progenitor no longer generates {written}");
    text.replace(written, other).parse().unwrap_or(tokens)
}

/// Edits the fields of a struct in a module.
fn with_fields(tokens: TokenStream, module: &str, name: &str, edit: fn(&mut Vec<Field>)) -> TokenStream {
    let mut file: syn::File = syn::parse2(tokens).expect("progenitor's code");
    let modules = file.items.iter_mut().filter_map(|item| match item {
        Item::Mod(found) if found.ident == module => found.content.as_mut(),
        _ => None,
    });
    for item in modules.flat_map(|(_, items)| items) {
        if let Item::Struct(ItemStruct { ident, fields: Fields::Named(fields), .. }) = item
            && ident == name
        {
            let mut edited: Vec<Field> = std::mem::take(&mut fields.named).into_iter().collect();
            edit(&mut edited);
            fields.named = edited.into_iter().collect();
        }
    }
    file.into_token_stream()
}

fn without_method(tokens: TokenStream, name: &'static str) -> TokenStream {
    let mut file: syn::File = syn::parse2(tokens).expect("progenitor's code");
    WithoutMethod(name).visit_file_mut(&mut file);
    file.into_token_stream()
}

struct WithoutMethod(&'static str);

impl VisitMut for WithoutMethod {
    fn visit_item_impl_mut(&mut self, block: &mut ItemImpl) {
        block.items.retain(|item| !matches!(item, ImplItem::Fn(method) if method.sig.ident == self.0));
        visit_item_impl_mut(self, block);
    }
}

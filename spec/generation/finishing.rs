//! Finishing: adapts progenitor's code to the layer in `src/`. Each pass counts its changes. It fails if there are none
//! although the document calls for some, because then a different version of progenitor wrote the code.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::visit_mut::VisitMut;
use syn::{Attribute, Expr, ImplItem, Item, ItemMod, Type, parse_quote};

use super::facts::Operation;
use super::lowering::Lowered;
use super::pages::one_line;
use super::schemas::Types;

mod builders;
mod calls;
mod types;

use builders::builder_of;

pub fn finish(tokens: TokenStream, lowered: &Lowered, schemars: bool) -> Result<syn::File, String> {
    let file = syn::parse2(tokens).map_err(|error| error.to_string());
    file.and_then(|file| finish_file(file, lowered, schemars)).map_err(|what| {
        format!(
            "build.rs: progenitor generated something unexpected, so its version has probably changed: {what}"
        )
    })
}

fn finish_file(mut file: syn::File, lowered: &Lowered, schemars: bool) -> Result<syn::File, String> {
    let bodies = calls::bodies(&file);
    let sent = builders::keep_those_of_sent_types(&mut file, &bodies, lowered)?;
    file.items.retain(|item| match item {
        Item::Mod(module) => module.ident == "types" || module.ident == "builder",
        Item::Struct(_) => true,
        // The constructors would skip the layer's checks.
        Item::Impl(block) => {
            block.trait_.is_none() && !block.items.iter().any(|item| is_method(item, "new_with_client"))
        }
        _ => false,
    });
    for item in &mut file.items {
        match item {
            Item::Mod(module) if module.ident == "types" => {
                types::finish(module, &bodies, lowered, schemars)?
            }
            Item::Struct(client) => {
                *client = parse_quote! {
                    /// Zoom's operations. Each is a method that returns a builder; awaiting the builder sends the request.
                    ///
                    /// Cheap to clone: clones share connections and the access token. Create one with [`Client::builder`].
                    #[derive(Clone)]
                    pub struct Client {
                        pub(crate) client: reqwest::Client,
                        pub(crate) inner: crate::client::Inner,
                    }
                };
            }
            _ => (),
        }
    }
    let types: Vec<String> = modules(&file.items, "types").flat_map(items).filter_map(type_name).collect();
    let setters = calls::setters_of_types(&file);
    let structs = calls::structs(&file);
    let mut modules = Vec::new();
    let mut methods = BTreeSet::new();
    for item in &mut file.items {
        match item {
            Item::Mod(module) if module.ident == "builder" => {
                calls::finish(module, lowered, &setters, &structs)?
            }
            Item::Impl(block) => {
                for item in &mut block.items {
                    let ImplItem::Fn(method) = item else { continue };
                    let operation = finish_method(method, lowered)?;
                    methods.insert(&operation.name);
                    modules.push(short_names(operation, &types, &lowered.types, &sent));
                }
            }
            _ => (),
        }
    }
    if let Some(operation) = lowered.operations.iter().find(|operation| !methods.contains(&operation.name)) {
        return Err(format!("{} has no method `{}`", operation.title(), operation.name));
    }
    builders::rename(&mut file, lowered)?;
    builders::describe_modules(&mut file);
    say_how_to_get(&mut file, lowered, &types);
    let features = features(&file, lowered)?;
    builders::contents(&mut file.items, "types").for_each(|items| items.extend(features.iter().cloned()));
    file.items.extend(modules);
    file.items.push(error_codes(lowered));
    let base_url = &lowered.base_url;
    file.items.push(parse_quote!(pub(crate) const BASE_URL: &str = #base_url;));
    Comments.visit_file_mut(&mut file);
    Ok(file)
}

/// Removes from documentation what rustc refuses in a comment: a carriage return on its own, and characters that change
/// the direction of text.
struct Comments;

impl VisitMut for Comments {
    fn visit_attribute_mut(&mut self, attribute: &mut Attribute) {
        edit_documentation(std::slice::from_mut(attribute), |text| {
            let text = text.replace("\r\n", "\n").replace('\r', "\n");
            text.replace(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'), "")
        });
    }
}

/// A module for each feature that schemas belong to, with all types of these schemas, for the layer to re-export.
fn features(file: &syn::File, lowered: &Lowered) -> Result<Vec<Item>, String> {
    let modules = lowered.types.features.iter().map(|(feature, schemas)| {
        let types = builders::with_types_inside(file, schemas.clone());
        if let Some(missing) = schemas.iter().find(|name| !types.contains(*name)) {
            return Err(nothing("collects the types of a feature", &format!("`{missing}` of `{feature}`")));
        }
        let module = format_ident!("of_{feature}");
        let types = types.iter().map(|name| format_ident!("{name}"));
        Ok(parse_quote!(pub(crate) mod #module { #[doc(inline)] pub use super::{#(#types),*}; }))
    });
    modules.collect()
}

/// Rewrites the client's method that returns an operation's builder.
fn finish_method<'l>(method: &mut syn::ImplItemFn, lowered: &'l Lowered) -> Result<&'l Operation, String> {
    let name = method.sig.ident.to_string();
    let operation = lowered.operations.iter().find(|operation| operation.name == name);
    let operation =
        operation.ok_or_else(|| format!("the method `{name}` does not belong to any operation"))?;
    calls::Owned.visit_impl_item_fn_mut(method);
    let builder = format_ident!("{}", operation.builder);
    method.sig.output = parse_quote!(-> builder::#builder);
    method.block = parse_quote!({ builder::#builder::new(self.clone()) });
    let sends =
        |path: &str| format!("Sends a `{}` request to `{path}`", operation.method.to_ascii_uppercase());
    // progenitor prints adjacent slashes as one.
    let mut printed = operation.lowered_path.clone();
    while printed.contains("//") {
        printed = printed.replace("//", "/");
    }
    let mut changed = false;
    edit_documentation(&mut method.attrs, |text| {
        // What follows the last such sentence repeats the builder's setters, and shows a call of the removed `send`.
        let Some((description, _)) = text.rsplit_once(&sends(&printed)) else {
            return text.to_owned();
        };
        changed = true;
        format!("{description}{}", sends(&operation.path))
    });
    match changed {
        true => Ok(operation),
        false => Err(nothing("removes what progenitor adds to a method's page", &operation.title())),
    }
}

/// The error of a pass that found nothing to change where the document calls for a change.
fn nothing(pass: &str, owner: &str) -> String {
    format!("the pass that {pass} found nothing to change for {owner}")
}

fn modules<'i>(items: &'i [Item], name: &'static str) -> impl Iterator<Item = &'i ItemMod> {
    items.iter().filter_map(as_module).filter(move |module| module.ident == name)
}

fn as_module(item: &Item) -> Option<&ItemMod> {
    if let Item::Mod(module) = item { Some(module) } else { None }
}

fn items(module: &ItemMod) -> &[Item] {
    module.content.as_ref().map_or(&[], |(_, items)| items)
}

fn type_name(item: &Item) -> Option<String> {
    match item {
        Item::Struct(item) => Some(item.ident.to_string()),
        Item::Enum(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

fn is_method(item: &ImplItem, name: &str) -> bool {
    matches!(item, ImplItem::Fn(method) if method.sig.ident == name)
}

fn is_named(path: &syn::Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}

/// Documents an item that has no documentation.
fn document(attributes: &mut Vec<Attribute>, text: &str) {
    if !attributes.iter().any(|attribute| attribute.path().is_ident("doc")) {
        attributes.push(parse_quote!(#[doc = #text]));
    }
}

fn edit_documentation(attributes: &mut [Attribute], mut edit: impl FnMut(&str) -> String) {
    for attribute in attributes {
        if let syn::Meta::NameValue(meta) = &mut attribute.meta
            && meta.path.is_ident("doc")
            && let Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &mut meta.value
        {
            *text = syn::LitStr::new(&edit(&text.value()), text.span());
        }
    }
}

fn first_argument(of: &Type) -> Option<Type> {
    arguments(of).into_iter().next()
}

/// `K` and `V` of `Map<K, V>`.
fn arguments(of: &Type) -> Vec<Type> {
    let Type::Path(path) = of else { return Vec::new() };
    let Some(syn::PathArguments::AngleBracketed(arguments)) =
        path.path.segments.last().map(|last| &last.arguments)
    else {
        return Vec::new();
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        syn::GenericArgument::Type(argument) => Some(argument.clone()),
        _ => None,
    });
    types.collect()
}

fn last_segment(of: &Type) -> String {
    let Type::Path(path) = of else { return String::new() };
    path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

/// Replaces the closure of a setter's `map_err` with one that names the field and keeps the reason.
struct Refusals {
    field: String,
    changed: usize,
}

impl VisitMut for Refusals {
    fn visit_expr_closure_mut(&mut self, closure: &mut syn::ExprClosure) {
        let format = format!("`{}`: {{error}}", self.field);
        self.changed += 1;
        *closure = parse_quote!(|error| format!(#format));
    }
}

/// Rewords a builder's error for a required value that was not set, and collects the names of these values.
#[derive(Default)]
struct Missing {
    /// Put in front of the missing value's name.
    prefix: &'static str,
    found: BTreeSet<String>,
}

impl VisitMut for Missing {
    fn visit_field_value_mut(&mut self, field: &mut syn::FieldValue) {
        let syn::Member::Named(name) = &field.member else { return };
        let is_refusal = matches!(&field.expr, Expr::Call(call) if matches!(&*call.func, Expr::Path(path) if is_named(&path.path, "Err")));
        if is_refusal {
            let sentence = format!("`{}{name}` is required and was not set", self.prefix);
            self.found.insert(name.to_string());
            field.expr = parse_quote!(Err(#sentence.to_string()));
        }
    }
}

/// The page of a setter says whether it must be called.
fn say_if_required(method: &mut syn::ImplItemFn, required: bool) {
    let text = if required { "Required." } else { "Optional." };
    method.attrs.extend(["", text].map(|text| parse_quote!(#[doc = #text])));
}

/// The names of an operation's own types.
fn own_types<'n>(operation: &Operation, names: &'n [String], types: &Types) -> Vec<&'n String> {
    let owner = operation.title();
    let is_own = |name: &str| match (types.structs.get(name), types.enums.get(name)) {
        (Some(facts), _) => facts.owner == owner,
        (None, Some(of)) => *of == owner,
        // typify chose this name.
        (None, None) => {
            ["Body", "Response"].iter().any(|kind| name.starts_with(&format!("{}{kind}", operation.prefix)))
        }
    };
    names.iter().filter(|name| is_own(name)).collect()
}

/// Adds to the page of each of an operation's types how to get one.
fn say_how_to_get(file: &mut syn::File, lowered: &Lowered, names: &[String]) {
    for operation in &lowered.operations {
        let own = own_types(operation, names, &lowered.types);
        let is_answer = |name: &str| name.starts_with(&format!("{}Response", operation.prefix));
        let call = format!("[`Client::{0}`](crate::Client::{0})", operation.name);
        let types = file.items.iter_mut().filter_map(|item| match item {
            Item::Mod(module) if module.ident == "types" => module.content.as_mut(),
            _ => None,
        });
        for item in types.flat_map(|(_, items)| items) {
            let Some(name) = type_name(item).filter(|name| own.contains(&name)) else { continue };
            let returned = format!(
                "Returned by {call}. In a test, deserialize one with `serde_json::from_value`, or let the embedded \
                 Zoom answer (feature `mock`)."
            );
            let (attributes, text) = match item {
                Item::Struct(item) if is_answer(&name) => (&mut item.attrs, returned),
                Item::Enum(item) if is_answer(&name) => (&mut item.attrs, returned),
                Item::Struct(item) => {
                    (&mut item.attrs, format!("Used by {call}. Create one with [`builder`](Self::builder)."))
                }
                Item::Enum(item) => {
                    (&mut item.attrs, format!("Used by {call}. Pass a variant, or Zoom's text for it."))
                }
                _ => continue,
            };
            attributes.extend(["", &text].map(|text| parse_quote!(#[doc = #text])));
        }
    }
}

/// `update_meeting_live_stream::Action` for `types::UpdateMeetingLiveStreamBodyAction`, `…::BodyBuilder` for the
/// builder of the body, and `…::Call` for that of the call.
fn short_names(operation: &Operation, names: &[String], types: &Types, sent: &BTreeSet<String>) -> Item {
    let own = own_types(operation, names, types).into_iter();
    let mut own: Vec<(&str, &str)> =
        own.filter_map(|name| Some((name.strip_prefix(&operation.prefix)?, name.as_str()))).collect();
    // The body's types get the shortest names, then the response's.
    own.sort_by_key(|(rest, _)| (!rest.starts_with("Body"), !rest.starts_with("Response")));
    let mut short: BTreeMap<&str, &str> = BTreeMap::new();
    for (rest, name) in own {
        let shorter = ["Body", "Response"].iter().find_map(|kind| rest.strip_prefix(kind)).unwrap_or(rest);
        let free = if shorter.is_empty() || short.contains_key(shorter) { rest } else { shorter };
        short.entry(free).or_insert(name);
    }
    let path = |module: TokenStream, name: &str| {
        let name = format_ident!("{name}");
        quote!(#module::#name)
    };
    let mut paths: BTreeMap<String, TokenStream> =
        short.iter().map(|(short, name)| ((*short).to_owned(), path(quote!(types), name))).collect();
    let built = short.iter().filter(|(_, name)| types.structs.contains_key(**name) && sent.contains(**name));
    let built =
        built.map(|(short, name)| (builder_of(short), path(quote!(types::builder), &builder_of(name))));
    for (name, path) in built.chain([("Call".to_owned(), path(quote!(builder), &operation.builder))]) {
        paths.entry(name).or_insert(path);
    }
    let module = format_ident!("{}", operation.name);
    let uses = paths.iter().filter(|(short, _)| syn::parse_str::<syn::Ident>(short).is_ok());
    let uses = uses.map(|(short, path)| {
        let short = format_ident!("{short}");
        quote!(#[doc(inline)] pub use super::#path as #short;)
    });
    let text =
        format!("The types of [`Client::{0}`](crate::Client::{0}) under their short names.", operation.name);
    parse_quote! {
        #[doc = #text]
        pub mod #module {
            #(#uses)*
        }
    }
}

/// A constant for each error code that the document names.
fn error_codes(lowered: &Lowered) -> Item {
    let constants = lowered.code_names.iter().filter_map(|(code, name)| {
        let number: i64 = code.parse().ok()?;
        let constant = syn::parse_str::<syn::Ident>(name).ok()?;
        let messages: BTreeSet<String> = (lowered.operations.iter().flat_map(|operation| &operation.errors))
            .filter(|error| error.code == number)
            .map(|error| one_line(&error.message))
            .filter(|message| !message.is_empty())
            .collect();
        let messages: Vec<String> = messages.into_iter().collect();
        let text = match (lowered.document["x-error-code-notes"][code].as_str(), messages.is_empty()) {
            (Some(note), _) => format!("`{number}`. {}", one_line(note)),
            (None, true) => {
                format!("`{number}`. Seen in practice, but not documented.")
            }
            (None, false) => format!("`{number}`. {}", messages.join(" / ")),
        };
        Some(quote!(#[doc = #text] pub const #constant: Self = Self(#number);))
    });
    let names = lowered.code_names.iter().filter_map(|(code, name)| {
        let number: i64 = code.parse().ok()?;
        Some(quote!(#number => Some(#name),))
    });
    parse_quote! {
        impl crate::ErrorCode {
            #(#constants)*

            /// The name of this code's constant, such as `NOT_FOUND`, if it has one.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    #(#names)*
                    _ => None,
                }
            }
        }
    }
}

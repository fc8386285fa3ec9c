//! Finishing: what progenitor wrote becomes what the layer in `src/` sends. `send` becomes `request`, which only
//! builds; each builder becomes a future; what the layer must know of an operation stands beside it as a static.

use std::collections::{BTreeMap, BTreeSet};

use heck::{ToPascalCase, ToSnakeCase};
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::visit_mut::{VisitMut, visit_expr_mut};
use syn::{Attribute, Expr, ImplItem, Item, ItemImpl, ItemMod, Stmt, Type, parse_quote};

use super::lower::{Lowered, Operation, is_typed, one_line};

pub fn finish(tokens: TokenStream, lowered: &Lowered, schemars: bool) -> Result<syn::File, String> {
    let unexpected = |what: &str| format!("build.rs: progenitor's code has changed: {what}");
    let mut file: syn::File = syn::parse2(tokens).map_err(|error| unexpected(&error.to_string()))?;
    let mut modules = Vec::new();
    file.items.retain_mut(|item| match item {
        Item::Mod(module) if module.ident == "types" => {
            finish_types(module);
            if schemars {
                state_lengths(module, &lowered.operations);
            }
            true
        }
        Item::Mod(module) => module.ident == "builder",
        Item::Struct(client) => {
            client.attrs = vec![
                parse_quote!(#[doc = "Zoom's operations, each a method that gives a builder; `.await` sends."]),
                parse_quote!(#[doc = ""]),
                parse_quote!(#[doc = "Cheap to clone: clones share connections and token. Set up by [`Client::builder`]."]),
                parse_quote!(#[derive(Clone)]),
            ];
            true
        }
        // The constructors would skip the layer's checks.
        Item::Impl(block) => block.trait_.is_none() && !block.items.iter().any(is_constructor),
        _ => false,
    });
    let types: Vec<String> =
        (file.items.iter().filter_map(as_module).filter(|module| module.ident == "types"))
            .flat_map(|module| items(module).iter().filter_map(type_name))
            .collect();
    for item in &mut file.items {
        match item {
            Item::Mod(module) if module.ident == "builder" => {
                modules = finish_builders(module, lowered, &types).map_err(|what| unexpected(&what))?;
            }
            Item::Impl(block) => block.items.iter_mut().for_each(|item| {
                if let ImplItem::Fn(method) = item {
                    edit_documentation(&mut method.attrs, |text| {
                        // What follows repeats the builder's setters.
                        text.split("Arguments:").next().unwrap_or_default().to_owned()
                    });
                }
            }),
            _ => (),
        }
    }
    file.items.extend(modules);
    file.items.push(error_codes(lowered));
    let base_url = lowered.document["servers"][0]["url"].as_str().unwrap_or_default();
    file.items.push(parse_quote!(pub(crate) const BASE_URL: &str = #base_url;));
    Ok(file)
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

fn is_constructor(item: &ImplItem) -> bool {
    matches!(item, ImplItem::Fn(method) if method.sig.ident == "new_with_client")
}

/// Types grow without a breaking change, their documents hold the description alone (typify adds the schema as
/// HTML), their setters carry their fields' words, and a nested builder is taken where its type is.
fn finish_types(module: &mut ItemMod) {
    let Some((_, items)) = &mut module.content else { return };
    let mut fields: BTreeMap<(String, String), Vec<Attribute>> = BTreeMap::new();
    let mut open = BTreeMap::new();
    for item in items.iter_mut() {
        match item {
            Item::Struct(item) => {
                item.attrs.push(parse_quote!(#[non_exhaustive]));
                let name = item.ident.to_string();
                edit_documentation(&mut item.attrs, |text| describe_type(text, &name));
                for field in &mut item.fields {
                    let Some(name) = field.ident.clone() else { continue };
                    if is_flattened(field) {
                        open.insert(item.ident.to_string(), name.clone());
                        document(&mut field.attrs, "What the description does not name.");
                        Unnamed.visit_field_mut(field);
                    }
                    let text = format!("Zoom's `{}`.", renamed(&field.attrs).unwrap_or(name.to_string()));
                    document(&mut field.attrs, &text);
                    let words =
                        field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).cloned();
                    fields.insert((item.ident.to_string(), name.to_string()), words.collect());
                }
            }
            Item::Enum(item) => {
                item.attrs.push(parse_quote!(#[non_exhaustive]));
                let name = item.ident.to_string();
                edit_documentation(&mut item.attrs, |text| describe_type(text, &name));
                for variant in &mut item.variants {
                    let text =
                        format!("Zoom's `{}`.", renamed(&variant.attrs).unwrap_or(variant.ident.to_string()));
                    document(&mut variant.attrs, &text);
                }
            }
            Item::Impl(block)
                if block.trait_.as_ref().is_some_and(|(_, path, _)| is_named(path, "FromStr")) =>
            {
                Values(Vec::new()).visit_item_impl_mut(block);
            }
            Item::Impl(block) if block.trait_.is_none() => {
                for item in &mut block.items {
                    if let ImplItem::Fn(method) = item {
                        document(&mut method.attrs, "Starts with no field set.");
                    }
                }
            }
            _ => (),
        }
    }
    let builders =
        items.iter_mut().filter_map(|item| if let Item::Mod(module) = item { Some(module) } else { None });
    for module in builders.filter(|module| module.ident == "builder") {
        let Some((_, items)) = &mut module.content else { continue };
        for item in items.iter_mut() {
            match item {
                Item::Struct(item) => {
                    let name = &item.ident;
                    let text = format!("Builds a [`{name}`](super::{name}).");
                    item.attrs.push(parse_quote!(#[doc = #text]));
                    if let Some(unnamed) = open.get(&item.ident.to_string()) {
                        let is_unnamed = |field: &&mut syn::Field| field.ident.as_ref() == Some(unnamed);
                        item.fields
                            .iter_mut()
                            .filter(is_unnamed)
                            .for_each(|field| Unnamed.visit_field_mut(field));
                    }
                }
                Item::Impl(block) => {
                    let name = block.self_ty.to_token_stream().to_string();
                    if let Some(unnamed) = open.get(&name) {
                        UnnamedByDefault(unnamed).visit_item_impl_mut(block);
                    }
                    Missing.visit_item_impl_mut(block);
                    for item in &mut block.items {
                        let ImplItem::Fn(method) = item else { continue };
                        let words = fields.get(&(name.clone(), method.sig.ident.to_string()));
                        method.attrs.extend(words.into_iter().flatten().cloned());
                        take_the_inner_type(method);
                    }
                }
                _ => (),
            }
        }
    }
}

/// A body's JSON Schema states the lengths that its Rust type does not carry.
fn state_lengths(module: &mut ItemMod, operations: &[Operation]) {
    let of_bodies: BTreeMap<(String, String), (Option<u64>, Option<u64>)> = (operations.iter())
        .flat_map(|operation| operation.lengths.iter().map(move |length| (operation, length)))
        .filter_map(|(operation, (pointer, least, most))| {
            let (parents, field) = pointer.rsplit_once('/')?;
            Some((
                (format!("{}-body-{parents}", operation.id).to_pascal_case(), field.to_owned()),
                (*least, *most),
            ))
        })
        .collect();
    for item in module.content.iter_mut().flat_map(|(_, items)| items) {
        let Item::Struct(item) = item else { continue };
        for field in &mut item.fields {
            let Some(ident) = &field.ident else { continue };
            let name = renamed(&field.attrs).unwrap_or(ident.to_string());
            let Some((least, most)) = of_bodies.get(&(item.ident.to_string(), name)) else {
                continue;
            };
            let least = least.map(Literal::u64_unsuffixed).map(|least| quote!(min = #least,));
            let most = most.map(Literal::u64_unsuffixed).map(|most| quote!(max = #most));
            field.attrs.push(parse_quote!(#[schemars(length(#least #most))]));
        }
    }
}

fn is_flattened(field: &syn::Field) -> bool {
    field.attrs.iter().any(|attribute| attribute.to_token_stream().to_string().contains("flatten"))
}

/// The map of what the description does not name becomes one that does not print its values.
struct Unnamed;

impl VisitMut for Unnamed {
    fn visit_type_mut(&mut self, of: &mut Type) {
        syn::visit_mut::visit_type_mut(self, of);
        if matches!(of, Type::Path(path) if is_named(&path.path, "Map")) {
            *of = parse_quote!(crate::Extra);
        }
    }
}

/// In the builder: its setter's type, and its absence is no error.
struct UnnamedByDefault<'a>(&'a syn::Ident);

impl VisitMut for UnnamedByDefault<'_> {
    fn visit_impl_item_fn_mut(&mut self, method: &mut syn::ImplItemFn) {
        if method.sig.ident == *self.0 {
            Unnamed.visit_impl_item_fn_mut(method);
        }
        syn::visit_mut::visit_impl_item_fn_mut(self, method);
    }

    fn visit_field_value_mut(&mut self, field: &mut syn::FieldValue) {
        if matches!(&field.member, syn::Member::Named(name) if name == self.0)
            && field.expr.to_token_stream().to_string().starts_with("Err (\"no value")
        {
            field.expr = parse_quote!(Ok(::std::default::Default::default()));
        }
    }
}

/// A setter of an `Option<T>` takes what becomes a `T`: a `&str` is no `Option<String>`, and a nested builder no
/// `Option` of what it builds.
fn take_the_inner_type(method: &mut syn::ImplItemFn) {
    Refusals(method.sig.ident.to_string()).visit_block_mut(&mut method.block);
    let Some(clause) = &mut method.sig.generics.where_clause else { return };
    let Some(syn::WherePredicate::Type(bound)) = clause.predicates.first_mut() else { return };
    let Some(syn::TypeParamBound::Trait(conversion)) = bound.bounds.first_mut() else { return };
    let into = Type::Path(syn::TypePath { qself: None, path: conversion.path.clone() });
    let Some(option) = first_argument(&into) else { return };
    let is_option = matches!(&option, Type::Path(path) if is_named(&path.path, "Option"));
    if let Some(inner) = first_argument(&option).filter(|_| is_option) {
        conversion.path = parse_quote!(::std::convert::TryInto<#inner>);
        Optional.visit_block_mut(&mut method.block);
    }
}

struct Optional;

impl VisitMut for Optional {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        visit_expr_mut(self, expression);
        if matches!(expression, Expr::MethodCall(call) if call.method == "try_into") {
            *expression = parse_quote!(#expression.map(Some));
        }
    }
}

/// An enum that refuses a text says which it takes.
struct Values(Vec<String>);

impl VisitMut for Values {
    fn visit_lit_str_mut(&mut self, text: &mut syn::LitStr) {
        if text.value() == "invalid value" {
            let known = format!("it must be one of {}", self.0.join(", "));
            *text = syn::LitStr::new(&known, text.span());
        } else {
            self.0.push(format!("`{}`", text.value()));
        }
    }
}

fn is_named(path: &syn::Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}

/// Gives words to what has none.
fn document(attributes: &mut Vec<Attribute>, text: &str) {
    if !attributes.iter().any(|attribute| attribute.path().is_ident("doc")) {
        attributes.push(parse_quote!(#[doc = #text]));
    }
}

/// The `x` of `#[serde(rename = "x")]`.
fn renamed(attributes: &[Attribute]) -> Option<String> {
    let mut name = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let _ = attribute.parse_nested_meta(|meta| {
            let value: syn::LitStr = meta.value()?.parse()?;
            if meta.path.is_ident("rename") {
                name = Some(value.value());
            }
            Ok(())
        });
    }
    name
}

/// A type's description without the schema that typify adds as HTML; where there is none, what the type is.
fn describe_type(text: &str, name: &str) -> String {
    let description = text.split("<details>").next().unwrap_or_default().trim();
    match (description == format!("`{name}`"), name.ends_with("Body"), name.ends_with("Response")) {
        (true, true, _) => "The body of a request.".to_owned(),
        (true, _, true) => "The answer to a request.".to_owned(),
        _ => description.to_owned(),
    }
}

fn edit_documentation(attributes: &mut [Attribute], edit: impl Fn(&str) -> String) {
    for attribute in attributes {
        if let syn::Meta::NameValue(meta) = &mut attribute.meta
            && meta.path.is_ident("doc")
            && let Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &mut meta.value
        {
            *text = syn::LitStr::new(&edit(&text.value()), text.span());
        }
    }
}

/// `send` becomes `request`; a call's facts and `IntoFuture` stand beside it; and each operation gets a module
/// with short names for its types.
fn finish_builders(module: &mut ItemMod, lowered: &Lowered, types: &[String]) -> Result<Vec<Item>, String> {
    let Some((_, items)) = &mut module.content else { return Err("`mod builder` is empty".into()) };
    items.retain(|item| !matches!(item, Item::Use(_)));
    let mut added: Vec<Item> = vec![
        parse_quote!(
            use super::types;
        ),
        parse_quote!(
            #[allow(unused_imports)]
            use progenitor_client::{Error, encode_path};
        ),
        parse_quote!(
            #[allow(unused_imports)]
            use crate::body::Attach;
        ),
    ];
    let mut modules = Vec::new();
    for item in items.iter_mut() {
        match item {
            Item::Struct(builder) => {
                builder.attrs.retain(|attribute| !attribute.path().is_ident("derive"));
                builder.attrs.push(parse_quote!(#[derive(Debug, Clone)]));
                builder.attrs.push(parse_quote!(#[must_use = "nothing is sent before `.await`"]));
            }
            Item::Impl(block) => {
                let (operation, future) = finish_builder(block, lowered)?;
                added.push(future);
                modules.push(short_names(block, operation, types));
            }
            _ => (),
        }
    }
    items.extend(added);
    Ok(modules)
}

fn finish_builder<'a>(block: &mut ItemImpl, lowered: &'a Lowered) -> Result<(&'a Operation, Item), String> {
    let builder = block.self_ty.clone();
    let mut finished = None;
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        if method.sig.ident == "new" {
            method.vis = parse_quote!(pub(crate));
            Missing.visit_block_mut(&mut method.block);
        } else if method.sig.ident == "send" {
            let text = method
                .attrs
                .iter()
                .map(|attribute| attribute.to_token_stream().to_string())
                .collect::<String>();
            let operation = lowered.operations.iter().find(|operation| {
                text.contains(&format!(
                    "`{}` request to `{}`",
                    operation.method.to_uppercase(),
                    operation.path.replace("//", "/")
                ))
            });
            let operation = operation.ok_or_else(|| format!("no operation for {text}"))?;
            let value = answer_type(&method.sig.output).ok_or("`send` returns no `ResponseValue`")?;
            let client = cut_to_request(method, operation)?;
            finished = Some((operation, value, client));
        }
    }
    let (operation, value, client) = finished.ok_or("a builder without `send`")?;
    for item in &mut block.items {
        if let ImplItem::Fn(method) = item {
            finish_setter(method, operation);
        }
    }
    let decode: Expr = match value.to_token_stream().to_string().replace(' ', "").as_str() {
        "()" => parse_quote!(crate::call::nothing),
        "crate::RawBody" => parse_quote!(crate::call::bytes),
        _ => parse_quote!(crate::call::value),
    };
    let facts = facts(operation);
    let future = parse_quote! {
        const _: () = {
            pub(super) static OPERATION: crate::operation::Operation = #facts;

            impl<'a> ::std::future::IntoFuture for #builder {
                type Output = ::std::result::Result<#value, crate::Error>;
                type IntoFuture = crate::call::Call<'a, #value>;

                fn into_future(self) -> Self::IntoFuture {
                    ::std::boxed::Box::pin(async move {
                        let request = || self.clone().request(&OPERATION);
                        let answer = crate::call::run(self.#client, &OPERATION, &request).await?;
                        #decode(answer)
                    })
                }
            }
        };
    };
    Ok((operation, future))
}

/// The `T` of `Result<ResponseValue<T>, Error<E>>`.
fn answer_type(output: &syn::ReturnType) -> Option<Type> {
    let syn::ReturnType::Type(_, result) = output else { return None };
    first_argument(&first_argument(result)?)
}

fn first_argument(of: &Type) -> Option<Type> {
    let Type::Path(path) = of else { return None };
    let syn::PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        syn::GenericArgument::Type(argument) => Some(argument.clone()),
        _ => None,
    })
}

/// Keeps of `send` what builds the request. Gives the name of the field that holds the client.
fn cut_to_request(method: &mut syn::ImplItemFn, operation: &Operation) -> Result<syn::Ident, String> {
    let Some(Stmt::Local(fields)) = method.block.stmts.first() else {
        return Err("`send` has no fields".into());
    };
    let syn::Pat::Struct(fields) = &fields.pat else {
        return Err("`send` does not take its builder apart".into());
    };
    let Some(syn::Member::Named(client)) = fields.fields.first().map(|field| field.member.clone()) else {
        return Err("`send` has no client".into());
    };
    method.attrs = vec![parse_quote!(#[allow(unused_variables)])]; // without a body, the operation's facts
    method.vis = parse_quote!(pub(crate));
    method.sig.ident = format_ident!("request");
    method.sig.asyncness = None;
    method.sig.inputs.push(parse_quote!(operation: &'static crate::operation::Operation));
    method.sig.output = parse_quote!(-> ::std::result::Result<reqwest::Request, Error<()>>);
    let statements = &mut method.block.stmts;
    let is_build = |statement: &Stmt| matches!(statement, Stmt::Local(local) if local.to_token_stream().to_string().contains(". build () ?"));
    let built = statements.iter().position(is_build).ok_or("`send` builds no request")?;
    statements.truncate(built + 1);
    // Nobody asked for this header; with it goes the map, unless a parameter is sent in it.
    statements.retain(|statement| !statement.to_token_stream().to_string().contains("\"api-version\""));
    let sends_headers = statements.iter().any(|statement| {
        !matches!(statement, Stmt::Local(_))
            && statement.to_token_stream().to_string().contains("header_map . append")
    });
    if !sends_headers {
        statements.retain(|statement| !matches!(statement, Stmt::Local(local) if local.pat.to_token_stream().to_string() == "mut header_map"));
    }
    statements.iter_mut().for_each(|statement| SentNames(&operation.renamed).visit_stmt_mut(statement));
    let raw = operation.media_type.as_deref().is_some_and(|media_type| !is_typed(media_type));
    let Some(Stmt::Local(local)) = statements.last_mut() else {
        return Err("`send` builds no request".into());
    };
    local.attrs.clear();
    let method = format_ident!("{}", operation.method);
    Chain { client: client.clone(), method, raw, sends_headers }.visit_local_mut(local);
    let Some(init) = &local.init else { return Err("`send` builds no request".into()) };
    let request = &init.expr;
    let request: Stmt = Stmt::Expr(parse_quote!(Ok(#request)), None);
    statements.pop();
    statements.push(request);
    Ok(client)
}

/// Edits `client.client.patch(url).header(ACCEPT, …).json(&body).headers(header_map).build()`.
struct Chain {
    client: syn::Ident,
    method: syn::Ident,
    raw: bool,
    sends_headers: bool,
}

impl VisitMut for Chain {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        visit_expr_mut(self, expression);
        let Expr::MethodCall(call) = expression else { return };
        let receiver = &call.receiver;
        let client = &self.client;
        if call.method == self.method
            && let Some(path) = call.args.first()
        {
            // reqwest has no method of its own for OPTIONS and TRACE.
            let (receiver, method) =
                (&call.receiver, format_ident!("{}", self.method.to_string().to_uppercase()));
            *expression =
                parse_quote!(#receiver.request(::reqwest::Method::#method, #client.inner.url(&#path)));
            return;
        }
        let replaced: Expr = match call.method.to_string().as_str() {
            "json" if self.raw => parse_quote!(#receiver.attach_raw(operation, body)),
            "json" => parse_quote! {
                #receiver.attach(operation, #client.inner.body_encoding, &body).map_err(Error::InvalidRequest)?
            },
            // The layer asks for JSON in every request.
            "header" if call.args.to_token_stream().to_string().contains("ACCEPT") => (**receiver).clone(),
            "headers" if !self.sends_headers => (**receiver).clone(),
            _ => return,
        };
        *expression = replaced;
    }
}

/// A parameter that got another name is sent under its own.
struct SentNames<'a>(&'a BTreeMap<String, String>);

impl VisitMut for SentNames<'_> {
    fn visit_lit_str_mut(&mut self, text: &mut syn::LitStr) {
        if let Some(name) = self.0.get(&text.value()) {
            *text = syn::LitStr::new(name, text.span());
        }
    }
}

/// A setter says what was wrong with the value it was given, and what the parameter is for.
fn finish_setter(method: &mut syn::ImplItemFn, operation: &Operation) {
    let name = method.sig.ident.to_string();
    let description = (operation.parameters.iter())
        .find(|(parameter, _)| parameter.replace('_', "").eq_ignore_ascii_case(&name.replace('_', "")))
        .map(|(_, description)| description.clone());
    let text = match name.as_str() {
        "new" | "request" => return,
        "body" => "The body as a whole; [`body_map`](Self::body_map) fills it in field by field.".to_owned(),
        "body_map" => "Fills in the body's fields: `.body_map(|body| body.field(value))`.".to_owned(),
        _ => description.unwrap_or_default(),
    };
    method.attrs.push(parse_quote!(#[doc = #text]));
    if name == "body" {
        Refusals(name.clone()).visit_block_mut(&mut method.block);
    }
    let Some(clause) = &mut method.sig.generics.where_clause else { return };
    let [syn::WherePredicate::Type(bound)] = &clause.predicates.iter().collect::<Vec<_>>()[..] else {
        return;
    };
    let (value, conversion) = (bound.bounded_ty.clone(), bound.bounds.first().cloned());
    let Some(syn::TypeParamBound::Trait(conversion)) = conversion else { return };
    if !is_named(&conversion.path, "TryInto") {
        return;
    }
    clause.predicates.push(parse_quote!(<#value as #conversion>::Error: ::std::fmt::Display));
    Refusals(name).visit_block_mut(&mut method.block);
}

/// The closure of a setter's `map_err` → one that names the field and says what was wrong.
struct Refusals(String);

impl VisitMut for Refusals {
    fn visit_expr_closure_mut(&mut self, closure: &mut syn::ExprClosure) {
        let format = format!("`{}`: {{error}}", self.0);
        *closure = parse_quote!(|error| format!(#format));
    }
}

/// Rewords what a builder says of something that was never set.
struct Missing;

impl VisitMut for Missing {
    fn visit_lit_str_mut(&mut self, text: &mut syn::LitStr) {
        let value = text.value();
        if let Some(name) =
            value.strip_suffix(" was not initialized").or(value.strip_prefix("no value supplied for "))
        {
            *text = syn::LitStr::new(&format!("`{name}` is required and was not set"), text.span());
        }
    }
}

fn facts(operation: &Operation) -> TokenStream {
    let Operation { id, path, media_type, body_required, wait, secrets, .. } = operation;
    let optional = |value: Option<TokenStream>| value.map_or(quote!(None), |value| quote!(Some(#value)));
    let media_type = optional(media_type.as_ref().map(|media_type| quote!(#media_type)));
    let wait = optional(wait.map(|seconds| quote!(::std::time::Duration::from_secs(#seconds))));
    let lengths = operation.lengths.iter().map(|(pointer, least, most)| {
        let least = optional(least.map(|least| quote!(#least)));
        let most = optional(most.map(|most| quote!(#most)));
        let names = pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"));
        quote!(crate::operation::Length { field: &[#(#names),*], least: #least, most: #most })
    });
    let errors = operation.errors.iter().map(|(status, code, message)| {
        quote!(crate::operation::DocumentedError { status: #status, code: #code, message: #message })
    });
    quote! {
        crate::operation::Operation {
            id: #id,
            path: #path,
            media_type: #media_type,
            body_required: #body_required,
            documented_wait: #wait,
            lengths: &[#(#lengths),*],
            secrets: &[#(#secrets),*],
            errors: &[#(#errors),*],
        }
    }
}

/// `update_meeting_live_stream::Action` for `types::UpdateMeetingLiveStreamBodyAction`.
fn short_names(block: &ItemImpl, operation: &Operation, types: &[String]) -> Item {
    let builder = first_segment(&block.self_ty);
    let mut names: BTreeMap<String, &String> = BTreeMap::new();
    for prefix in ["Body", "Response"] {
        for name in types {
            let Some(rest) = name.strip_prefix(&format!("{builder}{prefix}")) else { continue };
            let short = if rest.is_empty() || names.contains_key(rest) {
                format!("{prefix}{rest}")
            } else {
                rest.to_owned()
            };
            names.entry(short).or_insert(name);
        }
    }
    let module = format_ident!("{}", builder.to_snake_case());
    let uses =
        names.iter().filter(|(short, _)| syn::parse_str::<syn::Ident>(short).is_ok()).map(|(short, name)| {
            let (short, name) = (format_ident!("{short}"), format_ident!("{name}"));
            quote!(#[doc(inline)] pub use super::types::#name as #short;)
        });
    let text = format!("The types of `{}`, by their short names.", operation.id);
    parse_quote! {
        #[doc = #text]
        pub mod #module {
            #(#uses)*
        }
    }
}

fn first_segment(of: &Type) -> String {
    let Type::Path(path) = of else { return String::new() };
    path.path.segments.first().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

/// One named constant for each code that the document names.
fn error_codes(lowered: &Lowered) -> Item {
    let constants = lowered.code_names.iter().filter_map(|(code, name)| {
        let number: i64 = code.parse().ok()?;
        let constant = syn::parse_str::<syn::Ident>(name).ok()?;
        let messages: BTreeSet<String> = (lowered.operations.iter().flat_map(|operation| &operation.errors))
            .filter(|(_, code, _)| *code == number)
            .map(|(_, _, message)| one_line(message))
            .filter(|message| !message.is_empty())
            .collect();
        let messages: Vec<String> = messages.into_iter().collect();
        let text = match messages.is_empty() {
            true => format!("`{number}`, met in practice: the description lists it under no answer."),
            false => format!("`{number}`. {}", messages.join(" / ")),
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

            /// The name of this code's constant, if it has one.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    #(#names)*
                    _ => None,
                }
            }
        }
    }
}

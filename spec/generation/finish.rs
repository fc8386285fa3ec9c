//! Finishing: what progenitor wrote becomes what the layer in `src/` sends. `send` becomes `request`, which only
//! builds; each builder becomes a future; what the layer must know of an operation stands beside it as a static.

use std::collections::{BTreeMap, BTreeSet};

use heck::{ToPascalCase, ToSnakeCase};
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::visit_mut::{VisitMut, visit_expr_mut};
use syn::{Attribute, Expr, ImplItem, Item, ItemImpl, ItemMod, Type, parse_quote};

use super::lower::{Bounds, Lowered, Operation, Parameter, Place, carried_length, is_typed, one_line};

/// The fields of each operation's builder, by the builder's name.
type Builders = BTreeMap<String, BTreeMap<String, Type>>;

/// The setters of each type's builder, by the type's name.
type Setters = BTreeMap<String, Vec<syn::ImplItemFn>>;

pub fn finish(tokens: TokenStream, lowered: &Lowered, schemars: bool) -> Result<syn::File, String> {
    let unexpected = |what: &str| format!("build.rs: progenitor's code has changed: {what}");
    let mut file: syn::File = syn::parse2(tokens).map_err(|error| unexpected(&error.to_string()))?;
    let mut short_names = Vec::new();
    let bodies = bodies(&file);
    file.items.retain_mut(|item| match item {
        Item::Mod(module) if module.ident == "types" => {
            finish_types(module, &bodies, schemars);
            true
        }
        Item::Mod(module) => module.ident == "builder",
        Item::Struct(client) => {
            *client = parse_quote! {
                /// Zoom's operations, each a method that gives a builder; `.await` sends.
                ///
                /// Cheap to clone: clones share connections and token. Set up by [`Client::builder`].
                #[derive(Clone)]
                pub struct Client {
                    pub(crate) client: reqwest::Client,
                    pub(crate) inner: ::std::sync::Arc<crate::client::Inner>,
                }
            };
            true
        }
        // The constructors would skip the layer's checks.
        Item::Impl(block) => block.trait_.is_none() && !block.items.iter().any(is_constructor),
        _ => false,
    });
    let types: Vec<String> = modules(&file.items, "types").flat_map(items).filter_map(type_name).collect();
    let setters = body_setters(&file);
    for item in &mut file.items {
        match item {
            Item::Mod(module) if module.ident == "builder" => {
                short_names =
                    finish_builders(module, lowered, &types, &setters).map_err(|what| unexpected(&what))?;
            }
            Item::Impl(block) => {
                Owned.visit_item_impl_mut(block);
                for item in &mut block.items {
                    if let ImplItem::Fn(method) = item {
                        finish_method(method, lowered).map_err(|what| unexpected(&what))?;
                    }
                }
            }
            _ => (),
        }
    }
    file.items.extend(short_names);
    file.items.push(error_codes(lowered));
    let base_url = lowered.document["servers"][0]["url"].as_str().unwrap_or_default();
    file.items.push(parse_quote!(pub(crate) const BASE_URL: &str = #base_url;));
    Ok(file)
}

/// The client's method that gives an operation's builder.
fn finish_method(method: &mut syn::ImplItemFn, lowered: &Lowered) -> Result<(), String> {
    let syn::ReturnType::Type(_, builder) = &method.sig.output else {
        return Err(format!("`{}` gives no builder", method.sig.ident));
    };
    let operation = operation_of(&last_segment(builder), lowered)?;
    method.block = parse_quote!({ #builder::new(self.clone()) });
    edit_documentation(&mut method.attrs, |text| {
        // What follows repeats the builder's setters.
        let text = text.split("Arguments:").next().unwrap_or_default();
        text.replace(&format!("to `{}`", operation.lowered_path), &format!("to `{}`", operation.path))
    });
    Ok(())
}

/// The operation that a builder of this name calls.
fn operation_of<'l>(builder: &str, lowered: &'l Lowered) -> Result<&'l Operation, String> {
    let mut operations = lowered.operations.iter();
    let found = operations.find(|operation| operation.id.to_pascal_case() == builder);
    found.ok_or_else(|| format!("no operation for `{builder}`"))
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

fn is_constructor(item: &ImplItem) -> bool {
    matches!(item, ImplItem::Fn(method) if method.sig.ident == "new_with_client")
}

/// Types grow without a breaking change, their documents hold the description alone (typify adds the schema as
/// HTML), their setters carry their fields' words, and a nested builder is taken where its type is.
fn finish_types(module: &mut ItemMod, bodies: &BTreeSet<String>, schemars: bool) {
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
                    state_length(&mut field.attrs, schemars);
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
    let mut required = Missing::default();
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
                    // `Default` comes before the setters.
                    if block.trait_.is_some() {
                        required.prefix = if bodies.contains(&name) { "body." } else { "" };
                        required.of = name.clone();
                        required.visit_item_impl_mut(block);
                        continue;
                    }
                    for item in &mut block.items {
                        let ImplItem::Fn(method) = item else { continue };
                        let field = (name.clone(), method.sig.ident.to_string());
                        method.attrs.extend(fields.get(&field).into_iter().flatten().cloned());
                        if required.found.contains(&field) {
                            method.attrs.extend(REQUIRED.map(|text| parse_quote!(#[doc = #text])));
                        }
                        take_the_inner_type(method);
                    }
                }
                _ => (),
            }
        }
    }
}

/// What a field's documentation carries of its length, stated in words and, with `schemars`, in its JSON Schema.
fn state_length(attributes: &mut Vec<Attribute>, schemars: bool) {
    let mut carried = None;
    edit_documentation(attributes, |text| {
        let (text, length) = carried_length(text);
        carried = length.or(carried);
        match length {
            Some(length) => format!("{}\n\n{}", text.trim_end(), in_words(length)).trim_start().to_owned(),
            None => text.to_owned(),
        }
    });
    if let Some((least, most)) = carried.filter(|_| schemars) {
        let least = least.map(Literal::u64_unsuffixed).map(|least| quote!(min = #least,));
        let most = most.map(Literal::u64_unsuffixed).map(|most| quote!(max = #most));
        attributes.push(parse_quote!(#[schemars(length(#least #most))]));
    }
}

fn in_words((least, most): Bounds) -> String {
    match (least, most) {
        (Some(least), Some(most)) if least == most => format!("Exactly {most} characters."),
        (Some(least), Some(most)) => format!("{least} to {most} characters."),
        (Some(least), None) => format!("At least {least} characters."),
        (None, Some(most)) => format!("At most {most} characters."),
        (None, None) => String::new(),
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

/// `send` becomes `request`; a call's facts and `IntoFuture` stand beside it; and each operation gets a module
/// with short names for its types.
fn finish_builders(
    module: &mut ItemMod,
    lowered: &Lowered,
    types: &[String],
    setters: &Setters,
) -> Result<Vec<Item>, String> {
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
    let mut builders = Builders::new();
    for item in items.iter_mut() {
        Owned.visit_item_mut(item);
        match item {
            Item::Struct(builder) => {
                let fields = builder
                    .fields
                    .iter()
                    .filter_map(|field| Some((field.ident.as_ref()?.to_string(), field.ty.clone())));
                builders.insert(builder.ident.to_string(), fields.collect());
                builder.attrs.retain(|attribute| !attribute.path().is_ident("derive"));
                builder.attrs.push(parse_quote!(#[derive(Debug, Clone)]));
                builder.attrs.push(parse_quote!(#[must_use = "nothing is sent before `.await`"]));
            }
            Item::Impl(block) => {
                let (operation, future) = finish_builder(block, &builders, lowered)?;
                let body = builders.get(&last_segment(&block.self_ty)).and_then(|fields| fields.get("body"));
                if let Some(setters) = body.and_then(built_type).and_then(|body| setters.get(&body)) {
                    forward_setters(block, setters);
                }
                added.push(future);
                modules.push(short_names(block, operation, types));
            }
            _ => (),
        }
    }
    items.extend(added);
    Ok(modules)
}

fn finish_builder<'a>(
    block: &mut ItemImpl,
    builders: &Builders,
    lowered: &'a Lowered,
) -> Result<(&'a Operation, Item), String> {
    let name = last_segment(&block.self_ty);
    let operation = operation_of(&name, lowered)?;
    let send = block.items.iter().position(|item| is_method(item, "send"));
    let ImplItem::Fn(send) = block.items.remove(send.ok_or("a builder without `send`")?) else {
        return Err("`send` is not a method".into());
    };
    let value = answer_type(&send.sig.output).ok_or("`send` returns no `ResponseValue`")?;
    let fields = builders.get(&name).ok_or_else(|| format!("no fields for `{name}`"))?;
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        if method.sig.ident == "new" {
            method.vis = parse_quote!(pub(crate));
            Missing::default().visit_block_mut(&mut method.block);
        }
        finish_setter(method, operation);
    }
    Ok((operation, future(operation, &name, &value, fields)?))
}

fn is_method(item: &ImplItem, name: &str) -> bool {
    matches!(item, ImplItem::Fn(method) if method.sig.ident == name)
}

/// A builder owns its client, so that its call outlives what made it.
struct Owned;

impl VisitMut for Owned {
    fn visit_generics_mut(&mut self, generics: &mut syn::Generics) {
        let is_type = |parameter: &syn::GenericParam| !matches!(parameter, syn::GenericParam::Lifetime(_));
        generics.params = std::mem::take(&mut generics.params).into_iter().filter(is_type).collect();
        if generics.params.is_empty() {
            (generics.lt_token, generics.gt_token) = (None, None);
        }
        syn::visit_mut::visit_generics_mut(self, generics);
    }

    fn visit_path_segment_mut(&mut self, segment: &mut syn::PathSegment) {
        syn::visit_mut::visit_path_segment_mut(self, segment);
        if let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments
            && arguments.args.iter().all(|argument| matches!(argument, syn::GenericArgument::Lifetime(_)))
        {
            segment.arguments = syn::PathArguments::None;
        }
    }

    fn visit_type_mut(&mut self, of: &mut Type) {
        syn::visit_mut::visit_type_mut(self, of);
        if let Type::Reference(reference) = of
            && reference.lifetime.is_some()
        {
            *of = (*reference.elem).clone();
        }
    }
}

/// A text as it stands in a format string.
fn in_format(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// What `.await` does: the builder is taken apart once, and each attempt's request is built from references.
fn future(
    operation: &Operation,
    builder: &str,
    value: &Type,
    fields: &BTreeMap<String, Type>,
) -> Result<Item, String> {
    let builder = format_ident!("{builder}");
    let mut names = Vec::new();
    let mut path = String::from("{}");
    let mut path_values = Vec::new();
    let mut sent = Vec::new();
    for parameter in &operation.parameters {
        let ident = format_ident!("{}", parameter.ident);
        let wire = &parameter.name;
        if !fields.contains_key(&parameter.ident) {
            return Err(format!("{} has no field `{}`", operation.name(), parameter.ident));
        }
        match (parameter.place, parameter.required) {
            (Place::Path, _) => (),
            (Place::Query, _) => sent.push(quote! {
                let request = request.query(&::progenitor_client::QueryParam::new(#wire, &#ident));
            }),
            (Place::Header, true) => {
                sent.push(quote!(let request = request.header(#wire, #ident.to_string());));
            }
            (Place::Header, false) => sent.push(quote! {
                let request = match &#ident {
                    Some(value) => request.header(#wire, value.to_string()),
                    None => request,
                };
            }),
        }
        names.push(ident);
    }
    let mut rest = &*operation.path;
    while let Some((literal, (name, after))) =
        rest.split_once('{').and_then(|(literal, after)| Some((literal, after.split_once('}')?)))
    {
        let is_it = |parameter: &&Parameter| parameter.place == Place::Path && parameter.name == name;
        let parameter = operation.parameters.iter().find(is_it);
        let parameter =
            parameter.ok_or_else(|| format!("{}: its path's `{name}` is no parameter", operation.name()))?;
        let ident = format_ident!("{}", parameter.ident);
        path_values.push(quote!(encode_path(&#ident.to_string())));
        path += &format!("{}{{}}", in_format(literal));
        rest = after;
    }
    path += &in_format(rest);
    let mut resolved = names.clone();
    let mut body = None;
    if let Some(held) = fields.get("body") {
        if let Some(built) = built_type(held) {
            let built = format_ident!("{built}");
            body = Some(quote!(let body = body.and_then(|body| {
                types::#built::try_from(body).map_err(|error| error.to_string())
            });));
        }
        resolved.push(format_ident!("body"));
        let raw = operation.media_type.as_deref().is_some_and(|media_type| !is_typed(media_type));
        sent.push(match raw {
            true => quote!(let request = request.attach_raw(&OPERATION, &body, purpose);),
            false => quote! {
                let request = request
                    .attach(&OPERATION, client.inner.body_encoding, &body, purpose)
                    .map_err(Error::InvalidRequest)?;
            },
        });
    }
    if resolved.len() + 1 != fields.len() {
        return Err(format!("{} has fields that nothing sends", operation.name()));
    }
    let method = format_ident!("{}", operation.method.to_uppercase());
    let judge: Expr = match value.to_token_stream().to_string().replace(' ', "").as_str() {
        "()" => parse_quote!(crate::answer::nothing),
        "crate::RawBody" => parse_quote!(crate::answer::bytes),
        _ => parse_quote!(crate::answer::value),
    };
    let facts = facts(operation);
    Ok(parse_quote! {
        const _: () = {
            static OPERATION: crate::operation::Operation = #facts;

            impl ::std::future::IntoFuture for #builder {
                type Output = ::std::result::Result<#value, crate::Error>;
                type IntoFuture = crate::call::Call<#value>;

                fn into_future(self) -> Self::IntoFuture {
                    ::std::boxed::Box::pin(async move {
                        let Self { client, #(#resolved),* } = self;
                        #body
                        #(let #resolved = #resolved.map_err(|sentence| crate::Error::refused(Some(&OPERATION), sentence))?;)*
                        let path = format!(#path, client.inner.base_path(), #(#path_values),*);
                        #[allow(unused_variables)] // without a body, the purpose
                        let request = |purpose: &mut crate::body::Purpose<'_>| -> ::std::result::Result<reqwest::Request, Error<()>> {
                            let request = client.client.request(::reqwest::Method::#method, client.inner.url(&path));
                            #(#sent)*
                            Ok(request.build()?)
                        };
                        crate::call::run(&client, &OPERATION, &request, #judge).await
                    })
                }
            }
        };
    })
}

/// The `T` that a field `Result<types::builder::T, String>` builds.
fn built_type(field: &Type) -> Option<String> {
    let Type::Path(builder) = first_argument(field)? else { return None };
    let mut names = builder.path.segments.iter().map(|segment| segment.ident.to_string());
    let is_builder = names.next()? == "types" && names.next()? == "builder";
    names.next().filter(|_| is_builder)
}

/// The names of the types that are a request's whole body.
fn bodies(file: &syn::File) -> BTreeSet<String> {
    let builders = modules(&file.items, "builder").flat_map(items);
    let fields =
        builders.filter_map(|item| if let Item::Struct(item) = item { Some(&item.fields) } else { None });
    let bodies = fields.flatten().filter(|field| field.ident.as_ref().is_some_and(|name| name == "body"));
    bodies.filter_map(|field| built_type(&field.ty)).collect()
}

fn body_setters(file: &syn::File) -> Setters {
    let types = modules(&file.items, "types").flat_map(items);
    let builders = types.filter_map(as_module).filter(|module| module.ident == "builder");
    let mut setters = Setters::new();
    for item in builders.flat_map(items) {
        let Item::Impl(ItemImpl { trait_: None, self_ty, items, .. }) = item else { continue };
        let methods = items.iter().filter_map(|item| match item {
            ImplItem::Fn(method) => Some(method.clone()),
            _ => None,
        });
        setters.entry(last_segment(self_ty)).or_default().extend(methods);
    }
    setters
}

/// `.action(value)` for `.body_map(|body| body.action(value))`, unless the call has a method of that name.
fn forward_setters(block: &mut ItemImpl, setters: &[syn::ImplItemFn]) {
    let mut hidden = Vec::new();
    for setter in setters {
        let field = &setter.sig.ident;
        let is_taken = block.items.iter().any(|item| is_method(item, &field.to_string()));
        if is_taken || field == "clone" || field == "into_future" {
            hidden.push(format!("`{field}`"));
            continue;
        }
        let mut forward = setter.clone();
        forward.block = parse_quote!({
            self.body = self.body.map(|body| body.#field(value));
            self
        });
        InTypes.visit_signature_mut(&mut forward.sig);
        block.items.push(ImplItem::Fn(forward));
    }
    let body_map = block.items.iter_mut().find(|item| is_method(item, "body_map"));
    if let Some(ImplItem::Fn(body_map)) = body_map.filter(|_| !hidden.is_empty()) {
        let names = hidden.join(", ");
        let text =
            format!("The call has methods of other meaning by these names, so they are set here: {names}.");
        body_map.attrs.extend(["", &text].map(|text| parse_quote!(#[doc = #text])));
    }
}

/// What a type's builder calls `super::`, an operation's builder calls `types::`.
struct InTypes;

impl VisitMut for InTypes {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        syn::visit_mut::visit_path_mut(self, path);
        if let Some(first) = path.segments.first_mut().filter(|first| first.ident == "super") {
            first.ident = format_ident!("types");
        }
    }
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

/// A setter says what was wrong with the value it was given, and what the parameter is for.
fn finish_setter(method: &mut syn::ImplItemFn, operation: &Operation) {
    let name = method.sig.ident.to_string();
    let parameter = operation.parameters.iter().find(|parameter| parameter.ident == name);
    let description = parameter.map(|parameter| parameter.description.clone());
    let text = match name.as_str() {
        "new" => return,
        "body" => "The body as a whole; [`body_map`](Self::body_map) fills it in field by field.".to_owned(),
        "body_map" => "Fills in the body by its own builder, field by field.".to_owned(),
        _ => description.unwrap_or_default(),
    };
    method.attrs.push(parse_quote!(#[doc = #text]));
    if parameter.is_some_and(|parameter| parameter.required) {
        method.attrs.extend(REQUIRED.map(|text| parse_quote!(#[doc = #text])));
    }
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

/// Rewords what a builder says of something that was never set, and notes what that is.
#[derive(Default)]
struct Missing {
    /// The builder's name.
    of: String,
    /// Stands before the name of what is missing.
    prefix: &'static str,
    /// The names of builders and of what they require.
    found: BTreeSet<(String, String)>,
}

impl VisitMut for Missing {
    fn visit_lit_str_mut(&mut self, text: &mut syn::LitStr) {
        let value = text.value();
        if let Some(name) =
            value.strip_suffix(" was not initialized").or(value.strip_prefix("no value supplied for "))
        {
            *text = syn::LitStr::new(
                &format!("`{}{name}` is required and was not set", self.prefix),
                text.span(),
            );
            self.found.insert((self.of.clone(), name.to_owned()));
        }
    }
}

/// What the page of a setter says that must be called.
const REQUIRED: [&str; 2] = ["", "Required."];

fn facts(operation: &Operation) -> TokenStream {
    let Operation { id, path, media_type, body_required, wait, .. } = operation;
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
            errors: &[#(#errors),*],
        }
    }
}

/// `update_meeting_live_stream::Action` for `types::UpdateMeetingLiveStreamBodyAction`.
fn short_names(block: &ItemImpl, operation: &Operation, types: &[String]) -> Item {
    let builder = last_segment(&block.self_ty);
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

fn last_segment(of: &Type) -> String {
    let Type::Path(path) = of else { return String::new() };
    path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
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

//! The builders of calls. Each owns its client, has a setter for each parameter and each field of the body, and can be
//! awaited. Each attempt's request is built from references to the builder's values.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident, quote};
use syn::visit_mut::VisitMut;
use syn::{Expr, ImplItem, Item, ItemImpl, ItemMod, Type, parse_quote};

use super::{
    Missing, REQUIRED, Refusals, as_module, first_argument, is_method, is_named, items, last_segment,
    modules, nothing,
};
use crate::generation::facts::{Operation, Place, Style};
use crate::generation::lower::{Lowered, is_typed, pieces};

/// The fields of an operation's builder, keyed by name.
type Fields = BTreeMap<String, Type>;

/// The setters of each type's builder, keyed by the type's name.
pub type Setters = BTreeMap<String, Vec<syn::ImplItemFn>>;

pub fn finish(module: &mut ItemMod, lowered: &Lowered, setters: &Setters) -> Result<(), String> {
    let Some((_, items)) = &mut module.content else { return Err("`mod builder` is empty".into()) };
    items.retain(|item| !matches!(item, Item::Use(_)));
    let mut added: Vec<Item> = vec![
        parse_quote!(
            use super::types;
        ),
        parse_quote!(
            #[allow(unused_imports)]
            use crate::body::Attach as _;
        ),
    ];
    let mut builders: BTreeMap<String, Fields> = BTreeMap::new();
    for item in items.iter_mut() {
        Owned.visit_item_mut(item);
        match item {
            Item::Struct(builder) => {
                let fields = builder.fields.iter();
                let fields =
                    fields.filter_map(|field| Some((field.ident.as_ref()?.to_string(), field.ty.clone())));
                builders.insert(builder.ident.to_string(), fields.collect());
                builder.attrs.retain(|attribute| !attribute.path().is_ident("derive"));
                builder.attrs.push(parse_quote!(#[derive(Debug, Clone)]));
                builder.attrs.push(parse_quote!(#[must_use = "nothing is sent before `.await`"]));
            }
            Item::Impl(block) => {
                let name = last_segment(&block.self_ty);
                let operation = lowered.operations.iter().find(|operation| operation.builder == name);
                let operation = operation.ok_or_else(|| format!("no operation for `{name}`"))?;
                let fields = builders.get(&name).ok_or_else(|| format!("`{name}` has no fields"))?;
                added.push(finish_builder(block, operation, fields)?);
                let body = fields.get("body").and_then(built_type);
                if let Some(setters) = body.and_then(|body| setters.get(&body)) {
                    forward_setters(block, setters);
                }
            }
            _ => (),
        }
    }
    items.extend(added);
    Ok(())
}

fn finish_builder(block: &mut ItemImpl, operation: &Operation, fields: &Fields) -> Result<Item, String> {
    let owner = operation.title();
    let send = block.items.iter().position(|item| is_method(item, "send"));
    let send = send.map(|place| block.items.remove(place));
    let value = match &send {
        Some(ImplItem::Fn(send)) => answer_type(&send.sig.output),
        _ => None,
    };
    let value = value.ok_or_else(|| format!("{owner} has no `send` that returns a `ResponseValue`"))?;
    let expected = 1 + operation.parameters.len() + usize::from(operation.media_type.is_some());
    let described = operation.parameters.iter().map(|parameter| parameter.ident.as_str());
    let described = described.chain(["client"]).chain(operation.media_type.as_ref().map(|_| "body"));
    if let Some(missing) = described.clone().find(|name| !fields.contains_key(*name)) {
        return Err(format!("the builder of {owner} lacks the field `{missing}`"));
    }
    if fields.len() != expected {
        return Err(format!("the builder of {owner} has fields that are not in the description"));
    }
    let mut changed: BTreeSet<String> = BTreeSet::new();
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let name = method.sig.ident.to_string();
        if name == "new" {
            method.vis = parse_quote!(pub(crate));
            let mut missing = Missing::default();
            missing.visit_block_mut(&mut method.block);
            let required = operation.parameters.iter().filter(|parameter| parameter.required);
            if required.map(|parameter| &parameter.ident).any(|name| !missing.found.contains(name)) {
                return Err(nothing("rewords errors for missing values", &owner));
            }
            continue;
        }
        let text = match operation.parameters.iter().find(|parameter| parameter.ident == name) {
            Some(parameter) => parameter.description.clone(),
            None if name == "body" => {
                "Sets the whole body. [`body_map`](Self::body_map) sets single fields.".to_owned()
            }
            None if name == "body_map" => "Sets fields of the body through its builder.".to_owned(),
            None => return Err(format!("the builder of {owner} has an unexpected method `{name}`")),
        };
        method.attrs.push(parse_quote!(#[doc = #text]));
        if operation.parameters.iter().any(|parameter| parameter.ident == name && parameter.required) {
            method.attrs.extend(REQUIRED.map(|text| parse_quote!(#[doc = #text])));
        }
        if name != "body_map" && finish_setter(method) == 0 {
            return Err(nothing("rewords a setter's error", &owner));
        }
        changed.insert(name);
    }
    if let Some(unset) = described.filter(|name| *name != "client").find(|name| !changed.contains(*name)) {
        return Err(format!("the builder of {owner} has no setter `{unset}`"));
    }
    future(operation, &value, fields)
}

/// Makes a setter's error name the field and say what is wrong with the value.
fn finish_setter(method: &mut syn::ImplItemFn) -> usize {
    let mut refusals = Refusals { field: method.sig.ident.to_string(), changed: 0 };
    refusals.visit_block_mut(&mut method.block);
    let conversion = method.sig.generics.where_clause.as_mut().and_then(|clause| {
        let [syn::WherePredicate::Type(bound)] = &clause.predicates.iter().collect::<Vec<_>>()[..] else {
            return None;
        };
        let syn::TypeParamBound::Trait(conversion) = bound.bounds.first()? else { return None };
        let is_fallible = is_named(&conversion.path, "TryInto");
        let (value, conversion) = (bound.bounded_ty.clone(), conversion.clone());
        Some((clause, value, conversion)).filter(|_| is_fallible)
    });
    if let Some((clause, value, conversion)) = conversion {
        clause.predicates.push(parse_quote!(<#value as #conversion>::Error: ::std::fmt::Display));
    }
    refusals.changed
}

/// Makes a builder own its client, so that the call can outlive the client it came from.
pub struct Owned;

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

/// The `IntoFuture` of a builder. The builder is taken apart once; each attempt's request is built from references.
fn future(operation: &Operation, value: &Type, fields: &Fields) -> Result<Item, String> {
    let builder = format_ident!("{}", operation.builder);
    let held: Vec<syn::Ident> =
        fields.keys().filter(|name| *name != "client").map(|name| format_ident!("{name}")).collect();
    // Parameters never have the names used below.
    let given: Vec<syn::Ident> = held.iter().map(|name| format_ident!("given_{name}")).collect();
    let build = fields.get("body").and_then(built_type).map(|built| {
        let built = format_ident!("{built}");
        quote!(let given_body = given_body.and_then(|body| {
            types::#built::try_from(body).map_err(|error| error.to_string())
        });)
    });
    let path = path(operation)?;
    let parameters = parameters(operation);
    let (query, headers) = match &parameters {
        Some(_) => (
            quote!(parameters.url(client.inner.url(&path))),
            quote!(let request = request.headers(parameters.headers());),
        ),
        None => (quote!(client.inner.url(&path)), quote!()),
    };
    let body = fields.get("body").map(|_| attach(operation));
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
                        let Self { client, #(#held: #given),* } = self;
                        #[allow(unused_variables)] // without a parameter or a body
                        let refused = |sentence: ::std::string::String| crate::Error::refused(Some(&OPERATION), sentence);
                        #build
                        #(let #given = #given.map_err(refused)?;)*
                        let path = #path;
                        #parameters
                        #[allow(unused_variables)] // without a body, the purpose
                        let request = |purpose: &mut crate::body::Purpose<'_>| -> ::std::result::Result<
                            ::reqwest::Request,
                            ::progenitor_client::Error<()>,
                        > {
                            let request = client.client.request(::reqwest::Method::#method, #query);
                            #headers
                            #body
                            Ok(request.build()?)
                        };
                        crate::call::run(&client, &OPERATION, &request, #judge).await
                    })
                }
            }
        };
    })
}

/// The request's path, including the base URL's.
fn path(operation: &Operation) -> Result<TokenStream, String> {
    let mut format = String::from("{}");
    let mut values = Vec::new();
    for (literal, name) in pieces(&operation.path)? {
        format += &literal.replace('{', "{{").replace('}', "}}");
        let is_it = |name: &str| {
            operation
                .parameters
                .iter()
                .find(|parameter| parameter.place == Place::Path && parameter.name == name)
        };
        if let Some(parameter) = name.and_then(is_it) {
            let given = format_ident!("given_{}", parameter.ident);
            values.push(quote!(::progenitor_client::encode_path(&#given.to_string())));
            format += "{}";
        }
    }
    Ok(quote!(format!(#format, client.inner.base_path(), #(#values),*)))
}

/// The parameters sent in the query, in headers and in cookies, if there are any.
fn parameters(operation: &Operation) -> Option<TokenStream> {
    let sent = operation.parameters.iter().filter_map(|parameter| {
        let name = &parameter.name;
        let given = format_ident!("given_{}", parameter.ident);
        let (place, how) = match parameter.place {
            Place::Path => return None,
            Place::Query(how) => (quote!(query), style(how)),
            Place::Header(how) => (quote!(header), style(how)),
            Place::Cookie(how) => (quote!(cookie), style(how)),
        };
        Some(quote!(parameters.#place(#name, #how, &#given).map_err(refused)?;))
    });
    let sent: Vec<TokenStream> = sent.collect();
    (!sent.is_empty()).then(|| {
        quote! {
            let mut parameters = crate::parameters::Parameters::default();
            #(#sent)*
        }
    })
}

fn style(style: Style) -> TokenStream {
    match style {
        Style::Delimited(delimiter) => quote!(crate::parameters::Style::Delimited(#delimiter)),
        Style::Exploded => quote!(crate::parameters::Style::Exploded),
        Style::DeepObject => quote!(crate::parameters::Style::DeepObject),
        Style::Json => quote!(crate::parameters::Style::Json),
    }
}

/// Attaches the body to the request.
fn attach(operation: &Operation) -> TokenStream {
    if operation.media_type.as_deref().is_some_and(|media_type| !is_typed(media_type)) {
        return quote!(let request = request.attach_raw(&OPERATION, &given_body, purpose););
    }
    let files = operation.files.iter().map(|(name, ident)| {
        let ident = format_ident!("{ident}");
        quote!((#name, crate::file::Files::files(&given_body.#ident)))
    });
    quote! {
        let request = request
            .attach(&OPERATION, client.inner.body_encoding, &given_body, &[#(#files),*], purpose)
            .map_err(::progenitor_client::Error::InvalidRequest)?;
    }
}

fn facts(operation: &Operation) -> TokenStream {
    let Operation { id, path, media_type, body_required, wait, .. } = operation;
    let optional = |value: Option<TokenStream>| value.map_or(quote!(None), |value| quote!(Some(#value)));
    let media_type = optional(media_type.as_ref().map(|media_type| quote!(#media_type)));
    let wait = optional(wait.map(|seconds| quote!(::std::time::Duration::from_secs(#seconds))));
    let lengths = operation.lengths.iter().map(|length| {
        let (least, most) = length.bounds;
        let least = optional(least.map(|least| quote!(#least)));
        let most = optional(most.map(|most| quote!(#most)));
        let names = &length.field;
        quote!(crate::operation::Length { field: &[#(#names),*], least: #least, most: #most })
    });
    let errors = operation.errors.iter().map(|error| {
        let (status, code, message) = (error.status, error.code, &error.message);
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

/// The `T` of a field of type `Result<types::builder::T, String>`.
fn built_type(field: &Type) -> Option<String> {
    let Type::Path(builder) = first_argument(field)? else { return None };
    let mut names = builder.path.segments.iter().map(|segment| segment.ident.to_string());
    let is_builder = names.next()? == "types" && names.next()? == "builder";
    names.next().filter(|_| is_builder)
}

/// The names of the types of request bodies.
pub fn bodies(file: &syn::File) -> BTreeSet<String> {
    let builders = modules(&file.items, "builder").flat_map(items);
    let fields =
        builders.filter_map(|item| if let Item::Struct(item) = item { Some(&item.fields) } else { None });
    let bodies = fields.flatten().filter(|field| field.ident.as_ref().is_some_and(|name| name == "body"));
    bodies.filter_map(|field| built_type(&field.ty)).collect()
}

pub fn setters_of_types(file: &syn::File) -> Setters {
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

/// Adds `.action(value)` as a short form of `.body_map(|body| body.action(value))`, unless that name is taken.
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
        let text = format!(
            "The call has other methods with these names, so these fields can only be set here: {names}."
        );
        body_map.attrs.extend(["", &text].map(|text| parse_quote!(#[doc = #text])));
    }
}

/// Rewrites `super::` of a type's builder to `types::` for an operation's builder.
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

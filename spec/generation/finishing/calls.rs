//! The builders of calls. Each owns its client, has a setter for each parameter and each field of the body, and can be
//! awaited. Each attempt's request is built from references to the builder's values.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens as _, format_ident, quote};
use syn::visit_mut::VisitMut;
use syn::{Expr, ImplItem, Item, ItemImpl, ItemMod, Type, parse_quote};

use super::types::{is_flattened, is_option, renamed, skipped};
use super::{
    Missing, Refusals, arguments, as_module, first_argument, is_method, is_named, items, last_segment,
    modules, nothing, say_if_required,
};
use crate::generation::facts::{Length, Operation, Parameter, Place, Step, Style};
use crate::generation::lowering::{Lowered, is_form, is_typed, pieces};

/// The fields of an operation's builder, keyed by name.
type Fields = BTreeMap<String, Type>;

/// The setters of each type's builder, keyed by the type's name.
pub type Setters = BTreeMap<String, Vec<syn::ImplItemFn>>;

/// The fields of each body type and of the types nested in it, keyed by the type's name. A newtype has one.
pub type Structs = BTreeMap<String, Vec<BodyField>>;

pub struct BodyField {
    member: syn::Member,
    /// The name sent.
    name: String,
    of: Type,
    /// The function that decides whether a value is left out of the body.
    skipped: Option<syn::Path>,
    /// Whether it holds the fields that the description doesn't have.
    is_flattened: bool,
}

pub fn finish(
    module: &mut ItemMod,
    lowered: &Lowered,
    setters: &Setters,
    structs: &Structs,
) -> Result<(), String> {
    let Some((_, items)) = &mut module.content else { return Err("`mod builder` is empty".into()) };
    items.retain(|item| !matches!(item, Item::Use(_)));
    let mut added: Vec<Item> = vec![parse_quote!(
        use super::types;
    )];
    let mut builders: BTreeMap<String, Fields> = BTreeMap::new();
    for item in items.iter_mut() {
        Owned.visit_item_mut(item);
        match item {
            Item::Struct(builder) => {
                let fields = builder.fields.iter();
                let fields =
                    fields.filter_map(|field| Some((field.ident.as_ref()?.to_string(), field.ty.clone())));
                let name = builder.ident.to_string();
                let operation = lowered.operations.iter().find(|operation| operation.builder == name);
                let method = operation.map_or(&name, |operation| &operation.name);
                let text = format!(
                    "A call, sent by `.await`; returned by [`Client::{method}`](crate::Client::{method})."
                );
                builder.attrs = vec![parse_quote!(#[doc = #text])];
                builder.attrs.push(parse_quote!(#[derive(Debug, Clone)]));
                builder.attrs.push(parse_quote!(#[must_use = "nothing is sent before `.await`"]));
                builders.insert(name, fields.collect());
            }
            Item::Impl(block) => {
                let name = last_segment(&block.self_ty);
                let operation = lowered.operations.iter().find(|operation| operation.builder == name);
                let operation = operation.ok_or_else(|| format!("no operation for `{name}`"))?;
                let fields = builders.get(&name).ok_or_else(|| format!("`{name}` has no fields"))?;
                added.push(finish_builder(block, operation, fields, structs)?);
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

fn finish_builder(
    block: &mut ItemImpl,
    operation: &Operation,
    fields: &Fields,
    structs: &Structs,
) -> Result<Item, String> {
    let owner = operation.title();
    let send = block.items.iter().position(|item| {
        is_method(item, "send") && matches!(item, ImplItem::Fn(method) if method.sig.asyncness.is_some())
    });
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
                "Sets the whole body. [`body_map`](Self::body_map) sets individual fields.".to_owned()
            }
            None if name == "body_map" => "Sets fields of the body through its builder.".to_owned(),
            None => return Err(format!("the builder of {owner} has an unexpected method `{name}`")),
        };
        method.attrs.push(parse_quote!(#[doc = #text]));
        if let Some(parameter) = operation.parameters.iter().find(|parameter| parameter.ident == name) {
            say_if_required(method, parameter.required);
        }
        if name != "body_map" && finish_setter(method) == 0 {
            return Err(nothing("rewords a setter's error", &owner));
        }
        changed.insert(name);
    }
    if let Some(unset) = described.filter(|name| *name != "client").find(|name| !changed.contains(*name)) {
        return Err(format!("the builder of {owner} has no setter `{unset}`"));
    }
    future(operation, &value, fields, structs)
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

/// The `IntoFuture` of a builder. The builder is checked once, and each attempt encodes the body again. The future
/// holds only what it needs, not the builder.
fn future(operation: &Operation, value: &Type, fields: &Fields, structs: &Structs) -> Result<Item, String> {
    let builder = format_ident!("{}", operation.builder);
    let held: Vec<syn::Ident> =
        fields.keys().filter(|name| *name != "client").map(|name| format_ident!("{name}")).collect();
    // Parameters never have the names used below.
    let given: Vec<syn::Ident> = held.iter().map(|name| format_ident!("given_{name}")).collect();
    let body = fields.get("body");
    let built = body.and_then(built_type);
    let build = built.as_ref().map(|built| {
        let built = format_ident!("{built}");
        quote!(let given_body = given_body.and_then(|body| {
            types::#built::try_from(body).map_err(|error| error.to_string())
        });)
    });
    let lengths = built.iter().flat_map(|built| operation.lengths.iter().map(move |length| (length, built)));
    let lengths: Result<Vec<_>, String> =
        lengths.filter_map(|(length, built)| within(length, built, structs, operation).transpose()).collect();
    let lengths = lengths?;
    let path = path(operation)?;
    let parameters = parameters(operation);
    let sent = if parameters.is_some() { quote!(Some(&parameters)) } else { quote!(None) };
    let kept =
        body.map(|_| quote!(given_body)).into_iter().chain(parameters.as_ref().map(|_| quote!(parameters)));
    let kept: Vec<TokenStream> = kept.collect();
    let known = built.as_ref().and_then(|built| structs.get(built));
    let encode = body.map_or(quote!(Ok(None)), |_| encode(operation, known));
    let inspect = match is_raw(operation) || body.is_none() {
        true => quote!(crate::inspection::Inspected::default()),
        false => quote!(crate::inspection::Inspected::of(&given_body)),
    };
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
                    let Self { client, #(#held: #given),* } = self;
                    let prepare = || -> ::std::result::Result<_, ::std::string::String> {
                        #build
                        #(let #given = #given?;)*
                        #(#lengths?;)*
                        let path = #path;
                        #parameters
                        Ok((path, #(#kept),*))
                    };
                    let (path, #(#kept),*) = match prepare() {
                        Ok(prepared) => prepared,
                        Err(sentence) => {
                            let error = crate::Error::refused(Some(&OPERATION), sentence);
                            return ::std::boxed::Box::pin(::std::future::ready(Err(error)));
                        }
                    };
                    ::std::boxed::Box::pin(async move {
                        let encode = || -> ::std::result::Result<
                            ::std::option::Option<crate::body::Encoded>,
                            ::std::string::String,
                        > { #encode };
                        let inspect = || #inspect;
                        let content = crate::call::Content {
                            path: &path,
                            parameters: #sent,
                            encode: &encode,
                            inspect: &inspect,
                        };
                        crate::call::run(&client, &OPERATION, content, #judge).await
                    })
                }
            }
        };
    })
}

/// The request's path, including the base URL's.
fn path(operation: &Operation) -> Result<TokenStream, String> {
    let in_path = || operation.parameters.iter().filter(|parameter| parameter.place == Place::Path);
    let parts = pieces(&operation.path)?.into_iter().map(|(literal, name)| {
        let parameter = name.and_then(|name| in_path().find(|parameter| parameter.name == name));
        let value = parameter.map(|Parameter { ident, .. }| {
            let given = format_ident!("given_{ident}");
            quote!(&crate::url::encoded(&#given.to_string()),)
        });
        quote!(#literal, #value)
    });
    Ok(quote!([client.inner.settings.base_path(), #(#parts)*].concat()))
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
        Some(quote!(parameters.#place(#name, #how, &#given)?;))
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

fn is_raw(operation: &Operation) -> bool {
    operation.media_type.as_deref().is_some_and(|media_type| !is_typed(media_type))
}

/// Encodes the body from the fields that its type is `known` to have.
fn encode(operation: &Operation, known: Option<&Vec<BodyField>>) -> TokenStream {
    let media_type = operation.media_type.as_deref().unwrap_or("application/json");
    if is_raw(operation) {
        return quote!(crate::body::Encoded::new(#media_type, given_body.clone().into_bytes()).map(Some));
    }
    if !is_form(media_type) {
        return match operation.body_required {
            true => quote!(crate::body::Encoded::json(#media_type, &given_body).map(Some)),
            false => quote!(
                crate::body::Encoded::json(#media_type, &given_body).map(crate::body::Encoded::unless_empty)
            ),
        };
    }
    let fields = match known {
        None => quote!(crate::body::Field::all(&given_body)?),
        Some(fields) => {
            let (unnamed, fields): (Vec<_>, Vec<_>) = fields.iter().partition(|field| field.is_flattened);
            let unnamed = unnamed.iter().map(|BodyField { member, .. }| {
                quote!(fields.extend(crate::body::Field::all(&given_body.#member)?);)
            });
            let fields = fields.iter().map(|BodyField { member, name, skipped, .. }| {
                let is_file = operation.files.iter().any(|(file, _)| file == name);
                match skipped {
                    _ if is_file => quote!(crate::body::Field::files(#name, given_body.#member.as_slice())),
                    Some(skipped) => quote!(crate::body::Field::text(
                        #name,
                        &(!#skipped(&given_body.#member)).then_some(&given_body.#member),
                    )?),
                    None => quote!(crate::body::Field::text(#name, &given_body.#member)?),
                }
            });
            match unnamed.len() {
                0 => quote!([#(#fields),*]),
                _ => quote!({
                    let mut fields = ::std::vec![#(#fields),*];
                    #(#unnamed)*
                    fields
                }),
            }
        }
    };
    quote! {
        let fields = #fields;
        crate::body::Encoded::form(&OPERATION, client.inner.settings.body_encoding, &given_body, &fields)
    }
}

/// The check of a text's length, if the field is a text. Looks through any `Option`, `Box` or newtype around it.
fn within(
    length: &Length,
    body: &str,
    structs: &Structs,
    operation: &Operation,
) -> Result<Option<TokenStream>, String> {
    let name = length.name();
    let body = format_ident!("{body}");
    let (mut value, mut of): (_, Type) = (quote!(Some(&given_body)), parse_quote!(#body));
    // Whether `value` is an iterator rather than an `Option`.
    let mut is_many = false;
    let mut steps = length.place.iter();
    loop {
        let owner = last_segment(&of);
        let fields = structs.get(&owner).map_or([].as_slice(), Vec::as_slice);
        let (inner, is_each) = match fields {
            [inner] if matches!(inner.member, syn::Member::Unnamed(_)) => (Some(inner), false),
            _ => match steps.next() {
                Some(Step::Field(name)) => (fields.iter().find(|field| field.name == *name), false),
                Some(Step::Each) => (fields.iter().find(|field| field.is_flattened), true),
                None => break,
            },
        };
        if let Some(BodyField { member, of: inner, .. }) = inner {
            value = match (is_option(inner), is_many) {
                (true, true) => quote!(#value.filter_map(|value| value.#member.as_ref())),
                (true, false) => quote!(#value.and_then(|value| value.#member.as_ref())),
                (false, _) => quote!(#value.map(|value| &value.#member)),
            };
            of = inside(inner);
        } else if !is_each && owner == "Value" {
            // Untyped JSON.
            return Ok(None);
        } else if !is_each {
            return Err(nothing("checks lengths", &format!("`{name}` of {}", operation.title())));
        }
        if is_each {
            let all = match &*last_segment(&of) {
                "Vec" => quote!(iter()),
                "HashMap" => quote!(values()),
                // Untyped JSON.
                _ => return Ok(None),
            };
            let items = if is_many { quote!(#value) } else { quote!(#value.into_iter()) };
            value = quote!(#items.flat_map(|value| value.#all));
            is_many = true;
            let Some(item) = arguments(&of).pop() else { return Ok(None) };
            if is_option(&item) {
                value = quote!(#value.flatten());
            }
            of = inside(&item);
        }
    }
    let text = match &*last_segment(&of) {
        "String" => quote!(::std::string::String::as_str),
        "Secret" => quote!(crate::Secret::expose),
        _ => return Ok(None),
    };
    let bound = |bound: Option<u64>| match bound.map(Literal::u64_unsuffixed) {
        Some(bound) => quote!(Some(#bound)),
        None => quote!(None),
    };
    let (least, most) = (bound(length.bounds.0), bound(length.bounds.1));
    Ok(Some(match is_many {
        true => quote!(#value.map(#text).try_for_each(|text| {
            crate::body::within(#name, Some(text), #least, #most)
        })),
        false => quote!(crate::body::within(#name, #value.map(#text), #least, #most)),
    }))
}

/// The type inside any `Option` and `Box`.
fn inside(of: &Type) -> Type {
    let inner = first_argument(of).filter(|_| ["Option", "Box"].contains(&&*last_segment(of)));
    inner.map_or_else(|| of.clone(), |inner| inside(&inner))
}

fn facts(operation: &Operation) -> TokenStream {
    let Operation { id, path, media_type, body_required, wait, .. } = operation;
    let optional = |value: Option<TokenStream>| value.map_or(quote!(None), |value| quote!(Some(#value)));
    let media_type = optional(media_type.as_ref().map(|media_type| quote!(#media_type)));
    let wait = optional(wait.map(|seconds| quote!(::std::time::Duration::from_secs(#seconds))));
    let method = format_ident!("{}", operation.method.to_uppercase());
    let errors = operation.errors.iter().map(|error| {
        let (status, code, message) = (error.status, error.code, &error.message);
        quote!(crate::operation::DocumentedError { status: #status, code: #code, message: #message })
    });
    quote! {
        crate::operation::Operation {
            id: #id,
            method: ::reqwest::Method::#method,
            path: #path,
            media_type: #media_type,
            body_required: #body_required,
            documented_wait: #wait,
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

/// The fields of each struct.
pub fn structs(file: &syn::File) -> Structs {
    let types = modules(&file.items, "types").flat_map(items);
    let types = types.filter_map(|item| if let Item::Struct(item) = item { Some(item) } else { None });
    let field = |(member, field): (syn::Member, &syn::Field)| {
        let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
        let name = renamed(&field.attrs).unwrap_or(name);
        // An `Option` needs no such function: `null` is left out anyway.
        let skipped = skipped(&field.attrs).filter(|_| !is_option(&field.ty));
        BodyField { member, name, of: field.ty.clone(), skipped, is_flattened: is_flattened(field) }
    };
    let fields = types
        .map(|item| (item.ident.to_string(), item.fields.members().zip(&item.fields).map(field).collect()));
    fields.collect()
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

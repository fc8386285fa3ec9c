//! The types of bodies, answers and parameters.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Literal;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::visit_mut::{VisitMut, visit_arm_mut, visit_expr_mut};
use syn::{Attribute, Expr, ImplItem, Item, ItemImpl, ItemMod, ItemStruct, Token, Type, parse_quote};

use super::{
    Missing, Refusals, document, edit_documentation, first_argument, is_named, last_segment, nothing,
    say_if_required,
};
use crate::generation::facts::Bounds;
use crate::generation::lowering::Lowered;
use crate::generation::schemas::{Field, Struct, Types};

/// The documentation of each field, keyed by the names of its type and of the field.
type Words = BTreeMap<(String, String), Vec<Attribute>>;

/// Makes types extensible without a breaking change, copies fields' documentation to their setters, and lets setters
/// accept nested builders.
pub fn finish(
    module: &mut ItemMod,
    bodies: &BTreeSet<String>,
    lowered: &Lowered,
    schemars: bool,
) -> Result<(), String> {
    let types = &lowered.types;
    let Some((_, items)) = &mut module.content else { return Err("`mod types` is empty".into()) };
    let mut words = Words::new();
    let mut options = BTreeMap::new();
    let mut open = BTreeSet::new();
    let mut enums: BTreeSet<&String> = types.enums.keys().collect();
    let mut structs: BTreeSet<&String> = types.structs.keys().collect();
    for item in items.iter_mut() {
        match item {
            Item::Struct(item) => {
                let name = item.ident.to_string();
                structs.remove(&name);
                if item.fields.iter().any(is_flattened) {
                    open.insert(name.clone());
                }
                options.insert(name.clone(), item.fields.iter().filter(|field| is_option(&field.ty)).count());
                finish_struct(item, types.structs.get(&name), schemars, &mut words)?;
            }
            Item::Enum(item) => {
                item.attrs.push(parse_quote!(#[non_exhaustive]));
                let name = item.ident.to_string();
                let unordered = without_order(&mut item.attrs);
                if let Some(owner) = types.enums.get(&name).filter(|_| unordered == 0) {
                    return Err(nothing("removes the order of enums", &format!("`{name}` of {owner}")));
                }
                edit_documentation(&mut item.attrs, |text| describe_type(text, &name));
                for variant in &mut item.variants {
                    let name = renamed(&variant.attrs).unwrap_or(variant.ident.to_string());
                    document(&mut variant.attrs, &format!("The value `{name}`."));
                }
            }
            Item::Impl(block) if block.trait_.as_ref().is_some_and(|(path, _)| is_named(path, "FromStr")) => {
                let mut values = Values::default();
                values.visit_item_impl_mut(block);
                if values.changed > 0 {
                    enums.remove(&last_segment(&block.self_ty));
                }
            }
            Item::Impl(block) if block.trait_.is_none() => {
                for item in &mut block.items {
                    if let ImplItem::Fn(method) = item {
                        document(&mut method.attrs, "Creates a builder with no field set.");
                    }
                }
            }
            _ => (),
        }
    }
    if let Some(name) = enums.first() {
        return Err(nothing(
            "lists an enum's values in its error",
            &format!("`{name}` of {}", types.enums[*name]),
        ));
    }
    if let Some(name) = structs.first() {
        return Err(nothing(
            "marks types as `#[non_exhaustive]`",
            &format!("`{name}` of {}", types.structs[*name].owner),
        ));
    }
    let builders =
        items.iter_mut().filter_map(|item| if let Item::Mod(module) = item { Some(module) } else { None });
    for module in builders.filter(|module| module.ident == "builder") {
        finish_builders(module, bodies, types, &words, &options, &open)?;
    }
    Ok(())
}

fn finish_struct(
    item: &mut ItemStruct,
    facts: Option<&Struct>,
    schemars: bool,
    words: &mut Words,
) -> Result<(), String> {
    item.attrs.push(parse_quote!(#[non_exhaustive]));
    let type_name = item.ident.to_string();
    edit_documentation(&mut item.attrs, |text| describe_type(text, &type_name));
    let (mut described, mut unnamed) = (0, 0);
    for field in &mut item.fields {
        let Some(name) = field.ident.as_ref().map(ToString::to_string) else { continue };
        if is_flattened(field) {
            document(&mut field.attrs, "Fields that the description doesn't have.");
            let mut pass = Unnamed::default();
            pass.visit_field_mut(field);
            unnamed += pass.changed;
        } else if let Some(facts) = facts {
            let known = facts.fields.get(&name).ok_or_else(|| {
                format!(
                    "`{type_name}` of {} has a field `{name}` that is not in the description",
                    facts.owner
                )
            })?;
            described += 1;
            send_as(&mut field.attrs, known);
            state_length(&mut field.attrs, known.bounds, schemars);
        }
        let text = format!("The field `{}` of Zoom's API.", renamed(&field.attrs).unwrap_or(name.clone()));
        document(&mut field.attrs, &text);
        let of_field = field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).cloned();
        words.insert((type_name.clone(), name), of_field.collect());
    }
    let Some(facts) = facts else { return Ok(()) };
    let owner = format!("`{type_name}` of {}", facts.owner);
    if described < facts.fields.len() {
        return Err(nothing("describes fields", &owner));
    }
    match facts.is_open && unnamed == 0 {
        true => Err(nothing("keeps unknown fields", &owner)),
        false => Ok(()),
    }
}

/// Makes a renamed field keep its original name on the wire.
fn send_as(attributes: &mut Vec<Attribute>, field: &Field) {
    if field.lowered == field.name {
        return;
    }
    let name = &field.name;
    attributes.push(parse_quote!(#[serde(rename = #name)]));
}

/// Adds a length to the documentation and, with `schemars`, to the JSON Schema.
fn state_length(attributes: &mut Vec<Attribute>, (least, most): Bounds, schemars: bool) {
    let words = match (least, most) {
        (None, None) => return,
        (Some(least), Some(most)) if least == most => format!("Exactly {most} characters."),
        (Some(least), Some(most)) => format!("{least} to {most} characters."),
        (Some(least), None) => format!("At least {least} characters."),
        (None, Some(most)) => format!("At most {most} characters."),
    };
    let has_words = attributes.iter().any(|attribute| attribute.path().is_ident("doc"));
    attributes.extend(has_words.then(|| parse_quote!(#[doc = ""])));
    attributes.push(parse_quote!(#[doc = #words]));
    if schemars {
        let least = least.map(Literal::u64_unsuffixed).map(|least| quote!(min = #least,));
        let most = most.map(Literal::u64_unsuffixed).map(|most| quote!(max = #most));
        attributes.push(parse_quote!(#[schemars(length(#least #most))]));
    }
}

fn finish_builders(
    module: &mut ItemMod,
    bodies: &BTreeSet<String>,
    types: &Types,
    words: &Words,
    options: &BTreeMap<String, usize>,
    open: &BTreeSet<String>,
) -> Result<(), String> {
    let Some((_, items)) = &mut module.content else { return Ok(()) };
    let mut required = BTreeSet::new();
    for item in items.iter_mut() {
        let name = match item {
            Item::Struct(item) => item.ident.to_string(),
            Item::Impl(block) => last_segment(&block.self_ty),
            _ => continue,
        };
        let facts = types.structs.get(&name);
        let is_open = open.contains(&name);
        let owner = facts.map_or(format!("`{name}`"), |facts| format!("`{name}` of {}", facts.owner));
        match item {
            Item::Struct(item) => {
                let text = format!("The builder of [`{name}`](super::{name}).");
                item.attrs.push(parse_quote!(#[doc = #text]));
                let is_unnamed =
                    |field: &&mut syn::Field| field.ident.as_ref().is_some_and(|name| name == "extra");
                if is_open && let Some(field) = item.fields.iter_mut().find(is_unnamed) {
                    Unnamed::default().visit_field_mut(field);
                }
            }
            Item::Impl(block) if block.trait_.as_ref().is_some_and(|(path, _)| is_named(path, "Default")) => {
                let mut defaults = UnnamedByDefault(0);
                if is_open {
                    defaults.visit_item_impl_mut(block);
                }
                let mut missing = Missing {
                    prefix: if bodies.contains(&name) { "body." } else { "" },
                    ..Missing::default()
                };
                missing.visit_item_impl_mut(block);
                let is_required =
                    facts.is_some_and(|facts| facts.fields.values().any(|field| field.required));
                if is_required && missing.found.is_empty() {
                    return Err(nothing("rewords errors for missing values", &owner));
                }
                if facts.is_some_and(|facts| facts.is_open) && defaults.0 == 0 {
                    return Err(nothing("keeps unknown fields", &owner));
                }
                required.extend(missing.found.into_iter().map(|field| (name.clone(), field)));
            }
            Item::Impl(block) if block.trait_.is_none() => {
                let inner = finish_setters(block, &name, is_open, words, &required);
                let inner = inner.map_err(|pass| nothing(pass, &owner))?;
                if inner < options.get(&name).copied().unwrap_or_default() {
                    return Err(nothing("makes setters take an optional field's inner type", &owner));
                }
            }
            _ => (),
        }
    }
    Ok(())
}

/// Returns the number of setters that take an inner type, or the name of the pass that changed nothing.
fn finish_setters(
    block: &mut ItemImpl,
    name: &str,
    is_open: bool,
    words: &Words,
    required: &BTreeSet<(String, String)>,
) -> Result<usize, &'static str> {
    let mut inner = 0;
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let field = (name.to_owned(), method.sig.ident.to_string());
        if is_open && method.sig.ident == "extra" {
            let mut unnamed = Unnamed::default();
            unnamed.visit_impl_item_fn_mut(method);
            if unnamed.changed == 0 {
                return Err("keeps unknown fields");
            }
        }
        method.attrs.extend(words.get(&field).into_iter().flatten().cloned());
        say_if_required(method, required.contains(&field));
        let mut refusals = Refusals { field: field.1, changed: 0 };
        refusals.visit_block_mut(&mut method.block);
        if refusals.changed == 0 {
            return Err("rewords a setter's error");
        }
        inner += usize::from(take_the_inner_type(method).is_some());
    }
    Ok(inner)
}

pub fn is_flattened(field: &syn::Field) -> bool {
    let mut found = false;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let _ = attribute.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("flatten");
            meta.value().map_or(Ok(()), |value| value.parse::<syn::LitStr>().map(drop))
        });
    }
    found
}

pub fn is_option(of: &Type) -> bool {
    matches!(of, Type::Path(path) if is_named(&path.path, "Option"))
}

/// Replaces the map of unknown fields with a type that doesn't print its values.
#[derive(Default)]
struct Unnamed {
    changed: usize,
}

impl VisitMut for Unnamed {
    fn visit_type_mut(&mut self, of: &mut Type) {
        syn::visit_mut::visit_type_mut(self, of);
        self.change(of);
    }
}

impl Unnamed {
    fn change(&mut self, of: &mut Type) {
        match of {
            Type::Path(path) if is_named(&path.path, "Map") => *of = parse_quote!(crate::Extra),
            // Unknown fields of one type stay typed.
            Type::Path(path) if is_named(&path.path, "HashMap") => (),
            _ => return,
        }
        self.changed += 1;
    }
}

/// Makes unknown fields optional.
struct UnnamedByDefault(usize);

impl VisitMut for UnnamedByDefault {
    fn visit_field_value_mut(&mut self, field: &mut syn::FieldValue) {
        if matches!(&field.member, syn::Member::Named(name) if name == "extra") {
            field.expr = parse_quote!(Ok(::std::default::Default::default()));
            self.0 += 1;
        }
    }
}

/// Makes the setter of an `Option<T>` take anything that converts to `T`, because a `&str` doesn't convert to
/// `Option<String>`, nor a nested builder to an `Option` of its type.
fn take_the_inner_type(method: &mut syn::ImplItemFn) -> Option<()> {
    let clause = method.sig.generics.where_clause.as_mut()?;
    let syn::WherePredicate::Type(bound) = clause.predicates.first_mut()? else { return None };
    let syn::TypeParamBound::Trait(conversion) = bound.bounds.first_mut()? else { return None };
    let into = &conversion.path;
    let into: Type = parse_quote!(#into);
    let option = first_argument(&into).filter(is_option)?;
    let inner = first_argument(&option)?;
    conversion.path = parse_quote!(::std::convert::TryInto<#inner>);
    Optional.visit_block_mut(&mut method.block);
    Some(())
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

/// Removes derived comparisons: the order of an enum's values in the description has no meaning.
fn without_order(attributes: &mut [Attribute]) -> usize {
    let mut removed = 0;
    for attribute in attributes.iter_mut().filter(|attribute| attribute.path().is_ident("derive")) {
        let paths = attribute.parse_args_with(Punctuated::<syn::Path, Token![,]>::parse_terminated);
        let Ok(derived) = paths else { continue };
        let is_kept = |path: &&syn::Path| !is_named(path, "Ord") && !is_named(path, "PartialOrd");
        let kept: Vec<&syn::Path> = derived.iter().filter(is_kept).collect();
        removed += derived.len() - kept.len();
        *attribute = parse_quote!(#[derive(#(#kept),*)]);
    }
    removed
}

/// Makes an enum's parse error list the accepted values.
#[derive(Default)]
struct Values {
    known: Vec<String>,
    /// Whether the arm is the one of any other text.
    is_refusal: bool,
    changed: usize,
}

impl VisitMut for Values {
    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        self.is_refusal = matches!(arm.pat, syn::Pat::Wild(_));
        visit_arm_mut(self, arm);
    }

    fn visit_lit_str_mut(&mut self, text: &mut syn::LitStr) {
        if !self.is_refusal {
            self.known.push(format!("`{}`", text.value()));
        } else if text.value() == "invalid value" {
            let known = format!("it must be one of {}", self.known.join(", "));
            *text = syn::LitStr::new(&known, text.span());
            self.changed += 1;
        }
    }
}

/// The `x` of `#[serde(rename = "x")]`.
pub fn renamed(attributes: &[Attribute]) -> Option<String> {
    serde_value(attributes, "rename").map(|name| name.value())
}

/// The `path` of `#[serde(skip_serializing_if = "path")]`.
pub fn skipped(attributes: &[Attribute]) -> Option<syn::Path> {
    serde_value(attributes, "skip_serializing_if")?.parse().ok()
}

fn serde_value(attributes: &[Attribute], name: &str) -> Option<syn::LitStr> {
    let mut found = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let _ = attribute.parse_nested_meta(|meta| {
            // `default` has no value.
            if let Ok(value) = meta.value() {
                let value: syn::LitStr = value.parse()?;
                found = found.take().or(meta.path.is_ident(name).then_some(value));
            }
            Ok(())
        });
    }
    found
}

/// A type's description, or a default if there is none.
fn describe_type(text: &str, name: &str) -> String {
    let description = text.trim();
    match (description == format!("`{name}`"), name.ends_with("Body"), name.ends_with("Response")) {
        (true, true, _) => "The body of a request.".to_owned(),
        (true, _, true) => "The response to a request.".to_owned(),
        _ => description.to_owned(),
    }
}

//! Builders of types get names of their own: progenitor gives a builder the name of the type it builds, which makes a
//! compiler message about both ambiguous.

use std::collections::BTreeSet;

use quote::format_ident;
use syn::visit_mut::{VisitMut, visit_path_mut};
use syn::{Attribute, Item, ItemMod, parse_quote};

use super::{as_module, items, nothing, type_name};
use crate::generation::lower::Lowered;

/// The name of the builder of a type.
pub fn builder_of(name: &str) -> String {
    format!("{name}Builder")
}

/// Renames the builders in `types::builder`, and everything that refers to them.
pub fn rename(file: &mut syn::File, lowered: &Lowered) -> Result<(), String> {
    let is_types = |item: &Item| as_module(item).is_some_and(|module| module.ident == "types");
    let is_builders = |item: &Item| as_module(item).is_some_and(|module| module.ident == "builder");
    let types = file.items.iter().filter(|item| is_types(item)).filter_map(as_module).flat_map(items);
    let builders = types.filter(|item| is_builders(item)).filter_map(as_module).flat_map(items);
    let names: BTreeSet<String> = builders.filter_map(type_name).collect();
    let mut elsewhere = Renamed { names: &names, parents: &["types", "builder"], changed: BTreeSet::new() };
    let mut outside = Renamed { names: &names, parents: &["builder"], changed: BTreeSet::new() };
    for item in &mut file.items {
        match item {
            Item::Mod(module) if module.ident == "types" => rename_in_types(module, &mut outside),
            _ => elsewhere.visit_item_mut(item),
        }
    }
    let structs = &lowered.types.structs;
    let is_body = |name: &&String| {
        lowered.operations.iter().any(|operation| **name == format!("{}Body", operation.builder))
    };
    let bodies = structs.keys().filter(is_body).filter(|name| !elsewhere.changed.contains(*name));
    match names.difference(&outside.changed).chain(bodies).next() {
        Some(name) => {
            let owner = structs.get(name).map(|facts| format!(" of {}", facts.owner)).unwrap_or_default();
            Err(nothing("names builders", &format!("`{name}`{owner}")))
        }
        None => Ok(()),
    }
}

fn rename_in_types(types: &mut ItemMod, outside: &mut Renamed<'_>) {
    let Some((_, items)) = &mut types.content else { return };
    let names = outside.names;
    for item in items {
        let Item::Mod(module) = item else {
            outside.visit_item_mut(item);
            continue;
        };
        Renamed { names, parents: &[], changed: BTreeSet::new() }.visit_item_mod_mut(module);
        let structs = module.content.iter_mut().flat_map(|(_, items)| items).filter_map(|item| match item {
            Item::Struct(item) => Some(item),
            _ => None,
        });
        for item in structs {
            let name = item.ident.to_string();
            if names.contains(&name) {
                item.ident = format_ident!("{}", builder_of(&name));
                let text = format!("Get one with [`{name}::builder`](super::{name}::builder).");
                item.attrs.extend(["", &text].map(|text| parse_quote!(#[doc = #text])));
            }
        }
    }
}

/// Rewrites paths that begin with `parents` and the name of a type, so that they name the type's builder.
struct Renamed<'n> {
    names: &'n BTreeSet<String>,
    parents: &'static [&'static str],
    changed: BTreeSet<String>,
}

impl VisitMut for Renamed<'_> {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        visit_path_mut(self, path);
        let begins = self.parents.iter().zip(&path.segments).all(|(parent, segment)| segment.ident == parent);
        if begins
            && let Some(segment) = path.segments.iter_mut().nth(self.parents.len())
            && self.names.contains(&segment.ident.to_string())
        {
            let name = segment.ident.to_string();
            segment.ident = format_ident!("{}", builder_of(&name));
            self.changed.insert(name);
        }
    }
}

/// Documents progenitor's own modules.
pub fn describe_modules(file: &mut syn::File) {
    for item in &mut file.items {
        let Item::Mod(module) = item else { continue };
        let text = match module.ident.to_string().as_str() {
            "types" => {
                " The types of all bodies and answers by their long names, as compiler messages print them. The module of \
                 each operation has short names for them."
            }
            "builder" => " The calls that the methods of [`Client`] return.",
            _ => continue,
        };
        describe(&mut module.attrs, text);
        for item in module.content.iter_mut().flat_map(|(_, items)| items) {
            match item {
                Item::Mod(module) if module.ident == "builder" => {
                    describe(&mut module.attrs, " The builders of the types.");
                }
                _ => (),
            }
        }
    }
}

fn describe(attributes: &mut Vec<Attribute>, text: &str) {
    attributes.retain(|attribute| !attribute.path().is_ident("doc"));
    attributes.push(parse_quote!(#[doc = #text]));
}

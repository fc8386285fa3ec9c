//! Builders of types get names of their own: progenitor gives a builder the name of the type it builds, which makes a
//! compiler message about both ambiguous.

use std::collections::BTreeSet;

use quote::format_ident;
use syn::visit_mut::{VisitMut, visit_path_mut};
use syn::{Item, ItemMod, parse_quote};

use super::{as_module, edit_documentation, items, nothing, type_name};

/// The name of the builder of a type.
pub fn builder_of(name: &str) -> String {
    format!("{name}Builder")
}

/// Renames the builders in `types::builder`, and everything that refers to them.
pub fn rename(file: &mut syn::File) -> Result<(), String> {
    let is_types = |item: &Item| as_module(item).is_some_and(|module| module.ident == "types");
    let is_builders = |item: &Item| as_module(item).is_some_and(|module| module.ident == "builder");
    let types = file.items.iter().filter(|item| is_types(item)).filter_map(as_module).flat_map(items);
    let builders = types.filter(|item| is_builders(item)).filter_map(as_module).flat_map(items);
    let names: BTreeSet<String> = builders.filter_map(type_name).collect();
    let mut elsewhere = Renamed { names: &names, parents: &["types", "builder"], changed: 0 };
    for item in &mut file.items {
        match item {
            Item::Mod(module) if module.ident == "types" => rename_in_types(module, &names)?,
            _ => elsewhere.visit_item_mut(item),
        }
    }
    Ok(())
}

fn rename_in_types(types: &mut ItemMod, names: &BTreeSet<String>) -> Result<(), String> {
    let Some((_, items)) = &mut types.content else { return Ok(()) };
    let mut outside = Renamed { names, parents: &["builder"], changed: 0 };
    for item in items {
        let Item::Mod(module) = item else {
            outside.visit_item_mut(item);
            continue;
        };
        Renamed { names, parents: &[], changed: 0 }.visit_item_mod_mut(module);
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
    match outside.changed < names.len() {
        true => Err(nothing("names builders", "a type's `builder`")),
        false => Ok(()),
    }
}

/// Rewrites paths that begin with `parents` and the name of a type, so that they name the type's builder.
struct Renamed<'n> {
    names: &'n BTreeSet<String>,
    parents: &'static [&'static str],
    changed: usize,
}

impl VisitMut for Renamed<'_> {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        visit_path_mut(self, path);
        let begins = self.parents.iter().zip(&path.segments).all(|(parent, segment)| segment.ident == parent);
        if begins
            && let Some(segment) = path.segments.iter_mut().nth(self.parents.len())
            && self.names.contains(&segment.ident.to_string())
        {
            segment.ident = format_ident!("{}", builder_of(&segment.ident.to_string()));
            self.changed += 1;
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
            "builder" => " The calls, as the methods of [`Client`] return them.",
            _ => continue,
        };
        edit_documentation(&mut module.attrs, |_| text.to_owned());
        for item in module.content.iter_mut().flat_map(|(_, items)| items) {
            match item {
                Item::Mod(module) if module.ident == "builder" => {
                    edit_documentation(&mut module.attrs, |_| " The builders of the types.".to_owned());
                }
                Item::Struct(call) if module.ident == "builder" => {
                    edit_documentation(&mut call.attrs, |text| {
                        text.replacen("Builder for", "A call that `.await` sends; returned by", 1)
                    });
                }
                _ => (),
            }
        }
    }
}

//! The builders of types. Only types that are sent have one. It gets a name of its own: progenitor gives a builder the
//! name of the type it builds, which makes a compiler message about both ambiguous.

use std::collections::{BTreeMap, BTreeSet};

use quote::format_ident;
use syn::visit_mut::{VisitMut, visit_path_mut};
use syn::{Attribute, Item, ItemMod, parse_quote};

use super::{as_module, is_method, is_named, items, last_segment, modules, nothing, type_name};
use crate::generation::facts::Operation;
use crate::generation::lowering::Lowered;

/// The name of the builder of a type.
pub fn builder_of(name: &str) -> String {
    format!("{name}Builder")
}

/// Removes the builders of types that are never part of a request: callers only receive them. Also removes the conversions
/// from a type to its builder, except where the setter of a whole body needs one. Returns the names of the types that are
/// part of a request.
pub fn keep_those_of_sent_types(
    file: &mut syn::File,
    bodies: &BTreeSet<String>,
    lowered: &Lowered,
) -> Result<BTreeSet<String>, String> {
    let sent = sent(file);
    let (mut methods, mut builders, mut conversions) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for item in contents(&mut file.items, "types").flatten() {
        match item {
            Item::Impl(block) => {
                let name = last_segment(&block.self_ty);
                let before = block.items.len();
                block.items.retain(|item| sent.contains(&name) || !is_method(item, "builder"));
                if block.items.len() < before {
                    methods.insert(name);
                }
            }
            Item::Mod(module) if module.ident == "builder" => {
                let Some((_, items)) = &mut module.content else { continue };
                items.retain(|item| match item {
                    Item::Struct(item) if !sent.contains(&item.ident.to_string()) => {
                        builders.insert(item.ident.to_string());
                        false
                    }
                    Item::Impl(block) => {
                        let name = last_segment(&block.self_ty);
                        let is_back = block.trait_.as_ref().is_some_and(|(path, _)| is_named(path, "From"));
                        let is_unused = is_back && !bodies.contains(&name);
                        let is_sent = sent.contains(&name);
                        if is_unused {
                            conversions.insert(name);
                        }
                        is_sent && !is_unused
                    }
                    _ => true,
                });
            }
            _ => (),
        }
    }
    for items in contents(&mut file.items, "types") {
        items.retain(
            |item| !matches!(item, Item::Impl(block) if block.trait_.is_none() && block.items.is_empty()),
        );
    }
    let generated: BTreeSet<String> =
        modules(&file.items, "types").flat_map(items).filter_map(type_name).collect();
    // A type that is missing altogether is noticed by the pass over types.
    for (name, facts) in lowered.types.structs.iter().filter(|(name, _)| generated.contains(*name)) {
        let is_removed = sent.contains(name) || methods.contains(name) && builders.contains(name);
        let pass = match is_removed {
            false => "removes the builders of what only Zoom sends",
            true if bodies.contains(name) || conversions.contains(name) => continue,
            true => "removes unused conversions into builders",
        };
        return Err(nothing(pass, &format!("`{name}` of {}", facts.owner)));
    }
    Ok(sent)
}

pub fn contents<'i>(items: &'i mut [Item], name: &'static str) -> impl Iterator<Item = &'i mut Vec<Item>> {
    items.iter_mut().filter_map(move |item| match item {
        Item::Mod(module) if module.ident == name => module.content.as_mut().map(|(_, items)| items),
        _ => None,
    })
}

/// The types that the calls' builders hold, and all types inside them.
fn sent(file: &syn::File) -> BTreeSet<String> {
    let mut named = Named::default();
    for call in modules(&file.items, "builder").flat_map(items).filter(|item| type_name(item).is_some()) {
        named.visit_item_mut(&mut call.clone());
    }
    with_types_inside(file, named.0)
}

/// The types of these names, and all types inside them.
pub fn with_types_inside(file: &syn::File, names: Vec<String>) -> BTreeSet<String> {
    let types = modules(&file.items, "types").flat_map(items);
    let types: BTreeMap<String, &Item> = types.filter_map(|item| Some((type_name(item)?, item))).collect();
    let mut named = Named(names);
    let mut found = BTreeSet::new();
    while let Some(name) = named.0.pop() {
        if let Some(item) = types.get(&name)
            && found.insert(name)
        {
            named.visit_item_mut(&mut (*item).clone());
        }
    }
    found
}

/// Collects the last names of paths.
#[derive(Default)]
struct Named(Vec<String>);

impl VisitMut for Named {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        visit_path_mut(self, path);
        self.0.extend(path.segments.last().map(|last| last.ident.to_string()));
    }
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
        // The document may have a schema of this name.
        let is_own = |operation: &Operation| structs[*name].owner == operation.title();
        lowered.operations.iter().any(|it| is_own(it) && **name == format!("{}Body", it.prefix))
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
                    describe(&mut module.attrs, " The builders of the types that are sent.");
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

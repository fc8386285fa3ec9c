//! Names that the compiler would refuse, or that would hide something of this crate.

use std::collections::BTreeSet;

use quote::ToTokens as _;
use syn::{Fields, ImplItem, Item, UseTree};

/// The methods of `Client` and the modules of the crate, which an operation must not be named like.
pub const TAKEN: &str = "answer auth body builder call client doctor envelope error events file from_env generated id \
    mock operation operations prelude raw request reqwest retry retry_policy runtime secret sent sentence \
    server_to_server trace transport troubleshooting types unlisted url with_access_token with_body_encoding with_call_timeout \
    with_retry with_token_source with_tokens";

/// Refuses a name that occurs twice where it can occur only once.
pub fn check(items: &[Item]) -> Result<(), String> {
    check_in(items, "", &mut BTreeSet::new())
}

fn check_in(items: &[Item], scope: &str, seen: &mut BTreeSet<String>) -> Result<(), String> {
    for item in items {
        let mut names = Vec::new();
        let mut add = |name: String| names.push(format!("{scope}{name}"));
        match item {
            Item::Struct(item) => {
                add(item.ident.to_string());
                let fields =
                    if let Fields::Named(fields) = &item.fields { Some(&fields.named) } else { None };
                let fields = fields.into_iter().flatten().filter_map(|field| field.ident.as_ref());
                fields.for_each(|field| add(format!("{}.{field}", item.ident)));
            }
            Item::Enum(item) => {
                add(item.ident.to_string());
                item.variants.iter().for_each(|variant| add(format!("{}::{}", item.ident, variant.ident)));
            }
            Item::Impl(item) if item.trait_.is_none() => {
                let of = item.self_ty.to_token_stream();
                let methods = item.items.iter().filter_map(|item| match item {
                    ImplItem::Fn(method) => Some(&method.sig.ident),
                    _ => None,
                });
                methods.for_each(|method| add(format!("{of}::{method}()")));
            }
            Item::Mod(item) => {
                add(item.ident.to_string());
                let inner = item.content.iter().flat_map(|(_, items)| items).cloned().collect::<Vec<_>>();
                check_in(&inner, &format!("{scope}{}::", item.ident), seen)?;
            }
            Item::Use(item) => used(&item.tree, &mut add),
            _ => (),
        }
        for name in names {
            if let Some(name) = seen.replace(name) {
                return Err(format!(
                    "two things would be named `{name}` in Rust: give one of them another name, or set it to null (in spec/overlay.json)"
                ));
            }
        }
    }
    Ok(())
}

fn used(tree: &UseTree, add: &mut impl FnMut(String)) {
    match tree {
        UseTree::Path(path) => used(&path.tree, add),
        UseTree::Name(name) => add(name.ident.to_string()),
        UseTree::Rename(rename) => add(rename.rename.to_string()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| used(tree, add)),
        UseTree::Glob(_) => (),
    }
}

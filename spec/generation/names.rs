//! Names that the compiler would refuse, or that would hide something of this crate.

use std::collections::BTreeSet;

use quote::ToTokens as _;
use syn::{ImplItem, Item, UseTree};

/// The methods of `Client` and the modules of the crate, which an operation must not be named like.
pub const TAKEN: &str = "advice answer auth body builder call client doctor envelope error events file from_env \
    generated id mock limit operation operations prelude request request_builder reqwest retry retry_policy runtime \
    secret sent sentence server_to_server trace transport troubleshooting types unlisted url with with_access_token \
    with_body_encoding with_call_timeout with_retry with_token_source with_tokens";

/// Refuses a name that occurs twice where it can occur only once.
pub fn check(items: &[Item]) -> Result<(), String> {
    let mut names = Vec::new();
    collect(items, "", &mut names);
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(format!(
            "two things would be named `{name}` in Rust: give one another name, or set it to null (in spec/overlay.json)"
        )),
        None => Ok(()),
    }
}

fn collect(items: &[Item], scope: &str, names: &mut Vec<String>) {
    for item in items {
        match item {
            Item::Struct(item) => {
                let fields = item.fields.iter().filter_map(|field| field.ident.as_ref());
                names.extend(fields.map(|field| format!("{scope}{}.{field}", item.ident)));
                names.push(format!("{scope}{}", item.ident));
            }
            Item::Enum(item) => names.push(format!("{scope}{}", item.ident)),
            Item::Impl(item) if item.trait_.is_none() => {
                let of = item.self_ty.to_token_stream();
                let methods = item.items.iter().filter_map(|item| match item {
                    ImplItem::Fn(method) => Some(format!("{scope}{of}::{}()", method.sig.ident)),
                    _ => None,
                });
                names.extend(methods);
            }
            Item::Mod(item) => {
                names.push(format!("{scope}{}", item.ident));
                let inner = item.content.as_ref().map_or(&[][..], |(_, items)| items);
                collect(inner, &format!("{scope}{}::", item.ident), names);
            }
            Item::Use(item) => used(&item.tree, scope, names),
            _ => (),
        }
    }
}

fn used(tree: &UseTree, scope: &str, names: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => used(&path.tree, scope, names),
        UseTree::Name(name) => names.push(format!("{scope}{}", name.ident)),
        UseTree::Rename(rename) => names.push(format!("{scope}{}", rename.rename)),
        UseTree::Group(group) => group.items.iter().for_each(|tree| used(tree, scope, names)),
        UseTree::Glob(_) => (),
    }
}

//! The modules of the layer depend on each other in one direction only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The names that follow `crate::` in `code`, alone or in braces: modules, and types that `lib.rs` re-exports.
fn named(code: &str) -> impl Iterator<Item = &str> {
    let paths = code.split("crate::").skip(1).map(|rest| match rest.strip_prefix('{') {
        Some(group) => group.split('}').next().unwrap_or_default(),
        None => rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default(),
    });
    paths.flat_map(|path| path.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
}

/// The module of each type that `lib.rs` re-exports.
fn reexported(lib: &str) -> BTreeMap<&str, &str> {
    let lines = lib.lines().filter_map(|line| line.strip_prefix("pub use ")?.split_once("::"));
    let named = lines
        .flat_map(|(module, names)| names.split(|c: char| !c.is_ascii_alphanumeric()).map(move |name| (name, module)));
    // The generated code defines the type itself, and this module what it does.
    named.filter(|(name, _)| !name.is_empty()).chain([("Client", "client")]).collect()
}

#[test]
fn no_modules_of_the_layer_depend_on_each_other_in_a_cycle() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src");
    let lib = std::fs::read_to_string(folder.join("lib.rs")).expect("a source file");
    let modules = reexported(&lib);
    let mut remaining: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let module = path.file_stem().expect("a name").to_string_lossy().into_owned();
        // `lib.rs` declares the types that every module may use; the folders belong to optional features.
        if module == "lib" || path.is_dir() {
            continue;
        }
        let code = std::fs::read_to_string(&path).expect("a source file");
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let needed = named(&code).map(|name| modules.get(name).copied().unwrap_or(name));
        let needed = needed.filter(|name| **name != *module).map(str::to_owned).collect();
        remaining.insert(module, needed);
    }
    assert!(remaining.len() > 15 && remaining["call"].contains("runtime"), "{remaining:?}");
    assert!(remaining["call"].contains("client") && remaining["retry"].contains("id"), "{remaining:?}");
    while !remaining.is_empty() {
        let before = remaining.len();
        let known: BTreeSet<String> = remaining.keys().cloned().collect();
        remaining.retain(|_, needed| needed.iter().any(|name| known.contains(name)));
        assert!(remaining.len() < before, "there is a cycle among these modules: {remaining:#?}");
    }
}

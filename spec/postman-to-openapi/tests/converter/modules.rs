//! The modules depend on each other in one direction only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Each module, and the modules it names. A module in a folder counts as a part of its parent; `lib.rs` is left out,
/// because it declares the types that every module may use.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        let is_root = folder.ends_with("src");
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let module = if is_root { &path } else { &folder }.file_stem().expect("a name");
            let module = module.to_string_lossy().into_owned();
            let code = std::fs::read_to_string(&path).expect("a source file");
            let code = code.split("#[cfg(test)]").next().unwrap_or_default();
            // Each name, or each of a list such as `crate::{format, shape::{Kind, Shape}}`.
            let named = code.split("crate::").skip(1).flat_map(|rest| {
                let listed = rest.strip_prefix('{').and_then(|rest| rest.split(';').next());
                listed.map_or(vec![rest], |listed| listed.split([',', '{']).map(str::trim_start).collect())
            });
            let named = named.filter_map(|rest| rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next());
            let named = named.filter(|name| !name.is_empty() && *name != module).map(str::to_owned);
            found.entry(module.clone()).or_default().extend(named);
        }
    }
    found.remove("lib");
    found
}

#[test]
fn no_modules_depend_on_each_other_in_a_cycle() {
    let mut remaining = dependencies();
    assert!(remaining.len() > 30 && remaining["walk"].contains("document"), "{remaining:?}");
    assert!(remaining["secret"].is_superset(&["format", "placeholder"].map(str::to_owned).into()));
    while !remaining.is_empty() {
        let before = remaining.len();
        let known: BTreeSet<String> = remaining.keys().cloned().collect();
        remaining.retain(|_, needed| needed.iter().any(|name| known.contains(name)));
        assert!(remaining.len() < before, "there is a cycle among these modules: {remaining:#?}");
    }
}

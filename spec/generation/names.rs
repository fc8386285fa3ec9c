//! Turns arbitrary text into Rust names that are valid and unique.

use std::collections::BTreeSet;

use heck::{ToPascalCase, ToSnakeCase};

/// The name of a field, parameter or method. Idempotent, so the generator keeps the name unchanged.
pub fn snake(text: &str) -> String {
    stable(text, "x", str::to_snake_case)
}

/// The name of a type or variant, which the generator also keeps unchanged.
pub fn pascal(text: &str) -> String {
    stable(text, "X", str::to_pascal_case)
}

/// The name that typify writes for a field of this name.
pub fn written(text: &str) -> String {
    sanitize(text, "x", str::to_snake_case)
}

/// The name that progenitor writes for the builder of an operation of this name.
pub fn written_type(text: &str) -> String {
    sanitize(text, "X", str::to_pascal_case)
}

fn stable(text: &str, start: &str, case: fn(&str) -> String) -> String {
    // In some scripts, letters are only recognized as separate words after others have been lowercased.
    let ascii = text.replace(|letter: char| !letter.is_ascii(), "-");
    for text in [text, &ascii] {
        let mut name = sanitize(text, start, case);
        for _ in 0..4 {
            let again = sanitize(&name, start, case);
            if again == name {
                return name;
            }
            name = again;
        }
    }
    start.to_owned()
}

fn sanitize(text: &str, start: &str, case: fn(&str) -> String) -> String {
    let plain: String = text
        .chars()
        .filter(|letter| *letter != '\'')
        .map(|letter| if unicode_ident::is_xid_continue(letter) { letter } else { '-' })
        .collect();
    let name = match text {
        "+1" => case("plus1"),
        "-1" => case("minus1"),
        _ => case(&plain),
    };
    let name = match name.chars().next() {
        Some(first) if unicode_ident::is_xid_start(first) => name,
        _ => format!("{start}{name}"),
    };
    if is_keyword(&name) { format!("{name}_") } else { name }
}

/// Whether typify appends an underscore to this name.
fn is_keyword(name: &str) -> bool {
    const KEYWORDS: &str = " _ abstract as async await become box break const continue crate do dyn else enum \
        extern false final fn for gen if impl in let loop macro match mod move mut override priv pub ref return \
        Self self static struct super trait true try type typeof unsafe unsized use virtual where while yield ";
    KEYWORDS.contains(&format!(" {name} "))
}

/// Names that are taken.
#[derive(Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    pub fn reserve<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self(names.into_iter().map(key).collect())
    }

    /// Takes `name`, or the first of `others` that is free, or the last one with a number appended.
    ///
    /// `written` is how the code writes a name: two names that are written alike count as one.
    pub fn free(&mut self, name: &str, others: &[String], written: fn(&str) -> String) -> String {
        let last = others.last().map_or(name, String::as_str).to_owned();
        let numbered = (2_u32..).map(|number| format!("{last}_{number}"));
        let candidates = std::iter::once(name.to_owned()).chain(others.iter().cloned()).chain(numbered);
        for candidate in candidates {
            if self.0.insert(key(&written(&candidate))) {
                return candidate;
            }
        }
        last // there are more numbers than names
    }
}

/// Names that differ only in case or underscores become one type.
fn key(name: &str) -> String {
    name.chars().filter(|letter| *letter != '_').flat_map(char::to_lowercase).collect()
}

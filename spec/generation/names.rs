//! Foreign text → Rust names: valid, and each given once.

use std::collections::BTreeSet;

use heck::{ToPascalCase, ToSnakeCase};

/// A field's, a parameter's or a method's name. Writing it once more changes nothing, so that the generator leaves
/// it alone.
pub fn snake(text: &str) -> String {
    stable(text, "x", str::to_snake_case)
}

/// A type's or a variant's name, which the generator leaves alone as well.
pub fn pascal(text: &str) -> String {
    stable(text, "X", str::to_pascal_case)
}

/// What typify writes for a field of this name.
pub fn written(text: &str) -> String {
    sanitize(text, "x", str::to_snake_case)
}

fn stable(text: &str, start: &str, case: fn(&str) -> String) -> String {
    // Letters of some scripts are words of their own only once others are in lower case.
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

/// What typify writes with an underscore behind it.
fn is_keyword(name: &str) -> bool {
    const KEYWORDS: &str = " _ abstract as async await become box break const continue crate do dyn else enum \
        extern false final fn for gen if impl in let loop macro match mod move mut override priv pub ref return \
        Self self static struct super trait true try type typeof unsafe unsized use virtual where while yield ";
    KEYWORDS.contains(&format!(" {name} "))
}

/// Names that have been given.
#[derive(Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    pub fn reserve<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self(names.into_iter().map(key).collect())
    }

    /// `name`, or the first of `others` that is free, or that with a number.
    ///
    /// `written` is how the code will write it: two names of which it makes one are the same name.
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

/// Names that differ in case or underscores alone become one type.
fn key(name: &str) -> String {
    name.chars().filter(|letter| *letter != '_').flat_map(char::to_lowercase).collect()
}

//! `{{variables}}` and their values.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::name;
use crate::postman::{self, Raw};
use crate::secret::{self, Secrets};

/// How often variables in values are expanded; deeper nesting is not intended.
const DEEPEST: usize = 8;
/// A value that expands to more than this is not filled in.
const LONGEST: usize = 16 * 1024;

/// The variables of a collection or folder, and of those around it.
#[derive(Default)]
pub struct Variables<'p> {
    values: HashMap<String, String>,
    outer: Option<&'p Variables<'p>>,
}

impl<'p> Variables<'p> {
    /// Reads a `variable` member. A credential counts as a secret instead of a value.
    pub fn read(raw: Raw<'_>, outer: Option<&'p Variables<'p>>, secrets: &mut Secrets) -> Self {
        let mut values = HashMap::new();
        postman::entries(raw, |entry| {
            let (Some(name), Some(value)) = (entry.name(), postman::filled(entry.value)) else { return };
            let declared =
                postman::text(entry.kind).is_some_and(|kind| kind == "secret") || postman::flag(entry.secret);
            let named =
                secret::is_credential(&name) && !(secret::names_an_address(&name) && secret::is_address(&value));
            if declared || named || secret::mask_looks(&value).is_some() {
                secrets.learn(&value);
            } else if !entry.is_disabled() {
                values.insert(name.trim().to_owned(), value.into_owned());
            }
        });
        Self { values, outer }
    }

    /// Adds the variables of another input, unless inputs contradict each other.
    pub fn learn(&mut self, other: &Variables<'_>) {
        for (name, value) in &other.values {
            let known = self.values.entry(name::plain(name)).or_insert_with(|| value.clone());
            if known != value {
                // Neither of two values is better than the other.
                known.clear();
            }
        }
    }

    /// The value of a variable, as written.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(value) => Some(value.as_str()).filter(|value| !value.is_empty()),
            None => self.outer?.get(name),
        }
    }

    /// Fills in every variable that has a value; the others stay as they are.
    pub fn expand<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut current = Cow::Borrowed(text);
        for _ in 0..DEEPEST {
            match self.expand_once(&current) {
                Some(next) if next.len() <= LONGEST => current = Cow::Owned(next),
                _ => break,
            }
        }
        current
    }

    fn expand_once(&self, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        let mut changed = false;
        while let Some((before, name, after)) = next(rest) {
            out.push_str(before);
            match self.get(name.trim()) {
                Some(value) if out.len() + value.len() <= LONGEST => {
                    out.push_str(value);
                    changed = true;
                }
                _ => out += &format!("{{{{{name}}}}}"),
            }
            rest = after;
        }
        out.push_str(rest);
        changed.then_some(out)
    }
}

/// The first `{{name}}` in a text, with the text before and after it.
pub fn next(text: &str) -> Option<(&str, &str, &str)> {
    // Most texts have no brace at all, which is quicker to find out.
    memchr::memchr(b'{', text.as_bytes())?;
    let (_, opened) = text.split_once("{{")?;
    let (_, after) = opened.split_once("}}")?;
    // The innermost pair counts: `{{{id}}` opens at its second brace.
    let (before, name) = text.strip_suffix(after)?.strip_suffix("}}")?.rsplit_once("{{")?;
    Some((before, name, after))
}

/// The name, if the text is a single variable.
pub fn whole(text: &str) -> Option<&str> {
    let (before, name, after) = next(text)?;
    (before.is_empty() && after.is_empty()).then_some(name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(json: &str) -> Variables<'static> {
        let text = crate::json::Text::new(json.to_owned()).ok().expect("valid JSON");
        Variables::read(text.root(), None, &mut Secrets::default())
    }

    #[test]
    fn values_may_contain_variables_without_looping_or_exploding() {
        let nested = variables(r#"[{"key":"base","value":"https://{{host}}/v1"},{"id":"host","value":"a.example"}]"#);
        assert_eq!(nested.expand("{{base}}/x/{{y}}"), "https://a.example/v1/x/{{y}}");
        let looped = variables(r#"[{"key":"a","value":"{{b}}x"},{"key":"b","value":"{{a}}x"}]"#);
        assert!(looped.expand("{{a}}").len() < 64);
        let many = "{{a}}".repeat(2000);
        let laughing = variables(&format!(r#"[{{"key":"a","value":"{many}"}}]"#));
        assert!(laughing.expand("{{a}}").len() <= 2 * LONGEST);
    }

    #[test]
    fn a_credential_is_not_filled_in() {
        let secretive =
            variables(r#"[{"key":"api_token","value":"abc123def"},{"key":"x","value":"v","type":"secret"}]"#);
        assert_eq!(secretive.expand("{{api_token}}{{x}}"), "{{api_token}}{{x}}");
    }
}

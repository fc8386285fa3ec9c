//! Splitting text by its content rather than by byte offsets, choosing between texts, and escaping them for display.

use std::borrow::Cow;

/// A text that requests may give differently: an item file's is kept, then the longer one, then the first in order.
#[derive(Clone, Debug, Default)]
pub struct Wording {
    /// The text, or nothing.
    pub text: String,
    /// Whether it comes from a file of its own.
    pub item: bool,
    /// Whether another request has another text, which is not used.
    pub disputed: bool,
}

impl Wording {
    /// Joins another text.
    pub fn join(&mut self, mut other: Self) {
        let rank = |wording: &Self| (!wording.text.is_empty(), wording.item, wording.text.len());
        let (mine, others) = (rank(self), rank(&other));
        let disputed = self.disputed || other.disputed || mine.0 && others.0 && self.text != other.text;
        if others > mine || others == mine && other.text < self.text {
            std::mem::swap(self, &mut other);
        }
        self.disputed = disputed;
    }

    /// Where the text comes from, in words.
    pub fn origin(&self) -> &'static str {
        if self.item { "the text of an item file" } else { "the longest text" }
    }
}

impl From<String> for Wording {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl std::ops::Deref for Wording {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// A text as one line that is safe to print: line breaks, escape sequences and bidirectional control characters are
/// escaped.
pub fn printable(text: &str) -> Cow<'_, str> {
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Splits a text at the first occurrence of an ASCII phrase, ignoring case.
pub fn split_once_ignoring_case<'t>(text: &'t str, phrase: &str) -> Option<(&'t str, &'t str)> {
    let first = phrase.as_bytes().first()?;
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    memchr::memchr2_iter(lower, upper, text.as_bytes()).find_map(|at| {
        let (before, rest) = text.split_at_checked(at)?;
        let (found, behind) = rest.split_at_checked(phrase.len())?;
        found.eq_ignore_ascii_case(phrase).then_some((before, behind))
    })
}

/// Splits a text after its leading characters of one kind.
pub fn split_while(text: &str, of_kind: impl Fn(char) -> bool) -> (&str, &str) {
    let length = text.find(|c| !of_kind(c)).unwrap_or(text.len());
    text.split_at_checked(length).unwrap_or((text, ""))
}

/// Splits a text after at most `longest` bytes, between characters.
pub fn split_within(text: &str, longest: usize) -> (&str, &str) {
    // No character has more than four bytes.
    (longest.saturating_sub(3)..=longest).rev().find_map(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_split_between_characters() {
        assert_eq!(split_once_ignoring_case("Das ERROR Code ß", "error code"), Some(("Das ", " ß")));
        assert_eq!(split_once_ignoring_case("Kscope", "scope"), Some(("K", "")));
        assert_eq!(split_once_ignoring_case("scop", "scope"), None);
        assert_eq!(split_while("日本x", |c| !c.is_ascii()), ("日本", "x"));
        assert_eq!(split_within("a日本", 3), ("a", "日本"));
        assert_eq!(split_within("日本", 0), ("", "日本"));
        assert_eq!(split_within("日本", 99), ("日本", ""));
    }

    #[test]
    fn control_characters_are_escaped_for_the_terminal() {
        assert_eq!(printable("Zoë 用户"), "Zoë 用户");
        assert_eq!(printable("a\n\u{1b}[2Jerror: b\u{9b}\u{202e}\r"), "a\\n\\u{1b}[2Jerror: b\\u{9b}\\u{202e}\\r");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_same_text_is_used_in_any_order(texts in prop::collection::vec(("[ab]{0,2}", any::<bool>()), 1..5)) {
            let joined = |texts: &[(String, bool)]| {
                let mut all = Wording::default();
                for (text, item) in texts {
                    all.join(Wording { item: *item, ..Wording::from(text.clone()) });
                }
                (all.text, all.disputed)
            };
            let reversed: Vec<_> = texts.iter().rev().cloned().collect();
            prop_assert_eq!(joined(&texts), joined(&reversed));
        }

        #[test]
        fn the_parts_of_a_split_text_make_up_the_whole(text in any::<String>(), longest in 0..20_usize) {
            let (start, rest) = split_within(&text, longest);
            prop_assert!(start.len() <= longest && (rest.is_empty() || start.len() + 4 > longest));
            prop_assert_eq!(format!("{start}{rest}"), text.clone());
            let (start, rest) = split_while(&text, char::is_alphanumeric);
            prop_assert_eq!(format!("{start}{rest}"), text);
        }
    }
}

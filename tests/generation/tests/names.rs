//! Arbitrary text becomes Rust names that are valid, unique, and kept unchanged by the generator.

#[path = "../../../spec/generation/names.rs"]
mod rust_names;

use proptest::prelude::*;
use rust_names::{Names, pascal, snake, written, written_type};

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(unicode_ident::is_xid_start) && letters.all(unicode_ident::is_xid_continue)
}

/// Usual and unusual names.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-zA-Z0-9_ .+'\"{}/$-]{0,12}",
        "(self|Self|move|type|gen|X-Served-?By|a[-_. ]b|[0-9]{1,3}[a-z]|_+)",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_becomes_a_valid_name(text in texts()) {
        for name in [snake(&text), pascal(&text), written_type(&snake(&text))] {
            prop_assert!(is_name(&name), "{text:?} → {name:?}");
        }
        prop_assert_eq!(written(&snake(&text)), snake(&text));
        prop_assert_eq!(pascal(&pascal(&text)), pascal(&text));
    }

    #[test]
    fn all_names_are_distinct(texts in prop::collection::vec(texts(), 0..20)) {
        let mut names = Names::reserve(["body", "clone"]);
        let mut types = Names::default();
        let mut given = vec!["body".to_owned(), "clone".to_owned()];
        let mut type_names = Vec::new();
        for text in &texts {
            given.push(snake(&names.free(&snake(text), &[format!("query_{}", snake(text))], snake)));
            type_names.push(pascal(&types.free(&pascal(text), &[], pascal)));
        }
        for names in [given, type_names] {
            let mut once = names.clone();
            once.sort();
            once.dedup();
            prop_assert_eq!(once.len(), names.len(), "{:?} → {:?}", texts, names);
        }
    }
}

#[test]
fn names_follow_the_generators_conventions() {
    for (text, name, type_name) in [
        ("meetingId", "meeting_id", "MeetingId"),
        ("X-Served-By", "x_served_by", "XServedBy"),
        ("type", "type_", "Type"),
        ("Self", "self_", "Self_"),
        ("1st", "x1st", "X1st"),
        ("+1", "plus1", "Plus1"),
        ("", "x", "X"),
        ("größe", "größe", "Größe"),
    ] {
        assert_eq!((snake(text).as_str(), pascal(text).as_str()), (name, type_name), "{text}");
    }
}

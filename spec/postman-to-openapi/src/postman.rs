//! The shapes of a Postman file, read leniently.
//!
//! Every member stays raw JSON until somebody asks for it: a member of an unexpected type is then
//! simply not there, one broken request cannot spoil its neighbours, and a large file costs its own
//! text and little more.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::marker;

/// A member as it stands in the file; `null` and absent are the same.
pub type Raw<'a> = Option<&'a RawValue>;

/// Declares structs whose members are all raw, optional and named as in the file.
macro_rules! raw_objects {
    ($($(#[$doc:meta])* $name:ident { $($field:ident $(= $key:literal)?),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Default, serde::Deserialize)]
        #[serde(default)]
        pub struct $name<'a> {
            $(#[serde(borrow $(, rename = $key)?)] pub $field: Raw<'a>,)*
        }
    )*};
}

raw_objects! {
    /// An item, a folder, a collection, or a wrapper around one.
    Node { collection, info, name, item, request, response, auth, description, variable }
    /// A collection's `info`.
    Info { name, version, description }
    /// A request.
    Request { url, method, header, body, auth, description }
    /// A URL in its object form.
    Url { raw, protocol, host, port, path, query, variable }
    /// A request's body.
    Body { mode, raw, formdata, urlencoded, file, graphql, options, disabled }
    /// One header, query or form entry, one path or collection variable, or one auth attribute.
    Entry { key, id, value, description, disabled, kind = "type", src, content_type = "contentType", secret }
    /// A saved response.
    Response { name, code, header, body, original = "originalRequest", language = "_postman_previewlanguage" }
    /// `body.options`.
    BodyOptions { raw }
    /// `body.options.raw`.
    RawOptions { language }
    /// A GraphQL body.
    Graphql { query, variables, operation = "operationName" }
    /// A description in its object form.
    Description { content }
}

/// Reads an object; anything else is `None`.
pub fn object<'a, T: Deserialize<'a>>(raw: Raw<'a>) -> Option<T> {
    let text = raw?.get();
    text.starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
}

/// Reads a string; a number or boolean gives its own text.
pub fn text<'a>(raw: Raw<'a>) -> Option<Cow<'a, str>> {
    let json = raw?.get();
    match json.as_bytes().first()? {
        b'"' if json.contains('\\') => serde_json::from_str(json).ok().map(Cow::Owned),
        b'"' => json.get(1..json.len() - 1).map(Cow::Borrowed),
        b'{' | b'[' => None,
        _ => Some(Cow::Borrowed(json)),
    }
}

/// Reads a string that says something.
pub fn filled<'a>(raw: Raw<'a>) -> Option<Cow<'a, str>> {
    text(raw).filter(|text| !text.trim().is_empty())
}

/// Whether a flag is set.
pub fn flag(raw: Raw<'_>) -> bool {
    raw.is_some_and(|raw| matches!(raw.get(), "true" | "\"true\""))
}

/// Whether the value is a list.
pub fn is_list(raw: Raw<'_>) -> bool {
    raw.is_some_and(|raw| raw.get().starts_with('['))
}

/// Reads a description, a string or `{content, type}`.
pub fn description<'a>(raw: Raw<'a>) -> Option<Cow<'a, str>> {
    let text = filled(raw).or_else(|| filled(object::<Description>(raw)?.content))?;
    (!marker::is_nothing(&text)).then_some(text)
}

/// Calls `each` with every element of a list, one at a time: a list of millions is never held at once.
pub fn each<'a>(raw: Raw<'a>, each: impl FnMut(&'a RawValue)) {
    if let Some(raw) = raw
        && raw.get().starts_with('[')
    {
        let mut reader = serde_json::Deserializer::from_str(raw.get());
        // The list was checked for syntax when its parent was read, so nothing is left to go wrong here.
        let _ = reader.deserialize_seq(Each(each));
    }
}

/// Calls `each_entry` with every entry: of a list of objects, or of an object's members (as v2.0 has it).
pub fn entries<'a>(raw: Raw<'a>, mut each_entry: impl FnMut(Entry<'a>)) {
    if is_list(raw) {
        each(raw, |element| {
            if let Some(entry) = object(Some(element)) {
                each_entry(entry);
            }
        });
    } else if let Some(raw) = raw
        && raw.get().starts_with('{')
    {
        let mut reader = serde_json::Deserializer::from_str(raw.get());
        let _ = reader.deserialize_map(Members(|key, value| {
            each_entry(Entry { key: Some(key), value: Some(value), ..Entry::default() })
        }));
    }
}

/// Calls `each` with name, value and description of every header, from a list or from text.
pub fn headers(raw: Raw<'_>, each: &mut dyn FnMut(&str, &str, &str)) {
    if let Some(text) = text(raw) {
        for line in text.lines() {
            if let Some((name, value)) = line.split_once(':') {
                each(name.trim(), value.trim(), "");
            }
        }
        return;
    }
    entries(raw, |entry| {
        let Some(name) = filled(entry.key) else { return };
        let value = text(entry.value).unwrap_or_default();
        let description = description(entry.description).unwrap_or_default();
        each(name.trim(), &value, &description);
    });
}

/// Whether HTTP allows a header of this name (RFC 9110, section 5.6.2).
pub fn is_header_name(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}

struct Each<F>(F);

impl<'a, F: FnMut(&'a RawValue)> Visitor<'a> for Each<F> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element()? {
            (self.0)(element);
        }
        Ok(())
    }
}

struct Members<F>(F);

impl<'a, F: FnMut(&'a RawValue, &'a RawValue)> Visitor<'a> for Members<F> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: serde::de::MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry()? {
            (self.0)(key, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).expect("the test's JSON is sound")
    }

    #[test]
    fn a_member_of_an_unexpected_type_is_not_there() {
        assert!(object::<Request>(Some(raw("[1]"))).is_none());
        assert!(text(Some(raw("{}"))).is_none());
        assert_eq!(text(Some(raw("7"))).as_deref(), Some("7"));
        assert_eq!(text(Some(raw(r#""a\nb""#))).as_deref(), Some("a\nb"));
        assert_eq!(description(Some(raw(r#"{"content":"x","type":"text/plain"}"#))).as_deref(), Some("x"));
    }

    #[test]
    fn entries_are_read_from_a_list_and_from_an_object() {
        let mut seen = Vec::new();
        for json in [r#"[{"key":"a","value":"1"},3,{"key":"b","value":2}]"#, r#"{"a":"1","b":2}"#] {
            entries(Some(raw(json)), |entry| seen.push((text(entry.key), text(entry.value))));
        }
        let seen: Vec<_> = seen.iter().map(|(key, value)| (key.as_deref(), value.as_deref())).collect();
        assert_eq!(seen, [(Some("a"), Some("1")), (Some("b"), Some("2"))].repeat(2));
    }
}

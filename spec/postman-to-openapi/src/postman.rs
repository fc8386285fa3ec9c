//! The objects of a Postman file, read leniently.
//!
//! Every member stays raw JSON until it is needed. A member of an unexpected type is simply absent, one broken
//! request does not affect its neighbors, and a large file takes little more memory than its own text.

use std::borrow::Cow;

use crate::json::Json;

use crate::marker;

/// A member as written in the file; `null` and absent are the same.
pub type Raw<'a> = Option<Json<'a>>;

/// An object of which only some members matter.
pub trait Object<'a>: Default {
    /// Stores a member if it matters. If a name occurs twice, the last one wins, as in most JSON parsers.
    fn put(&mut self, name: &str, value: Raw<'a>);
}

/// Declares structs whose members are all raw, optional, and named as in the file.
macro_rules! raw_objects {
    ($($(#[$doc:meta])* $name:ident { $($field:ident $(= $key:literal)?),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        pub struct $name<'a> {
            $(pub $field: Raw<'a>,)*
        }

        impl<'a> Object<'a> for $name<'a> {
            fn put(&mut self, name: &str, value: Raw<'a>) {
                $(if name == raw_objects!(@key $field $($key)?) {
                    self.$field = value;
                })else*
            }
        }
    )*};
    (@key $field:ident $key:literal) => { $key };
    (@key $field:ident) => { stringify!($field) };
}

raw_objects! {
    /// An item, a folder, a collection, or a wrapper around one.
    Node {
        collection, info, name, item, request, response, auth, description, variable,
        behavior = "protocolProfileBehavior", values, requests, collections,
    }
    /// How Postman sends requests.
    Behavior { keeps_body = "disableBodyPruning" }
    /// A collection's `info`.
    Info { name, version, description }
    /// A request.
    Request { url, method, header, body, auth, description }
    /// A URL in its object form.
    Url { raw, protocol, host, port, path, query, variable }
    /// A request's body.
    Body { mode, raw, formdata, urlencoded, file, graphql, options, disabled }
    /// One header, query or form entry, one path or collection variable, or one auth attribute.
    Entry { key, id, value, description, disabled, kind = "type", src, content_type = "contentType", secret, enabled }
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

impl<'a> Entry<'a> {
    /// Its name, which older exports call its id.
    pub fn name(&self) -> Option<Cow<'a, str>> {
        filled(self.key).or_else(|| filled(self.id))
    }

    /// Whether it counts for nothing.
    pub fn is_disabled(&self) -> bool {
        flag(self.disabled) || self.enabled.is_some_and(|enabled| enabled.get() == "false")
    }
}

/// Reads an object; returns `None` for anything else.
pub fn object<'a, T: Object<'a>>(raw: Raw<'a>) -> Option<T> {
    let raw = raw.filter(|raw| raw.get().starts_with('{'))?;
    let mut object = T::default();
    for (name, value) in raw.members() {
        if let Some(name) = text(Some(name)) {
            object.put(&name, Some(value).filter(|value| value.get() != "null"));
        }
    }
    Some(object)
}

/// Reads a string, or a number or boolean as text.
pub fn text<'a>(raw: Raw<'a>) -> Option<Cow<'a, str>> {
    let json = raw?.get();
    if json.starts_with(['{', '[']) {
        return None;
    }
    match json.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(_) if json.contains('\\') => serde_json::from_str(json).ok().map(Cow::Owned),
        Some(text) => Some(Cow::Borrowed(text)),
        None => Some(Cow::Borrowed(json)),
    }
}

/// Reads a string that is not blank.
pub fn filled<'a>(raw: Raw<'a>) -> Option<Cow<'a, str>> {
    text(raw).filter(|text| !text.trim().is_empty())
}

/// Reads the text of a body, without a byte order mark, unless it is blank.
pub fn body<'a>(raw: Raw<'a>) -> Option<Cow<'a, str>> {
    let text = text(raw)?;
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => Cow::Owned(rest.to_owned()),
        None => text,
    };
    Some(text).filter(|text| !text.trim().is_empty())
}

/// Whether a flag is set.
pub fn flag(raw: Raw<'_>) -> bool {
    raw.is_some_and(|raw| matches!(raw.get(), "true" | "\"true\""))
}

/// Whether the value is a list.
pub fn is_list(raw: Raw<'_>) -> bool {
    raw.is_some_and(|raw| raw.get().starts_with('['))
}

/// Reads a description: a string or `{content, type}`.
pub fn description<'a>(raw: Raw<'a>) -> Option<Cow<'a, str>> {
    let text = filled(raw).or_else(|| filled(object::<Description>(raw)?.content))?;
    (!marker::is_nothing(&text)).then_some(text)
}

/// Calls `each` with every element of a list.
pub fn each<'a>(raw: Raw<'a>, each: impl FnMut(Json<'a>)) {
    raw.into_iter().flat_map(Json::elements).for_each(each);
}

/// Calls `each_entry` with every entry of a list of objects, or every member of an object (the v2.0 form).
pub fn entries<'a>(raw: Raw<'a>, mut each_entry: impl FnMut(Entry<'a>)) {
    each(raw, |element| {
        if let Some(entry) = object(Some(element)) {
            each_entry(entry);
        }
    });
    for (key, value) in raw.into_iter().flat_map(Json::members) {
        each_entry(Entry { key: Some(key), value: Some(value), ..Entry::default() });
    }
}

/// Whether this is a valid header name (RFC 9110, section 5.6.2).
pub fn is_header_name(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn text_of(json: &str) -> json::Text {
        json::Text::new(json.to_owned()).ok().expect("valid JSON")
    }

    #[test]
    fn a_member_of_an_unexpected_type_counts_as_absent() {
        assert!(object::<Request>(text_of("[1]").root()).is_none());
        assert!(text(text_of("{}").root()).is_none());
        assert_eq!(text(text_of("7").root()).as_deref(), Some("7"));
        assert_eq!(text(text_of(r#""a\nb""#).root()).as_deref(), Some("a\nb"));
        let described = text_of(r#"{"content":"x","type":"text/plain"}"#);
        assert_eq!(description(described.root()).as_deref(), Some("x"));
    }

    #[test]
    fn a_name_may_be_escaped_and_the_last_duplicate_wins() {
        let written = text_of(r#"{"name": 1, "n\u0061me": "x", "item": null}"#);
        let node: Node<'_> = object(written.root()).expect("an object");
        assert_eq!(text(node.name).as_deref(), Some("x"));
        assert!(node.item.is_none());
    }

    #[test]
    fn entries_are_read_from_a_list_and_from_an_object() {
        for json in [r#"[{"key":"a","value":"1"},3,{"key":"b","value":2}]"#, r#"{"a":"1","b":2}"#] {
            let written = text_of(json);
            let mut seen = Vec::new();
            entries(written.root(), |entry| seen.push((text(entry.key), text(entry.value))));
            let seen: Vec<_> = seen.iter().map(|(key, value)| (key.as_deref(), value.as_deref())).collect();
            assert_eq!(seen, [(Some("a"), Some("1")), (Some("b"), Some("2"))], "{json}");
        }
    }
}

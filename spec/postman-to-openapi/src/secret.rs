//! Credentials, which must not appear in the document.

use std::collections::BTreeSet;

use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Input, MatchKind, PatternID};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::Value;

use crate::{format, name, placeholder};

/// Replaces a secret.
pub const HIDDEN: &str = "<secret>";

/// Whether this is the name of a credential: `stream_key`, `X-Api-Key`, `access_token`, `clientSecret`.
pub fn is_credential(name: &str) -> bool {
    const WORDS: &str = "key keys pass pin otp cvv cvc jwt bearer auth sid session sessionid csrf hmac";
    let (joined, last) = joined(name);
    // There are many names and they are short: looking at first letters is faster than fourteen searches.
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let words: &[&str] = match first {
            b't' => &["token"],
            b's' => &["secret", "signature"],
            b'p' => &["password", "passwd", "passphrase", "passcode", "pwd", "privatekey"],
            b'c' => &["credential", "cookie"],
            b'a' => &["authorization", "apikey", "accesskey"],
            _ => &[],
        };
        if words.iter().any(|word| rest.starts_with(word.as_bytes())) {
            return true;
        }
        rest = after;
    }
    joined.get(last..).is_some_and(|last| name::has(WORDS, last))
}

/// Whether the text is a URL without credentials.
pub fn is_address(text: &str) -> bool {
    format::of(text) == Some("uri") && mask_looks(text).is_none()
}

/// Whether a name is that of a URL: `tokenUrl`, `auth_token_uri`.
pub fn names_an_address(name: &str) -> bool {
    let (joined, last) = joined(name);
    joined.get(last..).is_some_and(|last| matches!(last, "url" | "uri" | "endpoint"))
}

/// The words of a name in any case style, joined in lower case, and where the last word starts.
fn joined(name: &str) -> (String, usize) {
    let mut joined = String::with_capacity(name.len());
    let (mut last, mut lower_before, mut inside) = (0, false, false);
    for c in name.chars() {
        if !c.is_alphanumeric() {
            inside = false;
            continue;
        }
        if !inside || c.is_uppercase() && lower_before {
            last = joined.len();
        }
        inside = true;
        lower_before = c.is_lowercase() || c.is_numeric();
        if c.is_ascii() { joined.push(c.to_ascii_lowercase()) } else { joined.extend(c.to_lowercase()) }
    }
    (joined, last)
}

/// A harmless value of the same type and format.
fn masked(text: &str) -> String {
    match format::of(text) {
        Some("uri") => "https://example.com/".to_owned(),
        Some("uuid") => "00000000-0000-0000-0000-000000000000".to_owned(),
        Some("email") => "someone@example.com".to_owned(),
        Some("ipv4") => "192.0.2.1".to_owned(),
        Some("ipv6") => "2001:db8::1".to_owned(),
        Some("date" | "date-time" | "time") => text.to_owned(),
        _ if placeholder::read(text, "", false).is_some() => text.to_owned(),
        _ => HIDDEN.to_owned(),
    }
}

/// Hides every value of an example that has a credential's name or looks like a credential.
pub fn mask_named(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, member) in map.iter_mut() {
                if is_credential(name) { mask_all(member) } else { mask_named(member) }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(mask_named),
        Value::String(text) => {
            if let Some(hidden) = mask_looks(text) {
                *text = hidden;
            }
        }
        _ => {}
    }
}

/// Hides every scalar in a value.
pub fn mask_all(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(mask_all),
        Value::Array(list) => list.iter_mut().for_each(mask_all),
        Value::String(text) => *text = masked(text),
        Value::Number(number) if number.is_f64() => *value = 0.5.into(),
        Value::Number(_) => *value = 0.into(),
        _ => {}
    }
}

/// The replacement for a text that looks like a credential; `None` for other texts.
pub fn mask_looks(text: &str) -> Option<String> {
    let jwt = text.contains("eyJ")
        && text
            .split(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c))
            .any(|word| word.starts_with("eyJ") && word.len() > 30 && word.matches('.').count() == 2);
    let first = text.split(' ').next().unwrap_or_default();
    let scheme = ["Bearer", "Basic", "Digest"].iter().any(|scheme| first.eq_ignore_ascii_case(scheme));
    let prefixed = ["sk_live_", "sk_test_", "ghp_", "gho_", "github_pat_", "xoxb-", "xoxp-", "AKIA", "AIza", "PMAK-"]
        .iter()
        .any(|prefix| text.starts_with(prefix) && text.len() >= 16);
    let scheme = scheme && text.len() > first.len() + 8 && text.matches(' ').count() == 1;
    if jwt || scheme || prefixed || text.contains("-----BEGIN") && text.contains("PRIVATE KEY") {
        return Some(HIDDEN.to_owned());
    }
    let (_, rest) = text.split_once("://").filter(|_| !text.contains(' '))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let bears = rest.split_once('?').is_some_and(|(_, query)| {
        query
            .split('&')
            .any(|pair| pair.split_once('=').is_some_and(|(name, value)| !value.is_empty() && is_credential(name)))
    });
    (authority.contains('@') || bears).then(|| masked(text))
}

/// Hides words in prose that look like credentials, such as in sample calls. `None` if there are none.
fn hide_words(text: &str) -> Option<String> {
    const MARKS: [&str; 6] = ["eyJ", "Bearer ", "Basic ", "sk_live_", "ghp_", "AKIA"];
    if !MARKS.iter().any(|mark| text.contains(mark)) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut scheme = false;
    let mut changed = false;
    for piece in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && !"._-+/=".contains(c)) {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && !"._-+/=".contains(c));
        let digit = word.bytes().any(|byte| byte.is_ascii_digit());
        if scheme && word.len() >= 12 && digit || mask_looks(word).is_some_and(|hidden| hidden == HIDDEN) {
            out.push_str(HIDDEN);
            out.push_str(piece.strip_prefix(word).unwrap_or_default());
            changed = true;
        } else {
            out.push_str(piece);
        }
        scheme = matches!(word, "Bearer" | "Basic");
    }
    changed.then_some(out)
}

/// The credentials found while reading.
#[derive(Debug, Default)]
pub struct Secrets(BTreeSet<String>);

impl Secrets {
    /// Remembers a credential, to hide it wherever else it appears. Ordinary words are not remembered, because hiding
    /// `string` everywhere would do more harm than good.
    pub fn learn(&mut self, value: &str) {
        let value = value.trim();
        let value = ["Bearer ", "Basic ", "Digest ", "bearer ", "basic ", "Token ", "token "]
            .iter()
            .find_map(|scheme| value.strip_prefix(scheme))
            .unwrap_or(value);
        let plain = value.bytes().all(|byte| byte.is_ascii_alphabetic() || byte.is_ascii_whitespace());
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let least = match (plain, digits) {
            (true, _) => 16,
            (_, true) => 8,
            _ => 6,
        };
        // OpenAPI's own word `oauth2` must stay readable, and a date is not a credential.
        let known_harmless = value == "oauth2" || matches!(format::of(value), Some("date" | "date-time" | "time"));
        if value.len() >= least && !value.contains("{{") && !value.starts_with('<') && !known_harmless {
            self.0.insert(value.to_owned());
            if let Ok(decoded) = percent_decode_str(value).decode_utf8()
                && decoded.len() >= least
            {
                self.0.insert(decoded.into_owned());
            }
        }
    }

    /// Prepares to hide the credentials.
    pub fn mask(self) -> Mask {
        let build = |credentials: BTreeSet<String>| {
            // In JSON text, a credential with a quotation mark or a backslash is escaped.
            let escaped = credentials.iter().filter_map(|credential| {
                let json = Value::from(credential.as_str()).to_string();
                Some(json.strip_prefix('"')?.strip_suffix('"')?.to_owned())
            });
            let patterns: BTreeSet<String> = escaped.chain(credentials.iter().cloned()).collect();
            let build = || NFA::builder().match_kind(MatchKind::LeftmostLongest).build(patterns).ok();
            if credentials.is_empty() { None } else { build() }
        };
        let unlike_names = self.0.iter().filter(|credential| credential.contains(|c: char| c.is_ascii_digit()));
        Mask { unlike_names: build(unlike_names.cloned().collect()), searcher: build(self.0) }
    }
}

/// Hides the known credentials in any text.
pub struct Mask {
    searcher: Option<NFA>,
    /// Without those that consist of words: `refresh_token` may be what a field of that name was filled in with.
    unlike_names: Option<NFA>,
}

impl Mask {
    /// Whether the text contains a known credential, in percent-encoding or not.
    pub fn finds(&self, text: &str) -> bool {
        let finds = |bytes: &[u8]| {
            let found = self.searcher.as_ref().map(|searcher| searcher.try_find(&Input::new(bytes).earliest(true)));
            matches!(found, Some(Ok(Some(_))))
        };
        finds(text.as_bytes())
            || self.searcher.is_some() && text.contains('%') && finds(&percent_decode_str(text).collect::<Vec<_>>())
    }

    /// Hides known credentials in a text, and what looks like one.
    pub fn in_text(&self, text: &mut String) {
        self.replace(text, HIDDEN);
        if let Some(hidden) = hide_words(text) {
            *text = hidden;
        }
    }

    /// Hides known credentials in a URL or path.
    pub fn in_url(&self, url: &mut String) {
        self.replace(url, "redacted");
    }

    fn replace(&self, text: &mut String, with: &str) {
        let Some(searcher) = self.searcher.as_ref().filter(|_| self.finds(text)) else { return };
        let mut hidden = String::with_capacity(text.len());
        // An unanchored search cannot fail; if it did, the text would be lost rather than shown.
        let _ = searcher.try_replace_all_with(text, &mut hidden, |_, _, hidden| {
            hidden.push_str(with);
            true
        });
        // What is still found is percent-encoded: the last one is the shortest end of the text in which one is found.
        let mut tail = String::new();
        while self.finds(&hidden) {
            let places: Vec<usize> = hidden.char_indices().map(|(at, _)| at).chain([hidden.len()]).collect();
            let place = |at: usize| places.get(at).copied().unwrap_or(hidden.len());
            let finds = |from, to| hidden.get(from..to).is_some_and(|part| self.finds(part));
            let start = place(places.partition_point(|from| finds(*from, hidden.len())).saturating_sub(1));
            let end = place(places.partition_point(|to| !finds(start, *to)));
            tail = format!("{with}{}{tail}", hidden.get(end..).unwrap_or_default());
            hidden.truncate(start);
        }
        *text = hidden + &tail;
    }

    /// Hides credentials that are left in a document, as in the name of a member or in a list of allowed values.
    /// `None` if there are none. Different credentials are replaced differently, so that names stay distinct.
    pub fn remaining(&self, document: &impl Serialize) -> serde_json::Result<Option<Value>> {
        let Some(searcher) = &self.unlike_names else { return Ok(None) };
        let text = serde_json::to_vec(document)?;
        if !matches!(searcher.try_find(&Input::new(&text).earliest(true)), Ok(Some(_))) {
            return Ok(None);
        }
        let mut document = serde_json::from_slice(&text)?;
        redact(searcher, &mut document, &mut Vec::new());
        Ok(Some(document))
    }

    /// Hides every text of an example that contains a known credential.
    pub fn value(&self, value: &mut Value) {
        match value {
            Value::Object(map) => map.values_mut().for_each(|member| self.value(member)),
            Value::Array(list) => list.iter_mut().for_each(|element| self.value(element)),
            Value::String(text) if self.finds(text) => *text = masked(text),
            Value::Number(number) if self.finds(&number.to_string()) => mask_all(value),
            _ => {}
        }
    }
}

/// Replaces the credentials in every text, name and number. `known` are those that have been replaced.
fn redact(searcher: &NFA, value: &mut Value, known: &mut Vec<PatternID>) {
    let mut replaced = |text: &str| {
        let mut hidden = String::with_capacity(text.len());
        let _ = searcher.try_replace_all_with(text, &mut hidden, |found, _, hidden| {
            let at = known.iter().position(|known| *known == found.pattern()).unwrap_or(known.len());
            if at == known.len() {
                known.push(found.pattern());
            }
            hidden.push_str("redacted");
            if at > 0 {
                hidden.push_str(&(at + 1).to_string());
            }
            true
        });
        hidden
    };
    match value {
        Value::Object(members) => {
            *members = std::mem::take(members).into_iter().map(|(name, member)| (replaced(&name), member)).collect();
            members.values_mut().for_each(|member| redact(searcher, member, known));
        }
        Value::Array(list) => list.iter_mut().for_each(|element| redact(searcher, element, known)),
        Value::String(text) => *text = replaced(text),
        Value::Number(number) if replaced(&number.to_string()) != number.to_string() => mask_all(value),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn credentials_are_recognized_by_name() {
        for name in
            ["stream_key", "X-Api-Key", "access_token", "clientSecret", "PASSWORD", "Set-Cookie", "pwd", "userPin"]
        {
            assert!(is_credential(name), "{name}");
        }
        for name in ["monkey", "keyboard", "name", "spinner", "author", "description", "passenger", "key_size"] {
            assert!(!is_credential(name), "{name}");
        }
    }

    #[test]
    fn examples_keep_their_types_and_lose_their_secrets() {
        let mut example = json!({
            "user": {"password": "hunter2", "pin": 1234, "name": "Ann"},
            "auth_tokens": ["a", "b"],
            "api_key": "fe246818-f33a-18d6-2e19-b5e697910d7a",
            "link": "https://a.example/x?token=abc&y=1",
            "feed": "https://ann:pass@a.example/",
            "header": "Bearer abcdefghijk",
            "note": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        });
        mask_named(&mut example);
        assert_eq!(
            example,
            json!({
                "user": {"password": HIDDEN, "pin": 0, "name": "Ann"},
                "auth_tokens": [HIDDEN, HIDDEN],
                "api_key": "00000000-0000-0000-0000-000000000000",
                "link": "https://example.com/",
                "feed": "https://example.com/",
                "header": HIDDEN,
                "note": HIDDEN,
            })
        );
    }

    #[test]
    fn of_overlapping_credentials_the_longest_is_hidden_as_a_whole() {
        let mut secrets = Secrets::default();
        for value in ["abc-123", "abc-123-def-456", "123-def"] {
            secrets.learn(value);
        }
        let mask = secrets.mask();
        for (text, hidden) in [
            ("use abc-123-def-456 here", "use <secret> here"),
            ("use abc-123-def here", "use <secret>-def here"),
            ("use 123-def-456 here", "use <secret>-456 here"),
        ] {
            let mut text = text.to_owned();
            mask.in_text(&mut text);
            assert_eq!(text, hidden);
        }
    }

    #[test]
    fn a_credential_is_hidden_however_it_is_encoded() {
        let mut secrets = Secrets::default();
        secrets.learn("p@ss w\u{f6}rd\"(1)");
        secrets.learn("abc%2Fdef%3D1");
        let mask = secrets.mask();
        for text in [
            "p@ss w\u{f6}rd\"(1)",
            "p@ss w\u{f6}rd\\\"(1)",
            "p%40ss%20w%C3%B6rd%22%281%29",
            "p%40ss%20w%C3%B6rd%22(1)",
            "p%40ss%20w%c3%b6rd%22%281%29",
            "p@ss%20w%C3%B6rd%22(1)",
            "p@ss%20w\u{f6}rd%22(1)",
            "abc%2Fdef%3D1",
            "abc/def=1",
            "abc%2fdef%3d1",
            "abc%2Fdef=1",
        ] {
            let mut path = format!("/a/é{text}/%zz-{text}{{b}}");
            mask.in_url(&mut path);
            assert_eq!(path, "/a/éredacted/%zz-redacted{b}", "{text}");
        }
    }

    #[test]
    fn a_credential_found_once_is_hidden_everywhere() {
        let mut secrets = Secrets::default();
        secrets.learn("Bearer s3cr3t-value");
        secrets.learn("string");
        secrets.learn("{{token}}");
        let mask = secrets.mask();
        let mut text = "send s3cr3t-value as a string".to_owned();
        mask.in_text(&mut text);
        assert_eq!(text, "send <secret> as a string");
        let mut sample = "curl -H 'Authorization: Bearer k3jh45kj3h45kj' and Basic tasks".to_owned();
        mask.in_text(&mut sample);
        assert_eq!(sample, "curl -H 'Authorization: Bearer <secret>' and Basic tasks");
    }
}

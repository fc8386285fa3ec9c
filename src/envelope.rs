//! Zoom's error envelope, `{"code": …, "message": …}`, in every spelling that Zoom uses.

use std::{borrow::Cow, fmt};

use reqwest::StatusCode;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value, json};

use crate::{secret::ENTITIES, sentence::normalized};

/// One of Zoom's error codes, the `code` of its error envelope.
///
/// Zoom's usual codes have constants. The list is open: Zoom may answer with any other number.
///
/// ```
/// use zoom_livestream::ErrorCode;
///
/// assert_eq!(ErrorCode::from(3001), ErrorCode::NOT_FOUND);
/// assert_eq!(ErrorCode::from(987_654).get(), 987_654);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub(crate) i64);

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal;)*) => {
        impl ErrorCode {
            $($(#[doc = $doc])+ pub const $name: Self = Self($code);)*

            /// The code as Zoom writes it.
            pub fn get(self) -> i64 {
                self.0
            }

            /// The name of its constant, if it has one.
            pub fn name(self) -> Option<&'static str> {
                match self { $(Self::$name => Some(stringify!($name)),)* _ => None }
            }
        }
    };
}

codes! {
    /// The access token is missing, invalid or has expired.
    INVALID_ACCESS_TOKEN = 124;
    /// The request is not possible now: the meeting has not started, the webinar is in its practice session, the account
    /// has no webinar plan, or custom live streaming is turned off.
    NOT_AVAILABLE = 200;
    /// The request is invalid: its ID, a field of its body, or the kind of its body. The message says which.
    INVALID_REQUEST = 300;
    /// The user does not exist.
    USER_NOT_FOUND = 1001;
    /// The user does not belong to this account.
    USER_NOT_IN_ACCOUNT = 1010;
    /// The user has no access to the meeting or webinar, or the ID of a webinar was given in place of a meeting's.
    NO_ACCESS = 3000;
    /// The meeting or webinar does not exist.
    NOT_FOUND = 3001;
    /// The user is not allowed to host meetings.
    HOST_NOT_ALLOWED = 3161;
    /// The address is not one of Zoom's API: the base URL is wrong.
    UNKNOWN_ENDPOINT = 2300;
    /// The access token lacks a scope; [`Error::missing_scopes`](crate::Error::missing_scopes) lists those of which one is
    /// enough. Zoom also answers so with 4700 and 104.
    MISSING_SCOPES = 4711;
}

impl From<i64> for ErrorCode {
    fn from(code: i64) -> Self {
        Self(code)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The code and its name, if it has one: `3001 (NOT_FOUND)`.
impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{self} ({name})"),
            None => write!(f, "{self}"),
        }
    }
}

/// What Zoom says is wrong with one field of the body. [`Error::field_errors`](crate::Error::field_errors) returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldError {
    /// The field's name, as Zoom writes it.
    pub field: String,
    /// Zoom's message about it.
    pub message: String,
}

/// The readable parts of an error envelope in an answer's body.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Envelope {
    pub code: Option<ErrorCode>,
    pub message: Option<String>,
    pub errors: Vec<FieldError>,
    /// OAuth's name of the error, such as `invalid_client`.
    pub oauth_error: Option<String>,
    /// Whether a 2xx with this body is an error after all.
    pub is_error: bool,
}

impl Envelope {
    /// Reads as much as is valid JSON, because a body that was cut off still has its first members. Zoom also sends
    /// envelopes as XML, and messages whose quotation marks are not escaped (both observed).
    pub fn read(body: &[u8]) -> Self {
        let body = as_unicode(body);
        // A number at the very end was cut off, and its last digits may be missing.
        let body = body.trim_end_matches(|c: char| c.is_ascii_digit());
        let mut json = Value::Null;
        // An error ends the reading, but what was read before it still counts.
        let read = serde_json::Deserializer::from_str(body).deserialize_any(Members(&mut json));
        if let Some(json) = read.err().and_then(|_| from_xml(body).or_else(|| requoted(body))) {
            return Self::read(json.as_bytes());
        }
        let text = |of: &Value, name| of[name].as_str().map(str::to_owned);
        let member = |name| text(&json, name);
        let code = ["code", "errorcode"].into_iter().find_map(|name| {
            let number = member(name).unwrap_or_else(|| json[name].to_string());
            number.trim().strip_suffix(".0").unwrap_or(number.trim()).parse().ok()
        });
        let oauth_error = member("error");
        // With a code, a reason alone is not read, so that it never turns a success into an error.
        let reason = member("reason").filter(|_| code.is_none() || oauth_error.is_some());
        let message = member("message").or_else(|| member("errormessage")).or(reason).or_else(|| oauth_error.clone());
        let errors = json["errors"].as_array().into_iter().flatten().filter_map(|error| {
            Some(FieldError { field: text(error, "field")?, message: text(error, "message").unwrap_or_default() })
        });
        // A code means an error if there is a message, if it is called `errorCode`, or if there is nothing else.
        let is_bare = !json["errorcode"].is_null() || json.as_object().is_some_and(|members| members.len() == 1);
        let words = message.as_deref().or(is_bare.then_some(""));
        let is_error = code.zip(words).is_some_and(|(code, words)| !confirms(code, words));
        Self { code: code.map(ErrorCode), message, errors: errors.collect(), oauth_error, is_error }
    }

    /// Zoom's message, [normalized]; empty if there is none.
    pub fn words(&self) -> String {
        normalized(self.message.as_deref().unwrap_or_default())
    }

    /// Whether Zoom's code is one of these.
    pub fn is(&self, codes: &[i64]) -> bool {
        self.code.is_some_and(|ErrorCode(code)| codes.contains(&code))
    }

    /// The scopes of which the access token needs one.
    pub fn missing_scopes(&self) -> Vec<&str> {
        let message = self.message.as_deref().filter(|_| self.is(&[4711, 4700, 104]));
        let scopes = message.and_then(|message| Some(message.split_once('[')?.1.split_once(']')?.0));
        let is_between = |c: char| c.is_whitespace() || ",\"'".contains(c);
        scopes.unwrap_or_default().split(is_between).filter(|scope| !scope.is_empty()).collect()
    }

    /// Whether Zoom refuses the kind of body, so that it did not act on it.
    pub fn refuses_encoding(&self, status: StatusCode) -> bool {
        let kinds = ["contenttype", "contentdisposition", "mediatype", "json", "multipart", "formdata"];
        let names_kind = || kinds.iter().any(|kind| self.words().contains(kind));
        status == StatusCode::UNSUPPORTED_MEDIA_TYPE || status.is_client_error() && self.is(&[300]) && names_kind()
    }

    /// Whether the meeting or webinar is not live: it has not started, or a webinar is in its practice session.
    pub fn is_not_live(&self) -> bool {
        let words = ["already", "been", "yet"].iter().fold(self.words(), |words, word| words.replace(word, ""));
        self.is(&[200]) && ["notstarted", "sntstarted"].iter().any(|not| words.contains(not))
    }
}

/// Whether a 2xx with this code is a success after all: a code of 0 confirms it, and so does one from 200 to 299 whose
/// message, if any, begins with `success` or the word `ok`. Zoom's own error code 200 has a different message.
fn confirms(code: i64, message: &str) -> bool {
    let words = message.trim_start().to_ascii_lowercase();
    let is_ok = words.strip_prefix("ok").is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    code == 0 || (200..300).contains(&code) && (words.is_empty() || words.starts_with("success") || is_ok)
}

/// An XML envelope as JSON.
fn from_xml(xml: &str) -> Option<String> {
    let (_, error) = xml.split_once("<error").filter(|_| xml.starts_with('<'))?;
    // The text of the first element of this name, which may have attributes.
    let text = |name| {
        let is_whole = |tag: &&str| tag.starts_with(|c: char| c == '>' || c.is_whitespace());
        let tag = error.split(&format!("<{name}")).skip(1).find(is_whole)?;
        let (text, _) = tag.split_once('>')?.1.split_once(&format!("</{name}"))?;
        let data = text.trim().strip_prefix("<![CDATA[").and_then(|data| data.strip_suffix("]]>"));
        let decoded = |text: String, (c, entity): &(&str, &str)| text.replace(entity, c);
        Some(data.map_or_else(|| ENTITIES.iter().rev().fold(text.trim().to_owned(), decoded), str::to_owned))
    };
    let message = text("message").or_else(|| text("errorMessage")).or_else(|| text("error_message"));
    Some(json!({ "code": text("code").or_else(|| text("errorCode")), "message": message }).to_string())
}

/// A whole body with the quotation marks inside its message escaped: the message ends at the first of them behind which the
/// rest is JSON.
fn requoted(json: &str) -> Option<String> {
    // The end of each name that it may have.
    let (before, message) = json.split_once("essage\"").filter(|_| json.starts_with('{') && json.len() < 65_536)?;
    let (colon, message) = message.split_once('"')?;
    message.match_indices('"').take(100).find_map(|(end, _)| {
        let (words, rest) = message.split_at(end);
        let words = words.replace("\\\"", "\"").replace('"', "\\\"");
        let requoted = format!("{before}essage\"{colon}\"{words}{rest}");
        serde_json::from_str::<Map<String, Value>>(&requoted).is_ok().then_some(requoted)
    })
}

/// A body without surrounding white space, and without a byte order mark, which RFC 8259 (section 8.1) allows a reader to
/// ignore.
pub(crate) fn trimmed(body: &[u8]) -> &[u8] {
    let body = body.trim_ascii();
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii()
}

/// JSON, [trimmed], as text that serde_json can read, even if some of it is not Unicode: what is not becomes U+FFFD. So
/// does each escaped half of a surrogate pair: it is what remains when a server cuts a text inside an emoji, and
/// serde_json reads nothing after it. The text is borrowed if nothing had to be replaced.
pub(crate) fn as_unicode(body: &[u8]) -> Cow<'_, str> {
    let mut json = String::from_utf8_lossy(trimmed(body));
    let mut at = 0;
    while let Some(next) = json[at..].find('\\') {
        at += next;
        let unit = |at| u16::from_str_radix(json.get(at..at + 6)?.strip_prefix("\\u")?, 16).ok();
        match char::decode_utf16([at, at + 6].into_iter().map_while(unit)).next() {
            Some(Ok(c)) => at += 6 * c.len_utf16(),
            Some(Err(_)) => json.to_mut().replace_range(at..at + 6, "\\ufffd"),
            // What it escapes may be another backslash.
            None => at += 1 + usize::from(json[at + 1..].starts_with('\\')),
        }
    }
    json
}

/// In lower case and without underscores, since Zoom writes `errorCode` and `error_message`.
const NAMES: [&str; 7] = ["code", "errorcode", "message", "errormessage", "reason", "error", "errors"];

/// The members of an object, of which only those of an envelope have their values, because a success can be large. Of
/// repeated ones, the first that is not null counts.
struct Members<'m>(&'m mut Value);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error envelope")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
        while let Some(name) = members.next_key::<String>()?.map(|name| name.replace('_', "").to_lowercase()) {
            let ignored = |_: IgnoredAny| Value::Null;
            let value = if NAMES.contains(&&*name) { members.next_value()? } else { ignored(members.next_value()?) };
            if self.0[&name].is_null() {
                self.0[name] = value;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_can_be_read_of_an_envelope_is_kept() {
        let long = format!(r#"{{"code":1010,"message":"m","more":"{}"}}"#, "x".repeat(100_000));
        let deep = format!(r#"{{"code":1010,"message":"m","more":{}"#, "[".repeat(100_000));
        for body in [
            &br#"{"code":1010,"message":"m"}"#[..],
            br#"{"code":"1010","message":"m"}"#,
            br#"{"code":1010.0,"message":"m"}"#,
            br#"{"code":"1010.0","error_message":"m"}"#,
            b"\xef\xbb\xbf{\"code\":1010,\"message\":\"m\"}",
            br#"{"code":1010,"code":2,"message":"m","message":"n"}"#,
            br#"{"message":null,"code":null,"message":"m","code":1010}"#,
            b"{\"x\":\"\xff\",\"message\":\"m\",\"code\":1010}",
            br#"{"code":1010,"message":"m","more":"cut o"#,
            br#"{"code":1010,"message":"m"} and more"#,
            br#"  {"code":1010,"errors":7,"message":"m"}"#,
            &long.as_bytes()[..65_536],
            deep.as_bytes(),
        ] {
            let envelope = Envelope::read(body);
            let words = String::from_utf8_lossy(&body[..body.len().min(80)]);
            assert_eq!(envelope.code, Some(ErrorCode(1010)), "{words}");
            assert_eq!(envelope.message.as_deref(), Some("m"), "{words}");
            assert!(envelope.is_error, "{words}");
        }
        let invalid = Envelope::read(b"{\"code\":1010,\"message\":\"K\xf6ln\"}");
        assert_eq!(invalid.message.as_deref(), Some("K\u{fffd}ln"));
    }

    #[test]
    fn a_code_that_was_cut_off_is_not_read() {
        for body in [
            r#"{"message":"m","code":12345}"#,
            r#"{"message":"m","code":"12345"}"#,
            r#"{"message":"a "b" c","code": 12345 }"#,
            "<error><message>m</message><code>12345</code></error>",
        ] {
            for end in 0..=body.len() {
                let code = Envelope::read(&body.as_bytes()[..end]).code;
                assert!(code.is_none_or(|code| code.get() == 12345), "{}", &body[..end]);
            }
            assert_eq!(Envelope::read(body.as_bytes()).code, Some(ErrorCode(12345)), "{body}");
        }
    }

    #[test]
    fn a_body_that_is_not_an_envelope_has_neither_code_nor_message() {
        for body in
            ["", " ", "null", "[1]", "7", "\"code\"", "<html>", "{", "{\"code\"", "{\"code\":tru", "{}", "{\"x\":1}"]
        {
            assert_eq!(Envelope::read(body.as_bytes()), Envelope::default(), "{body}");
        }
        for body in [r#"{"code":1.5}"#, r#"{"code":"x"}"#, r#"{"code":1e300}"#, r#"{"code":[1]}"#, r#"{"code":true}"#] {
            assert_eq!(Envelope::read(body.as_bytes()).code, None, "{body}");
        }
    }

    #[test]
    fn a_code_and_a_message_may_confirm_a_success() {
        for (body, is_error) in [
            (r#"{"code":200,"message":"success"}"#, false),
            (r#"{"code":0,"message":"ok"}"#, false),
            (r#"{"code":204,"message":""}"#, false),
            (r#"{"code":201,"message":" OK"}"#, false),
            (r#"{"code":200,"message":"No permission."}"#, true),
            (r#"{"code":200,"message":"OK, done"}"#, false),
            (r#"{"code":200,"message":"Okta sign-in is required."}"#, true),
            (r#"{"code":300,"message":"success"}"#, true),
            (r#"{"code":300,"message":"bad"}"#, true),
            (r#"{"code":"300","message":"bad"}"#, true),
            (r#"{"code":300,"message":"bad","trace":1}"#, true),
            (r#"{"code":-1,"error_message":"bad"}"#, true),
            (r#"{"code":300}"#, true),
            (r#"{"code":"300"}"#, true),
            (r#"{"status":false,"errorCode":401,"errorMessage":null}"#, true),
            (r#"{"status":true,"errorCode":0}"#, false),
            (r#"{"code":200}"#, false),
            (r#"{"code":300,"name":"a room"}"#, false),
            (r#"{"message":"bad"}"#, false),
            (r#"{"code":"US","message":"a country"}"#, false),
        ] {
            assert_eq!(Envelope::read(body.as_bytes()).is_error, is_error, "{body}");
        }
    }

    #[test]
    fn an_envelope_is_read_past_half_of_a_surrogate_pair() {
        for message in [r"K\ud83d", r"\uDC00", r"\ud83d\ud83d\ude00", r"\ud83d\\ude00", r"\ud83d\u00e9", r"\ud83d\n"] {
            let body = format!(r#"{{"message":"{message}","code":124}}"#);
            let envelope = Envelope::read(body.as_bytes());
            assert_eq!(envelope.code, Some(ErrorCode(124)), "{body}");
            assert!(envelope.message.is_some_and(|message| message.contains('\u{fffd}')), "{body}");
        }
    }

    proptest! {
        #[test]
        fn json_is_changed_only_where_it_is_not_unicode(
            words in any::<String>(), before in "[a-zé\\\\]{0,3}", half in 0xd800..0xe000_u32, after in "[a-zé\\\\]{0,3}",
        ) {
            let pairs: String = words.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            for json in [serde_json::to_string(&words).expect("JSON"), format!("\"{pairs}\"")] {
                prop_assert!(matches!(as_unicode(json.as_bytes()), Cow::Borrowed(same) if same == json), "{}", json);
            }
            let [start, end] = [before, after].map(|around| around.replace('\\', r"\\"));
            let json = format!("\"{start}\\u{half:x}{end}\"");
            let read: String = serde_json::from_str(&as_unicode(json.as_bytes())).expect("JSON");
            let expected = format!("{start}\u{fffd}{end}").replace(r"\\", r"\");
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn an_envelope_is_read_from_xml_with_attributes_and_white_space(
            code in any::<i64>(), words in "[a-zé<>&\"';#]{1,20}", attribute in "( [a-z]{1,5}='[a-z:/]{0,9}')?",
            blank in "[ \t\r\n]{0,3}", is_data in any::<bool>(),
        ) {
            let escapes = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];
            let escaped = escapes.iter().fold(words.clone(), |words, (c, entity)| words.replace(c, entity));
            let escaped = if is_data { format!("<![CDATA[{words}]]>") } else { escaped };
            let message = format!("<message{attribute}>{blank}{escaped}{blank}</message>");
            let body = format!("<error{attribute}>{blank}{message}<codes/><code{attribute}>{blank}{code}{blank}</code></error>");
            let envelope = Envelope::read(body.as_bytes());
            prop_assert_eq!(envelope.code, Some(ErrorCode(code)), "{}", body);
            prop_assert_eq!(envelope.message, Some(words), "{}", body);
        }

        #[test]
        fn no_bytes_cause_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            Envelope::read(&body);
        }

        #[test]
        fn a_code_and_a_message_are_read_even_if_garbage_follows(
            code in any::<i64>(), words in any::<String>(), rest in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let message = Value::from(words.as_str());
            let mut body = format!("{{\"code\":{code},\"message\":{message},").into_bytes();
            body.extend(rest.iter().filter(|byte| **byte != b'"'));
            let envelope = Envelope::read(&body);
            prop_assert_eq!(envelope.code, Some(ErrorCode(code)));
            prop_assert_eq!(envelope.message, Some(words));
        }
    }
}

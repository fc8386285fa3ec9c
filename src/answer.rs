//! An answer, and whether it is the success that an operation is documented to have.

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde::de::DeserializeOwned;

use crate::RawBody;
use crate::envelope::{Envelope, text, without_mark};
use crate::sentence::shortened;

/// How much of an error's body is kept, in bytes.
pub(crate) const FAILURE_LIMIT: usize = 64 * 1024;

/// An answer whose body has been read, up to the limit.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub flaw: Option<Flaw>,
}

/// Why an answer's body is not that of a success.
pub(crate) struct Flaw {
    pub what: String,
    pub cause: Option<reqwest::Error>,
}

impl Flaw {
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), cause: None }
    }
}

/// What a 2xx must contain to be a success.
///
/// A success has no body, or a body of JSON that is not an error envelope; where the description documents something
/// other than JSON, it may have any body that is not an error envelope. White space alone counts as no body, and a byte
/// order mark is ignored. A body that was cut off is never a success: the missing part could be the error.
pub(crate) type Judge<T> = fn(&Answer) -> Result<T, Flaw>;

/// For an operation whose success has no body.
pub(crate) fn nothing(answer: &Answer) -> Result<(), Flaw> {
    match json(answer) {
        b"" => Ok(()),
        // Everything that could hide an error from `Envelope::read` is refused, such as a number that is out of range.
        body => serde_json::from_str::<serde_json::Value>(&text(body))
            .map(drop)
            .map_err(|_| Flaw::new("its body is not JSON, so something other than Zoom may have answered")),
    }
}

/// For an operation whose success is JSON; an empty body is read as `null`.
#[allow(dead_code)] // the description decides which of these three are used
pub(crate) fn value<T: DeserializeOwned>(answer: &Answer) -> Result<T, Flaw> {
    let body = match json(answer) {
        b"" => b"null",
        body => body,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer);
    let value = value.map_err(|error| Flaw::new(mismatch(&error)))?;
    deserializer.end().map_err(|_| Flaw::new("its body continues after its JSON"))?;
    Ok(value)
}

/// For an operation whose success has no schema in the description.
#[allow(dead_code)]
pub(crate) fn bytes(answer: &Answer) -> Result<RawBody, Flaw> {
    Ok(answer.body.clone().into())
}

/// The body without a byte order mark and surrounding whitespace.
fn json(answer: &Answer) -> &[u8] {
    without_mark(&answer.body).trim_ascii()
}

impl Answer {
    /// The result of `judge` on a 2xx, unless its body was cut off or is an error envelope.
    pub fn judged<T>(&self, judge: Judge<T>) -> Result<T, Option<Flaw>> {
        if self.flaw.is_some() || (!self.body.is_empty() && Envelope::read(&self.body).is_error()) {
            return Err(None);
        }
        judge(self).map_err(Some)
    }

    /// Drops what an error does not keep of the body.
    pub fn keep_start(&mut self) {
        if self.body.len() > FAILURE_LIMIT {
            // A slice would keep the whole body in memory.
            self.body = Bytes::copy_from_slice(&self.body[..FAILURE_LIMIT]);
        }
    }

    /// The media type, if it is text.
    pub fn media_type(&self) -> Option<&str> {
        let text = self.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        text.split(';').next().map(str::trim).filter(|essence| !essence.is_empty())
    }
}

/// The `x-zm-trackingid` that identifies the request for Zoom's support.
pub(crate) fn tracking_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-zm-trackingid")?.to_str().ok()
}

/// Where a success differs from the description, and what was expected there. serde's message quotes the value, which
/// may be a stream key: only what follows the last `expected` comes from the type.
pub(crate) fn mismatch(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let words = error.inner().to_string();
    let words = words.rsplit_once(" at line ").map_or(&*words, |(words, _)| words);
    let missing = words.strip_prefix("missing field ");
    // Other messages are the types' own, and may quote a value that contains these words.
    let is_serdes =
        ["invalid type: ", "invalid value: ", "invalid length "].iter().any(|start| words.starts_with(start));
    let expected = words.rsplit_once(", expected ").filter(|_| is_serdes);
    let expected = match (expected, missing) {
        (Some((_, expected)), _) => format!("expected {}", in_json(expected)),
        (None, Some(name)) => format!("{name} is missing"),
        (None, None) if error.inner().is_data() => "not what the description says".to_owned(),
        (None, None) => "not JSON".to_owned(),
    };
    match error.path().to_string() {
        // The root and an unknown place have no name.
        path if path == "." || path == "?" => format!("its body does not match the description: {expected}"),
        path => format!("its body does not match the description: {}: {expected}", shortened(&path, 200)),
    }
}

/// The JSON name of what serde expected.
fn in_json(expected: &str) -> &str {
    match expected {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" => "an integer",
        "f32" | "f64" => "a number",
        "a sequence" => "an array",
        "unit" => "null",
        _ if expected == "a map" || expected.starts_with("struct ") => "an object",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    fn answer(body: &[u8]) -> Answer {
        Answer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body),
            flaw: None,
        }
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Recordings {
        recordings: Vec<Recording>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Recording {
        size: i64,
        name: Option<String>,
        #[serde(flatten)]
        extra: crate::Extra,
    }

    #[test]
    fn a_success_has_no_body_or_json_that_is_not_an_error() {
        for (body, is_success) in [
            (&b""[..], true),
            (b" \r\n", true),
            (b"\xef\xbb\xbf", true),
            (b"{}", true),
            (b"null", true),
            (b"[]", true),
            (b"\"done\"", true),
            (br#"{"id": 5}"#, true),
            (br#"{"topic": "Keynote \ud83d"}"#, true),
            (br#"{"code": 200, "message": "success"}"#, true),
            (b"\xef\xbb\xbf{\"id\": 5}", true),
            (b"<html>Log in</html>", false),
            (b"OK", false),
            (b"{", false),
            (br#"{"code":"300","message":"bad"}"#, false),
            (br#"{"code":300,"message":"bad","trace":"x"}"#, false),
            (b"\xef\xbb\xbf{\"code\":300,\"message\":\"bad\"}", false),
            (b"{\"code\":300,\"message\":\"b\xffd\"}", false),
        ] {
            let words = String::from_utf8_lossy(body);
            assert_eq!(answer(body).judged(nothing).is_ok(), is_success, "{words}");
        }
        for (body, is_success) in [
            (&b""[..], true),
            (b"\x89PNG", true),
            (b"a,b", true),
            (br#"{"code":300,"message":"bad"}"#, false),
        ] {
            assert_eq!(answer(body).judged(bytes).is_ok(), is_success, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn an_answer_that_was_cut_off_is_not_a_success() {
        let cut_off = Answer { flaw: Some(Flaw::new("cut off")), ..answer(b"{}") };
        assert!(cut_off.judged(nothing).is_err() && cut_off.judged(bytes).is_err());
        assert!(cut_off.judged(value::<serde_json::Value>).is_err());
    }

    #[test]
    fn a_mismatch_names_the_field_and_never_the_value() {
        for (body, words) in [
            (
                r#"{"recordings":[{"size":1},{"size":2},{"size":"hidden, expected f64"}]}"#,
                "recordings[2].size: expected an integer",
            ),
            (r#"{"recordings":[{"size":1.5}]}"#, "recordings[0].size: expected an integer"),
            (r#"{"recordings":[{"size":1,"name":["hidden"]}]}"#, "recordings[0].name: expected a string"),
            (r#"{"recordings":[{"name":"hidden"}]}"#, "recordings[0]: `size` is missing"),
            (r#"{"recordings":{"hidden":1}}"#, "recordings: expected an array"),
            (r#"["hidden"]"#, "[0]: expected an array"),
            (r#""hidden""#, "expected an object"),
            ("", "expected an object"),
            ("hidden", "the description: not JSON"),
            (r#"{"recordings":[]} hidden"#, "its body continues after its JSON"),
            (r#"{"recordings":[{"size":1}"#, "not JSON"),
        ] {
            let Err(Some(flaw)) = answer(body.as_bytes()).judged(value::<Recordings>) else {
                panic!("{body} is not a mismatch");
            };
            assert!(flaw.what.ends_with(words), "{body}: {}", flaw.what);
            assert!(!flaw.what.contains("hidden"), "{}", flaw.what);
        }
    }

    #[test]
    fn an_error_that_serde_json_cannot_read_whole_is_not_a_success() {
        for body in [
            &br#"{"code":300,"message":"No permission for K\ud83d"}"#[..],
            br#"{"message":"No permission for K\ud83d","code":300}"#,
            br#"{"reason":1e999,"code":300,"message":"bad"}"#,
        ] {
            let words = String::from_utf8_lossy(body);
            assert!(answer(body).judged(nothing).is_err(), "{words}");
            assert!(answer(body).judged(value::<Recordings>).is_err(), "{words}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_ignored() {
        let marked = answer(b"\xef\xbb\xbf{\"recordings\":[]}");
        let Ok(read) = marked.judged(value::<Recordings>) else { panic!("a mark is not a mismatch") };
        assert_eq!(read, Recordings { recordings: Vec::new() });
    }
}

use std::fmt;
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Event, event::read};
use crate::Secret;

const SIGNATURE: &str = "x-zm-signature";
const TIMESTAMP: &str = "x-zm-request-timestamp";

const BLANK_SECRET_TOKEN: &str = "no event can be verified because the secret token is blank: use the one that Zoom \
                                  shows next to the app's event subscriptions";

const WRONG_SIGNATURE: &str = "x-zm-signature does not match: check that the secret token belongs to this app, and that \
                               the body is passed on byte for byte as received, before a framework parses it";

/// Checks that an event comes from Zoom: HMAC-SHA256 with the app's secret token, over the timestamp and the raw body.
///
/// It does no I/O, so it works with any web framework: give it the body's bytes exactly as received, and two headers.
///
/// ```
/// use zoom_livestream::events::{Event, VerifyError, Verifier};
///
/// fn received(verifier: &Verifier, headers: &http::HeaderMap, body: &[u8]) -> Result<Event, VerifyError> {
///     verifier.verify(body, headers.get("x-zm-signature"), headers.get("x-zm-request-timestamp"))
/// }
/// # use zoom_livestream::reqwest::header as http;
/// # let refused = received(&Verifier::new("the app's secret token"), &http::HeaderMap::new(), b"{}");
/// # assert!(refused.unwrap_err().to_string().contains("no x-zm-signature"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Verifier {
    secret_tokens: Vec<Secret>,
    max_age: Duration,
}

impl Verifier {
    /// Verifies with the secret token that Zoom shows next to the app's event subscriptions.
    pub fn new(secret_token: impl Into<Secret>) -> Self {
        // Limits how long a captured event can be replayed, with room for clocks that differ.
        Self { secret_tokens: vec![secret_token.into()], max_age: Duration::from_secs(300) }
    }

    /// Accepts another secret token too, while secret tokens are being rotated.
    pub fn also(mut self, secret_token: impl Into<Secret>) -> Self {
        self.secret_tokens.push(secret_token.into());
        self
    }

    /// How far the timestamp may be from the current time, in the past or the future. Default: 5 minutes.
    ///
    /// That suits events that Zoom sends again, too: they have been seen to get a new timestamp and signature.
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age, ..self }
    }

    /// Checks that Zoom sent `body`, and returns the event in it.
    ///
    /// The headers `x-zm-signature` and `x-zm-request-timestamp` may be strings, bytes or a `HeaderValue`.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] says what is wrong. Answer with 401, and Zoom will send the event again later.
    pub fn verify<H: AsRef<[u8]>>(
        &self,
        body: &[u8],
        signature: Option<H>,
        timestamp: Option<H>,
    ) -> Result<Event, VerifyError> {
        self.verify_at(body, signature, timestamp, SystemTime::now())
    }

    /// Like [`verify`](Self::verify), but with `now` as the current time.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_at<H: AsRef<[u8]>>(
        &self,
        body: &[u8],
        signature: Option<H>,
        timestamp: Option<H>,
        now: SystemTime,
    ) -> Result<Event, VerifyError> {
        let signature = signature.ok_or_else(|| missing(SIGNATURE))?;
        let timestamp = timestamp.ok_or_else(|| missing(TIMESTAMP))?;
        let signature = in_hex(signature.as_ref())
            .ok_or_else(|| malformed(SIGNATURE, "`v0=` followed by 64 lowercase hexadecimal digits"))?;
        let sent = seconds(timestamp.as_ref()).ok_or_else(|| malformed(TIMESTAMP, "a whole number of seconds"))?;
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let apart = now.abs_diff(sent);
        if apart > self.max_age {
            // Rounded up, so that an age just over a limit is not shown as equal to it.
            let (seconds, most) = (apart.as_secs() + u64::from(apart.subsec_nanos() > 0), self.max_age.as_secs());
            let (side, why) = if sent < now {
                ("old", "the request may be a replay, or this machine's clock is fast")
            } else {
                ("in the future", "this machine's clock is slow")
            };
            let sentence = format!("{TIMESTAMP} is {seconds} s {side}, more than the {most} s allowed: {why}");
            return Err(VerifyError(sentence));
        }
        // An empty file may still have a line break, and HMAC pads a key with NULs: anyone could sign with such a key.
        let is_blank = |secret: &Secret| secret.expose().chars().all(|c| c.is_whitespace() || c.is_control());
        let mut secrets = self.secret_tokens.iter().filter(|secret| !is_blank(secret)).peekable();
        secrets.peek().ok_or_else(|| VerifyError(BLANK_SECRET_TOKEN.to_owned()))?;
        let message = [b"v0:", timestamp.as_ref(), b":", body];
        let secret = secrets.find(|secret| hmac(secret, &message).verify_slice(&signature).is_ok());
        let secret = secret.ok_or_else(|| VerifyError(WRONG_SIGNATURE.to_owned()))?;
        read(body, secret, sent)
            .map_err(|why| VerifyError(format!("the signature is valid, but the body is not an event: {why}")))
    }
}

/// Why a request is not accepted as an event. [`Verifier::verify`] returns it.
///
/// Its sentence says what is wrong and what to do. A handler answers with 401 and logs it, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError(String);

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for VerifyError {}

fn missing(header: &str) -> VerifyError {
    let why = "the request is not from Zoom, or a proxy removed the header";
    VerifyError(format!("the request has no {header} header: {why}"))
}

fn malformed(header: &str, form: &str) -> VerifyError {
    VerifyError(format!("{header} is not {form}: Zoom did not send it"))
}

fn hmac(secret: &Secret, message: &[&[u8]]) -> Hmac<Sha256> {
    let hmac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes());
    let hmac = hmac.expect("HMAC takes a key of any length (RFC 2104, section 3)");
    message.iter().fold(hmac, |hmac, part| hmac.chain_update(part))
}

/// The HMAC-SHA256 of a message in hexadecimal.
pub(crate) fn signature(secret: &Secret, message: &[&[u8]]) -> String {
    let bytes = hmac(secret, message).finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The 32 bytes after `v0=`.
fn in_hex(signature: &[u8]) -> Option<Vec<u8>> {
    let digits = signature.strip_prefix(b"v0=").filter(|digits| digits.len() == 64)?;
    let value = |digit| b"0123456789abcdef".iter().position(|one| one == digit);
    digits.as_chunks().0.iter().map(|[high, low]| u8::try_from(value(high)? << 4 | value(low)?).ok()).collect()
}

/// Since the Unix epoch. Digits only, because `parse` would accept a plus sign too.
fn seconds(timestamp: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(timestamp).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    text?.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &str = r#"{"event":"meeting.live_streaming_stopped","event_ts":1700000000123,"payload":{"object":{"id":"84912345678"}}}"#;
    const TIMESTAMP: &str = "1700000000";
    /// Computed from the two above: `printf 'v0:1700000000:…' | openssl dgst -sha256 -hmac 'secret token'`.
    const SIGNATURE: &str = "v0=0c641144d6e67c62e997236e8663998cc2f24fd56ff4359d0a77387d28a37092";

    fn verifier() -> Verifier {
        Verifier::new("secret token")
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// The event's name, or why it is refused.
    fn verified(body: &str, signature: Option<&str>, timestamp: Option<&str>) -> Result<String, String> {
        let event = verifier().verify_at(body.as_bytes(), signature, timestamp, at(1_700_000_000));
        event.map(|event| event.name().to_owned()).map_err(|refused| refused.to_string())
    }

    fn signed(body: &[u8], timestamp: &str) -> String {
        format!("v0={}", signature(&"secret token".into(), &[b"v0:", timestamp.as_bytes(), b":", body]))
    }

    #[test]
    fn a_signature_made_by_openssl_is_verified() {
        let name = verified(BODY, Some(SIGNATURE), Some(TIMESTAMP));
        assert_eq!(name.as_deref(), Ok("meeting.live_streaming_stopped"));
    }

    #[test]
    fn missing_malformed_and_wrong_headers_are_different_errors() {
        let [no_signature, no_timestamp] = ["has no x-zm-signature", "has no x-zm-request-timestamp"];
        let [bad_signature, bad_timestamp] = ["x-zm-signature is not", "x-zm-request-timestamp is not"];
        let upper = SIGNATURE.to_uppercase();
        let upper_digits = format!("v0={}", SIGNATURE[3..].to_uppercase());
        let longer = format!("{SIGNATURE}00");
        let other = format!("v0={}", "0".repeat(64));
        for (signature, timestamp, error) in [
            (None, Some(TIMESTAMP), no_signature),
            (Some(SIGNATURE), None, no_timestamp),
            (Some(""), Some(TIMESTAMP), bad_signature),
            (Some(&SIGNATURE[3..]), Some(TIMESTAMP), bad_signature),
            (Some(&SIGNATURE[..66]), Some(TIMESTAMP), bad_signature),
            (Some(&longer), Some(TIMESTAMP), bad_signature),
            (Some(&upper), Some(TIMESTAMP), bad_signature),
            (Some(&upper_digits), Some(TIMESTAMP), bad_signature),
            (Some(SIGNATURE), Some(""), bad_timestamp),
            (Some(SIGNATURE), Some("+1700000000"), bad_timestamp),
            (Some(SIGNATURE), Some("-1"), bad_timestamp),
            (Some(SIGNATURE), Some("1700000000.5"), bad_timestamp),
            (Some(SIGNATURE), Some("١٧٠٠٠٠٠٠٠٠"), bad_timestamp),
            (Some(SIGNATURE), Some("99999999999999999999"), bad_timestamp),
            (Some(SIGNATURE), Some("1700000001"), WRONG_SIGNATURE),
            (Some(&other), Some(TIMESTAMP), WRONG_SIGNATURE),
        ] {
            let refused = verified(BODY, signature, timestamp).expect_err(error);
            assert!(refused.contains(error), "{signature:?} {timestamp:?}: {refused}");
        }
        let changed = BODY.replace(",", ", ");
        assert_eq!(
            verified(&changed, Some(SIGNATURE), Some(TIMESTAMP)),
            Err(WRONG_SIGNATURE.to_owned()),
            "re-serialized"
        );
    }

    #[test]
    fn an_event_is_accepted_within_five_minutes_of_now_unless_set_otherwise() {
        let strict = verifier().max_age(Duration::from_secs(1));
        for (verifier, now, is_accepted) in [
            (verifier(), 1_700_000_300, true),
            (verifier(), 1_700_000_301, false),
            (verifier(), 1_699_999_700, true),
            (verifier(), 1_699_999_699, false),
            (verifier(), 0, false),
            (strict.clone(), 1_700_000_001, true),
            (strict, 1_700_000_002, false),
        ] {
            let event = verifier.verify_at(BODY.as_bytes(), Some(SIGNATURE), Some(TIMESTAMP), at(now));
            assert_eq!(event.is_ok(), is_accepted, "{now}: {event:?}");
            if let Err(error) = event {
                let is_past = now > 1_700_000_000;
                assert_eq!(error.to_string().contains(" s old, "), is_past, "{error}");
                assert_eq!(error.to_string().contains(" s in the future, "), !is_past, "{error}");
            }
        }
    }

    #[test]
    fn a_refused_age_reads_as_more_than_is_allowed_even_by_half_a_second() {
        let half = Duration::from_millis(500);
        for (now, words) in [
            (at(1_700_000_300) + half, "is 301 s old, more than the 300 s allowed"),
            (at(1_699_999_700) - half, "is 301 s in the future, more than the 300 s allowed"),
        ] {
            let event = verifier().verify_at(BODY.as_bytes(), Some(SIGNATURE), Some(TIMESTAMP), now);
            let sentence = event.expect_err("more than 300 s").to_string();
            assert!(sentence.contains(words), "{sentence}");
        }
    }

    #[test]
    fn during_a_rotation_both_secret_tokens_are_valid_and_an_empty_one_never_is() {
        let verify = |verifier: Verifier| {
            let event = verifier.verify_at(BODY.as_bytes(), Some(SIGNATURE), Some(TIMESTAMP), at(1_700_000_000));
            event.map(drop)
        };
        assert_eq!(verify(Verifier::new("new").also("secret token")), Ok(()));
        assert_eq!(verify(Verifier::new("secret token").also("new")), Ok(()));
        assert_eq!(verify(Verifier::new("new").also("newer")), Err(VerifyError(WRONG_SIGNATURE.to_owned())));
        assert_eq!(verify(Verifier::new("")), Err(VerifyError(BLANK_SECRET_TOKEN.to_owned())));
        let forged = |key: &str| signature(&key.into(), &[b"v0:", TIMESTAMP.as_bytes(), b":", BODY.as_bytes()]);
        for (key, verifier) in ["", "\n", " ", "\r\n", "\0", "\0\0\t", "\u{a0}"]
            .into_iter()
            .flat_map(|key| [(key, Verifier::new(key)), (key, Verifier::new(key).also("secret token"))])
        {
            let forged = format!("v0={}", forged(key));
            let event =
                verifier.verify_at(BODY.as_bytes(), Some(&forged), Some(&TIMESTAMP.to_owned()), at(1_700_000_000));
            assert!(event.is_err(), "signed with {key:?}");
        }
    }

    #[test]
    fn a_signed_body_that_is_not_an_event_is_an_error() {
        let deep = "[".repeat(100_000);
        for body in ["", "null", "[]", "{}", "{\"event\":7}", "{\"event\":", "\u{feff}{}", &deep] {
            let event = verified(body, Some(&signed(body.as_bytes(), TIMESTAMP)), Some(TIMESTAMP));
            assert!(event.as_ref().is_err_and(|why| why.contains("is not an event")), "{event:?}");
        }
    }

    #[test]
    fn ten_megabytes_are_read_like_any_other_body() {
        let body = format!(r#"{{"event":"e","payload":"{}"}}"#, "x".repeat(10_000_000));
        let event = verified(&body, Some(&signed(body.as_bytes(), TIMESTAMP)), Some(TIMESTAMP));
        assert_eq!(event.as_deref(), Ok("e"));
    }

    #[test]
    fn a_verifier_shows_no_secret_token() {
        assert!(!format!("{:?}", verifier().also("hidden")).contains("hidden"));
        assert!(!format!("{:?}", verifier()).contains("secret token"));
    }

    proptest! {
        #[test]
        fn only_signed_bytes_are_verified(
            body in prop::collection::vec(any::<u8>(), 0..200),
            signature in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..80),
                "v0=[0-9a-f]{64}".prop_map(String::into_bytes),
                Just(SIGNATURE.as_bytes().to_vec()),
            ],
            timestamp in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..30),
                "[0-9]{1,25}".prop_map(String::into_bytes),
                Just(TIMESTAMP.as_bytes().to_vec()),
            ],
        ) {
            prop_assume!(body != BODY.as_bytes());
            let verifier = verifier().max_age(Duration::MAX);
            let event = verifier.verify_at(&body, Some(&signature), Some(&timestamp), at(1_700_000_000));
            prop_assert!(event.is_err());
            prop_assert!(!event.unwrap_err().to_string().is_empty());
        }

        #[test]
        fn a_signed_event_changed_by_one_bit_is_refused(
            of in 0..3_usize, byte in any::<prop::sample::Index>(), bit in 0..8_u8,
        ) {
            let mut parts = [BODY, SIGNATURE, TIMESTAMP].map(|part| part.as_bytes().to_vec());
            let byte = byte.index(parts[of].len());
            parts[of][byte] ^= 1 << bit;
            let [body, signature, timestamp] = parts;
            let event =
                verifier().verify_at(&body, Some(&signature), Some(&timestamp), at(1_700_000_000));
            prop_assert!(event.is_err());
        }

        #[test]
        fn signed_bytes_are_always_an_event_or_an_error(
            body in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                "[{}\\[\\]\":,a-z0-9 ]{0,60}".prop_map(String::into_bytes),
            ],
            timestamp in any::<u64>(),
        ) {
            let timestamp = timestamp.to_string();
            let signature = signed(&body, &timestamp);
            let verifier = verifier().max_age(Duration::MAX);
            match verifier.verify_at(&body, Some(&signature), Some(&timestamp), at(1_700_000_000)) {
                Ok(event) => prop_assert!(event.stream_state().is_none()),
                Err(error) => prop_assert!(error.to_string().contains("is not an event"), "{}", error),
            }
        }
    }
}

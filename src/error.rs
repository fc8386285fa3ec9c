//! The one error type of a call, and of a token request.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};

use crate::answer::{Answer, tracking_id};
use crate::envelope::{Envelope, ErrorCode, FieldError};
use crate::operation::Operation;
use crate::retry::{Limit, Stop};
use crate::secret::redact;
use crate::sentence::{
    LONGEST_QUOTATION, LONGEST_SENTENCE, causes, how_long, innermost, instant, quoted, shortened,
};

/// How far a call got. [`Error::kind`] returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// This crate refused the call or the client's settings before anything was sent.
    Refused,
    /// No access token could be obtained: the request was not sent, or not sent again after Zoom refused the last token.
    Token,
    /// No connection could be made, so the last attempt sent nothing.
    Connect,
    /// No answer within the attempt's timeout or the call's deadline.
    Timeout,
    /// The connection broke after the request may have been sent, or an HTTP/2 server refused the request.
    Interrupted,
    /// Zoom, or something between you and Zoom, answered; [`Error::status`] says how.
    Answered,
}

/// Why a client could not be built or a call failed.
///
/// Its `Display` is a sentence to log. [`source`](StdError::source) is the cause, which the sentence does not repeat:
/// log both (`{:#}` with `anyhow`). Branch on its methods. The body of an answer is in [`body`](Self::body) only, never
/// in `Display` or `Debug`.
///
/// If no access token could be obtained ([`ErrorKind::Token`]), the source is what the
/// [`TokenSource`](crate::TokenSource) returned. The methods that ask about an answer are then about the token
/// endpoint's, if [`ServerToServer`](crate::ServerToServer) got one. Without an answer, they return `None`.
pub struct Error(Box<Repr>);

struct Repr {
    kind: ErrorKind,
    sentence: String,
    operation_id: Option<&'static str>,
    source: Option<Cause>,
    answer: Option<Answered>,
    progress: Progress,
}

struct Answered {
    answer: Answer,
    envelope: Envelope,
    limit: Option<Limit>,
    stop: Option<Stop>,
}

/// An error of any type; shared, because all calls that wait for one token get the same error.
pub(crate) type Cause = Arc<dyn StdError + Send + Sync>;
pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// How far a call got before it ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub attempts: u32,
    pub elapsed: Duration,
    pub may_have_been_sent: bool,
}

/// What is known about an answer that is not a success, besides the answer itself.
#[derive(Default)]
pub(crate) struct Judgement<'j> {
    pub limit: Option<Limit>,
    pub stop: Option<Stop>,
    /// What to do about it, if the answer itself does not say.
    pub advice: Option<String>,
    /// The secrets that were sent, redacted if the answer quotes them.
    pub secrets: &'j [String],
}

impl Error {
    pub(crate) fn refused(operation: Option<&Operation>, what: impl fmt::Display) -> Self {
        let sentence = match operation {
            Some(operation) => format!("{} was refused before sending: {what}", operation.id),
            None => what.to_string(),
        };
        Self::new(ErrorKind::Refused, operation, sentence, Progress::default())
    }

    /// The same error, about this operation if it was about none.
    pub(crate) fn about(self, operation: &'static Operation) -> Self {
        match self.0.operation_id {
            Some(_) => self,
            None => Self::refused(Some(operation), self.0.sentence),
        }
    }

    pub(crate) fn token(operation: &Operation, source: Cause, progress: Progress) -> Self {
        let again = if progress.may_have_been_sent { " again" } else { "" };
        let sentence =
            format!("{} was not sent{again} because no access token could be obtained", operation.id);
        let mut error = Self::new(ErrorKind::Token, Some(operation), sentence, progress);
        error.0.source = Some(source);
        error
    }

    pub(crate) fn token_timeout(timeout: Duration) -> Self {
        let sentence = format!("the token source did not answer within {} s", timeout.as_secs_f64());
        Self::new(ErrorKind::Timeout, None, sentence, Progress::default())
    }

    /// The attempt did not end in an answer.
    pub(crate) fn transport(operation: &Operation, source: reqwest::Error, mut progress: Progress) -> Self {
        let source = source.without_url();
        let (kind, sent, what) = if source.is_connect() {
            (ErrorKind::Connect, false, "could not connect to Zoom")
        } else if source.is_timeout() {
            (ErrorKind::Timeout, true, "Zoom did not answer in time, and the request may have reached it")
        } else if is_refused_stream(&source) {
            let what = "Zoom refused the request without processing it, so it is safe to send it again";
            (ErrorKind::Interrupted, false, what)
        } else {
            (ErrorKind::Interrupted, true, "the connection broke, and the request may have reached Zoom")
        };
        progress.may_have_been_sent |= sent;
        Self::failed(kind, operation, what, progress).because(source)
    }

    /// The deadline ended the call at a time when no request was in progress.
    pub(crate) fn deadline(operation: &Operation, when: &str, progress: Progress) -> Self {
        let what = format!("the call's deadline passed {when}");
        Self::failed(ErrorKind::Timeout, operation, &what, progress)
    }

    fn failed(kind: ErrorKind, operation: &Operation, what: &str, progress: Progress) -> Self {
        let sentence = format!("{} failed: {what} ({})", operation.id, spent(progress));
        Self::new(kind, Some(operation), sentence, progress)
    }

    pub(crate) fn answered(
        operation: &Operation,
        mut answer: Answer,
        judgement: Judgement<'_>,
        progress: Progress,
    ) -> Self {
        let Judgement { limit, stop, advice, secrets } = judgement;
        let status = answer.status.as_u16();
        // The code may come after the part of the body that is kept.
        let code = Envelope::read(&answer.body).code;
        answer.keep_start();
        let mut envelope = Envelope { code, ..Envelope::read(&answer.body) };
        let is_envelope = envelope != Envelope::default();
        envelope.redact(secrets);
        // A status that is documented as a code itself: HTTP 300 is Zoom's code 300.
        let own_code = || operation.documented_error(status, status.into());
        envelope.code = envelope.code.or_else(|| own_code().map(|error| ErrorCode(error.code)));
        let mut sentence = format!("{} was answered with HTTP {status}", operation.id);
        if let Some(code) = envelope.code {
            sentence += &format!(", code {code:?}");
        }
        let documented = envelope.code.and_then(|code| operation.documented_error(status, code.get()));
        // If Zoom sent no message, the description's is used, unless that is a template.
        let documented = documented.map(|error| error.message).filter(|words| !words.contains('{'));
        let message = envelope.message.as_deref().map(|words| quoted(words, secrets, LONGEST_QUOTATION));
        let message = message.filter(|words| !words.is_empty());
        if let Some(words) = message.as_deref().or(documented) {
            sentence += &format!(": {}", words.trim_end_matches('.'));
        }
        for FieldError { field, message } in envelope.errors.iter().take(MOST_FIELD_ERRORS) {
            sentence += &format!(" [{}: {}]", quoted(field, secrets, 100), quoted(message, secrets, 100));
        }
        if let Some(flaw) = &answer.flaw {
            sentence += &format!("; {}", flaw.what);
        }
        // Its target is not quoted: it may contain a password or a token.
        let redirects = answer.status.is_redirection() && answer.headers.contains_key(LOCATION);
        let is_zooms = is_envelope || envelope.code.is_some() || answer.flaw.is_some();
        let advice = advice
            .or_else(|| Some(about_limit(stop.as_ref()?, limit?)))
            .or_else(|| {
                redirects.then_some(NOT_FOLLOWED).or_else(|| about_code(envelope.code?)).map(str::to_owned)
            })
            .or_else(|| (!is_zooms).then(|| about_body(&answer, secrets)));
        if let Some(advice) = advice {
            sentence += &format!(". {advice}");
        }
        sentence += &format!(" ({})", spent(progress));
        // Redacted once more, because dropping invisible characters may have joined the parts of a secret.
        redact(&mut sentence, secrets);
        let mut error = Self::new(ErrorKind::Answered, Some(operation), sentence, progress);
        error.0.source = answer.flaw.take().and_then(|flaw| Some(Arc::new(flaw.cause?) as Cause));
        error.0.answer = Some(Answered { answer, envelope, limit, stop });
        error
    }

    fn new(kind: ErrorKind, operation: Option<&Operation>, sentence: String, progress: Progress) -> Self {
        Self(Box::new(Repr {
            kind,
            sentence: shortened(&sentence, LONGEST_SENTENCE),
            operation_id: operation.map(|operation| operation.id),
            source: None,
            answer: None,
            progress,
        }))
    }

    pub(crate) fn because(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// The first error of this crate among `error` and its causes.
    pub(crate) fn find<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Self> {
        causes(error).find_map(|cause| cause.downcast_ref())
    }

    /// How far the call got.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The `operationId` of the call, unless the error is about building the client.
    pub fn operation_id(&self) -> Option<&'static str> {
        self.0.operation_id
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> Option<StatusCode> {
        Some(self.answered_with()?.answer.status)
    }

    /// The answer's headers. They may contain secrets.
    pub fn headers(&self) -> Option<&HeaderMap> {
        Some(&self.answered_with()?.answer.headers)
    }

    /// The answer's body, at most its first 64 KiB: JSON, XML, HTML or nothing. It may contain secrets.
    pub fn body(&self) -> Option<&[u8]> {
        Some(&self.answered_with()?.answer.body)
    }

    /// Zoom's code: the `code` of the answer's envelope, or the status itself if the description says so
    /// (HTTP 300 is code 300).
    pub fn code(&self) -> Option<ErrorCode> {
        self.answered_with()?.envelope.code
    }

    /// Zoom's message: the `message` of the answer's envelope, or the token endpoint's `reason`.
    pub fn message(&self) -> Option<&str> {
        self.answered_with()?.envelope.message.as_deref()
    }

    /// What Zoom says is wrong with individual fields of the body.
    pub fn field_errors(&self) -> &[FieldError] {
        self.answered_with().map_or(&[], |answered| &answered.envelope.errors)
    }

    /// Whether Zoom answered 429, to the call or to the request for its access token.
    pub fn is_rate_limited(&self) -> bool {
        self.status() == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// Whether Zoom answered 401 or code 124: the access token is missing, invalid or has expired. If it answered 401 to
    /// a token request, the credentials are wrong.
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(StatusCode::UNAUTHORIZED)
            || self.code() == Some(ErrorCode(INVALID_ACCESS_TOKEN))
    }

    /// Whether no answer came within the attempt's timeout or the call's deadline, or no access token within
    /// [`token_timeout`](crate::ClientBuilder::token_timeout).
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout || self.token_request().is_some_and(Self::is_timeout)
    }

    /// The scopes that Zoom says the access token lacks (code 4711); empty for any other error.
    pub fn missing_scopes(&self) -> Vec<&str> {
        let message = self.message().filter(|_| self.code() == Some(ErrorCode(MISSING_SCOPES)));
        let listed = message.and_then(|message| message.split_once('[')?.1.split_once(']'));
        let scopes = listed.map_or("", |(scopes, _)| scopes);
        scopes.split([',', ' ']).filter(|scope| !scope.is_empty()).collect()
    }

    /// How long Zoom asks you to wait before the next request, if the answer is a 429, or before the next token request:
    /// at least a second.
    pub fn retry_after(&self) -> Option<Duration> {
        self.answered_with()?.limit?.wait
    }

    /// When Zoom will accept the next request, or the next token request; for a daily limit, when it ends.
    ///
    /// An instant after the year 9999 is given as the first one of the year 10000.
    ///
    /// An instant that the answer names is by Zoom's clock, which may differ from this machine's: to wait, use
    /// [`retry_after`](Self::retry_after).
    pub fn retry_at(&self) -> Option<SystemTime> {
        self.answered_with()?.limit?.until
    }

    /// Whether the retry policy's [`unless`](crate::RetryPolicy::unless) or [`check`](crate::RetryPolicy::check)
    /// decided against sending the call again after a 429. With
    /// [`LiveStreams::satisfied`](crate::events::LiveStreams::satisfied), the stream is already in the state that the
    /// call asked for.
    pub fn is_retry_declined(&self) -> bool {
        let stop = self.answered_with().and_then(|answered| answered.stop.as_ref());
        matches!(stop, Some(Stop::Declined | Stop::Satisfied(_)))
    }

    /// The `x-zm-trackingid` that identifies the request for Zoom's support.
    pub fn tracking_id(&self) -> Option<&str> {
        tracking_id(self.headers()?)
    }

    /// How many attempts were made, including those that could not connect.
    pub fn attempts(&self) -> u32 {
        self.0.progress.attempts
    }

    /// How long the call took, waits included.
    pub fn elapsed(&self) -> Duration {
        self.0.progress.elapsed
    }

    /// Whether the request may have reached Zoom. `false` only if it certainly did not, or if an HTTP/2 server says that
    /// it did not process it (REFUSED_STREAM).
    pub fn may_have_been_sent(&self) -> bool {
        self.0.progress.may_have_been_sent
    }

    fn answered_with(&self) -> Option<&Answered> {
        self.0.answer.as_ref().or_else(|| self.token_request()?.answered_with())
    }

    /// The token request's own error, if that is why there is no access token.
    fn token_request(&self) -> Option<&Self> {
        Self::find(self.source()?)
    }
}

const MOST_FIELD_ERRORS: usize = 5;
const NOT_FOLLOWED: &str =
    "It redirects elsewhere, and this client does not follow redirects: `Error::headers` has its `location`";

pub(crate) const INVALID_ACCESS_TOKEN: i64 = 124;
const MISSING_SCOPES: i64 = 4711;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.sentence)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repr { kind, sentence, source, .. } = &*self.0;
        let mut debug = f.debug_struct("Error");
        debug.field("kind", kind).field("sentence", sentence).field("status", &self.status());
        debug.field("code", &self.code()).field("source", source).finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

fn about_limit(stop: &Stop, limit: Limit) -> String {
    let asks = asks_to_wait(limit);
    let not_resent = "It was not sent again because";
    match stop {
        Stop::DailyLimit => match limit.until {
            Some(until) => format!("The account's daily limit is used up; it resets at {}", instant(until)),
            None => "The account's daily limit is used up".to_owned(),
        },
        Stop::NoRetryLeft => format!("{asks}, and the retry policy allows no more retries"),
        Stop::WaitTooLong => format!("{asks}, longer than the retry policy's `max_wait`"),
        Stop::PastDeadline => format!("{asks}, which would end after the call's deadline"),
        Stop::Satisfied(reason) => format!("{not_resent} {}", shortened(reason, LONGEST_QUOTATION)),
        Stop::Declined => format!("{not_resent} the retry policy's `check` declined"),
        Stop::CheckTooSlow => {
            format!("{not_resent} the retry policy's `check` did not answer before the call's deadline")
        }
        Stop::NoWaitKnown => "Neither the answer nor the description says how long to wait".to_owned(),
    }
}

pub(crate) fn asks_to_wait(limit: Limit) -> String {
    format!("Zoom asks you to wait {}", how_long(limit.wait.unwrap_or_default(), limit.until))
}

fn about_code(code: ErrorCode) -> Option<&'static str> {
    match code.get() {
        INVALID_ACCESS_TOKEN => Some("Get a new access token: Zoom's tokens expire after an hour"),
        MISSING_SCOPES => {
            Some("Add the scope to the app on Zoom's App Marketplace and get a new access token")
        }
        _ => None,
    }
}

/// A hint about a body that is not Zoom's.
fn about_body(answer: &Answer, secrets: &[String]) -> String {
    let what = match (answer.body.is_empty(), answer.media_type()) {
        (true, _) => "Its body is empty".to_owned(),
        (false, Some(media_type)) => {
            format!("Its body is {}, not Zoom's error envelope", quoted(media_type, secrets, 60))
        }
        (false, None) => "Its body is not Zoom's error envelope".to_owned(),
    };
    let body = if answer.body.is_empty() { "" } else { ". `Error::body` has what it sent" };
    format!("{what}: a proxy or gateway may have answered instead of Zoom{body}")
}

fn spent(progress: Progress) -> String {
    let attempts = if progress.attempts == 1 { "attempt" } else { "attempts" };
    format!("{} {attempts} in {:.1} s", progress.attempts, progress.elapsed.as_secs_f64())
}

/// Whether the server reset the stream with REFUSED_STREAM, which promises that nothing was processed (RFC 9113,
/// section 8.7). hyper does not expose the reason, so this compares h2's message.
fn is_refused_stream(error: &(dyn StdError + 'static)) -> bool {
    innermost(error) == "stream error received: refused stream before processing any application logic"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};

    use super::*;

    fn operation() -> Operation {
        Operation { id: "anOperation", path: "/", ..Operation::default() }
    }

    const SECRET: &str = "s3cr3t";

    /// Text that contains the secret, either as it is or with invisible characters inside it.
    fn quoting() -> impl Strategy<Value = String> {
        let inside = select(vec!["", "\u{200b}", "\u{202e}", "\t", "\n"]);
        let piece = prop_oneof![
            any::<String>(),
            inside.prop_map(|inside| format!("{}{inside}{}", &SECRET[..3], &SECRET[3..])),
            select(vec!["https://", "rtmp://ada:", "@", "/", "?", "#", "%", " "]).prop_map(str::to_owned),
        ];
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn a_secret_is_redacted_even_where_a_quotation_of_it_would_be_cut() {
        let message = format!("{}s3cr3t-str\u{200b}eam-key", "x".repeat(487));
        let body = serde_json::json!({ "code": 300, "message": message }).to_string();
        let status = StatusCode::from_u16(400).expect("a status");
        let answer = Answer { status, headers: HeaderMap::new(), body: body.into(), flaw: None };
        let secrets = ["s3cr3t-stream-key".to_owned()];
        let judgement = Judgement { secrets: &secrets, ..Judgement::default() };
        let error = Error::answered(&operation(), answer, judgement, Progress::default());
        assert!(!error.to_string().contains("s3cr3t-str"), "{error}");
    }

    #[test]
    fn an_empty_message_does_not_hide_the_documented_one() {
        let status = StatusCode::from_u16(400).expect("a status");
        let answer = Answer {
            status,
            headers: HeaderMap::new(),
            body: r#"{"code":300,"message":""}"#.into(),
            flaw: None,
        };
        let error = Error::answered(&operation(), answer, Judgement::default(), Progress::default());
        assert!(!error.to_string().contains(":  ("), "{error}");
    }

    proptest! {
        #[test]
        fn no_answer_makes_a_sentence_long_or_unreadable_or_reveals_a_secret(
            status in 100..1000_u16,
            words in quoting(),
            field in quoting(),
            header in quoting(),
            name in select(vec![LOCATION, CONTENT_TYPE, HeaderName::from_static("x-zm-trackingid")]),
            is_json in any::<bool>(),
        ) {
            let errors = serde_json::json!([{ "field": field, "message": words }]);
            let json = serde_json::json!({ "code": 300, "message": words, "errors": errors }).to_string();
            let body = if is_json { json } else { words };
            let header = HeaderValue::from_bytes(header.as_bytes()).ok();
            let headers = header.into_iter().map(|header| (name.clone(), header)).collect();
            let status = StatusCode::from_u16(status).expect("a status");
            let answer = Answer { status, headers, body: body.into(), flaw: None };
            let secrets = [SECRET.to_owned()];
            let judgement = Judgement { secrets: &secrets, ..Judgement::default() };
            let error = Error::answered(&operation(), answer, judgement, Progress::default());
            let sentence = error.to_string();
            prop_assert!(!sentence.contains(SECRET), "{}", sentence);
            prop_assert!(!sentence.contains(char::is_control), "{:?}", sentence);
            prop_assert!(sentence.chars().count() <= LONGEST_SENTENCE + 1, "{}", sentence);
            prop_assert!(!format!("{error:?} {:?}", error.field_errors()).contains(SECRET), "{:?}", error);
        }
    }
}

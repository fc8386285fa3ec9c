//! The one error type of a call.

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use crate::TokenError;
use crate::call::FAILURE_LIMIT;
use crate::operation::Operation;
use crate::retry::Stop;
use crate::secret::hide;

/// One of Zoom's error codes, the `code` of its error envelope.
///
/// The codes that the description lists have constants. The list is open: a code without a constant is a number
/// like any other.
///
/// ```
/// use zoom_livestream::ErrorCode;
///
/// assert_eq!(ErrorCode::from(3001), ErrorCode::WEBINAR_NOT_FOUND);
/// assert_eq!(ErrorCode::from(987_654).get(), 987_654);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub(crate) i64);

impl ErrorCode {
    /// The code as Zoom writes it.
    pub fn get(self) -> i64 {
        self.0
    }
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

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "ErrorCode({} {name})", self.0),
            None => write!(f, "ErrorCode({})", self.0),
        }
    }
}

/// What Zoom says is wrong with one field of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldError {
    /// The field's name, as Zoom writes it.
    pub field: String,
    /// Zoom's words.
    pub message: String,
}

/// How far a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Refused by this crate before anything was sent: a setting, an id, a field left out or too long.
    Refused,
    /// No access token could be had: the request was not sent, or not again after Zoom had refused the last token.
    Token,
    /// No connection could be made, so that the last attempt sent nothing.
    Connect,
    /// No answer within the attempt's timeout or the call's deadline.
    Timeout,
    /// The connection broke after the request may have been sent.
    Interrupted,
    /// Zoom, or something on the way to it, answered; [`Error::status`] says how.
    Answered,
}

/// Why a client could not be built or a call failed.
///
/// Its `Display` is a sentence to log; its questions are for code to branch on. A body that Zoom answered with is
/// in [`body`](Self::body) only, never in `Display` or `Debug`.
pub struct Error(Box<Repr>);

struct Repr {
    kind: ErrorKind,
    sentence: String,
    operation_id: Option<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    answer: Option<Answered>,
    may_have_been_sent: bool,
    attempts: u32,
    elapsed: Duration,
}

struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    envelope: Envelope,
    stop: Stop,
    wait: Option<Duration>,
    until: Option<SystemTime>,
}

/// Zoom's error envelope, in each of the spellings that were met.
#[derive(Default)]
pub(crate) struct Envelope {
    pub code: Option<ErrorCode>,
    pub message: Option<String>,
    pub errors: Vec<FieldError>,
}

impl Envelope {
    /// Reads what a failure's body holds of it.
    pub fn of_failure(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Json {
            code: Option<serde_json::Value>,
            message: Option<serde_json::Value>,
            error_message: Option<serde_json::Value>,
            errors: Option<serde_json::Value>,
        }
        let Ok(json) = serde_json::from_slice::<Json>(body) else { return Self::default() };
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let field_error = |error: &serde_json::Value| {
            Some(FieldError {
                field: text(&error["field"])?,
                message: text(&error["message"]).unwrap_or_default(),
            })
        };
        Self {
            code: json
                .code
                .and_then(|code| code.as_i64().or_else(|| code.as_str()?.parse().ok()))
                .map(ErrorCode),
            message: json.message.or(json.error_message).as_ref().and_then(text),
            errors: json
                .errors
                .iter()
                .flat_map(|errors| errors.as_array())
                .flatten()
                .filter_map(field_error)
                .collect(),
        }
    }

    /// Puts stars where Zoom's words quote one of `secrets`.
    fn hide(&mut self, secrets: &[String]) {
        let fields = self.errors.iter_mut().flat_map(|error| [&mut error.field, &mut error.message]);
        self.message.iter_mut().chain(fields).for_each(|text| hide(text, secrets));
    }

    /// A success's body is an error only if it holds an envelope and nothing else.
    pub fn of_success(body: &[u8]) -> Option<Self> {
        let json: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).ok()?;
        let is_envelope = json.get("code").is_some_and(serde_json::Value::is_i64)
            && (json.contains_key("message") || json.contains_key("error_message"))
            && json.keys().all(|key| ["code", "message", "error_message", "errors"].contains(&key.as_str()));
        is_envelope.then(|| Self::of_failure(body))
    }
}

/// What lies behind a call when it ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub attempts: u32,
    pub elapsed: Duration,
    /// Whether an attempt was answered, so that the request did reach Zoom.
    pub answered: bool,
}

impl Error {
    pub(crate) fn refused(operation: Option<&Operation>, what: impl fmt::Display) -> Self {
        let sentence = match operation {
            Some(operation) => format!("{} was refused before sending: {what}", operation.id),
            None => what.to_string(),
        };
        Self::new(ErrorKind::Refused, operation, sentence, Progress::default())
    }

    pub(crate) fn token(operation: &Operation, source: TokenError, progress: Progress) -> Self {
        let again = if progress.answered { " again" } else { "" };
        let sentence =
            format!("{} was not sent{again}, for there is no access token: {source}", operation.id);
        Self::new(ErrorKind::Token, Some(operation), sentence, progress).because(source)
    }

    /// The attempt did not end in an answer.
    pub(crate) fn transport(operation: &Operation, source: reqwest::Error, progress: Progress) -> Self {
        let source = source.without_url();
        let (kind, what) = if source.is_connect() {
            (ErrorKind::Connect, "no connection to Zoom could be made")
        } else if source.is_timeout() {
            (ErrorKind::Timeout, "Zoom did not answer in time, and the request may have reached it")
        } else {
            (ErrorKind::Interrupted, "the connection broke, and the request may have reached Zoom")
        };
        let cause = innermost(&source);
        let sentence = format!("{} failed: {what} ({cause}; {})", operation.id, spent(progress));
        let mut error = Self::new(kind, Some(operation), sentence, progress).because(source);
        error.0.may_have_been_sent |= kind != ErrorKind::Connect;
        error
    }

    /// The deadline ended the call while it was doing `what`, with nothing under way to Zoom.
    pub(crate) fn deadline(operation: &Operation, what: &str, progress: Progress) -> Self {
        let sentence =
            format!("{} failed: the call's deadline passed while {what} ({})", operation.id, spent(progress));
        Self::new(ErrorKind::Timeout, Some(operation), sentence, progress)
    }

    pub(crate) fn answered(
        operation: &Operation,
        answer: Answer,
        judged: Judged,
        progress: Progress,
    ) -> Self {
        let Judged { envelope, stop, wait, until, mismatch } = judged;
        let (status, elapsed) = (answer.status, spent(progress));
        // A code that the description gives no other status than its own number: HTTP 300 is Zoom's 300.
        let own_code = i64::from(status.as_u16());
        let own_code =
            operation.documented_error(status.as_u16(), own_code).map(|error| ErrorCode(error.code));
        let mut envelope = Envelope { code: envelope.code.or(own_code), ..envelope };
        envelope.hide(&answer.secrets);
        let documented =
            envelope.code.and_then(|code| operation.documented_error(status.as_u16(), code.get()));
        let mut sentence = format!("{} was answered with HTTP {}", operation.id, status.as_u16());
        if let Some(code) = envelope.code {
            sentence += &match code.name() {
                Some(name) => format!(", code {code} ({name})"),
                None => format!(", code {code}"),
            };
        }
        if let Some(words) = envelope.message.as_deref().or(documented.map(|error| error.message)) {
            sentence += &format!(": {}", excerpt(words));
        }
        for FieldError { field, message } in &envelope.errors {
            sentence += &format!(" [{}: {}]", excerpt(field), excerpt(message));
        }
        sentence = sentence.trim_end_matches('.').to_owned();
        let Answer { status, headers, mut body, flaw, .. } = answer;
        if let Some(flaw) = mismatch.as_deref().or(flaw.as_ref().map(|flaw| flaw.what)) {
            sentence += &format!("; {flaw}");
        }
        if let Some(advice) = advice(stop, wait, until).or_else(|| about_code(envelope.code)) {
            sentence += &format!(". {advice}");
        }
        sentence += &format!(" ({elapsed})");
        let mut error = Self::new(ErrorKind::Answered, Some(operation), sentence, progress);
        if body.len() > FAILURE_LIMIT {
            // A slice would keep all of it, and so would an envelope's texts.
            body = Bytes::copy_from_slice(&body[..FAILURE_LIMIT]);
            envelope = Envelope { code: envelope.code, ..Envelope::default() };
        }
        error.0.answer = Some(Answered { status, headers, body, envelope, stop, wait, until });
        match flaw.and_then(|flaw| flaw.cause) {
            Some(cause) => error.because(cause),
            None => error,
        }
    }

    fn new(kind: ErrorKind, operation: Option<&Operation>, sentence: String, progress: Progress) -> Self {
        Self(Box::new(Repr {
            kind,
            sentence,
            operation_id: operation.map(|operation| operation.id),
            source: None,
            answer: None,
            may_have_been_sent: progress.answered,
            attempts: progress.attempts,
            elapsed: progress.elapsed,
        }))
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// How far the call came.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The `operationId` of the call, unless the error is one of building the client.
    pub fn operation_id(&self) -> Option<&'static str> {
        self.0.operation_id
    }

    /// The HTTP status of Zoom's answer, or of the token endpoint's where [`kind`](Self::kind) is
    /// [`Token`](ErrorKind::Token).
    pub fn status(&self) -> Option<StatusCode> {
        self.answer().map(|answer| answer.status).or_else(|| self.token_error()?.status())
    }

    /// Why there is no access token, where [`kind`](Self::kind) is [`Token`](ErrorKind::Token).
    pub fn token_error(&self) -> Option<&TokenError> {
        self.0.source.as_deref()?.downcast_ref()
    }

    /// The answer's headers.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.answer().map(|answer| &answer.headers)
    }

    /// The answer's body, at most its first 64 KiB: JSON, XML, HTML or nothing. It may repeat what was sent.
    pub fn body(&self) -> Option<&Bytes> {
        self.answer().map(|answer| &answer.body)
    }

    /// Zoom's code: the `code` of the answer's envelope, or the status itself where the description says so
    /// (HTTP 300 is code 300).
    pub fn code(&self) -> Option<ErrorCode> {
        self.answer()?.envelope.code
    }

    /// Zoom's words: the `message` of the answer's envelope.
    pub fn message(&self) -> Option<&str> {
        self.answer()?.envelope.message.as_deref()
    }

    /// What Zoom says is wrong with single fields of the body.
    pub fn field_errors(&self) -> &[FieldError] {
        self.answer().map_or(&[], |answer| &answer.envelope.errors)
    }

    /// Whether Zoom answered 429, to the call or to the request for its access token.
    pub fn is_rate_limited(&self) -> bool {
        self.status() == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// Whether Zoom answered 401 or code 124: the access token is missing, wrong or too old. Of a token request: the
    /// credentials are wrong.
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(StatusCode::UNAUTHORIZED)
            || self.code() == Some(ErrorCode(INVALID_ACCESS_TOKEN))
    }

    /// Whether no answer came within the attempt's timeout or the call's deadline, or no access token within the token
    /// request's timeout.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout || self.token_error().is_some_and(TokenError::is_timeout)
    }

    /// The scopes that Zoom says the access token lacks (code 4711); empty for any other error.
    pub fn missing_scopes(&self) -> Vec<&str> {
        if self.code() != Some(ErrorCode(MISSING_SCOPES)) {
            return Vec::new();
        }
        let listed = self.message().and_then(|message| message.split_once('[')?.1.split_once(']'));
        let scopes = listed.map(|(scopes, _)| scopes).unwrap_or_default();
        scopes.split([',', ' ']).filter(|scope| !scope.is_empty()).collect()
    }

    /// How long Zoom asks to wait before the next request, when the answer is a 429, or the token endpoint before the
    /// next token request.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.answer() {
            Some(answer) => answer.wait,
            None => self.token_error()?.retry_after(),
        }
    }

    /// The instant before which Zoom wants no further request, when the answer's headers name one: for a daily
    /// limit, its end.
    pub fn retry_at(&self) -> Option<SystemTime> {
        self.answer()?.until
    }

    /// Whether the retry policy's check said that the call is no longer wanted.
    pub fn is_unwanted(&self) -> bool {
        self.answer().is_some_and(|answer| answer.stop == Stop::Unwanted)
    }

    /// The `x-zm-trackingid` that names the request for Zoom's support.
    pub fn tracking_id(&self) -> Option<&str> {
        self.headers()?.get("x-zm-trackingid")?.to_str().ok()
    }

    /// How often the request was sent, the first time included.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// How long the call took, waits included.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Whether the request may have reached Zoom; `false` only where it certainly has not.
    pub fn may_have_been_sent(&self) -> bool {
        self.0.may_have_been_sent
    }

    fn answer(&self) -> Option<&Answered> {
        self.0.answer.as_ref()
    }
}

const INVALID_ACCESS_TOKEN: i64 = 124;
const MISSING_SCOPES: i64 = 4711;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.sentence)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("sentence", &self.0.sentence);
        if let Some(answer) = self.answer() {
            debug.field("status", &answer.status).field("code", &answer.envelope.code);
        }
        debug.field("source", &self.0.source).finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// An answer whose body was read, as far as it is kept.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub flaw: Option<Flaw>,
    pub operation: &'static Operation,
    pub progress: Progress,
    /// What was sent and must not be printed, should the body quote it.
    pub secrets: Vec<String>,
}

/// Why an answer's body is not whole.
pub(crate) struct Flaw {
    pub what: &'static str,
    pub cause: Option<reqwest::Error>,
}

/// What was made of an answer that is no success.
pub(crate) struct Judged {
    pub envelope: Envelope,
    pub stop: Stop,
    pub wait: Option<Duration>,
    pub until: Option<SystemTime>,
    /// How a success's body, which is whole, is not what the description says.
    pub mismatch: Option<String>,
}

fn advice(stop: Stop, wait: Option<Duration>, until: Option<SystemTime>) -> Option<String> {
    let seconds = wait.unwrap_or_default().as_secs_f64().ceil();
    match stop {
        Stop::NotLimited => None,
        Stop::DailyLimit => Some(match until {
            Some(until) => format!(
                "The account's daily limit is used up until {}",
                humantime::format_rfc3339_seconds(until)
            ),
            None => "The account's daily limit is used up".to_owned(),
        }),
        Stop::NoResendLeft => {
            Some(format!("Zoom asks to wait {seconds} s, and the retry policy allows no further resend"))
        }
        Stop::WaitTooLong => {
            Some(format!("Zoom asks to wait {seconds} s, longer than the retry policy's longest wait"))
        }
        Stop::PastDeadline => {
            Some(format!("Zoom asks to wait {seconds} s, which would end after the call's deadline"))
        }
        Stop::Unwanted => Some(
            "It was not sent again, for the retry policy's check said that it is no longer wanted".to_owned(),
        ),
        Stop::NoWaitKnown => Some("Neither the answer nor the description says how long to wait".to_owned()),
    }
}

fn about_code(code: Option<ErrorCode>) -> Option<String> {
    match code?.get() {
        INVALID_ACCESS_TOKEN => Some("Get a new access token: Zoom's live for an hour".to_owned()),
        MISSING_SCOPES => {
            Some("Add the scope to the app on Zoom's marketplace and get a new access token".to_owned())
        }
        _ => None,
    }
}

fn spent(progress: Progress) -> String {
    let attempts = if progress.attempts == 1 { "attempt" } else { "attempts" };
    format!("{} {attempts} in {:.1} s", progress.attempts, progress.elapsed.as_secs_f64())
}

/// The cause at the end of the chain says what happened; those above it say where.
pub(crate) fn innermost(error: &dyn StdError) -> String {
    let mut cause: &dyn StdError = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Words of a stranger in one line of a sentence.
pub(crate) fn excerpt(words: &str) -> String {
    const MOST: usize = 500;
    let line: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST + 1).collect();
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", line[..end].trim()),
        None => line.trim().to_owned(),
    }
}

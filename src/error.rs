//! The one error type of a call.

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{StatusCode, Url};

use crate::TokenError;
use crate::answer::{Answer, tracking_id};
use crate::envelope::{Envelope, ErrorCode, FieldError};
use crate::operation::Operation;
use crate::retry::{Limit, Stop};
use crate::secret::redact;
use crate::sentence::{excerpt, how_long, innermost, instant, shortened};

/// How far a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// This crate refused the call or the client's settings before anything was sent.
    Refused,
    /// No access token could be obtained: the request was not sent, or not again after Zoom had refused the last token.
    Token,
    /// No connection could be made, so the last attempt sent nothing.
    Connect,
    /// No answer within the attempt's timeout or the call's deadline.
    Timeout,
    /// The connection broke after the request may have been sent, or an HTTP/2 server refused the request.
    Interrupted,
    /// Zoom, or something on the way to it, answered; [`Error::status`] says how.
    Answered,
}

/// Why a client could not be built or a call failed.
///
/// Its `Display` is a sentence to log, and [`source`](StdError::source) has the cause, which the sentence does not
/// repeat: log both (`{:#}` with `anyhow`). Branch on its methods. The body of an answer is in [`body`](Self::body) only, never in
/// `Display` or `Debug`.
pub struct Error(Box<Repr>);

struct Repr {
    kind: ErrorKind,
    sentence: String,
    operation_id: Option<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    answer: Option<Answered>,
    may_have_been_sent: bool,
    progress: Progress,
}

struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    envelope: Envelope,
    limit: Option<Limit>,
    stop: Option<Stop>,
}

/// What lies behind a call when it ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub attempts: u32,
    pub elapsed: Duration,
    /// Whether an attempt was answered, so that the request did reach Zoom.
    pub answered: bool,
}

/// What is known of an answer that is not a success, beside itself.
#[derive(Default)]
pub(crate) struct Judgement<'j> {
    pub limit: Option<Limit>,
    pub stop: Option<Stop>,
    /// What was sent and must not be printed, should the answer quote it.
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

    pub(crate) fn token(operation: &Operation, source: TokenError, progress: Progress) -> Self {
        let again = if progress.answered { " again" } else { "" };
        let sentence =
            format!("{} was not sent{again} because no access token could be obtained", operation.id);
        Self::new(ErrorKind::Token, Some(operation), sentence, progress).because(source)
    }

    /// The attempt did not end in an answer.
    pub(crate) fn transport(operation: &Operation, source: reqwest::Error, progress: Progress) -> Self {
        let source = source.without_url();
        let refused = is_refused_stream(&source);
        let (kind, what) = if source.is_connect() {
            (ErrorKind::Connect, "no connection to Zoom could be made")
        } else if source.is_timeout() {
            (ErrorKind::Timeout, "Zoom did not answer in time, and the request may have reached it")
        } else if refused {
            (
                ErrorKind::Interrupted,
                "Zoom refused the request without processing it: it is safe to send again",
            )
        } else {
            (ErrorKind::Interrupted, "the connection broke, and the request may have reached Zoom")
        };
        let sentence = format!("{} failed: {what} ({})", operation.id, spent(progress));
        let mut error = Self::new(kind, Some(operation), sentence, progress).because(source);
        error.0.may_have_been_sent |= kind != ErrorKind::Connect && !refused;
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
        judgement: Judgement<'_>,
        progress: Progress,
    ) -> Self {
        let Judgement { limit, stop, secrets } = judgement;
        let status = answer.status.as_u16();
        let mut envelope = Envelope::read(&answer.body);
        let is_envelope = envelope != Envelope::default();
        envelope.redact(secrets);
        // A code that the description gives no other status than its own number: HTTP 300 is Zoom's 300.
        let own_code = || operation.documented_error(status, status.into());
        envelope.code = envelope.code.or_else(|| own_code().map(|error| ErrorCode(error.code)));
        let mut sentence = format!("{} was answered with HTTP {status}", operation.id);
        if let Some(code) = envelope.code {
            sentence += &match code.name() {
                Some(name) => format!(", code {code} ({name})"),
                None => format!(", code {code}"),
            };
        }
        let documented = envelope.code.and_then(|code| operation.documented_error(status, code.get()));
        // Where Zoom's own words are missing the description's stand in, unless they have places to fill in.
        let documented = documented.map(|error| error.message).filter(|words| !words.contains('{'));
        if let Some(words) = envelope.message.as_deref().or(documented) {
            sentence += &format!(": {}", excerpt(words).trim_end_matches('.'));
        }
        for FieldError { field, message } in envelope.errors.iter().take(MOST_FIELD_ERRORS) {
            sentence += &format!(" [{}: {}]", shortened(field, 100), shortened(message, 100));
        }
        let redirect = redirect(&answer, secrets);
        if let Some(flaw) = &answer.flaw {
            sentence += &format!("; {}", flaw.what);
        }
        let about_body = || match is_envelope || envelope.code.is_some() || answer.flaw.is_some() {
            true => None,
            false => Some(about_body(&answer)),
        };
        let advice = stop.as_ref().zip(limit).map(|(stop, limit)| about_limit(stop, limit));
        if let Some(advice) = advice.or(redirect).or_else(|| about_code(envelope.code)).or_else(about_body) {
            sentence += &format!(". {advice}");
        }
        sentence += &format!(" ({})", spent(progress));
        let Answer { status, headers, body, flaw } = answer;
        let mut error = Self::new(ErrorKind::Answered, Some(operation), sentence, progress);
        error.0.answer = Some(Answered { status, headers, body, envelope, limit, stop });
        match flaw.and_then(|flaw| flaw.cause) {
            Some(cause) => error.because(cause),
            None => error,
        }
    }

    fn new(kind: ErrorKind, operation: Option<&Operation>, sentence: String, progress: Progress) -> Self {
        Self(Box::new(Repr {
            kind,
            sentence: shortened(&sentence, LONGEST_SENTENCE),
            operation_id: operation.map(|operation| operation.id),
            source: None,
            answer: None,
            may_have_been_sent: progress.answered,
            progress,
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
            Some(answer) => answer.limit?.wait,
            None => self.token_error()?.retry_after(),
        }
    }

    /// The instant before which Zoom wants no further request, when the answer's headers name one: for a daily
    /// limit, its end.
    pub fn retry_at(&self) -> Option<SystemTime> {
        self.answer()?.limit?.until
    }

    /// Whether the retry policy's [`unless`](crate::RetryPolicy::unless) or [`check`](crate::RetryPolicy::check)
    /// declined to have the call sent again after a 429. With
    /// [`LiveStreams::satisfied`](crate::events::LiveStreams::satisfied), what the call asked for is so already: the
    /// stream runs, or has stopped.
    pub fn is_retry_declined(&self) -> bool {
        let stop = self.answer().and_then(|answer| answer.stop.as_ref());
        matches!(stop, Some(Stop::Declined | Stop::Satisfied(_)))
    }

    /// The `x-zm-trackingid` that names the request for Zoom's support.
    pub fn tracking_id(&self) -> Option<&str> {
        tracking_id(self.headers()?)
    }

    /// How often the request was sent, the first time included.
    pub fn attempts(&self) -> u32 {
        self.0.progress.attempts
    }

    /// How long the call took, waits included.
    pub fn elapsed(&self) -> Duration {
        self.0.progress.elapsed
    }

    /// Whether the request may have reached Zoom; `false` only where it certainly has not, or where an HTTP/2 server
    /// says that it did not process it (REFUSED_STREAM).
    pub fn may_have_been_sent(&self) -> bool {
        self.0.may_have_been_sent
    }

    fn answer(&self) -> Option<&Answered> {
        self.0.answer.as_ref()
    }
}

/// Most characters of a whole sentence.
const LONGEST_SENTENCE: usize = 2_000;
const MOST_FIELD_ERRORS: usize = 5;

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

fn about_limit(stop: &Stop, limit: Limit) -> String {
    let asks = || format!("Zoom asks to wait {}", how_long(limit.wait.unwrap_or_default(), limit.until));
    match stop {
        Stop::DailyLimit => match limit.until {
            Some(until) => format!("The account's daily limit is used up until {}", instant(until)),
            None => "The account's daily limit is used up".to_owned(),
        },
        Stop::NoRetryLeft => format!("{}, and the retry policy allows no further retry", asks()),
        Stop::WaitTooLong => format!("{}, longer than the retry policy's longest wait", asks()),
        Stop::PastDeadline => format!("{}, which would end after the call's deadline", asks()),
        Stop::Satisfied(reason) => format!("It was not sent again because {}", excerpt(reason)),
        Stop::Declined => "It was not sent again because the retry policy's check declined".to_owned(),
        Stop::CheckTooSlow => {
            "It was not sent again because the retry policy's check did not answer before the call's deadline"
                .to_owned()
        }
        Stop::NoWaitKnown => "Neither the answer nor the description says how long to wait".to_owned(),
    }
}

fn about_code(code: Option<ErrorCode>) -> Option<String> {
    match code?.get() {
        INVALID_ACCESS_TOKEN => Some("Get a new access token: Zoom's expire after an hour".to_owned()),
        MISSING_SCOPES => {
            Some("Add the scope to the app on Zoom's marketplace and get a new access token".to_owned())
        }
        _ => None,
    }
}

/// Where a redirect points to, without what a URL may carry of secrets.
fn redirect(answer: &Answer, secrets: &[String]) -> Option<String> {
    let location = answer.headers.get(LOCATION).filter(|_| answer.status.is_redirection())?;
    let mut location = String::from_utf8_lossy(location.as_bytes()).into_owned();
    redact(&mut location, secrets);
    if let Ok(mut url) = Url::parse(&location) {
        // Only a URL that has no place for a user or password fails here.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        location = url.into();
    }
    let location = location.split(['?', '#']).next().unwrap_or_default();
    Some(format!("It redirects to {}, which this client does not follow", shortened(location, 200)))
}

/// What a body that is not Zoom's may mean.
fn about_body(answer: &Answer) -> String {
    let what = match (answer.body.is_empty(), answer.media_type()) {
        (true, _) => "Its body is empty".to_owned(),
        (false, Some(media_type)) => format!("Its body is {media_type}, not Zoom's error envelope"),
        (false, None) => "Its body is not Zoom's error envelope".to_owned(),
    };
    format!("{what}: a proxy or gateway may have answered in Zoom's place. `Error::body` has what it sent")
}

fn spent(progress: Progress) -> String {
    let attempts = if progress.attempts == 1 { "attempt" } else { "attempts" };
    format!("{} {attempts} in {:.1} s", progress.attempts, progress.elapsed.as_secs_f64())
}

/// Whether the server reset the stream with REFUSED_STREAM, which promises that nothing was processed (RFC 9113,
/// section 8.7). hyper keeps the reason to itself, so this is how h2 words it.
fn is_refused_stream(error: &(dyn StdError + 'static)) -> bool {
    innermost(error) == "stream error received: refused stream before processing any application logic"
}

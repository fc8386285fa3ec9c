//! The one error type of a call, and of a token request.

use std::time::{Duration, SystemTime};
use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc};

use reqwest::{StatusCode, header::HeaderMap};

use crate::answer::{Attempted, FAILURE_LIMIT, HttpAnswer, tracking_id};
use crate::envelope::{Envelope, ErrorCode, FieldError};
use crate::sentence::{LONGEST_QUOTATION, LONGEST_SENTENCE, causes, quoted};
use crate::{limit::retry_after, secret::redacted, transport::obstacle};

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
    /// No whole answer within the attempt's or the call's timeout.
    Timeout,
    /// The connection broke after the request may have been sent.
    Interrupted,
    /// Zoom, or something between you and Zoom, answered; [`Error::status`] says how.
    Answered,
}

/// Why a client could not be built or a call failed.
///
/// Its `Display` is a sentence to log. [`source`](StdError::source) is the cause, which the sentence does not repeat:
/// log both (`{:#}` with `anyhow`, or `{:?}`, which prints the causes as well). Branch on its methods:
///
/// | what happened | which method tells | what to do |
/// |---|---|---|
/// | the call or a setting is wrong, so nothing was sent | [`kind`](Self::kind) is [`Refused`](ErrorKind::Refused) | correct it |
/// | the meeting or webinar is not live | [`is_not_live`](Self::is_not_live) | a start: wait for the host; a stop: nothing |
/// | Zoom refused the token, or the credentials | [`is_unauthorized`](Self::is_unauthorized) | check the credentials; a [`TokenSource`](crate::TokenSource) gets newer tokens |
/// | the app lacks a scope | [`missing_scopes`](Self::missing_scopes) | add one of them to the app |
/// | a limit is used up | [`is_rate_limited`](Self::is_rate_limited) | come back [when Zoom says](Self::retry_at), or [after that time](Self::retry_after) |
/// | your own retry policy ended the call | [`is_retry_declined`](Self::is_retry_declined) | nothing, if your policy meant to |
/// | no answer in time | [`is_timeout`](Self::is_timeout) | as the next two rows say |
/// | it failed, but may have changed something at Zoom | [`may_have_taken_effect`](Self::may_have_taken_effect) | look at the stream before you call again |
/// | the cause may pass by itself | [`is_transient`](Self::is_transient) | call again, if it cannot have taken effect |
/// | Zoom gave a reason | [`code`](Self::code), [`message`](Self::message), [`field_errors`](Self::field_errors) | see [`ErrorCode`] and the operation's documented answers |
/// | something that you want to ask Zoom about | [`tracking_id`](Self::tracking_id) | give it to Zoom's support, and search your log for it |
/// | a proxy or gateway answered | [`status`](Self::status), [`headers`](Self::headers), [`body`](Self::body) | ask who runs it |
///
/// ```
/// use zoom_livestream::update_meeting_live_stream_status::Action;
/// use zoom_livestream::{Client, Error};
///
/// /// What to tell the person who pressed the button.
/// async fn start(zoom: &Client, meeting: u64) -> Result<&'static str, Error> {
///     match zoom.update_meeting_live_stream_status().meeting_id(meeting).action(Action::Start).await {
///         Ok(()) => Ok("started"),
///         Err(error) if error.is_not_live() => Ok("start the meeting first"),
///         Err(error) if error.may_have_taken_effect() => Ok("look whether it is running"),
///         Err(error) if error.is_transient() => Ok("try again in a moment"),
///         Err(error) => Err(error), // for you, not for them
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoom_livestream::mock::MockServer::start().await?;
/// # let zoom = Client::builder().base_url(server.base_url()).access_token(server.access_token()).build()?;
/// # server.set_live(false);
/// # assert_eq!(start(&zoom, 84912345678).await?, "start the meeting first");
/// # server.set_live(true);
/// # assert_eq!(start(&zoom, 84912345678).await?, "started");
/// # server.answer(zoom_livestream::mock::Answer::status(502));
/// # assert_eq!(start(&zoom, 84912345678).await?, "look whether it is running");
/// # Ok(())
/// # }
/// ```
///
/// The body of an answer is in [`body`](Self::body) only, never in `Display` or `Debug`. If no access token could be
/// obtained ([`ErrorKind::Token`]), the source is what the [`TokenSource`](crate::TokenSource) returned. The methods that
/// ask about an answer are then about the token endpoint's, if [`ServerToServer`](crate::ServerToServer) got one. Without
/// an answer, they return `None`.
pub struct Error(Box<Repr>);

struct Repr {
    kind: ErrorKind,
    /// If borrowed, an `operationId`; if owned, the name of any other request.
    subject: Option<Cow<'static, str>>,
    /// What happened to the subject, if there is one.
    what: String,
    source: Option<Cause>,
    progress: Progress,
    answer: Option<Box<HttpAnswer>>,
    /// Without secrets.
    tracking_id: Option<String>,
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
    pub may_have_taken_effect: bool,
}

impl Progress {
    /// Counts an attempt and what may have come of it; one that `is_safe` changes nothing.
    pub fn count(&mut self, outcome: &Attempted, is_safe: bool) {
        let is_unsent = matches!(outcome, Err(error) if error.is_connect());
        let is_refused = matches!(outcome, Ok(answer) if answer.status.is_client_error());
        self.attempts += 1;
        self.may_have_been_sent |= !is_unsent;
        self.may_have_taken_effect |= !(is_unsent || is_refused || is_safe);
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempts = if self.attempts == 1 { "attempt" } else { "attempts" };
        write!(f, "{} {attempts} in {:.1} s", self.attempts, self.elapsed.as_secs_f64())
    }
}

impl Error {
    pub(crate) fn refused(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, what.into(), Progress::default())
    }

    pub(crate) fn token(source: Cause, progress: Progress) -> Self {
        let again = if progress.may_have_been_sent { " again" } else { "" };
        let what = format!("was not sent{again} because no access token could be obtained");
        Self::new(ErrorKind::Token, what, progress).because(source)
    }

    /// The attempt did not end in an answer.
    pub(crate) fn transport(source: reqwest::Error, progress: Progress) -> Self {
        let (kind, what) = if source.is_connect() {
            let place = source.url().and_then(|to| Some(format!("{}:{}", to.host_str()?, to.port_or_known_default()?)));
            let (place, advice) = (after(" to ", place), after(": ", obstacle(&source).map(|(advice, _)| advice)));
            (ErrorKind::Connect, format!("could not connect{place}{advice}"))
        } else if source.is_timeout() {
            (ErrorKind::Timeout, "Zoom did not answer in time, and the request may have reached it".to_owned())
        } else {
            (ErrorKind::Interrupted, "the connection broke, and the request may have reached Zoom".to_owned())
        };
        Self::failed(kind, &what, progress).because(Arc::new(source.without_url()))
    }

    pub(crate) fn failed(kind: ErrorKind, what: &str, progress: Progress) -> Self {
        Self::new(kind, format!("failed: {what} ({progress})"), progress)
    }

    /// The answer is not a success. Where it quotes `secrets`, they are redacted.
    pub(crate) fn answered(mut answer: Box<HttpAnswer>, secrets: &[&str], progress: Progress) -> Self {
        let status = answer.status.as_u16();
        if answer.body.len() > FAILURE_LIMIT {
            // A slice would keep the whole body in memory. A code may come after the part that is kept.
            answer.body = answer.body[..FAILURE_LIMIT].to_vec().into();
            let Envelope { code, is_error, .. } = answer.envelope;
            answer.envelope = Envelope { code, is_error, ..Envelope::read(&answer.body) };
        }
        let Envelope { code, message, errors, .. } = &mut answer.envelope;
        let fields = errors.iter_mut().flat_map(|error| [&mut error.field, &mut error.message]);
        message.iter_mut().chain(fields).for_each(|words| *words = redacted(words, secrets));
        // A status may be documented as a code itself: HTTP 300 is Zoom's code 300.
        let own = code.map_or(status.into(), ErrorCode::get);
        let documented = answer.documented.iter().find(|error| (error.0, error.1) == (status, own));
        *code = code.or(documented.map(|error| ErrorCode(error.1)));
        // If Zoom sent no message, the description's is used, unless that is a template.
        let documented = documented.map(|error| error.2.trim_end_matches('.')).filter(|words| !words.contains('{'));
        let quote = |words: &str, most| quoted(words, secrets, most);
        let words = message.as_deref().map(|words| quote(words, LONGEST_QUOTATION).trim_end_matches('.').to_owned());
        let words = words.filter(|words| !words.is_empty()).or(documented.map(str::to_owned));
        let field = |error: &FieldError| format!(" [{}: {}]", quote(&error.field, 100), quote(&error.message, 100));
        let fields: String = errors.iter().take(5).map(field).collect();
        let tracking_id = tracking_id(&answer.headers).map(|id| quote(id, LONGEST_QUOTATION));
        let (coded, words) = (after(", code ", code.map(|code| format!("{code:?}"))), after(": ", words));
        let (flaw, advice) = (after("; ", answer.flaw.as_ref()), after(". ", answer.advice(secrets)));
        let tracked = after(", tracking ID ", tracking_id.as_ref());
        let what = format!("was answered with HTTP {status}{coded}{words}{fields}{flaw}{advice} ({progress}{tracked})");
        let is_late = answer.cause.as_ref().is_some_and(reqwest::Error::is_timeout);
        let kind = if is_late { ErrorKind::Timeout } else { ErrorKind::Answered };
        answer.wait = answer.wait.or_else(|| retry_after(&answer.headers, SystemTime::now()));
        let source = answer.cause.take().map(|cause| Arc::new(cause) as Cause);
        Self(Box::new(Repr { kind, subject: None, what, source, progress, answer: Some(answer), tracking_id }))
    }

    pub(crate) fn new(kind: ErrorKind, what: String, progress: Progress) -> Self {
        Self(Box::new(Repr { kind, subject: None, what, source: None, progress, answer: None, tracking_id: None }))
    }

    /// Says what the error is about: an `operationId`, which is borrowed, or the name of another request, which is owned.
    pub(crate) fn about(mut self, subject: impl Into<Cow<'static, str>>) -> Self {
        self.0.subject = Some(subject.into());
        self
    }

    pub(crate) fn because(mut self, source: Cause) -> Self {
        self.0.source = Some(source);
        self
    }

    /// The innermost error of this crate among `error` and its causes: the token request's own, if that is why there is no
    /// access token.
    pub(crate) fn find<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Self> {
        causes(error).filter_map(|cause| cause.downcast_ref()).last()
    }

    /// How far the call got.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The `operationId` of the call, unless the error is about building the client, a token request or a
    /// [`Client::request`](crate::Client::request).
    pub fn operation_id(&self) -> Option<&'static str> {
        if let Some(Cow::Borrowed(id)) = self.0.subject { Some(id) } else { None }
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> Option<StatusCode> {
        Some(self.answer()?.status)
    }

    /// The answer's headers. They may contain secrets.
    pub fn headers(&self) -> Option<&HeaderMap> {
        Some(&self.answer()?.headers)
    }

    /// The answer's body, at most its first 64 KiB: JSON, XML, HTML or nothing. It may contain secrets.
    pub fn body(&self) -> Option<&[u8]> {
        Some(&self.answer()?.body)
    }

    /// Zoom's code: the `code` of the answer's envelope, or the status itself if the description says so
    /// (HTTP 300 is code 300).
    pub fn code(&self) -> Option<ErrorCode> {
        self.answer()?.envelope.code
    }

    /// Zoom's message: the `message` of the answer's envelope, or the token endpoint's `reason`. It is in the language of
    /// the account (observed).
    pub fn message(&self) -> Option<&str> {
        self.answer()?.envelope.message.as_deref()
    }

    /// What Zoom says is wrong with individual fields of the body.
    pub fn field_errors(&self) -> &[FieldError] {
        self.answer().map_or(&[], |answer| &answer.envelope.errors)
    }

    /// Whether Zoom answered 429, to the call or to the request for its access token.
    pub fn is_rate_limited(&self) -> bool {
        self.status() == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// Whether Zoom refused the access token (status or code 401; code 124, 4735, 4738 or 4741; code 4700 without
    /// scopes), or the credentials of a token request.
    pub fn is_unauthorized(&self) -> bool {
        self.answer().is_some_and(|answer| answer.is_unauthorized || answer.refuses_token())
    }

    /// Whether the meeting or webinar is not live (code 200, "has not started"). A start has to wait for the host, who has to
    /// leave a webinar's practice session; after a stop, it means that there was nothing to stop. Only Zoom's English
    /// words tell.
    pub fn is_not_live(&self) -> bool {
        self.answer().is_some_and(|answer| answer.envelope.is_not_live())
    }

    /// Whether no whole answer came within the attempt's or the call's timeout, or no access token within 10 seconds.
    pub fn is_timeout(&self) -> bool {
        Self::find(self).map(Self::kind) == Some(ErrorKind::Timeout)
    }

    /// Whether the cause may pass by itself: there was no connection (unless a certificate or a proxy's password was
    /// refused) or no whole answer, or the answer was 408, 429 or 5xx. Whether it is safe to call again is another question:
    /// [`may_have_taken_effect`](Self::may_have_taken_effect).
    pub fn is_transient(&self) -> bool {
        let connecting = causes(self).find_map(|cause| cause.downcast_ref()).and_then(obstacle);
        match Self::find(self).map(Self::kind) {
            Some(ErrorKind::Connect) => connecting.is_none_or(|(_, may_pass)| may_pass),
            Some(ErrorKind::Interrupted | ErrorKind::Timeout) => true,
            _ => self.status().is_some_and(|status| status.is_server_error() || matches!(status.as_u16(), 408 | 429)),
        }
    }

    /// The scopes that the access token lacks (code 4711, 4700 or 104); empty for any other error.
    ///
    /// Any one of them is enough. A server-to-server app can only have the one that ends in `:admin`. After a scope was added to the
    /// app, it takes a new token, and from minutes to a night (observed).
    pub fn missing_scopes(&self) -> Vec<&str> {
        self.answer().map_or_else(Vec::new, |answer| answer.envelope.missing_scopes())
    }

    /// How long to wait before the next request, at least a second: what Zoom asks for, or else, after a 429, what the client
    /// itself would wait.
    pub fn retry_after(&self) -> Option<Duration> {
        Some(self.answer()?.wait?.time)
    }

    /// When to send the next request; for a daily limit, when it ends.
    ///
    /// An instant after the year 9999 is given as the first one of the year 10000.
    ///
    /// An instant that the answer names is by Zoom's clock, which may differ from this machine's: to wait, use
    /// [`retry_after`](Self::retry_after).
    pub fn retry_at(&self) -> Option<SystemTime> {
        Some(self.answer()?.wait?.until)
    }

    /// Whether the retry policy's [`unless`](crate::RetryPolicy::unless) or [`check`](crate::RetryPolicy::check)
    /// decided against sending the call again after a 429.
    pub fn is_retry_declined(&self) -> bool {
        self.answer().is_some_and(|answer| answer.is_declined)
    }

    /// The `x-zm-trackingid` that identifies the request for Zoom's support.
    pub fn tracking_id(&self) -> Option<&str> {
        Self::find(self)?.0.tracking_id.as_deref()
    }

    /// How many attempts were made, including those that could not connect.
    pub fn attempts(&self) -> u32 {
        self.0.progress.attempts
    }

    /// How long the call took, waits included.
    pub fn elapsed(&self) -> Duration {
        self.0.progress.elapsed
    }

    /// Whether the request may have reached Zoom. `false` only if it certainly did not.
    pub fn may_have_been_sent(&self) -> bool {
        self.0.progress.may_have_been_sent
    }

    /// Whether the call may have changed something at Zoom, although it failed: ask this before you call again. `false` if
    /// no request was sent, if it was a GET, or if each was answered with a 4xx.
    pub fn may_have_taken_effect(&self) -> bool {
        self.0.progress.may_have_taken_effect
    }

    fn answer(&self) -> Option<&HttpAnswer> {
        Self::find(self)?.0.answer.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repr { kind, subject, what, .. } = &*self.0;
        let refused = if *kind == ErrorKind::Refused { "was refused before sending: " } else { "" };
        let subject = subject.as_ref().map(|subject| format!("{subject} {refused}"));
        f.write_str(&quoted(&(subject.unwrap_or_default() + what), &[], LONGEST_SENTENCE))
    }
}

/// The sentence and its causes, because this is what an error that `main` returns is printed with.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        causes(self).skip(1).try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// `words` behind `start`, or nothing.
pub(crate) fn after(start: &str, words: Option<impl fmt::Display>) -> String {
    words.map_or_else(String::new, |words| format!("{start}{words}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};

    use super::*;

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
        let answer = Box::new(HttpAnswer::new(status, HeaderMap::new(), body.into()));
        let secrets = ["s3cr3t-stream-key"];
        let error = Error::answered(answer, &secrets, Progress::default());
        assert!(!error.to_string().contains("s3cr3t-str"), "{error}");
    }

    #[test]
    fn a_code_behind_the_part_of_a_body_that_is_kept_still_counts() {
        let body = format!(r#"{{"more":"{}","code":124,"message":"m"}}"#, "x".repeat(FAILURE_LIMIT));
        let answer = Box::new(HttpAnswer::new(StatusCode::OK, HeaderMap::new(), body.into()));
        let error = Error::answered(answer, &[], Progress::default());
        assert_eq!(error.code(), Some(ErrorCode::INVALID_ACCESS_TOKEN), "{error}");
        assert_eq!(error.body().map(<[u8]>::len), Some(FAILURE_LIMIT));
        assert!(error.is_unauthorized() && error.to_string().contains("Get a new access token"), "{error}");
    }

    #[test]
    fn an_empty_message_does_not_hide_the_documented_one() {
        for message in ["", " ", "."] {
            let body = serde_json::json!({ "code": 300, "message": message }).to_string();
            let mut answer = Box::new(HttpAnswer::new(StatusCode::BAD_REQUEST, HeaderMap::new(), body.into()));
            answer.documented = &[(400, 300, "Invalid meeting ID.")];
            // The description's words are ours: a secret that happens to be among them is not redacted.
            let error = Error::answered(answer, &["meeting"], Progress::default());
            assert!(error.to_string().contains(": Invalid meeting ID ("), "{error}");
        }
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
            let answer = Box::new(HttpAnswer::new(status, headers, body.into()));
            let secrets = [SECRET];
            let error = Error::answered(answer, &secrets, Progress::default());
            let sentence = error.to_string();
            prop_assert!(!sentence.contains(SECRET), "{}", sentence);
            prop_assert!(!sentence.contains(char::is_control), "{:?}", sentence);
            prop_assert!(sentence.chars().count() <= LONGEST_SENTENCE + 1, "{}", sentence);
            prop_assert!(!format!("{error:?} {:?}", error.field_errors()).contains(SECRET), "{:?}", error);
        }
    }
}

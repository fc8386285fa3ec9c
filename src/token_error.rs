//! Why there is no access token.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;

/// Why there is no access token. Callers that waited for the same token request share it.
#[derive(Clone)]
pub struct TokenError(Arc<Repr>);

#[derive(Default)]
struct Repr {
    sentence: String,
    cause: Option<Cause>,
    /// Whether the sentence is the cause's own, which would be repeated if the cause were the source as well.
    is_quoted: bool,
    status: Option<StatusCode>,
    reason: Option<String>,
    retry_after: Option<Duration>,
}

type Cause = Box<dyn StdError + Send + Sync>;

impl TokenError {
    /// For a source of your own: another error, or a sentence. It must not quote the token.
    ///
    /// It prints as `cause` does, and its [`source`](StdError::source) is that of `cause`; `cause` itself is
    /// [`get_ref`](Self::get_ref).
    pub fn new(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        match cause.into().downcast() {
            Ok(same) => *same,
            Err(cause) => Self(Arc::new(Repr {
                sentence: cause.to_string(),
                cause: Some(cause),
                is_quoted: true,
                ..Repr::default()
            })),
        }
    }

    /// No answer: `sentence` says what was under way when `cause` ended it.
    pub(crate) fn because(sentence: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Self(Arc::new(Repr { sentence: sentence.into(), cause: Some(cause.into()), ..Repr::default() }))
    }

    /// An answer without a usable token.
    pub(crate) fn answered(
        sentence: String,
        status: StatusCode,
        reason: Option<String>,
        retry_after: Option<Duration>,
        cause: Option<reqwest::Error>,
    ) -> Self {
        let (cause, status) = (cause.map(Into::into), Some(status));
        Self(Arc::new(Repr { sentence, cause, is_quoted: false, status, reason, retry_after }))
    }

    /// The HTTP status that the token endpoint answered with, if it answered. An error of a source of your own has
    /// the status of the [`reqwest::Error`] among its causes.
    pub fn status(&self) -> Option<StatusCode> {
        self.0
            .status
            .or_else(|| self.causes().find_map(|cause| cause.downcast_ref::<reqwest::Error>()?.status()))
    }

    /// Zoom's own `reason`, such as `Invalid client_id or client_secret`.
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// How long the token endpoint asks to wait before the next token request (its `Retry-After`).
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the token endpoint or source did not answer in time: within
    /// [`token_timeout`](crate::ClientBuilder::token_timeout), or within a timeout of the source's own that reqwest or
    /// tokio reported.
    pub fn is_timeout(&self) -> bool {
        self.causes().any(|cause| {
            cause.is::<tokio::time::error::Elapsed>()
                || cause.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout)
        })
    }

    /// The error that this one was [made from](Self::new), or what ended the token request.
    pub fn get_ref(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.0.cause.as_deref()
    }

    fn causes(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        let first = self.get_ref().map(|cause| cause as &(dyn StdError + 'static));
        std::iter::successors(first, |&cause| cause.source())
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.sentence)
    }
}

impl fmt::Debug for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repr { sentence, cause, status, retry_after, .. } = &*self.0;
        let mut debug = f.debug_struct("TokenError");
        debug.field("sentence", sentence).field("status", status).field("retry_after", retry_after);
        debug.field("cause", cause).finish_non_exhaustive()
    }
}

impl StdError for TokenError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let cause = self.get_ref()?;
        if self.0.is_quoted { cause.source() } else { Some(cause) }
    }
}

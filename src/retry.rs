//! What callers can change about how a call waits after a 429, and what their hooks are given.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use crate::{MeetingId, WebinarId, operation::path_parameters};

/// Whether, how often and how long a call waits when Zoom answers 429.
///
/// | | default |
/// |---|---|
/// | [`max_retries`](Self::max_retries) | 3 |
/// | [`max_wait`](Self::max_wait) | 120 seconds |
/// | [`unless`](Self::unless) | none: nothing cuts a wait short |
/// | [`check`](Self::check) | none: a refused call is sent again |
/// | [`notify`](Self::notify) | none |
///
/// How long a call waits depends on the limit, which Zoom names in a sentence (documented, and observed):
///
/// | limit | the call |
/// |---|---|
/// | starts of one meeting | waits the 30 seconds that Zoom asks for, whatever the headers say |
/// | requests per second | waits a second and a random time on top, at most 2 seconds at first, then 4, 8, 16 and 32, so that calls that were refused together do not come back together; until [`call_timeout`](crate::ClientBuilder::call_timeout), regardless of `max_retries` unless that is 0 |
/// | requests per day | fails at once; [`Error::retry_at`](crate::Error::retry_at) is when the limit resets |
/// | concurrent requests | waits 2 seconds, then 4 and 8, and up to as long again at random |
/// | any other | waits 30 seconds if it is a start, or else 1 second, then 2 and 4, and up to as long again at random |
///
/// A `Retry-After` in the answer takes the place of these waits, except for that of a meeting.
///
/// ```
/// use std::time::Duration;
/// use zoom_livestream::RetryPolicy;
///
/// let patient = RetryPolicy::default().max_retries(5).max_wait(Duration::from_secs(300));
/// let never = RetryPolicy::never();
/// # let _ = (patient, never);
/// ```
#[derive(Clone)]
#[must_use]
pub struct RetryPolicy {
    pub(crate) max_retries: u32,
    pub(crate) max_wait: Duration,
    pub(crate) unless: Option<Hook<Ending>>,
    pub(crate) check: Option<Hook<bool>>,
    pub(crate) notify: Option<Arc<Notify>>,
}

pub(crate) type Notify = dyn Fn(&Resend) + Send + Sync;
pub(crate) type Hook<T> = Arc<dyn Fn(Resend) -> Pin<Box<dyn Future<Output = T> + Send>> + Send + Sync>;

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_retries: 3, max_wait: Duration::from_secs(120), unless: None, check: None, notify: None }
    }
}

impl RetryPolicy {
    /// Never waits: a 429 ends the call at once.
    pub fn never() -> Self {
        Self::default().max_retries(0)
    }

    /// How often a call that Zoom answered with 429 is sent again; 0 means never. Retries after a per-second limit
    /// do not count: they end with the call's [`call_timeout`](crate::ClientBuilder::call_timeout).
    pub fn max_retries(self, max_retries: u32) -> Self {
        Self { max_retries, ..self }
    }

    /// The longest wait that a call makes because it was asked to. If Zoom, or a gateway with a 502, 503 or 504, asks for a
    /// longer one, the call fails at once with an error that [says how long](crate::Error::retry_after) it is.
    pub fn max_wait(self, max_wait: Duration) -> Self {
        Self { max_wait, ..self }
    }

    /// Ends the call as soon as the future is ready: while it waits, while [`check`](Self::check) runs and while an access
    /// token is fetched, until the request is sent again. If it is ready at once, there is no wait. If the policy does
    /// not allow the wait (no retries left, or the wait is too long), the call ends without polling the future.
    ///
    /// The future's output says how the call [ends](Ending). For a call that should be sent again after its wait,
    /// return [`std::future::pending`]. With the feature `events`,
    /// [`LiveStreams::satisfied`](crate::events::LiveStreams::satisfied) suits all calls of a client:
    ///
    /// ```
    /// # #[cfg(feature = "events")] {
    /// use zoom_livestream::RetryPolicy;
    /// use zoom_livestream::events::LiveStreams;
    ///
    /// let streams = LiveStreams::new();
    /// let policy = RetryPolicy::default().unless(streams.satisfied());
    /// # }
    /// ```
    pub fn unless<Ended>(self, unless: impl Fn(Resend) -> Ended + Send + Sync + 'static) -> Self
    where
        Ended: Future<Output = Ending> + Send + 'static,
    {
        Self { unless: Some(Arc::new(move |resend| Box::pin(unless(resend)))), ..self }
    }

    /// Called after each wait, before the call is sent again. `false` ends the call with the 429's error, for which
    /// [`Error::is_retry_declined`](crate::Error::is_retry_declined) is true.
    ///
    /// Zoom wants a start to be repeated only if the stream has not already started, which no API request reveals: use
    /// [`unless`](Self::unless) with events, or a check of your own. The check is called for every operation of the client,
    /// including stops: look at what would be sent before you answer.
    ///
    /// ```
    /// # use zoom_livestream::MeetingId;
    /// # async fn is_streaming(meeting: Option<MeetingId>) -> bool { false }
    /// let policy = zoom_livestream::RetryPolicy::default().check(|resend| async move {
    ///     resend.field("action") != Some("start") || !is_streaming(resend.meeting_id()).await
    /// });
    /// # let _ = policy;
    /// ```
    pub fn check<Checked>(self, check: impl Fn(Resend) -> Checked + Send + Sync + 'static) -> Self
    where
        Checked: Future<Output = bool> + Send + 'static,
    {
        Self { check: Some(Arc::new(move |resend| Box::pin(check(resend)))), ..self }
    }

    /// Called when each wait starts, to show a countdown or update a metric. It must not block.
    pub fn notify(self, notify: impl Fn(&Resend) + Send + Sync + 'static) -> Self {
        Self { notify: Some(Arc::new(notify)), ..self }
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RetryPolicy");
        debug.field("max_retries", &self.max_retries).field("max_wait", &self.max_wait).finish_non_exhaustive()
    }
}

/// How [`RetryPolicy::unless`] ends a call in place of sending it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What the call was for has been achieved, so it returns `Ok(())`. An operation that returns a value cannot: there,
    /// this counts as declined.
    Done,
    /// The call fails with the 429's error, for which [`Error::is_retry_declined`](crate::Error::is_retry_declined) is
    /// true. The text is the reason: the end of a sentence that begins "It was not sent again because".
    Declined(String),
}

/// A call that was answered with 429 and is about to be sent again: what the hooks of a [`RetryPolicy`] are given.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resend {
    /// The description's `operationId`.
    pub operation_id: &'static str,
    /// The request's path, such as `/v2/meetings/84912345678/livestream/status`.
    pub path: String,
    /// 1 for the first retry.
    pub number: u32,
    /// How long the call waits before this retry.
    pub wait: Duration,
    /// When the call will be sent again.
    pub at: std::time::SystemTime,
    /// The path's template.
    pub(crate) template: &'static str,
    pub(crate) texts: Vec<(String, String)>,
}

impl Resend {
    /// The meeting that the operation is about.
    pub fn meeting_id(&self) -> Option<MeetingId> {
        path_parameters(self.template, &self.path).find(|(name, _)| *name == "meetingId")?.1.parse().ok()
    }

    /// The webinar that the operation is about.
    pub fn webinar_id(&self) -> Option<WebinarId> {
        path_parameters(self.template, &self.path).find(|(name, _)| *name == "webinarId")?.1.parse().ok()
    }

    /// A text field of the body by Zoom's name for it, such as `action`. Fields that hold a secret are left out.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.texts.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }
}

//! What a 429 means and how long to wait.
//!
//! Zoom's documentation of a live stream's status says: "if the live stream has not already started, retry making a new
//! request after 30 seconds". [`RetryPolicy`] is what callers can change about that, and [`Resend`] is what their hooks
//! are given before each retry. The decision itself is a pure function, [`decide`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;
use serde_json::{Map, Value};

use crate::operation::Operation;
use crate::sentence::LAST_SECOND_OF_9999;
use crate::{MeetingId, WebinarId};

/// Whether, how often and how long a call waits when Zoom answers 429.
///
/// | | default |
/// |---|---|
/// | [`max_retries`](Self::max_retries) | 3 |
/// | [`max_wait`](Self::max_wait) | 120 seconds |
/// | [`deadline`](Self::deadline) | 300 seconds for the whole call |
/// | [`unless`](Self::unless) | none: nothing cuts a wait short |
/// | [`check`](Self::check) | none: a refused call is sent again |
/// | [`notify`](Self::notify) | none |
///
/// A per-second limit (`X-RateLimit-Type: QPS`) is a matter of pace, not a failure: such a call is retried until its
/// deadline, regardless of `max_retries` unless that is 0. Its waits are spread at random over 2 seconds, then 4, 8, 16
/// and at most 32, so that calls that were refused together are not retried together. The client never waits for a
/// daily limit to reset.
///
/// ```
/// use std::time::Duration;
/// use zoom_livestream::RetryPolicy;
///
/// let patient = RetryPolicy::default().max_retries(5).deadline(Duration::from_secs(600));
/// let never = RetryPolicy::never();
/// # let _ = (patient, never);
/// ```
#[derive(Clone)]
#[must_use]
pub struct RetryPolicy {
    pub(crate) max_retries: u32,
    pub(crate) max_wait: Duration,
    pub(crate) deadline: Option<Duration>,
    pub(crate) unless: Option<Arc<Unless>>,
    pub(crate) check: Option<Arc<Check>>,
    pub(crate) notify: Option<Arc<Notify>>,
}

pub(crate) type Check = dyn Fn(Resend) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync;
pub(crate) type Unless = dyn Fn(Resend) -> Pin<Box<dyn Future<Output = String> + Send>> + Send + Sync;
pub(crate) type Notify = dyn Fn(&Resend) + Send + Sync;

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 3,
            max_wait: Duration::from_secs(120),
            deadline: Some(Duration::from_secs(300)),
            unless: None,
            check: None,
            notify: None,
        }
    }
}

impl RetryPolicy {
    /// Never waits: a 429 ends the call at once.
    pub fn never() -> Self {
        Self::default().max_retries(0)
    }

    /// How often a call that Zoom answered with 429 is sent again; 0 means never. Retries after a per-second limit
    /// do not count: they end at the [`deadline`](Self::deadline).
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// The longest wait the client will start. If Zoom asks for a longer one, the call fails at once with an error that
    /// says how long it is.
    pub fn max_wait(mut self, longest: Duration) -> Self {
        self.max_wait = longest;
        self
    }

    /// How long a call may take from its `.await` to its end, including waits and all attempts.
    ///
    /// A wait that would end later is not started, and an attempt's timeout is shortened to the time left. With
    /// `None`, a call that keeps hitting a per-second limit is retried for as long as it takes.
    pub fn deadline(mut self, deadline: impl Into<Option<Duration>>) -> Self {
        self.deadline = deadline.into();
        self
    }

    /// Polled throughout each wait: as soon as the future is ready, the call ends with the 429's error, for which
    /// [`Error::is_retry_declined`](crate::Error::is_retry_declined) is true. If it is ready at once, there is no wait.
    /// If the policy does not allow the wait (no retries left, or the wait is too long), the call ends without polling the
    /// future.
    ///
    /// The future's output is the reason: the end of a sentence that begins "It was not sent again because". For a call
    /// that should be sent again after its wait, return [`std::future::pending`]. With the feature `events`,
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
    pub fn unless<F, Satisfied>(mut self, unless: F) -> Self
    where
        F: Fn(Resend) -> Satisfied + Send + Sync + 'static,
        Satisfied: Future<Output: fmt::Display> + Send + 'static,
    {
        self.unless = Some(Arc::new(move |resend| {
            let satisfied = unless(resend);
            Box::pin(async { satisfied.await.to_string() })
        }));
        self
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
    pub fn check<F, Answer>(mut self, check: F) -> Self
    where
        F: Fn(Resend) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = bool> + Send + 'static,
    {
        self.check = Some(Arc::new(move |resend| Box::pin(check(resend))));
        self
    }

    /// Called when each wait starts, to show a countdown or update a metric. It must not block.
    pub fn notify(mut self, notify: impl Fn(&Resend) + Send + Sync + 'static) -> Self {
        self.notify = Some(Arc::new(notify));
        self
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("max_retries", &self.max_retries)
            .field("max_wait", &self.max_wait)
            .field("deadline", &self.deadline)
            .field("unless", &self.unless.is_some())
            .field("check", &self.check.is_some())
            .field("notify", &self.notify.is_some())
            .finish()
    }
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
    pub at: SystemTime,
    meeting_id: Option<MeetingId>,
    webinar_id: Option<WebinarId>,
    texts: Map<String, Value>,
}

impl Resend {
    pub(crate) fn new(
        operation: &'static Operation,
        path: String,
        texts: Map<String, Value>,
        number: u32,
        wait: Duration,
    ) -> Self {
        let id = |name| operation.path_parameter(name, &path);
        Self {
            operation_id: operation.id,
            number,
            wait,
            at: later(SystemTime::now(), wait),
            meeting_id: id("meetingId").and_then(|id| id.parse().ok()),
            webinar_id: id("webinarId").and_then(|id| id.parse().ok()),
            texts,
            path,
        }
    }

    /// The meeting that the operation is about.
    pub fn meeting_id(&self) -> Option<MeetingId> {
        self.meeting_id
    }

    /// The webinar that the operation is about.
    pub fn webinar_id(&self) -> Option<WebinarId> {
        self.webinar_id
    }

    /// A text field of the body by Zoom's name for it, such as `action`. Fields that hold a secret are left out.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.texts.get(name)?.as_str()
    }
}

/// What a 429 says about the limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub kind: Kind,
    /// How long to wait, if the answer or the description says so.
    pub wait: Option<Duration>,
    /// The time before which Zoom does not want another request, by the server's clock if the answer names it.
    pub until: Option<SystemTime>,
}

/// The instant after this wait, or the first one after the year 9999 if that is earlier. How late an instant can be
/// depends on the system: on Windows, until the year 30828.
fn later(now: SystemTime, wait: Duration) -> SystemTime {
    let latest = SystemTime::UNIX_EPOCH + Duration::from_secs(LAST_SECOND_OF_9999 + 1);
    now.checked_add(wait).map_or(latest, |at| at.min(latest))
}

/// Which of Zoom's limits was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The account's requests per second. A short wait is enough, as long as the calls are not all retried at once.
    PerSecond,
    /// The account's requests per day.
    Daily,
    /// Any other limit, such as the one on starts of a meeting.
    Other,
}

/// No wait is shorter than this, regardless of the answer, because Zoom's limits are per second and clocks differ.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

impl Limit {
    /// Reads an answer's headers. The wait is its `Retry-After`, or the end of the current second's limit, or what the
    /// description says in words. A header that cannot be read counts as absent.
    pub fn read(headers: &HeaderMap, documented: Option<Duration>, now: SystemTime) -> Self {
        let kind = match text(headers, "x-ratelimit-type").map(str::to_ascii_lowercase) {
            Some(kind) if kind == "qps" => Kind::PerSecond,
            Some(kind) if kind.contains("daily") => Kind::Daily,
            _ => Kind::Other,
        };
        // An instant in an answer is by the server's clock, so it is measured against the server's `Date`.
        let date = text(headers, "date").and_then(|date| httpdate::parse_http_date(date).ok());
        let left = |until: SystemTime| until.duration_since(date.unwrap_or(now)).unwrap_or_default();
        let reset = text(headers, "x-ratelimit-reset").and_then(|seconds| seconds.parse().ok());
        let reset = reset.map(|seconds| later(SystemTime::UNIX_EPOCH, Duration::from_secs(seconds)));
        let (wait, until) = match retry_after(headers) {
            Some(RetryAfter::Seconds(wait)) => (Some(wait), Some(later(now, wait))),
            Some(RetryAfter::At(until)) => (Some(left(until)), Some(until)),
            None if kind == Kind::PerSecond => (Some(reset.map_or(SHORTEST_WAIT, left)), reset),
            // What the description says is about a start, not about the day's limit.
            None if kind == Kind::Daily => (None, None),
            None => (documented, documented.map(|wait| later(now, wait))),
        };
        Self { kind, wait: wait.map(|wait| wait.max(SHORTEST_WAIT)), until }
    }
}

/// Why a call is not sent again after a 429.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The day's requests are used up.
    DailyLimit,
    /// The policy allows no further retry.
    NoRetryLeft,
    /// The wait is longer than the policy allows.
    WaitTooLong,
    /// The wait would end after the call's deadline.
    PastDeadline,
    /// The caller already has what the call was meant to achieve, for this reason.
    Satisfied(String),
    /// The caller's check returned `false`.
    Declined,
    /// The caller's check did not answer before the call's deadline.
    CheckTooSlow,
    /// Neither the answer nor the description says how long to wait.
    NoWaitKnown,
}

/// The retries and time that a call has used when the client decides whether to send it again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// Retries after a per-second limit.
    pub paced: u32,
    /// Retries after any other limit.
    pub retries: u32,
    pub elapsed: Duration,
}

/// How long to wait before the call is sent again, or why it is not. `chance` is a random number from 0 to 1.
pub(crate) fn decide(
    policy: &RetryPolicy,
    limit: &Limit,
    spent: Spent,
    chance: f64,
) -> Result<Duration, Stop> {
    if limit.kind == Kind::Daily {
        return Err(Stop::DailyLimit);
    }
    let wait = limit.wait.ok_or(Stop::NoWaitKnown)?;
    let paced = limit.kind == Kind::PerSecond;
    if policy.max_retries == 0 || (!paced && spent.retries >= policy.max_retries) {
        return Err(Stop::NoRetryLeft);
    }
    if wait > policy.max_wait {
        return Err(Stop::WaitTooLong);
    }
    let left = policy
        .deadline
        .map_or(Duration::MAX, |deadline| deadline.saturating_sub(spent.elapsed).saturating_sub(wait));
    if left.is_zero() {
        return Err(Stop::PastDeadline);
    }
    // Calls that were refused in one second and came back together in another would be refused again, so they spread
    // out, and further with each retry. Half of the time left is for the attempt.
    let span = Duration::from_secs(2 << spent.paced.min(4)).min(left / 2).min(policy.max_wait - wait);
    Ok(if paced { wait + span.mul_f64(chance.clamp(0.0, 1.0)) } else { wait })
}

enum RetryAfter {
    Seconds(Duration),
    At(SystemTime),
}

/// Seconds and HTTP-date are RFC 9110's (section 10.2.3); the ISO 8601 instant is Zoom's.
fn retry_after(headers: &HeaderMap) -> Option<RetryAfter> {
    let text = text(headers, "retry-after")?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only a number too large for 64 bits fails to parse here.
        return Some(RetryAfter::Seconds(Duration::from_secs(text.parse().unwrap_or(u64::MAX))));
    }
    let instant = httpdate::parse_http_date(text).ok().or_else(|| humantime::parse_rfc3339_weak(text).ok());
    instant.map(RetryAfter::At)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DOCUMENTED: Option<Duration> = Some(Duration::from_secs(30));

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_590_883_200) // 2020-05-31T00:00:00Z
    }

    fn limit(pairs: &[(&'static str, &str)], documented: Option<Duration>) -> Limit {
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value")))
            .collect();
        Limit::read(&headers, documented, now())
    }

    fn decide_at(
        policy: &RetryPolicy,
        pairs: &[(&'static str, &str)],
        retries: u32,
        elapsed: u64,
    ) -> Result<Duration, Stop> {
        let spent = Spent { retries, paced: 0, elapsed: Duration::from_secs(elapsed) };
        decide(policy, &limit(pairs, DOCUMENTED), spent, 0.0)
    }

    #[test]
    fn the_wait_after_a_429_is_looked_up_in_this_order() {
        let qps = |reset| [("x-ratelimit-type", "QPS"), ("x-ratelimit-reset", reset)];
        let past = "Sat, 30 May 2020 23:00:00 GMT";
        for (pairs, seconds) in [
            (&[][..], 30),
            (&[("retry-after", "7")], 7),
            (&[("retry-after", " 7 ")], 7),
            (&[("retry-after", "0")], 1),
            (&[("retry-after", "Sun, 31 May 2020 00:00:09 GMT")], 9),
            (&[("retry-after", "2020-05-31T00:00:11Z")], 11),
            (&[("retry-after", "2020-05-31 00:00:11")], 11),
            (&[("retry-after", past)], 1),
            (&[("retry-after", "2019-05-31T00:00:00Z")], 1),
            (&[("retry-after", "-5")], 30),
            (&[("retry-after", "1.5")], 30),
            (&[("retry-after", "")], 30),
            (&[("retry-after", "soon")], 30),
            (&[("retry-after", "2020-99-99T00:00:00Z")], 30),
            (&qps("1590883205"), 5),
            (&qps("1590883100"), 1),
            (&qps("-1"), 1),
            (&qps("nonsense"), 1),
            (&[("x-ratelimit-type", "qps")], 1),
            (&[("x-ratelimit-reset", "1590883205")], 30),
            (&[("x-ratelimit-type", "Light"), ("x-ratelimit-reset", "1590883205")], 30),
            (&[("retry-after", "7"), ("x-ratelimit-type", "QPS"), ("x-ratelimit-reset", "1590883205")], 7),
            (&[("retry-after", "?"), ("x-ratelimit-type", "qps"), ("x-ratelimit-reset", "1590883205")], 5),
        ] {
            let decision = decide_at(&RetryPolicy::default(), pairs, 0, 0);
            assert_eq!(decision, Ok(Duration::from_secs(seconds)), "{pairs:?}");
        }
    }

    #[test]
    fn an_instant_is_measured_against_the_answers_date() {
        // Ten minutes ahead of and behind this machine's clock.
        for (date, until, reset) in [
            ("Sun, 31 May 2020 00:10:00 GMT", "Sun, 31 May 2020 00:10:30 GMT", "1590883830"),
            ("Sat, 30 May 2020 23:50:00 GMT", "2020-05-30T23:50:30Z", "1590882630"),
        ] {
            for pairs in [
                vec![("date", date), ("retry-after", until)],
                vec![("date", date), ("x-ratelimit-type", "QPS"), ("x-ratelimit-reset", reset)],
            ] {
                let decision = decide_at(&RetryPolicy::default(), &pairs, 0, 0);
                assert_eq!(decision, Ok(Duration::from_secs(30)), "{pairs:?}");
            }
        }
        let pairs = [("date", "yesterday"), ("retry-after", "Sun, 31 May 2020 00:00:30 GMT")];
        let decision = decide_at(&RetryPolicy::default(), &pairs, 0, 0);
        assert_eq!(decision, Ok(Duration::from_secs(30)), "a date that is not one");
    }

    #[test]
    fn a_huge_wait_is_not_started() {
        for value in ["121", "18446744073709551615", "99999999999999999999999999", "9999-12-31T23:59:59Z"] {
            let decision = decide_at(&RetryPolicy::default(), &[("retry-after", value)], 0, 0);
            assert_eq!(decision, Err(Stop::WaitTooLong), "{value}");
        }
        let reset = [("x-ratelimit-type", "QPS"), ("x-ratelimit-reset", "18446744073709551615")];
        let decision = decide_at(&RetryPolicy::default(), &reset, 0, 0);
        assert_eq!(decision, Err(Stop::WaitTooLong));
        let unlimited = RetryPolicy::default().max_wait(Duration::MAX).deadline(None);
        let decision = decide_at(&unlimited, &[("retry-after", "18446744073709551615")], 0, 0);
        assert_eq!(decision, Ok(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn an_instant_after_the_year_9999_is_the_same_on_every_system() {
        let first = now() + Duration::from_secs(LAST_SECOND_OF_9999 + 1 - 1_590_883_200);
        for value in ["251811417600", "999999999999", "18446744073709551615"] {
            assert_eq!(limit(&[("retry-after", value)], None).until, Some(first), "{value}");
            assert_eq!(later(now(), Duration::from_secs(value.parse().expect("seconds"))), first, "{value}");
        }
        let reset = [("x-ratelimit-type", "QPS"), ("x-ratelimit-reset", "18446744073709551615")];
        assert_eq!(limit(&reset, None).until, Some(first));
    }

    #[test]
    fn a_daily_limit_is_returned_at_once_with_the_instant_it_ends() {
        for kind in ["Daily-limit", "DAILY", "daily_limit"] {
            let pairs = [("x-ratelimit-type", kind), ("retry-after", "2020-06-01T00:00:00Z")];
            let decision = decide_at(&RetryPolicy::default(), &pairs, 0, 0);
            assert_eq!(decision, Err(Stop::DailyLimit), "{kind}");
            assert_eq!(limit(&pairs, None).until, Some(now() + Duration::from_secs(86_400)));
        }
    }

    #[test]
    fn retries_end_at_their_limit_and_at_the_deadline() {
        let policy = RetryPolicy::default();
        assert_eq!(decide_at(&policy, &[], 2, 0), Ok(Duration::from_secs(30)));
        assert_eq!(decide_at(&policy, &[], 3, 0), Err(Stop::NoRetryLeft));
        assert_eq!(decide_at(&RetryPolicy::never(), &[], 0, 0), Err(Stop::NoRetryLeft));
        assert_eq!(decide_at(&policy, &[], 0, 269), Ok(Duration::from_secs(30)));
        assert_eq!(decide_at(&policy, &[], 0, 270), Err(Stop::PastDeadline));
        assert_eq!(decide_at(&policy, &[], 0, u64::MAX), Err(Stop::PastDeadline));
        let decision = decide_at(&policy.deadline(None), &[], 0, u64::MAX);
        assert_eq!(decision, Ok(Duration::from_secs(30)));
    }

    #[test]
    fn waits_for_a_per_second_limit_spread_ever_wider_until_the_deadline() {
        let limit = limit(&[("x-ratelimit-type", "QPS")], DOCUMENTED);
        let after = |paced, elapsed, chance| {
            let spent = Spent { retries: 99, paced, elapsed: Duration::from_secs(elapsed) };
            decide(&RetryPolicy::default(), &limit, spent, chance)
        };
        for (paced, span) in [(0, 2), (1, 4), (2, 8), (3, 16), (4, 32), (5, 32), (u32::MAX, 32)] {
            assert_eq!(after(paced, 0, 0.0), Ok(Duration::from_secs(1)));
            assert_eq!(after(paced, 0, 0.5), Ok(Duration::from_secs(1 + span / 2)));
            assert_eq!(after(paced, 0, 1.0), Ok(Duration::from_secs(1 + span)));
        }
        assert_eq!(after(9, 295, 0.5), Ok(Duration::from_secs(2)), "half of what is left is for the attempt");
        assert_eq!(after(9, 299, 0.0), Err(Stop::PastDeadline));
        let short = RetryPolicy::default().max_wait(Duration::from_secs(6));
        let spent = Spent { paced: 9, ..Spent::default() };
        assert_eq!(decide(&short, &limit, spent, 1.0), Ok(Duration::from_secs(6)), "`max_wait` holds");
        let never = decide(&RetryPolicy::never(), &limit, Spent::default(), 0.0);
        assert_eq!(never, Err(Stop::NoRetryLeft));
    }

    #[test]
    fn a_wait_that_is_not_given_is_not_guessed() {
        for policy in [RetryPolicy::default(), RetryPolicy::never()] {
            let decision = decide(&policy, &limit(&[], None), Spent::default(), 0.0);
            assert_eq!(decision, Err(Stop::NoWaitKnown), "{policy:?}");
        }
    }

    #[test]
    fn every_wait_has_an_instant_at_which_it_ends() {
        let at = |pairs: &[_]| limit(pairs, Some(Duration::from_secs(700))).until;
        let until = Some(now() + Duration::from_secs(700));
        assert_eq!(at(&[]), until, "the description's");
        assert_eq!(at(&[("retry-after", "700")]), until);
        assert_eq!(at(&[("x-ratelimit-type", "Daily-limit")]), None, "the description's is about a start");
        assert_eq!(at(&[("x-ratelimit-type", "QPS"), ("x-ratelimit-reset", "1590883900")]), until);
    }

    /// Real headers, plausible headers, and headers that no server should send.
    fn header() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,40}",
            any::<i128>().prop_map(|number| number.to_string()),
            any::<u64>().prop_map(|number| number.to_string()),
            (0..1_u64 << 40).prop_map(|number| number.to_string()),
            any::<u32>().prop_map(|number| number.to_string()),
            (0..20_000_u32, 0..99_u32, 0..99_u32, 0..99_u32).prop_map(|(year, month, day, hour)| format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:00:00Z"
            )),
            (0..99_u32, 0..20_000_u32)
                .prop_map(|(day, year)| format!("Sun, {day:02} May {year:04} 00:00:09 GMT")),
            Just("QPS".to_owned()),
            Just("Daily-limit".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn no_header_causes_a_panic_or_a_wait_below_one_second(
            values in prop::collection::vec((0..4_usize, header()), 0..5),
            retries in any::<u32>(), paced in any::<u32>(), elapsed in any::<u64>(), chance in any::<f64>(),
        ) {
            let names = ["retry-after", "x-ratelimit-type", "x-ratelimit-reset", "date"];
            let headers = values.iter().filter_map(|(name, value)| Some((names[*name].parse().ok()?, value.parse().ok()?)));
            let limit = Limit::read(&headers.collect(), DOCUMENTED, now());
            prop_assert!(limit.wait >= Some(SHORTEST_WAIT) || (limit.kind == Kind::Daily && limit.wait.is_none()));
            let words = crate::sentence::how_long(limit.wait.unwrap_or_default(), limit.until);
            prop_assert!(words.len() < 40, "{}", words);
            if let Some(until) = limit.until {
                let instant = crate::sentence::instant(until);
                prop_assert!(instant.len() < 40, "{}", instant);
            }
            let spent = Spent { retries, paced, elapsed: Duration::from_secs(elapsed) };
            for policy in [RetryPolicy::default(), RetryPolicy::default().max_wait(Duration::MAX).deadline(None)] {
                if let Ok(wait) = decide(&policy, &limit, spent, chance) {
                    prop_assert!(wait >= SHORTEST_WAIT && wait <= policy.max_wait);
                    prop_assert!(policy.deadline.is_none_or(|end| spent.elapsed.saturating_add(wait) <= end));
                }
            }
        }
    }
}

//! What a 429 means and how long to wait.
//!
//! Zoom's documentation of a live stream's status says it in words: "if the live stream has not already started,
//! retry making a new request after 30 seconds". [`RetryPolicy`] holds what a caller may change of that, [`Resend`]
//! is what it is told before each resend. The decision itself is a pure function, [`decide`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Whether, how often and how long a call waits when Zoom answers 429.
///
/// | | default |
/// |---|---|
/// | [`resends`](Self::resends) | 3 |
/// | [`longest_wait`](Self::longest_wait) | 120 seconds |
/// | [`deadline`](Self::deadline) | 300 seconds for the whole call |
/// | [`check`](Self::check) | none: a refused call is sent again |
///
/// ```
/// use std::time::Duration;
/// use zoom_livestream::RetryPolicy;
///
/// let patient = RetryPolicy::default().resends(5).deadline(Duration::from_secs(600));
/// let never = RetryPolicy::never();
/// # let _ = (patient, never);
/// ```
#[derive(Clone)]
pub struct RetryPolicy {
    pub(crate) resends: u32,
    pub(crate) longest_wait: Duration,
    pub(crate) deadline: Option<Duration>,
    pub(crate) check: Option<Arc<Check>>,
    pub(crate) notify: Option<Arc<Notify>>,
}

pub(crate) type Check = dyn Fn(Resend) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync;
pub(crate) type Notify = dyn Fn(&Resend) + Send + Sync;

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            resends: 3,
            longest_wait: Duration::from_secs(120),
            deadline: Some(Duration::from_secs(300)),
            check: None,
            notify: None,
        }
    }
}

impl RetryPolicy {
    /// Waits for nothing: a 429 is the call's error at once.
    pub fn never() -> Self {
        Self::default().resends(0)
    }

    /// How often a call that Zoom answered with 429 is sent again; 0 switches it off.
    pub fn resends(mut self, resends: u32) -> Self {
        self.resends = resends;
        self
    }

    /// The longest single wait. A longer one is not begun: the call ends at once in an error that names it.
    pub fn longest_wait(mut self, longest: Duration) -> Self {
        self.longest_wait = longest;
        self
    }

    /// How long a call may take from its `.await` to its end, waits and attempts together.
    ///
    /// A wait that would end later is not begun, and an attempt's timeout is shortened to the time left.
    pub fn deadline(mut self, deadline: impl Into<Option<Duration>>) -> Self {
        self.deadline = deadline.into();
        self
    }

    /// Asked after each wait, before the call is sent again; `false` ends it in the 429's error, which says so.
    ///
    /// Zoom wants a start to be repeated only if the stream has not already started, and only the caller can know.
    ///
    /// ```
    /// # async fn has_started(path: &str) -> bool { false }
    /// let policy = zoom_livestream::RetryPolicy::default()
    ///     .check(|resend| async move { !has_started(&resend.path).await });
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

    /// Told of each wait as it begins, to show a countdown or count in a metric. It must not block.
    pub fn notify(mut self, notify: impl Fn(&Resend) + Send + Sync + 'static) -> Self {
        self.notify = Some(Arc::new(notify));
        self
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("resends", &self.resends)
            .field("longest_wait", &self.longest_wait)
            .field("deadline", &self.deadline)
            .field("check", &self.check.is_some())
            .field("notify", &self.notify.is_some())
            .finish()
    }
}

/// A call that was answered 429 and is about to be sent again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resend {
    /// The description's `operationId`.
    pub operation_id: &'static str,
    /// The request's path, the meeting's id in it.
    pub path: String,
    /// 1 for the first resend.
    pub number: u32,
    /// How long the call waits before it.
    pub wait: Duration,
    /// When it is sent.
    pub at: SystemTime,
}

/// What to do about an answer that was no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Send again after this long.
    Wait(Duration),
    /// The call ends in this answer's error.
    Stop(Stop),
}

/// Why a call is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The answer is no 429.
    NotLimited,
    /// The day's requests are used up.
    DailyLimit,
    /// The resends are used up, or there are none.
    NoResendLeft,
    /// The wait is longer than the policy allows.
    WaitTooLong,
    /// The wait would end after the call's deadline.
    PastDeadline,
    /// The caller's check said no.
    Unwanted,
    /// The answer names no wait, nor does the description.
    NoWaitKnown,
}

/// What a call has behind it when it is decided whether it is sent again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub resends: u32,
    pub elapsed: Duration,
}

/// Zoom's limits are per second and clocks differ: no wait is shorter, whatever an answer says.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Whether a call is sent again, and when.
pub(crate) fn decide(
    policy: &RetryPolicy,
    documented: Option<Duration>,
    status: StatusCode,
    headers: &HeaderMap,
    spent: Spent,
    now: SystemTime,
) -> Decision {
    if status != StatusCode::TOO_MANY_REQUESTS {
        return Decision::Stop(Stop::NotLimited);
    }
    if is_daily_limit(headers) {
        return Decision::Stop(Stop::DailyLimit);
    }
    if spent.resends >= policy.resends {
        return Decision::Stop(Stop::NoResendLeft);
    }
    let Some(wait) = asked_wait(documented, headers, now) else { return Decision::Stop(Stop::NoWaitKnown) };
    if wait > policy.longest_wait {
        return Decision::Stop(Stop::WaitTooLong);
    }
    match policy.deadline {
        Some(deadline) if spent.elapsed.saturating_add(wait) >= deadline => {
            Decision::Stop(Stop::PastDeadline)
        }
        _ => Decision::Wait(wait),
    }
}

/// The wait that a 429 asks for: its `Retry-After`, else the end of the current second's limit, else what the
/// description says in words. What cannot be read counts as not there.
pub(crate) fn asked_wait(
    documented: Option<Duration>,
    headers: &HeaderMap,
    now: SystemTime,
) -> Option<Duration> {
    let until = |instant: SystemTime| instant.duration_since(now).unwrap_or_default();
    let retry_after = || match retry_after(headers)? {
        RetryAfter::Seconds(seconds) => Some(Duration::from_secs(seconds)),
        RetryAfter::At(instant) => Some(until(instant)),
    };
    let reset = || {
        let per_second = text(headers, "x-ratelimit-type")?.eq_ignore_ascii_case("qps");
        let reset = text(headers, "x-ratelimit-reset")?.parse().ok()?;
        per_second.then(|| {
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(reset)).map_or(Duration::MAX, until)
        })
    };
    let wait = retry_after().or_else(reset).or(documented)?;
    Some(wait.max(SHORTEST_WAIT))
}

/// The instant before which Zoom wants no further request, when the answer's headers name one.
pub(crate) fn asked_instant(headers: &HeaderMap, now: SystemTime) -> Option<SystemTime> {
    match retry_after(headers)? {
        RetryAfter::Seconds(seconds) => now.checked_add(Duration::from_secs(seconds)),
        RetryAfter::At(instant) => Some(instant),
    }
}

fn is_daily_limit(headers: &HeaderMap) -> bool {
    text(headers, "x-ratelimit-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("daily"))
}

enum RetryAfter {
    Seconds(u64),
    At(SystemTime),
}

/// Seconds and HTTP-date are RFC 9110's (section 10.2.3); the ISO 8601 instant is Zoom's.
fn retry_after(headers: &HeaderMap) -> Option<RetryAfter> {
    let text = text(headers, RETRY_AFTER.as_str())?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only a number too long for 64 bits fails here: longer than any wait.
        return Some(RetryAfter::Seconds(text.parse().unwrap_or(u64::MAX)));
    }
    let instant =
        httpdate::parse_http_date(text).ok().or_else(|| humantime::parse_rfc3339_weak(text).ok())?;
    Some(RetryAfter::At(instant))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_590_883_200) // 2020-05-31T00:00:00Z
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value")))
            .collect()
    }

    fn decide_at(policy: &RetryPolicy, pairs: &[(&'static str, &str)], spent: (u32, u64)) -> Decision {
        let spent = Spent { resends: spent.0, elapsed: Duration::from_secs(spent.1) };
        let documented = Some(Duration::from_secs(30));
        decide(policy, documented, StatusCode::TOO_MANY_REQUESTS, &headers(pairs), spent, now())
    }

    #[test]
    fn a_429_names_its_wait_in_this_order() {
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
            (&qps("-1"), 30),
            (&qps("nonsense"), 30),
            (&[("x-ratelimit-reset", "1590883205")], 30),
            (&[("x-ratelimit-type", "Light"), ("x-ratelimit-reset", "1590883205")], 30),
            (&[("retry-after", "7"), ("x-ratelimit-type", "QPS"), ("x-ratelimit-reset", "1590883205")], 7),
            (&[("retry-after", "?"), ("x-ratelimit-type", "qps"), ("x-ratelimit-reset", "1590883205")], 5),
        ] {
            let decision = decide_at(&RetryPolicy::default(), pairs, (0, 0));
            assert_eq!(decision, Decision::Wait(Duration::from_secs(seconds)), "{pairs:?}");
        }
    }

    #[test]
    fn a_huge_wait_is_not_begun() {
        for value in ["121", "18446744073709551615", "99999999999999999999999999", "9999-12-31T23:59:59Z"] {
            let decision = decide_at(&RetryPolicy::default(), &[("retry-after", value)], (0, 0));
            assert_eq!(decision, Decision::Stop(Stop::WaitTooLong), "{value}");
        }
        let reset = [("x-ratelimit-type", "QPS"), ("x-ratelimit-reset", "18446744073709551615")];
        let decision = decide_at(&RetryPolicy::default(), &reset, (0, 0));
        assert_eq!(decision, Decision::Stop(Stop::WaitTooLong));
        let unlimited = RetryPolicy::default().longest_wait(Duration::MAX).deadline(None);
        let decision = decide_at(&unlimited, &[("retry-after", "18446744073709551615")], (0, 0));
        assert_eq!(decision, Decision::Wait(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn a_daily_limit_is_returned_at_once_with_the_instant_it_ends() {
        let limit = [("x-ratelimit-type", "Daily-limit"), ("retry-after", "2020-06-01T00:00:00Z")];
        assert_eq!(decide_at(&RetryPolicy::default(), &limit, (0, 0)), Decision::Stop(Stop::DailyLimit));
        let ends = now() + Duration::from_secs(86_400);
        assert_eq!(asked_instant(&headers(&limit), now()), Some(ends));
    }

    #[test]
    fn resends_and_the_deadline_end() {
        let policy = RetryPolicy::default();
        assert_eq!(decide_at(&policy, &[], (2, 0)), Decision::Wait(Duration::from_secs(30)));
        assert_eq!(decide_at(&policy, &[], (3, 0)), Decision::Stop(Stop::NoResendLeft));
        assert_eq!(decide_at(&RetryPolicy::never(), &[], (0, 0)), Decision::Stop(Stop::NoResendLeft));
        assert_eq!(decide_at(&policy, &[], (0, 269)), Decision::Wait(Duration::from_secs(30)));
        assert_eq!(decide_at(&policy, &[], (0, 270)), Decision::Stop(Stop::PastDeadline));
        assert_eq!(decide_at(&policy, &[], (0, u64::MAX)), Decision::Stop(Stop::PastDeadline));
        assert_eq!(
            decide_at(&policy.deadline(None), &[], (0, u64::MAX)),
            Decision::Wait(Duration::from_secs(30))
        );
    }

    #[test]
    fn only_a_429_is_a_limit() {
        let spent = Spent { resends: 0, elapsed: Duration::ZERO };
        for status in [200, 204, 300, 400, 401, 404, 408, 500, 502, 503, 504] {
            let status = StatusCode::from_u16(status).expect("status");
            let headers = headers(&[("retry-after", "1")]);
            let decision =
                decide(&RetryPolicy::default(), Some(SHORTEST_WAIT), status, &headers, spent, now());
            assert_eq!(decision, Decision::Stop(Stop::NotLimited), "{status}");
        }
    }

    #[test]
    fn without_any_wait_named_nothing_is_guessed() {
        let spent = Spent { resends: 0, elapsed: Duration::ZERO };
        let status = StatusCode::TOO_MANY_REQUESTS;
        let decision = decide(&RetryPolicy::default(), None, status, &HeaderMap::new(), spent, now());
        assert_eq!(decision, Decision::Stop(Stop::NoWaitKnown));
    }
}

//! Whether a call is sent again after a 429.
//!
//! [`decide`] is a pure function of what the answer says, a [`Limit`]. [`RetryPolicy`] is what callers can change about that, and [`Resend`] is what their
//! hooks are given before each retry.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::limit::{Kind, Limit};
use crate::operation::path_parameters;
use crate::{MeetingId, WebinarId};

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

    /// The longest wait the client will start. If Zoom asks for a longer one, the call fails at once with an error that
    /// says how long it is.
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
    pub fn unless<F, Ended>(self, unless: F) -> Self
    where
        F: Fn(Resend) -> Ended + Send + Sync + 'static,
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
    pub fn check<F, Answer>(self, check: F) -> Self
    where
        F: Fn(Resend) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = bool> + Send + 'static,
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
        f.debug_struct("RetryPolicy")
            .field("max_retries", &self.max_retries)
            .field("max_wait", &self.max_wait)
            .finish_non_exhaustive()
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
    pub at: SystemTime,
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

/// Why a call is not sent again after a 429.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The day's requests are used up.
    DailyLimit,
    /// The policy allows no further retry.
    NoRetryLeft,
    /// The wait is longer than the policy allows.
    WaitTooLong,
    /// The wait would end after the call's timeout.
    PastDeadline,
    /// The caller's `unless` ended the call.
    Ended(Ending),
    /// The caller's check returned `false`.
    Declined,
    /// The caller's check did not answer before the call's timeout.
    CheckTooSlow,
}

/// The retries that a call has used when the client decides whether to send it again, and the time that it has left.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// Retries after a per-second limit.
    pub paced: u32,
    /// Retries after any other limit.
    pub retries: u32,
    pub left: Duration,
}

/// How long to wait before the call is sent again, or why it is not. `chance` is a random number from 0 to 1.
pub(crate) fn decide(policy: &RetryPolicy, limit: &Limit, spent: Spent, chance: f64) -> Result<Duration, Stop> {
    let paced = limit.kind == Kind::PerSecond;
    if matches!(limit.kind, Kind::Daily | Kind::DailyOfUser) {
        return Err(Stop::DailyLimit);
    }
    if policy.max_retries == 0 || (!paced && spent.retries >= policy.max_retries) {
        return Err(Stop::NoRetryLeft);
    }
    if limit.wait.time > policy.max_wait {
        return Err(Stop::WaitTooLong);
    }
    let growth = if limit.asked_by.is_some() || paced { 0 } else { spent.retries.min(31) };
    // Nobody asked for a wait that has grown, so it stays within the policy.
    let wait = limit.wait.time.saturating_mul(1 << growth).min(policy.max_wait);
    let left = spent.left.saturating_sub(wait);
    // Half of it may still be added to the wait, and timers count in whole milliseconds: one has to be left.
    if left < Duration::from_millis(2) {
        return Err(Stop::PastDeadline);
    }
    // Calls that were refused together and came back together would be refused again, so they spread out, and further
    // with each retry. A wait that Zoom names is for one call. Half of the time left is for the attempt.
    let spread = match (paced, limit.asked_by.is_some()) {
        (true, _) => Duration::from_secs(2 << spent.paced.min(4)),
        (false, true) => Duration::ZERO,
        (false, false) => wait,
    };
    let spread = spread.min(left / 2).min(policy.max_wait - wait);
    Ok(wait + spread.mul_f64(chance.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limit::{CONCURRENT, DAY, DOCUMENTED, MEETING, SECOND, SHORTEST_WAIT, USERS_DAY, at, limit, now};

    fn spent(paced: u32, retries: u32, left: u64) -> Spent {
        Spent { paced, retries, left: Duration::from_secs(left) }
    }

    #[test]
    fn a_daily_limit_ends_the_call_and_says_when_it_resets() {
        let date = ("date", "Sun, 31 May 2020 14:00:00 GMT");
        for (sentence, pairs, until) in [
            (DAY, &[][..], at(1, 0)),
            (DAY, &[date], at(1, 0)),
            (USERS_DAY, &[("date", "Sat, 30 May 2020 23:59:59 GMT")], at(0, 0)),
            (DAY, &[date, ("retry-after", "2020-06-01T06:00:00Z")], at(1, 6 * 3600)),
            (DAY, &[date, ("retry-after", "2020-05-30T00:00:00Z")], now() - Duration::from_secs(86_400)),
            ("", &[("x-ratelimit-type", "Daily-limit"), date], at(1, 0)),
        ] {
            let read = limit(pairs, sentence, DOCUMENTED);
            assert_eq!(read.wait.until, until, "{sentence} {pairs:?}");
            let decision = decide(&RetryPolicy::default(), &read, spent(0, 0, 300), 0.0);
            assert_eq!(decision, Err(Stop::DailyLimit), "{pairs:?}");
        }
    }

    #[test]
    fn a_huge_wait_is_not_started() {
        for value in ["121", "18446744073709551615", "99999999999999999999999999", "9999-12-31T23:59:59Z"] {
            let read = limit(&[("retry-after", value)], "", None);
            let decision = decide(&RetryPolicy::default(), &read, spent(0, 0, 300), 0.0);
            assert_eq!(decision, Err(Stop::WaitTooLong), "{value}");
            let patient = RetryPolicy::default().max_wait(Duration::MAX);
            let decision = decide(&patient, &read, Spent { left: Duration::MAX, ..Spent::default() }, 0.0);
            assert_eq!(decision, Ok(read.wait.time), "{value}");
        }
    }

    #[test]
    fn retries_end_at_their_limit_and_at_the_deadline() {
        let policy = RetryPolicy::default();
        let start = limit(&[], MEETING, DOCUMENTED);
        let after = |policy: &RetryPolicy, retries, left| decide(policy, &start, spent(0, retries, left), 0.9);
        assert_eq!(after(&policy, 2, 300), Ok(Duration::from_secs(30)), "a wait that is given has no jitter");
        assert_eq!(after(&policy, 3, 300), Err(Stop::NoRetryLeft));
        assert_eq!(after(&RetryPolicy::never(), 0, 300), Err(Stop::NoRetryLeft));
        assert_eq!(after(&policy, 0, 31), Ok(Duration::from_secs(30)));
        assert_eq!(after(&policy, 0, 30), Err(Stop::PastDeadline));
        assert_eq!(after(&policy, 0, 0), Err(Stop::PastDeadline));
    }

    #[test]
    fn waits_that_zoom_did_not_give_grow_and_spread() {
        for (sentence, first) in [("", 1), (CONCURRENT, 2)] {
            let read = limit(&[], sentence, None);
            let policy = RetryPolicy::default().max_retries(u32::MAX);
            for (retries, wait) in [(0, first), (1, 2 * first), (2, 4 * first), (3, 8 * first)] {
                let after = |chance| decide(&policy, &read, spent(0, retries, 300), chance);
                assert_eq!(after(0.0), Ok(Duration::from_secs(wait)), "{sentence}");
                assert_eq!(after(1.0), Ok(Duration::from_secs(2 * wait)), "{sentence}");
            }
            let last = decide(&policy, &read, spent(0, 40, 300), 1.0);
            assert_eq!(last, Ok(policy.max_wait), "growth ends at `max_wait`");
        }
    }

    #[test]
    fn waits_for_a_per_second_limit_spread_ever_wider_until_the_deadline() {
        let limit = limit(&[], SECOND, DOCUMENTED);
        let after = |paced, left, chance| {
            let spent = Spent { retries: 99, paced, left: Duration::from_secs(left) };
            decide(&RetryPolicy::default(), &limit, spent, chance)
        };
        for (paced, span) in [(0, 2), (1, 4), (2, 8), (3, 16), (4, 32), (5, 32), (u32::MAX, 32)] {
            assert_eq!(after(paced, 300, 0.0), Ok(Duration::from_secs(1)));
            assert_eq!(after(paced, 300, 0.5), Ok(Duration::from_secs(1 + span / 2)));
            assert_eq!(after(paced, 300, 1.0), Ok(Duration::from_secs(1 + span)));
        }
        assert_eq!(after(9, 5, 0.5), Ok(Duration::from_secs(2)), "half of what is left is for the attempt");
        assert_eq!(after(9, 1, 0.0), Err(Stop::PastDeadline));
        let short = RetryPolicy::default().max_wait(Duration::from_secs(6));
        assert_eq!(decide(&short, &limit, spent(9, 0, 300), 1.0), Ok(Duration::from_secs(6)), "`max_wait` holds");
        let never = decide(&RetryPolicy::never(), &limit, spent(0, 0, 300), 0.0);
        assert_eq!(never, Err(Stop::NoRetryLeft));
    }

    /// Real headers, plausible headers, and headers that no server should send.
    fn header() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,40}",
            "[0-9]{1,3}(, ?[0-9.]{1,4}){0,3}",
            any::<i128>().prop_map(|number| number.to_string()),
            any::<u64>().prop_map(|number| number.to_string()),
            (0..1_u64 << 40).prop_map(|number| number.to_string()),
            any::<u32>().prop_map(|number| number.to_string()),
            (0..20_000_u32, 0..99_u32, 0..99_u32, 0..99_u32)
                .prop_map(|(year, month, day, hour)| format!("{year:04}-{month:02}-{day:02}T{hour:02}:00:00Z")),
            (0..99_u32, 0..20_000_u32).prop_map(|(day, year)| format!("Sun, {day:02} May {year:04} 00:00:09 GMT")),
            Just("QPS".to_owned()),
            Just("Daily-limit".to_owned()),
        ]
    }

    /// Zoom's sentences, with anything in between.
    fn sentence() -> impl Strategy<Value = String> {
        let known = prop::sample::select(vec![MEETING, SECOND, DAY, USERS_DAY, CONCURRENT, "second", "9 seconds"]);
        prop_oneof![
            any::<String>(),
            (known, any::<String>()).prop_map(|(known, other)| format!("{other}{known}{other}")),
        ]
    }

    proptest! {
        #[test]
        fn no_answer_causes_a_panic_or_a_wait_below_one_second(
            values in prop::collection::vec((0..5_usize, header()), 0..5), sentence in sentence(),
            retries in any::<u32>(), paced in any::<u32>(), left in any::<u64>(), chance in any::<f64>(),
        ) {
            let names = ["retry-after", "x-ratelimit-type", "x-ratelimit-remaining", "date", "retry-after"];
            let pairs: Vec<_> = values.iter().map(|(name, value)| (names[*name], &**value)).collect();
            for documented in [DOCUMENTED, None] {
                let limit = limit(&pairs, &sentence, documented);
                prop_assert!(limit.wait.time >= SHORTEST_WAIT);
                let words = crate::sentence::how_long(limit.wait.time, limit.wait.until);
                prop_assert!(words.len() < 40, "{}", words);
                let instant = crate::sentence::instant(limit.wait.until);
                prop_assert!(instant.len() < 40, "{}", instant);
                let spent = spent(paced, retries, left);
                for policy in [RetryPolicy::default(), RetryPolicy::default().max_wait(Duration::MAX)] {
                    if let Ok(wait) = decide(&policy, &limit, spent, chance) {
                        prop_assert!(wait >= SHORTEST_WAIT && wait <= policy.max_wait && wait <= spent.left);
                    }
                }
            }
        }
    }
}

//! What a 429 means and how long to wait.
//!
//! Zoom says in a sentence which limit was reached, and seldom in headers how long to wait. [`Limit`] reads both, [`decide`]
//! decides; both are pure functions. [`RetryPolicy`] is what callers can change about that, and [`Resend`] is what their
//! hooks are given before each retry.

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
    pub(crate) unless: Option<Arc<Unless>>,
    pub(crate) check: Option<Arc<Check>>,
    pub(crate) notify: Option<Arc<Notify>>,
}

pub(crate) type Check = dyn Fn(Resend) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync;
pub(crate) type Unless = dyn Fn(Resend) -> Pin<Box<dyn Future<Output = Ending> + Send>> + Send + Sync;
pub(crate) type Notify = dyn Fn(&Resend) + Send + Sync;

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
            .field("unless", &self.unless.is_some())
            .field("check", &self.check.is_some())
            .field("notify", &self.notify.is_some())
            .finish()
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
    operation: &'static Operation,
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
        let at = later(SystemTime::now(), wait);
        Self { operation_id: operation.id, path, number, wait, at, operation, texts }
    }

    /// The meeting that the operation is about.
    pub fn meeting_id(&self) -> Option<MeetingId> {
        self.operation.path_parameter("meetingId", &self.path)?.parse().ok()
    }

    /// The webinar that the operation is about.
    pub fn webinar_id(&self) -> Option<WebinarId> {
        self.operation.path_parameter("webinarId", &self.path)?.parse().ok()
    }

    /// A text field of the body by Zoom's name for it, such as `action`. Fields that hold a secret are left out.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.texts.get(name)?.as_str()
    }
}

/// How long to wait, and the instant at which that ends, by the server's clock if the answer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub time: Duration,
    pub until: SystemTime,
}

impl Wait {
    fn new(time: Duration, until: SystemTime) -> Self {
        Self { time: time.max(SHORTEST_WAIT), until }
    }

    fn from_now(now: SystemTime, time: Duration) -> Self {
        Self::new(time, later(now, time))
    }
}

/// No wait is shorter than this, regardless of the answer, because Zoom's limits are per second and clocks differ.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// What Zoom's description asks for after a start of one meeting.
const MEETING_WAIT: Duration = Duration::from_secs(30);

/// The instant after this wait, or the first one after the year 9999 if that is earlier. How late an instant can be
/// depends on the system: on Windows, until the year 30828.
fn later(now: SystemTime, wait: Duration) -> SystemTime {
    let latest = SystemTime::UNIX_EPOCH + Duration::from_secs(LAST_SECOND_OF_9999 + 1);
    now.checked_add(wait).map_or(latest, |at| at.min(latest))
}

/// Which of Zoom's limits was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The account's requests per second: a short wait is enough, as long as the calls are not all retried at once.
    PerSecond,
    /// The account's requests per day.
    Daily,
    /// One user's requests per day.
    DailyOfUser,
    /// Starts of one meeting's stream.
    PerMeeting,
    /// The account's requests under way.
    Concurrent,
    /// Zoom did not say which, or not in English.
    Unknown,
}

impl Kind {
    /// The kind that Zoom's sentence names, in lower case.
    fn told(sentence: &str) -> Option<Self> {
        let has = |words: &str| sentence.contains(words);
        let kinds = [
            (has("daily") && has("user"), Self::DailyOfUser),
            (has("daily"), Self::Daily),
            (has("per-second") || has("per second"), Self::PerSecond),
            (has("concurrent"), Self::Concurrent),
            (has("too many requests") && has("live stream"), Self::PerMeeting),
        ];
        kinds.into_iter().find_map(|(is_told, kind)| is_told.then_some(kind))
    }

    /// The kind that the headers name, unless they are those of a limit that was not reached: an answer carries the
    /// account's, whichever limit refused it.
    fn labelled(headers: &HeaderMap) -> Option<Self> {
        let label = text(headers, "x-ratelimit-type")?.to_ascii_lowercase();
        let is_reached = text(headers, "x-ratelimit-remaining").is_none_or(|remaining| remaining == "0");
        let kinds = [(label.contains("daily"), Self::Daily), (label == "qps", Self::PerSecond)];
        kinds.into_iter().find_map(|(is_labelled, kind)| (is_reached && is_labelled).then_some(kind))
    }
}

/// What a 429 says about the limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub kind: Kind,
    pub wait: Wait,
    /// Whether Zoom said how long to wait: in the answer, or in its description of the operation.
    pub is_given: bool,
}

impl Limit {
    /// Reads an answer's headers and Zoom's `sentence`; `documented` is the wait that the description asks for after such a
    /// call. A header that cannot be read counts as absent.
    pub fn read(headers: &HeaderMap, sentence: &str, documented: Option<Duration>, now: SystemTime) -> Self {
        let sentence = sentence.to_lowercase();
        let kind = Kind::told(&sentence).or_else(|| Kind::labelled(headers)).unwrap_or(Kind::Unknown);
        let of = |time| Wait::from_now(now, time);
        let (wait, is_given) = match (kind, retry_after(headers, now)) {
            (Kind::PerMeeting, _) => (of(seconds_in(&sentence).or(documented).unwrap_or(MEETING_WAIT)), true),
            (_, Some(asked)) => (asked, true),
            (Kind::PerSecond, None) => (of(SHORTEST_WAIT), false),
            (Kind::Daily | Kind::DailyOfUser, None) => (until_midnight(date(headers).unwrap_or(now)), false),
            (Kind::Concurrent, None) => (of(2 * SHORTEST_WAIT), false),
            (Kind::Unknown, None) => (of(documented.unwrap_or(SHORTEST_WAIT)), documented.is_some()),
        };
        Self { kind, wait, is_given }
    }
}

/// The whole number before the word that begins with `second`.
fn seconds_in(sentence: &str) -> Option<Duration> {
    let number = sentence.split("second").next()?.split_whitespace().next_back()?;
    number.parse().ok().map(Duration::from_secs)
}

/// Daily limits reset at 00:00 UTC.
fn until_midnight(now: SystemTime) -> Wait {
    const DAY: Duration = Duration::from_secs(86_400);
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Wait::from_now(now, DAY - Duration::from_nanos((since_1970.as_nanos() % DAY.as_nanos()) as u64))
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
pub(crate) fn decide(
    policy: &RetryPolicy,
    limit: &Limit,
    spent: Spent,
    chance: f64,
) -> Result<Duration, Stop> {
    let paced = limit.kind == Kind::PerSecond;
    if matches!(limit.kind, Kind::Daily | Kind::DailyOfUser) {
        return Err(Stop::DailyLimit);
    }
    if policy.max_retries == 0 || (!paced && spent.retries >= policy.max_retries) {
        return Err(Stop::NoRetryLeft);
    }
    let growth = if limit.is_given || paced { 0 } else { spent.retries };
    let mut wait = limit.wait.time.saturating_mul(1_u32.checked_shl(growth).unwrap_or(u32::MAX));
    if growth > 0 {
        // Nobody asked for a wait that has grown, so it stays within the policy.
        wait = wait.min(policy.max_wait);
    }
    if wait > policy.max_wait {
        return Err(Stop::WaitTooLong);
    }
    let left = spent.left.saturating_sub(wait);
    if left.is_zero() {
        return Err(Stop::PastDeadline);
    }
    // Calls that were refused together and came back together would be refused again, so they spread out, and further
    // with each retry. A wait that Zoom names is for one call. Half of the time left is for the attempt.
    let spread = if paced {
        Duration::from_secs(2 << spent.paced.min(4))
    } else if limit.is_given {
        Duration::ZERO
    } else {
        wait
    };
    let spread = spread.min(left / 2).min(policy.max_wait - wait);
    Ok(wait + spread.mul_f64(chance.clamp(0.0, 1.0)))
}

/// The longest wait that the `Retry-After` headers ask for. There may be several, and each may be a list.
///
/// Seconds and HTTP-date are RFC 9110's (section 10.2.3); the ISO 8601 instant is Zoom's.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Wait> {
    let date = date(headers);
    let waits =
        headers.get_all("retry-after").iter().filter_map(|value| value.to_str().ok()).flat_map(|value| {
            let pieces: Vec<&str> = value.split(',').collect();
            // An HTTP-date has a comma of its own.
            let pairs = pieces.windows(2).map(|pair| pair.join(","));
            pieces.iter().map(|piece| (*piece).to_owned()).chain(pairs).collect::<Vec<_>>()
        });
    let waits = waits.filter_map(|text| match seconds(text.trim()) {
        Some(time) => Some(Wait::from_now(now, time)),
        // An instant is by the server's clock, so it is measured against the server's `Date`.
        None => instant(text.trim())
            .map(|until| Wait::new(until.duration_since(date.unwrap_or(now)).unwrap_or_default(), until)),
    });
    waits.max_by_key(|wait| (wait.time, wait.until))
}

/// Seconds, with or without a fraction. A number that is too large for a `Duration` counts as the longest.
fn seconds(text: &str) -> Option<Duration> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let fraction = || text.parse().ok().map(Duration::try_from_secs_f64);
    let seconds = text.parse().map(|seconds| Ok(Duration::from_secs(seconds))).ok().or_else(fraction);
    seconds.filter(|_| is_number).map(|seconds| seconds.unwrap_or(Duration::from_secs(u64::MAX)))
}

/// An instant as HTTP or ISO 8601 writes it, in any case.
fn instant(text: &str) -> Option<SystemTime> {
    let mut in_word = false;
    let capitalized = text.chars().map(|c| {
        let follows = std::mem::replace(&mut in_word, c.is_ascii_alphabetic());
        if follows { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }
    });
    let capitalized = capitalized.collect::<String>().replace("Gmt", "GMT");
    let http = httpdate::parse_http_date(&capitalized).ok();
    http.or_else(|| humantime::parse_rfc3339_weak(&text.to_ascii_uppercase()).ok())
}

/// When the answer was made, by the server's clock.
fn date(headers: &HeaderMap) -> Option<SystemTime> {
    instant(text(headers, "date")?)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DOCUMENTED: Option<Duration> = Some(Duration::from_secs(30));
    const MEETING: &str = "Too many requests submitted to start the live stream of this meeting: 84912345678. If the live \
                           stream has not already started, retry making a new request after 30 seconds.";
    const SECOND: &str = "You have reached the maximum per-second rate limit for this API. Try again later.";
    const DAY: &str = "You have reached the maximum daily rate limit for this API.";
    const USERS_DAY: &str = "You have exceeded the daily rate limit (100) of Meeting Create/Update API requests permitted for \
                             this particular user. You may resume these requests at GMT 00:00:00.";
    const CONCURRENT: &str =
        "Too many concurrent requests. A request to disassociate this user has already been made.";

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_590_883_200) // 2020-05-31T00:00:00Z
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs =
            pairs.iter().map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value")));
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value): (reqwest::header::HeaderName, _)| {
            headers.append(name, value);
        });
        headers
    }

    fn limit(pairs: &[(&'static str, &str)], sentence: &str, documented: Option<Duration>) -> Limit {
        Limit::read(&headers(pairs), sentence, documented, now())
    }

    fn spent(paced: u32, retries: u32, left: u64) -> Spent {
        Spent { paced, retries, left: Duration::from_secs(left) }
    }

    fn at(day: u64, second: u64) -> SystemTime {
        now() + Duration::from_secs(day * 86_400 + second)
    }

    #[test]
    fn the_sentence_tells_the_kind_and_else_the_headers_of_a_limit_that_is_used_up() {
        let of_account =
            |label, remaining| [("x-ratelimit-type", label), ("x-ratelimit-remaining", remaining)];
        for (sentence, pairs, kind) in [
            (MEETING, &of_account("QPS", "79")[..], Kind::PerMeeting),
            (MEETING, &of_account("Daily-limit", "0"), Kind::PerMeeting),
            (SECOND, &of_account("Daily-limit", "0"), Kind::PerSecond),
            (DAY, &of_account("QPS", "0"), Kind::Daily),
            (USERS_DAY, &of_account("QPS", "5893"), Kind::DailyOfUser),
            (CONCURRENT, &[], Kind::Concurrent),
            (&SECOND.to_uppercase(), &[], Kind::PerSecond),
            ("", &of_account("QPS", "0"), Kind::PerSecond),
            ("", &of_account("qps", " 0 "), Kind::PerSecond),
            ("", &[("x-ratelimit-type", "QPS")], Kind::PerSecond),
            ("", &of_account("QPS", "12"), Kind::Unknown),
            ("", &of_account("Daily-limit", "0"), Kind::Daily),
            ("", &of_account("Daily-limit", "5893"), Kind::Unknown),
            ("", &of_account("Light", "0"), Kind::Unknown),
            ("Demasiadas solicitudes.", &[], Kind::Unknown),
            ("Demasiadas solicitudes.", &of_account("QPS", "0"), Kind::PerSecond),
        ] {
            assert_eq!(limit(pairs, sentence, DOCUMENTED).kind, kind, "{sentence} {pairs:?}");
        }
    }

    #[test]
    fn each_kind_has_its_wait_and_retry_after_takes_its_place_except_for_a_meeting() {
        let asked = [("retry-after", "7")];
        for (sentence, documented, wait, is_given, with_header) in [
            (MEETING, DOCUMENTED, 30, true, 30),
            (MEETING, None, 30, true, 30),
            (
                "Too many requests to start this live stream: retry after 45 seconds.",
                DOCUMENTED,
                45,
                true,
                45,
            ),
            ("Too many requests to start this live stream.", DOCUMENTED, 30, true, 30),
            (SECOND, DOCUMENTED, 1, false, 7),
            (CONCURRENT, DOCUMENTED, 2, false, 7),
            ("Demasiadas solicitudes.", DOCUMENTED, 30, true, 7),
            ("Demasiadas solicitudes.", None, 1, false, 7),
            ("", None, 1, false, 7),
        ] {
            let read = limit(&[], sentence, documented);
            assert_eq!((read.wait.time.as_secs(), read.is_given), (wait, is_given), "{sentence}");
            assert_eq!(read.wait.until, at(0, wait), "{sentence}");
            let read = limit(&asked, sentence, documented);
            assert_eq!((read.wait.time.as_secs(), read.is_given), (with_header, true), "{sentence}");
        }
    }

    #[test]
    fn retry_after_is_read_in_every_form_and_the_longest_counts() {
        for (values, seconds) in [
            (&["7"][..], Some(7.0)),
            (&[" 7 "], Some(7.0)),
            (&["0"], Some(1.0)),
            (&["90.0"], Some(90.0)),
            (&["1.5"], Some(1.5)),
            (&["7, 30"], Some(30.0)),
            (&["7", "30", "9"], Some(30.0)),
            (&["soon, 30"], Some(30.0)),
            (&["Sun, 31 May 2020 00:00:09 GMT"], Some(9.0)),
            (&["sun, 31 may 2020 00:00:09 gmt"], Some(9.0)),
            (&["SUN, 31 MAY 2020 00:00:09 GMT"], Some(9.0)),
            (&["Sunday, 31-May-20 00:00:09 GMT"], Some(9.0)),
            (&["5, Sun, 31 May 2020 00:00:09 GMT"], Some(9.0)),
            (&["Sun, 31 May 2020 00:00:09 GMT, 12"], Some(12.0)),
            (&["Sun, 31 May 2020 00:00:09 GMT, Sun, 31 May 2020 00:00:13 GMT"], Some(13.0)),
            (&["2020-05-31T00:00:11Z"], Some(11.0)),
            (&["2020-05-31t00:00:11z"], Some(11.0)),
            (&["2020-05-31 00:00:11"], Some(11.0)),
            (&["Sat, 30 May 2020 23:00:00 GMT"], Some(1.0)),
            (&["2019-05-31T00:00:00Z"], Some(1.0)),
            (&["18446744073709551615"], Some(u64::MAX as f64)),
            (&["99999999999999999999999999"], Some(u64::MAX as f64)),
            (&["-5"], None),
            (&["+5"], None),
            (&["1e3"], None),
            (&["inf"], None),
            (&[""], None),
            (&["."], None),
            (&["soon"], None),
            (&["2020-99-99T00:00:00Z"], None),
        ] {
            let pairs: Vec<_> = values.iter().map(|value| ("retry-after", *value)).collect();
            let read = retry_after(&headers(&pairs), now()).map(|wait| wait.time.as_secs_f64());
            assert_eq!(read, seconds, "{values:?}");
        }
    }

    #[test]
    fn an_instant_is_measured_against_the_answers_date() {
        // Ten minutes ahead of and behind this machine's clock, and a date that is not one.
        for (date, until) in [
            ("Sun, 31 May 2020 00:10:00 GMT", "Sun, 31 May 2020 00:10:30 GMT"),
            ("Sat, 30 May 2020 23:50:00 GMT", "2020-05-30T23:50:30Z"),
            ("yesterday", "Sun, 31 May 2020 00:00:30 GMT"),
        ] {
            let read = retry_after(&headers(&[("date", date), ("retry-after", until)]), now());
            assert_eq!(read.map(|wait| wait.time), DOCUMENTED, "{date}");
        }
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
    fn an_instant_after_the_year_9999_is_the_same_on_every_system() {
        let first = now() + Duration::from_secs(LAST_SECOND_OF_9999 + 1 - 1_590_883_200);
        for value in ["251811417600", "999999999999", "18446744073709551615"] {
            assert_eq!(limit(&[("retry-after", value)], "", None).wait.until, first, "{value}");
            assert_eq!(later(now(), Duration::from_secs(value.parse().expect("seconds"))), first, "{value}");
        }
    }

    #[test]
    fn retries_end_at_their_limit_and_at_the_deadline() {
        let policy = RetryPolicy::default();
        let start = limit(&[], MEETING, DOCUMENTED);
        let after =
            |policy: &RetryPolicy, retries, left| decide(policy, &start, spent(0, retries, left), 0.9);
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
        assert_eq!(
            decide(&short, &limit, spent(9, 0, 300), 1.0),
            Ok(Duration::from_secs(6)),
            "`max_wait` holds"
        );
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
            (0..20_000_u32, 0..99_u32, 0..99_u32, 0..99_u32).prop_map(|(year, month, day, hour)| format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:00:00Z"
            )),
            (0..99_u32, 0..20_000_u32)
                .prop_map(|(day, year)| format!("Sun, {day:02} May {year:04} 00:00:09 GMT")),
            Just("QPS".to_owned()),
            Just("Daily-limit".to_owned()),
        ]
    }

    /// Zoom's sentences, with anything in between.
    fn sentence() -> impl Strategy<Value = String> {
        let known =
            prop::sample::select(vec![MEETING, SECOND, DAY, USERS_DAY, CONCURRENT, "second", "9 seconds"]);
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
                let words = crate::sentence::how_long(limit.wait.time, Some(limit.wait.until));
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

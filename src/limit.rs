//! What a 429 says about the limit that was reached, and whether and how long to wait: pure functions.
//!
//! Zoom's sentence tells which limit it was, and headers, if there are any, how long to wait.

use std::fmt;
use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;

use crate::retry::RetryPolicy;
use crate::sentence::{LAST_SECOND_OF_9999, instant as written, normalized};

/// How long to wait, and the instant at which that ends, by the server's clock if the answer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub time: Duration,
    pub until: SystemTime,
}

impl Wait {
    /// Capped at the first instant after the year 9999, so that a caller can add it to a time, and an error can print it. The
    /// system's own limit varies: on Windows, it is the year 30828.
    pub fn from_now(now: SystemTime, time: Duration) -> Self {
        let latest = SystemTime::UNIX_EPOCH + Duration::from_secs(LAST_SECOND_OF_9999 + 1);
        let until = now.checked_add(time.max(SHORTEST_WAIT)).map_or(latest, |at| at.min(latest));
        Self { time: until.duration_since(now).unwrap_or(SHORTEST_WAIT), until }
    }
}

/// `for 30 s`, or `until` an instant if the wait is too long to make sense in seconds.
impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.time.as_secs() + u64::from(self.time.subsec_nanos() > 0) {
            seconds @ ..=600 => write!(f, "for {seconds} s"),
            _ => write!(f, "until {}", written(self.until)),
        }
    }
}

/// No wait is shorter than this, regardless of the answer, because Zoom's limits are per second and clocks differ.
pub(crate) const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const ZOOMS_DOCUMENTATION: &str = "Zoom's documentation";

/// Which of Zoom's limits was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The account's requests per second: a short wait is enough, as long as the calls are not all retried at once.
    PerSecond,
    /// The requests per day of the `account`, or of one `user`.
    Daily(&'static str),
    /// Starts of one meeting's stream.
    PerMeeting,
    /// The account's requests under way.
    Concurrent,
    /// Zoom did not say which, or not in English.
    Unknown,
}

/// The kind that Zoom's sentence names, or a header's label.
fn named(words: &str) -> Option<Kind> {
    let words = normalized(words);
    let has = |name| words.contains(name);
    let kinds = [
        (has("daily"), Kind::Daily(if has("user") { "user" } else { "account" })),
        (has("persecond") || has("qps"), Kind::PerSecond),
        (has("concurrent"), Kind::Concurrent),
        (has("toomanyrequests") && has("livestream"), Kind::PerMeeting),
    ];
    kinds.into_iter().find_map(|(applies, kind)| applies.then_some(kind))
}

/// What a 429 says about the limit that was reached.
pub(crate) struct Limit {
    pub kind: Kind,
    pub wait: Wait,
    /// Who said how long to wait, if anybody did.
    pub asked_by: Option<&'static str>,
}

/// Reads an answer's headers and Zoom's `sentence`; `documented` is the wait that the description asks for after such a
/// call. A header that cannot be read counts as absent.
pub(crate) fn read(headers: &HeaderMap, sentence: &str, documented: Option<Duration>, now: SystemTime) -> Limit {
    // Every answer has the label of the account's limit, even if another limit refused the call: it counts only if that
    // limit is used up.
    let left = header(headers, "x-ratelimit-remaining").and_then(|left| left.parse::<f64>().ok());
    let label = header(headers, "x-ratelimit-type").filter(|_| left.is_none_or(|left| left <= 0.0));
    let kind = named(sentence).or_else(|| named(label?)).unwrap_or(Kind::Unknown);
    let of = |time| Wait::from_now(now, time);
    let (own, whose) = match kind {
        Kind::PerSecond => (of(SHORTEST_WAIT), None),
        Kind::Daily(_) => (until_midnight(header(headers, "date").and_then(instant).unwrap_or(now)), None),
        // Zoom's description asks for 30 seconds after a start. This covers requests that it does not describe.
        Kind::PerMeeting => (of(documented.unwrap_or(30 * SHORTEST_WAIT)), Some(ZOOMS_DOCUMENTATION)),
        Kind::Concurrent => (of(2 * SHORTEST_WAIT), None),
        Kind::Unknown => (of(documented.unwrap_or(SHORTEST_WAIT)), documented.map(|_| ZOOMS_DOCUMENTATION)),
    };
    let asked = if kind == Kind::PerMeeting { seconds_in(sentence).map(of) } else { retry_after(headers, now) };
    let (wait, asked_by) = asked.map_or((own, whose), |asked| (asked, Some("Zoom")));
    Limit { kind, wait, asked_by }
}

/// The number before the word that begins with `second`.
fn seconds_in(sentence: &str) -> Option<Duration> {
    let sentence = sentence.to_lowercase();
    let before = sentence.split_once("second")?.0.trim_end_matches(|c: char| !c.is_alphanumeric());
    seconds(before.rsplit(|c: char| !c.is_ascii_digit() && c != '.').next()?)
}

/// Daily limits reset at 00:00 UTC, by the server's clock.
fn until_midnight(now: SystemTime) -> Wait {
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Wait::from_now(now, Duration::from_secs((since_1970.as_secs() + 1).next_multiple_of(86_400)) - since_1970)
}

/// The longest wait that the `Retry-After` headers ask for. There may be several, and each may be a list.
///
/// Seconds and HTTP-date are RFC 9110's (section 10.2.3); the ISO 8601 instant is Zoom's.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Wait> {
    // A date follows the server's clock, so it is compared with the server's `Date`.
    let sent = header(headers, "date").and_then(instant).unwrap_or(now);
    let of = |time| Wait::from_now(now, time);
    let to =
        |end: SystemTime| Wait { time: end.duration_since(sent).unwrap_or_default().max(SHORTEST_WAIT), until: end };
    let values = headers.get_all("retry-after").iter().filter_map(|value| value.to_str().ok());
    let pieces: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
    // An HTTP-date has a comma of its own.
    let texts = pieces.windows(1).chain(pieces.windows(2)).map(|pieces| pieces.join(","));
    let waits = texts.filter_map(|text| seconds(text.trim()).map(of).or_else(|| instant(text.trim()).map(to)));
    waits.max_by_key(|wait| (wait.time, wait.until))
}

/// Seconds, with or without a fraction. A number that is too large for a `Duration` counts as the longest.
fn seconds(text: &str) -> Option<Duration> {
    let is_number = |_: &f64| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(is_number).map(|number| Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX))
}

/// An instant as HTTP or ISO 8601 writes it, in any case.
fn instant(text: &str) -> Option<SystemTime> {
    let is_inside = |at| text[..at].ends_with(|c: char| c.is_ascii_alphabetic());
    let cased = |(at, c): (usize, char)| if is_inside(at) { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() };
    let text = text.char_indices().map(cased).collect::<String>().replace("Gmt", "GMT");
    httpdate::parse_http_date(&text).ok().or_else(|| humantime::parse_rfc3339_weak(&text).ok())
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// The retries that a call has used when the client decides whether to send it again, and the time that it has left.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spent {
    /// Retries after a per-second limit.
    pub paced: u32,
    /// Retries after any other limit.
    pub retries: u32,
    pub left: Duration,
}

/// How long to wait before the call is sent again, or a sentence that says why it is not. `chance` is a random number from
/// 0 to 1.
pub(crate) fn decide(policy: &RetryPolicy, limit: &Limit, spent: Spent, chance: f64) -> Result<Duration, String> {
    let is_paced = limit.kind == Kind::PerSecond;
    // Nobody asked for a wait that has grown, so it stays within the policy.
    let grown = limit.wait.time.saturating_mul(1 << spent.retries.min(31)).min(policy.max_wait);
    // Calls that were refused together and came back together would be refused again, so they spread out, and further
    // with each retry. A wait that somebody asked for is for one call.
    let (wait, spread) = match limit.asked_by {
        _ if is_paced => (limit.wait.time, Duration::from_secs(2 << spent.paced.min(4))),
        Some(_) => (limit.wait.time, Duration::ZERO),
        None => (grown, grown),
    };
    let left = spent.left.saturating_sub(wait);
    let retries = if is_paced { 0 } else { spent.retries };
    let is_over = retries >= policy.max_retries || matches!(limit.kind, Kind::Daily(_));
    // The sentence has two beginnings, with and without somebody who said how long to wait. Each reason completes both.
    let (asked, unasked, words) = match limit.wait.time {
        _ if is_over => ("and ", "", "the retry policy allows no more retries"),
        time if time > policy.max_wait => ("", "any wait is ", "longer than the retry policy's `max_wait`"),
        // Half of what is left may still be added to the wait, and timers count in whole milliseconds: one has to be left.
        _ if left < Duration::from_millis(2) => ("which ", "a wait ", "would end after the call's deadline"),
        // Half of the remaining time is kept for the attempt.
        _ => return Ok(wait + spread.min(left / 2).min(policy.max_wait - wait).mul_f64(chance.clamp(0.0, 1.0))),
    };
    let until = written(limit.wait.until);
    Err(match (limit.kind, limit.asked_by) {
        (Kind::Daily(whose), _) => format!("The {whose}'s daily limit is used up; it resets at {until}"),
        (_, Some(who)) => format!("{who} asks you to wait {}, {asked}{words}", limit.wait),
        (_, None) => format!("Zoom did not say how long to wait, and {unasked}{words}"),
    })
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
    const CONCURRENT: &str = "Too many concurrent requests. A request to disassociate this user has already been made.";

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_590_883_200) // 2020-05-31T00:00:00Z
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value")));
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value): (reqwest::header::HeaderName, _)| {
            headers.append(name, value);
        });
        headers
    }

    fn limit(pairs: &[(&'static str, &str)], sentence: &str, documented: Option<Duration>) -> Limit {
        read(&headers(pairs), sentence, documented, now())
    }

    fn at(day: u64, second: u64) -> SystemTime {
        now() + Duration::from_secs(day * 86_400 + second)
    }

    #[test]
    fn the_sentence_tells_the_kind_and_else_the_headers_of_a_limit_that_is_over() {
        let of_account = |label, remaining| [("x-ratelimit-type", label), ("x-ratelimit-remaining", remaining)];
        for (sentence, pairs, kind) in [
            (MEETING, &of_account("QPS", "79")[..], Kind::PerMeeting),
            (MEETING, &of_account("Daily-limit", "0"), Kind::PerMeeting),
            (SECOND, &of_account("Daily-limit", "0"), Kind::PerSecond),
            (DAY, &of_account("QPS", "0"), Kind::Daily("account")),
            (USERS_DAY, &of_account("QPS", "5893"), Kind::Daily("user")),
            (CONCURRENT, &[], Kind::Concurrent),
            (&SECOND.to_uppercase(), &[], Kind::PerSecond),
            ("", &of_account("QPS", "0"), Kind::PerSecond),
            ("", &of_account("qps-limit", " 0 "), Kind::PerSecond),
            ("", &of_account("QPS", "-1"), Kind::PerSecond),
            ("", &of_account("QPS", ""), Kind::PerSecond),
            ("", &[("x-ratelimit-type", "QPS")], Kind::PerSecond),
            ("", &of_account("QPS", "12"), Kind::Unknown),
            ("", &of_account("Daily-limit", "0"), Kind::Daily("account")),
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
        for (sentence, documented, wait, asked_by, with_header) in [
            (MEETING, DOCUMENTED, 30, Some("Zoom"), 30),
            (MEETING, None, 30, Some("Zoom"), 30),
            ("Too many requests to start this live stream: retry after 45 seconds.", DOCUMENTED, 45, Some("Zoom"), 45),
            (
                "TOO MANY REQUESTS TO START THIS LIVE STREAM: RETRY AFTER 45\u{a0}SECONDS.",
                DOCUMENTED,
                45,
                Some("Zoom"),
                45,
            ),
            ("Too many requests to start this live stream. A 45-second pause is needed.", None, 45, Some("Zoom"), 45),
            ("Too many requests to start the live stream of 84912345678", None, 30, Some(ZOOMS_DOCUMENTATION), 30),
            ("Too many requests to start this live stream.", DOCUMENTED, 30, Some(ZOOMS_DOCUMENTATION), 30),
            (SECOND, DOCUMENTED, 1, None, 7),
            (CONCURRENT, DOCUMENTED, 2, None, 7),
            ("Demasiadas solicitudes.", DOCUMENTED, 30, Some(ZOOMS_DOCUMENTATION), 7),
            ("Demasiadas solicitudes.", None, 1, None, 7),
            ("", None, 1, None, 7),
        ] {
            let read = limit(&[], sentence, documented);
            assert_eq!((read.wait.time.as_secs(), read.asked_by), (wait, asked_by), "{sentence}");
            assert_eq!(read.wait.until, at(0, wait), "{sentence}");
            let read = limit(&asked, sentence, documented);
            assert_eq!(read.wait.time.as_secs(), with_header, "{sentence}");
        }
    }

    #[test]
    fn retry_after_is_read_in_every_form_and_the_longest_counts() {
        let longest = Some(Wait::from_now(now(), Duration::MAX).time.as_secs_f64());
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
            (&["18446744073709551615"], longest),
            (&["99999999999999999999999999"], longest),
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
    fn a_long_wait_is_given_as_the_instant_it_ends() {
        let century = now() + Duration::from_secs(300_000_000_000);
        for (time, until, words) in [
            (Duration::from_secs(30), now(), "for 30 s"),
            (Duration::from_millis(29_001), now(), "for 30 s"),
            (Duration::from_secs(600), now(), "for 600 s"),
            (Duration::from_secs(601), now(), "until 2020-05-31T00:00:00Z"),
            (Duration::from_secs(300_000_000_000), century, "until a time after the year 9999"),
        ] {
            assert_eq!(Wait { time, until }.to_string(), words);
        }
    }

    #[test]
    fn an_instant_after_the_year_9999_is_the_same_on_every_system() {
        let first = now() + Duration::from_secs(LAST_SECOND_OF_9999 + 1 - 1_590_883_200);
        for value in ["251811417600", "999999999999", "18446744073709551615"] {
            assert_eq!(limit(&[("retry-after", value)], "", None).wait.until, first, "{value}");
            let wait = Wait::from_now(now(), Duration::from_secs(value.parse().expect("seconds")));
            assert_eq!(wait.until, first, "{value}");
        }
    }

    const DAILY: &str = "daily limit is used up";
    const NO_RETRY_LEFT: &str = "the retry policy allows no more retries";
    const WAIT_TOO_LONG: &str = "longer than the retry policy's `max_wait`";
    const PAST_DEADLINE: &str = "would end after the call's deadline";

    fn decide(policy: &RetryPolicy, limit: &Limit, spent: Spent, chance: f64) -> Result<Duration, &'static str> {
        let ends = [DAILY, NO_RETRY_LEFT, WAIT_TOO_LONG, PAST_DEADLINE];
        let decision = super::decide(policy, limit, spent, chance);
        decision.map_err(|why| ends.into_iter().find(|end| why.contains(end)).expect("one of the reasons"))
    }

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
            assert_eq!(decision, Err(DAILY), "{pairs:?}");
        }
    }

    #[test]
    fn a_huge_wait_is_not_started() {
        for value in ["121", "18446744073709551615", "99999999999999999999999999", "9999-12-31T23:59:59Z"] {
            let read = limit(&[("retry-after", value)], "", None);
            let decision = decide(&RetryPolicy::default(), &read, spent(0, 0, 300), 0.0);
            assert_eq!(decision, Err(WAIT_TOO_LONG), "{value}");
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
        assert_eq!(after(&policy, 3, 300), Err(NO_RETRY_LEFT));
        assert_eq!(after(&RetryPolicy::never(), 0, 300), Err(NO_RETRY_LEFT));
        assert_eq!(after(&policy, 0, 31), Ok(Duration::from_secs(30)));
        assert_eq!(after(&policy, 0, 30), Err(PAST_DEADLINE));
        assert_eq!(after(&policy, 0, 0), Err(PAST_DEADLINE));
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
        assert_eq!(after(9, 1, 0.0), Err(PAST_DEADLINE));
        let short = RetryPolicy::default().max_wait(Duration::from_secs(6));
        assert_eq!(decide(&short, &limit, spent(9, 0, 300), 1.0), Ok(Duration::from_secs(6)), "`max_wait` holds");
        let never = decide(&RetryPolicy::never(), &limit, spent(0, 0, 300), 0.0);
        assert_eq!(never, Err(NO_RETRY_LEFT));
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
                let words = limit.wait.to_string();
                prop_assert!(words.len() < 40, "{}", words);
                let instant = written(limit.wait.until);
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

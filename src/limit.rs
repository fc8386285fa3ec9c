//! What a 429 says about the limit that was reached: Zoom's sentence tells which it was, and headers, if there are any, how
//! long to wait.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;

use crate::sentence::{LAST_SECOND_OF_9999, normalized};

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
        // Not longer than a time that can be told, so that a caller can add it to one.
        let until = later(now, time);
        Self::new(until.duration_since(now).unwrap_or_default(), until)
    }
}

/// No wait is shorter than this, regardless of the answer, because Zoom's limits are per second and clocks differ.
pub(crate) const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// What Zoom's description asks for after a start of one meeting.
const ZOOMS_DOCUMENTATION: &str = "Zoom's documentation";
const MEETING_WAIT: Duration = Duration::from_secs(30);

/// The instant after this wait, or the first one after the year 9999 if that is earlier. How late an instant can be
/// depends on the system: on Windows, until the year 30828.
pub(crate) fn later(now: SystemTime, wait: Duration) -> SystemTime {
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
    /// The kind that Zoom's sentence names, [normalized]. Without one, the kind that the headers name, unless they are
    /// those of a limit that was not reached: an answer carries the account's, whichever limit refused it.
    fn read(sentence: &str, headers: &HeaderMap) -> Self {
        let has = |words: &str| sentence.contains(words);
        let remaining = header(headers, "x-ratelimit-remaining").and_then(|remaining| remaining.parse().ok());
        let is_reached = remaining.is_none_or(|remaining: f64| remaining <= 0.0);
        let label = header(headers, "x-ratelimit-type").filter(|_| is_reached).unwrap_or_default().to_ascii_lowercase();
        let kinds = [
            (has("daily") && has("user"), Self::DailyOfUser),
            (has("daily"), Self::Daily),
            (has("persecond"), Self::PerSecond),
            (has("concurrent"), Self::Concurrent),
            (has("toomanyrequests") && has("livestream"), Self::PerMeeting),
            (label.contains("daily"), Self::Daily),
            (label.contains("qps"), Self::PerSecond),
        ];
        kinds.into_iter().find_map(|(applies, kind)| applies.then_some(kind)).unwrap_or(Self::Unknown)
    }
}

/// What a 429 says about the limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub kind: Kind,
    pub wait: Wait,
    /// Who said how long to wait, if anybody did.
    pub asked_by: Option<&'static str>,
}

impl Limit {
    /// Reads an answer's headers and Zoom's `sentence`; `documented` is the wait that the description asks for after such a
    /// call. A header that cannot be read counts as absent.
    pub fn read(headers: &HeaderMap, sentence: &str, documented: Option<Duration>, now: SystemTime) -> Self {
        let kind = Kind::read(&normalized(sentence), headers);
        let of = |time| Wait::from_now(now, time);
        let told = seconds_in(sentence).filter(|_| kind == Kind::PerMeeting);
        let (wait, asked_by) = match (kind, told.map(of), retry_after(headers, now)) {
            (Kind::PerMeeting, None, _) => (of(documented.unwrap_or(MEETING_WAIT)), Some(ZOOMS_DOCUMENTATION)),
            (_, Some(asked), _) | (_, None, Some(asked)) => (asked, Some("Zoom")),
            (Kind::PerSecond, ..) => (of(SHORTEST_WAIT), None),
            (Kind::Daily | Kind::DailyOfUser, ..) => (until_midnight(date(headers).unwrap_or(now)), None),
            (Kind::Concurrent, ..) => (of(2 * SHORTEST_WAIT), None),
            (Kind::Unknown, ..) => match documented {
                Some(documented) => (of(documented), Some(ZOOMS_DOCUMENTATION)),
                None => (of(SHORTEST_WAIT), None),
            },
        };
        Self { kind, wait, asked_by }
    }
}

/// The number before the word that begins with `second`.
fn seconds_in(sentence: &str) -> Option<Duration> {
    let sentence = sentence.to_lowercase();
    let before = sentence.split_once("second")?.0.trim_end_matches(|c: char| !c.is_alphanumeric());
    seconds(before.rsplit(|c: char| !c.is_ascii_digit() && c != '.').next()?)
}

/// Daily limits reset at 00:00 UTC.
fn until_midnight(now: SystemTime) -> Wait {
    const DAY: Duration = Duration::from_secs(86_400);
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Wait::from_now(now, DAY - Duration::from_nanos((since_1970.as_nanos() % DAY.as_nanos()) as u64))
}

/// The longest wait that the `Retry-After` headers ask for. There may be several, and each may be a list.
///
/// Seconds and HTTP-date are RFC 9110's (section 10.2.3); the ISO 8601 instant is Zoom's.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Wait> {
    let date = date(headers);
    let values = headers.get_all("retry-after").iter().filter_map(|value| value.to_str().ok());
    let pieces: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
    // An HTTP-date has a comma of its own.
    let texts = pieces.windows(1).chain(pieces.windows(2)).map(|pieces| pieces.join(","));
    let waits = texts.filter_map(|text| match seconds(text.trim()) {
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
    let seconds = text.parse().ok().filter(|_| is_number)?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// An instant as HTTP or ISO 8601 writes it, in any case.
fn instant(text: &str) -> Option<SystemTime> {
    let is_inside = |at: usize| at > 0 && text.as_bytes()[at - 1].is_ascii_alphabetic();
    let cased = |(at, c): (usize, char)| if is_inside(at) { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() };
    let capitalized = text.char_indices().map(cased).collect::<String>().replace("Gmt", "GMT");
    let http = httpdate::parse_http_date(&capitalized).ok();
    http.or_else(|| humantime::parse_rfc3339_weak(&text.to_ascii_uppercase()).ok())
}

/// When the answer was made, by the server's clock.
fn date(headers: &HeaderMap) -> Option<SystemTime> {
    instant(header(headers, "date")?)
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// What the tests of the decision share with those below.
#[cfg(test)]
pub(crate) use tests::{CONCURRENT, DAY, DOCUMENTED, MEETING, SECOND, USERS_DAY, at, limit, now};

#[cfg(test)]
mod tests {
    use super::*;

    pub const DOCUMENTED: Option<Duration> = Some(Duration::from_secs(30));
    pub const MEETING: &str = "Too many requests submitted to start the live stream of this meeting: 84912345678. If the live \
                           stream has not already started, retry making a new request after 30 seconds.";
    pub const SECOND: &str = "You have reached the maximum per-second rate limit for this API. Try again later.";
    pub const DAY: &str = "You have reached the maximum daily rate limit for this API.";
    pub const USERS_DAY: &str = "You have exceeded the daily rate limit (100) of Meeting Create/Update API requests permitted for \
                             this particular user. You may resume these requests at GMT 00:00:00.";
    pub const CONCURRENT: &str =
        "Too many concurrent requests. A request to disassociate this user has already been made.";

    pub fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_590_883_200) // 2020-05-31T00:00:00Z
    }

    pub fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value")));
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value): (reqwest::header::HeaderName, _)| {
            headers.append(name, value);
        });
        headers
    }

    pub fn limit(pairs: &[(&'static str, &str)], sentence: &str, documented: Option<Duration>) -> Limit {
        Limit::read(&headers(pairs), sentence, documented, now())
    }

    pub fn at(day: u64, second: u64) -> SystemTime {
        now() + Duration::from_secs(day * 86_400 + second)
    }

    #[test]
    fn the_sentence_tells_the_kind_and_else_the_headers_of_a_limit_that_is_used_up() {
        let of_account = |label, remaining| [("x-ratelimit-type", label), ("x-ratelimit-remaining", remaining)];
        for (sentence, pairs, kind) in [
            (MEETING, &of_account("QPS", "79")[..], Kind::PerMeeting),
            (MEETING, &of_account("Daily-limit", "0"), Kind::PerMeeting),
            (SECOND, &of_account("Daily-limit", "0"), Kind::PerSecond),
            (DAY, &of_account("QPS", "0"), Kind::Daily),
            (USERS_DAY, &of_account("QPS", "5893"), Kind::DailyOfUser),
            (CONCURRENT, &[], Kind::Concurrent),
            (&SECOND.to_uppercase(), &[], Kind::PerSecond),
            ("", &of_account("QPS", "0"), Kind::PerSecond),
            ("", &of_account("qps-limit", " 0 "), Kind::PerSecond),
            ("", &of_account("QPS", "-1"), Kind::PerSecond),
            ("", &of_account("QPS", ""), Kind::PerSecond),
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
        let longest = later(now(), Duration::MAX).duration_since(now()).ok().map(|time| time.as_secs_f64());
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
    fn an_instant_after_the_year_9999_is_the_same_on_every_system() {
        let first = now() + Duration::from_secs(LAST_SECOND_OF_9999 + 1 - 1_590_883_200);
        for value in ["251811417600", "999999999999", "18446744073709551615"] {
            assert_eq!(limit(&[("retry-after", value)], "", None).wait.until, first, "{value}");
            assert_eq!(later(now(), Duration::from_secs(value.parse().expect("seconds"))), first, "{value}");
        }
    }
}

//! IDs that are validated before they reach a URL.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Why a text or number is not an ID. Parsing or converting it to an ID returns this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidId(String);

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidId {}

/// An ID as it may appear in JSON.
#[derive(Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[serde(expecting = "a meeting or webinar ID is a positive whole number, or text that can be parsed as an ID")]
enum Given {
    Number(#[cfg_attr(feature = "schemars", schemars(range(min = 1, max = i64::MAX)))] u64),
    Text(String),
}

// `TryFrom<u64>` must be the only conversion from an integer: with a second one, rustc could not infer a literal's type
// and would read `84912345678` as an i32.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $($given:ty: $read:ident),*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        #[cfg_attr(feature = "schemars", schemars(inline, description = concat!("A Zoom ", $what, " ID")))]
        #[serde(try_from = "Given")]
        pub struct $name(#[cfg_attr(feature = "schemars", schemars(range(min = 1, max = i64::MAX)))] u64);

        impl $name {
            /// The ID as a number, from 1 to 2⁶³ − 1.
            pub fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                from_text(text, $what).map(Self)
            }
        }

        $(impl TryFrom<$given> for $name {
            type Error = InvalidId;

            fn try_from(given: $given) -> Result<Self, InvalidId> {
                $read(given, $what).map(Self)
            }
        })*
    };
}

id! {
    /// A meeting's ID: a positive 64-bit number, because Zoom's IDs do not fit into 32 bits.
    ///
    /// It is made from a number, or from text as people paste it: digits alone, digits in Zoom's groups (3-3-3, 3-3-4
    /// or 3-4-4, with one space or hyphen between groups), or a join URL.
    ///
    /// ```
    /// use zoom_livestream::MeetingId;
    ///
    /// let id = MeetingId::try_from(84912345678)?;
    /// assert_eq!(id, "849 1234 5678".parse()?);
    /// assert_eq!(id, "849-1234-5678".parse()?);
    /// assert_eq!(id, "https://example.zoom.us/j/84912345678?pwd=abc".parse()?);
    /// assert_eq!(id, "zoommtg://zoom.us/join?confno=84912345678".parse()?);
    /// assert!("../users/me".parse::<MeetingId>().is_err());
    ///
    /// // Most databases have no unsigned column: an `i64` takes one more step.
    /// let column: i64 = 84912345678;
    /// assert_eq!(id, u64::try_from(column)?.try_into()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// It is serialized as the number, and deserialized from a number or from text.
    MeetingId, "meeting", u64: from_number, &str: from_text, &String: from_text, String: from_text, Given: from_json
}

id! {
    /// A webinar's ID, which follows the same rules as a [`MeetingId`].
    WebinarId, "webinar", u64: from_number, &str: from_text, &String: from_text, String: from_text, Given: from_json
}

fn from_number(id: u64, what: &str) -> Result<u64, InvalidId> {
    let refused = || InvalidId(format!("{id} is not a {what} ID: it must be between 1 and 2^63 - 1"));
    (1..=i64::MAX as u64).contains(&id).then_some(id).ok_or_else(refused)
}

fn from_json(given: Given, what: &str) -> Result<u64, InvalidId> {
    match given {
        Given::Number(id) => from_number(id, what),
        Given::Text(text) => from_text(text, what),
    }
}

const GIVE_DIGITS: &str = "give its digits, alone or grouped as in 849 1234 5678, or the join URL";
const NO_ID_IN_URL: &str = "this URL has no ID, as is usual for registration pages and personal links: give the ID's \
                            digits, or a join URL with the ID after /j/ or /w/";

/// Reads an ID as people paste it.
fn from_text(text: impl AsRef<str>, what: &str) -> Result<u64, InvalidId> {
    let (text, pasted) = (text.as_ref(), text.as_ref().trim());
    let is_gap = |c: char| c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}');
    let lengths: Vec<usize> = pasted.split(is_gap).map(str::len).collect();
    // Alone, or in the groups in which Zoom shows an ID of 9, 10 or 11 digits.
    let grouped = matches!(lengths[..], [_] | [3, 3, 3 | 4] | [3, 4, 4]).then(|| pasted.replace(is_gap, ""));
    let in_url = Some(pasted).filter(|pasted| pasted.contains('/')).and_then(in_join_url);
    let (digits, advice) = in_url.map_or((grouped.unwrap_or_default(), GIVE_DIGITS), |id| (id, NO_ID_IN_URL));
    // Rust also parses a number with a plus sign, which no ID has.
    let id = digits.parse().ok().filter(|_| !digits.starts_with('+')).and_then(|id| from_number(id, what).ok());
    id.ok_or_else(|| InvalidId(format!("{} is not a {what} ID: {advice}", quoted(text))))
}

/// Whatever stands in the ID's place in a URL on one of Zoom's hosts, which may be nothing; `None` for any other URL.
///
/// `/j/ID` joins a meeting, `/w/ID` a webinar, `/s/ID` starts either, `/wc/ID/…` and `/wc/join/ID` are the browser's, and
/// `/meeting/ID` and `/webinar/ID` the host's. The app's own URLs (`zoommtg://`, on phones `zoomus://`) have the ID in
/// `confno`. Digits anywhere else are not an ID, such as those in `/webinar/register/6916160909874/WN_…`.
fn in_join_url(text: &str) -> Option<String> {
    let scheme = if text.contains("://") { "" } else { "https://" };
    let text = format!("{scheme}{text}").to_ascii_lowercase();
    let url = reqwest::Url::parse(&text).ok()?;
    let host = url.host_str()?;
    // A URL that parsing changes, or that names a user or a port, may not lead where it seems to.
    let is_verbatim = text.starts_with(&format!("{}://{host}{}", url.scheme(), url.path()))
        && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    let is_in = |domain| format!(".{host}").ends_with(domain);
    let is_zooms = [".zoom.us", ".zoom.com", ".zoom.com.cn", ".zoomgov.com"].into_iter().any(is_in);
    let segments: Vec<&str> = url.path().split('/').skip(1).collect();
    let in_query: Vec<_> = url.query_pairs().filter(|(name, _)| name == "confno").collect();
    let id = match (url.scheme(), &segments[..], &in_query[..]) {
        ("zoommtg" | "zoomus", _, [(_, id)]) => id,
        ("https" | "http", ["wc", "join", id, ..] | ["j" | "w" | "s" | "wc" | "meeting" | "webinar", id, ..], _) => *id,
        ("https" | "http" | "zoommtg" | "zoomus", ..) => "",
        _ => return None,
    };
    (is_zooms && is_verbatim).then(|| id.to_owned())
}

/// The part of a refused text that an error quotes: enough to recognize it, but neither a megabyte nor a URL's passwords,
/// which come before `@` and in the query.
fn quoted(text: &str) -> String {
    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let shown: String = host.chars().take_while(|c| !matches!(c, '?' | '#')).take(40).collect();
    let cut = if shown.len() < text.len() { "…" } else { "" };
    // `Debug` escapes what is invisible, except for these letters that look like a space.
    let blanks = ['\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}'];
    blanks.iter().fold(format!("{:?}", shown + cut), |quoted, c| quoted.replace(*c, &c.escape_unicode().to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn an_id_is_accepted_as_people_paste_it() {
        for text in [
            "84912345678",
            " 849 1234 5678\n",
            "\u{a0}84912345678\u{a0}",
            "849-1234-5678",
            "849\u{a0}1234\u{a0}5678",
            "849\u{2010}1234\u{2015}5678",
            "849\u{2011}1234\t5678",
            "https://zoom.us/j/84912345678",
            "http://zoom.us/j/84912345678/",
            "https://Zoom.us/j/84912345678",
            "https://zoom.com/j/84912345678",
            "https://zoom.com.cn/j/84912345678",
            "hku.zoom.com.cn/j/84912345678?pwd=x",
            "https://us02web.zoomgov.com/j/84912345678",
            "https://zoom.us/meeting/84912345678",
            "https://zoom.us/webinar/84912345678/edit",
            "zoomus://zoom.us/join?confno=84912345678&pwd=abc",
            "https://example.zoom.com/j/84912345678",
            "https://zoomgov.com/j/84912345678",
            "https://example.zoomgov.com/w/84912345678",
            "https://us02web.zoom.us/j/84912345678?pwd=c2VjcmV0#success",
            "https://example.zoom.us/w/84912345678?tk=abc",
            "https://zoom.us/s/84912345678",
            "https://app.zoom.us/wc/84912345678/join",
            "https://zoom.us/wc/join/84912345678",
            "zoom.us/j/84912345678",
            "Zoom.us/j/84912345678?pwd=abc",
            "us02web.zoom.us/w/84912345678#success",
            "zoommtg://zoom.us/join?confno=84912345678&pwd=abc",
            "zoommtg://us02web.zoom.us/start?action=start&confno=84912345678",
        ] {
            assert_eq!(text.parse::<MeetingId>().map(MeetingId::get), Ok(84_912_345_678), "{text:?}");
            assert_eq!(WebinarId::try_from(text).map(WebinarId::get), Ok(84_912_345_678), "{text:?}");
        }
        for text in ["849123456", "849 123 456", "849-123-456"] {
            assert_eq!(text.parse::<MeetingId>().map(MeetingId::get), Ok(849_123_456), "{text:?}");
        }
        for text in ["8491234567", "849 123 4567", "849-123-4567"] {
            assert_eq!(text.parse::<MeetingId>().map(MeetingId::get), Ok(8_491_234_567), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_an_id_is_refused_and_not_repaired() {
        for text in [
            "",
            " ",
            "0",
            "-1",
            "\u{2014}5",
            "1-",
            "-5x",
            "+5",
            "abc",
            "2026-11-21",
            "849  1234 5678",
            "849 12345678",
            "84 912 345678",
            "849 1234 567",
            "849 123 45678",
            "849-1234-5678-",
            "849\u{2212}1234\u{2212}5678", // the minus sign
            "849\u{200b}1234\u{200b}5678",
            "\u{feff}84912345678",
            "84912345678, 84912345679",
            "84912345678\n84912345679",
            "../users/me",
            "849/../1",
            "849%2F1",
            "9223372036854775808",
            "99999999999999999999999",
            "٣٤٥",
            "٣٤٥ ٣٤٥ ٣٤٥",
            "1.5",
            "https://evil.example/j/84912345678",
            "https://notzoom.us/j/1",
            "https://zoom.us.evil.example/j/1",
            "https://notzoom.com.cn/j/1",
            "https://zoom.com.cn.evil.example/j/1",
            "https://com.cn/j/1",
            "https://zoom.cn/j/1",
            "https://zoom.us/rec/share/84912345678",
            "https://zoom.us/my/84912345678",
            "https://zoom.us@evil.example/j/1",
            "https://evil.example@zoom.us/j/1",
            "https://zoom.us:8443/j/1",
            "https://zoom.us/\u{1f}j/1",
            "https://zoom.us/j/84912345678\u{1}",
            "https://zoom.us/j/84912345678\0",
            "zoommtg://zoom.us/join?confno=1\u{1}",
            "notzoom.us/j/1",
            "https://zoom.us/j/",
            "https://zoom.us/j/+1",
            "https://zoom.us/j/-1",
            "https://zoom.us/j/1%30",
            "https://zoom.us/j/849 1234 5678",
            "https://zoom.us/j/849\n12345678",
            "https://zoom.us/j/84912345678?a=b https://zoom.us/j/84912345679",
            "https://zoom.us/x/../j/84912345678",
            "https:\\\\zoom.us/j/84912345678",
            "https:/zoom.us/j/84912345678",
            "https://\u{ff5a}oom.us/j/1",
            "https://zoom.us/my/room",
            "javascript://zoom.us/j/1",
            "ftp://zoom.us/j/1",
            "zoommtg://zoom.us/join",
            "zoommtg://zoom.us/join?confno=",
            "zoommtg://zoom.us/join?confno=1&confno=2",
            "zoommtg://evil.example/join?confno=1",
            "https://zoom.us/join?confno=1",
        ] {
            let error = text.parse::<MeetingId>().expect_err(text);
            assert!(error.to_string().contains("is not a meeting ID"), "{error}");
            let error = WebinarId::try_from(text).expect_err(text);
            assert!(error.to_string().contains("is not a webinar ID"), "{error}");
        }
        assert!(MeetingId::try_from(0).is_err());
        assert!(MeetingId::try_from(1 << 63).is_err());
    }

    #[test]
    fn a_url_of_zooms_without_an_id_is_told_from_one_that_is_not_zooms() {
        for (url, has_zooms_host) in [
            ("https://us02web.zoom.us/webinar/register/WN_abc123", true),
            ("https://us02web.zoom.us/webinar/register/6916160909874/WN_abc123", true),
            ("https://zoom.us/meeting/register/tJ0abc", true),
            ("https://zoom.us/meeting/register/84912345678", true),
            ("https://zoom.us/my/room?pwd=abc", true),
            ("zoom.us/my/84912345678", true),
            ("https://zoom.com.cn/j/room", true),
            ("https://zoomgov.com/", true),
            ("https://events.zoom.us/ev/AbC", true),
            ("zoommtg://zoom.us/join", true),
            ("zoommtg://zoom.us", true),
            ("https://zoom.us.evil.example/my/room", false),
            ("https://zoom.us@evil.example/my/room", false),
            ("https://notzoom.com.cn/my/room", false),
            ("ftp://zoom.us/my/room", false),
            ("my/room", false),
        ] {
            let error = url.parse::<WebinarId>().expect_err(url).to_string();
            assert_eq!(error.contains("this URL has no ID"), has_zooms_host, "{error}");
            assert_eq!(error.contains("alone or grouped"), !has_zooms_host, "{error}");
        }
    }

    #[test]
    fn a_quotation_shows_invisible_characters_and_no_password() {
        for (text, shown) in [
            ("my meeting", r#""my meeting""#),
            ("Réunion", r#""Réunion""#),
            ("849\u{200b}\u{a0}\u{feff}\u{ad}1", r#""849\u{200b}\u{a0}\u{feff}\u{ad}1""#),
            ("\u{202e}876\u{3164}\u{2800}\t", r#""\u{202e}876\u{3164}\u{2800}\t""#),
            ("https://zoom.us/x/1?pwd=hunter2", r#""https://zoom.us/x/1…""#),
            ("https://zoom.us/x/1#hunter2", r#""https://zoom.us/x/1…""#),
        ] {
            assert_eq!(quoted(text), shown);
        }
        assert_eq!(quoted(&"é".repeat(1 << 20)), format!("\"{}…\"", "é".repeat(40)));
    }

    #[test]
    fn an_id_is_serialized_as_the_number_and_deserialized_from_number_or_text() {
        let id = MeetingId::try_from(84_912_345_678).expect("an ID");
        assert_eq!(serde_json::to_string(&id).expect("JSON"), "84912345678");
        for json in ["84912345678", r#""84912345678""#, r#""849 1234 5678""#, r#""zoom.us/j/84912345678""#] {
            assert_eq!(serde_json::from_str::<MeetingId>(json).expect(json), id);
        }
        for (json, words) in [
            ("0", "0 is not a meeting ID"),
            (r#""2026-11-21""#, r#""2026-11-21" is not a meeting ID"#),
            ("-1", "a meeting or webinar ID is a positive whole number, or text"),
            ("1.0", "a meeting or webinar ID is a positive whole number, or text"),
            ("null", "a meeting or webinar ID is a positive whole number, or text"),
        ] {
            let error = serde_json::from_str::<MeetingId>(json).expect_err(json);
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[cfg(feature = "schemars")]
    #[test]
    fn the_json_schema_of_an_id_says_what_is_accepted_and_what_is_written() {
        use schemars::generate::SchemaSettings;

        let settings = SchemaSettings::draft2020_12;
        let number = serde_json::json!({
            "type": "integer", "format": "uint64", "minimum": 1, "maximum": i64::MAX
        });
        let taken = settings().for_deserialize().into_generator().into_root_schema_for::<WebinarId>();
        assert_eq!(taken.get("anyOf"), Some(&serde_json::json!([number, { "type": "string" }])));
        let given = settings().for_serialize().into_generator().into_root_schema_for::<WebinarId>();
        for (name, value) in number.as_object().expect("a schema") {
            assert_eq!(given.get(name), Some(value));
        }
        assert_eq!(given.get("description"), Some(&"A Zoom webinar ID".into()));
    }

    /// Whether a trimmed text that is not a URL consists of an ID's digits, with gaps only where Zoom writes them.
    fn is_written_as_an_id(text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        let gaps: Vec<usize> = (0..chars.len()).filter(|at| !chars[*at].is_ascii_digit()).collect();
        let is_gap = |at: &usize| {
            chars[*at].is_whitespace() || "-\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2015}".contains(chars[*at])
        };
        let in_groups = matches!((chars.len(), &gaps[..]), (11 | 12, [3, 7]) | (13, [3, 8]));
        !chars.is_empty() && (gaps.is_empty() || in_groups && gaps.iter().all(is_gap))
    }

    proptest! {
        #[test]
        fn each_id_is_read_back_from_its_text_and_json(number in 1..=i64::MAX as u64) {
            let id = MeetingId::try_from(number).expect("an ID");
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(format!("https://zoom.us/j/{id}?pwd=1").parse(), Ok(id));
            let json = serde_json::to_string(&id).expect("JSON");
            prop_assert_eq!(&json, &number.to_string());
            prop_assert_eq!(serde_json::from_str::<MeetingId>(&json).ok(), Some(id));
            prop_assert_eq!(serde_json::from_str::<MeetingId>(&format!("\"{json}\"")).ok(), Some(id));
        }

        #[test]
        fn digits_are_accepted_only_where_they_are_written_as_an_id(
            text in "[0-9]{0,4}([-+ \u{a0}\u{2010}-\u{2015}\u{2212}.,][0-9]{0,5}){0,3}",
            around in "[ \u{a0}\t\n]{0,2}",
        ) {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let expected = digits.parse().ok().filter(|id| *id > 0 && is_written_as_an_id(text.trim()));
            let read = format!("{around}{text}{around}").parse::<MeetingId>();
            prop_assert_eq!(read.ok().map(MeetingId::get), expected);
        }

        #[test]
        fn no_text_causes_a_panic_and_each_refusal_is_one_visible_line(
            text in prop_oneof![
                any::<String>(),
                prop::collection::vec(
                    select(vec!["https://", "zoom.us", "/", "j", "?", "#", "confno=", "zoommtg://", "1", "-", "..", "my"]), 0..9,
                ).prop_map(|parts| parts.concat()),
            ],
        ) {
            match text.parse::<MeetingId>() {
                Ok(id) => prop_assert!(text.contains(&id.to_string()) || !text.contains('/'), "{} {}", text, id),
                Err(error) => {
                    let sentence = error.to_string();
                    prop_assert!(!sentence.contains(char::is_control), "{:?}", sentence);
                    prop_assert!(sentence.len() < 1000);
                }
            }
        }
    }
}

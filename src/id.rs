//! Ids that check themselves before they reach a URL.

use std::fmt;
use std::str::FromStr;

/// Why a text or number is no id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidId(String);

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidId {}

// `TryFrom<u64>` stays the one conversion from an integer: a second one would leave the type of a literal open,
// and rustc would take `84912345678` for an i32.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The id as a number, from 1 to 2⁶³ − 1.
            pub fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl TryFrom<u64> for $name {
            type Error = InvalidId;

            fn try_from(id: u64) -> Result<Self, InvalidId> {
                match positive(id) {
                    Some(id) => Ok(Self(id)),
                    None => Err(InvalidId(format!("{id} is no {} id: it must lie between 1 and 2^63 - 1", $what))),
                }
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                match as_pasted(text) {
                    Some(id) => Ok(Self(id)),
                    None => Err(InvalidId(format!(
                        "{:?} is no {} id: give its digits (spaces and hyphens may stay) or the join URL",
                        excerpt(text), $what
                    ))),
                }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidId;

            fn try_from(text: &str) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl TryFrom<&String> for $name {
            type Error = InvalidId;

            fn try_from(text: &String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }
    };
}

id! {
    /// A meeting's id: positive and 64 bits wide, for Zoom's ids are longer than 32.
    ///
    /// It is made of a number, or of text as people paste it:
    ///
    /// ```
    /// use zoom_livestream::MeetingId;
    ///
    /// let id = MeetingId::try_from(84912345678)?;
    /// assert_eq!(id, "849 1234 5678".parse()?);
    /// assert_eq!(id, "849-1234-5678".parse()?);
    /// assert_eq!(id, "https://example.zoom.us/j/84912345678?pwd=abc".parse()?);
    /// assert!("../users/me".parse::<MeetingId>().is_err());
    /// # Ok::<(), zoom_livestream::InvalidId>(())
    /// ```
    MeetingId, "meeting"
}

id! {
    /// A webinar's id. All that [`MeetingId`] says holds for it too.
    WebinarId, "webinar"
}

fn positive(id: u64) -> Option<u64> {
    (id > 0 && i64::try_from(id).is_ok()).then_some(id)
}

fn as_pasted(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = if text.contains("://") { in_join_url(text)? } else { text.to_owned() };
    let is_gap = |c: char| c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}');
    let digits: String = text.chars().filter(|c| !is_gap(*c)).collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().and_then(positive)
}

/// `/j/ID` joins a meeting, `/w/ID` a webinar, `/s/ID` starts either, `/wc/ID/…` and `/wc/join/ID` are the browser's.
fn in_join_url(text: &str) -> Option<String> {
    let url = reqwest::Url::parse(text).ok()?;
    let host = url.host_str()?;
    let is_zoom =
        |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    if !["zoom.us", "zoom.com", "zoomgov.com"].into_iter().any(is_zoom) {
        return None;
    }
    let segments: Vec<&str> = url.path_segments()?.collect();
    match segments[..] {
        ["wc", "join", id, ..] | ["j" | "w" | "s" | "wc", id, ..] => Some(id.to_owned()),
        _ => None,
    }
}

/// What an error quotes of a refused text: enough to know it by, not a megabyte of it, nor a join URL's password.
fn excerpt(text: &str) -> String {
    let shown = text.split(['?', '#']).next().unwrap_or_default();
    let mut shown: String = shown.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// One segment of a path, for ids that are no numbers: never empty, `.` or `..`, and free of backslashes and
/// control characters, which a URL would take for slashes or lose without a word. All else is percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathSegment(String);

impl PathSegment {
    /// The segment before it is percent-encoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PathSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PathSegment {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        if text.is_empty()
            || text == "."
            || text == ".."
            || text.contains(|c: char| c == '\\' || c.is_control())
        {
            let reason = "it must not be empty, `.` or `..`, nor hold a backslash or control character";
            return Err(InvalidId(format!("{:?} is no id for a path: {reason}", excerpt(&text))));
        }
        Ok(Self(text))
    }
}

impl TryFrom<&str> for PathSegment {
    type Error = InvalidId;

    fn try_from(text: &str) -> Result<Self, InvalidId> {
        text.to_owned().try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_as_people_paste_it() {
        for text in [
            "84912345678",
            " 849 1234 5678\n",
            "849-1234-5678",
            "849\u{a0}1234\u{a0}5678",
            "849\u{2011}1234\u{2011}5678",
            "https://zoom.us/j/84912345678",
            "https://us02web.zoom.us/j/84912345678?pwd=c2VjcmV0#success",
            "https://example.zoom.us/w/84912345678?tk=abc",
            "https://zoom.us/s/84912345678",
            "https://app.zoom.us/wc/84912345678/join",
            "https://zoom.us/wc/join/84912345678",
        ] {
            assert_eq!(text.parse::<MeetingId>().map(MeetingId::get), Ok(84_912_345_678), "{text:?}");
            assert_eq!(WebinarId::try_from(text).map(WebinarId::get), Ok(84_912_345_678), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_positive_64_bit_number_is_no_id() {
        for text in [
            "",
            " ",
            "0",
            "-5x",
            "+5",
            "abc",
            "../users/me",
            "849/../1",
            "849%2F1",
            "9223372036854775808",
            "99999999999999999999999",
            "٣٤٥",
            "1.5",
            "https://evil.example/j/84912345678",
            "https://notzoom.us/j/1",
            "https://zoom.us/j/",
            "https://zoom.us/my/room",
            "javascript://zoom.us/j/x",
        ] {
            let error = text.parse::<MeetingId>().expect_err(text);
            assert!(error.to_string().contains("is no meeting id"), "{error}");
        }
        assert!(MeetingId::try_from(0).is_err());
        assert!(MeetingId::try_from(1 << 63).is_err());
    }

    #[test]
    fn a_refused_join_url_is_quoted_without_its_password() {
        let error = "https://zoom.us/x/1?pwd=hunter2".parse::<MeetingId>().expect_err("no join URL");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn a_path_segment_cannot_climb() {
        for text in ["", ".", "..", "a\r\nb", "\t", "..\\users"] {
            assert!(PathSegment::try_from(text).is_err(), "{text:?}");
        }
        assert_eq!(
            PathSegment::try_from("../users/me").map(|id| id.to_string()),
            Ok("../users/me".to_owned())
        );
    }
}

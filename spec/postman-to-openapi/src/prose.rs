//! Facts in prose: a response's error codes and wait, an operation's scopes and rate limit.

use std::collections::HashSet;

use serde::Serialize;

use crate::markdown;
use crate::text::{split_once_ignoring_case, split_while, split_within};

/// Where the exporter cuts off a saved response's name, in UTF-16 units.
const CUT: usize = 255;

/// A longer name, in bytes, is not searched for error codes.
const LONGEST_NAME: usize = 16 * 1024;

/// One of the service's own error codes, with its documentation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorCode {
    /// The code.
    pub code: i64,
    /// The messages for that code, joined into one text.
    pub message: String,
}

/// What a saved response's name says: the exporter writes the response's description there.
#[derive(Debug, Default, PartialEq)]
pub struct ResponseName {
    /// Markdown.
    pub description: String,
    /// The error codes, in the order of the text.
    pub codes: Vec<ErrorCode>,
    /// Whether the exporter cut off the text, so that codes may be missing.
    pub cut: bool,
}

/// Reads a saved response's name. A marker that only repeats the response's `status` is dropped.
pub fn response_name(name: &str, status: Option<u16>) -> ResponseName {
    let cut = name.len() >= CUT && name.encode_utf16().count() >= CUT;
    if name.len() > LONGEST_NAME {
        return ResponseName { description: markdown::tidy(name), codes: Vec::new(), cut: false };
    }
    let mut text = name;
    let stated;
    if let Some((before, number, after)) = label(text, "http status code")
        && before.trim().is_empty()
        && status.is_some_and(|status| i64::from(status) == number)
    {
        stated = after.trim_start_matches([' ', '\n']);
        text = stated;
    }
    let Some((prose, mut code, mut rest)) = label(text, "error code") else {
        return ResponseName { description: markdown::tidy(text), codes: Vec::new(), cut };
    };
    let mut codes: Vec<ErrorCode> = Vec::new();
    loop {
        let next = label(rest, "error code");
        let message = messages(next.map_or(rest, |(message, ..)| message));
        // A number at the end of the text may have lost its last digits.
        if !(cut && next.is_none() && message.is_empty() && !rest.starts_with(['`', '<', '*', '\n'])) {
            match codes.iter_mut().find(|known| known.code == code) {
                Some(known) => known.message = sentences(&[known.message.as_str(), message.as_str()]),
                None => codes.push(ErrorCode { code, message }),
            }
        }
        match next {
            Some((_, number, after)) => (code, rest) = (number, after),
            None => break,
        }
    }
    let prose = markdown::tidy(prose);
    let mut description = unmarked(&prose).to_owned();
    for ErrorCode { code, message } in &codes {
        description.push_str(if !description.contains("- Error code") && !description.is_empty() {
            "\n\n"
        } else {
            "\n"
        });
        description.push_str(&format!("- Error code `{code}`"));
        if !message.is_empty() {
            description.push_str(": ");
            description.push_str(&markdown::tidy(message));
        }
    }
    ResponseName { description: description.trim().to_owned(), codes, cut }
}

/// A text without the asterisks around it, if it is all bold.
fn unmarked(text: &str) -> &str {
    let inside = text.strip_prefix("**").and_then(|text| text.strip_suffix("**"));
    inside.filter(|inside| !inside.contains("**")).unwrap_or(text)
}

/// Finds `**Name:** `123`` in any formatting, and returns the text before it, the number, and the text after it.
fn label<'a>(text: &'a str, name: &str) -> Option<(&'a str, i64, &'a str)> {
    let mut rest = text;
    while let Some((skipped, behind)) = split_once_ignoring_case(rest, name) {
        let (before, _) = text.split_at_checked(text.len() - rest.len() + skipped.len())?;
        rest = behind;
        let after = behind.trim_start_matches(['s', ':', '*', ' ', '`']);
        let (digits, after) = split_while(after, |c| c.is_ascii_digit());
        let Ok(number) = digits.parse() else { continue };
        if before.ends_with(char::is_alphanumeric) {
            continue;
        }
        let before = before.trim_end_matches(['*', ' ']);
        let mut rest = after;
        for mark in ["`", "**", ":"] {
            rest = rest.strip_prefix(mark).unwrap_or(rest);
        }
        return Some((before, number, rest));
    }
    None
}

/// The messages for one code, joined into one text.
fn messages(text: &str) -> String {
    let text = breaks(text);
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.trim().trim_start_matches(['*', '-', ':', ' ']).trim_end_matches(['*', ' ']))
        .filter(|line| !line.is_empty())
        .collect();
    sentences(&lines)
}

fn sentences(parts: &[&str]) -> String {
    let mut joined = String::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if !joined.is_empty() {
            joined.push_str(if joined.ends_with(['.', '!', '?', ':', ';', ',']) { " " } else { ". " });
        }
        joined.push_str(part);
    }
    joined
}

/// Replaces `<br>` and similar tags with line breaks.
fn breaks(text: &str) -> String {
    markdown::replace_tags(text, |tag, _| {
        let name = split_within(tag.trim_start_matches('/'), 3).0.to_ascii_lowercase();
        (name.starts_with("br") || ["p", "li", "ul"].contains(&&*name)).then_some("\n")
    })
}

/// The wait that a 429 response asks for, in seconds: "retry … after 30 seconds".
pub fn retry_after(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    for sentence in text.split(['.', '\n', ';', '<']) {
        if !["retry", "try again", "wait", "new request"].iter().any(|word| sentence.contains(word)) {
            continue;
        }
        let words = sentence.split([' ', '-', '*', '`', '(', ')']).map(|word| word.trim_matches(','));
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        for (at, pair) in words.windows(2).enumerate() {
            let number = match pair[0] {
                "one" | "a" => Some(1),
                number => integer(number),
            };
            let unit = match pair[1] {
                "s" | "sec" | "secs" | "second" | "seconds" => 1,
                "min" | "mins" | "minute" | "minutes" => 60,
                "hour" | "hours" => 3600,
                _ => continue,
            };
            let led = at > 0 && words[..at].iter().rev().take(3).any(|word| LEADS.contains(word));
            if let (Some(number), true) = (number, led) {
                return number.checked_mul(unit);
            }
        }
    }
    None
}

/// `1000` or `1,000`.
fn integer(text: &str) -> Option<u64> {
    let mut groups = text.split(',');
    let is_grouped =
        groups.next().is_some_and(|first| (1..=3).contains(&first.len())) && groups.all(|group| group.len() == 3);
    let joined = if is_grouped { text.replace(',', "") } else { text.to_owned() };
    joined.parse().ok()
}

/// The words before a wait. "100 requests per 10 seconds" is not one.
const LEADS: [&str; 8] = ["after", "in", "wait", "waiting", "for", "least", "within", "another"];

/// The maximum length of a list of scopes, in bytes, so that reading long texts does not take quadratic time.
const LONGEST_LIST: usize = 2048;

/// The scopes listed after `Scopes:` in an operation's description, in order.
pub fn scopes(description: &str) -> Vec<String> {
    let (mut scopes, mut known) = (Vec::new(), HashSet::new());
    let mut rest = description;
    while let Some((_, behind)) = split_once_ignoring_case(rest, "scope") {
        rest = behind;
        let after = behind.trim_start_matches('s').trim_start_matches('*');
        let Some(list) = after.strip_prefix(':') else { continue };
        let whole = list.trim_start_matches(['*', ' ']);
        let (list, _) = split_within(whole, LONGEST_LIST);
        let list = list.split('\n').next().unwrap_or_default();
        let list = split_once_ignoring_case(list, "<br").map_or(list, |(list, _)| list);
        let list = list.split("**").next().unwrap_or_default();
        rest = whole.strip_prefix(list).unwrap_or_default();
        let ticked: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        let found: Vec<&str> = if ticked.is_empty() {
            list.split([',', ' ', '<']).map(str::trim).filter(|word| word.contains([':', '.'])).collect()
        } else {
            ticked.iter().flat_map(|ticked| ticked.split([',', ' '])).collect()
        };
        for scope in found {
            let scope = scope.trim_end_matches(['.', ',']);
            let sound =
                !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":._/-".contains(&byte));
            if sound && known.insert(scope) {
                scopes.push(scope.to_owned());
            }
        }
    }
    scopes
}

/// The rate limit in an operation's description: `` **[Rate Limit Label](…):** `Light` ``.
pub fn rate_limit(description: &str) -> Option<String> {
    let (_, after) = split_once_ignoring_case(description, "rate limit label")?;
    let line = after.split('\n').next()?;
    let label = line.split('`').nth(1)?.trim();
    (!label.is_empty() && label.len() < 64).then(|| label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(code: i64, message: &str) -> ErrorCode {
        ErrorCode { code, message: message.to_owned() }
    }

    #[test]
    fn one_status_can_carry_several_codes() {
        let answer = response_name(
            "**HTTP Status Code:** `400` **Bad Request**<br>\n**Error Code:** `300` <br>\n* No such id.<br>\n* Invalid id.<br>\n\
             **Error Code:** `3001` No webinar: {webinarId}.<br>\n**Error Code:**`1010`<br>Other account.\n",
            Some(400),
        );
        assert_eq!(
            answer.codes,
            [
                code(300, "No such id. Invalid id."),
                code(3001, "No webinar: {webinarId}."),
                code(1010, "Other account.")
            ]
        );
        assert_eq!(
            answer.description,
            "Bad Request\n\n- Error code `300`: No such id. Invalid id.\n- Error code `3001`: No webinar: `{webinarId}`.\n\
             - Error code `1010`: Other account."
        );
    }

    #[test]
    fn messages_without_a_full_stop_are_joined_as_sentences() {
        let answer = response_name("**Error Code:** `300` <br>Missing meetingId <br> Invalid meetingId.", Some(300));
        assert_eq!(answer.codes, [code(300, "Missing meetingId. Invalid meetingId.")]);
    }

    #[test]
    fn a_status_that_contradicts_the_response_stays_in_the_text() {
        assert_eq!(response_name("**HTTP Status Code:** `204` <br>\nDone.\n\n", Some(204)).description, "Done.");
        assert!(response_name("**HTTP Status Code:** `400`<br>No.", Some(300)).description.contains("400"));
        assert_eq!(
            response_name("plain", None),
            ResponseName { description: "plain".into(), ..ResponseName::default() }
        );
    }

    #[test]
    fn a_number_that_may_have_been_cut_off_is_ignored() {
        let name = format!("**Error Code:** `300` {}\n**Error Code:** `30", "x".repeat(CUT - 42));
        assert_eq!(name.len(), CUT);
        let answer = response_name(&name, Some(400));
        assert!(answer.cut);
        assert_eq!(answer.codes.iter().map(|code| code.code).collect::<Vec<_>>(), [300]);
    }

    #[test]
    fn the_wait_is_read_from_the_sentence_about_it() {
        for (text, seconds) in [
            ("If it has not started, retry making a new request after 30 seconds.", Some(30)),
            ("Please try again in 2 minutes", Some(120)),
            ("Wait for one minute.", Some(60)),
            ("Wait at least 5 sec and retry", Some(5)),
            ("Limit of 100 requests per 10 seconds. Retry later.", None),
            ("Retry later, 30 seconds is a lot", None),
            ("Retry after 1,000 seconds.", Some(1000)),
            ("Retry after 12,345,678 seconds.", Some(12_345_678)),
            ("Wait, then retry after 1,5 seconds.", None),
            ("Please wait, 30 seconds are enough", Some(30)),
            ("Retry after 99999999999999999999 seconds", None),
            ("Retry after 9999999999999999999 hours", None),
            ("Too many requests", None),
        ] {
            assert_eq!(retry_after(text), seconds, "{text}");
        }
    }

    #[test]
    fn scopes_and_rate_limit_are_read_in_any_formatting() {
        assert_eq!(scopes("x<br>\n**Scopes:** `a:b:admin` `a:b`<br>\n **X**"), ["a:b:admin", "a:b"]);
        assert_eq!(scopes("**Scopes:** `a:b`, `a:c`<br>**Y:** `z`"), ["a:b", "a:c"]);
        assert_eq!(scopes("Scopes: a:b, a:c\n**Granular Scopes:** `a:d`"), ["a:b", "a:c", "a:d"]);
        assert!(scopes("Within the scope of this: nothing").is_empty());
        for (text, found) in [
            ("Scope: 用户", vec![]),
            ("Scope: 読み取り `a:b`", vec!["a:b"]),
            ("scope: – all –\nScopes: c:d", vec!["c:d"]),
        ] {
            assert_eq!(scopes(text), found, "{text}");
        }
        let limit = "**[Rate Limit Label](https://a.example/b#rate-limits):** `Light`\n";
        assert_eq!(rate_limit(limit).as_deref(), Some("Light"));
        assert_eq!(rate_limit("no such label"), None);
    }
}

//! Helpers for error sentences.

use std::{error::Error, time::SystemTime};

use crate::secret::redacted;

/// The maximum length of a whole sentence, in characters.
pub(crate) const LONGEST_SENTENCE: usize = 2_000;

/// The maximum length of a quotation in a sentence, in characters.
pub(crate) const LONGEST_QUOTATION: usize = 500;

/// A quotation on one line of at most `most` characters, without `secrets` and without characters that would reorder or
/// hide the text around them.
pub(crate) fn quoted(words: &str, secrets: &[&str], most: usize) -> String {
    let line = words.replace(is_invisible, "").replace(char::is_control, " ");
    // After invisible characters inside a secret are gone, and before the end of one is cut off.
    let line = redacted(line.trim(), secrets);
    let cut = line.char_indices().nth(most).map(|(end, _)| format!("{}…", line[..end].trim_end()));
    cut.unwrap_or(line)
}

/// What Zoom wrote, to be compared with: its letters and digits, in lower case.
pub(crate) fn normalized(words: &str) -> String {
    words.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Bidirectional controls, zero-width characters and the line separators that a log viewer would obey.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// RFC 3339 has no later year. In seconds since 1970.
pub(crate) const LAST_SECOND_OF_9999: u64 = 253_402_300_799;

/// An instant in UTC, in the format of RFC 3339.
pub(crate) fn instant(at: SystemTime) -> String {
    match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) if since.as_secs() <= LAST_SECOND_OF_9999 => humantime::format_rfc3339_seconds(at).to_string(),
        Ok(_) => "a time after the year 9999".to_owned(),
        Err(_) => "a time before the year 1970".to_owned(),
    }
}

/// An error and its causes, the outermost first.
pub(crate) fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_words_stay_on_one_short_line() {
        for (words, shown) in [
            ("", ""),
            ("  plain words \n", "plain words"),
            ("two\r\nlines\tand\u{0}nul", "two  lines and nul"),
            ("\u{202e}desrever\u{2066}\u{feff}", "desrever"),
            ("用户不存在", "用户不存在"),
        ] {
            assert_eq!(quoted(words, &[], LONGEST_QUOTATION), shown, "{words:?}");
        }
        assert_eq!(quoted(&"ü".repeat(10_000), &[], 500), format!("{}…", "ü".repeat(500)));
    }
}

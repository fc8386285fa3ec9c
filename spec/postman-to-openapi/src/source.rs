//! One input text: what may be said against it before anything is read, and where in it something stands.

use serde_json::value::RawValue;

use crate::Error;

/// serde_json reads no deeper than this, and nor does anything that reads what it read.
const DEEPEST: usize = 128;

/// A Postman file's name and text.
pub struct Source {
    /// What messages call it: a path as it was given, or `-` for standard input.
    pub name: String,
    /// The text, without what is white around it.
    raw: Box<RawValue>,
    /// Lines before it.
    above: usize,
}

impl Source {
    /// Takes the bytes of a file. A byte-order mark is dropped.
    ///
    /// # Errors
    ///
    /// The text is no UTF-8, no JSON, or nested deeper than 128; the message says where.
    pub fn new(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Error> {
        let name = name.into();
        let mut text = String::from_utf8(bytes).map_err(|error| {
            let line = lines(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
            Error::new(format!(
                "{name}:{line}: this is no UTF-8 text; save the export as UTF-8 and try again"
            ))
        })?;
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        if let Some(offset) = too_deep(&text) {
            let line = lines(&text.as_bytes()[..offset]);
            return Err(Error::new(format!(
                "{name}:{line}: the file is nested deeper than {DEEPEST} levels, which no Postman export is; \
                 flatten it and try again"
            )));
        }
        let start = text.len() - text.trim_ascii_start().len();
        let above = lines(&text.as_bytes()[..start]) - 1;
        text.truncate(text.trim_ascii_end().len());
        text.drain(..start.min(text.len()));
        let raw = RawValue::from_string(text).map_err(|error| {
            let what = error.to_string();
            let what = what.split(" at line").next().unwrap_or_default();
            let (line, column) = (error.line() + above, error.column());
            Error::new(format!(
                "{name}:{line}:{column}: this is not JSON ({what}); export the item or collection again"
            ))
        })?;
        Ok(Self { name, raw, above })
    }

    pub(crate) fn raw(&self) -> &RawValue {
        &self.raw
    }

    /// The offset and line a raw value of this text begins at. Counting starts from a place known
    /// already, or a file of a million items would be counted a million times.
    pub(crate) fn locate(&self, raw: &RawValue, known: (usize, usize)) -> (usize, usize) {
        let offset = (raw.get().as_ptr() as usize).wrapping_sub(self.raw.get().as_ptr() as usize);
        let (from, line) = if known.0 <= offset { known } else { (0, self.above + 1) };
        let between = self.raw.get().as_bytes().get(from..offset).unwrap_or_default();
        (offset, line + lines(between) - 1)
    }
}

fn lines(before: &[u8]) -> usize {
    before.iter().filter(|&&byte| byte == b'\n').count() + 1
}

/// Where brackets outside strings first nest too deep.
fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (offset, byte) in text.bytes().enumerate() {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Some(offset);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        Source::new("in.json", bytes.to_vec()).err().expect("refused").to_string()
    }

    #[test]
    fn what_is_no_json_is_refused_with_file_line_and_column() {
        let message = refusal(b"{\n  \"name\": oops\n}");
        assert!(message.starts_with("in.json:2:11: this is not JSON (expected value)"), "{message}");
        assert!(refusal(b"{}\n\xff").starts_with("in.json:2: this is no UTF-8"));
        assert!(refusal(b"\n\n {]").starts_with("in.json:3:"));
        assert!(refusal(b" \n").contains("not JSON"));
    }

    #[test]
    fn nesting_is_allowed_to_128_and_refused_beyond_in_one_sentence() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
        assert!(Source::new("x", nested(128)).is_ok());
        let message = refusal(&nested(129));
        assert!(message.contains("deeper than 128") && !message.contains('\n'), "{message}");
        assert!(
            Source::new("x", format!("\"{}\"", "[".repeat(500)).into_bytes()).is_ok(),
            "text is no nesting"
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert!(Source::new("x", b"\xef\xbb\xbf{}".to_vec()).is_ok());
    }
}

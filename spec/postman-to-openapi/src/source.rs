//! One input file: validated before anything is read, and able to say which line a value is on.

use crate::Error;
use crate::json::{self, DEEPEST, Fault, Json};
use crate::postman::{self, Node};

/// A Postman file's name and text.
pub struct Source {
    /// Its name in messages: a path as given, or `-` for standard input.
    pub name: String,
    text: json::Text,
}

impl Source {
    /// Validates the contents of a file. A byte-order mark is dropped.
    ///
    /// # Errors
    ///
    /// The text is not UTF-8, not JSON, or nested deeper than 128; the message says where.
    pub fn new(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Error> {
        let name = name.into();
        let mut text = String::from_utf8(bytes).map_err(|error| {
            let before = error.utf8_error().valid_up_to();
            let line = 1 + json::breaks(error.as_bytes().get(..before).unwrap_or_default());
            Error::new(format!("{name}:{line}: the file is not valid UTF-8; save the export as UTF-8 and try again"))
        })?;
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        let text = json::Text::new(text).map_err(|fault| {
            Error::new(match fault {
                Fault::TooDeep { line } => format!(
                    "{name}:{line}: the file is nested deeper than {DEEPEST} levels; flatten it and try again"
                ),
                Fault::TooLong => {
                    format!("{name}: the file is larger than 4 GiB; export its folders separately")
                }
                Fault::Syntax(error) => {
                    let what = error.to_string();
                    let what = what.split(" at line").next().unwrap_or_default();
                    let (line, column) = (error.line(), error.column());
                    format!(
                        "{name}:{line}:{column}: the file is not valid JSON ({what}); export the item or collection again"
                    )
                }
            })
        })?;
        Ok(Self { name, text })
    }

    /// Whether the file is an environment, which gives variables their values.
    pub fn is_environment(&self) -> bool {
        self.environment().is_some()
    }

    /// The values of an environment.
    pub(crate) fn environment(&self) -> Option<Json<'_>> {
        let node: Node<'_> = postman::object(self.root())?;
        let is_other = [node.item, node.request, node.requests, node.collection].iter().any(Option::is_some);
        node.values.filter(|values| !is_other && postman::is_list(Some(*values)))
    }

    /// The file's top-level value.
    pub(crate) fn root(&self) -> Option<Json<'_>> {
        self.text.root()
    }

    /// The offset and line at which a value begins. Counting starts from a known position, because otherwise a
    /// file of a million items would be counted a million times.
    pub(crate) fn locate(&self, json: Json<'_>, known: (usize, usize)) -> (usize, usize) {
        let offset = json.offset();
        let (from, known) = if known.0 <= offset { known } else { (0, 1) };
        let between = self.text.as_str().as_bytes().get(from..offset).unwrap_or_default();
        (offset, known + json::breaks(between))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        Source::new("in.json", bytes.to_vec()).err().expect("refused").to_string()
    }

    #[test]
    fn invalid_json_is_refused_with_file_line_and_column() {
        let message = refusal(b"{\n  \"name\": oops\n}");
        assert!(message.starts_with("in.json:2:11: the file is not valid JSON (expected value)"), "{message}");
        assert!(refusal(b"{}\n\xff").starts_with("in.json:2: the file is not valid UTF-8"));
        assert!(refusal(b"\n\n {]").starts_with("in.json:3:"));
        assert!(refusal(b" \n").contains("not valid JSON"));
    }

    #[test]
    fn nesting_deeper_than_128_levels_is_refused_in_one_sentence() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
        assert!(Source::new("x", nested(128)).is_ok());
        let message = refusal(&nested(129));
        assert!(message.contains("deeper than 128") && !message.contains('\n'), "{message}");
        assert!(
            Source::new("x", format!("\"{}\"", "[".repeat(500)).into_bytes()).is_ok(),
            "brackets inside a string are not nesting"
        );
    }

    #[test]
    fn a_byte_order_mark_is_dropped() {
        assert!(Source::new("x", b"\xef\xbb\xbf{}".to_vec()).is_ok());
    }
}

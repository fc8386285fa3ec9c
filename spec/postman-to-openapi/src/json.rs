//! JSON read in place: a value is a slice of the text, and its contents are read only on demand.
//!
//! One pass over the file records where its objects and lists end, so that any of them can be skipped in one step.
//! Nested raw values of serde_json would read each level again.

use memchr::{memchr_iter, memchr2, memchr2_iter};
use serde::de::IgnoredAny;

/// The maximum nesting of objects and lists, which is also serde_json's.
pub const DEEPEST: usize = 128;

/// The maximum nesting of JSON inside a string. Its schema is nested twice as deep, and the document must stay
/// readable.
const DEEPEST_INSIDE: usize = 48;

/// One object or list.
#[derive(Clone, Copy)]
struct Container {
    /// The offset just after its end.
    end: u32,
    /// How many objects and lists it contains, at any depth.
    inside: u32,
}

/// A JSON text, and where its objects and lists end, in the order in which they start.
pub struct Text {
    text: String,
    containers: Vec<Container>,
}

/// Why a text cannot be read.
pub enum Fault {
    /// It is nested deeper than [`DEEPEST`] on this line.
    TooDeep { line: usize },
    /// Its length does not fit in 32 bits.
    TooLong,
    /// It is not JSON.
    Syntax(serde_json::Error),
}

/// One value of a [`Text`].
#[derive(Clone, Copy)]
pub struct Json<'a> {
    text: &'a str,
    /// The value's offset in the text.
    at: usize,
    /// The containers inside it.
    inside: &'a [Container],
}

impl Text {
    /// Validates a text and drops its indentation, which can be a third of a file.
    pub fn new(text: String) -> Result<Self, Fault> {
        if u32::try_from(text.len()).is_err() {
            return Err(Fault::TooLong);
        }
        serde_json::from_str::<IgnoredAny>(&text).map_err(Fault::Syntax)?;
        let mut text = text.into_bytes();
        let containers = compact(&mut text, DEEPEST).map_err(|line| Fault::TooDeep { line })?;
        text.shrink_to_fit();
        let text = String::from_utf8(text).expect("strings are moved as a whole, and everything else is ASCII");
        Ok(Self { text, containers })
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The top-level value.
    pub fn root(&self) -> Option<Json<'_>> {
        Values { rest: &self.text, at: 0, inside: &self.containers }.next()
    }
}

/// The number of line breaks in a text.
pub fn breaks(text: &[u8]) -> usize {
    memchr_iter(b'\n', text).count()
}

/// Drops the white space between values except for line breaks, so that lines can still be counted. Returns where
/// objects and lists end, or the first line that is nested too deeply.
fn compact(text: &mut Vec<u8>, deepest: usize) -> Result<Vec<Container>, usize> {
    let mut found: Vec<Container> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let (mut from, mut to) = (0, 0);
    while let Some(&byte) = text.get(from) {
        let mut length = 1;
        match byte {
            b' ' | b'\t' | b'\r' => {
                from += 1;
                continue;
            }
            b'"' => length = string(text.get(from..).unwrap_or_default()),
            b'{' | b'[' if open.len() == deepest => {
                return Err(1 + breaks(text.get(..to).unwrap_or_default()));
            }
            b'{' | b'[' => {
                open.push(found.len());
                found.push(Container { end: 0, inside: 0 });
            }
            b'}' | b']' => {
                let count = found.len();
                if let Some(number) = open.pop()
                    && let Some(container) = found.get_mut(number)
                {
                    // Neither exceeds the length of the text, which fits in 32 bits.
                    *container = Container { end: to as u32 + 1, inside: (count - number - 1) as u32 };
                }
            }
            _ => {}
        }
        text.copy_within(from..from + length, to);
        from += length;
        to += length;
    }
    text.truncate(to);
    Ok(found)
}

/// Whether JSON inside a string is nested too deeply to be read.
pub fn is_too_deep(text: &str) -> bool {
    memchr2_iter(b'{', b'[', text.as_bytes()).nth(DEEPEST_INSIDE).is_some()
        && compact(&mut text.as_bytes().to_vec(), DEEPEST_INSIDE).is_err()
}

/// The length of the string at the start of a text, including its quotes.
fn string(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += found;
        if text.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

impl<'a> Json<'a> {
    /// The value as written.
    pub fn get(self) -> &'a str {
        self.text
    }

    /// Its offset in the text.
    pub fn offset(self) -> usize {
        self.at
    }

    /// A list's elements; none for any other value.
    pub fn elements(self) -> impl Iterator<Item = Json<'a>> {
        self.values('[')
    }

    /// An object's members; none for any other value.
    pub fn members(self) -> impl Iterator<Item = (Json<'a>, Json<'a>)> {
        let mut values = self.values('{');
        std::iter::from_fn(move || Some((values.next()?, values.next()?)))
    }

    fn values(self, opening: char) -> Values<'a> {
        match self.text.strip_prefix(opening) {
            Some(rest) => Values { rest, at: self.at + 1, inside: self.inside },
            None => Values { rest: "", at: self.at, inside: &[] },
        }
    }
}

/// Consecutive values, with their separators.
struct Values<'a> {
    rest: &'a str,
    at: usize,
    inside: &'a [Container],
}

impl<'a> Iterator for Values<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        let apart = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',' | b':');
        let before = self.rest.bytes().take_while(|byte| apart(byte)).count();
        let start = self.at + before;
        let text = self.rest.get(before..)?;
        let (length, inside) = match text.as_bytes().first()? {
            b'}' | b']' => return None,
            b'{' | b'[' => {
                let (container, others) = self.inside.split_first()?;
                let (inside, behind) = others.split_at_checked(container.inside as usize)?;
                self.inside = behind;
                ((container.end as usize).checked_sub(start)?, inside)
            }
            b'"' => (string(text.as_bytes()), &[][..]),
            _ => (text.find([',', '}', ']', ' ', '\n', '\r', '\t']).unwrap_or(text.len()), &[][..]),
        };
        let (text, rest) = text.split_at_checked(length)?;
        (self.rest, self.at) = (rest, start + length);
        Some(Json { text, at: start, inside })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// Rebuilds a value from its elements and members.
    fn rebuilt(json: Json<'_>) -> Value {
        match json.get().as_bytes().first() {
            Some(b'[') => json.elements().map(rebuilt).collect(),
            Some(b'{') => Value::Object(
                json.members()
                    .map(|(key, value)| (serde_json::from_str(key.get()).expect("a key"), rebuilt(value)))
                    .collect(),
            ),
            _ => serde_json::from_str(json.get()).expect("a value"),
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\"\\\\\\[\\]{},:é]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec(("[\"\\\\\\[{,:é]{0,4}", inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_value_is_found_on_its_own_line(value in any_json(), pretty in any::<bool>()) {
            let written = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let written = format!(" \n{}\t", written.expect("a value is JSON"));
            let text = Text::new(written.clone()).ok().expect("valid JSON");
            let root = text.root().expect("a top-level value");
            prop_assert_eq!(rebuilt(root), value);
            for (_, member) in root.members() {
                let line = breaks(text.as_str().as_bytes().get(..member.offset()).expect("inside the text"));
                let first = member.get().lines().next().unwrap_or_default();
                prop_assert!(written.split('\n').nth(line).is_some_and(|line| line.contains(first)));
            }
        }

        #[test]
        fn invalid_json_is_refused_without_a_panic(text in "[\\[\\]{}\":,\\\\1é ]{0,24}") {
            let sound = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(Text::new(text).is_ok(), sound);
        }
    }
}

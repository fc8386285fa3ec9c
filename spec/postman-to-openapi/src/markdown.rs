//! Descriptions as rustdoc and every other Markdown renderer show them well.
//!
//! Postman descriptions are Markdown with HTML strewn in. Converters from HTML would escape the
//! Markdown, so this one walks over it: code stays as it is, tags become Markdown, what only looks like
//! a link or a tag is escaped, and no unnamed code block is left for rustdoc to compile.

mod blocks;
mod tags;

use std::borrow::Cow;

pub(crate) use tags::replace_tags;

/// Stands for `<br>` until lines are looked at; no text holds it.
pub(crate) const BREAK: char = '\u{e000}';

/// Turns Markdown with stray HTML into clean Markdown.
pub fn tidy(text: &str) -> String {
    let text = if text.contains(['\r', BREAK]) {
        Cow::Owned(text.replace("\r\n", "\n").replace(['\r', BREAK], "\n"))
    } else {
        Cow::Borrowed(text)
    };
    let mut writer = Writer { rest: &text, out: String::with_capacity(text.len()), ..Writer::default() };
    writer.run();
    blocks::arrange(&writer.out)
}

#[derive(Default)]
struct Writer<'a> {
    rest: &'a str,
    out: String,
    /// What is open, and what closes it.
    open: Vec<(&'static str, String)>,
    /// One entry per open list: the number of its next item, or 0 for bullets.
    lists: Vec<u32>,
}

impl<'a> Writer<'a> {
    fn run(&mut self) {
        while let Some(next) = self.rest.chars().next() {
            let line_start = self.out.is_empty() || self.out.ends_with('\n');
            match next {
                '`' | '~' if line_start && self.fence() => {}
                '`' => self.code_span(),
                '\\' => self.copy(1 + self.rest[1..].chars().next().map_or(0, char::len_utf8)),
                '<' => self.angle(),
                '[' => self.bracket(),
                '{' => self.brace(),
                '&' => self.entity(),
                'h' if self.rest.starts_with("http://") || self.rest.starts_with("https://") => self.url(),
                ' ' if self.rest.starts_with("  \n") || self.rest.starts_with("   \n") => {
                    self.skip(self.rest.find('\n').unwrap_or(0) + 1);
                    self.out.push(BREAK);
                }
                _ => {
                    let plain = self.rest[next.len_utf8()..]
                        .find(['`', '~', '\\', '<', '[', '{', '&', 'h', ' '])
                        .map_or(self.rest.len(), |at| at + next.len_utf8());
                    self.copy(plain);
                }
            }
        }
        while let Some((_, close)) = self.open.pop() {
            self.close(&close);
        }
    }

    fn copy(&mut self, length: usize) {
        let (now, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.out.push_str(now);
        self.rest = rest;
    }

    fn skip(&mut self, length: usize) {
        self.rest = &self.rest[length.min(self.rest.len())..];
    }

    /// A fenced block is copied; without a language rustdoc would take it for Rust and run it.
    fn fence(&mut self) -> bool {
        let mark = if self.rest.starts_with("```") {
            "```"
        } else if self.rest.starts_with("~~~") {
            "~~~"
        } else {
            return false;
        };
        let (info, body) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        let language = info.trim_matches(['`', '~', ' ']);
        if info[3..].contains(mark) {
            return false;
        }
        let end =
            body.match_indices(mark).map(|(at, _)| at).find(|&at| at == 0 || body[..at].ends_with('\n'));
        let code = &body[..end.unwrap_or(body.len())];
        self.out.push_str(mark);
        self.out.push_str(if language.is_empty() { "text" } else { language });
        self.out.push('\n');
        self.out.push_str(code);
        if !code.ends_with('\n') {
            self.out.push('\n');
        }
        self.out.push_str(mark);
        let after = end.map_or("", |at| body[at..].split_once('\n').map_or("", |(_, after)| after));
        self.out.push('\n');
        self.rest = after;
        true
    }

    fn code_span(&mut self) {
        let ticks = self.rest.len() - self.rest.trim_start_matches('`').len();
        let inside = &self.rest[ticks..];
        let mut at = 0;
        while let Some(found) = inside[at..].find('`') {
            let start = at + found;
            let run = inside[start..].len() - inside[start..].trim_start_matches('`').len();
            if run == ticks {
                if inside[..start].contains("\n\n") {
                    break;
                }
                let code = inside[..start].replace('\n', " ");
                self.out.push_str(&self.rest[..ticks]);
                self.out.push_str(&code);
                self.out.push_str(&self.rest[..ticks]);
                self.skip(ticks + start + run);
                return;
            }
            at = start + run;
        }
        for _ in 0..ticks {
            self.out.push_str("\\`");
        }
        self.skip(ticks);
    }

    /// A link stays a link; any other bracket is escaped, or rustdoc would look for an item of that name.
    fn bracket(&mut self) {
        if let Some(label) = balanced(self.rest, '[', ']')
            && let Some(target) = balanced(&self.rest[label..], '(', ')')
            && !self.rest[..label].contains("\n\n")
        {
            let url = &self.rest[label + 1..label + target - 1];
            let text = &self.rest[1..label - 1];
            if url.contains('/') || url.starts_with('#') || url.starts_with("mailto:") {
                let text = text.replace(['\n', '<', '>'], " ");
                self.out.push_str(&format!("[{text}]({})", url.trim()));
            } else {
                self.out.push_str(text);
                if !url.trim().is_empty() {
                    self.out.push_str(&format!(" (`{}`)", url.trim()));
                }
            }
            self.skip(label + target);
            return;
        }
        self.out.push_str("\\[");
        self.skip(1);
    }

    /// `{meetingId}` and `{{baseUrl}}` are names, and names are code.
    fn brace(&mut self) {
        let opening = self.rest.len() - self.rest.trim_start_matches('{').len();
        let name = &self.rest[opening..];
        let end = name.find(|c: char| !c.is_alphanumeric() && !"_-.$".contains(c)).unwrap_or(name.len());
        let closing = "}".repeat(opening);
        if end > 0 && opening <= 2 && name[end..].starts_with(&closing) {
            self.out.push('`');
            self.copy(end + 2 * opening);
            self.out.push('`');
        } else {
            self.copy(opening);
        }
    }

    fn entity(&mut self) {
        for (entity, text) in ENTITIES {
            if self.rest.starts_with(entity) {
                self.out.push_str(text);
                self.skip(entity.len());
                return;
            }
        }
        self.copy(1);
    }

    fn url(&mut self) {
        let before = self.out.chars().next_back();
        let near = within(self.rest, LONGEST_TAG + 4);
        let mut length = near
            .find(|c: char| c.is_whitespace() || c == BREAK || "<>\"`|".contains(c))
            .unwrap_or(near.len());
        if length > LONGEST_TAG {
            return self.copy(length);
        }
        loop {
            let url = &self.rest[..length];
            let unmatched = url.ends_with(')') && url.matches('(').count() < url.matches(')').count();
            if url.ends_with(['.', ',', ';', ':', '!', '?', '\'', '*', '_', ']']) || unmatched {
                length -= 1;
            } else {
                break;
            }
        }
        if before.is_some_and(|c| c.is_alphanumeric()) || length < "https://a".len() {
            return self.copy(4);
        }
        let url = &self.rest[..length];
        let (open, close) = if url.contains(['{', '\\']) { ('`', '`') } else { ('<', '>') };
        self.out.push(open);
        self.copy(length);
        self.out.push(close);
    }
}

/// Tags and addresses are no longer, in bytes: what is must not be searched from each of its letters.
const LONGEST_TAG: usize = 2048;
/// No more tags than these are kept open at once.
const MOST_OPEN: usize = 32;

/// Finds an ASCII phrase, whatever its case.
pub(crate) fn find(text: &str, phrase: &str) -> Option<usize> {
    text.as_bytes().windows(phrase.len()).position(|window| window.eq_ignore_ascii_case(phrase.as_bytes()))
}

/// The start of a text, cut where a character ends.
pub(crate) fn within(text: &str, longest: usize) -> &str {
    let mut end = longest.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

const ENTITIES: [(&str, &str); 12] = [
    ("&nbsp;", " "),
    ("&#160;", " "),
    ("&lt;", "\\<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#34;", "\""),
    ("&#39;", "'"),
    ("&apos;", "'"),
    ("&ndash;", "–"),
    ("&mdash;", "—"),
    ("&hellip;", "…"),
    ("&amp;", "&"),
];

/// The length of a balanced pair of brackets at the start of `text`.
fn balanced(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices().take(LONGEST_TAG / 2) {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
        }
        if depth == 0 {
            return (at > 0).then_some(at + c.len_utf8());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_and_lists_become_paragraphs_and_lists() {
        assert_eq!(
            tidy(
                "One.<br><br>\n**Prerequisites:**<br>\n* A<br>\n* B<br>\n**Scopes:** `a:b`<br>\n **C:** `d` \n\n"
            ),
            "One.\n\n**Prerequisites:**\n\n* A\n* B\n\n**Scopes:** `a:b`\n\n**C:** `d`"
        );
        assert_eq!(
            tidy("One of:<br>\n`start`: Start it. <br>\n`stop`: Stop it."),
            "One of:\n\n- `start`: Start it.\n- `stop`: Stop it."
        );
        assert_eq!(tidy("**P:** \n* A"), "**P:**\n\n* A");
        assert_eq!(tidy("<ul><li>a</li><li>b<ol><li>c</li></ol></li></ul>"), "- a\n- b\n   1. c");
    }

    #[test]
    fn tags_become_markdown_and_unknown_ones_code() {
        assert_eq!(tidy("a <b>bold </b>and <i>i</i>"), "a **bold** and *i*");
        assert_eq!(tidy("<a href=\"https://a.example/x\">t</a>"), "[t](https://a.example/x)");
        assert_eq!(tidy("<p>a</p><p>b</p>"), "a\n\nb");
        assert_eq!(tidy("send <token> or a<b and 1 < 2"), "send `<token>` or a\\<b and 1 < 2");
        assert_eq!(tidy("x<!-- hidden -->y<script>z</script>"), "xy");
        assert_eq!(tidy("<pre>a <b>b</b></pre>"), "```text\na b\n```");
        assert_eq!(tidy("<b>never closed"), "**never closed**");
    }

    #[test]
    fn what_rustdoc_would_take_for_an_item_is_escaped() {
        assert_eq!(tidy("[optional] x"), "\\[optional] x");
        assert_eq!(tidy("[a](https://b.example/c_(d))"), "[a](https://b.example/c_(d))");
        assert_eq!(tidy("[a](Foo)"), "a (`Foo`)");
        assert_eq!(
            tidy("meeting {meetingId}, {{baseUrl}}, { x }"),
            "meeting `{meetingId}`, `{{baseUrl}}`, { x }"
        );
    }

    #[test]
    fn bare_addresses_become_links() {
        assert_eq!(tidy("See https://a.example/b."), "See <https://a.example/b>.");
        assert_eq!(tidy("(https://a.example/b)"), "(<https://a.example/b>)");
        assert_eq!(tidy("<https://a.example>"), "<https://a.example>");
        assert_eq!(tidy("https://a.example/{id}"), "`https://a.example/{id}`");
    }

    #[test]
    fn code_stays_as_it_is_and_is_never_taken_for_rust() {
        assert_eq!(tidy("`<br> [x]`"), "`<br> [x]`");
        assert_eq!(tidy("```\n<br>\n```\nx"), "```text\n<br>\n```\n\nx");
        assert_eq!(tidy("```json\n{}"), "```json\n{}\n```");
        assert_eq!(tidy("a\n\n    let x;\n\nb"), "a\n\n```text\nlet x;\n```\n\nb");
        assert_eq!(tidy("a ` b"), "a \\` b");
    }

    #[test]
    fn a_tidied_text_is_tidy() {
        for text in
            ["a<br>b", "* a\nb", "<ul><li>x</ul>", "see https://a.example", "[x] {y} <z>", "a\n\n    b\n"]
        {
            assert_eq!(tidy(&tidy(text)), tidy(text), "{text}");
        }
    }
}

//! Descriptions cleaned up for rustdoc and other Markdown renderers.
//!
//! Postman descriptions are Markdown mixed with HTML. An HTML converter would escape the Markdown, so this module keeps
//! it. (A Markdown parser such as `pulldown-cmark` would keep the HTML, and take `<token>` for HTML.) Code stays as it is,
//! tags become Markdown, text that only looks like a link or tag is escaped, and code blocks without a language get one,
//! because rustdoc would compile them as Rust.

mod blocks;
mod tags;

use std::borrow::Cow;

use crate::text::{split_while, split_within};

pub(crate) use tags::replace_tags;

/// Represents `<br>` until lines are processed; removed from the input.
pub(crate) const BREAK: char = '\u{e000}';

/// Converts Markdown mixed with HTML into plain Markdown.
pub fn tidy(text: &str) -> String {
    if is_plain(text) { text.trim_end().to_owned() } else { rewritten(text) }
}

fn rewritten(text: &str) -> String {
    let text = if text.contains(['\r', BREAK]) {
        Cow::Owned(text.replace("\r\n", "\n").replace(['\r', BREAK], "\n"))
    } else {
        Cow::Borrowed(text)
    };
    let out = String::with_capacity(text.len());
    let mut writer = Writer { rest: &text, out, closers: tags::Closers::of(&text), ..Writer::default() };
    writer.run();
    blocks::arrange(&writer.out)
}

/// Whether a text is a single line without anything to convert, as most are.
fn is_plain(text: &str) -> bool {
    // The last is the first byte of BREAK in UTF-8.
    !text.bytes().any(|byte| matches!(byte, b'`' | b'~' | b'\\' | b'<' | b'[' | b'{' | b'&' | b'\n' | b'\r' | 0xee))
        && !text.starts_with(char::is_whitespace)
        && !text.contains("http")
}

#[derive(Default)]
struct Writer<'a> {
    rest: &'a str,
    out: String,
    closers: tags::Closers,
    /// The open tags, and the text that closes each.
    open: Vec<(&'static str, String)>,
    /// The open lists: the number of the next item, or 0 for bullets.
    lists: Vec<u32>,
}

impl<'a> Writer<'a> {
    fn run(&mut self) {
        while let Some(next) = self.rest.chars().next() {
            match next {
                '`' | '~' if self.fence() => {}
                '`' => self.code_span(),
                '\\' => self.copy(self.rest.char_indices().nth(2).map_or(self.rest.len(), |(at, _)| at)),
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
                    let plain =
                        self.rest.bytes().skip(1).position(|byte| {
                            matches!(byte, b'`' | b'~' | b'\\' | b'<' | b'[' | b'{' | b'&' | b'h' | b' ')
                        });
                    self.copy(plain.map_or(self.rest.len(), |more| 1 + more));
                }
            }
        }
        while let Some((_, close)) = self.open.pop() {
            self.close(&close);
        }
    }

    fn copy(&mut self, length: usize) {
        let (now, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.out.push_str(now);
        self.rest = rest;
    }

    fn skip(&mut self, length: usize) {
        self.rest = self.rest.split_at_checked(length).unwrap_or_default().1;
    }

    /// Copies a fenced block, adding a language if there is none.
    fn fence(&mut self) -> bool {
        let Some(mark) = fence_mark(self.rest) else { return false };
        // A fence may be indented, or in a quotation.
        if !is_line_start(&self.out) {
            return false;
        }
        let prefix = self.out.strip_prefix(unindented(&self.out)).unwrap_or_default().to_owned();
        let opened = self.rest.strip_prefix(mark).unwrap_or_default();
        let (info, body) = opened.split_once('\n').unwrap_or((opened, ""));
        if info.contains(mark) {
            return false;
        }
        let language = info.trim_matches(['`', '~', ' ']);
        let ends = body.match_indices(mark).filter_map(|(at, _)| body.split_at_checked(at));
        let (code, end) = ends.into_iter().find(|(code, _)| is_line_start(code)).unwrap_or((body, ""));
        self.out.push_str(mark);
        self.out.push_str(if language.is_empty() { "text" } else { language });
        self.out.push('\n');
        self.out.push_str(code);
        if end.is_empty() {
            self.out.push_str(if code.ends_with('\n') { "" } else { "\n" });
            self.out.push_str(&prefix);
        }
        self.out.push_str(mark);
        self.out.push('\n');
        self.rest = end.split_once('\n').unwrap_or_default().1;
        true
    }

    fn code_span(&mut self) {
        let (ticks, inside) = split_while(self.rest, |c| c == '`');
        if let Some((code, after)) = code_until(inside, ticks)
            && !code.contains("\n\n")
        {
            self.out.push_str(ticks);
            self.out.push_str(&code.replace('\n', " "));
            self.out.push_str(ticks);
            self.rest = after;
            return;
        }
        self.out.push_str(&ticks.replace('`', "\\`"));
        self.rest = inside;
    }

    /// Copies a link; escapes any other bracket, because rustdoc would look for an item of that name.
    fn bracket(&mut self) {
        if let Some((text, behind)) = balanced(self.rest, '[', ']')
            && let Some((url, after)) = balanced(behind, '(', ')')
            && !text.contains("\n\n")
        {
            if url.contains('/') || url.starts_with('#') || url.starts_with("mailto:") {
                let text = text.replace(['\n', '<', '>'], " ");
                self.out.push_str(&format!("[{text}]({})", url.trim()));
            } else {
                self.out.push_str(text);
                if !url.trim().is_empty() {
                    self.out.push_str(&format!(" (`{}`)", url.trim()));
                }
            }
            self.rest = after;
            return;
        }
        self.out.push_str("\\[");
        self.skip(1);
    }

    /// Formats `{meetingId}` and `{{baseUrl}}` as code.
    fn brace(&mut self) {
        let (opening, inside) = split_while(self.rest, |c| c == '{');
        let (name, behind) = split_while(inside, |c| c.is_alphanumeric() || "_-.$".contains(c));
        let closing = match opening {
            "{" => "}",
            "{{" => "}}",
            _ => return self.copy(opening.len()),
        };
        if !name.is_empty() && behind.starts_with(closing) {
            self.out.push('`');
            self.copy(opening.len() + name.len() + closing.len());
            self.out.push('`');
        } else {
            self.copy(opening.len());
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
        let (near, _) = split_within(self.rest, LONGEST_TAG + 4);
        let (mut url, _) = split_while(near, |c| !(c.is_whitespace() || c == BREAK || "<>\"`|".contains(c)));
        if url.len() > LONGEST_TAG {
            return self.copy(url.len());
        }
        // Punctuation after a URL is not part of it, nor is a bracket that closes one opened before it.
        while let Some(shorter) = url
            .strip_suffix(['.', ',', ';', ':', '!', '?', '\'', '*', '_', ']'])
            .or_else(|| url.strip_suffix(')').filter(|_| url.matches('(').count() < url.matches(')').count()))
        {
            url = shorter;
        }
        if before.is_some_and(|c| c.is_alphanumeric()) || url.len() < "https://a".len() {
            return self.copy("http".len());
        }
        let (open, close) = if url.contains(['{', '\\']) { ('`', '`') } else { ('<', '>') };
        self.out.push(open);
        self.copy(url.len());
        self.out.push(close);
    }
}

/// The maximum length of a tag or URL, in bytes, so that searching for their ends does not take quadratic time.
const LONGEST_TAG: usize = 2048;
/// The maximum number of open tags.
const MOST_OPEN: usize = 32;

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

/// The fence at the start of a line.
fn fence_mark(line: &str) -> Option<&'static str> {
    ["```", "~~~"].into_iter().find(|mark| line.starts_with(mark))
}

/// Splits a text at the next run of exactly these backticks.
fn code_until<'t>(text: &'t str, ticks: &str) -> Option<(&'t str, &'t str)> {
    let mut searched = 0;
    loop {
        let (code, behind) = text.split_at_checked(searched)?;
        let (more, ticked) = split_while(behind, |c| c != '`');
        let (run, after) = split_while(ticked, |c| c == '`');
        if run == ticks {
            return text.split_at_checked(code.len() + more.len()).map(|(code, _)| (code, after));
        }
        if run.is_empty() {
            return None;
        }
        searched += more.len() + run.len();
    }
}

/// Splits a text into the content of the brackets at its start, and the rest.
fn balanced(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    let inside = text.strip_prefix(open)?;
    let mut depth = 1;
    for (at, c) in inside.char_indices().take(LONGEST_TAG / 2) {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                let (inside, rest) = inside.split_at_checked(at)?;
                return Some((inside, rest.strip_prefix(close)?));
            }
        }
    }
    None
}

/// A text without the indentation and quotation marks at its end.
fn unindented(text: &str) -> &str {
    text.trim_end_matches([' ', '>'])
}

/// Whether a text ends where a line starts, apart from indentation and quotation marks.
fn is_line_start(text: &str) -> bool {
    matches!(unindented(text).chars().next_back(), None | Some('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn breaks_and_lists_become_paragraphs_and_lists() {
        assert_eq!(
            tidy("One.<br><br>\n**Prerequisites:**<br>\n* A<br>\n* B<br>\n**Scopes:** `a:b`<br>\n **C:** `d` \n\n"),
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
        assert_eq!(tidy("<PATH d=\"M0\"> <Label>a</label><input/>"), "a");
    }

    #[test]
    fn a_tag_that_is_not_closed_loses_nothing() {
        for (text, tidied) in [
            ("GET /files/<path> by <Title>", "GET /files/`<path>` by `<Title>`"),
            ("map <style>/tiles, <script> x", "map `<style>`/tiles, `<script>` x"),
            ("<table x> y <form a", "`<table x>` y \\<form a"),
            ("<code><path></path>a</code>", "`a`"),
            ("a <!-- b", "a \\<!-- b"),
            ("<code>a</code b", "`a` b"),
            ("<code>Bearer <token> <path><b>x</b></code>", "`Bearer <token> <path>x`"),
        ] {
            assert_eq!(tidy(text), tidied);
        }
    }

    #[test]
    fn text_that_rustdoc_would_take_for_an_item_is_escaped() {
        assert_eq!(tidy("[optional] x"), "\\[optional] x");
        assert_eq!(tidy("[a](https://b.example/c_(d))"), "[a](https://b.example/c_(d))");
        assert_eq!(tidy("[a](Foo)"), "a (`Foo`)");
        assert_eq!(tidy("meeting {meetingId}, {{baseUrl}}, { x }"), "meeting `{meetingId}`, `{{baseUrl}}`, { x }");
    }

    #[test]
    fn bare_urls_become_links() {
        assert_eq!(tidy("See https://a.example/b."), "See <https://a.example/b>.");
        assert_eq!(tidy("(https://a.example/b)"), "(<https://a.example/b>)");
        assert_eq!(tidy("<https://a.example>"), "<https://a.example>");
        assert_eq!(tidy("https://a.example/{id}"), "`https://a.example/{id}`");
    }

    #[test]
    fn every_fence_has_a_language_and_is_closed_by_its_own_mark() {
        for (text, tidied) in [
            ("a\n  ~~~\nb\n  ~~~\nc", "a\n\n~~~text\nb\n  ~~~\n\nc"),
            ("> ```\n> b\n> ```\nc", "> ```text\n> b\n> ```\n\nc"),
            ("> ~~~\n> b", "> ~~~text\n> b\n> ~~~"),
            ("~~~\nb", "~~~text\nb\n~~~"),
            ("a ``` b", "a \\`\\`\\` b"),
        ] {
            assert_eq!(tidy(text), tidied, "{text}");
        }
    }

    #[test]
    fn code_is_unchanged_and_never_compiled_as_rust() {
        assert_eq!(tidy("`<br> [x]`"), "`<br> [x]`");
        assert_eq!(tidy("```\n<br>\n```\nx"), "```text\n<br>\n```\n\nx");
        assert_eq!(tidy("```json\n{}"), "```json\n{}\n```");
        assert_eq!(tidy("a\n\n    let x;\n\nb"), "a\n\n```text\nlet x;\n```\n\nb");
        assert_eq!(tidy("a ` b"), "a \\` b");
    }

    #[test]
    fn tidying_twice_changes_nothing() {
        for text in ["a<br>b", "* a\nb", "<ul><li>x</ul>", "see https://a.example", "[x] {y} <z>", "a\n\n    b\n"] {
            assert_eq!(tidy(&tidy(text)), tidy(text), "{text}");
        }
    }

    #[test]
    fn unbalanced_brackets_are_kept() {
        for (text, tidied) in [
            ("see [x])", "see \\[x])"),
            ("[x]) (y)", "\\[x]) (y)"),
            ("[", "\\["),
            ("[x](", "\\[x]("),
            ("a] [b", "a] \\[b"),
        ] {
            assert_eq!(tidy(text), tidied);
        }
    }

    #[test]
    fn a_line_indented_by_wide_spaces_is_a_paragraph() {
        assert_eq!(tidy("a\n\n\u{3000}\u{3000}b"), "a\n\nb");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn plain_text_needs_no_rewriting(text in "[-a-h*# é\u{3000}:/.,()0-9]{0,12}") {
            if is_plain(&text) {
                prop_assert_eq!(tidy(&text), rewritten(&text));
            }
        }

        #[test]
        fn no_word_of_a_text_without_tags_is_lost(
            text in r"(<|x/|(path|title|time|label|link|input|q|form|header|summary|table|video|style|script|code)>?|[\[\](){}`~*# \n\\>|:.,x-z0-9é用]){0,40}",
        ) {
            let words = |text: &str| -> Vec<String> {
                text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
            };
            let (mut before, mut after) = (words(&text), words(&tidy(&text)));
            // A code block without a language gets the language `text`.
            after.retain(|word| word != "text");
            before.sort();
            after.sort();
            prop_assert_eq!(before, after);
        }
    }
}

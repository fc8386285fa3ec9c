//! HTML tags, converted to Markdown.

use std::collections::HashMap;

use super::{BREAK, ENTITIES, LONGEST_TAG, MOST_OPEN, Writer};
use crate::text::{split_once_ignoring_case, split_while, split_within};

impl Writer<'_> {
    /// Converts what starts with `<`: a tag, a comment, a link, or text that only looks like one.
    pub(super) fn angle(&mut self) {
        if let Some(comment) = self.rest.strip_prefix("<!--").filter(|_| self.closers.follow("--", self.rest))
            && let Some((_, rest)) = comment.split_once("-->")
        {
            self.rest = rest;
            return;
        }
        let (near, _) = split_within(self.rest, LONGEST_TAG);
        let inside = near.strip_prefix('<').and_then(|near| near.split_once('>')).map(|(inside, _)| inside);
        let Some(inside) = inside.filter(|inside| !inside.contains("\n\n")) else {
            return self.escaped_angle();
        };
        let whole = inside.len() + "<>".len();
        if inside.starts_with("http://") || inside.starts_with("https://") || inside.starts_with("mailto:") {
            return self.copy(whole);
        }
        let (closing, tag) = inside.strip_prefix('/').map_or((false, inside), |tag| (true, tag));
        let (name, attributes) = split_while(tag, |c| c.is_ascii_alphanumeric());
        if !tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return self.escaped_angle();
        }
        if self.tag(&name.to_ascii_lowercase(), closing, attributes, whole) {
            return;
        }
        // Not an HTML tag but a placeholder such as `<token>`.
        if inside.contains(['`', '\n', '<']) {
            self.escaped_angle();
        } else {
            self.out.push('`');
            self.copy(whole);
            self.out.push('`');
        }
    }

    fn escaped_angle(&mut self) {
        let next = self.rest.chars().nth(1);
        self.out.push_str(if next.is_some_and(|c| c.is_alphabetic() || "/!?".contains(c)) { "\\<" } else { "<" });
        self.skip(1);
    }

    /// Converts a tag; `false` if it is not an HTML tag.
    fn tag(&mut self, name: &str, closing: bool, attributes: &str, whole: usize) -> bool {
        if !(closing || self.closers.is_markup(name, attributes, self.rest)) {
            return false;
        }
        match name {
            "br" | "hr" | "tr" => self.out.push(BREAK),
            "p" | "div" | "section" | "article" | "table" | "thead" | "tbody" | "blockquote" | "dl" | "dt" | "dd"
            | "center" | "header" | "footer" | "form" | "fieldset" | "details" | "summary" | "figure" | "iframe"
            | "video" => self.out.push_str("\n\n"),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.out.push_str("\n\n");
                if !closing {
                    let level = name.chars().nth(1).and_then(|digit| digit.to_digit(10)).unwrap_or(1);
                    self.out.extend(std::iter::repeat_n('#', level as usize));
                    self.out.push(' ');
                }
            }
            "td" | "th" => {
                if closing {
                    self.out.push_str(" | ");
                }
            }
            "b" | "strong" => self.emphasis("b", "**", closing),
            "i" | "em" => self.emphasis("i", "*", closing),
            "code" | "tt" | "kbd" | "samp" | "pre" | "script" | "style" | "textarea" if !closing => {
                self.skip(whole);
                self.verbatim(name);
                return true;
            }
            "ul" | "ol" => {
                if closing {
                    self.lists.pop();
                } else if self.lists.len() < 16 {
                    self.lists.push(u32::from(name == "ol"));
                }
                self.out.push_str(if self.lists.is_empty() || !closing && self.lists.len() == 1 {
                    "\n\n"
                } else {
                    "\n"
                });
            }
            "li" => {
                if !self.out.ends_with('\n') {
                    self.out.push('\n');
                }
                if !closing {
                    self.out.push_str(&"   ".repeat(self.lists.len().saturating_sub(1)));
                    match self.lists.last_mut() {
                        Some(number) if *number > 0 => {
                            self.out.push_str(&format!("{number}. "));
                            *number += 1;
                        }
                        _ => self.out.push_str("- "),
                    }
                }
            }
            "a" if closing => {
                if let Some(at) = self.open.iter().rposition(|(tag, _)| *tag == "a") {
                    let (_, close) = self.open.remove(at);
                    self.out.push_str(&close);
                }
            }
            "a" => {
                let url = attribute(attributes, "href");
                let room = self.open.len() < MOST_OPEN;
                if let Some(url) = url.filter(|url| room && url.contains('/') && !url.contains([' ', '\n'])) {
                    self.open.push(("a", format!("]({url})")));
                    self.out.push('[');
                }
            }
            "img" => self.out.push_str(attribute(attributes, "alt").unwrap_or_default()),
            "span" | "font" | "u" | "s" | "strike" | "del" | "ins" | "small" | "big" | "sub" | "sup" | "mark"
            | "label" | "button" | "input" | "nobr" | "wbr" | "colgroup" | "col" | "caption" | "tfoot" | "html"
            | "head" | "body" | "meta" | "link" | "code" | "tt" | "kbd" | "samp" | "pre" | "script" | "style"
            | "textarea" | "abbr" | "cite" | "q" | "time" | "title" | "main" | "nav" | "aside" | "svg" | "path" => {}
            _ => return false,
        }
        self.skip(whole);
        true
    }

    fn emphasis(&mut self, tag: &'static str, mark: &str, closing: bool) {
        if !closing {
            if self.open.len() < MOST_OPEN {
                self.out.push_str(mark);
                self.open.push((tag, mark.to_owned()));
            }
            return;
        }
        if let Some(at) = self.open.iter().rposition(|(open, _)| *open == tag) {
            self.open.remove(at);
            self.close(mark);
        }
    }

    /// Closes an emphasis right after a word, where Markdown recognizes it.
    pub(super) fn close(&mut self, mark: &str) {
        let length = self.out.trim_end_matches([' ', BREAK, '\n']).len();
        let tail = self.out.split_off(length);
        match self.out.strip_suffix(mark).map(str::len) {
            Some(empty) => self.out.truncate(empty),
            None => self.out.push_str(mark),
        }
        self.out.push_str(&tail);
    }

    /// Copies code without its tags, and drops scripts and styles.
    fn verbatim(&mut self, name: &str) {
        let (code, closing) = split_once_ignoring_case(self.rest, &format!("</{name}")).unwrap_or((self.rest, ""));
        self.rest = closing.trim_start().strip_prefix('>').unwrap_or(closing);
        if !matches!(name, "script" | "style") {
            let mut code = without_tags(code);
            for (entity, text) in ENTITIES {
                if code.contains('&') {
                    code = code.replace(entity, text.trim_start_matches('\\'));
                }
            }
            if name == "pre" {
                self.out.push_str(&format!("\n\n```text\n{}\n```\n\n", code.trim_matches('\n').replace("```", "'''")));
            } else if !code.trim().is_empty() {
                let ticks = if code.contains('`') { "``" } else { "`" };
                self.out.push_str(&format!("{ticks}{}{ticks}", code.trim().replace('\n', " ")));
            }
        }
    }
}

fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = attributes.split_once(&format!("{name}="))?;
    match after.chars().next()? {
        quote @ ('"' | '\'') => after.split(quote).nth(1),
        _ => after.split([' ', '>', '/']).next(),
    }
}

/// Tags that are often not closed, or never.
const LEFT_OPEN: [&str; 27] = [
    "b", "br", "col", "colgroup", "dd", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p",
    "strong", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", "wbr",
];

/// Where the last closing tag of each name is, as the length of the text from its name on.
#[derive(Default)]
pub(super) struct Closers(HashMap<String, usize>);

impl Closers {
    pub(super) fn of(text: &str) -> Self {
        let mut last: HashMap<String, usize> = HashMap::new();
        for (at, _) in text.match_indices("</") {
            let (_, tag) = text.split_at_checked(at + "</".len()).unwrap_or_default();
            let (name, _) = split_while(tag, |c| c.is_ascii_alphanumeric());
            last.insert(name.to_ascii_lowercase(), tag.len());
        }
        last.extend(text.rfind("-->").map(|at| ("--".to_owned(), text.len() - at)));
        Self(last)
    }

    /// Whether a closing tag of this name follows in the rest of the text.
    fn follow(&self, name: &str, rest: &str) -> bool {
        self.0.get(name).is_some_and(|last| *last < rest.len())
    }

    /// Whether an opening tag is HTML. A name alone, as in `/files/<path>`, is a placeholder unless it is closed.
    fn is_markup(&self, name: &str, attributes: &str, rest: &str) -> bool {
        match (name, attributes.trim()) {
            ("script" | "style", _) | (_, "") if !LEFT_OPEN.contains(&name) => self.follow(name, rest),
            (_, attributes) => attributes == "/" || attributes.contains('=') || LEFT_OPEN.contains(&name),
        }
    }
}

fn without_tags(text: &str) -> String {
    let closers = Closers::of(text);
    replace_tags(text, |tag, rest| {
        let (name, attributes) = split_while(tag, |c| c.is_ascii_alphanumeric());
        let is_tag = tag.starts_with('/')
            || tag.starts_with(|c: char| c.is_ascii_alphabetic())
                && closers.is_markup(&name.to_ascii_lowercase(), attributes, rest);
        is_tag.then_some(if tag.starts_with("br") { "\n" } else { "" })
    })
}

/// Replaces each tag with what `replace` returns for the text between its brackets and the text after them; `None` keeps
/// the tag.
pub(crate) fn replace_tags(text: &str, replace: impl Fn(&str, &str) -> Option<&'static str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        let (inside, behind) = split_while(tag, |c| !matches!(c, '<' | '>'));
        match behind.strip_prefix('>').and_then(|after| Some((after, replace(inside, after)?))) {
            Some((after, replacement)) => {
                out.push_str(replacement);
                rest = after;
            }
            None => {
                out.push('<');
                rest = tag;
            }
        }
    }
    out.push_str(rest);
    out
}

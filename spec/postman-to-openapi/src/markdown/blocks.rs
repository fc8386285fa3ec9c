//! Lines: where paragraphs, lists and code blocks start and end.

use super::{BREAK, fence_mark};
use crate::text::split_while;

/// The indentation of code.
const CODE: &str = "    ";

/// Puts blank lines between blocks, and nowhere else.
pub fn arrange(text: &str) -> String {
    let lines = split(text);
    let mut out = String::with_capacity(text.len());
    let mut fence: Option<&str> = None;
    let mut in_list = 0; // How far a line must be indented to continue the item above; 0 outside a list.
    let mut blank = true;
    let mut index = 0;
    while let Some(line) = lines.get(index) {
        index += 1;
        let body = line.text.trim_end();
        let bare = body.trim_start();
        if let Some(mark) = fence {
            out.push('\n');
            out.push_str(line.text);
            if bare.starts_with(mark) {
                fence = None;
                blank = false;
            }
            continue;
        }
        if bare.is_empty() {
            blank = true;
            continue;
        }
        if let Some(mark) = fence_mark(bare) {
            fence = Some(mark);
            push(&mut out, "", bare, true);
            in_list = 0;
            continue;
        }
        let after_fence = out.ends_with("```") || out.ends_with("~~~");
        if let Some(width) = item(bare) {
            // A list right after a paragraph is easier to read after a blank line.
            let apart = in_list == 0 || blank && !line.broken;
            let indent = if in_list == 0 { 0 } else { (body.len() - bare.len()).min(12) };
            push(&mut out, &" ".repeat(indent), bare, apart);
            in_list = indent + width;
        } else if is_value(&lines, index - 1) {
            let list = index > 1 && line.broken && is_value(&lines, index - 2);
            push(&mut out, "- ", bare, !list);
            in_list = 2;
        } else if let Some(code) = body.strip_prefix(CODE).filter(|_| blank && in_list == 0) {
            // Markdown's indented code; rustdoc would compile it.
            push(&mut out, "", "```text", true);
            push(&mut out, "", code, false);
            while let Some(next) = lines.get(index).and_then(|next| next.text.strip_prefix(CODE)) {
                push(&mut out, "", next.trim_end(), false);
                index += 1;
            }
            push(&mut out, "", "```", false);
        } else if blank || line.broken || after_fence {
            let continued = in_list > 0 && body.len() - bare.len() >= 2 && !line.broken;
            in_list = if continued { in_list } else { 0 };
            push(&mut out, &" ".repeat(in_list), bare, true);
        } else {
            push(&mut out, &" ".repeat(in_list), bare, false);
        }
        blank = false;
    }
    if let Some(mark) = fence {
        out.push('\n');
        out.push_str(mark);
    }
    out.trim_matches('\n').to_owned()
}

struct Line<'a> {
    text: &'a str,
    /// Whether it follows a `<br>`.
    broken: bool,
}

fn split(text: &str) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut broken = false;
    for row in text.split('\n') {
        let parts: Vec<&str> = row.split(BREAK).collect();
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                broken = true;
            }
            let last = at + 1 == parts.len();
            // An empty rest after the last break is not a line.
            if broken && last && part.trim().is_empty() {
                continue;
            }
            lines.push(Line { text: part, broken });
            if !part.trim().is_empty() {
                broken = false;
            }
        }
    }
    lines
}

fn push(out: &mut String, prefix: &str, text: &str, apart: bool) {
    if !out.is_empty() {
        out.push_str(if apart { "\n\n" } else { "\n" });
    }
    out.push_str(prefix);
    out.push_str(text);
}

/// The width of a list item's marker.
fn item(line: &str) -> Option<usize> {
    if line.starts_with("* ") || line.starts_with("- ") || line.starts_with("+ ") {
        return Some(2);
    }
    let (digits, behind) = split_while(line, |c| c.is_ascii_digit());
    let marked = (1..=3).contains(&digits.len()) && (behind.starts_with(". ") || behind.starts_with(") "));
    marked.then_some(digits.len() + 2)
}

/// Whether this line and an adjacent one, separated by `<br>`, both explain a value: `` `start`: Start it. ``
fn is_value(lines: &[Line<'_>], at: usize) -> bool {
    let explains = |at: usize| {
        lines.get(at).is_some_and(|line| {
            let text = line.text.trim();
            let value = text.strip_prefix('`').and_then(|rest| rest.split_once('`'));
            value.is_some_and(|(value, after)| {
                !value.is_empty() && after.trim_start().starts_with([':', '-', '–', '—', '='])
            })
        })
    };
    let broken = |at: usize| lines.get(at).is_some_and(|line| line.broken);
    explains(at) && (broken(at + 1) && explains(at + 1) || broken(at) && at > 0 && explains(at - 1))
}

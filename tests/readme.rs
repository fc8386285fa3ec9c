//! What README.md, tests/README.md and the documentation say about the code is true.

use std::fmt::Write as _;
use std::path::Path;

const README: &str = include_str!("../README.md");

/// A default is private, so its row is compared with the line that sets it.
#[test]
fn the_defaults_are_as_the_documentation_says() {
    let read = |file: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
        std::fs::read_to_string(path).expect("a source")
    };
    for (page, row, source, line) in [
        ("client.rs", "300 seconds for a whole call", "client.rs", "call_timeout = Some(Duration::from_secs(300))"),
        ("client.rs", "30 seconds for one attempt", "client.rs", "attempt_timeout = Duration::from_secs(30)"),
        ("client.rs", "connecting may take 10 seconds", "client.rs", ".connect_timeout(Duration::from_secs(10))"),
        (
            "client.rs",
            "after 15 seconds of silence",
            "client.rs",
            ".http2_keep_alive_interval(Duration::from_secs(15))",
        ),
        ("client.rs", "closed after 10 without", "client.rs", ".http2_keep_alive_timeout(Duration::from_secs(10))"),
        ("client.rs", "are closed after 50", "client.rs", ".pool_idle_timeout(Duration::from_secs(50))"),
        (
            "client.rs",
            "0.25 and 1 second between",
            "transport.rs",
            "[Duration::from_millis(250), Duration::from_millis(1000)]",
        ),
        ("client.rs", "300 seconds before it expires", "auth.rs", "MARGIN: Duration = Duration::from_secs(300)"),
        ("client.rs", "may take | 10 seconds", "auth.rs", "TIMEOUT: Duration = Duration::from_secs(10)"),
        ("client.rs", "4 MiB of a success", "transport.rs", "SUCCESS_LIMIT: usize = 4 * 1024 * 1024"),
        ("client.rs", "64 KiB of an error", "answer.rs", "FAILURE_LIMIT: usize = 64 * 1024"),
        ("retry.rs", "[`max_retries`](Self::max_retries) | 3 |", "retry.rs", "max_retries: 3,"),
        ("retry.rs", "[`max_wait`](Self::max_wait) | 120 seconds", "retry.rs", "max_wait: Duration::from_secs(120)"),
    ] {
        let is_row = |line: &str| line.starts_with("/// |") && line.contains(row);
        assert!(read(page).lines().any(is_row), "src/{page} has no row with {row:?}");
        assert!(read(source).contains(line), "src/{source} does not have: {line}");
    }
}

#[test]
fn the_commands_are_the_same_wherever_they_are_written() {
    let has_line = |text: &str, line: &str| text.lines().any(|other| other.trim() == line);
    assert!(has_line(README, "cargo run --example live_stream"));
    assert!(has_line(README, "cargo test --workspace"));
    let regenerate = README.lines().find(|line| line.starts_with("cargo run -p postman-to-openapi"));
    let regenerate = regenerate.expect("the command");
    for (name, text) in
        [("CONTRIBUTING.md", include_str!("../CONTRIBUTING.md")), (".ci/golden", include_str!("../.ci/golden"))]
    {
        assert!(has_line(text, regenerate), "{name} does not have: {regenerate}");
    }
}

#[test]
fn each_promise_names_tests_that_exist() {
    let mut all = String::new();
    for folder in ["src", "tests", "examples/service/tests", "spec/postman-to-openapi/tests"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut all);
    }
    let rows = include_str!("README.md").lines().filter(|line| line.starts_with("| ") && line.contains("` |"));
    let rows: Vec<&str> = rows.collect();
    assert!(rows.len() > 25, "{rows:?}");
    for row in rows {
        let tests = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
        for name in tests.split(", ").map(|name| name.trim_matches('`')) {
            assert!(is_test(&all, name), "tests/README.md names {name}, which is not a test");
        }
    }
    assert!(!is_test(&all, "sources") && !is_test(&all, "no_such_function"));
}

fn sources(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *into += &std::fs::read_to_string(path).expect("a source");
        }
    }
}

/// Whether the source has a function of this name with a test's attribute.
fn is_test(source: &str, name: &str) -> bool {
    let function = format!("fn {name}(");
    source.match_indices(&function).any(|(at, _)| {
        // The function's own line up to its name, then its attributes from the last one up.
        let above = source[..at].rsplit('\n').skip(1).map(str::trim);
        above
            .take_while(|line| line.starts_with("#[") || line.starts_with("//"))
            .any(|line| line == "#[test]" || line.starts_with("#[tokio::test"))
    })
}

#[test]
fn what_repeats_the_crate_docs_is_the_same_text() {
    const START: &str = "<!-- from the crate docs: ";
    const END: &str = "<!-- end -->";
    let mut parts = README.split(START);
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (heading, rest) = part.split_once(" -->").expect("the end of the marker");
        let (_, rest) = rest.split_once(END).expect("the end of the section");
        made += &format!("{START}{heading} -->\n{}\n{END}{rest}", section(heading));
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        std::fs::write(path, &made).expect("README.md is written");
    } else {
        assert!(made == README, "README.md differs from the documentation in src/lib.rs: run `bash .ci/golden`");
    }
}

/// A section of the crate's page up to its first subsection, as the README shows it: without hidden lines and without
/// links to items.
fn section(heading: &str) -> String {
    let lines = include_str!("../src/lib.rs").lines().map_while(|line| line.strip_prefix("//!"));
    let mut lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line));
    assert!(lines.any(|line| line.strip_prefix("# ") == Some(heading)), "src/lib.rs has no section {heading:?}");
    let (mut text, mut is_code) = (format!("## {heading}\n"), false);
    for line in lines {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        let is_marked = line == "#" || line.starts_with("# ") || line.starts_with("## ");
        match line {
            // A line that the documentation hides, and the next heading.
            _ if is_code && is_marked => (),
            _ if is_marked => break,
            "```" if is_code => text += "```rust\n",
            _ if is_code => writeln!(text, "{line}").expect("a String takes any text"),
            _ => writeln!(text, "{}", without_links(line)).expect("a String takes any text"),
        }
    }
    text.replace("```rust\n\n", "```rust\n").trim_end().to_owned()
}

/// "[`Client`](crate::Client)" and "[`Client`]" become "`Client`".
fn without_links(line: &str) -> String {
    let mut parts = line.split("[`");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("`]").expect("the end of a link");
        let target = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        write!(text, "`{name}`{}", target.map_or(rest, |(_, rest)| rest)).expect("a String takes any text");
    }
    text
}

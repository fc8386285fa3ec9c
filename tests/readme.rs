//! What the README says about the code is true.

use std::fmt::Write as _;
use std::path::Path;

const README: &str = include_str!("../README.md");

#[test]
fn the_defaults_are_as_the_readme_says() {
    let builder = format!("{:?}", zoom_livestream::Client::builder());
    for (row, default) in [
        ("| Server | `https://api.zoom.us/v2` |", "base_url: Some(\"https://api.zoom.us/v2\")"),
        ("| Time to connect | 10 s |", "connect_timeout: 10s"),
        ("| Time for one attempt, including the response body | 30 s |", "attempt_timeout: 30s"),
        ("| A silent HTTP/2 connection is pinged after | 15 s |", "http2_keep_alive_interval: Some(15s)"),
        ("| ... and closed if there is no answer for | 10 s |", "http2_keep_alive_timeout: Some(10s)"),
        ("| An idle connection is kept for | 50 s |", "pool_idle_timeout: Some(50s)"),
        ("| Time for a whole call, including waits | 300 s |", "deadline: Some(300s)"),
        ("| Retries after a 429, not counting per-second limits | 3 |", "max_retries: 3"),
        ("| Longest wait the client will start | 120 s |", "max_wait: 120s"),
        ("| Check before a retry | none |", "check: false"),
        ("| Ends a wait early | none |", "unless: false"),
        ("| Called before a wait | none |", "notify: false"),
        ("| Encoding of a body described as multipart | multipart |", "body_encoding: Described"),
    ] {
        assert!(README.contains(row), "README.md has no row {row}");
        assert!(builder.contains(default), "{row} {builder}");
    }
}

#[test]
fn the_commands_are_the_same_wherever_they_are_written() {
    let has_line =
        |text: &str, line: &str| text.lines().any(|other| other.trim_start_matches("//!").trim() == line);
    assert!(has_line(README, "cargo run --example live_stream"));
    assert!(has_line(README, "cargo test --workspace"));
    let mut lines = README.lines().map(str::trim);
    let regenerate =
        lines.find(|line| line.starts_with("cargo run -p postman-to-openapi")).expect("the command");
    assert!(has_line(include_str!("../src/lib.rs"), regenerate), "src/lib.rs does not have: {regenerate}");
    assert!(
        has_line(include_str!("../CONTRIBUTING.md"), regenerate),
        "CONTRIBUTING.md does not have: {regenerate}"
    );
}

/// The heading and the text of each section.
fn sections(readme: &str) -> impl Iterator<Item = (&str, &str)> {
    readme.split("\n## ").skip(1).filter_map(|section| section.split_once('\n'))
}

/// The tests that a section names.
fn named_tests<'r>((heading, text): (&str, &'r str)) -> Vec<&'r str> {
    let is_promises = heading == "What is promised";
    let tested_by =
        text.split("\n\n").filter_map(|paragraph| paragraph.split_once("Tested by")).map(|(_, names)| names);
    let named = if is_promises { vec![text] } else { tested_by.collect() };
    let is_test = |name: &&str| name.matches('_').count() > 2 && !name.contains(' ');
    named.iter().flat_map(|text| text.split('`')).filter(is_test).collect()
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

#[test]
fn each_test_that_the_readme_names_exists() {
    let mut all = String::new();
    for folder in ["src", "tests", "examples/service/tests", "spec/postman-to-openapi/tests"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut all);
    }
    let names: Vec<&str> = sections(README).flat_map(named_tests).collect();
    assert!(names.len() > 50, "{names:?}");
    for name in names {
        assert!(is_test(&all, name), "README.md names {name}, which is not a test");
    }
    assert!(!is_test(&all, "named_tests") && !is_test(&all, "no_such_function"));
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
fn each_promise_names_a_test() {
    let (_, promises) =
        sections(README).find(|(heading, _)| *heading == "What is promised").expect("the section");
    let mut rows = promises.lines().filter(|line| line.starts_with('|')).skip(2).peekable();
    assert!(rows.peek().is_some());
    for row in rows {
        let tests = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
        let names = named_tests(("What is promised", tests));
        assert!(!names.is_empty() && row.matches(" | ").count() == 1, "no test is named: {row}");
    }
}

#[test]
fn each_section_points_to_a_command_or_a_test() {
    let commands = ["cargo ", "python3 ", "```rust", "CONTRIBUTING.md"];
    for section @ (heading, text) in sections(README) {
        let has_command = commands.iter().any(|command| text.contains(command));
        assert!(
            has_command || !named_tests(section).is_empty(),
            "{heading:?} points to nothing that shows it"
        );
    }
}

/// A section of the crate's documentation as the README shows it: without hidden lines and links.
fn from_the_crate_docs(heading: &str) -> String {
    let mut text = String::new();
    let (mut is_inside, mut is_code) = (false, false);
    for line in include_str!("../src/lib.rs").lines() {
        let Some(line) = line.strip_prefix("//!").map(|line| line.strip_prefix(' ').unwrap_or(line)) else {
            continue;
        };
        if !is_code && let Some(other) = line.strip_prefix("# ") {
            is_inside = other == heading;
        }
        if !is_inside {
            continue;
        }
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        let line = match line {
            // The documentation's own copy is compiled and run.
            "```" if is_code => "```rust,ignore".to_owned(),
            "#" if is_code => continue,
            line if is_code && line.starts_with("# ") => continue,
            line if is_code || is_fence => line.to_owned(),
            line if line.starts_with("# ") => format!("#{line}"),
            line => without_links(line),
        };
        writeln!(text, "{line}").expect("a String takes any text");
    }
    text.replace("ignore\n\n", "ignore\n").trim().to_owned()
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

#[test]
fn what_repeats_the_crate_docs_is_the_same_text() {
    const START: &str = "<!-- from the crate docs: ";
    let mut made = String::new();
    let mut rest = README;
    while let Some((before, after)) = rest.split_once(START) {
        let (heading, after) = after.split_once(" -->").expect("the end of the marker");
        let (_, after) = after.split_once("\n<!-- end -->").expect("the end of the section");
        let section = from_the_crate_docs(heading);
        assert!(section.contains("```"), "src/lib.rs has no section {heading:?}");
        write!(made, "{before}{START}{heading} -->\n{section}\n<!-- end -->")
            .expect("a String takes any text");
        rest = after;
    }
    made += rest;
    assert!(made.len() > rest.len());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"), &made)
            .expect("README.md is written");
    } else {
        assert!(
            made == README,
            "README.md differs from the documentation in src/lib.rs: run \
             `UPDATE_GOLDEN=1 cargo test -p zoom-livestream --test readme`"
        );
    }
}

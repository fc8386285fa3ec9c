//! For any input, the converter finishes without a panic and within its limits of time and memory.

#![expect(clippy::string_slice, reason = "each position was moved to where a character begins")]

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use postman_to_openapi::{Converter, Source};
use proptest::prelude::*;
use proptest::test_runner::Config;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Heap use is measured for the whole process, so only one test may run at a time.
static ONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const MIB: usize = 1024 * 1024;

/// Converts and writes, and checks the limits of memory and time.
fn convert(text: &str) {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let started = Instant::now();
    if let Ok(source) = Source::new("x.json", text.as_bytes().to_vec()) {
        let mut converter = Converter::new(drop);
        if converter.read(&source).is_ok() {
            let converted = converter.finish(None).expect("a document");
            converted.write(&mut std::io::sink()).expect("a sink accepts everything");
        }
    }
    let used = HEAP.peak_usage().saturating_sub(before);
    let elapsed = started.elapsed();
    if text.len() > MIB / 4 {
        println!("{:>7} KiB of heap, {} ms", used / 1024, elapsed.as_millis());
    }
    let allowed = 16 * MIB + 16 * text.len();
    assert!(used <= allowed, "{used} bytes of heap for an input of {}", text.len());
    assert!(elapsed < Duration::from_secs(60), "{elapsed:?} for an input of {}", text.len());
}

fn fixtures() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut names: Vec<_> =
        std::fs::read_dir(folder).expect("the fixtures").map(|entry| entry.expect("an entry").path()).collect();
    names.retain(|path| path.to_string_lossy().ends_with(".postman.json"));
    names.sort();
    names.iter().map(|path| std::fs::read_to_string(path).expect("a fixture")).collect()
}

/// Fragments that are significant to some part of the converter.
const FRAGMENTS: [&str; 40] = [
    "null",
    "[]",
    "{}",
    "\"\"",
    "0",
    "-1",
    "1e999",
    "18446744073709551616",
    "true",
    "{{",
    "}}",
    "{{a}}",
    "{{{{",
    "<br>",
    "<",
    ">",
    "</b>",
    "<b>",
    "`",
    "```",
    "[x](y",
    "](",
    "\\\\",
    "(Required) ",
    "(This can only be one of ",
    ")",
    "**Error Code:** `",
    "%",
    "%zz",
    "é",
    "\\u0000",
    "\\ud800",
    "://",
    "?",
    "#",
    "&",
    "\\n",
    "<long>",
    "<integer>,<integer>",
    "Scopes: ",
];

fn mutated(fixtures: &'static [String]) -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..6_u8, 0..400_usize);
    (any::<prop::sample::Index>(), prop::collection::vec(edit, 1..12)).prop_map(move |(which, edits)| {
        let mut text = which.get(fixtures).clone();
        for (place, with, kind, length) in edits {
            let mut at = place.index(text.len().max(1)).min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let mut end = (at + length).min(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            match kind {
                // Mostly inside a string, so that the file usually stays valid JSON.
                0..=2 => text.insert_str(at, with.get::<&str>(&FRAGMENTS)),
                3 => text.replace_range(at..end.max(at), ""),
                4 => {
                    let copy = text[at..end.max(at)].to_owned();
                    text.insert_str(at, &copy);
                }
                _ => replace_value(&mut text, at, with.get::<&str>(&FRAGMENTS)),
            }
        }
        text
    })
}

/// Replaces the value after the next colon.
fn replace_value(text: &mut String, at: usize, with: &str) {
    let Some(start) = text[at..].find("\": ").map(|found| at + found + 3) else { return };
    let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<serde::de::IgnoredAny>();
    if values.next().is_some_and(|value| value.is_ok()) {
        let end = start + values.byte_offset();
        text.replace_range(start..end, with);
    }
}

#[test]
fn mutated_exports_cause_no_panic_no_hang_and_no_excessive_memory_use() {
    let _alone = alone();
    let fixtures: &'static [String] = fixtures().leak();
    let usual = if std::env::var_os("PROPTEST_CASES").is_some() { Config::default().cases } else { 300 };
    let config = Config { cases: usual, failure_persistence: None, ..Config::default() };
    proptest!(config, |(text in mutated(fixtures))| convert(&text));
}

#[test]
fn a_fixture_may_be_cut_off_anywhere() {
    let _alone = alone();
    for text in fixtures() {
        for at in (0..text.len()).step_by(text.len() / 40 + 1).filter(|&at| text.is_char_boundary(at)) {
            convert(&text[..at]);
        }
    }
}

/// Inputs designed to be expensive, each a few megabytes of one thing.
#[test]
fn inputs_designed_to_be_expensive_are_cheap() {
    let _alone = alone();
    // Unoptimized code takes ten times as long, and smaller inputs are proof enough.
    let scaled = |count: usize| if cfg!(debug_assertions) { count / 16 } else { count };
    let many = |element: &str, count: usize| vec![element; scaled(count)].join(",");
    let in_body = |body: &str| {
        let request = serde_json::json!({"name": "A", "request": {"method": "POST", "url": "/a", "body": {"mode": "raw", "raw": body}}});
        request.to_string()
    };
    let numbered =
        |count: usize, piece: &dyn Fn(usize) -> String| (0..scaled(count)).map(piece).collect::<Vec<_>>().join(",");
    let collection = |items: &str| format!(r#"{{"info":{{"name":"x"}},"item":[{items}]}}"#);
    let described =
        |text: &str| serde_json::json!({"name": text, "request": {"url": "/a", "description": text}}).to_string();
    for text in [
        collection(&many("0", 1_000_000)),
        collection(&many("[]", 500_000)),
        collection(&numbered(40_000, &|at| format!(r#"{{"name":"a{at}","request":"/b{at}/:c"}}"#))),
        collection(&many(r#"{"name":"a","request":"/b"}"#, 50_000)),
        in_body(&format!("[{}]", many("0", 1_000_000))),
        in_body(&format!("[{}]", many("{\"a\":1}", 300_000))),
        in_body(&format!("{{{}}}", numbered(100_000, &|at| format!("\"member{at}\":{{}}")))),
        in_body(&format!("[{}]", numbered(3_000, &|at| format!("{{\"a{at}\":1,\"b{}\":2}}", at * 7)))),
        in_body(&format!("{}{}", "[".repeat(scaled(100_000)), "]".repeat(scaled(100_000)))),
        in_body(&"{{a}}".repeat(scaled(300_000))),
        described(&"[".repeat(scaled(300_000))),
        described(&"<b>".repeat(scaled(200_000))),
        described(&"`".repeat(scaled(300_001))),
        described(&"<ul><li>".repeat(scaled(100_000))),
        described(&"{".repeat(scaled(300_000))),
        described(&"<a href=\"https://a.example/b\">".repeat(scaled(50_000))),
        described(&"Error Code: 1 ".repeat(scaled(50_000))),
        described(&"scope: ".repeat(scaled(100_000))),
        described(&"<code>".repeat(scaled(100_000))),
        described(&format!("<pre>{}</pre>", "<".repeat(scaled(16_000_000)))),
        described(&"<label>".repeat(scaled(100_000))),
        described(&"<!--".repeat(scaled(200_000))),
        described(&"</".repeat(scaled(2_000_000))),
        described(&numbered(1_000_000, &|at| format!("Scopes: `a:b{at}`\n"))),
        described(&"<p".repeat(scaled(200_000))),
        described(&"https://".repeat(scaled(100_000))),
        described(&"`a` ``".repeat(scaled(60_000))),
        format!(
            r#"{{"name":"a","request":{{"url":{{"raw":"/a","query":[{}]}}}}}}"#,
            numbered(30_000, &|at| format!(r#"{{"key":"k{at}"}}"#))
        ),
        format!(
            r#"{{"name":"a","request":{{"url":"/a","header":[{}]}}}}"#,
            numbered(30_000, &|at| format!(r#"{{"key":"k{at}"}}"#))
        ),
        format!(r#"{{"name":"a","request":{{"url":"/{}"}}}}"#, ":a/".repeat(scaled(20_000))),
        format!(
            r#"{{"name":"a","request":{{"url":"/a"}},"response":[{}]}}"#,
            numbered(20_000, &|at| format!(r#"{{"name":"r{at}","code":200,"body":"{{\"a{at}\":1}}"}}"#))
        ),
        format!(
            r#"{{"info":{{}},"variable":[{}],"item":[{{"name":"a","request":"{{{{v0}}}}/a"}}]}}"#,
            numbered(20_000, &|at| format!(r#"{{"key":"v{at}","value":"{{{{v{}}}}}{{{{v{}}}}}"}}"#, at + 1, at + 1))
        ),
    ] {
        let started = Instant::now();
        convert(&text);
        println!(
            "{:>7} KiB {:>6} ms  {}",
            text.len() / 1024,
            started.elapsed().as_millis(),
            text.chars().take(90).collect::<String>()
        );
    }
}

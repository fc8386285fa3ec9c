//! The README's example and options match the converter.

use std::process::Command;

use postman_to_openapi::{Converter, Source};

/// The README's code blocks of one language.
fn blocks(language: &str) -> Vec<&'static str> {
    let readme = include_str!("../../README.md");
    let open = format!("```{language}\n");
    readme.split(&open).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

#[test]
fn the_readmes_example_is_what_the_converter_writes() {
    let [input, output] = blocks("json")[..] else { panic!("the README shows one input and one output") };
    let mut converter = Converter::new(|_| {});
    converter.read(&Source::new("README.md", input.as_bytes().to_vec()).expect("JSON")).expect("an item");
    let made = converter.finish(None).expect("a document").to_text();
    let made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
    let shown: serde_json::Value = serde_json::from_str(output).expect("the README's output is JSON");
    assert_eq!(made["paths"], shown["paths"]);
}

#[test]
fn the_readme_lists_every_option() {
    let readme = include_str!("../../README.md");
    let help = Command::new(env!("CARGO_BIN_EXE_postman-to-openapi")).arg("--help").output().expect("the command runs");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let (_, options) = help.split_once("Options:\n").expect("a list of options");
    let listed = options.lines().take_while(|line| !line.is_empty());
    let listed: Vec<&str> =
        listed.filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--"))).collect();
    assert!(listed.len() >= 8, "{listed:?}");
    for option in listed {
        assert!(readme.contains(&format!("`{option}")), "{option}");
    }
}

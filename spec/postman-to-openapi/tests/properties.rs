//! Whatever stands in whatever place of an export, the converter neither panics nor writes anything unsound.
//!
//! Runs for seconds by itself, and for as long as one likes by
//! `PROPTEST_CASES=100000 cargo test -p postman-to-openapi --test properties`.

use std::collections::BTreeSet;

use postman_to_openapi::{Converter, Source};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// What some reader on the way looks for.
const MARKS: [&str; 72] = [
    "scope: ",
    "Scopes:** ",
    "`a:b`",
    "Error Code: ",
    "**Error Code:** `",
    "HTTP Status Code: ",
    "Rate Limit Label",
    "retry after ",
    "30",
    " seconds",
    "(Required) ",
    "(This can only be one of a,b)",
    " (This can only be one of ",
    "Added as a part of security scheme: ",
    "<long>",
    "<string>",
    "<integer>,<integer>",
    "<Error: Too many levels of nesting to fake this schema>",
    "[",
    "]",
    "(",
    ")",
    "](",
    "see [x])",
    "{",
    "}",
    "{{",
    "}}",
    "{{a}}",
    ":id",
    "/",
    "://",
    "https://",
    "http://é.example/",
    "@",
    "?",
    "#",
    "&",
    "&amp;",
    "=",
    "%",
    "%e4",
    "<",
    ">",
    "<br>",
    "<p",
    "</b>",
    "<b>",
    "<a href=",
    "<ul><li>",
    "<pre>",
    "<!--",
    "\"",
    "'",
    "`",
    "```",
    "~~~",
    "**",
    "* ",
    "1. ",
    "    ",
    "\n",
    "\n\n",
    "\r\n",
    "\\",
    ",",
    "2024-01-01",
    "T00:00:00Z",
    "eyJ",
    "Bearer ",
    "\u{1b}[31m",
    "\u{e000}",
];

/// Text whose letters have more than one byte, or change their length with their case.
const WORDS: [&str; 16] = [
    "用户",
    "読み取り",
    "– all –",
    "–",
    "é",
    "ß",
    "İ",
    "ŉ",
    "K",
    "👩‍👩‍👧",
    "\u{301}",
    "\u{202e}",
    "\u{9b}",
    "العربية",
    "word",
    "Get",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => select(&MARKS[..]).prop_map(str::to_owned),
        2 => select(&WORDS[..]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Any JSON, some of it nested as deep as a file may be.
fn odd() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
        select(vec![json!([]), json!({}), json!([[[]]]), json!(1e300), json!("")]),
        (1..110_usize).prop_map(|depth| (0..depth).fold(Value::Null, |inside, at| match at % 2 {
            0 => json!([inside]),
            _ => json!({"a": inside}),
        })),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Mostly what belongs there, sometimes anything.
fn mostly(usual: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    prop_oneof![12 => usual, 1 => odd()].boxed()
}

fn string() -> BoxedStrategy<Value> {
    mostly(text().prop_map(Value::from))
}

fn one_of(values: &'static [&'static str]) -> BoxedStrategy<Value> {
    prop_oneof![6 => select(values).prop_map(Value::from), 1 => string()].boxed()
}

fn list(element: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    mostly(prop::collection::vec(element, 0..4).prop_map(Value::from))
}

/// An object of which any member may be missing.
fn object(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let (names, values): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    let values: Vec<_> = values.into_iter().map(|value| prop::option::weighted(0.8, value)).collect();
    mostly(values.prop_map(move |values| {
        let members = names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
        Value::Object(members.collect::<Map<_, _>>())
    }))
}

fn description() -> BoxedStrategy<Value> {
    prop_oneof![3 => string(), 1 => object(vec![("content", string())])].boxed()
}

fn entries() -> BoxedStrategy<Value> {
    list(object(vec![
        ("key", one_of(&["id", "page_token", "Content-Type", "Authorization", "Cookie", "a", "a[b]"])),
        ("value", string()),
        ("description", description()),
        ("type", one_of(&["text", "file"])),
        ("disabled", odd_flag()),
        ("src", odd().boxed()),
        ("contentType", one_of(&["application/json", "text/plain"])),
    ]))
}

fn odd_flag() -> BoxedStrategy<Value> {
    mostly(prop::bool::weighted(0.1).prop_map(Value::from))
}

fn url() -> BoxedStrategy<Value> {
    let whole = object(vec![
        ("raw", string()),
        ("protocol", one_of(&["https", "http"])),
        ("host", list(string())),
        ("port", odd().boxed()),
        ("path", list(one_of(&["a", ":id", "{{id}}", "{id}", "用户"]))),
        ("query", entries()),
        ("variable", entries()),
    ]);
    prop_oneof![3 => whole, 1 => string()].boxed()
}

/// JSON as text, whole or broken, or any other text.
fn body_text() -> BoxedStrategy<Value> {
    prop_oneof![
        3 => odd().prop_map(|value| Value::from(value.to_string())),
        1 => (odd(), text()).prop_map(|(value, text)| Value::from(format!("{value}{text}"))),
        1 => string(),
    ]
    .boxed()
}

fn request() -> BoxedStrategy<Value> {
    let body = object(vec![
        ("mode", one_of(&["raw", "formdata", "urlencoded", "graphql", "file"])),
        ("raw", body_text()),
        ("formdata", entries()),
        ("urlencoded", entries()),
        ("graphql", object(vec![("query", string()), ("variables", body_text())])),
        ("options", object(vec![("raw", object(vec![("language", one_of(&["json", "xml", "text"]))]))])),
    ]);
    let whole = object(vec![
        ("method", one_of(&["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "get", "LINK"])),
        ("url", url()),
        ("header", entries()),
        ("body", body),
        ("auth", auth()),
        ("description", description()),
    ]);
    prop_oneof![8 => whole, 1 => string()].boxed()
}

fn auth() -> BoxedStrategy<Value> {
    object(vec![
        ("type", one_of(&["bearer", "basic", "apikey", "oauth2", "noauth", "digest"])),
        ("bearer", entries()),
        ("apikey", entries()),
        ("oauth2", entries()),
    ])
}

fn item() -> BoxedStrategy<Value> {
    let response = object(vec![
        ("name", string()),
        ("code", mostly(select(vec![200, 204, 400, 404, 429, 0, 99, 1000]).prop_map(Value::from))),
        ("status", string()),
        ("header", entries()),
        ("body", body_text()),
        ("originalRequest", request()),
        ("_postman_previewlanguage", one_of(&["json", "text", "html"])),
    ]);
    let request = object(vec![
        ("name", string()),
        ("request", request()),
        ("response", list(response)),
        ("auth", auth()),
    ]);
    let folder = |item| {
        object(vec![
            ("name", string()),
            ("description", description()),
            ("item", list(item)),
            ("auth", auth()),
            ("variable", entries()),
        ])
    };
    prop_oneof![4 => request.clone(), 1 => folder(request)].boxed()
}

fn export() -> BoxedStrategy<Value> {
    let info = object(vec![
        ("name", string()),
        ("description", description()),
        ("version", odd().boxed()),
        ("schema", string()),
    ]);
    let collection =
        object(vec![("info", info), ("item", list(item())), ("variable", entries()), ("auth", auth())]);
    prop_oneof![6 => collection.clone(), 1 => collection.prop_map(|it| json!({"collection": it})), 2 => item(), 1 => list(item())]
        .boxed()
}

/// As many cases as `PROPTEST_CASES` says, else so many; what fails is not written into the sources.
fn config(cases: u32) -> ProptestConfig {
    let cases =
        if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default().cases } else { cases };
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 2000, ..ProptestConfig::default() }
}

/// The document and all that was said on the way; `None` when the input was refused.
fn convert(text: &str) -> Option<(String, Vec<String>)> {
    let mut said = Vec::new();
    let mut converter = Converter::new(|note| said.push(note));
    let source = Source::new("export.json", text.as_bytes().to_vec()).ok()?;
    converter.read(&source).ok()?;
    let converted = converter.finish(None).expect("nothing is refused without an overlay");
    let text = converted.to_text();
    Some((text, said.iter().map(ToString::to_string).collect()))
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn anything_in_any_place_gives_a_sound_document_or_a_refusal(export in export()) {
        let text = export.to_string();
        let Some((converted, _)) = convert(&text) else { return Ok(()) };
        let document: Value = serde_json::from_str(&converted).expect("a document is JSON");
        let mut names = BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("paths are an object") {
            for (method, operation) in item.as_object().expect("a path is an object") {
                let id = operation["operationId"].as_str().expect("every operation has a name");
                prop_assert!(names.insert(id.to_ascii_lowercase()), "{} is given twice", id);
                prop_assert!(operation["responses"].as_object().is_some_and(|all| !all.is_empty()), "{method} {path}");
            }
        }
        prop_assert_eq!(&convert(&text).expect("it was read before").0, &converted, "one input, two documents");
    }
}

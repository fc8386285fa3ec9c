//! With anything in any place of an export, the converter never panics and never writes an invalid document.
//!
//! Runs for seconds, or longer with
//! `PROPTEST_CASES=100000 cargo test -p postman-to-openapi --test converter properties`.

use std::collections::BTreeSet;

use postman_to_openapi::{Converter, Overlay, Source};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// Texts that are significant to some part of the converter.
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

/// Text with characters of several bytes, or whose length changes with their case.
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

/// Any JSON, some of it nested as deeply as a file may be.
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

/// Usually what belongs in this place, sometimes anything.
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

/// An object with any of its members missing.
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

/// JSON text, valid or broken, or any other text.
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
    let request =
        object(vec![("name", string()), ("request", request()), ("response", list(response)), ("auth", auth())]);
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
    let collection = object(vec![("info", info), ("item", list(item())), ("variable", entries()), ("auth", auth())]);
    prop_oneof![6 => collection.clone(), 1 => collection.prop_map(|it| json!({"collection": it})), 2 => item(), 1 => list(item())]
        .boxed()
}

/// Runs `PROPTEST_CASES` cases, or this many by default. Failures are not recorded in the sources.
fn config(cases: u32) -> ProptestConfig {
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default().cases } else { cases };
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 300, ..ProptestConfig::default() }
}

/// JSON in which no object has a member twice.
struct Unique;

impl<'de> serde::Deserialize<'de> for Unique {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Unique)
    }
}

impl<'de> serde::de::Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("JSON")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = BTreeSet::new();
        while let Some((name, _)) = map.next_entry::<String, Unique>()? {
            if let Some(twice) = names.replace(name) {
                return Err(serde::de::Error::custom(format!("an object has the member {twice} twice")));
            }
        }
        Ok(self)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Unique>()?.is_some() {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}

/// A collection with text in every place where a credential could be written by mistake.
fn collection(token: &str) -> Value {
    let described = |key: &str, value: &str| json!({"key": key, "value": value, "description": format!("About {key}. (This can only be one of {value},other)"), "contentType": "text/plain"});
    let request = |body: Value| {
        json!({
            "method": "POST",
            "url": {
                "raw": "https://user:pass@api.example/v1/pets/food/:petId?page=one&filter[size]=two",
                "query": [described("page", "one"), described("filter[size]", "two")],
                "variable": [described("petId", "seven")],
            },
            "header": [described("X-Trace", "three"), described("Content-Type", "application/json")],
            "description": "Feeds it.<br>**Scopes:** `pet:write`<br>**Rate Limit Label:** `Light`",
            "body": body,
        })
    };
    let raw = r#"{"name": "Tom", "owner": {"mail": "a@b.example", "tags": ["x"]}, "rows": [{"kind": "cat"}]}"#;
    let form = json!([described("field", "four"), described("other", "{\"inner\": \"five\"}")]);
    let oauth = json!({"type": "oauth2", "oauth2": [
        {"key": "grant_type", "value": "client_credentials"},
        {"key": "accessTokenUrl", "value": "https://auth.example/token/path?key=six"},
        {"key": "scope", "value": "first second"},
    ]});
    let key = json!({"type": "apikey", "apikey": [{"key": "key", "value": "X-Own"}, {"key": "in", "value": "header"}]});
    let item = |name: &str, request: &Value, auth: &Value| {
        let mut request = request.clone();
        request["auth"] = auth.clone();
        json!({"name": name, "request": request, "response": [
            {"name": "**Error Code:** `300` <br>\nNo such pet.", "code": 404},
            {"name": "Fed", "code": 200, "body": raw, "header": [described("X-Rate", "eight"), described("Content-Type", "application/json")],
             "originalRequest": request},
        ]})
    };
    json!({
        "info": {"name": "Pets", "description": "All pets.", "version": "one.two"},
        "variable": [{"key": "unused", "value": token, "type": "secret"}, {"key": "host", "value": "api.example"}],
        "item": [
            {"name": "Feeding", "description": "How to feed.", "item": [item("Feed a pet", &request(json!({"mode": "raw", "raw": raw})), &oauth)]},
            item("Groom a pet", &json!({"method": "PUT", "url": "https://{{host}}/{{version}}/groom/{{id}}/now?a=b",
                "body": {"mode": "formdata", "formdata": form}}), &key),
        ],
    })
}

/// The pointers to all texts.
fn texts(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(pointer.to_owned()),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, element)| texts(element, &format!("{pointer}/{at}"), found));
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| texts(member, &format!("{pointer}/{name}"), found));
        }
        _ => {}
    }
}

/// The text with each of its words replaced in turn, with one more word, and replaced as a whole.
fn variants(text: &str, with: &str) -> Vec<String> {
    let mut found = vec![with.to_owned(), format!("{text}{with}"), format!("{text} {with}")];
    let is_part = |c: char| c.is_ascii_alphanumeric();
    let words: BTreeSet<&str> = text.split(|c: char| !is_part(c)).filter(|word| !word.is_empty()).collect();
    found.extend(words.into_iter().map(|word| text.replace(word, with)));
    found
}

#[test]
fn a_known_credential_is_in_no_place_of_the_document() {
    let token = "abc123456defg";
    for (place, document) in exposing(token) {
        let line = document.lines().find(|line| line.to_lowercase().contains(token));
        assert!(line.is_none(), "{place}: {line:?}");
        let whole = serde_json::from_str::<openapiv3::OpenAPI>(&document);
        assert!(whole.is_ok(), "{place}: {}", whole.err().map(|error| error.to_string()).unwrap_or_default());
    }
}

/// A credential that consists of letters may also be the name of a field, which is kept.
#[test]
fn a_known_credential_of_letters_is_in_no_text_of_the_document() {
    let token = "correcthorsebatterystaple";
    for (place, document) in exposing(token) {
        let mut found = Vec::new();
        prose(&serde_json::from_str(&document).expect("JSON"), false, &mut found);
        let text = found.iter().find(|text| text.to_lowercase().contains(token));
        assert!(text.is_none(), "{place}: {text:?}");
    }
}

/// Documents of collections with a known credential in one more place each.
fn exposing(token: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let collection = collection(token);
    let mut places = Vec::new();
    texts(&collection, "", &mut places);
    places.retain(|place| !place.starts_with("/variable/0"));
    places.into_iter().flat_map(move |place| {
        let text = collection.pointer(&place).and_then(Value::as_str).expect("a text");
        let converted = variants(text, token).into_iter().filter_map(|variant| {
            let mut file = collection.clone();
            *file.pointer_mut(&place).expect("the text") = Value::from(variant.as_str());
            Some((format!("{place} is {variant}"), convert(&file.to_string())?.0))
        });
        converted.collect::<Vec<_>>()
    })
}

/// The texts that people read, the examples and their names, and the names of operations.
fn prose(value: &Value, is_prose: bool, found: &mut Vec<String>) {
    const PROSE: [&str; 9] = [
        "operationId",
        "summary",
        "description",
        "title",
        "tags",
        "message",
        "example",
        "examples",
        "x-rate-limit-label",
    ];
    match value {
        Value::String(text) if is_prose => found.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|element| prose(element, is_prose, found)),
        Value::Object(members) => {
            for (name, member) in members {
                if name == "examples" {
                    found.extend(member.as_object().into_iter().flat_map(Map::keys).cloned());
                }
                prose(member, is_prose || PROSE.contains(&name.as_str()), found);
            }
        }
        _ => {}
    }
}

/// The document and all notes; `None` if the input was refused.
fn convert(text: &str) -> Option<(String, Vec<String>)> {
    convert_with(text, None).map(|converted| converted.expect("a document"))
}

fn convert_with(
    text: &str,
    overlay: Option<&Overlay>,
) -> Option<Result<(String, Vec<String>), postman_to_openapi::Error>> {
    let mut said = Vec::new();
    let mut converter = Converter::new(|note| said.push(note));
    let source = Source::new("export.json", text.as_bytes().to_vec()).ok()?;
    converter.read(&source).ok()?;
    let converted = converter.finish(overlay).map(|converted| converted.to_text());
    Some(converted.map(|text| (text, said.iter().map(ToString::to_string).collect())))
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn anything_in_any_place_gives_a_valid_document_or_a_refusal(export in export()) {
        let text = export.to_string();
        let Some((converted, said)) = convert(&text) else { return Ok(()) };
        for line in said {
            prop_assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?} reaches the terminal raw");
        }
        let document: Value = serde_json::from_str(&converted).expect("a document is JSON");
        let unique = serde_json::from_str::<Unique>(&converted);
        prop_assert!(unique.is_ok(), "{}", unique.err().map(|error| error.to_string()).unwrap_or_default());
        let mut names = BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("paths are an object") {
            for (method, operation) in item.as_object().expect("a path is an object") {
                let id = operation["operationId"].as_str().expect("every operation has a name");
                prop_assert!(names.insert(id.to_ascii_lowercase()), "{} is given twice", id);
                prop_assert!(operation["responses"].as_object().is_some_and(|all| !all.is_empty()), "{method} {path}");
            }
        }
        let whole = serde_json::from_str::<openapiv3::OpenAPI>(&converted);
        prop_assert!(whole.is_ok(), "{}", whole.err().map(|error| error.to_string()).unwrap_or_default());
        let overlay = Overlay::new("overlay.json", "{}").expect("an object");
        let patched = convert_with(&text, Some(&overlay));
        prop_assert!(matches!(patched, Some(Ok(_))), "an empty overlay was refused: {:?}", patched);
        prop_assert_eq!(&convert(&text).expect("the same document").0, &converted, "the same input gave two documents");
    }

    #[test]
    fn any_text_is_accepted_wherever_people_write(texts in prop::collection::vec(text(), 8)) {
        let [folder, name, request, path, query, field, answer, info] = texts.as_slice() else { return Ok(()) };
        let export = json!({
            "info": {"name": info, "description": info},
            "item": [{"name": folder, "description": folder, "item": [{
                "name": name,
                "request": {
                    "method": "POST",
                    "url": {
                        "raw": "https://a.example/pets/:id",
                        "variable": [{"key": "id", "value": path, "description": path}],
                        "query": [{"key": "page", "value": query, "description": {"content": query}}],
                    },
                    "header": [{"key": "X-Trace", "value": query, "description": path}],
                    "description": request,
                    "body": {"mode": "formdata", "formdata": [{"key": "a", "value": field, "description": field}]},
                },
                "response": [
                    {"name": answer, "code": 400, "body": field},
                    {"name": request, "code": 429, "body": answer},
                ],
            }]}],
        });
        let (converted, _) = convert(&export.to_string()).expect("a collection");
        let document = serde_json::from_str::<openapiv3::OpenAPI>(&converted);
        prop_assert!(document.is_ok_and(|document| document.operations().count() == 1));
    }

    #[test]
    fn an_overlay_is_refused_or_gives_a_valid_document(
        place in any::<prop::sample::Index>(),
        name in prop::option::weighted(0.3, text()),
        value in odd(),
    ) {
        let document = small_document();
        let mut places = Vec::new();
        collect_places(&document, &mut Vec::new(), &mut places);
        let mut path = place.get(&places).clone();
        path.extend(name);
        let patch = path.iter().rev().fold(value, |inside, name| json!({name.as_str(): inside}));
        // An overlay must be an object.
        let Ok(overlay) = Overlay::new("overlay.json", &patch.to_string()) else { return Ok(()) };
        if let Ok(patched) = small(Some(&overlay)) {
            let read = serde_json::from_str::<openapiv3::OpenAPI>(&patched);
            prop_assert!(read.is_ok(), "{patch} was accepted: {}", read.err().map(|error| error.to_string()).unwrap_or_default());
        }
    }
}

#[test]
fn an_empty_overlay_changes_nothing() {
    let overlay = Overlay::new("overlay.json", "{}").expect("an object");
    let patched: Value = serde_json::from_str(&small(Some(&overlay)).expect("a document")).expect("a document");
    assert_eq!(patched, small_document());
}

/// A small document with every kind of member, patched.
fn small(overlay: Option<&Overlay>) -> Result<String, postman_to_openapi::Error> {
    let item = json!({
        "info": {"name": "Small", "version": "2"},
        "auth": {"type": "bearer"},
        "item": [{"name": "Pets", "description": "About pets.", "item": [{
            "name": "Change a pet",
            "request": {
                "method": "PATCH",
                "url": "https://{{host}}/pets/:petId?page=1",
                "header": [{"key": "X-Trace", "value": "7"}],
                "body": {"mode": "raw", "raw": "{\"names\": [\"a\"], \"age\": 3, \"owner\": {\"id\": null}}"},
            },
            "response": [
                {"name": "Done", "code": 200, "body": "{\"a\": 1}", "header": [{"key": "X-Rate", "value": "1"}]},
                {"name": "**Error Code:** `300` <br>\nNo such pet.", "code": 404},
            ],
        }]}],
    });
    let mut converter = Converter::new(drop);
    let source = Source::new("small.json", item.to_string().into_bytes()).expect("valid JSON");
    converter.read(&source).expect("a collection");
    Ok(converter.finish(overlay)?.to_text())
}

fn small_document() -> Value {
    serde_json::from_str(&small(None).expect("a document")).expect("a document")
}

/// The places in a document that a merge patch can reach.
fn collect_places(value: &Value, path: &mut Vec<String>, places: &mut Vec<Vec<String>>) {
    places.push(path.clone());
    for (name, member) in value.as_object().into_iter().flatten() {
        path.push(name.clone());
        collect_places(member, path, places);
        path.pop();
    }
}

//! Documents exported with `openapi-to-postmanv2` and converted back, compared fact by fact.
//!
//! The documents under `fixtures/` were written for this test and use every convention of the exporter;
//! `fixtures/export` exports them. [`LOST`] lists the facts that an export does not contain, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use postman_to_openapi::{Converter, Effect, Note, Source};
use serde_json::Value;

/// The exporter's interface and mode.
const EXPORTS: [&str; 3] = ["v1", "v2-example", "v2-schema"];
const DOCUMENTS: [&str; 3] = ["parameters", "forms", "examples"];

/// A kind of fact that an export does not contain.
struct Lost {
    exports: &'static [&'static str],
    /// A fact is lost if its key contains all of these and its value is one of `values` (or any, if empty).
    key: &'static [&'static str],
    values: &'static [&'static str],
    why: &'static str,
}

const ALL: &[&str] = &EXPORTS;
const V2: &[&str] = &["v2-example", "v2-schema"];
const LOST: [Lost; 23] = [
    // Types and formats.
    Lost {
        exports: ALL,
        key: &["format"],
        values: &["int32"],
        why: "written <integer>, or as a number like any other",
    },
    Lost { exports: &["v2-example"], key: &["format"], values: &["float", "double"], why: "a value is just a number" },
    Lost { exports: &["v2-example"], key: &["format"], values: &["hostname", "byte"], why: "a value is just a text" },
    Lost { exports: &["v2-example"], key: &["query ids", "type"], values: &["array"], why: "1,2 may be one text" },
    Lost { exports: &["v2-example"], key: &["query ids", "items"], values: &[], why: "1,2 may be one text" },
    Lost { exports: &["v2-example"], key: &["query sizes"], values: &["array", "integer"], why: "1|2 may be one text" },
    Lost {
        exports: &["v2-example"],
        key: &["multipart", "days"],
        values: &["array", "integer"],
        why: "joined with commas",
    },
    Lost {
        exports: &["v2-example"],
        key: &["multipart", "names"],
        values: &["array", "string"],
        why: "joined with commas",
    },
    Lost { exports: ALL, key: &["query box"], values: &[], why: "an exploded object leaves only its members' names" },
    Lost { exports: V2, key: &["multipart", "settings."], values: &[], why: "written [object Object]" },
    Lost { exports: V2, key: &["multipart", "guests."], values: &[], why: "written [object Object]" },
    Lost { exports: ALL, key: &["xml"], values: &["object", "integer"], why: "XML is kept as text" },
    Lost { exports: ALL, key: &["nullable"], values: &[], why: "null is one value among others, and is not chosen" },
    // Enums: each interface of the exporter omits them in different places.
    Lost { exports: &["v1"], key: &["query", "enum"], values: &[], why: "written for form fields only" },
    Lost { exports: &["v1"], key: &["header", "enum"], values: &[], why: "written for form fields only" },
    Lost { exports: V2, key: &["multipart", "enum"], values: &[], why: "written for parameters only" },
    Lost { exports: ALL, key: &["urlencoded", "enum"], values: &[], why: "written for parameters only" },
    // Required.
    Lost { exports: ALL, key: &["json", "required"], values: &[], why: "a body lists every member there is" },
    Lost { exports: ALL, key: &["body required"], values: &["false"], why: "a request is exported with its body" },
    // Responses.
    Lost { exports: ALL, key: &["answers 5XX"], values: &[], why: "written 500" },
    Lost { exports: &["v1"], key: &["answers default"], values: &[], why: "written 500" },
    Lost {
        exports: &["v1"],
        key: &["answers 200", ".left type"],
        values: &[],
        why: "only the first example is exported",
    },
    // Security.
    Lost { exports: ALL, key: &["security"], values: &[""], why: "`security: []` is written like an inherited one" },
];

fn read(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn converted(name: &str) -> Value {
    let mut left_out = Vec::new();
    let mut converter = Converter::new(|note: Note| {
        if note.effect == Effect::LeftOut {
            left_out.push(note.to_string());
        }
    });
    converter.read(&Source::new(name, read(name)).expect("the fixture is JSON")).expect("the fixture is a collection");
    let text = converter.finish(None).expect("a document").to_text();
    assert_eq!(left_out, Vec::<String>::new());
    serde_json::from_str(&text).expect("a document is JSON")
}

type Facts = BTreeMap<String, String>;

/// All facts of a document, one per line.
fn facts(document: &Value) -> Facts {
    let mut facts = Facts::new();
    let mut say = |key: String, value: &Value| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Array(list) => {
                list.iter().map(|item| item.to_string().replace('"', "")).collect::<Vec<_>>().join(",")
            }
            other => other.to_string(),
        };
        facts.insert(key, text);
    };
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten().filter(|(key, _)| *key != "parameters") {
            let place = format!("{} {path}:", method.to_uppercase());
            for key in ["summary", "tags"] {
                say(format!("{place} {key}"), &operation[key]);
            }
            let security = operation.get("security").unwrap_or(&document["security"]);
            say(format!("{place} security"), &Value::from(schemes(security, document)));
            let shared = item["parameters"].as_array().into_iter().flatten();
            for parameter in operation["parameters"].as_array().into_iter().flatten().chain(shared) {
                let (name, within) = (text(&parameter["name"]), text(&parameter["in"]));
                let place = format!("{place} {within} {name}");
                say(format!("{place} required"), &Value::Bool(parameter["required"] == true));
                if parameter["description"].is_string() {
                    // Text that only resembles a link is escaped.
                    let plain = text(&parameter["description"]).replace("\\[", "[");
                    say(format!("{place} description"), &Value::from(plain));
                }
                schema(&place, &parameter["schema"], &mut say);
            }
            if operation["requestBody"].is_object() {
                let required = operation["requestBody"]["required"] == true;
                say(format!("{place} body required"), &Value::Bool(required));
                content(&format!("{place} body"), &operation["requestBody"], &mut say);
            }
            for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
                let place = format!("{place} answers {status}");
                if !text(&answer["description"]).contains("**") {
                    say(format!("{place} description"), &answer["description"]);
                }
                for (name, header) in answer["headers"].as_object().into_iter().flatten() {
                    schema(&format!("{place} header {name}"), &header["schema"], &mut say);
                }
                content(&place, answer, &mut say);
            }
        }
    }
    facts
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Security without the names of the schemes, which an export does not contain.
fn schemes(security: &Value, document: &Value) -> String {
    let mut all = Vec::new();
    for (name, scopes) in security.as_array().into_iter().flatten().filter_map(Value::as_object).flatten() {
        let scheme = &document["components"]["securitySchemes"][name];
        let flows: Vec<_> = scheme["flows"].as_object().into_iter().flatten().collect();
        let urls: Vec<_> = flows
            .iter()
            .map(|(flow, urls)| format!("{flow} {} {}", urls["authorizationUrl"], urls["tokenUrl"]))
            .collect();
        let parts = [
            &scheme["type"],
            &scheme["scheme"],
            &scheme["in"],
            if scheme["in"].is_null() { &Value::Null } else { &scheme["name"] },
        ];
        all.push(format!("{parts:?} {scopes} {urls:?}"));
    }
    all.join(" or ")
}

fn content(place: &str, holder: &Value, say: &mut impl FnMut(String, &Value)) {
    for (media, body) in holder["content"].as_object().into_iter().flatten() {
        schema(&format!("{place} {media}"), &body["schema"], say);
    }
}

fn schema(place: &str, schema: &Value, say: &mut impl FnMut(String, &Value)) {
    for key in ["type", "format", "enum", "nullable", "description"] {
        if let Some(value) = schema.get(key) {
            say(format!("{place} {key}"), value);
        }
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        say(format!("{place}.{} required", text(name)), &Value::Bool(true));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        self::schema(&format!("{place}.{name}"), property, say);
    }
    for key in ["items", "additionalProperties"] {
        if schema[key].is_object() {
            self::schema(&format!("{place}.{key}"), &schema[key], say);
        }
    }
}

#[test]
fn everything_an_export_contains_is_converted_back() {
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<(&str, &str), (usize, usize, usize)> = BTreeMap::new();
    for document in DOCUMENTS {
        let original: Value = serde_json::from_slice(&read(&format!("{document}.openapi.json"))).expect("JSON");
        let expected = facts(&original);
        for export in EXPORTS {
            let found = facts(&converted(&format!("{document}.{export}.postman.json")));
            for (key, value) in &found {
                let claims = key.ends_with(" enum") || key.ends_with("required") && value == "true";
                if claims && !expected.contains_key(key) {
                    wrong.push(format!("{document}.{export}: {key}: {value} is invented"));
                }
            }
            for (key, value) in &expected {
                let kind = ["required", "enum", "type", "format"]
                    .into_iter()
                    .find(|kind| key.ends_with(kind))
                    .unwrap_or("other");
                let count = counts.entry((export, kind)).or_default();
                if found.get(key) == Some(value) {
                    count.0 += 1;
                    continue;
                }
                let lost = LOST.iter().position(|lost| {
                    lost.exports.contains(&export)
                        && lost.key.iter().all(|part| key.contains(part))
                        && (lost.values.is_empty() || lost.values.contains(&value.as_str()))
                });
                match lost {
                    Some(at) => {
                        used.insert(at);
                        count.1 += 1;
                    }
                    None => {
                        count.2 += 1;
                        wrong.push(format!("{document}.{export}: {key}: {value} became {:?}", found.get(key)));
                    }
                }
            }
        }
    }
    println!("{:<12} {:<9} {:>6} {:>9} {:>6}", "export", "facts", "found", "lost", "wrong");
    for ((export, kind), (found, lost, wrong)) in counts {
        println!("{export:<12} {kind:<9} {found:>6} {lost:>9} {wrong:>6}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let idle: Vec<_> =
        LOST.iter().enumerate().filter(|(at, _)| !used.contains(at)).map(|(_, lost)| (lost.key, lost.why)).collect();
    assert!(idle.is_empty(), "these entries of LOST match no fact: {idle:?}");
}

//! What generation makes of each of `fixtures.rs`: the code, or the one sentence that refuses the document.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

static OUTCOMES: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let outcomes = include_str!(concat!(env!("OUT_DIR"), "/outcomes.json"));
    serde_json::from_str(outcomes).expect("outcomes")
});

/// Without the layout, so that a search may span what is a line break today.
fn code(name: &str) -> String {
    let code = OUTCOMES[name]["code"].as_str().unwrap_or_else(|| panic!("{name}: {}", OUTCOMES[name]));
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn sentence(name: &str) -> &'static str {
    OUTCOMES[name]["sentence"].as_str().unwrap_or_else(|| panic!("{name} is accepted"))
}

#[test]
fn no_page_shows_a_method_that_the_client_does_not_have() {
    let client = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));
    assert!(client.contains("Sends a `GET` request to"), "the pages are there");
    for gone in [".send()", "```ignore", "Arguments:"] {
        assert!(!client.contains(gone), "{gone}");
    }
}

#[test]
fn no_two_public_types_share_a_name() {
    let client = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));
    let names = ["pub struct ", "pub enum "].iter().flat_map(|start| client.split(start).skip(1));
    let names =
        names.map(|rest| rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next());
    let mut seen = std::collections::BTreeSet::new();
    for name in names.flatten() {
        assert!(
            seen.insert(name),
            "two types are named {name}, which makes a compiler message about both ambiguous"
        );
    }
    assert!(seen.iter().any(|name| name.ends_with("Builder")), "{seen:?}");
}

#[test]
fn a_document_that_cannot_be_used_is_refused_in_one_sentence_that_names_the_place() {
    let circular = "leads back to itself";
    let nowhere = "leads nowhere";
    let nested = "no style says how to send a list or an object in another";
    for (name, place, words) in [
        ("not JSON", "", "is not JSON"),
        ("no paths", "", "has no `paths`"),
        ("code names", "", "takes numbers and names such as USER_NOT_FOUND, not `300: invalid id`"),
        ("no id", "GET /a", "has no `operationId`"),
        ("same id", "`getA` (GET /b)", "another has that `operationId`"),
        ("path item", "/a", "is a `$ref`, which is not followed"),
        ("open brace", "`getA` (GET /a/{b)", "a `{` without its name or its `}`"),
        ("close brace", "`getA` (GET /a/b})", "a `}` without its `{`"),
        ("undescribed", "`getA` (GET /a/{b})", "its path's `b` is not described"),
        ("unused", "parameter `id`", "the path does not name it"),
        ("path style", "parameter `id`", "the style `matrix` of a path cannot be sent"),
        ("path list", "parameter `id`", "a path takes a single text"),
        ("query list in a list", "parameter `a`", nested),
        ("query list in an object", "parameter `a`", nested),
        (
            "query deep text",
            "parameter `a`",
            "`deepObject` of a query cannot be sent for a schema of type `string`",
        ),
        (
            "query piped object",
            "parameter `a`",
            "`pipeDelimited` of a query cannot be sent for a schema of type `object`",
        ),
        ("query matrix", "parameter `a`", "the style `matrix`"),
        ("query reserved", "parameter `a`", "`allowReserved` cannot be sent"),
        ("header form", "parameter `a`", "the style `form` of a header cannot be sent"),
        ("header name", "parameter `a b`", "that is not a header's name"),
        ("cookie exploded", "parameter `a`", "a cookie has one value"),
        ("cookie name", "parameter `a=b`", "that is not a cookie's name"),
        ("content", "parameter `a`", "can only be sent as JSON"),
        ("place", "parameter `a`", "`in` is `body`"),
        ("twice", "parameter `a`", "it is described twice in its query"),
        (
            "nested file",
            "`createA` (POST /a)",
            "the file in its body's `a` cannot be sent: only a field of the form itself can be a file",
        ),
        ("circular parameter", "/a: the `$ref` `#/components/parameters/a`", circular),
        ("circular answer", "/a: the `$ref` `#/components/responses/a`", circular),
        ("circular body", "/a: the `$ref` `#/components/requestBodies/a`", circular),
        ("circular schema", "schema `a`", circular),
        ("schema made of itself", "schema `a`", circular),
        ("missing parameter", "/a: the `$ref` `#/components/parameters/a`", nowhere),
        ("missing schema", "/a: the `$ref` `#/components/schemas/a`", nowhere),
    ] {
        let sentence = sentence(name);
        assert!(sentence.starts_with("spec/openapi.json"), "{name}: {sentence}");
        assert!(sentence.contains(place) && sentence.contains(words), "{name}: {sentence}");
        assert!(!sentence.contains('\n'), "{name}: {sentence}");
    }
}

#[test]
fn a_pass_that_finds_nothing_to_change_says_which_and_for_what() {
    for (name, words) in [
        (
            "missing fields",
            "the pass that words what is missing found nothing to change for `Node2` of schema `node`",
        ),
        (
            "missing parameters",
            "the pass that words what is missing found nothing to change for operation `sendHeaders`",
        ),
        (
            "values of enums",
            "the pass that names an enum's values found nothing to change for `SendFieldsBodyType` of operation `sendFields`",
        ),
        (
            "unnamed fields",
            "the pass that keeps unnamed fields found nothing to change for `GetMaybeResponse` of operation `getMaybe`",
        ),
        ("inner types", "the pass that takes an optional field's inner type found nothing to change for"),
        ("refusals", "the pass that words a setter's refusal found nothing to change for"),
        ("send", "the method `dispatch_alike` is no operation's"),
        ("methods", "the method `dispatch_query` is no operation's"),
    ] {
        let sentence = sentence(&format!("tampered: {name}"));
        assert!(sentence.starts_with("build.rs: progenitor's code has changed: "), "{sentence}");
        assert!(sentence.contains(words), "{name}: {sentence}");
    }
}

#[test]
fn three_hundred_operations_have_a_method_each() {
    let code = code("300 operations");
    for number in [0, 1, 10, 100, 299] {
        assert!(
            code.contains(&format!("pub fn get_thing{number}(&self) -> builder::GetThing{number}")),
            "{number}"
        );
    }
    assert_eq!(code.matches("impl ::std::future::IntoFuture for").count(), 300);
}

#[test]
fn an_operation_that_progenitor_cannot_type_is_kept_and_named_in_a_note() {
    let name = "a type of another version";
    let code = code(name);
    assert!(code.contains("pub fn create_a(&self)") && !code.contains("struct CreateABody"), "{code}");
    assert!(code.contains("Result<types::GetBResponse, crate::Error>"), "{code}");
    let notes = OUTCOMES[name]["notes"].as_array().expect("notes");
    let note = notes[0].as_str().expect("a sentence");
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        note.contains("operation `createA` (POST /a): its body is plain JSON and its answer bytes"),
        "{note}"
    );
}

#[test]
fn of_several_media_types_json_is_taken_and_then_a_form() {
    for (name, media_type) in [
        ("of text and JSON", "application/json"),
        ("of a form and +json", "application/merge-patch+json"),
        ("of two forms", "multipart/form-data"),
        ("of XML and a form", "application/x-www-form-urlencoded"),
    ] {
        let code = code(name);
        assert!(code.contains(&format!("media_type: Some(\"{media_type}\")")), "{name}");
        assert!(code.contains("pub struct CreateABody"), "{name} stays typed");
    }
}

#[test]
fn each_kind_of_success_becomes_the_nearest_type() {
    let typed = "Result<types::GetAResponse, crate::Error>";
    let raw = "Result<crate::RawBody, crate::Error>";
    for (name, output) in [
        ("bodiless", "Result<(), crate::Error>"),
        ("one success", typed),
        ("a +json success", typed),
        ("a success twice", typed),
        ("a success or none", "::Option<types::GetAResponse>, crate::Error>"),
        ("two successes", "Result<::serde_json::Value, crate::Error>"),
        ("raw", raw),
        ("raw or none", raw),
        ("no success", raw),
        ("neither success nor failure", raw),
    ] {
        let code = code(name).replace("Result< ", "Result<").replace(", >", ">");
        assert!(code.contains(output), "{name} → {output}\n{code}");
    }
}

#[test]
fn a_path_id_checks_itself() {
    for (name, rust) in [
        ("meeting id", "crate::MeetingId"),
        ("webinar id", "crate::WebinarId"),
        ("text id", "crate::PathSegment"),
        ("number id", "i64"),
    ] {
        assert!(code(name).contains(&format!("TryInto<{rust}>")), "{name}");
    }
}

#[test]
fn lengths_waits_and_codes_travel_beside_the_code() {
    let code = code("facts");
    for facts in [
        "pub key: ::std::option::Option<crate::Secret>",
        "pub name: ::std::option::Option<::std::string::String>",
        "#[schemars(length(max = 512))]",
        "#[schemars(length(min = 1, max = 50))]",
        "///1 to 50 characters.",
        r#""key", Some(&given_body) .and_then(|value| value.key.as_ref()) .map(crate::Secret::expose), None, Some(512),"#,
        r#".and_then(|value| value.name.as_ref()) .map(::std::string::String::as_str), Some(1), Some(50),"#,
        "documented_wait: Some(::std::time::Duration::from_secs(30u64))",
        r#"status: 400u16, code: 300i64, message: "No.""#,
    ] {
        assert!(code.contains(facts), "{facts}\n{code}");
    }
}

#[test]
fn there_is_one_way_to_send_and_nothing_that_skips_the_layer() {
    let code = code("committed");
    for absent in [
        "fn send",
        "fn new_with_client",
        "pub fn new(",
        "api_version",
        "api-version",
        ".unwrap()",
        "<details>",
        "JSON schema",
    ] {
        assert!(!code.contains(absent), "{absent}");
    }
    let (types, _) = code.split_once("pub mod builder").expect("builders of types");
    let all = types.matches("pub struct ").count() + types.matches("pub enum ").count();
    assert_eq!(types.matches("#[non_exhaustive]").count(), all);
}

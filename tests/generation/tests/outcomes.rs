//! The outcome of generation for each document of `fixtures.rs`: the code, or the one-sentence error.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

static OUTCOMES: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let outcomes = include_str!(concat!(env!("OUT_DIR"), "/outcomes.json"));
    serde_json::from_str(outcomes).expect("outcomes")
});

/// With whitespace collapsed, so that a search can span lines.
fn code(name: &str) -> String {
    let code = OUTCOMES[name]["code"].as_str().unwrap_or_else(|| panic!("{name}: {}", OUTCOMES[name]));
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One per line.
fn notes(name: &str) -> String {
    let notes = OUTCOMES[name]["notes"].as_array().expect("notes");
    notes.iter().map(|note| note.as_str().expect("a sentence")).collect::<Vec<_>>().join("\n")
}

fn sentence(name: &str) -> &'static str {
    OUTCOMES[name]["sentence"].as_str().unwrap_or_else(|| panic!("{name} is accepted"))
}

#[test]
fn no_page_shows_a_method_that_does_not_exist() {
    let client = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));
    assert!(client.contains("Sends a `GET` request to"), "the pages are there");
    for gone in [".send()", "```ignore", "Arguments:"] {
        assert!(!client.contains(gone), "{gone}");
    }
}

#[test]
fn a_description_is_kept_whatever_its_words() {
    let code = code("progenitor's words in descriptions");
    for kept in ["Arguments: none.", "The end.", "Some <details> of a thing."] {
        assert!(code.contains(kept), "{kept}\n{code}");
    }
    assert!(!code.contains(".send()"), "{code}");
}

#[test]
fn a_path_with_adjacent_slashes_is_documented_and_sent_as_it_is() {
    let code = code("adjacent slashes");
    assert!(code.contains("Sends a `GET` request to `/a//b`"), "{code}");
    assert!(!code.contains("/a/b"), "{code}");
}

#[test]
fn a_parameter_that_may_be_empty_is_noted() {
    assert!(
        notes("empty values").contains("parameter `a`: it cannot be sent empty"),
        "{}",
        notes("empty values")
    );
}

#[test]
fn a_combination_that_typify_cannot_merge_is_untyped_and_noted() {
    for (name, reason) in [
        ("alike in a combination", "the Rust name of its field `a_b` is taken"),
        ("millions of alternatives", "it stands for more than 100 types"),
    ] {
        let note = format!(
            "operation `createA` (POST /a): a combination of schemas is untyped JSON, because {reason}"
        );
        assert!(notes(name).contains(&note), "{}", notes(name));
        assert!(
            code(name).contains("value: V) -> Self where V: std::convert::TryInto<::serde_json::Value>"),
            "{name}"
        );
    }
}

#[test]
fn a_field_that_would_be_merged_without_end_is_untyped_and_noted() {
    let name = "a field merged without end";
    let words = "several of its parts describe the field `next`, which contains itself";
    assert!(notes(name).contains(words), "{}", notes(name));
    assert!(code(name).contains("pub struct A(pub ::serde_json::Value);"), "{}", code(name));
}

#[test]
fn a_file_that_would_be_sent_as_text_is_refused() {
    assert!(sentence("file beside alternatives").contains("a file in a body with `allOf`"));
}

#[test]
fn documentation_has_no_characters_that_rustc_refuses_in_a_comment() {
    let client = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));
    assert!(client.contains("another direction."), "the description is there");
    assert!(!client.contains(['\r', '\u{202e}']));
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
fn only_types_that_are_sent_have_a_builder() {
    let committed = code("committed");
    for built in ["UpdateMeetingLiveStreamBody", "UpdateMeetingLiveStreamStatusBodySettings"] {
        assert!(committed.contains(&format!("pub fn builder() -> builder::{built}Builder")), "{built}");
    }
    for answered in
        ["GetMeetingLiveStreamDetailsResponse", "MeetingEvent", "MeetingLiveStreamingEventPayloadObject"]
    {
        assert!(committed.contains(&format!("pub struct {answered} {{")), "{answered}");
        assert!(!committed.contains(&format!("{answered}Builder")), "{answered}");
    }
    // In parameters, in bodies, in schemas inside them, and in an answer.
    let client = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));
    for (name, is_built) in
        [("SendQueryDeep", true), ("SendFieldsBody", true), ("Node2", true), ("SendFieldsResponse", false)]
    {
        assert!(client.contains(&format!("pub struct {name} {{")), "{name}");
        assert_eq!(client.contains(&format!("pub struct {name}Builder {{")), is_built, "{name}");
    }
}

#[test]
fn a_type_becomes_a_builder_again_only_where_a_whole_body_is_set() {
    let committed = code("committed");
    let back = |name: &str| format!("impl ::std::convert::From<super::{name}> for {name}Builder");
    assert!(committed.contains(&back("UpdateMeetingLiveStreamStatusBody")));
    assert!(!committed.contains(&back("UpdateMeetingLiveStreamStatusBodySettings")));
}

#[test]
fn every_type_of_an_event_can_be_named_in_the_module_of_events() {
    let committed = code("committed");
    let names = committed.split("pub struct ").skip(1).filter_map(|rest| rest.split(' ').next());
    let of_events =
        |name: &&str| name.starts_with("MeetingEvent") || name.starts_with("MeetingLiveStreamingEvent");
    let (_, exported) =
        committed.split_once("mod of_events { #[doc(inline)]").expect("a module of their types");
    let (exported, _) = exported.split_once(';').expect("a list of types");
    let exported: Vec<&str> = exported.split(|letter: char| !letter.is_alphanumeric()).collect();
    let names: Vec<&str> = names.filter(of_events).collect();
    assert!(names.len() > 2, "{names:?}");
    for name in names {
        assert!(exported.contains(&name), "`of_events` does not re-export {name}");
    }
}

#[test]
fn schemas_nested_as_deeply_as_json_can_be_read_are_generated_on_any_systems_stack() {
    for name in ["deepest lists", "deepest objects"] {
        assert!(code(name).contains("pub fn create_a"), "{name}");
    }
}

#[test]
fn an_unusable_document_is_refused_in_one_sentence_that_names_the_place() {
    let circular = "is circular";
    let nowhere = "has no target";
    let nested = "no style defines how to send a list or an object inside another";
    for (name, place, words) in [
        ("not JSON", "", "is not valid JSON"),
        ("no paths", "", "has no `paths`"),
        (
            "code names",
            "",
            "maps each error code, a plain integer, to a name of its own such as USER_NOT_FOUND; `300: invalid id` is not valid",
        ),
        ("code with a zero", "", "`0300: OTHER` is not valid"),
        ("code name twice", "", "`301: SAME` is not valid"),
        ("no id", "GET /a", "has no `operationId`"),
        ("same id", "`getA` (GET /b)", "another operation has the same `operationId`"),
        ("path item", "/a", "is a `$ref`, which is not supported here"),
        ("open brace", "`getA` (GET /a/{b)", "a `{` without a name and a closing `}`"),
        ("close brace", "`getA` (GET /a/b})", "a `}` without a `{`"),
        (
            "undescribed",
            "`getA` (GET /a/{b})",
            "its path contains `{b}`, but no path parameter has that name",
        ),
        ("unused", "parameter `id`", "the path does not contain it"),
        ("path style", "parameter `id`", "the style `matrix` is not supported in a path"),
        ("path list", "parameter `id`", "a path parameter must be a single value"),
        ("query list in a list", "parameter `a`", nested),
        ("query list in an object", "parameter `a`", nested),
        (
            "query deep text",
            "parameter `a`",
            "`deepObject` is not supported in a query for a schema of type `string`",
        ),
        (
            "query piped object",
            "parameter `a`",
            "`pipeDelimited` is not supported in a query for a schema of type `object`",
        ),
        ("query matrix", "parameter `a`", "the style `matrix`"),
        ("query reserved", "parameter `a`", "`allowReserved` is not supported"),
        ("header form", "parameter `a`", "the style `form` is not supported in a header"),
        ("header name", "parameter `a b`", "this is not a valid header name"),
        ("a later OpenAPI", "", "is OpenAPI 3.1.0, but only 3.0 can be generated"),
        ("a schema of another kind", "schema `C`", "progenitor cannot generate it"),
        ("no slash", "", "the path `a` does not begin with a slash"),
        (
            "one path twice",
            "",
            "the paths `/a/{B}/c` and `/a/{b}/c` differ only in the names of their parameters",
        ),
        ("a body of any image", "`createA` (POST /a)", "a body cannot be sent as `image/*`"),
        ("another multipart", "`createA` (POST /a)", "a body cannot be sent as `multipart/mixed`"),
        ("cookie exploded", "parameter `a`", "a cookie has a single value"),
        ("cookie name", "parameter `a=b`", "this is not a valid cookie name"),
        ("content", "parameter `a`", "only supported with a JSON media type"),
        ("place", "parameter `a`", "not `body`"),
        ("twice", "parameter `a`", "the query has two parameters of this name"),
        ("header twice", "parameter `x-a`", "the header has two parameters of this name"),
        ("path list in a combination", "parameter `id`", "a path parameter must be a single value"),
        ("cookie in a combination", "parameter `a`", "a cookie has a single value"),
        ("query list in a combination", "parameter `a`", nested),
        (
            "files of any name",
            "`createA` (POST /a)",
            "a file outside the body's own `properties` cannot be sent: only top-level form fields can be files",
        ),
        (
            "file in a combination",
            "`createA` (POST /a)",
            "a file outside the body's own `properties` cannot be sent: only top-level form fields can be files",
        ),
        (
            "nested file",
            "`createA` (POST /a)",
            "the file inside the body's field `a` cannot be sent: only top-level form fields can be files",
        ),
        ("circular parameter", "/a: the `$ref` `#/components/parameters/a`", circular),
        ("circular answer", "/a: the `$ref` `#/components/responses/a`", circular),
        ("circular body", "/a: the `$ref` `#/components/requestBodies/a`", circular),
        ("circular schema", "schema `a`", circular),
        ("schema made of itself", "schema `a`", circular),
        ("missing parameter", "/a: the `$ref` `#/components/parameters/a`", nowhere),
        ("missing schema", "/a: the `$ref` `#/components/schemas/a`", nowhere),
        ("missing schema of a shared parameter", "/a: the `$ref` `#/components/schemas/a`", nowhere),
        ("missing schema of a property called default", "/a: the `$ref` `#/components/schemas/a`", nowhere),
        ("missing schema of a property called example", "/a: the `$ref` `#/components/schemas/a`", nowhere),
    ] {
        let sentence = sentence(name);
        assert!(sentence.starts_with("spec/openapi.json"), "{name}: {sentence}");
        assert!(sentence.contains(place) && sentence.contains(words), "{name}: {sentence}");
        assert!(!sentence.contains('\n'), "{name}: {sentence}");
    }
}

#[test]
fn a_pass_that_finds_nothing_to_change_fails_and_names_itself_and_the_operation() {
    for (name, words) in [
        (
            "missing fields",
            "the pass that rewords errors for missing values found nothing to change for `Node2` of schema `node`",
        ),
        (
            "missing parameters",
            "the pass that rewords errors for missing values found nothing to change for operation `sendHeaders`",
        ),
        (
            "values of enums",
            "the pass that lists an enum's values in its error found nothing to change for `SendFieldsBodyType` of operation `sendFields`",
        ),
        (
            "unnamed fields",
            "the pass that keeps unknown fields found nothing to change for `GetMaybeResponse` of operation `getMaybe`",
        ),
        (
            "inner types",
            "the pass that makes setters take an optional field's inner type found nothing to change for",
        ),
        (
            "methods that return builders",
            "the pass that removes the builders of what only Zoom sends found nothing to change for `GetMaybeResponse` of operation",
        ),
        (
            "modules of builders",
            "the pass that removes the builders of what only Zoom sends found nothing to change for",
        ),
        (
            "conversions into builders",
            "the pass that removes unused conversions into builders found nothing to change for",
        ),
        ("order of enums", "the pass that removes the order of enums found nothing to change for"),
        ("refusals", "the pass that rewords a setter's error found nothing to change for"),
        ("send", "operation `sendAlike` (POST /alike) has no `send` that returns a `ResponseValue`"),
        ("methods", "the method `dispatch_query` does not belong to any operation"),
        ("a method", "operation `sendQuery` (GET /query) has no method `send_query`"),
        (
            "pages",
            "the pass that removes what progenitor adds to a method's page found nothing to change for operation",
        ),
        (
            "names of builders",
            "the pass that names builders found nothing to change for `BodyCallBody` of operation `body`",
        ),
        (
            "builders of bodies",
            "the pass that names builders found nothing to change for `BodyCallBody` of operation `body`",
        ),
        (
            "types",
            "the pass that marks types as `#[non_exhaustive]` found nothing to change for `Node2` of schema `node`",
        ),
        (
            "types of a feature",
            "the pass that collects the types of a feature found nothing to change for `Labels` of `labels`",
        ),
        ("fields", "the pass that describes fields found nothing to change for `Node2` of schema `node`"),
        (
            "fields with a length",
            "the pass that checks lengths found nothing to change for `title` of operation `sendCombinedLengths`",
        ),
        ("names of fields", "`Node2` of schema `node` has a field `title` that is not in the description"),
        ("a missing field", "the builder of operation `sendQuery` (GET /query) lacks the field `plain`"),
        (
            "another field",
            "the builder of operation `sendQuery` (GET /query) has fields that are not in the description",
        ),
        ("a setter", "the builder of operation `sendQuery` (GET /query) has no setter `plain`"),
        (
            "names of setters",
            "the builder of operation `sendQuery` (GET /query) has an unexpected method `simple`",
        ),
    ] {
        let sentence = sentence(&format!("tampered: {name}"));
        assert!(
            sentence.starts_with(
                "build.rs: progenitor generated something unexpected, so its version has probably changed: "
            ),
            "{sentence}"
        );
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
fn an_operation_that_progenitor_cannot_type_is_kept_with_a_warning() {
    let name = "a type of another version";
    let code = code(name);
    assert!(code.contains("pub fn create_a(&self)") && !code.contains("struct CreateABody"), "{code}");
    assert!(code.contains("Result<types::GetBResponse, crate::Error>"), "{code}");
    let note = notes(name);
    assert_eq!(note.lines().count(), 1, "{note}");
    assert!(note.contains("operation `createA` (POST /a): its body is untyped JSON, because"), "{note}");
}

#[test]
fn the_warning_names_what_became_untyped() {
    let note = notes("a parameter of another version");
    assert!(note.contains("(POST /a): its parameter `a-b` is untyped JSON, because"), "{note}");
    let sends = code("a parameter of another version");
    assert!(sends.contains("a_b: Result<Option<::serde_json::Value>, String>"), "{sends}");
    assert!(sends.contains("body: Result<crate::RawBody, String>"), "{sends}");
    let note = notes("an answer of another version");
    assert!(note.contains("(GET /a): its answer is bytes, because"), "{note}");
}

#[test]
fn a_server_of_an_operation_or_a_path_is_noted() {
    for name in ["servers of an operation", "servers of a path"] {
        let words = "operation `getA` (GET /a): its own server URL is not used: every call goes to the client's base URL";
        assert!(notes(name).contains(words), "{name}: {}", notes(name));
    }
}

#[test]
fn an_optional_body_that_cannot_be_left_out_is_noted() {
    for name in ["an optional body with a required field", "an optional raw body"] {
        let words = "(POST /a): its optional body is always sent: only an object without required fields can be left out";
        assert!(notes(name).contains(words), "{name}: {}", notes(name));
    }
}

#[test]
fn a_note_is_one_line() {
    assert!(notes("a line break in a name").contains("parameter `a b`: it cannot be sent empty"));
}

#[test]
fn a_request_that_allows_unknown_fields_has_extra() {
    let code = code("unknown fields");
    assert!(code.contains("pub extra: crate::Extra"), "{code}");
}

#[test]
fn a_forms_media_type_is_recognized_in_any_case() {
    let code = code("a form in another case");
    assert!(
        code.contains("pub struct CreateABody") && code.contains("crate::body::Encoded::form("),
        "{code}"
    );
}

#[test]
fn a_length_that_is_not_checked_is_noted() {
    let name = "a list of a combination";
    assert!(code(name).contains("pub fn list<"));
    let words = "(POST /a): lengths inside `list[]` are not checked, because it has several schemas";
    assert!(notes(name).contains(words), "{}", notes(name));
}

#[test]
fn form_fields_that_are_not_sent_as_described_are_noted() {
    let notes = notes("encodings");
    let noted: Vec<&str> =
        notes.split("its form field `").skip(1).filter_map(|rest| rest.split('`').next()).collect();
    assert_eq!(noted, ["csv", "list", "xml_object"], "{notes}");
}

#[test]
fn a_secret_stays_one_if_its_type_is_in_another_part_of_a_combination() {
    let code = code("a secret in a combination");
    assert!(code.contains("pub a: ::std::option::Option<crate::Secret>"), "{code}");
    assert!(
        code.contains("pub b: ::std::collections::HashMap<::std::string::String, crate::Secret>"),
        "{code}"
    );
}

#[test]
fn an_extension_among_the_paths_is_ignored() {
    assert!(code("an extension among paths").contains("pub fn get_a("));
}

#[test]
fn a_body_of_any_kind_is_sent_as_json() {
    assert!(code("a body of any kind").contains("media_type: Some(\"application/json\")"));
}

#[test]
fn the_defaults_of_a_servers_variables_are_in_the_base_url() {
    assert!(code("a server with variables").contains("BASE_URL: &str = \"https://eu.example.com/v1\""));
}

#[test]
fn references_to_what_is_not_generated_are_accepted() {
    assert!(code("headers, links and callbacks").contains("pub fn get_a("));
}

#[test]
fn scopes_that_the_description_does_not_mention_are_on_the_page() {
    let page = |name, words| assert!(code(name).contains(words), "{}", code(name));
    page("scopes", "Or one of these granular scopes: `a:read`, `b:read` with `c:read`.");
    page(
        "scopes without a description",
        "Needs one of these scopes: `a:read`, `b:read` with `c:read`, `a:write`.",
    );
}

#[test]
fn an_operations_own_wait_replaces_the_documents() {
    let code = code("waits");
    let waits: Vec<&str> =
        code.split("Duration::from_secs(").skip(1).filter_map(|rest| rest.split("u64").next()).collect();
    assert_eq!(waits, ["7", "30"]);
}

#[test]
fn schemas_that_refer_to_each_other_are_generated_and_checked_within_bounds() {
    let name = "schemas that refer to each other";
    let code = code(name);
    assert!(code.len() < 1_000_000, "{} bytes", code.len());
    for field in [r#""text", Some(&given_body)"#, r#""s9.text", Some(&given_body)"#] {
        assert!(code.contains(field), "{field}\n{code}");
    }
    let words =
        "operation `createA` (POST /a): only the lengths of its body's outermost 1000 fields are checked";
    assert!(notes(name).contains(words), "{}", notes(name));
}

#[test]
fn of_several_media_types_one_with_files_is_preferred_then_json_then_forms() {
    for (name, media_type) in [
        ("of text and JSON", "application/json"),
        ("of a form and +json", "application/merge-patch+json"),
        ("of two forms", "multipart/form-data"),
        ("of XML and a form", "application/x-www-form-urlencoded"),
        ("of a file and JSON", "multipart/form-data"),
    ] {
        let code = code(name);
        let note = format!("its body is sent as `{media_type}`, and not in the other documented media types");
        assert!(notes(name).contains(&note), "{name}: {}", notes(name));
        assert!(code.contains(&format!("media_type: Some(\"{media_type}\")")), "{name}");
        assert!(code.contains("pub struct CreateABody"), "{name} stays typed");
    }
}

#[test]
fn each_kind_of_success_becomes_the_closest_type() {
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
fn path_ids_have_types_that_validate_them() {
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
fn lengths_waits_and_error_codes_reach_the_layer() {
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
fn there_is_no_way_to_send_that_bypasses_the_layer() {
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

#[test]
fn each_setters_page_says_whether_it_is_required_and_body_map_lists_the_fields_without_one() {
    let client = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));
    let lines: Vec<&str> = client.lines().map(str::trim).collect();
    let is_setter = |line: &str| line.starts_with("pub fn ") && line.contains("(mut self, value: ");
    let setters = lines.windows(2).filter(|lines| is_setter(lines[1]) && !lines[1].contains(" body<V>("));
    let mut counts = BTreeMap::<&str, u32>::new();
    for lines in setters {
        assert!(["///Required.", "///Optional."].contains(&lines[0]), "{lines:?}");
        *counts.entry(lines[0]).or_default() += 1;
    }
    assert!(counts.len() == 2 && counts.values().all(|count| *count > 10), "{counts:?}");
    for setter in ["///Required.\npub fn title<T>", "///Optional.\npub fn key<T>"] {
        assert!(lines.join("\n").contains(setter), "{setter}");
    }
    let unforwarded =
        "so these fields can only be set here: `body`, `body_map`, `clone`, `into_future`, `new`.";
    assert!(client.contains(unforwarded));
}

//! The promises about this project's own items in `spec/postman`, and their description, `spec/openapi.json`.

use std::path::{Path, PathBuf};

use postman_to_openapi::{Converter, Overlay, Source, with_table};
use serde_json::{Value, json};

/// The three original items, which never change.
const GIVEN: [&str; 3] = [
    "update-meeting-live-stream.json",
    "update-meeting-live-stream-status.json",
    "update-webinar-live-stream-status.json",
];

fn spec() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(spec().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn convert(items: &[String], overlay: Option<&str>) -> String {
    let mut converter = Converter::new(|_| {});
    for item in items {
        let source =
            Source::new(item.as_str(), read(&format!("postman/{item}")).into_bytes()).expect("an item is JSON");
        converter.read(&source).expect("a Postman item");
    }
    let overlay = overlay.map(|overlay| Overlay::new("overlay.json", overlay).expect("the overlay is JSON"));
    converter.finish(overlay.as_ref()).expect("a document").to_text()
}

fn all_items() -> Vec<String> {
    let folder = std::fs::read_dir(spec().join("postman")).expect("the items' folder");
    let mut items: Vec<String> =
        folder.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect();
    items.retain(|name| name.ends_with(".json"));
    items.sort();
    items
}

/// The items whose operation IDs are set in the overlay.
fn live_stream_items() -> Vec<String> {
    let mut items = all_items();
    items.retain(|item| item.contains("live-stream"));
    assert_eq!(items.len(), 8, "{items:?}");
    items
}

fn document() -> Value {
    serde_json::from_str(&convert(&all_items(), Some(&read("overlay.json")))).expect("a document is JSON")
}

/// The document of the original items alone, without the overlay.
fn given() -> Value {
    serde_json::from_str(&convert(&GIVEN.map(str::to_owned), None)).expect("a document is JSON")
}

fn operation<'d>(document: &'d Value, path: &str) -> &'d Value {
    &document["paths"][path]["patch"]
}

/// The original paths; what is added later may be documented differently.
fn live_stream(document: &Value) -> Value {
    let paths = document["paths"].as_object().expect("paths").iter();
    let family = paths.filter(|(path, _)| path.contains("/livestream") || path.ends_with("/live_streaming"));
    family.map(|(path, item)| (path.clone(), item.clone())).collect()
}

const STREAM: &str = "/meetings/{meetingId}/livestream";
const STATUS: &str = "/meetings/{meetingId}/livestream/status";
const WEBINAR_STATUS: &str = "/webinars/{webinarId}/livestream/status";

fn schema<'d>(document: &'d Value, path: &str) -> &'d Value {
    &operation(document, path)["requestBody"]["content"]["multipart/form-data"]["schema"]
}

#[test]
fn the_committed_document_is_up_to_date() {
    let made = convert(&all_items(), Some(&read("overlay.json")));
    assert!(made == read("openapi.json"), "spec/openapi.json is out of date; the converter's --check shows how");
}

#[test]
fn the_table_in_the_readme_is_up_to_date() {
    let readme = read("../README.md");
    let made = with_table("README.md", &readme, &document()).expect("the README has a place for it");
    assert!(made == readme, "README.md is out of date; run the converter as its section \"Operations\" describes");
}

#[test]
fn the_items_are_named_after_themselves() {
    let document = given();
    for (path, id, tag) in [
        (STREAM, "updateMeetingLiveStream", "meetings"),
        (STATUS, "updateMeetingLiveStreamStatus", "meetings"),
        (WEBINAR_STATUS, "updateWebinarLiveStreamStatus", "webinars"),
    ] {
        assert_eq!(operation(&document, path)["operationId"], id);
        assert_eq!(operation(&document, path)["tags"], json!([tag]));
        assert_eq!(operation(&document, path)["x-rate-limit-label"], "Light");
    }
}

#[test]
fn a_renamed_item_keeps_its_operation_id() {
    let (overlay, document) = (Overlay::new("overlay.json", &read("overlay.json")), document());
    let overlay = overlay.expect("the overlay is JSON");
    for item in live_stream_items() {
        let mut renamed: Value = serde_json::from_str(&read(&format!("postman/{item}"))).expect("JSON");
        renamed["name"] = "Quite another name".into();
        let mut converter = Converter::new(|_| {});
        for other in all_items() {
            let text = if other == item { renamed.to_string() } else { read(&format!("postman/{other}")) };
            let source = Source::new(other.as_str(), text.into_bytes()).expect("an item is JSON");
            converter.read(&source).expect("a Postman item");
        }
        let made = converter.finish(Some(&overlay)).expect("a document").to_text();
        let made: Value = serde_json::from_str(&made).expect("JSON");
        for (path, operations) in document["paths"].as_object().expect("paths") {
            for method in ["get", "patch"].into_iter().filter(|method| operations.get(method).is_some()) {
                let id = |document: &Value| document["paths"][path][method]["operationId"].clone();
                assert_eq!(id(&made), id(&document), "{item}");
            }
        }
    }
}

#[test]
fn ids_in_paths_are_64_bit_integers() {
    let document = given();
    for path in [STREAM, STATUS, WEBINAR_STATUS] {
        let parameter = &operation(&document, path)["parameters"][0];
        assert_eq!(parameter["schema"], json!({"type": "integer", "format": "int64"}));
        assert_eq!((&parameter["in"], &parameter["required"]), (&json!("path"), &json!(true)));
    }
}

#[test]
fn bodies_are_typed_forms() {
    let document = given();
    for path in [STATUS, WEBINAR_STATUS] {
        let body = schema(&document, path);
        assert_eq!(body["properties"]["action"]["enum"], json!(["start", "stop"]));
        let settings = &body["properties"]["settings"];
        assert_eq!(settings["type"], "object");
        assert_eq!(
            settings["properties"],
            json!({"active_speaker_name": {"type": "boolean"}, "display_name": {"type": "string"}})
        );
        assert_eq!(operation(&document, path)["requestBody"]["required"], true);
    }
    assert_eq!(schema(&document, STREAM)["required"], json!(["stream_url", "stream_key", "page_url"]));
    assert_eq!(schema(&document, STREAM)["properties"]["page_url"]["format"], "uri");
}

#[test]
fn what_the_client_treats_as_secret_is_a_password_in_the_document() {
    let document = document();
    for property in ["stream_key", "stream_url"] {
        assert_eq!(schema(&document, STREAM)["properties"][property]["format"], "password");
    }
}

#[test]
fn every_response_keeps_its_status_text_and_codes() {
    let document = given();
    let statuses = |path| -> Vec<&String> {
        operation(&document, path)["responses"].as_object().expect("answers").keys().collect()
    };
    assert_eq!(statuses(STREAM), ["204", "300", "400", "404"]);
    assert_eq!(statuses(STATUS), ["204", "300", "400", "404", "429"]);
    assert_eq!(statuses(WEBINAR_STATUS), ["204", "400"]);
    assert_eq!(
        operation(&document, WEBINAR_STATUS)["responses"]["400"]["x-error-codes"],
        json!([
            {"code": 300, "message": "Webinar Id does not exist. Invalid Webinar Id."},
            {"code": 3001, "message": "Webinar does not exist: {webinarId}."},
            {"code": 1001, "message": "User does not exist: {userId}."},
        ]),
        "the text of the item is cut off before 3161, which the overlay adds"
    );
    assert_eq!(operation(&document, STREAM)["responses"]["204"]["description"], "Meeting live stream updated.");
}

#[test]
fn the_document_has_the_wait_that_the_429_asks_for() {
    let document = document();
    assert_eq!(operation(&document, STATUS)["responses"]["429"]["x-retry-after-seconds"], 30);
    assert_eq!(document["x-retry-after-seconds"], 30);
    assert_eq!(document["x-retry-after-when"], json!({"action": "start"}));
}

#[test]
fn one_scope_is_enough_and_tokens_come_from_zoom() {
    let wanted = json!([{"oauth2": ["meeting:write:admin"]}, {"oauth2": ["meeting:write"]}]);
    assert_eq!(operation(&given(), STREAM)["security"], wanted);
    let document = document();
    assert_eq!(document["servers"], json!([{"url": "https://api.zoom.us/v2"}]));
    let flow = &document["components"]["securitySchemes"]["oauth2"]["flows"]["authorizationCode"];
    assert_eq!(flow["authorizationUrl"], "https://zoom.us/oauth/authorize");
    assert_eq!(flow["tokenUrl"], "https://zoom.us/oauth/token");
    for path in [STREAM, STATUS, WEBINAR_STATUS] {
        for requirement in operation(&document, path)["security"].as_array().expect("alternatives") {
            let scope = requirement["oauth2"][0].as_str().expect("one scope");
            assert!(flow["scopes"].get(scope).is_some(), "{scope} is not declared");
        }
    }
}

#[test]
fn descriptions_are_markdown_without_markers() {
    let text = convert(&all_items(), Some(&read("overlay.json")));
    for rest in ["<br", "(Required)", "(This can only be one of", "HTTP Status Code", "**Error Code"] {
        assert!(!text.contains(rest), "{rest} is left");
    }
}

#[test]
fn no_value_of_a_credential_is_in_the_document() {
    let text = live_stream(&document()).to_string();
    for secret in ["officia", "aute ", "<token>"] {
        assert!(!text.contains(secret), "{secret} is there");
    }
}

/// Sorts members, required names and error codes, as a merge does.
fn sort(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.sort_keys();
            members.values_mut().for_each(sort);
            for key in ["required", "x-error-codes"] {
                if let Some(Value::Array(list)) = members.get_mut(key) {
                    list.sort_by_key(Value::to_string);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(sort),
        _ => {}
    }
}

#[test]
fn adding_a_whole_collection_does_not_change_what_the_items_say() {
    // The same requests as a collection would have them: with nonsense for IDs, and a server of its own.
    let items: Vec<Value> = live_stream_items()
        .iter()
        .map(|item| {
            let mut item: Value = serde_json::from_str(&read(&format!("postman/{item}"))).expect("an item is JSON");
            for variable in item["request"]["url"]["variable"].as_array_mut().expect("path variables") {
                variable["value"] = json!("ut amet");
            }
            item
        })
        .collect();
    let collection = json!({"info": {"name": "Postman items"}, "item": items,
        "variable": [{"key": "baseUrl", "value": "https://example.com"}]});
    let overlay = Overlay::new("overlay.json", &read("overlay.json")).expect("the overlay is JSON");
    let sources = all_items().into_iter().map(|item| (read(&format!("postman/{item}")), item));
    let sources = [(collection.to_string(), "a.json".to_owned())].into_iter().chain(sources);
    let mut notes = Vec::new();
    let mut converter = Converter::new(|note| notes.push(note));
    for (text, name) in sources {
        let source = Source::new(name, text.into_bytes()).expect("an item is JSON");
        converter.read(&source).expect("a Postman item");
    }
    let made = converter.finish(Some(&overlay)).expect("a document").to_text();
    let sorted = |text: &str| {
        let mut document = serde_json::from_str(text).expect("a document is JSON");
        sort(&mut document);
        serde_json::to_string_pretty(&document).expect("a document is JSON")
    };
    let (before, with) = (sorted(&read("openapi.json")), sorted(&made));
    let diff = similar::TextDiff::from_lines(&before, &with).unified_diff().to_string();
    assert!(before == with, "{diff}");
    assert_eq!(notes.iter().filter(|note| note.to_string().contains("Id: requests disagree")).count(), 8);
}

#[test]
fn the_order_of_the_items_does_not_matter_and_a_new_item_only_adds_lines() {
    let mut items = all_items();
    let whole = convert(&items, None);
    items.reverse();
    assert_eq!(convert(&items, None), whole);
    let text = convert(&GIVEN[..2].iter().map(|item| (*item).to_owned()).collect::<Vec<_>>(), None);
    let more = convert(&GIVEN.map(str::to_owned), None);
    let diff = similar::TextDiff::from_lines(&text, &more);
    let removed: Vec<_> = diff
        .iter_all_changes()
        .filter(|change| change.tag() == similar::ChangeTag::Delete)
        // A line may gain a comma if another one follows.
        .filter(|change| !more.contains(&format!("{},", change.value().trim_end())))
        .map(|change| change.value().to_owned())
        .collect();
    assert!(removed.is_empty(), "{removed:?}");
}

#[test]
fn a_file_with_crlf_line_endings_has_a_place_for_the_table() {
    let text = "a\r\n<!-- operations -->\r\n<!-- end of operations -->\r\n";
    let made = with_table("t.md", text, &json!({"paths": {}})).expect("a table");
    assert_eq!(made.matches('\n').count(), made.matches("\r\n").count());
}

#[test]
fn a_vertical_bar_does_not_end_a_cell_of_the_table() {
    let document = json!({"paths": {"/a|b": {"get": {"operationId": "getA", "responses": {}}}}});
    let made = with_table("t.md", "<!-- operations -->\n<!-- end of operations -->", &document).expect("a table");
    assert!(made.contains("`GET /a\\|b`"), "{made}");
}

//! What is kept when several requests, files and samples describe one operation.

use postman_to_openapi::Effect;
use serde_json::{Value, json};

use crate::types::{
    LONG, TEXT, answered, answering, collection, convert, convert_with, getting, parameter, said, schema, sending,
};

#[test]
fn an_id_stays_an_integer_despite_nonsense_samples() {
    let url = "https://a.example/meetings/:meetingId/livestream";
    let item = getting(url, "68423085");
    for other in [
        collection(&[getting(url, "ut amet")]),
        collection(&[getting(url, "<string>")]),
        collection(&[getting(url, "abc")]),
        getting(url, "ut amet"),
    ] {
        for files in [[item.clone(), other.clone()], [other.clone(), item.clone()]] {
            let (document, notes) = convert(&files);
            assert_eq!(parameter(&document, 0), schema(LONG));
            let told: Vec<_> = said(&notes).into_iter().filter(|note| note.contains("disagree")).collect();
            assert_eq!(
                told,
                [
                    "note: GET /meetings/{meetingId}/livestream meetingId: requests disagree; the most reliable value is used: integer (int64)"
                ]
            );
        }
    }
    // In the other direction, neither of the two is more reliable.
    let (document, _) = convert(&[collection(&[getting(url, "abc"), getting(url, "7")])]);
    assert_eq!(parameter(&document, 0), schema(TEXT));
}

#[test]
fn an_items_name_is_used_rather_than_a_collections() {
    let item = json!({"name": "Get a live stream", "request": {"method": "GET", "url": "https://a.example/meetings/:meetingId/livestream"}});
    let all = collection(&[
        json!({"name": "Stream", "request": {"method": "GET", "url": "https://a.example/meetings/:id/livestream"}}),
        json!({"name": "Other", "request": {"method": "PATCH", "url": "https://a.example/meetings/:id/livestream"}}),
    ]);
    for files in [[item.clone(), all.clone()], [all, item]] {
        let (document, _) = convert(&files);
        let path = &document["paths"]["/meetings/{meetingId}/livestream"];
        assert_eq!(path["get"]["operationId"], "getMeetingLiveStream");
        assert_eq!(path["get"]["summary"], "Get a live stream");
        assert_eq!(path["patch"]["parameters"][0]["name"], "meetingId");
    }
}

#[test]
fn a_placeholder_outranks_a_sample_and_an_item_outranks_a_collection() {
    let described = answering(&[(200, r#"{"id": "<long>"}"#)]);
    let sample = answering(&[(200, r#"{"id": "seven", "name": "x"}"#)]);
    for files in [[&described, &sample], [&sample, &described]] {
        let (document, notes) = convert(&[collection(&files.map(Clone::clone))]);
        assert_eq!(answered(&document)["properties"]["id"], schema(LONG));
        assert_eq!(answered(&document)["properties"]["name"], schema(TEXT), "what only one knows is kept");
        assert_eq!(said(&notes).iter().filter(|note| note.contains("things id: requests disagree")).count(), 1);
        assert!(!document.to_string().contains("seven"), "an example that does not fit is dropped");
    }
    let (item, all) = (answering(&[(200, r#"{"id": 7}"#)]), collection(&[answering(&[(200, r#"{"id": "seven"}"#)])]));
    assert_eq!(answered(&convert(&[item.clone(), all.clone()]).0)["properties"]["id"], schema(LONG));
    assert_eq!(answered(&convert(&[all, item]).0)["properties"]["id"], schema(LONG));
}

#[test]
fn a_format_and_the_names_of_members_are_kept_from_the_most_reliable_source() {
    let item = answering(&[(200, r#"{"at": "2024-01-01", "rows": {"a": 1}, "none": {}}"#)]);
    let all = collection(&[
        answering(&[(200, r#"{"at": "soon", "rows": {"1": 2, "2": 3}, "none": {"1": 2, "2": 3}}"#)]),
        answering(&[(200, r#"{"rows": {"b": "x"}}"#)]),
    ]);
    for files in [[item.clone(), all.clone()], [all, item]] {
        let (document, notes) = convert(&files);
        let properties = answered(&document)["properties"].clone();
        assert_eq!(properties["at"], json!({"type": "string", "format": "date"}));
        assert_eq!(properties["rows"]["properties"], json!({"a": schema(LONG), "b": schema(TEXT)}));
        assert_eq!(properties["none"]["additionalProperties"], schema(LONG));
        let told = said(&notes);
        for place in ["things at: requests disagree", "things rows: requests disagree"] {
            assert_eq!(told.iter().filter(|note| note.contains(place)).count(), 1, "{told:?}");
        }
        assert!(!told.iter().any(|note| note.contains("things none")), "{told:?}");
    }
    let sample = answering(&[(200, r#"{"id": 7, "at": "2024-01-01"}"#)]);
    let described = answering(&[(200, r#"{"id": "<int32>", "at": "<string>"}"#)]);
    let (document, _) = convert(&[collection(&[sample, described])]);
    assert_eq!(answered(&document)["properties"]["id"], json!({"type": "integer", "format": "int32"}));
    assert_eq!(answered(&document)["properties"]["at"], schema(TEXT));
}

#[test]
fn an_items_texts_are_used_rather_than_longer_ones_of_a_collection() {
    let sending = |text: &str, limit: &str, media_type: &str| {
        json!({"name": "Create a thing", "request": {"method": "POST", "url": "https://a.example/things",
            "description": format!("{text}\n**Rate Limit Label:** `{limit}`"),
            "body": {"mode": "formdata", "formdata": [
                {"key": "a", "value": "1", "description": text, "contentType": media_type},
                {"key": "b", "value": "1", "contentType": "text/plain"}]}}})
    };
    let item = sending("Brief.", "LIGHT", "text/csv");
    let mut other = sending("Much longer.", "RESOURCE-INTENSIVE", "application/json");
    other["request"]["body"]["formdata"][1]["contentType"] = Value::Null;
    let all = collection(&[other]);
    for files in [[item.clone(), all.clone()], [all, item]] {
        let (document, notes) = convert(&files);
        let operation = &document["paths"]["/things"]["post"];
        let form = &operation["requestBody"]["content"]["multipart/form-data"];
        assert_eq!(operation["description"], "Brief.\n**Rate Limit Label:** `LIGHT`");
        assert_eq!(operation["x-rate-limit-label"], "LIGHT");
        assert_eq!(form["schema"]["properties"]["a"]["description"], "Brief.");
        let types = json!({"a": {"contentType": "text/csv"}, "b": {"contentType": "text/plain"}});
        assert_eq!(form["encoding"], types);
        let told: Vec<_> = said(&notes).into_iter().filter(|note| note.contains("disagree")).collect();
        let places = ["description", "rate limit", "a description", "a content type"];
        let wanted = places.map(|place| {
            format!("note: POST /things {place}: requests disagree; the most reliable value is used: the text of an item file")
        });
        assert_eq!(told, wanted);
    }
}

#[test]
fn a_list_keeps_its_separator_when_another_request_has_one_element() {
    let listing = |value: &str| {
        json!({"name": "Get a thing", "request": {"method": "GET",
            "url": {"raw": "https://a.example/things", "query": [{"key": "ids", "value": value}]}}})
    };
    for (others, explode, disputes) in [(["x", ""], false, 0), (["<integer>|<integer>", "x"], true, 1)] {
        let mut items = others.map(listing).to_vec();
        items.push(listing("<integer>,<integer>"));
        for _ in 0..2 {
            let (document, notes) = convert(&[collection(&items)]);
            assert_eq!(document["paths"]["/things"]["get"]["parameters"][0]["explode"], explode, "{others:?}");
            let told = said(&notes).into_iter().filter(|note| note.contains("things ids: requests disagree"));
            assert_eq!(told.count(), disputes, "{notes:?}");
            items.reverse();
        }
    }
}

#[test]
fn a_saved_request_that_is_left_out_is_reported() {
    let mut item = sending(r#"{"a": 1}"#);
    let form = json!({"mode": "urlencoded", "urlencoded": [{"key": "b", "value": "1"}]});
    item["response"] = json!([{"name": "Done", "code": 204, "originalRequest": {"method": "POST", "body": form}}]);
    let (_, notes) = convert(&[item.clone()]);
    assert!(
        matches!(&said(&notes)[..], [only] if only.ends_with(
            "its saved request's application/x-www-form-urlencoded body is left out because the request's is application/json"
        )),
        "{notes:?}"
    );
    let saved = |at: usize| {
        json!({"name": "Done", "code": 204, "originalRequest": {"method": "POST",
        "body": {"mode": "raw", "raw": format!("{{\"a\": {at}}}"), "options": {"raw": {"language": "json"}}}}})
    };
    for (count, expected) in [(60, 0), (100, 1)] {
        item["response"] = (0..count).map(saved).collect();
        let (_, notes) = convert(&[item.clone()]);
        let told = said(&notes).into_iter().filter(|note| note.contains("too many different saved requests"));
        assert_eq!(told.count(), expected, "{notes:?}");
    }
}

#[test]
fn a_required_field_stays_required_when_joined_with_a_hand_written_request() {
    let form = |fields: Value| {
        json!({"name": "Create a thing", "request": {"method": "POST", "url": "https://a.example/things",
        "body": {"mode": "urlencoded", "urlencoded": fields}}})
    };
    let marked = form(json!([{"key": "a", "value": "1", "description": "(Required) It."}, {"key": "b", "value": "1"}]));
    let by_hand = collection(&[
        form(json!([{"key": "a", "value": "2"}, {"key": "c", "value": "1"}])),
        form(json!([{"key": "b", "value": "2"}])),
    ]);
    for files in [[marked.clone(), by_hand.clone()], [by_hand, marked]] {
        let (document, _) = convert(&files);
        let content = &document["paths"]["/things"]["post"]["requestBody"]["content"];
        assert_eq!(content["application/x-www-form-urlencoded"]["schema"]["required"], json!(["a"]));
    }
}

#[test]
fn a_variable_defined_in_one_file_is_filled_in_in_the_others() {
    let open = getting("{{baseUrl}}/meetings/:meetingId", "7");
    let all = |value: &str| {
        let mut all = collection(&[getting("{{baseUrl}}/users/:meetingId", "7")]);
        all["variable"] = json!([{"key": "baseUrl", "value": value}]);
        all
    };
    for files in [[open.clone(), all("https://api.a.example/v2")], [all("https://api.a.example/v2"), open.clone()]] {
        let (document, notes) = convert(&files);
        assert_eq!(document["servers"], json!([{"url": "https://api.a.example/v2"}]));
        assert!(!document.to_string().contains("example.com"), "{document}");
        assert_eq!(said(&notes), Vec::<String>::new());
    }
    let (document, _) = convert(&[open, all("https://a.example"), all("https://b.example")]);
    assert!(document.to_string().contains("{baseUrl}"), "if two files give different values, neither is used");
}

#[test]
fn the_overlays_servers_apply_to_every_operation_and_replaced_ones_are_reported() {
    let files = [
        getting("{{baseUrl}}/a/:meetingId", "7"),
        getting("https://a.example/b/:meetingId", "7"),
        getting("https://a.example/c/:meetingId", "7"),
        getting("https://c.example/d/:meetingId", "7"),
    ];
    let (document, notes) = convert_with(&files, Some(json!({"servers": [{"url": "https://api.a.example"}]})));
    assert_eq!(document["servers"], json!([{"url": "https://api.a.example"}]));
    assert_eq!(document.to_string().matches("\"servers\"").count(), 1, "{document}");
    assert_eq!(
        said(&notes),
        ["note: GET /d/{meetingId}: its server https://c.example is replaced by the overlay's servers"]
    );
}

#[test]
fn of_two_servers_of_one_operation_one_is_used_and_the_other_is_reported() {
    let files =
        [collection(&[getting("https://a.example/b/:meetingId", "7")]), getting("https://b.example/b/:meetingId", "7")];
    let (document, notes) = convert(&files);
    assert_eq!(document["servers"], json!([{"url": "https://b.example"}]));
    assert!(
        said(&notes)
            .iter()
            .any(|note| note.contains("server: requests disagree; the most reliable value is used: https://b.example")),
        "{notes:?}"
    );
}

#[test]
fn of_two_servers_with_open_variables_an_unused_different_one_is_reported() {
    let items = [getting("https://{{one}}.example/b/:meetingId", "7"), getting("{{two}}/b/:meetingId", "7")];
    let variables = |two: &str| {
        json!({"info": {"name": "V"}, "variable": [{"key": "one", "value": "a"}, {"key": "two", "value": two}],
            "item": [getting("https://c.example/c/:meetingId", "7")]})
    };
    let disputes = |files: &[Value]| {
        said(&convert(files).1).iter().filter(|note| note.contains("server: requests disagree")).count()
    };
    assert_eq!(disputes(&items), 1);
    assert_eq!(disputes(&[collection(&items), variables("https://a.example")]), 0);
    assert_eq!(disputes(&[collection(&items), variables("https://b.example")]), 1);
}

#[test]
fn the_summary_has_one_line_per_topic_with_a_count_and_the_first_places() {
    let items: Vec<Value> = (0..310)
        .map(|at| json!({"name": format!("Item {at}"), "request": {"method": "VIEW", "url": "https://a.example/a"}}))
        .chain([json!({"name": "Lone"})])
        .collect();
    let (_, notes) = convert(&[collection(&items)]);
    assert_eq!(notes.iter().filter(|note| note.effect == Effect::LeftOut).count(), 311);
    assert_eq!(
        postman_to_openapi::summary(&notes),
        [
            "left out: OpenAPI does not support its method; change the method, or describe the operation by hand (310 times): \
             0.json:1: Item 0; 0.json:1: Item 1; 0.json:1: Item 2; and 307 more (listed with --verbose)",
            "left out: 0.json:1: Lone: it contains neither a request nor items",
        ]
    );
}

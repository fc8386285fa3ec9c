//! What goes over the wire, read back by an independent parser (`multer`, in the mock server).

use std::io::{ErrorKind as IoErrorKind, Write as _, stderr};
use std::process::Command;

use serde_json::{Value, json};
use zoom_livestream::mock::{MockServer, Received};
use zoom_livestream::update_meeting_live_stream_status::{Action, Settings};
use zoom_livestream::{BodyEncoding, ErrorKind};

use crate::support::{MEETING, builder, client, configure, start};

async fn server() -> MockServer {
    MockServer::start().await.expect("the mock server")
}

fn only(server: &MockServer) -> Received {
    let requests = server.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests[0].clone()
}

fn sorted(mut fields: Vec<(String, String)>) -> Vec<(String, String)> {
    fields.sort();
    fields
}

/// What curl sends for a form. If it is not installed: what curl 7.88 sent when
/// `UPDATE_GOLDEN=1` recorded it.
async fn by_curl(path: &str, fields: &[Value]) -> Received {
    let server = server().await;
    let url = format!("{}{path}", server.base_url());
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "127.0.0.1", "--request", "PATCH"]);
    curl.args(["--header", &format!("Authorization: Bearer {}", server.access_token())]);
    for field in fields {
        let text = |name: &str| field[name].as_str().expect("text");
        curl.args(["--form-string", &format!("{}={}", text("key"), text("value"))]);
    }
    curl.arg(&url);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/curl.json");
    let recorded = std::fs::read_to_string(file).expect("curl.json");
    let mut recorded: Value = serde_json::from_str(&recorded).expect("curl.json is JSON");
    match tokio::task::spawn_blocking(move || curl.output()).await.expect("joined") {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                let sent = only(&server);
                let content_type = sent.content_type.expect("a media type");
                let boundary = content_type.split_once("boundary=").expect("a boundary").1;
                let fixed = |text: &str| text.replace(boundary, "a-boundary-of-curl");
                let body = fixed(str::from_utf8(&sent.body).expect("text"));
                recorded[path] = json!({ "content_type": fixed(&content_type), "body": body });
                std::fs::write(file, format!("{recorded:#}\n")).expect("written");
            }
        }
        Err(error) if error.kind() == IoErrorKind::NotFound => {
            // Not `eprintln!`, because the test harness captures its output.
            let _ = writeln!(stderr(), "curl is not installed: {path} is compared with what curl sent once");
            let text = |name: &str| recorded[path][name].as_str().expect("recorded").to_owned();
            let request = reqwest::Client::new().patch(url).bearer_auth(server.access_token());
            let request = request.header("content-type", text("content_type")).body(text("body"));
            request.send().await.expect("an answer");
        }
        Err(error) => panic!("{error}"),
    }
    only(&server)
}

/// The items' own values, sent by curl to the same server: what Zoom's item describes, independent of this crate.
#[tokio::test(flavor = "multi_thread")]
async fn each_item_equals_curl_form_string_field_for_field() {
    let items = [
        include_str!("../../spec/postman/update-meeting-live-stream.json"),
        include_str!("../../spec/postman/update-meeting-live-stream-status.json"),
        include_str!("../../spec/postman/update-webinar-live-stream-status.json"),
    ];
    for item in items {
        let item: Value = serde_json::from_str(item).expect("an item");
        let path = item["request"]["url"]["path"].as_array().expect("a path");
        let path: Vec<&str> = path.iter().map(|part| part.as_str().expect("a segment")).collect();
        let id = item["request"]["url"]["variable"][0]["value"].as_str().expect("an id");
        let path: String =
            path.iter().map(|part| format!("/{}", if part.starts_with(':') { id } else { part })).collect();
        let fields = item["request"]["body"]["formdata"].as_array().expect("fields");
        let value = |name: &str| {
            let field = fields.iter().find(|field| field["key"] == name).unwrap_or_else(|| panic!("no {name}"));
            field["value"].as_str().expect("text").to_owned()
        };

        let curl = by_curl(&path, fields).await;

        let by_us = server().await;
        let zoom = client(&by_us);
        let id: u64 = id.parse().expect("a number");
        let settings = || -> Value { serde_json::from_str(&value("settings")).expect("an object") };
        let name = |settings: &Value| settings["display_name"].as_str().expect("text").to_owned();
        let speaker = |settings: &Value| settings["active_speaker_name"].as_bool().expect("bool");
        if path.ends_with("/livestream") {
            let call = zoom.update_meeting_live_stream().meeting_id(id);
            let call = call.body_map(|body| {
                body.stream_url(value("stream_url")).stream_key(value("stream_key")).page_url(value("page_url"))
            });
            call.await.expect("204");
        } else if path.starts_with("/meetings") {
            let settings =
                Settings::builder().active_speaker_name(speaker(&settings())).display_name(name(&settings()));
            let call = zoom.update_meeting_live_stream_status().meeting_id(id);
            call.body_map(|body| body.action(value("action").as_str()).settings(settings)).await.expect("204");
        } else {
            use zoom_livestream::update_webinar_live_stream_status::Settings;
            let settings =
                Settings::builder().active_speaker_name(speaker(&settings())).display_name(name(&settings()));
            let call = zoom.update_webinar_live_stream_status().webinar_id(id);
            call.body_map(|body| body.action(value("action").as_str()).settings(settings)).await.expect("204");
        }

        let ours = only(&by_us);
        assert_eq!(curl.status, Some(204), "{curl:?}");
        assert_eq!((&curl.method, &curl.path, &curl.query), (&ours.method, &ours.path, &ours.query));
        assert_eq!(sorted(curl.fields.clone()), sorted(ours.fields.clone()));
        let media_type = |received: &Received| {
            received.content_type.clone().and_then(|text| Some(text.split_once(';')?.0.to_owned()))
        };
        assert_eq!(media_type(&curl), media_type(&ours));
    }
}

#[tokio::test]
async fn a_request_carries_these_headers_and_no_others() {
    let server = server().await;
    start(&client(&server), MEETING).await.expect("204");
    let received = only(&server);
    let mut names: Vec<&str> = received.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "authorization", "content-length", "content-type", "host", "user-agent"]);
    assert_eq!(received.header("accept"), Some("application/json"));
    assert_eq!(received.header("content-length"), Some(received.body.len().to_string().as_str()));
    assert_eq!(received.header("user-agent"), Some(concat!("zoom-livestream/", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn an_absent_field_is_not_sent_and_an_object_is_compact_json() {
    let server = server().await;
    let call = client(&server);
    let call = call.update_meeting_live_stream_status().meeting_id(MEETING);
    let call = call.action(Action::Mode);
    call.settings(Settings::builder().display_name("A \"B\"")).await.expect("204");
    let mut fields = only(&server).fields;
    assert_eq!(fields.remove(1), ("settings".to_owned(), r#"{"display_name":"A \"B\""}"#.to_owned()));
    assert_eq!(fields, [("action".to_owned(), "mode".to_owned())]);
}

#[tokio::test]
async fn a_text_arrives_exactly_as_it_was_given() {
    let texts = [
        "aute ".to_owned(),
        " leading and trailing \t".to_owned(),
        "quotes \" ' ` and \\ backslash".to_owned(),
        "line\r\nbreaks\nand\rreturns".to_owned(),
        "\r\n--zoom-livestream-0000000000000000--\r\n".to_owned(),
        "--boundary\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nstop\r\n--boundary--".to_owned(),
        "Köln 直播 🎥 \u{202e}rtl \u{0}nul".to_owned(),
        "a".repeat(1_000_000),
        "%20%2F+&=?#".to_owned(),
        "rtmp://h/app?user=ada&pass=p%40ss".to_owned(),
        String::new(),
    ];
    for text in texts {
        let server = self::server().await;
        let settings = Settings::builder().display_name(text.clone());
        let call = client(&server);
        let call = call.update_meeting_live_stream_status().meeting_id(MEETING);
        let sent = call.body_map(|body| body.action(Action::Start).settings(settings)).await;
        if let Err(error) = sent {
            assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
            assert!(!(1..=50).contains(&text.chars().count()), "{error}");
        } else {
            let settings: serde_json::Value =
                serde_json::from_str(only(&server).field("settings").expect("settings")).expect("JSON");
            assert_eq!(settings["display_name"], text.as_str());
        }

        let server = self::server().await;
        let call = client(&server);
        let call = call.update_meeting_live_stream().meeting_id(MEETING);
        let key = text.clone();
        let sent = call.body_map(|body| body.stream_url("rtmp://h/app").stream_key(key).page_url("https://h/")).await;
        match sent {
            Ok(()) => assert_eq!(only(&server).field("stream_key"), Some(text.as_str())),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
                assert!(text.chars().count() > 512, "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_without_its_required_field_is_refused_before_sending() {
    let server = server().await;
    let zoom = client(&server);
    let error = zoom.update_meeting_live_stream_status().meeting_id(MEETING).await.expect_err("no field");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(!error.may_have_been_sent());
    assert_eq!(
        error.to_string(),
        "updateMeetingLiveStreamStatus was refused before sending: `action` is required and was not set"
    );
    assert_eq!(server.request_count(), 0);
}

#[tokio::test]
async fn a_missing_value_or_invalid_id_is_refused_before_sending() {
    let server = server().await;
    let zoom = client(&server);
    let refused = |error: zoom_livestream::Error, words: &str| {
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    let call = zoom.update_meeting_live_stream().meeting_id(MEETING);
    let call = call.body_map(|body| body.stream_url("rtmp://h/app").page_url("https://h/"));
    refused(call.await.expect_err("no key"), "`stream_key` is required and was not set");
    let call = zoom.update_meeting_live_stream_status().body_map(|body| body.action(Action::Stop));
    refused(call.await.expect_err("no id"), "`meeting_id` is required and was not set");
    for id in ["../users/me", "1/../../users/me", "0", "", "1\r\nX-Evil: 1", "1?a=b", "%2e%2e"] {
        let call = zoom.update_meeting_live_stream_status().meeting_id(id).body_map(|body| body.action(Action::Stop));
        refused(call.await.expect_err(id), "is not a meeting ID");
    }
    let call = zoom.get_meeting_live_stream_details().meeting_id("a`: `b was not initialized");
    refused(call.await.expect_err("not an ID"), "`meeting_id`: \"a`: `b was not initialized\" is not a meeting ID");
    let call = zoom.update_meeting_live_stream_status().meeting_id(MEETING).body_map(|body| body.action("Start"));
    refused(call.await.expect_err("capitalized"), "it must be one of `start`, `stop`");
    assert_eq!(server.request_count(), 0);
}

#[tokio::test]
async fn a_length_is_counted_in_characters_and_its_error_names_field_limit_and_length() {
    let server = server().await;
    let zoom = client(&server);
    let named = |name: String| {
        let call = zoom.update_meeting_live_stream_status().meeting_id(MEETING).action(Action::Mode);
        call.settings(Settings::builder().display_name(name)).into_future()
    };
    named("🎥".repeat(50)).await.expect("50 characters, 200 bytes");
    for (name, words) in [
        ("é".repeat(51), "`settings.display_name` has 51 characters, but Zoom accepts at most 50"),
        (String::new(), "`settings.display_name` has 0 characters, but Zoom accepts at least 1"),
    ] {
        let error = named(name).await.expect_err(words);
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().ends_with(words), "{error}");
    }
    let call = zoom.update_meeting_live_stream().meeting_id(MEETING);
    let call = call.body_map(|body| body.stream_url("rtmp://h/a").stream_key("k".repeat(513)).page_url("https://h/"));
    let error = call.await.expect_err("513");
    assert!(error.to_string().contains("`stream_key` has 513 characters, but Zoom accepts at most 512"), "{error}");
    assert_eq!(server.request_count(), 1);
}

#[tokio::test]
async fn json_is_one_setting_away() {
    let server = server().await;
    let zoom = builder(&server).body_encoding(BodyEncoding::Json).build().expect("a client");
    configure(&zoom).await.expect("204");
    let received = only(&server);
    assert_eq!(received.content_type.as_deref(), Some("application/json"));
    let body: serde_json::Value = serde_json::from_slice(&received.body).expect("JSON");
    assert_eq!(body["stream_key"], crate::support::STREAM_KEY);
}

#[tokio::test]
async fn an_id_is_accepted_as_a_number_of_any_length_or_as_pasted_text() {
    let server = server().await;
    let zoom = client(&server);
    let stop = || zoom.update_meeting_live_stream_status().body_map(|body| body.action(Action::Stop));
    stop().meeting_id(68423085).await.expect("204");
    stop().meeting_id(84912345678).await.expect("204");
    stop().meeting_id(9_007_199_254_740_993_u64).await.expect("204");
    stop().meeting_id("849 1234 5678").await.expect("204");
    stop().meeting_id(String::from("https://example.zoom.us/j/84912345678?pwd=x")).await.expect("204");
    let paths: Vec<String> = server.requests().into_iter().map(|received| received.path).collect();
    let path = |id| format!("/v2/meetings/{id}/livestream/status");
    assert_eq!(paths, ["68423085", "84912345678", "9007199254740993", "84912345678", "84912345678"].map(path));
}

#[tokio::test]
async fn the_user_agent_is_the_one_that_was_set() {
    let server = server().await;
    let zoom = builder(&server).http(|http| http.user_agent("studio/7")).build().expect("a client");
    start(&zoom, MEETING).await.expect("204");
    assert_eq!(only(&server).header("user-agent"), Some("studio/7"));
}

//! A call's setters, and calls that outlive their client.

use std::future::IntoFuture;

use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::update_meeting_live_stream_status::{Action, Settings};
use zoom_livestream::{RetryPolicy, Secret};

use crate::support::{MEETING, client};

async fn server() -> MockServer {
    MockServer::start().await.expect("the mock server")
}

#[tokio::test]
async fn a_bodys_fields_are_set_on_the_call_itself() {
    let server = server().await;
    let zoom = client(&server);
    let settings = Settings::builder().active_speaker_name(true).display_name("Keynote");
    let call = zoom.update_meeting_live_stream_status().meeting_id(MEETING);
    call.action(Action::Start).settings(settings).await.expect("started");
    let request = server.requests().pop().expect("a request");
    assert_eq!(request.field("action"), Some("start"));
    let settings = request.field("settings").expect("settings");
    assert!(settings.contains("Keynote"), "{settings}");
}

#[tokio::test]
async fn a_setter_takes_any_value_that_converts_to_its_fields_type() {
    let server = server().await;
    let zoom = client(&server);
    let status = || zoom.update_meeting_live_stream_status().meeting_id(MEETING);
    status().action("stop").await.expect("stopped");
    status().action(String::from("stop")).await.expect("stopped");
    let key = String::from("key");
    let call = zoom.update_meeting_live_stream().meeting_id(MEETING);
    let call = call.stream_url("rtmp://h/app").stream_key(&key).page_url("https://h/");
    call.clone().await.expect("configured");
    call.stream_key(Secret::from("other")).body_map(|body| body.page_url("https://i/")).await.expect("again");
    let request = server.requests().pop().expect("a request");
    assert_eq!((request.field("stream_key"), request.field("page_url")), (Some("other"), Some("https://i/")));
}

#[tokio::test]
async fn a_call_outlives_the_client_that_made_it() {
    let server = server().await;
    let call = client(&server)
        .with_retry(RetryPolicy::never())
        .update_meeting_live_stream_status()
        .meeting_id(MEETING)
        .action(Action::Stop);
    tokio::spawn(call.clone().into_future()).await.expect("no panic").expect("stopped");
    let mut calls = tokio::task::JoinSet::new();
    calls.spawn(call.into_future());
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    assert_eq!(server.request_count(), 2);
}

#[tokio::test]
async fn a_missing_field_is_named_as_its_setter() {
    let server = server().await;
    let call = client(&server).update_meeting_live_stream().meeting_id(MEETING);
    let error = call.stream_url("rtmp://h/app").stream_key("key").await.expect_err("no page");
    assert!(error.to_string().contains("`page_url` is required and was not set"), "{error}");
    assert_eq!(server.request_count(), 0);
}

#[tokio::test]
async fn a_field_that_looks_like_a_forms_header_does_not_reveal_a_secret() {
    let server = server().await;
    let answer = "rtmp://u:passw0rd@h and the_stream_key, please";
    server.answer(Answer::error(400, 300, answer));
    let call = client(&server).update_meeting_live_stream().meeting_id(MEETING);
    let call = call.stream_url("rtmp://u:passw0rd@h").stream_key("the_stream_key");
    let error = call.page_url("https://h/form-data; name=\"stream_key\"\r\n\r\nno").await.expect_err("300");
    let text = format!("{error} {error:?}");
    assert!(!text.contains("passw0rd") && !text.contains("the_stream_key"), "{text}");
}

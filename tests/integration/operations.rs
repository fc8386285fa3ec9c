//! All live-stream operations, in both encodings.

use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::update_meeting_live_stream_status as meeting;
use zoom_livestream::{BodyEncoding, ErrorKind};

use crate::support::{
    MEETING, PAGE_URL, STREAM_KEY, STREAM_URL, builder, call, client, configure, operations,
};

async fn server() -> MockServer {
    MockServer::start().await.expect("the mock server")
}

#[tokio::test]
async fn each_operation_is_accepted_in_both_encodings() {
    for encoding in [BodyEncoding::Negotiated, BodyEncoding::Multipart, BodyEncoding::Json] {
        for operation in operations() {
            let id = operation["operationId"].as_str().expect("an id");
            let server = server().await;
            let zoom = builder(&server).body_encoding(encoding).build().expect("a client");
            call(&zoom, id).await.unwrap_or_else(|error| panic!("{id} as {encoding:?}: {error}"));
            let received = server.requests().remove(0);
            assert_eq!(received.operation_id.as_deref(), Some(id));
            let sent = received
                .content_type
                .as_deref()
                .map(|media_type| media_type.split(';').next().unwrap_or_default());
            let described =
                operation["requestBody"]["content"].as_object().and_then(|content| content.keys().next());
            let expected = described.map(|media_type| match encoding {
                BodyEncoding::Json => "application/json",
                _ => media_type.as_str(),
            });
            assert_eq!(sent, expected, "{id}");
        }
    }
}

#[tokio::test]
async fn what_was_configured_is_read_back_with_its_secrets_redacted() {
    let server = server().await;
    let zoom = client(&server);
    configure(&zoom).await.expect("204");
    let details = zoom.get_meeting_live_stream_details().meeting_id(MEETING).await.expect("200");
    let text = |secret: Option<zoom_livestream::Secret>| secret.map(|secret| secret.expose().to_owned());
    assert_eq!(text(details.stream_url.clone()).as_deref(), Some(STREAM_URL));
    assert_eq!(text(details.stream_key.clone()).as_deref(), Some(STREAM_KEY));
    assert_eq!(details.page_url.as_deref(), Some(PAGE_URL));
    assert!(!format!("{details:?}").contains("hidden"), "{details:?}");

    let token = zoom.get_webinar_join_token_for_live_streaming().webinar_id(MEETING).await.expect("200");
    let secret = text(token.token.clone()).expect("a token");
    assert!(!format!("{token:?}").contains(&secret), "{token:?}");
}

#[tokio::test]
async fn an_unknown_value_or_field_of_an_answer_is_kept() {
    let server = server().await;
    let body = r#"{"resolution": "8K", "page_url": null, "backup_key": "hidden", "viewers": {"now": 7}}"#;
    server.answer(Answer::status(200).body(body));
    let details = client(&server).get_meeting_live_stream_details().meeting_id(MEETING).await.expect("200");
    assert_eq!(details.resolution.as_deref(), Some("8K"));
    assert_eq!(details.page_url, None);
    assert_eq!(details.extra["viewers"]["now"], 7);
    assert_eq!(details.extra["backup_key"], "hidden");
    assert!(!format!("{details:?}").contains("hidden"), "{details:?}");
}

#[tokio::test]
async fn a_success_that_does_not_match_is_an_error_that_does_not_quote_it() {
    let server = server().await;
    let zoom = client(&server);
    for body in
        ["", "<html>hidden</html>", "[]", r#"{"stream_key": 7}"#, r#"{"stream_key": "hidden"#, r#""hidden""#]
    {
        server.answer(Answer::status(200).body(body));
        let error = zoom.get_meeting_live_stream_details().meeting_id(MEETING).await.expect_err(body);
        assert_eq!(error.kind(), ErrorKind::Answered);
        assert_eq!(error.status().map(|status| status.as_u16()), Some(200));
        assert!(error.to_string().contains("its body does not match the description"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
    }
    server.answer(Answer::status(200).body(r#"{"code": 200, "message": "No permission."}"#));
    let error = zoom.get_meeting_live_stream_details().meeting_id(MEETING).await.expect_err("an envelope");
    assert_eq!((error.code().map(|code| code.get()), error.message()), (Some(200), Some("No permission.")));
}

#[tokio::test]
async fn fields_that_zoom_added_after_the_items_were_exported_are_sent() {
    let server = server().await;
    let zoom = client(&server);
    let settings = meeting::Settings::builder()
        .layout(meeting::SettingsLayout::GalleryView)
        .close_caption(meeting::SettingsCloseCaption::BurntIn);
    let call = zoom.update_meeting_live_stream_status().meeting_id(MEETING);
    call.body_map(|body| body.action(meeting::Action::Mode).settings(settings)).await.expect("204");
    let call = zoom.update_webinar_live_stream().webinar_id(MEETING);
    call.body_map(|body| {
        body.stream_url(STREAM_URL).stream_key(STREAM_KEY).page_url(PAGE_URL).resolution("1080p")
    })
    .await
    .expect("204");
    let requests = server.requests();
    assert_eq!(requests[0].field("action"), Some("mode"));
    assert_eq!(
        requests[0].field("settings"),
        Some(r#"{"close_caption":"burnt-in","layout":"gallery_view"}"#)
    );
    assert_eq!(requests[1].field("resolution"), Some("1080p"));
}

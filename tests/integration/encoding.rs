//! How a form is sent, and what happens if Zoom does not take it.

use std::time::Duration;

use zoom_livestream::mock::{Answer, BodySupport, MockServer};
use zoom_livestream::{BodyEncoding, Client};

use crate::support::{MEETING, builder, client, configure, start};

const UNSUPPORTED: (u16, i64, &str) = (415, 300, "Unsupported Content Type");

fn refusal() -> Answer {
    Answer::error(UNSUPPORTED.0, UNSUPPORTED.1, UNSUPPORTED.2)
}

async fn taking(multipart: BodySupport, json: BodySupport) -> MockServer {
    let server = MockServer::builder().cool_down(Duration::ZERO).multipart(multipart).json(json).start().await;
    server.expect("the mock server")
}

/// The media types that were sent since the last look.
fn sent(server: &MockServer) -> Vec<String> {
    let types = server.requests().into_iter().map(|received| received.content_type.unwrap_or_default());
    let types = types.map(|of| of.split(';').next().unwrap_or_default().to_owned()).collect();
    server.clear();
    types
}

fn with(server: &MockServer, encoding: BodyEncoding) -> Client {
    builder(server).body_encoding(encoding).build().expect("a client")
}

#[tokio::test]
async fn a_form_that_zoom_refuses_goes_out_as_json_and_the_client_remembers() {
    let server = taking(BodySupport::Refused, BodySupport::Accepted).await;
    let zoom = client(&server);
    let derived = zoom.with_access_token(server.access_token()).expect("a token");
    start(&zoom, MEETING).await.expect("204 as JSON");
    assert_eq!(sent(&server), ["multipart/form-data", "application/json"]);
    for zoom in [zoom.clone(), derived, zoom] {
        start(&zoom, MEETING).await.expect("204 at once");
        configure(&zoom).await.expect("204 at once");
        assert_eq!(sent(&server), ["application/json", "application/json"]);
    }
    start(&client(&server), MEETING).await.expect("204");
    assert_eq!(sent(&server), ["multipart/form-data", "application/json"], "another client starts anew");
}

#[tokio::test]
async fn the_switch_is_remembered_only_once_zoom_has_read_json() {
    let server = taking(BodySupport::Accepted, BodySupport::Accepted).await;
    let second = |status, code| Answer::error(status, code, "The second answer.");
    for (answer, is_remembered) in
        [(second(404, 3001), true), (second(400, 300), true), (second(500, 500), false), (Answer::disconnect(), false)]
    {
        let zoom = client(&server);
        server.answer(refusal());
        server.answer(answer);
        start(&zoom, MEETING).await.expect_err("refused");
        assert_eq!(sent(&server), ["multipart/form-data", "application/json"]);
        start(&zoom, MEETING).await.expect("204");
        assert_eq!(sent(&server) == ["application/json"], is_remembered);
    }
}

#[tokio::test]
async fn an_encoding_that_is_set_is_never_changed_and_the_error_names_the_setting() {
    let server = taking(BodySupport::Accepted, BodySupport::Accepted).await;
    for (encoding, media_type, name) in [
        (BodyEncoding::Multipart, "multipart/form-data", "multipart/form-data"),
        (BodyEncoding::Json, "application/json", "JSON"),
    ] {
        server.answer(refusal());
        let error = start(&with(&server, encoding), MEETING).await.expect_err("refused");
        assert_eq!(sent(&server), [media_type]);
        assert!(error.to_string().contains(&format!("Zoom refuses {name}: set `body_encoding`")), "{error}");
        assert!(!error.may_have_taken_effect());
    }
}

#[tokio::test]
async fn if_both_are_refused_the_error_says_so() {
    let server = taking(BodySupport::Refused, BodySupport::Refused).await;
    let (zoom, remembering) = (client(&server), client(&server));
    for _ in 0..2 {
        let error = start(&zoom, MEETING).await.expect_err("refused");
        assert_eq!(sent(&server), ["multipart/form-data", "application/json"]);
        assert_eq!(error.attempts(), 2);
        assert!(error.to_string().contains("Zoom refuses both multipart/form-data and JSON"), "{error}");
    }
    for answer in [refusal(), Answer::status(204), refusal()] {
        server.answer(answer);
    }
    start(&remembering, MEETING).await.expect("204");
    let error = start(&remembering, MEETING).await.expect_err("refused");
    assert_eq!(error.attempts(), 1);
    assert!(error.to_string().contains("Zoom refuses both multipart/form-data and JSON"), "{error}");
}

#[tokio::test]
async fn a_refused_token_is_no_reason_to_change_the_encoding() {
    let server = taking(BodySupport::Accepted, BodySupport::Accepted).await;
    server.answer(Answer::error(415, 124, "Invalid access token."));
    let error = start(&client(&server), MEETING).await.expect_err("refused");
    assert_eq!(sent(&server), ["multipart/form-data"]);
    assert!(error.is_unauthorized() && error.to_string().contains("Get a new access token"), "{error}");
}

#[tokio::test]
async fn a_refusal_of_the_content_is_no_reason_to_change_the_encoding() {
    let server = taking(BodySupport::Accepted, BodySupport::Accepted).await;
    for answer in [
        Answer::error(400, 300, "Validation Failed."),
        Answer::error(400, 3001, "Unsupported Content Type"),
        Answer::error(500, 300, "Unsupported Content Type"),
        Answer::error(404, 300, "Invalid meetingId."),
    ] {
        server.answer(answer);
        start(&client(&server), MEETING).await.expect_err("refused");
        assert_eq!(sent(&server), ["multipart/form-data"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_encoding_is_not_a_retry() {
    let server = taking(BodySupport::Refused, BodySupport::Accepted).await;
    let zoom = client(&server);
    for _ in 0..3 {
        server.answer(Answer::error(429, 429, "Too many requests.").header("retry-after", "1"));
    }
    start(&zoom, MEETING).await.expect("204 after three retries and a change of encoding");
    assert_eq!(server.request_count(), 5);
}

//! Requests that are not operations of the description.

use serde_json::{Value, json};
use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::reqwest::Method;
use zoom_livestream::{Error, ErrorKind, ResponseValue};

use crate::support::client;

#[tokio::test]
async fn any_other_operation_has_the_same_tokens_waits_and_errors() {
    let server = MockServer::start().await.expect("the mock server");
    let zoom = client(&server);
    server.answer(Answer::error(429, 429, "Too many.").header("retry-after", "1"));
    server.answer(Answer::status(201).json(&json!({ "id": 7 })).header("x-zm-trackingid", "WEB_1"));
    let request = zoom.request(Method::POST, "/users/me/meetings").json(&json!({ "topic": "Keynote" }));
    let meeting = request.query("a", ["b c", "d"]).query("none", None::<u8>).send::<Value>().await.expect("201");
    assert_eq!((meeting["id"].as_u64(), meeting.tracking_id()), (Some(7), Some("WEB_1")));
    let received = server.requests().pop().expect("a request");
    assert_eq!((received.method, &*received.path), (Method::POST, "/v2/users/me/meetings"));
    assert_eq!(received.query.as_deref(), Some("a=b+c&a=d"));
    assert_eq!(received.body, r#"{"topic":"Keynote"}"#);
    assert!(received.headers["authorization"].to_str().is_ok_and(|text| text.starts_with("Bearer ")));
}

#[tokio::test]
async fn a_request_without_a_value_takes_any_success() {
    let server = MockServer::start().await.expect("the mock server");
    let zoom = client(&server);
    for answer in [Answer::status(204), Answer::status(200).body("{}"), Answer::status(201).body(r#"{"id":7}"#)] {
        server.answer(answer);
        zoom.request(Method::DELETE, "/meetings/84912345678").send::<()>().await.expect("a success");
    }
    let foreign = Answer::status(200).body("<html>Log in</html>");
    for answer in [Answer::error(200, 300, "No."), Answer::error(404, 3001, "No."), foreign] {
        server.answer(answer);
        zoom.request(Method::DELETE, "/meetings/84912345678").send::<()>().await.expect_err("an error");
    }
}

#[tokio::test]
async fn an_error_begins_with_the_method_and_path() {
    let server = MockServer::start().await.expect("the mock server");
    server.answer(Answer::error(404, 1001, "User does not exist."));
    let error = client(&server).request(Method::GET, "/users/me").send::<Value>().await.expect_err("404");
    assert!(error.to_string().starts_with("GET /users/me was answered with HTTP 404, code 1001"), "{error}");
    assert_eq!(error.operation_id(), None);
}

#[tokio::test]
async fn a_path_that_leaves_the_base_url_or_would_be_changed_is_refused() {
    let server = MockServer::start().await.expect("the mock server");
    let zoom = client(&server);
    for path in [
        "",
        "/",
        "users/me",
        "%2Fusers",
        "%2fusers/me",
        "%5Cusers",
        "//evil.example/x",
        "/..",
        "/../oauth/token",
        "/users/%2e%2e/x",
        "/users/..%2fx",
        "/past_meetings/%2Fa%2F%2Fb%3D%3D",
        "/users/%5C%2E%2E%5Cx",
        "/users/./me",
        "/a//b",
        "/a/",
        "/a?b=c",
        "/a#b",
        "/a b",
        "/\u{e9}",
        "/a\\b",
        "/a\n",
        "https://evil.example/",
        "@evil.example/x",
    ] {
        let sent: Result<ResponseValue<Value>, Error> = zoom.request(Method::GET, path).send().await;
        let error = sent.expect_err(path);
        assert_eq!(error.kind(), ErrorKind::Refused, "{path:?}: {error}");
    }
    assert_eq!(server.request_count(), 0);
    server.answer(Answer::status(204));
    let uuid = "/past_meetings/%252Fa%252F%252Fb%253D%253D";
    zoom.request(Method::GET, uuid).send::<()>().await.expect("a meeting's UUID that is encoded twice");
    assert_eq!(server.requests()[0].path, format!("/v2{uuid}"));
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let server = MockServer::start().await.expect("the mock server");
    let zoom = client(&server);
    let long = "x".repeat(70_000);
    for request in [
        zoom.request(Method::GET, format!("/{long}")),
        zoom.request(Method::GET, "/users").query("page", &long),
        zoom.request(Method::CONNECT, "/users"),
    ] {
        let error = request.send::<()>().await.expect_err("refused");
        assert!(error.kind() == ErrorKind::Refused && !error.may_have_been_sent(), "{error}");
    }
    assert_eq!(server.request_count(), 0);
}

#[tokio::test]
async fn what_is_named_like_a_secret_is_redacted() {
    let server = MockServer::start().await.expect("the mock server");
    server.answer(Answer::error(400, 300, r"Invalid: pass-1234, rtmp:\/\/u:pw@x\/y, k3y-of-list and a topic."));
    let body = json!({
        "topic": "a topic", "settings": { "Stream_URL": "rtmp://u:pw@x/y" }, "password": "pass-1234", "api_keys": ["k3y-of-list"],
    });
    let error = client(&server).request(Method::POST, "/users/me/meetings").json(&body).send::<()>().await;
    let error = error.expect_err("400");
    assert!(format!("{error} {error:?}").contains("Invalid: ***, ***, *** and a topic"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_written_as_json_is_refused() {
    let server = MockServer::start().await.expect("the mock server");
    let map = std::collections::HashMap::from([((1, 2), 3)]);
    let sent = client(&server).request(Method::POST, "/users").json(&map).send::<()>().await;
    let error = sent.expect_err("keys that are not text");
    assert!(error.kind() == ErrorKind::Refused && error.to_string().starts_with("POST /users"), "{error}");
}

#[test]
fn outside_of_a_runtime_a_call_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = runtime.block_on(MockServer::start()).expect("the mock server");
    let call = client(&server).get_meeting_live_stream_details().meeting_id(crate::support::MEETING);
    let mut call = call.into_future();
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(Err(error)) = call.as_mut().poll(&mut task) else { panic!("it waits") };
    assert!(error.kind() == ErrorKind::Refused && error.to_string().contains("tokio runtime"), "{error}");
}

//! Every documented answer, and undocumented ones.

use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::{ErrorCode, ErrorKind, RetryPolicy};

use crate::support::{MEETING, RawServer, builder, call, operations, start};

#[tokio::test]
async fn each_documented_answer_of_each_operation_is_decoded_as_documented() {
    for operation in operations() {
        let id = operation["operationId"].as_str().expect("an id");
        for (status, answer) in operation["responses"].as_object().expect("answers") {
            let status: u16 = status.parse().expect("a status");
            let codes: Vec<i64> = (answer["x-error-codes"].as_array().into_iter().flatten())
                .map(|code| code["code"].as_i64().expect("a code"))
                .collect();
            let server = MockServer::start().await.expect("the mock server");
            let zoom = builder(&server).retry(RetryPolicy::never()).build().expect("a client");

            // As in the items: an empty text, unless a body is documented.
            let body = if answer["content"].is_null() { "" } else { "{}" };
            server.answer(Answer::status(status).header("content-type", "text/plain").body(body));
            let empty = call(&zoom, id).await;
            if status < 300 {
                empty.unwrap_or_else(|error| panic!("{id} {status}: {error}"));
                continue;
            }
            let error = empty.expect_err("an error");
            assert_eq!(error.kind(), ErrorKind::Answered);
            assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
            let own = (status == 300).then_some(ErrorCode::from(300));
            assert_eq!(error.code(), own, "{id} {status}: only a real 300 is a code by itself");
            assert_eq!(error.is_rate_limited(), status == 429);

            // As Zoom really answers: with its envelope.
            for code in codes {
                server.answer(Answer::error(status, code, "Zoom's words."));
                let error = call(&zoom, id).await.expect_err("an error");
                assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
                assert_eq!(error.code(), Some(ErrorCode::from(code)));
                assert_eq!(error.message(), Some("Zoom's words."));
                let text = error.to_string();
                for words in [id, &format!("HTTP {status}"), &format!("code {code}"), "Zoom's words"] {
                    assert!(text.contains(words), "{words} is missing in: {text}");
                }
            }
        }
    }
}

#[test]
fn each_documented_code_has_a_name() {
    for operation in operations() {
        for answer in operation["responses"].as_object().expect("answers").values() {
            for code in answer["x-error-codes"].as_array().into_iter().flatten() {
                let code = ErrorCode::from(code["code"].as_i64().expect("a code"));
                assert!(
                    code.name().is_some(),
                    "{code:?} of {} has no name in src/envelope.rs",
                    operation["operationId"]
                );
            }
        }
    }
    assert_eq!(ErrorCode::from(4242).name(), None);
    assert_eq!(ErrorCode::from(4242).get(), 4242);
}

#[tokio::test]
async fn a_body_that_is_not_an_envelope_keeps_its_status() {
    let megabyte = vec![b'x'; 1 << 20];
    let bodies: [(&str, &[u8]); 7] = [
        ("text/plain", b""),
        ("text/html", b"<html><h1>502 Bad Gateway</h1></html>"),
        ("application/xml", b"<error><code>300</code></error>"),
        ("application/json", br#"{"code": 300, "messa"#),
        ("application/json", br#"{"code": {"a": [null]}, "message": 7, "errors": "no"}"#),
        ("application/json", b"[1, 2, 3]"),
        ("application/octet-stream", &megabyte),
    ];
    for (content_type, body) in bodies {
        for status in [300_u16, 301, 400, 401, 404, 500, 502] {
            let server = MockServer::start().await.expect("the mock server");
            let zoom = builder(&server).build().expect("a client");
            server.answer(Answer::status(status).header("content-type", content_type).body(body.to_vec()));
            let error = start(&zoom, MEETING).await.expect_err("an error");
            assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
            let kept = error.body().expect("a body");
            assert_eq!(kept, &body[..body.len().min(64 * 1024)]);
            assert_eq!(error.attempts(), 1, "{status} is not sent again");
            assert_eq!(server.request_count(), 1);
        }
    }
}

#[tokio::test]
async fn an_envelope_of_each_spelling_is_read() {
    let server = MockServer::start().await.expect("the mock server");
    let zoom = builder(&server).build().expect("a client");
    let body = r#"{"code":"124","error_message":"Invalid access token."}"#;
    server.answer(Answer::status(400).body(body));
    let error = start(&zoom, MEETING).await.expect_err("an error");
    assert_eq!((error.code(), error.message()), (Some(ErrorCode::from(124)), Some("Invalid access token.")));
    assert!(error.is_unauthorized());

    let body = r#"{"code":300,"message":"Validation Failed.","errors":[{"field":"settings.display_name","message":"too long"}]}"#;
    server.answer(Answer::status(400).header("x-zm-trackingid", "v=2.0;clid=us02").body(body));
    let error = start(&zoom, MEETING).await.expect_err("an error");
    assert_eq!(error.field_errors().len(), 1);
    assert_eq!(error.field_errors()[0].field, "settings.display_name");
    assert_eq!(error.tracking_id(), Some("v=2.0;clid=us02"));
    assert!(error.to_string().contains("settings.display_name: too long"), "{error}");

    let body = r#"{"code":4711,"message":"Invalid access token, does not contain scopes:[meeting:update:livestream_status, meeting:write]."}"#;
    server.answer(Answer::status(400).body(body));
    let error = start(&zoom, MEETING).await.expect_err("an error");
    assert_eq!(error.missing_scopes(), ["meeting:update:livestream_status", "meeting:write"]);
}

#[tokio::test]
async fn a_2xx_is_a_success_unless_it_holds_an_error_or_something_other_than_json() {
    let server = MockServer::start().await.expect("the mock server");
    let zoom = builder(&server).build().expect("a client");
    let stop = || zoom.update_meeting_live_stream_status().meeting_id(MEETING).action("stop");
    for body in ["", " \r\n", "{}", "null", r#"{"id": 5}"#, r#"{"code":200,"message":"success"}"#] {
        server.answer(Answer::status(200).body(body));
        stop().await.unwrap_or_else(|error| panic!("{body}: {error}"));
    }
    for (body, words) in [
        ("<html><h1>Log in to the hotel's network</h1></html>", "HTTP 200; its body is not JSON"),
        ("OK", "HTTP 200; its body is not JSON"),
        (
            r#"{"code": 3161, "message": "Not allowed."}"#,
            "HTTP 200, code 3161 (HOST_NOT_ALLOWED): Not allowed",
        ),
        (r#"{"code":"300","message":"bad"}"#, "HTTP 200, code 300 (INVALID_REQUEST): bad"),
        (r#"{"id": 5, "code": 1, "message": "x"}"#, "HTTP 200, code 1: x"),
        ("\u{feff}{\"code\":300,\"message\":\"bad\"}", "HTTP 200, code 300 (INVALID_REQUEST): bad"),
    ] {
        server.answer(Answer::status(200).body(body));
        let error = stop().await.expect_err(body);
        assert_eq!(error.status().map(|status| status.as_u16()), Some(200));
        assert!(error.to_string().contains(words), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_success_that_does_not_decode_names_the_field_and_never_the_value() {
    let server = MockServer::start().await.expect("the mock server");
    let zoom = builder(&server).build().expect("a client");
    let body = serde_json::json!({ "page_url": "https://h/", "stream_key": ["hidden, expected f64"] });
    server.answer(Answer::status(200).json(&body));
    let error = zoom.get_meeting_live_stream_details().meeting_id(MEETING).await.expect_err("a mismatch");
    assert!(error.to_string().contains("stream_key: expected a string ("), "{error}");
}

#[tokio::test]
async fn the_code_of_a_damaged_envelope_is_kept() {
    let server = MockServer::start().await.expect("the mock server");
    let zoom = builder(&server).build().expect("a client");
    let long = format!(r#"{{"code":1010,"message":"m","trace":"{}"}}"#, "x".repeat(100_000));
    for body in [
        &b"{\"code\":1010,\"message\":\"m\xff\"}"[..],
        b"\xef\xbb\xbf{\"code\":1010,\"message\":\"m\"}",
        br#"{"code":1010,"code":1010,"message":"m"}"#,
        br#"{"code":1010.0,"message":"m"}"#,
        long.as_bytes(),
    ] {
        server.answer(Answer::status(400).body(body.to_vec()));
        let error = start(&zoom, MEETING).await.expect_err("an error");
        assert_eq!(
            error.code(),
            Some(ErrorCode::USER_NOT_IN_ACCOUNT),
            "{}",
            String::from_utf8_lossy(&body[..40])
        );
        assert!(error.to_string().contains("(USER_NOT_IN_ACCOUNT): m"), "{error}");
    }
    server.answer(Answer::status(400).body(r#"{"code":1010,"message":null}"#));
    let error = start(&zoom, MEETING).await.expect_err("an error");
    assert!(error.to_string().contains("code 1010 (USER_NOT_IN_ACCOUNT) ("), "no template: {error}");
}

#[tokio::test]
async fn a_body_that_is_not_zooms_gets_a_hint() {
    let server = MockServer::start().await.expect("the mock server");
    let zoom = builder(&server).build().expect("a client");
    for (answer, words) in [
        (Answer::status(502), "HTTP 502. Its body is empty: a proxy or gateway may have answered"),
        (
            Answer::status(502).header("content-type", "text/html; charset=utf-8").body("<html>"),
            "HTTP 502. Its body is text/html, not Zoom's error envelope: a proxy or gateway may have answered",
        ),
        (Answer::status(400).body("[1]"), "HTTP 400. Its body is not Zoom's error envelope"),
    ] {
        server.answer(answer);
        let error = start(&zoom, MEETING).await.expect_err("an error");
        assert!(error.to_string().contains(words), "{error}");
        let has_body = !error.body().unwrap_or_default().is_empty();
        assert_eq!(error.to_string().contains("`Error::body` has what it sent"), has_body, "{error}");
    }
}

#[tokio::test]
async fn a_redirects_target_is_in_the_headers_and_never_in_the_sentence() {
    let server = MockServer::start().await.expect("the mock server");
    let zoom = builder(&server).build().expect("a client");
    server.answer(Answer::status(302).header("location", "https://ada:hidden@login.example.com/?hidden"));
    let error = start(&zoom, MEETING).await.expect_err("a redirect");
    let words =
        "HTTP 302. It redirects elsewhere, and this client does not follow redirects: `Error::headers` has";
    assert!(error.to_string().contains(words), "{error}");
    assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
    let location = error.headers().and_then(|headers| headers.get("location"));
    assert!(location.is_some_and(|location| location.as_bytes().ends_with(b"/?hidden")));
}

#[tokio::test]
async fn the_code_of_a_long_200_is_read_and_its_first_64_kib_are_kept() {
    let server = MockServer::start().await.expect("the mock server");
    let zoom = builder(&server).build().expect("a client");
    let body = format!(r#"{{"more":"{}","code":300,"message":"Zoom's words."}}"#, "x".repeat(70_000));
    server.answer(Answer::status(200).body(body));
    let error = start(&zoom, MEETING).await.expect_err("an error");
    assert_eq!(error.code(), Some(ErrorCode::INVALID_REQUEST));
    assert_eq!(error.body().map(|body| body.len()), Some(64 * 1024));
}

#[tokio::test]
async fn a_sentence_is_short_and_in_order_regardless_of_what_zoom_says() {
    let server = MockServer::start().await.expect("the mock server");
    let zoom = builder(&server).build().expect("a client");
    let errors: Vec<_> = (0..500)
        .map(|number| serde_json::json!({ "field": format!("f{number}"), "message": "x".repeat(1_000) }))
        .collect();
    let body = serde_json::json!({ "code": 300, "message": "\u{202e}x".repeat(5_000), "errors": errors });
    server.answer(Answer::status(400).json(&body));
    let error = start(&zoom, MEETING).await.expect_err("an error");
    let text = error.to_string();
    assert!(text.chars().count() <= 2_001 && text.ends_with(" s)"), "{text}");
    assert!(!text.contains('\u{202e}'), "{text}");
}

#[tokio::test]
async fn a_redirect_is_an_error_and_is_not_followed() {
    let elsewhere = RawServer::start(|_, _| async {}).await;
    for status in [300_u16, 301, 302, 303, 307, 308] {
        let server = MockServer::start().await.expect("the mock server");
        let following = reqwest::ClientBuilder::new().redirect(reqwest::redirect::Policy::limited(10));
        let zoom = builder(&server).http(|_| following).build().expect("a client");
        server.answer(Answer::status(status).header("location", elsewhere.url()));
        let error = start(&zoom, MEETING).await.expect_err("a redirect");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(error.code(), (status == 300).then_some(ErrorCode::INVALID_REQUEST));
        assert_eq!((error.attempts(), server.request_count()), (1, 1));
    }
    assert_eq!(elsewhere.connections(), 0);
}

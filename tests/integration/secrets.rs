//! What is never printed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::update_meeting_live_stream::Body;
use zoom_livestream::{AccessToken, BodyEncoding, Client, RetryPolicy, Secret, ServerToServer};

use crate::support::{
    LOGGED, MEETING, PAGE_URL, STREAM_KEY, STREAM_URL, builder, builder_without_token, client, configure, in_child,
    is_child, secret_in, start, until, watch_logs,
};

const TOKEN: &str = "hidden-token";

/// Fails if `text` contains a secret or a piece of one.
fn assert_hidden(what: &str, text: &str) {
    assert_eq!(secret_in(text), None, "{what} shows a secret: {text}");
    for piece in ["rtmp:", "live.example.com/app", "user=ada"] {
        assert!(!text.contains(piece), "{what} shows a secret: {text}");
    }
}

fn assert_hides<T: std::fmt::Debug>(what: &str, value: &T) {
    assert_hidden(what, &format!("{value:?} {value:#?}"));
}

#[tokio::test]
async fn no_public_type_shows_a_secret() {
    let server = MockServer::builder()
        .access_token(TOKEN)
        .credentials("hidden-account", "hidden-client", "hidden-secret")
        .cool_down(Duration::ZERO);
    assert_hides("MockServerBuilder", &server);
    let server = server.start().await.expect("the mock server");
    assert_hides("MockServer", &server);

    assert_hides("Secret", &Secret::from(TOKEN));
    assert_hides("AccessToken", &AccessToken::new(TOKEN).with_expires_in(Duration::from_secs(1)));
    let app = ServerToServer::new("account", "client", "hidden-secret").token_url(server.token_url());
    assert_hides("ServerToServer", &app);
    for url in ["https://hidden:hidden@zoom.us/", "https://zoom.us/?hidden", "https://zoom.us/#hidden"] {
        assert_hides("ServerToServer", &app.clone().token_url(url));
    }
    let policy = RetryPolicy::default().notify(|resend| assert_hides("Resend", resend)).check(|resend| async move {
        assert_hides("Resend", &resend);
        true
    });
    assert_hides("RetryPolicy", &policy);

    assert_hides("ClientBuilder", &builder(&server).access_token(TOKEN));
    assert_hides("ClientBuilder", &builder_without_token(&server).token_source(app.clone()));
    for url in ["https://hidden:hidden@api.zoom.us", "https://api.zoom.us/?hidden", "https://api.zoom.us/#hidden"] {
        let with_secret = Client::builder().base_url(url).access_token(TOKEN);
        assert_hides("ClientBuilder", &with_secret);
        let error = with_secret.build().expect_err("no base URL");
        assert_hidden("Error of building", &format!("{error} {error:?}"));
    }
    let user_agent = Client::builder().http(|http| http.user_agent("hidden\n")).access_token(TOKEN);
    assert_hides("ClientBuilder", &user_agent);
    let error = user_agent.build().expect_err("no user agent");
    assert_hidden("Error of building", &format!("{error} {error:?}"));

    let zoom = builder(&server).access_token(TOKEN).retry(policy).build().expect("a client");
    assert_hides("Client", &zoom);
    let body = Body::builder().stream_url(STREAM_URL).stream_key(STREAM_KEY).page_url(PAGE_URL);
    assert_hides("a body's builder", &body);
    let whole: Body = body.clone().try_into().expect("a whole body");
    assert_hides("a body", &whole);
    let call = zoom.update_meeting_live_stream().meeting_id(MEETING).body(body);
    assert_hides("a call's builder", &call);

    server.answer(Answer::error(429, 429, "Too many.").header("retry-after", "1"));
    call.await.expect("204, after notify and check were called");
    for received in server.requests() {
        assert_hides("Received", &received);
    }
    assert_hides("Answer", &Answer::status(200).header("x-key", STREAM_KEY).body(STREAM_KEY));
}

#[tokio::test]
async fn no_error_shows_a_secret_even_if_zoom_quotes_it() {
    let server = MockServer::builder().access_token(TOKEN).cool_down(Duration::ZERO).start().await;
    let server = server.expect("the mock server");
    let zoom = builder(&server).access_token(TOKEN).retry(RetryPolicy::never()).build().expect("a client");
    let words = format!("Not {STREAM_KEY}, nor {STREAM_URL}, nor Bearer {TOKEN}");
    let field_error = serde_json::json!({ "code": 300, "message": words, "errors": [
        { "field": "stream_key", "message": words }, { "field": STREAM_KEY, "message": "unknown" } ] });
    for answer in [
        Answer::error(400, 300, &words),
        Answer::error(401, 124, &words),
        Answer::error(429, 429, &words),
        Answer::error(200, 300, &words),
        Answer::status(400).json(&field_error),
        Answer::status(502).body(words.clone()),
        Answer::error(500, 1, &words).cut_off_after(40),
        Answer::status(301).header("location", STREAM_URL).header("x-zm-trackingid", TOKEN),
        Answer::disconnect(),
    ] {
        server.answer(answer);
        let error = configure(&zoom).await.expect_err("refused");
        let fields = error.field_errors();
        assert_hidden("Error", &format!("{error} {error:?} {error:#?} {:?} {fields:?}", error.message()));
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            assert_hidden("a cause", &format!("{cause} {cause:?}"));
            source = cause.source();
        }
    }

    let long = zoom
        .update_meeting_live_stream()
        .meeting_id(MEETING)
        .body_map(|body| body.stream_url(STREAM_URL).stream_key(STREAM_KEY.repeat(100)).page_url(PAGE_URL));
    let error = long.await.expect_err("too long");
    assert_hidden("Error", &format!("{error} {error:?}"));
}

#[tokio::test]
async fn a_secret_is_redacted_regardless_of_the_text_around_it() {
    let server = MockServer::builder().access_token(TOKEN).start().await.expect("the mock server");
    for encoding in [BodyEncoding::Multipart, BodyEncoding::Json] {
        let zoom = builder(&server).access_token(TOKEN).body_encoding(encoding).build().expect("a client");
        // A key that is part of the URL, and a field that looks like the form around it.
        let (url, key) = ("rtmp://alice:s3cr3tpass@live.example.com", "live");
        let page = "https://h/form-data; name=\"stream_key\"\r\n\r\nnot the key";
        server.answer(Answer::error(400, 300, &format!("not {url}, nor {key}")));
        let call = zoom.update_meeting_live_stream().meeting_id(MEETING);
        let error = call.stream_url(url).stream_key(key).page_url(page).await.expect_err("refused");
        assert!(error.to_string().contains("not ***, nor ***"), "{encoding:?}: {error}");
    }
}

#[tokio::test]
async fn no_answer_shows_the_secret_in_it() {
    let server = MockServer::builder().cool_down(Duration::ZERO).start().await.expect("the mock server");
    let zoom = client(&server);
    configure(&zoom).await.expect("204");
    let details = zoom.get_meeting_live_stream_details().meeting_id(MEETING).await.expect("200");
    assert_eq!(details.stream_key.as_ref().map(Secret::expose), Some(STREAM_KEY));
    assert_hides("an answer", &details);
    server.answer(Answer::status(200).json(&serde_json::json!({ "token": TOKEN, "other": STREAM_KEY })));
    let token = zoom.get_meeting_join_token_for_live_streaming().meeting_id(MEETING).await.expect("200");
    assert_hides("an answer", &token);
    // serde would quote a value that it cannot read.
    server.answer(Answer::status(200).json(&serde_json::json!({ "stream_key": 7, "page_url": [STREAM_KEY] })));
    let error = zoom.get_meeting_live_stream_details().meeting_id(MEETING).await.expect_err("no such answer");
    assert_hidden("Error", &format!("{error} {error:?}"));
}

/// The logs of all other tests in this binary are watched as well.
#[tokio::test]
async fn nothing_that_any_test_of_this_binary_logs_at_trace_level_shows_a_secret() {
    let server = MockServer::builder().cool_down(Duration::ZERO).start().await.expect("the mock server");
    for http in [
        reqwest::ClientBuilder::new(),
        reqwest::ClientBuilder::new().http2_prior_knowledge(),
        // With this, reqwest logs every byte that is read or written.
        reqwest::ClientBuilder::new().connection_verbose(true),
    ] {
        let app = ServerToServer::new("mock-account", "mock-client", "mock-secret").token_url(server.token_url());
        let zoom = builder_without_token(&server).http(|_| http).token_source(app).build().expect("a client");
        configure(&zoom).await.expect("204");
        server.answer(Answer::error(400, 300, STREAM_KEY));
        configure(&zoom).await.expect_err("refused");
    }
    for (name, logged) in &LOGGED {
        until(&format!("{name} logs into the watch"), || logged.load(Ordering::Relaxed)).await;
    }
}

#[test]
fn a_secret_in_the_log_ends_the_run() {
    const NAME: &str = "secrets::a_secret_in_the_log_ends_the_run";
    if is_child() {
        watch_logs();
        match std::env::var("TEST_LOGS").as_deref() {
            Ok("tracing") => tracing::trace!(token = TOKEN, "a line"),
            Ok("spans") => tracing::trace_span!("span", token = TOKEN).in_scope(|| tracing::trace!("a line")),
            _ => {}
        }
        return;
    }
    in_child(NAME, &[("TEST_LOGS", "nothing")]);
    for logs in ["tracing", "spans"] {
        let run = std::panic::catch_unwind(|| in_child(NAME, &[("TEST_LOGS", logs)]));
        let text = run.expect_err("a run that failed");
        let text = text.downcast_ref::<String>().expect("words");
        assert!(text.contains("the log shows a secret"), "{text}");
    }
}

#[tokio::test]
async fn a_panic_in_a_callers_check_shows_no_secret_and_leaves_no_lock_behind() {
    let server = MockServer::builder().cool_down(Duration::ZERO).start().await.expect("the mock server");
    server.answer(Answer::error(429, 429, "Too many.").header("retry-after", "1"));
    let zoom = client(&server);
    let panicking = zoom.with_retry(RetryPolicy::default().check(|resend| async move { panic!("{resend:?}") }));
    let panic = tokio::spawn(async move { configure(&panicking).await }).await.expect_err("a panic");
    let words = panic.into_panic().downcast_ref::<String>().cloned().expect("words");
    assert_hidden("a panic", &words);
    start(&zoom, MEETING).await.expect("204");
}

//! Every sentence that an error can contain, as one list to read: `sentences.txt`.
//!
//! Left out are the sentences that depend on the system (missing CA certificates, a build without TLS), and those that
//! no operation of the committed description can cause: about a 429 without a documented wait, a parameter in a
//! query, header or cookie, a file, and a body that is not an object or not JSON.

use std::error::Error as StdError;
use std::fmt::{Display, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::json;
use tokio::io::AsyncWriteExt;
use zoom_livestream::events::Verifier;
use zoom_livestream::mock::{Answer, MockServer, Webhook};
use zoom_livestream::update_meeting_live_stream_status::{Action, Settings};
use zoom_livestream::{
    AccessToken, BodyEncoding, Client, Ending, Error, MeetingId, RetryPolicy, ServerToServer, TokenSource, WebinarId,
};

use crate::faults::{closed_port, frame, http2, http2_answering};
use crate::support::{
    MEETING, RawServer, builder, builder_without_token, client, configure, in_child, is_child, read_request, start,
};

/// The sentences under one heading.
struct List(String);

impl List {
    fn new(heading: &str) -> Self {
        Self(format!("# {heading}\n\n"))
    }

    fn add(&mut self, sentence: impl Display) {
        let _ = writeln!(self.0, "{}", without_time(&sentence.to_string()));
    }

    /// The error, and why there is no access token.
    fn add_chain(&mut self, error: &Error) {
        self.add(format!("{error}: {}", error.source().expect("the token source's error")));
    }
}

/// The sentence with the times and the ports left out: they differ each time.
fn without_time(sentence: &str) -> String {
    let words = sentence.split(' ').map(|word| match word.split_once("127.0.0.1:") {
        Some((start, port)) => {
            format!("{start}127.0.0.1:…{}", port.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None if word.parse::<f64>().is_ok() && word.parse::<u64>().is_err() && !word.ends_with('.') => "…".to_owned(),
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

async fn server() -> MockServer {
    MockServer::start().await.expect("the mock server")
}

/// The error of a start that gets this answer.
async fn answered(answer: Answer, policy: RetryPolicy) -> Error {
    let server = server().await;
    server.answer_always(answer);
    let zoom = builder(&server).retry(policy).build().expect("a client");
    start(&zoom, MEETING).await.expect_err("an error")
}

fn limited(retry_after: &str) -> Answer {
    Answer::error(429, 429, "Too many requests.").header("retry-after", retry_after)
}

#[tokio::test]
async fn every_sentence_is_in_the_list() {
    if is_child() {
        let error = Client::from_env().expect_err("nothing is set");
        std::fs::write(std::env::var_os("TEST_FILE").expect("a file"), error.to_string()).expect("written");
        return;
    }
    let (refused, unanswered, answered, limited, without_token, mock) =
        tokio::join!(refusing(), connecting(), answering(), waiting(), fetching_tokens(), mocking());
    let events = verifying_events();
    let lists = [building(), refused, ids(), unanswered, answered, limited, without_token, events, mock];
    let said = lists.map(|list| list.0).join("\n");

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sentences.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &said).expect("the list is written");
        return;
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    let differing = said.lines().zip(golden.lines()).find(|(said, listed)| said != listed);
    let advice = "if that is what you want, run this test with UPDATE_GOLDEN=1 and read the list";
    assert_eq!(differing, None, "said and listed differ: {advice}");
    assert_eq!(said.lines().count(), golden.lines().count(), "sentences were added or removed: {advice}");
}

fn building() -> List {
    let mut list = List::new("Building a client");
    let new = || Client::builder().access_token("t");
    let app = |account: &str, client: &str| ServerToServer::new(account, client, "c");
    let at = |url: &str| app("a", "b").token_url(url);
    for builder in [
        Client::builder(),
        Client::builder().access_token(""),
        Client::builder().access_token("Bearer t"),
        new().base_url("https://api.zoom.us/v2\n"),
        new().base_url("api.zoom.us/v2"),
        new().base_url("http://api.zoom.us/v2"),
        new().base_url("https://api.zoom.us/v2?a=b"),
        new().base_url("https://api.zoom.us/v2/../v3"),
        new().http(|http| http.user_agent("a\r\nb")),
        Client::builder().token_source(app("", "b")),
        Client::builder().token_source(app("a", "b\n")),
        Client::builder().token_source(app("a", "b:b")),
        Client::builder().token_source(at("zoom.us")),
        Client::builder().token_source(at("http://127.0.0.1/oauth/token")),
    ] {
        list.add(builder.build().expect_err("refused"));
    }
    list.add(from_an_empty_environment());
    list
}

/// Comes from a separate process, which writes it to a file.
fn from_an_empty_environment() -> String {
    let file = std::env::temp_dir().join(format!("zoom-livestream-sentence-{}", std::process::id()));
    let name = "sentences::every_sentence_is_in_the_list";
    in_child(name, &[("TEST_FILE", file.to_str().expect("a path"))]);
    let sentence = std::fs::read_to_string(&file).expect("the sentence");
    std::fs::remove_file(file).expect("removed");
    sentence
}

async fn refusing() -> List {
    let mut list = List::new("Refused before sending");
    let zoom = Client::builder().access_token("t").base_url("http://127.0.0.1:9/v2").build();
    let zoom = zoom.expect("a client");
    let status = || zoom.update_meeting_live_stream_status().meeting_id(MEETING);
    let stream = || zoom.update_meeting_live_stream().meeting_id(MEETING).stream_url("rtmp://h/app");
    for call in [
        zoom.update_meeting_live_stream_status().action(Action::Start).into_future(),
        zoom.update_meeting_live_stream_status().meeting_id("my meeting").into_future(),
        status().into_future(),
        status().action("Start").into_future(),
        status().action("start").settings(Settings::builder().layout("round")).into_future(),
        status().action("start").settings(Settings::builder().display_name("x".repeat(51))).into_future(),
        status().action("start").settings(Settings::builder().display_name("")).into_future(),
        stream().stream_key("k").into_future(),
        stream().stream_key("k".repeat(600)).page_url("https://h").into_future(),
    ] {
        list.add(call.await.expect_err("refused"));
    }
    list
}

fn ids() -> List {
    let mut list = List::new("IDs");
    list.add(MeetingId::try_from(0).expect_err("refused"));
    list.add(MeetingId::try_from(u64::MAX).expect_err("refused"));
    list.add("-1".parse::<MeetingId>().expect_err("refused"));
    list.add("https://example.com/j/84912345678?pwd=abc".parse::<WebinarId>().expect_err("refused"));
    list.add("zoom.us/webinar/register/WN_abc123".parse::<WebinarId>().expect_err("refused"));
    list.add("849\u{200b}12345678".parse::<MeetingId>().expect_err("refused"));
    list.add(serde_json::from_value::<MeetingId>(json!(true)).expect_err("refused"));
    list
}

async fn connecting() -> List {
    let mut list = List::new("No answer");
    let unreachable = Client::builder().access_token("t").base_url(closed_port()).build();
    list.add(start(&unreachable.expect("a client"), MEETING).await.expect_err("nothing listens"));
    let server = server().await;
    server.answer(Answer::hang());
    for timeout in [Duration::from_secs(1), Duration::ZERO] {
        let hasty = client(&server).with_call_timeout(timeout);
        list.add(start(&hasty, MEETING).await.expect_err("no time"));
    }
    list.add(answered(Answer::disconnect(), RetryPolicy::never()).await);
    let (refusing, _) = http2_answering(|id| frame(3, 0, id, &7_u32.to_be_bytes())).await;
    let zoom = refusing.builder().http(|_| http2()).build().expect("a client");
    list.add(start(&zoom, MEETING).await.expect_err("a refused stream"));
    list
}

async fn answering() -> List {
    let mut list = List::new("Answered");
    let field = json!({ "code": 300, "message": "Validation Failed.", "errors": [
        { "field": "settings.display_name", "message": "too long" } ] });
    let scopes = "Invalid access token, does not contain scopes:[meeting:update:livestream_status].";
    let html = Answer::status(502).header("content-type", "text/html; charset=utf-8").body("<html>");
    for answer in [
        Answer::error(404, 3001, "Meeting does not exist: 84912345678."),
        Answer::error(404, 987_654, "Zoom's own words."),
        Answer::error(401, 124, "Access token is expired."),
        Answer::error(400, 4711, scopes),
        Answer::status(400).json(&field),
        Answer::status(300),
        Answer::status(302).header("location", "https://login.example.com/portal?from=api"),
        Answer::status(502),
        html,
        Answer::status(400).body("[1]"),
        Answer::error(500, 1, "Zoom's own words.").cut_off_after(10),
        Answer::status(500).body(vec![b' '; 65_537]),
        Answer::status(200).body("<html>"),
        Answer::error(200, 300, "Zoom's own words."),
        Answer::error(404, 3001, "Zoom's own words.").header("x-zm-trackingid", "v=2.0;clid=us02;rid=WEB_1"),
        Answer::status(502).header("x-zm-trackingid", "v=2.0;clid=us02;rid=WEB_1").body("<html>"),
        Answer::status(200).header("x-zm-trackingid", "v=2.0;clid=us02;rid=WEB_1").body("<html>"),
        Answer::error(400, 200, "Meeting has not started."),
        Answer::error(400, 2300, "This API endpoint is not recognized."),
        Answer::error(400, 3000, "Cannot access webinar info."),
        Answer::error(401, 4738, "The token is disabled by admin."),
        Answer::error(403, 403, "Authenticated user has not permitted access to the targeted resource."),
        Answer::error(415, 300, "Unsupported Content Type"),
    ] {
        list.add(answered(answer, RetryPolicy::never()).await);
    }
    let unsupported = || Answer::error(415, 300, "Unsupported Content Type");
    for encoding in [BodyEncoding::Multipart, BodyEncoding::Json] {
        let server = server().await;
        server.answer(unsupported());
        let zoom = builder(&server).body_encoding(encoding).build().expect("a client");
        list.add(start(&zoom, MEETING).await.expect_err("refused"));
    }
    let not_live = server().await;
    not_live.set_live(false);
    let stop = client(&not_live).update_webinar_live_stream_status().webinar_id(MEETING);
    let stop = stop.action(zoom_livestream::update_webinar_live_stream_status::Action::Stop);
    list.add(stop.await.expect_err("it is not live").to_string().split(", tracking ID").next().unwrap_or_default());
    let stalling = RawServer::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 9\r\n\r\n{").await;
        std::future::pending().await
    })
    .await;
    let zoom = stalling.builder().attempt_timeout(Duration::from_secs(1)).build().expect("a client");
    list.add(start(&zoom, MEETING).await.expect_err("half an answer"));

    let server = server().await;
    let zoom = builder(&server).build().expect("a client");
    for body in [r#"{"page_url":7}"#, "[]", "{} <html>", "{"] {
        server.answer(Answer::status(200).body(body));
        let call = zoom.get_meeting_live_stream_details().meeting_id(MEETING);
        list.add(call.await.expect_err("not what is described"));
    }
    list
}

async fn waiting() -> List {
    let mut list = List::new("Answered 429");
    let at_once = RetryPolicy::default;
    let daily = || {
        let date = ("date", "Sun, 31 May 2020 14:00:00 GMT");
        Answer::status(429).header("x-ratelimit-type", "Daily-limit").header(date.0, date.1)
    };
    let users = "You have exceeded the daily rate limit (100) permitted for this particular user.";
    list.add(answered(Answer::error(429, 429, users).header("retry-after", "2099-05-31T00:00:00Z"), at_once()).await);
    let per_second = "You have reached the maximum per-second rate limit for this API. Try again later.";
    list.add(answered(Answer::error(429, 429, per_second), RetryPolicy::never()).await);
    list.add(answered(Answer::error(429, 429, per_second), at_once().max_wait(Duration::ZERO)).await);
    list.add(answered(daily(), at_once()).await);
    list.add(answered(daily().header("retry-after", "2099-05-31T00:00:00Z"), at_once()).await);
    list.add(answered(daily().header("retry-after", "999999999999"), at_once()).await);
    list.add(answered(limited("30"), RetryPolicy::never()).await);
    list.add(answered(Answer::status(429), RetryPolicy::never()).await);
    list.add(answered(limited("Sun, 31 May 2099 00:00:00 GMT"), at_once()).await);
    list.add(answered(limited("400"), at_once().max_wait(Duration::MAX)).await);
    list.add(answered(limited("1"), at_once().check(|_| async { false })).await);
    let slow_server = server().await;
    slow_server.answer(limited("1"));
    let slow = client(&slow_server).with_retry(at_once().check(|_| std::future::pending()));
    list.add(start(&slow.with_call_timeout(Duration::from_secs(3)), MEETING).await.expect_err("too slow"));
    let called = |_| async { Ending::Declined("the director called".to_owned()) };
    list.add(answered(limited("1"), at_once().unless(called)).await);
    list
}

/// Answers every token request with what the function returns.
fn source<Answer>(answer: fn() -> Answer) -> TokenSource
where
    Answer: Future<Output = &'static str> + Send + 'static,
{
    TokenSource::new(move |_| async move {
        match answer().await {
            "" => Err("what a source of your own says"),
            token => Ok(AccessToken::new(token)),
        }
    })
}

async fn fetching_tokens() -> List {
    let mut list = List::new("No access token");
    let server = server().await;
    let app = || ServerToServer::new("mock-account", "mock-client", "mock-secret");
    let new = || builder_without_token(&server);
    let fetching = || new().token_source(app().token_url(server.token_url())).build().expect("a client");
    for answer in [
        Answer::status(400).json(&json!({ "reason": "Invalid client_id or client_secret", "error": "x" })),
        Answer::status(404),
        Answer::status(302).header("location", "https://login.example.com/"),
        Answer::status(429).header("retry-after", "7"),
        Answer::status(503).header("retry-after", "Sun, 31 May 2099 00:00:00 GMT"),
        Answer::status(500),
        Answer::status(418),
        Answer::status(200).body("<html>"),
        Answer::status(200).json(&json!({ "access_token": "" })),
        Answer::status(200).json(&json!({ "access_token": "t", "expires_in": "soon" })),
    ] {
        server.answer_token_request(answer);
        list.add_chain(&start(&fetching(), MEETING).await.expect_err("no token"));
    }
    for _ in 0..3 {
        server.answer_token_request(Answer::disconnect());
    }
    list.add_chain(&start(&fetching(), MEETING).await.expect_err("no token"));
    let unreachable = new().token_source(app().token_url(closed_port()));
    let hanging = new().token_source(source(std::future::pending));
    let own = new().token_source(source(|| async { "" }));
    let invalid = new().token_source(source(|| async { "t\n" }));
    let panicking = new().token_source(source(|| async { panic!("each token request of this test panics") }));
    for builder in [unreachable, own, invalid, panicking] {
        let zoom = builder.build().expect("a client");
        list.add_chain(&start(&zoom, MEETING).await.expect_err("no token"));
    }
    tokio::time::pause();
    list.add_chain(&start(&hanging.build().expect("a client"), MEETING).await.expect_err("no token"));
    tokio::time::resume();
    server.answer_token_request(Answer::hang());
    let hasty = fetching().with_call_timeout(Duration::from_millis(100));
    list.add(start(&hasty, MEETING).await.expect_err("no time"));
    let server = MockServer::start().await.expect("the mock server");
    let zoom = builder_without_token(&server).token_source(app().token_url(server.token_url())).build();
    let zoom = zoom.expect("a client");
    configure(&zoom).await.expect("204");
    server.revoke_token();
    server.answer_token_request(Answer::status(500));
    list.add_chain(&configure(&zoom).await.expect_err("no newer token"));
    list
}

/// What the mock server says if a test asks for something that it cannot do.
async fn mocking() -> List {
    let mut list = List::new("The mock server");
    for answer in [
        Answer::status(99),
        Answer::status(200).header("a header", "value"),
        Answer::status(200).header("content-length", "1"),
        Answer::status(200).header("x-header", "a\nb"),
    ] {
        let error = answered(answer, RetryPolicy::never()).await;
        list.add(String::from_utf8_lossy(error.body().expect("the reason")));
    }
    let endpoint = RawServer::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let address = endpoint.address.to_string();
    let webhook = Webhook::new(format!("http://{address}/events"), "secret token");
    let error = server().await.send_events_to(webhook).await.expect_err("the challenge fails");
    list.add(error.to_string().replace(&address, "…"));
    list
}

fn verifying_events() -> List {
    let mut list = List::new("Events");
    let verifier = Verifier::new("secret token");
    // Of `v0:1700000000:not JSON` and `v0:1700000000:[]`: `printf … | openssl dgst -sha256 -hmac 'secret token'`.
    let not_json = "v0=be913a53e3fdd7d91e074fc037f7c1291d49aa7299a5c2ce1229a4a6ccdf5da2";
    let no_event = "v0=c15ee8f2291eac2bffae154778b50f2a1e2a878162354a2dc9b2995b524a7e6f";
    let verify = |verifier: &Verifier, body: &str, signature, timestamp, now| {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        verifier.verify_at(body.as_bytes(), signature, timestamp, now).expect_err("refused")
    };
    for (body, signature, timestamp, now) in [
        ("", None, Some("1700000000"), 1_700_000_000),
        ("", Some(not_json), None, 1_700_000_000),
        ("", Some("v0="), Some("1700000000"), 1_700_000_000),
        ("", Some(not_json), Some("now"), 1_700_000_000),
        ("", Some(not_json), Some("1700000000"), 1_700_000_301),
        ("", Some(not_json), Some("1700000000"), 1_699_999_699),
        ("", Some(not_json), Some("1700000000"), 1_700_000_000),
        ("not JSON", Some(not_json), Some("1700000000"), 1_700_000_000),
        ("[]", Some(no_event), Some("1700000000"), 1_700_000_000),
    ] {
        list.add(verify(&verifier, body, signature, timestamp, now));
    }
    list.add(verify(&Verifier::new(""), "", Some(not_json), Some("1700000000"), 1_700_000_000));
    list
}

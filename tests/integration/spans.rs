//! The spans and events of a call.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::{AccessToken, Client, Error, RetryPolicy, ServerToServer, TokenSource};

use crate::support::{
    MEETING, builder_without_token, client, configure, in_child, is_child, secret_in, start, until, watch_logs,
};

/// A span or an event: its name, the name of the span it is in, its fields.
#[derive(Clone, Debug, Default)]
struct Seen {
    id: Option<Id>,
    name: &'static str,
    parent: Option<&'static str>,
    level: Option<Level>,
    fields: BTreeMap<&'static str, String>,
    closed: bool,
    /// How often a field was recorded after the span was opened.
    records: BTreeMap<&'static str, u32>,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Seen {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Vec<Seen>>>);

impl Capture {
    fn named(&self, name: &str) -> Vec<Seen> {
        self.0.lock().expect("seen").iter().filter(|seen| seen.name == name).cloned().collect()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        let parent = context.span(id).and_then(|span| span.parent().map(|parent| parent.name()));
        let mut seen = Seen {
            id: Some(id.clone()),
            name: metadata.name(),
            parent,
            level: Some(*metadata.level()),
            ..Seen::default()
        };
        attributes.record(&mut seen);
        self.0.lock().expect("seen").push(seen);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut seen = self.0.lock().expect("seen");
        if let Some(seen) = seen.iter_mut().rfind(|seen| seen.id.as_ref() == Some(id)) {
            let mut recorded = Seen::default();
            values.record(&mut recorded);
            for (name, value) in recorded.fields {
                *seen.records.entry(name).or_default() += 1;
                seen.fields.insert(name, value);
            }
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let mut seen = self.0.lock().expect("seen");
        if let Some(seen) = seen.iter_mut().rfind(|seen| seen.id.as_ref() == Some(&id)) {
            seen.closed = true;
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let parent = context.event_span(event).map(|span| span.name());
        let level = Some(*event.metadata().level());
        let name = if event.metadata().target().starts_with("zoom_livestream") { "event" } else { "other" };
        let mut seen = Seen { name, parent, level, ..Seen::default() };
        event.record(&mut seen);
        self.0.lock().expect("seen").push(seen);
    }
}

/// The spans and events of a call that runs on this thread.
async fn captured(call: impl Future<Output = Result<(), Error>>) -> (Capture, Result<(), Error>) {
    captured_by(Capture::default(), call).await
}

async fn captured_by(capture: Capture, call: impl Future<Output = Result<(), Error>>) -> (Capture, Result<(), Error>) {
    watch_logs();
    let subscriber = tracing_subscriber::registry().with(capture.clone());
    let guard = tracing::subscriber::set_default(subscriber);
    let result = call.await;
    drop(guard);
    for seen in &*capture.0.lock().expect("seen") {
        let text = format!("{seen:?}");
        assert_eq!(secret_in(&text), None, "{text}");
        assert!(!text.contains("Keynote"), "no body: {text}");
    }
    (capture, result)
}

async fn server() -> MockServer {
    MockServer::builder().cool_down(Duration::ZERO).start().await.expect("the mock server")
}

#[tokio::test]
async fn a_call_and_each_attempt_are_spans_with_opentelemetrys_names() {
    let server = server().await;
    server.answer(Answer::error(429, 429, "Too many.").header("retry-after", "1"));
    let zoom = client(&server);
    let (capture, result) = captured(start(&zoom, MEETING)).await;
    result.expect("204");

    let calls = capture.named("zoom.call");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].field("zoom.operation_id"), "updateMeetingLiveStreamStatus");
    assert_eq!(calls[0].field("zoom.resource_id"), MEETING.to_string());

    let attempts = capture.named("zoom.attempt");
    let port = server.base_url().rsplit_once(':').and_then(|(_, rest)| rest.strip_suffix("/v2")).expect("a port");
    for (number, (attempt, status)) in attempts.iter().zip(["429", "204"]).enumerate() {
        for (name, value) in [
            ("otel.kind", "client"),
            ("otel.name", "PATCH /meetings/{meetingId}/livestream/status"),
            ("http.request.method", "PATCH"),
            ("http.request.resend_count", &number.to_string()),
            ("http.response.status_code", status),
            ("url.template", "/meetings/{meetingId}/livestream/status"),
            ("server.address", "127.0.0.1"),
            ("server.port", port),
            ("error.type", if status == "429" { "429" } else { "" }),
        ] {
            assert_eq!(attempt.field(name), value, "{name}");
        }
        assert_eq!(attempt.parent, Some("zoom.call"));
    }
    assert_eq!(attempts.len(), 2);
}

#[tokio::test]
async fn an_attempts_span_ends_with_its_answer_and_carries_zooms_tracking_id() {
    let server = server().await;
    let limited = Answer::error(429, 429, "Too many.").header("retry-after", "1");
    server.answer(limited.header("x-zm-trackingid", "t1"));
    server.answer(Answer::status(204).header("x-zm-trackingid", format!("t2 {}", server.access_token())));
    let capture = Capture::default();
    let seen = capture.clone();
    let open = Arc::new(Mutex::new(None));
    let noted = open.clone();
    let policy = RetryPolicy::default().notify(move |_| {
        let attempts = seen.named("zoom.attempt");
        *noted.lock().expect("noted") = Some(attempts.iter().filter(|attempt| !attempt.closed).count());
    });
    let zoom = client(&server).with_retry(policy);
    let (capture, result) = captured_by(capture, start(&zoom, MEETING)).await;
    result.expect("204");
    assert_eq!(*open.lock().expect("noted"), Some(0), "no attempt's span is open during the wait");
    let ids: Vec<_> =
        capture.named("zoom.attempt").iter().map(|attempt| attempt.field("zoom.tracking_id").to_owned()).collect();
    assert_eq!(ids, ["t1", "t2 ***"]);
    let call = &capture.named("zoom.call")[0];
    assert_eq!(call.field("zoom.resource_id"), MEETING.to_string());
    assert_eq!(call.records.get("zoom.resource_id"), None, "known from the start, not recorded by each attempt");
}

#[tokio::test]
async fn a_long_token_in_a_tracking_id_is_redacted() {
    let token = format!("hidden{}", "x".repeat(700));
    let server = MockServer::builder().access_token(&token).start().await.expect("the mock server");
    server.answer(Answer::status(204).header("x-zm-trackingid", format!("t2 {token}")));
    let zoom = client(&server);
    let capture = Capture::default();
    let subscriber = tracing_subscriber::registry().with(capture.clone());
    let guard = tracing::subscriber::set_default(subscriber);
    start(&zoom, MEETING).await.expect("204");
    drop(guard);
    assert_eq!(capture.named("zoom.attempt")[0].field("zoom.tracking_id"), "t2 ***");
}

#[tokio::test]
async fn only_a_token_that_is_still_valid_is_said_to_be_used_after_a_failed_refresh() {
    let server = server().await;
    server.answer_token_request(Answer::status(503).delay(Duration::from_millis(300)));
    let app = ServerToServer::new("mock-account", "mock-client", "mock-secret").token_url(server.token_url());
    let zoom = builder_without_token(&server)
        .token_source(app)
        .call_timeout(Duration::from_millis(100))
        .build()
        .expect("a client");
    let (capture, result) = captured(async {
        let outcome = start(&zoom, MEETING).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        outcome
    })
    .await;
    result.expect_err("no time");
    let events = capture.named("event");
    assert_eq!(events.len(), 1, "there is no old token: {events:?}");
    assert!(events[0].field("message").contains("failed"), "{events:?}");
}

#[tokio::test]
async fn each_resend_is_an_event_in_the_calls_span() {
    let server = server().await;
    server.answer(Answer::error(429, 429, "Too many.").header("retry-after", "1"));
    server.answer(Answer::error(401, 124, "Invalid access token."));
    let app = ServerToServer::new("mock-account", "mock-client", "mock-secret").token_url(server.token_url());
    let zoom = builder_without_token(&server).token_source(app).build().expect("a client");
    let (capture, result) = captured(start(&zoom, MEETING)).await;
    result.expect("204");
    let events = capture.named("event");
    assert_eq!(events.len(), 2, "{events:?}");
    for (event, words) in events.iter().zip(["answered 429", "refused the access token"]) {
        assert_eq!((event.parent, event.level), (Some("zoom.call"), Some(Level::WARN)));
        assert!(event.field("message").contains(words), "{event:?}");
    }
    assert_eq!(events[0].field("wait_seconds"), "1.0");
    assert_eq!(events[0].field("http.request.resend_count"), "1");
    assert_eq!(capture.named("zoom.attempt").len(), 3);
}

#[tokio::test]
async fn a_token_request_is_a_child_span_of_the_call_that_started_it() {
    let server = MockServer::builder().token_lifetime(Duration::from_secs(100));
    let server = server.cool_down(Duration::ZERO).start().await.expect("the mock server");
    let app = ServerToServer::new("mock-account", "mock-client", "mock-secret").token_url(server.token_url());
    let zoom = builder_without_token(&server).token_source(app).build().expect("a client");
    let (capture, result) = captured(start(&zoom, MEETING)).await;
    result.expect("204");
    let requests = capture.named("zoom.token");
    assert_eq!(requests.iter().map(|request| request.parent).collect::<Vec<_>>(), [Some("zoom.call")]);

    server.answer_token_request(Answer::status(500));
    let (capture, result) = captured(async {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(51)).await;
        tokio::time::resume();
        start(&zoom, MEETING).await?;
        until("the refresh", || server.token_requests() == 2).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(())
    })
    .await;
    result.expect("204 with the old token");
    assert_eq!(capture.named("zoom.token")[0].parent, Some("zoom.call"));
    let events = capture.named("event");
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].parent, events[0].level), (Some("zoom.token"), Some(Level::WARN)));
    let message = events[0].field("message");
    assert!(message.contains("could not be refreshed") && message.contains("HTTP 500"), "{message}");
}

#[tokio::test]
async fn a_token_sources_error_is_one_short_line_of_the_log() {
    let server = server().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let source = TokenSource::new(move |_| {
        let is_first = count.fetch_add(1, Ordering::SeqCst) == 0;
        let token = AccessToken::new("mock-access-token").with_expires_in(Duration::from_secs(100));
        let lines = || "no\r\nERROR forged \u{1b}[31m\u{202e}".repeat(100_000);
        async move { is_first.then_some(token).ok_or_else(lines) }
    });
    let zoom = builder_without_token(&server).token_source(source).build().expect("a client");
    start(&zoom, MEETING).await.expect("204");
    let (capture, result) = captured(async {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(51)).await;
        tokio::time::resume();
        start(&zoom, MEETING).await?;
        until("the refresh", || asked.load(Ordering::SeqCst) == 2).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(())
    })
    .await;
    result.expect("204 with the old token");
    let events = capture.named("event");
    let message = events[0].field("message");
    assert!(message.contains("ERROR forged") && message.len() < 2_500, "{}", message.len());
    assert!(!message.contains(|c: char| c.is_control() || c == '\u{202e}'), "{message:?}");
}

#[tokio::test]
async fn an_attempt_that_was_not_answered_says_why() {
    watch_logs();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let zoom = Client::builder().base_url(format!("http://{closed}")).access_token("hidden-token").build();
    let (capture, result) = captured(configure(&zoom.expect("a client"))).await;
    result.expect_err("nothing listens there");
    let attempts = capture.named("zoom.attempt");
    let types: Vec<_> = attempts.iter().map(|attempt| attempt.field("error.type")).collect();
    assert_eq!(types, ["connect"; 3]);
    assert_eq!(capture.named("event").len(), 3, "a resend each, and the failure");

    let server = server().await;
    for (answer, kind) in [(Answer::hang(), "timeout"), (Answer::disconnect(), "interrupted")] {
        server.answer(answer);
        let zoom = client(&server).with_call_timeout(Duration::from_millis(400));
        let (capture, result) = captured(configure(&zoom)).await;
        result.expect_err("no answer");
        assert_eq!(capture.named("zoom.attempt")[0].field("error.type"), kind);
    }
}

/// The crate's page shows the same three lines.
#[test]
fn the_documented_subscriber_shows_why_a_call_failed() {
    const NAME: &str = "spans::the_documented_subscriber_shows_why_a_call_failed";
    if !is_child() {
        let log = in_child(NAME, &[]);
        for part in ["WARN", "updateMeetingLiveStreamStatus was answered with HTTP 404, code 3001", "zoom.tracking_id"]
        {
            assert!(log.contains(part), "{log}");
        }
        let here = include_str!("spans.rs").split_inclusive("\n").map(str::trim_start);
        let lines = here.skip_while(|line| !line.starts_with("tracing_subscriber::fmt()")).take(3);
        let page = include_str!("../../src/lib.rs").replace("//!", "");
        for line in lines {
            assert!(page.contains(line), "src/lib.rs does not have: {line}");
        }
        return;
    }
    #[rustfmt::skip]
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO) // or WARN, for failures and waits alone
        .init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let server = server().await;
        server.answer(Answer::error(404, 3001, "Meeting does not exist.").header("x-zm-trackingid", "v=2.0;clid=1"));
        let zoom = Client::builder().base_url(server.base_url()).access_token(server.access_token());
        start(&zoom.build().expect("a client"), MEETING).await.expect_err("404");
    });
}

#[tokio::test]
async fn a_failed_call_is_one_event_and_its_spans_say_so() {
    let server = server().await;
    server.answer(Answer::error(404, 3001, "Meeting does not exist.").header("x-zm-trackingid", "WEB_1"));
    let (capture, result) = captured(configure(&client(&server))).await;
    result.expect_err("404");
    for span in ["zoom.call", "zoom.attempt"] {
        let span = &capture.named(span)[0];
        assert_eq!((span.field("otel.status_code"), span.field("error.type")), ("ERROR", "404"));
    }
    let events = capture.named("event");
    assert_eq!((events.len(), events[0].parent, events[0].level), (1, Some("zoom.call"), Some(Level::WARN)));
    let fields = ["zoom.operation_id", "http.response.status_code", "zoom.code", "zoom.tracking_id"];
    assert_eq!(fields.map(|name| events[0].field(name)), ["updateMeetingLiveStream", "404", "3001", "WEB_1"]);
}

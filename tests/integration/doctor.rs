//! `examples/doctor.rs` against a mock server that accepts both encodings, one or none.

use std::sync::Mutex;

use serde_json::json;
use zoom_livestream::mock::{Answer, BodySupport, MockServer, MockServerBuilder};
use zoom_livestream::{ClientBuilder, MeetingId, ServerToServer};

use crate::support::{
    MEETING, PAGE_URL, STREAM_KEY, STREAM_URL, builder_without_token, client, configure, secret_in,
};

#[path = "../../examples/doctor.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod example;

use example::{Credentials, Options, Report, examine};

const JSON: &str = "application/json";
const MULTIPART: &str = "multipart/form-data";
const GET: &str = "getMeetingLiveStreamDetails";

/// What the doctor found, and each line that it said, with the number of requests sent before it.
struct Examined {
    server: MockServer,
    report: Report,
    said: Vec<(usize, String)>,
}

impl Examined {
    async fn new(server: MockServer, write: bool) -> Self {
        let app = ServerToServer::new("mock-account", "mock-client", "mock-secret");
        let app = app.token_url(server.token_url());
        Self::with(server, Credentials::ServerToServer(app), write).await
    }

    async fn with(server: MockServer, credentials: Credentials, write: bool) -> Self {
        let meeting = MeetingId::try_from(MEETING).expect("an ID");
        let said = Mutex::new(Vec::new());
        let options = Options { credentials, meeting, write };
        let builder = || -> ClientBuilder { builder_without_token(&server) };
        let say = |line: &str| said.lock().expect("lines").push((server.request_count(), line.to_owned()));
        let report = examine(&options, builder, say).await;
        let said = said.into_inner().expect("lines");
        let examined = Self { server, report, said };
        let text = examined.text();
        assert_eq!(secret_in(&text), None, "{text}");
        let ids = [&MEETING.to_string(), "mock-account", "mock-client", PAGE_URL, "live.example.com/app"];
        assert!(ids.iter().all(|id| !examined.report.to_string().contains(*id)), "{text}");
        examined
    }

    fn text(&self) -> String {
        let said = self.said.iter().map(|(_, line)| format!("{line}\n"));
        format!("{}{}", said.collect::<String>(), self.report)
    }

    fn media_types(&self) -> Vec<String> {
        let patches = self.server.requests().into_iter().filter(|request| request.method == "PATCH");
        let media_type = |content_type: String| content_type.split(';').next().unwrap_or_default().to_owned();
        patches.map(|request| media_type(request.content_type.expect("a body"))).collect()
    }
}

async fn started(builder: MockServerBuilder) -> MockServer {
    builder.start().await.expect("the mock server")
}

/// A meeting without a live stream.
async fn without_a_stream(builder: MockServerBuilder) -> MockServer {
    let server = started(builder).await;
    server.answer_for(GET, Answer::status(200).json(&json!({})));
    server
}

#[tokio::test]
async fn the_doctor_finds_out_which_encodings_zoom_accepts() {
    let neither = "Zoom refused both in the same way, so the encoding is probably not the reason.";
    for (accepted, tried, is_success, conclusion) in [
        (vec![MULTIPART, JSON], vec![MULTIPART], true, "Zoom accepts multipart/form-data."),
        (vec![MULTIPART], vec![MULTIPART], true, "Zoom accepts multipart/form-data."),
        (
            vec![JSON],
            vec![MULTIPART, JSON],
            true,
            "Zoom accepts application/json, but not multipart/form-data: set `BodyEncoding::Json`.",
        ),
        (vec![], vec![MULTIPART, JSON], false, neither),
    ] {
        let support = |media_type| match accepted.contains(&media_type) {
            true => BodySupport::Accepted,
            false => BodySupport::Refused,
        };
        let builder = MockServer::builder().multipart(support(MULTIPART)).json(support(JSON));
        let server = without_a_stream(builder).await;
        let examined = Examined::new(server, true).await;
        let text = examined.text();
        assert_eq!(examined.media_types(), tried, "{text}");
        assert_eq!(examined.report.is_success, is_success, "{text}");
        assert!(text.ends_with(&format!("\n{conclusion}")), "{accepted:?}: {text}");
        assert!(text.contains("meeting:update:livestream:admin"), "the scopes are shown: {text}");
        assert_eq!(
            text.contains("as multipart/form-data: refused: HTTP 415, code 300"),
            tried.len() == 2,
            "{text}"
        );
        assert_eq!(text.contains("accepted, and a GET returns what was written"), is_success, "{text}");
    }
}

#[tokio::test]
async fn the_doctor_says_what_it_will_write_before_it_writes() {
    for (write, opening) in
        [(true, "A PATCH will write"), (false, "With --write, this would be next: A PATCH will write")]
    {
        let server = started(MockServer::builder()).await;
        configure(&client(&server)).await.expect("204");
        server.clear();
        let examined = Examined::new(server, write).await;
        let announced = examined.said.iter().find(|(_, line)| line.starts_with(opening));
        assert_eq!(announced.map(|(requests, _)| *requests), Some(1), "after the GET, before the PATCH");
        assert_eq!(examined.media_types().len(), usize::from(write));
        assert!(examined.report.is_success, "{}", examined.text());
    }
}

#[tokio::test]
async fn the_doctor_writes_a_configuration_back_as_it_was() {
    let server = started(MockServer::builder()).await;
    configure(&client(&server)).await.expect("204");
    server.clear();
    let examined = Examined::new(server, true).await;
    let [_, patch, _] = &examined.server.requests()[..] else { panic!("{}", examined.text()) };
    for (name, value) in [("stream_url", STREAM_URL), ("stream_key", STREAM_KEY), ("page_url", PAGE_URL)] {
        assert_eq!(patch.field(name), Some(value));
    }
    assert!(examined.text().contains("unchanged"), "{}", examined.text());
}

#[tokio::test]
async fn a_success_that_changes_nothing_does_not_count_as_one() {
    let server = without_a_stream(MockServer::builder()).await;
    server.answer_for("updateMeetingLiveStream", Answer::status(204));
    server.answer_for(GET, Answer::status(200).json(&json!({})));
    let examined = Examined::new(server, true).await;
    assert_eq!(examined.media_types(), [MULTIPART, JSON]);
    let text = examined.text();
    assert!(
        text.contains("as multipart/form-data: accepted, but a GET does not return what was written"),
        "{text}"
    );
    assert!(examined.report.is_success && text.contains("not multipart/form-data"), "{text}");
}

#[tokio::test]
async fn the_doctor_writes_nothing_if_it_cannot_read_or_a_part_would_be_lost() {
    let denied =
        Answer::error(400, 4711, "Invalid access token, does not contain scopes:[meeting:read:livestream].");
    let part = Answer::status(200).json(&json!({ "stream_url": STREAM_URL, "page_url": PAGE_URL }));
    let named = Answer::error(404, 3001, "Meeting does not exist: 84912345678, ada@example.com.");
    for (answer, words) in [
        (
            denied,
            "HTTP 400, code 4711, \"Invalid access token, does not contain scopes:[meeting:read:livestream].\"",
        ),
        (part, "the GET did not return all of the configuration"),
        (named, "HTTP 404, code 3001, \"Meeting does not exist: 849…, …\""),
        (Answer::disconnect(), "GET meetings/…/livestream: "),
    ] {
        let server = started(MockServer::builder()).await;
        server.answer(answer);
        let examined = Examined::new(server, true).await;
        assert!(!examined.report.is_success && examined.text().contains(words), "{}", examined.text());
        assert_eq!(examined.media_types().len(), 0);
    }
}

#[tokio::test]
async fn the_doctor_says_why_there_is_no_token_or_that_it_is_refused() {
    let server = started(MockServer::builder()).await;
    let app =
        ServerToServer::new("mock-account", "mock-client", "hidden-secret").token_url(server.token_url());
    let examined = Examined::with(server, Credentials::ServerToServer(app), true).await;
    let text = examined.text();
    assert!(!examined.report.is_success && text.contains("Invalid client_id or client_secret"), "{text}");
    assert_eq!(examined.server.request_count(), 0);

    let server = started(MockServer::builder()).await;
    let examined = Examined::with(server, Credentials::AccessToken("hidden-token".into()), true).await;
    let text = examined.text();
    assert!(!examined.report.is_success && text.contains("HTTP 401, code 124"), "{text}");
}

#[tokio::test]
async fn a_patch_without_an_answer_is_not_repeated_in_another_encoding() {
    let server = without_a_stream(MockServer::builder()).await;
    server.answer_for("updateMeetingLiveStream", Answer::disconnect());
    let examined = Examined::new(server, true).await;
    assert_eq!(examined.media_types(), [MULTIPART]);
    assert!(
        !examined.report.is_success && examined.text().contains("this shows nothing"),
        "{}",
        examined.text()
    );
}

#[test]
fn the_doctor_takes_one_meeting_and_credentials_from_the_environment() {
    let token = [("ZOOM_ACCESS_TOKEN", "hidden")];
    let app = [("ZOOM_ACCOUNT_ID", "a"), ("ZOOM_CLIENT_ID", "b"), ("ZOOM_CLIENT_SECRET", "hidden")];
    let read = |arguments: &[&str], environment: &[(&str, &str)]| {
        let variable = |name: &str| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Options::read(arguments.iter().map(|argument| (*argument).to_owned()), variable)
    };
    let options = read(&["--write", "849 1234 5678"], &token).expect("options");
    assert!(options.write && options.meeting.get() == MEETING);
    assert!(matches!(options.credentials, Credentials::AccessToken(_)));
    let options = read(&["84912345678"], &app).expect("options");
    assert!(!options.write && matches!(options.credentials, Credentials::ServerToServer(_)));
    for (arguments, environment, words) in [
        (&["84912345678"][..], &app[..2], "Not set in the environment: ZOOM_CLIENT_SECRET."),
        (&["84912345678"], &[], "Not set in the environment: ZOOM_ACCOUNT_ID, "),
        (&[], &token, "one meeting"),
        (&["849", "1234"], &token, "one meeting"),
        (&["my-room"], &token, "is not a meeting ID"),
        (&["84912345678", "--wirte"], &token, "`--wirte` is not an option"),
    ] {
        let reason = read(arguments, environment).expect_err("a reason");
        assert!(reason.contains(words), "{reason}");
    }
}

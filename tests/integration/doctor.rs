//! `examples/doctor.rs` against a mock server that reads, refuses or ignores each encoding.

use std::cell::Cell;
use std::sync::Mutex;

use serde_json::json;
use zoom_livestream::mock::{Answer, BodySupport, MockServer};
use zoom_livestream::{BodyEncoding, MeetingId, ServerToServer};

use crate::support::{
    MEETING, PAGE_URL, STREAM_URL, builder, builder_without_token, client, configure, secret_in,
};

#[path = "../../examples/doctor.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod example;

use example::{Options, Report, examine};

const JSON: &str = "application/json";
const MULTIPART: &str = "multipart/form-data";
const GET: &str = "getMeetingLiveStreamDetails";

#[derive(Clone, Copy)]
enum Token {
    Given(&'static str),
    /// With this client secret.
    Fetched(&'static str),
}

/// What the doctor found and said.
struct Examined {
    server: MockServer,
    report: Report,
    said: Vec<String>,
}

impl Examined {
    async fn new(server: MockServer, write: bool) -> Self {
        Self::with(server, Token::Fetched("mock-secret"), write, |_, _| ()).await
    }

    /// `on_line` is called with each line that the doctor says, before it does what the line says.
    async fn with(
        server: MockServer,
        token: Token,
        write: bool,
        on_line: impl Fn(&MockServer, &str),
    ) -> Self {
        Self::of(server, token, (write, false), on_line).await
    }

    async fn of(
        server: MockServer,
        token: Token,
        (write, even_if_live): (bool, bool),
        on_line: impl Fn(&MockServer, &str),
    ) -> Self {
        let meeting = MeetingId::try_from(MEETING).expect("an ID");
        let app = match token {
            Token::Given(_) => None,
            Token::Fetched(client_secret) => {
                let app = ServerToServer::new("mock-account", "mock-client", client_secret);
                Some(app.token_url(server.token_url()))
            }
        };
        let builder = || match (&app, token) {
            (Some(app), _) => Ok(builder_without_token(&server).token_source(app.clone())),
            (None, Token::Given(token) | Token::Fetched(token)) => {
                Ok(builder_without_token(&server).access_token(token))
            }
        };
        let said = Mutex::new(Vec::new());
        let options = Options { meeting, write, even_if_live };
        let say = |line: &str| {
            on_line(&server, line);
            said.lock().expect("lines").push(line.to_owned());
        };
        let report = examine(&options, app.as_ref(), builder, say).await;
        let said = said.into_inner().expect("lines");
        let examined = Self { server, report, said };
        let text = examined.text();
        assert_eq!(secret_in(&text), None, "{text}");
        let ids = [&MEETING.to_string(), "mock-account", "mock-client", PAGE_URL, "live.example.com/app"];
        assert!(ids.iter().all(|id| !text.contains(*id)), "{text}");
        examined
    }

    fn text(&self) -> String {
        format!("{}\n{}", self.said.join("\n"), self.report)
    }

    fn is_success(&self) -> bool {
        self.report.conclusion.is_ok()
    }

    fn media_types(&self) -> Vec<String> {
        let patches = self.server.requests().into_iter().filter(|request| request.method == "PATCH");
        let media_type = |content_type: String| content_type.split(';').next().unwrap_or_default().to_owned();
        patches.map(|request| media_type(request.content_type.expect("a body"))).collect()
    }
}

const MEETINGS: &str = "/meetings/84912345678";
const PATCH: &str = "updateMeetingLiveStream";

/// A server with a live stream of the meeting, which has not started. If neither encoding can write one, it is that of
/// the description's example.
async fn started(multipart: BodySupport, json: BodySupport) -> MockServer {
    let server = MockServer::builder().multipart(multipart).json(json).start().await.expect("a server");
    for encoding in [BodyEncoding::Multipart, BodyEncoding::Json] {
        let zoom = builder(&server).body_encoding(encoding).build().expect("a client");
        let _ = configure(&zoom).await;
    }
    server.clear();
    server.answer_for(MEETINGS, Answer::status(200).json(&json!({ "status": "waiting" })));
    server
}

async fn accepting() -> MockServer {
    started(BodySupport::Accepted, BodySupport::Accepted).await
}

async fn page_url(server: &MockServer) -> Option<String> {
    let zoom = client(server);
    zoom.get_meeting_live_stream_details().meeting_id(MEETING).await.expect("200").page_url
}

#[tokio::test(start_paused = true)]
async fn the_doctor_finds_out_how_zoom_takes_each_encoding_and_restores_the_page_url() {
    use BodySupport::{Accepted, Ignored, Refused};
    let reads = (Accepted, "accepted, and a GET returns what was written");
    let others = [(Ignored, "accepted and ignored"), (Refused, "refused: HTTP 415, code 300")];
    for (multipart, by_multipart) in [reads, others[0], others[1]] {
        for (json, by_json) in [reads, others[0], others[1]] {
            let server = started(multipart, json).await;
            let original = page_url(&server).await;
            let examined = Examined::new(server, true).await;
            let text = examined.text();
            for (media_type, found) in [(MULTIPART, by_multipart), (JSON, by_json)] {
                assert!(text.contains(&format!("livestream as {media_type}: {found}")), "{text}");
            }
            let is_read = multipart == Accepted || json == Accepted;
            assert_eq!(examined.is_success(), is_read, "{text}");
            let is_default_right = multipart == Accepted || (multipart == Refused && json == Accepted);
            assert_eq!(text.contains("leave `body_encoding` at its default"), is_default_right, "{text}");
            assert!(text.contains("livestream/status: not tried") && text.contains("inferred"), "{text}");
            assert_eq!(examined.media_types()[..2], [MULTIPART, JSON], "{text}");
            assert_eq!(page_url(&examined.server).await, original, "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_doctor_restores_the_page_url_whatever_fails_in_between() {
    for line in ["Adding `#doctor-multipart`", "Adding `#doctor-json`", "Restoring"] {
        for (operation, answer) in [
            (PATCH, Answer::disconnect()),
            (PATCH, Answer::error(500, 500, "Internal error.")),
            (PATCH, Answer::status(204)),
            (GET, Answer::error(400, 300, "Something else.")),
            (GET, Answer::status(200).json(&json!({}))),
        ] {
            let server = accepting().await;
            let original = page_url(&server).await;
            let failed = Cell::new(false);
            let fail = |server: &MockServer, said: &str| {
                if said.starts_with(line) && !failed.replace(true) {
                    server.answer_for(operation, answer.clone());
                }
            };
            let examined = Examined::with(server, Token::Fetched("mock-secret"), true, fail).await;
            let text = examined.text();
            let is_restored = text.contains("page URL: as it was before");
            assert!(failed.get() && examined.is_success() && is_restored, "{text}");
            examined.server.answer_normally();
            assert_eq!(page_url(&examined.server).await, original, "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_doctor_says_if_it_could_not_restore_the_page_url() {
    let fail = |server: &MockServer, said: &str| {
        if said.starts_with("Restoring") {
            server.answer_for(PATCH, Answer::error(500, 500, "Internal error."));
        }
    };
    let examined = Examined::with(accepting().await, Token::Fetched("mock-secret"), true, fail).await;
    let text = examined.text();
    assert!(!examined.is_success() && text.contains("could NOT be restored (HTTP 500, code 500"), "{text}");
    let left = page_url(&examined.server).await.expect("a page URL");
    assert!(left.ends_with("#doctor-json"), "{left}");
}

#[tokio::test(start_paused = true)]
async fn the_doctor_writes_nothing_while_the_meeting_is_live_unless_asked() {
    let live = || Answer::status(200).json(&json!({ "status": "started" }));
    let unknown =
        || Answer::error(400, 4711, "Invalid access token, does not contain scopes:[meeting:read:meeting].");
    for (answer, words) in
        [(live(), "the meeting is live"), (unknown(), "could not be read: HTTP 400, code 4711")]
    {
        for even_if_live in [false, true] {
            let server = accepting().await;
            server.answer_normally();
            server.answer_for(MEETINGS, answer.clone());
            let examined =
                Examined::of(server, Token::Fetched("mock-secret"), (true, even_if_live), |_, _| ()).await;
            let text = examined.text();
            assert_eq!(examined.is_success(), even_if_live, "{text}");
            assert_eq!(examined.media_types().is_empty(), !even_if_live, "{text}");
            assert_eq!(text.contains(words), !even_if_live, "{text}");
        }
    }
}

#[tokio::test]
async fn the_doctor_writes_nothing_unless_asked() {
    let examined = Examined::new(accepting().await, false).await;
    assert!(examined.is_success() && examined.media_types().is_empty(), "{}", examined.text());
}

#[tokio::test(start_paused = true)]
async fn the_doctor_writes_nothing_if_it_cannot_read_or_restore() {
    let denied =
        Answer::error(400, 4711, "Invalid access token, does not contain scopes:[meeting:read:livestream].");
    let part = Answer::status(200).json(&json!({ "stream_url": STREAM_URL, "page_url": PAGE_URL }));
    let named = Answer::error(404, 3001, "Meeting does not exist: 84912345678, ada@example.com.");
    for (answer, words) in [
        (
            denied,
            "HTTP 400, code 4711, \"Invalid access token, does not contain scopes:[meeting:read:livestream].\"",
        ),
        (part, "the meeting has no live stream that could be restored"),
        (named, "HTTP 404, code 3001, \"Meeting does not exist: 849…, …\""),
        (Answer::disconnect(), "The GET of meetings/…/livestream failed: "),
    ] {
        let server = accepting().await;
        server.answer_normally();
        server.answer_always(answer);
        let examined = Examined::new(server, true).await;
        assert!(!examined.is_success() && examined.text().contains(words), "{}", examined.text());
        assert!(examined.media_types().is_empty());
    }
}

#[tokio::test]
async fn the_doctor_says_which_scopes_of_the_description_are_missing() {
    let server = accepting().await;
    let token = json!({ "access_token": server.access_token(), "scope": "meeting:read meeting:update:livestream:admin" });
    server.answer_token_request(Answer::status(200).json(&token));
    let text = Examined::new(server, false).await.text();
    let lacking =
        "no scope for updateWebinarLiveStream: add webinar:write:admin or webinar:update:livestream:admin";
    assert!(text.contains(lacking), "{text}");
    for has_one in ["getMeetingLiveStreamDetails", PATCH] {
        assert!(!text.contains(&format!("no scope for {has_one}:")), "{text}");
    }
    let text = Examined::new(accepting().await, false).await.text();
    assert!(text.contains("- scopes: ") && !text.contains("no scope for"), "{text}");
}

#[tokio::test]
async fn the_doctor_says_why_there_is_no_token_or_that_it_is_refused() {
    let examined = Examined::with(accepting().await, Token::Fetched("hidden-secret"), true, |_, _| ()).await;
    let text = examined.text();
    assert!(!examined.is_success() && text.contains("Invalid client_id or client_secret"), "{text}");
    assert_eq!(examined.server.request_count(), 0);

    let examined = Examined::with(accepting().await, Token::Given("hidden-token"), true, |_, _| ()).await;
    let text = examined.text();
    assert!(!examined.is_success() && text.contains("HTTP 401, code 124"), "{text}");
}

#[test]
fn the_doctor_takes_one_meeting_and_known_options() {
    let read = |arguments: &[&str]| Options::read(arguments.iter().map(|argument| (*argument).to_owned()));
    let options = read(&["--write", "849 1234 5678"]).expect("options");
    assert!(options.write && !options.even_if_live && options.meeting.get() == MEETING);
    assert!(!read(&["84912345678"]).expect("options").write);
    for (arguments, words) in [
        (&[][..], "one meeting"),
        (&["849", "1234"], "one meeting"),
        (&["my-room"], "is not a meeting ID"),
        (&["84912345678", "--wirte"], "`--wirte` is not an option"),
    ] {
        let reason = read(arguments).expect_err("a reason");
        assert!(reason.contains(words), "{reason}");
    }
}

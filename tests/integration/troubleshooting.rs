//! The troubleshooting page quotes errors as a caller sees them, and the crate's page knows what to do about each.

use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::update_meeting_live_stream_status::{Action, Settings};
use zoom_livestream::{Client, Error, ErrorCode, ErrorKind, RetryPolicy, ServerToServer};

use crate::support::{MEETING, builder, builder_without_token, start};

async fn answered(status: u16, code: i64, words: &str) -> Error {
    let server = MockServer::start().await.expect("the mock server");
    let zoom = builder(&server).retry(RetryPolicy::never()).build().expect("a client");
    server.answer(Answer::error(status, code, words));
    start(&zoom, MEETING).await.expect_err("an error")
}

async fn without_token() -> Error {
    let server = MockServer::start().await.expect("the mock server");
    let app = ServerToServer::new("account", "client", "wrong").token_url(server.token_url());
    let zoom = builder_without_token(&server).token_source(app).build().expect("a client");
    start(&zoom, MEETING).await.expect_err("no token")
}

fn what_now(error: &Error) -> &'static str {
    match error.code() {
        _ if error.kind() == ErrorKind::Refused => "fix the call: nothing was sent",
        _ if error.is_rate_limited() => "come back when `retry_at` says",
        _ if error.is_not_live() => "wait until the host is live",
        _ if !error.missing_scopes().is_empty() => "add one of these scopes to the app",
        _ if error.is_unauthorized() => "check the credentials, or get a new token",
        Some(ErrorCode::USER_NOT_FOUND) => "check whose account the token is for",
        Some(ErrorCode::HOST_NOT_ALLOWED) => "give the host a license",
        _ if error.may_have_taken_effect() => "look at the stream before you call again",
        _ if error.is_transient() => "call again",
        _ => "read the sentence: the same call would fail again",
    }
}

/// A page of the documentation, without the marks of a comment.
fn page(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n").collect()
}

#[tokio::test]
async fn each_error_of_the_troubleshooting_page_is_what_a_caller_sees() {
    let zoom =
        Client::builder().access_token("t").base_url("http://127.0.0.1:9/v2").build().expect("a client");
    let status = || zoom.update_meeting_live_stream_status().meeting_id(MEETING);
    let long = Settings::builder().display_name("x".repeat(51));
    let limit = "Too many requests submitted to start the live stream of this meeting: 84912345678. \
                 If the live stream has not already started, retry making a new request after 30 seconds.";
    let scopes = "Invalid access token, does not contain \
                  scopes:[meeting:update:livestream_status, meeting:update:livestream_status:admin].";
    let no_license = "Meeting hosting and scheduling capabilities are not allowed for your user account.";
    let not_shared = "Authenticated user has not permitted access to the targeted resource.";
    let fix = "fix the call: nothing was sent";
    let errors = [
        (status().action("Start").await.expect_err("capitalized"), fix),
        (status().action(Action::Start).settings(long).await.expect_err("too long"), fix),
        (status().meeting_id("my meeting").action(Action::Start).await.expect_err("no ID"), fix),
        (answered(429, 429, limit).await, "come back when `retry_at` says"),
        (answered(400, 200, "Meeting has not started.").await, "wait until the host is live"),
        (answered(401, 124, "Access token is expired.").await, "check the credentials, or get a new token"),
        (answered(400, 4711, scopes).await, "add one of these scopes to the app"),
        (answered(400, 3161, no_license).await, "give the host a license"),
        (answered(404, 1001, "User 7 does not exist.").await, "check whose account the token is for"),
        (
            answered(400, 3000, "Cannot access webinar info.").await,
            "read the sentence: the same call would fail again",
        ),
        (answered(403, 403, not_shared).await, "read the sentence: the same call would fail again"),
        (Client::builder().access_token("Bearer t").build().expect_err("no token"), fix),
        (without_token().await, "check the credentials, or get a new token"),
    ];
    let page = page(include_str!("../../src/troubleshooting.rs"));
    let errors_of_calls = page.split("\n# ").nth(1).expect("a section");
    let quoted: Vec<&str> = errors_of_calls.lines().filter_map(|line| line.strip_prefix("- ")).collect();
    assert_eq!(quoted.len(), errors.len(), "each is gone through");
    for ((error, advice), quoted) in errors.iter().zip(quoted) {
        let is_seen = error.to_string().starts_with(quoted.trim_matches(['`', ' ']));
        assert!(is_seen, "the page says: {quoted}\nbut it is: {error}");
        assert_eq!(what_now(error), *advice, "{error}");
    }
}

#[test]
fn what_now_is_the_function_of_the_crates_page() {
    let here = include_str!("troubleshooting.rs");
    let function = here.split_inclusive("\n}\n").find_map(|item| item.split_once("fn what_now"));
    let (_, function) = function.expect("the function above");
    assert!(page(include_str!("../../src/lib.rs")).contains(function), "src/lib.rs has another");
}

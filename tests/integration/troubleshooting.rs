//! The README's troubleshooting table quotes errors exactly as a caller sees them.

use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::update_meeting_live_stream_status::{Action, Settings};
use zoom_livestream::{Client, Error, RetryPolicy};

use crate::support::{MEETING, builder, start};

/// Without the attempts and the time, which differ from call to call.
fn sentence(error: &Error) -> String {
    let text = error.to_string();
    text.split(" (1 attempt in").next().unwrap_or_default().to_owned()
}

async fn answered(status: u16, code: i64, words: &str) -> Error {
    let server = MockServer::start().await.expect("the mock server");
    let zoom = builder(&server).retry(RetryPolicy::never()).build().expect("a client");
    server.answer(Answer::error(status, code, words));
    start(&zoom, MEETING).await.expect_err("an error")
}

#[tokio::test]
async fn each_error_that_the_readme_quotes_is_what_a_caller_sees() {
    let zoom =
        Client::builder().access_token("t").base_url("http://127.0.0.1:9/v2").build().expect("a client");
    let status = || zoom.update_meeting_live_stream_status().meeting_id(MEETING);
    let long = Settings::builder().display_name("x".repeat(51));
    let limit = "Too many requests submitted to start the live stream of this meeting: 84912345678. \
                 If the live stream has not already started, retry making a new request after 30 seconds.";
    let errors = [
        status().body_map(|body| body.action("Start")).await.expect_err("capitalized"),
        status().body_map(|body| body.action(Action::Start).settings(long)).await.expect_err("too long"),
        status()
            .meeting_id("my meeting")
            .body_map(|body| body.action(Action::Start))
            .await
            .expect_err("no id"),
        answered(429, 429, limit).await,
        answered(400, 200, "Meeting has not started.").await,
        answered(401, 124, "Access token is expired.").await,
        answered(
            400,
            4711,
            "Invalid access token, does not contain scopes:[meeting:update:livestream_status].",
        )
        .await,
        answered(
            400,
            3161,
            "Meeting hosting and scheduling capabilities are not allowed for your user account.",
        )
        .await,
        answered(404, 1001, "User 7 does not exist.").await,
        Client::builder().access_token("Bearer t").build().expect_err("no token"),
    ];
    let readme = include_str!("../../README.md");
    for error in errors {
        let quoted = sentence(&error).replace('|', "\\|");
        assert!(readme.contains(&quoted), "README.md does not quote: {quoted}");
    }
}

//! Puts a meeting on a platform, with settings from the environment; and how such code is tested.
//!
//! ```text
//! export ZOOM_ACCOUNT_ID=… ZOOM_CLIENT_ID=… ZOOM_CLIENT_SECRET=…    # or those of `cargo run --example mock_server`
//! cargo run --example go_live -- 84912345678
//! cargo test --example go_live
//! ```

use zoom_livestream::update_meeting_live_stream_status::Action;
use zoom_livestream::{Client, Error, MeetingId};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let meeting = std::env::args().nth(1).ok_or("give the ID of a meeting: `-- 84912345678`")?;
    let outcome = go_live(&Client::from_env()?, meeting.parse()?).await?;
    println!("{outcome:?}");
    Ok(())
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Live,
    /// Worth another try once the host has started the meeting.
    NotStartedByHost,
    /// No answer: look at the platform before you try again.
    PerhapsLive,
}

async fn go_live(zoom: &Client, meeting: MeetingId) -> Result<Outcome, Error> {
    zoom.update_meeting_live_stream()
        .meeting_id(meeting)
        .stream_url("rtmp://live.example.com/app")
        .stream_key("key")
        .page_url("https://live.example.com/watch")
        .await?;
    match zoom.update_meeting_live_stream_status().meeting_id(meeting).action(Action::Start).await {
        Ok(()) => Ok(Outcome::Live),
        Err(error) if error.is_not_live() => Ok(Outcome::NotStartedByHost),
        Err(error) if error.may_have_taken_effect() => Ok(Outcome::PerhapsLive),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;
    use zoom_livestream::mock::{Answer, MockServer};

    use super::*;

    const START: &str = "updateMeetingLiveStreamStatus";

    async fn server() -> (MockServer, Client, MeetingId) {
        let server = MockServer::start().await.expect("a port");
        let zoom = Client::builder().base_url(server.base_url()).access_token(server.access_token());
        (server, zoom.build().expect("a client"), "849 1234 5678".parse().expect("an ID"))
    }

    #[tokio::test]
    async fn the_stream_is_configured_and_then_started() {
        let (server, zoom, meeting) = server().await;
        assert_eq!(go_live(&zoom, meeting).await.expect("success"), Outcome::Live);
        let [configured, started] = &server.requests()[..] else { panic!("two requests") };
        assert_eq!(configured.field("stream_key"), Some("key"));
        assert_eq!(started.field("action"), Some("start"));
    }

    #[tokio::test]
    async fn a_meeting_that_the_host_has_not_started_is_no_error() {
        let (server, zoom, meeting) = server().await;
        server.set_live(false);
        assert_eq!(go_live(&zoom, meeting).await.expect("an outcome"), Outcome::NotStartedByHost);
    }

    // On a paused clock, thirty seconds pass in a moment (tokio's feature `test-util`).
    #[tokio::test(start_paused = true)]
    async fn a_second_start_waits_as_long_as_zoom_asks() {
        let (_server, zoom, meeting) = server().await;
        go_live(&zoom, meeting).await.expect("success");
        let again = Instant::now();
        assert_eq!(go_live(&zoom, meeting).await.expect("success"), Outcome::Live);
        assert!(again.elapsed().as_secs() >= 29, "{:?}", again.elapsed());
    }

    #[tokio::test]
    async fn a_lost_answer_is_not_taken_for_a_failure() {
        let (server, zoom, meeting) = server().await;
        server.answer_for(START, Answer::disconnect());
        assert_eq!(go_live(&zoom, meeting).await.expect("an outcome"), Outcome::PerhapsLive);
    }

    #[tokio::test]
    async fn the_error_names_the_missing_scope() {
        let (server, zoom, meeting) = server().await;
        let sentence = "Invalid access token, does not contain scopes:[meeting:update:livestream:admin].";
        server.answer(Answer::error(400, 4711, sentence));
        let error = go_live(&zoom, meeting).await.expect_err("a refusal");
        assert_eq!(error.missing_scopes(), ["meeting:update:livestream:admin"]);
    }
}

//! Streams a meeting and a webinar to a custom platform, and stops both streams.
//!
//! ```text
//! cargo run --example live_stream                    # against a mock server on this machine
//! cargo run --example live_stream -- --real-wait     # the same, with Zoom's real wait of 30 seconds
//! ZOOM_ACCESS_TOKEN=… cargo run --example live_stream -- 84912345678    # against Zoom, with a meeting of yours
//! ```
//!
//! A meeting of yours must have started. It is streamed to the platform that is already configured for it.

use std::io::Write;
use std::time::{Duration, Instant};

use zoom_livestream::mock::MockServer;
use zoom_livestream::{Client, Error, MeetingId, Resend, RetryPolicy};
use zoom_livestream::{
    update_meeting_live_stream_status as meeting, update_webinar_live_stream_status as webinar,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let real_wait = arguments.iter().any(|argument| argument == "--real-wait");
    let meeting = arguments.iter().find(|argument| !argument.starts_with("--"));

    if std::env::var_os("ZOOM_ACCESS_TOKEN").is_some() {
        let meeting = meeting.ok_or("give the ID of a meeting that has started: `-- 84912345678`")?;
        let zoom = Client::from_env()?.with_retry(RetryPolicy::default().notify(countdown));
        return Ok(stream_meeting(&zoom, meeting.parse()?, false).await?);
    }

    let server = MockServer::builder();
    let server = if real_wait { server } else { server.cool_down(Duration::from_secs(4)) };
    let server = server.start().await?;
    println!("No ZOOM_ACCESS_TOKEN is set: this is the mock server at {}", server.base_url());
    let zoom = Client::builder()
        .base_url(server.base_url())
        .access_token(server.access_token())
        .retry(RetryPolicy::default().notify(countdown))
        .build()?;

    stream_meeting(&zoom, MeetingId::try_from(84912345678)?, true).await?;
    stream_webinar(&zoom).await?;

    println!("\nThe mock server's answers:");
    for request in server.requests() {
        let status = request.status.map_or("no answer".to_owned(), |status| status.to_string());
        println!("  {} {} → {status}", request.method, request.path);
    }
    Ok(())
}

async fn stream_meeting(zoom: &Client, id: MeetingId, is_mock: bool) -> Result<(), Error> {
    println!("\nMeeting {id}");
    if is_mock {
        let configure = zoom
            .update_meeting_live_stream()
            .meeting_id(id)
            .stream_url("rtmp://live.example.com/app")
            .stream_key("key")
            .page_url("https://live.example.com");
        report("configure", configure).await?;
    }

    let settings = meeting::Settings::builder().active_speaker_name(true).display_name("Keynote");
    let start = zoom
        .update_meeting_live_stream_status()
        .meeting_id(id)
        .action(meeting::Action::Start)
        .settings(settings);
    report("start", start.clone()).await?;
    if is_mock {
        // Too soon after the first start: Zoom answers 429, and the call waits.
        report("start again", start).await?;
    }

    let stop = zoom.update_meeting_live_stream_status().meeting_id(id).action(meeting::Action::Stop);
    report("stop", stop).await
}

async fn stream_webinar(zoom: &Client) -> Result<(), Error> {
    println!("\nWebinar 91234567890");
    for (what, action) in [("start", webinar::Action::Start), ("stop", webinar::Action::Stop)] {
        let call = zoom.update_webinar_live_stream_status().webinar_id("912 3456 7890").action(action);
        report(what, call).await?;
    }
    Ok(())
}

async fn report(what: &str, call: impl IntoFuture<Output = Result<(), Error>>) -> Result<(), Error> {
    let started = Instant::now();
    match call.await {
        Ok(()) => println!("  {what}: done after {:.1} s", started.elapsed().as_secs_f64()),
        Err(error) => {
            println!("  {what}: {error}");
            return Err(error);
        }
    }
    Ok(())
}

/// Called when a wait starts; the countdown runs in the background.
fn countdown(resend: &Resend) {
    let wait = resend.wait;
    println!("  429: Zoom asks you to wait {} s before retry {}", wait.as_secs(), resend.number);
    tokio::spawn(async move {
        for left in (1..=wait.as_secs()).rev() {
            print!("\r  retry in {left:2} s{}", if left == 1 { "\n" } else { "" });
            let _ = std::io::stdout().flush();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
}

//! What a service does: it gets tokens by server-to-server OAuth, and repeats a start only if it is still wanted.
//!
//! ```text
//! cargo run --example server_to_server                  # against a mock server on this machine
//! ZOOM_ACCOUNT_ID=… ZOOM_CLIENT_ID=… ZOOM_CLIENT_SECRET=… \
//!     cargo run --example server_to_server -- 84912345678    # against Zoom, with a meeting of yours
//! ```
//!
//! A meeting of yours must have started. It is streamed to the platform that is already configured for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use zoom_livestream::mock::MockServer;
use zoom_livestream::update_meeting_live_stream_status::{Action, Settings};
use zoom_livestream::{Client, ErrorKind, MeetingId, RetryPolicy, ServerToServer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let id = std::env::args().nth(1).unwrap_or("849 1234 5678".to_owned());
    let id: MeetingId = id.parse()?;

    // Whether the stream has arrived at your platform. Its webhook would set this flag.
    let arrived = Arc::new(AtomicBool::new(false));
    let seen = arrived.clone();
    let policy = RetryPolicy::default()
        .notify(|resend| println!("  429: Zoom asks you to wait {} s", resend.wait.as_secs()))
        .check(move |resend| {
            // A stop or a configuration is always repeated.
            let is_start = resend.field("action") == Some("start");
            let seen = seen.clone();
            async move { !is_start || !seen.load(Ordering::Relaxed) }
        });

    let server; // must live as long as the client
    let is_mock = std::env::var_os("ZOOM_ACCOUNT_ID").is_none();
    let zoom = if !is_mock {
        Client::from_env()?
    } else {
        server = MockServer::builder()
            .credentials("account", "client", "secret")
            .cool_down(Duration::from_secs(2))
            .start()
            .await?;
        println!("No ZOOM_ACCOUNT_ID is set: this is the mock server at {}", server.base_url());
        let app = ServerToServer::new("account", "client", "secret").token_url(server.token_url());
        Client::builder().base_url(server.base_url()).token_source(app).build()?
    };
    let zoom = zoom.with_retry(policy);

    if is_mock {
        zoom.update_meeting_live_stream()
            .meeting_id(id)
            .stream_url("rtmp://live.example.com/app")
            .stream_key("key")
            .page_url("https://live.example.com")
            .await?;
        println!("configured");
    }

    let settings = Settings::builder().active_speaker_name(true).display_name("Keynote");
    let start =
        zoom.update_meeting_live_stream_status().meeting_id(id).action(Action::Start).settings(settings);
    start.clone().await?;
    println!("started");

    // A second start, as a restarted service would send it. The stream arrives while this one waits.
    arrived.store(true, Ordering::Relaxed);
    match start.await {
        Ok(()) => println!("started again"),
        Err(error) if error.is_retry_declined() => println!("not started again: the stream has arrived"),
        Err(error) if error.kind() == ErrorKind::Timeout && error.may_have_been_sent() => {
            println!("no answer: check the stream before starting it again ({error})");
        }
        Err(error) => return Err(error.into()),
    }

    zoom.update_meeting_live_stream_status().meeting_id(id).action(Action::Stop).await?;
    println!("stopped");
    Ok(())
}

//! Starts a hundred streams, shows how far it is, and shuts down in order on Ctrl-C.
//!
//! ```text
//! cargo run --example many_starts    # against a mock server on this machine; press Ctrl-C whenever you like
//! ```
//!
//! After Ctrl-C, nothing is begun, and no call waits any longer to be sent again. What is on its way to Zoom is not
//! dropped: its answer says whether the stream was started.

use std::future::pending;
use std::io::Write;
use std::pin::pin;

use tokio::sync::watch;
use tokio::task::JoinSet;
use zoom_livestream::mock::MockServer;
use zoom_livestream::update_meeting_live_stream_status::Action;
use zoom_livestream::{Client, Ending, MeetingId, RetryPolicy};

/// How many calls may be in flight at once.
const AT_ONCE: usize = 50;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A hundred starts take some seconds, because the account may make only 20 requests per second.
    let server = MockServer::builder().requests_per_second(20).start().await?;
    let zoom = Client::builder().base_url(server.base_url()).access_token(server.access_token()).build()?;
    let meetings = (84_000_000_001_u64..).take(100).map(MeetingId::try_from).collect::<Result<_, _>>()?;

    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            pending::<()>().await; // the system does not report it
        }
    };
    let progress = |count: &Count| {
        print!("\r{} started, {} failed, {} to go ", count.started, count.failed, count.to_go);
        let _ = std::io::stdout().flush();
    };
    let count = start_all(&zoom, meetings, ctrl_c, progress).await;
    println!("\n{count:?}");
    Ok(())
}

#[derive(Debug, Default, PartialEq)]
pub struct Count {
    pub started: usize,
    pub failed: usize,
    /// Zoom had refused them for now, and they were not sent again.
    pub given_up: usize,
    pub to_go: usize,
}

/// Starts the streams of these meetings until `shut_down` is ready, and returns when no call is left.
pub async fn start_all(
    zoom: &Client,
    meetings: Vec<MeetingId>,
    shut_down: impl Future<Output = ()>,
    progress: impl Fn(&Count),
) -> Count {
    let (stop, stopping) = watch::channel(false);
    let zoom = zoom.with_retry(ending_waits(zoom.retry_policy(), stopping));
    let mut count = Count { to_go: meetings.len(), ..Count::default() };
    let (mut meetings, mut running) = (meetings.into_iter(), JoinSet::new());
    let mut shut_down = pin!(shut_down);
    loop {
        let is_stopping = *stop.borrow();
        if !is_stopping {
            let free = AT_ONCE - running.len();
            for meeting in meetings.by_ref().take(free) {
                let call = zoom.update_meeting_live_stream_status().meeting_id(meeting);
                running.spawn(call.action(Action::Start).into_future());
            }
        }
        tokio::select! {
            ended = running.join_next() => {
                match ended {
                    None => return count,
                    Some(Ok(Ok(()))) => count.started += 1,
                    Some(Ok(Err(error))) if error.is_retry_declined() => count.given_up += 1,
                    Some(_) => count.failed += 1,
                }
                count.to_go -= 1;
                progress(&count);
            }
            () = &mut shut_down, if !is_stopping => {
                stop.send_replace(true);
            }
        }
    }
}

/// The same policy, but no call waits any longer once `stopping` has become true.
///
/// A policy has one `unless`. To end a wait when its stream is running, too, select between this and
/// `LiveStreams::satisfied`.
pub fn ending_waits(policy: RetryPolicy, stopping: watch::Receiver<bool>) -> RetryPolicy {
    policy.unless(move |_resend| {
        let mut stopping = stopping.clone();
        async move {
            if stopping.wait_for(|is_stopping| *is_stopping).await.is_err() {
                return pending().await; // the sender is gone, so nobody can stop it any more
            }
            Ending::Declined("the program is shutting down".to_owned())
        }
    })
}

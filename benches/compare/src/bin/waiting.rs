//! Many calls that wait after a 429 at the same time, and the heap that each uses meanwhile.
//!
//! `waiting PORT CALLS START_SECONDS`, against `compare serve RETRY_AFTER_SECONDS`. Prints one JSON object.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use zoom_livestream::update_meeting_live_stream_status::{Action, Settings};
use zoom_livestream::{Client, RetryPolicy};

#[path = "../heap.rs"]
mod heap;

/// How many calls may be in flight at once before their 429. This limits sockets, not waiting calls.
const CONNECTING: usize = 256;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let mut argument = || arguments.next()?.ok();
    let (Some(port), Some(calls), Some(start_seconds)) = (argument(), argument(), argument()) else {
        return Err("usage: waiting PORT CALLS START_SECONDS".into());
    };
    let (waiting, room) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(CONNECTING)));
    let policy = RetryPolicy::default().notify({
        let (waiting, room) = (waiting.clone(), room.clone());
        move |_| {
            waiting.fetch_add(1, Ordering::Relaxed);
            room.add_permits(1);
        }
    });
    let client = Client::builder()
        .access_token("a-token")
        .base_url(format!("http://127.0.0.1:{port}/v2"))
        .retry(policy)
        .http(|http| http.pool_max_idle_per_host(0))
        .build()?;

    let before = heap::live();
    let started = Instant::now();
    let mut running = JoinSet::new();
    for id in 1..=calls as u64 {
        sleep_until(started + Duration::from_secs(start_seconds as u64) * id as u32 / calls as u32).await;
        room.acquire().await?.forget();
        let client = client.clone();
        running.spawn(async move {
            let settings = Settings::builder().active_speaker_name(true).display_name("main stage");
            client
                .update_meeting_live_stream_status()
                .meeting_id(84_000_000_000 + id)
                .action(Action::Start)
                .settings(settings)
                .await
        });
    }
    while waiting.load(Ordering::Relaxed) < calls {
        if started.elapsed() > Duration::from_secs(60) {
            return Err("the calls were not all answered with 429 within a minute".into());
        }
        sleep(Duration::from_millis(10)).await;
    }
    let all_waiting_after = started.elapsed();
    sleep(Duration::from_millis(500)).await; // time for the last connections to close
    let heap = heap::live() - before;
    let mut succeeded = 0;
    while let Some(ended) = running.try_join_next() {
        ended??;
        succeeded += 1;
    }
    let waiting_at_once = calls - succeeded;
    while let Some(ended) = running.join_next().await {
        ended??;
        succeeded += 1;
    }
    println!(
        "{{\"calls\":{calls},\"waiting_at_once\":{waiting_at_once},\"all_waiting_after_s\":{:.2},\
         \"heap_bytes_per_call\":{:.0},\"succeeded\":{succeeded}}}",
        all_waiting_after.as_secs_f64(),
        heap as f64 / calls as f64,
    );
    Ok(())
}

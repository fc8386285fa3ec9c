//! Simultaneous calls against an account's per-second limit. `pacing CALLS PER_SECOND`; prints one JSON object.

use std::error::Error;

use tokio::task::JoinSet;
use tokio::time::Instant;
use zoom_livestream::Client;
use zoom_livestream::mock::MockServer;
use zoom_livestream::update_meeting_live_stream_status::Action;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u32>());
    let mut argument = || arguments.next()?.ok();
    let (Some(calls), Some(per_second)) = (argument(), argument()) else {
        return Err("usage: pacing CALLS PER_SECOND".into());
    };
    let server = MockServer::builder().requests_per_second(per_second).start().await?;
    let client = Client::builder().access_token(server.access_token()).base_url(server.base_url()).build()?;
    let started = Instant::now();
    let mut running = JoinSet::new();
    for id in 1..=u64::from(calls) {
        let call = client.update_meeting_live_stream_status().meeting_id(84_000_000_000 + id);
        running.spawn(call.action(Action::Start).into_future());
    }
    let mut succeeded = 0;
    while let Some(ended) = running.join_next().await {
        succeeded += u32::from(ended?.is_ok());
    }
    println!(
        "{{\"succeeded\":{succeeded},\"seconds\":{:.1},\"requests\":{}}}",
        started.elapsed().as_secs_f64(),
        server.request_count(),
    );
    Ok(())
}

//! Many calls against a mock server that goes wrong in every way it can.
//!
//! ```text
//! cd benches/compare
//! cargo run --release --bin soak                          # 10,000 calls, 1,000 at a time, while tokens are killed
//! cargo run --release --bin soak -- 50000 2000 300 http2  # calls, at a time, seconds at most, over HTTP/2
//! cargo run --release --bin soak -- --minutes 30          # everything that can go wrong, in turn
//! ```
//!
//! The short run ends when the calls are made or the seconds are over, and fails unless every call ended in 204, the
//! server accepted none twice, and each killed token cost one token request. What the long run checks is in `disturbances.rs`.

mod disturbances;
#[path = "../../heap.rs"]
mod heap;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use zoom_livestream::mock::MockServer;
use zoom_livestream::update_meeting_live_stream_status::Action;
use zoom_livestream::{Client, Error, ServerToServer};

const FIRST_MEETING: u64 = 10_000_000_000;

#[derive(Default)]
struct Counted {
    started: usize,
    kills: usize,
    slowest: Duration,
    failures: HashMap<String, usize>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, minutes] = &arguments[..]
        && flag == "--minutes"
    {
        let minutes = minutes.parse().map_err(|_| format!("`{minutes}` is not a number of minutes"))?;
        return disturbances::run(minutes).await;
    }
    let number = |at: usize, default: usize| match arguments.get(at) {
        Some(text) => text.parse().map_err(|_| format!("`{text}` is not a number")),
        None => Ok(default),
    };
    let (calls, at_once, seconds) = (number(0, 10_000)?, number(1, 1_000)?.max(2), number(2, 120)?);
    let http2 = arguments.get(3).is_some_and(|version| version == "http2");

    let server = MockServer::builder().cool_down(Duration::ZERO).start().await?;
    let app = ServerToServer::new("mock-account", "mock-client", "mock-secret").token_url(server.token_url());
    let zoom = Client::builder()
        .base_url(server.base_url())
        .token_source(app)
        .http(|http| if http2 { http.http2_prior_knowledge() } else { http })
        .build()?;

    let started = Instant::now();
    let mut counted = Counted::default();
    while counted.started < calls && started.elapsed() < Duration::from_secs(seconds as u64) {
        storm(&zoom, &server, at_once.min(calls - counted.started), &mut counted).await?;
    }
    let elapsed = started.elapsed();

    let mut answers: HashMap<Option<u16>, usize> = HashMap::new();
    let mut accepted: HashMap<String, usize> = HashMap::new();
    for received in server.requests() {
        *answers.entry(received.status).or_default() += 1;
        if received.status == Some(204) {
            *accepted.entry(received.path).or_default() += 1;
        }
    }
    let answered = |status| answers.get(&Some(status)).copied().unwrap_or_default();
    let twice = accepted.values().filter(|count| **count > 1).count();
    let failed: usize = counted.failures.values().sum();
    println!("calls            {} ({at_once} at a time, HTTP/{})", counted.started, if http2 { "2" } else { "1.1" });
    println!("ended in 204     {}", counted.started - failed);
    println!("ended in errors  {failed}");
    for (error, count) in &counted.failures {
        println!("                 {count} × {error}");
    }
    println!(
        "requests         {} ({} answered 204, {} refused with 401)",
        server.request_count(),
        answered(204),
        answered(401)
    );
    println!("accepted twice   {twice}");
    println!("tokens killed    {}", counted.kills);
    println!("token requests   {}", server.token_requests());
    println!("slowest call     {:.2} s", counted.slowest.as_secs_f64());
    println!(
        "took             {:.1} s, {:.0} calls a second",
        elapsed.as_secs_f64(),
        counted.started as f64 / elapsed.as_secs_f64()
    );

    let is_whole = answered(204) + answered(401) == server.request_count() && answered(204) == counted.started;
    if failed > 0 || twice > 0 || !is_whole || server.token_requests() != counted.kills + 1 {
        return Err("the results are not what is promised".into());
    }
    Ok(())
}

/// Makes this many calls at once. A tenth of them start only when the token is killed, while the others are in
/// progress. The next storm, and with it the next kill, starts after every call has ended.
async fn storm(
    zoom: &Client,
    server: &MockServer,
    calls: usize,
    counted: &mut Counted,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut storm = JoinSet::new();
    let late = calls.div_ceil(10).min(calls - 1);
    for call in 0..calls - late {
        storm.spawn(start(zoom.clone(), counted.started + call));
    }
    for ended in 0..calls {
        if ended == 1 {
            server.revoke_token();
            counted.kills += 1;
            for call in calls - late..calls {
                storm.spawn(start(zoom.clone(), counted.started + call));
            }
        }
        let Some(call) = storm.join_next().await else { break };
        let (took, result) = call?;
        counted.slowest = counted.slowest.max(took);
        if let Err(error) = result {
            *counted.failures.entry(error.to_string()).or_default() += 1;
        }
    }
    counted.started += calls;
    Ok(())
}

async fn start(zoom: Client, number: usize) -> (Duration, Result<(), Error>) {
    let started = Instant::now();
    let meeting = FIRST_MEETING + number as u64;
    let call = zoom.update_meeting_live_stream_status().meeting_id(meeting);
    let result = call.body_map(|body| body.action(Action::Start)).await;
    (started.elapsed(), result)
}

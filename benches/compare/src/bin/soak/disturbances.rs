//! The long run: rounds of calls, in each of which something different goes wrong.
//!
//! It fails unless memory at the end is within 5 % of that after the first minute, no task is left, no start was accepted
//! twice, every call's result agrees with what the server saw, each disturbance had an effect, and no call failed
//! unexpectedly.

use std::collections::{BTreeMap, HashMap};
use std::error::Error as StdError;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::update_meeting_live_stream_status::{Action, Settings};
use zoom_livestream::{Client, Error, ErrorKind, ServerToServer};

use super::{FIRST_MEETING, heap};

type Failure = Box<dyn StdError>;

const MINUTE: Duration = Duration::from_secs(60);
const CALLS_PER_ROUND: u64 = 200;
const PACE: Duration = Duration::from_millis(6);
const REQUESTS_PER_SECOND: u32 = 180;
/// Enough that no round uses the meetings of the previous one, which may still be in their cool-down.
const MEETINGS: u64 = 4 * CALLS_PER_ROUND;
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(60);
const STATUS: &str = "updateMeetingLiveStreamStatus";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Disturbance {
    Restart,
    KilledToken,
    BrokenConnections,
    SlowAnswers,
    LimitPerMeeting,
    LimitPerSecond,
    WrongClock,
}

use Disturbance::*;

const DISTURBANCES: [Disturbance; 7] =
    [Restart, KilledToken, BrokenConnections, SlowAnswers, LimitPerMeeting, LimitPerSecond, WrongClock];

impl Disturbance {
    /// Whether a call may fail in this way. Any other failure is unexpected.
    fn may_cause(self, kind: ErrorKind) -> bool {
        match self {
            BrokenConnections | Restart => {
                matches!(kind, ErrorKind::Connect | ErrorKind::Interrupted | ErrorKind::Token)
            }
            SlowAnswers => kind == ErrorKind::Timeout,
            KilledToken | LimitPerMeeting | LimitPerSecond | WrongClock => false,
        }
    }
}

/// The address that clients use. Connections are broken here, and the mock server behind it can be restarted.
struct Front {
    address: SocketAddr,
    forwarding: JoinHandle<()>,
}

impl Front {
    async fn start(address: &str, upstream: SocketAddr) -> Result<Self, Failure> {
        let started = Instant::now();
        let listener = loop {
            match TcpListener::bind(address).await {
                Ok(listener) => break listener,
                // Another connection may be using the port right now.
                Err(_) if started.elapsed() < Duration::from_secs(10) => sleep(Duration::from_millis(20)).await,
                Err(error) => return Err(error.into()),
            }
        };
        let address = listener.local_addr()?;
        let forwarding = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let _ = near.set_nodelay(true);
                connections.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(upstream).await {
                        let _ = far.set_nodelay(true);
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, forwarding })
    }

    /// Closes the port and every connection.
    async fn stop(self) -> String {
        self.forwarding.abort();
        let _ = self.forwarding.await;
        self.address.to_string()
    }
}

struct Zoom {
    server: MockServer,
    upstream: SocketAddr,
    front: Front,
}

impl Zoom {
    async fn start(address: &str) -> Result<Self, Failure> {
        let server = MockServer::builder()
            .cool_down(Duration::from_secs(1))
            .requests_per_second(REQUESTS_PER_SECOND)
            .token_delay(Duration::from_millis(20))
            .start()
            .await?;
        let upstream = reqwest::Url::parse(server.base_url())?;
        let upstream = upstream.socket_addrs(|| None)?.first().copied().ok_or("the server has no address")?;
        Ok(Self { server, upstream, front: Front::start(address, upstream).await? })
    }

    async fn break_connections(self) -> Result<Self, Failure> {
        let address = self.front.stop().await;
        Ok(Self { front: Front::start(&address, self.upstream).await?, ..self })
    }

    /// Replaces the server by a new one at the same address, which knows none of its tokens.
    async fn restart(self, counted: &mut Counted) -> Result<Self, Failure> {
        let address = self.front.stop().await;
        // Requests that arrived before this are still being recorded.
        sleep(Duration::from_millis(300)).await;
        counted.take_requests(&self.server, Restart);
        drop(self.server);
        Self::start(&address).await
    }
}

#[derive(Default)]
struct Counted {
    calls: u64,
    rounds: u64,
    failures: BTreeMap<String, u64>,
    unexpected: BTreeMap<String, u64>,
    /// How many requests were refused and calls failed, by what went wrong at the time.
    effects: BTreeMap<Disturbance, u64>,
    slowest: Duration,
    duplicates: u64,
    contradictions: Vec<String>,
    /// How often each start of the last few rounds was accepted, by its number: a duplicate may be recorded late.
    accepted: HashMap<u64, u64>,
}

impl Counted {
    fn take_requests(&mut self, server: &MockServer, disturbance: Disturbance) {
        for received in server.requests() {
            match received.status {
                Some(401 | 429) => *self.effects.entry(disturbance).or_default() += 1,
                Some(204) => {
                    let settings = received.field("settings").map(serde_json::from_str::<Value>);
                    let number = settings.and_then(|settings| settings.ok()?["display_name"].as_str()?.parse().ok());
                    if let Some(number) = number {
                        let times = self.accepted.entry(number).or_default();
                        *times += 1;
                        self.duplicates += u64::from(*times == 2);
                    }
                }
                _ => {}
            }
        }
        server.clear();
    }

    fn ended(&mut self, call: &Ended, disturbance: Disturbance) {
        self.calls += 1;
        self.slowest = self.slowest.max(call.took);
        let Err(error) = &call.result else { return };
        *self.effects.entry(disturbance).or_default() += 1;
        let kind = format!("{:?}", error.kind());
        *self.failures.entry(kind).or_default() += 1;
        if !disturbance.may_cause(error.kind()) {
            *self.unexpected.entry(format!("{disturbance:?}: {error}")).or_default() += 1;
        }
    }

    /// Compares the calls' results with what the server accepted.
    fn compare(&mut self, calls: &[Ended]) {
        for Ended { number, result, .. } in calls {
            let Some(number) = number else { continue };
            let accepted = self.accepted.get(number).copied().unwrap_or_default();
            let agrees = match result {
                Ok(()) => accepted >= 1,
                Err(error) => accepted == 0 || error.may_have_been_sent(),
            };
            if !agrees {
                self.contradictions
                    .push(format!("a start was accepted {accepted} times, and its call ended in {result:?}"));
            }
        }
        let oldest = (self.rounds * CALLS_PER_ROUND).saturating_sub(MEETINGS);
        self.accepted.retain(|number, _| *number >= oldest);
    }
}

struct Ended {
    /// The number of a start, which is sent as its display name.
    number: Option<u64>,
    took: Duration,
    result: Result<(), Error>,
}

/// Runs for this many minutes, and then until each disturbance has had the same number of rounds.
pub async fn run(minutes: u32) -> Result<(), Failure> {
    if minutes < 2 {
        return Err("give at least 2 minutes: memory at the end is compared with that after the first".into());
    }
    let mut zoom = Zoom::start("127.0.0.1:0").await?;
    let clients = clients(zoom.front.address)?;
    // Large enough never to grow: its memory would be taken for the client's.
    let accepted = HashMap::with_capacity(4 * MEETINGS as usize);
    let mut counted = Counted { accepted, ..Counted::default() };
    let (started, mut first) = (Instant::now(), None);
    let (first, last) = loop {
        for client in &clients {
            for disturbance in DISTURBANCES {
                zoom = round(zoom, client, disturbance, &mut counted).await?;
            }
        }
        // Measured at rest, because the number of connections that the clients keep is a matter of chance.
        zoom = zoom.restart(&mut counted).await?;
        sleep(3 * IDLE_TIMEOUT).await;
        let memory = heap::live();
        println!(
            "{:>6.0} s  {:>8} calls  {:>6} KiB in use",
            started.elapsed().as_secs_f64(),
            counted.calls,
            memory / 1024
        );
        match first {
            None if started.elapsed() >= MINUTE => first = Some(memory),
            // Never of one sample alone, however slow the machine is.
            Some(first) if started.elapsed() >= MINUTE * minutes => break (first, memory),
            _ => {}
        }
    };
    let elapsed = started.elapsed();
    drop(clients);
    zoom.front.stop().await;
    drop(zoom.server);
    let tasks = tasks_left().await;
    report(&counted, elapsed, first, last, tasks)
}

/// Over HTTP/1.1 and over HTTP/2, with one token for both.
fn clients(front: SocketAddr) -> Result<[Client; 2], Failure> {
    let app = ServerToServer::new("mock-account", "mock-client", "mock-secret");
    let app = app.token_url(format!("http://{front}/oauth/token"));
    let build = |http: fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder| {
        let client = Client::builder().base_url(format!("http://{front}/v2")).http(http);
        let client = client.token_source(app.clone()).attempt_timeout(ATTEMPT_TIMEOUT);
        client.call_timeout(DEADLINE).build()
    };
    let http1 = |http: reqwest::ClientBuilder| http.pool_idle_timeout(IDLE_TIMEOUT);
    Ok([build(http1)?, build(|http| http.pool_idle_timeout(IDLE_TIMEOUT).http2_prior_knowledge())?])
}

async fn round(
    mut zoom: Zoom,
    client: &Client,
    disturbance: Disturbance,
    counted: &mut Counted,
) -> Result<Zoom, Failure> {
    prepare(&zoom.server, disturbance, counted.rounds);
    let first = counted.rounds * CALLS_PER_ROUND;
    let mut calls = JoinSet::new();
    for number in first..first + CALLS_PER_ROUND {
        // Pairs of calls start the same meeting at the same time.
        let meeting = if disturbance == LimitPerMeeting { number / 2 } else { number };
        calls.spawn(call(client.clone(), number, FIRST_MEETING + meeting % MEETINGS));
        if disturbance != LimitPerSecond {
            sleep(PACE).await;
        }
        if number == first + CALLS_PER_ROUND / 2 {
            zoom = match disturbance {
                BrokenConnections => zoom.break_connections().await?,
                Restart => zoom.restart(counted).await?,
                _ => zoom,
            };
            if disturbance == KilledToken {
                zoom.server.revoke_token();
            }
        }
    }
    let mut ended = Vec::new();
    while let Some(call) = calls.join_next().await {
        let call = call?;
        counted.ended(&call, disturbance);
        ended.push(call);
    }
    counted.take_requests(&zoom.server, disturbance);
    counted.compare(&ended);
    zoom.server.answer_normally();
    counted.rounds += 1;
    Ok(zoom)
}

fn prepare(server: &MockServer, disturbance: Disturbance, round: u64) {
    for number in 0..CALLS_PER_ROUND {
        let answer = match disturbance {
            // Some calls are always under way when the connections break.
            BrokenConnections => Answer::status(204).delay(ATTEMPT_TIMEOUT / 30),
            SlowAnswers if number.is_multiple_of(40) => Answer::status(204).delay(2 * ATTEMPT_TIMEOUT),
            SlowAnswers if number.is_multiple_of(10) => Answer::status(204).delay(ATTEMPT_TIMEOUT / 4),
            WrongClock if number.is_multiple_of(10) => limit_by_a_wrong_clock(number / 10 + round),
            _ => continue,
        };
        server.answer_for(STATUS, answer);
    }
}

/// Asks for a wait of one second, according to a clock that is ten minutes fast or slow.
fn limit_by_a_wrong_clock(number: u64) -> Answer {
    let now = SystemTime::now();
    let date = if number.is_multiple_of(2) { now + 10 * MINUTE } else { now - 10 * MINUTE };
    let until = date + Duration::from_secs(1);
    let answer = Answer::error(429, 429, "Too many requests.").header("date", httpdate::fmt_http_date(date));
    if number % 4 < 2 {
        return answer.header("retry-after", httpdate::fmt_http_date(until));
    }
    let unix = until.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    answer.header("x-ratelimit-type", "QPS").header("x-ratelimit-reset", unix.as_secs().to_string())
}

/// Mostly starts, because they must not be repeated.
async fn call(client: Client, number: u64, meeting: u64) -> Ended {
    let started = Instant::now();
    let status = client.update_meeting_live_stream_status().meeting_id(meeting);
    let (number, result) = match number % 10 {
        8 => (None, status.action(Action::Stop).await),
        9 => (None, client.get_meeting_live_stream_details().meeting_id(meeting).await.map(drop)),
        _ => {
            let settings = Settings::builder().display_name(number.to_string());
            (Some(number), status.action(Action::Start).settings(settings).await)
        }
    };
    Ended { number, took: started.elapsed(), result }
}

/// How many tasks are still alive after ten seconds.
async fn tasks_left() -> usize {
    let metrics = Handle::current().metrics();
    let started = Instant::now();
    while metrics.num_alive_tasks() > 0 && started.elapsed() < Duration::from_secs(10) {
        sleep(Duration::from_millis(50)).await;
    }
    metrics.num_alive_tasks()
}

fn report(counted: &Counted, elapsed: Duration, first: isize, last: isize, tasks: usize) -> Result<(), Failure> {
    let change = (last as f64 / first as f64 - 1.0) * 100.0;
    let failed: u64 = counted.failures.values().sum();
    let each = counted.rounds / DISTURBANCES.len() as u64;
    println!();
    println!("took              {:.1} minutes, HTTP/1.1 and HTTP/2 in turn", elapsed.as_secs_f64() / 60.0);
    println!("calls             {} ({:.0} a second)", counted.calls, counted.calls as f64 / elapsed.as_secs_f64());
    println!("succeeded         {}", counted.calls - failed);
    println!("failed            {failed} {:?}", counted.failures);
    println!("unexpected        {} {:?}", counted.unexpected.values().sum::<u64>(), counted.unexpected);
    println!("slowest call      {:.1} s", counted.slowest.as_secs_f64());
    println!("rounds            {each} each of {DISTURBANCES:?}");
    println!("refusals, failures {:?}", counted.effects);
    println!(
        "memory            {} KiB after the first minute, {} KiB at the end ({change:+.1} %)",
        first / 1024,
        last / 1024
    );
    println!("tasks left        {tasks}");
    println!("duplicate starts  {}", counted.duplicates);
    println!("contradictions    {}", counted.contradictions.len());
    for contradiction in counted.contradictions.iter().take(5) {
        println!("                  {contradiction}");
    }
    let is_idle = |disturbance: &Disturbance| !counted.effects.contains_key(disturbance);
    let flaws: Vec<&str> = [
        (change.abs() > 5.0, "memory is not within 5 % of that after the first minute"),
        (tasks > 0, "tasks are left"),
        (counted.duplicates > 0, "a start was accepted twice"),
        (!counted.contradictions.is_empty(), "a call's result contradicts what the server saw"),
        (DISTURBANCES.iter().any(is_idle), "a disturbance had no effect"),
        (!counted.unexpected.is_empty(), "a call failed unexpectedly"),
    ]
    .into_iter()
    .filter_map(|(is_so, flaw)| is_so.then_some(flaw))
    .collect();
    if flaws.is_empty() { Ok(()) } else { Err(flaws.join("; ").into()) }
}

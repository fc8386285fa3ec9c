//! Three copies of the service, a real Redis and a mock server whose events arrive twice, late and out of order.
//!
//! ```text
//! cargo test --test copies -- --nocapture     # prints what was counted; needs redis-server
//! ```

mod balancer;
mod processes;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::{Duration, SystemTime};

use balancer::Balancer;
use processes::{Copy, Redis};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use zoom_livestream::mock::{Answer, MockServer, Webhook};

const MEETINGS: u64 = 200;
const FIRST_MEETING: u64 = 84_000_000_000;
const COPIES: usize = 3;
const SECRET_TOKEN: &str = "secret-token";

/// Zoom's 30 seconds, scaled down.
const COOL_DOWN: Duration = Duration::from_secs(2);

/// When the deliveries of the events start, in turn. Each event is delivered twice: some only after the cool-down, and some
/// after all deliveries of the start that follows.
const DELAYS_MS: [u64; 9] = [50, 300, 5000, 700, 2600, 2900, 100, 1200, 4500];

/// Zoom's 5, 20 and 60 minutes, scaled down.
const REPEATS: [Duration; 30] = [Duration::from_secs(1); 30];

/// A start that arrives this soon after its stream's event was acknowledged was already on its way by then.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

/// Each test keeps both cores of a small machine busy.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Redis, the mock server, the copies of the service, and what delivers events to them.
struct World {
    redis: Redis,
    zoom: MockServer,
    copies: Vec<Copy>,
    balancer: Balancer,
    http: reqwest::Client,
}

impl World {
    async fn new(redis: Redis, copies: usize) -> Self {
        let zoom = MockServer::builder().cool_down(COOL_DOWN).start().await.expect("a mock server");
        let copies: Vec<Copy> = (0..copies).map(|_| Copy::started(&redis, &zoom)).collect();
        let balancer = Balancer::started(copies.iter().map(|copy| copy.url.clone()).collect()).await;
        let webhook = Webhook::new(balancer.to(0), SECRET_TOKEN)
            .delays(DELAYS_MS.map(Duration::from_millis))
            .copies(2)
            .repeats(REPEATS);
        let webhook = (1..copies.len()).fold(webhook, |webhook, copy| webhook.and_url(balancer.to(copy)));
        zoom.send_events_to(webhook).await.expect("an endpoint that answers its challenge");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { redis, zoom, copies, balancer, http }
    }

    fn asker(&self) -> Asker {
        Asker { urls: self.copies.iter().map(|copy| copy.url.clone()).collect(), http: self.http.clone() }
    }

    /// The starts that Zoom accepted since then, by meeting.
    fn accepted_starts(&self, since: Instant) -> BTreeMap<u64, Vec<Instant>> {
        let mut starts = BTreeMap::<u64, Vec<Instant>>::new();
        for request in self.zoom.requests() {
            if request.status == Some(204) && request.field("action") == Some("start") && request.arrived >= since {
                let meeting = request.path.split('/').nth(3).and_then(|id| id.parse().ok()).expect("an ID");
                starts.entry(meeting).or_default().push(request.arrived);
            }
        }
        starts
    }

    /// Waits until each event of each accepted start and stop has been acknowledged as often as it is delivered.
    async fn all_events_acknowledged(&self) {
        let accepted = self.zoom.requests().iter().filter(|request| request.status == Some(204)).count();
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            // No two events of a meeting have the same time.
            let mut acknowledged = BTreeMap::<(u64, i64), u32>::new();
            for delivery in self.balancer.deliveries().iter().filter(|delivery| delivery.is_acknowledged()) {
                *acknowledged.entry((delivery.meeting, delivery.event_ts)).or_default() += 1;
            }
            let done = acknowledged.values().filter(|times| **times >= 2).count();
            if done == accepted {
                return;
            }
            assert!(Instant::now() < deadline, "{done} of {accepted} events were acknowledged twice");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The sum of a metric over the running copies.
    async fn metric(&self, name: &str) -> u64 {
        let mut sum = 0;
        for copy in &self.copies {
            let Ok(answer) = self.http.get(format!("{}/metrics", copy.url)).send().await else { continue };
            let text = answer.text().await.expect("text");
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
            sum += value.unwrap_or_else(|| panic!("{name} in {text}"));
        }
        sum
    }
}

#[derive(Clone)]
struct Asker {
    urls: Vec<String>,
    http: reqwest::Client,
}

/// What a copy answered to a start or stop.
#[derive(Debug)]
struct Answered {
    outcome: String,
    at: Instant,
    asked_again: u32,
}

impl Asker {
    /// Asks one copy, and the next one if that is dead.
    async fn ask(&self, copy: usize, meeting: u64, action: &str) -> Answered {
        let account = if meeting.is_multiple_of(2) { "north" } else { "south" };
        for asked_again in 0..COPIES as u32 {
            let url = &self.urls[(copy + asked_again as usize) % self.urls.len()];
            let request = self.http.post(format!("{url}/meetings/{meeting}/stream"));
            let answer = request.json(&json!({ "account": account, "action": action })).send().await;
            let Ok(answer) = answer else { continue };
            let status = answer.status();
            let Ok(body) = answer.json::<Value>().await else { continue };
            assert_eq!(status, StatusCode::OK, "meeting {meeting}, {action}: {body}");
            let outcome = body["outcome"].as_str().expect("an outcome").to_owned();
            return Answered { outcome, at: Instant::now(), asked_again };
        }
        panic!("no copy answers");
    }
}

fn meetings() -> impl Iterator<Item = (usize, u64)> {
    (0..MEETINGS).map(|number| (number as usize, FIRST_MEETING + number))
}

fn unix_milliseconds() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970").as_millis() as i64
}

/// What was counted. All but the first four are about the second streams, whose starts are requested from two copies at
/// once.
#[derive(Debug, Default)]
struct Counts {
    deliveries: usize,
    answered_503: usize,
    unanswered: usize,
    sent_without_knowledge: u64,
    started: usize,
    already_running: usize,
    asked_again: u32,
    meetings_started: usize,
    repeated_before_its_event: usize,
    on_its_way_during_its_event: usize,
    started_after_its_event: usize,
    /// How long after its event a start was answered: the median, and the longest.
    told_after: [Duration; 2],
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in [
            ("starts answered `started`", self.started),
            ("starts answered `already_running`", self.already_running),
            ("  asked again, because a copy was dead", self.asked_again as usize),
            ("sent without knowledge, while Redis was down", self.sent_without_knowledge as usize),
            ("meetings whose stream Zoom started", self.meetings_started),
            ("  started again before its event", self.repeated_before_its_event),
            ("  ... on its way during its event", self.on_its_way_during_its_event),
            ("  ... after its event", self.started_after_its_event),
            ("events delivered", self.deliveries),
            ("  answered 503", self.answered_503),
            ("  not answered", self.unanswered),
        ] {
            writeln!(f, "  {what:<42} {count:>5}")?;
        }
        let [median, longest] = self.told_after.map(|told| told.as_millis());
        writeln!(f, "  told after its event: median {median} ms, longest {longest} ms")
    }
}

/// Starts and stops each meeting's stream. Then each start is requested from two copies at once, while events of the
/// first streams still arrive and `disturb` interferes. Finally, each start is requested once more, from a copy that
/// has just started.
async fn started_by_two_copies_at_once(name: &str, disturb: impl AsyncFnOnce(&mut World)) -> Counts {
    let mut world = World::new(Redis::started().await, COPIES).await;
    let asker = world.asker();

    let mut first = JoinSet::new();
    for (number, meeting) in meetings() {
        let asker = asker.clone();
        first.spawn(async move {
            let started = asker.ask(number % COPIES, meeting, "start").await;
            let stopped = asker.ask((number + 1) % COPIES, meeting, "stop").await;
            assert_eq!([started.outcome, stopped.outcome], ["started", "stopped"]);
        });
    }
    first.join_all().await;
    sleep(COOL_DOWN).await;

    let (begin, begin_ms) = (Instant::now(), unix_milliseconds());
    let mut asked = JoinSet::new();
    for (number, meeting) in meetings() {
        for copy in [number, number + 1] {
            let asker = asker.clone();
            asked.spawn(async move {
                sleep_until(begin + 5 * Duration::from_millis(number as u64)).await;
                (meeting, asker.ask(copy % COPIES, meeting, "start").await)
            });
        }
    }
    sleep_until(begin + Duration::from_millis(700)).await;
    disturb(&mut world).await;
    let answers = asked.join_all().await;
    world.all_events_acknowledged().await;

    // A copy that has just started knows only what is in Redis.
    world.copies.push(Copy::started(&world.redis, &world.zoom));
    let (asker, requests) = (world.asker(), world.zoom.request_count());
    for (_, meeting) in meetings() {
        let once_more = asker.ask(COPIES, meeting, "start").await;
        assert_eq!(once_more.outcome, "already_running", "meeting {meeting}, asked once all events have arrived");
    }
    assert_eq!(world.zoom.request_count(), requests, "a stream that is known to run is not started");

    let counts = count(&world, begin, begin_ms, &answers).await;
    println!("{name}: {MEETINGS} meetings, each start asked of two copies of {COPIES} at once\n{counts}");
    assert_eq!(counts.meetings_started, MEETINGS as usize);
    assert_eq!(counts.started_after_its_event, 0);
    assert_eq!(counts.started + counts.already_running, answers.len(), "other outcomes: {answers:?}");
    each_account_has_tokens_of_its_own(&world.zoom);
    counts
}

async fn count(world: &World, begin: Instant, begin_ms: i64, answers: &[(u64, Answered)]) -> Counts {
    let deliveries = world.balancer.deliveries();
    let with_status = |status| deliveries.iter().filter(|delivery| delivery.status == status).count();
    let with_outcome = |outcome| answers.iter().filter(|(_, answered)| answered.outcome == outcome).count();
    let mut counts = Counts {
        deliveries: deliveries.len(),
        answered_503: with_status(Some(503)),
        unanswered: with_status(None),
        sent_without_knowledge: world.metric("livestream_sent_without_knowledge_total").await,
        started: with_outcome("started"),
        already_running: with_outcome("already_running"),
        asked_again: answers.iter().map(|(_, answered)| answered.asked_again).sum(),
        ..Counts::default()
    };
    let mut acknowledged = BTreeMap::<u64, Instant>::new();
    for delivery in deliveries.iter().filter(|delivery| {
        delivery.is_acknowledged() && delivery.name == "meeting.live_streaming_started" && delivery.event_ts >= begin_ms
    }) {
        let at = acknowledged.entry(delivery.meeting).or_insert(delivery.at);
        *at = delivery.at.min(*at);
    }
    for (meeting, mut starts) in world.accepted_starts(begin) {
        starts.sort();
        counts.meetings_started += 1;
        for again in &starts[1..] {
            match again.checked_duration_since(acknowledged[&meeting]) {
                None => counts.repeated_before_its_event += 1,
                Some(late) if late <= ON_ITS_WAY => counts.on_its_way_during_its_event += 1,
                Some(_) => counts.started_after_its_event += 1,
            }
        }
    }
    let already_running = answers.iter().filter(|(_, answered)| answered.outcome == "already_running");
    let mut told: Vec<Duration> = already_running
        .map(|(meeting, answered)| answered.at.saturating_duration_since(acknowledged[meeting]))
        .collect();
    told.sort();
    let [median, longest] = [told.get(told.len() / 2), told.last()];
    counts.told_after = [median, longest].map(|told| told.copied().unwrap_or_default());
    counts
}

fn each_account_has_tokens_of_its_own(zoom: &MockServer) {
    let mut tokens = [HashSet::new(), HashSet::new()];
    for request in zoom.requests() {
        let south = request.path.split('/').nth(3).is_some_and(|id| id.ends_with(['1', '3', '5', '7', '9']));
        tokens[usize::from(south)].insert(request.header("authorization").expect("a token").to_owned());
    }
    assert!(tokens[0].is_disjoint(&tokens[1]) && !tokens[1].is_empty(), "{}", zoom.token_requests());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_requested_from_two_copies_starts_once_or_ends_as_the_event_arrives() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let counts = started_by_two_copies_at_once("undisturbed", async |_| {}).await;
    let repeated = counts.repeated_before_its_event + counts.on_its_way_during_its_event;
    assert_eq!(counts.started, counts.meetings_started + repeated);
    assert_eq!(counts.sent_without_knowledge, 0);
    // Redis is also asked every second, which alone would take half a second.
    assert!(counts.told_after[0] < Duration::from_millis(250), "{:?}", counts.told_after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_stream_is_started_after_its_event_when_a_copy_is_killed_while_starts_wait() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let counts = started_by_two_copies_at_once("one copy killed", async |world| world.copies[0].kill()).await;
    assert!(counts.asked_again > 0 && counts.unanswered > 0, "the copy was not needed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_stream_is_started_after_its_event_when_redis_is_killed_and_started_again() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let counts = started_by_two_copies_at_once("Redis restarted", async |world| {
        world.redis.kill();
        sleep(Duration::from_millis(500)).await;
        world.redis.start().await;
    })
    .await;
    assert!(counts.answered_503 > 0, "Redis was not needed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_stream_is_started_after_its_event_when_redis_is_stopped_for_ten_seconds() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let counts = started_by_two_copies_at_once("Redis stopped for ten seconds", async |world| {
        world.redis.signal("STOP");
        sleep(Duration::from_secs(10)).await;
        world.redis.signal("CONT");
    })
    .await;
    assert!(counts.answered_503 > 0 && counts.sent_without_knowledge > 0, "Redis was not needed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_a_start_goes_on_and_its_event_is_acknowledged_once_redis_is_up() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let mut world = World::new(Redis::down(), 1).await;
    let asker = world.asker();
    let health = async || -> Value {
        let answer = world.http.get(format!("{}/health", asker.urls[0])).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    };
    assert_eq!(health().await, json!({ "status": "ok", "redis": "down" }));
    assert_eq!(asker.ask(0, FIRST_MEETING, "start").await.outcome, "started");
    assert_eq!(world.metric("livestream_sent_without_knowledge_total").await, 1);
    let deadline = Instant::now() + Duration::from_secs(40);
    while !world.balancer.deliveries().iter().any(|delivery| delivery.status == Some(503)) {
        assert!(Instant::now() < deadline, "no event was answered with 503");
        sleep(Duration::from_millis(50)).await;
    }

    world.redis.start().await;
    world.all_events_acknowledged().await;
    let answer = world.http.get(format!("{}/health", asker.urls[0])).send().await.expect("an answer");
    assert_eq!(answer.json::<Value>().await.expect("JSON"), json!({ "status": "ok", "redis": "up" }));
    assert_eq!(asker.ask(0, FIRST_MEETING, "start").await.outcome, "already_running");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_zoom_did_not_sign_is_refused_and_has_no_effect() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let world = World::new(Redis::started().await, 1).await;
    let event = json!({
        "event": "meeting.live_streaming_started",
        "event_ts": unix_milliseconds(),
        "payload": { "object": { "id": FIRST_MEETING } },
    });
    let request = world.http.post(format!("{}/events", world.copies[0].url)).json(&event);
    let request = request.header("x-zm-request-timestamp", unix_milliseconds() / 1000);
    let answer = request.header("x-zm-signature", format!("v0={}", "0".repeat(64))).send().await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    assert_eq!(world.asker().ask(0, FIRST_MEETING, "start").await.outcome, "started");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_refused_is_answered_with_the_reason() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let world = World::new(Redis::started().await, 1).await;
    world.zoom.answer(Answer::error(400, 200, "Meeting has not started."));
    for (meeting, account, status, reason) in [
        ("84912345678", "north", StatusCode::BAD_GATEWAY, "Meeting has not started"),
        ("room", "north", StatusCode::BAD_REQUEST, "\"room\" is not a meeting ID"),
        ("84912345678", "east", StatusCode::NOT_FOUND, "the accounts file does not list this account"),
    ] {
        let request = world.http.post(format!("{}/meetings/{meeting}/stream", world.copies[0].url));
        let request = request.json(&json!({ "account": account, "action": "start" }));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), status);
        let body: Value = answer.json().await.expect("JSON");
        assert!(body["error"].as_str().is_some_and(|error| error.contains(reason)), "{body}");
    }
    assert_eq!(world.metric("livestream_requests_total{outcome=\"failed\"}").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_shut_down_finishes_its_starts_first() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let mut world = World::new(Redis::started().await, 2).await;
    let asker = world.asker();
    assert_eq!(asker.ask(1, FIRST_MEETING, "start").await.outcome, "started");
    let waiting = tokio::spawn(async move { asker.ask(0, FIRST_MEETING, "start").await });
    let deadline = Instant::now() + Duration::from_secs(40);
    while world.zoom.request_count() < 2 {
        assert!(Instant::now() < deadline, "the second start was not sent");
        sleep(Duration::from_millis(5)).await;
    }
    assert!(world.copies.remove(0).terminate().await);
    assert_eq!(waiting.await.expect("an answer").asked_again, 0);
}

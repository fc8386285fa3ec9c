//! Events over real sockets: what the mock server sends, and which waits that ends.

use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use zoom_livestream::events::{Event, LiveStreams, Payload, StreamState, Verifier};
use zoom_livestream::mock::{Answer, MockServer, Webhook};
use zoom_livestream::update_meeting_live_stream_status::Action;
use zoom_livestream::{Client, Ending, Error, MeetingId, RetryPolicy};

use crate::support::{
    MEETING, RawServer, STREAM_KEY, builder, call, client, configure, read_request, secret_in, start, until,
};

const SECRET_TOKEN: &str = "hidden-secret-token";

fn meeting() -> MeetingId {
    MEETING.try_into().expect("an ID")
}

/// A webhook endpoint like that of a service.
struct Endpoint {
    server: RawServer,
    streams: LiveStreams,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Endpoint {
    /// Refuses the first `refusals` events.
    async fn start(refusals: usize) -> Self {
        let (streams, events) = (LiveStreams::new(), Arc::<Mutex<Vec<Event>>>::default());
        let kept = (streams.clone(), events.clone(), Arc::new(AtomicUsize::new(refusals)));
        let server = RawServer::start(move |mut stream, _| {
            let (streams, events, refusals) = kept.clone();
            async move {
                while let Some(request) = read_request(&mut stream).await {
                    let answer = answered(&request, &streams, &events, &refusals);
                    stream.write_all(answer.as_bytes()).await.expect("an answer");
                }
            }
        })
        .await;
        Self { server, streams, events }
    }

    fn webhook(&self) -> Webhook {
        Webhook::new(format!("http://{}/zoom", self.server.address), SECRET_TOKEN)
    }

    fn names(&self) -> Vec<String> {
        self.events.lock().expect("events").iter().map(|event| event.name().to_owned()).collect()
    }

    async fn until(&self, count: usize) {
        until("the events", || self.events.lock().expect("events").len() >= count).await;
    }

    fn client(&self, server: &MockServer) -> Client {
        client(server).with_retry(RetryPolicy::default().unless(self.streams.satisfied()))
    }
}

fn answered(request: &str, streams: &LiveStreams, events: &Mutex<Vec<Event>>, refusals: &AtomicUsize) -> String {
    let (head, body) = request.split_once("\r\n\r\n").expect("a head and a body");
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    let verifier = Verifier::new("rotated").also(SECRET_TOKEN);
    let event = verifier.verify(body.as_bytes(), header("x-zm-signature"), header("x-zm-request-timestamp"));
    let is_refused = || {
        let left = refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.is_ok()
    };
    match event {
        Ok(Event::UrlValidation(challenge)) => {
            let answer = challenge.answer().to_string();
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len())
        }
        Ok(event) => {
            streams.record(&event);
            events.lock().expect("events").push(event);
            if is_refused() {
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned()
            } else {
                "HTTP/1.1 204 No Content\r\n\r\n".to_owned()
            }
        }
        Err(error) => panic!("an event from the mock server is refused: {error}"),
    }
}

async fn server() -> MockServer {
    MockServer::start().await.expect("the mock server")
}

async fn stop(zoom: &Client) -> Result<(), Error> {
    zoom.update_meeting_live_stream_status().meeting_id(MEETING).action(Action::Stop).await
}

fn limited(seconds: &str) -> Answer {
    Answer::error(429, 429, "Too many requests.").header("retry-after", seconds)
}

#[tokio::test]
async fn a_start_that_waits_thirty_seconds_succeeds_as_soon_as_the_streams_event_arrives() {
    let (server, endpoint) = (server().await, Endpoint::start(0).await);
    let webhook = endpoint.webhook().delays([Duration::from_millis(600)]);
    server.send_events_to(webhook).await.expect("a valid endpoint");
    let zoom = endpoint.client(&server);
    start(&zoom, MEETING).await.expect("204");
    let started = Instant::now();
    start(&zoom, MEETING).await.expect("429, then the event");
    let took = started.elapsed();
    assert!(took > Duration::from_millis(300) && took < Duration::from_secs(10), "{took:?}");
    assert_eq!(server.request_count(), 2);
    let (state, _) = endpoint.streams.state(meeting()).expect("known");
    assert_eq!(state, StreamState::Running);
}

#[tokio::test]
async fn a_start_does_not_wait_if_its_stream_is_known_to_be_running() {
    let server = server().await;
    let streams = LiveStreams::new();
    streams.tell(meeting(), StreamState::Running, SystemTime::now());
    let notified = Arc::new(AtomicUsize::new(0));
    let count = notified.clone();
    let policy = RetryPolicy::default().unless(streams.satisfied()).notify(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let zoom = client(&server).with_retry(policy);
    start(&zoom, MEETING).await.expect("204, because the state is not looked up before the first attempt");
    let started = Instant::now();
    start(&zoom, MEETING).await.expect("429, but its stream is running");
    assert_eq!(server.request_count(), 2);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(notified.load(Ordering::SeqCst), 0, "no wait was started");
}

#[tokio::test]
async fn after_a_stop_a_start_counts_as_done_until_the_stop_is_recorded() {
    let server = server().await;
    let streams = LiveStreams::new();
    streams.tell(meeting(), StreamState::Running, SystemTime::now() - Duration::from_secs(1));
    let zoom = client(&server).with_retry(RetryPolicy::default().unless(streams.satisfied()));
    let sent = SystemTime::now();
    stop(&zoom).await.expect("204");
    server.answer(limited("1"));
    start(&zoom, MEETING).await.expect("429, but the stream still counts as running");
    assert_eq!(server.request_count(), 2);

    assert!(streams.tell(meeting(), StreamState::Stopped, sent));
    server.answer(limited("1"));
    start(&zoom, MEETING).await.expect("204 after the wait");
    assert_eq!(server.request_count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_always_sent_and_so_are_calls_that_are_not_about_the_stream() {
    let server = server().await;
    let streams = LiveStreams::new();
    let zoom = client(&server).with_retry(RetryPolicy::default().unless(streams.satisfied()));
    let now = SystemTime::now();
    let earlier = now - Duration::from_millis(1);
    for (state, at) in [(StreamState::Running, earlier), (StreamState::Stopped, now)] {
        streams.tell(meeting(), state, at);
        server.answer(limited("30"));
        let sent = server.request_count();
        stop(&zoom).await.expect("204, whatever is known about the stream");
        assert_eq!(server.request_count(), sent + 2, "{state:?}");
        // A webinar with the same ID is not the meeting, and a configuration is always wanted.
        for operation_id in ["updateMeetingLiveStream", "updateWebinarLiveStreamStatus", "getMeetingLiveStreamDetails"]
        {
            server.answer(limited("30"));
            call(&zoom, operation_id).await.expect(operation_id);
        }
        let mode = zoom.update_meeting_live_stream_status().meeting_id(MEETING).action(Action::Mode);
        server.answer(limited("30"));
        mode.await.expect("neither a start nor a stop");
    }
    server.answer(limited("30"));
    start(&zoom, MEETING).await.expect("204, because the stream has stopped");
    streams.tell(meeting(), StreamState::Running, SystemTime::now() + Duration::from_secs(1));
    let other = 84_900_000_001;
    start(&zoom, other).await.expect("another meeting's");
    start(&zoom, other).await.expect("another meeting's, after its cool-down");
}

#[tokio::test(start_paused = true)]
async fn the_reason_from_unless_is_in_the_error_and_check_is_called_after_the_wait() {
    let server = server().await;
    let checked = Arc::new(AtomicUsize::new(0));
    let count = checked.clone();
    let policy = RetryPolicy::default().check(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async { true }
    });
    for (after, is_declined) in [(Some(10), true), (Some(40), false), (None, false)] {
        let policy = policy.clone().unless(move |resend| async move {
            match after {
                Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                None => pending().await,
            }
            Ending::Declined(format!("the director called ({})", resend.number))
        });
        let zoom = client(&server).with_retry(policy);
        server.answer(limited("30"));
        checked.store(0, Ordering::SeqCst);
        let started = tokio::time::Instant::now();
        let outcome = start(&zoom, 84_900_000_000 + after.unwrap_or_default()).await;
        assert_eq!(started.elapsed().as_secs(), if is_declined { 10 } else { 30 });
        assert_eq!(checked.load(Ordering::SeqCst), usize::from(!is_declined));
        match outcome {
            Ok(()) => assert!(!is_declined),
            Err(error) => {
                assert!(error.is_retry_declined() && is_declined, "{error}");
                let words = "It was not sent again because the director called (1)";
                assert!(error.to_string().contains(words), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn an_event_is_repeated_only_until_it_is_acknowledged() {
    let (server, endpoint) = (server().await, Endpoint::start(2).await);
    let repeats = [Duration::from_millis(20); 5];
    let webhook = endpoint.webhook().delays([Duration::ZERO]).repeats(repeats);
    server.send_events_to(webhook).await.expect("a valid endpoint");
    start(&client(&server), MEETING).await.expect("204");
    endpoint.until(3).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(endpoint.names(), ["meeting.live_streaming_started"; 3], "refused twice, then acknowledged");
    let (state, _) = endpoint.streams.state(meeting()).expect("known");
    assert_eq!(state, StreamState::Running);
}

#[tokio::test]
async fn events_that_arrive_twice_and_in_the_wrong_order_leave_the_latest_state() {
    let (server, endpoint) = (server().await, Endpoint::start(0).await);
    let (late, soon) = (Duration::from_millis(300), Duration::ZERO);
    let webhook = endpoint.webhook().copies(2).delays([late, late, soon, soon]);
    server.send_events_to(webhook).await.expect("a valid endpoint");
    configure(&client(&server)).await.expect("204");
    start(&client(&server), MEETING).await.expect("204");
    stop(&client(&server)).await.expect("204");
    endpoint.until(4).await;
    let (stopped, started) = ("meeting.live_streaming_stopped", "meeting.live_streaming_started");
    assert_eq!(endpoint.names(), [stopped, stopped, started, started]);
    let (state, _) = endpoint.streams.state(meeting()).expect("known");
    assert_eq!(state, StreamState::Stopped);
    let events = endpoint.events.lock().expect("events");
    let Event::MeetingLiveStreamingStarted(started) = &events[2] else { panic!("{:?}", events[2]) };
    let streaming = started.payload.object.live_streaming.as_ref().expect("live_streaming");
    let settings = streaming.custom_live_streaming_settings.as_ref().expect("settings");
    assert_eq!(settings.stream_key.as_ref().map(|key| key.expose()), Some(STREAM_KEY));
    assert_eq!(secret_in(&format!("{events:?}")), None);
}

#[tokio::test]
async fn only_accepted_calls_send_events_and_each_goes_to_one_instance() {
    let server = server().await;
    let instances = [Endpoint::start(0).await, Endpoint::start(0).await];
    let other = format!("http://{}/zoom", instances[1].server.address);
    let webhook = instances[0].webhook().and_url(other).delays([Duration::ZERO]);
    server.send_events_to(webhook).await.expect("two valid endpoints");
    let zoom = client(&server).with_retry(RetryPolicy::never());
    for number in 0..20 {
        start(&zoom, 84_900_000_000 + number).await.expect("204");
        start(&zoom, 84_900_000_000 + number).await.expect_err("429");
    }
    call(&zoom, "updateWebinarLiveStreamStatus").await.expect("204, without an event");
    let ids = || -> Vec<u64> {
        let of = |instance: &Endpoint| {
            let events = instance.events.lock().expect("events");
            events.iter().filter_map(Event::stream_state).map(|(id, ..)| id.get()).collect::<Vec<_>>()
        };
        instances.iter().flat_map(of).collect()
    };
    until("an event for each start", || ids().len() >= 20).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((ids().len(), ids().into_iter().collect::<HashSet<_>>().len()), (20, 20));
    assert!(
        instances.iter().all(|instance| !instance.names().is_empty()),
        "one instance got no event, which happens by chance once in half a million runs"
    );
}

#[tokio::test]
async fn in_a_burst_no_event_is_from_the_future() {
    let (server, endpoint) = (server().await, Endpoint::start(0).await);
    server.send_events_to(endpoint.webhook().delays([Duration::ZERO])).await.expect("a valid endpoint");
    let zoom = client(&server);
    let mut starts = JoinSet::new();
    for number in 0..300 {
        let zoom = zoom.clone();
        starts.spawn(async move {
            start(&zoom, 84_900_000_000 + number).await.expect("204");
            (84_900_000_000 + number, SystemTime::now())
        });
    }
    let accepted: HashMap<_, _> = starts.join_all().await.into_iter().collect();
    endpoint.until(accepted.len()).await;
    for event in &*endpoint.events.lock().expect("events") {
        let (meeting, _, at) = event.stream_state().expect("a start");
        assert!(at <= accepted[&meeting.get()], "{at:?}, but accepted by {:?}", accepted[&meeting.get()]);
    }
}

#[tokio::test]
async fn an_endpoint_that_fails_the_challenge_gets_no_events() {
    let (server, endpoint) = (server().await, Endpoint::start(0).await);
    let url = format!("http://{}/zoom", endpoint.server.address);
    for answer in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
    ] {
        let broken = RawServer::start(move |mut stream, _| async move {
            read_request(&mut stream).await.expect("a request");
            stream.write_all(answer.as_bytes()).await.expect("an answer");
        });
        let broken = broken.await;
        let webhook = Webhook::new(format!("http://{}/", broken.address), SECRET_TOKEN).and_url(&url);
        let error = server.send_events_to(webhook).await.expect_err(answer);
        assert!(error.to_string().contains("it answered the challenge with HTTP"), "{error}");
    }
    let closed = Webhook::new("http://127.0.0.1:1/", SECRET_TOKEN);
    assert_eq!(secret_in(&format!("{closed:?}")), None);
    server.send_events_to(closed).await.expect_err("a closed port");
    start(&builder(&server).build().expect("a client"), MEETING).await.expect("204");
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(endpoint.names(), Vec::<String>::new());
}

/// The event in a body that is signed as Zoom does, and sent at this time.
fn verified(body: &Value, sent: u64) -> Event {
    let (body, timestamp) = (body.to_string(), sent.to_string());
    let signature = Hmac::<Sha256>::new_from_slice(SECRET_TOKEN.as_bytes()).expect("a key");
    let signature = signature.chain_update(format!("v0:{timestamp}:{body}")).finalize().into_bytes();
    let signature = signature.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (signature, now) = (format!("v0={signature}"), SystemTime::UNIX_EPOCH + Duration::from_secs(sent));
    let event = Verifier::new(SECRET_TOKEN).verify_at(body.as_bytes(), Some(&signature), Some(&timestamp), now);
    event.expect("an event")
}

/// Whole seconds, so that they fit into the header.
fn unix() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().expect("a time after 1970").as_secs()
}

const STARTED: &str = "meeting.live_streaming_started";
const STOPPED: &str = "meeting.live_streaming_stopped";
const CUSTOM: Option<&str> = Some("Custom_Live_Streaming_Service");

#[test]
fn with_another_service_or_a_new_session_the_custom_stream_is_not_running() {
    let now = unix();
    let ago = |name: &str, seconds: u64, service: Option<&str>| {
        let live_streaming = service.map(|service| json!({ "service": service }));
        let object = json!({ "id": MEETING.to_string(), "live_streaming": live_streaming });
        let sent = now - seconds;
        verified(&json!({ "event": name, "event_ts": sent * 1000, "payload": { "object": object } }), sent)
    };
    for event in [
        ago(STARTED, 10, Some("YouTube")),
        ago(STOPPED, 10, Some("YouTube")),
        ago(STOPPED, 10, CUSTOM),
        ago("meeting.started", 10, None),
        ago("meeting.ended", 10, None),
    ] {
        let streams = LiveStreams::new();
        assert!(streams.record(&ago(STARTED, 20, CUSTOM)) && streams.record(&event), "{event:?}");
        let state = streams.state(meeting()).map(|(state, _)| state);
        assert_eq!(state, Some(StreamState::Stopped), "{event:?}");
        // What Zoom sends again, or late, changes nothing.
        assert!(!streams.record(&ago(STARTED, 20, CUSTOM)) && !streams.record(&event), "{event:?}");
        assert!(!streams.record(&ago(STARTED, 10, CUSTOM)), "at the same time, the stop wins");
        assert!(streams.record(&ago(STARTED, 5, None)), "no service is named");
        assert!(!streams.record(&event), "{event:?}");
        let state = streams.state(meeting()).map(|(state, _)| state);
        assert_eq!(state, Some(StreamState::Running), "{event:?}");
    }
}

#[test]
fn an_event_without_a_time_gets_that_of_its_request() {
    let now = unix();
    let body = json!({ "event": "meeting.ended", "payload": { "object": { "id": MEETING } } });
    let event = verified(&body, now);
    let sent = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
    assert_eq!(event.stream_state(), Some((meeting(), StreamState::Stopped, sent)));
    let Event::MeetingEnded(ended) = &event else { panic!("{event:?}") };
    assert_eq!(ended.event_ts, Some(now as i64 * 1000));
    let streams = LiveStreams::new();
    streams.tell(meeting(), StreamState::Running, sent - Duration::from_secs(1));
    assert!(streams.record(&event));
    assert_eq!(streams.state(meeting()), Some((StreamState::Stopped, sent)));
}

#[test]
fn a_webinars_events_have_types_and_say_nothing_about_a_stream() {
    let object = json!({ "id": "84912345678", "host_id": "h", "practice_session": true, "new": [1] });
    for name in ["webinar.started", "webinar.ended"] {
        let body = json!({ "event": name, "event_ts": 7, "payload": { "account_id": "a", "object": object } });
        let event = verified(&body, unix());
        assert_eq!((event.name(), event.stream_state()), (name, None));
        let (Event::WebinarStarted(webinar) | Event::WebinarEnded(webinar)) = event else { panic!("{event:?}") };
        let Payload { account_id, object, .. } = &webinar.payload;
        assert_eq!((account_id.as_deref(), object.id.get()), (Some("a"), 84912345678));
        assert_eq!((object.practice_session, &object.extra["new"]), (Some(true), &json!([1]).into()));
    }
    let payload = json!({ "event_ts": "2024-09-08 15:58:40" });
    let event = verified(&json!({ "event": "app_deauthorized", "payload": payload }), unix());
    let Event::Other(other) = event else { panic!("{event:?}") };
    assert_eq!((other.event_ts, &other.flaw), (None, &None));
}

#[test]
fn streams_are_believed_and_kept_for_a_time_and_a_hundred_thousand_of_them() {
    let id = |number: u64| MeetingId::try_from(number).expect("an ID");
    let (running, stopped) = (StreamState::Running, StreamState::Stopped);
    let now = SystemTime::now();
    let ago = |hours: u64, seconds| now - Duration::from_secs(hours * 3600 + seconds);
    let streams = LiveStreams::new();
    assert!(!streams.tell(id(1), running, ago(30, 1)), "too old to be believed");
    assert!(streams.tell(id(1), running, ago(29, 3500)));
    assert!(!streams.tell(id(2), stopped, ago(24, 1)), "ended too long ago");
    assert!(streams.tell(id(2), stopped, ago(23, 3500)));
    for number in 3..=100_000 {
        assert!(streams.tell(id(number), running, now));
    }
    assert!(!streams.tell(id(100_001), stopped, ago(23, 3510)), "forgotten at once, and so not known");
    assert_eq!((streams.state(id(2)).is_some(), streams.state(id(100_001))), (true, None));
    assert!(streams.tell(id(100_001), running, now), "instead of what ended longest ago");
    assert_eq!((streams.state(id(2)), streams.state(id(100_001)).is_some()), (None, true));
}

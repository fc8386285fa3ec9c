//! Events over real sockets: what the mock server sends, and which waits that ends.

use std::collections::HashSet;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use tokio::io::AsyncWriteExt;
use zoom_livestream::events::{Event, LiveStreams, StreamState, Verifier};
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

fn answered(
    request: &str,
    streams: &LiveStreams,
    events: &Mutex<Vec<Event>>,
    refusals: &AtomicUsize,
) -> String {
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
            match is_refused() {
                true => "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned(),
                false => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
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
async fn a_start_that_waits_thirty_seconds_ends_as_soon_as_the_streams_event_arrives() {
    let (server, endpoint) = (server().await, Endpoint::start(0).await);
    let webhook = endpoint.webhook().delays([Duration::from_millis(600)]);
    server.send_events_to(webhook).await.expect("a valid endpoint");
    let zoom = endpoint.client(&server);
    start(&zoom, MEETING).await.expect("204");
    let started = Instant::now();
    let error = start(&zoom, MEETING).await.expect_err("429, then the event");
    let took = started.elapsed();
    assert!(took > Duration::from_millis(300) && took < Duration::from_secs(10), "{took:?}");
    assert!(error.is_retry_declined() && error.is_rate_limited(), "{error}");
    assert_eq!((server.request_count(), error.attempts()), (2, 1));
    let (state, since) = endpoint.streams.state(meeting()).expect("known");
    assert_eq!(state, StreamState::Running);
    let since = humantime::format_rfc3339_seconds(since);
    let words = format!(
        "It was not sent again because the stream of meeting {MEETING} has been running since {since}"
    );
    assert!(error.to_string().contains(&words), "{error}");
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
    let error = start(&zoom, MEETING).await.expect_err("429");
    assert!(error.is_retry_declined(), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(notified.load(Ordering::SeqCst), 0, "no wait was started");
}

#[tokio::test]
async fn after_a_stop_a_start_is_declined_until_the_stop_is_recorded_or_its_event_arrives() {
    let server = server().await;
    let streams = LiveStreams::new();
    streams.tell(meeting(), StreamState::Running, SystemTime::now() - Duration::from_secs(1));
    let zoom = client(&server).with_retry(RetryPolicy::default().unless(streams.satisfied()));
    let sent = SystemTime::now();
    stop(&zoom).await.expect("204");
    server.answer(limited("1"));
    let error = start(&zoom, MEETING).await.expect_err("the stream still counts as running");
    assert!(error.is_retry_declined(), "{error}");

    assert!(streams.tell(meeting(), StreamState::Stopped, sent));
    server.answer(limited("1"));
    start(&zoom, MEETING).await.expect("204 after the wait");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_stop_ends_once_the_stream_has_stopped_and_other_calls_go_on() {
    let server = server().await;
    let streams = LiveStreams::new();
    let zoom = client(&server).with_retry(RetryPolicy::default().unless(streams.satisfied()));
    let now = SystemTime::now();
    let earlier = now - Duration::from_millis(1);
    for (state, at) in [(StreamState::Running, earlier), (StreamState::Stopped, now)] {
        streams.tell(meeting(), state, at);
        let is_stopped = state == StreamState::Stopped;
        server.answer(limited("30"));
        let outcome = stop(&zoom).await;
        assert_eq!(
            outcome.as_ref().is_err_and(Error::is_retry_declined),
            is_stopped,
            "{state:?} {outcome:?}"
        );
        if let Err(error) = outcome {
            let words = format!("the stream of meeting {MEETING} was stopped at");
            assert!(error.to_string().contains(&words), "{error}");
        }
        // A webinar with the same ID is not the meeting, and a configuration is always wanted.
        for operation_id in
            ["updateMeetingLiveStream", "updateWebinarLiveStreamStatus", "getMeetingLiveStreamDetails"]
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

#[test]
fn believe_for_keep_ended_and_max_meetings_are_honored() {
    let id = |number: u64| MeetingId::try_from(number).expect("an ID");
    let (running, stopped) = (StreamState::Running, StreamState::Stopped);
    let ago = |seconds| SystemTime::now() - Duration::from_secs(seconds);
    let streams = LiveStreams::new().believe_for(Duration::from_secs(600));
    assert!(!streams.tell(id(1), running, ago(601)), "too old to be believed");
    assert!(streams.tell(id(1), running, ago(500)));
    let streams = LiveStreams::new().keep_ended(Duration::from_secs(600));
    assert!(!streams.tell(id(1), stopped, ago(601)), "ended too long ago");
    assert!(streams.tell(id(1), stopped, ago(500)));
    let streams = LiveStreams::new().max_meetings(1);
    assert!(streams.tell(id(1), running, ago(2)) && streams.tell(id(2), running, ago(1)));
    assert_eq!((streams.state(id(1)), streams.state(id(2)).is_some()), (None, true));
}

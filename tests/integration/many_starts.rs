//! `examples/many_starts.rs`: what happens to its calls when it shuts down.

use std::future::pending;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use zoom_livestream::MeetingId;
use zoom_livestream::mock::{Answer, MockServer};

use crate::support::{client, start};

#[path = "../../examples/many_starts.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod example;

use example::{Count, start_all};

fn meetings(count: u64) -> Vec<MeetingId> {
    (1..=count).map(|number| MeetingId::try_from(84_000_000_000 + number).expect("an ID")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_starts_all_succeed_if_nothing_stops_them() {
    let server = MockServer::builder().requests_per_second(20).start().await.expect("a server");
    let count = start_all(&client(&server), meetings(100), pending(), |_| ()).await;
    assert_eq!(count, Count { started: 100, ..Count::default() });
}

#[tokio::test(start_paused = true)]
async fn on_ctrl_c_waits_end_requests_are_answered_and_nothing_is_begun() {
    let server = MockServer::start().await.expect("a server");
    let zoom = client(&server);
    // Ten were started just now, so that they have to wait. Five are answered only after the signal.
    for meeting in &meetings(10) {
        start(&zoom, meeting.get()).await.expect("204");
    }
    for meeting in &meetings(15)[10..] {
        let path = format!("/meetings/{meeting}/livestream/status");
        server.answer_for(path, Answer::status(204).delay(Duration::from_secs(4)));
    }
    server.clear();
    let begun = Instant::now();
    let (ended_early, signalled) = oneshot::channel();
    let signal = async {
        sleep(Duration::from_secs(2)).await;
        let _ = ended_early.send(server.request_count());
    };
    let count = start_all(&zoom, meetings(15), signal, |_| ()).await;
    assert_eq!(count, Count { started: 5, given_up: 10, ..Count::default() });
    assert!(begun.elapsed() < Duration::from_secs(10), "a wait takes 30 s");
    let before = signalled.await.expect("the signal came");
    assert_eq!((before, server.request_count()), (15, 15), "nothing is sent after the signal");
}

#[tokio::test(start_paused = true)]
async fn after_ctrl_c_what_was_not_begun_is_still_to_go() {
    let server = MockServer::start().await.expect("a server");
    server.answer_always(Answer::status(204).delay(Duration::from_secs(1)));
    let count = start_all(&client(&server), meetings(100), sleep(Duration::from_millis(500)), |_| ()).await;
    assert_eq!(count, Count { started: 50, to_go: 50, ..Count::default() });
}

//! 429 through real sockets.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::{Client, ErrorKind, Resend, RetryPolicy};

use crate::support::{MEETING, builder, client, start};

async fn server() -> MockServer {
    MockServer::start().await.expect("the mock server")
}

fn limited(seconds: &str) -> Answer {
    Answer::error(429, 429, "Too many requests.").header("retry-after", seconds)
}

#[tokio::test]
async fn a_429_is_waited_out_and_the_call_ends_in_204() {
    let server =
        MockServer::builder().cool_down(Duration::from_secs(2)).start().await.expect("the mock server");
    let seen: Arc<Mutex<Vec<Resend>>> = Arc::default();
    let notes = seen.clone();
    let policy =
        RetryPolicy::default().notify(move |resend| notes.lock().expect("notes").push(resend.clone()));
    let zoom = client(&server).with_retry(policy);
    start(&zoom, MEETING).await.expect("204");
    let started = Instant::now();
    start(&zoom, MEETING).await.expect("204 after a wait");
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    let statuses: Vec<_> = server.requests().iter().map(|received| received.status).collect();
    assert_eq!(statuses, [Some(204), Some(429), Some(204)]);
    let seen = seen.lock().expect("notes");
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].operation_id, seen[0].number), ("updateMeetingLiveStreamStatus", 1));
    assert_eq!(seen[0].path, format!("/v2/meetings/{MEETING}/livestream/status"));
    assert_eq!(seen[0].wait, Duration::from_secs(2));
    assert!(seen[0].at < SystemTime::now());
}

#[tokio::test]
async fn a_429_without_headers_asks_for_the_thirty_seconds_of_the_description() {
    let server = server().await;
    start(&client(&server), MEETING).await.expect("204");
    let zoom = client(&server).with_retry(RetryPolicy::never());
    let error = start(&zoom, MEETING).await.expect_err("a second start within the cool-down");
    assert!(error.is_rate_limited());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    assert!(error.to_string().contains("wait for 30 s"), "{error}");
}

#[tokio::test]
async fn a_wait_longer_than_max_wait_or_past_the_deadline_is_not_started() {
    let server = server().await;
    let started = Instant::now();
    for (policy, words) in [
        (RetryPolicy::default(), "longer than the retry policy's `max_wait`"),
        (RetryPolicy::default().max_wait(Duration::MAX), "after the call's deadline"),
        (RetryPolicy::never(), "allows no more retries"),
    ] {
        server.answer(limited("400"));
        let error = start(&client(&server).with_retry(policy), MEETING).await.expect_err("at once");
        assert_eq!((error.attempts(), error.retry_after()), (1, Some(Duration::from_secs(400))));
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_daily_limit_is_returned_with_the_instant_it_ends() {
    let server = server().await;
    let ends = "2099-05-31T00:00:00Z";
    server.answer(Answer::status(429).header("x-ratelimit-type", "Daily-limit").header("retry-after", ends));
    let error = start(&client(&server), MEETING).await.expect_err("a daily limit");
    let instant = std::time::UNIX_EPOCH + Duration::from_secs(4_083_868_800);
    assert_eq!(error.retry_at(), Some(instant));
    assert!(
        error.to_string().contains("daily limit is used up; it resets at 2099-05-31T00:00:00Z"),
        "{error}"
    );
    assert_eq!(server.request_count(), 1);
}

#[tokio::test]
async fn at_most_three_retries_are_made() {
    let server = server().await;
    server.answer_always(limited("1"));
    let error = start(&client(&server), MEETING).await.expect_err("always limited");
    assert_eq!(error.attempts(), 4);
    assert_eq!(server.request_count(), 4);
    assert!(error.elapsed() >= Duration::from_secs(3));
}

#[tokio::test]
async fn the_check_is_called_before_each_resend_and_false_ends_the_call() {
    let server = server().await;
    server.answer_always(limited("1"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = asked.clone();
    let policy = RetryPolicy::default().check(move |resend| {
        notes.lock().expect("notes").push((resend.number, resend.wait, resend.path));
        let wanted = resend.number < 2;
        async move { wanted }
    });
    let error = start(&client(&server).with_retry(policy), MEETING).await.expect_err("no longer wanted");
    assert!(error.is_retry_declined() && error.is_rate_limited());
    assert!(error.to_string().contains("the retry policy's `check` declined"), "{error}");
    assert_eq!(error.attempts(), 2);
    let path = format!("/v2/meetings/{MEETING}/livestream/status");
    let second = Duration::from_secs(1);
    assert_eq!(*asked.lock().expect("notes"), [(1, second, path.clone()), (2, second, path)]);
}

#[tokio::test]
async fn an_attempt_ends_at_the_deadline_when_that_comes_before_its_timeout() {
    let server = server().await;
    server.answer(Answer::hang());
    let zoom = client(&server).with_call_timeout(Duration::from_millis(300));
    let error = start(&zoom, MEETING).await.expect_err("no answer");
    assert!(error.is_timeout() && error.may_have_been_sent());
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.elapsed() < Duration::from_secs(10));

    server.answer(Answer::hang());
    let zoom = builder(&server).attempt_timeout(Duration::from_millis(300)).build().expect("a client");
    let error = start(&zoom, MEETING).await.expect_err("no answer");
    assert!(error.is_timeout());
    assert_eq!(error.attempts(), 1, "what may have reached Zoom is not sent again");
}

#[tokio::test]
async fn no_connection_is_held_while_a_call_waits() {
    let server = server().await;
    server.answer(limited("2").body(vec![b' '; 32 * 1024]));
    // One connection at a time: the second call succeeds only if the first one's is free again.
    let zoom = builder(&server).http(|http| http.pool_max_idle_per_host(1)).build().expect("a client");
    let first = tokio::spawn({
        let zoom = zoom.clone();
        async move { start(&zoom, MEETING).await }
    });
    while server.request_count() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    start(&zoom, MEETING + 1).await.expect("204");
    first.await.expect("joined").expect("204");
    let ports: std::collections::HashSet<_> =
        server.requests().iter().map(|received| received.peer).collect();
    assert_eq!(ports.len(), 1, "all three requests shared one connection");
}

#[test]
fn a_call_is_send_and_a_client_is_send_sync_and_cheap_to_clone() {
    fn send<T: Send>(_: &T) {}
    fn send_sync<T: Send + Sync + Clone + 'static>() {}
    send_sync::<Client>();
    let zoom =
        Client::builder().access_token("t").base_url("http://127.0.0.1:9/v2").build().expect("a client");
    let call = zoom.update_meeting_live_stream_status().meeting_id(1).into_future();
    send(&call);
}

#[tokio::test]
async fn no_429_can_cause_a_panic_or_a_meaningless_wait_in_the_sentence() {
    let server = server().await;
    let daily = |after| [("x-ratelimit-type", "Daily-limit"), ("retry-after", after)];
    let plain = |after| [("x-request", "1"), ("retry-after", after)];
    for (headers, words) in [
        (daily("999999999999"), "daily limit is used up; it resets at a time after the year 9999"),
        (daily("18446744073709551615"), "daily limit is used up; it resets at a time after the year 9999"),
        (daily("9999-12-31T23:59:59Z"), "daily limit is used up; it resets at 9999-12-31T23:59:59Z"),
        (daily("later"), "daily limit is used up; it resets at 2"),
        (plain("601"), "Zoom asks you to wait until 2"),
        (plain("2797743"), "Zoom asks you to wait until 2"),
        (plain("999999999999"), "Zoom asks you to wait until a time after the year 9999"),
        (plain("18446744073709551615"), "Zoom asks you to wait until a time after the year 9999"),
        (plain("Fri, 31 Dec 9999 23:59:59 GMT"), "Zoom asks you to wait until 9999-12-31T23:59:59Z"),
    ] {
        let answer =
            headers.iter().fold(Answer::status(429), |answer, (name, value)| answer.header(*name, *value));
        server.answer(answer);
        let error = start(&client(&server), MEETING).await.expect_err("at once");
        assert!(error.to_string().contains(words), "{headers:?}: {error}");
        assert!(!error.to_string().contains("0000000"), "{error}");
    }
}

#[tokio::test]
async fn a_clock_that_is_off_by_ten_minutes_does_not_change_a_wait() {
    let server = server().await;
    let zoom = client(&server).with_retry(RetryPolicy::never());
    for skew in [-600_i64, 600] {
        let theirs = SystemTime::now();
        let theirs =
            if skew < 0 { theirs - Duration::from_secs(600) } else { theirs + Duration::from_secs(600) };
        let (date, until) = (httpdate::fmt_http_date(theirs), theirs + Duration::from_secs(30));
        let answer = Answer::status(429).header("retry-after", httpdate::fmt_http_date(until));
        server.answer(answer.header("date", date));
        let error = start(&zoom, MEETING).await.expect_err("limited");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(30)), "{skew}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_refused_together_by_a_per_second_limit_all_succeed_within_their_deadline() {
    let server = MockServer::builder().requests_per_second(10).start().await.expect("the mock server");
    let zoom = client(&server);
    let calls: Vec<_> = (0..60)
        .map(|number| {
            let zoom = zoom.clone();
            tokio::spawn(async move { start(&zoom, MEETING + number).await })
        })
        .collect();
    for call in calls {
        call.await.expect("joined").expect("204");
    }
    let started = server.requests().iter().filter(|received| received.status == Some(204)).count();
    assert_eq!(started, 60, "each exactly once");

    let never = zoom.with_retry(RetryPolicy::never());
    let refused = refused_of(&never, 20).await;
    assert!(refused >= 10, "`never` waits for nothing: {refused} of 20 were refused");
}

/// How many of `calls` simultaneous calls are refused.
async fn refused_of(zoom: &Client, calls: u64) -> usize {
    let calls: Vec<_> = (0..calls)
        .map(|number| {
            let zoom = zoom.clone();
            tokio::spawn(async move { start(&zoom, MEETING + 1_000 + number).await })
        })
        .collect();
    let mut refused = 0;
    for call in calls {
        refused += usize::from(call.await.expect("joined").is_err());
    }
    refused
}

#[tokio::test]
async fn the_error_names_a_check_that_outlasts_the_deadline() {
    let server = server().await;
    server.answer_always(limited("1"));
    let policy = RetryPolicy::default().check(|_| std::future::pending());
    let zoom = client(&server).with_retry(policy).with_call_timeout(Duration::from_secs(2));
    let error = start(&zoom, MEETING).await.expect_err("the deadline");
    assert!(error.to_string().contains("`check` did not answer before the call's deadline"), "{error}");
    assert!(error.is_rate_limited() && !error.is_retry_declined());
    assert!(error.elapsed() < Duration::from_secs(10), "{:?}", error.elapsed());
}

#[tokio::test]
async fn the_documented_check_declines_a_start_and_lets_everything_else_through() {
    let server = server().await;
    // As in the documentation, while the stream is running.
    let policy = RetryPolicy::default().check(|resend| async move {
        assert_eq!(resend.meeting_id().map(zoom_livestream::MeetingId::get), Some(MEETING));
        assert_eq!(resend.webinar_id(), None);
        assert_eq!(resend.field("stream_key"), None, "a secret");
        resend.field("action") != Some("start")
    });
    let zoom = client(&server).with_retry(policy);
    for refusals in 0..3 {
        server.answer(limited("1"));
        let result = match refusals {
            0 => start(&zoom, MEETING).await,
            1 => zoom.update_meeting_live_stream_status().meeting_id(MEETING).action("stop").await,
            _ => crate::support::configure(&zoom).await,
        };
        assert_eq!(result.is_ok(), refusals > 0, "{result:?}");
    }
    let statuses: Vec<_> = server.requests().iter().map(|received| received.status).collect();
    assert_eq!(statuses, [429, 429, 204, 429, 204].map(Some));
}

#[tokio::test]
async fn an_answer_of_four_mebibytes_is_accepted_and_one_byte_more_is_refused() {
    let server = server().await;
    let zoom = client(&server);
    for (size, is_accepted) in [(4 << 20, true), ((4 << 20) + 1, false)] {
        // White space after the value is valid JSON.
        let mut body = br#"{"page_url": "https://live.example.com/watch"}"#.to_vec();
        body.resize(size, b' ');
        server.answer(Answer::status(200).header("content-type", "application/json").body(body));
        let details = zoom.get_meeting_live_stream_details().meeting_id(MEETING).await;
        assert_eq!(details.is_ok(), is_accepted, "{size} bytes");
        if let Err(error) = details {
            assert!(error.to_string().contains("its body is too long"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_call_whose_deadline_has_passed_sends_nothing() {
    let server = server().await;
    let zoom = client(&server).with_call_timeout(Duration::ZERO);
    let error = start(&zoom, MEETING).await.expect_err("no time");
    assert!(error.is_timeout() && !error.may_have_been_sent(), "{error}");
    assert_eq!((error.attempts(), server.request_count()), (0, 0));
    assert!(error.to_string().contains("the call's deadline passed before the request was sent"), "{error}");
}

#[tokio::test]
async fn the_longest_deadline_does_not_panic() {
    let server = server().await;
    start(&client(&server).with_call_timeout(Duration::MAX), MEETING).await.expect("204");
}

#[tokio::test(start_paused = true)]
async fn each_retry_after_a_per_second_limit_has_its_number() {
    let server = server().await;
    for _ in 0..2 {
        server.answer(Answer::status(429).header("x-ratelimit-type", "QPS"));
    }
    let seen: Arc<Mutex<Vec<u32>>> = Arc::default();
    let notes = seen.clone();
    let policy =
        RetryPolicy::default().notify(move |resend| notes.lock().expect("notes").push(resend.number));
    start(&client(&server).with_retry(policy), MEETING).await.expect("204");
    assert_eq!(*seen.lock().expect("notes"), [1, 2]);
}

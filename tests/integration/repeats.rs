//! Which requests are sent again after a failure, and what an error says about the effect of a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::{Client, Ending, Error, RetryPolicy};

use crate::support::{MEETING, client, configure, start};

async fn server() -> MockServer {
    MockServer::builder().cool_down(Duration::ZERO).start().await.expect("the mock server")
}

async fn details(zoom: &Client) -> Result<(), Error> {
    zoom.get_meeting_live_stream_details().meeting_id(MEETING).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn after_a_gateways_failure_or_a_broken_connection_only_a_get_is_repeated() {
    let failures: [fn() -> Answer; 5] = [
        || Answer::status(502),
        || Answer::status(503).header("retry-after", "7"),
        || Answer::status(504),
        Answer::disconnect,
        || Answer::status(200).body(r#"{"stream_url": "rtmp://live.example.com"}"#).cut_off_after(5),
    ];
    for (number, failure) in failures.into_iter().enumerate() {
        let server = server().await;
        let zoom = client(&server);
        let started = tokio::time::Instant::now();
        server.answer(failure());
        server.answer(failure());
        details(&zoom).await.unwrap_or_else(|error| panic!("{number}: {error:?}"));
        assert_eq!(server.request_count(), 3, "{number}");
        let waited = started.elapsed().as_millis();
        assert!(if number == 1 { waited >= 14_000 } else { (1_250..5_000).contains(&waited) }, "{number}: {waited}");

        server.clear();
        (0..3).for_each(|_| server.answer(failure()));
        let error = details(&zoom).await.expect_err("a third failure");
        assert_eq!((error.attempts(), server.request_count()), (3, 3), "{number}: {error}");
        assert!(!error.may_have_taken_effect(), "a GET changes nothing");

        server.clear();
        server.answer(failure());
        let error = start(&zoom, MEETING).await.expect_err("a PATCH");
        assert_eq!((error.attempts(), server.request_count()), (1, 1), "{number}");
        assert!(error.may_have_taken_effect() && error.may_have_been_sent(), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateways_wait_is_not_longer_than_max_wait() {
    for (asked, max_wait, requests) in [
        (Some("86400"), 120, 1),
        (Some("Fri, 31 Dec 9999 23:59:59 GMT"), 120, 1),
        (Some("121"), 120, 1),
        (Some("120"), 120, 2),
        (Some("2"), 1, 1),
        (None, 0, 2),
    ] {
        let server = server().await;
        let gateways = Answer::status(503);
        server.answer(asked.map_or(gateways.clone(), |asked| gateways.header("retry-after", asked)));
        let policy = RetryPolicy::default().max_wait(Duration::from_secs(max_wait));
        let zoom = client(&server).with_call_timeout(None).with_retry(policy);
        let started = tokio::time::Instant::now();
        let answered = details(&zoom).await;
        assert_eq!(server.request_count(), requests, "{asked:?}: {answered:?}");
        let Err(error) = answered else { continue };
        assert!(started.elapsed() < Duration::from_secs(1), "{asked:?}: {:?}", started.elapsed());
        assert!(error.retry_after() > Some(Duration::from_secs(max_wait)) && error.is_transient(), "{error}");
    }
}

#[tokio::test]
async fn an_error_says_whether_the_call_may_have_had_an_effect_and_its_cause_may_pass() {
    let server = server().await;
    let zoom = client(&server).with_retry(RetryPolicy::never());
    for (answer, effect, transient) in [
        (Answer::error(400, 300, "No."), false, false),
        (Answer::error(404, 3001, "No."), false, false),
        (Answer::error(403, 403, "No."), false, false),
        (Answer::status(408), false, true),
        (Answer::error(429, 429, "No."), false, true),
        (Answer::error(500, 500, "No."), true, true),
        (Answer::status(502), true, true),
        (Answer::status(302), true, false),
        (Answer::error(200, 300, "No."), true, false),
        (Answer::disconnect(), true, true),
    ] {
        server.answer(answer);
        let error = configure(&zoom).await.expect_err("a failure");
        assert_eq!((error.may_have_taken_effect(), error.is_transient()), (effect, transient), "{error}");
        assert!(error.may_have_been_sent());
    }
    let refused = zoom.update_meeting_live_stream_status().await.expect_err("refused");
    assert!(!refused.may_have_taken_effect() && !refused.is_transient());
    let late = start(&zoom.with_call_timeout(Duration::ZERO), MEETING).await.expect_err("no time");
    assert!(!late.may_have_taken_effect() && late.is_transient());
}

#[tokio::test(start_paused = true)]
async fn unless_is_looked_at_while_check_runs() {
    let server = server().await;
    server.answer(Answer::error(429, 429, "Too many requests.").header("retry-after", "5"));
    let policy = RetryPolicy::default()
        .check(|_| async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            true
        })
        .unless(|_| async {
            tokio::time::sleep(Duration::from_secs(12)).await;
            Ending::Done
        });
    let started = tokio::time::Instant::now();
    start(&client(&server).with_retry(policy), MEETING).await.expect("done");
    assert_eq!((started.elapsed().as_secs(), server.request_count()), (12, 1));
}

#[tokio::test(start_paused = true)]
async fn unless_is_looked_at_while_a_resend_is_tried_again() {
    let server = server().await;
    server.answer(Answer::error(429, 429, "Too many requests.").header("retry-after", "5"));
    server.answer(Answer::status(503).header("retry-after", "20"));
    let policy = RetryPolicy::default().unless(|_| async {
        tokio::time::sleep(Duration::from_secs(12)).await;
        Ending::Declined("the event is over".to_owned())
    });
    let started = tokio::time::Instant::now();
    let call = client(&server).with_retry(policy).get_meeting_live_stream_details().meeting_id(MEETING);
    let error = call.await.expect_err("declined");
    assert!(error.is_retry_declined(), "{error}");
    assert_eq!((started.elapsed().as_secs(), server.request_count()), (12, 2));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_done_is_a_success_unless_it_returns_a_value() {
    let server = server().await;
    let limited = || Answer::error(429, 429, "Too many requests.").header("retry-after", "5");
    let zoom = client(&server).with_retry(RetryPolicy::default().unless(|_| async { Ending::Done }));
    server.answer(limited().header("x-zm-trackingid", "WEB_1"));
    let call = zoom.update_meeting_live_stream_status().meeting_id(MEETING);
    let done = call.action(zoom_livestream::update_meeting_live_stream_status::Action::Start).send().await;
    let done = done.expect("done");
    assert_eq!(done.status().map(|status| status.as_u16()), Some(429), "the last answer's");
    assert_eq!(done.tracking_id(), Some("WEB_1"));

    server.answer(limited());
    let error = details(&zoom).await.expect_err("no value");
    assert!(error.is_retry_declined() && error.to_string().contains("says that it is done"), "{error}");

    let declined = RetryPolicy::default().unless(|_| async { Ending::Declined("the day is over".to_owned()) });
    server.answer(limited());
    let error = start(&zoom.with_retry(declined), MEETING).await.expect_err("declined");
    assert!(error.is_retry_declined() && error.to_string().contains("because the day is over"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_policy_can_be_extended() {
    let server = server().await;
    let told = Arc::new(AtomicUsize::new(0));
    let count = told.clone();
    let zoom = client(&server).with_retry(RetryPolicy::default().max_retries(1));
    let extended = zoom.retry_policy().notify(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    (0..2).for_each(|_| server.answer(Answer::error(429, 429, "Too many.").header("retry-after", "1")));
    start(&zoom.with_retry(extended), MEETING).await.expect_err("one retry");
    assert_eq!((told.load(Ordering::SeqCst), server.request_count()), (1, 2));
}

//! How long connections are kept: pings on silent ones, and the idle timeout.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{copy, copy_bidirectional, sink};
use tokio::net::TcpStream;
use tokio::sync::watch;
use zoom_livestream::ClientBuilder;
use zoom_livestream::ErrorKind;
use zoom_livestream::mock::{Answer, MockServer};

use crate::support::{MEETING, RawServer, builder, start, until};

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);

/// A middlebox in front of the mock server. When it loses track of a connection, what is sent on it is still
/// acknowledged but goes nowhere.
struct Middlebox {
    zoom: MockServer,
    server: RawServer,
    silent: watch::Sender<usize>,
    closed: Arc<AtomicUsize>,
}

impl Middlebox {
    async fn start() -> Self {
        let zoom = MockServer::builder().cool_down(Duration::ZERO).start().await.expect("the mock server");
        let behind = zoom.base_url().trim_start_matches("http://").trim_end_matches("/v2").to_owned();
        let (silent, _) = watch::channel(0);
        let closed = Arc::new(AtomicUsize::new(0));
        let (watched, counted) = (silent.clone(), closed.clone());
        let server = RawServer::start(move |mut stream, number| {
            let (behind, mut silent, closed) = (behind.clone(), watched.subscribe(), counted.clone());
            async move {
                let mut zoom = TcpStream::connect(behind).await.expect("the mock server");
                let is_silent = tokio::select! {
                    _ = copy_bidirectional(&mut stream, &mut zoom) => false,
                    _ = silent.wait_for(|silent| number < *silent) => true,
                };
                if is_silent {
                    let _ = copy(&mut stream, &mut sink()).await;
                }
                closed.fetch_add(1, Ordering::SeqCst);
            }
        })
        .await;
        Self { zoom, server, silent, closed }
    }

    fn builder(&self) -> ClientBuilder {
        builder(&self.zoom).base_url(self.server.url())
    }

    /// Makes the existing connections fall silent.
    fn lose_track(&self) {
        self.silent.send_replace(self.server.connections());
    }

    fn closed(&self) -> usize {
        self.closed.load(Ordering::SeqCst)
    }
}

fn pinging(middlebox: &Middlebox) -> ClientBuilder {
    middlebox.builder().http(|http| {
        http.http2_prior_knowledge().http2_keep_alive_interval(SHORT).http2_keep_alive_timeout(SHORT)
    })
}

#[tokio::test]
async fn an_http2_connection_that_falls_silent_while_idle_does_not_fail_a_call() {
    let middlebox = Middlebox::start().await;
    let zoom = pinging(&middlebox).build().expect("a client");
    start(&zoom, MEETING).await.expect("204");
    middlebox.lose_track();
    until("the pings find the silent connection", || middlebox.closed() == 1).await;
    for _ in 0..7 {
        start(&zoom, MEETING).await.expect("204 on a new connection");
    }
    assert_eq!(middlebox.server.connections(), 2);
}

#[tokio::test]
async fn a_call_on_a_silent_http2_connection_ends_with_the_pings_and_the_next_succeeds() {
    let middlebox = Middlebox::start().await;
    let zoom = pinging(&middlebox).build().expect("a client");
    start(&zoom, MEETING).await.expect("204");
    middlebox.lose_track();
    let error = start(&zoom, MEETING).await.expect_err("silence");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 1), "{error}");
    assert!(error.may_have_been_sent());
    assert!(error.elapsed() < Duration::from_secs(10), "not the attempt's 30 s: {:?}", error.elapsed());
    start(&zoom, MEETING).await.expect("204 on a new connection");
    assert_eq!(middlebox.zoom.request_count(), 2);
}

#[tokio::test]
async fn a_slow_answer_on_a_connection_that_answers_pings_is_waited_for() {
    let middlebox = Middlebox::start().await;
    let zoom = pinging(&middlebox).build().expect("a client");
    middlebox.zoom.answer(Answer::status(204).delay(SHORT * 6));
    start(&zoom, MEETING).await.expect("204, after three pings");
    assert_eq!(middlebox.server.connections(), 1);
}

#[tokio::test]
async fn a_change_of_http_leaves_the_other_defaults_as_they_are() {
    type Change = fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder;
    for (what, change, closed) in [
        ("pings are off", (|http| http.http2_keep_alive_interval(None)) as Change, 0),
        ("only the interval is changed", |http| http.http2_keep_alive_interval(SHORT), 1),
    ] {
        let middlebox = Middlebox::start().await;
        let http = |http: reqwest::ClientBuilder| {
            change(http.http2_prior_knowledge()).http2_keep_alive_timeout(SHORT)
        };
        let zoom = middlebox.builder().http(http).build().expect("a client");
        start(&zoom, MEETING).await.expect("204");
        middlebox.lose_track();
        if closed > 0 {
            until(what, || middlebox.closed() == closed).await;
        }
        tokio::time::sleep(SHORT * 4).await;
        assert_eq!(middlebox.closed(), closed, "{what}");
    }
}

#[tokio::test]
async fn an_idle_connection_is_kept_as_long_as_http_says() {
    for (idle, connections) in [(None, 1), (Some(SHORT), 2), (Some(LONG), 1)] {
        let middlebox = Middlebox::start().await;
        let builder = match idle {
            Some(idle) => middlebox.builder().http(|http| http.pool_idle_timeout(idle)),
            None => middlebox.builder(),
        };
        let zoom = builder.build().expect("a client");
        start(&zoom, MEETING).await.expect("204");
        tokio::time::sleep(SHORT * 3).await;
        start(&zoom, MEETING).await.expect("204");
        assert_eq!(middlebox.server.connections(), connections, "{idle:?}");
    }
}

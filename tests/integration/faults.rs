//! Connections that break, answers that never end, calls that are dropped: what each call reports, and what is sent
//! again.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::{Client, Error, ErrorKind, RetryPolicy, ServerToServer};

use crate::support::{
    MEETING, RawServer, builder, builder_without_token, client, configure, read_request, start, watch_logs,
};

const KEPT: usize = 64 * 1024;

async fn server() -> MockServer {
    let server = MockServer::builder().cool_down(Duration::ZERO).start().await;
    server.expect("the mock server")
}

fn http1() -> reqwest::ClientBuilder {
    reqwest::ClientBuilder::new()
}

pub fn http2() -> reqwest::ClientBuilder {
    reqwest::ClientBuilder::new().http2_prior_knowledge()
}

fn status(error: &Error) -> Option<u16> {
    error.status().map(|status| status.as_u16())
}

/// A server that sends these bytes after each whole request and then closes the connection; counts the requests.
async fn answering(bytes: &'static str) -> (RawServer, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    let server = RawServer::start(move |mut stream, _| {
        let counted = counted.clone();
        async move {
            if read_request(&mut stream).await.is_some() {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(bytes.as_bytes()).await;
            }
        }
    })
    .await;
    (server, requests)
}

/// Long enough for anything that is sent again by mistake to arrive.
async fn a_while() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

pub fn closed_port() -> String {
    watch_logs();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}/v2", listener.local_addr().expect("an address"))
}

#[tokio::test]
async fn a_failed_connection_attempt_is_retried_twice_with_backoff() {
    let zoom = Client::builder().base_url(closed_port()).access_token("hidden-token").build().expect("a client");
    let error = start(&zoom, MEETING).await.expect_err("nothing listens");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 3));
    assert!(!error.may_have_been_sent());
    assert!(error.elapsed() >= Duration::from_millis(1250), "{:?}", error.elapsed());
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<reqwest::Error>());
    assert!(source.is_some_and(reqwest::Error::is_connect), "{source:?}");
}

#[tokio::test]
async fn a_connection_failure_that_a_retry_cannot_fix_is_not_retried() {
    watch_logs();
    // A host that does not exist (RFC 6761), and a proxy that wants a password.
    let unknown = Client::builder().base_url("https://zoom.invalid/v2").access_token("hidden-token").build();
    let proxy = RawServer::start(|mut stream, _| async move {
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let through = reqwest::Proxy::all(format!("http://{}", proxy.address)).expect("a proxy");
    let refused = Client::builder().base_url("https://api.zoom.us/v2").access_token("hidden-token");
    let refused = refused.http(|http| http.proxy(through)).build();
    for (zoom, words, attempts) in [
        // A resolver may be back at once.
        (unknown, "could not connect to zoom.invalid:443: its name cannot be resolved", 3),
        (refused, "could not connect to api.zoom.us:443: the proxy wants a password", 1),
    ] {
        let error = start(&zoom.expect("a client"), MEETING).await.expect_err("no connection");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, attempts), "{error:?}");
        assert_eq!(error.is_transient(), attempts > 1, "{error:?}");
        assert!(error.to_string().contains(words), "{error:?}");
        assert!(!error.may_have_been_sent());
    }
}

#[tokio::test]
async fn what_is_in_the_url_is_not_taken_for_the_cause() {
    let url = format!("{}/407/certificate/lookup", closed_port());
    let zoom = Client::builder().base_url(url).access_token("hidden-token").build().expect("a client");
    let error = start(&zoom, MEETING).await.expect_err("nothing listens");
    assert_eq!(error.attempts(), 3, "{error}");
}

#[cfg_attr(windows, ignore = "Windows tries a closed port for two seconds, longer than these deadlines")]
#[tokio::test]
async fn no_backoff_extends_past_the_deadline() {
    for (deadline, attempts) in [(100, 1), (600, 2)] {
        let zoom = Client::builder().base_url(closed_port()).access_token("hidden-token");
        let zoom = zoom.call_timeout(Duration::from_millis(deadline));
        let error = start(&zoom.build().expect("a client"), MEETING).await.expect_err("nothing listens");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, attempts));
        assert!(error.elapsed() < Duration::from_millis(deadline), "{:?}", error.elapsed());
    }
}

#[tokio::test]
async fn a_server_that_starts_late_gets_the_call_once() {
    watch_logs();
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let zoom = Client::builder().base_url(format!("http://{port}/v2")).access_token("hidden-token").build();
    let zoom = zoom.expect("a client");
    let call = tokio::spawn(async move { start(&zoom, MEETING).await });
    tokio::time::sleep(Duration::from_millis(600)).await;
    let listener = TcpListener::bind(port).await.expect("the same port");
    let server = RawServer::on(listener, |mut stream, _| async move {
        read_request(&mut stream).await.expect("a whole request");
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("sent");
    });
    call.await.expect("joined").expect("204 at the third attempt");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_status_other_than_429_is_not_resent_by_http_1_or_2() {
    for http in [http1 as fn() -> _, http2] {
        let server = server().await;
        let zoom = builder(&server).http(|_| http()).build().expect("a client");
        for (sent, code) in [400_u16, 403, 404, 408, 409, 421, 425, 500, 502, 503, 504].into_iter().enumerate() {
            server.answer(Answer::status(code).header("retry-after", "1"));
            let error = start(&zoom, MEETING).await.expect_err("refused");
            assert_eq!((error.kind(), status(&error), error.attempts()), (ErrorKind::Answered, Some(code), 1));
            assert!(error.may_have_been_sent());
            assert_eq!(server.request_count(), sent + 1, "{code}");
        }
    }
}

#[tokio::test]
async fn no_answer_in_time_is_not_resent_by_http_1_or_2() {
    for http in [http1 as fn() -> _, http2] {
        let server = server().await;
        let zoom = builder(&server).http(|_| http()).attempt_timeout(Duration::from_millis(300)).build();
        let zoom = zoom.expect("a client");
        server.answer(Answer::hang());
        let error = start(&zoom, MEETING).await.expect_err("no answer");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 1));
        assert!(error.is_timeout() && error.may_have_been_sent());
        a_while().await;
        assert_eq!(server.request_count(), 1);
        start(&zoom, MEETING).await.expect("204");
    }
}

#[tokio::test]
async fn a_connection_that_ends_without_an_answer_is_not_resent_by_http_1_or_2() {
    for http in [http1 as fn() -> _, http2] {
        let server = server().await;
        let zoom = builder(&server).http(|_| http()).build().expect("a client");
        start(&zoom, MEETING).await.expect("204, and a connection in the pool");
        server.answer(Answer::disconnect());
        let error = start(&zoom, MEETING).await.expect_err("no answer");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, 1));
        assert!(error.may_have_been_sent());
        a_while().await;
        assert_eq!(server.request_count(), 2);
    }
}

#[tokio::test]
async fn a_connection_killed_before_the_request_is_reported_and_not_resent() {
    let server = RawServer::start(|_, _| async {}).await;
    let error = start(&server.client(), MEETING).await.expect_err("killed");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, 1));
    assert!(error.may_have_been_sent(), "it is unknown how much was sent");
    a_while().await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_killed_during_the_request_is_reported_and_not_resent() {
    let server = RawServer::start(|mut stream: TcpStream, _| async move {
        // A connection that is closed with unread bytes is reset.
        let _ = stream.read(&mut [0; 40]).await;
    })
    .await;
    for call in 1..=2 {
        let error = configure(&server.client()).await.expect_err("killed");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, 1));
        assert!(error.may_have_been_sent());
        a_while().await;
        assert_eq!(server.connections(), call);
    }
}

#[tokio::test]
async fn a_connection_killed_after_the_request_is_reported_and_not_resent() {
    for bytes in
        ["", "HTTP/1.1 20", "HTTP/1.1 204 No Content\r\nx-zm-", "HTTP/1.1 100 Continue\r\n\r\n", "no HTTP\r\n\r\n"]
    {
        let (server, requests) = answering(bytes).await;
        let error = start(&server.client(), MEETING).await.expect_err("killed");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, 1), "{bytes:?}");
        assert!(error.may_have_been_sent());
        assert!(error.to_string().contains("may have reached Zoom"), "{error}");
        a_while().await;
        assert_eq!((requests.load(Ordering::SeqCst), server.connections()), (1, 1), "{bytes:?}");
    }
}

#[tokio::test]
async fn a_connection_killed_in_the_middle_of_the_answer_keeps_what_arrived() {
    for (bytes, code) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 99\r\nx-zm-trackingid: t1\r\n\r\n{\"code\":", 404),
        ("HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\nx-zm-trackingid: t1\r\n\r\n8\r\n{\"code\":\r\n", 500),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99\r\nx-zm-trackingid: t1\r\n\r\n{\"code\":", 200),
    ] {
        let (server, requests) = answering(bytes).await;
        let error = start(&server.client(), MEETING).await.expect_err("killed");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Answered, 1), "{bytes:?}");
        assert_eq!((status(&error), error.tracking_id()), (Some(code), Some("t1")));
        assert_eq!(error.body(), Some(&b"{\"code\":"[..]));
        assert!(error.may_have_been_sent());
        assert!(error.to_string().contains("its body was cut off"), "{error}");
        let source = std::error::Error::source(&error).expect("what cut it off");
        assert!(source.downcast_ref::<reqwest::Error>().is_some(), "{source:?}");
        a_while().await;
        assert_eq!(requests.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_429_that_is_cut_off_is_still_a_429() {
    let server = server().await;
    server.answer(Answer::error(429, 429, "Too many.").header("retry-after", "1").cut_off_after(5));
    start(&client(&server), MEETING).await.expect("204 after a second");
    assert_eq!(server.request_count(), 2);
}

#[tokio::test]
async fn an_idle_connection_that_the_server_closed_does_not_fail_the_next_call() {
    let server = RawServer::start(|mut stream, _| async move {
        read_request(&mut stream).await.expect("a whole request");
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("sent");
        tokio::time::sleep(Duration::from_millis(50)).await;
    })
    .await;
    let zoom = server.client();
    for calls in 1..=5 {
        start(&zoom, MEETING).await.expect("204");
        a_while().await;
        assert_eq!(server.connections(), calls);
    }
}

#[tokio::test]
async fn a_request_on_an_idle_connection_that_is_just_being_closed_is_not_sent_twice() {
    // Closed before the second request is read: it may have arrived, so it is an error and is not sent again.
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    let server = RawServer::start(move |mut stream, _| {
        let counted = counted.clone();
        async move {
            read_request(&mut stream).await.expect("a whole request");
            counted.fetch_add(1, Ordering::SeqCst);
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("sent");
            let _ = stream.peek(&mut [0]).await;
            counted.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let zoom = server.client();
    start(&zoom, MEETING).await.expect("204");
    let error = start(&zoom, MEETING).await.expect_err("killed");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, 1));
    assert!(error.may_have_been_sent());
    a_while().await;
    assert_eq!((requests.load(Ordering::SeqCst), server.connections()), (2, 1));
}

/// One frame of HTTP/2 (RFC 9113, section 4.1).
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// An HTTP/2 server that gives this answer to each HEADERS frame it gets, and counts them.
pub async fn http2_answering(answer: fn(u32) -> Vec<u8>) -> (RawServer, Arc<AtomicUsize>) {
    const PREFACE: usize = 24;
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    let server = RawServer::start(move |mut stream, _| {
        let counted = counted.clone();
        async move {
            let _ = stream.write_all(&frame(SETTINGS, 0, 0, &[])).await;
            let _ = stream.read_exact(&mut [0; PREFACE]).await;
            let mut head = [0; 9];
            while stream.read_exact(&mut head).await.is_ok() {
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
                let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                let mut payload = vec![0; length];
                if stream.read_exact(&mut payload).await.is_err() {
                    return;
                }
                let answer = match (head[3], head[4]) {
                    (SETTINGS, 0) => frame(SETTINGS, 1, 0, &[]),
                    (HEADERS, _) => {
                        counted.fetch_add(1, Ordering::SeqCst);
                        answer(id)
                    }
                    _ => continue,
                };
                let _ = stream.write_all(&answer).await;
            }
        }
    })
    .await;
    (server, requests)
}

#[tokio::test]
async fn what_http2_says_was_not_processed_is_sent_again_at_most_twice() {
    let refused_stream: fn(u32) -> Vec<u8> = |id| frame(3, 0, id, &7_u32.to_be_bytes());
    let go_away: fn(u32) -> Vec<u8> = |_| frame(7, 0, 0, &[0; 8]);
    for (what, answer) in [("REFUSED_STREAM", refused_stream), ("GOAWAY", go_away)] {
        let (server, requests) = http2_answering(answer).await;
        let zoom = server.builder().http(|_| http2()).build().expect("a client");
        let error = start(&zoom, MEETING).await.expect_err(what);
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, 1), "{what}");
        assert!(error.may_have_been_sent() && error.may_have_taken_effect(), "{what}");
        a_while().await;
        assert_eq!(requests.load(Ordering::SeqCst), 3, "{what}");
    }
}

/// Sends `head` and then `drop` again and again; counts the bytes that the client read.
async fn endless(head: &'static str, drop: Vec<u8>, pause: Duration) -> (RawServer, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = taken.clone();
    let server = RawServer::start(move |mut stream, _| {
        let (counted, drop) = (counted.clone(), drop.clone());
        async move {
            read_request(&mut stream).await;
            let mut next = stream.write_all(head.as_bytes()).await;
            while next.is_ok() {
                tokio::time::sleep(pause).await;
                next = stream.write_all(&drop).await;
                counted.fetch_add(drop.len(), Ordering::SeqCst);
            }
        }
    })
    .await;
    (server, taken)
}

fn chunk(length: usize) -> Vec<u8> {
    let mut chunk = format!("{length:x}\r\n").into_bytes();
    chunk.extend(vec![b'x'; length]);
    chunk.extend(b"\r\n");
    chunk
}

#[tokio::test]
async fn an_answer_that_trickles_in_ends_at_the_attempts_timeout() {
    for (head, kind) in [
        ("HTTP/1.1 400 Bad Request\r\ncontent-length: 9999\r\n\r\n", ErrorKind::Timeout),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", ErrorKind::Timeout),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", ErrorKind::Timeout),
        ("HTTP/1.1 200 OK\r\nx-long: ", ErrorKind::Timeout),
        ("", ErrorKind::Interrupted), // a line of x is not HTTP
    ] {
        let (server, _) = endless(head, b"x".to_vec(), Duration::from_millis(20)).await;
        let zoom = server.builder().attempt_timeout(Duration::from_millis(400)).build().expect("a client");
        let error = start(&zoom, MEETING).await.expect_err("never whole");
        assert_eq!((error.kind(), error.attempts()), (kind, 1), "{head:?}");
        assert_eq!(error.is_timeout(), kind == ErrorKind::Timeout, "{head:?}");
        assert!(error.may_have_been_sent());
        assert!(error.elapsed() < Duration::from_secs(5), "{head:?}: {:?}", error.elapsed());
        if error.status().is_some() {
            assert!(error.to_string().contains("did not arrive in time"), "{error}");
        }
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off_and_little_of_it_is_kept() {
    let enough = 32 << 20; // the limit of a success's body, plus the sockets' buffers, which systems let grow
    for (head, drop) in [
        ("HTTP/1.1 400 Bad Request\r\ntransfer-encoding: chunked\r\n\r\n", chunk(65_536)),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", vec![b'x'; 65_536]),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunk(65_536)),
        ("HTTP/1.1 200 OK\r\n\r\n", vec![b'x'; 65_536]),
        ("HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n", vec![b'x'; 65_536]),
    ] {
        let (server, taken) = endless(head, drop, Duration::ZERO).await;
        let error = start(&server.client(), MEETING).await.expect_err("never whole");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Answered, 1), "{head:?}");
        assert_eq!(error.body().map(|body| body.len()), Some(KEPT), "{head:?}");
        assert!(error.to_string().contains("too long"), "{error}");
        assert!(error.elapsed() < Duration::from_secs(10), "{head:?}: {:?}", error.elapsed());
        a_while().await;
        let taken = taken.load(Ordering::SeqCst);
        assert!(taken < enough, "{head:?}: {taken} bytes were read");
    }
}

#[tokio::test]
async fn endless_headers_are_cut_off() {
    for head in ["HTTP/1.1 200 OK\r\nx-long: ", "HTTP/1.1 204 No Content\r\n"] {
        let drop = if head.ends_with(": ") { vec![b'x'; 4096] } else { b"x-many: 1\r\n".repeat(400) };
        let (server, taken) = endless(head, drop, Duration::ZERO).await;
        let error = start(&server.client(), MEETING).await.expect_err("never whole");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, 1), "{head:?}");
        a_while().await;
        assert!(taken.load(Ordering::SeqCst) < 8 << 20);
    }
}

#[tokio::test]
async fn a_ten_megabyte_answer_is_an_error_that_keeps_64_kib_over_http_1_and_2() {
    let envelope = format!(r#"{{"code": 300, "message": "{}"}}"#, "x".repeat(3 << 20));
    for http in [http1 as fn() -> _, http2] {
        for (code, body) in [
            (200, vec![b' '; 10 << 20]),
            (400, vec![b' '; 10 << 20]),
            (500, vec![b' '; 10 << 20]),
            (200, envelope.clone().into_bytes()),
        ] {
            let server = server().await;
            let zoom = builder(&server).http(|_| http()).build().expect("a client");
            server.answer(Answer::status(code).body(body));
            let error = start(&zoom, MEETING).await.expect_err("no success");
            assert_eq!((error.kind(), status(&error)), (ErrorKind::Answered, Some(code)));
            assert_eq!(error.body().map(|body| body.len()), Some(KEPT), "{code}");
            assert!(error.to_string().len() < 2000);
            assert!(error.message().is_none_or(|message| message.len() <= KEPT), "{code}");
            start(&zoom, MEETING).await.expect("204");
        }
    }
}

/// Polls `future` this many times and drops it.
async fn poll_times<F: Future>(mut future: Pin<Box<F>>, times: usize) -> Option<F::Output> {
    let mut polled = 0;
    poll_fn(move |context| {
        if polled == times {
            return Poll::Ready(None);
        }
        polled += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // Dropped while it waits, not after what it waits for has arrived.
            Poll::Pending if polled == times => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A call with every kind of await in it: token, connection, 429, wait, check, revoked token, newer token, answer.
async fn dropped_after(polls: usize, http: reqwest::ClientBuilder) -> bool {
    let server = MockServer::builder().cool_down(Duration::ZERO).token_delay(Duration::from_millis(20)).start();
    let server = server.await.expect("the mock server");
    let soon = Duration::from_millis(20);
    server.answer(Answer::error(429, 429, "Too many.").header("retry-after", "1").delay(soon));
    server.answer(Answer::error(401, 124, "Invalid access token.").delay(soon));
    server.answer(Answer::status(200).body(r#"{"code": 200, "message": "not whole"}"#).delay(soon).cut_off_after(9));
    let app = ServerToServer::new("mock-account", "mock-client", "mock-secret").token_url(server.token_url());
    let policy = RetryPolicy::default().check(|_| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        true
    });
    let zoom = builder_without_token(&server).http(|_| http).token_source(app).retry(policy).build().expect("a client");

    let other = zoom.clone();
    let ended = poll_times(Box::pin(async move { start(&other, MEETING).await }), polls).await.is_some();
    // A request that was written before the drop arrives within a moment; after that, nothing does.
    a_while().await;
    let requests = server.request_count();
    tokio::time::sleep(Duration::from_millis(1300)).await;
    assert_eq!(server.request_count(), requests, "after {polls} polls");
    server.answer_normally();
    let next = tokio::time::timeout(Duration::from_secs(30), start(&zoom, MEETING)).await;
    let next = next.unwrap_or_else(|_| panic!("a lock is left behind after {polls} polls"));
    next.unwrap_or_else(|error| panic!("after {polls} polls: {error}"));
    assert!(server.request_count() > requests);
    assert!(server.token_requests() <= 2, "the next call uses the token that a dropped call requested: {polls} polls");
    ended
}

#[tokio::test]
async fn a_call_dropped_at_any_await_leaves_no_request_and_no_lock_behind() {
    const MOST: usize = 24;
    for http in [http1 as fn() -> _, http2] {
        let calls: Vec<_> = (0..MOST).map(|polls| tokio::spawn(dropped_after(polls, http()))).collect();
        let mut ended = Vec::new();
        for call in calls {
            ended.push(call.await.expect("no assertion failed"));
        }
        let dropped = ended.iter().filter(|ended| !**ended).count();
        assert!(dropped > 6, "dropped at {dropped} points");
        assert!(ended[MOST - 1], "the call has more await points than were tried");
    }
}

#[tokio::test]
async fn a_wait_too_long_for_the_clock_does_not_panic() {
    let server = server().await;
    server.answer(Answer::error(429, 429, "Too many.").header("retry-after", "18446744073709551615"));
    let patient = RetryPolicy::default().max_wait(Duration::MAX).notify(|_| {});
    let zoom = client(&server).with_retry(patient).with_call_timeout(None);
    let waiting = tokio::time::timeout(Duration::from_millis(500), start(&zoom, MEETING)).await;
    assert!(waiting.is_err(), "the call waits: {waiting:?}");
}

#[tokio::test]
async fn an_errors_methods_tell_what_happened_and_its_sources_are_kept() {
    fn is_an_error<E: std::error::Error + Send + Sync + 'static>() {}
    is_an_error::<Error>();
    const { assert!(size_of::<Result<(), Error>>() < 128) };

    let server = server().await;
    let zoom = client(&server).with_retry(RetryPolicy::never());
    let started = Instant::now();
    let answer = Answer::error(400, 4711, "Invalid access token, does not contain scopes:[meeting:write].");
    server.answer(answer.header("x-zm-trackingid", "t7").delay(Duration::from_millis(50)));
    let error = start(&zoom, MEETING).await.expect_err("refused");
    assert_eq!((error.kind(), status(&error)), (ErrorKind::Answered, Some(400)));
    assert_eq!((error.code().map(|code| code.get()), error.missing_scopes()), (Some(4711), vec!["meeting:write"]));
    assert_eq!((error.tracking_id(), error.attempts()), (Some("t7"), 1));
    assert_eq!((error.is_rate_limited(), error.is_unauthorized(), error.is_timeout()), (false, false, false));
    assert_eq!((error.retry_after(), error.field_errors().len()), (None, 0));
    assert!(error.elapsed() >= Duration::from_millis(50) && error.elapsed() <= started.elapsed());
    assert!(error.may_have_been_sent());

    server.answer(Answer::error(429, 429, "Too many.").header("retry-after", "7"));
    let error = start(&zoom, MEETING).await.expect_err("limited");
    assert_eq!((error.is_rate_limited(), error.retry_after()), (true, Some(Duration::from_secs(7))));

    // Boxed and downcast again, as anyhow and eyre do.
    let error = start(&zoom, MEETING).await.err();
    assert!(error.is_none());
    server.answer(Answer::disconnect());
    let boxed: Box<dyn std::error::Error + Send + Sync> = start(&zoom, MEETING).await.expect_err("killed").into();
    let error = boxed.downcast_ref::<Error>().expect("still the error");
    let mut source = std::error::Error::source(error);
    let cause = source.map(ToString::to_string).unwrap_or_default();
    assert!(!error.to_string().contains(&cause), "the sentence does not repeat its source: {error}");
    assert!(source.is_some_and(|source| source.is::<reqwest::Error>()));
    let mut depth = 0;
    while let Some(deeper) = source {
        depth += 1;
        source = deeper.source();
    }
    assert!(depth >= 2, "hyper's own error is at the end of the chain");
}

#[tokio::test]
async fn a_failure_to_connect_after_an_answer_still_says_that_the_call_was_sent() {
    let (server, requests) =
        answering("HTTP/1.1 429 Too Many\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    let zoom = server.client();
    let call = tokio::spawn(async move { start(&zoom, MEETING).await });
    while requests.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    a_while().await; // the answer has arrived, and the call waits
    drop(server);
    let error = call.await.expect("joined").expect_err("nothing listens any more");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 4));
    assert!(error.may_have_been_sent(), "the first attempt was answered");
}

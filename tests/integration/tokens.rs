//! Where tokens come from, how long they are kept, and who waits for whom.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use zoom_livestream::mock::{Answer, MockServer, MockServerBuilder};
use zoom_livestream::{
    AccessToken, Client, ClientBuilder, Error, ErrorCode, ErrorKind, RetryPolicy, ServerToServer, TokenError,
    TokenSource,
};

use crate::support::{
    MEETING, RawServer, builder, client, in_child, is_child, read_request, secret_in, start, until,
};

async fn server(setup: MockServerBuilder) -> MockServer {
    setup.cool_down(Duration::ZERO).start().await.expect("the embedded Zoom")
}

fn app(server: &MockServer) -> ServerToServer {
    ServerToServer::new("mock-account", "mock-client", "mock-secret").token_url(server.token_url())
}

/// A client that fetches its tokens at the embedded Zoom.
fn fetching(server: &MockServer) -> Client {
    builder(server).token_source(app(server)).build().expect("a client")
}

fn statuses(server: &MockServer) -> Vec<u16> {
    server.requests().iter().filter_map(|received| received.status).collect()
}

fn token_error(error: &Error) -> &TokenError {
    let source = std::error::Error::source(error).expect("a source");
    source.downcast_ref().expect("the source is the token's error")
}

/// A source that is told what to answer, then repeats its last token.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<Result<AccessToken, TokenError>>>>,
    asked: Arc<AtomicUsize>,
    takes: Duration,
}

impl Scripted {
    fn new(answers: impl IntoIterator<Item = Result<AccessToken, TokenError>>) -> Self {
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        Self { answers, ..Self::default() }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn client(&self, server: &MockServer) -> ClientBuilder {
        builder(server).token_source(self.clone())
    }
}

impl TokenSource for Scripted {
    async fn token(&self, _: &reqwest::Client) -> Result<AccessToken, TokenError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.takes).await;
        let mut answers = self.answers.lock().expect("answers");
        if answers.len() > 1 { answers.pop_front().expect("an answer") } else { answers[0].clone() }
    }
}

fn mock_token() -> AccessToken {
    AccessToken::new("mock-access-token")
}

#[tokio::test]
async fn a_fixed_token_is_sent_with_every_call() {
    let server = server(MockServer::builder()).await;
    let zoom = client(&server);
    for _ in 0..3 {
        start(&zoom, MEETING).await.expect("204");
    }
    for received in server.requests() {
        assert_eq!(received.header("authorization"), Some("Bearer mock-access-token"));
    }
    assert_eq!(server.token_requests(), 0);
}

#[tokio::test]
async fn a_source_of_ones_own_is_asked_once_and_its_token_is_kept() {
    let server = server(MockServer::builder()).await;
    let source = Scripted::new([Ok(mock_token())]);
    let zoom = source.client(&server).build().expect("a client");
    for _ in 0..3 {
        start(&zoom.clone(), MEETING).await.expect("204");
    }
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn server_to_server_oauth_fetches_one_token_for_many_calls() {
    let server = server(MockServer::builder()).await;
    let zoom = fetching(&server);
    for _ in 0..3 {
        start(&zoom, MEETING).await.expect("204");
    }
    assert_eq!((server.token_requests(), statuses(&server)), (1, vec![204; 3]));
}

#[tokio::test]
async fn a_client_is_made_from_the_environment() {
    if is_child() {
        match (Client::from_env(), std::env::var("TEST_EXPECTED").as_deref()) {
            (Ok(zoom), Ok("client")) => assert!(!format!("{zoom:?}").contains("hidden"), "{zoom:?}"),
            (Err(error), Ok(words)) => {
                assert_eq!(error.kind(), ErrorKind::Refused);
                assert!(error.to_string().ends_with(words), "{error}");
                assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
            }
            other => panic!("{other:?}"),
        }
        return;
    }
    let all = ["ZOOM_ACCOUNT_ID", "ZOOM_CLIENT_ID", "ZOOM_CLIENT_SECRET"];
    for (variables, expected) in [
        (&["ZOOM_ACCESS_TOKEN"][..], "client"),
        (&all, "client"),
        (&["ZOOM_ACCESS_TOKEN", "ZOOM_CLIENT_ID"], "client"),
        (&[], "server-to-server OAuth: ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID, ZOOM_CLIENT_SECRET"),
        (&all[..2], "server-to-server OAuth: ZOOM_CLIENT_SECRET"),
        (&all[1..], "server-to-server OAuth: ZOOM_ACCOUNT_ID"),
    ] {
        let mut environment = vec![("TEST_EXPECTED", expected)];
        environment.extend(variables.iter().map(|name| (*name, "hidden-value")));
        in_child("tokens::a_client_is_made_from_the_environment", &environment);
    }
}

#[tokio::test]
async fn a_thousand_calls_on_an_empty_cache_make_one_token_request() {
    let server = server(MockServer::builder().token_delay(Duration::from_millis(50))).await;
    let zoom = fetching(&server);
    let calls: Vec<_> = (0..1000).map(|number| tokio::spawn(one(zoom.clone(), number))).collect();
    for call in calls {
        call.await.expect("joined").expect("204");
    }
    assert_eq!((server.token_requests(), server.request_count()), (1, 1000));
}

async fn one(zoom: Client, number: usize) -> Result<(), Error> {
    start(&zoom, MEETING + number as u64).await
}

#[tokio::test]
async fn those_that_waited_share_a_token_that_ends_at_once() {
    let server = server(MockServer::builder()).await;
    let mut source = Scripted::new([Ok(mock_token().expires_in(Duration::ZERO))]);
    source.takes = Duration::from_millis(100);
    let zoom = source.client(&server).build().expect("a client");
    let calls: Vec<_> = (0..100).map(|number| tokio::spawn(one(zoom.clone(), number))).collect();
    for call in calls {
        call.await.expect("joined").expect("204");
    }
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn those_that_waited_share_the_failure_and_the_next_call_tries_anew() {
    let server = server(MockServer::builder()).await;
    let denied = Answer::status(401)
        .json(&serde_json::json!({ "reason": "The app was deactivated", "error": "invalid_client" }))
        .delay(Duration::from_millis(300));
    server.answer_token_request(denied);
    let zoom = fetching(&server);
    let calls: Vec<_> = (0..1000).map(|number| tokio::spawn(one(zoom.clone(), number))).collect();
    for call in calls {
        let error = call.await.expect("joined").expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::Token);
        assert_eq!((error.attempts(), error.may_have_been_sent()), (0, false));
        assert_eq!(token_error(&error).reason(), Some("The app was deactivated"));
        assert_eq!(token_error(&error).status().map(|status| status.as_u16()), Some(401));
    }
    assert_eq!((server.token_requests(), server.request_count()), (1, 0));
    start(&zoom, MEETING).await.expect("204");
    assert_eq!((server.token_requests(), server.request_count()), (2, 1));
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end() {
    let server = server(MockServer::builder()).await;
    let lived = |millis| Ok(mock_token().expires_in(Duration::from_millis(millis)));
    let source = Scripted::new([lived(2500), lived(3_600_000)]);
    let zoom = source.client(&server).token_margin(Duration::from_millis(1200)).build().expect("a client");
    let begun = Instant::now();
    while source.asked() < 2 {
        start(&zoom, MEETING).await.expect("204");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let renewed = begun.elapsed();
    assert!(renewed >= Duration::from_millis(1250), "renewed too soon: {renewed:?}");
    assert!(renewed < Duration::from_millis(2400), "renewed too late: {renewed:?}");
    start(&zoom, MEETING).await.expect("204");
    assert_eq!(source.asked(), 2);
    assert!(statuses(&server).iter().all(|status| *status == 204), "no call met an expired token");
}

#[tokio::test]
async fn a_margin_longer_than_the_lifetime_does_not_fetch_for_every_call() {
    let server = server(MockServer::builder()).await;
    let source = Scripted::new([Ok(mock_token().expires_in(Duration::from_secs(60)))]);
    let zoom = source.client(&server).token_margin(Duration::MAX).build().expect("a client");
    for _ in 0..3 {
        start(&zoom, MEETING).await.expect("204");
    }
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn while_the_old_token_lives_a_failed_renewal_is_no_error() {
    let server = server(MockServer::builder()).await;
    let source = Scripted::new([
        Ok(mock_token().expires_in(Duration::from_millis(1500))),
        Err(TokenError::new("the vault is sealed")),
    ]);
    let zoom = source.client(&server).build().expect("a client");
    let begun = Instant::now();
    let error = loop {
        match start(&zoom, MEETING).await {
            Ok(()) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => break error,
        }
    };
    let lived = begun.elapsed();
    assert!(lived >= Duration::from_millis(1450), "the old token still lived: {lived:?}");
    assert!(source.asked() > 2, "a renewal was tried before: {}", source.asked());
    assert!(source.asked() < 40, "but not by every call: {}", source.asked());
    assert_eq!(error.kind(), ErrorKind::Token);
    assert!(error.to_string().contains("the vault is sealed"), "{error}");
}

/// Gives a token at once, and then none for a long time.
struct Stuck(AtomicUsize);

impl TokenSource for Stuck {
    async fn token(&self, _: &reqwest::Client) -> Result<AccessToken, TokenError> {
        if self.0.fetch_add(1, Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
        Ok(mock_token().expires_in(Duration::from_secs(12)))
    }
}

#[tokio::test]
async fn while_the_old_token_lives_a_renewal_that_hangs_holds_up_one_call_and_that_not_long() {
    let server = server(MockServer::builder()).await;
    let zoom = builder(&server).token_source(Stuck(AtomicUsize::new(0))).build().expect("a client");
    start(&zoom, MEETING).await.expect("204");
    tokio::time::sleep(Duration::from_millis(6050)).await; // half its life
    let renewing = tokio::spawn(one(zoom.clone(), 0));
    tokio::task::yield_now().await;
    let others: Vec<_> = (1..20).map(|number| tokio::spawn(one(zoom.clone(), number))).collect();
    for other in others {
        other.await.expect("joined").expect("204 with the old token");
    }
    assert!(!renewing.is_finished(), "the renewal still hangs");
    renewing.await.expect("joined").expect("204 with the old token");
    assert_eq!(statuses(&server), [204; 21]);
}

#[tokio::test]
async fn a_401_with_code_124_is_resent_once_with_a_newer_token() {
    let server = server(MockServer::builder()).await;
    let zoom = fetching(&server);
    start(&zoom, MEETING).await.expect("204");
    server.kill_token();
    start(&zoom, MEETING).await.expect("204 with a newer token");
    assert_eq!((server.token_requests(), statuses(&server)), (2, vec![204, 401, 204]));
    let tokens: Vec<_> =
        server.requests().iter().map(|r| r.header("authorization").map(str::to_owned)).collect();
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[1], tokens[2]);
}

#[tokio::test]
async fn a_second_124_is_the_error() {
    let server = server(MockServer::builder()).await;
    server.answer_always(Answer::error(401, 124, "Invalid access token."));
    let error = start(&fetching(&server), MEETING).await.expect_err("refused twice");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Answered, Some(ErrorCode::from(124))));
    assert_eq!(error.status().map(|status| status.as_u16()), Some(401));
    assert!(error.is_unauthorized() && error.may_have_been_sent());
    assert_eq!((error.attempts(), server.request_count(), server.token_requests()), (2, 2, 2));
}

#[tokio::test]
async fn a_token_that_cannot_be_newer_is_not_sent_again() {
    let server = server(MockServer::builder()).await;
    server.answer_always(Answer::error(401, 124, "Invalid access token."));
    let error = start(&client(&server), MEETING).await.expect_err("a fixed token");
    assert_eq!((error.attempts(), server.request_count()), (1, 1));
    let source = Scripted::new([Ok(mock_token())]);
    let zoom = source.client(&server).build().expect("a client");
    let error = start(&zoom, MEETING).await.expect_err("a source that repeats itself");
    assert_eq!((error.attempts(), server.request_count(), source.asked()), (1, 2, 2));
}

#[tokio::test]
async fn another_401_is_not_resent() {
    for answer in [
        Answer::error(401, 300, "No."),
        Answer::status(401),
        Answer::status(401).body("<h1>124</h1>"),
        Answer::error(400, 124, "Invalid access token."),
        Answer::error(403, 124, "Invalid access token."),
    ] {
        let server = server(MockServer::builder()).await;
        server.answer_always(answer);
        let error = start(&fetching(&server), MEETING).await.expect_err("refused");
        assert_eq!((error.attempts(), server.request_count(), server.token_requests()), (1, 1, 1));
        assert_eq!(
            error.is_unauthorized(),
            error.status().is_some_and(|s| s == 401) || error.code().is_some()
        );
    }
}

#[tokio::test]
async fn a_refused_token_is_dropped_but_not_a_newer_one() {
    // The first call is answered 124 only after the second has fetched a newer token.
    let server = server(MockServer::builder()).await;
    let zoom = fetching(&server);
    let slow = format!("/meetings/{}/livestream/status", MEETING + 1);
    let refusal = Answer::error(401, 124, "Invalid access token.").delay(Duration::from_millis(500));
    server.answer_for(slow, refusal);
    let first = tokio::spawn({
        let zoom = zoom.clone();
        async move { start(&zoom, MEETING + 1).await }
    });
    until("the first call arrived", || server.request_count() == 1).await;
    server.kill_token();
    start(&zoom, MEETING).await.expect("204 with a newer token");
    assert_eq!(server.token_requests(), 2);
    first.await.expect("joined").expect("204 with the newer token, which was not dropped");
    assert_eq!(server.token_requests(), 2);
}

#[tokio::test]
async fn a_failure_to_renew_after_a_124_says_that_the_request_was_sent() {
    let server = server(MockServer::builder()).await;
    let zoom = fetching(&server);
    start(&zoom, MEETING).await.expect("204");
    server.kill_token();
    server.fail_next_tokens(1, 500);
    let error = start(&zoom, MEETING).await.expect_err("no newer token");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Token, 1));
    assert!(error.may_have_been_sent(), "it was, and was answered 401");
    assert!(error.to_string().contains("not sent again"), "{error}");
    assert_eq!(token_error(&error).status().map(|status| status.as_u16()), Some(500));
    start(&zoom, MEETING).await.expect("the next call tries anew");
}

#[tokio::test]
async fn a_refused_token_request_keeps_zooms_reason_and_shows_no_credentials() {
    let basic = "bW9jay1jbGllbnQ6bW9jay1zZWNyZXQ=";
    let quoting =
        serde_json::json!({ "reason": format!("Not mock-secret, nor Basic {basic}"), "error": "x" });
    for (answer, status, reason, words) in [
        (
            Answer::status(400).json(&serde_json::json!({ "reason": "Bad", "error": "x" })),
            400,
            Some("Bad"),
            "Bad",
        ),
        (Answer::status(401).json(&quoting), 401, Some("Not ***, nor Basic ***"), "nor Basic ***"),
        (
            Answer::status(400).json(&serde_json::json!({ "error": "invalid_request" })),
            400,
            None,
            "invalid_request",
        ),
        (
            Answer::status(200).json(&serde_json::json!({ "reason": "Not today" })),
            200,
            Some("Not today"),
            "Not today",
        ),
        (Answer::status(503).body("<h1>mock-secret</h1>"), 503, None, "HTTP 503"),
        (Answer::status(200).body("mock-secret"), 200, None, "without an access token"),
        (Answer::status(302).header("location", "http://127.0.0.1:9/"), 302, None, "HTTP 302"),
    ] {
        let server = server(MockServer::builder()).await;
        server.answer_token_request(answer);
        let error = start(&fetching(&server), MEETING).await.expect_err("no token");
        let cause = token_error(&error);
        assert_eq!((cause.status().map(|s| s.as_u16()), cause.reason()), (Some(status), reason));
        assert!(error.to_string().contains(words), "{error}");
        let shown = format!("{error} {error:?} {cause} {cause:?} {:?}", cause.reason());
        assert_eq!(secret_in(&shown), None, "{shown}");
        assert_eq!((server.token_requests(), server.request_count()), (1, 0));
    }
}

#[tokio::test]
async fn wrong_credentials_are_zooms_refusal() {
    let server = server(MockServer::builder()).await;
    let wrong =
        ServerToServer::new("mock-account", "mock-client", "hidden-wrong").token_url(server.token_url());
    let zoom = builder(&server).token_source(wrong).build().expect("a client");
    let error = start(&zoom, MEETING).await.expect_err("no token");
    assert_eq!(token_error(&error).reason(), Some("Invalid client_id or client_secret"));
    assert_eq!(secret_in(&format!("{error} {error:?}")), None);
}

#[tokio::test]
async fn a_token_endpoints_words_make_one_short_line_and_a_short_secret_stars_none_of_them() {
    let server = server(MockServer::builder()).await;
    let reason = format!("Invalid client\r\n\u{1b}[31m{}", "x".repeat(60_000));
    server.answer_token_request(
        Answer::status(400).json(&serde_json::json!({ "reason": reason, "error": "e" })),
    );
    let app = ServerToServer::new("a", "b", "c").token_url(server.token_url());
    let zoom = builder(&server).token_source(app).build().expect("a client");
    let error = start(&zoom, MEETING).await.expect_err("no token");
    let sentence = error.to_string();
    assert!(sentence.contains("Invalid client") && sentence.contains('…'), "{sentence}");
    assert!(sentence.len() < 1000 && !sentence.contains(char::is_control), "{sentence}");
    assert_eq!(token_error(&error).reason(), Some(reason.as_str()));
}

#[tokio::test]
async fn a_token_endpoint_that_cannot_be_reached_or_breaks_off_keeps_its_source() {
    let server = server(MockServer::builder()).await;
    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let broken = RawServer::start(|_, _| async {}).await;
    for (address, words) in [(closed, "could not be reached ("), (broken.address, "did not answer (")] {
        let app = app(&server).token_url(format!("http://{address}/oauth/token"));
        let zoom = builder(&server).token_source(app).build().expect("a client");
        let error = start(&zoom, MEETING).await.expect_err("no token");
        assert!(error.to_string().contains(words), "{error}");
        let source = std::error::Error::source(token_error(&error)).expect("a source");
        assert!(source.downcast_ref::<reqwest::Error>().is_some(), "{source:?}");
    }
    let cut_off = Answer::status(200).body(r#"{"access_token":"hidden-token"}"#).cut_off_after(20);
    server.answer_token_request(cut_off);
    let error = start(&fetching(&server), MEETING).await.expect_err("no token");
    assert!(error.to_string().contains("its body was cut off"), "{error}");
    let source = std::error::Error::source(token_error(&error)).expect("a source");
    assert!(source.downcast_ref::<reqwest::Error>().is_some(), "{source:?}");
    assert_eq!(secret_in(&format!("{error} {error:?}")), None);
    assert_eq!(server.request_count(), 0);
}

#[tokio::test]
async fn a_token_endpoint_that_listens_late_gets_the_request_once() {
    let server = server(MockServer::builder()).await;
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let app = app(&server).token_url(format!("http://{port}/oauth/token"));
    let zoom = builder(&server).token_source(app).build().expect("a client");
    let call = tokio::spawn(one(zoom, 0));
    tokio::time::sleep(Duration::from_millis(600)).await;
    let listener = TcpListener::bind(port).await.expect("the same port");
    let late = RawServer::on(listener, |mut stream, _| async move {
        read_request(&mut stream).await.expect("a whole request");
        let token = r#"{"access_token":"mock-access-token"}"#;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{token}", token.len());
        stream.write_all(answer.as_bytes()).await.expect("sent");
    });
    call.await.expect("joined").expect("204 with the token of the third attempt");
    assert_eq!((late.connections(), statuses(&server)), (1, vec![204]));
}

#[tokio::test]
async fn a_token_endpoint_that_hangs_or_never_ends_ends_at_the_deadline() {
    let server = server(MockServer::builder()).await;
    let zoom = fetching(&server).with_retry(RetryPolicy::default().deadline(Duration::from_millis(400)));
    server.answer_token_request(Answer::hang());
    let error = start(&zoom, MEETING).await.expect_err("no token in time");
    assert!(error.is_timeout() && !error.may_have_been_sent(), "{error:?}");
    assert_eq!(error.attempts(), 0);
    assert!(error.elapsed() < Duration::from_secs(5), "{:?}", error.elapsed());
    server.answer_token_request(Answer::status(200).body(vec![b' '; 10 << 20]));
    let error = start(&fetching(&server), MEETING).await.expect_err("no token in 64 KiB");
    assert!(error.to_string().contains("too long"), "{error}");
    start(&zoom, MEETING).await.expect("the next call tries anew");
}

#[tokio::test]
async fn a_token_that_is_none_is_a_typed_error_and_not_printed() {
    let server = server(MockServer::builder()).await;
    for token in ["", "hidden\ntoken", "hidden\r\nX-Evil: 1", "Bearer hidden", "hidden\0", "hidden-é"] {
        let source = Scripted::new([Ok(AccessToken::new(token)), Ok(mock_token())]);
        let zoom = source.client(&server).build().expect("a client");
        let error = start(&zoom, MEETING).await.expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::Token);
        assert!(token_error(&error).to_string().contains("the access token"), "{error}");
        assert_eq!(secret_in(&format!("{error} {error:?}")), None);
        start(&zoom, MEETING).await.expect("the next call tries anew");
    }
    assert_eq!(server.request_count(), 6);
}

#[tokio::test]
async fn a_token_url_is_https_or_loopback() {
    let server = server(MockServer::builder()).await;
    for url in ["http://zoom.us/oauth/token", "zoom.us", "https://hidden:hidden@zoom.us/"] {
        let zoom = builder(&server).token_source(app(&server).token_url(url)).build().expect("a client");
        let error = start(&zoom, MEETING).await.expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::Token);
        assert!(error.to_string().contains("the token URL"), "{error}");
        assert_eq!(secret_in(&format!("{error} {error:?}")), None);
    }
}

#[tokio::test]
async fn a_source_keeps_its_own_error_as_the_source() {
    let server = server(MockServer::builder()).await;
    let sealed = std::io::Error::new(std::io::ErrorKind::PermissionDenied, "the vault is sealed");
    let source = Scripted::new([Err(TokenError::new(sealed))]);
    let error =
        start(&source.client(&server).build().expect("a client"), MEETING).await.expect_err("no token");
    let boxed: Box<dyn std::error::Error + Send + Sync> = error.into();
    let cause = boxed.source().expect("the token's error").source().expect("the vault's error");
    let cause = cause.downcast_ref::<std::io::Error>().expect("as it was given");
    assert_eq!(cause.kind(), std::io::ErrorKind::PermissionDenied);
}

/// As often as `kills` says: this many calls at once, of which a tenth begins as the current token is killed, with the
/// others under way. Each kill comes after every call that the one before it refused has been answered.
async fn storm(zoom: &Client, server: &MockServer, calls: usize, kills: usize) {
    for kill in 1..=kills {
        let mut storm = JoinSet::new();
        for call in 0..calls - calls / 10 {
            storm.spawn(one(zoom.clone(), call));
        }
        let first = storm.join_next().await.expect("a call");
        first.expect("joined").expect("every call ends in 204");
        server.kill_token();
        for call in calls - calls / 10..calls {
            storm.spawn(one(zoom.clone(), call));
        }
        while let Some(call) = storm.join_next().await {
            call.expect("joined").expect("every call ends in 204");
        }
        assert_eq!(server.token_requests(), kill + 1);
    }
    let statuses = statuses(server);
    let count = |status| statuses.iter().filter(|answered| **answered == status).count();
    assert_eq!(count(204), calls * kills, "no call is lost and none is answered twice");
    assert_eq!(count(204) + count(401), statuses.len());
    assert!(count(401) >= kills, "each kill refused calls: {}", count(401));
}

#[tokio::test]
async fn a_thousand_concurrent_calls_outlive_five_kills_of_the_token_with_six_token_requests() {
    let server = server(MockServer::builder()).await;
    storm(&fetching(&server), &server, 1000, 5).await;
}

#[tokio::test]
async fn concurrent_calls_over_one_http2_connection_outlive_five_kills_of_the_token() {
    let server = server(MockServer::builder()).await;
    let http2 = reqwest::ClientBuilder::new().http2_prior_knowledge();
    let zoom = builder(&server).http(http2).token_source(app(&server)).build().expect("a client");
    storm(&zoom, &server, 200, 5).await;
    let peers: std::collections::HashSet<_> = server.requests().iter().map(|r| r.peer).collect();
    assert_eq!(peers.len(), 1);
}

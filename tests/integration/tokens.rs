//! Where tokens come from, how long they are cached, and which calls wait for them.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use zoom_livestream::mock::{Answer, MockServer, MockServerBuilder};
use zoom_livestream::{
    AccessToken, Client, ClientBuilder, Error, ErrorCode, ErrorKind, ServerToServer, TokenCache, TokenSource,
};

use crate::support::{
    MEETING, RawServer, builder_without_token, chain, client, in_child, is_child, read_request, secret_in,
    start, until,
};

type BoxError = Box<dyn StdError + Send + Sync>;

async fn server(setup: MockServerBuilder) -> MockServer {
    setup.cool_down(Duration::ZERO).start().await.expect("the mock server")
}

fn app(server: &MockServer) -> ServerToServer {
    ServerToServer::new("mock-account", "mock-client", "mock-secret").token_url(server.token_url())
}

/// Longer than a thousand calls take on a busy machine.
const A_BUSY_MACHINE: Duration = Duration::from_secs(300);

/// A client that fetches its tokens from the mock server.
fn fetching(server: &MockServer) -> Client {
    builder_without_token(server)
        .token_source(app(server))
        .attempt_timeout(A_BUSY_MACHINE)
        .build()
        .expect("a client")
}

fn statuses(server: &MockServer) -> Vec<u16> {
    server.requests().iter().filter_map(|received| received.status).collect()
}

/// Why there is no access token.
fn cause(error: &Error) -> &(dyn StdError + 'static) {
    error.source().expect("the token source's error")
}

/// A source that returns what it is told to, then repeats its last answer.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<Result<AccessToken, &'static str>>>>,
    /// The refused token it was told about, each time it was asked.
    told: Arc<Mutex<Vec<Option<String>>>>,
    takes: Duration,
}

impl Scripted {
    fn new(answers: impl IntoIterator<Item = Result<AccessToken, &'static str>>) -> Self {
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        Self { answers, ..Self::default() }
    }

    fn asked(&self) -> usize {
        self.told.lock().expect("told").len()
    }

    fn client(&self, server: &MockServer) -> ClientBuilder {
        builder_without_token(server).token_source(self.clone())
    }
}

impl TokenSource for Scripted {
    async fn token(
        &self,
        _: &reqwest::Client,
        refused: Option<&AccessToken>,
    ) -> Result<AccessToken, BoxError> {
        let refused = refused.map(|refused| refused.secret().expose().to_owned());
        self.told.lock().expect("told").push(refused);
        tokio::time::sleep(self.takes).await;
        let mut answers = self.answers.lock().expect("answers");
        let answer =
            if answers.len() > 1 { answers.pop_front().expect("an answer") } else { answers[0].clone() };
        Ok(answer?)
    }
}

/// Moves tokio's clock; sockets keep the real one.
async fn later(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
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
async fn a_custom_source_is_asked_once_and_its_token_is_cached() {
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
async fn a_client_is_built_from_the_environment() {
    if is_child() {
        match (Client::from_env(), std::env::var("TEST_EXPECTED").as_deref()) {
            (Ok(zoom), Ok("client")) => assert!(!format!("{zoom:?}").contains("hidden"), "{zoom:?}"),
            (Err(error), Ok(words)) => {
                assert_eq!(error.kind(), ErrorKind::Refused);
                assert!(chain(&error).ends_with(words), "{error}");
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
        // Set but empty counts as not set.
        environment.extend(["ZOOM_ACCESS_TOKEN"].iter().chain(&all).map(|name| (*name, "")));
        environment.extend(variables.iter().map(|name| (*name, "hidden-value")));
        in_child("tokens::a_client_is_built_from_the_environment", &environment);
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
async fn calls_that_waited_share_a_token_that_expires_at_once() {
    let server = server(MockServer::builder()).await;
    let mut source = Scripted::new([Ok(mock_token().with_expires_in(Duration::ZERO))]);
    source.takes = Duration::from_millis(100);
    let zoom = source.client(&server).build().expect("a client");
    let calls: Vec<_> = (0..100).map(|number| tokio::spawn(one(zoom.clone(), number))).collect();
    for call in calls {
        call.await.expect("joined").expect("204");
    }
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn calls_that_waited_share_the_failure_and_the_next_call_tries_again() {
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
        assert_eq!(error.message(), Some("The app was deactivated"));
        assert_eq!(error.status().map(|status| status.as_u16()), Some(401));
    }
    assert_eq!((server.token_requests(), server.request_count()), (1, 0));
    start(&zoom, MEETING).await.expect("204");
    assert_eq!((server.token_requests(), server.request_count()), (2, 1));
}

#[tokio::test]
async fn a_token_is_refreshed_before_it_expires() {
    let server = server(MockServer::builder()).await;
    let lived = |millis| Ok(mock_token().with_expires_in(Duration::from_millis(millis)));
    let source = Scripted::new([lived(2500), lived(3_600_000)]);
    let zoom = source.client(&server).token_margin(Duration::from_millis(1200)).build().expect("a client");
    let started = Instant::now();
    while source.asked() < 2 {
        start(&zoom, MEETING).await.expect("204");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let refreshed = started.elapsed();
    assert!(refreshed >= Duration::from_millis(1250), "refreshed too soon: {refreshed:?}");
    assert!(refreshed < Duration::from_millis(2400), "refreshed too late: {refreshed:?}");
    start(&zoom, MEETING).await.expect("204");
    assert_eq!(source.asked(), 2);
    assert!(statuses(&server).iter().all(|status| *status == 204), "no call met an expired token");
}

#[tokio::test]
async fn a_margin_longer_than_the_lifetime_does_not_fetch_for_every_call() {
    let server = server(MockServer::builder()).await;
    let source = Scripted::new([Ok(mock_token().with_expires_in(Duration::from_secs(60)))]);
    let zoom = source.client(&server).token_margin(Duration::MAX).build().expect("a client");
    for _ in 0..3 {
        start(&zoom, MEETING).await.expect("204");
    }
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn while_the_old_token_is_valid_a_failed_refresh_is_not_an_error() {
    let server = server(MockServer::builder()).await;
    let source = Scripted::new([
        Ok(mock_token().with_expires_in(Duration::from_millis(1500))),
        Err("the vault is sealed"),
    ]);
    let zoom = source.client(&server).build().expect("a client");
    let started = Instant::now();
    let error = loop {
        match start(&zoom, MEETING).await {
            Ok(()) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => break error,
        }
    };
    let lived = started.elapsed();
    assert!(lived >= Duration::from_millis(1450), "the old token was still valid: {lived:?}");
    assert!(source.asked() > 2, "a refresh was tried before: {}", source.asked());
    assert!(source.asked() < 40, "but not by every call: {}", source.asked());
    assert_eq!(error.kind(), ErrorKind::Token);
    assert!(chain(&error).contains("the vault is sealed"), "{error}");
}

/// A source whose answer depends on the request's number, from 1.
struct Numbered<F>(F, AtomicUsize);

impl<F, Answer> TokenSource for Numbered<F>
where
    F: Fn(usize) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<AccessToken, BoxError>> + Send + 'static,
{
    async fn token(&self, _: &reqwest::Client, _: Option<&AccessToken>) -> Result<AccessToken, BoxError> {
        (self.0)(self.1.fetch_add(1, Ordering::SeqCst) + 1).await
    }
}

/// The source, and how often it was asked.
fn numbered<F, Answer>(answer: F) -> Arc<Numbered<F>>
where
    F: Fn(usize) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<AccessToken, BoxError>> + Send + 'static,
{
    Arc::new(Numbered(answer, AtomicUsize::new(0)))
}

#[tokio::test]
async fn while_the_old_token_is_valid_a_refresh_that_hangs_does_not_delay_calls() {
    let server = server(MockServer::builder()).await;
    let source = numbered(|number| async move {
        if number > 1 {
            std::future::pending::<()>().await;
        }
        Ok(mock_token().with_expires_in(Duration::from_secs(100)))
    });
    let asked = || source.1.load(Ordering::SeqCst);
    let hasty = Duration::from_secs(2);
    let zoom = builder_without_token(&server).token_source(source.clone()).call_timeout(hasty).build();
    let zoom = zoom.expect("a client");
    start(&zoom, MEETING).await.expect("204");
    later(51).await; // half its lifetime
    for _ in 0..5 {
        start(&zoom, MEETING).await.expect("204 with the old token");
    }
    assert_eq!(asked(), 2, "one refresh, which hangs");
    later(11).await; // given up: the next is due halfway to the expiry, at about 81 s
    start(&zoom, MEETING).await.expect("204 with the old token");
    later(15).await;
    start(&zoom, MEETING).await.expect("204 with the old token");
    assert_eq!(asked(), 2);
    later(10).await;
    start(&zoom, MEETING).await.expect("204 with the old token");
    until("a second refresh", || asked() == 3).await;
}

#[tokio::test]
async fn a_failed_refresh_is_repeated_halfway_to_the_expiry_or_when_the_endpoint_says() {
    for (answer, next) in [
        (Answer::status(500), 76),
        (Answer::status(429).header("retry-after", "40"), 92),
        (Answer::status(503).header("retry-after", "18446744073709551615"), 101),
    ] {
        let server = server(MockServer::builder().token_lifetime(Duration::from_secs(100))).await;
        let zoom = fetching(&server);
        start(&zoom, MEETING).await.expect("204");
        server.answer_token_request(answer);
        later(51).await;
        start(&zoom, MEETING).await.expect("204 with the old token");
        until("the refresh", || server.token_requests() == 2).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        for _ in 0..3 {
            start(&zoom, MEETING).await.expect("204 with the old token");
        }
        later(next - 53).await;
        start(&zoom, MEETING).await.expect("204 with the old token");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(server.token_requests(), 2, "not before {next} s");
        later(2).await;
        start(&zoom, MEETING).await.expect("204");
        until("the next refresh", || server.token_requests() == 3).await;
    }
}

#[tokio::test]
async fn calls_with_a_deadline_shorter_than_the_token_request_still_get_its_token() {
    let server = server(MockServer::builder().token_delay(Duration::from_millis(600))).await;
    let zoom = fetching(&server).with_call_timeout(Duration::from_millis(400));
    let mut succeeded = 0;
    for _ in 0..20 {
        match start(&zoom, MEETING).await {
            Ok(()) => succeeded += 1,
            Err(error) => assert!(error.is_timeout(), "{error:?}"),
        }
    }
    assert!(succeeded >= 18, "{succeeded} of 20");
    assert_eq!(server.token_requests(), 1);
}

#[tokio::test]
async fn dropping_a_call_does_not_cancel_the_token_request_for_the_others() {
    let server = server(MockServer::builder().token_delay(Duration::from_millis(200))).await;
    let zoom = fetching(&server);
    let calls: Vec<_> = (0..100).map(|number| tokio::spawn(one(zoom.clone(), number))).collect();
    until("the token request", || server.token_requests() == 1).await;
    calls[0].abort();
    for call in calls.into_iter().skip(1) {
        call.await.expect("joined").expect("204");
    }
    assert_eq!((server.token_requests(), server.request_count()), (1, 99));
}

#[tokio::test]
async fn every_token_source_is_abandoned_after_the_token_timeout() {
    let server = server(MockServer::builder()).await;
    let hanging = || numbered(|_| std::future::pending());
    let own = builder_without_token(&server).token_source(hanging());
    let short = builder_without_token(&server).token_source(hanging()).token_timeout(Duration::from_secs(2));
    for _ in 0..2 {
        server.answer_token_request(Answer::hang());
    }
    let zooms = builder_without_token(&server).token_source(app(&server));
    for (builder, seconds) in [(own, 10), (short, 2), (zooms, 10)] {
        let zoom = builder.build().expect("a client");
        let call = tokio::spawn(one(zoom, 0));
        tokio::time::sleep(Duration::from_millis(100)).await; // the request is in progress
        later(seconds - 1).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!call.is_finished(), "after {seconds} s and not before");
        later(1).await;
        let error = call.await.expect("joined").expect_err("no token");
        assert_eq!((error.kind(), error.is_timeout()), (ErrorKind::Token, true));
        assert!(chain(&error).contains(&format!("did not answer within {seconds} s")), "{error}");
    }
}

#[tokio::test]
async fn a_source_that_panics_once_does_not_fail_the_waiting_calls() {
    let server = server(MockServer::builder()).await;
    let source = numbered(|number| async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(number > 1, "the first request of this test's source panics");
        Ok(mock_token())
    });
    let zoom = builder_without_token(&server).token_source(source.clone()).build().expect("a client");
    let calls: Vec<_> = (0..20).map(|number| tokio::spawn(one(zoom.clone(), number))).collect();
    for call in calls {
        call.await.expect("joined").expect("204 with the token of the second request");
    }
    assert_eq!(source.1.load(Ordering::SeqCst), 2);

    let source = numbered(|_| async { panic!("each request of this test's source panics") });
    let zoom = builder_without_token(&server).token_source(source.clone()).build().expect("a client");
    let error = start(&zoom, MEETING).await.expect_err("no token");
    assert_eq!(error.kind(), ErrorKind::Token);
    assert!(chain(&error).contains("panicked"), "{error}");
    assert_eq!(source.1.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn while_the_old_token_is_valid_a_refresh_that_panics_is_not_repeated_by_every_call() {
    let server = server(MockServer::builder()).await;
    let source = numbered(|number| async move {
        assert_eq!(number, 1, "each refresh of this test's source panics");
        Ok(mock_token().with_expires_in(Duration::from_secs(100)))
    });
    let zoom = builder_without_token(&server).token_source(source.clone()).build().expect("a client");
    start(&zoom, MEETING).await.expect("204");
    later(51).await;
    for _ in 0..5 {
        start(&zoom, MEETING).await.expect("204 with the old token");
    }
    assert_eq!(source.1.load(Ordering::SeqCst), 2);
}

/// A separate runtime that started the only token request, which hangs until it is told to go on. Later requests get
/// a token at once.
fn stuck_elsewhere(server: &MockServer, timeout: Duration) -> (tokio::runtime::Runtime, Client, Arc<Notify>) {
    let go_on = Arc::new(Notify::new());
    let told = go_on.clone();
    let source = numbered(move |number| {
        let told = told.clone();
        async move {
            if number == 1 {
                told.notified().await;
                return Ok(AccessToken::new("late"));
            }
            Ok(mock_token())
        }
    });
    let zoom = builder_without_token(server).token_source(source).token_timeout(timeout).build();
    let zoom = zoom.expect("a client");
    let call = zoom.clone();
    let started = std::thread::spawn(move || {
        let elsewhere =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let waited = elsewhere.block_on(async {
            tokio::time::timeout(Duration::from_millis(100), start(&call, MEETING)).await
        });
        assert!(waited.is_err(), "the token request hangs: {waited:?}");
        elsewhere
    });
    (started.join().expect("joined"), zoom, go_on)
}

#[tokio::test]
async fn a_runtime_that_is_shut_down_does_not_fail_calls_waiting_on_another() {
    let server = server(MockServer::builder()).await;
    let (elsewhere, zoom, _go_on) = stuck_elsewhere(&server, Duration::from_secs(600));
    let calls: Vec<_> = (0..20).map(|number| tokio::spawn(one(zoom.clone(), number))).collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(calls.iter().all(|call| !call.is_finished()), "all wait for the token request");
    elsewhere.shutdown_background();
    for call in calls {
        call.await.expect("joined").expect("204 with the token of the second request");
    }
}

#[tokio::test]
async fn a_token_request_on_an_idle_runtime_does_not_delay_calls_beyond_its_timeout() {
    let server = server(MockServer::builder()).await;
    let (elsewhere, zoom, go_on) = stuck_elsewhere(&server, Duration::from_millis(200));
    let started = Instant::now();
    start(&zoom, MEETING).await.expect("204 with the token of the second request");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());

    // Driven again, it finishes after all, but too late to replace the newer token.
    go_on.notify_one();
    let driven = std::thread::spawn(move || {
        elsewhere.block_on(async { tokio::time::sleep(Duration::from_millis(100)).await });
        elsewhere
    });
    driven.join().expect("joined").shutdown_background();
    start(&zoom, MEETING).await.expect("204");
    assert_eq!(server.requests()[1].header("authorization"), Some("Bearer mock-access-token"));
}

#[tokio::test]
async fn a_source_is_told_which_token_was_refused() {
    let server = server(MockServer::builder().access_token("old")).await;
    let newer = mock_token().with_expires_in(Duration::from_secs(100));
    let source = Scripted::new([Ok(AccessToken::new("old")), Ok(newer)]);
    let zoom = source.client(&server).build().expect("a client");
    start(&zoom, MEETING).await.expect("204");
    server.revoke_token();
    server.accept_token("mock-access-token");
    start(&zoom, MEETING).await.expect("204 with a newer token");
    later(51).await;
    start(&zoom, MEETING).await.expect("204");
    until("a refresh", || source.asked() == 3).await;
    let told = source.told.lock().expect("told");
    assert_eq!(*told, [None, Some("old".to_owned()), None], "a refresh is not told of a refusal");
}

#[tokio::test]
async fn a_token_has_the_scopes_that_its_source_sets() {
    let server = server(MockServer::builder()).await;
    let http = reqwest::Client::new();
    let own = Scripted::new([Ok(AccessToken::new("own").with_scope("meeting:write"))]);
    assert_eq!(own.token(&http, None).await.expect("a token").scope(), Some("meeting:write"));
    for scope in [Some("meeting:read meeting:write"), None] {
        let answer = serde_json::json!({ "access_token": "t", "expires_in": 3600, "scope": scope });
        server.answer_token_request(Answer::status(200).json(&answer));
        assert_eq!(app(&server).token(&http, None).await.expect("a token").scope(), scope);
    }
}

#[tokio::test]
async fn a_token_request_started_before_a_refusal_does_not_bring_the_refused_token_back() {
    let server = server(MockServer::builder().access_token("old")).await;
    let old = || Ok(AccessToken::new("old").with_expires_in(Duration::from_secs(100)));
    let mut source = Scripted::new([old(), old(), Ok(mock_token())]);
    source.takes = Duration::from_millis(300);
    let zoom = source.client(&server).build().expect("a client");
    start(&zoom, MEETING).await.expect("204");
    later(51).await;
    server.revoke_token();
    server.accept_token("mock-access-token");
    // Its first attempt starts the refresh, and is refused while that is in progress.
    start(&zoom, MEETING).await.expect("204 with a newer token");
    assert_eq!(statuses(&server), [204, 401, 204]);
    assert_eq!(*source.told.lock().expect("told"), [None, None, Some("old".to_owned())]);
}

/// Like [`Scripted`], with one cache for all its clients.
#[derive(Clone)]
struct Shared(Scripted, TokenCache);

impl TokenSource for Shared {
    async fn token(
        &self,
        http: &reqwest::Client,
        refused: Option<&AccessToken>,
    ) -> Result<AccessToken, BoxError> {
        self.0.token(http, refused).await
    }

    fn cache(&self) -> TokenCache {
        self.1.clone()
    }
}

#[tokio::test]
async fn clients_of_one_shared_source_share_its_token() {
    let server = server(MockServer::builder()).await;
    let built = |source: ClientBuilder| source.build().expect("a client");
    let new = || builder_without_token(&server);

    let app = Arc::new(app(&server));
    let mut clients =
        vec![new().token_source(app.clone()), new().token_source(app.clone())].into_iter().map(built);
    let first = clients.next().expect("two");
    let of_a_clone = first.with_token_source(Box::new((*app).clone())).expect("a client");
    for zoom in [first, clients.next().expect("two"), of_a_clone] {
        start(&zoom, MEETING).await.expect("204");
    }
    assert_eq!(server.token_requests(), 1);
    let elsewhere = (*app).clone().token_url(format!("{}?again", server.token_url()));
    new().token_source(elsewhere).build().expect_err("a token URL has no query");
    let other = (*app).clone().token_url(server.token_url());
    start(&built(new().token_source(other)), MEETING).await.expect("204");
    assert_eq!(server.token_requests(), 2, "another endpoint's token is another token");

    let own = Scripted::new([Ok(mock_token())]);
    let shared = Shared(own.clone(), TokenCache::default());
    for source in [shared.clone(), shared] {
        start(&built(new().token_source(source)), MEETING).await.expect("204");
    }
    assert_eq!(own.asked(), 1);
    for source in [Arc::new(own.clone()), Arc::new(own.clone())] {
        start(&built(new().token_source(source)), MEETING).await.expect("204");
    }
    assert_eq!(own.asked(), 3, "without a cache of its own it is asked once for each client");
}

#[tokio::test]
async fn a_client_for_another_account_has_its_own_token_and_the_same_connections() {
    let server = server(MockServer::builder()).await;
    server.accept_token("of-a-user");
    let zoom = client(&server);
    let of_a_user = zoom.with_access_token("of-a-user").expect("a client");
    let of_an_account = zoom.with_token_source(app(&server)).expect("a client");
    for zoom in [&zoom, &of_a_user, &of_an_account, &zoom] {
        start(zoom, MEETING).await.expect("204");
    }
    let requests = server.requests();
    let sent: Vec<_> =
        requests.iter().map(|received| received.header("authorization").unwrap_or_default()).collect();
    assert_eq!(sent[..2], ["Bearer mock-access-token", "Bearer of-a-user"]);
    assert!(sent[2].starts_with("Bearer mock-token-"), "{}", sent[2]);
    assert_eq!(sent[3], sent[0]);
    let peers: std::collections::HashSet<_> = requests.iter().map(|received| received.peer).collect();
    assert_eq!(peers.len(), 1, "one after the other they need one connection");

    for refused in
        [zoom.with_access_token("hidden\n"), zoom.with_token_source(ServerToServer::new("", "b", "c"))]
    {
        let error = refused.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(secret_in(&format!("{error} {error:?}")), None);
    }
}

#[tokio::test]
async fn a_401_with_code_124_is_resent_once_with_a_newer_token() {
    let server = server(MockServer::builder()).await;
    let zoom = fetching(&server);
    start(&zoom, MEETING).await.expect("204");
    server.revoke_token();
    start(&zoom, MEETING).await.expect("204 with a newer token");
    assert_eq!((server.token_requests(), statuses(&server)), (2, vec![204, 401, 204]));
    let tokens: Vec<_> =
        server.requests().iter().map(|r| r.header("authorization").map(str::to_owned)).collect();
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[1], tokens[2]);
}

#[tokio::test]
async fn a_second_124_is_returned_as_the_error() {
    let server = server(MockServer::builder()).await;
    server.answer_always(Answer::error(401, 124, "Invalid access token."));
    let error = start(&fetching(&server), MEETING).await.expect_err("refused twice");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Answered, Some(ErrorCode::from(124))));
    assert_eq!(error.status().map(|status| status.as_u16()), Some(401));
    assert!(error.is_unauthorized() && error.may_have_been_sent());
    assert_eq!((error.attempts(), server.request_count(), server.token_requests()), (2, 2, 2));
}

#[tokio::test]
async fn a_refused_token_is_not_sent_again_if_there_is_no_newer_one() {
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
async fn only_a_401_with_code_124_is_resent() {
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
async fn a_source_is_never_asked_twice_at_once() {
    let server = server(MockServer::builder().access_token("old")).await;
    let (current, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (current.clone(), most.clone());
    let source = numbered(move |number| {
        let (now, peak) = (now.clone(), peak.clone());
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(300)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(AccessToken::new(if number < 2 { "old" } else { "mock-access-token" })
                .with_expires_in(Duration::from_secs(100)))
        }
    });
    let zoom = builder_without_token(&server).token_source(source.clone()).build().expect("a client");
    start(&zoom, MEETING).await.expect("204");
    later(51).await;
    server.revoke_token();
    server.accept_token("mock-access-token");
    start(&zoom, MEETING).await.expect("204 with a newer token");
    assert_eq!(most.load(Ordering::SeqCst), 1, "asked {} times", source.1.load(Ordering::SeqCst));
    assert_eq!(source.1.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn elapsed_includes_the_search_for_a_newer_token() {
    let server = server(MockServer::builder()).await;
    server.answer_always(Answer::error(401, 124, "Invalid access token."));
    let mut source = Scripted::new([Ok(mock_token())]);
    source.takes = Duration::from_millis(400);
    let zoom = source.client(&server).build().expect("a client");
    let error = start(&zoom, MEETING).await.expect_err("a source that repeats itself");
    assert_eq!(source.asked(), 2);
    assert!(error.elapsed() >= Duration::from_millis(800), "{:?}", error.elapsed());
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
    server.revoke_token();
    start(&zoom, MEETING).await.expect("204 with a newer token");
    assert_eq!(server.token_requests(), 2);
    first.await.expect("joined").expect("204 with the newer token, which was not dropped");
    assert_eq!(server.token_requests(), 2);
}

#[tokio::test]
async fn a_failure_to_refresh_after_a_124_says_that_the_request_was_sent() {
    let server = server(MockServer::builder()).await;
    let zoom = fetching(&server);
    start(&zoom, MEETING).await.expect("204");
    server.revoke_token();
    server.answer_token_request(Answer::status(500));
    let error = start(&zoom, MEETING).await.expect_err("no newer token");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Token, 1));
    assert!(error.may_have_been_sent(), "it was, and was answered 401");
    assert!(chain(&error).contains("not sent again"), "{error}");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(500));
    start(&zoom, MEETING).await.expect("the next call tries again");
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
            Some("invalid_request"),
            "invalid_request",
        ),
        (
            Answer::status(200).json(&serde_json::json!({ "reason": "Not today" })),
            200,
            Some("Not today"),
            "Not today",
        ),
        (Answer::status(503).body("<h1>mock-secret</h1>"), 503, None, "HTTP 503"),
        (Answer::status(200).body("mock-secret"), 200, None, "its body has no access token"),
        (Answer::status(302).header("location", "http://127.0.0.1:9/"), 302, None, "HTTP 302"),
    ] {
        let server = server(MockServer::builder()).await;
        server.answer_token_request(answer);
        let error = start(&fetching(&server), MEETING).await.expect_err("no token");
        assert_eq!((error.status().map(|s| s.as_u16()), error.message()), (Some(status), reason));
        assert!(chain(&error).contains(words), "{error}");
        let shown = format!("{} {error:?} {:?} {:?}", chain(&error), cause(&error), error.message());
        assert_eq!(secret_in(&shown), None, "{shown}");
        assert_eq!((server.token_requests(), server.request_count()), (1, 0));
    }
}

#[tokio::test]
async fn wrong_credentials_are_refused_in_zooms_words() {
    let server = server(MockServer::builder()).await;
    let wrong =
        ServerToServer::new("mock-account", "mock-client", "hidden-wrong").token_url(server.token_url());
    let zoom = builder_without_token(&server).token_source(wrong).build().expect("a client");
    let error = start(&zoom, MEETING).await.expect_err("no token");
    assert_eq!(error.message(), Some("Invalid client_id or client_secret"));
    assert_eq!(secret_in(&format!("{error} {error:?}")), None);
}

#[tokio::test]
async fn a_token_endpoints_words_become_one_short_line_and_a_short_secret_redacts_none_of_them() {
    let server = server(MockServer::builder()).await;
    let reason = format!("Invalid client\r\n\u{1b}[31m{}", "x".repeat(60_000));
    server.answer_token_request(
        Answer::status(400).json(&serde_json::json!({ "reason": reason, "error": "e" })),
    );
    let app = ServerToServer::new("a", "b", "c").token_url(server.token_url());
    let zoom = builder_without_token(&server).token_source(app).build().expect("a client");
    let error = start(&zoom, MEETING).await.expect_err("no token");
    let sentence = chain(&error);
    assert!(sentence.contains("Invalid client") && sentence.contains('…'), "{sentence}");
    assert!(sentence.len() < 1000 && !sentence.contains(char::is_control), "{sentence}");
    assert_eq!(error.message(), Some(reason.as_str()));
}

#[tokio::test]
async fn the_error_of_a_token_endpoint_that_cannot_be_reached_or_drops_the_connection_keeps_its_source() {
    let server = server(MockServer::builder()).await;
    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let broken = RawServer::start(|_, _| async {}).await;
    for (address, words) in [(closed, "could not connect to Zoom"), (broken.address, "the connection broke")]
    {
        let app = app(&server).token_url(format!("http://{address}/oauth/token"));
        let zoom = builder_without_token(&server).token_source(app).build().expect("a client");
        let error = start(&zoom, MEETING).await.expect_err("no token");
        assert!(chain(&error).contains(words), "{error}");
        let source = cause(&error).source().expect("a source");
        assert!(source.downcast_ref::<reqwest::Error>().is_some(), "{source:?}");
    }
    let cut_off = Answer::status(200).body(r#"{"access_token":"hidden-token"}"#).cut_off_after(20);
    server.answer_token_request(cut_off);
    let error = start(&fetching(&server), MEETING).await.expect_err("no token");
    assert!(chain(&error).contains("its body was cut off"), "{error}");
    let source = cause(&error).source().expect("a source");
    assert!(source.downcast_ref::<reqwest::Error>().is_some(), "{source:?}");
    assert_eq!(secret_in(&format!("{error} {error:?}")), None);
    assert_eq!(server.request_count(), 0);
}

#[tokio::test]
async fn a_token_endpoint_that_starts_late_gets_the_request_once() {
    let server = server(MockServer::builder()).await;
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let app = app(&server).token_url(format!("http://{port}/oauth/token"));
    let zoom = builder_without_token(&server).token_source(app).build().expect("a client");
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
async fn a_token_endpoint_that_hangs_or_never_stops_sending_is_cut_off() {
    let server = server(MockServer::builder()).await;
    let zoom = fetching(&server).with_call_timeout(Duration::from_millis(400));
    server.answer_token_request(Answer::hang());
    let error = start(&zoom, MEETING).await.expect_err("no token in time");
    assert!(error.is_timeout() && !error.may_have_been_sent(), "{error:?}");
    assert_eq!(error.attempts(), 0);
    assert!(error.elapsed() < Duration::from_secs(5), "{:?}", error.elapsed());
    server.answer_token_request(Answer::status(200).body(vec![b' '; 10 << 20]));
    let error = start(&fetching(&server), MEETING).await.expect_err("no token in 64 KiB");
    assert!(chain(&error).contains("too long"), "{error}");
    later(10).await;
    tokio::time::sleep(Duration::from_millis(50)).await; // the hanging request is given up
    start(&zoom, MEETING).await.expect("the next call tries again");
}

#[tokio::test]
async fn an_invalid_token_is_a_typed_error_and_is_not_printed() {
    let server = server(MockServer::builder()).await;
    for token in ["", "hidden\ntoken", "hidden\r\nX-Evil: 1", "Bearer hidden", "hidden\0", "hidden-é"] {
        let source = Scripted::new([Ok(AccessToken::new(token)), Ok(mock_token())]);
        let zoom = source.client(&server).build().expect("a client");
        let error = start(&zoom, MEETING).await.expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::Token);
        assert!(cause(&error).to_string().contains("the access token"), "{error}");
        assert_eq!(secret_in(&format!("{error} {error:?}")), None);
        start(&zoom, MEETING).await.expect("the next call tries again");
    }
    assert_eq!(server.request_count(), 6);
}

#[tokio::test]
async fn unusable_credentials_and_token_urls_are_refused_when_the_client_is_built() {
    let server = server(MockServer::builder()).await;
    let app = |account: &str, client: &str, secret: &str| ServerToServer::new(account, client, secret);
    let at = |url: &str| app("a", "b", "c").token_url(url);
    for (source, words) in [
        (app("", "b", "c"), "the account ID is empty"),
        (app("a", "", "c"), "the client ID is empty"),
        (app("a", "b", ""), "the client secret is empty"),
        (app("a\n", "b", "c"), "the account ID contains a space, line break"),
        (app("a", "b\r\n", "c"), "the client ID contains a space, line break"),
        (app("a", "b", "hidden\n"), "the client secret contains a space, line break"),
        (app("a", "b", " hidden"), "the client secret contains a space, line break"),
        (app("a", "b:b", "c"), "the client ID contains a colon"),
        (at("http://zoom.us/oauth/token"), "the token URL must be https"),
        (at("zoom.us"), "the token URL is not a URL"),
        (at("https://hidden:hidden@zoom.us/"), "the token URL must consist of a scheme"),
    ] {
        for base_url in [server.base_url(), "https://api.zoom.us/v2"] {
            let new = || Client::builder().base_url(base_url);
            let inside = new().token_source(Arc::new(Box::new(source.clone())));
            for builder in [new().token_source(source.clone()), inside] {
                let error = builder.build().expect_err(words);
                assert_eq!(error.kind(), ErrorKind::Refused);
                assert!(chain(&error).contains(words), "{error}");
                assert_eq!(secret_in(&format!("{error} {error:?}")), None);
            }
        }
    }
    // Even if a source that wraps it does not forward `validate`.
    let inside = app("a", "b", "hidden\n").token_url(server.token_url());
    let error = inside.token(&reqwest::Client::new(), None).await.expect_err("refused");
    assert!(error.to_string().contains("the client secret contains a space, line break"), "{error}");
    assert_eq!(server.token_requests(), 0);
    let loopback = Client::builder().token_source(at(server.token_url())).build();
    let error = loopback.expect_err("a token of a loopback endpoint is not for Zoom");
    assert!(chain(&error).contains("the token URL must be https because the base URL is"), "{error}");
    for source in [app("a", "b", "c:c"), at("https://zoom.us/oauth/token"), at(server.token_url())] {
        builder_without_token(&server).token_source(source).build().expect("a client");
    }
}

#[test]
fn a_token_and_a_source_cannot_both_be_set() {
    let error = Client::builder().access_token("t").token_source(ServerToServer::new("a", "b", "c")).build();
    let error = error.expect_err("which one is meant?");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(chain(&error).contains("both `access_token` and `token_source`"), "{error}");
}

#[tokio::test]
async fn a_lifetime_is_a_number_or_text_and_a_refusal_names_the_field() {
    for (expires_in, is_usable) in [
        ("3600", true),
        ("\"3600\"", true),
        ("3599.0", true),
        ("\"3599.5\"", true),
        ("null", true),
        ("0", true),
        ("-1", false),
        ("\"soon\"", false),
        ("\"\"", false),
        ("\"NaN\"", false),
        ("\"inf\"", false),
        ("1e300", false),
        ("true", false),
        ("[3600]", false),
    ] {
        let server = server(MockServer::builder()).await;
        let body = format!(r#"{{"access_token":"mock-access-token","expires_in":{expires_in}}}"#);
        server.answer_token_request(Answer::status(200).body(body));
        match start(&fetching(&server), MEETING).await {
            Ok(()) => assert!(is_usable, "{expires_in}"),
            Err(error) => {
                assert!(!is_usable, "{expires_in}: {error}");
                assert!(chain(&error).contains("`expires_in` is not a number of seconds"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn an_errors_methods_also_describe_a_token_request() {
    let seven = Some(Duration::from_secs(7));
    for (status, header, is_limited, retry_after, words, not) in [
        (
            429,
            Some("7"),
            true,
            seven,
            "Too many tokens were requested. Zoom asks you to wait for 7 s",
            "Check",
        ),
        (429, None, true, None, "Too many tokens were requested", "Check"),
        (503, Some("7"), false, seven, "try again later. Zoom asks you to wait for 7 s", "Check"),
        (500, None, false, None, "try again later", "Check"),
        (401, None, false, None, "Check the account ID, client ID and client secret", "later"),
        (404, None, false, None, "Check the token URL", "client secret"),
    ] {
        let server = server(MockServer::builder()).await;
        let mut answer = Answer::status(status);
        if let Some(seconds) = header {
            answer = answer.header("retry-after", seconds);
        }
        server.answer_token_request(answer);
        let error = start(&fetching(&server), MEETING).await.expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::Token);
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!((error.is_rate_limited(), error.retry_after()), (is_limited, retry_after), "{error}");
        assert_eq!((error.is_timeout(), error.is_unauthorized()), (false, status == 401));
        assert!(chain(&error).contains(words) && !chain(&error).contains(not), "{error}");
    }
}

#[tokio::test]
async fn a_custom_sources_error_is_the_source_of_the_calls_error() {
    let server = server(MockServer::builder()).await;
    let sealed = std::io::Error::new(std::io::ErrorKind::PermissionDenied, "the vault is sealed");
    let sealed = Mutex::new(Some(sealed));
    let source = numbered(move |_| {
        let sealed = sealed.lock().expect("sealed").take().expect("one request");
        async { Err(sealed.into()) }
    });
    let zoom = builder_without_token(&server).token_source(source).build().expect("a client");
    let error = start(&zoom, MEETING).await.expect_err("no token");
    let boxed: Box<dyn std::error::Error + Send + Sync> = error.into();
    let error = boxed.downcast_ref::<Error>().expect("still the error");
    let cause = cause(error).downcast_ref::<std::io::Error>().expect("the vault's error as it was given");
    assert_eq!(cause.kind(), std::io::ErrorKind::PermissionDenied);
}

/// Makes `calls` calls at once, `revocations` times: nine tenths are in progress when the current token is revoked, and
/// one tenth start then. Every call that was refused because of one revocation has been answered before the next.
async fn storm(zoom: &Client, server: &MockServer, calls: usize, revocations: usize) {
    for revocation in 1..=revocations {
        let mut storm = JoinSet::new();
        for call in 0..calls - calls / 10 {
            storm.spawn(one(zoom.clone(), call));
        }
        let first = storm.join_next().await.expect("a call");
        first.expect("joined").expect("every call ends in 204");
        server.revoke_token();
        for call in calls - calls / 10..calls {
            storm.spawn(one(zoom.clone(), call));
        }
        while let Some(call) = storm.join_next().await {
            call.expect("joined").expect("every call ends in 204");
        }
        assert_eq!(server.token_requests(), revocation + 1);
    }
    let statuses = statuses(server);
    let count = |status| statuses.iter().filter(|answered| **answered == status).count();
    assert_eq!(count(204), calls * revocations, "no call is lost and none is answered twice");
    assert_eq!(count(204) + count(401), statuses.len());
    assert!(count(401) >= revocations, "each revocation refused calls: {}", count(401));
}

#[tokio::test]
async fn a_thousand_concurrent_calls_survive_five_revocations_of_the_token_with_six_token_requests() {
    let server = server(MockServer::builder()).await;
    storm(&fetching(&server), &server, 1000, 5).await;
}

#[tokio::test]
async fn concurrent_calls_over_one_http2_connection_survive_five_revocations_of_the_token() {
    let server = server(MockServer::builder()).await;
    let http2 = reqwest::ClientBuilder::new().http2_prior_knowledge();
    let zoom =
        builder_without_token(&server).http(|_| http2).token_source(app(&server)).build().expect("a client");
    storm(&zoom, &server, 50, 5).await;
    let peers: std::collections::HashSet<_> = server.requests().iter().map(|r| r.peer).collect();
    assert_eq!(peers.len(), 1);
}

#[tokio::test]
async fn no_token_is_requested_for_a_body_that_is_refused() {
    let server = server(MockServer::builder()).await;
    let call = fetching(&server).update_meeting_live_stream_status().meeting_id(MEETING);
    assert_eq!(call.await.expect_err("no field").kind(), ErrorKind::Refused);
    assert_eq!(server.token_requests(), 0);
}

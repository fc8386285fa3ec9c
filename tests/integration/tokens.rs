//! Where tokens come from, how long they are cached, and which calls wait for them.

use std::collections::{HashSet, VecDeque};
use std::error::Error as StdError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use zoom_livestream::mock::{Answer, MockServer, MockServerBuilder};
use zoom_livestream::{AccessToken, Client, Error, ErrorCode, ErrorKind, ServerToServer, TokenSource};

use crate::support::{MEETING, builder_without_token, chain, client, secret_in, start, until};

pub type BoxError = Box<dyn StdError + Send + Sync>;

pub async fn server(setup: MockServerBuilder) -> MockServer {
    setup.cool_down(Duration::ZERO).start().await.expect("the mock server")
}

pub fn app(server: &MockServer) -> ServerToServer {
    ServerToServer::new("mock-account", "mock-client", "mock-secret").token_url(server.token_url())
}

/// Longer than a thousand calls take on a busy machine.
const A_BUSY_MACHINE: Duration = Duration::from_secs(300);

/// A client that fetches its tokens from the mock server.
pub fn fetching(server: &MockServer) -> Client {
    builder_without_token(server).token_source(app(server)).attempt_timeout(A_BUSY_MACHINE).build().expect("a client")
}

pub fn statuses(server: &MockServer) -> Vec<u16> {
    server.requests().iter().filter_map(|received| received.status).collect()
}

/// Why there is no access token.
pub fn cause(error: &Error) -> &(dyn StdError + 'static) {
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

    fn client(&self, server: &MockServer) -> Client {
        let script = self.clone();
        let source = TokenSource::new(move |request| {
            let refused = request.refused.map(|refused| refused.secret.expose().to_owned());
            script.told.lock().expect("told").push(refused);
            let mut answers = script.answers.lock().expect("answers");
            let answer = if answers.len() > 1 { answers.pop_front().expect("an answer") } else { answers[0].clone() };
            let takes = script.takes;
            async move {
                tokio::time::sleep(takes).await;
                answer
            }
        });
        client_of(server, source)
    }
}

pub fn client_of(server: &MockServer, source: impl Into<TokenSource>) -> Client {
    builder_without_token(server).token_source(source).build().expect("a client")
}

/// Moves tokio's clock; sockets keep the real one.
pub async fn later(seconds: u64) {
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
    let zoom = source.client(&server);
    for _ in 0..3 {
        start(&zoom.clone(), MEETING).await.expect("204");
    }
    assert_eq!(source.asked(), 1);
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

pub async fn one(zoom: Client, number: usize) -> Result<(), Error> {
    start(&zoom, MEETING + number as u64).await
}

#[tokio::test]
async fn calls_that_waited_share_a_token_that_expires_at_once() {
    let server = server(MockServer::builder()).await;
    let mut source = Scripted::new([Ok(mock_token().with_expires_in(Duration::ZERO))]);
    source.takes = Duration::from_millis(100);
    let zoom = source.client(&server);
    let calls: Vec<_> = (0..100).map(|number| tokio::spawn(one(zoom.clone(), number))).collect();
    for call in calls {
        call.await.expect("joined").expect("204");
    }
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn calls_that_waited_share_the_failure_and_a_second_later_a_call_tries_again() {
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
    later(1).await;
    start(&zoom, MEETING).await.expect("204");
    assert_eq!((server.token_requests(), server.request_count()), (2, 1));
}

#[tokio::test]
async fn a_token_is_refreshed_300_s_before_its_expiry_or_halfway_to_it() {
    for (lifetime, refreshed_at) in [(3600, 3300), (600, 300), (100, 50), (2, 1)] {
        let server = server(MockServer::builder()).await;
        let source = Scripted::new([Ok(mock_token().with_expires_in(Duration::from_secs(lifetime)))]);
        let zoom = source.client(&server);
        start(&zoom, MEETING).await.expect("204");
        later(refreshed_at - 1).await;
        start(&zoom, MEETING).await.expect("204");
        assert_eq!(source.asked(), 1, "not before {refreshed_at} s");
        later(1).await;
        start(&zoom, MEETING).await.expect("204 with the old token");
        until("the refresh", || source.asked() == 2).await;
    }
}

#[tokio::test]
async fn while_the_old_token_is_valid_a_failed_refresh_is_not_an_error() {
    let server = server(MockServer::builder()).await;
    let source =
        Scripted::new([Ok(mock_token().with_expires_in(Duration::from_secs(100))), Err("the vault is sealed")]);
    let zoom = source.client(&server);
    for _ in 0..99 {
        start(&zoom, MEETING).await.expect("204 with the old token");
        tokio::time::sleep(Duration::from_millis(5)).await;
        later(1).await;
    }
    assert!(source.asked() > 2, "a refresh was tried before: {}", source.asked());
    assert!(source.asked() < 10, "but not by every call: {}", source.asked());
    later(1).await;
    let error = start(&zoom, MEETING).await.expect_err("no token");
    assert_eq!(error.kind(), ErrorKind::Token);
    assert!(chain(&error).contains("the vault is sealed"), "{error}");
}

/// A source whose answer depends on the request's number, from 1; and how often it was asked.
pub fn numbered<F, Answer, E>(answer: F) -> (TokenSource, Arc<AtomicUsize>)
where
    F: Fn(usize) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<AccessToken, E>> + Send + 'static,
    E: Into<BoxError>,
{
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    (TokenSource::new(move |_| answer(count.fetch_add(1, Ordering::SeqCst) + 1)), asked)
}

#[tokio::test]
async fn while_the_old_token_is_valid_a_refresh_that_hangs_does_not_delay_calls() {
    let server = server(MockServer::builder()).await;
    let (source, asked) = numbered(|number| async move {
        if number > 1 {
            std::future::pending::<()>().await;
        }
        Ok::<_, BoxError>(mock_token().with_expires_in(Duration::from_secs(100)))
    });
    let asked = || asked.load(Ordering::SeqCst);
    let zoom = client_of(&server, source).with_call_timeout(Duration::from_secs(2));
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
        (Answer::status(500).header("retry-after", "1"), 76),
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
async fn after_a_failure_calls_get_its_error_for_a_second_or_as_the_endpoint_says() {
    let limited = Answer::status(429).header("retry-after", "60");
    let endless = Answer::status(503).header("retry-after", "18446744073709551615");
    for (answer, pause) in [(limited, 60), (Answer::status(500), 1), (endless, 86_400)] {
        let server = server(MockServer::builder()).await;
        server.answer_token_request(answer);
        let zoom = fetching(&server);
        for _ in 0..20 {
            let error = start(&zoom, MEETING).await.expect_err("no token");
            assert!(error.status().is_some() && !error.may_have_been_sent(), "{error:?}");
        }
        later(pause - 1).await;
        start(&zoom, MEETING).await.expect_err("not yet");
        assert_eq!(server.token_requests(), 1);
        later(1).await;
        start(&zoom, MEETING).await.expect("204");
        assert_eq!((server.token_requests(), server.request_count()), (2, 1));
    }
}

#[tokio::test]
async fn a_refusal_after_a_failed_refresh_does_not_shorten_the_wait_for_the_next() {
    let server = server(MockServer::builder().token_lifetime(Duration::from_secs(1000))).await;
    let zoom = fetching(&server);
    start(&zoom, MEETING).await.expect("204");
    later(701).await;
    server.answer_token_request(Answer::status(429).header("retry-after", "60"));
    start(&zoom, MEETING).await.expect("204 with the old token");
    until("the refresh", || server.token_requests() == 2).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    start(&zoom, MEETING).await.expect("204 with the old token");
    server.revoke_token();
    for attempts in [1, 0] {
        let error = start(&zoom, MEETING).await.expect_err("no newer token");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Token, attempts));
        assert!(error.is_rate_limited(), "{error}");
    }
    later(59).await;
    start(&zoom, MEETING).await.expect_err("not yet");
    assert_eq!(server.token_requests(), 2);
    later(1).await;
    start(&zoom, MEETING).await.expect("204, and not only halfway to the old token's expiry");
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
async fn a_token_request_that_is_lost_is_made_again_by_the_next_call() {
    // A runtime of its own makes the only request, which panics, or hangs until the runtime is shut down.
    for panics in [true, false] {
        let server = server(MockServer::builder()).await;
        let (source, asked) = numbered(move |number| async move {
            match number {
                1 if panics => panic!("the first request of this test's source panics"),
                1 => std::future::pending().await,
                _ => Ok::<_, BoxError>(mock_token()),
            }
        });
        let zoom = client_of(&server, source);
        let call = one(zoom.clone(), 0);
        let elsewhere = std::thread::spawn(move || {
            let elsewhere = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let call = elsewhere.block_on(async { tokio::time::timeout(Duration::from_millis(100), call).await });
            (elsewhere, call.map(|ended| chain(&ended.expect_err("no token"))))
        });
        let (elsewhere, call) = elsewhere.join().expect("joined");
        assert_eq!(call.is_ok_and(|words| words.ends_with("the token source panicked")), panics);
        let waiting = tokio::spawn(one(zoom.clone(), 0));
        if !panics {
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert!(!waiting.is_finished(), "it waits for the token request");
        }
        elsewhere.shutdown_background();
        waiting.await.expect("joined").expect("204 with the token of the second request");
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }
}

#[tokio::test]
async fn a_refresh_that_panics_is_repeated_before_any_call_fails() {
    let server = server(MockServer::builder()).await;
    let (source, asked) = numbered(|number| async move {
        assert_ne!(number, 2, "the first refresh of this test's source panics");
        Ok::<_, BoxError>(mock_token().with_expires_in(Duration::from_secs(100)))
    });
    let zoom = client_of(&server, source);
    start(&zoom, MEETING).await.expect("204");
    later(51).await;
    start(&zoom, MEETING).await.expect("204 with the old token");
    until("the refresh", || asked.load(Ordering::SeqCst) == 2).await;
    later(50).await;
    start(&zoom, MEETING).await.expect("204 with a newer token");
}

#[tokio::test]
async fn a_source_is_told_which_token_was_refused() {
    let server = server(MockServer::builder().access_token("old")).await;
    let newer = mock_token().with_expires_in(Duration::from_secs(100));
    let source = Scripted::new([Ok(AccessToken::new("old")), Ok(newer)]);
    let zoom = source.client(&server);
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
async fn a_token_request_started_before_a_refusal_does_not_bring_the_refused_token_back() {
    let server = server(MockServer::builder().access_token("old")).await;
    let old = || Ok(AccessToken::new("old").with_expires_in(Duration::from_secs(100)));
    let mut source = Scripted::new([old(), old(), Ok(mock_token())]);
    source.takes = Duration::from_millis(300);
    let zoom = source.client(&server);
    start(&zoom, MEETING).await.expect("204");
    later(51).await;
    server.revoke_token();
    server.accept_token("mock-access-token");
    // Its first attempt starts the refresh, and is refused while that is in progress.
    start(&zoom, MEETING).await.expect("204 with a newer token");
    assert_eq!(statuses(&server), [204, 401, 204]);
    assert_eq!(*source.told.lock().expect("told"), [None, None, Some("old".to_owned())]);
}

#[tokio::test]
async fn clones_of_a_source_share_its_token() {
    let server = server(MockServer::builder()).await;
    let source = TokenSource::from(app(&server));
    let of_a_clone = client_of(&server, source.clone());
    let derived = client(&server).with_token_source(source.clone()).expect("a client");
    for zoom in [client_of(&server, source), of_a_clone, derived] {
        start(&zoom, MEETING).await.expect("204");
    }
    assert_eq!(server.token_requests(), 1);
    let app = app(&server);
    for source in [app.clone(), app] {
        start(&client_of(&server, source), MEETING).await.expect("204");
    }
    assert_eq!(server.token_requests(), 3, "two sources of the same app are two sources");
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
    let sent: Vec<_> = requests.iter().map(|received| received.header("authorization").unwrap_or_default()).collect();
    assert_eq!(sent[..2], ["Bearer mock-access-token", "Bearer of-a-user"]);
    assert!(sent[2].starts_with("Bearer mock-token-"), "{}", sent[2]);
    assert_eq!(sent[3], sent[0]);
    let peers: HashSet<_> = requests.iter().map(|received| received.peer).collect();
    assert_eq!(peers.len(), 1, "one after the other they need one connection");

    for refused in [zoom.with_access_token("hidden\n"), zoom.with_token_source(ServerToServer::new("", "b", "c"))] {
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
    let tokens: Vec<_> = server.requests().iter().map(|r| r.header("authorization").map(str::to_owned)).collect();
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
    let zoom = source.client(&server);
    let error = start(&zoom, MEETING).await.expect_err("a source that repeats itself");
    assert_eq!((error.attempts(), server.request_count(), source.asked()), (1, 2, 2));
}

#[tokio::test]
async fn each_refusal_of_a_token_and_nothing_else_is_answered_with_one_newer_token() {
    let without_scopes = "Invalid access token, does not contain scopes:[meeting:write:admin].";
    for (answer, is_refusal) in [
        (Answer::error(401, 300, "No."), true),
        (Answer::status(401), true),
        (Answer::status(401).body(r#"{"status":false,"errorCode":401}"#), true),
        (Answer::error(400, 124, "Invalid access token."), true),
        (Answer::error(403, 124, "Invalid access token."), true),
        (Answer::error(400, 4700, "Token cannot be empty."), true),
        (Answer::error(400, 4735, "The owner of the token does not exist."), true),
        (Answer::error(400, 4738, "The token is disabled by admin."), true),
        (Answer::error(400, 4741, "The token has been revoked."), true),
        (Answer::error(400, 4700, without_scopes), false),
        (Answer::error(400, 4711, without_scopes), false),
        (Answer::error(403, 300, "No."), false),
        (Answer::error(404, 3001, "Meeting does not exist."), false),
    ] {
        let server = server(MockServer::builder()).await;
        server.answer_always(answer);
        let zoom = fetching(&server);
        let error = start(&zoom, MEETING).await.expect_err("refused");
        let attempts = if is_refusal { 2 } else { 1 };
        assert_eq!((error.attempts(), server.token_requests()), (attempts, attempts as usize), "{error}");
        assert_eq!(error.is_unauthorized(), is_refusal, "{error}");
        start(&zoom, MEETING).await.expect_err("refused");
        let tokens = if is_refusal { 4 } else { 1 };
        assert_eq!(server.token_requests(), tokens, "the second token is dropped as well");
    }
}

#[tokio::test]
async fn a_source_is_never_asked_twice_at_once() {
    let server = server(MockServer::builder().access_token("old")).await;
    let (current, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (current.clone(), most.clone());
    let (source, asked) = numbered(move |number| {
        let (now, peak) = (now.clone(), peak.clone());
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(300)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            let token = AccessToken::new(if number < 2 { "old" } else { "mock-access-token" });
            Ok::<_, BoxError>(token.with_expires_in(Duration::from_secs(100)))
        }
    });
    let zoom = client_of(&server, source);
    start(&zoom, MEETING).await.expect("204");
    later(51).await;
    server.revoke_token();
    server.accept_token("mock-access-token");
    start(&zoom, MEETING).await.expect("204 with a newer token");
    assert_eq!((most.load(Ordering::SeqCst), asked.load(Ordering::SeqCst)), (1, 2), "at once, and in all");
}

#[tokio::test]
async fn elapsed_includes_the_search_for_a_newer_token() {
    let server = server(MockServer::builder()).await;
    server.answer_always(Answer::error(401, 124, "Invalid access token."));
    let mut source = Scripted::new([Ok(mock_token())]);
    source.takes = Duration::from_millis(400);
    let zoom = source.client(&server);
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
    later(1).await;
    start(&zoom, MEETING).await.expect("the next call tries again");
}

#[tokio::test]
async fn an_invalid_token_is_a_typed_error_and_is_not_printed() {
    let server = server(MockServer::builder()).await;
    for token in ["", "hidden\ntoken", "hidden\r\nX-Evil: 1", "Bearer hidden", "hidden\0", "hidden-é"] {
        let source = Scripted::new([Ok(AccessToken::new(token)), Ok(mock_token())]);
        let zoom = source.client(&server);
        let error = start(&zoom, MEETING).await.expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::Token);
        assert!(cause(&error).to_string().contains("the access token"), "{error}");
        assert_eq!(secret_in(&format!("{error} {error:?}")), None);
        later(1).await;
        start(&zoom, MEETING).await.expect("the next call tries again");
    }
    assert_eq!(server.request_count(), 6);
}

#[tokio::test]
async fn a_custom_sources_error_is_the_source_of_the_calls_error() {
    let server = server(MockServer::builder()).await;
    let sealed = std::io::Error::new(std::io::ErrorKind::PermissionDenied, "the vault is sealed");
    let sealed = Mutex::new(Some(sealed));
    let (source, _) = numbered(move |_| {
        let sealed = sealed.lock().expect("sealed").take().expect("one request");
        async { Err(sealed) }
    });
    let zoom = client_of(&server, source);
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
async fn a_thousand_calls_survive_five_revocations_of_the_token_with_six_token_requests() {
    let server = server(MockServer::builder()).await;
    storm(&fetching(&server), &server, 1000, 5).await;
}

#[tokio::test]
async fn concurrent_calls_over_one_http2_connection_survive_five_revocations_of_the_token() {
    let server = server(MockServer::builder()).await;
    let http2 = reqwest::ClientBuilder::new().http2_prior_knowledge();
    let zoom = builder_without_token(&server).http(|_| http2).token_source(app(&server)).build().expect("a client");
    storm(&zoom, &server, 50, 5).await;
    let peers: HashSet<_> = server.requests().iter().map(|r| r.peer).collect();
    assert_eq!(peers.len(), 1);
}

#[tokio::test]
async fn no_token_is_requested_for_a_body_that_is_refused() {
    let server = server(MockServer::builder()).await;
    let call = fetching(&server).update_meeting_live_stream_status().meeting_id(MEETING);
    assert_eq!(call.await.expect_err("no field").kind(), ErrorKind::Refused);
    assert_eq!(server.token_requests(), 0);
}

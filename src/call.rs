//! One call: attempt, judge, wait, attempt again.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Request, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};

use crate::auth::Token;
use crate::body::{Inspected, Purpose};
use crate::error::{Answer, Envelope, Error, Flaw, Judged, Progress};
use crate::operation::Operation;
use crate::retry::{self, Decision, Resend, RetryPolicy, Spent, Stop};
use crate::trace::Span;
use crate::{Client, ErrorCode, RawBody};

/// What `.await` on an operation's builder waits for.
pub(crate) type Call<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// What is kept of a failure's body.
pub(crate) const FAILURE_LIMIT: usize = 64 * 1024;
/// What a success's body may hold.
const SUCCESS_LIMIT: usize = 4 * 1024 * 1024;
/// Before the second and the third attempt to connect.
pub(crate) const CONNECT_BACKOFF: [Duration; 2] = [Duration::from_millis(250), Duration::from_millis(1000)];

/// No longer wait is slept, so that the instant at its end can be told.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Builds a request anew for each attempt, or tells what its body holds.
pub(crate) type Build<'a> =
    dyn Fn(&mut Purpose<'_>) -> Result<Request, progenitor_client::Error<()>> + Sync + 'a;

/// Sends until there is a success or nothing more to be done. Resent are a 429, as the retry policy allows; a 401
/// with code 124, once and with a newer token; a failure to connect, twice. Nothing else that may have reached Zoom.
pub(crate) async fn run(
    client: &Client,
    operation: &'static Operation,
    build: &Build<'_>,
) -> Result<Answer, Error> {
    let span = Span::call(operation);
    span.within(attempts(client, operation, build, &span)).await
}

async fn attempts(
    client: &Client,
    operation: &'static Operation,
    build: &Build<'_>,
    span: &Span,
) -> Result<Answer, Error> {
    let inner = &client.inner;
    let policy = &inner.retry;
    let started = Instant::now();
    let deadline = policy.deadline.and_then(|deadline| started.checked_add(deadline));
    let mut spent = Progress::default();
    let (mut resends, mut connects, mut renewed) = (0, 0, false);
    loop {
        let mut request = build(&mut Purpose::Send).map_err(|error| refused(operation, error))?;
        let now = |spent| Progress { elapsed: started.elapsed(), ..spent };
        let out_of_time = |spent| Error::deadline(operation, "an access token was fetched", now(spent));
        let token =
            before(deadline, inner.tokens.get(&client.client)).await.ok_or_else(|| out_of_time(spent))?;
        let token = token.map_err(|error| Error::token(operation, error, now(spent)))?;
        let left =
            deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Err(out_of_time(spent));
        }
        prepare(&mut request, &token, inner.attempt_timeout.min(left));
        let attempt_span = span.attempt(operation, &request, spent.attempts);
        spent.attempts += 1;
        let mut answer = match attempt_span.within(attempt(client, operation, request)).await {
            Ok(answer) => answer,
            Err(error) => {
                attempt_span.failed(&error);
                let backoff = CONNECT_BACKOFF.get(connects).copied().filter(|_| error.is_connect());
                let in_time =
                    |wait: &Duration| deadline.is_none_or(|deadline| Instant::now() + *wait < deadline);
                let Some(backoff) = backoff.filter(in_time) else {
                    return Err(Error::transport(operation, error, now(spent)));
                };
                connects += 1;
                let why = "no connection could be made: the call waits and tries again";
                span.resending(operation, spent.attempts, backoff, why);
                sleep(backoff).await;
                continue;
            }
        };
        spent.answered = true;
        attempt_span.answered(answer.status);
        answer.progress = now(spent);
        if !answer.body.is_empty() {
            answer.secrets = quotable_secrets(build, &token);
        }
        if answer.status.is_success() {
            return Ok(answer);
        }
        let envelope = Envelope::of_failure(&answer.body);
        if answer.status == StatusCode::UNAUTHORIZED && envelope.code == Some(ErrorCode(124)) && !renewed {
            renewed = true;
            inner.tokens.discard(&token);
            let newer =
                before(deadline, inner.tokens.get(&client.client)).await.ok_or_else(|| out_of_time(spent))?;
            let newer = newer.map_err(|error| Error::token(operation, error, now(spent)))?;
            if newer.header() != token.header() {
                let why =
                    "Zoom refused the access token with code 124: the call is sent again with a newer one";
                span.resending(operation, spent.attempts, Duration::ZERO, why);
                continue;
            }
        }
        let instant = SystemTime::now();
        let so_far = Spent { resends, elapsed: answer.progress.elapsed };
        let wait = match retry::decide(
            policy,
            operation.documented_wait,
            answer.status,
            &answer.headers,
            so_far,
            instant,
        ) {
            Decision::Wait(wait) => wait,
            Decision::Stop(stop) => return Err(failure(answer, envelope, stop, instant)),
        };
        resends += 1;
        let wait = wait.min(CENTURY);
        let path = build(&mut Purpose::Inspect(&mut Inspected::default()))
            .map(|request| request.url().path().to_owned())
            .unwrap_or_default();
        let resend = Resend { operation_id: operation.id, path, number: resends, wait, at: instant + wait };
        span.resending(
            operation,
            spent.attempts,
            wait,
            "Zoom answered 429: the call waits and is sent again",
        );
        if let Some(stop) = wait_and_ask(policy, resend, deadline).await {
            answer.progress = now(spent);
            return Err(failure(answer, envelope, stop, instant));
        }
    }
}

fn refused(operation: &'static Operation, error: progenitor_client::Error<()>) -> Error {
    match error {
        progenitor_client::Error::InvalidRequest(sentence) => Error::refused(Some(operation), sentence),
        progenitor_client::Error::CommunicationError(error) => {
            Error::refused(Some(operation), "its URL or headers cannot be made").because(error.without_url())
        }
        // A request that is only built can end in no other way.
        other => Error::refused(Some(operation), other),
    }
}

fn prepare(request: &mut Request, token: &Token, timeout: Duration) {
    *request.timeout_mut() = Some(timeout);
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(AUTHORIZATION, token.header().clone());
}

async fn attempt(
    client: &Client,
    operation: &'static Operation,
    request: Request,
) -> Result<Answer, reqwest::Error> {
    let mut response = client.client.execute(request).await?;
    let status = response.status();
    let (body, flaw) =
        read(&mut response, if status.is_success() { SUCCESS_LIMIT } else { FAILURE_LIMIT }).await;
    let mut headers = std::mem::take(response.headers_mut());
    if !status.is_success() {
        // These are slices of the connection's read buffer and would keep all 8 KiB of it through a wait.
        for value in headers.values_mut() {
            *value = HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone());
        }
    }
    Ok(Answer { status, headers, body, flaw, operation, progress: Progress::default(), secrets: Vec::new() })
}

/// What an answer could quote of the request and nobody may print.
fn quotable_secrets(build: &Build<'_>, token: &Token) -> Vec<String> {
    let mut inspected = Inspected::default();
    // An attempt's request was built before, so that this one cannot fail either.
    let _ = build(&mut Purpose::Inspect(&mut inspected));
    let mut secrets = inspected.secrets;
    let token = token.header().to_str().unwrap_or_default();
    secrets.push(token.trim_start_matches("Bearer ").to_owned());
    secrets
}

/// The body as far as `limit`, and why it is not whole.
pub(crate) async fn read(response: &mut reqwest::Response, limit: usize) -> (Bytes, Option<Flaw>) {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => {
                body.extend_from_slice(&chunk[..limit - body.len()]);
                return (body.freeze(), Some(Flaw { what: "its body is too long to be kept", cause: None }));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return (body.freeze(), None),
            Err(error) => {
                let what =
                    if error.is_timeout() { "its body did not end in time" } else { "its body was cut off" };
                return (body.freeze(), Some(Flaw { what, cause: Some(error.without_url()) }));
            }
        }
    }
}

/// Waits, then asks whether the call is still wanted; gives the reason not to send it.
async fn wait_and_ask(policy: &RetryPolicy, resend: Resend, deadline: Option<Instant>) -> Option<Stop> {
    if let Some(notify) = &policy.notify {
        notify(&resend);
    }
    sleep(resend.wait).await;
    match before(deadline, policy.check.as_ref()?(resend)).await {
        Some(true) => None,
        Some(false) => Some(Stop::Unwanted),
        None => Some(Stop::PastDeadline),
    }
}

async fn before<T>(deadline: Option<Instant>, future: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}

fn failure(answer: Answer, envelope: Envelope, stop: Stop, now: SystemTime) -> Error {
    let limited = stop != Stop::NotLimited;
    let wait = retry::asked_wait(answer.operation.documented_wait, &answer.headers, now).filter(|_| limited);
    let until = retry::asked_instant(&answer.headers, now).filter(|_| limited);
    let (operation, progress) = (answer.operation, answer.progress);
    Error::answered(operation, answer, Judged { envelope, stop, wait, until, mismatch: None }, progress)
}

/// A success that does not hold what it should.
fn no_success(answer: Answer, envelope: Envelope, mismatch: Option<String>) -> Error {
    let (operation, progress) = (answer.operation, answer.progress);
    Error::answered(
        operation,
        answer,
        Judged { envelope, stop: Stop::NotLimited, wait: None, until: None, mismatch },
        progress,
    )
}

/// For an operation whose success has no body: any 2xx will do, unless it carries an error or what is missing of it
/// could have been one.
pub(crate) fn nothing(answer: Answer) -> Result<(), Error> {
    if answer.flaw.is_some() {
        return Err(no_success(answer, Envelope::default(), None));
    }
    if answer.body.is_empty() {
        return Ok(());
    }
    match Envelope::of_success(&answer.body) {
        Some(envelope) => Err(no_success(answer, envelope, None)),
        None => Ok(()),
    }
}

/// For an operation whose success is JSON; an empty body stands for `null`.
#[allow(dead_code)] // the description says which of these three are used
pub(crate) fn value<T: DeserializeOwned>(answer: Answer) -> Result<T, Error> {
    if answer.flaw.is_some() {
        return Err(no_success(answer, Envelope::default(), None));
    }
    if let Some(envelope) = Envelope::of_success(&answer.body) {
        return Err(no_success(answer, envelope, None));
    }
    let json: &[u8] = if answer.body.is_empty() { b"null" } else { &answer.body };
    // serde's own words quote the value, which may be a stream key.
    serde_json::from_slice(json).map_err(|error| {
        let mismatch = format!(
            "its body does not hold what the description says (line {}, column {})",
            error.line(),
            error.column()
        );
        no_success(answer, Envelope::default(), Some(mismatch))
    })
}

/// For an operation whose success the description has no schema for.
#[allow(dead_code)]
pub(crate) fn bytes(answer: Answer) -> Result<RawBody, Error> {
    match answer.flaw {
        Some(_) => Err(no_success(answer, Envelope::default(), None)),
        None => Ok(answer.body.into()),
    }
}

//! One call: attempt, judge, wait, attempt again.

use std::collections::hash_map::RandomState;
use std::future::{Future, pending, poll_fn};
use std::hash::{BuildHasher, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Request, StatusCode};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::Client;
use crate::answer::{Answer, Judge};
use crate::auth::Token;
use crate::body::{Inspected, Purpose};
use crate::envelope::{Envelope, ErrorCode};
use crate::error::{Error, Judgement, Progress};
use crate::operation::Operation;
use crate::retry::{Decision, Limit, Resend, Spent, Stop, decide};
use crate::send::{FAILURE_LIMIT, backoff, send};
use crate::trace::Span;

/// What `.await` on an operation's builder waits for.
pub(crate) type Call<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// Builds the request of one attempt, or inspects what it would send.
pub(crate) type Build<'a> =
    dyn Fn(&mut Purpose<'_>) -> Result<Request, progenitor_client::Error<()>> + Sync + 'a;

/// Zoom's code for an access token that is invalid or has expired.
const INVALID_ACCESS_TOKEN: ErrorCode = ErrorCode(124);

/// No longer wait is slept, so that the instant at its end can be told.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Sends until there is a success or nothing more to be done. Sent again are a 429, as the retry policy allows; a 401
/// with code 124, once and with a newer token; a failure to connect, twice. Nothing else that may have reached Zoom.
pub(crate) async fn run<T>(
    client: &Client,
    operation: &'static Operation,
    build: &Build<'_>,
    judge: Judge<T>,
) -> Result<T, Error> {
    let started = Instant::now();
    let deadline = client.inner.retry.deadline.and_then(|deadline| started.checked_add(deadline));
    let span = Span::call(operation);
    let call = Running { client, operation, build, span, started, deadline };
    let mut success = call.span.within(call.attempts()).await?;
    success.answer.judged(judge).map_err(|flaw| {
        let answer = &mut success.answer;
        answer.flaw = answer.flaw.take().or(flaw);
        if answer.body.len() > FAILURE_LIMIT {
            // A slice would keep all of it.
            answer.body = Bytes::copy_from_slice(&answer.body[..FAILURE_LIMIT]);
        }
        call.failure(success, None)
    })
}

struct Running<'c> {
    client: &'c Client,
    operation: &'static Operation,
    build: &'c Build<'c>,
    span: Span,
    started: Instant,
    deadline: Option<Instant>,
}

/// An answer, the token that it was an answer to, and what the call has behind it.
struct Answered {
    answer: Answer,
    token: Arc<Token>,
    progress: Progress,
}

impl Running<'_> {
    async fn attempts(&self) -> Result<Answered, Error> {
        let inner = &self.client.inner;
        let mut progress = Progress::default();
        let (mut spent, mut connects, mut renewed) = (Spent::default(), 0, false);
        loop {
            // Before a token is fetched, so that what this crate refuses costs nothing.
            let request = (self.build)(&mut Purpose::Send).map_err(|error| refused(self.operation, error))?;
            let token = self.token(progress).await?;
            let request = self.prepared(request, &token, progress)?;
            if progress.attempts == 0 {
                self.span.about(self.operation, &request);
            }
            let attempt = self.span.attempt(self.operation, &request, progress.attempts);
            progress.attempts += 1;
            let outcome = attempt.within(send(&self.client.client, request)).await;
            progress.elapsed = self.started.elapsed();
            let answer = match outcome {
                Ok(answer) => answer,
                Err(error) => {
                    attempt.failed(&error);
                    let backoff = backoff(&error, connects).filter(|wait| self.is_in_time(*wait));
                    let Some(wait) = backoff else {
                        return Err(Error::transport(self.operation, error, progress));
                    };
                    connects += 1;
                    self.tell(progress, wait, "no connection could be made: the call waits and tries again");
                    sleep(wait).await;
                    continue;
                }
            };
            attempt.answered(&answer, text(&token));
            progress.may_have_been_sent = true;
            let ended = |answer, token| Answered { answer, token, progress };
            if answer.status.is_success() {
                return Ok(ended(answer, token));
            }
            if !renewed && is_refused_token(&answer) {
                renewed = true;
                inner.tokens.discard(&token);
                let newer = self.token(progress).await?;
                if newer.header() != token.header() {
                    let why = "Zoom refused the access token with code 124: the call is sent again with a newer one";
                    self.tell(progress, Duration::ZERO, why);
                    continue;
                }
            }
            let now = SystemTime::now();
            let limit = Limit::of(answer.status, &answer.headers, self.operation.documented_wait, now);
            let Some(limit) = limit else { return Err(self.failure(ended(answer, token), None)) };
            spent.elapsed = progress.elapsed;
            let wait = match decide(&inner.retry, &limit, spent, chance()) {
                Decision::Wait(wait) => wait.min(CENTURY),
                Decision::Stop(stop) => return Err(self.failure(ended(answer, token), Some((limit, stop)))),
            };
            spent.count(limit.kind);
            if let Some(stop) = self.wait(progress, spent.retries.saturating_add(spent.paced), wait).await {
                progress.elapsed = self.started.elapsed();
                let ended = Answered { answer, token, progress };
                return Err(self.failure(ended, Some((limit, stop))));
            }
        }
    }

    async fn token(&self, progress: Progress) -> Result<Arc<Token>, Error> {
        let token = self.in_time(self.client.inner.tokens.get(&self.client.client)).await;
        let progress = Progress { elapsed: self.started.elapsed(), ..progress };
        let token = token.ok_or_else(|| self.out_of_time(progress))?;
        token.map_err(|error| Error::token(self.operation, error, progress))
    }

    fn prepared(&self, mut request: Request, token: &Token, progress: Progress) -> Result<Request, Error> {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.unwrap_or(Duration::MAX);
        if left.is_zero() {
            return Err(self.out_of_time(Progress { elapsed: self.started.elapsed(), ..progress }));
        }
        *request.timeout_mut() = Some(self.client.inner.attempt_timeout.min(left));
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(AUTHORIZATION, token.header().clone());
        Ok(request)
    }

    /// Waits, then asks whether the call is still wanted; gives the reason not to send it.
    async fn wait(&self, progress: Progress, number: u32, wait: Duration) -> Option<Stop> {
        let policy = &self.client.inner.retry;
        let told = policy.notify.is_some() || policy.unless.is_some() || policy.check.is_some();
        let resend = told.then(|| {
            let (path, Inspected { texts, .. }) = self.inspected();
            Resend::new(self.operation, path, texts, number, wait)
        });
        let mut satisfied = match (&policy.unless, &resend) {
            (Some(unless), Some(resend)) => unless(resend.clone()),
            _ => Box::pin(pending()),
        };
        if let Poll::Ready(reason) = poll_fn(|task| Poll::Ready(satisfied.as_mut().poll(task))).await {
            return Some(Stop::Satisfied(reason));
        }
        self.tell(progress, wait, "Zoom answered 429: the call waits and is sent again");
        if let (Some(notify), Some(resend)) = (&policy.notify, &resend) {
            notify(resend);
        }
        if let Ok(reason) = timeout(wait, satisfied).await {
            return Some(Stop::Satisfied(reason));
        }
        match self.in_time(policy.check.as_ref()?(resend?)).await {
            Some(true) => None,
            Some(false) => Some(Stop::Declined),
            None => Some(Stop::CheckTooSlow),
        }
    }

    /// The error that this answer is. Only now is it found out what was sent and must not be printed.
    fn failure(&self, ended: Answered, limit: Option<(Limit, Stop)>) -> Error {
        let Answered { answer, token, progress } = ended;
        let mut secrets = self.inspected().1.secrets;
        secrets.push(text(&token).to_owned());
        let (limit, stop) = limit.unzip();
        Error::answered(
            self.operation,
            answer,
            Judgement { limit, stop, secrets: &secrets, ..Judgement::default() },
            progress,
        )
    }

    /// The request's path, and what its body holds.
    fn inspected(&self) -> (String, Inspected) {
        let mut inspected = Inspected::default();
        let request = (self.build)(&mut Purpose::Inspect(&mut inspected));
        (request.map(|request| request.url().path().to_owned()).unwrap_or_default(), inspected)
    }

    fn tell(&self, progress: Progress, wait: Duration, why: &str) {
        self.span.resending(self.operation, progress.attempts, wait, why);
    }

    fn out_of_time(&self, progress: Progress) -> Error {
        Error::deadline(self.operation, "an access token was fetched", progress)
    }

    fn is_in_time(&self, wait: Duration) -> bool {
        self.deadline.is_none_or(|deadline| Instant::now() + wait < deadline)
    }

    async fn in_time<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        match self.deadline {
            Some(deadline) => timeout_at(deadline, future).await.ok(),
            None => Some(future.await),
        }
    }
}

pub(crate) fn refused(operation: &'static Operation, error: progenitor_client::Error<()>) -> Error {
    match error {
        progenitor_client::Error::InvalidRequest(sentence) => Error::refused(Some(operation), sentence),
        progenitor_client::Error::CommunicationError(error) => {
            Error::refused(Some(operation), "its URL or headers are invalid").because(error.without_url())
        }
        // A request that is only built can fail in no other way.
        other => Error::refused(Some(operation), other),
    }
}

fn is_refused_token(answer: &Answer) -> bool {
    answer.status == StatusCode::UNAUTHORIZED
        && Envelope::read(&answer.body).code == Some(INVALID_ACCESS_TOKEN)
}

fn text(token: &Token) -> &str {
    token.header().to_str().unwrap_or_default().trim_start_matches("Bearer ")
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}

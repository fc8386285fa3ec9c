//! One call: attempt, judge, wait, attempt again.

use std::collections::hash_map::RandomState;
use std::future::{Future, pending, poll_fn};
use std::hash::BuildHasher;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Request, StatusCode};
use tokio::time::{Instant, Timeout, sleep, timeout, timeout_at};

use crate::Client;
use crate::answer::{Answer, Judge};
use crate::auth::Token;
use crate::body::Encoded;
use crate::envelope::{Envelope, ErrorCode};
use crate::error::{Error, INVALID_ACCESS_TOKEN, Judgement, Progress};
use crate::inspection::Inspected;
use crate::operation::Operation;
use crate::parameters::Parameters;
use crate::retry::{Kind, Limit, Resend, Spent, Stop, decide};
use crate::trace::Span;
use crate::transport::{backoff, send};

/// The future that `.await` on an operation's builder waits for.
pub(crate) type Call<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// The longest wait and the latest deadline, because clocks cannot express every instant.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The content of a call's requests.
pub(crate) struct Content<'c> {
    /// The base URL's path and the operation's, with its parameters filled in.
    pub path: &'c str,
    pub parameters: Option<&'c Parameters>,
    /// Encodes the body, once per attempt. The error is the message that says why it was refused.
    pub encode: &'c (dyn Fn() -> Result<Option<Encoded>, String> + Sync),
    pub inspect: &'c (dyn Fn() -> Inspected + Sync),
}

/// Sends until the call succeeds or there is nothing more to try. It sends again after a 429, as the retry policy
/// allows; once after a 401 with code 124, with a newer token; and twice after a failure to connect. Nothing else that
/// may have reached Zoom is sent again.
pub(crate) async fn run<T>(
    client: &Client,
    operation: &'static Operation,
    content: Content<'_>,
    judge: Judge<T>,
) -> Result<T, Error> {
    if content.path.split('/').any(|segment| matches!(segment, "." | "..")) {
        // Two parameters that share a segment may make these; the parser would resolve them.
        return Err(Error::refused(Some(operation), "its path has a segment `.` or `..`"));
    }
    let started = Instant::now();
    let deadline = started + client.inner.retry.deadline.map_or(CENTURY, |deadline| deadline.min(CENTURY));
    let span = Span::call(operation, content.path);
    let call = Running { client, operation, content, span, started, deadline };
    let mut success = call.span.within(call.attempts()).await?;
    success.answer.judged(judge).map_err(|flaw| {
        success.answer.flaw = success.answer.flaw.take().or(flaw);
        call.failure(success, None)
    })
}

struct Running<'c> {
    client: &'c Client,
    operation: &'static Operation,
    content: Content<'c>,
    span: Span,
    started: Instant,
    deadline: Instant,
}

/// An answer, the token that was sent for it, and the attempts and time that the call has used.
struct Answered {
    answer: Answer,
    token: Arc<Token>,
    progress: Progress,
}

impl Running<'_> {
    async fn attempts(&self) -> Result<Answered, Error> {
        let Self { client, operation, .. } = self;
        let mut progress = Progress::default();
        let (mut spent, mut connects, mut refreshed) = (Spent::default(), 0, false);
        loop {
            // Boxed, so that a call that waits does not hold the space that an attempt needs.
            let (token, outcome) = Box::pin(self.attempt(progress)).await?;
            progress.attempts += 1;
            progress.elapsed = self.started.elapsed();
            let answer = match outcome {
                Ok(answer) => answer,
                Err(error) => {
                    let in_time = |wait: &Duration| self.left() > *wait;
                    let Some(wait) = backoff(&error, connects).filter(in_time) else {
                        return Err(Error::transport(operation, error, progress));
                    };
                    connects += 1;
                    self.tell(progress, wait, "no connection could be made: the call waits and tries again");
                    sleep(wait).await;
                    continue;
                }
            };
            progress.may_have_been_sent = true;
            let ended = Answered { answer, token, progress };
            let Answered { answer, token, .. } = &ended;
            if answer.status.is_success() {
                return Ok(ended);
            }
            if !refreshed && is_refused_token(answer) {
                refreshed = true;
                client.inner.tokens.discard(token);
                let newer = Box::pin(self.token(progress)).await?;
                if newer.header() != token.header() {
                    let why = "Zoom refused the access token with code 124: the call is sent again with a newer one";
                    self.tell(progress, Duration::ZERO, why);
                    continue;
                }
            }
            if answer.status != StatusCode::TOO_MANY_REQUESTS {
                return Err(self.failure(ended, None));
            }
            let limit = Limit::read(&answer.headers, operation.documented_wait, SystemTime::now());
            spent.elapsed = progress.elapsed;
            let stop = match decide(&client.inner.retry, &limit, spent, chance()) {
                Ok(wait) => {
                    match limit.kind {
                        Kind::PerSecond => spent.paced += 1,
                        Kind::Daily | Kind::Other => spent.retries += 1,
                    }
                    self.wait(progress, spent.retries + spent.paced, wait.min(CENTURY)).await
                }
                Err(stop) => Some(stop),
            };
            if let Some(stop) = stop {
                return Err(self.failure(ended, Some((limit, stop))));
            }
        }
    }

    /// Sends once, and returns the token that was used.
    async fn attempt(
        &self,
        progress: Progress,
    ) -> Result<(Arc<Token>, Result<Answer, reqwest::Error>), Error> {
        // Before a token is fetched, because a body may be refused.
        let body = (self.content.encode)().map_err(|what| Error::refused(Some(self.operation), what))?;
        let token = self.token(progress).await?;
        let request = self.request(body, &token);
        let span = self.span.attempt(self.operation, &request, progress.attempts);
        let outcome = span.within(send(&self.client.client, request)).await;
        span.ended(&outcome, text(&token));
        Ok((token, outcome))
    }

    async fn token(&self, progress: Progress) -> Result<Arc<Token>, Error> {
        let token = self.in_time(self.client.inner.tokens.get(&self.client.client)).await;
        let progress = Progress { elapsed: self.started.elapsed(), ..progress };
        let out_of_time = |when| Err(Error::deadline(self.operation, when, progress));
        match token {
            Err(_) => out_of_time("while an access token was being fetched"),
            Ok(Ok(_)) if self.left().is_zero() => out_of_time("before the request was sent"),
            Ok(token) => token.map_err(|error| Error::token(self.operation, error, progress)),
        }
    }

    fn request(&self, body: Option<Encoded>, token: &Token) -> Request {
        let settings = &self.client.inner.settings;
        let mut request = Request::new(self.operation.method.clone(), settings.url(self.content.path));
        *request.timeout_mut() = Some(settings.attempt_timeout.min(self.left()));
        if let Some(parameters) = self.content.parameters {
            parameters.apply(&mut request);
        }
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(AUTHORIZATION, token.header().clone());
        if let Some(Encoded { content_type, bytes }) = body {
            headers.insert(CONTENT_TYPE, content_type);
            *request.body_mut() = Some(bytes.into());
        }
        request
    }

    /// Waits, then asks whether the call is still wanted. `Some` is the reason not to send it.
    async fn wait(&self, progress: Progress, number: u32, wait: Duration) -> Option<Stop> {
        let policy = &self.client.inner.retry;
        let has_hooks = policy.notify.is_some() || policy.unless.is_some() || policy.check.is_some();
        let resend = has_hooks.then(|| {
            let texts = (self.content.inspect)().texts;
            Resend::new(self.operation, self.content.path.to_owned(), texts, number, wait)
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
            Ok(true) => None,
            Ok(false) => Some(Stop::Declined),
            Err(_) => Some(Stop::CheckTooSlow),
        }
    }

    /// The error for this answer. The body is searched for secrets only here, because only an error can print them.
    fn failure(&self, ended: Answered, limit: Option<(Limit, Stop)>) -> Error {
        let Answered { answer, token, progress } = ended;
        let progress = Progress { elapsed: self.started.elapsed(), ..progress };
        let mut secrets = (self.content.inspect)().secrets;
        secrets.extend(self.content.parameters.into_iter().flat_map(|sent| sent.secrets.clone()));
        secrets.push(text(&token).to_owned());
        let (limit, stop) = limit.unzip();
        Error::answered(
            self.operation,
            answer,
            Judgement { limit, stop, secrets: &secrets, ..Judgement::default() },
            progress,
        )
    }

    fn tell(&self, progress: Progress, wait: Duration, why: &str) {
        self.span.resending(self.operation, progress.attempts, wait, why);
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn in_time<F: Future>(&self, future: F) -> Timeout<F> {
        timeout_at(self.deadline, future)
    }
}

fn is_refused_token(answer: &Answer) -> bool {
    answer.status == StatusCode::UNAUTHORIZED
        && Envelope::read(&answer.body).code == Some(ErrorCode(INVALID_ACCESS_TOKEN))
}

fn text(token: &Token) -> &str {
    token.header().to_str().unwrap_or_default().trim_start_matches("Bearer ")
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    RandomState::new().hash_one(()) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "mock")]
    #[tokio::test]
    async fn no_path_leads_out_of_its_operation() {
        use super::*;
        use crate::mock::MockServer;

        static OPERATION: Operation = Operation {
            id: "anOperation",
            method: reqwest::Method::DELETE,
            path: "/files/{name}{extension}",
            media_type: None,
            body_required: false,
            documented_wait: None,
            errors: &[],
        };
        let server = MockServer::start().await.expect("the embedded Zoom");
        let zoom = Client::builder().base_url(server.base_url()).access_token(server.access_token());
        let zoom = zoom.build().expect("a client");
        for (path, is_sent) in [
            ("/v2/files/..", false),
            ("/v2/files/.", false),
            ("/v2/../users", false),
            ("/v2/files/...", true),
        ] {
            let content =
                Content { path, parameters: None, encode: &|| Ok(None), inspect: &Inspected::default };
            let error = run(&zoom, &OPERATION, content, crate::answer::nothing).await.expect_err(path);
            assert_eq!(error.may_have_been_sent(), is_sent, "{path}: {error}");
        }
        assert_eq!(server.request_count(), 1);
    }

    #[cfg(feature = "mock")]
    #[tokio::test(start_paused = true)]
    async fn a_body_is_encoded_once_per_attempt_and_inspected_only_for_a_hook_or_a_failure() {
        use std::sync::atomic::{AtomicUsize, Ordering};

        use super::*;
        use crate::RetryPolicy;
        use crate::mock::{Answer, MockServer};

        static OPERATION: Operation = Operation {
            id: "anOperation",
            method: reqwest::Method::PATCH,
            path: "/meetings/{meetingId}/livestream/status",
            media_type: Some("application/json"),
            body_required: true,
            documented_wait: None,
            errors: &[],
        };
        let server = MockServer::start().await.expect("the embedded Zoom");
        let zoom = Client::builder().base_url(server.base_url()).access_token(server.access_token());
        let zoom = zoom.build().expect("a client");
        let limited = || Answer::status(429).header("retry-after", "1");
        let done = || Answer::status(204);
        let hook = || RetryPolicy::default().notify(|_| {});
        for (answers, policy, encodings, inspections) in [
            (vec![done()], hook(), 1, 0),
            (vec![limited(), limited(), done()], RetryPolicy::default(), 3, 0),
            (vec![limited(), limited(), done()], hook(), 3, 2),
            (vec![limited(), Answer::status(400)], RetryPolicy::default(), 2, 1),
        ] {
            answers.into_iter().for_each(|answer| server.answer(answer));
            let (encoded, inspected) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let content = Content {
                path: "/v2/meetings/1/livestream/status",
                parameters: None,
                encode: &|| {
                    encoded.fetch_add(1, Ordering::Relaxed);
                    Encoded::json("application/json", &serde_json::json!({ "action": "start" })).map(Some)
                },
                inspect: &|| {
                    inspected.fetch_add(1, Ordering::Relaxed);
                    Inspected::default()
                },
            };
            let _ = run(&zoom.with_retry(policy), &OPERATION, content, crate::answer::nothing).await;
            assert_eq!((encoded.into_inner(), inspected.into_inner()), (encodings, inspections));
        }
    }
}

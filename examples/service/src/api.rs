//! The HTTP interface.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use tracing::{info, warn};
use zoom_livestream::events::{Event, StreamState, Verifier};
use zoom_livestream::update_meeting_live_stream_status::Action as ZoomAction;
use zoom_livestream::{Client, Error, ErrorKind, MeetingId, RetryPolicy};

use crate::config::Config;
use crate::metrics::Metrics;
use crate::store::{Store, milliseconds};

pub struct Service {
    accounts: BTreeMap<String, Client>,
    verifier: Verifier,
    store: Store,
    metrics: Arc<Metrics>,
    /// Used for a start while Redis is unavailable, because what this copy learned earlier may no longer be true.
    without_knowledge: RetryPolicy,
}

/// What `POST /meetings/{id}/stream` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    account: String,
    action: Action,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Start,
    Stop,
}

/// How a start or stop succeeded.
enum Outcome {
    Started,
    AlreadyRunning { since: Option<SystemTime> },
    Stopped,
}

impl Outcome {
    fn name(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::AlreadyRunning { .. } => "already_running",
            Self::Stopped => "stopped",
        }
    }
}

impl Service {
    /// # Errors
    /// An account's credentials cannot be used, or TLS cannot be set up.
    pub fn new(config: &Config, store: Store, metrics: Arc<Metrics>) -> Result<Self, Error> {
        let (asked, counted) = ((store.clone(), metrics.clone()), metrics.clone());
        let without_knowledge = RetryPolicy::default()
            // Redis is asked once more before a start is sent again, so that a lost message cannot repeat a start.
            .check(move |resend| {
                let (store, metrics) = asked.clone();
                async move {
                    match resend.meeting_id() {
                        Some(meeting) => !is_running(&store, &metrics, meeting).await,
                        None => true,
                    }
                }
            })
            .notify(move |_| counted.waits.inc());
        let with_knowledge = without_knowledge.clone().unless(store.satisfied());
        Ok(Self {
            accounts: config.clients(&with_knowledge)?,
            verifier: config.verifier(),
            store,
            metrics,
            without_knowledge,
        })
    }

    pub fn router(self) -> Router {
        Router::new()
            .route("/events", post(receive_event))
            .route("/meetings/{id}/stream", post(start_or_stop))
            .route("/health", get(health))
            .route("/metrics", get(metrics))
            .with_state(Arc::new(self))
    }

    async fn start(&self, zoom: &Client, meeting: MeetingId) -> Result<Outcome, Error> {
        let zoom = match self.store.state(meeting).await {
            Ok(Some((StreamState::Running, since))) => {
                return Ok(Outcome::AlreadyRunning { since: Some(since) });
            }
            Ok(_) => zoom.clone(),
            Err(error) => {
                warn!(%meeting, "the stream is started without knowing whether it is already running: {error}");
                self.metrics.sent_without_knowledge.inc();
                zoom.with_retry(self.without_knowledge.clone())
            }
        };
        let start = zoom.update_meeting_live_stream_status().meeting_id(meeting).action(ZoomAction::Start);
        let is_accepted = match start.send().await {
            // After a 429, the wait ended because the stream runs.
            Ok(answer) => answer.status().is_some_and(|status| status.is_success()),
            // By the policy's `check`.
            Err(error) if error.is_retry_declined() => false,
            Err(error) => return Err(error),
        };
        let since = self.store.streams.state(meeting).map(|(_, since)| since);
        Ok(if is_accepted { Outcome::Started } else { Outcome::AlreadyRunning { since } })
    }

    async fn stop(&self, zoom: &Client, meeting: MeetingId) -> Result<Outcome, Error> {
        let sent = SystemTime::now();
        // Without the policy's `check`: a stop is always sent.
        let zoom = zoom.with_retry(RetryPolicy::default());
        zoom.update_meeting_live_stream_status().meeting_id(meeting).action(ZoomAction::Stop).await?;
        // Otherwise a start right after it would be taken for one that runs until the stop's event arrives.
        if let Err(error) = self.store.record(meeting, StreamState::Stopped, sent).await {
            warn!(%meeting, "the stop is not known until Zoom's event arrives: {error}");
        }
        Ok(Outcome::Stopped)
    }
}

/// Whether the stream is running, according to Redis. If Redis is unavailable, a start proceeds as if nothing were known.
async fn is_running(store: &Store, metrics: &Metrics, meeting: MeetingId) -> bool {
    match store.state(meeting).await {
        Ok(known) => known.is_some_and(|(state, _)| state == StreamState::Running),
        Err(error) => {
            warn!(%meeting, "the start is sent again without knowing whether the stream is running: {error}");
            metrics.sent_without_knowledge.inc();
            false
        }
    }
}

async fn start_or_stop(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    Json(request): Json<Request>,
) -> Response {
    let refused = |status, sentence: String| (status, Json(json!({ "error": sentence }))).into_response();
    let meeting: MeetingId = match id.parse() {
        Ok(meeting) => meeting,
        Err(error) => return refused(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let Some(zoom) = service.accounts.get(&request.account) else {
        return refused(StatusCode::NOT_FOUND, "the accounts file does not list this account".to_owned());
    };
    let ended = match request.action {
        Action::Start => service.start(zoom, meeting).await,
        Action::Stop => service.stop(zoom, meeting).await,
    };
    let name = ended.as_ref().map_or("failed", Outcome::name);
    service.metrics.requests.with_label_values(&[name]).inc();
    match ended {
        Ok(outcome) => {
            info!(%meeting, "{name}");
            let mut answer = json!({ "meeting": meeting, "outcome": name });
            if let Outcome::AlreadyRunning { since: Some(since) } = outcome {
                answer["running_since"] = milliseconds(since).into();
            }
            Json(answer).into_response()
        }
        Err(error) => {
            warn!(%meeting, "{error}");
            let mut response = refused(status(&error), error.to_string());
            if let Some(wait) = error.retry_after() {
                response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait).into());
            }
            response
        }
    }
}

/// In whole seconds, rounded up: a retry must not come before the wait is over.
fn retry_after(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}

/// What to answer when a call to Zoom has failed.
fn status(error: &Error) -> StatusCode {
    match error.kind() {
        ErrorKind::Refused => StatusCode::BAD_REQUEST,
        _ if error.is_rate_limited() => StatusCode::SERVICE_UNAVAILABLE,
        _ if error.is_timeout() => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// `POST /events`: the endpoint to enter on Zoom's App Marketplace.
async fn receive_event(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    let answered = |answer| service.metrics.events.with_label_values(&[answer]).inc();
    // The raw body: a framework's JSON type would not give back the bytes that were signed.
    let signature = headers.get("x-zm-signature");
    let event = match service.verifier.verify(&body, signature, headers.get("x-zm-request-timestamp")) {
        Ok(event) => event,
        Err(error) => {
            warn!("an event is refused: {error}");
            answered("refused");
            return (StatusCode::UNAUTHORIZED, error.to_string()).into_response();
        }
    };
    if let Event::UrlValidation(challenge) = &event {
        return Json(challenge.answer()).into_response();
    }
    if let Some((meeting, state, at)) = event.stream_state()
        && let Err(error) = service.store.record(meeting, state, at).await
    {
        // Not acknowledged, so that Zoom sends it again.
        warn!(%meeting, "an event is not acknowledged: {error}");
        answered("unavailable");
        return (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response();
    }
    answered("acknowledged");
    StatusCode::NO_CONTENT.into_response()
}

/// 200 even without Redis, because starts still work, and restarting the service would not bring Redis back.
async fn health(State(service): State<Arc<Service>>) -> Response {
    let redis = if service.metrics.redis_up.get() == 1 { "up" } else { "down" };
    Json(json!({ "status": "ok", "redis": redis })).into_response()
}

async fn metrics(State(service): State<Arc<Service>>) -> Response {
    ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], service.metrics.text()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        for (milliseconds, seconds) in [(0, 0), (1, 1), (29_001, 30), (30_000, 30)] {
            assert_eq!(retry_after(Duration::from_millis(milliseconds)), seconds, "{milliseconds} ms");
        }
    }
}

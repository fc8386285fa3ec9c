//! The events that the embedded Zoom sends. Features `mock` and `events`.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::iter::once;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::{Response, StatusCode};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::server::State;
use crate::Secret;
use crate::events::signature;
use crate::sentence::instant;

const MINUTE: Duration = Duration::from_secs(60);

/// How long Zoom waits for an event to be acknowledged.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Where and how the embedded Zoom sends events, for [`MockServer::send_events_to`](super::MockServer::send_events_to).
///
/// | | default |
/// |---|---|
/// | [`delays`](Self::delays) | 0.5 seconds |
/// | [`copies`](Self::copies) | 1 |
/// | [`repeats`](Self::repeats) | after 5, 20 and 60 minutes |
#[derive(Clone)]
#[must_use = "no events are sent until it is given to a server"]
pub struct Webhook {
    urls: Vec<String>,
    secret_token: Secret,
    delays: Vec<Duration>,
    copies: usize,
    repeats: Vec<Duration>,
}

impl Webhook {
    /// An endpoint's URL, and the secret token that its events are signed with.
    pub fn new(url: impl Into<String>, secret_token: impl Into<Secret>) -> Self {
        Self {
            urls: vec![url.into()],
            secret_token: secret_token.into(),
            delays: vec![Duration::from_millis(500)],
            copies: 1,
            repeats: [5, 20, 60].map(|minutes| minutes * MINUTE).into(),
        }
    }

    /// Adds another instance of the endpoint: each delivery goes to one of them at random, as through a load balancer.
    pub fn and_url(mut self, url: impl Into<String>) -> Self {
        self.urls.push(url.into());
        self
    }

    /// How long after an accepted start or stop its event is sent.
    ///
    /// Deliveries use the delays in turn, starting again after the last. With several delays, one event can overtake
    /// another.
    pub fn delays(mut self, delays: impl IntoIterator<Item = Duration>) -> Self {
        self.delays = delays.into_iter().collect();
        self
    }

    /// How many times each event is delivered, even if it is acknowledged.
    pub fn copies(mut self, copies: usize) -> Self {
        self.copies = copies;
        self
    }

    /// How long after a delivery without acknowledgement (200 or 204 within 3 seconds) the event is sent again: once for
    /// each of these times.
    pub fn repeats(mut self, repeats: impl IntoIterator<Item = Duration>) -> Self {
        self.repeats = repeats.into_iter().collect();
        self
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("urls", &self.urls.len())
            .field("delays", &self.delays)
            .field("copies", &self.copies)
            .field("repeats", &self.repeats)
            .finish_non_exhaustive()
    }
}

/// Sends events to one endpoint. Dropping it cancels pending deliveries.
pub struct Events {
    poster: Arc<Poster>,
    last_event_ts: u64,
    deliveries: usize,
    pending: JoinSet<()>,
}

struct Poster {
    webhook: Webhook,
    http: reqwest::Client,
}

impl Events {
    /// Sends the challenge to each instance of the endpoint first.
    pub async fn to(webhook: Webhook) -> io::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build();
        let poster = Poster { http: http.map_err(io::Error::other)?, webhook };
        for url in &poster.webhook.urls {
            poster
                .challenge(url)
                .await
                .map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))?;
        }
        let (poster, pending) = (Arc::new(poster), JoinSet::new());
        Ok(Self { poster, last_event_ts: 0, deliveries: 0, pending })
    }

    fn send(&mut self, name: &str, meeting: Value, settings: Map<String, Value>) {
        // Each event gets a different time, so that events have an order.
        self.last_event_ts = (self.last_event_ts + 1).max(unix().as_millis() as u64);
        let at = instant(SystemTime::UNIX_EPOCH + Duration::from_millis(self.last_event_ts));
        let event = json!({
            "event": name,
            "event_ts": self.last_event_ts,
            "payload": {
                "account_id": "mock-account",
                "operator": "host@example.com",
                "operator_id": "mock-host",
                "object": {
                    "id": meeting,
                    "uuid": format!("mock-{meeting}"),
                    "host_id": "mock-host",
                    "topic": "A meeting",
                    "type": 2,
                    "start_time": at,
                    "timezone": "UTC",
                    "duration": 60,
                    "live_streaming": {
                        "service": "Custom_Live_Streaming_Service",
                        "custom_live_streaming_settings": settings,
                        "date_time": at,
                    },
                },
            },
        });
        while self.pending.try_join_next().is_some() {}
        for _ in 0..self.poster.webhook.copies {
            let delays = &self.poster.webhook.delays;
            let delay = delays.get(self.deliveries % delays.len().max(1)).copied().unwrap_or_default();
            self.deliveries += 1;
            self.pending.spawn(self.poster.clone().deliver(event.to_string(), delay));
        }
    }
}

impl Poster {
    async fn deliver(self: Arc<Self>, body: String, delay: Duration) {
        for wait in once(delay).chain(self.webhook.repeats.iter().copied()) {
            sleep(wait).await;
            let any = RandomState::new().build_hasher().finish() as usize % self.webhook.urls.len();
            let answer = self.post(&self.webhook.urls[any], body.clone()).await;
            if answer.is_ok_and(|answer| [StatusCode::OK, StatusCode::NO_CONTENT].contains(&answer.status()))
            {
                return;
            }
        }
    }

    async fn challenge(&self, url: &str) -> Result<(), String> {
        let plain_token = format!("{:016x}", RandomState::new().build_hasher().finish());
        let encrypted_token = signature(&self.webhook.secret_token, &[plain_token.as_bytes()]);
        let expected = json!({ "plainToken": plain_token, "encryptedToken": encrypted_token });
        let event = json!({
            "event": "endpoint.url_validation",
            "event_ts": unix().as_millis() as u64,
            "payload": { "plainToken": plain_token },
        });
        let refused = |why: &str| format!("the endpoint {url} is not valid: {why}");
        let answer = self.post(url, event.to_string()).await;
        let answer = answer.map_err(|error| refused(&crate::sentence::innermost(&error)))?;
        let status = answer.status();
        let body = answer.bytes().await.unwrap_or_default();
        match status == StatusCode::OK
            && serde_json::from_slice(&body).is_ok_and(|body: Value| body == expected)
        {
            true => Ok(()),
            false => Err(refused(&format!(
                "it answered the challenge with HTTP {} instead of 200 with the plain and the encrypted token",
                status.as_u16()
            ))),
        }
    }

    async fn post(&self, url: &str, body: String) -> reqwest::Result<Response> {
        let timestamp = unix().as_secs().to_string();
        let message = [b"v0:", timestamp.as_bytes(), b":", body.as_bytes()];
        let signature = signature(&self.webhook.secret_token, &message);
        let request = self.http.post(url).header("content-type", "application/json");
        let request = request.header("x-zm-request-timestamp", timestamp);
        request.header("x-zm-signature", format!("v0={signature}")).body(body).send().await
    }
}

impl State {
    /// Sends the event for an accepted start or stop of a meeting's stream.
    pub fn announce(&mut self, path: &str, action: Option<&Value>) {
        let Some(events) = &mut self.events else { return };
        let meeting = path.strip_prefix("meetings/").and_then(|rest| rest.strip_suffix("/livestream/status"));
        let Some(meeting) = meeting else { return };
        // Zoom sends the ID as a number in some events and as text in others.
        let number = || meeting.parse::<u64>().map_or_else(|_| meeting.into(), Value::from);
        let (name, id) = match action.and_then(Value::as_str) {
            Some("start") => ("meeting.live_streaming_started", number()),
            Some("stop") => ("meeting.live_streaming_stopped", meeting.into()),
            _ => return,
        };
        let settings = self.configured.get(&format!("meetings/{meeting}/livestream"));
        events.send(name, id, settings.cloned().unwrap_or_default());
    }
}

fn unix() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

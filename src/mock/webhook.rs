//! The events that the mock server sends. Features `mock` and `events`.

use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, SystemTime};
use std::{collections::HashMap, collections::hash_map::RandomState, io, iter::once, sync::Arc};

use reqwest::{Client, Response, StatusCode};
use serde_json::{Map, Value, json};
use tokio::{task::JoinSet, time::sleep};

use super::server::State;
use crate::sentence::{causes, instant};
use crate::{Secret, events::signature};

const MINUTE: Duration = Duration::from_secs(60);

/// How long Zoom waits for an event to be acknowledged.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Where and how the mock server sends events, for [`MockServer::send_events_to`](super::MockServer::send_events_to).
///
/// | | default |
/// |---|---|
/// | [`delays`](Self::delays) | 0.5 seconds |
/// | [`copies`](Self::copies) | 1 |
/// | [`repeats`](Self::repeats) | after 5, 20 and 60 minutes |
#[derive(Clone, Debug)]
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
    pub fn delays(self, delays: impl IntoIterator<Item = Duration>) -> Self {
        Self { delays: delays.into_iter().collect(), ..self }
    }

    /// How many times each event is delivered, even if it is acknowledged.
    pub fn copies(self, copies: usize) -> Self {
        Self { copies, ..self }
    }

    /// How long after a delivery without acknowledgement (200 or 204 within 3 seconds) the event is sent again: once for
    /// each of these times.
    pub fn repeats(self, repeats: impl IntoIterator<Item = Duration>) -> Self {
        Self { repeats: repeats.into_iter().collect(), ..self }
    }
}

/// Sends events to one endpoint. Dropping it cancels pending deliveries.
pub struct Events {
    webhook: Arc<Webhook>,
    http: Client,
    /// When the last event of each meeting occurred.
    last_event_ts: HashMap<String, u64>,
    deliveries: usize,
    pending: JoinSet<()>,
}

impl Events {
    /// Sends the challenge to each instance of the endpoint first.
    pub async fn to(webhook: Webhook) -> io::Result<Self> {
        let http = Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(io::Error::other)?;
        for url in &webhook.urls {
            webhook.challenge(&http, url).await?;
        }
        let (webhook, pending) = (Arc::new(webhook), JoinSet::new());
        Ok(Self { webhook, http, last_event_ts: HashMap::new(), deliveries: 0, pending })
    }

    fn send(&mut self, name: &str, meeting: &str, id: Value, settings: Map<String, Value>) {
        // A meeting's events get different times, so that they have an order. Those of other meetings may have the same:
        // in a burst, times that are all different would run ahead of the clock.
        let last = self.last_event_ts.entry(meeting.to_owned()).or_default();
        *last = (*last + 1).max(unix().as_millis() as u64);
        let event_ts = *last;
        let at = instant(SystemTime::UNIX_EPOCH + Duration::from_millis(event_ts));
        let event = json!({
            "event": name,
            "event_ts": event_ts,
            "payload": {
                "account_id": "mock-account",
                "operator": "host@example.com",
                "operator_id": "mock-host",
                "object": {
                    "id": id, "uuid": format!("mock-{meeting}"), "host_id": "mock-host", "topic": "A meeting",
                    "type": 2, "start_time": at, "timezone": "UTC", "duration": 60,
                    "live_streaming": {
                        "service": "Custom_Live_Streaming_Service",
                        "custom_live_streaming_settings": settings,
                        "date_time": at,
                    },
                },
            },
        });
        while self.pending.try_join_next().is_some() {}
        for _ in 0..self.webhook.copies {
            let delays = &self.webhook.delays;
            let delay = delays.get(self.deliveries % delays.len().max(1)).copied().unwrap_or_default();
            self.deliveries += 1;
            self.pending.spawn(self.webhook.clone().deliver(self.http.clone(), event.to_string(), delay));
        }
    }
}

impl Webhook {
    async fn deliver(self: Arc<Self>, http: Client, body: String, delay: Duration) {
        let request_id = random();
        for wait in once(delay).chain(self.repeats.iter().copied()) {
            sleep(wait).await;
            let url = &self.urls[random() as usize % self.urls.len()];
            let answer = self.post(&http, url, request_id, body.clone()).await;
            if answer.is_ok_and(|answer| [StatusCode::OK, StatusCode::NO_CONTENT].contains(&answer.status())) {
                return;
            }
        }
    }

    async fn challenge(&self, http: &Client, url: &str) -> io::Result<()> {
        let plain_token = format!("{:016x}", random());
        let encrypted_token = signature(&self.secret_token, &[plain_token.as_bytes()]);
        let expected = json!({ "plainToken": plain_token, "encryptedToken": encrypted_token });
        let event = json!({
            "event": "endpoint.url_validation",
            "event_ts": unix().as_millis() as u64,
            "payload": { "plainToken": plain_token },
        });
        let refused =
            |why: &str| io::Error::new(io::ErrorKind::InvalidData, format!("the endpoint {url} is not valid: {why}"));
        let answer = self.post(http, url, random(), event.to_string()).await;
        // The last cause says what happened; the others say where.
        let why = |error| causes(&error).last().map(ToString::to_string).unwrap_or_default();
        let answer = answer.map_err(|error: reqwest::Error| refused(&why(error)))?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.unwrap_or_default();
        let answered = serde_json::from_slice::<Value>(&body).ok();
        if status == 200 && answered == Some(expected) {
            return Ok(());
        }
        let right = "200 with the plain and the encrypted token";
        Err(refused(&format!("it answered the challenge with HTTP {status} instead of {right}")))
    }

    /// A repeated event has a new timestamp and signature, but the same body and request ID.
    async fn post(&self, http: &Client, url: &str, request_id: u64, body: String) -> reqwest::Result<Response> {
        let timestamp = unix().as_secs().to_string();
        let message = [b"v0:", timestamp.as_bytes(), b":", body.as_bytes()];
        let signature = signature(&self.secret_token, &message);
        let request = http.post(url).header("content-type", "application/json");
        let request = request.header("x-zm-request-timestamp", timestamp);
        let request = request.header("x-zm-request-id", format!("{request_id:016x}"));
        request.header("x-zm-signature", format!("v0={signature}")).body(body).send().await
    }
}

impl State {
    /// Sends the event for an accepted start or stop of a meeting's stream.
    pub fn announce(&mut self, path: &str, action: Option<&str>) {
        let Some(events) = &mut self.events else { return };
        let stream = path.strip_suffix("/status").unwrap_or_default();
        let meeting = stream.strip_prefix("/meetings/").and_then(|rest| rest.strip_suffix("/livestream"));
        let Some(meeting) = meeting else { return };
        // Zoom sends the ID as a number in some events and as text in others.
        let number = || meeting.parse::<u64>().map_or_else(|_| meeting.into(), Value::from);
        let (name, id) = match action {
            Some("start") => ("meeting.live_streaming_started", number()),
            Some("stop") => ("meeting.live_streaming_stopped", meeting.into()),
            _ => return,
        };
        events.send(name, meeting, id, self.configured.get(stream).cloned().unwrap_or_default());
    }
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn unix() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

//! The mock server: [`MockServer`], an HTTP server on a loopback port that answers as Zoom does. Feature `mock`.
//!
//! It takes paths, methods, required fields, types, enums, lengths and URLs from the committed description
//! (`spec/openapi.json`), so it serves every operation that is added there. Start one with [`MockServer::start`] (or
//! [`MockServer::builder`]), point a client at [`MockServer::base_url`], and look at [`MockServer::requests`] afterwards.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use zoom_livestream::mock::{Answer, MockServer};
//! use zoom_livestream::update_meeting_live_stream_status::Action;
//!
//! let server = MockServer::start().await?;
//! let zoom = zoom_livestream::Client::builder()
//!     .base_url(server.base_url())
//!     .access_token(server.access_token())
//!     .build()?;
//!
//! zoom.update_meeting_live_stream_status()
//!     .meeting_id(84912345678)
//!     .action(Action::Start)
//!     .await?;
//!
//! let received = &server.requests()[0];
//! assert_eq!(received.path, "/v2/meetings/84912345678/livestream/status");
//! assert_eq!(received.field("action"), Some("start"));
//! assert_eq!(received.status, Some(204));
//!
//! server.answer(Answer::error(404, 3001, "Meeting does not exist: 84912345678."));
//! let refused = zoom
//!     .update_meeting_live_stream_status()
//!     .meeting_id(84912345678)
//!     .action(Action::Stop)
//!     .await;
//! assert!(refused.is_err());
//! # Ok(())
//! # }
//! ```
//!
//! # What it refuses
//!
//! It makes these checks, in this order, and refuses in Zoom's words as far as they are known:
//!
//! | request | answer |
//! |---|---|
//! | unknown path or method | 404, code 2300, `This API endpoint is not recognized.` |
//! | no valid bearer token | 401, code 124, `Invalid access token.` |
//! | more requests than the account may make per second, if that is [set](MockServerBuilder::requests_per_second) | 429, `You have reached the maximum per-second rate limit for this API. Try again later.` |
//! | an ID in the path that is not a positive 64-bit integer | 400, code 300 |
//! | a body that is neither `multipart/form-data` nor `application/json`, or one of these that is [refused](BodySupport::Refused) | 415, code 300, `Unsupported Content Type` |
//! | a body that cannot be read | 400, code 300, `Request Body should be a valid JSON object.` |
//! | a field that is unknown, missing, sent twice (in a form), of the wrong type, not in the enum, too short, too long, or not a URL where the format is `uri` | 400, code 300, `Validation Failed.`, with `errors` |
//! | a start, stop or mode of what is [not live](MockServer::set_live) | 400, code 200, `Meeting has not started.` or `Webinar 84,912,345,678 has not started.` |
//! | a start within the cool-down after the last accepted start of the same path | 429, `Too many requests submitted to start the live stream of this meeting: …` |
//!
//! About fields, it is stricter than Zoom, which ignores those that it does not know.
//!
//! Anything else is accepted and gets the first documented 2xx; its body, if it has one, is the description's example
//! or made from its schema. A `GET` returns the fields that were last sent to the same path. Every answer that was not
//! asked for has an `x-zm-trackingid`.
//!
//! The cool-down applies to operations that document a 429, which are those of meetings. It is the description's (30 s)
//! unless [set](MockServerBuilder::cool_down), and a stop does not shorten it. As with Zoom, only the sentence of this 429
//! tells for how long.
//!
//! # Tokens
//!
//! [`MockServer::access_token`] is valid from the start. [`MockServer::token_url`] issues others by Zoom's
//! server-to-server OAuth, and refuses as Zoom does: 400, with `error` and `reason`. A new token leaves earlier ones valid,
//! as with Zoom. [`MockServer::revoke_token`] revokes them all.
//!
//! # Events
//!
//! With the feature `events`, [`MockServer::send_events_to`] sets an endpoint, to which signed events are then posted
//! as Zoom would post them: `meeting.live_streaming_started` after an accepted start, `meeting.live_streaming_stopped`
//! after a stop.

mod answer;
mod description;
mod fields;
mod server;
#[cfg(feature = "events")]
mod webhook;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::{fmt, io, time::Duration};

use bytes::Bytes;
use hyper::{Method, header::HeaderMap};
use tokio::{net::TcpSocket, task::JoinHandle, time::Instant};

use crate::Secret;
pub use answer::Answer;
use description::Api;
use server::{Shared, State, TOKEN_PATH, accept};
#[cfg(feature = "events")]
pub use webhook::Webhook;

/// A mock server on a loopback port. The [module](self) describes how it answers.
///
/// It serves HTTP/1.1 and HTTP/2 (with prior knowledge), without TLS, on the runtime that it was started on. Dropping
/// it closes the port and every connection.
pub struct MockServer {
    shared: Arc<Shared>,
    base_url: String,
    token_url: String,
    accepting: JoinHandle<()>,
}

impl MockServer {
    /// Starts a server with the default settings.
    ///
    /// # Errors
    ///
    /// No port can be bound.
    pub async fn start() -> io::Result<MockServer> {
        MockServer::builder().start().await
    }

    /// Sets up a server before it starts.
    pub fn builder() -> MockServerBuilder {
        MockServerBuilder::default()
    }

    /// The URL of the operations: `http://127.0.0.1:PORT` and the path of the description's server (`/v2`).
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The URL of the token endpoint for server-to-server OAuth: `http://127.0.0.1:PORT/oauth/token`.
    pub fn token_url(&self) -> &str {
        &self.token_url
    }

    /// The bearer token that is valid from the start until [`revoke_token`](Self::revoke_token).
    pub fn access_token(&self) -> &str {
        self.shared.settings.access_token.expose()
    }

    /// Every request received since the start or the last [`clear`](Self::clear), oldest first, including refused ones.
    /// Token requests are only [counted](Self::token_requests), and a request whose body never ended is left out.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// The number of [`requests`](Self::requests), without copying them.
    pub fn request_count(&self) -> usize {
        self.shared.lock().received.len()
    }

    /// Forgets the received requests, but not cool-downs, tokens or queued answers:
    /// [`answer_normally`](Self::answer_normally) drops these answers.
    pub fn clear(&self) {
        self.shared.lock().received.clear();
    }

    /// Gives this answer to the next request for any operation. Several form a queue.
    pub fn answer(&self, answer: Answer) {
        self.shared.lock().answers.push_back((None, answer));
    }

    /// Gives this answer to the next request for one operation: an `operationId`, or a path with or without the base
    /// URL's (`/meetings/84912345678/livestream`).
    pub fn answer_for(&self, operation: impl Into<String>, answer: Answer) {
        self.shared.lock().answers.push_back((Some(operation.into()), answer));
    }

    /// Gives this answer to every request for which none is queued, until [`answer_normally`](Self::answer_normally).
    pub fn answer_always(&self, answer: Answer) {
        self.shared.lock().always = Some(answer);
    }

    /// Returns to answering according to the description: drops queued and permanent answers, but not the received
    /// requests, as [`clear`](Self::clear) does.
    pub fn answer_normally(&self) {
        let mut state = self.shared.lock();
        state.answers.clear();
        state.always = None;
    }

    /// Accepts this bearer token too, as if it had been issued elsewhere. It does not expire.
    pub fn accept_token(&self, token: impl Into<String>) {
        self.shared.lock().tokens.push((token.into(), None));
    }

    /// Revokes every token issued so far, including [`access_token`](Self::access_token): requests get 401 with code 124
    /// until a new token is fetched.
    pub fn revoke_token(&self) {
        self.shared.lock().tokens.clear();
    }

    /// From now on, sends an event to this endpoint, instead of any earlier one, for each accepted start and stop of a
    /// meeting's stream. Feature `events`.
    ///
    /// First, the endpoint has to answer Zoom's challenge, as when it is entered on Zoom's App Marketplace.
    ///
    /// # Errors
    ///
    /// `InvalidData`: the endpoint did not answer the challenge correctly. The error says what it answered.
    #[cfg(feature = "events")]
    pub async fn send_events_to(&self, webhook: Webhook) -> io::Result<()> {
        let events = webhook::Events::to(webhook).await?;
        self.shared.lock().events = Some(events);
        Ok(())
    }

    /// The number of token requests, including refused ones.
    pub fn token_requests(&self) -> usize {
        self.shared.lock().token_requests
    }

    /// Gives this answer to the next token request. Several form a queue.
    pub fn answer_token_request(&self, answer: Answer) {
        self.shared.lock().token_answers.push_back(answer);
    }

    /// Whether the hosts have started their meetings and webinars; while they have not, every start and stop is refused.
    /// Default: they have.
    pub fn set_live(&self, is_live: bool) {
        self.shared.lock().not_live = !is_live;
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        // The task owns the listener and the set of connections, so both end with it.
        self.accepting.abort();
    }
}

impl fmt::Debug for MockServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockServer").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// What the mock server does with bodies in one of the two encodings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodySupport {
    /// It reads them.
    #[default]
    Accepted,
    /// It refuses them as Zoom does: 415, code 300, `Unsupported Content Type`.
    Refused,
    /// It answers as if it had read them, and changes nothing. Zoom does so with fields that it does not read.
    Ignored,
}

/// Sets up a [`MockServer`].
#[derive(Clone, Debug)]
#[must_use = "the server does not run until `start` is awaited"]
pub struct MockServerBuilder {
    multipart: BodySupport,
    json: BodySupport,
    cool_down: Option<Duration>,
    requests_per_second: Option<u32>,
    access_token: Secret,
    /// Account ID, client ID and client secret.
    credentials: [Secret; 3],
    token_lifetime: Duration,
    token_delay: Duration,
}

impl Default for MockServerBuilder {
    fn default() -> Self {
        MockServerBuilder {
            multipart: BodySupport::Accepted,
            json: BodySupport::Accepted,
            cool_down: None,
            requests_per_second: None,
            access_token: "mock-access-token".into(),
            credentials: ["mock-account", "mock-client", "mock-secret"].map(Secret::from),
            token_lifetime: Duration::from_secs(3600),
            token_delay: Duration::ZERO,
        }
    }
}

impl MockServerBuilder {
    /// For how long after an accepted start another start of the same path gets 429; zero turns this off. Default: the
    /// description's 30 seconds.
    pub fn cool_down(self, cool_down: Duration) -> Self {
        Self { cool_down: Some(cool_down), ..self }
    }

    /// How many requests the account may make per second. Any more get 429. Default: unlimited.
    pub fn requests_per_second(self, requests: u32) -> Self {
        Self { requests_per_second: Some(requests), ..self }
    }

    /// What to do with `multipart/form-data`, for operations that take it. Default: read it.
    pub fn multipart(self, multipart: BodySupport) -> Self {
        Self { multipart, ..self }
    }

    /// What to do with `application/json`. Default: read it.
    pub fn json(self, json: BodySupport) -> Self {
        Self { json, ..self }
    }

    /// The bearer token that is valid from the start. Default: `mock-access-token`.
    pub fn access_token(self, token: impl Into<Secret>) -> Self {
        Self { access_token: token.into(), ..self }
    }

    /// The credentials that the token endpoint accepts: account ID, client ID and client secret. Default:
    /// `mock-account`, `mock-client` and `mock-secret`.
    pub fn credentials(
        self,
        account_id: impl Into<Secret>,
        client_id: impl Into<Secret>,
        client_secret: impl Into<Secret>,
    ) -> Self {
        Self { credentials: [account_id.into(), client_id.into(), client_secret.into()], ..self }
    }

    /// How long a fetched token is valid; `expires_in` has it in whole seconds, rounded down. Default: an hour, as with
    /// Zoom.
    pub fn token_lifetime(self, token_lifetime: Duration) -> Self {
        Self { token_lifetime, ..self }
    }

    /// How long the token endpoint takes to answer with a token. Default: no time.
    pub fn token_delay(self, token_delay: Duration) -> Self {
        Self { token_delay, ..self }
    }

    /// Binds a free port of 127.0.0.1 and serves it on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// No port can be bound.
    pub async fn start(self) -> io::Result<MockServer> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let listener = socket.listen(4096)?;
        let address = listener.local_addr()?;
        let api = Api::read();
        let base_url = format!("http://{address}{}", api.base_path);
        let tokens = vec![(self.access_token.expose().to_owned(), None)];
        let state = Mutex::new(State { tokens, ..State::default() });
        let shared = Arc::new(Shared { api, settings: self, address, state });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Ok(MockServer { shared, base_url, token_url: format!("http://{address}{TOKEN_PATH}"), accepting })
    }
}

/// A request as it arrived, and how it was answered. [`MockServer::requests`] returns them.
///
/// `Debug` redacts tokens, cookies, the query, and each field that the description marks as a password or does not have.
/// Of the body, it shows only the length.
#[derive(Clone)]
#[non_exhaustive]
pub struct Received {
    /// The HTTP method.
    pub method: Method,
    /// The path, including that of the base URL: `/v2/meetings/84912345678/livestream`.
    pub path: String,
    /// The query, if there was one, without its `?`.
    pub query: Option<String>,
    /// The headers, with their names in lower case.
    pub headers: HeaderMap,
    /// The `Content-Type`, including its parameters.
    pub content_type: Option<String>,
    /// The body, byte for byte.
    pub body: Bytes,
    /// The body's fields: a form's in the order sent, JSON's by name. Text is as it was sent; any other value of a JSON
    /// body is compact JSON. Empty if the body could not be read.
    pub fields: Vec<(String, String)>,
    /// The `operationId`, if the request matches an operation.
    pub operation_id: Option<String>,
    /// The HTTP status of the answer; `None` for [`Answer::hang`] and [`Answer::disconnect`].
    pub status: Option<u16>,
    /// When the request's headers arrived, by tokio's clock.
    pub arrived: Instant,
    /// The client's address.
    pub peer: SocketAddr,
    /// The fields that `Debug` may show.
    harmless: Arc<[String]>,
}

impl Received {
    /// The first field with this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The first header with this name (in any case), if its value is visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |name: &String| self.harmless.contains(name);
        let fields: Vec<_> = self.fields.iter().map(|(n, v)| (n, if shown(n) { v } else { "***" })).collect();
        f.debug_struct("Received")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query.as_ref().map(|_| "***"))
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("fields", &fields)
            .field("operation_id", &self.operation_id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

//! The embedded Zoom: [`MockServer`], an HTTP server on a loopback port that answers the operations of the
//! committed description the way Zoom does. Feature `mock`.
//!
//! It reads `spec/openapi.json` itself, so an operation added there is served with no line changed here:
//! paths, methods, required fields, types, enums, lengths and formats are the description's. Start one with
//! [`MockServer::start`] (or [`MockServer::builder`]), point a client at [`MockServer::base_url`], and look at
//! [`MockServer::requests`] afterwards.
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
//! server.answer(Answer::error(400, 200, "The meeting has not started."));
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
//! Checked in this order, each with Zoom's envelope `{"code", "message"}`:
//!
//! | request | answer |
//! |---|---|
//! | unknown path | 404, code 2300 |
//! | a method the path does not have | 405, code 405, and `Allow` |
//! | no bearer token, or one that is not valid now | 401, code 124 |
//! | more requests than the account may make per second, if that is [set](MockServerBuilder::requests_per_second) | 429, `X-RateLimit-Type: QPS` |
//! | a path id that is no positive 64-bit integer | 400, code 300 |
//! | a media type that is neither the described one nor `application/json` | 415, code 415 |
//! | a body that cannot be read, or has no field | 400, code 300 |
//! | a field that is unknown, missing, sent twice, of another type, not in the enum, too short or too long | 400, code 300, and `errors` |
//! | a start sooner after the last accepted start of the same path than the cool-down | 429 |
//!
//! Anything else is accepted: the first documented 2xx, with the description's example or a value made from its
//! schema where it has a body. A `GET` gives back what was sent before to the same path under the same names.
//! Bodies over 16 MiB get 413. `pattern` is not checked.
//!
//! The cool-down applies to operations that have an `action` which can be `start` and document a 429 (Zoom's
//! meetings, not its webinars). It is the one the description names (30 s) unless
//! [set](MockServerBuilder::cool_down); a stop does not shorten it. Zoom's own 429 names the wait in its
//! documentation only, so this one carries no header either, except when the cool-down was set to something
//! else: then `Retry-After` says what is left, in seconds rounded up.
//!
//! # Tokens
//!
//! [`MockServer::access_token`] is accepted from the start. [`MockServer::token_url`] hands out others, by
//! Zoom's server-to-server OAuth; a new token leaves the ones before it valid, as Zoom's do since June 2023.
//! [`MockServer::kill_token`] makes them all invalid.
//!
//! # Events
//!
//! With the feature `events`, [`MockServer::send_events_to`] gives it an endpoint, to which it then posts signed events as
//! Zoom does: `meeting.live_streaming_started` after an accepted start, `meeting.live_streaming_stopped` after a stop.

mod answer;
mod description;
mod fields;
mod server;
#[cfg(feature = "events")]
mod webhook;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::HeaderMap;
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use answer::Answer;
use description::Api;
use server::{Shared, State, TOKEN_PATH, accept, token_failure};
#[cfg(feature = "events")]
pub use webhook::Webhook;

/// The description that is served unless another one is set.
const DESCRIPTION: &str = include_str!("../spec/openapi.json");

/// An embedded Zoom on a loopback port; the [module](self) says what it does.
///
/// Serves HTTP/1.1 and HTTP/2 (with prior knowledge), without TLS, on the runtime it was started on. Dropping it
/// closes the port and every connection.
pub struct MockServer {
    shared: Arc<Shared>,
    base_url: String,
    token_url: String,
    accepting: JoinHandle<()>,
}

impl MockServer {
    /// Starts a server with the defaults of [`MockServerBuilder`].
    ///
    /// # Errors
    /// As [`MockServerBuilder::start`].
    pub async fn start() -> io::Result<MockServer> {
        MockServer::builder().start().await
    }

    /// A server to set up before it starts.
    pub fn builder() -> MockServerBuilder {
        MockServerBuilder::default()
    }

    /// Where the operations are: `http://127.0.0.1:PORT` and the path of the description's server (`/v2`).
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where server-to-server OAuth fetches tokens: `http://127.0.0.1:PORT/oauth/token`.
    pub fn token_url(&self) -> &str {
        &self.token_url
    }

    /// The bearer token accepted from the start, until [`kill_token`](Self::kill_token) makes it invalid.
    pub fn access_token(&self) -> &str {
        &self.shared.settings.access_token
    }

    /// Every operation request received since the start or [`clear`](Self::clear), oldest first, refused ones
    /// included. Token requests are only [counted](Self::token_requests); a request whose body never ended is
    /// not kept.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// How many [`requests`](Self::requests) there are, without copying them.
    pub fn request_count(&self) -> usize {
        self.shared.lock().received.len()
    }

    /// Forgets the received requests. Cool-downs, tokens and queued answers stay.
    pub fn clear(&self) {
        self.shared.lock().received.clear();
    }

    /// Gives this answer to the next operation request, whatever it is; several wait in a queue.
    pub fn answer(&self, answer: Answer) {
        self.shared.lock().answers.push_back((None, answer));
    }

    /// Gives this answer to the next request of one operation: its `operationId`, or its path with or without
    /// the base URL's (`/meetings/84912345678/livestream`).
    pub fn answer_for(&self, operation: impl Into<String>, answer: Answer) {
        self.shared.lock().answers.push_back((Some(operation.into()), answer));
    }

    /// Gives this answer to every operation request for which none is queued, until
    /// [`answer_normally`](Self::answer_normally).
    pub fn answer_always(&self, answer: Answer) {
        self.shared.lock().always = Some(answer);
    }

    /// Back to answering by the description: drops queued and permanent answers.
    pub fn answer_normally(&self) {
        let mut state = self.shared.lock();
        state.answers.clear();
        state.always = None;
    }

    /// Accepts this bearer token as well, without an end, as if it had been fetched elsewhere.
    pub fn accept_token(&self, token: impl Into<String>) {
        self.shared.lock().tokens.push((token.into(), None));
    }

    /// Makes every token handed out so far invalid, [`access_token`](Self::access_token) included: requests get
    /// 401 with code 124 until a new one is fetched.
    pub fn kill_token(&self) {
        self.shared.lock().tokens.clear();
    }

    /// Sends an event of each accepted start and stop of a meeting's stream to this endpoint from now on, and to no
    /// other. Feature `events`.
    ///
    /// The endpoint has to answer Zoom's challenge first, as it has to when it is entered on Zoom's App Marketplace.
    ///
    /// # Errors
    /// (`InvalidData`) The endpoint does not answer the challenge as it should; the error says how.
    #[cfg(feature = "events")]
    pub async fn send_events_to(&self, webhook: Webhook) -> io::Result<()> {
        let events = webhook::Events::to(webhook).await?;
        self.shared.lock().events = Some(events);
        Ok(())
    }

    /// How many token requests arrived, refused ones included.
    pub fn token_requests(&self) -> usize {
        self.shared.lock().token_requests
    }

    /// Lets the next `count` token requests fail with this HTTP status and Zoom's `{"reason", "error"}`.
    pub fn fail_next_tokens(&self, count: usize, status: u16) {
        let error = if status == 401 { "invalid_client" } else { "invalid_request" };
        let failure = token_failure(status, "A failure was asked for.", error);
        self.shared.lock().token_answers.extend(std::iter::repeat_n(failure, count));
    }

    /// Gives this answer to the next token request; several wait in a queue.
    pub fn answer_token_request(&self, answer: Answer) {
        self.shared.lock().token_answers.push_back(answer);
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

/// Sets up a [`MockServer`].
#[derive(Clone)]
#[must_use = "a server runs once `start` is awaited"]
pub struct MockServerBuilder {
    description: Option<String>,
    cool_down: Option<Duration>,
    requests_per_second: Option<u32>,
    access_token: String,
    account_id: String,
    client_id: String,
    client_secret: String,
    token_lifetime: Duration,
    token_delay: Duration,
    new_token_kills_old: bool,
}

impl Default for MockServerBuilder {
    fn default() -> Self {
        MockServerBuilder {
            description: None,
            cool_down: None,
            requests_per_second: None,
            access_token: "mock-access-token".into(),
            account_id: "mock-account".into(),
            client_id: "mock-client".into(),
            client_secret: "mock-secret".into(),
            token_lifetime: Duration::from_secs(3600),
            token_delay: Duration::ZERO,
            new_token_kills_old: false,
        }
    }
}

impl MockServerBuilder {
    /// How soon after an accepted start another start of the same path gets 429. Default: what the description
    /// documents, 30 s. Zero switches it off.
    pub fn cool_down(mut self, cool_down: Duration) -> Self {
        self.cool_down = Some(cool_down);
        self
    }

    /// How many operation requests the account may make per second; those beyond get 429 with `X-RateLimit-Type: QPS`
    /// and `X-RateLimit-Reset`. Default: any number.
    pub fn requests_per_second(mut self, requests: u32) -> Self {
        self.requests_per_second = Some(requests);
        self
    }

    /// The bearer token accepted from the start. Default: `mock-access-token`.
    pub fn access_token(mut self, token: impl Into<String>) -> Self {
        self.access_token = token.into();
        self
    }

    /// What the token endpoint asks for: account id, client id and client secret. Default: `mock-account`,
    /// `mock-client`, `mock-secret`.
    pub fn credentials(
        mut self,
        account_id: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
    ) -> Self {
        self.account_id = account_id.into();
        self.client_id = client_id.into();
        self.client_secret = client_secret.into();
        self
    }

    /// How long a fetched token is accepted; `expires_in` says it in whole seconds, rounded down. Default: an
    /// hour, as Zoom's.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// How long the token endpoint takes to hand out a token. Default: no time.
    pub fn token_delay(mut self, delay: Duration) -> Self {
        self.token_delay = delay;
        self
    }

    /// Whether a newly fetched token makes the ones before it invalid. Default: no, as with Zoom since June 2023.
    pub fn new_token_kills_old(mut self, kills: bool) -> Self {
        self.new_token_kills_old = kills;
        self
    }

    /// Serves this OpenAPI 3.0 document (JSON) rather than the one the crate was generated from.
    pub fn description(mut self, document: impl Into<String>) -> Self {
        self.description = Some(document.into());
        self
    }

    /// Binds a free port of 127.0.0.1 and serves it on the current tokio runtime.
    ///
    /// # Errors
    /// No port could be bound, or (`InvalidData`) the description is no OpenAPI document this server can read.
    pub async fn start(self) -> io::Result<MockServer> {
        let api = Api::read(self.description.as_deref().unwrap_or(DESCRIPTION))
            .map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))?;
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let listener = socket.listen(4096)?;
        let address = listener.local_addr()?;
        let base_url = format!("http://{address}{}", api.base_path);
        let state = State { tokens: vec![(self.access_token.clone(), None)], ..State::default() };
        let shared = Arc::new(Shared { api, settings: self, port: address.port(), state: Mutex::new(state) });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Ok(MockServer { shared, base_url, token_url: format!("http://{address}{TOKEN_PATH}"), accepting })
    }
}

impl fmt::Debug for MockServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockServerBuilder")
            .field("cool_down", &self.cool_down)
            .field("requests_per_second", &self.requests_per_second)
            .field("token_lifetime", &self.token_lifetime)
            .field("token_delay", &self.token_delay)
            .field("new_token_kills_old", &self.new_token_kills_old)
            .finish_non_exhaustive()
    }
}

/// An operation request as it arrived, and what it was answered.
///
/// `Debug` shows no token and, of the fields, only values that the description does not mark as a password.
#[derive(Clone)]
#[non_exhaustive]
pub struct Received {
    /// The HTTP method.
    pub method: Method,
    /// The path, base URL's part included: `/v2/meetings/84912345678/livestream`.
    pub path: String,
    /// What stood behind the `?`, if there was one.
    pub query: Option<String>,
    /// The headers; names in lower case.
    pub headers: HeaderMap,
    /// The `Content-Type`, parameters included.
    pub content_type: Option<String>,
    /// The body as it came.
    pub body: Bytes,
    /// The body's fields in the order sent: text as it was, and of a JSON body everything that is no string as
    /// compact JSON. Empty when the body could not be read.
    pub fields: Vec<(String, String)>,
    /// The `operationId`, when the request belongs to one.
    pub operation_id: Option<String>,
    /// The HTTP status answered; none for [`Answer::hang`] and [`Answer::disconnect`].
    pub status: Option<u16>,
    /// When the request's head arrived, on tokio's clock.
    pub arrived: Instant,
    /// The client's end of the connection it came over.
    pub peer: SocketAddr,
    /// The fields `Debug` may show.
    harmless: Arc<[String]>,
}

impl Received {
    /// The first field of this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The first header of this name (in any case), if it is visible ASCII.
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

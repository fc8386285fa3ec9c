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
//!     .body_map(|b| b.action(Action::Start))
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
//!     .body_map(|b| b.action(Action::Stop))
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
//! Zoom's server-to-server OAuth; a new token kills the ones before it, as Zoom has been reported to do.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyDataStream, BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// The description that is served unless another one is set.
const DESCRIPTION: &str = include_str!("../spec/openapi.json");
const TOKEN_PATH: &str = "/oauth/token";
const LONGEST_BODY: usize = 16 * 1024 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const MULTIPART: &str = "multipart/form-data";

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

    /// The bearer token accepted from the start, until [`kill_token`](Self::kill_token) or a token fetched at
    /// [`token_url`](Self::token_url) ends it.
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
            access_token: "mock-access-token".into(),
            account_id: "mock-account".into(),
            client_id: "mock-client".into(),
            client_secret: "mock-secret".into(),
            token_lifetime: Duration::from_secs(3600),
            token_delay: Duration::ZERO,
            new_token_kills_old: true,
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

    /// Whether a newly fetched token makes the ones before it invalid. Default: yes, as reported of Zoom.
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

/// An answer on demand, for [`MockServer::answer`] and its kin.
///
/// A status outside 100–999, a header that HTTP does not allow and the headers that frame a body
/// (`Content-Length`, `Transfer-Encoding`) are answered with a 500 whose body says so.
#[derive(Clone)]
#[must_use = "an answer is given once it is handed to the server"]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
    delay: Duration,
    ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Whole,
    CutOff(usize),
    Hang,
    Disconnect,
}

impl Answer {
    /// An answer with this HTTP status, without body.
    pub fn status(status: u16) -> Answer {
        Answer { status, headers: vec![], body: Bytes::new(), delay: Duration::ZERO, ending: Ending::Whole }
    }

    /// Zoom's error envelope, `{"code": …, "message": …}`, under an HTTP status.
    pub fn error(status: u16, code: i64, message: &str) -> Answer {
        Answer::status(status).json(&json!({ "code": code, "message": message }))
    }

    /// Never answers; the connection stays open.
    pub fn hang() -> Answer {
        Answer { ending: Ending::Hang, ..Answer::status(200) }
    }

    /// Closes the connection (of HTTP/2: resets the stream) without an answer.
    pub fn disconnect() -> Answer {
        Answer { ending: Ending::Disconnect, ..Answer::status(200) }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Answer {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The body, byte for byte; its `Content-Type` is a [`header`](Self::header).
    pub fn body(mut self, body: impl Into<Bytes>) -> Answer {
        self.body = body.into();
        self
    }

    /// A JSON body with its `Content-Type`.
    pub fn json(self, body: &Value) -> Answer {
        self.header("content-type", "application/json;charset=UTF-8").body(body.to_string())
    }

    /// Waits this long before answering.
    pub fn delay(mut self, delay: Duration) -> Answer {
        self.delay = delay;
        self
    }

    /// Promises the whole body but closes the connection after this many bytes of it.
    pub fn cut_off_after(mut self, bytes: usize) -> Answer {
        self.ending = Ending::CutOff(bytes);
        self
    }

    fn status_sent(&self) -> Option<u16> {
        matches!(self.ending, Ending::Whole | Ending::CutOff(_)).then_some(self.status)
    }

    async fn give(self) -> Result<Response<AnswerBody>, io::Error> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        match self.ending {
            Ending::Hang => std::future::pending().await,
            Ending::Disconnect => Err(disconnected()),
            Ending::Whole | Ending::CutOff(_) => Ok(self.into_response().unwrap_or_else(|refused| {
                let mut response = Response::new(AnswerBody::new(refused.into(), Ending::Whole));
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            })),
        }
    }

    fn into_response(self) -> Result<Response<AnswerBody>, String> {
        let mut response = Response::new(AnswerBody::new(self.body, self.ending));
        *response.status_mut() = StatusCode::from_u16(self.status)
            .map_err(|_| format!("mock: {} is no HTTP status, those are 100 to 999", self.status))?;
        for (name, value) in self.headers {
            let name: HeaderName = name.parse().map_err(|_| format!("mock: {name:?} is no header name"))?;
            if name == header::CONTENT_LENGTH || name == header::TRANSFER_ENCODING {
                return Err(format!("mock: {name} follows from the body, it cannot be set"));
            }
            let value = HeaderValue::try_from(value)
                .map_err(|_| format!("mock: the value given for {name} is no header value"))?;
            response.headers_mut().append(name, value);
        }
        Ok(response)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("delay", &self.delay)
            .field("ending", &self.ending)
            .finish_non_exhaustive()
    }
}

/// Ends the connection without (all of) an answer.
fn disconnected() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the mock ended the connection")
}

/// A body that can break off before the length it announced.
struct AnswerBody {
    rest: Bytes,
    announced: u64,
    cut_off: bool,
    flushed: bool,
}

impl AnswerBody {
    fn new(mut rest: Bytes, ending: Ending) -> Self {
        let announced = rest.len() as u64;
        let cut_off = match ending {
            Ending::CutOff(after) if after < rest.len() => {
                rest.truncate(after);
                true
            }
            _ => false,
        };
        AnswerBody { rest, announced, cut_off, flushed: false }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if !self.rest.is_empty() {
            let data = std::mem::take(&mut self.rest);
            self.announced -= data.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if !self.cut_off {
            return Poll::Ready(None);
        }
        if !std::mem::replace(&mut self.flushed, true) {
            // Pending once makes hyper write out what it has before the connection ends.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(disconnected())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && !self.cut_off
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}

/// What the server and its connections have in common.
struct Shared {
    api: Api,
    settings: MockServerBuilder,
    port: u16,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    answers: VecDeque<(Option<String>, Answer)>,
    always: Option<Answer>,
    /// The valid bearer tokens and when each ends.
    tokens: Vec<(String, Option<Instant>)>,
    tokens_issued: usize,
    token_requests: usize,
    token_answers: VecDeque<Answer>,
    /// The last accepted start of each path that has a cool-down.
    starts: HashMap<String, Instant>,
    /// What was accepted under each path that can be read back.
    configured: HashMap<String, Map<String, Value>>,
    tracking: u64,
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http2().max_concurrent_streams(None);
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                // Without it the answer would only come later.
                let _ = socket.set_nodelay(true);
                let (http, shared) = (http.clone(), shared.clone());
                connections.spawn(async move {
                    let service = service_fn(move |request| shared.clone().serve(peer, request));
                    // A connection that breaks is the client's to notice.
                    let _ = http.serve_connection(TokioIo::new(socket), service).await;
                });
            }
            // Most likely too many open files: others have to close first.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(
        self: Arc<Self>,
        peer: SocketAddr,
        request: Request<Incoming>,
    ) -> Result<Response<AnswerBody>, io::Error> {
        let arrived = Instant::now();
        let (mut parts, body) = request.into_parts();
        for (name, value) in &mut parts.headers {
            if [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE].contains(name) {
                value.set_sensitive(true);
            }
        }
        let body = match Limited::new(body, LONGEST_BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Answer::error(413, 413, "The request body is too large.").give().await;
            }
            Err(_) => return Err(disconnected()),
        };
        if parts.uri.path() == TOKEN_PATH {
            return self.answer_token(&parts, &body).give().await;
        }
        self.answer_operation(peer, arrived, parts, body).await.give().await
    }

    async fn answer_operation(
        &self,
        peer: SocketAddr,
        arrived: Instant,
        parts: Parts,
        body: Bytes,
    ) -> Answer {
        let fields = read_fields(&parts.headers, body.clone()).await;
        let path = parts.uri.path();
        let route = self.api.route(&parts.method, path);
        let operation = route.as_ref().ok().map(|route| route.operation);
        let asked_for = self.asked_for(operation, path);
        let answer = asked_for.unwrap_or_else(|| {
            let answer = self.judge(route, &parts.headers, &body, &fields).unwrap_or_else(|refusal| refusal);
            let mut state = self.lock();
            state.tracking += 1;
            answer.header("x-zm-trackingid", format!("mock-{}", state.tracking))
        });
        let received = Received {
            path: path.to_owned(),
            query: parts.uri.query().map(str::to_owned),
            content_type: content_type(&parts.headers).map(str::to_owned),
            body,
            fields: fields
                .unwrap_or_default()
                .into_iter()
                .map(|(name, value)| (name, as_text(value)))
                .collect(),
            operation_id: operation.map(|operation| operation.id.clone()),
            status: answer.status_sent(),
            arrived,
            peer,
            harmless: operation.map(|operation| operation.harmless.clone()).unwrap_or_default(),
            method: parts.method,
            headers: parts.headers,
        };
        self.lock().received.push(received);
        answer
    }

    /// The answer that was queued or set for this request.
    fn asked_for(&self, operation: Option<&Operation>, path: &str) -> Option<Answer> {
        let mut state = self.lock();
        let meant = |filter: &String| {
            filter == path
                || path.strip_prefix(&self.api.base_path) == Some(filter)
                || operation.is_some_and(|operation| operation.id == *filter)
        };
        match state.answers.iter().position(|(filter, _)| filter.as_ref().is_none_or(meant)) {
            Some(next) => state.answers.remove(next).map(|(_, answer)| answer),
            None => state.always.clone(),
        }
    }

    /// The answer by the description; what is refused comes back as `Err`.
    fn judge(
        &self,
        route: Result<Route<'_>, Answer>,
        headers: &HeaderMap,
        body: &Bytes,
        fields: &Result<Fields, String>,
    ) -> Result<Answer, Answer> {
        let Route { operation, key } = route?;
        if !self.is_authorised(headers) {
            return Err(Answer::error(401, 124, "Invalid access token."));
        }
        let path = key.map_err(|message| Answer::error(400, 300, &message))?;
        let sent = match &operation.body {
            Some(rules) => rules.check(headers, body, fields)?,
            None => Map::new(),
        };
        let mut state = self.lock();
        if let Some(limit) = &operation.limit
            && sent.get("action").is_some_and(|action| action == "start")
        {
            let cool_down = self.settings.cool_down.unwrap_or(limit.cool_down);
            let now = Instant::now();
            let since = state.starts.get(&path).map(|last| now.duration_since(*last));
            let left = since.map_or(Duration::ZERO, |since| cool_down.saturating_sub(since));
            if !left.is_zero() {
                let refusal = Answer::error(429, limit.code, &limit.message);
                return Err(match cool_down == limit.cool_down {
                    true => refusal,
                    false => refusal.header("retry-after", left.as_millis().div_ceil(1000).to_string()),
                });
            }
            state.starts.insert(path.clone(), now);
        }
        let answer = Answer::status(operation.success);
        if !sent.is_empty() && self.api.can_be_read(operation) {
            state.configured.entry(path.clone()).or_default().extend(sent);
        }
        let Some(mut value) = operation.answer.clone() else {
            return Ok(answer);
        };
        if let (Value::Object(members), Some(configured)) = (&mut value, state.configured.get(&path)) {
            for (name, value) in configured.iter().filter(|(name, _)| operation.answers_with.contains(name)) {
                members.insert(name.clone(), value.clone());
            }
        }
        Ok(answer.json(&value))
    }

    fn is_authorised(&self, headers: &HeaderMap) -> bool {
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = sent.and_then(|value| value.strip_prefix("Bearer "));
        let now = Instant::now();
        let is_valid = |(valid, end): &(String, Option<Instant>)| {
            Some(valid.as_str()) == token && end.is_none_or(|end| now < end)
        };
        self.lock().tokens.iter().any(is_valid)
    }

    /// Server-to-server OAuth, as Zoom documents it: Basic client credentials, the grant in form body or query.
    fn answer_token(&self, parts: &Parts, body: &Bytes) -> Answer {
        let MockServerBuilder { account_id, client_id, client_secret, token_lifetime, .. } = &self.settings;
        let mut state = self.lock();
        state.token_requests += 1;
        if let Some(answer) = state.token_answers.pop_front() {
            return answer;
        }
        if parts.method != Method::POST {
            return token_failure(405, "Method not allowed.", "invalid_request").header("allow", "POST");
        }
        let credentials = format!("Basic {}", base64(format!("{client_id}:{client_secret}").as_bytes()));
        if parts.headers.get(header::AUTHORIZATION).is_none_or(|sent| sent != credentials.as_str()) {
            return token_failure(401, "Invalid client_id or client_secret", "invalid_client");
        }
        let mut form = form_fields(parts.uri.query().unwrap_or_default());
        if media_type(&parts.headers).as_deref() == Some(FORM) {
            form.extend(form_fields(&String::from_utf8_lossy(body)));
        }
        let sent = |name: &str| form.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        if sent("grant_type").is_none_or(|grant| grant != "account_credentials") {
            return token_failure(400, "Unsupported grant type", "unsupported_grant_type");
        }
        if sent("account_id").is_none_or(|account| account != account_id.as_str()) {
            return token_failure(400, "Invalid account_id", "invalid_request");
        }
        let now = Instant::now();
        let kills_old = self.settings.new_token_kills_old;
        state.tokens.retain(|(_, end)| !kills_old && end.is_none_or(|end| now < end));
        state.tokens_issued += 1;
        let token = format!("mock-token-{}-{}", self.port, state.tokens_issued);
        state.tokens.push((token.clone(), now.checked_add(*token_lifetime)));
        let answer = Answer::status(200).delay(self.settings.token_delay);
        answer.json(&json!({
            "access_token": token,
            "token_type": "bearer",
            "expires_in": token_lifetime.as_secs(),
            "scope": self.api.scope,
        }))
    }
}

fn token_failure(status: u16, reason: &str, error: &str) -> Answer {
    Answer::status(status).json(&json!({ "reason": reason, "error": error }))
}

/// The description, as far as answering needs it.
struct Api {
    base_path: String,
    scope: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: Method,
    path: Vec<Segment>,
    body: Option<BodyRules>,
    /// The first documented 2xx, and the value it carries.
    success: u16,
    answer: Option<Value>,
    /// The names of the members a value may have.
    answers_with: Vec<String>,
    limit: Option<StartLimit>,
    harmless: Arc<[String]>,
}

#[derive(PartialEq)]
enum Segment {
    Literal(String),
    Integer,
    Text,
}

struct BodyRules {
    media_types: Vec<String>,
    is_required: bool,
    schema: Value,
}

struct StartLimit {
    code: i64,
    message: String,
    cool_down: Duration,
}

/// An operation found, and the path in the form that is the same for the same resource, or what is wrong with it.
struct Route<'a> {
    operation: &'a Operation,
    key: Result<String, String>,
}

impl Api {
    fn read(description: &str) -> Result<Api, String> {
        let document: Value =
            serde_json::from_str(description).map_err(|e| format!("the description: {e}"))?;
        let server = document["servers"][0]["url"].as_str().unwrap_or("/");
        let base_path =
            reqwest::Url::parse(server).map_or_else(|_| server.to_owned(), |u| u.path().to_owned());
        let flows = members(&document["components"]["securitySchemes"]).map(|(_, scheme)| &scheme["flows"]);
        let scopes =
            flows.flat_map(members).flat_map(|(_, flow)| members(&flow["scopes"]).map(|(name, _)| name));
        let mut scopes: Vec<&str> = scopes.map(String::as_str).collect();
        scopes.sort_unstable();
        scopes.dedup();

        let paths = document["paths"].as_object().ok_or("the description: it has no paths")?;
        let mut operations = Vec::new();
        for (template, item) in paths {
            let item = resolved(&document, item, 8);
            for method in ["get", "put", "post", "delete", "patch"] {
                if let Some(described) = item.get(method) {
                    operations.push(Operation::read(&document, template, method, &item, described));
                }
            }
        }
        Ok(Api { base_path: base_path.trim_end_matches('/').to_owned(), scope: scopes.join(" "), operations })
    }

    /// Whether what is sent to this operation can be read back by a GET of the same path.
    fn can_be_read(&self, operation: &Operation) -> bool {
        self.operations.iter().any(|other| other.method == Method::GET && other.path == operation.path)
    }

    fn route(&self, method: &Method, path: &str) -> Result<Route<'_>, Answer> {
        let rest = path.strip_prefix(&self.base_path).and_then(|rest| rest.strip_prefix('/'));
        let sent: Vec<&str> = rest.map(|rest| rest.split('/').collect()).unwrap_or_default();
        let mut allowed = Vec::new();
        for operation in &self.operations {
            let fits = |(segment, text): (&Segment, &&str)| match segment {
                Segment::Literal(literal) => literal == text,
                Segment::Integer | Segment::Text => true,
            };
            if operation.path.len() != sent.len() || !operation.path.iter().zip(&sent).all(fits) {
                continue;
            }
            if operation.method == method {
                let keys = operation.path.iter().zip(&sent).map(|(segment, text)| segment.key(text));
                let key = keys.collect::<Result<Vec<_>, _>>().map(|keys| keys.join("/"));
                return Ok(Route { operation, key });
            }
            allowed.push(operation.method.as_str());
        }
        Err(match allowed.is_empty() {
            true => Answer::error(404, 2300, "This API endpoint is not recognized."),
            false => Answer::error(405, 405, "Request method is not supported.")
                .header("allow", allowed.join(", ")),
        })
    }
}

impl Operation {
    fn read(document: &Value, template: &str, method: &str, item: &Value, described: &Value) -> Operation {
        let parameters = [&item["parameters"], &described["parameters"]];
        let segment = |text: &str| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            None => Segment::Literal(text.to_owned()),
            Some(name) => {
                let mut parameters = parameters.iter().filter_map(|list| list.as_array()).flatten();
                let is_integer = parameters.any(|p| p["name"] == name && p["schema"]["type"] == "integer");
                if is_integer { Segment::Integer } else { Segment::Text }
            }
        };
        let responses = &described["responses"];
        let success = members(responses).find(|(status, _)| status.starts_with('2'));
        let content = success.map_or(&Value::Null, |(_, response)| &response["content"][JSON]);
        let body = BodyRules::read(&described["requestBody"]);
        let properties = body.as_ref().map_or(&Value::Null, |body| &body.schema["properties"]);
        let can_start =
            properties["action"]["enum"].as_array().is_some_and(|e| e.iter().any(|v| v == "start"));
        let limit = responses.get("429").filter(|_| can_start).map(|response| {
            let wait = |place: &Value| place["x-retry-after-seconds"].as_u64();
            StartLimit {
                code: response["x-error-codes"][0]["code"].as_i64().unwrap_or(429),
                message: response["description"].as_str().unwrap_or("Too many requests.").trim().to_owned(),
                cool_down: Duration::from_secs(wait(response).or_else(|| wait(document)).unwrap_or(30)),
            }
        });
        let harmless = members(properties).filter(|(_, schema)| !holds_secret(schema));
        Operation {
            id: described["operationId"]
                .as_str()
                .map_or_else(|| format!("{method} {template}"), str::to_owned),
            // A method name out of a list of valid ones always parses; GET is never meant.
            method: method.to_uppercase().parse().unwrap_or(Method::GET),
            path: template.trim_start_matches('/').split('/').map(segment).collect(),
            success: success.and_then(|(status, _)| status.parse().ok()).unwrap_or(200),
            answer: content.is_object().then(|| example(content)),
            answers_with: members(&content["schema"]["properties"]).map(|(name, _)| name.clone()).collect(),
            limit,
            harmless: harmless.map(|(name, _)| name.clone()).collect(),
            body,
        }
    }
}

impl Segment {
    /// The segment as it is the same for the same resource.
    fn key(&self, text: &str) -> Result<String, String> {
        if *self != Segment::Integer {
            return Ok(text.to_owned());
        }
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let id = text.parse::<i64>().ok().filter(|id| is_number && *id > 0);
        id.map(|id| id.to_string())
            .ok_or_else(|| "Invalid id: a positive 64-bit integer is needed.".to_owned())
    }
}

impl BodyRules {
    fn read(described: &Value) -> Option<BodyRules> {
        let content = described["content"].as_object()?;
        Some(BodyRules {
            media_types: content.keys().cloned().collect(),
            is_required: described["required"] == true,
            schema: content.values().next()?["schema"].clone(),
        })
    }

    /// The fields by their types, or the refusal.
    fn check(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        fields: &Result<Fields, String>,
    ) -> Result<Map<String, Value>, Answer> {
        let media_type = media_type(headers);
        if media_type.is_none() && body.is_empty() && !self.is_required {
            return Ok(Map::new());
        }
        let Some(media_type) = media_type.filter(|sent| sent == JSON || self.media_types.contains(sent))
        else {
            let accepted = self.media_types.join(", ");
            let message = format!("Unsupported media type; send {accepted} or {JSON}.");
            return Err(Answer::error(415, 415, &message));
        };
        let fields = fields.as_ref().map_err(|message| Answer::error(400, 300, message))?;
        if fields.is_empty() {
            return Err(Answer::error(400, 300, "The request body has no field."));
        }
        let typed = |(name, value): &(String, Value)| match value {
            // A text part has no type of its own; a JSON value has.
            Value::String(text) if media_type != JSON => from_text(&self.schema["properties"][name], text),
            value => value.clone(),
        };
        let sent: Vec<(&str, Value)> = fields.iter().map(|field| (field.0.as_str(), typed(field))).collect();
        let mut wrong = Vec::new();
        check_members(&self.schema, sent.iter().map(|(name, value)| (*name, value)), "", &mut wrong);
        if !wrong.is_empty() {
            let envelope = json!({ "code": 300, "message": "Validation Failed.", "errors": wrong });
            return Err(Answer::status(400).json(&envelope));
        }
        Ok(sent.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// The fields of a body in the order sent: of a form all text, of JSON any value.
type Fields = Vec<(String, Value)>;

/// Reads a body by the media type its headers name; one that nobody here knows has no fields.
async fn read_fields(headers: &HeaderMap, body: Bytes) -> Result<Fields, String> {
    match media_type(headers).as_deref() {
        Some(MULTIPART) => {
            let boundary = multer::parse_boundary(content_type(headers).unwrap_or_default());
            let boundary = boundary.map_err(|_| "Malformed multipart body: no boundary.")?;
            let stream = BodyDataStream::new(Full::new(body));
            read_multipart(multer::Multipart::new(stream, boundary)).await
        }
        Some(JSON) => match serde_json::from_slice(&body) {
            Ok(JsonFields(fields)) => Ok(fields),
            Err(_) => Err("Request Body should be a valid JSON object.".to_owned()),
        },
        Some(FORM) => {
            let text = std::str::from_utf8(&body).map_err(|_| "Malformed form body: not UTF-8.")?;
            Ok(form_fields(text).into_iter().map(|(name, value)| (name, Value::String(value))).collect())
        }
        _ => Ok(Vec::new()),
    }
}

async fn read_multipart(mut parts: multer::Multipart<'_>) -> Result<Fields, String> {
    let malformed = |error: multer::Error| format!("Malformed multipart body: {error}.");
    let mut fields = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(malformed)? {
        let name = part.name().ok_or("Malformed multipart body: a part has no name.")?.to_owned();
        let value = part.bytes().await.map_err(malformed)?.to_vec();
        let value = String::from_utf8(value).map_err(|_| "Malformed multipart body: a part is not UTF-8.")?;
        fields.push((name, Value::String(value)));
    }
    Ok(fields)
}

/// A JSON object whose members keep their order, and a member sent twice both times.
struct JsonFields(Fields);

impl<'de> Deserialize<'de> for JsonFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = JsonFields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonFields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(JsonFields(fields))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok()
}

/// The media type without its parameters, in lower case.
fn media_type(headers: &HeaderMap) -> Option<String> {
    Some(content_type(headers)?.split(';').next()?.trim().to_ascii_lowercase())
}

fn form_fields(text: &str) -> Vec<(String, String)> {
    let Ok(mut url) = reqwest::Url::parse("http://localhost/") else { return Vec::new() };
    url.set_query(Some(text));
    url.query_pairs().into_owned().collect()
}

fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        value => value.to_string(),
    }
}

/// A text part as the type the schema asks for. What cannot be one stays text, which `check` then refuses.
fn from_text(schema: &Value, text: &str) -> Value {
    match schema["type"].as_str() {
        Some("string") | None => Value::from(text),
        Some(_) => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    }
}

/// Holds a value against its schema. The messages never repeat the value: it may be a stream key.
fn check(schema: &Value, value: &Value, field: &str, wrong: &mut Vec<Value>) {
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    let mut refuse = |message: String| wrong.push(json!({ "field": field, "message": message }));
    let limit =
        |name: &str| schema[name].as_u64().unwrap_or(if name.starts_with("min") { 0 } else { u64::MAX });
    match (schema["type"].as_str(), value) {
        (Some("string"), Value::String(text)) => {
            let (length, least, most) = (text.chars().count() as u64, limit("minLength"), limit("maxLength"));
            if length < least {
                refuse(format!("Must have at least {least} characters, has {length}."));
            }
            if length > most {
                refuse(format!("Must have at most {most} characters, has {length}."));
            }
            if schema["format"] == "uri" && reqwest::Url::parse(text).is_err() {
                refuse("Must be an absolute URL.".to_owned());
            }
        }
        (Some("integer"), Value::Number(number)) if !number.is_f64() => {}
        (Some("number"), Value::Number(_)) | (Some("boolean"), Value::Bool(_)) | (None, _) => {}
        (Some("array"), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                check(&schema["items"], item, &format!("{field}[{index}]"), wrong);
            }
        }
        (Some("object"), Value::Object(object)) => {
            let sent = object.iter().map(|(name, value)| (name.as_str(), value));
            check_members(schema, sent, &format!("{field}."), wrong);
        }
        (Some(name), _) => return refuse(format!("Must be of type {name}.")),
    }
    if let Some(values) = schema["enum"].as_array().filter(|values| !values.contains(value)) {
        let values: Vec<String> = values.iter().cloned().map(as_text).collect();
        wrong.push(json!({ "field": field, "message": format!("Must be one of {}.", values.join(", ")) }));
    }
}

/// Holds the members of an object against its schema: all known, none twice, none missing.
fn check_members<'a>(
    schema: &Value,
    sent: impl Iterator<Item = (&'a str, &'a Value)>,
    prefix: &str,
    wrong: &mut Vec<Value>,
) {
    let mut seen = Vec::new();
    for (name, value) in sent {
        let field = format!("{prefix}{name}");
        match schema["properties"].get(name) {
            _ if seen.contains(&name) => wrong.push(json!({ "field": field, "message": "Sent twice." })),
            Some(schema) => check(schema, value, &field, wrong),
            None if schema["additionalProperties"] == true => {}
            None => wrong.push(json!({ "field": field, "message": "Unknown field." })),
        }
        seen.push(name);
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for name in required.filter(|name| !seen.contains(name)) {
        wrong.push(json!({ "field": format!("{prefix}{name}"), "message": "Required field." }));
    }
}

/// The example a media type documents, or a value by its schema.
fn example(content: &Value) -> Value {
    let named = members(&content["examples"]).find_map(|(_, example)| example.get("value"));
    content.get("example").or(named).cloned().unwrap_or_else(|| made_up(&content["schema"]))
}

fn made_up(schema: &Value) -> Value {
    let stated = ["example", "default"].into_iter().find_map(|name| schema.get(name));
    if let Some(value) = stated.or_else(|| schema["enum"].get(0)) {
        return value.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            members(&schema["properties"]).map(|(name, schema)| (name.clone(), made_up(schema))).collect()
        }
        Some("array") => Value::Array(vec![made_up(&schema["items"])]),
        Some("integer" | "number") => json!(schema["minimum"].as_i64().unwrap_or(1)),
        Some("boolean") => Value::Bool(true),
        Some("string") => Value::from(match schema["format"].as_str() {
            Some("uri") => "https://example.com/",
            Some("date-time") => "2030-01-01T00:00:00Z",
            _ => "string",
        }),
        _ => Value::Null,
    }
}

/// Whether a password is anywhere in it.
fn holds_secret(schema: &Value) -> bool {
    schema["format"] == "password"
        || members(&schema["properties"]).any(|(_, schema)| holds_secret(schema))
        || schema.get("items").is_some_and(holds_secret)
}

fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

/// The value with its local `$ref`s replaced, as deep as `depth` of them.
fn resolved(document: &Value, value: &Value, depth: usize) -> Value {
    match value {
        Value::Object(object) => match object.get("$ref").and_then(Value::as_str) {
            Some(reference) if depth > 0 => {
                let target = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
                target.map_or(Value::Null, |target| resolved(document, target, depth - 1))
            }
            Some(_) => Value::Null,
            None => object.iter().map(|(k, v)| (k.clone(), resolved(document, v, depth))).collect(),
        },
        Value::Array(items) => items.iter().map(|item| resolved(document, item, depth)).collect(),
        other => other.clone(),
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for sextet in 0..4 {
            let index = (bits >> (18 - 6 * sextet)) as usize & 63;
            text.push(if sextet > chunk.len() { '=' } else { ALPHABET[index].into() });
        }
    }
    text
}

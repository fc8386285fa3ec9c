//! Receives requests, checks them against the description, and answers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{io, net::SocketAddr, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, body::Incoming, header, header::HeaderMap, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, task::JoinSet, time::Instant};

use super::answer::{Answer, AnswerBody};
use super::description::{Api, Operation};
use super::fields::{Fields, JSON, as_text, checked, content_type, media_type, read};
use super::{BodySupport, MockServerBuilder, Received};

pub const TOKEN_PATH: &str = "/oauth/token";

/// The state that the server shares with its connections.
pub struct Shared {
    pub api: Api,
    pub settings: MockServerBuilder,
    pub address: SocketAddr,
    pub state: Mutex<State>,
}

#[derive(Default)]
pub struct State {
    pub received: Vec<Received>,
    /// The answers that were queued, each with the operation or path that it is for.
    pub answers: VecDeque<(Option<String>, Answer)>,
    pub always: Option<Answer>,
    /// The valid bearer tokens, and when each expires.
    pub tokens: Vec<(String, Option<Instant>)>,
    pub token_requests: usize,
    pub token_answers: VecDeque<Answer>,
    /// Whether meetings and webinars have not started.
    pub not_live: bool,
    /// When the current second of the per-second limit began, and its requests so far.
    pub second: Option<(Instant, u32)>,
    /// The last accepted start of each path with a cool-down.
    pub starts: HashMap<String, Instant>,
    /// The accepted fields of each path.
    pub configured: HashMap<String, Map<String, Value>>,
    pub tracking: u64,
    #[cfg(feature = "events")]
    pub events: Option<super::webhook::Events>,
}

pub async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http2().max_concurrent_streams(None);
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                // If this fails, answers are only a little later.
                let _ = socket.set_nodelay(true);
                let (http, shared) = (http.clone(), shared.clone());
                connections.spawn(async move {
                    let service = service_fn(move |request| shared.clone().serve(peer, request));
                    // The client notices a broken connection itself.
                    let _ = http.serve_connection(TokioIo::new(socket), service).await;
                });
            }
            // Most likely too many files are open: wait until some are closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(self: Arc<Self>, peer: SocketAddr, request: Request<Incoming>) -> io::Result<Response<AnswerBody>> {
        let arrived = Instant::now();
        let (mut parts, body) = request.into_parts();
        for (name, value) in &mut parts.headers {
            if [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE].contains(name) {
                value.set_sensitive(true);
            }
        }
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        if parts.uri.path() == TOKEN_PATH {
            let answer = self.answer_token(&parts, &body).unwrap_or_else(|refusal| refusal);
            return answer.respond().1.await;
        }
        let fields = read(&parts.headers, body.clone()).await;
        let path = parts.uri.path().strip_prefix(&self.api.base_path).unwrap_or_default();
        let operation = self.api.operation(&parts.method, path).map(|(operation, _)| operation);
        let requested = self.requested_answer(operation, &[path, parts.uri.path()]);
        let answer = requested.unwrap_or_else(|| {
            let answer = self.answer_call(path, &parts, &body, &fields).unwrap_or_else(|refusal| refusal);
            self.tracked(answer)
        });
        let (status, answer) = answer.respond();
        let fields = fields.unwrap_or_default().into_iter();
        let received = Received {
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            content_type: content_type(&parts.headers).map(str::to_owned),
            body,
            fields: fields.map(|(name, value)| (name, as_text(value))).collect(),
            operation_id: operation.map(|operation| operation.id.clone()),
            status,
            arrived,
            peer,
            harmless: operation.map(|operation| operation.harmless.clone()).unwrap_or_default(),
            method: parts.method,
            headers: parts.headers,
        };
        self.lock().received.push(received);
        answer.await
    }

    fn tracked(&self, answer: Answer) -> Answer {
        let mut state = self.lock();
        state.tracking += 1;
        answer.header("x-zm-trackingid", format!("v=2.0;clid=us02;rid=WEB_{:032x}", state.tracking))
    }

    /// The answer that was queued or set for this request.
    fn requested_answer(&self, operation: Option<&Operation>, paths: &[&str]) -> Option<Answer> {
        let mut state = self.lock();
        let is_for = |wanted: &String| {
            paths.contains(&wanted.as_str()) || operation.is_some_and(|operation| operation.id == *wanted)
        };
        match state.answers.iter().position(|(wanted, _)| wanted.as_ref().is_none_or(is_for)) {
            Some(next) => state.answers.remove(next).map(|(_, answer)| answer),
            None => state.always.clone(),
        }
    }

    /// The answer according to the description; `Err` for a refusal.
    fn answer_call(
        &self,
        path: &str,
        parts: &Parts,
        body: &Bytes,
        fields: &Result<Fields, String>,
    ) -> Result<Answer, Answer> {
        let unknown = || Answer::error(404, 2300, "This API endpoint is not recognized.");
        let (operation, parameters) = self.api.operation(&parts.method, path).ok_or_else(unknown)?;
        if !self.is_authorized(&parts.headers) {
            return Err(Answer::error(401, 124, "Invalid access token."));
        }
        self.within_the_second()?;
        operation.check_ids(&parameters)?;
        let success = Answer::status(operation.success);
        let media_type = media_type(&parts.headers);
        let sent = match &operation.body {
            Some(described) if media_type.is_some() || !body.is_empty() || described.is_required => {
                let support = match media_type.as_deref() {
                    Some(JSON) => self.settings.json,
                    Some(other) if other == described.media_type => self.settings.multipart,
                    _ => BodySupport::Refused,
                };
                match support {
                    BodySupport::Accepted => {}
                    BodySupport::Refused => return Err(Answer::error(415, 300, "Unsupported Content Type")),
                    BodySupport::Ignored => return Ok(success),
                }
                let fields = fields.as_ref().map_err(|refused| Answer::error(400, 300, refused))?;
                checked(&described.schema, fields, media_type.as_deref() != Some(JSON)).map_err(invalid)?
            }
            _ => Map::new(),
        };
        let action = sent.get("action").and_then(Value::as_str);
        let id = parameters.last().map_or("", |(_, id)| id);
        let mut state = self.lock();
        if action.is_some() && state.not_live {
            return Err(Answer::error(400, 200, &not_started(path, id)));
        }
        if let Some(limit) = operation.limit.as_ref().filter(|limit| limit.applies_to(&sent)) {
            let cool_down = self.settings.cool_down.unwrap_or(limit.cool_down);
            let now = Instant::now();
            let since = state.starts.get(path).map_or(cool_down, |last| now.duration_since(*last));
            if since < cool_down {
                return Err(Answer::error(429, 429, &limit.message(cool_down, &parameters)));
            }
            state.starts.insert(path.to_owned(), now);
        }
        #[cfg(feature = "events")]
        state.announce(path, action);
        state.configured.entry(path.to_owned()).or_default().extend(sent);
        let Some(mut value) = operation.answer.clone() else { return Ok(success) };
        if let (Value::Object(members), Some(configured)) = (&mut value, state.configured.get(path)) {
            members.extend(configured.clone());
        }
        Ok(success.json(&value))
    }

    fn within_the_second(&self) -> Result<(), Answer> {
        let Some(most) = self.settings.requests_per_second else { return Ok(()) };
        let now = Instant::now();
        let mut state = self.lock();
        let current = state.second.filter(|(start, _)| now.duration_since(*start) < Duration::from_secs(1));
        let (start, count) = current.unwrap_or((now, 0));
        state.second = Some((start, count.saturating_add(1)));
        let message = "You have reached the maximum per-second rate limit for this API. Try again later.";
        if count < most { Ok(()) } else { Err(Answer::error(429, 429, message)) }
    }

    fn is_authorized(&self, headers: &HeaderMap) -> bool {
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = sent.and_then(|value| value.strip_prefix("Bearer "));
        let now = Instant::now();
        let is_valid = |(valid, expires_at): &(String, Option<Instant>)| {
            Some(valid.as_str()) == token && expires_at.is_none_or(|expires_at| now < expires_at)
        };
        self.lock().tokens.iter().any(is_valid)
    }

    /// Server-to-server OAuth as Zoom documents it: client credentials as Basic authentication, the grant in a form body or
    /// the query.
    fn answer_token(&self, parts: &Parts, body: &Bytes) -> Result<Answer, Answer> {
        let refused = |reason: &str, error: &str| {
            Err(self.tracked(Answer::status(400).json(&json!({ "reason": reason, "error": error }))))
        };
        let number = {
            let mut state = self.lock();
            state.token_requests += 1;
            if let Some(answer) = state.token_answers.pop_front() {
                return Ok(answer);
            }
            state.token_requests
        };
        let [account_id, client_id, client_secret] = &self.settings.credentials;
        let credentials = format!("{}:{}", client_id.expose(), client_secret.expose());
        let credentials = format!("Basic {}", STANDARD.encode(credentials));
        if parts.headers.get(header::AUTHORIZATION).is_none_or(|sent| sent != credentials.as_str()) {
            return refused("Invalid client_id or client_secret", "invalid_client");
        }
        let mut form = reqwest::Url::parse("http://localhost").expect("a constant that is a URL");
        let (query, body) = (parts.uri.query().unwrap_or_default(), String::from_utf8_lossy(body));
        form.set_query(Some(&format!("{query}&{body}")));
        let sent = |name: &str, value: &str| form.query_pairs().any(|pair| pair == (name.into(), value.into()));
        if parts.method != Method::POST || !sent("grant_type", "account_credentials") {
            return refused("unsupported grant type", "unsupported_grant_type");
        }
        if !sent("account_id", account_id.expose()) {
            return refused("Bad Request", "invalid_request");
        }
        let lifetime = self.settings.token_lifetime;
        let token = format!("mock-token-{}-{number}", self.address.port());
        self.lock().tokens.push((token.clone(), Instant::now().checked_add(lifetime)));
        Ok(self.tracked(Answer::status(200)).delay(self.settings.token_delay).json(&json!({
            "access_token": token,
            "token_type": "bearer",
            "expires_in": lifetime.as_secs(),
            "scope": self.api.scope,
            "api_url": format!("http://{}", self.address),
        })))
    }
}

fn invalid(errors: Vec<Value>) -> Answer {
    Answer::status(400).json(&json!({ "code": 300, "message": "Validation Failed.", "errors": errors }))
}

/// As Zoom writes it: the ID of a webinar with thousands separators.
fn not_started(path: &str, id: &str) -> String {
    if !path.starts_with("/webinars/") {
        return "Meeting has not started.".to_owned();
    }
    let groups: Vec<_> = id.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    format!("Webinar {} has not started.", groups.join(","))
}

//! Receives requests, checks them against the description, and answers.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::answer::{Answer, AnswerBody, Prepared, disconnected};
use super::description::{Api, Operation, Route};
use super::fields::{Content, FORM, as_text, content_type, form_fields, media_type, read_content};
use super::{MockServerBuilder, Received};

pub const TOKEN_PATH: &str = "/oauth/token";
const LONGEST_BODY: usize = 16 * 1024 * 1024;

/// The state that the server shares with its connections.
pub struct Shared {
    pub api: Api,
    pub settings: MockServerBuilder,
    pub port: u16,
    pub state: Mutex<State>,
}

#[derive(Default)]
pub struct State {
    pub received: Vec<Received>,
    pub answers: VecDeque<(Option<String>, Answer)>,
    pub always: Option<Answer>,
    /// The valid bearer tokens, and when each expires.
    pub tokens: Vec<(String, Option<Instant>)>,
    pub tokens_issued: usize,
    pub token_requests: usize,
    /// Each answer, and how many token requests still get it.
    pub token_answers: VecDeque<(usize, Answer)>,
    /// When the current second of the per-second limit began, and its requests so far.
    pub second: Option<(Instant, u32)>,
    /// The last accepted start of each path with a cool-down.
    pub starts: HashMap<String, Instant>,
    /// The accepted fields of each path that can be read back.
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
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(Answer::error(413, 413, "The request body is too large."))
            }
            Err(_) => return Err(disconnected()),
        };
        if parts.uri.path() == TOKEN_PATH {
            return self.answer_token(&parts, body).prepare().send().await;
        }
        self.answer_operation(peer, arrived, parts, body).await.send().await
    }

    async fn answer_operation(
        &self,
        peer: SocketAddr,
        arrived: Instant,
        mut parts: Parts,
        body: Result<Bytes, Answer>,
    ) -> Prepared {
        let (body, too_large) = match body {
            Ok(body) => (body, None),
            Err(refusal) => (Bytes::new(), Some(refusal)),
        };
        let content = read_content(&parts.headers, body.clone()).await;
        let path = parts.uri.path();
        let route = self.api.route(&parts.method, path);
        let operation = route.as_ref().ok().map(|route| route.operation);
        let secret_headers = operation.map_or(&[][..], |operation| &operation.secret_headers);
        for (name, value) in &mut parts.headers {
            if secret_headers.iter().any(|secret| name.as_str().eq_ignore_ascii_case(secret)) {
                value.set_sensitive(true);
            }
        }
        let requested = self.requested_answer(operation, path);
        let answer = requested.unwrap_or_else(|| {
            let judged = too_large.map_or_else(|| self.judge(route, &parts.headers, &body, &content), Err);
            let answer = judged.unwrap_or_else(|refusal| refusal);
            let mut state = self.lock();
            state.tracking += 1;
            answer.header("x-zm-trackingid", format!("mock-{}", state.tracking))
        });
        let answer = answer.prepare();
        let fields = match content {
            Ok(Content::Fields(fields)) => fields,
            Ok(Content::Whole(_)) | Err(_) => Vec::new(),
        };
        let received = Received {
            path: path.to_owned(),
            query: parts.uri.query().map(str::to_owned),
            content_type: content_type(&parts.headers).map(str::to_owned),
            body,
            fields: fields.into_iter().map(|(name, value)| (name, as_text(value))).collect(),
            operation_id: operation.map(|operation| operation.id.clone()),
            status: answer.status(),
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
    fn requested_answer(&self, operation: Option<&Operation>, path: &str) -> Option<Answer> {
        let mut state = self.lock();
        let matches = |filter: &String| {
            filter == path
                || path.strip_prefix(&self.api.base_path) == Some(filter)
                || operation.is_some_and(|operation| operation.id == *filter)
        };
        match state.answers.iter().position(|(filter, _)| filter.as_ref().is_none_or(matches)) {
            Some(next) => state.answers.remove(next).map(|(_, answer)| answer),
            None => state.always.clone(),
        }
    }

    /// The answer according to the description; `Err` for a refusal.
    fn judge(
        &self,
        route: Result<Route<'_>, Answer>,
        headers: &HeaderMap,
        body: &Bytes,
        content: &Result<Content, String>,
    ) -> Result<Answer, Answer> {
        let Route { operation, key } = route?;
        if !self.is_authorized(headers) {
            return Err(Answer::error(401, 124, "Invalid access token."));
        }
        self.within_the_second()?;
        let path = key.map_err(|message| Answer::error(400, 300, &message))?;
        let sent = match &operation.body {
            Some(rules) => rules.check(&self.api.document, headers, body, content)?,
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
                let refusal = Answer::error(429, limit.code, &limit.message(&operation.path, &path));
                return Err(match cool_down == limit.cool_down {
                    true => refusal,
                    false => refusal.header("retry-after", left.as_millis().div_ceil(1000).to_string()),
                });
            }
            state.starts.insert(path.clone(), now);
        }
        #[cfg(feature = "events")]
        state.announce(&path, sent.get("action"));
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

    fn within_the_second(&self) -> Result<(), Answer> {
        let Some(most) = self.settings.requests_per_second else { return Ok(()) };
        let now = Instant::now();
        let mut state = self.lock();
        let current = state.second.filter(|(start, _)| now.duration_since(*start) < Duration::from_secs(1));
        let (start, count) = current.unwrap_or((now, 0));
        state.second = Some((start, count.saturating_add(1)));
        if count < most {
            return Ok(());
        }
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let refusal = Answer::error(
            429,
            429,
            "The account has reached its limit of requests per second. Try again later.",
        );
        Err(refusal
            .header("x-ratelimit-type", "QPS")
            .header("x-ratelimit-limit", most.to_string())
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-reset", (unix.as_secs() + 1).to_string()))
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
    fn answer_token(&self, parts: &Parts, body: Result<Bytes, Answer>) -> Answer {
        let MockServerBuilder { account_id, client_id, client_secret, token_lifetime, .. } = &self.settings;
        let mut state = self.lock();
        state.token_requests += 1;
        if let Some((left, answer)) = state.token_answers.front_mut() {
            let answer = answer.clone();
            *left -= 1;
            if *left == 0 {
                state.token_answers.pop_front();
            }
            return answer;
        }
        let body = match body {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        if parts.method != Method::POST {
            return token_failure(405, "Method not allowed.", "invalid_request").header("allow", "POST");
        }
        let credentials = format!("Basic {}", STANDARD.encode(format!("{client_id}:{client_secret}")));
        if parts.headers.get(header::AUTHORIZATION).is_none_or(|sent| sent != credentials.as_str()) {
            return token_failure(401, "Invalid client_id or client_secret", "invalid_client");
        }
        let mut form = form_fields(parts.uri.query().unwrap_or_default());
        if media_type(&parts.headers).as_deref() == Some(FORM) {
            form.extend(form_fields(&String::from_utf8_lossy(&body)));
        }
        let sent = |name: &str| form.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        if sent("grant_type").is_none_or(|grant| grant != "account_credentials") {
            return token_failure(400, "Unsupported grant type", "unsupported_grant_type");
        }
        if sent("account_id").is_none_or(|account| account != account_id.as_str()) {
            return token_failure(400, "Invalid account_id", "invalid_request");
        }
        let now = Instant::now();
        let revokes_old = self.settings.new_token_revokes_old;
        state
            .tokens
            .retain(|(_, expires_at)| !revokes_old && expires_at.is_none_or(|expires_at| now < expires_at));
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

pub fn token_failure(status: u16, reason: &str, error: &str) -> Answer {
    Answer::status(status).json(&json!({ "reason": reason, "error": error }))
}

//! Where an access token comes from, and the one fetch that all callers share.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::error::{BoxError, Cause, Error};
use crate::{Secret, trace};

/// Where access tokens come from: a [`ServerToServer`](crate::ServerToServer) app, a vault, user OAuth with its rotating
/// refresh token.
///
/// It keeps the token that it got, and clones share it: give clones to several clients, and one token request serves them
/// all. A token is requested when there is none, 300 seconds before it expires (or halfway, if it lives for less than
/// 600), or when Zoom refused it; never twice at once. The request runs in a task of its own, and every call that needs
/// its outcome waits, each until its own deadline. While the old token is valid, no call waits at all.
///
/// ```
/// use std::time::Duration;
/// use zoom_livestream::{AccessToken, Client, TokenSource};
///
/// # #[derive(Clone)]
/// # struct Vault;
/// # impl Vault {
/// #     async fn read(&self, _: &str) -> Result<String, std::io::Error> { Ok("mock-access-token".to_owned()) }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoom_livestream::mock::MockServer::start().await?;
/// # let vault = Vault;
/// let source = TokenSource::new(move |_request| {
///     let vault = vault.clone();
///     async move {
///         let token = vault.read("zoom/access-token").await?;
///         Ok::<_, std::io::Error>(AccessToken::new(token).with_expires_in(Duration::from_secs(600)))
///     }
/// });
/// let zoom = Client::builder()
///     .token_source(source)
/// #   .base_url(server.base_url())
///     .build()?;
/// # zoom.get_meeting_live_stream_details().meeting_id(84912345678).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TokenSource {
    get: Arc<Get>,
    state: Arc<Mutex<State>>,
    /// The token endpoint, or why no token can be got there.
    pub(crate) endpoint: Option<Arc<Result<Url, String>>>,
}

/// What a [`TokenSource`] is told each time a token is needed.
#[derive(Clone)]
#[non_exhaustive]
pub struct TokenRequest {
    /// The client's own HTTP client, with its connections, timeouts and TLS settings. It does not follow redirects.
    pub http: reqwest::Client,
    /// The token that Zoom refused, if that is why another is needed. Do not return it again.
    pub refused: Option<AccessToken>,
}

impl TokenSource {
    /// A source that calls `get` whenever a token is needed. After 10 seconds, the request is abandoned.
    ///
    /// The error may be of any type, but must not quote the token. It becomes the [`source`](std::error::Error::source)
    /// of the error of each call that waits for the token; their kind is [`Token`](crate::ErrorKind::Token). No other
    /// token is requested for a second, or for the [`retry_after`](Error::retry_after) of an [`Error`] among its causes (at
    /// most a day): calls in between get the same error. While the old token is valid, no call fails.
    pub fn new<F, Answer, E>(get: F) -> Self
    where
        F: Fn(TokenRequest) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<AccessToken, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let get: Arc<Get> = Arc::new(move |request| {
            let answer = get(request);
            Box::pin(async { answer.await.map_err(Into::into) })
        });
        Self { get, state: Arc::default(), endpoint: None }
    }

    /// Always the same token, even if Zoom refuses it.
    pub(crate) fn fixed(token: Secret) -> Result<Self, String> {
        let known = Token::new(AccessToken::new(token.clone()))?;
        let source = Self::new(move |_| ready(Ok::<_, BoxError>(AccessToken::new(token.clone()))));
        source.lock().token = Some(known);
        Ok(source)
    }

    /// Refuses what can never get a token, and a token endpoint that is less safe than the base URL.
    pub(crate) fn check(&self, base_url: &Url) -> Result<(), String> {
        match self.endpoint.as_deref() {
            Some(Err(why)) => Err(why.clone()),
            Some(Ok(url)) if base_url.scheme() == "https" && url.scheme() != "https" => {
                Err("the token URL must be https because the base URL is".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The outcome of a fetch. Dropping this future does not affect other calls.
    pub(crate) async fn outcome(&self, mut fetch: Fetch) -> Outcome {
        let _ = timeout(TIMEOUT + GRACE, fetch.changed()).await;
        self.lock().fetch.take_if(|ended| ended.same_channel(&fetch));
        fetch.borrow().clone()
    }

    /// Forgets `used`, which Zoom refused, unless a newer token has replaced it.
    pub(crate) fn discard(&self, used: &Token) {
        let mut state = self.lock();
        // A fetch in progress goes on, because a source is never asked twice at once.
        if let Some(refused) = state.token.take_if(|token| token.secret == used.secret) {
            state.refused = Some(refused.secret.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known without waiting, or the fetch to wait for: a call waits only if there is no valid token. Starts a fetch if one is due and none is in progress.
    pub(crate) fn known_or_fetch(&self, http: &reqwest::Client) -> Result<Outcome, Fetch> {
        let (mut state, now) = (self.lock(), Instant::now());
        state.failed.take_if(|(_, until)| *until <= now);
        let known = state.valid(now).map(Ok).or_else(|| Some(Err(state.failed.as_ref()?.0.clone())));
        let is_due = known.is_none() || state.refresh_at.is_some_and(|at| at <= now);
        if let (Some(outcome), true) = (&known, !is_due || state.failed.is_some()) {
            return Ok(outcome.clone());
        }
        // A fetch has ended when its channel is closed, even if the source panicked or its runtime was shut down.
        state.fetch.take_if(|fetch| fetch.has_changed().is_err());
        let fetch = state.fetch.get_or_insert_with(|| {
            let lost = "the token source panicked, or its runtime was shut down or is not being driven";
            let (outcome, fetch) = watch::channel(Err(Arc::from(BoxError::from(lost))));
            // In a task of its own, so that it does not depend on any caller.
            tokio::spawn(trace::token(self.clone().fetch(http.clone(), outcome)));
            fetch
        });
        known.ok_or_else(|| fetch.clone())
    }

    async fn fetch(self, http: reqwest::Client, outcome: watch::Sender<Outcome>) {
        let asked = timeout(TIMEOUT, async {
            loop {
                let told = self.lock().refused.clone();
                let request = TokenRequest { http: http.clone(), refused: told.clone().map(AccessToken::new) };
                let token = Token::new((self.get)(request).await?)?;
                let refused = self.lock().refused.clone();
                // Asks again if it was refused only after the source had been asked.
                if refused == told || refused.as_ref() != Some(&token.secret) {
                    return Ok::<_, BoxError>(token);
                }
            }
        });
        let ended = asked.await.unwrap_or_else(|_| Err(Error::token_timeout(TIMEOUT).into()));
        let ended = ended.map_err(Cause::from);
        let is_used_on = self.lock().end(&ended);
        if let (Err(error), true) = (&ended, is_used_on) {
            trace::refresh_failed(error);
        }
        let _ = outcome.send(ended);
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").finish_non_exhaustive()
    }
}

/// An access token, and how long it is valid.
#[derive(Clone, Debug)]
#[must_use]
pub struct AccessToken {
    pub(crate) secret: Secret,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) scope: Option<String>,
    pub(crate) api_url: Option<String>,
}

impl AccessToken {
    /// A token that is used until Zoom refuses it.
    pub fn new(secret: impl Into<Secret>) -> Self {
        Self { secret: secret.into(), expires_in: None, scope: None, api_url: None }
    }

    /// Sets how long the token is valid, counted from when a source returns it. The client replaces it before then.
    pub fn with_expires_in(self, lifetime: Duration) -> Self {
        Self { expires_in: Some(lifetime), ..self }
    }

    /// Sets the granted scopes, separated by spaces, for callers of [`scope`](Self::scope). The client does not use them.
    pub fn with_scope(self, scope: impl Into<String>) -> Self {
        Self { scope: Some(scope.into()), ..self }
    }

    /// Sets the account's API server, for callers of [`api_url`](Self::api_url). The client does not use it.
    pub fn with_api_url(self, url: impl Into<String>) -> Self {
        Self { api_url: Some(url.into()), ..self }
    }

    /// The token itself, without `Bearer`.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// How long the token is valid, counted from when the source returned it, if that is known.
    pub fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    /// The granted scopes, separated by spaces, if the source [set](Self::with_scope) them.
    /// [`ServerToServer`](crate::ServerToServer) does if they are in the token endpoint's answer.
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// The API server of the account's region, such as `https://api-eu.zoom.us`, if the source [set](Self::with_api_url)
    /// it. `api.zoom.us`, the client's default, accepts the token of any region: use this one, with `/v2`, as the
    /// [`base_url`](crate::ClientBuilder::base_url) if your data must stay in its region.
    pub fn api_url(&self) -> Option<&str> {
        self.api_url.as_deref()
    }
}

/// A token as it is sent in requests.
#[derive(Debug)]
pub(crate) struct Token {
    secret: Secret,
    header: HeaderValue,
    expires_at: Option<Instant>,
}

impl Token {
    fn new(AccessToken { secret, expires_in, .. }: AccessToken) -> Result<Arc<Self>, String> {
        if let Some(defect) = defect(secret.expose()) {
            return Err(format!("the access token {defect}: give it exactly as Zoom issued it, without `Bearer`"));
        }
        let header = HeaderValue::try_from(format!("Bearer {}", secret.expose()));
        let mut header = header.expect("a header may have any visible ASCII characters");
        header.set_sensitive(true);
        let expires_at = expires_in.and_then(|lifetime| Instant::now().checked_add(lifetime));
        Ok(Arc::new(Self { secret, header, expires_at }))
    }

    pub fn header(&self) -> &HeaderValue {
        &self.header
    }
}

/// Why a text cannot be a token or credential issued by Zoom: those consist of visible ASCII characters only.
pub(crate) fn defect(text: &str) -> Option<&'static str> {
    match text {
        "" => Some("is empty"),
        _ if text.bytes().all(|byte| byte.is_ascii_graphic()) => None,
        _ => Some("contains a space, line break or other character that cannot be part of it"),
    }
}

/// How long before its expiry a token is refreshed.
const MARGIN: Duration = Duration::from_secs(300);
/// How long a token request may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
/// How much longer its outcome is waited for, because an idle runtime would never end it.
const GRACE: Duration = Duration::from_secs(1);
/// The shortest and the longest time between a token request that failed and the next.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(86_400);

pub(crate) type Outcome = Result<Arc<Token>, Cause>;
pub(crate) type Fetch = watch::Receiver<Outcome>;
type Answer = Pin<Box<dyn Future<Output = Result<AccessToken, BoxError>> + Send>>;
type Get = dyn Fn(TokenRequest) -> Answer + Send + Sync;

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    /// When to fetch the next token, although this one is still valid.
    refresh_at: Option<Instant>,
    /// The token that Zoom refused, until another replaces it.
    refused: Option<Secret>,
    /// Why the last fetch failed, and until when there is no other.
    failed: Option<(Cause, Instant)>,
    fetch: Option<Fetch>,
}

impl State {
    fn valid(&self, now: Instant) -> Option<Arc<Token>> {
        self.token.clone().filter(|token| token.expires_at.is_none_or(|at| at > now))
    }

    /// Takes in the outcome of a fetch. Returns whether there is a valid token.
    fn end(&mut self, outcome: &Outcome) -> bool {
        let now = Instant::now();
        match outcome {
            Ok(token) => *self = Self { token: Some(token.clone()), ..Self::default() },
            Err(error) => {
                let pause = Error::find(&**error).and_then(Error::retry_after).unwrap_or(PAUSE);
                self.failed = Some((error.clone(), now + pause.min(LONGEST_PAUSE)));
            }
        }
        let valid = self.valid(now);
        let expires_at = valid.as_ref().and_then(|token| token.expires_at);
        let margin = if outcome.is_ok() { MARGIN } else { Duration::MAX };
        self.refresh_at = expires_at.map(|at| at - margin.min((at - now) / 2));
        valid.is_some()
    }
}

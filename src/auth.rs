//! Where an access token comes from, and how it is kept.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use progenitor_client::RequestBuilderExt;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Request, StatusCode};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::answer::{Answer, Flaw};
use crate::secret::redact as hide;
use crate::send::{backoff, send};
use crate::sentence::{excerpt, innermost};
use crate::{Secret, url};

/// A source of access tokens: a vault, a store that a fleet shares, user OAuth with its rotating refresh token.
///
/// A client asks its source only when it has no token or the one it has is about to expire, and never twice at
/// once: the token is cached, and callers that need a new one wait for the one request. A source need not cache.
/// While the old token lives nobody but the one that renews it waits, and that one 10 seconds at most.
///
/// ```
/// use std::time::Duration;
/// use zoom_livestream::{AccessToken, TokenError, TokenSource};
///
/// struct Vault(std::path::PathBuf);
///
/// impl TokenSource for Vault {
///     async fn token(&self, _http: &reqwest::Client) -> Result<AccessToken, TokenError> {
///         let text = std::fs::read_to_string(&self.0).map_err(TokenError::new)?;
///         Ok(AccessToken::new(text.trim()).expires_in(Duration::from_secs(3600)))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vault = Vault("/run/secrets/zoom".into());
/// # let server = zoom_livestream::mock::MockServer::start().await?;
/// # let vault = Vault(std::env::temp_dir().join(format!("zoom-livestream-{}", std::process::id())));
/// # std::fs::write(&vault.0, format!("{}\n", server.access_token()))?;
/// # let file = vault.0.clone();
/// let zoom = zoom_livestream::Client::builder()
///     .token_source(vault)
/// #   .base_url(server.base_url())
///     .build()?;
/// # let called = zoom.get_meeting_live_stream_details().meeting_id(84912345678).await;
/// # std::fs::remove_file(file)?;
/// # called?;
/// # Ok(())
/// # }
/// ```
pub trait TokenSource: Send + Sync + 'static {
    /// Gets a token. `http` is the client's own: its timeouts, its TLS, no redirects.
    ///
    /// # Errors
    ///
    /// The call that needs the token, and those waiting with it, end in an error whose source is this one.
    fn token(&self, http: &reqwest::Client) -> impl Future<Output = Result<AccessToken, TokenError>> + Send;
}

/// An access token and how long it lives.
#[derive(Clone, Debug)]
pub struct AccessToken {
    secret: Secret,
    expires_in: Option<Duration>,
}

impl AccessToken {
    /// A token that is used until Zoom refuses it.
    pub fn new(secret: impl Into<Secret>) -> Self {
        Self { secret: secret.into(), expires_in: None }
    }

    /// From now on; the client gets the next one in time.
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.expires_in = Some(lifetime);
        self
    }
}

/// Why there is no access token. Callers that waited for the same request share it.
#[derive(Clone)]
pub struct TokenError(Arc<TokenFailure>);

struct TokenFailure {
    sentence: String,
    status: Option<StatusCode>,
    reason: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl TokenError {
    /// For a source of your own: another error, or a sentence. It must not quote the token.
    pub fn new(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let cause = cause.into();
        Self(Arc::new(TokenFailure {
            sentence: cause.to_string(),
            status: None,
            reason: None,
            source: Some(cause),
        }))
    }

    fn because(sentence: impl Into<String>, cause: reqwest::Error) -> Self {
        let source = Some(cause.without_url().into());
        Self(Arc::new(TokenFailure { sentence: sentence.into(), status: None, reason: None, source }))
    }

    /// The token endpoint's HTTP status, when it answered.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Zoom's own `reason`, such as `Invalid client_id or client_secret`.
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.sentence)
    }
}

impl fmt::Debug for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenError")
            .field("sentence", &self.0.sentence)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for TokenError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// The token that [`ClientBuilder::access_token`](crate::ClientBuilder::access_token) was given.
pub(crate) struct Fixed(pub Secret);

impl TokenSource for Fixed {
    async fn token(&self, _: &reqwest::Client) -> Result<AccessToken, TokenError> {
        Ok(AccessToken::new(self.0.clone()))
    }
}

/// Zoom's server-to-server OAuth: a token for an account's own app, an hour at a time.
///
/// A new token has been reported to kill the one before it, so that services on several machines should not each
/// hold these credentials: share one token through a [`TokenSource`] of your own.
///
/// ```
/// use zoom_livestream::{Client, ServerToServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoom_livestream::mock::MockServer::builder();
/// # let server = server.credentials("account id", "client id", "client secret").start().await?;
/// let app = ServerToServer::new("account id", "client id", "client secret");
/// # let app = app.token_url(server.token_url());
/// let zoom = Client::builder()
///     .token_source(app)
/// #   .base_url(server.base_url())
///     .build()?;
/// # zoom.get_meeting_live_stream_details().meeting_id(84912345678).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ServerToServer {
    account_id: String,
    client_id: String,
    client_secret: Secret,
    token_url: String,
}

/// How long a renewal may take while the old token lives; half of what that has left, if less.
const LONGEST_RENEWAL: Duration = Duration::from_secs(10);
/// How long a token request may take.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);
const TOKEN_URL: &str = "https://zoom.us/oauth/token";
/// What Zoom's tokens live when an answer does not say.
const LIFETIME_SECONDS: u64 = 3600;

impl ServerToServer {
    /// The credentials that the app's page on Zoom's marketplace shows.
    pub fn new(
        account_id: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
    ) -> Self {
        Self {
            account_id: account_id.into(),
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            token_url: TOKEN_URL.to_owned(),
        }
    }

    /// Another token endpoint than `https://zoom.us/oauth/token`: https, or http on a loopback address.
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.token_url = url.into();
        self
    }

    /// The error that an answer without a token is; `basic` is the `Authorization` that was sent.
    fn refused(&self, status: StatusCode, body: &[u8], basic: &str, flaw: Option<Flaw>) -> TokenError {
        #[derive(Default, Deserialize)]
        struct Refusal {
            reason: Option<String>,
            error: Option<String>,
        }
        let mut refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
        // An answer could quote what it was sent.
        let secrets = [self.client_secret.expose(), basic];
        refusal.reason.iter_mut().chain(&mut refusal.error).for_each(|words| hide(words, &secrets));
        let Refusal { reason, error } = refusal;
        let words = flaw.as_ref().map(|flaw| &*flaw.what).or(reason.as_deref()).or(error.as_deref());
        let words = words.map(|words| format!(": {}", excerpt(words))).unwrap_or_default();
        let what = if status.is_success() { " without an access token" } else { "" };
        let advice = if status.is_client_error() {
            ". Check the account id, client id and client secret, and that the app is activated"
        } else {
            ""
        };
        let sentence = format!(
            "Zoom's token endpoint answered HTTP {}{what}{}{advice}",
            status.as_u16(),
            words.trim_end_matches('.')
        );
        let source = flaw.and_then(|flaw| flaw.cause).map(Into::into);
        TokenError(Arc::new(TokenFailure { sentence, status: Some(status), reason, source }))
    }
}

impl TokenSource for ServerToServer {
    async fn token(&self, http: &reqwest::Client) -> Result<AccessToken, TokenError> {
        #[derive(Deserialize)]
        struct Granted {
            access_token: String,
            expires_in: Option<u64>,
        }
        let url = url::checked("the token URL", &self.token_url).map_err(TokenError::new)?;
        let grant = [("grant_type", "account_credentials"), ("account_id", &self.account_id)];
        let request = http
            .post(url)
            .timeout(TOKEN_TIMEOUT)
            .basic_auth(&self.client_id, Some(self.client_secret.expose()));
        let request = RequestBuilderExt::<()>::form_urlencoded(request, &grant)
            .map_err(|_| TokenError::new("the account id cannot be sent in a form"))?;
        let request = request.build().map_err(|error| {
            TokenError::because("the client id or secret cannot be sent in a header", error)
        })?;
        let basic = request.headers().get(AUTHORIZATION).and_then(|basic| basic.to_str().ok());
        let basic = basic.unwrap_or_default().trim_start_matches("Basic ").to_owned();
        let response = connected(http, request).await.map_err(|error| {
            let what = if error.is_connect() { "could not be reached" } else { "did not answer" };
            TokenError::because(format!("Zoom's token endpoint {what} ({})", innermost(&error)), error)
        })?;
        let Answer { status, body, flaw, .. } = response;
        let granted = serde_json::from_slice::<Granted>(&body).ok().filter(|_| status.is_success());
        let Some(granted) = granted else { return Err(self.refused(status, &body, &basic, flaw)) };
        let lifetime = Duration::from_secs(granted.expires_in.unwrap_or(LIFETIME_SECONDS));
        Ok(AccessToken::new(granted.access_token).expires_in(lifetime))
    }
}

/// Sends a token request; while no connection can be made, as often as a call would.
async fn connected(http: &reqwest::Client, request: Request) -> Result<Answer, reqwest::Error> {
    let mut attempts = 0;
    loop {
        let Some(attempt) = request.try_clone() else { return send(http, request).await };
        match send(http, attempt).await {
            Err(error) => match backoff(&error, attempts) {
                Some(wait) => sleep(wait).await,
                None => return Err(error),
            },
            outcome => return outcome,
        }
        attempts += 1;
    }
}

/// [`TokenSource`] without its generic future, so that a client can hold any.
trait AnySource: Send + Sync {
    fn token<'a>(
        &'a self,
        http: &'a reqwest::Client,
    ) -> Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send + 'a>>;
}

impl<S: TokenSource> AnySource for S {
    fn token<'a>(
        &'a self,
        http: &'a reqwest::Client,
    ) -> Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send + 'a>> {
        Box::pin(TokenSource::token(self, http))
    }
}

/// A token as requests carry it.
pub(crate) struct Token {
    header: HeaderValue,
    renew_at: Option<Instant>,
    expires_at: Option<Instant>,
}

impl Token {
    pub fn header(&self) -> &HeaderValue {
        &self.header
    }

    fn new(token: &AccessToken, margin: Duration, now: Instant) -> Result<Self, TokenError> {
        let header = bearer(&token.secret).map_err(TokenError::new)?;
        let lifetime = token.expires_in;
        // A margin longer than half the lifetime would have every call fetch a token.
        let renew_in = lifetime.map(|lifetime| lifetime - margin.min(lifetime / 2));
        let at = |after: Option<Duration>| after.and_then(|after| now.checked_add(after));
        Ok(Self { header, renew_at: at(renew_in), expires_at: at(lifetime) })
    }
}

/// The `Authorization` value, or the sentence that says why the token cannot be one.
pub(crate) fn bearer(token: &Secret) -> Result<HeaderValue, String> {
    let text = token.expose();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = if text.is_empty() {
            "is empty"
        } else {
            "holds a line break, space or other character that no token has"
        };
        return Err(format!("the access token {what}: give it exactly as Zoom issued it, without `Bearer`"));
    }
    let header = HeaderValue::try_from(format!("Bearer {text}"));
    let mut header = header.map_err(|_| "the access token cannot be sent in a header".to_owned())?;
    header.set_sensitive(true);
    Ok(header)
}

/// The one token of a client and its clones, fetched by one caller at a time.
pub(crate) struct Tokens {
    source: Box<dyn AnySource>,
    margin: Duration,
    current: RwLock<Option<Arc<Token>>>,
    /// Held while a token is fetched; keeps the last fetch's failure for those that waited for it.
    fetching: Mutex<Option<TokenError>>,
    fetches: AtomicU64,
}

impl Tokens {
    pub fn new(source: impl TokenSource, margin: Duration) -> Self {
        Self {
            source: Box::new(source),
            margin,
            current: RwLock::new(None),
            fetching: Mutex::new(None),
            fetches: AtomicU64::new(0),
        }
    }

    pub async fn get(&self, http: &reqwest::Client) -> Result<Arc<Token>, TokenError> {
        if let Some(token) = self.fresh() {
            return Ok(token);
        }
        let seen = self.fetches.load(Ordering::Acquire);
        let mut failure = match self.living() {
            Some((old, _)) => match self.fetching.try_lock() {
                Ok(failure) => failure,
                // Somebody renews it already, and it is good meanwhile.
                Err(_) => return Ok(old),
            },
            None => self.fetching.lock().await,
        };
        if let Some(token) = self.fresh() {
            return Ok(token);
        }
        if self.fetches.load(Ordering::Acquire) != seen {
            // What the fetch brought that this caller waited for, even if that is about to expire.
            if let Some(failure) = &*failure {
                return Err(failure.clone());
            }
            if let Some(token) = self.current() {
                return Ok(token);
            }
        }
        let fetch = self.source.token(http);
        let fetched = match self.living() {
            Some((_, left)) => timeout(LONGEST_RENEWAL.min(left / 2), fetch)
                .await
                .unwrap_or_else(|_| Err(TokenError::new("the token source did not answer in time"))),
            None => fetch.await,
        };
        let fetched = fetched.and_then(|token| Token::new(&token, self.margin, Instant::now()));
        self.fetches.fetch_add(1, Ordering::Release);
        match fetched {
            Ok(token) => {
                *failure = None;
                Ok(self.keep(token))
            }
            Err(error) => self.spare().ok_or_else(|| {
                *failure = Some(error.clone());
                error
            }),
        }
    }

    /// Forgets `used`, which Zoom refused, unless a newer one has taken its place.
    pub fn discard(&self, used: &Token) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|current| current.header == used.header) {
            *current = None;
        }
    }

    fn current(&self) -> Option<Arc<Token>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fresh(&self) -> Option<Arc<Token>> {
        self.current().filter(|token| token.renew_at.is_none_or(|renew_at| Instant::now() < renew_at))
    }

    fn keep(&self, token: Token) -> Arc<Token> {
        let token = Arc::new(token);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        token
    }

    /// The token while it lives, and how long it still does, where it has an end.
    fn living(&self) -> Option<(Arc<Token>, Duration)> {
        let token = self.current()?;
        let left = token.expires_at?.checked_duration_since(Instant::now())?;
        (!left.is_zero()).then_some((token, left))
    }

    /// The old token while it lives: a renewal that failed is tried again halfway to its end.
    fn spare(&self) -> Option<Arc<Token>> {
        let (old, left) = self.living()?;
        let renew_at = Instant::now().checked_add(left / 2);
        Some(self.keep(Token { header: old.header.clone(), renew_at, expires_at: old.expires_at }))
    }
}

//! Where an access token comes from, and the one fetch that all callers share.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::error::{BoxError, Cause, Error};
use crate::{Secret, trace};

/// A source of access tokens: a vault, a store shared by several machines, user OAuth with its rotating refresh token.
///
/// A source need not cache. A client keeps the token and asks for another only when it has none, when the one it has
/// is about to expire, or when Zoom refused it. It never asks twice at once: the token request runs in a task of its
/// own, and every call that needs the outcome waits for it, each until its own deadline. While the old token is valid,
/// no call waits at all. A token request that takes longer than
/// [`token_timeout`](crate::ClientBuilder::token_timeout) is abandoned.
///
/// Clients that are given the same source each keep a token of their own, unless the source has a
/// [`cache`](Self::cache) for all of them, as [`ServerToServer`](crate::ServerToServer) does.
///
/// A source that stores its tokens in a file, so that a program that runs every minute does not request one each time:
///
/// ```
/// use std::path::PathBuf;
/// use std::time::{Duration, SystemTime};
/// use zoom_livestream::reqwest;
/// use zoom_livestream::{AccessToken, ServerToServer, TokenSource};
///
/// struct FileCache {
///     file: PathBuf,
///     source: ServerToServer,
/// }
///
/// impl FileCache {
///     /// The token in the file, if it is valid for more than ten minutes.
///     fn read(&self) -> Option<AccessToken> {
///         let text = std::fs::read_to_string(&self.file).ok()?;
///         let (expires_at, secret) = text.split_once('\n')?;
///         let left = expires_at.parse::<u64>().ok()?.checked_sub(unix_time())?;
///         (left > 600).then(|| AccessToken::new(secret).with_expires_in(Duration::from_secs(left)))
///     }
///
///     /// Writes to another file and renames it, so that no reader sees half of it. Restrict who can read it.
///     fn write(&self, token: &AccessToken) -> std::io::Result<()> {
///         let expires_at = unix_time() + token.expires_in().unwrap_or_default().as_secs();
///         let new = self.file.with_extension(std::process::id().to_string());
///         std::fs::write(&new, format!("{expires_at}\n{}", token.secret().expose()))?;
///         std::fs::rename(new, &self.file)
///     }
/// }
///
/// impl TokenSource for FileCache {
///     async fn token(
///         &self,
///         http: &reqwest::Client,
///         refused: Option<&AccessToken>,
///     ) -> Result<AccessToken, Box<dyn std::error::Error + Send + Sync>> {
///         let is_refused = |token: &AccessToken| refused.is_some_and(|r| r.secret() == token.secret());
///         if let Some(token) = self.read().filter(|token| !is_refused(token)) {
///             return Ok(token);
///         }
///         let token = self.source.token(http, refused).await?;
///         self.write(&token)?;
///         Ok(token)
///     }
/// }
///
/// fn unix_time() -> u64 {
///     SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoom_livestream::mock::MockServer::builder();
/// # let server = server.credentials("account-id", "client-id", "client-secret").start().await?;
/// # let folder = std::env::temp_dir().join(format!("zoom-livestream-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # for _start in 0..2 {
/// let source = ServerToServer::new("account-id", "client-id", "client-secret");
/// # let source = source.token_url(server.token_url());
/// let source = FileCache { file: "zoom-token".into(), source };
/// # let source = FileCache { file: folder.join("zoom-token"), ..source };
/// let zoom = zoom_livestream::Client::builder()
///     .token_source(source)
/// #   .base_url(server.base_url())
///     .build()?;
/// # zoom.get_meeting_live_stream_details().meeting_id(84912345678).await?;
/// # }
/// # assert_eq!(server.token_requests(), 1);
/// # server.revoke_token();
/// # let source = ServerToServer::new("account-id", "client-id", "client-secret").token_url(server.token_url());
/// # let source = FileCache { file: folder.join("zoom-token"), source };
/// # let zoom = zoom_livestream::Client::builder().base_url(server.base_url()).token_source(source).build()?;
/// # zoom.get_meeting_live_stream_details().meeting_id(84912345678).await?;
/// # assert_eq!(server.token_requests(), 2);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok(())
/// # }
/// ```
pub trait TokenSource: Send + Sync + 'static {
    /// Gets a token.
    ///
    /// `http` is the client's own HTTP client, with its connections, timeouts and TLS settings; it does not follow
    /// redirects. `refused` is the token that Zoom refused, if that is why another is needed: a source that caches
    /// tokens must not return it again.
    ///
    /// # Errors
    ///
    /// Any error, which must not quote the token. It becomes the [`source`](std::error::Error::source) of the error of
    /// each call that waits for the token; their kind is [`Token`](crate::ErrorKind::Token). While the old token is
    /// valid, no call fails: the request is repeated halfway to the token's expiry, or after the
    /// [`retry_after`](crate::Error::retry_after) of an [`Error`](crate::Error) among the causes if that is later.
    fn token(
        &self,
        http: &reqwest::Client,
        refused: Option<&AccessToken>,
    ) -> impl Future<Output = Result<AccessToken, Box<dyn std::error::Error + Send + Sync>>> + Send;

    /// Refuses settings that can never get a token; `base_url` is where the client will send it. Called by
    /// [`ClientBuilder::build`](crate::ClientBuilder::build) and
    /// [`Client::with_token_source`](crate::Client::with_token_source). The default accepts everything.
    ///
    /// # Errors
    ///
    /// The client is not built; its error contains this one's text.
    fn validate(&self, base_url: &Url) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let _ = base_url;
        Ok(())
    }

    /// Where a client caches this source's token. The default is a new cache for each client.
    ///
    /// A source that is given to several clients (in an [`Arc`], or as clones) and returns a clone of the same cache
    /// each time is asked once for all of them.
    fn cache(&self) -> TokenCache {
        TokenCache::default()
    }
}

/// For anything that dereferences to a source, such as an [`Arc`] or a [`Box`] of one.
impl<P: Deref<Target: TokenSource> + Send + Sync + 'static> TokenSource for P {
    fn token(
        &self,
        http: &reqwest::Client,
        refused: Option<&AccessToken>,
    ) -> impl Future<Output = Result<AccessToken, BoxError>> + Send {
        self.deref().token(http, refused)
    }

    fn validate(&self, base_url: &Url) -> Result<(), BoxError> {
        self.deref().validate(base_url)
    }

    fn cache(&self) -> TokenCache {
        self.deref().cache()
    }
}

/// An access token, and how long it is valid.
#[derive(Clone, Debug)]
#[must_use]
pub struct AccessToken {
    secret: Secret,
    expires_in: Option<Duration>,
    scope: Option<String>,
}

impl AccessToken {
    /// A token that is used until Zoom refuses it.
    pub fn new(secret: impl Into<Secret>) -> Self {
        Self { secret: secret.into(), expires_in: None, scope: None }
    }

    /// Sets how long the token is valid, counted from when a source returns it. The client replaces it before then.
    pub fn with_expires_in(mut self, lifetime: Duration) -> Self {
        self.expires_in = Some(lifetime);
        self
    }

    /// Sets the granted scopes, separated by spaces, for callers of [`scope`](Self::scope). The client does not use them.
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
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
}

type Asked<'a> = Pin<Box<dyn Future<Output = Result<AccessToken, BoxError>> + Send + 'a>>;

/// [`TokenSource`] without its generic future, so that a client can hold any source.
trait AnySource: Send + Sync {
    fn ask<'a>(&'a self, http: &'a reqwest::Client, refused: Option<&'a AccessToken>) -> Asked<'a>;
    fn checked(&self, base_url: &Url) -> Result<(), BoxError>;
}

impl<S: TokenSource> AnySource for S {
    fn ask<'a>(&'a self, http: &'a reqwest::Client, refused: Option<&'a AccessToken>) -> Asked<'a> {
        Box::pin(self.token(http, refused))
    }

    fn checked(&self, base_url: &Url) -> Result<(), BoxError> {
        self.validate(base_url)
    }
}

/// Any source, and where its token is cached.
#[derive(Clone)]
pub(crate) struct Source {
    source: Arc<dyn AnySource>,
    cache: TokenCache,
}

/// A token as it is sent in requests.
#[derive(Debug)]
pub(crate) struct Token {
    header: HeaderValue,
    expires_at: Option<Instant>,
}

impl Token {
    fn new(token: &AccessToken) -> Result<Arc<Self>, String> {
        let expires_at = token.expires_in.and_then(|lifetime| Instant::now().checked_add(lifetime));
        Ok(Arc::new(Self { header: bearer(&token.secret)?, expires_at }))
    }

    pub fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// The refused token, as it is passed to a source.
    fn as_issued(&self) -> AccessToken {
        let header = self.header.to_str().unwrap_or_default();
        AccessToken::new(header.trim_start_matches("Bearer "))
    }
}

/// The `Authorization` value, or the message that says why the token cannot be one.
fn bearer(token: &Secret) -> Result<HeaderValue, String> {
    let text = token.expose();
    if let Some(flaw) = flaw(text) {
        return Err(format!("the access token {flaw}: give it exactly as Zoom issued it, without `Bearer`"));
    }
    let header = HeaderValue::try_from(format!("Bearer {text}"));
    let mut header = header.map_err(|_| "the access token cannot be sent in a header")?;
    header.set_sensitive(true);
    Ok(header)
}

/// Why a text cannot be a token or credential issued by Zoom: those consist of visible ASCII characters only.
pub(crate) fn flaw(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("is empty");
    }
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    (!is_visible).then_some("contains a space, line break or other character that cannot be part of it")
}

/// A client's settings for its tokens.
#[derive(Clone, Copy)]
pub(crate) struct TokenSettings {
    /// How long before its expiry a token is refreshed.
    pub margin: Duration,
    /// How long a token request may take.
    pub timeout: Duration,
}

/// The token of a client and its clones.
pub(crate) enum Tokens {
    /// The token that was set on the builder, used even if Zoom refuses it.
    Fixed(Arc<Token>),
    Fetched(Source, Arc<TokenSettings>),
}

pub(crate) type Outcome = Result<Arc<Token>, Cause>;

impl Tokens {
    pub fn fixed(token: &Secret) -> Result<Self, String> {
        Token::new(&AccessToken::new(token.clone())).map(Self::Fixed)
    }

    /// The token for a request. A call waits only if there is no valid token, and dropping this future does not affect
    /// other calls.
    pub async fn get(&self, http: &reqwest::Client) -> Outcome {
        let (source, settings) = match self {
            Self::Fixed(token) => return Ok(token.clone()),
            Self::Fetched(source, settings) => (source, **settings),
        };
        // Tries a second time if the fetch was lost because the source panicked or its runtime was shut down.
        for _ in 0..2 {
            let mut fetch = match source.token_or_fetch(http, settings) {
                Ok(token) => return Ok(token),
                Err(fetch) => fetch,
            };
            let outcome = timeout_at(fetch.lost_at, fetch.outcome.wait_for(Option::is_some)).await;
            if let Some(outcome) = outcome.ok().and_then(|outcome| outcome.ok()?.clone()) {
                return outcome;
            }
        }
        let lost = "the token source panicked, or the runtime it ran on was shut down or is not being driven";
        Err(Arc::from(BoxError::from(lost)))
    }

    /// Forgets `used`, which Zoom refused, unless a newer token has replaced it.
    pub fn discard(&self, used: &Token) {
        let Self::Fetched(source, _) = self else { return };
        let mut state = source.cache.lock();
        if let Some(refused) = state.token.take_if(|token| token.header == used.header) {
            // A fetch in progress goes on, because a source is never asked twice at once.
            state.refused = Some(refused);
            state.fetch_at = None;
        }
    }
}

/// How long after its own timeout a fetch counts as lost. This leaves the runtime time to end it.
const GRACE: Duration = Duration::from_secs(1);
/// The longest timeout used; a much longer one would overflow the clock.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

impl Source {
    pub fn new(source: impl TokenSource) -> Self {
        let cache = source.cache();
        Self { source: Arc::new(source), cache }
    }

    pub fn validate(&self, base_url: &Url) -> Result<(), BoxError> {
        self.source.checked(base_url)
    }

    /// A valid token, or the fetch to wait for. Starts a fetch if one is due and none is in progress.
    fn token_or_fetch(&self, http: &reqwest::Client, settings: TokenSettings) -> Result<Arc<Token>, Fetch> {
        let mut state = self.cache.lock();
        let now = Instant::now();
        if state.fetch.take_if(|fetch| fetch.is_lost(now)).is_some() {
            state.fetch_again_after(|left| left / 2);
        }
        let valid = state.valid(now).cloned();
        let valid = match valid {
            Some(token) if state.fetch_at.is_none_or(|at| at > now) => return Ok(token),
            due => due,
        };
        let refused = state.refused.clone();
        let fetch = state.fetch.get_or_insert_with(|| self.start(http.clone(), refused, settings, now));
        valid.ok_or_else(|| fetch.clone())
    }

    /// Starts a fetch in a task of its own, so that it does not depend on any caller.
    fn start(
        &self,
        http: reqwest::Client,
        refused: Option<Arc<Token>>,
        TokenSettings { margin, timeout }: TokenSettings,
        now: Instant,
    ) -> Fetch {
        let (sender, outcome) = watch::channel(None);
        let Self { source, cache } = self.clone();
        let told = refused.clone();
        tokio::spawn(trace::token(async move {
            let refused = refused.map(|refused| refused.as_issued());
            let asked = tokio::time::timeout(timeout, source.ask(&http, refused.as_ref())).await;
            let asked = asked.unwrap_or_else(|_| Err(Error::token_timeout(timeout).into()));
            let fetched = asked.and_then(|token| Ok(Token::new(&token)?)).map_err(Cause::from);
            let mut state = cache.lock();
            let answers = state.end(&sender.subscribe(), &fetched, margin);
            let is_valid = state.valid(Instant::now()).is_some();
            drop(state);
            if let (Err(error), true) = (&fetched, is_valid) {
                trace::refresh_failed(error);
            }
            if answers {
                sender.send_replace(Some(fetched));
            }
        }));
        Fetch { outcome, told, lost_at: now + timeout.min(YEAR) + GRACE }
    }
}

/// A cached token, and the fetch of the next one, for all clients that share them. Clones share the cache.
///
/// A source that returns one from [`TokenSource::cache`] is asked once for all its clients:
///
/// ```
/// use std::sync::Arc;
/// use zoom_livestream::{AccessToken, Client, TokenCache, TokenSource, reqwest};
///
/// struct Vault {
///     # token: String,
///     cache: TokenCache,
/// }
///
/// impl TokenSource for Vault {
///     async fn token(
///         &self,
///         _http: &reqwest::Client,
///         _refused: Option<&AccessToken>,
///     ) -> Result<AccessToken, Box<dyn std::error::Error + Send + Sync>> {
///         # let read_from_the_vault = || Ok::<_, std::io::Error>(self.token.clone());
///         Ok(AccessToken::new(read_from_the_vault()?))
///     }
///
///     fn cache(&self) -> TokenCache {
///         self.cache.clone()
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vault = Arc::new(Vault {
///     # token: String::new(),
///     cache: TokenCache::default(),
/// });
/// let patient = Client::builder().token_source(vault.clone()).build()?;
/// let hasty = Client::builder().token_source(vault).attempt_timeout(std::time::Duration::from_secs(2)).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct TokenCache(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    token: Option<Arc<Token>>,
    /// The token that Zoom refused, until another replaces it.
    refused: Option<Arc<Token>>,
    /// When to fetch the next token, although this one is still valid.
    fetch_at: Option<Instant>,
    fetch: Option<Fetch>,
}

/// A fetch in progress, as its waiters see it.
#[derive(Clone, Debug)]
struct Fetch {
    outcome: watch::Receiver<Option<Outcome>>,
    /// The refused token that the source was told about.
    told: Option<Arc<Token>>,
    /// When this fetch stops counting, because an idle runtime would never finish it.
    lost_at: Instant,
}

impl Fetch {
    fn is_lost(&self, now: Instant) -> bool {
        self.outcome.has_changed().is_err() || self.lost_at <= now
    }
}

impl TokenCache {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn valid(&self, now: Instant) -> Option<&Arc<Token>> {
        self.token.as_ref().filter(|token| token.expires_at.is_none_or(|at| at > now))
    }

    /// Stores the outcome of a fetch, unless the fetch no longer counts. `false` if it brought back a token that was
    /// refused after the source had been asked: then whoever waits has to ask again.
    fn end(&mut self, of: &watch::Receiver<Option<Outcome>>, outcome: &Outcome, margin: Duration) -> bool {
        let Some(fetch) = self.fetch.take_if(|fetch| fetch.outcome.same_channel(of)) else { return true };
        let is = |token: &Option<Arc<Token>>, other: &Token| {
            token.as_ref().is_some_and(|token| token.header == other.header)
        };
        match outcome {
            Ok(token) if is(&self.refused, token) && !is(&fetch.told, token) => return false,
            Ok(token) => {
                *self = Self { token: Some(token.clone()), ..Self::default() };
                // A margin longer than half the lifetime would make every call fetch a token.
                self.fetch_again_after(|left| left - margin.min(left / 2));
            }
            Err(error) => {
                let wait = Error::find(&**error).and_then(Error::retry_after).unwrap_or_default();
                self.fetch_again_after(|left| wait.max(left / 2));
            }
        }
        true
    }

    /// Schedules the next fetch, at the latest for when the token expires. `after` gets the time until then.
    fn fetch_again_after(&mut self, after: impl FnOnce(Duration) -> Duration) {
        let now = Instant::now();
        self.fetch_at = self.token.as_ref().and_then(|token| token.expires_at).map(|expires_at| {
            let left = expires_at.saturating_duration_since(now);
            now + after(left).min(left)
        });
    }
}

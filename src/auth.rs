//! Where an access token comes from, and the one fetch that all callers share.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{Secret, TokenError, trace};

/// A source of access tokens: a vault, a store that a fleet shares, user OAuth with its rotating refresh token.
///
/// A source need not cache. A client keeps the token and asks again only when it has none, when the one it has is
/// about to expire, or when Zoom refused it. It never asks twice at once: the token request runs in a task of its own,
/// and every call that needs its outcome waits for it, each until its own deadline. While the old token is good no
/// call waits at all. A request that has no answer after
/// [`token_timeout`](crate::ClientBuilder::token_timeout) is given up.
///
/// Several clients that are given one source each keep a token of their own, unless the source has a
/// [`cache`](Self::cache) for all of them, as [`ServerToServer`](crate::ServerToServer) does.
///
/// A source that keeps its tokens in a file, so that a program that runs every minute does not request one each time:
///
/// ```
/// use std::path::PathBuf;
/// use std::time::{Duration, SystemTime};
/// use zoom_livestream::reqwest;
/// use zoom_livestream::{AccessToken, ServerToServer, TokenError, TokenSource};
///
/// struct FileCache {
///     file: PathBuf,
///     source: ServerToServer,
/// }
///
/// impl FileCache {
///     /// The token in the file, if it is good for more than ten minutes.
///     fn read(&self) -> Option<AccessToken> {
///         let text = std::fs::read_to_string(&self.file).ok()?;
///         let (expires_at, secret) = text.split_once('\n')?;
///         let left = expires_at.parse::<u64>().ok()?.checked_sub(unix_time())?;
///         (left > 600).then(|| AccessToken::new(secret).with_expires_in(Duration::from_secs(left)))
///     }
///
///     /// Written aside and renamed, so that no reader sees half of it. Keep it where only you can read it.
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
///     ) -> Result<AccessToken, TokenError> {
///         let is_refused = |token: &AccessToken| refused.is_some_and(|r| r.secret() == token.secret());
///         if let Some(token) = self.read().filter(|token| !is_refused(token)) {
///             return Ok(token);
///         }
///         let token = self.source.token(http, refused).await?;
///         self.write(&token).map_err(TokenError::new)?;
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
/// # server.kill_token();
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
    /// `http` is the client's own, with its connections, timeouts and TLS; it follows no redirects. `refused` is the
    /// token that Zoom refused, where that is why another is needed: a source that keeps tokens must not give it again.
    ///
    /// # Errors
    ///
    /// The calls that wait for the token end in an error of the kind [`Token`](crate::ErrorKind::Token) that this one
    /// is the cause of. While the old token is good, no call fails; the request is repeated halfway to its expiry, or
    /// after [`TokenError::retry_after`].
    fn token(
        &self,
        http: &reqwest::Client,
        refused: Option<&AccessToken>,
    ) -> impl Future<Output = Result<AccessToken, TokenError>> + Send;

    /// Refuses settings that can never give a token; `base_url` is where the client will send it. Asked by
    /// [`ClientBuilder::build`](crate::ClientBuilder::build) and
    /// [`Client::with_token_source`](crate::Client::with_token_source); accepts everything unless written otherwise.
    ///
    /// # Errors
    ///
    /// The client is not built, and its error has this one's sentence.
    fn validate(&self, base_url: &Url) -> Result<(), TokenError> {
        let _ = base_url;
        Ok(())
    }

    /// Where a client keeps this source's token: in a new cache for each client, unless written otherwise.
    ///
    /// A source that is given to several clients (in an [`Arc`], or as clones) and returns a clone of one cache each
    /// time is asked once for all of them.
    fn cache(&self) -> TokenCache {
        TokenCache::default()
    }
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        impl<S: TokenSource> TokenSource for $pointer<S> {
            fn token(
                &self,
                http: &reqwest::Client,
                refused: Option<&AccessToken>,
            ) -> impl Future<Output = Result<AccessToken, TokenError>> + Send {
                S::token(self, http, refused)
            }

            fn validate(&self, base_url: &Url) -> Result<(), TokenError> {
                S::validate(self, base_url)
            }

            fn cache(&self) -> TokenCache {
                S::cache(self)
            }
        }
    )*};
}

forward!(Arc, Box);

/// An access token, and how long it lives.
#[derive(Clone, Debug)]
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

    /// Sets how long the token lives, counted from when a source returns it; the client gets the next one in time.
    pub fn with_expires_in(mut self, lifetime: Duration) -> Self {
        self.expires_in = Some(lifetime);
        self
    }

    pub(crate) fn with_scope(mut self, scope: Option<&str>) -> Self {
        self.scope = scope.map(str::to_owned);
        self
    }

    /// The token itself, without `Bearer`.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// How long the token lives, counted from when the source returned it, if that is known.
    pub fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    /// The scopes that the token endpoint granted, separated by spaces, if the token is from
    /// [`ServerToServer`](crate::ServerToServer) and the endpoint's answer had them.
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }
}

type Asked<'a> = Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send + 'a>>;

/// [`TokenSource`] without its generic future, so that a client can hold any.
trait AnySource: Send + Sync {
    fn ask<'a>(&'a self, http: &'a reqwest::Client, refused: Option<&'a AccessToken>) -> Asked<'a>;
    fn checked(&self, base_url: &Url) -> Result<(), TokenError>;
}

impl<S: TokenSource> AnySource for S {
    fn ask<'a>(&'a self, http: &'a reqwest::Client, refused: Option<&'a AccessToken>) -> Asked<'a> {
        Box::pin(self.token(http, refused))
    }

    fn checked(&self, base_url: &Url) -> Result<(), TokenError> {
        self.validate(base_url)
    }
}

/// Any source, and where its token is kept.
#[derive(Clone)]
pub(crate) struct Source {
    source: Arc<dyn AnySource>,
    cache: TokenCache,
}

impl Source {
    pub fn new(source: impl TokenSource) -> Self {
        let cache = source.cache();
        Self { source: Arc::new(source), cache }
    }

    pub fn validate(&self, base_url: &Url) -> Result<(), TokenError> {
        self.source.checked(base_url)
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

    fn is_fresh(&self, now: Instant) -> bool {
        self.renew_at.is_none_or(|renew_at| now < renew_at)
    }

    fn is_living(&self, now: Instant) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }

    /// What a source is told of a token that was refused.
    fn as_issued(&self) -> AccessToken {
        let header = self.header.to_str().unwrap_or_default();
        AccessToken::new(header.trim_start_matches("Bearer "))
    }
}

/// The `Authorization` value, or the sentence that says why the token cannot be one.
fn bearer(token: &Secret) -> Result<HeaderValue, String> {
    let text = token.expose();
    if let Some(flaw) = flaw("token", text) {
        return Err(format!("the access token {flaw}: give it exactly as Zoom issued it, without `Bearer`"));
    }
    let header = HeaderValue::try_from(format!("Bearer {text}"));
    let mut header = header.map_err(|_| "the access token cannot be sent in a header".to_owned())?;
    header.set_sensitive(true);
    Ok(header)
}

/// Why a text cannot be what Zoom issued, which is visible ASCII throughout.
pub(crate) fn flaw(what: &str, text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("is empty".to_owned());
    }
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    (!is_visible).then(|| format!("holds a line break, space or other character that no {what} has"))
}

/// What a client is told about its tokens.
#[derive(Clone, Copy)]
pub(crate) struct TokenSettings {
    /// How long before its expiry a token is renewed.
    pub margin: Duration,
    /// How long a token request may take.
    pub timeout: Duration,
}

/// The one token of a client and its clones.
pub(crate) enum Tokens {
    /// The one that was given, whatever Zoom says to it.
    Fixed(Arc<Token>),
    Fetched(Source, Arc<TokenSettings>),
}

/// How much later than at its own timeout a fetch counts as lost: the runtime has had time to end it.
const GRACE: Duration = Duration::from_secs(1);
/// Stands for a timeout that ends beyond the clock.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

impl Tokens {
    pub fn fixed(token: &Secret) -> Result<Self, String> {
        let header = bearer(token)?;
        Ok(Self::Fixed(Arc::new(Token { header, renew_at: None, expires_at: None })))
    }

    /// The token for a request. It is waited for only where there is none that is good; a caller that drops this
    /// future takes nothing from the others.
    pub async fn get(&self, http: &reqwest::Client) -> Result<Arc<Token>, TokenError> {
        let (source, settings) = match self {
            Self::Fixed(token) => return Ok(token.clone()),
            Self::Fetched(source, settings) => (source, **settings),
        };
        // A second time where a fetch was lost: the source panicked, or its runtime was shut down.
        for _ in 0..2 {
            let mut fetch = match source.look(http, settings) {
                Ok(token) => return Ok(token),
                Err(fetch) => fetch,
            };
            let outcome = fetch.outcome.wait_for(Option::is_some);
            let outcome = timeout_at(fetch.lost_at, outcome).await.ok().and_then(Result::ok);
            if let Some(outcome) = outcome.and_then(|outcome| outcome.clone()) {
                return outcome;
            }
        }
        Err(TokenError::new("the token source panicked, or the runtime that it ran on was shut down"))
    }

    /// Forgets `used`, which Zoom refused, unless a newer one has taken its place.
    pub fn discard(&self, used: &Token) {
        let Self::Fetched(source, _) = self else { return };
        let mut state = source.cache.lock();
        if let Held::Good(current) = &state.held
            && current.header == used.header
        {
            state.held = Held::Refused(current.clone());
        }
    }
}

impl Source {
    /// A good token, or the fetch to wait for; begins one where none is under way and one is due.
    fn look(&self, http: &reqwest::Client, settings: TokenSettings) -> Result<Arc<Token>, Fetch> {
        let mut state = self.cache.lock();
        let now = Instant::now();
        if state.fetch.take_if(|fetch| fetch.is_lost(now)).is_some() {
            state.postpone(Duration::ZERO, now);
        }
        let good = match &state.held {
            Held::Good(token) if token.is_fresh(now) => return Ok(token.clone()),
            Held::Good(token) if token.is_living(now) => Some(token.clone()),
            _ => None,
        };
        let fetch = match &state.fetch {
            Some(fetch) => fetch.clone(),
            None => {
                state.begun += 1;
                let lost_after = settings.timeout.saturating_add(GRACE).min(YEAR);
                let outcome = self.spawn(state.begun, http, settings);
                state.fetch.insert(Fetch { outcome, lost_at: now + lost_after }).clone()
            }
        };
        good.ok_or(fetch)
    }

    /// Begins a fetch in a task of its own, so that it belongs to no caller.
    fn spawn(
        &self,
        id: u64,
        http: &reqwest::Client,
        settings: TokenSettings,
    ) -> watch::Receiver<Option<Outcome>> {
        let (sender, outcome) = watch::channel(None);
        let (this, http) = (self.clone(), http.clone());
        tokio::spawn(trace::token(async move {
            let fetched = timeout(settings.timeout, this.fetch(id, &http, settings.margin)).await;
            let fetched = fetched.unwrap_or_else(|elapsed| {
                let sentence = format!("the token source did not answer within {:?}", settings.timeout);
                Err(TokenError::because(sentence, elapsed))
            });
            if let Err(error) = &fetched
                && this.cache.lock().fails(id, error, Instant::now())
            {
                trace::not_renewed(error);
            }
            sender.send_replace(Some(fetched));
        }));
        outcome
    }

    /// Asks the source, once more if what it gives was refused meanwhile.
    async fn fetch(&self, id: u64, http: &reqwest::Client, margin: Duration) -> Outcome {
        loop {
            let refused = self.cache.lock().refused();
            let told = refused.as_deref().map(Token::as_issued);
            let token = self.source.ask(http, told.as_ref()).await?;
            let token = Arc::new(Token::new(&token, margin, Instant::now())?);
            let mut state = self.cache.lock();
            let is_refused = state.refused().is_some_and(|refused| refused.header == token.header);
            if is_refused && refused.is_none_or(|told| told.header != token.header) {
                continue;
            }
            if state.ends(id) && !is_refused {
                state.held = Held::Good(token.clone());
            }
            return Ok(token);
        }
    }
}

/// A token, and the fetch of the next one while it is under way, for all clients that share them. A clone is the same
/// cache.
///
/// A source returns one from [`TokenSource::cache`] to be asked once for all its clients:
///
/// ```
/// use std::sync::Arc;
/// use zoom_livestream::{AccessToken, Client, TokenCache, TokenError, TokenSource, reqwest};
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
///     ) -> Result<AccessToken, TokenError> {
///         # let read_from_the_vault = || Ok::<_, TokenError>(self.token.clone());
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
#[derive(Clone, Default)]
pub struct TokenCache(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    held: Held,
    fetch: Option<Fetch>,
    /// How many fetches were begun; the last one is the one that counts.
    begun: u64,
}

#[derive(Default)]
enum Held {
    #[default]
    Nothing,
    Good(Arc<Token>),
    /// What Zoom refused, until another takes its place.
    Refused(Arc<Token>),
}

type Outcome = Result<Arc<Token>, TokenError>;

/// A fetch under way, as those see it that wait for it.
#[derive(Clone)]
struct Fetch {
    outcome: watch::Receiver<Option<Outcome>>,
    /// From then on it no longer counts: an idle runtime would hold it forever.
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

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

impl State {
    fn refused(&self) -> Option<Arc<Token>> {
        match &self.held {
            Held::Refused(token) => Some(token.clone()),
            Held::Nothing | Held::Good(_) => None,
        }
    }

    /// Whether the fetch that ends is the one that counts.
    fn ends(&mut self, id: u64) -> bool {
        let counts = self.begun == id;
        if counts {
            self.fetch = None;
        }
        counts
    }

    /// Ends a fetch that failed; says whether the old token stands in for what it did not bring.
    fn fails(&mut self, id: u64, error: &TokenError, now: Instant) -> bool {
        if !self.ends(id) {
            return false;
        }
        self.postpone(error.retry_after().unwrap_or_default(), now);
        matches!(&self.held, Held::Good(old) if old.is_living(now))
    }

    /// After a fetch that failed: the next one is due halfway to the token's expiry, or after `wait` if that is later.
    fn postpone(&mut self, wait: Duration, now: Instant) {
        if let Held::Good(old) = &self.held
            && let Some(expires_at) = old.expires_at
        {
            let left = expires_at.saturating_duration_since(now);
            let renew_at = now.checked_add((left / 2).max(wait).min(left));
            self.held = Held::Good(Arc::new(Token {
                header: old.header.clone(),
                renew_at,
                expires_at: Some(expires_at),
            }));
        }
    }
}

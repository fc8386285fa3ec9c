//! How a client is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;

use crate::auth::{Source, TokenSettings, Tokens};
use crate::error::Error;
use crate::sentence::causes;
use crate::url::{self, is_loopback};
use crate::{BodyEncoding, Client, RetryPolicy, Secret, ServerToServer, TokenSource};

/// The layer's part of the generated client, shared by its clones.
#[derive(Clone)]
pub(crate) struct Inner {
    pub settings: Arc<Settings>,
    pub tokens: Arc<Tokens>,
    pub retry: Arc<RetryPolicy>,
}

pub(crate) struct Settings {
    /// Parsed once; each call appends its path to this one's.
    base_url: Url,
    pub attempt_timeout: Duration,
    pub body_encoding: BodyEncoding,
    token: Arc<TokenSettings>,
}

impl Settings {
    /// The base URL's path, which precedes that of each call.
    pub fn base_path(&self) -> &str {
        let path = self.base_url.path();
        path.strip_suffix('/').unwrap_or(path)
    }

    /// The URL of `path`, which the generated code has percent-encoded.
    pub fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(path);
        url
    }

    fn tokens(&self, source: Source) -> Result<Tokens, String> {
        source.validate(&self.base_url).map_err(|error| error.to_string())?;
        Ok(Tokens::Fetched(source, self.token.clone()))
    }
}

/// The error for settings from which no client can be built.
fn refused(sentence: String) -> Error {
    Error::refused(None, sentence)
}

impl Client {
    /// Starts setting up a client. It needs only an access token or a token source.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// A client set up by environment variables: `ZOOM_ACCESS_TOKEN`, or `ZOOM_ACCOUNT_ID`, `ZOOM_CLIENT_ID` and
    /// `ZOOM_CLIENT_SECRET` for server-to-server OAuth.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused): neither is set completely, or the values are invalid. An
    /// empty variable counts as not set.
    pub fn from_env() -> Result<Self, Error> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(token) = variable("ZOOM_ACCESS_TOKEN") {
            return Self::builder().access_token(token).build();
        }
        let names = ["ZOOM_ACCOUNT_ID", "ZOOM_CLIENT_ID", "ZOOM_CLIENT_SECRET"];
        let missing: Vec<&str> = names.into_iter().filter(|name| variable(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(refused(format!(
                "set ZOOM_ACCESS_TOKEN in the environment, or what is missing for server-to-server OAuth: {}",
                missing.join(", ")
            )));
        }
        let [account_id, client_id, secret] = names.map(|name| variable(name).unwrap_or_default());
        Self::builder().token_source(ServerToServer::new(account_id, client_id, secret)).build()
    }

    /// A clone with another retry policy, for one call or many. It shares connections and token with this client.
    ///
    /// ```
    /// use zoom_livestream::RetryPolicy;
    /// use zoom_livestream::update_meeting_live_stream_status::Action;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = zoom_livestream::mock::MockServer::start().await?;
    /// # let zoom = zoom_livestream::Client::builder().base_url(server.base_url());
    /// # let zoom = zoom.access_token(server.access_token()).build()?;
    /// zoom.with_retry(RetryPolicy::never())
    ///     .update_meeting_live_stream_status()
    ///     .meeting_id(84912345678)
    ///     .action(Action::Stop)
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "this client keeps its own policy"]
    pub fn with_retry(&self, policy: RetryPolicy) -> Self {
        let mut client = self.clone();
        client.inner.retry = Arc::new(policy);
        client
    }

    /// A clone with another access token (without `Bearer`), for another user or account.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused): the text is not an access token.
    pub fn with_access_token(&self, token: impl Into<Secret>) -> Result<Self, Error> {
        Ok(self.with_tokens(Tokens::fixed(&token.into()).map_err(refused)?))
    }

    /// A clone with another token source, for another user or account. It has a token cache of its own, unless the source
    /// is [shared](TokenSource::cache).
    ///
    /// Connections and settings are shared with this client, so a clone costs next to nothing. A service that acts for
    /// many accounts builds one client and makes a clone for each account:
    ///
    /// ```
    /// use zoom_livestream::{Client, ServerToServer};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let credentials_of = |_| ("account-id", "client-id", "client-secret");
    /// # let main_account = ServerToServer::new("account-id", "client-id", "client-secret");
    /// let zoom = Client::builder().token_source(main_account).build()?;
    ///
    /// let (account_id, client_id, client_secret) = credentials_of("a customer");
    /// let of_a_customer = zoom.with_token_source(ServerToServer::new(account_id, client_id, client_secret))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused): the source's settings are invalid.
    pub fn with_token_source(&self, source: impl TokenSource) -> Result<Self, Error> {
        Ok(self.with_tokens(self.inner.settings.tokens(Source::new(source)).map_err(refused)?))
    }

    fn with_tokens(&self, tokens: Tokens) -> Self {
        let mut client = self.clone();
        client.inner.tokens = Arc::new(tokens);
        client
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.inner.settings.base_url.as_str())
            .field("retry", &self.inner.retry)
            .finish_non_exhaustive()
    }
}

/// Sets up a [`Client`].
///
/// | | default |
/// |---|---|
/// | [`base_url`](Self::base_url) | the description's: `https://api.zoom.us/v2` |
/// | [`connect_timeout`](Self::connect_timeout) | 10 seconds |
/// | [`attempt_timeout`](Self::attempt_timeout) | 30 seconds |
/// | [`http2_keep_alive_interval`](Self::http2_keep_alive_interval) | 15 seconds |
/// | [`http2_keep_alive_timeout`](Self::http2_keep_alive_timeout) | 10 seconds |
/// | [`pool_idle_timeout`](Self::pool_idle_timeout) | 50 seconds |
/// | [`retry`](Self::retry) | [`RetryPolicy::default`] |
/// | [`token_margin`](Self::token_margin) | 300 seconds |
/// | [`token_timeout`](Self::token_timeout) | 10 seconds |
/// | [`body_encoding`](Self::body_encoding) | [`BodyEncoding::Described`] |
/// | [`user_agent`](Self::user_agent) | `zoom-livestream/` and the version |
#[must_use]
pub struct ClientBuilder {
    base_url: String,
    access_token: Option<Secret>,
    token_source: Option<Source>,
    tokens: TokenSettings,
    connect_timeout: Duration,
    attempt_timeout: Duration,
    http2_keep_alive_interval: Option<Duration>,
    http2_keep_alive_timeout: Option<Duration>,
    pool_idle_timeout: Option<Duration>,
    retry: RetryPolicy,
    body_encoding: BodyEncoding,
    user_agent: String,
    http: Option<reqwest::ClientBuilder>,
}

/// Together with the timeout, this is less than an attempt's 30 seconds, so a silent connection is noticed before the
/// attempt times out.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than the 60 to 75 seconds after which common servers and load balancers close an idle connection.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// Practically never, but still an instant that the clock can express.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

impl ClientBuilder {
    fn new() -> Self {
        Self {
            base_url: crate::BASE_URL.to_owned(),
            access_token: None,
            token_source: None,
            tokens: TokenSettings { margin: Duration::from_secs(300), timeout: Duration::from_secs(10) },
            connect_timeout: Duration::from_secs(10),
            attempt_timeout: Duration::from_secs(30),
            http2_keep_alive_interval: None,
            http2_keep_alive_timeout: None,
            pool_idle_timeout: None,
            retry: RetryPolicy::default(),
            body_encoding: BodyEncoding::default(),
            user_agent: concat!("zoom-livestream/", env!("CARGO_PKG_VERSION")).to_owned(),
            http: None,
        }
    }

    /// An access token, without `Bearer`. Zoom's expire after an hour: a service that runs longer needs a
    /// [`token_source`](Self::token_source) instead.
    pub fn access_token(mut self, token: impl Into<Secret>) -> Self {
        self.access_token = Some(token.into());
        self
    }

    /// Where access tokens come from: [`ServerToServer`], or a source of your own.
    pub fn token_source(mut self, source: impl TokenSource) -> Self {
        self.token_source = Some(Source::new(source));
        self
    }

    /// How long before its expiry a token is refreshed. A margin longer than half the token's lifetime is shortened to
    /// half of it.
    pub fn token_margin(mut self, margin: Duration) -> Self {
        self.tokens.margin = margin;
        self
    }

    /// How long a token request may take, attempts to connect included, whichever source makes it. After that, the calls
    /// that wait for it fail with an error of the kind [`Token`](crate::ErrorKind::Token).
    pub fn token_timeout(mut self, timeout: Duration) -> Self {
        self.tokens.timeout = timeout;
        self
    }

    /// The server to call instead of Zoom's: https, or http on a loopback address, such as the embedded Zoom's.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// How long it may take to connect, TLS included.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one attempt may take, from its start to the end of the answer's body.
    ///
    /// The whole call, waits included, is limited by [`RetryPolicy::deadline`].
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// How long an HTTP/2 connection may be silent before the client pings it, whether or not calls are under way.
    ///
    /// A connection can fall silent without being closed: a middlebox that lost track of it may go on acknowledging
    /// what is sent. With pings, only calls under way on it, or started within this interval plus the
    /// [timeout](Self::http2_keep_alive_timeout), fail. If you set [`http`](Self::http) and not this, `http` decides; it
    /// sends no pings unless it sets an interval. [`Duration::MAX`] turns pings off; zero is refused.
    pub fn http2_keep_alive_interval(mut self, interval: Duration) -> Self {
        self.http2_keep_alive_interval = Some(interval);
        self
    }

    /// How long a ping may go unanswered before its HTTP/2 connection is closed.
    pub fn http2_keep_alive_timeout(mut self, timeout: Duration) -> Self {
        self.http2_keep_alive_timeout = Some(timeout);
        self
    }

    /// How long an idle connection is kept for the next call.
    ///
    /// If a server closes an idle connection just as a request is sent on it, the call fails: keep connections for less
    /// time than the server does.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.pool_idle_timeout = Some(timeout);
        self
    }

    /// Whether, how often and how long a call waits when Zoom answers 429.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How to send a body that is described as `multipart/form-data`.
    pub fn body_encoding(mut self, encoding: BodyEncoding) -> Self {
        self.body_encoding = encoding;
        self
    }

    /// The `User-Agent` of every request.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// For everything that has no setting here: proxies, root certificates, the connection pool.
    ///
    /// This crate's own settings override it: the times to connect and for an attempt, the user agent, TLS 1.2 or later
    /// with certificate and host name checked, https only (except on loopback), no redirects, no retries and no log of what
    /// is sent. The TLS backend is the one of this crate's
    /// feature (`rustls` before `native-tls`); a preconfigured one is dropped. With a base URL on a loopback address, no
    /// proxy is used.
    ///
    /// Keep-alive and idle time are an exception, because a builder cannot be asked what it is set to: with `http`, this
    /// crate's defaults for [`http2_keep_alive_interval`](Self::http2_keep_alive_interval),
    /// [`http2_keep_alive_timeout`](Self::http2_keep_alive_timeout) and
    /// [`pool_idle_timeout`](Self::pool_idle_timeout) do not apply. Each of them overrides `http` only if you set it.
    pub fn http(mut self, http: reqwest::ClientBuilder) -> Self {
        self.http = Some(http);
        self
    }

    /// The settings that override `http`: interval and timeout of the pings, and the idle time.
    fn connections(&self) -> [Option<Duration>; 3] {
        let set = [self.http2_keep_alive_interval, self.http2_keep_alive_timeout, self.pool_idle_timeout];
        let defaults = [KEEP_ALIVE_INTERVAL, KEEP_ALIVE_TIMEOUT, POOL_IDLE_TIMEOUT].map(Some);
        let or = if self.http.is_none() { defaults } else { [None; 3] };
        std::array::from_fn(|n| set[n].or(or[n]).map(|time| time.min(YEAR)))
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused): neither a token nor a source is set, or both are; the token or the
    /// source's settings are invalid; the base URL is neither https nor loopback, has more than a path or would be changed
    /// by parsing; the keep-alive interval is zero; the user agent cannot be sent in a header; TLS cannot be set up, or
    /// the URL is https and neither `rustls` nor `native-tls` is enabled.
    pub fn build(self) -> Result<Client, Error> {
        let [keep_alive_interval, keep_alive_timeout, idle_timeout] = self.connections();
        if keep_alive_interval == Some(Duration::ZERO) {
            let why = "`http2_keep_alive_interval` is zero, so pings would never pause";
            return Err(refused(format!("{why}: to turn them off, set it to `Duration::MAX`")));
        }
        let settings = Settings {
            base_url: url::checked("the base URL", &self.base_url).map_err(refused)?,
            attempt_timeout: self.attempt_timeout,
            body_encoding: self.body_encoding,
            token: Arc::new(self.tokens),
        };
        let tokens = match (self.access_token, self.token_source) {
            (Some(token), None) => Tokens::fixed(&token),
            (None, Some(source)) => settings.tokens(source),
            (None, None) => Err("there is no access token: set `access_token` or `token_source`".into()),
            (Some(_), Some(_)) => Err("both `access_token` and `token_source` are set: set only one".into()),
        };
        let tokens = tokens.map_err(refused)?;
        let mut http = self.http.unwrap_or_default();
        if let Some(interval) = keep_alive_interval {
            http = http.http2_keep_alive_interval(interval).http2_keep_alive_while_idle(true);
        }
        if let Some(timeout) = keep_alive_timeout {
            http = http.http2_keep_alive_timeout(timeout);
        }
        if let Some(timeout) = idle_timeout {
            http = http.pool_idle_timeout(timeout);
        }
        let http = http
            .user_agent(self.user_agent)
            .connect_timeout(self.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            // With the policy alone, each request would still be copied for a possible retry.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .connection_verbose(false) // it logs every byte, tokens and stream keys included
            .https_only(settings.base_url.scheme() == "https");
        #[cfg(any(feature = "rustls", feature = "native-tls"))]
        let http = http
            .tls_version_min(reqwest::tls::Version::TLS_1_2)
            .tls_danger_accept_invalid_certs(false)
            .tls_danger_accept_invalid_hostnames(false);
        // Choosing the backend drops a preconfigured one, which might not check certificates.
        #[cfg(feature = "rustls")]
        let http = http.tls_backend_rustls();
        #[cfg(all(feature = "native-tls", not(feature = "rustls")))]
        let http = http.tls_backend_native();
        let http = if is_loopback(&settings.base_url) { http.no_proxy() } else { http };
        let client = http.build().map_err(|error| {
            let advice = if causes(&error).any(|cause| cause.to_string().contains("CA certificates")) {
                "the system has no CA certificates: install them (Debian: `ca-certificates`) or add a root with `http`"
            } else {
                "its HTTP client cannot be set up: check the user agent and what was given to `http`"
            };
            refused(format!("the client could not be built because {advice}")).because(error)
        })?;
        let inner =
            Inner { settings: Arc::new(settings), tokens: Arc::new(tokens), retry: Arc::new(self.retry) };
        Ok(Client { client, inner })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [keep_alive_interval, keep_alive_timeout, idle_timeout] = self.connections();
        f.debug_struct("ClientBuilder")
            // A URL that `build` will refuse may contain a password.
            .field("base_url", &(!self.base_url.contains(['?', '@', '#'])).then_some(&self.base_url))
            .field("connect_timeout", &self.connect_timeout)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("http2_keep_alive_interval", &keep_alive_interval)
            .field("http2_keep_alive_timeout", &keep_alive_timeout)
            .field("pool_idle_timeout", &idle_timeout)
            .field("retry", &self.retry)
            .field("token_margin", &self.tokens.margin)
            .field("token_timeout", &self.tokens.timeout)
            .field("body_encoding", &self.body_encoding)
            .finish_non_exhaustive()
    }
}

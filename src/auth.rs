//! Where an access token comes from, and the one fetch that all callers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, future::ready, pin::Pin, time::Duration};

use reqwest::{Url, header::HeaderValue};
use tokio::{sync::OwnedMutexGuard, time, time::Instant};

use crate::error::{BoxError, Cause, Error, ErrorKind, Progress};
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
    /// Locked while a token is fetched, so that a source is never asked twice at once.
    get: Arc<tokio::sync::Mutex<Box<Get>>>,
    state: Arc<Mutex<State>>,
    /// Whether its tokens come by https, as far as this crate knows, or why none can come.
    pub(crate) is_https: Result<bool, String>,
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
    pub fn new<F, Fetch, E>(get: F) -> Self
    where
        F: Fn(TokenRequest) -> Fetch + Send + Sync + 'static,
        Fetch: Future<Output = Result<AccessToken, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let get: Box<Get> = Box::new(move |request| {
            let answer = get(request);
            Box::pin(async { Ok(Token::new(answer.await.map_err(Into::<BoxError>::into)?)?) })
        });
        Self { get: Arc::new(tokio::sync::Mutex::new(get)), state: Arc::default(), is_https: Ok(true) }
    }

    /// Always the same token, even if Zoom refuses it.
    pub(crate) fn fixed(token: Secret) -> Result<Self, String> {
        let known = Token::new(AccessToken::new(token.clone()))?;
        let source = Self::new(move |_| ready(Ok::<_, BoxError>(AccessToken::new(token.clone()))));
        source.lock().token = Some(known);
        Ok(source)
    }

    /// Refuses what can never get a token, and a token endpoint that is less safe than the base URL.
    pub(crate) fn checked(self, base_url: &Url) -> Result<Self, String> {
        let is_safe = self.is_https.clone()? || base_url.scheme() == "http";
        is_safe.then_some(self).ok_or_else(|| "the token URL must be https because the base URL is".to_owned())
    }

    /// Forgets `used`, which Zoom refused, unless a newer token has replaced it.
    pub(crate) fn discard(&self, used: &HeaderValue) {
        let mut state = self.lock();
        // A fetch in progress goes on, because a source is never asked twice at once.
        if let Some(refused) = state.token.take_if(|token| token.header == *used) {
            state.refused = Some(refused.header);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known without waiting: a valid token as it is sent, or why there is none. Starts a refresh if one is due.
    pub(crate) fn known(&self, http: &reqwest::Client) -> Option<Result<HeaderValue, Cause>> {
        let (state, now) = (self.lock(), Instant::now());
        let Some(token) = state.token.as_ref().filter(|token| token.expires_at > now) else {
            return state.failed.as_ref().filter(|(_, until)| *until > now).map(|(error, _)| Err(error.clone()));
        };
        let is_due = token.refresh_at <= now;
        if is_due && let Ok(get) = self.get.clone().try_lock_owned() {
            tokio::spawn(trace::token(self.clone().fetch(http.clone(), get)));
        }
        Some(Ok(token.header.clone()))
    }

    /// Waits until something is known. Dropping this future does not affect other calls.
    pub(crate) async fn fetched(&self, http: &reqwest::Client) -> Result<HeaderValue, Cause> {
        loop {
            let get = self.get.clone().lock_owned().await;
            if let Some(known) = self.known(http) {
                return known;
            }
            let fetch = tokio::spawn(trace::token(self.clone().fetch(http.clone(), get)));
            fetch.await.map_err(|_| BoxError::from("the token source panicked"))?;
        }
    }

    /// Runs in a task of its own, which does not depend on any caller.
    async fn fetch(self, http: reqwest::Client, get: OwnedMutexGuard<Box<Get>>) {
        let refused = self.lock().refused.clone();
        let request = TokenRequest { http, refused: refused.as_ref().map(credential).map(AccessToken::new) };
        let what = || format!("the token source did not answer within {} s", TIMEOUT.as_secs());
        let late = |_| Err(Error::new(ErrorKind::Timeout, what(), Progress::default()).into());
        let outcome = time::timeout(TIMEOUT, get(request)).await.unwrap_or_else(late).map_err(Cause::from);
        let (mut state, now) = (self.lock(), Instant::now());
        match outcome {
            // Zoom refused it after the source had been asked: the call that was refused asks again.
            Ok(token) if state.refused.as_ref() == Some(&token.header) && refused.is_none() => (),
            Ok(token) => *state = State { token: Some(token), ..State::default() },
            Err(error) => {
                let until = now + Error::find(&*error).and_then(Error::retry_after).unwrap_or(PAUSE).min(LONGEST_PAUSE);
                state.failed = Some((error.clone(), until));
                if let Some(token) = state.token.as_mut().filter(|token| token.expires_at > now) {
                    token.refresh_at = until.max(token.expires_at - (token.expires_at - now) / 2);
                    // Not under the lock, because a subscriber may run any code.
                    drop(state);
                    trace::refresh_failed(&*error);
                }
            }
        }
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
#[non_exhaustive]
pub struct AccessToken {
    /// The token itself, without `Bearer`.
    pub secret: Secret,
    /// How long the token is valid, counted from when a source returns it; the client replaces it before then. `None` if
    /// that is not known: it is used until Zoom refuses it.
    pub expires_in: Option<Duration>,
    /// The granted scopes, separated by spaces, if they were in the token endpoint's answer. The client does not use them.
    pub scope: Option<String>,
    /// The API server of the account's region, such as `https://api-eu.zoom.us`, if it was in the token endpoint's answer.
    /// `api.zoom.us`, the client's default, accepts the token of any region: use this one, with `/v2`, as the
    /// [`base_url`](crate::ClientBuilder::base_url) if your data must stay in its region.
    pub api_url: Option<String>,
}

impl AccessToken {
    /// A token that is used until Zoom refuses it.
    pub fn new(secret: impl Into<Secret>) -> Self {
        Self { secret: secret.into(), expires_in: None, scope: None, api_url: None }
    }

    /// Sets how long the token is valid.
    pub fn with_expires_in(self, lifetime: Duration) -> Self {
        Self { expires_in: Some(lifetime), ..self }
    }
}

/// The credential after the scheme in an `Authorization` header.
pub(crate) fn credential(header: &HeaderValue) -> &str {
    header.to_str().ok().and_then(|value| value.split_once(' ')).map_or("", |(_, credential)| credential)
}

/// Refuses what cannot be a token or credential issued by Zoom: those consist of visible ASCII characters only.
pub(crate) fn intact<'t>(what: &str, text: &'t str) -> Result<&'t str, String> {
    match text {
        "" => Err(format!("{what} is empty")),
        _ if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(text),
        _ => Err(format!("{what} contains a space, line break or other character that cannot be part of it")),
    }
}

/// How long before its expiry a token is refreshed.
const MARGIN: Duration = Duration::from_secs(300);
/// How long a token request may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
/// The shortest and the longest time between a token request that failed and the next.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(86_400);

/// Practically forever. Not every platform can represent a much later instant.
const LONGEST_LIFETIME: Duration = Duration::from_secs(30 * 365 * 86_400);

type Get = dyn Fn(TokenRequest) -> Pin<Box<dyn Future<Output = Result<Token, BoxError>> + Send>> + Send + Sync;

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// The token that Zoom refused, until another replaces it.
    refused: Option<HeaderValue>,
    /// Why the last fetch failed, and until when there is no other.
    failed: Option<(Cause, Instant)>,
}

struct Token {
    header: HeaderValue,
    expires_at: Instant,
    /// When to fetch the next token, although this one is still valid.
    refresh_at: Instant,
}

impl Token {
    fn new(AccessToken { secret, expires_in, .. }: AccessToken) -> Result<Self, String> {
        let refused = |why| format!("{why}: give it exactly as Zoom issued it, without `Bearer`");
        intact("the access token", secret.expose()).map_err(refused)?;
        let header = HeaderValue::try_from(format!("Bearer {}", secret.expose()));
        let mut header = header.expect("a header may have any visible ASCII characters");
        header.set_sensitive(true);
        // Otherwise, a token that claims to expire at once would be requested again for each call.
        let lifetime = expires_in.unwrap_or(LONGEST_LIFETIME).clamp(PAUSE, LONGEST_LIFETIME);
        let expires_at = Instant::now() + lifetime;
        Ok(Self { header, expires_at, refresh_at: expires_at - MARGIN.min(lifetime / 2) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_valid_and_not_yet_due_whatever_lifetime_it_claims() {
        for claimed in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
            let token = AccessToken { expires_in: claimed, ..AccessToken::new("token") };
            let token = Token::new(token).expect("a token");
            assert!(Instant::now() < token.refresh_at && token.refresh_at < token.expires_at, "{claimed:?}");
        }
    }
}

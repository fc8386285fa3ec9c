//! Zoom's server-to-server OAuth.

use std::time::{Duration, SystemTime};

use reqwest::{Url, header};

use crate::auth::{AccessToken, TIMEOUT, TokenRequest, TokenSource, credential, intact};
use crate::error::{Error, Progress, after};
use crate::{Secret, answer::HttpAnswer, envelope, limit::retry_after, transport, url};

/// Zoom's server-to-server OAuth: access tokens for an account's own app, each valid for an hour.
///
/// This is what a token request needs. `TokenSource::from(app)` keeps the token: several clients share it if they are given
/// clones of one [`TokenSource`]. Services on several machines may each have their own: since June 2023 a new token does
/// not invalidate older ones.
///
/// ```
/// use zoom_livestream::{Client, ServerToServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoom_livestream::mock::MockServer::builder();
/// # let server = server.credentials("account-id", "client-id", "client-secret").start().await?;
/// let app = ServerToServer::new("account-id", "client-id", "client-secret");
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
#[must_use]
pub struct ServerToServer {
    account_id: String,
    client_id: String,
    client_secret: Secret,
    /// The token endpoint's, or why it is refused.
    url: Result<Url, String>,
}

/// What errors call a token request.
const NAME: &str = "the token request";
const COLON: &str = "the client ID contains a colon, which Basic authentication cannot send";

/// A variable of the environment; an empty one counts as not set. What is not Unicode is refused where it is used.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}

impl ServerToServer {
    /// The credentials that the app's page on Zoom's App Marketplace shows.
    pub fn new(account_id: impl Into<String>, client_id: impl Into<String>, client_secret: impl Into<Secret>) -> Self {
        let url = url::checked("the token URL", "https://zoom.us/oauth/token");
        Self { account_id: account_id.into(), client_id: client_id.into(), client_secret: client_secret.into(), url }
    }

    /// The credentials in the environment variables `ZOOM_ACCOUNT_ID`, `ZOOM_CLIENT_ID` and `ZOOM_CLIENT_SECRET`; the token
    /// URL is that in `ZOOM_TOKEN_URL`, if it is set. An empty variable counts as not set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused): one of the three is not set.
    pub fn from_env() -> Result<Self, Error> {
        let names = ["ZOOM_ACCOUNT_ID", "ZOOM_CLIENT_ID", "ZOOM_CLIENT_SECRET"];
        let missing = names.into_iter().filter(|name| variable(name).is_none()).collect::<Vec<_>>().join(", ");
        let refused = || Error::refused(format!("set what is missing for server-to-server OAuth: {missing}"));
        let [Some(account), Some(client), Some(secret)] = names.map(variable) else { return Err(refused()) };
        Ok(variable("ZOOM_TOKEN_URL").into_iter().fold(Self::new(account, client, secret), Self::token_url))
    }

    /// A token endpoint other than `https://zoom.us/oauth/token`, such as Zoom for Government's,
    /// `https://zoomgov.com/oauth/token`. It must be https; if the base URL is http on a loopback
    /// address, the token endpoint may be, too.
    pub fn token_url(self, url: impl Into<String>) -> Self {
        Self { url: url::checked("the token URL", &url.into()), ..self }
    }

    /// The token URL, if it and the credentials can be used.
    fn checked_url(&self) -> Result<Url, String> {
        let colon = if self.client_id.contains(':') { Err(COLON.to_owned()) } else { Ok(()) };
        let checked = intact("the account ID", &self.account_id).and(intact("the client ID", &self.client_id));
        let checked = checked.and(intact("the client secret", self.client_secret.expose())).and(colon);
        checked.map_err(|why| format!("{why}: copy it from the app's page on Zoom's App Marketplace"))?;
        self.url.clone()
    }

    /// Requests a new token, which is not kept: for a [`TokenSource`] of your own that adds to this one, or to look at
    /// the token's [`scope`](AccessToken::scope).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused): the credentials or the token URL are invalid. Otherwise, the
    /// token endpoint did not answer, or its answer has no token.
    pub async fn token(&self, http: &reqwest::Client) -> Result<AccessToken, Error> {
        let url = self.checked_url().map_err(|what| Error::refused(what).about(NAME.to_owned()))?;
        let form = format!("grant_type=account_credentials&account_id={}", url::encoded(&self.account_id));
        let request = http.post(url).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        let request = request.basic_auth(&self.client_id, Some(self.client_secret.expose())).build();
        let request = request.expect("a URL and credentials that have been checked make a request");
        let basic = request.headers().get(header::AUTHORIZATION).map_or("", credential);
        let (started, mut progress) = (tokio::time::Instant::now(), Progress::default());
        let outcome = loop {
            let outcome = transport::send(http, request.try_clone().expect("a body of text can be sent again")).await;
            let pause = transport::backoff(&outcome, true, progress.attempts as usize, TIMEOUT);
            progress.count(&outcome, false);
            let Some(pause) = pause.filter(|pause| started.elapsed() + *pause < TIMEOUT) else { break outcome };
            tokio::time::sleep(pause).await;
        };
        progress.elapsed = started.elapsed();
        let answer = outcome.map_err(|error| Error::transport(error, progress).about(NAME.to_owned()))?;
        token_in(answer, &[self.client_secret.expose(), basic], progress)
    }
}

impl From<ServerToServer> for TokenSource {
    fn from(app: ServerToServer) -> Self {
        let is_https = app.checked_url().map(|url| url.scheme() == "https");
        let token = async |app: ServerToServer, request: TokenRequest| app.token(&request.http).await;
        let mut source = Self::new(move |request| token(app.clone(), request));
        source.is_https = is_https;
        source
    }
}

/// The token of an answer, or the error that says why there is none. The answer could quote `secrets`.
fn token_in(mut answer: Box<HttpAnswer>, secrets: &[&str], progress: Progress) -> Result<AccessToken, Error> {
    match granted(&answer.body) {
        _ if !answer.status.is_success() => (),
        Ok(token) => return Ok(token),
        Err(what) => answer.flaw = answer.flaw.or(Some(what)),
    }
    let (advice, is_unauthorized) = advice(&answer).unzip();
    let wait = retry_after(&answer.headers, SystemTime::now()).filter(|_| answer.status.as_u16() >= 429);
    answer.advice = advice.map(|advice| format!("{advice}{}", after(". Zoom asks you to wait ", wait)));
    answer.is_unauthorized = is_unauthorized == Some(true);
    Err(Error::answered(answer, secrets, progress).about(NAME.to_owned()))
}

const CHECK_THE_CLIENT: &str = "Check the client ID and the client secret. For Zoom for Government, set the token URL \
     https://zoomgov.com/oauth/token and the base URL https://api.zoomgov.com/v2";
const OTHER_APP: &str = "These are the credentials of another kind of app: use those of a server-to-server OAuth app";
const CHECK_THE_URL: &str = "Check the token URL: it is https://zoom.us/oauth/token, or https://zoomgov.com/oauth/token \
     for Zoom for Government";
const CHECK_ALL: &str = "Check the account ID, client ID and client secret, and that the app is activated";

/// What to do about an answer without a token, by OAuth's name of the error (RFC 6749, section 5.2) or by the status; and
/// whether it says that the app's credentials are wrong.
fn advice(answer: &HttpAnswer) -> Option<(&'static str, bool)> {
    let is_html = answer.media_type() == Some("text/html") || answer.body.trim_ascii_start().starts_with(b"<");
    Some(match (answer.status.as_u16(), answer.envelope.oauth_error.as_deref().unwrap_or_default()) {
        (429, _) => ("Too many tokens were requested", false),
        (500.., _) => ("The token endpoint itself failed: try again later", false),
        (_, "invalid_client") => (CHECK_THE_CLIENT, true),
        (_, "unsupported_grant_type" | "unauthorized_client") => (OTHER_APP, true),
        (_, "invalid_request") => ("Check the account ID, and that the app is activated", true),
        (_, "invalid_grant") => ("What was granted is used up or revoked: authorize the app again", true),
        (status, _) if is_html || matches!(status, 404 | 405) => (CHECK_THE_URL, false),
        (400 | 401 | 403, _) => (CHECK_ALL, false),
        _ => return None,
    })
}

/// The token of a successful answer, or what is wrong with it.
fn granted(body: &[u8]) -> Result<AccessToken, String> {
    let json: serde_json::Value = serde_json::from_str(&envelope::as_unicode(body)).unwrap_or_default();
    let token = intact("its access token", json["access_token"].as_str().ok_or("its body has no access token")?)?;
    let seconds = &json["expires_in"];
    let seconds = seconds.as_f64().or_else(|| seconds.as_str()?.parse().ok()).or(seconds.is_null().then_some(3600.0));
    let lifetime = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let expires_in = Some(lifetime.ok_or("its `expires_in` is not a number of seconds")?);
    let words = |name: &str| json[name].as_str().map(str::to_owned);
    Ok(AccessToken { secret: token.into(), expires_in, scope: words("scope"), api_url: words("api_url") })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use reqwest::StatusCode;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
    use serde_json::{Value, json};

    use super::*;

    const SECRETS: [&str; 2] = ["the-client-secret", "dGhlLWNsaWVudDp0aGUtc2VjcmV0"];

    fn answer(status: u16, headers: &HeaderMap, body: &[u8]) -> Result<AccessToken, Error> {
        let status = StatusCode::from_u16(status).expect("a status");
        let body = Bytes::copy_from_slice(body);
        let answer = HttpAnswer::new(status, headers.clone(), body);
        token_in(Box::new(answer), &SECRETS, Progress::default())
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[0-9]{1,25}|-?[0-9.e+-]{1,8}|inf|NaN".prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
            "[!-~]{1,40}".prop_map(Value::from),
            prop::sample::select(&SECRETS[..]).prop_map(|secret| Value::from(format!("You sent {secret}."))),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| prop::collection::vec(inner, 0..3).prop_map(Value::from))
    }

    /// Answers that an endpoint could give: each field that is read is present or not, with any value.
    fn object() -> impl Strategy<Value = Value> {
        let names =
            prop::sample::select(vec!["access_token", "expires_in", "reason", "error", "scope", "api_url", "code"]);
        prop::collection::hash_map(names, json(), 0..5).prop_map(|fields| json!(fields))
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_token_or_a_sentence(
            status in 100..1000_u16,
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            if let Err(error) = answer(status, &HeaderMap::new(), &body) {
                let expected = format!("the token request was answered with HTTP {status}");
                prop_assert!(error.to_string().starts_with(&expected), "{}", error);
            }
        }

        #[test]
        fn a_token_is_taken_only_from_a_success_and_unchanged(status in 100..1000_u16, json in object()) {
            let answered = answer(status, &HeaderMap::new(), json.to_string().as_bytes());
            let token = json["access_token"].as_str().filter(|token| intact("", token).is_ok());
            let seconds = match &json["expires_in"] {
                Value::Null => Some(3600.0),
                Value::Number(seconds) => seconds.as_f64(),
                Value::String(seconds) => seconds.parse().ok(),
                _ => None,
            };
            let seconds = seconds.filter(|seconds| (0.0..1.8e19).contains(seconds));
            match (answered, token, seconds) {
                (Ok(answered), Some(token), Some(seconds)) => {
                    prop_assert!((200..300).contains(&status));
                    prop_assert_eq!(answered.secret.expose(), token);
                    let lifetime = answered.expires_in.expect("a lifetime").as_secs_f64();
                    prop_assert!((lifetime - seconds).abs() <= seconds * 1e-9 + 1e-9);
                }
                (Err(_), Some(_), Some(_)) => prop_assert!(!(200..300).contains(&status)),
                (Err(error), token, _) if (200..300).contains(&status) => {
                    let what = if token.is_some() { "`expires_in`" } else { "access token" };
                    prop_assert!(error.to_string().contains(what), "{}", error);
                }
                (Err(_), _, _) => {}
                (Ok(_), _, _) => prop_assert!(false, "no token should be taken from {}", json),
            }
        }

        #[test]
        fn an_error_is_one_line_that_does_not_quote_what_was_sent(status in 100..1000_u16, json in object()) {
            if let Err(error) = answer(status, &HeaderMap::new(), json.to_string().as_bytes()) {
                let text = format!("{error} {error:?} {:?}", error.message());
                for secret in SECRETS {
                    prop_assert!(!text.contains(secret), "{}", text);
                }
                prop_assert!(!error.to_string().contains(char::is_control), "{}", text);
                prop_assert!(error.to_string().len() < 2500, "{}", text);
            }
        }

        #[test]
        fn no_wait_that_an_endpoint_asks_for_causes_a_panic(
            status in prop::sample::select(vec![429_u16, 503]),
            name in prop::sample::select(vec!["retry-after", "x-ratelimit-type", "x-ratelimit-reset", "date"]),
            value in "[0-9]{1,30}|[ -~]{0,40}|(QPS|Daily-limit)|[0-9]{4,6}-[0-9]{2}-[0-9]{2}T00:00:00Z",
            seconds in prop_oneof![any::<u64>(), 0..u64::from(u32::MAX)],
        ) {
            let mut headers = HeaderMap::new();
            headers.insert("x-ratelimit-type", HeaderValue::from_static("QPS"));
            headers.insert("x-ratelimit-reset", HeaderValue::from(seconds));
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(&value).expect("visible"));
            let error = answer(status, &headers, b"").expect_err("no token");
            prop_assert!(!error.to_string().is_empty());
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            let error = answer(status, &headers, b"").expect_err("no token");
            let wait = error.retry_after().expect("a wait");
            prop_assert!(SystemTime::now().checked_add(wait).is_some() && wait <= Duration::from_secs(seconds.max(1)));
            prop_assert!(seconds > u64::from(u32::MAX) || wait == Duration::from_secs(seconds.max(1)));
        }
    }

    #[test]
    fn what_can_be_read_of_a_damaged_answer_is_read() {
        for body in [
            &b"\xef\xbb\xbf{\"access_token\":\"t\",\"expires_in\":7}"[..],
            b"{\"scope\":\"\xff\",\"access_token\":\"t\",\"expires_in\":7}",
            b"{\"expires_in\":9,\"access_token\":\"t\",\"expires_in\":7}",
        ] {
            let token = answer(200, &HeaderMap::new(), body).expect("a token");
            assert_eq!((token.secret.expose(), token.expires_in), ("t", Some(Duration::from_secs(7))));
        }
        let error = answer(400, &HeaderMap::new(), br#"{"reason":5,"error":"invalid_client"}"#);
        let error = error.expect_err("no token");
        assert!(error.to_string().contains("invalid_client"), "{error}");
        let error = answer(200, &HeaderMap::new(), br#"{"access_token":"t t"}"#).expect_err("no token");
        assert!(error.to_string().contains("its access token contains a space, line break"), "{error}");
    }
}

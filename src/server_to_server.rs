//! Zoom's server-to-server OAuth.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use progenitor_client::RequestBuilderExt;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Request, StatusCode, Url};
use serde_json::Value;
use tokio::time::sleep;

use crate::answer::{Answer, Flaw};
use crate::auth::{AccessToken, TokenCache, TokenSource, flaw};
use crate::envelope::without_mark;
use crate::retry::Limit;
use crate::secret::redact;
use crate::send::{backoff, send};
use crate::sentence::{excerpt, how_long};
use crate::{Secret, TokenError, url};

/// Zoom's server-to-server OAuth: a token for an account's own app, an hour at a time.
///
/// All clients that are given the same one, in an [`Arc`](std::sync::Arc) or as clones, share its token. Services on
/// several machines may each have their own: since June 2023 a new token leaves those before it valid.
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
pub struct ServerToServer {
    account_id: String,
    client_id: String,
    client_secret: Secret,
    token_url: Cow<'static, str>,
    cache: TokenCache,
}

const TOKEN_URL: &str = "https://zoom.us/oauth/token";
/// How long Zoom's tokens live when an answer does not say.
const LIFETIME: Duration = Duration::from_secs(3600);

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
            token_url: TOKEN_URL.into(),
            cache: TokenCache::default(),
        }
    }

    /// Another token endpoint than `https://zoom.us/oauth/token`: https, or http on a loopback address if the base URL
    /// is that too.
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.token_url = url.into().into();
        // Another endpoint's token is another token, also where this is a clone.
        self.cache = TokenCache::default();
        self
    }

    /// The token URL, if it and the credentials can be used.
    fn checked_url(&self) -> Result<Url, TokenError> {
        for (what, text) in [
            ("account ID", self.account_id.as_str()),
            ("client ID", &self.client_id),
            ("client secret", self.client_secret.expose()),
        ] {
            let flaw = flaw(what, text).or_else(|| {
                let is_split = what == "client ID" && text.contains(':');
                is_split.then(|| "holds a colon, which HTTP's Basic authentication cannot send".to_owned())
            });
            if let Some(flaw) = flaw {
                let sentence = format!(
                    "the {what} {flaw}: give it exactly as the app's page on Zoom's marketplace shows it"
                );
                return Err(TokenError::new(sentence));
            }
        }
        url::checked("the token URL", &self.token_url).map_err(TokenError::new)
    }

    fn request(&self, http: &reqwest::Client) -> Result<Request, TokenError> {
        let grant = [("grant_type", "account_credentials"), ("account_id", &self.account_id)];
        let request = http.post(self.checked_url()?);
        let request = request.basic_auth(&self.client_id, Some(self.client_secret.expose()));
        let request = RequestBuilderExt::<()>::form_urlencoded(request, &grant)
            .map_err(|_| TokenError::new("the account ID cannot be sent in a form"))?;
        request.build().map_err(|error| {
            TokenError::because("the client ID or secret cannot be sent in a header", error.without_url())
        })
    }
}

impl TokenSource for ServerToServer {
    async fn token(
        &self,
        http: &reqwest::Client,
        _refused: Option<&AccessToken>,
    ) -> Result<AccessToken, TokenError> {
        let request = self.request(http)?;
        let basic = request.headers().get(AUTHORIZATION).and_then(|basic| basic.to_str().ok());
        let basic = basic.unwrap_or_default().trim_start_matches("Basic ").to_owned();
        let answer = connected(http, request).await.map_err(|error| {
            let what = if error.is_connect() { "could not be reached" } else { "did not answer" };
            TokenError::because(format!("Zoom's token endpoint {what}"), error.without_url())
        })?;
        let Answer { status, headers, body, flaw } = answer;
        let secrets = [self.client_secret.expose(), &basic];
        judge(status, &headers, &body, flaw, &secrets, SystemTime::now())
    }

    fn validate(&self, base_url: &Url) -> Result<(), TokenError> {
        let url = self.checked_url()?;
        if base_url.scheme() == "https" && url.scheme() != "https" {
            return Err(TokenError::new("the token URL must be https, as the base URL is"));
        }
        Ok(())
    }

    fn cache(&self) -> TokenCache {
        self.cache.clone()
    }
}

/// Sends a token request; where no connection can be made, as often as a call would.
async fn connected(http: &reqwest::Client, request: Request) -> Result<Answer, reqwest::Error> {
    let mut attempts = 0;
    loop {
        // Its body is a text, which can be sent again.
        let Some(attempt) = request.try_clone() else { return send(http, request).await };
        match send(http, attempt).await {
            Err(error) => match backoff(&error, attempts) {
                Some(wait) => sleep(wait).await,
                None => return Err(error),
            },
            answer => return answer,
        }
        attempts += 1;
    }
}

/// What an answer of the token endpoint is: a token, or the error that says why not. It could quote `secrets`.
fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    flaw: Option<Flaw>,
    secrets: &[&str],
    now: SystemTime,
) -> Result<AccessToken, TokenError> {
    let text = String::from_utf8_lossy(without_mark(body));
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    let what = match granted(&json) {
        Ok(token) if status.is_success() => return Ok(token),
        Err(what) if status.is_success() => what,
        _ => String::new(),
    };
    let words = |name: &str| {
        let mut words = json.get(name)?.as_str()?.to_owned();
        redact(&mut words, secrets);
        Some(words)
    };
    let (reason, error) = (words("reason"), words("error"));
    let said = flaw.as_ref().map(|flaw| &*flaw.what).or(reason.as_deref()).or(error.as_deref());
    let said = said.map(|said| format!(": {}", excerpt(said))).unwrap_or_default();
    let limit = (!status.is_success()).then(|| Limit::read(headers, None, now));
    let retry_after = limit.and_then(|limit| limit.wait);
    let wait =
        limit.and_then(|limit| Some(format!(" It asks to wait {}.", how_long(limit.wait?, limit.until))));
    let advice = match status.as_u16() {
        400 | 401 | 403 => {
            ". Check the account ID, client ID and client secret, and that the app is activated".to_owned()
        }
        300..400 | 404 | 405 => ". Check the token URL".to_owned(),
        429 => format!(". Too many tokens were requested.{}", wait.unwrap_or_default()),
        500.. => format!(". It is the endpoint's own failure: try again later.{}", wait.unwrap_or_default()),
        _ => String::new(),
    };
    let sentence = format!(
        "Zoom's token endpoint answered HTTP {}{what}{}{}",
        status.as_u16(),
        said.trim_end_matches('.'),
        advice.trim_end_matches('.')
    );
    Err(TokenError::answered(sentence, status, reason, retry_after, flaw.and_then(|flaw| flaw.cause)))
}

/// The token of a successful answer, or what is wrong with it.
fn granted(json: &Value) -> Result<AccessToken, String> {
    let token = json.get("access_token").and_then(Value::as_str).ok_or(" without an access token")?;
    if let Some(flaw) = flaw("token", token) {
        return Err(format!(" with an access token that {flaw}"));
    }
    let lifetime = match json.get("expires_in") {
        None | Some(Value::Null) => Some(LIFETIME),
        Some(Value::Number(seconds)) => seconds.as_f64().and_then(seconds_of),
        Some(Value::String(seconds)) => seconds.parse().ok().and_then(seconds_of),
        Some(_) => None,
    };
    let lifetime = lifetime.ok_or(" with an `expires_in` that is not a number of seconds")?;
    let scope = json.get("scope").and_then(Value::as_str);
    Ok(AccessToken::new(token).with_expires_in(lifetime).with_scope(scope))
}

fn seconds_of(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::{HeaderName, HeaderValue, RETRY_AFTER};
    use serde_json::json;

    use super::*;

    const SECRETS: [&str; 2] = ["the-client-secret", "dGhlLWNsaWVudDp0aGUtc2VjcmV0"];

    fn answer(status: u16, headers: &HeaderMap, body: &[u8]) -> Result<AccessToken, TokenError> {
        let status = StatusCode::from_u16(status).expect("a status");
        judge(
            status,
            headers,
            body,
            None,
            &SECRETS,
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_590_883_200),
        )
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

    /// Answers as an endpoint could give them: each of the fields that are read is there or not, with any value.
    fn object() -> impl Strategy<Value = Value> {
        let names = prop::sample::select(vec!["access_token", "expires_in", "reason", "error", "scope"]);
        prop::collection::hash_map(names, json(), 0..5).prop_map(|fields| json!(fields))
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_token_or_a_sentence(
            status in 100..1000_u16,
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            if let Err(error) = answer(status, &HeaderMap::new(), &body) {
                let expected = format!("Zoom's token endpoint answered HTTP {status}");
                prop_assert!(error.to_string().starts_with(&expected), "{}", error);
            }
        }

        #[test]
        fn a_token_is_taken_from_a_success_alone_and_whole(status in 100..1000_u16, json in object()) {
            let answered = answer(status, &HeaderMap::new(), json.to_string().as_bytes());
            let token = json["access_token"].as_str().filter(|token| flaw("token", token).is_none());
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
                    prop_assert_eq!(answered.secret().expose(), token);
                    let lifetime = answered.expires_in().expect("a lifetime").as_secs_f64();
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
        fn an_error_is_one_line_without_what_was_sent(status in 100..1000_u16, json in object()) {
            if let Err(error) = answer(status, &HeaderMap::new(), json.to_string().as_bytes()) {
                let text = format!("{error} {error:?} {:?}", error.reason());
                for secret in SECRETS {
                    prop_assert!(!text.contains(secret), "{}", text);
                }
                prop_assert!(!error.to_string().contains(char::is_control), "{}", text);
                prop_assert!(error.to_string().len() < 2500, "{}", text);
            }
        }

        #[test]
        fn no_wait_that_an_endpoint_asks_for_panics(
            status in prop::sample::select(vec![429_u16, 503]),
            name in prop::sample::select(vec!["retry-after", "x-ratelimit-type", "x-ratelimit-reset", "date"]),
            value in "[0-9]{1,30}|[ -~]{0,40}|(QPS|Daily-limit)|[0-9]{4,6}-[0-9]{2}-[0-9]{2}T00:00:00Z",
            seconds in any::<u64>(),
        ) {
            let mut headers = HeaderMap::new();
            headers.insert("x-ratelimit-type", HeaderValue::from_static("QPS"));
            headers.insert("x-ratelimit-reset", HeaderValue::from(seconds));
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(&value).expect("visible"));
            let error = answer(status, &headers, b"").expect_err("no token");
            prop_assert!(!error.to_string().is_empty());
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            let error = answer(status, &headers, b"").expect_err("no token");
            prop_assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds.max(1))));
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
            assert_eq!((token.secret().expose(), token.expires_in()), ("t", Some(Duration::from_secs(7))));
        }
        let error = answer(400, &HeaderMap::new(), br#"{"reason":5,"error":"invalid_client"}"#);
        let error = error.expect_err("no token");
        assert!(error.to_string().contains("invalid_client"), "{error}");
        let error = answer(200, &HeaderMap::new(), br#"{"access_token":"t t"}"#).expect_err("no token");
        assert!(error.to_string().contains("an access token that holds a line break, space"), "{error}");
    }
}

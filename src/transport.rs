//! Sending one request and reading its answer, with the limits of both.

use std::time::{Duration, SystemTime};

use reqwest::{Client, Request, header::HeaderValue};

use crate::answer::{Attempted, FAILURE_LIMIT, HttpAnswer};
use crate::{limit::retry_after, sentence::causes};

/// How large a success's body may be, in bytes.
pub(crate) const SUCCESS_LIMIT: usize = 4 * 1024 * 1024;
/// The waits before the second and the third attempt.
const BACKOFF: [Duration; 2] = [Duration::from_millis(250), Duration::from_millis(1000)];

/// Sends once and reads the answer.
pub(crate) async fn send(http: &Client, request: Request) -> Attempted {
    let mut response = http.execute(request).await?;
    let status = response.status();
    let limit = if status.is_success() { SUCCESS_LIMIT } else { FAILURE_LIMIT };
    let (mut body, mut cause) = (bytes::BytesMut::new(), None);
    let mut end = |error: reqwest::Error| cause = Some(error.without_url());
    while body.len() <= limit
        && let Ok(Some(chunk)) = response.chunk().await.map_err(&mut end)
    {
        body.extend_from_slice(&chunk);
    }
    let late_or_cut = |late| if late { "its body did not arrive in time" } else { "its body was cut off" };
    let flaw = cause.as_ref().map(|error| late_or_cut(error.is_timeout()));
    let flaw = flaw.or((body.len() > limit).then_some("its body is too long")).map(str::to_owned);
    body.truncate(limit);
    let mut headers = std::mem::take(response.headers_mut());
    // A value is a slice of the connection's read buffer, and a failure's would keep all 8 KiB of it during a wait.
    let copied = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone());
    headers.values_mut().filter(|_| !status.is_success()).for_each(|value| *value = copied(value));
    Ok(Box::new(HttpAnswer { flaw, cause, ..HttpAnswer::new(status, headers, body.freeze()) }))
}

/// The wait before another attempt after this many failures; `None` if another would not help, or could do harm, or if the
/// answer asks for a longer wait than `most`.
///
/// A request that did not leave may go out again. After a broken connection, or a gateway that could not reach Zoom, only
/// one that `is_repeatable` may, because it changes nothing however often Zoom receives it.
pub(crate) fn backoff(outcome: &Attempted, is_repeatable: bool, failures: usize, most: Duration) -> Option<Duration> {
    let wait = *BACKOFF.get(failures)?;
    match outcome {
        Err(error) if error.is_connect() => obstacle(error).is_none_or(|(_, may_pass)| may_pass).then_some(wait),
        Err(error) => (is_repeatable && !error.is_timeout()).then_some(wait),
        Ok(answer) => {
            let is_broken = answer.cause.as_ref().is_some_and(|cause| !cause.is_timeout());
            let is_gateways = matches!(answer.status.as_u16(), 502..=504);
            let asked = || retry_after(&answer.headers, SystemTime::now()).map_or(wait, |asked| asked.time);
            (is_repeatable && (is_broken || is_gateways)).then(asked).filter(|asked| *asked <= most.max(wait))
        }
    }
}

/// What is in the way of a connection and what to do about it, and whether it may pass by itself.
pub(crate) fn obstacle(error: &reqwest::Error) -> Option<(&'static str, bool)> {
    // Without reqwest's own sentence: its URL may have a sign in it by chance, such as the port 40713.
    let words: String = causes(error).skip(1).map(|cause| cause.to_string().to_lowercase()).collect();
    let has = |signs: [&str; 2]| signs.iter().any(|sign| words.contains(sign));
    let known = [
        (words.contains("certificate"), CERTIFICATE, false),
        (has(["407", "proxy auth"]), PROXY, false),
        (has(["dns error", "lookup"]), NAME, true),
    ];
    known.into_iter().find_map(|(applies, advice, may_pass)| applies.then_some((advice, may_pass)))
}

const CERTIFICATE: &str = "its certificate is refused; if an authority of your own issued it, such as that of a proxy that \
                           inspects TLS, add the authority with `ClientBuilder::http`";
const PROXY: &str = "the proxy wants a password, or refuses the one it got; set it with `reqwest::Proxy::basic_auth`, through \
                     `ClientBuilder::http`";
const NAME: &str = "its name cannot be resolved; check the base URL and the network's DNS";

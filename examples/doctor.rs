//! Finds out with your own account how Zoom takes the body of a PATCH: as `multipart/form-data`, as JSON, or not at all.
//!
//! ```text
//! export ZOOM_ACCOUNT_ID=… ZOOM_CLIENT_ID=… ZOOM_CLIENT_SECRET=…    # or ZOOM_ACCESS_TOKEN=…
//! cargo run --example doctor -- 84912345678             # changes nothing
//! cargo run --example doctor -- 84912345678 --write
//! ```
//!
//! It gets an access token, compares its scopes with those of the description, and reads the meeting's live-stream
//! configuration. With `--write`, it adds a fragment (`#doctor-…`) to the page URL, once as multipart and once as JSON,
//! reads the configuration after each, and restores the page URL. A success that changes nothing is told from one that
//! does. It never starts or stops a stream, and does not write while the meeting is live unless `--even-if-live` is given
//! as well. To see whether it is live, it needs a scope of its own: `meeting:read:meeting:admin`.
//!
//! What it is doing goes to standard error. The result goes to standard output, to be pasted into an issue: it has no
//! token, secret, stream key or URL in it, and IDs are shortened.
//!
//! The exit code is 0 if Zoom accepted the GET and, with `--write`, was seen to read one of the two encodings; 1 if not; 2
//! if the arguments or environment variables are wrong, in which case nothing was sent.

use std::error::Error as StdError;
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use zoom_livestream::get_meeting_live_stream_details::Response;
use zoom_livestream::reqwest::{self, Method};
use zoom_livestream::update_meeting_live_stream::Body;
use zoom_livestream::{
    BodyEncoding, Client, ClientBuilder, Error, ErrorKind, MeetingId, RetryPolicy, Secret, ServerToServer,
};

const USAGE: &str = "Usage: cargo run --example doctor -- MEETING_ID [--write [--even-if-live]]";

#[tokio::main]
async fn main() -> ExitCode {
    // `args` would panic if an argument is not Unicode.
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let options = Options::read(arguments);
    // Of an access token in the environment, the scopes are not known.
    let has_token = std::env::var_os("ZOOM_ACCESS_TOKEN").is_some_and(|token| !token.is_empty());
    let app = if has_token { None } else { ServerToServer::from_env().ok() };
    let builder = || Client::builder().from_env();
    let options = match (options, builder()) {
        (Ok(options), Ok(_)) => options,
        (Err(reason), _) => return refused(&reason),
        (_, Err(error)) => return refused(&error.to_string()),
    };
    if options.write {
        tokio::spawn(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                eprintln!("It ends by itself when the page URL is restored.");
            }
        });
    }
    let report = examine(&options, app.as_ref(), builder, |line| eprintln!("{line}")).await;
    eprintln!("\nPlease paste this into an issue:\n");
    println!("{report}");
    ExitCode::from(u8::from(report.conclusion.is_err()))
}

fn refused(reason: &str) -> ExitCode {
    eprintln!("{reason}\n\n{USAGE}");
    ExitCode::from(2)
}

/// What the command line asks for.
#[derive(Debug)]
pub struct Options {
    pub meeting: MeetingId,
    pub write: bool,
    pub even_if_live: bool,
}

impl Options {
    pub fn read(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (flags, ids): (Vec<String>, Vec<String>) = arguments.partition(|argument| argument.starts_with('-'));
        let is_known = |flag: &str| ["--write", "--even-if-live"].contains(&flag);
        if let Some(unknown) = flags.iter().find(|flag| !is_known(flag)) {
            return Err(format!("`{unknown}` is not an option."));
        }
        let [id] = &ids[..] else {
            return Err("Give the ID of one meeting. If it has spaces, put it in quotes.".to_owned());
        };
        let meeting = id.parse().map_err(|error| format!("{error}."))?;
        let has = |wanted: &str| flags.iter().any(|flag| flag == wanted);
        Ok(Self { meeting, write: has("--write"), even_if_live: has("--even-if-live") })
    }
}

/// The text for the issue: what was found, and what follows from it.
pub struct Report {
    found: Vec<String>,
    pub conclusion: Result<String, String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "examples/doctor of zoom-livestream {}", env!("CARGO_PKG_VERSION"))?;
        self.found.iter().try_for_each(|line| writeln!(f, "- {line}"))?;
        let (Ok(conclusion) | Err(conclusion)) = &self.conclusion;
        f.write_str(conclusion)
    }
}

/// `app` is where the clients of `builder` get their tokens, if that is known.
pub async fn examine(
    options: &Options,
    app: Option<&ServerToServer>,
    builder: impl Fn() -> Result<ClientBuilder, Error>,
    say: impl Fn(&str),
) -> Report {
    let mut found = Vec::new();
    let conclusion = conclude(options, app, builder, say, &mut found).await;
    Report { found, conclusion }
}

async fn conclude(
    options: &Options,
    app: Option<&ServerToServer>,
    builder: impl Fn() -> Result<ClientBuilder, Error>,
    say: impl Fn(&str),
    found: &mut Vec<String>,
) -> Result<String, String> {
    if let Some(app) = app {
        found.extend(scopes(app).await?);
    }
    let client = |encoding| {
        let retry = RetryPolicy::default().notify(|resend| {
            eprintln!("Zoom answered 429: retrying in {} s.", resend.wait.as_secs());
        });
        let client = builder().and_then(|client| client.body_encoding(encoding).retry(retry).build());
        client.map_err(|error| format!("{error}."))
    };
    let zoom = client(BodyEncoding::Negotiated)?;

    say("Reading the meeting's live-stream configuration.");
    let present = read(&zoom, options.meeting).await;
    let present =
        present.map_err(|error| format!("The GET of meetings/…/livestream failed: {}.", described(&error)))?;
    found.push("GET meetings/…/livestream: accepted".to_owned());
    let original = body_of(&present).map_err(|reason| format!("Nothing was written because {reason}."));
    if !options.write {
        let next = original.map_or_else(|reason| reason, |_| "Nothing was written.".to_owned());
        return Ok(format!("{next} --write finds out how Zoom takes the body of a PATCH."));
    }
    let original = original?;
    if !options.even_if_live {
        let live = match is_live(&zoom, options.meeting).await {
            Ok(false) => None,
            Ok(true) => Some("the meeting is live".to_owned()),
            Err(error) => Some(format!("whether the meeting is live could not be read: {}", described(&error))),
        };
        if let Some(live) = live {
            return Err(format!("Nothing was written because {live}. --even-if-live writes all the same."));
        }
    }

    let patient = Patient { meeting: options.meeting, original, say: &say };
    let (multipart, json) = (client(BodyEncoding::Multipart)?, client(BodyEncoding::Json)?);
    // From here on, nothing ends this function before the page URL is restored.
    let by_multipart = patient.probe(&multipart, "multipart").await;
    found.push(format!("PATCH meetings/…/livestream as multipart/form-data: {by_multipart}"));
    let by_json = patient.probe(&json, "json").await;
    found.push(format!("PATCH meetings/…/livestream as application/json: {by_json}"));
    let restored_by = patient.restore(&[&zoom, &json, &multipart]).await;
    let restored_by = restored_by.map_err(|reason| {
        format!(
            "The page URL could NOT be restored ({reason}): look at the meeting's live stream, and remove what begins \
             with `doctor-` from the end of its page URL."
        )
    })?;
    found.push("page URL: as it was before".to_owned());
    found.push(
        "PATCH meetings/…/livestream/status: not tried, because no GET reads what it changes; it can only be inferred that \
         Zoom takes its body in the same way"
            .to_owned(),
    );
    conclusion(&by_multipart, &by_json, restored_by == Some(0))
}

/// The meeting whose page URL is changed and restored.
struct Patient<'a> {
    meeting: MeetingId,
    original: Body,
    say: &'a dyn Fn(&str),
}

/// What became of a PATCH.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// A GET returned what was written.
    Accepted,
    /// It was a success, but a GET did not return what was written.
    Ignored,
    Refused(String),
    Unknown(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("accepted, and a GET returns what was written"),
            Self::Ignored => f.write_str("accepted and ignored: a GET does not return what was written"),
            Self::Refused(answer) => write!(f, "refused: {answer}"),
            Self::Unknown(reason) => write!(f, "not known: {reason}"),
        }
    }
}

impl Patient<'_> {
    /// Adds a fragment to the page URL, and looks whether it is there.
    async fn probe(&self, zoom: &Client, name: &str) -> Outcome {
        let joint = if self.original.page_url.contains('#') { '-' } else { '#' };
        let page_url = format!("{}{joint}doctor-{name}", self.original.page_url);
        (self.say)(&format!("Adding `{joint}doctor-{name}` to the page URL."));
        let mut body = self.original.clone();
        body.page_url = page_url;
        let patched = self.patch(zoom, &body).await;
        match patched {
            Err(error) if !error.may_have_taken_effect() => return Outcome::Refused(described(&error)),
            _ => {}
        }
        match (self.is_stored(zoom, &body).await, patched) {
            (Ok(true), _) => Outcome::Accepted,
            (Ok(false), Ok(())) => Outcome::Ignored,
            (_, Err(error)) => Outcome::Unknown(described(&error)),
            (Err(error), Ok(())) => Outcome::Unknown(format!("accepted, but the GET failed: {}", described(&error))),
        }
    }

    /// Writes back what was there, until a GET returns it. Returns which of the clients did it; none had to if nothing had
    /// changed.
    async fn restore(&self, clients: &[&Client]) -> Result<Option<usize>, String> {
        if let Ok(true) = self.is_stored(clients[0], &self.original).await {
            return Ok(None);
        }
        let mut reason = String::new();
        for (number, zoom) in clients.iter().enumerate() {
            (self.say)("Restoring the page URL.");
            let patched = self.patch(zoom, &self.original).await;
            match self.is_stored(zoom, &self.original).await {
                Ok(true) => return Ok(Some(number)),
                Ok(false) => {
                    reason = patched.map_or_else(|error| described(&error), |()| "accepted and ignored".into())
                }
                Err(error) => reason = described(&error),
            }
        }
        Err(reason)
    }

    async fn patch(&self, zoom: &Client, body: &Body) -> Result<(), Error> {
        zoom.update_meeting_live_stream().meeting_id(self.meeting).body(body.clone()).await
    }

    /// Whether a GET returns this. If it does not, it is asked again after three seconds, in case what it reads lags behind.
    async fn is_stored(&self, zoom: &Client, body: &Body) -> Result<bool, Error> {
        if is_as_written(&read(zoom, self.meeting).await?, body) {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        Ok(is_as_written(&read(zoom, self.meeting).await?, body))
    }
}

/// The scopes of the app's tokens, and what is missing.
async fn scopes(app: &ServerToServer) -> Result<Vec<String>, String> {
    let http =
        reqwest::Client::builder().timeout(Duration::from_secs(10)).redirect(reqwest::redirect::Policy::none()).build();
    let http = http.map_err(|error| without_ids(&error.to_string()))?;
    let token = app.token(&http).await;
    let token = token.map_err(|error| format!("No access token could be obtained: {}.", described(&error)))?;
    let Some(scopes) = &token.scope else {
        return Ok(vec!["scopes: not in the token endpoint's answer".to_owned()]);
    };
    let mut found = missing_scopes(&scopes.split_whitespace().collect::<Vec<_>>());
    found.insert(0, format!("scopes: {}", without_ids(scopes)));
    Ok(found)
}

/// A line for each operation of the description for which there is no scope.
fn missing_scopes(granted: &[&str]) -> Vec<String> {
    let description: Value =
        serde_json::from_str(include_str!("../spec/openapi.json")).expect("the committed description is JSON");
    let paths = description["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let operations = paths.filter_map(Value::as_object).flat_map(|path| path.values());
    let missing = operations.filter_map(|operation| {
        let security = operation["security"].as_array()?.iter();
        let scopes: Vec<&str> = security.filter_map(|any| any["oauth2"][0].as_str()).collect();
        let is_granted = scopes.iter().any(|scope| granted.contains(scope));
        // A server-to-server app is offered no others.
        let offered: Vec<&str> = scopes.into_iter().filter(|scope| scope.contains(":admin")).collect();
        let id = operation["operationId"].as_str()?;
        (!is_granted && !offered.is_empty()).then(|| format!("no scope for {id}: add {}", offered.join(" or ")))
    });
    missing.collect()
}

async fn read(zoom: &Client, meeting: MeetingId) -> Result<Response, Error> {
    zoom.get_meeting_live_stream_details().meeting_id(meeting).await
}

async fn is_live(zoom: &Client, meeting: MeetingId) -> Result<bool, Error> {
    let path = format!("/meetings/{}", meeting.get());
    let answer = zoom.request(Method::GET, path).send::<Value>().await?.into_inner();
    Ok(answer["status"] != "waiting")
}

/// The body that would write what was read, if it is all there: a PATCH replaces all of it.
fn body_of(present: &Response) -> Result<Body, &'static str> {
    // Asterisks stand for what is not shown.
    let text = |secret: &Option<Secret>| secret.clone().filter(|text| !["", "***"].contains(&text.expose()));
    let page_url = present.page_url.clone().filter(|url| !url.is_empty());
    let (Some(url), Some(key), Some(page_url)) = (text(&present.stream_url), text(&present.stream_key), page_url)
    else {
        return Err(INCOMPLETE);
    };
    let body = Body::builder().stream_url(url).stream_key(key).page_url(page_url);
    let body = match present.resolution.as_deref().filter(|resolution| !resolution.is_empty()) {
        Some(resolution) => body.resolution(resolution),
        None => body,
    };
    body.try_into().map_err(|_| "a PATCH does not accept the configuration that the GET returned")
}

const INCOMPLETE: &str = "the meeting has no live stream that could be restored: give it one of any address on its page at \
                          zoom.us, or use another meeting";

fn is_as_written(read: &Response, body: &Body) -> bool {
    let resolution = body.resolution.map(|resolution| resolution.to_string());
    read.stream_url.as_ref() == Some(&body.stream_url)
        && read.stream_key.as_ref() == Some(&body.stream_key)
        && read.page_url.as_ref() == Some(&body.page_url)
        && (resolution.is_none() || read.resolution == resolution)
}

fn conclusion(by_multipart: &Outcome, by_json: &Outcome, default_works: bool) -> Result<String, String> {
    use Outcome::{Accepted, Ignored, Refused, Unknown};
    let verb = |outcome: &Outcome| match outcome {
        Accepted => "reads",
        Ignored => "accepts and ignores",
        Refused(_) => "refuses",
        Unknown(_) => "did not say whether it takes",
    };
    let what = format!("Zoom {} multipart/form-data and {} application/json", verb(by_multipart), verb(by_json));
    match (by_multipart, by_json) {
        (Refused(multipart), Refused(json)) if multipart == json => {
            Err(format!("{what}, both in the same way, so the encoding is probably not the reason."))
        }
        (Accepted, _) | (_, Accepted) if default_works => Ok(format!("{what}: leave `body_encoding` at its default.")),
        (_, Accepted) => Ok(format!("{what}: set `BodyEncoding::Json`.")),
        (Accepted, _) => Ok(format!("{what}: set `BodyEncoding::Multipart`.")),
        _ => Err(format!("{what}.")),
    }
}

/// What Zoom answered, or why there is no answer, without anything that should not be in an issue.
fn described(error: &Error) -> String {
    let Some(status) = error.status().filter(|_| error.kind() == ErrorKind::Answered) else {
        return match error.kind() {
            ErrorKind::Refused => error.to_string(),
            _ => without_ids(&innermost(error)),
        };
    };
    let mut answer = format!("HTTP {}", status.as_u16());
    if let Some(code) = error.code() {
        answer += &format!(", code {code}");
    }
    if let Some(message) = error.message() {
        answer += &format!(", \"{}\"", without_ids(message));
    }
    for flaw in error.field_errors() {
        answer += &format!(" [{}: {}]", without_ids(&flaw.field), without_ids(&flaw.message));
    }
    answer
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}

/// Text on one line without e-mail addresses and URLs, and with only the first characters of each ID.
fn without_ids(text: &str) -> String {
    let mut shown = String::new();
    for word in text.split_whitespace() {
        if !shown.is_empty() {
            shown.push(' ');
        }
        if word.contains('@') || word.contains("://") {
            shown.push('…');
            continue;
        }
        let is_part = |c: char| c.is_alphanumeric() || "_-+/=".contains(c);
        let mut rest = word;
        while let Some(start) = rest.find(is_part) {
            shown += &rest[..start];
            let end = rest[start..].find(|c| !is_part(c)).map_or(rest.len(), |end| start + end);
            let part = &rest[start..end];
            if looks_like_an_id(part) {
                shown.extend(part.chars().take(3));
                shown.push('…');
            } else {
                shown += part;
            }
            rest = &rest[end..];
        }
        shown += rest;
    }
    shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Meeting IDs have at least 9 digits; IDs of users and accounts are 22 characters of Base64, tokens longer.
fn looks_like_an_id(part: &str) -> bool {
    let count = |is: fn(char) -> bool| part.chars().filter(|c| is(*c)).count();
    let is_mixed = count(char::is_numeric) > 0 || (count(char::is_uppercase) > 0 && count(char::is_lowercase) > 0);
    count(char::is_numeric) >= 6 || (part.chars().count() >= 16 && is_mixed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_whole_configuration_is_written_over() {
        let own = serde_json::json!({ "stream_url": "rtmp://a", "stream_key": "b", "page_url": "https://c" });
        let with = |name: &str, value: &str| -> Response {
            let mut fields = own.clone();
            fields[name] = value.into();
            serde_json::from_value(fields).expect("a response")
        };
        for present in [with("resolution", "720p"), with("resolution", "")] {
            let body = body_of(&present).expect("a body");
            assert!(is_as_written(&present, &body), "{body:?}");
        }
        for (name, value) in
            [("stream_key", ""), ("stream_key", "***"), ("stream_url", ""), ("page_url", ""), ("resolution", "4K")]
        {
            body_of(&with(name, value)).expect_err("what cannot be restored");
        }
    }

    #[test]
    fn each_pair_of_outcomes_leads_to_its_conclusion() {
        use Outcome::{Accepted, Ignored, Unknown};
        let refused = |answer: &str| Outcome::Refused(answer.to_owned());
        let unknown = || Unknown("timeout".to_owned());
        for (by_multipart, by_json, default_works, is_success, words) in [
            (Accepted, Accepted, true, true, "Zoom reads multipart/form-data and reads application/json: leave"),
            (Accepted, refused("HTTP 415"), true, true, "refuses application/json: leave"),
            (
                refused("HTTP 415"),
                Accepted,
                true,
                true,
                "refuses multipart/form-data and reads application/json: leave",
            ),
            (refused("HTTP 400"), Accepted, false, true, "set `BodyEncoding::Json`"),
            (Ignored, Accepted, false, true, "accepts and ignores multipart/form-data and reads application/json: set"),
            (unknown(), Accepted, false, true, "did not say whether it takes multipart/form-data"),
            (Accepted, unknown(), false, true, "set `BodyEncoding::Multipart`"),
            (refused("HTTP 404"), refused("HTTP 404"), false, false, "the encoding is probably not the reason"),
            (refused("HTTP 415"), refused("HTTP 400"), false, false, "refuses application/json."),
            (refused("HTTP 415"), Ignored, false, false, "accepts and ignores application/json."),
            (unknown(), unknown(), false, false, "did not say whether it takes application/json."),
        ] {
            let conclusion = conclusion(&by_multipart, &by_json, default_works);
            let (Ok(sentence) | Err(sentence)) = &conclusion;
            assert!(
                conclusion.is_ok() == is_success && sentence.contains(words),
                "{by_multipart:?} {by_json:?}: {sentence}"
            );
        }
    }

    #[test]
    fn ids_addresses_and_urls_are_hidden_and_words_are_shown() {
        for (text, shown) in [
            ("Meeting does not exist: 84912345678.", "Meeting does not exist: 849…."),
            (
                "User does not belong to this account: {KDcuGIm1QgePTO8WbOqwIQ}.",
                "User does not belong to this account: {KDc…}.",
            ),
            ("ada.l@example.com at https://live.example.com/?key=1", "… at …"),
            (
                "Invalid access token, does not contain scopes:[meeting:update:livestream_status].",
                "Invalid access token, does not contain scopes:[meeting:update:livestream_status].",
            ),
            (
                "Unsupported media type;\r\nsend multipart/form-data or application/json",
                "Unsupported media type; send multipart/form-data or application/json",
            ),
            ("用户 84912345678 不存在", "用户 849… 不存在"),
        ] {
            assert_eq!(without_ids(text), shown);
        }
    }

    proptest! {
        #[test]
        fn no_id_survives_in_any_text(
            before in ".{0,20}", after in ".{0,20}",
            id in prop_oneof!["[1-9][0-9]{8,10}", "[A-Z][a-z][A-Za-z0-9_-]{20}", "[a-z]{1,8}@[a-z]{1,8}[.]com"],
        ) {
            let shown = without_ids(&format!("{before} {id} {after}"));
            prop_assert!(!shown.contains(&id), "{}", shown);
            prop_assert!(!shown.contains(char::is_control));
        }
    }
}

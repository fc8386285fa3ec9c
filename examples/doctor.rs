//! Finds out with your own account whether Zoom accepts these operations as `multipart/form-data`.
//!
//! ```text
//! export ZOOM_ACCOUNT_ID=… ZOOM_CLIENT_ID=… ZOOM_CLIENT_SECRET=…    # or ZOOM_ACCESS_TOKEN=…
//! cargo run --example doctor -- 84912345678             # changes nothing, and says what --write would change
//! cargo run --example doctor -- 84912345678 --write
//! ```
//!
//! It gets an access token, shows its scopes, and reads the meeting's live-stream configuration. With `--write`, it then
//! configures the live stream by a PATCH as multipart and, if Zoom refuses that, as JSON. It never starts or stops a
//! stream. The best meeting for this is a new one without a live stream: there, the PATCH can write something new and
//! read it back. Otherwise it writes the present configuration back unchanged.
//!
//! What it is doing goes to standard error. The result goes to standard output, to be pasted into an issue: it has no
//! token, secret, stream key or URL in it, and IDs are shortened.
//!
//! The exit code is 0 if Zoom accepted the GET and, with `--write`, one of the two encodings; 1 if not; 2 if the
//! arguments or environment variables are wrong, in which case nothing was sent.

use std::error::Error as StdError;
use std::fmt;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use zoom_livestream::get_meeting_live_stream_details::Response;
use zoom_livestream::update_meeting_live_stream::Body;
use zoom_livestream::{
    BodyEncoding, Client, ClientBuilder, Error, ErrorKind, MeetingId, RetryPolicy, Secret, ServerToServer,
    reqwest,
};

const USAGE: &str = "Usage: cargo run --example doctor -- MEETING_ID [--write]
with ZOOM_ACCESS_TOKEN, or ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID and ZOOM_CLIENT_SECRET, in the environment";

#[tokio::main]
async fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    // `args` would panic if an argument is not Unicode.
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let options = match Options::read(arguments, variable) {
        Ok(options) => options,
        Err(reason) => {
            eprintln!("{reason}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let report = examine(&options, Client::builder, |line| eprintln!("{line}")).await;
    eprintln!("{}", if options.write { "\nPlease paste this into an issue:\n" } else { "" });
    println!("{report}");
    ExitCode::from(u8::from(!report.is_success))
}

/// What the command line and the environment ask for.
#[derive(Debug)]
pub struct Options {
    pub credentials: Credentials,
    pub meeting: MeetingId,
    pub write: bool,
}

#[derive(Debug)]
pub enum Credentials {
    AccessToken(Secret),
    ServerToServer(ServerToServer),
}

impl Options {
    pub fn read(
        arguments: impl Iterator<Item = String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let (flags, ids): (Vec<String>, Vec<String>) =
            arguments.partition(|argument| argument.starts_with('-'));
        if let Some(unknown) = flags.iter().find(|flag| *flag != "--write") {
            return Err(format!("`{unknown}` is not an option."));
        }
        let [id] = &ids[..] else {
            return Err("Give the ID of one meeting. If it has spaces, put it in quotes.".to_owned());
        };
        let meeting = id.parse().map_err(|error| format!("{error}."))?;
        let names = ["ZOOM_ACCOUNT_ID", "ZOOM_CLIENT_ID", "ZOOM_CLIENT_SECRET"];
        let credentials = match (variable("ZOOM_ACCESS_TOKEN"), names.map(&variable)) {
            (Some(token), _) => Credentials::AccessToken(token.into()),
            (None, [Some(account_id), Some(client_id), Some(client_secret)]) => {
                Credentials::ServerToServer(ServerToServer::new(account_id, client_id, client_secret))
            }
            _ => {
                let missing: Vec<&str> = names.into_iter().filter(|name| variable(name).is_none()).collect();
                return Err(format!("Not set in the environment: {}.", missing.join(", ")));
            }
        };
        Ok(Self { credentials, meeting, write: !flags.is_empty() })
    }
}

/// The text for the issue.
#[derive(Default)]
pub struct Report {
    lines: Vec<(&'static str, String)>,
    conclusion: String,
    pub is_success: bool,
}

impl Report {
    fn line(&mut self, what: &'static str, found: impl Into<String>) {
        self.lines.push((what, found.into()));
    }

    fn concluded(mut self, is_success: bool, conclusion: impl Into<String>) -> Self {
        self.is_success = is_success;
        self.conclusion = conclusion.into();
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "examples/doctor of zoom-livestream {}", env!("CARGO_PKG_VERSION"))?;
        for (what, found) in &self.lines {
            writeln!(f, "- {what}: {found}")?;
        }
        f.write_str(&self.conclusion)
    }
}

/// The outcome of a PATCH.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// Accepted, and what was written was read back.
    Written,
    /// Accepted, but something else was read back.
    Ignored,
    /// Accepted, but it could not be read back.
    Unread(String),
    Refused(String),
    NoAnswer(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written => f.write_str("accepted, and a GET returns what was written"),
            Self::Ignored => f.write_str("accepted, but a GET does not return what was written"),
            Self::Unread(reason) => {
                write!(f, "accepted, but the GET that should read it back failed: {reason}")
            }
            Self::Refused(answer) => write!(f, "refused: {answer}"),
            Self::NoAnswer(reason) => write!(f, "no answer: {reason}"),
        }
    }
}

pub async fn examine(
    options: &Options,
    builder: impl Fn() -> ClientBuilder,
    say: impl Fn(&str) + Send + Sync,
) -> Report {
    let mut report = Report::default();
    let token = match token(&options.credentials, &mut report).await {
        Ok(token) => token,
        Err(reason) => {
            report.line("access token", reason);
            return report.concluded(false, "No access token could be obtained, so nothing else was tried.");
        }
    };
    let client = |encoding| {
        let retry = RetryPolicy::default().notify(|resend| {
            eprintln!("Zoom answered 429: retrying in {} s.", resend.wait.as_secs());
        });
        builder().access_token(token.clone()).body_encoding(encoding).retry(retry).build()
    };
    let (multipart, json) = match (client(BodyEncoding::Multipart), client(BodyEncoding::Json)) {
        (Ok(multipart), Ok(json)) => (multipart, json),
        (Err(error), _) | (_, Err(error)) => {
            report.line("client", error.to_string());
            return report.concluded(false, "No client could be set up, so nothing else was tried.");
        }
    };

    say("Reading the meeting's live-stream configuration.");
    let get = "GET meetings/…/livestream";
    let present = match read(&multipart, options.meeting).await {
        Ok(present) => present,
        Err(error) => {
            report.line(get, described(&error));
            return report.concluded(false, "The configuration could not be read, so nothing was written.");
        }
    };
    report.line(get, format!("accepted, {}", fields_of(&present)));
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let write = match planned(&present, unix) {
        Ok(write) => write,
        Err(reason) => {
            return report.concluded(!options.write, format!("Nothing was written because {reason}."));
        }
    };
    if !options.write {
        say(&format!("With --write, this would be next: {}", write.announcement()));
        return report.concluded(
            true,
            "Nothing was written. With --write, it finds out whether Zoom accepts multipart/form-data.",
        );
    }

    say(write.announcement());
    let by_multipart = patch(&multipart, options.meeting, &write.body).await;
    report.line("PATCH meetings/…/livestream as multipart/form-data", by_multipart.to_string());
    let by_json = match by_multipart {
        Outcome::Ignored | Outcome::Refused(_) => {
            say("Zoom did not accept it as multipart/form-data: trying application/json.");
            let by_json = patch(&json, options.meeting, &write.body).await;
            report.line("PATCH meetings/…/livestream as application/json", by_json.to_string());
            Some(by_json)
        }
        _ => None,
    };
    report.line("written", write.summary());
    let (is_success, conclusion) = conclusion(&by_multipart, by_json.as_ref(), write.is_new);
    report.concluded(is_success, conclusion)
}

async fn token(credentials: &Credentials, report: &mut Report) -> Result<Secret, String> {
    let app = match credentials {
        Credentials::AccessToken(token) => {
            report.line("access token", "from the environment, so its scopes are not known");
            return Ok(token.clone());
        }
        Credentials::ServerToServer(app) => app,
    };
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .build();
    let http = http.map_err(|error| without_ids(&error.to_string()))?;
    let token = app.token(&http).await.map_err(sentences)?;
    report.line("access token", "by server-to-server OAuth");
    report.line("scopes", token.scope().map_or("not in the token endpoint's answer".to_owned(), without_ids));
    Ok(token.secret().clone())
}

async fn read(client: &Client, meeting: MeetingId) -> Result<Response, Error> {
    client.get_meeting_live_stream_details().meeting_id(meeting).await
}

async fn patch(client: &Client, meeting: MeetingId, body: &Body) -> Outcome {
    let patched = client.update_meeting_live_stream().meeting_id(meeting).body(body.clone()).await;
    match patched {
        Ok(()) => match read(client, meeting).await {
            Ok(read) if is_as_written(&read, body) => Outcome::Written,
            Ok(_) => Outcome::Ignored,
            Err(error) => Outcome::Unread(described(&error)),
        },
        Err(error) if error.kind() == ErrorKind::Answered => Outcome::Refused(described(&error)),
        Err(error) => Outcome::NoAnswer(described(&error)),
    }
}

/// What `--write` writes.
#[derive(Debug)]
struct Write {
    body: Body,
    is_new: bool,
}

impl Write {
    fn announcement(&self) -> &'static str {
        match self.is_new {
            true => {
                "The meeting has no live stream of its own. A PATCH will configure one that leads nowhere, on \
                 live.example.com. The API cannot remove it again; you can replace it."
            }
            false => {
                "A PATCH will write the meeting's present stream URL, stream key, page URL and resolution back \
                 unchanged. Do not do this while the meeting is live."
            }
        }
    }

    fn summary(&self) -> &'static str {
        match self.is_new {
            true => "new values, since the meeting had no live stream of its own",
            false => "the meeting's present configuration, unchanged",
        }
    }
}

const PLACEHOLDER_URL: &str = "rtmp://live.example.com/doctor";

/// The least harmful body: what is there already, or something that leads nowhere. What an earlier run left behind
/// counts as nothing.
fn planned(present: &Response, unix: Duration) -> Result<Write, &'static str> {
    let text = |secret: &Option<Secret>| secret.clone().filter(|secret| !secret.expose().is_empty());
    let (stream_url, stream_key) = (text(&present.stream_url), text(&present.stream_key));
    let page_url = present.page_url.clone().filter(|url| !url.is_empty());
    let is_ours = stream_url.as_ref().is_some_and(|url| url.expose() == PLACEHOLDER_URL);
    let (body, is_new) = match (stream_url, stream_key, page_url) {
        (url, key, _) if is_ours || (url.is_none() && key.is_none()) => {
            let page_url = format!("https://live.example.com/doctor-{}", unix.as_millis());
            (Body::builder().stream_url(PLACEHOLDER_URL).stream_key("doctor").page_url(page_url), true)
        }
        (Some(url), Some(key), Some(page_url)) => {
            let body = Body::builder().stream_url(url).stream_key(key).page_url(page_url);
            match present.resolution.as_deref().filter(|resolution| !resolution.is_empty()) {
                Some(resolution) => (body.resolution(resolution), false),
                None => (body, false),
            }
        }
        _ => return Err(INCOMPLETE),
    };
    let body = body.try_into().map_err(|_| "a PATCH does not accept the resolution that the GET returned")?;
    Ok(Write { body, is_new })
}

const INCOMPLETE: &str = "the GET did not return all of the configuration, which a PATCH would replace: use a meeting \
                          without a live stream";

fn is_as_written(read: &Response, body: &Body) -> bool {
    let resolution = body.resolution.map(|resolution| resolution.to_string());
    read.stream_url.as_ref() == Some(&body.stream_url)
        && read.stream_key.as_ref() == Some(&body.stream_key)
        && read.page_url.as_ref() == Some(&body.page_url)
        && (resolution.is_none() || read.resolution == resolution)
}

fn fields_of(present: &Response) -> String {
    let is_set = |secret: &Option<Secret>| secret.as_ref().is_some_and(|secret| !secret.expose().is_empty());
    let names = [
        ("stream_url", is_set(&present.stream_url)),
        ("stream_key", is_set(&present.stream_key)),
        ("page_url", present.page_url.as_ref().is_some_and(|url| !url.is_empty())),
        ("resolution", present.resolution.as_ref().is_some_and(|resolution| !resolution.is_empty())),
    ];
    let names: Vec<&str> = names.into_iter().filter_map(|(name, is_set)| is_set.then_some(name)).collect();
    match names.is_empty() {
        true => "no live stream is configured".to_owned(),
        false => format!("with {}", names.join(", ")),
    }
}

fn conclusion(by_multipart: &Outcome, by_json: Option<&Outcome>, is_new: bool) -> (bool, &'static str) {
    use Outcome::*;
    match (by_multipart, by_json) {
        (Written, _) if is_new => (true, "Zoom accepts multipart/form-data."),
        (Written, _) => (
            true,
            "Zoom accepts multipart/form-data. Because the present configuration was written back, this does not show \
             that Zoom read the fields: a new meeting without a live stream would show that too.",
        ),
        (Unread(_), _) => {
            (true, "Zoom accepts multipart/form-data, but what was written could not be read back.")
        }
        (Ignored, Some(Unread(_))) => (
            false,
            "What was written as application/json could not be read back, so this shows nothing. Check the meeting's live \
             stream.",
        ),
        (_, Some(Written | Unread(_))) => {
            (true, "Zoom accepts application/json, but not multipart/form-data: set `BodyEncoding::Json`.")
        }
        (Refused(multipart), Some(Refused(json))) if multipart == json => {
            (false, "Zoom refused both in the same way, so the encoding is probably not the reason.")
        }
        (Refused(_), Some(Refused(_))) => {
            (false, "Zoom accepts neither multipart/form-data nor application/json.")
        }
        (_, Some(Ignored)) | (Ignored, _) => (
            false,
            "Zoom answered that it had accepted a PATCH, but did not store it as sent. Check the meeting's live stream.",
        ),
        _ => (false, "Zoom did not answer a PATCH, so this shows nothing. Check the meeting's live stream."),
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

/// An error and what caused it.
fn sentences(error: impl Into<Box<dyn StdError + Send + Sync>>) -> String {
    let error = error.into();
    let (outer, inner) = (error.to_string(), innermost(&*error));
    let whole = if outer == inner { outer } else { format!("{outer}: {inner}") };
    without_ids(&whole)
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
            match looks_like_an_id(part) {
                true => {
                    shown.extend(part.chars().take(3));
                    shown.push('…');
                }
                false => shown += part,
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
    let is_mixed =
        count(char::is_numeric) > 0 || (count(char::is_uppercase) > 0 && count(char::is_lowercase) > 0);
    count(char::is_numeric) >= 6 || (part.chars().count() >= 16 && is_mixed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn response(fields: serde_json::Value) -> Response {
        serde_json::from_value(fields).expect("a response")
    }

    #[test]
    fn an_existing_configuration_is_written_back_and_only_a_missing_one_is_replaced() {
        let own = serde_json::json!({ "stream_url": "rtmp://a", "stream_key": "b", "page_url": "https://c" });
        let with = |name: &str, value: &str| {
            let mut fields = own.clone();
            fields[name] = value.into();
            response(fields)
        };
        let plan = |present: &Response| planned(present, Duration::from_millis(7));
        for present in [response(own.clone()), with("resolution", "720p"), with("resolution", "")] {
            let write = plan(&present).expect("a plan");
            assert!(!write.is_new && is_as_written(&present, &write.body), "{write:?}");
        }
        for present in [response(serde_json::json!({})), with("stream_url", PLACEHOLDER_URL)] {
            let write = plan(&present).expect("a plan");
            assert!(write.is_new && !is_as_written(&present, &write.body), "{write:?}");
            assert!(write.body.page_url.starts_with("https://live.example.com/"), "{write:?}");
        }
        for present in
            [with("stream_key", ""), with("stream_url", ""), with("page_url", ""), with("resolution", "4K")]
        {
            plan(&present).expect_err("nothing that could be lost is written over");
        }
    }

    #[test]
    fn each_pair_of_outcomes_leads_to_its_conclusion() {
        let (refused, other) =
            (|| Outcome::Refused("HTTP 415".into()), || Outcome::Refused("HTTP 400".into()));
        let unread = || Outcome::Unread("HTTP 500".into());
        for (by_multipart, by_json, is_new, is_success, words) in [
            (Outcome::Written, None, true, true, "Zoom accepts multipart/form-data."),
            (Outcome::Written, None, false, true, "this does not show that Zoom read the fields"),
            (unread(), None, true, true, "could not be read back"),
            (refused(), Some(Outcome::Written), true, true, "but not multipart/form-data"),
            (refused(), Some(unread()), true, true, "but not multipart/form-data"),
            (Outcome::Ignored, Some(unread()), true, false, "could not be read back, so this shows nothing"),
            (refused(), Some(refused()), true, false, "the encoding is probably not the reason"),
            (refused(), Some(other()), true, false, "neither multipart/form-data nor application/json"),
            (refused(), Some(Outcome::Ignored), true, false, "did not store it as sent"),
            (Outcome::Ignored, Some(refused()), false, false, "did not store it as sent"),
            (Outcome::NoAnswer("timeout".into()), None, true, false, "this shows nothing"),
            (refused(), Some(Outcome::NoAnswer("timeout".into())), true, false, "this shows nothing"),
        ] {
            let (succeeded, conclusion) = conclusion(&by_multipart, by_json.as_ref(), is_new);
            assert!(
                succeeded == is_success && conclusion.contains(words),
                "{by_multipart:?} {by_json:?}: {conclusion}"
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

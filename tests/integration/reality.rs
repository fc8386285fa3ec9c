//! What is known of the real Zoom: its answers, events and join URLs, played through the client.
//!
//! Each line of `reality.jsonl` is a [`Record`]. To test what else Zoom sends, add a line.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;
use zoom_livestream::events::{Event, LiveStreams, StreamState, Verifier};
use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::{BodyEncoding, Client, Error, ErrorKind, MeetingId, RetryPolicy, ServerToServer, WebinarId};

use crate::support::{MEETING, builder_without_token, call, chain, secret_in};

/// What Zoom sends, and what must come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// What it is about, and what tells it from the others.
    id: String,
    /// How surely it is known, and since when: observed on a live account, documented by Zoom, reported in someone's code,
    /// or inferred.
    known: String,
    /// A call (see [`called`]), `token` for a token request, `event` for a delivery, or `id` for a text that people paste.
    request: String,
    #[serde(default)]
    status: u16,
    /// Besides the content type of JSON and a tracking ID, which `null` takes out.
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    /// JSON, or a text to be sent as it is. `{token}` stands for the access token that the client sends.
    #[serde(default)]
    body: Value,
    outcome: Outcome,
    /// The code that the error has.
    code: Option<i64>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    is_unauthorized: bool,
    #[serde(default)]
    is_not_live: bool,
    /// Words of the error's sentence.
    #[serde(default)]
    says: Vec<String>,
}

/// How a call ends that gets this answer, or what is read from an event or a text. Waits are in seconds.
#[derive(Deserialize)]
enum Outcome {
    Success,
    Refused,
    /// It is sent once more as JSON, and the client sends JSON from then on.
    ResentAsJson,
    /// It is sent once more with a newer token.
    NewerToken,
    /// It is sent twice more, after short pauses.
    TriedAgain,
    /// It waits at least this long, until the deadline.
    Paced(u64),
    /// It waits exactly this long, three times.
    Waits(u64),
    /// It waits at least this long, then twice as long, and again.
    Grows(u64),
    /// It fails at once, and says when to call again.
    DailyUntil(String),
    Token {
        expires_in: u64,
        api_url: Option<String>,
    },
    NoToken,
    /// It is accepted.
    Event {
        /// Whether it has no type of its own.
        #[serde(default)]
        is_other: bool,
        is_running: Option<bool>,
        /// When it happened, in milliseconds after it was sent.
        #[serde(default)]
        at: u64,
    },
    Id(u64),
    NotAnId,
}

/// Whether everything is as it must be, or else what is not.
type Checked = Result<(), String>;

macro_rules! ensure {
    ($is_so:expr, $($words:tt)+) => {
        if !$is_so {
            return Err(format!($($words)+));
        }
    };
}

const FORM: &str = "multipart/form-data";
const JSON: &str = "application/json";
const TRACKING_ID: &str = "x-zm-trackingid";
/// The seconds at which each event is sent, as they stand in the records.
const SENT: &str = "1700000000";
const SECRET_TOKEN: &str = "hidden-secret-token";

/// Plays all records that are `chosen`, and lists what is not right.
async fn play(is_chosen: impl Fn(&Outcome) -> bool) {
    let mut wrong = Vec::new();
    for line in include_str!("reality.jsonl").lines() {
        let record: Record = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let sure = ["observed", "documented", "reported", "inferred"];
        assert!(sure.iter().any(|sure| record.known.starts_with(sure)), "{}: {}", record.id, record.known);
        if is_chosen(&record.outcome)
            && let Err(found) = record.play().await
        {
            wrong.push(format!("{}: {found}", record.id));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn each_answer_ends_a_call_as_it_must() {
    play(|outcome| {
        use Outcome::{Event, Id, NoToken, NotAnId, Token};
        !matches!(outcome, Token { .. } | NoToken | Event { .. } | Id(_) | NotAnId)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_answer_of_the_token_endpoint_is_a_token_or_says_what_to_do() {
    play(|outcome| matches!(outcome, Outcome::Token { .. } | Outcome::NoToken)).await;
}

#[tokio::test]
async fn each_event_is_accepted_and_says_what_it_must_about_a_stream() {
    play(|outcome| matches!(outcome, Outcome::Event { .. })).await;
}

#[tokio::test]
async fn each_text_is_an_id_or_is_refused() {
    play(|outcome| matches!(outcome, Outcome::Id(_) | Outcome::NotAnId)).await;
}

/// A mock server, a client of it, and how long that has waited.
struct Stage {
    server: MockServer,
    app: ServerToServer,
    zoom: Client,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl Stage {
    async fn new(encoding: BodyEncoding) -> Self {
        let server = MockServer::builder().cool_down(Duration::ZERO).start().await.expect("a mock server");
        let waits: Arc<Mutex<Vec<Duration>>> = Arc::default();
        let noted = waits.clone();
        let policy = RetryPolicy::default().notify(move |resend| noted.lock().expect("waits").push(resend.wait));
        let app = ServerToServer::new("mock-account", "mock-client", "mock-secret");
        let app = app.token_url(server.token_url());
        let zoom = builder_without_token(&server)
            .token_source(app.clone())
            // Reading the system's certificates takes longer than everything else here.
            .http(|http| http.tls_certs_only([]))
            .body_encoding(encoding)
            .retry(policy)
            .build()
            .expect("a client");
        Self { server, app, zoom, waits }
    }

    /// The first token that the mock server issues.
    fn token(&self) -> String {
        let port = self.server.base_url().split([':', '/']).nth(4).unwrap_or_default();
        format!("mock-token-{port}-1")
    }

    fn media_types(&self) -> Vec<Option<String>> {
        let requests = self.server.requests();
        let types = requests.iter().map(|received| received.content_type.as_deref());
        types.map(|media_type| Some(media_type?.split(';').next()?.to_owned())).collect()
    }
}

/// Calls what is described as `start meeting`, `configure webinar`, `read meeting` and so on.
async fn called(zoom: &Client, request: &str) -> Result<(), Error> {
    match request {
        "configure meeting" => call(zoom, "updateMeetingLiveStream").await,
        "configure webinar" => call(zoom, "updateWebinarLiveStream").await,
        "read meeting" | "token" => call(zoom, "getMeetingLiveStreamDetails").await,
        "read webinar" => call(zoom, "getWebinarLiveStreamDetails").await,
        "join meeting" => call(zoom, "getMeetingJoinTokenForLiveStreaming").await,
        "join webinar" => call(zoom, "getWebinarJoinTokenForLiveStreaming").await,
        _ => match request.split_once(' ') {
            Some((action, "meeting")) => {
                zoom.update_meeting_live_stream_status().meeting_id(MEETING).action(action).await
            }
            Some((action, "webinar")) => {
                zoom.update_webinar_live_stream_status().webinar_id(MEETING).action(action).await
            }
            _ => panic!("{request} is not a call"),
        },
    }
}

/// The token request's own error.
fn own(error: &Error) -> Option<&Error> {
    std::iter::successors(error.source(), |cause| (*cause).source()).find_map(|cause| cause.downcast_ref())
}

impl Record {
    fn headers(&self) -> BTreeMap<String, String> {
        let json = self.body.is_object().then(|| "application/json;charset=UTF-8".to_owned());
        let tracking_id = Some("v=2.0;clid=us02;rid=WEB_0123456789abcdef0123456789abcdef".to_owned());
        let mut headers = BTreeMap::from([("content-type".to_owned(), json), (TRACKING_ID.to_owned(), tracking_id)]);
        headers.extend(self.headers.clone());
        headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    fn body(&self, token: &str) -> String {
        let text = match &self.body {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            json => json.to_string(),
        };
        text.replace("{token}", token)
    }

    fn answer(&self, stage: &Stage) -> Answer {
        let answer = Answer::status(self.status).body(self.body(&stage.token()));
        self.headers().into_iter().fold(answer, |answer, (name, value)| answer.header(name, value))
    }

    /// The media type of the call's body, at first.
    fn media_type(&self) -> Option<String> {
        let is_get = ["read ", "join ", "token"].iter().any(|get| self.request.starts_with(get));
        (!is_get).then(|| FORM.to_owned())
    }

    async fn play(&self) -> Checked {
        match &self.outcome {
            Outcome::Event { is_other, is_running, at } => self.play_event(*is_other, *is_running, *at),
            Outcome::Id(_) | Outcome::NotAnId => self.play_id(),
            Outcome::Token { .. } | Outcome::NoToken => self.play_token().await,
            _ => {
                self.play_once().await.map_err(|wrong| format!("once: {wrong}"))?;
                self.play_always().await.map_err(|wrong| format!("always: {wrong}"))?;
                self.play_running().await.map_err(|wrong| format!("while the stream runs: {wrong}"))?;
                self.play_encodings().await.map_err(|wrong| format!("with a fixed encoding: {wrong}"))
            }
        }
    }

    /// The call gets this answer once, and the mock server's own from then on.
    async fn play_once(&self) -> Checked {
        let stage = Stage::new(BodyEncoding::default()).await;
        stage.server.answer(self.answer(&stage));
        let ended = called(&stage.zoom, &self.request).await;
        let form = self.media_type();
        let (is_ok, media_types) = match self.outcome {
            Outcome::Refused | Outcome::DailyUntil(_) => (false, vec![form]),
            Outcome::Success => (true, vec![form]),
            Outcome::ResentAsJson => (true, vec![form, Some(JSON.to_owned())]),
            _ => (true, vec![form.clone(), form]),
        };
        ensure!(ended.is_ok() == is_ok, "it ended in {ended:?}");
        ensure!(stage.media_types() == media_types, "sent as {:?}", stage.media_types());
        let tokens = 1 + usize::from(matches!(self.outcome, Outcome::NewerToken));
        ensure!(stage.server.token_requests() == tokens, "{} token requests", stage.server.token_requests());
        self.check_waits(&stage, usize::from(media_types.len() > 1))?;
        if let Outcome::ResentAsJson = self.outcome {
            called(&stage.zoom.clone(), &self.request).await.map_err(|error| error.to_string())?;
            let last = stage.media_types().split_off(2);
            ensure!(last == [Some(JSON.to_owned())], "the next call was sent as {last:?}");
        }
        Ok(())
    }

    /// The call gets no other answer.
    async fn play_always(&self) -> Checked {
        let stage = Stage::new(BodyEncoding::default()).await;
        stage.server.answer_always(self.answer(&stage));
        let ended = called(&stage.zoom, &self.request).await;
        let attempts = match self.outcome {
            Outcome::Success => return ended.map_err(|error| error.to_string()),
            Outcome::Refused | Outcome::DailyUntil(_) => 1..=1,
            Outcome::ResentAsJson | Outcome::NewerToken => 2..=2,
            Outcome::TriedAgain => 3..=3,
            Outcome::Paced(_) => 5..=200,
            _ => 4..=4,
        };
        let Err(error) = ended else { return Err("no error".to_owned()) };
        ensure!(attempts.contains(&error.attempts()), "{error}");
        ensure!(stage.server.request_count() == error.attempts() as usize, "{error}");
        self.check_waits(&stage, error.attempts() as usize - 1)?;
        match &self.outcome {
            Outcome::ResentAsJson => {
                ensure!(error.to_string().contains("both multipart/form-data and JSON"), "{error}");
            }
            Outcome::NewerToken => {
                let is_explained = ["was refused as well", "turned the app off", "scopes"];
                ensure!(is_explained.iter().any(|words| error.to_string().contains(words)), "{error}");
            }
            Outcome::Paced(wait) | Outcome::Waits(wait) | Outcome::Grows(wait) => {
                ensure!(error.retry_after() == Some(Duration::from_secs(*wait)), "{:?}", error.retry_after());
            }
            Outcome::DailyUntil(until) => {
                let at = humantime::parse_rfc3339(until).map_err(|error| error.to_string())?;
                ensure!(error.retry_at() == Some(at), "{:?}", error.retry_at());
                ensure!(error.to_string().contains(&format!("resets at {until}")), "{error}");
            }
            _ => (),
        }
        self.check_error(&error)
    }

    /// The waits that the call announced before it was sent again, which must have passed.
    fn check_waits(&self, stage: &Stage, resent: usize) -> Checked {
        let waits = stage.waits.lock().expect("waits");
        let is_right = |number: usize, wait: Duration| match self.outcome {
            Outcome::Paced(least) => (least..=least + 32).contains(&wait.as_secs()),
            Outcome::Waits(exactly) => wait == Duration::from_secs(exactly),
            Outcome::Grows(first) => (first << number..=first << (number + 1)).contains(&wait.as_secs()),
            _ => false,
        };
        let are_right = waits.iter().enumerate().all(|(number, wait)| is_right(number, *wait));
        ensure!(are_right, "it waited {waits:?}");
        if self.status == 429 {
            ensure!(waits.len() == resent, "{waits:?} for {resent} requests");
            let requests = stage.server.requests();
            let have_passed =
                requests.windows(2).zip(&*waits).all(|(pair, wait)| pair[1].arrived >= pair[0].arrived + *wait);
            ensure!(have_passed, "it announced {waits:?} and did not wait");
        }
        Ok(())
    }

    /// What any error for this answer must say of it.
    fn check_error(&self, error: &Error) -> Checked {
        let sentence = error.to_string();
        let status = error.status().map_or(0, |status| status.as_u16());
        let code = error.code().map(|code| code.get());
        ensure!((status, code) == (self.status, self.code), "{status} {code:?}: {sentence}");
        ensure!(error.missing_scopes() == self.scopes, "{:?}", error.missing_scopes());
        ensure!(error.is_unauthorized() == self.is_unauthorized, "unauthorized: {sentence}");
        ensure!(error.is_not_live() == self.is_not_live, "not live: {sentence}");
        ensure!(error.is_rate_limited() == (status == 429), "rate limited: {sentence}");
        ensure!(error.is_transient() == matches!(status, 408 | 429 | 500..), "transient: {sentence}");
        let may_have_taken_effect = self.media_type().is_some() && !(400..500).contains(&status);
        ensure!(error.may_have_taken_effect() == may_have_taken_effect, "effect: {sentence}");
        let quoted = secret_in(&format!("{sentence} {error:?} {:?}", error.message()));
        ensure!(quoted.is_none(), "{quoted:?} is a secret");

        let headers = self.headers();
        let tracking_id = headers.get(TRACKING_ID).map(String::as_str);
        ensure!(error.tracking_id() == tracking_id, "{:?}", error.tracking_id());
        let end = tracking_id.map_or(" s)".to_owned(), |id| format!(", tracking ID {id})"));
        ensure!(chain(error).ends_with(&end), "{sentence}");
        let blames = ["proxy", "other than Zoom"].iter().any(|words| sentence.contains(words));
        ensure!(!blames || tracking_id.is_none(), "{sentence}");
        // Zoom says it in a header or, for one meeting, in the sentence.
        let is_told = headers.contains_key("retry-after") || matches!(self.outcome, Outcome::Waits(_));
        ensure!(is_told || !sentence.contains("asks you to wait"), "{sentence}");
        let missing = self.says.iter().find(|words| !chain(error).contains(*words));
        ensure!(missing.is_none(), "{missing:?} is not in: {}", chain(error));
        Ok(())
    }

    /// A start that waits is done as soon as the stream runs; a stop is always sent.
    async fn play_running(&self) -> Checked {
        let is_limited = matches!(self.outcome, Outcome::Paced(_) | Outcome::Waits(_) | Outcome::Grows(_));
        let (state, sent) = match &*self.request {
            "start meeting" => (StreamState::Running, 1),
            "stop meeting" => (StreamState::Stopped, 2),
            _ => return Ok(()),
        };
        if !is_limited {
            return Ok(());
        }
        let stage = Stage::new(BodyEncoding::default()).await;
        let streams = LiveStreams::new();
        streams.tell(MEETING.try_into().expect("an ID"), state, SystemTime::now());
        stage.server.answer(self.answer(&stage));
        let zoom = stage.zoom.with_retry(RetryPolicy::default().unless(streams.satisfied()));
        called(&zoom, &self.request).await.map_err(|error| error.to_string())?;
        ensure!(stage.server.request_count() == sent, "{} requests", stage.server.request_count());
        Ok(())
    }

    /// Without negotiation, nothing is sent as anything else, and the error names the setting.
    async fn play_encodings(&self) -> Checked {
        if !matches!(self.outcome, Outcome::ResentAsJson) {
            return Ok(());
        }
        for (encoding, media_type) in [(BodyEncoding::Multipart, FORM), (BodyEncoding::Json, JSON)] {
            let stage = Stage::new(encoding).await;
            stage.server.answer(self.answer(&stage));
            let Err(error) = called(&stage.zoom, &self.request).await else {
                return Err("no error".to_owned());
            };
            ensure!(stage.media_types() == [Some(media_type.to_owned())], "{:?}", stage.media_types());
            ensure!(error.to_string().contains("`body_encoding`"), "{error}");
            self.check_error(&error)?;
        }
        Ok(())
    }

    /// The client's token request gets this answer.
    async fn play_token(&self) -> Checked {
        let stage = Stage::new(BodyEncoding::default()).await;
        // A gateway's error is tried again.
        let requests = if matches!(self.status, 502..=504) { 3 } else { 1 };
        for _ in 0..requests {
            stage.server.answer_token_request(self.answer(&stage));
        }
        if let Outcome::Token { expires_in, api_url } = &self.outcome {
            let token = stage.app.token(&reqwest::Client::new()).await.map_err(|error| error.to_string())?;
            ensure!(self.body["access_token"] == token.secret.expose(), "{:?}", self.body);
            ensure!(token.expires_in == Some(Duration::from_secs(*expires_in)), "{:?}", token.expires_in);
            ensure!(token.scope.as_deref() == self.body["scope"].as_str(), "{:?}", token.scope);
            ensure!(token.api_url == *api_url, "{:?}", token.api_url);
            return Ok(());
        }
        let mut wait = Duration::ZERO;
        for _ in 0..20 {
            let Err(error) = called(&stage.zoom, &self.request).await else {
                return Err("no error".to_owned());
            };
            ensure!(error.kind() == ErrorKind::Token, "{:?}: {error:?}", error.kind());
            ensure!(!error.may_have_been_sent() && !error.may_have_taken_effect(), "the call was not sent");
            ensure!(own(&error).is_some_and(Error::may_have_been_sent), "the token request was sent");
            self.check_error(&error)?;
            wait = error.retry_after().unwrap_or(Duration::from_secs(1));
        }
        let asked = stage.server.token_requests();
        ensure!(asked == requests, "20 calls made {asked} token requests");
        tokio::time::sleep(wait).await;
        called(&stage.zoom, &self.request).await.map_err(|error| format!("after {wait:?}: {error:?}"))
    }

    fn play_event(&self, is_other: bool, is_running: Option<bool>, at: u64) -> Checked {
        // It is sent now, so that it is neither too old nor from the future.
        let sent = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("since 1970").as_secs();
        let timestamp = sent.to_string();
        let body = self.body("").replace(SENT, &timestamp);
        let hmac = Hmac::<Sha256>::new_from_slice(SECRET_TOKEN.as_bytes()).expect("a key of any length");
        let hmac = hmac.chain_update(format!("v0:{timestamp}:{body}")).finalize().into_bytes();
        let signature = format!("v0={}", hmac.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let event = Verifier::new(SECRET_TOKEN).verify(body.as_bytes(), Some(signature), Some(timestamp));
        let event = event.map_err(|error| error.to_string())?;
        ensure!(body.contains(&format!(r#""event":"{}""#, event.name())), "{event:?}");
        ensure!(matches!(event, Event::Other(_)) == is_other, "{event:?}");
        ensure!(secret_in(&format!("{event:?}")).is_none(), "{event:?}");

        let streams = LiveStreams::new();
        let is_new = streams.record(&event);
        let state = is_running.map(|is_running| {
            let state = if is_running { StreamState::Running } else { StreamState::Stopped };
            (state, SystemTime::UNIX_EPOCH + Duration::from_millis(1000 * sent + at))
        });
        let known = streams.state(MEETING.try_into().expect("an ID"));
        ensure!((is_new, known) == (state.is_some(), state), "{known:?}");
        Ok(())
    }

    fn play_id(&self) -> Checked {
        let text = self.body("");
        let (meeting, webinar) = (text.parse::<MeetingId>(), text.parse::<WebinarId>());
        match self.outcome {
            Outcome::Id(id) => {
                ensure!(meeting.as_ref().is_ok_and(|meeting| meeting.get() == id), "{meeting:?}");
                ensure!(webinar.as_ref().is_ok_and(|webinar| webinar.get() == id), "{webinar:?}");
            }
            _ => {
                let (Err(meeting), Err(webinar)) = (&meeting, &webinar) else {
                    return Err(format!("{meeting:?} {webinar:?}"));
                };
                let is_said =
                    |words: &String| meeting.to_string().contains(words) && webinar.to_string().contains(words);
                ensure!(self.says.iter().all(is_said), "{meeting}");
            }
        }
        Ok(())
    }
}

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::verify::signature;
use super::{MeetingEvent, MeetingLiveStreamingEvent, StreamState};
use crate::answer::mismatch;
use crate::{MeetingId, Secret};

/// An event that Zoom sent, as [`Verifier::verify`](super::Verifier::verify) gives it.
///
/// Answer 200 or 204 within 3 seconds, and [`UrlValidation`](Self::UrlValidation) with its
/// [answer](Challenge::answer); otherwise Zoom sends it again after 5 minutes, then 20, then 60.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// `endpoint.url_validation`: Zoom wants to know that the endpoint has the secret token, when it is set up and every
    /// 72 hours.
    UrlValidation(Challenge),
    /// `meeting.live_streaming_started`
    MeetingLiveStreamingStarted(Box<MeetingLiveStreamingEvent>),
    /// `meeting.live_streaming_stopped`
    MeetingLiveStreamingStopped(Box<MeetingLiveStreamingEvent>),
    /// `meeting.started`
    MeetingStarted(Box<MeetingEvent>),
    /// `meeting.ended`
    MeetingEnded(Box<MeetingEvent>),
    /// Any other, or one of these that is not as the description says.
    Other(Box<Other>),
}

/// Zoom's question whether the endpoint has the secret token.
#[derive(Clone, Debug)]
pub struct Challenge {
    plain_token: String,
    encrypted_token: Secret,
}

impl Challenge {
    /// The JSON body to answer with, under status 200.
    pub fn answer(&self) -> Value {
        json!({ "plainToken": self.plain_token, "encryptedToken": self.encrypted_token.expose() })
    }
}

/// An event that has no type of its own.
///
/// Its `Debug` leaves the payload out: nobody knows which of its values are secrets.
#[derive(Clone)]
#[non_exhaustive]
pub struct Other {
    /// The event's name, such as `webinar.started`.
    pub event: String,
    /// When it happened, in milliseconds since 1970, if it says so.
    pub event_ts: Option<i64>,
    /// What it says.
    pub payload: Value,
    /// Why it is not the event that its name promises.
    pub flaw: Option<String>,
}

impl fmt::Debug for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Other")
            .field("event", &self.event)
            .field("event_ts", &self.event_ts)
            .field("flaw", &self.flaw)
            .finish_non_exhaustive()
    }
}

const URL_VALIDATION: &str = "endpoint.url_validation";
const STREAMING_STARTED: &str = "meeting.live_streaming_started";
const STREAMING_STOPPED: &str = "meeting.live_streaming_stopped";
const MEETING_STARTED: &str = "meeting.started";
const MEETING_ENDED: &str = "meeting.ended";

impl Event {
    /// The event's name, such as `meeting.live_streaming_started`.
    pub fn name(&self) -> &str {
        match self {
            Self::UrlValidation(_) => URL_VALIDATION,
            Self::MeetingLiveStreamingStarted(_) => STREAMING_STARTED,
            Self::MeetingLiveStreamingStopped(_) => STREAMING_STOPPED,
            Self::MeetingStarted(_) => MEETING_STARTED,
            Self::MeetingEnded(_) => MEETING_ENDED,
            Self::Other(other) => &other.event,
        }
    }

    /// What the event says of a meeting's stream: whose, which and when (`event_ts`, in milliseconds since 1970).
    ///
    /// [`LiveStreams::record`](super::LiveStreams::record) takes no more than this from an event, and a store that
    /// several machines share needs no more.
    pub fn stream_state(&self) -> Option<(MeetingId, StreamState, i64)> {
        let state = match self.name() {
            STREAMING_STARTED => StreamState::Running,
            STREAMING_STOPPED | MEETING_ENDED => StreamState::Stopped,
            _ => return None,
        };
        let (meeting, event_ts) = match self {
            Self::UrlValidation(_) => return None,
            Self::MeetingLiveStreamingStarted(event) | Self::MeetingLiveStreamingStopped(event) => {
                (event.payload.object.id, event.event_ts)
            }
            Self::MeetingStarted(event) | Self::MeetingEnded(event) => {
                (event.payload.object.id, event.event_ts)
            }
            Self::Other(other) => {
                (MeetingId::deserialize(&other.payload["object"]["id"]).ok()?, other.event_ts?)
            }
        };
        Some((meeting, state, event_ts))
    }
}

/// Reads a body that `secret` has signed.
pub(super) fn read(body: &[u8], secret: &Secret) -> Result<Event, String> {
    let event: Value = serde_json::from_slice(body).map_err(|error| format!("it is not JSON ({error})"))?;
    let Some(name) = event["event"].as_str() else { return Err("it has no text `event`".to_owned()) };
    let typed = match name {
        URL_VALIDATION => challenge(&event, secret).map(Event::UrlValidation),
        STREAMING_STARTED => typed(&event).map(Event::MeetingLiveStreamingStarted),
        STREAMING_STOPPED => typed(&event).map(Event::MeetingLiveStreamingStopped),
        MEETING_STARTED => typed(&event).map(Event::MeetingStarted),
        MEETING_ENDED => typed(&event).map(Event::MeetingEnded),
        _ => return Ok(other(event, None)),
    };
    Ok(typed.unwrap_or_else(|flaw| other(event, Some(flaw))))
}

fn challenge(event: &Value, secret: &Secret) -> Result<Challenge, String> {
    let plain_token = event["payload"]["plainToken"].as_str();
    let plain_token = plain_token.ok_or("its payload has no text `plainToken`")?.to_owned();
    let encrypted_token = signature(secret, &[plain_token.as_bytes()]).into();
    Ok(Challenge { plain_token, encrypted_token })
}

fn typed<T: DeserializeOwned>(event: &Value) -> Result<Box<T>, String> {
    serde_path_to_error::deserialize(event).map(Box::new).map_err(|error| mismatch(&error))
}

fn other(mut event: Value, flaw: Option<String>) -> Event {
    let event_ts = event["event_ts"].as_i64();
    let name = event["event"].as_str().unwrap_or_default().to_owned();
    let payload = event.get_mut("payload").map(Value::take).unwrap_or_default();
    Event::Other(Box::new(Other { event: name, event_ts, payload, flaw }))
}

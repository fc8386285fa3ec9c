use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::live_streams::from_millis;
use super::verify::signature;
use super::{MeetingEvent, MeetingLiveStreamingEvent, StreamState};
use crate::answer::mismatch;
use crate::envelope::text;
use crate::{MeetingId, Secret};

/// An event from Zoom, returned by [`Verifier::verify`](super::Verifier::verify).
///
/// Answer with 200 or 204 within 3 seconds, and [`UrlValidation`](Self::UrlValidation) with 200 and its
/// [answer](Challenge::answer). Otherwise Zoom sends the event again after 5 minutes, then 20, then 60.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// `endpoint.url_validation`: Zoom checks that the endpoint has the secret token, when it is set up and every 72
    /// hours.
    UrlValidation(Challenge),
    /// `meeting.live_streaming_started`
    MeetingLiveStreamingStarted(Box<MeetingLiveStreamingEvent>),
    /// `meeting.live_streaming_stopped`
    MeetingLiveStreamingStopped(Box<MeetingLiveStreamingEvent>),
    /// `meeting.started`
    MeetingStarted(Box<MeetingEvent>),
    /// `meeting.ended`
    MeetingEnded(Box<MeetingEvent>),
    /// Any other event, or one of these that does not match the description.
    Other(Box<Other>),
}

/// Zoom's check that the endpoint has the secret token. [`Event::UrlValidation`] holds it.
#[derive(Clone, Debug)]
pub struct Challenge {
    plain_token: String,
    encrypted_token: Secret,
}

impl Challenge {
    /// The JSON body to answer with; the status is 200.
    pub fn answer(&self) -> Value {
        json!({ "plainToken": self.plain_token, "encryptedToken": self.encrypted_token.expose() })
    }
}

/// An event without a type of its own. [`Event::Other`] holds it.
///
/// Its `Debug` omits the payload, where any value could be a secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct Other {
    /// The event's name, such as `webinar.started`.
    pub event: String,
    /// When it happened, in milliseconds since the Unix epoch, if `event_ts` is an integer.
    pub event_ts: Option<i64>,
    /// The event's `payload`, or `null`. What is not Unicode in it is U+FFFD.
    pub payload: Value,
    /// How the event differs from the description, if its name has a type, or that it is not all Unicode.
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

    /// What the event says about a meeting's stream: the meeting, the state and the time (`event_ts`).
    ///
    /// It is all that [`LiveStreams::record`](super::LiveStreams::record) takes from an event, and all that a store
    /// shared by several machines needs.
    pub fn stream_state(&self) -> Option<(MeetingId, StreamState, SystemTime)> {
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
        Some((meeting, state, from_millis(event_ts.try_into().ok()?)?))
    }
}

/// Reads a body that was signed with `secret`.
pub(super) fn read(body: &[u8], secret: &Secret) -> Result<Event, String> {
    let text = text(body);
    let event: Value = serde_json::from_str(&text).map_err(|error| format!("it is not JSON ({error})"))?;
    let Some(name) = event["event"].as_str() else { return Err("it has no string `event`".to_owned()) };
    let typed = match name {
        // Zoom would only send it again, so that a topic cut inside an emoji could hide that a stream is running.
        _ if matches!(text, Cow::Owned(_)) => Err("some of its text is not Unicode".to_owned()),
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
    let plain_token = plain_token.ok_or("its payload has no string `plainToken`")?.to_owned();
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn event(event: &Value) -> Event {
        read(event.to_string().as_bytes(), &"secret token".into()).expect("an event")
    }

    fn started(object: Value) -> Value {
        json!({ "event": STREAMING_STARTED, "event_ts": 1_700_000_000_123_i64, "payload": { "object": object } })
    }

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    fn id(text: &str) -> MeetingId {
        text.parse().expect("an ID")
    }

    #[test]
    fn the_challenge_is_answered_with_its_token_and_the_tokens_hmac() {
        let challenge = json!({ "event": URL_VALIDATION, "event_ts": 1, "payload": { "plainToken": "qgg8vlvZRS6UYooatFL8Aw" } });
        let Event::UrlValidation(challenge) = event(&challenge) else { panic!("{challenge}") };
        // Computed by `printf qgg8vlvZRS6UYooatFL8Aw | openssl dgst -sha256 -hmac 'secret token'`.
        let encrypted = "4010a309f8ec0e4dc7506ef21e98975c6302caa558db61e48081282f677a68df";
        let answer = json!({ "plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": encrypted });
        assert_eq!(challenge.answer(), answer);
    }

    #[test]
    fn each_event_has_its_type_and_stream_state() {
        for (name, state) in [
            (STREAMING_STARTED, Some(StreamState::Running)),
            (STREAMING_STOPPED, Some(StreamState::Stopped)),
            (MEETING_STARTED, None),
            (MEETING_ENDED, Some(StreamState::Stopped)),
            ("webinar.ended", None),
            (URL_VALIDATION, None),
        ] {
            let body = json!({ "event": name, "event_ts": 7, "payload": { "plainToken": "a", "object": { "id": 84912345678_u64 } } });
            let event = event(&body);
            assert_eq!(event.name(), name);
            assert_eq!(matches!(event, Event::Other(_)), name == "webinar.ended", "{event:?}");
            assert_eq!(event.stream_state(), state.map(|state| (id("84912345678"), state, at(7))), "{name}");
        }
    }

    #[test]
    fn an_id_may_be_a_number_or_text() {
        for given in [json!(84912345678_u64), json!("84912345678"), json!("849 1234 5678")] {
            let Event::MeetingLiveStreamingStarted(event) = event(&started(json!({ "id": given }))) else {
                panic!("{given}")
            };
            assert_eq!(event.payload.object.id, id("84912345678"));
        }
    }

    #[test]
    fn the_streams_url_and_key_are_secrets_and_unknown_fields_are_kept() {
        let settings = json!({ "stream_url": "rtmp://hidden", "stream_key": "hidden-key", "page_url": "https://p", "new": "hidden" });
        let object = json!({
            "id": 1, "later": [1], "live_streaming": { "service": "Tomorrow's", "custom_live_streaming_settings": settings },
        });
        let event = event(&started(object));
        assert!(!format!("{event:?}").contains("hidden"), "{event:?}");
        let Event::MeetingLiveStreamingStarted(event) = event else { panic!("{event:?}") };
        let object = &event.payload.object;
        assert_eq!(object.extra["later"], json!([1]));
        let streaming = object.live_streaming.as_ref().expect("live_streaming");
        assert_eq!(streaming.service.as_deref(), Some("Tomorrow's"));
        let settings = streaming.custom_live_streaming_settings.as_ref().expect("settings");
        assert_eq!(settings.stream_url, Some("rtmp://hidden".into()));
        assert_eq!(settings.stream_key, Some("hidden-key".into()));
        assert_eq!(settings.extra["new"], "hidden");
    }

    #[test]
    fn an_event_that_does_not_match_the_description_is_kept_with_a_reason_that_quotes_no_value() {
        for (body, reason) in [
            (started(json!({})), "payload.object: `id` is missing"),
            (started(json!({ "id": -1 })), "payload.object.id: not what the description says"),
            (started(json!({ "id": "hidden" })), "payload.object.id"),
            (started(json!({ "id": "x, expected hidden" })), "payload.object.id"),
            (started(json!("hidden")), "payload.object"),
            (json!({ "event": STREAMING_STARTED, "event_ts": "hidden" }), "event_ts: expected an integer"),
            (json!({ "event": MEETING_ENDED }), "`event_ts` is missing"),
            (json!({ "event": URL_VALIDATION, "payload": "hidden" }), "plainToken"),
        ] {
            let event = event(&body);
            assert!(!format!("{event:?}").contains("hidden"), "{event:?}");
            assert_eq!(event.stream_state(), None);
            let Event::Other(other) = event else { panic!("{body}") };
            assert_eq!(other.payload, body["payload"]);
            assert!(other.flaw.as_deref().is_some_and(|flaw| flaw.contains(reason)), "{body}: {other:?}");
        }
    }

    #[test]
    fn an_event_from_before_1970_says_nothing_about_a_stream() {
        for event_ts in [-1, i64::MIN] {
            let mut body = started(json!({ "id": 84912345678_u64 }));
            body["event_ts"] = event_ts.into();
            let event = event(&body);
            assert!(
                matches!(&event, Event::MeetingLiveStreamingStarted(event) if event.event_ts == event_ts)
            );
            assert_eq!(event.stream_state(), None);
        }
    }

    #[test]
    fn a_field_of_the_wrong_type_does_not_hide_that_a_stream_is_running() {
        let event = event(&started(json!({ "id": "84912345678", "duration": "an hour" })));
        assert!(matches!(event, Event::Other(_)));
        assert_eq!(
            event.stream_state(),
            Some((id("84912345678"), StreamState::Running, at(1_700_000_000_123)))
        );
    }

    #[test]
    fn text_that_is_not_unicode_does_not_hide_that_a_stream_is_running() {
        for topic in [&br"Keynote \ud83d"[..], b"Keynote \xf0\x9f", b"K\xf6ln"] {
            let body = started(json!({ "topic": "?", "id": 84912345678_u64 })).to_string();
            let (start, end) = body.split_once('?').expect("a topic");
            let body = [start.as_bytes(), topic, end.as_bytes()].concat();
            let event = read(&body, &"secret token".into()).expect("an event");
            assert_eq!(
                event.stream_state(),
                Some((id("84912345678"), StreamState::Running, at(1_700_000_000_123))),
                "{event:?}"
            );
            let Event::Other(other) = event else { panic!("{event:?}") };
            assert!(other.flaw.is_some_and(|flaw| flaw.contains("not Unicode")));
        }
    }

    /// Any JSON, in place of the expected value.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i32>().prop_map(|number| Value::from(f64::from(number) / 4.0)), // serde_json may round other fractions
            ".{0,20}".prop_map(Value::from),
            "[0-9]{1,22}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            let names = prop_oneof!["[a-z]{1,5}", Just("id".to_owned()), Just("object".to_owned())];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(names, inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_event_is_kept_and_has_a_stream_state_only_with_an_id_and_a_time(
            name in prop_oneof![
                Just(STREAMING_STARTED), Just(STREAMING_STOPPED), Just(MEETING_STARTED), Just(MEETING_ENDED),
                Just(URL_VALIDATION), Just("other"),
            ],
            event_ts in value(), id in value(), other in value(), payload in value(), is_object in any::<bool>(),
        ) {
            let object = json!({ "object": { "id": id, "live_streaming": other } });
            let body = json!({ "event": name, "event_ts": event_ts, "payload": if is_object { object } else { payload } });
            let event = event(&body);
            prop_assert_eq!(event.name(), name);
            if let Some((meeting, _, told_at)) = event.stream_state() {
                prop_assert_eq!(MeetingId::deserialize(&body["payload"]["object"]["id"]).ok(), Some(meeting));
                prop_assert_eq!(body["event_ts"].as_u64().map(at), Some(told_at));
            }
            if let Event::Other(kept) = &event {
                prop_assert_eq!(&kept.payload, &body["payload"]);
            }
        }
    }
}

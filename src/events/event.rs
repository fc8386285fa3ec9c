use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Notification, StreamState, signature};
use crate::{MeetingId, Secret, Unlisted, WebinarId, answer::mismatch, envelope::as_unicode, sentence::normalized};

/// An event from Zoom, returned by [`Verifier::verify`](super::Verifier::verify).
///
/// Answer with 200 or 204 within 3 seconds, and [`UrlValidation`](Self::UrlValidation) with 200 and its
/// [answer](Challenge::answer). Otherwise Zoom sends the event again after 5 minutes, then 20, then 60.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// `endpoint.url_validation`: Zoom checks that the endpoint has the secret token, when it is set up and every 72
    /// hours.
    UrlValidation(Challenge),
    /// `meeting.live_streaming_started`
    MeetingLiveStreamingStarted(Box<Notification<MeetingId>>),
    /// `meeting.live_streaming_stopped`
    MeetingLiveStreamingStopped(Box<Notification<MeetingId>>),
    /// `meeting.started`
    MeetingStarted(Box<Notification<MeetingId>>),
    /// `meeting.ended`
    MeetingEnded(Box<Notification<MeetingId>>),
    /// `webinar.started`
    WebinarStarted(Box<Notification<WebinarId>>),
    /// `webinar.ended`
    WebinarEnded(Box<Notification<WebinarId>>),
    /// Any other event, or one of these that does not match its type.
    Other(Box<Other>),
}

/// Zoom's check that the endpoint has the secret token. [`Event::UrlValidation`] holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Challenge(Unlisted);

impl Challenge {
    /// The JSON body to answer with; the status is 200.
    pub fn answer(&self) -> Value {
        (*self.0).clone()
    }
}

/// An event without a type of its own. [`Event::Other`] holds it.
///
/// Its `Debug` does not print the payload, where any value could be a secret.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Other {
    /// The event's name, such as `webinar.created`.
    pub event: String,
    /// When it happened, in milliseconds since the Unix epoch, if `event_ts` is an integer next to `event`. (In
    /// `app_deauthorized` it is in the payload, as text without a time zone.) If the event has a type that it does not
    /// match, the request's time stands in for it, as in [`Notification::event_ts`].
    pub event_ts: Option<i64>,
    /// The event's `payload`, or `null`. What is not Unicode in it is U+FFFD.
    pub payload: Unlisted,
    /// How the event differs from its type, if its name has one, or that it is not all Unicode.
    pub flaw: Option<String>,
}

impl Event {
    /// The event's name, such as `meeting.live_streaming_started`.
    pub fn name(&self) -> &str {
        match self {
            Self::UrlValidation(_) => "endpoint.url_validation",
            Self::MeetingLiveStreamingStarted(event)
            | Self::MeetingLiveStreamingStopped(event)
            | Self::MeetingStarted(event)
            | Self::MeetingEnded(event) => &event.event,
            Self::WebinarStarted(event) | Self::WebinarEnded(event) => &event.event,
            Self::Other(other) => &other.event,
        }
    }

    /// What the event says about a meeting's custom stream: the meeting, the state, and the time of the event.
    ///
    /// It is all that [`LiveStreams::record`](super::LiveStreams::record) takes from an event, and all that a store
    /// shared by several machines needs. Only `meeting.live_streaming_started` says that a stream is running, and not if
    /// it names another service, such as YouTube. A meeting that has just started is not streamed yet. The time is that of
    /// `event_ts` or, without one, of the request.
    pub fn stream_state(&self) -> Option<(MeetingId, StreamState, SystemTime)> {
        let (meeting, service, event_ts) = match self {
            Self::MeetingLiveStreamingStarted(event)
            | Self::MeetingLiveStreamingStopped(event)
            | Self::MeetingStarted(event)
            | Self::MeetingEnded(event) => {
                let object = &event.payload.object;
                let service = object.live_streaming.as_ref().and_then(|stream| stream.service.as_deref());
                (object.id, service, event.event_ts)
            }
            Self::Other(other) => {
                let object = &other.payload["object"];
                let service = object["live_streaming"]["service"].as_str();
                (MeetingId::deserialize(&object["id"]).ok()?, service, other.event_ts)
            }
            Self::UrlValidation(_) | Self::WebinarStarted(_) | Self::WebinarEnded(_) => return None,
        };
        let is_custom = service.is_none_or(|service| normalized(service) == "customlivestreamingservice");
        let state = match self.name().strip_prefix("meeting.")? {
            "live_streaming_started" if is_custom => StreamState::Running,
            "live_streaming_started" | "live_streaming_stopped" | "started" | "ended" => StreamState::Stopped,
            _ => return None,
        };
        Some((meeting, state, SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(event_ts?.try_into().ok()?))?))
    }
}

/// Reads a body that was signed with `secret`. The request was sent at that time since the Unix epoch.
pub(super) fn read(body: &[u8], secret: &Secret, sent: Duration) -> Result<Event, String> {
    let (text, sent) = (as_unicode(body), sent.as_millis().try_into().ok());
    let event: Value = serde_json::from_str(&text).map_err(|error| format!("it is not JSON ({error})"))?;
    let typed = match event["event"].as_str().ok_or("it has no string `event`")? {
        // Zoom would only send it again, so that a topic cut inside an emoji could hide that a stream is running.
        _ if matches!(text, Cow::Owned(_)) => Err("some of its text is not Unicode".to_owned()),
        "endpoint.url_validation" => challenge(&event, secret).map(Event::UrlValidation),
        "meeting.live_streaming_started" => typed(&event, sent).map(Event::MeetingLiveStreamingStarted),
        "meeting.live_streaming_stopped" => typed(&event, sent).map(Event::MeetingLiveStreamingStopped),
        "meeting.started" => typed(&event, sent).map(Event::MeetingStarted),
        "meeting.ended" => typed(&event, sent).map(Event::MeetingEnded),
        "webinar.started" => typed(&event, sent).map(Event::WebinarStarted),
        "webinar.ended" => typed(&event, sent).map(Event::WebinarEnded),
        _ => return Ok(other(event, None, None)),
    };
    Ok(typed.unwrap_or_else(|flaw| other(event, sent, Some(flaw))))
}

fn challenge(event: &Value, secret: &Secret) -> Result<Challenge, String> {
    let plain = event["payload"]["plainToken"].as_str().ok_or("its payload has no string `plainToken`")?;
    let answer = json!({ "plainToken": plain, "encryptedToken": signature(secret, &[plain.as_bytes()]) });
    Ok(Challenge(answer.into()))
}

fn typed<Id: DeserializeOwned>(event: &Value, sent: Option<i64>) -> Result<Box<Notification<Id>>, String> {
    let event: Notification<Id> = serde_path_to_error::deserialize(event).map_err(mismatch)?;
    Ok(Box::new(Notification { event_ts: event.event_ts.or(sent), ..event }))
}

fn other(mut given: Value, sent: Option<i64>, flaw: Option<String>) -> Event {
    let (payload, event_ts) = (given["payload"].take().into(), given["event_ts"].as_i64().or(sent));
    let event = given["event"].as_str().unwrap_or_default().to_owned();
    Event::Other(Box::new(Other { event, event_ts, payload, flaw }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SENT: u64 = 1_700_000_001_000;

    fn event(event: &Value) -> Event {
        read(event.to_string().as_bytes(), &"secret token".into(), Duration::from_millis(SENT)).expect("an event")
    }

    fn started(object: Value) -> Value {
        json!({ "event": "meeting.live_streaming_started", "event_ts": 1_700_000_000_123_i64, "payload": { "object": object } })
    }

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    fn id(text: &str) -> MeetingId {
        text.parse().expect("an ID")
    }

    #[test]
    fn the_challenge_is_answered_with_its_token_and_the_tokens_hmac() {
        let challenge = json!({ "event": "endpoint.url_validation", "event_ts": 1, "payload": { "plainToken": "qgg8vlvZRS6UYooatFL8Aw" } });
        let Event::UrlValidation(challenge) = event(&challenge) else { panic!("{challenge}") };
        // Computed by `printf qgg8vlvZRS6UYooatFL8Aw | openssl dgst -sha256 -hmac 'secret token'`.
        let encrypted = "4010a309f8ec0e4dc7506ef21e98975c6302caa558db61e48081282f677a68df";
        let answer = json!({ "plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": encrypted });
        assert_eq!(challenge.answer(), answer);
    }

    #[test]
    fn each_event_has_its_type_and_stream_state() {
        for (name, state) in [
            ("meeting.live_streaming_started", Some(StreamState::Running)),
            ("meeting.live_streaming_stopped", Some(StreamState::Stopped)),
            ("meeting.started", Some(StreamState::Stopped)),
            ("meeting.ended", Some(StreamState::Stopped)),
            ("webinar.started", None),
            ("webinar.ended", None),
            ("webinar.created", None),
            ("endpoint.url_validation", None),
        ] {
            let body = json!({ "event": name, "event_ts": 7, "payload": { "plainToken": "a", "object": { "id": 84912345678_u64 } } });
            let event = event(&body);
            assert_eq!(event.name(), name);
            assert_eq!(matches!(event, Event::Other(_)), name == "webinar.created", "{event:?}");
            assert_eq!(event.stream_state(), state.map(|state| (id("84912345678"), state, at(7))), "{name}");
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
    fn an_event_that_does_not_match_is_kept_with_a_reason_that_quotes_no_value() {
        for (body, reason) in [
            (started(json!({})), "payload.object: `id` is missing"),
            (started(json!({ "id": -1 })), "payload.object.id: not what the description says"),
            (started(json!({ "id": "hidden" })), "payload.object.id"),
            (started(json!({ "id": "x, expected hidden" })), "payload.object.id"),
            (started(json!("hidden")), "payload.object"),
            (
                json!({ "event": "meeting.live_streaming_started", "event_ts": "hidden" }),
                "event_ts: expected an integer",
            ),
            (json!({ "event": "meeting.ended" }), "`payload` is missing"),
            (json!({ "event": "endpoint.url_validation", "payload": "hidden" }), "plainToken"),
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
            assert!(matches!(&event, Event::MeetingLiveStreamingStarted(event) if event.event_ts == Some(event_ts)));
            assert_eq!(event.stream_state(), None);
        }
    }

    #[test]
    fn without_a_readable_event_ts_the_requests_time_counts() {
        for event_ts in [Value::Null, "1700000000123".into(), 1.5.into(), u64::MAX.into()] {
            let mut body = started(json!({ "id": 84912345678_u64 }));
            body["event_ts"] = event_ts;
            let state = (id("84912345678"), StreamState::Running, at(SENT));
            assert_eq!(event(&body).stream_state(), Some(state), "{body}");
        }
        let body = started(json!({ "id": 1, "topic": 7 })).to_string().replace("event_ts", "ts");
        let far = read(body.as_bytes(), &"secret token".into(), Duration::MAX).expect("an event");
        assert_eq!(far.stream_state(), None);
    }

    #[test]
    fn a_stream_to_another_service_is_not_the_custom_stream() {
        for (service, state) in [
            (json!("Custom_Live_Streaming_Service"), StreamState::Running),
            (json!("custom_live_streaming_service"), StreamState::Running),
            (json!(7), StreamState::Running),
            (Value::Null, StreamState::Running),
            (json!("YouTube"), StreamState::Stopped),
            (json!("Tomorrow's"), StreamState::Stopped),
        ] {
            for topic in [json!("T"), json!(7)] {
                let object = json!({ "id": 1, "topic": topic, "live_streaming": { "service": service } });
                let told = event(&started(object)).stream_state().map(|(_, state, _)| state);
                assert_eq!(told, Some(state), "{service}");
            }
        }
    }

    #[test]
    fn a_field_of_the_wrong_type_does_not_hide_that_a_stream_is_running() {
        let event = event(&started(json!({ "id": "84912345678", "topic": 7 })));
        assert!(matches!(event, Event::Other(_)));
        assert_eq!(event.stream_state(), Some((id("84912345678"), StreamState::Running, at(1_700_000_000_123))));
    }

    #[test]
    fn text_that_is_not_unicode_does_not_hide_that_a_stream_is_running() {
        for topic in [&br"Keynote \ud83d"[..], b"Keynote \xf0\x9f", b"K\xf6ln"] {
            let body = started(json!({ "topic": "?", "id": 84912345678_u64 })).to_string();
            let (start, end) = body.split_once('?').expect("a topic");
            let body = [start.as_bytes(), topic, end.as_bytes()].concat();
            let event = read(&body, &"secret token".into(), Duration::from_millis(SENT)).expect("an event");
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
                prop::collection::btree_map(names, inner, 0..4).prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_event_is_kept_and_has_a_stream_state_only_with_an_id(
            name in prop_oneof![
                Just("meeting.live_streaming_started"), Just("meeting.live_streaming_stopped"), Just("meeting.started"), Just("meeting.ended"),
                Just("endpoint.url_validation"), Just("other"),
            ],
            event_ts in value(), id in value(), other in value(), payload in value(), is_object in any::<bool>(),
        ) {
            let object = json!({ "object": { "id": id, "live_streaming": other } });
            let body = json!({ "event": name, "event_ts": event_ts, "payload": if is_object { object } else { payload } });
            let event = event(&body);
            prop_assert_eq!(event.name(), name);
            if let Some((meeting, _, told_at)) = event.stream_state() {
                prop_assert_eq!(MeetingId::deserialize(&body["payload"]["object"]["id"]).ok(), Some(meeting));
                prop_assert_eq!(at(body["event_ts"].as_i64().map_or(SENT, |event_ts| event_ts as u64)), told_at);
            }
            if let Event::Other(kept) = &event {
                prop_assert_eq!(&kept.payload, &body["payload"]);
            }
        }
    }
}

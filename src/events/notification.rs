use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Secret, Unlisted};

/// An event about a meeting ([`MeetingId`](crate::MeetingId)) or a webinar ([`WebinarId`](crate::WebinarId)), as Zoom sent
/// it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notification<Id> {
    /// The event's name.
    pub event: String,
    /// When the event occurred, in milliseconds since the Unix epoch. Zoom has been seen to leave it out; then
    /// [`Verifier`](super::Verifier) puts the time of the request here, from the header `x-zm-request-timestamp`.
    pub event_ts: Option<i64>,
    /// The details of the event.
    pub payload: Payload<Id>,
    /// Other fields, as Zoom sent them.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Unlisted>,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Payload<Id> {
    /// The ID of the host's account.
    pub account_id: Option<String>,
    /// The meeting or webinar.
    pub object: Object<Id>,
    /// Other fields, as Zoom sent them, such as the `operator`, who caused the event.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Unlisted>,
}

/// The meeting or webinar that an event is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Object<Id> {
    /// Its ID. Zoom sends it as a number or as text.
    pub id: Id,
    /// The UUID of this instance of the meeting or webinar.
    pub uuid: Option<String>,
    /// The topic.
    pub topic: Option<String>,
    /// Whether a webinar is in its practice session, in which its stream cannot be started.
    pub practice_session: Option<bool>,
    /// The live stream, in `meeting.live_streaming_started` and `meeting.live_streaming_stopped`.
    pub live_streaming: Option<LiveStreaming>,
    /// Other fields, as Zoom sent them, such as `host_id`, `type`, `start_time`, `end_time`, `timezone` and `duration`.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Unlisted>,
}

/// The live stream that started or stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LiveStreaming {
    /// Where the meeting is streamed to: `Custom_Live_Streaming_Service`, `Facebook`, `Workplace_by_Facebook`, `YouTube`
    /// or `Twitch`.
    pub service: Option<String>,
    /// The custom platform, if the meeting is streamed to one.
    pub custom_live_streaming_settings: Option<CustomLiveStreamingSettings>,
    /// Other fields, as Zoom sent them, such as `date_time`.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Unlisted>,
}

/// A custom platform, as it was configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CustomLiveStreamingSettings {
    /// The URL to which the stream is sent.
    pub stream_url: Option<Secret>,
    /// The platform's name or key for the stream.
    pub stream_key: Option<Secret>,
    /// The page on which viewers watch the stream.
    pub page_url: Option<String>,
    /// The resolution of the stream: `720p` or `1080p`.
    pub resolution: Option<String>,
    /// Other fields, as Zoom sent them.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Unlisted>,
}

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Secret, Unlisted};

/// An event about a meeting ([`MeetingId`](crate::MeetingId)) or a webinar ([`WebinarId`](crate::WebinarId)), as Zoom sent
/// it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Notification<Id> {
    /// The event's name.
    pub event: String,
    /// When the event occurred, in milliseconds since the Unix epoch. Zoom has been seen to leave it out; then
    /// [`Verifier`](super::Verifier) puts the time of the request here, from the header `x-zm-request-timestamp`.
    pub event_ts: Option<i64>,
    /// The details of the event.
    pub payload: Payload<Id>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Unlisted>,
}

/// Who caused an event, and what it is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Payload<Id> {
    /// The ID of the host's account.
    pub account_id: Option<String>,
    /// The email address of the user who caused the event.
    pub operator: Option<String>,
    /// The ID of the user who caused the event.
    pub operator_id: Option<String>,
    /// The meeting or webinar.
    pub object: Object<Id>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Unlisted>,
}

/// The meeting or webinar that an event is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Object<Id> {
    /// Its ID. Zoom sends it as a number or as text.
    pub id: Id,
    /// The UUID of this instance of the meeting or webinar.
    pub uuid: Option<String>,
    /// The host's user ID.
    pub host_id: Option<String>,
    /// The topic.
    pub topic: Option<String>,
    /// The type of meeting or webinar, as a number defined by Zoom.
    #[serde(rename = "type")]
    pub type_: Option<i64>,
    /// When it started or is scheduled to start.
    pub start_time: Option<String>,
    /// When it ended, if it has.
    pub end_time: Option<String>,
    /// The time zone.
    pub timezone: Option<String>,
    /// The scheduled duration, in minutes.
    pub duration: Option<i64>,
    /// Whether a webinar is in its practice session, in which its stream cannot be started.
    pub practice_session: Option<bool>,
    /// The live stream, in `meeting.live_streaming_started` and `meeting.live_streaming_stopped`.
    pub live_streaming: Option<LiveStreaming>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Unlisted>,
}

/// The live stream that started or stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LiveStreaming {
    /// Where the meeting is streamed to: `Custom_Live_Streaming_Service`, `Facebook`, `Workplace_by_Facebook`, `YouTube`
    /// or `Twitch`.
    pub service: Option<String>,
    /// The custom platform, if the meeting is streamed to one.
    pub custom_live_streaming_settings: Option<CustomLiveStreamingSettings>,
    /// When the stream started or stopped.
    pub date_time: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Unlisted>,
}

/// A custom platform, as it was configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
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
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Unlisted>,
}

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Unlisted;
use crate::get_meeting_live_stream_details::Response;

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

/// Who caused an event, and what it is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Payload<Id> {
    /// The ID of the host's account.
    pub account_id: Option<String>,
    /// The email address of the user who caused the event.
    pub operator: Option<String>,
    /// The meeting or webinar.
    pub object: Object<Id>,
    /// Other fields, as Zoom sent them, such as `operator_id`.
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
    /// The host's user ID.
    pub host_id: Option<String>,
    /// The topic.
    pub topic: Option<String>,
    /// Whether a webinar is in its practice session, in which its stream cannot be started.
    pub practice_session: Option<bool>,
    /// The live stream, in `meeting.live_streaming_started` and `meeting.live_streaming_stopped`.
    pub live_streaming: Option<LiveStreaming>,
    /// Other fields, as Zoom sent them, such as `type`, `start_time`, `end_time`, `timezone` and `duration`.
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
    /// The custom platform, if the meeting is streamed to one, as
    /// [`get_meeting_live_stream_details`](crate::Client::get_meeting_live_stream_details) returns it.
    pub custom_live_streaming_settings: Option<Response>,
    /// Other fields, as Zoom sent them, such as `date_time`.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Unlisted>,
}

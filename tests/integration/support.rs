//! What the topics share.

use serde_json::Value;
use zoom_livestream::mock::MockServer;
use zoom_livestream::update_meeting_live_stream_status as meeting;
use zoom_livestream::update_webinar_live_stream_status as webinar;
use zoom_livestream::{Client, ClientBuilder, Error};

pub const MEETING: u64 = 84_912_345_678;
pub const STREAM_URL: &str = "rtmp://user:hidden-password@live.example.com/app";
pub const STREAM_KEY: &str = "hidden-key?user=ada&pass=hidden-too";
pub const PAGE_URL: &str = "https://live.example.com/watch";

/// The committed description.
pub fn document() -> Value {
    serde_json::from_str(include_str!("../../spec/openapi.json")).expect("spec/openapi.json is JSON")
}

/// Each operation of the description.
pub fn operations() -> Vec<Value> {
    let document = document();
    let items = document["paths"].as_object().expect("paths").values();
    items.flat_map(|item| item.as_object().expect("path item").values()).cloned().collect()
}

pub fn builder(server: &MockServer) -> ClientBuilder {
    Client::builder().base_url(server.base_url()).access_token(server.access_token())
}

pub fn client(server: &MockServer) -> Client {
    builder(server).build().expect("a client of the embedded Zoom")
}

/// Calls an operation by its id, with a body that it accepts.
pub async fn call(zoom: &Client, operation_id: &str) -> Result<(), Error> {
    match operation_id {
        "updateMeetingLiveStream" => configure(zoom).await,
        "updateMeetingLiveStreamStatus" => start(zoom, MEETING).await,
        "updateWebinarLiveStreamStatus" => {
            let body = |body: zoom_livestream::types::builder::UpdateWebinarLiveStreamStatusBody| {
                body.action(webinar::Action::Start)
            };
            zoom.update_webinar_live_stream_status().webinar_id(MEETING).body_map(body).await
        }
        other => panic!("the description has an operation that no test calls: {other}"),
    }
}

pub async fn configure(zoom: &Client) -> Result<(), Error> {
    zoom.update_meeting_live_stream()
        .meeting_id(MEETING)
        .body_map(|body| body.stream_url(STREAM_URL).stream_key(STREAM_KEY).page_url(PAGE_URL))
        .await
}

pub async fn start(zoom: &Client, meeting: u64) -> Result<(), Error> {
    let settings = meeting::Settings::builder().active_speaker_name(true).display_name("Keynote");
    zoom.update_meeting_live_stream_status()
        .meeting_id(meeting)
        .body_map(|body| body.action(meeting::Action::Start).settings(settings))
        .await
}

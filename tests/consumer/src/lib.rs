//! A service that uses the SDK: an event goes live, or its crew reads why it did not.

use zoom_livestream::update_meeting_live_stream_status::{Action, Settings};
use zoom_livestream::update_webinar_live_stream_status as webinar;
use zoom_livestream::{Client, Error, ErrorCode, MeetingId, WebinarId};

pub struct Destination {
    pub stream_url: String,
    pub stream_key: String,
    pub page_url: String,
}

pub async fn go_live(zoom: &Client, meeting: MeetingId, to: &Destination, title: &str) -> Result<(), Error> {
    zoom.update_meeting_live_stream()
        .meeting_id(meeting)
        .stream_url(&to.stream_url)
        .stream_key(&to.stream_key)
        .page_url(&to.page_url)
        .await?;
    zoom.update_meeting_live_stream_status()
        .meeting_id(meeting)
        .action(Action::Start)
        .settings(Settings::builder().display_name(title))
        .await
}

pub async fn end_webinar(zoom: &Client, id: WebinarId) -> Result<(), Error> {
    zoom.update_webinar_live_stream_status().webinar_id(id).action(webinar::Action::Stop).await
}

/// What the crew reads when an event does not start.
pub fn for_the_crew(error: &Error) -> String {
    match error.code() {
        Some(ErrorCode::USER_NOT_FOUND) => "The host has no Zoom account any more.".to_owned(),
        Some(code) => format!("Zoom refused with code {code}: {}", error.message().unwrap_or("no words")),
        None if error.is_rate_limited() => "Zoom wants us to wait.".to_owned(),
        None => error.to_string(),
    }
}

//! `.send()`: the answer's status and headers next to its value.

use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::update_meeting_live_stream_status::Action;

use crate::support::{MEETING, client};

#[tokio::test]
async fn send_returns_the_status_and_tracking_id_of_a_success() {
    let server = MockServer::start().await.expect("the mock");
    let zoom = client(&server);
    server.answer(Answer::status(200).header("x-zm-trackingid", "WEB_1"));
    let sent = zoom.update_meeting_live_stream_status().meeting_id(MEETING).action(Action::Stop).send().await;
    let sent = sent.expect("a success");
    assert_eq!((sent.status().map(|status| status.as_u16()), sent.tracking_id()), (Some(200), Some("WEB_1")));
    let details = zoom.get_meeting_live_stream_details().meeting_id(MEETING).send().await.expect("details");
    assert!(details.stream_url.is_some() && details.into_inner().page_url.is_some());
}

#[tokio::test]
async fn send_names_the_operation_it_refused() {
    let server = MockServer::start().await.expect("the mock");
    let zoom = client(&server);
    let said = zoom.get_meeting_live_stream_details().send().await.expect_err("no ID").to_string();
    assert_eq!(
        said,
        "getMeetingLiveStreamDetails was refused before sending: `meeting_id` is required and was not set"
    );
}

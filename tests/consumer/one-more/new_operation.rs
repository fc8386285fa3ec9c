//! Compiles only where `update-meeting-status.json` was added to the description.

use zoom_livestream::Client;
use zoom_livestream::mock::MockServer;

#[tokio::test]
async fn an_operation_that_was_added_can_be_called() {
    let server = MockServer::start().await.expect("the embedded Zoom");
    let client = Client::builder().base_url(server.base_url()).access_token(server.access_token());
    let zoom = client.build().expect("a client");
    zoom.update_meeting_status()
        .meeting_id(84912345678)
        .action("end")
        .await
        .expect("204");
    let request = server.requests().remove(0);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/v2/meetings/84912345678/status"));
    assert_eq!(&request.body[..], br#"{"action":"end"}"#);
}

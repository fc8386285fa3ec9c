//! Compiles only where the four items next to this file were added to the description: one of each kind of request.

use zoom_livestream::mock::{MockServer, Received};
use zoom_livestream::{Client, FilePart};

async fn zoom() -> (MockServer, Client) {
    let server = MockServer::start().await.expect("the mock server");
    let client = Client::builder().base_url(server.base_url()).access_token(server.access_token());
    (server, client.build().expect("a client"))
}

/// The only request that the server received, after checking that it was answered with this status.
fn only(server: &MockServer, status: u16) -> Received {
    let mut requests = server.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(requests[0].status, Some(status), "{requests:?}");
    requests.remove(0)
}

#[tokio::test]
async fn a_get_sends_its_query_and_returns_its_answer() {
    let (server, zoom) = zoom().await;
    let listed = zoom.list_users().status("inactive").page_size(10).await.expect("200");
    assert_eq!(listed.users[0].email.as_deref(), Some("ada@example.com"));
    let request = only(&server, 200);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/v2/users"));
    let query = request.query.expect("a query");
    let mut query: Vec<&str> = query.split('&').collect();
    query.sort_unstable();
    assert_eq!(query, ["page_size=10", "status=inactive"]);
}

#[tokio::test]
async fn a_post_sends_its_json_and_returns_its_answer() {
    let (server, zoom) = zoom().await;
    let created = zoom.create_user_meeting().user_id("me").topic("Keynote").duration(60).await.expect("201");
    assert_eq!(created.id, Some(91234567890));
    let request = only(&server, 201);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v2/users/me/meetings"));
    assert_eq!(request.content_type.as_deref(), Some("application/json"));
    assert_eq!(&request.body[..], br#"{"duration":60,"topic":"Keynote"}"#);
}

#[tokio::test]
async fn a_delete_sends_only_its_path() {
    let (server, zoom) = zoom().await;
    zoom.delete_meeting().meeting_id(84912345678).await.expect("204");
    let request = only(&server, 204);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("DELETE", "/v2/meetings/84912345678"));
    assert!(request.body.is_empty(), "{request:?}");
}

#[tokio::test]
async fn a_form_sends_its_file_byte_for_byte() {
    let (server, zoom) = zoom().await;
    let picture: Vec<u8> = (0..=255).collect();
    let file = FilePart::new("me.png", "image/png", picture.clone());
    zoom.upload_user_picture().user_id("me").pic_file(file).caption("Me").await.expect("204");
    let request = only(&server, 204);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v2/users/me/picture"));
    assert_eq!(request.field("caption"), Some("Me"));
    let head = b"name=\"pic_file\"; filename=\"me.png\"\r\nContent-Type: image/png\r\n\r\n";
    let sent = [&head[..], &picture, b"\r\n--"].concat();
    assert!(request.body.windows(sent.len()).any(|bytes| bytes == sent), "{request:?}");
}

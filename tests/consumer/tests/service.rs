use consumer::{Destination, end_webinar, for_the_crew, go_live};
use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::{Client, ErrorCode, MeetingId, RetryPolicy, WebinarId};

fn destination() -> Destination {
    Destination {
        stream_url: "rtmp://live.example.com/app".to_owned(),
        stream_key: "key".to_owned(),
        page_url: "https://live.example.com/watch".to_owned(),
    }
}

async fn zoom() -> (MockServer, Client) {
    let server = MockServer::start().await.expect("the mock server");
    let client = Client::builder().base_url(server.base_url()).access_token(server.access_token());
    let client = client.retry(RetryPolicy::never()).build().expect("a client");
    (server, client)
}

#[tokio::test]
async fn an_event_goes_live() {
    let (server, zoom) = zoom().await;
    let meeting: MeetingId = "849 1234 5678".parse().expect("an id");
    go_live(&zoom, meeting, &destination(), "Keynote").await.expect("live");
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].field("action"), Some("start"));
    assert_eq!(requests[1].field("settings"), Some(r#"{"display_name":"Keynote"}"#));
    end_webinar(&zoom, WebinarId::try_from(91234567890).expect("an id")).await.expect("ended");
}

#[tokio::test]
async fn the_crew_reads_why_an_event_did_not_go_live() {
    let (server, zoom) = zoom().await;
    server.answer(Answer::error(404, 1001, "User 7 does not exist."));
    let meeting = MeetingId::try_from(84912345678).expect("an id");
    let error = go_live(&zoom, meeting, &destination(), "Keynote").await.expect_err("no such user");
    assert_eq!(error.code(), Some(ErrorCode::USER_NOT_FOUND));
    assert_eq!(for_the_crew(&error), "The host has no Zoom account any more.");
}

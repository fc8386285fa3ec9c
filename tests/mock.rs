//! The mock server, tested with a plain HTTP client and handwritten bodies.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use zoom_livestream::mock::{Answer, BodySupport, MockServer};

const CONFIGURE: &str = "/meetings/84912345678/livestream";
const STATUS: &str = "/meetings/84912345678/livestream/status";
const OTHER_STATUS: &str = "/meetings/84912345679/livestream/status";
const WEBINAR_STATUS: &str = "/webinars/84912345678/livestream/status";
const START: &str = r#"{"action":"start"}"#;
const STOP: &str = r#"{"action":"stop"}"#;

fn http() -> reqwest::Client {
    // Without idle connections, reqwest has no timers, to which a paused clock would jump.
    reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client")
}

fn http2() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client")
}

async fn get(server: &MockServer, path: &str) -> Value {
    json_of(send(server, "GET", path, "text/plain", "").await).await
}

/// The status, the code and the message of an answer.
async fn refusal(response: Response) -> (u16, i64, String) {
    let status = response.status().as_u16();
    let body = json_of(response).await;
    (status, body["code"].as_i64().expect("a code"), body["message"].as_str().expect("a message").to_owned())
}

fn refused(status: u16, code: i64, message: &str) -> (u16, i64, String) {
    (status, code, message.to_owned())
}

/// A request that is valid except for what the test changes.
async fn send(
    server: &MockServer,
    method: &str,
    path: &str,
    media_type: &str,
    body: impl Into<reqwest::Body>,
) -> Response {
    let method: Method = method.parse().expect("a method");
    http()
        .request(method, format!("{}{path}", server.base_url()))
        .bearer_auth(server.access_token())
        .header("content-type", media_type)
        .body(body)
        .send()
        .await
        .expect("an answer")
}

async fn patch(server: &MockServer, path: &str, body: impl Into<reqwest::Body>) -> Response {
    send(server, "PATCH", path, "application/json", body).await
}

async fn with_token(server: &MockServer, token: &str) -> Response {
    let url = format!("{}{STATUS}", server.base_url());
    let request = http().patch(url).header("content-type", "application/json").body(STOP);
    request.bearer_auth(token).send().await.expect("an answer")
}

async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.expect("a body")).expect("JSON")
}

/// The fields of the `errors` in an answer.
async fn fields_refused(response: Response) -> Vec<String> {
    assert_eq!(response.status(), 400);
    let body = json_of(response).await;
    assert_eq!(body["code"], 300);
    assert_eq!(body["message"], "Validation Failed.");
    let errors = body["errors"].as_array().expect("errors").iter();
    errors.map(|error| error["field"].as_str().expect("a field").to_owned()).collect()
}

fn multipart(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    fields.iter().map(part).collect::<String>() + "--b--\r\n"
}

async fn token(server: &MockServer, secret: &str, body: &'static str) -> Response {
    http()
        .post(server.token_url())
        .basic_auth("mock-client", Some(secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .expect("an answer")
}

const GRANT: &str = "grant_type=account_credentials&account_id=mock-account";

async fn fetched(server: &MockServer) -> String {
    let answer = json_of(token(server, "mock-secret", GRANT).await).await;
    answer["access_token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn an_accepted_call_gets_the_documented_2xx_and_is_recorded_in_full() {
    let server = MockServer::start().await.unwrap();
    let fields = [("stream_url", "aute "), ("stream_key", "a?user=ü&pass=\r\n"), ("page_url", "https://e.com/")];
    let body = multipart(&fields);
    let path = format!("{CONFIGURE}?a=b");
    let answer = send(&server, "PATCH", &path, "multipart/form-data; boundary=b", body.clone()).await;
    assert_eq!(answer.status(), 204);
    let id = answer.headers()["x-zm-trackingid"].to_str().unwrap().to_owned();
    let digits = id.strip_prefix("v=2.0;clid=us02;rid=WEB_").expect("Zoom's form");
    assert!(digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{id}");
    assert!(answer.bytes().await.unwrap().is_empty());

    let requests = server.requests();
    let [received] = &requests[..] else { panic!("{} requests, not one", requests.len()) };
    assert_eq!(received.method, "PATCH");
    assert_eq!(received.path, format!("/v2{CONFIGURE}"));
    assert_eq!(received.query.as_deref(), Some("a=b"));
    assert_eq!(received.content_type.as_deref(), Some("multipart/form-data; boundary=b"));
    assert_eq!(received.header("Authorization"), Some("Bearer mock-access-token"));
    assert_eq!(received.body, body);
    assert_eq!(received.fields, fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(received.operation_id.as_deref(), Some("updateMeetingLiveStream"));
    assert_eq!(received.status, Some(204));
    server.clear();
    assert_eq!(server.request_count(), 0);
}

#[tokio::test]
async fn json_and_multipart_are_recorded_as_the_same_fields() {
    let server = MockServer::start().await.unwrap();
    let settings = r#"{"active_speaker_name":true,"display_name":"é"}"#;
    let form = multipart(&[("action", "stop"), ("settings", settings)]);
    let answer = send(&server, "PATCH", STATUS, "Multipart/Form-Data; boundary=\"b\"", form).await;
    assert_eq!(answer.status(), 204);
    let answer = patch(&server, STATUS, format!(r#"{{"action": "stop", "settings": {settings}}}"#)).await;
    assert_eq!(answer.status(), 204);
    let requests = server.requests();
    assert_eq!(requests[0].fields, requests[1].fields);
    assert_eq!(requests[0].field("settings"), Some(settings));
}

#[tokio::test]
async fn an_unknown_path_or_method_gets_404() {
    let server = MockServer::start().await.unwrap();
    let unknown = refused(404, 2300, "This API endpoint is not recognized.");
    for path in ["/meetings/84912345678", "/meetings/84912345678/livestream/", "/users/me", ""] {
        assert_eq!(refusal(patch(&server, path, START).await).await, unknown, "{path}");
    }
    let answer = send(&server, "DELETE", CONFIGURE, "application/json", START).await;
    assert_eq!(refusal(answer).await, unknown);
    let without_base = server.base_url().replace("/v2", "") + CONFIGURE;
    let answer = http().get(without_base).bearer_auth(server.access_token()).send().await.unwrap();
    assert_eq!(refusal(answer).await, unknown);
    assert_eq!(server.requests()[0].operation_id, None);
}

#[tokio::test]
async fn a_missing_or_wrong_bearer_token_gets_401_with_code_124() {
    let server = MockServer::builder().access_token("right").start().await.unwrap();
    for header in [None, Some("Bearer wrong"), Some("Bearer"), Some("Basic right"), Some("right")] {
        let mut request = http().patch(format!("{}{STATUS}", server.base_url()));
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401, "{header:?}");
        assert_eq!(json_of(answer).await, json!({"code": 124, "message": "Invalid access token."}));
    }
    assert_eq!(patch(&server, STATUS, STOP).await.status(), 204);
}

#[tokio::test]
async fn an_id_in_the_path_that_is_not_a_positive_64_bit_integer_gets_400_with_code_300() {
    let server = MockServer::start().await.unwrap();
    for id in ["abc", "0", "-1", "+1", "01", "1.0", "9223372036854775808", "849%201234", ""] {
        let answer = patch(&server, &format!("/meetings/{id}/livestream/status"), STOP).await;
        assert_eq!(answer.status(), 400, "{id}");
        assert_eq!(json_of(answer).await["code"], 300, "{id}");
    }
    let answer = patch(&server, "/meetings/9223372036854775807/livestream/status", STOP).await;
    assert_eq!(answer.status(), 204);
}

#[tokio::test]
async fn any_other_body_than_json_and_multipart_gets_415_with_code_300() {
    let server = MockServer::start().await.unwrap();
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""] {
        let answer = send(&server, "PATCH", STATUS, media_type, "action=start").await;
        assert_eq!(refusal(answer).await, refused(415, 300, "Unsupported Content Type"), "{media_type}");
    }
    let request = http().patch(format!("{}{STATUS}", server.base_url())).bearer_auth(server.access_token());
    assert_eq!(request.send().await.unwrap().status(), 415, "no body and no media type");
}

#[tokio::test]
async fn multipart_and_json_are_accepted_refused_or_ignored() {
    use BodySupport::{Accepted, Ignored, Refused};
    const FORM: &str = "multipart/form-data; boundary=b";
    let fields = [("stream_url", "rtmp://h/"), ("stream_key", "mine"), ("page_url", "https://h/")];
    let form = multipart(&fields);
    let json = Value::from_iter(fields).to_string();
    for (multipart, json_support) in
        [(Accepted, Refused), (Refused, Accepted), (Accepted, Ignored), (Ignored, Accepted), (Refused, Refused)]
    {
        for (support, media_type, body) in
            [(multipart, FORM, &form), (json_support, "application/json; charset=utf-8", &json)]
        {
            let server = MockServer::builder().multipart(multipart).json(json_support).start().await.unwrap();
            let before = get(&server, CONFIGURE).await;
            let answer = send(&server, "PATCH", CONFIGURE, media_type, body.clone()).await;
            match support {
                Refused => assert_eq!(refusal(answer).await, refused(415, 300, "Unsupported Content Type")),
                _ => assert_eq!(answer.status(), 204),
            }
            let after = get(&server, CONFIGURE).await;
            match support {
                Accepted => assert_eq!(after["stream_key"], "mine"),
                _ => assert_eq!(after, before),
            }
        }
    }
    let server = MockServer::builder().json(Ignored).start().await.unwrap();
    for body in [START, START, "{}", "not JSON"] {
        assert_eq!(patch(&server, STATUS, body).await.status(), 204, "{body}");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_gets_400() {
    let server = MockServer::start().await.unwrap();
    let form = "multipart/form-data; boundary=b";
    let cut_off = "--b\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nstart";
    let nameless = "--b\r\nContent-Disposition: form-data\r\n\r\nstart\r\n--b--\r\n";
    let bodies = [
        (form, cut_off),
        (form, nameless),
        (form, ""),
        (form, START),
        ("multipart/form-data", "--b--\r\n"),
        ("application/json", ""),
        ("application/json", "[]"),
        ("application/json", r#"{"action":"start"}}"#),
    ];
    for (media_type, body) in bodies {
        let answer = send(&server, "PATCH", STATUS, media_type, body).await;
        assert_eq!(answer.status(), 400, "{body}");
        assert_eq!(json_of(answer).await["code"], 300, "{body}");
    }
}

#[tokio::test]
async fn each_field_that_breaks_a_rule_of_the_description_is_named() {
    let server = MockServer::start().await.unwrap();
    let long = "é".repeat(51);
    let cases = [
        (STATUS, json!({"action": "Start"}), vec!["action"]),
        (STATUS, json!({"action": 1}), vec!["action"]),
        (STATUS, json!({"action": null}), vec!["action"]),
        (STATUS, json!({"action": "stop", "colour": "red"}), vec!["colour"]),
        (STATUS, json!({"settings": "{}"}), vec!["action", "settings"]),
        (STATUS, json!({"action": "stop", "settings": {"active_speaker_name": "true", "size": 1}}), {
            vec!["settings.active_speaker_name", "settings.size"]
        }),
        (CONFIGURE, json!({"stream_url": "a"}), vec!["page_url", "stream_key"]),
        (CONFIGURE, json!({"stream_url": "a", "stream_key": "b", "page_url": "/c"}), vec!["page_url"]),
    ];
    for (path, body, mut expected) in cases {
        let mut refused = fields_refused(patch(&server, path, body.to_string()).await).await;
        refused.sort();
        expected.sort();
        assert_eq!(refused, expected, "{body}");
    }
    let form = multipart(&[("settings", "{active"), ("action", "stop"), ("action", "stop")]);
    let answer = send(&server, "PATCH", STATUS, "multipart/form-data; boundary=b", form).await;
    assert_eq!(fields_refused(answer).await, ["action", "settings"], "the first was sent twice");

    for (name, refused) in [("", true), ("é", false), (&long[2..], false), (&long, true)] {
        let body = json!({"action": "stop", "settings": {"display_name": name}}).to_string();
        let answer = patch(&server, STATUS, body).await;
        if refused {
            assert_eq!(fields_refused(answer).await, ["settings.display_name"], "{name}")
        } else {
            assert_eq!(answer.status(), 204, "{name}")
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_start_of_one_meeting_within_thirty_seconds_gets_429_without_headers() {
    let server = MockServer::start().await.unwrap();
    assert_eq!(patch(&server, STATUS, START).await.status(), 204);
    let answer = patch(&server, STATUS, START).await;
    let mut names = answer.headers().keys().map(|name| name.as_str());
    assert!(names.all(|name| name != "retry-after" && !name.contains("ratelimit")), "{answer:?}");
    let message = "Too many requests submitted to start the live stream of this meeting: 84912345678. If the live stream \
                   has not already started, retry making a new request after 30 seconds.";
    assert_eq!(refusal(answer).await, refused(429, 429, message));
    assert_eq!(patch(&server, OTHER_STATUS, START).await.status(), 204);
    tokio::time::sleep(Duration::from_millis(29_900)).await;
    assert_eq!(patch(&server, STATUS, START).await.status(), 429);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(patch(&server, STATUS, START).await.status(), 204);
}

#[tokio::test]
async fn a_start_has_a_cool_down_where_the_description_has_a_429() {
    let description: Value = serde_json::from_str(include_str!("../spec/openapi.json")).unwrap();
    let server = MockServer::start().await.unwrap();
    for path in [STATUS, WEBINAR_STATUS] {
        let id = if path == STATUS { "{meetingId}" } else { "{webinarId}" };
        let answers = &description["paths"][path.replace("84912345678", id)]["patch"]["responses"];
        assert!(answers.is_object(), "{path}");
        let second = if answers.get("429").is_some() { 429 } else { 204 };
        assert_eq!(patch(&server, path, START).await.status(), 204);
        assert_eq!(patch(&server, path, START).await.status(), second, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cool_down_that_was_set_is_in_the_sentence_and_nothing_else_extends_it() {
    let server = MockServer::builder().cool_down(Duration::from_millis(2_500)).start().await.unwrap();
    assert_eq!(patch(&server, STATUS, START).await.status(), 204);
    assert_eq!(patch(&server, STATUS, STOP).await.status(), 204);
    for pause in [0, 2_400] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let (status, code, message) = refusal(patch(&server, STATUS, START).await).await;
        assert_eq!((status, code), (429, 429));
        assert!(message.ends_with("retry making a new request after 3 seconds."), "{message}");
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(patch(&server, STATUS, START).await.status(), 204);
}

#[tokio::test(start_paused = true)]
async fn a_per_second_limit_is_told_in_a_sentence_only() {
    let server = MockServer::builder().requests_per_second(2).start().await.unwrap();
    for _ in 0..2 {
        for status in [204, 204, 429] {
            let answer = patch(&server, STATUS, STOP).await;
            assert_eq!(answer.status(), status);
            if status == 429 {
                assert!(answer.headers().keys().all(|name| !name.as_str().contains("ratelimit")), "{answer:?}");
                let message = "You have reached the maximum per-second rate limit for this API. Try again later.";
                assert_eq!(refusal(answer).await, refused(429, 429, message));
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn what_is_not_live_is_neither_started_nor_stopped() {
    let server = MockServer::start().await.unwrap();
    server.set_live(false);
    for action in [START, STOP] {
        for (path, message) in [
            (STATUS, "Meeting has not started."),
            (WEBINAR_STATUS, "Webinar 84,912,345,678 has not started."),
            ("/webinars/123/livestream/status", "Webinar 123 has not started."),
        ] {
            assert_eq!(refusal(patch(&server, path, action).await).await, refused(400, 200, message));
        }
    }
    let configured = json!({"stream_url": "a", "stream_key": "b", "page_url": "https://h/"}).to_string();
    assert_eq!(patch(&server, CONFIGURE, configured).await.status(), 204);
    server.set_live(true);
    assert_eq!(patch(&server, STATUS, START).await.status(), 204, "the refused start had no cool-down");
}

#[tokio::test]
async fn a_get_returns_what_was_configured_for_the_same_path() {
    let server = MockServer::start().await.unwrap();
    let unconfigured = get(&server, CONFIGURE).await;
    assert!(unconfigured["stream_key"].is_string(), "{unconfigured}");
    let mut configured = json!({"stream_url": "rtmp://h/", "stream_key": "mine", "page_url": "https://h/"});
    assert_eq!(patch(&server, CONFIGURE, configured.to_string()).await.status(), 204);
    configured["resolution"] = unconfigured["resolution"].clone();
    assert_eq!(get(&server, CONFIGURE).await, configured);
    assert_eq!(get(&server, "/meetings/84912345679/livestream").await, unconfigured);
    let token = get(&server, "/webinars/84912345678/jointoken/live_streaming").await;
    assert!(token["token"].is_string() && token["expire_in"].is_u64(), "{token}");
}

#[tokio::test]
async fn a_recorded_answer_is_sent_as_it_is() {
    type Header = (&'static str, &'static [u8]);
    let date: Header = ("date", b"Tue, 26 Oct 2021 02:27:48 GMT");
    let cookie: Header = ("set-cookie", b"zm_aid=\"\"; Path=/; Secure");
    let epoch: Header = ("expires", b"Thu, 01 Jan 1970 00:00:00 GMT");
    // Each with its headers in alphabetical order.
    let recorded: [(u16, &[Header], &str); 5] = [
        (204, &[date, epoch, cookie, ("set-cookie", b"zm_b=1")], ""),
        (401, &[date, ("www-authenticate", b"Bearer")], ""),
        (307, &[date, ("location", b"https://us02api.example.zoom.us/v2/")], ""),
        (429, &[date, ("retry-after", b"1"), ("retry-after", b"2")], "ü"),
        (500, &[("content-type", b"text/html"), date, ("x-latin", b"caf\xe9")], "<html>"),
    ];
    let server = MockServer::start().await.unwrap();
    for version in [reqwest::Version::HTTP_11, reqwest::Version::HTTP_2] {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = if version == reqwest::Version::HTTP_2 { http.http2_prior_knowledge() } else { http };
        let http = http.build().unwrap();
        for (status, headers, body) in recorded {
            let answer = Answer::status(status).body(body);
            server.answer(headers.iter().fold(answer, |answer, (name, value)| answer.header(*name, *value)));
            let answer = http.patch(format!("{}{STATUS}", server.base_url())).send().await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.version()), (status, version));
            let sent = answer.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
            let mut sent: Vec<_> = sent.filter(|(name, _)| *name != "content-length").collect();
            sent.sort();
            assert_eq!(sent, headers);
            assert_eq!(answer.text().await.unwrap(), body);
        }
    }
}

#[tokio::test]
async fn queued_answers_are_given_in_order_and_before_any_check() {
    let server = MockServer::start().await.unwrap();
    server.answer(Answer::status(429).header("Retry-After", "1").body("slow down"));
    server.answer(Answer::error(400, 4711, "Missing scope."));
    let first = send(&server, "GET", "/nowhere", "text/plain", "").await;
    assert_eq!((first.status().as_u16(), &first.headers()["retry-after"]), (429, &"1".parse().unwrap()));
    assert_eq!(first.text().await.unwrap(), "slow down");
    assert_eq!(json_of(patch(&server, STATUS, STOP).await).await["code"], 4711);
    assert_eq!(patch(&server, STATUS, STOP).await.status(), 204);
    let statuses: Vec<_> = server.requests().iter().map(|received| received.status).collect();
    assert_eq!(statuses, [Some(429), Some(400), Some(204)]);
}

#[tokio::test]
async fn an_answer_for_one_operation_or_path_waits_for_it() {
    let server = MockServer::start().await.unwrap();
    server.answer_for("updateWebinarLiveStreamStatus", Answer::status(503));
    server.answer_for(OTHER_STATUS, Answer::status(502));
    assert_eq!(patch(&server, STATUS, STOP).await.status(), 204);
    assert_eq!(patch(&server, OTHER_STATUS, STOP).await.status(), 502);
    assert_eq!(patch(&server, WEBINAR_STATUS, STOP).await.status(), 503);
    assert_eq!(patch(&server, WEBINAR_STATUS, STOP).await.status(), 204);
}

#[tokio::test]
async fn a_permanent_answer_stays_until_it_is_withdrawn() {
    let server = MockServer::start().await.unwrap();
    server.answer_always(Answer::status(500));
    server.answer(Answer::status(503));
    let statuses = [503, 500, 500];
    for status in statuses {
        assert_eq!(patch(&server, STATUS, STOP).await.status(), status);
    }
    server.answer_normally();
    assert_eq!(patch(&server, STATUS, STOP).await.status(), 204);
}

#[tokio::test]
async fn an_answer_that_http_does_not_allow_becomes_a_500_that_says_so() {
    let server = MockServer::start().await.unwrap();
    let answers = [
        Answer::status(42),
        Answer::status(100).body("b"),
        Answer::status(101),
        Answer::status(199),
        Answer::status(1000),
        Answer::status(200).header("a b", "c"),
        Answer::status(200).header("a", "b\r\nc: d"),
        Answer::status(200).header("Content-Length", "7"),
    ];
    for answer in answers {
        server.answer(answer);
        let answer = patch(&server, STATUS, STOP).await;
        assert_eq!(answer.status(), 500);
        assert!(answer.text().await.unwrap().starts_with("mock: "));
        assert_eq!(server.requests().pop().unwrap().status, Some(500));
    }
}

#[tokio::test]
async fn an_answer_can_be_late_missing_or_cut_off() {
    let server = MockServer::start().await.unwrap();
    let url = format!("{}{STATUS}", server.base_url());
    let request = || http().patch(&url).timeout(Duration::from_millis(300)).send();

    server.answer(Answer::status(204).delay(Duration::from_millis(100)));
    let sent = Instant::now();
    assert_eq!(request().await.unwrap().status(), 204);
    assert!(sent.elapsed() >= Duration::from_millis(100));

    server.answer(Answer::hang());
    assert!(request().await.unwrap_err().is_timeout());

    server.answer(Answer::disconnect());
    let error = request().await.unwrap_err();
    assert!(!error.is_timeout() && !error.is_connect());

    server.answer(Answer::status(200).body("0123456789").cut_off_after(4));
    let mut answer = request().await.unwrap();
    assert_eq!(answer.content_length(), Some(10));
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "0123");
    assert!(answer.chunk().await.is_err());

    let statuses: Vec<_> = server.requests().iter().map(|received| received.status).collect();
    assert_eq!(statuses, [Some(204), None, None, Some(200)]);
}

#[tokio::test]
async fn dropping_the_server_closes_its_connections_and_its_port() {
    for is_http2 in [false, true] {
        let server = MockServer::start().await.unwrap();
        server.answer_always(Answer::hang());
        let url = format!("{}{STATUS}", server.base_url());
        let http = if is_http2 { http2() } else { http() };
        let hanging = tokio::spawn(http.patch(&url).send());
        while server.request_count() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(server);
        assert!(hanging.await.unwrap().is_err());
        assert!(http.patch(&url).send().await.unwrap_err().is_connect());
    }
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_served() {
    let server = MockServer::start().await.unwrap();
    let http = http2();
    let url = format!("{}{STATUS}", server.base_url());
    let request = || http.patch(&url).bearer_auth(server.access_token()).header("content-type", "application/json");
    let answer = request().body(START).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (204, reqwest::Version::HTTP_2));
    server.answer(Answer::disconnect());
    assert!(request().body(STOP).send().await.is_err());
    server.answer(Answer::status(200).body("0123456789").cut_off_after(4));
    assert!(request().body(STOP).send().await.unwrap().bytes().await.is_err());
    assert_eq!(server.request_count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_are_answered_at_once() {
    let server = MockServer::start().await.unwrap();
    server.answer_always(Answer::status(204).delay(Duration::from_millis(500)));
    let http = http();
    let calls: Vec<_> = (0..300)
        .map(|meeting| {
            let url = format!("{}/meetings/{}/livestream", server.base_url(), meeting + 1);
            tokio::spawn(http.patch(url).send())
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 204);
    }
    assert_eq!(server.request_count(), 300);
}

#[tokio::test]
async fn the_token_endpoint_checks_credentials_grant_and_account() {
    let server = MockServer::start().await.unwrap();
    let invalid_client = json!({"reason": "Invalid client_id or client_secret", "error": "invalid_client"});
    let unsupported = json!({"reason": "unsupported grant type", "error": "unsupported_grant_type"});
    let invalid_request = json!({"reason": "Bad Request", "error": "invalid_request"});
    let cases = [
        ("wrong", GRANT, invalid_client),
        ("mock-secret", "grant_type=password&account_id=mock-account", unsupported.clone()),
        ("mock-secret", "grant_type=account_credentials&account_id=other", invalid_request),
        ("mock-secret", "", unsupported),
    ];
    for (secret, body, refusal) in &cases {
        let answer = token(&server, secret, body).await;
        assert_eq!(answer.status(), 400, "{body}");
        assert!(answer.headers().contains_key("x-zm-trackingid"));
        assert_eq!(json_of(answer).await, *refusal);
    }
    assert_eq!((server.token_requests(), server.request_count()), (cases.len(), 0));
}

#[tokio::test]
async fn a_token_is_fetched_by_form_or_query_and_leaves_earlier_ones_valid() {
    let credentials = ("an account", "a client", "a:secret\u{fc}");
    let server = MockServer::builder().credentials(credentials.0, credentials.1, credentials.2);
    let server = server.start().await.unwrap();
    let grant = "grant_type=account_credentials&account_id=an+account";
    let post = |url: String| http().post(url).basic_auth(credentials.1, Some(credentials.2));
    let form = post(server.token_url().to_owned()).header("content-type", "application/x-www-form-urlencoded");
    let first = json_of(form.body(grant).send().await.unwrap()).await;
    assert_eq!((&first["token_type"], &first["expires_in"]), (&json!("bearer"), &json!(3600)));
    let scopes = first["scope"].as_str().unwrap();
    assert!(scopes.split(' ').all(|scope| scope.contains(":admin")), "those of a server-to-server app: {scopes}");
    assert!(scopes.contains("meeting:write:admin"), "{scopes}");
    assert_eq!(format!("{}/oauth/token", first["api_url"].as_str().unwrap()), server.token_url());
    let first = first["access_token"].as_str().unwrap();
    let second = json_of(post(format!("{}?{grant}", server.token_url())).send().await.unwrap()).await;
    assert_ne!(second["access_token"], first);
    for token in [first, second["access_token"].as_str().unwrap(), server.access_token()] {
        assert_eq!(with_token(&server, token).await.status(), 204);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tokens_fetched_at_the_same_time_are_different() {
    let (server, http) = (MockServer::start().await.unwrap(), http());
    let mut fetches = JoinSet::new();
    for _ in 0..300 {
        let url = format!("{}?{GRANT}", server.token_url());
        let answer = http.post(url).basic_auth("mock-client", Some("mock-secret")).send();
        fetches.spawn(async { json_of(answer.await.unwrap()).await["access_token"].to_string() });
    }
    let tokens: HashSet<_> = fetches.join_all().await.into_iter().collect();
    assert_eq!(tokens.len(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_valid_until_it_expires_or_is_revoked_and_a_new_one_can_be_fetched() {
    let server = MockServer::builder().token_lifetime(Duration::from_secs(400)).start().await.unwrap();
    let short = fetched(&server).await;
    assert_eq!(with_token(&server, &short).await.status(), 204);
    tokio::time::sleep(Duration::from_secs(400)).await;
    assert_eq!(with_token(&server, &short).await.status(), 401);

    let server = MockServer::start().await.unwrap();
    server.revoke_token();
    assert_eq!(with_token(&server, server.access_token()).await.status(), 401);
    let token = fetched(&server).await;
    assert_eq!(with_token(&server, &token).await.status(), 204);
    server.revoke_token();
    assert_eq!(with_token(&server, &token).await.status(), 401);
    server.accept_token("from elsewhere");
    assert_eq!(with_token(&server, "from elsewhere").await.status(), 204);
}

#[tokio::test]
async fn token_requests_get_the_answers_that_were_queued_and_are_slow_when_asked_to_be() {
    let delay = Duration::from_millis(100);
    let server = MockServer::builder().token_delay(delay).start().await.unwrap();
    server.answer_token_request(Answer::status(503).body("<html>"));
    server.answer_token_request(Answer::status(500));
    for status in [503, 500] {
        assert_eq!(token(&server, "mock-secret", GRANT).await.status(), status);
    }
    let asked = Instant::now();
    assert_eq!(token(&server, "mock-secret", GRANT).await.status(), 200);
    assert!(asked.elapsed() >= delay);
    assert_eq!(server.token_requests(), 3);
}

#[tokio::test]
async fn debug_shows_no_token_no_credential_and_no_secret_field() {
    let builder = MockServer::builder().access_token("SECRET1").credentials("SECRET2", "SECRET3", "SECRET4");
    let mut shown = format!("{builder:?}");
    let server = builder.start().await.unwrap();
    shown += &format!("{server:?}");
    let body = json!({"stream_url": "SECRET5", "stream_key": "SECRET6", "page_url": "https://shown.example"});
    patch(&server, CONFIGURE, body.to_string()).await;
    patch(&server, "/elsewhere?SECRET7", body.to_string()).await;
    patch(&server, STATUS, r#"{"action":"stop","stream_key":"SECRET8"}"#).await;
    let request = http().patch(format!("{}{STATUS}", server.base_url()));
    let request = request.header("proxy-authorization", "SECRET11").header("cookie", "SECRET12");
    request.send().await.unwrap();
    shown += &format!("{:#?}", server.requests());
    shown += &format!("{:?}", Answer::status(200).header("a", "SECRET9").body("SECRET10"));
    assert!(!shown.contains("SECRET"), "{shown}");
    assert!(shown.contains("https://shown.example") && shown.contains("stop"), "{shown}");
}

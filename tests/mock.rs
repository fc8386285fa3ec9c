//! The embedded Zoom, tested with a plain HTTP client and handwritten bodies.

use std::time::{Duration, Instant};

use reqwest::{Method, Response};
use serde_json::{Value, json};
use zoom_livestream::mock::{Answer, MockServer};

const CONFIGURE: &str = "/meetings/84912345678/livestream";
const STATUS: &str = "/meetings/84912345678/livestream/status";
const OTHER_STATUS: &str = "/meetings/84912345679/livestream/status";
const WEBINAR_STATUS: &str = "/webinars/84912345678/livestream/status";
const START: &str = r#"{"action":"start"}"#;
const STOP: &str = r#"{"action":"stop"}"#;

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("a client")
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
    let fields =
        [("stream_url", "aute "), ("stream_key", "a?user=ü&pass=\r\n"), ("page_url", "https://e.com/")];
    let body = multipart(&fields);
    let path = format!("{CONFIGURE}?a=b");
    let answer = send(&server, "PATCH", &path, "multipart/form-data; boundary=b", body.clone()).await;
    assert_eq!(answer.status(), 204);
    assert!(answer.headers().contains_key("x-zm-trackingid"));
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
async fn json_and_multipart_are_recorded_as_the_same_fields_in_the_order_sent() {
    let server = MockServer::start().await.unwrap();
    let settings = r#"{"active_speaker_name":true,"display_name":"é"}"#;
    let form = multipart(&[("settings", settings), ("action", "stop")]);
    let answer = send(&server, "PATCH", STATUS, "Multipart/Form-Data; boundary=\"b\"", form).await;
    assert_eq!(answer.status(), 204);
    let answer = patch(&server, STATUS, format!(r#"{{"settings": {settings}, "action": "stop"}}"#)).await;
    assert_eq!(answer.status(), 204);
    let requests = server.requests();
    assert_eq!(requests[0].fields, requests[1].fields);
    assert_eq!(requests[0].field("settings"), Some(settings));
}

#[tokio::test]
async fn an_unknown_path_gets_404_and_a_wrong_method_405() {
    let server = MockServer::builder().description(FAMILY).start().await.unwrap();
    for path in ["/meetings/84912345678", "/meetings/84912345678/livestream/", "/users/me", ""] {
        let answer = patch(&server, path, START).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(json_of(answer).await["code"], 2300, "{path}");
    }
    let answer = send(&server, "DELETE", CONFIGURE, "application/json", START).await;
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.headers()["allow"], "GET, PATCH");
    assert!(json_of(answer).await["message"].is_string());
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
    for id in ["abc", "0", "-1", "+1", "1.0", "9223372036854775808", "849%201234", ""] {
        let answer = patch(&server, &format!("/meetings/{id}/livestream/status"), STOP).await;
        assert_eq!(answer.status(), 400, "{id}");
        assert_eq!(json_of(answer).await["code"], 300, "{id}");
    }
    let answer = patch(&server, "/meetings/9223372036854775807/livestream/status", STOP).await;
    assert_eq!(answer.status(), 204);
}

#[tokio::test]
async fn a_media_type_that_is_not_described_gets_415() {
    let server = MockServer::start().await.unwrap();
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""] {
        let answer = send(&server, "PATCH", STATUS, media_type, "action=start").await;
        assert_eq!(answer.status(), 415, "{media_type}");
        assert_eq!(json_of(answer).await["code"], 415);
    }
}

#[tokio::test]
async fn only_the_media_types_that_were_set_are_accepted() {
    let form = multipart(&[("action", "stop")]);
    for (accepted, by_multipart, by_json) in
        [(vec!["multipart/form-data"], 204, 415), (vec!["Application/JSON"], 415, 204), (vec![], 415, 415)]
    {
        let server = MockServer::builder().accept_media_types(accepted).start().await.unwrap();
        let content_type = "multipart/form-data; boundary=b";
        let answer = send(&server, "PATCH", STATUS, content_type, form.clone()).await;
        assert_eq!(answer.status(), by_multipart);
        assert_eq!(patch(&server, STATUS, STOP).await.status(), by_json);
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_or_has_no_fields_gets_400() {
    let server = MockServer::start().await.unwrap();
    let form = "multipart/form-data; boundary=b";
    let cut_off = "--b\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nstart";
    let nameless = "--b\r\nContent-Disposition: form-data\r\n\r\nstart\r\n--b--\r\n";
    let bodies = [
        (form, cut_off),
        (form, nameless),
        (form, ""),
        (form, "--b--\r\n"),
        (form, START),
        ("multipart/form-data", "--b--\r\n"),
        ("application/json", ""),
        ("application/json", "{}"),
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
    let twice = r#"{"action":"stop","action":"stop"}"#;
    assert_eq!(fields_refused(patch(&server, STATUS, twice).await).await, ["action"]);
    let form = multipart(&[("settings", "{active"), ("action", "stop"), ("action", "stop")]);
    let answer = send(&server, "PATCH", STATUS, "multipart/form-data; boundary=b", form).await;
    assert_eq!(fields_refused(answer).await, ["settings", "action"]);

    let server = MockServer::builder().description(FAMILY).start().await.unwrap();
    for (name, refused) in [("", true), ("é", false), (&long[2..], false), (&long, true)] {
        let answer = patch(&server, "/meetings/1/livestream", json!({"name": name}).to_string()).await;
        match refused {
            true => assert_eq!(fields_refused(answer).await, ["name"], "{name}"),
            false => assert_eq!(answer.status(), 204, "{name}"),
        }
    }
}

#[tokio::test]
async fn a_second_start_within_the_cool_down_gets_429_and_another_meeting_does_not() {
    let server = MockServer::start().await.unwrap();
    assert_eq!(patch(&server, STATUS, START).await.status(), 204);
    let refused = patch(&server, STATUS, START).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers().get("retry-after"), None);
    let message = "Too many requests submitted to start the live stream of this meeting: 84912345678. If the live stream \
                   has not already started, retry making a new request after 30 seconds.";
    assert_eq!(json_of(refused).await["message"], message);
    assert_eq!(patch(&server, OTHER_STATUS, START).await.status(), 204);
    assert_eq!(patch(&server, "/meetings/084912345679/livestream/status", START).await.status(), 429);
}

#[tokio::test]
async fn a_webinar_has_no_cool_down_because_none_is_documented() {
    let server = MockServer::start().await.unwrap();
    assert_eq!(patch(&server, WEBINAR_STATUS, START).await.status(), 204);
    assert_eq!(patch(&server, WEBINAR_STATUS, START).await.status(), 204);
}

#[tokio::test]
async fn a_stop_or_a_refused_start_does_not_change_the_cool_down_and_retry_after_is_sent_if_one_was_set() {
    let cool_down = Duration::from_secs(3);
    let server = MockServer::builder().cool_down(cool_down).start().await.unwrap();
    let sent = Instant::now();
    assert_eq!(patch(&server, STATUS, START).await.status(), 204);
    let accepted = Instant::now();
    assert_eq!(patch(&server, STATUS, STOP).await.status(), 204);
    let seconds = |left: Duration| left.as_millis().div_ceil(1000);
    for pause in [0, 1100] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let most = seconds(cool_down.saturating_sub(accepted.elapsed()));
        let refused = patch(&server, STATUS, START).await;
        let least = seconds(cool_down.saturating_sub(sent.elapsed()));
        assert_eq!(refused.status(), 429);
        let seconds_left: u128 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((least..=most).contains(&seconds_left), "{seconds_left} s, not {least} to {most}");
    }
    tokio::time::sleep((cool_down + Duration::from_millis(50)).saturating_sub(accepted.elapsed())).await;
    assert_eq!(patch(&server, STATUS, START).await.status(), 204);
}

#[tokio::test]
async fn a_cool_down_described_for_one_operation_takes_precedence() {
    let body = json!({"type": "object", "properties": {"action": {"type": "string", "enum": ["start"]}}});
    let status = |limit: Value| {
        json!({"patch": {
            "requestBody": {"content": {"application/json": {"schema": body}}},
            "responses": {"204": {"description": ""}, "429": limit},
        }})
    };
    let server = described(json!({
        "x-retry-after-seconds": 0,
        "paths": {
            "/own": status(json!({"x-retry-after-seconds": 1000})),
            "/shared": status(json!({"$ref": "#/components/responses/limit"})),
        },
        "components": {"responses": {"limit": {"description": "Slow down."}}},
    }))
    .await;
    for (path, second) in [("/own", 429), ("/shared", 204)] {
        assert_eq!(patch(&server, path, START).await.status(), 204, "{path}");
        assert_eq!(patch(&server, path, START).await.status(), second, "{path}");
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
async fn a_body_over_16_mib_gets_413_and_is_recorded_without_its_body() {
    const MOST: usize = 16 * 1024 * 1024;
    let server = MockServer::start().await.unwrap();
    let over = vec![b'x'; MOST + 1];
    assert_ne!(patch(&server, STATUS, over[1..].to_vec()).await.status(), 413);
    assert_eq!(server.requests().pop().unwrap().body.len(), MOST);
    let refused = patch(&server, STATUS, over.clone()).await;
    assert_eq!(refused.status(), 413);
    assert_eq!(json_of(refused).await["code"], 413);
    let received = server.requests().pop().unwrap();
    assert_eq!((received.status, received.body.len(), server.request_count()), (Some(413), 0, 2));
    assert_eq!(received.operation_id.as_deref(), Some("updateMeetingLiveStreamStatus"));
    let refused = http().post(server.token_url()).body(over).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), server.token_requests(), server.request_count()), (413, 1, 2));
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
    for http2 in [false, true] {
        let server = MockServer::start().await.unwrap();
        server.answer_always(Answer::hang());
        let url = format!("{}{STATUS}", server.base_url());
        let http = match http2 {
            true => reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap(),
            false => http(),
        };
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
    let http = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let url = format!("{}{STATUS}", server.base_url());
    let request =
        || http.patch(&url).bearer_auth(server.access_token()).header("content-type", "application/json");
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
    let cases = [
        ("wrong", GRANT, 401, "invalid_client"),
        ("mock-secret", "grant_type=password&account_id=mock-account", 400, "unsupported_grant_type"),
        ("mock-secret", "grant_type=account_credentials&account_id=other", 400, "invalid_request"),
        ("mock-secret", "", 400, "unsupported_grant_type"),
    ];
    for (secret, body, status, error) in cases {
        let answer = token(&server, secret, body).await;
        assert_eq!(answer.status(), status);
        let answer = json_of(answer).await;
        assert_eq!(answer["error"], error);
        assert!(answer["reason"].is_string());
    }
    let answer = http().get(server.token_url()).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &"POST".parse().unwrap()));
    assert_eq!(server.token_requests(), cases.len() + 1);
    assert_eq!(server.request_count(), 0);
}

#[tokio::test]
async fn a_token_is_fetched_by_form_or_query_and_leaves_earlier_ones_valid() {
    let credentials = ("an account", "a client", "a:secret\u{fc}");
    let server = MockServer::builder().credentials(credentials.0, credentials.1, credentials.2);
    let server = server.start().await.unwrap();
    let grant = "grant_type=account_credentials&account_id=an+account";
    let post = |url: String| http().post(url).basic_auth(credentials.1, Some(credentials.2));
    let form =
        post(server.token_url().to_owned()).header("content-type", "application/x-www-form-urlencoded");
    let first = json_of(form.body(grant).send().await.unwrap()).await;
    assert_eq!((&first["token_type"], &first["expires_in"]), (&json!("bearer"), &json!(3600)));
    assert!(first["scope"].as_str().unwrap().contains("meeting:write"));
    let first = first["access_token"].as_str().unwrap();
    let second = json_of(post(format!("{}?{grant}", server.token_url())).send().await.unwrap()).await;
    assert_ne!(second["access_token"], first);
    for token in [first, second["access_token"].as_str().unwrap(), server.access_token()] {
        assert_eq!(with_token(&server, token).await.status(), 204);
    }
}

#[tokio::test]
async fn a_new_token_revokes_earlier_ones_if_that_is_set() {
    let server = MockServer::builder().new_token_revokes_old(true).start().await.unwrap();
    let (first, second) = (fetched(&server).await, fetched(&server).await);
    for (token, status) in [(&first, 401), (&second, 204), (&server.access_token().to_owned(), 401)] {
        assert_eq!(with_token(&server, token).await.status(), status);
    }
}

#[tokio::test]
async fn a_token_is_valid_until_it_expires_or_is_revoked_and_a_new_one_can_be_fetched() {
    let server = MockServer::builder().token_lifetime(Duration::from_millis(400)).start().await.unwrap();
    let short = fetched(&server).await;
    assert_eq!(with_token(&server, &short).await.status(), 204);
    tokio::time::sleep(Duration::from_millis(450)).await;
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
async fn token_requests_fail_or_are_slow_when_asked_to_be() {
    let delay = Duration::from_millis(100);
    let server = MockServer::builder().token_delay(delay).start().await.unwrap();
    server.fail_next_tokens(2, 401);
    server.answer_token_request(Answer::status(503).body("<html>"));
    for status in [401, 401, 503] {
        assert_eq!(token(&server, "mock-secret", GRANT).await.status(), status);
    }
    let asked = Instant::now();
    assert_eq!(token(&server, "mock-secret", GRANT).await.status(), 200);
    assert!(asked.elapsed() >= delay);
    assert_eq!(server.token_requests(), 4);
}

#[tokio::test]
async fn token_requests_can_fail_without_end() {
    let server = MockServer::start().await.unwrap();
    server.fail_next_tokens(0, 401);
    assert_eq!(token(&server, "mock-secret", GRANT).await.status(), 200);
    server.fail_next_tokens(usize::MAX, 500);
    for _ in 0..3 {
        assert_eq!(token(&server, "mock-secret", GRANT).await.status(), 500);
    }
}

/// A description with what the committed one may not have yet: a GET, references, an optional body.
const FAMILY: &str = r##"{
    "openapi": "3.0.3",
    "servers": [{ "url": "https://api.zoom.us/v9" }],
    "components": { "schemas": { "name": { "type": "string", "minLength": 1, "maxLength": 50 } } },
    "paths": {
        "/meetings/{id}/livestream": {
            "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "integer" } }],
            "get": {
                "operationId": "getLiveStream",
                "responses": { "200": { "description": "", "content": { "application/json": {
                    "schema": { "type": "object", "properties": {
                        "name": { "$ref": "#/components/schemas/name" },
                        "page_url": { "type": "string", "format": "uri" },
                        "count": { "type": "integer" }
                    } }
                } } } }
            },
            "patch": {
                "operationId": "updateLiveStream",
                "requestBody": { "content": { "multipart/form-data": { "schema": {
                    "type": "object",
                    "properties": { "name": { "$ref": "#/components/schemas/name" }, "other": { "type": "integer" } }
                } } } },
                "responses": { "204": { "description": "" }, "429": { "description": "" } }
            }
        },
        "/tokens/{name}": {
            "get": {
                "operationId": "getToken",
                "responses": { "200": { "description": "", "content": { "application/json": {
                    "schema": { "type": "object" }, "example": { "token": "t", "expire_in": 120 }
                } } } }
            }
        }
    }
}"##;

#[tokio::test]
async fn a_get_answers_with_its_example_or_from_its_schema_and_returns_what_was_configured() {
    let server = MockServer::builder().description(FAMILY).start().await.unwrap();
    assert!(server.base_url().ends_with("/v9"));
    let get =
        |path: &'static str| async { json_of(send(&server, "GET", path, "text/plain", "").await).await };
    let made_up = json!({"name": "string", "page_url": "https://example.com/", "count": 1});
    assert_eq!(get("/meetings/1/livestream").await, made_up);
    assert_eq!(get("/tokens/anything").await, json!({"token": "t", "expire_in": 120}));

    let form = multipart(&[("name", "mine"), ("other", "7")]);
    let answer =
        send(&server, "PATCH", "/meetings/1/livestream", "multipart/form-data; boundary=b", form).await;
    assert_eq!(answer.status(), 204);
    let configured = json!({"name": "mine", "page_url": "https://example.com/", "count": 1});
    assert_eq!(get("/meetings/1/livestream").await, configured);
    assert_eq!(get("/meetings/2/livestream").await, made_up);

    let url = format!("{}/meetings/1/livestream", server.base_url());
    let without_body = http().patch(url).bearer_auth(server.access_token()).send().await.unwrap();
    assert_eq!(without_body.status(), 204);
}

/// A server of this description, whose own server is `/v9`.
async fn described(mut description: Value) -> MockServer {
    description["servers"] = json!([{"url": "https://api.zoom.us/v9"}]);
    MockServer::builder().description(description.to_string()).start().await.unwrap()
}

/// A server whose `/x` takes a body of this schema.
async fn taking(media_type: &str, schema: Value, components: Value) -> MockServer {
    let body = json!({"required": true, "content": {media_type: {"schema": schema}}});
    let operation = json!({"requestBody": body, "responses": {"204": {"description": ""}}});
    described(json!({"paths": {"/x": {"patch": operation}}, "components": {"schemas": components}})).await
}

#[tokio::test]
async fn a_parameter_can_be_a_part_of_a_segment() {
    let get = |id: &str| json!({"get": {"operationId": id, "responses": {"204": {"description": ""}}}});
    let mut paths = json!({
        "/x/{id}": get("whole"), "/x/{id}.json": get("suffix"), "/x/v{id}": get("prefix"), "/x/{a}-{b}": get("two"),
        "/x/me": get("literal"),
    });
    paths["/x/{id}.json"]["parameters"] =
        json!([{"name": "id", "in": "path", "schema": {"type": "integer"}}]);
    let server = described(json!({"paths": paths})).await;
    for (path, operation) in [
        ("/x/5", "whole"),
        ("/x/5.json", "suffix"),
        ("/x/v5", "prefix"),
        ("/x/5-6", "two"),
        ("/x/me", "literal"),
        ("/x/5.xml", "whole"),
    ] {
        let answer = send(&server, "GET", path, "text/plain", "").await;
        assert_eq!(answer.status(), 204, "{path}");
        assert_eq!(server.requests().pop().unwrap().operation_id.as_deref(), Some(operation), "{path}");
    }
    assert_eq!(send(&server, "GET", "/x/five.json", "text/plain", "").await.status(), 400);
    assert_eq!(send(&server, "GET", "/x/5.json/", "text/plain", "").await.status(), 404);
}

#[tokio::test]
async fn a_field_that_the_description_does_not_name_is_accepted_where_the_description_allows_it() {
    let named = json!({"a": {"type": "string"}});
    let wrong = Some("more");
    for (schema, more, refused) in [
        (json!({"type": "object", "properties": named}), json!(1), wrong),
        (json!({"type": "object"}), json!(1), None),
        (json!({"type": "object", "properties": {}}), json!(1), None),
        (json!({"type": "object", "additionalProperties": false}), json!(1), wrong),
        (json!({"type": "object", "properties": named, "additionalProperties": true}), json!(1), None),
        (json!({"type": "object", "properties": named, "additionalProperties": {}}), json!(1), None),
        (json!({"additionalProperties": {"type": "integer"}}), json!(1), None),
        (json!({"additionalProperties": {"type": "integer"}}), json!("1"), wrong),
        (json!({"additionalProperties": {"$ref": "#/components/schemas/number"}}), json!("1"), wrong),
        (json!({"properties": named, "oneOf": [{"properties": {"more": {}}}]}), json!(1), None),
    ] {
        let components = json!({"number": {"type": "integer"}});
        let server = taking("application/json", schema.clone(), components.clone()).await;
        let answer = patch(&server, "/x", json!({"more": more}).to_string()).await;
        match refused {
            None => assert_eq!(answer.status(), 204, "{schema}"),
            Some(field) => assert_eq!(fields_refused(answer).await, [field], "{schema}"),
        }
        let inside = json!({"type": "object", "properties": {"free": schema}});
        let server = taking("application/json", inside, components).await;
        let answer = patch(&server, "/x", json!({"free": {"more": more}}).to_string()).await;
        match refused {
            None => assert_eq!(answer.status(), 204, "{schema}"),
            Some(_) => assert_eq!(fields_refused(answer).await, ["free.more"], "{schema}"),
        }
    }
    let schema = json!({"additionalProperties": {"type": "integer"}});
    let server = taking("application/x-www-form-urlencoded", schema, json!({})).await;
    for (body, status) in [("more=1", 204), ("more=one", 400)] {
        let answer = send(&server, "PATCH", "/x", "application/x-www-form-urlencoded", body).await;
        assert_eq!(answer.status(), status, "{body}");
    }
}

#[tokio::test]
async fn a_json_body_that_is_not_an_object_is_checked_as_a_whole() {
    let list = json!({"type": "array", "items": {"type": "integer"}});
    let object = json!({"type": "object"});
    for (schema, body, status) in [
        (&list, "[1, 2]", 204),
        (&list, "[]", 204),
        (&list, "[1, \"2\"]", 400),
        (&list, "{\"a\": 1}", 400),
        (&json!({"type": "string", "maxLength": 1}), "\"ab\"", 400),
        (&json!({}), "[1]", 204),
        (&json!({}), "[1", 400),
        (&object, "[1]", 400),
        (&json!({"properties": {"a": {}}}), "[1]", 400),
        (&json!({"allOf": [object]}), "[1]", 400),
    ] {
        let server = taking("application/json", schema.clone(), json!({})).await;
        let answer = patch(&server, "/x", body).await;
        assert_eq!(answer.status(), status, "{body} as {schema}");
        assert_eq!(server.requests()[0].fields.is_empty(), !body.starts_with('{'));
    }
}

#[tokio::test]
async fn the_parts_of_an_all_of_are_checked_as_one_schema() {
    let schema = json!({"allOf": [
        {"$ref": "#/components/schemas/titled"},
        {"type": "object", "required": ["b"], "properties": {"b": {"type": "integer"}, "title": {"minLength": 2}}},
    ]});
    let components = json!({"titled": {"allOf": [
        {"type": "object", "required": ["title"], "properties": {"title": {"type": "string", "maxLength": 3}}},
    ]}});
    let server = taking("application/json", schema.clone(), components.clone()).await;
    assert_eq!(patch(&server, "/x", r#"{"title": "abc", "b": 1}"#).await.status(), 204);
    for (body, mut expected) in [
        (json!({"c": 1}), vec!["b", "c", "title"]),
        (json!({"title": "abcd", "b": "1"}), vec!["b", "title"]),
        (json!({"title": "a", "b": 1}), vec!["title"]),
    ] {
        let mut refused = fields_refused(patch(&server, "/x", body.to_string()).await).await;
        refused.sort();
        expected.sort();
        assert_eq!(refused, expected, "{body}");
    }
    let answer = json!({"200": {"description": "", "content": {"application/json": {"schema": schema}}}});
    let paths = json!({"/x": {"get": {"responses": answer}}});
    let server = described(json!({"paths": paths, "components": {"schemas": components}})).await;
    let answer = json_of(send(&server, "GET", "/x", "text/plain", "").await).await;
    assert_eq!(answer, json!({"title": "string", "b": 1}));
}

#[tokio::test]
async fn a_schema_that_refers_to_itself_is_checked_at_any_depth() {
    let itself = json!({"$ref": "#/components/schemas/node"});
    let mut node =
        json!({"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}});
    for name in ["a", "b", "c", "d", "e", "f"] {
        node["properties"][name] = itself.clone();
    }
    let answers = json!({"200": {"description": "", "content": {"application/json": {"schema": itself}}}});
    let body = json!({"content": {"application/json": {"schema": itself}}});
    let asked = Instant::now();
    let server = described(json!({
        "paths": {"/x": {"patch": {"requestBody": body, "responses": answers}}},
        "components": {"schemas": {"node": node}},
    }))
    .await;
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    let nested = |mut inner: Value| {
        for _ in 0..20 {
            inner = json!({"name": "n", "f": inner});
        }
        inner.to_string()
    };
    let answer = patch(&server, "/x", nested(json!({"name": "n"}))).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(json_of(answer).await["name"], "string");
    let answer = patch(&server, "/x", nested(json!({"name": 1}))).await;
    assert_eq!(fields_refused(answer).await, ["f.".repeat(20) + "name"]);
}

#[tokio::test]
async fn circular_and_missing_references_do_not_loop() {
    let round = |target: &str| json!({"$ref": format!("#/components/schemas/{target}")});
    let parts = json!({"allOf": [round("parts"), round("parts")], "properties": {"a": {"type": "string"}}});
    let components = json!({"here": round("there"), "there": round("here"), "parts": parts});
    for target in ["here", "missing", "parts"] {
        let server = taking("application/json", round(target), components.clone()).await;
        assert_eq!(patch(&server, "/x", r#"{"a": "1"}"#).await.status(), 204, "{target}");
    }
    let components = json!({"node": {
        "type": "object", "required": ["next"], "properties": {"next": {"allOf": [round("node")]}, "a": {"default": 1}},
    }});
    let answers =
        json!({"200": {"description": "", "content": {"application/json": {"schema": round("node")}}}});
    let paths = json!({"/x": {"get": {"responses": answers}}});
    let server = described(json!({"paths": paths, "components": {"schemas": components}})).await;
    assert_eq!(json_of(send(&server, "GET", "/x", "text/plain", "").await).await, json!({"a": 1}));
}

#[tokio::test]
async fn a_json_answer_is_recognized_whatever_its_parameters() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    for media_type in ["application/json; charset=utf-8", "Application/JSON", "application/hal+json"] {
        let answers = json!({"200": {"description": "", "content": {media_type: {"schema": schema}}}});
        let server = described(json!({"paths": {"/x": {"get": {"responses": answers}}}})).await;
        let answer = json_of(send(&server, "GET", "/x", "text/plain", "").await).await;
        assert_eq!(answer, json!({"a": "string"}), "{media_type}");
    }
}

#[tokio::test]
async fn a_body_is_checked_against_the_schema_of_its_own_media_type() {
    let of = |name: &str| json!({"schema": {"type": "object", "required": [name], "properties": {name: {}}}});
    let content = json!({"application/json": of("url"), "multipart/form-data": of("file")});
    let operation = json!({"requestBody": {"content": content}, "responses": {"204": {"description": ""}}});
    let server = described(json!({"paths": {"/x": {"patch": operation}}})).await;
    for (field, by_json, by_multipart) in [("url", 204, 400), ("file", 400, 204)] {
        let body = json!({field: "a"}).to_string();
        assert_eq!(patch(&server, "/x", body).await.status(), by_json, "{field}");
        let form = multipart(&[(field, "a")]);
        let answer = send(&server, "PATCH", "/x", "multipart/form-data; boundary=b", form).await;
        assert_eq!(answer.status(), by_multipart, "{field}");
    }
}

#[tokio::test]
async fn a_description_that_cannot_be_read_is_refused_at_the_start() {
    for description in ["", "{}", "{\"paths\": 1}"] {
        let error = MockServer::builder().description(description).start().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    }
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

#[tokio::test]
async fn debug_shows_no_field_with_a_password_anywhere_in_it() {
    let password = json!({"$ref": "#/components/schemas/password"});
    let holders = json!({
        "itself": password,
        "member": {"type": "object", "properties": {"a": password}},
        "list": {"type": "array", "items": password},
        "map": {"type": "object", "additionalProperties": password},
        "all": {"allOf": [{"type": "string"}, password]},
        "one": {"oneOf": [{"type": "boolean"}, password]},
        "any": {"anyOf": [{"type": "boolean"}, password]},
        "node": {"$ref": "#/components/schemas/node"},
    });
    let components = json!({
        "password": {"type": "string", "format": "password"},
        "node": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/node"}, "key": password}},
    });
    let values = json!({
        "itself": "SECRET", "member": {"a": "SECRET"}, "list": ["SECRET"], "map": {"a": "SECRET"}, "all": "SECRET",
        "one": "SECRET", "any": "SECRET", "node": {"next": {"key": "SECRET"}},
    });
    for wrapped in [false, true] {
        let mut schema = json!({"type": "object", "properties": holders});
        schema["properties"]["harmless"] = json!({"type": "string"});
        if wrapped {
            schema = json!({"allOf": [schema]});
        }
        let server = taking("application/json", schema, components.clone()).await;
        let mut body = values.clone();
        body["harmless"] = "shown".into();
        assert_eq!(patch(&server, "/x", body.to_string()).await.status(), 204);
        let shown = format!("{:?}", server.requests());
        assert!(!shown.contains("SECRET") && shown.contains("shown"), "{shown}");
    }
}

#[tokio::test]
async fn debug_shows_no_field_that_is_a_password_in_one_of_several_media_types() {
    let of = |format: &str| json!({"schema": {"properties": {"key": {"type": "string", "format": format}}}});
    let content = json!({"application/json": of("any"), "application/x-www-form-urlencoded": of("password")});
    let operation = json!({"requestBody": {"content": content}, "responses": {"204": {"description": ""}}});
    let server = described(json!({"paths": {"/x": {"patch": operation}}})).await;
    assert_eq!(patch(&server, "/x", r#"{"key": "SECRET"}"#).await.status(), 204);
    let shown = format!("{:?}", server.requests());
    assert!(!shown.contains("SECRET"), "{shown}");
}

#[tokio::test]
async fn debug_shows_no_header_that_is_described_as_a_password() {
    let parameter = |name: &str, schema: Value| json!({"name": name, "in": "header", "schema": schema});
    let operation = json!({
        "parameters": [
            parameter("X-Shown", json!({"type": "string"})),
            parameter("X-Key", json!({"$ref": "#/components/schemas/password"})),
        ],
        "responses": {"204": {"description": ""}},
    });
    let server = described(json!({
        "paths": {"/x": {"get": operation}},
        "components": {"schemas": {"password": {"type": "string", "format": "password"}}},
    }))
    .await;
    let request = http().get(format!("{}/x", server.base_url())).bearer_auth(server.access_token());
    let answer = request.header("x-key", "SECRET").header("x-shown", "shown").send().await.unwrap();
    assert_eq!(answer.status(), 204);
    let shown = format!("{:?}", server.requests());
    assert!(!shown.contains("SECRET") && shown.contains("shown"), "{shown}");
    assert_eq!(server.requests()[0].header("x-key"), Some("SECRET"));
}

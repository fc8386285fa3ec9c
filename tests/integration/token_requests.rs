//! What is asked of the token endpoint, and what becomes of its answers.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use zoom_livestream::mock::{Answer, MockServer};
use zoom_livestream::{Client, Error, ErrorKind, ServerToServer};

use crate::support::{
    MEETING, RawServer, builder_without_token, chain, in_child, is_child, read_request, secret_in, start,
};
use crate::tokens::{BoxError, app, cause, client_of, fetching, later, numbered, one, server, statuses};

#[tokio::test]
async fn a_client_is_built_from_the_environment() {
    if is_child() {
        match (Client::from_env(), std::env::var("TEST_EXPECTED").as_deref()) {
            (Ok(zoom), Ok("client")) => assert!(!format!("{zoom:?}").contains("hidden"), "{zoom:?}"),
            (Ok(zoom), Ok("calls")) => start(&zoom, MEETING).await.expect("204"),
            (Err(error), Ok(words)) => {
                assert_eq!(error.kind(), ErrorKind::Refused);
                assert!(chain(&error).ends_with(words), "{error}");
                assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
            }
            other => panic!("{other:?}"),
        }
        return;
    }
    let server = server(MockServer::builder()).await;
    let all = ["ZOOM_ACCOUNT_ID", "ZOOM_CLIENT_ID", "ZOOM_CLIENT_SECRET"];
    let hidden = |name: &'static str| (name, "hidden-value");
    let urls = [("ZOOM_BASE_URL", server.base_url()), ("ZOOM_TOKEN_URL", server.token_url())];
    let mock = all.into_iter().zip(["mock-account", "mock-client", "mock-secret"]).chain(urls);
    let token = [("ZOOM_ACCESS_TOKEN", server.access_token()), urls[0]];
    let http = [("ZOOM_BASE_URL", "http://zoom.us")];
    for (variables, expected) in [
        (vec![hidden("ZOOM_ACCESS_TOKEN")], "client"),
        (all.map(hidden).to_vec(), "client"),
        (["ZOOM_ACCESS_TOKEN", "ZOOM_CLIENT_ID"].map(hidden).to_vec(), "client"),
        (mock.collect(), "calls"),
        (token.to_vec(), "calls"),
        (vec![], "server-to-server OAuth: ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID, ZOOM_CLIENT_SECRET"),
        (all[..2].iter().copied().map(hidden).collect(), "server-to-server OAuth: ZOOM_CLIENT_SECRET"),
        (all[1..].iter().copied().map(hidden).collect(), "server-to-server OAuth: ZOOM_ACCOUNT_ID"),
        (all.map(hidden).into_iter().chain(http).collect(), "because a token is sent to it"),
        (all.map(hidden).into_iter().chain([urls[1]]).collect(), "must be https because the base URL is"),
    ] {
        let names = ["ZOOM_ACCESS_TOKEN", "ZOOM_BASE_URL", "ZOOM_TOKEN_URL"].into_iter().chain(all);
        // Set but empty counts as not set.
        let mut environment: Vec<_> = names.map(|name| (name, String::new())).collect();
        environment.extend(variables.into_iter().map(|(name, value)| (name, value.to_owned())));
        environment.push(("TEST_EXPECTED", expected.to_owned()));
        let run = move || {
            let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, &**value)).collect();
            in_child("token_requests::a_client_is_built_from_the_environment", &environment);
        };
        tokio::task::spawn_blocking(run).await.expect("as expected");
    }
}

#[tokio::test]
async fn a_token_request_is_repeated_twice_within_10_s_after_a_gateways_failure() {
    let seconds = |wait: &str| Answer::status(503).header("retry-after", wait);
    for (answer, waits) in [
        (Answer::status(502), Some(1.2..2.0)),
        (Answer::status(504), Some(1.2..2.0)),
        (seconds("1"), Some(2.0..3.0)),
        (Answer::disconnect(), Some(1.2..2.0)),
        (Answer::status(200).body("{}{}").cut_off_after(2), Some(1.2..2.0)),
        (seconds("10"), None),
        (Answer::status(500), None),
        (Answer::status(400), None),
        (Answer::status(429).header("retry-after", "1"), None),
    ] {
        let server = server(MockServer::builder()).await;
        for _ in 0..2 {
            server.answer_token_request(answer.clone());
        }
        let started = Instant::now();
        let outcome = start(&fetching(&server), MEETING).await;
        let took = started.elapsed().as_secs_f64();
        assert_eq!(server.token_requests(), if waits.is_some() { 3 } else { 1 });
        match (outcome, waits) {
            (Ok(()), Some(waits)) => assert!(waits.contains(&took), "{waits:?}: {took}"),
            (Err(error), None) => assert!(error.status().is_some() && took < 1.0, "{error:?}"),
            (outcome, waits) => panic!("{waits:?}: {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn a_token_request_may_have_been_sent_although_the_call_was_not() {
    for answer in [Answer::status(400), Answer::status(200), Answer::disconnect()] {
        let server = server(MockServer::builder()).await;
        for _ in 0..3 {
            server.answer_token_request(answer.clone());
        }
        let error = start(&fetching(&server), MEETING).await.expect_err("no token");
        let own: &Error = cause(&error).downcast_ref().expect("the token request's");
        assert!(own.may_have_been_sent() && !error.may_have_been_sent(), "{own:?}");
        assert!(own.operation_id().is_none() && error.operation_id().is_some(), "{own:?}");
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let nowhere = ServerToServer::new("a", "b", "c").token_url(format!("http://{closed}/oauth/token"));
    let error = nowhere.token(&reqwest::Client::new()).await.expect_err("no token");
    assert!(!error.may_have_been_sent(), "{error}");
}

#[tokio::test]
async fn the_advice_about_a_refused_token_request_goes_by_oauths_name_or_the_status() {
    let another = "another kind of app";
    let url = "https://zoom.us/oauth/token, or https://zoomgov.com/oauth/token";
    let gov = "Check the client ID and the client secret. For Zoom for Government, set the token URL \
               https://zoomgov.com/oauth/token and the base URL https://api.zoomgov.com/v2";
    let all = "Check the account ID, client ID and client secret";
    for (status, body, is_unauthorized, words) in [
        (400, r#"{"reason":"Invalid client_id or client_secret","error":"invalid_client"}"#, true, gov),
        (400, r#"{"error":"invalid_client"}"#, true, gov),
        (401, r#"{"error":"invalid_client","code":4717,"reason":"R"}"#, true, gov),
        (400, r#"{"reason":"unsupported grant type","error":"unsupported_grant_type"}"#, true, another),
        (400, r#"{"error":"unsupported_grant_type"}"#, true, another),
        (400, r#"{"error":"unauthorized_client"}"#, true, another),
        (400, r#"{"reason":"Bad Request","error":"invalid_request"}"#, true, "Check the account ID"),
        (400, r#"{"code":4717,"reason":"R","error":"invalid_request"}"#, true, "4717: R. Check the account ID"),
        (400, r#"{"reason":"Invalid Token!","error":"invalid_grant"}"#, true, "authorize the app again"),
        (400, r#"{"error":"invalid_grant"}"#, true, "authorize the app again"),
        (400, r#"{"error":"another"}"#, false, all),
        (400, "", false, all),
        (401, "", true, all),
        (403, "", false, all),
        (200, "<!DOCTYPE html><html>Sign in</html>", false, url),
        (403, "\n<html>", false, url),
        (404, r#"{"message":"Not found"}"#, false, url),
        (405, "", false, url),
        (429, r#"{"error":"invalid_request"}"#, false, "Too many tokens were requested"),
        (500, r#"{"error":"invalid_request"}"#, false, "try again later"),
    ] {
        let server = server(MockServer::builder()).await;
        server.answer_token_request(Answer::status(status).body(body));
        let error = start(&fetching(&server), MEETING).await.expect_err("no token");
        assert!(chain(&error).contains(words), "{body}: {}", chain(&error));
        assert_eq!(error.is_unauthorized(), is_unauthorized, "{status} {body}");
        assert_eq!(server.token_requests(), 1);
    }
}

#[tokio::test]
async fn every_token_request_is_abandoned_after_10_s() {
    let server = server(MockServer::builder()).await;
    let (own, _) = numbered(|_| std::future::pending::<Result<_, BoxError>>());
    server.answer_token_request(Answer::hang());
    for zoom in [client_of(&server, own), fetching(&server)] {
        let call = tokio::spawn(one(zoom, 0));
        tokio::time::sleep(Duration::from_millis(100)).await; // the request is in progress
        later(9).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!call.is_finished(), "not before 10 s");
        later(1).await;
        let error = call.await.expect("joined").expect_err("no token");
        assert_eq!((error.kind(), error.is_timeout()), (ErrorKind::Token, true));
        assert!(chain(&error).contains("did not answer within 10 s"), "{error}");
    }
}

#[tokio::test]
async fn a_token_has_the_scopes_and_the_server_of_the_token_endpoints_answer() {
    let server = server(MockServer::builder()).await;
    for (scope, api_url) in [(Some("meeting:read meeting:write"), Some("https://api-eu.zoom.us")), (None, None)] {
        let answer = serde_json::json!({ "access_token": "t", "expires_in": 3600, "scope": scope, "api_url": api_url });
        server.answer_token_request(Answer::status(200).json(&answer));
        let token = app(&server).token(&reqwest::Client::new()).await.expect("a token");
        assert_eq!((token.scope.as_deref(), token.api_url.as_deref()), (scope, api_url));
    }
}

#[tokio::test]
async fn a_refused_token_request_keeps_zooms_reason_and_shows_no_credentials() {
    let basic = "bW9jay1jbGllbnQ6bW9jay1zZWNyZXQ=";
    let quoting = serde_json::json!({ "reason": format!("Not mock-secret, nor Basic {basic}"), "error": "x" });
    for (answer, status, reason, words) in [
        (Answer::status(400).json(&serde_json::json!({ "reason": "Bad", "error": "x" })), 400, Some("Bad"), "Bad"),
        (Answer::status(401).json(&quoting), 401, Some("Not ***, nor Basic ***"), "nor Basic ***"),
        (
            Answer::status(400).json(&serde_json::json!({ "error": "invalid_request" })),
            400,
            Some("invalid_request"),
            "invalid_request",
        ),
        (Answer::status(200).json(&serde_json::json!({ "reason": "Not today" })), 200, Some("Not today"), "Not today"),
        (Answer::status(500).body("<h1>mock-secret</h1>"), 500, None, "HTTP 500"),
        (Answer::status(200).body("mock-secret"), 200, None, "its body has no access token"),
        (Answer::status(302).header("location", "http://127.0.0.1:9/"), 302, None, "HTTP 302"),
    ] {
        let server = server(MockServer::builder()).await;
        server.answer_token_request(answer);
        let error = start(&fetching(&server), MEETING).await.expect_err("no token");
        assert_eq!((error.status().map(|s| s.as_u16()), error.message()), (Some(status), reason));
        assert!(chain(&error).contains(words), "{error}");
        let shown = format!("{} {error:?} {:?} {:?}", chain(&error), cause(&error), error.message());
        assert_eq!(secret_in(&shown), None, "{shown}");
        assert_eq!((server.token_requests(), server.request_count()), (1, 0));
    }
}

#[tokio::test]
async fn a_token_endpoints_words_become_one_short_line_that_no_short_secret_redacts() {
    let server = server(MockServer::builder()).await;
    let reason = format!("Invalid client\r\n\u{1b}[31m{}", "x".repeat(60_000));
    server.answer_token_request(Answer::status(400).json(&serde_json::json!({ "reason": reason, "error": "e" })));
    let app = ServerToServer::new("a", "b", "c").token_url(server.token_url());
    let zoom = client_of(&server, app);
    let error = start(&zoom, MEETING).await.expect_err("no token");
    let sentence = chain(&error);
    assert!(sentence.contains("Invalid client") && sentence.contains('…'), "{sentence}");
    assert!(sentence.len() < 1000 && !sentence.contains(char::is_control), "{sentence}");
    assert_eq!(error.message(), Some(reason.as_str()));
}

#[tokio::test]
async fn the_error_of_a_token_endpoint_that_does_not_answer_keeps_its_source() {
    let server = server(MockServer::builder()).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let broken = RawServer::start(|_, _| async {}).await;
    for (address, words) in [(closed, "could not connect to 127.0.0.1"), (broken.address, "the connection broke")] {
        let app = app(&server).token_url(format!("http://{address}/oauth/token"));
        let zoom = client_of(&server, app);
        let error = start(&zoom, MEETING).await.expect_err("no token");
        assert!(chain(&error).contains(words), "{error}");
        let source = cause(&error).source().expect("a source");
        assert!(source.downcast_ref::<reqwest::Error>().is_some(), "{source:?}");
    }
    for _ in 0..3 {
        let cut_off = Answer::status(200).body(r#"{"access_token":"hidden-token"}"#).cut_off_after(20);
        server.answer_token_request(cut_off);
    }
    let error = start(&fetching(&server), MEETING).await.expect_err("no token");
    assert!(chain(&error).contains("its body was cut off"), "{error}");
    let source = cause(&error).source().expect("a source");
    assert!(source.downcast_ref::<reqwest::Error>().is_some(), "{source:?}");
    assert_eq!(secret_in(&format!("{error} {error:?}")), None);
    assert_eq!(server.request_count(), 0);
}

#[tokio::test]
async fn a_token_endpoint_that_starts_late_gets_the_request_once() {
    let server = server(MockServer::builder()).await;
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let app = app(&server).token_url(format!("http://{port}/oauth/token"));
    let zoom = client_of(&server, app);
    let call = tokio::spawn(one(zoom, 0));
    tokio::time::sleep(Duration::from_millis(600)).await;
    let listener = TcpListener::bind(port).await.expect("the same port");
    let late = RawServer::on(listener, |mut stream, _| async move {
        read_request(&mut stream).await.expect("a whole request");
        let token = r#"{"access_token":"mock-access-token"}"#;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{token}", token.len());
        stream.write_all(answer.as_bytes()).await.expect("sent");
    });
    call.await.expect("joined").expect("204 with the token of the third attempt");
    assert_eq!((late.connections(), statuses(&server)), (1, vec![204]));
}

#[tokio::test]
async fn a_token_endpoint_that_hangs_or_never_stops_sending_is_cut_off() {
    let server = server(MockServer::builder()).await;
    let zoom = fetching(&server).with_call_timeout(Duration::from_millis(400));
    server.answer_token_request(Answer::hang());
    let error = start(&zoom, MEETING).await.expect_err("no token in time");
    assert!(error.is_timeout() && !error.may_have_been_sent(), "{error:?}");
    assert_eq!(error.attempts(), 0);
    assert!(error.elapsed() < Duration::from_secs(5), "{:?}", error.elapsed());
    server.answer_token_request(Answer::status(200).body(vec![b' '; 10 << 20]));
    let error = start(&fetching(&server), MEETING).await.expect_err("no token in 64 KiB");
    assert!(chain(&error).contains("too long"), "{error}");
    later(10).await;
    tokio::time::sleep(Duration::from_millis(50)).await; // the hanging request is given up
    later(1).await;
    start(&zoom, MEETING).await.expect("the next call tries again");
}

#[tokio::test]
async fn unusable_credentials_and_token_urls_are_refused_when_the_client_is_built() {
    let server = server(MockServer::builder()).await;
    let app = |account: &str, client: &str, secret: &str| ServerToServer::new(account, client, secret);
    let at = |url: &str| app("a", "b", "c").token_url(url);
    for (source, words) in [
        (app("", "b", "c"), "the account ID is empty"),
        (app("a", "", "c"), "the client ID is empty"),
        (app("a", "b", ""), "the client secret is empty"),
        (app("a\n", "b", "c"), "the account ID contains a space, line break"),
        (app("a", "b\r\n", "c"), "the client ID contains a space, line break"),
        (app("a", "b", "hidden\n"), "the client secret contains a space, line break"),
        (app("a", "b", " hidden"), "the client secret contains a space, line break"),
        (app("a", "b:b", "c"), "the client ID contains a colon"),
        (at("http://zoom.us/oauth/token"), "the token URL must be https"),
        (at("zoom.us"), "the token URL is not a URL"),
        (at("https://hidden:hidden@zoom.us/"), "the token URL must consist of a scheme"),
    ] {
        for base_url in [server.base_url(), "https://api.zoom.us/v2"] {
            let new = || Client::builder().base_url(base_url);
            let error = new().token_source(source.clone()).build().expect_err(words);
            assert_eq!(error.kind(), ErrorKind::Refused);
            assert!(chain(&error).contains(words), "{error}");
            assert_eq!(secret_in(&format!("{error} {error:?}")), None);
        }
    }
    let inside_another = app("a", "b", "hidden\n").token_url(server.token_url());
    let error = inside_another.token(&reqwest::Client::new()).await.expect_err("refused");
    assert!(error.to_string().contains("the client secret contains a space, line break"), "{error}");
    assert_eq!(server.token_requests(), 0);
    let loopback = Client::builder().token_source(at(server.token_url())).build();
    let error = loopback.expect_err("a token of a loopback endpoint is not for Zoom");
    assert!(chain(&error).contains("the token URL must be https because the base URL is"), "{error}");
    for source in [app("a", "b", "c:c"), at("https://zoom.us/oauth/token"), at(server.token_url())] {
        builder_without_token(&server).token_source(source).build().expect("a client");
    }
}

#[tokio::test]
async fn an_errors_methods_also_describe_a_token_request() {
    let asks = |seconds: u64| format!("Zoom asks you to wait for {seconds} s");
    for (status, wait, words) in [
        (429, Some(7), "Too many tokens were requested. "),
        (429, None, "Too many tokens were requested"),
        (503, Some(70), "try again later. "),
        (500, None, "try again later"),
    ] {
        let server = server(MockServer::builder()).await;
        let answer = Answer::status(status);
        server.answer_token_request(match wait {
            Some(seconds) => answer.header("retry-after", seconds.to_string()),
            None => answer,
        });
        let error = start(&fetching(&server), MEETING).await.expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::Token);
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        let is_limited = status == 429;
        let after = wait.map(Duration::from_secs);
        assert_eq!((error.is_rate_limited(), error.retry_after()), (is_limited, after), "{error}");
        assert!(!error.is_timeout() && !error.is_unauthorized());
        let words = format!("{words}{}", wait.map(asks).unwrap_or_default());
        assert!(chain(&error).contains(&words) && !chain(&error).contains("Check"), "{error}");
    }
}

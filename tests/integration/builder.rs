//! Settings from which a client cannot be built.

use zoom_livestream::{Client, ErrorKind, ServerToServer};

fn refusal(builder: zoom_livestream::ClientBuilder, words: &str) {
    let error = builder.build().expect_err(words);
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(!error.may_have_been_sent());
    assert!(error.to_string().contains(words), "{error}");
    assert!(!error.to_string().contains('\n'));
}

#[test]
fn an_invalid_token_is_refused_and_not_printed() {
    for token in ["", "hidden\ntoken", "hidden\r\nX-Evil: 1", "hidden token", "hidden\0", "hidden-é"] {
        let error = Client::builder().access_token(token).build().expect_err("no token");
        assert!(error.to_string().contains("the access token"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
    }
    refusal(Client::builder(), "there is no access token");
}

#[test]
fn the_token_or_source_that_was_set_last_counts() {
    let invalid = || ServerToServer::new("", "client", "secret");
    Client::builder().token_source(invalid()).access_token("t").build().expect("a token");
    refusal(Client::builder().access_token("t").token_source(invalid()), "the account ID is empty");
}

#[test]
fn a_base_url_is_https_or_loopback_and_has_only_a_path() {
    for (url, words) in [
        ("http://api.zoom.us/v2", "must be https"),
        ("ftp://127.0.0.1/v2", "must be https"),
        ("http://127.0.0.1.example.com/v2", "must be https"),
        ("http://localhost.example.com/v2", "must be https"),
        ("https://api.zoom.us/v2?key=1", "without a user, query"),
        ("https://user:pass@api.zoom.us/v2", "without a user"),
        ("https://api.zoom.us/v2#x", "query or fragment"),
        ("api.zoom.us/v2", "is not a URL"),
        ("", "is not a URL"),
    ] {
        refusal(Client::builder().access_token("t").base_url(url), words);
    }
    for url in [
        "https://api.zoom.us/v2",
        "https://api.zoom.us/v2/",
        "http://127.0.0.1:1",
        "http://[::1]:1/v2",
        "http://localhost:1",
    ] {
        Client::builder().access_token("t").base_url(url).build().unwrap_or_else(|error| panic!("{url}: {error}"));
    }
}

#[test]
fn a_user_agent_that_cannot_be_a_header_is_refused() {
    refusal(
        Client::builder().access_token("t").http(|http| http.user_agent("a\r\nb")),
        "check what was given to `http`",
    );
}

//! URLs, read exactly as they are written.

use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use reqwest::Url;

/// Whether this build can speak https.
const HAS_TLS: bool = cfg!(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"));

const NO_TLS: &str = "is https, and zoom-livestream was built without TLS: enable its feature `rustls`, `rustls-no-provider` or \
                      `native-tls`";

/// A URL that a token may be sent to, or the message that says why `text` is not one.
pub(crate) fn checked(what: &str, text: &str) -> Result<Url, String> {
    // RFC 3986, section 2.
    let is_allowed = |c: &char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(*c);
    if let Some(c) = text.chars().find(|c| !is_allowed(c)) {
        return Err(format!("{what} contains {c:?}, which is not allowed in a URL: remove it or percent-encode it"));
    }
    let url = Url::parse(text).map_err(|error| format!("{what} is not a URL: {error}"))?;
    defect(&url, HAS_TLS).map_or(Ok(()), |why| Err(format!("{what} {why}")))?;
    // The `url` crate drops line breaks, resolves `..`, takes `\` for `/` and more without reporting it. Only the slash
    // that it adds after a host without a path means the same.
    let is_same = url.as_str() == text || url.as_str().strip_suffix('/') == Some(text);
    let why = format!("would be changed before it is used: correct it, or write {url} if that is what you mean");
    is_same.then_some(url).ok_or_else(|| format!("{what} {why}"))
}

/// Why no token is sent to this URL.
fn defect(url: &Url, has_tls: bool) -> Option<&'static str> {
    let is_https = url.scheme() == "https";
    let is_private = is_https || (url.scheme() == "http" && is_loopback(url));
    let has_more = url.authority().contains('@') || url.query().is_some() || url.fragment().is_some();
    let defects = [
        (!is_private, "must be https, or http on a loopback address, because a token is sent to it"),
        (has_more, "must consist of a scheme, a host and a path, without a user, query or fragment"),
        (url.path().contains("//"), "has several slashes in a row: write one"),
        (is_https && !has_tls, NO_TLS),
    ];
    defects.into_iter().find_map(|(applies, why)| applies.then_some(why))
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// Encodes all but RFC 3986's unreserved characters.
pub(crate) fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, const { &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~') })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn a_url_is_used_exactly_as_it_is_written() {
        for text in [
            "https://api.zoom.us/v2",
            "https://api.zoom.us/v2/",
            "https://api.zoom.us",
            "https://api.zoom.us:8443/v2",
            "https://api.zoom.us/a%20b/v2",
            "http://127.0.0.1:1",
            "http://[::1]:1/v2",
            "http://localhost:1/",
        ] {
            let url = checked("the base URL", text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(url.as_str().trim_end_matches('/'), text.trim_end_matches('/'));
        }
    }

    #[test]
    fn what_parsing_would_change_is_refused() {
        for (text, words) in [
            ("https://api.zoom.us/v2\r\nX-Evil: 1", r"contains '\r', which is not allowed in a URL: remove it"),
            ("https://api.zoom.us/v2\n", r"contains '\n'"),
            (" https://api.zoom.us/v2", "contains ' '"),
            ("https://api.zo\tom.us/v2", r"contains '\t'"),
            ("https://api.zoom.us/v\u{a0}2", r"contains '\u{a0}'"),
            ("https://api.zoom.us/v2\0", r"contains '\0'"),
            (r"https:\\api.zoom.us/v2", r"contains '\\'"),
            (r"http:\\127.0.0.1/v2", r"contains '\\'"),
            (r"https://api.zoom.us\v2", r"contains '\\'"),
            ("https:/api.zoom.us/v2", "write https://api.zoom.us/v2 if"),
            ("https:api.zoom.us/v2", "write https://api.zoom.us/v2 if"),
            ("https:///api.zoom.us/v2", "write https://api.zoom.us/v2 if"),
            ("https://api.zoom.us/v2/../v3", "write https://api.zoom.us/v3 if"),
            ("https://api.zoom.us/v2//", "has several slashes in a row"),
            ("https://api.zoom.us//v2", "has several slashes in a row"),
            ("https://api.zoom.us/./v2", "write https://api.zoom.us/v2 if"),
            ("https://api.zoom.us/v2/%2E%2e/v3", "write https://api.zoom.us/v3 if"),
            ("https://api.zoom.us/{version}", "contains '{'"),
            ("https://api.zoom.us/é", "contains 'é'"),
            ("https://api.zoom.us/\u{200b}v2", r"contains '\u{200b}'"),
            ("HTTPS://API.zoom.us/v2", "write https://api.zoom.us/v2 if"),
            ("https://api.zoom.us:443/v2", "write https://api.zoom.us/v2 if"),
            ("https://@api.zoom.us/v2", "write https://api.zoom.us/v2 if"),
            ("https://b\u{fc}cher.example/v2", "contains 'ü'"),
            ("http://127.1/v2", "write http://127.0.0.1/v2 if"),
            ("http://0x7f000001", "write http://127.0.0.1/ if"),
            ("http://127.0.0.1:/v2", "write http://127.0.0.1/v2 if"),
            ("http://\u{ff11}27.0.0.1/v2", "contains '１'"),
            ("https://{host}/v2", "contains '{'"),
            ("api.zoom.us/v2", "is not a URL"),
            ("", "is not a URL"),
            ("http://api.zoom.us/v2", "must be https"),
            ("https://api.zoom.us/v2?", "without a user, query"),
            ("https://user:hidden@api.zoom.us/v2/..", "without a user"),
        ] {
            let sentence = checked("the base URL", text).expect_err(text);
            assert!(sentence.starts_with("the base URL ") && sentence.contains(words), "{text:?}: {sentence}");
            assert!(!sentence.contains("hidden"), "{sentence}");
        }
    }

    #[test]
    fn https_without_tls_is_refused_with_the_features_to_enable() {
        let https = Url::parse("https://api.zoom.us/v2").expect("a URL");
        let sentence = defect(&https, false).expect("no TLS");
        assert!(sentence.contains("`rustls`") && sentence.contains("`native-tls`"), "{sentence}");
        assert_eq!(defect(&https, true), None);
        let http = Url::parse("http://127.0.0.1/v2").expect("a URL");
        assert_eq!(defect(&http, false), None);
    }

    proptest! {
        #[test]
        fn an_accepted_url_is_sent_as_it_is_written(
            scheme in select(vec!["https://", "http://", "HTTPS://", r"https:\\", "https:", " https://"]),
            host in prop_oneof![
                select(vec!["api.zoom.us", "127.0.0.1", "127.1", "[::1]", "[0::1]", "localhost", "h:443", "h:8443", "h:", "u:hidden@h"])
                    .prop_map(str::to_owned),
                "\\PC{1,8}",
            ],
            path in prop::collection::vec(
                prop_oneof![
                    select(vec!["/", "v2", "..", ".", "%2e", "%2E", "%20", "\\", "{version}", "?", "#", "\t", "\r\n", " ", "é", "|", "^", "\""])
                        .prop_map(str::to_owned),
                    any::<String>(),
                ],
                0..5,
            ),
        ) {
            let text = format!("{scheme}{host}/{}", path.concat());
            match checked("the base URL", &text) {
                Ok(url) => {
                    // Checked without the parser: the text contains nothing that a parser would drop, encode or
                    // resolve.
                    prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'), "{:?}", text);
                    let segments: Vec<String> =
                        text.split('/').skip(3).map(|segment| segment.replace("%2e", ".").replace("%2E", ".")).collect();
                    prop_assert!(!segments.iter().any(|segment| segment == "." || segment == ".."), "{:?}", text);
                    // The slash after a host without a path may be missing.
                    prop_assert_eq!(url.as_str().trim_end_matches('/'), text.trim_end_matches('/'));
                }
                Err(sentence) => {
                    prop_assert!(!sentence.contains("hidden") && !sentence.contains(char::is_control), "{:?}", sentence);
                }
            }
        }
    }
}

//! Who a token is sent to: certificates, TLS versions, redirects, proxies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zoom_livestream::mock::MockServer;
use zoom_livestream::{AccessToken, Client, ClientBuilder, ErrorKind, TokenSource};

use crate::support::{MEETING, RawServer, builder, client, configure, in_child, is_child, start, until, watch_logs};

/// A certificate authority of these tests.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: reqwest::Certificate,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let root = params.self_signed(&key).expect("a root");
        let root = reqwest::Certificate::from_der(root.der()).expect("a certificate");
        Self { issuer: Issuer::new(params, key), root }
    }

    /// A reqwest builder that trusts only this authority.
    fn trusted(&self) -> reqwest::ClientBuilder {
        reqwest::ClientBuilder::new().tls_certs_only([self.root.clone()])
    }
}

fn params(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).expect("a name")
}

/// What a TLS server saw.
#[derive(Default)]
struct Saw {
    handshakes: AtomicUsize,
    bytes: AtomicUsize,
}

/// A TLS server with this certificate, in front of the mock server.
async fn tls(
    zoom: &MockServer,
    params: CertificateParams,
    authority: Option<&Authority>,
    alpn: &[&str],
) -> (RawServer, Arc<Saw>) {
    let key = KeyPair::generate().expect("a key");
    let certificate = match authority {
        Some(authority) => params.signed_by(&key, &authority.issuer),
        None => params.self_signed(&key),
    };
    let certificate = certificate.expect("a certificate").der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).expect("a server");
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let behind = zoom.base_url().trim_start_matches("http://").trim_end_matches("/v2").to_owned();
    let saw = Arc::new(Saw::default());
    let seen = saw.clone();
    let server = RawServer::start(move |stream, _| {
        let (acceptor, behind, seen) = (acceptor.clone(), behind.clone(), seen.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            seen.handshakes.fetch_add(1, Ordering::SeqCst);
            let mut first = vec![0; 65_536];
            let length = stream.read(&mut first).await.unwrap_or(0);
            seen.bytes.fetch_add(length, Ordering::SeqCst);
            if length > 0 {
                let mut zoom = TcpStream::connect(behind).await.expect("the mock server");
                zoom.write_all(&first[..length]).await.expect("sent");
                let _ = copy_bidirectional(&mut stream, &mut zoom).await;
            }
        }
    })
    .await;
    (server, saw)
}

fn https(server: &RawServer, http: reqwest::ClientBuilder) -> ClientBuilder {
    let url = format!("https://127.0.0.1:{}/v2", server.address.port());
    Client::builder().base_url(url).access_token("mock-access-token").http(|_| http)
}

async fn zoom() -> MockServer {
    watch_logs();
    MockServer::builder().cool_down(Duration::ZERO).start().await.expect("the mock server")
}

#[tokio::test]
async fn a_good_certificate_gets_the_call_over_http_1_and_2() {
    let (zoom, authority) = (zoom().await, Authority::new());
    for (alpn, version) in [(&["http/1.1"][..], "1"), (&["h2", "http/1.1"], "2"), (&[], "1")] {
        let (server, saw) = tls(&zoom, params("127.0.0.1"), Some(&authority), alpn).await;
        let client = https(&server, authority.trusted()).build().expect("a client");
        start(&client, MEETING).await.expect("204");
        configure(&client).await.expect("204");
        assert_eq!(saw.handshakes.load(Ordering::SeqCst), 1, "HTTP/{version}: one connection for both calls");
    }
    assert_eq!(zoom.request_count(), 6);
}

#[tokio::test]
async fn a_server_with_an_invalid_certificate_never_receives_the_token() {
    let (zoom, authority, untrusted) = (zoom().await, Authority::new(), Authority::new());
    let mut expired = params("127.0.0.1");
    expired.not_before = rcgen::date_time_ymd(2020, 1, 1);
    expired.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let mut early = params("127.0.0.1");
    early.not_before = rcgen::date_time_ymd(2999, 1, 1);
    early.not_after = rcgen::date_time_ymd(3000, 1, 1);
    for (what, certificate, signed_by) in [
        ("expired", expired, Some(&authority)),
        ("not yet valid", early, Some(&authority)),
        ("of another host", params("api.zoom.us"), Some(&authority)),
        ("of another address", params("127.0.0.2"), Some(&authority)),
        ("of an unknown authority", params("127.0.0.1"), Some(&untrusted)),
        ("self-signed", params("127.0.0.1"), None),
    ] {
        let (server, saw) = tls(&zoom, certificate, signed_by, &["h2", "http/1.1"]).await;
        let careless = || authority.trusted().danger_accept_invalid_certs(true).danger_accept_invalid_hostnames(true);
        for http in [authority.trusted(), careless()] {
            let client = https(&server, http).build().expect("a client");
            let error = configure(&client).await.expect_err(what);
            assert_eq!(error.kind(), ErrorKind::Connect, "{what}: {error}");
            assert!(!error.may_have_been_sent(), "{what}");
            assert!(format!("{error:?}").contains("invalid peer certificate"), "{what}: {error:?}");
            assert!(error.to_string().contains("its certificate is refused"), "{what}: {error}");
            assert_eq!(error.attempts(), 1, "{what}: another attempt cannot help");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(saw.bytes.load(Ordering::SeqCst), 0, "{what}");
    }
    assert_eq!(zoom.request_count(), 0);
}

#[tokio::test]
async fn a_tls_backend_that_is_chosen_in_http_wins() {
    let (zoom, authority) = (zoom().await, Authority::new());
    let (server, _) = tls(&zoom, params("127.0.0.1"), None, &["http/1.1"]).await;
    let mut trusting = tokio_rustls::rustls::ClientConfig::builder()
        .with_root_certificates(tokio_rustls::rustls::RootCertStore::empty())
        .with_no_client_auth();
    trusting.dangerous().set_certificate_verifier(Arc::new(Trusting));
    let client = https(&server, authority.trusted().tls_backend_preconfigured(trusting)).build();
    configure(&client.expect("a client")).await.expect("its verifier trusts everyone");
    assert_eq!(zoom.request_count(), 1);
}

/// A verifier that takes any certificate.
#[derive(Debug)]
struct Trusting;

mod trusting {
    use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use tokio_rustls::rustls::{DigitallySignedStruct, Error, SignatureScheme};

    impl ServerCertVerifier for super::Trusting {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ED25519]
        }
    }
}

/// The versions in the `supported_versions` extension of a ClientHello (RFC 8446, section 4.2.1).
fn offered_versions(hello: &[u8]) -> Vec<u16> {
    let number = |at: usize, length: usize| hello[at..at + length].iter().fold(0, |n, b| n << 8 | usize::from(*b));
    let mut at = 5 + 4 + 2 + 32; // record, handshake, version, random
    at += 1 + number(at, 1); // session
    at += 2 + number(at, 2); // cipher suites
    at += 1 + number(at, 1); // compression
    let end = at + 2 + number(at, 2);
    at += 2;
    while at < end {
        let (kind, length) = (number(at, 2), number(at + 2, 2));
        at += 4;
        if kind == 43 {
            return (at + 1..at + length).step_by(2).map(|version| number(version, 2) as u16).collect();
        }
        at += length;
    }
    Vec::new()
}

#[tokio::test]
async fn nothing_older_than_tls_1_2_is_offered() {
    let (send, mut hellos) = tokio::sync::mpsc::unbounded_channel();
    let server = RawServer::start(move |mut stream, _| {
        let send = send.clone();
        async move {
            let mut record = vec![0; 5];
            let _ = stream.read_exact(&mut record).await;
            let mut rest = vec![0; usize::from(u16::from_be_bytes([record[3], record[4]]))];
            let _ = stream.read_exact(&mut rest).await;
            record.extend(rest);
            let _ = send.send(record);
        }
    })
    .await;
    let authority = Authority::new();
    let old = authority.trusted().tls_version_min(reqwest::tls::Version::TLS_1_0);
    let client = https(&server, old).call_timeout(Duration::from_millis(200)).build().expect("a client");
    let error = start(&client, MEETING).await.expect_err("no TLS");
    assert!(!error.may_have_been_sent(), "{error}");
    let hello = hellos.recv().await.expect("a ClientHello");
    let mut versions = offered_versions(&hello);
    versions.sort_unstable();
    assert_eq!(versions, [0x0303, 0x0304], "TLS 1.2 and 1.3");
    assert!(!String::from_utf8_lossy(&hello).contains("mock-access-token"));
}

#[tokio::test]
async fn the_http_client_of_an_https_base_url_sends_nothing_over_http() {
    let server = RawServer::start(|_, _| async {}).await;
    let url = server.url();
    let without_tls = TokenSource::new(move |request| {
        let answer = request.http.get(&url).send();
        async { Ok::<_, reqwest::Error>(AccessToken::new(answer.await?.text().await?)) }
    });
    let zoom = Client::builder()
        .base_url("https://127.0.0.1:9/v2")
        .http(|_| Authority::new().trusted())
        .token_source(without_tls);
    let error = start(&zoom.build().expect("a client"), MEETING).await.expect_err("no https");
    assert_eq!((error.kind(), error.may_have_been_sent()), (ErrorKind::Token, false), "{error}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_server_without_tls_never_receives_the_token() {
    let read = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = read.clone();
    let server = RawServer::start(move |mut stream, _| {
        let kept = kept.clone();
        async move {
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes).await;
            kept.lock().expect("bytes").extend(bytes);
        }
    })
    .await;
    let client =
        https(&server, Authority::new().trusted()).call_timeout(Duration::from_millis(200)).build().expect("a client");
    let error = start(&client, MEETING).await.expect_err("no TLS");
    assert_eq!((error.kind(), error.may_have_been_sent()), (ErrorKind::Connect, false));
    until("what was sent", || !read.lock().expect("bytes").is_empty()).await;
    let bytes = read.lock().expect("bytes").clone();
    assert!(!String::from_utf8_lossy(&bytes).contains("mock-access-token"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_from_the_environment_is_never_used_for_loopback() {
    const NAME: &str = "transport::a_proxy_from_the_environment_is_never_used_for_loopback";
    if is_child() {
        // The parent counts the connections to the proxy.
        let server = zoom().await;
        start(&client(&server), MEETING).await.expect("204, past the proxy");
        let url = server.base_url().replace("127.0.0.1", "localhost");
        let by_name = builder(&server).base_url(url).build().expect("a client");
        start(&by_name, MEETING).await.expect("204, past the proxy");
        return;
    }
    let proxy = RawServer::start(|_, _| async {}).await;
    let url = format!("http://{}", proxy.address);
    let proxies = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    tokio::task::block_in_place(|| in_child(NAME, &proxies.map(|name| (name, url.as_str()))));
    assert_eq!(proxy.connections(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_from_the_environment_is_used_for_zoom_and_never_receives_the_token() {
    const NAME: &str = "transport::a_proxy_from_the_environment_is_used_for_zoom_and_never_receives_the_token";
    if is_child() {
        let http = Authority::new().trusted();
        let zoom = Client::builder().access_token("hidden-token").http(|_| http).build().expect("a client");
        let error = start(&zoom, MEETING).await.expect_err("the proxy refuses");
        assert_eq!((error.kind(), error.may_have_been_sent()), (ErrorKind::Connect, false), "{error}");
        return;
    }
    let (send, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let proxy = RawServer::start(move |mut stream, _| {
        let send = send.clone();
        async move {
            let request = crate::support::read_request(&mut stream).await.unwrap_or_default();
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await;
            let _ = send.send(request);
        }
    })
    .await;
    let url = format!("http://{}", proxy.address);
    tokio::task::block_in_place(|| in_child(NAME, &[("https_proxy", url.as_str())]));
    let request = asked.recv().await.expect("a request");
    assert!(request.starts_with("CONNECT api.zoom.us:443 HTTP/1.1\r\n"), "{request}");
    assert!(!request.contains("hidden"), "{request}");
}

#[test]
#[cfg(target_os = "linux")] // elsewhere the system verifies, without files
fn on_a_system_without_ca_certificates_the_error_says_so() {
    const NAME: &str = "transport::on_a_system_without_ca_certificates_the_error_says_so";
    if is_child() {
        let error = Client::builder().access_token("hidden-token").build().expect_err("no CA certificates");
        assert_eq!((error.kind(), error.may_have_been_sent()), (ErrorKind::Refused, false));
        assert!(error.to_string().contains("the system has no CA certificates: install them"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
        // A custom root is enough.
        let own = Client::builder().access_token("hidden-token").http(|_| Authority::new().trusted());
        own.build().expect("a client");
        return;
    }
    let nowhere = "/nonexistent/certificates";
    in_child(NAME, &[("SSL_CERT_FILE", nowhere), ("SSL_CERT_DIR", nowhere)]);
}

#[tokio::test]
async fn a_tls_handshake_that_hangs_ends_at_the_connect_timeout() {
    let server = RawServer::start(|stream, _| async move {
        let _open = stream;
        std::future::pending().await
    })
    .await;
    let zoom = https(&server, Authority::new().trusted()).http(|http| http.connect_timeout(Duration::from_millis(200)));
    let zoom = zoom.attempt_timeout(Duration::from_secs(5)).build().expect("a client");
    let error = start(&zoom, MEETING).await.expect_err("no handshake");
    assert_eq!((error.kind(), error.attempts(), error.may_have_been_sent()), (ErrorKind::Connect, 3, false));
}

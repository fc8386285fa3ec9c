//! Helpers that the tests share.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use zoom_livestream::mock::MockServer;
use zoom_livestream::update_meeting_live_stream_status as meeting;
use zoom_livestream::update_webinar_live_stream_status as webinar;
use zoom_livestream::{Client, ClientBuilder, Error};

pub const MEETING: u64 = 84_912_345_678;
pub const STREAM_URL: &str = "rtmp://user:hidden-password@live.example.com/app";
pub const STREAM_KEY: &str = "hidden-key?user=ada&pass=hidden-too";
pub const PAGE_URL: &str = "https://live.example.com/watch";

/// The committed description.
pub fn document() -> Value {
    serde_json::from_str(include_str!("../../spec/openapi.json")).expect("spec/openapi.json is JSON")
}

/// Each operation of the description that [`call`] can call, which leaves out newly added ones.
pub fn operations() -> Vec<Value> {
    let document = document();
    let items = document["paths"].as_object().expect("paths").values();
    let all = items.flat_map(|item| item.as_object().expect("path item").values());
    let called = all.filter(|operation| CALLED.iter().any(|id| operation["operationId"] == *id));
    let called: Vec<Value> = called.cloned().collect();
    assert_eq!(called.len(), CALLED.len(), "the description lacks one of {CALLED:?}");
    called
}

const CALLED: [&str; 8] = [
    "getMeetingJoinTokenForLiveStreaming",
    "getMeetingLiveStreamDetails",
    "getWebinarJoinTokenForLiveStreaming",
    "getWebinarLiveStreamDetails",
    "updateMeetingLiveStream",
    "updateMeetingLiveStreamStatus",
    "updateWebinarLiveStream",
    "updateWebinarLiveStreamStatus",
];

pub fn builder(server: &MockServer) -> ClientBuilder {
    builder_without_token(server).access_token(server.access_token())
}

/// For a client that gets its tokens from a source.
pub fn builder_without_token(server: &MockServer) -> ClientBuilder {
    watch_logs();
    Client::builder().base_url(server.base_url())
}

pub fn client(server: &MockServer) -> Client {
    builder(server).build().expect("a client of the mock server")
}

/// Calls an operation by its id, with a body that it accepts.
pub async fn call(zoom: &Client, operation_id: &str) -> Result<(), Error> {
    match operation_id {
        "updateMeetingLiveStream" => configure(zoom).await,
        "updateMeetingLiveStreamStatus" => start(zoom, MEETING).await,
        "updateWebinarLiveStreamStatus" => {
            let body = |body: zoom_livestream::update_webinar_live_stream_status::BodyBuilder| {
                body.action(webinar::Action::Start)
            };
            zoom.update_webinar_live_stream_status().webinar_id(MEETING).body_map(body).await
        }
        "updateWebinarLiveStream" => {
            let call = zoom.update_webinar_live_stream().webinar_id(MEETING);
            call.body_map(|body| body.stream_url(STREAM_URL).stream_key(STREAM_KEY).page_url(PAGE_URL)).await
        }
        "getMeetingLiveStreamDetails" => {
            zoom.get_meeting_live_stream_details().meeting_id(MEETING).await.map(drop)
        }
        "getWebinarLiveStreamDetails" => {
            zoom.get_webinar_live_stream_details().webinar_id(MEETING).await.map(drop)
        }
        "getMeetingJoinTokenForLiveStreaming" => {
            zoom.get_meeting_join_token_for_live_streaming().meeting_id(MEETING).await.map(drop)
        }
        "getWebinarJoinTokenForLiveStreaming" => {
            zoom.get_webinar_join_token_for_live_streaming().webinar_id(MEETING).await.map(drop)
        }
        other => panic!("{other} is not among those that are called"),
    }
}

pub async fn configure(zoom: &Client) -> Result<(), Error> {
    zoom.update_meeting_live_stream()
        .meeting_id(MEETING)
        .body_map(|body| body.stream_url(STREAM_URL).stream_key(STREAM_KEY).page_url(PAGE_URL))
        .await
}

pub async fn start(zoom: &Client, meeting: u64) -> Result<(), Error> {
    let settings = meeting::Settings::builder().active_speaker_name(true).display_name("Keynote");
    zoom.update_meeting_live_stream_status()
        .meeting_id(meeting)
        .body_map(|body| body.action(meeting::Action::Start).settings(settings))
        .await
}

/// An error and its causes, as `{:#}` of anyhow prints them.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Every secret that these tests send contains one of these texts, plain or in Base64.
const MARKERS: [&str; 6] = [
    "hidden",
    "mock-access-token",
    "mock-token-",
    "mock-secret",
    "aGlkZGVu",
    "bW9jay1jbGllbnQ6bW9jay1zZWNyZXQ=",
];

/// The secret that `text` shows.
pub fn secret_in(text: &str) -> Option<&'static str> {
    MARKERS.into_iter().find(|marker| text.contains(marker))
}

/// Makes every test of this binary log at TRACE level and searches each line for secrets. The first one found ends the
/// whole run, because a failing test would show only its own lines.
pub fn watch_logs() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .without_time()
            .with_writer(|| LogWatch)
            .init();
    });
}

/// Whether a line of the log has named each of these crates so far.
pub static LOGGED: [(&str, AtomicBool); 4] = [
    ("zoom_livestream::", AtomicBool::new(false)),
    ("reqwest::", AtomicBool::new(false)),
    ("hyper_util::", AtomicBool::new(false)),
    ("h2::", AtomicBool::new(false)),
];

struct LogWatch;

impl Write for LogWatch {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if let Some(secret) = secret_in(&text) {
            // Not `eprintln!`, because the test harness captures its output.
            let _ = writeln!(io::stderr(), "\nthe log shows a secret ({secret}…): {text}");
            std::process::exit(101);
        }
        for (name, logged) in &LOGGED {
            if !logged.load(Ordering::Relaxed) && text.contains(name) {
                logged.store(true, Ordering::Relaxed);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const CHILD: &str = "ZOOM_LIVESTREAM_TEST_CHILD";

/// Whether [`in_child`] started this process.
pub fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs one test of this binary again, in a process of its own with this environment. There, [`is_child`] is true. Returns
/// what it printed.
pub fn in_child(test: &str, environment: &[(&str, &str)]) -> String {
    let mut command = std::process::Command::new(std::env::current_exe().expect("this binary"));
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    for name in ["ACCESS_TOKEN", "ACCOUNT_ID", "CLIENT_ID", "CLIENT_SECRET", "BASE_URL", "TOKEN_URL"] {
        command.env_remove(format!("ZOOM_{name}"));
    }
    command.args(["--exact", test, "--nocapture"]).env(CHILD, "1").envs(environment.iter().copied());
    let output = command.output().expect("this binary runs");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{test} in a process of its own:\n{text}");
    text.into_owned()
}

/// A server that handles connections as a test tells it to.
pub struct RawServer {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl RawServer {
    /// `serve` gets each connection and its number, from 0.
    pub async fn start<F, Served>(serve: F) -> Self
    where
        F: Fn(TcpStream, usize) -> Served + Send + 'static,
        Served: Future<Output = ()> + Send + 'static,
    {
        watch_logs();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::on(listener, serve)
    }

    pub fn on<F, Served>(listener: TcpListener, serve: F) -> Self
    where
        F: Fn(TcpStream, usize) -> Served + Send + 'static,
        Served: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        let accepting = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(serve(stream, counted.fetch_add(1, Ordering::SeqCst)));
            }
        });
        Self { address, connections, accepting }
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn url(&self) -> String {
        format!("http://{}/v2", self.address)
    }

    /// Starts setting up a client of this server.
    pub fn builder(&self) -> ClientBuilder {
        Client::builder().base_url(self.url()).access_token("hidden-token")
    }

    pub fn client(&self) -> Client {
        self.builder().build().expect("a client")
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Reads one HTTP/1.1 request to its end; `None` when the connection ends before.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            if body.len() >= length.map_or(0, |length| length.trim().parse().expect("a length")) {
                return Some(String::from_utf8_lossy(&request).into_owned());
            }
        }
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
}

/// Waits until `is_so`, for ten seconds at most.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(10), "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

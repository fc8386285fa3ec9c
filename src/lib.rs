//! Put Zoom meetings and webinars on a custom live-stream platform: configure the stream, start it, stop it.
//!
//! The client is generated: Zoom describes its API as Postman items, a converter turns them into `spec/openapi.json`,
//! and `build.rs` has progenitor generate the client from that. A thin layer adds what a generator cannot: tokens,
//! `multipart/form-data` bodies, and waiting when Zoom answers 429.
//!
//! # The first call
//!
//! ```
//! use zoom_livestream::Client;
//! use zoom_livestream::update_meeting_live_stream_status::{Action, Settings};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = zoom_livestream::mock::MockServer::start().await?;
//! # let token = server.access_token();
//! let zoom = Client::builder()
//!     .access_token(token)
//! #   .base_url(server.base_url())
//!     .build()?;
//!
//! zoom.update_meeting_live_stream()
//!     .meeting_id(84912345678)
//!     .stream_url("rtmp://live.example.com/app")
//!     .stream_key("the platform's key")
//!     .page_url("https://live.example.com/watch")
//!     .await?;
//!
//! zoom.update_meeting_live_stream_status()
//!     .meeting_id(84912345678)
//!     .action(Action::Start)
//!     .settings(Settings::builder().active_speaker_name(true).display_name("Keynote"))
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! Each operation is a method of [`Client`] that returns a builder; nothing is sent before `.await`. A builder owns what
//! it needs, so a call can be spawned: `tokio::spawn(call.into_future())`. The types of an operation are in the module of
//! its name, such as [`update_meeting_live_stream_status`].
//!
//! A meeting ID is a number (`u64`) or text as people paste it; from a database's `i64` column it is
//! `u64::try_from(column)?`. [`MeetingId`] has the rules.
//!
//! # Tokens
//!
//! Zoom's access tokens expire after an hour. [`ServerToServer`] fetches the next one in time, with the credentials of an
//! account's [own app](https://developers.zoom.us/docs/internal-apps/create/); [`TokenSource`] is for everything
//! else: a vault, user OAuth, a store shared by several machines.
//! [Since June 2023](https://github.com/Jericho/ZoomNet/issues/302), a new server-to-server token does not invalidate
//! earlier ones, so each machine may fetch its own.
//!
//! ```
//! use zoom_livestream::{Client, ServerToServer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = zoom_livestream::mock::MockServer::builder();
//! # let server = server.credentials("account-id", "client-id", "client-secret").start().await?;
//! let app = ServerToServer::new("account-id", "client-id", "client-secret");
//! # let app = app.token_url(server.token_url());
//! let zoom = Client::builder()
//!     .token_source(app)
//! #   .base_url(server.base_url())
//!     .build()?;
//! # zoom.get_meeting_live_stream_details().meeting_id(84912345678).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Many accounts
//!
//! [`Client::with_access_token`] and [`Client::with_token_source`] return a client for another user or account. It is
//! cheap: it shares connections, TLS and settings with the first one, but has a token of its own. A service builds one
//! client when it starts, and derives one from it for each account it acts for.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = zoom_livestream::mock::MockServer::start().await?;
//! # server.accept_token("north-token");
//! # let zoom = zoom_livestream::Client::builder().base_url(server.base_url());
//! # let zoom = zoom.access_token(server.access_token()).build()?;
//! let north = zoom.with_access_token("north-token")?;
//! north.get_meeting_live_stream_details().meeting_id(84912345678).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Rate limits
//!
//! If a meeting's stream is started twice within 30 seconds, Zoom answers 429. The call then waits for as long as Zoom asks, in
//! its headers or in its documentation, and is sent again. [`RetryPolicy`] limits how often and how long. Zoom wants a
//! start to be repeated only if the stream has not started, which no API request reveals: use
//! [`unless`](RetryPolicy::unless) with [events](#start-once), or a check of your own:
//!
//! ```
//! use zoom_livestream::{MeetingId, RetryPolicy};
//!
//! # async fn is_streaming(_: Option<MeetingId>) -> bool { true }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = RetryPolicy::default()
//!     .notify(|resend| eprintln!("sent again in {:?}", resend.wait))
//!     .check(|resend| async move {
//!         // Stops and configurations are always sent again.
//!         resend.field("action") != Some("start") || !is_streaming(resend.meeting_id()).await
//!     });
//! # use zoom_livestream::mock::{Answer, MockServer};
//! # use zoom_livestream::update_meeting_live_stream_status::Action;
//! # let server = MockServer::start().await?;
//! # server.answer(Answer::error(429, 429, "Too many requests.").header("retry-after", "1"));
//! # let zoom = zoom_livestream::Client::builder().base_url(server.base_url()).retry(policy);
//! # let zoom = zoom.access_token(server.access_token()).build()?;
//! # let call = || zoom.update_meeting_live_stream_status().meeting_id(84912345678);
//! # assert!(call().action(Action::Start).await.is_err_and(|error| error.is_retry_declined()));
//! # server.answer(Answer::error(429, 429, "Too many requests.").header("retry-after", "1"));
//! # call().action(Action::Stop).await?;
//! # Ok(())
//! # }
//! ```
//!
//! An account's per-second limit is different: calls that exceed it are spread out and retried until their deadline.
//!
//! # Start once
//!
//! No API request tells whether a stream is running; only Zoom's events (webhooks) do. With the feature `events`,
//! [`events::LiveStreams`] keeps track of them, and a start that is waiting ends as soon as its stream is running,
//! with an error for which [`Error::is_retry_declined`] is true. For a start, treat it as success.
//!
//! ```toml
//! [dependencies]
//! zoom-livestream = { version = "0.1", features = ["events"] }
//! ```
//!
//! ```
//! # #[cfg(not(feature = "events"))]
//! # fn main() {}
//! # #[cfg(feature = "events")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use zoom_livestream::Client;
//! use zoom_livestream::events::LiveStreams;
//! use zoom_livestream::{RetryPolicy, update_meeting_live_stream_status::Action};
//!
//! # let server = zoom_livestream::mock::MockServer::start().await?;
//! # let zoom = Client::builder().base_url(server.base_url()).access_token(server.access_token()).build()?;
//! let streams = LiveStreams::new(); // your webhook's handler calls `streams.record(&event)`
//! let zoom = zoom.with_retry(RetryPolicy::default().unless(streams.satisfied()));
//! # let started = std::time::SystemTime::now();
//! # streams.tell(84912345678.try_into()?, zoom_livestream::events::StreamState::Running, started);
//! # for _ in 0..2 {
//!
//! match zoom.update_meeting_live_stream_status().meeting_id(84912345678).action(Action::Start).await {
//!     Err(error) if error.is_retry_declined() => println!("{error}"), // it is already running
//!     other => other?,
//! }
//! # }
//! # assert_eq!(server.request_count(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! After a successful stop, call `streams.tell(meeting, StreamState::Stopped, sent)`, where `meeting` is a [`MeetingId`]
//! and `sent` the `SystemTime` at which the stop was sent.
//! Otherwise a start right after it may be declined, because the stop's event has not arrived yet.
//!
//! This works only for meetings: no event about a webinar's stream is known.
//! The module [`events`] says which events to enable, and how to verify them.
//!
//! # Errors
//!
//! Every call returns a [`Result`]`<_, `[`Error`]`>`. Log its `Display` and its source; branch on its methods:
//!
//! ```
//! use zoom_livestream::{Error, ErrorCode, ErrorKind};
//!
//! fn what_now(error: &Error) -> &'static str {
//!     match (error.kind(), error.code()) {
//!         (ErrorKind::Refused, _) => "fix the call: nothing was sent",
//!         (_, Some(ErrorCode::USER_NOT_FOUND)) => "ask who hosts the meeting",
//!         _ if error.is_unauthorized() => "get a new token",
//!         _ if error.is_rate_limited() => "come back later",
//!         _ if error.may_have_been_sent() => "look at the stream before the next start",
//!         _ => "try again",
//!     }
//! }
//! # let nothing_set = zoom_livestream::Client::builder().build().unwrap_err();
//! # assert_eq!(what_now(&nothing_set), "fix the call: nothing was sent");
//! ```
//!
//! A success is a 2xx without a body, or with a JSON body that is not an error envelope; where something other than JSON is
//! documented, any body that is not an error envelope will do. An envelope is a `code` with a
//! `message`, unless they only confirm the success (`{"code": 200, "message": "success"}`). A captive portal's HTML is
//! therefore an error, even with status 200.
//!
//! If the network is at fault, a failed connection attempt is retried twice. An untrusted certificate, a proxy that asks for a
//! password and a name that does not resolve are not retried, because trying again would not help. A temporary failure of
//! name resolution looks the same as a name that does not exist, so it is not retried either.
//!
//! # Testing your own code
//!
//! With the feature `mock`, [`mock::MockServer`] is an embedded Zoom on a loopback port. It is strict about what it
//! accepts, enforces the cool-down of a live stream, and gives any answer you ask for.
//!
//! ```toml
//! [dev-dependencies]
//! zoom-livestream = { version = "0.1", features = ["mock"] }
//! ```
//!
//! ```
//! use zoom_livestream::mock::{Answer, MockServer};
//! use zoom_livestream::{Client, Error, ErrorCode};
//!
//! // Your code, which is to be tested.
//! async fn is_configured(zoom: &Client, meeting: u64) -> Result<bool, Error> {
//!     match zoom.get_meeting_live_stream_details().meeting_id(meeting).await {
//!         Ok(details) => Ok(details.stream_url.is_some()),
//!         Err(error) if error.code() == Some(ErrorCode::USER_NOT_FOUND) => Ok(false),
//!         Err(error) => Err(error),
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = MockServer::start().await?;
//! let zoom = Client::builder();
//! let zoom = zoom.base_url(server.base_url()).access_token(server.access_token()).build()?;
//! assert!(is_configured(&zoom, 84912345678).await?);
//!
//! server.answer(Answer::error(404, 1001, "User does not exist."));
//! assert!(!is_configured(&zoom, 84912345678).await?);
//! assert_eq!(server.requests()[0].path, "/v2/meetings/84912345678/livestream");
//! # Ok(())
//! # }
//! ```
//!
//! No test has to wait for 30 seconds: with `#[tokio::test(start_paused = true)]`, or after `tokio::time::pause()`,
//! the client's waits and the embedded Zoom's cool-down pass immediately (tokio's feature `test-util`):
//!
//! ```
//! # use zoom_livestream::mock::MockServer;
//! use zoom_livestream::update_meeting_live_stream_status::Action;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = MockServer::start().await?;
//! # let zoom = zoom_livestream::Client::builder().base_url(server.base_url());
//! # let zoom = zoom.access_token(server.access_token()).build()?;
//! let started = tokio::time::Instant::now();
//! for _ in 0..2 {
//!     zoom.update_meeting_live_stream_status().meeting_id(84912345678).action(Action::Start).await?;
//! }
//! assert!(started.elapsed().as_secs() >= 29); // on tokio's clock; only a moment has really passed
//! # Ok(())
//! # }
//! ```
//!
//! # Without async
//!
//! A call needs a tokio runtime with I/O and timers enabled. Code without one can keep one runtime for all calls:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
//! # let server = runtime.block_on(zoom_livestream::mock::MockServer::start())?;
//! # let zoom = zoom_livestream::Client::builder().base_url(server.base_url());
//! # let zoom = zoom.access_token(server.access_token()).build()?;
//! let call = zoom.get_meeting_live_stream_details().meeting_id(84912345678);
//! let details = runtime.block_on(call.into_future())?;
//! # let _ = details;
//! # Ok(())
//! # }
//! ```
//!
//! # Tracing
//!
//! With the feature `tracing`, each call is a span. Names are OpenTelemetry's where it defines them. No body, token or header is
//! ever a field, except Zoom's tracking ID.
//!
//! | span or event | fields |
//! |---|---|
//! | span `zoom.call`, from `.await` to the end of the call | `otel.kind`, `zoom.operation_id`, `zoom.resource_id` (the meeting or webinar) |
//! | span `zoom.attempt`, until its answer has been read | `otel.kind`, `otel.name`, `http.request.method`, `http.request.resend_count`, `http.response.status_code`, `url.template`, `server.address`, `server.port`, `zoom.tracking_id`, `error.type` (a status, `connect`, `timeout` or `interrupted`) |
//! | span `zoom.token`, for one token request | `otel.kind` |
//! | event at `WARN` before each resend | `zoom.operation_id`, `http.request.resend_count`, `wait_seconds` |
//! | event at `WARN` if a valid token could not be refreshed | none; the message contains the token source's error |
//!
//! # Regenerating
//!
//! When Zoom changes an operation, or you need one more, put its Postman item into the repository's `spec/postman` and
//! run
//!
//! ```text
//! cargo run -p postman-to-openapi -- spec/postman --overlay spec/overlay.json --output spec/openapi.json --table README.md
//! ```
//!
//! The next build has the operation, the embedded Zoom answers it, and nothing in `src/` changes.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `rustls` | yes | TLS by rustls, with the system's certificates |
//! | `native-tls` | no | TLS by the system's own library, if `rustls` is off (`default-features = false`) |
//! | `tracing` | yes | a span per call and per attempt, an event per wait |
//! | `schemars` | no | `JsonSchema` (schemars 1.x) for the request and answer types, and for IDs |
//! | `events` | no | Zoom's events (webhooks), verified and typed; a retry can end as soon as one arrives |
//! | `mock` | no | the embedded Zoom |
//!
//! Without a TLS feature, a client can only use http on a loopback address; building one for https is an error.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
// The crate's page and others link to items of both features.
#![cfg_attr(not(all(feature = "events", feature = "mock")), allow(rustdoc::broken_intra_doc_links))]

mod answer;
mod auth;
mod body;
mod call;
mod client;
mod envelope;
mod error;
#[cfg(feature = "events")]
pub mod events;
mod extra;
mod file;
mod form;
mod id;
mod inspection;
#[cfg(feature = "mock")]
pub mod mock;
mod operation;
mod parameters;
mod retry;
mod secret;
mod sentence;
mod server_to_server;
mod trace;
mod transport;
mod url;

pub use auth::{AccessToken, TokenCache, TokenSource};
pub use body::{BodyEncoding, RawBody};
pub use client::ClientBuilder;
pub use envelope::{ErrorCode, FieldError};
pub use error::{Error, ErrorKind};
pub use extra::Extra;
pub use file::FilePart;
pub use id::{InvalidId, MeetingId, PathSegment, WebinarId};
pub use retry::{Resend, RetryPolicy};
pub use secret::Secret;
pub use server_to_server::ServerToServer;

/// The version of reqwest whose types [`ClientBuilder::http`] and [`TokenSource::token`] take.
pub use reqwest;

include!(concat!(env!("OUT_DIR"), "/client.rs"));

/// The README's own examples compile as they are written there. The others repeat this documentation.
#[cfg(all(doctest, feature = "events"))]
#[doc = include_str!("../README.md")]
pub struct Readme;

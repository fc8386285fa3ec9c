//! Put Zoom meetings and webinars on a custom live-stream platform: configure the stream, start it, stop it.
//!
//! Nothing here was written operation by operation. Zoom describes its API as Postman items; a converter makes
//! `spec/openapi.json` of them, `build.rs` has progenitor make the client, and a thin layer adds what a description
//! says and a generator cannot do: `multipart/form-data` bodies, and waiting when Zoom answers 429.
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
//!     .body_map(|body| {
//!         body.stream_url("rtmp://live.example.com/app")
//!             .stream_key("the platform's key")
//!             .page_url("https://live.example.com/watch")
//!     })
//!     .await?;
//!
//! zoom.update_meeting_live_stream_status()
//!     .meeting_id(84912345678)
//!     .body_map(|body| {
//!         let settings = Settings::builder().active_speaker_name(true).display_name("Keynote");
//!         body.action(Action::Start).settings(settings)
//!     })
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! Each operation is a method of [`Client`] that gives a builder; nothing is sent before `.await`. The types of an
//! operation stand under its name: [`update_meeting_live_stream_status`], [`update_meeting_live_stream`],
//! [`update_webinar_live_stream_status`].
//!
//! # Tokens
//!
//! Zoom's access tokens live for an hour. [`ServerToServer`] gets the next one in time, for an account's own app;
//! [`TokenSource`] is the way in for any other: a vault, user OAuth, a store that several machines share.
//!
//! ```
//! use zoom_livestream::{Client, ServerToServer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = zoom_livestream::mock::MockServer::builder();
//! # let server = server.credentials("account id", "client id", "client secret").start().await?;
//! let app = ServerToServer::new("account id", "client id", "client secret");
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
//! # 429
//!
//! Two starts of one meeting within 30 seconds, and Zoom answers 429. A call then waits as long as Zoom asks, in its
//! headers or in its documentation, and is sent again. [`RetryPolicy`] says how often and how long, and holds the
//! question that only you can answer, for Zoom wants a start to be repeated only if the stream has not started:
//!
//! ```
//! use zoom_livestream::RetryPolicy;
//!
//! # async fn is_streaming() -> bool { true }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = RetryPolicy::default()
//!     .notify(|resend| eprintln!("sent again in {:?}", resend.wait))
//!     .check(|_resend| async { !is_streaming().await });
//! # use zoom_livestream::mock::{Answer, MockServer};
//! # let server = MockServer::start().await?;
//! # server.answer(Answer::error(429, 429, "Too many requests.").header("retry-after", "1"));
//! # let zoom = zoom_livestream::Client::builder().base_url(server.base_url()).retry(policy);
//! # let zoom = zoom.access_token(server.access_token()).build()?;
//! # let refused = zoom.get_meeting_live_stream_details().meeting_id(84912345678).await;
//! # assert!(refused.is_err_and(|error| error.is_unwanted()));
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! Every call gives a [`Result`]`<_, `[`Error`]`>`. Its `Display` is a sentence to log; its questions are to branch on:
//!
//! ```
//! use zoom_livestream::{Error, ErrorCode, ErrorKind};
//!
//! fn what_now(error: &Error) -> &'static str {
//!     match (error.kind(), error.code()) {
//!         (ErrorKind::Refused, _) => "mend the call: nothing was sent",
//!         (_, Some(ErrorCode::USER_NOT_FOUND)) => "ask who hosts the meeting",
//!         _ if error.is_unauthorized() => "get a new token",
//!         _ if error.is_rate_limited() => "come back later",
//!         _ if error.may_have_been_sent() => "look at the stream before the next start",
//!         _ => "try again",
//!     }
//! }
//! # let nothing_set = zoom_livestream::Client::builder().build().unwrap_err();
//! # assert_eq!(what_now(&nothing_set), "mend the call: nothing was sent");
//! ```
//!
//! # Testing your own code
//!
//! With the feature `mock`, [`mock::MockServer`] is a Zoom on a loopback port: strict about what it takes, with a live
//! stream's cool-down, and with any answer you ask for.
//!
//! ```
//! use zoom_livestream::mock::{Answer, MockServer};
//! use zoom_livestream::{Client, Error, ErrorCode};
//!
//! // Yours: what is tested.
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
//! # Regenerating
//!
//! When Zoom changes an operation, or you need one more: put its Postman item into the repository's `spec/postman` and
//! run
//!
//! ```text
//! cargo run -p postman-to-openapi -- spec/postman --overlay spec/overlay.json --output spec/openapi.json --table README.md
//! ```
//!
//! The next build has it, the embedded Zoom answers it, and nothing in `src/` changes.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `rustls` | yes | TLS by rustls, with the system's certificates |
//! | `native-tls` | no | TLS by the system's own library |
//! | `tracing` | yes | a span per call and per attempt, an event per wait |
//! | `schemars` | no | `JsonSchema` (schemars 1.x) for the request and answer types |
//! | `mock` | no | the embedded Zoom |

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(feature = "mock"), allow(rustdoc::broken_intra_doc_links))] // the crate's page links to `mock`

mod auth;
mod body;
mod call;
mod client;
mod error;
mod extra;
mod fields;
mod id;
#[cfg(feature = "mock")]
pub mod mock;
mod multipart;
mod operation;
mod retry;
mod secret;
mod trace;

pub use auth::{AccessToken, ServerToServer, TokenError, TokenSource};
pub use body::{BodyEncoding, RawBody};
pub use client::ClientBuilder;
pub use error::{Error, ErrorCode, ErrorKind, FieldError};
pub use extra::Extra;
pub use id::{InvalidId, MeetingId, PathSegment, WebinarId};
pub use retry::{Resend, RetryPolicy};
pub use secret::Secret;

include!(concat!(env!("OUT_DIR"), "/client.rs"));

/// The README's examples compile as they are written there.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

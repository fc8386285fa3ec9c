//! Put Zoom meetings and webinars on a custom live-stream platform: configure the stream, start it, stop it.
//!
//! Nothing here was written operation by operation. Zoom describes its API as Postman items; a converter makes
//! `spec/openapi.json` of them, `build.rs` has progenitor make the client, and a thin layer adds what a description
//! says and a generator cannot do: `multipart/form-data` bodies, and waiting when Zoom answers 429.
//!
//! # The first call
//!
//! ```no_run
//! use zoom_livestream::update_meeting_live_stream_status::{Action, Settings};
//! use zoom_livestream::{Client, Error};
//!
//! # async fn start(token: String) -> Result<(), Error> {
//! let zoom = Client::builder().access_token(token).build()?;
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
//! ```no_run
//! use zoom_livestream::{Client, ServerToServer};
//!
//! # fn main() -> Result<(), zoom_livestream::Error> {
//! let app = ServerToServer::new("account id", "client id", "client secret");
//! let zoom = Client::builder().token_source(app).build()?;
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
//! # async fn is_streaming() -> bool { false }
//! let policy = RetryPolicy::default()
//!     .notify(|resend| eprintln!("sent again in {:?}", resend.wait))
//!     .check(|_resend| async { !is_streaming().await });
//! # let _ = policy;
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
//!         _ if error.may_have_been_sent() => "look whether the stream runs before you start it again",
//!         _ => "try again",
//!     }
//! }
//! # let _ = what_now;
//! ```
//!
//! # Testing your own code
//!
//! With the feature `mock`, [`mock::MockServer`](https://docs.rs/zoom-livestream/latest/zoom_livestream/mock/) is a
//! Zoom on a loopback port: strict about what it takes, with a live stream's cool-down, and with any answer you ask for.
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

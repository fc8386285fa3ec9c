//! Zoom's events (webhooks): verified, typed, and used by retries. Feature `events`.
//!
//! No API request tells whether a live stream is running; only Zoom's events do. [`Verifier`] checks that an event comes
//! from Zoom, [`LiveStreams`] keeps track of each stream, and [`RetryPolicy::unless`](crate::RetryPolicy::unless) ends
//! a start as soon as its stream is running.
//!
//! ```
//! use zoom_livestream::events::{Event, LiveStreams, VerifyError, Verifier};
//!
//! /// The status and body with which to answer a POST from Zoom.
//! fn answer(
//!     verifier: &Verifier,
//!     streams: &LiveStreams,
//!     body: &[u8],
//!     signature: Option<&str>, // the header x-zm-signature
//!     timestamp: Option<&str>, // the header x-zm-request-timestamp
//! ) -> (u16, String) {
//!     match verifier.verify(body, signature, timestamp) {
//!         Ok(Event::UrlValidation(challenge)) => (200, challenge.answer().to_string()),
//!         Ok(event) => {
//!             streams.record(&event);
//!             (204, String::new())
//!         }
//!         Err(refused) => (401, refused.to_string()),
//!     }
//! }
//! # let (status, body) = answer(&Verifier::new("secret"), &LiveStreams::new(), b"", None, None);
//! # assert_eq!(status, 401, "{body}");
//! ```
//!
//! # Which events, and where to enable them
//!
//! | event | what it means |
//! |---|---|
//! | `meeting.live_streaming_started` | the meeting's stream is running, unless the event names another service, such as YouTube |
//! | `meeting.live_streaming_stopped` | the meeting's stream has stopped |
//! | `meeting.started` | a new session, which is not streamed yet |
//! | `meeting.ended` | the meeting has ended, and so has its stream |
//! | `webinar.started`, `webinar.ended` | nothing about the stream; from its start on, a webinar's stream can be started, unless it is in its practice session |
//! | `endpoint.url_validation` | Zoom checks the endpoint; it is always sent and must be [answered](Challenge::answer) |
//!
//! On Zoom's App Marketplace, open your app's event subscriptions, add one, select these events, and enter
//! your endpoint's https URL. Zoom then sends the challenge, so the endpoint must be running. The secret token is on the
//! same page. No event tells of a webinar's stream.
//!
//! # When an event is refused
//!
//! | what [`VerifyError`] says | what it means |
//! |---|---|
//! | `x-zm-signature does not match` | the body was changed, for example by a framework that parsed and re-serialized it; or the secret token is another app's, or has been rotated ([`Verifier::also`]) |
//! | `x-zm-request-timestamp is … s old` or `in the future` | this machine's clock is wrong or, if it is old, the event is a replay |
//! | `the request has no … header` | the request is not from Zoom, or a proxy removed the headers |

mod event;
mod live_streams;
mod notification;
mod verify;

pub use event::{Challenge, Event, Other};
pub use live_streams::{LiveStreams, StreamState};
pub use notification::{CustomLiveStreamingSettings, LiveStreaming, Notification, Object, Payload};
pub(crate) use verify::signature;
pub use verify::{Verifier, VerifyError};

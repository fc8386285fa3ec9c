//! Zoom's events (webhooks): verified, typed, and known to the retries. Feature `events`.
//!
//! No request says whether a live stream runs; Zoom tells it by events. [`Verifier`] checks that an event comes from Zoom,
//! [`LiveStreams`] keeps what events tell of each stream, and
//! [`RetryPolicy::unless`](crate::RetryPolicy::unless) ends a start's wait once its stream runs.
//!
//! ```
//! use zoom_livestream::events::{Event, LiveStreams, VerifyError, Verifier};
//!
//! /// What to answer to a POST of Zoom's: a status and a body.
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
//! # let (status, words) = answer(&Verifier::new("secret"), &LiveStreams::new(), b"", None, None);
//! # assert_eq!(status, 401, "{words}");
//! ```
//!
//! # Which events, and where to switch them on
//!
//! | event | what it tells |
//! |---|---|
//! | `meeting.live_streaming_started` | the meeting's stream runs |
//! | `meeting.live_streaming_stopped` | it has stopped |
//! | `meeting.ended` | the meeting has ended, and its stream with it |
//! | `meeting.started` | nothing about the stream; typed for your own use |
//! | `endpoint.url_validation` | nothing; always sent, and must be [answered](Challenge::answer) |
//!
//! On Zoom's App Marketplace, open your app and its event subscriptions, add one, choose these events among those of
//! meetings, and enter your endpoint's https URL. Zoom then sends the challenge, so the endpoint must be running. The
//! secret token is shown on the same page. Zoom has no event of its own for a webinar's stream.
//!
//! # When a signature is refused
//!
//! | what you see | what it means |
//! |---|---|
//! | [`VerifyError::WrongSignature`] | the body was changed, as by a framework that parsed it and wrote it anew; or the secret token is another app's, or has been rotated ([`Verifier::also`]) |
//! | [`VerifyError::TooOld`], [`VerifyError::InTheFuture`] | this machine's clock is wrong, or somebody replays an event |
//! | [`VerifyError::MissingSignature`], [`VerifyError::MissingTimestamp`] | somebody else called, or a proxy drops the headers |

mod event;
mod live_streams;
mod verify;

pub use event::{Challenge, Event, Other};
pub use live_streams::{LiveStreams, StreamState};
#[cfg(feature = "mock")]
pub(crate) use verify::signature;
pub use verify::{Verifier, VerifyError};

#[doc(inline)]
pub use crate::types::{MeetingEvent, MeetingLiveStreamingEvent};

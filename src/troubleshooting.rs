//! What you may see, what it means and what to do. This module has no code.
//!
//! # Errors of a call
//!
//! The beginning of each sentence:
//!
//! - `` updateMeetingLiveStreamStatus was refused before sending: `action`: it must be one of `start`, `stop`, `mode` ``
//!
//!   Zoom accepts only lower case. `Action::Start` cannot be misspelled.
//!
//! - `` updateMeetingLiveStreamStatus was refused before sending: `settings.display_name` has 51 characters, but Zoom accepts at most 50 ``
//!
//!   Characters are counted, not bytes.
//!
//! - `` updateMeetingLiveStreamStatus was refused before sending: `meeting_id`: "my meeting" is not a meeting ID: give its digits, alone or grouped as in 849 1234 5678, or the join URL ``
//!
//!   The name of a personal room is not an ID either. IDs do not fit into 32 bits: use a `u64`, or an `i64` column and
//!   `u64::try_from(column)?`.
//!
//! - `updateMeetingLiveStreamStatus was answered with HTTP 429, code 429: Too many requests submitted to start the live stream of this meeting: 84912345678. If the live stream has not already started, retry making a new request after 30 seconds. Zoom asks you to wait`
//!
//!   The stream was started less than 30 s ago, and may still be starting. Let [events](crate#start-once) end the wait,
//!   or add a [`check`](crate::RetryPolicy::check) that finds out whether it is running.
//!
//! - `updateMeetingLiveStreamStatus was answered with HTTP 400, code 200 (NOT_AVAILABLE): Meeting has not started`
//!
//!   The host has not started it, or a webinar is in its practice session: wait for them. After a stop, there was
//!   nothing to stop. Code 200 with other words: custom live streaming is turned off, or the account has no webinar
//!   plan.
//!
//! - `updateMeetingLiveStreamStatus was answered with HTTP 401, code 124 (INVALID_ACCESS_TOKEN): Access token is expired`
//!
//!   Zoom's tokens expire after an hour. Use [`ServerToServer`](crate::ServerToServer) or a
//!   [`TokenSource`](crate::TokenSource): the token is refreshed in time, and a call whose token Zoom refuses before
//!   that is sent again once with a newer one.
//!
//! - `updateMeetingLiveStreamStatus was answered with HTTP 400, code 4711 (MISSING_SCOPES): Invalid access token, does not contain scopes:[meeting:update:livestream_status, meeting:update:livestream_status:admin]`
//!
//!   Add one of the scopes in [`missing_scopes`](crate::Error::missing_scopes) to the app; a server-to-server app needs
//!   the one that ends in `:admin`. Then get a new token. It can take from minutes to a night until Zoom accepts it
//!   (observed).
//!
//! - `updateMeetingLiveStreamStatus was answered with HTTP 400, code 3161 (HOST_NOT_ALLOWED): Meeting hosting and scheduling capabilities are not allowed for your user account`
//!
//!   The host's license does not include it.
//!
//! - `updateMeetingLiveStreamStatus was answered with HTTP 404, code 1001 (USER_NOT_FOUND): User 7 does not exist`
//!
//!   Often the token belongs to another account.
//!
//! - `updateMeetingLiveStreamStatus was answered with HTTP 400, code 3000 (NO_ACCESS): Cannot access webinar info`
//!
//!   It is a webinar's ID: call the webinar's operation.
//!
//! - `updateMeetingLiveStreamStatus was answered with HTTP 403, code 403: Authenticated user has not permitted access to the targeted resource`
//!
//!   The host has to allow the app shared access to their meetings (documented).
//!
//! - `the access token contains a space, line break or other character that cannot be part of it`
//!
//!   Give it without `Bearer`, exactly as Zoom issued it. If you read it from a file, trim it.
//!
//! - `updateMeetingLiveStreamStatus was not sent because no access token could be obtained`
//!
//!   The error's cause has the token endpoint's answer. `invalid_client`: the client ID or secret is wrong, or belongs
//!   to Zoom for Government ([`token_url`](crate::ServerToServer::token_url)). `unsupported_grant_type`: the app is not
//!   a server-to-server app. `invalid_request`: the account ID is wrong.
//!
//! # No error, and no stream
//!
//! - a start succeeded, but nothing arrives at the platform:
//!   Zoom accepted the start; no answer and no event says whether it could connect (documented). Check stream URL and
//!   key. A key such as `name?user=ada&pass=secret` needs no escaping: it arrives as you give it.
//!
//! - a configuration succeeded, but Zoom still has the old one:
//!   Zoom answers 204 to a body that it does not read (observed). `cargo run --example doctor -- MEETING_ID --write`,
//!   in a clone of the repository, finds out whether that is so, and [`BodyEncoding::Json`](crate::BodyEncoding::Json)
//!   is the setting if it is.
//!
//! - a start of a webinar is sent again although its stream is running:
//!   No event tells of a webinar's stream. Use a [`check`](crate::RetryPolicy::check).
//!
//! # Events
//!
//! - `x-zm-signature does not match` on every event:
//!   The body is not the one Zoom signed: a framework has parsed it and serialized it again. Pass the raw bytes to
//!   [`Verifier::verify`](crate::events::Verifier::verify). Or the secret token belongs to another app, or has been
//!   rotated: [`Verifier::also`](crate::events::Verifier::also) accepts a second one in the meantime.
//!
//! - `x-zm-request-timestamp is … s old` or `in the future`:
//!   This machine's clock is wrong or, if it is old, someone is replaying an event. Compare `date -u` with the
//!   event's `x-zm-request-timestamp`.
//!
//! - `the request has no x-zm-signature header`, or no `x-zm-request-timestamp` header:
//!   The request is not from Zoom, or a proxy drops the headers.

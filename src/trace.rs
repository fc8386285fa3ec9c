//! Spans and events, which the feature `tracing` switches on.
//!
//! Names are OpenTelemetry's where it defines them (semantic conventions for HTTP clients). No body, token or header is ever
//! a field, except Zoom's tracking ID.

use std::future::Future;
use std::time::Duration;

use reqwest::Request;
use tracing::Instrument;
use tracing::field::Empty;

use crate::answer::{Answer, tracking_id};
use crate::operation::Operation;
use crate::sentence::{LONGEST_QUOTATION, LONGEST_SENTENCE, quoted, shortened};

// The crate `tracing` itself is always there: h2 depends on it.
const ENABLED: bool = cfg!(feature = "tracing");

pub(crate) struct Span(tracing::Span);

impl Span {
    pub fn call(operation: &Operation, path: &str) -> Self {
        Self(span(|| {
            tracing::info_span!(
                "zoom.call",
                otel.kind = "internal",
                zoom.operation_id = operation.id,
                zoom.resource_id = operation.resource_id(path),
            )
        }))
    }

    pub fn attempt(&self, operation: &Operation, request: &Request, resends: u32) -> Self {
        let url = request.url();
        Self(span(|| {
            tracing::info_span!(
                parent: &self.0,
                "zoom.attempt",
                otel.kind = "client",
                otel.name = format_args!("{} {}", request.method(), operation.path),
                http.request.method = %request.method(),
                http.request.resend_count = resends,
                http.response.status_code = Empty,
                url.template = operation.path,
                server.address = url.host_str(),
                server.port = url.port_or_known_default(),
                zoom.tracking_id = Empty,
                error.r#type = Empty,
            )
        }))
    }

    /// Ends an attempt's span before any wait, which belongs to the call.
    pub fn ended(self, outcome: &Result<Answer, reqwest::Error>, token: &str) {
        if self.0.is_disabled() {
            return;
        }
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => return self.failed("connect"),
            Err(error) if error.is_timeout() => return self.failed("timeout"),
            Err(_) => return self.failed("interrupted"),
        };
        self.0.record("http.response.status_code", answer.status.as_u16());
        if let Some(id) = tracking_id(&answer.headers) {
            self.0.record("zoom.tracking_id", quoted(id, &[token], LONGEST_QUOTATION));
        }
        if !answer.status.is_success() {
            self.failed(answer.status.as_str());
        }
    }

    fn failed(&self, kind: &str) {
        self.0.record("error.type", kind);
    }

    pub fn resending(&self, operation: &Operation, resends: u32, wait: Duration, why: &str) {
        if ENABLED {
            tracing::warn!(
                parent: &self.0,
                zoom.operation_id = operation.id,
                http.request.resend_count = resends,
                wait_seconds = wait.as_secs_f64(),
                "{why}"
            );
        }
    }

    pub fn within<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        future.instrument(self.0.clone())
    }
}

/// Puts a token request into a span of its own, a child of the current one, whichever task runs it.
pub(crate) fn token<F: Future>(request: F) -> impl Future<Output = F::Output> {
    request.instrument(span(|| tracing::info_span!("zoom.token", otel.kind = "internal")))
}

/// Calls go on with the old token, so none of them returns this error.
pub(crate) fn refresh_failed(error: &dyn std::error::Error) {
    if ENABLED {
        // Another source's error may have any length and contain line breaks.
        let error = shortened(&error.to_string(), LONGEST_SENTENCE);
        tracing::warn!(
            "the access token could not be refreshed, so the old one is used until it expires: {error}"
        );
    }
}

fn span(make: impl FnOnce() -> tracing::Span) -> tracing::Span {
    if ENABLED { make() } else { tracing::Span::none() }
}

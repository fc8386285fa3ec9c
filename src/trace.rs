//! Spans and events; without the feature `tracing` all of it is nothing.
//!
//! Names are OpenTelemetry's where it has one (semantic conventions for HTTP clients). No body, header or token is
//! ever a field.

use std::future::Future;
use std::time::Duration;

use reqwest::Request;

use crate::answer::Answer;
use crate::operation::Operation;

pub(crate) struct Span(#[cfg(feature = "tracing")] tracing::Span);

#[cfg(feature = "tracing")]
mod enabled {
    use tracing::Instrument;
    use tracing::field::Empty;

    use super::*;
    use crate::answer::tracking_id;
    use crate::secret::redact;
    use crate::sentence::excerpt;

    impl Span {
        pub fn call(operation: &Operation) -> Self {
            Self(tracing::info_span!(
                "zoom.call",
                otel.kind = "internal",
                zoom.operation_id = operation.id,
                zoom.resource_id = Empty,
            ))
        }

        /// Once a call, with its first request.
        pub fn about(&self, operation: &Operation, request: &Request) {
            if !self.0.is_disabled()
                && let Some(id) = operation.resource_id(request.url().path())
            {
                self.0.record("zoom.resource_id", id);
            }
        }

        pub fn attempt(&self, operation: &Operation, request: &Request, resends: u32) -> Self {
            let url = request.url();
            Self(tracing::info_span!(
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
            ))
        }

        /// Ends an attempt's span with its answer: the wait that may follow is the call's.
        pub fn answered(self, answer: &Answer, token: &str) {
            let status = answer.status;
            self.0.record("http.response.status_code", status.as_u16());
            if !status.is_success() {
                self.0.record("error.type", status.as_str());
            }
            if !self.0.is_disabled()
                && let Some(id) = tracking_id(&answer.headers)
            {
                let mut id = excerpt(id);
                redact(&mut id, &[token]);
                self.0.record("zoom.tracking_id", id);
            }
        }

        /// Ends an attempt's span without an answer.
        pub fn failed(self, error: &reqwest::Error) {
            let kind = if error.is_connect() {
                "connect"
            } else if error.is_timeout() {
                "timeout"
            } else {
                "interrupted"
            };
            self.0.record("error.type", kind);
        }

        pub fn resending(&self, operation: &Operation, resends: u32, wait: Duration, why: &str) {
            tracing::warn!(
                parent: &self.0,
                zoom.operation_id = operation.id,
                http.request.resend_count = resends,
                wait_seconds = wait.as_secs_f64(),
                "{why}"
            );
        }

        pub async fn within<F: Future>(&self, future: F) -> F::Output {
            future.instrument(self.0.clone()).await
        }
    }
}

/// A token request, in a span of its own that is a child of the one it is begun in, wherever it runs.
#[cfg(feature = "tracing")]
pub(crate) fn token<F: Future>(request: F) -> impl Future<Output = F::Output> {
    tracing::Instrument::instrument(request, tracing::info_span!("zoom.token", otel.kind = "internal"))
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn token<F: Future>(request: F) -> F {
    request
}

/// Calls go on with the old token, so none of them returns this error.
pub(crate) fn not_renewed(error: &dyn std::error::Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!("the access token was not renewed, and the old one is used until it expires: {error}");
    #[cfg(not(feature = "tracing"))]
    let _ = error;
}

#[cfg(not(feature = "tracing"))]
#[allow(clippy::unused_self)]
impl Span {
    pub fn call(_: &Operation) -> Self {
        Self()
    }

    pub fn about(&self, _: &Operation, _: &Request) {}

    pub fn attempt(&self, _: &Operation, _: &Request, _: u32) -> Self {
        Self()
    }

    pub fn answered(self, _: &Answer, _: &str) {}

    pub fn failed(self, _: &reqwest::Error) {}

    pub fn resending(&self, _: &Operation, _: u32, _: Duration, _: &str) {}

    pub async fn within<F: Future>(&self, future: F) -> F::Output {
        future.await
    }
}

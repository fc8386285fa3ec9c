//! What the service counts, in Prometheus' text format.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

pub struct Metrics {
    registry: Registry,
    /// Starts and stops, by outcome.
    pub requests: IntCounterVec,
    /// Events, by what was answered.
    pub events: IntCounterVec,
    pub waits: IntCounter,
    pub sent_without_knowledge: IntCounter,
    pub redis_up: IntGauge,
}

impl Metrics {
    pub fn new() -> Self {
        let counter = |name, help| IntCounter::new(name, help).expect("the names below are valid");
        let counters = |name, help, label: &str| {
            IntCounterVec::new(Opts::new(name, help), &[label]).expect("the names and labels below are valid")
        };
        let metrics = Self {
            registry: Registry::new(),
            requests: counters(
                "livestream_requests_total",
                "Starts and stops, by outcome: started, already_running, stopped or failed.",
                "outcome",
            ),
            events: counters(
                "livestream_events_total",
                "Zoom's events, by the answer: acknowledged, refused (not verified) or unavailable (Redis is unavailable).",
                "answer",
            ),
            waits: counter("livestream_waits_total", "Waits after a 429."),
            sent_without_knowledge: counter(
                "livestream_sent_without_knowledge_total",
                "Starts sent without knowing whether the stream is running, because Redis is unavailable.",
            ),
            redis_up: IntGauge::new("livestream_redis_up", "Whether Redis answered when it was last asked.")
                .expect("a valid name"),
        };
        metrics.register(&metrics.requests);
        metrics.register(&metrics.events);
        metrics.register(&metrics.waits);
        metrics.register(&metrics.sent_without_knowledge);
        metrics.register(&metrics.redis_up);
        metrics
    }

    fn register(&self, metric: &(impl Collector + Clone + 'static)) {
        self.registry.register(Box::new(metric.clone())).expect("each metric has a name of its own");
    }

    /// All metrics, for `GET /metrics`.
    pub fn text(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

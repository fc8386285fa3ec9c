//! What is known about the streams, in Redis, shared by all copies of the service.

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Client, IntoConnectionInfo, Msg, ProtocolVersion, PushInfo, RedisResult, Script};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};
use zoom_livestream::events::{LiveStreams, StreamState};
use zoom_livestream::{Ending, MeetingId, Resend};

use crate::metrics::Metrics;

/// Where each change is published.
const CHANNEL: &str = "livestream:changes";

/// How long Redis may take to answer, and how often it is asked. An event must be answered within 3 seconds.
const PATIENCE: Duration = Duration::from_secs(1);

const HOUR_MS: i64 = 3_600_000;

/// Redis did not do what it was asked, or not in time.
#[derive(Debug)]
pub struct Unavailable(String);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis is unavailable: {}", self.0)
    }
}

#[derive(Clone)]
pub struct Store {
    redis: ConnectionManager,
    newer_wins: Arc<Script>,
    /// What this copy has learned from Redis. The SDK's retries wait on it.
    pub streams: LiveStreams,
    metrics: Arc<Metrics>,
}

impl Store {
    /// Does not connect yet, so that the service starts even without Redis.
    ///
    /// # Errors
    /// The URL is not a Redis URL.
    pub fn new(url: &str, metrics: Arc<Metrics>) -> RedisResult<Self> {
        let server = url.into_connection_info()?;
        // With this version of the protocol, published messages arrive on the same connection that commands use.
        let settings = server.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let streams = LiveStreams::new();
        let heard = streams.clone();
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            // A command fails at once if no connection can be made; `stay_subscribed` tries again every second.
            .set_number_of_retries(0)
            .set_automatic_resubscription()
            .set_push_sender(move |push: PushInfo| {
                hear(&heard, push);
                Ok::<(), redis::aio::SendError>(())
            });
        let client = Client::open(server.set_redis_settings(settings))?;
        Ok(Self {
            redis: ConnectionManager::new_lazy_with_config(client, config)?,
            newer_wins: Arc::new(Script::new(include_str!("newer_wins.lua"))),
            streams,
            metrics,
        })
    }

    /// Subscribes to the changes every second: that costs next to nothing, reconnects, and shows whether Redis answers.
    pub async fn stay_subscribed(self) {
        loop {
            let mut redis = self.redis.clone();
            let _ = self.ask(redis.subscribe(CHANNEL)).await;
            sleep(PATIENCE).await;
        }
    }

    /// Records what an event says about a stream, unless something newer is known. Once this is `Ok`, every copy uses
    /// it.
    pub async fn record(&self, meeting: MeetingId, state: StreamState, at: SystemTime) -> Result<(), Unavailable> {
        let event_ts = milliseconds(at);
        // What the SDK ignores, such as an event from the future, must not reach the other copies either.
        if !LiveStreams::new().tell(meeting, state, at) {
            warn!(%meeting, event_ts, "an event is ignored: its time is in the future or too long ago");
            return Ok(());
        }
        let (text, hours) = match state {
            StreamState::Running => ("running", 30),
            StreamState::Stopped => ("stopped", 24),
            other => {
                warn!(%meeting, "an event is ignored: this service does not know the state {other:?}");
                return Ok(());
            }
        };
        let mut redis = self.redis.clone();
        let mut script = self.newer_wins.key(key(meeting));
        let script = script.arg(text).arg(event_ts).arg(event_ts + hours * HOUR_MS);
        let script = script.arg(CHANNEL).arg(meeting.get());
        self.ask(script.invoke_async::<i64>(&mut redis)).await?;
        Ok(())
    }

    /// For `RetryPolicy::unless`: like [`LiveStreams::satisfied`], but also asks Redis every second, because a message
    /// that is published while the connection is down is lost.
    pub fn satisfied(&self) -> impl Fn(Resend) -> Pin<Box<dyn Future<Output = Ending> + Send>> + Send + Sync + use<> {
        let (store, satisfied) = (self.clone(), self.streams.satisfied());
        move |resend| {
            let (store, meeting, heard) = (store.clone(), resend.meeting_id(), satisfied(resend));
            Box::pin(async move {
                tokio::select! {
                    ending = heard => ending,
                    never = store.ask_every_second(meeting) => never,
                }
            })
        }
    }

    async fn ask_every_second(&self, meeting: Option<MeetingId>) -> Ending {
        let Some(meeting) = meeting else { return pending().await };
        loop {
            sleep(PATIENCE).await;
            // Redis' answer ends up in `streams`. If there is none, the wait goes on.
            let _ = self.state(meeting).await;
        }
    }

    /// What Redis knows about a stream: its state, and since when.
    pub async fn state(&self, meeting: MeetingId) -> Result<Option<(StreamState, SystemTime)>, Unavailable> {
        let mut redis = self.redis.clone();
        let known: Option<String> = self.ask(redis.get(key(meeting))).await?;
        if let Some((state, at)) = known.as_deref().and_then(read) {
            self.streams.tell(meeting, state, at);
        }
        Ok(known.and_then(|_| self.streams.state(meeting)))
    }

    async fn ask<T>(&self, command: impl Future<Output = RedisResult<T>>) -> Result<T, Unavailable> {
        let answer = match timeout(PATIENCE, command).await {
            Ok(answer) => answer.map_err(|error| Unavailable(error.to_string())),
            Err(_) => Err(Unavailable(format!("there was no answer within {} s", PATIENCE.as_secs()))),
        };
        let was_up = self.metrics.redis_up.get() == 1;
        self.metrics.redis_up.set(answer.is_ok().into());
        match &answer {
            Ok(_) if !was_up => info!("Redis answers"),
            Err(error) if was_up => warn!("{error}"),
            _ => {}
        }
        answer
    }
}

fn key(meeting: MeetingId) -> String {
    format!("livestream:{meeting}")
}

/// Records what another copy has published.
fn hear(streams: &LiveStreams, push: PushInfo) {
    let message = Msg::from_push_info(push).and_then(|message| message.get_payload::<String>().ok());
    if let Some((meeting, state, at)) = message.as_deref().and_then(read_message) {
        streams.tell(meeting, state, at);
    }
}

/// Reads `84912345678 running 1700000000000`.
fn read_message(message: &str) -> Option<(MeetingId, StreamState, SystemTime)> {
    let (meeting, known) = message.split_once(' ')?;
    let (state, at) = read(known)?;
    Some((meeting.parse().ok()?, state, at))
}

/// Reads `running 1700000000000`, as the script writes it.
fn read(known: &str) -> Option<(StreamState, SystemTime)> {
    let (state, event_ts) = known.split_once(' ')?;
    let state = match state {
        "running" => StreamState::Running,
        "stopped" => StreamState::Stopped,
        _ => return None,
    };
    let since_1970 = Duration::from_millis(event_ts.parse().ok()?);
    Some((state, SystemTime::UNIX_EPOCH.checked_add(since_1970)?))
}

/// The time in milliseconds since the Unix epoch, as Redis keeps it.
pub fn milliseconds(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    since.as_millis().try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(milliseconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_message_from_another_service_is_ignored() {
        let running = Some((84912345678.try_into().expect("an ID"), StreamState::Running, at(17)));
        assert_eq!(read_message("84912345678 running 17"), running);
        for message in [
            "",
            "84912345678",
            "84912345678 running",
            "84912345678 paused 17",
            "84912345678 running -17",
            "x running 17",
        ] {
            assert_eq!(read_message(message), None, "{message}");
        }
    }

    proptest! {
        #[test]
        fn what_is_published_is_read_back_and_anything_else_is_ignored(
            meeting in 1..u64::from(u32::MAX), is_running in any::<bool>(), event_ts in 0..=i64::MAX as u64, noise in ".{0,40}",
        ) {
            let (text, state) =
                if is_running { ("running", StreamState::Running) } else { ("stopped", StreamState::Stopped) };
            let read = read_message(&format!("{meeting} {text} {event_ts}"));
            prop_assert_eq!(read, Some((meeting.try_into().expect("an ID"), state, at(event_ts))));
            prop_assert_eq!(milliseconds(at(event_ts)), event_ts as i64);
            if let Some((_, _, read)) = read_message(&noise) {
                prop_assert!(noise.ends_with(&milliseconds(read).to_string()));
            }
        }
    }
}

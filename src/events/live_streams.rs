use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::timeout;

use super::Event;
use crate::sentence::instant;
use crate::{MeetingId, Resend};

/// Whether a meeting's stream runs, as an event tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamState {
    /// It was stopped, or its meeting has ended.
    Stopped,
    /// It was started.
    Running,
}

const HOUR: Duration = Duration::from_secs(3600);

/// By how much Zoom's clock may be ahead of this machine's. An event from a later time would outdo all that follow.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// What is known of each meeting's stream: running since, stopped since, or nothing.
///
/// Events arrive twice, late and out of order; the latest `event_ts` counts, and of two that are equal, the stop. A clone
/// shares what is known.
///
/// | | default |
/// |---|---|
/// | [`believe_for`](Self::believe_for) | 30 hours |
/// | [`keep_ended`](Self::keep_ended) | 24 hours |
/// | [`max_meetings`](Self::max_meetings) | 100,000 |
///
/// ```
/// use zoom_livestream::events::{LiveStreams, StreamState};
/// use zoom_livestream::{Client, MeetingId, RetryPolicy};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let streams = LiveStreams::new();
/// let zoom = Client::builder()
///     .retry(RetryPolicy::default().unless(streams.satisfied()))
/// #   .access_token("token")
///     .build()?;
///
/// // The webhook's handler: `streams.record(&event)`. From a store that several machines share:
/// let meeting = MeetingId::try_from(84912345678)?;
/// # let event_ts = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_millis() as i64;
/// streams.tell(meeting, StreamState::Running, event_ts);
/// assert!(matches!(streams.state(meeting), Some((StreamState::Running, _since))));
/// # let _ = zoom;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct LiveStreams(Arc<Mutex<Known>>);

impl LiveStreams {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long after its start a stream is believed to run: the event of its stop can be lost.
    pub fn believe_for(self, longest: Duration) -> Self {
        self.lock().believe_for = longest;
        self
    }

    /// How long after its stop a stream is remembered. Zoom repeats an event for an hour and a half: if a stop is
    /// forgotten earlier, a late start seems to be the latest.
    pub fn keep_ended(self, longest: Duration) -> Self {
        self.lock().keep_ended = longest;
        self
    }

    /// Of how many meetings the streams are remembered. Those that stopped longest ago are forgotten first, then those
    /// that have been running longest.
    pub fn max_meetings(self, most: usize) -> Self {
        self.lock().max_meetings = most;
        self
    }

    /// Takes what an event says of a stream. Says whether it changed what is known; what is older, comes from the
    /// future or is not about a stream does not.
    pub fn record(&self, event: &Event) -> bool {
        event.stream_state().is_some_and(|(meeting, state, event_ts)| self.tell(meeting, state, event_ts))
    }

    /// Takes what is known of a meeting's stream from elsewhere, such as a store that several machines share.
    ///
    /// `event_ts` is the event's, in milliseconds since 1970. Says whether it changed what is known, as
    /// [`record`](Self::record) does.
    pub fn tell(&self, meeting: MeetingId, state: StreamState, event_ts: i64) -> bool {
        self.lock().tell(meeting, state, event_ts, SystemTime::now())
    }

    /// What is known of a meeting's stream: its state, and since when. `None`: nothing, or nothing any more.
    pub fn state(&self, meeting: MeetingId) -> Option<(StreamState, SystemTime)> {
        self.lock().state(meeting, SystemTime::now())
    }

    /// Waits until this meeting's stream runs, and gives since when; `None` if it does not within `at_most`.
    pub async fn wait_until_running(&self, meeting: MeetingId, at_most: Duration) -> Option<SystemTime> {
        timeout(at_most, self.until(meeting, StreamState::Running)).await.ok()
    }

    /// For [`RetryPolicy::unless`](crate::RetryPolicy::unless): ready for a start once the meeting's stream runs, for a
    /// stop once it has stopped, and never for any other call.
    ///
    /// The start then ends in an error for which [`Error::is_retry_declined`](crate::Error::is_retry_declined) is true,
    /// although the stream runs, as it should:
    ///
    /// ```
    /// # use zoom_livestream::Error;
    /// # fn start() -> Result<(), Error> { Ok(()) }
    /// # fn done() -> Result<(), Error> {
    /// match start() {
    ///     Err(error) if error.is_retry_declined() => Ok(()), // somebody else started it
    ///     other => other,
    /// }
    /// # }
    /// # done().unwrap();
    /// ```
    ///
    /// What is known is what events have told: to stop a stream and start it again at once, [`tell`](Self::tell) that it
    /// has stopped as soon as the stop has succeeded.
    pub fn satisfied(
        &self,
    ) -> impl Fn(Resend) -> Pin<Box<dyn Future<Output = String> + Send>> + Send + Sync + use<> {
        let streams = self.clone();
        move |resend| Box::pin(streams.clone().satisfies(resend))
    }

    async fn satisfies(self, resend: Resend) -> String {
        let state = match resend.field("action") {
            Some("start") => Some(StreamState::Running),
            Some("stop") => Some(StreamState::Stopped),
            _ => None,
        };
        let meeting = resend.meeting_id().filter(|_| resend.path.ends_with("/livestream/status"));
        let (Some(state), Some(meeting)) = (state, meeting) else { return pending().await };
        let since = instant(self.until(meeting, state).await);
        match state {
            StreamState::Running => format!("the stream of meeting {meeting} has been running since {since}"),
            StreamState::Stopped => format!("the stream of meeting {meeting} has been stopped since {since}"),
        }
    }

    /// Waits for a state, and gives since when it is so.
    async fn until(&self, meeting: MeetingId, wished: StreamState) -> SystemTime {
        let waiter = Waiter::new(self, meeting);
        loop {
            // Before the look: what is told in between wakes it.
            let told = waiter.told.notified();
            if let Some((_, since)) = self.state(meeting).filter(|(state, _)| *state == wished) {
                return since;
            }
            told.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LiveStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveStreams").field("meetings", &self.lock().streams.len()).finish_non_exhaustive()
    }
}

/// One that waits for news of a meeting's stream.
struct Waiter<'s> {
    streams: &'s LiveStreams,
    meeting: MeetingId,
    told: Arc<Notify>,
}

impl<'s> Waiter<'s> {
    fn new(streams: &'s LiveStreams, meeting: MeetingId) -> Self {
        let mut known = streams.lock();
        let (waiters, told) = known.waiting.entry(meeting).or_default();
        *waiters += 1;
        Self { streams, meeting, told: told.clone() }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut known = self.streams.lock();
        if let Some((waiters, _)) = known.waiting.get_mut(&self.meeting) {
            *waiters -= 1;
            if *waiters == 0 {
                known.waiting.remove(&self.meeting);
            }
        }
    }
}

/// What is known, without a clock.
struct Known {
    believe_for: Duration,
    keep_ended: Duration,
    max_meetings: usize,
    /// The latest of each meeting; its instant is in milliseconds since 1970.
    streams: HashMap<MeetingId, (u64, StreamState)>,
    /// The same by state and age.
    by_age: [BTreeSet<(u64, MeetingId)>; 2],
    /// How many wait for news of a meeting, and how they are told.
    waiting: HashMap<MeetingId, (usize, Arc<Notify>)>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            believe_for: 30 * HOUR,
            keep_ended: 24 * HOUR,
            max_meetings: 100_000,
            streams: HashMap::new(),
            by_age: Default::default(),
            waiting: HashMap::new(),
        }
    }
}

impl Known {
    fn tell(&mut self, meeting: MeetingId, state: StreamState, event_ts: i64, now: SystemTime) -> bool {
        let Ok(event_ts) = u64::try_from(event_ts) else { return false };
        if event_ts > millis(now).saturating_add(CLOCK_SKEW.as_millis() as u64)
            || self.is_forgotten(state, event_ts, now)
        {
            return false;
        }
        let order = |(event_ts, state)| (event_ts, state == StreamState::Stopped);
        let told = (event_ts, state);
        if let Some(known) = self.streams.get(&meeting).copied() {
            if order(known) >= order(told) {
                return false;
            }
            let (since, state) = known;
            self.by_age[state as usize].remove(&(since, meeting));
        }
        self.streams.insert(meeting, told);
        self.by_age[state as usize].insert((event_ts, meeting));
        self.forget(now);
        if let Some((_, told)) = self.waiting.get(&meeting) {
            told.notify_waiters();
        }
        true
    }

    fn state(&self, meeting: MeetingId, now: SystemTime) -> Option<(StreamState, SystemTime)> {
        let (since, state) = *self.streams.get(&meeting)?;
        let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(since))?;
        (!self.is_forgotten(state, since, now)).then_some((state, at))
    }

    fn is_forgotten(&self, state: StreamState, since: u64, now: SystemTime) -> bool {
        let longest = match state {
            StreamState::Running => self.believe_for,
            StreamState::Stopped => self.keep_ended,
        };
        Duration::from_millis(millis(now).saturating_sub(since)) > longest
    }

    /// Keeps memory bounded: what has stopped goes before what runs.
    fn forget(&mut self, now: SystemTime) {
        for state in [StreamState::Stopped, StreamState::Running] {
            while let Some(&(since, meeting)) = self.by_age[state as usize].first()
                && (self.is_forgotten(state, since, now) || self.streams.len() > self.max_meetings)
            {
                self.by_age[state as usize].pop_first();
                self.streams.remove(&meeting);
            }
        }
    }
}

fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(u64::MAX)
}

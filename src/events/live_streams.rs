use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;

use super::Event;
use crate::sentence::instant;
use crate::{Ending, MeetingId, Resend};

/// Whether a meeting's stream is running, according to an event. [`LiveStreams::state`] and [`Event::stream_state`] return
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamState {
    /// It was stopped, or the meeting has ended.
    Stopped,
    /// It was started.
    Running,
}

const HOUR: Duration = Duration::from_secs(3600);

/// How far Zoom's clock may be ahead of this machine's. Because the latest event wins, one from further in the future
/// would override all that follow.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// Keeps track of meetings' streams: whether each is running or stopped, and since when, if known.
///
/// Events arrive twice, late and out of order, so the latest `event_ts` wins; of two equal ones, the stop wins. Clones
/// share their state.
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
/// // Your webhook handler calls `streams.record(&event)`. With a store shared by several machines:
/// let meeting = MeetingId::try_from(84912345678)?;
/// # let event_time = std::time::SystemTime::now();
/// streams.tell(meeting, StreamState::Running, event_time);
/// assert!(matches!(streams.state(meeting), Some((StreamState::Running, _since))));
/// # let _ = zoom;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct LiveStreams(Arc<Mutex<Known>>);

impl LiveStreams {
    /// Creates a tracker that does not know of any streams yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long after its start a stream is believed to be running, because the event of its stop may be lost.
    pub fn believe_for(self, longest: Duration) -> Self {
        self.lock().believe_for = longest;
        self
    }

    /// How long after its stop a stream is remembered. Zoom repeats an event for an hour and a half; if a stop is
    /// forgotten before that, an earlier start that arrives late looks like the latest event.
    pub fn keep_ended(self, longest: Duration) -> Self {
        self.lock().keep_ended = longest;
        self
    }

    /// How many meetings' streams are remembered. Those that stopped longest ago are forgotten first, then those that
    /// have been running longest.
    pub fn max_meetings(self, most: usize) -> Self {
        self.lock().max_meetings = most;
        self
    }

    /// Records what an event says about a stream, and returns whether that changed anything. An event that is outdated,
    /// from the future or not about a stream changes nothing.
    pub fn record(&self, event: &Event) -> bool {
        event.stream_state().is_some_and(|(meeting, state, at)| self.tell(meeting, state, at))
    }

    /// Records the state of a meeting's stream that is known from elsewhere, such as a store shared by several machines.
    ///
    /// `at` is the time of the event; like Zoom's `event_ts`, it counts in whole milliseconds. As with
    /// [`record`](Self::record), returns whether that changed anything.
    pub fn tell(&self, meeting: MeetingId, state: StreamState, at: SystemTime) -> bool {
        self.lock().tell(meeting, state, at, SystemTime::now())
    }

    /// The state of a meeting's stream, and since when; `None` if it is unknown or has been forgotten.
    pub fn state(&self, meeting: MeetingId) -> Option<(StreamState, SystemTime)> {
        self.lock().state(meeting, SystemTime::now())
    }

    /// For [`RetryPolicy::unless`](crate::RetryPolicy::unless): ends the wait of a start once the meeting's stream is
    /// running, and that of a stop once it has stopped. Other calls are not affected.
    ///
    /// Such a start ends in an error for which [`Error::is_retry_declined`](crate::Error::is_retry_declined) is true,
    /// although its stream is running as it should:
    ///
    /// ```
    /// # use zoom_livestream::Error;
    /// # fn start() -> Result<(), Error> { Ok(()) }
    /// # fn done() -> Result<(), Error> {
    /// match start() {
    ///     Err(error) if error.is_retry_declined() => Ok(()), // it is already running
    ///     other => other,
    /// }
    /// # }
    /// # done().unwrap();
    /// ```
    ///
    /// An event takes a moment to arrive. After a successful stop, call [`tell`](Self::tell) with [`StreamState::Stopped`] and
    /// the time at which the stop was sent: otherwise, if a start right after it gets a 429, it is declined because the
    /// state is still the old one. A successful start needs nothing: it means that Zoom accepted it, not that the stream is
    /// running. For the same reason, send an emergency stop with a policy without `unless`.
    pub fn satisfied(
        &self,
    ) -> impl Fn(Resend) -> Pin<Box<dyn Future<Output = Ending> + Send>> + Send + Sync + use<> {
        let streams = self.clone();
        move |resend| Box::pin(streams.clone().satisfies(resend))
    }

    async fn satisfies(self, resend: Resend) -> Ending {
        let state = match resend.field("action") {
            Some("start") => Some(StreamState::Running),
            Some("stop") => Some(StreamState::Stopped),
            _ => None,
        };
        let meeting = resend.meeting_id().filter(|_| resend.path.ends_with("/livestream/status"));
        let (Some(state), Some(meeting)) = (state, meeting) else { return pending().await };
        let since = instant(self.until(meeting, state).await);
        match state {
            StreamState::Running => Ending::Done,
            StreamState::Stopped => {
                Ending::Declined(format!("the stream of meeting {meeting} was stopped at {since}"))
            }
        }
    }

    /// Waits for a state, and returns since when it holds.
    async fn until(&self, meeting: MeetingId, wanted: StreamState) -> SystemTime {
        let waiter = Waiter::new(self, meeting);
        loop {
            // Subscribes before looking, so that no change in between is missed.
            let told = waiter.told.notified();
            if let Some((_, since)) = self.state(meeting).filter(|(state, _)| *state == wanted) {
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

/// A task that waits for a change of a meeting's stream.
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

/// The known states of streams. It has no clock: methods get the current time.
struct Known {
    believe_for: Duration,
    keep_ended: Duration,
    max_meetings: usize,
    /// The latest state of each meeting's stream, and its time in milliseconds since the Unix epoch.
    streams: HashMap<MeetingId, (u64, StreamState)>,
    /// The same, by state and time.
    by_age: [BTreeSet<(u64, MeetingId)>; 2],
    /// How many tasks wait for a change of a meeting's stream, and what wakes them.
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
    fn tell(&mut self, meeting: MeetingId, state: StreamState, at: SystemTime, now: SystemTime) -> bool {
        let Some(event_ts) = millis(at) else { return false };
        let latest = now.checked_add(CLOCK_SKEW);
        if latest.is_none_or(|latest| at > latest) || self.is_forgotten(state, event_ts, now) {
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
        let at = from_millis(since)?;
        (!self.is_forgotten(state, since, now)).then_some((state, at))
    }

    fn is_forgotten(&self, state: StreamState, since: u64, now: SystemTime) -> bool {
        let longest = match state {
            StreamState::Running => self.believe_for,
            StreamState::Stopped => self.keep_ended,
        };
        Duration::from_millis(millis(now).unwrap_or_default().saturating_sub(since)) > longest
    }

    /// Keeps memory bounded: stopped streams are forgotten before running ones.
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

/// Whole milliseconds since the Unix epoch, the unit of `event_ts`.
fn millis(at: SystemTime) -> Option<u64> {
    at.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis().try_into().ok()
}

pub(super) fn from_millis(since_1970: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(since_1970))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::timeout;

    use super::StreamState::{Running, Stopped};
    use super::*;

    const NOW: u64 = 1_700_000_000_000;
    const HOUR_MS: u64 = 3_600_000;
    const YEAR_9999: u64 = 253_402_300_799_000;

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    fn id(number: u64) -> MeetingId {
        number.try_into().expect("an ID")
    }

    fn tell(known: &mut Known, meeting: u64, state: StreamState, event_ts: u64) -> bool {
        known.tell(id(meeting), state, at(event_ts), at(NOW))
    }

    fn state(known: &Known, meeting: u64) -> Option<StreamState> {
        known.state(id(meeting), at(NOW)).map(|(state, _)| state)
    }

    #[test]
    fn the_latest_event_wins_in_any_order_of_arrival() {
        let mut known = Known::default();
        assert!(tell(&mut known, 1, Stopped, NOW - 10));
        assert!(!tell(&mut known, 1, Running, NOW - 20), "a late start");
        assert_eq!(known.state(id(1), at(NOW)), Some((Stopped, at(NOW - 10))));
        assert!(tell(&mut known, 1, Running, NOW - 5));
        assert!(!tell(&mut known, 1, Running, NOW - 5), "delivered twice");
        assert_eq!(known.state(id(1), at(NOW)), Some((Running, at(NOW - 5))));
        assert!(tell(&mut known, 1, Stopped, NOW - 5), "of two at the same time, the stop wins");
        assert!(!tell(&mut known, 1, Running, NOW - 5));
        assert_eq!(state(&known, 2), None);
    }

    #[test]
    fn a_stream_is_believed_to_run_for_thirty_hours_and_remembered_for_a_day_after_its_stop() {
        for (state, hours) in [(Running, 30), (Stopped, 24)] {
            let mut known = Known::default();
            assert!(known.tell(id(1), state, at(NOW), at(NOW)));
            let last = at(NOW + hours * HOUR_MS);
            assert_eq!(known.state(id(1), last), Some((state, at(NOW))));
            assert_eq!(known.state(id(1), last + Duration::from_millis(1)), None);
            assert!(
                !known.tell(id(2), state, at(NOW), last + Duration::from_millis(1)),
                "too old from the start"
            );
            assert!(known.tell(id(2), state, at(NOW + 1), last + Duration::from_millis(1)));
            assert_eq!(known.streams.len(), 1, "the first is forgotten");
        }
    }

    #[test]
    fn an_event_further_in_the_future_than_clocks_may_differ_is_ignored() {
        let mut known = Known::default();
        for event_ts in [NOW + 300_001, NOW + 100 * HOUR_MS, YEAR_9999] {
            assert!(!tell(&mut known, 1, Running, event_ts), "{event_ts}");
        }
        assert_eq!(state(&known, 1), None);
        assert!(tell(&mut known, 1, Running, NOW + 300_000));
    }

    #[test]
    fn an_event_from_before_1970_is_ignored_even_if_it_would_be_believed() {
        let mut known = Known { believe_for: Duration::MAX, keep_ended: Duration::MAX, ..Known::default() };
        for state in [Running, Stopped] {
            assert!(!known.tell(id(1), state, SystemTime::UNIX_EPOCH - Duration::from_micros(1), at(NOW)));
            assert_eq!(known.state(id(1), at(NOW)), None);
            assert!(known.tell(id(1), state, SystemTime::UNIX_EPOCH, at(NOW)));
            known = Known { believe_for: Duration::MAX, keep_ended: Duration::MAX, ..Known::default() };
        }
    }

    #[test]
    fn times_count_in_whole_milliseconds_as_those_of_events_do() {
        let mut known = Known::default();
        assert!(known.tell(id(1), Running, at(NOW - 5) + Duration::from_micros(700), at(NOW)));
        assert_eq!(known.state(id(1), at(NOW)), Some((Running, at(NOW - 5))));
        assert!(tell(&mut known, 1, Stopped, NOW - 5), "in the same millisecond, the stop wins");
    }

    #[test]
    fn with_too_many_meetings_those_that_stopped_longest_ago_are_forgotten_first() {
        let mut known = Known { max_meetings: 3, ..Known::default() };
        for (meeting, state, event_ts) in
            [(1, Running, NOW - 9), (2, Stopped, NOW - 5), (3, Stopped, NOW - 6), (4, Running, NOW - 1)]
        {
            assert!(tell(&mut known, meeting, state, event_ts));
        }
        assert_eq!(
            [1, 2, 3, 4].map(|meeting| state(&known, meeting)),
            [Some(Running), Some(Stopped), None, Some(Running)]
        );
        tell(&mut known, 5, Running, NOW);
        tell(&mut known, 6, Running, NOW);
        assert_eq!(
            [1, 2, 4, 5, 6].map(|meeting| state(&known, meeting).is_some()),
            [false, false, true, true, true]
        );
    }

    #[test]
    fn a_hundred_thousand_meetings_are_remembered_and_no_more() {
        let mut known = Known::default();
        for meeting in 1..=100_010 {
            tell(&mut known, meeting, Stopped, NOW - 200_000 + meeting);
        }
        assert_eq!((known.streams.len(), known.by_age[0].len()), (100_000, 100_000));
        assert_eq!((state(&known, 10), state(&known, 11)), (None, Some(Stopped)));
    }

    const STATUS: &str = "/meetings/{meetingId}/livestream/status";

    /// The resend of a start.
    fn start(template: &'static str, path: &str) -> Resend {
        let operation = Box::leak(Box::new(crate::operation::Operation {
            id: "anOperation",
            path: template,
            ..Default::default()
        }));
        let texts = [("action".to_owned(), "start".into())].into_iter().collect();
        Resend::new(operation, path.to_owned(), texts, 1, HOUR)
    }

    #[tokio::test]
    async fn waiting_tasks_are_woken_and_leave_nothing_behind() {
        let streams = LiveStreams::new();
        let wait = |meeting| {
            streams.satisfied()(start(STATUS, &format!("/v2/meetings/{meeting}/livestream/status")))
        };
        let waits: Vec<_> = (0..100).map(|number| tokio::spawn(wait(1 + number % 2))).collect();
        timeout(Duration::from_millis(20), wait(3)).await.expect_err("it is not running");
        while streams.lock().waiting.values().map(|(waiters, _)| waiters).sum::<usize>() < 100 {
            tokio::task::yield_now().await;
        }
        let since = SystemTime::now();
        streams.tell(id(1), Stopped, since - Duration::from_millis(2));
        streams.tell(id(1), Running, since);
        streams.tell(id(2), Running, since);
        for (number, wait) in waits.into_iter().enumerate() {
            let words = format!("meeting {} has been running since {}", 1 + number % 2, instant(since));
            let reason = wait.await.expect("a wait");
            assert_eq!(reason, Ending::Done, "{words}");
        }
        assert!(streams.lock().waiting.is_empty());
        timeout(Duration::ZERO, wait(1)).await.expect("it is running already");
    }

    #[tokio::test]
    async fn the_start_action_of_another_operation_is_never_satisfied() {
        let streams = LiveStreams::new();
        streams.tell(id(7), Running, SystemTime::now());
        for (path, of, is_ready) in [
            (STATUS, "/v2/meetings/7/livestream/status", true),
            ("/meetings/{meetingId}/recordings/status", "/v2/meetings/7/recordings/status", false),
            ("/webinars/{webinarId}/livestream/status", "/v2/webinars/7/livestream/status", false),
        ] {
            let ready = timeout(Duration::from_millis(20), streams.satisfied()(start(path, of))).await;
            assert_eq!(ready.is_ok(), is_ready, "{path}");
        }
    }

    /// Any time the system can represent, often a plausible one.
    fn any_time() -> impl Strategy<Value = SystemTime> {
        let plausible = (NOW - HOUR_MS..NOW + HOUR_MS).prop_map(at);
        let any = (any::<bool>(), any::<Duration>()).prop_map(|(is_later, by)| {
            let epoch = SystemTime::UNIX_EPOCH;
            let moved = if is_later { epoch.checked_add(by) } else { epoch.checked_sub(by) };
            moved.unwrap_or(epoch)
        });
        prop_oneof![plausible, any]
    }

    proptest! {
        #[test]
        fn what_is_known_does_not_depend_on_order_or_repetition(
            events in prop::collection::vec((1..4_u64, any::<bool>(), 0..6_u64), 1..12),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        ) {
            let (mut first, mut second) = (Known::default(), Known::default());
            let told = |known: &mut Known, (meeting, runs, ago): (u64, bool, u64)| {
                tell(known, meeting, if runs { Running } else { Stopped }, NOW - ago);
            };
            events.iter().for_each(|event| told(&mut first, *event));
            // In any order and any number of times, but each at least once.
            order.iter().for_each(|index| told(&mut second, *index.get(&events)));
            events.iter().rev().for_each(|event| told(&mut second, *event));
            for meeting in 1..4 {
                let latest = events.iter().filter(|(of, ..)| *of == meeting).map(|(_, runs, ago)| (NOW - ago, !runs)).max();
                let latest = latest.map(|(since, stopped)| (if stopped { Stopped } else { Running }, at(since)));
                prop_assert_eq!(first.state(id(meeting), at(NOW)), latest);
                prop_assert_eq!(second.state(id(meeting), at(NOW)), latest);
            }
        }

        #[test]
        fn no_event_panics_and_memory_stays_bounded(
            events in prop::collection::vec((1..9_u64, any::<bool>(), any_time(), any_time()), 0..30),
            most in 0..5_usize, believe_for in any::<u64>(), keep_ended in any::<u64>(),
        ) {
            let (believe_for, keep_ended) = (Duration::from_millis(believe_for), Duration::from_millis(keep_ended));
            let mut known = Known { max_meetings: most, believe_for, keep_ended, ..Known::default() };
            for (meeting, runs, event_time, now) in events {
                let is_new = known.tell(id(meeting), if runs { Running } else { Stopped }, event_time, now);
                let earliest = SystemTime::UNIX_EPOCH;
                let latest = now.checked_add(CLOCK_SKEW);
                prop_assert!(!is_new || event_time >= earliest && latest.is_some_and(|latest| event_time <= latest));
                prop_assert!(known.streams.len() <= most);
                let by_age: usize = known.by_age.iter().map(BTreeSet::len).sum();
                prop_assert_eq!(by_age, known.streams.len());
            }
        }
    }
}

use std::time::{Duration, SystemTime};
use std::{collections::HashMap, fmt, future::pending, pin::Pin, sync::Arc};

use tokio::sync::watch;

use self::StreamState::{Running, Stopped};
use super::Event;
use crate::{Ending, MeetingId, Resend};

/// Whether a meeting's stream is running, according to an event. [`LiveStreams::state`] and [`Event::stream_state`] return
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamState {
    /// It was started.
    Running,
    /// It was stopped, it goes to another service, or the meeting has just started or ended.
    Stopped,
}

/// Because the event of a stream's stop may be lost.
const BELIEVE_FOR: Duration = Duration::from_secs(30 * 3600);

/// Zoom repeats an event for an hour and a half. If a stop were forgotten before that, an earlier start that arrives late
/// would look like the latest event.
const KEEP_ENDED: Duration = Duration::from_secs(24 * 3600);

const MAX_MEETINGS: usize = 100_000;

/// How far Zoom's clock may be ahead of this machine's. Because the latest event wins, one from further in the future
/// would override all that follow.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// Keeps track of meetings' streams: whether each is running or stopped, and since when, if known.
///
/// Events arrive twice, late and out of order, so the latest `event_ts` wins; of two equal ones, the stop wins. A stream is
/// believed to be running for 30 hours after its start, and remembered for 24 hours after its stop. If there are more than
/// 100,000 meetings, those that stopped longest ago are forgotten first, then those that have been running longest. Clones
/// share their state.
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
pub struct LiveStreams(Arc<watch::Sender<Known>>);

/// The latest state of each meeting's stream, and since when.
type Known = HashMap<MeetingId, (StreamState, SystemTime)>;

impl LiveStreams {
    /// Creates a tracker that does not know of any streams yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records what an event says about a stream, and returns whether that changed anything. An event that is outdated,
    /// from the future or not about a stream changes nothing, nor does one that is forgotten at once because there are too
    /// many meetings.
    pub fn record(&self, event: &Event) -> bool {
        event.stream_state().is_some_and(|(meeting, state, at)| self.tell(meeting, state, at))
    }

    /// Records the state of a meeting's stream that is known from elsewhere, such as a store shared by several machines.
    ///
    /// `at` is the time of the event. As with [`record`](Self::record), returns whether that changed anything.
    pub fn tell(&self, meeting: MeetingId, state: StreamState, at: SystemTime) -> bool {
        self.0.send_if_modified(|known| tell(known, meeting, state, at, SystemTime::now()))
    }

    /// The state of a meeting's stream, and since when; `None` if it is unknown or has been forgotten.
    pub fn state(&self, meeting: MeetingId) -> Option<(StreamState, SystemTime)> {
        state(&self.0.borrow(), meeting, SystemTime::now())
    }

    /// For [`RetryPolicy::unless`](crate::RetryPolicy::unless): once the meeting's stream is running, a start that waits
    /// ends with `Ok(())`. Other calls are not affected: a stop is always sent.
    ///
    /// An event takes a moment to arrive. After a successful stop, call [`tell`](Self::tell) with [`StreamState::Stopped`] and
    /// the time at which the stop was sent: otherwise a start right after it that gets a 429 counts as done, because
    /// the state is still the old one. A successful start needs nothing: it means that Zoom accepted it, not that the stream
    /// is running.
    pub fn satisfied(&self) -> impl Fn(Resend) -> Pin<Box<dyn Future<Output = Ending> + Send>> + Send + Sync + use<> {
        let streams = self.0.clone();
        move |resend| {
            let streams = streams.clone();
            Box::pin(async move {
                let is_start = resend.path.ends_with("/livestream/status") && resend.field("action") == Some("start");
                let Some(meeting) = resend.meeting_id().filter(|_| is_start) else { return pending().await };
                let is_running = |known: &Known| matches!(state(known, meeting, SystemTime::now()), Some((Running, _)));
                streams.subscribe().wait_for(is_running).await.expect("`streams` is not dropped before");
                Ending::Done
            })
        }
    }
}

impl fmt::Debug for LiveStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveStreams").field("meetings", &self.0.borrow().len()).finish_non_exhaustive()
    }
}

fn tell(known: &mut Known, meeting: MeetingId, state: StreamState, at: SystemTime, now: SystemTime) -> bool {
    let is_future = now.checked_add(CLOCK_SKEW).is_none_or(|latest| at > latest);
    // Of two at the same time, the stop wins.
    let is_outdated =
        known.get(&meeting).is_some_and(|(was, since)| (*since, *was == Stopped) >= (at, state == Stopped));
    if is_future || is_outdated || is_forgotten((state, at), now) {
        return false;
    }
    known.insert(meeting, (state, at));
    make_room(known, MAX_MEETINGS, now);
    known.contains_key(&meeting)
}

fn state(known: &Known, meeting: MeetingId, now: SystemTime) -> Option<(StreamState, SystemTime)> {
    known.get(&meeting).copied().filter(|known| !is_forgotten(*known, now))
}

fn is_forgotten((state, since): (StreamState, SystemTime), now: SystemTime) -> bool {
    let longest = if state == Running { BELIEVE_FOR } else { KEEP_ENDED };
    now.duration_since(since).is_ok_and(|age| age > longest)
}

/// After one more meeting: stopped streams are forgotten before running ones.
fn make_room(known: &mut Known, most: usize, now: SystemTime) {
    if known.len() > most {
        known.retain(|_, told| !is_forgotten(*told, now));
        let oldest = known.iter().min_by_key(|(_, (state, since))| (*state == Running, *since));
        let oldest = oldest.map(|(meeting, _)| *meeting).filter(|_| known.len() > most);
        oldest.map(|meeting| known.remove(&meeting));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::timeout;

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

    fn told(known: &mut Known, meeting: u64, state: StreamState, event_ts: u64) -> bool {
        tell(known, id(meeting), state, at(event_ts), at(NOW))
    }

    fn state_now(known: &Known, meeting: u64) -> Option<StreamState> {
        state(known, id(meeting), at(NOW)).map(|(state, _)| state)
    }

    #[test]
    fn the_latest_event_wins_in_any_order_of_arrival() {
        let mut known = Known::default();
        assert!(told(&mut known, 1, Stopped, NOW - 10));
        assert!(!told(&mut known, 1, Running, NOW - 20), "a late start");
        assert_eq!(state(&known, id(1), at(NOW)), Some((Stopped, at(NOW - 10))));
        assert!(told(&mut known, 1, Running, NOW - 5));
        assert!(!told(&mut known, 1, Running, NOW - 5), "delivered twice");
        assert_eq!(state(&known, id(1), at(NOW)), Some((Running, at(NOW - 5))));
        assert!(told(&mut known, 1, Stopped, NOW - 5), "of two at the same time, the stop wins");
        assert!(!told(&mut known, 1, Running, NOW - 5));
        assert_eq!(state_now(&known, 2), None);
    }

    #[test]
    fn a_stream_is_believed_for_thirty_hours_and_remembered_for_a_day_after_its_stop() {
        for (is, hours) in [(Running, 30), (Stopped, 24)] {
            let mut known = Known::default();
            assert!(tell(&mut known, id(1), is, at(NOW), at(NOW)));
            let last = at(NOW + hours * HOUR_MS);
            let later = last + Duration::from_millis(1);
            assert_eq!(state(&known, id(1), last), Some((is, at(NOW))));
            assert_eq!(state(&known, id(1), later), None);
            assert!(!tell(&mut known, id(2), is, at(NOW), later), "too old from the start");
            assert!(tell(&mut known, id(2), is, at(NOW + 1), later));
            make_room(&mut known, 1, later);
            assert_eq!(known.len(), 1, "the first is forgotten");
        }
    }

    #[test]
    fn an_event_further_in_the_future_than_clocks_may_differ_is_ignored() {
        let mut known = Known::default();
        for event_ts in [NOW + 300_001, NOW + 100 * HOUR_MS, YEAR_9999] {
            assert!(!told(&mut known, 1, Running, event_ts), "{event_ts}");
        }
        assert_eq!(state_now(&known, 1), None);
        assert!(told(&mut known, 1, Running, NOW + 300_000));
    }

    #[test]
    fn with_too_many_meetings_those_that_stopped_longest_ago_are_forgotten_first() {
        let mut known = Known::default();
        let mut add = |meeting, state, event_ts| {
            assert!(told(&mut known, meeting, state, event_ts));
            make_room(&mut known, 3, at(NOW));
            let mut kept: Vec<u64> = known.keys().map(|meeting| meeting.get()).collect();
            kept.sort();
            kept
        };
        assert_eq!(add(1, Running, NOW - 9), [1]);
        assert_eq!(add(2, Stopped, NOW - 5), [1, 2]);
        assert_eq!(add(3, Stopped, NOW - 6), [1, 2, 3]);
        assert_eq!(add(4, Running, NOW - 1), [1, 2, 4]);
        assert_eq!(add(5, Running, NOW), [1, 4, 5]);
        assert_eq!(add(6, Running, NOW), [4, 5, 6]);
        assert_eq!(add(7, Stopped, NOW), [4, 5, 6], "forgotten at once");
    }

    const STATUS: &str = "/meetings/{meetingId}/livestream/status";

    /// The resend of a start.
    fn start(template: &'static str, path: &str) -> Resend {
        let texts = vec![("action".to_owned(), "start".to_owned())];
        let wait = Duration::from_secs(3600);
        let at = SystemTime::now() + wait;
        Resend { operation_id: "anOperation", path: path.to_owned(), number: 1, wait, at, template, texts }
    }

    #[tokio::test]
    async fn waiting_tasks_are_woken_and_leave_nothing_behind() {
        let streams = LiveStreams::new();
        let wait = |meeting| streams.satisfied()(start(STATUS, &format!("/v2/meetings/{meeting}/livestream/status")));
        let waits: Vec<_> = (0..100).map(|number| tokio::spawn(wait(1 + number % 2))).collect();
        timeout(Duration::from_millis(20), wait(3)).await.expect_err("it is not running");
        while streams.0.receiver_count() < 100 {
            tokio::task::yield_now().await;
        }
        let since = SystemTime::now();
        streams.tell(id(1), Stopped, since - Duration::from_millis(2));
        streams.tell(id(1), Running, since);
        streams.tell(id(2), Running, since);
        for (number, wait) in waits.into_iter().enumerate() {
            assert_eq!(wait.await.expect("a wait"), Ending::Done, "{number}");
        }
        assert_eq!(streams.0.receiver_count(), 0);
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
            let tell = |known: &mut Known, (meeting, runs, ago): (u64, bool, u64)| {
                told(known, meeting, if runs { Running } else { Stopped }, NOW - ago);
            };
            events.iter().for_each(|event| tell(&mut first, *event));
            // In any order and any number of times, but each at least once.
            order.iter().for_each(|index| tell(&mut second, *index.get(&events)));
            events.iter().rev().for_each(|event| tell(&mut second, *event));
            for meeting in 1..4 {
                let latest = events.iter().filter(|(of, ..)| *of == meeting).map(|(_, runs, ago)| (NOW - ago, !runs)).max();
                let latest = latest.map(|(since, stopped)| (if stopped { Stopped } else { Running }, at(since)));
                prop_assert_eq!(state(&first, id(meeting), at(NOW)), latest);
                prop_assert_eq!(state(&second, id(meeting), at(NOW)), latest);
            }
        }

        #[test]
        fn no_event_panics_and_memory_stays_bounded(
            events in prop::collection::vec((1..9_u64, any::<bool>(), any_time(), any_time()), 0..30), most in 0..5_usize,
        ) {
            let mut known = Known::default();
            for (meeting, runs, event_time, now) in events {
                let is_new = tell(&mut known, id(meeting), if runs { Running } else { Stopped }, event_time, now);
                let earliest = SystemTime::UNIX_EPOCH;
                let latest = now.checked_add(CLOCK_SKEW);
                prop_assert!(!is_new || event_time >= earliest && latest.is_some_and(|latest| event_time <= latest));
                prop_assert!(!is_new || known.contains_key(&id(meeting)));
                make_room(&mut known, most, now);
                prop_assert!(known.len() <= most);
            }
        }
    }
}

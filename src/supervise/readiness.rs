//! When a service is ready: who listens on its port, and what it does instead.

use std::time::Duration;

use tokio::time::Instant;

use super::backend::{Observation, PortOwner};
use super::service::Input;
use crate::process::load::Progress;

/// How often the kernel is asked who listens. There is no event for listen(2) that a program without privileges
/// could wait for.
const CHECK_INTERVAL: Duration = Duration::from_millis(4);
/// How long a stranger must be seen on the port before a service that still runs is moved to another one.
const STRANGER_PATIENCE: Duration = Duration::from_secs(2);
/// How old a socket of ours must be to count as a listener and not as a probe of the port. With `CHECK_INTERVAL`
/// this stays below the 25 ms within which readiness has to be reported.
const PROBE_AGE: Duration = Duration::from_millis(8);
/// How much processor time a runnable process must have had meanwhile: without any it could not have closed its
/// probe.
const PROBE_WORK: Duration = Duration::from_millis(4);
/// The age at which a socket counts as a listener, whatever its process does.
const LISTENER_AGE: Duration = Duration::from_secs(1);
/// How often the backend is asked what the service does instead of listening on its port.
const OBSERVATION_INTERVAL: Duration = Duration::from_millis(200);

/// A socket of ours on the port.
#[derive(Clone, Copy, Debug)]
struct Socket {
    number: u64,
    since: Instant,
    /// How far its process was then.
    progress: Option<Progress>,
}

impl Socket {
    /// Whether it is a listener and not a probe: its process could have closed it by now.
    fn is_listener(&self, now: Instant, progress: impl FnOnce() -> Option<Progress>) -> bool {
        let age = now.saturating_duration_since(self.since);
        if age < PROBE_AGE || age >= LISTENER_AGE {
            return age >= LISTENER_AGE;
        }
        let (Some(before), Some(now)) = (self.progress, progress()) else { return true };
        !now.runnable || now.ran.saturating_sub(before.ran) >= PROBE_WORK
    }
}

/// The observations of a service that is not ready yet.
#[derive(Clone, Debug)]
pub(super) struct ReadinessWatch {
    pub check_at: Instant,
    observe_at: Instant,
    socket: Option<Socket>,
    stranger_since: Option<Instant>,
    /// The other ports that were observed last, and since when.
    observation: Option<(Vec<u16>, Instant)>,
    /// Since when the script itself is looked at.
    main_since: Option<Instant>,
    /// Whether the user was told why the service may never be ready.
    pub has_told: bool,
}

impl ReadinessWatch {
    pub fn new(now: Instant) -> Self {
        let check_at = now + CHECK_INTERVAL;
        Self {
            check_at,
            observe_at: check_at,
            socket: None,
            stranger_since: None,
            observation: None,
            main_since: None,
            has_told: false,
        }
    }

    /// Whether it is time to ask who listens. Services that are due within half an interval are asked about together, and
    /// are due together from then on.
    pub fn is_due(&self, now: Instant) -> bool {
        self.check_at <= now + CHECK_INTERVAL / 2
    }

    /// Takes in who listens on the port, and returns what follows for the service.
    pub fn see(&mut self, listener: PortOwner, now: Instant) -> Option<Input> {
        self.check_at = now + CHECK_INTERVAL;
        match listener {
            PortOwner::Ours { socket: number, pid } => {
                self.stranger_since = None;
                let progress = || Progress::of(pid);
                // A server that probes its own port closes that socket at once.
                let before = self.socket.filter(|socket| socket.number == number);
                let socket = before.unwrap_or_else(|| Socket { number, since: now, progress: progress() });
                self.socket = Some(socket);
                socket.is_listener(now, progress).then_some(Input::Listening)
            }
            PortOwner::Nobody | PortOwner::Hidden => {
                (self.stranger_since, self.socket) = (None, None);
                None
            }
            PortOwner::Stranger => {
                let since = *self.stranger_since.get_or_insert(now);
                (now.saturating_duration_since(since) >= STRANGER_PATIENCE).then_some(Input::Stranger)
            }
        }
    }

    /// Whether [`ReadinessWatch::observe`] is due now.
    pub fn is_observation_due(&mut self, now: Instant) -> bool {
        if self.observe_at > now {
            return false;
        }
        self.observe_at = now + OBSERVATION_INTERVAL;
        true
    }

    /// How long the script itself has been looked at, by a look at it now.
    pub fn main_age(&mut self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.main_since.get_or_insert(now))
    }

    /// Takes in what the service does instead, and returns what follows once that has held for long enough. A
    /// listener that is ruled out changes nothing for the others.
    pub fn observe(&mut self, observation: Option<Observation>, now: Instant) -> Option<Input> {
        let before = self.observation.take();
        let Observation { ports, redirectable, patience } = observation?;
        let is_same = |(before, _): &(Vec<u16>, Instant)| {
            before.is_empty() == ports.is_empty() && ports.iter().all(|port| before.contains(port))
        };
        let since = before.filter(is_same).map_or(now, |(_, since)| since);
        let input = if ports.is_empty() { Input::Refused } else { Input::Elsewhere { redirectable } };
        self.observation = Some((ports, since));
        (now.saturating_duration_since(since) >= patience?).then_some(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_believed_once_its_process_could_have_closed_it() {
        let at = |milliseconds| Duration::from_millis(milliseconds);
        let start = Instant::now();
        let progress = |runnable, ran| Some(Progress { runnable, ran: at(ran) });
        for (age, then, expected) in [
            (4, progress(false, 10), false),
            (9, progress(false, 10), true),
            (9, progress(true, 11), false),
            (9, progress(true, 14), true),
            (900, progress(true, 11), false),
            (1000, progress(true, 11), true),
            (9, None, true),
        ] {
            let socket = Socket { number: 1, since: start, progress: progress(true, 10) };
            assert_eq!(socket.is_listener(start + at(age), || then), expected, "{age} {then:?}");
        }
    }

    #[test]
    fn an_observation_must_hold() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let on = |ports: &[u16], is_known: bool| {
            let patience = is_known.then_some(Duration::from_secs(1));
            Some(Observation { ports: ports.to_vec(), redirectable: true, patience })
        };
        let elsewhere = Some(Input::Elsewhere { redirectable: true });
        let mut watch = ReadinessWatch::new(start);
        for (observation, millis, input) in [
            (on(&[1], true), 0, None),
            (on(&[2], true), 900, None),
            (on(&[2], true), 1_800, None),
            (on(&[2], true), 1_900, elsewhere),
            (None, 2_000, None),
            (on(&[2], true), 3_000, None),
            // A further listener starts over; one that is ruled out does not.
            (on(&[2, 3], false), 3_900, None),
            (on(&[3], false), 4_800, None),
            (on(&[3], false), 5_000, None),
            (on(&[3], true), 5_200, elsewhere),
            (on(&[], true), 5_400, None),
            (on(&[], true), 6_400, Some(Input::Refused)),
        ] {
            assert_eq!(watch.observe(observation, at(millis)), input, "{millis}");
        }
    }

    #[test]
    fn another_socket_starts_over_and_a_stranger_that_leaves_is_forgotten() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let ours = |socket| PortOwner::Ours { socket, pid: 0 };
        let mut watch = ReadinessWatch::new(start);
        for (listener, millis, input) in [
            (ours(1), 0, None),
            (ours(2), 9, None),
            (ours(2), 18, Some(Input::Listening)),
            (PortOwner::Stranger, 1_000, None),
            (PortOwner::Nobody, 2_000, None),
            (PortOwner::Stranger, 3_000, None),
            (PortOwner::Stranger, 4_999, None),
            (PortOwner::Stranger, 5_000, Some(Input::Stranger)),
            // A stranger that gave way to ours for a moment has to stay as long again.
            (ours(3), 6_000, None),
            (PortOwner::Stranger, 7_000, None),
            // A number that the kernel gives again is another socket.
            (ours(3), 7_001, Some(Input::Listening)),
            (PortOwner::Nobody, 7_005, None),
            (ours(3), 7_100, None),
        ] {
            assert_eq!(watch.see(listener, at(millis)), input, "{millis}");
        }
    }
}

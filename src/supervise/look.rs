//! Who listens on the port of a service that is not ready, and what it does instead.

use std::time::{Duration, Instant};

use super::service::Input;
use super::{Control, Listener, Sighting, Sink, Supervisor, World};
use crate::process::progress::Progress;

/// How long a stranger must be seen on the port before a service that still runs is moved to another one.
const STRANGER: Duration = Duration::from_secs(2);
/// How long a socket of ours must have been seen before it is a listener and no probe. With the interval of the looks this
/// stays below the 25 ms within which ready has to be told.
const PROBE: Duration = Duration::from_millis(8);
/// How much a process that does not come to rest must have run meanwhile: one that had no processor could not close its probe.
const WORK: Duration = Duration::from_millis(4);
/// By when a socket is a listener, whatever its process does.
const LATEST: Duration = Duration::from_secs(1);
/// How often it is asked where else a service listens that is not ready.
const SIGHT: Duration = Duration::from_millis(200);

/// A socket of ours on the port.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    socket: u64,
    since: Instant,
    /// How far its process was then.
    progress: Option<Progress>,
}

impl Seen {
    /// Whether it is a listener and no probe: its process has had the time to close it.
    fn is_believed(&self, now: Instant, progress: impl FnOnce() -> Option<Progress>) -> bool {
        let age = now.saturating_duration_since(self.since);
        if age < PROBE || age >= LATEST {
            return age >= LATEST;
        }
        let (Some(before), Some(now)) = (self.progress, progress()) else { return true };
        !now.runnable || now.ran.saturating_sub(before.ran) >= WORK
    }
}

impl<W: World, S: Sink, C: Control> Supervisor<W, S, C> {
    /// Asks who listens on the port of a service that is not ready.
    pub(super) fn look(&mut self, index: usize) {
        let seen = self.listener(index);
        let Some(lookout) = &mut self.stages[index].lookout else { return };
        match seen {
            // A server that probes its own port closes that socket at once.
            Listener::Ours { socket, pid } => {
                let now = Instant::now();
                let progress = || Progress::of(pid);
                let before = lookout.listener.filter(|seen| seen.socket == socket);
                let seen = before.unwrap_or_else(|| Seen { socket, since: now, progress: progress() });
                lookout.listener = Some(seen);
                if seen.is_believed(now, progress) {
                    self.feed(index, Input::Listening);
                }
                return;
            }
            Listener::Nobody | Listener::Hidden => lookout.stranger_since = None,
            Listener::Stranger => {
                let since = *lookout.stranger_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= STRANGER {
                    return self.feed(index, Input::Stranger);
                }
            }
        }
        self.look_elsewhere(index);
    }

    /// Asks what a service does instead of listening on its port.
    fn look_elsewhere(&mut self, index: usize) {
        let root = self.root(index);
        let stage = &mut self.stages[index];
        let Some(lookout) = &mut stage.lookout else { return };
        let now = Instant::now();
        if lookout.asked.is_some_and(|asked| now.saturating_duration_since(asked) < SIGHT) {
            return;
        }
        lookout.asked = Some(now);
        let sighting = self.world.sighting(index, &[root], &stage.tail.text());
        match lookout.see(sighting, now) {
            Some(sighting) if sighting.ports.is_empty() => self.feed(index, Input::Refused),
            Some(Sighting { movable, .. }) => self.feed(index, Input::Elsewhere { movable }),
            None => {}
        }
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
            let seen = Seen { socket: 1, since: start, progress: progress(true, 10) };
            assert_eq!(seen.is_believed(start + at(age), || then), expected, "{age} {then:?}");
        }
    }
}

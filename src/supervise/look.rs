//! Who listens on the port of a service that is not ready, and what it does instead.

use std::time::{Duration, Instant};

use super::service::Input;
use super::{Control, Listener, Sighting, Sink, Supervisor, World};

/// How long a stranger must be seen on the port before a service that still runs is moved to another one.
const STRANGER: Duration = Duration::from_secs(2);
/// How long a socket of ours must have been seen before it is a listener and no probe. With the interval of the looks this
/// stays below the 25 ms within which ready has to be told.
const PROBE: Duration = Duration::from_millis(8);
/// How often it is asked where else a service listens that is not ready.
const SIGHT: Duration = Duration::from_millis(200);

impl<W: World, S: Sink, C: Control> Supervisor<W, S, C> {
    /// Asks who listens on the port of a service that is not ready.
    pub(super) fn look(&mut self, index: usize) {
        let seen = self.listener(index);
        let Some(lookout) = &mut self.stages[index].lookout else { return };
        match seen {
            // A server that probes its own port closes that socket at once.
            Listener::Ours { socket } => {
                let now = Instant::now();
                let since =
                    lookout.listener.filter(|(known, _)| *known == socket).map_or(now, |(_, since)| since);
                lookout.listener = Some((socket, since));
                if now.saturating_duration_since(since) >= PROBE {
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

//! Signals to bowline itself: what they mean for the services, and job control.

use std::time::{Duration, Instant};

use super::service::Input;
use super::{Control, Sink, Supervisor, World};
use crate::process::Signal;
use crate::process::guardian::Order;
use crate::process::signals::{Caught, Meaning, stop_group};

/// Two interrupts, one by the kernel and one sent, that are no further apart than this are one Ctrl-C that another
/// program has passed on as well.
const ECHO: Duration = Duration::from_secs(1);

impl<W: World, S: Sink, C: Control> Supervisor<W, S, C> {
    pub(super) fn signalled(&mut self, caught: Caught) {
        match caught.meaning() {
            Meaning::End if self.is_echo(caught) => {}
            Meaning::End => self.feed_all(Input::Stop(caught.signal)),
            Meaning::Suspend => {
                self.order_all(Signal::SIGTSTP);
                self.suspend();
            }
            Meaning::Continue => self.resume(),
            Meaning::Resize => {
                if let Some(console) = &self.console {
                    console.resized();
                }
            }
            Meaning::Child => self.look_after_orphans(),
        }
    }

    /// Whether this interrupt is another program's copy of the last one.
    fn is_echo(&mut self, caught: Caught) -> bool {
        if caught.signal != Signal::SIGINT {
            return false;
        }
        let now = Instant::now();
        let echo = self.interrupted.is_some_and(|(before, when)| {
            before.sent != caught.sent && now.saturating_duration_since(when) < ECHO
        });
        self.interrupted = Some((caught, now));
        echo
    }

    /// Stops with the service, until somebody continues us.
    pub(super) fn suspend(&mut self) {
        if let Some(console) = &mut self.console {
            console.suspend();
        }
        stop_group();
        self.resume();
    }

    fn resume(&mut self) {
        if let Some(console) = &mut self.console {
            console.resume();
        }
        self.order_all(Signal::SIGCONT);
    }

    fn order_all(&self, signal: Signal) {
        for stage in &self.stages {
            if let Some(guarded) = stage.guarded.as_ref().filter(|_| stage.service.is_alive()) {
                guarded.order(Order::Signal(signal));
            }
        }
    }
}

//! Signals to bowline itself: what they mean for the services, and job control.

use std::time::Duration;

use tokio::time::Instant;

use super::{Backend, Control, Interrupt, Sink, Supervisor};
use crate::process::Signal;
use crate::process::guardian::Order;
use crate::process::signals::{ReceivedSignal, SignalKind};

/// Two interrupts within this time, one from the kernel and one from a program, are one Ctrl-C and a package
/// manager's copy of it (ADR 10).
const COPY_WINDOW: Duration = Duration::from_secs(1);
/// Where the system does not say who sent them, two interrupts within this time are one: no person is that fast.
const COPY_WINDOW_OF_UNKNOWN_ORIGIN: Duration = Duration::from_millis(200);

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    pub(super) fn signalled(&mut self, caught: ReceivedSignal) {
        self.note_interrupt(caught);
        let is_key = matches!(caught.signal, Signal::SIGINT | Signal::SIGQUIT) && caught.sent != Some(true);
        if let Some(caller) = self.inputs.caller.as_mut().filter(|_| is_key) {
            caller.interrupted();
        }
        match caught.kind() {
            SignalKind::End if self.is_copy(caught) => {}
            // A shell that hangs up as well, because its terminal is gone: a second signal could kill.
            SignalKind::End if self.abandoned && caught.signal == Signal::SIGHUP => {}
            SignalKind::End => {
                self.note_sender(caught);
                self.end_all(caught.signal);
            }
            SignalKind::Suspend => {
                self.order_all(Signal::SIGTSTP);
                self.suspend();
            }
            SignalKind::Continue => self.resume(),
            SignalKind::Resize => {
                if let Some(console) = &self.inputs.console {
                    console.resized();
                }
                self.fit_terminals();
            }
            SignalKind::Child => {
                self.inputs.signals.reap_besides(&self.guardians());
                (0..self.instances.len()).for_each(|index| self.check_orphans(index));
            }
        }
    }

    pub(super) fn note_interrupt(&mut self, caught: ReceivedSignal) {
        if caught.signal == Signal::SIGINT {
            self.interrupt.get_or_insert(Interrupt::Received);
        }
    }

    /// Whether this interrupt is another program's copy of the last one that counted.
    fn is_copy(&mut self, caught: ReceivedSignal) -> bool {
        if caught.signal != Signal::SIGINT {
            return false;
        }
        let now = Instant::now();
        let copy = self
            .interrupted
            .is_some_and(|(before, when)| is_copy(before, caught, now.saturating_duration_since(when)));
        if !copy {
            self.interrupted = Some((caught, now));
        }
        copy
    }

    /// Stops with the service, until we are continued.
    pub(super) fn suspend(&mut self) {
        if let Some(console) = &mut self.inputs.console {
            console.suspend();
        }
        if let Some(terminal) = &mut self.inputs.terminal {
            terminal.suspend();
        }
        self.inputs.signals.stop_group();
        self.resume();
    }

    fn resume(&mut self) {
        if let Some(console) = &mut self.inputs.console {
            console.resume();
        }
        if let Some(terminal) = &mut self.inputs.terminal {
            terminal.resume();
            self.fit_terminals();
        }
        self.order_all(Signal::SIGCONT);
    }

    fn order_all(&self, signal: Signal) {
        let guardians = self.guardians();
        for instance in self.instances.iter().filter(|instance| instance.orphans.is_none()) {
            if let Some(tree) = &instance.tree {
                tree.order(Order::Signal(signal), &guardians);
            }
        }
    }
}

fn is_copy(first: ReceivedSignal, second: ReceivedSignal, gap: Duration) -> bool {
    match (first.sent, second.sent) {
        (Some(first), Some(second)) => first != second && gap < COPY_WINDOW,
        (None, _) | (_, None) => gap < COPY_WINDOW_OF_UNKNOWN_ORIGIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_another_origin_or_comes_at_once() {
        const KERNEL: Option<bool> = Some(false);
        const PROGRAM: Option<bool> = Some(true);
        for (first, second, milliseconds, expected) in [
            (KERNEL, PROGRAM, 0, true),
            (KERNEL, PROGRAM, 999, true),
            (KERNEL, PROGRAM, 1000, false),
            (PROGRAM, KERNEL, 999, true),
            (KERNEL, KERNEL, 0, false),
            (PROGRAM, PROGRAM, 0, false),
            (None, None, 0, true),
            (None, None, 199, true),
            (None, None, 200, false),
        ] {
            let interrupt = |sent| ReceivedSignal { signal: Signal::SIGINT, sent, sender: None };
            let gap = Duration::from_millis(milliseconds);
            assert_eq!(
                is_copy(interrupt(first), interrupt(second), gap),
                expected,
                "{first:?} {second:?} {gap:?}"
            );
        }
    }
}

//! Who has asked a service to end, if it was somebody else than the user of this bowline.

use nix::unistd::getppid;

use super::backend::Requested;
use super::run::Instance;
use super::service::Input;
use super::{Backend, Control, Sink, Supervisor};
use crate::event::{Level, What};
use crate::process::signals::ReceivedSignal;
use crate::process::{Signal, executable};
use crate::visible::Visible;

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    /// Carries out the command of a client.
    pub(super) fn requested(&mut self, Requested { service, input, along, by }: Requested) {
        if input == Input::Restart {
            // The client is told why it is refused.
            let _refused = self.restart(service, &by);
            return;
        }
        if let (Input::Stop(signal), [_, _, ..]) = (input, &along[..]) {
            return self.stop_along(&along, signal, &by);
        }
        self.instances[service].leaving = None;
        if self.instances[service].service.state().is_alive() {
            self.tell(service, format!("stopped by {by}"));
            self.instances[service].stopped_by = Some(by);
        }
        self.feed(service, input);
    }

    /// Ends those of the services that are not ending yet, dependents first.
    fn stop_along(&mut self, services: &[usize], signal: Signal, by: &str) {
        let is_staying = |one: &Instance| one.leaving.is_none() && one.service.state().is_alive();
        let staying = services.iter().copied().filter(|&service| is_staying(&self.instances[service]));
        let staying: Vec<usize> = staying.collect();
        for &service in &staying {
            self.tell(service, format!("stopped by {by}"));
            self.instances[service].stopped_by = Some(by.to_owned());
        }
        self.end_in_order(&staying, signal);
    }

    /// Notes who has sent a signal that ends every service.
    pub(super) fn note_sender(&mut self, caught: ReceivedSignal) {
        // The runner ends its own supervisors.
        let Some(sender) = sender(caught).filter(|_| self.inputs.lifeline.is_none()) else { return };
        let ending: Vec<usize> = self.alive().collect();
        if let Some(&first) = ending.first() {
            self.sink.signalled(first, format!("stopped with {} by {sender}", caught.signal));
        }
        for index in ending {
            self.instances[index].stopped_by = Some(sender.clone());
        }
    }

    pub(super) fn tell(&mut self, index: usize, message: String) {
        self.sink.notify(index, What::Noted { level: Level::Plain, message });
    }
}

/// The process that sent a signal, where the system tells it.
fn sender(caught: ReceivedSignal) -> Option<String> {
    let pid = caught.sender?;
    // A package manager's copy of Ctrl-C.
    if caught.signal == Signal::SIGINT && pid == getppid().as_raw() {
        return None;
    }
    if pid == 0 {
        return Some("a process outside of this container".to_owned());
    }
    let program = executable(pid).and_then(|path| Some(path.file_name()?.visible()));
    Some(program.map_or_else(|| format!("process {pid}"), |program| format!("`{program}` (pid {pid})")))
}

//! The signals and clients of the world without processes.

use std::task::{Context, Poll};

use super::super::backend::SignalSource;
use super::super::{Condition, Control, Description, Requested};
use super::fake::Shared;
use super::lives::{End, Processes};
use crate::event::{Refusal, State, Stream, Told, What};
use crate::process::signals::ReceivedSignal;

impl SignalSource for Shared {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<ReceivedSignal> {
        let mut world = self.borrow_mut();
        world.turns += 1;
        assert!(world.turns < 10_000, "the loop spins: {world:?}");
        world.waker = Some(cx.waker().clone());
        world.signals.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn stop_group(&mut self) {
        self.borrow_mut().stops += 1;
    }

    fn reap_besides(&mut self, _kept: &[i32]) {}
}

impl Control for Shared {
    fn poll_command(&mut self, _cx: &mut Context<'_>) -> Poll<Requested> {
        let mut world = self.borrow_mut();
        let command = world.commands.pop_front();
        let (along, by) = (world.along.clone(), String::new());
        command.map_or(Poll::Pending, |(service, input)| Poll::Ready(Requested { service, input, along, by }))
    }

    fn take_told(&mut self) -> Vec<Told> {
        Vec::new()
    }

    fn wrote(&mut self, _service: usize, _stream: Stream, bytes: &[u8]) {
        self.borrow_mut().wrote += bytes.len();
    }

    fn notify(&mut self, service: usize, what: &What) {
        let mut world = self.borrow_mut();
        let fake = world.service(service);
        if let What::ProcessExited { state: State::Failed | State::Stopped, .. } = what {
            assert_eq!(fake.end, End::NotYet, "{fake:?}");
            fake.end = End::Told;
        }
        fake.told.push(what.clone());
    }

    fn restarting(&mut self, service: usize, _changes: Option<&str>) {
        self.borrow_mut().service(service).restarts.push(true);
    }

    fn refused(&mut self, service: usize, _error: &str, _refusal: &Refusal) {
        self.borrow_mut().services[service].restarts.push(false);
    }

    fn started(&mut self, service: usize, _description: Description) {
        self.borrow_mut().service(service);
    }

    fn changed(&mut self, service: usize, now: Condition) {
        let mut world = self.borrow_mut();
        let fake = &mut world.services[service];
        let guarded = fake.processes == Processes::Guarded;
        assert_eq!(now.guardian.is_some(), guarded, "{now:?}: {fake:?}");
        fake.state = Some(now.state);
    }

    fn poll_drain(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        if self.borrow().clients_are_slow { Poll::Pending } else { Poll::Ready(()) }
    }
}

//! Whether the conditions of a service hold: asked while it starts, and never of anybody but the service itself.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::backend::{Backend, Control, PortOwner, Sink};
use super::conditions::ConditionWatch;
use super::readiness::ReadinessWatch;
use super::run::Supervisor;
use super::service::Input;
use super::streams::Source;
use crate::event::Stream;
use crate::process::Exit;
use crate::process::guardian::Order;

/// How soon to look again at a service that listens, and whose conditions do not hold yet.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    /// Begins with the conditions of a run that was just started.
    pub(super) fn watch_conditions(&mut self, index: usize) {
        let conditions = self.backend.conditions(index);
        let instance = &mut self.instances[index];
        let output = instance.tree.as_mut().and_then(|tree| tree.take_probe_output());
        // Without it, the last line of the command is not told.
        let output = output.and_then(|output| Source::new(Stream::Stdout, output).ok());
        instance.conditions = ConditionWatch::new(conditions, output);
        instance.concludes = false;
    }

    /// Whether all conditions hold for a service that listens, or has no port. Asks what has to be asked.
    pub(super) fn conditions_hold(&mut self, index: usize, listener: PortOwner) -> bool {
        let now = Instant::now();
        // A listener of a step before the script is not the server.
        if !self.instances[index].service.is_at_main() {
            return false;
        }
        let socket = if let PortOwner::Ours { socket, .. } = listener { Some(socket) } else { None };
        if self.instances[index].conditions.hold(socket) {
            return true;
        }
        if let Some(page) = self.instances[index].conditions.due_page(now) {
            let root = self.root(index);
            if let Some(question) = self.backend.ask_page(index, root, page) {
                self.instances[index].conditions.ask(question);
            }
        }
        if self.instances[index].conditions.begins_command(now) {
            self.order_tree(index, Order::Probe);
        } else if self.instances[index].conditions.is_command_overdue(now) {
            self.order_tree(index, Order::EndProbe);
        }
        if let Some(readiness) = &mut self.instances[index].readiness {
            readiness.check_at = now + CHECK_INTERVAL;
        }
        false
    }

    /// Takes in the answers of servers that were asked for a page.
    pub(super) fn poll_conditions(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for index in 0..self.instances.len() {
            if self.instances[index].conditions.poll(cx).is_ready() {
                self.check_readiness(index);
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// The command of a condition has ended.
    pub(super) fn probed(&mut self, index: usize, exit: Exit) {
        self.instances[index].conditions.command_ended(exit);
        self.check_readiness(index);
    }

    /// Asks no more once a service is ready, or ends.
    pub(super) fn end_questions(&mut self, index: usize) {
        if self.instances[index].conditions.abandons_command() {
            self.order_tree(index, Order::EndProbe);
        }
    }

    /// Begins what runs after a service has ended. Returns whether the tree is not empty for that reason.
    pub(super) fn conclude(&mut self, index: usize) -> bool {
        let Some(tree) = &mut self.instances[index].tree else { return false };
        self.instances[index].concludes = tree.conclude();
        self.instances[index].concludes
    }

    pub(super) fn concluded(&mut self, index: usize, exit: Exit) {
        if !exit.success() {
            self.warn(index, format!("`after` ended with {exit}"));
        }
    }

    /// The first build of a watch is through.
    pub(super) fn first_built(&mut self, index: usize) {
        let instance = &mut self.instances[index];
        instance.first_build = None;
        if instance.conditions.is_empty() {
            return self.feed(index, Input::Built);
        }
        instance.readiness.get_or_insert_with(|| ReadinessWatch::new(Instant::now()));
        self.check_build(index);
    }

    /// Looks whether a watch is ready, whose first build is through or is not waited for.
    pub(super) fn check_build(&mut self, index: usize) {
        if self.instances[index].awaits_conditions() && self.conditions_hold(index, PortOwner::Nobody) {
            self.feed(index, Input::Built);
        }
    }

    /// Looks whether a service without a port is ready by its conditions.
    pub(super) fn check_without_port(&mut self, index: usize) {
        let has_conditions = !self.instances[index].conditions.is_empty();
        let is_portless = self.backend.port(index) == 0;
        if is_portless && has_conditions && self.conditions_hold(index, PortOwner::Nobody) {
            self.feed(index, Input::Listening);
        }
    }

    fn order_tree(&self, index: usize, order: Order) {
        if let Some(tree) = &self.instances[index].tree {
            tree.order(order, &[]);
        }
    }
}

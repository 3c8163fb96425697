//! The user's keys in front of several services, and what clients type.

use std::task::Context;

use super::service::Input;
use super::{Backend, Control, Interrupt, KeyCommand, KeyboardKind, Sink, Supervisor, Typed};
use crate::event::{Level, What};
use crate::process::Signal;
use crate::process::terminal::LEAVE;

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    /// Acts on the user's keys: they are bowline's, or those of the service that has the keyboard.
    pub(super) fn typed(&mut self, keys: &[u8]) {
        let Some(service) = self.inputs.terminal.as_ref().and_then(|terminal| terminal.lent_to) else {
            for command in self.sink.typed(keys) {
                self.obey(command);
            }
            return;
        };
        let leaves = keys.iter().position(|&key| key == LEAVE);
        self.give_keys(service, &keys[..leaves.unwrap_or(keys.len())]);
        if leaves.is_some() {
            self.lend_keyboard(None);
        }
    }

    fn obey(&mut self, command: KeyCommand) {
        match command {
            KeyCommand::Restart(index) => self.start_again(index, "the key `r`"),
            KeyCommand::StopOrStart(index) if self.instances[index].service.has_ended() => {
                self.start_again(index, "the key `s`");
            }
            KeyCommand::StopOrStart(index) => {
                if self.instances[index].service.state().is_alive() {
                    self.tell(index, "is being stopped; the key `s` starts it again".to_owned());
                    self.instances[index].stopped_by = Some("the key `s`".to_owned());
                    self.feed(index, Input::Stop(Signal::SIGTERM));
                }
            }
            KeyCommand::Open(index) => {
                let what = self.backend.open(index);
                self.sink.notify(index, what);
            }
            KeyCommand::GiveKeyboard(index) => self.give_keyboard(index),
            KeyCommand::End => {
                self.interrupt.get_or_insert(Interrupt::Quit);
                self.end_all(Signal::SIGINT);
            }
        }
    }

    fn start_again(&mut self, index: usize, by: &str) {
        if let Err(error) = self.restart(index, by) {
            let message = format!("it is not started again: {error}");
            self.sink.notify(index, What::Noted { level: Level::Warning, message });
        }
    }

    fn give_keyboard(&mut self, index: usize) {
        if let Some(typist) = self.inputs.control.typist(index) {
            return self.tell(index, format!("its keyboard is taken by {typist}"));
        }
        if self.instances[index].input.is_none() || self.instances[index].tree.is_none() {
            return self.tell(index, "it does not run".to_owned());
        }
        self.lend_keyboard(Some(index));
    }

    /// Lends the terminal to a service, or takes it back.
    fn lend_keyboard(&mut self, service: Option<usize>) {
        let Some(terminal) = &mut self.inputs.terminal else { return };
        let before = terminal.lent_to;
        if before == service {
            return;
        }
        terminal.lend(service);
        self.sink.lend_terminal(service);
        self.fit_terminals();
        for index in before.into_iter().chain(service) {
            self.show_condition(index);
        }
    }

    /// Whether the service sits at the user's keyboard, so that a Ctrl-Z that stopped it was meant for bowline too.
    pub(super) fn has_keyboard(&self, index: usize) -> bool {
        let lent_to = self.inputs.terminal.as_ref().and_then(|terminal| terminal.lent_to);
        self.inputs.console.is_some() || lent_to == Some(index)
    }

    pub(super) fn keyboard_kind(&self, index: usize) -> KeyboardKind {
        let instance = &self.instances[index];
        if self.has_keyboard(index) {
            return KeyboardKind::Taken;
        }
        let has_terminal = instance.pty.is_some()
            && self.inputs.terminal.as_ref().is_some_and(super::SharedTerminal::has_keyboard);
        match instance.input.as_ref().filter(|_| instance.tree.is_some()) {
            None => KeyboardKind::None,
            Some(_) if has_terminal => KeyboardKind::Keys,
            Some(_) => KeyboardKind::Lines,
        }
    }

    /// Gives keys to a service; those that its terminal turns into a signal ask it to end.
    fn give_keys(&mut self, index: usize, keys: &[u8]) -> bool {
        let instance = &mut self.instances[index];
        let Some(input) = &mut instance.input else { return false };
        let has_room = input.push(keys);
        let pty = instance.pty.as_ref().filter(|_| has_room);
        let signal = pty.and_then(|pty| keys.iter().find_map(|&key| pty.signal_of(key)));
        if let Some(signal) = signal {
            self.feed(index, Input::Interrupted(signal));
        }
        has_room
    }

    /// Passes on what clients have typed.
    pub(super) fn deliver_typed(&mut self, cx: &mut Context<'_>) {
        for (index, typed, by) in self.inputs.control.take_typed() {
            match typed {
                Typed::Keys(keys) => {
                    let is_alive = self.instances[index].service.state().is_alive();
                    if !self.give_keys(index, &keys) {
                        self.tell(index, format!("it does not read what {by} types"));
                    }
                    if is_alive && !self.instances[index].service.state().is_alive() {
                        self.tell(index, format!("stopped by {by}"));
                        self.instances[index].stopped_by = Some(by);
                    }
                    if let Some(input) = &mut self.instances[index].input {
                        input.write_some(cx);
                    }
                }
                Typed::Resized(size) => {
                    if let Some(pty) = &self.instances[index].pty {
                        pty.resize(size);
                    }
                }
                Typed::Left => self.fit_terminals(),
            }
        }
    }

    /// Takes the keyboard back from a service that has ended.
    pub(super) fn take_keyboard_from(&mut self, index: usize) {
        if self.inputs.terminal.as_ref().is_some_and(|terminal| terminal.lent_to == Some(index)) {
            self.lend_keyboard(None);
        }
    }
}

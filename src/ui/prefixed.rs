//! Output of several services for people: whole lines, each behind the name of its service.

use std::io::{self, IsTerminal, Read};
use std::task::{Context, Poll};

use super::human::{line_of, line_of_told};
use super::line_cutter::LineCutter;
use super::portion::Portion;
use super::prefixes::{Prefix, Prefixes};
use super::screen::Screen;
use super::style::{Style, rendered};
use super::view::View;
use crate::event::{State, Stream, Told, What, how_ended};
use crate::supervise::{KeyCommand, Sink};

#[derive(Debug)]
pub struct Prefixed {
    screen: Screen,
    style: Style,
    quiet: bool,
    /// For each service and stream.
    cutters: Vec<[LineCutter; 2]>,
    view: View,
    portion: Portion,
    buffer: Box<[u8]>,
}

impl Prefixed {
    /// Writes the output of services with these names and directories to stdout and stderr. Needs a running tokio
    /// runtime.
    pub fn new(services: &[(String, String)], prefix: Prefix, style: Style, quiet: bool) -> io::Result<Self> {
        Ok(Self {
            screen: Screen::new(Prefixes::new(services, prefix, style.at(io::stdout().is_terminal())))?,
            style,
            quiet,
            cutters: services.iter().map(|_| Default::default()).collect(),
            view: View::new(style, services.len()),
            portion: Portion::default(),
            buffer: vec![0; Portion::MOST].into(),
        })
    }

    /// Shows the unfinished lines of a service that has ended.
    fn finish(&mut self, service: usize) {
        let Self { screen, cutters, view, .. } = self;
        let is_alone = view.alone.is_some();
        let is_seen = view.services[service].is_seen;
        for stream in [Stream::Stdout, Stream::Stderr] {
            cutters[service][stream as usize].finish(|piece| {
                if view.keep(service, piece.text, piece.is_end) && !is_seen {
                    screen.write(service, stream, &piece, is_alone);
                }
            });
            screen.wait(service, stream, None);
        }
    }

    /// Keeps in mind what the user may ask for.
    fn note(&mut self, service: usize, what: &What) {
        let told = &mut self.view.services[service];
        if let What::PortDetected { url, .. } = what {
            told.url = Some(url.clone());
        }
        match what.state() {
            Some(State::Running) => told.has_ended = false,
            Some(State::Starting) => (told.url, told.has_ended) = (None, false),
            Some(State::Stopping | State::Stopped | State::Done | State::Failed) => {
                (told.url, told.has_ended) = (None, true);
            }
            Some(State::Idle | State::Waiting | State::Blocked) | None => {}
        }
    }
}

impl Sink for Prefixed {
    fn has_room(&self, service: usize, stream: Stream) -> bool {
        // What a key asks for is shown behind what waits.
        let waits = self.screen.is_terminal && self.screen.streams.pending() > 0;
        !waits && self.screen.has_room(service, stream)
    }

    fn pass(&mut self, service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        let most = if self.screen.is_terminal { self.portion.size() } else { Portion::MOST };
        let count = source.read(&mut self.buffer[..most])?;
        let Self { screen, cutters, view, portion, buffer, .. } = self;
        let bytes = &buffer[..count];
        let before = screen.streams.pending();
        let is_alone = view.alone.is_some();
        view.services[service].is_seen = false;
        if view.lent_to == Some(service) {
            screen.pass(stream, bytes);
        }
        let cutter = &mut cutters[service][stream as usize];
        cutter.cut(bytes, |piece| {
            if view.keep(service, piece.text, piece.is_end) {
                screen.write(service, stream, &piece, is_alone);
            }
        });
        let unfinished = Some(cutter.is_redrawn()).filter(|_| view.shows(service) && cutter.is_unfinished());
        screen.wait(service, stream, unfinished);
        portion.became(count, screen.streams.pending() - before);
        if screen.is_terminal {
            // At once, so that there is room for the next service.
            screen.streams.of(stream).write_some();
        }
        Ok(bytes)
    }

    fn notify(&mut self, service: usize, what: What) {
        if let What::ProcessExited { .. } = what {
            self.finish(service);
        }
        self.note(service, &what);
        let line = if let What::ProcessExited { .. } = what {
            line_of_end(self.style, &what)
        } else {
            line_of(self.style, &what)
        };
        if let Some(line) = line.filter(|_| !self.quiet) {
            let text = [self.screen.prefixes.own(service), rendered(&line).into_bytes()].concat();
            self.screen.write_own(&text);
        }
    }

    fn relay(&mut self, told: &Told) {
        if let Some(line) = line_of_told(self.style, told).filter(|_| !self.quiet) {
            self.screen.write_own(rendered(&format!("{}  {line}", self.style.name())).as_bytes());
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Poll::Ready((service, stream)) = self.screen.poll_due(cx) {
            let line = self.cutters[service][stream as usize].unfinished();
            if let Some(line) = line.filter(|_| self.view.shows(service)) {
                self.screen.show_waiting(service, stream, &line, self.view.alone.is_some());
            }
        }
        self.screen.streams.poll_drain(cx)
    }

    fn margin(&self) -> usize {
        self.screen.prefixes.columns()
    }

    fn resized(&mut self) {
        self.screen.resized();
    }

    fn introduce_keys(&mut self) {
        if !self.quiet {
            self.view.introduce(&mut self.screen);
        }
    }

    fn typed(&mut self, keys: &[u8]) -> Vec<KeyCommand> {
        self.view.read(keys, &mut self.screen)
    }

    fn lend_terminal(&mut self, service: Option<usize>) {
        let unfinished = service.and_then(|service| self.cutters[service][0].unfinished());
        self.view.lend(service, &unfinished.unwrap_or_default(), &mut self.screen);
    }
}

/// The line about the end of a service. When bowline ends it prints only the first failure, and until then the other
/// services go on.
fn line_of_end(style: Style, what: &What) -> Option<String> {
    let What::ProcessExited { state, exit_code, signal, message, stopped_by, .. } = what else { return None };
    match state {
        State::Failed => {
            let how = how_ended(*exit_code, signal.as_deref(), message.clone());
            Some(format!("{} it {how}", style.error("error:")))
        }
        // One without an exit was waiting for another one.
        State::Stopped if stopped_by.is_some() && (exit_code.is_some() || signal.is_some()) => {
            Some("has ended".to_owned())
        }
        State::Idle
        | State::Waiting
        | State::Blocked
        | State::Starting
        | State::Running
        | State::Stopping
        | State::Stopped
        | State::Done => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::ColorChoice;

    #[test]
    fn only_what_had_started_has_ended() {
        for (exit_code, signal, expected) in
            [(Some(0), None, true), (None, Some("SIGTERM".to_owned()), true), (None, None, false)]
        {
            let stopped = What::ProcessExited {
                exit_code,
                signal,
                duration_ms: 0,
                state: State::Stopped,
                failure_reason: None,
                message: None,
                stderr: None,
                stopped_by: Some("`bowline stop`".to_owned()),
            };
            assert_eq!(
                line_of_end(Style::new(ColorChoice::Never, false), &stopped).is_some(),
                expected,
                "{stopped:?}"
            );
        }
    }
}

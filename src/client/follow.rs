//! Following the services of another supervisor: the output so far, then each event.
//!
//! The output so far comes from the log, the rest from the supervisor. Both count bytes alike, so nothing is lost
//! or shown twice, even when the supervisor drops a slow follower, which then attaches again.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::client::actions;
use crate::client::feed::{self, Feed};
use crate::client::forward::{Forward, Opened};
use crate::client::resolve;
use crate::client::screen::Screen;
use crate::client::typing::{Typing, Wish};
use crate::control::{self, Line, Status};
use crate::event::{Event, Level, State, What, how_ended, parse_cursor};
use crate::exit_code::FAILURE;
use crate::invocation::Invocation;
use crate::invocation::failure::{Failure, exit_of_service};
use crate::logs;
use crate::port::{Ports, Reservation, Scheme};
use crate::process::caller::CallerWatch;
use crate::process::signals::{SignalKind, Signals, stop_group};
use crate::process::terminal::KeyMode;
use crate::process::{Exit, children};
use crate::supervise::service::finished;
use crate::ui;
use crate::visible;

pub enum Manner<'a> {
    /// `attach`: the output so far, and what comes.
    Attach,
    /// `attach -i`: the same, and what the user types goes to the service.
    Type,
    /// A start of services that already run.
    Join(&'a Join<'a>),
    /// `logs --follow`: all output on stdout, beginning with the records that the function selects.
    Log(&'a dyn Fn(Vec<logs::Record>) -> Vec<logs::Record>),
}

pub struct Join<'a> {
    /// A warning if another command was to be started.
    pub difference: &'a dyn Fn(&Status) -> Option<String>,
    /// The port that the caller expects the service of this project on.
    pub wish: &'a dyn Fn(&str) -> Option<u16>,
}

/// Follows services until all have ended or the user leaves. Returns the exit of the service that failed first, else
/// that of the first one, or 0 if the user left; `None` if a service had ended before it could be followed.
pub fn follow(
    invocation: &Invocation,
    ports: &Ports,
    reservations: &[Reservation],
    manner: &Manner<'_>,
) -> Result<Option<Exit>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let mut feeds = Vec::new();
    for reservation in reservations {
        match Feed::open(reservation) {
            Ok(feed) => feeds.push(feed),
            Err(_) if actions::is_gone(ports, reservation) => return Ok(None),
            Err(failure) => return Err(failure),
        }
    }
    if matches!(manner, Manner::Join(_)) && !feeds.iter().any(|feed| feed.status.state.is_alive()) {
        return Ok(None);
    }
    let is_log = matches!(manner, Manner::Log(_));
    let screen = Screen::new(invocation, &feeds, is_log)?;
    let caller = screen.watch_caller(invocation)?;
    let wish = |feed: &Feed| match manner {
        Manner::Join(join) => (join.wish)(&feed.reservation.project).map_or(Forward::Off, Forward::Wanted),
        Manner::Attach | Manner::Type | Manner::Log(_) => Forward::Off,
    };
    let forwards = feeds.iter().map(wish).collect();
    let signals = Signals::take()?;
    let typist = reservations.first().filter(|_| matches!(manner, Manner::Type));
    let typing = typist.map(Typing::begin).transpose()?;
    let mut following = Following {
        invocation,
        ports,
        signals,
        caller,
        feeds,
        forwards,
        next: 0,
        screen,
        typing,
        failed: None,
        lost: None,
    };
    following.begin(manner);
    let end = runtime.block_on(following.run())?;
    // The terminal shows what comes now as it should.
    if following.typing.take().is_some_and(|typing| typing.mode() == KeyMode::Lines) {
        ui::eprint_line("");
    }
    if end.is_none() && !invocation.json && !invocation.quiet && !is_log {
        let names = resolve::words(reservations, &ports.reservations());
        let stop = invocation.style.strong(format!("bowline stop {}", visible::line(&names.join(" "))));
        let goes_on =
            if names.len() > 1 { "they go on running; stop them" } else { "it goes on running; stop it" };
        ui::eprint_line(&format!("{}  {goes_on} with {stop}", invocation.style.name()));
    }
    Ok(Some(end.unwrap_or(Exit::Code(0))))
}

struct Following<'a> {
    invocation: &'a Invocation,
    ports: &'a Ports,
    signals: Signals,
    caller: CallerWatch,
    feeds: Vec<Feed>,
    /// For each service.
    forwards: Vec<Forward>,
    /// The service whose events are looked at next, so that none has to wait for another that never pauses.
    next: usize,
    screen: Screen,
    /// The user's keys, if they go to a service.
    typing: Option<Typing>,
    /// The exit of the service that failed first.
    failed: Option<Exit>,
    /// The first service whose supervisor has gone without an exit event.
    lost: Option<usize>,
}

impl Following<'_> {
    /// Shows the output so far, then introduces the services: servers clear the screen when they start.
    fn begin(&mut self, manner: &Manner<'_>) {
        let invocation = self.invocation;
        if let Manner::Log(select) = manner {
            return self.begin_log(select);
        }
        for service in 0..self.feeds.len() {
            let feed = &mut self.feeds[service];
            let missed = feed.missed(feed.start());
            self.catch_up(service, missed);
            let Status { name, url, pid, state, .. } = &self.feeds[service].status;
            let condition = match (state, manner) {
                (State::Stopping, _) => "is stopping",
                (State::Stopped | State::Failed | State::Done, _) => "has ended",
                (State::Waiting, _) => "waits for another service",
                (State::Blocked, _) => "is blocked by another service",
                (State::Idle | State::Starting | State::Running, Manner::Join(_)) => "is already running",
                (State::Idle | State::Starting | State::Running, _) => "is running",
            };
            let way = match self.typing.as_ref().map(Typing::mode) {
                None => "Ctrl-C only leaves it",
                Some(KeyMode::Lines) => "it reads the lines that you type; Ctrl-] leaves it",
                Some(KeyMode::Raw | KeyMode::Single) => "it has the keyboard; Ctrl-] leaves it",
            };
            let url =
                url.as_ref().map_or_else(String::new, |url| format!("   {}", invocation.style.strong(url)));
            let message = format!("{name} {condition} (pid {pid}); {way}{url}");
            self.screen.notify(service, Level::Plain, message);
            if let Manner::Join(join) = manner
                && let Some(warning) = (join.difference)(&self.feeds[service].status)
            {
                self.warn(service, warning);
            }
        }
    }

    /// Shows the recorded output, that of several services by time.
    fn begin_log(&mut self, select: &dyn Fn(Vec<logs::Record>) -> Vec<logs::Record>) {
        for (service, record) in feed::by_time(&mut self.feeds, select) {
            self.catch_up(service, vec![record]);
        }
    }

    fn warn(&mut self, service: usize, warning: String) {
        match &self.screen {
            Screen::People(_) => self.screen.notify(service, Level::Warning, warning),
            Screen::Log(..) | Screen::Programs(_) => self.invocation.warn(&warning, None),
        }
    }

    /// The service is ready on this port: a port that is wanted besides leads there now.
    fn forward(&mut self, service: usize, port: u16, url: &str) {
        match self.forwards[service].ready(port, self.ports) {
            Opened::Unchanged => {}
            Opened::Refused(why) => self.warn(service, why),
            Opened::From(from) => {
                let Feed { status, reservation, .. } = &self.feeds[service];
                let scheme = url.split_once(':').and_then(|(scheme, _)| Scheme::from_name(scheme));
                let url = self.invocation.style.strong(scheme.unwrap_or_default().url(from));
                let message = format!("port {from} leads to {} on port {port}   {url}", status.name);
                if let Screen::Programs(out) = &mut self.screen {
                    let event = Event::now(&reservation.project, What::PortForwarded { from, to: port });
                    out.push(format!("{}\n", event.to_json()).as_bytes());
                }
                self.screen.notify(service, Level::Plain, message);
            }
        }
    }

    fn catch_up(&mut self, service: usize, missed: Vec<logs::Record>) {
        if let Screen::Programs(out) = &mut self.screen {
            for event in logs::to_events(missed, &self.feeds[service].reservation.project) {
                out.push(format!("{}\n", event.to_json()).as_bytes());
            }
        } else {
            for record in missed {
                self.screen.write(service, record.stream, &record.bytes);
            }
        }
    }

    /// Follows until every service has ended; `None` if the user leaves.
    async fn run(&mut self) -> Result<Option<Exit>, Failure> {
        while self.feeds.iter().any(|feed| feed.exit.is_none()) {
            if poll_fn(|cx| self.poll_step(cx)).await? {
                return Ok(None);
            }
        }
        self.screen.finish();
        poll_fn(|cx| self.screen.poll_drain(cx)).await;
        if let Some(lost) = self.lost {
            self.supervisor_lost(&self.feeds[lost].reservation)?;
        }
        Ok(self.failed.or_else(|| self.feeds.iter().find_map(|feed| feed.exit)))
    }

    /// Fails for a service whose supervisor has gone without an exit event, unless only its log was wanted.
    fn supervisor_lost(&self, reservation: &Reservation) -> Result<(), Failure> {
        let Reservation { name, pid, .. } = reservation;
        let how = match (&self.screen, reservation.is_released()) {
            (Screen::Log(..), true) => return Ok(()),
            (_, true) => "has ended",
            (_, false) => "was killed",
        };
        let hint = "its service ends with it; start it again with `bowline start`".to_owned();
        Err(Failure::new(FAILURE, format!("the supervisor of `{name}` (pid {pid}) {how}"), Some(hint)))
    }

    /// Handles one signal or event. Ready with whether the user leaves.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Failure>> {
        if let Poll::Ready(caught) = self.signals.poll_next(cx) {
            match caught.kind() {
                SignalKind::Suspend => self.suspend(),
                SignalKind::Resize => self.typing.iter_mut().for_each(Typing::resized),
                SignalKind::Continue => self.typing.iter_mut().for_each(Typing::resume),
                // The first process of a container has children that it did not start.
                SignalKind::Child => {
                    children::reap_besides(&[]);
                }
                SignalKind::End => {}
            }
            return Poll::Ready(Ok(caught.kind() == SignalKind::End));
        }
        if let Some(Poll::Ready(wish)) = self.typing.as_mut().map(|typing| typing.poll_keys(cx)) {
            match wish {
                Wish::Leave => return Poll::Ready(Ok(true)),
                Wish::Suspend => self.suspend(),
            }
            return Poll::Ready(Ok(false));
        }
        if self.caller.poll_gone(cx).is_ready() {
            return Poll::Ready(Ok(true));
        }
        let _waiting = self.screen.poll_drain(cx);
        let count = self.feeds.len();
        for service in (self.next..count).chain(0..self.next) {
            if self.feeds[service].exit.is_none()
                && self.screen.has_room(service)
                && let Poll::Ready(line) = self.feeds[service].lines.poll_line(cx)
            {
                self.next = (service + 1) % count;
                match line.transpose().map_err(io::Error::from)? {
                    Some(line) => self.handle_line(service, &line)?,
                    None => self.reopen(service)?,
                }
                return Poll::Ready(Ok(false));
            }
        }
        Poll::Pending
    }

    fn suspend(&mut self) {
        self.typing.iter_mut().for_each(Typing::suspend);
        stop_group();
        self.typing.iter_mut().for_each(Typing::resume);
    }

    fn handle_line(&mut self, service: usize, line: &[u8]) -> Result<(), Failure> {
        // A supervisor may have been killed within a line.
        let Ok(Line::Event(event)) = Line::parse(line) else { return Ok(()) };
        if let Screen::Programs(out) = &mut self.screen
            && !matches!(event.what, What::Ack { .. })
        {
            out.push(line);
            out.push(b"\n");
        }
        match event.what {
            What::LogChunk { stream, data, cursor } => {
                self.feeds[service].seen = parse_cursor(&cursor).map_or(0, |(_, bytes)| bytes);
                self.screen.write(service, stream, data.as_bytes());
            }
            What::PortDetected { port, url, .. } => {
                self.forward(service, port, &url);
                let known = &mut self.feeds[service].status;
                // If it was running already, its URL has been shown by `begin`.
                let message = if known.state == State::Running {
                    (known.url.as_ref() != Some(&url)).then(|| format!("now at   {url}"))
                } else {
                    Some(format!("ready   {url}"))
                };
                known.url = Some(url);
                if let Some(message) = message {
                    self.screen.notify(service, Level::Plain, message);
                }
            }
            What::Ready { .. } => {
                if self.feeds[service].status.state != State::Running {
                    self.screen.notify(service, Level::Plain, "ready".to_owned());
                }
            }
            What::PortReallocated { message, .. } => self.screen.notify(service, Level::Warning, message),
            What::ProcessExited { state: State::Starting, .. } => {
                self.forwards[service].down();
                let message = "the service has ended and is started again".to_owned();
                self.screen.notify(service, Level::Warning, message);
            }
            What::ProcessExited { exit_code, signal, state, message, duration_ms, .. } => {
                let done = (state == State::Done).then(|| finished(Duration::from_millis(duration_ms)));
                let how = done.unwrap_or_else(|| has_ended(exit_code, signal.as_deref(), message));
                self.screen.notify(service, Level::Plain, how);
                let exit = exit_of_service(exit_code, signal.as_deref(), state);
                self.feeds[service].exit = Some(exit);
                if state == State::Failed {
                    self.failed.get_or_insert(exit);
                }
            }
            What::Error { error } => return Err(control::ControlError::Refused(error).into()),
            What::Blocked { message, .. } => {
                self.screen.notify(service, Level::Warning, format!("it {message}"));
            }
            What::Waiting { .. }
            | What::Ack { .. }
            | What::PortConflict { .. }
            | What::PortForwarded { .. }
            | What::Noted { .. }
            | What::Unknown => {}
        }
        Ok(())
    }

    /// The connection has ended before the service: the supervisor dropped a slow follower, or was killed.
    fn reopen(&mut self, service: usize) -> Result<(), Failure> {
        let known = &mut self.feeds[service];
        let end = match Feed::open(&known.reservation) {
            Ok(feed) => {
                *known = Feed { seen: known.seen, ..feed };
                known.start()
            }
            Err(_) if actions::is_gone(self.ports, &known.reservation) => {
                self.lost.get_or_insert(service);
                known.exit = Some(Exit::Code(FAILURE));
                u64::MAX
            }
            Err(failure) => return Err(failure),
        };
        let missed = known.missed(end);
        self.catch_up(service, missed);
        Ok(())
    }
}

fn has_ended(exit_code: Option<u8>, signal: Option<&str>, message: Option<String>) -> String {
    let has = if message.is_none() { "has " } else { "" };
    format!("it {has}{}", how_ended(exit_code, signal, message))
}

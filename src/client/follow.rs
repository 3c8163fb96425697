//! Following services that another bowline runs: their output so far, and what happens from now on.
//!
//! The output so far comes from the log, what follows from the supervisor. Both count the same bytes, so nothing is lost or
//! shown twice between them, nor when the supervisor drops a follower that was too slow.

use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use crate::client::actions;
use crate::client::feed::Feed;
use crate::control::{self, Line, Status};
use crate::event::{Level, State, Stream, What, how_ended, parse_cursor};
use crate::exit_code::FAILURE;
use crate::invocation::Invocation;
use crate::invocation::failure::{Failure, exit_of_service};
use crate::launch;
use crate::logs;
use crate::port::{Ports, Reservation};
use crate::process::Exit;
use crate::process::outlet::Outlet;
use crate::process::signals::{Caught, Meaning, Signals, stop_group};
use crate::supervise::Sink;
use crate::ui::{self, Human, Prefixed};

/// How following ended.
pub enum Left {
    /// bowline ends like this: as the service ended, or with 0 as the user has seen enough.
    With(Exit),
    /// A service that was to be followed is gone, or would be before another could be started in its place.
    Gone,
}

/// What is shown of a service that is followed.
pub enum Manner<'a> {
    /// To people its output so far and what bowline has to say; to programs its events from now on.
    Attach,
    /// The same, in place of a start; this function tells where that was to run something else.
    Join(&'a dyn Fn(&Status) -> Option<String>),
    /// What this function leaves of its recorded output, and its output from now on, all on stdout.
    Log(&'a dyn Fn(Vec<logs::Record>) -> Vec<logs::Record>),
}

/// Follows these services.
pub fn follow(
    invocation: &Invocation,
    ports: &Ports,
    reservations: &[Reservation],
    manner: &Manner<'_>,
) -> Result<Left, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let mut feeds = Vec::new();
    for reservation in reservations {
        match Feed::open(reservation) {
            Ok(feed) => feeds.push(feed),
            Err(_) if actions::is_gone(ports, reservation) => return Ok(Left::Gone),
            Err(failure) => return Err(failure),
        }
    }
    if matches!(manner, Manner::Join(_)) && !feeds.iter().any(|feed| feed.status.state.is_alive()) {
        return Ok(Left::Gone);
    }
    let is_log = matches!(manner, Manner::Log(_));
    let screen = Screen::new(invocation, &feeds, is_log)?;
    let mut following = Following { ports, signals: Signals::take()?, feeds, screen, lost: None };
    following.begin(invocation, manner);
    match runtime.block_on(following.run())? {
        Some(end) => Ok(Left::With(end)),
        None => {
            if !invocation.json && !invocation.quiet && !is_log {
                let hint = invocation.style.strong("bowline stop");
                ui::complain(&format!(
                    "{}  it goes on running; stop it with {hint}",
                    invocation.style.name()
                ));
            }
            Ok(Left::With(Exit::Code(0)))
        }
    }
}

/// Where it is shown.
enum Screen {
    /// For those who want the output and nothing else.
    Log(Outlet),
    /// For people.
    People(Box<dyn Sink>),
    /// The supervisor's own lines.
    Programs(Outlet),
}

impl Screen {
    fn new(invocation: &Invocation, feeds: &[Feed], is_log: bool) -> io::Result<Self> {
        if invocation.json || is_log {
            let out = Outlet::new(io::stdout().as_fd())?;
            return Ok(if invocation.json { Self::Programs(out) } else { Self::Log(out) });
        }
        Ok(Self::People(if let [_] = feeds {
            Box::new(Human::new(invocation.style, invocation.quiet)?)
        } else {
            let names: Vec<String> = feeds.iter().map(|feed| feed.status.name.clone()).collect();
            Box::new(Prefixed::new(&names, invocation.style, invocation.quiet)?)
        }))
    }

    fn has_room(&self, service: usize) -> bool {
        match self {
            Self::People(sink) => {
                sink.has_room(service, Stream::Stdout) && sink.has_room(service, Stream::Stderr)
            }
            Self::Programs(out) | Self::Log(out) => out.has_room(),
        }
    }

    fn write(&mut self, service: usize, stream: Stream, mut bytes: &[u8]) {
        match self {
            Self::People(sink) => {
                while !bytes.is_empty() && sink.pass(service, stream, &mut bytes).is_ok() {}
            }
            Self::Log(out) => out.push(bytes),
            Self::Programs(_) => {}
        }
    }

    fn tell(&mut self, service: usize, level: Level, message: String) {
        if let Self::People(sink) = self {
            sink.tell(service, What::Noted { level, message });
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::People(sink) => sink.poll_drain(cx),
            Self::Programs(out) | Self::Log(out) => out.poll_drain(cx),
        }
    }
}

enum Happening {
    Signal(Caught),
    Line(usize, Vec<u8>),
    Closed(usize),
}

struct Following<'a> {
    ports: &'a Ports,
    signals: Signals,
    feeds: Vec<Feed>,
    screen: Screen,
    /// The first whose supervisor was killed.
    lost: Option<usize>,
}

impl Following<'_> {
    /// Shows the output so far, and says what is followed: in this order, as servers clear the screen when they start.
    fn begin(&mut self, invocation: &Invocation, manner: &Manner<'_>) {
        for service in 0..self.feeds.len() {
            let shown = match manner {
                Manner::Log(select) => select(self.feeds[service].recorded()),
                // Asked for even if nothing is shown: what follows begins behind it.
                Manner::Attach | Manner::Join(_) => {
                    let missed = self.feeds[service].missed();
                    if invocation.json { Vec::new() } else { missed }
                }
            };
            self.catch_up(service, &shown);
            let Status { name, port, pid, state, .. } = &self.feeds[service].status;
            let why = match (state, manner) {
                (_, Manner::Log(_)) => continue,
                (State::Stopping, _) => "is stopping",
                (State::Stopped | State::Failed, _) => "has ended",
                (State::Idle | State::Starting | State::Running, Manner::Join(_)) => "is already running",
                (State::Idle | State::Starting | State::Running, Manner::Attach) => "is running",
            };
            let url = invocation.style.strong(launch::url(*port));
            let message = format!("{name} {why} (pid {pid}); Ctrl-C only leaves it   {url}");
            self.screen.tell(service, Level::Plain, message);
            if let Manner::Join(unlike) = manner
                && let Some(warning) = unlike(&self.feeds[service].status)
            {
                match &self.screen {
                    Screen::People(_) => self.screen.tell(service, Level::Warning, warning),
                    Screen::Log(_) | Screen::Programs(_) => invocation.warn(&warning, None),
                }
            }
        }
    }

    fn catch_up(&mut self, service: usize, missed: &[logs::Record]) {
        for record in missed {
            match &mut self.screen {
                Screen::People(_) | Screen::Log(_) => {
                    self.screen.write(service, record.stream, &record.bytes);
                }
                Screen::Programs(out) => {
                    out.push(record.to_event(&self.feeds[service].reservation.project).to_json().as_bytes());
                    out.push(b"\n");
                }
            }
        }
    }

    /// Follows to the end, which is that of the first service; nothing if the user has seen enough.
    async fn run(&mut self) -> Result<Option<Exit>, Failure> {
        while self.feeds.iter().any(|feed| feed.exit.is_none()) {
            match poll_fn(|cx| self.poll(cx)).await? {
                Happening::Signal(caught) => match caught.meaning() {
                    Meaning::End => return Ok(None),
                    Meaning::Suspend => stop_group(),
                    Meaning::Continue | Meaning::Resize | Meaning::Child => {}
                },
                Happening::Line(service, line) => self.hear(service, &line)?,
                Happening::Closed(service) => self.reopen(service)?,
            }
        }
        poll_fn(|cx| self.screen.poll_drain(cx)).await;
        if let Some(lost) = self.lost {
            self.mourn(&self.feeds[lost].reservation)?;
        }
        Ok(self.feeds.iter().find_map(|feed| feed.exit))
    }

    /// The supervisor is gone, and has not told us how its service ended.
    fn mourn(&self, reservation: &Reservation) -> Result<(), Failure> {
        let Reservation { name, pid, .. } = reservation;
        let how = match (&self.screen, reservation.is_returned()) {
            (Screen::Log(_), true) => return Ok(()),
            (_, true) => "has ended",
            (_, false) => "was killed",
        };
        let hint = "its service ends with it; start it again with `bowline start`".to_owned();
        Err(Failure::new(FAILURE, format!("the supervisor of `{name}` (pid {pid}) {how}"), Some(hint)))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Happening, Failure>> {
        if let Poll::Ready(caught) = self.signals.poll_next(cx) {
            return Poll::Ready(Ok(Happening::Signal(caught)));
        }
        let _waiting = self.screen.poll_drain(cx);
        for (service, feed) in self.feeds.iter_mut().enumerate() {
            if feed.exit.is_some() || !self.screen.has_room(service) {
                continue;
            }
            if let Poll::Ready(line) = feed.poll_line(cx) {
                let happening =
                    line?.map_or(Happening::Closed(service), |line| Happening::Line(service, line));
                return Poll::Ready(Ok(happening));
            }
        }
        Poll::Pending
    }

    fn hear(&mut self, service: usize, line: &[u8]) -> Result<(), Failure> {
        let Line::Event(event) = serde_json::from_slice(line).map_err(io::Error::from)? else {
            return Ok(());
        };
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
            What::PortDetected { port, .. } => {
                // What was ready when it was attached has been introduced as such.
                if self.feeds[service].status.state != State::Running {
                    self.screen.tell(service, Level::Plain, format!("ready   {}", launch::url(port)));
                }
            }
            What::PortReallocated { message, .. } => self.screen.tell(service, Level::Warning, message),
            What::ProcessExited { state: State::Starting, .. } => {
                let message = "the service has ended and is started again".to_owned();
                self.screen.tell(service, Level::Warning, message);
            }
            What::ProcessExited { exit_code, signal, state, .. } => {
                let message = format!("it has ended{}", how_ended(exit_code, signal.as_deref()));
                self.screen.tell(service, Level::Plain, message);
                self.feeds[service].exit = Some(exit_of_service(exit_code, signal.as_deref(), state));
            }
            What::Error { error } => return Err(control::Error::Refused(error).into()),
            What::Ack { .. } | What::PortConflict { .. } | What::Noted { .. } | What::Unknown => {}
        }
        Ok(())
    }

    /// The connection has ended before the service has: we were too slow for the supervisor, or it was killed.
    fn reopen(&mut self, service: usize) -> Result<(), Failure> {
        let known = &self.feeds[service];
        match Feed::open(&known.reservation) {
            Ok(feed) => {
                let seen = known.seen;
                self.feeds[service] = feed;
                self.feeds[service].seen = seen;
                let missed = self.feeds[service].missed();
                self.catch_up(service, &missed);
                Ok(())
            }
            Err(_) if actions::is_gone(self.ports, &known.reservation) => {
                let rest = self.feeds[service].rest();
                self.catch_up(service, &rest);
                self.lost.get_or_insert(service);
                self.feeds[service].exit = Some(Exit::Code(FAILURE));
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }
}

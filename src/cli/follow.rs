//! Following services that another bowline runs: their output so far, and what happens from now on.
//!
//! The output so far comes from the log, what follows from the supervisor. Both count the same bytes, so nothing is lost or
//! shown twice between them, nor when the supervisor drops a follower that was too slow.

use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::str::FromStr;
use std::task::{Context, Poll};

use super::failure::{End, Failure, NOT_READY, OTHER};
use super::feed::Feed;
use super::running;
use super::surroundings::Surroundings;
use crate::control::{self, Answer, Status};
use crate::event::{Level, State, Stream, What, parse_cursor};
use crate::launch;
use crate::logs;
use crate::port::{Ports, Reservation};
use crate::process::Signal;
use crate::process::outlet::Outlet;
use crate::process::signals::{Caught, Meaning, Signals, stop_group};
use crate::supervise::Sink;
use crate::ui::{self, Human, Prefixed};

/// How following ended.
pub enum Left {
    /// bowline ends like this: as the service ended, or with 0 as the user has seen enough.
    With(End),
    /// The services were ending when they were to be followed, and now are gone.
    Gone,
}

/// What is shown of a service that is followed.
pub enum Manner<'a> {
    /// To people its output so far and what bowline has to say, which begins with its name and these words; to programs its
    /// events from now on.
    Attach(&'a str),
    /// What this function leaves of its recorded output, and its output from now on, all on stdout.
    Log(&'a dyn Fn(Vec<logs::Record>) -> Vec<logs::Record>),
}

/// Follows these services.
pub fn follow(
    around: &Surroundings,
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
            Err(_) if running::is_gone(ports, reservation) => return Ok(Left::Gone),
            Err(failure) => return Err(failure),
        }
    }
    let is_log = matches!(manner, Manner::Log(_));
    let ending = |feed: &Feed| !matches!(feed.status.state, State::Idle | State::Starting | State::Running);
    let wanted = is_log || !feeds.iter().all(ending);
    if !wanted {
        let mut waiting = Following { ports, signals: None, feeds, screen: Screen::Blank, lost: None };
        runtime.block_on(waiting.run())?;
        return Ok(Left::Gone);
    }
    let screen = Screen::new(around, &feeds, is_log)?;
    let mut following = Following { ports, signals: Some(Signals::take()?), feeds, screen, lost: None };
    following.begin(around, manner);
    match runtime.block_on(following.run())? {
        Some(end) => Ok(Left::With(end)),
        None => {
            if !around.json && !around.quiet && !is_log {
                let hint = around.style.strong("bowline stop");
                ui::complain(&format!("{}  it goes on running; stop it with {hint}", around.style.name()));
            }
            Ok(Left::With(End::Code(0)))
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
    /// Nowhere: only the end matters.
    Blank,
}

impl Screen {
    fn new(around: &Surroundings, feeds: &[Feed], is_log: bool) -> io::Result<Self> {
        if around.json || is_log {
            let out = Outlet::new(io::stdout().as_fd())?;
            return Ok(if around.json { Self::Programs(out) } else { Self::Log(out) });
        }
        Ok(Self::People(if let [_] = feeds {
            Box::new(Human::new(around.style, around.quiet)?)
        } else {
            let names: Vec<String> = feeds.iter().map(|feed| feed.status.name.clone()).collect();
            Box::new(Prefixed::new(&names, around.style, around.quiet)?)
        }))
    }

    fn has_room(&self, service: usize) -> bool {
        match self {
            Self::People(sink) => {
                sink.has_room(service, Stream::Stdout) && sink.has_room(service, Stream::Stderr)
            }
            Self::Programs(out) | Self::Log(out) => out.has_room(),
            Self::Blank => true,
        }
    }

    fn write(&mut self, service: usize, stream: Stream, mut bytes: &[u8]) {
        match self {
            Self::People(sink) => {
                while !bytes.is_empty() && sink.pass(service, stream, &mut bytes).is_ok() {}
            }
            Self::Log(out) => out.push(bytes),
            Self::Programs(_) | Self::Blank => {}
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
            Self::Blank => Poll::Ready(()),
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
    /// Nothing while the end of something is waited for: then a signal ends bowline as it would any program.
    signals: Option<Signals>,
    feeds: Vec<Feed>,
    screen: Screen,
    /// The first whose supervisor was killed.
    lost: Option<usize>,
}

impl Following<'_> {
    /// Says what is followed, and shows the output so far.
    fn begin(&mut self, around: &Surroundings, manner: &Manner<'_>) {
        for service in 0..self.feeds.len() {
            let Status { name, port, pid, .. } = &self.feeds[service].status;
            let shown = match manner {
                Manner::Log(select) => select(self.feeds[service].recorded()),
                Manner::Attach(why) => {
                    let url = around.style.strong(launch::url(*port));
                    let message = format!("{name} {why} (pid {pid}); Ctrl-C only leaves it   {url}");
                    self.screen.tell(service, Level::Plain, message);
                    let missed = self.feeds[service].missed();
                    if around.json { Vec::new() } else { missed }
                }
            };
            self.catch_up(service, &shown);
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
                Screen::Blank => {}
            }
        }
    }

    /// Follows to the end, which is that of the first service; nothing if the user has seen enough.
    async fn run(&mut self) -> Result<Option<End>, Failure> {
        while self.feeds.iter().any(|feed| feed.end.is_none()) {
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
        Ok(self.feeds.iter().find_map(|feed| feed.end))
    }

    /// The supervisor is gone, and has not told us how its service ended.
    fn mourn(&self, reservation: &Reservation) -> Result<(), Failure> {
        let Reservation { name, pid, .. } = reservation;
        let how = match (&self.screen, reservation.is_returned()) {
            (Screen::Blank, _) | (Screen::Log(_), true) => return Ok(()),
            (_, true) => "has ended",
            (_, false) => "was killed",
        };
        let hint = "its service ends with it; start it again with `bowline start`".to_owned();
        Err(Failure::new(OTHER, format!("the supervisor of `{name}` (pid {pid}) {how}"), Some(hint)))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Happening, Failure>> {
        if let Some(Poll::Ready(caught)) = self.signals.as_mut().map(|signals| signals.poll_next(cx)) {
            return Poll::Ready(Ok(Happening::Signal(caught)));
        }
        let _waiting = self.screen.poll_drain(cx);
        for (service, feed) in self.feeds.iter_mut().enumerate() {
            if feed.end.is_some() || !self.screen.has_room(service) {
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
        let answer = control::parse(line)?;
        if let Screen::Programs(out) = &mut self.screen
            && !matches!(answer, Answer::Status { .. } | Answer::Ack { .. })
        {
            out.push(line);
            out.push(b"\n");
        }
        match answer {
            Answer::LogChunk { stream, data, cursor, .. } => {
                self.feeds[service].seen = parse_cursor(&cursor).map_or(0, |(_, bytes)| bytes);
                self.screen.write(service, stream, data.as_bytes());
            }
            Answer::PortDetected { port, .. } => {
                // What was ready when it was attached has been introduced as such.
                if self.feeds[service].status.state != State::Running {
                    self.screen.tell(service, Level::Plain, format!("ready   {}", launch::url(port)));
                }
            }
            Answer::PortReallocated { message, .. } => self.screen.tell(service, Level::Warning, message),
            Answer::ProcessExited { state: State::Starting, .. } => {
                let message = "the service has ended and is started again".to_owned();
                self.screen.tell(service, Level::Warning, message);
            }
            Answer::ProcessExited { exit_code, signal, state, .. } => {
                self.feeds[service].end = Some(end_of(exit_code, signal.as_deref(), state));
            }
            Answer::Error { error } => return Err(control::Error::Refused(error).into()),
            Answer::Status { .. } | Answer::Ack { .. } | Answer::Other => {}
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
            Err(_) if running::is_gone(self.ports, &known.reservation) => {
                let rest = self.feeds[service].rest();
                self.catch_up(service, &rest);
                self.lost.get_or_insert(service);
                self.feeds[service].end = Some(End::Code(OTHER));
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }
}

/// As the service has ended.
fn end_of(code: Option<u8>, signal: Option<&str>, state: State) -> End {
    let by_signal = signal.and_then(|name| Signal::from_str(name).ok()).map(End::Signal);
    let failed = if state == State::Failed { NOT_READY } else { 0 };
    match code {
        // A server that ends before it listens has failed, whatever its code says.
        Some(0) => End::Code(failed),
        Some(code) => End::Code(code),
        None => by_signal.unwrap_or(End::Code(OTHER)),
    }
}

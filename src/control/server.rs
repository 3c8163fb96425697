//! The supervisor's side: clients come in, commands go to the loop, and what happens goes to the clients.
//!
//! Nothing here ever waits: each client has a bounded queue, and one that does not read in time is dropped.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener as Listener;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::task::{Context, Poll};

use nix::sys::resource::{Resource, getrlimit};
use serde::Serialize;
use tokio::net::UnixListener;

use super::peer::{Follows, Peer, Pending};
use super::protocol::{Hello, Line, PROTOCOL, Request, Verb};
use super::service::{About, Service};
use crate::event::{Event, Stream, TooLong, What};
use crate::paths;
use crate::process::Signal;
use crate::supervise::service::Input;
use crate::supervise::{Condition, Control};
use crate::visible::Visible;

/// How many clients there may be where the limit of open files allows it.
const CLIENTS: u64 = 1024;
/// How many answers a client can wait for at once.
const PENDING: usize = 1024;
/// How many are let in before the services have their turn again.
const ARRIVALS: usize = 16;

/// Where clients come in.
#[derive(Debug)]
enum Door {
    /// Not opened yet: the services are started first.
    Closed(PathBuf),
    Open(UnixListener),
    /// It cannot be opened.
    Shut,
}

/// The control socket of one supervisor.
#[derive(Debug)]
pub struct Server {
    door: Door,
    session: String,
    services: Vec<Service>,
    peers: Vec<Peer>,
    commands: VecDeque<(usize, Input)>,
    room: usize,
}

impl Server {
    /// A server at `socket`, which is made once the services have been started.
    pub fn new(socket: PathBuf, session: &str, services: Vec<About>) -> Self {
        let services = services.into_iter().map(|about| Service::new(about, session)).collect();
        let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(CLIENTS, |(soft, _)| soft);
        Self {
            door: Door::Closed(socket),
            session: session.to_owned(),
            services,
            peers: Vec::new(),
            commands: VecDeque::new(),
            // The services need descriptors, too.
            room: usize::try_from(CLIENTS.min(files / 2)).unwrap_or(1),
        }
    }

    fn open(&mut self) {
        if let Door::Closed(path) = &self.door {
            let opened = listen(path);
            if let Err(error) = &opened {
                tracing::warn!("cannot be spoken to at `{}`: {error}", path.visible());
            }
            self.door = opened.map_or(Door::Shut, Door::Open);
        }
    }

    fn admit(&mut self, cx: &mut Context<'_>) {
        let Door::Open(listener) = &self.door else { return };
        for _ in 0..ARRIVALS {
            let Poll::Ready(arrived) = listener.poll_accept(cx) else { return };
            // Without a descriptor to spare, whoever waits is let in when another has gone.
            let Ok((stream, _)) = arrived else { return };
            let Ok(who) = stream.peer_cred() else { continue };
            if !is_trusted(who.uid()) {
                continue;
            }
            if self.peers.len() >= self.room {
                make_room(&mut self.peers);
            }
            let mut peer = Peer::new(stream, who.pid(), self.services.len());
            peer.send(&line(&Hello::ours(Some(std::process::id()))));
            self.peers.push(peer);
        }
        // More may wait.
        cx.waker().wake_by_ref();
    }

    /// Lets every client speak and be spoken to.
    fn attend(&mut self, cx: &mut Context<'_>) {
        let mut peers = std::mem::take(&mut self.peers);
        for peer in &mut peers {
            if peer.poll_read(cx).is_ready() {
                self.hear(peer);
                cx.waker().wake_by_ref();
            }
            let _waiting = peer.poll_write(cx);
        }
        peers.retain(|peer| !peer.is_gone());
        self.peers = peers;
    }

    fn hear(&mut self, peer: &mut Peer) {
        while !peer.is_dismissed() {
            match peer.next_line() {
                Ok(Some(text)) if text.iter().all(u8::is_ascii_whitespace) => {}
                Ok(Some(text)) => self.answer(peer, &text),
                Ok(None) => return,
                Err(TooLong) => {
                    refuse(peer, None, "the line is too long");
                    return peer.dismiss();
                }
            }
        }
    }

    fn answer(&mut self, peer: &mut Peer, text: &[u8]) {
        if let Ok(hello) = serde_json::from_slice::<Hello>(text) {
            if hello.protocol > PROTOCOL {
                refuse(
                    peer,
                    None,
                    &format!("protocol {} is not spoken here, only {PROTOCOL}", hello.protocol),
                );
                peer.dismiss();
            }
            return;
        }
        let request: Request = match serde_json::from_slice(text) {
            Ok(request) => request,
            Err(error) => return refuse(peer, None, &format!("not a request: {error}")),
        };
        let wanted = request.project_id.as_deref();
        let meant: Vec<usize> = (0..self.services.len())
            .filter(|&service| wanted.is_none_or(|id| id == self.services[service].about.project))
            .collect();
        if meant.is_empty() {
            return refuse(peer, request.id.as_deref(), "Project not found");
        }
        if request.verb == Verb::Status {
            return self.tell_status(peer, &meant, request.id.as_deref());
        }
        for service in meant {
            self.carry_out(peer, service, &request);
        }
    }

    fn carry_out(&mut self, peer: &mut Peer, service: usize, request: &Request) {
        let id = request.id.as_deref();
        let name = match request.verb {
            Verb::Status => return,
            Verb::Stop => "stop",
            Verb::Restart => "restart",
            Verb::Wait => "wait",
            Verb::Attach => "attach",
        };
        let state = self.services[service].state;
        self.say(peer, service, id, What::Ack { message: format!("Command {name} accepted") });
        let living = state.is_alive();
        match request.verb {
            Verb::Stop if request.force => self.command(service, Input::Kill),
            Verb::Stop if living => self.command(service, Input::Stop(Signal::SIGTERM)),
            Verb::Restart if living => {
                // What is ready now is not what is asked for.
                self.services[service].ready = None;
                self.command(service, Input::Restart);
            }
            Verb::Attach => {
                peer.follows[service] = Follows { events: true, output: request.output };
                self.tell_status(peer, &[service], id);
                let known = &self.services[service];
                for event in known.ready.iter().chain(&known.ended) {
                    peer.send(&line(event));
                }
                return;
            }
            Verb::Status | Verb::Stop | Verb::Restart | Verb::Wait => {}
        }
        if peer.pending.len() >= PENDING {
            refuse(peer, id, "too many requests without an answer");
            return peer.dismiss();
        }
        let end = request.verb == Verb::Stop;
        peer.pending.push(Pending { service, id: request.id.clone(), end });
        self.settle(peer);
    }

    /// Passes on what changes something, once: a client that repeats itself is no load for the loop.
    fn command(&mut self, service: usize, input: Input) {
        if input == Input::Kill && std::mem::replace(&mut self.services[service].killed, true) {
            return;
        }
        if !self.commands.contains(&(service, input)) {
            self.commands.push_back((service, input));
        }
    }

    /// Answers what can be answered by now.
    fn settle(&self, peer: &mut Peer) {
        let pending = std::mem::take(&mut peer.pending);
        for one in pending {
            let Some((event, last)) = self.services[one.service].news(one.end) else {
                peer.pending.push(one);
                continue;
            };
            let id = one.id.as_deref();
            peer.send(&line(&event.clone().answering(id)));
            self.say(peer, one.service, id, last);
        }
    }

    fn settle_all(&mut self) {
        if self.peers.iter().all(|peer| peer.pending.is_empty()) {
            return;
        }
        let mut peers = std::mem::take(&mut self.peers);
        for peer in peers.iter_mut().filter(|peer| !peer.pending.is_empty()) {
            self.settle(peer);
        }
        self.peers = peers;
    }

    fn say(&self, peer: &mut Peer, service: usize, id: Option<&str>, what: What) {
        peer.send(&line(&Event::now(&self.services[service].about.project, what).answering(id)));
    }

    fn tell_status(&self, peer: &mut Peer, services: &[usize], id: Option<&str>) {
        let services = services.iter().map(|&service| self.services[service].status(&self.session)).collect();
        peer.send(&line(&Line::Status { services, command_id: id.map(str::to_owned) }));
    }

    /// Sends an event to all who follow the service.
    fn spread(&mut self, service: usize, event: &Event) {
        let output = matches!(event.what, What::LogChunk { .. });
        let mut text = None;
        for peer in &mut self.peers {
            let Follows { events, output: wants_output } = peer.follows[service];
            if events && (wants_output || !output) {
                peer.send(text.get_or_insert_with(|| line(event)));
            }
        }
    }
}

impl Control for Server {
    fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<(usize, Input)> {
        self.open();
        self.admit(cx);
        self.attend(cx);
        self.commands.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn wrote(&mut self, service: usize, stream: Stream, bytes: &[u8]) {
        let Some(known) = self.services.get_mut(service) else { return };
        if !self.peers.iter().any(|peer| peer.follows[service].output) {
            return known.output.skip(stream, bytes.len());
        }
        if let Some(chunk) = known.output.take(stream, bytes) {
            let event = Event::now(&known.about.project, chunk);
            self.spread(service, &event);
        }
    }

    fn tell(&mut self, service: usize, what: &What) {
        if let Some(event) = self.services.get_mut(service).and_then(|known| known.note(what)) {
            self.spread(service, &event);
        }
    }

    fn changed(&mut self, service: usize, now: Condition) {
        if let Some(known) = self.services.get_mut(service) {
            known.change(&now);
            // Not before the port is given back: whoever waited for the end may want it.
            self.settle_all();
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let waiting =
            self.peers.iter_mut().filter_map(|peer| peer.poll_write(cx).is_pending().then_some(())).count();
        if waiting == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Hangs up on one client, so that whoever comes gets in: one of the process that has the most connections, as no other
/// keeps anybody out; of those one that wants nothing, and the oldest.
fn make_room(peers: &mut Vec<Peer>) {
    let mut connections: HashMap<Option<i32>, usize> = HashMap::new();
    for peer in peers.iter() {
        *connections.entry(peer.process()).or_default() += 1;
    }
    let rank = |peer: &Peer| (connections.get(&peer.process()).copied(), peer.is_idle());
    // From the end, as of equals the last one is the maximum.
    if let Some(at) = (0..peers.len()).rev().max_by_key(|&at| rank(&peers[at])) {
        peers.remove(at);
    }
}

fn line(value: &impl Serialize) -> Rc<[u8]> {
    // Strings, numbers and times always serialize.
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

fn refuse(peer: &mut Peer, id: Option<&str>, error: &str) {
    peer.send(&line(&refusal(id, error)));
}

fn refusal(id: Option<&str>, error: &str) -> Event {
    Event::of_no_project(What::Error { error: error.to_owned() }).answering(id)
}

/// The directory keeps others out already; this holds where a directory on a path was opened to them.
fn is_trusted(user: u32) -> bool {
    user == 0 || user == nix::unistd::geteuid().as_raw()
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    paths::prepare_socket_dir(path).map_err(io::Error::other)?;
    let listener = Listener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

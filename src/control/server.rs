//! The supervisor's side: takes requests of clients to the loop, and events of the loop to clients.
//!
//! Nothing here ever waits: each client has a bounded queue, and a client that does not read in time is dropped.

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
use super::protocol::{ControlRequest, Hello, Line, PROTOCOL, Verb};
use super::service::{About, Service};
use crate::event::{Event, Stream, TooLong, What};
use crate::paths;
use crate::process::Signal;
use crate::supervise::service::Input;
use crate::supervise::{Condition, Control};
use crate::visible::Visible;

/// The most clients, where the limit of open files allows it.
const CLIENTS: u64 = 1024;
/// The most answers that one client can wait for.
const PENDING: usize = 1024;
/// The most clients that are accepted before the services have their turn again.
const ARRIVALS: usize = 16;

#[derive(Debug)]
enum Socket {
    /// Not opened yet: the services are started first.
    Unopened(PathBuf),
    Open(UnixListener),
    Failed,
}

/// The control socket of one supervisor.
#[derive(Debug)]
pub struct Server {
    socket: Socket,
    session: String,
    services: Vec<Service>,
    peers: Vec<Peer>,
    commands: VecDeque<(usize, Input)>,
    most_peers: usize,
}

impl Server {
    /// A server at `socket`, which is made once the services have been started.
    pub fn new(socket: PathBuf, session: &str, services: Vec<About>) -> Self {
        let services = services.into_iter().map(|about| Service::new(about, session)).collect();
        let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(CLIENTS, |(soft, _)| soft);
        Self {
            socket: Socket::Unopened(socket),
            session: session.to_owned(),
            services,
            peers: Vec::new(),
            commands: VecDeque::new(),
            // The services need descriptors, too.
            most_peers: usize::try_from(CLIENTS.min(files / 2)).unwrap_or(1),
        }
    }

    fn open(&mut self) {
        if let Socket::Unopened(path) = &self.socket {
            let opened = listen(path);
            if let Err(error) = &opened {
                tracing::warn!("cannot be spoken to at `{}`: {error}", path.visible());
            }
            self.socket = opened.map_or(Socket::Failed, Socket::Open);
        }
    }

    fn accept(&mut self, cx: &mut Context<'_>) {
        let Socket::Open(listener) = &self.socket else { return };
        for _ in 0..ARRIVALS {
            let Poll::Ready(arrived) = listener.poll_accept(cx) else { return };
            // Without a descriptor to spare, the newcomer waits until another client has gone.
            let Ok((stream, _)) = arrived else { return };
            let Ok(credentials) = stream.peer_cred() else { continue };
            if !is_trusted(credentials.uid()) {
                continue;
            }
            if self.peers.len() >= self.most_peers {
                evict_one(&mut self.peers);
            }
            let mut peer = Peer::new(stream, credentials.pid(), self.services.len());
            peer.send(&line(&Hello::ours(Some(std::process::id()))));
            self.peers.push(peer);
        }
        // More may wait.
        cx.waker().wake_by_ref();
    }

    /// Reads and writes what can be read from and written to every client.
    fn serve_peers(&mut self, cx: &mut Context<'_>) {
        let mut peers = std::mem::take(&mut self.peers);
        for peer in &mut peers {
            if peer.poll_read(cx).is_ready() {
                self.read_requests(peer);
                cx.waker().wake_by_ref();
            }
            let _waiting = peer.poll_write(cx);
        }
        peers.retain(|peer| !peer.is_gone());
        self.peers = peers;
    }

    fn read_requests(&mut self, peer: &mut Peer) {
        while !peer.is_closing() {
            match peer.next_line() {
                Ok(Some(text)) if text.iter().all(u8::is_ascii_whitespace) => {}
                Ok(Some(text)) => self.read_request(peer, &text),
                Ok(None) => return,
                Err(TooLong) => {
                    refuse(peer, None, "the line is too long");
                    return peer.close();
                }
            }
        }
    }

    fn read_request(&mut self, peer: &mut Peer, text: &[u8]) {
        if let Ok(hello) = serde_json::from_slice::<Hello>(text) {
            if hello.protocol > PROTOCOL {
                refuse(
                    peer,
                    None,
                    &format!("protocol {} is not spoken here, only {PROTOCOL}", hello.protocol),
                );
                peer.close();
            }
            return;
        }
        let request: ControlRequest = match serde_json::from_slice(text) {
            Ok(request) => request,
            Err(error) => return refuse(peer, None, &format!("not a request: {error}")),
        };
        let wanted = request.project_id.as_deref();
        let services: Vec<usize> = (0..self.services.len())
            .filter(|&service| wanted.is_none_or(|id| id == self.services[service].about.project))
            .collect();
        if services.is_empty() {
            return refuse(peer, request.id.as_deref(), "Project not found");
        }
        if request.verb == Verb::Status {
            return self.send_status(peer, &services, request.id.as_deref());
        }
        for service in services {
            self.carry_out(peer, service, &request);
        }
    }

    fn carry_out(&mut self, peer: &mut Peer, service: usize, request: &ControlRequest) {
        let id = request.id.as_deref();
        let message = format!("Command {} accepted", request.verb);
        self.send(peer, service, id, What::Ack { message });
        let is_alive = self.services[service].state.is_alive();
        match request.verb {
            Verb::Stop if request.force => self.enqueue(service, Input::Kill),
            Verb::Stop if is_alive => self.enqueue(service, Input::Stop(Signal::SIGTERM)),
            Verb::Restart if is_alive => {
                // The client waits for the next time that it is ready.
                self.services[service].ready = None;
                self.enqueue(service, Input::Restart);
            }
            Verb::Attach => {
                peer.follows[service] = Follows { events: true, output: request.output };
                self.send_status(peer, &[service], id);
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
            return peer.close();
        }
        let end = request.verb == Verb::Stop;
        peer.pending.push(Pending { service, id: request.id.clone(), end });
        self.answer_pending(peer);
    }

    /// Gives the loop an input, once: a client that repeats itself is no load for it.
    fn enqueue(&mut self, service: usize, input: Input) {
        if input == Input::Kill && std::mem::replace(&mut self.services[service].killed, true) {
            return;
        }
        if !self.commands.contains(&(service, input)) {
            self.commands.push_back((service, input));
        }
    }

    /// Answers the requests of a client whose outcome is known by now.
    fn answer_pending(&self, peer: &mut Peer) {
        let pending = std::mem::take(&mut peer.pending);
        for one in pending {
            let Some((event, last)) = self.services[one.service].outcome(one.end) else {
                peer.pending.push(one);
                continue;
            };
            let id = one.id.as_deref();
            peer.send(&line(&event.clone().answering(id)));
            self.send(peer, one.service, id, last);
        }
    }

    fn answer_all_pending(&mut self) {
        if self.peers.iter().all(|peer| peer.pending.is_empty()) {
            return;
        }
        let mut peers = std::mem::take(&mut self.peers);
        for peer in peers.iter_mut().filter(|peer| !peer.pending.is_empty()) {
            self.answer_pending(peer);
        }
        self.peers = peers;
    }

    fn send(&self, peer: &mut Peer, service: usize, id: Option<&str>, what: What) {
        peer.send(&line(&Event::now(&self.services[service].about.project, what).answering(id)));
    }

    fn send_status(&self, peer: &mut Peer, services: &[usize], id: Option<&str>) {
        let services = services.iter().map(|&service| self.services[service].status(&self.session)).collect();
        peer.send(&line(&Line::Status { services, command_id: id.map(str::to_owned) }));
    }

    /// Sends an event to all clients that follow the service.
    fn broadcast(&mut self, service: usize, event: &Event) {
        let is_output = matches!(event.what, What::LogChunk { .. });
        let mut text = None;
        for peer in &mut self.peers {
            let Follows { events, output } = peer.follows[service];
            if events && (output || !is_output) {
                peer.send(text.get_or_insert_with(|| line(event)));
            }
        }
    }
}

impl Control for Server {
    fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<(usize, Input)> {
        self.open();
        self.accept(cx);
        self.serve_peers(cx);
        self.commands.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn wrote(&mut self, service: usize, stream: Stream, bytes: &[u8]) {
        let Some(known) = self.services.get_mut(service) else { return };
        if !self.peers.iter().any(|peer| peer.follows[service].output) {
            return known.output.skip(stream, bytes.len());
        }
        if let Some(chunk) = known.output.take(stream, bytes) {
            let event = Event::now(&known.about.project, chunk);
            self.broadcast(service, &event);
        }
    }

    fn notify(&mut self, service: usize, what: &What) {
        if let Some(event) = self.services.get_mut(service).and_then(|known| known.record(what)) {
            self.broadcast(service, &event);
        }
    }

    fn changed(&mut self, service: usize, now: Condition) {
        if let Some(known) = self.services.get_mut(service) {
            known.update(&now);
            // Only now is the port given back, which a client that waited for the end may want.
            self.answer_all_pending();
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Every peer is polled, so that each one's readiness wakes the loop.
        let waiting = self.peers.iter_mut().filter_map(|peer| peer.poll_write(cx).is_pending().then_some(()));
        if waiting.count() == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Hangs up on one client to make room for a newcomer: of the process with the most connections, idle ones first,
/// then the oldest.
fn evict_one(peers: &mut Vec<Peer>) {
    let mut connections: HashMap<Option<i32>, usize> = HashMap::new();
    for peer in peers.iter() {
        *connections.entry(peer.process()).or_default() += 1;
    }
    let rank = |peer: &Peer| (connections.get(&peer.process()).copied(), peer.is_idle());
    // From the end, as the last of several maxima is taken.
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
    peer.send(&line(&Event::of_no_project(What::Error { error: error.to_owned() }).answering(id)));
}

/// The mode of the directory keeps other users out already, unless somebody has changed it.
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

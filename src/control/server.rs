//! The supervisor's side: carries requests of clients to the loop, and events of the loop to clients.
//!
//! Nothing here ever waits: each client has a bounded queue, and a client that does not read in time is dropped.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener as Listener;
use std::path::Path;
use std::task::{Context, Poll};

use nix::sys::resource::{Resource, getrlimit};
use tokio::net::UnixListener;

use super::peer::{Awaited, Follows, Peer, Pending, line};
use super::protocol::{ControlRequest, Hello, Line, PROTOCOL, Status, Verb};
use super::service::Service;
use crate::event::{Event, News, Refusal, Stream, Told, TooLong, What};
use crate::paths;
use crate::process::Signal;
use crate::supervise::service::Input;
use crate::supervise::{Condition, Control, Description, Requested, Typed};
use crate::visible::{self, Visible};

/// The most clients, where the limit of open files allows it.
const CLIENTS: u64 = 1024;
/// The most answers that one client can wait for.
const PENDING: usize = 1024;
/// The most clients that are accepted before the services have their turn again.
const ARRIVALS: usize = 16;

/// The control socket of one supervisor.
#[derive(Debug)]
pub struct Server {
    /// `None` if it could not be opened.
    listener: Option<UnixListener>,
    pub(super) services: Vec<Service>,
    pub(super) peers: Vec<Peer>,
    commands: VecDeque<Requested>,
    pub(super) typed: Vec<(usize, Typed, String)>,
    told: Vec<Told>,
    most_peers: usize,
    /// How many clients have come so far.
    arrived: u64,
}

impl Server {
    /// A server at `socket`. Make it before the services run: scripts beneath one of them tell it what they do. Needs
    /// a running tokio runtime.
    pub fn new(socket: &Path, session: &str, services: Vec<Status>) -> Self {
        let failed =
            |error: &io::Error| tracing::warn!("cannot be spoken to at `{}`: {error}", socket.visible());
        let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(CLIENTS, |(soft, _)| soft);
        Self {
            listener: listen(socket).inspect_err(failed).ok(),
            services: services.into_iter().map(|status| Service::new(status, session)).collect(),
            peers: Vec::new(),
            commands: VecDeque::new(),
            typed: Vec::new(),
            arrived: 0,
            told: Vec::new(),
            // The services need descriptors, too.
            most_peers: usize::try_from(CLIENTS.min(files / 2)).unwrap_or(1),
        }
    }

    fn accept(&mut self, cx: &mut Context<'_>) {
        let Some(listener) = &self.listener else { return };
        for _ in 0..ARRIVALS {
            let Poll::Ready(arrived) = listener.poll_accept(cx) else { return };
            // If descriptors have run out, the newcomer waits until another client has gone.
            let Ok((stream, _)) = arrived else { return };
            let Ok(credentials) = stream.peer_cred() else { continue };
            if !is_trusted(credentials.uid()) {
                continue;
            }
            if self.peers.len() >= self.most_peers {
                evict_one(&mut self.peers);
            }
            self.arrived += 1;
            let mut peer = Peer::new(stream, self.arrived, credentials.pid(), self.services.len());
            peer.send(&Hello::ours(Some(std::process::id())));
            self.peers.push(peer);
        }
        // There may be more.
        cx.waker().wake_by_ref();
    }

    /// Reads from and writes to every client, as far as possible without waiting.
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
        self.release_keyboards();
    }

    fn read_requests(&mut self, peer: &mut Peer) {
        while peer.is_open {
            match peer.lines.next_line() {
                Ok(Some(text)) if text.iter().all(u8::is_ascii_whitespace) => {}
                Ok(Some(text)) => self.read_request(peer, &text),
                Ok(None) => return,
                Err(TooLong) => {
                    peer.refuse(None, "the line is too long");
                    peer.is_open = false;
                }
            }
        }
    }

    fn read_request(&mut self, peer: &mut Peer, text: &[u8]) {
        if let Ok(Hello { protocol, .. }) = serde_json::from_slice(text) {
            if protocol > PROTOCOL {
                peer.refuse(None, format!("protocol {protocol} is not spoken here, only {PROTOCOL}"));
                peer.is_open = false;
            }
            return;
        }
        if let Ok(told) = serde_json::from_slice::<Told>(text) {
            if let News::Event(event) = &told.news {
                (0..self.services.len()).for_each(|service| self.broadcast(service, event));
            }
            return self.told.push(told);
        }
        let request: ControlRequest = match serde_json::from_slice(text) {
            Ok(request) => request,
            Err(error) => return peer.refuse(None, format!("not a request: {error}")),
        };
        let (id, wanted) = (request.id.as_deref(), request.project_id.as_deref());
        let services: Vec<usize> = (0..self.services.len())
            .filter(|&service| wanted.is_none_or(|id| id == self.services[service].project()))
            .collect();
        if services.is_empty() {
            return peer.refuse(id, "Project not found");
        }
        if request.verb == Verb::Status {
            let services = services.iter().map(|&service| self.services[service].status()).collect();
            return peer.send(&Line::Status { services, command_id: request.id });
        }
        if request.verb == Verb::Input {
            return self.take_input(peer, &services, &request);
        }
        for service in services {
            self.carry_out(peer, service, &request);
        }
    }

    fn carry_out(&mut self, peer: &mut Peer, service: usize, request: &ControlRequest) {
        let id = request.id.as_deref();
        let message = format!("Command {} accepted", request.verb);
        let known = &mut self.services[service];
        let mut awaits = if request.verb == Verb::Stop { Awaited::End } else { Awaited::Ready };
        peer.send(&Event::now(known.project(), What::Ack { message }).answering(id));
        match request.verb {
            Verb::Stop if request.force => self.enqueue(service, Input::Kill, (peer, request)),
            Verb::Stop if known.is_alive() => {
                self.enqueue(service, Input::Stop(Signal::SIGTERM), (peer, request));
            }
            Verb::Restart if known.is_alive() || known.ended.is_some() => {
                awaits = Awaited::Restart;
                self.enqueue(service, Input::Restart, (peer, request));
            }
            Verb::Attach => {
                peer.follows[service] = Follows { events: true, output: request.output };
                peer.send(&Line::Status { services: vec![known.status()], command_id: request.id.clone() });
                return known.ready.iter().chain(&known.ended).for_each(|event| peer.send(event));
            }
            Verb::Status | Verb::Stop | Verb::Restart | Verb::Wait | Verb::Input => {}
        }
        if peer.pending.len() >= PENDING {
            peer.refuse(id, "too many requests without an answer");
            peer.is_open = false;
            return;
        }
        peer.pending.push(Pending { service, id: request.id.clone(), awaits });
        answer_pending(&self.services, peer);
    }

    /// Queues an input for the loop, unless it is queued already: a client that repeats itself must not load the
    /// loop.
    fn enqueue(&mut self, service: usize, input: Input, (peer, request): (&Peer, &ControlRequest)) {
        if input == Input::Kill && std::mem::replace(&mut self.services[service].killed, true) {
            return;
        }
        if !self.commands.iter().any(|one| (one.service, one.input) == (service, input)) {
            let is_along =
                |other: &usize| request.along.iter().any(|id| id == self.services[*other].project());
            let along = (0..self.services.len()).filter(is_along).collect();
            self.commands.push_back(Requested { service, input, along, by: who(peer, request) });
        }
    }

    /// Sends an event to all clients that follow the service.
    fn broadcast(&mut self, service: usize, event: &Event) {
        let is_output = matches!(event.what, What::LogChunk { .. });
        let mut text = None;
        for peer in &mut self.peers {
            let Follows { events, output } = peer.follows[service];
            if events && (output || !is_output) {
                peer.send_line(text.get_or_insert_with(|| line(event)));
            }
        }
    }
}

impl Control for Server {
    fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<Requested> {
        self.accept(cx);
        self.serve_peers(cx);
        self.commands.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn take_typed(&mut self) -> Vec<(usize, Typed, String)> {
        std::mem::take(&mut self.typed)
    }

    fn typist(&self, service: usize) -> Option<String> {
        self.services[service].typist.as_ref().map(|(_, who)| who.clone())
    }

    fn take_told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    fn wrote(&mut self, service: usize, stream: Stream, bytes: &[u8]) {
        let known = &mut self.services[service];
        if !self.peers.iter().any(|peer| peer.follows[service].output) {
            return known.output.skip(stream, bytes);
        }
        if let Some(chunk) = known.output.take(stream, bytes) {
            let event = Event::now(known.project(), chunk);
            self.broadcast(service, &event);
        }
    }

    fn notify(&mut self, service: usize, what: &What) {
        if let Some(event) = self.services[service].record(what) {
            self.broadcast(service, &event);
        }
    }

    fn restarting(&mut self, service: usize, changes: Option<&str>) {
        let known = &mut self.services[service];
        // The clients wait until the service is ready again, so that it was ready or had ended before does not count.
        (known.ready, known.ended) = (None, None);
        let remark = changes.map(|message| What::Ack { message: message.to_owned() });
        let remark = remark.map(|what| Event::now(known.project(), what));
        for peer in &mut self.peers {
            for one in restarts_of(peer, service) {
                if let Some(event) = &remark {
                    peer.send(&event.clone().answering(one.id.as_deref()));
                }
                peer.pending.push(Pending { awaits: Awaited::Ready, ..one });
            }
        }
    }

    fn refused(&mut self, service: usize, error: &str, refusal: &Refusal) {
        let what = What::Error { error: error.to_owned() };
        let event = Event::now(self.services[service].project(), what);
        let event = Event { refusal: Some(refusal.clone()), ..event };
        for peer in &mut self.peers {
            for one in restarts_of(peer, service) {
                peer.send(&event.clone().answering(one.id.as_deref()));
            }
        }
    }

    fn started(&mut self, service: usize, description: Description) {
        self.services[service].describe(description);
    }

    fn changed(&mut self, service: usize, now: Condition) {
        self.services[service].update(now);
        // Not before: only now is the port given back, and a client that waited for the end may want it.
        self.peers.iter_mut().for_each(|peer| answer_pending(&self.services, peer));
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Every peer is polled, so that each one's readiness wakes the loop.
        let waiting = self.peers.iter_mut().filter_map(|peer| peer.poll_write(cx).is_pending().then_some(()));
        if waiting.count() == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The client that asks, for people.
pub(super) fn who(peer: &Peer, request: &ControlRequest) -> String {
    let by = request.by.as_deref().map(visible::line);
    match (by, peer.process) {
        (Some(by), Some(pid)) => format!("`{by}` (pid {pid})"),
        (Some(by), None) => format!("`{by}`"),
        (None, Some(pid)) => format!("process {pid}"),
        (None, None) => "another program".to_owned(),
    }
}

/// Hangs up on one client to make room for a newcomer: of the process with the most connections, idle ones first,
/// then the oldest.
fn evict_one(peers: &mut Vec<Peer>) {
    let mut connections: HashMap<Option<i32>, usize> = HashMap::new();
    for peer in peers.iter() {
        *connections.entry(peer.process).or_default() += 1;
    }
    let rank = |peer: &Peer| (connections.get(&peer.process).copied(), peer.is_idle());
    // From the end, as the last of several maxima is taken.
    if let Some(at) = (0..peers.len()).rev().max_by_key(|&at| rank(&peers[at])) {
        peers.remove(at);
    }
}

/// Takes the requests of a client for a restart of this service.
fn restarts_of(peer: &mut Peer, service: usize) -> Vec<Pending> {
    let is_meant = |one: &mut Pending| one.service == service && one.awaits == Awaited::Restart;
    peer.pending.extract_if(.., is_meant).collect()
}

/// Answers the requests of a client whose outcome is known by now.
fn answer_pending(services: &[Service], peer: &mut Peer) {
    for one in std::mem::take(&mut peer.pending) {
        let service = &services[one.service];
        if let Some((event, last)) = service.outcome(one.awaits) {
            let id = one.id.as_deref();
            peer.send(&event.clone().answering(id));
            peer.send(&Event::now(service.project(), last).answering(id));
        } else {
            peer.pending.push(one);
        }
    }
}

/// A second check: the mode of the directory keeps other users out, unless somebody has changed it.
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

//! Another port for a running server: connections to it are passed on, bytes untouched, so TLS is the server's own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::client::holder;
use crate::port::listeners::holders;
use crate::port::{Ports, Probe, Verdict};

/// How long a connection waits for a server that is being started again.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause after a connection that could not be accepted, as when there are too many open files.
const PAUSE: Duration = Duration::from_millis(100);

const LOCAL: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// A port that is to be forwarded to a service, or is.
pub enum Forward {
    /// None was asked for, or it cannot be had.
    Off,
    /// Until the service is ready.
    Wanted(u16),
    Open(Forwarder),
}

/// The state of a forward once its service is ready.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    Unchanged,
    /// It leads to the service, from this port.
    From(u16),
    /// Why it cannot be.
    Refused(String),
}

impl Forward {
    /// The service is ready on this port. Needs a running tokio runtime.
    pub fn ready(&mut self, port: u16, ports: &Ports) -> Opened {
        if let Self::Wanted(from) = *self {
            // The service may listen on the wanted port itself.
            if from == port {
                return Opened::Unchanged;
            }
            match Forwarder::open(from, ports) {
                Ok(forwarder) => *self = Self::Open(forwarder),
                Err(why) => {
                    *self = Self::Off;
                    return Opened::Refused(format!("port {from} is not forwarded: {why}"));
                }
            }
        }
        let Self::Open(forwarder) = self else { return Opened::Unchanged };
        forwarder.target.send_replace(Some(port));
        if forwarder.last.replace(port) == Some(port) {
            Opened::Unchanged
        } else {
            Opened::From(forwarder.from)
        }
    }

    /// The service has ended, and is started again.
    pub fn down(&self) {
        if let Self::Open(forwarder) = self {
            forwarder.target.send_replace(None);
        }
    }
}

/// Listens for as long as it lives.
pub struct Forwarder {
    from: u16,
    /// The port that the service had last.
    last: Option<u16>,
    /// The port of the service, while it is ready.
    target: watch::Sender<Option<u16>>,
    _listening: JoinSet<()>,
}

impl Forwarder {
    fn open(from: u16, ports: &Ports) -> Result<Self, String> {
        let listeners = listen(from, ports)?;
        let (target, _) = watch::channel(None);
        let mut listening = JoinSet::new();
        for listener in listeners {
            listening.spawn(accept(listener, target.subscribe()));
        }
        Ok(Self { from, last: None, target, _listening: listening })
    }
}

/// Listens on the port, on every local address that the machine has. The error says who has the port.
fn listen(port: u16, ports: &Ports) -> Result<Vec<TcpListener>, String> {
    if let Some(other) = ports.reservations().into_iter().find(|one| one.port == port) {
        return Err(format!("it is reserved for `{}`", other.name));
    }
    let failed = |error: &io::Error| error.to_string();
    match Probe::default().check(port).map_err(|error| failed(&error))? {
        Verdict::Free => {}
        Verdict::InUse => {
            let holder = holders(&[port]).into_iter().next();
            let who = holder.map_or_else(String::new, |holder| format!(" by {}", holder::describe(&holder)));
            return Err(format!("it is taken{who}"));
        }
        Verdict::Privileged => return Err("only a privileged user may listen on it".to_owned()),
    }
    let mut listeners = Vec::new();
    for address in LOCAL {
        match bind(address, port) {
            Ok(listener) => listeners.push(listener),
            // The machine lacks this family.
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(failed(&error)),
        }
    }
    Ok(listeners)
}

fn bind(address: IpAddr, port: u16) -> io::Result<TcpListener> {
    let listener = StdListener::bind(SocketAddr::new(address, port))?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

fn is_missing(error: &io::Error) -> bool {
    use nix::libc::{EADDRNOTAVAIL, EAFNOSUPPORT, EPROTONOSUPPORT};
    matches!(error.raw_os_error(), Some(EADDRNOTAVAIL | EAFNOSUPPORT | EPROTONOSUPPORT))
}

/// Passes on each connection. All end with this future.
async fn accept(listener: TcpListener, target: watch::Receiver<Option<u16>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    connections.spawn(pass(client, target.clone()));
                }
                Err(_) => sleep(PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Passes bytes in both directions until both have ended, each by itself, or one side is lost.
async fn pass(mut client: TcpStream, target: watch::Receiver<Option<u16>>) {
    let Ok(Some(mut server)) = timeout(PATIENCE, connect(&client, target)).await else { return };
    for stream in [&client, &server] {
        let _slower = stream.set_nodelay(true);
    }
    let _lost = copy_bidirectional(&mut client, &mut server).await;
}

/// Connects to the service, once it is ready.
async fn connect(client: &TcpStream, mut target: watch::Receiver<Option<u16>>) -> Option<TcpStream> {
    let is_v6 = client.local_addr().is_ok_and(|address| address.is_ipv6());
    loop {
        let port = *target.borrow_and_update();
        if let Some(port) = port {
            // The same family first: a server may listen on one alone.
            for address in if is_v6 { [LOCAL[1], LOCAL[0]] } else { LOCAL } {
                if let Ok(server) = TcpStream::connect((address, port)).await {
                    return Some(server);
                }
            }
        }
        // A server that refuses is about to be told as down.
        target.changed().await.ok()?;
    }
}

//! Who listens on a port, as the kernel knows it: no connection is made to anybody.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as system;

mod holder;
mod socket;

pub use holder::Holder;
pub use socket::{Held, Listener};
pub use system::Listeners;

use crate::process::all_pids;

/// Who holds which of these ports, found by looking at every process: for messages, not for the
/// start path. Ports that nobody listens on are missing from the answer.
pub fn holders(ports: &[u16]) -> Vec<Holder> {
    let mut listeners = Listeners::new();
    let Ok(mut wanted) = listeners.all() else { return Vec::new() };
    wanted.retain(|listener| ports.contains(&listener.address.port()));
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut holders: Vec<Holder> = Vec::new();
    let mut known = Vec::new();
    for Held { pid, listener } in system::owners(&wanted, &all_pids()) {
        known.push(listener.socket);
        add(&mut holders, Some(pid), listener.address.port(), || system::describe(pid));
    }
    for listener in wanted.iter().filter(|listener| !known.contains(&listener.socket)) {
        let unknown = || Holder {
            pid: None,
            name: format!("a process of user {}", listener.user),
            dir: None,
            started: None,
            ports: Vec::new(),
        };
        add(&mut holders, None, listener.address.port(), unknown);
    }
    for holder in &mut holders {
        holder.ports.sort_unstable();
        holder.ports.dedup();
    }
    holders
}

fn add(holders: &mut Vec<Holder>, pid: Option<i32>, port: u16, describe: impl FnOnce() -> Holder) {
    let known = pid.and_then(|pid| holders.iter_mut().find(|holder| holder.pid == Some(pid)));
    if let Some(holder) = known {
        return holder.ports.push(port);
    }
    let new = describe();
    let nameless = |holder: &&mut Holder| pid.is_none() && holder.pid.is_none() && holder.name == new.name;
    if let Some(holder) = holders.iter_mut().find(nameless) {
        return holder.ports.push(port);
    }
    holders.push(Holder { ports: vec![port], ..new });
}

/// Whether the port has connections that outlived their listener; `None` if nobody can say.
pub(super) fn has_connections(port: u16) -> Option<bool> {
    system::has_connections(port)
}

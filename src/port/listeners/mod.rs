//! Listeners of a port, asked of the kernel: no connection is made to anybody.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as system;

mod listener;

use std::collections::{BTreeMap, BTreeSet};

pub use listener::{Held, Holder, Listener};
pub use system::Listeners;
pub(super) use system::has_connections;

use crate::process::all_pids;

/// The holders of these ports, found by looking at every process: for messages, not for the
/// start path. Ports that nobody listens on are missing from the answer.
pub fn holders(ports: &[u16]) -> Vec<Holder> {
    let mut listeners = Listeners::default();
    let Ok(mut wanted) = listeners.all() else { return Vec::new() };
    wanted.retain(|listener| ports.contains(&listener.address.port()));
    if wanted.is_empty() {
        return Vec::new();
    }
    let held = system::owners(&wanted, &all_pids());
    let is_unknown = |listener: &&Listener| held.iter().all(|held| held.listener.socket != listener.socket);
    let unknown = wanted.iter().filter(is_unknown).map(|listener| (Err(listener.user), *listener));
    let known = held.iter().map(|held| (Ok(held.pid), held.listener));
    // By process where that is known, else by user.
    let mut ports: BTreeMap<Result<i32, u32>, BTreeSet<u16>> = BTreeMap::new();
    for (holder, listener) in known.chain(unknown) {
        ports.entry(holder).or_default().insert(listener.address.port());
    }
    let holder = |(holder, ports): (Result<i32, u32>, BTreeSet<u16>)| {
        let described = match holder {
            Ok(pid) => system::describe(pid),
            Err(user) => Holder { name: format!("a process of user {user}"), ..Holder::default() },
        };
        Holder { ports: ports.into_iter().collect(), ..described }
    };
    ports.into_iter().map(holder).collect()
}

//! The sessions beneath a service whose script runs as it is.

use std::fs;
use std::path::PathBuf;

use super::backend::{SessionBackend, descendants};
use super::browser;
use crate::event::{Level, What};
use crate::launch::{ShimCall, Shims};
use crate::logs;
use crate::paths::StateDir;
use crate::port::{Lease, Ports, Reservation};
use crate::process::{executable_while_running, own_executable};

/// The extension of a directory with shims.
const SHIMS: &str = "shims";

/// The directory for the shims of a service.
fn shims_of(state: &StateDir, project: &str, name: &str) -> PathBuf {
    logs::file(&state.preload(), project, name).with_extension(SHIMS)
}

/// Removes the shims of runs that were killed.
pub fn remove_lost_shims(ports: &Ports) {
    let entries =
        fs::read_dir(ports.dir().preload()).into_iter().flatten().flatten().map(|entry| entry.path());
    let found: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|it| it == SHIMS)).collect();
    // Read after the directory: a run is on record before it writes its shims.
    let running = ports.reservations();
    let is_kept =
        |path: &PathBuf| running.iter().any(|one| shims_of(ports.dir(), &one.project, &one.name) == *path);
    for lost in found.iter().filter(|path| !is_kept(path)) {
        // Another bowline may have been faster, and what stays does no harm.
        let _gone = fs::remove_dir_all(lost);
    }
}

impl SessionBackend<'_> {
    /// Opens the URL of the first server that is ready, if the user wants that.
    pub(super) fn show_first(&mut self, url: &str) -> Option<What> {
        let failed = std::mem::take(&mut self.open_browser) && !browser::open(url);
        failed.then(|| What::Noted { level: Level::Warning, message: browser::unopened(url) })
    }

    /// The processes of a service, without those of the sessions beneath it.
    pub(super) fn own_processes(&self, service: usize, root: i32) -> Vec<i32> {
        let mut own = descendants(root);
        if self.shims[service].is_none() {
            return own;
        }
        for inner in self.ports.seen().iter().filter_map(|one| i32::try_from(one.pid).ok()) {
            if own.contains(&inner) {
                let theirs = descendants(inner);
                own.retain(|pid| *pid != inner && !theirs.contains(pid));
            }
        }
        own
    }

    /// What runs in the sessions beneath this one.
    pub(super) fn inner_sessions(&self) -> impl Iterator<Item = Reservation> {
        let session = self.lease.as_ref().map(Lease::session);
        let is_inner = move |one: &Reservation| session.is_some() && one.part_of.as_ref() == session;
        self.ports.seen().into_iter().filter(is_inner)
    }

    /// The shims for a service.
    pub(super) fn shims_of(&self, service: usize) -> Option<Shims> {
        if let Some(dir) = &self.options.shims {
            return Some(Shims::written(dir.clone()));
        }
        let (one, lease) = (&self.prepared[service], self.lease.as_ref()?);
        let bowline = own_executable().ok().filter(|_| one.orchestrates())?;
        let running = executable_while_running();
        let call = ShimCall {
            bowline: &bowline,
            running: running.as_deref(),
            state_dir: self.ports.dir().root(),
            session: lease.session().as_str(),
            root: &one.project().dir,
            options: &self.options.of_each(),
        };
        let dir = shims_of(self.ports.dir(), &one.request.project, &one.request.name);
        Some(Shims::new(dir, call, &one.detected().reading))
    }
}

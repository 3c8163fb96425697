//! A program beside the service that says by its exit whether the service is ready.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use rustix::process::WaitIdOptions;

use super::watch::{Phase, Watch};
use super::wire::Report;
use crate::exit_code::NOT_FOUND;
use crate::process::exit::poll_child;
use crate::process::spawn::spawn;
use crate::process::{Exit, Stdio};

impl Watch {
    /// Starts the probe, unless the service is ending.
    pub(super) fn start_probe(&mut self) {
        let is_asked_in_vain = self.phase != Phase::Guarding || self.empty || self.probe.is_some();
        let Some(probe) = self.spec.probe.as_ref().filter(|_| !is_asked_in_vain) else { return };
        match stdio(&probe.output).and_then(|stdio| spawn(&probe.program, &stdio)) {
            Ok(pid) => self.probe = Some(pid),
            Err(_) => self.report(Report::Probed { exit: Exit::Code(NOT_FOUND) }),
        }
    }

    pub(super) fn end_probe(&self) {
        if let Some(pid) = self.probe {
            let _nobody = killpg(pid, Signal::SIGKILL);
        }
    }

    /// Reports the end of the probe, and ends what it has left in its process group.
    pub(super) fn reap_probe(&mut self) {
        let end = |pid: Pid| poll_child(pid, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let ended = self.probe.and_then(|pid| Some((pid, Exit::of(&end(pid)?)?)));
        let Some((pid, exit)) = ended else { return };
        // The id of the group is valid until its leader is reaped.
        self.end_probe();
        self.probe = None;
        let _status = waitpid(pid, None);
        self.report(Report::Probed { exit });
    }
}

/// The streams of a program that reads nothing and writes into one place.
fn stdio(output: &OwnedFd) -> io::Result<Stdio> {
    let stdin = File::open("/dev/null")?.into();
    Ok(Stdio { stdin, stdout: output.try_clone()?, stderr: output.try_clone()?, terminal: false })
}

//! Which processes belong to a service: those that descend from its guardian, those of the guardian's session, and
//! those that carry the service's mark.

use nix::unistd::{Pid, getsid};

use super::identity::Process;
use super::system::{all_pids, read_environment};

pub use super::system::children;

/// The variable that has the session's id in every process of a session.
pub const SESSION: &str = "BOWLINE_SESSION";
/// The variable that tells the services of a session apart.
pub const PROJECT: &str = "BOWLINE_PROJECT_ID";

/// Variables by which processes are recognised wherever they have gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark(Vec<String>);

impl Mark {
    /// The mark of every service of a session.
    pub fn of_session(session: &str) -> Self {
        Self(vec![format!("{SESSION}={session}")])
    }

    /// The mark of one service, which the other services of the session do not carry.
    pub fn of_service(session: &str, project: &str) -> Self {
        Self(vec![format!("{SESSION}={session}"), format!("{PROJECT}={project}")])
    }

    /// Whether `area`, texts separated by zeros, has every variable of the mark.
    fn is_in(&self, area: &[u8]) -> bool {
        let is_there = |wanted: &String| area.split(|&byte| byte == 0).any(|one| one == wanted.as_bytes());
        self.0.iter().all(is_there)
    }
}

/// Every living descendant of `root`, the children of zombies included. One that is being forked right now may be
/// missing, so callers that need certainty repeat the search until the kernel says that there is no child left.
pub fn descendants(root: i32) -> Vec<Process> {
    let mut found = Vec::new();
    let mut pending = children(root);
    while let Some(pid) = pending.pop() {
        // Before the process is read: macOS hides those of other users (`sudo`), but not their children.
        pending.extend(children(pid));
        found.extend(living(pid));
    }
    found
}

/// Every living process that was executed with the mark in its environment, except the caller. Reads the whole
/// process table: too slow for a start. A program that overwrites its environment to set its
/// title is not found: descent is the first net, this is the second.
pub fn marked(mark: &Mark) -> Vec<Process> {
    let mut area = Vec::new();
    select(|pid| read_environment(pid, &mut area) && mark.is_in(&area))
}

/// Every living process that is marked or in the session that `leader` leads, except the caller. The session is
/// the third net: only descendants of the leader are in it, and its id cannot be reused while the leader lives.
pub fn marked_or_of_session(mark: &Mark, leader: i32) -> Vec<Process> {
    let leader = Pid::from_raw(leader);
    with_marked(select(|pid| getsid(Some(Pid::from_raw(pid))) == Ok(leader)), mark)
}

/// `found` and every marked process, each once.
pub fn with_marked(mut found: Vec<Process>, mark: &Mark) -> Vec<Process> {
    let marked = marked(mark);
    found.retain(|process| !marked.contains(process));
    found.extend(marked);
    found
}

fn select(mut is_wanted: impl FnMut(i32) -> bool) -> Vec<Process> {
    let me = std::process::id().cast_signed();
    all_pids().into_iter().filter(|&pid| pid != me && is_wanted(pid)).filter_map(living).collect()
}

pub(crate) fn living(pid: i32) -> Option<Process> {
    Process::read(pid).filter(|process| !process.zombie)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_found_by_descent_by_session_and_by_all_of_its_mark() {
        let leader = getsid(None).unwrap().as_raw();
        let mark = Mark::of_service("a session of this test", "its project");
        // A shell with a child, which ends with its input. Other tests start and end children of this process.
        let mut child = Command::new("sh");
        child.args(["-c", "cat; :"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child =
            child.env(SESSION, "a session of this test").env(PROJECT, "its project").spawn().unwrap();
        let pid = child.id().cast_signed();
        child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        // macOS keeps the environment of the system's own programs to itself.
        let seen = usize::from(cfg!(target_os = "linux"));
        let has = |found: &[Process]| found.iter().filter(|process| process.identity.pid == pid).count();
        assert_eq!(descendants(pid).len(), 1);
        assert_eq!(has(&marked(&mark)), seen);
        assert_eq!(has(&marked(&Mark::of_session("a session of this test"))), seen);
        let other = Mark::of_service("a session of this test", "another project");
        assert_eq!(has(&marked(&other)), 0);
        assert_eq!(has(&marked_or_of_session(&other, leader)), 1, "by session");
        assert_eq!(has(&marked_or_of_session(&mark, leader)), 1, "once");
        assert_eq!(has(&marked_or_of_session(&mark, pid)), seen, "by mark");
        assert_eq!(has(&marked_or_of_session(&other, pid)), 0);
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}

//! Which processes are ours: those that descend from the guardian, and those that carry the mark of its service.

use super::Process;

/// The variable that every process of a session has, with the session's id as its value.
const SESSION: &str = "BOWLINE_SESSION";
/// The variable that tells the services of a session apart.
const PROJECT: &str = "BOWLINE_PROJECT_ID";

/// What processes carry in their environment, so that they are known wherever they have gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark(Vec<String>);

impl Mark {
    /// That of every service of a session.
    pub fn of_session(session: &str) -> Self {
        Self(vec![format!("{SESSION}={session}")])
    }

    /// That of one service: the others of the session are not its business.
    pub fn of_service(session: &str, project: &str) -> Self {
        Self(vec![format!("{SESSION}={session}"), format!("{PROJECT}={project}")])
    }

    /// Whether all of it is among what stands between the zeros of `area`.
    fn is_in(&self, area: &[u8]) -> bool {
        self.0
            .iter()
            .all(|wanted| area.split(|&byte| byte == 0).any(|variable| variable == wanted.as_bytes()))
    }
}

/// Every living descendant of `root`, parents before children. Zombies are left out, their children are not.
pub fn descendants(root: i32) -> Vec<Process> {
    let mut found = Vec::new();
    let mut pending = children(root);
    while let Some(pid) = pending.pop() {
        let Some(process) = Process::read(pid) else { continue };
        pending.extend(children(pid));
        if !process.zombie {
            found.push(process);
        }
    }
    found
}

/// The children of `pid`, zombies included. One that a thread is starting right now may be missed: callers that need
/// certainty ask again until the kernel says that there is no child left.
#[cfg(target_os = "linux")]
pub fn children(pid: i32) -> Vec<i32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut found = Vec::new();
    for task in tasks.flatten() {
        match std::fs::read_to_string(task.path().join("children")) {
            Ok(list) => found.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok())),
            // A kernel built without CONFIG_PROC_CHILDREN; a thread that has just ended gives the same error.
            Err(_) if task.path().join("stat").exists() => return children_by_scan(pid),
            Err(_) => {}
        }
    }
    found
}

#[cfg(target_os = "linux")]
fn children_by_scan(parent: i32) -> Vec<i32> {
    all_pids().filter(|&pid| Process::read(pid).is_some_and(|process| process.parent == parent)).collect()
}

/// Every pid of the process table.
#[cfg(target_os = "linux")]
fn all_pids() -> impl Iterator<Item = i32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The children of `pid`. Written from the manual; not run here.
#[cfg(target_os = "macos")]
pub fn children(pid: i32) -> Vec<i32> {
    use libproc::processes::{ProcFilter, pids_by_type};
    let filter = ProcFilter::ByParentProcess { ppid: pid.cast_unsigned() };
    pids_by_type(filter).unwrap_or_default().into_iter().map(u32::cast_signed).collect()
}

/// Every pid of the process table. Written from the manual; not run here.
#[cfg(target_os = "macos")]
fn all_pids() -> impl Iterator<Item = i32> {
    use libproc::processes::{ProcFilter, pids_by_type};
    pids_by_type(ProcFilter::All).unwrap_or_default().into_iter().map(u32::cast_signed)
}

/// Every living process whose environment held the mark when it was started, the caller
/// left out. Reads the whole process table, so it is for endings, not for start-up. A program that overwrites
/// its environment area to set its title is not found: descent is the first net, this is the second.
pub fn marked(mark: &Mark) -> Vec<Process> {
    let me = std::process::id().cast_signed();
    all_pids()
        .filter(|&pid| pid != me && carries(pid, mark))
        .filter_map(Process::read)
        .filter(|process| !process.zombie)
        .collect()
}

#[cfg(target_os = "linux")]
fn carries(pid: i32, mark: &Mark) -> bool {
    std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| mark.is_in(&environment))
}

/// Whether the argument area of `pid` (`KERN_PROCARGS2` of sysctl(3): arguments, then environment) holds
/// the mark. The kernel withholds it for other users' processes. Written from the manual; not run here.
#[cfg(target_os = "macos")]
#[expect(unsafe_code, reason = "sysctl has no safe wrapper in nix")]
fn carries(pid: i32, mark: &Mark) -> bool {
    let mut name = [nix::libc::CTL_KERN, nix::libc::KERN_PROCARGS2, pid];
    let mut area = vec![0_u8; 1 << 20];
    let mut length = area.len();
    // SAFETY: `name` and `area` live for the call, and `length` is the size of `area`.
    let answer = unsafe {
        nix::libc::sysctl(
            name.as_mut_ptr(),
            3,
            area.as_mut_ptr().cast(),
            &raw mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    answer == 0 && mark.is_in(&area[..length])
}

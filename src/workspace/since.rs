//! The packages that have changed since a git revision.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::filter::FilterError;

/// Of the directories, those with a file that has changed since the revision, as far as it is in `root`, and below the
/// directory or the pattern `within` it. A file counts for the nearest of them.
pub fn changed<'a>(
    revision: &str,
    root: &Path,
    within: Option<&Path>,
    dirs: &[&'a Path],
) -> Result<Vec<&'a Path>, FilterError> {
    let git = |arguments: &[&str]| git(revision, root, arguments.iter().map(OsStr::new));
    // From where the branch left the revision, if that is known: what has changed there since is not this branch's.
    let base = git(&["merge-base", "--end-of-options", revision, "HEAD"]).ok();
    let base = base.and_then(|base| String::from_utf8(base.trim_ascii_end().to_vec()).ok());
    let base = base.as_deref().unwrap_or(revision);
    // What looks like an option is none.
    let diff = ["diff", "--name-only", "-z", "--end-of-options", base, "--"].map(OsStr::new);
    let within = within.map_or(OsStr::new("."), Path::as_os_str);
    let diff = self::git(revision, root, diff.into_iter().chain([within]))?;
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let top = PathBuf::from(OsStr::from_bytes(top.trim_ascii_end()));
    let mut found: Vec<&Path> = Vec::new();
    for file in diff.split(|byte| *byte == 0).filter(|file| !file.is_empty()) {
        let file = top.join(OsStr::from_bytes(file));
        let nearest = dirs
            .iter()
            .copied()
            .filter(|dir| file.starts_with(dir))
            .max_by_key(|dir| dir.components().count());
        found.extend(nearest.filter(|dir| !found.contains(dir)));
    }
    Ok(found)
}

fn git<'a>(
    revision: &str,
    dir: &Path,
    arguments: impl Iterator<Item = &'a OsStr>,
) -> Result<Vec<u8>, FilterError> {
    let failure = |reason: String| FilterError::Git { revision: revision.to_owned(), reason };
    let run = Command::new("git").args(arguments).current_dir(dir).stdin(Stdio::null()).output();
    let Output { status, stdout, stderr } = run.map_err(|error| failure(error.to_string()))?;
    if status.success() {
        return Ok(stdout);
    }
    let reason = String::from_utf8_lossy(&stderr);
    let reason = reason.lines().next().unwrap_or("it failed");
    Err(failure(reason.trim_start_matches("fatal: ").to_owned()))
}

//! Where bowline's files lie: state, configuration, run and log directories, sockets.
//!
//! A [`StateDir`] is one directory of one user, mode 0700:
//!
//! | entry | what |
//! | --- | --- |
//! | `ports.redb` | the store; `ports.redb.new` while it is made |
//! | `ports.lock` | held for the length of one transaction |
//! | `run/` | a lock, a guard and a socket per supervisor |
//! | `logs/` | the output of services, and `bowline.log` |
//! | `preload/` | what programs of a service load: the preload, the shell of nested scripts |
//!
//! If the state directory cannot be used (read-only, another user's, writable by others, not a directory), the
//! spare directory, a per-user one outside of it, takes its place, so that a server still starts. It may not
//! outlive the machine's next start; [`StateDir::trouble`] says why it is used. Directories that exist already
//! keep their mode.

mod error;
mod private;

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::visible::Visible;
pub use error::PathsError;
use private::{Links, PRIVATE, examine, prepare, private_dir};
pub(crate) use private::{create_file, open_lock, write_file};

/// The longest socket path in bytes: macOS has room for 104, the final zero included.
const SOCKET_PATH_MAX: usize = 103;

/// Looks up a variable of the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The directory with everything that outlives a process.
#[derive(Debug)]
pub struct StateDir {
    root: PathBuf,
    /// The directory that was asked for, if `root` is a substitute.
    replaced: Option<PathBuf>,
    /// The per-user directory outside of the state directory.
    spare: PathBuf,
    trouble: Option<PathsError>,
}

impl StateDir {
    /// Finds the state directory or its substitute, and creates nothing: for commands that only read.
    pub(crate) fn locate(flag: Option<&Path>, env: Environment<'_>) -> Self {
        let spare = spare_dir(env);
        let Some(root) = wanted(flag, env) else {
            return Self { root: spare.clone(), replaced: None, spare, trouble: Some(PathsError::Homeless) };
        };
        let dir = Self { root, replaced: None, spare, trouble: None };
        match examine(&dir.root, Links::Followed) {
            Ok(()) => dir,
            Err(trouble) => dir.replace(trouble),
        }
    }

    /// Finds and prepares the state directory or its substitute.
    pub fn create(flag: Option<&Path>, env: Environment<'_>) -> Result<Self, PathsError> {
        let mut dir = Self::locate(flag, env);
        if dir.trouble.is_none() {
            match prepare(&dir.root, Links::Followed) {
                Ok(()) => return Ok(dir),
                Err(trouble) => dir = dir.replace(trouble),
            }
        }
        prepare(&dir.root, Links::Refused)?;
        Ok(dir)
    }

    fn replace(self, trouble: PathsError) -> Self {
        let Self { root, spare, .. } = self;
        Self { root: spare.clone(), replaced: Some(root), spare, trouble: Some(trouble) }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Why a substitute is used, if it is one.
    pub fn trouble(&self) -> Option<&PathsError> {
        self.trouble.as_ref()
    }

    /// A warning about the substitute.
    pub(crate) fn substitution(&self) -> Option<String> {
        let trouble = self.trouble.as_ref()?;
        let instead = self.root.visible();
        Some(format!("{trouble}; `{instead}` is used instead, and may not outlast this machine's next start"))
    }

    /// The directory of the supervisors' locks, guards and sockets.
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// The directory of the services' output and `bowline.log`.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The directory of what programs of a service load.
    pub fn preload(&self) -> PathBuf {
        self.root.join("preload")
    }

    pub fn store(&self) -> PathBuf {
        self.root.join("ports.redb")
    }

    /// Every directory in which this user's reservations may be recorded, in the order in which their locks must
    /// be taken. Directories that others can write to are left out: anybody could hold a lock there for ever.
    pub(crate) fn roots(&self) -> Vec<PathBuf> {
        let others = [self.replaced.as_ref(), Some(&self.spare)];
        let [replaced, spare] = others.map(|other| other.filter(|path| **path != self.root && is_ours(path)));
        replaced.into_iter().chain([&self.root]).chain(spare).cloned().collect()
    }

    /// Whether the spare directory exists and takes part in locking.
    pub(crate) fn has_spare(&self) -> bool {
        self.spare.join("ports.lock").exists()
    }

    /// Creates the spare directory if need be, and returns it.
    pub(crate) fn prepare_spare(&self) -> Result<&Path, PathsError> {
        prepare(&self.spare, Links::Refused).map(|()| self.spare.as_path())
    }
}

/// `--state-dir`, `$BOWLINE_STATE_DIR`, `$XDG_STATE_HOME/bowline`, or the system's convention.
fn wanted(flag: Option<&Path>, env: Environment<'_>) -> Option<PathBuf> {
    let given = flag.map(Path::to_owned).or_else(|| set(env, "BOWLINE_STATE_DIR").map(PathBuf::from));
    if let Some(given) = given {
        return Some(std::path::absolute(&given).unwrap_or(given));
    }
    if let Some(base) = absolute(env, "XDG_STATE_HOME") {
        return Some(base.join("bowline"));
    }
    let home = absolute(env, "HOME")?;
    Some(if cfg!(target_os = "macos") {
        home.join("Library/Application Support/bowline")
    } else {
        home.join(".local/state/bowline")
    })
}

/// The directory of the user's own `frameworks.toml`; `None` without a home directory.
pub(crate) fn config_dir(env: Environment<'_>) -> Option<PathBuf> {
    absolute(env, "XDG_CONFIG_HOME")
        .or_else(|| absolute(env, "HOME").map(|home| home.join(".config")))
        .map(|base| base.join("bowline"))
}

/// The control socket of a session whose lock lies in `run`: there if the path is short enough, else in a
/// directory of this user that [`prepare_socket_dir`] makes.
pub(crate) fn socket(run: &Path, session: &str) -> PathBuf {
    let near = run.join(format!("{session}.sock"));
    if near.as_os_str().as_bytes().len() <= SOCKET_PATH_MAX {
        return near;
    }
    per_user_dir().join(format!("{session}.sock"))
}

/// Creates the directory of `socket` if there is none, and checks that nobody else can reach into it.
pub(crate) fn prepare_socket_dir(socket: &Path) -> Result<(), PathsError> {
    let Some(dir) = socket.parent() else { return Ok(()) };
    let links = if dir == per_user_dir() { Links::Refused } else { Links::Followed };
    private_dir(dir, links, PRIVATE)
}

/// In `/tmp`, as `$TMPDIR` is not the same for every process of the user.
fn per_user_dir() -> PathBuf {
    PathBuf::from(format!("/tmp/bowline-{}", nix::unistd::geteuid()))
}

fn spare_dir(env: Environment<'_>) -> PathBuf {
    absolute(env, "XDG_RUNTIME_DIR").map_or_else(per_user_dir, |base| base.join("bowline"))
}

fn set(env: Environment<'_>, name: &str) -> Option<OsString> {
    env(name).filter(|value| !value.is_empty())
}

/// The XDG rules say that a relative path is to be ignored.
fn absolute(env: Environment<'_>, name: &str) -> Option<PathBuf> {
    set(env, name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Whether the directory exists and can be trusted.
fn is_ours(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok() && examine(path, Links::Refused).is_ok()
}

#[cfg(test)]
mod tests;

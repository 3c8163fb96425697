//! Where bowline keeps things: state, configuration, run and log directories, socket paths.
//!
//! A [`StateDir`] is one directory of one user, mode 0700:
//!
//! | entry | what |
//! | --- | --- |
//! | `ports.redb` | the store |
//! | `ports.lock` | held for the length of one transaction |
//! | `run/` | a lock, a guard and a socket per supervisor |
//! | `logs/` | what services wrote |
//!
//! Where the state directory cannot be used (read-only, another user's, not a directory) a
//! per-user directory outside it takes its place, so that a server still starts; nothing is
//! remembered then, and [`StateDir::trouble`] says why.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The longest socket path that every supported system takes: macOS has room for 104 bytes, the
/// final zero included.
const SOCKET_PATH_MAX: usize = 103;

/// How a variable of the environment is looked up; `&|name| std::env::var_os(name)` outside tests.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Why a directory cannot hold bowline's state.
#[derive(Debug, Error)]
pub enum Error {
    /// It cannot be created, entered or written.
    #[error("cannot use the state directory `{path}`: {source}")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another user owns it and could read or replace what is in it.
    #[error("the state directory `{path}` belongs to another user: {owner}")]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// The owner's user id.
        owner: u32,
    },
    /// Nothing in the environment says where it would be.
    #[error("there is no place for a state directory: neither `HOME` nor `XDG_STATE_HOME` is set")]
    Homeless,
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unusable { path, .. } => {
                format!("make `{}` writable, or choose another with `--state-dir`", path.display())
            }
            Self::Foreign { path, .. } => {
                format!(
                    "give `{}` to yourself with `chown`, or choose another with `--state-dir`",
                    path.display()
                )
            }
            Self::Homeless => "set `HOME`, or choose a directory with `--state-dir`".to_owned(),
        })
    }
}

/// The directory with everything that outlives a process.
#[derive(Debug)]
pub struct StateDir {
    root: PathBuf,
    /// The directory asked for, when `root` only stands in for it.
    replaced: Option<PathBuf>,
    spare: PathBuf,
    trouble: Option<Error>,
}

impl StateDir {
    /// Finds the state directory and touches nothing: for what only reads.
    pub fn locate(flag: Option<&Path>, env: Environment<'_>) -> Self {
        let spare = spare_dir(env);
        match wanted(flag, env) {
            Some(root) => Self { root, replaced: None, spare, trouble: None },
            None => Self { root: spare.clone(), replaced: None, spare, trouble: Some(Error::Homeless) },
        }
    }

    /// Finds and prepares the state directory, or one that stands in for it.
    ///
    /// Fails only when neither can be used.
    pub fn create(flag: Option<&Path>, env: Environment<'_>) -> Result<Self, Error> {
        let mut dir = Self::locate(flag, env);
        if dir.trouble.is_none() {
            match prepare(&dir.root, Links::Followed) {
                Ok(()) => return Ok(dir),
                Err(trouble) => {
                    dir.trouble = Some(trouble);
                    dir.replaced = Some(std::mem::replace(&mut dir.root, dir.spare.clone()));
                }
            }
        }
        prepare(&dir.root, Links::Refused)?;
        Ok(dir)
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Why this is not the directory that was asked for. Nothing is remembered in it then.
    pub fn trouble(&self) -> Option<&Error> {
        self.trouble.as_ref()
    }

    /// Locks, guards and sockets of supervisors.
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// What services wrote, and `bowline.log`.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The store.
    pub fn store(&self) -> PathBuf {
        self.root.join("ports.redb")
    }

    /// Every directory of this user in which reservations may be recorded, in the order in which
    /// their locks are to be taken. The first is the one to write to while it can be written.
    pub fn roots(&self) -> Vec<PathBuf> {
        let mut roots: Vec<PathBuf> = self.replaced.iter().chain([&self.root]).cloned().collect();
        if !roots.contains(&self.spare) {
            roots.push(self.spare.clone());
        }
        roots
    }

    /// Makes the per-user directory outside the state directory usable and returns it.
    pub fn prepare_spare(&self) -> Result<&Path, Error> {
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

/// Where the user's own `frameworks.toml` lies; `None` without a home directory.
pub fn config_dir(env: Environment<'_>) -> Option<PathBuf> {
    absolute(env, "XDG_CONFIG_HOME")
        .or_else(|| absolute(env, "HOME").map(|home| home.join(".config")))
        .map(|base| base.join("bowline"))
}

/// The control socket of a session whose lock lies in `run`.
///
/// A socket's path is limited to about a hundred bytes. Where `run` is too deep, the socket lies in
/// a short directory of this user's instead, which has to be prepared with [`prepare_socket_dir`].
pub fn socket(run: &Path, session: &str) -> PathBuf {
    let near = run.join(format!("{session}.sock"));
    if near.as_os_str().as_bytes().len() <= SOCKET_PATH_MAX {
        return near;
    }
    per_user_dir().join(format!("{session}.sock"))
}

/// Makes the directory of `socket` exist, and sure that nobody else can reach into it.
pub fn prepare_socket_dir(socket: &Path) -> Result<(), Error> {
    let Some(dir) = socket.parent() else { return Ok(()) };
    private_dir(dir, if dir == per_user_dir() { Links::Refused } else { Links::Followed })
}

/// A directory of this user outside any home. `/tmp` and not `$TMPDIR`: every process of the user
/// has to find the same one.
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

/// Whether the directory itself may be a symbolic link. In `/tmp` anybody can plant one.
#[derive(Clone, Copy, PartialEq)]
enum Links {
    Followed,
    Refused,
}

/// Creates the directory and what has to be in it, and proves that files can be made there.
fn prepare(root: &Path, links: Links) -> Result<(), Error> {
    private_dir(root, links)?;
    private_dir(&root.join("run"), links)?;
    private_dir(&root.join("logs"), links)?;
    open_lock(root).map(drop).map_err(|source| Error::Unusable { path: root.to_owned(), source })
}

/// Opens, and creates if need be, the file whose lock covers one transaction in `root`.
pub fn open_lock(root: &Path) -> io::Result<fs::File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(root.join("ports.lock"))
}

fn private_dir(path: &Path, links: Links) -> Result<(), Error> {
    let unusable = |source| Error::Unusable { path: path.to_owned(), source };
    let metadata = match entry(path, links) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
            entry(path, links).map_err(unusable)?
        }
        Err(error) => return Err(unusable(error)),
    };
    if !metadata.is_dir() {
        return Err(unusable(io::ErrorKind::NotADirectory.into()));
    }
    if metadata.uid() != nix::unistd::geteuid().as_raw() {
        return Err(Error::Foreign { path: path.to_owned(), owner: metadata.uid() });
    }
    if metadata.mode() & 0o777 != 0o700 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(unusable)?;
    }
    Ok(())
}

fn entry(path: &Path, links: Links) -> io::Result<fs::Metadata> {
    match links {
        Links::Followed => fs::metadata(path),
        Links::Refused => fs::symlink_metadata(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn locate(flag: Option<&str>, vars: &[(&str, &str)]) -> StateDir {
        let env =
            |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        StateDir::locate(flag.map(Path::new), &env)
    }

    fn runtime(dir: &Path) -> impl Fn(&str) -> Option<OsString> + use<> {
        let dir = dir.to_owned();
        move |name| (name == "XDG_RUNTIME_DIR").then(|| dir.clone().into_os_string())
    }

    #[test]
    fn the_first_source_that_is_set_wins() {
        let home = [("HOME", "/h"), ("XDG_STATE_HOME", "/x"), ("BOWLINE_STATE_DIR", "/b")];
        assert_eq!(locate(Some("/flag"), &home).root(), Path::new("/flag"));
        assert_eq!(locate(None, &home).root(), Path::new("/b"));
        assert_eq!(locate(None, &home[..2]).root(), Path::new("/x/bowline"));
        let convention = if cfg!(target_os = "macos") {
            "/h/Library/Application Support/bowline"
        } else {
            "/h/.local/state/bowline"
        };
        assert_eq!(locate(None, &home[..1]).root(), Path::new(convention));
        assert_eq!(locate(None, &[("HOME", "/h"), ("XDG_STATE_HOME", "rel")]).root(), Path::new(convention));
        assert_eq!(locate(None, &[("HOME", "/h"), ("BOWLINE_STATE_DIR", "")]).root(), Path::new(convention));
        assert!(locate(None, &[]).trouble().is_some(), "without a home something else is used, and said");
    }

    #[test]
    fn a_relative_flag_is_made_absolute() {
        assert!(locate(Some("here"), &[]).root().is_absolute());
    }

    #[test]
    fn configuration_follows_xdg() {
        let env = |name: &str| (name == "HOME").then(|| OsString::from("/h"));
        assert_eq!(config_dir(&env), Some(PathBuf::from("/h/.config/bowline")));
        assert_eq!(config_dir(&|_| None), None);
    }

    #[test]
    fn directories_are_private_and_repaired() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("a/b");
        let dir = StateDir::create(Some(&root), &|_| None).unwrap();
        assert!(dir.trouble().is_none());
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        StateDir::create(Some(&root), &|_| None).unwrap();
        for path in [&root, &dir.run(), &dir.logs()] {
            assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o700, "{}", path.display());
        }
    }

    #[test]
    fn what_is_no_directory_is_replaced_and_said() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("file");
        fs::write(&root, "").unwrap();
        let dir = StateDir::create(Some(&root), &runtime(temp.path())).unwrap();
        assert_eq!(dir.root(), temp.path().join("bowline"));
        assert_eq!(dir.roots(), [root, temp.path().join("bowline")]);
        assert!(dir.trouble().unwrap().to_string().contains("file"));
    }

    #[test]
    fn a_planted_link_is_refused_where_anybody_can_plant_one() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        fs::write(&file, "").unwrap();
        fs::create_dir(temp.path().join("elsewhere")).unwrap();
        symlink(temp.path().join("elsewhere"), temp.path().join("bowline")).unwrap();
        assert!(StateDir::create(Some(&file), &runtime(temp.path())).is_err());
    }

    #[test]
    fn looking_touches_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("state");
        StateDir::locate(Some(&root), &|_| None);
        assert!(!root.exists());
    }

    #[test]
    fn a_socket_path_is_never_too_long() {
        let session = "0123456789abcdef";
        assert_eq!(socket(Path::new("/s/run"), session), Path::new("/s/run/0123456789abcdef.sock"));
        for depth in 60..120 {
            let path = socket(Path::new(&format!("/{}", "d".repeat(depth))), session);
            assert!(path.as_os_str().len() <= SOCKET_PATH_MAX);
        }
    }
}

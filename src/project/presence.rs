//! Which directory lies at a path: the same one as before, or another one that was made there since.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc;
use serde::{Deserialize, Serialize};

/// A directory itself, wherever it lies. Its number may be given to another directory once it is removed, but not
/// as long as a [`HeldDirectory`] or the current directory of a process keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryId {
    device: u64,
    inode: u64,
}

/// What has become of a directory, by the path that it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is there, or nothing is known against it.
    Present,
    Removed,
    /// Another one lies at its path.
    Replaced,
}

impl DirectoryId {
    /// The directory that `path` leads to.
    pub fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|found| Self { device: found.dev(), inode: found.ino() })
    }
}

impl Presence {
    /// The presence of `directory` at `path`; without a directory, that of any.
    pub fn of(directory: Option<DirectoryId>, path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(found) => {
                let found = DirectoryId { device: found.dev(), inode: found.ino() };
                if directory.is_none_or(|known| known == found) { Self::Present } else { Self::Replaced }
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Self::Removed
            }
            Err(_) => Self::Present,
        }
    }
}

/// A directory that is kept open, so that its [`DirectoryId`] stays its own.
#[derive(Debug)]
pub struct HeldDirectory(File);

impl HeldDirectory {
    pub fn open(path: &Path) -> io::Result<Self> {
        // To read it is not necessary, nor always allowed.
        let flags = if cfg!(target_os = "linux") { O_PATH | libc::O_DIRECTORY } else { libc::O_DIRECTORY };
        OpenOptions::new().read(true).custom_flags(flags).open(path).map(Self)
    }

    /// Where it lies now; `None` if it was removed.
    pub fn path(&self) -> Option<PathBuf> {
        let path = path_of(&self.0).ok()?;
        let found = self.0.metadata().ok()?;
        let own = DirectoryId { device: found.dev(), inode: found.ino() };
        // The kernel also names the path of a removed directory, with a remark or without.
        (DirectoryId::of(&path) == Some(own)).then_some(path)
    }
}

#[cfg(target_os = "linux")]
use libc::O_PATH;
#[cfg(not(target_os = "linux"))]
const O_PATH: libc::c_int = 0;

#[cfg(target_os = "linux")]
fn path_of(file: &File) -> io::Result<PathBuf> {
    use std::os::fd::AsRawFd;
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

#[cfg(not(target_os = "linux"))]
fn path_of(file: &File) -> io::Result<PathBuf> {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let path = rustix::fs::getpath(file)?;
    Ok(OsString::from_vec(path.into_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_told_from_its_successor_and_found_where_it_was_moved() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let (path, other) = (root.join("app"), root.join("old"));
        fs::create_dir(&path).unwrap();
        let id = DirectoryId::of(&path);
        let held = HeldDirectory::open(&path).unwrap();
        assert_eq!((Presence::of(id, &path), held.path()), (Presence::Present, Some(path.clone())));
        fs::rename(&path, &other).unwrap();
        assert_eq!((Presence::of(id, &path), held.path()), (Presence::Removed, Some(other.clone())));
        fs::create_dir(&path).unwrap();
        assert_eq!(Presence::of(id, &path), Presence::Replaced);
        assert_eq!((Presence::of(id, &other), DirectoryId::of(&other)), (Presence::Present, id));
        fs::remove_dir(&other).unwrap();
        assert_eq!(held.path(), None);
        // Without the open descriptor, some file systems would give it the same number.
        fs::create_dir(&other).unwrap();
        assert_eq!((Presence::of(id, &other), held.path()), (Presence::Replaced, None));
        assert_eq!(Presence::of(None, &other), Presence::Present);
        assert_eq!(Presence::of(None, &root.join("nothing")), Presence::Removed);
    }
}

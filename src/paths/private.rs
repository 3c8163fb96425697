//! Directories and files for this user alone, private from their creation on. The mode of one that exists already
//! is checked and never changed: it may be any directory, even `/tmp`.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::error::PathsError;

/// Whether the directory itself may be a symbolic link. In `/tmp` anybody can plant one.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Links {
    Followed,
    Refused,
}

/// The permissions that others must not have on a directory with sockets and locks.
pub(super) const PRIVATE: u32 = 0o077;
/// The permissions that others must not have elsewhere: they may list the entries.
const UNWRITABLE: u32 = 0o022;

/// The directories in a state directory.
const ENTRIES: [(&str, u32); 2] = [("run", PRIVATE), ("logs", UNWRITABLE)];
/// A further one, which is created when it is needed.
const LATER: (&str, u32) = ("preload", UNWRITABLE);

/// Creates the directory and [`ENTRIES`], and proves that files can be made there.
pub(super) fn prepare(root: &Path, links: Links) -> Result<(), PathsError> {
    let unusable = |source| PathsError::Unusable { path: root.to_owned(), source };
    examine(root, links)?;
    private_dir(root, links, UNWRITABLE)?;
    for (name, forbidden) in ENTRIES {
        match private_dir(&root.join(name), links, forbidden) {
            // It is the root that is not writable: name that in the error.
            Err(PathsError::Unusable { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
                return Err(unusable(source));
            }
            outcome => outcome?,
        }
    }
    open_lock(root).map(drop).map_err(unusable)
}

/// Opens the file in `root` whose lock covers one transaction, and creates it if need be.
pub fn open_lock(root: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(root.join("ports.lock"))
}

/// Creates a file that only this user can read, for code that would create it by the umask.
pub fn create_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}

/// Writes a file of this user's, whole or not at all, in a directory that is created if need be.
pub fn write_file(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let unfinished = path.with_extension("new");
    let _old = fs::remove_file(&unfinished);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    drop(file);
    fs::rename(unfinished, path)
}

pub(super) fn private_dir(path: &Path, links: Links, forbidden: u32) -> Result<(), PathsError> {
    let unusable = |source| PathsError::Unusable { path: path.to_owned(), source };
    if let Some(metadata) = entry(path, links).map_err(unusable)? {
        return check(path, &metadata, forbidden);
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
    // Another process may have been faster.
    match entry(path, links).map_err(unusable)? {
        Some(metadata) => check(path, &metadata, forbidden),
        None => Err(unusable(io::ErrorKind::NotFound.into())),
    }
}

/// Whether a state directory can be trusted, as far as it exists.
pub(super) fn examine(root: &Path, links: Links) -> Result<(), PathsError> {
    let below = ENTRIES.into_iter().chain([LATER]).map(|(name, forbidden)| (root.join(name), forbidden));
    for (path, forbidden) in [(root.to_owned(), UNWRITABLE)].into_iter().chain(below) {
        // An entry that cannot be read is reported when it is used.
        if let Ok(Some(metadata)) = entry(&path, links) {
            check(&path, &metadata, forbidden)?;
        }
    }
    Ok(())
}

fn check(path: &Path, metadata: &Metadata, forbidden: u32) -> Result<(), PathsError> {
    let path = || path.to_owned();
    if !metadata.is_dir() {
        return Err(PathsError::Unusable { path: path(), source: io::ErrorKind::NotADirectory.into() });
    }
    if metadata.uid() != nix::unistd::geteuid().as_raw() {
        return Err(PathsError::Foreign { path: path(), owner: metadata.uid() });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & forbidden != 0 {
        return Err(PathsError::Open { path: path(), mode });
    }
    Ok(())
}

fn entry(path: &Path, links: Links) -> io::Result<Option<Metadata>> {
    let metadata = match links {
        Links::Followed => fs::metadata(path),
        Links::Refused => fs::symlink_metadata(path),
    };
    match metadata {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

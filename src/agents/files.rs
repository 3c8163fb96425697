//! Writing files that belong to the user: all or none, and each in one step.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::exit_code::FAILURE;
use crate::invocation::Failure;
use crate::visible::Visible;

/// A file that is to have this text.
pub struct Change<'a> {
    pub path: PathBuf,
    pub text: &'a str,
}

/// Writes the texts. Each is complete beside its file before the first file is replaced. A link stays, and what it
/// leads to is replaced; owner and permissions stay.
pub fn write_all(changes: &[Change<'_>]) -> Result<(), Failure> {
    let mut staged = Staged::default();
    for Change { path, text } in changes {
        staged.add(path, text).map_err(|error| failure(path, &error))?;
    }
    for (temporary, target) in std::mem::take(&mut staged.files) {
        let put = fs::rename(&temporary, &target).map_err(|error| failure(&target, &error));
        if put.is_err() {
            let _gone = fs::remove_file(&temporary);
        }
        put?;
    }
    Ok(())
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    let message = format!("could not write `{}`: {error}", path.visible());
    let is_denied = matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem);
    let hint = is_denied.then(|| "make the file and its directory writable".to_owned());
    Failure::new(FAILURE, message, hint)
}

/// Files that wait to be put in place. What is left when it is dropped is removed.
#[derive(Default)]
struct Staged {
    /// Each with its target.
    files: Vec<(PathBuf, PathBuf)>,
    /// Directories that were made.
    dirs: Vec<PathBuf>,
}

impl Staged {
    fn add(&mut self, path: &Path, text: &str) -> io::Result<()> {
        let dir = path.parent().unwrap_or(Path::new("/"));
        if !dir.exists() {
            DirBuilder::new().create(dir)?;
            self.dirs.push(dir.to_owned());
        }
        let (target, former) = match fs::canonicalize(path) {
            Ok(target) => {
                // A file that the user has made read-only would be replaced all the same.
                access(&target, AccessFlags::W_OK)?;
                let former = fs::metadata(&target)?;
                (target, Some(former))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => (path.to_owned(), None),
            Err(error) => return Err(error),
        };
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let temporary = target.with_file_name(format!(".{name}.bowline-{}", std::process::id()));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        self.files.push((temporary, target));
        file.write_all(text.as_bytes())?;
        if let Some(former) = former {
            // Only root can give a file to somebody, as in a container with the files of its host.
            let _not_root = fchown(&file, Some(former.uid()), Some(former.gid()));
            file.set_permissions(former.permissions())?;
        }
        file.sync_all()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        for (temporary, _) in &self.files {
            let _gone = fs::remove_file(temporary);
        }
        for dir in self.dirs.iter().rev() {
            let _not_empty = fs::remove_dir(dir);
        }
    }
}

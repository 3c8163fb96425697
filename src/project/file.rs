//! Reading files that people write: regular ones only, as reading a pipe would never end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::libc::{ELOOP, O_NONBLOCK};

use super::error::{FileError, ProjectError};

/// The bytes of a regular file, or of one that a link leads to.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The first `limit` bytes of a file as text, others than UTF-8 replaced; `None` if it cannot be read.
pub fn beginning(path: &Path, limit: u64) -> Option<String> {
    let mut bytes = Vec::new();
    open(path).ok()?.take(limit).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("no regular file"));
    }
    Ok(file)
}

/// The text of a file; `None` if it cannot be read.
pub fn text_if_any(path: &Path) -> Option<String> {
    String::from_utf8(read(path).ok()?).ok()
}

/// The text of a file; `None` if there is no file.
pub fn text(path: &Path) -> Result<Option<String>, ProjectError> {
    bytes(path)?.map(|bytes| decoded(path, bytes)).transpose()
}

/// The bytes of a file; `None` if there is no file.
pub(super) fn bytes(path: &Path) -> Result<Option<Vec<u8>>, ProjectError> {
    let source = match read(path) {
        Ok(bytes) => return Ok(Some(bytes)),
        Err(error) => error,
    };
    let is = |is| Err(ProjectError::NotAFile { path: path.to_owned(), is });
    match (source.kind(), source.raw_os_error()) {
        (io::ErrorKind::NotFound, _) if path.is_symlink() => is("a link to nothing"),
        (io::ErrorKind::NotFound | io::ErrorKind::NotADirectory, _) => Ok(None),
        (_, Some(ELOOP)) => is("a link that leads in a circle"),
        _ => match fs::metadata(path).map(|metadata| metadata.file_type()) {
            Ok(kind) if kind.is_dir() => is("a directory"),
            Ok(kind) if kind.is_fifo() => is("a named pipe"),
            Ok(kind) if kind.is_socket() => is("a socket"),
            Ok(kind) if !kind.is_file() => is("a device"),
            Ok(_) | Err(_) => Err(ProjectError::unreadable(path, source)),
        },
    }
}

/// The bytes of `path` as text, or an error at the first byte that is not UTF-8.
pub(super) fn decoded(path: &Path, bytes: Vec<u8>) -> Result<String, ProjectError> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let readable = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        FileError::at_offset(path, &readable, valid, "is not UTF-8 text").into()
    })
}

#[cfg(test)]
mod tests {
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    #[test]
    fn a_beginning_is_that_of_a_regular_file_and_a_pipe_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let (file, pipe) = (dir.path().join("file"), dir.path().join(".env"));
        fs::write(&file, b"PORT=1\xff234").unwrap();
        assert_eq!(beginning(&file, 7).as_deref(), Some("PORT=1\u{fffd}"));
        mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        assert_eq!(beginning(&pipe, 7), None);
    }
}

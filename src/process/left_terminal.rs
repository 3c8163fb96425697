//! The user's terminal when bowline was killed: a guardian puts its settings back.
//!
//! They are in a pipe while they are changed. One guardian reads them, and does so only once nobody can write any
//! more, which is when bowline is gone.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{
    ControlFlags, InputFlags, LocalFlags, OutputFlags, SetArg, Termios, tcgetattr, tcsetattr,
};
use rustix::io::ioctl_fionread;

/// How long the kernel may take to close what a killed process had open, in milliseconds. On a busy machine it takes a few.
const CLOSING: u16 = 1000;

/// A global, as the terminal is one. Each guardian has a copy of the reading end.
static PIPE: OnceLock<(PipeReader, PipeWriter)> = OnceLock::new();

/// What is in the pipe.
static RECORD: Mutex<Record> =
    Mutex::new(Record { settings: Vec::new(), undo: Vec::new(), name: Vec::new() });

#[derive(Debug)]
struct Record {
    /// Those from before and those of bowline. Empty while the terminal has those from before.
    settings: Vec<u8>,
    /// The sequences that undo the modes that a service has set.
    undo: Vec<u8>,
    /// The path of the terminal.
    name: Vec<u8>,
}

impl Record {
    fn bytes(&self) -> Vec<u8> {
        let length = u8::try_from(self.undo.len()).unwrap_or_default();
        [&self.settings[..], &[length], &self.undo[..length.into()], &self.name].concat()
    }

    /// Puts it into the pipe, in place of what is there.
    fn write(&self) {
        let Some((reader, writer)) = PIPE.get() else { return };
        let _nothing = (&*reader).read(&mut [0; 4096]);
        if !self.settings.is_empty() {
            // It is empty, so there is room.
            let _whole = (&*writer).write(&self.bytes());
        }
    }
}

fn update(change: impl FnOnce(&mut Record)) {
    let mut record = RECORD.lock().unwrap_or_else(PoisonError::into_inner);
    change(&mut record);
    record.write();
}

/// Settings as bytes, each of this length.
const LENGTH: usize = 4 * size_of::<u64>() + nix::libc::NCCS;
type Settings = [u8; LENGTH];

/// To be called before the first guardian starts. If it fails, nobody puts the settings back.
pub(super) fn prepare() {
    let made = io::pipe().and_then(|(reader, writer)| {
        for end in [reader.as_fd(), writer.as_fd()] {
            fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok((reader, writer))
    });
    if let (None, Ok(made)) = (PIPE.get(), made) {
        let _set = PIPE.set(made);
    }
}

/// Records that bowline changes the settings of `terminal` from `before` to `now`. Called before the change, as bowline
/// may be killed in between, and again after it, with the settings that the terminal accepted.
pub(super) fn changed(terminal: BorrowedFd<'_>, before: &Termios, now: &Termios) {
    let Ok(name) = nix::unistd::ttyname(terminal) else { return };
    update(|record| {
        record.settings = [settings(before), settings(now)].concat();
        record.name = name.as_os_str().as_bytes().to_vec();
    });
}

/// A service has set modes of the terminal that these sequences undo.
pub(super) fn undone_by(sequences: &str) {
    update(|record| record.undo = sequences.as_bytes().to_vec());
}

/// Bowline has put them back itself.
pub(super) fn put_back() {
    update(|record| record.settings.clear());
}

/// What a guardian keeps open.
pub(super) fn descriptor() -> Option<RawFd> {
    PIPE.get().map(|(reader, _)| reader.as_raw_fd())
}

/// Called by a guardian. Does nothing while bowline lives, and leaves settings alone that are no longer those of
/// bowline: a shell has set its own.
pub(super) fn restore_if_abandoned() {
    restore_once_abandoned(PollTimeout::ZERO);
}

/// Called by a guardian that is about to exit because its lifeline has ended. The kernel closes a killed process's
/// descriptors one by one, so the last of them can still be open; they are waited for.
pub(super) fn restore_before_exit() {
    if PIPE.get().is_some_and(|(reader, _)| ioctl_fionread(reader).is_ok_and(|bytes| bytes > 0)) {
        restore_once_abandoned(CLOSING.into());
    }
}

fn restore_once_abandoned(patience: PollTimeout) {
    if let Some((reader, _)) = PIPE.get().filter(|(reader, _)| is_abandoned(reader.as_fd(), patience)) {
        let mut record = [0; 4096];
        let count = (&*reader).read(&mut record).unwrap_or_default();
        // A terminal that is gone needs nothing.
        let _gone = restore(&record[..count]);
    }
}

/// Whether all writers of the pipe have closed it. Waits up to `patience` for that; macOS does not while there is a record.
fn is_abandoned(reader: BorrowedFd<'_>, patience: PollTimeout) -> bool {
    // Not `POLLIN`, as a record in the pipe must not end the wait.
    let mut asked = [PollFd::new(reader, PollFlags::POLLHUP)];
    let answered = poll(&mut asked, patience).is_ok();
    answered && asked[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
}

fn restore(record: &[u8]) -> io::Result<()> {
    let Some((before, rest)) = record.split_first_chunk::<LENGTH>() else { return Ok(()) };
    let Some((set, rest)) = rest.split_first_chunk::<LENGTH>() else { return Ok(()) };
    let Some((&length, rest)) = rest.split_first() else { return Ok(()) };
    let Some((undo, name)) = rest.split_at_checked(length.into()) else { return Ok(()) };
    let path = Path::new(std::ffi::OsStr::from_bytes(name));
    let flags = nix::libc::O_NOCTTY | nix::libc::O_NONBLOCK;
    let terminal = File::options().read(true).write(true).custom_flags(flags).open(path)?;
    let mut now = tcgetattr(&terminal)?;
    if settings(&now) == *set {
        apply(before, &mut now);
        tcsetattr(&terminal, SetArg::TCSANOW, &now)?;
    }
    // No shell does this.
    (&terminal).write_all(undo)
}

fn settings(termios: &Termios) -> Settings {
    let flags = [
        u64::from(termios.input_flags.bits()),
        u64::from(termios.output_flags.bits()),
        u64::from(termios.control_flags.bits()),
        u64::from(termios.local_flags.bits()),
    ];
    let mut bytes = [0; LENGTH];
    let all = flags.into_iter().flat_map(u64::to_ne_bytes).chain(termios.control_chars);
    bytes.iter_mut().zip(all).for_each(|(byte, value)| *byte = value);
    bytes
}

fn apply(settings: &Settings, termios: &mut Termios) {
    let (flags, keys) = settings.split_at(4 * size_of::<u64>());
    let mut flags = flags.chunks_exact(size_of::<u64>()).map(|bytes| {
        let value = bytes.try_into().map(u64::from_ne_bytes).unwrap_or_default();
        value.try_into().unwrap_or_default()
    });
    termios.input_flags = InputFlags::from_bits_retain(flags.next().unwrap_or_default());
    termios.output_flags = OutputFlags::from_bits_retain(flags.next().unwrap_or_default());
    termios.control_flags = ControlFlags::from_bits_retain(flags.next().unwrap_or_default());
    termios.local_flags = LocalFlags::from_bits_retain(flags.next().unwrap_or_default());
    termios.control_chars.copy_from_slice(keys);
}

#[cfg(test)]
mod tests {
    use nix::pty::openpty;
    use nix::sys::termios::cfmakeraw;

    use super::*;

    #[test]
    fn settings_are_restored_unless_they_are_somebody_elses() {
        let pair = openpty(None, None).unwrap();
        let before = tcgetattr(&pair.slave).unwrap();
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&pair.slave, SetArg::TCSANOW, &raw).unwrap();
        let set = settings(&tcgetattr(&pair.slave).unwrap());
        let name = nix::unistd::ttyname(&pair.slave).unwrap();
        let record = Record {
            settings: [settings(&before), set].concat(),
            undo: b"\x1b[?25h".to_vec(),
            name: name.as_os_str().as_bytes().to_vec(),
        };
        let record = record.bytes();
        let now = || settings(&tcgetattr(&pair.slave).unwrap());

        let mut other = raw.clone();
        other.local_flags.insert(LocalFlags::ECHO);
        tcsetattr(&pair.slave, SetArg::TCSANOW, &other).unwrap();
        restore(&record).unwrap();
        assert_eq!(now(), settings(&other));
        tcsetattr(&pair.slave, SetArg::TCSANOW, &raw).unwrap();
        restore(&record).unwrap();
        assert_eq!(now(), settings(&before));
        let mut written = [0; 12];
        File::from(pair.master).read_exact(&mut written).unwrap();
        assert_eq!(&written, b"\x1b[?25h\x1b[?25h", "each time");
        restore(&record[..record.len() / 3]).unwrap();
    }

    #[test]
    fn nobody_is_gone_while_the_other_end_is_open() {
        let (reader, writer) = io::pipe().unwrap();
        assert!(!is_abandoned(reader.as_fd(), PollTimeout::ZERO));
        (&writer).write_all(b"record").unwrap();
        assert!(!is_abandoned(reader.as_fd(), PollTimeout::ZERO));
        std::thread::scope(|scope| {
            scope.spawn(|| drop(writer));
            let is_seen = is_abandoned(reader.as_fd(), PollTimeout::NONE);
            assert!(is_seen || cfg!(target_os = "macos"));
        });
    }
}

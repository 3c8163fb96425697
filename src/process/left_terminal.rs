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
use std::sync::OnceLock;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{
    ControlFlags, InputFlags, LocalFlags, OutputFlags, SetArg, Termios, tcgetattr, tcsetattr,
};

/// A global, as the terminal is one. Each guardian has a copy of the reading end.
static PIPE: OnceLock<(PipeReader, PipeWriter)> = OnceLock::new();

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

/// Bowline has changed the settings of `terminal`, and they were these before.
pub(super) fn changed(terminal: BorrowedFd<'_>, before: &Termios) {
    put_back();
    let (Some((_, writer)), Ok(name), Ok(now)) =
        (PIPE.get(), nix::unistd::ttyname(terminal), tcgetattr(terminal))
    else {
        return;
    };
    let record = [&settings(before)[..], &settings(&now), name.as_os_str().as_bytes()].concat();
    // It is empty, so there is room.
    let _whole = (&*writer).write(&record);
}

/// Bowline has put them back itself.
pub(super) fn put_back() {
    if let Some((reader, _)) = PIPE.get() {
        let _nothing = (&*reader).read(&mut [0; 4096]);
    }
}

/// What a guardian keeps open.
pub(super) fn descriptor() -> Option<RawFd> {
    PIPE.get().map(|(reader, _)| reader.as_raw_fd())
}

/// Called by a guardian. Does nothing while bowline lives, and where the settings are no longer those of bowline: a
/// shell has set its own.
pub(super) fn restore_if_abandoned() {
    if let Some((reader, _)) = PIPE.get().filter(|(reader, _)| is_abandoned(reader.as_fd())) {
        let mut record = [0; 4096];
        let count = (&*reader).read(&mut record).unwrap_or_default();
        // A terminal that is gone needs nothing.
        let _gone = restore(&record[..count]);
    }
}

fn is_abandoned(reader: BorrowedFd<'_>) -> bool {
    let mut asked = [PollFd::new(reader, PollFlags::POLLIN)];
    let answered = poll(&mut asked, PollTimeout::ZERO).is_ok();
    answered && asked[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
}

fn restore(record: &[u8]) -> io::Result<()> {
    let Some((before, rest)) = record.split_first_chunk::<LENGTH>() else { return Ok(()) };
    let Some((set, name)) = rest.split_first_chunk::<LENGTH>() else { return Ok(()) };
    let path = Path::new(std::ffi::OsStr::from_bytes(name));
    let flags = nix::libc::O_NOCTTY | nix::libc::O_NONBLOCK;
    let terminal = File::options().read(true).write(true).custom_flags(flags).open(path)?;
    let mut now = tcgetattr(&terminal)?;
    if settings(&now) == *set {
        apply(before, &mut now);
        tcsetattr(&terminal, SetArg::TCSANOW, &now)?;
    }
    Ok(())
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
        let record = [&settings(&before)[..], &set, name.as_os_str().as_bytes()].concat();
        let now = || settings(&tcgetattr(&pair.slave).unwrap());

        let mut other = raw.clone();
        other.local_flags.insert(LocalFlags::ECHO);
        tcsetattr(&pair.slave, SetArg::TCSANOW, &other).unwrap();
        restore(&record).unwrap();
        assert_eq!(now(), settings(&other));
        tcsetattr(&pair.slave, SetArg::TCSANOW, &raw).unwrap();
        restore(&record).unwrap();
        assert_eq!(now(), settings(&before));
        restore(&record[..record.len() / 3]).unwrap();
    }

    #[test]
    fn nobody_is_gone_while_the_other_end_is_open() {
        let (reader, writer) = io::pipe().unwrap();
        assert!(!is_abandoned(reader.as_fd()));
        (&writer).write_all(b"record").unwrap();
        assert!(!is_abandoned(reader.as_fd()));
        drop(writer);
        assert!(is_abandoned(reader.as_fd()));
    }
}

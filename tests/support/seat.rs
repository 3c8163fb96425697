//! A program at a terminal.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use nix::sys::termios::LocalFlags;
use rustix::process::Signal;

use super::{PATIENCE, Terminal, Tree};

/// A bowline at a terminal, or a shell that is to start it.
#[derive(Debug)]
pub struct Seat {
    pub terminal: Terminal,
    pub child: Child,
    tree: Tree,
}

impl Seat {
    /// At a terminal of the usual size.
    pub fn take(command: Command) -> Self {
        Self::sized(command, 24, 80)
    }

    /// At a terminal with this many rows and columns.
    pub fn sized(mut command: Command, rows: u16, columns: u16) -> Self {
        let terminal = Terminal::new(rows, columns);
        terminal.seat(&mut command);
        let tree = Tree::new();
        tree.mark(&mut command);
        Self { child: command.spawn().expect("a program"), terminal, tree }
    }

    /// The end of the command, after which nothing is left and the terminal is as it was.
    pub fn wait(mut self) -> ExitStatus {
        let status = self.child.wait().expect("a child of our own");
        // Where bowline was killed, its guardian gives the services a grace period.
        let is_killed = status.signal() == Some(Signal::KILL.as_raw());
        self.tree.assert_gone(if is_killed { PATIENCE } else { Duration::from_secs(1) });
        assert!(self.terminal.settings().local_flags.contains(LocalFlags::ICANON | LocalFlags::ECHO));
        status
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.tree.kill();
        let _ = self.child.wait();
    }
}

//! The exit codes of bowline beside the service's own: the interface of scripts, listed in `bowline --help`.

/// Any failure without a code of its own.
pub const FAILURE: u8 = 1;
/// Usage or configuration.
pub const USAGE: u8 = 2;
/// The range is exhausted, or the ordered port is taken.
pub const NO_PORT: u8 = 3;
/// A service never became ready.
pub const NOT_READY: u8 = 4;
/// No such project, or no such script.
pub const NO_PROJECT: u8 = 5;
/// A supervisor does not answer.
pub const NOT_CONNECTED: u8 = 6;
/// The shell's code for a command that may not be executed.
pub const NOT_EXECUTABLE: u8 = 126;
/// The shell's code for a command that was not found.
pub const NOT_FOUND: u8 = 127;

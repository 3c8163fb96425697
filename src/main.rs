//! The `bowline` program: arguments in, exit code or signal out.

use std::process::ExitCode;

use bowline::process::{Exit, signals};

fn main() -> ExitCode {
    match bowline::run(std::env::args_os().collect()) {
        Exit::Code(code) => ExitCode::from(code),
        Exit::Signal(signal) => {
            signals::die_by(signal);
            // The shell's convention for a signal that does not end a process.
            ExitCode::from((128 + signal as i32).to_le_bytes()[0])
        }
    }
}

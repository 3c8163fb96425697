//! How a supervisor is started that outlives its caller, and what it does not take along.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::process::{Command, Stdio};

use crate::cli::args;
use crate::invocation::Invocation;
use crate::process::{descriptors, own_executable};

/// Variables that name descriptors of the caller: a program that found others there would read or write those.
const NAMES_OF_DESCRIPTORS: [&str; 3] =
    // Node's channel to its parent, and bash's trace.
    ["NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE", "BASH_XTRACEFD"];
/// Variables with the options of a make or cargo, one of which names the descriptors or the pipe of its job server.
const OPTIONS_OF_MAKE: [&str; 3] = ["MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS"];

/// The command of a supervisor of `projects`, with the global options in `arguments`, those of this process. The
/// supervisor ends with the parent of the invocation, if there is one. From now on, programs executed here inherit
/// the standard streams and no other descriptor.
pub fn supervisor(
    invocation: &Invocation,
    arguments: &[OsString],
    projects: &[OsString],
) -> io::Result<Command> {
    descriptors::close_inherited_on_exec();
    let mut command = Command::new(own_executable()?);
    command.args(&arguments[1..args::command_index(arguments)]);
    // Its stderr is a pipe, which says nothing about where the lines end up.
    command.args(["--color", invocation.style.when()]).arg("supervise");
    if let Some(parent) = &invocation.parent {
        command.args(["--parent", &args::parent_value(parent.identity)]);
    }
    command.args(projects);
    for name in NAMES_OF_DESCRIPTORS {
        command.env_remove(name);
    }
    for name in OPTIONS_OF_MAKE {
        if let Some(options) = env::var_os(name) {
            command.env(name, without_job_server(&options));
        }
    }
    command.stdin(Stdio::null());
    Ok(command)
}

/// The options of a make without its job server, which is the caller's.
fn without_job_server(options: &OsStr) -> OsString {
    let Some(text) = options.to_str() else { return options.to_owned() };
    let is_other =
        |word: &&str| !["--jobserver-auth=", "--jobserver-fds="].iter().any(|it| word.starts_with(it));
    text.split(' ').filter(is_other).collect::<Vec<_>>().join(" ").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_make_lose_their_job_server_alone() {
        for (options, expected) in [
            ("", ""),
            ("k", "k"),
            (" -j2 --jobserver-auth=3,4", " -j2"),
            ("ks -j --jobserver-auth=fifo:/tmp/GMfifo12 -- A=1 B=x\\ y", "ks -j -- A=1 B=x\\ y"),
            ("-j --jobserver-fds=8,9 --jobserver-auth=8,9", "-j"),
        ] {
            assert_eq!(without_job_server(OsStr::new(options)), expected, "{options}");
        }
    }
}

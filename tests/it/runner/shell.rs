//! `bowline dev` as the run command of another runner. Such a runner spawns `/bin/bash -c` with pipes, sets `PORT`,
//! connects to the port to see whether the server is up, and sends SIGTERM to the shell alone.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{PATIENCE, Ports, Sandbox, Tree, is_free, stage_in_shell};

/// The processes that such a runner has started.
struct Started {
    sandbox: Sandbox,
    ports: Ports,
    shell: Child,
    tree: Tree,
}

fn start(arguments: &str, run: &str) -> Started {
    let (sandbox, ports) = stage_in_shell(arguments, 3);
    let mut command: Command = sandbox.command("/bin/bash");
    let path = std::path::Path::new(env!("CARGO_BIN_EXE_bowline")).parent().unwrap();
    let path = std::env::join_paths(
        [path.to_owned()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    command.args(["-c", run]).env("PATH", path.unwrap()).env("PORT", ports.last().to_string());
    let tree = Tree::new();
    tree.mark(&mut command);
    let shell = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    Started { sandbox, ports, shell, tree }
}

impl Started {
    /// Waits until the server says on its output that it listens, and asks it.
    fn is_up(&mut self) {
        let mut output = BufReader::new(self.shell.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(line.contains(&format!("\"listening\":{}", self.ports.last())), "{line}");
        assert!(TcpStream::connect(("127.0.0.1", self.ports.last())).is_ok());
        self.shell.stdout = Some(output.into_inner());
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.shell.id().cast_signed()).unwrap(), signal).unwrap();
    }

    fn ends(mut self) {
        let status = self.shell.wait().unwrap();
        assert!(!status.success() || status.code() == Some(0), "{status}");
        let mut said = String::new();
        self.shell.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        self.tree.assert_gone(PATIENCE);
        assert!(is_free(self.ports.last()), "{said}");
        assert_eq!(self.sandbox.run(["ls", "--json"]).stdout, "{\"services\":[]}\n");
    }
}

#[test]
fn the_preferred_port_is_used_and_a_signal_to_the_shell_ends_everything() {
    let mut started = start("--children 2", "bowline dev");
    started.is_up();
    started.signal(Signal::TERM);
    started.ends();
}

/// Then bash waits for bowline instead of becoming it, and dies without passing the signal on. The runner goes
/// on to end whatever holds the port.
#[test]
fn a_shell_that_has_more_to_do_is_no_obstacle() {
    for run in ["bowline dev; true", "cd . && bowline dev && true", "bowline dev | cat"] {
        let mut started = start("--children 2", run);
        started.is_up();
        started.signal(Signal::TERM);
        started.shell.wait().unwrap();
        for holder in bowline::port::listeners::holders(&[started.ports.last()]) {
            kill_process(Pid::from_raw(holder.pid.unwrap()).unwrap(), Signal::TERM).unwrap();
        }
        started.ends();
    }
}

//! One launcher with one server, ended in one way.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal as Kind;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, setrlimit};

use super::matrix::{Cell, Place, Way};
use crate::support::{
    Fifo, PATIENCE, Ports, Sandbox, Session, Terminal, Tree, agent, dev_server, is_free, kill_at_once,
};

/// The remains of a way of ending.
#[derive(Debug)]
pub struct Left {
    /// The server has ended in time.
    pub server_ended: bool,
    pub port_free: bool,
    /// The launcher itself has ended in time.
    pub launcher_ended: bool,
    /// Every other process that the launcher has brought about and that is still there.
    pub processes: Vec<String>,
}

impl Left {
    /// Whether nobody is in the way of the next start.
    pub fn is_clean(&self) -> bool {
        self.server_ended && self.port_free
    }
}

/// A launcher that runs the stand-in server as the dev script of a project.
pub struct Stage {
    sandbox: Sandbox,
    ports: Ports,
    cell: Cell,
    alive: Fifo,
    pids: Fifo,
}

impl Stage {
    /// A project of its own for this combination. `with_port` writes the port into the dev script, and
    /// `prepare` adds what the launcher needs, given the server's command.
    pub fn new(cell: Cell, with_port: bool, prepare: impl FnOnce(&mut Sandbox, &str)) -> Self {
        let ports = Ports::claim(1);
        let mut sandbox = Sandbox::new();
        let (alive, pids) =
            (Fifo::create(&sandbox.root().join("alive")), Fifo::create(&sandbox.root().join("pid")));
        let port = if with_port { format!(" --port {}", ports.first()) } else { String::new() };
        let command = format!(
            "{} --lifetime 100{port} --tell {} {}",
            dev_server().display(),
            alive.path.display(),
            cell.shape.options()
        );
        let package = serde_json::json!({ "name": "app", "version": "1.0.0", "scripts": { "dev": command } });
        sandbox.file("package.json", &format!("{package:#}\n"));
        sandbox.range("default", &ports);
        sandbox.env("PORT", ports.first().to_string());
        prepare(&mut sandbox, &command);
        Self { sandbox, ports, cell, alive, pids }
    }

    /// Starts the launcher, ends it, and says what is left after `patience`. An error if the server never came up.
    pub fn run(mut self, launcher: &[String], patience: Duration) -> Result<Left, String> {
        let tree = Tree::new();
        let mut seat = match self.cell.place {
            Place::Terminal => Some(Terminal::new(24, 80)),
            Place::Pipes => None,
        };
        let mut child = self.start(launcher, &tree, seat.as_ref());
        let came_up = self.alive.pid(PATIENCE / 4).ok_or("the server did not come up");
        let pid = self.pids.pid(PATIENCE / 4).ok_or("the launcher did not start");
        let outcome = came_up.and(pid).map(|launcher| {
            if self.cell.way == Way::KillCaller {
                child.kill().expect("the agent runs");
            } else {
                self.end(launcher, seat.as_mut());
            }
            let deadline = Instant::now() + patience;
            if self.cell.way == Way::KillBoth {
                self.follow_up();
            }
            let server_ended = self.alive.ends(deadline);
            let processes = tree.left(if server_ended { patience } else { Duration::ZERO });
            let pid = format!("{} ", launcher.as_raw_nonzero());
            let launcher_ended = !processes.iter().any(|process| process.starts_with(&pid));
            // A process that is ending closes its files one by one.
            let mut port_free = is_free(self.ports.first());
            while server_ended && !port_free && Instant::now() < deadline {
                std::thread::yield_now();
                port_free = is_free(self.ports.first());
            }
            Left { server_ended, port_free, launcher_ended, processes }
        });
        tree.kill();
        let _ = child.kill();
        let _ = child.wait();
        outcome.map_err(|what| {
            let screen = seat.map_or_else(String::new, |mut seat| seat.screen());
            format!("{what}\n{screen}")
        })
    }

    /// A shell without job control where there is no terminal; one with it at a terminal, as a user would have.
    fn start(&self, launcher: &[String], tree: &Tree, seat: Option<&Terminal>) -> Child {
        let tell_and_become = r#"echo $$ > "$0"; exec "$@""#;
        let in_a_job = format!("sh -c '{tell_and_become}' \"$0\" \"$@\"; :");
        if self.cell.way == Way::KillCaller {
            return self.start_by_agent(launcher, tree, tell_and_become);
        }
        let mut command = self.sandbox.command("sh");
        match seat {
            Some(terminal) => {
                terminal.seat(&mut command);
                command.args(["-m", "-c", &in_a_job]);
            }
            None => {
                command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
                command.args(["-c", tell_and_become]);
            }
        }
        command.arg(&self.pids.path).args(launcher);
        tree.mark(&mut command);
        as_from_a_login_shell(&mut command);
        let mut child = command.spawn().expect("a shell");
        drain(child.stdout.take());
        drain(child.stderr.take());
        child
    }

    /// By a program that runs it in a shell, with pipes.
    fn start_by_agent(&self, launcher: &[String], tree: &Tree, tell_and_become: &str) -> Child {
        let pids = self.pids.path.to_string_lossy();
        let shell = ["sh", "-c", tell_and_become, &pids];
        let words = shell.into_iter().chain(launcher.iter().map(String::as_str));
        let mut command = agent(&self.sandbox, &shell_words::join(words));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        tree.mark(&mut command);
        as_from_a_login_shell(&mut command);
        command.spawn().expect("node")
    }

    fn end(&self, launcher: Pid, seat: Option<&mut Terminal>) {
        let send = |signal| {
            // A launcher may have left with the leader.
            let _ = kill_process(launcher, signal);
        };
        match (self.cell.way, seat) {
            (Way::Term, _) => send(Signal::TERM),
            (Way::Int, _) => send(Signal::INT),
            (Way::Hup, _) => send(Signal::HUP),
            (Way::Quit, _) => send(Signal::QUIT),
            (Way::CtrlC, Some(terminal)) => terminal.keys("\x03"),
            (Way::TerminalClosed, Some(terminal)) => terminal.close(),
            (Way::CtrlC | Way::TerminalClosed, None) => unreachable!("only with a terminal"),
            (Way::KillCaller, _) => unreachable!("the launcher lives on"),
            (Way::KillLauncher, _) => send(Signal::KILL),
            (Way::KillGuardian, _) => {
                kill_process(self.sandbox.guardian(), Signal::KILL).expect("the guardian runs");
            }
            (Way::KillBoth, _) => kill_at_once(&[self.sandbox.guardian(), launcher]),
        }
    }

    /// Another project asks for the only port of the range: the next bowline command.
    fn follow_up(&mut self) {
        let mut command = self.sandbox.bowline(["--json", "exec", "--"]);
        command.arg(dev_server()).args(["--lifetime", "100"]);
        command.current_dir(self.sandbox.sibling("next")).env_remove("PORT");
        let mut next = Session::start(command);
        assert_eq!(next.ready(), self.ports.first(), "{}", self.cell);
        assert!(self.alive.ends(Instant::now()), "{}: the port was given away under a server", self.cell);
        next.stop();
    }
}

fn drain(source: Option<impl Read + Send + 'static>) {
    if let Some(mut source) = source {
        std::thread::spawn(move || std::io::copy(&mut source, &mut std::io::sink()));
    }
}

/// As a login shell would start it, whatever the tests were started by: with no signal ignored, which a job in the
/// background of a script has, and without the core dump that SIGQUIT would leave.
fn as_from_a_login_shell(command: &mut Command) {
    use nix::sys::signal::{SigHandler, signal};
    #[expect(unsafe_code, reason = "only the child is changed")]
    // SAFETY: setrlimit and signal are async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            for asking in [Kind::SIGINT, Kind::SIGQUIT, Kind::SIGHUP, Kind::SIGTERM] {
                signal(asking, SigHandler::SigDfl)?;
            }
            let none = Rlimit { current: Some(0), maximum: Some(0) };
            setrlimit(Resource::Core, none).map_err(Into::into)
        });
    }
}

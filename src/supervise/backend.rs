//! The parameters of the loop: ports and programs, signals, a place for output and events, and clients.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use regex_lite::Regex;
use serde::{Deserialize, Serialize};

use super::conditions::{Conditions, PageQuestion};
use super::process_tree::ProcessTree;
use super::service::{FailedRun, Input, Settings};
use crate::detect::ServiceKind;
use crate::event::{Level, Refusal, State, Stream, Told, What};
use crate::port::Scheme;
use crate::port::page::Page;
use crate::process::signals::{self, ReceivedSignal, Signals};
use crate::process::terminal::Size;
use crate::process::{Stdio, children};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortOwner {
    Nobody,
    /// Process `pid` of the tree, on the socket that the kernel numbers `socket`.
    Ours {
        socket: u64,
        pid: i32,
    },
    /// A process of the same user that is not of the tree.
    Stranger,
    /// A process that this user may not inspect: another user's, or a container's behind its proxy.
    Hidden,
}

impl PortOwner {
    pub(super) fn is_ours(self) -> bool {
        matches!(self, Self::Ours { .. })
    }
}

/// The behaviour of a service that does not listen on its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The other ports that its processes listen on; none if it waits because the port that it wants is taken.
    pub ports: Vec<u16>,
    /// Whether another start can make it listen on the reserved port.
    pub redirectable: bool,
    /// How long the observation must hold: a program may open an auxiliary port long before its own. `None` as long
    /// as none of the listeners is known to be its server.
    pub patience: Option<Duration>,
}

/// What a second look at a service that is ready has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Review {
    pub event: Option<What>,
    pub input: Option<Input>,
    /// When to look again, if ever.
    pub again: Option<Duration>,
}

/// The answer of a server that was asked what it speaks; `None` if it gives none.
pub type SchemeQuestion = Pin<Box<dyn Future<Output = Option<Scheme>>>>;

/// How the scheme of a server that listens was found out. [`Backend::scheme`] has it from now on.
pub enum SchemeAnswer {
    Known,
    /// Nothing says otherwise yet.
    Assumed,
    /// The present scheme is a guess until the server answers, for which readiness waits at most for `patience`.
    Asked {
        question: SchemeQuestion,
        patience: Duration,
    },
}

/// The next start of a service, by what its files say now.
#[derive(Clone, Debug)]
pub struct Reload {
    pub settings: Settings,
    /// What is different from the last start, as sentences; `None` if nothing is.
    pub changes: Option<String>,
    /// Events about the change.
    pub news: Vec<What>,
}

/// What follows for a service that was told another port of one than that has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misled {
    /// It has to be started again, with the sentence that says why.
    Restart(String),
    /// Another start would not help.
    Warn(Vec<String>),
}

/// A service as clients are told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    pub name: String,
    pub framework: String,
    pub kind: ServiceKind,
    /// The command that is run, and as the user wrote it.
    pub command: String,
    pub original: String,
    /// The variables that bowline.toml sets.
    pub environment: BTreeMap<String, String>,
}

/// Ports and programs. A service is named by its index, and its tree by the process `root` that it descends from.
pub trait Backend {
    /// The standard input of a service without a console; `None` for one that stays open and silent.
    fn stdin(&self) -> Option<OwnedFd>;
    /// Creates the guardian of the service's next run, which waits for an order to run the first step.
    fn spawn(&mut self, service: usize, stdio: Stdio) -> io::Result<Box<dyn ProcessTree>>;
    /// Reads the files of the service for its next start, and reserves a port if it has ended and has none. If they
    /// are wrong, everything is as before; returns the error and how the client is to fail.
    fn reload(&mut self, service: usize) -> Result<Reload, (String, Refusal)>;
    /// Opens the service's URL for the user, and returns what there is to say.
    fn open(&mut self, service: usize) -> What;
    /// The service as it was started last.
    fn description(&self, service: usize) -> Description;
    /// Regular expressions for the lines with which the watches of the service say that their first build is through.
    fn first_builds(&self, service: usize) -> Vec<Regex>;
    fn verify(&mut self, service: usize, root: i32) -> PortOwner;
    /// Whether anybody may listen on the port of the service: false if nobody did a moment ago. Costs less than
    /// [`Backend::verify`].
    fn may_listen(&mut self, _service: usize) -> bool {
        true
    }
    /// The behaviour of a service that does not listen on its port. `output` is the end of its output.
    fn observe(&mut self, service: usize, root: i32, output: &str) -> Option<Observation>;
    /// The listeners on other ports of a service that is not ready, as text.
    fn elsewhere(&self, service: usize) -> Option<String>;
    /// The likely reason why a service will never be ready, with what to do. Its script has run for `age`; `output` is the
    /// end of its output.
    fn obstacle(&mut self, _service: usize, _age: Duration, _output: &str) -> Option<String> {
        None
    }
    /// Whether [`Backend::redirect`] can help a run that failed: it ended because it asked for another port, or
    /// because of how its listener was moved.
    fn is_redirectable(&mut self, service: usize, run: FailedRun, output: &str) -> bool;
    /// Prepares the next start so that it undoes the last observation, and returns the event.
    fn redirect(&mut self, service: usize) -> What;
    /// Reserves the port that was observed last in place of the service's own, and returns the event.
    fn follow(&mut self, service: usize, root: i32) -> Result<What, What>;
    /// Remembers what made the service listen on its port. Returns an event for the user, if there is something to
    /// say.
    fn became_ready(&mut self, service: usize) -> Option<What>;
    /// The services that name this one and were told another address of it when they started, with the sentence that says
    /// where it is now.
    fn told_another_address(&self, _service: usize) -> Option<(Vec<usize>, String)> {
        None
    }
    /// Whether the service runs only because others need it, or are to have it beside them.
    fn is_added(&self, _service: usize) -> bool {
        false
    }
    /// What follows for a service now that another session's is ready, if it was told another port of that.
    fn misled_by(&mut self, _service: usize, _project: &str) -> Option<Misled> {
        None
    }
    /// Looks again at a service that is ready, some times: what was learned about its port may turn out to be wrong.
    fn review(&mut self, service: usize, root: i32, output: &str) -> Review;
    /// Reserves another port, and returns the event.
    fn relocate(&mut self, service: usize) -> Result<What, What>;
    fn release(&mut self, service: usize);
    /// Finds out what the server on the service's port speaks. `output` is the end of its output.
    fn find_scheme(&mut self, service: usize, root: i32, output: &str) -> SchemeAnswer;
    /// What has to hold besides before the service is ready.
    fn conditions(&self, service: usize) -> Conditions;
    /// The question for a page, to the service's own listener; `None` if there is none any more.
    fn ask_page(&mut self, service: usize, root: i32, page: Page) -> Option<PageQuestion>;
    /// The command that is the first step of the service, in place of its script.
    fn hook_before(&self, service: usize) -> Option<&str>;
    fn set_scheme(&mut self, service: usize, scheme: Scheme);
    fn scheme(&self, service: usize) -> Scheme;
    fn port(&self, service: usize) -> u16;
    fn framework(&self, service: usize) -> String;
    /// Whether the service starts other sessions, and is ready when one of those is.
    fn orchestrates(&self, _service: usize) -> bool {
        false
    }
    /// Whether such a session has a server, ready or not.
    fn has_server_beneath(&self) -> bool {
        false
    }
    /// Counts the service as ready, as long as such a session lives; `url` is that of the first one. Returns an event for
    /// the user, if there is something to say.
    fn stand_in(&mut self, _service: usize, _url: Option<&str>) -> Option<What> {
        None
    }
}

pub trait Sink {
    /// Whether more of this stream may be read.
    fn has_room(&self, service: usize, stream: Stream) -> bool;
    /// Reads once from `source`, passes the bytes on and returns them; none at the end.
    fn pass(&mut self, service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]>;
    fn notify(&mut self, service: usize, what: What);
    /// Somebody else than the user has asked for the end by a signal.
    fn signalled(&mut self, service: usize, message: String) {
        self.notify(service, What::Noted { level: Level::Plain, message });
    }
    /// Passes on what another session has told.
    fn relay(&mut self, told: &Told);
    /// The service counts as ready because others beneath it are.
    fn stood_in(&mut self, _service: usize) {}
    /// Writes what can be written, and is ready when nothing waits any more.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()>;
    /// How many columns of the terminal stand before each line of a service.
    fn margin(&self) -> usize {
        0
    }
    /// The terminal has another size.
    fn resized(&mut self) {}
    /// Tells the user that there are keys.
    fn introduce_keys(&mut self) {}
    /// Acts on the user's keys, and returns what is left to be done.
    fn typed(&mut self, _keys: &[u8]) -> Vec<KeyCommand> {
        Vec::new()
    }
    /// The service has the terminal for itself from now on; with `None`, none has it any more.
    fn lend_terminal(&mut self, _service: Option<usize>) {}
}

/// What the user asks of the loop by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCommand {
    Restart(usize),
    StopOrStart(usize),
    Open(usize),
    GiveKeyboard(usize),
    End,
}

/// What a service makes of input from elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyboardKind {
    /// Its input is not bowline's to give, or it has ended.
    #[default]
    None,
    /// A terminal of its own: it is given keys.
    Keys,
    /// A pipe: it is given lines.
    Lines,
    /// The user of its own bowline has its keyboard.
    Taken,
}

/// What a client gives to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    Keys(Vec<u8>),
    Resized(Size),
    /// The client has left.
    Left,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub state: State,
    pub port: u16,
    pub scheme: Scheme,
    /// The guardian that its processes descend from, while there is one.
    pub guardian: Option<i32>,
    pub keyboard: KeyboardKind,
    /// The names of the services that one which was not started waits for, or that block it.
    pub waits_for: Vec<String>,
    pub blocked_by: Vec<String>,
}

/// A command of a client that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    pub service: usize,
    pub input: Input,
    /// All services that the same command stops: what needs others of them ends first.
    pub along: Vec<usize>,
    /// Who asks: `` `bowline stop` (pid 4711) ``.
    pub by: String,
}

/// Clients: where commands come from, and a second place where output and events go.
pub trait Control {
    /// Serves the clients. Ready with the next command that changes something.
    fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<Requested>;
    /// What clients have given to services since this was asked last, with who did.
    fn take_typed(&mut self) -> Vec<(usize, Typed, String)> {
        Vec::new()
    }
    /// The client that has the keyboard of the service.
    fn typist(&self, _service: usize) -> Option<String> {
        None
    }
    /// What other sessions have told since the last call.
    fn take_told(&mut self) -> Vec<Told>;
    fn wrote(&mut self, service: usize, stream: Stream, bytes: &[u8]);
    fn notify(&mut self, service: usize, what: &What);
    /// A restart is carried out; `changes` are those of [`Reload`].
    fn restarting(&mut self, service: usize, changes: Option<&str>);
    /// A restart is refused, and the service goes on.
    fn refused(&mut self, service: usize, error: &str, refusal: &Refusal);
    /// The service was started.
    fn started(&mut self, service: usize, description: Description);
    /// Called with the condition of a service whenever it may have changed.
    fn changed(&mut self, service: usize, now: Condition);
    /// Writes what can be written, and is ready when nothing waits any more.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// The signals of this process, and what two of them ask for.
pub trait SignalSource {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<ReceivedSignal>;
    /// Stops this process group as Ctrl-Z would, until it is continued.
    fn stop_group(&mut self);
    /// Reaps the children of this process that have ended, but for `kept`.
    fn reap_besides(&mut self, kept: &[i32]);
}

impl SignalSource for Signals {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<ReceivedSignal> {
        Signals::poll_next(self, cx)
    }

    fn stop_group(&mut self) {
        signals::stop_group();
    }

    fn reap_besides(&mut self, kept: &[i32]) {
        children::reap_besides(kept);
    }
}

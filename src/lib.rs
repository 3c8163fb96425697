//! bowline starts dev servers on the right port and leaves nothing behind. This page is its architecture.
//!
//! In one sentence: *a foreground process detects the framework, reserves a port, starts the dev server under a
//! guardian, proves that this server is the one that listens, keeps it so, and gives the port back.* There is no daemon.
//!
//! The program is in `main.rs`; everything else is this library, so that tests and documentation reach it. The library is
//! no interface: what users may rely on is the command line.
//!
//! # The flow
//!
//! `detect → allocate → reserve → spawn → verify listening → supervise → release`. It can be read from top to bottom in
//! `session/flow.rs`; each step takes what only the step before can make.
//!
//! | step | where | what makes it right |
//! | --- | --- | --- |
//! | read | [`project`] [`config`] [`launch::Reading`] [`script`] | files are read once, at the edge; the script is parsed as the shell would |
//! | detect | [`detect::catalog::Catalog::detect`] | pure over a [`detect::Snapshot`]: a rule never opens a file |
//! | allocate and reserve | [`port::Ports::allocate`] | one lock, one durable transaction for all ports of a start: skip what is reserved, probe the rest, insert. The answer is a [`port::Lease`], which commits before anything runs |
//! | spawn | [`launch::plan`], [`process::guardian`] | the plan is plain data; the guardian is forked, and executes the plan |
//! | verify listening | [`port::listeners`] | asks the kernel *who* listens. A connection would be answered by a stranger too |
//! | supervise | [`supervise::Supervisor`] | one loop turns what the kernel says into inputs of [`supervise::service::Service`], a pure state machine, and its effects into orders |
//! | release | [`port::Lease::release`] | on every path; a kernel-held lock is the safety net |
//!
//! ```text
//! bowline (supervisor) ─ holds run/SESSION.lock: "these ports are reserved"
//!  │   one thread: signals, keys, output, reports, deadlines
//!  │ socket pair: orders down, reports up; end-of-file means that bowline is gone
//!  └─ bowline-guard (guardian, one a service) ─ holds run/SESSION.guard: "the tree is not empty yet"
//!      │   own session; adopts every orphan of the service
//!      └─ vite --port 5173 --strictPort ─ the script, leader of its process group
//!          └─ …
//! ```
//!
//! # Ranks
//!
//! A module imports only modules of a lower rank, never a peer. `tests/architecture.rs` fails otherwise, and compares this
//! table with the one that it goes by.
//!
//! | rank | modules | what the rank is |
//! | --- | --- | --- |
//! | 9 | [`cli`] | what the user typed: parse, resolve once, print, exit code; a file a command |
//! | 8 | [`session`] | one supervising process, from projects to outcome; knows no command line |
//! | 7 | [`client`] | other supervisors: find, ask, follow |
//! | 6 | [`invocation`] | how bowline was called, and how it reports failures |
//! | 5 | [`config`] [`control`] [`logs`] [`runner`] [`ui`] | the edges: files, sockets, terminal, protocol |
//! | 4 | [`supervise`] | keeping services running |
//! | 3 | [`event`] [`launch`] | what happened · what to run |
//! | 2 | [`detect`] [`port`] | which framework · which port |
//! | 1 | [`fingerprint`] [`paths`] [`process`] [`project`] [`range`] [`script`] | the OS, the disk, the shell's grammar; knows nothing of us |
//! | 0 | [`exit_code`] [`visible`] | the codes that scripts rely on · how foreign text is shown |
//!
//! Where a lower rank needs something of a higher one it says what it needs as a trait, and `session` fills it in:
//! [`supervise::Backend`] (ports and programs), [`supervise::Sink`] (where output and events go),
//! [`process::guardian::Token`] (the lock that a guardian holds). An error type belongs to the module that raises it, and has
//! a `hint` method; `invocation/failure.rs` alone maps them to the exit codes of [`exit_code`].
//!
//! # Who decides what
//!
//! - **Which framework?** `frameworks.toml`, as data: [`detect`] has no framework's name in it.
//! - **Is this reservation alive?** The kernel, by a file lock ([`port::Life`]). The store only remembers.
//! - **Is the service ready?** The kernel: a process that descends from the guardian listens on the reserved port, and is still
//!   there a moment later.
//! - **Is the service gone?** The kernel: the guardian, which adopts all orphans, has no child left, and nothing carries the
//!   mark of the service: the session and the project in the environment.
//! - **What happens next?** [`supervise::service::Service::on`], and nothing else. A test walks all short sequences of its inputs.
//! - **What is told?** [`event::What`], one vocabulary for people, for `--json` and for logs.
//!
//! # Decisions
//!
//! Each of these was once done otherwise somewhere, and somebody paid for it. `docs/adr/` has the reasons, by number.
//!
//! | decision | instead of | because | ADR |
//! | --- | --- | --- | --- |
//! | no daemon | a central process | children would inherit its environment, and it would have to be kept alive and up to date | 0001 |
//! | a guardian per service, forked | signals on exit | a supervisor that is killed runs no exit code | 0002 |
//! | the kernel's locks decide liveness | pids and heartbeats | pids are reused, heartbeats lie for as long as their period | 0003 |
//! | the store is open for one transaction | an open database | redb gives its file to one process at a time | 0004 |
//! | ready is asked of the kernel | connecting, or reading "ready" in the output | both are fooled | 0005 |
//! | a pure state machine | an async task per service | state inside futures cannot be enumerated | 0006 |
//! | the package manager is not started | `npm run` | it takes longer to start than many servers, and stands between them and the terminal | 0007 |
//! | our own shell parser | a crate | an edit needs byte positions, and refusals where shells differ | 0008 |
//! | the terminal stays the user's | pipes | servers behave otherwise without one | 0009 |
//! | two Ctrl-C kill; an echo is none | counting signals | package managers pass on what the terminal has sent already | 0010 |
//! | the catalog is data | code per framework | users have frameworks that we do not know | 0011 |
//! | what asks for its own port is started once more, its listener moved | a preload from the start; giving up | what obeys runs untouched, what does not is helped | 0012 |

mod cli;
mod client;
mod config;
mod control;
pub mod detect;
mod event;
mod exit_code;
pub mod fingerprint;
mod invocation;
pub mod launch;
mod logs;
pub mod paths;
pub mod port;
pub mod process;
pub mod project;
pub mod range;
mod runner;
mod script;
mod session;
mod supervise;
mod ui;
mod visible;

pub use cli::run;

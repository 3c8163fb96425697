//! bowline starts dev servers on the right port and leaves nothing behind. This page is its architecture.
//!
//! In one sentence: *a foreground process detects the framework, reserves a port, starts the dev server under a
//! guardian, proves that this server is the one listening, keeps it running, and gives the port back.* There is no
//! daemon.
//!
//! The program is `main.rs`; everything else is this library, so that tests and documentation can reach it. It is
//! not a public API: users rely on the command line. Public modules are those that tests and benchmarks use.
//!
//! # Words
//!
//! | word | meaning |
//! | --- | --- |
//! | project | a directory with a `package.json`; its id is its path |
//! | workspace | the monorepo root of a project |
//! | framework | an entry of `frameworks.toml`: how it is detected, its range, how it takes its port |
//! | range | the ports from which a framework's projects get theirs |
//! | reservation | port → project, in the store |
//! | lease | a session's reservations, with the file lock that proves they are live |
//! | session | one run of a supervisor |
//! | service | one supervised program; its steps are the pre script, the script and the post script |
//! | kind | what a service is there for: a server listens on its port |
//! | watch, task | kinds without a port: one builds for ever, and is ready at its first build; the other ends, and is then done |
//! | need | a service that another one waits for until it is ready or done |
//! | blocked | not started, as a need has failed, was stopped or is blocked |
//! | supervisor | the process that runs services: the loop |
//! | guardian | the process that is the parent of a service and ends its tree when the supervisor is gone |
//! | lifeline | a pipe whose end-of-file says that the other side is gone |
//! | leader, tree | the first process of a service; all its descendants |
//! | mark | session and project in the environment of every process of a tree |
//! | listener | a socket in the state LISTEN, and the process that has it |
//! | stranger | a process that bowline did not start; never signalled |
//! | ready | a process of the tree listens on the reserved port, and still does a moment later |
//! | event | something that happened, as people and programs are told |
//! | client | a bowline that asks or follows another supervisor |
//! | caller | the process that started bowline; gone when nobody can read the output any more, or when it has ended |
//!
//! # The flow
//!
//! `detect → allocate → reserve → spawn → verify → supervise → release`, from top to bottom in `session/flow.rs`. Each
//! step takes the product of the step before.
//!
//! | step | where | what makes it right |
//! | --- | --- | --- |
//! | read | [`project`] [`config`] [`launch::Reading`] [`script`] | files are read once, at the edge; the script is parsed as the shell would |
//! | detect | [`detect::catalog::Catalog::detect`] | pure over a [`detect::Snapshot`]: a rule never opens a file |
//! | allocate and reserve | [`port::PortRequest`] [`port::Ports::allocate`] | one lock, one durable transaction for all ports of a start: skip live leases, probe, insert, commit. The result is a [`port::Lease`] |
//! | spawn | [`launch::plan()`], [`process::guardian`] | the plan is plain data; the guardian is forked, and executes it |
//! | verify | [`port::listeners`] | asks the kernel *who* listens. A connection would be answered by a stranger too |
//! | supervise | [`supervise::Supervisor`] | one loop turns what the kernel says into inputs of [`supervise::service::Service`], a pure state machine, and its effects into orders |
//! | release | [`port::Lease::release`] | on every path; a lock held by the kernel is the safety net |
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
//! A module imports only modules of a lower rank, never a peer. Files form no import circle.
//! `tests/architecture.rs` checks both, and compares this table with its own.
//!
//! | rank | modules | what the rank is |
//! | --- | --- | --- |
//! | 9 | [`cli`] | what the user typed: parse, resolve once, print, exit code; a file a command |
//! | 8 | [`mcp`] [`session`] | the Model Context Protocol, for coding agents · one supervising process, from projects to outcome; knows no command line |
//! | 7 | [`agents`] [`client`] | what coding agents read of us · other supervisors: find, ask, follow |
//! | 6 | [`invocation`] [`runner`] | how bowline was called, and how it reports failures · the dev servers of another program |
//! | 5 | [`config`] [`control`] [`logs`] [`ui`] | the edges: files, sockets, terminal, protocol |
//! | 4 | [`supervise`] | keeping services running |
//! | 3 | [`event`] [`launch`] | what happened · what to run |
//! | 2 | [`detect`] [`graph`] [`port`] [`workspace`] | which framework · who waits for whom · which port · which packages |
//! | 1 | [`fingerprint`] [`paths`] [`process`] [`project`] [`range`] [`script`] | the OS, the disk, the shell's grammar; knows nothing of us |
//! | 0 | [`exit_code`] [`template`] [`visible`] | the codes that scripts rely on · addresses in texts of bowline.toml · how foreign text is shown |
//!
//! A lower rank that needs something of a higher one declares a trait, which `session` implements:
//! [`supervise::Backend`] (ports and programs), [`supervise::Sink`] (output and events),
//! [`process::guardian::HeldLock`] (the lock of a guardian). An error type belongs to the module that raises it
//! and has a `hint` method; `invocation/failure.rs` alone maps errors to exit codes.
//!
//! # Who decides
//!
//! - **Which framework?** `frameworks.toml`, as data: [`detect`] contains no framework's name.
//! - **Is this reservation live?** The kernel, by a file lock ([`port::SessionState`]). The store only remembers.
//! - **Is the service ready?** The kernel: a descendant of the guardian listens on the reserved port, and still
//!   does a moment later. Then the conditions of bowline.toml, asked of that listener alone.
//! - **http or https?** The server: its output where it is a known one, else a TLS hello to our own listener. Until
//!   it listens, the files and the memory of the last start.
//! - **Is the service gone?** The kernel: the guardian, which adopts all orphans, has no child left, and no
//!   process has the mark.
//! - **Is the caller gone?** The kernel: the output has lost its last reader or, with `--with-parent`, the parent
//!   has ended.
//! - **What happens next?** [`supervise::service::Service::on`] alone. A test walks all short sequences of its
//!   inputs.
//! - **Who may start, and who ends first?** [`graph::Graph`] alone, which knows neither processes nor time. A test walks
//!   every graph of four services.
//! - **What is said?** [`event::What`], one vocabulary for people, `--json`, the control socket, the runner and
//!   logs.
//!
//! # Decisions
//!
//! Each was once made otherwise somewhere, and somebody paid for it. `docs/adr/` has the reasons, by number.
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
//! | two Ctrl-C kill; an echo does not count | counting signals | package managers pass on what the terminal has sent already | 0010 |
//! | the catalog is data | code per framework | users have frameworks that we do not know | 0011 |
//! | a program that asks for its own port is started once more, its listener moved | a preload from the start; giving up | programs that obey run untouched, the others are helped | 0012 |
//! | the caller is gone when nobody reads the output | following the parent process | the parent may be a shell that lives on, or one that ends while its server is meant to stay | 0013 |
//! | a call of a coding agent runs bowline | threads that start and wait | a child can be ended with its call, and answers as the command line does | 0014 |
//! | package scripts beneath a root script are caught by shims | following the listeners of its tree | two servers that want one port have failed by then | 0015 |
//! | services wait for first builds and needs; what cannot start is blocked | starting all at once; ending all | dependents die of what is missing, and hide the cause | 0016 |

mod agents;
mod cli;
mod client;
mod config;
mod control;
pub mod detect;
mod event;
mod exit_code;
pub mod fingerprint;
pub mod graph;
mod invocation;
pub mod launch;
mod logs;
mod mcp;
pub mod paths;
pub mod port;
pub mod process;
pub mod project;
pub mod range;
mod runner;
mod script;
mod session;
mod supervise;
mod template;
mod ui;
mod visible;
pub mod workspace;

pub use cli::run;

//! Keeping services running: one loop over guardians, output, listeners, signals and deadlines.
//!
//! [`service::Service`] decides what happens next; the loop turns what the kernel says into its inputs, and its
//! effects into orders. Everything else that the loop touches is a parameter: ports and programs are a
//! [`Backend`], the processes of a service a [`ProcessTree`], output and events go to a [`Sink`], signals and
//! commands come from [`LoopInputs`], and the clock is the runtime's. `loop_tests` drives it without a process.

mod asking;
mod backend;
mod conditions;
mod console;
mod effects;
mod first_build;
mod input_end;
mod keyboard;
mod keys;
#[cfg(test)]
mod loop_tests;
mod moved;
mod notices;
mod order;
mod orphans;
mod output;
mod overdue;
mod process_tree;
mod readiness;
pub mod restart;
mod run;
mod scheme;
mod scheme_watch;
pub mod service;
mod shared_terminal;
mod signals;
mod start_order;
mod stopped_by;
mod streams;
mod substitute;
mod tail;
mod terminals;
mod told;

pub use backend::{
    Backend, Condition, Control, Description, KeyCommand, KeyboardKind, Misled, Observation, PortOwner,
    Reload, Requested, Review, SchemeAnswer, Sink, Typed,
};
pub use conditions::{Conditions, PageQuestion};
pub use console::Console;
pub use keyboard::Keyboard;
pub use process_tree::{GuardedTree, ProcessTree};
pub use run::{Finished, Interrupt, LoopInputs, Outcome, Supervisor};
pub use shared_terminal::SharedTerminal;
pub use start_order::StartOrder;
pub use streams::Lifeline;
pub use tail::shown_lines;

//! The Model Context Protocol on standard input and output: bowline for coding agents.
//!
//! A line is a JSON-RPC message. [`protocol`] reads it, and knows both eras of the protocol; [`tools`] defines the six
//! tools, and reads their arguments; [`call`] carries out a call, in a thread of its own. Whatever waits is a command
//! of bowline's own with `--json` ([`child`]): it can be ended with its call, and both interfaces give the same
//! answers. [`targets`] says which services a call means, and [`scope`] keeps every call inside the workspace. Services
//! that a call starts are background services, which outlive this process; [`ends`] remembers why they ended.

mod answer;
mod call;
mod child;
mod ends;
mod failed;
mod holder;
mod output;
mod protocol;
mod scope;
mod serve;
mod server;
mod tail;
mod targets;
mod tools;

pub use serve::serve;

//! Processes as the kernel sees them: who one is, what descends from it, how it ends, and the guardian that lets no
//! tree outlive its supervisor.

pub mod descriptors;
mod executable;
mod exit;
pub mod guardian;
mod identity;
pub mod leftovers;
pub mod load;
pub mod memory;
pub mod outlet;
mod program;
pub mod progress;
pub mod readiness;
pub mod signal;
pub mod signals;
mod spawn;
pub mod terminal;
pub mod tree;

pub use executable::executable;
pub use exit::Exit;
pub use identity::{Identity, Process};
pub use nix::sys::signal::Signal;
pub use program::{Program, Stdio};

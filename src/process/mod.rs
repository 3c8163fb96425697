//! Processes as the kernel sees them: identities, trees, signals, and the guardian that lets no tree outlive its
//! supervisor. What differs between systems is in `linux.rs` and `macos.rs`.

pub mod async_fd;
pub mod caller;
pub mod children;
pub mod descriptors;
mod exit;
pub mod guardian;
mod identity;
mod left_terminal;
pub mod leftovers;
#[cfg(target_os = "linux")]
mod linux;
pub mod load;
pub mod local_time;
#[cfg(target_os = "macos")]
pub(crate) mod macos;
pub mod memory;
pub mod nonblocking_writer;
pub mod signal;
pub mod signals;
mod spawn;
mod system;
pub mod terminal;
pub mod tree;

use std::time::Duration;

pub use exit::Exit;
pub use identity::{Identity, Process};
pub use nix::sys::signal::Signal;
pub use spawn::{Program, Stdio};
pub use system::{all_pids, executable, executable_while_running, own_executable, set_name, wait_for_end};

/// The longest grace period of a service that is abandoned: its supervisor was killed, or its caller is gone.
pub const ABANDONED_GRACE: Duration = Duration::from_secs(1);

//! The one list of functions that `linux.rs` and `macos.rs` have, besides `Process::read`, `Identity::since` and
//! `Progress::of`.

#[cfg(target_os = "linux")]
use super::linux as this;
#[cfg(target_os = "macos")]
use super::macos as this;

pub use this::{
    all_pids, children, executable, executable_while_running, own_executable, read_environment, resident,
    set_name, wait_for_end, watch_end,
};

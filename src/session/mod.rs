//! One supervising process, from projects to outcome. It knows no command line.
//!
//! - `flow`: the steps in order · `configured`, `prepared`, `options`, `settings`: their inputs
//! - `selection`: which services a start runs · `configure`: and what these need
//! - `backend`, `reservations`, `port_override`: programs and ports for the loop in [`crate::supervise`], which calls them
//!   through the trait that `loop_backend` implements · `plan`: the launch of a service
//! - `order`: who waits for whom, by bowline.toml and the packages
//! - `reload`: a restart by what the files say now
//! - `obstacle`: reasons why a service will not be ready
//! - `server_scheme`: http or https · `output`, `report`, `outcome`, `conflict`: what others see
//! - `siblings`, `known_sibling`, `told`, `addresses`, `absent`, `usual_ports`, `portless`: what services know of each other
//! - `caught`: scripts beneath one that runs as it is · `script_beside`: several of one package · `joiners`: bowlines that
//!   forward ports for it
//! - `browser`: opens the URL · `nested`: bowline within bowline · `dry_run`: a plan · `framework_locks`: lock files of frameworks

mod absent;
mod addresses;
mod backend;
pub mod browser;
pub mod caught;
mod configure;
mod configured;
mod conflict;
mod dry_run;
mod flow;
mod framework_locks;
mod hooks;
mod inner_sessions;
mod joiners;
mod kind;
mod known_addresses;
mod known_sibling;
mod loop_backend;
mod named_by_port;
mod neighbours;
mod nested;
mod obstacle;
mod options;
mod order;
mod outcome;
mod output;
mod plan;
mod port_override;
mod portless;
mod prepared;
mod reload;
mod report;
mod reservations;
mod review;
mod script_beside;
pub mod selection;
mod server_scheme;
mod settings;
mod siblings;
mod told;
mod usual_ports;

pub use configure::configure;
pub use configured::{Additions, ConfiguredProject, Runnable};
pub use dry_run::dry_run;
pub use flow::{Reserved, Session, prepare};
pub use inner_sessions::remove_lost_shims;
pub use neighbours::live;
pub use nested::become_command;
pub use options::{Options, OrderOptions};
pub use prepared::{Detected, Prepared};
pub use report::{Introduced, Introduction};

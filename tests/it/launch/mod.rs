//! Launches, planned and run.

mod direct;
mod missing;
mod named_port;
mod one_port;
mod package_manager;
mod packages;
mod plans;
mod run;
mod variables;
mod wrapper;

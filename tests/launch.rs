//! Launches, planned and run.

#[path = "launch/direct.rs"]
mod direct;
#[path = "launch/managers.rs"]
mod managers;
#[path = "launch/missing.rs"]
mod missing;
#[path = "launch/package_manager.rs"]
mod package_manager;
#[path = "launch/packages.rs"]
mod packages;
#[path = "launch/plans.rs"]
mod plans;
#[path = "launch/run.rs"]
mod run;
#[path = "launch/support.rs"]
mod support;
#[path = "launch/variables.rs"]
mod variables;

//! One supervising process, from projects to outcome. It knows no command line.

pub mod backend;
pub mod dry_run;
pub mod framework_locks;
pub mod nested;
pub mod opener;
pub mod outcome;
pub mod port_override;
pub mod prepared;
pub mod run;
pub mod subject;

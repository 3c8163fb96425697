//! The packages of a workspace, what they need of each other, and the filters that choose among them.
//!
//! - `packages`: the graph · `edges`: who depends on whom · `links`: what package managers take from a workspace ·
//!   `range`: version ranges
//! - `meaning`: what the root's script starts · `prerequisites`: what has to be done before · `entry`: what a package
//!   lacks · `nx_config`: what nx knows of a project · `nx_target`: how nx serves an app · `json`: files of others ·
//!   `tool_files`: mistakes in them
//! - `filter`: the grammar, which is pnpm's · `select`: what filters mean in a graph · `since`: what git says has changed

mod edges;
mod entry;
mod filter;
mod json;
mod links;
mod meaning;
mod nx_config;
mod nx_target;
mod packages;
mod prerequisites;
mod range;
mod select;
mod since;
mod tool_files;

pub use entry::lacks_entry;
pub use filter::{Filter, FilterError};
pub use meaning::{FanOut, Meaning, PackageRunner, Which, meaning};
pub use nx_target::{NxTarget, nx_project_around, nx_projects, nx_root, nx_target};
pub use packages::Packages;
pub use prerequisites::{FirstTask, PackageScript, Prerequisites, prerequisites};
pub use select::Selected;
pub use tool_files::check_nx;

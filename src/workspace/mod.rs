//! The packages of a workspace, what they need of each other, and the filters that choose among them.
//!
//! - `packages`: the graph · `edges`: who depends on whom · `links`: what package managers take from a workspace ·
//!   `range`: version ranges
//! - `filter`: the grammar, which is pnpm's · `select`: what filters mean in a graph · `since`: what git says has changed

mod edges;
mod filter;
mod links;
mod packages;
mod range;
mod select;
mod since;

pub use filter::{Filter, FilterError};
pub use packages::Packages;
pub use select::Selected;

//! The packages of a workspace, what they need of each other, and the filters that choose among them.
//!
//! - `packages`: the graph · `range`: the version ranges of its edges
//! - `filter`: the grammar, which is pnpm's · `select`: what filters mean in a graph · `since`: what git says has changed

mod filter;
mod meaning;
mod packages;
mod range;
mod select;
mod since;

pub use filter::{Filter, FilterError};
pub use meaning::{FanOut, Meaning, Tool, Which, meaning};
pub use packages::Packages;
pub use select::Selected;

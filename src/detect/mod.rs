//! Which framework a project uses: rules out of [`catalog`], applied to a [`Snapshot`].
//!
//! Nothing here touches the disk. The evidence counts in this order: the command word of the script, files beside
//! package.json, dependencies, a runtime in the script, what stands beside an app. Within each, a framework
//! wins over the tools that it is built on, and the order of the catalog decides the rest, so that every snapshot
//! has exactly one answer.

pub mod catalog;
mod check;
mod detection;
mod embedded;
mod evidence;
mod framework;
mod resolve;
mod snapshot;

pub use self::catalog::Entries;
pub use self::detection::{Detection, Inputs, Remembered};
pub use self::evidence::Tool;
pub use self::snapshot::{Command, Snapshot};
pub use crate::fingerprint::Fingerprint;

//! Which framework a project uses: the rules of [`catalog`], applied to a [`Snapshot`].
//!
//! Detection never touches the disk. The kinds of evidence, strongest first: the command words of the script,
//! files beside package.json, dependencies, a runtime in the script, servers beside an app. Within each kind, a
//! framework beats the tools that it is built on, and the order of the catalog decides the rest, so that every
//! snapshot has exactly one answer.

pub mod catalog;
mod check;
mod companion;
mod detection;
mod embedded;
mod evidence;
mod framework;
mod https_signs;
mod kind;
mod resolve;
mod snapshot;
mod table;

pub use self::catalog::Entries;
pub use self::detection::{Detection, ServerInputs};
pub use self::evidence::Tool;
pub use self::kind::ServiceKind;
pub use self::snapshot::{CommandWords, Snapshot};
pub use self::table::OfTable;
pub use crate::fingerprint::Fingerprint;

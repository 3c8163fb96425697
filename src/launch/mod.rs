//! What to run.
//!
//! [`choose`] finds the package manager, [`Reading::of`] takes the script apart for detection, and [`plan()`] puts
//! the port where the server reads it. The result, a [`LaunchSpec`], is plain data: nothing here starts a process,
//! and only [`Preload::write`] writes a file.

mod caller;
mod changes;
mod environment;
mod error;
mod inner;
mod means;
mod missing;
mod package_manager;
mod package_variables;
mod placement;
mod plan;
mod preload;
mod reading;
mod settings;
mod spec;
mod variables;

pub use caller::Caller;
pub use changes::Changes;
pub use error::Error;
pub use inner::Inherited;
pub use missing::{NOT_EXECUTABLE, NOT_FOUND, explain};
pub use package_manager::{Choice, PackageManager, Source, choose};
pub use plan::{Host, Request, plan};
pub use preload::{Moved, Preload};
pub use reading::{Reading, Target};
pub use spec::{Delivery, LaunchSpec, Step};
pub use variables::{Sibling, url};

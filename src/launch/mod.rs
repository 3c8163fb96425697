//! What to run.

mod caller;
mod changes;
mod environment;
mod package_manager;
mod package_variables;
mod settings;

pub use caller::Caller;
pub use changes::Changes;
pub use package_manager::{Choice, PackageManager, Source, choose};

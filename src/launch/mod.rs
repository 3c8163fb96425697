//! The launch plan: the command, its directory and its environment.
//!
//! [`choose`] finds the package manager, [`Reading::of`] parses the script for detection, and [`plan()`] puts the
//! port where the server reads it. The result, a [`LaunchSpec`], is plain data: nothing here starts a process, and
//! only [`Preload::write`] and [`ScriptShell::write`] write a file.

mod bowline_call;
mod caller;
mod changes;
mod draft;
mod environment;
mod error;
mod file_mentions;
mod imports;
mod inherited;
mod mentions;
mod missing;
mod named_port;
mod node;
mod package_manager;
mod package_variables;
mod placement;
mod plan;
mod preload;
mod project_scripts;
mod reading;
mod request;
mod scheme_signs;
mod script_runner;
mod script_shell;
mod settings;
mod shims;
mod sibling_ports;
mod spec;
mod usual_port;
mod variables;
mod yaml;

pub use bowline_call::{ANSWERS as ANSWERING_COMMANDS, VALUED as VALUED_OPTIONS};
pub use caller::Caller;
pub use changes::Changes;
pub use error::LaunchError;
pub use file_mentions::{FileMention, with_template};
pub use inherited::Inherited;
pub use missing::explain;
pub use named_port::{NamedPort, UsualPort};
pub use package_manager::{ChosenManager, Source, choose};
pub use plan::plan;
pub use preload::{MovedListener, Preload, Remark};
pub use project_scripts::OwnScripts;
pub use reading::{Reading, Target};
pub use request::{Host, LaunchRequest, Sibling, SiblingPort};
pub use scheme_signs::SchemeSigns;
pub use script_shell::ScriptShell;
pub use shims::{
    RUN_IN_WORKSPACE, SCRIPT_SHELL, SHELL_OF_BUN, ShimCall, Shims, exec_with_shims, shim_arguments,
    variables as shim_variables, without as without_shims,
};
pub use sibling_ports::{TextPort, ports_in_value, present_value};
pub use spec::{Delivery, LaunchSpec, Step};
pub use variables::url_variable;

pub use crate::script::PackageManager;

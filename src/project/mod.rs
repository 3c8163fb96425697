//! A project and its manifest, and the workspace that it belongs to.

mod directory;
mod env_file;
mod error;
mod file;
mod manifest;
mod name;
mod presence;
mod similar;
mod version;
mod workspace;

pub use self::directory::{
    DEV_SCRIPTS, Project, SERVICE_MARK, defining_directory, service_id, service_parts,
};
pub use self::env_file::{value as env_file_value, variables as env_file_variables};
pub use self::error::{FileError, ProjectError};
pub use self::file::{
    beginning as read_beginning, read as read_file, text as read_text, text_if_any as read_text_if_any,
};
pub use self::manifest::Manifest;
pub use self::name::{called, goes_by, last_part};
pub use self::presence::{DirectoryId, HeldDirectory, Presence};
pub use self::similar::{choose_name, similar};
pub use self::version::lowest_version;
pub use self::workspace::Workspace;

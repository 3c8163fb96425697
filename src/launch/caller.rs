//! Where and by whom bowline was called: all that a plan may know besides the project.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The surroundings that a launched command inherits.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The directory that the user is in: what scripts see as `INIT_CWD`.
    pub directory: PathBuf,
    /// The environment.
    pub variables: BTreeMap<OsString, OsString>,
    /// Whether standard output is a terminal.
    pub terminal: bool,
}

impl Caller {
    /// A variable that is set, not empty, and readable as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.raw(name)?.to_str().filter(|value| !value.is_empty())
    }

    /// A variable that is set, whatever it holds.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The user's home directory.
    pub(super) fn home(&self) -> Option<&Path> {
        self.raw("HOME").filter(|home| !home.is_empty()).map(Path::new)
    }

    /// Where the user's programs keep their settings.
    pub(super) fn config_home(&self) -> Option<PathBuf> {
        let named = self.raw("XDG_CONFIG_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        named.or_else(|| Some(self.home()?.join(".config")))
    }

    /// Where the shell would find `program`.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        which::which_in(program, Some(self.raw("PATH")?), &self.directory).ok()
    }

    /// The name and version of the package manager whose script or `exec` bowline runs in.
    pub(super) fn invoker(&self) -> Option<(&str, &str)> {
        self.text("npm_config_user_agent")?.split_whitespace().next()?.split_once('/')
    }
}

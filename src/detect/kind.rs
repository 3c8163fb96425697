//! What a service is there for, which decides when it is ready, and what its end means.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ServiceKind {
    /// Listens on a port; ready when it does.
    #[default]
    Server,
    /// Builds whenever a file changes, and has no port; ready at its first build.
    Watch,
    /// Ends, and is done with exit code 0.
    Task,
}

impl ServiceKind {
    /// Its word, as in the JSON form.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Watch => "watch",
            Self::Task => "task",
        }
    }
}

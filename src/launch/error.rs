//! What keeps a project from being launched.

/// A launch that cannot be planned, or that ended before the program ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A script that does nothing but start bowline for itself.
    #[error("the script `{name}` starts bowline, which would run the script `{name}` again: `{text}`")]
    Recursive {
        /// The script.
        name: String,
        /// What stands in it.
        text: String,
    },
    /// `exec` without a command.
    #[error("no command to run")]
    NoCommand,
    /// Status 127.
    #[error("command not found: `{program}`")]
    NotFound {
        /// The missing program.
        program: String,
        /// How to get it.
        advice: Option<String>,
    },
    /// Status 126.
    #[error("command not executable: `{program}`")]
    NotExecutable {
        /// The program.
        program: String,
        /// How to mend it.
        advice: Option<String>,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Recursive { .. } => {
                Some("name the dev server in the script, as in `bowline exec -- vite`".to_owned())
            }
            Self::NoCommand => Some("give it after `--`, as in `bowline exec -- vite`".to_owned()),
            Self::NotFound { advice, .. } | Self::NotExecutable { advice, .. } => advice.clone(),
        }
    }
}

//! Failures of a launch before its program runs.

/// A launch that cannot be planned, or that ended before the program ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// A script that only starts bowline for itself.
    #[error("the script `{name}` starts bowline, which would run the script `{name}` again: `{text}`")]
    Recursive {
        /// The script's key in package.json.
        name: String,
        /// The script.
        text: String,
    },
    /// `exec` without a command.
    #[error("no command to run")]
    NoCommand,
    /// Status 127.
    #[error("command not found: `{program}`")]
    NotFound {
        /// The missing program, as the script writes it.
        program: String,
        /// How to get it.
        advice: String,
    },
    /// Status 126.
    #[error("command not executable: `{program}`")]
    NotExecutable {
        /// The program, as the script writes it.
        program: String,
        /// How to mend it.
        advice: String,
    },
}

impl LaunchError {
    /// Advice for the user.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Recursive { .. } => {
                "name the dev server in the script, as in `bowline exec -- vite`".to_owned()
            }
            Self::NoCommand => "give it after `--`, as in `bowline exec -- vite`".to_owned(),
            Self::NotFound { advice, .. } | Self::NotExecutable { advice, .. } => advice.clone(),
        })
    }
}

//! Failures of a launch before its program runs.

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// A script that only starts bowline for itself.
    #[error("the script `{name}` starts bowline, which would run the script `{name}` again: `{text}`")]
    Recursive { name: String, text: String },
    /// A `command` that only starts bowline for itself.
    #[error("the command in bowline.toml starts bowline, which would run that command again: `{text}`")]
    RecursiveCommand { text: String },
    #[error("no command to run")]
    NoCommand,
    /// Status 127.
    #[error("command not found: `{program}`")]
    NotFound { program: String, advice: String },
    /// Status 126.
    #[error("command not executable: `{program}`")]
    NotExecutable { program: String, advice: String },
}

impl LaunchError {
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Recursive { .. } => {
                "name the dev server in the script, as in `bowline exec -- vite`".to_owned()
            }
            Self::RecursiveCommand { .. } => "name the dev server in the command, as in `vite`".to_owned(),
            Self::NoCommand => "give it after `--`, as in `bowline exec -- vite`".to_owned(),
            Self::NotFound { advice, .. } | Self::NotExecutable { advice, .. } => advice.clone(),
        })
    }
}

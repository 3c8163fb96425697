//! Why a script cannot be parsed, and why a command in it cannot be changed.

/// Why a script could not be understood. `at` is a byte offset in its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("{what} is not closed, at byte {at} of the script")]
    Unclosed { what: &'static str, at: usize },
    #[error("unexpected `{what}` at byte {at} of the script")]
    Unexpected { what: String, at: usize },
    /// Shells disagree about the construct, or it hides which programs run.
    #[error("`{what}` at byte {at} of the script means different things to different shells")]
    Unsupported { what: String, at: usize },
    #[error("commands are nested too deeply at byte {at} of the script")]
    TooDeep { at: usize },
}

impl ParseError {
    pub(super) fn unsupported(what: &str, at: usize) -> Self {
        Self::Unsupported { what: what.to_owned(), at }
    }

    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unclosed { .. } | Self::Unexpected { .. } => {
                "run the script with `sh -n -c` to see what the shell says"
            }
            Self::Unsupported { .. } | Self::TooDeep { .. } => {
                "move the dev server's command into a script of its own"
            }
        }
    }
}

/// Why a leaf's command line cannot be changed with certainty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    #[error("the command starts others that cannot be seen from the script")]
    Opaque,
    #[error("the command is part of the shell")]
    Builtin,
    #[error("a program before the command takes its flags for its own")]
    Swallowed,
    #[error("the command is put together from several parts when it runs")]
    Assembled,
    /// Flags may be among the arguments that only the running shell knows.
    #[error("the command's arguments are known only to the running shell")]
    Dynamic,
    #[error("the value of the port flag is not a number")]
    Value,
    #[error("the variable is set for several commands at once")]
    Shared,
    #[error("quotes open or close within the part to change")]
    Quoting,
    /// The manager replaces node (`bun --bun run x`), so the script's text cannot replace its call.
    #[error("the script is run with another runtime than its text says")]
    Runtime,
    /// More than arguments would have to change, and another package's text cannot be put into this package's
    /// script.
    #[error("the script is another package's")]
    OtherPackage,
    /// The list takes only names, not commands: `run-p web api`.
    #[error("the script is called by name from a list of names")]
    Listed,
}

impl RewriteError {
    pub fn hint(self) -> &'static str {
        match self {
            Self::Opaque
            | Self::Builtin
            | Self::Assembled
            | Self::Quoting
            | Self::Dynamic
            | Self::Shared
            | Self::Listed
            | Self::Runtime => {
                "give the dev server's command a script of its own and name it with `--script`"
            }
            Self::Swallowed => "write `--` before the command in the script",
            Self::OtherPackage => "run bowline in that package, or leave the port out of its script",
            Self::Value => "write the port in the script as a number",
        }
    }
}

//! Colours, if the user and the terminal want them.

use std::fmt::Display;

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// When stderr is a terminal and `NO_COLOR` is not set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How bowline's own lines look.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colored: bool,
}

impl Style {
    /// The style for a stream that is or is not a terminal.
    pub fn new(choice: ColorChoice, terminal: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colored = match choice {
            ColorChoice::Auto => terminal && !plain,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        Self { colored }
    }

    /// What stands before every line of bowline's own.
    pub fn name(self) -> String {
        self.paint("1;36", "bowline")
    }

    /// Something that went wrong.
    pub fn error(self, text: impl Display) -> String {
        self.paint("1;31", text)
    }

    /// Something to look at.
    pub fn warning(self, text: impl Display) -> String {
        self.paint("1;33", text)
    }

    /// A URL, or a command to type.
    pub fn strong(self, text: impl Display) -> String {
        self.paint("1", text)
    }

    /// By the codes of "select graphic rendition" (ECMA-48).
    fn paint(self, codes: &str, text: impl Display) -> String {
        if self.colored { format!("\x1b[{codes}m{text}\x1b[0m") } else { text.to_string() }
    }
}

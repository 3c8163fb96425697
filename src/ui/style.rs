//! Colours, unless the user or the terminal wants none.

use std::fmt::Display;

use crate::visible;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// When stderr is a terminal and `NO_COLOR` is not set.
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug)]
pub struct Style {
    colored: bool,
    /// Whether the user wants colours anywhere.
    always: bool,
}

impl Style {
    pub fn new(choice: ColorChoice, terminal: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colored = match choice {
            ColorChoice::Auto => terminal && !plain,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        Self { colored, always: choice == ColorChoice::Always }
    }

    /// The style of what is written to another place than stderr, which may be a terminal.
    pub fn at(self, terminal: bool) -> Self {
        Self { colored: self.colored && (terminal || self.always), ..self }
    }

    /// The word for [`ColorChoice`] that makes this style anywhere.
    pub fn when(self) -> &'static str {
        if self.colored { "always" } else { "never" }
    }

    /// The beginning of every line of bowline's own.
    pub fn name(self) -> String {
        self.paint("1;36", "bowline")
    }

    pub fn error(self, text: impl Display) -> String {
        self.paint("1;31", text)
    }

    pub fn warning(self, text: impl Display) -> String {
        self.paint("1;33", text)
    }

    /// A URL, or a command to type.
    pub fn strong(self, text: impl Display) -> String {
        self.paint("1", text)
    }

    /// The name of a service, in this colour of the palette.
    pub fn service(self, colour: usize, name: impl Display) -> String {
        self.paint(COLOURS[colour % COLOURS.len()], name)
    }

    /// What is there for the eye alone, as the stroke between a name and a line.
    pub fn faint(self, text: impl Display) -> String {
        self.paint("2", text)
    }

    /// `codes` select a graphic rendition (SGR, ECMA-48).
    fn paint(self, codes: &str, text: impl Display) -> String {
        if self.colored { format!("{MARK}{codes}m{text}{MARK}{PLAIN}m") } else { text.to_string() }
    }
}

/// Foreground colours that are legible on black and on white.
pub(super) const COLOURS: [&str; 6] = ["36", "35", "32", "33", "34", "31"];

/// Stands for the escape character of bowline's own codes until a line is written, so that [`rendered`] can escape
/// all others, which come from names and paths.
const MARK: char = '\u{fdd0}';
const PLAIN: &str = "0";
const CODES: [&str; 12] = [PLAIN, "1", "2", "1;31", "1;33", "1;36", "31", "32", "33", "34", "35", "36"];

/// A line of bowline's own as it is written: with its colour codes, and all other control characters escaped.
pub(super) fn rendered(line: &str) -> String {
    let mut parts = line.split(MARK);
    let mut text = visible::lines(parts.next().unwrap_or_default()).into_owned();
    for part in parts {
        match part.split_once('m').filter(|(codes, _)| CODES.contains(codes)) {
            Some((codes, rest)) => text.push_str(&format!("\x1b[{codes}m{}", visible::lines(rest))),
            None => text.push_str(&visible::lines(part)),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_stay_out_of_what_is_no_terminal_unless_they_are_wanted() {
        let is_plain = |choice, stderr, other| Style::new(choice, stderr).at(other).name() == "bowline";
        assert!(is_plain(ColorChoice::Auto, true, false) && is_plain(ColorChoice::Never, true, true));
        assert!(!is_plain(ColorChoice::Always, false, false));
    }

    #[test]
    fn only_the_known_codes_are_sent() {
        let style = Style::new(ColorChoice::Always, false);
        let line = format!("{} {}", style.error("error:"), "a\x1b[31mRED\u{fdd0}8mhidden\nnext");
        assert_eq!(rendered(&line), "\x1b[1;31merror:\x1b[0m a\\u001b[31mRED8mhidden\nnext");
        let styled =
            [style.name(), style.warning(""), style.strong(""), style.error(""), style.faint("")].concat();
        let prefixes: String = (0..6).map(|index| style.service(index, "")).collect();
        assert!(!rendered(&(styled + &prefixes)).contains('\\'), "every code is known");
        assert_eq!(rendered(&style.service(0, "")).matches('\x1b').count(), 2);
    }
}

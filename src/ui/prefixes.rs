//! The beginning of each line of several services.

use super::columns::{columns, fitting};
use super::labels;
use super::style::{COLOURS, Style, rendered};
use crate::process::local_time;
use crate::visible;

/// What stands before each line of one of several services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Prefix {
    /// The name of the service
    #[default]
    Name,
    /// The time, and the name
    Time,
    /// Nothing
    None,
}

/// The fewest columns that a name is cut to, where the window is narrow.
const NARROWEST: usize = 3;

#[derive(Debug)]
pub(super) struct Prefixes {
    choice: Prefix,
    style: Style,
    labels: Vec<String>,
    colours: Vec<usize>,
    /// Between the name and the line.
    stroke: &'static str,
    /// What stands before the lines of each service, without the time.
    texts: Vec<String>,
    width: usize,
}

impl Prefixes {
    /// For services with these names and directories.
    pub fn new(services: &[(String, String)], choice: Prefix, style: Style) -> Self {
        let labels: Vec<String> =
            labels::shortest(services).iter().map(|label| visible::line(label).into_owned()).collect();
        let colours = labels::colours(&labels, COLOURS.len());
        let stroke = if is_utf8(|name| std::env::var(name).ok()) { "│" } else { "|" };
        let mut prefixes = Self { choice, style, labels, colours, stroke, texts: Vec::new(), width: 0 };
        prefixes.fit(None);
        prefixes
    }

    /// Fits the names to a window of this many columns: they take at most half of it.
    pub fn fit(&mut self, window: Option<usize>) {
        let longest = self.labels.iter().map(|label| columns(label)).max().unwrap_or_default();
        let room = window.map_or(longest, |columns| (columns / 2).saturating_sub(3).max(NARROWEST));
        self.width = longest.min(room);
        self.texts = (0..self.labels.len()).map(|service| self.text(service)).collect();
    }

    fn text(&self, service: usize) -> String {
        if self.choice == Prefix::None {
            return String::new();
        }
        let label = &self.labels[service];
        let width = self.width;
        let label = if columns(label) > width && self.stroke == "│" {
            format!("{}…", fitting(label, width - 1))
        } else {
            fitting(label, width).to_owned()
        };
        let padding = " ".repeat(width.saturating_sub(columns(&label)));
        let name = self.style.service(self.colours[service], label);
        rendered(&format!("{name}{padding} {} ", self.style.faint(self.stroke)))
    }

    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The name in its colour.
    pub fn coloured(&self, service: usize) -> String {
        self.style.service(self.colours[service], &self.labels[service])
    }

    /// Appends what stands before a line of the service.
    pub fn begin(&self, service: usize, line: &mut Vec<u8>) {
        if self.choice == Prefix::Time {
            let time = local_time::clock().unwrap_or_default();
            line.extend_from_slice(rendered(&self.style.faint(time)).as_bytes());
            line.push(b' ');
        }
        line.extend_from_slice(self.texts[service].as_bytes());
    }

    /// What stands before a line of bowline's own about the service.
    pub fn own(&self, service: usize) -> Vec<u8> {
        let mut line = Vec::new();
        if self.choice == Prefix::None {
            let text = format!("{}  {}: ", self.style.name(), self.labels[service]);
            return rendered(&text).into_bytes();
        }
        self.begin(service, &mut line);
        line
    }

    /// How many columns it takes.
    pub fn columns(&self) -> usize {
        match self.choice {
            Prefix::Name => self.width + 3,
            Prefix::Time => self.width + 3 + "00:00:00 ".len(),
            Prefix::None => 0,
        }
    }
}

/// Whether the terminal is to be sent UTF-8, as POSIX has it: the first of these that is set decides.
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    let locale = set.unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::ColorChoice;

    fn prefixes(choice: Prefix) -> Prefixes {
        let services = ["@acme/web", "@acme/backoffice"].map(|name| (name.to_owned(), String::new()));
        let mut prefixes = Prefixes::new(&services, choice, Style::new(ColorChoice::Never, false));
        prefixes.stroke = "│";
        prefixes.fit(None);
        prefixes
    }

    fn of(prefixes: &Prefixes, service: usize) -> String {
        let mut line = Vec::new();
        prefixes.begin(service, &mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn names_are_aligned_and_cut_in_a_narrow_window() {
        let mut prefixes = prefixes(Prefix::Name);
        assert_eq!([of(&prefixes, 0), of(&prefixes, 1)], ["web        │ ", "backoffice │ "]);
        assert_eq!(prefixes.columns(), 13);
        prefixes.fit(Some(20));
        assert_eq!([of(&prefixes, 0), of(&prefixes, 1)], ["web     │ ", "backof… │ "]);
        assert_eq!(prefixes.columns(), 10);
        prefixes.fit(Some(3));
        assert_eq!(of(&prefixes, 1), "ba… │ ");
        prefixes.labels = vec!["日本語".to_owned(), "web".to_owned()];
        prefixes.fit(None);
        assert_eq!([of(&prefixes, 0), of(&prefixes, 1)], ["日本語 │ ", "web    │ "]);
        prefixes.fit(Some(16));
        assert_eq!([of(&prefixes, 0), of(&prefixes, 1)], ["日本… │ ", "web   │ "]);
    }

    #[test]
    fn the_time_stands_before_the_name_and_nothing_says_nothing() {
        let timed = of(&prefixes(Prefix::Time), 0);
        assert_eq!(timed[8..].to_owned(), " web        │ ", "{timed}");
        let digits: Vec<bool> = timed[..8].chars().map(|sign| sign.is_ascii_digit()).collect();
        assert_eq!(digits, [true, true, false, true, true, false, true, true]);
        let none = prefixes(Prefix::None);
        assert_eq!(of(&none, 0), "");
        assert_eq!(none.own(0), b"bowline  web: ", "bowline says of whom it speaks");
    }

    #[test]
    fn the_locale_decides_about_the_stroke() {
        for (variables, expected) in [
            (&[("LANG", "C.UTF-8")][..], true),
            (&[("LANG", "de_DE.utf8")], true),
            (&[("LC_ALL", "C"), ("LANG", "C.UTF-8")], false),
            (&[("LC_ALL", ""), ("LC_CTYPE", "en_US.UTF-8"), ("LANG", "C")], true),
            (&[("LANG", "de_DE.ISO-8859-1")], false),
            (&[], false),
        ] {
            let look = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(is_utf8(look), expected, "{variables:?}");
        }
    }
}

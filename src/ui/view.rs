//! The part of several services that the user looks at, and what the user's keys do.

use super::keys::{Asked, Deed, Keys};
use super::recent::Recent;
use super::screen::Screen;
use super::style::{Style, rendered};
use crate::supervise::KeyCommand;
use crate::visible;

/// Clears the window, and leaves what has scrolled out of it.
const CLEAR: &[u8] = b"\x1b[H\x1b[2J";
/// As many empty lines as most windows have rows, for a terminal that cannot be cleared.
const ROWS: usize = 50;

/// What the keys do.
const KEYS: [(&str, &str); 8] = [
    ("1-9 /name", "show one alone"),
    ("0", "show all"),
    ("r", "restart"),
    ("s", "stop or start"),
    ("o", "open in a browser"),
    ("i", "give one the keyboard, until Ctrl-]"),
    ("c", "clear"),
    ("q", "end all"),
];

/// The rows that must be left beside the help: that of the cursor, and one for a line that is broken.
const ROOM: usize = 2;

/// One service, as the user is told of it.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub recent: Recent,
    pub url: Option<String>,
    pub has_ended: bool,
    /// It had the terminal for itself when it wrote last, so that what has no end yet was seen.
    pub is_seen: bool,
}

#[derive(Debug)]
pub(super) struct View {
    keys: Keys,
    style: Style,
    pub services: Vec<Told>,
    /// The service that is shown alone.
    pub alone: Option<usize>,
    /// The service that has the keyboard.
    pub lent_to: Option<usize>,
    /// How many lines of other services were not shown.
    hidden: u64,
}

impl View {
    pub fn new(style: Style, count: usize) -> Self {
        let services = (0..count).map(|_| Told::default()).collect();
        Self { keys: Keys::default(), style, services, alone: None, lent_to: None, hidden: 0 }
    }

    /// Keeps a line of a service, or a part of one. Returns whether it is shown now.
    pub fn keep(&mut self, service: usize, text: &[u8], is_end: bool) -> bool {
        self.services[service].recent.push(text, is_end);
        let is_shown = self.shows(service);
        let is_hidden = self.lent_to.or(self.alone).is_some_and(|shown| shown != service);
        self.hidden += u64::from(is_hidden && is_end);
        is_shown
    }

    /// Whether lines of the service are shown.
    pub fn shows(&self, service: usize) -> bool {
        self.lent_to.or(self.alone).is_none_or(|shown| shown == service) && self.lent_to.is_none()
    }

    fn say(&self, screen: &mut Screen, text: &str) {
        screen.write_own(rendered(&format!("{}  {text}", self.style.name())).as_bytes());
    }

    pub fn introduce(&self, screen: &mut Screen) {
        self.say(screen, &format!("press {} for the keys", self.style.strong("?")));
    }

    /// Does what these keys ask for, and returns what the loop is to do.
    pub fn read(&mut self, keys: &[u8], screen: &mut Screen) -> Vec<KeyCommand> {
        let asked = self.keys.read(keys, screen.prefixes.labels(), self.alone);
        asked.into_iter().filter_map(|asked| self.answer(asked, screen)).collect()
    }

    fn answer(&mut self, asked: Asked, screen: &mut Screen) -> Option<KeyCommand> {
        match asked {
            Asked::Help => self.help(screen),
            Asked::ShowAll => self.show_all(screen),
            Asked::Do(Deed::Show, service) => self.show(service, screen),
            Asked::Do(Deed::Restart, service) => return Some(KeyCommand::Restart(service)),
            Asked::Do(Deed::StopOrStart, service) => return Some(KeyCommand::StopOrStart(service)),
            Asked::Do(Deed::Open, service) => return Some(KeyCommand::Open(service)),
            Asked::Do(Deed::GiveKeyboard, service) => return Some(KeyCommand::GiveKeyboard(service)),
            Asked::End => return Some(KeyCommand::End),
            Asked::Choose(deed) => self.choose(deed, screen),
            Asked::Typed(typed) => {
                let line = typed.map(|typed| format!("{}  {}", self.style.name(), visible::line(&typed)));
                screen.show_typed(line.map(|line| rendered(&line)));
            }
            Asked::NotOne(name) => {
                let names = screen.prefixes.labels().join(", ");
                self.say(screen, &format!("not one service is meant by `{name}`: {names}"));
            }
            Asked::GivenUp => self.say(screen, "nothing is done"),
            Asked::Clear if screen.can_erase => screen.write_raw(CLEAR),
            Asked::Clear => screen.write_raw("\n".repeat(ROWS).as_bytes()),
            Asked::EmptyLine => screen.write_raw(b"\n"),
            Asked::Unknown(key) => {
                self.say(
                    screen,
                    &format!("`{key}` does nothing; press {} for the keys", self.style.strong("?")),
                );
            }
        }
        None
    }

    fn help(&self, screen: &mut Screen) {
        for (service, told) in self.services.iter().enumerate() {
            let number = if service < 9 { (service + 1).to_string() } else { "/".to_owned() };
            let condition = match &told.url {
                _ if told.has_ended => "   has ended".to_owned(),
                Some(url) => format!("   {url}"),
                None => String::new(),
            };
            let name = screen.prefixes.coloured(service);
            self.say(screen, &format!("{} {name}{condition}", self.style.strong(number)));
        }
        // In a window that is too low, they would scroll away.
        if screen.height().is_some_and(|rows| rows < self.services.len() + KEYS.len() + ROOM) {
            let keys = KEYS.iter().map(|(keys, what)| format!("{} {what}", self.style.strong(keys)));
            return self.say(screen, &keys.collect::<Vec<_>>().join(" · "));
        }
        for (keys, what) in KEYS {
            let padding = " ".repeat("1-9 /name".len() - keys.len());
            self.say(screen, &format!("{}{padding}  {what}", self.style.strong(keys)));
        }
    }

    fn choose(&self, deed: Deed, screen: &mut Screen) {
        let verb = match deed {
            Deed::Show => "show",
            Deed::Restart => "restart",
            Deed::StopOrStart => "stop or start",
            Deed::Open => "open",
            Deed::GiveKeyboard => "give the keyboard to",
        };
        let labels = screen.prefixes.labels().iter().enumerate();
        let name = |(service, label): (usize, &String)| match service {
            0..9 => format!("{} {label}", service + 1),
            _ => label.clone(),
        };
        let names = labels.map(name).collect::<Vec<_>>().join(", ");
        self.say(screen, &format!("{verb} which? {names}, or /name (Esc: none)"));
    }

    fn show(&mut self, service: usize, screen: &mut Screen) {
        if self.alone == Some(service) {
            return;
        }
        (self.alone, self.hidden) = (Some(service), 0);
        let name = screen.prefixes.coloured(service);
        self.say(screen, &format!("{name} alone; {} shows all", self.style.strong("0")));
        let mut text = Vec::new();
        for line in self.services[service].recent.lines() {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        screen.write_raw(&text);
    }

    fn show_all(&mut self, screen: &mut Screen) {
        if self.alone.take().is_some() {
            let hidden = std::mem::take(&mut self.hidden);
            let missed = match hidden {
                0 => String::new(),
                1 => "; 1 line of the others is in `bowline logs`".to_owned(),
                _ => format!("; {hidden} lines of the others are in `bowline logs`"),
            };
            self.say(screen, &format!("all services{missed}"));
        }
    }

    /// The service has the keyboard and the terminal for itself from now on, or none has it any more.
    pub fn lend(&mut self, service: Option<usize>, unfinished: &[u8], screen: &mut Screen) {
        if let Some(service) = service {
            let name = screen.prefixes.coloured(service);
            let key = self.style.strong("Ctrl-]");
            self.say(screen, &format!("{name} has the keyboard; {key} takes it back"));
            screen.lend(true);
            screen.pass(crate::event::Stream::Stdout, unfinished);
        } else if self.lent_to.is_some() {
            screen.lend(false);
            self.say(screen, "the keyboard is yours again");
        }
        if let Some(before) = std::mem::replace(&mut self.lent_to, service) {
            self.services[before].is_seen = true;
        }
    }
}

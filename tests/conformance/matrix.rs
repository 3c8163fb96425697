//! The ways to go, and the servers that are hard to end.

use std::fmt;

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Normal,
    IgnoresSignals,
    Setsid,
    DoubleFork,
    LeaderLeaves,
}

/// How the launcher goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Term,
    Int,
    Hup,
    Quit,
    CtrlC,
    TerminalClosed,
    KillLauncher,
    KillCaller,
    KillGuardian,
    KillBoth,
}

/// Where the launcher runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Terminal,
    Pipes,
}

/// One combination.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub shape: Shape,
    pub way: Way,
    pub place: Place,
}

impl Shape {
    pub const ALL: [Self; 5] =
        [Self::Normal, Self::IgnoresSignals, Self::Setsid, Self::DoubleFork, Self::LeaderLeaves];

    /// The stand-in server's options.
    pub fn options(self) -> &'static str {
        match self {
            Self::Normal => "",
            Self::IgnoresSignals => "--ignore TERM --ignore INT --ignore HUP --ignore QUIT",
            Self::Setsid => "--setsid",
            Self::DoubleFork => "--daemonize",
            Self::LeaderLeaves => "--leader-leaves",
        }
    }

    /// The letter that stands for it in the table.
    pub fn letter(self) -> char {
        match self {
            Self::Normal => 'n',
            Self::IgnoresSignals => 'i',
            Self::Setsid => 's',
            Self::DoubleFork => 'd',
            Self::LeaderLeaves => 'l',
        }
    }
}

impl Way {
    pub const ALL: [Self; 10] = [
        Self::Term,
        Self::Int,
        Self::Hup,
        Self::Quit,
        Self::CtrlC,
        Self::TerminalClosed,
        Self::KillLauncher,
        Self::KillCaller,
        Self::KillGuardian,
        Self::KillBoth,
    ];

    /// The head of its column.
    pub fn title(self) -> &'static str {
        match self {
            Self::Term => "TERM",
            Self::Int => "INT",
            Self::Hup => "HUP",
            Self::Quit => "QUIT",
            Self::CtrlC => "Ctrl-C",
            Self::TerminalClosed => "terminal closed",
            Self::KillLauncher => "KILL",
            Self::KillCaller => "the caller is killed",
            Self::KillGuardian => "KILL of the guardian",
            Self::KillBoth => "KILL of both",
        }
    }

    /// Whether there is such a thing there.
    pub fn exists(self, place: Place, guarded: bool) -> bool {
        match self {
            Self::Term | Self::Int | Self::Hup | Self::Quit | Self::KillLauncher => true,
            Self::CtrlC | Self::TerminalClosed => place == Place::Terminal,
            // A caller with a terminal takes that along.
            Self::KillCaller => place == Place::Pipes,
            Self::KillGuardian | Self::KillBoth => guarded,
        }
    }
}

impl Place {
    pub const ALL: [Self; 2] = [Self::Terminal, Self::Pipes];
}

/// Every combination there is, `guarded` for a launcher that has a guardian.
pub fn cells(guarded: bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    for place in Place::ALL {
        for way in Way::ALL.into_iter().filter(|way| way.exists(place, guarded)) {
            cells.extend(Shape::ALL.map(|shape| Cell { shape, way, place }));
        }
    }
    cells
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {:?}, {:?}", self.shape, self.way, self.place)
    }
}

//! An inclusive span of ports.

use std::fmt;

/// An inclusive span of TCP ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Range {
    /// The first port, which is also the default one.
    pub start: u16,
    /// The last port, never below `start`.
    pub end: u16,
}

impl Range {
    /// `None` if `start` is 0 or above `end`.
    pub fn new(start: u16, end: u16) -> Option<Self> {
        (start != 0 && start <= end).then_some(Self { start, end })
    }

    /// Whether `port` lies in the range.
    pub fn contains(self, port: u16) -> bool {
        (self.start..=self.end).contains(&port)
    }
}

/// All ports.
impl Default for Range {
    fn default() -> Self {
        Self { start: 1, end: u16::MAX }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.end)
    }
}

//! The state of one shell, as far as it matters to the commands that follow.

use super::error::RewriteError;
use super::frame::Frame;
use super::leaf::{Assignment, LeafEnvironment};

#[derive(Clone, Default)]
pub(super) struct Scope {
    pub frames: Vec<Frame>,
    pub assignments: Vec<Assignment>,
    pub environment: LeafEnvironment,
    /// The working directory is not the package's any more, so that a script's name means another package's.
    pub moved: bool,
    /// The working directory then, relative to the package, if it is known.
    pub directory: Option<String>,
    /// Why the commands cannot be changed.
    pub fixed: Option<RewriteError>,
    /// Where the wrapper of the one command here needs `--` before it lets flags through.
    pub separator: Option<usize>,
}

impl Scope {
    pub fn new(text: &str) -> Self {
        Self { frames: vec![Frame::new(None, text.to_owned())], ..Self::default() }
    }

    /// How many scripts and quoted texts lie within each other here.
    pub fn nesting(&self) -> usize {
        self.frames.iter().map(|frame| 1 + frame.quoted.len()).sum()
    }
}

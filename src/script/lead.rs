//! The way to a leaf: where the script runs several commands side by side, and where variables can stand in front of
//! the command that leads to it.

/// A place where several commands are started, and the one of them that leads to a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lane {
    /// The same for all commands of the place.
    pub fork: usize,
    /// The command's position among them.
    pub index: usize,
    /// The next command does not wait for this one.
    pub goes_on: bool,
}

/// A command on the way to a leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lead {
    /// The same for all leaves that the command leads to.
    pub id: usize,
    pub front: Front,
    /// The environment that the command inherits.
    pub environment: LeafEnvironment,
}

/// Where variables for a command can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// In the text at this frame and level, before the byte `at`.
    Text { place: (usize, usize), at: usize },
    /// In the shell that runs the script which the frame of this index calls by name.
    Call { frame: usize },
}

/// The script's changes to the environment that a leaf inherits, assignments apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeafEnvironment {
    /// The leaf inherits nothing: `env -i`, `sudo`.
    pub cleared: bool,
    /// Variables that the leaf does not inherit: `env -u PORT`, `unset PORT`.
    pub removed: Vec<String>,
    /// A file of assignments is read first: `. ./.env`, `dotenv --`, `export $(cat .env)`.
    pub files: bool,
}

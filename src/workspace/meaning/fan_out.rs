//! What a root's script says.

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Starts scripts of packages, and nothing else.
    Packages(Vec<FanOut>),
    /// Is a server of the root.
    Root,
    /// Has to be run as it is.
    Script { reason: String },
}

/// A command that starts one script in packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FanOut {
    pub tool: PackageRunner,
    /// The script, or target, that is started in each package.
    pub script: String,
    pub which: Which,
    /// Whether the root is one of the packages.
    pub with_root: bool,
    /// Whether packages that are `private` are left out.
    pub only_public: bool,
    /// Arguments for each script.
    pub arguments: Vec<String>,
    /// The variables that the root's script sets, in alphabetical order.
    pub environment: Vec<(String, String)>,
    /// The names of the root's scripts that lead to the command, outermost first.
    pub chain: Vec<String>,
    /// The words that start the tool, as in `npx turbo`.
    pub command: Vec<String>,
    /// Those options of the tool that what it runs first needs, too.
    pub options: Vec<String>,
    /// Whether the tool runs what the script depends on first.
    pub runs_dependencies: bool,
}

/// A program that starts the scripts of packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageRunner {
    Turbo,
    Nx,
    Lerna,
    Npm,
    Pnpm,
    Yarn,
    Bun,
    Bowline,
}

impl PackageRunner {
    pub fn name(self) -> &'static str {
        match self {
            Self::Turbo => "turbo",
            Self::Nx => "nx",
            Self::Lerna => "lerna",
            Self::Npm => "npm",
            Self::Pnpm => "pnpm",
            Self::Yarn => "yarn",
            Self::Bun => "bun",
            Self::Bowline => "bowline",
        }
    }
}

/// The packages that a command means, of those that have the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    All,
    /// All of them, and the tool fails where one has no such script.
    Everywhere,
    /// In the grammar of pnpm's filters.
    Filters(Vec<String>),
    /// By globs over names and directories: those that one of `include` matches, or all if it is empty, without
    /// those that `exclude` matches.
    Globs {
        include: Vec<String>,
        exclude: Vec<String>,
    },
    /// The only one of this name, in whatever scope.
    Named(String),
    /// By their names, their directories, or directories above them, as for `npm --workspace`.
    Workspaces(Vec<String>),
    /// The one in this directory, relative to the root.
    Directory(String),
}

impl FanOut {
    pub(super) fn new(tool: PackageRunner, script: impl Into<String>, which: Which) -> Self {
        Self {
            tool,
            script: script.into(),
            which,
            with_root: false,
            only_public: false,
            arguments: Vec::new(),
            environment: Vec::new(),
            chain: Vec::new(),
            command: Vec::new(),
            options: Vec::new(),
            runs_dependencies: false,
        }
    }
}

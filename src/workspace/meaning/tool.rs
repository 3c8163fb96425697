//! Programs that start the scripts of packages.

use super::fan_out::{FanOut, PackageRunner};
use super::options::Unknown;
use super::{bowline, bun, lerna, npm, nx, pnpm, turbo, yarn};
use crate::script::{Leaf, Word};

impl PackageRunner {
    /// The program of a command that may start scripts of packages, and its words.
    pub(super) fn of(leaf: &Leaf) -> Option<(Self, Vec<Word>)> {
        let tool = match leaf.program.as_str() {
            "turbo" => Self::Turbo,
            "nx" => Self::Nx,
            "lerna" => Self::Lerna,
            "bowline" => Self::Bowline,
            program => match manager(program) {
                Some(tool) => tool,
                None => return elsewhere(leaf),
            },
        };
        // `bun src/server.ts` starts no script of a package.
        let starts = match tool {
            Self::Bun => bun::starts_scripts(&leaf.words, leaf.working_directory() != Some("")),
            Self::Bowline => !leaf.words.iter().any(|word| word.literal().as_deref() == Some("exec")),
            Self::Turbo | Self::Nx | Self::Lerna | Self::Npm | Self::Pnpm | Self::Yarn => true,
        };
        starts.then(|| (tool, leaf.words.clone()))
    }

    /// What the words of the command say; `directory` is where it runs, relative to the root.
    pub(super) fn read(self, words: &[String], directory: &str) -> Result<FanOut, Unknown> {
        let words = words.get(1..).unwrap_or_default();
        let is_manager = matches!(self, Self::Npm | Self::Pnpm | Self::Yarn | Self::Bun);
        if !directory.is_empty() && !is_manager {
            return Err(Unknown(format!("it runs in `{directory}`")));
        }
        match self {
            Self::Turbo => turbo::read(words),
            Self::Nx => nx::read(words),
            Self::Lerna => lerna::read(words),
            Self::Npm => npm::read(words, directory),
            Self::Pnpm => pnpm::read(words, directory),
            Self::Yarn => yarn::read(words, directory),
            Self::Bun => bun::read(words, directory),
            Self::Bowline => bowline::read(words),
        }
    }
}

fn manager(program: &str) -> Option<PackageRunner> {
    Some(match program {
        "npm" => PackageRunner::Npm,
        "pnpm" => PackageRunner::Pnpm,
        "yarn" | "yarnpkg" => PackageRunner::Yarn,
        "bun" => PackageRunner::Bun,
        _ => return None,
    })
}

/// `pnpm dev` after `cd apps/web`: what looks like a binary is a script of that package.
fn elsewhere(leaf: &Leaf) -> Option<(PackageRunner, Vec<Word>)> {
    leaf.working_directory().filter(|dir| !dir.is_empty())?;
    let starter = leaf.scope.starters.last()?;
    let tool = manager(&starter.first()?.literal()?)?;
    Some((tool, [&starter[..], &leaf.words].concat()))
}

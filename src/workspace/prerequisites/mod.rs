//! What the configuration of turbo or nx asks for before a script runs, and beside it.
//!
//! Work that ends belongs to the tool, which caches it; what goes on belongs to us.

mod nx;
mod task;
mod turbo;

pub use self::task::{FirstTask, PackageScript, Prerequisites};
use super::meaning::{FanOut, PackageRunner};
use super::packages::Packages;

/// What the tool of a command wants for these packages.
pub fn prerequisites(found: &FanOut, packages: &Packages, indices: &[usize]) -> Prerequisites {
    if !found.runs_dependencies {
        return Prerequisites::default();
    }
    match found.tool {
        PackageRunner::Turbo => turbo::prerequisites(found, packages, indices),
        PackageRunner::Nx | PackageRunner::Lerna => nx::prerequisites(found, packages, indices),
        PackageRunner::Npm
        | PackageRunner::Pnpm
        | PackageRunner::Yarn
        | PackageRunner::Bun
        | PackageRunner::Bowline => Prerequisites::default(),
    }
}

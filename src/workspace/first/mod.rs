//! What the configuration of turbo or nx asks for before a script runs, and beside it.
//!
//! Work that ends belongs to the tool, which caches it; what goes on belongs to us.

mod nx;
mod task;
mod turbo;

pub use self::task::{FirstTask, PackageScript, Prerequisites};
use super::meaning::{FanOut, Tool};
use super::packages::Packages;

/// What the tool of a command wants for these packages.
pub fn prerequisites(found: &FanOut, packages: &Packages, indices: &[usize]) -> Prerequisites {
    if !found.runs_dependencies {
        return Prerequisites::default();
    }
    match found.tool {
        Tool::Turbo => turbo::prerequisites(found, packages, indices),
        Tool::Nx | Tool::Lerna => nx::prerequisites(found, packages, indices),
        Tool::Npm | Tool::Pnpm | Tool::Yarn | Tool::Bun | Tool::Bowline => Prerequisites::default(),
    }
}

//! The directories in which calls may act: those of one workspace, and of its other git worktrees.

use std::fs;
use std::path::{Path, PathBuf};

use crate::project::Project;

#[derive(Clone, Debug)]
pub struct WorkspaceScope {
    /// The root of the workspace, else of the project, else the directory itself.
    root: PathBuf,
}

impl WorkspaceScope {
    /// The scope around a directory, which is canonical.
    pub fn around(dir: &Path) -> Self {
        let project = Project::find(dir).ok();
        let root = project.map(|project| project.workspace.map_or(project.dir, |workspace| workspace.root));
        Self { root: root.unwrap_or_else(|| dir.to_owned()) }
    }

    /// Whether a directory, which is canonical, belongs to it. Worktrees come and go, so they are read each time.
    pub fn holds(&self, dir: &Path) -> bool {
        dir.starts_with(&self.root) || worktrees(&self.root).iter().any(|root| dir.starts_with(root))
    }
}

/// The working trees of the git repository around `dir`, as far as they exist. Only those count whose two links,
/// from the repository and back, agree: a project can write into its own directory what it likes.
fn worktrees(dir: &Path) -> Vec<PathBuf> {
    let Some(own) = dir.ancestors().map(|dir| dir.join(".git")).find(|git| git.exists()) else {
        return Vec::new();
    };
    let common = if own.is_file() {
        // The directory of a linked worktree is `worktrees/NAME` in that of the repository.
        let entry = linked(&own).filter(|entry| is_linked(entry) == own.parent().map(Path::to_owned));
        entry.and_then(|entry| Some(entry.parent()?.parent()?.to_owned()))
    } else {
        own.canonicalize().ok()
    };
    let Some(common) = common else { return Vec::new() };
    let main = common.parent().filter(|_| common.ends_with(".git")).map(Path::to_owned);
    let entries = fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten();
    main.into_iter().chain(entries.filter_map(|entry| is_linked(&entry.path()))).collect()
}

/// The working tree that an entry of `worktrees` names, if that tree names the entry.
fn is_linked(entry: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(entry.join("gitdir")).ok()?;
    let file = Path::new(text.trim_end()).canonicalize().ok()?;
    (linked(&file)? == entry.canonicalize().ok()?).then(|| file.parent().map(Path::to_owned))?
}

/// The canonical directory that the `.git` file of a linked worktree names.
fn linked(git: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(git).ok()?;
    git.parent()?.join(text.strip_prefix("gitdir: ")?.trim_end()).canonicalize().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_and_its_worktrees_are_in_scope_and_nothing_else() {
        let temp = tempfile::tempdir().unwrap();
        let base = temp.path().canonicalize().unwrap();
        let dir = |path: &str| {
            let dir = base.join(path);
            fs::create_dir_all(&dir).unwrap();
            dir
        };
        let write = |path: &str, text: &str| fs::write(base.join(path), text).unwrap();
        for path in ["app/.git/worktrees/fix", "app/packages/web", "fix/packages/web", "app-old", "other"] {
            dir(path);
        }
        write("app/package.json", r#"{"workspaces":["packages/*"]}"#);
        write("app/packages/web/package.json", "{}");
        write("fix/package.json", r#"{"workspaces":["packages/*"]}"#);
        write("fix/packages/web/package.json", "{}");
        write("fix/.git", &format!("gitdir: {}\n", base.join("app/.git/worktrees/fix").display()));
        write("app/.git/worktrees/fix/gitdir", &format!("{}\n", base.join("fix/.git").display()));
        for start in ["app", "app/packages/web", "fix/packages/web"] {
            let scope = WorkspaceScope::around(&dir(start));
            for (path, expected) in [
                ("app", true),
                ("app/packages/web", true),
                ("fix", true),
                ("fix/packages/web", true),
                ("app-old", false),
                ("other", false),
                ("", false),
            ] {
                assert_eq!(scope.holds(&dir(path)), expected, "{path} from {start}");
            }
        }
        // A link that only one side has.
        write("other/.git", &format!("gitdir: {}\n", base.join("app/.git/worktrees/fix").display()));
        assert!(!WorkspaceScope::around(&dir("other")).holds(&dir("app")));
        dir("app/.git/worktrees/bad");
        write("app/.git/worktrees/bad/gitdir", &format!("{}\n", base.join("app-old/.git").display()));
        write("app-old/.git", "gitdir: /nowhere\n");
        assert!(!WorkspaceScope::around(&dir("app")).holds(&dir("app-old")));
    }

    #[test]
    fn without_a_repository_only_the_directory_is() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().canonicalize().unwrap();
        assert!(WorkspaceScope::around(&dir).holds(&dir.join("below")));
        assert!(!WorkspaceScope::around(&dir).holds(dir.parent().unwrap()));
    }
}

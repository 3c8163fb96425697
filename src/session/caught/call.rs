//! Which script of which package a package manager, or the shell of scripts, was called for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::launch::{Caller, RUN_IN_WORKSPACE, SCRIPT_SHELL, SHELL_OF_BUN};
use crate::project::Project;
use crate::script::{HARMLESS, MANAGER_COMMANDS, PackageManager};

/// A call of one script.
#[derive(Debug)]
pub struct CalledScript {
    pub project: Project,
    pub script: String,
    pub arguments: Vec<String>,
    /// Whether a package manager has been started for it, which runs the `pre` and `post` scripts.
    pub by_manager: bool,
}

impl CalledScript {
    /// Reads a call of `program` in the caller's directory. `None` if it runs no script, or if flags may mean another
    /// package: the package manager then finds the script, and gives it to the shell of scripts.
    pub fn of(program: &str, arguments: &[OsString], caller: &Caller) -> Option<Self> {
        let words: Vec<&str> = arguments.iter().map(|word| word.to_str()).collect::<Option<_>>()?;
        if matches!(program, SCRIPT_SHELL | SHELL_OF_BUN) {
            let ["-c", text] = words[..] else { return None };
            return by_text(text, caller);
        }
        let is_in_workspace = program == RUN_IN_WORKSPACE;
        let manager =
            if is_in_workspace { Some(PackageManager::Yarn) } else { PackageManager::from_name(program) };
        let manager = manager?;
        let project = Project::find(&caller.directory).ok()?;
        let has = |name: &str| project.manifest.scripts.iter().any(|(script, _)| script == name);
        if let (PackageManager::Yarn, ["workspace", package, rest @ ..]) = (manager, &words[..]) {
            let project = Project::named(package, &caller.directory).ok()?;
            let (script, arguments) = script_of(manager, rest)?;
            return Some(Self { project, script, arguments, by_manager: false }).filter(Self::exists);
        }
        let (script, arguments) = script_of(manager, &words).filter(|(script, _)| has(script))?;
        Some(Self { project, script, arguments, by_manager: false })
    }

    fn exists(&self) -> bool {
        self.project.manifest.scripts.iter().any(|(script, _)| *script == self.script)
    }
}

/// The script with this text, to which arguments may be pasted, in the package of the directory.
fn by_text(text: &str, caller: &Caller) -> Option<CalledScript> {
    let project = Project::at(&caller.directory).ok()?;
    let event = caller.text("npm_lifecycle_event");
    let scripts = &project.manifest.scripts;
    // bun keeps the name of the script that has started it.
    let named = scripts.iter().filter(|(name, _)| Some(&**name) == event);
    let rest =
        |script: &str| text.strip_prefix(script).filter(|rest| rest.is_empty() || rest.starts_with(' '));
    let exact = scripts.iter().filter(|(_, script)| script == text);
    let found = named.chain(exact).find_map(|(name, script)| Some((name, rest(script)?)));
    let (script, rest) = found.filter(|_| !text.trim().is_empty())?;
    let (script, arguments) = (script.clone(), shell_words::split(rest).ok()?);
    Some(CalledScript { project, script, arguments, by_manager: true })
}

/// The script that a package manager runs in its own package, and the arguments for it.
fn script_of(manager: PackageManager, words: &[&str]) -> Option<(String, Vec<String>)> {
    let mut rest = words.iter();
    let first = next_word(&mut rest)?;
    let name = match first {
        "run" | "run-script" => next_word(&mut rest)?,
        "rum" | "urn" if manager == PackageManager::Npm => next_word(&mut rest)?,
        "start" => first,
        name if manager != PackageManager::Npm && !MANAGER_COMMANDS.contains(&name) => name,
        _ => return None,
    };
    if name.starts_with('-') {
        return None;
    }
    let rest = rest.as_slice();
    let arguments = match (manager, rest.iter().position(|word| *word == "--")) {
        // npm reads flags before `--` as its own.
        (PackageManager::Npm, marker) => {
            let own = &rest[..marker.unwrap_or(rest.len())];
            own.iter().filter(|word| word.starts_with('-')).all(|word| is_harmless(word)).then_some(())?;
            let own = own.iter().filter(|word| !word.starts_with('-'));
            own.chain(marker.map_or(&[][..], |marker| &rest[marker + 1..])).collect::<Vec<_>>()
        }
        (PackageManager::Bun, Some(0)) => rest[1..].iter().collect(),
        (PackageManager::Pnpm | PackageManager::Yarn | PackageManager::Bun, _) => rest.iter().collect(),
    };
    Some((name.to_owned(), arguments.into_iter().map(|word| (*word).to_owned()).collect()))
}

fn is_harmless(word: &str) -> bool {
    HARMLESS.contains(&word) && !matches!(word, "-b" | "--bun" | "--if-present")
}

/// The next word after harmless flags.
fn next_word<'w>(words: &mut std::slice::Iter<'_, &'w str>) -> Option<&'w str> {
    words.find(|word| !is_harmless(word)).copied()
}

/// Whether modern Yarn would leave out this workspace: it has no such script, or it is the one whose script of that
/// name is running.
pub fn is_left_out(arguments: &[OsString], caller: &Caller) -> bool {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let (Some((script, _)), Ok(project)) =
        (script_of(PackageManager::Yarn, &words), Project::at(&caller.directory))
    else {
        return true;
    };
    let runs_already = caller.text("npm_lifecycle_event") == Some(&script)
        && caller.raw("BOWLINE_PROJECT_DIR").is_some_and(|dir| dir == project.dir);
    runs_already || !project.manifest.scripts.iter().any(|(name, _)| *name == script)
}

/// The same call of modern Yarn with bowline in the place of the script, where Yarn would run the script itself:
/// `yarn workspaces foreach -A run dev`. `shim` is the program that runs a script.
pub fn foreach(arguments: &[OsString], shim: &Path) -> Option<Vec<OsString>> {
    let words: Vec<&str> = arguments.iter().map(|word| word.to_str()).collect::<Option<_>>()?;
    if !matches!(words[..], ["workspaces", "foreach", ..]) {
        return None;
    }
    let run = words.iter().position(|word| *word == "run")?;
    let mut changed: Vec<OsString> = arguments[..run].to_vec();
    changed.extend(["exec".into(), PathBuf::from(shim).into_os_string()]);
    changed.extend(arguments[run..].iter().cloned());
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_one_script_of_its_own_package_or_none() {
        use PackageManager::{Bun, Npm, Pnpm, Yarn};
        for (manager, typed, expected) in [
            (Npm, "run dev", Some("dev")),
            (Npm, "run -s dev -- --open x", Some("dev --open x")),
            (Npm, "run dev x --silent", Some("dev x")),
            (Npm, "run-script dev", Some("dev")),
            (Npm, "start", Some("start")),
            (Npm, "run dev --workspace web", None),
            (Npm, "-w web run dev", None),
            (Npm, "run --if-present dev", None),
            (Npm, "install", None),
            (Npm, "dev", None),
            (Npm, "run", None),
            (Npm, "", None),
            (Pnpm, "dev --open", Some("dev --open")),
            (Pnpm, "run dev -- --open", Some("dev -- --open")),
            (Pnpm, "-r dev", None),
            (Pnpm, "--filter web dev", None),
            (Pnpm, "install", None),
            (Yarn, "dev", Some("dev")),
            (Yarn, "run dev x", Some("dev x")),
            (Bun, "run dev -- x", Some("dev x")),
            (Bun, "run dev x -- y", Some("dev x -- y")),
            (Bun, "run --bun dev", None),
            (Bun, "--filter * dev", None),
        ] {
            let words: Vec<&str> = typed.split_whitespace().collect();
            let found = script_of(manager, &words);
            let found = found.map(|(name, arguments)| [vec![name], arguments].concat().join(" "));
            assert_eq!(found.as_deref(), expected, "{manager:?} {typed}");
        }
    }

    #[test]
    fn yarn_gives_the_script_of_each_workspace_to_the_shim() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let changed =
            foreach(&words("workspaces foreach -Api --include web run dev --open"), Path::new("/s/run"));
        assert_eq!(changed, Some(words("workspaces foreach -Api --include web exec /s/run run dev --open")));
        assert_eq!(foreach(&words("workspaces list"), Path::new("/s/run")), None);
        assert_eq!(foreach(&words("run dev"), Path::new("/s/run")), None);
    }
}

//! Shims: programs in front of `PATH`, and a shell of scripts, that stand for the package managers beneath a script that
//! starts the scripts of other packages. Each calls bowline, which runs the script in the package manager's place or
//! becomes the real program.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::caller::Caller;
use super::changes::Changes;
use super::reading::Reading;
use super::script_runner::SHELL;
use super::script_shell::{VARIABLES, quoted};
use crate::paths::write_file;
use crate::script::{PackageManager, Script};

/// The file that package managers run scripts through. Its name must be no program's, as its directory is in `PATH`.
pub const SCRIPT_SHELL: &str = "bowline-script-shell";
/// The shell that bun looks for in `PATH` to run scripts, and looks for first.
pub const SHELL_OF_BUN: &str = "bash";

/// What modern Yarn runs in each workspace in the place of a script.
pub const RUN_IN_WORKSPACE: &str = "bowline-run";

/// The option with which the kernel calls bowline for a shim, before the shim's path.
const CALLED_BY_SHIM: &str = "--shim";
/// A link to the running program, beside the shims. Its name must be no program's.
const PROGRAM: &str = "bowline-of-this-run";
/// The first line of a program that `sh` runs.
const SH: &str = "#!/bin/sh";
/// The end of a shim: what it was called with.
const ARGUMENTS: &str = " \"$@\"";
/// The longest first line that names an interpreter, in bytes (Linux before 5.1).
const LONGEST_FIRST_LINE: usize = 127;

/// How a shim calls bowline.
#[derive(Clone, Copy, Debug)]
pub struct ShimCall<'a> {
    pub bowline: &'a Path,
    /// Another path to the same program, which outlives its file.
    pub running: Option<&'a Path>,
    pub state_dir: &'a Path,
    pub session: &'a str,
    /// The directory of the script that runs as it is.
    pub root: &'a Path,
    /// Options of the run that are for each of its services.
    pub options: &'a [String],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shims {
    dir: PathBuf,
    /// Each by its name, with its text. None where they are written already.
    files: Vec<(&'static str, String)>,
    /// The target of the link [`PROGRAM`], where the kernel can start it.
    program: Option<PathBuf>,
}

impl Shims {
    /// Shims in `dir` for the package managers that the caller has.
    pub fn new(dir: PathBuf, call: ShimCall<'_>, reading: &Reading<'_>) -> Self {
        let Reading { caller, choice, settings, command, .. } = reading;
        let mut words = format!(" --state-dir {}", quoted(&call.state_dir.to_string_lossy()));
        let _ = write!(words, " caught --session {}", call.session);
        let _ = write!(words, " --root {}", quoted(&call.root.to_string_lossy()));
        let _ = write!(words, " --shims {}", quoted(&dir.to_string_lossy()));
        for option in call.options {
            let _ = write!(words, " {}", quoted(option));
        }
        let shell = settings.get("script-shell").unwrap_or(SHELL);
        let programs = programs(call.bowline, call.running);
        let text = |first: &str, before: &str, options: &str, name: &str| {
            let calls = programs.iter().map(|it| format!("{it}{words}{options} -- {name}{ARGUMENTS}\n"));
            format!("{first}\n# bowline wrote this for one run.\n{before}{}", calls.collect::<String>())
        };
        // Where the interpreter is gone, the real program is found in the next directory of `PATH`. The shell of scripts is
        // called by its path.
        let by_kernel = call.running.zip(first_line(&dir));
        let direct = by_kernel.as_ref().map_or(SH, |(_, line)| line);
        let named = format!(" --shell {}", quoted(shell));
        let mut files = vec![(SCRIPT_SHELL, text(SH, "", &named, SCRIPT_SHELL))];
        files.push((RUN_IN_WORKSPACE, text(direct, "", "", RUN_IN_WORKSPACE)));
        let managers = [PackageManager::Npm, PackageManager::Pnpm, PackageManager::Yarn, PackageManager::Bun];
        for manager in managers.into_iter().filter(|manager| caller.find(manager.name()).is_some()) {
            files.push((manager.name(), text(direct, "", "", manager.name())));
        }
        let runs_bun = choice.manager == PackageManager::Bun || command.contains("bun");
        if let Some(bash) = caller.find(SHELL_OF_BUN).filter(|_| runs_bun) {
            // bun gives the text of a script to it, in the directory of a package.
            let before = format!(
                "[ \"$1\" = -c ] && [ -f package.json ] || exec {} \"$@\"\n",
                quoted(&bash.to_string_lossy())
            );
            files.push((SHELL_OF_BUN, text(SH, &before, "", SHELL_OF_BUN)));
        }
        let program = by_kernel.map(|(program, _)| program.to_path_buf());
        Self { dir, files, program }
    }

    /// The shims that another bowline has written to `dir`.
    pub fn written(dir: PathBuf) -> Self {
        Self { dir, files: Vec::new(), program: None }
    }

    /// Writes the files, each whole or not at all.
    pub fn write(&self) -> io::Result<()> {
        self.files.iter().try_for_each(|(name, text)| write_file(&self.dir.join(name), text, 0o700))?;
        let Some(program) = &self.program else { return Ok(()) };
        let link = self.dir.join(PROGRAM);
        // A run that was killed may have left one.
        let _none = fs::remove_file(&link);
        symlink(program, link)
    }

    /// Removes the files, if this is the run that wrote them.
    pub fn remove(&self) -> io::Result<()> {
        if self.files.is_empty() { Ok(()) } else { fs::remove_dir_all(&self.dir) }
    }

    /// Adds the shims to an environment that is made from the caller's. One that names a shell of scripts already keeps
    /// it.
    pub fn add(&self, environment: &mut Changes, caller: &Caller) {
        let present = environment.get("PATH").or_else(|| caller.raw("PATH")).map(ToOwned::to_owned);
        for (name, value) in variables(&self.dir, present.as_deref()) {
            if name == "PATH" || environment.get(name).is_none() {
                environment.set(name, value);
            }
        }
    }
}

/// The first line by which the kernel starts bowline without a shell for a shim in `dir`: that is a process less for
/// each script. `None` where it can't name the program.
fn first_line(dir: &Path) -> Option<String> {
    let program = dir.join(PROGRAM);
    let program = program.to_str().filter(|path| !path.contains(char::is_whitespace))?;
    let line = format!("#!{program} {CALLED_BY_SHIM}");
    (line.len() <= LONGEST_FIRST_LINE).then_some(line)
}

/// The arguments that a shim means, where the kernel has started bowline for it: those that `sh` would read from it.
/// `None` for any other call.
pub fn shim_arguments(arguments: &[OsString]) -> Option<Vec<OsString>> {
    let [program, option, shim, others @ ..] = arguments else { return None };
    // Nothing is read for any other call, whose argument may be the name of a file.
    let text = (option == CALLED_BY_SHIM).then(|| fs::read_to_string(Path::new(shim)).ok())??;
    let words = text.lines().last()?.strip_prefix("exec ")?.strip_suffix(ARGUMENTS)?;
    let words = Script::parse(words).ok()?.plain_words()?;
    let words = words.into_iter().skip(1).map(OsString::from);
    Some(std::iter::once(program).cloned().chain(words).chain(others.iter().cloned()).collect())
}

/// The beginnings of the lines that execute bowline, of which the first whose condition holds does. An upgrade puts
/// another version in the place of the file, and a removal nothing.
fn programs(bowline: &Path, running: Option<&Path>) -> Vec<String> {
    let file = quoted(&bowline.to_string_lossy());
    let last = format!("exec {file}");
    let Some(running) = running.map(|path| quoted(&path.to_string_lossy())) else { return vec![last] };
    vec![
        format!("[ {file} -ef {running} ] && exec {file}"),
        format!("[ -x {running} ] && exec {running}"),
        last,
    ]
}

/// The variables by which programs find the shims in `dir`, in an environment with this `PATH`.
pub fn variables(dir: &Path, path: Option<&OsStr>) -> Vec<(&'static str, OsString)> {
    let shell = dir.join(SCRIPT_SHELL).into_os_string();
    let mut variables: Vec<_> = VARIABLES.into_iter().map(|name| (name, shell.clone())).collect();
    let others = path.map(std::env::split_paths).into_iter().flatten().filter(|other| other != dir);
    // Fails for a directory with a `:` in its name. Then the shell of scripts is all there is.
    if let Ok(path) = std::env::join_paths(std::iter::once(dir.to_path_buf()).chain(others)) {
        variables.push(("PATH", path));
    }
    variables
}

/// The command with which modern Yarn runs a text so that it finds the shims in `dir` before Yarn's own programs.
pub fn exec_with_shims(text: &str, dir: &Path) -> [OsString; 3] {
    let text = format!("PATH={}:\"$PATH\"; {text}", quoted(&dir.to_string_lossy()));
    ["yarn".into(), "exec".into(), text.into()]
}

/// Takes the shims in `dir` out of the caller's environment, so that what is found there are the real programs.
pub fn without(caller: &mut Caller, dir: &Path) {
    for name in VARIABLES {
        if caller.raw(name).is_some_and(|value| Path::new(value).starts_with(dir)) {
            caller.variables.remove(OsStr::new(name));
        }
    }
    let Some(path) = caller.variables.get_mut(OsStr::new("PATH")) else { return };
    if let Ok(others) = std::env::join_paths(std::env::split_paths(path).filter(|other| other != dir)) {
        *path = others;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_shim_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let call = |option: &str, file: &Path| {
            shim_arguments(&["bowline".into(), option.into(), file.into(), "run".into()])
        };
        // Reading it would wait for a writer.
        let pipe = dir.path().join("web");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(call("dev", &pipe), None);
        let shim = dir.path().join("npm");
        fs::write(
            &shim,
            "#!/x --shim\n[ a -ef b ] && exec a\nexec '/b in' caught --root 'it'\\''s' -- npm \"$@\"\n",
        )
        .unwrap();
        let words = ["bowline", "caught", "--root", "it's", "--", "npm", "run"].map(OsString::from);
        assert_eq!(call(CALLED_BY_SHIM, &shim), Some(words.into()));
    }
}

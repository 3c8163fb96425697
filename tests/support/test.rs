//! One command and all that is expected of it.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Finished, Ports, Sandbox};

/// A command that answers, with what it must answer. Everything that differs is shown at once. Paths of the
/// sandbox read `[PROJECT]`, `[STATE]` and `[ROOT]`.
#[derive(Debug)]
pub struct Test {
    sandbox: Sandbox,
    arguments: Vec<OsString>,
    status: Option<i32>,
    stdout: Vec<Expected>,
    stderr: Vec<Expected>,
    files: Vec<(PathBuf, Option<String>)>,
}

#[derive(Debug)]
enum Expected {
    Exactly(String),
    Containing(String),
    Without(String),
}

impl Test {
    /// In a project without any file.
    pub fn new() -> Self {
        Self::within(Sandbox::new())
    }

    /// In a sandbox that stands already.
    pub fn within(sandbox: Sandbox) -> Self {
        let (stdout, stderr) = (Vec::new(), Vec::new());
        Self { sandbox, arguments: Vec::new(), status: Some(0), stdout, stderr, files: Vec::new() }
    }

    pub fn file(mut self, path: impl AsRef<Path>, text: &str) -> Self {
        self.sandbox.file(path, text);
        self
    }

    pub fn user_file(mut self, name: &str, text: &str) -> Self {
        self.sandbox.user_file(name, text);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.sandbox.env(name, value);
        self
    }

    pub fn range(mut self, framework: &str, ports: &Ports) -> Self {
        self.sandbox.range(framework, ports);
        self
    }

    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// The exit code; 0 where nothing is said.
    pub fn status(mut self, code: i32) -> Self {
        self.status = Some(code);
        self
    }

    pub fn stdout(mut self, text: &str) -> Self {
        self.stdout.push(Expected::Exactly(text.to_owned()));
        self
    }

    pub fn stdout_contains(mut self, text: &str) -> Self {
        self.stdout.push(Expected::Containing(text.to_owned()));
        self
    }

    pub fn stdout_lacks(mut self, text: &str) -> Self {
        self.stdout.push(Expected::Without(text.to_owned()));
        self
    }

    pub fn stderr(mut self, text: &str) -> Self {
        self.stderr.push(Expected::Exactly(text.to_owned()));
        self
    }

    pub fn stderr_contains(mut self, text: &str) -> Self {
        self.stderr.push(Expected::Containing(text.to_owned()));
        self
    }

    pub fn stderr_lacks(mut self, text: &str) -> Self {
        self.stderr.push(Expected::Without(text.to_owned()));
        self
    }

    /// The content of a file of the project afterwards; `None`: it must not exist.
    pub fn leaves(mut self, path: impl Into<PathBuf>, text: Option<&str>) -> Self {
        self.files.push((path.into(), text.map(ToOwned::to_owned)));
        self
    }

    /// Runs the command and compares. The sandbox goes on to the next command.
    pub fn run(self) -> Sandbox {
        self.answer().1
    }

    /// Runs the command, compares, and gives the answer with the sandbox's paths replaced.
    pub fn answer(self) -> (Finished, Sandbox) {
        let mut finished = self.sandbox.run(&self.arguments);
        finished.stdout = self.redact(&finished.stdout);
        finished.stderr = self.redact(&finished.stderr);
        let mut differences = String::new();
        if finished.status.code() != self.status {
            let _ = writeln!(differences, "status: {}, expected {:?}", finished.status, self.status);
        }
        compare("stdout", &finished.stdout, &self.stdout, &mut differences);
        compare("stderr", &finished.stderr, &self.stderr, &mut differences);
        for (path, expected) in &self.files {
            let text = fs::read_to_string(self.sandbox.project().join(path)).ok();
            if text != *expected {
                let _ = writeln!(differences, "{}: {text:?}, expected {expected:?}", path.display());
            }
        }
        let Finished { status, stdout, stderr } = &finished;
        assert!(
            differences.is_empty(),
            "bowline {:?}\n{differences}--- it ended with {status}\n--- stdout\n{stdout}--- stderr\n{stderr}",
            self.arguments
        );
        (finished, self.sandbox)
    }

    fn redact(&self, text: &str) -> String {
        let places = [
            (self.sandbox.project().to_owned(), "[PROJECT]"),
            (self.sandbox.state_dir(), "[STATE]"),
            (self.sandbox.root().to_owned(), "[ROOT]"),
        ];
        places.iter().fold(text.to_owned(), |text, (path, name)| {
            let canonical = path.canonicalize().unwrap_or_else(|_| path.clone());
            text.replace(&*canonical.to_string_lossy(), name).replace(&*path.to_string_lossy(), name)
        })
    }
}

fn compare(stream: &str, text: &str, expected: &[Expected], differences: &mut String) {
    for expected in expected {
        let (met, wish, wanted) = match expected {
            Expected::Exactly(wanted) => (text == wanted, "exactly", wanted),
            Expected::Containing(wanted) => (text.contains(wanted.as_str()), "containing", wanted),
            Expected::Without(wanted) => (!text.contains(wanted.as_str()), "without", wanted),
        };
        if !met {
            let _ = writeln!(differences, "{stream}: expected {wish}:\n{wanted}");
        }
    }
}

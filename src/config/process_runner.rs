//! The command lines of foreman, honcho, overmind, hivemind and node-foreman, in dev scripts.

use std::path::PathBuf;

use crate::script::Script;

/// Words that may stand before them.
const LEADS: [&[&str]; 6] = [
    &["bundle", "exec"],
    &["npx"],
    &["uv", "run"],
    &["poetry", "run"],
    &["pipenv", "run"],
    &["mise", "exec", "--"],
];

/// A program that runs a Procfile, as a script calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProcessRunner {
    /// The Procfile, relative to `root`.
    pub(super) file: PathBuf,
    /// Where it runs; empty: where the Procfile is.
    pub(super) root: PathBuf,
    /// Its files of variables.
    pub(super) environment: Vec<PathBuf>,
    /// The only processes that it runs; empty: all.
    only: Vec<String>,
    /// Those that it does not run.
    without: Vec<String>,
}

impl Default for ProcessRunner {
    fn default() -> Self {
        Self {
            file: "Procfile".into(),
            root: PathBuf::new(),
            environment: vec![".env".into()],
            only: Vec::new(),
            without: Vec::new(),
        }
    }
}

/// What an option of one of them says.
#[derive(Clone, Copy)]
enum Meaning {
    File,
    Root,
    Environment,
    Only,
    Without,
    /// Nothing that matters here: ports are bowline's, as is the grace period.
    Nothing,
}

/// The options with a value, by the programs that have them.
const OPTIONS: [(&str, [&str; 2], Meaning); 8] = [
    ("foreman honcho overmind", ["-f", "--procfile"], Meaning::File),
    ("nf", ["-j", "--procfile"], Meaning::File),
    ("foreman honcho overmind hivemind", ["-d", "--root"], Meaning::Root),
    ("foreman honcho nf", ["-e", "--env"], Meaning::Environment),
    ("overmind hivemind", ["-l", "--processes"], Meaning::Only),
    ("overmind", ["-x", "--ignored-processes"], Meaning::Without),
    ("foreman honcho overmind hivemind nf", ["-p", "--port"], Meaning::Nothing),
    ("foreman overmind hivemind", ["-t", "--timeout"], Meaning::Nothing),
];

impl ProcessRunner {
    /// The one that is all of a script; `None` if there is none, or if it does something that bowline does not.
    pub(super) fn of_script(text: &str) -> Option<Self> {
        let words = Script::parse(text).ok()?.plain_words()?;
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let Some(lead) = LEADS.iter().find(|lead| words.starts_with(lead)) {
            words.drain(..lead.len());
        }
        let (program, arguments) = words.split_first()?;
        let begins = match *program {
            "foreman" | "honcho" | "nf" => Some("start"),
            "overmind" => Some(if arguments.contains(&"s") { "s" } else { "start" }),
            "hivemind" => None,
            _ => return None,
        };
        let mut runner = Self::default();
        let mut has_begun = begins.is_none();
        let mut rest = arguments.iter().copied();
        while let Some(word) = rest.next() {
            if word.starts_with('-') {
                runner.take_option(program, word, &mut rest)?;
            } else if !has_begun && begins == Some(word) {
                has_begun = true;
            } else if !has_begun || word.contains('=') {
                return None;
            } else if begins.is_none() {
                runner.file = word.into();
            } else {
                runner.only.push(word.to_owned());
            }
        }
        has_begun.then_some(runner)
    }

    fn take_option<'w>(
        &mut self,
        program: &str,
        word: &'w str,
        rest: &mut impl Iterator<Item = &'w str>,
    ) -> Option<()> {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let is_it = |(programs, names, _): &&(&str, [&str; 2], Meaning)| {
            programs.split(' ').any(|one| one == program) && names.contains(&name)
        };
        let (_, _, meaning) = OPTIONS.iter().find(is_it)?;
        let value = value.or_else(|| rest.next())?;
        let names = || value.split(',').map(|name| name.trim().to_owned()).collect();
        match meaning {
            Meaning::File => self.file = value.into(),
            Meaning::Root => self.root = value.into(),
            Meaning::Environment => self.environment = value.split(',').map(PathBuf::from).collect(),
            Meaning::Only => self.only = names(),
            Meaning::Without => self.without = names(),
            Meaning::Nothing => {}
        }
        Some(())
    }

    pub(super) fn runs(&self, process: &str) -> bool {
        let is_in = |list: &[String]| list.iter().any(|name| name == process);
        (self.only.is_empty() || is_in(&self.only)) && !is_in(&self.without)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_only_runs_a_procfile_is_understood() {
        let file = |file: &str| ProcessRunner { file: file.into(), ..ProcessRunner::default() };
        for (text, expected) in [
            ("foreman start", Some(file("Procfile"))),
            ("foreman start -f Procfile.dev", Some(file("Procfile.dev"))),
            ("bundle exec foreman start --procfile=Procfile.dev -p 3000", Some(file("Procfile.dev"))),
            ("overmind start -f Procfile.dev", Some(file("Procfile.dev"))),
            ("overmind s", Some(file("Procfile"))),
            ("hivemind", Some(file("Procfile"))),
            ("hivemind Procfile.dev", Some(file("Procfile.dev"))),
            ("honcho -f Procfile.dev start", Some(file("Procfile.dev"))),
            ("npx nf start -j Procfile.dev", Some(file("Procfile.dev"))),
            (
                "overmind start -l web,worker",
                Some(ProcessRunner { only: vec!["web".into(), "worker".into()], ..file("Procfile") }),
            ),
            ("foreman start web", Some(ProcessRunner { only: vec!["web".into()], ..file("Procfile") })),
            (
                "foreman start -d server -e .env,.env.dev",
                Some(ProcessRunner {
                    root: "server".into(),
                    environment: vec![".env".into(), ".env.dev".into()],
                    ..file("Procfile")
                }),
            ),
            ("foreman start -m all=1,worker=2", None),
            ("foreman run rake", None),
            ("foreman", None),
            ("PORT=3 foreman start", None),
            ("foreman start && echo", None),
            ("overmind start -D", None),
            ("vite", None),
        ] {
            assert_eq!(ProcessRunner::of_script(text), expected, "{text}");
        }
    }
}

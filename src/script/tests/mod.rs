//! A package with a few scripts, and an edit to port 3101.

mod arguments;
mod find;
mod grammar;
mod nested;
mod property;
mod refuse;
mod rewrite;
mod shell;

use std::collections::BTreeMap;

use super::{
    Edit, Kind, Leaf, OtherPackage, PackageManager, Rewrite, RewriteError, Script, Scripts, WRAPPERS, Wrapper,
};

struct Package {
    scripts: BTreeMap<String, String>,
    /// Computes further scripts from their names.
    more: fn(&str) -> Option<String>,
    others: fn(&OtherPackage, &str) -> Option<String>,
    manager: PackageManager,
    npm_runs_hooks: bool,
}

impl Scripts for Package {
    fn text(&self, name: &str) -> Option<String> {
        self.scripts.get(name).cloned().or_else(|| (self.more)(name))
    }
    fn names(&self) -> Vec<String> {
        self.scripts.keys().cloned().collect()
    }
    fn text_in(&self, package: &OtherPackage, name: &str) -> Option<String> {
        (self.others)(package, name)
    }
    fn binary(&self, _package: &str) -> Option<String> {
        None
    }
    fn manager(&self) -> PackageManager {
        self.manager
    }
    fn runs_hooks(&self, manager: PackageManager) -> bool {
        self.npm_runs_hooks || manager != PackageManager::Npm
    }
    fn runs_its_arguments(&self, file: &str) -> bool {
        file == "./env.sh"
    }
    fn wrappers(&self) -> &[Wrapper] {
        &WRAPPERS
    }
}

fn package() -> Package {
    let scripts = [
        ("web", "vite"),
        ("web:host", "vite --host"),
        ("api", "node server.js"),
        ("dev:web", "vite"),
        ("dev:api", "tsx watch api.ts"),
        ("dev:css", "tailwindcss -w"),
        ("ported", "vite --port 4000"),
        ("assigned", "PORT=4000 next dev"),
        ("outer", "npm run web"),
        ("outer:marked", "npm run web --"),
        ("outer:pnpm", "pnpm web"),
        ("loop", "npm run pool"),
        ("pool", "npm run loop"),
        ("with-env", "dotenv -e ../../.env --"),
        ("both", "run-p dev:*"),
        ("piped", "vite | cat"),
        ("noted", "vite # the app"),
        ("hooked", "next dev -p 4000"),
        ("prehooked", "echo 'before it'"),
        ("posthooked", "echo after"),
        ("broken", "vite 'oops"),
        ("start", "react-scripts start"),
    ];
    Package {
        scripts: scripts.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect(),
        more: |_| None,
        others: |_, _| None,
        manager: PackageManager::Npm,
        npm_runs_hooks: true,
    }
}

fn leaves(text: &str) -> Vec<Leaf> {
    match Script::parse(text) {
        Ok(script) => script.leaves(&package()),
        Err(error) => panic!("`{text}`: {error}"),
    }
}

/// The one leaf that is a program with this name.
fn leaf(text: &str, program: &str) -> Leaf {
    let all = leaves(text);
    let mut found = all.iter().filter(|leaf| leaf.program == program && leaf.kind == Kind::Program);
    match (found.next(), found.next()) {
        (Some(leaf), None) => leaf.clone(),
        (None | Some(_), _) => panic!("not exactly one `{program}` in `{text}`: {all:#?}"),
    }
}

fn edit() -> Edit<'static> {
    let (flags, variables) = (vec!["--port", "-p"], vec!["PORT", "VITE_PORT"]);
    Edit { flags, port: 3101, variables, ..Edit::default() }
}

fn rewritten(text: &str, program: &str) -> Result<Rewrite, RewriteError> {
    leaf(text, program).rewrite(&edit())
}

#[track_caller]
fn assert_rewrites(rows: &[(&str, &str, &str)]) {
    for (text, program, expected) in rows {
        match rewritten(text, program) {
            Ok(rewrite) => assert_eq!(&rewrite.text, expected, "rewriting {program} in `{text}`"),
            Err(error) => panic!("rewriting {program} in `{text}`: {error}"),
        }
    }
}

//! What is the same for all of them: a package with a few scripts, and an edit to port 3101.

mod arguments;
mod find;
mod grammar;
mod nested;
mod property;
mod refuse;
mod rewrite;
mod shell;

use std::collections::BTreeMap;

use super::{Edit, Kind, Leaf, Rewrite, Script, Unsafe};

fn package() -> BTreeMap<String, String> {
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
    scripts.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
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

const EDIT: Edit<'static> = Edit {
    flags: &["--port", "-p"],
    strict: None,
    insert: &[],
    port: 3101,
    variables: &["PORT", "VITE_PORT"],
    options: &[],
};

fn rewritten(text: &str, program: &str) -> Result<Rewrite, Unsafe> {
    leaf(text, program).rewrite(&EDIT)
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

//! What the script of a workspace's root means: the packages whose scripts it starts, if that is understood to the
//! last word.
//!
//! - `starters`: what leads to a command · `options`: how command lines are read · `fan_out`: what they say · `packages`: which they mean
//! - a file for each tool · `tool`: which of them a command is

mod bowline;
mod bun;
mod fan_out;
mod lerna;
mod npm;
mod nx;
mod options;
mod packages;
mod pnpm;
mod starters;
#[cfg(test)]
mod tests;
mod tool;
mod turbo;
mod yarn;

pub use self::fan_out::{FanOut, Meaning, PackageRunner, Which};

use self::options::Unknown;
use crate::script::{Kind, Leaf, LeafRole, Script, Scripts};

/// Programs that neither change anything nor say anything about packages.
const HARMLESS: [&str; 8] = ["cd", "echo", "export", "wait", "true", ":", "printf", "clear"];

/// The meaning of the script `name` with this text. `is_server` tells whether the script runs a server of the root,
/// where it starts no script of a package.
pub fn meaning(name: &str, text: &str, scripts: &dyn Scripts, is_server: impl FnOnce() -> bool) -> Meaning {
    let leaves = match Script::parse(text) {
        Ok(script) => script.leaves(scripts),
        Err(error) => return Meaning::Script { reason: error.to_string() },
    };
    let (starting, others): (Vec<&Leaf>, Vec<&Leaf>) =
        leaves.iter().filter(|leaf| !is_harmless(leaf)).partition(|leaf| PackageRunner::of(leaf).is_some());
    let understood = match (&starting[..], &others[..]) {
        ([], []) => Err(Unknown("it starts nothing".to_owned())),
        ([], [_, ..]) if is_server() => return Meaning::Root,
        ([], [first, ..]) => {
            let opaque = others.iter().find(|leaf| leaf.kind == Kind::Opaque);
            Err(Unknown(format!("`{}` may start anything", shown(opaque.unwrap_or(first)))))
        }
        ([_, ..], [other, ..]) => Err(Unknown(format!("`{}` is no script of a package", shown(other)))),
        ([..], []) => understand_all(name, &starting, scripts),
    };
    match understood {
        Ok(found) => Meaning::Packages(found),
        Err(Unknown(reason)) => Meaning::Script { reason },
    }
}

fn understand_all(name: &str, leaves: &[&Leaf], scripts: &dyn Scripts) -> Result<Vec<FanOut>, Unknown> {
    let hooks = [format!("pre{name}"), format!("post{name}")];
    if scripts.runs_hooks(scripts.manager())
        && let Some(hook) = hooks.iter().find(|hook| scripts.text(hook).is_some())
    {
        return Err(Unknown(format!("`{hook}` runs, too")));
    }
    let found = leaves.iter().map(|leaf| understand(name, leaf)).collect::<Result<Vec<_>, _>>()?;
    for (index, leaf) in leaves.iter().enumerate() {
        if leaves[index + 1..].iter().any(|later| leaf.precedes(later)) {
            return Err(Unknown(format!("`{}` ends before the next one starts", shown(leaf))));
        }
    }
    Ok(found)
}

fn is_harmless(leaf: &Leaf) -> bool {
    let name = leaf.program.as_str();
    HARMLESS.contains(&name) && (leaf.kind == Kind::Builtin || name == "clear")
}

/// The start of the command, for messages.
fn shown(leaf: &Leaf) -> String {
    let words = leaf.words.iter().map(|word| word.pattern().unwrap_or_else(|| "…".to_owned()));
    words.take(3).collect::<Vec<_>>().join(" ")
}

fn understand(name: &str, leaf: &Leaf) -> Result<FanOut, Unknown> {
    let place = match leaf.role {
        LeafRole::Sole | LeafRole::Last | LeafRole::Background | LeafRole::Parallel => None,
        LeafRole::Step => Some("ends before the next one starts"),
        LeafRole::Pipe => Some("writes to another program"),
        LeafRole::Alternative => Some("runs where another command fails"),
        LeafRole::Branch => Some("runs under a condition"),
    };
    if let Some(place) = place {
        return Err(Unknown(format!("`{}` {place}", shown(leaf))));
    }
    starters::check(leaf)?;
    let unknown = || Unknown(format!("only the shell knows where `{}` runs", shown(leaf)));
    let directory = leaf.working_directory().ok_or_else(unknown)?;
    let (tool, words) = PackageRunner::of(leaf).ok_or_else(unknown)?;
    let words = options::words(&words)?;
    let mut found = tool.read(&words, directory)?;
    found.chain = [name].into_iter().chain(leaf.scripts()).map(str::to_owned).collect();
    found.environment = starters::environment(leaf)?;
    found.command = starters::command(leaf, &words);
    Ok(found)
}

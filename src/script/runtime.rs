//! node, tsx and deno: which script, binary or file a call runs.

use super::command_line::{CommandLine, Step};
use super::frame::Invoker;
use super::leaf::program_name;
use super::script_call::script;

/// `deno run npm:vite`; anything else is deno's own.
pub(super) fn deno(line: &CommandLine) -> Step {
    let runs = line.literal(line.at + 1).is_some_and(|word| word == "run");
    let (index, _) = line.after_flags(line.at + 1 + usize::from(runs), &["-c", "--config", "--env-file"]);
    match line.literal(index).as_deref().and_then(|file| file.strip_prefix("npm:")) {
        Some(package) if runs => line.binary_of(index, package),
        Some(_) | None => Step::Leaf(line.at, "deno".to_owned()),
    }
}

const NODE_VALUED: [&str; 12] = [
    "-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file",
    "--env-file-if-exists", "--watch-path", "--title", "--tsconfig",
];

/// `node FILE`, `node --run SCRIPT` and `tsx FILE`.
pub(super) fn node(line: &CommandLine, name: &str) -> Option<Step> {
    let watches = name == "tsx" && line.literal(line.at + 1).as_deref() == Some("watch");
    let mut index = line.at + 1 + usize::from(watches);
    while let Some(flag) = line.flag(index) {
        if let Some(name) = flag.strip_prefix("--run=") {
            let is_script = line.has_script(name);
            return (!is_script).then(|| Step::Leaf(line.at, name.to_owned()));
        }
        match flag.as_str() {
            "--run" => return script(line, Invoker::Node, index + 1),
            "-e" | "--eval" | "-p" | "--print" | "--test" | "-" => break,
            flag => index += 1 + usize::from(NODE_VALUED.contains(&flag)),
        }
        if flag == "--" {
            break;
        }
    }
    Some(match line.literal(index).filter(|file| file.contains("node_modules/")) {
        Some(file) => Step::Leaf(index, program_name(&file)),
        None => Step::Leaf(line.at, if name == "tsx" { "tsx" } else { "node" }.to_owned()),
    })
}

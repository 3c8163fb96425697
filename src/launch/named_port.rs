//! The port by which another command of the script names the server, as in `wait-on tcp:3000`: it is preferred, so
//! that this command finds the server.

use std::path::{Path, PathBuf};

use super::imports::imports;
use super::mentions::{Form, Mention, address, companion, mentions};
use super::reading::Reading;
use crate::detect::catalog::{Catalog, CatalogText, PortInput, Role};
use crate::detect::{Detection, ServerInputs};
use crate::project::read_beginning;
use crate::script::{Kind, Leaf};

/// How much of a file is looked at.
const SIZE: u64 = 256 * 1024;

/// The endings of configuration files that may set a port, and names of others.
const CONFIGURATIONS: [&str; 7] =
    [".config.js", ".config.mjs", ".config.cjs", ".config.ts", ".config.mts", ".config.cts", ".config.json"];
const OTHERS: [&str; 8] = [
    "angular.json", "project.json", ".env", ".env.local", ".env.development", ".env.development.local",
    "quasar.conf.js", ".umirc.ts",
];

/// Ports of databases and message queues, which scripts wait for too.
const NEVER: [u16; 14] =
    [1433, 1521, 2181, 3306, 5432, 5433, 5672, 6379, 8086, 9042, 9092, 9200, 11211, 27017];

/// How sure it is that a port is a server's usual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsualPort {
    /// It is the framework's default, but a file sets another port; or the program names it. Either may be the port of
    /// something else.
    Possible,
    Sure,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPort {
    pub port: u16,
    /// The program that names it.
    pub by: String,
}

impl NamedPort {
    /// The port of the server that a command of its script names, if there is evidence that it is the server's.
    pub fn of(
        reading: &Reading<'_>,
        detection: &Detection<'_>,
        inputs: &ServerInputs,
        catalog: &Catalog,
        files: &[String],
    ) -> Option<Self> {
        let tool = detection.tool?;
        let (chosen, server) = reading.leaf(tool.command)?;
        let leaves = &reading.leaves;
        let programs = &tool.framework.programs;
        let all = mentions(leaves, chosen, catalog);
        let is_named = |mention: &&Mention| mention.form != Form::Number && !NEVER.contains(&mention.port);
        let named: Vec<&Mention> = all.iter().filter(is_named).collect();
        if named.is_empty() {
            return None;
        }
        let with_name = |mention: &&Mention| {
            let by = leaves.get(mention.leaf).map(|leaf| leaf.program.clone()).unwrap_or_default();
            Self { port: mention.port, by }
        };
        let by_port = |port: u16| named.iter().find(|mention| mention.port == port).map(with_name);
        if let Some(written) = written_port(server, &inputs.port) {
            return by_port(written);
        }
        // An address that a program is told may be that of another program.
        let by_other = |mention: &Mention| mention.leaf != chosen;
        let configured =
            named.iter().find(|mention| match configured(reading, server, mention.port, files, programs) {
                Some(UsualPort::Sure) => true,
                Some(UsualPort::Possible) => by_other(mention),
                None => false,
            });
        let is_runtime = tool.framework.role == Role::Runtime;
        let default = if is_runtime { tool.framework } else { detection.framework }.default_port;
        let by_default = || {
            let is_default =
                |mention: &&&Mention| mention.port == default && (!is_runtime || by_other(mention));
            named.iter().find(is_default)
        };
        configured.or_else(by_default).map(with_name).or_else(|| {
            let known = by_elimination(leaves, chosen, catalog, &named)?;
            by_port(known)
        })
    }
}

impl Reading<'_> {
    /// The ports of the servers that run beside the chosen one: the port that the script sets, else the default.
    pub fn ports_of_others(&self, detection: &Detection<'_>, catalog: &Catalog) -> Vec<u16> {
        let Some((chosen, server)) = detection.tool.and_then(|tool| self.leaf(tool.command)) else {
            return Vec::new();
        };
        let ports = |(index, leaf): (usize, &Leaf)| {
            let is_other = index != chosen && leaf.kind == Kind::Program && leaf.runs_beside(server);
            let is_it = |command: &CatalogText| leaf.is(command);
            let framework = catalog.frameworks().iter().filter(|_| is_other).find(|framework| {
                framework.commands.iter().any(is_it) && !framework.not_commands.iter().any(is_it)
            })?;
            let written = written_port(leaf, &framework.port);
            written.or((framework.role != Role::Runtime).then_some(framework.default_port))
        };
        self.leaves.iter().enumerate().filter_map(ports).collect()
    }
}

/// The port that the command line of a server sets.
pub(super) fn written_port(server: &Leaf, input: &PortInput) -> Option<u16> {
    server.port(&input.flag_names()).or_else(|| server.assigned("PORT")?.parse().ok())
}

/// The only port that is named where nothing else can be a server.
fn by_elimination(leaves: &[Leaf], chosen: usize, catalog: &Catalog, named: &[&Mention]) -> Option<u16> {
    let server = leaves.get(chosen)?;
    let is_companion = |leaf: &Leaf| companion(leaf, catalog).is_some();
    let starter = leaves.iter().position(|leaf| companion(leaf, catalog).is_some_and(|one| one.starts));
    let is_other =
        |leaf: &Leaf| leaf.kind != Kind::Builtin && !is_companion(leaf) && leaf.runs_beside(server);
    if starter.is_none() && leaves.iter().any(is_other) {
        return None;
    }
    let counts = |mention: &&&Mention| {
        let by_starter = starter.is_none_or(|starter| starter == mention.leaf);
        let by_companion = leaves.get(mention.leaf).is_some_and(is_companion);
        by_starter && by_companion && matches!(mention.form, Form::Argument | Form::Address { is_web: true })
    };
    let mut ports: Vec<u16> = named.iter().filter(counts).map(|mention| mention.port).collect();
    ports.sort_unstable();
    ports.dedup();
    if let [port] = ports[..] { Some(port) } else { None }
}

/// How sure a file that configures the server, or its own program, makes it that this is its port.
pub(super) fn configured(
    reading: &Reading<'_>,
    server: &Leaf,
    port: u16,
    files: &[String],
    programs: &[CatalogText],
) -> Option<UsualPort> {
    let (dir, texts) = configurations(reading, server, files);
    let program = || {
        let named: Vec<(String, String)> = sources(server, &dir).collect();
        let own = named.iter().filter_map(|(_, text)| listens(text, port));
        let unnamed = read_programs(programs, &dir).filter_map(|text| listens(&text, port));
        // A file that the program imports may name the ports of others, too.
        let has = |(file, text): &(String, String)| {
            imports(&dir.join(file), text).any(|imported| listens(&imported, port).is_some())
        };
        own.chain(unnamed).max().or_else(|| named.iter().any(has).then_some(UsualPort::Possible))
    };
    if texts.iter().any(|text| sets_port(text, port)) { Some(UsualPort::Sure) } else { program() }
}

/// The files of programs that a command names, with their texts.
fn sources(leaf: &Leaf, dir: &Path) -> impl Iterator<Item = (String, String)> {
    let words = leaf.words.iter().filter_map(crate::script::Word::literal);
    let files = words.filter(|word| !word.starts_with('-') && Path::new(word).extension().is_some());
    files.filter_map(|file| read_beginning(&dir.join(&file), SIZE).map(|text| (file, text)))
}

impl Reading<'_> {
    /// The files of programs that the script names, with their texts.
    pub fn sources(&self) -> Vec<(String, String)> {
        let directory = |leaf: &Leaf| self.project.dir.join(leaf.directory());
        self.leaves.iter().flat_map(|leaf| sources(leaf, &directory(leaf)).collect::<Vec<_>>()).collect()
    }
}

/// The texts of the programs that the server's command does not name.
fn read_programs<'a>(programs: &'a [CatalogText], dir: &'a Path) -> impl Iterator<Item = String> + 'a {
    programs.iter().filter_map(|file| read_beginning(&dir.join(&**file), SIZE))
}

/// Whether a file that configures the server sets any port, or the program that its command does not name listens on one.
pub(super) fn sets_some_port(
    reading: &Reading<'_>,
    server: &Leaf,
    files: &[String],
    programs: &[CatalogText],
) -> bool {
    let (dir, texts) = configurations(reading, server, files);
    let listens = |text: String| {
        let calls = text.lines().filter_map(|line| line.split_once("listen(").map(|(_, rest)| rest));
        let mut numbers = calls.flat_map(|rest| rest.split(|c: char| !c.is_ascii_digit()));
        numbers.any(|number| number.len() > 3)
    };
    texts.iter().any(|text| {
        let starts = text.char_indices().filter(|(at, c)| {
            c.is_ascii_digit() && !text[..*at].ends_with(|before: char| before.is_ascii_alphanumeric())
        });
        starts.map(|(at, _)| at).any(|at| is_value_of_port(text, at))
    }) || read_programs(programs, &dir).any(listens)
}

/// The directory of the server, and the texts of the files there that configure it.
fn configurations(reading: &Reading<'_>, server: &Leaf, files: &[String]) -> (PathBuf, Vec<String>) {
    let project = &reading.project.dir;
    let dir = project.join(server.directory());
    let is_known = |name: &&String| {
        OTHERS.contains(&name.as_str()) || CONFIGURATIONS.iter().any(|ending| name.ends_with(ending))
    };
    let mut configurations: Vec<String> = files.iter().filter(is_known).cloned().collect();
    if dir != *project {
        configurations.extend(OTHERS.into_iter().map(str::to_owned));
        configurations.extend(
            CONFIGURATIONS.iter().flat_map(|ending| [format!("vite{ending}"), format!("webpack{ending}")]),
        );
    }
    let texts = configurations.iter().filter_map(|name| read_beginning(&dir.join(name), SIZE)).collect();
    (dir, texts)
}

/// Whether a text has `port: N`, `"port": N` or `PORT=N`.
fn sets_port(text: &str, port: u16) -> bool {
    numbers(text, port).any(|at| is_value_of_port(text, at))
}

/// Whether what begins at this place is the value of `port`.
fn is_value_of_port(text: &str, at: usize) -> bool {
    let lead = text[..at].trim_end_matches([' ', '\t', '"', '\'']);
    let Some(lead) = lead.strip_suffix([':', '=']) else { return false };
    let name = lead.trim_end_matches([' ', '\t', '"', '\'']);
    let is_port = name
        .len()
        .checked_sub(4)
        .and_then(|at| name.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case("port"));
    is_port && !name[..name.len() - 4].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

/// How sure the text of a program makes it that the program listens on this port: surely if a line listens on the number or
/// gives it to a port, possibly if a line has the word before it. An address with `://` is a client's.
fn listens(text: &str, port: u16) -> Option<UsualPort> {
    let lines = numbers(text, port).map(|at| text[..at].rsplit('\n').next().unwrap_or_default());
    let sure = |line: &str| {
        let small = line.to_ascii_lowercase();
        let serves = ["listen", "serve("].iter().any(|word| small.contains(word));
        if serves || line.contains("PORT") || after_port(line).any(is_value) {
            Some(UsualPort::Sure)
        } else {
            (after_port(line).next().is_some() || line.contains("Port")).then_some(UsualPort::Possible)
        }
    };
    lines.filter(|line| !is_client(line)).filter_map(sure).max()
}

fn is_client(line: &str) -> bool {
    address(line).is_some() && line.contains("://")
}

/// The rests of a line behind each `port` that begins a word: not behind `export` or `import`.
fn after_port(line: &str) -> impl Iterator<Item = &str> {
    let found = line
        .match_indices("port")
        .filter(|(at, _)| !line[..*at].ends_with(|c: char| c.is_ascii_alphabetic()));
    found.map(|(at, word)| &line[at + word.len()..])
}

/// Whether this text behind a name gives the name a value: `= 3000`, `: number = 3000`.
fn is_value(rest: &str) -> bool {
    let rest = rest.trim_start();
    let rest = rest
        .strip_prefix(':')
        .map_or(rest, |kind| kind.trim_start().trim_start_matches("number").trim_start());
    rest.starts_with('=') && !rest.starts_with("==")
}

/// Where the number stands alone.
fn numbers(text: &str, port: u16) -> impl Iterator<Item = usize> {
    let digits = port.to_string();
    let found: Vec<usize> = text.match_indices(&digits).map(|(at, _)| at).collect();
    found.into_iter().filter(move |at| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        !text[..*at].ends_with(is_part)
            && !text[*at + digits.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
    })
}

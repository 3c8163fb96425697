//! Where the port goes: onto the command line of one program of the script, or into the environment alone.

use super::plan::{NODE_OPTIONS, Request};
use super::reading::Reading;
use super::spec::Delivery;
use crate::detect::Tool;
use crate::detect::catalog::{Catalog, Framework, Place, Role};
use crate::script::{Edit, Kind, Leaf, Method, Rewrite, Unsafe, Word, quote};

/// What to do where nothing better is known.
const LET_IT_READ: &str = "let the server read `PORT`";

/// A command with the port in it, as far as that is possible.
#[derive(Debug)]
pub(super) struct Placement {
    /// What to run.
    pub(super) text: String,
    /// How surely the port arrives.
    pub(super) delivery: Delivery,
    /// Why it may not, and what to do.
    pub(super) doubt: Option<(String, String)>,
    /// Whether a flag says what address to listen on.
    pub(super) host_by_flag: bool,
    /// What was done.
    pub(super) notes: Vec<String>,
    /// What the user should know beside the doubt.
    pub(super) warnings: Vec<String>,
}

impl Placement {
    /// Runs the text as it is, in spite of what was planned.
    pub(super) fn give_up(&mut self, original: String, why: String) {
        self.text = original;
        self.delivery = self.delivery.without_flag();
        self.host_by_flag = false;
        self.doubt = Some((why, LET_IT_READ.to_owned()));
        self.notes.clear();
    }
}

impl Delivery {
    fn without_flag(self) -> Self {
        match self {
            Self::Flag | Self::Variable | Self::Hope => Self::Hope,
            Self::Inner => Self::Inner,
        }
    }
}

/// Puts the port of `request` where its server reads it.
pub(super) fn place(request: &Request<'_>) -> Placement {
    let reading = request.reading;
    let mut placement = Placement {
        text: reading.command(),
        delivery: Delivery::Hope,
        doubt: None,
        host_by_flag: false,
        notes: Vec::new(),
        warnings: Vec::new(),
    };
    if let Some(error) = &reading.obscure {
        let advice = error.hint().unwrap_or_else(|| LET_IT_READ.to_owned());
        placement.doubt = Some((error.to_string(), advice));
        return placement;
    }
    if reading.leaves.iter().any(starts_bowline) {
        placement.delivery = Delivery::Inner;
        placement.notes.push("the bowline that the script starts takes this port over".to_owned());
        return placement;
    }
    match request.detection.tool {
        Some(tool) if rivals(reading, tool, request.catalog) => {
            placement.doubt = Some((
                "the script starts several servers".to_owned(),
                "give each a script of its own, and name one with `--script`".to_owned(),
            ));
        }
        Some(tool) => place_on(request, tool, &mut placement),
        None => place_unknown(request, &mut placement),
    }
    placement
}

/// A bowline that is no wrapper but runs a script itself.
fn starts_bowline(leaf: &Leaf) -> bool {
    let first = || leaf.words.iter().skip(1).filter_map(Word::literal).find(|word| !word.starts_with('-'));
    leaf.program == "bowline" && first().is_none_or(|word| !BOWLINE_ANSWERS.contains(&word.as_str()))
}

/// The commands of bowline that answer instead of launching.
const BOWLINE_ANSWERS: [&str; 14] = [
    "stop",
    "restart",
    "logs",
    "open",
    "ls",
    "status",
    "wait",
    "port",
    "ports",
    "detect",
    "doctor",
    "runner",
    "completions",
    "man",
];

/// Whether another program of the script is a server of the same standing.
fn rivals(reading: &Reading<'_>, tool: Tool<'_>, catalog: &Catalog) -> bool {
    let Some((_, chosen)) = reading.leaf(tool.command) else { return false };
    let role = tool.framework.role;
    if role == Role::Runtime {
        let runtimes = catalog.frameworks().iter().filter(|framework| framework.role == role);
        let runtimes: Vec<_> = runtimes.collect();
        return reading.leaves.iter().any(|leaf| {
            !std::ptr::eq(leaf, chosen)
                && (leaf.role.is_concurrent() || chosen.role.is_concurrent())
                && runtimes.iter().any(|framework| framework.commands.iter().any(|command| leaf.is(command)))
        });
    }
    reading.leaves.iter().filter(|leaf| !std::ptr::eq(*leaf, chosen)).any(|leaf| {
        catalog.frameworks().iter().any(|framework| {
            framework.role == role
                && framework.commands.iter().any(|command| leaf.is(command))
                && !framework.not_commands.iter().any(|command| leaf.is(command))
        })
    })
}

/// Whether the port has to be kept from the other programs of the script: its server is told by a flag, and beside it
/// runs one that would take `PORT` for its own, as the API beside a Vite does.
pub(super) fn is_private(request: &Request<'_>, delivery: Delivery) -> bool {
    let reading = request.reading;
    let Some((_, chosen)) = request.detection.tool.and_then(|tool| reading.leaf(tool.command)) else {
        return false;
    };
    let is_runtime = |leaf: &Leaf| {
        let runs = |framework: &Framework| framework.commands.iter().any(|rule| leaf.is(rule));
        request
            .catalog
            .frameworks()
            .iter()
            .any(|framework| framework.role == Role::Runtime && runs(framework))
    };
    let mut others = reading.leaves.iter().filter(|leaf| !std::ptr::eq(*leaf, chosen));
    delivery == Delivery::Flag
        && others.any(|leaf| {
            let beside = leaf.role.is_concurrent() || chosen.role.is_concurrent();
            beside && (leaf.kind == Kind::Opaque || is_runtime(leaf))
        })
}

/// What the command line of a leaf is to say.
struct Words<'a> {
    /// The port flags; none where the flag is already among `insert`.
    flags: Vec<&'a str>,
    strict: Option<&'a str>,
    insert: Vec<String>,
    variables: Vec<&'a str>,
    options: &'a [(&'a str, &'a str)],
    /// Whether a port flag stands there already.
    has_port: bool,
}

impl<'a> Words<'a> {
    fn of(
        request: &Request<'a>,
        leaf: &Leaf,
        options: &'a [(&'a str, &'a str)],
        placement: &mut Placement,
    ) -> Self {
        let port = &request.inputs.port;
        let mut flags: Vec<&str> = port.flags.iter().map(|flag| flag.trim_end_matches('=')).collect();
        let has_port = leaf.has_flag(&flags);
        let mut insert = Vec::new();
        if let Some(joined) = port.flags.first().filter(|flag| flag.ends_with('=') && !has_port) {
            insert.push(format!("{joined}{}", request.port));
            flags.clear();
        }
        if let Some(flag) = &request.inputs.host.flag {
            insert.extend(host_arguments(request, leaf, flag, placement));
        }
        let strict = port.strict.as_deref().filter(|_| !port.flags.is_empty());
        Self { flags, strict, insert, variables: variables(request), options, has_port }
    }

    fn edit(&self, port: u16) -> Edit<'_> {
        Edit {
            flags: &self.flags,
            strict: self.strict,
            insert: &self.insert,
            port,
            variables: &self.variables,
            options: self.options,
        }
    }

    fn only_variables(&self, port: u16) -> Edit<'_> {
        Edit { port, variables: &self.variables, options: self.options, ..Edit::default() }
    }

    /// The words to be added, in one list.
    fn added(&self, port: u16) -> Vec<String> {
        let flag = self.flags.first().map(|flag| [(*flag).to_owned(), port.to_string()]);
        let strict = self.strict.map(str::to_owned);
        flag.into_iter().flatten().chain(strict).chain(self.insert.iter().cloned()).collect()
    }
}

fn place_on(request: &Request<'_>, tool: Tool<'_>, placement: &mut Placement) {
    let Some((index, leaf)) = request.reading.leaf(tool.command) else { return };
    let port = &request.inputs.port;
    let preload = option(request);
    let options: Vec<_> = preload.iter().map(|option| (NODE_OPTIONS, option.as_str())).collect();
    let words = Words::of(request, leaf, &options, placement);
    let reads_variable = port.reads_port_variable && arrives(leaf);
    let rewritten = if port.place == Place::AfterCommand && !words.has_port && !port.flags.is_empty() {
        after_command(request, tool, index, &words)
    } else {
        leaf.rewrite(&words.edit(request.port))
    };
    let reason = match rewritten {
        Ok(rewrite) => {
            placement.delivery = match (port.flags.is_empty(), reads_variable) {
                (false, _) => Delivery::Flag,
                (true, true) => Delivery::Variable,
                (true, false) => Delivery::Hope,
            };
            placement.doubt = Some(deafness(leaf, port.reads_port_variable));
            accept(placement, rewrite, leaf);
            return;
        }
        Err(reason) => reason,
    };
    placement.host_by_flag = false;
    let only_variables = leaf.rewrite(&words.only_variables(request.port));
    let assigned = only_variables.map(|rewrite| accept(placement, rewrite, leaf)).is_ok();
    if assigned && reads_variable && !words.has_port {
        placement.delivery = Delivery::Variable;
    } else {
        doubt(placement, leaf, reason);
    }
}

/// Adds words directly after the command, as what follows a file belongs to that file's program. The result is
/// parsed again, and has to be exactly the leaf with these words added.
fn after_command(
    request: &Request<'_>,
    tool: Tool<'_>,
    index: usize,
    words: &Words<'_>,
) -> Result<Rewrite, Unsafe> {
    let reading = request.reading;
    let leaf = reading.leaves.get(index).ok_or(Unsafe::Opaque)?;
    let rewrite = leaf.rewrite(&words.only_variables(request.port))?;
    let leaves = reading.leaves_of(&rewrite.text).ok_or(Unsafe::Opaque)?;
    let leaf = leaves.get(index).ok_or(Unsafe::Opaque)?;
    let rule = tool.framework.commands.iter().find(|rule| leaf.is(rule)).ok_or(Unsafe::Opaque)?;
    let last = rule.split_whitespace().last().unwrap_or_default();
    let literals = |leaf: &Leaf| leaf.words.iter().map(Word::literal).collect::<Vec<_>>();
    let mut expected = literals(leaf);
    let is_last = |word: &Option<String>| word.as_deref() == Some(last) || !rule.contains(' ');
    let at = expected.iter().position(is_last).ok_or(Unsafe::Opaque)?;
    let added = words.added(request.port);
    let quoted: Vec<String> = added.iter().map(|word| quote(word)).collect();
    let behind = expected.split_off(at + 1);
    expected.extend(added.into_iter().map(Some).chain(behind));

    let mut text = rewrite.text;
    let end = leaf.words.get(at).map(|word| word.span().end).filter(|end| text.is_char_boundary(*end));
    text.insert_str(end.ok_or(Unsafe::Quoting)?, &format!(" {}", quoted.join(" ")));
    let changed = reading.leaves_of(&text).ok_or(Unsafe::Quoting)?;
    let same =
        changed.len() == leaves.len() && changed.get(index).is_some_and(|leaf| literals(leaf) == expected);
    if same { Ok(Rewrite { text, method: rewrite.method }) } else { Err(Unsafe::Quoting) }
}

/// What the command line has to say about the address.
fn host_arguments(request: &Request<'_>, leaf: &Leaf, flag: &str, placement: &mut Placement) -> Vec<String> {
    let name = flag.trim_end_matches('=');
    let host = &request.inputs.host;
    let wanted = request.host.map(|wanted| wanted.address_for(host));
    let Some(address) = wanted.or_else(|| host.loopback.as_deref().map(str::to_owned)) else {
        return Vec::new();
    };
    placement.host_by_flag = true;
    let known = std::iter::once(name).chain(host.others.iter().map(|other| &**other));
    if let Some(said) = known.into_iter().find(|flag| says(leaf, flag)) {
        if request.host.is_some() {
            placement.warnings.push(format!("the script says `{said}` itself: change it there"));
        }
        Vec::new()
    } else if flag.ends_with('=') {
        vec![format!("{flag}{address}")]
    } else {
        vec![flag.to_owned(), address]
    }
}

/// Whether a flag stands on the command line, the value of a flag of one letter perhaps at once behind it.
fn says(leaf: &Leaf, flag: &str) -> bool {
    let is_letter = flag.len() == 2 && flag != "--";
    let attached = |word: &Word| word.prefix().strip_prefix(flag).is_some_and(|rest| !rest.is_empty());
    leaf.has_flag(&[flag]) || is_letter && leaf.words.iter().skip(1).any(attached)
}

/// A script of which the catalog knows no program: its own assignments get the port if it is one command.
fn place_unknown(request: &Request<'_>, placement: &mut Placement) {
    let reading = request.reading;
    let programs: Vec<&Leaf> = reading.leaves.iter().filter(|leaf| leaf.kind != Kind::Builtin).collect();
    let [leaf] = programs.as_slice() else {
        let why = "none of its programs is a server that bowline knows".to_owned();
        placement.doubt = Some((why, LET_IT_READ.to_owned()));
        return;
    };
    let variables = variables(request);
    let preload = option(request);
    let options: Vec<_> = preload.iter().map(|option| (NODE_OPTIONS, option.as_str())).collect();
    let edit = Edit { port: request.port, variables: &variables, options: &options, ..Edit::default() };
    match leaf.rewrite(&edit) {
        Ok(rewrite) => {
            accept(placement, rewrite, leaf);
            if leaf.kind == Kind::Opaque {
                return doubt(placement, leaf, Unsafe::Opaque);
            }
            let why = format!("`{}` is no server that bowline knows", leaf.program);
            let advice = "let it read `PORT`, or name what it is with `--framework`";
            placement.doubt = Some((why, advice.to_owned()));
        }
        Err(reason) => doubt(placement, leaf, reason),
    }
}

/// The variables whose assignments in the script would hide ours.
fn variables<'r>(request: &Request<'r>) -> Vec<&'r str> {
    let own = request.inputs.port.environment.iter().map(|name| &**name);
    ["PORT", "DEV_SERVER_PORT"].into_iter().chain(own).collect()
}

/// The option of the preload, for a script that sets `NODE_OPTIONS` itself.
fn option(request: &Request<'_>) -> Option<String> {
    request.preload.and_then(|preload| preload.option().into_string().ok())
}

/// Whether our `PORT` gets through to the leaf.
fn arrives(leaf: &Leaf) -> bool {
    let environment = &leaf.environment;
    !environment.cleared && !environment.files && !environment.removed.iter().any(|name| name == "PORT")
}

/// Why a leaf that takes no flag may not hear of its port, and what to do.
fn deafness(leaf: &Leaf, reads_variable: bool) -> (String, String) {
    let program = &leaf.program;
    if !reads_variable {
        let why = format!("`{program}` has no way to be told its port");
        (why, "set the port in its configuration from `PORT`".to_owned())
    } else if leaf.environment.files {
        let why = format!("the script reads a file of variables before `{program}`, which may set `PORT`");
        (why, "leave `PORT` out of that file".to_owned())
    } else {
        (format!("the script hides `PORT` from `{program}`"), "let it through in the script".to_owned())
    }
}

fn accept(placement: &mut Placement, rewrite: Rewrite, leaf: &Leaf) {
    if rewrite.text != placement.text {
        placement.notes.push(match rewrite.method {
            Method::InPlace => format!("the port is on the command line of `{}`", leaf.program),
            Method::Forwarded => format!("the port is passed on to `{}`", leaf.program),
            Method::Inlined => {
                let scripts = leaf.scripts().join("`, `");
                format!(
                    "the port is on the command line of `{}`, and `{scripts}` stands written out",
                    leaf.program
                )
            }
        });
        placement.text = rewrite.text;
    }
}

fn doubt(placement: &mut Placement, leaf: &Leaf, reason: Unsafe) {
    placement.delivery = Delivery::Hope;
    let advice = reason.hint().unwrap_or_else(|| LET_IT_READ.to_owned());
    let why =
        if leaf.program.is_empty() { reason.to_string() } else { format!("`{}`: {reason}", leaf.program) };
    placement.doubt = Some((why, advice));
}

//! Where the port goes: onto the command line of one program of the script, or into the environment alone.

use super::plan::Request;
use super::reading::Reading;
use super::spec::Delivery;
use crate::detect::Tool;
use crate::detect::catalog::{Catalog, Role};
use crate::script::{Edit, Kind, Leaf, Method, Rewrite, Unsafe};

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
    let first = || leaf.words.iter().skip(1).filter_map(|word| word.literal()).find(|word| !word.starts_with('-'));
    leaf.program == "bowline"
        && first().is_none_or(|word| !BOWLINE_ANSWERS.contains(&word.as_str()))
}

/// The commands of bowline that answer instead of launching.
const BOWLINE_ANSWERS: [&str; 14] = [
    "stop", "restart", "logs", "open", "ls", "status", "wait", "port", "ports", "detect", "doctor", "runner",
    "completions", "man",
];

/// Whether another program of the script is a server of the same standing.
fn rivals(reading: &Reading<'_>, tool: Tool<'_>, catalog: &Catalog) -> bool {
    let Some(chosen) = reading.leaf(tool.command) else { return false };
    let role = tool.framework.rules.role;
    if role == Role::Runtime {
        let runtimes = catalog.frameworks().iter().filter(|framework| framework.rules.role == role);
        let rules: Vec<_> = runtimes.map(|framework| &framework.rules).collect();
        return reading.leaves.iter().any(|leaf| {
            !std::ptr::eq(leaf, chosen)
                && (leaf.role.is_concurrent() || chosen.role.is_concurrent())
                && rules.iter().any(|rules| rules.commands.iter().any(|command| leaf.is(command)))
        });
    }
    reading.leaves.iter().filter(|leaf| !std::ptr::eq(*leaf, chosen)).any(|leaf| {
        catalog.frameworks().iter().any(|framework| {
            let rules = &framework.rules;
            rules.role == role
                && rules.commands.iter().any(|command| leaf.is(command))
                && !rules.not_commands.iter().any(|command| leaf.is(command))
        })
    })
}

fn place_on(request: &Request<'_>, tool: Tool<'_>, placement: &mut Placement) {
    let Some(leaf) = request.reading.leaf(tool.command) else { return };
    let (port, host) = (&request.inputs.port, &request.inputs.host);
    let mut insert = Vec::new();
    let mut flags: Vec<&str> = port.flags.iter().map(|flag| flag.trim_end_matches('=')).collect();
    let has_port = leaf.has_flag(&flags);
    if let Some(joined) = port.flags.first().filter(|flag| flag.ends_with('=') && !has_port) {
        insert.push(format!("{joined}{}", request.port));
        flags.clear();
    }
    let by_flag = !port.flags.is_empty();
    if let Some(flag) = &host.flag {
        host_arguments(request, leaf, flag, (&mut insert, placement));
    }
    let variables = variables(request);
    let edit = Edit {
        flags: &flags,
        strict: port.strict.as_deref().filter(|_| by_flag),
        insert: &insert,
        port: request.port,
        variables: &variables,
    };
    let delivery = if by_flag {
        Delivery::Flag
    } else if port.reads_port_variable && arrives(leaf) {
        Delivery::Variable
    } else {
        Delivery::Hope
    };
    match leaf.rewrite(&edit) {
        Ok(rewrite) => {
            placement.delivery = delivery;
            if delivery == Delivery::Hope {
                let why = format!("`{}` has no way to be told its port", tool.framework.label);
                placement.doubt = Some((why, "set the port in its configuration from `PORT`".to_owned()));
            }
            accept(placement, rewrite, leaf);
        }
        Err(reason) => {
            placement.host_by_flag = false;
            let only_variable = Edit { flags: &[], strict: None, insert: &[], ..edit };
            if let Ok(rewrite) = leaf.rewrite(&only_variable) {
                accept(placement, rewrite, leaf);
                if port.reads_port_variable && arrives(leaf) && !has_port {
                    placement.delivery = Delivery::Variable;
                    return;
                }
            }
            doubt(placement, leaf, reason);
        }
    }
}

/// Adds what the command line has to say about the address.
fn host_arguments(
    request: &Request<'_>,
    leaf: &Leaf,
    flag: &str,
    (insert, placement): (&mut Vec<String>, &mut Placement),
) {
    let name = flag.trim_end_matches('=');
    let host = &request.inputs.host;
    let address = match request.host {
        Some(wanted) => wanted.address_for(host),
        None => match &host.loopback {
            Some(loopback) => loopback.clone(),
            None => return,
        },
    };
    if leaf.has_flag(&[name]) {
        if request.host.is_some() {
            placement.warnings.push(format!("the script says `{name}` itself: change it there"));
        }
    } else if flag.ends_with('=') {
        insert.push(format!("{flag}{address}"));
    } else {
        insert.extend([flag.to_owned(), address]);
    }
    placement.host_by_flag = true;
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
    let edit = Edit { port: request.port, variables: &variables, ..Edit::default() };
    match leaf.rewrite(&edit) {
        Ok(rewrite) => {
            accept(placement, rewrite, leaf);
            let why = format!("`{}` is no server that bowline knows", leaf.program);
            let advice = "let it read `PORT`, or name what it is with `--framework`";
            placement.doubt = Some((why, advice.to_owned()));
        }
        Err(reason) => doubt(placement, leaf, reason),
    }
}

/// The variables whose assignments in the script would hide ours.
fn variables<'r>(request: &Request<'r>) -> Vec<&'r str> {
    let own = request.inputs.port.environment.iter().map(String::as_str);
    ["PORT", "DEV_SERVER_PORT"].into_iter().chain(own).collect()
}

/// Whether our `PORT` gets through to the leaf.
fn arrives(leaf: &Leaf) -> bool {
    !leaf.environment.cleared && !leaf.environment.removed.iter().any(|name| name == "PORT")
}

fn accept(placement: &mut Placement, rewrite: Rewrite, leaf: &Leaf) {
    if rewrite.text != placement.text {
        placement.notes.push(match rewrite.method {
            Method::InPlace => format!("the port is on the command line of `{}`", leaf.program),
            Method::Forwarded => format!("the port is passed on to `{}`", leaf.program),
            Method::Inlined => {
                let scripts = leaf.scripts().join("`, `");
                format!("the port is on the command line of `{}`, and `{scripts}` stands written out", leaf.program)
            }
        });
        placement.text = rewrite.text;
    }
}

fn doubt(placement: &mut Placement, leaf: &Leaf, reason: Unsafe) {
    placement.delivery = Delivery::Hope;
    let advice = reason.hint().unwrap_or_else(|| LET_IT_READ.to_owned());
    let why = if leaf.program.is_empty() { reason.to_string() } else { format!("`{}`: {reason}", leaf.program) };
    placement.doubt = Some((why, advice));
}

//! Where the port goes: onto the command line of one program of the script, or into the environment alone.

use super::bowline_call::BowlineCall;
use super::reading::Reading;
use super::request::{LaunchRequest, NODE_OPTIONS};
use super::spec::Delivery;
use crate::detect::Tool;
use crate::detect::catalog::{Catalog, FlagPosition, Role};
use crate::script::{Edit, Kind, Leaf, Method, Rewrite, RewriteError, Word, quote};

const LET_IT_READ: &str = "let the server read `PORT`";

/// A command with the port in it, if possible, and how the server gets its port.
#[derive(Debug, Default)]
pub(super) struct Placement {
    pub(super) text: String,
    pub(super) delivery: Delivery,
    /// Why the port may not arrive, and advice.
    pub(super) doubt: Option<(String, &'static str)>,
    pub(super) host_by_flag: bool,
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl Placement {
    pub(super) fn revert(&mut self, original: &str, why: String) {
        original.clone_into(&mut self.text);
        if self.delivery != Delivery::Inner {
            self.delivery = Delivery::Unverified;
        }
        self.host_by_flag = false;
        self.doubt = Some((why, LET_IT_READ));
        self.notes.clear();
    }

    fn accept(&mut self, rewrite: Rewrite, leaf: &Leaf) {
        if rewrite.text == self.text {
            return;
        }
        let program = &leaf.program;
        self.notes.push(match rewrite.method {
            Method::InPlace => format!("the port is on the command line of `{program}`"),
            Method::Forwarded => format!("the port is passed on to `{program}`"),
            Method::Inlined => {
                let scripts = leaf.scripts().join("`, `");
                format!("the port is on the command line of `{program}`, and `{scripts}` stands written out")
            }
        });
        self.text = rewrite.text;
    }

    fn refuse(&mut self, leaf: &Leaf, reason: RewriteError) {
        self.delivery = Delivery::Unverified;
        let program = &leaf.program;
        let why = if program.is_empty() { reason.to_string() } else { format!("`{program}`: {reason}") };
        self.doubt = Some((why, reason.hint()));
    }
}

pub(super) fn place(request: &LaunchRequest<'_>) -> Placement {
    let reading = request.reading;
    let mut placement = Placement { text: reading.command.clone(), ..Placement::default() };
    if let Some(error) = &reading.parse_error {
        placement.doubt = Some((error.to_string(), error.hint()));
        return placement;
    }
    if reading.leaves.iter().filter_map(BowlineCall::of).any(|call| call.launches()) {
        placement.delivery = Delivery::Inner;
        placement.notes.push("the bowline that the script starts takes this port over".to_owned());
        return placement;
    }
    match request.detection.tool {
        Some(tool) if has_rival(reading, tool, request.catalog) => {
            placement.doubt = Some((
                "the script starts several servers".to_owned(),
                "give each a script of its own, and name one with `--script`",
            ));
        }
        Some(tool) => place_on(request, tool, &mut placement),
        None => place_unknown(request, &mut placement),
    }
    placement
}

fn others<'r>(reading: &'r Reading<'_>, chosen: &'r Leaf) -> impl Iterator<Item = &'r Leaf> {
    reading.leaves.iter().filter(move |leaf| !std::ptr::eq(*leaf, chosen))
}

fn is_server(leaf: &Leaf, role: Role, catalog: &Catalog) -> bool {
    catalog.frameworks().iter().any(|framework| {
        framework.role == role
            && framework.commands.iter().any(|command| leaf.is(command))
            && !framework.not_commands.iter().any(|command| leaf.is(command))
    })
}

fn side_by_side(one: &Leaf, other: &Leaf) -> bool {
    one.role.is_concurrent() || other.role.is_concurrent()
}

/// Whether another program of the script is a server of the same role. Runtimes may run one after the other.
fn has_rival(reading: &Reading<'_>, tool: Tool<'_>, catalog: &Catalog) -> bool {
    let Some((_, chosen)) = reading.leaf(tool.command) else { return false };
    let role = tool.framework.role;
    others(reading, chosen)
        .any(|leaf| (role != Role::Runtime || side_by_side(leaf, chosen)) && is_server(leaf, role, catalog))
}

/// Whether `PORT` has to be hidden from the script: its server gets the port by a flag, and a program that would
/// take `PORT` for its own runs concurrently, as an API beside Vite does.
pub(super) fn is_private(request: &LaunchRequest<'_>, delivery: Delivery) -> bool {
    let reading = request.reading;
    let Some((_, chosen)) = request.detection.tool.and_then(|tool| reading.leaf(tool.command)) else {
        return false;
    };
    let takes_port =
        |leaf: &Leaf| leaf.kind == Kind::Opaque || is_server(leaf, Role::Runtime, request.catalog);
    delivery == Delivery::Flag
        && others(reading, chosen).any(|leaf| side_by_side(leaf, chosen) && takes_port(leaf))
}

/// The edit of the variables that the script assigns itself, which would hide ours.
fn variable_edit<'r>(request: &LaunchRequest<'r>) -> Edit<'r> {
    let own = request.inputs.port.environment.iter().map(|name| &**name);
    let preload = request.preload.and_then(|preload| preload.options(None).into_string().ok());
    Edit {
        port: request.port,
        variables: ["PORT", "DEV_SERVER_PORT"].into_iter().chain(own).collect(),
        options: preload.map(|option| (NODE_OPTIONS, option)).into_iter().collect(),
        ..Edit::default()
    }
}

fn place_on(request: &LaunchRequest<'_>, tool: Tool<'_>, placement: &mut Placement) {
    let Some((index, leaf)) = request.reading.leaf(tool.command) else { return };
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
    let edit = Edit { flags, strict, insert, ..variable_edit(request) };
    let rewritten = if port.place == FlagPosition::AfterCommand && !has_port && !port.flags.is_empty() {
        after_command(request, tool, index, &edit)
    } else {
        leaf.rewrite(&edit)
    };
    let reads_variable = port.reads_port_variable && port_variable_arrives(leaf);
    match rewritten {
        Ok(rewrite) => {
            placement.delivery = match (port.flags.is_empty(), reads_variable) {
                (false, _) => Delivery::Flag,
                (true, true) => Delivery::Variable,
                (true, false) => Delivery::Unverified,
            };
            placement.doubt = Some(why_unread(leaf, port.reads_port_variable));
            placement.accept(rewrite, leaf);
        }
        Err(reason) => {
            placement.host_by_flag = false;
            let assigned =
                leaf.rewrite(&variable_edit(request)).map(|rewrite| placement.accept(rewrite, leaf)).is_ok();
            if assigned && reads_variable && !has_port {
                placement.delivery = Delivery::Variable;
            } else {
                placement.refuse(leaf, reason);
            }
        }
    }
}

/// Adds words directly after the command, as arguments after a file belong to that file's program. The result is
/// parsed again, and must be exactly the leaf with these words added.
fn after_command(
    request: &LaunchRequest<'_>,
    tool: Tool<'_>,
    index: usize,
    edit: &Edit<'_>,
) -> Result<Rewrite, RewriteError> {
    let reading = request.reading;
    let leaf = reading.leaves.get(index).ok_or(RewriteError::Opaque)?;
    let rewrite = leaf.rewrite(&variable_edit(request))?;
    let leaves = reading.leaves_of(&rewrite.text).ok_or(RewriteError::Opaque)?;
    let leaf = leaves.get(index).ok_or(RewriteError::Opaque)?;
    let rule = tool.framework.commands.iter().find(|rule| leaf.is(rule)).ok_or(RewriteError::Opaque)?;
    let last = rule.split_whitespace().last().unwrap_or_default();
    let literals = |leaf: &Leaf| leaf.words.iter().map(Word::literal).collect::<Vec<_>>();
    let mut expected = literals(leaf);
    let is_last = |word: &Option<String>| word.as_deref() == Some(last) || !rule.contains(' ');
    let at = expected.iter().position(is_last).ok_or(RewriteError::Opaque)?;
    let added = edit.added(false, false);
    let quoted: Vec<String> = added.iter().map(|word| quote(word)).collect();
    let behind = expected.split_off(at + 1);
    expected.extend(added.into_iter().map(Some).chain(behind));

    let mut text = rewrite.text;
    let end = leaf.words.get(at).map(|word| word.span.end).filter(|end| text.is_char_boundary(*end));
    text.insert_str(end.ok_or(RewriteError::Quoting)?, &format!(" {}", quoted.join(" ")));
    let changed = reading.leaves_of(&text).ok_or(RewriteError::Quoting)?;
    let is_same =
        changed.len() == leaves.len() && changed.get(index).is_some_and(|leaf| literals(leaf) == expected);
    if is_same { Ok(Rewrite { text, method: rewrite.method }) } else { Err(RewriteError::Quoting) }
}

fn host_arguments(
    request: &LaunchRequest<'_>,
    leaf: &Leaf,
    flag: &str,
    placement: &mut Placement,
) -> Vec<String> {
    let name = flag.trim_end_matches('=');
    let host = &request.inputs.host;
    let wanted = request.host.map(|wanted| wanted.address_for(host));
    let Some(address) = wanted.or_else(|| host.loopback.as_deref().map(str::to_owned)) else {
        return Vec::new();
    };
    placement.host_by_flag = true;
    let mut known = std::iter::once(name).chain(host.others.iter().map(|other| &**other));
    if let Some(present) = known.find(|flag| has_flag(leaf, flag)) {
        if request.host.is_some() {
            placement.warnings.push(format!("the script says `{present}` itself: change it there"));
        }
        Vec::new()
    } else if flag.ends_with('=') {
        vec![format!("{flag}{address}")]
    } else {
        vec![flag.to_owned(), address]
    }
}

/// Whether the command line has a flag. The value of a flag of one letter may follow it without a space.
fn has_flag(leaf: &Leaf, flag: &str) -> bool {
    let is_letter = flag.len() == 2 && flag != "--";
    let is_attached = |word: &Word| word.prefix().strip_prefix(flag).is_some_and(|rest| !rest.is_empty());
    leaf.has_flag(&[flag]) || is_letter && leaf.words.iter().skip(1).any(is_attached)
}

/// A script without a program that the catalog knows. If it is one command, its own assignments get the port.
fn place_unknown(request: &LaunchRequest<'_>, placement: &mut Placement) {
    let leaves = &request.reading.leaves;
    let programs: Vec<&Leaf> = leaves.iter().filter(|leaf| leaf.kind != Kind::Builtin).collect();
    let [leaf] = programs.as_slice() else {
        let why = "none of its programs is a server that bowline knows".to_owned();
        placement.doubt = Some((why, LET_IT_READ));
        return;
    };
    match leaf.rewrite(&variable_edit(request)) {
        Ok(rewrite) => placement.accept(rewrite, leaf),
        Err(reason) => return placement.refuse(leaf, reason),
    }
    if leaf.kind == Kind::Opaque {
        return placement.refuse(leaf, RewriteError::Opaque);
    }
    let why = format!("`{}` is no server that bowline knows", leaf.program);
    placement.doubt = Some((why, "let it read `PORT`, or name what it is with `--framework`"));
}

fn port_variable_arrives(leaf: &Leaf) -> bool {
    let environment = &leaf.scope.environment;
    !environment.cleared && !environment.files && !environment.removed.iter().any(|name| name == "PORT")
}

/// Why a leaf that takes no flag may not read the port, and advice.
fn why_unread(leaf: &Leaf, reads_variable: bool) -> (String, &'static str) {
    let program = &leaf.program;
    if !reads_variable {
        let why = format!("`{program}` has no way to be told its port");
        (why, "set the port in its configuration from `PORT`")
    } else if leaf.scope.environment.files {
        let why = format!("the script reads a file of variables before `{program}`, which may set `PORT`");
        (why, "leave `PORT` out of that file")
    } else {
        (format!("the script hides `PORT` from `{program}`"), "let it through in the script")
    }
}

//! Where the port goes: onto the command line of one program of the script, or into the environment alone.

use super::bowline_call::BowlineCall;
use super::draft::{Draft, merge};
use super::mentions::companion;
use super::preload::Preload;
use super::request::{LaunchRequest, port_variables};
use super::script_shell;
use super::sibling_ports::SiblingPorts;
use super::spec::Delivery;
use crate::detect::Tool;
use crate::detect::catalog::FlagPosition;
use crate::script::{
    Edit, Kind, Leaf, Method, NestedScript, PackageManager, Rewrite, RewriteError, Word, quote,
};

const LET_IT_READ: &str = "let the server read `PORT`";

/// Who gets the variables with the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reach {
    /// Every program of the script.
    #[default]
    All,
    /// Every program, but not `PORT`, which the server does not need.
    NotPort,
    /// The server: they stand in front of its command.
    Server,
}

/// A command with the port in it, if possible, and how the server gets its port.
#[derive(Debug, Default)]
pub(super) struct Placement {
    pub(super) text: String,
    pub(super) delivery: Delivery,
    /// Why the port may not arrive, and advice.
    pub(super) doubt: Option<(String, &'static str)>,
    pub(super) host_by_flag: bool,
    /// Who gets the variables with the port.
    pub(super) reach: Reach,
    /// The nested scripts that run otherwise than they are written.
    pub(super) nested: Vec<NestedScript>,
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
        self.reach = Reach::All;
        self.nested.clear();
        self.doubt = Some((why, LET_IT_READ));
        self.notes.clear();
    }

    fn accept(&mut self, rewrite: Rewrite, leaf: &Leaf) {
        merge(&mut self.nested, &rewrite.nested);
        for script in
            rewrite.nested.iter().filter_map(|script| Some((&script.name, &script.text.as_ref()?.1)))
        {
            self.notes.push(format!("`{}` runs as: {}", script.0, script.1));
        }
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
        placement.doubt = request.has_port().then(|| (error.to_string(), error.hint()));
        return placement;
    }
    let is_inner = || reading.leaves.iter().filter_map(BowlineCall::of).any(|call| call.launches());
    if request.has_port() && is_inner() {
        placement.delivery = Delivery::Inner;
        placement.notes.push("the bowline that the script starts takes this port over".to_owned());
        return placement;
    }
    let shells = request.script_shell.map_or(&[][..], |_| script_shell::managers(reading));
    let mut draft = Draft::of(reading);
    SiblingPorts::of(&draft, request).rename(&mut draft, request, shells, |draft| {
        draft.rename_port(request, shells);
    });
    placement.text.clone_from(&draft.text);
    placement.nested.clone_from(&draft.nested);
    placement.notes.append(&mut draft.notes);
    placement.warnings.append(&mut draft.warnings);
    if !request.has_port() {
        return placement;
    }
    match request.detection.tool.and_then(|tool| Some((tool, reading.leaf(tool.command)?.0))) {
        Some((tool, index)) => {
            let server = Server { request, tool, index, draft: &draft, shells };
            server.place(&mut placement);
        }
        None => place_unknown(request, (&draft.leaves, shells), &mut placement),
    }
    placement
}

/// The edit of the variables that the script assigns itself, which would hide ours.
fn variable_edit<'r>(request: &LaunchRequest<'r>) -> Edit<'r> {
    Edit {
        port: request.port,
        variables: port_variables(request.inputs).collect(),
        options: request.preload.map(Preload::assignments).unwrap_or_default(),
        ..Edit::default()
    }
}

/// The program of the script that is given the port.
struct Server<'r> {
    request: &'r LaunchRequest<'r>,
    tool: Tool<'r>,
    /// Its index among the leaves.
    index: usize,
    draft: &'r Draft<'r>,
    shells: &'r [PackageManager],
}

impl<'r> Server<'r> {
    fn leaf(&self) -> &'r Leaf {
        &self.draft.leaves[self.index]
    }

    /// The programs that run at the same time.
    fn others(&self) -> Vec<&'r Leaf> {
        let is_other = |leaf: &&Leaf| leaf.kind != Kind::Builtin && leaf.runs_beside(self.leaf());
        self.draft.leaves.iter().filter(is_other).collect()
    }

    /// The edit of variables. They are for the server alone if others run beside it, or if the script would hide them.
    fn variables(&self) -> Edit<'r> {
        let others = self.others();
        let is_hidden = others.is_empty() && !port_variable_arrives(self.leaf());
        let in_front = is_hidden
            && self.request.inputs.port.reads_port_variable
            && self.leaf().would_get("PORT", &[], self.shells);
        Edit { apart_from: others, in_front, shells: self.shells, ..variable_edit(self.request) }
    }

    fn place(&self, placement: &mut Placement) {
        let (leaf, port) = (self.leaf(), &self.request.inputs.port);
        let flags = port.flag_names();
        let has_port = leaf.has_flag(&flags);
        let edit = self.edit(flags, has_port, placement);
        let reads_variable = port.reads_port_variable
            && if edit.is_for_one() {
                leaf.would_get("PORT", &edit.apart_from, self.shells)
            } else {
                port_variable_arrives(leaf)
            };
        let shared = Edit { apart_from: Vec::new(), in_front: false, ..edit.clone() };
        let attempts = [Some(&edit), Some(&shared).filter(|_| edit.is_for_one() && !port.flags.is_empty())];
        let mut results = attempts.into_iter().flatten().map(|edit| (edit, self.rewrite(edit, has_port)));
        let (first, done) = (results.next(), results.find(|(_, result)| result.is_ok()));
        let Some((done_by, result)) = first.filter(|(_, result)| result.is_ok() || done.is_none()).or(done)
        else {
            return;
        };
        match result {
            Ok(rewrite) => {
                let role = self.tool.framework.role;
                placement.delivery = Delivery::of(role, !port.flags.is_empty(), reads_variable);
                placement.doubt = Some(why_unread(leaf, port.reads_port_variable));
                placement.reach = if done_by.is_for_one() {
                    Reach::Server
                } else if edit.is_for_one() || port.flag_alone {
                    Reach::NotPort
                } else {
                    Reach::All
                };
                placement.accept(rewrite, leaf);
                self.tell(placement);
            }
            Err(reason) => self.place_variables(placement, reason, reads_variable && !has_port),
        }
    }

    fn edit(&self, mut flags: Vec<&'r str>, has_port: bool, placement: &mut Placement) -> Edit<'r> {
        let (request, leaf) = (self.request, self.leaf());
        let port = &request.inputs.port;
        let mut insert = Vec::new();
        if let Some(joined) = port.flags.first().filter(|flag| flag.ends_with('=') && !has_port) {
            insert.push(format!("{joined}{}", request.port));
            flags.clear();
        }
        if let Some(flag) = &request.inputs.host.flag {
            insert.extend(host_arguments(request, leaf, flag, placement));
        }
        let strict = port.strict.as_deref().filter(|_| !port.flags.is_empty());
        Edit { flags, strict, insert, ..self.variables() }
    }

    fn rewrite(&self, edit: &Edit<'r>, has_port: bool) -> Result<Rewrite, RewriteError> {
        let port = &self.request.inputs.port;
        if port.place == FlagPosition::AfterCommand && !has_port && !port.flags.is_empty() {
            self.after_command(edit)
        } else {
            self.leaf().rewrite(edit)
        }
    }

    /// Where the arguments cannot be changed, the variables alone.
    fn place_variables(&self, placement: &mut Placement, reason: RewriteError, arrives: bool) {
        placement.host_by_flag = false;
        let leaf = self.leaf();
        let edit = self.variables();
        let mut is_placed = true;
        if let Ok(rewrite) = leaf.rewrite(&edit) {
            placement.accept(rewrite, leaf);
            placement.reach = if edit.is_for_one() { Reach::Server } else { Reach::All };
        } else {
            is_placed = leaf
                .rewrite(&variable_edit(self.request))
                .map(|rewrite| placement.accept(rewrite, leaf))
                .is_ok();
            if edit.is_for_one() {
                let others = list_of(&edit.apart_from);
                placement.warnings.push(format!(
                    "`PORT` cannot be set for `{}` alone, so {others} gets it too: {reason}; {}",
                    leaf.program,
                    reason.hint()
                ));
            }
        }
        if is_placed && arrives {
            placement.delivery = Delivery::Variable;
            self.tell(placement);
        } else {
            placement.refuse(leaf, reason);
        }
    }

    /// Notes which of several programs is the server, and why.
    fn tell(&self, placement: &mut Placement) {
        let others = self.others();
        if others.is_empty() || placement.reach != Reach::Server {
            return;
        }
        let (program, port) = (&self.leaf().program, self.request.port);
        let why = if self.tool.why.is_empty() { String::new() } else { format!(" ({})", self.tool.why) };
        placement.notes.push(format!("`{program}` alone is told port {port}{why}; not {}", list_of(&others)));
    }
}

fn list_of(leaves: &[&Leaf]) -> String {
    let mut names: Vec<String> = Vec::new();
    for leaf in leaves {
        let program =
            if leaf.program.is_empty() { "a command".to_owned() } else { format!("`{}`", leaf.program) };
        if !names.contains(&program) {
            names.push(program);
        }
    }
    names.join(", ")
}

impl Server<'_> {
    /// Adds words directly after the command, as arguments after a file belong to that file's program. The result must
    /// parse as the same leaf with these words added.
    fn after_command(&self, edit: &Edit<'_>) -> Result<Rewrite, RewriteError> {
        let variables = Edit { flags: Vec::new(), strict: None, insert: Vec::new(), ..edit.clone() };
        let rewrite = self.leaf().rewrite(&variables)?;
        let leaves = self.draft.parse(&rewrite.text, &self.draft.nested).ok_or(RewriteError::Opaque)?;
        let leaf = leaves.get(self.index).ok_or(RewriteError::Opaque)?;
        let rules = &self.tool.framework.commands;
        let rule = rules.iter().find(|rule| leaf.is(rule)).ok_or(RewriteError::Opaque)?;
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
        let changed = self.draft.parse(&text, &self.draft.nested).ok_or(RewriteError::Quoting)?;
        let is_same = changed.len() == leaves.len()
            && changed.get(self.index).is_some_and(|leaf| literals(leaf) == expected);
        is_same.then_some(Rewrite { text, ..rewrite }).ok_or(RewriteError::Quoting)
    }
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

/// A script without a program that the catalog knows. If only one of its commands can be a server, that one alone
/// gets the port, in its own assignments too.
fn place_unknown(
    request: &LaunchRequest<'_>,
    (leaves, shells): (&[Leaf], &[PackageManager]),
    placement: &mut Placement,
) {
    let programs: Vec<&Leaf> = leaves.iter().filter(|leaf| leaf.kind != Kind::Builtin).collect();
    let is_candidate = |leaf: &&&Leaf| companion(leaf, request.catalog).is_none();
    let candidates: Vec<&Leaf> = programs.iter().filter(is_candidate).copied().collect();
    let (([leaf], _) | (_, [leaf])) = (programs.as_slice(), candidates.as_slice()) else {
        let why = "none of its programs is a server that bowline knows".to_owned();
        placement.doubt = Some((why, LET_IT_READ));
        return;
    };
    let others: Vec<&Leaf> = programs.iter().filter(|other| other.runs_beside(leaf)).copied().collect();
    let is_apart = !others.is_empty();
    let apart = Edit { apart_from: others, shells, ..variable_edit(request) };
    let mut rewritten = leaf.rewrite(&apart);
    placement.reach = if is_apart && rewritten.is_ok() { Reach::Server } else { Reach::All };
    if is_apart && rewritten.is_err() {
        rewritten = leaf.rewrite(&variable_edit(request));
    }
    match rewritten {
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

//! Walks the commands of a script and collects its leaves.

use super::edit::Unsafe;
use super::leaf::{Assignment, CallForm, Environment, Frame, Kind, Leaf, Place, Role, Scripts, Site};
use super::parse;
use super::syntax::{Command, Joint, List, Simple};
use super::word::{Layer, Word};
use super::{nest, wrapper};

/// More than any script that a person wrote; scripts that call each other twice would grow without end.
const MAX_LEAVES: usize = 128;
/// Scripts within scripts and quoted commands within quoted commands.
const MAX_NESTING: usize = 16;

const BUILTINS: [&str; 31] = [
    ".", ":", "[", "[[", "alias", "bg", "cd", "echo", "exit", "export", "false", "fg", "hash", "jobs",
    "kill", "local", "popd", "printf", "pushd", "pwd", "read", "readonly", "return", "set", "shift",
    "source", "test", "trap", "true", "unset", "wait",
];

/// What shells do themselves that scripts of packages have, but no list of plain builtins.
const OTHER_WORDS: [&str; 16] = [
    "builtin", "command", "coproc", "declare", "eval", "exec", "function", "getopts", "let", "select",
    "shopt", "time", "times", "type", "typeset", "umask",
];

/// Whether the shell itself, or some shell, gives this word a meaning.
pub(super) fn is_of_the_shell(name: &str) -> bool {
    BUILTINS.contains(&name) || OTHER_WORDS.contains(&name) || name == "ulimit" || name.is_empty()
}

pub(super) fn leaves(text: &str, list: &List, scripts: &dyn Scripts) -> Vec<Leaf> {
    let mut walk = Walk { scripts, leaves: Vec::new(), assignments: 0 };
    let mut scope = Scope::new(Frame::new(None, text.to_owned()));
    walk.list(&mut scope, Role::Sole, list);
    walk.mark_contested();
    walk.leaves
}

/// What holds for the commands that follow in one shell.
#[derive(Clone)]
pub(super) struct Scope {
    pub frames: Vec<Frame>,
    pub assignments: Vec<Assignment>,
    pub environment: Environment,
    /// The working directory is not the package's any more, so that a script's name means another's.
    pub moved: bool,
    /// Where it is then, relative to the package, if that is known.
    pub directory: Option<String>,
    /// Why a command here cannot be changed: its text is put together from several places.
    pub fixed: Option<Unsafe>,
}

impl Scope {
    fn new(frame: Frame) -> Self {
        Self {
            frames: vec![frame],
            assignments: Vec::new(),
            environment: Environment::default(),
            moved: false,
            directory: None,
            fixed: None,
        }
    }

    fn nesting(&self) -> usize {
        self.frames.len() + self.frames.iter().map(|frame| frame.layers.len()).sum::<usize>()
    }

    pub fn text(&self) -> &str {
        self.frames.last().map_or("", Frame::innermost)
    }

    pub fn push_layer(&mut self, layer: Layer) {
        if let Some(frame) = self.frames.last_mut() {
            frame.layers.push(layer);
        }
    }
}

pub(super) struct Walk<'s> {
    pub scripts: &'s dyn Scripts,
    pub leaves: Vec<Leaf>,
    assignments: usize,
}

/// A command with its wrappers peeled off.
pub(super) struct Peeled<'w> {
    pub words: &'w [Word],
    pub program: String,
    pub kind: Kind,
    pub fixed: Option<Unsafe>,
    pub separator: Option<usize>,
}

impl<'w> Peeled<'w> {
    pub fn new(words: &'w [Word], program: String, kind: Kind) -> Self {
        Self { words, program, kind, fixed: None, separator: None }
    }
}

impl Walk<'_> {
    fn list(&mut self, scope: &mut Scope, role: Role, list: &List) {
        let last_item = list.items.len().saturating_sub(1);
        for (index, item) in list.items.iter().enumerate() {
            let mut background = item.background.then(|| scope.clone());
            let scope = background.as_mut().unwrap_or(&mut *scope);
            let last_pipeline = item.rest.len();
            let several = last_item > 0 || last_pipeline > 0;
            let first = (None, &item.first);
            let rest = item.rest.iter().map(|(joint, pipeline)| (Some(*joint), pipeline));
            for (position, (joint, pipeline)) in std::iter::once(first).chain(rest).enumerate() {
                let inner = if item.background {
                    Role::Background
                } else if joint == Some(Joint::Or) {
                    Role::Alternative
                } else if index < last_item || position < last_pipeline {
                    Role::Step
                } else if several {
                    Role::Last
                } else {
                    Role::Sole
                };
                self.pipeline(scope, role.within(inner), &pipeline.commands);
            }
        }
    }

    fn pipeline(&mut self, scope: &mut Scope, role: Role, commands: &[Command]) {
        if let [command] = commands {
            return self.command(scope, role, command);
        }
        for command in commands {
            self.command(&mut scope.clone(), role.within(Role::Pipe), command);
        }
    }

    fn command(&mut self, scope: &mut Scope, role: Role, command: &Command) {
        match command {
            Command::Simple(simple) => self.simple(scope, role, simple),
            Command::Subshell(list) => self.list(&mut scope.clone(), role, list),
            Command::Group(list) => self.list(scope, role, list),
            Command::Compound(lists) => {
                for list in lists {
                    self.list(scope, role.within(Role::Branch), list);
                }
            }
        }
    }

    fn simple(&mut self, scope: &mut Scope, role: Role, simple: &Simple) {
        let own: Vec<Assignment> =
            simple.assignments.iter().filter_map(|word| self.assignment(scope, word)).collect();
        let Some(first) = simple.words.first() else {
            scope.assignments.extend(own);
            return;
        };
        let name = first.pattern();
        let is_builtin =
            |name: &&str| BUILTINS.contains(name) || (*name == "exec" && simple.words.len() == 1);
        if let Some(name) = name.as_deref().filter(is_builtin) {
            self.builtin(scope, name, &simple.words);
            self.emit(scope, role, Peeled::new(&simple.words, name.to_owned(), Kind::Builtin));
            return;
        }
        let mut scope = scope.clone();
        scope.assignments.extend(own);
        let spans = simple.redirections.iter().map(|redirection| redirection.span.clone()).collect();
        wrapper::run(self, wrapper::Running { scope, role, redirections: spans }, &simple.words);
    }

    fn builtin(&mut self, scope: &mut Scope, name: &str, words: &[Word]) {
        match name {
            "export" | "readonly" | "local" => {
                for word in words.iter().skip(1) {
                    let assignment = self.assignment(scope, word);
                    scope.assignments.extend(assignment);
                    scope.environment.files |= word.may_vanish();
                }
            }
            "unset" => {
                for name in words.iter().skip(1).filter_map(Word::literal) {
                    scope.assignments.retain(|assignment| assignment.name != name);
                    scope.environment.removed.push(name);
                }
            }
            "cd" | "pushd" | "popd" => {
                let target = words.get(1).and_then(Word::literal);
                let is_known = !scope.moved && name == "cd" && words.len() == 2;
                scope.directory = target.filter(|target| is_known && !target.starts_with('-'));
                scope.moved = true;
            }
            "." | "source" => scope.environment.files = true,
            _ => {}
        }
    }

    /// The assignment that a word makes, be it the shell that reads it or a program like `cross-env`.
    pub fn assignment(&mut self, scope: &Scope, word: &Word) -> Option<Assignment> {
        let prefix = word.prefix();
        let (name, _) = prefix.split_once('=')?;
        if !parse::is_name(name) {
            return None;
        }
        let literal = word.literal();
        let frame = scope.frames.len() - 1;
        let layer = scope.frames.last()?.layers.len();
        let site = match word.after(name.len() + 1) {
            Some(range) => Site { frame, layer, range, prefix: String::new() },
            None => Site { frame, layer, range: word.span(), prefix: format!("{name}=") },
        };
        self.assignments += 1;
        Some(Assignment {
            name: name.to_owned(),
            value: literal.and_then(|text| Some(text.split_once('=')?.1.to_owned())),
            site,
            id: self.assignments,
            contested: false,
        })
    }

    /// Walks the text of a command that is given to a shell: `sh -c TEXT`.
    pub fn text(&mut self, mut scope: Scope, role: Role, word: &Word, whole: &[Word]) {
        let layer = word.layer();
        let parsed = if scope.nesting() < MAX_NESTING { parse::parse(&layer.text).ok() } else { None };
        match parsed {
            Some(list) if !list.items.is_empty() => {
                scope.push_layer(layer);
                self.list(&mut scope, role, &list);
            }
            Some(_) | None => self.opaque(&scope, role, whole),
        }
    }

    /// Walks the text of a nested script; `frames` has its call in the last of them.
    pub fn script(&mut self, mut scope: Scope, role: Role, mut nested: nest::Nested, whole: &[Word]) {
        let is_here = !scope.moved || self.find_in_directory(&scope, &mut nested);
        let is_own = nested.text.is_none();
        let repeated = is_own && scope.frames.iter().any(|frame| frame.name.as_deref() == Some(&nested.name));
        let allowed = is_here && !repeated && scope.nesting() < MAX_NESTING && self.leaves.len() < MAX_LEAVES;
        let text = if allowed { nest::text_of(self.scripts, &nested) } else { None };
        let Some((text, list)) = text.and_then(|text| parse::parse(&text).ok().map(|list| (text, list)))
        else {
            return self.opaque(&scope, role, whole);
        };
        let mut frame = Frame::new(Some(nested.name.clone()), text);
        // What else it calls by name is not one of the scripts that are known.
        scope.moved = !is_own;
        scope.directory = None;
        if is_own && self.scripts.runs_hooks(nested.call.manager) {
            frame.pre = self.scripts.text(&format!("pre{}", nested.name));
            frame.post = self.scripts.text(&format!("post{}", nested.name));
        }
        if let Some(caller) = scope.frames.last_mut() {
            caller.call = Some(nested.call);
        }
        scope.frames.push(frame);
        self.list(&mut scope, role, &list);
    }

    /// The text of a script that is called after `cd web`.
    fn find_in_directory(&self, scope: &Scope, nested: &mut nest::Nested) -> bool {
        let (Some(dir), CallForm::Command { at, separated, .. }) = (&scope.directory, &nested.call.form)
        else {
            return false;
        };
        if nested.text.is_some() {
            return false;
        }
        let form = CallForm::Elsewhere { at: *at, separated: *separated };
        nested.text = self.scripts.elsewhere(&Place::Directory(dir.clone()), &nested.name);
        nested.call.form = form;
        nested.text.is_some()
    }

    /// A command that starts what cannot be seen from here.
    pub fn opaque(&mut self, scope: &Scope, role: Role, words: &[Word]) {
        let program = words.first().and_then(Word::literal).map(|word| wrapper::program_name(&word));
        self.emit(scope, role, Peeled::new(words, program.unwrap_or_default(), Kind::Opaque));
    }

    pub fn emit(&mut self, scope: &Scope, role: Role, peeled: Peeled) {
        if self.leaves.len() >= MAX_LEAVES {
            return;
        }
        let end = peeled.words.last().map_or(0, |word| word.span.end);
        let in_layer = scope.frames.last().is_some_and(|frame| !frame.layers.is_empty());
        let after = scope.text().get(end..).unwrap_or_default();
        self.leaves.push(Leaf {
            program: peeled.program,
            words: peeled.words.to_vec(),
            assignments: scope.assignments.clone(),
            environment: scope.environment.clone(),
            kind: peeled.kind,
            role,
            frames: scope.frames.clone(),
            fixed: peeled.fixed.or(scope.fixed),
            separator: peeled.separator,
            ends_text: !in_layer && after.trim_matches([' ', '\t']).is_empty(),
        });
    }

    /// An assignment that reaches commands which run side by side cannot be changed for one of them.
    fn mark_contested(&mut self) {
        let reached: Vec<(usize, bool, Vec<usize>)> = self
            .leaves
            .iter()
            .enumerate()
            .filter(|(_, leaf)| leaf.kind != Kind::Builtin)
            .map(|(index, leaf)| {
                let ids = leaf.assignments.iter().map(|assignment| assignment.id).collect();
                (index, leaf.role.is_concurrent(), ids)
            })
            .collect();
        for (index, leaf) in self.leaves.iter_mut().enumerate() {
            let concurrent = leaf.role.is_concurrent();
            for assignment in &mut leaf.assignments {
                assignment.contested = reached.iter().any(|(other, theirs, ids)| {
                    *other != index && (concurrent || *theirs) && ids.contains(&assignment.id)
                });
            }
        }
    }
}

//! Walks the commands of a script and collects its leaves.

use std::collections::HashMap;
use std::ops::Range;

use super::command_line::{CommandLine, StartedCommand, Step};
use super::frame::{CallForm, Frame, Invoker, Nested};
use super::lead::{Front, Lane, Lead};
use super::leaf::program_name;
use super::leaf::{Assignment, Kind, Leaf, LeafRole, Scope};
use super::parse;
use super::resolve::resolve;
use super::scripts::{OtherPackage, Scripts};
use super::syntax::{Command, Item, Simple};
use super::word::{UNKNOWN, Word};

/// More than any script that a person wrote has. Without a limit, scripts that each call the next one twice would
/// have exponentially many.
const MAX_LEAVES: usize = 128;
/// The depth of scripts within scripts and quoted commands within quoted commands.
const MAX_NESTING: usize = 16;

const BUILTINS: [&str; 31] = [
    ".", ":", "[", "[[", "alias", "bg", "cd", "echo", "exit", "export", "false", "fg", "hash", "jobs",
    "kill", "local", "popd", "printf", "pushd", "pwd", "read", "readonly", "return", "set", "shift",
    "source", "test", "trap", "true", "unset", "wait",
];

/// Further words that some shell runs itself, although a program may follow them.
const OTHER_SHELL_WORDS: [&str; 17] = [
    "builtin", "command", "coproc", "declare", "eval", "exec", "function", "getopts", "let", "select",
    "shopt", "time", "times", "type", "typeset", "ulimit", "umask",
];

/// Whether some shell runs this word itself, so that `exec` cannot precede it.
pub fn is_shell_word(name: &str) -> bool {
    BUILTINS.contains(&name) || OTHER_SHELL_WORDS.contains(&name) || name.is_empty()
}

pub(super) fn leaves(text: &str, list: &[Item], scripts: &dyn Scripts) -> Vec<Leaf> {
    let mut walk = Walk { scripts, leaves: Vec::new(), ids: 0 };
    let frames = vec![Frame { text: text.to_owned(), ..Frame::default() }];
    walk.list(&mut Scope { frames, ..Scope::default() }, LeafRole::Sole, list);
    walk.mark_contested();
    walk.leaves
}

/// The depth of nested scripts and quoted texts.
fn nesting(scope: &Scope) -> usize {
    scope.frames.iter().map(|frame| 1 + frame.quoted.len()).sum()
}

struct Walk<'s> {
    scripts: &'s dyn Scripts,
    leaves: Vec<Leaf>,
    ids: usize,
}

impl Walk<'_> {
    fn id(&mut self) -> usize {
        self.ids += 1;
        self.ids
    }

    fn list(&mut self, scope: &mut Scope, role: LeafRole, list: &[Item]) {
        let last_item = list.len().saturating_sub(1);
        let fork = self.id();
        let lanes = scope.lanes.clone();
        for (index, item) in list.iter().enumerate() {
            let mut background = item.background.then(|| scope.clone());
            let scope = background.as_mut().unwrap_or(&mut *scope);
            if list.iter().any(|item| item.background) {
                scope.lanes.truncate(lanes.len());
                scope.lanes.push(Lane { fork, index, goes_on: item.background });
            }
            let last_pipeline = item.pipelines.len() - 1;
            for (position, pipeline) in item.pipelines.iter().enumerate() {
                let inner = if item.background {
                    LeafRole::Background
                } else if pipeline.is_alternative {
                    LeafRole::Alternative
                } else if index < last_item || position < last_pipeline {
                    LeafRole::Step
                } else if last_item > 0 || last_pipeline > 0 {
                    LeafRole::Last
                } else {
                    LeafRole::Sole
                };
                self.pipeline(scope, role.within(inner), &pipeline.commands);
            }
        }
        scope.lanes = lanes;
    }

    fn pipeline(&mut self, scope: &mut Scope, role: LeafRole, commands: &[Command]) {
        if let [command] = commands {
            return self.command(scope, role, command);
        }
        for command in commands {
            self.command(&mut scope.clone(), role.within(LeafRole::Pipe), command);
        }
    }

    fn command(&mut self, scope: &mut Scope, role: LeafRole, command: &Command) {
        match command {
            Command::Simple(simple) => self.simple(scope, role, simple),
            Command::Subshell(list) => self.list(&mut scope.clone(), role, list),
            Command::Group(list) => self.list(scope, role, list),
            Command::Compound(lists) => {
                for list in lists {
                    self.list(scope, role.within(LeafRole::Branch), list);
                }
            }
        }
    }

    fn simple(&mut self, scope: &mut Scope, role: LeafRole, simple: &Simple) {
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
            self.emit(scope, role, &simple.words, (name.to_owned(), Kind::Builtin));
            return;
        }
        let mut scope = scope.clone();
        let at = simple.assignments.first().unwrap_or(first).span.start;
        // Bash would take the name of its own `time` for that of a program.
        if name.as_deref() != Some("time") {
            self.lead(&mut scope, |scope| Front::Text { place: scope.place(), at });
        }
        scope.assignments.extend(own);
        self.program(scope, role, simple);
    }

    fn lead(&mut self, scope: &mut Scope, front: impl Fn(&Scope) -> Front) {
        let (id, front, environment) = (self.id(), front(scope), scope.environment.clone());
        scope.leads.push(Lead { id, front, environment });
    }

    fn program(&mut self, scope: Scope, role: LeafRole, simple: &Simple) {
        let words = &simple.words[..];
        let mut line = CommandLine {
            words,
            redirections: &simple.redirections,
            scripts: self.scripts,
            scope,
            at: 0,
            fixed: None,
            assigned: Vec::new(),
        };
        let step = resolve(&mut line);
        match step {
            Step::Leaf(at, _) => line.start_from(at),
            Step::Text(_) | Step::Several(_) => line.start_from(words.len()),
            Step::Next(_) | Step::Script(_) | Step::Unknown | Step::Opaque => {}
        }
        let CommandLine { mut scope, at, fixed, assigned, .. } = line;
        for word in assigned {
            let assignment = self.assignment(&scope, word);
            scope.assignments.extend(assignment);
        }
        scope.fixed = scope.fixed.or(fixed);
        if let Step::Leaf(at, program) = step {
            self.emit(&scope, role, words.get(at..).unwrap_or_default(), (program, Kind::Program));
        } else {
            scope.separator = None;
            self.step(scope, role, words, (step, at..words.len()));
        }
    }

    /// Walks what the command in this range of `words` runs.
    fn step(&mut self, scope: Scope, role: LeafRole, words: &[Word], (step, range): (Step, Range<usize>)) {
        let whole = words.get(range).unwrap_or_default();
        match step {
            Step::Text(index) => match words.get(index) {
                Some(word) => self.text(scope, role, word, whole),
                None => self.opaque(&scope, role, whole),
            },
            Step::Script(nested) => self.script(scope, role, nested, whole),
            Step::Several(started) => {
                let fork = self.id();
                for (index, StartedCommand { word, role: inner, step }) in started.into_iter().enumerate() {
                    let mut scope = scope.clone();
                    scope.lanes.push(Lane { fork, index, goes_on: inner == LeafRole::Parallel });
                    if let Step::Leaf(at, program) = step {
                        let own = words.get(at..).unwrap_or_default();
                        self.emit(&scope, role.within(inner), own, (program, Kind::Program));
                    } else {
                        self.step(scope, role.within(inner), words, (step, word..word + 1));
                    }
                }
            }
            Step::Unknown => self.emit(&scope, role, whole, (String::new(), Kind::Opaque)),
            Step::Leaf(..) | Step::Next(_) | Step::Opaque => self.opaque(&scope, role, whole),
        }
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

    /// The assignment in a word, whether the shell reads it or a program like `cross-env`.
    fn assignment(&mut self, scope: &Scope, word: &Word) -> Option<Assignment> {
        let name = word.assigned_name()?;
        let place = scope.place();
        let (range, prefix) = match word.after(name.len() + 1) {
            Some(range) => (range, String::new()),
            None => (word.span.clone(), format!("{name}=")),
        };
        let value = word.literal().and_then(|text| Some(text.split_once('=')?.1.to_owned()));
        let id = self.id();
        Some(Assignment { name, value, place, range, prefix, word: word.clone(), id, contested: false })
    }

    /// Walks a text that is given to a shell: `sh -c TEXT`. `whole` is the command that gives it.
    fn text(&mut self, mut scope: Scope, role: LeafRole, word: &Word, whole: &[Word]) {
        let quoted = word.quoted_text();
        let parsed = if nesting(&scope) < MAX_NESTING { parse::parse(&quoted.text).ok() } else { None };
        match (parsed, scope.frames.last_mut()) {
            (Some(list), Some(frame)) if !list.is_empty() => {
                frame.quoted.push(quoted);
                self.list(&mut scope, role, &list);
            }
            (Some(_) | None, _) => self.opaque(&scope, role, whole),
        }
    }

    /// Walks the text of a nested script. `whole` is the command that calls it.
    fn script(&mut self, mut scope: Scope, role: LeafRole, mut nested: Nested, whole: &[Word]) {
        let is_here = !scope.moved || self.find_in_directory(&scope, &mut nested);
        let is_own = nested.text.is_none();
        let repeated = is_own && scope.frames.iter().any(|frame| frame.name.as_deref() == Some(&nested.name));
        let allowed = is_here && !repeated && nesting(&scope) < MAX_NESTING && self.leaves.len() < MAX_LEAVES;
        let text = nested.text.take().or_else(|| self.scripts.text(&nested.name));
        let parsed = text.filter(|text| allowed && !text.contains(UNKNOWN)).and_then(|mut text| {
            if !nested.pasted.is_empty() {
                text = format!("{text} {}", nested.pasted);
            }
            Some((parse::parse(&text).ok()?, text))
        });
        let Some((list, text)) = parsed else { return self.opaque(&scope, role, whole) };
        // A name in another package's script means a script of that package, which is unknown here.
        scope.moved = !is_own;
        scope.directory = None;
        let runs_hooks = match nested.call.invoker {
            Invoker::Manager(manager) => is_own && self.scripts.runs_hooks(manager),
            Invoker::Node => false,
        };
        let hook = |prefix| self.scripts.text(&format!("{prefix}{}", nested.name)).filter(|_| runs_hooks);
        let (pre, post) = (hook("pre"), hook("post"));
        if is_own && matches!(nested.call.form, CallForm::Shorthand { .. } | CallForm::Name(_)) {
            self.lead(&mut scope, |scope| Front::Call { frame: scope.frames.len() - 1 });
        }
        let (name, package) = (Some(nested.name), nested.package);
        let frame = Frame { name, package, text, pre, post, ..Frame::default() };
        if let Some(caller) = scope.frames.last_mut() {
            caller.call = Some(nested.call);
        }
        scope.frames.push(frame);
        self.list(&mut scope, role, &list);
    }

    /// Finds the text of a script that is called after `cd web`.
    fn find_in_directory(&self, scope: &Scope, nested: &mut Nested) -> bool {
        let (None, Some(dir), CallForm::Command { at, marker, .. }) =
            (&nested.text, &scope.directory, &nested.call.form)
        else {
            return false;
        };
        nested.text = self.scripts.text_in(&OtherPackage::Directory(dir.clone()), &nested.name);
        nested.call.form = CallForm::OtherPackage { at: *at, marker };
        nested.package = Some(dir.clone());
        nested.text.is_some()
    }

    fn opaque(&mut self, scope: &Scope, role: LeafRole, words: &[Word]) {
        let program = words.first().and_then(Word::literal).map(|word| program_name(&word));
        self.emit(scope, role, words, (program.unwrap_or_default(), Kind::Opaque));
    }

    fn emit(&mut self, scope: &Scope, role: LeafRole, words: &[Word], (program, kind): (String, Kind)) {
        if self.leaves.len() >= MAX_LEAVES {
            return;
        }
        let end = words.last().map_or(0, |word| word.span.end);
        self.leaves.push(Leaf {
            program,
            words: words.to_vec(),
            kind,
            role,
            scope: scope.clone(),
            ends_text: scope.frames.last().is_some_and(|frame| frame.ends_at(end)),
        });
    }

    /// Marks each assignment that reaches several commands, one of them concurrent: it cannot be changed for one
    /// alone.
    fn mark_contested(&mut self) {
        let mut reached: HashMap<usize, (usize, bool)> = HashMap::new();
        for leaf in self.leaves.iter().filter(|leaf| leaf.kind != Kind::Builtin) {
            for assignment in &leaf.scope.assignments {
                let (count, is_concurrent) = reached.entry(assignment.id).or_default();
                *count += 1;
                *is_concurrent |= leaf.role.is_concurrent();
            }
        }
        for assignment in self.leaves.iter_mut().flat_map(|leaf| &mut leaf.scope.assignments) {
            assignment.contested = matches!(reached.get(&assignment.id), Some((2.., true)));
        }
    }
}

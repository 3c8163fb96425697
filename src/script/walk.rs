//! Walks the commands of a script and collects its leaves.

use std::collections::HashMap;

use super::command_line::{CommandLine, Meaning, Started, Step, program_name};
use super::frame::{CallForm, Frame, Invoker};
use super::leaf::{Assignment, Kind, Leaf, LeafRole, Site};
use super::nested::Nested;
use super::parse;
use super::resolve::resolve;
use super::scope::Scope;
use super::scripts::{OtherPackage, Scripts};
use super::syntax::{Command, List, Simple};
use super::word::Word;

/// More than any script that a person wrote; the leaves of scripts that call each other twice would grow without
/// end.
const MAX_LEAVES: usize = 128;
/// Scripts within scripts and quoted commands within quoted commands.
const MAX_NESTING: usize = 16;

const BUILTINS: [&str; 31] = [
    ".", ":", "[", "[[", "alias", "bg", "cd", "echo", "exit", "export", "false", "fg", "hash", "jobs",
    "kill", "local", "popd", "printf", "pushd", "pwd", "read", "readonly", "return", "set", "shift",
    "source", "test", "trap", "true", "unset", "wait",
];

/// Further words that some shell understands itself, although a program or other words may follow.
const OTHER_SHELL_WORDS: [&str; 17] = [
    "builtin", "command", "coproc", "declare", "eval", "exec", "function", "getopts", "let", "select",
    "shopt", "time", "times", "type", "typeset", "ulimit", "umask",
];

/// Whether some shell understands this word itself, so that `exec` cannot stand before it.
pub(super) fn is_shell_word(name: &str) -> bool {
    BUILTINS.contains(&name) || OTHER_SHELL_WORDS.contains(&name) || name.is_empty()
}

pub(super) fn leaves(text: &str, list: &List, scripts: &dyn Scripts) -> Vec<Leaf> {
    let mut walk = Walk { scripts, leaves: Vec::new(), assignments: 0 };
    walk.list(&mut Scope::new(text), LeafRole::Sole, list);
    walk.mark_contested();
    walk.leaves
}

struct Walk<'s> {
    scripts: &'s dyn Scripts,
    leaves: Vec<Leaf>,
    /// How many assignments were found.
    assignments: usize,
}

/// A command as it becomes a leaf.
struct Found<'w> {
    words: &'w [Word],
    program: String,
    kind: Kind,
    separator: Option<usize>,
}

impl<'w> Found<'w> {
    fn new(words: &'w [Word], program: String, kind: Kind) -> Self {
        Self { words, program, kind, separator: None }
    }
}

impl Walk<'_> {
    fn list(&mut self, scope: &mut Scope, role: LeafRole, list: &List) {
        let last_item = list.items.len().saturating_sub(1);
        for (index, item) in list.items.iter().enumerate() {
            let mut background = item.background.then(|| scope.clone());
            let scope = background.as_mut().unwrap_or(&mut *scope);
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
            self.emit(scope, role, Found::new(&simple.words, name.to_owned(), Kind::Builtin));
            return;
        }
        let mut scope = scope.clone();
        scope.assignments.extend(own);
        self.program(scope, role, simple);
    }

    fn program(&mut self, scope: Scope, role: LeafRole, simple: &Simple) {
        let words = &simple.words[..];
        let mut line = CommandLine::new(words, &simple.redirections, scope);
        let step = resolve(&mut line, self.scripts);
        let CommandLine { mut scope, at, separator, fixed, assigned, .. } = line;
        for word in assigned {
            let assignment = self.assignment(&scope, word);
            scope.assignments.extend(assignment);
        }
        scope.fixed = scope.fixed.or(fixed);
        let rest = words.get(at..).unwrap_or_default();
        match step {
            Step::Leaf(at, program) => {
                let words = words.get(at..).unwrap_or_default();
                self.emit(&scope, role, Found { words, program, kind: Kind::Program, separator });
            }
            Step::Text(index) => match words.get(index) {
                Some(word) => self.text(scope, role, word, rest),
                None => self.opaque(&scope, role, rest),
            },
            Step::Script(nested) => self.script(scope, role, nested, rest),
            Step::Several(started) => self.several(&scope, role, started),
            Step::Next(_) | Step::Opaque => self.opaque(&scope, role, rest),
        }
    }

    fn several(&mut self, scope: &Scope, role: LeafRole, started: Vec<Started>) {
        for Started { word, meaning, role: inner } in started {
            let role = role.within(inner);
            let whole = std::slice::from_ref(word);
            match meaning {
                Meaning::Text => self.text(scope.clone(), role, word, whole),
                Meaning::Script(nested) => self.script(scope.clone(), role, nested, whole),
                Meaning::Unknown => self.emit(scope, role, Found::new(whole, String::new(), Kind::Opaque)),
            }
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
        let prefix = word.prefix();
        let (name, _) = prefix.split_once('=')?;
        if !parse::is_name(name) {
            return None;
        }
        let frame = scope.frames.len() - 1;
        let level = scope.frames.last()?.quoted.len();
        let site = match word.after(name.len() + 1) {
            Some(range) => Site { frame, level, range, prefix: String::new() },
            None => Site { frame, level, range: word.span(), prefix: format!("{name}=") },
        };
        self.assignments += 1;
        Some(Assignment {
            name: name.to_owned(),
            value: word.literal().and_then(|text| Some(text.split_once('=')?.1.to_owned())),
            site,
            id: self.assignments,
            contested: false,
        })
    }

    /// Walks a text that is given to a shell: `sh -c TEXT`. `whole` is the command that gives it.
    fn text(&mut self, mut scope: Scope, role: LeafRole, word: &Word, whole: &[Word]) {
        let quoted = word.quoted_text();
        let parsed = if scope.nesting() < MAX_NESTING { parse::parse(&quoted.text).ok() } else { None };
        match parsed {
            Some(list) if !list.items.is_empty() => {
                scope.enter(quoted);
                self.list(&mut scope, role, &list);
            }
            Some(_) | None => self.opaque(&scope, role, whole),
        }
    }

    /// Walks the text of a nested script. `whole` is the command that calls it.
    fn script(&mut self, mut scope: Scope, role: LeafRole, mut nested: Nested, whole: &[Word]) {
        let is_here = !scope.moved || self.find_in_directory(&scope, &mut nested);
        let is_own = nested.text.is_none();
        let repeated = is_own && scope.frames.iter().any(|frame| frame.name.as_deref() == Some(&nested.name));
        let allowed = is_here && !repeated && scope.nesting() < MAX_NESTING && self.leaves.len() < MAX_LEAVES;
        let text = if allowed { nested.whole_text(self.scripts) } else { None };
        let Some((text, list)) = text.and_then(|text| parse::parse(&text).ok().map(|list| (text, list)))
        else {
            return self.opaque(&scope, role, whole);
        };
        // The scripts that another package's script calls by name are not known here.
        scope.moved = !is_own;
        scope.directory = None;
        let runs_hooks = match nested.call.invoker {
            Invoker::Manager(manager) => self.scripts.runs_hooks(manager),
            Invoker::Node => false,
        };
        let hook = |prefix: &str| self.scripts.text(&format!("{prefix}{}", nested.name));
        let hook = |prefix: &str| if is_own && runs_hooks { hook(prefix) } else { None };
        let (pre, post) = (hook("pre"), hook("post"));
        let frame = Frame { pre, post, ..Frame::new(Some(nested.name), text) };
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
        nested.text.is_some()
    }

    /// A command that starts programs which the script does not show.
    fn opaque(&mut self, scope: &Scope, role: LeafRole, words: &[Word]) {
        let program = words.first().and_then(Word::literal).map(|word| program_name(&word));
        self.emit(scope, role, Found::new(words, program.unwrap_or_default(), Kind::Opaque));
    }

    fn emit(&mut self, scope: &Scope, role: LeafRole, found: Found) {
        if self.leaves.len() >= MAX_LEAVES {
            return;
        }
        let end = found.words.last().map_or(0, |word| word.span.end);
        let is_quoted = scope.frames.last().is_some_and(|frame| !frame.quoted.is_empty());
        let after = scope.text().get(end..).unwrap_or_default();
        self.leaves.push(Leaf {
            program: found.program,
            words: found.words.to_vec(),
            assignments: scope.assignments.clone(),
            environment: scope.environment.clone(),
            kind: found.kind,
            role,
            frames: scope.frames.clone(),
            fixed: scope.fixed,
            separator: found.separator,
            ends_text: !is_quoted && after.trim_matches([' ', '\t']).is_empty(),
        });
    }

    /// An assignment that reaches several commands cannot be changed for one of them if any runs beside others.
    fn mark_contested(&mut self) {
        let mut reached: HashMap<usize, (usize, bool)> = HashMap::new();
        for leaf in self.leaves.iter().filter(|leaf| leaf.kind != Kind::Builtin) {
            for assignment in &leaf.assignments {
                let (count, is_concurrent) = reached.entry(assignment.id).or_default();
                *count += 1;
                *is_concurrent |= leaf.role.is_concurrent();
            }
        }
        for assignment in self.leaves.iter_mut().flat_map(|leaf| &mut leaf.assignments) {
            assignment.contested = matches!(reached.get(&assignment.id), Some((2.., true)));
        }
    }
}

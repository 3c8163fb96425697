//! Changes that have to reach a leaf through the calls of nested scripts.

use super::arguments::quote_strictly as quote;
use super::error::RewriteError;
use super::frame::{Call, CallForm, Frame, Invoker, ListKind, Name};
use super::leaf::Leaf;
use super::nested_script::NestedScript;
use super::scripts::PackageManager;
use super::word::{Splice, Word, apply};

pub(super) struct Splices {
    pub frames: Vec<Vec<Splice>>,
    /// The arguments that are added to the leaf's command line, quoted.
    pub added: Option<String>,
}

impl Leaf {
    /// Passes added arguments on through the calls, if nothing else has to change in nested scripts.
    pub(super) fn forward(&self, splices: &Splices) -> Option<String> {
        let added = splices.added.as_deref()?;
        let (_, calling) = self.scope.frames.split_last()?;
        let (outer, between) = calling.split_first()?;
        let is_only_change = splices.frames.iter().skip(1).map(Vec::len).sum::<usize>() == 1;
        if !is_only_change || !self.takes_pasted() || !between.iter().all(passes_on) {
            return None;
        }
        let call = outer.call.as_ref()?;
        let mut outermost = splices.frames.first()?.clone();
        push(&mut outermost, outer, call, forwarding(call, added)?).ok()?;
        Some(apply(&outer.text, outermost))
    }

    /// Whether arguments that are pasted at the end of the script's text are this command's.
    fn takes_pasted(&self) -> bool {
        self.ends_text && !self.words.iter().any(Word::is_marker)
    }

    /// Replaces the calls of nested scripts by their changed texts. A script in a list of names stays, and is added to
    /// `changed` if it runs in a shell of ours.
    pub(super) fn inline(
        &self,
        mut splices: Splices,
        deepest: usize,
        shells: &[PackageManager],
        changed: &mut Vec<NestedScript>,
    ) -> Result<String, RewriteError> {
        for index in (1..=deepest).rev() {
            let (nested, caller) = (&self.scope.frames[index], &self.scope.frames[index - 1]);
            let own = std::mem::take(&mut splices.frames[index]);
            if own.is_empty() {
                continue;
            }
            let passed = splices
                .added
                .as_deref()
                .filter(|_| index + 1 == self.scope.frames.len() && own.len() == 1 && self.takes_pasted());
            let is_listed = matches!(&caller.call, Some(Call { form: CallForm::Name(name), .. }) if name.list == ListKind::Names);
            if passed.is_none() && is_listed && caller.has_shell(shells) {
                changed.extend(self.nested_script(index, Some(apply(&nested.text, own)), false));
                continue;
            }
            let command = standing_alone(nested, &apply(&nested.text, own));
            let call = caller.call.as_ref().ok_or(RewriteError::Listed)?;
            if call.replaces_node {
                return Err(RewriteError::Runtime);
            }
            let whole = |text: String| Splice { range: call.span.clone(), text };
            let splice = match (&call.form, passed) {
                (CallForm::Command { .. }, _) => whole(command),
                (CallForm::Shorthand { .. }, _) => whole(quote(&command)),
                (CallForm::Name(_) | CallForm::OtherPackage { .. }, Some(added)) => {
                    forwarding(call, added).ok_or(RewriteError::Listed)?
                }
                (CallForm::Name(name), None) if name.list != ListKind::Names => {
                    whole(name.written_out(call.invoker, &command))
                }
                (CallForm::OtherPackage { .. }, None) => return Err(RewriteError::OtherPackage),
                (CallForm::Name(_) | CallForm::Fixed, _) => return Err(RewriteError::Listed),
            };
            push(&mut splices.frames[index - 1], caller, call, splice)?;
        }
        Ok(apply(&self.scope.frames[0].text, std::mem::take(&mut splices.frames[0])))
    }
}

fn push(splices: &mut Vec<Splice>, frame: &Frame, call: &Call, splice: Splice) -> Result<(), RewriteError> {
    let level = frame.quoted.len();
    splices.push(frame.outer_splice(level, splice)?);
    if let Some(at) = call.separator {
        splices.push(frame.outer_splice(level, Splice::insert(at, "-- "))?);
    }
    Ok(())
}

/// Whether arguments that are pasted at the end of the frame's text reach the script that it calls.
fn passes_on(frame: &Frame) -> bool {
    frame.call.as_ref().is_some_and(|call| {
        matches!(call.form, CallForm::Command { marker: "", is_last: true, .. })
            && frame.ends_at(call.span.end)
    })
}

/// A script and its hooks as one command, each in a shell with the `npm_lifecycle_event` that the manager sets.
fn standing_alone(frame: &Frame, text: &str) -> String {
    let name = frame.name.as_deref().unwrap_or_default();
    let steps = [("pre", frame.pre.as_deref()), ("", Some(text)), ("post", frame.post.as_deref())];
    let command = |(prefix, text): (&str, Option<&str>)| {
        let event = quote(&format!("npm_lifecycle_event={prefix}{name}"));
        Some(format!("env {event} sh -c {}", quote(text?)))
    };
    let steps: Vec<String> = steps.into_iter().filter_map(command).collect();
    match steps.as_slice() {
        [only] => only.clone(),
        several => format!("sh -c {}", quote(&several.join(" && "))),
    }
}

impl Name {
    /// All scripts that the word names, with `this` in place of the one meant.
    fn written_out(&self, invoker: Invoker, this: &str) -> String {
        let words = self.all.iter().enumerate().map(|(index, name)| {
            if index == self.this { quote(this) } else { quote(&self.call_of(invoker, name)) }
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn call_of(&self, invoker: Invoker, name: &str) -> String {
        match self.list {
            ListKind::Names => name.to_owned(),
            ListKind::Shorthands => format!("{}:{name}", invoker.name()),
            ListKind::Commands => format!("{} run {name}", invoker.name()),
        }
    }
}

/// The call with the arguments `added`; `None` if it takes none.
fn forwarding(call: &Call, added: &str) -> Option<Splice> {
    let invoker = call.invoker;
    let text = match &call.form {
        CallForm::Command { at, marker, .. } | CallForm::OtherPackage { at, marker } => {
            return Some(Splice::insert(*at, format!("{marker} {added}")));
        }
        CallForm::Shorthand { name } => {
            let run = if invoker == Invoker::Node { "--run" } else { "run" };
            quote(&format!("{} {run} {name}{} {added}", invoker.name(), invoker.marker()))
        }
        CallForm::Name(name) => {
            let this = name.call_of(invoker, &name.all[name.this]);
            name.written_out(invoker, &format!("{this}{} {added}", invoker.marker()))
        }
        CallForm::Fixed => return None,
    };
    Some(Splice { range: call.span.clone(), text })
}

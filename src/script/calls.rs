//! Changes that have to reach a leaf through the calls of nested scripts.

use super::arguments::quote_strictly as quote;
use super::edit::{Changes, Unsafe, keep_apart};
use super::leaf::{Call, CallForm, Leaf, ListKind, Manager, Name};
use super::word::{Splice, apply};

impl Leaf {
    /// Passes added arguments on through the calls, if that is all there is to change in nested scripts.
    pub(super) fn forward(&self, changes: &Changes) -> Option<String> {
        let added = changes.added.as_deref()?;
        let (_, calling) = self.frames.split_last()?;
        let (_, between) = calling.split_first()?;
        let only_added = changes.frames.iter().skip(1).map(Vec::len).sum::<usize>() == 1;
        if !only_added || !self.takes_pasted() {
            return None;
        }
        for frame in between {
            let call = frame.call.as_ref()?;
            let reaches = matches!(call.form, CallForm::Command { separated: false, last: true, .. });
            let after = frame.innermost().get(call.span.end..)?;
            if !reaches || !frame.layers.is_empty() || !after.trim_matches([' ', '\t']).is_empty() {
                return None;
            }
        }
        let outer = calling.first()?;
        let call = outer.call.as_ref()?;
        let splice = keep_apart(outer.innermost(), forwarding(call, added)?);
        let mut splices = changes.frames.first()?.clone();
        splices.push(outer.outward(outer.layers.len(), splice).ok()?);
        if let Some(at) = call.separator {
            splices.push(outer.outward(outer.layers.len(), Splice::insert(at, "-- ".to_owned())).ok()?);
        }
        Some(apply(&outer.text, splices))
    }

    /// Whether arguments that are pasted behind the script's text are this command's.
    fn takes_pasted(&self) -> bool {
        self.ends_text && !self.words.iter().any(|word| word.literal().as_deref() == Some("--"))
    }

    /// Puts the changed texts of nested scripts in the place of their calls.
    pub(super) fn inline(&self, mut changes: Changes, deepest: usize) -> Result<String, Unsafe> {
        for index in (1..=deepest).rev() {
            let (nested, caller) = (&self.frames[index], &self.frames[index - 1]);
            let splices = std::mem::take(&mut changes.frames[index]);
            let passed = changes
                .added
                .as_deref()
                .filter(|_| index + 1 == self.frames.len() && splices.len() == 1 && self.takes_pasted());
            let text = apply(&nested.text, splices);
            let name = nested.name.as_deref().unwrap_or_default();
            let main = lifecycle(name, &text);
            let hook = |prefix: &str, text: &Option<String>| {
                text.as_ref().map(|text| lifecycle(&format!("{prefix}{name}"), text))
            };
            let steps: Vec<String> = [hook("pre", &nested.pre), Some(main), hook("post", &nested.post)]
                .into_iter()
                .flatten()
                .collect();
            let command = match steps.as_slice() {
                [only] => only.clone(),
                several => format!("sh -c {}", quote(&several.join(" && "))),
            };
            let call = caller.call.as_ref().ok_or(Unsafe::Listed)?;
            if call.runtime {
                return Err(Unsafe::Runtime);
            }
            let text = match (&call.form, passed) {
                (CallForm::Command { .. }, _) => command,
                (CallForm::Shorthand { .. }, _) => quote(&command),
                (CallForm::Name(name), Some(added)) => name.with(call.manager, added),
                (CallForm::Name(name), None) => {
                    name.replaced(call.manager, &command).ok_or(Unsafe::Listed)?
                }
                (CallForm::Elsewhere { .. }, Some(added)) => {
                    let whole = caller.innermost().get(call.span.clone()).ok_or(Unsafe::Quoting)?;
                    let Splice { text, .. } = forwarding(call, added).ok_or(Unsafe::Listed)?;
                    format!("{whole}{text}")
                }
                (CallForm::Elsewhere { .. }, None) => return Err(Unsafe::Elsewhere),
                (CallForm::Listed, _) => return Err(Unsafe::Listed),
            };
            let splice = keep_apart(caller.innermost(), Splice { range: call.span.clone(), text });
            changes.frames[index - 1].push(caller.outward(caller.layers.len(), splice)?);
            if let Some(at) = call.separator {
                let marker = Splice::insert(at, "-- ".to_owned());
                changes.frames[index - 1].push(caller.outward(caller.layers.len(), marker)?);
            }
        }
        Ok(apply(&self.frames[0].text, std::mem::take(&mut changes.frames[0])))
    }
}

/// A nested script as a command of its own, with the same name and shell that its manager gives it.
fn lifecycle(name: &str, text: &str) -> String {
    format!("env {} sh -c {}", quote(&format!("npm_lifecycle_event={name}")), quote(text))
}

impl Name {
    /// All that the word means, each written out, and `this` in the place of this one.
    fn written(&self, manager: Manager, this: &str) -> String {
        let words = self.all.iter().enumerate().map(|(index, name)| {
            if index == self.this { quote(this) } else { quote(&self.lead(manager, name)) }
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn lead(&self, manager: Manager, name: &str) -> String {
        match self.list {
            ListKind::Names => name.to_owned(),
            ListKind::Shorthands => format!("{}:{name}", manager.word()),
            ListKind::Commands => format!("{} run {name}", manager.word()),
        }
    }

    /// The same with arguments for this one.
    fn with(&self, manager: Manager, arguments: &str) -> String {
        let marker = if manager.wants_marker() { " --" } else { "" };
        let this = format!("{}{marker} {arguments}", self.lead(manager, &self.all[self.this]));
        self.written(manager, &this)
    }

    /// The same with a command in this one's place, where one can stand.
    fn replaced(&self, manager: Manager, command: &str) -> Option<String> {
        (self.list != ListKind::Names).then(|| self.written(manager, command))
    }
}

fn forwarding(call: &Call, added: &str) -> Option<Splice> {
    match &call.form {
        CallForm::Command { at, separated, .. } | CallForm::Elsewhere { at, separated } => {
            let marker = if *separated { " --" } else { "" };
            Some(Splice::insert(*at, format!("{marker} {added}")))
        }
        CallForm::Shorthand { name } => {
            let text = quote(&call.manager.command(name, added));
            Some(Splice { range: call.span.clone(), text })
        }
        CallForm::Name(name) => {
            Some(Splice { range: call.span.clone(), text: name.with(call.manager, added) })
        }
        CallForm::Listed => None,
    }
}

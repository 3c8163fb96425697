//! A script while it is being changed: the commands that name the server's port get its present one.

use super::mentions::{Form, Mention, companion, mentions};
use super::project_scripts::Changed;
use super::reading::Reading;
use super::request::LaunchRequest;
use crate::script::{Leaf, NestedScript, PackageManager, Rewrite, Script};

pub(super) struct Draft<'r> {
    reading: &'r Reading<'r>,
    pub(super) text: String,
    pub(super) leaves: Vec<Leaf>,
    /// The nested scripts that have another text, or variables of their own.
    pub(super) nested: Vec<NestedScript>,
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl<'r> Draft<'r> {
    pub(super) fn of(reading: &'r Reading<'r>) -> Self {
        Self::of_text(reading, &reading.command, reading.leaves.clone())
    }

    /// Another script of the same project.
    pub(super) fn of_text(reading: &'r Reading<'r>, text: &str, leaves: Vec<Leaf>) -> Self {
        let (notes, warnings) = (Vec::new(), Vec::new());
        Self { reading, text: text.to_owned(), leaves, nested: Vec::new(), notes, warnings }
    }

    /// Puts a port in place of the one that is mentioned, if that is possible.
    pub(super) fn put(&mut self, mention: &Mention, port: u16, shells: &[PackageManager]) -> bool {
        let Some(leaf) = self.leaves.get(mention.leaf) else { return false };
        let place = (mention.part, mention.range.clone());
        leaf.replace(place, &port.to_string(), shells).is_ok_and(|rewrite| self.accept(&rewrite))
    }

    /// Puts the server's port in place of the one by which other commands name it, where it is another one now.
    pub(super) fn rename_port(&mut self, request: &LaunchRequest<'_>, shells: &[PackageManager]) {
        let Some(named) = request.named.filter(|named| named.port != request.port) else { return };
        let chosen = request.detection.tool.and_then(|tool| self.reading.leaf(tool.command));
        let Some((chosen, _)) = chosen else { return };
        // A place may be another one after a change, so each is looked for anew.
        let mut skipped = 0;
        while let Some((mention, leaf)) = self.mention(named.port, chosen, request, skipped) {
            let program = leaf.program.clone();
            let is_replaced = mention.form != Form::Number && self.put(&mention, request.port, shells);
            skipped += usize::from(!is_replaced);
            let (old, new) = (named.port, request.port);
            let sentence = if is_replaced {
                format!("`{program}` is told port {new} in place of {old}")
            } else {
                format!(
                    "`{program}` names port {old}, but the server is on port {new}: let it read `BOWLINE_URL`, or free port {old}"
                )
            };
            let list = if is_replaced { &mut self.notes } else { &mut self.warnings };
            if !list.contains(&sentence) {
                list.push(sentence);
            }
        }
    }

    /// A place where the server's port is named, counted from the last one, and its leaf. A number is that of the port
    /// only in a command that is not known.
    fn mention(
        &self,
        port: u16,
        chosen: usize,
        request: &LaunchRequest<'_>,
        skipped: usize,
    ) -> Option<(Mention, Leaf)> {
        let is_meant = |mention: &Mention| {
            let is_known = mention.leaf == chosen
                || self
                    .leaves
                    .get(mention.leaf)
                    .is_some_and(|leaf| companion(leaf, request.catalog).is_some());
            mention.port == port && (mention.form != Form::Number || !is_known)
        };
        let all = mentions(&self.leaves, chosen, request.catalog);
        let mention = all.into_iter().rev().filter(is_meant).nth(skipped)?;
        let leaf = self.leaves.get(mention.leaf)?.clone();
        Some((mention, leaf))
    }

    /// Takes a change over, unless the script has other programs afterwards.
    fn accept(&mut self, rewrite: &Rewrite) -> bool {
        let mut nested = self.nested.clone();
        merge(&mut nested, &rewrite.nested);
        let Some(leaves) = self.parse(&rewrite.text, &nested) else { return false };
        let programs = |leaves: &[Leaf]| leaves.iter().map(|leaf| leaf.program.clone()).collect::<Vec<_>>();
        if programs(&leaves) != programs(&self.leaves) {
            return false;
        }
        (self.text, self.leaves, self.nested) = (rewrite.text.clone(), leaves, nested);
        true
    }

    pub(super) fn parse(&self, text: &str, nested: &[NestedScript]) -> Option<Vec<Leaf>> {
        Some(Script::parse(text).ok()?.leaves(&Changed { scripts: &self.reading.scripts, nested }))
    }
}

/// Adds further changes of nested scripts. A text that was changed twice is replaced by the last one.
pub(super) fn merge(nested: &mut Vec<NestedScript>, more: &[NestedScript]) {
    for script in more {
        let Some(present) = nested.iter_mut().find(|present| present.name == script.name) else {
            nested.push(script.clone());
            continue;
        };
        present.has_variables |= script.has_variables;
        present.text = match (present.text.take(), script.text.clone()) {
            (Some((original, _)), Some((_, changed))) => Some((original, changed)),
            (one, other) => other.or(one),
        };
    }
}

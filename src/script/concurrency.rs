//! Leaves that run side by side, and the commands that lead to one of them alone.

use super::lead::{Front, Lead};
use super::leaf::Leaf;
use super::scripts::PackageManager;

impl Leaf {
    /// Whether both may run at the same time.
    pub fn runs_beside(&self, other: &Self) -> bool {
        let mut lanes = self.scope.lanes.iter().zip(&other.scope.lanes);
        lanes.find(|(own, others)| own != others).is_some_and(|(own, others)| {
            let first = if own.index < others.index { own } else { others };
            own.fork == others.fork && first.goes_on
        })
    }

    /// Whether a later command of the script waits for this one.
    pub fn precedes(&self, later: &Self) -> bool {
        later.scope.lanes.starts_with(&self.scope.lanes)
    }

    /// Whether the leaf would get the variable `name` that an edit sets apart from `others`.
    pub fn would_get(&self, name: &str, others: &[&Self], shells: &[PackageManager]) -> bool {
        let has_shell =
            |frame: usize| self.scope.frames.get(frame).is_some_and(|frame| frame.has_shell(shells));
        self.lead_apart_from(others, name, &has_shell).is_some_and(|lead| self.lets_through(name, lead))
    }

    /// The outermost command that leads to this leaf and to none of `others`; if possible one from which the variable
    /// `name` reaches the leaf.
    pub(super) fn lead_apart_from(
        &self,
        others: &[&Self],
        name: &str,
        has_shell: &dyn Fn(usize) -> bool,
    ) -> Option<&Lead> {
        let is_possible = |front: Front| match front {
            Front::Text { .. } => true,
            Front::Call { frame } => has_shell(frame),
        };
        let is_apart = |lead: &&Lead| {
            let mut shared = others.iter().flat_map(|other| &other.scope.leads);
            !shared.any(|other| other.id == lead.id) && is_possible(lead.front)
        };
        let mut all = self.scope.leads.iter().filter(is_apart);
        all.clone().find(|lead| self.lets_through(name, lead)).or_else(|| all.next())
    }

    /// Whether the leaf gets the variable `name` that is set in front of the command.
    pub(super) fn lets_through(&self, name: &str, lead: &Lead) -> bool {
        let (own, before) = (&self.scope.environment, &lead.environment);
        let is_removed = own.removed.iter().skip(before.removed.len()).any(|removed| removed == name);
        !is_removed && (!own.cleared || before.cleared) && (!own.files || before.files)
    }
}

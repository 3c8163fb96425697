//! Who waits for whom: the services of a start as a graph of needs.
//!
//! Nothing here knows of processes or time. A service is a number, and the loop tells the phase that each is in. The
//! tests walk every graph of four services, and every order of what can happen to them.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::mem;

/// The needs of each service. There is no circle among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    needs: Vec<BTreeSet<usize>>,
    /// Every service behind all that it needs.
    sorted: Vec<usize>,
}

/// Services that need each other: each needs the next one, the last one the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<usize>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not started yet.
    Waiting,
    /// On its way: started and not ready, or about to be started again.
    Starting,
    /// Ready, or done.
    Ready,
    /// Ended, and will not start again by itself.
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The graph has no say in it any more.
    Started,
    /// All that it needs is ready.
    Free,
    /// These of its needs are not ready yet.
    Waits(Vec<usize>),
    Blocked(Blocked),
}

/// The reason why a service cannot be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Those of its needs that have ended or are blocked themselves.
    pub by: Vec<usize>,
    /// Those that have ended, which it needs directly or not.
    pub causes: Vec<usize>,
}

impl Graph {
    /// The graph of `count` services. Each edge is a service and what it needs.
    ///
    /// # Errors
    /// Services need each other.
    pub fn new(count: usize, edges: &[(usize, usize)]) -> Result<Self, Cycle> {
        let mut graph = Self { needs: vec![BTreeSet::new(); count], sorted: Vec::new() };
        for &(service, need) in edges {
            graph.needs[service].insert(need);
        }
        graph.sort()?;
        Ok(graph)
    }

    /// The graph with further edges, except those that are part of a circle: services that would wait for each
    /// other start side by side.
    #[must_use]
    pub fn with_implied(mut self, edges: &[(usize, usize)]) -> Self {
        let mut all = self.needs.clone();
        for &(service, need) in edges {
            all[service].insert(need);
        }
        // Of each need, once: many services wait for the same one.
        let mut behind: Vec<Option<Vec<bool>>> = vec![None; all.len()];
        for &(service, need) in edges {
            if !behind[need].get_or_insert_with(|| reachable(&all, need))[service] {
                self.needs[service].insert(need);
            }
        }
        match self.sort() {
            Ok(()) => self,
            // No circle has only edges that are part of none.
            Err(Cycle(_)) => {
                Self { needs: vec![BTreeSet::new(); all.len()], sorted: (0..all.len()).collect() }
            }
        }
    }

    /// A graph without edges: everything starts at once.
    pub fn unordered(count: usize) -> Self {
        Self { needs: vec![BTreeSet::new(); count], sorted: (0..count).collect() }
    }

    pub fn needs_of(&self, service: usize) -> impl Iterator<Item = usize> {
        self.needs[service].iter().copied()
    }

    /// The services that need this one.
    pub fn dependents_of(&self, service: usize) -> impl Iterator<Item = usize> {
        let needs = self.needs.iter().enumerate();
        needs.filter(move |(_, needs)| needs.contains(&service)).map(|(dependent, _)| dependent)
    }

    /// The services in groups that start side by side if nothing fails: each group needs those before it.
    pub fn levels(&self) -> Vec<Vec<usize>> {
        let mut level = vec![0; self.needs.len()];
        let mut levels: Vec<Vec<usize>> = Vec::new();
        for &service in &self.sorted {
            let own = self.needs[service].iter().map(|&need| level[need] + 1).max().unwrap_or(0);
            level[service] = own;
            levels.resize(levels.len().max(own + 1), Vec::new());
            levels[own].push(service);
        }
        for level in &mut levels {
            level.sort_unstable();
        }
        levels
    }

    /// What each service may do, by the phases of all.
    pub fn turns(&self, phases: &[Phase]) -> Vec<Turn> {
        let mut turns = vec![Turn::Started; self.needs.len()];
        for &service in &self.sorted {
            if phases[service] == Phase::Waiting {
                turns[service] = self.turn(service, phases, &turns);
            }
        }
        turns
    }

    /// The turn of a service that was not started, by the turns of all that it needs.
    fn turn(&self, service: usize, phases: &[Phase], turns: &[Turn]) -> Turn {
        let (mut by, mut causes, mut unready) = (Vec::new(), BTreeSet::new(), Vec::new());
        for need in self.needs_of(service) {
            match (phases[need], &turns[need]) {
                (Phase::Ready, _) => {}
                (Phase::Ended, _) => {
                    by.push(need);
                    causes.insert(need);
                }
                (Phase::Waiting, Turn::Blocked(blocked)) => {
                    by.push(need);
                    causes.extend(&blocked.causes);
                }
                (Phase::Waiting, Turn::Started | Turn::Free | Turn::Waits(_)) | (Phase::Starting, _) => {
                    unready.push(need);
                }
            }
        }
        if !by.is_empty() {
            return Turn::Blocked(Blocked { by, causes: causes.into_iter().collect() });
        }
        if unready.is_empty() { Turn::Free } else { Turn::Waits(unready) }
    }

    /// Of the services that are to end together, those whose turn it is: nothing that needs one of them, directly
    /// or not, is still to end.
    pub fn may_end(&self, leaving: &[bool]) -> Vec<usize> {
        // From the dependents down, so that each one knows what is above it.
        let mut is_needed = vec![false; self.needs.len()];
        for &service in self.sorted.iter().rev() {
            if leaving[service] || is_needed[service] {
                for need in self.needs_of(service) {
                    is_needed[need] = true;
                }
            }
        }
        (0..self.needs.len()).filter(|&service| leaving[service] && !is_needed[service]).collect()
    }

    /// Puts every service behind its needs.
    fn sort(&mut self) -> Result<(), Cycle> {
        self.sorted.clear();
        let mut is_sorted = vec![false; self.needs.len()];
        while self.sorted.len() < self.needs.len() {
            let ready = |service: &usize| {
                !is_sorted[*service] && self.needs[*service].iter().all(|&need| is_sorted[need])
            };
            let next: Vec<usize> = (0..self.needs.len()).filter(ready).collect();
            if next.is_empty() {
                return Err(self.cycle(&is_sorted));
            }
            for &service in &next {
                is_sorted[service] = true;
            }
            self.sorted.extend(next);
        }
        Ok(())
    }

    /// A circle among the services that could not be sorted: every one of them needs another one of them.
    fn cycle(&self, is_sorted: &[bool]) -> Cycle {
        let next = |service: usize| self.needs_of(service).find(|&need| !is_sorted[need]);
        let mut path: Vec<usize> = Vec::new();
        let mut service = is_sorted.iter().position(|is_sorted| !is_sorted);
        while let Some(here) = service {
            if let Some(start) = path.iter().position(|&before| before == here) {
                path.drain(..start);
                break;
            }
            path.push(here);
            service = next(here);
        }
        // From its first service on, whichever was found first.
        let first = path.iter().enumerate().min_by_key(|(_, service)| **service).map_or(0, |(at, _)| at);
        path.rotate_left(first);
        Cycle(path)
    }
}

/// Of every service, whether this one needs it, directly or not.
fn reachable(needs: &[BTreeSet<usize>], service: usize) -> Vec<bool> {
    let mut found = vec![false; needs.len()];
    let mut open = vec![service];
    while let Some(next) = open.pop() {
        let is_new = |need: &usize| !mem::replace(&mut found[*need], true);
        open.extend(needs[next].iter().copied().filter(is_new));
    }
    found
}

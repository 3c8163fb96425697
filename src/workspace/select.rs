//! What filters select in a graph of packages.

use std::collections::HashSet;
use std::path::Path;

use super::filter::{Filter, FilterError, matches_name};
use super::packages::Packages;
use super::since::changed;

/// What filters select.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// Indices, in the order of the packages.
    pub indices: Vec<usize>,
    /// Those that a filter without wildcards names, be they selected or not.
    pub named: Vec<usize>,
    /// The filters that match nothing by themselves.
    pub unmatched: Vec<String>,
}

impl Packages {
    /// The packages that any of the filters selects, or all of them where each filter excludes, without those that
    /// are excluded. No match is not an error here.
    pub fn select(&self, filters: &[Filter]) -> Result<Selected, FilterError> {
        let mut selected = Selected::default();
        let (mut included, mut excluded) = (Walk::default(), Walk::default());
        for filter in filters {
            let entries = self.entries(filter)?;
            if entries.is_empty() {
                selected.unmatched.push(filter.text.clone());
            }
            if filter.is_literal() && !filter.excludes {
                selected.named.extend(&entries);
            }
            let walk = if filter.excludes { &mut excluded } else { &mut included };
            walk.add(self, filter, &entries);
        }
        let is_all = filters.iter().all(|filter| filter.excludes);
        let is_selected =
            |index: &usize| (is_all || included.found.contains(index)) && !excluded.found.contains(index);
        selected.indices = (0..self.projects().len()).filter(is_selected).collect();
        Ok(selected)
    }

    /// The error for a selection without packages.
    pub fn no_match(&self, filters: &[Filter]) -> FilterError {
        let filters = filters.iter().map(|filter| filter.text.clone()).collect();
        let names =
            (0..self.projects().len()).filter_map(|index| self.name(index)).map(str::to_owned).collect();
        FilterError::NoMatch { filters, names }
    }

    /// The packages that match name, directory and revision.
    fn entries(&self, filter: &Filter) -> Result<Vec<usize>, FilterError> {
        let mut entries: Vec<usize> = (0..self.projects().len()).collect();
        let dir = |index: usize| self.projects()[index].dir.as_path();
        let dirs: Vec<&Path> = entries.iter().map(|index| dir(*index)).collect();
        if let Some(revision) = &filter.since {
            let within = filter.dir.as_ref().map_or(self.root(), |dir| dir.path.as_path());
            let changed = changed(revision, within, &dirs)?;
            entries.retain(|index| changed.contains(&dir(*index)));
        } else if let Some(glob) = &filter.dir {
            entries.retain(|index| glob.matches(dir(*index)));
        }
        let Some(pattern) = &filter.name else { return Ok(entries) };
        let named = |pattern: &str| -> Vec<usize> {
            let is_meant = |index: &usize| self.name(*index).is_some_and(|name| matches_name(pattern, name));
            entries.iter().copied().filter(is_meant).collect()
        };
        let found = named(pattern);
        if found.is_empty() && !pattern.starts_with('@') && !pattern.contains('/') {
            // A name without its scope, if only one package has it.
            let scoped = named(&format!("@*/{pattern}"));
            return Ok(if scoped.len() == 1 { scoped } else { Vec::new() });
        }
        Ok(found)
    }

    fn reversed(&self) -> Vec<Vec<usize>> {
        let mut reversed = vec![Vec::new(); self.projects().len()];
        for (dependent, dependencies) in self.edges().iter().enumerate() {
            for dependency in dependencies {
                reversed[*dependency].push(dependent);
            }
        }
        reversed
    }
}

/// What the filters that include, or those that exclude, have found so far.
#[derive(Default)]
struct Walk {
    found: HashSet<usize>,
    /// The dependents among them. As in pnpm, `...x...` adds what those of the filters before it depend on, too.
    dependents: HashSet<usize>,
}

impl Walk {
    fn add(&mut self, packages: &Packages, filter: &Filter, entries: &[usize]) {
        let is_strict = filter.excludes_entries;
        if filter.dependencies {
            self.found.extend(reached(packages.edges(), entries, is_strict));
        }
        if filter.dependents {
            self.dependents.extend(reached(&packages.reversed(), entries, is_strict));
            self.found.extend(&self.dependents);
        }
        if filter.dependencies && filter.dependents {
            let dependents: Vec<usize> = self.dependents.iter().copied().collect();
            self.found.extend(reached(packages.edges(), &dependents, true));
        }
        if !filter.dependencies && !filter.dependents {
            self.found.extend(entries);
        }
    }
}

/// All that can be reached from the entries; without them if `is_strict`, unless one leads to the other.
fn reached(edges: &[Vec<usize>], entries: &[usize], is_strict: bool) -> HashSet<usize> {
    let mut found: HashSet<usize> = HashSet::new();
    let mut open: Vec<usize> = Vec::new();
    for entry in entries {
        if is_strict {
            open.extend(&edges[*entry]);
        } else {
            open.push(*entry);
        }
    }
    while let Some(index) = open.pop() {
        if found.insert(index) {
            open.extend(&edges[index]);
        }
    }
    found
}

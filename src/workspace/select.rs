//! What filters select in a graph of packages.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use super::filter::{Filter, FilterError, matches_name};
use super::packages::{Packages, reached};
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
    /// The packages that the filters select, one filter after the other: what a later one includes is there again, as
    /// for pnpm since 12. Where the first one excludes, it does so from all. No match is not an error here.
    pub fn select(&self, filters: &[Filter]) -> Result<Selected, FilterError> {
        let all = 0..self.len();
        let mut selected = Selected::default();
        let mut found: BTreeSet<usize> = BTreeSet::new();
        if filters.first().is_none_or(Filter::excludes) {
            found.extend(all);
        }
        for filter in filters {
            let entries = self.entries(filter)?;
            if entries.is_empty() {
                selected.unmatched.push(filter.text.clone());
            }
            if filter.is_literal() && !filter.excludes {
                selected.named.extend(&entries);
            }
            let around = self.around_entries(filter, &entries);
            if filter.excludes {
                found.retain(|index| !around.contains(index));
            } else {
                found.extend(around);
            }
        }
        selected.indices = found.into_iter().collect();
        Ok(selected)
    }

    /// The error for a selection without packages.
    pub fn no_match(&self, filters: &[Filter]) -> FilterError {
        let is_meant = |index: &usize| {
            let dir = self.dir(*index).and_then(Path::file_name).map(|name| name.to_string_lossy());
            self.name(*index).is_none()
                && filters.iter().any(|filter| dir.as_deref() == filter.name.as_deref())
        };
        let nameless = (0..self.len()).find(is_meant).and_then(|index| self.dir(index));
        let nameless = nameless.and_then(|dir| dir.strip_prefix(self.root()).ok()).map(Path::to_path_buf);
        let filters = filters.iter().map(|filter| filter.text.clone()).collect();
        let names = (0..self.len()).filter_map(|index| self.name(index)).map(str::to_owned).collect();
        FilterError::NoMatch { filters, names, nameless }
    }

    /// The packages that match name, directory and revision.
    fn entries(&self, filter: &Filter) -> Result<Vec<usize>, FilterError> {
        let mut entries: Vec<usize> = (0..self.len()).collect();
        let dirs: Vec<&Path> = entries.iter().filter_map(|index| self.dir(*index)).collect();
        if let Some(revision) = &filter.since {
            let within = filter.dir.as_ref().map(|dir| dir.path.as_path());
            let changed = changed(revision, self.root(), within, &dirs)?;
            entries.retain(|index| self.dir(*index).is_some_and(|dir| changed.contains(&dir)));
        } else if let Some(glob) = &filter.dir {
            entries.retain(|index| self.dir(*index).is_some_and(|dir| glob.matches(dir)));
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

    /// The entries, and what the filter wants with them.
    fn around_entries(&self, filter: &Filter, entries: &[usize]) -> HashSet<usize> {
        if !filter.dependencies && !filter.dependents {
            return entries.iter().copied().collect();
        }
        let mut found = HashSet::new();
        if filter.dependencies {
            found.extend(reached(self.edges(), entries, filter.excludes_entries));
        }
        if filter.dependents {
            let dependents = reached(&self.reversed(), entries, filter.excludes_entries);
            if filter.dependencies {
                let dependents: Vec<usize> = dependents.iter().copied().collect();
                found.extend(reached(self.edges(), &dependents, true));
            }
            found.extend(dependents);
        }
        found
    }

    fn reversed(&self) -> Vec<Vec<usize>> {
        let mut reversed = vec![Vec::new(); self.len()];
        for (dependent, dependencies) in self.edges().iter().enumerate() {
            for dependency in dependencies {
                reversed[*dependency].push(dependent);
            }
        }
        reversed
    }
}

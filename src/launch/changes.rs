//! An environment as differences from the caller's.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

/// Variables to set and to remove; no name is in both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    set: BTreeMap<String, OsString>,
    removed: BTreeSet<String>,
}

impl Changes {
    /// Sets a variable, unless no environment can hold the name or value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<OsString>) {
        let (name, value) = (name.into(), value.into());
        if name.is_empty() || name.contains(['=', '\0']) || value.as_encoded_bytes().contains(&0) {
            return;
        }
        self.removed.remove(&name);
        self.set.insert(name, value);
    }

    /// Removes a variable.
    pub fn remove(&mut self, name: impl Into<String>) {
        let name = name.into();
        self.set.remove(&name);
        self.removed.insert(name);
    }

    /// Adds later changes, which win.
    pub fn extend(&mut self, later: Self) {
        for name in later.removed {
            self.remove(name);
        }
        for (name, value) in later.set {
            self.set(name, value);
        }
    }

    /// The value that is set for `name`.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.set.get(name).map(OsString::as_os_str)
    }

    /// The variables that are set, by name.
    pub fn additions(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.set.iter().map(|(name, value)| (name.as_str(), value.as_os_str()))
    }

    /// The variables that are removed, by name.
    pub fn removals(&self) -> impl Iterator<Item = &str> {
        self.removed.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_counts() {
        let mut changes = Changes::default();
        changes.set("A", "1");
        changes.remove("A");
        changes.remove("B");
        let mut later = Changes::default();
        later.set("B", "2");
        later.remove("C");
        changes.extend(later);
        assert_eq!(changes.additions().collect::<Vec<_>>(), [("B", OsStr::new("2"))]);
        assert_eq!(changes.removals().collect::<Vec<_>>(), ["A", "C"]);
    }

    #[test]
    fn variables_that_no_environment_can_hold_are_left_out() {
        let mut changes = Changes::default();
        for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0y")] {
            changes.set(name, value);
        }
        assert_eq!(changes, Changes::default());
    }
}

//! An environment as differences from the caller's.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

/// What to set and what to remove; a name is in one of them at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    set: BTreeMap<String, OsString>,
    removed: BTreeSet<String>,
}

impl Changes {
    /// Sets a variable. A name or value that no environment can hold is left out.
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

    /// Applies `later` on top of these.
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

    /// All that is set, in the order of the names.
    pub fn additions(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.set.iter().map(|(name, value)| (name.as_str(), value.as_os_str()))
    }

    /// All that is removed, in the order of the names.
    pub fn removals(&self) -> impl Iterator<Item = &str> {
        self.removed.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts() {
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
    fn what_no_environment_holds_is_left_out() {
        let mut changes = Changes::default();
        for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0y")] {
            changes.set(name, value);
        }
        assert_eq!(changes, Changes::default());
    }
}

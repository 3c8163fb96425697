//! An environment as differences from the caller's.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Variables to set to a value or, with `None`, to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(BTreeMap<String, Option<OsString>>);

impl Changes {
    /// Sets a variable, unless no environment can hold the name or value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<OsString>) {
        let (name, value) = (name.into(), value.into());
        let is_possible = !name.is_empty() && !name.contains(['=', '\0']);
        if is_possible && !value.as_encoded_bytes().contains(&0) {
            self.0.insert(name, Some(value));
        }
    }

    pub fn remove(&mut self, name: impl Into<String>) {
        self.0.insert(name.into(), None);
    }

    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name)?.as_deref()
    }

    pub fn additions(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.0.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)))
    }

    pub fn removals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name.as_str())
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
        changes.set("B", "2");
        changes.remove("C");
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

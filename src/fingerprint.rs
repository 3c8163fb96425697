//! Fingerprints of the evidence that a framework was detected by, as they are remembered with a project.

use std::fmt;
use std::str::FromStr;

/// The state of the evidence. Two of them agree if nothing has changed that a rule speaks of, or if nothing has
/// changed at all and only the rules are others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    relevant: u64,
    everything: u64,
}

impl Fingerprint {
    /// The state in which these facts were found: those that a rule speaks of, and all of them.
    pub fn new(relevant: Vec<String>, everything: Vec<String>) -> Self {
        Self { relevant: digest(relevant), everything: digest(everything) }
    }

    /// Whether the evidence is the same for both.
    pub fn agrees(&self, other: &Self) -> bool {
        self.relevant == other.relevant || self.everything == other.everything
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.relevant, self.everything)
    }
}

impl FromStr for Fingerprint {
    type Err = ();

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (relevant, everything) = text.split_at_checked(16).ok_or(())?;
        let number = |digits: &str| u64::from_str_radix(digits, 16).map_err(|_| ());
        if everything.len() != 16 {
            return Err(());
        }
        Ok(Self { relevant: number(relevant)?, everything: number(everything)? })
    }
}

fn digest(mut facts: Vec<String>) -> u64 {
    facts.sort_unstable();
    facts.dedup();
    fnv(facts.iter().flat_map(|fact| fact.bytes().chain([0])))
}

/// The 64-bit FNV-1a hash (Fowler, Noll, Vo). It is stored, so that it must never change; the standard library's may.
pub(crate) fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

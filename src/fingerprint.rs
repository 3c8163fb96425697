//! Fingerprints of the evidence for a framework, which are remembered with a project.

use std::fmt;
use std::str::FromStr;

/// The state of the evidence. Two fingerprints agree if no fact that a rule asks about has changed, or if no fact
/// at all has changed and only the rules have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    relevant: u64,
    everything: u64,
}

impl Fingerprint {
    /// The fingerprint of these facts: those that a rule asks about, and all of them.
    pub fn new(relevant: Vec<String>, everything: Vec<String>) -> Self {
        Self { relevant: digest(relevant), everything: digest(everything) }
    }

    /// Whether the evidence is unchanged from one to the other.
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

/// The 64-bit FNV-1a hash (Fowler, Noll, Vo). It is stored, so it must never change; std's may.
pub(crate) fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

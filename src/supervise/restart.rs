//! When a service that has ended is started again, and after which pause.

use std::time::Duration;

/// When a service that has ended is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Never.
    #[default]
    Never,
    /// When it failed: another exit code than 0, a signal, or an end before it ever listened.
    OnFailure,
    /// Whenever it ended by itself.
    Always,
}

impl Policy {
    /// Whether a service that ended, with or without failing, is started again.
    pub fn restarts(self, failed: bool) -> bool {
        match self {
            Self::Never => false,
            Self::OnFailure => failed,
            Self::Always => true,
        }
    }
}

/// The first pause.
const FIRST: Duration = Duration::from_millis(250);
/// The longest pause.
const CEILING: Duration = Duration::from_secs(15);
/// A service that ran this long had recovered: the next pause is the first again.
const HEALTHY: Duration = Duration::from_secs(10);
/// How many times in a row it is started again without having recovered.
const ATTEMPTS: u32 = 5;

/// The pauses between restarts: doubled each time up to a ceiling, shortened by up to a quarter at random so that
/// services that fell together do not rise together.
#[derive(Clone, Debug)]
pub struct Backoff {
    failures: u32,
    random: u64,
}

impl Backoff {
    /// Nothing has failed yet.
    pub fn new(seed: u64) -> Self {
        Self { failures: 0, random: seed }
    }

    /// The next pause, or `None` if the service is given up. `healthy` is how long it ran, if it had listened.
    pub fn next(&mut self, healthy: Option<Duration>) -> Option<Duration> {
        if healthy.is_some_and(|time| time >= HEALTHY) {
            self.failures = 0;
        }
        if self.failures >= ATTEMPTS {
            return None;
        }
        let pause = FIRST.saturating_mul(1 << self.failures).min(CEILING);
        self.failures += 1;
        Some(pause.mul_f64(1.0 - 0.25 * self.fraction()))
    }

    /// Somebody asked for a new start: what failed before no longer counts.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// A number from 0 to 1 by the SplitMix64 generator (Steele, Lea, Flood 2014).
    fn fraction(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        f64::from(u32::try_from(mixed >> 32).unwrap_or_default()) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end() {
        let mut backoff = Backoff::new(7);
        let pauses: Vec<_> = std::iter::from_fn(|| backoff.next(None)).collect();
        assert_eq!(pauses.len(), 5);
        for (pause, ceiling) in pauses.iter().zip([250, 500, 1000, 2000, 4000]) {
            let ceiling = Duration::from_millis(ceiling);
            assert!(*pause <= ceiling && *pause >= ceiling * 3 / 4, "{pause:?}");
        }
    }

    #[test]
    fn a_healthy_time_begins_anew() {
        let mut backoff = Backoff::new(7);
        while backoff.next(Some(Duration::from_secs(1))).is_some() {}
        assert!(backoff.next(Some(HEALTHY)).is_some_and(|pause| pause <= FIRST));
        while backoff.next(None).is_some() {}
        backoff.reset();
        assert!(backoff.next(None).is_some());
    }

    #[test]
    fn two_seeds_differ() {
        assert_ne!(Backoff::new(1).next(None), Backoff::new(2).next(None));
    }
}

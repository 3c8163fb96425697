//! When a service that has ended is started again, and after which pause.

use std::time::Duration;

use serde::Deserialize;

/// When a service that has ended is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Not at all.
    #[default]
    Never,
    /// After a failure: an exit code other than 0, a signal, or an end before it ever listened.
    OnFailure,
    /// After every end that nobody asked for.
    Always,
}

impl Policy {
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::OnFailure => "on-failure",
            Self::Always => "always",
        }
    }

    pub fn restarts(self, failed: bool) -> bool {
        match self {
            Self::Never => false,
            Self::OnFailure => failed,
            Self::Always => true,
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A service that ran this long has recovered: the next pause is [`FIRST_PAUSE`] again.
const HEALTHY_RUN: Duration = Duration::from_secs(10);
/// How many times in a row a service is started again without having recovered.
const ATTEMPTS: u32 = 5;

/// The pauses between restarts: doubled each time up to a ceiling, and shortened by up to a quarter at random, so
/// that services that failed together do not start together.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next pause, or `None` to give up. `healthy` is how long the run lasted, if it ever listened.
    pub fn next(&mut self, healthy: Option<Duration>) -> Option<Duration> {
        if healthy.is_some_and(|time| time >= HEALTHY_RUN) {
            self.failures = 0;
        }
        if self.failures >= ATTEMPTS {
            return None;
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures).min(LONGEST_PAUSE);
        self.failures += 1;
        // Without a random number, the full pause is used.
        let random = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
        Some(pause.mul_f64(1.0 - 0.25 * random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = std::iter::from_fn(|| backoff.next(None)).collect();
        assert_eq!(pauses.len(), 5);
        for (pause, ceiling) in pauses.iter().zip([250, 500, 1000, 2000, 4000]) {
            let ceiling = Duration::from_millis(ceiling);
            assert!(*pause <= ceiling && *pause >= ceiling * 3 / 4, "{pause:?}");
        }
    }

    #[test]
    fn a_healthy_run_resets_the_backoff() {
        let mut backoff = Backoff::default();
        while backoff.next(Some(Duration::from_secs(1))).is_some() {}
        assert!(backoff.next(Some(HEALTHY_RUN)).is_some_and(|pause| pause <= FIRST_PAUSE));
    }
}

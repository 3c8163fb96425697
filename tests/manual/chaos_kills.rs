//! SIGKILLs at random moments: `just chaos`.

use std::time::SystemTime;

use crate::chaos;

/// How many are tried at once: most of their time is waiting.
const AT_ONCE: usize = 6;

#[expect(clippy::print_stdout, reason = "the seed and the figure are what it is run for")]
#[test]
#[ignore = "takes minutes: `just chaos`"]
fn whoever_is_killed_when_nothing_is_left() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let kills = number("BOWLINE_CHAOS_KILLS").unwrap_or(1_000);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = number("BOWLINE_CHAOS_SEED").unwrap_or(now.as_secs());
    println!("seed {seed}, {kills} kills");
    let longest = chaos::run(usize::try_from(kills).unwrap(), seed, AT_ONCE);
    println!("nothing was left; the longest took {longest:.1?}");
}

//! How soon a key is answered while three services flood a slow terminal: `just figures`.

use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};

use crate::figures::tell;
use crate::support::{Sandbox, Seat};

const PRESSES: usize = 40;
/// How many bytes the terminal takes at once.
const STEP: u32 = 256;

/// A terminal that takes so many bytes in a second.
struct Slow {
    seat: Seat,
    rate: f64,
    begun: Instant,
    shown: f64,
}

impl Slow {
    /// Shows output until these words come.
    fn until(&mut self, words: &str) {
        let mut seen = Vec::new();
        while !seen.windows(words.len()).any(|window| window == words.as_bytes()) {
            if self.begun.elapsed().as_secs_f64() * self.rate < self.shown {
                let _ = poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 500_000 }));
                continue;
            }
            seen.drain(..seen.len().saturating_sub(words.len()));
            seen.extend(self.seat.terminal.show(STEP as usize));
            self.shown += f64::from(STEP);
        }
    }
}

#[test]
#[ignore = "a measurement: `just figures`"]
fn figures_of_keys() {
    let (mut sandbox, _ports) = Sandbox::new().with_ports("default", 3);
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["apps/*"] }"#);
    for name in ["api", "web", "worker"] {
        let dev = format!("exec yes {}", "x".repeat(80));
        let manifest = serde_json::json!({ "name": name, "scripts": { "dev": dev } });
        sandbox.file(format!("apps/{name}/package.json"), &manifest.to_string());
    }
    sandbox.env("TERM", "xterm");
    for kilobytes in [100_u32, 200, 300, 1000] {
        let mut seat = Seat::take(sandbox.bowline(["dev", "--grace", "1s"]));
        seat.terminal.until("xxx");
        seat.terminal.stall();
        let rate = f64::from(kilobytes) * 1000.0;
        let mut slow = Slow { seat, rate, begun: Instant::now(), shown: 0.0 };
        let mut taken: Vec<Duration> = (0..PRESSES)
            .map(|press| {
                let (key, answer) =
                    if press % 2 == 0 { ("r", "restart which") } else { ("\x1b", "nothing is") };
                // Some flood between two keys.
                (0..10).for_each(|_| slow.until("xxxx\r\n"));
                slow.seat.terminal.keys(key);
                let start = Instant::now();
                slow.until(answer);
                start.elapsed()
            })
            .collect();
        taken.sort();
        tell(&format!("a key at {kilobytes} KB/s, median"), taken[PRESSES / 2]);
        tell(&format!("a key at {kilobytes} KB/s, longest"), taken[PRESSES - 1]);
    }
}

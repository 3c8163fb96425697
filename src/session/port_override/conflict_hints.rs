//! Signs of a refused port in a program's output. They are hints: a wrong one costs one more start.

use crate::launch::MovedListener;

/// The most ports of one output whose listeners are looked up.
const NUMBERS: usize = 64;
/// Smaller numbers are hardly ports of dev servers.
const UNPRIVILEGED: u16 = 1024;
/// Deno's name for the error.
pub(super) const DENOS: &str = "AddrInUse";
/// A module of Deno's own, in the stack of an error in the words of node.
const DENOS_STACK: &str = "ext:deno_";
/// Lines of nodemon and `node --watch` after the watched program exited with code 0.
const ENDED_WELL: [&str; 2] = ["clean exit", "Completed running"];

/// How many lines, from a complaint without a port on, are searched for one: Deno shows the source there.
const SHOWN: usize = 4;

/// A port that a program was refused because another one has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedPort {
    /// Its number, as far as the output tells.
    pub port: Option<u16>,
    /// Whether it is Deno that says so.
    pub is_denos: bool,
}

impl RefusedPort {
    pub(super) fn next_move(self) -> MovedListener {
        if self.is_denos { MovedListener::Deno(0) } else { MovedListener::Refused }
    }
}

/// The port that the program was refused, if the output shows one other than `reserved`. `ended_well`: it exited with code 0, as Express 5
/// does on a taken port after printing that it listens. `is_taken` tells of ports that may be the server's.
pub fn refusal(
    output: &str,
    ended_well: bool,
    reserved: u16,
    is_taken: impl Fn(u16) -> bool,
) -> Option<RefusedPort> {
    let complaints: Vec<&str> = output.lines().filter(|line| is_complaint(line)).collect();
    let says = |word: &str| complaints.iter().any(|line| line.contains(word));
    let is_denos = says(DENOS) || output.contains(DENOS_STACK);
    let named: Vec<u16> = complaints.iter().flat_map(|line| numbers(line)).collect();
    let is_sure = named.is_empty() && (says(DENOS) || says("EADDRINUSE"));
    let ended_well = ended_well || ENDED_WELL.iter().any(|words| output.contains(words));
    let is_claimed = |port: &u16| *port >= UNPRIVILEGED;
    let claimed = output.lines().filter(|_| ended_well).flat_map(numbers).filter(is_claimed);
    let shown = output.lines().skip_while(|line| !is_complaint(line)).take(SHOWN).filter(|_| is_sure);
    let shown = shown.flat_map(numbers).filter(is_claimed);
    let mut asked = Vec::new();
    let complained = named.into_iter().chain(shown).map(|port| (port, true));
    let all = complained.chain(claimed.map(|port| (port, false))).filter(|&(port, _)| port != reserved);
    for (port, is_complained) in all {
        if !asked.contains(&port) && asked.len() < NUMBERS {
            if is_taken(port) {
                // A program that ended well may have named it for another reason.
                return Some(RefusedPort { port: is_complained.then_some(port), is_denos });
            }
            asked.push(port);
        }
    }
    is_sure.then_some(RefusedPort { port: None, is_denos })
}

/// Whether a program was refused the reserved port and did not use it all the same: of a free port, Rsbuild 1 says "Port 3101
/// is in use, using port 3101".
pub fn is_conflict(output: &str, reserved: u16) -> bool {
    let names = |text: &str| numbers(text).any(|number| number == reserved);
    output.lines().filter(|line| is_complaint(line)).any(|line| {
        let goes_on = ["using", "trying"].iter().find_map(|word| line.split_once(word));
        let (refused, next) = goes_on.unwrap_or((line, ""));
        names(refused) && !names(next)
    })
}

fn is_complaint(line: &str) -> bool {
    // Vite says so of its HMR socket, and goes on.
    let is_aside = line.contains("WebSocket server error");
    !is_aside && (line.contains("EADDRINUSE") || line.to_ascii_lowercase().contains("in use"))
}

/// The numbers of a line that may be ports.
fn numbers(line: &str) -> impl Iterator<Item = u16> + '_ {
    // The number behind this is an errno.
    let line = line.split("(os error").next().unwrap_or_default();
    line.split(|c: char| !c.is_ascii_digit())
        .filter(|digits| (2..=5).contains(&digits.len()))
        .filter_map(|digits| digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(output: &str, ended_well: bool) -> bool {
        refusal(output, ended_well, 3101, |port| port == 3000).is_some()
    }

    #[test]
    fn a_port_that_a_program_names_before_it_ends_well_is_a_guess() {
        let found = refusal("connected to localhost:3000", true, 3101, |port| port == 3000);
        assert_eq!(found, Some(RefusedPort { port: None, is_denos: false }));
    }

    #[test]
    fn a_refused_port_is_named() {
        let deno = "error: Uncaught (in promise) AddrInUse: Address already in use (os error 98)\n";
        for (output, port, is_denos) in [
            ("Error: listen EADDRINUSE: address already in use :::3000", Some(3000), false),
            ("error: Failed to start server. Is port 3000 in use?\n code: \"EADDRINUSE\"", Some(3000), false),
            ("{ code: 'EADDRINUSE' }", None, false),
            (&format!("{deno}Deno.serve({{ port: 3000 }}, () => {{"), Some(3000), true),
            (
                "listen EADDRINUSE: address already in use :::3000\n at x (ext:deno_node/net.ts:1)",
                Some(3000),
                true,
            ),
            (&format!("{deno}Deno.serve({{ port }}, () => {{"), None, true),
        ] {
            let found = refusal(output, false, 3101, |port| port == 3000);
            assert_eq!(found, Some(RefusedPort { port, is_denos }), "{output}");
        }
    }

    #[test]
    fn output_that_shows_a_refused_port() {
        for output in [
            "Error: listen EADDRINUSE: address already in use :::3000\n    at Server.setupListenHandle",
            "Error: listen EADDRINUSE: address already in use 127.0.0.1:3000",
            "Port 3000 is already in use",
            "{ code: 'EADDRINUSE' }",
        ] {
            assert!(refused(output, false), "{output}");
        }
    }

    #[test]
    fn output_that_does_not() {
        for output in [
            "",
            "Error: listen EADDRINUSE: address already in use :::3101",
            "Port 4000 is already in use",
            "listening on http://localhost:3000",
            "SyntaxError: Unexpected token at server.js:3000",
            "WebSocket server error: Port 3000 is already in use",
        ] {
            assert!(!refused(output, false), "{output}");
        }
    }

    #[test]
    fn a_conflict_names_the_reserved_port() {
        for (output, expected) in [
            ("Error: listen EADDRINUSE: address already in use :::3101", true),
            ("cannot listen: EADDRINUSE 3101", true),
            (
                "[Errno 98] error while attempting to bind on address ('127.0.0.1', 3101): address already in use",
                true,
            ),
            ("Port 3101 is in use, trying another one...", true),
            ("Error: listen EADDRINUSE: address already in use :::3000", false),
            ("Port 3101 is in use, using available port 3102 instead.", true),
            ("Port 3000 is in use, using available port 3101 instead.", false),
            ("info    Port 3101 is in use, using port 3101.", false),
            ("listening on 3101", false),
            ("in use: 31010", false),
        ] {
            assert_eq!(is_conflict(output, 3101), expected, "{output}");
        }
    }

    #[test]
    fn a_program_that_ends_after_it_named_a_port() {
        assert!(refused("Example app listening on port 3000", true));
        assert!(refused(
            "listening on 3000\n[nodemon] clean exit - waiting for changes before restart",
            false
        ));
        assert!(refused("listening on 3000\nCompleted running 'server.js'", false));
        assert!(!refused("built 22 files in 812 ms", true));
    }
}

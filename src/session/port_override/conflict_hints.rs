//! What a program's output says about a port that it was refused. Only a hint: it costs one more start at most.

/// The most numbers that are looked up.
const NUMBERS: usize = 64;
/// Below this a number is hardly a port that a dev server asks for.
const UNPRIVILEGED: u16 = 1024;
/// What watchers print when the program that they watch has ended well: nodemon, `node --watch`.
const ENDED_WELL: [&str; 2] = ["clean exit", "Completed running"];

/// Whether a program with this output was refused a port that is not its reserved one. `ended_well`: it ended without
/// an error, as Express 5 does after it has said that it listens.
pub fn is_refused(
    output: &str,
    ended_well: bool,
    reserved: u16,
    mut is_taken: impl FnMut(u16) -> bool,
) -> bool {
    let complaints: Vec<&str> = output.lines().filter(|line| is_complaint(line)).collect();
    let named: Vec<u16> = complaints.iter().flat_map(|line| numbers(line)).collect();
    if named.is_empty() && output.contains("EADDRINUSE") {
        return true;
    }
    let ended_well = ended_well || ENDED_WELL.iter().any(|words| output.contains(words));
    let claimed =
        output.lines().filter(|_| ended_well).flat_map(numbers).filter(|&port| port >= UNPRIVILEGED);
    let mut asked = Vec::new();
    for port in named.into_iter().chain(claimed).filter(|&port| port != reserved) {
        if !asked.contains(&port) && asked.len() < NUMBERS {
            if is_taken(port) {
                return true;
            }
            asked.push(port);
        }
    }
    false
}

/// Whether a line speaks of this port.
pub fn names(line: &str, port: u16) -> bool {
    numbers(line).any(|number| number == port)
}

fn is_complaint(line: &str) -> bool {
    line.contains("EADDRINUSE") || line.to_ascii_lowercase().contains("in use")
}

/// The numbers of a line that could be ports.
fn numbers(line: &str) -> impl Iterator<Item = u16> + '_ {
    line.split(|c: char| !c.is_ascii_digit())
        .filter(|digits| (2..=5).contains(&digits.len()))
        .filter_map(|digits| digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(output: &str, ended_well: bool) -> bool {
        is_refused(output, ended_well, 3101, |port| port == 3000)
    }

    #[test]
    fn complaints_about_another_port() {
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
    fn other_complaints() {
        for output in [
            "",
            "Error: listen EADDRINUSE: address already in use :::3101",
            "Port 4000 is already in use",
            "listening on http://localhost:3000",
            "SyntaxError: Unexpected token at server.js:3000",
        ] {
            assert!(!refused(output, false), "{output}");
        }
    }

    #[test]
    fn what_says_that_it_listens_and_has_ended() {
        assert!(refused("Example app listening on port 3000", true));
        assert!(refused(
            "listening on 3000\n[nodemon] clean exit - waiting for changes before restart",
            false
        ));
        assert!(refused("listening on 3000\nCompleted running 'server.js'", false));
        assert!(!refused("built 22 files in 812 ms", true));
    }
}

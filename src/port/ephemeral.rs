//! The ports that the system gives to programs that bind port 0.

use std::ops::RangeInclusive;

/// IANA's range for this purpose, which macOS uses.
const DYNAMIC: RangeInclusive<u16> = 49_152..=65_535;

/// Whether the system may have chosen this port.
pub fn is_ephemeral(port: u16) -> bool {
    system().unwrap_or(DYNAMIC).contains(&port)
}

/// `None` where there is no such file: on macOS.
fn system() -> Option<RangeInclusive<u16>> {
    parse(&std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?)
}

fn parse(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    Some(numbers.next()?.ok()?..=numbers.next()?.ok()?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_read_and_contains_a_port_that_the_system_chose() {
        assert_eq!(parse("32768\t60999\n"), Some(32_768..=60_999));
        assert_eq!([parse(""), parse("1"), parse("a b"), parse("1 65536")], [const { None }; 4]);
        let given = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert!(is_ephemeral(given), "{given}");
        assert!(!is_ephemeral(80));
    }
}

//! The order in which the ports of a range are tried: pure.

use crate::range::Range;

/// The claim of others on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    None,
    /// Another project, which still exists, last used it at this time (seconds since 1970).
    Remembered(u64),
    /// It must not be handed out.
    Excluded,
}

/// Every port of the range exactly once: upwards from `from` (by default the start), then wrapped around.
pub fn once_round(range: Range, from: Option<u16>) -> impl Iterator<Item = u16> {
    let from = from.filter(|&port| range.contains(port)).unwrap_or(range.start);
    (from..=range.end).chain(range.start..from)
}

/// The first free port without a claim, else the free one with the oldest claim. Calls `claim` and `free` at most
/// once per port, and stops at the answer.
pub fn choose<E>(
    order: impl Iterator<Item = u16>,
    mut claim: impl FnMut(u16) -> Result<Claim, E>,
    mut free: impl FnMut(u16) -> Result<bool, E>,
) -> Result<Option<u16>, E> {
    let mut remembered = Vec::new();
    for port in order {
        match claim(port)? {
            Claim::None if free(port)? => return Ok(Some(port)),
            Claim::None | Claim::Excluded => {}
            Claim::Remembered(last_used) => remembered.push((last_used, port)),
        }
    }
    remembered.sort_by_key(|&(last_used, _)| last_used);
    for (_, port) in remembered {
        if free(port)? {
            return Ok(Some(port));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn every_port_comes_exactly_once_whatever_the_start() {
        for start in [1_u16, 3101, 65_530] {
            for end in start..=start.saturating_add(5) {
                let range = Range::new(start, end).unwrap();
                for from in (0..=u16::MAX).filter(|p| p.abs_diff(start) < 12).map(Some).chain([None]) {
                    let order: Vec<u16> = once_round(range, from).collect();
                    let first = from.filter(|p| range.contains(*p)).unwrap_or(start);
                    assert_eq!(order[0], first);
                    let mut sorted = order.clone();
                    sorted.sort_unstable();
                    assert_eq!(sorted, (start..=end).collect::<Vec<_>>());
                    assert!(order.windows(2).all(|w| w[1] == w[0].wrapping_add(1) || w[1] == start));
                }
            }
        }
    }

    #[test]
    fn a_range_of_all_ports_is_finite() {
        assert_eq!(once_round(Range::new(1, u16::MAX).unwrap(), Some(40_000)).count(), 65_535);
    }

    /// Every combination of claim and state over four ports, from every start, against the rule.
    #[test]
    fn the_choice_follows_the_rule_for_every_small_range() {
        const KINDS: [(Claim, bool); 7] = [
            (Claim::None, true),
            (Claim::None, false),
            (Claim::Remembered(1), true),
            (Claim::Remembered(1), false),
            (Claim::Remembered(2), true),
            (Claim::Remembered(2), false),
            (Claim::Excluded, true),
        ];
        let range = Range::new(10, 13).unwrap();
        for world in 0..KINDS.len().pow(4) {
            let kind = |port: u16| KINDS[world / KINDS.len().pow(u32::from(port - 10)) % KINDS.len()];
            for from in 10..=13 {
                let order: Vec<u16> = once_round(range, Some(from)).collect();
                let unclaimed = order.iter().copied().find(|&p| kind(p) == (Claim::None, true));
                let oldest = |age| {
                    let wanted = (Claim::Remembered(age), true);
                    order.iter().copied().find(|&p| kind(p) == wanted)
                };
                let expected = unclaimed.or_else(|| oldest(1)).or_else(|| oldest(2));
                let chosen =
                    choose(order.iter().copied(), |p| Ok::<_, Infallible>(kind(p).0), |p| Ok(kind(p).1));
                assert_eq!(chosen, Ok(expected), "world {world} from {from}");
            }
        }
    }
}

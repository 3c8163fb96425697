//! Ports that every browser refuses to open.

/// The "bad ports" of <https://fetch.spec.whatwg.org/#port-blocking>, ascending, without 0.
pub const BLOCKED: [u16; 82] = [
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
    109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
    526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
    3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

pub fn is_blocked(port: u16) -> bool {
    BLOCKED.binary_search(&port).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_searchable() {
        assert!(BLOCKED.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(BLOCKED.iter().all(|&port| is_blocked(port)));
        assert!([0, 3000, 3101, 5173, 6001, 6100, 8080].iter().all(|&port| !is_blocked(port)));
    }
}

//! Chance, and lines that nobody should write: the same for the same seed.

/// A generator of them.
#[derive(Debug)]
pub struct Noise(u64);

/// The words of a protocol, to be bent.
const WORDS: [&str; 12] = [
    "type", "id", "projectId", "payload", "runCommand", "workingDirectory", "env", "preferredPort", "cursor",
    "limit", "protocol", "output",
];

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    /// A line without its end, which is no command whose `type` is one of `kinds`: random bytes, or such a
    /// command cut off, bent, nested too deep, or with a field of a wrong type.
    pub fn line(&mut self, kinds: &[&str]) -> Vec<u8> {
        let mut line = match self.below(8) {
            0 => (0..self.below(300)).map(|_| self.byte()).collect(),
            1 => {
                let whole = self.command(kinds, "\"x\"");
                whole.as_bytes()[..self.below(whole.len() - 1)].to_vec()
            }
            2 => {
                let open = *self.one(&["[", "{\"a\":", "[[{\"type\":"]);
                open.repeat(1 + self.below(20_000)).into_bytes()
            }
            3 => {
                let deep = format!("{}7{}", "[".repeat(200), "]".repeat(200));
                format!("{{\"type\":\"{}\",\"id\":{deep}}}", *self.one(kinds)).into_bytes()
            }
            4 => {
                let number = *self.one(&[
                    "1e999",
                    "-1e999",
                    "9999999999999999999999999",
                    "1e-999x",
                    "0x10",
                    "--1",
                    "NaN",
                ]);
                format!("{{\"type\":{number},\"id\":{number}}}").into_bytes()
            }
            5 => {
                let wrong = *self.one(&["null", "true", "7", "-0.5", "[]", "{}", "[\"stop\"]"]);
                format!("{{\"type\":{wrong},\"projectId\":\"p\"}}").into_bytes()
            }
            6 => {
                let mut bent = self.command(kinds, "\"x\"").into_bytes();
                // Quotes and braces are what holds it together.
                let at = bent.iter().position(|&byte| byte == b'"').unwrap();
                bent[at] = self.one(&["\0", "\u{1}", "}", "'", "\\"]).as_bytes()[0];
                bent
            }
            _ => {
                let mut bent = self.command(kinds, "\"x\"").into_bytes();
                bent.insert(1, 0xff);
                bent
            }
        };
        line.retain(|&byte| byte != b'\n');
        if line.iter().all(u8::is_ascii_whitespace) {
            line = b"\0".to_vec();
        }
        line
    }

    fn command(&mut self, kinds: &[&str], value: &str) -> String {
        let (kind, word) = (*self.one(kinds), *self.one(&WORDS[1..]));
        format!("{{\"type\":\"{kind}\",\"{word}\":{value}}}")
    }
}

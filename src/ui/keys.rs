//! The keys of the user in front of several services, as a pure machine: bytes go in, requests come out.

/// What a key does to one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Show,
    Restart,
    StopOrStart,
    Open,
    GiveKeyboard,
}

/// What the user asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Help,
    ShowAll,
    /// To one service, by its place.
    Do(Deed, usize),
    /// The user is to say to which one.
    Choose(Deed),
    /// The text that the user has typed so far has changed; `None` if there is none any more.
    Typed(Option<String>),
    /// No service, or more than one, is meant by this name.
    NotOne(String),
    GivenUp,
    Clear,
    EmptyLine,
    End,
    /// Nothing: the key means nothing.
    Unknown(char),
}

/// One read of more keys than this is text that was pasted, which asks for nothing.
const PASTED: usize = 32;
/// All keys that mean something by themselves.
const MEANT: &[u8] = b"123456789/\x1b\r\n0?cqrsoi";
/// The longest name that can be typed, in bytes.
const LONGEST_NAME: usize = 200;

const ESCAPE: u8 = 0x1b;
const DELETE: [u8; 2] = [0x08, 0x7f];
/// Ctrl-U.
const DELETE_ALL: u8 = 0x15;

#[derive(Debug, Default)]
pub(super) struct Keys {
    /// What is to be done to the service that the user is about to name.
    choosing: Option<Deed>,
    /// The name so far, behind `/`.
    name: Option<Vec<u8>>,
    /// Whether the last key meant nothing, which was said.
    is_lost: bool,
}

impl Keys {
    /// Takes in what was read at once. `labels` are the names of the services, and `shown` is the one that is shown
    /// alone.
    pub fn read(&mut self, keys: &[u8], labels: &[String], shown: Option<usize>) -> Vec<Asked> {
        if self.name.is_none() && is_pasted(keys) {
            return Vec::new();
        }
        let mut asked = Vec::new();
        let mut left = keys;
        while let Some((&key, rest)) = left.split_first() {
            left = rest;
            if key == ESCAPE && matches!(rest.first(), Some(b'[' | b'O')) {
                // An arrow or another key that sends a sequence.
                let end = rest.iter().skip(1).position(|byte| (0x40..=0x7e).contains(byte));
                left = end.map_or(&[][..], |end| &rest[end + 2..]);
            } else if key == ESCAPE && !rest.is_empty() {
                // A key together with Alt.
                left = &rest[1..];
            } else if self.name.is_some() {
                self.typed(key, labels, &mut asked);
            } else {
                self.pressed(key, labels.len(), shown, &mut asked);
            }
        }
        asked
    }

    fn pressed(&mut self, key: u8, count: usize, shown: Option<usize>, asked: &mut Vec<Asked>) {
        let deed = self.choosing.unwrap_or(Deed::Show);
        let was_lost = std::mem::take(&mut self.is_lost);
        match key {
            b'1'..=b'9' if usize::from(key - b'1') < count => {
                self.choosing = None;
                asked.push(Asked::Do(deed, usize::from(key - b'1')));
            }
            b'/' => {
                self.name = Some(Vec::new());
                asked.push(Asked::Typed(Some("/".to_owned())));
            }
            ESCAPE | b'\r' | b'\n' if self.choosing.take().is_some() => asked.push(Asked::GivenUp),
            b'\r' | b'\n' => asked.push(Asked::EmptyLine),
            b'0' => {
                self.choosing = None;
                asked.push(Asked::ShowAll);
            }
            b'?' => asked.push(Asked::Help),
            b'c' => asked.push(Asked::Clear),
            b'q' => asked.push(Asked::End),
            b'r' => self.act(Deed::Restart, shown, asked),
            b's' => self.act(Deed::StopOrStart, shown, asked),
            b'o' => self.act(Deed::Open, shown, asked),
            b'i' => self.act(Deed::GiveKeyboard, shown, asked),
            b'!'..=b'~' => {
                self.is_lost = true;
                asked.extend((!was_lost).then_some(Asked::Unknown(char::from(key))));
            }
            _ => {}
        }
    }

    /// Acts on the service that is shown alone, or asks which one is meant.
    fn act(&mut self, deed: Deed, shown: Option<usize>, asked: &mut Vec<Asked>) {
        self.choosing = if shown.is_none() { Some(deed) } else { None };
        asked.push(shown.map_or(Asked::Choose(deed), |service| Asked::Do(deed, service)));
    }

    fn typed(&mut self, key: u8, labels: &[String], asked: &mut Vec<Asked>) {
        let Some(name) = &mut self.name else { return };
        match key {
            ESCAPE | DELETE_ALL => {
                (self.name, self.choosing) = (None, None);
                return asked.extend([Asked::Typed(None), Asked::GivenUp]);
            }
            b'\r' | b'\n' => {
                let name = String::from_utf8_lossy(name).into_owned();
                self.name = None;
                asked.push(Asked::Typed(None));
                return match meant(&name, labels) {
                    Some(service) => {
                        asked.push(Asked::Do(self.choosing.take().unwrap_or(Deed::Show), service));
                    }
                    None => {
                        self.choosing = None;
                        asked.push(Asked::NotOne(name));
                    }
                };
            }
            _ if DELETE.contains(&key) => {
                if name.pop().is_none() {
                    self.name = None;
                    return asked.push(Asked::Typed(None));
                }
                while std::str::from_utf8(name).is_err() && name.pop().is_some() {}
            }
            0x20.. if name.len() < LONGEST_NAME => name.push(key),
            _ => return,
        }
        asked.push(Asked::Typed(Some(format!("/{}", String::from_utf8_lossy(name)))));
    }
}

/// Whether these keys, read at once, are text. People type one by one, and a slow connection brings a few together.
fn is_pasted(keys: &[u8]) -> bool {
    // A name follows the slash, and a sequence the escape character.
    let end = keys.iter().position(|key| matches!(key, b'/' | &ESCAPE)).unwrap_or(keys.len());
    keys.len() > PASTED || end > 1 && !keys[..end].iter().all(|key| MEANT.contains(key))
}

/// The service with this name, else the only one whose name begins with it, else the only one that contains it.
fn meant(name: &str, labels: &[String]) -> Option<usize> {
    let only = |matches: &dyn Fn(&String) -> bool| {
        let mut found = (0..labels.len()).filter(|&service| matches(&labels[service]));
        found.next().filter(|_| found.next().is_none())
    };
    let name = name.trim();
    if name.is_empty() {
        return None;
    }
    only(&|label| label == name)
        .or_else(|| only(&|label| label.starts_with(name)))
        .or_else(|| only(&|label| label.contains(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["web", "website", "api", "worker"];

    fn read(keys: &mut Keys, typed: &[&str], shown: Option<usize>) -> Vec<Asked> {
        let labels: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
        let asked = typed.iter().flat_map(|typed| keys.read(typed.as_bytes(), &labels, shown));
        asked.filter(|asked| !matches!(asked, Asked::Typed(_))).collect()
    }

    #[test]
    fn what_keys_ask_for() {
        use Asked::{Choose, Clear, Do, EmptyLine, End, GivenUp, Help, NotOne, ShowAll, Unknown};
        use Deed::{GiveKeyboard, Open, Restart, Show, StopOrStart};
        for (typed, shown, expected) in [
            (&["?"][..], None, &[Help][..]),
            (&["1"], None, &[Do(Show, 0)]),
            (&["4"], Some(0), &[Do(Show, 3)]),
            (&["5", "9", "\r", "h"], None, &[Unknown('5'), EmptyLine, Unknown('h')]),
            (&["0"], Some(1), &[ShowAll]),
            (&["c"], None, &[Clear]),
            (&["\r"], None, &[EmptyLine]),
            (&["\n"], None, &[EmptyLine]),
            (&["q"], None, &[End]),
            (&["r"], Some(2), &[Do(Restart, 2)]),
            (&["s"], Some(2), &[Do(StopOrStart, 2)]),
            (&["o"], Some(2), &[Do(Open, 2)]),
            (&["i"], Some(2), &[Do(GiveKeyboard, 2)]),
            (&["r", "3"], None, &[Choose(Restart), Do(Restart, 2)]),
            (&["r3"], None, &[Choose(Restart), Do(Restart, 2)]),
            (&["s", "/api\r"], None, &[Choose(StopOrStart), Do(StopOrStart, 2)]),
            (&["r", "\x1b", "3"], None, &[Choose(Restart), GivenUp, Do(Show, 2)]),
            (&["r", "s", "1"], None, &[Choose(Restart), Choose(StopOrStart), Do(StopOrStart, 0)]),
            (&["/", "w", "o", "\n"], None, &[Do(Show, 3)]),
            (&["/web\r"], None, &[Do(Show, 0)]),
            (&["/webs\r"], None, &[Do(Show, 1)]),
            (&["/ite\r"], None, &[Do(Show, 1)]),
            (&["/w\r"], None, &[NotOne("w".to_owned())]),
            (&["/\r"], None, &[NotOne(String::new())]),
            (&["/q\x7f\x7fq"], None, &[End]),
            (&["/apx\x7fi\r"], None, &[Do(Show, 2)]),
            (&["/api\x1b", "1"], None, &[GivenUp, Do(Show, 0)]),
            (
                &["i", "/nobody\r", "1"],
                None,
                &[Choose(GiveKeyboard), NotOne("nobody".to_owned()), Do(Show, 0)],
            ),
            (&["\x1b[A", "\x1b[1;5D", "\x1bOP", "\x1b"], None, &[]),
            (&["\x1bq", "\x1br"], None, &[]),
            (&["r", "\r", "2"], None, &[Choose(Restart), GivenUp, Do(Show, 1)]),
            (&["r", "0", "2"], None, &[Choose(Restart), ShowAll, Do(Show, 1)]),
            (&["Q", "R", "x", " "], None, &[Unknown('Q')]),
            (&["a pasted text with a q and an r in it, or so"], None, &[]),
            (&["quick", "to /web\r", "r\t2"], None, &[]),
            (&["qq"], None, &[End, End]),
        ] {
            assert_eq!(read(&mut Keys::default(), typed, shown), expected, "{typed:?}");
        }
    }

    #[test]
    fn what_is_typed_is_shown() {
        let mut keys = Keys::default();
        let labels = ["é".to_owned()];
        let shown: Vec<Asked> = keys.read("/é\x7fx\x15".as_bytes(), &labels, None);
        let typed = |text: &str| Asked::Typed(Some(text.to_owned()));
        let expected =
            [typed("/"), typed("/\u{fffd}"), typed("/é"), typed("/"), typed("/x"), Asked::Typed(None)];
        assert_eq!(shown[..6], expected);
    }

    #[test]
    fn no_keys_whatever_are_too_much() {
        let labels: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
        let mut keys = Keys::default();
        for first in 0..=255_u8 {
            for second in 0..=255_u8 {
                keys.read(&[first, second], &labels, None);
                assert!(keys.name.as_ref().is_none_or(|name| name.len() <= LONGEST_NAME));
            }
        }
    }
}

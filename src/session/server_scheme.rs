//! What a service's server speaks: expected from files and memory, then read from its output, or asked.

use std::net::SocketAddr;
use std::time::Duration;

use crate::launch::SchemeSigns;
use crate::port::{PortRequest, Remembered, Scheme, tls_hello};

/// The note in the store with the scheme of a server that is not the one its files say.
const NOTE: &str = "scheme";
/// How long readiness waits for the answer of a server that may speak TLS. It may be busy.
const PATIENCE: Duration = Duration::from_millis(250);
/// The same where nothing says so. With the age at which a socket counts as a listener, this stays below the 25 ms
/// within which readiness has to be reported.
const BRIEFLY: Duration = Duration::from_millis(8);

/// How the scheme of a server that listens is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    Known(Scheme),
    /// Nothing says otherwise, and the question would be noticed.
    Assumed(Scheme),
    /// Until it answers, it is taken to speak `otherwise`, for which readiness waits no longer than `patience`.
    Ask {
        otherwise: Scheme,
        patience: Duration,
    },
}

#[derive(Clone, Debug)]
pub struct ServerScheme {
    signs: SchemeSigns,
    /// Whether it is a known server, which prints its own URL. A program may print `BOWLINE_URL`.
    is_known: bool,
    /// The present value of the note in the store.
    noted: Option<Scheme>,
    pub present: Scheme,
}

impl ServerScheme {
    /// Reads the note of an earlier session from `previous`.
    pub fn new(
        signs: SchemeSigns,
        is_known: bool,
        request: &PortRequest,
        previous: Option<&Remembered>,
    ) -> Self {
        let row = previous.filter(|row| request.agrees_with(row));
        let noted = row.and_then(|row| row.notes.get(NOTE)).and_then(|name| Scheme::from_name(name));
        Self { signs, is_known, noted, present: noted.unwrap_or_else(|| signs.scheme()) }
    }

    /// How to find out what a server speaks. `printed` are the schemes of its URL in its output, the latest last;
    /// `is_quiet` says whether it belongs to a runtime that says nothing about a connection that is not HTTP.
    pub fn find(&self, printed: &[Scheme], is_quiet: bool) -> Finding {
        let expects_tls = Scheme::Https == self.signs.scheme() || self.noted == Some(Scheme::Https);
        let is_ambiguous = printed.contains(&Scheme::Http) && printed.contains(&Scheme::Https);
        let may_be_asked = is_quiet && self.signs != SchemeSigns::Http;
        match printed.last() {
            Some(&otherwise) if expects_tls || (is_quiet && (is_ambiguous || otherwise == Scheme::Https)) => {
                Finding::Ask { otherwise, patience: PATIENCE }
            }
            Some(&otherwise) if may_be_asked && !self.is_known => {
                Finding::Ask { otherwise, patience: BRIEFLY }
            }
            Some(&scheme) => Finding::Known(scheme),
            None if expects_tls => Finding::Ask { otherwise: self.present, patience: PATIENCE },
            None if may_be_asked => Finding::Ask { otherwise: Scheme::Http, patience: BRIEFLY },
            None => Finding::Assumed(Scheme::Http),
        }
    }

    /// The note that has changed, now that the present scheme is known.
    pub fn note(&mut self) -> Option<(&'static str, Option<String>)> {
        let noted = Some(self.present).filter(|scheme| *scheme != self.signs.scheme());
        (std::mem::replace(&mut self.noted, noted) != noted)
            .then(|| (NOTE, noted.map(|scheme| scheme.name().to_owned())))
    }
}

/// Asks our own listener; `None` if it does not answer.
pub async fn ask(address: SocketAddr) -> Option<Scheme> {
    tls_hello::ask(address).await.ok()
}

/// The schemes of the URLs with this port in a server's output, without repetition of the one before.
pub fn printed(output: &str, port: u16) -> Vec<Scheme> {
    let mut found: Vec<Scheme> = Vec::new();
    for (at, _) in output.match_indices("://") {
        let start = output[..at].rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |last| last + 1);
        let scheme = match &output[start..at] {
            // Puma's word.
            "ssl" => Scheme::Https,
            name => match Scheme::from_name(name) {
                Some(scheme) => scheme,
                None => continue,
            },
        };
        if names_here(&output[at + "://".len()..], port) && found.last() != Some(&scheme) {
            found.push(scheme);
        }
    }
    found
}

/// Whether a URL's text after the scheme begins with an address of this machine and the port.
fn names_here(rest: &str, port: u16) -> bool {
    let end =
        rest.find(|c: char| !(c.is_ascii_alphanumeric() || ".-:[]*%_".contains(c))).unwrap_or(rest.len());
    let Some((host, number)) = rest[..end].trim_end_matches(['.', ':', '-']).rsplit_once(':') else {
        return false;
    };
    let is_local = host == "localhost" || host == "*" || host.ends_with(".localhost");
    let is_address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    number.parse() == Ok(port) && (is_local || is_address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Scheme::{Http, Https};

    fn of(signs: SchemeSigns, noted: Option<Scheme>) -> ServerScheme {
        ServerScheme { signs, is_known: true, noted, present: noted.unwrap_or_else(|| signs.scheme()) }
    }

    #[test]
    fn a_server_is_asked_where_it_may_speak_tls_and_does_not_mind() {
        let ask = |otherwise, patience| Finding::Ask { otherwise, patience };
        for (signs, noted, printed, is_quiet, expected) in [
            // Its own word, unless something else says TLS.
            (SchemeSigns::None, None, &[Http][..], true, Finding::Known(Http)),
            (SchemeSigns::None, None, &[Https][..], false, Finding::Known(Https)),
            (SchemeSigns::None, None, &[Https][..], true, ask(Https, PATIENCE)),
            (SchemeSigns::None, None, &[Https, Http][..], true, ask(Http, PATIENCE)),
            (SchemeSigns::None, None, &[Http, Https][..], false, Finding::Known(Https)),
            (SchemeSigns::Https, None, &[Http][..], false, ask(Http, PATIENCE)),
            // Silence.
            (SchemeSigns::Https, None, &[][..], false, ask(Https, PATIENCE)),
            (SchemeSigns::Https, Some(Http), &[][..], true, ask(Http, PATIENCE)),
            (SchemeSigns::None, Some(Https), &[][..], false, ask(Https, PATIENCE)),
            (SchemeSigns::None, None, &[][..], true, ask(Http, BRIEFLY)),
            (SchemeSigns::None, None, &[][..], false, Finding::Assumed(Http)),
            (SchemeSigns::Http, None, &[][..], true, Finding::Assumed(Http)),
        ] {
            let found = of(signs, noted).find(printed, is_quiet);
            assert_eq!(found, expected, "{signs:?} {noted:?} {printed:?} {is_quiet}");
        }
        // A program may print anything.
        let unknown = ServerScheme { is_known: false, ..of(SchemeSigns::None, None) };
        assert_eq!(unknown.find(&[Http], true), ask(Http, BRIEFLY));
        assert_eq!(unknown.find(&[Http], false), Finding::Known(Http));
        let plain = ServerScheme { is_known: false, ..of(SchemeSigns::Http, None) };
        assert_eq!(plain.find(&[Http], true), Finding::Known(Http));
    }

    #[test]
    fn only_what_the_files_do_not_say_is_noted() {
        let learned = |signs, noted, present| {
            let mut scheme = ServerScheme { present, ..of(signs, noted) };
            (scheme.note(), scheme.note())
        };
        let note = |value: Option<&str>| Some((NOTE, value.map(str::to_owned)));
        for (signs, noted, present, expected) in [
            (SchemeSigns::None, None, Http, None),
            (SchemeSigns::Https, None, Https, None),
            (SchemeSigns::None, None, Https, note(Some("https"))),
            (SchemeSigns::None, Some(Https), Https, None),
            (SchemeSigns::None, Some(Https), Http, note(None)),
            (SchemeSigns::Https, None, Http, note(Some("http"))),
            (SchemeSigns::Https, Some(Https), Https, note(None)),
        ] {
            assert_eq!(learned(signs, noted, present), (expected, None), "{signs:?} {noted:?} {present:?}");
        }
    }

    #[test]
    fn urls_of_the_port_are_read_from_the_output() {
        for (output, expected) in [
            ("  ➜  Local:   https://localhost:5173/\n", &[Https][..]),
            ("listening at http://127.0.0.1:5173", &[Http]),
            ("http://[::1]:5173/ https://0.0.0.0:5173. https://app.localhost:5173", &[Http, Https]),
            ("* Listening on ssl://127.0.0.1:5173?cert=c.pem", &[Https]),
            ("(https://*:5173)", &[Https]),
            ("https://localhost:51730 https://localhost:517 https://localhost/5173", &[]),
            ("https://example.com:5173 ws://localhost:5173", &[]),
            ("proxy: https://localhost:8080 -> 5173", &[]),
            ("", &[]),
        ] {
            assert_eq!(printed(output, 5173), expected, "{output}");
        }
    }
}

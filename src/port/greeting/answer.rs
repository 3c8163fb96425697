//! The answer to a request for a page.

/// The part of a body by which it is recognised.
const RECOGNISED: usize = 512;

/// The nature of a listener, by its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Greeting {
    /// No server that a browser can open: no HTTP, or HTTP for sockets, inspectors and metrics alone.
    Foreign,
    /// HTTP without a single byte at `/`, as servers of sockets answer that look for upgrades alone.
    Empty,
    /// HTTP or TLS, and perhaps nothing to see: data, or a message that there is nothing at `/`.
    Data,
    /// A page, or the way to one.
    Page,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Http(Greeting),
    /// Nothing, or a TLS alert.
    Nothing,
    Other,
}

/// An answer in HTTP/1.
struct Response<'a> {
    status: u16,
    /// The media type in small letters.
    content_type: String,
    body: &'a [u8],
}

/// Whether enough of an answer was read to know its nature.
pub(super) fn is_enough(bytes: &[u8]) -> bool {
    match parse(bytes) {
        Some(response) => response.body.len() >= RECOGNISED,
        None => bytes.len() >= 5 && !bytes.starts_with(b"HTTP/"),
    }
}

pub(super) fn nature(bytes: &[u8]) -> Answer {
    if bytes.is_empty() || bytes[0] == 0x15 {
        return Answer::Nothing;
    }
    parse(bytes).map_or(Answer::Other, |response| Answer::Http(response.greeting()))
}

impl Response<'_> {
    fn greeting(&self) -> Greeting {
        let Self { status, content_type, body } = self;
        let text = String::from_utf8_lossy(&body[..body.len().min(RECOGNISED)]);
        // In chunks, the first line is a length.
        let lines = || text.lines().map(str::trim_start).filter(|line| !line.is_empty()).take(2);
        let is_markup = lines().any(|line| line.starts_with('<'));
        let are_metrics = content_type.contains("openmetrics")
            || content_type.contains("version=0.0.4")
            || lines().any(|line| line.starts_with("# HELP ") || line.starts_with("# TYPE "));
        match status {
            // A socket's server; node's inspector, which calls its complaint HTML.
            426 => Greeting::Foreign,
            400 if !is_markup => Greeting::Foreign,
            _ if are_metrics => Greeting::Foreign,
            300..400 | 401 | 403 => Greeting::Page,
            // In chunks, the end is a `0`.
            _ if !content_type.contains("html") && text.trim().trim_start_matches('0').is_empty() => {
                Greeting::Empty
            }
            // Express says in HTML that it has nothing there.
            404 | 405 => Greeting::Data,
            _ if is_markup || content_type.contains("html") => Greeting::Page,
            _ => Greeting::Data,
        }
    }
}

/// The answer as far as it was read; `None` unless it is one in HTTP/1 with all its headers.
fn parse(bytes: &[u8]) -> Option<Response<'_>> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.lines();
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let mut content_type = headers
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.trim().to_ascii_lowercase());
    Some(Response { status, content_type: content_type.next().unwrap_or_default(), body: &bytes[end + 4..] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_show_what_a_server_is_for() {
        use Greeting::{Data, Empty, Foreign, Page};
        for (status, content_type, body, expected) in [
            ("200 OK", "text/html; charset=utf-8", "<!doctype html>", Page),
            ("200 OK", "text/html", "", Page),
            ("200 OK", "", "<h1>ssr app</h1>", Page),
            ("200 OK", "", "\n  <html>", Page),
            ("200 OK", "", "1f\r\n<p>in chunks</p>", Page),
            ("302 Found", "", "", Page),
            ("307 Temporary Redirect", "text/plain", "to /en", Page),
            ("401 Unauthorized", "", "", Page),
            ("500 Internal Server Error", "text/html", "<h1>Error</h1>", Page),
            ("200 OK", "application/json", "{\"tinylr\":\"Welcome\"}", Data),
            ("200 OK", "text/plain", "Hello, World!", Data),
            ("204 No Content", "", "", Empty),
            ("404 Not Found", "text/html; charset=utf-8", "<pre>Cannot GET /</pre>", Data),
            ("404 Not Found", "", "", Empty),
            ("404 Not Found", "", "0\r\n\r\n", Empty),
            ("404 Not Found", "application/json", "{}", Data),
            ("500 Internal Server Error", "", "", Empty),
            ("426 Upgrade Required", "text/plain", "Upgrade Required", Foreign),
            ("426 Upgrade Required", "text/html", "<h1>Upgrade</h1>", Foreign),
            ("400 Bad Request", "text/html; charset=UTF-8", "WebSockets request was expected", Foreign),
            ("400 Bad Request", "", "", Foreign),
            ("200 OK", "text/plain", "# HELP up Whether it is up\n# TYPE up gauge\nup 1", Foreign),
            ("200 OK", "text/plain; version=0.0.4; charset=utf-8", "", Foreign),
            ("200 OK", "application/openmetrics-text", "", Foreign),
        ] {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n\r\n{body}");
            assert_eq!(nature(answer.as_bytes()), Answer::Http(expected), "{answer}");
        }
    }

    #[test]
    fn other_protocols_are_no_answers() {
        for (bytes, expected) in [
            (&b""[..], Answer::Nothing),
            (b"\x15\x03\x01\x00\x02\x02\x16", Answer::Nothing),
            // The settings of HTTP/2, as from gRPC.
            (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", Answer::Other),
            (b"220 mail.example ESMTP\r\n\r\n", Answer::Other),
            (b"GET / HTTP/1.1\r\nHost: echo\r\n\r\n", Answer::Other),
            (b"HTTP/1.1 200 OK\r\nContent-Ty", Answer::Other),
        ] {
            assert_eq!(nature(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn reading_ends_with_what_is_needed() {
        assert!(!is_enough(b""));
        assert!(!is_enough(b"HTTP/1.1 200 OK\r\n"));
        assert!(!is_enough(b"HTTP/1.1 200 OK\r\n\r\n"));
        assert!(is_enough(b"SSH-2.0"));
        let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(RECOGNISED));
        assert!(is_enough(long.as_bytes()));
    }
}

//! A page by which a server of our own shows that it is ready.

use std::io;
use std::net::SocketAddr;

use super::exchange::{PATIENCE, exchange};
use super::scheme::Scheme;
use super::tls_hello;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The name by which the server is asked; `localhost` and the port if there is none.
    pub host: Option<String>,
    /// With its query.
    pub path: String,
}

/// Asks a listener of our own once. GET, as many dev servers refuse HEAD; a redirection is not followed, as it may
/// lead to a stranger. There is no TLS client here: a server that speaks TLS has answered with its handshake.
///
/// # Errors
/// What it answered, or why it did not.
pub async fn ask(address: SocketAddr, scheme: Scheme, page: &Page) -> Result<(), String> {
    if scheme == Scheme::Https {
        return match tls_hello::ask(address).await {
            Ok(Scheme::Https) => Ok(()),
            Ok(Scheme::Http) => Err("no TLS in its answer".to_owned()),
            Err(error) => Err(reason(&error)),
        };
    }
    let host = page.host.clone().unwrap_or_else(|| format!("localhost:{}", address.port()));
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nUser-Agent: bowline\r\nConnection: close\r\n\r\n",
        page.path
    );
    let (answer, outcome) = exchange(address, request.as_bytes(), is_enough).await;
    match (status(&answer), outcome) {
        (Some(200..=399), _) => Ok(()),
        (Some(status), _) => Err(status.to_string()),
        (None, Err(error)) => Err(reason(&error)),
        (None, Ok(())) if answer.is_empty() => Err("the connection was closed without an answer".to_owned()),
        (None, Ok(())) => Err("its answer is not HTTP".to_owned()),
    }
}

fn reason(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::TimedOut {
        return format!("no answer within {} s", PATIENCE.as_secs());
    }
    error.kind().to_string()
}

fn is_enough(answer: &[u8]) -> bool {
    status(answer).is_some()
}

/// The status of the answer, without the interim ones (1xx) before it.
fn status(answer: &[u8]) -> Option<u16> {
    let mut rest = String::from_utf8_lossy(answer).into_owned();
    loop {
        let (line, head) = rest.split_once("\r\n")?;
        let mut words = line.split(' ');
        words.next().filter(|version| version.starts_with("HTTP/1."))?;
        let status: u16 = words.next()?.parse().ok()?;
        if !(100..200).contains(&status) {
            return Some(status);
        }
        let end =
            head.find("\r\n\r\n").map(|end| end + 4).or_else(|| head.starts_with("\r\n").then_some(2))?;
        rest = head[end..].to_owned();
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_server_that_does_not_answer_is_not_waited_for_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clock = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let page = Page { host: None, path: "/".to_owned() };
        let answer = clock.unwrap().block_on(ask(address, Scheme::Http, &page));
        assert_eq!(answer, Err("no answer within 10 s".to_owned()));
    }

    #[test]
    fn the_status_is_that_of_the_final_answer() {
        for (answer, expected) in [
            ("HTTP/1.1 204 No Content\r\n", Some(204)),
            ("HTTP/1.0 503\r\n", Some(503)),
            ("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 302 Found\r\n", Some(302)),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", Some(200)),
            ("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", None),
            ("HTTP/1.1 200 O", None),
            ("SSH-2.0-server\r\n", None),
            ("", None),
        ] {
            assert_eq!(status(answer.as_bytes()), expected, "{answer:?}");
        }
    }
}

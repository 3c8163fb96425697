//! What a listener answers to somebody who knocks: whether it is a server that people open in a browser.

mod answer;

use std::io;
use std::net::SocketAddr;

use super::exchange::exchange;
use super::tls_hello;
use answer::Answer;
pub use answer::Greeting;

/// Asks a listener of our own for its page. `None` if it does not answer in time.
pub async fn greeting(address: SocketAddr) -> Option<Greeting> {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: localhost:{}\r\nAccept: text/html,*/*;q=0.5\r\nUser-Agent: bowline\r\nConnection: close\r\n\r\n",
        address.port()
    );
    match answer::nature(&knock(address, request.as_bytes(), answer::is_enough).await?) {
        Answer::Http(greeting) => Some(greeting),
        Answer::Other => Some(Greeting::Foreign),
        // A server that speaks TLS ends a connection that begins otherwise.
        Answer::Nothing => {
            let answer = knock(address, &tls_hello::client_hello(), tls_hello::is_enough).await?;
            let may_be_https = tls_hello::is_tls(&answer) && !tls_hello::refuses_http(&answer);
            Some(if may_be_https { Greeting::Data } else { Greeting::Foreign })
        }
    }
}

/// The beginning of the answer to a first message; nothing if the connection was refused or ended.
async fn knock(address: SocketAddr, message: &[u8], is_enough: fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let (answer, outcome) = exchange(address, message, is_enough).await;
    let is_late = outcome.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut);
    // A server may answer in part, and keep the connection.
    (!is_late || !answer.is_empty()).then_some(answer)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// What is thought of a server that gives these answers to its first connections, and then ends.
    fn asked(answers: &[&[u8]]) -> Option<Greeting> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                for answer in answers {
                    let (mut connection, _) = listener.accept().unwrap();
                    let _ = connection.read(&mut [0; 1024]);
                    connection.write_all(answer).unwrap();
                }
            });
            runtime.block_on(greeting(address))
        })
    }

    #[test]
    fn a_listener_is_known_by_its_answer() {
        for (first, second, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\n<h1>Page</h1>", None, Greeting::Page),
            ("HTTP/1.1 200 OK\r\n\r\n{}", None, Greeting::Data),
            ("SSH-2.0-server\r\n", None, Greeting::Foreign),
            // TLS: an alert, or nothing, and then the beginning of a handshake.
            ("\x15\x03\x01\x00\x02\x02\x16", Some("\x16\x03\x03\x00\x7a\x02\x00\x00\x76"), Greeting::Data),
            ("", Some("\x15\x03\x03\x00\x02\x02\x28"), Greeting::Data),
            // No HTTP/1.1 within it.
            ("", Some("\x15\x03\x03\x00\x02\x02\x78"), Greeting::Foreign),
            ("", Some(""), Greeting::Foreign),
        ] {
            let answers: Vec<&[u8]> =
                [Some(first), second].into_iter().flatten().map(str::as_bytes).collect();
            assert_eq!(asked(&answers), Some(expected), "{first:?} {second:?}");
        }
    }
}

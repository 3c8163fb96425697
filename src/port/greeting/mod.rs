//! What a listener answers to somebody who knocks: whether it is a server that people open in a browser.

mod answer;
mod hello;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;

use answer::Answer;
pub use answer::Greeting;

/// How long an answer may take: a server may compile its page first.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the server may take to close its side of the connection.
const FAREWELL: Duration = Duration::from_secs(1);
/// The part of an answer that is read.
const READ: usize = 8 * 1024;

/// Asks a listener of our own for its page. `None` if it does not answer in time.
pub async fn greeting(address: SocketAddr) -> Option<Greeting> {
    let address = reachable(address);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: localhost:{}\r\nAccept: text/html,*/*;q=0.5\r\nUser-Agent: bowline\r\nConnection: close\r\n\r\n",
        address.port()
    );
    match answer::nature(&knock(address, request.as_bytes(), answer::is_enough).await?) {
        Answer::Http(greeting) => Some(greeting),
        Answer::Other => Some(Greeting::Foreign),
        // A server that speaks TLS ends a connection that begins otherwise.
        Answer::Nothing => {
            let answer = knock(address, &hello::client_hello(), |bytes| bytes.len() >= hello::ENOUGH).await?;
            Some(if hello::speaks_tls(&answer) { Greeting::Data } else { Greeting::Foreign })
        }
    }
}

/// The address at which a listener on every address can be reached.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Sends a first message, and returns the beginning of the answer; nothing if the connection was refused or ended.
async fn knock(address: SocketAddr, message: &[u8], is_enough: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let mut answer = Vec::new();
    let Ok(stream) = TcpStream::connect(address).await else { return Some(answer) };
    let told = timeout(PATIENCE, exchange(&stream, message, &mut answer, is_enough)).await;
    tokio::spawn(leave(stream));
    // A server may answer in part, and keep the connection.
    (told.is_ok() || !answer.is_empty()).then_some(answer)
}

async fn exchange(
    stream: &TcpStream,
    message: &[u8],
    answer: &mut Vec<u8>,
    is_enough: impl Fn(&[u8]) -> bool,
) -> io::Result<()> {
    stream.writable().await?;
    // A new connection has room for it as a whole.
    stream.try_write(message)?;
    let mut buffer = [0; 2048];
    while answer.len() < READ && !is_enough(answer) {
        match read(stream, &mut buffer).await? {
            0 => break,
            count => answer.extend(&buffer[..count]),
        }
    }
    Ok(())
}

/// Ends a connection in peace: the kernel would reset one with unread bytes, and a reset ends a program that
/// handles no errors.
async fn leave(stream: TcpStream) {
    let farewell = async {
        SockRef::from(&stream).shutdown(Shutdown::Write)?;
        while read(&stream, &mut [0; 2048]).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    let _silence = timeout(FAREWELL, farewell).await;
}

async fn read(stream: &TcpStream, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        match stream.try_read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            outcome => return outcome,
        }
    }
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

    #[test]
    fn a_listener_on_every_address_is_asked_on_this_machine() {
        for (address, expected) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("127.0.0.2:80", "127.0.0.2:80")]
        {
            assert_eq!(reachable(address.parse().unwrap()), expected.parse().unwrap());
        }
    }
}

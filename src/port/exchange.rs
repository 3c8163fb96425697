//! One message to a listener, and the beginning of its answer.
//!
//! Only ever to a listener that the kernel says is the service's: anybody else's would be disturbed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// How long an answer may take: a server may compile its page first. A connection that stays open keeps a server
/// from closing its listener.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long the server may take to close its side of the connection.
const FAREWELL: Duration = Duration::from_secs(1);
/// The part of an answer that is read.
const READ: usize = 8 * 1024;

/// Sends a first message, and reads until `is_enough`, the end, or an error; [`io::ErrorKind::TimedOut`] is one.
/// Returns what was read in any case.
pub(super) async fn exchange(
    address: SocketAddr,
    message: &[u8],
    is_enough: fn(&[u8]) -> bool,
) -> (Vec<u8>, io::Result<()>) {
    let mut answer = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    let connected = timeout_at(deadline, TcpStream::connect(reachable(address))).await;
    let stream = match connected.unwrap_or_else(|late| Err(late.into())) {
        Ok(stream) => stream,
        Err(error) => return (answer, Err(error)),
    };
    let outcome = timeout_at(deadline, talk(&stream, message, &mut answer, is_enough)).await;
    tokio::spawn(leave(stream));
    (answer, outcome.unwrap_or_else(|late| Err(late.into())))
}

async fn talk(
    stream: &TcpStream,
    message: &[u8],
    answer: &mut Vec<u8>,
    is_enough: fn(&[u8]) -> bool,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_reached_by_the_loopback() {
        for (address, expected) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("127.0.0.2:80", "127.0.0.2:80")]
        {
            assert_eq!(reachable(address.parse().unwrap()), expected.parse().unwrap());
        }
    }
}

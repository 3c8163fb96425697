//! Whether a listener of our own speaks TLS: a greeting, and the first bytes of the answer.
//!
//! Only ever for a listener that the kernel says is the service's: anybody else's would be disturbed.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::scheme::Scheme;

/// How long the server may take to close its side of the connection.
const FAREWELL: Duration = Duration::from_secs(1);

/// Types of records.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// The type of a handshake message: the server's answer to a hello.
const SERVER_HELLO: u8 = 2;
/// A record's header, and the first byte of its message.
const ANSWER: usize = 6;

const CIPHER_SUITES: [u16; 17] = [
    0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014,
    0x009c, 0x009d, 0x002f, 0x0035,
];
const GROUPS: [u16; 4] = [0x001d, 0x0017, 0x0018, 0x0019];
const SIGNATURES: [u16; 11] =
    [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0807, 0x0203, 0x0201];

/// Asks the listener at `address`, for as long as that takes.
///
/// # Errors
/// Nobody answers there any more.
pub async fn ask(address: SocketAddr) -> io::Result<Scheme> {
    let stream = TcpStream::connect(reachable(address)).await?;
    stream.writable().await?;
    // A new connection has room for it as a whole.
    stream.try_write(&hello())?;
    let mut answer = [0; ANSWER];
    let mut length = 0;
    while length < ANSWER {
        match read(&stream, &mut answer[length..]).await? {
            0 => break,
            count => length += count,
        }
    }
    let scheme = if is_tls(&answer[..length]) { Scheme::Https } else { Scheme::Http };
    tokio::spawn(leave(stream));
    Ok(scheme)
}

/// Ends a connection in peace: the kernel would reset one with unread bytes, and a reset ends a program that
/// handles no errors.
async fn leave(stream: TcpStream) {
    let farewell = async {
        SockRef::from(&stream).shutdown(Shutdown::Write)?;
        while read(&stream, &mut [0; 512]).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    let _silence = timeout(FAREWELL, farewell).await;
}

async fn read(stream: &TcpStream, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        match stream.try_read(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            outcome => return outcome,
        }
    }
}

/// An address that can be connected to: a listener on every address is reached by the loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Whether these bytes begin a TLS server's answer: its hello, or an alert. An echo would begin with our own hello.
fn is_tls(answer: &[u8]) -> bool {
    matches!(answer, [HANDSHAKE, 3, _, _, _, SERVER_HELLO, ..] | [ALERT, 3, _, 0, 2, ..])
}

/// A `ClientHello` for TLS 1.2 and 1.3. It has no key share: a server of TLS 1.3 asks for one, and signs nothing.
fn hello() -> Vec<u8> {
    let extension = |number: u16, data: &[u8]| [&number.to_be_bytes(), &*sized(data)].concat();
    let name = [&[0], &*sized(b"localhost")].concat();
    let extensions = [
        extension(0, &sized(&name)),
        extension(10, &sized(&numbers(&GROUPS))),
        extension(11, &[1, 0]),
        extension(13, &sized(&numbers(&SIGNATURES))),
        extension(43, &[4, 3, 4, 3, 3]),
        extension(51, &sized(&[])),
    ];
    let mut random = [0; 32];
    // Any number does: nothing is kept secret.
    let _predictable = getrandom::fill(&mut random);
    let body = [
        &[3, 3],
        &random[..],
        // No session.
        &[0],
        &sized(&numbers(&CIPHER_SUITES)),
        // No compression.
        &[1, 0],
        &sized(&extensions.concat()),
    ];
    // A message's type and 24 bits of length; the record around it calls itself TLS 1.0, as clients do.
    let message = [&[1, 0], &*sized(&body.concat())].concat();
    [&[HANDSHAKE, 3, 1], &*sized(&message)].concat()
}

/// The bytes after their number in 16 bits.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_has_the_lengths_that_it_names() {
        let hello = hello();
        let at = |at: usize| usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
        assert_eq!((hello[0], at(3)), (HANDSHAKE, hello.len() - 5));
        assert_eq!((hello[5], hello[6], at(7)), (1, 0, hello.len() - 9));
    }

    #[test]
    fn an_answer_is_that_of_a_tls_server_or_not() {
        for (answer, expected) in [
            (&[22, 3, 3, 0, 56, 2][..], true),
            (&[21, 3, 3, 0, 2, 2], true),
            (&[21, 3, 1, 0, 2, 1, 0], true),
            // Our own hello.
            (&[22, 3, 1, 0, 160, 1], false),
            (b"HTTP/1.1 400 Bad", false),
            (&[0, 0, 0, 4, 0, 0], false),
            (&[22, 3], false),
            (b"", false),
        ] {
            assert_eq!(is_tls(answer), expected, "{answer:?}");
        }
    }

    #[test]
    fn a_listener_on_every_address_is_reached_by_the_loopback() {
        for (address, expected) in
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("127.0.0.2:1", "127.0.0.2:1")]
        {
            let address: SocketAddr = address.parse().unwrap();
            assert_eq!(reachable(address), expected.parse().unwrap());
        }
    }
}

//! The first message of TLS, by whose answer a listener is seen to speak TLS. No connection is made with it.

use std::io;
use std::net::SocketAddr;

use super::exchange::exchange;
use super::scheme::Scheme;

/// The bytes of an answer that have to be seen: an alert as a whole.
const ENOUGH: usize = 7;

/// Types of records.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// The type of the message that answers a hello. An echo would have the type of our own.
const SERVER_HELLO: u8 = 2;
const FATAL: u8 = 2;
/// The alert of a server that speaks none of the protocols offered within TLS.
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// ECDHE and RSA with AES and ChaCha20, for both versions.
const CIPHER_SUITES: [u16; 17] = [
    0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014,
    0x009c, 0x009d, 0x002f, 0x0035,
];
/// X25519 and the curves of NIST.
const GROUPS: [u16; 4] = [0x001d, 0x0017, 0x0018, 0x0019];
const SIGNATURES: [u16; 11] =
    [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0807, 0x0203, 0x0201];
const VERSIONS: [u16; 2] = [0x0304, 0x0303];

/// Asks the listener at `address` what it speaks.
///
/// # Errors
/// Nobody answers there any more, or not in time.
pub async fn ask(address: SocketAddr) -> io::Result<Scheme> {
    let (answer, outcome) = exchange(address, &client_hello(), is_enough).await;
    outcome.map(|()| if is_tls(&answer) { Scheme::Https } else { Scheme::Http })
}

/// A `ClientHello` for TLS 1.2 and 1.3 that offers HTTP/1.1 for `localhost`.
pub(super) fn client_hello() -> Vec<u8> {
    let name = [&[0][..], &counted::<2>(b"localhost")].concat();
    let extensions = [
        extension(0, &counted::<2>(&name)),
        extension(10, &counted::<2>(&numbers(&GROUPS))),
        extension(11, &counted::<1>(&[0])),
        extension(13, &counted::<2>(&numbers(&SIGNATURES))),
        extension(16, &counted::<2>(&counted::<1>(b"http/1.1"))),
        extension(43, &counted::<1>(&numbers(&VERSIONS))),
        // No key: a server with TLS 1.3 alone asks for one, signs nothing, and so has answered.
        extension(51, &counted::<2>(&[])),
    ];
    let hello = [
        vec![3, 3],
        // In the place of random bytes: the handshake goes no further.
        vec![0x62; 32],
        // No session.
        counted::<1>(&[]),
        counted::<2>(&numbers(&CIPHER_SUITES)),
        // No compression.
        counted::<1>(&[0]),
        counted::<2>(&extensions.concat()),
    ];
    let handshake = [vec![1], counted::<3>(&hello.concat())].concat();
    // The record calls itself TLS 1.0, as clients do.
    [vec![HANDSHAKE, 3, 1], counted::<2>(&handshake)].concat()
}

/// Whether enough of the answer was read for the two questions below.
pub(super) fn is_enough(answer: &[u8]) -> bool {
    answer.len() >= ENOUGH
}

/// Whether the answer to the hello is a TLS server's: its own hello, or an alert.
pub(super) fn is_tls(answer: &[u8]) -> bool {
    matches!(answer, [HANDSHAKE, 3, _, _, _, SERVER_HELLO, ..] | [ALERT, 3, _, 0, 2, ..])
}

/// Whether the TLS server does not speak HTTP/1.1, as one for gRPC alone.
pub(super) fn refuses_http(answer: &[u8]) -> bool {
    matches!(answer, [ALERT, 3, _, 0, 2, FATAL, NO_APPLICATION_PROTOCOL, ..])
}

fn extension(number: u16, data: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &counted::<2>(data)].concat()
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// The data after its length in `N` bytes.
fn counted<const N: usize>(data: &[u8]) -> Vec<u8> {
    let length = data.len().to_be_bytes();
    [&length[length.len() - N..], data].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_has_the_lengths_that_it_names() {
        let hello = client_hello();
        let at = |at: usize| usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
        assert_eq!((&hello[..3], at(3)), (&[HANDSHAKE, 3, 1][..], hello.len() - 5));
        assert_eq!((hello[5], hello[6], at(7)), (1, 0, hello.len() - 9));
    }

    #[test]
    fn an_answer_is_that_of_a_tls_server_or_not() {
        for (answer, expected) in [
            (&[22, 3, 3, 0, 56, 2][..], (true, false)),
            (&[21, 3, 3, 0, 2, 2, 40], (true, false)),
            (&[21, 3, 1, 0, 2, 1, 0], (true, false)),
            (&[21, 3, 3, 0, 2, 2, 120], (true, true)),
            // Our own hello.
            (&[22, 3, 1, 0, 160, 1], (false, false)),
            (b"HTTP/1.1 400 Bad Request", (false, false)),
            // The settings of HTTP/2.
            (&[0, 0, 0, 4, 0, 0, 0], (false, false)),
            (&[21, 3], (false, false)),
            (b"", (false, false)),
        ] {
            assert_eq!((is_tls(answer), refuses_http(answer)), expected, "{answer:?}");
        }
    }
}

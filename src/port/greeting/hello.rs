//! The first message of TLS: enough to see whether somebody answers in TLS. No connection is made with it.

/// The bytes of an answer that have to be seen: an alert as a whole.
pub(super) const ENOUGH: usize = 7;

const ALERT: u8 = 0x15;
const HANDSHAKE: u8 = 0x16;
/// The type of the message that answers a hello. An echo would have the type of our own.
const SERVER_HELLO: u8 = 2;
/// The alert of a server that speaks none of the protocols offered within TLS.
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// A `ClientHello` for TLS 1.2 and 1.3 that offers HTTP/1.1 for `localhost`.
pub(super) fn client_hello() -> Vec<u8> {
    /// ECDHE and RSA with AES and ChaCha20, for both versions.
    const CIPHERS: [u16; 14] = [
        0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
        0x009d, 0x002f,
    ];
    /// X25519 and the curves of NIST.
    const GROUPS: [u16; 4] = [0x001d, 0x0017, 0x0018, 0x0019];
    const SIGNATURES: [u16; 9] = [0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501];
    const VERSIONS: [u16; 2] = [0x0304, 0x0303];
    let name = [&[0][..], &counted::<2>(b"localhost")].concat();
    let extensions = [
        extension(0, &counted::<2>(&name)),
        extension(10, &counted::<2>(&numbers(&GROUPS))),
        extension(11, &counted::<1>(&[0])),
        extension(13, &counted::<2>(&numbers(&SIGNATURES))),
        extension(16, &counted::<2>(&counted::<1>(b"http/1.1"))),
        extension(43, &counted::<1>(&numbers(&VERSIONS))),
        // No key: a server with TLS 1.3 alone asks for one, and so it has answered.
        extension(51, &counted::<2>(&[])),
    ];
    let hello = [
        vec![3, 3],
        // In the place of random bytes: the handshake goes no further.
        vec![0x62; 32],
        counted::<1>(&[]),
        counted::<2>(&numbers(&CIPHERS)),
        counted::<1>(&[0]),
        counted::<2>(&extensions.concat()),
    ];
    let handshake = [vec![1], counted::<3>(&hello.concat())].concat();
    [vec![HANDSHAKE, 3, 1], counted::<2>(&handshake)].concat()
}

/// Whether the answer to the hello is one of a server that may speak HTTP/1.1 within TLS: its own hello, or an alert.
pub(super) fn speaks_tls(answer: &[u8]) -> bool {
    match answer {
        [HANDSHAKE, 3, _, _, _, SERVER_HELLO, ..] => true,
        [ALERT, 3, _, 0, 2, _, alert, ..] => *alert != NO_APPLICATION_PROTOCOL,
        _ => false,
    }
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
    fn the_lengths_of_the_hello_agree() {
        let hello = client_hello();
        assert_eq!(hello[..3], [HANDSHAKE, 3, 1]);
        assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), hello.len() - 5);
        assert_eq!(hello[5..8], [1, 0, hello[7]]);
        assert_eq!(usize::from(u16::from_be_bytes([hello[7], hello[8]])), hello.len() - 9);
    }

    #[test]
    fn answers_in_tls_are_told_from_others() {
        for (answer, expected) in [
            (&b"\x16\x03\x03\x00\x7a\x02\x00"[..], true),
            (b"\x16\x03\x01\x00\x7a\x01\x00", false),
            (b"\x15\x03\x03\x00\x02\x02\x28", true),
            (b"\x15\x03\x03\x00\x02\x02\x78", false),
            (b"\x15\x03", false),
            (b"HTTP/1.1 400 Bad Request", false),
            (b"", false),
        ] {
            assert_eq!(speaks_tls(answer), expected, "{answer:?}");
        }
    }
}

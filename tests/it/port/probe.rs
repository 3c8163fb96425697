//! Free and taken ports, against real sockets of every kind.

use std::net::{SocketAddr, TcpListener, TcpStream};

use bowline::port::{Probe, Verdict};
use socket2::{Domain, Socket, Type};

use super::support::block;

fn socket(address: SocketAddr, reuse: bool, v6_only: bool) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(reuse)?;
    if address.is_ipv6() {
        socket.set_only_v6(v6_only)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

#[test]
fn every_kind_of_socket_makes_a_port_taken() {
    let block = block(1);
    let port = block.range.start;
    let mut probe = Probe::default();
    let hosts = ["127.0.0.1", "0.0.0.0", "127.0.0.2", "[::1]", "[::]"];
    for host in if cfg!(target_os = "linux") { &hosts[..] } else { &hosts[..2] } {
        let address: SocketAddr = format!("{host}:{port}").parse().unwrap();
        for (listens, reuse, v6_only) in (0..8).map(|bits| (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0)) {
            // A machine without IPv6 has no such socket.
            let Ok(socket) = socket(address, reuse, v6_only) else { continue };
            if listens {
                socket.listen(1).unwrap();
            } else if cfg!(not(target_os = "linux")) {
                continue;
            }
            let what = format!("{host}, listens: {listens}, reuse: {reuse}, IPv6 only: {v6_only}");
            assert_eq!(probe.check(port).unwrap(), Verdict::InUse, "{what}");
            drop(socket);
            assert_eq!(probe.check(port).unwrap(), Verdict::Free, "after {what}");
        }
    }
}

#[test]
fn connections_that_a_server_left_behind_do_not_count() {
    let block = block(1);
    let port = block.range.start;
    let server = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (accepted, _) = server.accept().unwrap();
    drop(server);
    assert_eq!(Probe::default().check(port).unwrap(), Verdict::Free, "an open connection");
    drop(accepted);
    assert_eq!(Probe::default().check(port).unwrap(), Verdict::Free, "TIME_WAIT");
}

#[test]
fn no_port_at_all_is_not_free() {
    assert_eq!(Probe::default().check(0).unwrap(), Verdict::InUse);
}

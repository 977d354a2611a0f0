//! The sandbox's network: a loopback interface and the sockets the host accepts on.

use std::io::Result;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, socket};

use crate::sys;

/// DNS.
const NAMES_PORT: u16 = 53;

/// Brings loopback up in a network namespace of our own.
pub(crate) fn loopback_up() -> Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    sys::loopback_up(socket.as_fd())
}

/// Listens on 127.0.0.1; port 0 lets the system choose.
pub(crate) fn listen(port: u16) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

/// The socket on which programs ask for names.
pub(crate) fn names() -> Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, NAMES_PORT))
}

/// Begins a connection to a port of this network's loopback; it may still be under way.
pub(crate) fn connect(port: u16) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    match nix::sys::socket::connect(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(socket),
        Err(error) => Err(error),
    }
}

//! A TCP connection taken apart and made again: the kernel's repair mode (`TCP_REPAIR`).
//!
//! Only for one end of a connection on 127.0.0.1 on which nothing is under way.

use std::io::{Error, Result};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::libc;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, getpeername, getsockname, socket,
};
use serde::{Deserialize, Serialize};

const REPAIR_ON: i32 = 1;
/// Without the packet that would ask the other end for its state: it may not be there yet.
const REPAIR_OFF_SILENTLY: i32 = -1;
/// Queues of `TCP_REPAIR_QUEUE`.
const QUEUES: [i32; 2] = [1, 2];
/// Options of `TCP_REPAIR_OPTIONS`, and the bits of `tcp_info` that tell of them.
const OPTION_MSS: u32 = 2;
const OPTION_WINDOW: (u32, u8) = (3, 4);
const OPTION_SACK: (u32, u8) = (4, 2);
const OPTION_TIMESTAMPS: (u32, u8) = (8, 1);
/// The first bytes of `tcp_info`: state, …, options at 5, both window scales at 6.
const INFO_BYTES: usize = 8;

/// All that makes one end of a connection.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Connection {
    /// Ports of this end and of the other one.
    ports: (u16, u16),
    /// Sequence numbers of what is sent and received next.
    numbers: [u32; 2],
    mss: u32,
    options: u8,
    scales: u8,
    timestamp: u32,
    window: [u32; 5],
}

/// Reads a connection, and leaves it silent: closing it tells nobody.
pub(crate) fn read(end: BorrowedFd<'_>) -> Result<Connection> {
    let fd = end.as_raw_fd();
    let ours: SockaddrIn = getsockname(fd)?;
    let theirs: SockaddrIn = getpeername(fd)?;
    set(fd, libc::TCP_REPAIR, &REPAIR_ON)?;
    let mut numbers = [0u32; 2];
    for (queue, number) in QUEUES.iter().zip(&mut numbers) {
        set(fd, libc::TCP_REPAIR_QUEUE, queue)?;
        *number = get(fd, libc::TCP_QUEUE_SEQ)?;
    }
    set(fd, libc::TCP_REPAIR_QUEUE, &0)?;
    let info: [u8; INFO_BYTES] = get(fd, libc::TCP_INFO)?;
    Ok(Connection {
        ports: (ours.port(), theirs.port()),
        numbers,
        mss: get(fd, libc::TCP_MAXSEG)?,
        options: info[5],
        scales: info[6],
        timestamp: get(fd, libc::TCP_TIMESTAMP)?,
        window: get(fd, libc::TCP_REPAIR_WINDOW)?,
    })
}

/// Breaks a connection off, whoever else holds it: the other end hears it at once.
pub(crate) fn reset(end: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: an all-zero address is a valid one, of the family that stands for none.
    let nowhere: libc::sockaddr = unsafe { std::mem::zeroed() };
    let length = size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: the address outlives the call, and its real size is told.
    let done = unsafe { libc::connect(end.as_raw_fd(), &nowhere, length) };
    if done < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

/// Makes it again, in the network of the calling process.
pub(crate) fn make(connection: &Connection) -> Result<OwnedFd> {
    let end = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    let fd = end.as_raw_fd();
    set(fd, libc::TCP_REPAIR, &REPAIR_ON)?;
    for (queue, number) in QUEUES.iter().zip(&connection.numbers) {
        set(fd, libc::TCP_REPAIR_QUEUE, queue)?;
        set(fd, libc::TCP_QUEUE_SEQ, number)?;
    }
    set(fd, libc::TCP_REPAIR_QUEUE, &0)?;
    bind(fd, &SockaddrIn::new(127, 0, 0, 1, connection.ports.0))?;
    connect(fd, &SockaddrIn::new(127, 0, 0, 1, connection.ports.1))?;
    // The options' structure is code and value.
    let (sent, received) = (u32::from(connection.scales & 15), u32::from(connection.scales >> 4));
    let has = |option: (u32, u8)| connection.options & option.1 != 0;
    if has(OPTION_SACK) {
        set(fd, libc::TCP_REPAIR_OPTIONS, &[OPTION_SACK.0, 0])?;
    }
    if has(OPTION_WINDOW) {
        set(fd, libc::TCP_REPAIR_OPTIONS, &[OPTION_WINDOW.0, sent | received << 16])?;
    }
    if has(OPTION_TIMESTAMPS) {
        set(fd, libc::TCP_REPAIR_OPTIONS, &[OPTION_TIMESTAMPS.0, 0])?;
    }
    set(fd, libc::TCP_REPAIR_OPTIONS, &[OPTION_MSS, connection.mss])?;
    if has(OPTION_TIMESTAMPS) {
        set(fd, libc::TCP_TIMESTAMP, &connection.timestamp)?;
    }
    set(fd, libc::TCP_REPAIR_WINDOW, &connection.window)?;
    set(fd, libc::TCP_REPAIR, &REPAIR_OFF_SILENTLY)?;
    Ok(end)
}

/// Values of these types may have any bits.
trait Plain: Copy {}
impl Plain for i32 {}
impl Plain for u32 {}
impl<const N: usize> Plain for [u32; N] {}
impl<const N: usize> Plain for [u8; N] {}

fn set<T: Plain>(fd: i32, name: i32, value: &T) -> Result<()> {
    let (value, length) = ((value as *const T).cast(), size_of::<T>() as libc::socklen_t);
    // SAFETY: the value outlives the call, and its real size is told.
    let done = unsafe { libc::setsockopt(fd, libc::IPPROTO_TCP, name, value, length) };
    if done < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

fn get<T: Plain>(fd: i32, name: i32) -> Result<T> {
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: all-zero bits are a value of every `Plain` type.
    let mut value: T = unsafe { std::mem::zeroed() };
    let place = (&mut value as *mut T).cast();
    // SAFETY: the kernel writes at most `length` bytes, the value's real size.
    let done = unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, name, place, &mut length) };
    if done < 0 { Err(Error::last_os_error()) } else { Ok(value) }
}

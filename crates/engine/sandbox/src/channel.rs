//! The control socket: one message per packet, and descriptors beside it.

use std::io::{Error, IoSlice, IoSliceMut, Result};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};

use crate::spec::Program;
use crate::sys;

/// No message is longer; the socket's buffer holds it with room to spare.
pub(crate) const MESSAGE_BYTES_MAX: usize = 96 * 1024;
/// No message carries more descriptors.
const DESCRIPTORS_MAX: usize = 8;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// A signal killed it.
    Signal(i32),
    /// The agent killed it because it used more memory than allowed.
    OutOfMemory,
}

/// Memory of all processes in a sandbox, without the agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// In use now.
    pub current_bytes: u64,
    /// The most that was seen.
    pub peak_bytes: u64,
}

/// What the agent says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The program runs; the listening sockets come along, in the order of the plan, the one for
    /// names, if it is planned, and last a pidfd of the agent. The steps of the set-up took so many
    /// microseconds.
    Ready { steps: Vec<(String, u64)> },
    /// A step failed; `forbidden` where the kernel refused a namespace.
    Failed { step: String, reason: String, forbidden: bool, program: bool },
    /// The program ended; the agent ends too.
    Exited(Exit),
    /// The program ended before its companions; the agent goes on until they or the host end.
    ProgramExited(Exit),
    /// The answer to [`Word::Idle`].
    Memory(Memory),
    /// The answer to [`Word::Start`] and [`Word::Begin`]: the reason, if it did not start.
    Started(Option<String>),
    /// A companion ended.
    CompanionExited(u32, Exit),
    /// The answer to [`Word::Connect`]; the socket comes along if there is one.
    Connecting(u32),
}

/// What the host says after the orders.
#[derive(Serialize, Deserialize)]
pub(crate) enum Word {
    Active,
    Idle,
    /// Starts a companion; its output goes to the descriptor that comes along.
    Start(u32, Box<Program>),
    /// Starts the program that was held back.
    Begin,
    /// The program that was held back is there, restored.
    Adopt,
    /// Sends a signal to a companion, or (`None`) to the program.
    Signal(Option<u32>, i32),
    /// Begins a connection to a port of the sandbox's loopback.
    Connect(u32, u16),
}

/// Two ends of a new channel, neither of which survives an exec.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd)> {
    let flags = SockFlag::SOCK_CLOEXEC;
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?)
}

/// Sends one message with `descriptors` beside it.
pub(crate) fn send(socket: BorrowedFd<'_>, message: &[u8], descriptors: &[i32]) -> Result<()> {
    if message.len() > MESSAGE_BYTES_MAX {
        return Err(Error::other(format!("message of {} bytes is too long", message.len())));
    }
    let rights = [ControlMessage::ScmRights(descriptors)];
    let beside = if descriptors.is_empty() { &rights[..0] } else { &rights[..] };
    let flags = MsgFlags::MSG_NOSIGNAL;
    sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(message)], beside, flags, None)?;
    Ok(())
}

/// Receives one message; an empty one means that the other side is gone.
pub(crate) fn receive(socket: BorrowedFd<'_>) -> Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut buffer = vec![0; MESSAGE_BYTES_MAX];
    let mut beside = nix::cmsg_space!([i32; DESCRIPTORS_MAX]);
    let (length, raw) = {
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut beside), flags)?;
        let mut raw = Vec::new();
        for part in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(descriptors) = part {
                raw.extend(descriptors);
            }
        }
        (message.bytes, raw)
    };
    buffer.truncate(length);
    Ok((buffer, sys::adopt(raw)))
}

/// A value as a message.
pub(crate) fn encode(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(Error::other)
}

/// A message as a value.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(message: &[u8]) -> Result<T> {
    serde_json::from_slice(message).map_err(Error::other)
}

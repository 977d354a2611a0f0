//! New processes, and holding on to them: `clone3` and pidfds.

use std::io::{Error, Result};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::libc;
use nix::unistd::Pid;

/// Forks the calling process into the namespaces that `flags` (`CLONE_NEW…`) name; `None` in the
/// child.
///
/// Only the nursery calls this, and it never has a second thread, so the child may do everything
/// its parent could.
pub(crate) fn clone_into(flags: i32) -> Result<Option<Pid>> {
    // SAFETY: an all-zero `clone_args` is a valid value of that plain C structure.
    let mut request: libc::clone_args = unsafe { std::mem::zeroed() };
    request.flags = flags as u32 as u64;
    request.exit_signal = libc::SIGCHLD as u64;
    // SAFETY: without a stack of its own and without shared memory this is a fork; the process has
    // one thread, so no lock can be held by a thread the child lacks. The structure outlives the
    // call and its real size is told.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &mut request as *mut libc::clone_args,
            size_of::<libc::clone_args>(),
        )
    };
    match pid {
        -1 => Err(Error::last_os_error()),
        0 => Ok(None),
        pid => Ok(Some(Pid::from_raw(pid as i32))),
    }
}

/// A descriptor that stands for the calling process, wherever it is sent; readable at its end.
pub(crate) fn own_pidfd() -> Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0) };
    if fd < 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us; it is closed at exec.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// SIGKILL to the process that `pidfd` stands for. An error means that it has ended.
pub(crate) fn kill(pidfd: BorrowedFd<'_>) -> Result<()> {
    let (fd, none) = (pidfd.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
    // SAFETY: a null `siginfo` asks for the usual one.
    let done = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, libc::SIGKILL, none, 0) };
    if done < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

//! The only unsafe code of the engine: system calls that have no safe wrapper.

#![allow(unsafe_code)]

pub(crate) mod birth;
pub(crate) mod folder;
pub(crate) mod landlock;
pub(crate) mod repair;
pub(crate) mod rights;

use std::ffi::CStr;
use std::io::{Error, Result};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc;
use tokio::io::unix::AsyncFd;

/// Takes ownership of descriptors that the kernel has just handed to this process.
pub(crate) fn adopt(raw: Vec<RawFd>) -> Vec<OwnedFd> {
    // SAFETY: `recvmsg` installed these descriptors for us and nobody else knows them.
    raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect()
}

/// A second descriptor for standard input, not inherited by programs.
pub(crate) fn duplicate_stdin() -> Result<OwnedFd> {
    standard(0).try_clone_to_owned()
}

/// Standard input, output or error.
pub(crate) fn standard(fd: RawFd) -> BorrowedFd<'static> {
    assert!((0..3).contains(&fd), "only the standard descriptors live as long as the process");
    // SAFETY: the standard descriptors are open for the whole life of the agent.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// Runs `restrict` in the new process, before it becomes the program.
pub(crate) fn before_exec<F>(command: &mut Command, restrict: F)
where
    F: FnMut() -> Result<()> + Send + Sync + 'static,
{
    // SAFETY: the agent has one thread, so the child of its fork may do everything (see `birth`).
    unsafe { command.pre_exec(restrict) };
}

/// Closes all descriptors but the standard ones. Only for a process that has opened none itself.
pub(crate) fn close_inherited() -> Result<()> {
    // SAFETY: no pointers; nothing in this process owns a descriptor yet.
    check(unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) })
}

/// Puts `source` in the place of the descriptor `target`: what was open there is closed.
pub(crate) fn replace(source: BorrowedFd<'_>, target: RawFd) -> Result<()> {
    // SAFETY: plain descriptor numbers; the kernel validates both.
    check(unsafe { libc::dup2(source.as_raw_fd(), target) }.into())
}

/// Makes everything mounted at `path` and below read-only, without devices and set-uid programs.
///
/// `mount_setattr` (Linux 5.12) only adds restrictions, so it also works on mounts that a user
/// namespace has locked.
pub(crate) fn restrict_mounts(path: &CStr) -> Result<()> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the path is NUL-terminated and the structure outlives the call, with its real size.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &attributes as *const libc::mount_attr,
            size_of::<libc::mount_attr>(),
        )
    })
}

/// Brings the loopback interface of the current network namespace up.
pub(crate) fn loopback_up(socket: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: an all-zero `ifreq` is a valid value of that plain C structure.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one `ifreq`, which lives until the call returns.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &request) }.into())
}

/// Takes every capability from the reach of programs started later, whoever they become.
pub(crate) fn drop_bounding_set() {
    for capability in 0..64 {
        // SAFETY: no pointers. An unknown capability number answers EINVAL and ends the list.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability as libc::c_ulong, 0, 0, 0) } < 0 {
            break;
        }
    }
}

/// Gives up every capability, also for programs started later.
pub(crate) fn drop_capabilities() -> Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    drop_bounding_set();
    let header = Header { version: VERSION_3, pid: 0 };
    let none = [0u32; 6];
    // SAFETY: version 3 reads two sets of three 32-bit words; both buffers outlive the call.
    check(unsafe { libc::syscall(libc::SYS_capset, &header as *const Header, none.as_ptr()) })
}

/// Becomes the reaper of all descendants whose parent ends.
pub(crate) fn become_subreaper() -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }.into())
}

/// Whether other processes of the same user may look into this one.
pub(crate) fn set_dumpable(dumpable: bool) -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, dumpable as libc::c_ulong, 0, 0, 0) }.into())
}

/// Asks for SIGKILL when the parent ends.
pub(crate) fn die_with_parent() -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong) }.into())
}

/// Promises that no later program gains rights.
pub(crate) fn no_new_privileges() -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }.into())
}

fn check(result: i64) -> Result<()> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

/// Registers a descriptor with the asynchronous runtime.
pub(crate) fn watch(socket: OwnedFd) -> Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` always answers the same open descriptor until it is dropped.
    Ok(unsafe { AsyncFd::register(socket) }?)
}

//! Landlock (Linux 5.13): what a process without namespaces may touch.
//!
//! The constants are those of the kernel's `include/uapi/linux/landlock.h`. An older kernel knows
//! fewer rights; what it does not know is not asked of it.

use std::io::{Error, Result};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::libc;

const VERSION: u32 = 1;
const PATH_BENEATH: i32 = 1;
const NET_PORT: i32 = 2;

const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
/// Everything up to `MAKE_SYM`: what the first version knew.
const FIRST: u64 = (1 << 13) - 1;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEV: u64 = 1 << 15;
const CONNECT_TCP: u64 = 1 << 1;
const SCOPE_ABSTRACT_UNIX: u64 = 1;
const SCOPE_SIGNAL: u64 = 2;

/// What may be done below a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reading and executing.
    Read,
    /// Reading and writing, but no new files: devices.
    Write,
    /// Everything.
    Full,
}

#[repr(C)]
struct Attributes {
    files: u64,
    network: u64,
    scoped: u64,
}

#[repr(C, packed)]
struct PathRule {
    access: u64,
    parent: i32,
}

#[repr(C)]
struct PortRule {
    access: u64,
    port: u64,
}

/// The version that this kernel speaks; `None` without Landlock.
pub(crate) fn version() -> Option<u32> {
    // SAFETY: this form of the call reads nothing.
    let version = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0, VERSION)
    };
    u32::try_from(version).ok().filter(|version| *version > 0)
}

/// Rules to be put on the calling process.
pub(crate) struct Rules {
    ruleset: OwnedFd,
    files: u64,
    ports: bool,
}

impl Rules {
    /// No right to anything yet.
    pub(crate) fn new() -> Result<Rules> {
        let version = version().ok_or_else(|| Error::other("this kernel has no Landlock"))?;
        let since = |first: u32, right: u64| if version >= first { right } else { 0 };
        let files = FIRST | since(2, REFER) | since(3, TRUNCATE) | since(5, IOCTL_DEV);
        let attributes = Attributes {
            files,
            network: since(4, CONNECT_TCP),
            scoped: since(6, SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL),
        };
        // Older kernels know a shorter structure; what follows must not be told to them.
        let size = match version {
            0..4 => 8,
            4..6 => 16,
            _ => size_of::<Attributes>(),
        };
        // SAFETY: the structure outlives the call and is at least `size` bytes long.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_landlock_create_ruleset,
                &attributes as *const Attributes,
                size,
                0,
            )
        };
        if fd < 0 {
            return Err(Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor for us.
        let ruleset = unsafe { OwnedFd::from_raw_fd(fd as i32) };
        Ok(Rules { ruleset, files, ports: version >= 4 })
    }

    /// Allows `access` to what `path` (opened with `O_PATH`) is, and to all below it.
    pub(crate) fn allow(
        &self,
        path: BorrowedFd<'_>,
        directory: bool,
        access: Access,
    ) -> Result<()> {
        let rights = match access {
            Access::Read => EXECUTE | READ_FILE | READ_DIR,
            Access::Write => READ_FILE | WRITE_FILE | TRUNCATE,
            Access::Full => self.files,
        };
        let of_files = EXECUTE | READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV;
        let kind = if directory { u64::MAX } else { of_files };
        let rule = PathRule { access: rights & kind & self.files, parent: path.as_raw_fd() };
        self.add(PATH_BENEATH, (&raw const rule).cast())
    }

    /// Allows TCP connections to `port`, where the kernel (6.7) can tell ports apart.
    pub(crate) fn allow_port(&self, port: u16) -> Result<()> {
        if !self.ports {
            return Ok(());
        }
        let rule = PortRule { access: CONNECT_TCP, port: port.into() };
        self.add(NET_PORT, (&raw const rule).cast())
    }

    fn add(&self, kind: i32, rule: *const libc::c_void) -> Result<()> {
        let fd = self.ruleset.as_raw_fd();
        // SAFETY: the rule outlives the call and is of the kind that is named.
        check(unsafe { libc::syscall(libc::SYS_landlock_add_rule, fd, kind, rule, 0) })
    }

    /// Puts the rules on the calling process for good; it must have renounced new privileges.
    pub(crate) fn apply(&self) -> Result<()> {
        let fd = self.ruleset.as_raw_fd();
        // SAFETY: no pointers.
        check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, fd, 0) })
    }
}

fn check(result: i64) -> Result<()> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

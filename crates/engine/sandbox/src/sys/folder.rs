//! A folder in memory that no path leads to: a mount that is attached nowhere.

use std::ffi::{CStr, CString};
use std::io::{Error, Result};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::libc;

/// `FSCONFIG_SET_STRING` and `FSCONFIG_CMD_CREATE` of `linux/mount.h`.
const SET_STRING: libc::c_uint = 1;
const CREATE: libc::c_uint = 6;
/// `FSOPEN_CLOEXEC` and `FSMOUNT_CLOEXEC`.
const CLOEXEC: libc::c_uint = 1;

/// Makes one for root alone, with room for so many bytes. It goes when the last descriptor of it is
/// closed, however that comes about. Needs the right to mount.
pub(crate) fn make(size_bytes: u64) -> Result<OwnedFd> {
    let kind = c"tmpfs";
    // SAFETY: the text ends with NUL and outlives the call.
    let context = unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), CLOEXEC) };
    let context = own(context)?;
    let size = CString::new(size_bytes.to_string()).map_err(Error::other)?;
    for (name, value) in [(c"size", size.as_c_str()), (c"mode", c"700")] {
        configure(&context, SET_STRING, Some((name, value)))?;
    }
    configure(&context, CREATE, None)?;
    let attributes = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;
    // SAFETY: no pointers.
    let mount = unsafe {
        libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), CLOEXEC, attributes as libc::c_uint)
    };
    own(mount)
}

fn configure(context: &OwnedFd, what: libc::c_uint, pair: Option<(&CStr, &CStr)>) -> Result<()> {
    let none = std::ptr::null();
    let (name, value) = pair.map_or((none, none), |(name, value)| (name.as_ptr(), value.as_ptr()));
    // SAFETY: both texts end with NUL and outlive the call; the kernel takes no text as null.
    let done =
        unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), what, name, value, 0) };
    if done < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

fn own(descriptor: libc::c_long) -> Result<OwnedFd> {
    if descriptor < 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor as RawFd) })
}

//! Another user's identity with the rights of root.

use std::io::{Error, Result};

use nix::libc;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

/// Rights that a visitor must not have: with them, criu first becomes root.
const WITHOUT: u64 = 1 << 6 | 1 << 7;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// Becomes a user, and keeps what rights there are but to change users, for programs started from
/// here, too. Some questions about processes are answered only to their own user.
pub(crate) fn become_user_with_rights(user: u32) -> Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = Header { version: VERSION_3, pid: 0 };
    let mut sets = [0u32; 6];
    // SAFETY: version 3 writes two sets of three 32-bit words; both buffers outlive the call.
    check(unsafe { libc::syscall(libc::SYS_capget, &header as *const Header, sets.as_mut_ptr()) })?;
    let have = (u64::from(sets[1]) | u64::from(sets[4]) << 32) & !WITHOUT;
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0) }.into())?;
    setgroups(&[])?;
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)?;
    let (low, high) = (have as u32, (have >> 32) as u32);
    let sets = [low, low, low, high, high, high];
    // SAFETY: as above; this one reads.
    check(unsafe { libc::syscall(libc::SYS_capset, &header as *const Header, sets.as_ptr()) })?;
    for right in (0..64).filter(|right| have >> right & 1 == 1) {
        let (raise, right) = (libc::PR_CAP_AMBIENT_RAISE, right as libc::c_ulong);
        // SAFETY: no pointers.
        check(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, raise, right, 0, 0) }.into())?;
    }
    Ok(())
}

fn check(result: i64) -> Result<()> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

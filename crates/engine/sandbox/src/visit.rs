//! A visitor: forked from the nursery, it enters a sandbox with the host's rights, does one piece of
//! work there and reports. Kept away from the program: it is stopped, or not there yet.

use std::ffi::CString;
use std::fs;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::SigSet;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{execve, fchdir, write};
use serde::{Deserialize, Serialize};

use crate::channel;
use crate::memory::{self, Scope};
use crate::snapshot::PROGRAM_PID;
use crate::sys::repair::{self, Connection};
use crate::sys::{self, birth};

/// Under which numbers the work finds the folder of images and the program's outputs.
pub(crate) const IMAGES: i32 = 200;
pub(crate) const STDOUT: i32 = 201;
pub(crate) const STDERR: i32 = 202;
/// Where the work says why it failed, within the folder. Several at a time share it.
pub(crate) const LOG: &str = "last.log";
/// How much of that is told.
const WHY_BYTES_MAX: u64 = 64 << 10;
/// Folders within folders in `/tmp`.
const DEPTH_MAX: usize = 64;

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Work {
    Dump,
    Restore,
}

/// A visit. With it come a socket for the report, a pidfd of the sandbox's first process, the folder
/// of images, for a restore the program's two outputs, and doors into control groups.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Visit {
    pub work: Work,
    /// The sandbox's user.
    pub user: u32,
    pub program: PathBuf,
    pub args: Vec<String>,
    /// Made in the sandbox's network before the work; their sockets come with the report.
    pub connections: Vec<Connection>,
}

/// What a visitor reports.
#[derive(Serialize, Deserialize)]
pub(crate) enum Outcome {
    Done,
    Failed(String),
}

/// The life of a visitor.
pub(crate) fn live(visit: &Visit, mut descriptors: Vec<OwnedFd>) -> ! {
    if descriptors.is_empty() {
        std::process::exit(1);
    }
    let report = descriptors.remove(0);
    let (outcome, sockets) = match work(visit, &descriptors) {
        Ok(sockets) => (Outcome::Done, sockets),
        Err(error) => (Outcome::Failed(error.to_string()), Vec::new()),
    };
    let raw: Vec<i32> = sockets.iter().map(AsRawFd::as_raw_fd).collect();
    // A host that has gone needs no report.
    let _ = channel::encode(&outcome).and_then(|m| channel::send(report.as_fd(), &m, &raw));
    std::process::exit(0);
}

fn work(visit: &Visit, descriptors: &[OwnedFd]) -> Result<Vec<OwnedFd>> {
    let given = if visit.work == Work::Dump { 2 } else { 4 };
    let (given, doors) = descriptors
        .split_at_checked(given)
        .ok_or_else(|| Error::other("a visit without its descriptors"))?;
    for door in doors {
        write(door, b"0")?;
    }
    let namespaces = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWPID;
    setns(&given[0], namespaces)?;
    // From here on, relative paths are the folder's and absolute ones the sandbox's.
    fchdir(&given[1])?;
    if visit.work == Work::Dump {
        check_alone()?;
    }
    if visit.work == Work::Restore {
        copy(Path::new("tmp"), Path::new("/tmp"), visit.user, 0)?;
    }
    let made = visit.connections.iter().map(repair::make).collect::<Result<Vec<_>>>()?;
    match birth::clone_into(0)? {
        Some(child) => {
            if !matches!(waitpid(child, None)?, WaitStatus::Exited(_, 0)) {
                return Err(Error::other(why()));
            }
        }
        None => {
            let error = become_work(visit, given);
            // Nobody reads it but who looks at the folder.
            let _ = fs::write(LOG, format!("Error: {error}"));
            std::process::exit(127);
        }
    }
    if visit.work == Work::Dump {
        copy(Path::new("/tmp"), Path::new("tmp"), visit.user, 0)?;
    }
    Ok(made)
}

/// Becomes the program that does the work; comes back only with an error.
fn become_work(visit: &Visit, given: &[OwnedFd]) -> Error {
    let run = || -> Result<std::convert::Infallible> {
        for (descriptor, number) in given[1..].iter().zip([IMAGES, STDOUT, STDERR]) {
            sys::replace(descriptor.as_fd(), number)?;
        }
        // The nursery waits for signals in a way of its own.
        SigSet::empty().thread_set_mask()?;
        sys::rights::become_user_with_rights(visit.user)?;
        let text = |text: &[u8]| CString::new(text).map_err(Error::other);
        let program = text(visit.program.as_os_str().as_bytes())?;
        let mut args = vec![program.clone()];
        for arg in &visit.args {
            args.push(text(arg.as_bytes())?);
        }
        // It finds out what the kernel can do, and notes it there for those that come later.
        let notes = format!("XDG_RUNTIME_DIR=/proc/self/fd/{IMAGES}");
        let env = [text(b"PATH=/usr/sbin:/usr/bin:/sbin:/bin")?, text(notes.as_bytes())?];
        Ok(execve(&program, &args, &env)?)
    };
    match run() {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

/// A snapshot has the program and its descendants. A process that has left their family would be
/// missing in every copy.
fn check_alone() -> Result<()> {
    for pid in memory::processes(Scope::Namespace) {
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
        let is_orphan = text.lines().any(|line| line == "PPid:\t1");
        if is_orphan && i32::try_from(pid) != Ok(PROGRAM_PID) {
            return Err(Error::other("the program has started one that is not its child any more"));
        }
    }
    Ok(())
}

/// The errors in the work's log.
fn why() -> String {
    let mut text = Vec::new();
    let read = fs::File::open(LOG).and_then(|log| log.take(WHY_BYTES_MAX).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    let errors: Vec<&str> = text.lines().filter(|line| line.contains("Error")).take(5).collect();
    match read {
        Ok(_) if !errors.is_empty() => errors.join("; "),
        _ => "it failed without a word".into(),
    }
}

/// Copies folders, files and links; nobody changes them meanwhile. Other kinds are left out.
fn copy(from: &Path, to: &Path, user: u32, depth: usize) -> Result<()> {
    if depth > DEPTH_MAX {
        return Err(Error::other("the folders of /tmp are nested too deeply"));
    }
    if depth > 0 || !to.is_dir() {
        fs::create_dir(to)?;
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let facts = fs::symlink_metadata(&source)?;
        if facts.is_dir() {
            copy(&source, &target, user, depth + 1)?;
        } else if facts.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if facts.is_file() {
            let mut out = fs::File::create_new(&target)?;
            std::io::copy(&mut fs::File::open(&source)?, &mut out)?;
        } else {
            continue;
        }
        lchown(&target, Some(user), Some(user))?;
        if !facts.is_symlink() {
            let mode = fs::Permissions::from_mode(facts.permissions().mode() & 0o7777);
            match fs::set_permissions(&target, mode) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => other?,
            }
        }
    }
    Ok(())
}

//! Processes that are born before they are wanted: for namespaces of its own the kernel takes longer
//! than all the rest of a sandbox, and nobody has to wait for it.

use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;

use crate::channel;
use crate::nursery::{Birth, Nursery};

/// Our ends of a process that waits for its orders.
#[derive(Debug)]
pub(crate) struct Born {
    pub control: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

impl Born {
    /// A new process, and its own ends of the two outputs.
    pub(crate) fn new(nursery: &Nursery, birth: Birth) -> Result<(Born, [OwnedFd; 2])> {
        let (control, theirs) = channel::pair()?;
        let (stdout, their_stdout) = pipe2(OFlag::O_CLOEXEC).map_err(Error::from)?;
        let (stderr, their_stderr) = pipe2(OFlag::O_CLOEXEC).map_err(Error::from)?;
        nursery.bear(birth, [theirs.as_fd(), their_stdout.as_fd(), their_stderr.as_fd()])?;
        Ok((Born { control, stdout, stderr }, [their_stdout, their_stderr]))
    }
}

/// The one process that is ready for the next sandbox.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Option<Ready>>);

#[derive(Debug)]
struct Ready {
    birth: Birth,
    born: Born,
    /// What is mounted here: readable as urgent data when that has changed since the birth.
    mounts: File,
}

impl Spare {
    /// The one that is ready, if it is what is wanted and sees what is mounted now. It may have
    /// died meanwhile.
    pub(crate) fn take(&self, birth: Birth) -> Option<Born> {
        let ready = self.lock().take()?;
        let mut source = [PollFd::new(ready.mounts.as_fd(), PollFlags::POLLPRI)];
        let changed = poll(&mut source, PollTimeout::ZERO) != Ok(0);
        (ready.birth == birth && !changed).then_some(ready.born)
    }

    /// Makes the next one. Where that fails, the next sandbox makes its own process and says why.
    pub(crate) fn refill(&self, nursery: &Nursery, birth: Birth) {
        if !birth.namespaces || self.lock().is_some() {
            return;
        }
        let ready = File::open("/proc/self/mountinfo").and_then(|mounts| {
            let (born, _) = Born::new(nursery, birth)?;
            Ok(Ready { birth, born, mounts })
        });
        *self.lock() = ready.ok();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Ready>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

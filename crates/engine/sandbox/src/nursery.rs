//! The process that sandboxes are forked from: our binary started once more, small and with one
//! thread, so that a sandbox costs a fork and no exec.
//!
//! It knows nothing of programs: it gets a control socket and two pipes, forks into new namespaces,
//! and the child reads its orders itself. When the host ends, however suddenly, the socket to it
//! closes; then the nursery ends, and with it every sandbox, whose first process asked for that.

use std::fs::OpenOptions;
use std::io::{self, Result};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::setsid;
use serde::{Deserialize, Serialize};

use crate::channel::{self, Report};
use crate::sys::{self, birth};
use crate::visit::Visit;
use crate::{agent, cgroup, filter, visit, watch};

/// The name (`argv[0]`) under which our binary is the nursery.
pub(crate) const NURSERY_NAME: &str = "gureum-sandbox-nursery";

/// What the nursery is asked for.
#[derive(Serialize, Deserialize)]
pub(crate) enum Errand {
    Birth(Birth),
    Visit(Visit),
}

/// What a new process is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Birth {
    /// In namespaces of its own.
    pub namespaces: bool,
    /// In a user namespace, too.
    pub user: bool,
    /// Our user and group, as seen from outside: in a fresh user namespace nobody knows himself.
    pub host: (u32, u32),
}

/// The host's side: starts the nursery when it is needed.
#[derive(Debug)]
pub(crate) struct Nursery {
    binary: PathBuf,
    running: Mutex<Option<(OwnedFd, Child)>>,
    /// Told to the nursery, which removes what a killed host leaves behind.
    groups: Vec<PathBuf>,
}

impl Nursery {
    pub(crate) fn new(binary: &Path, groups: Vec<PathBuf>) -> Nursery {
        Nursery { binary: binary.to_owned(), running: Mutex::default(), groups }
    }

    /// Makes a process that will read orders from `control` and prints to the other two.
    pub(crate) fn bear(&self, birth: Birth, descriptors: [BorrowedFd<'_>; 3]) -> Result<()> {
        let raw = descriptors.map(|descriptor| descriptor.as_raw_fd());
        self.ask(&Errand::Birth(birth), &raw)
    }

    /// Sends a visitor into a sandbox. What goes along, says [`Visit`].
    pub(crate) fn send(&self, visit: &Visit, descriptors: &[i32]) -> Result<()> {
        self.ask(&Errand::Visit(visit.clone()), descriptors)
    }

    fn ask(&self, errand: &Errand, raw: &[i32]) -> Result<()> {
        let message = channel::encode(errand)?;
        let mut running = self.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((socket, _)) = &*running
            && channel::send(socket.as_fd(), &message, raw).is_ok()
        {
            return Ok(());
        }
        // Not started yet, or somebody has killed it.
        if let Some((socket, mut child)) = running.take() {
            drop(socket);
            let _ = child.wait();
        }
        let (socket, child) = self.start()?;
        channel::send(socket.as_fd(), &message, raw)?;
        *running = Some((socket, child));
        Ok(())
    }

    fn start(&self) -> Result<(OwnedFd, Child)> {
        let (ours, theirs) = channel::pair()?;
        let mut command = Command::new(&self.binary);
        command.arg0(NURSERY_NAME).env_clear().stdin(theirs);
        command.args(&self.groups);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok((ours, child))
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((socket, mut child)) = running.take() {
            // It ends by the end of its socket.
            drop(socket);
            let _ = child.wait();
        }
    }
}

/// Takes over the process if it was started as the nursery, and then never returns.
pub(crate) fn take_over() {
    if std::env::args_os().next().is_none_or(|name| name != NURSERY_NAME) {
        return;
    }
    match nurse() {
        Ok(Some((control, birth))) => agent::live(&control, birth),
        Ok(None) => {
            let groups = std::env::args_os().skip(1);
            groups.for_each(|folder| cgroup::sweep_after_host(Path::new(&folder)));
            std::process::exit(0)
        }
        // Nobody listens: without its nursery, the host says that sandboxes cannot be started.
        Err(_) => std::process::exit(1),
    }
}

/// Serves until the host is gone; in a child it returns the control socket, and what it is.
fn nurse() -> Result<Option<(OwnedFd, Birth)>> {
    // Whoever started the host may have left it more open than it knows of: no program gets that.
    sys::close_inherited()?;
    let host = sys::duplicate_stdin()?;
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    sys::replace(null.as_fd(), 0)?;
    // A Ctrl-C at the terminal is the host's business: it ends its sandboxes in order.
    setsid()?;
    let signals = watch::block_signals()?;
    // An error is told by the first sandbox, whose business it is.
    let _ = filter::programs();
    loop {
        let mut sources = [
            PollFd::new(host.as_fd(), PollFlags::POLLIN),
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut sources, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        let [talks, died] = sources.map(|source| source.any().unwrap_or(false));
        if died {
            reap(&signals)?;
        }
        if !talks {
            continue;
        }
        let (message, mut descriptors) = channel::receive(host.as_fd())?;
        if message.is_empty() {
            return Ok(None);
        }
        let birth = match channel::decode::<Errand>(&message)? {
            Errand::Birth(birth) => birth,
            Errand::Visit(visit) => {
                // A visitor that is not born drops its socket: that is its report.
                if matches!(birth::clone_into(0), Ok(None)) {
                    visit::live(&visit, descriptors);
                }
                continue;
            }
        };
        let (Some(errors), Some(output), Some(control)) =
            (descriptors.pop(), descriptors.pop(), descriptors.pop())
        else {
            continue;
        };
        match birth::clone_into(flags(birth).bits()) {
            Ok(Some(_)) => {}
            Ok(None) => {
                sys::replace(output.as_fd(), 1)?;
                sys::replace(errors.as_fd(), 2)?;
                return Ok(Some((control, birth)));
            }
            Err(error) => refuse(&control, &error),
        }
    }
}

fn flags(birth: Birth) -> CloneFlags {
    if !birth.namespaces {
        return CloneFlags::empty();
    }
    let user = if birth.user { CloneFlags::CLONE_NEWUSER } else { CloneFlags::empty() };
    user | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
}

/// Tells the host what the child would have told.
fn refuse(control: &OwnedFd, error: &io::Error) {
    let (step, reason) = ("make namespaces".to_owned(), error.to_string());
    let report = Report::Failed { step, reason, forbidden: true, program: false };
    // A host that has given up needs no answer.
    let _ = channel::encode(&report).and_then(|m| channel::send(control.as_fd(), &m, &[]));
}

fn reap(signals: &SignalFd) -> Result<()> {
    while signals.read_signal()?.is_some() {}
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(()),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

//! PID 1's loop: reaps, measures, obeys.

use std::io::Result;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::channel::{self, Exit, Memory, Report, Word};
use crate::memory::{self, Scope};
use crate::spec::Orders;

const ACTIVE_INTERVAL_MS: u16 = 20;
const IDLE_INTERVAL_MS: u16 = 1000;

/// Turns SIGCHLD into something that can be polled. Programs start with an empty mask again.
pub(crate) fn block_signals() -> Result<SignalFd> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGCHLD);
    set.thread_block()?;
    Ok(SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?)
}

/// Returns when the program has ended (and was reported) or the host is gone.
pub(crate) fn supervise(
    control: &OwnedFd,
    signals: &SignalFd,
    program: Pid,
    orders: &Orders,
) -> Result<()> {
    let scope = if orders.namespaces { Scope::Namespace } else { Scope::Descendants };
    let limit_bytes = orders.program.limits.memory_bytes;
    let mut active = true;
    let mut peak_bytes = 0;
    let exit = loop {
        let interval_ms = if active { ACTIVE_INTERVAL_MS } else { IDLE_INTERVAL_MS };
        let (word, timed_out) = wait(control, signals, interval_ms)?;
        match word {
            Heard::Gone => break None,
            Heard::Nothing => {}
            Heard::Word(word) => active = matches!(word, Word::Active),
        }
        if let Some(exit) = reap(program)? {
            break Some(exit);
        }
        let asked = matches!(word, Heard::Word(Word::Idle));
        if timed_out || asked {
            let current_bytes = memory::resident_bytes(scope);
            peak_bytes = current_bytes.max(peak_bytes);
            if current_bytes > limit_bytes && memory::proportional_bytes(scope) > limit_bytes {
                break Some(Exit::OutOfMemory);
            }
            if asked {
                say(control, &Report::Memory(Memory { current_bytes, peak_bytes }))?;
            }
        }
    };
    kill_rest(scope);
    match exit {
        Some(exit) => say(control, &Report::Exited(exit)),
        None => Ok(()),
    }
}

#[derive(Clone, Copy)]
enum Heard {
    Nothing,
    Word(Word),
    Gone,
}

fn wait(control: &OwnedFd, signals: &SignalFd, interval_ms: u16) -> Result<(Heard, bool)> {
    let mut sources = [
        PollFd::new(control.as_fd(), PollFlags::POLLIN),
        PollFd::new(signals.as_fd(), PollFlags::POLLIN),
    ];
    let ready = match poll(&mut sources, PollTimeout::from(interval_ms)) {
        Err(Errno::EINTR) => return Ok((Heard::Nothing, false)),
        other => other?,
    };
    let has = |source: &PollFd<'_>| source.any().unwrap_or(false);
    let (talks, died) = (has(&sources[0]), has(&sources[1]));
    if died {
        while signals.read_signal()?.is_some() {}
    }
    if !talks {
        return Ok((Heard::Nothing, ready == 0));
    }
    // A host that closed its end, or speaks nonsense, is no host any more.
    let heard = match channel::receive(control.as_fd()) {
        Ok((message, _)) if !message.is_empty() => channel::decode(&message).map(Heard::Word),
        _ => Ok(Heard::Gone),
    };
    Ok((heard.unwrap_or(Heard::Gone), false))
}

/// Collects everything that ended; the program's own end is the answer.
fn reap(program: Pid) -> Result<Option<Exit>> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == program => {
                return Ok(Some(Exit::Code(code)));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == program => {
                return Ok(Some(Exit::Signal(signal as i32)));
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(None),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Ends what the program left behind. In a pid namespace the kernel does this when we end.
fn kill_rest(scope: Scope) {
    if matches!(scope, Scope::Namespace) {
        // Before the report, so that the host never hears from the program after its end.
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        return;
    }
    // New children may appear while we look; a process killed once makes no more.
    for _ in 0..100 {
        let left = memory::processes(scope);
        if left.is_empty() {
            return;
        }
        for pid in left {
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
        }
        while matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(status) if status != WaitStatus::StillAlive)
        {
        }
    }
}

fn say(control: &OwnedFd, report: &Report) -> Result<()> {
    channel::send(control.as_fd(), &channel::encode(report)?, &[])
}

//! PID 1's loop: reaps, measures, obeys.

use std::io::Result;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::channel::{self, Exit, Memory, Report, Word};
use crate::memory::{self, Scope};
use crate::snapshot::PROGRAM_PID;
use crate::spec::Orders;
use crate::{agent, network};

const ACTIVE_INTERVAL_MS: u16 = 20;
const IDLE_INTERVAL_MS: u16 = 1000;

/// Turns SIGCHLD into something that can be polled. Programs start with an empty mask again.
pub(crate) fn block_signals() -> Result<SignalFd> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGCHLD);
    set.thread_block()?;
    Ok(SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?)
}

/// What runs in the sandbox by our doing.
struct Programs {
    /// `None` as long as it is held back.
    main: Option<Pid>,
    /// How it ended, while companions go on.
    ended: Option<Exit>,
    companions: Vec<(u32, Pid)>,
}

/// Returns when the program and its companions have ended (and were reported) or the host is gone.
pub(crate) fn supervise(
    control: &OwnedFd,
    signals: &SignalFd,
    program: Option<Pid>,
    orders: &Orders,
) -> Result<()> {
    let scope = if orders.namespaces { Scope::Namespace } else { Scope::Descendants };
    let limit_bytes = orders.program.limits.memory_bytes;
    let mut programs = Programs { main: program, ended: None, companions: Vec::new() };
    let mut active = true;
    let mut peak_bytes = 0;
    let exit = loop {
        let interval_ms = if active { ACTIVE_INTERVAL_MS } else { IDLE_INTERVAL_MS };
        let (heard, timed_out) = wait(control, signals, interval_ms)?;
        let mut asked = false;
        match heard {
            Heard::Gone => break None,
            Heard::Nothing => {}
            Heard::Word(Word::Active, _) => active = true,
            Heard::Word(Word::Idle, _) => {
                active = false;
                asked = true;
            }
            Heard::Word(word, descriptors) => {
                obey(control, word, descriptors, &mut programs, orders)?;
            }
        }
        if let Some(exit) = reap(control, &mut programs)? {
            break Some(exit);
        }
        if timed_out || asked {
            let mut current_bytes = memory::resident_bytes(scope);
            if current_bytes > limit_bytes {
                // Many processes that share their pages are not as large as they look.
                current_bytes = memory::proportional_bytes(scope).min(current_bytes);
            }
            peak_bytes = current_bytes.max(peak_bytes);
            if current_bytes > limit_bytes {
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

/// Starts, signals and connects, as the host says.
fn obey(
    control: &OwnedFd,
    word: Word,
    descriptors: Vec<OwnedFd>,
    programs: &mut Programs,
    orders: &Orders,
) -> Result<()> {
    match word {
        Word::Active | Word::Idle => Ok(()),
        Word::Begin => {
            let started = match programs.main {
                Some(pid) => Ok(pid),
                None => agent::begin(orders),
            };
            let failed = started.map(|pid| programs.main = Some(pid)).err();
            say(control, &Report::Started(failed.map(|failure| failure.to_string())))
        }
        Word::Adopt => {
            let pid = Pid::from_raw(PROGRAM_PID);
            // One that has ended already was reaped as a stranger.
            let failed = match kill(pid, None) {
                Ok(()) => {
                    programs.main = Some(pid);
                    agent::detach().err().map(|failure| failure.to_string())
                }
                Err(error) => Some(error.to_string()),
            };
            say(control, &Report::Started(failed))
        }
        Word::Start(number, program) => {
            let output = descriptors.into_iter().next();
            let output = output.ok_or_else(|| std::io::Error::other("a program without output"))?;
            let started = agent::start_companion(orders, &program, output);
            let failed = started.map(|pid| programs.companions.push((number, pid))).err();
            say(control, &Report::Started(failed.map(|failure| failure.to_string())))
        }
        Word::Signal(number, signal) => {
            let pid = match number {
                None => programs.main.filter(|_| programs.ended.is_none()),
                Some(number) => {
                    let found = programs.companions.iter().find(|(n, _)| *n == number);
                    found.map(|(_, pid)| *pid)
                }
            };
            if let (Some(pid), Ok(signal)) = (pid, Signal::try_from(signal)) {
                // One that has just ended needs no signal.
                let _ = kill(pid, signal);
            }
            Ok(())
        }
        Word::Connect(number, port) => {
            let report = channel::encode(&Report::Connecting(number))?;
            match network::connect(port) {
                Ok(socket) => channel::send(control.as_fd(), &report, &[socket.as_raw_fd()]),
                Err(_) => channel::send(control.as_fd(), &report, &[]),
            }
        }
    }
}

enum Heard {
    Nothing,
    Word(Word, Vec<OwnedFd>),
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
        Ok((message, descriptors)) if !message.is_empty() => {
            channel::decode(&message).map(|word| Heard::Word(word, descriptors))
        }
        _ => Ok(Heard::Gone),
    };
    Ok((heard.unwrap_or(Heard::Gone), false))
}

/// Collects everything that ended. The program's own end is the answer as soon as there is no
/// companion any more.
fn reap(control: &OwnedFd, programs: &mut Programs) -> Result<Option<Exit>> {
    loop {
        let (pid, exit) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => (pid, Exit::Code(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, Exit::Signal(signal as i32)),
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => {
                return Ok(programs.ended.filter(|_| programs.companions.is_empty()));
            }
            Ok(_) | Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        };
        if programs.main == Some(pid) && programs.ended.is_none() {
            programs.ended = Some(exit);
            if !programs.companions.is_empty() {
                say(control, &Report::ProgramExited(exit))?;
            }
        } else if let Some(at) = programs.companions.iter().position(|(_, other)| *other == pid) {
            let (number, _) = programs.companions.swap_remove(at);
            say(control, &Report::CompanionExited(number, exit))?;
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

//! The agent: set-up of the namespaces, then PID 1 of the sandbox.

use std::fs;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{
    Gid, Pid, Uid, fchown, getegid, geteuid, setgroups, sethostname, setresgid, setresuid, setsid,
};

use crate::channel::{self, Report};
use crate::spec::{Orders, Program};
use crate::{filter, network, root, sys, watch};

/// The name (`argv[0]`) under which our binary is the agent.
pub(crate) const AGENT_NAME: &str = "gureum-sandbox-agent";
/// User and group inside the sandbox. AWS's sandboxes happen to use the same.
pub(crate) const INNER_UID: u32 = 993;
pub(crate) const INNER_GID: u32 = 990;

/// A step that failed, and whether the kernel refused it.
pub(crate) struct Failure {
    step: String,
    reason: String,
    forbidden: bool,
    program: bool,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.step, self.reason)
    }
}

impl Failure {
    pub(crate) fn new(step: impl Into<String>, reason: impl ToString) -> Failure {
        Failure { step: step.into(), reason: reason.to_string(), forbidden: false, program: false }
    }
}

/// Names the step of an error.
pub(crate) fn at<E: ToString>(step: impl Into<String>) -> impl FnOnce(E) -> Failure {
    move |error| Failure::new(step, error)
}

/// Takes over the process if it was started as a sandbox's agent, and then never returns.
///
/// Call it first in `main`, before any thread is started.
pub fn agent_main() {
    if std::env::args_os().next().is_none_or(|name| name != AGENT_NAME) {
        return;
    }
    // Nobody but the engine passes a socket as standard input; without it there is nothing to do.
    let Ok(control) = sys::duplicate_stdin() else { std::process::exit(2) };
    let orders: Orders =
        match channel::receive(control.as_fd()).and_then(|(m, _)| channel::decode(&m)) {
            Ok(orders) => orders,
            Err(error) => {
                eprintln!("the sandbox's agent got no orders: {error}");
                std::process::exit(2);
            }
        };
    let outcome =
        if orders.namespaces { outer(&control, &orders) } else { inner(&control, &orders) };
    if let Err(failure) = outcome {
        let Failure { step, reason, forbidden, program } = failure;
        let report = Report::Failed { step, reason, forbidden, program };
        // If the host is gone, there is nobody left to tell.
        let _ = channel::encode(&report).and_then(|m| channel::send(control.as_fd(), &m, &[]));
        std::process::exit(1);
    }
    std::process::exit(0);
}

/// Makes the namespaces and waits for the agent in them.
fn outer(control: &OwnedFd, orders: &Orders) -> Result<(), Failure> {
    let mut flags = CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    let (uid, gid) = (geteuid(), getegid());
    if orders.run_as.is_none() {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    unshare(flags).map_err(forbidden("unshare"))?;
    if orders.run_as.is_none() {
        map_identity(uid, gid).map_err(forbidden("map the user"))?;
    }
    let Some(agent) = sys::fork().map_err(forbidden("fork"))? else {
        return inner(control, orders);
    };
    // The agent alone holds the control socket and the pipes now: their end is its end.
    let null = open_null()?;
    (0..3).try_for_each(|fd| sys::replace(null.as_fd(), fd)).map_err(at("detach"))?;
    sys::replace(null.as_fd(), control.as_raw_fd()).map_err(at("detach"))?;
    loop {
        match waitpid(agent, None) {
            Ok(WaitStatus::Exited(_, code)) => std::process::exit(code),
            Ok(WaitStatus::Signaled(..)) => std::process::exit(1),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(at("wait for the agent")(error)),
        }
    }
}

/// Sets the sandbox up from inside, starts the program and watches over it.
fn inner(control: &OwnedFd, orders: &Orders) -> Result<(), Failure> {
    let mut listeners = Vec::new();
    if orders.namespaces {
        network::loopback_up().map_err(forbidden("bring loopback up"))?;
        for port in &orders.ports {
            let step = format!("listen on port {port}");
            listeners.push(network::listen(*port).map_err(at(step))?);
        }
        sethostname("sandbox").map_err(at("name the host"))?;
        root::enter(orders).map_err(|failure| Failure { forbidden: true, ..failure })?;
    } else {
        sys::become_subreaper().map_err(at("become the reaper"))?;
    }
    if let Some(uid) = orders.run_as {
        become_user(uid, orders.namespaces)?;
    }
    sys::no_new_privileges().map_err(at("no_new_privs"))?;
    sys::drop_capabilities().map_err(at("drop capabilities"))?;
    sys::set_dumpable(false).map_err(at("hide the agent"))?;
    // Only now: every change of identity takes this request back.
    sys::die_with_parent().map_err(at("tie to the parent"))?;
    let signals = watch::block_signals().map_err(at("signalfd"))?;
    let program = match orders.program.held {
        true => None,
        false => Some(begin(&orders.program)?),
    };
    report_ready(control, &listeners)?;
    drop(listeners);
    watch::supervise(control, &signals, program, orders).map_err(at("supervise"))
}

/// Starts the program, which alone keeps our outputs.
pub(crate) fn begin(program: &Program) -> Result<Pid, Failure> {
    let pid = start(program, None)?;
    let null = open_null()?;
    (0..3).try_for_each(|fd| sys::replace(null.as_fd(), fd)).map_err(at("detach"))?;
    Ok(pid)
}

/// Starts another program beside it, with an output of its own.
pub(crate) fn start_companion(program: &Program, output: OwnedFd) -> Result<Pid, Failure> {
    start(program, Some(output))
}

fn report_ready(control: &OwnedFd, listeners: &[TcpListener]) -> Result<(), Failure> {
    let descriptors: Vec<i32> = listeners.iter().map(AsRawFd::as_raw_fd).collect();
    let report = channel::encode(&Report::Ready);
    report.and_then(|m| channel::send(control.as_fd(), &m, &descriptors)).map_err(at("report"))
}

/// From root to an ordinary user, in a user namespace of its own where that is possible (it makes
/// the process limit count this sandbox alone).
fn become_user(uid: u32, namespaces: bool) -> Result<(), Failure> {
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
    for fd in [1, 2] {
        // So that the program may open /dev/stdout; where it is no pipe of ours, no matter.
        let _ = fchown(sys::standard(fd), Some(user), Some(group));
    }
    // Possible only as long as we are root.
    sys::drop_bounding_set();
    setgroups(&[]).map_err(forbidden("drop groups"))?;
    setresgid(group, group, group).map_err(forbidden("drop the group"))?;
    setresuid(user, user, user).map_err(forbidden("drop the user"))?;
    if namespaces && unshare(CloneFlags::CLONE_NEWUSER).is_ok() {
        // Changing the user made /proc/self root's; the maps must be writable.
        sys::set_dumpable(true).map_err(at("open the maps"))?;
        map_identity(user, group).map_err(at("map the user"))?;
    }
    Ok(())
}

fn map_identity(uid: Uid, gid: Gid) -> std::io::Result<()> {
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{INNER_UID} {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("{INNER_GID} {gid} 1"))
}

/// Starts a program with its limits and filters; an error is the program's. Without an `output` it
/// has ours.
fn start(program: &Program, output: Option<OwnedFd>) -> Result<Pid, Failure> {
    let filters = filter::programs().map_err(at("compile the filters"))?;
    let limits = program.limits;
    let messages = match program.message_output {
        Some(number) => {
            let pipe = sys::standard(2).try_clone_to_owned().map_err(at("keep the pipe"))?;
            Some((pipe, number))
        }
        None => None,
    };
    let restrict = move || {
        setsid()?;
        if let Some((pipe, number)) = &messages {
            sys::replace(pipe.as_fd(), *number)?;
        }
        sys::die_with_parent()?;
        for (resource, limit) in [
            (Resource::RLIMIT_NOFILE, limits.files),
            (Resource::RLIMIT_NPROC, limits.processes),
            (Resource::RLIMIT_CORE, 0),
        ] {
            setrlimit(resource, limit, limit)?;
        }
        filter::apply(&filters).map_err(std::io::Error::other)
    };
    let mut command = Command::new(&program.program);
    command.args(&program.args).env_clear().envs(program.env.iter().map(|(k, v)| (k, v)));
    command.current_dir(&program.cwd).stdin(Stdio::null());
    sys::before_exec(&mut command, restrict);
    if let Some(output) = output {
        let second = output.try_clone().map_err(at("copy the output"))?;
        command.stdout(output).stderr(second);
    } else if program.merge_output {
        sys::replace(sys::standard(1), 2).map_err(at("merge the outputs"))?;
    }
    let name = || program.program.display().to_string();
    let child = command.spawn();
    let child = child.map_err(|e| Failure { program: true, ..Failure::new(name(), e) })?;
    Ok(Pid::from_raw(child.id() as i32))
}

fn open_null() -> Result<fs::File, Failure> {
    let null = fs::OpenOptions::new().read(true).write(true).open("/dev/null");
    null.map_err(at("open /dev/null"))
}

/// Names a step that a kernel may be configured to refuse.
fn forbidden<E: ToString>(step: &str) -> impl FnOnce(E) -> Failure {
    move |error| Failure { forbidden: true, ..Failure::new(step, error) }
}

//! The agent: set-up of the namespaces, then PID 1 of the sandbox.

use std::fs;
use std::io::Read as _;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::Mode;
use nix::unistd::{
    Gid, Pid, Uid, fchown, setgroups, sethostname, setresgid, setresuid, setsid, write,
};

use crate::channel::{self, Report};
use crate::nursery::Birth;
use crate::snapshot::PROGRAM_PID;
use crate::spec::{Confinement, Kept, Orders, Program};
use crate::sys::birth;
use crate::sys::landlock::{Access, Rules};
use crate::{filter, network, nursery, root, sys, watch};

/// User and group inside the sandbox. AWS's sandboxes happen to use the same.
pub(crate) const INNER_UID: u32 = 993;
pub(crate) const INNER_GID: u32 = 990;

/// `e_machine` of programs: ELF's numbers.
const ELF_I386: u16 = 3;
const ELF_X86_64: u16 = 62;
const ELF_AARCH64: u16 = 183;

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

/// Takes over the process if it was started for sandboxes, and then never returns.
///
/// Call it first in `main`, before any thread is started.
pub fn agent_main() {
    nursery::take_over();
}

/// The life of a sandbox's first process, from its birth to its end.
pub(crate) fn live(control: &OwnedFd, birth: Birth) -> ! {
    let outcome = prepare(birth).and_then(|()| {
        let received = channel::receive(control.as_fd());
        let orders = received.and_then(|(m, doors)| Ok((channel::decode::<Orders>(&m)?, doors)));
        let (orders, doors) = orders.map_err(at("read the orders"))?;
        inner(control, &orders, doors)
    });
    if let Err(failure) = outcome {
        let Failure { step, reason, forbidden, program } = failure;
        let report = Report::Failed { step, reason, forbidden, program };
        // If the host is gone, there is nobody left to tell.
        let _ = channel::encode(&report).and_then(|m| channel::send(control.as_fd(), &m, &[]));
        std::process::exit(1);
    }
    std::process::exit(0);
}

/// What takes no orders, and may be long done when they come.
fn prepare(birth: Birth) -> Result<(), Failure> {
    sys::die_with_parent().map_err(at("tie to the parent"))?;
    if birth.user {
        let (uid, gid) = birth.host;
        let host = (Uid::from_raw(uid), Gid::from_raw(gid));
        map_identity(host).map_err(forbidden("map the user"))?;
    }
    if birth.namespaces {
        network::loopback_up().map_err(forbidden("bring loopback up"))?;
        sethostname("sandbox").map_err(at("name the host"))?;
        root::keep_mounts_private().map_err(|failure| Failure { forbidden: true, ..failure })?;
    }
    Ok(())
}

/// Sets the sandbox up from inside, starts the program and watches over it. `doors` lead into
/// control groups.
fn inner(control: &OwnedFd, orders: &Orders, doors: Vec<OwnedFd>) -> Result<(), Failure> {
    let mut steps = Steps::begin();
    let sockets = if orders.namespaces { listen(orders)? } else { Vec::new() };
    steps.done("network");
    if orders.namespaces {
        root::enter(orders, &mut steps)
            .map_err(|failure| Failure { forbidden: true, ..failure })?;
    } else {
        sys::become_subreaper().map_err(at("become the reaper"))?;
    }
    for door in doors {
        write(&door, b"0").map_err(at("join the control group"))?;
    }
    steps.done("groups");
    if orders.kept == Some(Kept::First) {
        let last = (PROGRAM_PID - 1).to_string();
        fs::write("/proc/sys/kernel/ns_last_pid", last).map_err(at("number the program"))?;
    }
    if let Some(uid) = orders.run_as {
        become_user(uid, orders.namespaces && orders.kept.is_none())?;
    }
    sys::no_new_privileges().map_err(at("no_new_privs"))?;
    sys::drop_capabilities().map_err(at("drop capabilities"))?;
    sys::set_dumpable(false).map_err(at("hide the agent"))?;
    // Only now: every change of identity takes this request back.
    sys::die_with_parent().map_err(at("tie to the parent"))?;
    steps.done("rights");
    let signals = watch::block_signals().map_err(at("signalfd"))?;
    let program = match orders.program.held {
        true => None,
        false => Some(begin(orders)?),
    };
    steps.done("program");
    report_ready(control, &sockets, steps)?;
    drop(sockets);
    watch::supervise(control, &signals, program, orders).map_err(at("supervise"))
}

/// Starts the program, which alone keeps our outputs.
pub(crate) fn begin(orders: &Orders) -> Result<Pid, Failure> {
    let pid = start(orders, &orders.program, None)?;
    detach()?;
    Ok(pid)
}

/// From now on only the program has our outputs.
pub(crate) fn detach() -> Result<(), Failure> {
    let null = open_null()?;
    (0..3).try_for_each(|fd| sys::replace(null.as_fd(), fd)).map_err(at("detach"))
}

/// Starts another program beside it, with an output of its own.
pub(crate) fn start_companion(
    orders: &Orders,
    program: &Program,
    output: OwnedFd,
) -> Result<Pid, Failure> {
    start(orders, program, Some(output))
}

/// The sockets that the host accepts on.
fn listen(orders: &Orders) -> Result<Vec<OwnedFd>, Failure> {
    let listen = |port: &u16| {
        network::listen(*port).map(OwnedFd::from).map_err(at(format!("listen on port {port}")))
    };
    let mut sockets = orders.ports.iter().map(listen).collect::<Result<Vec<_>, _>>()?;
    if orders.names {
        sockets.push(network::names().map_err(at("answer for names"))?.into());
    }
    Ok(sockets)
}

fn report_ready(control: &OwnedFd, sockets: &[OwnedFd], steps: Steps) -> Result<(), Failure> {
    let own = birth::own_pidfd().map_err(at("name the sandbox (needs Linux 5.3)"))?;
    let mut descriptors: Vec<i32> = sockets.iter().map(AsRawFd::as_raw_fd).collect();
    descriptors.push(own.as_raw_fd());
    let report = channel::encode(&Report::Ready { steps: steps.list });
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
        map_identity((user, group)).map_err(at("map the user"))?;
    }
    Ok(())
}

fn map_identity((uid, gid): (Uid, Gid)) -> std::io::Result<()> {
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{INNER_UID} {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("{INNER_GID} {gid} 1"))
}

/// Starts a program with its limits and filters; an error is the program's. Without an `output` it
/// has ours.
fn start(orders: &Orders, program: &Program, output: Option<OwnedFd>) -> Result<Pid, Failure> {
    check_format(&program.program)?;
    let filters = filter::programs().map_err(at("compile the filters"))?;
    let confine = orders.confinement.as_ref().map(landlock_rules).transpose()?;
    let (limits, kept) = (program.limits, orders.kept.is_some());
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
        if !kept {
            // A restored one gets another parent; both end with the agent's namespace.
            sys::die_with_parent()?;
            // Copies share a user: there, the control group alone bounds processes.
            setrlimit(Resource::RLIMIT_NPROC, limits.processes, limits.processes)?;
        }
        for (resource, limit) in
            [(Resource::RLIMIT_NOFILE, limits.files), (Resource::RLIMIT_CORE, 0)]
        {
            setrlimit(resource, limit, limit)?;
        }
        if let Some(rules) = &confine {
            rules.apply()?;
        }
        filter::apply(filters).map_err(std::io::Error::other)
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

/// Refuses what the kernel would not run. A library would give such a file to a shell, and the error
/// would be the shell's.
fn check_format(path: &Path) -> Result<(), Failure> {
    let mut head = [0; 20];
    // What cannot be read, or is not there, is found by the kernel.
    let Ok(count) = fs::File::open(path).and_then(|mut file| file.read(&mut head)) else {
        return Ok(());
    };
    let machine = if cfg!(target_arch = "aarch64") { ELF_AARCH64 } else { ELF_X86_64 };
    let is_good = match &head[..count] {
        [b'#', b'!', ..] => true,
        [0x7f, b'E', b'L', b'F', ..] if count == head.len() => {
            let found = u16::from_le_bytes([head[18], head[19]]);
            found == machine || (found == ELF_I386 && machine == ELF_X86_64)
        }
        _ => false,
    };
    if is_good {
        return Ok(());
    }
    let error = std::io::Error::from_raw_os_error(nix::libc::ENOEXEC);
    Err(Failure { program: true, ..Failure::new(path.display().to_string(), error) })
}

/// Landlock's rules for a program without namespaces. What does not exist here needs no rule.
fn landlock_rules(confinement: &Confinement) -> Result<Rules, Failure> {
    let rules = Rules::new().map_err(at("make Landlock's rules"))?;
    for (access, paths) in [
        (Access::Read, &confinement.read),
        (Access::Write, &confinement.devices),
        (Access::Full, &confinement.write),
    ] {
        for path in paths {
            let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
            let Ok(handle) = open(path, flags, Mode::empty()) else { continue };
            let allowed = rules.allow(handle.as_fd(), path.is_dir(), access);
            allowed.map_err(at(format!("allow {}", path.display())))?;
        }
    }
    let ports = confinement.ports.iter();
    ports.copied().try_for_each(|port| rules.allow_port(port)).map_err(at("allow a port"))?;
    Ok(rules)
}

/// How long each step of the set-up took, in microseconds.
pub(crate) struct Steps {
    since: Instant,
    list: Vec<(String, u64)>,
}

impl Steps {
    #[expect(clippy::disallowed_methods, reason = "the agent has no kernel of ours, and measures")]
    fn begin() -> Steps {
        Steps { since: Instant::now(), list: Vec::new() }
    }

    /// The step that began with the last call is done.
    #[expect(clippy::disallowed_methods, reason = "the agent has no kernel of ours, and measures")]
    pub(crate) fn done(&mut self, step: &str) {
        let now = Instant::now();
        self.list.push((step.to_owned(), (now - self.since).as_micros() as u64));
        self.since = now;
    }
}

fn open_null() -> Result<fs::File, Failure> {
    let null = fs::OpenOptions::new().read(true).write(true).open("/dev/null");
    null.map_err(at("open /dev/null"))
}

/// Names a step that a kernel may be configured to refuse.
fn forbidden<E: ToString>(step: &str) -> impl FnOnce(E) -> Failure {
    move |error| Failure { forbidden: true, ..Failure::new(step, error) }
}

//! The host's side of one sandbox.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{Shutdown, shutdown};
use nix::sys::stat::fstat;
use nix::unistd::{getegid, geteuid};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};
use tokio::net::unix::pipe;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::agent::{INNER_GID, INNER_UID};
use crate::cgroup::{Group, Groups};
use crate::channel::{self, Exit, Memory, Report, Word};
use crate::nursery::{Birth, Nursery};
use crate::spare::{Born, Spare};
use crate::spec::{Confinement, Kept, Limits, Orders, Place, Program};
use crate::sys::birth;
use crate::{Error, Mode, network, root, sys};

/// A running sandbox, in parts that different tasks may own.
#[derive(Debug)]
pub struct Sandbox {
    /// Its life.
    pub control: Control,
    /// The planned ports, to be accepted on by the host.
    pub listeners: Vec<(u16, TcpListener)>,
    /// Where programs ask for names (see [`crate::Plan::names`]): each datagram is a query of DNS.
    pub names: Option<UdpSocket>,
    /// What it prints; at the end once every process inside is gone.
    pub stdout: Pipe,
    /// What it complains.
    pub stderr: Pipe,
    /// The steps of the set-up, each with its microseconds.
    pub steps: Vec<(String, u64)>,
}

/// The reading end of a program's output.
#[derive(Debug)]
pub struct Pipe(pipe::Receiver);

impl Pipe {
    fn new(descriptor: OwnedFd) -> io::Result<Pipe> {
        fcntl(&descriptor, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        pipe::Receiver::from_owned_fd(descriptor).map(Pipe)
    }

    /// The bare descriptor, which does not block.
    pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
        self.0.into_nonblocking_fd()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

/// Holds a sandbox alive: dropping it kills everything inside.
#[derive(Debug)]
pub struct Control {
    socket: AsyncFd<OwnedFd>,
    /// A pidfd of the agent.
    life: AsyncFd<OwnedFd>,
    exit: Option<Exit>,
    group: Option<Group>,
    /// What happened while something else was waited for.
    waiting: VecDeque<Event>,
    companions: u32,
    place: Place,
    limits: Limits,
    /// The pipes of the outputs, as the kernel numbers them.
    pipes: [u64; 2],
    /// The program's ends of the outputs, until a restored one gets them.
    outputs: Option<[OwnedFd; 2]>,
}

/// What happens in a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The answer to [`Activity::Idle`].
    Memory(Memory),
    /// The program ended, and everything it had started was killed.
    Exited(Exit),
    /// The program ended, and companions go on until they have ended or the host kills them. Then
    /// [`Event::Exited`] says it once more.
    ProgramExited(Exit),
    /// A companion ended (see [`Control::start`]).
    CompanionExited(u32, Exit),
}

/// How closely memory is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Every 20 ms.
    Active,
    /// Every second; asking for it also measures at once.
    Idle,
}

enum Heard {
    Event(Event),
    Started(Option<String>),
    Connecting(u32, Option<OwnedFd>),
    Nothing,
}

impl Control {
    /// The next event. Safe to cancel. After the end it answers the same [`Event::Exited`].
    pub async fn next(&mut self) -> Event {
        if let Some(event) = self.waiting.pop_front() {
            return event;
        }
        loop {
            // An answer that nobody waits for any more is dropped.
            if let Heard::Event(event) = self.hear().await {
                return event;
            }
        }
    }

    /// One report. Safe to cancel.
    async fn hear(&mut self) -> Heard {
        if let Some(exit) = self.exit {
            return Heard::Event(Event::Exited(exit));
        }
        let (report, descriptors) = match receive(&self.socket).await {
            Ok((message, descriptors)) if !message.is_empty() => {
                (channel::decode(&message), descriptors)
            }
            _ => (Ok(Report::Exited(Exit::Signal(nix::libc::SIGKILL))), Vec::new()),
        };
        match report {
            Ok(Report::Memory(memory)) => Heard::Event(Event::Memory(memory)),
            Ok(Report::Exited(exit)) => {
                Heard::Event(Event::Exited(*self.exit.insert(self.judge(exit))))
            }
            Ok(Report::ProgramExited(exit)) => Heard::Event(Event::ProgramExited(self.judge(exit))),
            Ok(Report::CompanionExited(number, exit)) => {
                Heard::Event(Event::CompanionExited(number, exit))
            }
            Ok(Report::Started(failed)) => Heard::Started(failed),
            Ok(Report::Connecting(number)) => {
                Heard::Connecting(number, descriptors.into_iter().next())
            }
            // Ready comes once, before this type exists; the rest is no language of ours.
            Ok(Report::Ready { .. } | Report::Failed { .. }) | Err(_) => Heard::Nothing,
        }
    }

    /// Starts the program, if it was held back.
    pub async fn begin(&mut self) -> Result<(), Error> {
        self.say(&Word::Begin, &[])?;
        self.started("the program").await
    }

    /// Starts another program in the same sandbox: its number, and what it prints. Its end is an
    /// event, and the sandbox goes on.
    pub async fn start(
        &mut self,
        program: Program,
    ) -> Result<(u32, tokio::net::unix::pipe::Receiver), Error> {
        self.companions += 1;
        let number = self.companions;
        let name = program.program.display().to_string();
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(io::Error::from)?;
        self.say(&Word::Start(number, Box::new(program)), &[writer.as_raw_fd()])?;
        drop(writer);
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(io::Error::from)?;
        let reader = tokio::net::unix::pipe::Receiver::from_owned_fd(reader)?;
        self.started(&name).await?;
        Ok((number, reader))
    }

    async fn started(&mut self, name: &str) -> Result<(), Error> {
        loop {
            match self.hear().await {
                Heard::Started(None) => return Ok(()),
                Heard::Started(Some(reason)) => {
                    return Err(Error::Program { program: name.to_owned(), reason });
                }
                Heard::Event(event) => {
                    self.waiting.push_back(event);
                    if matches!(event, Event::Exited(_)) {
                        return Err(Error::Agent("the sandbox has ended".into()));
                    }
                }
                Heard::Connecting(..) | Heard::Nothing => {}
            }
        }
    }

    /// Begins a connection to a port of the sandbox's own 127.0.0.1. It is made, or refused, when
    /// the stream is writable: see [`TcpStream::take_error`].
    pub async fn connect(&mut self, port: u16) -> Result<TcpStream, Error> {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let socket = if self.place.mode.is_namespaces() {
            self.companions += 1;
            let wanted = self.companions;
            self.say(&Word::Connect(wanted, port), &[])?;
            loop {
                match self.hear().await {
                    Heard::Connecting(number, socket) if number == wanted => {
                        break socket.ok_or_else(refused)?;
                    }
                    Heard::Event(event) => {
                        self.waiting.push_back(event);
                        if matches!(event, Event::Exited(_)) {
                            return Err(Error::Agent("the sandbox has ended".into()));
                        }
                    }
                    Heard::Connecting(..) | Heard::Started(_) | Heard::Nothing => {}
                }
            }
        } else {
            network::connect(port).map_err(|_| refused())?
        };
        Ok(TcpStream::from_std(std::net::TcpStream::from(socket))?)
    }

    /// Sends a signal to the companion of that number, or to the program.
    pub fn signal(&self, companion: Option<u32>, signal: i32) -> io::Result<()> {
        self.say(&Word::Signal(companion, signal), &[])
    }

    pub(crate) fn pipes(&self) -> [u64; 2] {
        self.pipes
    }

    pub(crate) fn take_outputs(&mut self) -> Option<[OwnedFd; 2]> {
        self.outputs.take()
    }

    /// Doors into its control groups.
    pub(crate) fn doors(&self) -> io::Result<Vec<OwnedFd>> {
        self.group.as_ref().map(Group::doors).transpose().map(Option::unwrap_or_default)
    }

    /// A pidfd of the agent.
    pub(crate) fn life(&self) -> BorrowedFd<'_> {
        self.life.get_ref().as_fd()
    }

    /// Tells the agent that the program is there, restored.
    pub(crate) async fn adopt(&mut self) -> Result<(), Error> {
        self.say(&Word::Adopt, &[])?;
        self.started("the restored program").await
    }

    fn say(&self, word: &Word, descriptors: &[i32]) -> io::Result<()> {
        channel::send(self.socket.get_ref().as_fd(), &channel::encode(word)?, descriptors)
    }

    /// Waits for the end.
    pub async fn wait(&mut self) -> Exit {
        loop {
            if let Event::Exited(exit) = self.next().await {
                return exit;
            }
        }
    }

    /// Tells how closely to watch. An error means that the sandbox has ended.
    pub fn set(&self, activity: Activity) -> io::Result<()> {
        self.say(if activity == Activity::Active { &Word::Active } else { &Word::Idle }, &[])
    }

    /// Whether the kernel, not the program itself, was behind a SIGKILL.
    fn judge(&self, exit: Exit) -> Exit {
        let killed = exit == Exit::Signal(nix::libc::SIGKILL);
        match &self.group {
            Some(group) if killed && group.ran_out_of_memory() => Exit::OutOfMemory,
            _ => exit,
        }
    }

    /// Bounds the processor time of everything inside to so many thousandths of one processor;
    /// `None` ends the bound. Without control groups it does nothing and answers `false`.
    pub fn limit_cpu(&self, thousandths: Option<u32>) -> io::Result<bool> {
        match &self.group {
            Some(group) => group.limit_cpu(thousandths).map(|()| true),
            None => Ok(false),
        }
    }

    /// Where it runs.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The program's limits.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Kills everything inside and waits until it is gone.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.end();
        self.life.readable().await.map(drop)
    }

    /// Without a pid namespace only the agent knows who belongs to it, and it does its work when
    /// nobody talks to it any more; otherwise its own end is everybody's.
    fn end(&self) {
        // An error means that it has ended.
        let _ = match self.place.mode.is_namespaces() {
            true => birth::kill(self.life.get_ref().as_fd()),
            false => {
                shutdown(self.socket.get_ref().as_raw_fd(), Shutdown::Both).map_err(io::Error::from)
            }
        };
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.end();
    }
}

/// What all sandboxes of an engine are made with.
#[derive(Debug)]
pub(crate) struct Means {
    pub nursery: Nursery,
    pub spare: Spare,
    pub groups: Option<Arc<Groups>>,
}

/// Starts the agent, gives it its orders and waits until the program runs.
pub(crate) async fn launch(
    means: &Means,
    place: Place,
    program: Program,
) -> Result<Sandbox, Error> {
    let birth = Birth {
        namespaces: place.mode.is_namespaces(),
        user: place.mode == Mode::NamespacesByUser,
        host: (geteuid().as_raw(), getegid().as_raw()),
    };
    let limits = program.limits;
    let group = means.groups.as_ref().map(|groups| groups.make(&program.limits)).transpose()?;
    let orders = channel::encode(&orders(&place, program))?;
    let restored = place.kept == Some(Kept::Restored);
    let spare = if restored { None } else { means.spare.take(birth) };
    let mut answer = None;
    if let Some(born) = spare {
        // One that has died is no loss: nothing has begun.
        answer = order(born, &orders, group.as_ref()).await.ok();
        answer = answer.filter(|answer: &Answer| !answer.message.is_empty());
    }
    let mut outputs = None;
    let answer = match answer {
        Some(answer) => answer,
        None => {
            let (born, theirs) = Born::new(&means.nursery, birth)?;
            outputs = restored.then_some(theirs);
            order(born, &orders, group.as_ref()).await?
        }
    };
    let Answer { socket, stdout, stderr, pipes, message, mut descriptors } = answer;
    if message.is_empty() {
        return Err(Error::Agent(last_words(stderr).await));
    }
    let steps = match channel::decode(&message)? {
        Report::Ready { steps } => steps,
        Report::Failed { step, reason, forbidden, program } => {
            return Err(explain(place.mode, step, reason, forbidden, program));
        }
        other => return Err(Error::Agent(format!("it began with {other:?}"))),
    };
    let life = descriptors.pop().ok_or_else(|| Error::Agent("its pidfd is missing".into()))?;
    let life = sys::watch(life)?;
    let names = match place.has_names() {
        true => descriptors.pop().map(own_names).transpose()?,
        false => None,
    };
    let listeners = listeners(&place, descriptors)?;
    let waiting = VecDeque::new();
    let companions = 0;
    let control = Control {
        socket,
        life,
        exit: None,
        group,
        waiting,
        companions,
        place,
        limits,
        pipes,
        outputs,
    };
    means.spare.refill(&means.nursery, birth);
    Ok(Sandbox { control, listeners, names, stdout, stderr, steps })
}

/// What a process answers to its orders, and our ends of it.
struct Answer {
    socket: AsyncFd<OwnedFd>,
    stdout: Pipe,
    stderr: Pipe,
    /// The pipes of the outputs, as the kernel numbers them.
    pipes: [u64; 2],
    /// Empty if it is gone.
    message: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

async fn order(born: Born, orders: &[u8], group: Option<&Group>) -> io::Result<Answer> {
    let doors = group.map(Group::doors).transpose()?.unwrap_or_default();
    let doors: Vec<i32> = doors.iter().map(AsRawFd::as_raw_fd).collect();
    let Born { control, stdout, stderr } = born;
    // One that could not even be born has left its reason.
    let sent = channel::send(control.as_fd(), orders, &doors);
    let socket = hear_from(control)?;
    let number = |pipe: &OwnedFd| fstat(pipe).map(|facts| facts.st_ino).map_err(io::Error::from);
    let pipes = [number(&stdout)?, number(&stderr)?];
    let (stdout, stderr) = (Pipe::new(stdout)?, Pipe::new(stderr)?);
    let (message, descriptors) = receive(&socket).await?;
    if message.is_empty() {
        sent?;
    }
    Ok(Answer { socket, stdout, stderr, pipes, message, descriptors })
}

fn own_names(socket: OwnedFd) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::from(socket);
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

/// The agent's own sockets, or (process mode) those of the place.
fn listeners(place: &Place, received: Vec<OwnedFd>) -> io::Result<Vec<(u16, TcpListener)>> {
    let received = received.into_iter().map(std::net::TcpListener::from);
    let sockets: Vec<(u16, std::net::TcpListener)> = if place.mode.is_namespaces() {
        place.plan.ports.iter().copied().zip(received).collect()
    } else {
        let own = place.listeners.iter().map(|(port, l)| Ok((*port, l.try_clone()?)));
        own.collect::<io::Result<_>>()?
    };
    let asynchronous = sockets.into_iter().map(|(port, listener)| {
        listener.set_nonblocking(true)?;
        Ok((port, TcpListener::from_std(listener)?))
    });
    asynchronous.collect()
}

fn orders(place: &Place, program: Program) -> Orders {
    let text = |path: &str, text: String| (PathBuf::from(path), text);
    // A program that is kept has no user namespace, and sees its number outside.
    let number = place.run_as.filter(|_| place.kept.is_some());
    let (uid, gid) = (number.unwrap_or(INNER_UID), number.unwrap_or(INNER_GID));
    let user = format!("root:x:0:0::/:/bin/false\nsandbox:x:{uid}:{gid}::/tmp:/bin/false\n");
    let (hosts, resolver) = match place.has_names() {
        true => ("files dns", "nameserver 127.0.0.1\n"),
        false => ("files", ""),
    };
    let files = BTreeMap::from([
        text("/etc/passwd", user),
        text("/etc/group", format!("root:x:0:\nsandbox:x:{gid}:\n")),
        text(
            "/etc/hosts",
            "127.0.0.1 localhost sandbox sandbox.localdomain\n::1 localhost\n".into(),
        ),
        text("/etc/nsswitch.conf", format!("passwd: files\ngroup: files\nhosts: {hosts}\n")),
        text("/etc/resolv.conf", resolver.into()),
    ]);
    Orders {
        run_as: place.run_as,
        namespaces: place.mode.is_namespaces(),
        kept: place.kept,
        confinement: (place.mode == Mode::Confined).then(|| confinement(place)),
        root: place.plan.root.clone(),
        mounts: place.plan.mounts.clone(),
        links: place.plan.links.clone(),
        files,
        ports: place.plan.ports.clone(),
        names: place.has_names(),
        program,
    }
}

/// Our end of a channel, to be [received](receive) from.
pub(crate) fn hear_from(end: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    fcntl(&end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    sys::watch(end)
}

pub(crate) async fn receive(socket: &AsyncFd<OwnedFd>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    loop {
        let mut guard = socket.readable().await?;
        if let Ok(received) = guard.try_io(|inner| channel::receive(inner.get_ref().as_fd())) {
            return received;
        }
    }
}

/// What a program without namespaces may touch: what it would see with them.
fn confinement(place: &Place) -> Confinement {
    let names = ["passwd", "group", "hosts", "nsswitch.conf", "resolv.conf", "services"];
    let system = root::SYSTEM.iter().chain(root::ETC).map(PathBuf::from);
    let names = names.iter().map(|name| Path::new("/etc").join(name));
    let java = fs::read_dir("/etc").into_iter().flatten().flatten().map(|entry| entry.path());
    let java = java.filter(|path| path.to_string_lossy().starts_with("/etc/java-"));
    let mounts = place.plan.mounts.iter().map(|mount| mount.source.clone());
    let ports = place.plan.ports.iter().map(|port| place.port(*port));
    Confinement {
        read: system.chain(names).chain(java).chain(mounts).chain(["/proc".into()]).collect(),
        devices: root::DEVICES.iter().map(|name| Path::new("/dev").join(name)).collect(),
        write: place.tmp.iter().cloned().collect(),
        ports: ports.collect(),
    }
}

/// What an agent that died without a report had printed.
async fn last_words(mut stderr: Pipe) -> String {
    const LENGTH_MAX: u64 = 2000;
    let mut text = Vec::new();
    // Half of it is better than nothing.
    let _ = (&mut stderr).take(LENGTH_MAX).read_to_end(&mut text).await;
    let text: String = String::from_utf8_lossy(&text).chars().take(500).collect();
    format!("it ended before it began: {text}")
}

fn explain(mode: Mode, step: String, reason: String, forbidden: bool, program: bool) -> Error {
    if program {
        return Error::Program { program: step, reason };
    }
    if !forbidden || !mode.is_namespaces() {
        return Error::Setup { step, reason };
    }
    Error::Forbidden { step, reason, hint: hint() }
}

/// The switches that are known to forbid namespaces, as far as they are set here.
fn hint() -> String {
    let switches = [
        ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "0", "1"),
        ("/proc/sys/user/max_user_namespaces", "0", "15000"),
    ];
    let wrong = switches.iter().filter_map(|(path, bad, good)| {
        let value = std::fs::read_to_string(path).ok()?;
        let name = path.trim_start_matches("/proc/sys/").replace('/', ".");
        (value.trim() == *bad).then(|| format!("`sysctl -w {name}={good}`"))
    });
    let wrong: Vec<String> = wrong.collect();
    if wrong.is_empty() {
        "allow user namespaces (in a container: an unconfined seccomp profile and an unmasked /proc; \
         in a chroot: root's rights)".into()
    } else {
        format!("run {}", wrong.join(" and "))
    }
}

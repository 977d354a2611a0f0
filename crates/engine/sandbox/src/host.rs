//! The host's side of one sandbox.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use tokio::io::unix::AsyncFd;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStderr, ChildStdout};

use crate::agent::{AGENT_NAME, INNER_GID, INNER_UID};
use crate::channel::{self, Exit, Memory, Report, Word};
use crate::spec::{Orders, Place, Program};
use crate::{Error, Mode, network, sys};

/// A running sandbox, in parts that different tasks may own.
#[derive(Debug)]
pub struct Sandbox {
    /// Its life.
    pub control: Control,
    /// The planned ports, to be accepted on by the host.
    pub listeners: Vec<(u16, TcpListener)>,
    /// What it prints; at the end once every process inside is gone.
    pub stdout: ChildStdout,
    /// What it complains.
    pub stderr: ChildStderr,
}

/// Holds a sandbox alive: dropping it kills everything inside.
#[derive(Debug)]
pub struct Control {
    socket: AsyncFd<OwnedFd>,
    outer: Child,
    exit: Option<Exit>,
    /// What happened while something else was waited for.
    waiting: VecDeque<Event>,
    companions: u32,
    place: Place,
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
                self.exit = Some(exit);
                Heard::Event(Event::Exited(exit))
            }
            Ok(Report::ProgramExited(exit)) => Heard::Event(Event::ProgramExited(exit)),
            Ok(Report::CompanionExited(number, exit)) => {
                Heard::Event(Event::CompanionExited(number, exit))
            }
            Ok(Report::Started(failed)) => Heard::Started(failed),
            Ok(Report::Connecting(number)) => {
                Heard::Connecting(number, descriptors.into_iter().next())
            }
            // Ready comes once, before this type exists; the rest is no language of ours.
            Ok(Report::Ready | Report::Failed { .. }) | Err(_) => Heard::Nothing,
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

    /// Kills everything inside and waits until it is gone.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.outer.kill().await
    }
}

/// Starts the agent, gives it its orders and waits until the program runs.
pub(crate) async fn launch(agent: &Path, place: Place, program: Program) -> Result<Sandbox, Error> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let pair = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags);
    let (ours, theirs) = pair.map_err(io::Error::from)?;
    let orders = channel::encode(&orders(&place, program))?;
    let mut command = std::process::Command::new(agent);
    command.arg0(AGENT_NAME).env_clear().stdin(theirs);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut command = tokio::process::Command::from(command);
    let mut outer = command.kill_on_drop(true).spawn()?;
    drop(command);
    channel::send(ours.as_fd(), &orders, &[])?;
    fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(io::Error::from)?;
    let socket = sys::watch(ours)?;
    let (message, descriptors) = receive(&socket).await?;
    if message.is_empty() {
        return Err(Error::Agent(last_words(outer).await));
    }
    match channel::decode(&message)? {
        Report::Ready => {}
        Report::Failed { step, reason, forbidden, program } => {
            return Err(explain(place.mode, step, reason, forbidden, program));
        }
        other => return Err(Error::Agent(format!("it began with {other:?}"))),
    }
    let (Some(stdout), Some(stderr)) = (outer.stdout.take(), outer.stderr.take()) else {
        return Err(Error::Agent("its pipes are missing".into()));
    };
    let listeners = listeners(&place, descriptors)?;
    let control =
        Control { socket, outer, exit: None, waiting: VecDeque::new(), companions: 0, place };
    Ok(Sandbox { control, listeners, stdout, stderr })
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
    let user =
        format!("root:x:0:0::/:/bin/false\nsandbox:x:{INNER_UID}:{INNER_GID}::/tmp:/bin/false\n");
    let files = BTreeMap::from([
        text("/etc/passwd", user),
        text("/etc/group", format!("root:x:0:\nsandbox:x:{INNER_GID}:\n")),
        text(
            "/etc/hosts",
            "127.0.0.1 localhost sandbox sandbox.localdomain\n::1 localhost\n".into(),
        ),
        text("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n".into()),
        text("/etc/resolv.conf", String::new()),
    ]);
    Orders {
        run_as: place.run_as,
        namespaces: place.mode.is_namespaces(),
        mounts: place.plan.mounts.clone(),
        links: place.plan.links.clone(),
        files,
        ports: place.plan.ports.clone(),
        program,
    }
}

async fn receive(socket: &AsyncFd<OwnedFd>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    loop {
        let mut guard = socket.readable().await?;
        if let Ok(received) = guard.try_io(|inner| channel::receive(inner.get_ref().as_fd())) {
            return received;
        }
    }
}

/// What an agent that died without a report had printed.
async fn last_words(outer: Child) -> String {
    match outer.wait_with_output().await {
        Ok(output) => {
            let text: String = String::from_utf8_lossy(&output.stderr).chars().take(500).collect();
            format!("{}: {text}", output.status)
        }
        Err(error) => error.to_string(),
    }
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

//! Keeping a program's memory and `/tmp`, and starting it again elsewhere, as often as wanted.
//!
//! Today `criu` does it, a program of its own that is started when it is installed. It visits a
//! sandbox from the nursery: inside the sandbox's namespaces, as its user, with the host's rights.
//! So neither dump nor restore deals with namespaces: only the program's processes are kept, and
//! they are put into a fresh sandbox whose first process adopts them.
//!
//! A connection that the program waits on has its other end in the host. That end is read in the
//! kernel's repair mode and made again in the new network before the program comes back.
//!
//! Memory may hold secrets, so a snapshot is written to memory: what lies on a disk, and how it is
//! sealed there, is its owner's business.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use crate::Error;
use crate::channel;
use crate::host::{self, Control, Means, Sandbox};
use crate::spec::{Kept, Place, Program};
use crate::sys::folder;
use crate::sys::repair::{self, Connection};
use crate::visit::{self, IMAGES, STDERR, STDOUT, Visit, Work};

/// The program's number in a sandbox whose memory is kept: above all that visitors get.
pub(crate) const PROGRAM_PID: i32 = 1000;
/// What the snapshot needs besides criu's images.
const FACTS: &str = "snapshot.json";
/// Where criu may be. It must be seen inside sandboxes, too.
const PLACES: &[&str] = &["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"];
/// The largest file that is open and has no name any more.
const GHOST_BYTES_MAX: &str = "67108864";
/// Older ones do not know newer kernels.
const CRIU_MAJOR_MIN: u32 = 4;

/// Whether this machine can keep a program's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Support {
    /// It can, by this program of this version.
    Criu {
        /// Where it is.
        program: PathBuf,
        /// As it says.
        version: String,
    },
    /// It cannot, for this reason, with what would help.
    None(String),
}

/// Whether this machine can keep a program's memory; found out once.
pub fn support() -> &'static Support {
    static FOUND: OnceLock<Support> = OnceLock::new();
    FOUND.get_or_init(|| find().unwrap_or_else(Support::None))
}

fn find() -> Result<Support, String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("keeping memory needs root".into());
    }
    let mut programs = PLACES.iter().map(|place| Path::new(place).join("criu"));
    let program = programs.find(|program| program.is_file());
    let program = program.ok_or("criu is not installed (version 4 or newer is needed)")?;
    let run = |argument: &str| {
        let output = Command::new(&program).arg(argument).stdin(Stdio::null()).output();
        output.map_err(|error| format!("{}: {error}", program.display()))
    };
    let text = String::from_utf8_lossy(&run("--version")?.stdout).into_owned();
    let version = text.lines().find_map(|line| line.strip_prefix("Version: ")).unwrap_or_default();
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < CRIU_MAJOR_MIN) {
        return Err(format!("criu is {version}, and version {CRIU_MAJOR_MIN} or newer is needed"));
    }
    if !run("check")?.status.success() {
        return Err("`criu check` says that this kernel does not let it work".into());
    }
    Ok(Support::Criu { program, version: version.to_owned() })
}

/// What a snapshot depends on beside its program's files: criu, the kernel, and that it has run
/// since (the clocks of another run stand elsewhere).
pub fn surroundings() -> String {
    let criu = match support() {
        Support::Criu { program, version } => format!("{} {version}", program.display()),
        Support::None(_) => String::new(),
    };
    let told = |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}"));
    let kernel =
        ["osrelease", "version", "random/boot_id"].map(|name| told(name).unwrap_or_default());
    format!("{criu}\n{}", kernel.concat())
}

/// A folder in memory for a snapshot. No path leads to it but this process's own, and it goes with
/// this value, or with the process, however that ends.
#[derive(Debug)]
pub struct Folder(OwnedFd);

impl Folder {
    /// An empty one with room for so many bytes. Needs the right to mount.
    pub fn new(size_bytes: u64) -> io::Result<Folder> {
        folder::make(size_bytes).map(Folder)
    }

    /// Where this process finds it. Never resolve it: a mount that is attached nowhere calls
    /// itself `/`.
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}

/// What is written beside criu's images.
#[derive(Serialize, Deserialize)]
struct Facts {
    user: u32,
    /// The pipes of standard output and of messages, by their numbers in the old sandbox.
    pipes: [u64; 2],
    connections: Vec<Connection>,
}

/// The host's ends of a program's connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ends<'a> {
    /// Those that the program waits on: they are kept.
    pub kept: &'a [BorrowedFd<'a>],
    /// All others: they are broken off before.
    pub broken: &'a [BorrowedFd<'a>],
}

/// Writes a snapshot of a sandbox that was launched in a [`Place::kept`] place to an empty folder.
/// The sandbox is stopped afterwards and good for nothing but to be killed.
pub(crate) async fn dump(
    means: &Means,
    control: &Control,
    folder: &Folder,
    ends: Ends<'_>,
) -> Result<(), Error> {
    for end in ends.broken {
        // One that its program has closed meanwhile is as good.
        let _ = repair::reset(*end);
    }
    let (program, place) = (criu()?, control.place());
    let user = place.run_as.ok_or_else(|| failed("the sandbox has no user of its own"))?;
    let work = Work::Dump;
    let tree = PROGRAM_PID.to_string();
    let words = ["--tree", &tree, "--leave-stopped", "--ghost-limit", GHOST_BYTES_MAX];
    let args = words.iter().map(|word| (*word).to_owned()).collect();
    let visit = Visit { work, user, program, args: criu_args("dump", args), connections: vec![] };
    let images = fs::File::open(folder.path())?;
    call(means, control, &visit, &[images.as_fd()]).await?;
    let read = ends.kept.iter().map(|socket| repair::read(*socket));
    let connections = read.collect::<std::io::Result<_>>()?;
    let facts = Facts { user, pipes: control.pipes(), connections };
    let facts = serde_json::to_vec(&facts).map_err(std::io::Error::other)?;
    fs::write(folder.path().join(FACTS), facts)?;
    Ok(())
}

/// Makes a sandbox of a snapshot: it and the connections that were kept, in their order. `program`
/// tells the limits; `place` must be planned as the old one was.
pub(crate) async fn restore(
    means: &Means,
    mut place: Place,
    program: Program,
    folder: &Folder,
) -> Result<(Sandbox, Vec<TcpStream>), Error> {
    let criu = criu()?;
    let facts = fs::read(folder.path().join(FACTS))?;
    let facts: Facts = serde_json::from_slice(&facts).map_err(std::io::Error::other)?;
    place.run_as = Some(facts.user);
    place.kept = Some(Kept::Restored);
    let program = Program { held: true, ..program };
    let mut sandbox = host::launch(means, place, program).await?;
    let outputs = sandbox.control.take_outputs().ok_or_else(|| failed("there are no outputs"))?;
    let images = fs::File::open(folder.path())?;
    let mut args = vec!["--restore-detached".to_owned()];
    for (inode, number) in facts.pipes.iter().zip([STDOUT, STDERR]) {
        args.extend(["--inherit-fd".to_owned(), format!("fd[{number}]:pipe:[{inode}]")]);
    }
    let visit = Visit {
        work: Work::Restore,
        user: facts.user,
        program: criu,
        args: criu_args("restore", args),
        connections: facts.connections,
    };
    let given = [images.as_fd(), outputs[0].as_fd(), outputs[1].as_fd()];
    let sockets = call(means, &sandbox.control, &visit, &given).await?;
    sandbox.control.adopt().await?;
    let streams = sockets.into_iter().map(|socket| {
        let stream = std::net::TcpStream::from(socket);
        stream.set_nonblocking(true)?;
        TcpStream::from_std(stream)
    });
    let streams = streams.collect::<std::io::Result<_>>()?;
    Ok((sandbox, streams))
}

/// Sends a visitor and waits for what it brings.
async fn call(
    means: &Means,
    control: &Control,
    visit: &Visit,
    given: &[BorrowedFd<'_>],
) -> Result<Vec<OwnedFd>, Error> {
    let (ours, theirs) = channel::pair()?;
    // What a snapshot takes is not the sandbox's memory: there might be no room for it.
    let doors = if visit.work == Work::Dump { Vec::new() } else { control.doors()? };
    let mut descriptors = vec![theirs.as_raw_fd(), control.life().as_raw_fd()];
    descriptors.extend(given.iter().map(AsRawFd::as_raw_fd));
    descriptors.extend(doors.iter().map(AsRawFd::as_raw_fd));
    means.nursery.send(visit, &descriptors)?;
    drop(theirs);
    let ours = host::hear_from(ours)?;
    let (message, sockets) = host::receive(&ours).await?;
    if message.is_empty() {
        return Err(failed("the visitor did not come back"));
    }
    match channel::decode::<visit::Outcome>(&message)? {
        visit::Outcome::Done => Ok(sockets),
        visit::Outcome::Failed(why) => Err(failed(&why)),
    }
}

fn criu() -> Result<PathBuf, Error> {
    match support() {
        Support::Criu { program, .. } => Ok(program.clone()),
        Support::None(why) => Err(failed(why)),
    }
}

fn criu_args(work: &str, more: Vec<String>) -> Vec<String> {
    let folder = format!("/proc/self/fd/{IMAGES}");
    let words = [
        work,
        "--unprivileged",
        "--images-dir",
        &folder,
        "--work-dir",
        &folder,
        "--tcp-established",
        "--network-lock",
        "skip",
        "--manage-cgroups=ignore",
        "--log-file",
    ];
    let mut args: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    // One that fails says why in a file of its own; see `visit`.
    args.push(visit::LOG.to_owned());
    args.push("-v1".into());
    args.extend(more);
    args
}

fn failed(why: &str) -> Error {
    Error::Setup { step: "snapshot".into(), reason: why.to_owned() }
}

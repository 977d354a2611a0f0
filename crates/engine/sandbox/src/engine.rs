//! Which kind of sandbox this machine allows, and starting one.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Uid, chown, geteuid};
use tokio::net::TcpStream;

use crate::Error;
use crate::cgroup::Groups;
use crate::host::{self, Control, Means, Sandbox};
use crate::network;
use crate::nursery::Nursery;
use crate::snapshot::{self, Ends, Folder, Support};
use crate::spare::Spare;
use crate::spec::{Limits, Place, Plan, Program};
use crate::sys::landlock;

/// The first of the user ids that sandboxes of a root host run as; no system hands these out.
const RUN_AS_BASE: u32 = 1_000_000_000;

/// What the operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Namespaces; where they are forbidden, Landlock; where there is neither, a clear error.
    Best,
    /// Namespaces, or a clear error.
    Namespaces,
    /// Only limits, a filter and `no_new_privs`: for machines that forbid namespaces.
    Process,
}

/// What sandboxes are made of here. Its `Display` is meant for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Namespaces made by root, who then becomes an unprivileged user.
    NamespacesByRoot,
    /// Namespaces inside a user namespace, without any right.
    NamespacesByUser,
    /// No namespaces: Landlock keeps the program to the files and ports it is given.
    Confined,
    /// Neither: the program shares the host's files and network.
    Process,
}

impl Mode {
    /// Whether programs have their own files, processes and network.
    pub fn is_namespaces(self) -> bool {
        matches!(self, Mode::NamespacesByRoot | Mode::NamespacesByUser)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::NamespacesByRoot => "namespaces (started by root, running as nobody)",
            Mode::NamespacesByUser => "namespaces (without root)",
            Mode::Confined => {
                "processes confined by Landlock (shares the host's processes and network)"
            }
            Mode::Process => "process (chosen: shares the host's files and network)",
        })
    }
}

/// Starts sandboxes of one kind.
#[derive(Debug)]
pub struct Engine {
    means: Means,
    scratch: PathBuf,
    mode: Mode,
    /// Why a better mode was not taken.
    refused: Option<String>,
    /// Why there are no control groups.
    ungrouped: Option<String>,
    started: AtomicU32,
}

impl Engine {
    /// Finds out what works by running an empty sandbox.
    ///
    /// `agent` is the binary whose `main` calls [`crate::agent_main`], by default this one.
    /// `scratch` takes the private `/tmp` directories of the modes without namespaces.
    ///
    /// A sandbox costs its host about ten descriptors, so this also raises the process's soft
    /// limit of open files to the hard one.
    pub async fn detect(
        choice: Choice,
        agent: Option<PathBuf>,
        scratch: &Path,
    ) -> Result<Engine, Error> {
        let agent = agent.unwrap_or_else(|| "/proc/self/exe".into());
        if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
            // Where it is refused, fewer sandboxes fit; starting one more says so.
            let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
        }
        let (groups, ungrouped) = match Groups::find() {
            Ok(groups) => (Some(Arc::new(groups)), None),
            Err(why) => (None, Some(why)),
        };
        let folders = groups.as_ref().map(|groups| groups.folders()).unwrap_or_default();
        let nursery = Nursery::new(&agent, folders);
        let means = Means { nursery, spare: Spare::default(), groups };
        let (scratch, started) = (scratch.to_owned(), AtomicU32::new(0));
        let mode = Mode::Process;
        let mut engine = Engine { means, scratch, mode, refused: None, ungrouped, started };
        match engine.choose(choice).await {
            Ok(()) => Ok(engine),
            Err(error) => Err(error),
        }
    }

    /// Takes the first mode that works.
    async fn choose(&mut self, choice: Choice) -> Result<(), Error> {
        let candidates: &[Mode] = match (choice, geteuid().is_root()) {
            (Choice::Process, _) if landlock::version().is_some() => &[Mode::Confined],
            (Choice::Process, _) => &[Mode::Process],
            (Choice::Namespaces, true) => &[Mode::NamespacesByRoot, Mode::NamespacesByUser],
            (Choice::Namespaces, false) => &[Mode::NamespacesByUser],
            (Choice::Best, true) => {
                &[Mode::NamespacesByRoot, Mode::NamespacesByUser, Mode::Confined]
            }
            (Choice::Best, false) => &[Mode::NamespacesByUser, Mode::Confined],
        };
        let mut refusal = None;
        for mode in candidates {
            self.mode = *mode;
            match self.probe().await {
                Ok(()) => return Ok(()),
                // Root's own reason says more than that the other ways are closed, too.
                Err(error) => {
                    self.refused.get_or_insert_with(|| error.to_string());
                    refusal.get_or_insert(error);
                }
            }
        }
        refusal.map_or(Ok(()), Err)
    }

    /// Why a better kind of sandbox is not made here, if there is one.
    pub fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// What the kernel bounds by control groups; or why it does not, so that memory is polled and
    /// processor time not bounded.
    pub fn bounds(&self) -> Result<String, &str> {
        match (&self.means.groups, &self.ungrouped) {
            (Some(groups), _) => Ok(groups.describe()),
            (None, why) => Err(why.as_deref().unwrap_or("unknown")),
        }
    }

    /// The version of Landlock that this kernel speaks, if it does.
    pub fn landlock() -> Option<u32> {
        landlock::version()
    }

    /// The kind of sandbox this engine makes.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Prepares a place: tells where the planned paths and ports will be.
    pub fn place(&self, plan: Plan) -> Result<Place, Error> {
        let mut place = Place {
            mode: self.mode,
            plan,
            listeners: Vec::new(),
            tmp: None,
            run_as: None,
            kept: None,
        };
        if self.mode != Mode::NamespacesByUser && geteuid().is_root() {
            let count = self.started.fetch_add(1, Ordering::Relaxed);
            place.run_as = Some(RUN_AS_BASE + count % 1_000_000);
        }
        if !self.mode.is_namespaces() {
            if place.run_as.is_some() {
                place.plan.mounts.iter().try_for_each(|mount| check_open(&mount.source))?;
            }
            for port in &place.plan.ports {
                place.listeners.push((*port, network::listen(0)?));
            }
            let number = self.started.fetch_add(1, Ordering::Relaxed);
            let tmp = self.scratch.join(format!("sandbox-{}-{number}", std::process::id()));
            std::fs::create_dir_all(&tmp)?;
            if let Some(uid) = place.run_as {
                chown(&tmp, Some(Uid::from_raw(uid)), None).map_err(std::io::Error::from)?;
            }
            place.tmp = Some(tmp);
        }
        Ok(place)
    }

    /// Starts `program` in `place`; returns as soon as it runs.
    pub async fn launch(&self, place: Place, program: Program) -> Result<Sandbox, Error> {
        if !place.mode.is_namespaces() && place.run_as.is_some() {
            check_open(&program.program)?;
        }
        host::launch(&self.means, place, program).await
    }

    /// Whether this engine's sandboxes can be kept as snapshots; else the reason. The first question
    /// runs programs.
    pub fn snapshots(&self) -> Result<(), String> {
        match snapshot::support() {
            Support::None(why) => Err(why.clone()),
            Support::Criu { .. } if self.mode != Mode::NamespacesByRoot => {
                Err("memory is kept only of sandboxes that root makes".into())
            }
            Support::Criu { .. } => match &self.means.groups {
                Some(groups) if groups.has("pids") => Ok(()),
                _ => Err("memory is kept only where control groups bound processes".into()),
            },
        }
    }

    /// Writes a snapshot of a sandbox that was launched in a [`Place::kept`] place to an empty
    /// folder. Afterwards the sandbox is good for nothing but to be killed.
    pub async fn snapshot(
        &self,
        control: &Control,
        folder: &Folder,
        ends: Ends<'_>,
    ) -> Result<(), Error> {
        snapshot::dump(&self.means, control, folder, ends).await
    }

    /// Makes a sandbox of a snapshot, and the connections that were kept, in their order. `place`
    /// must be planned as the old one was; `program` tells the limits.
    pub async fn restore(
        &self,
        place: Place,
        program: Program,
        folder: &Folder,
    ) -> Result<(Sandbox, Vec<TcpStream>), Error> {
        snapshot::restore(&self.means, place, program, folder).await
    }

    async fn probe(&self) -> Result<(), Error> {
        let limits =
            Limits { memory_bytes: 1 << 28, tmp_size_bytes: 1 << 20, files: 64, processes: 64 };
        let place = self.place(Plan::default())?;
        let program = Program {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), "exit 0".into()],
            env: Vec::new(),
            cwd: place.path(Path::new("/tmp")),
            merge_output: false,
            message_output: None,
            held: false,
            limits,
        };
        let mut sandbox = self.launch(place, program).await?;
        sandbox.control.wait().await;
        Ok(())
    }
}

/// Without namespaces a program of a root host walks the host's paths as an unprivileged user.
fn check_open(path: &Path) -> Result<(), Error> {
    let closed = path.ancestors().skip(1).find(|folder| {
        std::fs::metadata(folder).is_ok_and(|facts| facts.permissions().mode() & 0o001 == 0)
    });
    let Some(closed) = closed else { return Ok(()) };
    Err(Error::Setup {
        step: format!("show {}", path.display()),
        reason: format!(
            "in the process mode root's programs run as an unprivileged user, and {} is closed to \
             others",
            closed.display()
        ),
    })
}

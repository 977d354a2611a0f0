//! Which kind of sandbox this machine allows, and starting one.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Uid, chown, geteuid};

use crate::Error;
use crate::host::{self, Sandbox};
use crate::network;
use crate::spec::{Limits, Place, Plan, Program};

/// The first of the user ids that sandboxes of a root host run as; no system hands these out.
const RUN_AS_BASE: u32 = 1_000_000_000;

/// What the operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
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
    /// No namespaces: the program shares the host's files and network.
    Process,
}

impl Mode {
    /// Whether programs have their own files, processes and network.
    pub fn is_namespaces(self) -> bool {
        self != Mode::Process
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::NamespacesByRoot => "namespaces (started by root, running as nobody)",
            Mode::NamespacesByUser => "namespaces (without root)",
            Mode::Process => "process (chosen: shares the host's files and network)",
        })
    }
}

/// Starts sandboxes of one kind.
#[derive(Debug)]
pub struct Engine {
    agent: PathBuf,
    scratch: PathBuf,
    mode: Mode,
    started: AtomicU32,
}

impl Engine {
    /// Finds out what works by running an empty sandbox.
    ///
    /// `agent` is the binary whose `main` calls [`crate::agent_main`], by default this one.
    /// `scratch` takes the private `/tmp` directories of the process mode.
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
        let make = |mode| {
            let (agent, scratch) = (agent.clone(), scratch.to_owned());
            Engine { agent, scratch, mode, started: AtomicU32::new(0) }
        };
        if choice == Choice::Process {
            return Ok(make(Mode::Process));
        }
        let mut refusal = None;
        if geteuid().is_root() {
            let by_root = make(Mode::NamespacesByRoot);
            match by_root.probe().await {
                Ok(()) => return Ok(by_root),
                Err(error) => refusal = Some(error),
            }
        }
        let by_user = make(Mode::NamespacesByUser);
        // Root's own reason says more than that the second way is closed, too.
        by_user.probe().await.map(|()| by_user).map_err(|error| refusal.unwrap_or(error))
    }

    /// The kind of sandbox this engine makes.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Prepares a place: tells where the planned paths and ports will be.
    pub fn place(&self, plan: Plan) -> Result<Place, Error> {
        let mut place =
            Place { mode: self.mode, plan, listeners: Vec::new(), tmp: None, run_as: None };
        if self.mode != Mode::NamespacesByUser && geteuid().is_root() {
            let count = self.started.fetch_add(1, Ordering::Relaxed);
            place.run_as = Some(RUN_AS_BASE + count % 1_000_000);
        }
        if self.mode == Mode::Process {
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
        if place.mode == Mode::Process && place.run_as.is_some() {
            check_open(&program.program)?;
        }
        host::launch(&self.agent, place, program).await
    }

    async fn probe(&self) -> Result<(), Error> {
        let limits =
            Limits { memory_bytes: 1 << 28, tmp_size_bytes: 1 << 20, files: 64, processes: 64 };
        let program = Program {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), "exit 0".into()],
            env: Vec::new(),
            cwd: "/tmp".into(),
            merge_output: false,
            message_output: None,
            held: false,
            limits,
        };
        let mut sandbox = self.launch(self.place(Plan::default())?, program).await?;
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

//! What runs, where, and within which limits.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::engine::Mode;

/// A read-only directory or file of the host, shown inside the sandbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mount {
    /// The path on the host. It must exist.
    pub source: PathBuf,
    /// The absolute path inside.
    pub target: PathBuf,
}

/// What a sandbox looks like from inside, before a program is chosen.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// A folder that is the read-only root in place of the host's programs and libraries. It has
    /// the folders `dev`, `etc`, `proc` and `tmp` and the files `etc/hosts` and `etc/resolv.conf`,
    /// which are mounted over. Only in namespaces.
    pub root: Option<PathBuf>,
    /// Read-only mounts besides the system's own directories.
    pub mounts: Vec<Mount>,
    /// Symbolic links: path inside, and what it points to.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// TCP ports on 127.0.0.1 inside the sandbox whose connections the host accepts.
    pub ports: Vec<u16>,
    /// Whether programs ask the host what names stand for: it answers DNS on 127.0.0.1:53 inside
    /// (see [`crate::Sandbox::names`]). Only in namespaces; otherwise only `localhost` has a name.
    pub names: bool,
}

/// Resource limits of one sandbox.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Anonymous and shared memory of all processes together; more than this kills the program.
    ///
    /// The agent polls every 20 ms while the sandbox is active and every second while it is idle,
    /// so a program can exceed this for about that long.
    pub memory_bytes: u64,
    /// Size of `/tmp`.
    pub tmp_size_bytes: u64,
    /// Open files of each process.
    pub files: u64,
    /// Processes and threads.
    pub processes: u64,
}

/// The program to run.
#[derive(Clone, Serialize, Deserialize)]
pub struct Program {
    /// Absolute path inside the sandbox.
    pub program: PathBuf,
    /// Arguments after the program's name.
    pub args: Vec<String>,
    /// The complete environment.
    pub env: Vec<(String, String)>,
    /// Working directory inside the sandbox.
    pub cwd: PathBuf,
    /// Whether standard error goes where standard output goes, so that lines keep their order.
    pub merge_output: bool,
    /// With `merge_output`: under which descriptor number the program finds the pipe that then
    /// is free, for messages that are no lines. The host reads it as standard error.
    pub message_output: Option<i32>,
    /// Whether it waits for [`crate::Control::begin`], so that companions can be started first.
    #[serde(default)]
    pub held: bool,
    /// Limits.
    pub limits: Limits,
}

/// Environment values may be secrets, so they are never printed.
impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Program")
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &names)
            .field("cwd", &self.cwd)
            .field("limits", &self.limits)
            .finish()
    }
}

/// A place to run in: where the planned paths and ports really are.
///
/// In the namespaces mode they are what the plan says. In the process mode a mount is its source,
/// `/tmp` is a directory of its own, and ports are chosen by the system.
#[derive(Debug)]
pub struct Place {
    pub(crate) mode: Mode,
    pub(crate) plan: Plan,
    pub(crate) listeners: Vec<(u16, TcpListener)>,
    pub(crate) tmp: Option<PathBuf>,
    pub(crate) run_as: Option<u32>,
    pub(crate) kept: Option<Kept>,
}

/// Where a sandbox stands whose memory is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kept {
    /// The program begins here.
    First,
    /// It comes from a snapshot.
    Restored,
}

impl Place {
    /// Its program's memory will be kept (see [`crate::Engine::snapshot`]).
    pub fn kept(mut self) -> Place {
        self.kept = Some(Kept::First);
        self
    }

    /// The path a program sees for `target`, which is a planned path or one below it.
    pub fn path(&self, target: &Path) -> PathBuf {
        if self.mode.is_namespaces() {
            return target.to_owned();
        }
        if let (Some(tmp), Ok(rest)) = (&self.tmp, target.strip_prefix("/tmp")) {
            return if rest.as_os_str().is_empty() { tmp.clone() } else { tmp.join(rest) };
        }
        let mounts = self.plan.mounts.iter();
        let found = mounts.filter_map(|mount| {
            let rest = target.strip_prefix(&mount.target).ok()?;
            Some(if rest.as_os_str().is_empty() {
                mount.source.clone()
            } else {
                mount.source.join(rest)
            })
        });
        // The longest source wins: nested mounts name the inner one.
        found.max_by_key(|path| path.as_os_str().len()).unwrap_or_else(|| target.to_owned())
    }

    pub(crate) fn has_names(&self) -> bool {
        self.plan.names && self.mode.is_namespaces()
    }

    /// Whether it is in namespaces: with a root, a network and names of its own.
    pub fn is_namespaces(&self) -> bool {
        self.mode.is_namespaces()
    }

    /// The port a program connects to for the planned `port`.
    pub fn port(&self, port: u16) -> u16 {
        let listener = self.listeners.iter().find(|(planned, _)| *planned == port);
        listener.and_then(|(_, l)| l.local_addr().ok()).map_or(port, |address| address.port())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(tmp) = &self.tmp {
            // A leftover is only disk space, and there is nobody to tell.
            let _ = std::fs::remove_dir_all(tmp);
        }
    }
}

/// Everything the agent must know, sent as one message.
#[derive(Serialize, Deserialize)]
pub(crate) struct Orders {
    /// The outer user and group id to run as, where the host process is root.
    pub run_as: Option<u32>,
    /// Whether the agent is in namespaces, or the program only bounded where it is.
    pub namespaces: bool,
    /// Whether the program's memory is kept.
    pub kept: Option<Kept>,
    /// Landlock's rules, where there are no namespaces.
    pub confinement: Option<Confinement>,
    pub root: Option<PathBuf>,
    pub mounts: Vec<Mount>,
    pub links: Vec<(PathBuf, PathBuf)>,
    pub files: BTreeMap<PathBuf, String>,
    pub ports: Vec<u16>,
    pub names: bool,
    pub program: Program,
}

/// What a program without namespaces may touch. Paths that do not exist are left out.
#[derive(Serialize, Deserialize)]
pub(crate) struct Confinement {
    pub read: Vec<PathBuf>,
    pub devices: Vec<PathBuf>,
    pub write: Vec<PathBuf>,
    /// The TCP ports it may connect to.
    pub ports: Vec<u16>,
}

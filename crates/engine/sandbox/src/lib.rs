//! Runs one program in a sandbox of namespaces, without root where the kernel allows it.
//!
//! A sandbox is one process of ours and the program:
//!
//! ```text
//! host process ──(socket)── nursery ──(clone)── agent = PID 1 ── program
//!      └───────────────(control socket)───────────┘
//! ```
//!
//! The *nursery* is this very binary, re-executed once: small and with one thread, so that a new
//! sandbox is a clone into new namespaces and nothing more. `main` must call [`agent_main`] first.
//! The *agent*, PID 1 inside, builds the read-only root, opens the listening sockets, gives up
//! every right, starts the program, reaps orphans and watches memory. When the host ends, even by
//! SIGKILL, the nursery ends, and with it every agent and all its processes.
//!
//! The listening sockets belong to the sandbox's own network namespace, but the *host* process
//! accepts on them: the agent passes them over the control socket once. So every sandbox has the
//! same addresses (`127.0.0.1:PORT`), nothing is copied twice, and no packet can leave.
//!
//! What bounds a program: its namespaces (pid, mount, net, ipc, uts, user), a root on which only
//! `/tmp` (of a given size) can be written, no capability, `no_new_privs`, a seccomp filter,
//! resource limits, and the memory watch (see [`Limits::memory_bytes`]). Where control groups can
//! be made (by root, or in a delegated group), the kernel bounds memory together with `/tmp`, the
//! number of processes and, if asked, processor time. Where namespaces are forbidden, Landlock.

mod agent;
mod cgroup;
mod channel;
mod engine;
mod filter;
mod host;
mod memory;
mod network;
mod nursery;
mod root;
pub mod snapshot;
mod spare;
mod spec;
mod sys;
mod visit;
mod watch;

pub use agent::agent_main;
pub use channel::{Exit, Memory};
pub use engine::{Choice, Engine, Mode};
pub use host::{Activity, Control, Event, Pipe, Sandbox};
pub use spec::{Limits, Mount, Place, Plan, Program};

/// Why a sandbox could not be made or driven.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel, or whoever configured it, does not allow the namespaces a sandbox needs.
    #[error(
        "this machine does not allow sandboxes ({step}: {reason}); {hint}, \
         or choose the `process` mode, which isolates much less"
    )]
    Forbidden {
        /// The step that was refused.
        step: String,
        /// The system's reason.
        reason: String,
        /// What to enable.
        hint: String,
    },
    /// A step of the set-up failed.
    #[error("cannot set up the sandbox ({step}): {reason}")]
    Setup {
        /// The step, with the path or name it concerns.
        step: String,
        /// The system's reason.
        reason: String,
    },
    /// The program itself could not be started.
    #[error("cannot start {program}: {reason}")]
    Program {
        /// The program's path inside the sandbox.
        program: String,
        /// The system's reason.
        reason: String,
    },
    /// The agent ended or answered something unexpected.
    #[error("the sandbox's agent failed: {0}")]
    Agent(String),
    /// An input/output error on the host's side.
    #[error("sandbox input/output: {0}")]
    Io(#[from] std::io::Error),
}

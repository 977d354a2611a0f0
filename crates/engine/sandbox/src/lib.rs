//! Runs one program in a sandbox of namespaces, without root where the kernel allows it.
//!
//! A sandbox is two of our own processes and the program:
//!
//! ```text
//! host process ──(control socket = the agent's standard input)── outer ── agent = PID 1 ── program
//! ```
//!
//! *Outer* makes the namespaces and waits; the *agent* is PID 1 inside: it builds the read-only
//! root, opens the listening sockets, gives up every right, starts the program, reaps orphans and
//! watches memory. Both are this very binary, re-executed: `main` must call [`agent_main`] first.
//!
//! The listening sockets belong to the sandbox's own network namespace, but the *host* process
//! accepts on them: the agent passes them over the control socket once. So every sandbox has the
//! same addresses (`127.0.0.1:PORT`), nothing is copied twice, and no packet can leave.
//!
//! What bounds a program: its namespaces (pid, mount, net, ipc, uts, user), a root on which only
//! `/tmp` (of a given size) can be written, no capability, `no_new_privs`, a seccomp filter,
//! resource limits, and the memory watch. **Memory is polled** (see [`Limits::memory_bytes`]);
//! control groups are not used yet, so CPU time is not shared out.

mod agent;
mod channel;
mod engine;
mod filter;
mod host;
mod memory;
mod network;
mod root;
mod spec;
mod sys;
mod watch;

pub use agent::agent_main;
pub use channel::{Exit, Memory};
pub use engine::{Choice, Engine, Mode};
pub use host::{Activity, Control, Event, Sandbox};
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

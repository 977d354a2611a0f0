//! A cloud of the demo's own: this very program as a child, with a data directory that goes away.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kernel::{Clock, OsRandom, Random, SystemClock};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;
use crate::client::Cloud;

/// A running cloud; stops, and forgets everything, when dropped.
pub struct Server {
    child: Child,
    folder: PathBuf,
    /// Its address.
    pub endpoint: String,
    /// From the start of the process to the first answer.
    pub started: Duration,
}

impl Server {
    /// Starts a cloud on a free port and asks it something.
    pub fn start(region: &str) -> Result<(Server, Cloud), Failure> {
        outlive_interrupts()?;
        let clock = SystemClock::default();
        let random: &dyn Random = &OsRandom;
        let folder = env::temp_dir().join(format!("gureum-demo-{}", random.hex(8)));
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let mut command = Command::new(env::current_exe()?);
        // The demo's cloud is the same whatever the user's own is.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("GUREUM_") {
                command.env_remove(name);
            }
        }
        command
            .args(["up", "--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.join("data"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let child = child.inspect_err(|_| drop(fs::remove_dir_all(&folder)))?;
        let mut server =
            Server { child, folder, endpoint: String::new(), started: Duration::default() };
        let mut line = String::new();
        if let Some(output) = server.child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let endpoint = said["endpoint"].as_str();
        let endpoint = endpoint.ok_or_else(|| Failure("the cloud did not come up".into()))?;
        server.endpoint = endpoint.to_owned();
        let cloud = Cloud::new(&server.endpoint, region)?;
        cloud.call("dynamodb", "ListTables", &serde_json::json!({}))?;
        server.started = clock.elapsed();
        Ok((server, cloud))
    }

    /// Waits until the cloud ends: Ctrl-C reaches it, too.
    pub fn wait(&mut self) -> Result<(), Failure> {
        self.child.wait()?;
        Ok(())
    }
}

/// From now on Ctrl-C ends the child alone, which is in the same process group; then the next step
/// fails or the wait ends, and this process cleans up after it.
fn outlive_interrupts() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    // What is installed stays installed, whoever drops the stream of signals.
    drop(signal(SignalKind::interrupt())?);
    Ok(())
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait()
            && let Ok(pid) = i32::try_from(self.child.id())
        {
            // A child that is gone already needs no signal; it is reaped below.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.child.wait();
        // Nobody is left to tell that a temporary folder stays.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

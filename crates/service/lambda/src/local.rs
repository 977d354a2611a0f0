//! What a tool on the developer's own machine adds: code in folders, lines as they come, a debugger.
//!
//! A cloud has none of this: `Options::local` is `None` there, and then no request reaches any of it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

/// Takes a function's name and one line that it, or the service about it, has logged.
pub type Lines = Arc<dyn Fn(&str, &str) + Send + Sync>;
/// Takes a function's name and the way to the ports of a sandbox that was just started for it.
pub type Dialers = Arc<dyn Fn(&str, Dialer) + Send + Sync>;

/// The way to the ports of one sandbox.
#[derive(Clone, Debug)]
pub struct Dialer {
    pub(crate) asks: mpsc::Sender<Dial>,
}

/// A port that somebody wants to be connected to, and where the connection goes.
pub(crate) type Dial = (u16, oneshot::Sender<io::Result<TcpStream>>);

impl Dialer {
    /// Connects to 127.0.0.1 inside. `BrokenPipe` when the sandbox has ended or does something
    /// else just now.
    pub async fn dial(&self, port: u16) -> io::Result<TcpStream> {
        let (answer, connected) = oneshot::channel();
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        self.asks.send((port, answer)).await.map_err(|_| gone())?;
        let stream = connected.await.map_err(|_| gone())??;
        stream.writable().await?;
        match stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }
}

/// The key that functions sign with, in place of one of their role.
#[derive(Clone)]
pub struct Key {
    /// `AWS_ACCESS_KEY_ID`.
    pub id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret: String,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<String>,
}

/// Secrets are never printed.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// A function's code where its developer has it.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    /// Becomes `/var/task`.
    pub task: PathBuf,
    /// Becomes `/opt`.
    pub layers: Option<PathBuf>,
}

/// How one function is debugged.
#[derive(Clone, Debug, Default)]
pub struct Debugger {
    /// Go before the interpreter's own arguments.
    pub args: Vec<String>,
    /// A folder or file of this machine, and its name in `/var/debugger`, where Python finds modules.
    pub mounted: Option<(PathBuf, String)>,
}

/// Where debuggers are, as seen inside.
pub const DEBUGGER_FOLDER: &str = "/var/debugger";

/// What a local tool adds.
#[derive(Default)]
pub struct Local {
    folders: Mutex<BTreeMap<String, Folder>>,
    /// The key of all functions; without it they get one of their role.
    pub key: Option<Key>,
    /// Hears all lines.
    pub lines: Option<Lines>,
    /// Hears of all sandboxes. Whoever listens debugs: initialisation and invocations then have
    /// all the time there is.
    pub dialers: Option<Dialers>,
    /// Whether functions reach the rest of the network, through a proxy.
    pub outside: bool,
    /// The functions that are debugged, by name.
    pub debuggers: BTreeMap<String, Debugger>,
}

impl Local {
    /// Makes a folder known as code, with the folder of its layers. `state` tells what is in them
    /// now: another state is other code, and gets new sandboxes. The answer is what CreateFunction
    /// and UpdateFunctionCode take as `ZipFile` for it.
    pub fn folder(&self, task: &Path, layers: Option<&Path>, state: &str) -> Bytes {
        let known = format!("{}\0{layers:?}\0{state}", task.display());
        let id: String = Sha256::digest(known).iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = Folder { task: task.to_owned(), layers: layers.map(Path::to_owned) };
        self.lock().insert(id.clone(), folder);
        id.into()
    }

    /// The id of the folder that a package stands for.
    pub(crate) fn id(&self, package: &[u8]) -> Option<String> {
        let id = std::str::from_utf8(package).ok()?;
        self.lock().contains_key(id).then(|| id.to_owned())
    }

    /// A folder by its id.
    pub(crate) fn find(&self, id: &str) -> Option<Folder> {
        self.lock().get(id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Folder>> {
        self.folders.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_folders_are_code() {
        let local = Local::default();
        let one = local.folder(Path::new("/code"), None, "1");
        assert_eq!(one, local.folder(Path::new("/code"), None, "1"));
        assert_ne!(one, local.folder(Path::new("/code"), None, "2"));
        let id = local.id(&one).expect("it is known");
        assert_eq!(local.find(&id).expect("it is known").task, Path::new("/code"));
        assert!(local.id(b"PK\x03\x04").is_none() && local.id(b"0000").is_none());
    }
}

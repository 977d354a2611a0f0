//! Debuggers: each function that is debugged has a port of this machine, which leads to the sandbox
//! that runs it now.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kernel::Kernel;
use service_lambda::{DEBUGGER_FOLDER, Debugger, Dialer, Dialers};
use template::sam::Code;
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;
use crate::build::tools;
use crate::local::args::Debug;
use crate::local::project::{Placed, words};

/// A sandbox that just started opens its port a little later, on a loaded machine much later.
const TRIES: u32 = 1200;
const PAUSE: Duration = Duration::from_millis(100);
/// Where `sam` shows the folder of `--debugger-path`; arguments are written for it.
const OF_SAM: &str = "/tmp/lambci_debug_files";
/// More debuggers than anybody has.
const PORTS_MAX: usize = 100;

/// Which functions are debugged, and how.
pub struct Debugging {
    /// By their names in Lambda.
    pub debuggers: BTreeMap<String, Debugger>,
    /// Ports of this machine, by name.
    pub ports: BTreeMap<String, u16>,
}

/// The newest sandbox of each function.
type Newest = Arc<Mutex<BTreeMap<String, Dialer>>>;

/// Gives every function that is debugged a port: those of the command line in order, then the
/// numbers after the last. `only` is the function that is invoked, where it is one.
pub fn plan(debug: &Debug, placed: &[Placed], only: Option<&Placed>) -> Result<Debugging, Failure> {
    let mut found = Debugging { debuggers: BTreeMap::new(), ports: BTreeMap::new() };
    let Some(last) = debug.debug_port.last() else { return Ok(found) };
    let chosen = placed.iter().filter(|one| match (&debug.debug_function, only) {
        (Some(name), _) => {
            *name == one.path || *name == one.function.id || *name == one.function.name
        }
        (None, Some(only)) => only.path == one.path,
        (None, None) => true,
    });
    let chosen: Vec<&Placed> = chosen.take(PORTS_MAX).collect();
    for (place, one) in chosen.iter().enumerate() {
        let further = u16::try_from(place + 1 - debug.debug_port.len().min(place + 1)).ok();
        let port = debug.debug_port.get(place).copied();
        let port = port.or_else(|| last.checked_add(further?)).ok_or_else(|| {
            Failure("--debug-port: there are not enough ports after it for all functions".into())
        })?;
        let name = one.path.replace('/', "-");
        match debugger(debug, one, port) {
            Ok(debugger) => found.debuggers.insert(name.clone(), debugger),
            Err(failure) if chosen.len() == 1 => return Err(failure),
            // The others can be debugged all the same.
            Err(Failure(why)) => {
                eprintln!("{why}");
                continue;
            }
        };
        found.ports.insert(name, port);
    }
    match (&debug.debug_function, found.ports.is_empty()) {
        (Some(name), true) => {
            Err(Failure(format!("--debug-function: there is no function {name}")))
        }
        _ => Ok(found),
    }
}

/// What makes a runtime listen for its debugger, and wait for it.
fn debugger(debug: &Debug, placed: &Placed, port: u16) -> Result<Debugger, Failure> {
    let given: Vec<String> = debug
        .debug_args
        .iter()
        .flat_map(|text| words(&text.replace(OF_SAM, DEBUGGER_FOLDER)))
        .collect();
    let folder = debug.debugger_path.as_ref().map(|path| {
        path.canonicalize()
            .map_err(|e| Failure::of(format!("--debugger-path {}", path.display()), e))
    });
    let mounted = folder.transpose()?.map(|path| (path, String::new()));
    let runtime = &placed.function.runtime;
    let mut args = Vec::new();
    if runtime.starts_with("nodejs") {
        args.push(format!("--inspect-brk=127.0.0.1:{port}"));
    } else if runtime.starts_with("java") {
        let agent = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=y,quiet=y";
        args.push(format!("{agent},address=127.0.0.1:{port}"));
    } else if runtime.starts_with("python") && given.is_empty() {
        return python(placed, port, mounted);
    }
    args.extend(given);
    Ok(Debugger { args, mounted })
}

/// Python listens by debugpy: the function's own, that of `--debugger-path`, or this machine's. A
/// function whose sources name it opens the port itself, as debugpy's manual says.
fn python(
    placed: &Placed,
    port: u16,
    mounted: Option<(PathBuf, String)>,
) -> Result<Debugger, Failure> {
    let folder = match &placed.function.code {
        Code::Path(path) => Some(placed.base.join(path)).filter(|path| path.is_dir()),
        _ => None,
    };
    if mounted.is_none() && folder.as_deref().is_some_and(names_debugpy) {
        eprintln!("{}: its sources open the debugger's port; it must be {port}.", placed.path);
        return Ok(Debugger::default());
    }
    let has = |folder: &Path| folder.join("debugpy").is_dir();
    let mounted = match mounted {
        Some(given) if has(&given.0) => Some(given),
        Some((given, _)) => {
            let why = "there is no debugpy in it: pip install --target THAT_FOLDER debugpy";
            return Err(Failure::of(given.display(), why));
        }
        None if folder.as_deref().is_some_and(has) => None,
        None => Some((installed().ok_or_else(|| missing(placed))?, "debugpy".to_owned())),
    };
    let listen = format!("127.0.0.1:{port}");
    let args = ["-Xfrozen_modules=off", "-m", "debugpy", "--listen", &listen, "--wait-for-client"];
    Ok(Debugger { args: args.map(str::to_owned).to_vec(), mounted })
}

fn missing(placed: &Placed) -> Failure {
    Failure(format!(
        "{}: Python's debugger is missing: pip install debugpy, or pip install --target FOLDER \
         debugpy and --debugger-path FOLDER",
        placed.path
    ))
}

/// The debugpy of the Python in PATH.
fn installed() -> Option<PathBuf> {
    let python = tools::find("python3")?;
    let code = "import debugpy, os; print(os.path.dirname(debugpy.__file__))";
    let found = Command::new(python).args(["-c", code]).output().ok()?;
    let path = PathBuf::from(String::from_utf8(found.stdout).ok()?.trim());
    path.is_dir().then_some(path)
}

/// Whether a source at the top of the folder names debugpy.
fn names_debugpy(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        path.extension().is_some_and(|kind| kind == "py")
            && std::fs::read_to_string(&path).is_ok_and(|text| text.contains("debugpy.listen"))
    })
}

/// Listens on the ports; every connection goes to the newest sandbox of the port's function.
pub fn relay(kernel: &Kernel, ports: &BTreeMap<String, u16>) -> Result<Option<Dialers>, Failure> {
    if ports.is_empty() {
        return Ok(None);
    }
    let newest = Newest::default();
    for (name, port) in ports {
        let why = |e| Failure::of(format!("--debug-port {port}"), e);
        let listener = std::net::TcpListener::bind(("127.0.0.1", *port)).map_err(why)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        kernel.spawn(listen(kernel.clone(), listener, newest.clone(), name.clone(), *port));
        eprintln!("The debugger of {name} attaches to 127.0.0.1:{port}.");
    }
    Ok(Some(Arc::new(move |name, dialer| {
        if let Ok(mut newest) = newest.lock() {
            newest.insert(name.to_owned(), dialer);
        }
    })))
}

async fn listen(kernel: Kernel, listener: TcpListener, newest: Newest, name: String, port: u16) {
    let stopping = kernel.stopping();
    tokio::pin!(stopping);
    loop {
        let accepted = tokio::select! {
            () = &mut stopping => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((outside, _)) = accepted else { continue };
        let ended = kernel.stopping();
        let relayed = connect(kernel.clone(), outside, newest.clone(), name.clone(), port);
        kernel.spawn(async move {
            tokio::select! {
                () = relayed => {}
                () = ended => {}
            }
        });
    }
}

async fn connect(kernel: Kernel, mut outside: TcpStream, newest: Newest, name: String, port: u16) {
    for _ in 0..TRIES {
        let dialer = newest.lock().map_or(None, |found| found.get(&name).cloned());
        if let Some(dialer) = dialer
            && let Ok(mut inside) = dialer.dial(port).await
        {
            // Either side may close; the debugger sees it.
            let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            return;
        }
        kernel.clock().sleep(PAUSE).await;
    }
}

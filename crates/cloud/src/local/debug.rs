//! Debuggers: a port of this machine leads to the sandbox that runs now.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kernel::Kernel;
use service_lambda::{Dialer, Dialers};
use tokio::net::TcpListener;

use crate::Failure;

/// A sandbox that just started opens its port a little later.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// Listens on the port; every connection goes to the newest sandbox.
pub fn relay(kernel: &Kernel, port: u16) -> Result<Dialers, Failure> {
    let newest: Arc<Mutex<Option<Dialer>>> = Arc::default();
    let listener = std::net::TcpListener::bind(("127.0.0.1", port))
        .map_err(|e| Failure::of(format!("--debug-port {port}"), e))?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let (shared, tasks) = (newest.clone(), kernel.clone());
    kernel.spawn(async move {
        let stopping = tasks.stopping();
        tokio::pin!(stopping);
        loop {
            let accepted = tokio::select! {
                () = &mut stopping => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((mut outside, _)) = accepted else { continue };
            let (newest, clock) = (shared.clone(), tasks.clone());
            let ended = tasks.stopping();
            tasks.spawn(async move {
                let relayed = async {
                    for _ in 0..TRIES {
                        let dialer = newest.lock().map_or(None, |found| found.clone());
                        if let Some(dialer) = dialer
                            && let Ok(mut inside) = dialer.dial(port).await
                        {
                            // Either side may close; the debugger sees it.
                            let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                            return;
                        }
                        clock.clock().sleep(PAUSE).await;
                    }
                };
                tokio::select! {
                    () = relayed => {}
                    () = ended => {}
                }
            });
        }
    });
    Ok(Arc::new(move |_, dialer| {
        if let Ok(mut newest) = newest.lock() {
            *newest = Some(dialer);
        }
    }))
}

/// The variables that make a runtime wait for its debugger. A Python function opens its own port
/// with debugpy, as its manual says.
pub fn variables(runtime: &str, port: u16, variables: &mut BTreeMap<String, String>) {
    let (name, value) = if runtime.starts_with("nodejs") {
        ("NODE_OPTIONS", format!("--inspect-brk=127.0.0.1:{port}"))
    } else if runtime.starts_with("java") {
        let agent = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=y,quiet=y";
        ("JAVA_TOOL_OPTIONS", format!("{agent},address=127.0.0.1:{port}"))
    } else {
        return;
    };
    let value = match variables.get(name) {
        Some(own) => format!("{own} {value}"),
        None => value,
    };
    variables.insert(name.to_owned(), value);
}

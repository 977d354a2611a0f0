//! The connections that a sandbox's programs make to its ports.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::Ctx;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::environment::ENDPOINT_PORT;
use crate::host::Host;
use crate::names;
use crate::outside::{self, PROXY_PORT};
use crate::runtime_api::{self, Call};
use crate::standin::{PLAIN_PORT, SECURE_PORT};

/// Connections of one sandbox that are served at a time.
const CONNECTIONS_MAX: usize = 256;
/// Where accepting fails, for want of descriptors say, it is tried again after this.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(30);

/// Serves the ports of one sandbox until it is dropped.
pub(crate) struct Ports {
    calls: mpsc::Sender<Call>,
    ends: Option<Arc<Ends>>,
    open: watch::Sender<()>,
}

/// Our ends of all connections, by number: only of a sandbox whose memory is to be kept.
#[derive(Default)]
struct Ends(Mutex<(u64, HashMap<u64, OwnedFd>)>);

impl Ports {
    /// Serves them from now on; with `keeps`, [`Ports::ends`] knows our ends.
    pub fn open(
        host: &Arc<Host>,
        ctx: &Ctx,
        (listeners, names): (Vec<(u16, TcpListener)>, Option<UdpSocket>),
        calls: mpsc::Sender<Call>,
        keeps: bool,
    ) -> Ports {
        let ends = keeps.then(Arc::<Ends>::default);
        let ports = Ports { calls, ends, open: watch::Sender::new(()) };
        for (port, listener) in listeners {
            let (calls, ends) = (ports.calls.clone(), ports.ends.clone());
            let served = Served { host: host.clone(), calls, ends };
            ports.spawn(ctx, serve_port(served, ctx.clone(), port, listener));
        }
        if let Some(socket) = names {
            let own = ctx.clone();
            ports.spawn(ctx, async move { names::serve(&own, socket).await });
        }
        ports
    }

    /// Does something for as long as the ports are open.
    fn spawn(&self, ctx: &Ctx, work: impl Future<Output = ()> + Send + 'static) {
        let mut closed = self.open.subscribe();
        ctx.kernel().spawn(async move {
            tokio::select! {
                () = work => {}
                // Nothing is ever sent: an error means that the sender was dropped.
                _ = closed.changed() => {}
            }
        });
    }

    /// Answers what a copy's runtime asked before the snapshot, and goes on with its connection.
    pub fn go_on(&self, ctx: &Ctx, stream: TcpStream) {
        self.spawn(ctx, runtime_api::go_on(stream, self.calls.clone()));
    }

    /// Whether the sandbox is one whose memory is to be kept.
    pub fn keeps(&self) -> bool {
        self.ends.is_some()
    }

    /// Our end of the connection with that number, and those of all others.
    pub fn ends(&self, number: u64) -> Option<(OwnedFd, Vec<OwnedFd>)> {
        let mut all = self.ends.as_ref()?.lock();
        let kept = all.1.remove(&number)?;
        Some((kept, all.1.drain().map(|(_, end)| end).collect()))
    }
}

impl Ends {
    /// Notes our end: its number.
    fn note(&self, stream: &TcpStream) -> u64 {
        let mut all = self.lock();
        all.0 += 1;
        let number = all.0;
        // Without a second descriptor it cannot be kept, and whoever wants to finds that out.
        if let Ok(end) = stream.as_fd().try_clone_to_owned() {
            all.1.insert(number, end);
        }
        number
    }

    fn forget(&self, number: u64) {
        self.lock().1.remove(&number);
    }

    fn lock(&self) -> MutexGuard<'_, (u64, HashMap<u64, OwnedFd>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
struct Served {
    host: Arc<Host>,
    calls: mpsc::Sender<Call>,
    ends: Option<Arc<Ends>>,
}

/// Serves a port of the sandbox until the future is dropped.
async fn serve_port(served: Served, ctx: Ctx, port: u16, listener: TcpListener) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        // The semaphore is never closed.
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            ctx.sleep(AGAIN).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let (Served { host, calls, ends }, ctx) = (served.clone(), ctx.clone());
        let number = ends.as_ref().map(|ends| ends.note(&stream)).unwrap_or_default();
        // The set ends its connections when it is dropped, with the sandbox.
        connections.spawn(async move {
            let _permit = permit;
            match port {
                ENDPOINT_PORT | PLAIN_PORT => (host.options.endpoint)(Box::new(stream)).await,
                SECURE_PORT => {
                    // Listened on only where there is one.
                    if let Some(stand_in) = &host.options.stand_in {
                        (stand_in.secure)(Box::new(stream)).await;
                    }
                }
                PROXY_PORT => outside::serve(&host, &ctx, stream).await,
                _ => runtime_api::serve(stream, calls, number).await,
            }
            if let Some(ends) = ends {
                ends.forget(number);
            }
        });
    }
}

//! A sandbox at `restore/next`: it waits, its memory is kept, or it is a copy of one that was.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use kernel::Ctx;
use sandbox::Program;
use sandbox::snapshot::{Ends, Folder};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::errors;
use crate::host::Host;
use crate::layout;
use crate::outcome::NotReady;
use crate::record::FunctionRecord;
use crate::running::{Running, package_plan};
use crate::runtime_api::{self, Answer};
use crate::runtimes::Runtime;
use crate::snapshots::{Image, ROOM_BYTES};

/// Writing a snapshot takes half a second; a machine under load may need longer.
const KEEP_MAX: Duration = Duration::from_secs(120);
/// The same of making a copy.
const COPY_MAX: Duration = Duration::from_secs(30);

/// What the runtime's `restore/next` waits on.
pub(crate) enum Suspended {
    /// A request of this sandbox, on the connection with this number.
    Asked(oneshot::Sender<Answer>, u64),
    /// In a copy: the connection over which it was asked, before the snapshot.
    Copied(TcpStream),
}

impl Running {
    /// Keeps the runtime's `restore/next`, until the environment is restored.
    pub fn suspend(&mut self, restore: oneshot::Sender<Answer>, connection: u64) {
        self.restoring = Some(Suspended::Asked(restore, connection));
    }

    /// Whether the runtime, and the extensions, are ready for a snapshot.
    pub fn is_suspended(&self) -> bool {
        let asked = match &self.restoring {
            Some(Suspended::Asked(next, _)) => !next.is_closed(),
            Some(Suspended::Copied(_)) => true,
            None => false,
        };
        asked && self.extensions.are_ready()
    }

    /// Answers `restore/next`; false when the runtime has gone.
    pub fn resume(&mut self, ctx: &Ctx) -> bool {
        self.observe();
        match self.restoring.take() {
            Some(Suspended::Asked(next, _)) => next.send(runtime_api::restored()).is_ok(),
            Some(Suspended::Copied(stream)) => {
                self.ports.go_on(ctx, stream);
                true
            }
            None => false,
        }
    }

    /// Whether its memory can be kept: it was started for that, and no extension waits beside it.
    pub fn is_keepable(&self) -> bool {
        self.ports.keeps() && self.extensions.iter().next().is_none()
    }

    /// Writes the memory and `/tmp` of a suspended sandbox to a folder in memory. It is good for
    /// nothing afterwards but to be killed. The error is for people.
    pub async fn keep(&mut self, ctx: &Ctx) -> Result<Image, String> {
        let Some(Suspended::Asked(_, connection)) = &self.restoring else {
            return Err("the runtime does not wait".into());
        };
        let ends = self.ports.ends(*connection).ok_or("the runtime's connection has gone")?;
        let (kept, broken) = ends;
        let kept = [kept.as_fd()];
        let broken: Vec<_> = broken.iter().map(AsFd::as_fd).collect();
        // What is done to it is not its own work.
        let _ = self.control.limit_cpu(None);
        let limits = self.control.limits();
        let room_bytes = limits.memory_bytes + limits.tmp_size_bytes + ROOM_BYTES;
        let folder = Folder::new(room_bytes).map_err(|error| format!("no memory: {error}"))?;
        let engine = self.host.engine().await.map_err(|error| error.to_string())?;
        let ends = Ends { kept: &kept, broken: &broken };
        let written = tokio::select! {
            written = engine.snapshot(&self.control, &folder, ends) => written,
            () = ctx.sleep(KEEP_MAX) => return Err("it takes too long".into()),
        };
        written.map_err(|error| error.to_string())?;
        Ok(Image::new(folder, self.token.clone()))
    }

    /// Makes a sandbox of an image.
    pub async fn copy(
        host: &Arc<Host>,
        ctx: &Ctx,
        function: &Arc<FunctionRecord>,
        runtime: &Runtime,
        image: &Image,
    ) -> Result<Running, NotReady> {
        let failed = |why: String| NotReady::Fatal(errors::service(why));
        let engine = host.engine().await.map_err(|error| failed(error.to_string()))?;
        let plan = package_plan(host, function, runtime).await?;
        let place = engine.place(plan).map_err(|error| failed(error.to_string()))?;
        let program = Program { cwd: "/".into(), ..layout::program(function, &[]) };
        let copied = tokio::select! {
            copied = engine.restore(place, program, &image.folder) => copied,
            () = ctx.sleep(COPY_MAX) => return Err(failed("it takes too long".into())),
        };
        let (sandbox, connections) = copied.map_err(|error| failed(error.to_string()))?;
        let connection = connections.into_iter().next();
        let connection = connection.ok_or_else(|| failed("no connection was kept".into()))?;
        let made = Running::new(host, ctx, sandbox, function.clone(), false);
        let mut running = made.map_err(|error| failed(error.to_string()))?;
        running.token = image.token.clone();
        running.restoring = Some(Suspended::Copied(connection));
        Ok(running)
    }
}

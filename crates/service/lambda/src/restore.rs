//! The beginning of a sandbox of a version with SnapStart: made from its snapshot, then what the
//! function wants to run after a restore.

use std::time::Duration;

use crate::errors::{restore_failed, restore_timed_out};
use crate::held::Key;
use crate::instance::{Instance, stopped};
use crate::journal::Journal;
use crate::outcome::{Ended, NotReady};
use crate::platform::Platform;
use crate::pool::Job;
use crate::record::FunctionRecord;
use crate::running::{Happened, Running, out_of_turn};
use crate::runtime_api::{Kind, accepted};
use crate::runtimes::Runtime;
use crate::snapstart;

/// AWS's limit for loading the runtime and running hooks after a restore.
const HOOKS_MAX: Duration = Duration::from_secs(10);
/// AWS's least limit for initialisation ahead of a snapshot; the function's timeout may be longer.
const INIT_MAX: Duration = Duration::from_secs(130);

impl Instance {
    /// Restores a sandbox and serves the job.
    pub async fn first_restored(&mut self, job: Job) -> Option<Running> {
        let begun = self.ctx.elapsed();
        let runtime = match Runtime::find(&self.host.options.runtimes, &self.function.runtime) {
            Ok(runtime) => runtime,
            Err(message) => {
                let r#type = Some("User".into());
                let error = api_lambda::InvalidRuntimeException { message: Some(message), r#type };
                job.refuse(error.into());
                return None;
            }
        };
        let waiting = self.waiting().await;
        self.tell_restore(&runtime).await;
        let failed = match self.restored(waiting, &runtime).await {
            Ok((mut running, hooks)) => match self.after_restore(&mut running, hooks).await {
                Ok(billed) => {
                    let duration = self.ctx.elapsed() - begun;
                    self.restore = Some((duration, billed));
                    self.restore_report(duration, None).await;
                    self.pool.ready(&self.member);
                    return self.serve(&mut running, job).await.then_some(running);
                }
                Err(ended) => {
                    self.restore_report(self.ctx.elapsed() - begun, Some(&ended)).await;
                    self.end(&mut running, &ended).await;
                    NotReady::Init(ended)
                }
            },
            Err(failed) => failed,
        };
        job.refuse(match failed {
            NotReady::Fatal(error) => error,
            NotReady::Init(Ended::TimedOut) => restore_timed_out(),
            NotReady::Init(Ended::Stopped) => stopped(),
            NotReady::Init(ended) => restore_failed(ended.error_type()),
        });
        None
    }

    /// Takes over a sandbox that waits, with its journal, which goes on in our stream.
    async fn waiting(&mut self) -> Option<Running> {
        let key = self.key();
        let (running, journal) = self.host.held.take(&key, &self.function.revision).await?;
        let ours: Journal = std::mem::replace(&mut self.journal, journal);
        self.journal.move_to(ours);
        Some(running)
    }

    /// A sandbox that waits at `restore/next`, and the moment from which what it does is billed.
    async fn restored(
        &mut self,
        waiting: Option<Running>,
        runtime: &Runtime,
    ) -> Result<(Running, Duration), NotReady> {
        let running = match waiting {
            Some(running) => running,
            None => self.initialise_for_snapshot(runtime).await?,
        };
        snapstart::hold_another(&self.pool, &self.ctx, &self.function);
        Ok((running, self.ctx.elapsed()))
    }

    /// Initialises until the runtime asks for `restore/next`.
    pub async fn initialise_for_snapshot(
        &mut self,
        runtime: &Runtime,
    ) -> Result<Running, NotReady> {
        let turn = self.host.turn().await;
        let limit = INIT_MAX.max(self.timeout());
        self.initialise(runtime, "init", limit, turn).await
    }

    /// Lets the runtime go on until it asks for an event: how long that took.
    async fn after_restore(
        &mut self,
        running: &mut Running,
        begun: Duration,
    ) -> Result<Duration, Ended> {
        let ended = match running.resume() {
            true => self.hooks(running).await,
            false => Some(Ended::Exited(sandbox::Exit::Signal(9))),
        };
        let told = Platform::RestoreRuntimeDone { ended: ended.as_ref() };
        self.journal.platform(&told).await;
        match ended {
            None => Ok(self.ctx.elapsed() - begun),
            Some(ended) => Err(ended),
        }
    }

    /// `None` as soon as the runtime asks for an event; else what happened instead.
    async fn hooks(&mut self, running: &mut Running) -> Option<Ended> {
        let deadline = self.ctx.sleep(HOOKS_MAX);
        let stopping = self.ctx.kernel().stopping();
        tokio::pin!(deadline, stopping);
        while !running.is_ready() {
            let happened = tokio::select! {
                happened = running.next(&self.ctx, &mut self.journal) => happened,
                () = &mut deadline => return Some(Ended::TimedOut),
                () = &mut stopping => return Some(Ended::Stopped),
            };
            match happened {
                Happened::Exited(exit) => return Some(Ended::Exited(exit)),
                Happened::Failed(ended) => return Some(ended),
                Happened::Extension => {}
                Happened::Called(call) => match call.kind {
                    Kind::Next => running.park(call.answer),
                    Kind::RestoreError { body, error_type } => {
                        // A runtime that has gone needs no answer.
                        let _ = call.answer.send(accepted());
                        return Some(Ended::Failed { body, error_type });
                    }
                    _ => out_of_turn(call),
                },
            }
        }
        None
    }

    async fn tell_restore(&mut self, runtime: &Runtime) {
        let label = runtime.label(&self.function.runtime);
        let function = self.function.clone();
        let start = Platform::RestoreStart {
            runtime: &label,
            function: &function.name,
            version: &function.version,
            stream: &self.stream,
            memory_mb: function.memory_mb,
        };
        self.journal.platform(&start).await;
    }

    async fn restore_report(&mut self, duration: Duration, ended: Option<&Ended>) {
        self.journal.platform(&Platform::RestoreReport { duration, ended }).await;
    }

    /// Under which sandboxes of this version wait.
    pub fn key(&self) -> Key {
        key(&self.ctx, &self.function)
    }
}

/// Under which sandboxes of a version wait.
pub(crate) fn key(ctx: &kernel::Ctx, function: &FunctionRecord) -> Key {
    (FunctionRecord::key(ctx, &function.name), function.version.clone())
}

//! The beginning of a sandbox of a version with SnapStart: made from its snapshot, then what the
//! function wants to run after a restore.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Fault, Level};

use crate::archives::broke;
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
use crate::snapshots::{Image, Name, may_keep};
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
        let image = self.image(&runtime).await;
        let outcome = match image {
            Some((name, image)) => {
                self.tell_restore(&runtime).await;
                match self.copied((&name, &image), &runtime, begun).await {
                    Some(outcome) => outcome,
                    None => match self.restored(&runtime).await {
                        Ok(running) => self.begun(running, begun).await,
                        Err(failed) => Err(failed),
                    },
                }
            }
            // Extensions hear of the restore, so it is told when there are some.
            None => match self.restored(&runtime).await {
                Ok(running) => {
                    self.tell_restore(&runtime).await;
                    self.begun(running, begun).await
                }
                Err(failed) => Err(failed),
            },
        };
        let failed = match outcome {
            Ok((mut running, billed)) => {
                let duration = self.ctx.elapsed() - begun;
                self.restore = Some((duration, billed));
                self.restore_report(duration, None).await;
                self.pool.ready(&self.member);
                return self.serve(&mut running, job).await.then_some(running);
            }
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

    /// The snapshot of this version's memory, if there is one.
    async fn image(&self, runtime: &Runtime) -> Option<(Name, Arc<Image>)> {
        let name = may_keep(&self.host, &self.ctx, &self.function, runtime).await.ok()?;
        match self.host.snapshots.find(&name).await {
            Ok(image) => Some((name, image?)),
            Err(why) => {
                self.complain("the snapshot", &why);
                None
            }
        }
    }

    /// A copy of a snapshot whose hooks have run, and how long they took. `None`: it cannot be made,
    /// or breaks down at once, which initialising may do better.
    async fn copied(
        &mut self,
        (name, image): (&Name, &Image),
        runtime: &Runtime,
        since: Duration,
    ) -> Option<Result<(Running, Duration), NotReady>> {
        let turn = self.host.turn().await;
        let copied = Running::copy(&self.host, &self.ctx, &self.function, runtime, image).await;
        drop(turn);
        let why = match copied {
            Ok(mut running) => {
                let begun = self.ctx.elapsed();
                match self.after_restore(&mut running, begun).await {
                    Ok(billed) => {
                        running.bound_processor();
                        return Some(Ok((running, billed)));
                    }
                    Err(Ended::Exited(exit)) if broke(exit) => {
                        self.end(&mut running, &Ended::Exited(exit)).await;
                        format!("it ended: {exit:?}")
                    }
                    Err(ended) => {
                        if matches!(ended, Ended::TimedOut) {
                            // A hook's fault, or the copy's.
                            self.host.snapshots.failed(name);
                        }
                        self.restore_report(self.ctx.elapsed() - since, Some(&ended)).await;
                        self.end(&mut running, &ended).await;
                        return Some(Err(NotReady::Init(ended)));
                    }
                }
            }
            Err(NotReady::Fatal(error)) => Fault::from(error).to_string(),
            Err(NotReady::Init(ended)) => ended.error_type().to_owned(),
        };
        if self.ctx.kernel().is_stopping() {
            return Some(Err(NotReady::Fatal(stopped())));
        }
        self.host.snapshots.failed(name);
        self.complain("a copy", &why);
        None
    }

    /// The same of a sandbox that waited, or was initialised now.
    async fn begun(
        &mut self,
        mut running: Running,
        since: Duration,
    ) -> Result<(Running, Duration), NotReady> {
        let begun = self.ctx.elapsed();
        match self.after_restore(&mut running, begun).await {
            Ok(billed) => Ok((running, billed)),
            Err(ended) => {
                self.restore_report(self.ctx.elapsed() - since, Some(&ended)).await;
                self.end(&mut running, &ended).await;
                Err(NotReady::Init(ended))
            }
        }
    }

    fn complain(&self, what: &str, why: &str) {
        let FunctionRecord { name, version, .. } = &*self.function;
        let told = format_args!("{what} of {name}:{version} cannot be made or used: {why}");
        self.ctx.log(Level::Warn, told);
    }

    /// Keeps the memory of an initialised sandbox under that name, and ends it.
    pub async fn keep(&mut self, mut running: Running, name: &Name) -> Result<(), String> {
        // What is in its pipes would be in every copy's.
        running.drain(&mut self.journal).await;
        let kept = running.keep(&self.ctx).await;
        running.kill().await;
        running.drain(&mut self.journal).await;
        let done = match kept {
            Ok(image) => self.host.snapshots.put(name, image).await.map_err(|e| e.to_string()),
            Err(why) => Err(why),
        };
        if let Err(why) = &done {
            self.complain("the snapshot", why);
        }
        done
    }

    /// Takes over a sandbox that waits, with its journal, which goes on in our stream.
    async fn waiting(&mut self) -> Option<Running> {
        let key = self.key();
        let (running, journal) = self.host.held.take(&key, &self.function.revision).await?;
        let ours: Journal = std::mem::replace(&mut self.journal, journal);
        self.journal.move_to(ours);
        Some(running)
    }

    /// A sandbox that waits at `restore/next`.
    async fn restored(&mut self, runtime: &Runtime) -> Result<Running, NotReady> {
        let running = match self.waiting().await {
            Some(running) => running,
            None => self.initialise_for_snapshot(runtime).await?,
        };
        snapstart::make_another(&self.pool, &self.ctx, &self.function);
        Ok(running)
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
        let ended = match running.resume(&self.ctx) {
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

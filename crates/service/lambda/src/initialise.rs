//! Initialisation: the sandbox, its extensions, the runtime, until all of them wait for an event.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::host::Turn;
use crate::instance::{DEBUGGED_MAX, Instance, Purpose, stopped};
use crate::layout::lacks_bootstrap;
use crate::outcome::{Ended, NotReady};
use crate::platform::Platform;
use crate::pool::Job;
use crate::running::{Happened, Running, Start, out_of_turn};
use crate::runtime_api::{Kind, accepted};
use crate::runtimes::Runtime;

/// AWS's limit for initialisation; a second attempt has the function's own timeout.
const INIT_MAX: Duration = Duration::from_secs(10);
/// The limit ahead of provisioned concurrency.
const PROVISIONED_INIT_MAX: Duration = Duration::from_secs(130);
/// Who initialises longer than this probably waits, and lets others have their turn.
const TURN_MAX: Duration = Duration::from_secs(2);

impl Instance {
    /// Initialises and serves the first job, if it is there. On AWS, too, a failed initialisation
    /// is repeated as part of the invocation, and only its second failure is the answer.
    pub async fn first(
        &mut self,
        job: Option<Job>,
        jobs: &mut mpsc::Receiver<Job>,
    ) -> Option<Running> {
        let runtime = match Runtime::find(&self.host.options.runtimes, &self.function.runtime) {
            Ok(runtime) => runtime,
            Err(message) => {
                let r#type = Some("User".into());
                let error = api_lambda::InvalidRuntimeException { message: Some(message), r#type };
                self.cannot_begin(job.or_else(|| jobs.try_recv().ok()), error.into());
                return None;
            }
        };
        let turn = self.host.turn().await;
        let begun = self.ctx.elapsed();
        let limit = match self.member.purpose {
            _ if self.host.debugs() => DEBUGGED_MAX,
            Purpose::Provisioned => PROVISIONED_INIT_MAX.max(self.timeout()),
            _ => INIT_MAX,
        };
        let failed = match self.initialise(&runtime, "init", limit, turn).await {
            Ok(mut running) => {
                self.init = Some(self.ctx.elapsed() - begun);
                self.pool.ready(&self.member);
                let Some(job) = job else {
                    // One that waits uses memory, too. If that is too much, it has no sender now.
                    let memory = running.memory(&self.ctx).await;
                    self.pool.account(&self.member, memory.current_bytes);
                    return Some(running);
                };
                return self.serve(&mut running, job).await.then_some(running);
            }
            Err(failed) => failed,
        };
        let job = job.or_else(|| jobs.try_recv().ok());
        match (failed, job) {
            (NotReady::Init(_), Some(job)) => self.again(&runtime, job).await,
            (NotReady::Init(ended), None) => {
                self.pool.failed(&self.member, ended.provisioning_failure());
                None
            }
            (NotReady::Fatal(error), job) => {
                self.cannot_begin(job, error);
                None
            }
        }
    }

    /// There is no sandbox, by no fault of the function's code: whoever waits hears why.
    fn cannot_begin(&self, job: Option<Job>, error: api_lambda::Error) {
        match job {
            Some(job) => job.refuse(error),
            None => {
                let fault = kernel::Fault::from(error);
                self.pool.failed(&self.member, &fault.code);
            }
        }
    }

    /// The second attempt, within the invocation.
    async fn again(&mut self, runtime: &Runtime, job: Job) -> Option<Running> {
        let turn = self.host.turn().await;
        let begun = self.ctx.elapsed();
        let timeout = self.timeout();
        match self.initialise(runtime, "invoke", timeout, turn).await {
            Ok(mut running) => {
                self.pool.ready(&self.member);
                self.serve(&mut running, job).await.then_some(running)
            }
            Err(NotReady::Fatal(error)) => {
                job.refuse(error);
                None
            }
            Err(NotReady::Init(ended)) => {
                let spent = self.ctx.elapsed() - begun;
                self.fail(job, ended, spent.min(timeout)).await;
                None
            }
        }
    }

    /// Starts a sandbox and waits until its runtime and its extensions ask for the first event.
    pub(crate) async fn initialise(
        &mut self,
        runtime: &Runtime,
        phase: &'static str,
        limit: Duration,
        turn: Turn,
    ) -> Result<Running, NotReady> {
        let initialization = self.initialization();
        let label = runtime.label(&self.function.runtime);
        let function = self.function.clone();
        self.journal.begin(phase == "init" || self.journal.has_subscribers());
        let start = Platform::InitStart {
            initialization,
            phase,
            runtime: &label,
            function: &function.name,
            version: &function.version,
            stream: &self.stream,
            memory_mb: function.memory_mb,
        };
        if phase == "init" {
            self.journal.platform(&start).await;
        }
        let begun = self.ctx.elapsed();
        let what = Start { initialization, stream: &self.stream, keeps: self.keeps };
        let lacking = lacks_bootstrap(&self.host, &function).await.map_err(NotReady::Fatal)?;
        if let Some(ended) = lacking {
            return Err(NotReady::Init(ended));
        }
        let started = Running::start(&self.host, &self.ctx, &function, runtime, what).await;
        let mut running = started?;
        let failed = self.wait_for_all(&mut running, limit, turn).await;
        let duration = self.ctx.elapsed() - begun;
        if let Some(Err(fatal)) = failed {
            running.kill().await;
            return Err(NotReady::Fatal(fatal));
        }
        let failed = failed.and_then(Result::ok);
        let ended = failed.as_ref();
        if matches!(ended, Some(Ended::Exited(_))) {
            running.distrust_archive();
        }
        self.journal.platform(&Platform::InitRuntimeDone { initialization, phase, ended }).await;
        self.tell_extensions(&running).await;
        if let Some(ended) = ended {
            running.halt().await;
            self.end(&mut running, ended).await;
        }
        let report = Platform::InitReport { initialization, phase, duration, ended };
        self.journal.platform(&report).await;
        match failed {
            None => {
                self.journal.close_subscriptions();
                running.extensions.close();
                running.bound_processor();
                Ok(running)
            }
            Some(Ended::Stopped) => Err(NotReady::Fatal(stopped())),
            Some(ended) => Err(NotReady::Init(ended)),
        }
    }

    async fn tell_extensions(&mut self, running: &Running) {
        for one in running.extensions.iter() {
            let error_type = match &one.state {
                crate::extensions::State::Failed(error, _) => Some(error.as_str()),
                _ => None,
            };
            let (name, state, events) = (one.name.as_str(), one.state.name(), &one.events[..]);
            let event = Platform::Extension { name, state, events, error_type };
            self.journal.platform(&event).await;
        }
    }

    /// `None` as soon as everyone is ready; else what happened instead.
    async fn wait_for_all(
        &mut self,
        running: &mut Running,
        limit: Duration,
        turn: Turn,
    ) -> Option<Result<Ended, api_lambda::Error>> {
        let (deadline, long) = (self.ctx.sleep(limit), self.ctx.sleep(TURN_MAX));
        let stopping = self.ctx.kernel().stopping();
        tokio::pin!(deadline, long, stopping);
        let mut turn = Some(turn);
        let snaps = self.function.snaps();
        loop {
            if let Some(failed) = running.extensions.launch_failure() {
                return Some(Ok(failed));
            }
            match running.begin().await {
                Ok(()) => {}
                Err(NotReady::Init(ended)) => return Some(Ok(ended)),
                Err(NotReady::Fatal(fatal)) => return Some(Err(fatal)),
            }
            let ready = if snaps { running.is_suspended() } else { running.is_ready() };
            if ready {
                return None;
            }
            let happened = tokio::select! {
                happened = running.next(&self.ctx, &mut self.journal) => happened,
                () = &mut long, if turn.is_some() => {
                    turn = None;
                    continue;
                }
                () = &mut deadline => return Some(Ok(Ended::TimedOut)),
                () = &mut stopping => return Some(Ok(Ended::Stopped)),
            };
            match happened {
                Happened::Exited(exit) => return Some(Ok(Ended::Exited(exit))),
                Happened::Failed(ended) => return Some(Ok(ended)),
                Happened::Extension => {}
                Happened::Called(call) => match call.kind {
                    Kind::Restore { connection } if snaps => {
                        running.suspend(call.answer, connection);
                    }
                    Kind::Next if snaps => {
                        drop(call.answer);
                        return Some(Ok(no_restore()));
                    }
                    Kind::Next => running.park(call.answer),
                    Kind::InitError { body, error_type } => {
                        let _ = call.answer.send(accepted());
                        return Some(Ok(Ended::Failed { body, error_type }));
                    }
                    _ => out_of_turn(call),
                },
            }
        }
    }
}

/// A program of its own that does not know of snapshots.
fn no_restore() -> Ended {
    let error_type = "Runtime.RestoreNotRequested".to_owned();
    let body = serde_json::json!({
        "errorType": error_type,
        "errorMessage": "The runtime did not request restore/next before invocation/next.",
    });
    Ended::Failed { body: body.to_string().into(), error_type }
}

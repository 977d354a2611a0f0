//! The life of one sandbox: initialised, invoked again and again, ended.

use std::sync::Arc;
use std::time::Duration;

use kernel::Ctx;
use tokio::sync::mpsc;

use crate::environment::CREDENTIALS_MS;
use crate::errors;
use crate::host::Host;
use crate::journal::Journal;
use crate::outcome::{Ended, Figures};
use crate::pool::{Job, Member, Pool};
use crate::record::FunctionRecord;
use crate::running::{Happened, MEASURED_FOR, Running, out_of_turn};
use crate::runtime_api::Kind;
use crate::upkeep::CALM;

/// Sandboxes end before their credentials do.
const AGE_MS_MAX: i64 = CREDENTIALS_MS - 3600 * 1000;
/// Who debugs has all day.
pub(crate) const DEBUGGED_MAX: Duration = Duration::from_secs(24 * 3600);
/// A sandbox that was made in advance and never used ends earlier than one that was.
const UNUSED: Duration = Duration::from_secs(60);

/// What a sandbox was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An invocation that waits for it.
    Demand,
    /// The first invocation to come.
    Advance,
    /// Provisioned concurrency: it stays.
    Provisioned,
}

/// `AWS_LAMBDA_INITIALIZATION_TYPE` of what begins from a snapshot.
pub(crate) const SNAP_START: &str = "snap-start";

impl Purpose {
    /// `AWS_LAMBDA_INITIALIZATION_TYPE`.
    pub fn initialization(self) -> &'static str {
        match self {
            Purpose::Demand | Purpose::Advance => "on-demand",
            Purpose::Provisioned => "provisioned-concurrency",
        }
    }
}

pub(crate) struct Instance {
    pub host: Arc<Host>,
    pub pool: Arc<Pool>,
    pub ctx: Ctx,
    pub function: Arc<FunctionRecord>,
    pub member: Member,
    pub journal: Journal,
    pub stream: String,
    /// How long initialisation took, until the first invocation tells.
    pub init: Option<Duration>,
    /// The same of a restore, and what of it is billed.
    pub restore: Option<(Duration, Duration)>,
    /// What it initialises is for a snapshot of its memory.
    pub keeps: bool,
    used: bool,
}

/// Runs a sandbox from its first job, or ahead of it, to its end.
pub(crate) async fn run(
    host: Arc<Host>,
    pool: Arc<Pool>,
    ctx: Ctx,
    function: Arc<FunctionRecord>,
    member: Member,
    mut jobs: mpsc::Receiver<Job>,
    first: Option<Job>,
) {
    let mut instance = Instance::new(host, pool, &ctx, function, member);
    instance.used = first.is_some();
    let begun_ms = instance.ctx.now().epoch_ms;
    let begun = match first {
        Some(job) if instance.function.snaps() => instance.first_restored(job).await,
        first => instance.first(first, &mut jobs).await,
    };
    if let Some(mut running) = begun {
        let old = |ctx: &Ctx| ctx.now().epoch_ms - begun_ms > AGE_MS_MAX;
        while !old(&instance.ctx) && instance.work(&mut running, &mut jobs).await {}
        let (ctx, journal) = (&instance.ctx, &mut instance.journal);
        running.shut_down(ctx, journal, "spindown").await;
        running.drain(journal).await;
    }
    instance.pool.forget(&instance.member);
    jobs.close();
    while let Some(job) = jobs.recv().await {
        instance.pool.move_on(&instance.ctx, instance.function.clone(), job);
    }
    let Instance { pool, ctx, function, member, .. } = &instance;
    pool.replace(ctx, function, member);
}

impl Instance {
    /// One that has not begun.
    pub fn new(
        host: Arc<Host>,
        pool: Arc<Pool>,
        ctx: &Ctx,
        function: Arc<FunctionRecord>,
        member: Member,
    ) -> Instance {
        let ctx = ctx.kernel().service_ctx("lambda.amazonaws.com", ctx.account(), ctx.region());
        let (day, id) = (ctx.now().civil("%Y/%m/%d"), ctx.random().hex(16));
        let stream = format!("{day}/[{}]{id}", function.version);
        let journal = Journal::open(&host, &ctx, &function, &stream);
        let (init, restore) = (None, None);
        let (keeps, used) = (false, false);
        Instance { host, pool, ctx, function, member, journal, stream, init, restore, keeps, used }
    }

    /// `AWS_LAMBDA_INITIALIZATION_TYPE`.
    pub fn initialization(&self) -> &'static str {
        if self.function.snaps() { SNAP_START } else { self.member.purpose.initialization() }
    }

    pub fn timeout(&self) -> Duration {
        if self.host.debugs() {
            return DEBUGGED_MAX;
        }
        Duration::from_secs(self.function.timeout_seconds as u64)
    }

    /// Waits for one job and serves it; false when the sandbox is to end.
    async fn work(&mut self, running: &mut Running, jobs: &mut mpsc::Receiver<Job>) -> bool {
        let patience = if self.used { self.host.options.idle } else { UNUSED };
        let idle = self.ctx.sleep(patience.min(self.host.options.idle));
        let stopping = self.ctx.kernel().stopping();
        let calm = self.ctx.sleep(CALM);
        let pause = self.ctx.sleep(MEASURED_FOR);
        tokio::pin!(idle, stopping, calm, pause);
        let mut waits = self.member.purpose != Purpose::Provisioned;
        loop {
            tokio::select! {
                biased;
                () = &mut stopping => return false,
                job = jobs.recv() => {
                    // No sender any more: the function has changed, or all is over.
                    let Some(job) = job else { return false };
                    self.used = true;
                    return self.take(running, job).await;
                }
                happened = running.next(&self.ctx, &mut self.journal) => match happened {
                    Happened::Exited(_) | Happened::Failed(_) => return false,
                    Happened::Extension => {}
                    Happened::Called(call) => match call.kind {
                        Kind::Next => running.park(call.answer),
                        _ => out_of_turn(call),
                    },
                },
                () = &mut pause, if running.observed => {
                    let memory = running.memory(&self.ctx).await;
                    if !self.pool.account(&self.member, memory.current_bytes) {
                        return false;
                    }
                }
                // The first event has loaded the classes of all others.
                () = &mut calm, if self.used && running.has_classes() => {
                    running.hand_in_classes(&self.ctx).await;
                }
                () = &mut idle, if waits => {
                    if self.pool.leave(&self.member) {
                        return false;
                    }
                    waits = false;
                }
            }
        }
    }

    pub fn figures(
        &mut self,
        duration: Duration,
        init: Option<Duration>,
        peak_bytes: u64,
    ) -> Figures {
        let restore = self.restore.take();
        Figures { duration, init, restore, memory_mb: self.function.memory_mb, peak_bytes }
    }

    /// Ends what has failed, and logs what it still had to say.
    pub async fn end(&mut self, running: &mut Running, ended: &Ended) {
        let reason = match ended {
            Ended::TimedOut => "timeout",
            Ended::Stopped => "spindown",
            _ => "failure",
        };
        running.shut_down(&self.ctx, &mut self.journal, reason).await;
        running.drain(&mut self.journal).await;
    }
}

pub(crate) fn stopped() -> api_lambda::Error {
    errors::service("The server is stopping.")
}

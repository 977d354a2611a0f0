//! The life of one sandbox: initialised, invoked again and again, ended.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kernel::Ctx;
use tokio::sync::mpsc;

use crate::environment::CREDENTIALS_MS;
use crate::errors;
use crate::host::{Host, Turn};
use crate::logs::LogStream;
use crate::outcome::{Ended, Figures, NotReady};
use crate::pool::{Job, Member, Outcome, Pool};
use crate::record::FunctionRecord;
use crate::running::{Happened, Running, out_of_turn};
use crate::runtime_api::{self, Kind, accepted, refuse};
use crate::runtimes::Runtime;

/// AWS's limit for initialisation; a second attempt has the function's own timeout.
const INIT_MAX: Duration = Duration::from_secs(10);
/// Who debugs has all day.
const DEBUGGED_MAX: Duration = Duration::from_secs(24 * 3600);
/// Who initialises longer than this probably waits, and lets others have their turn.
const TURN_MAX: Duration = Duration::from_secs(2);
/// After an answer, the runtime asks for the next event at once; a job waits this long for it.
const NEXT_MAX: Duration = Duration::from_secs(1);
/// Sandboxes end before their credentials do.
const AGE_MS_MAX: i64 = CREDENTIALS_MS - 3600 * 1000;

struct Instance {
    host: Arc<Host>,
    pool: Arc<Pool>,
    ctx: Ctx,
    function: Arc<FunctionRecord>,
    member: Member,
    log: LogStream,
    stream: String,
}

/// Runs a sandbox from its first job to its end.
pub(crate) async fn run(
    host: Arc<Host>,
    pool: Arc<Pool>,
    ctx: Ctx,
    function: Arc<FunctionRecord>,
    member: Member,
    mut jobs: mpsc::Receiver<Job>,
    first: Job,
) {
    let ctx = ctx.kernel().service_ctx("lambda.amazonaws.com", ctx.account(), ctx.region());
    let (day, id) = (ctx.now().civil("%Y/%m/%d"), ctx.random().hex(16));
    let stream = format!("{day}/[{}]{id}", function.version);
    let mut log = LogStream::open(&ctx, function.log_group(), stream.clone());
    let lines = host.options.local.as_ref().and_then(|local| local.lines.clone());
    log.heard_by = lines.map(|lines| (function.name.clone(), lines));
    let mut instance = Instance { host, pool, ctx, function, member, log, stream };
    let begun_ms = instance.ctx.now().epoch_ms;
    if let Some(mut running) = instance.first(first).await {
        let old = |ctx: &Ctx| ctx.now().epoch_ms - begun_ms > AGE_MS_MAX;
        while !old(&instance.ctx) && instance.work(&mut running, &mut jobs).await {}
        running.kill().await;
    }
    instance.pool.forget(&instance.member);
    jobs.close();
    while let Some(job) = jobs.recv().await {
        instance.pool.move_on(&instance.ctx, instance.function.clone(), job);
    }
}

impl Instance {
    fn timeout(&self) -> Duration {
        if self.host.debugs() {
            return DEBUGGED_MAX;
        }
        Duration::from_secs(self.function.timeout_seconds as u64)
    }

    /// Initialises and serves the first job. On AWS, too, a failed initialisation is repeated
    /// as part of the invocation, and only its second failure is the answer.
    async fn first(&mut self, job: Job) -> Option<Running> {
        let runtime = match Runtime::find(&self.host.options.runtimes, &self.function.runtime) {
            Ok(runtime) => runtime,
            Err(message) => {
                let r#type = Some("User".into());
                let error = api_lambda::InvalidRuntimeException { message: Some(message), r#type };
                let _ = job.reply.send(Err(error.into()));
                return None;
            }
        };
        let label = runtime.label(&self.function.runtime);
        self.log.line(&format!("INIT_START Runtime Version: {label}")).await;
        let turn = self.host.turn().await;
        let begun = self.ctx.elapsed();
        let limit = if self.host.debugs() { DEBUGGED_MAX } else { INIT_MAX };
        match self.initialise(&runtime, limit, turn).await {
            Ok(mut running) => {
                let init = self.ctx.elapsed() - begun;
                self.serve(&mut running, job, Some(init)).await.then_some(running)
            }
            Err(NotReady::Fatal(error)) => {
                let _ = job.reply.send(Err(error));
                None
            }
            Err(NotReady::Init(ended)) => {
                let spent = self.ctx.elapsed() - begun;
                self.log.line(&ended.init_report(spent, "init")).await;
                self.again(&runtime, job).await
            }
        }
    }

    /// The second attempt, within the invocation.
    async fn again(&mut self, runtime: &Runtime, job: Job) -> Option<Running> {
        let turn = self.host.turn().await;
        let begun = self.ctx.elapsed();
        let timeout = self.timeout();
        match self.initialise(runtime, timeout, turn).await {
            Ok(mut running) => self.serve(&mut running, job, None).await.then_some(running),
            Err(NotReady::Fatal(error)) => {
                let _ = job.reply.send(Err(error));
                None
            }
            Err(NotReady::Init(ended)) => {
                let spent = self.ctx.elapsed() - begun;
                self.log.line(&ended.init_report(spent, "invoke")).await;
                self.log.line(&self.start_line(&job)).await;
                let figures = self.figures(spent.min(timeout), None, 0);
                self.finish(job, ended, figures).await;
                None
            }
        }
    }

    /// Starts a sandbox and waits until its runtime asks for the first event.
    async fn initialise(
        &mut self,
        runtime: &Runtime,
        limit: Duration,
        turn: Turn,
    ) -> Result<Running, NotReady> {
        let (host, ctx) = (&self.host, &self.ctx);
        let started = Running::start(host, ctx, &self.function, runtime, &self.stream).await;
        let mut running = started.map_err(NotReady::Fatal)?;
        let ended = {
            let (deadline, long) = (ctx.sleep(limit), ctx.sleep(TURN_MAX));
            let stopping = ctx.kernel().stopping();
            tokio::pin!(deadline, long, stopping);
            let mut turn = Some(turn);
            loop {
                let happened = tokio::select! {
                    happened = running.next(ctx, &mut self.log) => happened,
                    () = &mut long, if turn.is_some() => {
                        turn = None;
                        continue;
                    }
                    () = &mut deadline => break Ended::TimedOut,
                    () = &mut stopping => break Ended::Stopped,
                };
                match happened {
                    Happened::Exited(exit) => break Ended::Exited(exit),
                    Happened::Called(call) => match call.kind {
                        Kind::Next => {
                            running.park(call.answer);
                            return Ok(running);
                        }
                        Kind::InitError { body, error_type } => {
                            let _ = call.answer.send(accepted());
                            break Ended::Failed { body, error_type };
                        }
                        Kind::Response { .. } | Kind::Error { .. } => out_of_turn(call),
                    },
                }
            }
        };
        running.kill().await;
        running.drain(&mut self.log).await;
        if matches!(ended, Ended::Stopped) {
            return Err(NotReady::Fatal(stopped()));
        }
        Err(NotReady::Init(ended))
    }

    /// Waits for one job and serves it; false when the sandbox is to end.
    async fn work(&mut self, running: &mut Running, jobs: &mut mpsc::Receiver<Job>) -> bool {
        let idle = self.ctx.sleep(self.host.options.idle);
        let stopping = self.ctx.kernel().stopping();
        tokio::pin!(idle, stopping);
        loop {
            tokio::select! {
                biased;
                () = &mut stopping => return false,
                job = jobs.recv() => {
                    // No sender any more: the function has changed, or all is over.
                    let Some(job) = job else { return false };
                    return self.take(running, job).await;
                }
                happened = running.next(&self.ctx, &mut self.log) => match happened {
                    Happened::Exited(_) => return false,
                    Happened::Called(call) => match call.kind {
                        Kind::Next => running.park(call.answer),
                        _ => out_of_turn(call),
                    },
                },
                () = &mut idle => {
                    if self.pool.leave(&self.member) {
                        return false;
                    }
                }
            }
        }
    }

    /// Serves a job, if the runtime is ready for it; otherwise another sandbox must.
    async fn take(&mut self, running: &mut Running, job: Job) -> bool {
        self.log.forget_tail();
        let patience = self.ctx.sleep(NEXT_MAX);
        tokio::pin!(patience);
        while !running.is_parked() {
            let happened = tokio::select! {
                happened = running.next(&self.ctx, &mut self.log) => Some(happened),
                () = &mut patience => None,
            };
            match happened {
                Some(Happened::Called(call)) if matches!(call.kind, Kind::Next) => {
                    running.park(call.answer);
                }
                Some(Happened::Called(call)) => out_of_turn(call),
                Some(Happened::Exited(_)) | None => {
                    self.pool.forget(&self.member);
                    self.pool.move_on(&self.ctx, self.function.clone(), job);
                    return false;
                }
            }
        }
        self.serve(running, job, None).await
    }

    /// Delivers a job to a parked runtime and answers it; false when the sandbox is to end.
    async fn serve(&mut self, running: &mut Running, job: Job, init: Option<Duration>) -> bool {
        let timeout = self.timeout();
        self.log.line(&self.start_line(&job)).await;
        let begun = self.ctx.elapsed();
        let headers = self.headers(&job, timeout);
        let ended = if running.deliver(runtime_api::event(&headers, job.payload.clone())) {
            self.wait(running, &job.request_id, timeout).await
        } else {
            self.wait_for_exit(running).await
        };
        let duration = (self.ctx.elapsed() - begun).min(timeout);
        let mut job = Some(job);
        let mut goes_on = ended.keeps_sandbox();
        // A caller that does not want the log gets its answer before the log is written.
        if goes_on && !job.as_ref().is_some_and(|job| job.tail) {
            goes_on = self.pool.release(&self.member);
            if let Some(job) = job.take() {
                let request_id = job.request_id.clone();
                self.reply(job, &ended, None);
                running.drain(&mut self.log).await;
                let peak_bytes = running.peak_memory_bytes(&self.ctx).await;
                let figures = self.figures(duration, init, peak_bytes);
                self.close_log(&request_id, &ended, &figures).await;
            }
            return goes_on;
        }
        let peak_bytes;
        if goes_on {
            running.drain(&mut self.log).await;
            peak_bytes = running.peak_memory_bytes(&self.ctx).await;
            goes_on = self.pool.release(&self.member);
        } else {
            self.pool.forget(&self.member);
            peak_bytes = match ended {
                Ended::TimedOut => running.peak_memory_bytes(&self.ctx).await,
                Ended::Exited(sandbox::Exit::OutOfMemory) => u64::MAX,
                _ => 0,
            };
            running.kill().await;
            running.drain(&mut self.log).await;
        }
        if let Some(job) = job {
            self.finish(job, ended, self.figures(duration, init, peak_bytes)).await;
        }
        goes_on
    }

    /// Waits for the answer to the event that was delivered.
    async fn wait(&mut self, running: &mut Running, request_id: &str, timeout: Duration) -> Ended {
        let deadline = self.ctx.sleep(timeout);
        let stopping = self.ctx.kernel().stopping();
        tokio::pin!(deadline, stopping);
        loop {
            let happened = tokio::select! {
                happened = running.next(&self.ctx, &mut self.log) => happened,
                () = &mut deadline => return Ended::TimedOut,
                () = &mut stopping => return Ended::Stopped,
            };
            let call = match happened {
                Happened::Exited(exit) => return Ended::Exited(exit),
                Happened::Called(call) => call,
            };
            match call.kind {
                Kind::Response { id, body: Some(body) } if id == request_id => {
                    let _ = call.answer.send(accepted());
                    return Ended::Answered(body);
                }
                Kind::Response { id, body: None } if id == request_id => {
                    let too_large = Ended::TooLarge;
                    let message = "Exceeded maximum allowed payload size (6291556 bytes).";
                    let status = http::StatusCode::PAYLOAD_TOO_LARGE;
                    let _ = call.answer.send(refuse(status, "RequestEntityTooLarge", message));
                    return too_large;
                }
                Kind::Error { id, body, error_type } if id == request_id => {
                    let _ = call.answer.send(accepted());
                    return Ended::Failed { body, error_type };
                }
                Kind::Next => running.park(call.answer),
                _ => out_of_turn(call),
            }
        }
    }

    /// The runtime has closed its connection instead of taking the event: it is about to end.
    async fn wait_for_exit(&mut self, running: &mut Running) -> Ended {
        let patience = self.ctx.sleep(NEXT_MAX);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                happened = running.next(&self.ctx, &mut self.log) => match happened {
                    Happened::Exited(exit) => return Ended::Exited(exit),
                    Happened::Called(call) => out_of_turn(call),
                },
                () = &mut patience => return Ended::Exited(sandbox::Exit::Signal(9)),
            }
        }
    }

    fn start_line(&self, job: &Job) -> String {
        format!("START RequestId: {} Version: {}", job.request_id, self.function.version)
    }

    fn headers(&self, job: &Job, timeout: Duration) -> Vec<(&'static str, String)> {
        let (now, random) = (self.ctx.now(), self.ctx.random());
        let deadline_ms = now.epoch_ms + timeout.as_millis() as i64;
        let trace = job.trace.clone().unwrap_or_else(|| {
            let (root, parent) = (random.hex(12), random.hex(8));
            let seconds = now.epoch_ms / 1000;
            format!("Root=1-{seconds:08x}-{root};Parent={parent};Sampled=0")
        });
        let mut headers = vec![
            ("lambda-runtime-aws-request-id", job.request_id.clone()),
            ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
            ("lambda-runtime-invoked-function-arn", job.arn.clone()),
            ("lambda-runtime-trace-id", trace),
        ];
        if let Some(context) = &job.client_context {
            headers.push(("lambda-runtime-client-context", context.clone()));
        }
        headers
    }

    fn figures(&self, duration: Duration, init: Option<Duration>, peak_bytes: u64) -> Figures {
        Figures { duration, init, memory_mb: self.function.memory_mb, peak_bytes }
    }

    /// Writes the end of an invocation's log, then answers.
    async fn finish(&mut self, job: Job, ended: Ended, figures: Figures) {
        self.close_log(&job.request_id, &ended, &figures).await;
        let tail = job.tail.then(|| self.log.tail());
        self.reply(job, &ended, tail);
    }

    async fn close_log(&mut self, request_id: &str, ended: &Ended, figures: &Figures) {
        let now = self.ctx.now().civil("%Y-%m-%dT%H:%M:%S%.3fZ");
        if let Some(line) = ended.log_line(&now, request_id, self.timeout()) {
            self.log.line(&line).await;
        }
        self.log.line(&format!("END RequestId: {request_id}")).await;
        self.log.line(&figures.report(request_id, ended)).await;
    }

    fn reply(&self, job: Job, ended: &Ended, tail: Option<Vec<u8>>) {
        let result = if matches!(ended, Ended::Stopped) {
            Err(stopped())
        } else {
            let payload: Bytes = ended.payload(&job.request_id, self.timeout());
            Ok(Outcome { payload, failed: ended.is_error(), tail })
        };
        // A caller that has gone needs no answer.
        let _ = job.reply.send(result);
    }
}

fn stopped() -> api_lambda::Error {
    errors::service("The server is stopping.")
}

//! One invocation: the event goes in, an answer comes out, and all of it is told.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use tokio::sync::{mpsc, oneshot};

use crate::instance::{DEBUGGED_MAX, Instance, Purpose, stopped};
use crate::metrics::{Metric, Subject};
use crate::outcome::{Ended, Figures};
use crate::platform::Platform;
use crate::pool::{Job, Outcome, Streamed};
use crate::running::{Happened, Running, out_of_turn};
use crate::runtime_api::{self, Broken, Call, Kind, Piece, RESPONSE_BYTES_MAX, accepted, refuse};
use crate::{extensions, trace};

/// After an answer, the runtime asks for the next event at once; a job waits this long for it.
const NEXT_MAX: Duration = Duration::from_secs(1);

/// What is known of an invocation under way.
struct Invocation {
    job: Job,
    trace: String,
    deadline_ms: i64,
    /// When the event was delivered, by the clock of durations.
    begun: Duration,
    latency: Option<Duration>,
    produced_bytes: u64,
    /// A streamed answer that the caller wants whole.
    gathered: Option<(mpsc::Receiver<Piece>, BytesMut)>,
    /// A streamed answer that the caller reads; it is told of the end.
    streaming: Option<mpsc::Sender<Piece>>,
}

impl Instance {
    /// Serves a job, if the runtime is ready for it; otherwise another sandbox must.
    pub async fn take(&mut self, running: &mut Running, job: Job) -> bool {
        if self.init.is_none() && self.restore.is_none() {
            self.journal.forget_tail();
        }
        // A debugger may have stopped it between two events.
        let patience = if self.host.debugs() { DEBUGGED_MAX } else { NEXT_MAX };
        let patience = self.ctx.sleep(patience);
        tokio::pin!(patience);
        while !running.is_ready() {
            let happened = tokio::select! {
                happened = running.next(&self.ctx, &mut self.journal) => Some(happened),
                () = &mut patience => None,
            };
            match happened {
                Some(Happened::Called(call)) if matches!(call.kind, Kind::Next) => {
                    running.park(call.answer);
                }
                Some(Happened::Called(call)) => out_of_turn(call),
                Some(Happened::Extension) => {}
                Some(Happened::Exited(_) | Happened::Failed(_)) | None => {
                    self.pool.forget(&self.member);
                    self.pool.move_on(&self.ctx, self.function.clone(), job);
                    return false;
                }
            }
        }
        self.serve(running, job).await
    }

    /// Delivers a job to a parked runtime and answers it; false when the sandbox is to end.
    pub async fn serve(&mut self, running: &mut Running, job: Job) -> bool {
        let timeout = self.timeout();
        let mut one = self.begin(job).await;
        let deadline = self.ctx.sleep(timeout);
        tokio::pin!(deadline);
        let event = runtime_api::event(&headers(&one), one.job.payload.clone());
        let mut ended = if running.deliver(event) {
            if running.extensions.hear_invocations() {
                let Invocation { job, trace, deadline_ms, .. } = &one;
                let event =
                    extensions::invoke_event(&job.request_id, &job.arn, *deadline_ms, trace);
                running.extensions.deliver(&self.ctx, "INVOKE", &event);
            }
            tokio::select! {
                ended = self.wait(running, &mut one) => ended,
                () = &mut deadline => Ended::TimedOut,
            }
        } else {
            self.wait_for_exit(running).await
        };
        self.runtime_done(&one, &ended).await;
        let whole = one.job.tail;
        if ended.keeps_sandbox() && !running.extensions.are_ready() {
            // The answer does not wait for extensions, but the next event does.
            if !whole {
                self.reply(&mut one, &ended, None);
            }
            let late = tokio::select! {
                failed = self.wait_for_extensions(running) => failed,
                () = &mut deadline => Some(Ended::TimedOut),
            };
            ended = late.unwrap_or(ended);
        }
        let duration = (self.ctx.elapsed() - one.begun).min(timeout);
        let init = self.init.take();
        if !ended.keeps_sandbox() {
            let peak_bytes = match ended {
                Ended::TimedOut => running.memory(&self.ctx).await.peak_bytes,
                Ended::Exited(sandbox::Exit::OutOfMemory) => u64::MAX,
                _ => 0,
            };
            self.pool.forget(&self.member);
            running.halt().await;
            running.drain(&mut self.journal).await;
            let figures = self.figures(duration, init, peak_bytes);
            self.close(one, &ended, &figures).await;
            // Extensions may take their time to end; the caller does not wait for them.
            self.end(running, &ended).await;
            return false;
        }
        // A caller that does not want the log gets its answer before the log is written.
        let mut goes_on = true;
        if !whole {
            goes_on = self.pool.release(&self.member);
            self.reply(&mut one, &ended, None);
        }
        running.drain(&mut self.journal).await;
        let memory = running.recent_memory(&self.ctx).await;
        if whole {
            goes_on = self.pool.release(&self.member);
        }
        let goes_on = goes_on && self.pool.account(&self.member, memory.current_bytes);
        let figures = self.figures(duration, init, memory.peak_bytes);
        self.close(one, &ended, &figures).await;
        goes_on
    }

    async fn begin(&mut self, job: Job) -> Invocation {
        let now = self.ctx.now();
        let trace = job.trace.clone();
        let trace = trace.unwrap_or_else(|| trace::of(&self.ctx, None, self.function.traced));
        let (request_id, version) = (job.request_id.as_str(), self.function.version.as_str());
        self.journal.platform(&Platform::Start { request_id, version, trace: &trace }).await;
        Invocation {
            deadline_ms: now.epoch_ms + self.timeout().as_millis() as i64,
            trace,
            job,
            begun: self.ctx.elapsed(),
            latency: None,
            produced_bytes: 0,
            gathered: None,
            streaming: None,
        }
    }

    /// Waits for the answer to the event that was delivered.
    async fn wait(&mut self, running: &mut Running, one: &mut Invocation) -> Ended {
        let stopping = self.ctx.kernel().stopping();
        tokio::pin!(stopping);
        loop {
            let happened = tokio::select! {
                happened = running.next(&self.ctx, &mut self.journal) => happened,
                () = gather(&mut one.gathered) => continue,
                () = &mut stopping => return Ended::Stopped,
            };
            let call = match happened {
                Happened::Exited(exit) => return Ended::Exited(exit),
                Happened::Failed(ended) => return ended,
                Happened::Extension => continue,
                Happened::Called(call) => call,
            };
            if let Some(ended) = self.answered(running, one, call) {
                return ended;
            }
        }
    }

    /// A call of the runtime while it works; the end of the work, if it is that.
    fn answered(&self, running: &mut Running, one: &mut Invocation, call: Call) -> Option<Ended> {
        let answers = |id: &String| *id == one.job.request_id;
        let streams = one.streaming.is_some() || one.gathered.is_some();
        match call.kind {
            Kind::Response { ref id, .. }
            | Kind::Error { ref id, .. }
            | Kind::Stream { ref id, .. }
                if !answers(id) || streams =>
            {
                out_of_turn(call);
                None
            }
            Kind::Response { body: Some(body), .. } => {
                one.latency = Some(self.ctx.elapsed() - one.begun);
                one.produced_bytes = body.len() as u64;
                let _ = call.answer.send(accepted());
                Some(Ended::Answered(body))
            }
            Kind::Response { body: None, .. } => {
                let message = "Exceeded maximum allowed payload size (6291556 bytes).";
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                let _ = call.answer.send(refuse(status, "RequestEntityTooLarge", message));
                Some(Ended::TooLarge)
            }
            Kind::Error { body, error_type, .. } => {
                let _ = call.answer.send(accepted());
                Some(Ended::Failed { body, error_type })
            }
            Kind::Stream { content_type, pieces, sender, .. } => {
                // Dropping it lets the stream begin.
                drop(call.answer);
                one.latency = Some(self.ctx.elapsed() - one.begun);
                if one.job.streams {
                    let stream = Some(Streamed { content_type, pieces });
                    let outcome =
                        Outcome { payload: Bytes::new(), failed: false, tail: None, stream };
                    one.job.answer(Ok(outcome));
                    one.streaming = Some(sender);
                } else {
                    one.gathered = Some((pieces, BytesMut::new()));
                }
                None
            }
            Kind::Streamed { ref id, .. } if !answers(id) || !streams => {
                out_of_turn(call);
                None
            }
            Kind::Streamed { bytes, error, .. } => {
                one.produced_bytes = bytes;
                let _ = call.answer.send(accepted());
                Some(all_streamed(one, error))
            }
            Kind::Next => {
                running.park(call.answer);
                None
            }
            Kind::InitError { .. }
            | Kind::Restore { .. }
            | Kind::RestoreError { .. }
            | Kind::Credentials { .. }
            | Kind::Extension(_) => {
                out_of_turn(call);
                None
            }
        }
    }

    /// Waits until every extension is done with the event; else the reason why not.
    async fn wait_for_extensions(&mut self, running: &mut Running) -> Option<Ended> {
        let stopping = self.ctx.kernel().stopping();
        tokio::pin!(stopping);
        while !running.extensions.are_ready() {
            let happened = tokio::select! {
                happened = running.next(&self.ctx, &mut self.journal) => happened,
                () = &mut stopping => return Some(Ended::Stopped),
            };
            match happened {
                Happened::Exited(exit) => return Some(Ended::Exited(exit)),
                Happened::Failed(ended) => return Some(ended),
                Happened::Extension => {}
                Happened::Called(call) => match call.kind {
                    Kind::Next => running.park(call.answer),
                    _ => out_of_turn(call),
                },
            }
        }
        None
    }

    /// The runtime has closed its connection instead of taking the event: it is about to end.
    async fn wait_for_exit(&mut self, running: &mut Running) -> Ended {
        let patience = self.ctx.sleep(NEXT_MAX);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                happened = running.next(&self.ctx, &mut self.journal) => match happened {
                    Happened::Exited(exit) => return Ended::Exited(exit),
                    Happened::Failed(ended) => return ended,
                    Happened::Extension => {}
                    Happened::Called(call) => out_of_turn(call),
                },
                () = &mut patience => return Ended::Exited(sandbox::Exit::Signal(9)),
            }
        }
    }

    async fn runtime_done(&mut self, one: &Invocation, ended: &Ended) {
        let event = Platform::RuntimeDone {
            request_id: &one.job.request_id,
            trace: &one.trace,
            duration: self.ctx.elapsed() - one.begun,
            latency: one.latency,
            produced_bytes: one.produced_bytes,
            ended,
        };
        self.journal.platform(&event).await;
    }

    /// Answers a job whose initialisation failed twice.
    pub async fn fail(&mut self, job: Job, ended: Ended, spent: Duration) {
        let one = self.begin(job).await;
        let figures = self.figures(spent, None, 0);
        self.close(one, &ended, &figures).await;
    }

    /// Writes the end of an invocation's log, then answers whoever still waits.
    async fn close(&mut self, mut one: Invocation, ended: &Ended, figures: &Figures) {
        let now = self.ctx.now().civil("%Y-%m-%dT%H:%M:%S%.3fZ");
        let request_id = one.job.request_id.clone();
        if let Some(line) = ended.log_line(&now, &request_id, self.timeout()) {
            self.journal.remark(&line).await;
        }
        let report =
            Platform::Report { request_id: &request_id, trace: &one.trace, figures, ended };
        self.journal.platform(&report).await;
        let tail = one.job.tail.then(|| self.journal.tail());
        self.reply(&mut one, ended, tail);
        self.count(&one.job, ended, figures.duration);
    }

    /// Counts an invocation, now that its caller waits no more.
    fn count(&self, job: &Job, ended: &Ended, duration: Duration) {
        let version = &self.function.version;
        let subject =
            Subject::of_arn(&job.arn, version).filter(|_| !matches!(ended, Ended::Stopped));
        let Some(subject) = subject else { return };
        let metrics = &self.host.metrics;
        metrics.running(&self.ctx, &subject.function, &job.permit.1.running);
        let duration_ms = (duration.as_secs_f64() * 1e5).round() / 100.0;
        let mut taken = vec![
            (Metric::INVOCATIONS, 1.0),
            (Metric::ERRORS, f64::from(u8::from(ended.is_error()))),
            (Metric::THROTTLES, 0.0),
            (Metric::DURATION, duration_ms),
        ];
        match self.pool.pinned_use(&self.member) {
            Some((busy, wanted)) if self.member.purpose == Purpose::Provisioned => {
                // It may have been released already, and counts all the same.
                let busy = busy.clamp(1, wanted) as f64;
                taken.push((Metric::PROVISIONED_INVOCATIONS, 1.0));
                taken.push((Metric::PROVISIONED_EXECUTIONS, busy));
                taken.push((Metric::PROVISIONED_UTILIZATION, busy / wanted as f64));
            }
            Some(_) => taken.push((Metric::PROVISIONED_SPILLOVER, 1.0)),
            None => {}
        }
        metrics.note(&self.ctx, subject, &taken);
    }

    /// Tells the caller how it ended, once.
    fn reply(&self, one: &mut Invocation, ended: &Ended, tail: Option<Vec<u8>>) {
        let timeout = self.timeout();
        if let Some(sender) = one.streaming.take() {
            let error = ended.is_error().then(|| Broken {
                error_type: ended.error_type().to_owned(),
                body: ended.payload(&one.job.request_id, timeout),
            });
            // The reader may be slow, and nobody here waits for it.
            self.ctx.kernel().spawn(async move {
                let _ = sender.send(Piece::End { error, tail }).await;
            });
            return;
        }
        if matches!(ended, Ended::Stopped) {
            one.job.answer(Err(stopped()));
            return;
        }
        let payload = ended.payload(&one.job.request_id, timeout);
        let outcome = Outcome { payload, failed: ended.is_error(), tail, stream: None };
        one.job.answer(Ok(outcome));
    }
}

/// What a streamed answer comes to.
fn all_streamed(one: &mut Invocation, error: Option<Broken>) -> Ended {
    let Some((mut pieces, mut whole)) = one.gathered.take() else {
        return Ended::Streamed { error };
    };
    while let Ok(Piece::Data(piece)) = pieces.try_recv() {
        add(&mut whole, &piece);
    }
    match error {
        Some(Broken { error_type, body }) => Ended::Failed { body, error_type },
        None if one.produced_bytes > RESPONSE_BYTES_MAX as u64 => Ended::TooLarge,
        None => Ended::Answered(whole.freeze()),
    }
}

/// Reads a piece for a caller who wants all at once; waits for ever when there is nothing to read.
async fn gather(gathered: &mut Option<(mpsc::Receiver<Piece>, BytesMut)>) {
    let Some((pieces, whole)) = gathered else { return std::future::pending().await };
    match pieces.recv().await {
        Some(Piece::Data(piece)) => add(whole, &piece),
        _ => std::future::pending().await,
    }
}

/// What is larger than an answer may be is only counted.
fn add(whole: &mut BytesMut, piece: &[u8]) {
    if whole.len() + piece.len() <= RESPONSE_BYTES_MAX {
        whole.extend_from_slice(piece);
    }
}

fn headers(one: &Invocation) -> Vec<(&'static str, String)> {
    let job = &one.job;
    let mut headers = vec![
        ("lambda-runtime-aws-request-id", job.request_id.clone()),
        ("lambda-runtime-deadline-ms", one.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", job.arn.clone()),
        ("lambda-runtime-trace-id", one.trace.clone()),
    ];
    if let Some(context) = &job.client_context {
        headers.push(("lambda-runtime-client-context", context.clone()));
    }
    headers
}

impl Job {
    /// Answers, unless that was done before. A caller that has gone needs no answer.
    pub fn answer(&mut self, result: Result<Outcome, api_lambda::Error>) {
        if let Some(reply) = self.reply.take() {
            let reply: oneshot::Sender<_> = reply;
            let _ = reply.send(result);
        }
    }

    /// Answers with an error.
    pub fn refuse(mut self, error: api_lambda::Error) {
        self.answer(Err(error));
    }
}

//! The life of one event: attempts, pauses, its end.

use std::time::Duration;

use api_lambda::Error;
use bytes::Bytes;
use kernel::{Fault, Kernel, Level};

use super::destination::{self, Failure, Result as Handled};
use super::{EVENTS, EventKey, Waiting};
use crate::Lambda;
use crate::event_invoke::{self, EventConfig};
use crate::invoke::{self, Request};
use crate::metrics::{Metric, Subject};
use crate::name::Name;
use crate::resolve::{self, Resolved};

/// What AWS does unless a function says otherwise.
const RETRIES_MAX: u32 = 2;
const AGE_SECONDS_MAX: i32 = 6 * 60 * 60;
/// Where there is no room, the pause doubles from the first to the second.
const REFUSED_MS: (i64, i64) = (1000, 5 * 60 * 1000);

/// How an attempt ended.
enum Next {
    /// The event is done, or given up.
    Done,
    /// It is tried again when it is due.
    Again(Box<Waiting>),
    /// The server stops; the event stays as it is.
    Stop,
}

/// Handles an event beside everything else.
pub(super) fn start(api: &Lambda, kernel: &Kernel, key: EventKey) {
    let (api, own) = (api.clone(), kernel.clone());
    kernel.spawn(async move {
        if let Err(error) = handle(&api, &own, &key).await {
            // The row is still there: the next start takes it up.
            let fault = Fault::from(error);
            own.log(Level::Error, format_args!("event {} of {}: {fault:?}", key.3, key.2));
        }
    });
}

async fn handle(api: &Lambda, kernel: &Kernel, key: &EventKey) -> Result<(), Error> {
    let (account, region, function, id) = key;
    let lane = api.lanes.of((account.clone(), region.clone(), function.clone()));
    loop {
        let due = |tx: &store::ReadTx| tx.get(&EVENTS, key.clone());
        let Some(waiting) = kernel.store().read(due)? else { return Ok(()) };
        let pause_ms = (waiting.due_ms - kernel.clock().now().epoch_ms).max(0) as u64;
        drop(waiting);
        tokio::select! {
            () = kernel.stopping() => return Ok(()),
            () = kernel.clock().sleep(Duration::from_millis(pause_ms)) => {}
        }
        let turn = tokio::select! {
            () = kernel.stopping() => return Ok(()),
            turn = lane.acquire() => turn.map_err(Fault::internal)?,
        };
        // Read again: only those whose turn it is hold their events in memory.
        let Some(waiting) = kernel.store().read(due)? else { return Ok(()) };
        let ctx = kernel.service_ctx("lambda.amazonaws.com", account, region);
        let name = Name { qualifier: waiting.qualifier.clone(), ..Name::of(&ctx, function) };
        let next = Attempt { api, ctx: &ctx, name, id }.run(waiting).await?;
        drop(turn);
        match next {
            Next::Stop => return Ok(()),
            Next::Done => {
                kernel.store().write(|tx| tx.delete(&EVENTS, key.clone())).await?;
                return Ok(());
            }
            Next::Again(waiting) => {
                kernel.store().write(|tx| tx.put(&EVENTS, key.clone(), &waiting)).await?;
            }
        }
    }
}

struct Attempt<'a> {
    api: &'a Lambda,
    ctx: &'a kernel::Ctx,
    name: Name,
    id: &'a str,
}

impl Attempt<'_> {
    async fn run(&self, waiting: Waiting) -> Result<Next, Fault> {
        let (ctx, name) = (self.ctx, &self.name);
        // Events of a function that has gone go with it.
        let Ok(target) = resolve::route(ctx, name) else { return Ok(Next::Done) };
        let config = ctx.store().read(|tx| event_invoke::load(tx, name))?.unwrap_or_default();
        let content = waiting.content(ctx.kernel().sealer())?;
        let payload = Bytes::from(content.payload);
        let age_ms = i64::from(config.age_seconds_max.unwrap_or(AGE_SECONDS_MAX)) * 1000;
        if ctx.now().epoch_ms - waiting.accepted_ms > age_ms {
            let failure = Failure { condition: "EventAgeExceeded", result: None };
            self.give_up(&target, &config, &waiting, payload, failure).await;
            return Ok(Next::Done);
        }
        // Nothing will ever have room, as AWS sees it: such events are not kept waiting.
        if target.function.reserved == Some(0) {
            let failure = Failure { condition: "ZeroReservedConcurrency", result: None };
            self.give_up(&target, &config, &waiting, payload, failure).await;
            return Ok(Next::Done);
        }
        let waited_ms = (ctx.now().epoch_ms - waiting.accepted_ms).max(0) as f64;
        self.count(&[(Metric::ASYNC_AGE, waited_ms)]);
        let request = Request {
            client_context: content.client_context,
            trace: waiting.trace.clone(),
            request_id: self.id.to_owned(),
            ..Request::new(ctx, payload.clone())
        };
        match invoke::run(self.api, ctx, &target, request).await {
            // Whatever the function was at: it was the stop that ended it.
            _ if ctx.kernel().is_stopping() => Ok(Next::Stop),
            Err(_) => Ok(self.refused(waiting)),
            Ok(outcome) => {
                let handled = Handled {
                    version: target.version.version.clone(),
                    payload: outcome.payload,
                    failed: outcome.failed,
                };
                self.ran(&target, &config, waiting, payload, handled).await
            }
        }
    }

    /// There was no room, or the server could not start the function: that is no attempt.
    fn refused(&self, mut waiting: Waiting) -> Next {
        let (first_ms, most_ms) = REFUSED_MS;
        let pause_ms = (first_ms << waiting.refusals.min(20)).min(most_ms);
        waiting.refusals += 1;
        waiting.due_ms = self.ctx.now().epoch_ms + pause_ms;
        Next::Again(Box::new(waiting))
    }

    async fn ran(
        &self,
        target: &Resolved,
        config: &EventConfig,
        mut waiting: Waiting,
        payload: Bytes,
        handled: Handled,
    ) -> Result<Next, Fault> {
        waiting.refusals = 0;
        if !handled.failed {
            if let Some(arn) = &config.on_success {
                let note = self.note(target, &waiting, &payload);
                if !destination::tell(self.ctx, target, arn, note.success(&handled)).await {
                    self.count(&[(Metric::DESTINATION_FAILURES, 1.0)]);
                }
            }
            return Ok(Next::Done);
        }
        let retries_max = config.retries_max.map_or(RETRIES_MAX, |n| n.max(0) as u32);
        waiting.failures += 1;
        if waiting.failures > retries_max {
            let failure = Failure { condition: "RetriesExhausted", result: Some(handled) };
            self.give_up(target, config, &waiting, payload, failure).await;
            return Ok(Next::Done);
        }
        let pauses = &self.api.host.options.retry_pauses;
        let pause = pauses[(waiting.failures as usize - 1).min(pauses.len() - 1)];
        waiting.due_ms = self.ctx.now().epoch_ms + pause.as_millis() as i64;
        Ok(Next::Again(Box::new(waiting)))
    }

    async fn give_up(
        &self,
        target: &Resolved,
        config: &EventConfig,
        waiting: &Waiting,
        payload: Bytes,
        failure: Failure,
    ) {
        self.count(&[(Metric::ASYNC_DROPPED, 1.0)]);
        let note = self.note(target, waiting, &payload);
        if let Some(arn) = &target.version.dead_letters
            && !destination::bury(self.ctx, target, arn, &note, &failure).await
        {
            self.count(&[(Metric::DEAD_LETTER_ERRORS, 1.0)]);
        }
        if let Some(arn) = &config.on_failure
            && !destination::tell(self.ctx, target, arn, note.failure(&failure)).await
        {
            self.count(&[(Metric::DESTINATION_FAILURES, 1.0)]);
        }
    }

    fn count(&self, taken: &[(Metric, f64)]) {
        self.api.host.metrics.note(self.ctx, Subject::of(&self.name, None), taken);
    }

    fn note<'b>(
        &'b self,
        target: &'b Resolved,
        waiting: &Waiting,
        payload: &'b Bytes,
    ) -> destination::Note<'b> {
        destination::Note {
            now: self.ctx.now(),
            request_id: self.id,
            function_arn: event_invoke::arn(&target.name),
            // Successes are told of before they are counted.
            attempts: waiting.failures,
            payload,
        }
    }
}

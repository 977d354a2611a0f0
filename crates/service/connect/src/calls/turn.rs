//! Time limits of turns: durable timers, so that a call ends even if the server was restarted
//! while it went on.

use super::records::{CALL_EVENTS, CALL_INPUTS, CALLS};
use super::{CallError, Calls, record};
use flow::{Event, Waiting};
use kernel::{BoxFuture, Ctx, Fault, Kernel, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Scan, Timer, WriteTx};

/// The kind of the timers.
pub(crate) const TURN_OVER: &str = "connect/turn-over";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct TurnOver {
    call_id: String,
    turn: u64,
    limit: Limit,
}

/// What passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Limit {
    /// [`super::PATIENCE_MS`]: nobody is there any more, or the server stopped in the turn.
    Patience,
    /// The time for input.
    Input,
    /// A pause of the flow.
    Pause,
    /// [`super::KEPT_MS`] after the end.
    Kept,
}

/// Lets the call be hung up when this turn takes too long.
pub(super) fn limit(
    tx: &mut WriteTx,
    ctx: &Ctx,
    call_id: &str,
    turn: u64,
) -> Result<(), CallError> {
    schedule(tx, ctx, super::PATIENCE_MS, call_id, turn, Limit::Patience)
}

/// Lets the input time out after `after_ms`.
pub(super) fn limit_input(
    tx: &mut WriteTx,
    ctx: &Ctx,
    after_ms: u64,
    call_id: &str,
    turn: u64,
) -> Result<(), CallError> {
    let after_ms = i64::try_from(after_ms).unwrap_or(super::PATIENCE_MS);
    schedule(tx, ctx, after_ms, call_id, turn, Limit::Input)
}

/// Lets the flow go on after `after_ms`.
pub(super) fn limit_pause(
    tx: &mut WriteTx,
    ctx: &Ctx,
    after_ms: u64,
    call_id: &str,
    turn: u64,
) -> Result<(), CallError> {
    let after_ms = i64::try_from(after_ms).unwrap_or(super::PATIENCE_MS);
    schedule(tx, ctx, after_ms, call_id, turn, Limit::Pause)
}

/// Lets the call be forgotten some time after its end.
pub(super) fn forget_later(
    tx: &mut WriteTx,
    ctx: &Ctx,
    call_id: &str,
    turn: u64,
) -> Result<(), CallError> {
    schedule(tx, ctx, super::KEPT_MS, call_id, turn, Limit::Kept)
}

fn schedule(
    tx: &mut WriteTx,
    ctx: &Ctx,
    after_ms: i64,
    call_id: &str,
    turn: u64,
    limit: Limit,
) -> Result<(), CallError> {
    let at_ms = u64::try_from(ctx.now().epoch_ms.saturating_add(after_ms)).unwrap_or_default();
    tx.schedule(at_ms, TURN_OVER, &TurnOver { call_id: call_id.to_owned(), turn, limit })?;
    Ok(())
}

impl TaskHandler for Calls {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let over: TurnOver =
                serde_json::from_value(timer.payload.clone()).map_err(Fault::internal)?;
            match self.turn_over(kernel, &over).await {
                // The call ended in the meantime, or its records are gone: nothing is left to do.
                Ok(()) | Err(CallError::Ended | CallError::NoCall(_)) => Ok(()),
                Err(error) => Err(Fault::internal(error)),
            }
        })
    }
}

impl Calls {
    async fn turn_over(&self, kernel: &Kernel, over: &TurnOver) -> Result<(), CallError> {
        let call_id = over.call_id.as_str();
        if over.limit == Limit::Kept {
            return forget(kernel, call_id).await;
        }
        let record = kernel.store().read(|tx| record(tx, call_id))?;
        if record.ended() || record.turn != over.turn {
            return Ok(());
        }
        match over.limit {
            Limit::Patience => self.hang_up(kernel, call_id).await,
            Limit::Input => {
                let live = self.live(call_id);
                if self.take_turn(kernel, call_id, Some(over.turn)).await? {
                    self.spawn(kernel, call_id, Event::InputTimeout, live);
                }
                Ok(())
            }
            Limit::Pause => {
                if record.state.waiting == Waiting::Timer {
                    let live = self.live(call_id);
                    self.spawn(kernel, call_id, Event::TimerFired, live);
                }
                Ok(())
            }
            Limit::Kept => Ok(()),
        }
    }
}

/// Deletes everything about a call but its contact.
async fn forget(kernel: &Kernel, call_id: &str) -> Result<(), CallError> {
    kernel
        .store()
        .write(|tx| {
            for (key, _) in tx.scan(&CALL_EVENTS, Scan::prefix(call_id))? {
                tx.delete(&CALL_EVENTS, key)?;
            }
            for (key, _) in tx.scan(&CALL_INPUTS, Scan::prefix(call_id))? {
                tx.delete(&CALL_INPUTS, key)?;
            }
            Ok(tx.delete(&CALLS, call_id)?)
        })
        .await
}

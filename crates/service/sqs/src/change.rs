//! What is done with a message that was received: deleting it, changing its visibility.

use api_sqs::{Error, MessageNotInflight};
use kernel::{Ctx, Fault};
use store::WriteTx;

use crate::Sqs;
use crate::error::{bad_value, missing};
use crate::groups;
use crate::handle::Handle;
use crate::line;
use crate::name::QueueName;
use crate::record::{LINE, Queue, RECEIVED, STATES, State, now_ms, require};
use crate::settings::VISIBILITY_S_MAX;

/// Deletes the messages of these handles; each has its own outcome.
pub(crate) async fn delete(
    sqs: &Sqs,
    ctx: &Ctx,
    name: &QueueName,
    handles: &[String],
) -> Result<Vec<Result<(), Error>>, Error> {
    let now_ms = now_ms(ctx);
    let (id, outcomes) = ctx
        .store()
        .write(|tx| {
            let queue = require(tx, name)?;
            let outcomes = handles.iter().map(|text| delete_one(ctx, tx, &queue, text, now_ms));
            Ok::<_, Error>((queue.id, settle(outcomes.collect())?))
        })
        .await?;
    let live = sqs.lives.of(id);
    let returned = outcomes.iter().filter(|outcome| matches!(outcome, Ok(true)));
    returned.for_each(|_| live.came_back());
    if name.is_fifo() {
        // A group may be free now.
        sqs.lives.wake(id, handles.len());
    }
    Ok(outcomes.into_iter().map(|outcome| outcome.map(drop)).collect())
}

/// Trouble with the store ends the transaction; what is wrong with a handle does not.
type Outcome<T> = Result<Result<T, Error>, Error>;

fn settle<T>(outcomes: Vec<Outcome<T>>) -> Result<Vec<Result<T, Error>>, Error> {
    outcomes.into_iter().collect()
}

/// Deletes a message; true if it was in flight.
fn delete_one(
    ctx: &Ctx,
    tx: &mut WriteTx,
    queue: &Queue,
    text: &str,
    now_ms: u64,
) -> Outcome<bool> {
    let handle = match open(ctx, queue, text) {
        Ok(handle) => handle,
        Err(refused) => return Ok(Err(refused)),
    };
    let Some(state) = state(tx, queue, handle)? else { return Ok(Ok(false)) };
    if queue.settings.fifo.is_some() && !is_current(&state, handle, now_ms) {
        return Ok(Err(expired(text)));
    }
    line::remove(tx, queue, handle.sequence, &state, now_ms)?;
    Ok(Ok(state.visible_ms > now_ms))
}

fn open(ctx: &Ctx, queue: &Queue, text: &str) -> Result<Handle, Error> {
    if text.is_empty() {
        return Err(missing("ReceiptHandle").into());
    }
    Handle::open(ctx, queue, text)
}

/// The state of a handle's message, if it is still in the queue.
fn state(tx: &WriteTx, queue: &Queue, handle: Handle) -> Result<Option<State>, store::StoreError> {
    if handle.rows != queue.rows {
        return Ok(None);
    }
    tx.get(&STATES, (queue.rows, handle.sequence))
}

/// In FIFO queues only the latest handle of a message in flight is good.
fn is_current(state: &State, handle: Handle, now_ms: u64) -> bool {
    state.receives == handle.receives && state.visible_ms > now_ms
}

fn expired(text: &str) -> Error {
    bad_value("ReceiptHandle", &text, "The receipt handle has expired.").into()
}

/// A message's handle and for how long it is to be invisible.
pub(crate) struct Change {
    pub handle: String,
    pub visibility_s: i32,
}

/// Changes when messages become visible again; each has its own outcome.
pub(crate) async fn change_visibility(
    sqs: &Sqs,
    ctx: &Ctx,
    name: &QueueName,
    changes: &[Change],
) -> Result<Vec<Result<(), Error>>, Error> {
    let now_ms = now_ms(ctx);
    let (id, outcomes) = ctx
        .store()
        .write(|tx| {
            let queue = require(tx, name)?;
            let outcomes = changes.iter().map(|change| change_one(ctx, tx, &queue, change, now_ms));
            Ok::<_, Error>((queue.id, settle(outcomes.collect())?))
        })
        .await?;
    sqs.lives.wake(id, changes.len());
    Ok(outcomes)
}

/// The model gives this error no message; clients in awsQuery read one.
fn not_in_flight() -> Error {
    let mut fault = Fault::from(Error::from(MessageNotInflight {}));
    fault.message = "The specified message isn't in flight.".into();
    fault.into()
}

fn change_one(
    ctx: &Ctx,
    tx: &mut WriteTx,
    queue: &Queue,
    change: &Change,
    now_ms: u64,
) -> Outcome<()> {
    let timeout = u32::try_from(change.visibility_s).ok().filter(|s| *s <= VISIBILITY_S_MAX);
    let Some(timeout_s) = timeout else {
        let reason = "VisibilityTimeout must be an integer between 0 and 43200";
        let value = change.visibility_s;
        return Ok(Err(bad_value("VisibilityTimeout", &value, reason).into()));
    };
    let handle = match open(ctx, queue, &change.handle) {
        Ok(handle) => handle,
        Err(refused) => return Ok(Err(refused)),
    };
    let Some(mut state) = state(tx, queue, handle)? else {
        let reason = "Message does not exist or is not available for visibility timeout change.";
        return Ok(Err(bad_value("ReceiptHandle", &change.handle, reason).into()));
    };
    if state.visible_ms <= now_ms || state.receives == 0 {
        return Ok(Err(not_in_flight()));
    }
    if queue.settings.fifo.is_some() && !is_current(&state, handle, now_ms) {
        return Ok(Err(expired(&change.handle)));
    }
    let visible_ms = now_ms + u64::from(timeout_s) * 1000;
    let latest_ms = state.received_ms.unwrap_or(now_ms) + u64::from(VISIBILITY_S_MAX) * 1000;
    if visible_ms > latest_ms {
        let reason = format!(
            "Total VisibilityTimeout for the message is beyond the limit [{VISIBILITY_S_MAX} seconds]"
        );
        return Ok(Err(bad_value("VisibilityTimeout", &timeout_s, &reason).into()));
    }
    let (rows, sequence) = (queue.rows, handle.sequence);
    let old_ms = std::mem::replace(&mut state.visible_ms, visible_ms);
    tx.put(&STATES, (rows, sequence), &state)?;
    match (&queue.settings.fifo, &state.group) {
        (Some(_), Some(group)) => {
            groups::change_visibility(tx, rows, group, sequence, visible_ms, now_ms)?;
        }
        _ => {
            tx.delete(&LINE, (rows, old_ms, sequence))?;
            tx.put_raw(&LINE, (rows, visible_ms, sequence), RECEIVED)?;
        }
    }
    Ok(Ok(()))
}

//! Messages as rows: adding, removing, moving. Both kinds of queues.

use store::{ReadTx, Scan, StoreError, WriteTx};

use crate::groups;
use crate::record::{BODIES, DELAYED, HEADS, LINE, Queue, RECEIVED, STATES, State};

/// Adds a message.
pub(crate) fn add(
    tx: &mut WriteTx,
    queue: &Queue,
    sequence: u64,
    row: bytes::Bytes,
    state: &State,
) -> Result<(), StoreError> {
    let rows = queue.rows;
    tx.put_raw(&BODIES, (rows, sequence), row)?;
    tx.put(&STATES, (rows, sequence), state)?;
    match (&queue.settings.fifo, &state.group) {
        (Some(_), Some(group)) => groups::append(tx, rows, group, sequence, state.visible_ms),
        _ => {
            let delayed = state.receives == 0 && state.visible_ms > state.sent_ms;
            let mark = if delayed { DELAYED } else { RECEIVED };
            tx.put_raw(&LINE, (rows, state.visible_ms, sequence), mark)
        }
    }
}

/// Removes a message and all that belongs to it.
pub(crate) fn remove(
    tx: &mut WriteTx,
    queue: &Queue,
    sequence: u64,
    state: &State,
    now_ms: u64,
) -> Result<(), StoreError> {
    let rows = queue.rows;
    tx.delete(&BODIES, (rows, sequence))?;
    tx.delete(&STATES, (rows, sequence))?;
    match (&queue.settings.fifo, &state.group) {
        (Some(_), Some(group)) => groups::remove(tx, rows, group, sequence, now_ms),
        _ => tx.delete(&LINE, (rows, state.visible_ms, sequence)),
    }
}

/// When the next message that is invisible at `now_ms` becomes visible.
pub(crate) fn next_visible_ms(
    tx: &ReadTx,
    queue: &Queue,
    now_ms: u64,
) -> Result<Option<u64>, StoreError> {
    let table = if queue.settings.fifo.is_some() { &HEADS } else { &LINE };
    let scan = Scan::prefix(queue.rows).gt((queue.rows, now_ms)).limit(1);
    let mut found = None;
    tx.scan_raw(table, &scan, &mut |key, _| {
        found = second_number(key);
        std::ops::ControlFlow::Break(())
    })?;
    Ok(found)
}

/// The second part of a key, when it is a number.
pub(crate) fn second_number(key: &[u8]) -> Option<u64> {
    match store::Key::from_bytes(key).parts()?.get(1) {
        Some(store::Part::U64(number)) => Some(*number),
        _ => None,
    }
}

//! FIFO queues: groups stand in line, each for its first message.
//!
//! A group waits while any of its messages is in flight, and while its first one is delayed. All
//! its messages in flight were handed out by one request: it comes to the front again only when
//! none is.

use std::ops::ControlFlow;

use store::{Key, Part, ReadTx, Scan, StoreError, WriteTx};

use crate::record::{GROUPS, Group, HEADS, IN_GROUP, STATES};

/// Puts a message at the end of its group.
pub(crate) fn append(
    tx: &mut WriteTx,
    rows: u64,
    group: &str,
    sequence: u64,
    visible_ms: u64,
) -> Result<(), StoreError> {
    tx.put_raw(&IN_GROUP, (rows, group, sequence), Vec::new())?;
    if tx.contains(&GROUPS, (rows, group))? {
        return Ok(());
    }
    let record = Group { available_ms: visible_ms, first: sequence, in_flight: Vec::new() };
    put(tx, rows, group, None, &record)
}

/// Notes that these messages were handed out until `visible_ms`.
pub(crate) fn hand_out(
    tx: &mut WriteTx,
    rows: u64,
    group: &str,
    messages: &[u64],
    visible_ms: u64,
) -> Result<(), StoreError> {
    let Some(old) = tx.get(&GROUPS, (rows, group))? else { return Ok(()) };
    let in_flight = messages.iter().map(|&sequence| (sequence, visible_ms)).collect();
    let record = Group { in_flight, ..old.clone() };
    tx.put(&GROUPS, (rows, group), &record)?;
    place(tx, rows, group, &old, record, 0)
}

/// Takes a message out of its group.
pub(crate) fn remove(
    tx: &mut WriteTx,
    rows: u64,
    group: &str,
    sequence: u64,
    now_ms: u64,
) -> Result<(), StoreError> {
    tx.delete(&IN_GROUP, (rows, group, sequence))?;
    change(tx, rows, group, now_ms, |in_flight| in_flight.retain(|(other, _)| *other != sequence))
}

/// Changes when a message in flight becomes visible again.
pub(crate) fn change_visibility(
    tx: &mut WriteTx,
    rows: u64,
    group: &str,
    sequence: u64,
    visible_ms: u64,
    now_ms: u64,
) -> Result<(), StoreError> {
    change(tx, rows, group, now_ms, |in_flight| {
        for (_, visible) in in_flight.iter_mut().filter(|(other, _)| *other == sequence) {
            *visible = visible_ms;
        }
    })
}

fn change(
    tx: &mut WriteTx,
    rows: u64,
    group: &str,
    now_ms: u64,
    change: impl FnOnce(&mut Vec<(u64, u64)>),
) -> Result<(), StoreError> {
    let Some(old) = tx.get(&GROUPS, (rows, group))? else { return Ok(()) };
    let mut record = old.clone();
    change(&mut record.in_flight);
    record.in_flight.retain(|(_, visible_ms)| *visible_ms > now_ms);
    place(tx, rows, group, &old, record, now_ms)
}

/// Puts a group where it belongs in the line.
fn place(
    tx: &mut WriteTx,
    rows: u64,
    group: &str,
    old: &Group,
    mut record: Group,
    now_ms: u64,
) -> Result<(), StoreError> {
    let Some(&first) = messages(tx, rows, group, 1)?.first() else {
        tx.delete(&HEADS, (rows, old.available_ms, old.first, group))?;
        return tx.delete(&GROUPS, (rows, group));
    };
    let latest = record.in_flight.iter().map(|(_, visible_ms)| *visible_ms).max();
    record.available_ms = match latest {
        Some(visible_ms) if visible_ms > now_ms => visible_ms,
        _ => tx.get(&STATES, (rows, first))?.map_or(now_ms, |state| state.visible_ms),
    };
    record.first = first;
    put(tx, rows, group, Some(old), &record)
}

fn put(
    tx: &mut WriteTx,
    rows: u64,
    group: &str,
    old: Option<&Group>,
    record: &Group,
) -> Result<(), StoreError> {
    if let Some(old) = old {
        tx.delete(&HEADS, (rows, old.available_ms, old.first, group))?;
    }
    tx.put_raw(&HEADS, (rows, record.available_ms, record.first, group), Vec::new())?;
    tx.put(&GROUPS, (rows, group), record)
}

/// The first messages of a group.
pub(crate) fn messages(
    tx: &ReadTx,
    rows: u64,
    group: &str,
    limit: usize,
) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    let scan = Scan::prefix((rows, group)).limit(limit);
    tx.scan_raw(&IN_GROUP, &scan, &mut |key, _| {
        if let Some(Part::U64(sequence)) = Key::from_bytes(key).parts().unwrap_or_default().pop() {
            found.push(sequence);
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

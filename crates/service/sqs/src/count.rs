//! How many messages a queue has. AWS calls these numbers approximate; here they are exact.

use std::ops::ControlFlow;

use store::{ReadTx, Scan, StoreError};

use crate::line::second_number;
use crate::record::{DELAYED, LINE, Queue, STATES};

/// Messages by what they wait for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub visible: u64,
    pub in_flight: u64,
    pub delayed: u64,
}

/// Counts all messages of a queue, as of `now_ms`.
pub(crate) fn count(tx: &ReadTx, queue: &Queue, now_ms: u64) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    if queue.settings.fifo.is_none() {
        tx.scan_raw(&LINE, &Scan::prefix(queue.rows), &mut |key, mark| {
            let visible = second_number(key).is_none_or(|at_ms| at_ms <= now_ms);
            counts.add(visible, &mark[..] == DELAYED);
            ControlFlow::Continue(())
        })?;
        return Ok(counts);
    }
    for (_, state) in tx.scan(&STATES, Scan::prefix(queue.rows))? {
        counts.add(state.visible_ms <= now_ms, state.receives == 0);
    }
    Ok(counts)
}

/// Counts the messages in flight alone.
pub(crate) fn in_flight(tx: &ReadTx, queue: &Queue, now_ms: u64) -> Result<u64, StoreError> {
    if queue.settings.fifo.is_some() {
        return Ok(count(tx, queue, now_ms)?.in_flight);
    }
    let mut found = 0;
    let scan = Scan::prefix(queue.rows).gt((queue.rows, now_ms));
    tx.scan_raw(&LINE, &scan, &mut |_, mark| {
        found += u64::from(&mark[..] != DELAYED);
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

impl Counts {
    fn add(&mut self, visible: bool, delayed: bool) {
        match (visible, delayed) {
            (true, _) => self.visible += 1,
            (false, true) => self.delayed += 1,
            (false, false) => self.in_flight += 1,
        }
    }
}

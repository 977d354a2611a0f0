//! What is kept in memory of a queue: who waits for its messages, which are just being handed
//! out, and whose turn it is to send in order. Losing it loses nothing.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::Duration;

use kernel::Ctx;
use store::StoreError;
use tokio::sync::Notify;

use crate::count::Counts;

/// All queues that were used, by their ids.
#[derive(Default)]
pub(crate) struct Lives {
    queues: Mutex<HashMap<u64, Arc<Live>>>,
    last: AtomicU64,
}

/// One queue.
#[derive(Default)]
pub(crate) struct Live {
    /// Woken once for each message that can be received, or whose time has changed.
    pub arrived: Notify,
    /// Held while messages of a FIFO queue get their numbers, until these are committed.
    pub turn: tokio::sync::Mutex<()>,
    claims: Mutex<Claims>,
    /// At least as many messages as are in flight; `u64::MAX` until they were counted.
    in_flight: Mutex<Option<u64>>,
    /// The last count of all messages, when it was made and how long it took.
    counts: Mutex<Option<(Counts, Duration, Duration)>>,
}

/// A count that took less than this is made anew whenever it is asked for.
const COUNT_QUICK: Duration = Duration::from_millis(5);
/// So many times as long as it took, a slow count is good for: who keeps asking about a queue of
/// millions has no more than this part of a processor.
const COUNT_GOOD_FOR: u32 = 20;

/// What requests under way are handing out.
#[derive(Default)]
pub(crate) struct Claims {
    /// Messages of standard queues.
    pub messages: HashSet<u64>,
    /// Groups of FIFO queues.
    pub groups: HashSet<String>,
}

/// Numbers in a millisecond. With them, the time fits into 64 bits until the year 2527.
const IN_A_MS: u64 = 1 << 20;

impl Lives {
    pub fn of(&self, id: u64) -> Arc<Live> {
        lock(&self.queues).entry(id).or_default().clone()
    }

    /// Forgets a queue that was deleted; whoever waits for its messages looks again.
    pub fn remove(&self, id: u64) {
        if let Some(live) = lock(&self.queues).remove(&id) {
            live.arrived.notify_waiters();
        }
    }

    /// Forgets all.
    pub fn clear(&self) {
        for (_, live) in lock(&self.queues).drain() {
            live.arrived.notify_waiters();
        }
    }

    /// Says that so many messages can be received, or change their time.
    pub fn wake(&self, id: u64, messages: usize) {
        let live = self.of(id);
        (0..messages).for_each(|_| live.arrived.notify_one());
    }

    /// A number that grows with time, and is never given twice by this process.
    pub fn next(&self, now_ms: u64) -> u64 {
        let least = now_ms * IN_A_MS;
        let next = |last: u64| Some(least.max(last + 1));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        last.map_or(least, |last| least.max(last + 1))
    }
}

impl Live {
    /// The messages of the queue. AWS calls the numbers approximate: those of a queue that is slow
    /// to count may be some seconds old.
    pub fn counted(
        &self,
        ctx: &Ctx,
        count: impl FnOnce() -> Result<Counts, StoreError>,
    ) -> Result<Counts, StoreError> {
        let began = ctx.elapsed();
        if let Some((counts, at, took)) = *lock(&self.counts)
            && took >= COUNT_QUICK
            && began.saturating_sub(at) < took * COUNT_GOOD_FOR
        {
            return Ok(counts);
        }
        let counts = count()?;
        let ended = ctx.elapsed();
        *lock(&self.counts) = Some((counts, ended, ended.saturating_sub(began)));
        Ok(counts)
    }

    /// What requests under way are handing out.
    pub fn claims(&self) -> MutexGuard<'_, Claims> {
        lock(&self.claims)
    }

    /// How many messages may be in flight, counted by `count` if nobody knows or if it seems to
    /// be `limit` and more: messages come back without anybody noticing.
    pub fn in_flight<E>(
        &self,
        limit: u64,
        count: impl FnOnce() -> Result<u64, E>,
    ) -> Result<u64, E> {
        let mut known = lock(&self.in_flight);
        match *known {
            Some(most) if most < limit => Ok(most),
            _ => {
                let counted = count()?;
                *known = Some(counted);
                Ok(counted)
            }
        }
    }

    /// So many more are in flight.
    pub fn sent_out(&self, messages: u64) {
        if let Some(most) = lock(&self.in_flight).as_mut() {
            *most += messages;
        }
    }

    /// One is in flight no more.
    pub fn came_back(&self) {
        if let Some(most) = lock(&self.in_flight).as_mut() {
            *most = most.saturating_sub(1);
        }
    }
}

/// A panic elsewhere leaves nothing half done in these.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_even_if_the_clock_goes_back() {
        let lives = Lives::default();
        let numbers: Vec<u64> = [5, 5, 3, 6].map(|ms| lives.next(ms)).into();
        assert_eq!(numbers, [5 << 20, (5 << 20) + 1, (5 << 20) + 2, 6 << 20]);
    }
}

//! Which calls this process is carrying out a turn of. A call whose record says that a turn is
//! under way and that is not among them lost its turn when an earlier server stopped.

use super::{CallError, CallEvent, Calls, record};
use kernel::Kernel;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// Turns under way, by call.
#[derive(Default)]
pub(super) struct LiveTurns(Mutex<HashMap<String, usize>>);

impl LiveTurns {
    fn turns(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        // Counts are whole whatever a panicking holder did.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A turn under way, until it is dropped.
pub(super) struct Live {
    calls: Calls,
    call_id: String,
}

impl Calls {
    /// Marks a turn as under way. Taken before the record says so, so that nobody takes the turn
    /// for lost in between.
    pub(super) fn live(&self, call_id: &str) -> Live {
        *self.inner.live.turns().entry(call_id.to_owned()).or_default() += 1;
        Live { calls: self.clone(), call_id: call_id.to_owned() }
    }

    /// Ends the call if its turn was lost.
    pub(super) async fn end_if_lost(
        &self,
        kernel: &Kernel,
        call_id: &str,
    ) -> Result<(), CallError> {
        // Lost: busy before and after nobody was found to work on it, all in one turn. A turn
        // that ends or begins meanwhile shows in the second record.
        let before = kernel.store().read(|tx| record(tx, call_id))?;
        let live = self.inner.live.turns().contains_key(call_id);
        let after = kernel.store().read(|tx| record(tx, call_id))?;
        if live || !before.busy || !after.busy || before.turn != after.turn {
            return Ok(());
        }
        let text = "the server stopped in the middle of this turn".to_owned();
        self.note(kernel, call_id, CallEvent::Warning { text }).await?;
        match self.hang_up(kernel, call_id).await {
            Err(CallError::Ended) => Ok(()),
            other => other,
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let mut turns = self.calls.inner.live.turns();
        if let Some(count) = turns.get_mut(&self.call_id) {
            *count -= 1;
            if *count == 0 {
                turns.remove(&self.call_id);
            }
        }
    }
}

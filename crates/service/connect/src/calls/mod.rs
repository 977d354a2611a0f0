//! Calls: an inbound call to a claimed number runs the flow that answers it.
//!
//! A phone, which may be a terminal, places a call with [`Calls::start`], follows it with
//! [`Calls::events`] and takes its turns with [`Calls::act`]. Between two turns a call is nothing
//! but records in the store: the state of the flow's machine, what happened so far, and every
//! event the machine was given ([`Calls::inputs`]), so that a call survives a restart of the
//! server and can be replayed. Prompts take no time: they are text.

mod act;
mod error;
mod event;
mod inputs;
mod lambda;
mod live;
mod logs;
mod records;
mod run;
mod start;
mod step;
mod turn;

pub use act::CallerAct;
pub use error::CallError;
pub use event::{CallEvent, NumberedEvent};
pub(crate) use logs::{FLOW_LOG, FlowLogs};
pub use start::{CallStarted, StartCall};
pub(crate) use turn::TURN_OVER;

use flow::Flow;
use kernel::Kernel;
use records::{CALL_EVENTS, CALLS, CallRecord};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use store::{Part, ReadTx, Scan};
use tokio::sync::watch;

/// How long a caller may take over a turn before the call is hung up, in milliseconds.
pub const PATIENCE_MS: i64 = 600_000;

/// How long the transcript of an ended call is kept, in milliseconds; its contact stays.
pub const KEPT_MS: i64 = 7 * 24 * 3_600_000;

/// Events that [`Calls::events`] hands out at once.
const EVENTS_MAX: usize = 1_000;
/// Loaded flows kept in memory.
const FLOWS_MAX: usize = 64;

/// The calls of the cloud. Cheap to clone.
#[derive(Clone, Default)]
pub struct Calls {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Flows by the SHA-256 of their content.
    flows: Mutex<HashMap<String, Arc<Flow>>>,
    /// Moves whenever a call has more to tell.
    changed: Changed,
    live: live::LiveTurns,
}

struct Changed(watch::Sender<u64>);

impl Default for Changed {
    fn default() -> Changed {
        Changed(watch::channel(0).0)
    }
}

impl Calls {
    /// What happened in a call after event number `after` (0 for all), at most 1,000 events at
    /// once. Waits until there is something; answers nothing only when the call has ended and
    /// everything was told.
    ///
    /// # Errors
    /// [`CallError::NoCall`], [`CallError::Stopping`], and what goes wrong in the store.
    pub async fn events(
        &self,
        kernel: &Kernel,
        call_id: &str,
        after: u64,
    ) -> Result<Vec<NumberedEvent>, CallError> {
        self.end_if_lost(kernel, call_id).await?;
        let mut changed = self.inner.changed.0.subscribe();
        loop {
            changed.mark_unchanged();
            let (events, ended) = kernel.store().read(|tx| {
                let ended = record(tx, call_id)?.ended();
                let scan = Scan::prefix(call_id).gt((call_id, after)).limit(EVENTS_MAX);
                Ok::<_, CallError>((tx.scan(&CALL_EVENTS, scan)?, ended))
            })?;
            if ended || !events.is_empty() {
                let numbered =
                    events.into_iter().filter_map(|(key, event)| match key.parts()?.pop()? {
                        Part::U64(number) => Some(NumberedEvent { number, event }),
                        _ => None,
                    });
                return Ok(numbered.collect());
            }
            tokio::select! {
                // The sender lives as long as these calls do.
                _ = changed.changed() => {}
                () = kernel.stopping() => return Err(CallError::Stopping),
            }
        }
    }

    /// The attributes of the call's contact as they are now.
    ///
    /// # Errors
    /// [`CallError::NoCall`], and what goes wrong in the store.
    pub fn attributes(
        &self,
        kernel: &Kernel,
        call_id: &str,
    ) -> Result<BTreeMap<String, String>, CallError> {
        kernel.store().read(|tx| {
            let record = record(tx, call_id)?;
            let contact = tx.get(&crate::records::CONTACTS, record.contact_key(call_id))?;
            Ok(contact.map_or(record.state.attributes, |contact| contact.attributes))
        })
    }

    /// Drops what is kept in memory.
    pub(crate) fn forget(&self) {
        self.flows().clear();
        self.tell();
    }

    fn tell(&self) {
        self.inner.changed.0.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    fn flows(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Flow>>> {
        // What is in the map is whole whatever a panicking holder did.
        self.inner.flows.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The flow whose content has this SHA-256, loaded with `load` if it is not at hand.
    fn flow(
        &self,
        sha256: &str,
        load: impl FnOnce() -> Result<Flow, CallError>,
    ) -> Result<Arc<Flow>, CallError> {
        if let Some(flow) = self.flows().get(sha256) {
            return Ok(Arc::clone(flow));
        }
        let flow = Arc::new(load()?);
        let mut flows = self.flows();
        if flows.len() >= FLOWS_MAX {
            flows.clear();
        }
        flows.insert(sha256.to_owned(), Arc::clone(&flow));
        Ok(flow)
    }
}

/// The call `call_id`, which must exist.
fn record(tx: &ReadTx, call_id: &str) -> Result<CallRecord, CallError> {
    tx.get(&CALLS, call_id)?.ok_or_else(|| CallError::NoCall(call_id.to_owned()))
}

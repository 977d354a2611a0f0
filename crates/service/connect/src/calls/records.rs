//! What is kept of calls.

use super::CallEvent;
use flow::{State, Waiting};
use serde::{Deserialize, Serialize};
use store::Table;

/// Calls: (call id).
pub(super) const CALLS: Table<CallRecord> = Table::new("connect/call");
/// What happened: (call id, number from 1).
pub(super) const CALL_EVENTS: Table<CallEvent> = Table::new("connect/call-event");
/// What the machine was given: (call id, number from 1).
pub(super) const CALL_INPUTS: Table<flow::Event> = Table::new("connect/call-input");

/// A call. Its id is its contact's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CallRecord {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) instance_id: String,
    /// Where flow logs go: `/aws/connect/ALIAS`.
    pub(super) log_group: String,
    /// SHA-256 of the content of the flow that runs now.
    pub(super) sha256: String,
    /// The flow's machine.
    pub(super) state: State,
    /// How often the caller had a turn; timers of earlier turns mean nothing.
    pub(super) turn: u64,
    /// A turn is being carried out.
    pub(super) busy: bool,
    /// Time limits of input are real ones, not the caller's word.
    pub(super) real_time: bool,
    /// Numbers given out in [`CALL_EVENTS`] and [`CALL_INPUTS`].
    pub(super) events: u64,
    pub(super) inputs: u64,
}

impl CallRecord {
    /// Whether the call is over.
    pub(super) fn ended(&self) -> bool {
        self.state.waiting == Waiting::Ended
    }

    /// The key of the call's contact.
    pub(super) fn contact_key<'a>(
        &'a self,
        call_id: &'a str,
    ) -> (&'a str, &'a str, &'a str, &'a str) {
        (&self.account, &self.region, &self.instance_id, call_id)
    }
}

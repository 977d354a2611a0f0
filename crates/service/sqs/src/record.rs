//! What the store holds.

use std::collections::BTreeMap;

use api_sqs::Error;
use kernel::Ctx;
use serde::{Deserialize, Serialize};
use store::{RawTable, ReadTx, StoreError, Table};

use crate::error::no_queue;
use crate::name::QueueName;
use crate::settings::Settings;

/// Queues by (account, region, name).
pub(crate) const QUEUES: Table<Queue> = Table::new("sqs/queue");
/// What was sent, sealed, by (rows, sequence).
pub(crate) const BODIES: RawTable = RawTable::new("sqs/body");
/// [`State`]s by (rows, sequence).
pub(crate) const STATES: Table<State> = Table::new("sqs/state");
/// Messages of standard queues in line: (rows, visible at, sequence) → [`DELAYED`] or not.
pub(crate) const LINE: RawTable = RawTable::new("sqs/line");
/// Messages of FIFO queues: (rows, group, sequence) → nothing.
pub(crate) const IN_GROUP: RawTable = RawTable::new("sqs/in-group");
/// [`Group`]s with messages by (rows, group).
pub(crate) const GROUPS: Table<Group> = Table::new("sqs/group");
/// Groups in line: (rows, available at, sequence of the first message, group) → nothing.
pub(crate) const HEADS: RawTable = RawTable::new("sqs/head");
/// The last sequence number of a FIFO queue by its id.
pub(crate) const SEQUENCES: Table<u64> = Table::new("sqs/sequence");
/// Messages sent within five minutes by (queue's id, scope, deduplication id).
pub(crate) const SENT: Table<Sent> = Table::new("sqs/sent");
/// The same by time: (queue's id, expires at, scope, deduplication id) → nothing.
pub(crate) const SENT_UNTIL: RawTable = RawTable::new("sqs/sent-until");
/// What a ReceiveRequestAttemptId got, by (queue's id, attempt).
pub(crate) const ATTEMPTS: Table<Attempt> = Table::new("sqs/attempt");
/// The same by time: (queue's id, expires at, attempt) → nothing.
pub(crate) const ATTEMPTS_UNTIL: RawTable = RawTable::new("sqs/attempt-until");

/// The value of a message in [`LINE`] that nobody has received yet, only waits for its delay.
pub(crate) const DELAYED: &[u8] = b"d";
/// The value of any other.
pub(crate) const RECEIVED: &[u8] = b"r";

/// A queue.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Queue {
    /// Random, never reused.
    pub id: u64,
    /// First part of the keys of its messages; a new one when the queue is purged.
    pub rows: u64,
    pub created_ms: u64,
    pub modified_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purged_ms: Option<u64>,
    pub settings: Settings,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Which of the timers that remove old messages is the good one.
    #[serde(default)]
    pub retention_run: u64,
}

/// What changes of a message.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct State {
    pub sent_ms: u64,
    pub visible_ms: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub receives: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_ms: Option<u64>,
    /// The group, in FIFO queues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// ARN of the queue that this dead letter comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The id of a message that was moved unread, where it is not the one it was sent with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// A group of a FIFO queue that has messages.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Group {
    /// Its place in [`HEADS`].
    pub available_ms: u64,
    pub first: u64,
    /// Messages handed out and when they become visible again. All were handed out by one
    /// request, so they are ten at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_flight: Vec<(u64, u64)>,
}

/// A deduplication id that was used.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sent {
    pub until_ms: u64,
    pub message_id: String,
    pub sequence: u64,
}

/// A receive request that may be repeated.
#[derive(Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub until_ms: u64,
    /// Sequence, and how often it had been received then.
    pub messages: Vec<(u64, u32)>,
}

/// Milliseconds since 1970.
pub(crate) fn now_ms(ctx: &Ctx) -> u64 {
    ctx.now().epoch_ms.max(0) as u64
}

/// A queue, or the refusal.
pub(crate) fn require(tx: &ReadTx, name: &QueueName) -> Result<Queue, Error> {
    tx.get(&QUEUES, name.key())?.ok_or_else(no_queue)
}

/// The policy of the queue with this ARN, as it was set; nothing without queue or policy.
pub fn policy_text(tx: &ReadTx, arn: &str) -> Result<Option<String>, StoreError> {
    let Some(name) = QueueName::of_arn(arn) else { return Ok(None) };
    Ok(tx.get(&QUEUES, name.key())?.and_then(|queue| queue.settings.policy))
}

//! What the store holds.

use std::collections::BTreeMap;

use kernel::{Ctx, Fault};
use serde::{Deserialize, Serialize};
use store::{RawTable, ReadTx, Scan, StoreError, Table};

use crate::error::{no_subscription, no_topic};
use crate::name::TopicName;

/// Topics by (account, region, name).
pub(crate) const TOPICS: Table<Topic> = Table::new("sns/topic");
/// Subscriptions by (account, region, topic's name, id).
pub(crate) const SUBSCRIPTIONS: Table<Subscription> = Table::new("sns/subscription");
/// What was published to FIFO topics within five minutes, by (topic's id, scope, deduplication id).
pub(crate) const PUBLISHED: Table<Published> = Table::new("sns/published");
/// The same by time: (forgotten at, topic's id, scope, deduplication id) → nothing.
pub(crate) const PUBLISHED_UNTIL: RawTable = RawTable::new("sns/published-until");
/// The last sequence number of a FIFO topic by its id.
pub(crate) const SEQUENCES: Table<u64> = Table::new("sns/sequence");
/// What is to be delivered, by its number.
pub(crate) const DELIVERIES: Table<Delivery> = Table::new("sns/delivery");
/// The same by time: (due at, number) → nothing.
pub(crate) const DUE: RawTable = RawTable::new("sns/due");
/// The sealed key that signs messages, and its certificate; one row.
pub(crate) const SIGNING: Table<Signing> = Table::new("sns/signing");

/// A topic.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Topic {
    /// Random, never reused.
    pub id: u64,
    /// As they were set; what was not set is not there.
    pub attributes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Subscriptions that there were.
    #[serde(default)]
    pub deleted: u64,
}

impl Topic {
    /// Whether an attribute is `true`.
    pub fn is(&self, name: &str) -> bool {
        self.attributes.get(name).is_some_and(|text| text == "true")
    }
}

/// A subscription.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Subscription {
    pub id: String,
    pub owner: String,
    /// ARN of who made it.
    pub principal: String,
    pub protocol: String,
    pub endpoint: String,
    pub attributes: BTreeMap<String, String>,
    /// What confirms it; nothing once it is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Only its owner may end it.
    #[serde(default)]
    pub guarded: bool,
    /// Who confirmed it was signed in.
    #[serde(default)]
    pub authenticated: bool,
}

impl Subscription {
    /// Whether an attribute is `true`.
    pub fn is(&self, name: &str) -> bool {
        self.attributes.get(name).is_some_and(|text| text == "true")
    }
}

/// A message to a FIFO topic.
#[derive(Serialize, Deserialize)]
pub(crate) struct Published {
    pub until_ms: u64,
    pub message_id: String,
    pub sequence: u64,
}

/// A message on its way to one subscriber.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Delivery {
    /// ARN of the topic.
    pub topic: String,
    /// ARN of the subscription.
    pub subscription: String,
    pub protocol: String,
    pub endpoint: String,
    pub message_id: String,
    /// `Notification`, `SubscriptionConfirmation`.
    pub kind: String,
    pub subject: Option<String>,
    /// What the subscriber gets, whole.
    pub body: String,
    pub raw: bool,
    /// Attributes that travel beside a raw message.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    pub group: Option<String>,
    pub deduplication_id: Option<String>,
    /// ARN of the queue for what cannot be delivered.
    pub dead_letters: Option<String>,
    /// The delivery policy of the subscription or its topic.
    pub policy: Option<String>,
    /// Attempts that failed.
    pub attempts: u32,
    /// Its place in [`DUE`].
    pub due_ms: u64,
    /// Body, subject and attributes under a data key of KMS, in base64: then they are not above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
}

/// A message attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attribute {
    pub data_type: String,
    /// Text, or base64 of bytes.
    pub value: String,
}

/// Who signs messages.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Signing {
    /// PKCS #8, sealed, in base64.
    pub key: String,
    /// PEM.
    pub certificate: String,
}

/// Milliseconds since 1970.
pub(crate) fn now_ms(ctx: &Ctx) -> u64 {
    ctx.now().epoch_ms.max(0) as u64
}

/// A store's trouble as a fault.
pub(crate) fn trouble(error: StoreError) -> Fault {
    kernel::store_fault(error)
}

/// A topic, or the refusal.
pub(crate) fn require(tx: &ReadTx, name: &TopicName) -> Result<Topic, Fault> {
    tx.get(&TOPICS, name.key()).map_err(trouble)?.ok_or_else(no_topic)
}

/// A subscription, or the refusal.
pub(crate) fn require_subscription(
    tx: &ReadTx,
    topic: &TopicName,
    id: &str,
) -> Result<Subscription, Fault> {
    let found = tx.get(&SUBSCRIPTIONS, topic.key().text(id)).map_err(trouble)?;
    found.ok_or_else(no_subscription)
}

/// All subscriptions of a topic.
pub(crate) fn subscriptions(
    tx: &ReadTx,
    topic: &TopicName,
) -> Result<Vec<Subscription>, StoreError> {
    let found = tx.scan(&SUBSCRIPTIONS, Scan::prefix(topic.key()))?;
    Ok(found.into_iter().map(|(_, subscription)| subscription).collect())
}

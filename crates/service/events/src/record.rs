//! What the store holds.

use std::collections::BTreeMap;

use kernel::{Ctx, Fault, Kernel};
use serde::{Deserialize, Serialize};
use store::{Key, Part, RawTable, ReadTx, Scan, StoreError, Table, TimerId};

use crate::error::{no_bus, no_rule, trouble};
use crate::name::{BusName, DEFAULT};

/// Buses by (account, region, name); the default one is only here if something was said of it.
pub(crate) const BUSES: Table<Bus> = Table::new("events/bus");
/// Rules by (account, region, bus, name).
pub(crate) const RULES: Table<Rule> = Table::new("events/rule");
/// What is to be delivered, by its number.
pub(crate) const DELIVERIES: Table<Delivery> = Table::new("events/delivery");
/// The same by time: (due at, number) → nothing.
pub(crate) const DUE: RawTable = RawTable::new("events/due");

/// A bus.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Bus {
    pub description: Option<String>,
    /// ARN of a queue.
    pub dead_letters: Option<String>,
    /// Its resource policy.
    pub policy: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Zero of the default bus.
    pub created_ms: u64,
    pub modified_ms: u64,
}

/// A rule and its targets.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub pattern: Option<String>,
    pub schedule: Option<String>,
    pub enabled: bool,
    pub description: Option<String>,
    pub role: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// In the order in which they came.
    pub targets: Vec<Target>,
    /// What the next event of its schedule waits for.
    pub timer: Option<TimerId>,
}

/// Who gets the events of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub id: String,
    pub arn: String,
    pub role: Option<String>,
    /// What it gets instead of the event: a constant, a part, a text with parts in it.
    pub input: Option<String>,
    pub input_path: Option<String>,
    pub transformer: Option<Transformer>,
    /// `SqsParameters`: the group, if that was given.
    pub sqs: Option<Option<String>>,
    /// ARN of the queue for what cannot be delivered, if a `DeadLetterConfig` was given.
    pub dead_letters: Option<Option<String>>,
    pub retry: Option<Retry>,
}

/// `RetryPolicy`, as given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retry {
    pub attempts_max: Option<i32>,
    pub age_seconds_max: Option<i32>,
}

/// `InputTransformer`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transformer {
    pub paths: Option<BTreeMap<String, String>>,
    pub template: String,
}

/// An event on its way to one target.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Delivery {
    /// ARN of the rule.
    pub rule: String,
    pub target: Target,
    /// [`crate::event::Event`] as JSON, sealed, in base64.
    pub sealed: String,
    pub trace: Option<String>,
    /// Buses that the event has been on before this rule's.
    pub hops: u32,
    pub accepted_ms: u64,
    /// Attempts that failed.
    pub attempts: u32,
    /// Its place in [`DUE`].
    pub due_ms: u64,
}

/// Milliseconds since 1970.
pub(crate) fn now_ms(kernel: &Kernel) -> u64 {
    kernel.clock().now().epoch_ms.max(0) as u64
}

/// A bus, if it is there; the default one is.
pub(crate) fn bus(tx: &ReadTx, name: &BusName) -> Result<Option<Bus>, StoreError> {
    let found = tx.get(&BUSES, name.key())?;
    Ok(found.or_else(|| (name.name == DEFAULT).then(Bus::default)))
}

/// A bus, or the refusal.
pub(crate) fn require_bus(tx: &ReadTx, name: &BusName) -> Result<Bus, Fault> {
    bus(tx, name).map_err(trouble)?.ok_or_else(|| no_bus(name))
}

/// A rule, or the refusal that names what is missing.
pub(crate) fn require_rule(tx: &ReadTx, bus: &BusName, rule: &str) -> Result<Rule, Fault> {
    require_bus(tx, bus)?;
    let found = tx.get(&RULES, bus.key().text(rule)).map_err(trouble)?;
    found.ok_or_else(|| no_rule(rule, bus))
}

/// The rules of a bus in the order of their names, those that begin with `prefix`.
pub(crate) fn rules(
    tx: &ReadTx,
    bus: &BusName,
    prefix: &str,
) -> Result<Vec<(String, Rule)>, StoreError> {
    let found = tx.scan(&RULES, Scan::prefix(bus.key().text_beginning(prefix)))?;
    Ok(found.into_iter().map(|(key, rule)| (name_in(&key), rule)).collect())
}

/// The buses of the caller's account and region, the default one among them.
pub(crate) fn buses(tx: &ReadTx, ctx: &Ctx) -> Result<Vec<(String, Bus)>, StoreError> {
    let found = tx.scan(&BUSES, Scan::prefix(Key::of((ctx.account(), ctx.region()))))?;
    let mut all: BTreeMap<String, Bus> =
        found.into_iter().map(|(key, bus)| (name_in(&key), bus)).collect();
    all.entry(DEFAULT.into()).or_default();
    Ok(all.into_iter().collect())
}

/// The last part of a key, which is a name.
pub(crate) fn name_in(key: &Key) -> String {
    match key.parts().unwrap_or_default().pop() {
        Some(Part::Text(name)) => name,
        other => unreachable!("keys of buses and rules end with a name, not {other:?}"),
    }
}

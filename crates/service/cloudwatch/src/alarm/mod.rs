//! Alarms: a metric, or what an expression makes of some, watched over time.
//!
//! A durable timer for each alarm evaluates it (`evaluate.rs`). What follows from a new state
//! (`change.rs`) is in the same commit: the state, a line of history, an event for each action, which
//! is then carried out at least once (`act.rs`), and one for EventBridge (`announce.rs`).

pub(crate) mod act;
pub(crate) mod announce;
pub(crate) mod change;
mod configuration;
pub(crate) mod evaluate;
pub(crate) mod history;
mod judge;
pub(crate) mod message;
mod show;

use std::collections::BTreeMap;

use api_cloudwatch::{Error, ResourceNotFound, StateValue};
use kernel::Ctx;
use serde::{Deserialize, Serialize};
use store::{ReadTx, Table, TimerId};

pub(crate) use configuration::{Configuration, Watched};
pub(crate) use show::shown;

/// Alarms by (account, region, name).
pub(crate) const ALARMS: Table<Alarm> = Table::new("cloudwatch/alarm");

/// An alarm.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Alarm {
    pub configuration: Configuration,
    pub configured_ms: i64,
    pub state: State,
    /// When its value last became another one.
    pub transitioned_ms: i64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What evaluates it next.
    pub timer: TimerId,
}

/// What an alarm says, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// `OK`, `ALARM`, `INSUFFICIENT_DATA`.
    pub value: String,
    pub reason: String,
    /// JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    pub updated_ms: i64,
}

impl State {
    /// That of a new alarm.
    pub fn new(now_ms: i64) -> Self {
        State {
            value: StateValue::InsufficientData.as_str().to_owned(),
            reason: "Unchecked: Initial alarm creation".to_owned(),
            data: None,
            updated_ms: now_ms,
        }
    }
}

/// The key of an alarm.
pub(crate) fn key<'a>(ctx: &'a Ctx, name: &'a str) -> (&'a str, &'a str, &'a str) {
    (ctx.account(), ctx.region(), name)
}

/// The ARN of an alarm.
pub(crate) fn arn(ctx: &Ctx, name: &str) -> String {
    ctx.arn("cloudwatch", format!("alarm:{name}")).to_string()
}

/// An alarm, or the refusal.
pub(crate) fn require(tx: &ReadTx, ctx: &Ctx, name: &str) -> Result<Alarm, Error> {
    tx.get(&ALARMS, key(ctx, name))?.ok_or_else(|| {
        let message = Some(format!("Alarm {name} does not exist"));
        ResourceNotFound { message }.into()
    })
}

//! What happened to alarms, for thirty days.

use kernel::Ctx;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use store::{Scan, StoreError, Table, WriteTx};

/// Items by (account, region, milliseconds since 1970, a random number).
pub(crate) const HISTORY: Table<Item> = Table::new("cloudwatch/alarm-history");

/// `HistoryData`'s longest text.
const DATA_CHARS_MAX: usize = 4095;
const SUMMARY_CHARS_MAX: usize = 255;
const KEPT_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// Old items that go when one comes.
const OLD_MAX: usize = 4;

/// Something that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Item {
    /// The alarm.
    pub name: String,
    /// `ConfigurationUpdate`, `StateUpdate`, `Action`.
    pub kind: String,
    pub summary: String,
    /// JSON.
    pub data: String,
}

/// Writes down what happened.
pub(crate) fn add(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    kind: &str,
    summary: &str,
    data: Json,
) -> Result<(), StoreError> {
    let whose = (ctx.account(), ctx.region());
    let now_ms = ctx.now().epoch_ms.max(0) as u64;
    let before_ms = now_ms.saturating_sub(KEPT_MS);
    let old = Scan::prefix(whose).lt((whose, before_ms)).limit(OLD_MAX);
    for (key, _) in tx.scan(&HISTORY, old)? {
        tx.delete(&HISTORY, key)?;
    }
    let mut text = data.to_string();
    if text.chars().count() > DATA_CHARS_MAX {
        text = serde_json::json!({"version": "1.0", "truncated": true}).to_string();
    }
    let summary = summary.chars().take(SUMMARY_CHARS_MAX).collect();
    let item = Item { name: name.to_owned(), kind: kind.to_owned(), summary, data: text };
    tx.put(&HISTORY, (whose, now_ms, ctx.random().u64()), &item)
}

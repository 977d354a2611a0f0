//! Contributor insights: whether they are switched on for a table or an index.
//!
//! Only that is kept, as clients want to see it: nothing counts keys, and no rules or reports
//! are made, which in AWS are CloudWatch's.

use api_dynamodb::{ContributorInsightsMode, ContributorInsightsStatus, Error};
use kernel::{Ctx, StoreError};
use serde::{Deserialize, Serialize};
use store::{Key, Part, ReadTx, Scan, Table, WriteTx};

use crate::fault;
use crate::index::IndexKind;
use crate::table;

/// Insights by account, region, table and index; the table's own have an empty index.
const INSIGHTS: Table<InsightsRecord> = Table::new("dynamodb/insights");

/// How long insights are said to be on their way on or off.
const CHANGE_MS: i64 = 200;

/// Insights of a table or index.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct InsightsRecord {
    pub enabled: bool,
    /// As in the API.
    pub mode: String,
    pub changed_ms: i64,
}

impl InsightsRecord {
    /// The state they are in.
    pub fn status(&self, now_ms: i64) -> ContributorInsightsStatus {
        let is_changing = now_ms < self.changed_ms + CHANGE_MS;
        match (self.enabled, is_changing) {
            (true, true) => ContributorInsightsStatus::Enabling,
            (true, false) => ContributorInsightsStatus::Enabled,
            (false, true) => ContributorInsightsStatus::Disabling,
            (false, false) => ContributorInsightsStatus::Disabled,
        }
    }

    /// What is looked at.
    pub fn mode(&self) -> ContributorInsightsMode {
        ContributorInsightsMode::from(self.mode.as_str())
    }
}

/// A table, and one of its global indexes if one is meant.
pub(crate) struct Subject {
    pub table: String,
    pub index: Option<String>,
}

impl Subject {
    /// Checks that it is there.
    pub fn check(&self, ctx: &Ctx, tx: &ReadTx) -> Result<(), Error> {
        let found = table::find(ctx, tx, &self.table)?;
        let table = found.ok_or_else(|| fault::no_such_table(&self.table))?;
        let Some(name) = &self.index else { return Ok(()) };
        match table.index(name) {
            Some(index) if index.kind == IndexKind::Global => Ok(()),
            _ => Err(fault::no_such_index(&self.table, name)),
        }
    }

    fn key<'a>(&'a self, ctx: &'a Ctx) -> Key {
        let index = self.index.as_deref().unwrap_or_default();
        Key::of((ctx.account(), ctx.region(), self.table.as_str())).text(index)
    }

    /// Its insights, if they were ever switched.
    pub fn get(&self, ctx: &Ctx, tx: &ReadTx) -> Result<Option<InsightsRecord>, StoreError> {
        tx.get(&INSIGHTS, self.key(ctx))
    }

    /// Sets its insights.
    pub fn put(
        &self,
        ctx: &Ctx,
        tx: &mut WriteTx,
        record: &InsightsRecord,
    ) -> Result<(), StoreError> {
        tx.put(&INSIGHTS, self.key(ctx), record)
    }
}

/// All insights, of one table or of all tables, in the order of names.
pub(crate) fn list(
    ctx: &Ctx,
    tx: &ReadTx,
    table: Option<&str>,
) -> Result<Vec<(Subject, InsightsRecord)>, StoreError> {
    let scan = match table {
        Some(table) => Scan::prefix((ctx.account(), ctx.region(), table)),
        None => Scan::prefix((ctx.account(), ctx.region())),
    };
    let found = tx.scan(&INSIGHTS, scan)?;
    let subject = |key: Key| match &key.parts()?[..] {
        [_, _, Part::Text(table), Part::Text(index)] => {
            let index = Some(index.clone()).filter(|index| !index.is_empty());
            Some(Subject { table: table.clone(), index })
        }
        _ => None,
    };
    Ok(found.into_iter().filter_map(|(key, record)| Some((subject(key)?, record))).collect())
}

/// Forgets those of a table that is gone.
pub(crate) fn delete_of_table(ctx: &Ctx, tx: &mut WriteTx, name: &str) -> Result<(), StoreError> {
    let found = tx.scan(&INSIGHTS, Scan::prefix((ctx.account(), ctx.region(), name)))?;
    found.into_iter().try_for_each(|(key, _)| tx.delete(&INSIGHTS, key))
}

/// Forgets those of an index that is gone.
pub(crate) fn delete_of_index(
    tx: &mut WriteTx,
    (account, region, table): (&str, &str, &str),
    index: &str,
) -> Result<(), StoreError> {
    tx.delete(&INSIGHTS, Key::of((account, region, table)).text(index))
}

//! Restores: a new table that begins with the items of a backup, or of an earlier moment of
//! another table.
//!
//! The table is there at once, but CREATING: nobody can read or write it. A job copies the items
//! in batches, each with where it got to in the same commit, so it goes on after a crash where it
//! was. To go back in time it copies the source as it is, although it changes meanwhile, and then
//! undoes the log of the source from its end back to the moment: whatever the copy caught of a
//! later change is in the log by then.

pub(crate) mod fill;
pub(crate) mod target;

use api_dynamodb::{
    Error, LimitExceededException, TableAlreadyExistsException, TableInUseException,
};
use kernel::{Ctx, StoreError};
use serde::{Deserialize, Serialize};
use store::{Key, Scan, Table, TimerId, WriteTx};

use crate::rows::Rows;
use crate::table::{self, RestoreRecord, TABLES, TableRecord};
use crate::{in_use, jobs};
use fill::Fill;

/// Restores that go on, by account and number of the new table.
pub(crate) const RESTORES: Table<Restore> = Table::new("dynamodb/restore");
/// Restores of an account at the same time; AWS's quota.
const RESTORES_MAX: usize = 50;

/// A restore and how far it is.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Restore {
    /// Where the new table's record lies: account, region and name.
    pub account: String,
    pub region: String,
    pub name: String,
    pub source: Source,
    /// The last item copied.
    pub copied: Option<Vec<u8>>,
    /// Whether all are.
    pub copied_all: bool,
    /// The last entry of the log undone.
    pub undone: Option<Vec<u8>>,
}

/// Where the items come from.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Source {
    pub rows: Rows,
    pub number: u64,
    /// What of it is undone.
    pub undo: Option<UndoTo>,
}

/// Which log is undone, and to which moment.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct UndoTo {
    pub log: u64,
    pub at_ms: i64,
}

/// Refuses more restores than an account may have at the same time.
pub(crate) fn check_limit(ctx: &Ctx) -> Result<(), Error> {
    let scan = Scan::prefix(ctx.account()).limit(RESTORES_MAX);
    if ctx.store().read(|tx| tx.scan(&RESTORES, scan))?.len() < RESTORES_MAX {
        return Ok(());
    }
    let message = Some(format!(
        "Subscriber limit exceeded: Only {RESTORES_MAX} restore operations can be done \
         simultaneously"
    ));
    Err(LimitExceededException { message }.into())
}

/// Refuses the name of a table that is there.
pub(crate) fn check_free(ctx: &Ctx, tx: &WriteTx, name: &str) -> Result<(), Error> {
    let Some(table) = table::find_any(ctx, tx, name)? else { return Ok(()) };
    let is_creating = table.is_creating();
    let from = table.restored.map(|restored| restored.backup_arn);
    let message = match from {
        Some(Some(arn)) => {
            Some(format!("Table: {name} is already being restored from backup: {arn}"))
        }
        Some(None) => Some(format!("Table: {name} is already being restored")),
        None if is_creating => Some(format!("Table: {name} is being used.")),
        None => {
            let message = Some(format!("Table already exists: {name}"));
            return Err(TableAlreadyExistsException { message }.into());
        }
    };
    Err(TableInUseException { message }.into())
}

/// Makes the new table, and the job that fills it; the caller starts that.
pub(crate) fn begin(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    table: &TableRecord,
    source: &Source,
) -> Result<(Fill, TimerId), StoreError> {
    let fill = Fill { account: ctx.account().to_owned(), number: table.number };
    let restore = Restore {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        name: name.to_owned(),
        source: source.clone(),
        copied: None,
        copied_all: false,
        undone: None,
    };
    in_use::hold(tx, source.number, &fill.reader())?;
    tx.put(&TABLES, restore.key(), table)?;
    tx.put(&RESTORES, fill.key(), &restore)?;
    let watch = jobs::watch(tx, ctx.now().epoch_ms, &fill)?;
    Ok((fill, watch))
}

impl Restore {
    /// Where the new table's record lies.
    fn key(&self) -> Key {
        Key::of((&*self.account, &*self.region, &*self.name))
    }
}

/// What a table that is being restored says of it.
pub(crate) fn record(
    backup_arn: Option<String>,
    table_arn: String,
    at_ms: i64,
) -> Option<RestoreRecord> {
    Some(RestoreRecord { backup_arn, table_arn: Some(table_arn), at_ms })
}

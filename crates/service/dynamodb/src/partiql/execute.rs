//! Runs one statement.

use std::sync::Arc;

use api_dynamodb::{DuplicateItemException, Error};
use kernel::{Ctx, Fault};
use store::{ReadTx, WriteTx};

use super::bound::{Bound, Sort};
use super::select::check_index;
use super::{Parsed, parse};
use crate::change::Units;
use crate::expression::project;
use crate::invalid::Invalid;
use crate::sse::{self, Failing};
use crate::table::{ITEMS, TableRecord};
use crate::value::{Item, Value};
use crate::write::{Action, ItemWrite, Written, stored};
use crate::{DynamoDb, capacity, table};

/// What is wrong with a write that leaves a part of the key open.
pub(crate) const KEY_MISSING: &str =
    "Where clause does not contain a mandatory equality on all key attributes";

/// What a write did.
pub(crate) struct Wrote {
    pub table: Arc<TableRecord>,
    /// What RETURNING asks for.
    pub returned: Option<Item>,
    pub units: Units,
}

/// Why a write was not done.
pub(crate) struct NotWritten {
    pub error: Error,
    /// Whether the statement got as far as the item.
    pub is_of_item: bool,
    /// Units that it takes all the same, where they are to be told.
    pub units: f64,
}

impl From<Error> for NotWritten {
    fn from(error: Error) -> NotWritten {
        NotWritten { error, is_of_item: false, units: 0.0 }
    }
}

impl From<Fault> for NotWritten {
    fn from(fault: Fault) -> NotWritten {
        Error::from(fault).into()
    }
}

impl Failing for NotWritten {
    fn fault(&self) -> Option<&Fault> {
        self.error.fault()
    }
}

impl From<store::StoreError> for NotWritten {
    fn from(error: store::StoreError) -> NotWritten {
        Error::from(error).into()
    }
}

/// Parses a statement, fills its parameters in, and checks what does not depend on its table.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn prepare(
    service: &DynamoDb,
    ctx: &Ctx,
    statement: &str,
    parameters: Vec<Arc<Value>>,
) -> Result<Bound, Error> {
    let parsed = parse(statement)?;
    check_multiple_keys(service, ctx, &parsed)?;
    let bound = parsed.bind(parameters)?;
    bound.check_write()?;
    Ok(bound)
}

/// DynamoDB refuses indexes with keys of many attributes before it looks at the rest.
fn check_multiple_keys(service: &DynamoDb, ctx: &Ctx, parsed: &Parsed) -> Result<(), Error> {
    let Some((table, index)) = parsed.index() else { return Ok(()) };
    let Ok(name) = table::name(ctx, table) else { return Ok(()) };
    ctx.store().read(|tx| match table::definition(service, ctx, tx, &name) {
        Ok(table) => Ok(check_index(&table, index)?),
        Err(Error::ResourceNotFoundException(_)) => Ok(()),
        Err(error) => Err(error),
    })
}

/// Writes what a statement says, in a transaction of its own.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) async fn write(
    service: &DynamoDb,
    ctx: &Ctx,
    name: &str,
    bound: &Bound,
    returns_item: bool,
) -> Result<Wrote, NotWritten> {
    let now_ms = ctx.now().epoch_ms;
    let transaction = |tx: &mut WriteTx| -> Result<_, NotWritten> {
        let table = table::get(service, ctx, tx, name)?;
        let write = bound.write(&table, returns_item, KEY_MISSING).map_err(Error::from)?;
        let place = write.place(&table).map_err(Error::from)?;
        service.transactions.check_free(&place)?;
        let written = match write.run(tx, &table, &place, true, now_ms) {
            Ok(written) => written,
            Err(error) => {
                let units = attempted_units(tx, &write, &place)?;
                let error = worded(error, bound);
                return Err(NotWritten { error, is_of_item: true, units });
            }
        };
        let returned = returned(bound, &written)?;
        Ok(Wrote { table, returned, units: written.units })
    };
    sse::write(ctx, transaction).await
}

/// Units of a write that was not done: as if it had been.
fn attempted_units(tx: &ReadTx, write: &ItemWrite, place: &store::Key) -> Result<f64, Error> {
    let old = sse::get(tx, &ITEMS, place)?;
    let old_bytes = stored(old.as_ref())?.map(|item| item.size_bytes());
    let new_bytes = match &write.action {
        Action::Put { item, .. } => Some(item.size_bytes()),
        _ => None,
    };
    Ok(capacity::write_units(old_bytes, new_bytes))
}

/// The item that RETURNING asks for; none rather than an empty one.
fn returned(bound: &Bound, written: &Written) -> Result<Option<Item>, Error> {
    let Some(returning) = bound.returning() else { return Ok(None) };
    let item = if returning.new {
        written.updated.clone()
    } else {
        stored(written.old.as_ref())?.map(|old| old.decode()).transpose()?
    };
    let item = match item {
        Some(item) if returning.modified_only => Some(project(&item, &bound.changed())),
        item => item,
    };
    Ok(item.filter(|item| !item.is_empty()))
}

/// An error of a write as PartiQL words it.
pub(crate) fn worded(error: Error, bound: &Bound) -> Error {
    const TOO_DEEP: &str = "Nesting Levels have exceeded supported limits";
    match error {
        Error::ConditionalCheckFailedException(_) if bound.is_insert() => {
            let message = Some("Duplicate primary key exists in table".to_owned());
            DuplicateItemException { message }.into()
        }
        Error::Fault(fault) if fault.message.starts_with(TOO_DEEP) => Invalid::new(TOO_DEEP).into(),
        error => error,
    }
}

/// Refuses EXISTS outside transactions.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn check_sort(bound: &Bound) -> Result<(), Fault> {
    match bound.sort() {
        Sort::Check => {
            let problem = "EXISTS can only be used in ExecuteTransaction write requests.";
            Err(Invalid::new(problem).into())
        }
        Sort::Read | Sort::Write => Ok(()),
    }
}

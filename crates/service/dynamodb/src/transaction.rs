//! Transactions: writes, or reads, of up to 100 items that happen together or not at all.
//!
//! TransactWriteItems, TransactGetItems and ExecuteTransaction of PartiQL end here. A transaction
//! is one transaction of the store, so it is atomic and serializable against everything else.

mod latch;
mod reasons;
mod report;
mod token;

use std::collections::HashSet;
use std::sync::Arc;

use api_dynamodb::{ConsumedCapacity, Error, TransactionConflictException};
use kernel::Ctx;
use store::{Key, ReadTx, WriteTx};

use crate::capacity::{Report, read_units};
use crate::expression::bound::Projection;
use crate::heat::{self, Access};
use crate::invalid::Invalid;
use crate::sse;
use crate::table::{self, ITEMS, TableRecord};
use crate::value::Item;
use crate::write::{ItemWrite, stored};
use crate::{DynamoDb, request, throttle};

use latch::{Latch, Latches};
use token::InProgress;

pub(crate) use reasons::{Failure, none, reason};
pub(crate) use report::Consumed;
pub(crate) use token::{Fingerprinter, KIND, Token, TokenSweeper};

/// Bytes of items that a transaction may have.
pub(crate) const PAYLOAD_MAX_BYTES: usize = 4 * 1024 * 1024;

/// What the service knows of transactions that are going on; nothing of it outlives the process.
#[derive(Default)]
pub(crate) struct Transactions {
    latches: Latches,
    in_progress: InProgress,
}

/// One action that writes, or checks a condition.
pub(crate) struct TableWrite {
    /// The table's name.
    pub table: String,
    pub write: ItemWrite,
}

/// One action that reads.
pub(crate) struct TableRead {
    /// The table's name.
    pub table: String,
    pub key: Item,
    pub projection: Option<Projection>,
}

/// What was read, an entry for each action, and the capacity consumed.
pub(crate) type Found = (Vec<Option<Item>>, Option<Vec<ConsumedCapacity>>);

/// A table of a transaction and the place of an item in it.
type Placed = (Arc<TableRecord>, Key);

impl Transactions {
    /// Refuses a single write to an item that is part of an ongoing transaction. Costs one atomic
    /// load while there is no transaction.
    pub fn check_free(&self, place: &Key) -> Result<(), Error> {
        if self.latches.is_held(place) {
            let message = Some(reasons::CONFLICT.to_owned());
            return Err(TransactionConflictException { message }.into());
        }
        Ok(())
    }
}

/// Refuses a transaction that is too large.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn check_payload(bytes: usize) -> Result<(), Invalid> {
    if bytes > PAYLOAD_MAX_BYTES {
        return Err(Invalid(format!(
            "Transaction payload size cannot exceed {PAYLOAD_MAX_BYTES} bytes"
        )));
    }
    Ok(())
}

/// Writes all or nothing, durably when it returns; answers the capacity consumed.
///
/// * `writes`: at least one, of any tables, in the order in which reasons are to be answered.
///   Two of one item are refused.
/// * `token`: makes it happen once in ten minutes; a repetition does nothing and answers what
///   reading the items consumes.
///
/// A caller that words a failed condition of an action in its own way (`DuplicateItem` of PartiQL)
/// changes the reason at the action's index in [`Failure::Cancelled`]; `Error::from(failure)` then
/// makes the answer, its message included.
///
/// # Errors
/// [`Failure::Cancelled`] if any action is refused for what is stored or conflicts with another
/// transaction, [`Failure::Refused`] otherwise.
pub(crate) async fn write(
    service: &DynamoDb,
    ctx: &Ctx,
    writes: &[TableWrite],
    token: Option<&Token>,
    report: Report,
) -> Result<Option<Vec<ConsumedCapacity>>, Failure> {
    let transactions = &service.transactions;
    let _progress = token.map(|token| transactions.in_progress.begin(ctx, token)).transpose()?;
    let now_ms = ctx.now().epoch_ms;
    // Held until the commit is durable: until this function ends.
    let mut latch: Option<Latch<'_>> = None;
    let mut grown = Vec::new();
    let attempt = |tx: &mut WriteTx| -> Result<_, Failure> {
        grown.clear();
        if let Some(token) = token
            && token.is_done(ctx, tx, now_ms)?
        {
            return read_again(service, ctx, tx, writes, report);
        }
        let placed = place(service, ctx, tx, writes.iter().map(|write| write.table.as_str()), {
            |table, index| writes[index].write.place(table)
        })?;
        placed.iter().try_for_each(|(table, _)| throttle::admit_writes(table))?;
        let places: Vec<Key> = placed.iter().map(|(_, place)| place.clone()).collect();
        if !latch.as_ref().is_some_and(|latch| latch.holds(&places)) {
            latch = None;
            let taken = transactions.latches.take(&places);
            latch = Some(taken.map_err(|held| reasons::conflicts(&held))?);
        }
        let reads = report.is_wanted();
        let (consumed, bytes) = write_all(service, ctx, tx, writes, &placed, reads, now_ms)?;
        grown = placed.into_iter().map(|(table, _)| table).zip(bytes).collect();
        if let Some(token) = token {
            token.store(ctx, tx, now_ms)?;
        }
        Ok(consumed.written(report))
    };
    let consumed = sse::write(ctx, attempt).await?;
    for (TableWrite { write, .. }, (table, bytes)) in writes.iter().zip(&grown) {
        service.collections.grew(ctx, table, write.key(), *bytes);
    }
    Ok(consumed)
}

/// Runs all writes, and collects the reasons of all that fail; and by how many bytes each made
/// its item collection larger.
fn write_all(
    service: &DynamoDb,
    ctx: &Ctx,
    tx: &mut WriteTx,
    writes: &[TableWrite],
    placed: &[Placed],
    reads: bool,
    now_ms: i64,
) -> Result<(Consumed, Vec<i64>), Failure> {
    let mut consumed = Consumed::default();
    let mut grown = Vec::with_capacity(writes.len());
    let mut all = Vec::with_capacity(writes.len());
    for (TableWrite { table: name, write }, (table, place)) in writes.iter().zip(placed) {
        let written = write.run(tx, table, place, reads, now_ms).and_then(|written| {
            let bytes = written.units.collection_bytes;
            service.collections.check(ctx, table, write.key(), bytes)?;
            grown.push(bytes);
            Ok(written)
        });
        match written {
            Ok(written) => {
                consumed.add_write(name, table, &written.units);
                all.push(None);
            }
            Err(error) => all.push(Some(reasons::of_error(error)?)),
        }
    }
    if all.iter().any(Option::is_some) {
        let all = all.into_iter().map(|reason| reason.unwrap_or_else(reasons::none));
        return Err(Failure::Cancelled(all.collect()));
    }
    Ok((consumed, grown))
}

/// What a repetition of a transaction consumes: it reads the items.
fn read_again(
    service: &DynamoDb,
    ctx: &Ctx,
    tx: &ReadTx,
    writes: &[TableWrite],
    report: Report,
) -> Result<Option<Vec<ConsumedCapacity>>, Failure> {
    let mut consumed = Consumed::default();
    if report.is_wanted() {
        for TableWrite { table: name, write } in writes {
            let table = table::get(service, ctx, tx, name)?;
            let value = sse::get(tx, &ITEMS, &write.place(&table)?)?;
            let found = stored(value.as_ref()).map_err(Error::from)?;
            let size = found.map_or(0, |found| found.size_bytes());
            consumed.add_read(name, read_units(size, true));
        }
    }
    Ok(consumed.read(report))
}

/// Reads all items as of one moment; answers them in order, and the capacity consumed.
///
/// # Errors
/// As [`write`].
pub(crate) async fn read(
    service: &DynamoDb,
    ctx: &Ctx,
    reads: &[TableRead],
    report: Report,
) -> Result<Found, Failure> {
    sse::read(ctx, |tx| {
        let placed = place(service, ctx, tx, reads.iter().map(|read| read.table.as_str()), {
            |table, index| {
                let TableRead { key, projection, .. } = &reads[index];
                table.check_key(key)?;
                if let Some(projection) = projection {
                    request::check_key_paths(table, &projection.0)?;
                }
                Ok(table.item_key(key))
            }
        })?;
        placed.iter().try_for_each(|(table, _)| throttle::admit_reads(table, None))?;
        let places: Vec<Key> = placed.iter().map(|(_, place)| place.clone()).collect();
        let held: Vec<bool> =
            places.iter().map(|place| service.transactions.latches.is_held(place)).collect();
        if held.contains(&true) {
            return Err(reasons::conflicts(&held));
        }
        let values = sse::get_many(tx, &ITEMS, &places)?;
        let mut payload = 0;
        let mut consumed = Consumed::default();
        let mut items = Vec::with_capacity(reads.len());
        for (TableRead { table, projection, .. }, value) in reads.iter().zip(&values) {
            let found = stored(value.as_ref()).map_err(Error::from)?;
            let size = found.map_or(0, |found| found.size_bytes());
            payload += size;
            check_payload(payload)?;
            let units = read_units(size, true);
            // Twice as much in a transaction.
            let (record, place) = &placed[items.len()];
            throttle::charge_table_reads(record, 2.0 * units);
            heat::count(record, place.as_bytes(), Access::Read, 2.0 * units);
            consumed.add_read(table, units);
            items.push(match (found, projection) {
                (None, _) => None,
                (Some(found), None) => Some(found.decode().map_err(Error::from)?),
                (Some(found), Some(projection)) => {
                    let item = projection.of_stored(found).map_err(Error::from)?;
                    Some(item).filter(|item| !item.is_empty())
                }
            });
        }
        Ok((items, consumed.read(report)))
    })
    .await
}

/// Finds the tables and places of all actions.
fn place<'a>(
    service: &DynamoDb,
    ctx: &Ctx,
    tx: &ReadTx,
    tables: impl ExactSizeIterator<Item = &'a str>,
    place: impl Fn(&TableRecord, usize) -> Result<Key, Invalid>,
) -> Result<Vec<Placed>, Failure> {
    let count = tables.len();
    let tables =
        tables.map(|name| table::get(service, ctx, tx, name)).collect::<Result<Vec<_>, Error>>()?;
    let mut seen = HashSet::with_capacity(count);
    let mut placed = Vec::with_capacity(count);
    let mut first_invalid = None;
    for (index, table) in tables.into_iter().enumerate() {
        match place(&table, index) {
            Ok(place) => {
                if !seen.insert(place.clone()) {
                    return Err(Invalid::new(
                        "Transaction request cannot include multiple operations on one item",
                    )
                    .into());
                }
                placed.push((table, place));
            }
            Err(invalid) if reasons::is_of_request(&invalid.0) => return Err(invalid.into()),
            // Only the first is told, but a request that is wrong as a whole goes before it.
            Err(invalid) => first_invalid = first_invalid.or(Some((index, invalid))),
        }
    }
    match first_invalid {
        None => Ok(placed),
        Some((index, Invalid(message))) => {
            Err(reasons::only(count, index, reasons::reason("ValidationError", message)))
        }
    }
}

//! Time to live: items go away at the time that one of their attributes says.
//!
//! Every item with such a time has an entry in an index by time, which [`crate::change::apply`]
//! keeps in the transaction that writes the item. So nobody ever searches a table for what has
//! expired: once a second the front of each index is looked at ([`expire`]). An index is filled
//! when time to live is enabled, in the background if the table is not small ([`build`]), and a
//! table without time to live costs nothing.

pub(crate) mod build;
pub(crate) mod expire;

use api_dynamodb::Error;
use bytes::Bytes;
use kernel::{Ctx, StoreError};
use serde::{Deserialize, Serialize};
use store::{Key, RawTable, Table, WriteTx};

use crate::change::Change;
use crate::invalid::Invalid;
use crate::item::{Corrupt, StoredItem};
use crate::table::{TableRecord, TtlRecord};
use crate::value::Value;

/// Entries by the number of a table's time to live, second, and place of the item.
pub(crate) const EXPIRIES: RawTable = RawTable::new("dynamodb/expiry");
/// The tables with time to live, by its number.
const TABLES: Table<ExpiringTable> = Table::new("dynamodb/expiring-table");

/// Times longer ago than five years are taken for mistakes.
const PAST_MAX_S: i64 = 5 * 365 * 24 * 60 * 60;

/// A table with time to live.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ExpiringTable {
    /// The number of its time to live.
    number: u64,
    account: String,
    region: String,
    name: String,
}

/// Keeps the entry of an item that changes.
pub(crate) fn write(tx: &mut WriteTx, ttl: &TtlRecord, change: &Change<'_>) -> Result<(), Error> {
    let second = |stored: Option<&Bytes>| match stored {
        Some(stored) => expiry_s(stored, &ttl.attribute),
        None => Ok(None),
    };
    let (old, new) = (second(change.old)?, second(change.new)?);
    if old == new {
        return Ok(());
    }
    if let Some(old) = old {
        tx.delete(&EXPIRIES, entry_key(ttl.number, old, change.place))?;
    }
    if let Some(new) = new.filter(|&second| is_sensible(second, change.now_ms)) {
        tx.put_raw(&EXPIRIES, entry_key(ttl.number, new, change.place), Bytes::new())?;
    }
    Ok(())
}

/// The second in which an item expires; nothing if it never does.
pub(crate) fn expiry_s(stored: &Bytes, attribute: &str) -> Result<Option<u64>, Corrupt> {
    let Some(value) = StoredItem::new(stored)?.get(attribute)? else { return Ok(None) };
    match value.decode()? {
        Value::N(number) => Ok(number.floor_u64()),
        _ => Ok(None),
    }
}

/// Whether a time is not too long ago to be meant.
fn is_sensible(second: u64, now_ms: i64) -> bool {
    i64::try_from(second).is_ok_and(|second| second > now_ms.div_euclid(1000) - PAST_MAX_S)
}

/// Where the entry lies of the item at `place`.
pub(crate) fn entry_key(number: u64, second: u64, place: &Key) -> Key {
    // Behind the table's number, for which that of the time to live stands.
    let place = place.as_bytes().get(8..).unwrap_or_default();
    Key::from_bytes([&number.to_be_bytes()[..], &second.to_be_bytes(), place].concat())
}

/// What an entry of the table with that number says: the second, and the place of the item.
pub(crate) fn place_of(entry: &Key, table: u64) -> Option<(u64, Key)> {
    let (second, place) = entry.as_bytes().get(8..)?.split_first_chunk::<8>()?;
    let place = [&table.to_be_bytes()[..], place].concat();
    Some((u64::from_be_bytes(*second), Key::from_bytes(place)))
}

/// Enables time to live; the caller stores the table's record.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn enable(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    table: &mut TableRecord,
    attribute: &str,
) -> Result<(), Error> {
    if let Some(current) = &table.ttl {
        check_attribute(current, attribute)?;
        return Err(Invalid::new("TimeToLive is already enabled").into());
    }
    let number = ctx.random().u64();
    let expiring = ExpiringTable {
        number,
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        name: name.to_owned(),
    };
    tx.put(&TABLES, number, &expiring)?;
    let mut ttl = TtlRecord {
        attribute: attribute.to_owned(),
        number,
        building: false,
        changed_ms: ctx.now().epoch_ms,
    };
    build::begin(ctx, tx, name, table, &mut ttl)?;
    table.ttl = Some(ttl);
    Ok(())
}

/// Disables time to live; the caller stores the table's record.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn disable(
    ctx: &Ctx,
    tx: &mut WriteTx,
    table: &mut TableRecord,
    attribute: &str,
) -> Result<(), Error> {
    let Some(current) = &table.ttl else {
        return Err(Invalid::new("TimeToLive is already disabled").into());
    };
    check_attribute(current, attribute)?;
    if current.building {
        return Err(Invalid::new(
            "Time to live has been modified multiple times within a fixed interval",
        )
        .into());
    }
    forget(ctx, tx, current)?;
    table.ttl = None;
    Ok(())
}

fn check_attribute(current: &TtlRecord, attribute: &str) -> Result<(), Invalid> {
    if current.attribute == attribute {
        return Ok(());
    }
    Err(Invalid(format!(
        "TimeToLive is active on a different AttributeName: current AttributeName is {}",
        current.attribute
    )))
}

/// Lets go of a table that is being deleted.
pub(crate) fn table_deleted(
    ctx: &Ctx,
    tx: &mut WriteTx,
    table: &TableRecord,
) -> Result<(), StoreError> {
    table.ttl.as_ref().map_or(Ok(()), |ttl| forget(ctx, tx, ttl))
}

fn forget(ctx: &Ctx, tx: &mut WriteTx, ttl: &TtlRecord) -> Result<(), StoreError> {
    tx.delete(&TABLES, ttl.number)?;
    build::schedule_clearing(ctx, tx, ttl.number)
}

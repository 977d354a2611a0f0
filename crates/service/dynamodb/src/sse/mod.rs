//! Encryption at rest under keys of KMS (SSESpecification).
//!
//! A table that asks for it has one data key for life. KMS makes it and wraps it under the
//! table's key of KMS; to change that key is to wrap the data key again, so no row is touched.
//! Items, entries of indexes, images in the stream and in the log of point-in-time recovery,
//! backups and what an export stages are sealed with it ([`cipher`]); keys of rows are not, since
//! ranges need them in order. A table that is not encrypted any more keeps its data key, under the
//! installation's key. Tables that never asked cost nothing.
//!
//! A row says which data key it is sealed with, so it can be read wherever it was copied to. A
//! transaction cannot wait for KMS: where it meets a data key that is not open, or that its caller
//! has not been seen to be allowed to use for some seconds, it ends with [`Unread::Locked`];
//! [`read`] and [`write`] then have KMS open it, in the caller's name, and run it again.

pub(crate) mod cipher;
mod gone;
mod keys;
mod kms;
mod seal;
mod spec;

use api_dynamodb::{Error, SSEDescription, SSEStatus, SSEType};
use bytes::Bytes;
use kernel::{Ctx, Fault, Kernel, StoreError, Timestamp};
use serde::{Deserialize, Serialize};
use store::{AnyTable, Key, RawTable, ReadTx, WriteTx};

use cipher::Kind;
pub(crate) use cipher::size_bytes;
pub(crate) use gone::run as delete_idle_keys;
pub(crate) use keys::{Reseals, check};
pub(crate) use seal::Seal;
pub(crate) use spec::{Change, NewKey, Wanted, prepare, wanted};

use crate::index::ENTRIES;
use crate::item::Corrupt;
use crate::rows::place;
use crate::table::TableRecord;
use crate::vector::VECTORS;

/// By which name KMS's policies know us (`kms:ViaService`).
const SERVICE: &str = "dynamodb.amazonaws.com";
/// The code of the fault that [`Unread::Locked`] becomes; no client ever sees it.
const LOCKED: &str = "DataKeyLocked";
/// Data keys that one transaction may have to wait for: more than it can name tables.
const LOCKED_MAX: usize = 256;

/// What a table knows of its encryption.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct SseRecord {
    /// By what number its data key is known.
    pub number: u64,
    /// ARN of the key of KMS; none if it is the installation's again.
    pub kms_arn: Option<String>,
    /// Rows of before are still being sealed.
    #[serde(default)]
    pub pending: bool,
    /// Since when the key of KMS is known not to be usable.
    #[serde(default)]
    pub inaccessible_ms: Option<i64>,
}

impl SseRecord {
    /// Whether its key of KMS is known not to be usable.
    pub fn is_inaccessible(&self) -> bool {
        self.inaccessible_ms.is_some()
    }
}

/// Why a sealed row was not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unread {
    /// The data key with this number is not open.
    Locked(u64),
    Corrupt,
}

impl From<Corrupt> for Unread {
    fn from(_: Corrupt) -> Unread {
        Unread::Corrupt
    }
}

impl From<Unread> for Fault {
    fn from(unread: Unread) -> Fault {
        match unread {
            Unread::Locked(number) => Fault::new(LOCKED, 500, number.to_string()),
            Unread::Corrupt => Fault::internal(Corrupt),
        }
    }
}

impl From<Unread> for Error {
    fn from(unread: Unread) -> Error {
        Fault::from(unread).into()
    }
}

impl From<Unread> for api_dynamodbstreams::Error {
    fn from(unread: Unread) -> api_dynamodbstreams::Error {
        Fault::from(unread).into()
    }
}

/// An error of a transaction that may be [`Unread::Locked`].
pub(crate) trait Failing: From<Fault> {
    /// The fault that it is, if it is one.
    fn fault(&self) -> Option<&Fault>;
}

impl Failing for Fault {
    fn fault(&self) -> Option<&Fault> {
        Some(self)
    }
}

impl Failing for Error {
    fn fault(&self) -> Option<&Fault> {
        match self {
            Error::Fault(fault) => Some(fault),
            _ => None,
        }
    }
}

impl Failing for api_dynamodbstreams::Error {
    fn fault(&self) -> Option<&Fault> {
        match self {
            api_dynamodbstreams::Error::Fault(fault) => Some(fault),
            _ => None,
        }
    }
}

fn locked<E: Failing>(error: &E) -> Option<u64> {
    error.fault().filter(|fault| fault.code == LOCKED)?.message.parse().ok()
}

/// Reads one moment, as [`store::Store::read`], with the data keys that it takes.
///
/// # Errors
/// The closure's, or why KMS does not open a data key for the caller.
pub(crate) async fn read<R, E: Failing>(
    ctx: &Ctx,
    mut f: impl FnMut(&ReadTx) -> Result<R, E>,
) -> Result<R, E> {
    for _ in 0..LOCKED_MAX {
        let done = ctx.store().read(&mut f);
        let Some(number) = done.as_ref().err().and_then(locked) else { return done };
        keys::unlock(ctx.kernel(), Some(ctx), number).await?;
    }
    Err(Fault::internal("data keys are locked again and again").into())
}

/// Runs a transaction, as [`store::Store::write`], with the data keys that it takes.
///
/// # Errors
/// The closure's, or why KMS does not open a data key for the caller.
pub(crate) async fn write<R, E: Failing + From<StoreError>>(
    ctx: &Ctx,
    f: impl FnMut(&mut WriteTx) -> Result<R, E> + Send,
) -> Result<R, E> {
    write_as(ctx.kernel(), Some(ctx), f).await
}

/// As [`write`], for background work, which the service does in its own name.
pub(crate) async fn work<R, E: Failing + From<StoreError>>(
    kernel: &Kernel,
    f: impl FnMut(&mut WriteTx) -> Result<R, E> + Send,
) -> Result<R, E> {
    write_as(kernel, None, f).await
}

async fn write_as<R, E: Failing + From<StoreError>>(
    kernel: &Kernel,
    caller: Option<&Ctx>,
    mut f: impl FnMut(&mut WriteTx) -> Result<R, E> + Send,
) -> Result<R, E> {
    for _ in 0..LOCKED_MAX {
        let done = kernel.store().write(&mut f).await;
        let Some(number) = done.as_ref().err().and_then(locked) else { return done };
        keys::unlock(kernel, caller, number).await?;
    }
    Err(Fault::internal("data keys are locked again and again").into())
}

/// For background work that met a data key that is not open: opens it, for another attempt.
///
/// # Errors
/// The fault, if it is another, or why KMS does not open the data key.
pub(crate) async fn recover(kernel: &Kernel, fault: Fault) -> Result<(), Fault> {
    match locked(&fault) {
        Some(number) => keys::unlock(kernel, None, number).await,
        None => Err(fault),
    }
}

fn kind(stored: &RawTable) -> Kind {
    if stored.name() == ENTRIES.name() {
        Kind::Entry
    } else if stored.name() == VECTORS.name() {
        Kind::Vector
    } else {
        Kind::Item
    }
}

/// A row as it was before it was sealed, if it is.
pub(crate) fn open(stored: &RawTable, key: &[u8], row: Bytes) -> Result<Bytes, Unread> {
    if !cipher::is_sealed(&row) {
        return Ok(row);
    }
    let place = key.get(8..).unwrap_or_default();
    let cipher = keys::cipher(cipher::number_of(&row)?)?;
    Ok(cipher.open(kind(stored), place, &row)?)
}

/// An item at a place (without the number of its table), wherever it was kept.
pub(crate) fn open_item(place: &[u8], row: Bytes) -> Result<Bytes, Unread> {
    if !cipher::is_sealed(&row) {
        return Ok(row);
    }
    Ok(keys::cipher(cipher::number_of(&row)?)?.open(Kind::Item, place, &row)?)
}

/// A part of a stream's record, for a caller.
pub(crate) fn open_part(ctx: &Ctx, part: Bytes) -> Result<Bytes, Unread> {
    if !cipher::is_sealed(&part) {
        return Ok(part);
    }
    let cipher = keys::trusted(ctx, cipher::number_of(&part)?)?;
    Ok(cipher.open(Kind::Record, &[], &part)?)
}

/// Reads a row.
pub(crate) fn get(tx: &ReadTx, stored: &RawTable, key: &Key) -> Result<Option<Bytes>, Error> {
    match tx.get_raw(stored, key)? {
        Some(row) => Ok(Some(open(stored, key.as_bytes(), row)?)),
        None => Ok(None),
    }
}

/// Reads rows.
pub(crate) fn get_many(
    tx: &ReadTx,
    stored: &RawTable,
    keys: &[Key],
) -> Result<Vec<Option<Bytes>>, Error> {
    let mut rows = tx.get_raw_many(stored, keys)?;
    for (key, row) in keys.iter().zip(&mut rows) {
        if row.as_ref().is_some_and(|row| cipher::is_sealed(row))
            && let Some(sealed) = row.take()
        {
            *row = Some(open(stored, key.as_bytes(), sealed)?);
        }
    }
    Ok(rows)
}

/// Writes a row of a table, sealed if the table is.
pub(crate) fn put(
    tx: &mut WriteTx,
    table: &TableRecord,
    stored: &RawTable,
    key: &Key,
    row: Bytes,
) -> Result<(), Error> {
    let Some(sse) = &table.sse else { return Ok(tx.put_raw(stored, key, row)?) };
    let kind = kind(stored);
    Ok(tx.put_raw(stored, key, seal(sse, kind, place(key), &row)?)?)
}

fn seal(sse: &SseRecord, kind: Kind, place: &[u8], plain: &[u8]) -> Result<Bytes, Unread> {
    let size = if kind == Kind::Vector { plain.len() } else { size_bytes(plain)? };
    Ok(keys::cipher(sse.number)?.seal(kind, place, size, plain))
}

/// An item for a place other than in its table, sealed if the table is.
pub(crate) fn item(table: &TableRecord, place: &[u8], item: &Bytes) -> Result<Bytes, Unread> {
    match &table.sse {
        None => Ok(item.clone()),
        Some(sse) => seal(sse, Kind::Item, place, item),
    }
}

/// A part of a stream's record, sealed if the table is.
pub(crate) fn part(table: &TableRecord, part: Bytes) -> Result<Bytes, Unread> {
    match &table.sse {
        None => Ok(part),
        Some(sse) => seal(sse, Kind::Record, &[], &part),
    }
}

/// SSEDescription: nothing of tables under the installation's key.
pub(crate) fn describe(table: &TableRecord) -> Option<SSEDescription> {
    let sse = table.sse.as_ref().filter(|sse| sse.kms_arn.is_some())?;
    Some(SSEDescription {
        status: Some(if sse.pending { SSEStatus::Updating } else { SSEStatus::Enabled }),
        sse_type: Some(SSEType::Kms),
        kms_master_key_arn: sse.kms_arn.clone(),
        inaccessible_encryption_date_time: sse.inaccessible_ms.map(Timestamp::from_ms),
    })
}

/// Looks whether the key of a table can be used, and notes it in the table when that has changed.
pub(crate) async fn look(ctx: &Ctx, name: &str, table: &mut TableRecord) -> Result<(), Error> {
    let Some(sse) = table.sse.as_ref().filter(|sse| sse.kms_arn.is_some()) else { return Ok(()) };
    let number = sse.number;
    let is_usable = match keys::unlock(ctx.kernel(), None, number).await {
        Ok(()) => true,
        // A failure of ours says nothing of the key.
        Err(fault) if fault.status >= 500 => return Ok(()),
        Err(_) => false,
    };
    if is_usable == sse.inaccessible_ms.is_none() {
        return Ok(());
    }
    let since_ms = (!is_usable).then(|| ctx.now().epoch_ms);
    let note = |tx: &mut WriteTx| -> Result<(), Error> {
        let Some(mut table) = crate::table::find_any(ctx, tx, name)? else { return Ok(()) };
        let Some(sse) = table.sse.as_mut().filter(|sse| sse.number == number) else {
            return Ok(());
        };
        sse.inaccessible_ms = since_ms;
        Ok(tx.put(&crate::table::TABLES, (ctx.account(), ctx.region(), name), &table)?)
    };
    ctx.store().write(note).await?;
    if let Some(sse) = &mut table.sse {
        sse.inaccessible_ms = since_ms;
    }
    Ok(())
}

//! `BatchWriteItem`: up to 25 puts and deletes in one or more tables.
//!
//! ```text
//! {"RequestItems": {"Flights": [{"PutRequest": {"Item": {"pk": {"S": "a"}}}},
//!                               {"DeleteRequest": {"Key": {"pk": {"S": "b"}}}}]}}
//! ```
//!
//! DynamoDB does not promise that they happen together; here they do, since one commit is the
//! cheapest way, and so nothing is ever left unprocessed.

use std::collections::{BTreeMap, HashSet};

use api_dynamodb::{BatchWriteItemInput, BatchWriteItemOutput, Error, WriteRequest};
use bytes::Bytes;
use kernel::Ctx;
use store::WriteTx;

use super::put_item::check_size;
use crate::capacity::{Report, write_units};
use crate::invalid::Invalid;
use crate::item::encode;
use crate::value::Item;
use crate::write::stored;
use crate::{DynamoDb, convert, table};

/// Puts and deletes a request may have.
const WRITES_MAX: usize = 25;

/// One put or delete.
enum Write {
    Put { item: Item, bytes: Bytes },
    Delete { key: Item },
}

pub(crate) async fn batch_write_item(
    _: &DynamoDb,
    ctx: &Ctx,
    input: BatchWriteItemInput,
) -> Result<BatchWriteItemOutput, Error> {
    if input.request_items.values().map(Vec::len).sum::<usize>() > WRITES_MAX {
        return Err(Invalid::new("Too many items requested for the BatchWriteItem call").into());
    }
    let mut tables: Vec<(String, Vec<Write>)> = Vec::new();
    for (given, requests) in input.request_items {
        let name = table::name(ctx, &given)?;
        let writes = requests.into_iter().map(read).collect::<Result<Vec<_>, Error>>()?;
        tables.push((name, writes));
    }
    let report = Report::of(input.return_consumed_capacity.as_ref());
    let write = |tx: &mut WriteTx| -> Result<Vec<f64>, Error> {
        tables
            .iter()
            .map(|(name, writes)| write_table(ctx, tx, name, writes, report.is_wanted()))
            .collect()
    };
    let units = ctx.store().write(write).await?;

    let consumed =
        tables.iter().zip(units).filter_map(|((name, _), units)| report.consumed(name, units));
    Ok(BatchWriteItemOutput {
        unprocessed_items: Some(BTreeMap::new()),
        item_collection_metrics: None,
        consumed_capacity: report.is_wanted().then(|| consumed.collect()),
    })
}

fn read(request: WriteRequest) -> Result<Write, Error> {
    match (request.put_request, request.delete_request) {
        (Some(put), None) => {
            let item = convert::item(put.item)?;
            check_size(&item)?;
            let bytes = encode(&item).into();
            Ok(Write::Put { item, bytes })
        }
        (None, Some(delete)) => Ok(Write::Delete { key: convert::item(delete.key)? }),
        // DynamoDB speaks of AttributeValue here, too.
        _ => Err(Invalid::new(
            "Supplied AttributeValue has more than one datatypes set, \
             must contain exactly one of the supported datatypes",
        )
        .into()),
    }
}

/// Writes to one table; the units it takes, if they are wanted.
fn write_table(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    writes: &[Write],
    reads: bool,
) -> Result<f64, Error> {
    let table = table::get(ctx, tx, name)?;
    let mut places = Vec::with_capacity(writes.len());
    for write in writes {
        places.push(match write {
            Write::Put { item, .. } => {
                table.check_item(item)?;
                table.item_key(item)
            }
            Write::Delete { key } => {
                table.check_key(key)?;
                table.item_key(key)
            }
        });
    }
    let mut seen = HashSet::new();
    if !places.iter().all(|place| seen.insert(place)) {
        return Err(Invalid::new("Provided list of item keys contains duplicates").into());
    }
    let mut units = 0.0;
    for (write, place) in writes.iter().zip(&places) {
        let old = if reads { tx.get_raw(&table::ITEMS, place)? } else { None };
        let old_bytes = stored(old.as_ref())?.map(|old| old.size_bytes());
        match write {
            Write::Put { item, bytes } => {
                units += write_units(old_bytes, Some(item.size_bytes()));
                tx.put_raw(&table::ITEMS, place, bytes.clone())?;
            }
            Write::Delete { .. } => {
                units += write_units(old_bytes, None);
                tx.delete(&table::ITEMS, place)?;
            }
        }
    }
    Ok(units)
}

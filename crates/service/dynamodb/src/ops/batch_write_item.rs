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
use kernel::Ctx;
use store::{Key, WriteTx};

use crate::capacity::Report;
use crate::change::Units;
use crate::collection::metrics_by_table;
use crate::invalid::Invalid;
use crate::sse;
use crate::table::TableRecord;
use crate::write::{Action, ItemWrite};
use crate::{DynamoDb, convert, table, throttle};

/// Puts and deletes a request may have.
const WRITES_MAX: usize = 25;

pub(crate) async fn batch_write_item(
    service: &DynamoDb,
    ctx: &Ctx,
    input: BatchWriteItemInput,
) -> Result<BatchWriteItemOutput, Error> {
    if input.request_items.values().map(Vec::len).sum::<usize>() > WRITES_MAX {
        return Err(Invalid::new("Too many items requested for the BatchWriteItem call").into());
    }
    let mut tables: Vec<(String, Vec<ItemWrite>)> = Vec::new();
    for (given, requests) in input.request_items {
        let name = table::name(ctx, &given)?;
        let writes = requests.into_iter().map(read).collect::<Result<Vec<_>, Error>>()?;
        tables.push((name, writes));
    }
    let report = Report::of(input.return_consumed_capacity.as_ref());
    let now_ms = ctx.now().epoch_ms;
    let write = |tx: &mut WriteTx| -> Result<Vec<_>, Error> {
        tables
            .iter()
            .map(|(name, writes)| {
                let table = table::get(service, ctx, tx, name)?;
                let all = write_table(tx, &table, writes, report.is_wanted(), now_ms)?;
                for (write, units) in writes.iter().zip(&all) {
                    let bytes = units.collection_bytes;
                    service.collections.check(ctx, &table, write.key(), bytes)?;
                }
                Ok((table, all))
            })
            .collect()
    };
    let written = sse::write(ctx, write).await?;
    let mut consumed = Vec::new();
    for ((name, writes), (table, all)) in tables.iter().zip(&written) {
        let mut sum = Units::default();
        for (write, units) in writes.iter().zip(all) {
            service.collections.grew(ctx, table, write.key(), units.collection_bytes);
            sum.add(units);
        }
        consumed.extend(report.written(name, table, &sum));
    }
    let writes =
        tables.iter().flat_map(|(name, writes)| writes.iter().map(|write| (name.as_str(), write)));
    let metrics = input.return_item_collection_metrics.as_ref();
    Ok(BatchWriteItemOutput {
        unprocessed_items: Some(BTreeMap::new()),
        item_collection_metrics: metrics_by_table(service, ctx, metrics, writes),
        consumed_capacity: report.is_wanted().then_some(consumed),
    })
}

fn read(request: WriteRequest) -> Result<ItemWrite, Error> {
    let action = match (request.put_request, request.delete_request) {
        (Some(put), None) => Action::put(convert::item(put.item)?)?,
        (None, Some(delete)) => Action::Delete { key: convert::item(delete.key)? },
        // DynamoDB speaks of AttributeValue here, too.
        _ => {
            return Err(Invalid::new(
                "Supplied AttributeValue has more than one datatypes set, \
                 must contain exactly one of the supported datatypes",
            )
            .into());
        }
    };
    Ok(action.unguarded())
}

/// Writes to one table; the units that each write takes.
fn write_table(
    tx: &mut WriteTx,
    table: &TableRecord,
    writes: &[ItemWrite],
    reads: bool,
    now_ms: i64,
) -> Result<Vec<Units>, Error> {
    let places = writes.iter().map(|write| write.place_in_batch(table));
    let places = places.collect::<Result<Vec<_>, _>>()?;
    let mut seen = HashSet::new();
    if !places.iter().all(|place| seen.insert(place)) {
        return Err(Invalid::new("Provided list of item keys contains duplicates").into());
    }
    throttle::admit_writes(table)?;
    let run =
        |(write, place): (&ItemWrite, &Key)| Ok(write.run(tx, table, place, reads, now_ms)?.units);
    writes.iter().zip(&places).map(run).collect()
}

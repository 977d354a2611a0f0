//! `ListBulkOperations`: bulk operations of the last 90 days, the latest first, a page at a time.
//!
//! ```text
//! {"MaxResults": 10}
//! ```

use api_dynamodb::{Error, ListBulkOperationsInput, ListBulkOperationsOutput};
use kernel::Ctx;
use store::{Key, Scan};

use crate::DynamoDb;
use crate::invalid::Invalid;
use crate::transfer::bulk::{self, BULKS, BulkRecord, describe};
use crate::transfer::{Direction, TransferId, page};

/// Operations on a page unless the request wants another number.
const PAGE: i32 = 10;

pub(crate) async fn list_bulk_operations(
    _: &DynamoDb,
    ctx: &Ctx,
    input: ListBulkOperationsInput,
) -> Result<ListBulkOperationsOutput, Error> {
    let limit = input.max_results.unwrap_or(PAGE).max(1) as usize;
    let here = Key::of((ctx.account(), ctx.region()));
    let mut scan = Scan::prefix(here).reverse().limit(limit + 1);
    if let Some(token) = &input.next_token {
        let (table_name, id) = page::parse(token)
            .ok_or_else(|| Invalid::new("Invalid Request: NextToken is not valid"))?;
        scan = scan.after(bulk::key(&id_of(ctx, table_name, id)));
    }
    let mut found = ctx.store().read(|tx| tx.scan(&BULKS, scan))?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let named = |(key, operation): (Key, BulkRecord)| {
        let id = bulk::id_part(&key)?;
        Some((id_of(ctx, operation.table_name.clone(), id), operation))
    };
    let found: Vec<_> = found.into_iter().filter_map(named).collect();
    let last = found.last().filter(|_| has_more);
    let next_token = last.map(|(id, _)| page::print(&id.table_name, &id.id));
    let summaries = found.iter().map(|(id, operation)| describe::summary(id, operation)).collect();
    Ok(ListBulkOperationsOutput { bulk_operations_summary_list: Some(summaries), next_token })
}

fn id_of(ctx: &Ctx, table_name: String, id: String) -> TransferId {
    TransferId {
        direction: Direction::Bulk,
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        table_name,
        id,
    }
}

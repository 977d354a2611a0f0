//! `ListTables`: the names of the tables, sorted, a page at a time.
//!
//! ```text
//! {"Limit": 10, "ExclusiveStartTableName": "Flights"}
//! ```

use api_dynamodb::{Error, ListTablesInput, ListTablesOutput};
use kernel::Ctx;
use store::{Part, Scan};

use crate::DynamoDb;
use crate::table::TABLES;

/// Names on a page if no limit is given.
const LIMIT_DEFAULT: i32 = 100;

pub(crate) async fn list_tables(
    _: &DynamoDb,
    ctx: &Ctx,
    input: ListTablesInput,
) -> Result<ListTablesOutput, Error> {
    // The model allows 1 to 100.
    let limit = input.limit.unwrap_or(LIMIT_DEFAULT).unsigned_abs() as usize;
    let mut scan = Scan::prefix((ctx.account(), ctx.region())).limit(limit + 1);
    if let Some(start) = &input.exclusive_start_table_name {
        scan = scan.after((ctx.account(), ctx.region(), start.as_str()));
    }
    let found = ctx.store().read(|tx| tx.scan(&TABLES, scan))?;
    let mut names: Vec<String> = found
        .into_iter()
        .filter_map(|(key, _)| match key.parts()?.pop()? {
            Part::Text(name) => Some(name),
            _ => None,
        })
        .collect();
    let has_more = names.len() > limit;
    names.truncate(limit);
    Ok(ListTablesOutput {
        last_evaluated_table_name: names.last().filter(|_| has_more).cloned(),
        table_names: Some(names),
    })
}

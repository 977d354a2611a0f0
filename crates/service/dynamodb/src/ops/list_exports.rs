//! `ListExports`: exports of a table or of all, by table and time, a page at a time.
//!
//! ```text
//! {"TableArn": "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights", "MaxResults": 10}
//! ```

use api_dynamodb::{Error, ListExportsInput, ListExportsOutput};
use kernel::Ctx;

use crate::DynamoDb;
use crate::transfer::export::{EXPORTS, describe};
use crate::transfer::{Direction, page};

pub(crate) async fn list_exports(
    _: &DynamoDb,
    ctx: &Ctx,
    input: ListExportsInput,
) -> Result<ListExportsOutput, Error> {
    let from = (&EXPORTS, Direction::Export);
    let (limit, token) = (input.max_results, input.next_token.as_deref());
    let (found, next) = page::read(ctx, from, input.table_arn.as_deref(), limit, token)?;
    let summaries = found.iter().map(|(id, export)| describe::summary(id, export));
    Ok(ListExportsOutput { export_summaries: Some(summaries.collect()), next_token: next })
}

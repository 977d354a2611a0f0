//! `ListImports`: imports into a table or into all, by table and time, a page at a time.
//!
//! ```text
//! {"TableArn": "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights", "PageSize": 10}
//! ```

use api_dynamodb::{Error, ListImportsInput, ListImportsOutput};
use kernel::Ctx;

use crate::DynamoDb;
use crate::transfer::import::{IMPORTS, describe};
use crate::transfer::{Direction, page};

pub(crate) async fn list_imports(
    _: &DynamoDb,
    ctx: &Ctx,
    input: ListImportsInput,
) -> Result<ListImportsOutput, Error> {
    let from = (&IMPORTS, Direction::Import);
    let (limit, token) = (input.page_size, input.next_token.as_deref());
    let (found, next) = page::read(ctx, from, input.table_arn.as_deref(), limit, token)?;
    let summaries = found.iter().map(|(id, import)| describe::summary(id, import));
    Ok(ListImportsOutput { import_summary_list: Some(summaries.collect()), next_token: next })
}

//! `TransactGetItems`: up to 100 items of one or more tables, as of one moment.
//!
//! ```text
//! {"TransactItems": [{"Get": {"TableName": "Flights", "Key": {"pk": {"S": "CV100"}}}},
//!                    {"Get": {"TableName": "Seats", "Key": {"pk": {"S": "CV100#12A"}}}}]}
//! ```

use api_dynamodb::{
    Error, ItemResponse, TransactGetItem, TransactGetItemsInput, TransactGetItemsOutput,
};
use kernel::Ctx;

use crate::capacity::Report;
use crate::request::Expressions;
use crate::transaction::{self, TableRead};
use crate::{DynamoDb, convert, table};

pub(crate) async fn transact_get_items(
    service: &DynamoDb,
    ctx: &Ctx,
    input: TransactGetItemsInput,
) -> Result<TransactGetItemsOutput, Error> {
    let reads = input.transact_items.into_iter().map(|item| read(ctx, item));
    let reads = reads.collect::<Result<Vec<_>, Error>>()?;
    let report = Report::of(input.return_consumed_capacity.as_ref());
    let (items, consumed) = transaction::read(service, ctx, &reads, report).await?;
    let response = |item: Option<_>| ItemResponse { item: item.map(convert::attributes) };
    Ok(TransactGetItemsOutput {
        consumed_capacity: consumed,
        responses: Some(items.into_iter().map(response).collect()),
    })
}

fn read(ctx: &Ctx, TransactGetItem { get }: TransactGetItem) -> Result<TableRead, Error> {
    let table = table::name(ctx, &get.table_name)?;
    let expressions = Expressions {
        expressions: &[("ProjectionExpression", get.projection_expression.is_some())],
        legacy: &[],
        names: get.expression_attribute_names,
        values: None,
    };
    expressions.check()?;
    let key = convert::item(get.key)?;
    let mut placeholders = expressions.placeholders()?;
    let projection =
        get.projection_expression.map(|text| placeholders.projection(&text)).transpose()?;
    placeholders.check_all_used()?;
    Ok(TableRead { table, key, projection })
}

//! `GetItem`: the item with a key.
//!
//! ```text
//! {"TableName": "Flights", "Key": {"pk": {"S": "+821012345678"}}, "ProjectionExpression": "seat"}
//! ```
//!
//! One store holds everything, so an eventually consistent read sees what a consistent one sees.

use api_dynamodb::{Error, GetItemInput, GetItemOutput};
use bytes::Bytes;
use kernel::Ctx;

use crate::capacity::{Report, read_units};
use crate::heat::{self, Access};
use crate::request::{self, Expressions};
use crate::sse;
use crate::write::stored;
use crate::{DynamoDb, convert, legacy, table, throttle};

pub(crate) async fn get_item(
    service: &DynamoDb,
    ctx: &Ctx,
    input: GetItemInput,
) -> Result<GetItemOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let non_expressions = [("AttributesToGet", input.attributes_to_get.is_some())];
    let expressions = Expressions {
        expressions: &[("ProjectionExpression", input.projection_expression.is_some())],
        legacy: &non_expressions,
        names: input.expression_attribute_names,
        values: None,
    };
    expressions.check()?;
    let attributes = legacy::attributes_to_get(input.attributes_to_get.as_deref())?;
    let key = convert::item(input.key)?;
    let mut placeholders = expressions.placeholders()?;
    let projection =
        input.projection_expression.map(|text| placeholders.projection(&text)).transpose()?;
    placeholders.check_all_used()?;
    let projection = projection.or(attributes);

    let (table, place, found) = sse::read(ctx, |tx| -> Result<(_, _, Option<Bytes>), Error> {
        let table = table::get(service, ctx, tx, &name)?;
        table.check_key(&key)?;
        if let Some(projection) = &projection {
            request::check_key_paths(&table, &projection.0)?;
        }
        throttle::admit_reads(&table, None)?;
        let place = table.item_key(&key);
        let found = sse::get(tx, &table::ITEMS, &place)?;
        Ok((table, place, found))
    })
    .await?;
    let found = stored(found.as_ref())?;
    let item = match (found, &projection) {
        (None, _) => None,
        (Some(found), None) => Some(convert::stored(found)?),
        (Some(found), Some(projection)) => Some(convert::attributes(projection.of_stored(found)?)),
    };
    let consistent = input.consistent_read == Some(true);
    let units = read_units(found.map_or(0, |found| found.size_bytes()), consistent);
    throttle::charge_table_reads(&table, units);
    heat::count(&table, place.as_bytes(), Access::Read, units);
    Ok(GetItemOutput {
        item,
        consumed_capacity: Report::of(input.return_consumed_capacity.as_ref())
            .consumed(&name, units),
    })
}

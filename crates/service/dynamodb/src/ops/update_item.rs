//! `UpdateItem`: changes attributes of the item with a key, or makes it.
//!
//! ```text
//! {"TableName": "Flights", "Key": {"pk": {"S": "+821012345678"}},
//!  "UpdateExpression": "SET seat = :s ADD changes :one", "ReturnValues": "ALL_NEW",
//!  "ExpressionAttributeValues": {":s": {"S": "14C"}, ":one": {"N": "1"}}}
//! ```

use api_dynamodb::{Error, ReturnValue, UpdateItemInput, UpdateItemOutput};
use bytes::Bytes;
use kernel::Ctx;

use crate::capacity::{Report, write_units};
use crate::convert::Attributes;
use crate::expression::bound::{SetValue, Update};
use crate::expression::project;
use crate::invalid::Invalid;
use crate::item::encode;
use crate::request::{self, Expressions};
use crate::table::TableRecord;
use crate::value::{ITEM_SIZE_MAX_BYTES, Item};
use crate::write::{Guard, decode_or, stored};
use crate::{DynamoDb, convert, fault, table};

/// What an update did: the stored item before, and the item after if there is one.
struct Outcome {
    old: Option<Bytes>,
    new: Option<Item>,
}

pub(crate) async fn update_item(
    _: &DynamoDb,
    ctx: &Ctx,
    input: UpdateItemInput,
) -> Result<UpdateItemOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let legacy = [
        ("AttributeUpdates", input.attribute_updates.is_some()),
        ("Expected", input.expected.is_some()),
        ("ConditionalOperator", input.conditional_operator.is_some()),
    ];
    let expressions = Expressions {
        expressions: &[
            ("UpdateExpression", input.update_expression.is_some()),
            ("ConditionExpression", input.condition_expression.is_some()),
        ],
        legacy: &legacy,
        names: input.expression_attribute_names,
        values: input.expression_attribute_values,
    };
    expressions.check()?;
    fault::refuse("UpdateItem", &legacy)?;
    let key = convert::item(input.key)?;
    let mut placeholders = expressions.placeholders()?;
    let update = input.update_expression.map(|text| placeholders.update(&text)).transpose()?;
    let guard = Guard::new(
        input.condition_expression.as_deref(),
        input.return_values_on_condition_check_failure.as_ref(),
        &mut placeholders,
    )?;
    placeholders.check_all_used()?;

    let write = |tx: &mut store::WriteTx| -> Result<Outcome, Error> {
        let table = table::get(ctx, tx, &name)?;
        table.check_key(&key)?;
        if let Some(update) = &update {
            check_update(&table, update)?;
        }
        guard.check_paths(&table)?;
        let at = table.item_key(&key);
        let old = tx.get_raw(&table::ITEMS, &at)?;
        guard.pass(stored(old.as_ref())?)?;
        let new = updated(old.as_ref(), &key, update.as_ref())?;
        if let Some(new) = &new {
            tx.put_raw(&table::ITEMS, &at, encode(new))?;
        }
        Ok(Outcome { old, new })
    };
    let outcome = ctx.store().write(write).await?;

    let sizes = (
        stored(outcome.old.as_ref())?.map(|old| old.size_bytes()),
        outcome.new.as_ref().map(Item::size_bytes),
    );
    let attributes = returned(outcome, update.as_ref(), input.return_values.as_ref())?;
    let report = Report::of(input.return_consumed_capacity.as_ref());
    Ok(UpdateItemOutput {
        attributes,
        consumed_capacity: report.consumed(&name, write_units(sizes.0, sizes.1)),
        item_collection_metrics: None,
    })
}

/// Checks that the update leaves the key alone, and does not look into it.
fn check_update(table: &TableRecord, update: &Update) -> Result<(), Invalid> {
    for key in table.keys() {
        if update.paths().any(|path| path.attribute() == key.name) {
            return Err(Invalid(format!(
                "One or more parameter values were invalid: \
                 Cannot update attribute {}. This attribute is part of the key",
                key.name
            )));
        }
    }
    let mut read = Vec::new();
    for action in &update.0 {
        action.value.iter().for_each(|value| read_paths(value, &mut read));
    }
    request::check_key_paths(table, read)
}

/// The paths that the right side of an action reads.
fn read_paths<'a>(value: &'a SetValue, into: &mut Vec<&'a crate::expression::bound::Path>) {
    match value {
        SetValue::Value(_) => {}
        SetValue::Path(path) => into.push(path),
        SetValue::IfNotExists(path, otherwise) => {
            into.push(path);
            read_paths(otherwise, into);
        }
        SetValue::ListAppend(a, b) | SetValue::Plus(a, b) | SetValue::Minus(a, b) => {
            read_paths(a, into);
            read_paths(b, into);
        }
    }
}

/// The item after the update; nothing if there was none and nothing makes one.
fn updated(
    old: Option<&Bytes>,
    key: &Item,
    update: Option<&Update>,
) -> Result<Option<Item>, Error> {
    let old = stored(old)?;
    let mut item = decode_or(old, key)?;
    if let Some(update) = update {
        update.apply(&mut item, old.is_some())?;
        if old.is_none() && update.only_removes() {
            return Ok(None);
        }
    }
    if item.size_bytes() > ITEM_SIZE_MAX_BYTES {
        return Err(
            Invalid::new("Item size to update has exceeded the maximum allowed size").into()
        );
    }
    convert::check_nesting(&item)?;
    Ok(Some(item))
}

/// The attributes that ReturnValues asks for; none rather than an empty map.
fn returned(
    outcome: Outcome,
    update: Option<&Update>,
    wanted: Option<&ReturnValue>,
) -> Result<Option<Attributes>, Error> {
    let paths = || update.into_iter().flat_map(Update::paths);
    let old = stored(outcome.old.as_ref())?;
    let item = match wanted {
        Some(ReturnValue::AllOld) => old.map(|old| old.decode()).transpose()?,
        Some(ReturnValue::UpdatedOld) => {
            old.map(|old| Ok::<_, Error>(project(&old.decode()?, paths()))).transpose()?
        }
        Some(ReturnValue::AllNew) => outcome.new,
        Some(ReturnValue::UpdatedNew) => outcome.new.map(|new| project(&new, paths())),
        _ => None,
    };
    Ok(item.filter(|item| !item.is_empty()).map(convert::attributes))
}

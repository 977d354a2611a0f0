//! `dynamodb:LeadingKeys`: the partition keys that a request touches in one table or index.

use std::collections::BTreeMap;

use api_dynamodb::{
    AttributeValue, BatchGetItemInput, BatchWriteItemInput, DeleteItemInput, GetItemInput,
    PutItemInput, QueryInput, TransactGetItemsInput, TransactWriteItemsInput, UpdateItemInput,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::Ctx;
use kernel::access::Asked;
use shape::Struct;

use super::{UNTOLD, named};
use crate::{convert, ops, table};

/// The values, as policies compare them; `None` for operations that have none, such as Scan.
pub(super) fn values(ctx: &Ctx, input: &dyn Struct, asked: &Asked<'_>) -> Option<Vec<String>> {
    let (name, index) = named(asked.resource)?;
    let found = ctx.store().read(|tx| table::find(ctx, tx, name)).ok().flatten()?;
    let attribute = match index {
        None => &found.partition_key.name,
        Some(index) => &found.index(index)?.partition.first()?.name,
    };
    let here = |given: &str| table::name(ctx, given).is_ok_and(|given| given == name);
    let mut values = Vec::new();
    let mut add = |item: &BTreeMap<String, AttributeValue>| {
        values.push(item.get(attribute).and_then(text).unwrap_or_else(|| UNTOLD.to_owned()));
    };
    match asked.operation {
        "GetItem" => add(&input.downcast_ref::<GetItemInput>()?.key),
        "DeleteItem" => add(&input.downcast_ref::<DeleteItemInput>()?.key),
        "UpdateItem" => add(&input.downcast_ref::<UpdateItemInput>()?.key),
        "PutItem" => add(&input.downcast_ref::<PutItemInput>()?.item),
        "Query" => {
            let query = input.downcast_ref::<QueryInput>()?.clone();
            values.push(ops::partition_of(query, attribute).unwrap_or_else(|| UNTOLD.to_owned()));
        }
        "BatchGetItem" => {
            let requests = &input.downcast_ref::<BatchGetItemInput>()?.request_items;
            let here = requests.iter().filter(|(table, _)| here(table));
            here.flat_map(|(_, keys)| &keys.keys).for_each(&mut add);
        }
        "BatchWriteItem" => {
            let requests = &input.downcast_ref::<BatchWriteItemInput>()?.request_items;
            for request in requests.iter().filter(|(table, _)| here(table)).flat_map(|(_, all)| all)
            {
                request.put_request.iter().for_each(|put| add(&put.item));
                request.delete_request.iter().for_each(|delete| add(&delete.key));
            }
        }
        "TransactGetItems" => {
            let input = input.downcast_ref::<TransactGetItemsInput>()?;
            let all = input.transact_items.iter().map(|item| &item.get);
            all.filter(|get| here(&get.table_name)).for_each(|get| add(&get.key));
        }
        "TransactWriteItems" => {
            let input = input.downcast_ref::<TransactWriteItemsInput>()?;
            for item in &input.transact_items {
                item.put.iter().filter(|w| here(&w.table_name)).for_each(|w| add(&w.item));
                item.update.iter().filter(|w| here(&w.table_name)).for_each(|w| add(&w.key));
                item.delete.iter().filter(|w| here(&w.table_name)).for_each(|w| add(&w.key));
                let check = item.condition_check.iter();
                check.filter(|w| here(&w.table_name)).for_each(|w| add(&w.key));
            }
        }
        _ => return None,
    }
    Some(values)
}

/// A key's value as a policy has it: numbers in their canonical form, binary in base64.
fn text(value: &AttributeValue) -> Option<String> {
    key_text(&convert::value(value.clone()).ok()?)
}

/// The same, of a value.
pub(crate) fn key_text(value: &crate::value::Value) -> Option<String> {
    use crate::value::Value;
    match value {
        Value::S(text) => Some(text.clone()),
        Value::N(number) => Some(number.to_string()),
        Value::B(bytes) => Some(STANDARD.encode(bytes)),
        _ => None,
    }
}

//! Requests of the oracle as requests to DynamoDB.

use std::collections::BTreeMap;

use api_dynamodb::{
    AttributeValue, BatchWriteItemInput, Client, ConditionCheck, Delete, DeleteItemInput,
    DeleteRequest, Put, PutItemInput, PutRequest, ReturnValue, TransactWriteItem,
    TransactWriteItemsInput, Update, UpdateItemInput, WriteRequest,
};

use crate::oracle::{Action, Answer, Change, Condition, Request, TABLES, Write};
use crate::value::{Value, from_api, text, to_api};

/// Sends a request and waits for the answer.
pub async fn send(client: &Client, request: &Request) -> Answer {
    match request {
        Request::Single(write) => send_single(client, write).await,
        Request::Batch(writes) => send_batch(client, writes).await,
        Request::Transact { writes, token } => {
            let input = TransactWriteItemsInput {
                transact_items: writes.iter().map(action).collect(),
                client_request_token: token.clone(),
                ..Default::default()
            };
            match client.transact_write_items(input).await {
                Ok(_) => Ok(None),
                Err(fault) => Err(fault.message),
            }
        }
    }
}

async fn send_single(client: &Client, write: &Write) -> Answer {
    let table_name = TABLES[write.slot.table].to_owned();
    let (condition, values) = condition(write);
    let condition_expression = condition.map(str::to_owned);
    let attributes = match &write.action {
        Action::Put(_) => {
            let input = PutItemInput {
                table_name,
                item: to_api(&item(write)),
                condition_expression,
                expression_attribute_values: given(values),
                return_values: Some(ReturnValue::AllOld),
                ..Default::default()
            };
            client.put_item(input).await.map(|output| output.attributes)
        }
        Action::Delete => {
            let input = DeleteItemInput {
                table_name,
                key: to_api(&write.slot.key()),
                condition_expression,
                expression_attribute_values: given(values),
                return_values: Some(ReturnValue::AllOld),
                ..Default::default()
            };
            client.delete_item(input).await.map(|output| output.attributes)
        }
        Action::Update(change) => {
            let (expression, more) = update(change);
            let input = UpdateItemInput {
                table_name,
                key: to_api(&write.slot.key()),
                update_expression: Some(expression.to_owned()),
                condition_expression,
                expression_attribute_values: given(both(values, more)),
                return_values: Some(ReturnValue::AllNew),
                ..Default::default()
            };
            client.update_item(input).await.map(|output| output.attributes)
        }
        Action::Check => panic!("a check is part of a transaction"),
    };
    match attributes {
        Ok(attributes) => Ok(attributes.map(from_api)),
        Err(fault) => Err(fault.message),
    }
}

async fn send_batch(client: &Client, writes: &[Write]) -> Answer {
    let mut request_items: BTreeMap<String, Vec<WriteRequest>> = BTreeMap::new();
    for write in writes {
        let request = match write.action {
            Action::Put(_) => WriteRequest {
                put_request: Some(PutRequest { item: to_api(&item(write)) }),
                ..Default::default()
            },
            _ => WriteRequest {
                delete_request: Some(DeleteRequest { key: to_api(&write.slot.key()) }),
                ..Default::default()
            },
        };
        request_items.entry(TABLES[write.slot.table].to_owned()).or_default().push(request);
    }
    let input = BatchWriteItemInput { request_items, ..Default::default() };
    match client.batch_write_item(input).await {
        Ok(output) => {
            assert!(output.unprocessed_items.unwrap_or_default().is_empty());
            Ok(None)
        }
        Err(fault) => Err(fault.message),
    }
}

/// A write as an action of a transaction.
pub fn action(write: &Write) -> TransactWriteItem {
    let table_name = TABLES[write.slot.table].to_owned();
    let key = to_api(&write.slot.key());
    let (condition, values) = condition(write);
    let condition_expression = condition.map(str::to_owned);
    match &write.action {
        Action::Put(_) => {
            let put = Put {
                table_name,
                item: to_api(&item(write)),
                condition_expression,
                expression_attribute_values: given(values),
                ..Default::default()
            };
            TransactWriteItem { put: Some(put), ..Default::default() }
        }
        Action::Delete => {
            let delete = Delete {
                table_name,
                key,
                condition_expression,
                expression_attribute_values: given(values),
                ..Default::default()
            };
            TransactWriteItem { delete: Some(delete), ..Default::default() }
        }
        Action::Check => {
            let check = ConditionCheck {
                table_name,
                key,
                condition_expression: condition.unwrap_or("attribute_exists(pk)").to_owned(),
                expression_attribute_values: given(values),
                ..Default::default()
            };
            TransactWriteItem { condition_check: Some(check), ..Default::default() }
        }
        Action::Update(change) => {
            let (expression, more) = update(change);
            let update = Update {
                table_name,
                key,
                update_expression: expression.to_owned(),
                condition_expression,
                expression_attribute_values: given(both(values, more)),
                ..Default::default()
            };
            TransactWriteItem { update: Some(update), ..Default::default() }
        }
    }
}

type Values = BTreeMap<String, AttributeValue>;

/// The whole item that a put stores.
fn item(write: &Write) -> crate::value::Attributes {
    let mut item = write.slot.key();
    if let Action::Put(more) = &write.action {
        item.extend(more.clone());
    }
    item
}

fn given(values: Values) -> Option<Values> {
    Some(values).filter(|values| !values.is_empty())
}

fn both(mut values: Values, more: Values) -> Values {
    values.extend(more);
    values
}

fn value(name: &str, value: Value) -> Values {
    Values::from([(name.to_owned(), value.to_api())])
}

fn condition(write: &Write) -> (Option<&'static str>, Values) {
    let (expression, values) = match &write.condition {
        None => return (None, Values::new()),
        Some(Condition::Exists) => ("attribute_exists(pk)", Values::new()),
        Some(Condition::Absent) => ("attribute_not_exists(pk)", Values::new()),
        Some(Condition::Below(bound)) => ("n < :c", value(":c", Value::Number(*bound))),
        Some(Condition::Tagged(tag)) => ("s = :c", value(":c", text(tag))),
    };
    (Some(expression), values)
}

fn update(change: &Change) -> (&'static str, Values) {
    let set = |member: &String| value(":x", Value::Texts([member.clone()].into()));
    match change {
        Change::Add(more) => ("ADD n :x", value(":x", Value::Number(*more))),
        Change::Increase(more) => ("SET n = n + :x", value(":x", Value::Number(*more))),
        Change::Tag(tag) => ("SET s = :x", value(":x", text(tag))),
        Change::Untag => ("REMOVE s", Values::new()),
        Change::Join(member) => ("ADD ss :x", set(member)),
        Change::Leave(member) => ("DELETE ss :x", set(member)),
        Change::Append(number) => {
            let empty = value(":e", Value::Numbers(Vec::new()));
            let more = value(":x", Value::Numbers(vec![*number]));
            ("SET l = list_append(if_not_exists(l, :e), :x)", both(empty, more))
        }
    }
}

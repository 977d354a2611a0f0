//! Concurrent requests to a few items, whose histories are then checked.
//!
//! `GUREUM_MODEL_SEEDS` sets how many rounds are run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api_dynamodb::{
    AttributeValue, Client, Get, GetItemInput, PutItemInput, QueryInput, ReturnValue,
    TransactGetItem, TransactGetItemsInput, TransactWriteItemsInput, UpdateItemInput,
};

use crate::appends::{self, Transaction};
use crate::counters::{self, Event, Kind};
use crate::dice::{Dice, setting};
use crate::oracle::{Action, Change, Slot, TABLES, Write};
use crate::requests;
use crate::value::{Attributes, Value, from_api, to_api};
use crate::world::World;

const TASKS: u64 = 6;
const REQUESTS: u64 = 60;
const LISTS: i64 = 4;

/// A clock that all tasks share: the order in which they looked at it.
#[derive(Default)]
struct Clock(AtomicU64);

impl Clock {
    fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

fn rounds() -> u64 {
    // Each is as long as several seeds of the simulation.
    setting("GUREUM_MODEL_SEEDS", 20).div_ceil(10)
}

fn slot(sk: i64) -> Slot {
    Slot { table: 0, pk: "p".into(), sk }
}

/// Runs one task each on all cores and collects what they answer.
async fn in_tasks<T, F>(task: impl Fn(u64) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = Vec<T>> + Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "tasks of a test")]
    let tasks: Vec<_> = (0..TASKS).map(|number| tokio::spawn(task(number))).collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn items_are_linearizable() {
    for round in 0..rounds() {
        let world = World::new(round, round % 2 == 1).await;
        let clock = Arc::new(Clock::default());
        for item in 0..3 {
            let history = in_tasks(|task| {
                let (client, clock) = (world.client(), clock.clone());
                let mut dice = Dice::new(round << 32 | (item as u64) << 16 | task);
                async move {
                    let mut history = Vec::new();
                    for _ in 0..REQUESTS {
                        history.extend(count(&client, &clock, item, &mut dice).await);
                    }
                    history
                }
            })
            .await;
            let wrote = history.iter().any(|event| matches!(event.kind, Kind::Write(_)));
            assert!(wrote && history.len() as u64 > REQUESTS);
            counters::check(&history).unwrap_or_else(|problem| panic!("round {round}: {problem}"));
        }
        world.end().await;
    }
}

/// One request to an item that counts up.
async fn count(client: &Client, clock: &Clock, item: i64, dice: &mut Dice) -> Option<Event> {
    let slot = slot(item);
    let table_name = TABLES[slot.table].to_owned();
    let start = clock.now();
    let kind = match dice.below(3) {
        0 => Kind::Read(version(read(client, &slot).await.as_ref())),
        1 => {
            let input = UpdateItemInput {
                table_name,
                key: to_api(&slot.key()),
                update_expression: Some("ADD n :one".into()),
                expression_attribute_values: Some(number(":one", 1)),
                return_values: Some(ReturnValue::AllNew),
                ..Default::default()
            };
            let made = client.update_item(input).await.unwrap().attributes.map(from_api);
            Kind::Write(version(made.as_ref()))
        }
        _ => {
            // Compare and set, which may lose.
            let seen = version(read(client, &slot).await.as_ref());
            let start = clock.now();
            let mut item = slot.key();
            item.insert("n".into(), Value::Number(seen as i64 + 1));
            let condition = if seen == 0 { "attribute_not_exists(n)" } else { "n = :seen" };
            let input = PutItemInput {
                table_name,
                item: to_api(&item),
                condition_expression: Some(condition.into()),
                expression_attribute_values: (seen > 0).then(|| number(":seen", seen as i64)),
                ..Default::default()
            };
            match client.put_item(input).await {
                Ok(_) => {
                    let kind = Kind::Write(seen + 1);
                    return Some(Event { start, end: clock.now(), kind });
                }
                Err(fault) => assert_eq!(fault.code, "ConditionalCheckFailedException"),
            }
            return None;
        }
    };
    Some(Event { start, end: clock.now(), kind })
}

fn number(name: &str, number: i64) -> std::collections::BTreeMap<String, AttributeValue> {
    [(name.to_owned(), Value::Number(number).to_api())].into()
}

async fn read(client: &Client, slot: &Slot) -> Option<Attributes> {
    let input = GetItemInput {
        table_name: TABLES[slot.table].to_owned(),
        key: to_api(&slot.key()),
        ..Default::default()
    };
    client.get_item(input).await.unwrap().item.map(from_api)
}

fn version(item: Option<&Attributes>) -> u64 {
    match item.and_then(|item| item.get("n")) {
        Some(Value::Number(n)) => *n as u64,
        _ => 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn transactions_are_serializable() {
    for round in 0..rounds() {
        let world = World::new(round, round % 2 == 1).await;
        let clock = Arc::new(Clock::default());
        let mut history = in_tasks(|task| {
            let (client, clock) = (world.client(), clock.clone());
            let mut dice = Dice::new(round << 16 | task);
            async move {
                let mut history = Vec::new();
                for number in 0..REQUESTS {
                    let element = (task * REQUESTS + number) as i64;
                    let done = append_or_read(&client, &clock, element, &mut dice).await;
                    if !done.ok {
                        // Whatever it met goes on until the disk is done.
                        #[expect(clippy::disallowed_methods, reason = "real time passes")]
                        tokio::time::sleep(Duration::from_millis(dice.below(4))).await;
                    }
                    history.push(done);
                }
                history
            }
        })
        .await;
        let all: Vec<i64> = (0..LISTS).collect();
        let mut last = Transaction { start: clock.now(), ..Transaction::default() };
        (last.ok, last.reads) = read_together(&world.client(), &all).await;
        last.end = clock.now();
        assert!(last.ok, "nothing goes on any more");
        history.push(last);
        let done = history.iter().filter(|one| one.ok && !one.appends.is_empty()).count();
        assert!(done > LISTS as usize, "only {done} transactions happened");
        appends::check(&history).unwrap_or_else(|problem| panic!("round {round}: {problem}"));
        world.end().await;
    }
}

/// One request to some of the lists.
async fn append_or_read(
    client: &Client,
    clock: &Clock,
    element: i64,
    dice: &mut Dice,
) -> Transaction {
    let mut lists: Vec<i64> = (0..LISTS).filter(|_| dice.once_in(2)).collect();
    if lists.is_empty() {
        lists.push(dice.below(LISTS as u64) as i64);
    }
    let mut transaction = Transaction { start: clock.now(), ..Transaction::default() };
    match dice.below(5) {
        0 | 1 => {
            transaction.appends = lists.iter().map(|list| (name(*list), element)).collect();
            let append = |list: &i64| Write {
                slot: slot(*list),
                action: Action::Update(Change::Append(element)),
                condition: None,
            };
            let transact_items = lists.iter().map(|list| requests::action(&append(list))).collect();
            let input = TransactWriteItemsInput { transact_items, ..Default::default() };
            let answer = client.transact_write_items(input).await;
            transaction.ok = answer.is_ok();
            if let Err(fault) = answer {
                assert_eq!(fault.code, "TransactionCanceledException");
                assert!(fault.message.contains("TransactionConflict"), "{}", fault.message);
            }
        }
        2 => (transaction.ok, transaction.reads) = read_together(client, &lists).await,
        3 => {
            let list = lists[0];
            transaction.appends = vec![(name(list), element)];
            (transaction.ok, transaction.reads) = append_alone(client, list, element).await;
        }
        _ => {
            transaction.ok = true;
            transaction.reads = query(client).await;
        }
    }
    transaction.end = clock.now();
    transaction
}

type Reads = Vec<(String, Vec<i64>)>;

fn name(list: i64) -> String {
    format!("list {list}")
}

fn elements(item: Option<&Attributes>) -> Vec<i64> {
    match item.and_then(|item| item.get("l")) {
        Some(Value::Numbers(elements)) => elements.clone(),
        _ => Vec::new(),
    }
}

/// A transaction that reads; it may meet one that writes.
async fn read_together(client: &Client, lists: &[i64]) -> (bool, Reads) {
    let get = |list: &i64| TransactGetItem {
        get: Get {
            table_name: TABLES[0].to_owned(),
            key: to_api(&slot(*list).key()),
            ..Default::default()
        },
    };
    let transact_items = lists.iter().map(get).collect();
    let input = TransactGetItemsInput { transact_items, ..Default::default() };
    match client.transact_get_items(input).await {
        Ok(output) => {
            let items = output.responses.unwrap_or_default().into_iter();
            let items = items.map(|response| elements(response.item.map(from_api).as_ref()));
            (true, lists.iter().map(|list| name(*list)).zip(items).collect())
        }
        Err(fault) => {
            assert_eq!(fault.code, "TransactionCanceledException");
            assert!(fault.message.contains("TransactionConflict"), "{}", fault.message);
            (false, Vec::new())
        }
    }
}

/// A single update, which reads what it made; it may meet a transaction.
async fn append_alone(client: &Client, list: i64, element: i64) -> (bool, Reads) {
    let write = Write {
        slot: slot(list),
        action: Action::Update(Change::Append(element)),
        condition: None,
    };
    let update = requests::action(&write).update.expect("an update");
    let input = UpdateItemInput {
        table_name: update.table_name,
        key: update.key,
        update_expression: Some(update.update_expression),
        expression_attribute_values: update.expression_attribute_values,
        return_values: Some(ReturnValue::AllNew),
        ..Default::default()
    };
    match client.update_item(input).await {
        Ok(output) => {
            (true, vec![(name(list), elements(output.attributes.map(from_api).as_ref()))])
        }
        Err(fault) => {
            assert_eq!(fault.code, "TransactionConflictException");
            assert_eq!(fault.message, "Transaction is ongoing for the item");
            (false, Vec::new())
        }
    }
}

/// A query of all lists. In this implementation it sees one moment; DynamoDB promises less.
async fn query(client: &Client) -> Reads {
    let input = QueryInput {
        table_name: TABLES[0].to_owned(),
        key_condition_expression: Some("pk = :p".into()),
        expression_attribute_values: Some(
            [(":p".to_owned(), crate::value::text("p").to_api())].into(),
        ),
        ..Default::default()
    };
    let items = client.query(input).await.unwrap().items.unwrap_or_default();
    let items: Vec<Attributes> = items.into_iter().map(from_api).collect();
    let of = |list: i64| {
        let item = items.iter().find(|item| item.get("sk") == Some(&Value::Number(list)));
        (name(list), elements(item))
    };
    (0..LISTS).map(of).collect()
}

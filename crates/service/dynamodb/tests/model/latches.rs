//! What meets a transaction that goes on: on disk a commit takes a while, so one that was begun
//! and is not waited for yet is still going on.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use api_dynamodb::{
    Client, Get, GetItemInput, TransactGetItem, TransactGetItemsInput, TransactWriteItemsInput,
};

use crate::oracle::{Action, Condition, Request, Slot, TABLES, Write};
use crate::requests;
use crate::value::{Attributes, Value, to_api};
use crate::world::World;

fn slot(pk: &str) -> Slot {
    Slot { table: 1, pk: pk.into(), sk: 0 }
}

fn put(pk: &str, n: i64) -> Write {
    let item = Attributes::from([("n".to_owned(), Value::Number(n))]);
    Write { slot: slot(pk), action: Action::Put(item), condition: None }
}

fn transaction(writes: &[Write], token: Option<&str>) -> TransactWriteItemsInput {
    TransactWriteItemsInput {
        transact_items: writes.iter().map(requests::action).collect(),
        client_request_token: token.map(str::to_owned),
        ..Default::default()
    }
}

const CANCELLED: &str =
    "Transaction cancelled, please refer cancellation reasons for specific reasons";
const ONGOING: &str = "Transaction is ongoing for the item";

async fn get_together(client: &Client, slots: &[&str]) -> Result<(), String> {
    let get = |pk: &&str| TransactGetItem {
        get: Get {
            table_name: TABLES[1].to_owned(),
            key: to_api(&slot(pk).key()),
            ..Default::default()
        },
    };
    let transact_items = slots.iter().map(get).collect();
    let input = TransactGetItemsInput { transact_items, ..Default::default() };
    client.transact_get_items(input).await.map(drop).map_err(|fault| fault.message)
}

#[tokio::test]
async fn what_meets_an_ongoing_transaction_is_refused() {
    let world = World::new(1, true).await;
    let client = world.client();
    let check =
        Write { action: Action::Check, condition: Some(Condition::Absent), ..put("checked", 0) };
    // On a busy machine a commit may be on disk when this thread comes to look.
    let (token, input, ongoing) = (0..100)
        .find_map(|attempt| {
            let token = format!("token {attempt}");
            let input = transaction(&[put("a", 1), check.clone()], Some(&token));
            let mut ongoing = Box::pin(client.transact_write_items(input.clone()));
            let first = ongoing.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            matches!(first, Poll::Pending).then_some((token, input, ongoing))
        })
        .expect("a commit on disk takes a while");

    // Single writes.
    for pk in ["a", "checked"] {
        let answer = requests::send(&client, &Request::Single(put(pk, 2))).await;
        assert_eq!(answer, Err(ONGOING.to_owned()));
    }
    // Other transactions, with the reason at the item that is concerned.
    for pk in ["a", "checked"] {
        let writes = vec![put("b", 2), put(pk, 2), put("c", 2)];
        let answer = requests::send(&client, &Request::Transact { writes, token: None }).await;
        assert_eq!(answer, Err(format!("{CANCELLED} [None, TransactionConflict, None]")));
    }
    let answer = get_together(&client, &["b", "a"]).await;
    assert_eq!(answer, Err(format!("{CANCELLED} [None, TransactionConflict]")));
    // The same request once more, and another one with its token.
    let fault = client.transact_write_items(input.clone()).await.map(drop).expect_err("a refusal");
    assert_eq!(fault.code, "TransactionInProgressException");
    let other = transaction(&[put("d", 1)], Some(&token));
    let fault = client.transact_write_items(other).await.map(drop).expect_err("a refusal");
    assert_eq!(fault.code, "IdempotentParameterMismatchException");
    // Reads and other items are not concerned.
    let input_of = |pk: &str| GetItemInput {
        table_name: TABLES[1].to_owned(),
        key: to_api(&slot(pk).key()),
        ..Default::default()
    };
    client.get_item(input_of("a")).await.unwrap();
    requests::send(&client, &Request::Single(put("b", 3))).await.unwrap();
    get_together(&client, &["b", "c"]).await.unwrap();

    ongoing.await.unwrap();
    assert!(client.get_item(input_of("a")).await.unwrap().item.is_some());
    for pk in ["a", "checked"] {
        requests::send(&client, &Request::Single(put(pk, 4))).await.unwrap();
    }
    get_together(&client, &["a", "checked"]).await.unwrap();
    client.transact_write_items(input).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_transaction_that_nobody_waits_for_lets_its_items_go() {
    let world = World::new(2, true).await;
    let client = world.client();
    // Given up while it waits. On a busy machine one may have been committed by then.
    let is_given_up = (0..100).any(|_| {
        let mut ongoing = pin!(client.transact_write_items(transaction(&[put("a", 1)], None)));
        matches!(ongoing.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending)
    });
    assert!(is_given_up);
    requests::send(&client, &Request::Single(put("a", 2))).await.unwrap();
    world.end().await;
}

//! Request tokens: they outlive a crash, count for ten minutes and are then deleted.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::oracle::{Action, Change, Request, Slot, Write};
use crate::requests;
use crate::value::Value;
use crate::world::World;

fn add(token: &str) -> Request {
    let slot = Slot { table: 1, pk: "counter".into(), sk: 0 };
    let write = Write { slot, action: Action::Update(Change::Add(1)), condition: None };
    Request::Transact { writes: vec![write], token: Some(token.to_owned()) }
}

/// The counter, after one more.
async fn count(world: &World) -> i64 {
    let Request::Transact { writes, .. } = add("") else { unreachable!() };
    let write = writes.into_iter().next().expect("a write");
    let item = requests::send(&world.client(), &Request::Single(write)).await.unwrap().unwrap();
    match item["n"] {
        Value::Number(n) => n,
        _ => panic!("{item:?}"),
    }
}

fn stored(world: &World) -> usize {
    const TOKENS: store::RawTable = store::RawTable::new("dynamodb/transaction-token");
    let mut count = 0;
    let scanned = world.store().read(|tx| {
        tx.scan_raw(&TOKENS, &store::Scan::all(), &mut |_, _| {
            count += 1;
            ControlFlow::Continue(())
        })
    });
    scanned.unwrap();
    count
}

#[tokio::test]
async fn tokens_count_for_ten_minutes_whatever_happens() {
    let mut world = World::new(3, true).await;
    let minutes = |count: u64| Duration::from_secs(60 * count);
    requests::send(&world.client(), &add("one")).await.unwrap();
    world.crash().await;
    requests::send(&world.client(), &add("one")).await.unwrap();
    assert_eq!(count(&world).await, 2);
    world.advance(minutes(9));
    requests::send(&world.client(), &add("one")).await.unwrap();
    requests::send(&world.client(), &add("two")).await.unwrap();
    assert_eq!(count(&world).await, 4);
    world.restart().await;
    world.advance(minutes(1));
    for token in ["one", "two"] {
        requests::send(&world.client(), &add(token)).await.unwrap();
    }
    assert_eq!(count(&world).await, 6);
    assert!(stored(&world) >= 2);
    // All are deleted some time after they ceased to count.
    world.advance(minutes(30));
    for _ in 0..1000 {
        if stored(&world) == 0 {
            break;
        }
        #[expect(clippy::disallowed_methods, reason = "waits for a task, in real time")]
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(stored(&world), 0);
    world.end().await;
}

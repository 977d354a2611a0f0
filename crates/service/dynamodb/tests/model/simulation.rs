//! Random requests one after the other, with restarts and crashes between them.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::dice::{Dice, setting};
use crate::oracle::{Action, Answer, Change, Condition, Oracle, Request, Slot, Write};
use crate::value::{Attributes, Value, text};
use crate::world::World;
use crate::{reads, requests};

/// Requests of one seed.
const REQUESTS: u64 = 1_000;
/// One seed in so many runs on disk; the others in memory.
const ON_DISK_ONCE_IN: u64 = 10;

/// A random item's place.
pub fn random_slot(dice: &mut Dice) -> Slot {
    if dice.once_in(4) {
        return Slot { table: 1, pk: dice.pick(&["a", "b", "c", "d"]).into(), sk: 0 };
    }
    Slot { table: 0, pk: dice.pick(&["x", "y", "zz"]).into(), sk: dice.below(5) as i64 }
}

/// A random value of the attribute that an index is by.
pub fn tag(dice: &mut Dice) -> String {
    dice.pick(&["red", "green", "blue"]).to_owned()
}

fn random_action(dice: &mut Dice) -> Action {
    match dice.below(10) {
        0..=2 => Action::Put(random_item(dice)),
        3 => Action::Delete,
        _ => Action::Update(match dice.below(7) {
            0 => Change::Add(dice.below(9) as i64 - 4),
            1 => Change::Increase(dice.below(9) as i64 - 4),
            2 => Change::Tag(tag(dice)),
            3 => Change::Untag,
            4 => Change::Join(tag(dice)),
            5 => Change::Leave(tag(dice)),
            _ => Change::Append(dice.below(100) as i64),
        }),
    }
}

fn random_item(dice: &mut Dice) -> Attributes {
    let mut item = Attributes::new();
    if !dice.once_in(4) {
        item.insert("n".into(), Value::Number(dice.below(20) as i64 - 5));
    }
    if !dice.once_in(3) {
        item.insert("s".into(), text(tag(dice)));
    }
    if dice.once_in(20) {
        // Several pages of a store's block, sometimes.
        item.insert("large".into(), text("x".repeat(dice.below(5_000) as usize)));
    }
    item
}

fn random_condition(dice: &mut Dice) -> Condition {
    match dice.below(4) {
        0 => Condition::Exists,
        1 => Condition::Absent,
        2 => Condition::Below(dice.below(15) as i64),
        _ => Condition::Tagged(tag(dice)),
    }
}

fn random_write(dice: &mut Dice) -> Write {
    let condition = dice.once_in(3).then(|| random_condition(dice));
    Write { slot: random_slot(dice), action: random_action(dice), condition }
}

/// Writes of different items.
fn random_writes(dice: &mut Dice, most: u64) -> Vec<Write> {
    let mut writes: Vec<Write> = Vec::new();
    for _ in 0..1 + dice.below(most) {
        let write = random_write(dice);
        if !writes.iter().any(|known| known.slot == write.slot) {
            writes.push(write);
        }
    }
    writes
}

fn random_request(dice: &mut Dice, transactions: &mut Vec<Request>) -> Request {
    match dice.below(10) {
        0 => {
            let mut writes = random_writes(dice, 8);
            for write in &mut writes {
                write.condition = None;
                if matches!(write.action, Action::Update(_)) {
                    write.action = Action::Delete;
                }
            }
            Request::Batch(writes)
        }
        1 if !transactions.is_empty() && dice.once_in(3) => {
            // The same again: its token makes it happen once.
            transactions[dice.below(transactions.len() as u64) as usize].clone()
        }
        1..=3 => {
            let mut writes = random_writes(dice, 4);
            for write in &mut writes {
                if dice.once_in(4) {
                    write.action = Action::Check;
                    write.condition.get_or_insert(Condition::Exists);
                }
            }
            let token = dice.once_in(2).then(|| format!("token-{}", dice.next()));
            let request = Request::Transact { writes, token: token.clone() };
            if token.is_some() {
                transactions.push(request.clone());
            }
            request
        }
        _ => Request::Single(random_write(dice)),
    }
}

/// Runs a seed to its end.
async fn run(seed: u64) -> u64 {
    let mut dice = Dice::new(seed);
    let mut world = World::new(seed, dice.once_in(ON_DISK_ONCE_IN)).await;
    let mut oracle = Oracle::default();
    let mut transactions = Vec::new();
    let mut requests = 0;
    while requests < REQUESTS {
        match dice.below(300) {
            0 => world.restart().await,
            1 => requests += crash(&mut world, &mut oracle, &mut dice).await,
            2 => world.advance(Duration::from_secs(dice.below(400))),
            3..=99 => {
                reads::check_random(&world.client(), &oracle, &mut dice).await;
                requests += 1;
            }
            _ => {
                let request = random_request(&mut dice, &mut transactions);
                let expected = oracle.run(&request, world.now_ms());
                let answer = requests::send(&world.client(), &request).await;
                assert_eq!(answer, expected, "{request:?}");
                requests += 1;
            }
        }
    }
    assert_eq!(reads::everything(&world.client()).await, oracle.items);
    world.end().await;
    requests
}

/// Begins some requests and crashes before they are answered: each has happened wholly or not at
/// all. Whatever was answered before has happened.
async fn crash(world: &mut World, oracle: &mut Oracle, dice: &mut Dice) -> u64 {
    let begun: Vec<Request> =
        (0..dice.below(4)).map(|_| random_request(dice, &mut Vec::new())).collect();
    let client = world.client();
    let mut futures: Vec<Pin<Box<dyn Future<Output = Answer> + '_>>> = Vec::new();
    // Which were answered with success after all, one bit each.
    let mut answered = 0_u32;
    for (index, request) in begun.iter().enumerate() {
        let mut future: Pin<Box<dyn Future<Output = Answer>>> =
            Box::pin(requests::send(&client, request));
        // In memory this is enough to do all of it; on disk the commit is on its way.
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => futures.push(future),
            Poll::Ready(answer) => answered |= u32::from(answer.is_ok()) << index,
        }
    }
    drop(futures);
    world.crash().await;
    let found = reads::everything(&world.client()).await;
    let mut possible = Vec::new();
    for chosen in (0..1_u32 << begun.len()).filter(|chosen| chosen & answered == answered) {
        let mut after = oracle.clone();
        for (index, request) in begun.iter().enumerate() {
            if chosen & (1 << index) != 0 {
                // One that is refused does nothing.
                drop(after.run(request, world.now_ms()));
            }
        }
        if after.items == found {
            possible.push(after);
        }
    }
    let Some(after) = possible.pop() else {
        panic!("after the crash there is {found:#?}\nbut there was {oracle:#?}\nand {begun:?}")
    };
    *oracle = after;
    begun.len() as u64
}

#[test]
fn requests_do_what_the_model_says() {
    let (first, seeds) = (setting("GUREUM_MODEL_SEED", 1), setting("GUREUM_MODEL_SEEDS", 5));
    let mut requests = 0;
    for seed in first..first + seeds {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let result =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(run(seed))));
        match result {
            Ok(count) => requests += count,
            Err(panic) => {
                eprintln!("seed {seed} failed: GUREUM_MODEL_SEED={seed} GUREUM_MODEL_SEEDS=1");
                std::panic::resume_unwind(panic);
            }
        }
    }
    println!("{requests} requests over {seeds} seeds did what the model says");
}

//! Making deliveries: what is due is taken in order of time, several at once, and stays in the
//! store until it is done or given up.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{BoxFuture, Fault, Kernel, Level, Reseal, ResealProgress, reseal_table};
use store::{Key, Part, Scan, StoreError};

use crate::Events;
use crate::archive::ARCHIVED;
use crate::record::{DELIVERIES, DUE, Delivery, now_ms};
use crate::route;
use crate::send::{self, Failed};

/// Deliveries under way at once.
const RUNNING_MAX: usize = 32;
/// AWS's defaults.
const ATTEMPTS_MAX: i32 = 185;
const AGE_SECONDS_MAX: i32 = 24 * 60 * 60;
/// The pause after the first failure, which doubles, and the longest one.
const PAUSE_MS: (u64, u64) = (1000, 10 * 60 * 1000);

#[derive(Default)]
struct Running {
    numbers: HashSet<u64>,
    /// FIFO queues that are being sent to: one after the other keeps the order.
    ordered: HashSet<String>,
}

/// Begins to deliver.
pub(crate) fn start(kernel: &Kernel, events: Arc<Events>) {
    let own = kernel.clone();
    kernel.spawn(async move {
        let running: Arc<Mutex<Running>> = Arc::default();
        while !own.is_stopping() {
            let pause_ms = match pass(&own, &events, &running) {
                Ok(next_ms) => {
                    let now_ms = now_ms(&own);
                    next_ms.map_or(60_000, |at_ms| at_ms.saturating_sub(now_ms).clamp(10, 60_000))
                }
                Err(error) => {
                    own.log(Level::Error, format_args!("events deliveries: {error}"));
                    60_000
                }
            };
            tokio::select! {
                () = events.posted.notified() => {}
                () = own.clock().sleep(Duration::from_millis(pause_ms)) => {}
                () = own.stopping() => {}
            }
        }
    });
}

fn lock(running: &Mutex<Running>) -> std::sync::MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts what is due; returns when something else will be.
fn pass(
    kernel: &Kernel,
    events: &Arc<Events>,
    running: &Arc<Mutex<Running>>,
) -> Result<Option<u64>, StoreError> {
    let now_ms = now_ms(kernel);
    let mut busy = lock(running);
    let tx = kernel.store().snapshot();
    let mut found = Vec::new();
    if busy.numbers.len() < RUNNING_MAX {
        tx.scan_raw(&DUE, &Scan::all().le(now_ms).limit(RUNNING_MAX * 32), &mut |key, _| {
            if let Some([Part::U64(_), Part::U64(number)]) = Key::from_bytes(key).parts().as_deref()
                && !busy.numbers.contains(number)
            {
                found.push(*number);
            }
            ControlFlow::Continue(())
        })?;
    }
    for number in found {
        if busy.numbers.len() >= RUNNING_MAX {
            break;
        }
        let Some(delivery) = tx.get(&DELIVERIES, number)? else { continue };
        let line = delivery.target.arn.ends_with(".fifo").then(|| delivery.target.arn.clone());
        if line.as_ref().is_some_and(|line| !busy.ordered.insert(line.clone())) {
            continue;
        }
        busy.numbers.insert(number);
        let (own, events, running) = (kernel.clone(), events.clone(), running.clone());
        kernel.spawn(async move {
            if let Err(error) = make(&own, &events, number, delivery).await {
                own.log(Level::Error, format_args!("events delivery: {error}"));
            }
            let mut busy = lock(&running);
            busy.numbers.remove(&number);
            if let Some(line) = line {
                busy.ordered.remove(&line);
            }
            drop(busy);
            events.posted.notify_one();
        });
    }
    let mut next = None;
    tx.scan_raw(&DUE, &Scan::all().gt(now_ms).limit(1), &mut |key, _| {
        if let Some(Part::U64(at_ms)) = Key::from_bytes(key).parts().unwrap_or_default().first() {
            next = Some(*at_ms);
        }
        ControlFlow::Break(())
    })?;
    Ok(next)
}

/// Makes one attempt and writes down how it ended.
async fn make(
    kernel: &Kernel,
    events: &Events,
    number: u64,
    mut delivery: Delivery,
) -> Result<(), StoreError> {
    let tried = match route::opened(kernel, &delivery.sealed) {
        Ok(event) => send::send(kernel, events, &delivery, &event).await.map_err(|f| (f, event)),
        Err(fault) => {
            kernel.log(Level::Error, format_args!("events: {}: {fault:?}", delivery.rule));
            Ok(())
        }
    };
    let Err((failed, event)) = tried else { return finish(kernel, number).await };
    if kernel.is_stopping() {
        return Ok(());
    }
    let exhausted = exhausted(&delivery, now_ms(kernel));
    if !failed.code.is_passing() || exhausted.is_some() {
        let condition = exhausted.filter(|_| failed.code.is_passing());
        give_up(kernel, &delivery, &event.text(), &failed, condition).await;
        return finish(kernel, number).await;
    }
    delivery.attempts += 1;
    let pause_ms = pause_ms(delivery.attempts, kernel.random().u64());
    // Not later than it may be delivered at all: then it is given up in time.
    let end_ms = delivery.accepted_ms + age_max_ms(&delivery);
    let due_ms = (now_ms(kernel) + pause_ms).min(end_ms.max(now_ms(kernel) + 1));
    let old_ms = std::mem::replace(&mut delivery.due_ms, due_ms);
    kernel
        .store()
        .write(|tx| {
            tx.delete(&DUE, (old_ms, number))?;
            tx.put(&DELIVERIES, number, &delivery)?;
            tx.put_raw(&DUE, (due_ms, number), Vec::new())
        })
        .await
}

async fn finish(kernel: &Kernel, number: u64) -> Result<(), StoreError> {
    kernel
        .store()
        .write(|tx| {
            if let Some(delivery) = tx.get(&DELIVERIES, number)? {
                tx.delete(&DUE, (delivery.due_ms, number))?;
            }
            tx.delete(&DELIVERIES, number)
        })
        .await
}

fn age_max_ms(delivery: &Delivery) -> u64 {
    let given = delivery.target.retry.as_ref().and_then(|retry| retry.age_seconds_max);
    given.unwrap_or(AGE_SECONDS_MAX).max(0) as u64 * 1000
}

/// Why an attempt that failed was the last one, if it was.
fn exhausted(delivery: &Delivery, now_ms: u64) -> Option<&'static str> {
    let given = delivery.target.retry.as_ref().and_then(|retry| retry.attempts_max);
    let attempts_max = given.unwrap_or(ATTEMPTS_MAX).max(0) as u32;
    if delivery.attempts >= attempts_max {
        return Some("MaximumRetryAttempts");
    }
    let is_old = now_ms >= delivery.accepted_ms + age_max_ms(delivery);
    is_old.then_some("MaximumEventAgeInSeconds")
}

/// Doubles up to ten minutes, and is shorter by up to a fifth, so that not all come back at once.
fn pause_ms(attempts: u32, random: u64) -> u64 {
    let whole = (PAUSE_MS.0 << (attempts - 1).min(20)).min(PAUSE_MS.1);
    whole - random % (whole / 5)
}

/// Sends what cannot be delivered to the dead-letter queue, if there is one.
async fn give_up(
    kernel: &Kernel,
    delivery: &Delivery,
    text: &str,
    failed: &Failed,
    condition: Option<&str>,
) {
    let (rule, target) = (&delivery.rule, &delivery.target.arn);
    let (code, why) = (failed.code.as_str(), &failed.message);
    kernel.log(Level::Warn, format_args!("events: {rule} to {target}: given up: {code}: {why}"));
    let Some(Some(queue)) = &delivery.target.dead_letters else { return };
    let mut attributes = vec![
        ("RULE_ARN", "String", rule.clone()),
        ("TARGET_ARN", "String", target.clone()),
        ("ERROR_CODE", "String", code.to_owned()),
        ("ERROR_MESSAGE", "String", why.clone()),
        ("RETRY_ATTEMPTS", "Number", delivery.attempts.to_string()),
    ];
    if let Some(condition) = condition {
        attributes.push(("EXHAUSTED_RETRY_CONDITION", "String", condition.to_owned()));
    }
    if let Err(failed) = send::dead_letter(kernel, rule, queue, text, &attributes).await {
        let why = failed.message;
        kernel.log(Level::Warn, format_args!("events: dead letter of {rule}: {why}"));
    }
}

/// Seals what waits or is archived again, after a rotation of the installation key.
pub(crate) struct Waiting;

impl Reseal for Waiting {
    fn reseal<'a>(
        &'a self,
        kernel: &'a Kernel,
        progress: &'a ResealProgress,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            reseal_table(kernel, &DELIVERIES, progress, |sealer, _, delivery| {
                route::resealed(sealer, &mut delivery.sealed)
            })
            .await?;
            reseal_table(kernel, &ARCHIVED, progress, |sealer, _, archived| {
                route::resealed(sealer, &mut archived.sealed)
            })
            .await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Retry, Target};
    use crate::send::Code;

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!(
            [1, 2, 5, 12, 185].map(|n| pause_ms(n, 0)),
            [1000, 2000, 16_000, 600_000, 600_000]
        );
        assert_eq!(pause_ms(1, 199), 801);
    }

    #[test]
    fn attempts_and_age_are_limited() {
        let check = |retry: Option<Retry>, attempts, age_s: u64, expected: Option<&str>| {
            let target = Target { retry, ..Target::default() };
            let delivery = Delivery {
                rule: String::new(),
                target,
                sealed: String::new(),
                trace: None,
                hops: 0,
                accepted_ms: 5,
                attempts,
                due_ms: 5,
            };
            assert_eq!(exhausted(&delivery, 5 + age_s * 1000), expected);
        };
        let retry = |attempts_max, age_seconds_max| Some(Retry { attempts_max, age_seconds_max });
        check(None, 184, 86_399, None);
        check(None, 185, 1, Some("MaximumRetryAttempts"));
        check(None, 1, 86_400, Some("MaximumEventAgeInSeconds"));
        check(retry(Some(0), None), 0, 0, Some("MaximumRetryAttempts"));
        check(retry(None, Some(60)), 3, 60, Some("MaximumEventAgeInSeconds"));
        check(retry(Some(2), Some(60)), 1, 59, None);
        assert!(!Code::NoResource.is_passing() && Code::Throttling.is_passing());
    }
}

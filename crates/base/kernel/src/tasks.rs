//! Delivers durable timers and events to the services that registered for them.
//!
//! Both live in the store since the commit that caused them and leave it when they are done, so a
//! crash repeats a delivery but never loses one.

use std::collections::HashSet;
use std::time::Duration;

use shape::Fault;
use store::{Event, EventId, StoreError, Timer};

use crate::{Kernel, Level};

/// How many timers or events are taken from the store at once.
const BATCH: usize = 128;
/// The first pause after a failure; it doubles with every further one.
const PAUSE_MS_MIN: u64 = 200;
/// The longest pause between two attempts.
const PAUSE_MS_MAX: u64 = 5 * 60 * 1000;
/// Looked at again at least this often, whatever the wake-ups say.
const IDLE: Duration = Duration::from_secs(60);

/// Starts both loops.
pub(crate) fn start(kernel: &Kernel) {
    let timers = kernel.clone();
    kernel.spawn(async move { run_loop(&timers, Wake::Timers).await });
    let events = kernel.clone();
    kernel.spawn(async move { run_loop(&events, Wake::Events).await });
}

#[derive(Clone, Copy)]
enum Wake {
    Timers,
    Events,
}

async fn run_loop(kernel: &Kernel, wake: Wake) {
    while !kernel.is_stopping() {
        let pass = match wake {
            Wake::Timers => timers(kernel).await,
            Wake::Events => events(kernel).await,
        };
        let pause = pass.unwrap_or_else(|error| {
            kernel.log(Level::Error, format_args!("tasks: {error}"));
            Duration::from_millis(PAUSE_MS_MAX)
        });
        tokio::select! {
            () = kernel.stopping() => break,
            () = kernel.clock().sleep(pause.min(IDLE)) => {}
            () = async {
                match wake {
                    Wake::Timers => kernel.store().scheduled().await,
                    Wake::Events => kernel.store().emitted().await,
                }
            } => {}
        }
    }
}

/// Runs what is due; returns how long nothing else will be.
async fn timers(kernel: &Kernel) -> Result<Duration, StoreError> {
    loop {
        let now_ms = now_ms(kernel);
        let due = kernel.store().read(|tx| tx.due(now_ms, BATCH))?;
        for timer in &due {
            if kernel.is_stopping() {
                return Ok(Duration::ZERO);
            }
            timer_due(kernel, timer).await?;
        }
        if due.len() < BATCH {
            let next = kernel.store().read(|tx| tx.next_due_ms())?;
            let wait_ms = next.map_or(u64::MAX, |at_ms| at_ms.saturating_sub(now_ms));
            return Ok(Duration::from_millis(wait_ms));
        }
    }
}

async fn timer_due(kernel: &Kernel, timer: &Timer) -> Result<(), StoreError> {
    let handler = kernel.registered().values().flat_map(|s| &s.tasks).find(|t| t.0 == timer.kind);
    let result = match handler {
        Some((_, handler)) => handler.run(kernel, timer).await,
        None => Err(Fault::internal(format_args!("nobody runs tasks of kind {}", timer.kind))),
    };
    let Err(fault) = result else {
        return kernel.store().write(|tx| tx.ack_timer(timer.id).map(drop)).await;
    };
    kernel.log(Level::Warn, format_args!("task {}: {fault:?}", timer.kind));
    let at_ms = now_ms(kernel) + pause_ms(timer.attempts);
    let error = fault.to_string();
    kernel.store().write(|tx| tx.retry_timer(timer.id, at_ms, &error).map(drop)).await
}

/// Delivers pending events in order; returns when the next retry is due. An event that fails
/// holds up only those of its own topic and ordering key.
async fn events(kernel: &Kernel) -> Result<Duration, StoreError> {
    let mut blocked: HashSet<(String, String)> = HashSet::new();
    let mut next_ms = u64::MAX;
    let mut after: Option<EventId> = None;
    loop {
        let batch = kernel.store().read(|tx| tx.events(after, BATCH))?;
        let Some(last) = batch.last() else {
            return Ok(Duration::from_millis(next_ms.saturating_sub(now_ms(kernel))));
        };
        after = Some(last.id);
        for event in &batch {
            if kernel.is_stopping() {
                return Ok(Duration::ZERO);
            }
            let key = (event.topic.clone(), event.ordering_key.clone());
            if blocked.contains(&key) {
                continue;
            }
            if event.not_before_ms > now_ms(kernel) {
                next_ms = next_ms.min(event.not_before_ms);
                blocked.insert(key);
            } else if let Some(retry_ms) = deliver(kernel, event).await? {
                next_ms = next_ms.min(retry_ms);
                blocked.insert(key);
            }
        }
    }
}

/// Delivers one event to all subscribers of its topic. `Some`: failed, and when to try again.
async fn deliver(kernel: &Kernel, event: &Event) -> Result<Option<u64>, StoreError> {
    let mut failed: Option<Fault> = None;
    for (topic, handler) in kernel.registered().values().flat_map(|s| &s.subscriptions) {
        if *topic == event.topic
            && let Err(fault) = handler.receive(kernel, event).await
        {
            failed = Some(fault);
        }
    }
    let Some(fault) = failed else {
        kernel.store().write(|tx| tx.ack_event(event.id).map(drop)).await?;
        return Ok(None);
    };
    kernel.log(Level::Warn, format_args!("event {}: {fault:?}", event.topic));
    let retry_ms = now_ms(kernel) + pause_ms(event.attempts);
    let error = fault.to_string();
    kernel.store().write(|tx| tx.retry_event(event.id, retry_ms, &error).map(drop)).await?;
    Ok(Some(retry_ms))
}

fn now_ms(kernel: &Kernel) -> u64 {
    kernel.clock().now().epoch_ms.max(0) as u64
}

fn pause_ms(attempts: u32) -> u64 {
    PAUSE_MS_MIN.saturating_mul(1 << attempts.min(20)).min(PAUSE_MS_MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::{BoxFuture, Config, Dispatch, EventHandler, Service, TaskHandler};

    static MODEL: std::sync::LazyLock<&'static shape::Model> = std::sync::LazyLock::new(|| {
        let service = shape::ServiceInfo { name: "none".into(), ..Default::default() };
        shape::Model::new(service, vec![], vec![], vec![]).leak()
    });

    struct Nothing;

    impl Dispatch for Nothing {
        fn model(&self) -> &'static shape::Model {
            *MODEL
        }
        fn input(&self, op: usize) -> Box<dyn shape::Struct> {
            unreachable!("operation {op}")
        }
        fn call<'a>(
            &'a self,
            _ctx: &'a crate::Ctx,
            op: usize,
            _input: Box<dyn shape::Struct>,
        ) -> BoxFuture<'a, Result<Box<dyn shape::Struct>, Fault>> {
            unreachable!("operation {op}")
        }
    }

    /// Writes down what it got; fails the first time it sees "flaky".
    #[derive(Default)]
    struct Recorder(Mutex<Vec<String>>, tokio::sync::Notify);

    impl Recorder {
        fn take(&self, payload: &serde_json::Value) -> Result<(), Fault> {
            let text = payload.as_str().unwrap_or_default().to_owned();
            let mut seen = self.0.lock().unwrap();
            let first = !seen.contains(&text);
            seen.push(text.clone());
            self.1.notify_one();
            if text == "flaky" && first { Err(Fault::internal("flaky")) } else { Ok(()) }
        }
    }

    impl TaskHandler for Recorder {
        fn run<'a>(&'a self, _: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
            Box::pin(async move { self.take(&timer.payload) })
        }
    }

    impl EventHandler for Recorder {
        fn receive<'a>(&'a self, _: &'a Kernel, e: &'a Event) -> BoxFuture<'a, Result<(), Fault>> {
            Box::pin(async move { self.take(&e.payload) })
        }
    }

    #[tokio::test]
    async fn timers_and_events_arrive_in_order_and_are_retried() {
        let recorder = Arc::new(Recorder::default());
        let mut service = Service::new(Arc::new(Nothing));
        service.tasks.push(("task", recorder.clone()));
        service.subscriptions.push(("topic", recorder.clone()));
        let kernel = Kernel::new(Config::memory());
        kernel.start(vec![service]);
        kernel
            .store()
            .write(|tx| {
                tx.schedule(1, "task", "timer")?;
                tx.emit("topic", "a", "flaky")?;
                tx.emit("topic", "a", "behind flaky")?;
                tx.emit("topic", "b", "other")?;
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
        let wait = async {
            while recorder.0.lock().unwrap().len() < 5 {
                recorder.1.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
        let mut seen = recorder.0.lock().unwrap().clone();
        seen.retain(|text| text != "timer");
        assert_eq!(seen, ["flaky", "other", "flaky", "behind flaky"]);
        assert!(kernel.stop(Duration::from_secs(5)).await);
        let left = kernel.store().read(|tx| (tx.events(None, 9), tx.next_due_ms()));
        assert_eq!((left.0.unwrap().len(), left.1.unwrap()), (0, None));
    }
}

//! Event source mappings: a function that is given what comes into a queue or a table's stream.
//!
//! Each mapping has a task for as long as it exists. It settles the mapping's state, reads the
//! source while it is enabled, and looks again when told that the mapping has changed. What is in
//! the function's hands then ends first. All of it acts in the name of the function's role.

mod call;
mod check;
pub(crate) mod describe;
mod lender;
mod notify;
mod partial;
pub(crate) mod record;
mod sqs;
mod streams;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{Ctx, Kernel, Level};
use store::{Scan, StoreError};
use tokio::sync::watch;

pub(crate) use check::{changed, created, reachable, source};

use crate::Lambda;
use crate::mappings::record::{
    MAPPINGS, Mapping, MappingKey, OF_FUNCTION, OF_SOURCE, PLACES, State,
};

/// The pause after the store could not be read or written.
const TROUBLE: Duration = Duration::from_secs(5);

/// The tasks of all mappings.
#[derive(Default)]
pub(crate) struct Mappings(Mutex<HashMap<MappingKey, Arc<Running>>>);

/// What is known of a mapping's task.
struct Running {
    /// Counts the changes that the task was told of.
    changes: watch::Sender<u64>,
    result: Mutex<&'static str>,
}

impl Mappings {
    /// `LastProcessingResult`.
    pub fn result(&self, key: &MappingKey) -> &'static str {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let result = running.get(key).map(|running| running.result.lock());
        result.map_or(call::NOTHING, |result| *result.unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells all tasks to look again: everything may be gone.
    pub fn look_again(&self) {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.values().for_each(|running| running.changes.send_modify(|count| *count += 1));
    }
}

/// Tells a mapping's task that the mapping has changed; a new mapping gets its task.
pub(crate) fn look(api: &Lambda, kernel: &Kernel, key: MappingKey) {
    let mut all = api.mappings.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = all.get(&key) {
        running.changes.send_modify(|count| *count += 1);
        return;
    }
    let (changes, result) = (watch::Sender::new(0), Mutex::new(call::NOTHING));
    let running = Arc::new(Running { changes, result });
    all.insert(key.clone(), running.clone());
    drop(all);
    let ctx = kernel.service_ctx("lambda.amazonaws.com", &key.0, &key.1);
    let work = Work { api: api.clone(), ctx, key, running };
    let own = kernel.clone();
    kernel.spawn(async move {
        tokio::select! {
            () = own.stopping() => {}
            () = work.run() => {}
        }
    });
}

/// Takes up all mappings after a start.
pub(crate) async fn resume(api: Lambda, kernel: Kernel) {
    // Sources and roles are services like this one.
    while kernel.service("lambda").is_none() && !kernel.is_stopping() {
        kernel.clock().sleep(Duration::from_millis(20)).await;
    }
    let key = |key: &store::Key| match <[store::Part; 3]>::try_from(key.parts()?).ok()? {
        [store::Part::Text(a), store::Part::Text(r), store::Part::Text(id)] => Some((a, r, id)),
        _ => None,
    };
    match kernel.store().read(|tx| tx.scan(&MAPPINGS, Scan::all())) {
        Ok(rows) => {
            let all: Vec<_> =
                rows.into_iter().filter_map(|(at, mapping)| Some((key(&at)?, mapping))).collect();
            if let Err(error) = index(&kernel, &all).await {
                kernel.log(Level::Error, format_args!("Lambda's mappings: {error}"));
            }
            all.into_iter().for_each(|(key, _)| look(&api, &kernel, key));
        }
        Err(error) => kernel.log(Level::Error, format_args!("Lambda's mappings: {error}")),
    }
}

/// Lists mappings among those of their functions and sources, where an earlier version has not.
async fn index(kernel: &Kernel, all: &[(MappingKey, Mapping)]) -> Result<(), StoreError> {
    let missing = kernel.store().read(|tx| {
        let mut missing = Vec::new();
        for (key, mapping) in all {
            let of_function = mapping.index_key(key);
            let of_source = mapping.source_key(key);
            if !tx.contains(&OF_FUNCTION, of_function.clone())?
                || !tx.contains(&OF_SOURCE, of_source.clone())?
            {
                missing.push((of_function, of_source));
            }
        }
        Ok::<_, StoreError>(missing)
    })?;
    if missing.is_empty() {
        return Ok(());
    }
    let add = |tx: &mut store::WriteTx| {
        missing.iter().try_for_each(|(of_function, of_source)| {
            tx.put(&OF_FUNCTION, of_function.clone(), &())?;
            tx.put(&OF_SOURCE, of_source.clone(), &())
        })
    };
    kernel.store().write(add).await
}

/// One mapping's task.
#[derive(Clone)]
struct Work {
    api: Lambda,
    /// The service's own, in the mapping's account and region.
    ctx: Ctx,
    key: MappingKey,
    running: Arc<Running>,
}

/// Whether and when a reader has to end because its mapping has changed.
#[derive(Clone)]
struct Stop {
    changes: watch::Receiver<u64>,
    seen: u64,
    ctx: Ctx,
}

impl Stop {
    fn is_set(&self) -> bool {
        *self.changes.borrow() != self.seen || self.ctx.kernel().is_stopping()
    }

    async fn wait(&self) {
        let (mut changes, seen) = (self.changes.clone(), self.seen);
        tokio::select! {
            _ = changes.wait_for(move |count| *count != seen) => {}
            () = self.ctx.kernel().stopping() => {}
        }
    }

    /// Waits, at most until it has to end.
    async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = self.wait() => {}
            () = self.ctx.sleep(pause) => {}
        }
    }
}

impl Work {
    async fn run(self) {
        // Readers end at once when the server stops: without a look, this would go round for ever and
        // let nobody else have the thread.
        while !self.ctx.kernel().is_stopping() {
            // Before reading: a change after that ends what is begun here.
            let changes = self.running.changes.subscribe();
            let seen = *changes.borrow();
            let stop = Stop { changes, seen, ctx: self.ctx.clone() };
            let done = match self.ctx.store().read(|tx| tx.get(&MAPPINGS, self.key.clone())) {
                Ok(None) => break,
                Ok(Some(mapping)) => self.step(mapping, &stop).await,
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                self.log(format_args!("{error}"));
                stop.pause(TROUBLE).await;
            }
        }
        self.api.mappings.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }

    async fn step(&self, mapping: Mapping, stop: &Stop) -> Result<(), StoreError> {
        match mapping.state {
            State::Disabled => stop.wait().await,
            State::Enabled if mapping.source.is_queue() => sqs::read(self, mapping, stop).await,
            State::Enabled => streams::read(self, mapping, stop).await,
            State::Deleting => return self.erase().await,
            _ => return self.settle(mapping.revision).await,
        }
        Ok(())
    }

    async fn settle(&self, revision: u64) -> Result<(), StoreError> {
        let key = &self.key;
        let settle = |tx: &mut store::WriteTx| {
            let Some(mut mapping) = tx.get(&MAPPINGS, key.clone())? else { return Ok(()) };
            if mapping.revision == revision {
                mapping.state = if mapping.enabled { State::Enabled } else { State::Disabled };
                tx.put(&MAPPINGS, key.clone(), &mapping)?;
            }
            Ok(())
        };
        self.ctx.store().write(settle).await
    }

    async fn erase(&self) -> Result<(), StoreError> {
        let key = &self.key;
        let erase = |tx: &mut store::WriteTx| {
            for (place, _) in tx.scan(&PLACES, Scan::prefix(key.clone()))? {
                tx.delete(&PLACES, &place)?;
            }
            record::delete(tx, key)
        };
        self.ctx.store().write(erase).await
    }

    fn found(&self, result: &'static str) {
        *self.running.result.lock().unwrap_or_else(PoisonError::into_inner) = result;
    }

    fn log(&self, text: std::fmt::Arguments<'_>) {
        self.ctx.log(Level::Warn, format_args!("event source mapping {}: {text}", self.key.2));
    }
}

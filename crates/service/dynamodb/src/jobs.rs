//! Work that may take long: durable, but not in the way of anybody else's timers.
//!
//! The kernel runs due timers one after the other, so a task that copies a large table must not
//! be one. A job runs beside them. The commit that wants it schedules a timer, its watch, and
//! starts it; the watch comes again every few seconds while the job runs, and is cancelled when
//! it has ended well. So after a crash, or an error, the watch starts the job again.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::{BoxFuture, Fault, Kernel, Level, StoreError, TaskHandler};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Timer, TimerId, WriteTx};

/// Between two looks whether a job still runs.
const WATCH_MS: u64 = 2_000;

/// Something to do; it is stored as what it is made of.
pub(crate) trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind of its timers.
    const KIND: &'static str;

    /// What may not be done twice at the same time.
    fn id(&self) -> String;

    /// Does it, from wherever it got to before. It is called again after an error or a crash, and
    /// perhaps when it has been done already.
    fn run<'a>(&'a self, kernel: &'a Kernel) -> BoxFuture<'a, Result<End, Fault>>;
}

/// How a job ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Done,
    /// The kernel stops, or it waits for something: it is to be called again.
    Later,
}

/// The jobs that run in this process, and the next watch of each.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<HashMap<String, TimerId>>);

/// Schedules the watch of a job; the caller starts the job after the commit.
pub(crate) fn watch<J: Job>(tx: &mut WriteTx, now_ms: i64, job: &J) -> Result<TimerId, StoreError> {
    tx.schedule(now_ms.unsigned_abs() + WATCH_MS, J::KIND, job)
}

impl Jobs {
    /// Starts a job, unless it runs.
    pub fn start<J: Job>(self: &Arc<Self>, kernel: &Kernel, job: J, watch: TimerId) {
        let id = format!("{} {}", J::KIND, job.id());
        let mut running = self.lock();
        if let Some(known) = running.get_mut(&id) {
            *known = watch;
            return;
        }
        running.insert(id.clone(), watch);
        drop(running);
        let (jobs, own) = (self.clone(), kernel.clone());
        kernel.spawn(async move {
            let result = job.run(&own).await;
            let watch = jobs.lock().remove(&id);
            let problem = match (result, watch) {
                (Err(fault), _) => Some(format!("{fault:?}")),
                (Ok(End::Done), Some(watch)) => {
                    let cancelled = own.store().write(|tx| tx.cancel(watch)).await;
                    cancelled.err().map(|error| error.to_string())
                }
                (Ok(_), _) => None,
            };
            if let Some(problem) = problem.filter(|_| !own.is_stopping()) {
                own.log(Level::Warn, format_args!("{id}: {problem}"));
            }
        });
    }

    /// How many run.
    pub fn running(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, TimerId>> {
        // A panic elsewhere leaves the map as it was: every change is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Receives the watches of a kind of job.
pub(crate) struct Watcher<J> {
    jobs: Arc<Jobs>,
    kind: PhantomData<fn() -> J>,
}

impl<J: Job> Watcher<J> {
    /// As an entry of a service's tasks.
    pub fn task(jobs: &Arc<Jobs>) -> (&'static str, Arc<dyn TaskHandler>) {
        (J::KIND, Arc::new(Watcher::<J> { jobs: jobs.clone(), kind: PhantomData }))
    }
}

impl<J: Job> TaskHandler for Watcher<J> {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let job: J = timer.payload().map_err(Fault::internal)?;
            let now_ms = kernel.clock().now().epoch_ms;
            let next = kernel.store().write(|tx| -> Result<Option<TimerId>, StoreError> {
                match tx.ack_timer(timer.id)? {
                    true => watch(tx, now_ms, &job).map(Some),
                    false => Ok(None),
                }
            });
            if let Some(next) = next.await.map_err(Fault::internal)? {
                self.jobs.start(kernel, job, next);
            }
            Ok(())
        })
    }
}

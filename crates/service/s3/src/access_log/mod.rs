//! Server access logs: a line for each request to a bucket that has logging, collected in memory and
//! put into the target bucket some seconds later. Best effort, as with S3: what a crash finds in
//! memory is lost, and so are lines that come faster than they can be put away.

mod deliver;
mod line;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use kernel::{Kernel, Level, Told};
use store::ReadTx;
use tokio::sync::Notify;

use crate::ops::{CopySource, copy_source};
use crate::records::{BUCKETS, Bucket, CONFIGS};
use crate::settings::kept::Setting as _;
use crate::settings::logging::Logging;
use line::Line;
pub(crate) use line::Object;

/// From the first line of a log object to its delivery.
const DELAY: Duration = Duration::from_secs(5);
/// Bytes of lines that are not kept waiting.
const FULL_BYTES: usize = 1024 * 1024;
/// Bytes of lines that wait at most; further ones are dropped.
const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Requests at most whose deletions are remembered until they are answered.
const BATCHES_MAX: usize = 256;

/// Lines on their way.
#[derive(Default)]
pub(crate) struct Logs {
    waiting: Mutex<Waiting>,
    full: Notify,
}

#[derive(Default)]
struct Waiting {
    /// By bucket and day.
    lines: BTreeMap<(String, String), String>,
    bytes: usize,
    dropped: u64,
    /// Whether somebody will deliver them.
    awaited: bool,
    /// What requests deleted that name many objects, by request.
    batches: VecDeque<(String, Vec<Object>)>,
}

fn has_logging(tx: &ReadTx, bucket: &str) -> bool {
    tx.contains(&CONFIGS, (bucket, Logging::KIND)).unwrap_or(false)
}

/// The source of a copy.
fn source(headers: &HeaderMap) -> Option<CopySource> {
    let header = headers.get("x-amz-copy-source")?.to_str().ok()?;
    copy_source(header).ok()
}

impl Logs {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut waiting = self.waiting();
        let awaited = waiting.awaited;
        *waiting = Waiting { awaited, ..Waiting::default() };
    }

    /// Whether a request is written down: that its bucket, or that of the copied object, has
    /// logging.
    pub fn listens(&self, kernel: &Kernel, bucket: &str, headers: &HeaderMap) -> bool {
        kernel.store().read(|tx| {
            has_logging(tx, bucket)
                || source(headers).is_some_and(|source| has_logging(tx, &source.bucket))
        })
    }

    /// Remembers what a request deleted, until it is answered.
    pub fn deleted(&self, kernel: &Kernel, bucket: &str, request_id: &str, objects: Vec<Object>) {
        if !kernel.store().read(|tx| has_logging(tx, bucket)) {
            return;
        }
        let mut waiting = self.waiting();
        // Of requests whose clients went away nobody hears any more.
        if waiting.batches.len() == BATCHES_MAX {
            waiting.batches.pop_front();
        }
        waiting.batches.push_back((request_id.to_owned(), objects));
    }

    /// Writes a request down.
    pub fn told(self: &Arc<Self>, kernel: &Kernel, told: &Told) {
        let batch = {
            let mut waiting = self.waiting();
            let at = waiting.batches.iter().position(|(id, _)| *id == told.request_id);
            at.and_then(|at| waiting.batches.remove(at)).map(|(_, objects)| objects)
        };
        let bucket = |name: &str| {
            let read = |tx: &ReadTx| {
                has_logging(tx, name).then(|| tx.get(&BUCKETS, name).ok().flatten()).flatten()
            };
            kernel.store().read(read)
        };
        if let Some(bucket) = bucket(&told.name) {
            let line = Line::of_request(told);
            self.add(kernel, &bucket, &line);
            for object in batch.unwrap_or_default() {
                self.add(kernel, &bucket, &line.of_batch(&object));
            }
        }
        if let Some(source) = source(&told.headers)
            && let Some(bucket) = bucket(&source.bucket)
        {
            let line = Line::of_source(told, &source.key, source.version_id.as_deref());
            self.add(kernel, &bucket, &line);
        }
    }

    /// Writes down what a lifecycle rule did: `S3.EXPIRE.OBJECT`.
    pub fn swept(
        self: &Arc<Self>,
        kernel: &Kernel,
        bucket: &Bucket,
        did: &[(&'static str, Object)],
    ) {
        if did.is_empty() || !kernel.store().read(|tx| has_logging(tx, &bucket.name)) {
            return;
        }
        for (operation, object) in did {
            let request_id = kernel.random().uuid();
            let line = Line::of_rule(operation, object, kernel.clock().now(), &request_id);
            self.add(kernel, bucket, &line);
        }
    }

    fn add(self: &Arc<Self>, kernel: &Kernel, bucket: &Bucket, line: &Line<'_>) {
        let text = line.text(bucket);
        let mut waiting = self.waiting();
        if waiting.bytes + text.len() > WAITING_BYTES_MAX {
            waiting.dropped += 1;
            return;
        }
        waiting.bytes += text.len();
        let full = waiting.bytes >= FULL_BYTES;
        waiting.lines.entry((bucket.name.clone(), line.day())).or_default().push_str(&text);
        // Without a runtime, the process is about to end.
        let begins = !waiting.awaited && tokio::runtime::Handle::try_current().is_ok();
        waiting.awaited |= begins;
        drop(waiting);
        if begins {
            kernel.spawn(self.clone().deliver(kernel.clone()));
        }
        if full {
            self.full.notify_one();
        }
    }

    /// Waits a while and delivers what there is then.
    async fn deliver(self: Arc<Self>, kernel: Kernel) {
        tokio::select! {
            () = kernel.clock().sleep(DELAY) => {}
            () = kernel.stopping() => {}
            () = self.full.notified() => {}
        }
        let (lines, dropped) = {
            let mut waiting = self.waiting();
            (waiting.awaited, waiting.bytes) = (false, 0);
            (std::mem::take(&mut waiting.lines), std::mem::take(&mut waiting.dropped))
        };
        if dropped > 0 {
            let line = format_args!("s3: {dropped} lines of access logs came too fast");
            kernel.log(Level::Warn, line);
        }
        for ((bucket, day), text) in lines {
            if let Err(fault) = deliver::deliver(&kernel, &bucket, &day, text).await {
                let line = format_args!("s3: access log of {bucket} not delivered: {fault}");
                kernel.log(Level::Warn, line);
            }
        }
    }
}

//! After a rotation of the installation key: everything at rest is sealed again, while the cloud
//! goes on.
//!
//! Nothing remembers how far it came: what is done already is recognised and skipped, so after a
//! crash it begins again at the next start, and is done when a whole pass found nothing left. The
//! key file then notes that older versions are of no use to whoever finds them with a copy of the
//! store; they stay in it, because tokens in customers' hands are sealed with them.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use shape::Fault;
use store::{AnyTable, Key, RawTable, Scan, Table, WriteTx};

use crate::{BoxFuture, Kernel, Level, SealError, Sealer};

/// Records that one transaction seals again.
const STEP: usize = 64;
/// Between two passes; longer than what is sealed takes to be written.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(2);

/// Seals again what a service keeps.
pub trait Reseal: Send + Sync {
    /// Seals all of it again with the newest key that is not yet; must bear being interrupted and
    /// called again. Tells `progress` of every record that it looked at.
    fn reseal<'a>(
        &'a self,
        kernel: &'a Kernel,
        progress: &'a ResealProgress,
    ) -> BoxFuture<'a, Result<(), Fault>>;
}

/// How far the resealing is. Clones share it.
#[derive(Clone, Default)]
pub struct ResealProgress(Arc<Mutex<ResealCount>>);

/// What a resealing has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ResealCount {
    /// It is under way.
    pub running: bool,
    /// The service it is at.
    pub service: Option<String>,
    /// Records that were looked at.
    pub seen: u64,
    /// Records that were sealed again.
    pub resealed: u64,
    /// Why it stopped before its end; it is tried again at the next start or rotation.
    pub error: Option<String>,
}

impl ResealProgress {
    /// How far it is.
    pub fn count(&self) -> ResealCount {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes records.
    pub fn add(&self, seen: u64, resealed: u64) {
        self.change(|count| {
            count.seen += seen;
            count.resealed += resealed;
        });
    }

    fn change<R>(&self, change: impl FnOnce(&mut ResealCount) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Seals a table of records again: `each` changes a record and says whether it did. For services'
/// implementations of [`Reseal`].
pub async fn reseal_table<T, F>(
    kernel: &Kernel,
    table: &Table<T>,
    progress: &ResealProgress,
    each: F,
) -> Result<(), Fault>
where
    T: Serialize + DeserializeOwned + Send,
    F: Fn(&Sealer, &Key, &mut T) -> Result<bool, SealError> + Send + Sync,
{
    let step = |tx: &mut WriteTx, scan: Scan| {
        let mut step = Step::default();
        for (key, mut record) in tx.scan(table, scan)? {
            let changed =
                each(kernel.sealer(), &key, &mut record).map_err(unsealed(table, &key))?;
            if changed {
                tx.put(table, &key, &record)?;
            }
            step.note(key, changed);
        }
        Ok(step)
    };
    in_steps(kernel, progress, &step).await
}

/// As [`reseal_table`], of rows of plain bytes: `each` gives the new row, if there is one.
pub async fn reseal_rows<F>(
    kernel: &Kernel,
    table: &RawTable,
    progress: &ResealProgress,
    each: F,
) -> Result<(), Fault>
where
    F: Fn(&Sealer, &Key, &[u8]) -> Result<Option<Vec<u8>>, SealError> + Send + Sync,
{
    let step = |tx: &mut WriteTx, scan: Scan| {
        let mut rows = Vec::new();
        tx.scan_raw(table, &scan, &mut |key, row| {
            rows.push((Key::from_bytes(key), row));
            ControlFlow::Continue(())
        })?;
        let mut step = Step::default();
        for (key, row) in rows {
            let new = each(kernel.sealer(), &key, &row).map_err(unsealed(table, &key))?;
            let changed = new.is_some();
            if let Some(new) = new {
                tx.put_raw(table, &key, new)?;
            }
            step.note(key, changed);
        }
        Ok(step)
    };
    in_steps(kernel, progress, &step).await
}

/// What one transaction looked at.
#[derive(Default)]
struct Step {
    last: Option<Key>,
    seen: usize,
    resealed: u64,
}

impl Step {
    fn note(&mut self, key: Key, changed: bool) {
        self.last = Some(key);
        self.seen += 1;
        self.resealed += u64::from(changed);
    }
}

/// Goes through a table, so many rows to a transaction.
async fn in_steps(
    kernel: &Kernel,
    progress: &ResealProgress,
    step: &(dyn Fn(&mut WriteTx, Scan) -> Result<Step, Failed> + Send + Sync),
) -> Result<(), Fault> {
    let mut after: Option<Key> = None;
    loop {
        let scan = match &after {
            None => Scan::all(),
            Some(key) => Scan::all().after(key),
        };
        let scan = scan.limit(STEP);
        let done = kernel.store().write(|tx| step(tx, scan.clone())).await;
        let done = done.map_err(|Failed(fault)| fault)?;
        progress.add(done.seen as u64, done.resealed);
        if done.seen < STEP || kernel.is_stopping() {
            return Ok(());
        }
        after = done.last;
    }
}

fn unsealed(table: &dyn AnyTable, key: &Key) -> impl Fn(SealError) -> Fault {
    let row = format!("{} {key:?}", table.name());
    move |error| Fault::internal(format_args!("{row}: {error}"))
}

/// A fault that the store's errors become.
struct Failed(Fault);

impl From<store::StoreError> for Failed {
    fn from(error: store::StoreError) -> Self {
        Failed(crate::store_fault(error))
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Failed(fault)
    }
}

/// Begins to seal again what is not under the newest key, unless that is under way.
pub(crate) fn start(kernel: &Kernel) {
    let progress = kernel.reseal_progress().clone();
    if kernel.sealer().to_reseal().is_none() || progress.change(|c| c.running) {
        return;
    }
    progress.change(|count| *count = ResealCount { running: true, ..Default::default() });
    let kernel = kernel.clone();
    let work = kernel.clone();
    kernel.spawn(async move {
        let done = run(&work, &progress).await;
        if let Err(fault) = &done {
            let why = fault.internal.as_deref().unwrap_or(&fault.message);
            work.log(Level::Error, format_args!("sealing again: {why}"));
        }
        progress.change(|count| {
            count.running = false;
            count.service = None;
            count.error = done.err().map(|fault| fault.to_string());
        });
        // Rotated again meanwhile?
        if progress.count().error.is_none() && !work.is_stopping() {
            start(&work);
        }
    });
}

async fn run(kernel: &Kernel, progress: &ResealProgress) -> Result<(), Fault> {
    let Some(current) = kernel.sealer().to_reseal() else { return Ok(()) };
    loop {
        let before = progress.count().resealed;
        for (name, service) in kernel.registered() {
            let Some(reseal) = &service.reseal else { continue };
            progress.change(|count| count.service = Some((*name).to_owned()));
            reseal.reseal(kernel, progress).await?;
            if kernel.is_stopping() {
                return Ok(());
            }
        }
        // What was sealed just before the rotation may have been written just after a pass was
        // there: done is when a later pass found nothing.
        if progress.count().resealed == before {
            return kernel.sealer().all_resealed(current).map_err(Fault::internal);
        }
        tokio::select! {
            () = kernel.stopping() => return Ok(()),
            () = kernel.clock().sleep(PAUSE) => {}
        }
    }
}

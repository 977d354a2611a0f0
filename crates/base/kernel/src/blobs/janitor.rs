//! What becomes of files nobody refers to, and whether the others are whole.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use store::{Scan, Store};

use super::refs::{GARBAGE, REFS, SMALL, split};
use super::segment::{EXTRA_BYTES, SEGMENT_BYTES, is_whole, segments, stored_bytes};
use super::{Blob, BlobError, Blobs, failed};
use crate::{Kernel, Level};

/// Files deleted in one transaction.
const BATCH: usize = 256;
/// After the first release, others soon follow.
const PAUSE: Duration = Duration::from_millis(200);
/// Looked at again at least this often.
const IDLE: Duration = Duration::from_secs(60);
/// Problems described; further ones are only counted.
const PROBLEMS_MAX: usize = 100;

/// What a sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files that something refers to.
    pub kept: u64,
    /// Files that were deleted.
    pub orphans: u64,
}

/// What a scrub found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scrubbed {
    /// Blobs in files.
    pub files: u64,
    /// Blobs in the store.
    pub small: u64,
    /// Stored bytes that were read.
    pub bytes: u64,
    /// Files nobody refers to; the next start deletes them.
    pub orphans: u64,
    /// Blobs that are missing or damaged.
    pub problem_count: u64,
    /// The first of them, described.
    pub problems: Vec<String>,
}

/// Deletes what is released, and once what a crash left.
pub(crate) async fn run(kernel: Kernel) {
    let (blobs, store) = (kernel.blobs().clone(), kernel.store().clone());
    let swept = tokio::task::spawn_blocking(move || blobs.sweep(&store)).await;
    match swept {
        Ok(Ok(Swept { orphans, .. })) if orphans > 0 => kernel
            .log(Level::Info, format_args!("blobs: deleted {orphans} files that a crash left")),
        Ok(Err(error)) => kernel.log(Level::Error, format_args!("blobs: sweep: {error}")),
        _ => {}
    }
    while !kernel.is_stopping() {
        if let Err(error) = collect(&kernel).await {
            kernel.log(Level::Error, format_args!("blobs: {error}"));
        }
        tokio::select! {
            () = kernel.stopping() => return,
            () = kernel.clock().sleep(IDLE) => {}
            () = kernel.blobs().inner.released.notified() => {
                tokio::select! {
                    () = kernel.stopping() => return,
                    () = kernel.clock().sleep(PAUSE) => {}
                }
            }
        }
    }
}

/// Deletes the files that are garbage and not being read.
async fn collect(kernel: &Kernel) -> Result<(), BlobError> {
    let (blobs, store) = (kernel.blobs(), kernel.store());
    let mut scan = Scan::all().limit(BATCH);
    loop {
        let found = store.read(|tx| tx.scan(&GARBAGE, scan.clone()))?;
        let Some((last, ())) = found.last() else { return Ok(()) };
        scan = Scan::all().limit(BATCH).after(last.clone());
        let full = found.len() == BATCH;
        if blobs.inner.held.load(Ordering::SeqCst) > 0 {
            return Ok(());
        }
        let mut ids: Vec<String> = found.iter().filter_map(|(key, ())| id_of(key)).collect();
        {
            let leased = blobs.leased();
            ids.retain(|id| !leased.contains_key(id));
        }
        if !ids.is_empty() {
            let (engine, deleting) = (blobs.inner.engine.clone(), ids.clone());
            let deleted = tokio::task::spawn_blocking(move || {
                deleting.iter().try_for_each(|id| engine.delete(id).map_err(|e| failed(id, e)))
            });
            deleted.await.map_err(|e| failed("", std::io::Error::other(e)))??;
            let forget = |tx: &mut store::WriteTx| -> Result<(), BlobError> {
                ids.iter().try_for_each(|id| Ok(tx.delete(&GARBAGE, id.as_str())?))
            };
            store.write(forget).await?;
        }
        if !full {
            return Ok(());
        }
    }
}

fn id_of(key: &store::Key) -> Option<String> {
    match key.parts()?.into_iter().next()? {
        store::Part::Text(id) => Some(id),
        _ => None,
    }
}

impl Blobs {
    /// Deletes files that no record refers to and nobody is writing. Blocking.
    pub fn sweep(&self, store: &Store) -> Result<Swept, BlobError> {
        let mut swept = Swept::default();
        self.orphans(store, &mut swept.kept, &mut |id| {
            swept.orphans += 1;
            self.inner.engine.delete(id).map_err(|error| failed(id, error))
        })?;
        Ok(swept)
    }

    fn orphans(
        &self,
        store: &Store,
        kept: &mut u64,
        orphan: &mut dyn FnMut(&str) -> Result<(), BlobError>,
    ) -> Result<(), BlobError> {
        let mut problem = None;
        let mut look = |id: &str| -> Result<(), BlobError> {
            // First whether it is being written: who is not any more has committed by now.
            if self.in_flight().contains(id) || self.leased().contains_key(id) {
                return Ok(());
            }
            match store.read(|tx| tx.contains(&REFS, id))? {
                true => *kept += 1,
                false => orphan(id)?,
            }
            Ok(())
        };
        let listed = self.inner.engine.list(&mut |id| {
            if problem.is_none() {
                problem = look(id).err();
            }
        });
        listed.map_err(|error| failed("", error))?;
        problem.map_or(Ok(()), Err)
    }

    /// Reads everything and says what is not as it was written. Needs no keys. Blocking.
    pub fn scrub(&self, store: &Store) -> Result<Scrubbed, BlobError> {
        let mut found = Scrubbed::default();
        let snapshot = store.snapshot();
        let mut orphans = 0;
        self.orphans(store, &mut 0, &mut |_| {
            orphans += 1;
            Ok(())
        })?;
        // Garbage that is not yet deleted is no orphan.
        let garbage = snapshot.scan(&GARBAGE, Scan::all())?.len() as u64;
        found.orphans = orphans - orphans.min(garbage);
        for (key, reference) in snapshot.scan(&REFS, Scan::all())? {
            let Some(id) = id_of(&key) else { continue };
            found.files += 1;
            let blob = Blob { id, size: reference.size, small: false };
            match self.scrub_file(&blob) {
                Ok(bytes) => found.bytes += bytes,
                // It may have been released since.
                Err(_) if !store.read(|tx| tx.contains(&REFS, blob.id.as_str()))? => {}
                Err(error) => found.problem(error.to_string()),
            }
        }
        let mut small = Vec::new();
        snapshot.scan_raw(&SMALL, &Scan::all(), &mut |key, record| {
            found.small += 1;
            found.bytes += record.len() as u64;
            if !split(&record).is_some_and(|(_, stored)| is_whole(&stored)) {
                small.push(id_of(&store::Key::from_bytes(key)).unwrap_or_default());
            }
            std::ops::ControlFlow::Continue(())
        })?;
        small.into_iter().for_each(|id| found.problem(BlobError::Damaged(id).to_string()));
        Ok(found)
    }

    fn scrub_file(&self, blob: &Blob) -> Result<u64, BlobError> {
        let io = |error| failed(&blob.id, error);
        let file = self.inner.engine.open(&blob.id).map_err(io)?;
        let length = file.length().map_err(io)?;
        if length != stored_bytes(blob.size) {
            return Err(BlobError::Damaged(blob.id.clone()));
        }
        let whole = (SEGMENT_BYTES + EXTRA_BYTES) as u64;
        let mut buffer = vec![0; whole as usize];
        for segment in 0..segments(blob.size) {
            let from = segment * whole;
            let stored = &mut buffer[..whole.min(length - from) as usize];
            file.read_at(stored, from).map_err(io)?;
            if !is_whole(stored) {
                return Err(BlobError::Damaged(blob.id.clone()));
            }
        }
        Ok(length)
    }

    /// How many records refer to a blob, as counted; nothing if there is no such blob.
    pub fn references(&self, tx: &store::ReadTx, blob: &Blob) -> Result<Option<u32>, BlobError> {
        Ok(super::refs::count(tx, blob)?)
    }
}

impl Scrubbed {
    fn problem(&mut self, text: String) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(text);
        }
    }
}

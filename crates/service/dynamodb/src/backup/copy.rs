//! Copies the items of a table as they are at one moment.
//!
//! The copy is made from one snapshot of the store, in many commits, so nobody waits for it. If
//! it is broken off, the snapshot is lost: it begins again, under a new number and from a new
//! moment. Until the copy is complete, nobody can read it.

use kernel::{BoxFuture, Fault, Kernel, StoreError};
use serde::{Deserialize, Serialize};
use store::{Durability, ReadTx, WriteTx};

use super::{BACKUPS, BackupId, BackupRecord, BackupState, COPIES};
use crate::in_use;
use crate::item::Corrupt;
use crate::jobs::{self, End, Job};
use crate::rows::{Rows, Sweep, renumbered};
use crate::sse::{
    self,
    cipher::{is_sealed, number_of},
};

/// Makes the copy of a backup that is being created.
#[derive(Serialize, Deserialize)]
pub(crate) struct Copy {
    pub backup: BackupId,
}

/// What is copied.
#[derive(Default)]
struct Copied {
    items: u64,
    bytes: u64,
    data_key: Option<u64>,
}

impl Copied {
    fn add(&mut self, item: &[u8]) -> Result<(), Corrupt> {
        self.items += 1;
        self.bytes += sse::size_bytes(item)? as u64;
        if is_sealed(item) {
            self.data_key = Some(number_of(item)?);
        }
        Ok(())
    }
}

impl Job for Copy {
    const KIND: &'static str = "dynamodb/backup-copy";

    fn id(&self) -> String {
        self.backup.arn()
    }

    fn run<'a>(&'a self, kernel: &'a Kernel) -> BoxFuture<'a, Result<End, Fault>> {
        Box::pin(async move {
            let Some(record) = self.begin(kernel).await.map_err(Fault::internal)? else {
                return Ok(End::Done);
            };
            let end = self.copy(kernel, &record, kernel.store().snapshot()).await?;
            Ok(end)
        })
    }
}

impl Copy {
    /// Takes a new number for this attempt; nothing if there is nothing to do.
    async fn begin(&self, kernel: &Kernel) -> Result<Option<BackupRecord>, StoreError> {
        let number = kernel.random().u64();
        let now_ms = kernel.clock().now().epoch_ms;
        let begin = |tx: &mut WriteTx| {
            let Some(mut record) = self.record(tx, None)? else { return Ok(None) };
            // What an earlier attempt left.
            let left = Sweep { rows: Rows::Copies, number: record.number, held_as: record.number };
            jobs::watch(tx, now_ms, &left)?;
            record.number = number;
            tx.put(&BACKUPS, self.backup.key(), &record)?;
            Ok(Some(record))
        };
        kernel.store().write(begin).await
    }

    /// The backup, if it is still being created, and by this attempt.
    fn record(&self, tx: &ReadTx, number: Option<u64>) -> Result<Option<BackupRecord>, StoreError> {
        let record = tx.get(&BACKUPS, self.backup.key())?;
        Ok(record.filter(|record| {
            record.state == BackupState::Creating
                && number.is_none_or(|number| record.number == number)
        }))
    }

    async fn copy(
        &self,
        kernel: &Kernel,
        record: &BackupRecord,
        moment: ReadTx,
    ) -> Result<End, Fault> {
        let (mut after, mut copied) = (None, Copied::default());
        while !kernel.is_stopping() {
            let source = record.table.number;
            let rows = Rows::Items.batch(&moment, source, after.as_ref());
            let rows = rows.map_err(Fault::internal)?;
            let Some((last, _)) = rows.last() else {
                self.end(kernel, record, &copied).await.map_err(Fault::internal)?;
                return Ok(End::Done);
            };
            after = Some(last.clone());
            for (_, item) in &rows {
                copied.add(item).map_err(Fault::internal)?;
            }
            let written = kernel.store().write(|tx| -> Result<bool, StoreError> {
                if self.record(tx, Some(record.number))?.is_none() {
                    return Ok(false);
                }
                // Nobody relies on it before the last commit, which brings all to the disk.
                tx.durability(Durability::Buffered);
                for (key, item) in &rows {
                    tx.put_raw(&COPIES, renumbered(key, record.number), item.clone())?;
                }
                Ok(true)
            });
            if !written.await.map_err(Fault::internal)? {
                return Ok(End::Done);
            }
        }
        Ok(End::Later)
    }

    async fn end(
        &self,
        kernel: &Kernel,
        record: &BackupRecord,
        copied: &Copied,
    ) -> Result<(), StoreError> {
        let end = |tx: &mut WriteTx| {
            let Some(mut record) = self.record(tx, Some(record.number))? else { return Ok(()) };
            record.state = BackupState::Available;
            (record.items, record.bytes) = (copied.items, copied.bytes);
            record.data_key = copied.data_key;
            in_use::release(tx, record.table.number, &self.backup.arn())?;
            tx.put(&BACKUPS, self.backup.key(), &record)
        };
        kernel.store().write(end).await
    }
}

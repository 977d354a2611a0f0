//! Fills a table that is being restored.

use api_dynamodb::Error;
use bytes::Bytes;
use kernel::{BoxFuture, Fault, Kernel};
use serde::{Deserialize, Serialize};
use store::{Durability, Key, WriteTx};

use super::{RESTORES, Restore};
use crate::change::{Cause, Change, apply};
use crate::in_use;
use crate::jobs::{End, Job};
use crate::recovery::Undo;
use crate::rows::{self, Rows, place};
use crate::sse;
use crate::table::{ITEMS, TABLES, TableRecord};

/// The job; the restore itself says how far it is.
#[derive(Serialize, Deserialize)]
pub(crate) struct Fill {
    pub account: String,
    /// The new table's number.
    pub number: u64,
}

/// What one commit does.
enum Batch {
    /// These are there; the key is that of the last one in the source.
    Copy(Vec<(Vec<u8>, Bytes)>, Key),
    CopiedAll,
    Undo(Vec<Undo>, Key),
    End,
}

impl Job for Fill {
    const KIND: &'static str = "dynamodb/restore";

    fn id(&self) -> String {
        self.number.to_string()
    }

    fn run<'a>(&'a self, kernel: &'a Kernel) -> BoxFuture<'a, Result<End, Fault>> {
        Box::pin(async move {
            while !kernel.is_stopping() {
                let restore = kernel.store().read(|tx| tx.get(&RESTORES, self.key()));
                let Some(restore) = restore.map_err(Fault::internal)? else {
                    return Ok(End::Done);
                };
                let batch = next(kernel, &restore)?;
                let now_ms = kernel.clock().now().epoch_ms;
                let write = |tx: &mut WriteTx| self.write(tx, &batch, now_ms);
                sse::work(kernel, write).await.map_err(Fault::from)?;
            }
            Ok(End::Later)
        })
    }
}

/// What is to be done next.
fn next(kernel: &Kernel, restore: &Restore) -> Result<Batch, Fault> {
    let source = &restore.source;
    let key = |bytes: &Option<Vec<u8>>| bytes.clone().map(Key::from_bytes);
    if !restore.copied_all {
        let after = key(&restore.copied);
        let read = |tx: &_| source.rows.batch(tx, source.number, after.as_ref());
        let mut rows = kernel.store().read(read).map_err(Fault::internal)?;
        let Some((last, _)) = rows.last() else { return Ok(Batch::CopiedAll) };
        let last = last.clone();
        let rows = rows.drain(..).map(|(key, item)| (place(&key).to_vec(), item)).collect();
        return Ok(Batch::Copy(rows, last));
    }
    let Some(undo) = &source.undo else { return Ok(Batch::End) };
    let before = key(&restore.undone);
    let read = |tx: &_| Rows::Log.batch_back(tx, undo.log, before.as_ref());
    let (mut entries, mut last) = (Vec::new(), None);
    for (key, entry) in kernel.store().read(read).map_err(Fault::internal)? {
        let entry = Undo::decode(&entry)?;
        // Whatever was acknowledged before the moment is no later than it.
        if entry.at_ms <= undo.at_ms {
            break;
        }
        entries.push(entry);
        last = Some(key);
    }
    Ok(last.map_or(Batch::End, |last| Batch::Undo(entries, last)))
}

impl Fill {
    /// Where the restore lies.
    pub fn key(&self) -> Key {
        Key::of((&*self.account, self.number))
    }

    /// By what name it reads its source.
    pub fn reader(&self) -> String {
        format!("restore {}", self.number)
    }

    fn write(&self, tx: &mut WriteTx, batch: &Batch, now_ms: i64) -> Result<(), Error> {
        let Some(mut restore) = tx.get(&RESTORES, self.key())? else {
            return Ok(());
        };
        let table = tx.get(&TABLES, restore.key())?;
        let Some(mut table) = table.filter(|table| table.number == self.number) else {
            in_use::release(tx, restore.source.number, &self.reader())?;
            return Ok(tx.delete(&RESTORES, self.key())?);
        };
        match batch {
            Batch::Copy(rows, last) => {
                for (place, item) in rows {
                    self.set(tx, &table, place, Some(item), now_ms)?;
                }
                restore.copied = Some(last.as_bytes().to_vec());
            }
            Batch::CopiedAll => restore.copied_all = true,
            Batch::Undo(entries, last) => {
                for entry in entries {
                    self.set(tx, &table, &entry.place, entry.old.as_ref(), now_ms)?;
                }
                restore.undone = Some(last.as_bytes().to_vec());
            }
            Batch::End => {
                table.restored = None;
                tx.put(&TABLES, restore.key(), &table)?;
                in_use::release(tx, restore.source.number, &self.reader())?;
                return Ok(tx.delete(&RESTORES, self.key())?);
            }
        }
        // It goes on from wherever the disk has it.
        tx.durability(Durability::Buffered);
        Ok(tx.put(&RESTORES, self.key(), &restore)?)
    }

    /// Makes an item of the new table what it is to be.
    fn set(
        &self,
        tx: &mut WriteTx,
        table: &TableRecord,
        place: &[u8],
        new: Option<&Bytes>,
        now_ms: i64,
    ) -> Result<(), Error> {
        let mut key = self.number.to_be_bytes().to_vec();
        key.extend_from_slice(place);
        let place = Key::from_bytes(key);
        let old = sse::get(tx, &ITEMS, &place)?;
        let new = new.map(|new| sse::open_item(rows::place(&place), new.clone())).transpose()?;
        let new = new.as_ref();
        if old.is_none() && new.is_none() {
            return Ok(());
        }
        let change =
            Change { place: &place, old: old.as_ref(), new, cause: Cause::Request, now_ms };
        apply(tx, table, &change).map(drop)
    }
}

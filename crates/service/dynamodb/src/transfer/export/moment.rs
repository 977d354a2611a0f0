//! A table as it was at a moment, while it goes on changing.
//!
//! Of one snapshot of the store, the log of point-in-time recovery is read from its end back to
//! the moment; what was there before each change is staged by the item's place. An older change
//! takes the place of a newer one, so in the end each place has what it held at the moment. All
//! other items are what they are in the snapshot. For the changes between two moments, the log is
//! read back further, and what it holds is staged under a second number.
//!
//! Staged rows are of this attempt only: after a crash another snapshot is taken, which with its
//! own, longer log gives the same items.

use bytes::Bytes;
use kernel::{Fault, Kernel, StoreError};
use store::{Durability, Key, RawTable, ReadTx};

use super::{ExportRecord, Span};
use crate::recovery::Undo;
use crate::rows::{Rows, place};
use crate::table::ITEMS;

/// What items were at a moment, by number and place: time of a write, and the item before it.
pub(crate) const STAGED: RawTable = RawTable::new("dynamodb/staged");

/// A moment that is staged.
pub(super) struct Moment {
    now: ReadTx,
    table_number: u64,
    /// What was written later.
    later: u64,
    /// What was written between the moments, of an export of changes.
    changes: Option<u64>,
}

/// What of the log goes where.
struct Staging {
    /// The last moment that counts, and the number of what was written after it.
    until_ms: i64,
    later: u64,
    /// The moment of which nothing is wanted any more, nor of what was before.
    after_ms: Option<i64>,
    changes: u64,
}

/// An item at the moment, or a change up to it.
pub(super) struct Found {
    pub place: Vec<u8>,
    pub new: Option<Bytes>,
    pub old: Option<Bytes>,
    /// When it was written last, of a change.
    pub at_ms: i64,
}

impl Moment {
    /// Stages the moment of an export under two numbers.
    pub async fn stage(
        kernel: &Kernel,
        export: &ExportRecord,
        [later, changes]: [u64; 2],
    ) -> Result<Moment, Fault> {
        let now = kernel.store().snapshot();
        let staging = match export.span {
            Span::Full { at_ms } => Staging { until_ms: at_ms, later, after_ms: None, changes },
            Span::Changes { from_ms, to_ms, .. } => {
                Staging { until_ms: to_ms - 1, later, after_ms: Some(from_ms - 1), changes }
            }
        };
        let mut before: Option<Key> = None;
        while !kernel.is_stopping() {
            let rows = Rows::Log.batch_back(&now, export.log_number, before.as_ref());
            let rows = rows.map_err(Fault::internal)?;
            let Some((last, _)) = rows.last() else { break };
            before = Some(last.clone());
            if !staging.take(kernel, &rows).await? {
                break;
            }
        }
        let changes = staging.after_ms.map(|_| changes);
        Ok(Moment { now, table_number: export.table_number, later, changes })
    }

    /// The next items or changes after a place, a batch of them; none at the end.
    pub fn next(&self, kernel: &Kernel, after: Option<&[u8]>) -> Result<Vec<Found>, StoreError> {
        match self.changes {
            None => self.items(kernel, after),
            Some(changes) => self.changes(kernel, changes, after),
        }
    }

    fn items(&self, kernel: &Kernel, after: Option<&[u8]>) -> Result<Vec<Found>, StoreError> {
        let key = |number| after.map(|after| at(number, after));
        let items =
            Rows::Items.batch(&self.now, self.table_number, key(self.table_number).as_ref())?;
        let staged = |tx: &ReadTx| Rows::Staged.batch(tx, self.later, key(self.later).as_ref());
        let staged = kernel.store().read(staged)?;
        // Both are in order. What is behind the end of a batch that has more may be out of turn.
        let ends = [&items, &staged].map(|rows| rows.last().map(|(key, _)| place(key).to_vec()));
        let end = ends.iter().flatten().min().cloned();
        let (mut items, mut staged) = (items.into_iter().peekable(), staged.into_iter().peekable());
        let mut found = Vec::new();
        loop {
            let next = [items.peek(), staged.peek()].map(|row| row.map(|(key, _)| place(key)));
            let Some(first) = next.into_iter().flatten().min().map(<[u8]>::to_vec) else { break };
            if end.as_ref().is_some_and(|end| first > *end) && !found.is_empty() {
                break;
            }
            let item = items.next_if(|(key, _)| place(key) == first).map(|(_, item)| item);
            let undone = staged.next_if(|(key, _)| place(key) == first);
            let new = match undone {
                Some((_, row)) => before_write(&row).1,
                None => item,
            };
            found.push(Found { place: first, new, old: None, at_ms: 0 });
        }
        Ok(found)
    }

    fn changes(
        &self,
        kernel: &Kernel,
        changes: u64,
        after: Option<&[u8]>,
    ) -> Result<Vec<Found>, StoreError> {
        let key = after.map(|after| at(changes, after));
        kernel.store().read(|tx| {
            let rows = Rows::Staged.batch(tx, changes, key.as_ref())?;
            let found = rows.into_iter().map(|(key, row)| {
                let place = place(&key).to_vec();
                let (at_ms, old) = before_write(&row);
                let new = match tx.get_raw(&STAGED, at(self.later, &place))? {
                    Some(row) => before_write(&row).1,
                    None => self.now.get_raw(&ITEMS, at(self.table_number, &place))?,
                };
                Ok(Found { place, new, old, at_ms })
            });
            found.collect()
        })
    }
}

impl Staging {
    /// Stages a batch of the log, the last entry first; whether older ones count, too.
    async fn take(&self, kernel: &Kernel, rows: &[(Key, Bytes)]) -> Result<bool, Fault> {
        let entries = rows.iter().map(|(_, row)| Undo::decode(row));
        let entries = entries.collect::<Result<Vec<Undo>, Fault>>()?;
        // Whatever was acknowledged before a moment is no later than it.
        let end_ms = self.after_ms.unwrap_or(self.until_ms);
        let count = entries.iter().take_while(|entry| entry.at_ms > end_ms).count();
        let staged = kernel.store().write(|tx| -> Result<(), StoreError> {
            // Nobody but this attempt reads them.
            tx.durability(Durability::Buffered);
            let mut is_later = true;
            for entry in &entries[..count] {
                is_later &= entry.at_ms > self.until_ms;
                let number = if is_later { self.later } else { self.changes };
                let key = at(number, &entry.place);
                // Of several writes the newest says when, the oldest what was before.
                let known = if is_later { None } else { tx.get_raw(&STAGED, &key)? };
                let at_ms = known.map_or(entry.at_ms, |row| before_write(&row).0);
                let mut row = at_ms.to_be_bytes().to_vec();
                row.extend(entry.old.iter().flatten());
                tx.put_raw(&STAGED, key, row)?;
            }
            Ok(())
        });
        staged.await.map_err(Fault::internal)?;
        Ok(count == entries.len())
    }
}

/// A staged row: when, and what was before.
fn before_write(row: &Bytes) -> (i64, Option<Bytes>) {
    let at_ms = row.first_chunk::<8>().map_or(0, |ms| i64::from_be_bytes(*ms));
    let old = row.slice(row.len().min(8)..);
    (at_ms, (!old.is_empty()).then_some(old))
}

/// The key of a place under a number.
fn at(number: u64, place: &[u8]) -> Key {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.extend_from_slice(place);
    Key::from_bytes(bytes)
}

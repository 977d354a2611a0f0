//! Fills a new replica with the items that were there before.
//!
//! From the commit that makes it, every write goes to it as well, whatever it still lacks. So an
//! item only has to be copied as it is at some moment after that: in a transaction that reads it,
//! which therefore fails, and is done again, if somebody changes it meanwhile.

use api_dynamodb::Error;
use kernel::{BoxFuture, Fault, Kernel, StoreError};
use serde::{Deserialize, Serialize};
use store::{Durability, Key, Table, WriteTx};

use super::set;
use crate::change::{Cause, Change};
use crate::jobs::{End, Job};
use crate::rows::{Rows, renumbered};
use crate::sse;
use crate::streams;
use crate::table::{ITEMS, StreamView, TABLES, TableRecord};

/// The last item copied, by the new table's account and number.
const JOINS: Table<Vec<u8>> = Table::new("dynamodb/replica-join");

/// The job.
#[derive(Serialize, Deserialize)]
pub(crate) struct Join {
    pub account: String,
    pub name: String,
    /// The new replica's region and number.
    pub region: String,
    pub number: u64,
    /// The number of the table it is made from.
    pub from: u64,
}

impl Job for Join {
    const KIND: &'static str = "dynamodb/replica-join";

    fn id(&self) -> String {
        self.number.to_string()
    }

    fn run<'a>(&'a self, kernel: &'a Kernel) -> BoxFuture<'a, Result<End, Fault>> {
        Box::pin(async move {
            while !kernel.is_stopping() {
                let keys = self.keys(kernel).map_err(Fault::internal)?;
                let now_ms = kernel.clock().now().epoch_ms;
                let write = |tx: &mut WriteTx| match keys.is_empty() {
                    true => self.end(kernel, tx),
                    false => self.copy(tx, &keys, now_ms),
                };
                if sse::work(kernel, write).await.map_err(Fault::from)? {
                    return Ok(End::Done);
                }
            }
            Ok(End::Later)
        })
    }
}

impl Join {
    fn key(&self) -> Key {
        Key::of((&*self.account, self.number))
    }

    fn table_key(&self) -> Key {
        Key::of((&*self.account, &*self.region, &*self.name))
    }

    /// The keys of the next items.
    fn keys(&self, kernel: &Kernel) -> Result<Vec<Key>, StoreError> {
        kernel.store().read(|tx| {
            let after = tx.get(&JOINS, self.key())?.map(Key::from_bytes);
            let rows = Rows::Items.batch(tx, self.from, after.as_ref())?;
            Ok(rows.into_iter().map(|(key, _)| key).collect())
        })
    }

    /// The new replica, while it is filled.
    fn table(&self, tx: &WriteTx) -> Result<Option<TableRecord>, StoreError> {
        let table = tx.get(&TABLES, self.table_key())?;
        Ok(table.filter(|table| table.number == self.number && table.joining))
    }

    /// Copies items; true if there is nothing to do any more.
    fn copy(&self, tx: &mut WriteTx, keys: &[Key], now_ms: i64) -> Result<bool, Error> {
        let Some(table) = self.table(tx)? else { return Ok(true) };
        for key in keys {
            let Some(item) = sse::get(tx, &ITEMS, key)? else { continue };
            let place = renumbered(key, self.number);
            let (new, cause) = (Some(&item), Cause::Replication);
            set(tx, &table, &place, &Change { place: &place, old: None, new, cause, now_ms })?;
        }
        if let Some(last) = keys.last() {
            tx.put(&JOINS, self.key(), &last.as_bytes().to_vec())?;
        }
        tx.durability(Durability::Buffered);
        Ok(false)
    }

    /// The replica is there for all.
    fn end(&self, kernel: &Kernel, tx: &mut WriteTx) -> Result<bool, Error> {
        let Some(mut table) = self.table(tx)? else { return Ok(true) };
        table.joining = false;
        let ctx = kernel.service_ctx("dynamodb.amazonaws.com", &self.account, &self.region);
        // Like the others', it has no records of the items that it was filled with.
        let mut view = StreamView::NewAndOldImages;
        for replica in &table.replicas {
            let Some(mut other) = tx.get(&TABLES, replica.key())? else { continue };
            for entry in other.replicas.iter_mut().filter(|entry| entry.region == self.region) {
                entry.joining = false;
            }
            view = other.stream.as_ref().map_or(view, |stream| stream.view);
            tx.put(&TABLES, replica.key(), &other)?;
        }
        streams::enable(&ctx, tx, &self.name, &mut table, view)?;
        tx.delete(&JOINS, self.key())?;
        tx.put(&TABLES, self.table_key(), &table)?;
        Ok(true)
    }
}

//! Opening a data directory: settings, versions, migrations.

use std::path::Path;

use crate::disk::DiskEngine;
use crate::engine::Engine;
use crate::memory::MemoryEngine;
use crate::table::Table;
use crate::tx::WriteTx;
use crate::{Store, StoreError};

/// What the store knows about itself; survives [`Store::clear`].
pub(crate) const META: Table<u64> = Table::new("store/meta");

/// How this crate lays out its own tables and keys.
const FORMAT: u64 = 1;

/// Changes stored records from one schema version to the next, in one transaction.
#[derive(Clone, Copy)]
pub struct Migration {
    /// What it does, for messages.
    pub name: &'static str,
    /// The change. May run again after a conflict or a crash, then on unchanged data.
    pub run: fn(&mut WriteTx) -> Result<(), StoreError>,
}

/// Settings of a store on disk.
#[derive(Clone)]
pub struct Options {
    /// Memory for blocks read from disk, in bytes; taken as needed.
    pub cache_bytes: u64,
    /// Memory for rows that were read lately, in bytes; taken as needed.
    pub recent_bytes: u64,
    /// Memory for ranges that were read lately, in bytes; taken as needed.
    pub ranges_bytes: u64,
    /// Recent writes kept in memory before they become a table file, in bytes.
    pub memtable_bytes: u64,
    /// Bytes that stay free on the disk for the engine's own rewriting: a commit that would take
    /// them is refused with [`StoreError::DiskFull`].
    pub reserve_bytes: u64,
    /// All migrations ever, oldest first; never remove or reorder. A directory remembers how many
    /// it has seen, and a program that knows fewer refuses it.
    pub migrations: &'static [Migration],
    /// Opens a directory even when acknowledged commits are missing or altered, with what can be
    /// read up to the damage. For recovery commands only.
    pub salvage: bool,
}

impl Default for Options {
    fn default() -> Self {
        let mib = 1024 * 1024;
        Self {
            cache_bytes: 16 * mib,
            recent_bytes: 8 * mib,
            ranges_bytes: 48 * mib,
            memtable_bytes: 16 * mib,
            reserve_bytes: 64 * mib,
            migrations: &[],
            salvage: false,
        }
    }
}

impl Store {
    /// An empty store that lives as long as the process.
    pub fn memory() -> Self {
        Self::on(Box::new(MemoryEngine::new()), 0)
    }

    /// Opens a data directory, making it if there is none, and migrates its records. The directory
    /// is this process's until the last handle is dropped. Blocks for milliseconds; longer after a
    /// crash, when recent commits are read back (about a second per 100 MB).
    pub fn open(dir: impl AsRef<Path>, options: &Options) -> Result<Self, StoreError> {
        let engine = Box::new(DiskEngine::open(dir.as_ref(), options)?);
        Self::start(engine, options.migrations)
    }

    pub(crate) fn start(
        engine: Box<dyn Engine>,
        migrations: &'static [Migration],
    ) -> Result<Self, StoreError> {
        let mut store = Self::on(engine, 0);
        let known = migrations.len() as u64;
        let seen = store.write_blocking(|tx| {
            let fresh = tx.get(&META, "format")?.is_none();
            if fresh {
                tx.put(&META, "format", &FORMAT)?;
                tx.put(&META, "schema", &known)?;
            }
            let format = tx.get(&META, "format")?.unwrap_or(FORMAT);
            refuse_newer("format", format, FORMAT)?;
            let schema = tx.get(&META, "schema")?.unwrap_or(0);
            refuse_newer("schema", schema, known)?;
            let run = tx.get(&META, "run")?.unwrap_or(0) + 1;
            tx.put(&META, "run", &run)?;
            Ok::<_, StoreError>((schema, run))
        })?;
        for (index, migration) in migrations.iter().enumerate().skip(seen.0 as usize) {
            store.write_blocking(|tx| {
                (migration.run)(tx)?;
                tx.put(&META, "schema", &(index as u64 + 1))
            })?;
        }
        store.set_run(seen.1);
        Ok(store)
    }
}

fn refuse_newer(what: &'static str, found: u64, supported: u64) -> Result<(), StoreError> {
    if found > supported {
        return Err(StoreError::NewerFormat { what, found, supported });
    }
    Ok(())
}

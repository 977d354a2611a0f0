//! One ordered, transactional key-value store for all state.
//!
//! ```
//! # #[derive(serde::Serialize, serde::Deserialize)] struct Function { memory_mib: u32 }
//! use store::{Store, StoreError, Table};
//! const FUNCTIONS: Table<Function> = Table::new("lambda/function");
//!
//! let store = Store::memory();
//! store.write_blocking(|tx| {
//!     tx.put(&FUNCTIONS, ("000000000000", "us-east-1", "hello"), &Function { memory_mib: 128 })?;
//!     tx.emit("lambda.created", "hello", "hello")
//! })?;
//! let found = store.read(|tx| tx.get(&FUNCTIONS, ("000000000000", "us-east-1", "hello")))?;
//! assert_eq!(found.map(|f| f.memory_mib), Some(128));
//! # Ok::<(), StoreError>(())
//! ```
//!
//! # Serializable, by range fingerprints
//!
//! A transaction reads one snapshot and writes nothing until it commits. At commit everything it
//! read is validated: each key still has the version seen (or is still absent), each range still
//! has its *fingerprint*: the same number of keys, none newer than the snapshot. That is exact, not
//! a heuristic: a key with an old version was there before with the same value, and with equal
//! counts none is missing. So a transaction commits only if it would have read the same at its
//! commit, and the order of commits is a serial order: no write skew, no phantoms.
//!
//! The alternative, *guard keys* (a version per table or per prefix that every insertion bumps and
//! every scan reads), makes all insertions of a table conflict with each other and with every
//! scan, needs the author of a scan to know which guard covers it, and is wrong silently where one
//! is forgotten. Fingerprints need nothing from the author, conflict only where ranges really
//! changed, and are one aggregate per range in SQL:
//! `select count(*), max(version) from kv where key >= $lo and key < $hi`.
//! Their price is reading the range again; in process even that is saved as long as the snapshot
//! is younger than the window of the last 16 384 written keys, which is then searched instead.
//!
//! A conflict runs the closure again on a new snapshot, so it must be free of side effects other
//! than on its own captured state, which it must reset. After a few attempts the transactions that
//! still conflict queue up behind each other.

mod backup;
mod committer;
mod directory;
mod disk;
mod engine;
mod error;
mod journal;
mod key;
mod manifest;
mod memory;
mod open;
mod outbox;
mod ranges;
mod recent;
mod record;
mod room;
mod store;
mod table;
mod timer;
mod tx;
mod verify;
mod wait;
mod watermark;
mod window;

pub use backup::{BackupSummary, backup, check_backup, restore};
pub use engine::Durability;
pub use error::StoreError;
pub use key::{Key, KeyParts, Part};
pub use open::{Migration, Options};
pub use outbox::{Event, EventId};
pub use store::{Change, Store};
pub use table::{AnyTable, RawTable, Scan, Table};
pub use timer::{Timer, TimerId};
pub use tx::{ReadTx, WriteTx};
pub use verify::{Verification, verify};

/// Longest stored key in bytes, table name and escapes included.
pub const KEY_BYTES_MAX: usize = 32 * 1024;

/// Longest stored value in bytes. Larger things are files beside the store.
pub const VALUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most bytes of keys and values that one transaction may write.
pub const TRANSACTION_BYTES_MAX: usize = 256 * 1024 * 1024;

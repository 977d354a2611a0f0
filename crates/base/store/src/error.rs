//! What can go wrong, once for the whole crate.

use std::path::PathBuf;

/// Failure of a store operation. Every variant can be shown to an operator; none holds a value.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The transaction lost against concurrent writers too often.
    #[error("transaction gave up after {attempts} conflicting attempts")]
    Contention {
        /// How often the closure ran.
        attempts: u32,
    },
    /// Stored bytes are not what was written, or not what this version reads.
    #[error("corrupt value in table {table}, key {key}: {detail}")]
    Corrupt {
        /// Table name.
        table: String,
        /// Key in readable form.
        key: String,
        /// What does not fit.
        detail: String,
    },
    /// A value refused to be serialized.
    #[error("cannot encode value for table {table}, key {key}: {detail}")]
    Encode {
        /// Table name.
        table: String,
        /// Key in readable form.
        key: String,
        /// Reason given by the serializer.
        detail: String,
    },
    /// The encoded key is longer than [`crate::KEY_BYTES_MAX`].
    #[error("key of {bytes} bytes is too long (at most {max})", max = crate::KEY_BYTES_MAX)]
    KeyTooLong {
        /// Encoded length.
        bytes: usize,
    },
    /// The value is longer than [`crate::VALUE_BYTES_MAX`].
    #[error("value of {bytes} bytes is too long (at most {max})", max = crate::VALUE_BYTES_MAX)]
    ValueTooLong {
        /// Encoded length.
        bytes: usize,
    },
    /// The transaction writes more than [`crate::TRANSACTION_BYTES_MAX`].
    #[error("transaction writes more than {max} bytes", max = crate::TRANSACTION_BYTES_MAX)]
    TransactionTooLarge,
    /// Another process uses the data directory.
    #[error("data directory {} is in use by {holder}", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// "process 123", as far as known.
        holder: String,
    },
    /// The directory holds something that is not ours.
    #[error("{} is not a Gureum data directory: {detail}", dir.display())]
    NotADataDirectory {
        /// The directory.
        dir: PathBuf,
        /// What was found.
        detail: String,
    },
    /// Data written by a newer program.
    #[error(
        "data has {what} version {found}, this program reads up to {supported}: use a newer Gureum"
    )]
    NewerFormat {
        /// Which of the two version numbers: "format" or "schema".
        what: &'static str,
        /// Version found.
        found: u64,
        /// Newest version known.
        supported: u64,
    },
    /// Acknowledged commits are missing or altered on disk.
    #[error("data directory is damaged: {detail}")]
    Damaged {
        /// What was found where.
        detail: String,
    },
    /// A backup stream that is cut, altered, or no backup.
    #[error("backup refused: {detail}")]
    BadBackup {
        /// What was found where.
        detail: String,
    },
    /// The operating system or the engine failed. After a failed commit the store stays closed for
    /// writing, because what reached the disk is unknown; opening it again settles that.
    #[error("{context}: {detail}")]
    Io {
        /// What was attempted.
        context: String,
        /// The system's answer.
        detail: String,
    },
    /// The disk has too little room left. Nothing was written, reading goes on, and so does
    /// writing once there is room.
    #[error(
        "the disk of {} is full ({free_mib} MiB free, {needed_mib} MiB needed): nothing was \
         written. Make room; writing then goes on by itself",
        dir.display()
    )]
    DiskFull {
        /// The data directory.
        dir: PathBuf,
        /// What is free, in MiB.
        free_mib: u64,
        /// What must be free, in MiB.
        needed_mib: u64,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn io(context: impl Into<String>, error: impl std::fmt::Display) -> Self {
        Self::Io { context: context.into(), detail: error.to_string() }
    }
}

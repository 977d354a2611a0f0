//! Amazon DynamoDB: tables, items and the expressions over them.
//!
//! `number`, `value`, `item`, `key` and `expression` are pure: they know neither requests nor
//! the store. `ops` has one operation a file; each reads its parameters in DynamoDB's order,
//! then does its work in one transaction or on one snapshot, which begins with the table.

mod backfill;
mod backup;
mod capacity;
mod change;
pub mod check;
mod collection;
mod convert;
mod count;
mod definition;
mod describe;
pub mod expression;
mod fault;
mod guard;
mod heat;
mod in_use;
mod index;
mod insights;
pub mod invalid;
pub mod item;
mod jobs;
pub mod key;
mod legacy;
pub mod number;
mod ops;
pub mod partiql;
mod pause;
mod policy;
mod problems;
mod read;
mod recovery;
mod regions;
mod replica;
mod request;
mod resource;
mod restore;
mod rows;
mod slow;
mod sse;
mod streams;
mod sweep;
mod table;
mod throttle;
mod transaction;
mod transfer;
mod ttl;
pub mod value;
mod vector;
mod write;

use std::sync::Arc;
use std::time::Duration;

use kernel::{Kernel, Service};

use crate::jobs::Watcher;
pub use streams::DynamoDbStreams;
pub use transfer::bulk::record::is_record as is_bulk_record;

/// The service. All state is in the store, but for counts that are kept for a while
/// and what is known of transactions that are going on.
#[derive(Default)]
pub struct DynamoDb {
    counts: count::Counts,
    jobs: Arc<jobs::Jobs>,
    tables: table::Cache,
    transactions: transaction::Transactions,
    collections: collection::Collections,
    options: Options,
}

/// What an installation chooses.
pub struct Options {
    /// Where clients reach it, without a scheme.
    pub address: String,
    /// Requests that take longer are logged.
    pub slow: Duration,
    /// Whether what uses more than its throughput is refused.
    pub throttles: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            address: "localhost:4566".to_owned(),
            slow: Duration::from_millis(100),
            throttles: false,
        }
    }
}

impl DynamoDb {
    /// Forgets what was known of a store that is empty now.
    fn forget(&self) {
        self.counts.clear();
        self.tables.clear();
    }
}

api_dynamodb::serve!(DynamoDb, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    service_with(Options::default())
}

/// Builds the service for the kernel, as an installation wants it.
pub fn service_with(options: Options) -> Service {
    let slow = options.slow;
    let tables = table::Cache::new(options.throttles);
    let heat = tables.heat().clone();
    let service = Arc::new(DynamoDb { options, tables, ..DynamoDb::default() });
    let known = service.clone();
    let jobs = &service.jobs;
    Service {
        reset: Some(Arc::new(move || {
            known.forget();
            Box::pin(async {})
        })),
        invalid: Some(problems::worded),
        guard: Some(Arc::new(guard::Tables)),
        reseal: Some(Arc::new(sse::Reseals)),
        tasks: vec![
            (backfill::FILL, Arc::new(backfill::Filler)),
            (backfill::REMOVE, Arc::new(backfill::Remover)),
            (sweep::KIND, Arc::new(sweep::Sweeper)),
            (ttl::build::BUILD, Arc::new(ttl::build::Builder)),
            (ttl::build::CLEAR, Arc::new(ttl::build::Clearer)),
            (transaction::KIND, Arc::new(transaction::TokenSweeper)),
            (backup::system::KIND, Arc::new(backup::system::Expiry)),
            (recovery::KIND, Arc::new(recovery::Trimmer)),
            (transfer::KIND, Arc::new(transfer::Expiry)),
            Watcher::<backup::copy::Copy>::task(jobs),
            Watcher::<restore::fill::Fill>::task(jobs),
            Watcher::<recovery::Trim>::task(jobs),
            Watcher::<replica::join::Join>::task(jobs),
            Watcher::<rows::Sweep>::task(jobs),
            Watcher::<sse::Seal>::task(jobs),
            Watcher::<transfer::bulk::work::Bulk>::task(jobs),
            Watcher::<transfer::export::work::Export>::task(jobs),
            Watcher::<transfer::import::work::Import>::task(jobs),
        ],
        ..Service::new(Arc::new(slow::Watched::new(api_dynamodb::dispatch(service), slow, heat)))
    }
}

/// Starts what the service does by itself: deleting items that expire, and data keys of tables that
/// are gone.
pub fn start(kernel: &Kernel) {
    kernel.spawn(ttl::expire::run(kernel.clone()));
    kernel.spawn(sse::delete_idle_keys(kernel.clone()));
}

/// Builds the service DynamoDB Streams for the kernel.
pub fn streams_service() -> Service {
    Service {
        invalid: Some(problems::worded),
        guard: Some(Arc::new(guard::Tables)),
        tasks: vec![(streams::tend::KIND, Arc::new(streams::tend::Tender))],
        ..Service::new(api_dynamodbstreams::dispatch(Arc::new(DynamoDbStreams)))
    }
}

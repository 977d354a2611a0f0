//! Amazon Simple Notification Service.
//!
//! Publishing writes one delivery for each subscriber that wants the message, in the commit that
//! acknowledges it. Deliveries are then made (`deliver.rs`): to SQS and Lambda through their own
//! APIs, to HTTP endpoints signed, to people into the mailbox. What fails is tried again, and
//! goes to the subscription's dead-letter queue at last.

mod attributes;
mod deliver;
mod envelope;
mod error;
mod filter;
mod guard;
mod kms;
mod message;
mod name;
mod ops;
mod publish;
mod record;
mod sha1;
mod sign;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::{Kernel, Service};

pub use sign::{CERTIFICATE_PATH, certificate};

/// The service.
pub struct Sns {
    /// Host and port at which clients on this machine reach the installation.
    address: String,
    posted: Arc<tokio::sync::Notify>,
    last: AtomicU64,
}

impl Sns {
    /// A number that grows with time, and is never given twice by this process.
    fn next(&self, now_ms: u64) -> u64 {
        let least = now_ms << 20;
        let next = |last: u64| Some(least.max(last + 1));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        last.map_or(least, |last| least.max(last + 1))
    }
}

api_sns::serve!(Sns, ops);

/// What [`start`] needs of the service.
pub struct Starter {
    posted: Arc<tokio::sync::Notify>,
}

/// Builds the service for the kernel.
pub fn service(address: String) -> (Service, Starter) {
    let posted = Arc::new(tokio::sync::Notify::new());
    let starter = Starter { posted: posted.clone() };
    let mut service =
        Service::new(api_sns::dispatch(Arc::new(Sns { address, posted, last: AtomicU64::new(0) })));
    service.guard = Some(Arc::new(guard::Topics));
    service.reseal = Some(Arc::new(sign::Keys));
    (service, starter)
}

/// Begins to deliver; the kernel must have been started.
pub fn start(kernel: &Kernel, starter: Starter) {
    deliver::start(kernel, starter.posted);
}

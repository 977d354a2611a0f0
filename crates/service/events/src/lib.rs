//! Amazon EventBridge: buses, rules, targets.
//!
//! Whatever comes to a bus is matched against its rules in the commit that acknowledges it, and
//! leaves one delivery for each target of each rule that wants it. Deliveries are then made beside
//! the kernel's events (`deliver.rs`): as EventBridge, where the target's policy lets it, or in the
//! name of a role. What fails is tried again, and goes to the target's dead-letter queue at last.
//! Schedules are durable timers (`clockwork.rs`).

mod archive;
mod clockwork;
mod cron;
mod deliver;
mod error;
mod event;
pub mod fuzz;
mod guard;
mod name;
mod ops;
mod path;
mod patterns;
mod record;
mod replay;
mod role;
mod route;
mod schedule;
mod send;
mod target;
mod transform;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::{Kernel, Service};

/// By which policies know the service.
pub(crate) const PRINCIPAL: &str = "events.amazonaws.com";

/// The service.
pub struct Events {
    posted: Arc<tokio::sync::Notify>,
    last: AtomicU64,
    patterns: patterns::Patterns,
}

impl Events {
    /// A number that grows with time, and is never given twice by this process.
    pub(crate) fn next(&self, now_ms: u64) -> u64 {
        let least = now_ms << 20;
        let next = |last: u64| Some(least.max(last + 1));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        last.map_or(least, |last| least.max(last + 1))
    }
}

api_events::serve!(Shared, ops);

/// The service, as its operations have it.
pub(crate) struct Shared(Arc<Events>);

/// Builds the service for the kernel, and what [`start`] needs of it.
pub fn service() -> (Service, Arc<Events>) {
    let events = Arc::new(Events {
        posted: Arc::new(tokio::sync::Notify::new()),
        last: AtomicU64::new(0),
        patterns: patterns::Patterns::default(),
    });
    let mut service = Service::new(api_events::dispatch(Arc::new(Shared(events.clone()))));
    service.guard = Some(Arc::new(guard::Buses));
    service.reseal = Some(Arc::new(deliver::Waiting));
    service.tasks.push((clockwork::KIND, Arc::new(clockwork::Clockwork(events.clone()))));
    service.tasks.push((archive::KIND, Arc::new(archive::Trimmer)));
    service.tasks.push((replay::KIND, Arc::new(replay::Replayer(events.clone()))));
    (service, events)
}

/// Begins to deliver; the kernel must have been started.
pub fn start(kernel: &Kernel, events: Arc<Events>) {
    deliver::start(kernel, events);
}

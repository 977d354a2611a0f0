//! Amazon CloudWatch Logs: groups, streams, events.
//!
//! An event is one row whose key is its place in the order of its stream, so that reading a span
//! of time is a range scan and writing costs a row and the stream's record. A group is read by
//! merging its streams (`merge.rs`). Metrics in the text of events go on to CloudWatch
//! (`metrics.rs`). What is deleted or has expired is gone at once, and cleared away in steps (`clear.rs`,
//! `retention.rs`).

mod clear;
mod embedded;
mod error;
mod event;
mod filters;
mod guard;
mod merge;
mod metric_filters;
mod metrics;
mod name;
mod ops;
pub mod pattern;
mod retention;
mod subscriptions;
mod table;
mod token;

use std::sync::Arc;

use kernel::Service;

/// The service. Everything it knows is in the store.
pub struct Logs;

api_logs::serve!(Logs, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    let mut service = Service::new(api_logs::dispatch(Arc::new(Logs)));
    service.guard = Some(Arc::new(guard::Groups));
    service.subscriptions = vec![
        (metrics::TOPIC, Arc::new(metrics::Embedded)),
        (metric_filters::TOPIC, Arc::new(metric_filters::MetricFilters)),
        (subscriptions::TOPIC, Arc::new(subscriptions::Subscriptions)),
    ];
    service.tasks = vec![
        (clear::KIND, Arc::new(clear::Clearer)),
        (retention::KIND, Arc::new(retention::Sweeper)),
    ];
    service
}

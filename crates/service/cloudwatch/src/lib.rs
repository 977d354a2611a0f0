//! Amazon CloudWatch: metrics, and alarms on them (`alarm`).
//!
//! What is put is merged into *cells*: count, sum, extremes and a distribution of the samples of
//! one metric and unit in one minute (and in one second, at high resolution). Reading a statistic
//! is a scan over the cells of a span. As cells age, tasks merge them into cells of five minutes
//! and of an hour, as AWS keeps them (`trim.rs`).

mod alarm;
mod cell;
mod error;
mod guard;
mod math;
mod metric;
mod ops;
mod query;
mod series;
mod statistic;
mod table;
mod token;
mod trim;

use std::sync::Arc;

use kernel::Service;

/// The service. Everything it knows is in the store.
pub struct CloudWatch;

api_cloudwatch::serve!(CloudWatch, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    let mut service = Service::new(api_cloudwatch::dispatch(Arc::new(CloudWatch)));
    service.tasks = vec![
        (trim::KIND, Arc::new(trim::Trimmer)),
        (alarm::evaluate::KIND, Arc::new(alarm::evaluate::Evaluator)),
    ];
    service.subscriptions = vec![
        (alarm::act::TOPIC, Arc::new(alarm::act::Actor)),
        (alarm::announce::TOPIC, Arc::new(alarm::announce::Announcer)),
    ];
    service.guard = Some(Arc::new(guard::Alarms));
    service
}

//! Amazon Simple Queue Service.

mod ops;

use std::sync::Arc;

use kernel::Service;

/// The service.
pub struct Sqs;

api_sqs::serve!(Sqs, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    Service::new(api_sqs::dispatch(Arc::new(Sqs)))
}

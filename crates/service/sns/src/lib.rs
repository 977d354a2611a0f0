//! Amazon Simple Notification Service.

mod ops;

use std::sync::Arc;

use kernel::Service;

/// The service.
pub struct Sns;

api_sns::serve!(Sns, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    Service::new(api_sns::dispatch(Arc::new(Sns)))
}

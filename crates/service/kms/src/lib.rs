//! AWS Key Management Service.

mod ops;

use std::sync::Arc;

use kernel::Service;

/// The service.
pub struct Kms;

api_kms::serve!(Kms, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    Service::new(api_kms::dispatch(Arc::new(Kms)))
}

//! AWS Identity and Access Management.

mod ops;

use std::sync::Arc;

use kernel::Service;

/// The service.
pub struct Iam;

api_iam::serve!(Iam, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    Service::new(api_iam::dispatch(Arc::new(Iam)))
}

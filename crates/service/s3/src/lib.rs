//! Amazon Simple Storage Service.

mod ops;

use std::sync::Arc;

use kernel::Service;

/// The service.
pub struct S3;

api_s3::serve!(S3, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    Service::new(api_s3::dispatch(Arc::new(S3)))
}

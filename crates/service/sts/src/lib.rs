//! AWS Security Token Service.

mod ops;

use std::sync::Arc;

use kernel::Service;

/// The service. It keeps no state: sessions are sealed tokens (`kernel::Credentials`).
pub struct Sts;

api_sts::serve!(Sts, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    Service::new(api_sts::dispatch(Arc::new(Sts)))
}

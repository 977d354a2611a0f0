//! AWS Security Token Service.

mod fault;
mod mfa;
mod ops;
mod role;
mod session;
mod trust;

use std::sync::Arc;

use kernel::Service;

/// The service. It stores nothing: sessions are sealed tokens (`kernel::Credentials`).
pub struct Sts;

api_sts::serve!(Sts, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    Service::new(api_sts::dispatch(Arc::new(Sts)))
}

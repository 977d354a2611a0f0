//! AWS Security Token Service.

mod fault;
mod mfa;
mod ops;
mod role;
mod saml;
mod session;
mod trust;
mod web;

use std::sync::Arc;

use kernel::Service;

use web::issuer::Issuers;

/// The service. It stores nothing: sessions are sealed tokens (`kernel::Credentials`). Keys of
/// identity providers are kept in memory for a while.
#[derive(Default)]
pub struct Sts {
    issuers: Issuers,
}

api_sts::serve!(Sts, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    let sts = Arc::new(Sts::default());
    let mut service = Service::new(api_sts::dispatch(sts.clone()));
    service.reset = Some(Arc::new(move || {
        let sts = sts.clone();
        Box::pin(async move { sts.issuers.clear() })
    }));
    service
}

//! AWS Security Token Service.

mod fault;
mod guard;
mod mfa;
mod ops;
mod outbound;
mod role;
mod saml;
mod session;
mod trust;
mod web;

use std::sync::Arc;

use kernel::Service;

use web::issuer::Issuers;

pub use outbound::published;
pub use web::tokens::Tokens;

/// The service. It stores no sessions: they are sealed tokens (`kernel::Credentials`). Keys of
/// identity providers are kept in memory for a while, those of its own issuers in the store.
#[derive(Default)]
pub struct Sts {
    issuers: Issuers,
}

api_sts::serve!(Sts, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    let sts = Arc::new(Sts::default());
    let mut service = Service::new(api_sts::dispatch(sts.clone()));
    service.reseal = Some(sts.clone());
    service.guard = Some(sts.clone());
    service.reset = Some(Arc::new(move || {
        let sts = sts.clone();
        Box::pin(async move { sts.issuers.clear() })
    }));
    service
}

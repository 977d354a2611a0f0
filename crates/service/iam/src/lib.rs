//! AWS Identity and Access Management: users, groups, roles, policies and credentials.
//!
//! Records are of an account, of no region. `lookup` answers what the authoriser asks; every
//! change bumps the account's generation, so that what is compiled from policies can be kept.

mod access;
mod arn;
mod attach;
mod caller;
mod document;
mod entity;
mod error;
mod id;
mod inline;
pub mod lookup;
mod managed;
mod ops;
mod owned;
mod page;
mod record;
mod shown;
mod tags;
mod touch;

use std::sync::Arc;

use kernel::Service;

pub use touch::{Touch, Touches};

/// The service. Everything it knows is in the store.
#[derive(Default)]
pub struct Iam {
    touches: Touches,
}

api_iam::serve!(Iam, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    let iam = Iam::default();
    let touches = iam.touches.clone();
    let mut service = Service::new(api_iam::dispatch(Arc::new(iam)));
    service.reset = Some(Arc::new(move || {
        touches.clear();
        Box::pin(std::future::ready(()))
    }));
    service
}

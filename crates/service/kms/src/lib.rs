//! AWS Key Management Service: keys, what is done with them, who may, and their whole life.
//!
//! Not served: custom key stores, and the answers for Nitro enclaves (`Recipient`).

mod blob;
mod crypto;
mod describe;
mod end;
mod error;
mod find;
#[doc(hidden)]
pub mod fuzz;
mod grant;
mod guard;
mod import;
mod managed;
mod material;
mod ops;
mod page;
mod policy;
mod record;
mod rotate;
mod spec;
mod tags;
mod usage;

use std::sync::Arc;

use kernel::{Service, StoreError};
use store::ReadTx;

pub use blob::{Blob, parse as parse_blob};
pub use grant::{Request as GrantRequest, allows as grant_allows};

/// The service.
#[derive(Default)]
pub struct Kms {
    uses: Arc<usage::Uses>,
}

api_kms::serve!(Kms, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    let kms = Arc::new(Kms::default());
    let mut service = Service::new(api_kms::dispatch(kms.clone()));
    service.tasks.push((end::KIND, Arc::new(end::End)));
    service.tasks.push((rotate::KIND, Arc::new(rotate::Rotate)));
    service.tasks.push((import::KIND, Arc::new(import::Expire)));
    service.reseal = Some(kms.clone());
    service.guard = Some(kms.clone());
    service.reset = Some(Arc::new(move || {
        let kms = kms.clone();
        Box::pin(async move { kms.uses.clear() })
    }));
    service
}

/// The policy of the key with this ARN (not an alias's), for whoever decides. Every key has one:
/// without its consent no other policy counts.
pub fn resource_policy(
    tx: &ReadTx,
    account: &str,
    region: &str,
    arn: &str,
) -> Result<Option<String>, StoreError> {
    let Some((_, id)) = arn.rsplit_once(":key/") else { return Ok(None) };
    Ok(tx.get(&record::KEYS, (account, region, id))?.map(|key| key.policy))
}

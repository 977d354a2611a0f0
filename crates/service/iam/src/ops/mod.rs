//! The operations, one group a file.

mod access_keys;
mod account;
mod account_summary;
mod authorization_details;
mod boundaries;
mod context_keys;
mod credential_report;
mod group_policies;
mod groups;
mod instance_profiles;
mod last_accessed;
mod list_entities_for_policy;
mod login_profiles;
mod mfa_devices;
mod oidc_providers;
mod organizations;
mod outbound_federation;
mod policies;
mod policy_versions;
mod role_policies;
mod roles;
mod saml_providers;
mod server_certificates;
mod service_credentials;
mod service_linked_roles;
mod signing_certificates;
mod simulate;
mod ssh_keys;
mod tags;
mod user_policies;
mod users;

pub(crate) use access_keys::*;
pub(crate) use account::*;
pub(crate) use account_summary::*;
pub(crate) use authorization_details::*;
pub(crate) use boundaries::*;
pub(crate) use context_keys::*;
pub(crate) use credential_report::*;
pub(crate) use group_policies::*;
pub(crate) use groups::*;
pub(crate) use instance_profiles::*;
pub(crate) use last_accessed::*;
pub(crate) use list_entities_for_policy::*;
pub(crate) use login_profiles::*;
pub(crate) use mfa_devices::*;
pub(crate) use oidc_providers::*;
pub(crate) use organizations::*;
pub use outbound_federation::ISSUER_PATH;
pub(crate) use outbound_federation::*;
pub(crate) use policies::*;
pub(crate) use policy_versions::*;
pub(crate) use role_policies::*;
pub(crate) use roles::*;
pub(crate) use saml_providers::*;
pub(crate) use server_certificates::*;
pub(crate) use service_credentials::*;
pub(crate) use service_linked_roles::*;
pub(crate) use signing_certificates::*;
pub(crate) use simulate::*;
pub(crate) use ssh_keys::*;
pub(crate) use tags::*;
pub(crate) use user_policies::*;
pub(crate) use users::*;

use api_iam::StatusType;
use store::{Key, Part};

use crate::error::{Result, must_first};
use crate::record::Grants;

/// An entity with policies cannot be deleted.
fn check_no_grants(grants: &Grants) -> Result<()> {
    if !grants.attached.is_empty() {
        return Err(must_first("detach all policies").into());
    }
    if !grants.inline.is_empty() {
        return Err(must_first("delete policies").into());
    }
    Ok(())
}

/// `Active` or `Inactive`.
fn status(active: bool) -> StatusType {
    if active { StatusType::Active } else { StatusType::Inactive }
}

/// The last part of a key, a name.
fn last_part(key: &Key) -> String {
    match key.parts().unwrap_or_default().pop() {
        Some(Part::Text(name)) => name,
        _ => String::new(),
    }
}

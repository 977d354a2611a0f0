//! The operations, one group a file.

mod access_keys;
mod boundaries;
mod context_keys;
mod group_policies;
mod groups;
mod instance_profiles;
mod list_entities_for_policy;
mod policies;
mod policy_versions;
mod role_policies;
mod roles;
mod simulate;
mod tags;
mod user_policies;
mod users;

pub(crate) use access_keys::*;
pub(crate) use boundaries::*;
pub(crate) use context_keys::*;
pub(crate) use group_policies::*;
pub(crate) use groups::*;
pub(crate) use instance_profiles::*;
pub(crate) use list_entities_for_policy::*;
pub(crate) use policies::*;
pub(crate) use policy_versions::*;
pub(crate) use role_policies::*;
pub(crate) use roles::*;
pub(crate) use simulate::*;
pub(crate) use tags::*;
pub(crate) use user_policies::*;
pub(crate) use users::*;

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

/// The last part of a key, a name.
fn last_part(key: &Key) -> String {
    match key.parts().unwrap_or_default().pop() {
        Some(Part::Text(name)) => name,
        _ => String::new(),
    }
}

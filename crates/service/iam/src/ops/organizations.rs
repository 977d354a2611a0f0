//! Root access from one place: `EnableOrganizationsRootSessions`,
//! `EnableOrganizationsRootCredentialsManagement`, their opposites, `ListOrganizationsFeatures`. The
//! sessions are STS's (`AssumeRoot`).
//!
//! An installation is one organization: its default account manages it, every other is a member.
//! There is nothing to join or to trust first.
//!
//! ```text
//! aws iam enable-organizations-root-sessions
//! {"OrganizationId": "o-000000000000", "EnabledFeatures": ["RootSessions"]}
//! ```

use std::collections::BTreeSet;

use api_iam::{
    DisableOrganizationsRootCredentialsManagementRequest,
    DisableOrganizationsRootCredentialsManagementResponse, DisableOrganizationsRootSessionsRequest,
    DisableOrganizationsRootSessionsResponse, EnableOrganizationsRootCredentialsManagementRequest,
    EnableOrganizationsRootCredentialsManagementResponse, EnableOrganizationsRootSessionsRequest,
    EnableOrganizationsRootSessionsResponse, FeatureType, ListOrganizationsFeaturesRequest,
    ListOrganizationsFeaturesResponse,
};
use kernel::{Ctx, Fault};

use crate::Iam;
use crate::entity::change;
use crate::error::Result;
use crate::record::ACCOUNTS;

const SESSIONS: &str = "RootSessions";
const CREDENTIALS: &str = "RootCredentialsManagement";

/// The organization's id and what is enabled, as every answer has them.
type State = (Option<String>, Option<Vec<FeatureType>>);

/// Only the account that manages the organization may ask.
fn check_caller(ctx: &Ctx) -> Result<()> {
    match ctx.account() == ctx.kernel().config().account {
        true => Ok(()),
        false => {
            let text = "The account making the request is not the organization's management \
                        account.";
            Err(Fault::sender("CallerIsNotManagementAccount", text).into())
        }
    }
}

fn state(ctx: &Ctx, features: BTreeSet<String>) -> State {
    let id = format!("o-{}", ctx.kernel().config().account);
    (Some(id), Some(features.iter().map(|name| FeatureType::from(name.as_str())).collect()))
}

/// Enables or disables one; that it already was is no mistake.
async fn set(ctx: &Ctx, feature: &str, on: bool) -> Result<State> {
    check_caller(ctx)?;
    let features = change(ctx, |tx| {
        let mut record = tx.get(&ACCOUNTS, ctx.account())?.unwrap_or_default();
        let changed = match on {
            true => record.root_access.insert(feature.to_owned()),
            false => record.root_access.remove(feature),
        };
        if changed {
            tx.put(&ACCOUNTS, ctx.account(), &record)?;
        }
        Ok(record.root_access)
    })
    .await?;
    Ok(state(ctx, features))
}

pub(crate) async fn enable_organizations_root_sessions(
    _: &Iam,
    ctx: &Ctx,
    _: EnableOrganizationsRootSessionsRequest,
) -> Result<EnableOrganizationsRootSessionsResponse> {
    let (organization_id, enabled_features) = set(ctx, SESSIONS, true).await?;
    Ok(EnableOrganizationsRootSessionsResponse { organization_id, enabled_features })
}

pub(crate) async fn disable_organizations_root_sessions(
    _: &Iam,
    ctx: &Ctx,
    _: DisableOrganizationsRootSessionsRequest,
) -> Result<DisableOrganizationsRootSessionsResponse> {
    let (organization_id, enabled_features) = set(ctx, SESSIONS, false).await?;
    Ok(DisableOrganizationsRootSessionsResponse { organization_id, enabled_features })
}

pub(crate) async fn enable_organizations_root_credentials_management(
    _: &Iam,
    ctx: &Ctx,
    _: EnableOrganizationsRootCredentialsManagementRequest,
) -> Result<EnableOrganizationsRootCredentialsManagementResponse> {
    let (organization_id, enabled_features) = set(ctx, CREDENTIALS, true).await?;
    Ok(EnableOrganizationsRootCredentialsManagementResponse { organization_id, enabled_features })
}

pub(crate) async fn disable_organizations_root_credentials_management(
    _: &Iam,
    ctx: &Ctx,
    _: DisableOrganizationsRootCredentialsManagementRequest,
) -> Result<DisableOrganizationsRootCredentialsManagementResponse> {
    let (organization_id, enabled_features) = set(ctx, CREDENTIALS, false).await?;
    Ok(DisableOrganizationsRootCredentialsManagementResponse { organization_id, enabled_features })
}

pub(crate) async fn list_organizations_features(
    _: &Iam,
    ctx: &Ctx,
    _: ListOrganizationsFeaturesRequest,
) -> Result<ListOrganizationsFeaturesResponse> {
    check_caller(ctx)?;
    let record = ctx.store().read(|tx| tx.get(&ACCOUNTS, ctx.account()))?.unwrap_or_default();
    let (organization_id, enabled_features) = state(ctx, record.root_access);
    Ok(ListOrganizationsFeaturesResponse { organization_id, enabled_features })
}

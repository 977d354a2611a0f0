//! Whether identities of the account are vouched for to others: `EnableOutboundWebIdentityFederation`,
//! `DisableOutboundWebIdentityFederation`, `GetOutboundWebIdentityFederationInfo`. The tokens are
//! STS's (`GetWebIdentityToken`).
//!
//! ```text
//! aws iam enable-outbound-web-identity-federation
//! {"IssuerIdentifier": "http://localhost:4566/_gureum/issuer/000000000000"}
//! ```

use api_iam::{
    DisableOutboundWebIdentityFederationInput, DisableOutboundWebIdentityFederationOutput,
    EnableOutboundWebIdentityFederationInput, EnableOutboundWebIdentityFederationResponse,
    GetOutboundWebIdentityFederationInfoInput, GetOutboundWebIdentityFederationInfoResponse,
};
use kernel::{Ctx, Fault};

use crate::Iam;
use crate::entity::change;
use crate::error::Result;
use crate::record::ACCOUNTS;

/// Where the issuers of all accounts are, below the installation's address; behind it stands the
/// account. AWS gives every account a host.
pub const ISSUER_PATH: &str = "/_gureum/issuer/";

fn issuer(iam: &Iam, ctx: &Ctx) -> String {
    format!("http://{}{ISSUER_PATH}{}", iam.address, ctx.account())
}

fn disabled() -> Fault {
    Fault::new("FeatureDisabled", 404, "Outbound web identity federation is not enabled.")
}

/// Sets whether it is on; the refusal when it is already.
async fn set(ctx: &Ctx, on: bool, refusal: fn() -> Fault) -> Result<()> {
    change(ctx, |tx| {
        let mut record = tx.get(&ACCOUNTS, ctx.account())?.unwrap_or_default();
        if record.outbound_federation == on {
            return Err(refusal().into());
        }
        record.outbound_federation = on;
        Ok(tx.put(&ACCOUNTS, ctx.account(), &record)?)
    })
    .await
}

pub(crate) async fn enable_outbound_web_identity_federation(
    iam: &Iam,
    ctx: &Ctx,
    _: EnableOutboundWebIdentityFederationInput,
) -> Result<EnableOutboundWebIdentityFederationResponse> {
    set(ctx, true, || {
        let text = "Outbound web identity federation is already enabled for this account.";
        Fault::new("FeatureEnabled", 409, text)
    })
    .await?;
    Ok(EnableOutboundWebIdentityFederationResponse { issuer_identifier: Some(issuer(iam, ctx)) })
}

pub(crate) async fn disable_outbound_web_identity_federation(
    _: &Iam,
    ctx: &Ctx,
    _: DisableOutboundWebIdentityFederationInput,
) -> Result<DisableOutboundWebIdentityFederationOutput> {
    set(ctx, false, disabled).await?;
    Ok(DisableOutboundWebIdentityFederationOutput {})
}

pub(crate) async fn get_outbound_web_identity_federation_info(
    iam: &Iam,
    ctx: &Ctx,
    _: GetOutboundWebIdentityFederationInfoInput,
) -> Result<GetOutboundWebIdentityFederationInfoResponse> {
    let record = ctx.store().read(|tx| tx.get(&ACCOUNTS, ctx.account()))?.unwrap_or_default();
    if !record.outbound_federation {
        return Err(disabled().into());
    }
    Ok(GetOutboundWebIdentityFederationInfoResponse {
        issuer_identifier: Some(issuer(iam, ctx)),
        jwt_vending_enabled: Some(true),
    })
}

//! `RetireGrant`, `RevokeGrant`.
//!
//! ```text
//! aws kms revoke-grant --key-id 1234abcd-12ab-34cd-56ef-1234567890ab --grant-id 0123…
//! ```

use api_kms::{
    Error, RetireGrantOutput, RetireGrantRequest, RevokeGrantOutput, RevokeGrantRequest,
};
use kernel::Ctx;

use crate::error::{dry_run, not_found, validation};
use crate::find::{Names, Place, find};
use crate::record::GRANTS;
use crate::{Kms, grant};

pub(crate) async fn retire_grant(
    _: &Kms,
    ctx: &Ctx,
    input: RetireGrantRequest,
) -> Result<RetireGrantOutput, Error> {
    let (place, id) = match (&input.grant_token, &input.key_id, &input.grant_id) {
        (Some(token), None, None) => grant::of_token(token)?,
        (None, Some(key), Some(id)) => {
            let key = ctx.store().read(|tx| find(tx, ctx, key, Names::Ids))?;
            (key.place, id.clone())
        }
        _ => {
            return Err(validation(
                "Specify either a grant token, or the key's ARN and the grant's ID",
            )
            .into());
        }
    };
    remove(ctx, &place, &id, input.dry_run).await?;
    Ok(RetireGrantOutput {})
}

pub(crate) async fn revoke_grant(
    _: &Kms,
    ctx: &Ctx,
    input: RevokeGrantRequest,
) -> Result<RevokeGrantOutput, Error> {
    let key = ctx.store().read(|tx| find(tx, ctx, &input.key_id, Names::Ids))?;
    remove(ctx, &key.place, &input.grant_id, input.dry_run).await?;
    Ok(RevokeGrantOutput {})
}

async fn remove(ctx: &Ctx, place: &Place, id: &str, dry: Option<bool>) -> Result<(), Error> {
    let none = || not_found(format!("Grant ID {id} not found"));
    ctx.store()
        .write(|tx| {
            let (account, region, key) = place.key();
            if dry == Some(true) {
                let there = tx.contains(&GRANTS, (account, region, key, id))?;
                return Err(if there { dry_run() } else { none() }.into());
            }
            if !grant::remove(tx, place, id)? {
                return Err(none().into());
            }
            Ok(())
        })
        .await
}

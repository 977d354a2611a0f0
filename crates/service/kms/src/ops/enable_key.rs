//! `EnableKey`, `DisableKey`.
//!
//! ```text
//! aws kms disable-key --key-id 1234abcd-12ab-34cd-56ef-1234567890ab
//! ```

use api_kms::{
    DisableKeyOutput, DisableKeyRequest, EnableKeyOutput, EnableKeyRequest, Error, KeyState,
};
use kernel::Ctx;

use crate::Kms;
use crate::error::state;
use crate::find::{Names, find};
use crate::record::KEYS;

pub(crate) async fn enable_key(
    _: &Kms,
    ctx: &Ctx,
    input: EnableKeyRequest,
) -> Result<EnableKeyOutput, Error> {
    set(ctx, &input.key_id, true, "EnableKey").await?;
    Ok(EnableKeyOutput {})
}

pub(crate) async fn disable_key(
    _: &Kms,
    ctx: &Ctx,
    input: DisableKeyRequest,
) -> Result<DisableKeyOutput, Error> {
    set(ctx, &input.key_id, false, "DisableKey").await?;
    Ok(DisableKeyOutput {})
}

async fn set(ctx: &Ctx, id: &str, enabled: bool, operation: &str) -> Result<(), Error> {
    ctx.store()
        .write(|tx| {
            let mut key = find(tx, ctx, id, Names::Ids)?;
            key.is_customers(operation)?;
            key.not_ending()?;
            if key.record.state() == KeyState::PendingImport {
                return Err(state(format!("{} is pending import.", key.arn)).into());
            }
            key.record.enabled = enabled;
            Ok(tx.put(&KEYS, key.place.key(), &key.record)?)
        })
        .await
}

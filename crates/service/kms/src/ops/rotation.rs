//! `EnableKeyRotation`, `DisableKeyRotation`, `GetKeyRotationStatus`, `RotateKeyOnDemand`.
//!
//! ```text
//! aws kms enable-key-rotation --key-id 1234abcd-12ab-34cd-56ef-1234567890ab \
//!     --rotation-period-in-days 180
//! ```

use api_kms::{
    DisableKeyRotationOutput, DisableKeyRotationRequest, EnableKeyRotationOutput,
    EnableKeyRotationRequest, Error, GetKeyRotationStatusRequest, GetKeyRotationStatusResponse,
    KeySpec, RotateKeyOnDemandRequest, RotateKeyOnDemandResponse,
};
use kernel::{Ctx, Fault, Timestamp};

use crate::error::{not_primary, state, unsupported, wrong_origin};
use crate::find::{Key, Names, find};
use crate::record::{KEYS, RINGS, RotationKind};
use crate::rotate::{self, DAY_MS, PERIOD_DAYS};
use crate::{Kms, material};

pub(crate) async fn enable_key_rotation(
    _: &Kms,
    ctx: &Ctx,
    input: EnableKeyRotationRequest,
) -> Result<EnableKeyRotationOutput, Error> {
    let now_ms = ctx.now().epoch_ms;
    ctx.store()
        .write(|tx| {
            let key = find(tx, ctx, &input.key_id, Names::Ids)?;
            key.is_customers("EnableKeyRotation")?;
            check_automatic(&key)?;
            let at = key.place.ring(&key.record);
            let mut ring = tx.get(&RINGS, at)?.unwrap_or_default();
            let asked = input.rotation_period_in_days;
            let now = ring.rotation.as_ref().map(|rotation| rotation.period_days);
            let days = asked.or(now).unwrap_or(PERIOD_DAYS);
            // Enabling what is enabled changes nothing, another period begins today.
            if now != Some(days) {
                let next_ms = now_ms + i64::from(days) * DAY_MS;
                rotate::schedule(tx, at, &mut ring, days, next_ms)?;
                tx.put(&RINGS, at, &ring)?;
            }
            Ok(EnableKeyRotationOutput {})
        })
        .await
}

pub(crate) async fn disable_key_rotation(
    _: &Kms,
    ctx: &Ctx,
    input: DisableKeyRotationRequest,
) -> Result<DisableKeyRotationOutput, Error> {
    ctx.store()
        .write(|tx| {
            let key = find(tx, ctx, &input.key_id, Names::Ids)?;
            key.is_customers("DisableKeyRotation")?;
            check_automatic(&key)?;
            let at = key.place.ring(&key.record);
            let mut ring = tx.get(&RINGS, at)?.unwrap_or_default();
            if let Some(rotation) = ring.rotation.take() {
                tx.cancel(rotation.timer)?;
                tx.put(&RINGS, at, &ring)?;
            }
            Ok(DisableKeyRotationOutput {})
        })
        .await
}

pub(crate) async fn get_key_rotation_status(
    _: &Kms,
    ctx: &Ctx,
    input: GetKeyRotationStatusRequest,
) -> Result<GetKeyRotationStatusResponse, Error> {
    let key = ctx.store().read(|tx| find(tx, ctx, &input.key_id, Names::Ids))?;
    key.not_ending()?;
    // Of keys that cannot rotate, too: Terraform asks for every key.
    let ring = material::ring(ctx, &key)?;
    let rotation = ring.rotation.as_ref();
    Ok(GetKeyRotationStatusResponse {
        key_rotation_enabled: Some(rotation.is_some()),
        rotation_period_in_days: rotation.map(|rotation| rotation.period_days),
        next_rotation_date: rotation.map(|rotation| Timestamp::from_ms(rotation.next_ms)),
        // A rotation on demand is done when it is answered.
        on_demand_rotation_start_date: None,
        key_id: Some(key.arn),
    })
}

pub(crate) async fn rotate_key_on_demand(
    _: &Kms,
    ctx: &Ctx,
    input: RotateKeyOnDemandRequest,
) -> Result<RotateKeyOnDemandResponse, Error> {
    let key = ctx.store().read(|tx| find(tx, ctx, &input.key_id, Names::Ids))?;
    let new = material::generate(ctx, &key.place, &KeySpec::SymmetricDefault).await?;
    let now_ms = ctx.now().epoch_ms;
    ctx.store()
        .write(|tx| {
            let key = find(tx, ctx, &input.key_id, Names::Ids)?;
            key.is_customers("RotateKeyOnDemand")?;
            key.usable()?;
            check_symmetric(&key)?;
            if key.record.is_replica(&key.place.region) {
                return Err(not_primary(&key.arn).into());
            }
            match key.record.external {
                false => rotate::on_demand(tx, &key, new.clone(), now_ms)?,
                true => take_imported(tx, key, now_ms)?,
            }
            Ok::<_, Error>(())
        })
        .await?;
    Ok(RotateKeyOnDemandResponse { key_id: Some(key.arn) })
}

/// Makes imported material that waits for it the current one.
fn take_imported(tx: &mut store::WriteTx, mut key: Key, now_ms: i64) -> Result<(), Error> {
    let at = key.place.ring(&key.record);
    let mut ring = tx.get(&RINGS, at)?.unwrap_or_default();
    rotate::check_limit(&ring, &key.arn)?;
    let pending = ring.materials.iter().find(|material| material.current_since_ms.is_none());
    let Some(pending) = pending.cloned() else {
        let arn = &key.arn;
        return Err(state(format!(
            "No available key material pending rotation for the key: {arn}."
        ))
        .into());
    };
    key.record.valid_to_ms = pending.import.as_ref().and_then(|import| import.valid_to_ms);
    ring.install(pending, Some(RotationKind::OnDemand), now_ms);
    tx.put(&RINGS, at, &ring)?;
    Ok(tx.put(&KEYS, key.place.key(), &key.record)?)
}

fn check_symmetric(key: &Key) -> Result<(), Fault> {
    if key.spec() == KeySpec::SymmetricDefault { Ok(()) } else { Err(unsupported("")) }
}

fn check_automatic(key: &Key) -> Result<(), Fault> {
    key.usable()?;
    check_symmetric(key)?;
    if key.record.external {
        return Err(wrong_origin(&key.arn, "EXTERNAL"));
    }
    if key.record.is_replica(&key.place.region) {
        return Err(not_primary(&key.arn));
    }
    Ok(())
}

//! `ReplicateKey`, `UpdatePrimaryRegion`.
//!
//! ```text
//! aws kms replicate-key --key-id mrk-1234abcd12ab34cd56ef1234567890ab --replica-region eu-west-1
//! ```

use api_kms::{
    Error, ReplicateKeyRequest, ReplicateKeyResponse, UpdatePrimaryRegionOutput,
    UpdatePrimaryRegionRequest,
};
use kernel::Ctx;
use store::WriteTx;

use crate::describe::metadata;
use crate::error::{exists, not_primary, unsupported, validation};
use crate::find::{Key, Names, Place, at, find};
use crate::record::{KEYS, KeyRecord, MultiRegion, RINGS, Ring};
use crate::{Kms, policy, tags};

pub(crate) async fn replicate_key(
    _: &Kms,
    ctx: &Ctx,
    input: ReplicateKeyRequest,
) -> Result<ReplicateKeyResponse, Error> {
    let region = &input.replica_region;
    if let Some(text) = &input.policy {
        policy::check(ctx, text, input.bypass_policy_lockout_safety_check == Some(true))?;
    }
    let now_ms = ctx.now().epoch_ms;
    let (key, ring) = ctx
        .store()
        .write(|tx| {
            let primary = find(tx, ctx, &input.key_id, Names::Ids)?;
            let Some(mut regions) = primary.record.multi_region.clone() else {
                return Err(
                    unsupported(format!("{} is not a multi-region key.", primary.arn)).into()
                );
            };
            if regions.primary != primary.place.region {
                return Err(not_primary(&primary.arn).into());
            }
            primary.usable()?;
            if regions.primary == *region || regions.replicas.contains(region) {
                let arn = primary.place.in_region(region).arn();
                return Err(exists(format!("Key {arn} already exists")).into());
            }
            regions.replicas.push(region.clone());
            regions.replicas.sort();
            let mut record = KeyRecord {
                created_ms: now_ms,
                description: input.description.clone().unwrap_or_default(),
                policy: input
                    .policy
                    .clone()
                    .unwrap_or_else(|| policy::default(&primary.place.account)),
                tags: Default::default(),
                enabled: true,
                deletion: None,
                has_material: !primary.record.external,
                valid_to_ms: None,
                ..primary.record.clone()
            };
            tags::add(&mut record.tags, input.tags.as_deref().unwrap_or_default())?;
            let place = primary.place.in_region(region);
            tx.put(&KEYS, place.key(), &record)?;
            if record.external {
                tx.put(&RINGS, place.ring(&record), &Ring::default())?;
            }
            spread(tx, &primary.place, &regions)?;
            let ring = tx.get(&RINGS, place.ring(&record))?.unwrap_or_default();
            Ok::<_, Error>((at(tx, place)?, ring))
        })
        .await?;
    Ok(ReplicateKeyResponse {
        replica_policy: Some(key.record.policy.clone()),
        replica_tags: Some(tags::list(&key.record.tags)),
        replica_key_metadata: Some(metadata(&key, Some(&ring))),
    })
}

pub(crate) async fn update_primary_region(
    _: &Kms,
    ctx: &Ctx,
    input: UpdatePrimaryRegionRequest,
) -> Result<UpdatePrimaryRegionOutput, Error> {
    let region = &input.primary_region;
    ctx.store()
        .write(|tx| {
            let primary = find(tx, ctx, &input.key_id, Names::Ids)?;
            let Some(mut regions) = primary.record.multi_region.clone() else {
                return Err(
                    unsupported(format!("{} is not a multi-region key.", primary.arn)).into()
                );
            };
            if regions.primary != primary.place.region {
                return Err(not_primary(&primary.arn).into());
            }
            primary.usable()?;
            if !regions.replicas.contains(region) {
                return Err(
                    validation(format!("{} has no replica in {region}", primary.arn)).into()
                );
            }
            let new: Key = at(tx, primary.place.in_region(region))?;
            new.usable()?;
            regions.replicas.retain(|replica| replica != region);
            regions.replicas.push(std::mem::replace(&mut regions.primary, region.clone()));
            regions.replicas.sort();
            spread(tx, &primary.place, &regions)?;
            Ok(UpdatePrimaryRegionOutput {})
        })
        .await
}

/// Tells the record of every region.
fn spread(tx: &mut WriteTx, place: &Place, regions: &MultiRegion) -> Result<(), Error> {
    for region in regions.replicas.iter().chain([&regions.primary]) {
        let place = place.in_region(region);
        if let Some(mut record) = tx.get(&KEYS, place.key())? {
            record.multi_region = Some(regions.clone());
            tx.put(&KEYS, place.key(), &record)?;
        }
    }
    Ok(())
}

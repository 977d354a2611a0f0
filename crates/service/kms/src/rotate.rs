//! Rotation of key material: by timer and on demand.

use api_kms::{Error, KeySpec};
use kernel::{BoxFuture, Fault, Kernel, StoreError, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Timer, WriteTx};

use crate::error::limit;
use crate::find::{Key, Place};
use crate::record::{KEYS, KeyRecord, Material, RINGS, Ring, Rotation, RotationKind};

/// The timer's kind.
pub(crate) const KIND: &str = "kms/rotate";
/// Days of a period when a request names none.
pub(crate) const PERIOD_DAYS: i32 = 365;
/// Rotations on demand of one key, in its life.
const ON_DEMAND_MAX: usize = 25;
/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Which ring is to be rotated.
#[derive(Serialize, Deserialize)]
struct Payload {
    account: String,
    home: String,
    id: String,
}

/// Plans the next automatic rotation of a ring, in place of one that was planned.
pub(crate) fn schedule(
    tx: &mut WriteTx,
    (account, home, id): (&str, &str, &str),
    ring: &mut Ring,
    period_days: i32,
    next_ms: i64,
) -> Result<(), StoreError> {
    if let Some(old) = ring.rotation.take() {
        tx.cancel(old.timer)?;
    }
    let payload = Payload { account: account.into(), home: home.into(), id: id.into() };
    let timer = tx.schedule(next_ms.max(0) as u64, KIND, &payload)?;
    ring.rotation = Some(Rotation { period_days, next_ms, timer });
    ring.period_days = Some(period_days);
    Ok(())
}

/// Stores the first ring of a managed key, which rotates every year.
pub(crate) fn schedule_first(
    tx: &mut WriteTx,
    place: &Place,
    ring: &mut Ring,
    record: &KeyRecord,
    now_ms: i64,
) -> Result<(), StoreError> {
    let at_ms = now_ms + i64::from(PERIOD_DAYS) * DAY_MS;
    schedule(tx, place.ring(record), ring, PERIOD_DAYS, at_ms)?;
    tx.put(&RINGS, place.ring(record), ring)
}

/// Makes new material of ours current.
pub(crate) fn on_demand(
    tx: &mut WriteTx,
    key: &Key,
    new: Material,
    now_ms: i64,
) -> Result<(), Error> {
    let at = key.place.ring(&key.record);
    let mut ring = tx.get(&RINGS, at)?.unwrap_or_default();
    check_limit(&ring, &key.arn)?;
    ring.install(new, Some(RotationKind::OnDemand), now_ms);
    Ok(tx.put(&RINGS, at, &ring)?)
}

/// Refuses what would be one rotation on demand too many.
pub(crate) fn check_limit(ring: &Ring, arn: &str) -> Result<(), Fault> {
    let asked = |material: &&Material| material.rotation == Some(RotationKind::OnDemand);
    if ring.materials.iter().filter(asked).count() < ON_DEMAND_MAX {
        return Ok(());
    }
    Err(limit(format!(
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand \
         rotations can be performed for this key: {arn}"
    )))
}

/// Runs the timers of this kind.
pub(crate) struct Rotate;

impl TaskHandler for Rotate {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move { run(kernel, timer).await.map_err(Fault::from) })
    }
}

async fn run(kernel: &Kernel, timer: &Timer) -> Result<(), Error> {
    let Payload { account, home, id } = timer.payload()?;
    let bytes = crate::crypto::generate(&KeySpec::SymmetricDefault, kernel.random())
        .map_err(|_| crate::error::internal("the library made no key"))?;
    let new = crate::material::sealed(kernel.sealer(), &id, &bytes);
    let now_ms = kernel.clock().now().epoch_ms;
    let at = (account.as_str(), home.as_str(), id.as_str());
    kernel
        .store()
        .write(|tx| {
            if !tx.ack_timer(timer.id)? {
                return Ok(());
            }
            let Some(mut ring) = tx.get(&RINGS, at)? else { return Ok(()) };
            let Some(rotation) = ring.rotation.take() else { return Ok(()) };
            // A key that is disabled or about to go keeps its material until it is of use again;
            // it is looked at every day.
            let resting = match home.as_str() {
                "" => false,
                region => tx
                    .get(&KEYS, (&account, region, &id))?
                    .is_none_or(|record| !record.enabled || record.deletion.is_some()),
            };
            // From the day it was planned for, so that periods do not drift, unless the cloud was
            // switched off for longer than one.
            let period_ms = i64::from(rotation.period_days) * DAY_MS;
            let mut next_ms = rotation.next_ms + period_ms;
            if resting || next_ms <= now_ms {
                next_ms = now_ms + if resting { DAY_MS } else { period_ms };
            }
            if !resting {
                ring.install(new.clone(), Some(RotationKind::Automatic), now_ms);
            }
            schedule(tx, at, &mut ring, rotation.period_days, next_ms)?;
            Ok(tx.put(&RINGS, at, &ring)?)
        })
        .await
}

//! The end of a key: planned, called off, and carried out by a timer.

use api_kms::Error;
use kernel::{BoxFuture, Fault, Kernel, StoreError, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Scan, Timer, WriteTx};

use crate::find::Place;
use crate::grant;
use crate::record::{ALIASES, ALIASES_OF, Deletion, GRANTS, KEYS, KeyRecord, RINGS, USAGE};
use crate::rotate::DAY_MS;

/// The timer's kind.
pub(crate) const KIND: &str = "kms/delete";

#[derive(Serialize, Deserialize)]
struct Payload {
    account: String,
    region: String,
    id: String,
}

/// Starts the waiting time of a key.
pub(crate) fn begin(
    tx: &mut WriteTx,
    place: &Place,
    record: &mut KeyRecord,
    window_days: i32,
    now_ms: i64,
) -> Result<(), StoreError> {
    let waits = record
        .multi_region
        .as_ref()
        .is_some_and(|regions| regions.primary == place.region && !regions.replicas.is_empty());
    let deletion = if waits {
        Deletion { window_days, at_ms: None, timer: None }
    } else {
        let at_ms = now_ms + i64::from(window_days) * DAY_MS;
        let Place { account, region, id } = place.clone();
        let timer = tx.schedule(at_ms.max(0) as u64, KIND, &Payload { account, region, id })?;
        Deletion { window_days, at_ms: Some(at_ms), timer: Some(timer) }
    };
    record.deletion = Some(deletion);
    tx.put(&KEYS, place.key(), record)
}

/// Calls it off. The key is disabled afterwards, as AWS leaves it.
pub(crate) fn cancel(
    tx: &mut WriteTx,
    place: &Place,
    record: &mut KeyRecord,
) -> Result<(), StoreError> {
    if let Some(timer) = record.deletion.take().and_then(|deletion| deletion.timer) {
        tx.cancel(timer)?;
    }
    record.enabled = false;
    tx.put(&KEYS, place.key(), record)
}

/// Runs the timers of this kind.
pub(crate) struct End;

impl TaskHandler for End {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move { run(kernel, timer).await.map_err(Fault::from) })
    }
}

async fn run(kernel: &Kernel, timer: &Timer) -> Result<(), Error> {
    let Payload { account, region, id } = timer.payload()?;
    let place = Place { account, region, id };
    let now_ms = kernel.clock().now().epoch_ms;
    kernel
        .store()
        .write(|tx| {
            if !tx.ack_timer(timer.id)? {
                return Ok(());
            }
            let Some(record) = tx.get(&KEYS, place.key())? else { return Ok(()) };
            let ours = record.deletion.as_ref().and_then(|deletion| deletion.timer);
            if ours == Some(timer.id) {
                delete(tx, &place, &record, now_ms)?;
            }
            Ok(())
        })
        .await
}

/// Removes a key and all that belongs to it. Its material is gone with it.
fn delete(
    tx: &mut WriteTx,
    place: &Place,
    record: &KeyRecord,
    now_ms: i64,
) -> Result<(), StoreError> {
    let (account, region, _) = place.key();
    tx.delete(&KEYS, place.key())?;
    tx.delete(&USAGE, place.key())?;
    for (key, ()) in tx.scan(&ALIASES_OF, Scan::prefix(place.key()))? {
        if let Some([.., store::Part::Text(name)]) = key.parts().as_deref() {
            tx.delete(&ALIASES, (account, region, name))?;
        }
        tx.delete(&ALIASES_OF, key)?;
    }
    for (key, _) in tx.scan(&GRANTS, Scan::prefix(place.key()))? {
        if let Some([.., store::Part::Text(grant)]) = key.parts().as_deref() {
            grant::remove(tx, place, grant)?;
        }
    }
    let others = leave(tx, place, record, now_ms)?;
    if others && record.shares_ring() {
        return Ok(());
    }
    let at = place.ring(record);
    if let Some(ring) = tx.get(&RINGS, at)? {
        let timers = ring.materials.iter().filter_map(|material| material.import.as_ref()?.timer);
        for timer in timers.chain(ring.rotation.map(|rotation| rotation.timer)) {
            tx.cancel(timer)?;
        }
        tx.delete(&RINGS, at)?;
    }
    Ok(())
}

/// Takes a region out of a multi-region key; says whether the key lives on in others. A primary
/// key that only waited for its replicas begins its waiting time.
fn leave(
    tx: &mut WriteTx,
    place: &Place,
    record: &KeyRecord,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let Some(mut regions) = record.multi_region.clone() else { return Ok(false) };
    regions.replicas.retain(|region| *region != place.region);
    let mut others = false;
    for region in regions.replicas.iter().chain([&regions.primary]) {
        let other = place.in_region(region);
        let Some(mut found) = tx.get(&KEYS, other.key())? else { continue };
        others = true;
        found.multi_region = Some(regions.clone());
        match found.deletion.clone() {
            Some(Deletion { window_days, at_ms: None, .. }) if regions.replicas.is_empty() => {
                begin(tx, &other, &mut found, window_days, now_ms)?;
            }
            _ => tx.put(&KEYS, other.key(), &found)?,
        }
    }
    Ok(others)
}

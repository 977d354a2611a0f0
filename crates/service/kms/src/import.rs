//! Imported key material: the token between its two requests, and its expiry.

use api_kms::{AlgorithmSpec, Error};
use kernel::{BoxFuture, Ctx, Fault, Kernel, StoreError, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Timer, TimerId, WriteTx};

use crate::find::Place;
use crate::record::{KEYS, KeyRecord, RINGS, Ring};

/// The timer's kind.
pub(crate) const KIND: &str = "kms/expire";
/// How long an import token is valid.
pub(crate) const TOKEN_MS: i64 = 24 * 60 * 60 * 1000;
const TOKEN: &str = "kms/import-token";

/// What an import token says: the wrapping key itself is in it, so nothing is stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) key: String,
    algorithm: String,
    pub(crate) until_ms: i64,
    /// PKCS #8. JSON has no bytes, so it stands behind the JSON.
    #[serde(skip)]
    pub(crate) private: Vec<u8>,
}

impl Token {
    pub(crate) fn new(
        place: &Place,
        algorithm: &AlgorithmSpec,
        until_ms: i64,
        private: Vec<u8>,
    ) -> Token {
        Token {
            account: place.account.clone(),
            region: place.region.clone(),
            key: place.id.clone(),
            algorithm: algorithm.as_str().to_owned(),
            until_ms,
            private,
        }
    }

    pub(crate) fn algorithm(&self) -> AlgorithmSpec {
        AlgorithmSpec::from(self.algorithm.as_str())
    }

    pub(crate) fn is_for(&self, place: &Place) -> bool {
        (self.account.as_str(), self.region.as_str(), self.key.as_str()) == place.key()
    }

    pub(crate) fn seal(&self, ctx: &Ctx) -> Result<Vec<u8>, Error> {
        let mut plain = serde_json::to_vec(self).map_err(crate::error::internal)?;
        plain.push(b'\n');
        plain.extend_from_slice(&self.private);
        Ok(ctx.kernel().sealer().seal(TOKEN, &plain))
    }

    pub(crate) fn open(ctx: &Ctx, sealed: &[u8]) -> Option<Token> {
        let plain = ctx.kernel().sealer().open_sealed(TOKEN, sealed).ok()?;
        let end = plain.iter().position(|&byte| byte == b'\n')?;
        let mut token: Token = serde_json::from_slice(&plain[..end]).ok()?;
        token.private = plain[end + 1..].to_vec();
        Some(token)
    }
}

#[derive(Serialize, Deserialize)]
struct Payload {
    account: String,
    region: String,
    id: String,
    material: String,
}

/// Plans the expiry of a version.
pub(crate) fn schedule(
    tx: &mut WriteTx,
    place: &Place,
    material: &str,
    at_ms: i64,
) -> Result<TimerId, StoreError> {
    let Place { account, region, id } = place.clone();
    let payload = Payload { account, region, id, material: material.to_owned() };
    tx.schedule(at_ms.max(0) as u64, KIND, &payload)
}

/// Removes imported material: the bytes are gone, the version's facts stay. `None`: all versions
/// that are not there yet count, too.
pub(crate) fn forget(
    tx: &mut WriteTx,
    place: &Place,
    record: &mut KeyRecord,
    ring: &mut Ring,
    id: &str,
) -> Result<(), StoreError> {
    let Some(material) = ring.find_mut(id) else { return Ok(()) };
    material.sealed = None;
    let is_pending = material.current_since_ms.is_none();
    if let Some(timer) = material.import.as_mut().and_then(|import| import.timer.take()) {
        tx.cancel(timer)?;
    }
    if is_pending {
        ring.materials.retain(|material| material.id != id);
    } else {
        // A key needs all the versions it ever encrypted with.
        record.has_material = false;
        record.valid_to_ms = None;
    }
    tx.put(&RINGS, place.ring(record), ring)?;
    tx.put(&KEYS, place.key(), record)
}

/// Runs the timers of this kind.
pub(crate) struct Expire;

impl TaskHandler for Expire {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move { run(kernel, timer).await.map_err(Fault::from) })
    }
}

async fn run(kernel: &Kernel, timer: &Timer) -> Result<(), Error> {
    let Payload { account, region, id, material } = timer.payload()?;
    let place = Place { account, region, id };
    kernel
        .store()
        .write(|tx| {
            if !tx.ack_timer(timer.id)? {
                return Ok(());
            }
            let Some(mut record) = tx.get(&KEYS, place.key())? else { return Ok(()) };
            let Some(mut ring) = tx.get(&RINGS, place.ring(&record))? else { return Ok(()) };
            let planned = ring.find(&material).and_then(|found| found.import.as_ref()?.timer);
            if planned == Some(timer.id) {
                forget(tx, &place, &mut record, &mut ring, &material)?;
            }
            Ok(())
        })
        .await
}

//! Lifecycle rules at work: a durable timer for each bucket that has rules, at every midnight UTC.
//!
//! A sweep goes over the bucket in short transactions: current versions, the others, uploads that
//! were never finished. Each step judges what it reads in the transaction that changes it, so an
//! object that was just written again stays.

use std::sync::Arc;

use api_s3::Error;
use kernel::{BoxFuture, Ctx, Fault, Kernel, TaskHandler, Timestamp};
use serde::{Deserialize, Serialize};
use shape::TimeFormat;
use store::{Key, Scan, StoreError, Timer, WriteTx};

use crate::access_log::{Logs, Object};
use crate::hooks::{self, Happened, LIFECYCLE};
use crate::multipart;
use crate::objects::{self, Found};
use crate::ops::delete_by_rule;
use crate::records::{BUCKETS, Bucket, OBJECTS, UPLOADS, VERSIONS, Version, Versioning};
use crate::settings::kept;
use crate::settings::lifecycle::{Act, Lifecycle, Subject};
use crate::settings::tags::form_encode;

/// The timer's kind.
pub(crate) const KIND: &str = "s3.lifecycle";
const DAY_MS: i64 = 86_400_000;
/// Records looked at in one transaction.
const STEP: usize = 100;
/// Steps of one run of the timer, before others get their turn.
const STEPS_MAX: usize = 50;

/// Where a sweep is.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sweep {
    bucket: String,
    /// Of the configuration: another one has sweeps of its own.
    run: u64,
    phase: Phase,
    /// The last key looked at, encoded.
    after: Vec<u8>,
    /// Of the key whose versions are gone through: its name, how many noncurrent ones were seen,
    /// and since when the next one is noncurrent.
    seen: Option<(String, usize, i64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Current,
    Others,
    Uploads,
}

/// Begins the sweeps of a bucket's new rules.
pub(crate) fn begin(
    tx: &mut WriteTx,
    bucket: &str,
    run: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sweep = Sweep {
        bucket: bucket.to_owned(),
        run,
        phase: Phase::Current,
        after: Vec::new(),
        seen: None,
    };
    tx.schedule(now.epoch_ms.unsigned_abs(), KIND, &sweep).map(drop)
}

/// Runs the timer, and writes down what it did where a bucket has a log.
pub(crate) struct Sweeper(pub Arc<Logs>);

impl TaskHandler for Sweeper {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let mut sweep: Sweep = timer.payload().map_err(Fault::internal)?;
            for _ in 0..STEPS_MAX {
                let next = step(kernel, &sweep, &self.0).await.map_err(Fault::from)?;
                match next {
                    Next::Over => return Ok(()),
                    Next::Step(step) => sweep = step,
                    Next::Tomorrow => {
                        let now_ms = kernel.clock().now().epoch_ms;
                        let at_ms = (now_ms.div_euclid(DAY_MS) + 1) * DAY_MS;
                        let again =
                            Sweep { phase: Phase::Current, after: Vec::new(), seen: None, ..sweep };
                        return resume(kernel, timer, &again, at_ms).await;
                    }
                }
            }
            let now_ms = kernel.clock().now().epoch_ms;
            resume(kernel, timer, &sweep, now_ms).await
        })
    }
}

async fn resume(kernel: &Kernel, timer: &Timer, sweep: &Sweep, at_ms: i64) -> Result<(), Fault> {
    let again = kernel.store().write(|tx| -> Result<(), StoreError> {
        tx.ack_timer(timer.id)?;
        tx.schedule(at_ms.unsigned_abs(), KIND, sweep).map(drop)
    });
    again.await.map_err(kernel::store_fault)
}

/// What comes after a step.
enum Next {
    Step(Sweep),
    Tomorrow,
    /// The rules are gone, or others took their place.
    Over,
}

async fn step(kernel: &Kernel, sweep: &Sweep, logs: &Arc<Logs>) -> Result<Next, Error> {
    let work = kernel.store().write(|tx| -> Result<(Next, Option<(Bucket, Did)>), Error> {
        let Some(bucket) = tx.get(&BUCKETS, sweep.bucket.as_str())? else {
            return Ok((Next::Over, None));
        };
        let rules = kept::get::<Lifecycle>(tx, &bucket.name)?;
        let Some(rules) = rules.filter(|rules| rules.run == sweep.run) else {
            return Ok((Next::Over, None));
        };
        let ctx = kernel.service_ctx(LIFECYCLE, &bucket.account, &bucket.region);
        let did = Did::default();
        let mut at = At { tx, ctx: &ctx, bucket: &bucket, rules: &rules, sweep, did };
        let next = match sweep.phase {
            Phase::Current => at.current(),
            Phase::Others => at.others(),
            Phase::Uploads => at.uploads(),
        }?;
        let did = at.did;
        Ok((next, Some((bucket, did))))
    });
    let (next, did) = work.await?;
    if let Some((bucket, did)) = did {
        logs.swept(kernel, &bucket, &did);
    }
    Ok(next)
}

/// What rules did, as logs name it, and to what.
type Did = Vec<(&'static str, Object)>;

/// A step under way.
struct At<'a> {
    tx: &'a mut WriteTx,
    ctx: &'a Ctx,
    bucket: &'a Bucket,
    rules: &'a Lifecycle,
    sweep: &'a Sweep,
    did: Did,
}

impl At<'_> {
    fn scan(&self) -> Scan {
        let scan = Scan::prefix(self.bucket.name.as_str()).limit(STEP);
        match self.sweep.after.is_empty() {
            true => scan,
            false => scan.after(Key::from_bytes(self.sweep.after.clone())),
        }
    }

    /// Where to go on: behind `last`, or in the next phase.
    fn next(&self, last: Option<&Key>, seen: Option<(String, usize, i64)>) -> Next {
        let sweep = self.sweep.clone();
        match (last, sweep.phase) {
            (Some(last), _) => Next::Step(Sweep { after: last.as_bytes().to_vec(), seen, ..sweep }),
            (None, Phase::Uploads) => Next::Tomorrow,
            (None, phase) => {
                let phase = match phase {
                    Phase::Current => Phase::Others,
                    _ => Phase::Uploads,
                };
                Next::Step(Sweep { phase, after: Vec::new(), seen: None, ..sweep })
            }
        }
    }

    fn current(&mut self) -> Result<Next, Error> {
        let rows = self.tx.scan(&OBJECTS, self.scan())?;
        let last = rows.last().map(|(key, _)| key.clone());
        for (place, version) in rows {
            let key = second(&place)?;
            self.act(&key, Found { version, latest: true, current: true }, None, false)?;
        }
        Ok(self.next(last.as_ref(), None))
    }

    /// Goes over noncurrent versions and delete markers, newest first within each key.
    fn others(&mut self) -> Result<Next, Error> {
        let rows = self.tx.scan(&VERSIONS, self.scan())?;
        let last = rows.last().map(|(key, _)| key.clone());
        let mut seen = self.sweep.seen.clone();
        for (place, version) in rows {
            let key = second(&place)?;
            if seen.as_ref().is_none_or(|(of, ..)| *of != key) {
                let current = self.tx.get(&OBJECTS, (self.bucket.name.as_str(), key.as_str()))?;
                seen = current.map(|current| (key.clone(), 0, current.modified_ms));
            }
            let modified_ms = version.modified_ms;
            match seen.take().filter(|(of, ..)| *of == key) {
                // Nothing is newer: a delete marker that hides the rest.
                None => {
                    let others = Scan::prefix((self.bucket.name.as_str(), key.as_str())).limit(2);
                    let only = self.tx.scan(&VERSIONS, others)?.len() == 1;
                    self.act(&key, Found { version, latest: true, current: false }, None, only)?;
                    seen = Some((key, 0, modified_ms));
                }
                Some((_, newer, since_ms)) => {
                    let found = Found { version, latest: false, current: false };
                    self.act(&key, found, Some((since_ms, newer)), false)?;
                    seen = Some((key, newer + 1, modified_ms));
                }
            }
        }
        Ok(self.next(last.as_ref(), seen))
    }

    fn uploads(&mut self) -> Result<Next, Error> {
        let rows = self.tx.scan(&UPLOADS, self.scan())?;
        let last = rows.last().map(|(key, _)| key.clone());
        let now_ms = self.ctx.now().epoch_ms;
        for (place, upload) in rows {
            let key = second(&place)?;
            let due = self.rules.abort(&key, upload.initiated_ms);
            if due.is_some_and(|expiry| expiry.at_ms <= now_ms) {
                multipart::forget(self.tx, self.ctx, &self.bucket.name, &key, &upload.id, &[])?;
                self.did.push(("S3.DELETE.UPLOAD", Object { key, ..Object::default() }));
            }
        }
        Ok(self.next(last.as_ref(), None))
    }

    fn act(
        &mut self,
        key: &str,
        mut found: Found,
        noncurrent: Option<(i64, usize)>,
        is_only: bool,
    ) -> Result<(), Error> {
        let subject = subject(key, &found.version, noncurrent, is_only);
        let Some(act) = self.rules.act(&subject, self.ctx.now().epoch_ms) else { return Ok(()) };
        if found.version.replication.as_ref().is_some_and(|it| it.holds()) {
            return Ok(());
        }
        let object = Object {
            key: key.to_owned(),
            version_id: found.version.version_id.clone(),
            size: (!found.version.delete_marker).then_some(found.version.size),
            outcome: None,
        };
        let name = match &act {
            Act::Expire if self.bucket.versioning != Versioning::Off => "S3.CREATE.DELETEMARKER",
            Act::Expire | Act::Remove => "S3.EXPIRE.OBJECT",
            Act::Transition(class) => transition(class),
        };
        let done = match act {
            Act::Expire => delete_by_rule(self.tx, self.ctx, self.bucket, key, None),
            Act::Remove => {
                let id = found.version.shown_id().to_owned();
                delete_by_rule(self.tx, self.ctx, self.bucket, key, Some(&id))
            }
            Act::Transition(class) => {
                found.version.storage_class = Some(class);
                objects::rewrite(self.tx, &self.bucket.name, key, &found)?;
                let what = Happened::Transition;
                hooks::happened(self.tx, self.ctx, self.bucket, key, &found.version, what)
            }
        };
        match done.map_err(Fault::from) {
            // A lock holds it: it goes when the lock is over.
            Err(fault) if fault.code == "AccessDenied" => Ok(()),
            Err(fault) => Err(fault.into()),
            Ok(()) => {
                self.did.push((name, object));
                Ok(())
            }
        }
    }
}

/// A change of class, as logs name it.
fn transition(class: &str) -> &'static str {
    match class {
        "STANDARD_IA" => "S3.TRANSITION_SIA.OBJECT",
        "ONEZONE_IA" => "S3.TRANSITION_ZIA.OBJECT",
        "INTELLIGENT_TIERING" => "S3.TRANSITION_INT.OBJECT",
        "GLACIER_IR" => "S3.TRANSITION_GIR.OBJECT",
        "DEEP_ARCHIVE" => "S3.TRANSITION_GDA.OBJECT",
        _ => "S3.TRANSITION.OBJECT",
    }
}

/// The `x-amz-expiration` header of an object's current version.
pub(crate) fn expiration(ctx: &Ctx, bucket: &str, key: &str, version: &Version) -> Option<String> {
    let rules = ctx.store().read(|tx| kept::get::<Lifecycle>(tx, bucket)).ok()??;
    let expiry = rules.expiry(&subject(key, version, None, false))?;
    let at = Timestamp::from_ms(expiry.at_ms).format(TimeFormat::HttpDate);
    Some(format!("expiry-date=\"{at}\", rule-id=\"{}\"", form_encode(&expiry.rule)))
}

/// When a bucket's rules delete a current version, milliseconds since 1970.
pub(crate) fn expires_ms(rules: &Lifecycle, key: &str, version: &Version) -> Option<i64> {
    rules.expiry(&subject(key, version, None, false)).map(|expiry| expiry.at_ms)
}

/// A version as rules look at it.
fn subject<'a>(
    key: &'a str,
    version: &'a Version,
    noncurrent: Option<(i64, usize)>,
    is_only: bool,
) -> Subject<'a> {
    Subject {
        key,
        size: i64::try_from(version.size).unwrap_or(i64::MAX),
        tags: &version.tags,
        storage_class: version.storage_class.as_deref().unwrap_or("STANDARD"),
        created_ms: version.modified_ms,
        is_marker: version.delete_marker,
        noncurrent,
        is_only,
    }
}

/// The second part of a stored key: the object's.
fn second(place: &Key) -> Result<String, Error> {
    match place.parts().as_deref() {
        Some([_, store::Part::Text(key), ..]) => Ok(key.clone()),
        _ => Err(Fault::internal("a record of S3 whose key has no object").into()),
    }
}

//! One copy from the outbox: by which rule, in whose name, and what became of it.

use api_s3::Error;
use kernel::{BoxFuture, Ctx, EventHandler, Fault, Kernel, Level};
use serde::{Deserialize, Serialize};
use store::{Event, ReadTx};

use super::{Progress, Way, copy, role};
use crate::hooks::Happened;
use crate::notify;
use crate::objects::{self, Found};
use crate::records::{BUCKETS, Bucket, Sse, Versioning};
use crate::settings::kept;
use crate::settings::replication::{Replication, Rule};

/// What is wrong with us is tried so often; what is wrong with the configuration once.
const ATTEMPTS_MAX: u32 = 20;

/// Why a copy was not made.
#[derive(Debug)]
pub(super) enum Refused {
    /// It cannot be: in S3's words for it (`failureReason` of its events), and in ours.
    Failed(&'static str, String),
    /// It may go well the next time.
    Ours(Fault),
}

impl Refused {
    /// Of a call that went wrong.
    pub fn of(reason: &'static str, fault: Fault) -> Self {
        match fault.status {
            500.. => Refused::Ours(fault),
            _ => Refused::Failed(reason, fault.to_string()),
        }
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Refused::Ours(fault)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused::Ours(error.into())
    }
}

/// What an event tells of a copy that was not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub rule: String,
    /// Name of the other bucket.
    pub to: String,
    pub reason: String,
    /// When the change was made, milliseconds since 1970.
    pub at_ms: i64,
}

/// What there is to copy.
pub(super) struct Job {
    pub source: Bucket,
    pub found: Found,
    pub role: String,
    pub rule: Rule,
    pub target: Bucket,
}

/// Delivers from the outbox.
pub(crate) struct Deliverer;

impl EventHandler for Deliverer {
    fn receive<'a>(
        &'a self,
        kernel: &'a Kernel,
        event: &'a Event,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let way: Way = event.payload().map_err(Fault::internal)?;
            let (reason, why) = match deliver(kernel, &way).await {
                Ok(()) => return Ok(()),
                Err(Refused::Failed(reason, why)) => (reason, why),
                Err(Refused::Ours(fault)) if event.attempts < ATTEMPTS_MAX => return Err(fault),
                Err(Refused::Ours(fault)) => ("InitiateReplicationNotPermitted", fault.to_string()),
            };
            let Way { bucket, key, to, .. } = &way;
            kernel.log(
                Level::Warn,
                format_args!("s3: {bucket}/{key} is not replicated to {to}: {reason}: {why}"),
            );
            fail(kernel, &way, reason).await.map_err(Fault::from)
        })
    }
}

async fn deliver(kernel: &Kernel, way: &Way) -> Result<(), Refused> {
    let Some(job) = kernel.store().read(|tx| job(tx, way))? else { return Ok(()) };
    let principal = role::assume(kernel, &job.source, &job.role).await?;
    let ctx = |region: &str| {
        let id = kernel.random().uuid();
        Ctx::new(kernel, region, principal.clone(), id)
    };
    let (here, there) = (ctx(&job.source.region), ctx(&job.target.region));
    role::may_read(&here, &job.source, &way.key, &job.found.version)?;
    role::may_write(&there, &job.rule, &way.key, &job.found.version)?;
    let sse = match &job.found.version.sse {
        // Of changes the bytes, and what seals them, are no part.
        Some(sse @ Sse::Kms { .. }) if !way.change => {
            Some(copy::rewrapped(&here, &there, way, &job, sse).await?)
        }
        other => other.clone(),
    };
    copy::copy(kernel, &there, way, &job, sse).await
}

/// What there is to copy now; nothing if the version is gone.
fn job(tx: &ReadTx, way: &Way) -> Result<Option<Job>, Refused> {
    let Some(source) = tx.get(&BUCKETS, way.bucket.as_str()).map_err(Error::from)? else {
        return Ok(None);
    };
    let Some(found) = objects::by_id(tx, &way.bucket, &way.key, &way.version_id)? else {
        return Ok(None);
    };
    let failed = |reason, why: &str| Err(Refused::Failed(reason, why.to_owned()));
    let replication = kept::get::<Replication>(tx, &way.bucket)?;
    let rule = replication.as_ref().and_then(|it| it.rule(&way.rule));
    let rule = rule.filter(|rule| rule.enabled && rule.to.bucket == way.to).cloned();
    let (Some(replication), Some(rule)) = (replication, rule) else {
        return failed("SrcBucketReplicationConfigMissing", "the rule is gone");
    };
    let Some(target) = tx.get(&BUCKETS, way.to.as_str()).map_err(Error::from)? else {
        return failed("DstBucketNotFound", "there is no such bucket");
    };
    if target.versioning != Versioning::Enabled {
        return failed("DstBucketUnversioned", "the bucket keeps no versions");
    }
    if rule.to.account.as_ref().is_some_and(|account| *account != target.account) {
        return failed("DstBucketNotFound", "the bucket is another account's");
    }
    Ok(Some(Job { source, found, role: replication.role, rule, target }))
}

/// Writes down that a copy was not made, and tells whoever listens.
async fn fail(kernel: &Kernel, way: &Way, reason: &str) -> Result<(), Error> {
    kernel
        .store()
        .write(|tx| -> Result<(), Error> {
            let Some(source) = tx.get(&BUCKETS, way.bucket.as_str())? else { return Ok(()) };
            let found = objects::by_id(tx, &way.bucket, &way.key, &way.version_id)?;
            let Some(mut found) = found else { return Ok(()) };
            if !progressed(&mut found, &way.to, Progress::Failed) {
                return Ok(());
            }
            objects::rewrite(tx, &way.bucket, &way.key, &found)?;
            let failure = Failure {
                rule: way.rule.clone(),
                to: way.to.clone(),
                reason: reason.to_owned(),
                at_ms: way.at_ms,
            };
            let ctx = kernel.service_ctx("s3.amazonaws.com", &source.account, &source.region);
            let what = Happened::ReplicationFailed;
            notify::emit_failure(tx, &ctx, &source, &way.key, &found.version, what, failure)
        })
        .await
}

/// Notes how far a copy is; false if the version goes nowhere (a changed replica).
pub(super) fn progressed(found: &mut Found, to: &str, progress: Progress) -> bool {
    let noted = found.version.replication.as_mut().and_then(|it| it.to.get_mut(to));
    noted.map(|noted| *noted = progress).is_some()
}

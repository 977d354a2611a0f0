//! Objects on their way to other buckets.
//!
//! ```text
//! created, touched     in the commit of a change: what has to be copied where, through the outbox
//! deliver.rs           one copy: by which rule, in whose name, what became of it
//! role.rs              the role of the configuration, and what it must be allowed
//! copy.rs              the copy itself: one commit of source and replica
//! ```
//!
//! Bytes are never read: a replica is a second record of the same blobs.

mod copy;
mod deliver;
mod role;

use std::collections::BTreeMap;

use api_s3::{Error, ReplicationStatus};
use kernel::{Ctx, Principal};
use serde::{Deserialize, Serialize};
use store::WriteTx;

use crate::hooks::LIFECYCLE;
use crate::records::{Bucket, Sse, Version, Versioning};
use crate::settings::kept;
use crate::settings::replication::{Replication, Subject};
pub(crate) use deliver::{Deliverer, Failure};

/// The topic of copies that are to be made.
pub(crate) const TOPIC: &str = "s3.replication";

/// What a version has to do with other buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Replicating {
    /// It came from another bucket.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replica: bool,
    /// Where it goes, by bucket.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub to: BTreeMap<String, Progress>,
}

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Progress {
    Pending,
    Completed,
    Failed,
}

/// A copy that is to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Way {
    pub bucket: String,
    pub key: String,
    pub version_id: String,
    /// The other bucket.
    pub to: String,
    /// By which rule.
    pub rule: String,
    /// The version is there, and was changed here: tags, ACL, lock.
    pub change: bool,
    /// Milliseconds since 1970.
    pub at_ms: i64,
}

impl Replicating {
    /// `x-amz-replication-status`.
    pub fn status(&self) -> Option<ReplicationStatus> {
        if self.replica {
            return Some(ReplicationStatus::Replica);
        }
        let any = |progress| self.to.values().any(|it| *it == progress);
        match () {
            () if any(Progress::Failed) => Some(ReplicationStatus::Failed),
            () if any(Progress::Pending) => Some(ReplicationStatus::Pending),
            () if any(Progress::Completed) => Some(ReplicationStatus::Completed),
            () => None,
        }
    }

    /// Whether lifecycle rules must leave the version alone: it is not everywhere yet.
    pub fn holds(&self) -> bool {
        self.to.values().any(|progress| *progress != Progress::Completed)
    }
}

/// A version, or a delete marker, that has its place and is about to be put there: says where it
/// goes, and sends it on its way.
pub(crate) fn created(
    tx: &mut WriteTx,
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    version: &mut Version,
) -> Result<(), Error> {
    version.replication = None;
    if bucket.versioning != Versioning::Enabled || version.archive().is_some() {
        return Ok(());
    }
    let Some(replication) = kept::get::<Replication>(tx, &bucket.name)? else { return Ok(()) };
    // Markers of lifecycle rules stay where they are.
    let by_rule = matches!(ctx.principal(), Principal::Service { name, .. } if *name == LIFECYCLE);
    if version.delete_marker && by_rule {
        return Ok(());
    }
    let subject = subject(key, version, false);
    let ways: Vec<(String, String)> = replication
        .ways(&subject)
        .into_iter()
        .map(|rule| (rule.to.bucket.clone(), rule.id.clone()))
        .collect();
    if ways.is_empty() {
        return Ok(());
    }
    let to = ways.iter().map(|(to, _)| (to.clone(), Progress::Pending)).collect();
    version.replication = Some(Replicating { replica: false, to });
    for (to, rule) in ways {
        send(tx, ctx, bucket, key, version, (to, rule), false)?;
    }
    Ok(())
}

/// A version whose tags, ACL or lock have changed and that is about to be written back: what was
/// copied is changed there, too.
pub(crate) fn touched(
    tx: &mut WriteTx,
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    version: &mut Version,
) -> Result<(), Error> {
    let Some(mut replicating) = version.replication.take() else { return Ok(()) };
    let replication = kept::get::<Replication>(tx, &bucket.name)?;
    let mut ways: Vec<(String, String)> = Vec::new();
    if let Some(replication) = replication {
        for (to, progress) in &mut replicating.to {
            if let Some(rule) = replication.onward(key, to) {
                *progress = Progress::Pending;
                ways.push((to.clone(), rule.id.clone()));
            }
        }
        if replicating.replica {
            let rules = replication.ways(&subject(key, version, true)).into_iter();
            ways.extend(rules.map(|rule| (rule.to.bucket.clone(), rule.id.clone())));
        }
    }
    version.replication = Some(replicating);
    for way in ways {
        send(tx, ctx, bucket, key, version, way, true)?;
    }
    Ok(())
}

fn subject<'a>(key: &'a str, version: &'a Version, is_replica: bool) -> Subject<'a> {
    Subject {
        key,
        tags: &version.tags,
        is_marker: version.delete_marker,
        is_kms: matches!(version.sse, Some(Sse::Kms { .. })),
        is_replica,
    }
}

fn send(
    tx: &mut WriteTx,
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    version: &Version,
    (to, rule): (String, String),
    change: bool,
) -> Result<(), Error> {
    // One without an id cannot be named elsewhere.
    let Some(version_id) = version.version_id.clone() else { return Ok(()) };
    let (bucket, key) = (bucket.name.clone(), key.to_owned());
    // A bucket that cannot be reached does not hold up the others.
    let order = format!("{to}/{bucket}/{key}");
    let at_ms = ctx.now().epoch_ms;
    let way = Way { bucket, key, version_id, to, rule, change, at_ms };
    tx.emit(TOPIC, &order, &way)?;
    Ok(())
}

//! What a bucket's sub-resources do when objects come and go: called by the operations on objects,
//! inside the transaction that changes them.

use api_s3::Error;
use kernel::{Fault, Timestamp};
use store::WriteTx;

use crate::records::{Bucket, Version};

/// What happened, as event names end: `s3:ObjectCreated:Put`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    CreatedPut,
    CreatedCopy,
    CreatedComplete,
    Removed,
    MarkerCreated,
}

/// Called before a version is put under `key`: may fill what the bucket has defaults for
/// (retention), and may refuse.
pub(crate) fn before_put(
    _tx: &mut WriteTx,
    _bucket: &Bucket,
    _key: &str,
    _version: &mut Version,
    _now: Timestamp,
) -> Result<(), Error> {
    Ok(())
}

/// Called when `version` has been put, deleted for good, or was hidden by a delete marker (then it
/// is the marker). In the same commit.
pub(crate) fn happened(
    _tx: &mut WriteTx,
    _bucket: &Bucket,
    _key: &str,
    _version: &Version,
    _what: Happened,
) -> Result<(), Error> {
    Ok(())
}

/// Called before a version is deleted or overwritten for good: refuses what a lock holds.
pub(crate) fn before_removal(
    bucket: &Bucket,
    version: &Version,
    bypass_governance: bool,
    now: Timestamp,
) -> Result<(), Error> {
    if !bucket.object_lock {
        return Ok(());
    }
    let held = version.retention.as_ref().is_some_and(|retention| {
        let bypassed = bypass_governance && retention.mode == "GOVERNANCE";
        retention.until_ms > now.epoch_ms && !bypassed
    });
    match held || version.legal_hold {
        true => {
            let text = "Access Denied because object protected by object lock.";
            Err(Fault::new("AccessDenied", 403, text).into())
        }
        false => Ok(()),
    }
}

//! Versions of objects: finding, putting and deleting one, inside a transaction.
//!
//! A key's versions are ordered by [`Version::order`]. Its newest is in `s3/object`, unless it is a
//! delete marker; all others are in `s3/version`.

use api_s3::Error;
use kernel::{Ctx, Random};
use store::{ReadTx, Scan, WriteTx};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::records::{Bucket, NULLS, OBJECTS, VERSIONS, Version, Versioning};

/// Where a version is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub version: Version,
    /// Whether it is the newest of its key.
    pub latest: bool,
    /// Whether it is in [`OBJECTS`].
    pub current: bool,
}

/// The newest version of a key, delete markers included.
pub(crate) fn newest(tx: &ReadTx, bucket: &str, key: &str) -> Result<Option<Found>, Error> {
    if let Some(version) = tx.get(&OBJECTS, (bucket, key))? {
        return Ok(Some(Found { version, latest: true, current: true }));
    }
    Ok(newest_other(tx, bucket, key)?.map(|version| Found {
        version,
        latest: true,
        current: false,
    }))
}

fn newest_other(tx: &ReadTx, bucket: &str, key: &str) -> Result<Option<Version>, Error> {
    let found = tx.scan(&VERSIONS, Scan::prefix((bucket, key)).limit(1))?;
    Ok(found.into_iter().next().map(|(_, version)| version))
}

/// A version by its id as clients send it; `None` if there is no such version of the key.
pub(crate) fn by_id(
    tx: &ReadTx,
    bucket: &str,
    key: &str,
    version_id: &str,
) -> Result<Option<Found>, Error> {
    let current = tx.get(&OBJECTS, (bucket, key))?;
    if let Some(version) = current.as_ref().filter(|version| version.shown_id() == version_id) {
        let version = version.clone();
        return Ok(Some(Found { version, latest: true, current: true }));
    }
    let order = match version_id {
        "null" => tx.get(&NULLS, (bucket, key))?,
        id => order_of(id),
    };
    let Some(order) = order else { return Ok(None) };
    let found = tx.get(&VERSIONS, (bucket, key, u64::MAX - order))?;
    let Some(version) = found.filter(|version| version.shown_id() == version_id) else {
        return Ok(None);
    };
    let latest = current.is_none()
        && newest_other(tx, bucket, key)?.is_some_and(|newest| newest.order == version.order);
    Ok(Some(Found { version, latest, current: false }))
}

/// Gives a new version of a key its place: its order, and its id if the bucket keeps versions.
pub(crate) fn place(
    tx: &ReadTx,
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    version: &mut Version,
) -> Result<(), Error> {
    let newest = newest(tx, &bucket.name, key)?.map_or(0, |found| found.version.order);
    let now_us = u64::try_from(ctx.now().epoch_ms).unwrap_or(0).saturating_mul(1000);
    version.order = now_us.max(newest + 1);
    version.version_id =
        (bucket.versioning == Versioning::Enabled).then(|| version_id(version.order, ctx.random()));
    Ok(())
}

/// An id in which its version's order is, so that it is found without a search.
fn version_id(order: u64, random: &dyn Random) -> String {
    let mut bytes = [0; 24];
    random.fill(&mut bytes);
    let mask: [u8; 8] = bytes[16..].try_into().unwrap_or_default();
    let order = order ^ u64::from_be_bytes(mask);
    bytes[..8].copy_from_slice(&order.to_be_bytes());
    // A leading hyphen would look like an option on a command line.
    BASE64_URL_SAFE_NO_PAD.encode(bytes).replace('-', ".")
}

fn order_of(version_id: &str) -> Option<u64> {
    let bytes: [u8; 24] =
        BASE64_URL_SAFE_NO_PAD.decode(version_id.replace('.', "-")).ok()?.try_into().ok()?;
    let order = u64::from_be_bytes(bytes[..8].try_into().ok()?);
    Some(order ^ u64::from_be_bytes(bytes[16..].try_into().ok()?))
}

/// Makes a placed version the newest of its key. Returns the version that is gone by that, if one
/// is: what it held is to be released.
pub(crate) fn put(
    tx: &mut WriteTx,
    bucket: &Bucket,
    key: &str,
    version: &Version,
) -> Result<Option<Version>, Error> {
    let name = bucket.name.as_str();
    let mut gone = None;
    if let Some(before) = tx.get(&OBJECTS, (name, key))? {
        let replaced = version.version_id.is_none() && before.version_id.is_none();
        if replaced {
            gone = Some(before);
        } else {
            file(tx, name, key, &before)?;
        }
        tx.delete(&OBJECTS, (name, key))?;
    }
    // There is only one version "null".
    if version.version_id.is_none()
        && let Some(order) = tx.get(&NULLS, (name, key))?
    {
        gone = tx.get(&VERSIONS, (name, key, u64::MAX - order))?;
        tx.delete(&VERSIONS, (name, key, u64::MAX - order))?;
        tx.delete(&NULLS, (name, key))?;
    }
    match version.delete_marker {
        true => file(tx, name, key, version)?,
        false => tx.put(&OBJECTS, (name, key), version)?,
    }
    Ok(gone)
}

/// Puts a version among those that are not current.
fn file(tx: &mut WriteTx, name: &str, key: &str, version: &Version) -> Result<(), Error> {
    tx.put(&VERSIONS, (name, key, version.place()), version)?;
    if version.version_id.is_none() {
        tx.put(&NULLS, (name, key), &version.order)?;
    }
    Ok(())
}

/// Writes a version back that was found and changed in what does not move it (tags, retention).
pub(crate) fn rewrite(
    tx: &mut WriteTx,
    bucket: &str,
    key: &str,
    found: &Found,
) -> Result<(), Error> {
    let version = &found.version;
    match found.current {
        true => tx.put(&OBJECTS, (bucket, key), version)?,
        false => tx.put(&VERSIONS, (bucket, key, version.place()), version)?,
    }
    Ok(())
}

/// Deletes a version for good. If it was the newest, the one before it is now.
pub(crate) fn remove(
    tx: &mut WriteTx,
    bucket: &str,
    key: &str,
    found: &Found,
) -> Result<(), Error> {
    if found.current {
        tx.delete(&OBJECTS, (bucket, key))?;
    } else {
        unfile(tx, bucket, key, &found.version)?;
    }
    if found.latest
        && let Some(next) = newest_other(tx, bucket, key)?
        && !next.delete_marker
    {
        unfile(tx, bucket, key, &next)?;
        tx.put(&OBJECTS, (bucket, key), &next)?;
    }
    Ok(())
}

fn unfile(tx: &mut WriteTx, bucket: &str, key: &str, version: &Version) -> Result<(), Error> {
    tx.delete(&VERSIONS, (bucket, key, version.place()))?;
    if version.version_id.is_none() {
        tx.delete(&NULLS, (bucket, key))?;
    }
    Ok(())
}

//! Versions of objects: finding, putting and deleting one, inside a transaction.
//!
//! A key's versions are ordered by [`Version::order`]. Its newest is in `s3/object`, unless it is a
//! delete marker; all others are in `s3/version`.

use api_s3::Error;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use kernel::{Ctx, Fault, Random, Timestamp};
use shape::TimeFormat;
use store::{ReadTx, Scan, WriteTx};

use crate::hooks::{self, Happened};
use crate::records::{Bucket, MOVED, NULLS, OBJECTS, VERSIONS, Version, Versioning};
use crate::{buckets, bytes, conditions, errors};

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
    let at = |order| -> Result<Option<Version>, Error> {
        let found = tx.get(&VERSIONS, (bucket, key, u64::MAX - order))?;
        Ok(found.filter(|version| version.shown_id() == version_id))
    };
    let found = match at(order)? {
        Some(found) => Some(found),
        None => match tx.get(&MOVED, (bucket, key, version_id))? {
            Some(order) => at(order)?,
            None => None,
        },
    };
    let Some(version) = found else { return Ok(None) };
    let latest = current.is_none()
        && newest_other(tx, bucket, key)?.is_some_and(|newest| newest.order == version.order);
    Ok(Some(Found { version, latest, current: false }))
}

/// What was there of a key before a new version of it.
pub(crate) struct Before {
    /// The current version, if that is no delete marker.
    current: Option<Version>,
}

/// Gives a new version of a key its place: its order, and its id if the bucket keeps versions.
pub(crate) fn place(
    tx: &ReadTx,
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    version: &mut Version,
) -> Result<Before, Error> {
    let current = tx.get(&OBJECTS, (bucket.name.as_str(), key))?;
    let newest = match &current {
        Some(current) => current.order,
        // A bucket that never kept versions has no others.
        None if bucket.versioning == Versioning::Off => 0,
        None => newest_other(tx, &bucket.name, key)?.map_or(0, |version| version.order),
    };
    let now_us = u64::try_from(ctx.now().epoch_ms).unwrap_or(0).saturating_mul(1000);
    version.order = now_us.max(newest + 1);
    version.version_id =
        (bucket.versioning == Versioning::Enabled).then(|| version_id(version.order, ctx.random()));
    Ok(Before { current })
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
    before: Before,
) -> Result<Option<Version>, Error> {
    let name = bucket.name.as_str();
    let mut gone = None;
    if let Some(current) = before.current {
        match version.version_id.is_none() && current.version_id.is_none() {
            true => gone = Some(current),
            false => file(tx, name, key, &current)?,
        }
        if version.delete_marker {
            tx.delete(&OBJECTS, (name, key))?;
        }
    }
    // There is only one version "null".
    if version.version_id.is_none()
        && bucket.versioning != Versioning::Off
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

/// Puts a version that has its id and its order from another bucket where its order belongs.
pub(crate) fn insert(
    tx: &mut WriteTx,
    bucket: &Bucket,
    key: &str,
    version: &mut Version,
) -> Result<(), Error> {
    let name = bucket.name.as_str();
    let current = tx.get(&OBJECTS, (name, key))?;
    let order = version.order;
    let is_current = |order| current.as_ref().is_some_and(|current| current.order == order);
    while is_current(version.order) || tx.contains(&VERSIONS, (name, key, version.place()))? {
        version.order += 1;
    }
    if version.order != order {
        tx.put(&MOVED, (name, key, version.shown_id()), &version.order)?;
    }
    let newest = match &current {
        Some(current) => Some(current.order),
        None => newest_other(tx, name, key)?.map(|newest| newest.order),
    };
    if newest.is_some_and(|newest| newest > version.order) {
        return file(tx, name, key, version);
    }
    put(tx, bucket, key, version, Before { current }).map(drop)
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
    if let Some(id) = &found.version.version_id
        && order_of(id) != Some(found.version.order)
    {
        tx.delete(&MOVED, (bucket, key, id.as_str()))?;
    }
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

/// A write of an object, as its request wants it.
pub(crate) struct Write<'a> {
    pub bucket: &'a str,
    /// `x-amz-expected-bucket-owner`.
    pub owner: Option<&'a str>,
    pub key: &'a str,
    pub if_match: Option<&'a str>,
    pub if_none_match: Option<&'a str>,
    pub happened: Happened,
}

impl Write<'_> {
    /// Whether it would be done now.
    pub fn check(&self, tx: &ReadTx, ctx: &Ctx) -> Result<Bucket, Error> {
        let bucket = buckets::bucket(tx, ctx, self.bucket, self.owner)?;
        if self.if_match.is_some() || self.if_none_match.is_some() {
            let before = tx.get(&OBJECTS, (self.bucket, self.key))?;
            let (if_match, if_none_match) = (self.if_match, self.if_none_match);
            conditions::check_write(if_match, if_none_match, self.key, before.as_ref())?;
        }
        Ok(bucket)
    }

    /// Makes a version the newest of its key, with all that hangs on it. The version must have its
    /// bytes; its place, time and owner it gets here.
    pub fn publish(
        &self,
        tx: &mut WriteTx,
        ctx: &Ctx,
        mut version: Version,
    ) -> Result<Version, Error> {
        let bucket = self.check(tx, ctx)?;
        let now = ctx.now();
        let before = place(tx, ctx, &bucket, self.key, &mut version)?;
        version.modified_ms = now.epoch_ms;
        version.owner = ctx.account().to_owned();
        hooks::before_put(tx, ctx, &bucket, self.key, &mut version)?;
        if let Some(gone) = put(tx, &bucket, self.key, &version, before)? {
            hooks::before_removal(&bucket, &gone, false, now)?;
            bytes::release(tx, ctx, &gone)?;
        }
        hooks::happened(tx, ctx, &bucket, self.key, &version, self.happened)?;
        Ok(version)
    }
}

/// The version that a read names, or else the newest; delete markers are the errors they are.
pub(crate) fn wanted(
    tx: &ReadTx,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
    method: &'static str,
) -> Result<Found, Error> {
    let marked = |fault: Fault, version: &Version| {
        let mut fault = fault.with_header("x-amz-delete-marker", "true");
        if let Some(status) = version.replication.as_ref().and_then(|it| it.status()) {
            fault = fault.with_header("x-amz-replication-status", status.as_str().to_owned());
        }
        match &version.version_id {
            Some(id) => fault.with_header("x-amz-version-id", id.clone()),
            None => fault.with_header("x-amz-version-id", "null"),
        }
    };
    let Some(version_id) = version_id else {
        let found = newest(tx, bucket, key)?.ok_or_else(|| errors::no_such_key(key))?;
        return match found.version.delete_marker {
            true => Err(marked(errors::no_such_key(key), &found.version).into()),
            false => Ok(found),
        };
    };
    let found = by_id(tx, bucket, key, valid_id(version_id)?)?;
    let found = found.ok_or_else(|| errors::no_such_version(key, version_id))?;
    match found.version.delete_marker {
        true => {
            let fault = errors::method_not_allowed(method, "DeleteMarker");
            let modified = Timestamp::from_ms(found.version.modified_ms);
            let fault = marked(fault, &found.version)
                .with_header("allow", "DELETE")
                .with_header("last-modified", modified.format(TimeFormat::HttpDate));
            Err(fault.into())
        }
        false => Ok(found),
    }
}

/// A version id that may exist.
pub(crate) fn valid_id(version_id: &str) -> Result<&str, Fault> {
    match version_id == "null" || order_of(version_id).is_some() {
        true => Ok(version_id),
        false => {
            let text = "Invalid version id specified";
            Err(errors::invalid_argument("versionId", Some(version_id), text))
        }
    }
}

/// An ETag as it is sent.
pub(crate) fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

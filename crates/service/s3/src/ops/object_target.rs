//! Which version of an object a request means.

use api_s3::Error;
use store::ReadTx;

use crate::errors;
use crate::objects::{self, Found};

/// The version asked for, or else the current one. A delete marker is none.
pub(crate) fn target(
    tx: &ReadTx,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
) -> Result<Found, Error> {
    match version_id {
        None => match objects::newest(tx, bucket, key)? {
            Some(found) if !found.version.delete_marker => Ok(found),
            _ => Err(errors::no_such_key(key).into()),
        },
        Some(id) => match objects::by_id(tx, bucket, key, id)? {
            Some(found) if found.version.delete_marker => {
                Err(errors::method_not_allowed("GET", "DeleteMarker").into())
            }
            Some(found) => Ok(found),
            None => Err(errors::no_such_version(key, id).into()),
        },
    }
}

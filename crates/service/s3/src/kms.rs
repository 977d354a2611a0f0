//! SSE-KMS: an object's secret under a data key of KMS.

use api_s3::Error;
use kernel::blobs::BlobSecret;
use kernel::{Ctx, Fault};

use crate::records::Sse;
use crate::sse::Wanted;

pub(crate) async fn wrap(
    _ctx: &Ctx,
    _bucket: &str,
    _key: &str,
    _wanted: &Wanted,
    _secret: &BlobSecret,
) -> Result<Sse, Error> {
    Err(Fault::not_implemented("S3 server-side encryption with KMS keys").into())
}

pub(crate) async fn open(
    _ctx: &Ctx,
    _bucket: &str,
    _key: &str,
    _sse: &Sse,
) -> Result<BlobSecret, Error> {
    Err(Fault::not_implemented("S3 server-side encryption with KMS keys").into())
}

//! Where code comes from: the request itself, or a bucket that the caller may read.

use api_lambda::Error;
use api_s3::GetObjectRequest;
use bytes::Bytes;
use kernel::{Ctx, Fault};
use shape::Blob;

use crate::code::UNZIPPED_BYTES_MAX;
use crate::errors::invalid;

/// What a package uploaded inline may measure.
const INLINE_BYTES_MAX: usize = 50 * 1024 * 1024;

/// Where a package is.
#[derive(Default)]
pub(crate) struct Source {
    pub zip_file: Option<Blob>,
    pub bucket: Option<String>,
    pub key: Option<String>,
    pub version: Option<String>,
}

/// The package.
pub(crate) async fn package(ctx: &Ctx, source: Source) -> Result<Bytes, Error> {
    match (source.zip_file, source.bucket, source.key) {
        (Some(zip), None, None) if zip.0.len() > INLINE_BYTES_MAX => Err(Fault::new(
            "RequestEntityTooLargeException",
            413,
            format!("Zipped size must be smaller than {INLINE_BYTES_MAX} bytes"),
        )
        .into()),
        (Some(zip), None, None) => Ok(zip.0),
        (None, Some(bucket), Some(key)) => object(ctx, bucket, key, source.version).await,
        (Some(_), ..) => Err(invalid(
            "Please do not provide other FunctionCode parameters when providing a ZipFile.",
        )),
        _ => Err(invalid("Please provide a source for function code.")),
    }
}

async fn object(
    ctx: &Ctx,
    bucket: String,
    key: String,
    version_id: Option<String>,
) -> Result<Bytes, Error> {
    let request = GetObjectRequest { bucket, key, version_id, ..Default::default() };
    // With the caller's own rights.
    let s3 = ctx.via("lambda.amazonaws.com").client::<api_s3::Client>();
    let refused = |fault: Fault| match fault.status {
        500.. => Error::from(fault),
        _ => invalid(format!(
            "Error occurred while GetObject. S3 Error Code: {}. S3 Error Message: {}",
            fault.code, fault.message
        )),
    };
    let body = s3.get_object(request).await.map_err(refused)?.body.unwrap_or_default();
    let bytes_max = UNZIPPED_BYTES_MAX as usize;
    if body.length().is_some_and(|length| length > UNZIPPED_BYTES_MAX) {
        return Err(invalid(format!("Unzipped size must be smaller than {bytes_max} bytes")));
    }
    Ok(body.collect(bytes_max).await?)
}

//! `CreateMultipartUpload`, `AbortMultipartUpload`.
//!
//! ```text
//! aws s3api create-multipart-upload --bucket photos --key film.mp4
//! ```

use api_s3::{
    AbortMultipartUploadOutput, AbortMultipartUploadRequest, ChecksumType,
    CreateMultipartUploadOutput, CreateMultipartUploadRequest, Error,
};
use kernel::digest::Algorithm;
use kernel::{Ctx, Fault};

use crate::records::{UPLOADS, Upload};
use crate::sse::{self, CustomerKey, show_sse};
use crate::{S3, buckets, checksums, errors, hooks, multipart, template};

pub(crate) async fn create_multipart_upload(
    api: &S3,
    ctx: &Ctx,
    input: CreateMultipartUploadRequest,
) -> Result<CreateMultipartUploadOutput, Error> {
    let mut version = template::version!(ctx, input);
    let customer = CustomerKey::read(
        input.sse_customer_algorithm.as_deref(),
        input.sse_customer_key.as_deref(),
        input.sse_customer_key_md5.as_deref(),
    )?;
    let wanted = sse::wanted(
        input.server_side_encryption.as_ref(),
        input.ssekms_key_id.as_deref(),
        input.ssekms_encryption_context.as_deref(),
        input.bucket_key_enabled,
        customer,
    )?;
    let named = input.checksum_algorithm.as_ref();
    let named = named.and_then(|algorithm| Algorithm::named(algorithm.as_str()));
    let (algorithm, composite) = kind(named, input.checksum_type.as_ref())?;
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let wanted = ctx.store().read(|tx| -> Result<sse::Wanted, Error> {
        let bucket = buckets::bucket(tx, ctx, name, owner)?;
        version.acl = template::acl!(ctx, &bucket, input)?;
        wanted.map_or_else(|| hooks::encryption(tx, &bucket), Ok)
    })?;
    let (_, sse) = api.new_secret(ctx, name, &input.key, &wanted).await?;
    version.sse = Some(sse);
    let now_ms = ctx.now().epoch_ms;
    let upload = Upload {
        // In the order of time, as they are listed.
        id: format!("{now_ms:012x}{}", ctx.random().hex(24)),
        key: input.key.clone(),
        initiated_ms: now_ms,
        initiator: ctx.account().to_owned(),
        version,
        algorithm,
        chosen: named.is_some(),
        composite,
    };
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            buckets::bucket(tx, ctx, name, owner)?;
            Ok(tx.put(&UPLOADS, (name, input.key.as_str(), upload.id.as_str()), &upload)?)
        })
        .await?;
    let mut output = CreateMultipartUploadOutput {
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        upload_id: Some(upload.id),
        checksum_algorithm: named.map(checksums::api),
        checksum_type: named.map(|_| checksums::kind(composite)),
        ..CreateMultipartUploadOutput::default()
    };
    show_sse!(output, &upload.version.sse);
    Ok(output)
}

/// The algorithm of an upload's checksum, and whether that is of the parts' checksums.
fn kind(named: Option<Algorithm>, kind: Option<&ChecksumType>) -> Result<(Algorithm, bool), Fault> {
    let Some(algorithm) = named else {
        return match kind {
            None => Ok((Algorithm::Crc64Nvme, false)),
            Some(_) => Err(errors::invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm \
                 header.",
            )),
        };
    };
    let (may_be_full, may_be_composite) = match algorithm {
        Algorithm::Crc32 | Algorithm::Crc32c => (true, true),
        Algorithm::Crc64Nvme => (true, false),
        _ => (false, true),
    };
    let composite = match kind {
        None => may_be_composite,
        Some(kind) => *kind == ChecksumType::Composite,
    };
    match if composite { may_be_composite } else { may_be_full } {
        true => Ok((algorithm, composite)),
        false => {
            let kind = checksums::kind(composite);
            let name = algorithm.name().to_ascii_lowercase();
            Err(errors::invalid_request(format!(
                "The {kind} checksum type cannot be used with the {name} checksum algorithm."
            )))
        }
    }
}

pub(crate) async fn abort_multipart_upload(
    _: &S3,
    ctx: &Ctx,
    input: AbortMultipartUploadRequest,
) -> Result<AbortMultipartUploadOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let (key, id) = (input.key.as_str(), input.upload_id.as_str());
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            buckets::bucket(tx, ctx, name, owner)?;
            let upload = multipart::upload(tx, name, key, id)?;
            let seconds = |ms: i64| ms.div_euclid(1000);
            let other =
                |at: kernel::Timestamp| seconds(at.epoch_ms) != seconds(upload.initiated_ms);
            if input.if_match_initiated_time.is_some_and(other) {
                let condition = "x-amz-if-match-initiated-time";
                return Err(errors::precondition_failed(condition).into());
            }
            multipart::forget(tx, ctx, name, key, id, &[])
        })
        .await?;
    Ok(AbortMultipartUploadOutput::default())
}

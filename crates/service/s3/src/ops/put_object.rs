//! `PutObject`.
//!
//! ```text
//! aws s3api put-object --bucket photos --key a.jpg --body a.jpg
//! {"ETag": "\"900150983cd24fb0d6963f7d28e17f72\"", "ChecksumCRC64NVME": "…", …}
//! ```

use api_s3::{Error, PutObjectOutput, PutObjectRequest};
use kernel::digest::Algorithm;
use kernel::{Ctx, Fault};

use crate::checksums::{self, Expected};
use crate::hooks::Happened;
use crate::objects::{self, Write};
use crate::receive::receive;
use crate::records::{Data, Sse};
use crate::sse::{self, CustomerKey, show_sse};
use crate::{S3, hooks, sweep, template};

pub(crate) async fn put_object(
    api: &S3,
    ctx: &Ctx,
    mut input: PutObjectRequest,
) -> Result<PutObjectOutput, Error> {
    if input.write_offset_bytes.is_some() {
        return Err(Fault::not_implemented("S3 appends (x-amz-write-offset-bytes)").into());
    }
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
    let expected = Expected::read(
        input.content_md5.as_deref(),
        input.checksum_algorithm.as_ref(),
        &checksums::given!(input),
    )?;
    let body = input.body.take().unwrap_or_default();
    let write = Write {
        bucket: &input.bucket,
        owner: input.expected_bucket_owner.as_deref(),
        key: &input.key,
        if_match: input.if_match.as_deref(),
        if_none_match: input.if_none_match.as_deref(),
        happened: Happened::CreatedPut,
    };
    // What is refused anyway is refused before a gigabyte has come.
    let wanted = ctx.store().read(|tx| -> Result<sse::Wanted, Error> {
        let bucket = write.check(tx, ctx)?;
        version.acl = template::acl!(ctx, &bucket, input)?;
        match wanted {
            Some(wanted) => Ok(wanted),
            None => hooks::encryption(tx, &bucket),
        }
    })?;
    let (secret, sse) = api.new_secret(ctx, &input.bucket, &input.key, &wanted).await?;
    let received = receive(ctx, body, &secret, expected, Algorithm::Crc64Nvme).await?;
    version.size = received.size();
    version.etag = etag(ctx, &sse, &received.md5);
    version.checksum = Some(received.checksum.clone());
    version.sse = Some(sse);
    let written = received.written;
    let version = written
        .commit(ctx.store(), |tx, blob| {
            let mut version = version.clone();
            version.data = Data::One(blob.clone());
            write.publish(tx, ctx, version)
        })
        .await?;
    let mut output = PutObjectOutput {
        e_tag: Some(objects::quoted(&version.etag)),
        version_id: version.version_id.clone(),
        expiration: sweep::expiration(ctx, &input.bucket, &input.key, &version),
        ..PutObjectOutput::default()
    };
    if let Some(checksum) = version.checksum {
        output.checksum_type = Some(checksum.kind());
        checksums::show!(output, checksum.algorithm, checksum.value);
    }
    show_sse!(output, &version.sse);
    Ok(output)
}

/// An ETag is the MD5 of the bytes unless a key that is not S3's encrypts them.
pub(crate) fn etag(ctx: &Ctx, sse: &Sse, md5: &str) -> String {
    match sse.etag_is_md5() {
        true => md5.to_owned(),
        false => ctx.random().hex(16),
    }
}

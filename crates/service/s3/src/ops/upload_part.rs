//! `UploadPart`, `UploadPartCopy`.
//!
//! ```text
//! aws s3api upload-part --bucket photos --key film.mp4 --part-number 1 --upload-id … --body p1
//! ```

use api_s3::{
    CopyPartResult, Error, UploadPartCopyOutput, UploadPartCopyRequest, UploadPartOutput,
    UploadPartRequest,
};
use kernel::{Ctx, Timestamp};
use shape::ByteStream;

use super::copy_object::source;
use super::get_object::open;
use crate::checksums::{self, Expected};
use crate::conditions::Conditions;
use crate::look::Query;
use crate::receive::receive;
use crate::records::{Checksum, UPLOADED, Upload, UploadedPart};
use crate::sse::{CustomerKey, show_sse};
use crate::{S3, buckets, errors, multipart, objects, range};

/// Which part of which upload.
struct Target<'a> {
    bucket: &'a str,
    owner: Option<&'a str>,
    key: &'a str,
    upload_id: &'a str,
    number: u32,
    customer: Option<CustomerKey>,
}

impl Target<'_> {
    fn upload(&self, ctx: &Ctx) -> Result<Upload, Error> {
        ctx.store().read(|tx| {
            buckets::bucket(tx, ctx, self.bucket, self.owner)?;
            multipart::upload(tx, self.bucket, self.key, self.upload_id)
        })
    }

    /// Takes a part in and makes it one of the upload's.
    async fn receive(
        &self,
        api: &S3,
        ctx: &Ctx,
        upload: &Upload,
        body: ByteStream,
        expected: Expected,
    ) -> Result<(UploadedPart, Checksum), Error> {
        let sse = upload.version.sse.as_ref();
        let secret = api.secret(ctx, sse, self.customer.as_ref()).await?;
        let received = receive(ctx, body, &secret, expected, upload.algorithm).await?;
        let is_md5 = sse.is_some_and(|sse| sse.etag_is_md5());
        let part = UploadedPart {
            blob: received.written.blob().clone(),
            etag: if is_md5 { received.md5.clone() } else { ctx.random().hex(16) },
            md5: received.md5,
            modified_ms: ctx.now().epoch_ms,
            checksum: checksums::encode(received.written.digest(upload.algorithm)),
        };
        let place = (self.upload_id, u64::from(self.number));
        received
            .written
            .commit(ctx.store(), |tx, _| -> Result<(), Error> {
                buckets::bucket(tx, ctx, self.bucket, self.owner)?;
                multipart::upload(tx, self.bucket, self.key, self.upload_id)?;
                if let Some(before) = tx.get(&UPLOADED, place)? {
                    ctx.kernel().blobs().release(tx, &before.blob)?;
                }
                Ok(tx.put(&UPLOADED, place, &part)?)
            })
            .await?;
        Ok((part, received.checksum))
    }
}

pub(crate) async fn upload_part(
    api: &S3,
    ctx: &Ctx,
    mut input: UploadPartRequest,
) -> Result<UploadPartOutput, Error> {
    let expected = Expected::read(
        input.content_md5.as_deref(),
        input.checksum_algorithm.as_ref(),
        &checksums::given!(input),
    )?;
    let body = input.body.take().unwrap_or_default();
    let target = Target {
        bucket: &input.bucket,
        owner: input.expected_bucket_owner.as_deref(),
        key: &input.key,
        upload_id: &input.upload_id,
        number: multipart::number(input.part_number)?,
        customer: CustomerKey::read(
            input.sse_customer_algorithm.as_deref(),
            input.sse_customer_key.as_deref(),
            input.sse_customer_key_md5.as_deref(),
        )?,
    };
    let upload = target.upload(ctx)?;
    if let Some(algorithm) = expected.algorithm
        && upload.chosen
        && algorithm != upload.algorithm
    {
        let text = format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            upload.algorithm.name().to_ascii_lowercase(),
            algorithm.name().to_ascii_lowercase()
        );
        return Err(errors::invalid_request(text).into());
    }
    let (part, checksum) = target.receive(api, ctx, &upload, body, expected).await?;
    let mut output = UploadPartOutput {
        e_tag: Some(objects::quoted(&part.etag)),
        ..UploadPartOutput::default()
    };
    checksums::show!(output, checksum.algorithm, checksum.value);
    show_sse!(output, &upload.version.sse);
    Ok(output)
}

pub(crate) async fn upload_part_copy(
    api: &S3,
    ctx: &Ctx,
    input: UploadPartCopyRequest,
) -> Result<UploadPartCopyOutput, Error> {
    let target = Target {
        bucket: &input.bucket,
        owner: input.expected_bucket_owner.as_deref(),
        key: &input.key,
        upload_id: &input.upload_id,
        number: multipart::number(input.part_number)?,
        customer: CustomerKey::read(
            input.sse_customer_algorithm.as_deref(),
            input.sse_customer_key.as_deref(),
            input.sse_customer_key_md5.as_deref(),
        )?,
    };
    let upload = target.upload(ctx)?;
    let from = source(&input.copy_source)?;
    from.authorize(ctx, "UploadPartCopy")?;
    let customer = CustomerKey::read(
        input.copy_source_sse_customer_algorithm.as_deref(),
        input.copy_source_sse_customer_key.as_deref(),
        input.copy_source_sse_customer_key_md5.as_deref(),
    )?;
    let conditions = Conditions {
        if_match: input.copy_source_if_match.as_deref(),
        if_none_match: input.copy_source_if_none_match.as_deref(),
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    let query = Query {
        method: "GET",
        bucket: &from.bucket,
        owner: input.expected_source_bucket_owner.as_deref(),
        key: &from.key,
        version_id: from.version_id.as_deref(),
        ..Query::default()
    };
    // Judged strictly first: a read would ignore a range that is none.
    let size = ctx.store().read(|tx| -> Result<u64, Error> {
        let look = from.look(tx, ctx, &query, "UploadPartCopy")?;
        conditions.hold_of_source(&look.version)?;
        Ok(look.version.size)
    })?;
    let range = range::of_copy(input.copy_source_range.as_deref(), size)?;
    let header = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
    let query = Query { range: (!range.is_empty()).then_some(header.as_str()), ..query };
    let (look, body) = open(api, ctx, &query, customer.as_ref()).await?;
    conditions.hold_of_source(&look.version)?;
    let (part, _) = target.receive(api, ctx, &upload, body, Expected::default()).await?;
    let mut result = CopyPartResult {
        e_tag: Some(objects::quoted(&part.etag)),
        last_modified: Some(Timestamp::from_ms(part.modified_ms)),
        ..CopyPartResult::default()
    };
    if upload.chosen {
        checksums::show!(result, upload.algorithm, part.checksum);
    }
    let mut output = UploadPartCopyOutput {
        copy_source_version_id: look.versioned.then(|| look.version.shown_id().to_owned()),
        copy_part_result: Some(result),
        ..UploadPartCopyOutput::default()
    };
    show_sse!(output, &upload.version.sse);
    Ok(output)
}

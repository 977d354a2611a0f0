//! `GetObjectAttributes`.
//!
//! ```text
//! aws s3api get-object-attributes --bucket photos --key a.jpg --object-attributes ETag ObjectSize
//! ```

use api_s3::{
    Checksum as ShownChecksum, Error, GetObjectAttributesOutput, GetObjectAttributesParts,
    GetObjectAttributesRequest, ObjectAttributes, ObjectPart, StorageClass,
};
use kernel::{Ctx, Timestamp};

use crate::look::{Look, Query, hide, look};
use crate::records::Data;
use crate::sse::CustomerKey;
use crate::{S3, checksums, list, template};

pub(crate) async fn get_object_attributes(
    api: &S3,
    ctx: &Ctx,
    input: GetObjectAttributesRequest,
) -> Result<GetObjectAttributesOutput, Error> {
    template::check_key(&input.key)?;
    let query = Query {
        method: "GET",
        bucket: &input.bucket,
        owner: input.expected_bucket_owner.as_deref(),
        key: &input.key,
        version_id: input.version_id.as_deref(),
        ..Query::default()
    };
    let customer = CustomerKey::read(
        input.sse_customer_algorithm.as_deref(),
        input.sse_customer_key.as_deref(),
        input.sse_customer_key_md5.as_deref(),
    )?;
    let look = ctx.store().read(|tx| look(tx, ctx, &query));
    let look = look.map_err(|error| hide(ctx, query.bucket, "GetObjectAttributes", error))?;
    look.secret(api, ctx, customer.as_ref()).await?;
    let version = &look.version;
    let wants = |attribute| input.object_attributes.contains(&attribute);
    let mut output = GetObjectAttributesOutput {
        last_modified: Some(Timestamp::from_ms(version.modified_ms.div_euclid(1000) * 1000)),
        version_id: look.versioned.then(|| version.shown_id().to_owned()),
        e_tag: wants(ObjectAttributes::ETag).then(|| version.etag.clone()),
        storage_class: wants(ObjectAttributes::StorageClass)
            .then(|| StorageClass::from(version.storage_class.as_deref().unwrap_or("STANDARD"))),
        object_size: i64::try_from(version.size)
            .ok()
            .filter(|_| wants(ObjectAttributes::ObjectSize)),
        ..GetObjectAttributesOutput::default()
    };
    if let Some(checksum) = version.checksum.clone().filter(|_| wants(ObjectAttributes::Checksum)) {
        let mut shown =
            ShownChecksum { checksum_type: Some(checksum.kind()), ..ShownChecksum::default() };
        // Here the number of parts is said elsewhere.
        let value = checksum.value.split('-').next().unwrap_or_default().to_owned();
        checksums::show!(shown, checksum.algorithm, value);
        output.checksum = Some(shown);
    }
    if wants(ObjectAttributes::ObjectParts)
        && let Data::Parts { count, .. } = version.data
    {
        let max = list::max("max-parts", input.max_parts)?;
        let marker = input.part_number_marker.unwrap_or(0);
        output.object_parts = Some(parts(&look, count, max, marker));
    }
    Ok(output)
}

fn parts(look: &Look, count: u32, max: usize, marker: i32) -> GetObjectAttributesParts {
    let algorithm = look.version.checksum.as_ref().map(|checksum| checksum.algorithm);
    let behind = usize::try_from(marker).unwrap_or(0);
    let mut shown = Vec::new();
    for (index, part) in look.parts.iter().enumerate().skip(behind).take(max) {
        let mut entry = ObjectPart {
            part_number: i32::try_from(index + 1).ok(),
            size: i64::try_from(part.blob.size).ok(),
            ..ObjectPart::default()
        };
        if let Some((algorithm, value)) = algorithm.zip(part.checksum.clone()) {
            checksums::show!(entry, algorithm, value);
        }
        shown.push(entry);
    }
    let with_sums = look.parts.iter().any(|part| part.checksum.is_some());
    let last = shown.last().and_then(|part| part.part_number).unwrap_or(marker);
    GetObjectAttributesParts {
        total_parts_count: i32::try_from(count).ok(),
        part_number_marker: Some(marker),
        next_part_number_marker: Some(last),
        max_parts: Some(max as i32),
        is_truncated: Some(behind + shown.len() < look.parts.len()),
        // Parts are only told apart where each has a checksum.
        parts: with_sums.then_some(shown),
    }
}

//! `CompleteMultipartUpload`: parts become an object, by reference.
//!
//! ```text
//! aws s3api complete-multipart-upload --bucket photos --key film.mp4 --upload-id … \
//!     --multipart-upload 'Parts=[{PartNumber=1,ETag=…}]'
//! ```

use api_s3::{CompleteMultipartUploadOutput, CompleteMultipartUploadRequest, CompletedPart, Error};
use kernel::{Ctx, Fault};
use store::WriteTx;

use crate::hooks::Happened;
use crate::objects::{self, Write};
use crate::records::{Data, ObjectPart, PARTS, Upload, UploadedPart, Version};
use crate::sse::show_sse;
use crate::{S3, buckets, checksums, errors, multipart};

pub(crate) async fn complete_multipart_upload(
    _: &S3,
    ctx: &Ctx,
    input: CompleteMultipartUploadRequest,
) -> Result<CompleteMultipartUploadOutput, Error> {
    let listed = input.multipart_upload.as_ref().and_then(|upload| upload.parts.as_deref());
    let listed = listed.filter(|parts| !parts.is_empty()).ok_or_else(errors::malformed_xml)?;
    check_order(listed)?;
    let expected = checksums::given!(input);
    let version = ctx.store().write(|tx| complete(tx, ctx, &input, listed, &expected)).await?;
    let mut output = CompleteMultipartUploadOutput {
        location: Some(format!("http://{}.s3.amazonaws.com/{}", input.bucket, input.key)),
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        e_tag: Some(objects::quoted(&version.etag)),
        version_id: version.version_id.clone(),
        ..CompleteMultipartUploadOutput::default()
    };
    if let Some(checksum) = version.checksum {
        output.checksum_type = Some(checksum.kind());
        checksums::show!(output, checksum.algorithm, checksum.value);
    }
    // This answer has no members for a client's own key.
    if let Some(sse) =
        version.sse.filter(|sse| !matches!(sse, crate::records::Sse::Customer { .. }))
    {
        let mut shown = api_s3::PutObjectOutput::default();
        show_sse!(shown, &Some(sse));
        output.server_side_encryption = shown.server_side_encryption;
        output.ssekms_key_id = shown.ssekms_key_id;
        output.bucket_key_enabled = shown.bucket_key_enabled;
    }
    Ok(output)
}

fn check_order(listed: &[CompletedPart]) -> Result<(), Fault> {
    let numbers: Vec<i32> = listed.iter().map(|part| part.part_number.unwrap_or(0)).collect();
    if numbers.windows(2).any(|pair| pair[0] >= pair[1]) {
        let text = "The list of parts was not in ascending order. The parts list must be specified \
                    in order by part number.";
        return Err(Fault::sender("InvalidPartOrder", text));
    }
    Ok(())
}

type Given<'a> = [(kernel::digest::Algorithm, Option<&'a str>)];

fn complete(
    tx: &mut WriteTx,
    ctx: &Ctx,
    input: &CompleteMultipartUploadRequest,
    listed: &[CompletedPart],
    given: &Given<'_>,
) -> Result<Version, Error> {
    let (name, key, id) = (input.bucket.as_str(), input.key.as_str(), input.upload_id.as_str());
    buckets::bucket(tx, ctx, name, input.expected_bucket_owner.as_deref())?;
    let upload = multipart::upload(tx, name, key, id)?;
    let uploaded = multipart::parts(tx, id)?;
    let chosen = choose(&upload, &uploaded, listed)?;
    let parts: Vec<&UploadedPart> = chosen.iter().map(|(_, part)| *part).collect();
    let mut version = upload.version.clone();
    version.size = parts.iter().map(|part| part.blob.size).sum();
    if let Some(size) = input.mpu_object_size
        && u64::try_from(size) != Ok(version.size)
    {
        let text = format!(
            "The provided 'x-amz-mp-object-size' header value {size} does not match what was \
             computed: {}",
            version.size
        );
        return Err(errors::invalid_request(text).into());
    }
    let is_md5 = version.sse.as_ref().is_some_and(|sse| sse.etag_is_md5());
    version.etag = match is_md5 {
        true => multipart::etag(&parts),
        false => format!("{}-{}", ctx.random().hex(16), parts.len()),
    };
    version.checksum = multipart::checksum(&upload, &parts);
    check_sum(&version, given)?;
    let with_sums = upload.chosen || upload.composite;
    let kept = chosen.iter().map(|(number, part)| ObjectPart {
        number: *number,
        blob: part.blob.clone(),
        checksum: with_sums.then(|| part.checksum.clone()),
    });
    let kept: Vec<ObjectPart> = kept.collect();
    let data_id = ctx.random().hex(16);
    tx.put(&PARTS, data_id.as_str(), &kept)?;
    version.data = Data::Parts { id: data_id, count: kept.len() as u32 };
    let numbers: Vec<u32> = kept.iter().map(|part| part.number).collect();
    multipart::forget(tx, ctx, name, key, id, &numbers)?;
    let write = Write {
        bucket: name,
        owner: input.expected_bucket_owner.as_deref(),
        key,
        if_match: input.if_match.as_deref(),
        if_none_match: input.if_none_match.as_deref(),
        happened: Happened::CreatedComplete,
    };
    write.publish(tx, ctx, version)
}

/// The parts that the request lists, if they are as it says.
fn choose<'a>(
    upload: &Upload,
    uploaded: &'a [(u32, UploadedPart)],
    listed: &[CompletedPart],
) -> Result<Vec<(u32, &'a UploadedPart)>, Fault> {
    let mut chosen = Vec::with_capacity(listed.len());
    for (index, wanted) in listed.iter().enumerate() {
        let number = wanted.part_number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        let etag = wanted.e_tag.as_deref().unwrap_or_default().trim_matches('"');
        let found = uploaded.binary_search_by_key(&number, |(number, _)| *number).ok();
        let part = found.map(|at| &uploaded[at].1).filter(|part| part.etag == etag);
        let part = part.ok_or_else(|| invalid_part(&upload.id, number, etag))?;
        check_part_sum(upload, wanted, part, number, etag)?;
        if index + 1 < listed.len() && part.blob.size < multipart::PART_BYTES_MIN {
            let text = "Your proposed upload is smaller than the minimum allowed size";
            return Err(Fault::sender("EntityTooSmall", text)
                .with("ProposedSize", part.blob.size.to_string())
                .with("MinSizeAllowed", multipart::PART_BYTES_MIN.to_string())
                .with("PartNumber", number.to_string())
                .with("ETag", etag));
        }
        chosen.push((number, part));
    }
    Ok(chosen)
}

fn invalid_part(upload_id: &str, number: u32, etag: &str) -> Fault {
    let text = "One or more of the specified parts could not be found.  The part may not have been \
                uploaded, or the specified entity tag may not match the part's entity tag.";
    Fault::sender("InvalidPart", text)
        .with("UploadId", upload_id)
        .with("PartNumber", number.to_string())
        .with("ETag", etag)
}

/// What the list says of a part's checksum; it must say it of composite ones.
fn check_part_sum(
    upload: &Upload,
    wanted: &CompletedPart,
    part: &UploadedPart,
    number: u32,
    etag: &str,
) -> Result<(), Fault> {
    let given = checksums::given!(wanted);
    let given = given.iter().find_map(|(algorithm, text)| Some((*algorithm, (*text)?)));
    match given {
        Some((algorithm, text)) if algorithm == upload.algorithm => match text == part.checksum {
            true => Ok(()),
            false => Err(invalid_part(&upload.id, number, etag)),
        },
        Some((algorithm, _)) if upload.chosen => Err(errors::invalid_request(format!(
            "The upload was created using a {} checksum. The complete request must include the \
             checksum for each part. It was {} for part {number} in the request.",
            upload.algorithm.name().to_ascii_lowercase(),
            algorithm.name().to_ascii_lowercase(),
        ))),
        None if upload.chosen && upload.composite => Err(errors::invalid_request(format!(
            "The upload was created using a {} checksum. The complete request must include the \
             checksum for each part. It was missing for part {number} in the request.",
            upload.algorithm.name().to_ascii_lowercase(),
        ))),
        _ => Ok(()),
    }
}

/// What the request says of the whole object's checksum.
fn check_sum(version: &Version, given: &Given<'_>) -> Result<(), Fault> {
    let given = given.iter().find_map(|(algorithm, text)| Some((*algorithm, (*text)?)));
    let Some((algorithm, text)) = given else { return Ok(()) };
    let Some(checksum) = &version.checksum else { return Ok(()) };
    // A composite one may come without the number of parts.
    let plain = checksum.value.split('-').next().unwrap_or_default();
    let same = checksum.value == text || (checksum.composite && plain == text);
    match algorithm == checksum.algorithm && same {
        true => Ok(()),
        false => Err(errors::bad_checksum(algorithm)),
    }
}

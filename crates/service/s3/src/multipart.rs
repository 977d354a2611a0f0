//! Uploads in parts: their records, and what an object of parts sums up to.

use api_s3::Error;
use kernel::Ctx;
use kernel::digest::{Algorithm, Digests, hex};
use store::{ReadTx, Scan, WriteTx};

use crate::records::{Checksum, UPLOADED, UPLOADS, Upload, UploadedPart};
use crate::{checksums, errors};

/// Least bytes of a part that is not the last one.
pub(crate) const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;
/// Parts are numbered from 1 to this.
pub(crate) const PARTS_MAX: i32 = 10_000;

/// The upload of a request.
pub(crate) fn upload(
    tx: &ReadTx,
    bucket: &str,
    key: &str,
    upload_id: &str,
) -> Result<Upload, Error> {
    let found = tx.get(&UPLOADS, (bucket, key, upload_id))?;
    Ok(found.ok_or_else(|| errors::no_such_upload(upload_id))?)
}

/// Its parts by number.
pub(crate) fn parts(tx: &ReadTx, upload_id: &str) -> Result<Vec<(u32, UploadedPart)>, Error> {
    let found = tx.scan(&UPLOADED, Scan::prefix(upload_id))?;
    let number = |key: store::Key| match key.parts()?.into_iter().nth(1)? {
        store::Part::U64(number) => u32::try_from(number).ok(),
        _ => None,
    };
    Ok(found.into_iter().filter_map(|(key, part)| Some((number(key)?, part))).collect())
}

/// Forgets an upload and those of its parts that `keep` does not name.
pub(crate) fn forget(
    tx: &mut WriteTx,
    ctx: &Ctx,
    bucket: &str,
    key: &str,
    upload_id: &str,
    keep: &[u32],
) -> Result<(), Error> {
    for (number, part) in parts(tx, upload_id)? {
        if keep.binary_search(&number).is_err() {
            ctx.kernel().blobs().release(tx, &part.blob)?;
        }
        tx.delete(&UPLOADED, (upload_id, u64::from(number)))?;
    }
    Ok(tx.delete(&UPLOADS, (bucket, key, upload_id))?)
}

/// A part number of a request.
pub(crate) fn number(given: i32) -> Result<u32, Error> {
    match given {
        1..=PARTS_MAX => Ok(given as u32),
        _ => {
            let text = "Part number must be an integer between 1 and 10000, inclusive";
            let value = given.to_string();
            Err(errors::invalid_argument("partNumber", Some(&value), text).into())
        }
    }
}

/// The ETag of an object of parts: MD5 of their MD5s, and how many.
pub(crate) fn etag(parts: &[&UploadedPart]) -> String {
    let mut digests = Digests::new([Algorithm::Md5]);
    for part in parts {
        let byte =
            |at: usize| part.md5.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let md5: Vec<u8> = (0..part.md5.len()).step_by(2).filter_map(byte).collect();
        digests.update(&md5);
    }
    format!("{}-{}", hex(&digests.finish()[0].1), parts.len())
}

/// The checksum of an object of parts: of their checksums, or of all bytes.
pub(crate) fn checksum(upload: &Upload, parts: &[&UploadedPart]) -> Option<Checksum> {
    let algorithm = upload.algorithm;
    let decode = |part: &UploadedPart| checksums::decode(algorithm, &part.checksum);
    if upload.composite {
        let mut digests = Digests::new([algorithm]);
        for part in parts {
            digests.update(&decode(part)?);
        }
        let value = checksums::encode(&digests.finish()[0].1);
        return Some(Checksum {
            algorithm,
            value: format!("{value}-{}", parts.len()),
            composite: true,
        });
    }
    let (first, rest) = parts.split_first()?;
    let mut sum = decode(first)?;
    for part in rest {
        sum = algorithm.combine(&sum, &decode(part)?, part.blob.size)?;
    }
    Some(Checksum::full(algorithm, &sum))
}

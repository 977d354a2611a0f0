//! Bytes of a request on their way into a blob: digested, compared with what was said of them.

use api_s3::Error;
use kernel::Ctx;
use kernel::blobs::{BlobError, BlobSecret, Written};
use kernel::digest::{Algorithm, hex};
use shape::ByteStream;

use crate::checksums::{self, Expected};
use crate::errors;
use crate::records::Checksum;

/// What came: on disk, right in everything that was said of it, and nobody's yet.
pub(crate) struct Received {
    pub written: Written,
    /// MD5, hexadecimal.
    pub md5: String,
    /// By the algorithm that was named, or the one wanted.
    pub checksum: Checksum,
}

impl Received {
    pub fn size(&self) -> u64 {
        self.written.blob().size
    }
}

/// Takes a body in. `wanted` is the algorithm of the checksum where the request names none, `must`
/// one that is computed as well (an upload's own).
pub(crate) async fn receive(
    ctx: &Ctx,
    body: ByteStream,
    secret: &BlobSecret,
    mut expected: Expected,
    wanted: Algorithm,
) -> Result<Received, Error> {
    let length = body.length();
    let read_twice = || kernel::Fault::internal("a body was read a second time");
    let mut pieces = body.take().ok_or_else(read_twice)?;
    let mut trailing = None;
    if let Some(name) = pieces.announced().iter().find(|name| name.starts_with("x-amz-checksum-")) {
        let algorithm = checksums::of_header(name).ok_or_else(|| {
            errors::invalid_request(
                "The value specified in the x-amz-trailer header is not supported",
            )
        })?;
        if expected.checksum.is_some() {
            return Err(errors::invalid_request(
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            )
            .into());
        }
        trailing = Some(algorithm);
        expected.algorithm = Some(algorithm);
    }
    let algorithm = expected.algorithm.unwrap_or(wanted);
    let blobs = ctx.kernel().blobs();
    let mut writer = blobs.writer(ctx.random(), secret, [Algorithm::Md5, algorithm, wanted]);
    while let Some(piece) = pieces.next().await {
        writer.write(&piece?).await.map_err(fault)?;
    }
    if length.is_some_and(|length| length != writer.size()) {
        return Err(errors::incomplete_body().into());
    }
    let written = writer.finish().await.map_err(fault)?;
    if let Some(algorithm) = trailing {
        let trailers = pieces.trailers();
        let given = trailers.iter().find(|(name, _)| checksums::of_header(name) == Some(algorithm));
        let (_, text) = given.ok_or_else(errors::malformed_trailer)?;
        let value = checksums::decode(algorithm, text);
        expected.checksum = Some((algorithm, value.ok_or_else(errors::malformed_trailer)?));
    }
    compare(&expected, &written)?;
    let md5 = hex(written.digest(Algorithm::Md5));
    let checksum = Checksum::full(algorithm, written.digest(algorithm));
    Ok(Received { written, md5, checksum })
}

fn compare(expected: &Expected, written: &Written) -> Result<(), Error> {
    if let Some(md5) = &expected.md5
        && md5 != written.digest(Algorithm::Md5)
    {
        let calculated = checksums::encode(written.digest(Algorithm::Md5));
        return Err(errors::bad_md5(&hex(md5), &calculated).into());
    }
    match &expected.checksum {
        Some((algorithm, value)) if value != written.digest(*algorithm) => {
            Err(errors::bad_checksum(*algorithm).into())
        }
        _ => Ok(()),
    }
}

/// A blob's failure as an error of the service.
pub(crate) fn fault(error: BlobError) -> Error {
    kernel::Fault::from(error).into()
}

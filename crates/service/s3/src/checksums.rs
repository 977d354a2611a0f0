//! `x-amz-checksum-*` of requests and answers.

use api_s3::{ChecksumAlgorithm, ChecksumType};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kernel::Fault;
use kernel::digest::Algorithm;

use crate::errors;
use crate::records::Checksum;

/// The checksums that a request (or one of its structures) gives, as they are.
macro_rules! given {
    ($input:expr) => {{
        use kernel::digest::Algorithm;
        [
            (Algorithm::Crc32, $input.checksum_crc32.as_deref()),
            (Algorithm::Crc32c, $input.checksum_crc32_c.as_deref()),
            (Algorithm::Crc64Nvme, $input.checksum_crc64_nvme.as_deref()),
            (Algorithm::Sha1, $input.checksum_sha1.as_deref()),
            (Algorithm::Sha256, $input.checksum_sha256.as_deref()),
            (Algorithm::Sha512, $input.checksum_sha512.as_deref()),
            (Algorithm::Md5, $input.checksum_md5.as_deref()),
            (Algorithm::XxHash64, $input.checksum_xxhash64.as_deref()),
            (Algorithm::XxHash3, $input.checksum_xxhash3.as_deref()),
            (Algorithm::XxHash128, $input.checksum_xxhash128.as_deref()),
        ]
    }};
}

/// Puts a checksum's value into the member of its algorithm.
macro_rules! show {
    ($output:expr, $algorithm:expr, $value:expr) => {{
        use kernel::digest::Algorithm;
        let slot = match $algorithm {
            Algorithm::Crc32 => &mut $output.checksum_crc32,
            Algorithm::Crc32c => &mut $output.checksum_crc32_c,
            Algorithm::Crc64Nvme => &mut $output.checksum_crc64_nvme,
            Algorithm::Sha1 => &mut $output.checksum_sha1,
            Algorithm::Sha256 => &mut $output.checksum_sha256,
            Algorithm::Sha512 => &mut $output.checksum_sha512,
            Algorithm::Md5 => &mut $output.checksum_md5,
            Algorithm::XxHash64 => &mut $output.checksum_xxhash64,
            Algorithm::XxHash3 => &mut $output.checksum_xxhash3,
            Algorithm::XxHash128 => &mut $output.checksum_xxhash128,
        };
        *slot = Some($value);
    }};
}

pub(crate) use {given, show};

/// What a request says of the bytes it brings.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Expected {
    /// `Content-MD5`.
    pub md5: Option<Vec<u8>>,
    /// The one `x-amz-checksum-*` that was given.
    pub checksum: Option<(Algorithm, Vec<u8>)>,
    /// The algorithm that was named, or whose checksum was given.
    pub algorithm: Option<Algorithm>,
}

impl Expected {
    /// Reads it from a request's members.
    pub fn read(
        content_md5: Option<&str>,
        named: Option<&ChecksumAlgorithm>,
        given: &[(Algorithm, Option<&str>)],
    ) -> Result<Self, Fault> {
        let md5 = match content_md5 {
            None => None,
            Some(text) => {
                let bytes = BASE64_STANDARD.decode(text).ok().filter(|bytes| bytes.len() == 16);
                Some(bytes.ok_or_else(errors::invalid_digest)?)
            }
        };
        let checksum = only(given)?;
        let named = named.and_then(|named| Algorithm::named(named.as_str()));
        let algorithm = match (&checksum, named) {
            (Some((given, _)), Some(named)) if *given != named => {
                return Err(errors::invalid_request(
                    "Value for x-amz-sdk-checksum-algorithm header is invalid.",
                ));
            }
            (Some((given, _)), _) => Some(*given),
            (None, named) => named,
        };
        Ok(Expected { md5, checksum, algorithm })
    }
}

/// The one checksum that is given, decoded.
pub(crate) fn only(
    given: &[(Algorithm, Option<&str>)],
) -> Result<Option<(Algorithm, Vec<u8>)>, Fault> {
    let mut given = given.iter().filter_map(|(algorithm, text)| Some((*algorithm, (*text)?)));
    let Some((algorithm, text)) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(errors::invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ));
    }
    let value = decode(algorithm, text).ok_or_else(|| {
        let name = algorithm.name().to_ascii_lowercase();
        errors::invalid_request(format!("Value for x-amz-checksum-{name} header is invalid."))
    })?;
    Ok(Some((algorithm, value)))
}

/// A checksum of the right length.
pub(crate) fn decode(algorithm: Algorithm, text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text).ok().filter(|bytes| bytes.len() == algorithm.length())
}

/// Base64.
pub(crate) fn encode(digest: &[u8]) -> String {
    BASE64_STANDARD.encode(digest)
}

/// The algorithm that a trailer's or a header's name ends with.
pub(crate) fn of_header(name: &str) -> Option<Algorithm> {
    Algorithm::named(name.strip_prefix("x-amz-checksum-")?)
}

impl Checksum {
    pub fn full(algorithm: Algorithm, digest: &[u8]) -> Self {
        Checksum { algorithm, value: encode(digest), composite: false }
    }

    pub fn kind(&self) -> ChecksumType {
        kind(self.composite)
    }
}

pub(crate) fn kind(composite: bool) -> ChecksumType {
    if composite { ChecksumType::Composite } else { ChecksumType::FullObject }
}

/// An algorithm as the API names it.
pub(crate) fn api(algorithm: Algorithm) -> ChecksumAlgorithm {
    ChecksumAlgorithm::from(algorithm.name())
}

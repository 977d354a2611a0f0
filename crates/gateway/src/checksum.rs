//! What a request says of its body besides its signature: `Content-MD5` and `x-amz-checksum-*`,
//! base64 of big-endian bytes, as headers or in a stream's trailer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::request::Parts;
use kernel::digest::{Algorithm, Digests};
use shape::Fault;

/// What is wrong with a checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChecksumError {
    /// Another value than the data's.
    Wrong(Algorithm),
    /// A trailing header that is no checksum known here. It is refused: data nobody checked must
    /// not pass for checked.
    Unknown(String),
}

impl std::fmt::Display for ChecksumError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wrong(algorithm) => {
                write!(f, "The {algorithm} you specified did not match the calculated checksum.")
            }
            Self::Unknown(name) => write!(f, "The trailing header {name} is not supported."),
        }
    }
}

impl std::error::Error for ChecksumError {}

fn of_header(header: &str) -> Option<Algorithm> {
    Algorithm::named(header.strip_prefix("x-amz-checksum-")?)
}

fn digest(algorithm: Algorithm, data: &[u8]) -> Vec<u8> {
    let mut digests = Digests::new([algorithm]);
    digests.update(data);
    digests.finish().remove(0).1
}

/// Compares one header with the data it is about.
pub fn check(header: &str, value: &str, data: &[u8]) -> Result<(), ChecksumError> {
    let algorithm = of_header(header).ok_or_else(|| ChecksumError::Unknown(header.to_owned()))?;
    match BASE64.decode(value).is_ok_and(|given| given == digest(algorithm, data)) {
        true => Ok(()),
        false => Err(ChecksumError::Wrong(algorithm)),
    }
}

/// Compares the headers of a request to S3 with its whole body.
pub(crate) fn check_body(parts: &Parts, data: &[u8]) -> Result<(), Fault> {
    let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    if let Some(value) = parts.headers.get("content-md5") {
        let given = BASE64.decode(text(value)).ok().filter(|given| given.len() == 16);
        let invalid =
            || Fault::sender("InvalidDigest", "The Content-MD5 you specified was invalid.");
        if given.ok_or_else(invalid)? != digest(Algorithm::Md5, data) {
            let text = "The Content-MD5 you specified did not match what we received.";
            return Err(Fault::sender("BadDigest", text));
        }
    }
    for (name, value) in &parts.headers {
        if of_header(name.as_str()).is_some() {
            check(name.as_str(), &text(value), data)
                .map_err(|error| Fault::sender("BadDigest", error.to_string()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_are_compared() {
        let check_one = |header, value| check(header, value, b"abc");
        assert_eq!(check_one("x-amz-checksum-sha1", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="), Ok(()));
        assert_eq!(
            check_one("x-amz-checksum-crc32", "AAAAAA=="),
            Err(ChecksumError::Wrong(Algorithm::Crc32))
        );
        assert!(matches!(check_one("x-amz-checksum-md9", ""), Err(ChecksumError::Unknown(_))));
        assert!(matches!(check_one("x-amz-checksum-type", ""), Err(ChecksumError::Unknown(_))));
    }

    #[test]
    fn headers_are_compared() {
        let check = |name: &str, value: &str| {
            let request = http::Request::builder().header(name, value).body(()).unwrap();
            check_body(&request.into_parts().0, b"abc").map_err(|fault| fault.code.into_owned())
        };
        assert_eq!(check("content-md5", "kAFQmDzST7DWlj99KOF/cg=="), Ok(()));
        assert_eq!(check("content-md5", "kAFQmDzST7DWlj99KOF/cQ=="), Err("BadDigest".into()));
        assert_eq!(check("content-md5", "abc"), Err("InvalidDigest".into()));
        assert_eq!(check("x-amz-checksum-type", "FULL_OBJECT"), Ok(()));
        assert_eq!(check("x-amz-checksum-crc32", "AAAAAA=="), Err("BadDigest".into()));
    }
}

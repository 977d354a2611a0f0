//! HMAC.

use api_kms::MacAlgorithmSpec;
use aws_lc_rs::hmac;

/// The code of `message`: 28, 32, 48 or 64 bytes.
pub(crate) fn mac(algorithm: &MacAlgorithmSpec, key: &[u8], message: &[u8]) -> Vec<u8> {
    let algorithm = match algorithm {
        MacAlgorithmSpec::HmacSha224 => hmac::HMAC_SHA224,
        MacAlgorithmSpec::HmacSha384 => hmac::HMAC_SHA384,
        MacAlgorithmSpec::HmacSha512 => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    hmac::sign(&hmac::Key::new(algorithm, key), message).as_ref().to_vec()
}

/// Compares two codes in constant time.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

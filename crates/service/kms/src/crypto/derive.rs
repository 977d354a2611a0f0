//! The public name of key material.

use aws_lc_rs::hmac;

/// Names the material of a key: 64 hexadecimal digits that are equal for equal bytes (a replica in
/// another region that imports the same material shows the same id) and tell nothing of them.
pub(crate) fn material_id(key_id: &str, material: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, material);
    let tag = hmac::sign(&key, format!("kms material id of {key_id}").as_bytes());
    kernel::digest::hex(tag.as_ref())
}

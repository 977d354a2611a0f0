//! The little DER that the library does not write: ML-KEM keys (RFC 9935).

use api_kms::KeySpec;

/// Arc of the ML-KEM parameter set below 2.16.840.1.101.3.4.4 (NIST's kems).
fn kem_arc(spec: &KeySpec) -> u8 {
    match spec {
        KeySpec::MlKem512 => 1,
        KeySpec::MlKem768 => 2,
        _ => 3,
    }
}

/// `AlgorithmIdentifier` without parameters.
fn kem_algorithm(spec: &KeySpec) -> Vec<u8> {
    let oid = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, kem_arc(spec)];
    tagged(0x30, &tagged(0x06, &oid))
}

/// `SubjectPublicKeyInfo` of an encapsulation key.
pub(super) fn kem_public(spec: &KeySpec, key: &[u8]) -> Vec<u8> {
    let bits = tagged(0x03, &[&[0], key].concat());
    tagged(0x30, &[kem_algorithm(spec), bits].concat())
}

/// PKCS #8 of a decapsulation key in its expanded form.
pub(super) fn kem_private(spec: &KeySpec, key: &[u8]) -> Vec<u8> {
    let inner = tagged(0x04, &tagged(0x04, key));
    tagged(0x30, &[tagged(0x02, &[0]), kem_algorithm(spec), inner].concat())
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let mut out = vec![tag];
    match len {
        0..=0x7f => out.push(len as u8),
        0x80..=0xff => out.extend([0x81, len as u8]),
        _ => out.extend([0x82, (len >> 8) as u8, len as u8]),
    }
    out.extend_from_slice(content);
    out
}

//! As much of DER (X.690), X.509 (RFC 5280) and private keys (RFC 5208, 5915, 8017) as it takes to
//! know when a certificate ends and whether a key is its.

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _,
};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Values one after the other.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value: its tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], mut rest) = self.0.split_first_chunk::<2>()?;
        let length = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x84 => {
                let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
                rest = after;
                bytes.iter().fold(0, |n, byte| (n << 8) | usize::from(*byte))
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        self.0 = after;
        Some((tag, content))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }
}

/// What we need of a certificate.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(crate) struct Certificate {
    /// Milliseconds since 1970.
    pub not_after_ms: i64,
    /// Algorithm and key.
    public: PublicKey,
}

#[derive(Debug, PartialEq, Eq, Clone)]
enum PublicKey {
    /// Modulus and exponent, without leading zeros.
    Rsa(Vec<u8>, Vec<u8>),
    /// Curve and point.
    Ec(Vec<u8>, Vec<u8>),
    Ed25519(Vec<u8>),
    /// Of a kind whose private keys we cannot compare.
    Other,
}

/// Reads a certificate; `None` is what is none.
pub(crate) fn certificate(bytes: &[u8]) -> Option<Certificate> {
    let mut signed = Der(Der(bytes).expect(SEQUENCE)?);
    let mut body = Der(signed.expect(SEQUENCE)?);
    // [0] version is optional; then serial number, algorithm, issuer.
    let (tag, _) = body.next()?;
    if tag == 0xa0 {
        body.expect(INTEGER)?;
    }
    body.expect(SEQUENCE)?;
    body.expect(SEQUENCE)?;
    let mut validity = Der(body.expect(SEQUENCE)?);
    validity.next()?;
    let (tag, end) = validity.next()?;
    let not_after_ms = time(tag, end)?;
    body.expect(SEQUENCE)?;
    let public = public_key(body.expect(SEQUENCE)?)?;
    Some(Certificate { not_after_ms, public })
}

/// `SubjectPublicKeyInfo` without its tag.
fn public_key(info: &[u8]) -> Option<PublicKey> {
    let mut info = Der(info);
    let mut algorithm = Der(info.expect(SEQUENCE)?);
    let kind = algorithm.expect(OID)?;
    // The first byte of a bit string tells the unused bits.
    let (_, key) = info.expect(BIT_STRING)?.split_first()?;
    Some(match kind {
        RSA => {
            let mut key = Der(Der(key).expect(SEQUENCE)?);
            PublicKey::Rsa(number(key.expect(INTEGER)?), number(key.expect(INTEGER)?))
        }
        EC => PublicKey::Ec(algorithm.expect(OID)?.to_vec(), key.to_vec()),
        ED25519 => PublicKey::Ed25519(key.to_vec()),
        _ => PublicKey::Other,
    })
}

/// Modulus and exponent of an RSA key's `SubjectPublicKeyInfo`, as they are written.
pub(crate) fn rsa_public(bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut info = Der(Der(bytes).expect(SEQUENCE)?);
    let kind = Der(info.expect(SEQUENCE)?).expect(OID)?;
    let (_, key) = info.expect(BIT_STRING)?.split_first()?;
    if kind == RSA { rsa_numbers(key) } else { None }
}

/// Modulus and exponent of an `RSAPublicKey`, as they are written.
pub(crate) fn rsa_numbers(bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut key = Der(Der(bytes).expect(SEQUENCE)?);
    Some((key.expect(INTEGER)?.to_vec(), key.expect(INTEGER)?.to_vec()))
}

/// The `SubjectPublicKeyInfo` of an RSA key.
pub(crate) fn rsa_info(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = written(SEQUENCE, &[written(INTEGER, modulus), written(INTEGER, exponent)].concat());
    let kind = written(SEQUENCE, &[written(OID, RSA), written(0x05, &[])].concat());
    let bits = written(BIT_STRING, &[&[0], key.as_slice()].concat());
    written(SEQUENCE, &[kind, bits].concat())
}

fn written(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes: Vec<u8> =
            length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        out.push(0x80 | bytes.len() as u8);
        out.extend(bytes);
    }
    out.extend(content);
    out
}

fn number(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, RFC 5280 §4.1.2.5.
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match (tag, text.len()) {
        (UTC_TIME, 12) => {
            let year: i64 = text[..2].parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &text[2..])
        }
        (GENERALIZED_TIME, 14) => (text[..4].parse().ok()?, &text[4..]),
        _ => return None,
    };
    let part = |at: usize| rest[at..at + 2].parse::<i64>().ok();
    let (month, day) = (part(0)?, part(2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970 of a civil date (Hinnant's algorithm).
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(((days * 24 + part(4)?) * 60 + part(6)?) * 60_000 + part(8)? * 1000)
}

impl Certificate {
    /// Is the private key of a PEM block the one of this certificate? `None`: it cannot be read.
    pub(crate) fn is_of(&self, label: &str, key: &[u8]) -> Option<bool> {
        let (kind, curve, key) = match label {
            "RSA PRIVATE KEY" => (RSA, None, key),
            "EC PRIVATE KEY" => (EC, None, key),
            "PRIVATE KEY" => unwrapped(key)?,
            _ => return None,
        };
        match (kind, &self.public) {
            (RSA, PublicKey::Rsa(modulus, exponent)) => {
                let mut fields = Der(Der(key).expect(SEQUENCE)?);
                fields.expect(INTEGER)?;
                let own = (number(fields.expect(INTEGER)?), number(fields.expect(INTEGER)?));
                Some(own == (modulus.clone(), exponent.clone()))
            }
            (EC, PublicKey::Ec(own_curve, point)) => {
                let mut fields = Der(Der(key).expect(SEQUENCE)?);
                fields.expect(INTEGER)?;
                let scalar = fields.expect(OCTET_STRING)?;
                if curve.is_some_and(|curve| curve != own_curve.as_slice()) {
                    return Some(false);
                }
                fits(own_curve, scalar, point)
            }
            (ED25519, PublicKey::Ed25519(point)) => {
                let seed = Der(key).expect(OCTET_STRING)?;
                let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
                Some(pair.public_key().as_ref() == point.as_slice())
            }
            (_, PublicKey::Other) => None,
            _ => Some(false),
        }
    }
}

/// Does a point belong to a scalar on a curve? `None`: a curve that we cannot reckon on.
fn fits(curve: &[u8], scalar: &[u8], point: &[u8]) -> Option<bool> {
    let algorithm = match curve {
        P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
        P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        _ => return None,
    };
    // The generator is not used: the key is only compared.
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, point, &random);
    Some(pair.is_ok())
}

/// Kind, curve and content.
type Unwrapped<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

/// What a PKCS#8 key holds.
fn unwrapped(key: &[u8]) -> Option<Unwrapped<'_>> {
    let mut fields = Der(Der(key).expect(SEQUENCE)?);
    fields.expect(INTEGER)?;
    let mut algorithm = Der(fields.expect(SEQUENCE)?);
    let kind = algorithm.expect(OID)?;
    Some((kind, algorithm.expect(OID), fields.expect(OCTET_STRING)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pem;

    fn made(algorithm: &'static rcgen::SignatureAlgorithm) -> (Vec<u8>, String) {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["x.example".into()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2031, 2, 3);
        (params.self_signed(&key).unwrap().der().to_vec(), key.serialize_pem())
    }

    #[test]
    fn certificates_and_their_keys() {
        let kinds =
            [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519];
        for kind in kinds {
            let (der, key) = made(kind);
            let (_, other) = made(kind);
            let found = certificate(&der).unwrap();
            assert_eq!(found.not_after_ms, 1_927_843_200_000);
            let is_of = |key: &str| {
                let (label, bytes) = pem::blocks(key).unwrap().remove(0);
                found.is_of(&label, &bytes)
            };
            assert_eq!((is_of(&key), is_of(&other)), (Some(true), Some(false)));
            for end in 0..der.len() {
                assert_eq!(certificate(&der[..end]), None, "cut at {end}");
            }
        }
    }

    #[test]
    fn times() {
        assert_eq!(time(UTC_TIME, b"700101000000Z"), Some(0));
        assert_eq!(time(GENERALIZED_TIME, b"20000229235959Z"), Some(951_868_799_000));
        for bad in [&b"700101000000"[..], b"701301000000Z", b"7001010000Z", b"\xff"] {
            assert_eq!(time(UTC_TIME, bad), None);
        }
    }
}

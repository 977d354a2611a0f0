//! SSH public keys: OpenSSH's one line and PEM (RFC 4253 §6.6, RFC 5280), and fingerprints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest as _, Md5};

use crate::pem;

/// Shortest modulus that AWS takes, in bits.
const BITS_MIN: usize = 2048;
const RSA: &str = "ssh-rsa";

/// An RSA public key: exponent and modulus as SSH has them, big-endian with a leading zero where
/// the first bit is set.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    exponent: Vec<u8>,
    modulus: Vec<u8>,
}

/// Why a key is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeyError {
    /// Neither OpenSSH's form nor PEM.
    Encoding,
    /// Not RSA, or too short.
    Invalid,
}

/// Reads a key in either form.
pub(crate) fn read(text: &str) -> Result<PublicKey, KeyError> {
    let text = text.trim();
    let key = match text.starts_with("-----BEGIN") {
        true => from_pem(text).ok_or(KeyError::Encoding)?,
        false => from_line(text)?,
    };
    let bits = key.modulus.iter().skip_while(|byte| **byte == 0).count() * 8;
    if bits < BITS_MIN { Err(KeyError::Invalid) } else { Ok(key) }
}

fn from_line(text: &str) -> Result<PublicKey, KeyError> {
    let mut words = text.split_whitespace();
    let kind = words.next().ok_or(KeyError::Encoding)?;
    let blob = words.next().and_then(|blob| BASE64.decode(blob).ok()).ok_or(KeyError::Encoding)?;
    if kind != RSA {
        return Err(KeyError::Invalid);
    }
    let mut rest = blob.as_slice();
    let mut field = || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (field, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        rest = after;
        Some(field)
    };
    let parsed = (|| Some((field()?, field()?.to_vec(), field()?.to_vec())))();
    match parsed {
        Some((name, exponent, modulus)) if name == RSA.as_bytes() => {
            Ok(PublicKey { exponent, modulus })
        }
        _ => Err(KeyError::Encoding),
    }
}

fn from_pem(text: &str) -> Option<PublicKey> {
    let (label, bytes) = pem::blocks(text)?.pop()?;
    let (modulus, exponent) = match label.as_str() {
        "PUBLIC KEY" => crate::der::rsa_public(&bytes)?,
        "RSA PUBLIC KEY" => crate::der::rsa_numbers(&bytes)?,
        _ => return None,
    };
    Some(PublicKey { exponent, modulus })
}

impl PublicKey {
    /// The blob of SSH's wire.
    fn blob(&self) -> Vec<u8> {
        let fields = [RSA.as_bytes(), &self.exponent, &self.modulus];
        let mut out = Vec::new();
        for field in fields {
            out.extend((field.len() as u32).to_be_bytes());
            out.extend(field);
        }
        out
    }

    /// `ssh-rsa AAAA…`.
    pub(crate) fn line(&self) -> String {
        format!("{RSA} {}", BASE64.encode(self.blob()))
    }

    /// `-----BEGIN PUBLIC KEY-----`.
    pub(crate) fn pem(&self) -> String {
        pem::block("PUBLIC KEY", &crate::der::rsa_info(&self.modulus, &self.exponent))
    }

    /// MD5 of the blob: 16 pairs of digits with colons between.
    pub(crate) fn fingerprint(&self) -> String {
        let pairs =
            Md5::digest(self.blob()).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
        pairs.join(":")
    }
}

//! The ciphertext blob of symmetric keys.
//!
//! ```text
//! 4  01 02 02 00, as blobs of KMS begin
//! 1  1, this layout
//! 12 account
//! 1  kind of key id: 0 UUID, 1 mrk-
//! 16 key id
//! 32 id of the key material
//! 16 salt of the derivation
//! 12 nonce
//! …  ciphertext and tag
//! ```
//!
//! All before the ciphertext and the encryption context, sorted and with lengths, are associated
//! data. The region is not in it: a replica of a multi-region key opens what another sealed.

use std::collections::BTreeMap;

use kernel::Random;
use kernel::digest::hex;

use crate::crypto::{NONCE_LEN, Refused, SALT_LEN, open, seal};

const BEGINNING: [u8; 5] = [1, 2, 2, 0, 1];
const HEADER_LEN: usize = 5 + 12 + 1 + 16 + 32;

/// What a blob tells without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob<'a> {
    /// Twelve digits.
    pub account: String,
    /// The key's id.
    pub key_id: String,
    /// The id of the material.
    pub material_id: String,
    header: &'a [u8],
    salt: [u8; SALT_LEN],
    nonce: [u8; NONCE_LEN],
    sealed: &'a [u8],
}

/// Makes a blob.
pub(crate) fn make(
    random: &dyn Random,
    account: &str,
    key_id: &str,
    (material_id, material): (&str, &[u8]),
    context: &BTreeMap<String, String>,
    plain: &[u8],
) -> Result<Vec<u8>, Refused> {
    let mut blob = BEGINNING.to_vec();
    blob.extend_from_slice(account.as_bytes());
    blob.push(u8::from(key_id.starts_with("mrk-")));
    blob.extend(from_hex(&key_id.replace("mrk-", "").replace('-', "")).ok_or(Refused)?);
    blob.extend(from_hex(material_id).ok_or(Refused)?);
    if blob.len() != HEADER_LEN {
        return Err(Refused);
    }
    let (mut salt, mut nonce) = ([0; SALT_LEN], [0; NONCE_LEN]);
    random.fill(&mut salt);
    random.fill(&mut nonce);
    let sealed = seal(material, &salt, nonce, &associated(&blob, context), plain)?;
    blob.extend_from_slice(&salt);
    blob.extend_from_slice(&nonce);
    blob.extend(sealed);
    Ok(blob)
}

/// Reads a blob; `None`: it is none of ours.
pub fn parse(bytes: &[u8]) -> Option<Blob<'_>> {
    let (header, rest) = bytes.split_at_checked(HEADER_LEN)?;
    let (salt, rest) = rest.split_first_chunk::<SALT_LEN>()?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
    let ids = header.strip_prefix(&BEGINNING)?;
    let (account, ids) = ids.split_at(12);
    if !account.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (key, material) = ids[1..].split_at(16);
    let key = hex(key);
    let key_id = match ids[0] {
        0 => {
            let parts = [&key[..8], &key[8..12], &key[12..16], &key[16..20], &key[20..]];
            parts.join("-")
        }
        1 => format!("mrk-{key}"),
        _ => return None,
    };
    Some(Blob {
        account: String::from_utf8_lossy(account).into_owned(),
        key_id,
        material_id: hex(material),
        header,
        salt: *salt,
        nonce: *nonce,
        sealed,
    })
}

impl Blob<'_> {
    /// Decrypts with the material that it names.
    pub(crate) fn open(
        &self,
        material: &[u8],
        context: &BTreeMap<String, String>,
    ) -> Result<Vec<u8>, Refused> {
        let aad = associated(self.header, context);
        open(material, &self.salt, self.nonce, &aad, self.sealed)
    }
}

fn associated(header: &[u8], context: &BTreeMap<String, String>) -> Vec<u8> {
    let mut aad = header.to_vec();
    for text in context.iter().flat_map(|(key, value)| [key, value]) {
        aad.extend_from_slice(&(text.len() as u64).to_be_bytes());
        aad.extend_from_slice(text.as_bytes());
    }
    aad
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::SeededRandom;

    fn context(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn check(key_id: &str) {
        let random = SeededRandom::new(5);
        let material = [7; 32];
        let id = crate::crypto::material_id(key_id, &material);
        let sealed_for = context(&[("a", "b"), ("cd", "")]);
        let named = (id.as_str(), &material[..]);
        let made = make(&random, "000000000000", key_id, named, &sealed_for, b"plain").unwrap();
        let blob = parse(&made).unwrap();
        assert_eq!((blob.account.as_str(), blob.key_id.as_str()), ("000000000000", key_id));
        assert_eq!(blob.material_id, id);
        assert_eq!(blob.open(&material, &sealed_for).unwrap(), b"plain");
        // Contexts that would be equal without lengths.
        for other in [&[("a", "bc"), ("d", "")][..], &[("a", "b")], &[], &[("ab", ""), ("cd", "")]]
        {
            assert_eq!(blob.open(&material, &context(other)), Err(Refused), "{other:?}");
        }
        for at in 0..made.len() {
            let mut damaged = made.clone();
            damaged[at] ^= 1;
            let opened = parse(&damaged).map(|blob| blob.open(&material, &sealed_for));
            assert!(matches!(opened, None | Some(Err(Refused))), "byte {at}");
            let cut = parse(&made[..at]).map(|blob| blob.open(&material, &sealed_for));
            assert!(matches!(cut, None | Some(Err(Refused))), "cut at {at}");
        }
    }

    #[test]
    fn opens_whole_and_in_its_context_only() {
        check("1234abcd-12ab-34cd-56ef-1234567890ab");
        check("mrk-1234abcd12ab34cd56ef1234567890ab");
    }
}

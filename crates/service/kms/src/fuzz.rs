//! What the fuzz target `kms` calls: everything here that reads bytes of strangers.

use api_kms::KeySpec;

use crate::blob;
use crate::crypto::check_imported;

/// Reads bytes as a ciphertext, and, after the first, as imported material of a key whose kind the
/// first byte chooses. Panics where that goes wrong.
pub fn read(bytes: &[u8]) {
    if let Some(blob) = blob::parse(bytes) {
        assert!(blob.account.len() == 12 && !blob.key_id.is_empty());
    }
    let Some((kind, material)) = bytes.split_first() else { return };
    let specs = [
        KeySpec::SymmetricDefault,
        KeySpec::Hmac256,
        KeySpec::Rsa2048,
        KeySpec::EccNistP256,
        KeySpec::EccNistP521,
        KeySpec::EccNistEdwards25519,
        KeySpec::MlDsa44,
    ];
    let spec = &specs[usize::from(*kind) % specs.len()];
    // Whether it fits is not the question: most does not.
    let _ = check_imported(spec, material);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::generate;
    use kernel::{Random, SeededRandom};

    #[test]
    fn mutated_keys_and_ciphertexts() {
        let seeded = SeededRandom::new(11);
        let random: &dyn Random = &seeded;
        let specs = [KeySpec::EccNistP256, KeySpec::EccNistP521, KeySpec::EccNistEdwards25519];
        for (kind, spec) in [3u8, 4, 5].into_iter().zip(specs) {
            let whole = generate(&spec, random).expect("a key is made");
            assert!(check_imported(&spec, &whole).is_ok());
            for _ in 0..300 {
                let mut bytes = [&[kind][..], &whole].concat();
                let at = 1 + (random.u64() as usize) % whole.len();
                match random.u64() % 3 {
                    0 => bytes[at] ^= 1 << (random.u64() % 8),
                    1 => bytes.truncate(at),
                    _ => bytes.insert(at, random.u64() as u8),
                }
                read(&bytes);
            }
        }
        for len in 0..200 {
            let mut bytes = vec![0; len];
            random.fill(&mut bytes);
            bytes.splice(..len.min(5), [1, 2, 2, 0, 1].into_iter().take(len.min(5)));
            read(&bytes);
        }
    }
}

//! Known answers from published vectors, and every kind of key against itself.

use api_kms::{EncryptionAlgorithmSpec, KeySpec, MacAlgorithmSpec, SigningAlgorithmSpec};
use kernel::SeededRandom;

use super::*;
use crate::spec;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let nibble = |d: u8| (d as char).to_digit(16).unwrap() as u8;
    digits.chunks(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
}

/// RFC 4231, test cases 1 and 2.
#[test]
fn hmac() {
    let check = |algorithm: MacAlgorithmSpec, key: &[u8], data: &[u8], expected: &str| {
        assert_eq!(mac(&algorithm, key, data), hex(expected), "{algorithm:?}");
    };
    check(
        MacAlgorithmSpec::HmacSha224,
        &[0x0b; 20],
        b"Hi There",
        "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
    );
    check(
        MacAlgorithmSpec::HmacSha256,
        &[0x0b; 20],
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    );
    check(
        MacAlgorithmSpec::HmacSha384,
        b"Jefe",
        b"what do ya want for nothing?",
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e
         8e2240ca5e69e2c78b3239ecfab21649",
    );
    check(
        MacAlgorithmSpec::HmacSha512,
        b"Jefe",
        b"what do ya want for nothing?",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554
         9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    );
}

/// PKCS #8 of an Ed25519 seed (RFC 8410).
fn ed25519(seed: &str) -> Vec<u8> {
    [hex("302e020100300506032b657004220420"), hex(seed)].concat()
}

/// RFC 8032, §7.1 test 3 and §7.3.
#[test]
fn ed25519_and_its_prehash() {
    let edwards = KeySpec::EccNistEdwards25519;
    let key = ed25519("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
    let made =
        sign(&edwards, &SigningAlgorithmSpec::Ed25519Sha512, &key, Message::Raw(&hex("af82")));
    assert_eq!(
        made.unwrap(),
        hex("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")
    );
    let key = ed25519("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, b"abc");
    let algorithm = SigningAlgorithmSpec::Ed25519PhSha512;
    let message = Message::Digest(digest.as_ref());
    let made = sign(&edwards, &algorithm, &key, message).unwrap();
    assert_eq!(
        made,
        hex("98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41
             31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406")
    );
    assert_eq!(verify(&edwards, &algorithm, &key, message, &made), Ok(true));
    assert_eq!(verify(&edwards, &algorithm, &key, message, &made[..63]), Ok(false));
}

/// RFC 6979, A.2.5: P-256 with SHA-256 of "sample". We sign with random nonces, but the vector's
/// signature must verify.
#[test]
fn ecdsa() {
    let key = hex("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420
                   c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    let signature = hex("3046
        022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716
        022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
    let check = |message: &[u8], expected| {
        let algorithm = SigningAlgorithmSpec::EcdsaSha256;
        let found =
            verify(&KeySpec::EccNistP256, &algorithm, &key, Message::Raw(message), &signature);
        assert_eq!(found, Ok(expected));
    };
    check(b"sample", true);
    check(b"simple", false);
}

/// NIST CAVS 14.1, ECC CDH primitive, P-256, count 0.
#[test]
fn ecdh() {
    let key = hex("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420
                   7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534");
    let theirs = hex("3059301306072a8648ce3d020106082a8648ce3d03010703420004
        700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287
        db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac");
    assert_eq!(
        agree(&KeySpec::EccNistP256, &key, &theirs).unwrap(),
        hex("46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b")
    );
    let compressed = hex("02700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287");
    assert_eq!(agree(&KeySpec::EccNistP256, &key, &compressed), Err(Refused));
    let mut off_curve = theirs;
    *off_curve.last_mut().unwrap() ^= 1;
    assert_eq!(agree(&KeySpec::EccNistP256, &key, &off_curve), Err(Refused));
    assert_eq!(agree(&KeySpec::EccNistP384, &key, &off_curve), Err(Refused));
}

/// RFC 5649, §6, the KEK of 192 bits is none of ours; so the way back from our own wrap.
#[test]
fn wrapped_keys() {
    use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded as _};
    let wrapping = WrappingKey::generate(&api_kms::WrappingKeySpec::Rsa2048).unwrap();
    for len in [28, 32, 121, 1218] {
        let material = vec![len as u8; len];
        let kek = AesKek::new(&AES_256, &[9; 32]).unwrap();
        let mut out = vec![0; len + 15];
        let inner = kek.wrap_with_padding(&material, &mut out).unwrap().to_vec();
        let oaep = EncryptionAlgorithmSpec::RsaesOaepSha256;
        let outer = rsa_encrypt(&oaep, &wrapping.private, &[9; 32]).unwrap();
        let wrapped = [outer, inner].concat();
        let algorithm = api_kms::AlgorithmSpec::RsaAesKeyWrapSha256;
        assert_eq!(unwrap(&algorithm, &wrapping.private, &wrapped).unwrap(), material);
        let mut damaged = wrapped.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(unwrap(&algorithm, &wrapping.private, &damaged), Err(Refused));
        for at in [0, 1, 255, 256, 257, 263] {
            assert_eq!(unwrap(&algorithm, &wrapping.private, &wrapped[..at]), Err(Refused));
        }
        let other = api_kms::AlgorithmSpec::RsaAesKeyWrapSha1;
        assert_eq!(unwrap(&other, &wrapping.private, &wrapped), Err(Refused));
    }
}

/// Every kind of key with every algorithm of it: what one half does, the other undoes; a changed
/// message or another key does not.
#[test]
fn every_spec() {
    let random = SeededRandom::new(1);
    let specs = [
        KeySpec::Rsa2048,
        KeySpec::EccNistP256,
        KeySpec::EccNistP384,
        KeySpec::EccNistP521,
        KeySpec::EccSecgP256K1,
        KeySpec::EccNistEdwards25519,
        KeySpec::MlDsa44,
        KeySpec::MlDsa65,
        KeySpec::MlDsa87,
        KeySpec::MlKem512,
        KeySpec::MlKem768,
        KeySpec::MlKem1024,
    ];
    for key_spec in specs {
        let key = generate(&key_spec, &random).unwrap();
        let other = generate(&key_spec, &random).unwrap();
        assert_eq!(public_key(&key_spec, &key).unwrap()[0], 0x30, "{key_spec:?}");
        if spec::family(&key_spec) != Some(spec::Family::MlKem) {
            assert_eq!(check_imported(&key_spec, &key), Ok(()), "{key_spec:?}");
        }
        for algorithm in spec::signing(&key_spec) {
            signs(&key_spec, &algorithm, &key, &other);
        }
        for algorithm in spec::encryption(&key_spec) {
            let sealed = rsa_encrypt(&algorithm, &key, b"plain").unwrap();
            assert_eq!(rsa_decrypt(&algorithm, &key, &sealed).unwrap(), b"plain");
            assert_eq!(rsa_decrypt(&algorithm, &other, &sealed), Err(Refused));
        }
        if spec::family(&key_spec) == Some(spec::Family::MlKem) {
            let (ciphertext, secret) = encapsulate(&key_spec, &key).unwrap();
            assert_eq!(decapsulate(&key_spec, &key, &ciphertext).unwrap(), secret);
            assert_ne!(decapsulate(&key_spec, &other, &ciphertext).unwrap(), secret);
            assert_eq!(decapsulate(&key_spec, &key, &ciphertext[1..]), Err(Refused));
        }
    }
}

fn signs(key_spec: &KeySpec, algorithm: &SigningAlgorithmSpec, key: &[u8], other: &[u8]) {
    let digest = vec![7; digest_len(algorithm)];
    let mut messages = vec![];
    if *algorithm != SigningAlgorithmSpec::Ed25519PhSha512 {
        messages.push(Message::Raw(b"message"));
    }
    if *algorithm != SigningAlgorithmSpec::Ed25519Sha512 {
        messages.push(Message::Digest(&digest));
    }
    for message in messages {
        let made = sign(key_spec, algorithm, key, message).unwrap();
        let check = |key: &[u8], message, signature: &[u8], expected| {
            let found = verify(key_spec, algorithm, key, message, signature);
            assert_eq!(found, Ok(expected), "{key_spec:?} {algorithm:?}");
        };
        check(key, message, &made, true);
        check(other, message, &made, false);
        check(key, message, &made[..made.len() - 1], false);
        check(key, message, &[], false);
        let changed = vec![8; digest.len()];
        let different = match message {
            Message::Raw(_) => Message::Raw(b"massage"),
            Message::Digest(_) => Message::Digest(&changed),
        };
        check(key, different, &made, false);
    }
}

/// Whatever is handed over as a key or a ciphertext is refused, not worse.
#[test]
fn rubbish() {
    let random = SeededRandom::new(3);
    for len in [0, 1, 16, 31, 33, 48, 100, 1200] {
        let mut bytes = vec![0; len];
        kernel::Random::fill(&random, &mut bytes);
        for key_spec in [
            KeySpec::SymmetricDefault,
            KeySpec::Hmac256,
            KeySpec::Rsa2048,
            KeySpec::EccNistP521,
            KeySpec::EccSecgP256K1,
            KeySpec::EccNistEdwards25519,
            KeySpec::MlDsa65,
            KeySpec::MlKem768,
        ] {
            assert_eq!(check_imported(&key_spec, &bytes), Err(Refused), "{key_spec:?} {len}");
        }
        let sha1 = EncryptionAlgorithmSpec::RsaesOaepSha1;
        assert_eq!(rsa_decrypt(&sha1, &bytes, &bytes), Err(Refused));
    }
}

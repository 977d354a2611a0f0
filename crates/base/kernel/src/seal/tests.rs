//! What opens what, and what a key file survives.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::{OsRandom, SeededRandom};

/// A directory that goes away.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let random: &dyn Random = &OsRandom;
        let path = std::env::temp_dir().join(format!("gureum-seal-{}", random.hex(8)));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn open(&self, passphrase: Option<&str>) -> Result<Sealer, SealError> {
        let passphrase = passphrase.map(Passphrase::new);
        Sealer::open(&self.0, passphrase.as_ref(), Arc::new(OsRandom), 7)
    }

    fn file(&self) -> PathBuf {
        self.0.join("installation.key")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn opens_only_what_it_sealed_for_that_purpose() {
    let sealer = Sealer::ephemeral(Arc::new(SeededRandom::new(1)));
    let sealed = sealer.seal("a", b"secret");
    assert_eq!(sealer.open_sealed("a", &sealed).unwrap(), b"secret");
    assert!(sealer.open_sealed("b", &sealed).is_err());
    for i in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[i] ^= 1;
        assert!(sealer.open_sealed("a", &damaged).is_err(), "byte {i}");
        assert!(sealer.open_sealed("a", &sealed[..i]).is_err(), "cut at {i}");
    }
    let other = Sealer::ephemeral(Arc::new(SeededRandom::new(2)));
    assert!(other.open_sealed("a", &sealed).is_err());
}

#[test]
fn an_installation_of_before_versions_goes_on() {
    let folder = Folder::new();
    let secret = [9; 32];
    fs::write(folder.file(), secret).unwrap();
    // As it was sealed then: nonce, ciphertext, tag.
    let mut text = b"old".to_vec();
    aead(&secret)
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key([3; 12]),
            Aad::from("a".as_bytes()),
            &mut text,
        )
        .unwrap();
    let old = [&[3; 12][..], &text].concat();
    let sealer = folder.open(None).unwrap();
    let derived = sealer.derive("name", b"x");
    assert_eq!(sealer.open_sealed("a", &old).unwrap(), b"old");
    assert!(!sealer.is_current(&old));
    assert_eq!(fs::read(folder.file()).unwrap(), secret, "opening changes nothing");
    assert_eq!(sealer.rotate(8).unwrap(), 2);
    let again = folder.open(None).unwrap();
    assert_eq!(again.open_sealed("a", &old).unwrap(), b"old");
    assert_eq!(again.derive("name", b"x"), derived);
    let new = again.resealed("a", &old).unwrap().unwrap();
    assert_eq!(again.open_sealed("a", &new).unwrap(), b"old");
    assert_eq!(again.resealed("a", &new).unwrap(), None);
}

#[test]
fn versions() {
    let folder = Folder::new();
    let sealer = folder.open(None).unwrap();
    let first = sealer.seal("a", b"1");
    assert_eq!(sealer.to_reseal(), None);
    assert_eq!(sealer.rotate(8).unwrap(), 2);
    let second = sealer.seal("a", b"2");
    assert_ne!(sealer.derive_with("s", &first), sealer.derive_with("s", &second));
    for sealer in [sealer, folder.open(None).unwrap()] {
        assert_eq!(sealer.open_sealed("a", &first).unwrap(), b"1");
        assert_eq!(sealer.open_sealed("a", &second).unwrap(), b"2");
        assert_eq!((sealer.is_current(&first), sealer.is_current(&second)), (false, true));
        assert_eq!(sealer.to_reseal(), Some(2));
        let mut forged = second.clone();
        forged[7] = 1;
        assert!(sealer.open_sealed("a", &forged).is_err());
    }
    let sealer = folder.open(None).unwrap();
    sealer.all_resealed(2).unwrap();
    let again = folder.open(None).unwrap();
    assert_eq!(again.to_reseal(), None);
    let facts = again.key_versions();
    assert_eq!(facts.len(), 2);
    assert!(facts[0].replaced && !facts[0].current && facts[1].current && !facts[1].replaced);
}

#[test]
fn passphrases() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let plain = folder.open(None).unwrap();
    let sealed = plain.seal("a", b"secret");
    let protected = folder.open(Some("correct horse\n")).unwrap();
    assert_eq!(protected.open_sealed("a", &sealed).unwrap(), b"secret");
    let mode = fs::metadata(folder.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let why = |passphrase| folder.open(passphrase).err().map(|e| e.to_string()).unwrap_or_default();
    assert!(why(None).contains("GUREUM_PASSPHRASE"), "{}", why(None));
    assert!(why(Some("wrong")).contains("not the right one"));
    protected.rotate(9).unwrap();
    let again = folder.open(Some("correct horse")).unwrap();
    assert_eq!(again.open_sealed("a", &sealed).unwrap(), b"secret");
    assert_eq!(again.key_versions().len(), 2);
}

#[test]
fn damaged_key_files() {
    let folder = Folder::new();
    folder.open(None).unwrap();
    let good = fs::read(folder.file()).unwrap();
    for bad in [&b""[..], b"x", &[0; 31], &[0; 33], b"{}", &good[..good.len() - 2], &[b' '; 70_000]]
    {
        fs::write(folder.file(), bad).unwrap();
        assert!(matches!(folder.open(None), Err(SealError::KeyFile(_))));
        assert!(!crate::is_key_file(bad));
    }
    let greedy = String::from_utf8(good).unwrap().replace(
        "\"keys\"",
        r#""passphrase": {"function": "argon2id", "memory_kib": 4000000000, "passes": 1,
            "lanes": 1, "salt": "AAAAAAAAAAAAAAAAAAAAAA=="}, "keys""#,
    );
    fs::write(folder.file(), greedy).unwrap();
    assert!(folder.open(Some("x")).is_err());
}

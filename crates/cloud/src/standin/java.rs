//! Java's trust store, in the format that every version reads: JKS, as `sun.security.provider`'s
//! `JavaKeyStore` writes it.
//!
//! ```text
//! magic · version 2 · count · { 2 · alias · date, ms · "X.509" · length · DER } … · SHA-1
//! ```

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

const MAGIC: u32 = 0xFEED_FEED;
const VERSION: u32 = 2;
const TRUSTED_CERTIFICATE: u32 = 2;
/// The password of every JDK's own store. It keeps nothing secret; readers may check by it that
/// the file is whole.
const PASSWORD: &str = "changeit";
/// Goes between the password and the content.
const SALT: &[u8] = b"Mighty Aphrodite";

/// A store of these certificates, each DER.
pub fn store(certificates: &[Vec<u8>]) -> Vec<u8> {
    let mut store = Vec::new();
    let number = |store: &mut Vec<u8>, value: u32| store.extend(value.to_be_bytes());
    number(&mut store, MAGIC);
    number(&mut store, VERSION);
    number(&mut store, certificates.len() as u32);
    for (index, certificate) in certificates.iter().enumerate() {
        number(&mut store, TRUSTED_CERTIFICATE);
        text(&mut store, &format!("authority-{index}"));
        store.extend(0_u64.to_be_bytes());
        text(&mut store, "X.509");
        number(&mut store, certificate.len() as u32);
        store.extend(certificate);
    }
    let mut sum = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    PASSWORD.encode_utf16().for_each(|unit| sum.update(&unit.to_be_bytes()));
    sum.update(SALT);
    sum.update(&store);
    store.extend(sum.finish().as_ref());
    store
}

/// With its length, in Java's way for short texts of plain letters.
fn text(store: &mut Vec<u8>, text: &str) {
    store.extend((text.len() as u16).to_be_bytes());
    store.extend(text.as_bytes());
}

//! Codes of virtual MFA devices: time-based one-time passwords (RFC 6238: HMAC-SHA1, 30 seconds,
//! six digits), and the picture that a telephone reads their seed from.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use kernel::{Fault, Sealer, StoreError};
use qrcodegen::{QrCode, QrCodeEcc};
use ring::hmac;
use store::Store;

use crate::access;
use crate::document::encoded;
use crate::record::MFA;

/// Bytes of a seed, as AWS's: 64 characters of base 32 are shown.
pub(crate) const SEED_BYTES: usize = 40;
/// How many steps a device's clock may be away when it is enabled.
pub(crate) const REACH_STEPS: i64 = 2;
/// How many steps it may be away when it is synchronised: twelve hours.
pub(crate) const RESYNC_REACH_STEPS: i64 = 1440;
const STEP_MS: i64 = 30_000;

/// Pixels to a module of a QR code, and modules of white around it.
const SCALE: i32 = 5;
const BORDER: i32 = 4;

/// Where two consecutive codes were found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The step of the second.
    pub last_step: i64,
    /// By how many steps the device's clock is ahead of ours.
    pub drift: i64,
}

/// The code of a time step: six digits.
pub(crate) fn code(seed: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let at = usize::from(bytes[19] & 15);
    let number =
        u32::from_be_bytes([bytes[at] & 0x7f, bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

/// Finds two codes of consecutive steps, later than `after`, at most `reach` steps away from now.
pub(crate) fn consecutive(
    seed: &[u8],
    now_ms: i64,
    codes: [&str; 2],
    after: i64,
    reach: i64,
) -> Option<Pair> {
    let now = now_ms.div_euclid(STEP_MS);
    let found = (now - reach..=now + reach).find(|second| {
        *second > after && code(seed, second - 1) == codes[0] && code(seed, *second) == codes[1]
    })?;
    // The second code is the one the device shows at the time of asking, or was just showing.
    let drift = if (found - now).abs() <= 1 { 0 } else { found - now };
    Some(Pair { last_step: found, drift })
}

/// Checks one code of a device of this user (or root: the account), and takes it: it is taken once.
/// For `TokenCode` of STS.
///
/// # Errors
/// Those of the store.
pub async fn take(
    store: &Store,
    sealer: &Sealer,
    (account, user_id, serial): (&str, &str, &str),
    given: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    store
        .write(|tx| {
            let Some(mut record) = tx.get(&MFA, (account, serial))? else { return Ok(false) };
            let own = record.user_id.as_deref() == Some(user_id);
            let seed = access::opened(sealer, "mfa", serial, &record.seed);
            let (true, Ok(seed)) = (own, seed) else { return Ok(false) };
            let now = now_ms.div_euclid(STEP_MS) + record.drift;
            let mut near = [now, now - 1, now + 1].into_iter();
            let found = near.find(|step| *step > record.last_step && code(&seed, *step) == given);
            let Some(step) = found else { return Ok(false) };
            record.last_step = step;
            tx.put(&MFA, (account, serial), &record)?;
            Ok(true)
        })
        .await
}

/// Base 32 of RFC 4648, without padding.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut out, mut bits, mut count) = (String::new(), 0u32, 0);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            out.push(DIGITS[(bits >> count & 31) as usize].into());
        }
    }
    if count > 0 {
        out.push(DIGITS[(bits << (5 - count) & 31) as usize].into());
    }
    out
}

/// A picture of the address that authenticator programs read.
pub(crate) fn qr_png(account: &str, name: &str, secret: &str) -> Result<Vec<u8>, Fault> {
    let issuer = "Amazon%20Web%20Services";
    let label = encoded(&format!("{name}@{account}"));
    let text = format!("otpauth://totp/{issuer}:{label}?secret={secret}&issuer={issuer}");
    let code = QrCode::encode_text(&text, QrCodeEcc::Medium).map_err(Fault::internal)?;
    let size = (code.size() + 2 * BORDER) * SCALE;
    // One bit to a pixel, 1 is white; each row begins with its filter, none.
    let mut rows = Vec::new();
    for y in 0..size {
        rows.push(0);
        for x in (0..size).step_by(8) {
            let bits = (0..8).map(|i| {
                let module = |at: i32| at / SCALE - BORDER;
                u8::from(!code.get_module(module(x + i), module(y)))
            });
            rows.push(bits.fold(0, |byte, bit| (byte << 1) | bit));
        }
    }
    png(size as u32, &rows).map_err(Fault::internal)
}

/// A PNG file of one bit to a pixel (ISO/IEC 15948).
fn png(size: u32, rows: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(rows)?;
    let mut head = [size.to_be_bytes(), size.to_be_bytes()].concat();
    head.extend([1, 0, 0, 0, 0]);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", head), (b"IDAT", packed.finish()?), (b"IEND", Vec::new())] {
        let length = u32::try_from(data.len()).map_err(std::io::Error::other)?;
        out.extend(length.to_be_bytes());
        let body = [&kind[..], &data].concat();
        out.extend(&body);
        out.extend(crc32fast::hash(&body).to_be_bytes());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, the last six digits of its eight.
        let seed = b"12345678901234567890";
        for (second, expected) in
            [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")]
        {
            assert_eq!(code(seed, second / 30), expected);
        }
    }

    #[test]
    fn codes_must_be_consecutive_and_new() {
        let seed = [7; SEED_BYTES];
        let now = 1_000_000;
        let codes = [code(&seed, now - 1), code(&seed, now)];
        let [first, second] = [codes[0].as_str(), codes[1].as_str()];
        let find = |codes, after, reach| consecutive(&seed, now * STEP_MS, codes, after, reach);
        assert_eq!(find([first, second], 0, 2), Some(Pair { last_step: now, drift: 0 }));
        assert_eq!(find([second, first], 0, 2), None);
        assert_eq!(find([first, first], 0, 2), None);
        assert_eq!(find([first, second], now, 2), None, "taken already");
        let far = [code(&seed, now + 99), code(&seed, now + 100)];
        let far = [far[0].as_str(), far[1].as_str()];
        assert_eq!(find(far, 0, 2), None);
        assert_eq!(find(far, 0, 1440), Some(Pair { last_step: now + 100, drift: 100 }));
    }

    #[test]
    fn pictures() {
        let png = qr_png("000000000000", "ann", &base32(&[1; SEED_BYTES])).unwrap();
        assert!(png.starts_with(b"\x89PNG") && png.ends_with(b"IEND\xae\x42\x60\x82"));
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
        assert_eq!(base32(&[0; SEED_BYTES]).len(), 64);
    }
}

//! Randomness as a parameter.

use std::sync::Mutex;

/// Where randomness comes from.
pub trait Random: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Random + '_ {
    /// A number below 2⁶⁴.
    pub fn u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// `n` random bytes as lower-case hexadecimal digits (2 × `n` characters).
    pub fn hex(&self, n: usize) -> String {
        let mut bytes = vec![0; n];
        self.fill(&mut bytes);
        let mut text = String::with_capacity(2 * n);
        bytes.iter().for_each(|byte| push_hex(*byte, &mut text));
        text
    }

    /// A version 4 UUID, RFC 9562.
    pub fn uuid(&self) -> String {
        let mut b = [0; 16];
        self.fill(&mut b);
        b[6] = (b[6] & 0x0f) | 0x40;
        b[8] = (b[8] & 0x3f) | 0x80;
        let mut text = String::with_capacity(36);
        for (i, byte) in b.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            push_hex(*byte, &mut text);
        }
        text
    }

    /// `n` characters of the upper-case base 32 alphabet, as in AWS's access key ids.
    pub fn base32(&self, n: usize) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut bytes = vec![0; n];
        self.fill(&mut bytes);
        bytes.iter().map(|b| ALPHABET[usize::from(b % 32)] as char).collect()
    }
}

fn push_hex(byte: u8, text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.push(DIGITS[usize::from(byte >> 4)].into());
    text.push(DIGITS[usize::from(byte & 15)].into());
}

/// The operating system's generator.
///
/// Every request needs a few bytes for its id, so each thread fetches them for many at once. What
/// was handed out is not kept.
pub struct OsRandom;

const AHEAD_BYTES: usize = 1024;

struct Ahead {
    bytes: [u8; AHEAD_BYTES],
    used: usize,
}

thread_local! {
    static AHEAD: std::cell::RefCell<Ahead> =
        const { std::cell::RefCell::new(Ahead { bytes: [0; AHEAD_BYTES], used: AHEAD_BYTES }) };
}

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() > AHEAD_BYTES / 8 {
            return fetch(bytes);
        }
        AHEAD.with_borrow_mut(|ahead| {
            if AHEAD_BYTES - ahead.used < bytes.len() {
                fetch(&mut ahead.bytes);
                ahead.used = 0;
            }
            let from = &mut ahead.bytes[ahead.used..][..bytes.len()];
            bytes.copy_from_slice(from);
            from.fill(0);
            ahead.used += bytes.len();
        });
    }
}

fn fetch(bytes: &mut [u8]) {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    getrandom::fill(bytes).expect("the operating system gives random bytes");
}

/// A repeatable generator (SplitMix64) for tests and simulation. Not for secrets.
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    /// The same seed, the same bytes.
    pub fn new(seed: u64) -> Self {
        SeededRandom(Mutex::new(seed))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(|e| e.into_inner());
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

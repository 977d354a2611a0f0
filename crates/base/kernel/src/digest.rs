//! Running digests of bytes that pass: those S3 knows, by the names of `x-amz-checksum-*`.

use std::fmt;
use std::ops::Range;

use crc_fast::CrcAlgorithm;
pub(crate) use md5_lanes::Stream as Md5Stream;
use md5_lanes::{Broken, Md5};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};
use xxhash_rust::xxh3::Xxh3;
use xxhash_rust::xxh64::Xxh64;

/// A digest's algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum Algorithm {
    Md5,
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
    Sha512,
    XxHash64,
    XxHash3,
    XxHash128,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 10] = [
        Algorithm::Md5,
        Algorithm::Crc32,
        Algorithm::Crc32c,
        Algorithm::Crc64Nvme,
        Algorithm::Sha1,
        Algorithm::Sha256,
        Algorithm::Sha512,
        Algorithm::XxHash64,
        Algorithm::XxHash3,
        Algorithm::XxHash128,
    ];

    /// `CRC64NVME`, as S3's requests name it.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Crc32 => "CRC32",
            Algorithm::Crc32c => "CRC32C",
            Algorithm::Crc64Nvme => "CRC64NVME",
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha512 => "SHA512",
            Algorithm::XxHash64 => "XXHASH64",
            Algorithm::XxHash3 => "XXHASH3",
            Algorithm::XxHash128 => "XXHASH128",
        }
    }

    /// By its name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// Bytes of its digest.
    pub fn length(self) -> usize {
        match self {
            Algorithm::Crc32 | Algorithm::Crc32c => 4,
            Algorithm::Crc64Nvme | Algorithm::XxHash64 | Algorithm::XxHash3 => 8,
            Algorithm::Md5 | Algorithm::XxHash128 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Algorithm::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Algorithm::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Algorithm::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            _ => None,
        }
    }

    /// The digest of two pieces of data one after the other, of their digests and the second's
    /// length in bytes; `None` for algorithms that do not have this.
    pub fn combine(self, first: &[u8], second: &[u8], second_bytes: u64) -> Option<Vec<u8>> {
        let crc = self.crc()?;
        let number = |digest: &[u8]| digest.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
        let both = crc_fast::checksum_combine(crc, number(first), number(second), second_bytes);
        Some(both.to_be_bytes()[8 - self.length()..].to_vec())
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

enum State {
    Md5(Md5),
    Crc(crc_fast::Digest),
    Sha1(ring::digest::Context),
    Sha256(Sha256),
    Sha512(Box<Sha512>),
    XxHash64(Xxh64),
    XxHash3(Box<Xxh3>),
}

/// Several digests of the same bytes.
#[derive(Default)]
pub struct Digests(Vec<(Algorithm, State)>);

impl Digests {
    /// Digests by these algorithms; one named twice is computed once.
    pub fn new(algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        let mut digests: Vec<(Algorithm, State)> = Vec::new();
        for algorithm in algorithms {
            if digests.iter().any(|(have, _)| *have == algorithm) {
                continue;
            }
            let state = match algorithm {
                Algorithm::Md5 => State::Md5(Md5::default()),
                Algorithm::Sha1 => {
                    State::Sha1(ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY))
                }
                Algorithm::Sha256 => State::Sha256(Sha256::new()),
                Algorithm::Sha512 => State::Sha512(Box::default()),
                Algorithm::XxHash64 => State::XxHash64(Xxh64::new(0)),
                Algorithm::XxHash3 | Algorithm::XxHash128 => State::XxHash3(Box::default()),
                crc => State::Crc(crc_fast::Digest::new(
                    crc.crc().unwrap_or(CrcAlgorithm::Crc32IsoHdlc),
                )),
            };
            digests.push((algorithm, state));
        }
        Digests(digests)
    }

    /// Takes more bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.update_all_but(None, bytes);
    }

    /// Takes pieces of a buffer into the MD5, if that is asked for, together with what other threads
    /// bring: eight streams at once take hardly longer than one. All pieces but the last are to be
    /// multiples of 64 bytes. Blocking; the buffer comes back.
    pub(crate) fn update_md5(
        &mut self,
        stream: &Md5Stream,
        buffer: Vec<u8>,
        pieces: &[Range<usize>],
    ) -> Result<Vec<u8>, Broken> {
        let md5 = self.0.iter_mut().find_map(|(_, state)| match state {
            State::Md5(state) => Some(state),
            _ => None,
        });
        match md5 {
            Some(md5) => md5.update_together(stream, buffer, pieces),
            None => Ok(buffer),
        }
    }

    /// Takes more bytes into all but one.
    pub(crate) fn update_all_but(&mut self, but: Option<Algorithm>, bytes: &[u8]) {
        for (_, state) in self.0.iter_mut().filter(|(algorithm, _)| Some(*algorithm) != but) {
            match state {
                State::Md5(state) => state.update(bytes),
                State::Crc(state) => state.update(bytes),
                State::Sha1(state) => state.update(bytes),
                State::Sha256(state) => state.update(bytes),
                State::Sha512(state) => state.update(bytes),
                State::XxHash64(state) => state.update(bytes),
                State::XxHash3(state) => state.update(bytes),
            }
        }
    }

    /// The digests, most significant byte first.
    pub fn finish(self) -> Vec<(Algorithm, Vec<u8>)> {
        let finish = |(algorithm, state): (Algorithm, State)| {
            let digest = match state {
                State::Md5(state) => state.finish().to_vec(),
                State::Crc(state) => {
                    state.finalize().to_be_bytes()[8 - algorithm.length()..].to_vec()
                }
                State::Sha1(state) => state.finish().as_ref().to_vec(),
                State::Sha256(state) => state.finalize().to_vec(),
                State::Sha512(state) => state.finalize().to_vec(),
                State::XxHash64(state) => state.digest().to_be_bytes().to_vec(),
                State::XxHash3(state) if algorithm == Algorithm::XxHash3 => {
                    state.digest().to_be_bytes().to_vec()
                }
                State::XxHash3(state) => state.digest128().to_be_bytes().to_vec(),
            };
            (algorithm, digest)
        };
        self.0.into_iter().map(finish).collect()
    }
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| DIGITS[usize::from(digit)] as char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the CRC catalogue, FIPS 180's and RFC 1321's of "abc", and those of
    /// xxHash's own tests for the empty input.
    #[test]
    fn published_values() {
        let check = |algorithm, data: &[u8], expected: &str| {
            let mut digests = Digests::new([algorithm]);
            let (first, second) = data.split_at(data.len() / 2);
            digests.update(first);
            digests.update(second);
            assert_eq!(hex(&digests.finish()[0].1), expected, "{algorithm}");
        };
        check(Algorithm::Crc32, b"123456789", "cbf43926");
        check(Algorithm::Crc32c, b"123456789", "e3069283");
        check(Algorithm::Crc64Nvme, b"123456789", "ae8b14860a799888");
        check(Algorithm::Md5, b"abc", "900150983cd24fb0d6963f7d28e17f72");
        check(Algorithm::Sha1, b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
        check(
            Algorithm::Sha256,
            b"abc",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        );
        check(Algorithm::XxHash64, b"", "ef46db3751d8e999");
        check(Algorithm::XxHash3, b"", "2d06800538d394c2");
        check(Algorithm::XxHash128, b"", "99aa06d3014798d86001c324468d497f");
    }

    #[test]
    fn crcs_combine() {
        let data: Vec<u8> = (0..100_000_u32).map(|n| ((n * 7919) >> 3) as u8).collect();
        let digest = |algorithm, data: &[u8]| {
            let mut digests = Digests::new([algorithm]);
            digests.update(data);
            digests.finish().remove(0).1
        };
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let (first, second) = data.split_at(30_001);
            let both = algorithm.combine(
                &digest(algorithm, first),
                &digest(algorithm, second),
                second.len() as u64,
            );
            assert_eq!(both, Some(digest(algorithm, &data)), "{algorithm}");
        }
        assert_eq!(Algorithm::Sha1.combine(&[], &[], 0), None);
    }
}

//! Compressed request bodies (`Content-Encoding`): what came is what is signed, what it unpacks to
//! is read. Unpacking is bounded like any other body: no small request becomes a large one.
//!
//! And compressed answers, for clients that ask for them (`Accept-Encoding`).

use super::accepted::accepted;
use super::body::{BodyError, Budget, ReadBody};
use bytes::Bytes;
use flate2::Compression;
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use http::{HeaderMap, header};
use std::io::{Read, Write as _};

/// Bytes unpacked between two looks at the limits.
const STEP_BYTES: usize = 16 * 1024;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, which HTTP calls `deflate`.
    Deflate,
}

impl Encoding {
    /// Of a request whose only encoding is one of these. What else a header may say (`aws-chunked`,
    /// a name nobody knows) leaves the body as it is.
    pub fn of(headers: &HeaderMap) -> Option<Encoding> {
        let mut values = headers.get_all(header::CONTENT_ENCODING).into_iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        Encoding::named(value.to_str().ok()?.trim())
    }

    /// The one of that name.
    pub(super) fn named(name: &str) -> Option<Encoding> {
        let all = [Encoding::Gzip, Encoding::Deflate];
        all.into_iter().find(|encoding| name.eq_ignore_ascii_case(encoding.name()))
    }

    /// As HTTP calls it.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Gzip => "gzip",
            Encoding::Deflate => "deflate",
        }
    }

    /// The body that was compressed, of at most `bytes_max`.
    ///
    /// # Errors
    /// If it is longer, if it is not compressed in this way, or if there is no room for it.
    pub fn unpack(
        self,
        packed: &[u8],
        bytes_max: u64,
        budget: &Budget,
    ) -> Result<ReadBody, BodyError> {
        let reader: &mut dyn Read = match self {
            Encoding::Gzip => &mut MultiGzDecoder::new(packed),
            Encoding::Deflate => &mut ZlibDecoder::new(packed),
        };
        let mut room = None;
        let mut all = Vec::new();
        let mut step = [0; STEP_BYTES];
        loop {
            let length = match reader.read(&mut step) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => return Err(BodyError::Encoding),
            };
            let total = all.len() + length;
            if total as u64 > bytes_max {
                return Err(BodyError::TooLarge(bytes_max));
            }
            budget.reach(&mut room, total)?;
            all.extend_from_slice(&step[..length]);
        }
        Ok(ReadBody::new(Bytes::from(all), room))
    }
}

/// Shorter answers are sent as they are, as DynamoDB does.
const PACKED_BYTES_MIN: usize = 4 * 1024;

/// The least level at which also text that repeats nothing becomes smaller.
const LEVEL: Compression = Compression::new(2);

/// The bytes of an answer compressed, where that is worth it and its client takes it.
pub fn packed(request: &HeaderMap, answer: &[u8]) -> Option<(Encoding, Bytes)> {
    if answer.len() < PACKED_BYTES_MIN {
        return None;
    }
    let encoding = accepted(request)?;
    let room = Vec::with_capacity(answer.len() / 4);
    // Writing to a vector cannot fail.
    let packed = match encoding {
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(room, LEVEL);
            encoder.write_all(answer).and_then(|()| encoder.finish())
        }
        Encoding::Deflate => {
            let mut encoder = ZlibEncoder::new(room, LEVEL);
            encoder.write_all(answer).and_then(|()| encoder.finish())
        }
    };
    packed.ok().map(|packed| (encoding, Bytes::from(packed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compressed(encoding: Encoding, bytes: &[u8]) -> Vec<u8> {
        match encoding {
            Encoding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Encoding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    fn check(packed: &[u8], encoding: Encoding, expected: Result<&[u8], BodyError>) {
        // The budget has room for 1 MiB, the body may have 512 KiB.
        let unpacked = encoding.unpack(packed, 512 * 1024, &Budget::new(1024 * 1024));
        assert_eq!(unpacked.as_ref().map(|body| &body.bytes[..]), expected.as_ref().map(|b| *b));
    }

    #[test]
    fn bodies_are_unpacked_within_limits() {
        for encoding in [Encoding::Gzip, Encoding::Deflate] {
            check(&compressed(encoding, b"{}"), encoding, Ok(b"{}"));
            check(&compressed(encoding, b""), encoding, Ok(b""));
            let most = vec![b'a'; 512 * 1024];
            check(&compressed(encoding, &most), encoding, Ok(&most));
            let bomb = compressed(encoding, &vec![0; 64 * 1024 * 1024]);
            assert!(bomb.len() < 128 * 1024);
            check(&bomb, encoding, Err(BodyError::TooLarge(512 * 1024)));
            let whole = compressed(encoding, &most);
            check(&whole[..whole.len() / 2], encoding, Err(BodyError::Encoding));
            check(b"{\"a\": 1}", encoding, Err(BodyError::Encoding));
        }
        let small = Budget::new(128 * 1024);
        let bomb = compressed(Encoding::Gzip, &vec![0; 400 * 1024]);
        assert!(matches!(Encoding::Gzip.unpack(&bomb, 1 << 20, &small), Err(BodyError::Busy)));
    }

    #[test]
    fn a_header_names_one_encoding() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_ENCODING, value.parse().unwrap());
            }
            Encoding::of(&headers)
        };
        assert_eq!(of(&["gzip"]), Some(Encoding::Gzip));
        assert_eq!(of(&[" GZIP "]), Some(Encoding::Gzip));
        assert_eq!(of(&["deflate"]), Some(Encoding::Deflate));
        for other in [&["aws-chunked"][..], &["gzip", "gzip"], &["gzip, gzip"], &["br"], &[]] {
            assert_eq!(of(other), None, "{other:?}");
        }
    }

    #[test]
    fn answers_are_packed_where_that_is_asked_for() {
        let long = "a long answer ".repeat(400);
        let check = |accepted: &str, answer: &str, expected: Option<Encoding>| {
            let mut headers = HeaderMap::new();
            headers.append(header::ACCEPT_ENCODING, accepted.parse().unwrap());
            let packed = packed(&headers, answer.as_bytes());
            assert_eq!(packed.as_ref().map(|packed| packed.0), expected, "{accepted}");
            let Some((encoding, packed)) = packed else { return };
            let plain = encoding.unpack(&packed, 1 << 20, &Budget::new(1 << 20)).unwrap();
            assert_eq!(plain.bytes, answer);
            assert!(packed.len() * 6 / 5 < answer.len(), "{} of {}", packed.len(), answer.len());
        };
        check("gzip", &long, Some(Encoding::Gzip));
        check("deflate", &long, Some(Encoding::Deflate));
        check("identity", &long, None);
        check("gzip", "short", None);
        // Nothing repeats, but not all bytes occur.
        let mut state = 1u32;
        let random = (0..200_000).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from_digit((state >> 16) % 36, 36).unwrap()
        });
        check("gzip", &random.collect::<String>(), Some(Encoding::Gzip));
    }
}

//! aws-chunked bodies: decoded piece by piece, every signature checked on the way.
//!
//! ```text
//! 5;chunk-signature=…\r\n      size in hex, the signature only in signed streams
//! hello\r\n
//! 0;chunk-signature=…\r\n
//! x-amz-checksum-crc32:…\r\n   only in streams with a trailer
//! x-amz-trailer-signature:…\r\n
//! \r\n
//! ```

use super::key::{hex, hmac, sha256_hex};
use super::{Verified, same};
use sha2::{Digest, Sha256};
use std::fmt;

/// Bytes of one chunk-size or trailer line.
const LINE_BYTES_MAX: usize = 1024;
/// Trailing headers of one body.
const TRAILERS_MAX: usize = 16;
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const SIGNATURE_TRAILER: &str = "x-amz-trailer-signature";

/// Trailing headers: lower-case names, values trimmed.
pub type Trailers = Vec<(String, String)>;

/// What is wrong with an aws-chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkError {
    /// It ended before its last chunk.
    Truncated,
    /// A line is not what it should be.
    Malformed,
    /// A chunk's signature, or the trailer's, is wrong or missing.
    Signature,
    /// The trailer is not well formed.
    Trailer,
    /// More, or fewer, bytes than `x-amz-decoded-content-length` says.
    Length,
    /// A chunk alone exceeds the size allowed.
    TooLarge,
}

impl ChunkError {
    /// Status, code and text, as S3 words them.
    pub fn answer(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Truncated => (400, "IncompleteBody", "The request body terminated unexpectedly"),
            Self::Malformed => {
                (400, "InvalidRequest", "The request body is not well-formed aws-chunked data.")
            }
            Self::Signature => (
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. \
                 Check your key and signing method.",
            ),
            Self::Trailer => (
                400,
                "MalformedTrailerError",
                "The request contained trailing data that was not well-formed or did not conform \
                 to our published schema.",
            ),
            Self::Length => (
                400,
                "IncompleteBody",
                "You did not provide the number of bytes specified by the \
                 x-amz-decoded-content-length HTTP header",
            ),
            Self::TooLarge => {
                (400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
            }
        }
    }
}

impl fmt::Display for ChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.answer().2)
    }
}

impl std::error::Error for ChunkError {}

enum State {
    /// Collecting a chunk-size line.
    Size,
    /// Inside a chunk; this many bytes are still to come.
    Data(u64),
    /// After a chunk: `\r\n`.
    DataEnd,
    /// After the last chunk: trailing headers, then an empty line.
    Trailer,
    /// After the empty line.
    Done,
}

/// A decoder that is pushed bytes as they arrive.
pub struct ChunkDecoder {
    state: State,
    line: Vec<u8>,
    signing: Option<Verified>,
    /// The running digest of this chunk, and the signature its line carried.
    chunk: (Sha256, String),
    with_trailer: bool,
    trailers: Trailers,
    last_seen: bool,
    decoded: u64,
    decoded_expected: Option<u64>,
    decoded_max: u64,
}

impl ChunkDecoder {
    /// A decoder of a stream. `signing` is the proof the stream's headers gave, for streams with
    /// signed chunks; `decoded_expected` is `x-amz-decoded-content-length`; `decoded_max` bounds
    /// what is put out, bytes.
    pub fn new(
        signing: Option<Verified>,
        with_trailer: bool,
        decoded_expected: Option<u64>,
        decoded_max: u64,
    ) -> Self {
        Self {
            state: State::Size,
            line: Vec::new(),
            signing,
            chunk: (Sha256::new(), String::new()),
            with_trailer,
            trailers: Vec::new(),
            last_seen: false,
            decoded: 0,
            decoded_expected,
            decoded_max,
        }
    }

    /// Decodes `input`, appending to `out`. What was appended is not to be trusted before
    /// [`ChunkDecoder::finish`] agreed.
    pub fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), ChunkError> {
        while !input.is_empty() {
            if let State::Data(left) = self.state {
                let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let (now, rest) = input.split_at(take);
                if self.signing.is_some() {
                    self.chunk.0.update(now);
                }
                out.extend_from_slice(now);
                input = rest;
                let left = left - take as u64;
                self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                continue;
            }
            let (byte, rest) = (input[0], &input[1..]);
            input = rest;
            self.byte(byte)?;
        }
        Ok(())
    }

    /// Ends the body: complete, every signature right, and as long as announced.
    pub fn finish(mut self) -> Result<Trailers, ChunkError> {
        match self.state {
            State::Done => {}
            // The last empty line is sometimes left out.
            State::Trailer if self.line.is_empty() => self.end_of_trailer()?,
            _ => return Err(ChunkError::Truncated),
        }
        if self.decoded_expected.is_some_and(|expected| expected != self.decoded) {
            return Err(ChunkError::Length);
        }
        Ok(self.trailers)
    }

    /// One byte outside of chunk data: part of some line.
    fn byte(&mut self, byte: u8) -> Result<(), ChunkError> {
        if matches!(self.state, State::Done) || self.line.len() >= LINE_BYTES_MAX {
            return Err(ChunkError::Malformed);
        }
        if byte != b'\n' {
            self.line.push(byte);
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        let Some(line) = line.strip_suffix(b"\r") else { return Err(ChunkError::Malformed) };
        match self.state {
            State::Size => self.size_line(line),
            State::DataEnd if line.is_empty() => self.end_of_chunk(),
            State::Trailer if line.is_empty() => self.end_of_trailer(),
            State::Trailer => self.trailer_line(line),
            _ => Err(ChunkError::Malformed),
        }
    }

    fn size_line(&mut self, line: &[u8]) -> Result<(), ChunkError> {
        let line = std::str::from_utf8(line).map_err(|_| ChunkError::Malformed)?;
        let mut parts = line.split(';');
        let digits = parts.next().unwrap_or("");
        // `from_str_radix` would take a sign.
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ChunkError::Malformed);
        }
        let size = u64::from_str_radix(digits, 16).map_err(|_| ChunkError::TooLarge)?;
        let signature = parts.find_map(|part| part.trim().strip_prefix("chunk-signature="));
        self.chunk = (Sha256::new(), signature.unwrap_or("").to_owned());
        self.decoded = self.decoded.checked_add(size).ok_or(ChunkError::TooLarge)?;
        if self.decoded > self.decoded_max {
            return Err(ChunkError::TooLarge);
        }
        if self.decoded_expected.is_some_and(|expected| self.decoded > expected) {
            return Err(ChunkError::Length);
        }
        if size > 0 {
            self.state = State::Data(size);
            return Ok(());
        }
        self.last_seen = true;
        self.check_chunk()?;
        self.state = State::Trailer;
        Ok(())
    }

    fn end_of_chunk(&mut self) -> Result<(), ChunkError> {
        self.check_chunk()?;
        self.state = State::Size;
        Ok(())
    }

    /// Checks the signature of the chunk just read; each continues from the one before it.
    fn check_chunk(&mut self) -> Result<(), ChunkError> {
        let Some(proof) = &mut self.signing else { return Ok(()) };
        let digest = hex(&self.chunk.0.finalize_reset());
        let to_sign = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{EMPTY_SHA256}\n{digest}",
            proof.signed_at, proof.scope, proof.signature
        );
        let expected = hex(&hmac(&proof.signing_key, to_sign.as_bytes()));
        if !same(&expected, &self.chunk.1) {
            return Err(ChunkError::Signature);
        }
        proof.signature = expected;
        Ok(())
    }

    fn trailer_line(&mut self, line: &[u8]) -> Result<(), ChunkError> {
        let line = std::str::from_utf8(line).map_err(|_| ChunkError::Trailer)?;
        let (name, value) = line.split_once(':').ok_or(ChunkError::Trailer)?;
        if !self.with_trailer || self.trailers.len() >= TRAILERS_MAX {
            return Err(ChunkError::Trailer);
        }
        self.trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        Ok(())
    }

    fn end_of_trailer(&mut self) -> Result<(), ChunkError> {
        self.state = State::Done;
        let Some(proof) = &self.signing else { return Ok(()) };
        if !self.with_trailer {
            return Ok(());
        }
        let signature = match self.trailers.pop() {
            Some((name, value)) if name == SIGNATURE_TRAILER => value,
            _ => return Err(ChunkError::Signature),
        };
        let lines: String =
            self.trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let to_sign = format!(
            "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{}\n{}",
            proof.signed_at,
            proof.scope,
            proof.signature,
            sha256_hex(lines.as_bytes())
        );
        match same(&hex(&hmac(&proof.signing_key, to_sign.as_bytes())), &signature) {
            true => Ok(()),
            false => Err(ChunkError::Signature),
        }
    }
}

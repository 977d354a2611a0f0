//! Layers as they are stored: plain, gzip or zstd, told apart by how they begin.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The plain tar of a stored layer.
pub(crate) fn plain(stored: &[u8]) -> Box<dyn Read + '_> {
    match stored {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(stored)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(Frames { rest: stored, open: None }),
        // Frames to be skipped may come first.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Box::new(Frames { rest: stored, open: None }),
        _ => Box::new(stored),
    }
}

/// One zstd frame after the other.
struct Frames<'a> {
    rest: &'a [u8],
    open: Option<StreamingDecoder<&'a [u8], FrameDecoder>>,
}

impl<'a> Frames<'a> {
    /// Opens the next frame; false at the end.
    fn next(&mut self) -> io::Result<bool> {
        while !self.rest.is_empty() {
            match StreamingDecoder::new(self.rest) {
                Ok(decoder) => {
                    self.open = Some(decoder);
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    // Magic number and length, four bytes each.
                    self.rest = self.rest.get(8 + length as usize..).unwrap_or_default();
                }
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
        Ok(false)
    }
}

impl Read for Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(decoder) = &mut self.open {
                let count = decoder.read(buffer)?;
                if count > 0 {
                    return Ok(count);
                }
                if let Some(decoder) = self.open.take() {
                    self.rest = decoder.into_inner();
                }
            }
            if !self.next()? {
                return Ok(0);
            }
        }
    }
}

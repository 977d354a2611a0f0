//! The records of a file, one at a time, with the numbers of their lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use crate::Failure;

/// No item is longer, even with every character escaped, in bytes.
const RECORD_BYTES_MAX: usize = 4 << 20;
/// The first byte of what gzip wrote (RFC 1952), which no text begins with.
const GZIP: u8 = 0x1f;

/// A record.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// The number of its first line.
    pub line: u64,
    /// It, without the end of the line.
    pub text: String,
}

/// A record that cannot be read; those after it can.
#[derive(Debug, PartialEq, Eq)]
pub struct Bad {
    /// The number of its first line.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// A file that is read, and how far.
pub struct Input {
    /// Its text, uncompressed.
    pub text: Box<dyn BufRead>,
    /// Bytes of the file that were read.
    pub read: Arc<AtomicU64>,
    /// Bytes of the file, if they are known.
    pub bytes: Option<u64>,
}

/// Opens a file, or the standard input.
pub fn open(file: &Path) -> Result<Input, Failure> {
    let failed = |e: io::Error| Failure::of(file.display(), e);
    let read = Arc::new(AtomicU64::new(0));
    let (raw, bytes): (Box<dyn Read>, _) = if file == Path::new("-") {
        (Box::new(io::stdin()), None)
    } else {
        let opened = File::open(file).map_err(failed)?;
        let metadata = opened.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(Failure::of(file.display(), "is a directory"));
        }
        (Box::new(opened), metadata.is_file().then_some(metadata.len()))
    };
    let mut raw = BufReader::with_capacity(1 << 16, Counted { raw, read: read.clone() });
    let first = raw.fill_buf().map_err(failed)?.first().copied();
    let text: Box<dyn BufRead> = match first {
        Some(GZIP) => Box::new(BufReader::new(MultiGzDecoder::new(raw))),
        _ => Box::new(raw),
    };
    Ok(Input { text, read, bytes })
}

struct Counted {
    raw: Box<dyn Read>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Reads records.
pub struct Records<R> {
    input: R,
    /// The number of the next line.
    line: u64,
    /// Whether a record goes on while a quote is open.
    is_quoted: bool,
}

impl<R: BufRead> Records<R> {
    /// From the first line on.
    pub fn new(input: R) -> Records<R> {
        Records { input, line: 1, is_quoted: false }
    }

    /// Takes line ends within quotes as part of a record.
    pub fn quoted(&mut self) {
        self.is_quoted = true;
    }

    /// The number of the next line.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The first character that is not white space, without taking it.
    pub fn first_character(&mut self) -> io::Result<Option<char>> {
        let text = String::from_utf8_lossy(self.input.fill_buf()?).into_owned();
        Ok(text.trim_start_matches('\u{feff}').trim_start().chars().next())
    }

    /// The next record that is not blank.
    pub fn next(&mut self) -> Option<io::Result<Result<Record, Bad>>> {
        loop {
            let line = self.line;
            let bytes = match self.bytes() {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            };
            let bad = |why: &str| Some(Ok(Err(Bad { line, why: why.to_owned() })));
            if bytes.len() > RECORD_BYTES_MAX {
                return bad(if self.is_quoted {
                    "longer than any item; is a quote not closed?"
                } else {
                    "longer than any item"
                });
            }
            let Ok(text) = String::from_utf8(bytes) else { return bad("not UTF-8") };
            let text = text.trim_end_matches(['\n', '\r']);
            let text = if line == 1 { text.trim_start_matches('\u{feff}') } else { text };
            if !text.trim().is_empty() {
                return Some(Ok(Ok(Record { line, text: text.to_owned() })));
            }
        }
    }

    /// The bytes of a record; of one that is too long, only its beginning.
    fn bytes(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let mut is_open = false;
        loop {
            let before = bytes.len();
            let room = (RECORD_BYTES_MAX + 1).saturating_sub(before) as u64;
            let read = (&mut self.input).take(room).read_until(b'\n', &mut bytes)?;
            if read == 0 {
                return Ok((!bytes.is_empty()).then_some(bytes));
            }
            if bytes.len() > RECORD_BYTES_MAX {
                self.skip_line(bytes.ends_with(b"\n"))?;
                return Ok(Some(bytes));
            }
            self.line += 1;
            let quotes = bytes[before..].iter().filter(|&&byte| byte == b'"').count();
            is_open ^= quotes % 2 == 1;
            if !(self.is_quoted && is_open) {
                return Ok(Some(bytes));
            }
        }
    }

    fn skip_line(&mut self, mut is_over: bool) -> io::Result<()> {
        self.line += 1;
        while !is_over {
            let buffer = self.input.fill_buf()?;
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let skipped = end.map_or(buffer.len(), |end| end + 1);
            is_over = end.is_some() || buffer.is_empty();
            self.input.consume(skipped);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, is_quoted: bool, expected: &[(u64, Result<&str, &str>)]) {
        let mut records = Records::new(text.as_bytes());
        records.is_quoted = is_quoted;
        let found: Vec<(u64, Result<String, String>)> = std::iter::from_fn(|| records.next())
            .map(|record| match record.unwrap() {
                Ok(record) => (record.line, Ok(record.text)),
                Err(bad) => (bad.line, Err(bad.why)),
            })
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(line, record)| (*line, record.map(str::to_owned).map_err(str::to_owned)))
            .collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn reads_records() {
        check("\u{feff}a\r\n\n \nb", false, &[(1, Ok("a")), (4, Ok("b"))]);
        check("a,\"b\nc\"\nd", true, &[(1, Ok("a,\"b\nc\"")), (3, Ok("d"))]);
        check("a\"b\nc\"d", false, &[(1, Ok("a\"b")), (2, Ok("c\"d"))]);
        check("a,\"b\nc", true, &[(1, Ok("a,\"b\nc"))]);
        let long = format!("{}\nb", "x".repeat(RECORD_BYTES_MAX + 1));
        check(&long, false, &[(1, Err("longer than any item")), (2, Ok("b"))]);
    }
}

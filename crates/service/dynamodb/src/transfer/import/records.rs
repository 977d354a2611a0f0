//! Taking objects apart into records, as their bytes come.

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;

use super::{Compression, Format};

/// The longest record that is read. An item has 400 KB, and JSON may write each byte as six.
const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Compressed bytes that are unpacked at once: they become at most about a thousand times as many.
const STEP_BYTES: usize = 1024;

/// A record.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::transfer) enum Record {
    Whole(Vec<u8>),
    /// One that was too long, and was passed over.
    TooLong,
}

/// An object is not compressed as it should be.
#[derive(Debug)]
pub(in crate::transfer) struct NotCompressed;

/// Takes an object apart.
pub(in crate::transfer) struct Splitter {
    unpacker: Option<MultiGzDecoder<Vec<u8>>>,
    /// Whether a line may end within quotation marks.
    quotes: bool,
    is_quoted: bool,
    nesting: Nesting,
    record: Vec<u8>,
    is_too_long: bool,
    found: Vec<Record>,
}

impl Splitter {
    /// At the beginning of an object.
    pub fn new(format: &Format, compression: Compression) -> Splitter {
        Splitter {
            unpacker: (compression == Compression::Gzip).then(|| MultiGzDecoder::new(Vec::new())),
            quotes: matches!(format, Format::Csv { .. }),
            is_quoted: false,
            nesting: Nesting::default(),
            record: Vec::new(),
            is_too_long: false,
            found: Vec::new(),
        }
    }

    /// Takes a piece, or the first part of it; answers how many bytes that was.
    pub fn push(&mut self, piece: &Bytes) -> Result<usize, NotCompressed> {
        let Some(unpacker) = &mut self.unpacker else {
            self.split(piece);
            return Ok(piece.len());
        };
        let step = piece.len().min(STEP_BYTES);
        unpacker.write_all(&piece[..step]).map_err(|_| NotCompressed)?;
        let plain = std::mem::take(unpacker.get_mut());
        self.split(&plain);
        Ok(step)
    }

    /// The end of the object: the last line need not end.
    pub fn end(&mut self) -> Result<(), NotCompressed> {
        if let Some(mut unpacker) = self.unpacker.take() {
            unpacker.try_finish().map_err(|_| NotCompressed)?;
            let plain = std::mem::take(unpacker.get_mut());
            self.split(&plain);
        }
        self.record_ends();
        Ok(())
    }

    /// The records that are complete.
    pub fn take(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.found)
    }

    fn split(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let end = self.record_end(bytes);
            let (length, passed) = end.unwrap_or((bytes.len(), bytes.len()));
            let line = &bytes[..length];
            if self.record.len() + line.len() > RECORD_BYTES_MAX {
                self.is_too_long = true;
                self.record = Vec::new();
            }
            if !self.is_too_long {
                self.record.extend_from_slice(line);
            }
            bytes = &bytes[passed..];
            if end.is_some() {
                self.record_ends();
            }
        }
    }

    /// How many bytes are left of the record, if it ends here, and with the end of its line.
    fn record_end(&mut self, bytes: &[u8]) -> Option<(usize, usize)> {
        if !self.quotes {
            return bytes.iter().enumerate().find_map(|(at, &byte)| match byte {
                b'\n' => Some((at, at + 1)),
                // AWS takes objects that follow each other in a line, too.
                _ => self.nesting.ends(byte).then_some((at + 1, at + 1)),
            });
        }
        let end = memchr::memchr2_iter(b'\n', b'"', bytes).find(|&at| {
            // A doubled mark within a quotation ends and begins it.
            self.is_quoted ^= bytes[at] == b'"';
            bytes[at] == b'\n' && !self.is_quoted
        });
        end.map(|at| (at, at + 1))
    }

    fn record_ends(&mut self) {
        let mut record = std::mem::take(&mut self.record);
        self.is_quoted = false;
        self.nesting = Nesting::default();
        if std::mem::take(&mut self.is_too_long) {
            self.found.push(Record::TooLong);
            return;
        }
        if record.last() == Some(&b'\r') {
            record.pop();
        }
        // Nothing between two ends of lines is no record.
        if !record.iter().all(u8::is_ascii_whitespace) {
            self.found.push(Record::Whole(record));
        }
    }
}

/// How deep in an object of JSON a record is, if it begins with one.
#[derive(Default)]
struct Nesting {
    is_object: Option<bool>,
    depth: u64,
    is_text: bool,
    is_escaped: bool,
}

impl Nesting {
    /// Takes a byte; whether the object ends with it.
    fn ends(&mut self, byte: u8) -> bool {
        match self.is_object {
            Some(true) => {}
            Some(false) => return false,
            None if byte.is_ascii_whitespace() => return false,
            None => {
                self.is_object = Some(byte == b'{');
                self.depth = 1;
                return false;
            }
        }
        if std::mem::take(&mut self.is_escaped) {
            return false;
        }
        match byte {
            b'\\' if self.is_text => self.is_escaped = true,
            b'"' => self.is_text = !self.is_text,
            b'{' if !self.is_text => self.depth += 1,
            b'}' if !self.is_text => self.depth -= 1,
            _ => {}
        }
        self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::write::GzEncoder;

    const CSV: Format = Format::Csv { delimiter: None, header: None };

    fn check(format: &Format, text: &[u8], expected: &[&str]) {
        let mut packer = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text).unwrap();
        let packed = packer.finish().unwrap();
        for (bytes, compression) in [(text, Compression::None), (&packed, Compression::Gzip)] {
            for step in [1, 7, usize::MAX] {
                let mut splitter = Splitter::new(format, compression);
                for piece in bytes.chunks(step.min(bytes.len().max(1))) {
                    let mut piece = Bytes::copy_from_slice(piece);
                    while !piece.is_empty() {
                        let taken = splitter.push(&piece).unwrap();
                        piece = piece.slice(taken..);
                    }
                }
                splitter.end().unwrap();
                let found = splitter.take().into_iter().map(|record| match record {
                    Record::Whole(bytes) => String::from_utf8(bytes).unwrap(),
                    Record::TooLong => "too long".to_owned(),
                });
                assert_eq!(found.collect::<Vec<_>>(), expected);
            }
        }
    }

    #[test]
    fn records_are_lines() {
        check(&Format::Json, b"{}\n\n{\"a\":1}\r\n[", &["{}", "{\"a\":1}", "["]);
        check(&Format::Json, b"", &[]);
        check(&Format::Json, b"{\"a\":{}}{} {}\n{}", &["{\"a\":{}}", "{}", " {}", "{}"]);
        check(&Format::Json, br#"{"}\"{":"}"}{}x}"#, &[r#"{"}\"{":"}"}"#, "{}", "x}"]);
        check(&Format::Json, b"[{},{}]\n{{\n}", &["[{},{}]", "{{", "}"]);
        check(&Format::Json, b"\"\n\"\n", &["\"", "\""]);
        check(&CSV, b"a,b\n\"x\ny\",2\n\"\"\"\n\",3", &["a,b", "\"x\ny\",2", "\"\"\"\n\",3"]);
    }

    #[test]
    fn long_records_are_passed_over() {
        let mut splitter = Splitter::new(&Format::Json, Compression::None);
        let mut text = vec![b'x'; RECORD_BYTES_MAX + 1];
        text.extend(b"\n{}\n");
        splitter.push(&text.into()).unwrap();
        splitter.end().unwrap();
        assert_eq!(splitter.take(), [Record::TooLong, Record::Whole(b"{}".to_vec())]);
    }

    #[test]
    fn what_is_not_compressed_is_refused() {
        let mut splitter = Splitter::new(&Format::Json, Compression::Gzip);
        assert!(splitter.push(&Bytes::from_static(b"{\"Item\":{}}\n")).is_err());
    }
}

//! Reading `multipart/form-data` (RFC 7578) piece by piece: small fields, then one file, whose
//! bytes pass through without being kept.

use bytes::{Bytes, BytesMut};
use kernel::Fault;
use memchr::memmem;

/// All that comes before the file, S3's limit.
const BEFORE_FILE_BYTES_MAX: usize = 20 * 1024;
/// RFC 2046's limit.
const BOUNDARY_BYTES_MAX: usize = 70;

/// What is wrong with a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FormError {
    /// No boundary, or the body is not made of parts.
    Malformed,
    /// The fields before the file are too long.
    FieldsTooLarge,
    /// It ended before its end.
    Incomplete,
}

impl From<FormError> for Fault {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Malformed => Fault::sender(
                "MalformedPOSTRequest",
                "The body of your POST request is not well-formed multipart/form-data.",
            ),
            FormError::FieldsTooLarge => Fault::sender(
                "MaxPostPreDataLengthExceeded",
                "Your POST request fields preceding the upload file were too large.",
            ),
            FormError::Incomplete => {
                Fault::sender("IncompleteBody", "The request body terminated unexpectedly")
            }
        }
    }
}

/// What the parser found next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// More bytes are needed.
    More,
    /// A field before the file.
    Field { name: String, value: String },
    /// The file begins.
    File { name: String, content_type: Option<String> },
    /// Bytes of the file.
    Data(Bytes),
    /// The file has ended. What follows it is of no interest, as S3 says.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first boundary.
    Preamble,
    /// Between a boundary and the end of its line.
    AfterBoundary,
    /// In the headers of a part and, if it is a field, its value.
    Part,
    File,
    Done,
}

/// A form that is being read: [`Parser::push`] bytes, take [`Parser::step`]s until it wants more.
pub(crate) struct Parser {
    /// `CR LF - - boundary`.
    delimiter: Vec<u8>,
    /// Pushed and not yet taken.
    buffer: BytesMut,
    state: State,
    taken: usize,
    ended: bool,
}

impl Parser {
    /// A parser for a `Content-Type`.
    pub fn new(content_type: &str) -> Result<Self, FormError> {
        let boundary = boundary(content_type).ok_or(FormError::Malformed)?;
        Ok(Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            // So that the first boundary looks like all others.
            buffer: BytesMut::from(&b"\r\n"[..]),
            state: State::Preamble,
            taken: 0,
            ended: false,
        })
    }

    /// Adds bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Says that there are no more.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// What comes next.
    pub fn step(&mut self) -> Result<Step, FormError> {
        loop {
            let step = match self.state {
                State::Preamble => self.preamble()?,
                State::AfterBoundary => self.after_boundary()?,
                State::Part => self.part()?,
                State::File => self.file()?,
                State::Done => Some(Step::End),
            };
            match step {
                Some(step) => return Ok(step),
                // The state has changed: go on.
                None => continue,
            }
        }
    }

    /// Not enough is there: an error if nothing more can come, or too much has come already.
    fn more(&self) -> Result<Option<Step>, FormError> {
        if self.ended {
            return Err(FormError::Incomplete);
        }
        let waiting = self.taken + self.buffer.len();
        if self.state != State::File && waiting > BEFORE_FILE_BYTES_MAX {
            return Err(FormError::FieldsTooLarge);
        }
        Ok(Some(Step::More))
    }

    /// Forgets bytes that come before the file.
    fn take(&mut self, length: usize) -> Result<BytesMut, FormError> {
        self.taken += length;
        if self.taken > BEFORE_FILE_BYTES_MAX {
            return Err(FormError::FieldsTooLarge);
        }
        Ok(self.buffer.split_to(length))
    }

    fn preamble(&mut self) -> Result<Option<Step>, FormError> {
        let Some(at) = memmem::find(&self.buffer, &self.delimiter) else {
            // Without a single boundary it is no form at all.
            return if self.ended { Err(FormError::Malformed) } else { self.more() };
        };
        self.take(at + self.delimiter.len())?;
        self.state = State::AfterBoundary;
        Ok(None)
    }

    fn after_boundary(&mut self) -> Result<Option<Step>, FormError> {
        if self.buffer.starts_with(b"--") {
            self.state = State::Done;
            return Ok(None);
        }
        let Some(at) = memmem::find(&self.buffer, b"\r\n") else { return self.more() };
        if !self.buffer[..at].iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            return Err(FormError::Malformed);
        }
        // The line's end stays: then a part without headers still has an empty line.
        self.take(at)?;
        self.state = State::Part;
        Ok(None)
    }

    fn part(&mut self) -> Result<Option<Step>, FormError> {
        let Some(at) = memmem::find(&self.buffer, b"\r\n\r\n") else { return self.more() };
        let head = std::str::from_utf8(&self.buffer[..at]).map_err(|_| FormError::Malformed)?;
        let part = Head::read(head).ok_or(FormError::Malformed)?;
        // A browser names the file's field `file`; S3 goes by that alone.
        if part.name.eq_ignore_ascii_case("file") {
            self.take(at + 4)?;
            self.state = State::File;
            let (name, content_type) = (part.filename.unwrap_or_default(), part.content_type);
            return Ok(Some(Step::File { name, content_type }));
        }
        let value_at = at + 4;
        // An empty value's boundary begins with the line's end that closes the headers.
        let Some(length) = memmem::find(&self.buffer[value_at - 2..], &self.delimiter) else {
            return self.more();
        };
        let end = (value_at - 2 + length).max(value_at);
        let value = std::str::from_utf8(&self.buffer[value_at..end]);
        let value = value.map_err(|_| FormError::Malformed)?.to_owned();
        self.take(value_at - 2 + length + self.delimiter.len())?;
        self.state = State::AfterBoundary;
        Ok(Some(Step::Field { name: part.name, value }))
    }

    fn file(&mut self) -> Result<Option<Step>, FormError> {
        if let Some(at) = memmem::find(&self.buffer, &self.delimiter) {
            if at > 0 {
                return Ok(Some(Step::Data(self.buffer.split_to(at).freeze())));
            }
            self.state = State::Done;
            return Ok(None);
        }
        // The last bytes may be the begin of the delimiter.
        let sure = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
        match sure {
            0 => self.more(),
            sure => Ok(Some(Step::Data(self.buffer.split_to(sure).freeze()))),
        }
    }
}

/// The `boundary` parameter of `multipart/form-data`.
fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    let fine = (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len())
        && boundary.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    fine.then_some(boundary)
}

/// The headers of a part.
struct Head {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
}

impl Head {
    fn read(text: &str) -> Option<Self> {
        let (mut name, mut filename, mut content_type) = (None, None, None);
        for line in text.split("\r\n").filter(|line| !line.is_empty()) {
            let (key, value) = line.split_once(':')?;
            if key.trim().eq_ignore_ascii_case("content-disposition") {
                let (kind, parameters) = value.split_once(';')?;
                if !kind.trim().eq_ignore_ascii_case("form-data") {
                    return None;
                }
                name = parameter(parameters, "name");
                filename = parameter(parameters, "filename");
            } else if key.trim().eq_ignore_ascii_case("content-type") {
                content_type = Some(value.trim().to_owned());
            }
        }
        Some(Self { name: name?, filename, content_type })
    }
}

/// A parameter of a header: `name=value` or `name="value"`, with `\"` and `%22` for quotes within.
fn parameter(text: &str, wanted: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim().trim_start_matches(';').trim();
        let (value, left) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = left;
    }
}

fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value.replace("%22", "\""), &text[at + 1..])),
            // Browsers send a path's backslashes as they are; only quotes are escaped.
            '\\' if text[at + 1..].starts_with('"') => {
                chars.next();
                value.push('"');
            }
            other => value.push(other),
        }
    }
    None
}

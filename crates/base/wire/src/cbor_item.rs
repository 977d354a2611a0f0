//! A pull reader and a writer of CBOR (RFC 8949), as far as rpcv2Cbor needs it.

use std::borrow::Cow;

use crate::error::{ReadError, syntax};

/// Deepest nesting, also in values that are skipped.
const MAX_DEPTH: usize = 3 * shape::MAX_DEPTH;

/// The start of an item. After `Array` or `Map` come that many elements or pairs, or with
/// `None` any number up to a break.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Bytes(Cow<'a, [u8]>),
    Text(Cow<'a, str>),
    Array(Option<u64>),
    Map(Option<u64>),
    /// A tag; its content follows.
    Tag(u64),
}

pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

const BREAK: u8 = 0xff;

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn bad(&self, what: &str) -> ReadError {
        syntax(what, self.at)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], ReadError> {
        let rest = &self.bytes[self.at..];
        let length = usize::try_from(length).ok().filter(|length| *length <= rest.len());
        let length = length.ok_or_else(|| self.bad("The data ends early"))?;
        self.at += length;
        Ok(&rest[..length])
    }

    fn byte(&mut self) -> Result<u8, ReadError> {
        Ok(self.take(1)?[0])
    }

    /// The number that goes with an initial byte; nothing for an indefinite length.
    fn argument(&mut self, info: u8) -> Result<Option<u64>, ReadError> {
        let length = match info {
            0..=23 => return Ok(Some(u64::from(info))),
            24..=27 => 1 << (info - 24),
            31 => return Ok(None),
            _ => return Err(self.bad("A reserved initial byte")),
        };
        let bytes = self.take(length)?;
        Ok(Some(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))))
    }

    fn definite(&mut self, info: u8) -> Result<u64, ReadError> {
        self.argument(info)?.ok_or_else(|| self.bad("An indefinite length where none may be"))
    }

    /// The next item, or its beginning.
    pub fn item(&mut self) -> Result<Item<'a>, ReadError> {
        let initial = self.byte()?;
        let info = initial & 0x1f;
        Ok(match initial >> 5 {
            0 => Item::Int(i128::from(self.definite(info)?)),
            1 => Item::Int(-1 - i128::from(self.definite(info)?)),
            2 => Item::Bytes(self.string(2, info)?),
            3 => Item::Text(match self.string(3, info)? {
                Cow::Borrowed(bytes) => {
                    std::str::from_utf8(bytes).map_err(|_| self.bad("Not UTF-8"))?.into()
                }
                Cow::Owned(bytes) => {
                    String::from_utf8(bytes).map_err(|_| self.bad("Not UTF-8"))?.into()
                }
            }),
            4 => Item::Array(self.argument(info)?),
            5 => Item::Map(self.argument(info)?),
            6 => Item::Tag(self.definite(info)?),
            _ => self.simple(info)?,
        })
    }

    fn simple(&mut self, info: u8) -> Result<Item<'a>, ReadError> {
        Ok(match info {
            20 => Item::Bool(false),
            21 => Item::Bool(true),
            22 | 23 => Item::Null,
            25 => Item::Float(half(self.definite(info)? as u16)),
            26 => Item::Float(f64::from(f32::from_bits(self.definite(info)? as u32))),
            27 => Item::Float(f64::from_bits(self.definite(info)?)),
            31 => return Err(self.bad("A break where none may be")),
            _ => return Err(self.bad("An unknown simple value")),
        })
    }

    /// A byte or text string; an indefinite one is put together from its chunks.
    fn string(&mut self, major: u8, info: u8) -> Result<Cow<'a, [u8]>, ReadError> {
        if let Some(length) = self.argument(info)? {
            return Ok(Cow::Borrowed(self.take(length)?));
        }
        let mut whole = Vec::new();
        loop {
            let initial = self.byte()?;
            if initial == BREAK {
                return Ok(Cow::Owned(whole));
            }
            if initial >> 5 != major {
                return Err(self.bad("A chunk of another type"));
            }
            let length = self.definite(initial & 0x1f)?;
            whole.extend_from_slice(self.take(length)?);
        }
    }

    /// Whether an array or map has another entry; counts down what is left.
    pub fn more(&mut self, left: &mut Option<u64>) -> Result<bool, ReadError> {
        match left {
            Some(0) => Ok(false),
            Some(n) => {
                *n -= 1;
                Ok(true)
            }
            None if self.bytes.get(self.at) == Some(&BREAK) => {
                self.at += 1;
                Ok(false)
            }
            None => Ok(true),
        }
    }

    /// A map's key.
    pub fn key(&mut self) -> Result<Cow<'a, str>, ReadError> {
        match self.item()? {
            Item::Text(key) => Ok(key),
            _ => Err(self.bad("A key that is not text")),
        }
    }

    /// Reads over the rest of an item, without recursion.
    pub fn skip(&mut self, item: Item<'a>) -> Result<(), ReadError> {
        // How many items each open container still wants.
        let mut open = Vec::new();
        let mut item = item;
        loop {
            match item {
                Item::Array(left) => open.push((left, false)),
                Item::Map(left) => open.push((left, true)),
                Item::Tag(_) => open.push((Some(1), false)),
                _ => {}
            }
            if open.len() > MAX_DEPTH {
                return Err(ReadError::TooDeep);
            }
            loop {
                let Some((left, pairs)) = open.last_mut() else { return Ok(()) };
                if self.more(left)? {
                    if *pairs {
                        self.key()?;
                    }
                    break;
                }
                open.pop();
            }
            item = self.item()?;
        }
    }
}

/// IEEE 754 half precision.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f64::from(bits & 0x3ff);
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

/// Writes CBOR.
#[derive(Default)]
pub(crate) struct Writer {
    pub out: Vec<u8>,
}

impl Writer {
    fn head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        match argument {
            0..=23 => self.out.push(major | argument as u8),
            24..=0xff => self.out.extend([major | 24, argument as u8]),
            0x100..=0xffff => {
                self.out.push(major | 25);
                self.out.extend((argument as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                self.out.push(major | 26);
                self.out.extend((argument as u32).to_be_bytes());
            }
            _ => {
                self.out.push(major | 27);
                self.out.extend(argument.to_be_bytes());
            }
        }
    }

    pub fn null(&mut self) {
        self.out.push(0xf6);
    }

    pub fn bool(&mut self, value: bool) {
        self.out.push(if value { 0xf5 } else { 0xf4 });
    }

    pub fn int(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.head(0, value),
            Err(_) => self.head(1, !value as u64),
        }
    }

    pub fn float(&mut self, value: f32) {
        self.out.push(0xfa);
        self.out.extend(value.to_bits().to_be_bytes());
    }

    pub fn double(&mut self, value: f64) {
        self.out.push(0xfb);
        self.out.extend(value.to_bits().to_be_bytes());
    }

    pub fn bytes(&mut self, value: &[u8]) {
        self.head(2, value.len() as u64);
        self.out.extend(value);
    }

    pub fn text(&mut self, value: &str) {
        self.head(3, value.len() as u64);
        self.out.extend(value.as_bytes());
    }

    pub fn array(&mut self, length: usize) {
        self.head(4, length as u64);
    }

    pub fn map(&mut self, length: usize) {
        self.head(5, length as u64);
    }

    /// A map of any number of pairs, to be ended with `end`.
    pub fn open_map(&mut self) {
        self.out.push(0xbf);
    }

    pub fn end(&mut self) {
        self.out.push(BREAK);
    }

    pub fn tag(&mut self, tag: u64) {
        self.head(6, tag);
    }
}

//! Listing keys: prefix, delimiter, where to begin, how many.

use std::ops::ControlFlow;

use api_s3::{CommonPrefix, EncodingType, Error, OptionalObjectAttributes, RestoreStatus};
use kernel::{Ctx, Timestamp};
use store::{Key, Part, RawTable, ReadTx, Scan};

use crate::errors;
use crate::records::Version;

/// Most entries of a page.
pub(crate) const PAGE_MAX: usize = 1000;

/// What is listed.
pub(crate) struct Listing<'a> {
    pub bucket: &'a str,
    pub prefix: &'a str,
    pub delimiter: Option<&'a str>,
    /// Only keys and common prefixes after this one.
    pub after: Option<&'a str>,
    pub max: usize,
}

/// An entry of a page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry<T> {
    Key(String, T),
    Prefix(String),
}

/// A page, and whether there is more after it.
pub(crate) struct Page<T> {
    pub entries: Vec<Entry<T>>,
    pub truncated: bool,
}

impl<T> Page<T> {
    /// The last key or common prefix.
    pub fn last(&self) -> Option<&str> {
        self.entries.last().map(|entry| match entry {
            Entry::Key(key, _) | Entry::Prefix(key) => key.as_str(),
        })
    }

    /// The common prefixes, as answers have them.
    pub fn prefixes(&self, encode: impl Fn(&str) -> String) -> Option<Vec<CommonPrefix>> {
        let prefixes = self.entries.iter().filter_map(|entry| match entry {
            Entry::Prefix(prefix) => Some(CommonPrefix { prefix: Some(encode(prefix)) }),
            Entry::Key(..) => None,
        });
        let prefixes: Vec<CommonPrefix> = prefixes.collect();
        (!prefixes.is_empty()).then_some(prefixes)
    }
}

impl Listing<'_> {
    /// The common prefix that hides a key.
    pub fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter.filter(|delimiter| !delimiter.is_empty())?;
        let rest = key.strip_prefix(self.prefix)?;
        let end = self.prefix.len() + rest.find(delimiter)? + delimiter.len();
        Some(&key[..end])
    }

    /// A page of a table whose keys begin with bucket and key.
    pub fn page<T>(
        &self,
        tx: &ReadTx,
        table: &RawTable,
        read: impl Fn(&str, &[u8]) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        let mut page = Page { entries: Vec::new(), truncated: false };
        if self.max == 0 {
            return Ok(page);
        }
        let within = || Scan::prefix(Key::of(self.bucket).text_beginning(self.prefix));
        let mut scan = match self.after {
            None => within(),
            // What a page before ended with was all that is behind it.
            Some(after) if self.common_prefix(after) == Some(after) => {
                within().gt(Key::of(self.bucket).text_beginning(after))
            }
            Some(after) => within().gt((self.bucket, after)),
        };
        loop {
            let mut skip = None;
            let mut problem = None;
            tx.scan_raw(table, &scan, &mut |stored, value| {
                let Some(key) = key_of(stored) else { return ControlFlow::Continue(()) };
                if page.entries.len() == self.max {
                    page.truncated = true;
                    return ControlFlow::Break(());
                }
                if let Some(prefix) = self.common_prefix(&key) {
                    page.entries.push(Entry::Prefix(prefix.to_owned()));
                    skip = Some(prefix.to_owned());
                    return ControlFlow::Break(());
                }
                match read(&key, &value) {
                    Ok(entry) => page.entries.push(Entry::Key(key, entry)),
                    Err(error) => {
                        problem = Some(error);
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            })?;
            if let Some(error) = problem {
                return Err(error);
            }
            match skip {
                Some(prefix) => {
                    scan = within().gt(Key::of(self.bucket).text_beginning(&prefix));
                }
                None => return Ok(page),
            }
        }
    }
}

/// The object's key in a stored one.
fn key_of(stored: &[u8]) -> Option<String> {
    match Key::from_bytes(stored).parts()?.into_iter().nth(1)? {
        Part::Text(key) => Some(key),
        _ => None,
    }
}

/// `max-keys` and its like: at most a thousand.
pub(crate) fn max(name: &str, given: Option<i32>) -> Result<usize, Error> {
    match given {
        None => Ok(PAGE_MAX),
        Some(max) => match usize::try_from(max) {
            Ok(max) => Ok(max.min(PAGE_MAX)),
            Err(_) => {
                let text = format!("Argument {name} must be an integer between 0 and 2147483647");
                let value = max.to_string();
                Err(errors::invalid_argument(name, Some(&value), &text).into())
            }
        },
    }
}

/// How keys are written into an answer: `encoding-type=url` percent-encodes what XML could not
/// carry, and then some.
pub(crate) fn encoder(encoding: Option<&EncodingType>) -> impl Fn(&str) -> String + Copy {
    let url = encoding == Some(&EncodingType::Url);
    move |text: &str| if url { encode(text) } else { text.to_owned() }
}

fn encode(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                out.push(char::from(DIGITS[usize::from(byte >> 4)]));
                out.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
    out
}
/// Now, if a list is to say what is restored.
pub(crate) fn restore_asked(
    attributes: Option<&[OptionalObjectAttributes]>,
    ctx: &Ctx,
) -> Option<Timestamp> {
    let asked = attributes?.contains(&OptionalObjectAttributes::RestoreStatus);
    asked.then(|| ctx.now())
}

/// Whether a version has a restored copy, and until when; nothing if nobody asked.
pub(crate) fn restore_status(version: &Version, asked: Option<Timestamp>) -> Option<RestoreStatus> {
    let until = version.restored(asked?)?;
    let (is_restore_in_progress, restore_expiry_date) = (Some(false), Some(until));
    Some(RestoreStatus { is_restore_in_progress, restore_expiry_date })
}

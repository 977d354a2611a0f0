//! `Range`: one range of bytes, RFC 9110 §14. Several, or what is no range, are ignored.

use std::ops::Range;

use crate::errors;
use kernel::Fault;

/// The bytes asked for of `size`; `None` is all of them.
pub(crate) fn read(header: Option<&str>, size: u64) -> Result<Option<Range<u64>>, Fault> {
    let Some(header) = header else { return Ok(None) };
    let Some((from, to)) = parse(header) else { return Ok(None) };
    let unsatisfiable = || Err(errors::invalid_range(header, size));
    let range = match (from, to) {
        (Some(from), Some(to)) if from > to => return Ok(None),
        (Some(from), to) => from..to.map_or(size, |to| size.min(to.saturating_add(1))),
        (None, Some(0)) => return unsatisfiable(),
        (None, Some(last)) => size.saturating_sub(last)..size,
        (None, None) => return Ok(None),
    };
    if range.start >= size {
        return unsatisfiable();
    }
    Ok(Some(range))
}

fn parse(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let range = header.trim().strip_prefix("bytes=")?;
    let (from, to) = range.trim().split_once('-')?;
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            // Beyond all sizes is beyond all sizes, however many digits it has.
            Some(Some(digits.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    };
    Some((number(from)?, number(to)?))
}

/// `Content-Range`.
pub(crate) fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1))
}

/// `x-amz-copy-source-range`: strict, unlike the header of reads.
pub(crate) fn of_copy(header: Option<&str>, size: u64) -> Result<Range<u64>, Fault> {
    let Some(header) = header else { return Ok(0..size) };
    let invalid = || {
        let text = "The x-amz-copy-source-range value must be of the form bytes=first-last where \
                    first and last are the zero-based offsets of the first and last bytes to copy";
        errors::invalid_argument("x-amz-copy-source-range", Some(header), text)
    };
    match parse(header) {
        Some((Some(from), Some(to))) if from <= to => match to < size {
            true => Ok(from..to + 1),
            false => {
                let text =
                    format!("Range specified is not valid for source object of size: {size}");
                Err(errors::invalid_argument("x-amz-copy-source-range", Some(header), &text))
            }
        },
        _ => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (header, size, expected) in [
            ("bytes=0-4", 10, "0..5"),
            ("bytes=5-", 10, "5..10"),
            ("bytes=-3", 10, "7..10"),
            ("bytes=-30", 10, "0..10"),
            ("bytes=0-99999999999999999999999", 10, "0..10"),
            ("bytes=9-9", 10, "9..10"),
            ("bytes=10-", 10, "416"),
            ("bytes=0-", 0, "416"),
            ("bytes=-0", 10, "416"),
            ("bytes=5-4", 10, "all"),
            ("bytes=0-1,3-4", 10, "all"),
            ("bytes=-", 10, "all"),
            ("lines=0-1", 10, "all"),
            ("bytes=+1-2", 10, "all"),
        ] {
            let found = match read(Some(header), size) {
                Ok(Some(range)) => format!("{range:?}"),
                Ok(None) => "all".to_owned(),
                Err(fault) => fault.status.to_string(),
            };
            assert_eq!(found, expected, "{header} of {size}");
        }
    }
}

//! `YYYYMMDDThhmmssZ`, the only time format of Signature V4, and the HTTP date it may stand for.

use jiff::{Timestamp, civil::DateTime, tz::Offset, tz::TimeZone};

/// Seconds since 1970 of `YYYYMMDDThhmmssZ`, or nothing when it is not exactly that.
pub fn parse_basic(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        bytes[range].iter().try_fold(0_i16, |sum, &byte| {
            byte.is_ascii_digit().then(|| sum * 10 + i16::from(byte - b'0'))
        })
    };
    let part = |range| number(range).and_then(|value| i8::try_from(value).ok());
    let civil = DateTime::new(
        number(0..4)?,
        part(4..6)?,
        part(6..8)?,
        part(9..11)?,
        part(11..13)?,
        part(13..15)?,
        0,
    )
    .ok()?;
    Some(Offset::UTC.to_timestamp(civil).ok()?.as_second())
}

/// Seconds since 1970 of an HTTP `Date` (RFC 1123), or nothing.
pub fn parse_http(text: &str) -> Option<i64> {
    let zoned = jiff::fmt::rfc2822::DateTimeParser::new().parse_zoned(text).ok()?;
    Some(zoned.timestamp().as_second())
}

/// `YYYYMMDDThhmmssZ` of seconds since 1970. Times no calendar knows become the nearest known one.
pub fn format_basic(time_s: i64) -> String {
    let time = Timestamp::from_second(time_s).unwrap_or(if time_s < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    });
    let civil = time.to_zoned(TimeZone::UTC).datetime();
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_dates_are_strict() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(parse_basic(text), expected);
        check("19700101T000000Z", Some(0));
        check("20130524T000000Z", Some(1_369_353_600));
        check("20240229T235959Z", Some(1_709_251_199));
        check("20230229T000000Z", None);
        check("20130524T240000Z", None);
        check("20130524t000000Z", None);
        check("20130524T000000z", None);
        check("2013-05-24T00:00:00Z", None);
        check("２０130524T0000Z", None);
        check("", None);
    }

    #[test]
    fn dates_come_back_as_they_were() {
        assert_eq!(format_basic(1_369_353_600), "20130524T000000Z");
        assert_eq!(parse_http("Fri, 24 May 2013 00:00:00 GMT"), Some(1_369_353_600));
        assert_eq!(parse_http("yesterday"), None);
        assert_eq!(format_basic(i64::MAX).len(), "99991230T220000Z".len());
    }
}

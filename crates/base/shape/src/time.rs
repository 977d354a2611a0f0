//! Instants in the three formats of the AWS protocols.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::TimeFormat;

/// An instant, in milliseconds since 1970 UTC: the finest any AWS wire format carries.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub epoch_ms: i64,
}

/// The text or number is no instant of the expected format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampError;

impl fmt::Display for TimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a timestamp of the expected format")
    }
}

impl std::error::Error for TimestampError {}

const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S";

impl Timestamp {
    /// From milliseconds since 1970.
    pub fn from_ms(epoch_ms: i64) -> Self {
        Timestamp { epoch_ms }
    }

    /// From seconds since 1970; fractions are rounded to milliseconds. Years 0001 to 9999.
    pub fn from_seconds(seconds: f64) -> Result<Self, TimestampError> {
        let epoch_ms = (seconds * 1000.0).round();
        if !(-62_135_596_800_000.0..253_402_300_800_000.0).contains(&epoch_ms) {
            return Err(TimestampError);
        }
        Ok(Timestamp { epoch_ms: epoch_ms as i64 })
    }

    /// Seconds since 1970.
    pub fn seconds(self) -> f64 {
        self.epoch_ms as f64 / 1000.0
    }

    /// Parses one of the formats. Offsets are allowed in ISO 8601, fractions everywhere.
    pub fn parse(text: &str, format: TimeFormat) -> Result<Self, TimestampError> {
        match format {
            TimeFormat::Iso8601 => {
                let instant: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
                Ok(Timestamp { epoch_ms: instant.as_millisecond() })
            }
            TimeFormat::HttpDate => {
                let civil = jiff::civil::DateTime::strptime(format!("{HTTP_DATE}%.f GMT"), text)
                    .map_err(|_| TimestampError)?;
                let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| TimestampError)?;
                Ok(Timestamp { epoch_ms: zoned.timestamp().as_millisecond() })
            }
            TimeFormat::EpochSeconds => {
                Timestamp::from_seconds(text.parse().map_err(|_| TimestampError)?)
            }
        }
    }

    /// Writes one of the formats; fractions only where there are any (never in HTTP dates).
    pub fn format(self, format: TimeFormat) -> String {
        match format {
            TimeFormat::Iso8601 => {
                let fraction = if self.epoch_ms.rem_euclid(1000) == 0 { "" } else { "%.3f" };
                self.civil(&format!("%Y-%m-%dT%H:%M:%S{fraction}Z"))
            }
            TimeFormat::HttpDate => self.civil(&format!("{HTTP_DATE} GMT")),
            TimeFormat::EpochSeconds if self.epoch_ms % 1000 == 0 => {
                (self.epoch_ms / 1000).to_string()
            }
            TimeFormat::EpochSeconds => self.seconds().to_string(),
        }
    }

    /// `strftime` in UTC.
    pub fn civil(self, pattern: &str) -> String {
        jiff::Timestamp::from_millisecond(self.epoch_ms)
            .unwrap_or_default()
            .strftime(pattern)
            .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, format: TimeFormat, epoch_ms: i64) {
        let time = Timestamp::parse(text, format).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(time.epoch_ms, epoch_ms, "{text}");
        assert_eq!(Timestamp::parse(&time.format(format), format).unwrap(), {
            // HTTP dates are written to the second.
            let ms = if format == TimeFormat::HttpDate { epoch_ms / 1000 * 1000 } else { epoch_ms };
            Timestamp::from_ms(ms)
        });
    }

    #[test]
    fn formats() {
        check("2014-04-29T18:30:38Z", TimeFormat::Iso8601, 1_398_796_238_000);
        check("2014-04-29T19:30:38+01:00", TimeFormat::Iso8601, 1_398_796_238_000);
        check("2000-01-02T20:34:56.123Z", TimeFormat::Iso8601, 946_845_296_123);
        check("Tue, 29 Apr 2014 18:30:38 GMT", TimeFormat::HttpDate, 1_398_796_238_000);
        check("Sun, 02 Jan 2000 20:34:56.456 GMT", TimeFormat::HttpDate, 946_845_296_456);
        check("1398796238", TimeFormat::EpochSeconds, 1_398_796_238_000);
        check("946845296.5", TimeFormat::EpochSeconds, 946_845_296_500);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "1e400", "NaN", "2014-13-01T00:00:00Z", "yesterday", "1e20"] {
            for format in [TimeFormat::Iso8601, TimeFormat::HttpDate, TimeFormat::EpochSeconds] {
                assert!(Timestamp::parse(text, format).is_err(), "{text} {format:?}");
            }
        }
    }
}

//! Dates of `Date…` operators: ISO 8601 as IAM reads it, or seconds since 1970.

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant {
    /// Since 1970.
    seconds: i64,
    /// Of a second, below 1,000,000,000.
    nanos: u32,
}

/// Years that IAM takes, as moto's tests recorded them: those of Java's milliseconds.
const YEARS: std::ops::RangeInclusive<i64> = -292_275_054..=292_278_993;

impl Instant {
    /// A text with `T` or `-` is a date, another the seconds. Months, days and times of day may be
    /// missing from the right. `None`: neither.
    pub fn parse(text: &str) -> Option<Self> {
        if !text.is_ascii() {
            return None;
        }
        if !text.contains(['T', 't', '-']) {
            let seconds = whole(text, 1, 19)?;
            return Some(Self { seconds, nanos: 0 });
        }
        let (date, time) = match text.split_once(['T', 't']) {
            Some((date, time)) => (date, time),
            None => (text, ""),
        };
        let days = days(date)?;
        let (seconds, nanos) = if time.is_empty() { (0, 0) } else { time_of_day(time)? };
        Some(Self { seconds: days * 86_400 + seconds, nanos })
    }
}

/// Digits, so many.
fn whole(text: &str, at_least: usize, at_most: usize) -> Option<i64> {
    let fits = (at_least..=at_most).contains(&text.len());
    if fits && text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn within(text: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    whole(text, 1, 2).filter(|number| range.contains(number))
}

/// Days since 1970 of `YEAR`, `YEAR-MONTH` or `YEAR-MONTH-DAY`.
fn days(date: &str) -> Option<i64> {
    let (sign, date) = match date.strip_prefix('-') {
        Some(date) => (-1, date),
        None => (1, date),
    };
    let mut parts = date.split('-');
    let year = sign * whole(parts.next()?, 1, 9)?;
    let month = parts.next().map_or(Some(1), |month| within(month, 1..=12))?;
    let day = parts.next().map_or(Some(1), |day| within(day, 1..=31))?;
    if parts.next().is_some() || !YEARS.contains(&year) {
        return None;
    }
    // The civil calendar counted in years that begin in March, eras of 400 years.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Seconds and nanoseconds of `HH`, `HH:MM` or `HH:MM:SS.F`, the offset from Greenwich taken off.
fn time_of_day(time: &str) -> Option<(i64, u32)> {
    let (time, offset) = match time.find(['Z', 'z', '+', '-']) {
        None => (time, 0),
        Some(at) => {
            let sign = match time.as_bytes()[at] {
                b'+' => 1,
                b'-' => -1,
                _ if at + 1 == time.len() => 0,
                _ => return None,
            };
            (&time[..at], if sign == 0 { 0 } else { sign * offset(&time[at + 1..])? })
        }
    };
    let mut parts = time.split(':');
    let hours = within(parts.next()?, 0..=23)?;
    let minutes = parts.next().map_or(Some(0), |minutes| within(minutes, 0..=59))?;
    let (seconds, nanos) = match parts.next() {
        None => (0, 0),
        Some(text) => {
            let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
            let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 9)?;
            let fraction = u32::try_from(whole(fraction, 1, 9)?).ok()?;
            (within(seconds, 0..=59)?, fraction * 10_u32.pow(9 - digits))
        }
    };
    if parts.next().is_some() {
        return None;
    }
    Some((hours * 3_600 + minutes * 60 + seconds - offset, nanos))
}

/// Seconds of `HH`, `HHMM` or `HH:MM`.
fn offset(text: &str) -> Option<i64> {
    let (hours, minutes) = match text.len() {
        2 => (text, "00"),
        4 => text.split_at(2),
        5 => text.split_once(':')?,
        _ => return None,
    };
    let two = |text: &str, most| whole(text, 2, 2).filter(|number| *number <= most);
    Some(two(hours, 23)? * 3_600 + two(minutes, 59)? * 60)
}

#[cfg(test)]
mod tests {
    use super::Instant;

    #[test]
    fn reads_dates() {
        let check = |text: &str, expected: Option<(i64, u32)>| {
            let found = Instant::parse(text).map(|at| (at.seconds, at.nanos));
            assert_eq!(found, expected, "{text}");
        };
        check("0", Some((0, 0)));
        check("1500000000", Some((1_500_000_000, 0)));
        check("9223372036854775807", Some((i64::MAX, 0)));
        check("9223372036854775808", None);
        check("1970-01-01", Some((0, 0)));
        check("1970", Some((1970, 0)));
        check("1970T", Some((0, 0)));
        check("2000-02-29T12:30:15Z", Some((951_827_415, 0)));
        check("2000-02-29t12:30:15.25z", Some((951_827_415, 250_000_000)));
        check("2000-02-29T12:30:15+09:00", Some((951_827_415 - 9 * 3_600, 0)));
        check("2000-02-29T12:30:15-0930", Some((951_827_415 + 9 * 3_600 + 1_800, 0)));
        check("2000-02-29T12:30", Some((951_827_400, 0)));
        check("1969-12-31T23:59:59Z", Some((-1, 0)));
        check("2000-03", Some((951_868_800, 0)));
        check("01T", Some((-62_135_596_800, 0)));
        check("-292275054", Some((-9_223_372_017_043_200, 0)));
        for text in [
            "",
            "x",
            "2000-13-01",
            "2000-02-32",
            "2000-02-01-01",
            "234-13",
            "2000-01-01T24:00:00Z",
            "2000-01-01T00:60",
            "2000-01-01T00:00:60",
            "2000-01-01T00:00:00.1999999999",
            "2000-01-01T00:00:00Zx",
            "2000-01-01T00:00:00+1",
            "2000-01-01T00:00:00+24:00",
            "-",
            "--1",
            "292278994-01-01",
            "2000-é",
            "T",
            "1.5",
            " 1",
        ] {
            check(text, None);
        }
    }
}

//! EventBridge's cron expressions: minutes, hours, day of month, month, day of week, year; UTC.

/// First and last year.
const YEARS: (u32, u32) = (1970, 2199);
const DAY_MS: u64 = 86_400_000;
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// An expression that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cron {
    /// A bit for each.
    minutes: u64,
    hours: u64,
    months: u64,
    years: Vec<(u32, u32, u32)>,
    day: Day,
}

/// Which days: by month or by week, never by both.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Day {
    OfMonth(Vec<MonthDay>),
    OfWeek(Vec<WeekDay>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MonthDay {
    /// A bit for each.
    In(u64),
    /// `L`.
    Last,
    /// `LW`: the last weekday.
    LastWeekday,
    /// `15W`: the weekday nearest to it, in the same month.
    Weekday(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WeekDay {
    /// A bit for each, Sunday is 1.
    In(u64),
    /// `5L`: the last of the month.
    Last(u32),
    /// `3#2`: the second Tuesday.
    Nth(u32, u32),
}

impl Cron {
    /// Reads what stands between the brackets; nothing for a text that is no such expression.
    pub fn parse(text: &str) -> Option<Cron> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minutes, hours, month_day, months, week_day, years] = fields[..] else { return None };
        let day = match (month_day, week_day) {
            ("?", "?") => return None,
            (_, "?") => Day::OfMonth(month_day.split(',').map(of_month).collect::<Option<_>>()?),
            ("?", _) => Day::OfWeek(week_day.split(',').map(of_week).collect::<Option<_>>()?),
            _ => return None,
        };
        let bits = |field: &str, low, high, names: &[&str]| {
            let mut bits = 0;
            for part in field.split(',') {
                bits |= self::bits(part, low, high, names)?;
            }
            Some(bits)
        };
        let years = years.split(',').map(|part| range(part, YEARS.0, YEARS.1, &[]));
        Some(Cron {
            minutes: bits(minutes, 0, 59, &[])?,
            hours: bits(hours, 0, 23, &[])?,
            months: bits(months, 1, 12, &MONTHS)?,
            years: years.collect::<Option<_>>()?,
            day,
        })
    }

    /// The first minute after `after_ms`, if there ever is one.
    pub fn next(&self, after_ms: u64) -> Option<u64> {
        let first_ms = (after_ms / 60_000 + 1) * 60_000;
        let mut day = first_ms / DAY_MS;
        let mut from = (first_ms % DAY_MS / 60_000) as u32;
        loop {
            let (year, month, date) = civil(day);
            if year > YEARS.1 {
                return None;
            }
            let wanted = self.years.iter().any(|&(low, high, step)| {
                (low..=high).contains(&year) && (year - low).is_multiple_of(step)
            });
            if wanted && has(self.months, month) && self.day.holds(day, year, month, date) {
                let minutes = (from..24 * 60)
                    .find(|at| has(self.hours, at / 60) && has(self.minutes, at % 60));
                if let Some(at) = minutes {
                    return Some(day * DAY_MS + u64::from(at) * 60_000);
                }
            }
            day += 1;
            from = 0;
        }
    }
}

impl Day {
    /// `day` counts from 1970.
    fn holds(&self, day: u64, year: u32, month: u32, date: u32) -> bool {
        let last = length(year, month);
        let week_day = week_day(day);
        match self {
            Day::OfMonth(days) => days.iter().any(|wanted| match *wanted {
                MonthDay::In(bits) => has(bits, date),
                MonthDay::Last => date == last,
                MonthDay::LastWeekday => date == nearest(day, date, last, last),
                MonthDay::Weekday(to) => to <= last && date == nearest(day, date, to, last),
            }),
            Day::OfWeek(days) => days.iter().any(|wanted| match *wanted {
                WeekDay::In(bits) => has(bits, week_day),
                WeekDay::Last(of) => of == week_day && date + 7 > last,
                WeekDay::Nth(of, nth) => of == week_day && date.div_ceil(7) == nth,
            }),
        }
    }
}

/// The weekday nearest to the date `to` of a month of `last` days, in which `day` is `date`.
fn nearest(day: u64, date: u32, to: u32, last: u32) -> u32 {
    match week_day(day + u64::from(to) + 35 - u64::from(date)) {
        1 if to == last => to - 2,
        1 => to + 1,
        7 if to == 1 => to + 2,
        7 => to - 1,
        _ => to,
    }
}

fn has(bits: u64, at: u32) -> bool {
    bits >> at & 1 == 1
}

/// Sunday is 1. The first of January 1970 was a Thursday.
fn week_day(day: u64) -> u32 {
    ((day + 4) % 7) as u32 + 1
}

fn length(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

/// Year, month and date of a day since 1970 (Howard Hinnant's `civil_from_days`).
fn civil(day: u64) -> (u32, u32, u32) {
    let days = day + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let date = (of_year - (153 * shifted + 2) / 5 + 1) as u32;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 } as u32;
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year as u32, month, date)
}

fn of_month(part: &str) -> Option<MonthDay> {
    match part {
        "L" => Some(MonthDay::Last),
        "LW" => Some(MonthDay::LastWeekday),
        part => match part.strip_suffix('W') {
            Some(date) => number(date, 1, 31, &[]).map(MonthDay::Weekday),
            None => bits(part, 1, 31, &[]).map(MonthDay::In),
        },
    }
}

fn of_week(part: &str) -> Option<WeekDay> {
    if part == "L" {
        return Some(WeekDay::In(1 << 7));
    }
    if let Some((day, nth)) = part.split_once('#') {
        return Some(WeekDay::Nth(number(day, 1, 7, &DAYS)?, number(nth, 1, 5, &[])?));
    }
    match part.strip_suffix('L') {
        Some(day) => number(day, 1, 7, &DAYS).map(WeekDay::Last),
        None => bits(part, 1, 7, &DAYS).map(WeekDay::In),
    }
}

/// The numbers of one part of a list.
fn bits(part: &str, low: u32, high: u32, names: &[&str]) -> Option<u64> {
    let (from, to, step) = range(part, low, high, names)?;
    if from <= to {
        return Some((from..=to).step_by(step as usize).fold(0, |bits, at| bits | 1 << at));
    }
    // Over the end of the week, the day or the year.
    let count = high - low + 1;
    let around = (from..=to + count).step_by(step as usize);
    Some(around.fold(0, |bits, at| bits | 1 << (low + (at - low) % count)))
}

/// `*`, `5`, `5-10`, each perhaps with `/STEP`: from, to, step.
fn range(part: &str, low: u32, high: u32, names: &[&str]) -> Option<(u32, u32, u32)> {
    let (span, step) = match part.split_once('/') {
        None => (part, None),
        Some((span, step)) => (span, Some(number(step, 1, high.max(1), &[])?)),
    };
    let (from, to) = match span.split_once('-') {
        _ if span == "*" => (low, high),
        Some((from, to)) => (number(from, low, high, names)?, number(to, low, high, names)?),
        None => {
            let from = number(span, low, high, names)?;
            (from, if step.is_some() { high } else { from })
        }
    };
    // Years do not begin again.
    let whole = from <= to || high < YEARS.0;
    whole.then_some((from, to, step.unwrap_or(1)))
}

fn number(text: &str, low: u32, high: u32, names: &[&str]) -> Option<u32> {
    if let Some(at) = names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        return Some(low + at as u32);
    }
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| digits && (low..=high).contains(n))
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;
    use shape::TimeFormat;

    use super::*;

    #[test]
    fn the_next_times() {
        let check = |text: &str, after: &str, expected: &[&str]| {
            let cron = Cron::parse(text).expect(text);
            let mut at_ms = Timestamp::parse(after, TimeFormat::Iso8601).unwrap().epoch_ms as u64;
            for expected in expected {
                at_ms = cron.next(at_ms).expect(text);
                let found = Timestamp::from_ms(at_ms as i64).civil("%Y-%m-%dT%H:%M");
                assert_eq!(found, *expected, "{text}");
            }
        };
        let from = "2026-11-23T19:04:30Z";
        check("* * * * ? *", from, &["2026-11-23T19:05", "2026-11-23T19:06"]);
        check("0/15 * * * ? *", from, &["2026-11-23T19:15", "2026-11-23T19:30"]);
        check("0 10 * * ? *", from, &["2026-11-24T10:00", "2026-11-25T10:00"]);
        check("0 18 ? * MON-FRI *", from, &["2026-11-24T18:00", "2026-11-25T18:00"]);
        check("0 8 1 * ? *", from, &["2026-12-01T08:00", "2027-01-01T08:00"]);
        check(
            "5,35 8-9 ? * 2-6 *",
            from,
            &["2026-11-24T08:05", "2026-11-24T08:35", "2026-11-24T09:05"],
        );
        check("0 0 L * ? *", from, &["2026-11-30T00:00", "2026-12-31T00:00"]);
        check("0 0 L 2 ? *", from, &["2027-02-28T00:00", "2028-02-29T00:00"]);
        check("0 0 LW * ? *", from, &["2026-11-30T00:00", "2026-12-31T00:00", "2027-01-29T00:00"]);
        check("0 0 1W * ? *", from, &["2026-12-01T00:00", "2027-01-01T00:00", "2027-02-01T00:00"]);
        // The first of May 2027 is a Saturday, the 15th, too.
        check("0 0 1W 5 ? *", from, &["2027-05-03T00:00"]);
        check("0 0 15W 5 ? *", from, &["2027-05-14T00:00"]);
        check("0 0 ? * 6L *", from, &["2026-11-27T00:00", "2026-12-25T00:00"]);
        check("0 0 ? * TUE#2 *", from, &["2026-12-08T00:00", "2027-01-12T00:00"]);
        check(
            "0 0 ? * SAT-SUN *",
            from,
            &["2026-11-28T00:00", "2026-11-29T00:00", "2026-12-05T00:00"],
        );
        check("0 0 ? * L *", from, &["2026-11-28T00:00"]);
        check(
            "0 22-2/2 * * ? *",
            from,
            &["2026-11-23T22:00", "2026-11-24T00:00", "2026-11-24T02:00", "2026-11-24T22:00"],
        );
        check("0 12 29 2 ? 2027-2040", from, &["2028-02-29T12:00", "2032-02-29T12:00"]);
        check(
            "0 0 1 JAN,jul ? 2030/10",
            from,
            &["2030-01-01T00:00", "2030-07-01T00:00", "2040-01-01T00:00"],
        );
    }

    #[test]
    fn times_that_never_come() {
        let now_ms = 1_795_000_000_000;
        for text in ["0 0 1 1 ? 2020", "0 0 30 2 ? *", "0 0 31 4 ? 2027"] {
            assert_eq!(Cron::parse(text).expect(text).next(now_ms), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_expression() {
        for text in [
            "",
            "* * * * *",
            "* * * * * *",
            "* * ? * ? *",
            "60 * * * ? *",
            "* 24 * * ? *",
            "* * 0 * ? *",
            "* * 32 * ? *",
            "* * * 13 ? *",
            "* * ? * 8 *",
            "* * ? * 2#6 *",
            "* * * * ? 2200",
            "* * * * ? 2030-2020",
            "x * * * ? *",
            "*/0 * * * ? *",
            "1- * * * ? *",
            "* * ? * MON#TUE *",
            "0 10 * * ? * *",
            "+1 * * * ? *",
            "* ? * * ? *",
        ] {
            assert_eq!(Cron::parse(text), None, "{text}");
        }
    }
}

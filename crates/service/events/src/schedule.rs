//! When a rule fires: `rate(5 minutes)` or `cron(…)`.

use crate::cron::Cron;

/// Greatest value of a rate.
const RATE_MAX: u64 = 1_000_000;

/// A schedule that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// Every so many milliseconds.
    Rate(u64),
    Cron(Box<Cron>),
}

impl Schedule {
    /// Reads an expression; nothing for a text that is none.
    pub fn parse(text: &str) -> Option<Schedule> {
        if let Some(inner) = inside(text, "rate") {
            let (value, unit) = inner.split_once(' ')?;
            let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            let value: u64 = value.parse().ok().filter(|n| digits && (1..=RATE_MAX).contains(n))?;
            // One minute, but five minutes.
            let unit_ms = match (unit, value) {
                ("minute", 1) | ("minutes", 2..) => 60_000,
                ("hour", 1) | ("hours", 2..) => 3_600_000,
                ("day", 1) | ("days", 2..) => 86_400_000,
                _ => return None,
            };
            return Some(Schedule::Rate(value * unit_ms));
        }
        Cron::parse(inside(text, "cron")?).map(|cron| Schedule::Cron(Box::new(cron)))
    }

    /// The first time after `after_ms`, if there ever is one. A rate counts from `from_ms`.
    pub fn next(&self, from_ms: u64, after_ms: u64) -> Option<u64> {
        match self {
            Schedule::Rate(every_ms) => {
                let passed = after_ms.saturating_sub(from_ms) / every_ms;
                from_ms.checked_add((passed + 1).checked_mul(*every_ms)?)
            }
            Schedule::Cron(cron) => cron.next(after_ms),
        }
    }
}

fn inside<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        let check = |text: &str, expected: Option<u64>| {
            let next = Schedule::parse(text).and_then(|schedule| schedule.next(1000, 1000));
            assert_eq!(next, expected, "{text}");
        };
        check("rate(1 minute)", Some(61_000));
        check("rate(5 minutes)", Some(301_000));
        check("rate(2 hours)", Some(7_201_000));
        check("rate(1 day)", Some(86_401_000));
        for bad in [
            "rate(1 minutes)",
            "rate(5 minute)",
            "rate(0 minutes)",
            "rate(5)",
            "rate(-1 days)",
            "rate(+5 minutes)",
            "rate(5 seconds)",
            "rate( 5 minutes)",
            "5 minutes",
            "rate(5 minutes",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn what_was_missed_is_not_made_up_for() {
        let schedule = Schedule::parse("rate(1 minute)").unwrap();
        assert_eq!(schedule.next(1000, 1000 + 10 * 60_000 + 5), Some(1000 + 11 * 60_000));
    }
}

//! Statistics: the plain ones, percentiles, and those of trimmed samples.

use crate::cell::Cell;

/// A statistic that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
    /// `p99.9`.
    Percentile(f64),
    /// `tm99`, `TM(10%:90%)`, `IQM`: the mean of the samples within.
    TrimmedMean(Within),
    /// `wm99`: the mean where samples without become those at the bound.
    WinsorizedMean(Within),
    /// `tc99`: how many samples are within.
    TrimmedCount(Within),
    /// `ts99`: their sum.
    TrimmedSum(Within),
    /// `PR(:300)`: how many of a hundred samples are within.
    PercentileRank(Within),
}

/// Bounds of samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Within {
    /// From so many of a hundred to so many.
    Percent(f64, f64),
    /// Above this value and up to that.
    Values(f64, f64),
}

impl Statistic {
    /// Reads a name such as `Average` or `p99`.
    pub fn read(name: &str) -> Option<Self> {
        Some(match name {
            "SampleCount" => Statistic::SampleCount,
            "Average" => Statistic::Average,
            "Sum" => Statistic::Sum,
            "Minimum" => Statistic::Minimum,
            "Maximum" => Statistic::Maximum,
            "IQM" | "iqm" => Statistic::TrimmedMean(Within::Percent(25.0, 75.0)),
            _ => return Self::extended(name),
        })
    }

    /// Reads the name of one that needs the values of all samples.
    pub fn extended(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("iqm") {
            return Some(Statistic::TrimmedMean(Within::Percent(25.0, 75.0)));
        }
        if let Some(percent) = name.strip_prefix('p') {
            return Some(Statistic::Percentile(percentage(percent)?));
        }
        let (kind, bounds) = name.split_at_checked(2)?;
        let kind = kind.to_ascii_lowercase();
        if kind == "pr" {
            return match within(bounds)? {
                bounds @ Within::Values(..) => Some(Statistic::PercentileRank(bounds)),
                Within::Percent(..) => None,
            };
        }
        let make = match kind.as_str() {
            "tm" => Statistic::TrimmedMean,
            "wm" => Statistic::WinsorizedMean,
            "tc" => Statistic::TrimmedCount,
            "ts" => Statistic::TrimmedSum,
            _ => return None,
        };
        Some(make(within(bounds)?))
    }

    /// Its value for a cell; nothing where it cannot be known.
    pub fn of(self, cell: &Cell) -> Option<f64> {
        if cell.count <= 0.0 {
            return None;
        }
        match self {
            Statistic::SampleCount => return Some(cell.count),
            Statistic::Average => return Some(cell.sum / cell.count),
            Statistic::Sum => return Some(cell.sum),
            Statistic::Minimum => return Some(cell.min),
            Statistic::Maximum => return Some(cell.max),
            _ => {}
        }
        // AWS has none of these where a sample is negative.
        if cell.is_opaque || cell.min < 0.0 {
            return None;
        }
        let values = cell.values.as_slice();
        match self {
            Statistic::Percentile(percent) => Some(percentile(cell, percent)),
            Statistic::TrimmedMean(within) => {
                let (count, sum) = sums(values, within);
                (count > 0.0).then(|| sum / count)
            }
            Statistic::TrimmedCount(within) => Some(sums(values, within).0),
            Statistic::TrimmedSum(within) => Some(sums(values, within).1),
            Statistic::PercentileRank(within) => {
                Some(sums(values, within).0 / total(values) * 100.0)
            }
            Statistic::WinsorizedMean(within) => Some(winsorized(cell, within)),
            _ => unreachable!("the plain statistics are answered above"),
        }
    }
}

/// `99` or `99.9`, from 0 to 100.
fn percentage(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value: f64 = text.parse().ok().filter(|_| plain && text.len() <= 14)?;
    (0.0..=100.0).contains(&value).then_some(value)
}

/// `99`, `(10%:90%)`, `(:95%)`, `(150:1000)`.
fn within(text: &str) -> Option<Within> {
    let Some(range) = text.strip_prefix('(') else {
        return Some(Within::Percent(0.0, percentage(text)?));
    };
    let (low, high) = range.strip_suffix(')')?.split_once(':')?;
    let is_percent = low.ends_with('%') || high.ends_with('%');
    let bound = |text: &str, absent: f64| match (text.trim(), is_percent) {
        ("", _) => Some(absent),
        (text, true) => percentage(text.strip_suffix('%')?),
        (text, false) => text.parse::<f64>().ok().filter(|value| value.is_finite()),
    };
    if low.is_empty() && high.is_empty() {
        return None;
    }
    let (low, high) = match is_percent {
        true => (bound(low, 0.0)?, bound(high, 100.0)?),
        false => (bound(low, f64::NEG_INFINITY)?, bound(high, f64::INFINITY)?),
    };
    let make = if is_percent { Within::Percent } else { Within::Values };
    (low < high).then(|| make(low, high))
}

fn total(values: &[(f64, f64)]) -> f64 {
    values.iter().map(|(_, count)| count).sum()
}

/// The least value that so many of a hundred samples do not exceed.
fn percentile(cell: &Cell, percent: f64) -> f64 {
    let values = &cell.values;
    let wanted = total(values) * percent / 100.0;
    let mut seen = 0.0;
    for (value, count) in values {
        seen += count;
        // Sums of counts in fractions are not exact.
        if seen >= wanted * (1.0 - 1e-12) && seen > 0.0 {
            return *value;
        }
    }
    cell.max
}

/// Count and sum of the samples within bounds. A value may be in part within a percentage.
fn sums(values: &[(f64, f64)], within: Within) -> (f64, f64) {
    let whole = total(values);
    let (mut count_within, mut sum, mut seen) = (0.0, 0.0, 0.0);
    for &(value, count) in values {
        let part = match within {
            Within::Values(low, high) if value > low && value <= high => count,
            Within::Values(..) => 0.0,
            Within::Percent(low, high) => {
                let (low, high) = (whole * low / 100.0, whole * high / 100.0);
                ((seen + count).min(high) - seen.max(low)).max(0.0)
            }
        };
        seen += count;
        count_within += part;
        sum += part * value;
    }
    (count_within, sum)
}

/// The mean, where samples without the bounds count as the bounds.
fn winsorized(cell: &Cell, within: Within) -> f64 {
    let (low, high) = match within {
        Within::Percent(low, high) => (percentile(cell, low), percentile(cell, high)),
        Within::Values(low, high) => (low, high),
    };
    let sum: f64 = cell.values.iter().map(|(value, count)| value.clamp(low, high) * count).sum();
    sum / total(&cell.values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, values: &[(f64, f64)], expected: Option<f64>) {
        let statistic = Statistic::read(name).unwrap_or_else(|| panic!("{name} is a statistic"));
        let found = statistic.of(&Cell::of_values(values.iter().copied()));
        let near = |(a, b): (f64, f64)| (a - b).abs() < 1e-9;
        assert!(
            found.zip(expected).map_or(found == expected, near),
            "{name}: {found:?}, not {expected:?}"
        );
    }

    #[test]
    fn values_of_statistics() {
        let hundred: Vec<(f64, f64)> = (1..=100).map(|n| (f64::from(n), 1.0)).collect();
        for (name, expected) in [
            ("SampleCount", 100.0),
            ("Average", 50.5),
            ("Sum", 5050.0),
            ("Minimum", 1.0),
            ("Maximum", 100.0),
            ("p0", 1.0),
            ("p50", 50.0),
            ("p99", 99.0),
            ("p99.9", 100.0),
            ("p100", 100.0),
            ("tm90", 45.5),
            ("TM(10%:90%)", 50.5),
            ("TM(:10)", 5.5),
            ("TM(90:)", 95.5),
            ("IQM", 50.5),
            ("tc90", 90.0),
            ("TC(10:20)", 10.0),
            ("ts10", 55.0),
            ("TS(80%:)", 1810.0),
            ("PR(:25)", 25.0),
            ("PR(25:50)", 25.0),
            ("WM(:50)", 37.75),
            ("wm50", 37.75),
        ] {
            check(name, &hundred, Some(expected));
        }
    }

    #[test]
    fn what_cannot_be_known_is_not_answered() {
        check("p50", &[(-1.0, 1.0), (2.0, 1.0)], None);
        check("Average", &[(-1.0, 1.0), (2.0, 1.0)], Some(0.5));
        check("TM(10:20)", &[(1.0, 1.0)], None);
        check("tm50", &[(4.0, 3.0)], Some(4.0));
        check("Sum", &[], None);
        let sums = Cell::of_sums(3.0, 9.0, 1.0, 5.0);
        assert_eq!(Statistic::Percentile(50.0).of(&sums), None);
        assert_eq!(Statistic::Average.of(&sums), Some(3.0));
        let same = Cell::of_sums(3.0, 9.0, 3.0, 3.0);
        assert_eq!(Statistic::Percentile(50.0).of(&same), Some(3.0));
    }

    #[test]
    fn other_names_are_none() {
        for name in [
            "",
            "p",
            "p101",
            "p-1",
            "pNaN",
            "P99",
            "average",
            "tm",
            "TM()",
            "TM(:)",
            "TM(90%:10%)",
            "TM(1:2%)",
            "PR(10%:20%)",
            "PR90",
            "xx99",
            "TM(1:2",
            "한국",
        ] {
            assert_eq!(Statistic::read(name), None, "{name}");
        }
    }
}

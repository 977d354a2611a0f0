//! What the newest data points mean for an alarm: M out of N, and what is missing.

/// How missing points are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    Missing,
    Ignore,
    Breaching,
    NotBreaching,
}

impl Treatment {
    /// `TreatMissingData`.
    pub fn read(text: &str) -> Option<Self> {
        Some(match text {
            "missing" => Treatment::Missing,
            "ignore" => Treatment::Ignore,
            "breaching" => Treatment::Breaching,
            "notBreaching" => Treatment::NotBreaching,
            _ => return None,
        })
    }
}

/// What an alarm should say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Alarm,
    Insufficient,
    /// What it said before.
    Same,
}

/// Judges a range of points, the oldest first, of which the alarm wants `of` and needs `least` to
/// breach. The range is longer than that, so that late points do not count as missing.
pub(super) fn judge(
    points: &[Option<f64>],
    of: usize,
    least: usize,
    missing: Treatment,
    breaches: impl Fn(f64) -> bool,
) -> Verdict {
    // Breaching or not, the newest first, with how many periods ago.
    let known: Vec<(usize, bool)> = points
        .iter()
        .rev()
        .enumerate()
        .filter_map(|(age, point)| Some((age, breaches((*point)?))))
        .collect();
    let newest = &known[..known.len().min(of)];
    let breaching = newest.iter().filter(|(_, breaches)| *breaches).count();
    let absent = of - newest.len();
    if breaching >= least {
        return Verdict::Alarm;
    }
    if absent == 0 {
        return Verdict::Ok;
    }
    match missing {
        Treatment::Breaching if breaching + absent >= least => Verdict::Alarm,
        Treatment::Breaching | Treatment::NotBreaching => Verdict::Ok,
        Treatment::Missing if newest.is_empty() => Verdict::Insufficient,
        Treatment::Ignore if newest.is_empty() => Verdict::Same,
        _ if newest.iter().any(|(_, breaches)| !breaches) => Verdict::Ok,
        // All that is known breaches. An alarm that is not to come too early waits until the
        // oldest of these is old enough.
        Treatment::Missing if newest.iter().any(|(age, _)| age + 1 >= least) => Verdict::Alarm,
        Treatment::Missing | Treatment::Ignore => Verdict::Same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `X` breaches, `0` does not, `-` is missing; for missing, ignore, breaching, notBreaching.
    fn check(points: &str, least: usize, expected: &str) {
        let point = |c: char| match c {
            'X' => Some(1.0),
            '0' => Some(0.0),
            _ => None,
        };
        let points: Vec<Option<f64>> = points.chars().map(point).collect();
        let all =
            [Treatment::Missing, Treatment::Ignore, Treatment::Breaching, Treatment::NotBreaching];
        let verdicts = all.map(|missing| match judge(&points, 3, least, missing, |v| v > 0.5) {
            Verdict::Ok => "ok",
            Verdict::Alarm => "alarm",
            Verdict::Insufficient => "none",
            Verdict::Same => "same",
        });
        assert_eq!(verdicts.join(" "), expected, "{points:?} {least}");
    }

    /// The tables of AWS's guide: "Configuring how CloudWatch alarms treat missing data".
    #[test]
    fn three_of_three() {
        check("0-X-X", 3, "ok ok ok ok");
        check("----0", 3, "ok ok ok ok");
        check("-----", 3, "none same alarm ok");
        check("0XX-X", 3, "alarm alarm alarm alarm");
        check("--X--", 3, "alarm same alarm ok");
        check("----X", 3, "same same alarm ok");
    }

    #[test]
    fn two_of_three() {
        check("0-X-X", 2, "alarm alarm alarm alarm");
        check("00X0X", 2, "alarm alarm alarm alarm");
        check("0-X--", 2, "ok ok alarm ok");
        check("----0", 2, "ok ok alarm ok");
        check("---X-", 2, "alarm same alarm ok");
    }
}

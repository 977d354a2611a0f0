//! The cells of a metric, gathered into periods.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use store::{ReadTx, Scan, StoreError};

use crate::cell::Cell;
use crate::metric::ID_BYTES;
use crate::table::{CELLS, Grain, place, read_cell};
use crate::trim::FINE_MS;

const MINUTE_MS: i64 = 60 * 1000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// A span of time in whole periods from its start, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub start_s: u64,
    /// Not in it any more.
    pub end_s: u64,
    pub period_s: u64,
}

impl Span {
    /// From what a request names, its start rounded down as AWS does.
    pub fn new(start_ms: i64, end_ms: i64, period_s: u64, now_ms: i64) -> Self {
        let age_ms = now_ms - start_ms;
        let unit_s = match age_ms {
            _ if period_s < 60 => period_s.max(1),
            age_ms if age_ms > 63 * DAY_MS => 3600,
            age_ms if age_ms > 15 * DAY_MS => 300,
            _ => 60,
        };
        let start_s = start_ms.max(0) as u64 / 1000 / unit_s * unit_s;
        // A part of a second counts.
        let end_s = (end_ms.max(0) as u64).div_ceil(1000);
        Span { start_s, end_s: end_s.max(start_s), period_s }
    }

    /// Most data points that there can be.
    pub fn points_max(&self) -> u64 {
        (self.end_s - self.start_s).div_ceil(self.period_s)
    }

    /// The beginning of the period in which a moment lies.
    pub fn period_of(&self, at_s: u64) -> u64 {
        self.start_s + at_s.saturating_sub(self.start_s) / self.period_s * self.period_s
    }
}

/// What was measured in each period, by unit.
pub(crate) type Periods = BTreeMap<(u64, String), Cell>;

/// Reads the periods of a metric; `is_fine` says that it has samples by the second. Each cell takes
/// one from `budget`; reading ends early when nothing is left of that.
pub(crate) fn read(
    tx: &ReadTx,
    id: &[u8; ID_BYTES],
    is_fine: bool,
    span: &Span,
    unit: Option<&str>,
    now_ms: i64,
    budget: &mut usize,
) -> Result<Periods, StoreError> {
    let mut periods = Periods::new();
    let mut from_s = span.start_s;
    if span.period_s < 60 && is_fine {
        // Older than that there are no seconds, even if they are not yet deleted.
        let oldest_s = (now_ms.max(0) as u64).saturating_sub(FINE_MS) / 1000;
        from_s = from_s.max(oldest_s);
    }
    let grains: &[Grain] = match span.period_s < 60 && is_fine {
        true => &[Grain::Second],
        false => &[Grain::Minute, Grain::FiveMinutes, Grain::Hour],
    };
    for grain in grains {
        let (id, seconds) = (id, grain.seconds());
        let scan =
            Scan::prefix((id, seconds)).ge((id, seconds, from_s)).lt((id, seconds, span.end_s));
        let mut problem = None;
        tx.scan_raw(&CELLS, &scan, &mut |key, value| {
            if *budget == 0 {
                return ControlFlow::Break(());
            }
            *budget -= 1;
            let read = place(key).and_then(|place| Ok((place, read_cell(key, &value)?)));
            match read {
                Ok(((at_s, of_unit), cell)) => {
                    if unit.is_none_or(|unit| unit == of_unit) {
                        let period = periods.entry((span.period_of(at_s), of_unit));
                        period.or_insert_with(Cell::empty).merge(&cell);
                    }
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    problem = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(error) = problem {
            return Err(error);
        }
    }
    Ok(periods)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_795_305_600_000;

    fn check(start_ms: i64, end_ms: i64, period_s: u64, expected: (i64, u64)) {
        let span = Span::new(NOW_MS + start_ms, NOW_MS + end_ms, period_s, NOW_MS);
        let start_ms = span.start_s as i64 * 1000 - NOW_MS;
        assert_eq!((start_ms, span.points_max()), expected);
    }

    #[test]
    fn starts_are_rounded_down() {
        check(-90_000, 0, 60, (-120_000, 2));
        check(-7_500, 0, 5, (-10_000, 2));
        check(-1_500, 1, 1, (-2_000, 3));
        check(-16 * DAY_MS - 1, 0, 86_400, (-16 * DAY_MS - 300_000, 17));
        check(-64 * DAY_MS - 1, 0, 86_400, (-64 * DAY_MS - 3_600_000, 65));
    }
}

//! MaxWriteRequestUnits: no more write units a second.

use std::time::Duration;

/// When the next commit may come.
pub(super) struct Pace {
    /// Units a second.
    rate: Option<f64>,
    free_at: Duration,
}

impl Pace {
    pub fn new(units_max: Option<i64>) -> Pace {
        Pace { rate: units_max.map(|units| units.max(1) as f64), free_at: Duration::ZERO }
    }

    /// How long to wait.
    pub fn wait(&self, now: Duration) -> Duration {
        self.free_at.saturating_sub(now)
    }

    /// Notes what was used.
    pub fn used(&mut self, now: Duration, units: f64) {
        if let Some(rate) = self.rate {
            self.free_at = self.free_at.max(now) + Duration::from_secs_f64(units / rate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_units_as_seconds_allow() {
        let check = |rate: Option<i64>, used: &[(u64, f64)], now: u64, expected: u64| {
            let mut pace = Pace::new(rate);
            for (at, units) in used {
                pace.used(Duration::from_millis(*at), *units);
            }
            let wait = pace.wait(Duration::from_millis(now)).as_millis();
            assert_eq!(wait, u128::from(expected), "{rate:?} {used:?}");
        };
        check(None, &[(0, 1e9)], 0, 0);
        check(Some(1024), &[], 0, 0);
        check(Some(1024), &[(0, 512.0)], 0, 500);
        check(Some(1024), &[(0, 512.0)], 600, 0);
        // Time that was not used is not saved up.
        check(Some(1000), &[(0, 500.0), (2_000, 1_000.0)], 2_000, 1_000);
        check(Some(1000), &[(0, 500.0), (100, 500.0)], 100, 900);
    }
}

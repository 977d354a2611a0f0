//! Real time: measuring is the purpose here.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since `start`.
pub fn ms_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

/// Starts a stopwatch.
pub fn start() -> Instant {
    Instant::now()
}

/// The wall clock.
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// Waits.
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// The wall clock as signatures want it: `20261122T184500Z`.
pub fn amz_date() -> String {
    let seconds = now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    format_date(seconds)
}

/// Days to year, month and day after Howard Hinnant's `civil_from_days`, for dates after 1970.
fn format_date(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{:02}Z", second % 60)
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates() {
        for (seconds, expected) in [
            (0, "19700101T000000Z"),
            (951_827_696, "20000229T123456Z"),
            (1_795_373_100, "20261122T184500Z"),
            (4_102_444_799, "20991231T235959Z"),
        ] {
            assert_eq!(super::format_date(seconds), expected);
        }
    }
}

//! What the fuzz target `schedule` calls: the expressions of schedules, which strangers write.

use crate::schedule::Schedule;

/// Later than any schedule's last year: clocks do not go there.
const LATEST_MS: u64 = 10_000_000_000_000;

/// Reads a text as a schedule, and looks when it fires after a time. Panics where that goes wrong.
pub fn read(text: &str, after_ms: u64) {
    let after_ms = after_ms % LATEST_MS;
    let Some(schedule) = Schedule::parse(text) else { return };
    let Some(next_ms) = schedule.next(after_ms, after_ms) else { return };
    assert!(next_ms > after_ms, "{text} fires in the past");
    assert_eq!(schedule.next(after_ms, next_ms - 1), Some(next_ms), "{text} fires between");
    if matches!(schedule, Schedule::Cron(_)) {
        assert!(next_ms.is_multiple_of(60_000), "{text} fires within a minute");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_at_any_time() {
        for text in [
            "rate(1 minute)",
            "rate(1000000 days)",
            "cron(* * * * ? *)",
            "cron(0/7 22-2/2 LW FEB,dec ? *)",
            "cron(59 23 31W * ? 2199)",
            "cron(0 0 ? * 7#5 1970/3)",
            "cron(0 0 ? 2 1L *)",
        ] {
            for after_ms in (0..LATEST_MS).step_by(71_234_567_891) {
                read(text, after_ms);
            }
        }
    }
}

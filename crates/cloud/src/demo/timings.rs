//! How long things took, from the calls as they were recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

/// All that was measured.
#[derive(Default)]
pub struct Timings {
    /// First invocation of each function, by language, in milliseconds.
    cold_ms: BTreeMap<&'static str, Vec<u64>>,
    /// Later invocations that were answered.
    warm_ms: BTreeMap<&'static str, Vec<u64>>,
    /// The flow engine's own time for each action, in microseconds.
    step_us: Vec<u64>,
    seen: BTreeSet<String>,
}

impl Timings {
    /// Adds one call.
    pub fn add(&mut self, language: &'static str, recorded: &[Value]) {
        for heard in recorded {
            match heard["type"].as_str() {
                Some("step") => self.step_us.extend(heard["engineUs"].as_u64()),
                // A function that failed says nothing about how long an answer takes.
                Some("lambda") if heard["answer"].is_object() => {
                    let function = heard["function"].as_str().unwrap_or_default().to_owned();
                    let first = self.seen.insert(function);
                    let to = if first { &mut self.cold_ms } else { &mut self.warm_ms };
                    to.entry(language).or_default().extend(heard["elapsedMs"].as_u64());
                }
                _ => {}
            }
        }
    }

    /// For `--json`.
    pub fn to_json(&self) -> Value {
        json!({
            "coldMilliseconds": self.cold_ms, "warmMilliseconds": self.warm_ms,
            "stepMicroseconds": {
                "count": self.step_us.len(),
                "p50": percentile(&self.step_us, 50), "p99": percentile(&self.step_us, 99),
            },
        })
    }
}

/// The smallest value that `percent` of all do not exceed; none of nothing.
fn percentile(values: &[u64], percent: usize) -> Option<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (language, cold) in &self.cold_ms {
            let cold = percentile(cold, 50).unwrap_or_default();
            let warm = self.warm_ms.get(language).and_then(|warm| percentile(warm, 50));
            let warm = warm.map_or("–".to_owned(), |warm| format!("{warm} ms"));
            writeln!(f, "  {language:<12} function   cold {cold} ms, warm {warm} (median)")?;
        }
        if let (Some(p50), Some(p99)) =
            (percentile(&self.step_us, 50), percentile(&self.step_us, 99))
        {
            let count = self.step_us.len();
            writeln!(f, "  flow step               p50 {p50} µs, p99 {p99} µs ({count} steps)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let check = |values: &[u64], percent, expected| {
            assert_eq!(percentile(values, percent), expected, "{values:?} {percent}");
        };
        check(&[], 50, None);
        check(&[7], 99, Some(7));
        check(&[3, 1, 2], 50, Some(2));
        check(&[4, 1, 3, 2], 50, Some(2));
        check(&(1..=200).collect::<Vec<_>>(), 99, Some(198));
    }
}

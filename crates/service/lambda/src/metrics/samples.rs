//! Samples of one metric in a few seconds, in bounded room.

use std::collections::BTreeMap;

/// Samples that are kept as they are.
const EXACT_MAX: usize = 256;
/// By how much samples that are gathered may differ.
const RANGE: f64 = 1.01;

/// Samples, of which neighbours are gathered at their mean where there are many.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Samples {
    exact: Vec<(f64, f64)>,
    /// Sum and count by range.
    gathered: BTreeMap<i64, (f64, f64)>,
}

impl Samples {
    pub fn one(value: f64) -> Self {
        Samples { exact: vec![(value, 1.0)], ..Samples::default() }
    }

    /// Adds a sample, which is not negative.
    pub fn add(&mut self, value: f64) {
        // Mostly the same one or zero again.
        if let Some((_, count)) = self.exact.iter_mut().rev().take(4).find(|have| have.0 == value) {
            *count += 1.0;
            return;
        }
        if self.exact.len() == EXACT_MAX {
            for (value, count) in self.exact.drain(..) {
                let range =
                    if value > 0.0 { (value.ln() / RANGE.ln()).floor() as i64 } else { i64::MIN };
                let gathered = self.gathered.entry(range).or_default();
                gathered.0 += value * count;
                gathered.1 += count;
            }
        }
        self.exact.push((value, 1.0));
    }

    /// Values, and how often each came.
    pub fn values(&self) -> impl Iterator<Item = (f64, f64)> {
        let gathered = self.gathered.values().map(|(sum, count)| (sum / count, *count));
        self.exact.iter().copied().chain(gathered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: impl Iterator<Item = f64> + Clone, most: usize) {
        let mut samples = Samples::default();
        values.clone().for_each(|value| samples.add(value));
        let (mut count, mut sum, mut rows) = (0.0, 0.0, 0);
        for (value, times) in samples.values() {
            count += times;
            sum += value * times;
            rows += 1;
        }
        assert_eq!(count, values.clone().count() as f64);
        assert!((sum - values.sum::<f64>()).abs() < 1e-6 * sum.max(1.0), "{sum}");
        assert!(rows <= most, "{rows} rows");
    }

    #[test]
    fn many_samples_need_little_room() {
        check([1.0, 0.0, 1.0, 1.0].into_iter(), 2);
        check((0..200).map(f64::from), 200);
        check((0..100_000).map(|n| f64::from(n) * 0.37), 1500);
        check(std::iter::repeat_n(1.0, 1_000_000), 1);
    }
}

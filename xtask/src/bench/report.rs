//! What was measured, as a table and as JSON.

use std::fmt::Write as _;

use serde_json::json;

/// One promise and what became of it, or a number that nothing is promised of.
pub struct Row {
    pub name: String,
    pub unit: &'static str,
    /// The measurement's median may be this at most.
    pub promised: Option<f64>,
    /// The measurement's median must be this at least.
    pub least: Option<f64>,
    /// Empty when nothing could be measured.
    pub samples: Vec<f64>,
    /// A comparison, such as "1/9 of moto".
    pub ratio: String,
    /// Why nothing was measured.
    pub failure: Option<String>,
}

impl Row {
    /// Measurements without a promise.
    pub fn new(name: impl Into<String>, unit: &'static str, samples: Vec<f64>) -> Self {
        let (ratio, failure) = (String::new(), None);
        Row { name: name.into(), unit, promised: None, least: None, samples, ratio, failure }
    }

    /// The same, promised to be at most so much.
    pub fn promised(self, at_most: f64) -> Self {
        Row { promised: Some(at_most), ..self }
    }

    /// The same, promised to be at least so much.
    pub fn at_least(self, bound: f64) -> Self {
        Row { least: Some(bound), ..self }
    }

    /// The same beside something else.
    pub fn beside(self, other: &str, value: f64) -> Self {
        let ratio = match self.median() {
            Some(own) if own > 0.0 && value >= own => format!("1/{:.1} of {other}", value / own),
            Some(own) if value > 0.0 => format!("{:.1} × {other}", own / value),
            _ => String::new(),
        };
        Row { ratio, ..self }
    }

    /// A benchmark that could not run: a promise that nobody has shown to hold is not kept.
    pub fn failed(name: &str, why: &str) -> Self {
        Row { failure: Some(why.to_owned()), ..Row::new(name, "", Vec::new()).promised(0.0) }
    }

    /// Something that this machine cannot measure; said loudly, but nothing is broken.
    pub fn skipped(name: impl Into<String>, why: impl Into<String>) -> Self {
        Row { failure: Some(why.into()), ..Row::new(name, "", Vec::new()) }
    }

    /// The middle measurement.
    pub fn median(&self) -> Option<f64> {
        median(&self.samples)
    }

    pub fn is_broken(&self) -> bool {
        let breaks = |bound: Option<f64>, breaks: fn(f64, f64) -> bool| {
            bound.is_some_and(|bound| self.median().is_none_or(|found| breaks(found, bound)))
        };
        breaks(self.promised, |found, most| found > most)
            || breaks(self.least, |found, least| found < least)
    }

    fn verdict(&self) -> String {
        match (&self.failure, self.promised.or(self.least)) {
            (Some(why), Some(_)) => format!("FAILED: {why}"),
            (Some(why), None) => format!("SKIPPED: {why}"),
            (None, None) => String::new(),
            (None, Some(_)) if self.is_broken() => "BROKEN".to_owned(),
            (None, Some(_)) => "kept".to_owned(),
        }
    }
}

/// The middle of some measurements.
pub fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[n / 2]),
        n => Some((sorted[n / 2 - 1] + sorted[n / 2]) / 2.0),
    }
}

/// The machine that the numbers belong to.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("?");
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(0, |n| n.get());
    let load = read("/proc/loadavg");
    let load: Vec<&str> = load.split_whitespace().take(2).collect();
    format!("{model}, {cores} cores, load {} (times mean most on an idle machine)", load.join(" "))
}

/// A table for people.
pub fn table(rows: &[Row]) -> String {
    let number = |value: f64| format!("{value:.*}", if value < 100.0 { 1 } else { 0 });
    let header = ["", "promised", "median", "min–max", "beside", "verdict"].map(str::to_owned);
    let mut lines = vec![header];
    for row in rows {
        let (low, high) = row
            .samples
            .iter()
            .fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v), high.max(v)));
        let range = if row.samples.len() > 1 {
            format!("{}–{} (n={})", number(low), number(high), row.samples.len())
        } else {
            String::new()
        };
        let promised = row.promised.filter(|_| row.failure.is_none());
        lines.push([
            row.name.clone(),
            match (promised, row.least) {
                (Some(most), _) => format!("≤ {} {}", number(most), row.unit),
                (None, Some(least)) => format!("≥ {} {}", number(least), row.unit),
                (None, None) => String::new(),
            },
            row.median().map_or(String::new(), |m| format!("{} {}", number(m), row.unit)),
            range,
            row.ratio.clone(),
            row.verdict(),
        ]);
    }
    let mut text = String::new();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    for line in &lines {
        for (column, cell) in line.iter().enumerate() {
            let pad = width(column).unwrap_or(0) - cell.chars().count();
            let end = if column + 1 == line.len() { "\n" } else { "  " };
            let pad = if column + 1 == line.len() { 0 } else { pad };
            write!(text, "{cell}{}{end}", " ".repeat(pad)).expect("writing to a string");
        }
    }
    text
}

/// The same for programs.
pub fn json(rows: &[Row]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "name": row.name,
                "unit": row.unit,
                "promised_max": row.promised.filter(|_| row.failure.is_none()),
                "promised_min": row.least,
                "median": row.median(),
                "samples": row.samples,
                "beside": row.ratio,
                "verdict": row.verdict(),
                "broken": row.is_broken(),
            })
        })
        .collect();
    let all = json!({ "machine": machine(), "rows": rows });
    serde_json::to_string_pretty(&all).expect("numbers and texts are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let check = |row: Row, broken: bool, verdict: &str| {
            assert_eq!((row.is_broken(), row.verdict()), (broken, verdict.to_owned()));
        };
        check(Row::new("a", "ms", vec![9.0, 1.0, 5.0]).promised(5.0), false, "kept");
        check(Row::new("a", "ms", vec![9.0, 1.0, 5.0]).promised(4.9), true, "BROKEN");
        check(Row::new("a", "/s", vec![5.0]).at_least(5.0), false, "kept");
        check(Row::new("a", "/s", vec![4.9]).at_least(5.0), true, "BROKEN");
        check(Row::new("a", "ms", vec![1.0]), false, "");
        check(Row::failed("a", "no"), true, "FAILED: no");
        check(Row::skipped("a", "no"), false, "SKIPPED: no");
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(Row::new("a", "", vec![2.0]).beside("moto", 12.0).ratio, "1/6.0 of moto");
    }
}

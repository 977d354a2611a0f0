//! `gureum lambda bench FUNCTION…`: distributions of cold, warm and restored invocations.
//!
//! The figures of cold and restored starts are those of the function's own `REPORT` lines, as AWS
//! prints them: initialisation (or restoring) and the first event together. So it does not matter
//! that a new function may be initialised before its first event. Warm ones are what the client
//! sees, with what the runtime itself needs beside it.

use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::{Clock as _, SystemClock};
use serde_json::{Value, json};

use super::Bench;
use super::plot::{self, Series};
use super::report_line::Report;
use crate::client::{Cloud, CloudError};
use crate::{Failure, status};

/// How long a changed function may take to settle.
const SETTLE_MS_MAX: u64 = 60_000;

/// What was measured of one function, in milliseconds.
#[derive(Default)]
struct Measured {
    cold: Vec<f64>,
    restored: Vec<f64>,
    warm_seen: Vec<f64>,
    warm_own: Vec<f64>,
}

/// Measures, and shows what came out.
pub fn bench(asked: &Bench, json: bool) -> Result<ExitCode, Failure> {
    let payload: Value = serde_json::from_str(&asked.payload)
        .map_err(|error| Failure::of("--payload is no JSON", error))?;
    let cloud = status::cloud(&asked.target)?;
    let mut rows = Vec::new();
    for function in &asked.functions {
        let mut measured = Bencher { cloud: &cloud, asked, function, payload: &payload }.run()?;
        rows.extend(measured.series(function));
    }
    if let Some(file) = &asked.svg {
        std::fs::write(file, plot::svg(&rows))
            .map_err(|error| Failure::of(file.display(), error))?;
    }
    if json {
        let rows: Vec<Value> = rows.iter().map(|row| row.json()).collect();
        println!("{}", json!({ "rows": rows }));
    } else {
        table(&rows);
    }
    Ok(ExitCode::SUCCESS)
}

struct Bencher<'a> {
    cloud: &'a Cloud,
    asked: &'a Bench,
    function: &'a str,
    payload: &'a Value,
}

impl Bencher<'_> {
    fn run(&self) -> Result<Measured, Failure> {
        let name = json!({ "FunctionName": self.function });
        let before = self.call("GetFunctionConfiguration", &name)?;
        let changes = before["Version"] == "$LATEST" && !self.function.contains(":$");
        let done = self.measure(changes);
        if changes && self.asked.cold > 0 {
            // Whatever happened: the function is left as it was found.
            let description = before["Description"].as_str().unwrap_or_default();
            self.change(description)?;
        }
        done
    }

    fn measure(&self, changes: bool) -> Result<Measured, Failure> {
        let mut measured = Measured::default();
        for round in 0..self.asked.cold.max(1) {
            if changes && self.asked.cold > 0 {
                self.change(&format!("gureum lambda bench {round}"))?;
            }
            for _ in 0..=self.asked.warm {
                let (seen_ms, report) = self.invoke()?;
                match report {
                    Report { duration_ms, restore_ms: Some(ms), .. } => {
                        measured.restored.push(ms + duration_ms);
                    }
                    Report { duration_ms, init_ms: Some(ms), .. } => {
                        measured.cold.push(ms + duration_ms);
                    }
                    Report { duration_ms, .. } => {
                        measured.warm_seen.push(seen_ms);
                        measured.warm_own.push(duration_ms);
                    }
                }
            }
            if !changes {
                break;
            }
        }
        Ok(measured)
    }

    /// Gives the function another description, and with it new sandboxes.
    fn change(&self, description: &str) -> Result<(), Failure> {
        let input = json!({ "FunctionName": self.function, "Description": description });
        self.call("UpdateFunctionConfiguration", &input)?;
        let clock = SystemClock::default();
        let begun = clock.elapsed();
        loop {
            let name = json!({ "FunctionName": self.function });
            let now = self.call("GetFunctionConfiguration", &name)?;
            if now["LastUpdateStatus"] == "Successful" {
                return Ok(());
            }
            if (clock.elapsed() - begun).as_millis() as u64 > SETTLE_MS_MAX {
                return Err(Failure(format!("{} does not settle: {now}", self.function)));
            }
            #[expect(clippy::disallowed_methods, reason = "a client of the cloud, not part of it")]
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// One invocation: milliseconds as the caller sees them, and the function's own figures.
    fn invoke(&self) -> Result<(f64, Report), Failure> {
        let input = json!({
            "FunctionName": self.function,
            "LogType": "Tail",
            "Payload": BASE64.encode(self.payload.to_string()),
        });
        let clock = SystemClock::default();
        let begun = clock.elapsed();
        let answer = self.call("Invoke", &input)?;
        let seen_ms = (clock.elapsed() - begun).as_secs_f64() * 1e3;
        let decoded = |member: &str| {
            let bytes = BASE64.decode(answer[member].as_str().unwrap_or_default());
            String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
        };
        if answer["FunctionError"].is_string() {
            return Err(Failure(format!("{} fails: {}", self.function, decoded("Payload"))));
        }
        let log = decoded("LogResult");
        let report = Report::find(&log)
            .ok_or_else(|| Failure(format!("{} logs no REPORT: {log}", self.function)))?;
        Ok((seen_ms, report))
    }

    fn call(&self, operation: &str, input: &Value) -> Result<Value, CloudError> {
        self.cloud.call("lambda", operation, input)
    }
}

impl Measured {
    fn series(&mut self, function: &str) -> Vec<Series> {
        let mut rows = Vec::new();
        let parts = [
            ("cold (init + first)", "#c0392b", std::mem::take(&mut self.cold)),
            ("restored", "#e67e22", std::mem::take(&mut self.restored)),
            ("warm, as seen", "#2980b9", std::mem::take(&mut self.warm_seen)),
            ("warm, runtime's own", "#27ae60", std::mem::take(&mut self.warm_own)),
        ];
        for (what, colour, mut values_ms) in parts {
            values_ms.sort_by(f64::total_cmp);
            if !values_ms.is_empty() {
                rows.push(Series { label: format!("{function} {what}"), colour, values_ms });
            }
        }
        rows
    }
}

impl Series {
    /// The value that a share of all do not exceed.
    fn at(&self, share: f64) -> f64 {
        let last = self.values_ms.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.values_ms.get(at).copied().unwrap_or_default()
    }

    fn json(&self) -> Value {
        json!({
            "series": self.label,
            "count": self.values_ms.len(),
            "min_ms": self.at(0.0),
            "p50_ms": self.at(0.5),
            "p90_ms": self.at(0.9),
            "p99_ms": self.at(0.99),
            "max_ms": self.at(1.0),
        })
    }
}

fn table(rows: &[Series]) {
    let width = rows.iter().map(|row| row.label.chars().count()).max().unwrap_or_default();
    println!(
        "{:width$}  {:>6}  {:>9}  {:>9}  {:>9}  {:>9}  {:>9}",
        "milliseconds", "count", "min", "p50", "p90", "p99", "max"
    );
    for row in rows {
        let figures: Vec<String> = [0.0, 0.5, 0.9, 0.99, 1.0]
            .iter()
            .map(|share| format!("{:>9.2}", row.at(*share)))
            .collect();
        println!("{:width$}  {:>6}  {}", row.label, row.values_ms.len(), figures.join("  "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        let values_ms: Vec<f64> = (1..=101).map(f64::from).collect();
        let row = Series { label: "x".into(), colour: "red", values_ms };
        let found = [0.0, 0.5, 0.9, 0.99, 1.0].map(|share| row.at(share));
        assert_eq!(found, [1.0, 51.0, 91.0, 100.0, 101.0]);
    }
}

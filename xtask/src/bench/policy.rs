//! A decision of the policy engine: `crates/engine/policy/examples/evaluate_bench.rs`.

use super::report::Row;
use super::{Setup, cargo};
use crate::Result;

const P99_US_MAX: f64 = 20.0;
const ROUNDS: usize = 5;

pub fn run(_: &Setup) -> Result<Vec<Row>> {
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        let args =
            ["run", "--release", "--quiet", "--package", "policy", "--example", "evaluate_bench"];
        let output = cargo().args(args).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(
                format!("evaluate_bench: {}", String::from_utf8_lossy(&output.stderr)).into()
            );
        }
        samples.push(p99_us(&text).ok_or_else(|| format!("evaluate_bench says no p99: {text}"))?);
    }
    Ok(vec![Row::new("decision over 50 statements: p99", "µs", samples).promised(P99_US_MAX)])
}

/// From `p50 1.0 us, p99 2.0 us, max 3.0 us`.
fn p99_us(text: &str) -> Option<f64> {
    text.split("p99 ").nth(1)?.split_whitespace().next()?.parse().ok()
}

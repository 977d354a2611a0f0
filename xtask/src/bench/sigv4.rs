//! Checking a signature: `crates/gateway/examples/sigv4_bench.rs`.

use super::report::Row;
use super::{PROFILE, Setup, cargo};
use crate::Result;

const P50_US_MAX: f64 = 6.0;
const ROUNDS: usize = 5;

pub fn run(_: &Setup) -> Result<Vec<Row>> {
    let (mut p50s, mut p99s) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let args = ["run", "--profile", PROFILE, "--quiet", "--package", "gateway", "--example"];
        let output = cargo().args(args).arg("sigv4_bench").output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(format!("sigv4_bench: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let said = |name| number(&text, name).ok_or_else(|| format!("sigv4_bench says {text}"));
        p50s.push(said("p50 ")?);
        p99s.push(said("p99 ")?);
    }
    Ok(vec![
        Row::new("checking a signature: p50", "µs", p50s).promised(P50_US_MAX),
        Row::new("  p99", "µs", p99s),
    ])
}

/// From `p50 1.0 us, p99 2.0 us, max 3.0 us`.
fn number(text: &str, name: &str) -> Option<f64> {
    text.split(name).nth(1)?.split_whitespace().next()?.parse().ok()
}

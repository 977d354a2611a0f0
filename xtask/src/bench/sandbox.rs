//! What a sandbox costs beside a plain process and other tools' namespaces, in the same run:
//! `crates/engine/sandbox/examples/startup.rs`.

use serde_json::Value;

use super::report::{Row, median};
use super::{Setup, cargo};
use crate::Result;

/// From the order until the program runs, milliseconds.
const RUNNING_MS_MAX: f64 = 3.0;
const ROUNDS: &str = "300";
const RUNNING: &str = "sandbox: until its program runs";
const ENDED: &str = "sandbox: until its program has ended";
const PLAIN: &str = "plain process: until it has ended";

pub fn run(_: &Setup) -> Result<Vec<Row>> {
    let args = ["run", "--release", "--quiet", "--package", "sandbox", "--example", "startup"];
    let output = cargo().args(args).args(["--", ROUNDS, "--json"]).output()?;
    if !output.status.success() {
        return Err(format!("startup: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let told = told.as_array().ok_or("startup tells nothing")?.iter();
    let measured: Vec<(String, Vec<f64>)> = told
        .filter_map(|row| {
            let ms = row["ms"].as_array()?.iter().filter_map(Value::as_f64).collect();
            Some((row["name"].as_str()?.to_owned(), ms))
        })
        .collect();
    let plain = measured.iter().find(|(name, _)| name == PLAIN);
    let plain = plain.and_then(|(_, ms)| median(ms)).unwrap_or_default();
    let rows = measured.into_iter().map(|(name, ms)| {
        let row = Row::new(name.clone(), "ms", ms);
        match name.as_str() {
            RUNNING => row.promised(RUNNING_MS_MAX),
            ENDED => row.beside("a plain process", plain),
            _ => row,
        }
    });
    Ok(rows.collect())
}

//! The first invocation of a version that begins from a snapshot of its memory.

use std::process::Command;

use serde_json::{Value, json};

use super::lambda::{ACTIVE_MS_MAX, RUNTIMES, Runtime, call, invoke_at, package};
use super::report::Row;
use super::{Setup, clock};
use crate::Result;

/// Versions of each function; one cold start of each is measured.
const VERSIONS: usize = 5;
/// The first answer of a Java function that is restored, milliseconds.
const RESTORED_MS_MAX: f64 = 75.0;

/// One row for each runtime that may have snapshots, where this machine keeps memory.
pub fn run(setup: &Setup, port: u16) -> Result<Vec<Row>> {
    if let Some(why) = held(setup)? {
        return Ok(vec![Row::skipped("restored from a snapshot", why)]);
    }
    let all = RUNTIMES.iter().filter(|runtime| runtime.name != "python3.11");
    let rows = all.map(|runtime| {
        let name = format!("{}: cold, restored from a snapshot", runtime.name);
        match measure(port, runtime) {
            Ok(samples) => {
                let row = Row::new(name, "ms", samples);
                // What of Java 25 is restored is larger, and was never promised.
                let is_promised = matches!(runtime.name, "java17" | "java21");
                if is_promised { row.promised(RESTORED_MS_MAX) } else { row }
            }
            Err(why) => Row::skipped(name, why.to_string()),
        }
    });
    Ok(rows.collect())
}

/// Why memory is not kept here, if so.
fn held(setup: &Setup) -> Result<Option<String>> {
    let told = Command::new(&setup.binary).args(["--json", "doctor"]).output()?;
    let told: Value = serde_json::from_slice(&told.stdout)?;
    let findings = told["findings"].as_array().cloned().unwrap_or_default();
    let found = findings.iter().find(|finding| finding["name"] == "SnapStart");
    let found = found.and_then(|finding| finding["found"].as_str()).unwrap_or_default();
    Ok((!found.starts_with("memory is kept by ")).then(|| found.to_owned()))
}

fn measure(port: u16, runtime: &Runtime) -> Result<Vec<f64>> {
    let name = format!("bench-snap-{}", runtime.name.replace('.', "-"));
    let input = json!({
        "FunctionName": name,
        "Runtime": runtime.name,
        "Handler": runtime.handler,
        "Role": "arn:aws:iam::000000000000:role/bench",
        "Timeout": 30,
        "MemorySize": 1769,
        "SnapStart": { "ApplyOn": "PublishedVersions" },
        "Code": { "ZipFile": package(runtime)? },
    });
    call(port, ("POST", "/2015-03-31/functions"), input.to_string().as_bytes())?;
    let base = format!("/2015-03-31/functions/{name}");
    wait_until(port, &format!("{base}/configuration"), |c| c["State"] == "Active")?;
    let mut samples = Vec::new();
    for n in 1..=VERSIONS {
        // A version that differs from the last one in its description alone would be none.
        let change = json!({ "Timeout": 30 + n }).to_string();
        call(port, ("PUT", &format!("{base}/configuration")), change.as_bytes())?;
        let settled = |c: &Value| c["LastUpdateStatus"] == "Successful";
        wait_until(port, &format!("{base}/configuration"), settled)?;
        call(port, ("POST", &format!("{base}/versions")), b"{}")?;
        let version = format!("{base}/configuration?Qualifier={n}");
        wait_until(port, &version, |c| c["State"] == "Active")?;
        samples.push(invoke_at(port, &format!("{base}/invocations?Qualifier={n}"))?);
    }
    Ok(samples)
}

fn wait_until(port: u16, path: &str, is: impl Fn(&Value) -> bool) -> Result<()> {
    let watch = clock::start();
    while clock::ms_since(watch) < ACTIVE_MS_MAX {
        let configuration: Value = serde_json::from_slice(&call(port, ("GET", path), b"")?.body)?;
        if is(&configuration) {
            return Ok(());
        }
        clock::pause(std::time::Duration::from_millis(10));
    }
    Err(format!("{path} does not become ready").into())
}

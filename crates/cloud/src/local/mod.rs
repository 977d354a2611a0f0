//! `gureum local`: the functions of a SAM or CloudFormation template, run from their folders.

mod api;
pub mod args;
mod debug;
mod events;
pub mod folder;
pub mod host;
mod invoke;
mod lambda;
pub mod project;
mod runtimes;
mod serve;
mod watching;

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use service_lambda::Lines;

use crate::Failure;
use args::{Common, Local};

/// Runs one of its commands.
pub fn run(local: Local) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match local {
            Local::Invoke(invoke) => invoke::invoke(invoke).await,
            Local::StartApi(start) => api::start(start).await,
            Local::StartLambda(start) => lambda::start(start).await,
            Local::GenerateEvent { words } => events::generate(&words).map(|()| ExitCode::SUCCESS),
        }
    })
}

/// Where the functions' lines go.
fn lines(common: &Common) -> Result<Lines, Failure> {
    let Some(path) = &common.log_file else {
        return Ok(Arc::new(|_, line| eprintln!("{line}")));
    };
    let file = OpenOptions::new().create(true).append(true).open(path);
    let file: Mutex<File> = Mutex::new(file.map_err(|e| Failure::of(path.display(), e))?);
    Ok(Arc::new(move |_, line| {
        if let Ok(mut file) = file.lock() {
            // A full disk must not stop the function; nobody is left to tell.
            let _ = writeln!(file, "{line}");
        }
    }))
}

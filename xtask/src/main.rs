//! Project automation: `cargo xtask COMMAND`.

mod access;
mod bench;
mod codegen;
mod model_update;
mod names;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  codegen [--check]      write crates/api/* from models/ (offline); --check only compares
  model-update [WHEEL]   refresh models/botocore/*.json from the wheel pinned in models/botocore.lock
  tidy                   rules no compiler checks: layering, file length, banned words
  bench [NAME…]          measure what SPECIFICATION.md promises";

/// Anything that stops a command, already worded for the person at the terminal.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["codegen"] => codegen::run(false),
        ["codegen", "--check"] => codegen::run(true),
        ["model-update"] => model_update::run(None),
        ["model-update", wheel] => model_update::run(Some(Path::new(wheel))),
        ["tidy"] => tidy::run(),
        ["bench", names @ ..] => bench::run(names),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root").to_owned()
}
